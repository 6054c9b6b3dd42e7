"""The autograded notebook: our release with the student's source in it, and what running it gave."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_staff.authoring import notebooks
from course_staff.grading import sanitise
from course_staff.grading.job import Job, Result, Step, Verdict
from course_staff.lab import Lab

NO_SANDBOX = "Student code ran without a sandbox."
ABOUT = "about-this-grading"
MAX_MESSAGE = 3000  # characters
WIDTH = 100  # of a line of a message


def autograded(lab: Lab, release: Path, job: Job, result: Result, shown: sanitise.Shown) -> NotebookNode:
    """The notebook that formgrader shows and from which the feedback is made.

    Every cell, its metadata and its order are the release's, with the student's added code cells between them.
    shown: `sanitise.of_cells` of the result's outputs. Raises ValueError where the release is not of this lab's source.
    """
    given = notebooks.read(release)
    added = _added_after(job.steps)
    cells = added_cells = [_code(step.source, shown.get(step.cell, [])) for step in added[None]]
    for ours, released in zip(lab.cells, given.cells, strict=True):
        key = ours.grade_id or released.id
        if ours.role == "test" and ours.exercise:
            made = _code(released.source, [verdict_output(result.verdicts[ours.exercise])])
        elif ours.role == "written" and ours.exercise:
            answer = job.written.get(ours.exercise)
            made = _cell("markdown", sanitise.markdown(answer) if answer else released.source)
        elif not ours.is_code:
            made = _cell("markdown", released.source)
        else:
            # All parts of an answer cell that was split, in one: nbgrader knows one cell by this id.
            parts = [step for step in job.steps if step.kind == "run" and not step.added
                     and (step.cell == key or (ours.exercise is not None and step.exercise == ours.exercise))]
            source = "\n\n".join(step.source for step in parts) if parts else released.source
            made = _code(source, [output for step in parts for output in shown.get(step.cell, ())])
        made.id, made.metadata = released.id, released.metadata
        between = [_code(step.source, shown.get(step.cell, [])) for step in added[key]]
        cells = [*cells, made, *between]
        added_cells = added_cells + between
    for number, cell in enumerate(added_cells, start=1):
        cell.id = f"added-{number}"
    if result.sandbox == "none":
        cells.insert(0, _cell("markdown", f"**{NO_SANDBOX}**", id=ABOUT, metadata={"tags": [ABOUT]}))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=given.metadata)
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return notebook


def verdict_output(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the output of its test cell. Less than full marks goes to stderr, where nbgrader looks for it."""
    full = verdict.points >= verdict.max_points
    lines = [f"{'Passed' if full else 'Not passed'}: {verdict.points:g} of {verdict.max_points:g} points."]
    if verdict.message:
        lines.append(sanitise.plain_text(verdict.message)[:MAX_MESSAGE])
    if verdict.inherited:
        lines.append(f"This check needs {', '.join(verdict.inherited)}, which is not right yet: that may be the cause.")
    text = "\n".join(_wrapped(line) for line in "\n".join(lines).split("\n"))
    return {"output_type": "stream", "name": "stdout" if full else "stderr", "text": text + "\n"}


def _wrapped(line: str) -> str:
    """A page does not break the lines of an output, so long ones would run out of it."""
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=False)) or line


def _code(source: str, outputs: list[dict[str, Any]]) -> NotebookNode:
    return _cell("code", sanitise.plain_text(source), execution_count=None, outputs=outputs)


def _cell(kind: str, source: str, **more: Any) -> NotebookNode:
    """A cell. nbformat's own functions validate each one, which takes time; the notebook is validated as a whole."""
    return nbformat.from_dict({"cell_type": kind, "id": "", "metadata": {}, "source": source, **more})


def _added_after(steps: tuple[Step, ...]) -> dict[str | None, list[Step]]:
    """The student's added cells, by the cell of ours that runs before them; None: before all of ours."""
    added: dict[str | None, list[Step]] = defaultdict(list)
    before = None
    for step in steps:
        if step.added:
            added[before].append(step)
        else:
            before = step.cell
    return added
