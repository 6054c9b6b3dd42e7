"""Mutants: the reference answer with one small slip put in by a machine.

A test that no mutant survives looks at every part of the answer. Only code between the solution markers is mutated:
the rest is given to the student.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from course_staff.lab import SOLUTION_BEGIN, SOLUTION_END

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_COMPARE_FLIPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}


@dataclass(frozen=True)
class Mutant:
    """One mutant. `change` reads "statement -> changed statement" and is how a survivor is named."""

    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All mutants of an answer cell, without repeats."""
    tree = ast.parse(source)
    lines = _solution_lines(source)
    found: dict[str, Mutant] = {}
    seen = {ast.unparse(tree)}
    for path, node in _walk(tree, ()):
        line = getattr(node, "lineno", None)
        if line is None or line not in lines:
            continue
        for replacement in _replacements(node):
            mutated = copy.deepcopy(tree)
            _put(mutated, path, replacement)
            ast.fix_missing_locations(mutated)
            try:
                text = ast.unparse(mutated)
                compile(text, "<mutant>", "exec")
            except (SyntaxError, ValueError):
                continue
            if text in seen:
                continue
            seen.add(text)
            change = _describe(tree, mutated, path)
            found.setdefault(change, Mutant(change, text))
    return list(found.values())


def _solution_lines(source: str) -> set[int]:
    lines, inside = set(), False
    for number, line in enumerate(source.split("\n"), start=1):
        if line.strip() == SOLUTION_BEGIN:
            inside = True
        elif line.strip() == SOLUTION_END:
            inside = False
        elif inside:
            lines.add(number)
    return lines


Path = tuple[tuple[str, int | None], ...]


def _walk(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    """Every node that can be replaced, with the way to it. Docstrings, annotations and f-strings are left alone."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "ctx", "op", "ops", "type_params") or isinstance(node, ast.JoinedStr):
            continue
        children = (
            [(None, value)] if isinstance(value, ast.AST) else list(enumerate(value)) if isinstance(value, list) else []
        )
        for index, child in children:
            if not isinstance(child, ast.AST):
                continue
            if (
                isinstance(child, ast.Expr)
                and isinstance(child.value, ast.Constant)
                and isinstance(child.value.value, str)
            ):
                continue
            here = (*path, (name, index))
            yield here, child
            yield from _walk(child, here)


def _put(tree: ast.AST, path: Path, replacement: ast.AST) -> None:
    *way, (name, index) = path
    node = _at(tree, tuple(way))
    if index is None:
        setattr(node, name, replacement)
    else:
        getattr(node, name)[index] = replacement


def _at(tree: ast.AST, path: Path) -> ast.AST:
    for name, index in path:
        value = getattr(tree, name)
        tree = value if index is None else value[index]
    return tree


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign):
        if type(node.op) in _SWAPS:
            yield _with(node, op=_SWAPS[type(node.op)]())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
            yield _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=_SWAPS[type(node.op)]())
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for table in (_SWAPS, _COMPARE_FLIPS):
            if type(node.ops[0]) in table:
                yield _with(node, ops=[table[type(node.ops[0])]()])
    if isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _constants(node.value))
    if isinstance(node, ast.If | ast.IfExp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return | ast.Raise | ast.Break | ast.Continue):
        yield ast.Pass()


def _constants(value: object) -> Iterator[int | float]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
    elif isinstance(value, float):
        yield value * 2 if value else 1.0
        yield value / 2 if value else -1.0


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    for index in range(len(node.keywords)):
        yield _with(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])
    if len(node.args) >= 2 and not any(isinstance(arg, ast.Starred) for arg in node.args):
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    if not node.args and isinstance(node.func, ast.Attribute):
        yield node.func.value


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _describe(before: ast.AST, after: ast.AST, path: Path) -> str:
    """The innermost statement that changed, before and after; of a compound statement only its first line."""
    for length in range(len(path), 0, -1):
        old, new = _at(before, path[:length]), _at(after, path[:length])
        if isinstance(old, ast.stmt):
            return f"{_first_line(old)} -> {_first_line(new)}"
    return f"{ast.unparse(before)} -> {ast.unparse(after)}"


def _first_line(node: ast.AST) -> str:
    text = ast.unparse(node)
    lines = text.split("\n")
    first = next((line for line in lines if not line.startswith("@")), lines[0])
    return (
        first
        if len(lines) == 1
        or isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If | ast.For | ast.While | ast.With | ast.Try)
        else text
    )
