"""What can be seen in a student's notebook without running it. Only the standard library is needed."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

Role = Literal["answer", "test", "written", "setup", "other"]
FURTHER = "further"  # the tag of cells beyond the exercises
STUB = "checks.Unanswered"
WRITTEN_STUB = "*Write your answer here.*"


@dataclass(frozen=True)
class Finding:
    """One thing to look at: what happened, why it matters, what to do."""

    what: str
    why: str
    do: str


class Unreadable(Exception):
    """The file cannot be looked at as a notebook; `finding` says why."""

    def __init__(self, what: str, why: str, do: str) -> None:
        super().__init__(what)
        self.finding = Finding(what, why, do)


@dataclass(frozen=True)
class Cell:
    """A cell of the notebook. `number` counts from 1, text cells included.

    `settings`: nbgrader's, {} where it has none. `facts`: what the course noted about it.
    `succeeded`: it was run in the saved notebook and did not raise there.
    """

    number: int
    kind: str
    source: str
    settings: dict[str, Any]
    tags: tuple[str, ...]
    facts: dict[str, Any]
    succeeded: bool

    @property
    def grade_id(self) -> str:
        grade_id = self.settings.get("grade_id")
        return grade_id if isinstance(grade_id, str) else ""

    @property
    def role(self) -> Role:
        graded, solution = bool(self.settings.get("grade")), bool(self.settings.get("solution"))
        if not self.grade_id:
            return "other"
        if graded:
            return "written" if solution else "test"
        return "answer" if solution else "setup" if self.settings.get("locked") else "other"

    @property
    def exercise(self) -> str:
        return self.grade_id.removeprefix("test_") if self.role == "test" else self.grade_id

    @property
    def points(self) -> float:
        points = self.settings.get("points")
        return float(points) if isinstance(points, int | float) else 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        needs = self.facts.get("needs")
        return tuple(item for item in needs if isinstance(item, str)) if isinstance(needs, list) else ()

    @property
    def runs(self) -> bool:
        return self.kind == "code" and bool(self.source.strip())

    @property
    def where(self) -> str:
        """How a message names the cell."""
        points = f", {self.points:g} {'point' if self.points == 1 else 'points'}" if self.points else ""
        names = {"test": f"the check of {self.exercise}{points}", "setup": "the set-up cell"}
        name = names.get(self.role, self.grade_id)
        lines = [line.strip() for line in self.source.split("\n") if line.strip()]
        # A comment, an import or a magic says little about a cell; its first other line does.
        telling = [line for line in lines if not line.startswith(("#", "import ", "from ", "%"))]
        first = (telling or lines or ["empty"])[0]
        return f"cell {self.number} ({name or first[:50]})"


@dataclass(frozen=True)
class Notebook:
    """A student's notebook as it lies on the disk.

    `lab`: the name the lab was released under, "" where the file does not say. `released`: for each graded or locked
    cell of the release, its grade id and the SHA-1 of its source ("" where unknown); {} where the file does not say.
    `originals`: what the cells for answers said then, by grade id, as far as the file says it.
    """

    path: Path
    cells: tuple[Cell, ...]
    language: str
    lab: str
    released: dict[str, str]
    originals: dict[str, str]

    @cached_property
    def by_grade_id(self) -> dict[str, list[Cell]]:
        found: dict[str, list[Cell]] = defaultdict(list)
        for cell in self.cells:
            if cell.grade_id:
                found[cell.grade_id].append(cell)
        return dict(found)

    def changed(self, cell: Cell) -> bool | None:
        """Whether a released cell says something else than when it was released; None where nobody can tell."""
        released = self.released.get(cell.grade_id)
        if released:
            return not hashlib.sha1(cell.source.encode(), usedforsecurity=False).hexdigest().startswith(released)
        checksum = cell.settings.get("checksum")
        return checksum != _nbgrader_checksum(cell) if isinstance(checksum, str) else None

    def unanswered(self, cell: Cell) -> bool:
        """Whether an answer or a written answer is as it was released, or still holds its placeholder."""
        if cell.role == "written" and not cell.source.replace(WRITTEN_STUB, "").strip():
            return True
        return self.changed(cell) is False or (cell.role == "answer" and holds_stub(cell.source))


def read(path: Path) -> Notebook:
    """The notebook at `path`. Raises Unreadable where there is none."""
    data = _load(path)
    cells = data.get("cells") if isinstance(data, dict) else None
    if isinstance(data, dict) and "worksheets" in data:
        raise Unreadable(f"{path.name} is a notebook in the format of 2014.", "The course reads format 4, which "
                         "every current program writes.", "Open it in JupyterLab and save it, then check it again.")
    if not isinstance(cells, list):
        raise Unreadable(f"{path.name} is JSON, but not a notebook: it has no cells.", "It cannot be graded.",
                         "Hand in the .ipynb file that you worked in.")
    metadata = _dict(data.get("metadata"))
    kernel, info, course = (_dict(metadata.get(key)) for key in ("kernelspec", "language_info", "course"))
    language = kernel.get("language") or info.get("name") or "python"
    released = course.get("cells")
    if isinstance(released, list):
        released = dict.fromkeys((item for item in released if isinstance(item, str)), "")
    return Notebook(
        path=path,
        cells=tuple(_cell(number, cell) for number, cell in enumerate(cells, 1)),
        language=str(language).lower(),
        lab=course["lab"] if isinstance(course.get("lab"), str) else "",
        released={key: value if isinstance(value, str) else "" for key, value in _dict(released).items()},
        originals={key: "".join(map(str, lines)) for key, lines in _dict(course.get("released")).items()
                   if isinstance(lines, list)},
    )


def _load(path: Path) -> Any:
    """What the JSON file at `path` holds."""
    name = path.name
    if path.is_dir():
        inside = sorted(file.name for file in path.glob("*.ipynb"))
        raise Unreadable(f"{name or path} is a folder.", "The command looks at one notebook.",
                         f"Name one: {', '.join(inside)}." if inside else "There is no notebook directly inside it.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Unreadable(f"There is no file {path}.", f"The command was started in {Path.cwd()}.",
                         "Change into the folder of the notebook, or give the full path.") from None
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}.", "Without it there is nothing to look at.",
                         "Close programs that hold the file, and see whether you may read it.") from None
    if not raw.strip():
        raise Unreadable(f"{name} is empty.", "It cannot be graded. Saving or copying it was probably cut short.",
                         "Save the notebook again, or take the last copy from the folder .ipynb_checkpoints.")
    try:
        text = raw.decode("utf-8-sig")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        text = raw.decode(errors="replace")
        raise _not_json(path, text, error) from None


def _not_json(path: Path, text: str, error: Exception) -> Unreadable:
    name, start = path.name, text.lstrip()[:200].lower()
    why = "It cannot be graded."
    if start.startswith(("<!doctype", "<html")):
        return Unreadable(f"{name} is a web page, not a notebook.", why,
                          "Download the file itself: on GitHub with the button Raw, in Colab with File > Download.")
    if "<<<<<<<" in text and ">>>>>>>" in text:
        return Unreadable(f"{name} holds the marks of a merge conflict (<<<<<<< and >>>>>>>).", why,
                          "Take one of the two versions: git checkout --ours (or --theirs), then the file.")
    if start.startswith("{"):
        line = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        return Unreadable(f"{name} is a damaged notebook: its JSON breaks off{line}.", why + " Saving or copying it "
                          "was probably cut short.", "Save it again, or take the last copy from the folder "
                          ".ipynb_checkpoints.")
    kind = "a Python script" if path.suffix == ".py" else "plain text" if path.suffix == ".txt" else "no notebook"
    return Unreadable(f"{name} is {kind}: it holds no JSON.", why, "Hand in the .ipynb file that you worked in; in "
                      "Colab it is File > Download > Download .ipynb.")


def _cell(number: int, data: Any) -> Cell:
    data = _dict(data)
    source, metadata = data.get("source", ""), _dict(data.get("metadata"))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    tags = metadata.get("tags")
    outputs = data["outputs"] if isinstance(data.get("outputs"), list) else []
    raised = any(_dict(output).get("output_type") == "error" for output in outputs)
    return Cell(
        number=number,
        kind=str(data.get("cell_type")),
        source=source if isinstance(source, str) else "",
        settings=_dict(metadata.get("nbgrader")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        facts=_dict(metadata.get("course")),
        succeeded=data.get("execution_count") is not None and not raised,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _nbgrader_checksum(cell: Cell) -> str:
    """What nbgrader notes about a cell when it releases it: `nbgrader.utils.compute_checksum`."""
    flags = [bool(cell.settings.get(key)) for key in ("grade", "solution", "locked")]
    text = cell.source + cell.kind + "".join(map(str, flags)) + cell.grade_id + (str(cell.points) if flags[0] else "")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# What a source says


def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, with magics and shell escapes taken out; None where it is not Python."""
    if source.lstrip().startswith("%%"):
        return ast.Module(body=[], type_ignores=[])
    lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.split("\n")]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def bound_names(source: str) -> set[str]:
    """Names that a cell binds at its top level, as far as its text tells."""
    tree = parse(source)
    if tree is None:
        found = re.findall(r"^(?:(?:async )?def|class) +(\w+)|^(\w+) *=(?!=)", source, re.MULTILINE)
        return {name for pair in found for name in pair if name}
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue  # what it binds inside is its own
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting += ast.iter_child_nodes(node)
    return names


def holds_stub(source: str) -> bool:
    """Whether the line that stands in place of an answer is still there and can be reached."""
    if STUB not in source:
        return False
    tree = parse(source)
    return any(_live_stubs(tree)) if tree else True


def _live_stubs(tree: ast.AST) -> Iterator[ast.Raise]:
    """Stubs that are not behind a return or a raise of the same block."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and node.exc and ast.unparse(node.exc).startswith(STUB):
            yield node
        for _, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST):
                    continue
                waiting.append(child)
                if isinstance(value, list) and isinstance(child, ast.Return | ast.Raise):
                    break


# What is wrong with the notebook as it stands


def findings(notebook: Notebook) -> list[Finding]:
    """Everything to look at that shows without running the notebook, what is worst first."""
    return [finding for part in (_of_the_file, _lost, _doubled, _edited, _odd, _open) for finding in part(notebook)]


def _of_the_file(notebook: Notebook) -> Iterator[Finding]:
    name, stem = notebook.path.name, notebook.path.name.split(".")[0]
    # What browsers and JupyterLab add to the name of a copy.
    right = notebook.lab or re.sub(r"( ?\(\d+\)|-Copy\d+)+$", "", stem)
    if not name.endswith(".ipynb"):
        yield Finding(f"The notebook is named {name}.", "It is a notebook inside, but only files named .ipynb are "
                      "collected.", f"Rename it to {right}.ipynb.")
    elif ".ipynb_checkpoints" in notebook.path.resolve().parts:
        yield Finding(f"{name} is a checkpoint, an older copy that JupyterLab keeps.", "It may lack your last answers.",
                      "Check and hand in the notebook in the folder above.")
    elif stem != right:
        yield Finding(f"The file is named {name} and not {right}.ipynb.", "A lab is collected by its name: "
                      "under another one it is overlooked.", f"Rename it to {right}.ipynb.")
    if notebook.language not in ("python", "python3", "ipython"):
        yield Finding(f"The notebook is set to the language {notebook.language}.", "The lab is run with Python.",
                      "In JupyterLab choose Kernel > Change Kernel > Python 3 and save.")
    if not any(cell.role in ("answer", "test", "written") for cell in notebook.cells):
        yield Finding("No cell of this notebook is an exercise.", "Either it is no lab, or a program that saved it has "
                      "dropped the marks by which answers are found; then nothing can be graded.",
                      "Take a fresh copy of the lab and paste your answers into its answer cells.")


def _lost(notebook: Notebook) -> Iterator[Finding]:
    present = set(notebook.by_grade_id)
    lost = [grade_id for grade_id in notebook.released if grade_id not in present]
    if not notebook.released:  # the file does not say what the release held: answers and checks come in pairs
        roles = {role: [cell for cell in notebook.cells if cell.role == role] for role in ("answer", "test")}
        lost = [f"test_{cell.exercise}" for cell in roles["answer"] if f"test_{cell.exercise}" not in present]
        lost += [cell.exercise for cell in roles["test"] if cell.exercise not in present]
    if len(lost) == len(notebook.released) and lost:
        return  # none left: said by _of_the_file, or another lab's facts
    if lost:
        yield Finding(
            f"{_count(len(lost), 'cell')} of the lab {'is' if len(lost) == 1 else 'are'} missing: {', '.join(lost)}.",
            "An answer that is not there earns nothing. A check that is not there is run anyway when the lab is "
            "graded, but you do not see what it says.",
            "Undo the deletion (Edit > Undo Cell Operation), or copy the whole cell from a fresh copy of the lab: a "
            "new cell with the same text is not enough. `course reset` brings an answer cell back, empty.")


def _doubled(notebook: Notebook) -> Iterator[Finding]:
    for grade_id, cells in notebook.by_grade_id.items():
        if len(cells) > 1:
            numbers = " and ".join(str(cell.number) for cell in cells)
            yield Finding(f"The cell {grade_id} is there {len(cells)} times: cells {numbers}.", "Copying a cell copies "
                          "the mark by which it is found; when it is graded they run one after another.",
                          "Keep the one that you mean and delete the others.")


def _edited(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        if cell.role == "test" and notebook.changed(cell):
            yield Finding(f"{cell.where[0].upper()}{cell.where[1:]} was edited.", "When the lab is graded the original "
                          "check is used, so passing this one says little.",
                          "Copy the check from a fresh copy of the lab; for experiments of your own add a cell.")
        if cell.role == "setup" and notebook.changed(cell):
            yield Finding(f"Cell {cell.number}, the set-up cell, was edited.", "When the lab is graded the original is "
                          "used: what you added there will be missing.",
                          "Put your own imports and helpers into a new cell below it, and restore it.")


def _odd(notebook: Notebook) -> Iterator[Finding]:
    for cell in notebook.cells:
        if not cell.grade_id:
            continue
        where = cell.where[0].upper() + cell.where[1:]
        expected = cell.settings.get("cell_type") or ("code" if cell.role in ("answer", "test", "setup") else cell.kind)
        if cell.kind != expected:
            yield Finding(f"{where} was turned from a {expected} cell into a {cell.kind} cell.",
                          "It does not run, or does not count, as it stands.",
                          f"Select it and change its type back to {expected.capitalize()}.")
        if "skip-execution" in cell.tags:
            yield Finding(f"{where} carries the tag skip-execution.", "The tag has no effect when the lab is graded, "
                          "but it is reported to whoever grades.", "Remove the tag in the property inspector.")
        if notebook.released and cell.grade_id not in notebook.released:
            yield Finding(f"{where} is not part of this lab.", "It was probably pasted from another lab, and is not "
                          "graded here.", "Delete it, or paste only its text into the answer cell that you mean.")


    installs = re.compile(r"^\s*[%!].*\b(pip3?|conda|mamba|apt|apt-get)\s.*\binstall\b", re.MULTILINE)
    for cell in notebook.cells:
        if cell.runs and cell.role not in ("setup", "test") and installs.search(cell.source):
            yield Finding(f"Cell {cell.number} installs packages.", "There may be no network where the lab is graded; "
                          "the packages of the course are there.", "Delete the cell before you hand the lab in.")


def _open(notebook: Notebook) -> Iterator[Finding]:
    for role, what, do in (
        ("answer", "is not answered", "Replace the line `raise checks.Unanswered(...)`, run the cell, then its check."),
        ("written", "has no written answer", "Double-click the cell, write your answer in place of the placeholder, "
         "and run it."),
    ):
        names = list(dict.fromkeys(cell.grade_id for cell in notebook.cells
                                   if cell.role == role and notebook.unanswered(cell)
                                   and cell.grade_id in (notebook.released or notebook.by_grade_id)))
        if names:
            what = what if len(names) == 1 else what.replace("is", "are", 1).replace("has", "have", 1)
            count = "1 exercise" if len(names) == 1 else f"{len(names)} exercises"
            yield Finding(f"{count} {what}: {', '.join(names)}.", "An empty exercise earns nothing.", do)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
