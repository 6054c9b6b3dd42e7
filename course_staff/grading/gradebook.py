"""nbgrader's gradebook: declaring a lab, setting marks, reading them back, exporting them.

Only automatic scores and comments are written, all of them at each run. What a human entered stays.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbgrader.api
from alembic.script import ScriptDirectory
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import make_url
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from traitlets.config import Config, PyFileConfigLoader

from course_staff.authoring import notebooks
from course_staff.grading import spreadsheet
from course_staff.grading.collected import Timing
from course_staff.grading.job import Job, Result
from course_staff.grading.marks import Mark, Standing
from course_staff.grading.roster import Student
from course_staff.grading.store import replace
from course_staff.lab import Lab
from course_staff.paths import CourseError

FILE = "gradebook.db"
CONFIG = "nbgrader_config.py"
# Those of nbgrader's own export, in its order.
COLUMNS = ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
           "late_submission_penalty", "score", "max_score")
NO_RESPONSE = "No response."
LOST = "The cell of this answer is missing from the notebook."


def configuration(directory: Path) -> Config:
    """What nbgrader_config.py of the course directory says, as formgrader reads it there. Empty where there is none.

    Raises CourseError where the file cannot be run.
    """
    if not (directory / CONFIG).is_file():
        return Config()
    try:
        return PyFileConfigLoader(CONFIG, path=str(directory)).load_config()
    except Exception as error:  # whatever the instructor's Python raises
        raise CourseError(f"{directory / CONFIG} cannot be run: {type(error).__name__}: {error}.") from None


def url(directory: Path, given: str = "") -> str:
    """The database of the course directory, as SQLAlchemy names it.

    given: instead of the one that nbgrader_config.py names. Without either it is gradebook.db. A relative file of
    SQLite lies in the course directory, as it does for nbgrader, which works from there. Raises CourseError for what
    is no such name.
    """
    configured = configuration(directory).CourseDirectory
    name = given or (configured.db_url if "db_url" in configured else "") or f"sqlite:///{FILE}"
    try:
        parsed = make_url(name)
    except SQLAlchemyError:
        raise CourseError("The database is named as SQLAlchemy does, for example sqlite:///grades.db or "
                          "postgresql+psycopg://user:password@host/database.") from None
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        parsed = parsed.set(database=str(directory.resolve() / str(parsed.database)))
    return parsed.render_as_string(hide_password=False)


def shown(name: str) -> str:
    """A database's name for people: a file of SQLite as its path, anything else without its password."""
    parsed = make_url(name)
    return str(parsed.database) if parsed.get_backend_name() == "sqlite" else parsed.render_as_string()


@contextmanager
def opened(directory: Path, course_id: str, given: str = "") -> Iterator[Gradebook]:
    """The gradebook of a course directory; made where there is none. `given`: as for `url`.

    Raises CourseError for what is no gradebook, and where the database or its driver is not there.
    """
    name = url(directory, given)
    try:
        with _version_at_once():
            book = Gradebook(name, course_id=course_id)
    except ModuleNotFoundError as error:
        raise CourseError(f"The database {shown(name)} needs the Python package {error.name}: install it beside "
                          "nbgrader.") from None
    except Exception as error:  # SQLAlchemy's errors, of which the driver decides
        raise CourseError(f"{shown(name)} cannot be opened as nbgrader's gradebook: "
                          f"{str(error).splitlines()[0]}. After an update of nbgrader: back it up, then run "
                          "`nbgrader db upgrade` in the course directory.") from None
    try:
        yield book
    finally:
        book.close()


@contextmanager
def _version_at_once() -> Iterator[None]:
    """A new gradebook is given the version of its tables. nbgrader starts a program to read it, for two seconds."""
    def head() -> str:
        return ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic")).get_current_head() or ""

    theirs, nbgrader.api.get_alembic_version = nbgrader.api.get_alembic_version, head
    try:
        yield
    finally:
        nbgrader.api.get_alembic_version = theirs


def declare(book: Gradebook, lab: Lab, release: Path, due: datetime | None = None) -> list[str]:
    """Bring the assignment's exercises, maximum points and due date up to date. Returns what a human should know.

    due: without one, what formgrader was told stays. An exercise that the lab no longer has is worth 0 points from now
    on, for everyone.
    """
    book.update_or_create_assignment(lab.name, **({"duedate": due} if due else {}))
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
        graded = [cell.grade_id or "" for cell in (*lab.tests.values(), *lab.written.values())]
        grades = _of_cells(book, Grade, notebook, graded, book.find_grade_cell)
        comments = _of_cells(book, Comment, notebook, (*lab.answers, *lab.written), book.find_solution_cell)
        for exercise, cell in lab.tests.items():
            grade = grades[cell.grade_id or ""]
            grade.auto_score = result.verdicts[exercise].points
            grade.needs_manual_grade = False
        for exercise, cell in lab.written.items():
            grade = grades[cell.grade_id or ""]
            answered = bool(job.written.get(exercise))
            grade.auto_score = None if answered else 0.0
            grade.needs_manual_grade = answered and grade.manual_score is None
        for exercise in (*lab.answers, *lab.written):
            lost = exercise in job.missing or (exercise in lab.written and job.written.get(exercise) is None)
            empty = exercise in job.unchanged or (exercise in lab.written and not job.written.get(exercise))
            comments[exercise].auto_comment = LOST if lost else NO_RESPONSE if empty else None
        if result.flags:
            notebook.flagged = True  # only a human takes a flag off


# Penalties and times


Penalty = Callable[[str, float, float], float]


def penalty_of(directory: Path) -> Penalty:
    """What nbgrader takes off for lateness: (student, score, seconds late) -> points, from 0 to the score.

    nbgrader_config.py decides, by AssignLatePenalties.plugin_class and LateSubmissionPlugin.penalty_method; without
    them nothing is taken off. Raises CourseError for a plugin that cannot be had.
    """
    config = configuration(directory)
    quiet = logging.getLogger("course.penalties")
    quiet.propagate = False
    try:
        with _importable(directory):
            step = AssignLatePenalties(config=config)
            step.init_plugin()
    except Exception as error:
        raise CourseError(f"{directory / CONFIG}: the plugin for late submissions cannot be used: {error}") from None
    step.log = step.plugin_inst.log = quiet

    def penalty(student: str, score: float, seconds: float) -> float:
        if seconds <= 0:
            return 0.0
        taken = step.plugin_inst.late_submission_penalty(student, score, seconds)
        return min(max(float(taken or 0.0), 0.0), score)

    return penalty


@contextmanager
def _importable(directory: Path) -> Iterator[None]:
    """A plugin may lie in the course directory, where nbgrader is started. It is searched last."""
    import sys

    sys.path.append(str(directory.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(directory.resolve()))


def set_times(book: Gradebook, lab: Lab, student: str, timing: Timing, penalty: Penalty) -> None:
    """Set when a submission came, the student's extension, and the penalty. The marks have been set before."""
    submission = book.find_submission(lab.name, student)
    notebook = book.find_submission_notebook(lab.name, lab.name, student)
    with _all_or_nothing(book):
        submission.timestamp = timing.time
        if timing.managed:
            submission.extension = timing.extension
        notebook.late_submission_penalty = penalty(student, notebook.score, submission.total_seconds_late) or None


def set_names(book: Gradebook, students: Iterable[Student]) -> None:
    """Set names, addresses and the platform's ids, and add who is not there yet. In one transaction."""
    attributes = ("first_name", "last_name", "email", "lms_user_id")
    known = {student.id: student for student in book.students}
    with _all_or_nothing(book):
        for student in students:
            values = dict(zip(attributes, (student.first_name, student.last_name, student.email, student.lms_id),
                              strict=True))
            entry = known.get(student.id)
            if entry is None:
                book.db.add(nbgrader.api.Student(id=student.id, **values))
            elif any(getattr(entry, name) != value for name, value in values.items()):
                for name, value in values.items():
                    setattr(entry, name, value)


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
        notebook.late_submission_penalty = None


@dataclass(frozen=True)
class Entry:
    """What the gradebook has of one student's submission of one lab.

    grades: (score, automatic, manual, extra credit, needs a human) by grade id. comments: (automatic, manual) by name.
    time: when it came, due: when everybody's was due, both UTC without zone, as nbgrader keeps them. penalty: points.
    """

    grades: dict[str, tuple[float, float | None, float | None, float | None, bool]] = field(default_factory=dict)
    comments: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    time: datetime | None = None
    due: datetime | None = None
    extension: timedelta | None = None
    penalty: float = 0.0

    def digest(self) -> str:
        """A hash of it: the pages for students show what stands here."""
        facts = [sorted(self.grades.items()), sorted(self.comments.items()), str(self.time), str(self.due),
                 str(self.extension), self.penalty]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def score(self) -> float:
        """Points without the penalty."""
        return sum(score for score, *_ in self.grades.values())

    @property
    def pending(self) -> bool:
        """Whether a human still has to grade something, or nothing could be graded."""
        return any(waits for *_, waits in self.grades.values())

    @property
    def own_due(self) -> datetime | None:
        """The student's own due date, with the extension."""
        return self.due + (self.extension or timedelta()) if self.due else None

    @property
    def seconds_late(self) -> float:
        """How long after the student's own due date it came, in seconds; 0 where one of the two is not known."""
        return max(0.0, (self.time - self.own_due).total_seconds()) if self.time and self.own_due else 0.0

    def comment(self, name: str) -> str | None:
        """The comment that counts: a human's goes before ours, as in nbgrader."""
        automatic, manual = self.comments.get(name, (None, None))
        return automatic if manual is None else manual

    def standing(self, lab: Lab) -> Standing:
        """The marks by exercise. Raises KeyError where there are none for one."""
        marks = {}
        for exercise, cell in (*lab.tests.items(), *lab.written.items()):
            score, _, manual, _, pending = self.grades[cell.grade_id or ""]
            marks[exercise] = Mark(score, cell.points, pending, manual is not None)
        most = sum(cell.points for cell in (*lab.tests.values(), *lab.written.values()))
        return Standing(marks, max(0.0, self.score - self.penalty), most, self.penalty)


def entries(book: Gradebook, lab: Lab, student: str | None = None) -> dict[str, Entry]:
    """What the gradebook has of a lab, by student: of all, or of one. In a few queries, however many students."""
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

    about = (book.db.query(SubmittedAssignment.student_id, SubmittedAssignment.timestamp, Assignment.duedate,
                           SubmittedAssignment.extension, SubmittedNotebook.late_submission_penalty)
             .select_from(SubmittedNotebook)
             .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
             .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
             .filter(SubmittedNotebook.notebook_id == notebook.id))
    if student is not None:
        about = about.filter(SubmittedAssignment.student_id == student)
    found = {name: Entry(time=time, due=due, extension=extension, penalty=penalty or 0.0)
             for name, time, due, extension, penalty in about}
    for name, cell, *grade in rows(Grade, Grade.score, Grade.auto_score, Grade.manual_score, Grade.extra_credit,
                                   Grade.needs_manual_grade):
        found[name].grades[cell] = tuple(grade)
    for name, cell, *comment in rows(Comment, Comment.auto_comment, Comment.manual_comment):
        found[name].comments[cell] = tuple(comment)
    return found


def export(book: Gradebook, path: Path, ungraded: set[tuple[str, str]]) -> None:
    """Write grades.csv: what nbgrader's own export writes, with names quoted, in one order, in two queries a lab.

    nbgrader's asks the database several times for each student and lab. ungraded: (lab, student) of what could not be
    graded; nbgrader would write 0 for it, we leave the score empty.
    """
    students = sorted(book.db.query(
        nbgrader.api.Student.id, nbgrader.api.Student.last_name, nbgrader.api.Student.first_name,
        nbgrader.api.Student.email), key=lambda row: row[0])
    rows = []
    for assignment in sorted(book.assignments, key=lambda assignment: assignment.name):
        handed_in = {student: rest for student, *rest in book.db.query(
            SubmittedAssignment.student_id, SubmittedAssignment.timestamp, SubmittedAssignment.score,
            SubmittedAssignment.late_submission_penalty).filter(SubmittedAssignment.assignment_id == assignment.id)}
        for student, last, first, email in students:
            time, score, penalty = handed_in.get(student, ("", 0.0, 0.0))
            scores = ["", penalty, ""] if (assignment.name, student) in ungraded else [
                score, penalty, max(0.0, score - penalty)]
            rows.append(dict(zip(COLUMNS, [assignment.name, assignment.duedate, time, student, last, first, email,
                                           *scores, assignment.max_score], strict=True)))
    replace(path, spreadsheet.written(COLUMNS, rows).encode())


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


def _of_cells(book: Gradebook, kind: type[Grade] | type[Comment], notebook: SubmittedNotebook, names: Iterable[str],
              find: Callable[..., BaseCell]) -> dict[str, Any]:
    """The grades or the comments of a submission by the names of their cells, in one query: nbgrader needs four each.

    nbgrader makes them when a submission is first seen; cells that the lab got since then have none.
    """
    found = dict(book.db.query(BaseCell.name, kind).join(BaseCell, kind.cell_id == BaseCell.id)
                 .filter(kind.notebook_id == notebook.id).all())
    for name in set(names) - found.keys():
        cell = find(name, notebook.notebook.name, notebook.assignment.name)
        found[name] = kind(cell_id=cell.id, notebook=notebook)
        book.db.add(found[name])
    return found
