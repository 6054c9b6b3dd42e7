"""Stage three: a result becomes a mark. Trusted, and the one writer of the course directory.

Every outcome is recorded when it arrives, so that an interrupted run leaves whole students behind and no halves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from dataclasses import replace as replaced
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from nbgrader.api import Gradebook

from course_staff.authoring import notebooks
from course_staff.grading import feedback, gradebook, moments, notebook, sanitise, similar
from course_staff.grading.collected import NO_TIMING, Collected, Timing
from course_staff.grading.job import Job, Outcome
from course_staff.grading.marks import Row
from course_staff.grading.roster import Roster
from course_staff.grading.store import replace, versions
from course_staff.lab import Lab
from course_staff.paths import CourseError

CONFIG = '''\
"""nbgrader's configuration of this class, read by formgrader. `course grade` wrote it once; it is yours to change."""

c = get_config()  # noqa: F821  (whoever loads this file supplies it)

c.CourseDirectory.course_id = {course_id!r}
'''
DATABASE = "c.CourseDirectory.db_url = {url!r}\n"


class Recorder:
    """Writes the outcomes of one lab into a course directory."""

    def __init__(self, directory: Path, lab: Lab, release: Path, book: Gradebook) -> None:
        self.directory, self.lab, self.release, self.book = directory, lab, release, book
        self.penalty = gradebook.penalty_of(directory)
        self.notes = gradebook.declare(book, lab, release, moments.stored(Collected.of(directory, lab.name).due))
        if (roster := Roster.of(directory)) is not None:
            gradebook.set_names(book, roster.students.values())

    def record(self, outcome: Outcome, timing: Timing = NO_TIMING) -> Row:
        """Set one student's marks and files anew. Returns what to say about it, read back from the gradebook."""
        if outcome.job is None or outcome.result is None:
            return self._record_ungraded(outcome)
        student, job, result = outcome.student, outcome.job, outcome.result
        shown = sanitise.of_cells(result.outputs)
        page = notebook.autograded(self.lab, self.release, job, result, shown)
        gradebook.set_marks(self.book, self.lab, job, result)
        gradebook.set_times(self.book, self.lab, student, timing, self.penalty)
        replace(self._autograded(student), notebooks.text_of(page).encode())
        entry = gradebook.entries(self.book, self.lab, student)[student]
        notes = [*map(sanitise.one_line, result.flags), *lateness(entry, timing)]
        try:
            feedback.write(self.directory, self.lab, student, page, entry,
                           notebook.NO_SANDBOX if result.sandbox == "none" else "")
        except feedback.FeedbackFailed as error:
            self._feedback(student).unlink(missing_ok=True)
            notes.append(sanitise.one_line(f"The mark is recorded, but no feedback was made: {error}"))
        # The last file that is written: what says that all the others are there.
        told = asdict(replaced(result, outputs={}))
        self._write_result(student, {**told, "outputs": shown, "notes": notes, "entry": entry.digest(),
                                     "runs": _runs(job)})
        return Row(student, entry.standing(self.lab), tuple(notes), sandbox=result.sandbox)

    def unchanged(self, student: str, key: str, timing: Timing = NO_TIMING) -> Row | None:
        """The row of a student whose marks, times and files are those of this key and untouched since."""
        content, entry = self._read_result(student), self._entries.get(student)
        if not key or content.get("key") != key or entry is None or content.get("entry") != entry.digest():
            return None
        if entry.time != timing.time or (timing.managed and entry.extension != timing.extension):
            return None
        if self.penalty(student, entry.score, entry.seconds_late) != entry.penalty:
            return None
        if not set(lateness(entry, timing)) <= set(content["notes"]):
            return None
        if not (self._autograded(student).is_file() and self._feedback(student).is_file()):
            return None
        return Row(student, entry.standing(self.lab), tuple(content["notes"]), sandbox=content["sandbox"])

    def changes(self, rows: Iterable[Row]) -> Iterator[str]:
        """A line for each automatic mark that is another one than before this run: after a changed test."""
        for row in rows:
            before = self._entries.get(row.student)
            if before is None or row.standing is None:
                continue
            for exercise, cell in self.lab.tests.items():
                _, old, manual, _, _ = before.grades.get(cell.grade_id or "", (0, None, None, None, False))
                new = row.standing.marks[exercise].points
                if old is not None and manual is None and old != new:
                    yield f"changed: {row.student}, {exercise}: {old:g} -> {new:g}"

    def export(self) -> Path:
        """Write grades.csv for all labs and students of the gradebook. Returns the file."""
        ungraded = {(path.parent.name, path.stem) for path in self.directory.glob("results/*/*.json")
                    if "not_graded" in json.loads(path.read_text(encoding="utf-8"))}
        path = self.directory / "grades.csv"
        gradebook.export(self.book, path, ungraded)
        return path

    def _record_ungraded(self, outcome: Outcome) -> Row:
        reason = sanitise.one_line(outcome.reason)
        gradebook.set_ungraded(self.book, self.lab, outcome.student)
        for stale in (self._autograded(outcome.student), self._feedback(outcome.student)):
            stale.unlink(missing_ok=True)
        self._write_result(outcome.student, {"lab": self.lab.name, "student": outcome.student, "not_graded": reason,
                                             "our_fault": outcome.our_fault})
        return Row(outcome.student, None, (reason,), outcome.our_fault)

    def _autograded(self, student: str) -> Path:
        return self.directory / "autograded" / student / self.lab.name / f"{self.lab.name}.ipynb"

    def _feedback(self, student: str) -> Path:
        return self.directory / "feedback" / student / self.lab.name / f"{self.lab.name}.html"

    def _write_result(self, student: str, content: dict) -> None:
        text = json.dumps({**content, "versions": versions()}, indent=1, sort_keys=True)
        # The private seed stands in it, so it is for the owner's eyes.
        replace(self.directory / "results" / self.lab.name / f"{student}.json", text.encode(), mode=0o600)

    def _read_result(self, student: str) -> dict:
        try:
            return json.loads((self.directory / "results" / self.lab.name / f"{student}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    @cached_property
    def _entries(self) -> dict[str, gradebook.Entry]:
        """The gradebook as it was when this run began, after the lab was declared."""
        return gradebook.entries(self.book, self.lab)


def _runs(job: Job) -> dict[str, list[int]]:
    """What the report compares of each answer. An answer in several cells is all of them."""
    answers: dict[str, str] = {}
    for step in job.steps:
        if step.kind == "run" and step.exercise and step.exercise not in job.unchanged:
            answers[step.exercise] = f"{answers.get(step.exercise, '')}\n{step.source}"
    return {exercise: sorted(similar.runs(source)) for exercise, source in answers.items()}


def lateness(entry: gradebook.Entry, timing: Timing) -> list[str]:
    """What to say about when a submission came."""
    if timing.replaced:
        return ["The file is not the one that was collected: when it came is not known."]
    if entry.seconds_late and entry.own_due:
        extended = " with the extension" if entry.extension else ""
        taken = f" {entry.penalty:g} points are taken off." if entry.penalty else ""
        return [f"Late by {moments.span(timedelta(seconds=entry.seconds_late))}: due {moments.line(entry.own_due)}"
                f"{extended}.{taken}"]
    if timing.late and entry.time is None:
        return ["Late, says the learning platform; when it came is not known."]
    return []


@contextmanager
def recorder(directory: Path, lab: Lab, release: Path, course_id: str, database: str = "") -> Iterator[Recorder]:
    """The recorder of a course directory: one at a time. Makes what formgrader needs to open the directory.

    database: its gradebook, by default the one that nbgrader_config.py names. Raises CourseError where another run is
    recording there.
    """
    with alone(directory):
        config = directory / gradebook.CONFIG
        notes = []
        if not config.exists():
            named = DATABASE.format(url=gradebook.url(directory, database)) if database else ""
            # A database's name may hold a password.
            replace(config, (CONFIG.format(course_id=course_id) + named).encode(), mode=0o600 if named else 0o644)
        elif database and gradebook.url(directory, database) != gradebook.url(directory):
            notes.append(f"The marks go to {gradebook.shown(gradebook.url(directory, database))}, and formgrader shows "
                         f"{gradebook.shown(gradebook.url(directory))}: set c.CourseDirectory.db_url in {config}.")
        if not (directory / "solutions" / lab.name).is_dir():
            # Formgrader lists the assignments that it finds in the source folder. No answers are needed there.
            replace(directory / "source" / lab.name / f"{lab.name}.ipynb", release.read_bytes())
        with gradebook.opened(directory, course_id, database) as book:
            made = Recorder(directory, lab, release, book)
            made.notes += notes
            yield made


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One command at a time writes in a course directory. Raises CourseError where another one does."""
    import fcntl  # POSIX, as is everything that runs students' code

    with open(directory / ".course_grade.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseError(f"Another `course grade` is recording in {directory}: wait until it ends.") from None
        yield
