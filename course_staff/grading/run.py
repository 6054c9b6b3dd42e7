"""`course grade`: from a folder of submissions to marks. The order of the stages, and what happens when one fails."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from course_staff.authoring.release import configuration
from course_staff.grading import record, sanitise, table
from course_staff.grading.examine import examine
from course_staff.grading.job import Job, Result
from course_staff.grading.launch import Launcher
from course_staff.grading.prepare import Unreadable, prepare
from course_staff.grading.record import Outcome, Row
from course_staff.grading.sandbox import Sandbox
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

SEED_FILE = ".course_seed"
# A student's name is a folder's name: it becomes part of paths, of a database and of a spreadsheet.
STUDENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}")
DEFAULT_JOBS = min(2, os.cpu_count() or 1)

Examiner = Callable[[Job, Launcher], Result]


@dataclass(frozen=True)
class Submission:
    """A file that was handed in; `problem` says why it cannot even be read."""

    student: str
    path: Path
    problem: str = ""


def grade(course: Course, directory: Path, module: str, *, jobs: int = DEFAULT_JOBS, students: Collection[str] = (),
          seed: int | None = None, launcher: Launcher | None = None, screen: Console | None = None) -> bool:
    """Grade the submissions of a lab in a course directory and print the table.

    jobs: submissions examined at once. students: only these; all where empty. seed: the private seed, to repeat an
    earlier run; by default the directory's own. launcher: None for the sandbox. Returns False where something on our
    side failed, so that a readable submission has no mark. Raises CourseError where nothing can be graded at all.
    """
    rows = mark(course, directory, module, jobs=jobs, students=students, seed=seed, launcher=launcher, screen=screen)
    return not any(row.our_fault for row in rows)


def mark(course: Course, directory: Path, module: str, *, jobs: int = DEFAULT_JOBS, students: Collection[str] = (),
         seed: int | None = None, launcher: Launcher | None = None, screen: Console | None = None,
         examiner: Examiner = examine) -> list[Row]:
    """Do what `grade` says. Returns the rows of the table, by student."""
    screen = screen or table.console()
    place: Launcher = launcher or Sandbox(hidden=(directory, course.root / "solutions"))
    place.check()
    lab = Lab.read(course.solution(module))
    release = course.release(module)
    check_release(lab, release)
    _check_directory(directory)
    found, refused = submissions(directory, module, students)
    private = course_seed(directory) if seed is None else seed
    rows: list[Row] = []
    course_id = configuration(course).get("CourseDirectory", {}).get("course_id") or "default_course"
    with record.recorder(directory, lab, release, course_id) as recorder, _progress(screen) as progress:
        task = progress.add_task(module, total=len(found))
        prepared = [_prepared(lab, release, submission, private) for submission in found]
        ready = [outcome.job for outcome in prepared if outcome.job is not None]
        failed = (outcome for outcome in prepared if outcome.job is None)
        for outcome in itertools.chain(failed, examine_all(ready, jobs, place, examiner)):
            rows.append(_recorded(recorder, outcome))
            progress.advance(task)
        csv = recorder.export()
    rows.sort(key=lambda row: row.student)
    table.show(lab, rows, screen)
    for line in (*recorder.notes, *refused, *_summary(rows, csv, directory)):
        screen.print(Text(sanitise.one_line(line, 1000)), soft_wrap=True)
    return rows


def submissions(directory: Path, module: str, students: Collection[str] = ()) -> tuple[list[Submission], list[str]]:
    """What was handed in for a lab, by student, and a line for each thing that was passed over.

    Raises CourseError where there is nothing, or nothing of one of `students`.
    """
    found, refused = [], []
    for folder in sorted((directory / "submitted").glob("*/")):
        lab_folder = folder / module
        if not os.path.lexists(lab_folder) or (students and folder.name not in students):
            continue
        if not STUDENT.fullmatch(folder.name):
            refused.append(f"submitted/{folder.name} was passed over: a student's folder is named with letters, digits "
                           "and . _ - @ +, and begins with a letter, a digit or _.")
            continue
        path = lab_folder / f"{module}.ipynb"
        found.append(Submission(folder.name, path, _problem(folder, lab_folder, path)))
    absent = sorted(set(students) - {submission.student for submission in found})
    if absent:
        raise CourseError(f"No submission of {module} by {', '.join(absent)} in {directory / 'submitted'}.")
    if not found:
        nothing = f"Nothing to grade: no folder submitted/STUDENT/{module} in {directory}."
        raise CourseError("\n".join([*refused, nothing]))
    timed = [submission.student for submission in found if os.path.lexists(submission.path.with_name("timestamp.txt"))]
    if timed:
        refused.append(f"timestamp.txt of {', '.join(timed)} was not used: times come from whoever collected. "
                       "Formgrader does read it and takes these submissions for not autograded: remove it before you "
                       "open formgrader.")
    return found, refused


def _problem(folder: Path, lab_folder: Path, path: Path) -> str:
    """Why the file cannot be read. A link could lead to another student's work or out of the directory."""
    for part in (folder, lab_folder, path):
        if part.is_symlink():
            return f"{part.name} is a link, not a file of its own: ask for the notebook."
    if not lab_folder.is_dir():
        return f"{lab_folder.name} is not a folder."
    if not os.path.lexists(path):
        others = sorted(other.name for other in lab_folder.glob("*.ipynb"))
        return f"There is no {path.name} in the folder" + (f" (but {', '.join(others)})." if others else ".")
    if not stat.S_ISREG(path.lstat().st_mode):
        return f"{path.name} is not a file."
    return ""


def _prepared(lab: Lab, release: Path, submission: Submission, seed: int) -> Outcome:
    if submission.problem:
        return Outcome(submission.student, reason=submission.problem)
    try:
        return Outcome(submission.student, job=prepare(lab, release, submission.path, submission.student, seed))
    except Unreadable as error:
        return Outcome(submission.student, reason=str(error))
    except CourseError:
        raise
    except Exception as error:  # whatever one file does to the parser, the others are graded
        return Outcome(submission.student, reason=f"It cannot be read: {type(error).__name__}: {error}", our_fault=True)


def examine_all(jobs: Sequence[Job], workers: int, launcher: Launcher,
                examiner: Examiner = examine) -> Iterator[Outcome]:
    """The outcome of every job, in the order in which they end.

    Examining uses process-wide state, so each worker is a process. What fails there is our failure: it is tried once
    more, in a new process of its own, and then reported. It never becomes a zero.
    """
    again = []
    if jobs:
        with _pool(min(workers, len(jobs))) as pool:
            futures: dict[Future[Result], Job] = {pool.submit(examiner, job, launcher): job for job in jobs}
            for future in as_completed(futures):
                job = futures[future]
                if future.exception() is None:
                    yield Outcome(job.student, job, future.result())
                else:
                    again.append(job)
    for job in again:
        with _pool(1) as pool:
            try:
                yield Outcome(job.student, job, pool.submit(examiner, job, launcher).result())
            except Exception as error:
                reason = f"the examination failed twice on this machine ({type(error).__name__}: {error})."
                yield Outcome(job.student, reason=reason, our_fault=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Inherited by the workers, which are the parallelism.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A fork would copy torch's locks in whatever state they are.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _recorded(recorder: record.Recorder, outcome: Outcome) -> Row:
    try:
        return recorder.record(outcome)
    except Exception as error:  # one student's record must not cost the others theirs
        reason = f"could not be recorded: {type(error).__name__}: {sanitise.one_line(error)}"
        return Row(outcome.student, None, (reason,), our_fault=True)


def course_seed(directory: Path) -> int:
    """The private seed of the course directory: made once, readable by the owner alone."""
    path = directory / SEED_FILE
    if not path.exists():
        record.replace(path, f"{secrets.randbits(63)}\n".encode(), mode=0o600)
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


def _check_directory(directory: Path) -> None:
    if set(str(directory.resolve())) & set("*?["):
        raise CourseError(f"nbgrader cannot work in {directory}: its path holds one of * ? [.")


def _progress(screen: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    TextColumn("left"), TimeRemainingColumn(), console=screen, transient=True,
                    disable=not screen.is_terminal)



def _summary(rows: Sequence[Row], csv: Path, directory: Path) -> Iterator[str]:
    graded = [row for row in rows if row.standing is not None]
    human = [row for row in rows if row.standing is None or row.standing.pending or row.notes]
    yield f"{len(graded)} of {len(rows)} graded; {len(human)} need a human: a written answer, a note, or not graded."
    ours = [row.student for row in rows if row.our_fault]
    if ours:
        yield f"Failed on our side, not on theirs: {', '.join(ours)}. Run the command again."
    yield f"Marks: {csv} and {directory / 'gradebook.db'}; pages for students: {directory / 'feedback'}."
