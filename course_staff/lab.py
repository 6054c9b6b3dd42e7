"""A lab as data: what its cells are, read from its text source.

Authoring builds notebooks from it, `course verify` proves it, grading marks against it.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jupytext
from nbformat import NotebookNode

from course_staff.paths import CourseError

Role = Literal["prose", "setup", "code", "answer", "test", "written"]
DEFAULT_SECONDS = 20.0
HIDDEN_BEGIN, HIDDEN_END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
SOLUTION_BEGIN, SOLUTION_END = "### BEGIN SOLUTION", "### END SOLUTION"
PYTHON_MAGICS = ("capture", "prun", "time", "timeit")
CELL_MARKER = re.compile(r"^\s*#\s*%%(\s|$)")
SLIDES = ("slide", "subslide", "fragment", "skip", "notes")
# What Jupytext notes about a cell for its own use.
JUPYTEXT_KEYS = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "region_name")


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,59}", value) is not None


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# What may stand in a cell's header, in the order in which it is written: key -> (test of its value, what it must be).
_AN_ID = (_is_id, "a name of letters, digits, _ and -")
HEADER: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tags": (_are_strings, "a list of strings"),
    "answer": _AN_ID,
    "test": _AN_ID,
    "written": _AN_ID,
    "points": (_is_positive, "a number above 0"),
    "needs": (_are_strings, "a list of exercises"),
    "seconds": (_is_positive, "a number above 0"),
    "slide": (lambda value: value in SLIDES, f"one of {', '.join(SLIDES)}"),
}


@dataclass(frozen=True)
class Cell:
    """One cell of a lab's source.

    `exercise` is the ID in `answer="ID"`, `test="ID"` or `written="ID"`; `grade_id` is nbgrader's name for the cell.
    `seconds` is the deadline of one call from the test to the student's code.
    """

    role: Role
    source: str
    is_code: bool
    exercise: str | None = None
    points: float = 0.0
    needs: tuple[str, ...] = ()
    seconds: float = DEFAULT_SECONDS
    tags: tuple[str, ...] = ()
    slide: str | None = None
    line: int = 0

    @property
    def grade_id(self) -> str | None:
        if self.exercise is None:
            return None
        return f"test_{self.exercise}" if self.role == "test" else self.exercise

    @property
    def visible(self) -> str:
        """The source without its hidden tests."""
        return _without(self.source, HIDDEN_BEGIN, HIDDEN_END)


@dataclass(frozen=True)
class Lab:
    """All cells of a lab, in order."""

    name: str
    cells: tuple[Cell, ...]

    @classmethod
    def read(cls, path: Path) -> Lab:
        """Read the percent script at `path`. Raises CourseError where a cell header is wrong."""
        if not path.is_file():
            raise CourseError(f"{path} does not exist.")
        return cls.from_text(path.read_text(encoding="utf-8"), path.stem)

    @classmethod
    def from_text(cls, text: str, name: str) -> Lab:
        """Read a percent script given as text; `name` is the module's name. Raises CourseError as `read` does."""
        cells = jupytext.reads(text, fmt="py:percent").cells
        markers = [number for number, line in enumerate(text.split("\n"), 1) if CELL_MARKER.match(line)]
        if len(markers) != len(cells):
            raise CourseError(
                f"{name}.py: text before the first `# %%` line, or a `# %%` line inside a string: every cell needs one "
                "such line, and nothing else may look like one."
            )
        lab = cls(name, tuple(_cell(f"{name}.py", cell, line) for cell, line in zip(cells, markers, strict=True)))
        lab._check_structure()
        return lab

    @cached_property
    def answers(self) -> dict[str, Cell]:
        """Answer cells by exercise, in order."""
        return {cell.exercise: cell for cell in self.cells if cell.role == "answer" and cell.exercise}

    @cached_property
    def tests(self) -> dict[str, Cell]:
        """Test cells by exercise, in order."""
        return {cell.exercise: cell for cell in self.cells if cell.role == "test" and cell.exercise}

    @cached_property
    def written(self) -> dict[str, Cell]:
        """Written answers by exercise, in order."""
        return {cell.exercise: cell for cell in self.cells if cell.role == "written" and cell.exercise}

    @cached_property
    def proxied_names(self) -> frozenset[str]:
        """The names that the reference's answer cells define: all that a test cell may ask of a student."""
        return frozenset(name for cell in self.answers.values() for name in defined_names(cell.source))

    @property
    def points(self) -> float:
        """Autograded points."""
        return sum(cell.points for cell in self.tests.values())

    def _check_structure(self) -> None:
        seen: dict[str, Cell] = {}
        for cell in self.cells:
            if cell.grade_id is None:
                continue
            if cell.grade_id in seen:
                raise CourseError(f"{self.name}: two cells have the grade id {cell.grade_id!r}: rename one.")
            seen[cell.grade_id] = cell
        for exercise in self.tests:
            if exercise not in self.answers:
                raise CourseError(f'{self.name}: test="{exercise}" has no answer="{exercise}" cell.')
        for exercise in self.answers:
            if exercise not in self.tests:
                raise CourseError(f'{self.name}: answer="{exercise}" has no test="{exercise}" cell.')
        for cell in self.tests.values():
            for need in cell.needs:
                if need not in self.answers:
                    raise CourseError(f"{self.name}: {cell.grade_id} needs {need!r}, which is no exercise.")


def _cell(file: str, cell: NotebookNode, line: int) -> Cell:
    metadata: dict[str, Any] = {key: value for key, value in cell.metadata.items() if key not in JUPYTEXT_KEYS}
    file = f"{file}:{line}"
    _check_header(file, cell.cell_type, metadata)
    roles = [role for role in ("answer", "test", "written") if role in metadata]
    if len(roles) > 1:
        raise CourseError(f"{file}: one cell has the roles {' and '.join(roles)}: give it one.")
    is_code = cell.cell_type == "code"
    tags = tuple(metadata.get("tags", ()))
    role: Role
    if roles:
        role = roles[0]
    elif not is_code:
        role = "prose"
    else:
        role = "setup" if "setup" in tags else "code"
    exercise = metadata.get(role) if roles else None
    if role in ("test", "written") and not isinstance(metadata.get("points"), int | float):
        raise CourseError(f'{file}: {role}="{exercise}" needs points=N in its header.')
    if role in ("answer", "test") and not is_code:
        raise CourseError(f'{file}: {role}="{exercise}" must be a code cell.')
    return Cell(
        role=role,
        source=cell.source.strip("\n"),
        is_code=is_code,
        exercise=exercise,
        points=float(metadata.get("points", 0)),
        needs=tuple(metadata.get("needs", ())),
        seconds=float(metadata.get("seconds", DEFAULT_SECONDS)),
        tags=tags,
        slide=metadata.get("slide"),
        line=line,
    )


def _check_header(where: str, cell_type: str, header: dict[str, Any]) -> None:
    """Raise CourseError for a header that no cell may have: a misspelt key is a lost point."""
    if cell_type not in ("code", "markdown"):
        raise CourseError(f"{where}: a {cell_type} cell: cells are code or markdown.")
    for key, value in header.items():
        if key in ("title", "incorrectly_encoded_metadata") or value is None:
            text = key if value is None else value
            raise CourseError(f"{where}: {text!r} in the cell's header is not of the form key=value, text in quotes.")
        if key not in HEADER:
            raise CourseError(f"{where}: {key!r} in the cell's header is unknown. Known: {', '.join(HEADER)}.")
        valid, what = HEADER[key]
        if not valid(value):
            raise CourseError(f"{where}: {key}={value!r} in the cell's header must be {what}.")
    if "points" in header and not {"test", "written"} & header.keys():
        raise CourseError(f"{where}: points= belongs to a test or to a written answer.")
    for key in ("needs", "seconds"):
        if key in header and "test" not in header:
            raise CourseError(f"{where}: {key}= belongs to a test.")


def _without(source: str, begin: str, end: str) -> str:
    kept, inside = [], False
    for line in source.split("\n"):
        if line.strip() == begin:
            inside = True
        elif line.strip() == end:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def parse(source: str) -> ast.Module:
    """The syntax tree of a code cell, with line magics and shell escapes taken out.

    A cell magic that is not about Python, such as `%%html`, empties its cell. Raises SyntaxError as `ast.parse` does.
    """
    magic = re.match(r"%%(\w+)", source)
    if magic and magic[1] not in PYTHON_MAGICS:
        return ast.parse("")
    lines = ["pass" if line.lstrip().startswith(("%", "!")) and not line[:1].isspace() else line
             for line in source.split("\n")]
    return ast.parse("\n".join(lines))


def defined_names(source: str) -> list[str]:
    """Names that a cell binds at its top level: functions, classes and assignments, not imports."""
    names: list[str] = []
    for node in parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return names


@functools.lru_cache(1024)  # the tests of a lab are read again for every submission
def free_names(source: str) -> frozenset[str]:
    """Names that a cell reads but neither binds nor finds among the built-ins.

    A name bound anywhere at the cell's top level counts as bound; function bodies see their own locals.
    """
    import symtable

    # The parse turns magics into `pass`, so that symtable accepts the text.
    table = symtable.symtable(ast.unparse(parse(source)), "<cell>", "exec")
    top_bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    free: set[str] = set()

    def visit(scope: symtable.SymbolTable) -> None:
        for symbol in scope.get_symbols():
            read_as_global = symbol.is_global() or scope.get_type() == "module"
            if symbol.is_referenced() and read_as_global and symbol.get_name() not in top_bound:
                free.add(symbol.get_name())
        for child in scope.get_children():
            visit(child)

    visit(table)
    return frozenset(name for name in free if not hasattr(builtins, name))
