"""`course grade --explain STUDENT EXERCISE`: the evidence for one verdict, for whoever has to defend it.

The exercise is examined again as it was graded. What the test asked and what came back is shown, hidden checks
included: for the instructor's eyes, not for the student's.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from course_staff.grading import sanitise
from course_staff.grading.examine import examine
from course_staff.grading.job import Job, Verdict
from course_staff.grading.launch import Launcher
from course_staff.grading.proxies import Declared, Handle, InOut, Proxy, Remote
from course_utils.checks import errors

MAX_VALUE = 600  # characters of a value
MAX_CALLS = 40


@dataclass(frozen=True)
class Call:
    """One question of a test, and what came of it, as text."""

    asked: str
    came: str
    hidden: bool


def evidence(job: Job, exercise: str, launcher: Launcher) -> tuple[Verdict, list[Call], list[str]]:
    """Examine one exercise again. Returns its verdict with a message that hides nothing, its calls, and the flags."""
    calls: list[Call] = []
    # A class: the examination makes one for each test.
    witness = type("_ThisWitness", (_Witness,), {"calls": calls})
    steps = tuple(step for step in job.steps if step.kind == "run" or step.exercise == exercise)
    with _revealed():
        result = examine(dataclasses.replace(job, steps=_without_needs(steps)), launcher, witness)
    return result.verdicts[exercise], calls, result.flags


def show(job: Job, exercise: str, launcher: Launcher, recorded: Mapping[str, Any], screen: Console) -> bool:
    """Print the evidence. recorded: the verdict in results/, if there is one. Returns whether both agree."""
    verdict, calls, flags = evidence(job, exercise, launcher)
    screen.print(Text(f"{job.student}, {job.lab}, {exercise}", style="bold"))
    screen.print(Text(f"now:       {verdict.status}, {verdict.points:g} of {verdict.max_points:g} points, "
                      f"{verdict.seconds:.2f} s, seed {job.seed}"))
    agree = True
    if recorded:
        agree = (recorded.get("status"), recorded.get("points")) == (verdict.status, verdict.points)
        screen.print(Text(f"recorded:  {recorded.get('status')}, {recorded.get('points'):g} points"
                          + ("" if agree else "   THEY DIFFER"), style="" if agree else "bold red"))
    screen.print(Text("\nThe answer", style="bold"))
    for step in job.steps:
        if step.kind == "run" and step.exercise == exercise:
            screen.print(Padding(Text(sanitise.plain_text(step.source)), (0, 0, 0, 4)))
    screen.print(Text("\nWhat the check asked, and what came", style="bold"))
    for call in calls[:MAX_CALLS]:
        place = "hidden " if call.hidden else "visible"
        screen.print(Padding(Text(f"{place}  {sanitise.plain_text(call.asked)}\n      ->  "
                                  f"{sanitise.plain_text(call.came)}"), (0, 0, 0, 4)))
    if len(calls) > MAX_CALLS:
        screen.print(Text(f"    ... and {len(calls) - MAX_CALLS} more calls"))
    if verdict.message:
        screen.print(Text("\nThe message, in full", style="bold"))
        screen.print(Padding(Text(sanitise.plain_text(verdict.message)), (0, 0, 0, 4)))
    for flag in flags:
        screen.print(Text(f"note: {sanitise.one_line(flag)}"))
    return agree


class _Witness(Remote):
    """Writes down every call that a test makes."""

    calls: list[Call]

    def exchange(self, message: dict, args: Sequence[Any], kwargs: Mapping[str, Any],
                 objects: Declared | None = None) -> Any:
        asked = _call(message, args, kwargs)  # before the call: it may change its arguments
        hidden = _inside_hidden > 0
        try:
            value = super().exchange(message, args, kwargs, objects)
        except BaseException as error:
            self.calls.append(Call(asked, f"{type(error).__name__}: {error}", hidden))
            raise
        self.calls.append(Call(asked, _shown(value), hidden))
        return value


_inside_hidden = 0


@contextmanager
def _revealed() -> Iterator[None]:
    """Messages of hidden checks with their inputs and expected values."""

    def enter(self: errors.hidden) -> None:
        global _inside_hidden
        _inside_hidden += 1

    def leave(self: errors.hidden, *error: Any) -> None:
        global _inside_hidden
        _inside_hidden -= 1

    before = errors.hidden.__enter__, errors.hidden.__exit__
    errors.hidden.__enter__, errors.hidden.__exit__ = enter, leave  # type: ignore[method-assign]
    try:
        yield
    finally:
        errors.hidden.__enter__, errors.hidden.__exit__ = before  # type: ignore[method-assign]


def _without_needs(steps: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dataclasses.replace(step, needs=()) for step in steps)


def _call(message: dict, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    name = message.get("name") or message.get("method") or "()"
    words = [*map(_shown, args), *(f"{key}={_shown(value)}" for key, value in kwargs.items())]
    owner = "the object's " if "handle" in message else ""
    return f"{owner}{name}({', '.join(words)})"


def _shown(value: Any) -> str:
    if isinstance(value, InOut):
        value = value.value
    if isinstance(value, Handle | Proxy):
        return repr(value)
    if callable(value) and not isinstance(value, torch.Tensor):
        return f"<a function of the check: {getattr(value, '__name__', 'unnamed')}>"
    if isinstance(value, np.ndarray):
        numbers = np.array2string(value, precision=6, separator=", ", threshold=60)
        text = f"array({numbers}, {value.dtype}, {value.shape})"
    elif isinstance(value, torch.Tensor):
        text = f"{value.detach()!r}, {tuple(value.shape)}" if value.numel() <= 60 else (
            f"tensor of shape {tuple(value.shape)}, {value.dtype}, first {value.detach().flatten()[:6].tolist()}")
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def recorded_verdict(directory: Path, lab: str, student: str, exercise: str) -> dict[str, Any]:
    """The verdict in results/, or {} where there is none."""
    try:
        content = json.loads((directory / "results" / lab / f"{student}.json").read_text(encoding="utf-8"))
        return content["verdicts"][exercise]
    except (OSError, ValueError, KeyError):
        return {}
