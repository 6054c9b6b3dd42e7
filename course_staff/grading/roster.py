"""Who takes part: the roster of a class, and who is meant by a name in a file of the learning platform."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_staff.grading import spreadsheet
from course_staff.grading.collect import STUDENT
from course_staff.grading.store import replace
from course_staff.paths import CourseError

FILE = "roster.csv"
NEEDED = ("id", "first_name", "last_name", "email")
COLUMNS = (*NEEDED, "lms_id", "lms_name")


@dataclass(frozen=True)
class Student:
    """One line of the roster.

    id: the name of the student's folder and in the gradebook. lms_id: the number in Canvas, the "ID number" in Moodle.
    lms_name: the name as the platform shows it.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    lms_name: str = ""

    @property
    def name(self) -> str:
        """The name as the platform shows it: its own, else first and last name."""
        return self.lms_name or f"{self.first_name} {self.last_name}".strip()


class Roster:
    """The students of a class by id."""

    def __init__(self, students: Iterable[Student] = ()) -> None:
        self.students = {student.id: student for student in students}
        self._indexes: dict[str, dict[str, set[str]]] = {}

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Read a roster. Raises CourseError with the row of what is wrong: a column, an id, a student twice."""
        students: list[Student] = []
        seen: dict[tuple[str, str], str] = {}
        for number, row in enumerate(spreadsheet.records(path, NEEDED), start=1):
            student = Student(**{column: row.get(column, "") for column in COLUMNS})
            if not STUDENT.fullmatch(student.id):
                raise CourseError(f"{path}, student {number}: the id {student.id!r} cannot name a folder. It has "
                                  "letters, digits and . _ - @ +, and begins with a letter, a digit or _.")
            # Two ids that differ in capitals are one folder on some machines. An address is one person's.
            for kind, value in (("id", student.id), ("email", student.email), ("lms_id", student.lms_id)):
                other = seen.setdefault((kind, value.casefold()), student.id) if value else student.id
                if other != student.id or (kind == "id" and any(value == earlier.id for earlier in students)):
                    raise CourseError(f"{path}, student {number}: the {kind} {value!r} is there twice ({other}).")
            students.append(student)
        if not students:
            raise CourseError(f"{path} has no students.")
        return cls(students)

    @classmethod
    def of(cls, directory: Path) -> Roster | None:
        """The roster of a course directory, or None."""
        path = directory / FILE
        return cls.read(path) if path.is_file() else None

    def write(self, directory: Path) -> None:
        """Keep it as roster.csv of a course directory, for its owner's eyes."""
        rows = [{column: getattr(student, column) for column in COLUMNS} for student in self.students.values()]
        replace(directory / FILE, spreadsheet.written(COLUMNS, rows).encode(), mode=0o600)

    def by(self, value: str, *kinds: str) -> set[str]:
        """The ids of the students of whom one of `kinds` (attributes) is `value`, whatever its capitals."""
        found: set[str] = set()
        for kind in kinds:
            found |= self._index(kind).get(_plain(value, kind), set())
        return found

    def _index(self, kind: str) -> dict[str, set[str]]:
        if kind not in self._indexes:
            index: dict[str, set[str]] = defaultdict(set)
            for student in self.students.values():
                if value := _plain(getattr(student, kind), kind):
                    index[value].add(student.id)
            self._indexes[kind] = dict(index)
        return self._indexes[kind]


def _plain(value: str, kind: str) -> str:
    """What is compared. Of a name, Moodle leaves out some characters when it makes a file name of it."""
    value = unicodedata.normalize("NFC", value).casefold()
    if kind == "name":
        value = re.sub(r"[&<>\"`|':\\/*?]", "", value.replace("_", " "))
    return " ".join(value.split())
