"""What a student sees when a check does not pass: one plain message, never a traceback of ours."""

from __future__ import annotations

import sys
import textwrap
from types import TracebackType

_hidden_depth = 0
WIDTH = 100  # characters; JupyterLab breaks a longer line in the middle of a word


class Plain(Exception):
    """An error shown as its message alone: IPython takes the lines of `_render_traceback_` in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        lines = (textwrap.fill(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
                 for line in f"{self}".split("\n"))
        return ["\n".join(lines)]


class CheckFailed(Plain, AssertionError):
    """A check did not pass. `slip` is the diagnosis alone, which shows no input and no expected value."""

    def __init__(self, message: str, slip: str = "") -> None:
        super().__init__(message)
        self.slip = slip


class Unanswered(Plain, NotImplementedError):
    """Raised by the line that stands in place of an answer."""

    def __init__(self, message: str = "", name: str = "") -> None:
        # The frame that raises is the student's function: its name makes the message concrete.
        name = name or sys._getframe(1).f_code.co_qualname
        self.name = name if name.isidentifier() or ("." in name and "<" not in name) else ""
        subject = f"{self.name} is not written yet" if self.name else "This exercise is not answered yet"
        super().__init__(
            f"{subject}. In its cell, replace the line `raise checks.Unanswered(...)` with your code, "
            "run that cell, then run this one again."
        )


class hidden:
    """`with checks.hidden():` around hidden checks: failures name the slip, and show no input and no expected value."""

    def __enter__(self) -> None:
        global _hidden_depth
        _hidden_depth += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        global _hidden_depth
        _hidden_depth -= 1
        if error is None or isinstance(error, CheckFailed | Unanswered) or not isinstance(error, Exception):
            return
        # The text of the error may hold the hidden input, so only its type is told.
        name = type(error).__name__
        raise CheckFailed(
            f"A hidden check stopped: your code raised {name} on an input that differs from the "
            f"visible ones (another shape, size or edge case).",
            slip=f"raised {name}",
        ) from None


def passed(name: str) -> None:
    """The last line of the visible part of a check: says that it passed, and that this is not yet the mark."""
    print(f"{name}: every check that you can see here passes. Grading runs it on other inputs as well.")


def is_hidden() -> bool:
    """Whether a hidden check is running."""
    return _hidden_depth > 0


def fail(what: str, expected: str, got: str, slip: str) -> CheckFailed:
    """The error for a comparison that failed, with as much detail as the place allows."""
    if is_hidden():
        return CheckFailed(f"Hidden check failed: {what}.\nLikely slip: {slip}", slip)
    return CheckFailed(
        f"Not as expected: {what}.\n  expected: {expected}\n  got:      {got}\nLikely slip: {slip}", slip
    )
