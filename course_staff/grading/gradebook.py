"""nbgrader's gradebook: declaring a lab, setting marks, reading them back, exporting them.

Only automatic scores and comments are written, all of them at each run. What a human entered stays.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import BaseCell, Comment, Grade, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy.exc import SAWarning

from course_staff.authoring import notebooks
from course_staff.grading.job import Job, Result
from course_staff.lab import Lab
from course_staff.paths import CourseError, put_scripts_on_path

FILE = "gradebook.db"
NO_RESPONSE = "No response."
LOST = "The cell of this answer is missing from the notebook."


@dataclass(frozen=True)
class Mark:
    """The mark of one graded cell as the gradebook has it. `pending`: a human still has to grade it."""

    points: float
    max_points: float
    pending: bool
    manual: bool


@dataclass(frozen=True)
class Standing:
    """A student's marks in one lab: by exercise, in the lab's order, and their sum."""

    marks: dict[str, Mark]
    total: float
    max_total: float

    @property
    def pending(self) -> list[str]:
        """The exercises that a human still has to grade."""
        return [exercise for exercise, mark in self.marks.items() if mark.pending]


def url(directory: Path) -> str:
    """The database of the course directory, as SQLAlchemy names it."""
    return f"sqlite:///{directory.resolve() / FILE}"


@contextmanager
def opened(directory: Path, course_id: str) -> Iterator[Gradebook]:
    """The gradebook of a course directory; made where there is none. Raises CourseError for a file that is none."""
    put_scripts_on_path()
    try:
        book = Gradebook(url(directory), course_id=course_id)
    except Exception as error:  # SQLAlchemy's errors, of which the driver decides
        raise CourseError(f"{directory / FILE} cannot be opened as nbgrader's gradebook: "
                          f"{str(error).splitlines()[0]}. After an update of nbgrader: back it up, then run "
                          "`nbgrader db upgrade` beside it.") from None
    try:
        yield book
    finally:
        book.close()


def declare(book: Gradebook, lab: Lab, release: Path) -> list[str]:
    """Bring the assignment's exercises and maximum points up to date. Returns what a human should know.

    An exercise that the lab no longer has is worth 0 points from now on, for everyone.
    """
    book.update_or_create_assignment(lab.name)
    book.update_or_create_notebook(lab.name, lab.name)
    graded = {cell.grade_id: cell for cell in (*lab.tests.values(), *lab.written.values())}
    for name, cell in graded.items():
        book.update_or_create_grade_cell(name, lab.name, lab.name, max_score=cell.points,
                                         cell_type="code" if cell.is_code else "markdown")
    for name in (*lab.answers, *lab.written):
        book.update_or_create_solution_cell(name, lab.name, lab.name)
    for given in notebooks.read(release).cells:
        facts = given.metadata.get("nbgrader")
        if facts:
            book.update_or_create_source_cell(
                facts["grade_id"], lab.name, lab.name, cell_type=given.cell_type, source=given.source,
                locked=bool(facts.get("locked")), checksum=facts.get("checksum"))
    said = []
    for cell in book.find_notebook(lab.name, lab.name).grade_cells:
        if cell.name in graded:
            continue
        cell.max_score = 0.0
        for grade in cell.grades:
            grade.auto_score, grade.needs_manual_grade = 0.0, False
            if grade.manual_score or grade.extra_credit:
                said.append(f"{grade.student.id}: a mark given by hand for {cell.name!r} still counts, although the "
                            "lab no longer has that exercise.")
    book.db.commit()
    return said


def set_marks(book: Gradebook, lab: Lab, job: Job, result: Result) -> None:
    """Set every automatic score and comment of one submission anew."""
    notebook = _submission(book, lab, job.student)
    with _all_or_nothing(book):
        for exercise, cell in lab.tests.items():
            grade = _grade(book, notebook, cell.grade_id or "")
            grade.auto_score = result.verdicts[exercise].points
            grade.needs_manual_grade = False
        for exercise, cell in lab.written.items():
            grade = _grade(book, notebook, cell.grade_id or "")
            answered = bool(job.written.get(exercise))
            grade.auto_score = None if answered else 0.0
            grade.needs_manual_grade = answered and grade.manual_score is None
        for exercise in (*lab.answers, *lab.written):
            lost = exercise in job.missing or (exercise in lab.written and job.written.get(exercise) is None)
            empty = exercise in job.unchanged or (exercise in lab.written and not job.written.get(exercise))
            _comment(book, notebook, exercise).auto_comment = LOST if lost else NO_RESPONSE if empty else None
        if result.flags:
            notebook.flagged = True  # only a human takes a flag off


def set_ungraded(book: Gradebook, lab: Lab, student: str) -> None:
    """What is handed in now could not be graded: earlier automatic scores go, because they belong to another file."""
    book.update_or_create_student(student)
    try:
        notebook = book.find_submission_notebook(lab.name, lab.name, student)
    except MissingEntry:
        return
    with _all_or_nothing(book):
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = grade.manual_score is None
        for comment in notebook.comments:
            comment.auto_comment = None


@dataclass(frozen=True)
class Entry:
    """What the gradebook has of one student's submission of one lab.

    grades: (score, automatic, manual, extra credit, needs a human) by grade id. comments: (automatic, manual) by name.
    """

    grades: dict[str, tuple[float, float | None, float | None, float | None, bool]]
    comments: dict[str, tuple[str | None, str | None]]

    def digest(self) -> str:
        """A hash of it: the pages for students show what stands here."""
        facts = [sorted(self.grades.items()), sorted(self.comments.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def standing(self, lab: Lab) -> Standing:
        """The marks by exercise. Raises KeyError where there are none for one."""
        marks = {}
        for exercise, cell in (*lab.tests.items(), *lab.written.items()):
            score, _, manual, _, pending = self.grades[cell.grade_id or ""]
            marks[exercise] = Mark(score, cell.points, pending, manual is not None)
        most = sum(cell.points for cell in (*lab.tests.values(), *lab.written.values()))
        return Standing(marks, sum(score for score, *_ in self.grades.values()), most)


def entries(book: Gradebook, lab: Lab, student: str | None = None) -> dict[str, Entry]:
    """What the gradebook has of a lab, by student: of all, or of one. In three queries, however many students."""
    try:
        notebook = book.find_notebook(lab.name, lab.name)
    except MissingEntry:
        return {}

    def rows(kind: Any, *columns: Any) -> Any:
        query = (book.db.query(SubmittedAssignment.student_id, BaseCell.name, *columns).select_from(kind)
                 .join(SubmittedNotebook, kind.notebook_id == SubmittedNotebook.id)
                 .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                 .join(BaseCell, kind.cell_id == BaseCell.id)
                 .filter(SubmittedNotebook.notebook_id == notebook.id))
        return query.filter(SubmittedAssignment.student_id == student) if student is not None else query

    found: dict[str, Entry] = {}
    for name, cell, *grade in rows(Grade, Grade.score, Grade.auto_score, Grade.manual_score, Grade.extra_credit,
                                   Grade.needs_manual_grade):
        found.setdefault(name, Entry({}, {})).grades[cell] = tuple(grade)
    for name, cell, *comment in rows(Comment, Comment.auto_comment, Comment.manual_comment):
        found.setdefault(name, Entry({}, {})).comments[cell] = tuple(comment)
    return found


def export(book: Gradebook, path: Path, ungraded: set[tuple[str, str]]) -> None:
    """Write grades.csv with nbgrader's own exporter.

    ungraded: (lab, student) of what could not be graded; the exporter would write 0 for it, we leave the score empty.
    """
    partial = path.with_name(f".{path.name}.partial")
    exporter = CsvExportPlugin(to=str(partial))
    exporter.log = logging.getLogger("course.export")
    exporter.export(book)
    with partial.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        columns = list(csv.DictReader(io.StringIO(partial.read_text(encoding="utf-8"))).fieldnames or ())
    for row in rows:
        if (row["assignment"], row["student_id"]) in ungraded:
            row["raw_score"] = row["score"] = ""
    # The exporter's order is that of the first recording, which differs from run to run.
    rows.sort(key=lambda row: (row["assignment"], row["student_id"]))
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)


@contextmanager
def _all_or_nothing(book: Gradebook) -> Iterator[None]:
    try:
        yield
        book.db.commit()
    except BaseException:
        book.db.rollback()
        raise


def _submission(book: Gradebook, lab: Lab, student: str) -> SubmittedNotebook:
    book.update_or_create_student(student)
    with warnings.catch_warnings():
        # nbgrader lets SQLAlchemy look at a submission before it has added it; the result is right.
        warnings.simplefilter("ignore", SAWarning)
        book.update_or_create_submission(lab.name, student)
    return book.find_submission_notebook(lab.name, lab.name, student)


# nbgrader makes grades and comments when a submission is first seen; cells that the lab got since then have none.


def _grade(book: Gradebook, notebook: SubmittedNotebook, name: str) -> Grade:
    cell = book.find_grade_cell(name, notebook.notebook.name, notebook.assignment.name)
    grade = book.db.query(Grade).filter_by(cell_id=cell.id, notebook_id=notebook.id).one_or_none()
    if grade is None:
        grade = Grade(cell_id=cell.id, notebook=notebook)
        book.db.add(grade)
    return grade


def _comment(book: Gradebook, notebook: SubmittedNotebook, name: str) -> Comment:
    cell = book.find_solution_cell(name, notebook.notebook.name, notebook.assignment.name)
    comment = book.db.query(Comment).filter_by(cell_id=cell.id, notebook_id=notebook.id).one_or_none()
    if comment is None:
        comment = Comment(cell_id=cell.id, notebook=notebook)
        book.db.add(comment)
    return comment
