"""Nothing that students must not see may lie under labs/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_staff.authoring.rules import MARKER_WORDS, regions, stubbed
from course_staff.lab import HIDDEN_BEGIN, HIDDEN_END, SOLUTION_BEGIN, SOLUTION_END, Lab

CHECKPOINTS = ".ipynb_checkpoints"
# A secret line is recognised when it has so many letters and digits: in the cells of a notebook, where every visible
# line is known, few are enough; elsewhere short lines such as `else:` occur by chance.
ENOUGH_IN_CELLS = 4
ENOUGH_ELSEWHERE = 12


def scan(folder: Path, labs: dict[str, Lab], data: dict[str, set[str]]) -> list[str]:
    """What is wrong under the release folder `folder`, one line each: what leaked, and where.

    labs: the lab of every module that has one. data: per module, the paths of the data files that belong to its
    release, relative to the module's folder.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        place = path.relative_to(folder)
        where = f"{folder.name}/{place.as_posix()}"
        module = place.parts[0]
        expected = {f"{module}.ipynb", *data.get(module, ())} if module in labs else set()
        inside = Path(*place.parts[1:]).as_posix()
        if path.is_symlink():
            found.append(f"{where}: a link, which is not meant to be there")
            continue
        if inside not in expected and CHECKPOINTS not in place.parts:
            found.append(f"{where}: not meant to be there")
        searched = [labs[module]] if module in labs else list(labs.values())
        found += [f"{where}: {leak}" for leak in _leaks_in(path, searched)]
    return found


def data_files(lab: Lab, folder: Path) -> set[str]:
    """The files in a solution's folder that its lab names in text that students see: they belong to the release."""
    text = "\n".join(_visible(cell.source) for cell in lab.cells)
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".ipynb"))
    return {path.relative_to(folder).as_posix() for path in files
            if CHECKPOINTS not in path.parts and "__pycache__" not in path.parts and path.name in text}


def secrets(lab: Lab) -> dict[str, str]:
    """Each line that students must not see, with blanks normalised, and what it is part of.

    A line that also stands in visible text is no secret.
    """
    seen = "\n".join(_normal(_visible(cell.source)) for cell in lab.cells)
    found: dict[str, str] = {}
    for cell in lab.cells:
        for begin, end, what in ((SOLUTION_BEGIN, SOLUTION_END, "solution"), (HIDDEN_BEGIN, HIDDEN_END, "hidden test")):
            for block in regions(cell.source, begin, end):
                for line in _normal("\n".join(block)).split("\n"):
                    if _weight(line) >= ENOUGH_IN_CELLS and line not in seen:
                        found.setdefault(line, f"{what} of {cell.exercise}")
    return found


def _leaks_in(path: Path, labs: list[Lab]) -> Iterator[str]:
    raw = path.read_bytes().decode(errors="replace")
    cells, rest = [], raw
    if path.suffix == ".ipynb":
        try:
            notebook = json.loads(raw)
            cells = [_joined(cell.pop("source", "")) for cell in notebook["cells"]]
            rest = "\n".join(_strings(notebook))
        except (ValueError, KeyError, TypeError, AttributeError):
            yield "not a notebook"
        else:
            for number, cell in enumerate(notebook["cells"], 1):
                if cell.get("outputs") or cell.get("execution_count") is not None:
                    yield f"cell {number} holds an output"
    places = [(f"cell {number}", _normal(text), ENOUGH_IN_CELLS) for number, text in enumerate(cells, 1)]
    places.append(("the file" if not cells else "metadata or outputs", _normal(rest), ENOUGH_ELSEWHERE))
    hidden = {line: what for lab in labs for line, what in secrets(lab).items()}
    for name, text, enough in places:
        marker = MARKER_WORDS.search(text)
        if marker:
            yield f"{name} holds the marker {marker[0]!r}"
        if "checks.hidden(" in text:
            yield f"{name} holds a hidden test"
        for line, what in hidden.items():
            if _weight(line) >= enough and line in text:
                yield f"{name} holds a line of the {what}: {line}"


def _visible(source: str) -> str:
    lines = stubbed(source, "")
    for block in regions(source, HIDDEN_BEGIN, HIDDEN_END):
        lines = lines.replace("\n".join([HIDDEN_BEGIN, *block, HIDDEN_END]), "")
    return lines


def _normal(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _weight(line: str) -> int:
    return sum(character.isalnum() for character in line)


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from _strings(item)
