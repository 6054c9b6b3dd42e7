"""Due dates, lateness and penalties in the gradebook, and which database it is."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import text as sql
from traitlets.config import Config

from course_staff.grading import gradebook, intake, run
from course_staff.grading.intake import Options
from course_staff.grading.job import Result, Verdict
from course_staff.grading.run import Settings
from course_staff.paths import CourseError
from tests.grading import test_run
from tests.grading.test_run import NAME, paper, put, text_on

_known_tables = test_run._known_tables
DUE = "2026-11-20 18:00 +0100"
POSTGRES = os.environ.get("COURSE_TEST_POSTGRES", "")


class Here(Executor):
    """Does everything at once in this process: these tests are about what is done with results."""

    def submit(self, task: Callable, /, *arguments: Any, **options: Any) -> Future:
        future: Future = Future()
        future.set_result(task(*arguments, **options))
        return future


class Nothing:
    name = "none"

    def check(self) -> None: ...


def full(job: Any, launcher: Any) -> Result:
    return Result(job.lab, job.student, {"double": Verdict("double", "passed", 2.0, 2.0),
                                         "norm": Verdict("norm", "passed", 3.0, 3.0)}, key=job.key)


@contextmanager
def here(workers: int) -> Iterator[Executor]:
    yield Here()


SETTINGS = Settings(launcher=Nothing(), examiner=full, workers=here, seed=1)


@pytest.fixture
def late(mini: Any, tmp_path: Path) -> Path:
    """A class of four: in time, an hour late, an hour late with an extension, three days late with one."""
    source, directory = tmp_path / "in", tmp_path / "class"
    source.mkdir()
    (tmp_path / "roster.csv").write_text(
        "id,first_name,last_name,email,lms_id\nanna,Anna,\"Meier, M.A.\",anna@example.org,1\nben,Ben,=1+1,,2\n"
        "cleo,Cléo,Ö,,\ndora,,,,\nemil,Emil,E,,\n")
    (tmp_path / "times.csv").write_text("id,time\nanna,2026-11-20 17:00 +0100\nben,2026-11-20 19:00 +0100\n"
                                        "cleo,2026-11-20 19:00 +0100\ndora,2026-11-23 18:00 +0100\n")
    (tmp_path / "more.csv").write_text("id,due\ncleo,2026-11-22 18:00 +0100\ndora,2026-11-22 18:00 +0100\n")
    for student in ("anna", "ben", "cleo", "dora"):
        (source / f"{student}.ipynb").write_bytes(mini.release.read_bytes())
    assert intake.collect(source, directory, NAME, Options(
        roster=tmp_path / "roster.csv", times=str(tmp_path / "times.csv"), due=DUE, extensions=tmp_path / "more.csv"), paper())
    return directory


def grade(mini: Any, directory: Path, settings: Settings = SETTINGS) -> tuple[dict[str, run.Row], str]:
    screen = paper(300)
    rows = run.mark(mini.course, directory, NAME, settings, screen)
    return {row.student: row for row in rows}, text_on(screen)


def exported(directory: Path) -> dict[str, dict[str, str]]:
    with (directory / "grades.csv").open(newline="", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_lateness_is_a_note_and_costs_nothing_by_default(mini: Any, late: Path) -> None:
    rows, said = grade(mini, late)
    assert {student: list(row.notes) for student, row in rows.items()} == {
        "anna": [], "ben": ["Late by 1 h: due 2026-11-20 17:00:00 UTC."], "cleo": [],
        "dora": ["Late by 1 day: due 2026-11-22 17:00:00 UTC with the extension."]}
    assert all(row.standing and row.standing.total == 5.0 for row in rows.values())
    assert "On the roster, and nothing handed in: emil." in said and "timestamp.txt" not in said
    with Gradebook(gradebook.url(late)) as book:
        assert book.find_assignment(NAME).duedate == datetime(2026, 11, 20, 17)
        dora, anna = book.find_submission(NAME, "dora"), book.find_submission(NAME, "anna")
        assert (dora.timestamp, dora.extension, dora.total_seconds_late) == (
            datetime(2026, 11, 23, 17), timedelta(days=2), 86400)
        assert (anna.timestamp, anna.extension, anna.total_seconds_late) == (datetime(2026, 11, 20, 16), None, 0)
        assert book.find_student("anna").lms_user_id == "1"


def test_names_of_the_roster_stand_in_the_csv(mini: Any, late: Path) -> None:
    grade(mini, late)
    rows = exported(late)
    assert (rows["anna"]["last_name"], rows["cleo"]["first_name"]) == ("Meier, M.A.", "Cléo")
    assert rows["ben"]["last_name"] == "'=1+1", "no spreadsheet runs it"
    assert rows["anna"]["duedate"] == "2026-11-20 17:00:00" and rows["ben"]["timestamp"] == "2026-11-20 18:00:00"
    assert rows["emil"]["score"] == "0.0" and rows["emil"]["timestamp"] == ""


def test_the_csv_is_what_nbgrader_exports(mini: Any, late: Path, tmp_path: Path) -> None:
    grade(mini, late)
    with Gradebook(gradebook.url(late)) as book:
        for student, last in (("anna", "Meier"), ("ben", "B")):  # nbgrader quotes nothing
            book.update_or_create_student(student, last_name=last)
        book.find_submission_notebook(NAME, NAME, "ben").late_submission_penalty = 1.5
        book.db.commit()
        plugin = CsvExportPlugin(to=str(tmp_path / "theirs.csv"))
        plugin.export(book)
        gradebook.export(book, tmp_path / "ours.csv", set())
    assert sorted((tmp_path / "ours.csv").read_text().splitlines()) == sorted(
        (tmp_path / "theirs.csv").read_text().splitlines())


def test_formgrader_sees_the_same_times(mini: Any, late: Path) -> None:
    """It takes a submission for not graded where timestamp.txt differs from the gradebook."""
    grade(mini, late)
    config = Config()
    config.CourseDirectory.root = str(late)
    api = NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)
    assert api.get_autograded_students(NAME) == {"anna", "ben", "cleo", "dora"}


def test_a_due_date_that_moves_renews_notes_and_examines_nothing(mini: Any, late: Path, tmp_path: Path) -> None:
    grade(mini, late)
    page = late / "feedback" / "ben" / NAME / f"{NAME}.html"
    before = page.stat().st_mtime_ns
    nothing = replace(SETTINGS, examiner=lambda job, launcher: pytest.fail("examined again"))
    grade(mini, late, nothing)
    assert page.stat().st_mtime_ns == before
    intake.collect(tmp_path / "in", late, NAME, Options(times=str(tmp_path / "times.csv"), due="2026-11-20 20:00 +0100"), paper())
    rows, _ = grade(mini, late, nothing)
    assert rows["ben"].notes == () and rows["dora"].notes == ("Late by 1 day: due 2026-11-22 17:00:00 UTC with the extension.",)


def test_nbgraders_penalties_are_the_instructors(mini: Any, late: Path) -> None:
    rows, _ = grade(mini, late)
    config = late / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    rows, _ = grade(mini, late, replace(SETTINGS, examiner=lambda job, launcher: pytest.fail("examined again")))
    assert {student: row.standing and row.standing.total for student, row in rows.items()} == {
        "anna": 5.0, "ben": 0.0, "cleo": 5.0, "dora": 0.0}
    assert "5 points are taken off" in rows["ben"].notes[0]
    assert (exported(late)["ben"]["raw_score"], exported(late)["ben"]["late_submission_penalty"],
            exported(late)["ben"]["score"]) == ("5.0", "5.0", "0.0")
    assert "Late submission penalty (Score: -5.0)" in (late / "feedback" / "ben" / NAME / f"{NAME}.html").read_text()


PLUGIN = """
from nbgrader.plugins import BasePlugin

class {name}(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {value}
"""


@pytest.mark.parametrize(("value", "total"), [("total_seconds_late / 3600", 4.0), ("None", 5.0), ("-3", 5.0), ("99", 0.0)])
def test_a_plugin_of_the_class_decides(mini: Any, late: Path, value: str, total: float) -> None:
    name = f"Late{abs(hash(value))}"
    (late / f"{name.lower()}.py").write_text(PLUGIN.format(name=name, value=value))
    (late / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.AssignLatePenalties.plugin_class = '{name.lower()}.{name}'\n")
    rows, _ = grade(mini, late)
    assert rows["ben"].standing and rows["ben"].standing.total == total
    assert rows["anna"].standing and rows["anna"].standing.total == 5.0


def test_a_plugin_that_is_not_there_stops_before_anything_is_recorded(mini: Any, late: Path) -> None:
    (late / "nbgrader_config.py").write_text("c = get_config()\nc.AssignLatePenalties.plugin_class = 'nowhere.Late'\n")
    with pytest.raises(CourseError, match="plugin for late submissions"):
        grade(mini, late)
    (late / "nbgrader_config.py").write_text("mine")
    with pytest.raises(CourseError, match="cannot be run: NameError"):
        grade(mini, late)


def test_a_file_that_was_put_in_place_of_the_collected_one_has_no_time(mini: Any, late: Path) -> None:
    grade(mini, late)
    path = late / "submitted" / "anna" / NAME / f"{NAME}.ipynb"
    path.write_bytes(path.read_bytes() + b"\n")
    rows, _ = grade(mini, late)
    assert "not the one that was collected" in rows["anna"].notes[0]
    assert exported(late)["anna"]["timestamp"] == ""


def test_a_tree_that_was_not_collected_by_us_has_no_times(mini: Any, tmp_path: Path) -> None:
    directory = tmp_path / "class"
    put(directory, "anna", mini.release).with_name("timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    rows, said = grade(mini, directory)
    assert rows["anna"].notes == () and exported(directory)["anna"]["timestamp"] == ""
    assert "timestamp.txt of anna was not used" in said
    # A due date that was entered in formgrader stays.
    with Gradebook(gradebook.url(directory)) as book:
        book.update_or_create_assignment(NAME, duedate="2026-11-20 17:00:00 UTC")
    grade(mini, directory)
    assert exported(directory)["anna"]["duedate"] == "2026-11-20 17:00:00"


def test_what_canvas_calls_late_is_said_where_the_time_is_not_known(mini: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"x_LATE_7_8_{NAME}.ipynb").write_bytes(mini.release.read_bytes())
    intake.collect(tmp_path / "in", tmp_path / "class", NAME, Options("canvas"), paper())
    rows, _ = grade(mini, tmp_path / "class")
    assert rows["7"].notes == ("Late, says the learning platform; when it came is not known.",)


# Which database


@pytest.mark.parametrize(("configured", "given", "expected"), [
    ("", "", "{class}/gradebook.db"), ("sqlite:///other.db", "", "{class}/other.db"),
    ("sqlite:////{class}/x.db", "", "{class}/x.db"), ("sqlite:///other.db", "sqlite:///third.db", "{class}/third.db"),
])
def test_the_name_of_the_database(tmp_path: Path, configured: str, given: str, expected: str) -> None:
    if configured:
        name = configured.replace("/{class}", str(tmp_path))
        (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.db_url = {name!r}\n")
    assert gradebook.url(tmp_path, given) == f"sqlite:///{expected.replace('{class}', str(tmp_path))}"


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    url = gradebook.url(tmp_path, "postgresql://teacher:s3cret@localhost:1/course")
    assert "s3cret" in url and "s3cret" not in gradebook.shown(url)
    with pytest.raises(CourseError) as error, gradebook.opened(tmp_path, "c", url):
        pass
    assert "s3cret" not in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(CourseError, match="as SQLAlchemy does"):
        gradebook.url(tmp_path, "my database")


@pytest.mark.parametrize("by", ["option", "configuration"])
def test_another_database(mini: Any, late: Path, tmp_path: Path, by: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    url = f"sqlite:///{elsewhere}/marks.db"
    if by == "configuration":
        (late / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.db_url = {url!r}\n")
    settings = replace(SETTINGS, database=url if by == "option" else "")
    rows, said = grade(mini, late, settings)
    assert (elsewhere / "marks.db").is_file() and not (late / "gradebook.db").exists()
    assert str(elsewhere / "marks.db") in said and "formgrader shows" not in said
    assert (late / "nbgrader_config.py").stat().st_mode & 0o077 == (0 if by == "option" else 0o044)
    with Gradebook(url) as book:
        assert book.find_submission(NAME, "ben").score == 5.0
    # The first run wrote the name for formgrader, so the second one finds it.
    again, _ = grade(mini, late, replace(SETTINGS, examiner=lambda job, launcher: pytest.fail("examined again")))
    assert again == rows
    _, said = grade(mini, late, replace(SETTINGS, database="sqlite:///third.db"))
    assert "formgrader shows" in said and (late / "third.db").is_file()


@pytest.mark.skipif(not POSTGRES, reason="COURSE_TEST_POSTGRES names no empty database")
def test_a_server(mini: Any, late: Path) -> None:
    """The whole way on a server of PostgreSQL: grade, a mark by hand, again, without examining anything twice."""
    settings = replace(SETTINGS, database=POSTGRES)
    rows, _ = grade(mini, late, settings)
    assert rows["ben"].notes == ("Late by 1 h: due 2026-11-20 17:00:00 UTC.",) and not (late / "gradebook.db").exists()
    nothing = replace(settings, examiner=lambda job, launcher: pytest.fail("examined again"))
    assert grade(mini, late, nothing)[0] == rows
    with Gradebook(gradebook.url(late)) as book:
        assert book.db.execute(sql("select version()")).scalar_one().startswith("PostgreSQL")
        mark = book.find_grade("test_norm", NAME, NAME, "ben")
        mark.manual_score, mark.needs_manual_grade = 1.5, False
        book.db.commit()
        book.find_submission(NAME, "dora").extension = timedelta(days=9)
        book.db.commit()
    again, _ = grade(mini, late, nothing)
    assert again["ben"].standing and again["ben"].standing.total == 3.5 and again["ben"].standing.marks["norm"].manual
    assert exported(late)["ben"]["score"] == "3.5" and exported(late)["dora"]["score"] == "5.0"
    assert again["dora"].notes == rows["dora"].notes
