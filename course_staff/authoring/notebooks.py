"""Script to notebook and back: the same script always gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from course_staff.authoring.colab import plain
from course_staff.authoring.rules import may_raise
from course_staff.lab import CELL_MARKER, HEADER, Cell, Lab
from course_staff.paths import CourseError

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
RAISES = "raises-exception"
# What a cell of a built notebook carries; all else is what some front end noted about its display.
CELL_METADATA = ("course", "deletable", "editable", "nbgrader", "slideshow", "tags")


# Script to notebook


def from_lab(lab: Lab, *, graded: bool) -> NotebookNode:
    """The notebook of a script. `graded`: with nbgrader's metadata, for a lab; without, for a lecture."""
    tagged = may_raise(lab)
    ids = cell_ids(lab.cells)
    setups = (f"setup-{number}" if number > 1 else "setup" for number in range(1, len(lab.cells) + 1))
    cells = []
    for cell, cell_id in zip(lab.cells, ids, strict=True):
        metadata: dict[str, Any] = {}
        facts: dict[str, Any] = {}
        tags = list(cell.tags)
        if cell in tagged and RAISES not in tags:
            tags.append(RAISES)
            facts["may_raise"] = True
        facts |= {key: value for key, value in header_of(cell).items() if key in ("needs", "seconds")}
        if tags:
            metadata["tags"] = tags
        if facts:
            metadata["course"] = facts
        if cell.slide:
            metadata["slideshow"] = {"slide_type": cell.slide}
        if graded:
            grade_id = next(setups) if cell.role == "setup" else cell.grade_id
            if grade_id is not None:
                metadata["nbgrader"] = nbgrader_metadata(cell, grade_id)
        make = nbformat.v4.new_code_cell if cell.is_code else nbformat.v4.new_markdown_cell
        cells.append(make(cell.source, id=cell_id, metadata=metadata))
    return finished(cells)


def nbgrader_metadata(cell: Cell, grade_id: str) -> dict[str, Any]:
    """What nbgrader (schema 3) wants to know about an answer, test, written or set-up cell."""
    metadata: dict[str, Any] = {
        "cell_type": "code" if cell.is_code else "markdown",
        "grade": cell.role in ("test", "written"),
        "grade_id": grade_id,
        "locked": cell.role in ("test", "setup"),
        "schema_version": 3,
        "solution": cell.role in ("answer", "written"),
        "task": False,
    }
    if metadata["grade"]:
        metadata["points"] = plain_number(cell.points)
    return metadata


def cell_ids(cells: Iterable[Cell]) -> list[str]:
    """The id of each cell: its grade id, else a hash of its type and source, so that an edit changes one id."""
    cells = list(cells)
    used: Counter[str] = Counter(cell.grade_id for cell in cells if cell.grade_id)
    ids = []
    for cell in cells:
        if cell.grade_id:
            ids.append(cell.grade_id)
            continue
        kind = "code" if cell.is_code else "markdown"
        base = hashlib.sha1(f"{kind}\n{cell.source}".encode()).hexdigest()[:8]
        used[base] += 1
        ids.append(base if used[base] == 1 else f"{base}-{used[base]}")
    return ids


def finished(cells: list[NotebookNode], lab: str = "") -> NotebookNode:
    """A notebook of these cells as it goes to the disk: no outputs, fixed metadata, its own fingerprint.

    lab: for a released lab, its name. The notebook then also says which cells it was released with, so that
    `course check` can tell a student which one is lost or edited, and what its answer cells said, for `course reset`.
    """
    kept = []
    for cell in cells:
        metadata = {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        kept.append(make(cell.source, id=cell.id, metadata=metadata))
    notebook = nbformat.v4.new_notebook(cells=kept)
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(
        {"course": {"fingerprint": ""}, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    notebook.metadata.course.fingerprint = fingerprint(notebook)
    if lab:
        released = {cell.metadata.nbgrader.grade_id: cell.source for cell in kept if "nbgrader" in cell.metadata}
        notebook.metadata.course.lab = lab
        notebook.metadata.course.cells = nbformat.from_dict(
            {grade_id: hashlib.sha1(source.encode()).hexdigest() for grade_id, source in released.items()})
        answers = [cell for cell in kept if cell.metadata.get("nbgrader", {}).get("solution")]
        notebook.metadata.course.released = nbformat.from_dict(
            {cell.metadata.nbgrader.grade_id: cell.source.splitlines(keepends=True) for cell in answers})
    nbformat.validate(notebook)
    return notebook


def text_of(notebook: NotebookNode) -> str:
    """The notebook as it stands in its file."""
    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"


def read(path: Path) -> NotebookNode:
    """The notebook at `path`. Raises CourseError where it is none."""
    try:
        return parsed(path.read_bytes())
    except Exception as error:  # nbformat raises whatever its parsers raise
        raise CourseError(f"{path} is not a notebook: {error}") from None


def parsed(content: bytes) -> NotebookNode:
    """The notebook in the bytes of an .ipynb file."""
    return nbformat.reads(content.decode(), as_version=4)


# Notebook to script


def header_of(cell: Cell) -> dict[str, Any]:
    """The header of a cell of a script, in the order in which it is written."""
    header: dict[str, Any] = {}
    if cell.tags:
        header["tags"] = list(cell.tags)
    if cell.exercise is not None:
        header[cell.role] = cell.exercise
    if cell.points:
        header["points"] = plain_number(cell.points)
    if cell.needs:
        header["needs"] = list(cell.needs)
    if cell.seconds != Cell.seconds:
        header["seconds"] = plain_number(cell.seconds)
    if cell.slide:
        header["slide"] = cell.slide
    return header


def header_in(cell: NotebookNode) -> dict[str, Any]:
    """The header that a cell of a notebook has in its script.

    Raises CourseError for what a script cannot say.
    """
    metadata = cell.metadata
    facts = metadata.get("course", {})
    header: dict[str, Any] = {key: facts[key] for key in ("needs", "seconds") if key in facts}
    tags = [tag for tag in metadata.get("tags", ()) if tag != RAISES or not facts.get("may_raise")]
    if tags:
        header["tags"] = tags
    slide = metadata.get("slideshow", {}).get("slide_type")
    if slide not in (None, "", "-"):
        header["slide"] = slide
    graded = metadata.get("nbgrader", {})
    grade_id = graded.get("grade_id", "")
    if graded.get("task"):
        raise CourseError(f"{grade_id!r} is one of nbgrader's task cells: use a written answer.")
    if graded.get("grade") and graded.get("solution"):
        header["written"] = grade_id
    elif graded.get("grade"):
        if not grade_id.startswith("test_"):
            raise CourseError(f"the test cell {grade_id!r} must have the grade id test_ID of the answer it checks.")
        header["test"] = grade_id.removeprefix("test_")
    elif graded.get("solution"):
        header["answer"] = grade_id
    elif graded.get("locked") and "setup" not in tags:
        raise CourseError(f"{grade_id!r} is a read-only cell: only the set-up cell can be one.")
    if graded.get("grade"):
        header["points"] = plain_number(graded.get("points", 0))
    return {key: header[key] for key in HEADER if key in header}


def content(notebook: NotebookNode) -> list[str]:
    """What each cell says, as JSON: type, header, source. Outputs, ids and display settings are not content, nor is
    what `course build` adds to a source.

    An empty cell without a role, as JupyterLab appends one, is left out.
    """
    said = []
    for cell in said_by(notebook):
        try:
            header: Any = header_in(cell)
        except CourseError as error:
            header = str(error)
        attached = sorted(cell.get("attachments", {}))
        said.append(json.dumps([cell.cell_type, header, plain(cell.source).strip("\n"), attached], sort_keys=True))
    return said


def said_by(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that say anything."""
    return [cell for cell in notebook.cells if cell.source.strip("\n") or "nbgrader" in cell.metadata]


def fingerprint(notebook: NotebookNode) -> str:
    """A hash of the notebook's content."""
    return hashlib.sha256("\n".join(content(notebook)).encode()).hexdigest()[:16]


def built_as(notebook: NotebookNode) -> str | None:
    """The fingerprint that the notebook had when it was built; None where `course build` did not make it."""
    value = notebook.metadata.get("course", {}).get("fingerprint")
    return value if isinstance(value, str) else None


def to_script(notebook: NotebookNode, old: str, name: str, *, graded: bool) -> str:
    """The script `old` with the cells of the notebook.

    Cells that did not change keep their text to the byte. Raises CourseError where the notebook holds what a script
    cannot say.
    """
    preamble, chunks = split(old)
    before = content(from_lab(Lab.from_text(old, name), graded=graded)) if old else []
    if len(before) != len(chunks):
        raise CourseError(f"{name}.py has an empty cell: remove it first.")
    after = content(notebook)
    if old and after == before:
        return old
    cells = said_by(notebook)
    parts: list[str] = []
    for change, i0, i1, j0, j1 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            parts += chunks[i0:i1]
        else:
            parts += _written(cells[j0:j1], chunks[i0:i1], before[i0:i1])
    # A part that ends in blank lines brings its own separator; the last cell of the old script does not.
    text = preamble + "".join(part if part.endswith("\n\n") else part.rstrip("\n") + "\n\n" for part in parts)
    text = text.rstrip("\n") + "\n"
    if content(from_lab(Lab.from_text(text, name), graded=graded)) != after:
        raise CourseError(f"{name}.ipynb holds an edit that cannot be written as a script.")
    return text


def split(text: str) -> tuple[str, list[str]]:
    """What precedes the first cell of a script, and the text of each cell with its header and the blank lines after."""
    chunks: list[str] = [""]
    for line in text.splitlines(keepends=True):
        if CELL_MARKER.match(line):
            chunks.append("")
        chunks[-1] += line
    return chunks[0], chunks[1:]


def _written(cells: list[NotebookNode], old_chunks: list[str], old_content: list[str]) -> list[str]:
    """The text of edited or new cells. A header that says the same as an old one keeps the old spelling."""
    old_headers: dict[str, list[str]] = {}
    for chunk, said in zip(old_chunks, old_content, strict=True):
        kind, header, _, _ = json.loads(said)
        old_headers.setdefault(json.dumps([kind, header]), []).append(chunk)
    parts = []
    for cell in cells:
        if cell.cell_type not in ("code", "markdown"):
            raise CourseError(f"a {cell.cell_type} cell: cells are code or markdown.")
        if cell.get("attachments"):
            raise CourseError("a picture is pasted into a text cell: save it as a file and link to it.")
        header = header_in(cell)
        source = plain(cell.source).strip("\n")
        bare = nbformat.v4.new_code_cell(source) if cell.cell_type == "code" else nbformat.v4.new_markdown_cell(source)
        bare.metadata.update(header)
        alone = nbformat.v4.new_notebook(cells=[bare], metadata={
            "jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}})
        text = jupytext.writes(alone, fmt="py:percent").rstrip("\n") + "\n\n"
        same = old_headers.get(json.dumps([cell.cell_type, {key: header[key] for key in sorted(header)}]))
        if same:
            chunk = same.pop(0)
            blank_lines = chunk[len(chunk.rstrip("\n")):]
            text = chunk.split("\n", 1)[0] + "\n" + text.split("\n", 1)[1].rstrip("\n") + blank_lines
        parts.append(text)
    return parts


def plain_number(value: float) -> float | int:
    """3.0 as 3, so that a header reads as it was written."""
    return int(value) if float(value).is_integer() else value
