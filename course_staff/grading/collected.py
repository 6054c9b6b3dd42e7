"""What the collector knows: when each submission came, when it was due. It never comes from the student's file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from course_staff.grading import moments
from course_staff.grading.store import replace
from course_staff.paths import CourseError

FOLDER = "collected"


@dataclass(frozen=True)
class Receipt:
    """One submission as it was collected.

    time: when it was handed in, UTC. rank: what says which of two is newer where times do not: the platform's number of
    the file, or of the attempt. source: where it came from. lms: the number that the platform has for the student.
    late: the platform says so.
    """

    sha256: str
    time: datetime | None = None
    rank: tuple[int, ...] = ()
    source: str = ""
    lms: str = ""
    late: bool = False

    def newer_than(self, other: Receipt) -> bool | None:
        """None where nothing says which is newer."""
        if self.time and other.time and self.time != other.time:
            return self.time > other.time
        if self.rank and len(self.rank) == len(other.rank) and self.rank != other.rank:
            return self.rank > other.rank
        return None


@dataclass(frozen=True)
class Timing:
    """Of one submission, as nbgrader keeps times: UTC, without zone.

    managed: due dates come from the collector, so that an extension that is not here is none. late: the platform
    says so. replaced: the file is not the one that was collected, so that its time is not known.
    """

    time: datetime | None = None
    managed: bool = False
    extension: timedelta | None = None
    late: bool = False
    replaced: bool = False


NO_TIMING = Timing()


@dataclass
class Collected:
    """What is known of a lab. extensions: the due date of a student who has another one. Times are UTC."""

    due: datetime | None = None
    extensions: dict[str, datetime] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    @classmethod
    def of(cls, directory: Path, lab: str) -> Collected:
        """Of a course directory; empty where nothing was collected. Raises CourseError for a file that is damaged."""
        path = directory / FOLDER / f"{lab}.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(_time(content["due"]), {name: _known(time) for name, time in content["extensions"].items()},
                       {name: Receipt(**{**kept, "time": _time(kept["time"]), "rank": tuple(kept["rank"])})
                        for name, kept in content["submissions"].items()})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CourseError(f"{path} cannot be read ({type(error).__name__}): put it back, or remove it and collect "
                              "again.") from None

    def write(self, directory: Path, lab: str) -> None:
        """Keep it, for its owner's eyes."""
        content = {
            "due": self.due and self.due.isoformat(),
            "extensions": {name: time.isoformat() for name, time in self.extensions.items()},
            "submissions": {name: {**vars(receipt), "time": receipt.time and receipt.time.isoformat()}
                            for name, receipt in self.receipts.items()},
        }
        replace(directory / FOLDER / f"{lab}.json", json.dumps(content, indent=1, sort_keys=True).encode(), mode=0o600)

    def timing(self, student: str, content: bytes) -> Timing:
        """Of what is in a student's folder now."""
        receipt = self.receipts.get(student)
        extension = self.extensions.get(student)
        longer = extension - self.due if extension and self.due else None
        if receipt is None:
            return Timing(None, self.due is not None, longer)
        if receipt.sha256 != hashlib.sha256(content).hexdigest():
            return Timing(None, self.due is not None, longer, replaced=True)
        return Timing(moments.stored(receipt.time), self.due is not None, longer, receipt.late)


def _time(text: str | None) -> datetime | None:
    return _known(text) if text else None


def _known(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
