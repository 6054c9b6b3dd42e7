"""What was handed in: nbgrader's submitted/ tree, read and judged as files, not yet as notebooks."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from course_staff.grading import moments
from course_staff.grading.collected import Collected, Receipt
from course_staff.paths import CourseError

# A student's name is a folder's name: it becomes part of paths, of a database and of a spreadsheet.
STUDENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}")


@dataclass(frozen=True)
class Submission:
    """A file that was handed in; `problem` says why it cannot even be read."""

    student: str
    path: Path
    problem: str = ""


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
    receipts = Collected.of(directory, module).receipts
    timed = [submission.student for submission in found if not _is_ours(submission, receipts)]
    if timed:
        refused.append(f"timestamp.txt of {', '.join(timed)} was not used: times come from whoever collected. "
                       "Formgrader does read it and takes these submissions for not autograded: remove it before you "
                       "open formgrader.")
    return found, refused


def _is_ours(submission: Submission, receipts: dict[str, Receipt]) -> bool:
    """Whether timestamp.txt is the one that `course collect` wrote, or is not there."""
    path, receipt = submission.path.with_name("timestamp.txt"), receipts.get(submission.student)
    if not os.path.lexists(path):
        return True
    try:
        return bool(receipt and receipt.time and not path.is_symlink()
                    and path.read_bytes()[:100] == moments.line(receipt.time).encode())
    except OSError:
        return False


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
