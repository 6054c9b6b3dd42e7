"""The project's own files agree with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_staff.paths import Course

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements() -> list[Requirement]:
    """Every direct dependency, of the core and of each extra, the project's own extras resolved away."""
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return [found for found in map(Requirement, lines) if found.name != PROJECT["name"]]


def constraints() -> dict[str, Version]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(r"([\w.-]+)==([\w.]+)", line)
            assert found, f"constraints.txt: {line!r} is no exact version of a registry's package"
            pins[canonicalize_name(found[1])] = Version(found[2])
    return pins


def test_constraints_pin_every_direct_dependency_within_its_range() -> None:
    pins = constraints()
    docs = {Requirement(line).name for line in PROJECT["optional-dependencies"]["docs"]} - {PROJECT["name"]}
    for wanted in requirements():
        pinned = pins.get(canonicalize_name(wanted.name))
        if pinned is None and wanted.name in docs:
            continue  # the web book is not built in CI
        assert pinned is not None, f"{wanted.name} is in pyproject.toml but not in constraints.txt"
        assert pinned in wanted.specifier, f"{wanted} but constraints.txt has {pinned}"


def test_the_tests_run_with_the_constrained_versions() -> None:
    """What CI tests is what constraints.txt says."""
    pins = constraints()
    if os.environ.get("COURSE_UNCONSTRAINED"):
        pytest.skip("COURSE_UNCONSTRAINED: this environment is meant to differ from constraints.txt")
    differing = {}
    for wanted in requirements():
        name = canonicalize_name(wanted.name)
        if name in pins:
            installed = Version(metadata.version(name))
            if Version(installed.public) != pins[name]:
                differing[name] = f"{installed} installed, {pins[name]} in constraints.txt"
    assert not differing


def test_core_dependencies_have_only_lower_bounds() -> None:
    """Colab's own versions must satisfy them."""
    for line in PROJECT["dependencies"]:
        assert {part.operator for part in Requirement(line).specifier} == {">="}, line


def test_environment_yml_names_nothing_that_pyproject_does_not() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert set(environment) == {"name", "channels", "dependencies"}
    conda = [item for item in environment["dependencies"] if isinstance(item, str)]
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert {re.split("[=<> ]", item)[0] for item in conda} == {"python", "pip", "make"}
    python = next(item for item in conda if item.startswith("python"))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert pip == ["--constraint constraints.txt", "--editable .[staff]"]
    assert "staff" in PROJECT["optional-dependencies"]


def test_licences() -> None:
    assert PROJECT["license-files"] == ["LICENSE", "LICENSE-TEXT"]
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert "CC-BY-4.0" in (ROOT / "LICENSE-TEXT").read_text()
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"


def test_every_command_of_the_makefile_exists() -> None:
    shown = subprocess.run(["make", "-n", "-W", "pyproject.toml", "demo", "test", "lab", "build"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout
    for tool in ("ruff check", "mypy", "course build --check", "pytest", "python -m course_staff.demo", "jupyter lab"):
        assert f".venv/bin/{tool}" in shown
    assert shown.index(".[dev]") < shown.index("course_staff.demo"), "demo sets itself up"


def test_a_python_that_is_too_old_is_refused_clearly(tmp_path: Path) -> None:
    """Where no Python 3.11 is found, `make` says so before it does anything."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "test", "touch", "id"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    done = subprocess.run(["make", "setup"], cwd=tmp_path, env={"PATH": str(tools)}, text=True, capture_output=True)
    assert done.returncode != 0
    assert "No Python 3.11 or newer found" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert re.search(r"^make test( |$)", script.read_text(), re.MULTILINE)


def test_what_holds_personal_data_is_ignored_by_git() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    kept = ["labs/02_backprop/02_backprop.ipynb", "solutions/02_backprop/02_backprop.py", "lectures/02_backprop.ipynb"]
    left_out = [".venv/x", "gradebook.db", "submitted/anna/02_backprop/x.ipynb", "autograded/x", "feedback/x",
                "labs/02_backprop/.ipynb_checkpoints/x.ipynb", "course_utils/__pycache__/x.pyc", "build/x"]
    command = ["git", "check-ignore", "--no-index", *kept, *left_out]
    asked = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert asked.stdout.split() == left_out


def test_every_notebook_has_a_script_and_every_lab_its_parts() -> None:
    course = Course(ROOT)
    for module in course.labs:
        assert course.mistakes(module).is_file(), f"{module} has no tests/mistakes/{module}.py"
        assert course.release(module).is_file(), f"{module} was not released: course build"
        assert course.lecture(module).is_file(), f"{module} has no lecture"
        json.loads(course.release(module).read_text())


def test_no_file_names_a_folder_of_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    home = re.compile(re.escape(str(ROOT)) + r"\b|/(?:home|Users)/[a-z]\w+/")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in (".py", ".md", ".ipynb", ".toml", ".yml", ".txt", ""):
            found = home.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name} names {found[0]}"


@pytest.mark.parametrize("ask", [
    "import urllib.request; urllib.request.urlopen('http://example.org', timeout=5)",
    "import socket; socket.create_connection(('93.184.216.34', 80), timeout=5)",
])
def test_the_tests_cannot_reach_the_network(ask: str) -> None:
    """Neither this process nor its children; this machine itself stays reachable."""
    with pytest.raises(OSError, match="without a network"):
        exec(ask)
    child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert "tests run without a network" in child.stderr
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.parametrize(("name", "command", "starts"), [
    ("test", ".ci/run", {"push", "pull_request", "workflow_dispatch"}),
    ("environments", "make environments", {"schedule", "workflow_dispatch"}),
])
def test_the_workflows_run_what_the_makefile_has(name: str, command: str, starts: set[str]) -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    assert set(workflow[True]) == starts  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert set(job) <= {"runs-on", "timeout-minutes", "container", "env", "steps"}
    version = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if "CPython" in line)
    assert job["container"]["image"].removeprefix("python:").split("-")[0] in version
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]), "a pinned major version of GitHub's own"
        else:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)
    assert job["steps"][-1]["run"] == command
    if command.startswith("make "):
        assert re.search(rf"^{command.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_what_takes_minutes_is_left_out_of_make_test_and_not_forgotten() -> None:
    """The tests in tests/environments run by `make environments` alone."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["addopts"][-2:] == ["-m", "not environments"]
    for path in (ROOT / "tests" / "environments").glob("test_*.py"):
        assert "pytest.mark.environments" in path.read_text(), path.name
    shown = subprocess.run(["make", "-n", "environments"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    assert "pytest -m environments tests/environments" in shown


def test_another_index_can_be_named_for_the_installation() -> None:
    command = ["make", "-n", "-W", "pyproject.toml", "setup", "INDEX=https://index.example/cpu"]
    shown = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    assert "--extra-index-url https://index.example/cpu -e '.[dev]'" in shown
    assert "extra-index" not in subprocess.run(command[:-1], cwd=ROOT, text=True, capture_output=True).stdout
