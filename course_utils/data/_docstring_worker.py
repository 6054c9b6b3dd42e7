"""Reads the documentation out of Python files; run as a script, in as many processes as there are cores.

Imports the standard library only, so that a process starts in milliseconds: `python -I _docstring_worker.py` reads the
paths from standard input, one a line, and writes for each a JSON string in one line: the words, a paragraph a line.
"""

import ast
import json
import re
import sys
import warnings
from collections.abc import Iterator

# A word, or a name such as float32 or n_jobs, but nothing out of the middle of 2d or __init__.
WORD = re.compile(r"(?<!\w)[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# What NumPy and torch document from outside: functions written in C.
DOCUMENTING = {"add_newdoc", "add_docstr", "_add_docstr"}


def words_of(source: str) -> str:
    """The words of all documentation in a Python file, in lower case between spaces, a paragraph a line."""
    if '"""' not in source and "'''" not in source:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's files
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # templates, and files for another version of Python
    return "".join(paragraphs(text) for text in docstrings(module.body, module))


def docstrings(body: list[ast.stmt], owner: ast.AST | None = None) -> Iterator[str]:
    """The docstring of `owner`, of every class and function in it, and what is documented from outside, as written."""
    if owner is not None and body and (text := _string(body[0])):
        yield text
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from docstrings(statement.body, statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            yield from _from_outside(statement.value)
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            yield from docstrings(statement.body)
            yield from docstrings(getattr(statement, "orelse", []))


def paragraphs(text: str) -> str:
    """Lower-case words, a paragraph a line; examples after ">>>" are left out, to the next empty line."""
    lines: list[str] = []
    found: list[str] = []
    example = False
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if not stripped:
            example = False
            if lines:
                words = WORD.findall(" ".join(lines).lower())
                if len(words) > 1:
                    found.append(" ".join(words) + "\n")
                lines = []
        elif stripped.startswith(">>>"):
            example = True
        elif not example:
            lines.append(stripped)
    return "".join(found)


def _string(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None


def _from_outside(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in DOCUMENTING:
        for argument in call.args:
            strings = [node for node in ast.walk(argument) if isinstance(node, ast.Constant)]
            for node in sorted(strings, key=lambda node: (node.lineno, node.col_offset)):
                if isinstance(node.value, str) and "\n" in node.value:
                    yield node.value


def read(path: str) -> str:
    """The words of one file; none if it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return words_of(file.read())
    except (OSError, UnicodeDecodeError):
        return ""


if __name__ == "__main__":
    for path in sys.stdin.buffer.read().decode("utf-8").split("\n"):
        if path:
            print(json.dumps(read(path)))
