"""What a script must satisfy before it is built, and what follows from reading its code without running it."""

from __future__ import annotations

import ast
import re
import symtable
import textwrap
from collections.abc import Iterator

from course_staff.lab import (
    HIDDEN_BEGIN,
    HIDDEN_END,
    SOLUTION_BEGIN,
    SOLUTION_END,
    Cell,
    Lab,
    defined_names,
    free_names,
    parse,
)

# nbgrader looks for these words anywhere in a line; we accept only whole marker lines, so that the two never disagree.
MARKER_WORDS = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
REGIONS = {"SOLUTION": (SOLUTION_BEGIN, SOLUTION_END), "HIDDEN TESTS": (HIDDEN_BEGIN, HIDDEN_END)}


def problems(lab: Lab, *, graded: bool) -> list[str]:
    """Every breach of the rules, one line each, in the order of the cells.

    `graded`: the script is a lab; a lecture has no graded cells.
    """
    found = []
    for cell in lab.cells:
        where = f"{lab.name}.py:{cell.line}: {label(cell)}"
        found += [f"{where}: {problem}" for problem in _cell_problems(cell, lab, graded)]
    return found


def label(cell: Cell) -> str:
    """How a message names a cell."""
    return f"{cell.role} cell {cell.grade_id!r}" if cell.grade_id else f"{cell.role} cell"


def _cell_problems(cell: Cell, lab: Lab, graded: bool) -> Iterator[str]:
    if not graded and cell.exercise is not None:
        yield "a lecture has no graded cells; put the exercise into the lab"
        return
    marks = list(_marker_problems(cell))
    yield from marks
    if marks:
        return
    if cell.is_code:
        try:
            parse(cell.source)
        except SyntaxError as error:
            yield f"does not parse: {error.msg} (line {error.lineno} of the cell)"
            return
    if cell.role == "answer":
        yield from _answer_problems(cell)
    elif cell.role == "test":
        yield from _test_problems(cell, lab)
    elif cell.role == "written" and SOLUTION_BEGIN not in cell.source:
        yield f"has no model answer between {SOLUTION_BEGIN!r} and {SOLUTION_END!r}"


def _marker_problems(cell: Cell) -> Iterator[str]:
    allowed = {"answer": "SOLUTION", "written": "SOLUTION", "test": "HIDDEN TESTS"}.get(cell.role)
    inside = False
    for number, line in enumerate(cell.source.split("\n"), 1):
        found = MARKER_WORDS.search(line)
        if not found:
            continue
        edge, region = found.groups()
        if region not in REGIONS or line.strip() != REGIONS[region][edge == "END"]:
            yield f"line {number} holds {found[0]!r}; a marker stands alone in its line as '### {edge} …'"
        elif region != allowed:
            yield f"line {number}: {line.strip()!r} does not belong in this cell"
        elif (edge == "BEGIN") == inside:
            yield f"line {number}: {line.strip()!r} " + ("inside another region" if inside else "without a beginning")
        else:
            inside = not inside
            continue
        return
    if inside:
        yield f"'### BEGIN {allowed}' is never closed"


def _answer_problems(cell: Cell) -> Iterator[str]:
    if SOLUTION_BEGIN not in cell.source:
        yield f"has no solution between {SOLUTION_BEGIN!r} and {SOLUTION_END!r}"
        return
    if not defined_names(cell.source):
        yield "defines no function or class"
        return
    # The stub raises. Outside a function that would happen when the cell runs, before the student has called anything.
    released = stubbed(cell.source, "raise _Stub")
    try:
        tree = ast.parse(released)
    except SyntaxError as error:
        yield f"no longer parses when the stub replaces the solution: {error.msg}"
        return
    if sum(map(_is_stub, _inside_functions(tree))) < sum(map(_is_stub, ast.walk(tree))):
        yield "a solution region lies outside a function body: the stub would raise as soon as the cell runs"


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _is_stub(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id == "_Stub"


def _inside_functions(node: ast.AST, inside: bool = False) -> Iterator[ast.AST]:
    """All nodes that run only when a function is called."""
    inside = inside or _is_function(node)
    for child in ast.iter_child_nodes(node):
        if inside:
            yield child
        yield from _inside_functions(child, inside)


def _test_problems(cell: Cell, lab: Lab) -> Iterator[str]:
    hidden = list(_hidden_problems(cell))
    yield from hidden
    if hidden or not all(_parses(answer) for answer in lab.answers.values()):
        return
    for source, part in ((cell.source, ""), (cell.visible, " when the hidden tests are taken out")):
        free = free_names(source) - lab.proxied_names
        if free:
            yield (f"uses {', '.join(sorted(free))}{part}, which it neither imports nor makes, and which no reference "
                   "answer defines")
            break
    taken = bound_names(cell.source) & lab.proxied_names
    if taken:
        yield f"binds {', '.join(sorted(taken))}, the name of an answer, and so would test itself"
    if f"checks.passed({cell.exercise!r})" not in map(ast.unparse, parse(cell.visible).body):
        yield f'must end its visible part with checks.passed("{cell.exercise}"), which tells the student that it passed'


def _parses(cell: Cell) -> bool:
    try:
        parse(cell.source)
    except SyntaxError:
        return False
    return True


def _hidden_problems(cell: Cell) -> Iterator[str]:
    if "checks.hidden" in cell.visible:
        yield f"checks.hidden() outside {HIDDEN_BEGIN!r}: students would see it"
    for block in regions(cell.source, HIDDEN_BEGIN, HIDDEN_END):
        text = "\n".join(block)
        try:
            body = ast.parse(textwrap.dedent(text)).body if text.lstrip("\n")[:1] not in " \t" else []
        except SyntaxError:
            body = []
        if len(body) != 1 or not _is_hidden_block(body[0]):
            yield "the hidden block must be exactly one unindented `with checks.hidden():` statement"
        elif any(_is_computed_text(node) for call in _checks_calls(body[0]) for node in ast.walk(call)):
            yield "a hidden check computes its message, which could tell the input: write a constant text"


def _checks_calls(block: ast.stmt) -> Iterator[ast.Call]:
    """Calls of the checks module, whose texts a student may see."""
    for node in ast.walk(block):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("checks."):
            yield node


def _is_computed_text(node: ast.AST) -> bool:
    """Whether this is an f-string, or a text put together by +, % or format."""
    def text(part: ast.AST) -> bool:
        return isinstance(part, ast.Constant) and isinstance(part.value, str)

    return (isinstance(node, ast.JoinedStr)
            or (isinstance(node, ast.BinOp) and (text(node.left) or text(node.right)))
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and text(node.func.value)))


def _is_hidden_block(statement: ast.stmt) -> bool:
    return (isinstance(statement, ast.With) and len(statement.items) == 1
            and ast.unparse(statement.items[0]) == "checks.hidden()")


def regions(source: str, begin: str, end: str) -> list[list[str]]:
    """The lines between each pair of markers."""
    found: list[list[str]] = []
    inside = False
    for line in source.split("\n"):
        if line.strip() == begin:
            inside = True
            found.append([])
        elif line.strip() == end:
            inside = False
        elif inside:
            found[-1].append(line)
    return found


def stubbed(source: str, stub: str) -> str:
    """The source with each solution region replaced by the stub, as nbgrader does it."""
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        if line.strip() == SOLUTION_BEGIN:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + stub_line for stub_line in stub.split("\n")]
        elif line.strip() == SOLUTION_END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def bound_names(source: str) -> set[str]:
    """Names that a cell binds at its top level, imports included."""
    table = symtable.symtable(ast.unparse(parse(source)), "<cell>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def may_raise(lab: Lab) -> set[Cell]:
    """The cells that stop with an exception as long as an answer is missing.

    Test cells, code cells that use an answer, and code cells that use what such a cell would have made. Cells that do
    not parse are left out.
    """
    readable = [cell for cell in lab.cells if cell.is_code and _parses(cell)]
    missing = {name for cell in readable if cell.role == "answer" for name in defined_names(cell.source)}
    cells = set()
    for cell in readable:
        if cell.role == "answer":
            continue
        if cell.role == "test" or free_names(cell.source) & missing:
            cells.add(cell)
            missing |= bound_names(cell.source) - imported_names(cell.source)
    return cells


def imported_names(source: str) -> set[str]:
    """Names that a cell imports at its top level."""
    table = symtable.symtable(ast.unparse(parse(source)), "<cell>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
