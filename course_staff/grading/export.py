"""`course export`: the marks of a lab as a file that Canvas or Moodle imports.

Only final marks are written. Who waits for a human, could not be graded or handed in nothing gets no mark, never a
zero, and is named.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from course_staff.authoring.release import configuration
from course_staff.grading import gradebook, sanitise, spreadsheet, table
from course_staff.grading.collected import Collected
from course_staff.grading.intake import in_worksheet, participant
from course_staff.grading.roster import Roster, Student
from course_staff.grading.spreadsheet import Sheet
from course_staff.grading.store import replace
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

# What stands before the assignments in Canvas's gradebook (lib/gradebook_exporter.rb), and what it cannot do without.
CANVAS_STUDENT = ("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID", "Integration ID",
                  "Root Account", "Section")
CANVAS_NEEDED = ("ID", "Section")
POINTS_POSSIBLE = "Points Possible"
_TITLE_AND_ID = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)")
# Of Moodle's grading worksheet (mod/assign/feedback/offline/importgradeslib.php): without these it refuses the file.
MOODLE_NEEDED = ("Identifier", "Grade", "Last modified (grade)")
# Comments and submitted texts are left out: an import would write them, and they are students' text.
MOODLE_KEPT = ("identifier", "full name", "id number", "email address", "username", "status", "grade", "maximum grade",
               "grade can be changed", "last modified (submission)", "last modified (grade)")


@dataclass(frozen=True)
class Marks:
    """The final marks of a lab, by student, and why the others have none."""

    points: dict[str, float]
    without: dict[str, str]
    most: float


def export(course: Course, directory: Path, module: str, layout: str, *, to: Path | None = None,
           template: Path | None = None, assignment: str = "", database: str = "",
           screen: Console | None = None) -> bool:
    """Write the marks of a lab for Canvas or Moodle and print who has none. Returns whether each mark found its place.

    layout: "canvas" or "moodle". template: the file that the platform exported, to be filled in; without one the
    roster is used. assignment: the assignment's column in Canvas, by its name, its number or both. Raises CourseError
    where nothing can be written.
    """
    screen = screen or table.console()
    lab = Lab.read(course.solution(module))
    course_id = configuration(course).get("CourseDirectory", {}).get("course_id") or "default_course"
    roster = Roster.of(directory)
    with gradebook.opened(directory, course_id, database) as book:
        marks = final_marks(directory, lab, gradebook.entries(book, lab), roster)
    if template is None:
        if roster is None:
            raise CourseError("There is no roster.csv in the course directory: give --template, a file that the "
                              "learning platform exported.")
        text = _from_roster(lab, marks, roster, layout, assignment)
        problems: list[str] = []
    elif layout == "canvas":
        text, problems = canvas(spreadsheet.read(template), lab, marks, roster, assignment)
    else:
        text, problems = moodle(spreadsheet.read(template), marks, roster, Collected.of(directory, lab.name))
    path = to or directory / "export" / f"{lab.name}-{layout}.csv"
    replace(path, text.encode(), mode=0o600)
    for student, reason in sorted(marks.without.items()):
        screen.print(Text(sanitise.one_line(f"no mark: {student}: {reason}")), soft_wrap=True)
    for line in problems:
        screen.print(Text(sanitise.one_line(line, 1000)), soft_wrap=True)
    screen.print(Text(f"{len(marks.points)} final marks of {lab.name}, {len(marks.without)} students without one: "
                      f"{path}"), soft_wrap=True)
    return not problems


def final_marks(directory: Path, lab: Lab, entries: dict[str, gradebook.Entry], roster: Roster | None) -> Marks:
    """The marks that are final: graded, with nothing that waits for a human, less the penalty for lateness."""
    most = sum(cell.points for cell in (*lab.tests.values(), *lab.written.values()))
    points: dict[str, float] = {}
    without = {student: "handed in nothing" for student in (roster.students if roster else ())}
    for path in (directory / "results" / lab.name).glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        if "not_graded" in content:
            without[path.stem] = f"not graded: {content['not_graded']}"
    ungraded = {student for student, reason in without.items() if reason.startswith("not graded")}
    for student, entry in entries.items():
        if student in ungraded:
            continue
        if entry.pending:
            without[student] = "waits for a human"
        else:
            without.pop(student, None)
            points[student] = max(0.0, entry.score - entry.penalty)
    return Marks(points, without, most)


# Canvas


def canvas(sheet: Sheet, lab: Lab, marks: Marks, roster: Roster | None, assignment: str) -> tuple[str, list[str]]:
    """A gradebook that Canvas exported, cut down to the students and one assignment, with our marks in it.

    What we have no mark for stays as Canvas has it; so does EX, excused. Other assignments are left out, because an
    import would set them back to what they were when the file was made. Returns the text, and what a human should know.
    """
    missing = [name for name in CANVAS_NEEDED if name not in sheet.columns]
    if missing:
        raise CourseError(f"{sheet.path} has no column {', '.join(missing)}: it is no gradebook exported from Canvas.")
    last = sheet.columns.index("Section")
    about = [place for place, name in enumerate(sheet.columns) if place <= last and name in CANVAS_STUDENT]
    own = _column(sheet, last, lab.name, assignment)
    lines: list[list[str]] = [[sheet.columns[place] for place in (*about, own)]]
    problems: list[str] = []
    seen: set[str] = set()
    for row in sheet.rows:
        record = dict(zip(sheet.columns, map(str.strip, row), strict=True))
        if POINTS_POSSIBLE in row[0]:
            possible = row[own].replace(",", ".").strip()
            if re.fullmatch(r"[\d.]+", possible) and float(possible) != marks.most:
                problems.append(f"The assignment has {float(possible):g} points in Canvas and {marks.most:g} here; "
                                "marks are written as they are.")
            lines.append([row[place] for place in (*about, own)])
            continue
        if not record["ID"]:
            continue
        student = _one(_in_canvas(record, roster, marks), record.get("Student") or record["ID"], problems)
        mark, there = _mark(student, seen, marks), row[own].strip()
        if mark is not None and there.upper() in ("EX", "N/A"):
            problems.append(f"{student}: {there} in Canvas, excused or not assigned: the mark {mark} was not written.")
            mark = None
        lines.append([*(row[place] for place in about), there if mark is None else mark])
    problems += [f"{student}: is not in {sheet.path.name}; the mark {_number(marks.points[student])} was not written."
                 for student in sorted(set(marks.points) - seen)]
    return spreadsheet.written_lines(lines, sheet.delimiter), problems


def _column(sheet: Sheet, last: int, lab: str, wanted: str) -> int:
    """The place of the assignment's column. Raises CourseError unless exactly one fits."""
    titles = {place: name for place, name in enumerate(sheet.columns) if place > last}

    def fits(name: str, text: str) -> bool:
        found = _TITLE_AND_ID.fullmatch(name)
        return text.casefold() in (name.casefold(), *(part.casefold() for part in (found.groups() if found else ())))

    found = [place for place, name in titles.items() if fits(name, wanted or lab)]
    if len(found) != 1:
        there = ", ".join(repr(name) for name in titles.values() if _TITLE_AND_ID.fullmatch(name)) or "none"
        raise CourseError(f"{sheet.path} has {'several assignments' if found else 'no assignment'} {wanted or lab!r}. "
                          f"Name one with --assignment: {there}.")
    return found[0]


def _in_canvas(record: dict[str, str], roster: Roster | None, marks: Marks) -> set[str]:
    """The students whom a row may mean. Canvas's own number goes first; names are never compared."""
    if roster is None:
        known = {student.casefold(): student for student in (*marks.points, *marks.without)}
        named = (record.get(column, "").casefold() for column in ("ID", "SIS User ID", "SIS Login ID"))
        return {known[name] for name in named if name in known}
    if found := roster.by(record["ID"], "lms_id"):
        return found
    return roster.by(record.get("SIS User ID", ""), "id") | roster.by(record.get("SIS Login ID", ""), "id", "email")


# Moodle


def moodle(sheet: Sheet, marks: Marks, roster: Roster | None, collected: Collected) -> tuple[str, list[str]]:
    """Moodle's grading worksheet with our marks in the column Grade, without the columns for comments and texts.

    A student is known by the participant's number where the notebooks were collected from Moodle, else by address, id
    or name on the roster. Returns the text, and what a human should know.
    """
    missing = [name for name in MOODLE_NEEDED if name not in sheet.columns]
    if missing:
        raise CourseError(f"{sheet.path} has no column {', '.join(missing)}: download the grading worksheet with "
                          "Moodle set to English.")
    numbers = {receipt.lms: student for student, receipt in collected.receipts.items() if receipt.lms}
    own = sheet.columns.index("Grade")
    kept = [place for place, name in enumerate(sheet.columns) if name.casefold() in MOODLE_KEPT]
    lines: list[list[str]] = [[sheet.columns[place] for place in kept]]
    problems: list[str] = []
    seen: set[str] = set()
    for row in sheet.rows:
        record = dict(zip(sheet.columns, map(str.strip, row), strict=True))
        if not any(record.values()):
            continue
        found = in_worksheet(record, roster) if roster else set()
        if (number := participant(record["Identifier"])) in numbers:
            found = found | {numbers[number]}
        student = _one(found, record.get("Full name") or record["Identifier"], problems)
        mark = _mark(student, seen, marks)
        if mark is not None and student is not None:
            reason = _refused_by_moodle(record, marks.points[student])
            if reason:
                problems.append(f"{student}: {reason}: the mark {mark} was not written.")
                mark = None
        lines.append([mark if place == own and mark is not None else row[place] for place in kept])
    problems += [f"{student}: is not in {sheet.path.name}; the mark {_number(marks.points[student])} was not written."
                 for student in sorted(set(marks.points) - seen)]
    return spreadsheet.written_lines(lines, sheet.delimiter), problems


def _refused_by_moodle(record: dict[str, str], points: float) -> str:
    """Why Moodle would pass over a grade without a word."""
    if record.get("Grade can be changed", "").casefold() == "no":
        return "the grade is locked in Moodle"
    most = record.get("Maximum Grade", record.get("Maximum grade", "")).replace(",", ".")
    if re.fullmatch(r"\d+(?:\.\d+)?", most) and points > float(most):
        return f"more than Moodle's maximum grade, {float(most):g}"
    return ""


# Without a file of the platform's


def _from_roster(lab: Lab, marks: Marks, roster: Roster, layout: str, assignment: str) -> str:
    def mark(student: Student) -> str:
        return _number(marks.points[student.id]) if student.id in marks.points else ""

    if layout == "moodle":
        return spreadsheet.written_lines([
            ("First name", "Last name", "ID number", "Email address", assignment or lab.name),
            *((student.first_name, student.last_name, student.lms_id or student.id, student.email, mark(student))
              for student in roster.students.values())])
    if not _TITLE_AND_ID.fullmatch(assignment):
        raise CourseError("Without --template, Canvas needs the assignment's name and number: --assignment "
                          "\"Lab 2 (1234)\". They stand at the head of its column in an exported gradebook.")
    lines = [("Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment),
             (f"    {POINTS_POSSIBLE}", "", "", "", "", _number(marks.most)),
             *((f"{student.last_name}, {student.first_name}", student.lms_id, student.id, student.email, "",
                mark(student)) for student in roster.students.values())]
    return spreadsheet.written_lines(lines)


def _one(found: set[str], who: str, problems: list[str]) -> str | None:
    if len(found) > 1:
        problems.append(f"{who}: may be {' or '.join(sorted(found))}; no mark was written.")
    return next(iter(found)) if len(found) == 1 else None


def _mark(student: str | None, seen: set[str], marks: Marks) -> str | None:
    if student is None or student in seen:
        return None
    seen.add(student)
    return _number(marks.points[student]) if student in marks.points else None


def _number(points: float) -> str:
    """Two decimals are what Canvas keeps."""
    return f"{round(points, 2):g}"

