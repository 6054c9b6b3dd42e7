"""What a collector takes files from: a folder or a zip by strangers. They are listed and read, never unpacked to disk.

Nothing in a source names a path that we write to.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath

from course_staff.grading import moments
from course_staff.grading.prepare import MAX_BYTES
from course_staff.paths import CourseError

MAX_FILES = 20_000  # in a source


@dataclass(frozen=True)
class File:
    """A file in a source. name: its path there, with `/`. time: None where the source has none."""

    name: str
    read: Callable[[], bytes]
    time: datetime | None = None
    problem: str = ""


@contextmanager
def opened(source: Path, zone: tzinfo | None = None) -> Iterator[Iterator[File]]:
    """The files in a folder or a zip. zone: of the times in a zip, which may have none; without it those are left out.

    Raises CourseError for what is neither.
    """
    if source.is_dir():
        yield _in_folder(source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError:
        raise CourseError(f"{source} does not exist.") from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise CourseError(f"{source} is neither a folder nor a zip that can be read ({error}).") from None
    with archive:
        yield _in_zip(archive, source, zone)


def _in_folder(folder: Path) -> Iterator[File]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _left_by_a_system(name))
        for name in sorted((*names, *(name for name in folders if (Path(place) / name).is_symlink()))):
            path = Path(place) / name
            if _left_by_a_system(name):
                continue
            count += 1
            if count > MAX_FILES:
                raise CourseError(f"{folder} has more than {MAX_FILES} files: it is not what a class handed in.")
            shown = path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
            try:
                facts = path.lstat()
            except OSError as error:
                yield File(shown, bytes, problem=f"It cannot be read: {error.strerror}.")
                continue
            problem = "It is a link." if stat.S_ISLNK(facts.st_mode) else "" if stat.S_ISREG(facts.st_mode) else \
                "It is not a file."
            yield File(shown, _reader(path), datetime.fromtimestamp(int(facts.st_mtime), UTC), problem)


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        # Between the look and the opening, a file may have become a link.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(MAX_BYTES + 1)

    return read


def _in_zip(archive: zipfile.ZipFile, source: Path, zone: tzinfo | None) -> Iterator[File]:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise CourseError(f"{source} has more than {MAX_FILES} entries: it is not what a class handed in.")
    for entry in entries:
        name = _decoded(entry)
        parts = PurePosixPath(name).parts
        if entry.is_dir() or any(map(_left_by_a_system, parts)):
            continue
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0
        problem = ""
        if kind not in (0, stat.S_IFREG):
            problem = "It is a link or a device."
        elif name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            problem = "Its name leads out of the zip."
        elif entry.flag_bits & 1:
            problem = "It is encrypted."
        yield File(name, _unpacker(archive, entry), _time_in_zip(entry, zone), problem)


def _unpacker(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        # Whatever size the entry claims: no more than this is unpacked.
        with archive.open(entry) as file:
            return file.read(MAX_BYTES + 1)

    return read


def _decoded(entry: zipfile.ZipInfo) -> str:
    """The name of an entry. Some write UTF-8 without saying so, and zipfile then takes it for the letters of DOS."""
    if not entry.flag_bits & 0x800:
        try:
            return entry.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return entry.filename


def _time_in_zip(entry: zipfile.ZipInfo, zone: tzinfo | None) -> datetime | None:
    """The time of an entry: in UTC where it has the field of Unix, else the clock of an unknown place."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return datetime.fromtimestamp(struct.unpack("<I", extra[5:9])[0], UTC)
        extra = extra[4 + size:]
    try:
        moment = datetime(*entry.date_time)
        return moments.located(moment, zone, entry.filename).astimezone(UTC) if zone and moment.year > 1980 else None
    except (ValueError, CourseError):
        return None


def _left_by_a_system(name: str) -> bool:
    """What macOS and Jupyter put beside a file. It is nobody's submission and not worth a line."""
    return name.startswith("._") or name in ("__MACOSX", ".DS_Store", ".ipynb_checkpoints")
