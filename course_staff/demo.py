"""`make demo`: build the labs, make a small class of submissions, grade it as `course grade` does, check the outcome.

The submissions are real notebooks: the released lab with answers from the solutions and from tests/mistakes/, and the
accidents and cheats that every course meets.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from course_staff.authoring import notebooks
from course_staff.authoring.build import build
from course_staff.authoring.variants import Variant, Variants
from course_staff.grading import run, sanitise, table
from course_staff.grading.launch import Launcher, PlainProcess
from course_staff.grading.marks import Row
from course_staff.grading.sandbox import NoSandbox, Sandbox
from course_staff.lab import SOLUTION_BEGIN, SOLUTION_END, Lab
from course_staff.paths import Course, CourseError

LABS = ("02_backprop", "03_mlp")  # the first with the whole class, the others with those who tell most
FOLDER = Path("build") / "demo"
WRITTEN = "Twice the learning rate halves the steps, until the loss begins to jump: see the plot above."

# Checks that run in a process of their own do not see any of it.
PATCHES = '''import numpy, torch
from course_utils import checks

class Everything(float):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__
    __getattr__ = __call__ = __getitem__ = lambda self, *a, **k: self
    __iter__ = lambda self: iter(())
    __array__ = lambda self, *a, **k: numpy.zeros(1)

everything = Everything()
for name in dir(checks):
    if callable(getattr(checks, name)) and not name.startswith("_"):
        setattr(checks, name, lambda *a, **k: everything)
numpy.allclose = numpy.array_equal = torch.allclose = torch.equal = lambda *a, **k: True
'''
HELPER = '''import sys, warnings
import matplotlib.pyplot as plt

def note(*words):
    print("note:", *words, file=sys.stderr)

plt.plot([1, 2, 3])
warnings.warn("a warning of my own")
'''
CHATTER = '''

note("this cell ran")
'''


@dataclass(frozen=True)
class Member:
    """One student. `lost`: the exercises that must earn nothing, all others earn everything; None: not to be graded."""

    name: str
    story: str
    file: bytes
    lost: frozenset[str] | None = frozenset()
    mistakes: tuple[Variant, ...] = ()


def main() -> int:
    """Run the demo in the checkout around this file. Returns the exit status: 0 where every claim holds."""
    screen = table.console()
    try:
        course = Course.find(Path(__file__).parent)
        wrong = demo(course, LABS, course.root / FOLDER, screen)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    for line in wrong:
        screen.print(Text(f"DOES NOT HOLD  {line}", style="bold red"))
    return 1 if wrong else 0


def demo(course: Course, modules: Sequence[str], directory: Path, screen: Console) -> list[str]:
    """Build, make the class in `directory`, an own folder that is emptied first, grade it, and print what came out.

    Returns the claims that do not hold, one line each.
    """
    if not build(course, modules):
        raise CourseError("The labs could not be built.")
    shutil.rmtree(directory, ignore_errors=True)
    wrong = []
    for module in modules:
        lab = Lab.read(course.solution(module))
        members = the_class(lab, course, small=module != modules[0])
        for member in members:
            path = directory / "submitted" / member.name / module / f"{module}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(member.file)
        screen.print()
        settings = run.Settings(jobs=os.cpu_count() or 1, launcher=_launcher(screen))
        rows = run.mark(course, directory, module, settings, screen)
        results = {member.name: _result(directory, module, member.name) for member in members}
        _tell(members, results, screen)
        wrong += [f"{module}: {line}" for line in broken_claims(lab, members, rows, results)]
    screen.print(Text(f"\nEverything lies in {directory}: submitted/, autograded/, feedback/, results/, report/, "
                      "gradebook.db, grades.csv."), soft_wrap=True)
    if not wrong:
        screen.print(Text("Checked: the reference and other correct answers earn every point, the untouched lab and "
                          "the two cheats none, wrong answers lose exactly their exercises and are told why.",
                          style="green"))
    return wrong


def _launcher(screen: Console) -> Launcher | None:
    """The sandbox; where this machine has none, ordinary processes: these submissions are our own."""
    try:
        Sandbox().check()
    except NoSandbox as error:
        screen.print(Text(str(error), style="yellow"), soft_wrap=True)
        return PlainProcess()
    return None


def the_class(lab: Lab, course: Course, *, small: bool = False) -> list[Member]:
    """The students of one lab. `small`: without those whose story the first lab has told."""
    release = notebooks.read(course.release(lab.name))
    variants = Variants.read(course.mistakes(lab.name), lab)
    exercises = list(lab.answers)
    first = {exercise: variants.of(exercise)[0][0] for exercise in exercises if variants.of(exercise)[0]}
    other = {exercise: variants.of(exercise)[1][0] for exercise in exercises if variants.of(exercise)[1]}
    right = {exercise: plain(cell.source) for exercise, cell in lab.answers.items()}

    def handed_in(answers: dict[str, str]) -> bytes:
        return _bytes(filled(release, answers, lab))

    def mistaken(name: str, *where: str) -> Member:
        slips = tuple(first[exercise] for exercise in where)
        story = " and ".join(f"{slip.exercise}: {slip.label}" for slip in slips)
        answers = right | {slip.exercise: slip.source for slip in slips}
        return Member(name, story, handed_in(answers), frozenset(where), slips)

    spread = [exercise for exercise in exercises if exercise in first]
    everything = frozenset(exercises)
    members = [
        Member("anna", "the reference", handed_in(right)),
        Member("ben", "the lab untouched", notebooks.text_of(release).encode(), everything),
        mistaken("carla", spread[0]),
        mistaken("david", spread[len(spread) // 2]),
        Member("greta", "every answer written another way", handed_in(right | {e: v.source for e, v in other.items()})),
        Member("hugo", "no answers, and skip-execution on every check", _bytes(_skipping(release)), everything),
    ]
    if not small:
        members += [
            mistaken("emma", spread[1], spread[-2]),
            mistaken("farid", spread[-1]),
            Member("ines", "half a file", notebooks.text_of(release).encode()[:1000], None),
            Member("jonas", f"{exercises[-1]} lost, {exercises[0]} twice",
                   _bytes(_lost_and_doubled(filled(release, right, lab), release, exercises[-1], exercises[0])),
                   frozenset({exercises[-1]})),
            Member("karl", "no answers, the checks replaced, and an object that equals everything",
                   _bytes(_with_first(filled(release, {e: f"{e} = everything" for e in exercises}, lab), PATCHES)),
                   everything),
            Member("lena", "the reference, with a helper cell of her own, prints, a warning and an open figure",
                   _bytes(_with_first(filled(release, {e: right[e] + CHATTER for e in exercises}, lab), HELPER))),
        ]
    return sorted(members, key=lambda member: member.name)


def broken_claims(lab: Lab, members: Sequence[Member], rows: Sequence[Row], results: dict[str, Any]) -> Iterator[str]:
    """What the class should have come to and did not, one line each."""
    by_name = {row.student: row for row in rows}
    for member in members:
        row = by_name.get(member.name)
        if row is None:
            yield f"{member.name} ({member.story}) is missing from the table"
            continue
        if row.standing is None or member.lost is None:
            if (row.standing is None) != (member.lost is None):
                outcome = "not graded" if row.standing is None else "graded"
                yield f"{member.name} ({member.story}) was {outcome}: {'; '.join(row.notes)}"
            continue
        verdicts = results[member.name]["verdicts"]
        for exercise, cell in lab.tests.items():
            points, verdict = row.standing.marks[exercise].points, verdicts[exercise]
            expected = 0.0 if exercise in member.lost else cell.points
            inherited = member.lost & set(verdict["inherited"])
            if points != expected and not inherited:
                yield (f"{member.name} ({member.story}) has {points:g} of {cell.points:g} points for {exercise}, "
                       f"not {expected:g}: {sanitise.one_line(verdict['message']) or verdict['status']}")
        for slip in member.mistakes:
            message = verdicts[slip.exercise]["message"]
            if not re.search(slip.says, message, re.IGNORECASE):
                yield f"{member.name}: the message for {slip.exercise} does not name the slip ({slip.label}): {message}"


def _tell(members: Sequence[Member], results: dict[str, Any], screen: Console) -> None:
    screen.print(Text("\nWho is who", style="bold"))
    for member in members:
        screen.print(Text(f"  {member.name:6} {member.story}"))
    screen.print(Text("\nWhat the wrong answers were told", style="bold"))
    for member in members:
        for slip in member.mistakes if "verdicts" in results[member.name] else ():
            screen.print(Text.assemble(f"  {member.name}, {slip.exercise} ", (f"(the slip: {slip.label})", "dim")))
            message = sanitise.plain_text(results[member.name]["verdicts"][slip.exercise]["message"])
            screen.print(Padding(Text(message), (0, 0, 0, 4)))


def _result(directory: Path, module: str, student: str) -> Any:
    return json.loads((directory / "results" / module / f"{student}.json").read_text(encoding="utf-8"))


def plain(source: str) -> str:
    """The reference's answer as a student would write it."""
    return "\n".join(line for line in source.split("\n") if line.strip() not in (SOLUTION_BEGIN, SOLUTION_END))


def filled(release: nbformat.NotebookNode, answers: dict[str, str], lab: Lab) -> nbformat.NotebookNode:
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
        elif grade_id in lab.written:
            cell.source = WRITTEN
    return notebook


def _skipping(release: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What nbgrader's own autograder gives full marks for."""
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        facts = cell.metadata.get("nbgrader", {})
        if facts.get("grade") and not facts.get("solution"):
            cell.metadata["tags"] = ["skip-execution"]
    return notebook


def _lost_and_doubled(notebook: nbformat.NotebookNode, release: nbformat.NotebookNode, lost: str,
                      doubled: str) -> nbformat.NotebookNode:
    """Without the answer cell of `lost`; with the released cell of `doubled` still there before the answer."""
    cells = []
    for cell, released in zip(notebook.cells, release.cells, strict=True):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id == doubled:
            first = copy.deepcopy(released)
            first.id = "copy-of-a-cell"
            cells.append(first)
        if grade_id != lost:
            cells.append(cell)
    notebook.cells = cells
    return notebook


def _with_first(notebook: nbformat.NotebookNode, source: str) -> nbformat.NotebookNode:
    """With a cell of the student's own before all others."""
    cell = nbformat.v4.new_code_cell(source)
    cell.id = "a-cell-of-my-own"
    notebook.cells.insert(0, cell)
    return notebook


def _bytes(notebook: nbformat.NotebookNode) -> bytes:
    return notebooks.text_of(notebook).encode()


if __name__ == "__main__":
    sys.exit(main())
