"""Finding calls that an exercise does without, in the text of an answer."""

from __future__ import annotations

import ast
import symtable
import sys
from collections.abc import Iterable, Sequence

EVASIONS = {"getattr", "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "importlib", "attrgetter",
            "methodcaller", "import_module"}


def find_forbidden(source: str, forbidden: Sequence[str]) -> tuple[list[str], list[str]]:
    """Forbidden names that `source` uses, and ways it could hide one.

    source: Python text; text that does not parse uses nothing. forbidden: dotted names such as "torch.softmax".
    A last name counts on anything: "torch.softmax" also finds `F.softmax(x)` and `x.softmax(1)`.
    Returns (used, suspicious), each without repeats, in order.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return [], []
    last = {name.rsplit(".", 1)[-1]: name for name in forbidden}
    imported: dict[str, str] = {}
    used: dict[str, None] = {}
    suspicious: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in last:
            used[last[node.attr]] = None
        elif isinstance(node, ast.Name):
            original = imported.get(node.id)
            if original in last or (node.id in last and "." not in last[node.id]):
                used[last[original if original in last else node.id]] = None
            if node.id in EVASIONS or original in EVASIONS:
                suspicious[node.id] = None
        elif isinstance(node, ast.Attribute) and node.attr in EVASIONS | {"__dict__", "__getattribute__"}:
            suspicious[node.attr] = None
        elif isinstance(node, ast.MatMult) and "@" in forbidden:
            used["@"] = None
    return list(used), list(suspicious)


def notebook_source(name: str) -> str:
    """The text behind `name` in this notebook: the last cells that define it and the helpers it reads.

    Empty outside IPython. The examiner uses the text it holds itself; this one serves the student's own run.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return relevant_source(name, shell.user_ns.get("In", []) if shell else [])


def relevant_source(name: str, cells: Iterable[str]) -> str:
    """Of `cells`, the last that defines `name`, and those that define helpers which it reads, one after another.

    Import lines of all cells are kept: they tell what a short name stands for.
    """
    definitions: dict[str, ast.stmt] = {}
    imports: list[ast.stmt] = []
    for cell in cells:
        # Magics such as %%time and %matplotlib are no Python; what stands below them is.
        lines = ["" if line.startswith(("%", "!")) else line for line in cell.split("\n")]
        try:
            body = ast.parse("\n".join(lines)).body
        except SyntaxError:
            continue
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(node)
            for bound in _bound(node):
                definitions[bound] = node
    found: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found or current not in definitions:
            continue
        found[current] = definitions[current]
        waiting += _reads(definitions[current])
    return "\n".join(ast.unparse(node) for node in [*imports, *found.values()])


def _reads(node: ast.stmt) -> list[str]:
    """Names that a definition takes from the notebook: not its parameters, not its local variables."""
    found: set[str] = set()
    scopes = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    while scopes:
        scope = scopes.pop()
        outermost = scope.get_type() == "module"
        found |= {name.get_name() for name in scope.get_symbols()
                  if name.is_referenced() and (name.is_global() or outermost)}
        scopes += scope.get_children()
    return sorted(found)


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
