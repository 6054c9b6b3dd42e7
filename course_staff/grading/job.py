"""What passes between the three stages: prepare → Job → examine → Result → record. Plain data, storable as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["passed", "failed", "unanswered", "missing", "limit", "died", "error"]


@dataclass(frozen=True)
class Step:
    """One cell to run, in order. `source` of a test is ours, hidden tests included; all other source is untrusted.

    kind: "run" for a cell that the candidate runs, "test" for a test cell that the examiner runs.
    cell: nbgrader's grade id, or the cell id of a cell without one. seconds: deadline of the cell, or of one call that
    a test makes.
    exercise: the exercise that a test or an answer cell belongs to. added: a cell that the student added.
    names: for a test, the proxied names that it reads.
    """

    kind: Literal["run", "test"]
    cell: str
    source: str
    seconds: float
    exercise: str | None = None
    points: float = 0.0
    needs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    added: bool = False


@dataclass(frozen=True)
class Job:
    """Everything that decides a mark: our release with the student's source put in.

    written: written answers by exercise; None where the cell is lost, "" where it is as released.
    missing, unchanged: exercises whose answer cell is lost, or is as released. notes: irregularities, for a human.
    key: a hash of everything that decides the result.
    """

    lab: str
    student: str
    steps: tuple[Step, ...]
    written: dict[str, str | None]
    missing: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int = 0
    key: str = ""


@dataclass
class Verdict:
    """The outcome of one exercise.

    message: may be shown to the student. inherited: failed exercises that this one needs.
    """

    exercise: str
    status: Status
    points: float
    max_points: float
    message: str = ""
    inherited: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass
class Result:
    """The outcome of one submission. `outputs`: nbformat outputs by cell; untrusted. `flags`: for a human."""

    lab: str
    student: str
    verdicts: dict[str, Verdict]
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    sandbox: str = "none"
    seconds: float = 0.0
    memory_megabytes: float = 0.0
    key: str = ""
    seed: int = 0

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts.values())

    @property
    def max_points(self) -> float:
        return sum(verdict.max_points for verdict in self.verdicts.values())

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Result:
        data = json.loads(text)
        data["verdicts"] = {
            name: Verdict(**{**verdict, "inherited": tuple(verdict["inherited"])})
            for name, verdict in data["verdicts"].items()
        }
        return cls(**data)


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: a job with its result, or the reason why it was not graded.

    our_fault: the reason lies in this machine or in our code, not in what was handed in.
    """

    student: str
    job: Job | None = None
    result: Result | None = None
    reason: str = ""
    our_fault: bool = False
