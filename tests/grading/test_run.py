"""`course grade` from a folder of submissions to marks, and what happens when a stage fails."""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
import pytest
from rich.console import Console

from course_staff.grading import gradebook, run, table
from course_staff.grading.job import Job
from course_staff.grading.launch import PlainProcess
from course_staff.grading.marks import Mark, Row, Standing
from course_staff.grading.notebook import NO_SANDBOX
from course_staff.grading.pool import Task
from course_staff.grading.run import Settings
from course_staff.paths import CourseError, put_scripts_on_path

NAME = "90_mini"
RIGHT = {"double": "def double(x):\n    return x + x\n",
         "norm": "def norm(x):\n    return float((x * x).sum() ** 0.5)\n"}


def paper(width: int = 120) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False)


def text_on(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def put(directory: Path, student: str, content: bytes | Path, name: str = NAME) -> Path:
    path = directory / "submitted" / student / NAME / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
    return path


# nbgrader starts a program, for seconds, to learn the version of its tables whenever it makes a gradebook.
_tables_version = functools.cache(nbgrader.api.get_alembic_version)


@pytest.fixture(autouse=True)
def _known_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    put_scripts_on_path()
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", _tables_version)


# The whole way, with real examinations


@pytest.fixture(scope="module")
def graded(mini: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], str]:
    """A class with every kind of file, graded once."""
    directory = tmp_path_factory.mktemp("class")

    def filled(**answers: str) -> bytes:
        made = nbformat.read(mini.release, as_version=4)
        for cell in made.cells:
            cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source)
        return nbformat.writes(made).encode()

    put(directory, "anna", filled(**RIGHT, why="So."))
    put(directory, "ben", filled(**(RIGHT | {"norm": "def norm(x):\n    return float((x * x).sum())\n"})))
    put(directory, "broken", filled()[:500])
    put(directory, "empty", b"")
    put(directory, "other", b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    put(directory, "misnamed", filled(**RIGHT), name="Untitled")
    put(directory, "bad name; rm", filled(**RIGHT))
    screen = paper()
    rows = run.mark(mini.course, directory, NAME, Settings(jobs=2, launcher=PlainProcess()), screen)
    return directory, rows, text_on(screen)


def test_a_broken_notebook_stops_nobody_else(graded: tuple[Path, list[Row], str]) -> None:
    _, rows, _ = graded
    totals = {row.student: row.standing and row.standing.total for row in rows}
    assert totals == {"anna": 5.0, "ben": 2.0, "broken": None, "empty": None, "misnamed": None, "other": None}
    assert not any(row.our_fault for row in rows)


def test_every_file_that_was_not_graded_has_a_line_that_says_why(graded: tuple[Path, list[Row], str]) -> None:
    directory, rows, shown = graded
    why = {row.student: row.notes for row in rows if row.standing is None}
    words = {"broken": "not JSON", "empty": "is empty", "misnamed": "Untitled.ipynb", "other": NAME}
    for student, word in words.items():
        assert len(why[student]) == 1 and word in why[student][0]
    assert "bad name; rm was passed over" in shown
    assert not list(directory.glob("*/bad name*/*/*.html"))
    assert "2 of 6 graded" in shown


def test_the_table_says_first_that_there_was_no_sandbox(graded: tuple[Path, list[Row], str]) -> None:
    assert graded[2].splitlines()[0] == NO_SANDBOX


def test_the_files_are_there(graded: tuple[Path, list[Row], str]) -> None:
    directory, _, _ = graded
    for path in (f"autograded/anna/{NAME}/{NAME}.ipynb", f"feedback/anna/{NAME}/{NAME}.html", "gradebook.db",
                 "grades.csv", f"results/{NAME}/anna.json", f"results/{NAME}/broken.json"):
        assert (directory / path).is_file(), path
    with (directory / "grades.csv").open(newline="") as file:
        scores = {row["student_id"]: row["score"] for row in csv.DictReader(file)}
    assert scores == {"anna": "5.0", "ben": "2.0", "broken": "", "empty": "", "misnamed": "", "other": ""}


def test_the_private_seed_is_recorded_with_the_mark(graded: tuple[Path, list[Row], str]) -> None:
    directory, _, _ = graded
    seed = run.course_seed(directory)
    assert json.loads((directory / "results" / NAME / "anna.json").read_text())["seed"] == seed
    assert (directory / run.SEED_FILE).stat().st_mode & 0o077 == 0


# Examining: failures of ours


@pytest.fixture
def examiners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Examiners that fail, in a module of their own, so that another process can import it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "examiners_that_fail.py").write_text(textwrap.dedent('''
        import os
        from pathlib import Path
        from course_staff.grading.job import Result, Verdict

        class Nothing:
            name = "none"

            def check(self):
                pass

        def full(job, launcher):
            return Result(job.lab, job.student, {"double": Verdict("double", "passed", 2.0, 2.0),
                                                 "norm": Verdict("norm", "passed", 3.0, 3.0)}, sandbox=launcher.name)

        def first_time_fails(job, launcher):
            mark = Path(os.environ["TRIED"]) / job.student
            if job.student == "ben" and not mark.exists():
                mark.touch()
                raise MemoryError("once")
            return full(job, launcher)

        def always_fails(job, launcher):
            if job.student == "ben":
                raise OSError("no [red]space[/red] left")
            return full(job, launcher)

        def dies(job, launcher):
            if job.student == "ben":
                os._exit(9)
            return full(job, launcher)
    '''))
    (tmp_path / "tried").mkdir()
    monkeypatch.setenv("TRIED", str(tmp_path / "tried"))
    monkeypatch.syspath_prepend(tmp_path / "code")
    import examiners_that_fail  # type: ignore[import-not-found]

    yield examiners_that_fail
    del sys.modules["examiners_that_fail"]


def jobs_of(*students: str) -> list[Job]:
    return [Job(NAME, student, (), {}) for student in students]


def test_a_failure_of_ours_is_tried_once_more(examiners: Any) -> None:
    outcomes = {outcome.student: outcome
                for outcome in run.examine_all(jobs_of("anna", "ben"), Task(examiners.Nothing(), None, examiners.first_time_fails), 2)}
    assert outcomes["anna"].result is not None and outcomes["ben"].result is not None
    assert outcomes["ben"].result.points == 5.0


@pytest.mark.parametrize("kind", ["always_fails", "dies"])
def test_a_second_failure_is_reported_and_costs_only_that_submission(examiners: Any, kind: str) -> None:
    examiner = getattr(examiners, kind)
    outcomes = {outcome.student: outcome
                for outcome in run.examine_all(jobs_of("anna", "ben", "carla"), Task(examiners.Nothing(), None, examiner), 1)}
    assert outcomes["anna"].result and outcomes["carla"].result
    assert outcomes["ben"].result is None and outcomes["ben"].our_fault and "failed twice" in outcomes["ben"].reason


def test_a_failure_of_ours_is_never_a_zero(mini: Any, tmp_path: Path, examiners: Any) -> None:
    directory = tmp_path / "class"
    for student in ("anna", "ben"):
        put(directory, student, mini.release)
    screen = paper()
    rows = run.mark(mini.course, directory, NAME,
                    Settings(launcher=examiners.Nothing(), examiner=examiners.always_fails), screen)
    assert [row.our_fault for row in rows] == [False, True] and rows[1].standing is None
    assert "Failed on our side, not on theirs: ben" in text_on(screen)
    assert "[red]space[/red]" in text_on(screen).replace("\n", "")  # markup of others is text
    assert "anna,,,,5.0,0.0,5.0,9.0" in (directory / "grades.csv").read_text()
    assert "ben,,,,,0.0,,9.0" in (directory / "grades.csv").read_text()


def test_the_exit_status_tells_our_failures_from_theirs(
        mini: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row("anna", None, ("not JSON",))]
    monkeypatch.setattr(run, "mark", lambda *arguments, **options: rows)
    assert run.grade(mini.course, tmp_path, NAME) is True
    rows.append(Row("ben", None, ("failed twice",), our_fault=True))
    assert run.grade(mini.course, tmp_path, NAME) is False


def test_a_record_that_fails_costs_only_that_student(
        mini: Any, tmp_path: Path, examiners: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for student in ("anna", "ben"):
        put(tmp_path / "class", student, mini.release)
    real = gradebook.set_marks

    def set_marks(book: Any, lab: Any, job: Job, result: Any) -> None:
        if job.student == "anna":
            raise OSError("disk")
        real(book, lab, job, result)

    monkeypatch.setattr(gradebook, "set_marks", set_marks)
    rows = run.mark(mini.course, tmp_path / "class", NAME,
                    Settings(launcher=examiners.Nothing(), examiner=examiners.full), paper())
    assert rows[0].our_fault and "disk" in rows[0].notes[0]
    assert rows[1].standing is not None and rows[1].standing.total == 5.0


# Which files are taken


def found_in(directory: Path, *students: str) -> dict[str, str]:
    return {submission.student: submission.problem for submission in run.submissions(directory, NAME, students)[0]}


@pytest.mark.parametrize("name", ["a b", "..x", "-rf", "=cmd", "ü", "a;b", "a\nb", "x" * 129, "@a", "+1", "<b>", "%2e"])
def test_an_unsafe_name_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, "anna", b"{}")
    put(tmp_path, name, b"{}")
    found, refused = run.submissions(tmp_path, NAME)
    assert [submission.student for submission in found] == ["anna"]
    assert len(refused) == 1 and "passed over" in refused[0]


@pytest.mark.parametrize("name", ["anna", "s123456", "a.b-c_d", "anna@example.org", "a+b", "_x", "7"])
def test_a_usual_name_is_taken(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, b"{}")
    assert found_in(tmp_path) == {name: ""}


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere", "anna", b"{}")
    put(tmp_path, "anna", b"{}")
    file = tmp_path / "submitted" / "file" / NAME
    file.mkdir(parents=True)
    (file / f"{NAME}.ipynb").symlink_to(secret)
    (tmp_path / "submitted" / "folder").mkdir()
    (tmp_path / "submitted" / "folder" / NAME).symlink_to(secret.parent)
    (tmp_path / "submitted" / "whole").symlink_to(tmp_path / "submitted" / "anna")
    problems = found_in(tmp_path)
    assert problems.pop("anna") == "" and len(problems) == 3
    assert all("is a link" in problem for problem in problems.values())


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "submitted" / "pipe" / NAME
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{NAME}.ipynb")
    put(tmp_path, "dir", b"{}").unlink()
    (tmp_path / "submitted" / "dir" / NAME / f"{NAME}.ipynb").mkdir()
    assert all("is not a file" in problem for problem in found_in(tmp_path).values())


def test_the_students_own_time_is_not_used(tmp_path: Path) -> None:
    put(tmp_path, "anna", b"{}").with_name("timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    put(tmp_path, "ben", b"{}")
    _, said = run.submissions(tmp_path, NAME)
    assert len(said) == 1 and said[0].startswith("timestamp.txt of anna was not used")


def test_only_the_named_students(tmp_path: Path) -> None:
    for student in ("anna", "ben"):
        put(tmp_path, student, b"{}")
    assert list(found_in(tmp_path, "ben")) == ["ben"]
    with pytest.raises(CourseError, match="No submission .* by zoe"):
        run.submissions(tmp_path, NAME, ["ben", "zoe"])


def test_nothing_to_grade_is_said(mini: Any, tmp_path: Path) -> None:
    (tmp_path / "submitted" / "anna" / "01_other").mkdir(parents=True)
    with pytest.raises(CourseError, match="Nothing to grade"):
        run.mark(mini.course, tmp_path, NAME, Settings(launcher=PlainProcess()), paper())


# Seeds, releases, the table


def test_the_seed_is_made_once_and_is_a_large_number(tmp_path: Path) -> None:
    first = run.course_seed(tmp_path)
    (tmp_path / "other").mkdir()
    assert run.course_seed(tmp_path) == first != run.course_seed(tmp_path / "other")
    (tmp_path / run.SEED_FILE).write_text("x")
    with pytest.raises(CourseError, match="does not hold a number"):
        run.course_seed(tmp_path)


def test_a_given_seed_is_used_and_not_kept(mini: Any, tmp_path: Path, examiners: Any) -> None:
    put(tmp_path / "class", "anna", mini.release)
    seeds = []

    def prepared(lab: Any, release: Path, path: Path, student: str, seed: int, real: Callable = run.prepare) -> Any:
        if student == "anna":
            seeds.append(seed)
        return real(lab, release, path, student, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "prepare", prepared)
        run.mark(mini.course, tmp_path / "class", NAME,
                 Settings(seed=5, launcher=examiners.Nothing(), examiner=examiners.full), paper())
    assert seeds == [5] and not (tmp_path / "class" / run.SEED_FILE).exists()


def test_a_release_that_is_missing_or_of_another_source_is_refused(mini: Any, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="course build"):
        run.check_release(mini.lab, tmp_path / "none.ipynb")
    stale = nbformat.read(mini.release, as_version=4)
    del stale.cells[-1]
    nbformat.write(stale, tmp_path / "stale.ipynb")
    with pytest.raises(CourseError, match="course build"):
        run.check_release(mini.lab, tmp_path / "stale.ipynb")
    run.check_release(mini.lab, mini.release)


@pytest.mark.parametrize(("role", "old", "new"), [
    ("test", 'expected, "double(x)"', 'expected, "double"'), ("answer", '"""', '"""New: '),
    ("prose", "#", "# Once more:"), ("points", "", "")])
def test_a_release_with_an_older_cell_is_refused(mini: Any, tmp_path: Path, role: str, old: str, new: str) -> None:
    """A visible check that was changed, a task, a text, the points: the instructor forgot to build."""
    stale = nbformat.read(mini.release, as_version=4)
    for ours, cell in zip(mini.lab.cells, stale.cells, strict=True):
        if role == "points" and ours.role == "test":
            cell.metadata.nbgrader.points += 1
            break
        if ours.role == role and old in cell.source:
            cell.source = cell.source.replace(old, new, 1)
            break
    else:
        pytest.fail("nothing was changed")
    nbformat.write(stale, tmp_path / "stale.ipynb")
    with pytest.raises(CourseError, match=r"today's source.*course build"):
        run.check_release(mini.lab, tmp_path / "stale.ipynb")


def test_a_line_is_shown_as_soon_as_a_result_is_there(mini: Any, tmp_path: Path, examiners: Any) -> None:
    for student in ("anna", "ben"):
        put(tmp_path / "class", student, mini.release)
    screen = Console(file=io.StringIO(), width=120, force_terminal=True, highlight=False, color_system=None)
    run.mark(mini.course, tmp_path / "class", NAME,
             Settings(launcher=examiners.Nothing(), examiner=examiners.always_fails), screen)
    shown = text_on(screen)
    assert "anna  5 of 9  2 3 0" in shown and "ben  not graded: the examination failed" in shown
    assert shown.index("anna  5 of 9") < shown.index("student")  # the table comes after


def test_the_table_marks_what_waits_and_what_is_manual(mini: Any) -> None:
    def row(student: str, why: Mark, *notes: str) -> Row:
        marks = {"double": Mark(2, 2, False, False), "norm": Mark(1.5, 3, False, True), "why": why}
        return Row(student, Standing(marks, 3.5, 9), notes, sandbox="bubblewrap")

    screen = paper()
    table.show(mini.lab, [row("anna", Mark(0, 4, True, False), *(f"note {n}" for n in range(9))),
                          row("b[red]n", Mark(0, 4, False, False), "a \x1b[2J[bold]note")], screen)
    shown = text_on(screen)
    lines = shown.splitlines()
    assert [line.split("│")[2:6] for line in lines if "anna" in line] == [["  2 ", " 1.5* ", "  ? ", "   3.5 "]]
    assert "b[red]n" in shown and "[bold]note" in shown and "\x1b[2J" not in shown
    assert "note 2" in shown and "note 3" not in shown and "6 more" in shown
    assert "? waits for a human" in shown and "* given by hand" in shown
    assert NO_SANDBOX not in shown


def test_what_hands_out_the_work_does_so_without_torch(mini: Any, tmp_path: Path) -> None:
    """Importing it would keep every run waiting, and the memory of a machine with many workers."""
    put(tmp_path / "class", "anna", mini.release)
    program = f"""
import sys
from pathlib import Path
from course_staff.grading import run, table
from course_staff.grading.sandbox import NoSandbox, Sandbox
from course_staff.grading.launch import PlainProcess
from course_staff.paths import Course
try:
    Sandbox().check()
except NoSandbox:
    pass
if __name__ == "__main__":
    run.mark(Course(Path({str(mini.course.root)!r})), Path({str(tmp_path / "class")!r}), {NAME!r},
             run.Settings(launcher=PlainProcess()))
    print("with torch" if "torch" in sys.modules else "without torch")
"""
    (tmp_path / "program.py").write_text(program)
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, timeout=300)
    assert done.stdout.endswith("without torch\n") and "1 of 1 graded" in done.stdout, done.stdout + done.stderr
