"""Stage one: our release and a student's notebook become a job. Trusted and pure: nothing of the student's runs here.

From the student comes source only: answer cells by grade id, written answers, the course's ungraded code cells where
the student changed them, and code cells that the student added. Everything else in the file is dropped and, where odd,
noted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_staff.authoring.colab import plain
from course_staff.grading.job import Job, Step
from course_staff.lab import Cell, Lab, free_names
from course_staff.paths import CourseError

MAX_BYTES = 100 * 2**20  # of a file; a notebook full of pictures has a few
MAX_VALUES = 3_000_000  # lists, tables and entries in a file: an empty table of two bytes takes sixty in memory
MAX_SOURCE = 200_000  # characters of one cell
MAX_ADDED = 200  # cells that a student added
MAX_TOTAL = 4_000_000  # characters of all cells
MAX_ODD = 20  # notes about metadata
RUN_SECONDS = 60.0  # deadline of a cell without one of its own


class Unreadable(CourseError):
    """The file cannot be graded at all. The message says why and what to do."""


@dataclass
class _Found:
    """What a student's file holds: source by grade id and by cell id, and added cells by the known cell before them."""

    graded: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ungraded: dict[str, str] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)


def prepare(lab: Lab, release: Path, submission: Path, student: str, seed: int = 0) -> Job:
    """The job for one submission.

    lab: the lab's source, with hidden tests. release: the notebook that was handed out. submission: the student's file.
    seed: private seed of the hidden inputs. Raises Unreadable where the file is no notebook of this lab.
    """
    released = _released_cells(lab, release)
    found = _find(read_cells(submission), released, lab)
    notes = found.notes
    steps: list[Step] = []
    missing: list[str] = []
    unchanged: list[str] = []
    written: dict[str, str | None] = {}

    steps += _added_steps(found, "")
    for cell, (cell_id, source) in zip(lab.cells, released, strict=True):
        if cell.role == "setup":
            steps.append(Step("run", cell_id, source, RUN_SECONDS))
        elif cell.role == "answer" and cell.exercise:
            given = found.graded[cell.exercise]
            parts = [text for text in given if text.strip() != source.strip()]
            if not given:
                missing.append(cell.exercise)
                notes.append(f"The answer cell {cell.exercise!r} is lost: its check runs without it.")
            elif not parts:
                unchanged.append(cell.exercise)
                parts = given[:1]
            elif len(given) > 1:
                # A split cell, or a copy: Jupyter keeps the id in both. Run in order, they do what the notebook did.
                notes.append(f"The answer cell {cell.exercise!r} occurs {len(given)} times: those that hold an answer "
                             "run one after another.")
            steps += [Step("run", cell_id if number == len(parts) else f"{cell_id}-part-{number}", part, RUN_SECONDS,
                           exercise=cell.exercise) for number, part in enumerate(parts, start=1)]
        elif cell.role == "test" and cell.exercise and cell.grade_id:
            sources = found.graded[cell.grade_id]
            if not sources:
                notes.append(f"The check {cell.grade_id!r} is lost: the released one is used.")
            if any(text.strip() not in (source.strip(), cell.source.strip()) for text in sources):
                notes.append(f"The check {cell.grade_id!r} was edited: the released one is used.")
            names = tuple(sorted(free_names(cell.source) & lab.proxied_names))
            steps.append(
                Step("test", cell.grade_id, cell.source, cell.seconds, cell.exercise, cell.points, cell.needs, names)
            )
        elif cell.role == "written" and cell.exercise:
            answer = _choose(found.graded[cell.exercise], source, f"The written answer {cell.exercise!r}", notes)
            written[cell.exercise] = None if answer is None else "" if answer.strip() == source.strip() else answer
            if answer is None:
                notes.append(f"The written answer {cell.exercise!r} is lost.")
        elif cell.role == "code" and "further" not in cell.tags and cell_id in found.ungraded:
            steps.append(Step("run", cell_id, found.ungraded[cell_id], RUN_SECONDS))
        steps += _added_steps(found, cell_id)
    return Job(lab.name, student, tuple(steps), written, tuple(missing), tuple(unchanged), tuple(notes), seed)


def read_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook by a stranger, as dictionaries with `cell_type`, `source` (one text), `id`, `metadata`.

    Raises Unreadable with one line that says what is wrong with the file.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise Unreadable(f"{path.name} is empty: ask for the file again.")
        if size > MAX_BYTES:
            raise Unreadable(f"{path.name} has {size // 2**20} MB: ask for it with its outputs cleared.")
        content = path.read_bytes()
        if sum(map(content.count, (b"{", b"[", b","))) > MAX_VALUES:
            raise Unreadable(f"{path.name} holds too many values: ask for it with its outputs cleared.")
        data = json.loads(content)
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise Unreadable(f"{path.name} is not a notebook (not JSON): ask for the .ipynb file itself.") from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise Unreadable(f"{path.name} is JSON but not a notebook (no cells): ask for the .ipynb file itself.")
    return [_normal(cell) for cell in cells if isinstance(cell, dict)]


def _normal(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    # Other systems end lines otherwise; that is no edit.
    source = source.replace("\r\n", "\n").replace("\r", "\n") if isinstance(source, str) else ""
    metadata = cell.get("metadata")
    return {
        "cell_type": cell.get("cell_type"),
        "source": source[:MAX_SOURCE],
        "too_long": len(source) > MAX_SOURCE,
        "id": cell.get("id") if isinstance(cell.get("id"), str) else "",
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def _nbgrader(cell: dict[str, Any]) -> dict[str, Any]:
    nbgrader = cell["metadata"].get("nbgrader")
    return nbgrader if isinstance(nbgrader, dict) else {}


def _grade_id(cell: dict[str, Any]) -> str | None:
    grade_id = _nbgrader(cell).get("grade_id")
    return grade_id if isinstance(grade_id, str) else None


def _oddities(cell: dict[str, Any], role: str, points: float) -> Iterator[str]:
    """What a graded cell says of itself and the release does not."""
    wanted = "markdown" if role == "written" else "code"
    if cell["cell_type"] != wanted:
        kind = {"code": "code", "markdown": "Markdown", "raw": "raw"}.get(str(cell["cell_type"]), "of no known type")
        yield f"is {kind}; it counts as the {wanted.capitalize() if wanted == 'markdown' else wanted} that it was"
    says = _nbgrader(cell)
    # Older versions of nbgrader write fewer keys, and a cell without metadata was found by its own id.
    for key, value in (("points", points), ("grade", role != "answer"), ("solution", role != "test")):
        if key in says and not (key == "points" and role == "answer") and says[key] != value:
            yield f"says {key} = {json.dumps(says[key])[:40]}: ignored"


def _released_cells(lab: Lab, release: Path) -> list[tuple[str, str]]:
    """(id, source) of every released cell, one for each cell of the lab's source."""
    if not release.is_file():
        raise CourseError(f"{release} does not exist: run `course build` first.")
    cells = read_cells(release)
    same = len(cells) == len(lab.cells) and all(
        cell.grade_id is None or _grade_id(given) == cell.grade_id for cell, given in zip(lab.cells, cells, strict=True)
    )
    if not same:
        raise CourseError(f"{release.name} was not built from today's source of {lab.name}: run `course build`.")
    return [(cell.grade_id or given["id"], given["source"]) for cell, given in zip(lab.cells, cells, strict=True)]


def _find(cells: list[dict[str, Any]], released: list[tuple[str, str]], lab: Lab) -> _Found:
    roles: dict[str, Cell] = {cell_id: cell for cell, (cell_id, _) in zip(lab.cells, released, strict=True)}
    text_of = dict(released)
    by_text = {text.strip(): cell_id for cell_id, text in released if roles[cell_id].role in ("setup", "code")}
    found = _Found()
    last, skipped = "", 0
    odd: list[str] = []
    no_code: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        grade_id = _grade_id(cell)
        known = grade_id if grade_id in roles else cell["id"] if cell["id"] in roles else None
        if known is None and cell["cell_type"] == "code":
            known = by_text.get(cell["source"].strip())  # some editors drop the ids of cells
        if cell["too_long"]:
            found.notes.append(f"A cell has more than {MAX_SOURCE} characters: it was cut there.")
        if known is not None and roles[known].role in ("answer", "test", "written"):
            # Notes below half of an answer cell keep its id. Where no code is left, they may be the answer.
            prose = roles[known].role == "answer" and cell["cell_type"] != "code"
            (no_code if prose else found.graded)[known].append(cell["source"])
            odd += [f"The cell {known!r} {what}." for what in _oddities(cell, roles[known].role, roles[known].points)]
            last = known
            skipped += "skip-execution" in _tags(cell)
        elif known is not None:
            # Lines that another build wrote into it, for instance before the course had an address, are no edit.
            if roles[known].role == "setup" and plain(cell["source"]).strip() != plain(text_of[known]).strip():
                # It may hold an import that an answer needs: it runs as a cell of the student's, after ours.
                found.notes.append("The set-up cell was edited: the released one runs first, then this one.")
                found.added[known].append(cell["source"])
            if roles[known].role == "code":
                found.ungraded[known] = cell["source"]
            last = known
        elif cell["cell_type"] == "code" and cell["source"].strip():
            found.added[last].append(cell["source"])
        if known is None and grade_id is not None and _nbgrader(cell).get("grade"):
            odd.append(f"A cell says that it is graded as {grade_id[:60]!r}, which this lab does not have: ignored.")
    found.notes += list(dict.fromkeys(odd))[:MAX_ODD]
    for known, sources in no_code.items():
        found.graded[known] = found.graded[known] or sources
    if skipped:
        found.notes.append(f"{skipped} graded cells carry the tag skip-execution, which the release does not: ignored.")
    if not any(key in found.graded for key in [*lab.answers, *(cell.grade_id or "" for cell in lab.tests.values())]):
        raise Unreadable(
            f"This notebook has no cell of {lab.name}: it is of another lab, or its metadata were stripped."
        )
    count = sum(len(sources) for sources in found.added.values())
    if count > MAX_ADDED:
        raise Unreadable(f"This notebook has {count} added code cells; at most {MAX_ADDED} are run.")
    if sum(len(cell["source"]) for cell in cells) > MAX_TOTAL:
        raise Unreadable(f"This notebook has more than {MAX_TOTAL // 10**6} million characters of source.")
    return found


def _tags(cell: dict[str, Any]) -> list[str]:
    tags = cell["metadata"].get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _choose(sources: list[str], released: str, what: str, notes: list[str]) -> str | None:
    """Of doubled cells the last that differs from the release: what the notebook, run from top to bottom, ends with."""
    if not sources:
        return None
    answers = [source for source in sources if source.strip() != released.strip()]
    if len(sources) > 1:
        notes.append(f"{what} occurs {len(sources)} times: the last one that holds an answer counts.")
    return answers[-1] if answers else sources[-1]


def _added_steps(found: _Found, after: str) -> list[Step]:
    return [
        Step("run", f"added-{after or 'top'}-{number}", source, RUN_SECONDS, added=True)
        for number, source in enumerate(found.added.get(after, ()), start=1)
    ]
