"""Stage two: a job becomes a result. The candidate runs the student's cells; the test cells run here, against proxies.

Cells and tests interleave in notebook order: a test sees the notebook as it was at its place. First all cells run, and
a copy of the candidate is put aside at the place of every test. Then each test is run on its own copy. So no cell runs
after a hidden input has come into the process, and what a test leads to (an endless loop, a crash) stays in its copy.

Copies share a place, and so files and memory that the student's code has made for it. Therefore the visible parts of
all tests run before the first hidden part: a hidden input that one copy leaves there is found by no code whose errors
and values are told.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import time
import warnings
import zlib
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from course_staff.grading import processes
from course_staff.grading.connection import Connection, Place
from course_staff.grading.job import Job, Result, Status, Step, Verdict
from course_staff.grading.launch import Launcher, PlainProcess
from course_staff.grading.proxies import Remote
from course_staff.grading.wire import Budget, Disconnected, LimitExceeded, ProtocolError
from course_utils.checks import CheckFailed, Unanswered
from course_utils.checks.world import world

TOTAL_SECONDS = 900.0
FORK_SECONDS = 10.0
CROWD = 32  # processes that a cell may leave running; a loader of data has a few
CALLS_OF_A_TEST = 5.0  # seconds that all calls of a test may take together, as a multiple of one call's
MAX_OUTPUT_MB = 20.0  # that one cell may send back
MAX_SHOWN_MB = 40.0  # that all cells may send back together and that is kept


class InfrastructureError(RuntimeError):
    """This machine failed, not the student: no candidate could be started."""


@dataclass
class _Snapshot:
    """The candidate as it was at the place of a test: a copy, or how many cells to run again where there is none."""

    copy: Connection | None
    cells: int


Outcome = tuple[Status, str]  # of a test, with the message for the student


@dataclass
class _Test:
    """A test on its way. connection: the candidate that it asks; None before the first part and after the last."""

    step: Step
    connection: Connection | None = None
    trial: Trial | None = None
    alone: bool = False  # its candidate shares its place with no other test's
    left: float = 0.0  # seconds that its calls may still take together
    seconds: float = 0.0

    def lives(self) -> bool:
        return self.connection is not None and self.connection.lives()


@dataclass
class _Examination:
    """One submission under examination."""

    job: Job
    launcher: Launcher
    result: Result
    deadline: float
    remote: type[Remote] = Remote
    connection: Connection | None = None
    done: list[Step] = field(default_factory=list)  # cells that ran and are run again by a new candidate, in order
    cell_errors: dict[str, str] = field(default_factory=dict)  # by exercise
    snapshots: dict[str, _Snapshot] = field(default_factory=dict)  # by exercise
    places: list[Place] = field(default_factory=list)  # of candidates; their copies go on living there
    tests: list[_Test] = field(default_factory=list)
    shown: float = 0.0  # megabytes of output so far

    def start(self, cells: int) -> Connection:
        """A new candidate that has run the first of the cells done."""
        try:
            connection = self.launcher.start(sum(place.cpu for place in self.places))
        except (LimitExceeded, Disconnected, ProtocolError, OSError) as problem:
            if isinstance(problem, LimitExceeded) and self.places:
                raise  # the processor time of the submission is used up
            raise InfrastructureError(f"no candidate could be started: {problem}") from None
        self.places.append(connection.place)
        try:
            for step in self.done[:cells]:
                run_cell(connection, step.source, self.left(step.seconds))
        except BaseException:
            connection.close()
            raise
        return connection

    def alive(self) -> Connection:
        """The candidate that runs the cells. Started anew where the last one was ended."""
        if self.connection is None:
            self.connection = self.start(len(self.done))
        return self.connection

    def end(self) -> None:
        """End the candidate that runs the cells, but not the copies put aside."""
        if self.connection is not None:
            copies = self.copies()
            self.connection.close(spare=copies)
            self.connection.place.kill_all_but(copies)
            self.connection = None

    def copies(self) -> set[int]:
        """The processes put aside, and those of tests that are not done, with what they started."""
        waiting = [test.connection.pid for test in self.tests if test.connection]
        return {snapshot.copy.pid for snapshot in self.snapshots.values() if snapshot.copy} | set(waiting) | {
            pid for parent in waiting for pid in processes.descendants(parent)}

    def left(self, seconds: float) -> float:
        return max(0.1, min(seconds, self.deadline - time.monotonic()))

    def put_aside(self, exercise: str) -> None:
        """Keep the candidate as it is now for the test of this exercise."""
        copy = None
        try:
            if self.alive().may_fork():
                copy = self.alive().fork(self.left(FORK_SECONDS))
        except (LimitExceeded, Disconnected, ProtocolError):
            self.end()
        self.snapshots[exercise] = _Snapshot(copy, len(self.done))

    def take(self, exercise: str) -> tuple[Connection, bool]:
        """The candidate for a test, as it was at its place, and whether it is alone in where it lives."""
        snapshot = self.snapshots[exercise]
        copy, snapshot.copy = snapshot.copy, None
        # A copy can have been ended with others, for memory that they used together.
        if copy and copy.lives():
            return copy, False
        connection = self.start(snapshot.cells)
        # What the cells left running is in no copy either, and could keep the machine from the test.
        connection.place.kill_all_but({connection.pid})
        return connection, True

    def disperse(self) -> None:
        """End what the cells left running where it is a crowd: it would keep the machine from the other exercises."""
        if self.connection is not None:
            spared = self.copies() | {self.connection.pid}
            crowd = self.connection.place.processes() - len(spared)
            if crowd > CROWD:
                self.result.flags.append(f"A cell left {crowd} processes running: they were ended.")
                self.connection.place.kill_all_but(spared)


def examine(job: Job, launcher: Launcher | None = None, remote: type[Remote] = Remote) -> Result:
    """Run every cell and every test of a job. remote: what the tests ask the candidate through.

    What a submission does raises nothing. Raises InfrastructureError where this machine cannot start a candidate.
    """
    launcher = launcher or PlainProcess()
    started = time.monotonic()
    result = Result(
        job.lab, job.student, {}, flags=list(job.notes), sandbox=launcher.name, key=job.key, seed=job.seed
    )
    state = _Examination(job, launcher, result, started + TOTAL_SECONDS, remote)
    try:
        # A machine on which the bare candidate does not start is at fault, not the submission.
        state.alive()
        for step in job.steps:
            if step.kind == "run":
                _run_cell(state, step)
            else:
                state.put_aside(step.exercise or "")
        state.end()
        state.tests = [_Test(step) for step in job.steps if step.kind == "test"]
        for hidden in (False, True):
            for test in state.tests:
                if test.step.exercise not in result.verdicts:
                    _run_test(state, test, hidden)
        result.verdicts = {test.step.exercise or "": result.verdicts[test.step.exercise or ""] for test in state.tests}
    finally:
        state.end()
        for snapshot in state.snapshots.values():
            if snapshot.copy:
                snapshot.copy.close()
        for test in state.tests:
            if test.connection:
                test.connection.close()
        for place in state.places:
            place.end()
        result.memory_megabytes = max((place.memory for place in state.places), default=0.0)
    for verdict in result.verdicts.values():
        verdict.inherited = tuple(
            need
            for need in verdict.inherited
            if verdict.points < verdict.max_points and result.verdicts[need].points == 0
        )
    result.seconds = time.monotonic() - started
    if result.seconds > TOTAL_SECONDS:
        result.flags.append(f"It took more than {TOTAL_SECONDS:.0f} s in all: the last exercises were cut short.")
    return result


def run_cell(connection: Connection, source: str, seconds: float) -> dict[str, Any]:
    """Run one cell in the candidate: {"outputs": nbformat outputs, "error": text or None}, all of it untrusted.

    Raises LimitExceeded, Disconnected or ProtocolError.
    """
    reply = connection.ask({"op": "run", "source": source}, Budget(seconds, MAX_OUTPUT_MB))
    error = reply.get("error")
    outputs = reply.get("outputs")
    try:
        json.dumps(outputs)
    except (TypeError, ValueError, RecursionError):
        outputs = None
    if not isinstance(outputs, list) or not (error is None or isinstance(error, str)):
        raise ProtocolError("an answer is not of the agreed form")
    return reply


def _run_cell(state: _Examination, step: Step) -> None:
    name = "an added cell" if step.added else "an ungraded cell"
    if step.exercise:
        name = f"the answer cell {step.exercise!r}"
    try:
        reply = run_cell(state.alive(), step.source, state.left(step.seconds))
    except (LimitExceeded, Disconnected, ProtocolError) as problem:
        # It is not among the cells done, so a new candidate does without it.
        state.end()
        state.result.flags.append(f"Running {name} was ended: {problem}.")
        text = _limit_text(problem)
        if step.exercise:
            state.cell_errors[step.exercise] = text
        state.result.outputs[step.cell] = [_error_output(text)]
        return
    state.done.append(step)
    state.disperse()
    outputs = reply["outputs"]
    before, state.shown = state.shown, state.shown + len(json.dumps(outputs)) / 2**20
    if before <= MAX_SHOWN_MB < state.shown:
        state.result.flags.append(f"Its cells have more than {MAX_SHOWN_MB:g} MB of output: the rest was dropped.")
    state.result.outputs[step.cell] = outputs if state.shown <= MAX_SHOWN_MB else []
    if step.exercise:
        # Of a cell that was split, the error of any part counts.
        error = (reply["error"] or "")[:300]
        state.cell_errors[step.exercise] = error or state.cell_errors.get(step.exercise, "")


def _run_test(state: _Examination, test: _Test, hidden: bool) -> None:
    """Run the visible or the hidden part of a test, and record a verdict where it is decided."""
    started = time.monotonic()
    try:
        outcome = _outcome(state, test, hidden)
    finally:
        test.seconds += time.monotonic() - started
    if outcome is None:
        return
    _close(state, test)
    step, (status, message) = test.step, outcome
    assert step.exercise is not None
    points = step.points if status == "passed" else 0.0
    state.result.verdicts[step.exercise] = Verdict(
        step.exercise, status, points, step.points, message, step.needs, round(test.seconds, 3)
    )


def _close(state: _Examination, test: _Test) -> None:
    connection, test.connection = test.connection, None
    if connection is not None:
        connection.close()
        connection.place.kill_all_but(state.copies())
    if test.trial is not None:
        state.result.flags += test.trial.remote.flags
        test.trial = None


def _outcome(state: _Examination, test: _Test, hidden: bool) -> Outcome | None:
    """The outcome of a test; None where its hidden part is to come."""
    exercise = test.step.exercise or ""
    try:
        if hidden and not test.lives():
            _close(state, test)  # ended by another test: it begins again, by itself
        if test.trial is None or test.connection is None:
            _begin(state, test)
        return _advance(state, test, hidden or test.alone)
    except (LimitExceeded, Disconnected, ProtocolError) as problem:
        shared = test.connection is not None and not test.alone
        if shared and test.connection and (isinstance(problem, Disconnected) or (
                isinstance(problem, LimitExceeded) and test.connection.place.why())):
            # Another test's copy may have ended this one, or all were ended for what they used together.
            _close(state, test)
            return _outcome(state, test, True)
        if isinstance(problem, ProtocolError):
            state.result.flags.append(f"{exercise}: the candidate broke the protocol ({problem}): read this answer.")
        elif isinstance(problem, Disconnected):
            state.result.flags.append(f"{exercise}: the process ended while the check ran.")
        return "died" if isinstance(problem, Disconnected) else "limit", _limit_text(problem)


def _begin(state: _Examination, test: _Test) -> None:
    job, step, exercise = state.job, test.step, test.step.exercise or ""
    sources = [done.source for done in state.done[: state.snapshots[exercise].cells]]
    seed = (job.seed, zlib.crc32(f"{job.lab}/{exercise}".encode()))
    test.connection, test.alone = state.take(exercise)
    # A test whose course an answer decides could call for ever, each call in good time.
    test.left = CALLS_OF_A_TEST * step.seconds
    remote = state.remote(test.connection, seconds=step.seconds, seed=seed, sources=sources)
    test.trial = Trial(step, remote, state.cell_errors.get(exercise, ""), exercise in job.missing)


def _advance(state: _Examination, test: _Test, to_the_end: bool) -> Outcome | None:
    assert test.trial is not None
    while test.trial.parts:
        started = time.monotonic()
        test.trial.remote.deadline = started + state.left(test.left)
        outcome = test.trial.advance()
        test.left -= time.monotonic() - started
        if outcome is not None or not to_the_end:
            return outcome or (None if test.trial.parts else ("passed", ""))
    return "passed", ""


def run_test(step: Step, remote: Remote, cell_error: str = "", missing: bool = False) -> Outcome:
    """Run one test cell against a candidate. Returns its status and the message for the student.

    Raises LimitExceeded, Disconnected or ProtocolError, after which the candidate is of no more use.
    """
    trial = Trial(step, remote, cell_error, missing)
    while trial.parts:
        outcome = trial.advance()
        if outcome is not None:
            return outcome
    return "passed", ""


class Trial:
    """One test cell against one candidate, part by part: what students see, then the hidden checks."""

    def __init__(self, step: Step, remote: Remote, cell_error: str = "", missing: bool = False) -> None:
        self.step, self.remote, self.cell_error, self.missing = step, remote, cell_error, missing
        self.parts = _parts(step)
        self.namespace: dict[str, Any] | None = None

    def advance(self) -> Outcome | None:
        """Run the next part. Returns the outcome where it does not pass.

        Raises LimitExceeded, Disconnected or ProtocolError.
        """
        step, code = self.step, self.parts.pop(0)
        if self.namespace is None:
            self.namespace = {"__name__": "test", **self.remote.resolve(step.names)}
        try:
            with (
                world(self.remote),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                exec(code, self.namespace)
        except Unanswered as error:
            return "unanswered", str(error)
        except CheckFailed as error:
            return "failed", str(error)
        except NameError as error:
            if error.name in step.names:
                return "missing" if self.missing else "failed", _undefined(error.name, self.cell_error, self.missing)
            return "failed", f"{type(error).__name__}: {error}"
        except Exception as error:
            return "failed", f"Your code raised {type(error).__name__}: {error}"
        return None


def _parts(step: Step) -> list[CodeType]:
    """The code of a test cell: up to its first hidden block, and the rest."""
    body = ast.parse(step.source).body
    split = next((number for number, statement in enumerate(body) if _is_hidden(statement)), len(body))
    return [compile(ast.Module(part, []), f"<{step.cell}>", "exec") for part in (body[:split], body[split:]) if part]


def _is_hidden(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.With) and ast.unparse(statement.items[0]) == "checks.hidden()"


def _undefined(name: str, cell_error: str, missing: bool) -> str:
    if missing:
        return f"{name} is not defined: its answer cell is no longer in the notebook."
    if cell_error:
        return f"{name} is not defined: its cell stopped with {cell_error}"
    return f"{name} is not defined: the answer cell must define it under exactly this name."


def _limit_text(problem: BaseException) -> str:
    if isinstance(problem, LimitExceeded):
        return f"Your code was stopped: {problem}. Is there a loop that never ends, or far more work than needed?"
    if isinstance(problem, Disconnected):
        return "Your code ended the process (exit, crash, or out of memory)."
    return "Your code's answer could not be read."


def _error_output(text: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": "Stopped", "evalue": text, "traceback": [text]}
