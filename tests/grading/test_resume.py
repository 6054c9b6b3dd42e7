"""Results that are kept: what decides a mark decides the key, nothing is examined twice, and a killed run goes on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from course_staff.grading import feedback, run, store
from course_staff.grading.job import Result, Verdict
from course_staff.grading.launch import PlainProcess
from course_staff.grading.limits import Limits
from course_staff.grading.run import Settings
from course_staff.grading.sandbox import Sandbox
from course_staff.grading.store import Store, key_of
from tests.grading.test_run import NAME, paper, put

STUDENTS = [f"s{number:02}" for number in range(8)]

EXAMINER = """
import os, time
from pathlib import Path
from course_staff.grading.job import Result, Verdict

class Nothing:
    name = "none"
    def check(self): pass

def examiner(job, launcher):
    with open(os.environ["EXAMINED"], "a") as log:
        log.write(job.student + "\\n")
    time.sleep(0.15)
    number = int(job.student[1:])
    points = {"double": 2.0 * (number % 2), "norm": 3.0 * (number % 3 == 0)}
    verdicts = {name: Verdict(name, "passed" if value else "failed", value, 2.0 if name == "double" else 3.0)
                for name, value in points.items()}
    return Result(job.lab, job.student, verdicts, key=job.key, seed=job.seed)
"""


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A quick examiner that notes whom it examined, in a module that other processes can import."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "quick_examiner.py").write_text(textwrap.dedent(EXAMINER))
    monkeypatch.setenv("EXAMINED", str(tmp_path / "examined"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"))
    monkeypatch.syspath_prepend(tmp_path / "code")
    import quick_examiner  # type: ignore[import-not-found]

    yield Settings(jobs=2, seed=11, launcher=quick_examiner.Nothing(), examiner=quick_examiner.examiner)
    del sys.modules["quick_examiner"]


@pytest.fixture
def examined(tmp_path: Path) -> Path:
    return tmp_path / "examined"


def a_class(mini: Any, directory: Path) -> Path:
    for student in STUDENTS:
        put(directory, student, mini.release)
    return directory


def state(directory: Path) -> dict[str, Any]:
    """Everything that a run leaves, without what differs between any two runs."""
    with sqlite3.connect(directory / "gradebook.db") as book:
        grades = sorted(book.execute(
            "select student_id, base_cell.name, auto_score, manual_score, needs_manual_grade from grade"
            " join submitted_notebook on grade.notebook_id = submitted_notebook.id"
            " join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id"
            " join base_cell on grade.cell_id = base_cell.id"))
    pages = {str(path.relative_to(directory)): path.read_bytes() for folder in ("autograded", "feedback")
             for path in sorted((directory / folder).rglob("*")) if path.is_file()}
    results = {path.name: json.loads(path.read_text()) for path in sorted((directory / "results" / NAME).glob("*.json"))}
    return {"grades": grades, "pages": pages, "results": results, "csv": (directory / "grades.csv").read_text()}


# Keys and files


def test_what_decides_a_mark_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ("anna", b"submission", b"release", b"source", 1, Sandbox())
    keys = [key_of(*first)]
    for place, other in enumerate(("ben", b"another", b"another", b"another", 2, PlainProcess())):
        keys.append(key_of(*first[:place], other, *first[place + 1:]))  # type: ignore[arg-type]
    keys.append(key_of(*first[:5], Sandbox(Limits(memory_megabytes=1))))
    monkeypatch.setattr(store, "machinery", lambda: "another version of a package")
    keys.append(key_of(*first))
    assert len(set(keys)) == len(keys) == 9
    monkeypatch.undo()
    assert key_of(*first) == keys[0] == key_of(*first[:5], Sandbox(hidden=(Path("/somewhere"),)))


def test_a_result_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    kept = Store(tmp_path / "kept")
    result = Result("90_mini", "anna", {"double": Verdict("double", "passed", 2.0, 2.0, "é", ("norm",))}, key="k" * 64,
                    outputs={"c": [{"output_type": "stream", "name": "stdout", "text": "x"}]}, flags=["odd"])
    assert kept.get(result.key) is None
    kept.put(result)
    assert kept.get(result.key) == result
    file = next((tmp_path / "kept").iterdir())
    assert file.stat().st_mode & 0o077 == 0
    for damaged in (file.read_bytes()[:40], b"", b"[]", b'{"lab": 1}', b"\xff"):
        file.write_bytes(damaged)
        assert kept.get(result.key) is None
    kept.put(result)
    os.rename(file, file.with_name("another-key.json"))
    assert kept.get("another-key") is None, "a file under another key is not believed"


# A second run


def test_a_second_run_examines_and_writes_nothing(mini: Any, tmp_path: Path, quick: Settings, examined: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    directory = a_class(mini, tmp_path / "class")
    first = run.mark(mini.course, directory, NAME, quick, paper())
    before = state(directory)
    assert sorted(examined.read_text().split()) == STUDENTS
    monkeypatch.setattr(feedback, "write", lambda *arguments: pytest.fail("feedback was written again"))
    assert run.mark(mini.course, directory, NAME, quick, paper()) == first
    assert state(directory) == before and len(examined.read_text().split()) == len(STUDENTS)


def test_what_changed_is_examined_again_and_nothing_else(mini: Any, tmp_path: Path, quick: Settings,
                                                         examined: Path) -> None:
    directory = a_class(mini, tmp_path / "class")
    run.mark(mini.course, directory, NAME, quick, paper())
    examined.write_text("")
    changed = nbformat.read(mini.release, as_version=4)
    changed.cells.append(nbformat.v4.new_code_cell("print(1)"))
    (directory / "submitted" / "s03" / NAME / f"{NAME}.ipynb").write_text(nbformat.writes(changed))
    run.mark(mini.course, directory, NAME, quick, paper())
    assert examined.read_text().split() == ["s03"]
    run.mark(mini.course, directory, NAME, Settings(**{**vars(quick), "students": ("s05",), "again": True}), paper())
    assert examined.read_text().split() == ["s03", "s05"]


def test_a_mark_by_hand_renews_the_page_and_not_the_examination(mini: Any, tmp_path: Path, quick: Settings,
                                                                examined: Path) -> None:
    directory = a_class(mini, tmp_path / "class")
    run.mark(mini.course, directory, NAME, quick, paper())
    page = directory / "feedback" / "s03" / NAME / f"{NAME}.html"
    before = page.read_text()
    with sqlite3.connect(directory / "gradebook.db") as book:
        book.execute("update grade set manual_score = 2.5 where id in (select grade.id from grade"
                     " join submitted_notebook on grade.notebook_id = submitted_notebook.id"
                     " join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id"
                     " join base_cell on grade.cell_id = base_cell.id"
                     " where student_id = 's03' and base_cell.name = 'test_norm')")
        assert book.total_changes == 1
    rows = {row.student: row for row in run.mark(mini.course, directory, NAME, quick, paper())}
    assert len(examined.read_text().split()) == len(STUDENTS)
    marks = rows["s03"].standing
    assert marks is not None and marks.marks["norm"].manual and marks.marks["norm"].points == 2.5
    assert page.read_text() != before and "2.5" in page.read_text()


# Killed


@pytest.mark.parametrize("moment", [0, 1, 3, 6])
def test_a_killed_run_goes_on_and_ends_as_if_undisturbed(mini: Any, tmp_path: Path, quick: Settings, examined: Path,
                                                         moment: int) -> None:
    """It is killed when that many students are recorded."""
    whole = a_class(mini, tmp_path / "whole")
    run.mark(mini.course, whole, NAME, quick, paper())
    directory = a_class(mini, tmp_path / "class")
    examined.write_text("")
    program = tmp_path / "grader.py"
    program.write_text(textwrap.dedent(f"""
        import sys
        from pathlib import Path
        import quick_examiner
        from course_staff.grading import run
        from course_staff.paths import Course
        if __name__ == "__main__":
            settings = run.Settings(jobs=2, seed=11, launcher=quick_examiner.Nothing(), examiner=quick_examiner.examiner)
            run.mark(Course(Path({str(mini.course.root)!r})), Path(sys.argv[1]), {NAME!r}, settings)
    """))
    results = directory / "results" / NAME
    killed = subprocess.Popen([sys.executable, str(program), str(directory)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while ((not (directory / "gradebook.db").exists() or len(list(results.glob("s*.json"))) < moment)
           and time.monotonic() < deadline):
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    workers = psutil.Process(killed.pid).children(recursive=True)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    recorded = {path.stem for path in results.glob("s*.json")}
    assert len(recorded) < len(STUDENTS)
    assert not psutil.wait_procs(workers, timeout=30)[1], "workers outlive the grader"
    before = examined.read_text().split()
    run.mark(mini.course, directory, NAME, quick, paper())
    after = examined.read_text().split()[len(before):]
    assert state(directory) == state(whole)
    # Only what was under way when it was killed is examined twice.
    assert set(after) | set(before) == set(STUDENTS) and len(set(after) & set(before)) <= 2 and not set(after) & recorded
