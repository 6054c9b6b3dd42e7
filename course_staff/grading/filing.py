"""Where a collected notebook is put: into nbgrader's submitted/ tree, and what is older beside it. Nothing is lost."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from course_staff.grading import moments
from course_staff.grading.collected import FOLDER, Collected, Receipt
from course_staff.grading.store import replace
from course_staff.paths import CourseError


class NotFiled(Exception):
    """Why a notebook could not be put into its place."""


@dataclass
class Shelf:
    """The notebooks of one lab in a course directory.

    collected: what is known of each; `put` keeps it up to date. kept: where the older ones are, a line each. done: how
    many were new, unchanged, and so on.
    """

    directory: Path
    lab: str
    collected: Collected
    kept: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def put(self, student: str, content: bytes, receipt: Receipt) -> None:
        """Into submitted/, unless what is there is newer: of two different ones the older is kept beside it.

        Raises NotFiled where the student's folder cannot be used, and CourseError where the older ones' folder is
        behind a link; then nothing was changed.
        """
        folder = self.directory / "submitted" / student / self.lab
        path = folder / f"{self.lab}.ipynb"
        for part in (folder.parent.parent, folder.parent, folder, path):
            if part.is_symlink() or (part.exists() and part.is_dir() == (part == path)):
                raise NotFiled(f"{part.relative_to(self.directory)} is a link, or not what belongs there.")
        before = path.read_bytes() if path.exists() else None
        what = "new"
        if before is not None:
            digest = hashlib.sha256(before).hexdigest()
            known = self.collected.receipts.get(student)
            known = known if known and known.sha256 == digest else None
            if digest == receipt.sha256:
                what = "unchanged"
                if known and known.time and not receipt.time:
                    receipt = known
            elif known and receipt.newer_than(known) is False:
                self.keep(student, content, receipt.time, receipt.source)
                self.done["older than what is there"] += 1
                return
            else:
                what = "newer than what was there"
                self.keep(student, before, known.time if known else None, str(path.relative_to(self.directory)))
        if what != "unchanged":
            replace(path, content)
        if receipt.time:
            # Formgrader compares it with the gradebook, which gets the same.
            replace(folder / "timestamp.txt", moments.line(receipt.time).encode())
        else:
            (folder / "timestamp.txt").unlink(missing_ok=True)
        self.collected.receipts[student] = receipt
        self.done[what] += 1

    def keep(self, student: str, content: bytes, time: datetime | None, source: str) -> None:
        """Beside the others of this student that do not count, once. source: where it was, for the report."""
        digest = hashlib.sha256(content).hexdigest()
        folder = self.directory / FOLDER / self.lab / student
        if folder.is_symlink() or folder.parent.is_symlink() or folder.parent.parent.is_symlink():
            raise CourseError(f"{folder} is behind a link: remove it.")
        if list(folder.glob(f"*{digest[:12]}.ipynb")):
            return
        name = f"{time:%Y-%m-%dT%H%M%SZ}" if time else "undated"
        replace(folder / f"{name}-{digest[:12]}.ipynb", content, mode=0o600)
        self.kept.append(f"{source}, in {(folder / f'{name}-{digest[:12]}.ipynb').relative_to(self.directory)}")
