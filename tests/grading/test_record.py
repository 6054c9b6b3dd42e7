"""Marks in the gradebook, and the files beside it, from results made by hand."""

from __future__ import annotations

import base64
import csv
import dataclasses
import functools
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
import pytest
import sqlalchemy
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_staff.grading import gradebook, notebook, record
from course_staff.grading.job import Job, Outcome, Result, Verdict
from course_staff.grading.marks import Row
from course_staff.grading.prepare import prepare
from course_staff.lab import Lab
from course_staff.paths import CourseError, put_scripts_on_path

NAME = "90_mini"
ANSWERS = {"double": "def double(x):\n    return x + x\n", "norm": "def norm(x):\n    return 5.0\n",
           "why": "Because **so**."}


@dataclass
class Desk:
    """A course directory and what is needed to record in it."""

    mini: Any
    directory: Path
    hand_in: Callable[..., Path]
    lab: Lab
    release: Path

    def recording(self, lab: Lab | None = None, release: Path | None = None):
        return record.recorder(self.directory, lab or self.lab, release or self.release, "a-course")

    def outcome(self, student: str = "anna", edit: Callable | None = None, answers: dict[str, str] | None = None,
                lab: Lab | None = None, release: Path | None = None, **points: float) -> Outcome:
        """The outcome of a submission, with points by exercise as if an examination had given them; default: full."""
        path = self.hand_in(edit, **(ANSWERS if answers is None else answers))
        lab = lab or self.lab
        job = prepare(lab, release or self.release, path, student, 7)
        verdicts = {}
        for exercise, cell in lab.tests.items():
            earned = points.get(exercise, cell.points)
            full = earned == cell.points
            verdicts[exercise] = Verdict(exercise, "passed" if full else "failed", earned, cell.points,
                                         "" if full else f"{exercise} looks transposed")
        return Outcome(student, job, Result(NAME, student, verdicts, flags=list(job.notes), key="a-key", seed=7))

    def record(self, *outcomes: Outcome) -> list[Row]:
        with self.recording() as recorder:
            rows = [recorder.record(outcome) for outcome in outcomes]
            recorder.export()
        return rows

    def book(self) -> Gradebook:
        return Gradebook(gradebook.url(self.directory))

    def grades(self, student: str = "anna") -> dict[str, tuple[float | None, float | None, bool]]:
        """(automatic, manual, needs a human) by grade id."""
        with self.book() as book:
            return {grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                    for part in book.find_submission(NAME, student).notebooks for grade in part.grades}

    def by_hand(self, grade_id: str, student: str = "anna", **values: Any) -> None:
        """What formgrader does when a human enters a mark."""
        with self.book() as book:
            grade = book.find_grade(grade_id, NAME, NAME, student)
            for name, value in values.items():
                setattr(grade, name, value)
            grade.needs_manual_grade = False
            book.db.commit()

    def rows(self) -> dict[str, dict[str, str]]:
        with (self.directory / "grades.csv").open(newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def autograded(self, student: str = "anna") -> nbformat.NotebookNode:
        return nbformat.read(self.directory / "autograded" / student / NAME / f"{NAME}.ipynb", as_version=4)

    def feedback(self, student: str = "anna") -> str:
        return (self.directory / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


# nbgrader starts a program, for seconds, to learn the version of its tables whenever it makes a gradebook.
_tables_version = functools.cache(nbgrader.api.get_alembic_version)


@pytest.fixture
def desk(mini: Any, tmp_path: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Desk:
    put_scripts_on_path()
    monkeypatch.setattr(nbgrader.api, "get_alembic_version", _tables_version)
    directory = tmp_path / "a course"
    directory.mkdir()
    return Desk(mini, directory, hand_in, mini.lab, mini.release)


# Marks


def test_gradebook_csv_and_table_say_the_same(desk: Desk) -> None:
    rows = desk.record(desk.outcome("anna"), desk.outcome("ben", double=0.0),
                       desk.outcome("carla", double=0.0, norm=0.0))
    assert [row.standing.total for row in rows if row.standing] == [5.0, 3.0, 0.0]
    with desk.book() as book:
        for row in rows:
            assert row.standing is not None
            submission = book.find_submission(NAME, row.student)
            exported = desk.rows()[row.student]
            assert row.standing.total == submission.score == float(exported["score"]) == float(exported["raw_score"])
            assert row.standing.max_total == submission.max_score == float(exported["max_score"]) == 9.0
            assert sum(mark.points for mark in row.standing.marks.values()) == row.standing.total
    assert rows[1].standing is not None
    points = {name: mark.points for name, mark in rows[1].standing.marks.items()}
    assert points == {"double": 0.0, "norm": 3.0, "why": 0.0}


def test_the_columns_are_those_of_nbgraders_export(desk: Desk) -> None:
    desk.record(desk.outcome())
    assert (desk.directory / "grades.csv").read_text().splitlines()[0] == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty,score,max_score")


def test_automatic_scores_are_set_anew_in_both_directions(desk: Desk) -> None:
    desk.record(desk.outcome(double=0.0))
    assert desk.grades()["test_double"] == (0.0, None, False) and desk.grades()["test_norm"] == (3.0, None, False)
    desk.record(desk.outcome(norm=0.0))
    assert desk.grades()["test_double"] == (2.0, None, False) and desk.grades()["test_norm"] == (0.0, None, False)


def test_an_edited_automatic_score_does_not_survive(desk: Desk) -> None:
    desk.record(desk.outcome(double=0.0))
    with sqlite3.connect(desk.directory / "gradebook.db") as database:
        database.execute("UPDATE grade SET auto_score = 999")
    desk.record(desk.outcome(double=0.0))
    assert desk.grades()["test_double"][0] == 0.0 and desk.rows()["anna"]["score"] == "3.0"


def test_what_a_human_entered_stays(desk: Desk) -> None:
    desk.record(desk.outcome(double=0.0))
    desk.by_hand("test_double", manual_score=1.5)
    desk.by_hand("test_norm", extra_credit=0.5)
    desk.by_hand("why", manual_score=3.0)
    with desk.book() as book:
        book.find_comment("why", NAME, NAME, "anna").manual_comment = "Good."
        book.db.commit()
    [row] = desk.record(desk.outcome(double=0.0))
    assert desk.grades() == {
        "test_double": (0.0, 1.5, False), "test_norm": (3.0, None, False), "why": (None, 3.0, False)}
    assert row.standing is not None and row.standing.total == 1.5 + 3.5 + 3.0 == float(desk.rows()["anna"]["score"])
    assert row.standing.marks["double"].manual and not row.standing.pending
    with desk.book() as book:
        assert book.find_comment("why", NAME, NAME, "anna").comment == "Good."
    assert "Good." in desk.feedback()


@pytest.mark.parametrize(("why", "grade", "comment"), [
    ("An answer.", (None, None, True), None),
    ("released", (0.0, None, False), gradebook.NO_RESPONSE),
    ("lost", (0.0, None, False), gradebook.LOST),
])
def test_only_a_written_answer_that_is_there_waits_for_a_human(
        desk: Desk, why: str, grade: tuple, comment: str | None) -> None:
    def lose(made: nbformat.NotebookNode) -> None:
        made.cells = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "why"]

    answers = {name: text for name, text in ANSWERS.items() if name != "why"} | ({"why": why} if "An" in why else {})
    [row] = desk.record(desk.outcome(answers=answers, edit=lose if why == "lost" else None))
    assert desk.grades()["why"] == grade
    assert row.standing is not None and row.standing.pending == (["why"] if grade[2] else [])
    with desk.book() as book:
        assert book.find_comment("why", NAME, NAME, "anna").auto_comment == comment


def test_a_comment_for_an_empty_answer_goes_when_the_answer_comes(desk: Desk) -> None:
    desk.record(desk.outcome(answers={}, double=0.0, norm=0.0))
    with desk.book() as book:
        assert book.find_comment("double", NAME, NAME, "anna").comment == gradebook.NO_RESPONSE
    desk.record(desk.outcome())
    with desk.book() as book:
        assert book.find_comment("double", NAME, NAME, "anna").comment is None


def test_flags_show_in_the_table_and_in_formgrader(desk: Desk) -> None:
    outcome = desk.outcome()
    assert outcome.result is not None
    outcome.result.flags.append("norm: uses \x1b[31meval\nread this answer")
    [row] = desk.record(outcome)
    assert row.notes == ("norm: uses eval read this answer",)
    with desk.book() as book:
        assert book.find_submission_notebook(NAME, NAME, "anna").flagged


# The lab changes between two runs


@pytest.fixture
def smaller(desk: Desk, tmp_path: Path) -> tuple[Lab, Path]:
    """The lab and its release without the exercise `norm`."""
    lab = dataclasses.replace(desk.lab, cells=tuple(cell for cell in desk.lab.cells if cell.exercise != "norm"))
    release = nbformat.read(desk.release, as_version=4)
    release.cells = [cell for cell in release.cells
                     if "norm" not in cell.metadata.get("nbgrader", {}).get("grade_id", "")]
    path = tmp_path / f"{NAME}-smaller.ipynb"
    nbformat.write(release, path)
    return lab, path


def test_an_exercise_that_vanished_counts_no_more_for_anyone(desk: Desk, smaller: tuple[Lab, Path]) -> None:
    desk.record(desk.outcome("anna"), desk.outcome("ben"))
    lab, release = smaller
    with desk.recording(lab, release) as recorder:
        row = recorder.record(desk.outcome("anna", lab=lab, release=release))
        recorder.export()
    assert row.standing is not None and (row.standing.total, row.standing.max_total) == (2.0, 6.0)
    assert desk.grades("anna")["test_norm"][0] == 0.0
    # ben was not examined again; his score for what is no longer there goes too.
    assert (desk.rows()["ben"]["score"], desk.rows()["ben"]["max_score"]) == ("2.0", "6.0")


def test_a_manual_mark_for_a_vanished_exercise_is_named(desk: Desk, smaller: tuple[Lab, Path]) -> None:
    desk.record(desk.outcome())
    desk.by_hand("test_norm", manual_score=1.0)
    with desk.recording(*smaller) as recorder:
        assert len(recorder.notes) == 1 and "anna" in recorder.notes[0] and "test_norm" in recorder.notes[0]


def test_an_exercise_that_came_later_is_marked_too(desk: Desk, smaller: tuple[Lab, Path]) -> None:
    lab, release = smaller
    with desk.recording(lab, release) as recorder:
        recorder.record(desk.outcome(lab=lab, release=release))
    [row] = desk.record(desk.outcome())
    assert row.standing is not None and (row.standing.total, row.standing.max_total) == (5.0, 9.0)


# What could not be graded


def test_what_was_not_graded_is_no_zero(desk: Desk) -> None:
    [row] = desk.record(Outcome("ines", reason="It is\nnot a notebook."))
    assert row.standing is None and row.notes == ("It is not a notebook.",)
    exported = desk.rows()["ines"]
    assert exported["score"] == exported["raw_score"] == "" and exported["max_score"] == "9.0"
    content = json.loads((desk.directory / "results" / NAME / "ines.json").read_text())
    assert content["not_graded"] == "It is not a notebook."


def test_marks_of_an_earlier_file_go_and_manual_marks_stay(desk: Desk) -> None:
    desk.record(desk.outcome())
    desk.by_hand("why", manual_score=3.0)
    desk.record(Outcome("anna", reason="It is not a notebook."))
    assert desk.grades() == {
        "test_double": (None, None, True), "test_norm": (None, None, True), "why": (None, 3.0, False)}
    assert desk.rows()["anna"]["score"] == ""
    assert not list((desk.directory / "autograded").rglob("*.ipynb"))
    assert not list((desk.directory / "feedback").rglob("*.html"))
    desk.record(desk.outcome())
    assert desk.rows()["anna"]["score"] == "8.0"


def test_two_runs_do_not_record_at_once(desk: Desk) -> None:
    with desk.recording(), pytest.raises(CourseError, match="Another"), desk.recording():
        pass


def test_a_new_gradebook_has_the_version_that_nbgrader_gives_one(tmp_path: Path) -> None:
    put_scripts_on_path()
    with gradebook.opened(tmp_path, "a course") as book:
        version = book.db.execute(sqlalchemy.text("select version_num from alembic_version")).scalar_one()
    assert version == nbgrader.api.get_alembic_version()


def test_a_file_that_is_no_gradebook_gets_a_line(desk: Desk) -> None:
    (desk.directory / "gradebook.db").write_text("not a database" * 100)
    with pytest.raises(CourseError, match="gradebook"), desk.recording():
        pass


# The autograded notebook


def test_test_cells_show_their_visible_part_and_the_verdict(desk: Desk) -> None:
    desk.record(desk.outcome(norm=0.0))
    text = json.dumps(desk.autograded()) + desk.feedback()
    assert "HIDDEN" not in text and "double of a matrix" not in text and "seven numbers" not in text
    cells = {cell.id: cell for cell in desk.autograded().cells}
    assert cells["test_double"].outputs[0].text == "Passed: 2 of 2 points.\n"
    assert cells["test_norm"].outputs[0].name == "stderr"
    assert cells["test_norm"].outputs[0].text == "Not passed: 0 of 3 points.\nnorm looks transposed\n"
    assert "norm looks transposed" in desk.feedback()


def test_cells_metadata_and_order_are_the_releases(desk: Desk) -> None:
    def tamper(made: nbformat.NotebookNode) -> None:
        made.cells.reverse()
        made.metadata.kernelspec = {"name": "evil", "display_name": "evil"}
        for cell in made.cells:
            cell.metadata["tags"] = ["skip-execution"]
            cell.metadata.get("nbgrader", {})["points"] = 1000
            if cell.cell_type == "code":
                cell.outputs = [nbformat.v4.new_output("stream", text="forged")]

    desk.record(desk.outcome(edit=tamper))
    made, release = desk.autograded(), nbformat.read(desk.release, as_version=4)
    ours = [cell for cell in made.cells if cell.id != notebook.ABOUT]
    assert [cell.id for cell in ours] == [cell.id for cell in release.cells]
    assert [cell.metadata for cell in ours] == [cell.metadata for cell in release.cells]
    assert made.metadata == release.metadata
    assert "forged" not in json.dumps(made)
    assert {cell.id: cell.source for cell in made.cells}["double"] == ANSWERS["double"]


def test_added_cells_stand_where_the_student_put_them(desk: Desk) -> None:
    def add(made: nbformat.NotebookNode) -> None:
        place = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in made.cells].index("norm")
        made.cells.insert(place, nbformat.v4.new_code_cell("helper = 1"))
        made.cells.insert(0, nbformat.v4.new_code_cell("first = 1"))

    outcome = desk.outcome(edit=add)
    assert outcome.job is not None and outcome.result is not None
    helper = next(step for step in outcome.job.steps if step.source == "helper = 1")
    outcome.result.outputs[helper.cell] = [{"output_type": "stream", "name": "stdout", "text": "from the helper"}]
    desk.record(outcome)
    sources = [cell.source for cell in desk.autograded().cells if cell.id != notebook.ABOUT]
    assert sources[0] == "first = 1"
    assert sources.index("helper = 1") == sources.index(ANSWERS["norm"]) - 1
    assert desk.autograded().cells[sources.index("helper = 1") + 1].outputs[0].text == "from the helper"


def test_a_lost_answer_shows_the_released_cell(desk: Desk) -> None:
    def lose(made: nbformat.NotebookNode) -> None:
        made.cells = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "norm"]

    [row] = desk.record(desk.outcome(edit=lose, norm=0.0))
    assert "norm" in [cell.id for cell in desk.autograded().cells]
    assert any("lost" in note for note in row.notes)


# Hostile text


EVIL = "<img src=x onerror=alert(1)>"


def test_nothing_of_the_students_becomes_markup(desk: Desk) -> None:
    clean = desk.record(desk.outcome("clean")) and _active(desk.feedback("clean"))
    answers = {**ANSWERS, "double": f'"""{EVIL}"""\n# </code></pre><script>alert(1)</script>\n' + ANSWERS["double"],
               "why": f"{EVIL}\n\n[x](javascript:alert(1)) ![p](https://tracker.example/p.png)\n\n<svg/onload=alert(1)>\n\n"
                      "[y][1] $\\href{javascript:alert(1)}{z}$\n\n[1]: javascript:alert(1)"}
    outcome = desk.outcome("evil", answers=answers, norm=0.0)
    assert outcome.result is not None
    outcome.result.verdicts["norm"].message = f"Your code raised ValueError: {EVIL}"
    svg = base64.b64encode(b"<svg onload=alert(1)>").decode()
    for cell in ("double", "norm"):
        outcome.result.outputs[cell] = [
            {"output_type": "stream", "name": "stdout", "text": f"{EVIL}\x1b]0;title\x07\x1b[2J"},
            {"output_type": "display_data", "metadata": {"filenames": {"image/png": "../../x.png"}}, "data": {
                "text/html": f"<b>MARK</b>{EVIL}", "image/svg+xml": f"<svg>{EVIL}</svg>", "text/markdown": EVIL,
                "application/javascript": "alert('MARK')", "text/plain": f"plain {EVIL}", "image/png": svg}},
            {"output_type": "error", "ename": f"{EVIL}", "evalue": EVIL, "traceback": [f"\x1b[31m{EVIL}\x1b[0m"]},
        ]
    desk.record(outcome)
    made = json.dumps(desk.autograded("evil"))
    for part in ("text/html", "svg+xml", "javascript\"", "text/markdown", "image/png", "MARK", "\\u001b", "filenames"):
        assert part not in made, part
    page = desk.feedback("evil")
    assert "plain &lt;img" in page and "MARK" not in page
    # Whatever can act on the page is what nbgrader's page of a harmless submission has as well.
    assert _active(page) == clean


def _active(page: str) -> list[str]:
    """Everything on a page that can act or load: scripts, pictures, frames, handlers, styles, links without http(s)."""
    from html.parser import HTMLParser

    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = dict(attrs)
            link = (names.get("href") or "").strip()
            harmless_link = tag == "a" and re.match(r"(https?://|#)", link)
            active = ("script", "style", "img", "svg", "math", "iframe", "object", "embed", "form", "input", "link",
                      "meta", "base")
            if tag in active or any(name.startswith("on") for name in names) or "style" in names or (
                    "href" in names and not harmless_link):
                found.append(f"{tag} {sorted(names.items())}")

    Reader(convert_charrefs=True).feed(page)
    return found


def test_a_real_picture_reaches_the_feedback(desk: Desk) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(buffer, format="PNG")
    outcome = desk.outcome()
    assert outcome.result is not None
    outcome.result.outputs["norm"] = [{"output_type": "display_data", "metadata": {}, "data": {
        "text/plain": "<Figure>", "image/png": base64.b64encode(buffer.getvalue()).decode()}}]
    desk.record(outcome)
    assert 'src="data:image/png;base64,' in desk.feedback()


def test_a_picture_in_prose_brings_no_file_of_this_machine(desk: Desk) -> None:
    (desk.directory / "secret.png").write_bytes(b"SECRET")
    desk.record(desk.outcome(answers=ANSWERS | {"why": f"![x](../../../secret.png) ![y]({desk.directory}/secret.png)"}))
    assert base64.b64encode(b"SECRET").decode() not in desk.feedback()


# What every report says, and the files beside


def test_every_report_says_first_that_there_was_no_sandbox(desk: Desk) -> None:
    outcome = desk.outcome()
    desk.record(outcome)
    assert notebook.NO_SANDBOX in desk.autograded().cells[0].source
    page = desk.feedback()
    body = page[page.index("<body>"):]
    assert body.count(notebook.NO_SANDBOX) == 1 and body.index(notebook.NO_SANDBOX) < body.index(NAME)
    assert outcome.result is not None
    outcome.result.sandbox = "bubblewrap"
    desk.record(outcome)
    assert notebook.NO_SANDBOX not in desk.feedback() + json.dumps(desk.autograded())


def test_the_result_is_kept_with_its_key_seed_and_versions(desk: Desk) -> None:
    outcome = desk.outcome()
    assert isinstance(outcome.job, Job)
    desk.record(outcome)
    path = desk.directory / "results" / NAME / "anna.json"
    content = json.loads(path.read_text())
    assert content["key"] == "a-key" and content["seed"] == 7 and content["versions"]["torch"]
    assert content["verdicts"]["norm"]["points"] == 3.0
    assert path.stat().st_mode & 0o077 == 0
    assert not list(desk.directory.rglob("*.partial"))


def test_formgrader_finds_everything(desk: Desk) -> None:
    for student in ("anna", "ines"):
        (desk.directory / "submitted" / student / NAME).mkdir(parents=True)
    desk.record(desk.outcome("anna", norm=0.0), Outcome("ines", reason="not a notebook"))
    assert "a-course" in (desk.directory / "nbgrader_config.py").read_text()
    config = Config()
    config.CourseDirectory.root = str(desk.directory)
    api = NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)
    [assignment] = api.get_assignments()
    assert (assignment["name"], assignment["max_score"], assignment["num_submissions"]) == (NAME, 9.0, 2)
    anna, ines = api.get_submissions(NAME)
    assert (anna["autograded"], anna["score"], anna["needs_manual_grade"]) == (True, 2.0, True)
    assert not ines["autograded"]
    assert [entry["score"] for entry in api.get_student_submissions("anna")] == [2.0]
    assert [entry["failed_tests"] for entry in api.get_notebook_submissions(NAME, NAME)] == [True]


def test_a_configuration_that_is_there_is_left_alone(desk: Desk) -> None:
    (desk.directory / "nbgrader_config.py").write_text("# mine")
    desk.record(desk.outcome())
    assert (desk.directory / "nbgrader_config.py").read_text() == "# mine"


def test_feedback_that_cannot_be_made_costs_no_mark(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise record.feedback.FeedbackFailed("no template")

    monkeypatch.setattr(record.feedback, "write", fail)
    [row] = desk.record(desk.outcome())
    assert row.standing is not None and row.standing.total == 5.0 and "no template" in row.notes[-1]


@pytest.fixture(autouse=True)
def _nothing_outside(desk: Desk) -> Iterator[None]:
    """Recording changes nothing but the course directory."""
    before = desk.release.read_bytes()
    yield
    assert desk.release.read_bytes() == before
