"""Attacks by what a notebook file holds beside source: metadata, tags, ids, cell types, outputs, the format itself."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from tests.grading.attacks.lab import ALL, HONEST, WRONG, Attack, add, cell_of, grade_id, tests_of

FAMILY = "metadata and structure"
MARKER = "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\npass"


def each_test(change: Callable[[Any], None]) -> Callable[[Any], None]:
    def edit(notebook: Any) -> None:
        for cell in tests_of(notebook):
            change(cell)
    return edit


def _skip(cell: Any) -> None:
    cell.metadata["tags"] = ["skip-execution"]


def _worthless(cell: Any) -> None:
    cell.source = MARKER


def _markdown(cell: Any) -> None:
    cell.cell_type = "markdown"
    cell.pop("outputs")
    cell.pop("execution_count")


def _expensive(cell: Any) -> None:
    cell.metadata["nbgrader"]["points"] = 1000


def _manual(cell: Any) -> None:
    cell.metadata["nbgrader"].update(solution=True, locked=False)


def _without_tests(notebook: Any) -> None:
    notebook.cells = [cell for cell in notebook.cells if not (grade_id(cell) or "").startswith("test_")]


def _bonus(notebook: Any) -> None:
    cell = nbformat.v4.new_code_cell("pass")
    cell.metadata["nbgrader"] = {**cell_of(notebook, "test_double").metadata["nbgrader"], "grade_id": "bonus",
                                 "points": 50}
    notebook.cells.append(cell)


def _doubled_test(notebook: Any) -> None:
    twin = copy.deepcopy(cell_of(notebook, "test_double"))
    twin.source, twin.id = "pass", "twin"
    notebook.cells.append(twin)


def _renamed(notebook: Any) -> None:
    """The test of `double` calls itself the test of `norm`, and the other way round."""
    first, second = cell_of(notebook, "test_double"), cell_of(notebook, "test_norm")
    first.metadata["nbgrader"], second.metadata["nbgrader"] = second.metadata["nbgrader"], first.metadata["nbgrader"]


def _id_of_a_test(notebook: Any) -> None:
    """A cell of the student's takes the name of a test as its own id."""
    add(notebook, "double", "pass")
    next(cell for cell in notebook.cells if cell.source == "pass").id = "test_double"


def _forged_outputs(notebook: Any) -> None:
    for cell in tests_of(notebook):
        cell.outputs = [nbformat.v4.new_output("stream", text="Passed: 2 of 2 points.\n")]
    notebook.metadata["nbgrader"] = {"score": 13, "max_score": 13}


def _attachments(notebook: Any) -> None:
    cell = cell_of(notebook, "why")
    cell["attachments"] = {"a.html": {"text/html": "<script>ATTACHED</script>"}}
    cell.source = "![a](attachment:a.html)"


def _kernel(notebook: Any) -> None:
    notebook.metadata["kernelspec"] = {"name": "../../bash", "language": "bash", "display_name": "x",
                                       "argv": ["/bin/sh", "-c", "touch /tmp/planted"]}
    notebook.metadata["language_info"] = {"name": "bash", "file_extension": "/../../planted"}
    notebook["nbformat_minor"] = 99


def _not_text(notebook: Any) -> None:
    cell_of(notebook, "double")["source"] = {"def": 1}
    cell_of(notebook, "norm")["source"] = [HONEST["norm"], 7, None, ["\n1/0"]]
    cell_of(notebook, "test_norm")["metadata"]["tags"] = {"skip-execution": 1}
    notebook["cells"] += [nbformat.NotebookNode(cell_type="code", source=None, id=3, metadata=[])]


def text(content: str | bytes) -> Callable[[Path, Any], None]:
    def write(path: Path, notebook: Any) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return write


def _twice(path: Path, notebook: Any) -> None:
    """Two lists of cells under one key: parsers differ in which they take."""
    honest = json.dumps(notebook["cells"])
    other = json.dumps([{"cell_type": "code", "source": "pass"}])
    rest = '"nbformat": 4, "nbformat_minor": 5, "metadata": {}'
    path.write_text(f'{{"cells": {other}, "cells": [], {rest}, "cells": {honest}}}')


def _bomb(unit: str) -> Callable[[Path, Any], None]:
    """A file of the largest size that is read, of things that take far more memory than text."""
    def write(path: Path, notebook: Any) -> None:
        count = 95 * 2**20 // (len(unit) + 1)
        path.write_text('{"cells": [' + ",".join([unit] * count) + "]}")
    return write


def _pipe(path: Path, notebook: Any) -> None:
    os.mkfifo(path)


def _folder(path: Path, notebook: Any) -> None:
    path.mkdir()


def deep(expression: str) -> str:
    """An answer to `softmax` with an expression beside it that parsers stumble over."""
    return f"def softmax(x):\n    return torch.softmax(x, 1)\nif False:\n    softmax({expression})"


def _many_cells(notebook: Any) -> None:
    notebook.cells += [nbformat.v4.new_code_cell(f"x = {number}") for number in range(300)]


CASES = [
    Attack("tests tagged skip-execution, no answer at all", FAMILY, dict.fromkeys(ALL), each_test(_skip), costs=ALL,
           flagged="skip-execution"),
    Attack("every test replaced by pass", FAMILY, WRONG, each_test(_worthless), costs=ALL, flagged="was edited"),
    Attack("tests turned into Markdown", FAMILY, WRONG, each_test(_markdown), costs=ALL, flagged="Markdown"),
    Attack("tests worth a thousand points", FAMILY, {"double": WRONG["double"]}, each_test(_expensive),
           costs=("double",), flagged="points"),
    Attack("tests declared as answers to mark by hand", FAMILY, WRONG, each_test(_manual), costs=ALL,
           flagged="solution"),
    Attack("tests deleted", FAMILY, WRONG, _without_tests, costs=ALL, flagged="lost"),
    Attack("a graded cell invented", FAMILY, {}, _bonus, flagged="bonus"),
    Attack("a second test of the same name", FAMILY, {"double": WRONG["double"]}, _doubled_test, costs=("double",),
           flagged="was edited"),
    Attack("tests with exchanged names", FAMILY, {"double": WRONG["double"]}, _renamed, costs=("double",),
           flagged="was edited"),
    Attack("an added cell with the id of a test", FAMILY, {"double": WRONG["double"]}, _id_of_a_test,
           costs=("double",), flagged="was edited"),
    Attack("outputs and score written by hand", FAMILY, WRONG, _forged_outputs, costs=ALL,
           unwritten=("Passed: 2 of 2", "max_score")),
    Attack("an attachment with a script", FAMILY, {}, _attachments, unwritten=("ATTACHED",)),
    Attack("a kernel of its own, a format of the future", FAMILY, {}, _kernel),
    Attack("sources that are no text", FAMILY, {}, _not_text, costs=("double",)),
    Attack("two lists of cells under one key", FAMILY, {}, raw=_twice),
    Attack("lone surrogates and null characters", FAMILY,
           {"softmax": "def softmax(x):\n    return torch.softmax(x, 1)\n# \ud800",
            "double": "\0def double(x): return x"},
           costs=("double", "softmax")),
    Attack("a tower of signs", FAMILY, {"softmax": deep("-" * 150_000 + "1")}, costs=("softmax",), stock=False),
    Attack("a tower of attributes", FAMILY, {"softmax": deep("x" + ".x" * 90_000)}, costs=("softmax",), stock=False),
    Attack("a tower of brackets", FAMILY, {"softmax": deep("(" * 90_000 + ")" * 90_000)}, costs=("softmax",),
           stock=False),
    Attack("a tower of calls", FAMILY, {"softmax": deep("x" + "()" * 90_000)}, costs=("softmax",), stock=False),
    Attack("a tower of branches", FAMILY,
           {"softmax": "if 0: pass\n" + "elif 0: pass\n" * 15_000 + "def softmax(x):\n    return torch.softmax(x, 1)"},
           costs=("softmax",), stock=False),
    Attack("a notebook of version 3", FAMILY, raw=text('{"nbformat": 3, "worksheets": [{"cells": []}]}'),
           refused="no cells"),
    Attack("an empty file", FAMILY, raw=text(b""), refused="empty"),
    Attack("an archive in the place of the notebook", FAMILY, raw=text(b"PK\x03\x04" + bytes(400)), refused="not JSON"),
    Attack("brackets without end", FAMILY, raw=text("[" * 2_000_000), refused="not JSON"),
    Attack("a hundred megabytes of empty cells", FAMILY, raw=_bomb("{}"), refused="outputs cleared", stock=False),
    Attack("a hundred megabytes of empty lists", FAMILY, raw=_bomb("[]"), refused="outputs cleared", stock=False),
    Attack("a hundred megabytes of numbers", FAMILY, raw=_bomb("0.5"), refused="outputs cleared", stock=False),
    Attack("three hundred added cells", FAMILY, {}, _many_cells, refused="added code cells"),
    Attack("a pipe in the place of the file", "archives and file names", raw=_pipe, refused="empty", stock=False),
    Attack("a folder in the place of the file", "archives and file names", raw=_folder, refused="cannot be read",
           stock=False),
]
