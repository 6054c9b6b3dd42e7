"""The course with the oldest versions that pyproject.toml claims, all of them together."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.environments.conftest import ROOT, call

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("lab", "staff")
CHOSEN = "02_backprop"  # one lecture and one lab, with explorers, autograd and a custom check

pytestmark = [pytest.mark.environments, pytest.mark.timeout(7200)]


def oldest() -> list[str]:
    """Each lower bound of the core and of the extras as an exact version; an extra may ask for more than the core."""
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra])]
    wanted = {found.name: next(iter(found.specifier)).version for found in map(Requirement, lines)
              if found.name != PROJECT["name"]}
    return [f"{name}=={version}" for name, version in wanted.items()]


@pytest.fixture(scope="module")
def python(environment: Callable[[str, list[str]], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with these versions, any pytest, and the course of this checkout."""
    python = environment("oldest", [*oldest(), "pytest", "pytest-timeout", "pytest-xdist"])
    source = tmp_path_factory.mktemp("source")  # setuptools leaves folders beside what it builds
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source / name)
    for name in ("course_utils", "course_staff"):
        shutil.copytree(ROOT / name, source / name)
    call(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", source, cwd=source)
    return python


def test_pip_installed_exactly_the_lower_bounds(python: Path) -> None:
    frozen = call(python, "-m", "pip", "list", "--format=freeze", cwd=ROOT).lower().replace("_", "-").splitlines()
    installed = dict(line.split("==") for line in frozen if "==" in line)
    for line in oldest():
        name, version = line.lower().split("==")
        assert installed[name].split("+")[0].startswith(version), line


@pytest.mark.parametrize("chosen", [
    ["tests/course_utils"],
    ["tests/test_notebooks.py", "-k", f"{CHOSEN} and not released"],
    ["tests/test_notebooks.py", "-k", f"{CHOSEN} and released"],
], ids=["course_utils", "lecture and solution", "released lab"])
def test_the_tests_pass_with_them(python: Path, chosen: list[str]) -> None:
    said = call(python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *chosen, cwd=ROOT,
                COURSE_UNCONSTRAINED="1", COLUMNS="140")  # old tqdm asks for the width of a terminal where there is none
    assert " passed" in said and " failed" not in said
