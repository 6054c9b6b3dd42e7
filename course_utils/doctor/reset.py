"""`course reset`: one exercise as it was released, and nothing else changed. It needs the standard library only.

The released text comes from the notebook itself: `course build` puts a copy of every answer cell into its metadata, so
that it is at hand wherever the notebook is. It is a help for the student; grading never reads it.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from course_utils.doctor import structure
from course_utils.doctor.structure import Notebook, Unreadable

UNCHANGED = "Nothing was changed."
RELOAD = ("If the notebook is open in JupyterLab, choose File > Reload Notebook from Disk before you go on (or Revert, "
          "where it asks): the old text is still on the screen, and saving it would bring it back.")


def released_text(notebook: Notebook, exercise: str) -> str:
    """What the answer cell of an exercise said when the lab was released.

    Raises Unreadable, with words for the student, where there is no such exercise or the notebook does not know.
    """
    name = notebook.path.name
    exercises = exercises_of(notebook)
    if exercise not in exercises:
        if not exercises:
            raise Unreadable(f"{name} has no exercises.", "Either it is no lab, or a program that saved it has dropped "
                             f"the marks by which answers are found. {UNCHANGED}", "Name the notebook of a lab.")
        close = difflib.get_close_matches(exercise.removeprefix("test_"), exercises, n=1)
        raise Unreadable(f"{name} has no exercise {exercise}.",
                         f"Its exercises are {', '.join(exercises)}. {UNCHANGED}",
                         f"Did you mean {close[0]}?" if close else "Name one of them.")
    text = notebook.originals.get(exercise)
    if text is None or not hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().startswith(
            notebook.released.get(exercise, "")):
        raise Unreadable(f"{name} does not hold {exercise} as it was released.",
                         "A program that saved it has dropped or altered that copy, or the lab was made without it. "
                         + UNCHANGED,
                         "Open a fresh copy of the lab beside yours, and copy the text of the cell from there.")
    return text


def exercises_of(notebook: Notebook) -> list[str]:
    """The exercises that have an answer cell, in their order, then those that had one when the lab was released."""
    present = [cell.grade_id for cell in notebook.cells if cell.role in ("answer", "written")]
    return list(dict.fromkeys([*present, *notebook.originals]))


def reset(path: Path, exercise: str) -> list[str]:
    """Put the answer cell of `exercise` back as it was released, in the notebook at `path`.

    The text that stood there is kept in a new file beside the notebook; all other cells stay as they are, except that
    the old output of the exercise's check goes. A lost answer cell is put back above its check. Returns what happened,
    one sentence an item. Raises Unreadable where that cannot be done: then nothing was changed.
    """
    notebook = structure.read(path)
    text = released_text(notebook, exercise)
    cells = [cell for cell in notebook.by_grade_id.get(exercise, []) if cell.role in ("answer", "written")]
    if len(cells) > 1:
        numbers = " and ".join(str(cell.number) for cell in cells)
        raise Unreadable(f"The cell {exercise} is there {len(cells)} times: cells {numbers}, counted from the top.",
                         f"Which of them is your answer cannot be known. {UNCHANGED}",
                         "Delete the one that you do not need, save, and run the command again.")
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if cells:
        (cell,) = cells
        kind = cell.settings.get("cell_type") or ("code" if cell.role == "answer" else "markdown")
        if cell.source == text and cell.kind == kind:
            return [f"{exercise} is as it was released. {UNCHANGED}"]
        old, suffix = cell.source, ".py" if cell.role == "answer" else ".md"
        _refill(data["cells"][cell.number - 1], text, kind)
        said = [f"{exercise} (cell {cell.number}) is as it was released; every other answer is as it was."]
    else:
        checks = [cell for cell in notebook.by_grade_id.get(f"test_{exercise}", []) if cell.role == "test"]
        if not checks:
            raise Unreadable(f"{path.name} has lost the cell {exercise}, and its check is not there either.",
                             f"So nobody can say where it stood. {UNCHANGED}",
                             "Copy the whole cell from a fresh copy of the lab.")
        old = suffix = ""
        data["cells"].insert(checks[0].number - 1, _answer_cell(exercise, text))
        said = [f"The lost cell {exercise} is back, above its check; every other answer is as it was."]
    for check in notebook.by_grade_id.get(f"test_{exercise}", []):
        place = check.number - 1 + (not cells)
        if data["cells"][place].get("cell_type") == "code":
            data["cells"][place] |= {"outputs": [], "execution_count": None}
    kept = _keep(path, exercise, old, suffix) if old.strip() and old != text else None
    try:
        _replace(path, data)
    except OSError as error:
        if kept:
            kept.unlink(missing_ok=True)
        raise _cannot_write(path, error) from None
    return said + ([f"Your text is kept in {kept.name}, beside the notebook."] if kept else []) + [RELOAD]


def _refill(cell: dict[str, Any], text: str, kind: str) -> None:
    cell["source"] = text.splitlines(keepends=True)
    cell["cell_type"] = kind
    if kind == "code":
        cell.pop("attachments", None)
        cell |= {"outputs": [], "execution_count": None}
    else:
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)


def _answer_cell(exercise: str, text: str) -> dict[str, Any]:
    """An answer cell with the marks by which nbgrader (schema 3) finds it."""
    marks = {"cell_type": "code", "grade": False, "grade_id": exercise, "locked": False, "schema_version": 3,
             "solution": True, "task": False}
    cell: dict[str, Any] = {"id": exercise, "metadata": {"deletable": False, "nbgrader": marks}}
    _refill(cell, text, "code")
    return cell


def _keep(path: Path, exercise: str, text: str, suffix: str) -> Path:
    """Write the old text into a file of its own, under a name that is free."""
    number = 1
    while True:
        name = f"{exercise}-before-reset{f'-{number}' if number > 1 else ''}{suffix}"
        try:
            with (path.parent / name).open("x", encoding="utf-8") as file:
                file.write(text + "\n")
            return path.parent / name
        except FileExistsError:
            number += 1
        except OSError as error:
            raise _cannot_write(path, error) from None


def _replace(path: Path, data: dict[str, Any]) -> None:
    """Give the notebook its new content at once: whatever happens, either the old or the new file is there."""
    target = path.resolve()  # a link stays one
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            json.dump(data, file, indent=1, ensure_ascii=False)
            file.write("\n")
        shutil.copymode(target, name)
        os.replace(name, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def _cannot_write(path: Path, error: OSError) -> Unreadable:
    return Unreadable(f"{path.name} cannot be written: {error.strerror}.", UNCHANGED,
                      "See whether you may write in its folder, and whether the disk is full.")
