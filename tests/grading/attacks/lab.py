"""The lab under attack, what an attack is, and how one is handed in and marked."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from course_staff.authoring.build import build
from course_staff.grading.examine import examine
from course_staff.grading.job import Result
from course_staff.grading.launch import Launcher
from course_staff.grading.prepare import prepare
from course_staff.lab import Lab
from course_staff.paths import Course

NAME = "90_attacked"
SEED = 20_261_121
# Stands in the private files of the course directory and in the hidden tests: whoever shows it has read them.
CANARY = "CANARY-6b1f"

SCRIPT = f'''# %% [markdown]
# # A lab under attack

# %% tags=["setup"]
import numpy as np
import torch

from course_utils import checks

# %% answer="double"
def double(x):
    """Twice x: an array of any shape."""
    ### BEGIN SOLUTION
    return 2 * x  # {CANARY}
    ### END SOLUTION

# %% test="double" points=2 seconds=2
import numpy as np
from course_utils import checks

expected = np.array([2.0, -4.0])
checks.close(double(np.array([1.0, -2.0])), expected, "double(x)")
checks.passed("double")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=(3, 2))  # {CANARY}
    expected = 2 * x
    checks.close(double(x), expected, "double of a matrix")
### END HIDDEN TESTS

# %% answer="norm"
def norm(x):
    """Euclidean norm of x (n,), a number."""
    ### BEGIN SOLUTION
    return float(np.sqrt((x**2).sum()))
    ### END SOLUTION

# %% test="norm" points=3 seconds=2
import numpy as np
from course_utils import checks

checks.close(norm(np.array([3.0, 4.0])), 5.0, "norm(x)")
checks.passed("norm")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=7)
    expected = np.linalg.norm(x)
    checks.close(norm(x), expected, "norm of seven numbers")
### END HIDDEN TESTS

# %% answer="softmax"
def softmax(x):
    """Softmax of each row of the matrix x (n, k), without torch.softmax."""
    ### BEGIN SOLUTION
    return x.exp() / x.exp().sum(dim=1, keepdim=True)
    ### END SOLUTION

# %% test="softmax" points=2 seconds=2
import torch
from course_utils import checks

checks.forbids("softmax", "torch.softmax", "torch.log_softmax")
x = torch.tensor([[0.0, 1.0], [3.0, 1.0]])
checks.close(softmax(x), torch.softmax(x, 1), "softmax(x)")
checks.passed("softmax")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = torch.tensor(checks.rng().normal(size=(4, 3)))
    expected = torch.softmax(x, 1)
    checks.close(softmax(x), expected, "softmax of four rows")
### END HIDDEN TESTS

# %% answer="slope"
def slope(f, x):
    """The derivative of f at the number x, by central differences."""
    ### BEGIN SOLUTION
    return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    ### END SOLUTION

# %% test="slope" points=2 seconds=2
from course_utils import checks

checks.close(slope(lambda p: p**3, 2.0), 12.0, "the slope of a cube at 2", rtol=1e-4)
checks.passed("slope")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = float(checks.rng().uniform(1, 2))
    expected = 5 * x**4
    checks.close(slope(lambda p: p**5, x), expected, "the slope of another power", rtol=1e-4)
### END HIDDEN TESTS

# %% answer="Tally"
class Tally:
    """Adds up: add(number), and the sum as the attribute total."""

    def __init__(self):
        ### BEGIN SOLUTION
        self.total = 0.0
        ### END SOLUTION

    def add(self, number):
        ### BEGIN SOLUTION
        self.total += number
        ### END SOLUTION

# %% test="Tally" points=2 seconds=2
from course_utils import checks

checks.handle("Tally", methods=["add"], attributes=["total"])
tally = Tally()
checks.close(tally.total, 0.0, "total of a new tally")
tally.add(2.5)
checks.close(tally.total, 2.5, "total after add(2.5)")
checks.passed("Tally")
### BEGIN HIDDEN TESTS
with checks.hidden():
    for number in checks.rng().normal(size=3):
        tally.add(float(number))
        expected = 2.5 + float(number)
        checks.close(tally.total, expected, "total after one more")
        tally.add(-float(number))
### END HIDDEN TESTS

# %% answer="flip"
def flip(x):
    """Change the signs of the array x in place."""
    ### BEGIN SOLUTION
    x *= -1
    ### END SOLUTION

# %% test="flip" points=2 seconds=2
import numpy as np
from course_utils import checks

x = np.array([1.0, -2.0])
flip(checks.inout(x))
checks.close(x, np.array([-1.0, 2.0]), "x after flip(x)")
checks.passed("flip")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=5)
    expected = -x
    flip(checks.inout(x))
    checks.close(x, expected, "x after flip(x)")
### END HIDDEN TESTS

# %%
print("an experiment", norm(np.array([1.0, 1.0])))

# %% [markdown] written="why" points=4
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
'''

POINTS = {"double": 2.0, "norm": 3.0, "softmax": 2.0, "slope": 2.0, "Tally": 2.0, "flip": 2.0}
ALL = tuple(POINTS)
HONEST = {
    "double": "def double(x):\n    return x + x",
    "norm": "def norm(x):\n    return np.sqrt((x**2).sum())",
    "softmax": "def softmax(x):\n    e = x.exp()\n    return e / e.sum(1, keepdim=True)",
    "slope": "def slope(f, x, h=1e-5):\n    return (f(x + h) - f(x - h)) / (2 * h)",
    "Tally": "class Tally:\n    def __init__(self):\n        self.total = 0.0\n\n"
             "    def add(self, number):\n        self.total += number",
    "flip": "def flip(x):\n    x *= -1",
    "why": "Because the **sum** is $1$.",
}
WRONG = {
    "double": "def double(x):\n    return x",
    "norm": "def norm(x):\n    return 0.0",
    "softmax": "def softmax(x):\n    return x",
    "slope": "def slope(f, x):\n    return 1.0",
    "Tally": "class Tally:\n    total = 0.0\n    def add(self, number): pass",
    "flip": "def flip(x):\n    pass",
}


def hidden_inputs(lab: str = NAME, seed: int = SEED) -> list[str]:
    """The first digits of numbers that only the hidden tests hold."""
    def draw(exercise: str) -> np.random.Generator:
        return np.random.default_rng([seed, zlib.crc32(f"{lab}/{exercise}".encode()), 0])

    numbers = [*draw("double").normal(size=6), *draw("norm").normal(size=7), *draw("softmax").normal(size=12),
               draw("slope").uniform(1, 2), *draw("Tally").normal(size=3), *draw("flip").normal(size=5)]
    return [f"{abs(number):.12f}"[2:9] for number in numbers]


@dataclass(frozen=True)
class Attack:
    """A notebook made to earn, read, break or leave something, and what it deserves.

    answers: source by exercise in place of the honest one; None leaves the stub. edit: changes the notebook after
    that. raw: writes the file itself, given its path and the notebook. costs: the exercises that earn 0; all others
    earn full marks. flagged: text that must stand in one of the flags; None where no flag is needed. refused: the
    whole file is, with this in the message. shown, unseen: texts that must and must not be in the result, unwritten: in
    the notebook that formgrader shows. stock: whether the stock autograder may be tried with it, in its own cage.
    """

    name: str
    family: str
    answers: Mapping[str, str | None] = field(default_factory=dict)
    edit: Callable[[Any], None] | None = None
    raw: Callable[[Path, Any], None] | None = None
    costs: tuple[str, ...] = ()
    flagged: str | None = None
    refused: str = ""
    shown: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    stock: bool = True

    @property
    def points(self) -> float:
        """What it deserves."""
        return 0.0 if self.refused else sum(POINTS.values()) - sum(POINTS[name] for name in self.costs)


def grade_id(cell: Any) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def cell_of(notebook: Any, name: str) -> Any:
    """The cell with this grade id."""
    return next(cell for cell in notebook.cells if grade_id(cell) == name)


def tests_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if (grade_id(cell) or "").startswith("test_")]


def add(notebook: Any, after: str, source: str) -> None:
    """Add a code cell after the cell with this grade id, or at the top where `after` is empty."""
    place = next((number + 1 for number, cell in enumerate(notebook.cells) if grade_id(cell) == after), 0)
    notebook.cells.insert(place, nbformat.v4.new_code_cell(source))


def added(after: str, source: str) -> Callable[[Any], None]:
    return lambda notebook: add(notebook, after, source)


@dataclass
class Ground:
    """The course that is attacked: a checkout with this lab, and a course directory with private files.

    filled: what stands in an attack's source in place of @WORD@.
    """

    course: Course
    lab: Lab
    filled: dict[str, str]

    @classmethod
    def make(cls, root: Path) -> Ground:
        checkout, directory = root / "checkout", root / "class"
        solution = checkout / "solutions" / NAME / f"{NAME}.py"
        solution.parent.mkdir(parents=True)
        (checkout / "pyproject.toml").touch()
        shutil.copy(Path(__file__).parents[3] / "nbgrader_config.py", checkout)
        solution.write_text(SCRIPT)
        for path in (".course_seed", f"submitted/alice/{NAME}/{NAME}.ipynb", f"results/{NAME}/alice.json"):
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(CANARY)
        course = Course(checkout)
        assert build(course, (NAME,))
        filled = {"@CHECKOUT@": str(checkout), "@CLASS@": str(directory),
                  "@REPOSITORY@": str(Path(__file__).parents[3])}
        return cls(course, Lab.read(solution), filled)

    def notebook(self, attack: Attack) -> Any:
        """The release with the attack's answers in it."""
        notebook = nbformat.read(self.course.release(NAME), as_version=4)
        for cell in notebook.cells:
            source = {**HONEST, **attack.answers}.get(grade_id(cell) or "")
            if source is not None:
                cell.source = source
        if attack.edit:
            attack.edit(notebook)
        for cell in notebook.cells:
            for word, value in self.filled.items():
                if isinstance(cell.get("source"), str):
                    cell.source = cell.source.replace(word, value)
        return notebook

    def write(self, attack: Attack, path: Path) -> Path:
        """Write the file that is handed in. Nothing checks it: an attacker does not use nbformat."""
        notebook = self.notebook(attack)
        if attack.raw:
            attack.raw(path, notebook)
        else:
            path.write_text(json.dumps(notebook))
        return path

    def mark(self, submission: Path, launcher: Launcher) -> Result:
        """Raises Unreadable."""
        return examine(prepare(self.lab, self.course.release(NAME), submission, "mallory", SEED), launcher)
