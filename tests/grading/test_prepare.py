"""From a stranger's file to a job: source only, in our order; what is odd is noted; what is no notebook is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from course_staff.grading.job import Job
from course_staff.grading.prepare import Unreadable, prepare
from tests.grading.conftest import MiniLab

DOUBLE = "def double(x):\n    return x + x"


def job(mini: MiniLab, path: Path) -> Job:
    return prepare(mini.lab, mini.release, path, "someone")


def order(found: Job) -> list[str]:
    return [f"{step.kind} {step.exercise or ('added' if step.added else '-')}" for step in found.steps]


def test_cells_and_tests_interleave_in_notebook_order(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    found = job(mini, hand_in(double=DOUBLE))
    assert order(found) == ["run -", "run double", "test double", "run norm", "test norm", "run -"]
    assert found.unchanged == ("norm",) and not found.notes
    assert found.written == {"why": ""}


def test_tests_are_ours_with_their_hidden_part(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "test_double")
        cell.source = "pass"
        cell.metadata.nbgrader.points = 1000

    found = job(mini, hand_in(edit, double=DOUBLE))
    test = next(step for step in found.steps if step.kind == "test" and step.exercise == "double")
    assert "checks.hidden()" in test.source and test.points == 2
    assert any("test_double" in note and "edited" in note for note in found.notes)


def test_only_names_of_the_reference_are_proxied(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    names = {step.exercise: step.names for step in job(mini, hand_in()).steps if step.kind == "test"}
    assert names == {"double": ("double",), "norm": ("norm",)}


def test_added_cells_run_in_their_place(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "norm")
        notebook.cells.insert(place, nbformat.v4.new_code_cell("helper = 1"))
        notebook.cells.insert(place, nbformat.v4.new_markdown_cell("<img src=x onerror=alert(1)>"))
        notebook.cells.insert(0, nbformat.v4.new_code_cell("first = 1"))

    found = job(mini, hand_in(edit))
    assert order(found) == ["run added", "run -", "run double", "test double", "run added", "run norm", "test norm", "run -"]
    assert "onerror" not in str(found.steps)


def test_a_doubled_cell_the_one_with_an_answer_counts(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    for position in (0, 1):
        def edit(notebook: nbformat.NotebookNode, position: int = position) -> None:
            place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "double")
            copy = nbformat.v4.new_code_cell(DOUBLE, metadata=notebook.cells[place].metadata)
            notebook.cells.insert(place + position, copy)

        found = job(mini, hand_in(edit))
        assert next(step.source for step in found.steps if step.exercise == "double") == DOUBLE
        assert any("2 times" in note for note in found.notes)


def test_a_lost_cell_is_noted_and_stops_nothing(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in ("double", "why")]

    found = job(mini, hand_in(edit))
    assert found.missing == ("double",) and found.written == {"why": None}
    assert "test double" in order(found) and len(found.notes) == 2


def test_reordered_cells_change_nothing(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    straight = job(mini, hand_in(double=DOUBLE))
    reordered = job(mini, hand_in(lambda notebook: notebook.cells.reverse(), double=DOUBLE))
    assert straight.steps == reordered.steps


def test_an_edited_set_up_cell_runs_after_ours(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        cell = next(c for c in notebook.cells if "import torch" in c.source)
        cell.source = "checks = None"

    found = job(mini, hand_in(edit))
    sources = [step.source for step in found.steps]
    assert sources.index("checks = None") == 1 and "import torch" in sources[0]
    assert any("set-up" in note for note in found.notes)


def test_an_edited_experiment_is_the_students(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        cell = next(c for c in notebook.cells if "an experiment" in c.source)
        cell.source = "print('my own experiment')"

    assert job(mini, hand_in(edit)).steps[-1].source == "print('my own experiment')"


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "not JSON": (b"PK\x03\x04 a zip", "not JSON"),
    "cut off": (b'{"cells": [', "not JSON"),
    "not UTF-8": (b"\xff\xfe\x00", "not JSON"),
    "nested": (b"[" * 200_000, "not JSON"),
    "a list": (b"[1, 2]", "no cells"),
    "no cells": (b'{"cells": 3}', "no cells"),
    "another notebook": (json.dumps({"cells": [{"cell_type": "code", "source": "1"}]}).encode(), "another lab"),
    "strange cells": (json.dumps({"cells": [1, None, {"source": {"a": 1}, "metadata": [], "id": 4}]}).encode(), "another lab"),
}


@pytest.mark.parametrize(("data", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_notebook_of_this_lab_gets_one_clear_line(mini: MiniLab, tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "90_mini.ipynb"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=says) as caught:
        job(mini, path)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_source_as_a_list_of_lines_and_other_honest_forms(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    path = hand_in(double=DOUBLE)
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        cell.pop("id", None)  # as an older Jupyter saves it
    path.write_text(json.dumps(notebook))
    found = job(mini, path)
    assert next(step.source for step in found.steps if step.exercise == "double") == DOUBLE


def test_a_cell_of_a_million_characters_is_cut(mini: MiniLab, hand_in: Callable[..., Path]) -> None:
    found = job(mini, hand_in(double="#" * 1_000_000))
    assert max(len(step.source) for step in found.steps) <= 200_000 and any("cut" in note for note in found.notes)
