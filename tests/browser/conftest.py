"""A real JupyterLab server and a real Chromium, for tests that do what a person does.

Fixtures (module scope where not said otherwise, so that a test file starts one server and one browser):

- `browser`: Debian's Chromium under Playwright. Without one the tests are skipped, and fail where CI is set.
- `page` (one for each test): an empty page, 1400 × 1000. At the end of the test its console must be free of errors
  other than those of `HARMLESS`, and it must have asked no other machine for anything; `page` waits 60 s for anything.
- `jupyterlab`: a function. `jupyterlab(folder)` starts JupyterLab on `folder` as `make lab` does and returns a
  `Server`, whose `url("lab/tree/labs/x.ipynb")` opens without asking for a token. All servers end with the module.
- `student_folder`: what a student has, a copy of the course's folder with the labs and the lectures in it.
- `shot` (one for each test): `shot(page, "name")` writes a PNG into the folder that COURSE_SHOTS names; no more than
  that, and nothing where it is unset.

The helper for notebooks is in tests/browser/notebook.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "only-for-tests"
SECONDS = 60  # a loaded machine with two cores may take long for anything
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Errors on the console that say nothing about this course, each with its reason.
HARMLESS = (
    # nbgrader's page for one submission, and nothing else here, loads MathJax from the web: without a network its
    # formulas stay as they were typed.
    r"cdnjs\.cloudflare\.com/ajax/libs/mathjax/2",
    r"not caught: MathJax is not defined",
)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab. `folder` is its root, `environment` what its processes were started with."""

    base: str
    folder: Path
    log: Path

    def url(self, path: str = "lab") -> str:
        """The address of a page of this server, with the token in it."""
        return f"{self.base}{path}?token={TOKEN}"


def chromium() -> str | None:
    """The path of a browser that Playwright can drive."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    executable = chromium()
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError as error:
        executable, reason = None, f"{error}: pip install -e '.[dev]' installs it"
    else:
        reason = "no Chromium: on Debian `apt-get install chromium`"
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=SECONDS * 1000)
    # One for each module and not for the session: while Playwright runs, its event loop is the thread's running loop,
    # and nbclient's tests need their own.
    with sync_playwright() as playwright:
        # No network, this machine excepted.
        browser = playwright.chromium.launch(executable_path=executable,
                                             args=["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, tmp_path) -> Iterator:
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, service_workers="block")
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    problems: list[str] = []
    watch(page, problems)
    context.on("page", lambda other: watch(other, problems))
    yield page
    context.close()
    assert not problems, "\n".join(["On the console, or asked of other machines:", *problems])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a test that failed had on the screen: a picture, and its text in the report."""
    report = yield
    page = item.funcargs.get("page") if call.when == "call" and report.failed else None
    if page is not None:
        picture = item.funcargs["tmp_path"] / "failed.png"
        try:
            page.screenshot(path=str(picture))
            text = "\n".join(frame.locator("body").inner_text(timeout=5000)[:1500] for frame in page.frames)
        except Exception as error:  # a page that is gone must not hide why
            text = f"{type(error).__name__}: {error}"
        report.sections.append(("the page", f"{page.url}\n{picture}\n{text}"))
    return report


def watch(page, problems: list[str]) -> None:
    """Collect what must not happen in a page: errors on its console, and requests to other machines."""
    def note(text: str) -> None:
        if not any(re.search(pattern, text) for pattern in HARMLESS):
            problems.append(text)

    def of_console(message) -> None:
        if message.type == "error":
            note(f"{message.text} ({message.location.get('url', '')})")

    def of_request(request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            note(f"asked another machine: {request.url}")

    page.on("console", of_console)
    page.on("pageerror", lambda error: note(f"not caught: {error}"))
    page.on("request", of_request)


@pytest.fixture(scope="module")
def student_folder(tmp_path_factory) -> Path:
    """What `make lab` needs, the labs and the lectures."""
    folder = tmp_path_factory.mktemp("student") / "course"
    folder.mkdir()
    for name in ("labs", "lectures", ".jupyter"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "*.py"))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory) -> Iterator[Callable[[Path], Server]]:
    servers = []

    def start(folder: Path) -> Server:
        home = tmp_path_factory.mktemp("jupyter")
        server, process = start_server(folder, home)
        servers.append(process)
        return server

    yield start
    for process in servers:
        stop_server(process)


def start_server(folder: Path, home: Path) -> tuple[Server, psutil.Process]:
    """JupyterLab on `folder`, with settings of nobody: a folder with a Makefile by `make lab`, others by its command.

    home: an empty folder for settings, workspaces and the log.
    """
    runtime, log = home / "runtime", home / "server.log"
    options = ["--no-browser", "--port=0", f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    environment["JUPYTER_CONFIG_PATH"] = str(ROOT / ".jupyter")  # a class has none, and would be asked about news
    if (folder / "Makefile").is_file():
        ready = home / "ready"
        ready.touch()  # newer than what it depends on: nothing is installed
        command = ["make", "lab", f"BIN={Path(sys.executable).parent}", f"READY={ready}",
                   f"LAB_ARGS={' '.join(options)}"]
    else:
        command = [sys.executable, "-m", "jupyter", "lab", *options, *(["--allow-root"] if os.geteuid() == 0 else [])]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 3 * SECONDS
    while True:
        for found in runtime.glob("jpserver-*.json"):
            try:
                facts = json.loads(found.read_text())
                with urllib.request.urlopen(f"{facts['url']}api/status?token={TOKEN}", timeout=10):
                    server = Server(facts["url"].replace("localhost", "127.0.0.1"), folder, log)
                    return server, psutil.Process(facts["pid"])
            except (OSError, ValueError):
                pass  # half written, or not listening yet
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


def stop_server(process: psutil.Process) -> None:
    """End the server as a person would, so that it ends its kernels."""
    try:
        children = process.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
    for child in psutil.wait_procs(children, timeout=10)[1]:
        child.kill()


def course(*words: str | Path, status: int = 0, cwd: Path | None = None) -> str:
    """What the command `course` says to somebody who types it in the folder `cwd`, its lines joined."""
    command = [str(Path(sys.executable).with_name("course")), *map(str, words)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=5 * SECONDS)
    assert done.returncode == status and not done.stderr, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture
def shot() -> Callable[..., None]:
    folder = os.environ.get("COURSE_SHOTS")

    def take(page, name: str, **options) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"), **options)

    return take
