"""`course collect`: from what the learning platform gives to nbgrader's submitted/ tree.

A source is a folder or a zip by strangers. Nothing in it names a path that we write to: each file is read as bytes,
its name says whose it is, and it is put where nbgrader expects that student's notebook. What cannot be attributed is
listed.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

import dateutil.parser
from rich.console import Console
from rich.text import Text

from course_staff.grading import moments, sanitise, spreadsheet, table
from course_staff.grading.collect import STUDENT
from course_staff.grading.collected import Collected, Receipt
from course_staff.grading.filing import NotFiled, Shelf
from course_staff.grading.prepare import MAX_BYTES
from course_staff.grading.record import alone
from course_staff.grading.roster import Roster
from course_staff.grading.sources import File, opened
from course_staff.paths import CourseError

PRESETS = ("folder", "canvas", "moodle")
MAX_TOTAL = 20 * 2**30  # bytes of all notebooks in a source, unpacked
MAX_LISTED = 100  # lines of one kind that are printed

# Canvas names a file NAME_USER_FILE_TITLE, or NAME_LATE_USER_FILE_TITLE; the two numbers are Canvas's ids
# (lib/content_zipper.rb). A title may look so as well, so every reading is found, also those that overlap.
_CANVAS = re.compile(r"_(?=(?P<user>\d+)_(?P<file>\d+)_(?P<title>.+)$)")
# Moodle: NAME_PARTICIPANT_assignsubmission_file_/TITLE, or with _ for / (mod/assign/classes/downloader.php). It takes
# every underscore out of the name.
_MOODLE = re.compile(r"(?P<name>[^_/]*)_(?P<participant>\d+)_assignsubmission_file(?:_(?P<title>.*))?")


@dataclass(frozen=True)
class Reading:
    """What a file's name says. who: the platform's number or name of the student. rank: as in a receipt."""

    who: str
    title: str
    name: str = ""
    rank: tuple[int, ...] = ()
    late: bool = False


@dataclass(frozen=True)
class Options:
    """How to read a source.

    preset: one of PRESETS. pattern: instead of it, a regular expression for the whole path of a file, with the group
    `student`. worksheet: Moodle's grading worksheet of the assignment. times: "files", "none", a table, or "" for what
    suits the source. due: when the lab is due. extensions: a table. zone: of times that have none.
    """

    preset: str = "folder"
    pattern: str = ""
    roster: Path | None = None
    worksheet: Path | None = None
    times: str = ""
    due: str = ""
    extensions: Path | None = None
    zone: tzinfo | None = None


def collect(source: Path, directory: Path, lab: str, options: Options = Options(),
            screen: Console | None = None) -> bool:
    """Put the notebooks of a lab into a course directory, and print what was done and what was left out.

    Returns whether every file could be attributed. Raises CourseError where nothing can be collected; then nothing was
    changed. Nothing that was there is lost: of two different submissions the newer one counts, the other is kept.
    """
    screen = screen or table.console()
    directory.mkdir(parents=True, exist_ok=True)
    with alone(directory):
        desk = _Desk(directory, lab, options)
        desk.plan()
        with opened(source, options.zone) as files:
            desk.take(list(files))
        desk.finish()
    for line in desk.report():
        screen.print(Text(sanitise.one_line(line, 2000)), soft_wrap=True)
    return not desk.refused


# Names


def readings(name: str, options: Options) -> list[Reading]:
    """What the name of a file says by the pattern or the preset: nothing, one thing, or, in Canvas, several."""
    last = PurePosixPath(name).name
    if options.pattern:
        found = re.fullmatch(options.pattern, name)
        if not found or not found["student"]:
            return []
        attempt = found.groupdict().get("attempt") or ""
        return [Reading(found["student"], last, rank=(int(attempt),) if attempt.isdecimal() else ())]
    if options.preset == "canvas":
        return [Reading(found["user"], found["title"], last[: found.start()], (int(found["file"]),),
                        last[: found.start()].casefold().endswith("_late")) for found in _CANVAS.finditer(last)
                if len(found["file"]) < 19]
    if options.preset == "moodle":
        # The outermost: what lies below it is named by the student.
        for part in PurePosixPath(name).parts:
            if found := _MOODLE.fullmatch(part):
                title = found["title"] if found["title"] and part == last else last
                return [Reading(found["participant"], title, found["name"])]
        return []
    return [Reading(last.removesuffix(".ipynb"), last)]


@dataclass
class _Arrival:
    """A notebook with its student."""

    file: File
    student: str
    reading: Reading
    receipt: Receipt | None = None
    content: bytes = b""


class _NotAttributed(Exception):
    """Why it is not clear whose file it is."""


@dataclass
class _Desk:
    """One run: what is read, what is done, what is said."""

    directory: Path
    lab: str
    options: Options
    refused: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    total: int = 0
    names: dict[str, set[str]] = field(default_factory=dict)

    def plan(self) -> None:
        """Read everything that may be wrong before anything is changed."""
        options = self.options
        if options.preset not in PRESETS:
            raise CourseError(f"There is no preset {options.preset!r}. Presets: {', '.join(PRESETS)}.")
        if options.pattern:
            try:
                groups = re.compile(options.pattern).groupindex
            except re.error as error:
                raise CourseError(f"The pattern is no regular expression: {error}.") from None
            if "student" not in groups:
                raise CourseError("The pattern has no group (?P<student>...).")
        self.roster = Roster.read(options.roster) if options.roster else Roster.of(self.directory)
        if options.preset == "moodle" and not options.pattern and self.roster is None:
            raise CourseError("The number in Moodle's file names is another one in each assignment: give --roster, and "
                              "--worksheet where two students have the same name.")
        if options.preset == "canvas" and not options.pattern and self.roster and not any(
                student.lms_id for student in self.roster.students.values()):
            raise CourseError("The roster has no lms_id: Canvas's number of each student, which is the column ID of an "
                              "exported gradebook.")
        self.participants = self._participants()
        self.collected = Collected.of(self.directory, self.lab)
        if options.due:
            self.collected.due = moments.parsed(options.due, "--due", options.zone)
        if options.extensions:
            self.collected.extensions = self._extensions(options.extensions)
        self.times = self._times()
        self.shelf = Shelf(self.directory, self.lab, self.collected)

    def take(self, files: list[File]) -> None:
        """Attribute the files, and put each student's newest notebook into its place."""
        arrivals: dict[str, list[_Arrival]] = defaultdict(list)
        self.names = self._numbers_by_name(files)
        for file in files:
            try:
                arrival = self._attributed(file)
            except _NotAttributed as reason:
                self.refused.append(f"{file.name}: {reason}")
            else:
                arrivals[arrival.student].append(arrival)
        for student in sorted(arrivals):
            self._take_student(student, arrivals[student])

    def finish(self) -> None:
        """Keep what is known."""
        self.collected.write(self.directory, self.lab)
        if self.options.roster and self.roster and self.options.roster.resolve() != \
                (self.directory / "roster.csv").resolve():
            self.roster.write(self.directory)

    def report(self) -> Iterator[str]:
        """The lines to print."""
        yield from _some("not collected", self.refused)
        yield from _some("kept beside", self.shelf.kept)
        yield from self.said
        in_place = {path.parent.name for path in (self.directory / "submitted").glob(f"*/{self.lab}")}
        absent = sorted(set(self.roster.students) - in_place) if self.roster else []
        if absent:
            yield f"On the roster, and nothing handed in: {', '.join(absent)}."
        unknown = sorted(in_place - set(self.roster.students)) if self.roster else []
        if unknown:
            yield f"Handed in, and not on the roster: {', '.join(unknown)}."
        count = sum(receipt.time is None for receipt in self.collected.receipts.values())
        if count and self.collected.due:
            yield (f"When it was handed in is not known of {count} of {len(self.collected.receipts)}: these are not "
                   "checked against the due date. Give --times.")
        counts = ", ".join(f"{number} {what}" for what, number in self.shelf.done.items())
        yield f"{self.lab}: {counts or 'no notebook'}; {len(self.refused)} files not collected."

    # Whose file is it?

    def _attributed(self, file: File) -> _Arrival:
        if file.problem:
            raise _NotAttributed(file.problem)
        if not file.name.casefold().endswith(".ipynb"):
            raise _NotAttributed("It is not a notebook.")
        found = readings(file.name, self.options)
        if not found:
            raise _NotAttributed("Its name is not of the expected form.")
        first = found[0]
        if self.options.pattern or self.options.preset == "folder":
            student = self._known(first.who, "id", "email", "lms_id")
        elif self.options.preset == "canvas":
            student = self._in_canvas(found)
        else:
            student = self._in_moodle(first)
        return _Arrival(file, student, first)

    def _known(self, who: str, *kinds: str) -> str:
        if self.roster is None:
            if not STUDENT.fullmatch(who):
                raise _NotAttributed(f"{who!r} cannot name a student's folder: letters, digits and . _ - @ + can.")
            return who
        found = self.roster.by(who, *kinds)
        if len(found) != 1:
            raise _NotAttributed(f"{who!r} is {'several students' if found else 'nobody'} on the roster.")
        return found.pop()

    def _in_canvas(self, found: list[Reading]) -> str:
        """The leftmost reading is Canvas's, unless the student's name was made to look like one; then it is unclear."""
        first, others = found[0], found[1:]
        if self.roster is None:
            # The number of the file and the first digits of a title may also be read as two numbers: that is harmless.
            if any(other.who != str(first.rank[0]) for other in others):
                raise _NotAttributed("Its name can be read in several ways: give --roster.")
            return self._known(first.who)
        student = self._known(first.who, "lms_id")
        if any(self.roster.by(other.who, "lms_id") - {student} for other in others):
            raise _NotAttributed("Its name has the numbers of several students.")
        return student

    def _in_moodle(self, reading: Reading) -> str:
        assert self.roster is not None
        if self.participants is not None:
            row = self.participants.get(reading.who)
            if row is None:
                raise _NotAttributed(f"The worksheet has no participant {reading.who}.")
            if row.get("Full name") and not _same_name(row["Full name"], reading.name):
                raise _NotAttributed(f"Participant {reading.who} is {row['Full name']!r} in the worksheet. (Work of a "
                                     "group has the group's number.)")
            found = in_worksheet(row, self.roster)
            if len(found) != 1:
                raise _NotAttributed(f"Participant {reading.who} of the worksheet is "
                                     f"{'several students' if found else 'nobody'} on the roster.")
            return found.pop()
        if len(self.names[_name(reading.name)]) > 1:
            raise _NotAttributed(f"Several participants are called {reading.name!r}: give --worksheet.")
        return self._known(reading.name, "name")

    def _numbers_by_name(self, files: list[File]) -> dict[str, set[str]]:
        """Moodle's numbers by the name in the file names: a name that has two is two people's, or was taken."""
        numbers: dict[str, set[str]] = defaultdict(set)
        for file in files if self.options.preset == "moodle" else ():
            for reading in readings(file.name, self.options):
                numbers[_name(reading.name)].add(reading.who)
        return numbers

    def _participants(self) -> dict[str, dict[str, str]] | None:
        if self.options.worksheet is None:
            return None
        sheet = spreadsheet.read(self.options.worksheet)
        if "Identifier" not in sheet.columns:
            raise CourseError(f"{self.options.worksheet} has no column Identifier: download the grading worksheet with "
                              "Moodle set to English.")
        return {number: row for row in sheet.records() if (number := participant(row["Identifier"]))}

    # When did it come?

    def _times(self) -> Callable[[_Arrival], datetime | None]:
        options = self.options
        kind = options.times or ("none" if options.preset != "folder" and not options.pattern else "files")
        if kind == "files":
            return lambda arrival: arrival.file.time
        if kind != "none":
            table_of = self._moments(Path(kind), "time")
            return lambda arrival: table_of.get(arrival.student)
        if options.times or not self.participants or options.zone is None:
            return lambda arrival: None
        zone, rows = options.zone, self.participants
        return lambda arrival: _worksheet_time(rows[arrival.reading.who].get("Last modified (submission)", ""), zone)

    def _extensions(self, path: Path) -> dict[str, datetime]:
        if self.collected.due is None:
            raise CourseError("Extensions move a due date: give --due.")
        found = self._moments(path, "due")
        for student, due in found.items():
            if due < self.collected.due:
                raise CourseError(f"{path}: {student} is due at {moments.line(due)}, before everybody else.")
        return found

    def _moments(self, path: Path, column: str) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for row in spreadsheet.records(path, ("id", column)):
            try:
                student = self._known(row["id"], "id", "email", "lms_id")
            except _NotAttributed as reason:
                raise CourseError(f"{path}: {reason}") from None
            if student in found:
                raise CourseError(f"{path} has {student} twice.")
            found[student] = moments.parsed(row[column], f"{path}, {student}", self.options.zone)
        return found

    # Which one counts?

    def _take_student(self, student: str, arrivals: list[_Arrival]) -> None:
        named = [arrival for arrival in arrivals if _is_lab(arrival.reading.title, self.lab)]
        read = []
        for arrival in arrivals:
            content = self._content(arrival.file)
            if content is not None:
                reading = arrival.reading
                arrival.content = content
                arrival.receipt = Receipt(hashlib.sha256(content).hexdigest(), self.times(arrival), reading.rank,
                                          arrival.file.name, reading.who, reading.late)
                read.append(arrival)
        candidates = [arrival for arrival in read if arrival in named] or read
        if not candidates:
            return
        newest = candidates[0]
        for other in candidates[1:]:
            newer = _receipt(other).newer_than(_receipt(newest))
            if newer is None and _receipt(other).sha256 != _receipt(newest).sha256:
                names = ", ".join(arrival.file.name for arrival in candidates)
                self.refused.append(f"{names}: {student} handed in several, and nothing says which one counts.")
                return
            newest = other if newer else newest
        try:
            self.shelf.put(student, newest.content, _receipt(newest))
        except NotFiled as reason:
            self.refused.append(f"{newest.file.name}: {reason}")
            return
        for arrival in read:
            if _receipt(arrival).sha256 != _receipt(newest).sha256:
                self.shelf.keep(student, arrival.content, _receipt(arrival).time, arrival.file.name)

    def _content(self, file: File) -> bytes | None:
        try:
            content = file.read()
        # zipfile raises RuntimeError for a password, and what its decompressors raise.
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError) as error:
            self.refused.append(f"{file.name}: It cannot be read: {error}.")
            return None
        if len(content) > MAX_BYTES:
            self.refused.append(f"{file.name}: It has more than {MAX_BYTES // 2**20} MB.")
            return None
        self.total += len(content)
        if self.total > MAX_TOTAL:
            raise CourseError(f"The source holds more than {MAX_TOTAL // 2**30} GB: collect it in parts.")
        return content


def _receipt(arrival: _Arrival) -> Receipt:
    assert arrival.receipt is not None
    return arrival.receipt


def _is_lab(title: str, lab: str) -> bool:
    """Whether a title is the lab's own: also with the number that Canvas, or a browser, puts behind it."""
    return re.fullmatch(rf"{re.escape(lab)}(?:-\d+| ?\(\d+\))?\.ipynb", title, re.IGNORECASE) is not None


def _name(text: str) -> str:
    return " ".join(text.casefold().split())


def _same_name(one: str, other: str) -> bool:
    """Moodle leaves characters out of a name that is to be a file's."""
    return re.sub(r"[\W_]", "", one.casefold()) == re.sub(r"[\W_]", "", other.casefold())


def participant(identifier: str) -> str:
    """The number in Moodle's column Identifier, "Participant 123"."""
    found = re.search(r"\d+$", identifier)
    return found[0] if found else ""


def in_worksheet(row: dict[str, str], roster: Roster) -> set[str]:
    """The students whom a row of Moodle's worksheet may mean, by the columns that name one person."""
    for column, kinds in (("Email address", ("email",)), ("ID number", ("lms_id", "id")), ("Username", ("id",))):
        if found := roster.by(row.get(column, ""), *kinds):
            return found
    return roster.by(row.get("Full name", ""), "name")


def _worksheet_time(text: str, zone: tzinfo) -> datetime | None:
    """Moodle's "Friday, 20 November 2026, 5:58 PM". None where the month is a number: it may be the day."""
    if not re.search(r"[A-Za-z]{3}", text):
        return None
    try:
        return moments.located(dateutil.parser.parse(text), zone, text).astimezone(UTC)
    except (ValueError, OverflowError, CourseError):
        return None


def _some(what: str, lines: list[str]) -> Iterator[str]:
    yield from (f"{what}: {line}" for line in lines[:MAX_LISTED])
    if len(lines) > MAX_LISTED:
        yield f"{what}: and {len(lines) - MAX_LISTED} more."
