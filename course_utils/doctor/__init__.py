"""`course check` and `course reset`: for a student's notebook. They need the core packages only."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

from course_utils.doctor import reset as resetting
from course_utils.doctor import run as running
from course_utils.doctor import structure
from course_utils.doctor.run import CannotRun, Outcome
from course_utils.doctor.structure import Finding, Notebook, Unreadable

__all__ = ["READY", "check", "reset"]

READY = "Ready to hand in"
HIDDEN = ("This is not your mark: when the lab is graded, further checks that you cannot see are run as well, and "
          "written answers are read by a person.")


def check(path: Path, *, run: bool = True, seconds: float = 60.0, further: bool = False) -> int:
    """Look over the notebook at `path`, and print a table of its exercises and what there is to look at.

    run: also run it from top to bottom in a fresh process. seconds: limit for one cell. further: run the cells tagged
    "further" too. The notebook is not changed. Returns 0 where nothing was found, 1 where something was, 2 where the
    file cannot be read or no process can be started.
    """
    try:
        notebook = structure.read(path)
    except Unreadable as error:
        _show([error.finding])
        return 2
    found = structure.findings(notebook)
    outcomes: dict[int, Outcome] = {}
    if run:
        print(f"Running {path.name} from top to bottom in a fresh process, at most {seconds:g} s a cell ...",
              flush=True)
        try:
            outcomes = running.run(notebook, seconds=seconds, further=further)
        except CannotRun as error:
            _show([Finding("The notebook could not be run: Python or IPython did not start.", f"It said: {error}",
                           "Run `course check` in the environment of the course.")])
            return 2
        found += running.findings(notebook, outcomes, seconds)
    print()
    for line in _table(notebook, outcomes):
        print(line)
    if found:
        print("\nTo look at (cells are counted from the top, text cells too):")
    _show(found)
    print()
    print(_wrapped(HIDDEN))
    unseen = "" if run else ", as far as can be seen without running it"
    print(f"{len(found)} {'thing' if len(found) == 1 else 'things'} to look at" if found else READY + unseen)
    return 1 if found else 0


def reset(path: Path, exercise: str, *, show: bool = False) -> int:
    """Put one exercise of the notebook at `path` back as it was released, and say what happened.

    show: change nothing, print the released text. Returns 0, or 2 where it cannot be done; then nothing was changed.
    """
    try:
        said = ([resetting.released_text(structure.read(path), exercise)] if show
                else list(map(_wrapped, resetting.reset(path, exercise))))
    except Unreadable as error:
        _show([error.finding])
        return 2
    print("\n".join(said))
    return 0


def _table(notebook: Notebook, outcomes: dict[int, Outcome]) -> list[str]:
    """One line for each exercise, and a line with the points of the visible checks that pass."""
    rows = [("exercise", "points", "answer", "visible check")]
    earned = total = 0.0
    exercises = dict.fromkeys(cell.exercise for cell in notebook.cells if cell.role in ("answer", "test", "written"))
    for exercise in exercises:
        answers = [cell for cell in notebook.by_grade_id.get(exercise, []) if cell.role in ("answer", "written")]
        tests = [cell for cell in notebook.by_grade_id.get(f"test_{exercise}", []) if cell.role == "test"]
        answer = "missing" if not answers else "empty" if all(map(notebook.unanswered, answers)) else "written"
        if answers and answers[-1].role == "written":
            rows.append((exercise, f"{answers[-1].points:g}", answer, "read by a person"))
            continue
        points = tests[-1].points if tests else 0.0
        verdict = _verdict([outcomes.get(cell.number) for cell in tests])
        total += points
        earned += points if verdict == "passes" else 0
        rows.append((exercise, f"{points:g}" if tests else "?", answer, verdict))
    if len(rows) == 1:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}" for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if outcomes:
        lines.append(f"Visible checks that pass: {earned:g} of {total:g} points.")
    return lines


def _verdict(outcomes: list[Outcome | None]) -> str:
    """What the check of an exercise says; where there are several, they must all pass."""
    if not outcomes:
        return "missing"
    if any(outcome is None or outcome.status == "skipped" for outcome in outcomes):
        return "not run"
    return "passes" if all(outcome and outcome.status == "ran" for outcome in outcomes) else "does not pass"


def _show(found: list[Finding]) -> None:
    if found:
        print()
    for number, finding in enumerate(found, 1):
        start = f"{number}. " if len(found) > 1 else ""
        indent = " " * len(start)
        for line, first in ((finding.what, start), (finding.why, indent), (finding.do, indent)):
            print(_wrapped(line, first, indent))


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    width = max(60, min(110, shutil.get_terminal_size((100, 24)).columns))
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
