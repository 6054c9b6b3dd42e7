"""Tables as CSV, read as spreadsheets save them and written so that a spreadsheet runs nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_staff.paths import CourseError

MAX_BYTES = 20 * 2**20  # of one table; a line for each of a hundred thousand students has less
DELIMITERS = ",;\t"
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")
_FORMULA = re.compile(r"\s*[=+\-@|]\s*\S|[\t\n]")


@dataclass(frozen=True)
class Sheet:
    """The rows below the line of names, each with a cell for every column, and how they were parted."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","

    def records(self) -> list[dict[str, str]]:
        """The rows by column, without blank ones and without blanks around a cell."""
        stripped = ([cell.strip() for cell in row] for row in self.rows)
        return [dict(zip(self.columns, row, strict=True)) for row in stripped if any(row)]


def read(path: Path) -> Sheet:
    """Read a CSV file: UTF-8 with or without a byte order mark, parted by comma, semicolon or tab.

    Raises CourseError with one line that says what is wrong with the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise CourseError(f"{path} has more than {MAX_BYTES // 2**20} MB: that is no table of students.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not in UTF-8: save it as \"CSV UTF-8\".") from None
    head = text.splitlines()[0] if text.strip() else ""
    delimiter = max(DELIMITERS, key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CourseError(f"{path} is not a table in CSV: {error}.") from None
    if not head:
        raise CourseError(f"{path} is empty.")
    columns = tuple(name.strip() for name in lines[0])
    for number, line in enumerate(lines[1:], start=2):
        if len(line) > len(columns):
            raise CourseError(f"{path}, row {number} has {len(line)} cells, and there are {len(columns)} columns.")
    rows = tuple((*line, *[""] * (len(columns) - len(line))) for line in lines[1:])
    return Sheet(path, columns, rows, delimiter)


def records(path: Path, needed: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV file of ours by column, names of columns in small letters with `_` for blanks.

    Raises CourseError as `read` does, and where one of the columns `needed` is missing or any is there twice.
    """
    sheet = read(path)
    names = tuple(re.sub(r"[\s-]+", "_", name.casefold()) for name in sheet.columns)
    missing = [name for name in needed if name not in names]
    if missing:
        raise CourseError(f"{path} has no column {', '.join(missing)}. It has: {', '.join(sheet.columns)}.")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise CourseError(f"{path} has the column {', '.join(twice)} more than once.")
    return Sheet(path, names, sheet.rows).records()


def written(columns: Sequence[str], rows: Iterable[Mapping[str, object]], delimiter: str = ",") -> str:
    """The text of a CSV file. A cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return written_lines([list(columns), *([row[column] for column in columns] for row in rows)], delimiter)


def written_lines(lines: Iterable[Sequence[object]], delimiter: str = ",") -> str:
    """`written`, of lines of cells."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    for line in lines:
        writer.writerow(["" if cell is None else harmless(str(cell)) for cell in line])
    return buffer.getvalue()


def harmless(cell: str) -> str:
    """A cell that is text in every spreadsheet (OWASP, CSV injection). A number, with its minus, stays one."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")  # the csv module does not quote a lone one
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
