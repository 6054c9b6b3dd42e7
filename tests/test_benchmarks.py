"""The benchmark of the decks' figures finds the rows of every lecture."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "lectures").glob("*.py"))


@pytest.fixture()
def headlines(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("headlines")


def test_every_lecture_is_a_row(headlines: ModuleType) -> None:
    assert list(headlines.LECTURES) == [f"lecture-{path.stem}" for path in SOURCES]
    names = [*(row.name for row in headlines.ROWS), *headlines.LECTURES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_lecture_notes_what_a_deck_says_and_what_it_computed(path: Path) -> None:
    """Each entry of the ledger is (deck, what it says, what we compute)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    appended = [node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
                and isinstance(node.func.value, ast.Name) and node.func.value.id == "ledger"]
    listed = [entry for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
              and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "ledger" for entry in node.value.elts]
    entries = [*appended, *listed]
    assert len(entries) >= 9
    for entry in entries:
        assert isinstance(entry, ast.Tuple) and len(entry.elts) == 3, ast.unparse(entry)
        deck = entry.elts[0]
        assert isinstance(deck, ast.Constant) and set(deck.value.split()) <= set("GVKFN"), ast.unparse(entry)


def test_a_lectures_rows_are_printed_and_an_error_is_told(
        headlines: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "09_good.ipynb", tmp_path / "10_bad.ipynb"
    for path, source in ((good, "ledger = [('F', 'one and one is three', str(1 + 1))]"), (bad, "1 / 0")):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    headlines.print_lecture("lecture-09_good", good)
    printed = capsys.readouterr().out
    assert "one and one is three" in printed and "-> 2" in printed
    with pytest.raises(RuntimeError, match="10_bad.ipynb: ZeroDivisionError"):
        headlines.print_lecture("lecture-10_bad", bad)


def test_a_lecture_that_fails_costs_its_own_rows_only(
        headlines: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def print_lecture(name: str, path: Path) -> None:
        if name == "lecture-1":
            raise RuntimeError("1.ipynb: ZeroDivisionError")
        print(f"rows of {name}")

    monkeypatch.setattr(headlines, "print_lecture", print_lecture)
    monkeypatch.setattr(headlines, "LECTURES", {f"lecture-{n}": Path(f"{n}.ipynb") for n in (1, 2)})
    monkeypatch.setattr("sys.argv", ["headlines.py", "--only", "lecture-"])
    assert headlines.main() == 1
    printed = capsys.readouterr().out
    assert "FAILED lecture-1: 1.ipynb: ZeroDivisionError" in printed and "rows of lecture-2" in printed
