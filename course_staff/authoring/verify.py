"""`course verify`: a lab keeps its contract, or the table says where it does not.

The contract: the reference earns every point and the release none; every mistake is caught and named, every alternative
accepted, every universal answer refused; mutants of the reference are killed; all of that natively and in the examiner
alike; an exercise does not depend on another one that it does not declare; and the rules for test cells hold.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import multiprocessing.util
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from course_staff.authoring.build import build
from course_staff.authoring.mutants import mutants
from course_staff.authoring.rules import problems
from course_staff.authoring.trial import Bench, Outcome, error_of, remote_for, step_of, timed
from course_staff.authoring.universal import universal_answers
from course_staff.authoring.variants import Variants
from course_staff.grading.connection import Connection
from course_staff.grading.examine import examine, run_test
from course_staff.grading.launch import PlainProcess
from course_staff.grading.prepare import prepare
from course_staff.grading.wire import Disconnected, LimitExceeded, ProtocolError
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

TARGET_SECONDS = 60.0
MIN_MISTAKES = 3
MIN_ALTERNATIVES = 2
MIN_KILLED = 0.95


@dataclass
class Row:
    """What was found for one exercise. Pairs are (as they should be, all)."""

    exercise: str
    points: float
    mistakes: tuple[int, int] = (0, 0)
    alternatives: tuple[int, int] = (0, 0)
    universal: tuple[int, int] = (0, 0)
    killed: int = 0
    equivalent: int = 0
    mutants: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Report:
    """What was found for a lab."""

    lab: str
    rows: list[Row]
    failures: list[str]
    notebook_seconds: float
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.failures and not any(row.failures for row in self.rows)


def verify(course: Course, modules: list[str] | None = None, *, jobs: int = 2, console: Console | None = None) -> bool:
    """Verify labs (default: all), print a table for each, and tell whether all of them keep the contract."""
    console = console or Console(width=160)
    names = [course.resolve(name) for name in modules] if modules else course.labs
    reports = []
    for name in names:
        if not course.solution(name).is_file():
            raise CourseError(f"{name} has no lab: solutions/{name}/{name}.py does not exist.")
        reports.append(verify_lab(course, name, jobs=jobs))
        show(reports[-1], console)
    return all(report.ok for report in reports)


def verify_lab(course: Course, name: str, *, jobs: int = 2) -> Report:
    """Verify one lab."""
    started = time.monotonic()
    lab = Lab.read(course.solution(name))
    variants = Variants.read(course.mistakes(name), lab)
    failures = list(problems(lab, graded=True))
    with contextlib.redirect_stdout(io.StringIO()):
        if not build(course, [name], check=True):
            raise CourseError(f"{name}: the built notebooks are stale: run `course build {name[:2]}` first.")
    # Spawned, not forked: this process may hold threads, which a fork does not survive.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = [pool.submit(_verify_exercise, course, name, exercise) for exercise in lab.answers]
        whole = pool.submit(_verify_whole, course, name)
        found_rows = [future.result() for future in rows]
        whole_failures, notebook_seconds = whole.result()
    total = sum(row.mutants - row.equivalent for row in found_rows)
    killed = sum(row.killed for row in found_rows)
    if total and killed < MIN_KILLED * total:
        failures.append(f"{killed} of {total} mutants that are not equivalent were killed; {MIN_KILLED:.0%} are asked.")
    stale = {key for key in variants.equivalents if key[0] not in lab.answers}
    failures += [f"{exercise}: no such exercise, in an equivalent mutant" for exercise, _ in stale]
    return Report(name, found_rows, failures + whole_failures, notebook_seconds, time.monotonic() - started)


# One bench a worker process. Exercises are handed out in order, so that it only ever goes forward.
_benches: dict[str, Bench] = {}


def _verify_exercise(course: Course, name: str, exercise: str) -> Row:
    started = time.monotonic()
    lab = Lab.read(course.solution(name))
    variants = Variants.read(course.mistakes(name), lab)
    if name not in _benches:
        _benches[name] = Bench(lab)
        # A worker of a process pool skips other clean-up when it ends.
        multiprocessing.util.Finalize(_benches[name], _benches[name].close, exitpriority=1)
    bench = _benches[name]
    bench.go_to(exercise)
    answer, test = lab.answers[exercise], lab.tests[exercise]
    row = Row(exercise, test.points)

    reference, seconds = timed(lambda: bench.trial(exercise, [answer.source], 3 * test.seconds))
    if not (reference.native and reference.examined):
        row.failures.append(f"the reference fails: {_short(reference)}")
        row.seconds = time.monotonic() - started
        return row
    # A mutant may loop for ever; a correct answer may be slower than the reference.
    patience = min(test.seconds, max(4.0, 10 * seconds))

    def trial(*cells: str, limit: float = test.seconds) -> Outcome:
        outcome = bench.trial(exercise, cells, limit)
        if not outcome.agree:
            row.failures.append(f"two verdicts: {_short(outcome)}")
        return outcome

    mistakes, alternatives = variants.of(exercise)
    good = 0
    for mistake in mistakes:
        before = len(row.failures)
        outcome = trial(mistake.source)
        if outcome.native or outcome.examined:
            row.failures.append(f"mistake {mistake.label!r} is not caught")
        elif not outcome.named(mistake.says):
            row.failures.append(f"mistake {mistake.label!r}: no match for {mistake.says!r} in {_short(outcome)}")
        good += len(row.failures) == before
    row.mistakes = (good, len(mistakes))
    if len(mistakes) < MIN_MISTAKES:
        row.failures.append(f"{len(mistakes)} mistakes are written down; at least {MIN_MISTAKES} are asked")

    good = 0
    for alternative in alternatives:
        outcome = trial(alternative.source)
        if outcome.native and outcome.examined:
            good += 1
        else:
            row.failures.append(f"alternative {alternative.label!r} is refused: {_short(outcome)}")
    row.alternatives = (good, len(alternatives))
    if len(alternatives) < MIN_ALTERNATIVES:
        row.failures.append(f"{len(alternatives)} alternatives are written down; at least {MIN_ALTERNATIVES} are asked")

    universal = universal_answers(answer.source, test.visible)
    good = 0
    for attempt in universal:
        outcome = trial(*attempt.prelude, attempt.source, limit=patience)
        if outcome.native or outcome.examined:
            row.failures.append(f"universal answer {attempt.label!r} passes")
        else:
            good += 1
    row.universal = (good, len(universal))

    for mutant in mutants(answer.source):
        row.mutants += 1
        outcome = trial(mutant.source, limit=patience)
        reason = variants.equivalents.get((exercise, mutant.change))
        if not (outcome.native or outcome.examined):
            row.killed += 1
            if reason:
                row.killed -= 1
                row.failures.append(
                    f"mutant {mutant.change!r} is listed as equivalent and yet was killed: {_short(outcome)}"
                )
        if reason:
            row.equivalent += 1
        elif outcome.native or outcome.examined:
            row.failures.append(f"mutant survives and is not listed as equivalent: {mutant.change!r}")
    unused = {change for of, change in variants.equivalents if of == exercise} - {
        mutant.change for mutant in mutants(answer.source)
    }
    row.failures += [f"no mutant reads {change!r}: take it off the list of equivalents" for change in sorted(unused)]
    row.seconds = time.monotonic() - started
    return row


def _short(outcome: Outcome) -> str:
    def side(passed: bool, message: str) -> str:
        return "passed" if passed else " / ".join(message.split("\n"))[:300]

    if outcome.native_message == outcome.message:
        return repr(side(outcome.examined, outcome.message))
    notebook, examiner = side(outcome.native, outcome.native_message), side(outcome.examined, outcome.message)
    return f"notebook: {notebook!r}; examiner: {examiner!r}"


def _verify_whole(course: Course, name: str) -> tuple[list[str], float]:
    """What takes the whole notebook: reference, release, and each exercise unanswered while all others are answered."""
    lab = Lab.read(course.solution(name))
    release = course.release(name)
    failures: list[str] = []
    result = examine(prepare(lab, release, course.solution(name).with_suffix(".ipynb"), "reference", seed=3))
    failures += [
        f"reference: {verdict.exercise} earns {verdict.points:g} of {verdict.max_points:g}: {verdict.message}"
        for verdict in result.verdicts.values()
        if verdict.points != verdict.max_points
    ]
    failures += [f"reference: {flag}" for flag in result.flags]
    untouched = examine(prepare(lab, release, release, "untouched", seed=3))
    failures += [
        f"release: {verdict.exercise} earns {verdict.points:g} points without an answer"
        for verdict in untouched.verdicts.values()
        if verdict.points
    ]
    failures += [
        f"release: {verdict.exercise} is reported as {verdict.status}, not as unanswered: {verdict.message}"
        for verdict in untouched.verdicts.values()
        if verdict.status != "unanswered"
    ]
    failures += list(_dependences(lab))
    started = time.monotonic()
    failures += list(_native_run(lab))
    seconds = time.monotonic() - started
    if seconds > 3 * TARGET_SECONDS:
        failures.append(f"the notebook takes {seconds:.0f} s; the target is {TARGET_SECONDS:.0f} s")
    return failures, seconds


def _native_run(lab: Lab) -> Iterator[str]:
    """The reference notebook from top to bottom in one process, as *Run All* does it."""
    connection = PlainProcess().start()
    try:
        for cell in lab.cells:
            if cell.is_code:
                error = error_of(connection, cell.source, 5 * TARGET_SECONDS)
                if error:
                    yield f"the notebook's {cell.role} cell {cell.grade_id or ''} raised {error}"
    finally:
        connection.close()


def _dependences(lab: Lab) -> Iterator[str]:
    """Leave one exercise unanswered: every other must keep its points, unless it declares `needs`."""
    bench = Bench(lab)
    try:
        for exercise in lab.answers:
            bench.go_to(exercise)
            fork = bench.connection.fork()
            try:
                yield from _without(lab, bench, fork, exercise)
            except (LimitExceeded, Disconnected, ProtocolError) as problem:
                yield f"with only {exercise} unanswered, the rest was stopped: {problem}"
            finally:
                fork.close()
    finally:
        bench.close()


def _without(lab: Lab, bench: Bench, fork: Connection, exercise: str) -> Iterator[str]:
    later = bench.cells[bench.position + 1 :]
    for cell in later:
        error_of(fork, cell.source, TARGET_SECONDS)
    for other, test in lab.tests.items():
        if other == exercise or exercise in test.needs:
            continue
        status, message = run_test(
            step_of(lab, test), remote_for(lab, test, fork, 3 * test.seconds, [lab.answers[other].source])
        )
        if status != "passed":
            yield f"{other} fails when only {exercise} is unanswered ({message}): supply that piece, or declare needs"


def show(report: Report, console: Console) -> None:
    """Print the table of one lab, and below it what is wrong."""
    table = Table(title=f"{report.lab}: contract", title_justify="left")
    table.add_column("exercise")
    for heading in (
        "points",
        "mistakes\ncaught, named",
        "alternatives\naccepted",
        "universal\nrefused",
        "mutants\nkilled",
        "equivalent",
        "seconds",
    ):
        table.add_column(heading, justify="right")
    for row in report.rows:
        table.add_row(
            row.exercise,
            f"{row.points:g}",
            "{} / {}".format(*row.mistakes),
            "{} / {}".format(*row.alternatives),
            "{} / {}".format(*row.universal),
            f"{row.killed} / {row.mutants}",
            str(row.equivalent),
            f"{row.seconds:.0f}",
            style=None if not row.failures else "bold red",
        )
    table.add_section()
    table.add_row(
        "all",
        f"{sum(row.points for row in report.rows):g}",
        *(
            "{} / {}".format(*map(sum, zip(*(getattr(row, part) for row in report.rows), strict=True)))
            for part in ("mistakes", "alternatives", "universal")
        ),
        f"{sum(row.killed for row in report.rows)} / {sum(row.mutants for row in report.rows)}",
        str(sum(row.equivalent for row in report.rows)),
        f"{report.seconds:.0f}",
    )
    console.print(table)
    console.print(
        f"The notebook runs from top to bottom in {report.notebook_seconds:.0f} s (target {TARGET_SECONDS:.0f} s)."
    )
    for failure in [*report.failures, *(f"{row.exercise}: {text}" for row in report.rows for text in row.failures)]:
        console.print(f"- {failure}", markup=False, highlight=False)
    console.print(f"{report.lab}: {'keeps its contract' if report.ok else 'BREAKS its contract'}", markup=False)
