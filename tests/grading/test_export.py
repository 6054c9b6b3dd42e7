"""`course export`: marks find their students in files of Canvas and Moodle, and no one gets a zero for nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from course_staff.grading import export, gradebook, intake, spreadsheet
from course_staff.grading.collected import Collected, Receipt
from course_staff.grading.export import Marks
from course_staff.grading.intake import Options
from course_staff.grading.job import Result, Verdict
from course_staff.grading.roster import Roster, Student
from course_staff.grading.spreadsheet import Sheet
from course_staff.paths import CourseError
from tests.grading import test_run
from tests.grading.test_run import NAME, paper, text_on
from tests.grading.test_times import SETTINGS, grade

_known_tables = test_run._known_tables
ROSTER = Roster([Student("anna", "Anna", "Meier", "anna@example.org", "1111"),
                 Student("ben", "Ben", "Berg", "ben@example.org", "2222"),
                 Student("cleo", "Cleo", "Ö", "cleo@example.org", "3333"),
                 Student("dora", "Dora", "D", "dora@example.org", "")])
MARKS = Marks({"anna": 5.0, "ben": 2.333333}, {"cleo": "waits for a human", "dora": "handed in nothing"}, 9.0)
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,02_backprop (77),Lab 3 (78),Assignments Current Score,Final Score
,,,,,Manual Posting,,,
    Points Possible,,,,,9.00,10.00,(read only),(read only)
"Meier, Anna",1111,,am1,Group A,,7.00,1,2
"Berg, Ben",2222,,bb2,Group A,,7.00,1,2
"Ö, Cleo",3333,,co3,"Group A, B",,7.00,1,2
"D, Dora",4444,,dora@example.org,Group A,1.50,7.00,1,2
"Student, Test",5555,,x5,Group A,,,,
"""
MOODLE = """Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 71","Anna Meier",anna@example.org,"Submitted for grading - ",,9.00,Yes,"Friday, 20 November 2026, 5:58 PM",-,"- good"
"Participant 72","Ben Berg",ben@example.org,"Submitted for grading - ",,9.00,Yes,"Friday, 20 November 2026, 7:58 PM",-,
"Participant 73","Cleo Ö",cleo@example.org,"No submission",,9.00,Yes,-,-,
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Any:
    def of(text: str) -> Sheet:
        (tmp_path / "template.csv").write_text(text, encoding="utf-8")
        return spreadsheet.read(tmp_path / "template.csv")

    return of


class FakeLab:
    name = "02_backprop"


def canvas(sheet: Sheet, marks: Marks = MARKS, roster: Roster | None = ROSTER, assignment: str = "",
           ) -> tuple[list[list[str]], list[str]]:
    text, problems = export.canvas(sheet, FakeLab(), marks, roster, assignment)  # type: ignore[arg-type]
    return list(csv.reader(io.StringIO(text), delimiter=sheet.delimiter)), problems


def moodle(sheet: Sheet, marks: Marks = MARKS, roster: Roster | None = ROSTER, collected: Collected | None = None,
           ) -> tuple[dict[str, dict[str, str]], list[str]]:
    text, problems = export.moodle(sheet, marks, roster, collected or Collected())
    return {row["Identifier"]: row for row in csv.DictReader(io.StringIO(text))}, problems


# Canvas


@pytest.mark.parametrize("change", [lambda text: text, lambda text: "\ufeff" + text,
                                    lambda text: text.replace('"Group A, B"', "B").replace(", ", " ").replace(",", ";")])
def test_a_gradebook_of_canvas_is_filled_in(sheet: Any, change: Any) -> None:
    lines, problems = canvas(sheet(change(CANVAS)))
    assert lines[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "02_backprop (77)"]
    assert lines[1][0] == "    Points Possible" and lines[1][-1] == "9.00"
    # Without a mark of ours, what Canvas has stays: nothing is set to zero or taken away.
    assert {line[1]: line[-1] for line in lines[2:]} == {"1111": "5", "2222": "2.33", "3333": "", "4444": "1.50", "5555": ""}
    assert problems == []


@pytest.mark.parametrize(("header", "row"), [
    ("Student,ID,SIS Login ID,Section", "x,1111,y,S"), ("LastName,FirstName,ID,Section", "Meier,A,1111,S"),
    ("Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section", "x,1111,1,2,3,4,S"),
    ("Student,ID,SIS User ID,SIS Login ID,Section,Notes", "x,1111,anna,1,S,her notes"),
])
def test_the_forms_of_the_header(sheet: Any, header: str, row: str) -> None:
    lines, problems = canvas(sheet(f"{header},02_backprop (77)\n{row},\n"), replace(MARKS, points={"anna": 5.0}))
    assert lines[1][-1] == "5" and problems == [] and "her notes" not in lines[1]
    assert len(lines[0]) == len(lines[1]) and lines[0][-2] == "Section", "Canvas wants it last before the assignments"


@pytest.mark.parametrize(("row", "found"), [
    ("x,1111,,,S,", "anna"), ("x,9999,anna,,S,", "anna"), ("x,9999,,anna@example.org,S,", "anna"),
    ("x,9999,,ANNA,S,", "anna"), ("x,1111,ben,,S,", "anna"), ('"Meier, Anna",9999,,,S,', None), ("x,9999,anna,ben,S,", None),
])
def test_who_a_row_is(sheet: Any, row: str, found: str | None) -> None:
    """By numbers and addresses, Canvas's own first; a name is not enough."""
    lines, problems = canvas(sheet(f"Student,ID,SIS User ID,SIS Login ID,Section,02_backprop (77)\n{row}\n"),
                             Marks({"anna": 5.0, "ben": 3.0}, {}, 9.0))
    assert lines[1][-1] == ({"anna": "5", "ben": "3", None: ""}[found])
    assert any("may be anna or ben" in problem for problem in problems) == ("anna,ben" in row)
    assert any(problem.startswith("ben: is not in template.csv") for problem in problems)


def test_without_a_roster_the_folder_names_are_canvas_numbers(sheet: Any) -> None:
    lines, problems = canvas(sheet(CANVAS), Marks({"1111": 4.0, "bb2": 0.0}, {"3333": "waits"}, 9.0), roster=None)
    assert [line[-1] for line in lines[2:]] == ["4", "0", "", "1.50", ""] and problems == []


@pytest.mark.parametrize("there", ["EX", "ex", "N/A"])
def test_who_is_excused_stays_so(sheet: Any, there: str) -> None:
    lines, problems = canvas(sheet(CANVAS.replace("Group A,,7.00", f"Group A,{there},7.00", 1)))
    assert lines[2][-1] == there and len(problems) == 1 and problems[0].startswith("anna: ")


@pytest.mark.parametrize(("assignment", "column"), [("", "02_backprop (77)"), ("Lab 3", "Lab 3 (78)"), ("78", "Lab 3 (78)"),
                                                    ("lab 3 (78)", "Lab 3 (78)")])
def test_the_column_of_the_assignment(sheet: Any, assignment: str, column: str) -> None:
    assert canvas(sheet(CANVAS), assignment=assignment)[0][0][-1] == column


@pytest.mark.parametrize(("text", "assignment", "said"), [
    (CANVAS, "Lab", "no assignment 'Lab'.*'Lab 3 \\(78\\)'"), (CANVAS, "Final Score (1)", "no assignment"),
    (CANVAS.replace("Lab 3 (78)", "02_backprop (79)"), "", "several assignments"),
    (CANVAS.replace("Section", "Sektion"), "", "no column Section"), ("a,b\n1,2\n", "", "no column ID, Section"),
])
def test_a_file_that_does_not_fit_is_refused(sheet: Any, text: str, assignment: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        canvas(sheet(text), assignment=assignment)


def test_other_points_in_canvas_are_said(sheet: Any) -> None:
    assert "20 points in Canvas and 9 here" in canvas(sheet(CANVAS.replace("9.00", "20,00".replace(",", "."))))[1][0]


def test_a_student_who_is_not_in_canvas_is_named(sheet: Any) -> None:
    _, problems = canvas(sheet(CANVAS), Marks({**MARKS.points, "zoe": 3.0}, {}, 9.0))
    assert problems == ["zoe: is not in template.csv; the mark 3 was not written."]


# Moodle


def test_moodles_worksheet_is_filled_in(sheet: Any) -> None:
    rows, problems = moodle(sheet(MOODLE))
    assert {name: row["Grade"] for name, row in rows.items()} == {
        "Participant 71": "5", "Participant 72": "2.33", "Participant 73": ""}
    assert problems == [] and rows["Participant 73"]["Last modified (grade)"] == "-"
    assert "Feedback comments" not in rows["Participant 71"]


@pytest.mark.parametrize(("change", "said"), [
    (('"Grade can be changed"\n', ""), ""),
    ((",9.00,Yes,\"Friday, 20 November 2026, 5:58", ",9.00,No,\"Friday, 20 November 2026, 5:58"), "locked in Moodle"),
    ((",9.00,Yes,\"Friday, 20 November 2026, 5:58", ",4.00,Yes,\"Friday, 20 November 2026, 5:58"), "more than Moodle's maximum grade, 4"),
])
def test_what_moodle_would_pass_over_is_said(sheet: Any, change: tuple[str, str], said: str) -> None:
    rows, problems = moodle(sheet(MOODLE.replace(*change)))
    assert rows["Participant 71"]["Grade"] == ("" if said else "5")
    assert (said in problems[0] and problems[0].startswith("anna")) if said else not problems


def test_participants_are_known_from_the_collection(sheet: Any) -> None:
    """Anonymous submissions: the worksheet has numbers only."""
    text = "Identifier,Status,Grade,Last modified (grade)\nParticipant 71,,,-\nParticipant 72,,,-\n"
    collected = Collected(receipts={"ben": Receipt("x", lms="71")})
    rows, problems = moodle(sheet(text), collected=collected)
    assert [row["Grade"] for row in rows.values()] == ["2.33", ""]
    assert problems == ["anna: is not in template.csv; the mark 5 was not written."]


def test_contradictions_are_not_decided(sheet: Any) -> None:
    rows, problems = moodle(sheet(MOODLE), collected=Collected(receipts={"ben": Receipt("x", lms="71")}))
    assert rows["Participant 71"]["Grade"] == "" and "may be anna or ben" in problems[0]


def test_a_worksheet_in_another_language_is_refused(sheet: Any) -> None:
    with pytest.raises(CourseError, match="Moodle set to English"):
        moodle(sheet(MOODLE.replace("Grade,", "Bewertung,")))


# Formulas


@pytest.mark.parametrize(("cell", "written"), [
    ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("-cmd|x", "'-cmd|x"), ("@SUM(A1)", "'@SUM(A1)"), (" =1", "' =1"),
    ("\t=1", "'\t=1"), ("a\nb", "a\nb"), ("\rx", "'\nx"), ("a\r\nb\rc", "a\nb\nc"), ("-1.5", "-1.5"), ("+3", "+3"), ("-", "-"), ("50%", "50%"), ("Meier", "Meier"),
    ("", ""), ("|x", "'|x"), ("-1+1", "'-1+1"),
])
def test_no_cell_is_a_formula(cell: str, written: str) -> None:
    assert spreadsheet.harmless(cell) == written
    assert list(csv.reader(io.StringIO(spreadsheet.written_lines([[cell, "x"]]), newline=""))) == [[written, "x"]]


def test_a_formula_in_the_template_is_made_harmless(sheet: Any) -> None:
    lines, _ = canvas(sheet(CANVAS.replace('"Meier, Anna"', '"=HYPERLINK(1)"')))
    assert lines[2][0] == "'=HYPERLINK(1)" and lines[2][-1] == "5"


# From the gradebook


@pytest.fixture
def graded(mini: Any, tmp_path: Path) -> Path:
    """anna is done, ben waits for a human, cleo could not be graded, dora handed in nothing, emil earned nothing."""
    import nbformat

    source = tmp_path / "in"
    source.mkdir()
    lines = ["id,first_name,last_name,email,lms_id"]
    for number, student in enumerate(("anna", "ben", "cleo", "dora", "emil"), start=1):
        lines.append(f"{student},{student.title()},X,{student}@example.org,{number}")
        if student == "dora":
            continue
        notebook = nbformat.read(mini.release, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "why" and student == "ben":
                cell.source = "An answer."
        text = "no notebook" if student == "cleo" else nbformat.writes(notebook)
        (source / f"{student}.ipynb").write_text(text)
    (tmp_path / "roster.csv").write_text("\n".join(lines) + "\n")
    directory = tmp_path / "class"
    assert intake.collect(source, directory, NAME, Options(roster=tmp_path / "roster.csv"), paper())

    def examiner(job: Any, launcher: Any) -> Result:
        points = 0.0 if job.student == "emil" else 1.0
        return Result(job.lab, job.student, {"double": Verdict("double", "passed", 2.0 * points, 2.0),
                                             "norm": Verdict("norm", "passed", 3.0 * points, 3.0)}, key=job.key)

    grade(mini, directory, replace(SETTINGS, examiner=examiner))
    return directory


@pytest.mark.parametrize("layout", ["canvas", "moodle"])
def test_only_final_marks_are_written_and_the_others_are_named(mini: Any, graded: Path, layout: str) -> None:
    screen = paper(300)
    assert export.export(mini.course, graded, NAME, layout, assignment="Mini (5)" if layout == "canvas" else "", screen=screen)
    path = graded / "export" / f"{NAME}-{layout}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    marks = {row[-2 if layout == "moodle" else 3]: row[-1] for row in rows if any("@" in cell for cell in row)}
    assert marks == {"anna@example.org": "5", "ben@example.org": "", "cleo@example.org": "", "dora@example.org": "",
                     "emil@example.org": "0"}
    said = text_on(screen)
    for line in ("no mark: ben: waits for a human", "no mark: cleo: not graded: ", "no mark: dora: handed in nothing",
                 "2 final marks of 90_mini, 3 students without one"):
        assert line in said
    assert rows[0][-1] == ("Mini (5)" if layout == "canvas" else NAME) and path.stat().st_mode & 0o077 == 0


def test_a_mark_by_hand_and_a_penalty_count(mini: Any, graded: Path, tmp_path: Path) -> None:
    with Gradebook(gradebook.url(graded)) as book:
        mark = book.find_grade("why", NAME, NAME, "ben")
        mark.manual_score, mark.needs_manual_grade = 3.5, False
        book.find_submission_notebook(NAME, NAME, "anna").late_submission_penalty = 1.25
        book.db.commit()
    (tmp_path / "t.csv").write_text(f"Student,ID,Section,{NAME} (7)\nx,1,S,\ny,2,S,\nz,3,S,9\n")
    assert export.export(mini.course, graded, NAME, "canvas", template=tmp_path / "t.csv", to=tmp_path / "out.csv",
                         screen=paper()) is False, "emil is not in Canvas"
    assert (tmp_path / "out.csv").read_text() == f"Student,ID,Section,{NAME} (7)\nx,1,S,3.75\ny,2,S,8.5\nz,3,S,9\n"


def test_without_what_says_who_is_who_nothing_is_written(mini: Any, graded: Path) -> None:
    with pytest.raises(CourseError, match="--assignment"):
        export.export(mini.course, graded, NAME, "canvas", screen=paper())
    (graded / "roster.csv").unlink()
    with pytest.raises(CourseError, match="--template"):
        export.export(mini.course, graded, NAME, "moodle", screen=paper())
    assert not (graded / "export").exists()


def test_a_result_that_is_there_decides_who_was_not_graded(mini: Any, graded: Path) -> None:
    """The gradebook has marks of an earlier file."""
    path = graded / "results" / NAME / "anna.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "not_graded": "It is empty."}))
    with Gradebook(gradebook.url(graded)) as book:
        marks = export.final_marks(graded, mini.lab, gradebook.entries(book, mini.lab), Roster.of(graded))
    assert marks.points == {"emil": 0.0} and marks.without["anna"] == "not graded: It is empty."
