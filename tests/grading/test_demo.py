"""`make demo` on a made-up lab, and that its claims can fail."""

from __future__ import annotations

import copy
import dataclasses
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from course_staff import demo
from course_staff.grading.marks import Mark, Row
from course_staff.lab import Lab
from course_staff.paths import Course

NAME = "90_mini"
MISTAKES = '''\
# %% mistake="double" slip="squared, not doubled" says="double"
def double(x):
    return x * x

# %% alternative="double" note="a sum"
def double(x):
    return x + x

# %% mistake="norm" slip="no root" says="Not as expected"
def norm(x):
    return float((x * x).sum())

# %% alternative="norm" note="NumPy's own"
def norm(x):
    return np.linalg.norm(x)
'''


@dataclasses.dataclass
class Shown:
    """What one run of the demo left."""

    course: Course
    lab: Lab
    directory: Path
    members: list[demo.Member]
    wrong: list[str]
    text: str
    rows: list[Row] = dataclasses.field(default_factory=list)
    results: dict[str, Any] = dataclasses.field(default_factory=dict)

    def broken(self) -> str:
        return "\n".join(demo.broken_claims(self.lab, self.members, self.rows, self.results))


@pytest.fixture(scope="module")
def run_once(mini: Any, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(mini.course.root, root, dirs_exist_ok=True)
    (root / "tests" / "mistakes").mkdir(parents=True)
    (root / "tests" / "mistakes" / f"{NAME}.py").write_text(MISTAKES)
    course, screen, rows = Course(root), Console(file=io.StringIO(), width=120, highlight=False), []
    real = demo.run.mark

    def mark(*arguments: Any, **options: Any) -> list[Row]:
        rows.extend(real(*arguments, **options))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo.run, "mark", mark)
        wrong = demo.demo(course, [NAME], root / "build" / "demo", screen)
    lab = Lab.read(course.solution(NAME))
    members = demo.the_class(lab, course)
    assert isinstance(screen.file, io.StringIO)
    return Shown(course, lab, root / "build" / "demo", members, wrong, screen.file.getvalue(), rows,
                 {member.name: demo._result(root / "build" / "demo", NAME, member.name) for member in members})


@pytest.fixture
def shown(run_once: Shown) -> Shown:
    return copy.deepcopy(run_once)


def test_every_claim_holds(shown: Shown) -> None:
    assert shown.wrong == [] and shown.broken() == ""
    assert "Checked: the reference" in shown.text


def test_the_screen_shows_the_table_the_messages_and_the_path(shown: Shown) -> None:
    for member in shown.members:
        assert member.name in shown.text
        for slip in member.mistakes:
            assert slip.label in shown.text
    assert str(shown.directory) in shown.text and (shown.directory / "grades.csv").is_file()
    assert "Not as expected: double(x)." in shown.text


def test_the_class_holds_everyone(shown: Shown) -> None:
    lost = {member.story: member.lost for member in shown.members}
    assert lost["the reference"] == frozenset() and lost["the lab untouched"] == {"double", "norm"}
    assert lost["no answers, and skip-execution on every check"] == {"double", "norm"}
    assert lost["no answers, the checks replaced, and an object that equals everything"] == {"double", "norm"}
    assert lost["half a file"] is None and lost["norm lost, double twice"] == {"norm"}
    small = demo.the_class(shown.lab, shown.course, small=True)
    assert {member.name for member in small} < {member.name for member in shown.members}


def change(shown: Shown, student: str, exercise: str, points: float) -> None:
    place = next(index for index, row in enumerate(shown.rows) if row.student == student)
    standing = shown.rows[place].standing
    assert standing is not None
    marks = {**standing.marks, exercise: Mark(points, standing.marks[exercise].max_points, False, False)}
    shown.rows[place] = dataclasses.replace(shown.rows[place], standing=dataclasses.replace(standing, marks=marks))


@pytest.mark.parametrize(("student", "exercise", "points"), [
    ("anna", "double", 0.0),  # the reference loses a point
    ("ben", "norm", 3.0),  # the untouched lab earns one
    ("carla", "double", 2.0),  # a mistake is not caught
    ("carla", "norm", 0.0),  # a mistake costs another exercise
    ("greta", "norm", 0.0),  # a right answer is refused
    ("hugo", "double", 2.0),  # the cheat pays
    ("karl", "norm", 3.0),
    ("lena", "double", 0.0),
    ("jonas", "norm", 3.0),  # a lost cell earns something
    ("jonas", "double", 1.0),
])
def test_a_wrong_mark_breaks_a_claim(shown: Shown, student: str, exercise: str, points: float) -> None:
    change(shown, student, exercise, points)
    assert len(shown.broken().splitlines()) == 1
    assert shown.broken().startswith(student) and exercise in shown.broken()


def test_a_message_that_names_another_slip_breaks_a_claim(shown: Shown) -> None:
    shown.results["carla"]["verdicts"]["double"]["message"] = "wrong"
    assert "does not name the slip" in shown.broken()


def test_a_loss_that_is_inherited_breaks_none(shown: Shown) -> None:
    change(shown, "carla", "norm", 0.0)
    shown.results["carla"]["verdicts"]["norm"]["inherited"] = ["double"]
    assert shown.broken() == ""


def test_who_is_graded_and_who_not_are_claims(shown: Shown) -> None:
    rows = {row.student: row for row in shown.rows}
    rows["ines"] = dataclasses.replace(rows["anna"], student="ines")
    rows["ben"] = Row("ben", None, ("the examination failed",))
    del rows["anna"]
    shown.rows = list(rows.values())
    assert [line.split(" ")[0] for line in shown.broken().splitlines()] == ["anna", "ben", "ines"]


def test_main_ends_with_an_error_where_a_claim_fails(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(demo, "demo", lambda *arguments: [])
    assert demo.main() == 0
    monkeypatch.setattr(demo, "demo", lambda *arguments: ["90_mini: anna has too little"])
    assert demo.main() == 1
    assert "DOES NOT HOLD  90_mini: anna has too little" in capsys.readouterr().out
