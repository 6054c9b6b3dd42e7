"""Trying answers to one exercise, natively and in the examiner, without running the rest of the lab each time.

A bench is a candidate that has run the cells before an exercise with the reference's answers. Every trial forks it.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_staff.authoring.rules import may_raise
from course_staff.grading.connection import Connection
from course_staff.grading.examine import CALLS_OF_A_TEST, run_cell, run_test
from course_staff.grading.job import Step
from course_staff.grading.launch import PlainProcess
from course_staff.grading.proxies import Remote
from course_staff.grading.wire import Disconnected, LimitExceeded, ProtocolError
from course_staff.lab import Cell, Lab, free_names

CELL_SECONDS = 120.0
_WARM_UP = """
def _warm_up():
    import torch
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()
_warm_up()
del _warm_up
"""


@dataclass(frozen=True)
class Outcome:
    """The verdicts on one answer in both places."""

    native: bool
    native_message: str
    examined: bool
    message: str

    @property
    def agree(self) -> bool:
        return self.native == self.examined

    def named(self, pattern: str) -> bool:
        """Whether both messages match the pattern, case ignored."""
        return all(re.search(pattern, text, re.IGNORECASE) for text in (self.native_message, self.message))


class Bench:
    """The reference notebook, run up to some exercise; exercises are taken in order."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.connection = PlainProcess().start()
        # Experiments and plots define nothing that an answer needs, and they take most of a notebook's time.
        uses_answers = may_raise(lab)
        self.cells = [
            cell
            for cell in lab.cells
            if cell.role in ("setup", "answer")
            or (cell.role == "code" and cell not in uses_answers and "further" not in cell.tags)
        ]
        self.position = 0
        # The first use of an optimiser imports for seconds; every fork would do it again.
        error_of(self.connection, _WARM_UP, CELL_SECONDS)

    def close(self) -> None:
        self.connection.close()

    def go_to(self, exercise: str) -> None:
        """Run everything before the answer cell of `exercise`."""
        target = self.cells.index(self.lab.answers[exercise])
        if target < self.position:
            raise ValueError("a bench only goes forward")
        for cell in self.cells[self.position : target]:
            error = error_of(self.connection, cell.source, CELL_SECONDS)
            if error:
                raise RuntimeError(
                    f"{self.lab.name}: the reference's cell {cell.grade_id or cell.role!r} raised {error}"
                )
        self.position = target

    def trial(self, exercise: str, cells: Sequence[str], seconds: float) -> Outcome:
        """Run `cells` in place of the answer cell, then the test, natively and in the examiner.

        seconds: deadline of a cell, of the native test, and of each call that the examined test makes.
        """
        test = self.lab.tests[exercise]
        native_message = self._forked(lambda connection: self._native(connection, cells, test, seconds))
        message = self._forked(lambda connection: self._examined(connection, cells, test, seconds))
        return Outcome(not native_message, native_message, not message, message)

    def _forked(self, action: Callable[[Connection], str]) -> str:
        connection = self.connection.fork()
        try:
            return action(connection)
        except LimitExceeded as problem:
            return f"stopped: {problem} (an endless loop?)"
        except (Disconnected, ProtocolError) as problem:
            return f"stopped: {problem}"
        finally:
            connection.close()

    def _native(self, connection: Connection, cells: Sequence[str], test: Cell, seconds: float) -> str:
        for source in cells:
            error_of(connection, source, seconds)
        return error_of(connection, test.source, seconds)

    def _examined(self, connection: Connection, cells: Sequence[str], test: Cell, seconds: float) -> str:
        error = ""
        for source in cells:
            error = error_of(connection, source, seconds)
        status, message = run_test(
            step_of(self.lab, test), remote_for(self.lab, test, connection, seconds, cells), error
        )
        return "" if status == "passed" else message or status


def step_of(lab: Lab, test: Cell) -> Step:
    """The examiner's step for a test cell."""
    names = tuple(sorted(free_names(test.source) & lab.proxied_names))
    return Step("test", test.grade_id or "", test.source, test.seconds, test.exercise, test.points, test.needs, names)


def remote_for(lab: Lab, test: Cell, connection: Connection, seconds: float, cells: Sequence[str]) -> Remote:
    """The examiner's side of a test cell, with a seed that no notebook uses."""
    setup = [cell.source for cell in lab.cells if cell.role in ("setup", "code")]
    return Remote(
        connection,
        seconds=seconds,
        deadline=time.monotonic() + CALLS_OF_A_TEST * seconds,
        seed=(1, zlib.crc32(f"{lab.name}/{test.exercise}".encode())),
        sources=[*setup, *cells],
    )


def error_of(connection: Connection, source: str, seconds: float) -> str:
    """Run a cell; the text of its error, or ""."""
    return run_cell(connection, source, seconds)["error"] or ""


def timed(action: Callable[[], Outcome]) -> tuple[Outcome, float]:
    """An outcome, and the seconds it took."""
    started = time.monotonic()
    return action(), time.monotonic() - started
