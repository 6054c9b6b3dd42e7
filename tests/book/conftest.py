"""The book and the slides, built once for all tests of a run.

All lectures are executed for it, by the cache of `make docs`: the checks are about figures, their text alternatives and
wide outputs, which two lectures would not show. On a clean clone that takes four minutes of one worker.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import browser  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
BOOK = ROOT / "docs" / "book"
sys.path.insert(0, str(BOOK))

import vendor  # noqa: E402 - docs/book is no package


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder build/, with what `make docs` and `make slides` write. Packages of npm are fetched first, with the
    network; then everything is built without it."""
    run = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        run = run.parent  # of all workers
    BUILD.mkdir(exist_ok=True)
    with (run / "book.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run / "book.done").exists():
            online = os.environ | {"PYTHONPATH": str(BOOK)}
            script = ("import pathlib, sys, vendor\n"
                      "for name in vendor.PACKAGES: vendor.fetch(name, pathlib.Path(sys.argv[1]))")
            fetched = subprocess.run([sys.executable, "-c", script, BUILD / "book" / "vendor"], env=online,
                                     capture_output=True, text=True)
            if fetched.returncode:
                if "URLError" in fetched.stderr and not os.environ.get("CI"):
                    pytest.skip("the registry of npm cannot be reached")
                pytest.fail(fetched.stderr)
            for what in ("html", "slides"):
                made = subprocess.run([sys.executable, BOOK / "build.py", what], capture_output=True, text=True)
                assert made.returncode == 0, f"{what}:\n{made.stdout}\n{made.stderr}"
            (run / "book.done").touch()
    return BUILD


@pytest.fixture(scope="session")
def site(built: Path) -> Path:
    return built / "book" / "html"


@pytest.fixture(scope="session")
def axe(built: Path) -> str:
    """The source of axe-core."""
    return (vendor.fetch("axe-core", built / "book" / "vendor") / "axe.min.js").read_text(encoding="utf-8")
