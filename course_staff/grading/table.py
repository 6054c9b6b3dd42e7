"""The table on screen. Students' text comes in as plain characters: never as markup, never as terminal codes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from course_staff.grading import sanitise
from course_staff.grading.marks import Mark, Row
from course_staff.grading.notebook import NO_SANDBOX
from course_staff.lab import Lab

PENDING = "?"
MAX_NOTES = 4  # a row; the rest is in results/


def console() -> Console:
    """The screen; wide enough for the table where the output goes into a file."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=120)


def number(value: float) -> str:
    """2.0 as "2", 2.5 as "2.5"."""
    return f"{round(value, 2):g}"


def show(lab: Lab, rows: Sequence[Row], screen: Console) -> None:
    """Print one row a student: points of each exercise, total, notes; below it what the numbers above stand for."""
    if any(row.sandbox == "none" for row in rows):
        screen.print(Text(NO_SANDBOX, style="bold red"))
    exercises = {**lab.tests, **lab.written}
    table = Table(title=Text(lab.name, style="bold"), title_justify="left", padding=(0, 1), show_lines=False)
    table.add_column("student", overflow="fold")
    for place, cell in enumerate(exercises.values(), start=1):
        table.add_column(f"{place}\n/{number(cell.points)}", justify="right", no_wrap=True)
    most = sum(cell.points for cell in exercises.values())
    table.add_column(f"total\n/{number(most)}", justify="right", no_wrap=True)
    table.add_column("notes", overflow="fold", ratio=1)
    for row in rows:
        notes = Text("\n".join(map(sanitise.one_line, _shortened(row.notes))))
        student = Text(sanitise.one_line(row.student))
        if row.standing is None:
            cells = [Text("–", style="dim")] * len(exercises)
            table.add_row(student, *cells, Text("–"), Text.assemble(("not graded: ", "bold red"), notes))
            continue
        marks = row.standing.marks
        table.add_row(student, *(_cell(marks[exercise]) for exercise in exercises), number(row.standing.total), notes)
    screen.print(table)
    legend = [f"{place} {exercise}" for place, exercise in enumerate(exercises, start=1)]
    screen.print(Columns([Text(entry, style="dim") for entry in legend], padding=(0, 2)))
    said = []
    if any(row.standing and row.standing.pending for row in rows):
        said.append(f"{PENDING} waits for a human and counts 0 until then")
    if any(mark.manual for row in rows if row.standing for mark in row.standing.marks.values()):
        said.append("* given by hand")
    if said:
        screen.print(Text("; ".join(said), style="dim"))


def line(row: Row) -> Text:
    """One student as soon as the result is there, before the table."""
    student, notes = sanitise.one_line(row.student), sanitise.one_line("; ".join(row.notes), 200)
    if row.standing is None:
        return Text.assemble(f"{student}  ", ("not graded: ", "bold red"), notes)
    marks = row.standing.marks.values()
    told = Text.assemble(f"{student}  {number(row.standing.total)} of {number(row.standing.max_total)}  ")
    for mark in marks:
        told.append_text(_cell(mark)).append(" ")
    return told.append(f" {notes}", style="dim")


def _shortened(notes: Sequence[str]) -> list[str]:
    if len(notes) <= MAX_NOTES:
        return list(notes)
    return [*notes[: MAX_NOTES - 1], f"… and {len(notes) - MAX_NOTES + 1} more, in results/."]


def _cell(mark: Mark) -> Text:
    if mark.pending:
        return Text(PENDING, style="yellow")
    text = number(mark.points) + ("*" if mark.manual else "")
    return Text(text, style="" if mark.points >= mark.max_points else "red")
