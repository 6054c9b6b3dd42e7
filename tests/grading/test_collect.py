"""`course collect`: hostile zips, whose file it is, which of two counts, when it came. Nothing is guessed or lost."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from course_staff.grading import collect as tree
from course_staff.grading import intake, moments, sources
from course_staff.grading.collected import Collected, Receipt
from course_staff.grading.intake import Options, Reading, readings
from course_staff.grading.roster import Roster
from course_staff.paths import CourseError

LAB = "02_backprop"
ROSTER = """id,first_name,last_name,email,lms_id,lms_name
anna,Anna,Meier,anna@example.org,1111,
ben,Ben,O'Neil,ben@example.org,2222,
cleo,Cleo,Sørensen,cleo@example.org,3333,Cleo S.
"""
FOLDER = Options()
BERLIN = moments.zone("Europe/Berlin")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    directory = tmp_path / "class"
    directory.mkdir()
    return directory


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "given.csv"
    path.write_text(ROSTER)
    return path


def zipped(path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.ipynb").write_text(text)
    return path


def collect(source: Path, course: Path, options: Options = FOLDER) -> tuple[bool, str]:
    screen = Console(file=io.StringIO(), width=400, highlight=False)
    well = intake.collect(source, course, LAB, options, screen)
    return well, screen.file.getvalue()  # type: ignore[attr-defined]


def there(course: Path) -> dict[str, str]:
    """What is in place now, by student."""
    return {path.parent.parent.name: path.read_text() for path in course.glob(f"submitted/*/{LAB}/{LAB}.ipynb")}


def kept(course: Path) -> list[str]:
    return sorted(path.read_text() for path in course.glob(f"collected/{LAB}/*/*.ipynb"))


# Names


@pytest.mark.parametrize(("name", "expected"), [
    ("meieranna_1111_555_02_backprop.ipynb", ("1111", "02_backprop.ipynb", 555, False)),
    ("meieranna_LATE_1111_555_02_backprop-2.ipynb", ("1111", "02_backprop-2.ipynb", 555, True)),
    ("meieranna_late_1111_555_x.ipynb", ("1111", "x.ipynb", 555, True)),
    ("sørensencleo_3333_9_x y (1).ipynb", ("3333", "x y (1).ipynb", 9, False)),
    ("submissions/meieranna_1111_555_x.ipynb", ("1111", "x.ipynb", 555, False)),
    ("anon_AbCdE_555_x.ipynb", None),
    ("02_backprop.ipynb", None),
    ("a_1_" + "9" * 30 + "_x.ipynb", None),
])
def test_names_from_canvas(name: str, expected: tuple[str, str, int, bool] | None) -> None:
    found = readings(name, Options("canvas"))
    assert (found[0].who, found[0].title, found[0].rank[0], found[0].late) == expected if expected else not found


@pytest.mark.parametrize(("name", "expected"), [
    ("Anna Meier_77_assignsubmission_file_/02_backprop.ipynb", ("77", "Anna Meier", "02_backprop.ipynb")),
    ("Anna Meier_77_assignsubmission_file/sub/x.ipynb", ("77", "Anna Meier", "x.ipynb")),
    ("Anna Meier_77_assignsubmission_file_02_backprop.ipynb", ("77", "Anna Meier", "02_backprop.ipynb")),
    ("Participant_77_assignsubmission_file_/x.ipynb", ("77", "Participant", "x.ipynb")),
    # The student named the inner folder.
    ("Eve_66_assignsubmission_file_/Anna Meier_77_assignsubmission_file_/x.ipynb", ("66", "Eve", "x.ipynb")),
    ("Anna Meier_77_assignsubmission_onlinetext_/x.ipynb", None),
    ("x.ipynb", None),
])
def test_names_from_moodle(name: str, expected: tuple[str, str, str] | None) -> None:
    found = readings(name, Options("moodle"))
    assert [(reading.who, reading.name, reading.title) for reading in found] == ([expected] if expected else [])


def test_a_pattern_is_for_the_whole_path() -> None:
    options = Options(pattern=r"(?P<student>\w+)/.*?(?:-(?P<attempt>\d+))?\.ipynb")
    assert readings("anna/lab-12.ipynb", options) == [Reading("anna", "lab-12.ipynb", rank=(12,))]
    assert readings("x/anna/lab.ipynb", options) == [Reading("x", "lab.ipynb")]
    assert readings("anna.ipynb", options) == []


@pytest.mark.parametrize(("pattern", "said"), [("(", "no regular expression"), ("(.*).ipynb", "no group")])
def test_a_pattern_that_says_nothing_is_refused(course: Path, tmp_path: Path, pattern: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        collect(folder(tmp_path / "in", anna="1"), course, Options(pattern=pattern))


# Whose file it is


def test_a_folder(course: Path, tmp_path: Path) -> None:
    well, said = collect(folder(tmp_path / "in", anna="1", ben="2"), course)
    assert well and there(course) == {"anna": "1", "ben": "2"} and "2 new; 0 files not collected" in said


def test_a_canvas_zip_with_a_roster(course: Path, tmp_path: Path, roster: Path) -> None:
    source = zipped(tmp_path / "in.zip", ("meieranna_1111_11_02_backprop.ipynb", b"A"),
                    ("oneilben_LATE_2222_12_02_backprop-1.ipynb", b"B"), ("eve_9999_13_02_backprop.ipynb", b"E"),
                    ("meieranna_1111_14_notes.pdf", b"pdf"))
    well, said = collect(source, course, Options("canvas", roster=roster))
    assert not well and there(course) == {"anna": "A", "ben": "B"}
    assert "eve_9999_13_02_backprop.ipynb: '9999' is nobody on the roster" in said
    assert "notes.pdf: It is not a notebook" in said
    assert "On the roster, and nothing handed in: cleo." in said
    assert Roster.of(course) is not None and (course / "roster.csv").stat().st_mode & 0o077 == 0
    receipts = Collected.of(course, LAB).receipts
    assert receipts["ben"].late and not receipts["anna"].late and receipts["anna"].lms == "1111"
    assert receipts["anna"].time is None, "the times in Canvas's zip are those of the download"


@pytest.mark.parametrize(("name", "with_roster", "without"), [
    ("meieranna_1111_11_02_backprop.ipynb", "anna", "1111"),  # the file's number and the 02 are no student
    ("meieranna_1111_11_2222_7_x.ipynb", None, None),  # a title with another one's number
    ("eve_2222_7__1111_11_x.ipynb", None, None),  # a name with another one's number
    ("meieranna_1111_11_a_3_4_b.ipynb", "anna", None),  # an honest title with two numbers
    ("eve_5555_11_x_1111_9_.ipynb", None, None),
])
def test_a_name_that_can_be_read_in_two_ways_is_not_guessed(
        course: Path, tmp_path: Path, roster: Path, name: str, with_roster: str | None, without: str | None) -> None:
    source = zipped(tmp_path / "in.zip", (name, b"X"))
    collect(source, course, Options("canvas"))
    assert list(there(course)) == ([without] if without else [])
    other = tmp_path / "other"
    collect(source, other, Options("canvas", roster=roster))
    assert list(there(other)) == ([with_roster] if with_roster else [])


MOODLE = "{}_{}_assignsubmission_file_/02_backprop.ipynb"
WORKSHEET = """Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 71","Anna Meier",anna@example.org,"Submitted for grading - ",,10.00,Yes,"Friday, 20 November 2026, 5:58 PM",-,
"Participant 72","Ben O'Neil",ben@example.org,"Submitted for grading - ",,10.00,Yes,"Friday, 20 November 2026, 7:58 PM",-,
"Participant 73",Cleo S.,cleo@example.org,"No submission",,10.00,Yes,-,-,
"""


def test_a_moodle_zip_by_names(course: Path, tmp_path: Path, roster: Path) -> None:
    source = zipped(tmp_path / "in.zip", (MOODLE.format("Anna Meier", 71), b"A"), (MOODLE.format("Ben ONeil", 72), b"B"),
                    (MOODLE.format("cleo s.", 73), b"C"), (MOODLE.format("Eve", 74), b"E"))
    well, said = collect(source, course, Options("moodle", roster=roster))
    assert there(course) == {"anna": "A", "ben": "B", "cleo": "C"} and not well and "'Eve' is nobody" in said


def test_two_participants_of_one_name_are_told_apart_by_the_worksheet_only(
        course: Path, tmp_path: Path, roster: Path) -> None:
    """The second one has taken the name."""
    source = zipped(tmp_path / "in.zip", (MOODLE.format("Anna Meier", 71), b"A"), (MOODLE.format("Anna Meier", 99), b"F"))
    well, said = collect(source, course, Options("moodle", roster=roster))
    assert not well and there(course) == {} and said.count("Several participants are called 'Anna Meier'") == 2
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(WORKSHEET)
    _, said = collect(source, course, Options("moodle", roster=roster, worksheet=sheet))
    assert there(course) == {"anna": "A"} and "no participant 99" in said


def test_a_number_of_a_group_is_not_taken_for_a_participants(course: Path, tmp_path: Path, roster: Path) -> None:
    (tmp_path / "sheet.csv").write_text(WORKSHEET)
    source = zipped(tmp_path / "in.zip", (MOODLE.format("Group A", 71), b"G"))
    well, said = collect(source, course, Options("moodle", roster=roster, worksheet=tmp_path / "sheet.csv"))
    assert not well and there(course) == {} and "Participant 71 is 'Anna Meier' in the worksheet" in said


@pytest.mark.parametrize("options", [Options("moodle"), Options("canvas", roster=Path("bare"))])
def test_a_platforms_numbers_need_what_says_whose_they_are(course: Path, tmp_path: Path, options: Options) -> None:
    if options.roster:
        (tmp_path / "bare").write_text("id,first_name,last_name,email\nanna,,,\n")
        options = Options("canvas", roster=tmp_path / "bare")
    with pytest.raises(CourseError, match=r"--roster|no lms_id"):
        collect(folder(tmp_path / "in", x="1"), course, options)
    assert not (course / "submitted").exists()


# Zips by strangers


def linked(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize("name", ["/anna.ipynb", "../anna.ipynb", "a/../../anna.ipynb", "C:/anna.ipynb", "..\\anna.ipynb",
                                  "\x1b[2Janna.ipynb", "a\nb.ipynb", "%2e%2e.ipynb", "..ipynb", "-rf.ipynb", " .ipynb",
                                  "x" * 200 + ".ipynb", "ünï.ipynb", "=1+1.ipynb"])
def test_a_name_that_leads_elsewhere_is_listed(course: Path, tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "in.zip", (name, b"X"), ("ben.ipynb", b"B"))
    before = sorted(path.name for path in tmp_path.iterdir())
    well, said = collect(source, course)
    assert there(course) == {"ben": "B"} and sorted(path.name for path in tmp_path.iterdir()) == before
    assert not well and "not collected: " in said
    assert "\x1b" not in said


def test_links_and_bombs_and_what_is_broken_or_encrypted(course: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for module in (intake, sources):
        monkeypatch.setattr(module, "MAX_BYTES", 1000)
    source = zipped(tmp_path / "in.zip", (linked("link.ipynb"), b"/etc/passwd"), ("bomb.ipynb", b"0" * 100_000),
                    ("broken.ipynb", b"B" * 50), ("ben.ipynb", b"fine"), ("locked.ipynb", b"L"))
    content = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        broken, locked = archive.getinfo("broken.ipynb"), archive.getinfo("locked.ipynb")
    content[broken.header_offset + 30 + len("broken.ipynb")] ^= 0xFF
    place = content.rindex(b"locked.ipynb") - 46 + 8
    content[place] |= 1
    assert locked.flag_bits == 0
    source.write_bytes(content)
    well, said = collect(source, course)
    assert not well and there(course) == {"ben": "fine"}
    for name, reason in (("link", "link or a device"), ("bomb", "more than"), ("broken", "cannot be read"),
                         ("locked", "encrypted")):
        assert any(f"{name}.ipynb" in line and reason in line for line in said.splitlines()), (name, said)


def test_a_size_that_lies_unpacks_no_more_than_is_allowed(course: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for module in (intake, sources):
        monkeypatch.setattr(module, "MAX_BYTES", 1000)
    source = zipped(tmp_path / "in.zip", ("anna.ipynb", b"0" * 50_000_000))
    content = bytearray(source.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24:place + 28] = struct.pack("<I", 10)
    source.write_bytes(content)
    well, _ = collect(source, course)
    assert not well and there(course) == {}


def test_more_entries_than_a_class_hands_in(course: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 5)
    source = zipped(tmp_path / "in.zip", *((f"s{number}.ipynb", b"1") for number in range(6)))
    with pytest.raises(CourseError, match="more than 5 entries"):
        collect(source, course)
    with pytest.raises(CourseError, match="more than 5 files"):
        collect(folder(tmp_path / "in", **{f"s{number}": "1" for number in range(6)}), course)
    monkeypatch.setattr(sources, "MAX_FILES", 50)
    monkeypatch.setattr(intake, "MAX_TOTAL", 3)
    with pytest.raises(CourseError, match="in parts"):
        collect(source, course)


def test_many_strange_files_are_counted_and_not_all_listed(course: Path, tmp_path: Path) -> None:
    source = zipped(tmp_path / "in.zip", *((f"s{number}.txt", b"1") for number in range(3000)))
    _, said = collect(source, course)
    assert said.count("\n") < 120 and "and 2900 more" in said and "3000 files not collected" in said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_gets_a_line(course: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.zip").write_bytes(content)
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        collect(tmp_path / "in.zip", course)
    assert not (course / "submitted").exists() and not (course / "collected").exists()


def test_names_in_utf8_without_its_mark_are_understood(course: Path, tmp_path: Path, roster: Path) -> None:
    name = MOODLE.format("Cleo Sørensen", 73)
    source = zipped(tmp_path / "in.zip", (name, b"C"))
    content = source.read_bytes()
    assert content.count(name.encode()) == 2
    with zipfile.ZipFile(source) as archive:
        assert archive.infolist()[0].flag_bits & 0x800
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[local + 7] &= ~8
    changed[central + 9] &= ~8
    source.write_bytes(changed)
    roster.write_text(ROSTER.replace("Cleo S.", ""))
    collect(source, course, Options("moodle", roster=roster))
    assert there(course) == {"cleo": "C"}


def test_a_folder_with_links_and_pipes(course: Path, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", ben="B")
    (tmp_path / "secret.ipynb").write_text("secret")
    (source / "anna.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (source / "more").symlink_to(tmp_path)
    os.mkfifo(source / "pipe.ipynb")
    (source / "._ben.ipynb").write_text("x")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "ben-checkpoint.ipynb").write_text("x")
    well, said = collect(source, course)
    assert not well and there(course) == {"ben": "B"} and said.count("It is a link.") == 2 and "pipe.ipynb: It is not a file" in said
    assert "3 files not collected" in said


@pytest.mark.parametrize("place", ["submitted", "submitted/anna", f"submitted/anna/{LAB}", f"submitted/anna/{LAB}/{LAB}.ipynb"])
def test_nothing_is_written_through_a_link(course: Path, tmp_path: Path, place: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (course / place).parent.mkdir(parents=True, exist_ok=True)
    (course / place).symlink_to(elsewhere / "new.ipynb" if place.endswith(".ipynb") else elsewhere)
    well, said = collect(folder(tmp_path / "in", anna="A"), course)
    assert not well and "is a link" in said and list(elsewhere.iterdir()) == []


# Which of two counts


def test_collecting_again_changes_nothing(course: Path, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", anna="1")
    collect(source, course)
    before = Collected.of(course, LAB)
    well, said = collect(source, course)
    assert well and "1 unchanged" in said and Collected.of(course, LAB) == before and kept(course) == []


def test_the_newer_one_counts_and_the_older_one_is_kept(course: Path, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", anna="first")
    os.utime(source / "anna.ipynb", (1_000_000_000, 1_000_000_000))
    collect(source, course)
    (source / "anna.ipynb").write_text("second")
    os.utime(source / "anna.ipynb", (1_000_001_000, 1_000_001_000))
    _, said = collect(source, course)
    assert there(course) == {"anna": "second"} and kept(course) == ["first"] and "newer" in said
    assert "kept beside: submitted/anna" in said and f"in collected/{LAB}/anna/2001-09-09T014640Z-" in said
    # An older download, collected later.
    (source / "anna.ipynb").write_text("first")
    os.utime(source / "anna.ipynb", (1_000_000_000, 1_000_000_000))
    _, said = collect(source, course)
    assert there(course) == {"anna": "second"} and kept(course) == ["first"] and "older than what is there" in said


@pytest.mark.parametrize(("first", "second", "counts"), [(11, 12, "second"), (12, 11, "first")])
def test_canvas_numbers_its_files(course: Path, tmp_path: Path, first: int, second: int, counts: str) -> None:
    for number, text in ((first, "first"), (second, "second")):
        source = zipped(tmp_path / f"{text}.zip", (f"meieranna_1111_{number}_{LAB}.ipynb", text.encode()))
        collect(source, course, Options("canvas"))
    assert there(course) == {"1111": counts} and kept(course) == [{"first": "second", "second": "first"}[counts]]


def test_what_was_put_there_by_hand_is_kept(course: Path, tmp_path: Path) -> None:
    path = course / "submitted" / "anna" / LAB / f"{LAB}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("by hand")
    path.with_name("timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    collect(folder(tmp_path / "in", anna="collected"), course, Options(times="none"))
    assert there(course) == {"anna": "collected"} and kept(course) == ["by hand"]
    assert not path.with_name("timestamp.txt").exists(), "it would say when the other file came"


def test_several_in_one_source(course: Path, tmp_path: Path, roster: Path) -> None:
    source = zipped(
        tmp_path / "in.zip",
        (f"meieranna_1111_11_{LAB}.ipynb", b"old"), (f"meieranna_1111_12_{LAB}-1.ipynb", b"new"),
        ("meieranna_1111_13_scratch.ipynb", b"scratch"))
    collect(source, course, Options("canvas", roster=roster))
    assert there(course) == {"anna": "new"} and kept(course) == ["old", "scratch"]


def test_several_without_an_order_are_refused(course: Path, tmp_path: Path, roster: Path) -> None:
    source = zipped(tmp_path / "in.zip", ("Anna Meier_71_assignsubmission_file_/one.ipynb", b"1"),
                    ("Anna Meier_71_assignsubmission_file_/two.ipynb", b"2"))
    well, said = collect(source, course, Options("moodle", roster=roster))
    assert not well and there(course) == {} and "nothing says which one counts" in said


def test_the_same_entry_twice(course: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        source = zipped(tmp_path / "in.zip", ("anna.ipynb", b"1"), ("anna.ipynb", b"2"))
    well, _ = collect(source, course, Options(times="none"))
    assert not well and there(course) == {}


@pytest.mark.parametrize(("one", "other", "newer"), [
    (Receipt("a", datetime(2026, 1, 2, tzinfo=UTC)), Receipt("b", datetime(2026, 1, 1, tzinfo=UTC)), True),
    (Receipt("a", datetime(2026, 1, 1, tzinfo=UTC), (9,)), Receipt("b", datetime(2026, 1, 2, tzinfo=UTC), (1,)), False),
    (Receipt("a", None, (9,)), Receipt("b", datetime(2026, 1, 2, tzinfo=UTC), (1,)), True),
    (Receipt("a", None, (9,)), Receipt("b", None, ()), None),
    (Receipt("a"), Receipt("b"), None),
])
def test_what_is_newer(one: Receipt, other: Receipt, newer: bool | None) -> None:
    assert one.newer_than(other) is newer and other.newer_than(one) is (None if newer is None else not newer)


# When it came


def test_the_time_of_a_file_is_the_time(course: Path, tmp_path: Path) -> None:
    source = folder(tmp_path / "in", anna="1")
    os.utime(source / "anna.ipynb", (1_000_000_000, 1_000_000_000))
    collect(source, course)
    assert Collected.of(course, LAB).receipts["anna"].time == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    stamp = course / "submitted" / "anna" / LAB / "timestamp.txt"
    assert stamp.read_text() == "2001-09-09 01:46:40 UTC"
    # Ours is no reason for a warning; another one is.
    assert tree.submissions(course, LAB)[1] == []
    stamp.write_text("2001-09-09 01:00:00 UTC")
    assert "timestamp.txt of anna was not used" in tree.submissions(course, LAB)[1][0]


@pytest.mark.parametrize(("zone", "expected"), [
    (None, None), (BERLIN, datetime(2026, 11, 20, 16, 58, 2, tzinfo=UTC)), (UTC, datetime(2026, 11, 20, 17, 58, 2, tzinfo=UTC))])
def test_the_clock_in_a_zip_needs_a_zone(tmp_path: Path, zone: Any, expected: datetime | None) -> None:
    source = zipped(tmp_path / "in.zip", (zipfile.ZipInfo("anna.ipynb", (2026, 11, 20, 17, 58, 2)), b"1"))
    with sources.opened(source, zone) as files:
        assert [file.time for file in files] == [expected]


def test_the_time_of_unix_in_a_zip_needs_none(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("anna.ipynb", (2026, 11, 20, 17, 58, 2))
    entry.extra = struct.pack("<HH", 0x1234, 2) + b"xx" + struct.pack("<HHBI", 0x5455, 5, 1, 1_000_000_000)
    with sources.opened(zipped(tmp_path / "in.zip", (entry, b"1"))) as files:
        assert [file.time for file in files] == [datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)]


def test_times_from_a_table(course: Path, tmp_path: Path, roster: Path) -> None:
    (tmp_path / "times.csv").write_text("id;time\n1111;2026-11-20 17:58 +0100\nben@example.org;2026-11-20T18:58:00Z\n")
    source = zipped(tmp_path / "in.zip", *((f"x_{number}_1_{LAB}.ipynb", b"1") for number in (1111, 2222, 3333)))
    _, said = collect(source, course, Options("canvas", roster=roster, times=str(tmp_path / "times.csv"),
                                              due="2026-11-20 18:00 +0100"))
    times = {name: receipt.time for name, receipt in Collected.of(course, LAB).receipts.items()}
    assert times == {"anna": datetime(2026, 11, 20, 16, 58, tzinfo=UTC), "ben": datetime(2026, 11, 20, 18, 58, tzinfo=UTC),
                     "cleo": None}
    assert "not known of 1 of 3" in said


def test_moodles_worksheet_says_when(course: Path, tmp_path: Path, roster: Path) -> None:
    (tmp_path / "sheet.csv").write_text(WORKSHEET)
    source = zipped(tmp_path / "in.zip", (MOODLE.format("Anna Meier", 71), b"A"), (MOODLE.format("Cleo S.", 73), b"C"))
    collect(source, course, Options("moodle", roster=roster, worksheet=tmp_path / "sheet.csv", zone=BERLIN))
    times = {name: receipt.time for name, receipt in Collected.of(course, LAB).receipts.items()}
    assert times == {"anna": datetime(2026, 11, 20, 16, 58, tzinfo=UTC), "cleo": None}


@pytest.mark.parametrize(("text", "zone", "expected"), [
    ("2026-11-20 18:00 +0100", None, "2026-11-20 17:00:00 UTC"),
    ("2026-11-20T18:00:30+01:00", None, "2026-11-20 17:00:30 UTC"),
    ("2026-11-20 18:00Z", None, "2026-11-20 18:00:00 UTC"),
    ("2026-11-20 18:00:00.5 UTC", None, "2026-11-20 18:00:00 UTC"),
    ("2026-11-20 18:00:00.25 -0530", None, "2026-11-20 23:30:00 UTC"),
    ("2026-11-20 18:00", BERLIN, "2026-11-20 17:00:00 UTC"),
    ("2026-07-20 18:00", BERLIN, "2026-07-20 16:00:00 UTC"),
    ("2026-07-20 18:00 -0700", BERLIN, "2026-07-21 01:00:00 UTC"),
])
def test_a_time(text: str, zone: Any, expected: str) -> None:
    assert moments.line(moments.parsed(text, "--due", zone)) == expected


@pytest.mark.parametrize(("text", "zone", "said"), [
    ("2026-11-20 18:00", None, "has no time zone"),
    ("20.11.2026 18:00", BERLIN, "is no time"),
    ("2026-11-20", BERLIN, "no time of day"),
    ("tomorrow", BERLIN, "is no time"),
    ("2026-10-25 02:30", BERLIN, "put on or back"),
    ("2026-03-29 02:30", BERLIN, "put on or back"),
])
def test_a_time_that_is_not_clear_is_refused(text: str, zone: Any, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        moments.parsed(text, "--due", zone)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "+0100"])
def test_a_zone_that_there_is_not(name: str) -> None:
    with pytest.raises(CourseError, match="no time zone"):
        moments.zone(name)


@pytest.mark.parametrize(("minutes", "said"), [(0, "less than a minute"), (5, "5 min"), (60, "1 h"), (1441, "1 day 1 min"),
                                               (3 * 1440 + 125, "3 days 2 h 5 min")])
def test_a_span_in_words(minutes: int, said: str) -> None:
    assert moments.span(timedelta(minutes=minutes)) == said


def test_extensions(course: Path, tmp_path: Path, roster: Path) -> None:
    source = folder(tmp_path / "in", anna="1", ben="2")
    table = tmp_path / "extensions.csv"
    table.write_text("id,due\nanna@example.org,2026-11-27 18:00\n")
    due = "2026-11-20 18:00 +0100"
    collect(source, course, Options(roster=roster, due=due, extensions=table, zone=BERLIN))
    collected = Collected.of(course, LAB)
    assert collected.timing("anna", b"1").extension == timedelta(days=7)
    assert collected.timing("ben", b"2").extension is None and collected.timing("ben", b"2").managed
    assert collected.timing("ben", b"another file").replaced
    # The due date stays when the next collection does not name it.
    collect(source, course)
    assert Collected.of(course, LAB).due == collected.due
    for text, said in (("id,due\nanna,2026-11-19 18:00\n", "before everybody"), ("id,due\nzoe,2026-11-29 18:00\n", "nobody"),
                       ("id,due\nanna,2026-11-29 18:00\nanna,2026-11-28 18:00\n", "twice"), ("id\nanna\n", "no column due")):
        table.write_text(text)
        with pytest.raises(CourseError, match=said):
            collect(source, course, Options(extensions=table, zone=BERLIN))
    with pytest.raises(CourseError, match="give --due"):
        collect(source, tmp_path / "other", Options(extensions=table))


def test_a_damaged_record_is_no_empty_one(course: Path) -> None:
    (course / "collected").mkdir()
    for text in ("{", "[]", '{"due": 3}', '{"due": null, "extensions": {}, "submissions": {"a": {"time": "x"}}}'):
        (course / "collected" / f"{LAB}.json").write_text(text)
        with pytest.raises(CourseError, match="collect again"):
            Collected.of(course, LAB)


# The roster


@pytest.mark.parametrize("text", [
    ROSTER, "\ufeff" + ROSTER, ROSTER.replace(",", ";"), ROSTER.replace(",", "\t"), ROSTER.replace("\n", "\r\n"),
    ROSTER.replace("first_name", "First Name").replace("id,", "ID,", 1), ROSTER + "\n,,,,,\n",
    ROSTER.replace("anna,Anna", ' anna ,"Anna"'),
])
def test_a_roster_as_spreadsheets_save_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text, newline="")
    students = Roster.read(tmp_path / "r.csv").students
    assert list(students) == ["anna", "ben", "cleo"]
    assert (students["anna"].email, students["anna"].lms_id, students["cleo"].name, students["ben"].name) == (
        "anna@example.org", "1111", "Cleo S.", "Ben O'Neil")


@pytest.mark.parametrize(("text", "said"), [
    ("id,first_name,email\nanna,A,a@x\n", "no column last_name"),
    (ROSTER + "Anna,A,B,c@x,,\n", "id 'Anna' is there twice"),
    (ROSTER + "anna,A,B,c@x,,\n", "id 'anna' is there twice"),
    (ROSTER + "dora,A,B,ANNA@example.org,,\n", "email 'ANNA@example.org' is there twice"),
    (ROSTER + "dora,A,B,,1111,\n", "lms_id '1111' is there twice"),
    (ROSTER + "../x,A,B,c@x,,\n", "cannot name a folder"),
    (ROSTER + ",A,B,c@x,,\n", "cannot name a folder"),
    (ROSTER + "dora,A,B,c@x,,,,,\n", "row 5 has 9 cells"),
    ("id,first_name,last_name,email,email\n", "more than once"),
    ("id,first_name,last_name,email\n", "no students"),
    ("", "is empty"),
    ("\0", "no column|not a table"),
])
def test_a_roster_that_is_not_clear_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(CourseError, match=said):
        Roster.read(tmp_path / "r.csv")


def test_a_roster_in_another_encoding_is_refused(tmp_path: Path) -> None:
    for encoding in ("latin-1", "utf-16"):
        (tmp_path / "r.csv").write_text(ROSTER, encoding=encoding)
        with pytest.raises(CourseError, match="UTF-8"):
            Roster.read(tmp_path / "r.csv")


def test_a_roster_that_is_kept_is_the_same(course: Path, roster: Path) -> None:
    read = Roster.read(roster)
    read.write(course)
    again = Roster.of(course)
    assert again is not None and again.students == read.students


def test_the_record_is_json_for_the_owner(course: Path, tmp_path: Path) -> None:
    collect(folder(tmp_path / "in", anna="1"), course, Options(due="2026-11-20 18:00 +0100"))
    path = course / "collected" / f"{LAB}.json"
    assert path.stat().st_mode & 0o077 == 0 and json.loads(path.read_text())["due"] == "2026-11-20T17:00:00+00:00"
