"""Script to notebook and back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from course_staff.authoring import notebooks
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

ROOT = Path(__file__).parents[2]
REAL = sorted([*ROOT.glob("lectures/*.py"), *ROOT.glob("solutions/*/*.py")])


def build(text: str, graded: bool = True) -> nbformat.NotebookNode:
    return notebooks.from_lab(Lab.from_text(text, "lab"), graded=graded)


def lab_text(course: Course) -> str:
    return course.solution("01_small").read_text()


def by_id(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in notebook.cells}


def test_same_script_same_bytes(course: Course) -> None:
    first, second = (notebooks.text_of(build(lab_text(course))) for _ in range(2))
    assert first == second
    assert first.endswith("}\n") and not first.endswith("\n\n")
    assert json.dumps(json.loads(first), sort_keys=True, indent=1, ensure_ascii=False) + "\n" == first


def test_notebook_is_valid_and_bare(course: Course) -> None:
    notebook = build(lab_text(course))
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"course", "kernelspec", "language_info"}
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    assert not any("lines_to_next_cell" in cell.metadata for cell in notebook.cells)


def test_finishing_drops_outputs_and_what_front_ends_noted(course: Course) -> None:
    clean = build(lab_text(course))
    used = notebooks.parsed(notebooks.text_of(clean).encode())
    for cell in used.cells:
        cell.metadata.trusted = True
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    assert notebooks.text_of(notebooks.finished(used.cells)) == notebooks.text_of(clean)


def test_nbgrader_accepts_the_metadata(course: Course) -> None:
    notebook = build(lab_text(course))
    MetadataValidator().validate_nb(notebook)
    kinds = {
        cell.id: tuple(cell.metadata.nbgrader.get(key) for key in ("solution", "grade", "locked", "points"))
        for cell in notebook.cells
        if "nbgrader" in cell.metadata and cell.metadata.nbgrader.grade_id != "setup"
    }
    assert kinds == {
        "softmax": (True, False, False, None),
        "test_softmax": (False, True, True, 3),
        "loss": (True, False, False, None),
        "test_loss": (False, True, True, 2.5),
        "experiment": (True, True, False, 4),
    }
    setup = next(cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", ()))
    assert setup.metadata.nbgrader.grade_id == "setup"
    assert setup.metadata.nbgrader.locked and not setup.metadata.nbgrader.grade


def test_a_lecture_has_no_nbgrader_metadata(course: Course) -> None:
    notebook = build(course.lecture("01_small").read_text(), graded=False)
    assert not any("nbgrader" in cell.metadata for cell in notebook.cells)
    assert notebook.cells[0].metadata.slideshow.slide_type == "slide"
    assert notebook.cells[1].source.startswith("%matplotlib inline\n")


def test_cells_that_may_raise_are_tagged_and_no_others(course: Course) -> None:
    notebook = build(lab_text(course))
    tagged = [cell.source for cell in notebook.cells if "raises-exception" in cell.metadata.get("tags", ())]
    assert len(tagged) == 4
    assert [source for source in tagged if "checks." not in source] == [
        "curve = [float(loss(torch.eye(3) * scale, torch.arange(3))) for scale in range(5)]",
        "print(curve)",  # it uses what the cell above would have made
    ]


def test_editing_one_cell_changes_one_id(course: Course) -> None:
    text = lab_text(course)
    before = build(text)
    for old, new in [("# # A small lab", "# # A lab"), ("print(curve)", "print(curve[0])")]:
        after = build(text.replace(old, new))
        assert len(before.cells) == len(after.cells)
        assert sum(a.id != b.id for a, b in zip(before.cells, after.cells, strict=True)) == 1
    after = build(text.replace("exp = shifted.exp()", "exp = torch.exp(shifted)"))
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells], "an answer keeps its grade id"


def test_repeated_cells_get_numbered_ids() -> None:
    ids = [cell.id for cell in build("# %%\nx = 1\n\n# %%\nx = 1\n\n# %% [markdown]\n# x = 1\n\n# %%\nx = 1\n").cells]
    assert re.fullmatch("[0-9a-f]{8}", ids[0])
    assert ids[1] == f"{ids[0]}-2" and ids[3] == f"{ids[0]}-3"
    assert not ids[2].startswith(ids[0]), "the type of a cell is part of its id"


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_real_scripts_survive_the_round_trip(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    graded = path.parent.name != "lectures"
    notebook = notebooks.parsed(notebooks.text_of(build(text, graded)).encode())
    assert notebooks.to_script(notebook, text, path.stem, graded=graded) == text
    # Without the old script at hand, the headers and sources survive; only the spelling may differ.
    again = notebooks.to_script(notebook, "", path.stem, graded=graded)
    assert notebooks.content(build(again, graded)) == notebooks.content(build(text, graded))


def test_round_trip_without_the_old_script_restores_every_header(course: Course) -> None:
    for path, graded in [(course.lecture("01_small"), False), (course.solution("01_small"), True)]:
        text = path.read_text()
        again = notebooks.to_script(build(text, graded), "", "lab", graded=graded)
        # The canonical order of a header and one blank line between cells.
        expected = text.replace('needs=["softmax"] test="loss" points=2.5', 'test="loss" points=2.5 needs=["softmax"]')
        assert again == expected.replace("\n\n\n# %%", "\n\n# %%")


def test_an_edit_touches_only_its_own_cell_of_the_script(course: Course) -> None:
    text = lab_text(course)
    notebook = build(text)
    by_id(notebook)["test_loss"].source += "\nchecks.shape(loss(torch.eye(3), torch.arange(3)), (), 'loss')"
    by_id(notebook)["loss"].source = by_id(notebook)["loss"].source.replace("Mean", "The mean")
    notebook.cells[0].source = "# A small lab\n\n%time is no magic here"
    expected = text.replace("# # A small lab", "# # A small lab\n#\n# %time is no magic here")
    expected = expected.replace("Mean", "The mean").replace(
        'checks.passed("loss")', 'checks.passed("loss")\nchecks.shape(loss(torch.eye(3), torch.arange(3)), (), \'loss\')'
    )
    assert notebooks.to_script(notebook, text, "lab", graded=True) == expected


def test_new_moved_and_deleted_cells_are_carried(course: Course) -> None:
    text = lab_text(course)
    notebook = build(text)
    new = nbformat.v4.new_code_cell("%timeit 1 + 1\nprint(2)")
    new.metadata.slideshow = {"slide_type": "fragment"}
    notebook.cells.insert(1, new)
    notebook.cells.append(nbformat.v4.new_code_cell(""))  # as JupyterLab leaves one behind
    removed = next(i for i, cell in enumerate(notebook.cells) if cell.source == "print(curve)")
    del notebook.cells[removed]
    script = notebooks.to_script(notebook, text, "lab", graded=True)
    expected = text.replace('# %% slide="skip"\nprint(curve)\n\n', "").replace(
        '# %% tags=["setup"]', '# %% slide="fragment"\n# %timeit 1 + 1\nprint(2)\n\n# %% tags=["setup"]'
    )
    assert script == expected


def test_a_test_cell_made_in_the_notebook_gets_its_header() -> None:
    notebook = build("# %% [markdown]\n# text\n")
    for source, grade_id, points in [("def f():\n    return 1", "f", None), ("assert f() == 1", "test_f", 2)]:
        graded = {"cell_type": "code", "grade": points is not None, "grade_id": grade_id, "locked": points is not None,
                  "schema_version": 3, "solution": points is None, "task": False}
        if points:
            graded["points"] = points
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"nbgrader": graded}))
    script = notebooks.to_script(notebook, "", "lab", graded=True)
    assert '# %% answer="f"\ndef f():' in script and '# %% test="f" points=2\nassert f() == 1' in script


def test_what_a_script_cannot_say_is_refused() -> None:
    text = "# %% [markdown]\n# text\n"
    pasted = build(text)
    pasted.cells[0].attachments = {"image.png": {"image/png": "AAAA"}}
    raw = build(text)
    raw.cells.append(nbformat.v4.new_raw_cell("raw"))
    task = build(text)
    task.cells[0].metadata.nbgrader = {"task": True, "grade_id": "t", "grade": False, "solution": False, "locked": True}
    for notebook, message in [(pasted, "picture"), (raw, "raw cell"), (task, "task cells")]:
        with pytest.raises(CourseError, match=message):
            notebooks.to_script(notebook, text, "lab", graded=True)


@pytest.mark.parametrize("source", ["x = 1\n# %%\ny = 2", "x = 1\n# %% y", "text = \"\"\"\n# %% a\n\"\"\""])
def test_a_line_that_would_begin_another_cell_is_refused(source: str) -> None:
    text = "# %% [markdown]\n# text\n"
    notebook = build(text)
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    with pytest.raises(CourseError):
        notebooks.to_script(notebook, text, "lab", graded=True)


@pytest.mark.parametrize("source", ["%%html\n<b>b</b>", "%%time\nx = 1", "!ls\n%cd x", "# %matplotlib inline", "x = ("])
def test_magics_and_unfinished_cells_are_carried(source: str) -> None:
    notebook = build("# %% [markdown]\n# text\n")
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    script = notebooks.to_script(notebook, "", "lab", graded=True)
    assert build(script).cells[1].source == source


def test_running_a_notebook_is_no_edit(course: Course) -> None:
    notebook = build(lab_text(course))
    before = notebooks.fingerprint(notebook)
    for cell in notebook.cells:
        cell.metadata.trusted = True
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    notebook.metadata.language_info.version = "3.13"
    assert notebooks.fingerprint(notebook) == before == notebooks.built_as(notebook)
    notebook.cells[0].source += " "
    assert notebooks.fingerprint(notebook) != before
