"""Finding calls that an exercise does without, in the text of an answer.

Plain use is found and fails the exercise. What could hide a use is only reported, for a human to read: no program can
follow all that Python can do.
"""

from __future__ import annotations

import ast
import functools
import symtable
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

EVASIONS = {"getattr", "setattr", "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "importlib",
            "import_module", "attrgetter", "methodcaller", "get_ipython", "run_cell", "modules", "ops", "builtins",
            "ctypes", "__dict__", "__getattribute__"}
# Where an import from a module says nothing about evasion; a module that the student wrote to disk is another matter.
KNOWN_MODULES = ({"torch", "numpy", "scipy", "course_utils", "matplotlib", "sklearn", "tqdm", "IPython", "PIL"}
                 | set(sys.stdlib_module_names) - {"importlib", "ctypes", "builtins", "sys"})
ON_MODULES = {"modules", "ops", "compile"}  # these are evasions on a module only; elsewhere they are ordinary names
PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}  # cell magics with Python below them
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True)
class Source:
    """The text behind a name.

    code: its definition, those of the helpers it reads, and the imports. beside: earlier definitions of these names,
    and values put into attributes and entries, which the code may use in a way that reading does not show.
    unread: something that could define the name is no Python, or nothing defines it.
    """

    code: str
    beside: str = ""
    unread: bool = False


def find_forbidden(source: Source, forbidden: Sequence[str]) -> tuple[list[str], list[str]]:
    """Forbidden names that an answer uses, and ways in which it could hide one.

    forbidden: dotted names such as "torch.softmax". A last name counts on anything: "torch.softmax" also finds
    `F.softmax(x)` and `x.softmax(1)`. Returns (used, suspicious), each without repeats, in order; `used` has the last
    names, since which module they came from is not looked at.
    """
    used, suspicious = _uses(source.code, forbidden)
    hidden, _ = _uses(source.beside, forbidden)
    suspicious += [f"{name} in a place beside it" for name in hidden]
    return used, suspicious + ["a cell that could not be read"] * source.unread


def _uses(code: str, forbidden: Sequence[str]) -> tuple[list[str], list[str]]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [], ["a text that is no Python"]
    last = {name.rsplit(".", 1)[-1] for name in forbidden}
    nodes = list(ast.walk(tree))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    imported = {alias.asname or alias.name: alias.name for node in imports for alias in node.names}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    anything = "*" in imported
    modules = {_alias(alias) for node in nodes if isinstance(node, ast.Import) for alias in node.names} - {"re"}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} \
        & {*ON_MODULES, "vars"}
    used: dict[str, None] = {}
    suspicious: dict[str, None] = {}
    for module in [node.module or "" for node in imports]:
        if module.split(".")[0] not in KNOWN_MODULES:
            suspicious[f"an import from {module}"] = None
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if node.attr in last:
                used[node.attr] = None
            elif node.attr in EVASIONS and (node.attr not in ON_MODULES or _is_module(node.value, modules)):
                suspicious[node.attr] = None
        elif isinstance(node, ast.Name):
            original = imported.get(node.id, node.id if anything and node.id not in defined else None)
            if original in last:
                used[original] = None
            elif node.id in forbidden:  # without a module before it: one of Python's own
                used[node.id] = None
            if (node.id in EVASIONS and node.id not in stored) or original in EVASIONS:
                suspicious[node.id] = None
        elif isinstance(node, ast.MatMult) and "@" in forbidden:
            used["@"] = None
    return list(used), list(suspicious)


def _is_module(node: ast.expr, modules: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in modules


def notebook_source(name: str) -> Source:
    """The text behind `name` in this notebook: what the cells run so far say of it and of the helpers it reads.

    The examiner reads the text it holds itself; this one serves the student's own run.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return relevant_source(name, shell.user_ns.get("In", []) if shell else [])


def relevant_source(name: str, cells: Iterable[str]) -> Source:
    """Of `cells`, in the order in which they ran, what stands behind `name`."""
    last: dict[str, ast.stmt] = {}
    earlier: dict[str, list[ast.stmt]] = defaultdict(list)
    beside: dict[ast.stmt, None] = {}
    imports: dict[ast.Import | ast.ImportFrom, None] = {}
    unread = False
    for cell in cells:
        try:
            statements = _statements(cell)
        except SyntaxError:
            continue  # it did not run either
        except (ValueError, RecursionError, MemoryError):
            unread = unread or name in cell
            continue
        for node in statements:
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports[node] = None
            elif _stores_elsewhere(node):
                beside[node] = None
            for bound in _bound(node):
                if bound in last:
                    earlier[bound].append(last[bound])
                last[bound] = node
    found: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found or current not in last:
            continue
        found[current] = last[current]
        waiting += _reads(last[current])
    anything = [node for node in imports if any(alias.name == "*" for alias in node.names)]
    code = [_text(node) for node in dict.fromkeys([*anything, *found.values()])]
    if isinstance(last.get(name), ast.Import | ast.ImportFrom):
        code.append(name)  # the answer is the import itself
    beside |= {node: None for bound in found for node in earlier[bound]}
    others = [_text(node) for node in beside if node not in found.values() and node not in imports]
    return Source("\n".join(code), "\n".join(others), unread or not found)


@functools.lru_cache(256)  # several exercises of a lab read the same cells
def _statements(cell: str) -> tuple[ast.stmt, ...]:
    return tuple(_flat(ast.parse(_python(cell)).body))


def _python(cell: str) -> str:
    """The Python of a cell, with magics and shell lines turned into calls as IPython does it."""
    first, _, rest = cell.lstrip().partition("\n")
    if first.startswith("%%"):
        cell = rest if first[2:].split(" ")[0].strip() in PYTHON_MAGICS else ""
    return TransformerManager().transform_cell(cell)


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, and those inside if, try, for and with, but not inside functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in _BLOCKS:
                yield from _flat(getattr(node, block, []))


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "("  # no Python, so it is reported


def _alias(alias: ast.alias) -> str:
    return alias.asname or alias.name.split(".")[0]


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement binds, in whatever way; those of statements inside it are theirs."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name, *(name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names)}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {_alias(alias) for alias in node.names}
    parts = [part for field, value in ast.iter_fields(node) if field not in _BLOCKS
             for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST)]
    return {name.id for part in parts for name in ast.walk(part)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


def _stores_elsewhere(node: ast.stmt) -> bool:
    """Whether this is an assignment to an attribute or an entry: torch.mine = …, table["s"] = …"""
    return isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and any(
        isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store) for part in ast.walk(node))


def _reads(node: ast.stmt) -> list[str]:
    """Names that a definition takes from the notebook: not its parameters, not its local variables."""
    found: set[str] = set()
    try:
        scopes = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError):  # a part of a statement, such as an except clause
        return [name.id for name in ast.walk(node) if isinstance(name, ast.Name)]
    while scopes:
        scope = scopes.pop()
        outermost = scope.get_type() == "module"
        found |= {name.get_name() for name in scope.get_symbols()
                  if name.is_referenced() and (name.is_global() or outermost)}
        scopes += scope.get_children()
    return sorted(found)
