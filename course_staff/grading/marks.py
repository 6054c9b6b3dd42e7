"""Marks as people are told them: of an exercise, of a student. Plain data, without nbgrader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """The mark of one graded cell as the gradebook has it. `pending`: a human still has to grade it."""

    points: float
    max_points: float
    pending: bool
    manual: bool


@dataclass(frozen=True)
class Standing:
    """A student's marks in one lab: by exercise, in the lab's order, and their sum less the penalty for lateness."""

    marks: dict[str, Mark]
    total: float
    max_total: float
    penalty: float = 0.0

    @property
    def pending(self) -> list[str]:
        """The exercises that a human still has to grade."""
        return [exercise for exercise, mark in self.marks.items() if mark.pending]


@dataclass(frozen=True)
class Row:
    """One student in the table. `standing` is None where nothing was graded."""

    student: str
    standing: Standing | None
    notes: tuple[str, ...] = ()
    our_fault: bool = False
    sandbox: str = ""
