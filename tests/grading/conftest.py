"""A warm candidate for the session, and a fresh copy of it for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from course_staff.authoring.build import build
from course_staff.grading.connection import Connection
from course_staff.grading.examine import examine, run_cell
from course_staff.grading.job import Result
from course_staff.grading.launch import Launcher, PlainProcess
from course_staff.grading.prepare import prepare
from course_staff.grading.proxies import Remote
from course_staff.grading.sandbox import NoSandbox, Sandbox
from course_staff.lab import Lab
from course_staff.paths import Course
from course_utils.checks.world import world


@pytest.fixture(scope="session")
def warm() -> Iterator[Connection]:
    connection = PlainProcess().start()
    yield connection
    connection.close()
    connection.place.end()


@pytest.fixture(scope="session")
def caged_launcher() -> Sandbox:
    """The sandbox. In CI a machine without one is a failure."""
    launcher = Sandbox()
    try:
        launcher.check()
    except NoSandbox as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error).splitlines()[0])
    return launcher


@pytest.fixture
def connection(warm: Connection) -> Iterator[Connection]:
    fork = warm.fork()
    yield fork
    fork.close()


@dataclass
class Student:
    """The student's side: run source in it, get names from it, with the checks pointed at it."""

    connection: Connection
    seconds: float = 20.0
    megabytes: float = 64.0

    @contextmanager
    def notebook(self, source: str, *names: str, seed: int = 1) -> Iterator[list]:
        error = run_cell(self.connection, source, self.seconds)["error"]
        assert not error, error
        remote = Remote(self.connection, seconds=self.seconds, seed=(seed,), sources=[source], megabytes=self.megabytes)
        with world(remote):
            found = remote.resolve(names)
            yield [*(found[name] for name in names), remote]


@pytest.fixture
def student(connection: Connection) -> Student:
    return Student(connection)


@dataclass
class Copies:
    """Starts candidates by copying a warm one: a cold start takes seconds."""

    warm: Connection
    name: str = "none"

    def check(self) -> None: ...

    def start(self, cpu_used: float = 0.0) -> Connection:
        copy = self.warm.fork()
        copy.place = Elsewhere()
        return copy


class Elsewhere:
    """The place of such a copy: it goes on when the copy has ended."""

    cpu = memory = 0.0

    def why(self) -> str:
        return ""

    def processes(self) -> int:
        return 0

    def kill_all_but(self, spare: set[int]) -> None: ...

    def end(self) -> None: ...


@dataclass
class MiniLab:
    """A made-up lab with two exercises and a written answer, built as a real one is."""

    course: Course
    lab: Lab
    launcher: Launcher

    @property
    def release(self) -> Path:
        return self.course.release(self.lab.name)

    def examine(self, submission: Path, seed: int = 0) -> Result:
        return examine(prepare(self.lab, self.release, submission, "someone", seed=seed), self.launcher)


MINI_LAB = '''# %% [markdown]
# # Mini lab

# %% tags=["setup"]
import numpy as np
import torch

from course_utils import checks

# %% answer="double"
def double(x):
    """Twice x: an array of any shape."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% test="double" points=2
import numpy as np
from course_utils import checks

x = np.array([1.0, -2.0])
expected = np.array([2.0, -4.0])
checks.close(double(x), expected, "double(x)")
checks.passed("double")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=(3, 2))
    checks.close(double(x), 2 * x, "double of a matrix")
### END HIDDEN TESTS

# %% answer="norm"
def norm(x):
    """Euclidean norm of x (n,), a number."""
    ### BEGIN SOLUTION
    return float(np.sqrt((x**2).sum()))
    ### END SOLUTION

# %% test="norm" points=3 seconds=3
import numpy as np
from course_utils import checks

expected = 5.0
checks.close(norm(np.array([3.0, 4.0])), expected, "norm(x)")
checks.passed("norm")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng(1).normal(size=7)
    expected = np.linalg.norm(x)
    checks.close(norm(x), expected, "norm of seven numbers")
### END HIDDEN TESTS

# %%
print("an experiment", norm(np.array([1.0, 1.0])))

# %% [markdown] written="why" points=4
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
'''


def make_lab(root: Path, name: str, script: str, warm: Connection) -> MiniLab:
    """Write a lab's script into an empty course and build it."""
    (root / "pyproject.toml").write_text("")
    shutil.copy(Path(__file__).parents[2] / "nbgrader_config.py", root)
    course = Course(root)
    course.solution(name).parent.mkdir(parents=True)
    course.solution(name).write_text(script)
    assert build(course, (name,))
    return MiniLab(course, Lab.read(course.solution(name)), Copies(warm))


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory, warm: Connection) -> MiniLab:
    return make_lab(tmp_path_factory.mktemp("course"), "90_mini", MINI_LAB, warm)


@pytest.fixture
def hand_in(mini: MiniLab, tmp_path: Path) -> Callable[..., Path]:
    """Write a submission: the release with answers put in (exercise=source), then changed by `edit`."""
    import nbformat

    def write(edit: Callable | None = None, **answers: str) -> Path:
        notebook = nbformat.read(mini.release, as_version=4)
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in answers:
                cell.source = answers[grade_id]
        if edit:
            edit(notebook)
        path = tmp_path / "90_mini.ipynb"
        nbformat.write(notebook, path)
        return path

    return write


