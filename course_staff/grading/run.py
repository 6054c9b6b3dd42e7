"""`course grade`: from a folder of submissions to marks. The order of the stages, and what happens when one fails."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from course_staff.authoring import notebooks
from course_staff.authoring.colab import plain
from course_staff.grading import cluster, pool, sanitise, table
from course_staff.grading.collect import Submission, submissions
from course_staff.grading.collected import Collected, Timing
from course_staff.grading.job import Job, Outcome
from course_staff.grading.launch import Launcher
from course_staff.grading.marks import Row
from course_staff.grading.pool import Examiner, Task, examine_all
from course_staff.grading.prepare import MAX_BYTES, Unreadable, prepare
from course_staff.grading.roster import Roster
from course_staff.grading.sandbox import HEAVY, Sandbox
from course_staff.grading.store import Store, key_of, machinery, replace
from course_staff.lab import SOLUTION_BEGIN, SOLUTION_END, Cell, Lab
from course_staff.paths import Course, CourseError

if TYPE_CHECKING:
    from course_staff.grading.record import Recorder

SEED_FILE = ".course_seed"
RESULTS = ".course_results"


@dataclass(frozen=True)
class Settings:
    """How to grade.

    jobs: submissions examined at once. students: only these; all where empty. seed: the private seed, to repeat an
    earlier run; by default the directory's own. again: examine anew what has a result. launcher: None for the sandbox.
    database: of the gradebook, as SQLAlchemy names it; by default the one that nbgrader_config.py names.
    workers: makes the pool of that many workers. shared: whether workers see the course directory.
    """

    jobs: int = 1
    students: Collection[str] = ()
    seed: int | None = None
    again: bool = False
    launcher: Launcher | None = None
    database: str = ""
    examiner: Examiner | None = None
    workers: Callable[[int], AbstractContextManager[Executor]] = pool.local
    shared: bool = True


def grade(course: Course, directory: Path, module: str, settings: Settings = Settings(),
          screen: Console | None = None) -> bool:
    """Grade the submissions of a lab in a course directory and print the table.

    Returns False where something on our side failed, so that a readable submission has no mark. Raises CourseError
    where nothing can be graded at all.
    """
    return not any(row.our_fault for row in mark(course, directory, module, settings, screen))


def mark(course: Course, directory: Path, module: str, settings: Settings = Settings(),
         screen: Console | None = None) -> list[Row]:
    """Do what `grade` says. Returns the rows of the table, by student."""
    screen = screen or table.console()
    found, refused = submissions(directory, module, settings.students)
    desk = _Desk.of(course, directory, module, settings)
    lab, release = desk.lab, desk.release
    rows: list[Row] = []
    timings: dict[str, Timing] = {}
    with contextlib.ExitStack() as stack:
        if settings.shared and desk.has_work(found, settings.again):
            stack.enter_context(pool.started_early(desk.launcher))
        # nbgrader takes most of a second to import, in which workers can begin.
        from course_staff.authoring.release import configuration
        from course_staff.grading import gradebook, record, report

        course_id = configuration(course).get("CourseDirectory", {}).get("course_id") or "default_course"
        recorder = stack.enter_context(record.recorder(directory, lab, release, course_id, settings.database))
        progress = stack.enter_context(_progress(screen))
        bar = progress.add_task(module, total=len(found))

        def done(row: Row) -> None:
            rows.append(row)
            if not progress.disable:
                progress.console.print(table.line(row))
            progress.advance(bar)

        def to_examine() -> Iterator[Job]:
            """The jobs that need a worker. The others are recorded on the way."""
            for submission in found:
                key, timing = desk.key_and_timing(submission)
                timings[submission.student] = timing
                row = None if settings.again else recorder.unchanged(submission.student, key, timing)
                if row is None:
                    outcome = desk.prepared(submission, key, fresh=settings.again)
                    if outcome.job is not None and outcome.result is None:
                        yield outcome.job
                        continue
                    row = _recorded(recorder, outcome, timing)
                done(row)

        task = (Task(desk.launcher, desk.store.folder.resolve(), settings.examiner) if settings.shared
                else Task(desk.launcher, None, settings.examiner, machinery()))
        for outcome in examine_all(to_examine(), task, settings.jobs, settings.workers):
            if outcome.result is not None and not settings.shared:
                desk.store.put(outcome.result)
            done(_recorded(recorder, outcome, timings[outcome.student]))
        csv = recorder.export()
    rows.sort(key=lambda row: row.student)
    table.show(lab, rows, screen)
    for line in recorder.changes(rows):
        screen.print(Text(line))
    page = report.write(directory, lab, rows)
    book = gradebook.shown(gradebook.url(directory, settings.database))
    places = f"Marks: {csv} and {book}; pages for students: {directory / 'feedback'}; report: {page}."
    for line in (*recorder.notes, *refused, *_summary(rows, directory, settings), places):
        screen.print(Text(sanitise.one_line(line, 1000)), soft_wrap=True)
    return rows


def on_cluster(settings: Settings, address: str, course: Course, directory: Path) -> Settings:
    """These settings, with the examinations on the workers of the Dask scheduler at `address`.

    Raises CourseError where the package for it is not installed.
    """
    launcher = settings.launcher or _sandbox(course, directory)
    return dataclasses.replace(settings, launcher=launcher, jobs=max(settings.jobs, cluster.AT_LEAST), shared=False,
                               workers=cluster.cluster(address, launcher))


def explain_verdict(course: Course, directory: Path, module: str, student: str, exercise: str,
                    settings: Settings = Settings(), screen: Console | None = None) -> bool:
    """Examine one exercise of one student again and print the evidence. Returns whether the recorded verdict agrees.

    Raises CourseError where there is no such submission or exercise.
    """
    from course_staff.grading import explain  # with torch, which grading leaves to the workers

    desk = _Desk.of(course, directory, module, settings)
    (submission,), _ = submissions(directory, module, [student])
    if exercise not in desk.lab.tests:
        raise CourseError(f"{module} has no autograded exercise {exercise!r}. It has: {', '.join(desk.lab.tests)}.")
    outcome = desk.prepared(submission, "", fresh=False)
    if outcome.job is None:
        raise CourseError(f"{student}: {outcome.reason}")
    return explain.show(outcome.job, exercise, desk.launcher,
                        explain.recorded_verdict(directory, module, student, exercise), screen or table.console())


@dataclass(frozen=True)
class _Desk:
    """What turns submissions into jobs."""

    lab: Lab
    release: Path
    released: bytes
    source: bytes
    launcher: Launcher
    seed: int
    store: Store
    collected: Collected

    @classmethod
    def of(cls, course: Course, directory: Path, module: str, settings: Settings) -> _Desk:
        """Raises CourseError where this machine, the release or the directory does not allow grading."""
        launcher = settings.launcher or _sandbox(course, directory, course.solution(module).read_text(encoding="utf-8"))
        if settings.shared:  # else the workers are asked: no student's code runs here
            launcher.check()
        lab = Lab.read(course.solution(module))
        release = course.release(module)
        check_release(lab, release)
        _check_directory(directory)
        seed = course_seed(directory) if settings.seed is None else settings.seed
        return cls(lab, release, release.read_bytes(), course.solution(module).read_bytes(), launcher, seed,
                   Store(directory / RESULTS / module), Collected.of(directory, module))

    def key_and_timing(self, submission: Submission) -> tuple[str, Timing]:
        """The key of what was handed in, "" where it cannot be read, and when it came."""
        if submission.problem:
            return "", Timing()
        try:
            with submission.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError:
            return "", Timing()
        key = key_of(submission.student, content, self.released, self.source, self.seed, self.launcher)
        return key, self.collected.timing(submission.student, content)

    def has_work(self, found: Sequence[Submission], again: bool) -> bool:
        """Whether a submission has no result yet, so that workers will be needed."""
        return any(again or not self.store.has(key) for key, _ in map(self.key_and_timing, found) if key)

    def prepared(self, submission: Submission, key: str, fresh: bool) -> Outcome:
        """A job, with its result where there is one already; or why there is no job."""
        if submission.problem:
            return Outcome(submission.student, reason=submission.problem)
        try:
            job = prepare(self.lab, self.release, submission.path, submission.student, self.seed)
        except Unreadable as error:
            return Outcome(submission.student, reason=str(error))
        except CourseError:
            raise
        except Exception as error:  # whatever one file does to the parser, the others are graded
            reason = f"It cannot be read: {type(error).__name__}: {error}"
            return Outcome(submission.student, reason=reason, our_fault=True)
        if fresh:
            self.store.drop(key)
        return Outcome(submission.student, dataclasses.replace(job, key=key), self.store.get(key) if key else None)


def _sandbox(course: Course, directory: Path, source: str | None = None) -> Launcher:
    """source: of the lab, which says what it may import. None: it may be any."""
    warm = tuple(name for name, words in HEAVY.items() if source is None or any(word in source for word in words))
    return Sandbox(hidden=(directory, course.root / "solutions"), warm=warm)


def _recorded(recorder: Recorder, outcome: Outcome, timing: Timing) -> Row:
    try:
        return recorder.record(outcome, timing)
    except Exception as error:  # one student's record must not cost the others theirs
        recorder.book.db.rollback()  # a server takes nothing more until then
        reason = f"could not be recorded: {type(error).__name__}: {sanitise.one_line(error)}"
        return Row(outcome.student, None, (reason,), our_fault=True)


def course_seed(directory: Path) -> int:
    """The private seed of the course directory: made once, readable by the owner alone."""
    path = directory / SEED_FILE
    if not path.exists():
        replace(path, f"{secrets.randbits(63)}\n".encode(), mode=0o600)
    try:
        return int(path.read_text(encoding="ascii"))
    except ValueError:
        raise CourseError(f"{path} does not hold a number: put back the one of earlier results, or remove the file.") \
            from None


def check_release(lab: Lab, release: Path) -> None:
    """Raise CourseError where the release is missing or not built from today's source of the lab."""
    if not release.is_file():
        raise CourseError(f"{release} does not exist: run `course build` first.")
    # The release is a notebook of its own lab, so preparing it shows whether it fits the source.
    try:
        prepare(lab, release, release, "release", 0)
    except Unreadable as error:
        raise CourseError(f"{release}: {error} Run `course build`.") from None
    # Students would be told of another check than the one that marks them.
    for cell, released in zip(lab.cells, notebooks.read(release).cells, strict=True):
        points = released.metadata.get("nbgrader", {}).get("points", 0)
        if not _released_as(cell, plain(released.source)) or points != cell.points:
            what = f"the cell {cell.grade_id!r}" if cell.grade_id else f"the cell of line {cell.line}"
            raise CourseError(f"{release}: {what} is not as in today's source of the lab. Run `course build`; if "
                              "students have the lab already, see \"Change a test after release\" in "
                              "docs/instructors.md.")


def _released_as(cell: Cell, released: str) -> bool:
    """Whether a released cell comes from this one; a stub stands where this one has the solution."""
    if cell.role not in ("answer", "written"):
        return released.rstrip() == cell.visible.rstrip()
    before, _, rest = cell.source.partition(SOLUTION_BEGIN)
    after = rest.rpartition(SOLUTION_END)[2]
    return released.startswith(before.rstrip()) and released.rstrip().endswith(after.strip())


def _check_directory(directory: Path) -> None:
    if set(str(directory.resolve())) & set("*?["):
        raise CourseError(f"nbgrader cannot work in {directory}: its path holds one of * ? [.")


def _progress(screen: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    TextColumn("left"), TimeRemainingColumn(), console=screen, transient=True,
                    disable=not screen.is_terminal)


def _summary(rows: Sequence[Row], directory: Path, settings: Settings) -> Iterator[str]:
    graded = [row for row in rows if row.standing is not None]
    human = [row for row in rows if row.standing is None or row.standing.pending or row.notes]
    yield f"{len(graded)} of {len(rows)} graded; {len(human)} need a human: a written answer, a note, or not graded."
    ours = [row.student for row in rows if row.our_fault]
    if ours:
        yield f"Failed on our side, not on theirs: {', '.join(ours)}. Run the command again."
    roster = None if settings.students else Roster.of(directory)
    absent = [student for student in roster.students if student not in {row.student for row in rows}] if roster else []
    if absent:
        yield f"On the roster, and nothing handed in: {', '.join(absent)}."
