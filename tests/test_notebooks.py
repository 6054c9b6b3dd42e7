"""Every notebook runs from top to bottom on a machine without a GPU and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks import LABS, LECTURES, SOLUTIONS, errors, run


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", [*LECTURES, *SOLUTIONS], ids=lambda path: f"{path.parts[-2]}/{path.name}")
def test_lectures_and_solutions_run_without_an_error_or_a_warning(path: Path, tmp_path: Path) -> None:
    notebook = run(path, tmp_path)
    assert not errors(notebook)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("image/png" in output.data for output in shown), "not a single figure came"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", LABS, ids=lambda path: path.name)
def test_a_released_lab_runs_to_its_end_and_says_what_to_write(path: Path, tmp_path: Path) -> None:
    notebook = run(path, tmp_path)
    found = errors(notebook)
    assert found, "an untouched lab that raises nothing has nothing to do"
    unexpected = [line for line in found if "Unanswered" not in line and "NameError" not in line]
    assert not unexpected
    # A cell that needs what an unanswered one would have made may lack a name; a check never does.
    tests = {cell.id for cell in notebook.cells if cell.id.startswith("test_")}
    stopped = {line.split(":")[0] for line in found if "Unanswered" in line}
    assert tests and tests <= stopped
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error" and output.ename == "Unanswered":
                assert len(output.traceback) == 1 and len(output.traceback[0].splitlines()) <= 3, "a few kind lines"


def test_there_are_notebooks() -> None:
    assert len(LECTURES) >= 2 and len(SOLUTIONS) >= 2 and len(LABS) >= 2
