"""`course build` on a small course, and the leak scan with a leak of each kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbgrader.preprocessors import CheckCellMetadata

from course_staff.authoring import build as building
from course_staff.authoring import leaks, notebooks
from course_staff.authoring.build import build
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

LAB = "labs/01_small/01_small.ipynb"
SOLUTION = "solutions/01_small/01_small.ipynb"
LECTURE = "lectures/01_small.ipynb"


def contents(course: Course) -> dict[str, bytes]:
    return {path.relative_to(course.root).as_posix(): path.read_bytes() for path in course.root.rglob("*")
            if path.is_file()}


def edit(path: Path, change: Callable[[nbformat.NotebookNode], object]) -> None:
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def cell(notebook: nbformat.NotebookNode, cell_id: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == cell_id)


@pytest.fixture(scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"folder": tmp_path_factory.mktemp("built")}


@pytest.fixture
def built(course: Course, _built: dict[str, Path]) -> Course:
    """The small course, built. It is built once, and copied for each test."""
    once = _built["folder"] / "course"
    if not once.exists():
        assert build(course)
        shutil.copytree(course.root, once)
    else:
        shutil.copytree(once, course.root, dirs_exist_ok=True)
    return course


def test_a_build_makes_the_three_notebooks_and_nothing_else(course: Course) -> None:
    before = set(contents(course))
    assert build(course)
    assert set(contents(course)) - before == {LAB, SOLUTION, LECTURE}


def test_building_twice_gives_the_same_bytes(built: Course, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(built)
    assert build(built)
    assert contents(built) == before
    assert "3 of 3 files were up to date." in capsys.readouterr().out
    for name in (LAB, SOLUTION, LECTURE):
        (built.root / name).unlink()
    assert build(built)
    assert contents(built) == before


def test_the_release(built: Course) -> None:
    release = notebooks.read(built.root / LAB)
    solution = notebooks.read(built.root / SOLUTION)
    nbformat.validate(release)
    CheckCellMetadata().preprocess(release, {})
    assert [cell.id for cell in release.cells] == [cell.id for cell in solution.cells]
    stub = cell(release, "softmax").source
    assert stub.startswith('def softmax(logits):\n    """Probabilities')
    assert stub.endswith('    raise checks.Unanswered("Replace this line with your answer, run this cell, '
                         'then run the check below it.")')
    assert cell(release, "experiment").source == "*Write your answer here.*"
    assert "HIDDEN" not in cell(release, "test_softmax").source
    assert cell(release, "test_softmax").source.endswith('"softmax")')
    assert cell(release, "test_loss").metadata.course == {"may_raise": True, "needs": ["softmax"], "seconds": 5}
    assert cell(release, "test_loss").metadata.editable is False
    assert "checksum" in cell(release, "test_loss").metadata.nbgrader


def test_data_files_that_the_lab_names_are_released(course: Course) -> None:
    folder = course.solution("01_small").parent
    (folder / "points.csv").write_text("x,y\n1,2\n")
    (folder / "notes for teachers.txt").write_text("not named in the lab\n")
    script = course.solution("01_small")
    text = script.read_text()
    script.write_text(text.replace("# # A small lab", "# # A small lab\n#\n# The data are in `points.csv`."))
    assert build(course)
    assert (course.root / "labs/01_small/points.csv").read_text() == "x,y\n1,2\n"
    assert not (course.root / "labs/01_small/notes for teachers.txt").exists()
    assert build(course, check=True)


def test_check_passes_on_a_fresh_build_and_changes_nothing(built: Course) -> None:
    before = contents(built)
    assert build(built, check=True)
    assert contents(built) == before


def test_check_names_every_stale_file_and_changes_nothing(built: Course, capsys: pytest.CaptureFixture[str]) -> None:
    lecture, solution = built.lecture("01_small"), built.solution("01_small")
    lecture.write_text(lecture.read_text().replace("A lecture", "The lecture"))
    solution.write_text(solution.read_text().replace("A small lab", "The small lab"))
    (built.root / "lectures" / "00_gone.ipynb").write_text("{}")
    before = contents(built)
    assert not build(built, check=True)
    assert contents(built) == before
    assert set(capsys.readouterr().out.splitlines()) == {
        f"{LECTURE}: stale", f"{SOLUTION}: stale", f"{LAB}: stale", "lectures/00_gone.ipynb: has no script"}
    (built.root / LAB).unlink()
    assert not build(built, check=True)
    assert f"{LAB}: missing" in capsys.readouterr().out.splitlines()


def test_an_edited_answer_makes_only_the_solution_stale(built: Course, capsys: pytest.CaptureFixture[str]) -> None:
    script = built.solution("01_small")
    script.write_text(script.read_text().replace("exp = shifted.exp()", "exp = torch.exp(shifted)"))
    assert not build(built, check=True)
    assert capsys.readouterr().out.splitlines() == [f"{SOLUTION}: stale"]


@pytest.mark.parametrize("name", [LECTURE, SOLUTION, LAB])
def test_a_build_refuses_to_overwrite_an_edit(built: Course, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    edit(built.root / name, lambda notebook: notebook.cells[0].update(source="# Edited in JupyterLab"))
    script = built.solution("01_small")
    script.write_text(script.read_text().replace("A small lab", "The small lab"))  # there is something to build
    before = contents(built)
    with pytest.raises(CourseError, match=f"^{name} was edited by hand"):
        build(built)
    assert contents(built) == before, "a refused build writes nothing"
    assert not build(built, check=True)
    assert f"{name}: edited by hand" in capsys.readouterr().out
    assert build(built, discard_edits=True)
    assert build(built, check=True)


def test_a_notebook_that_was_only_run_is_overwritten(built: Course) -> None:
    before = contents(built)

    def run(notebook: nbformat.NotebookNode) -> None:
        notebook.cells[-3].execution_count = 1
        notebook.metadata.language_info.version = "3.12"

    for name in (LECTURE, SOLUTION, LAB):
        edit(built.root / name, run)
    assert not build(built, check=True)
    assert build(built)
    assert contents(built) == before


def test_edits_are_carried_into_the_scripts(built: Course) -> None:
    edit(built.root / LECTURE, lambda notebook: notebook.cells[0].update(source="# Edited in JupyterLab"))
    edit(built.root / SOLUTION, lambda notebook: cell(notebook, "experiment").metadata.nbgrader.update(points=6))
    lecture, solution = built.lecture("01_small").read_text(), built.solution("01_small").read_text()
    assert build(built, from_notebook=["01"])
    assert built.lecture("01_small").read_text() == lecture.replace(
        "# # A lecture\n#\n# with $maths$", "# # Edited in JupyterLab")
    assert built.solution("01_small").read_text() == solution.replace("points=4", "points=6")
    assert build(built, check=True)
    assert cell(notebooks.read(built.root / LAB), "experiment").metadata.nbgrader.points == 6


def test_carrying_an_unedited_notebook_keeps_a_newer_script(built: Course) -> None:
    script = built.lecture("01_small")
    script.write_text(script.read_text().replace("A lecture", "The lecture"))
    assert build(built, from_notebook=["01"])
    assert "The lecture" in script.read_text()
    assert "The lecture" in (built.root / LECTURE).read_text()


def test_two_edits_at_once_are_not_merged_silently(built: Course) -> None:
    edit(built.root / LECTURE, lambda notebook: notebook.cells[0].update(source="# Edited in JupyterLab"))
    script = built.lecture("01_small")
    script.write_text(script.read_text().replace("arange(3)", "arange(4)"))
    before = contents(built)
    with pytest.raises(CourseError, match="both edited since the last build"):
        build(built, from_notebook=["01"])
    assert contents(built) == before


def test_all_problems_are_named_at_once_and_nothing_is_written(course: Course) -> None:
    script = course.solution("01_small")
    text = script.read_text().replace("cross_entropy(torch.eye", "cross_entropy(np.eye")
    script.write_text(text.replace("### END HIDDEN TESTS", ""))
    lecture = course.lecture("01_small")
    lecture.write_text(lecture.read_text() + "\n# %%\nprint(\n")
    before = contents(course)
    with pytest.raises(CourseError) as caught:
        build(course)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "code cell", "test cell 'test_softmax'", "test cell 'test_loss'"]
    assert contents(course) == before


def test_one_module_is_built_though_another_is_broken(course: Course) -> None:
    (course.root / "solutions" / "02_broken").mkdir()
    course.solution("02_broken").write_text("# %%\nprint(\n")
    assert build(course, ["01"])
    with pytest.raises(CourseError, match="02_broken"):
        build(course)


def test_the_gradebook_is_touched_only_when_asked(course: Course) -> None:
    assert build(course)
    assert not (course.root / "gradebook.db").exists()
    assert build(course, gradebook=True)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        assert gradebook.find_assignment("01_small").max_score == 9.5


def test_nbgrader_configuration_keeps_scripts_out_of_the_release(course: Course) -> None:
    """Stock `nbgrader generate_assignment` in the checkout must not copy the answers either."""
    from course_staff.authoring.release import configuration

    assert "*.py" in configuration(course).CourseDirectory.ignore


# The leak scan


def leaked(course: Course) -> list[str]:
    labs = {"01_small": Lab.read(course.solution("01_small"))}
    data = {"01_small": leaks.data_files(labs["01_small"], course.solution("01_small").parent)}
    return leaks.scan(course.root / "labs", labs, data)


def test_a_clean_release_has_no_leak(built: Course) -> None:
    assert leaked(built) == []


def _add(cell_id: str, line: str) -> Callable[[Course], None]:
    def plant(course: Course) -> None:
        def change(notebook: nbformat.NotebookNode) -> None:
            cell(notebook, cell_id).source += "\n" + line

        edit(course.root / LAB, change)

    return plant


def _output(course: Course) -> None:
    def change(notebook: nbformat.NotebookNode) -> None:
        cell(notebook, "test_loss").outputs = [nbformat.v4.new_output("stream", text="0.5514")]

    edit(course.root / LAB, change)


def _count(course: Course) -> None:
    edit(course.root / LAB, lambda notebook: cell(notebook, "softmax").update(execution_count=3))


def _answer_in_output(course: Course) -> None:
    def change(notebook: nbformat.NotebookNode) -> None:
        text = "shifted = logits - logits.max(dim=1, keepdim=True).values"
        cell(notebook, "test_loss").outputs = [nbformat.v4.new_output("stream", text=text)]

    edit(course.root / LAB, change)


def _metadata(course: Course) -> None:
    def change(notebook: nbformat.NotebookNode) -> None:
        notebook.metadata.hint = "return -softmax(logits)[torch.arange(len(labels)), labels].log().mean()"

    edit(course.root / LAB, change)


def _file(name: str, source: str) -> Callable[[Course], None]:
    def plant(course: Course) -> None:
        target = course.root / "labs" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(course.root / source, target)

    return plant


def _link(course: Course) -> None:
    (course.root / "labs/01_small/extra.ipynb").symlink_to(course.root / SOLUTION)


PLANTED: dict[str, tuple[Callable[[Course], None], str]] = {
    "solution line": (_add("softmax", "    exp = shifted.exp()"),
                      "cell 3 holds a line of the solution of softmax: exp = shifted.exp()"),
    "solution line in another": (_add("softmax", "  return   exp / exp.sum(dim=1, keepdim=True)  # yes"),
                                 "cell 3 holds a line of the solution of softmax: return exp / exp.sum(dim=1, keep"),
    "written answer": (_add("experiment", "The loss falls because the logits of the right class grow."),
                       "line of the solution of experiment"),
    "hidden test": (_add("test_softmax", 'checks.close(softmax(torch.full((1, 20), 900.0)), '
                         'torch.full((1, 20), 0.05), "softmax of large logits")'),
                    "cell 4 holds a line of the hidden test of softmax"),
    "hidden block": (_add("test_softmax", "with checks.hidden():\n    pass"), "cell 4 holds a hidden test"),
    "marker": (_add("softmax", "### BEGIN SOLUTION"), "cell 3 holds the marker 'BEGIN SOLUTION'"),
    "output": (_output, "cell 6 holds an output"),
    "execution count": (_count, "cell 3 holds an output"),
    "answer in an output": (_answer_in_output, "metadata or outputs holds a line of the solution of softmax"),
    "answer in metadata": (_metadata, "metadata or outputs holds a line of the solution of loss"),
    "py beside the release": (_file("01_small/01_small.py", "solutions/01_small/01_small.py"),
                              "labs/01_small/01_small.py: not meant to be there"),
    "answers in the py": (_file("01_small/01_small.py", "solutions/01_small/01_small.py"),
                          "labs/01_small/01_small.py: the file holds a line of the solution of softmax"),
    "harmless py": (_file("helper.py", "nbgrader_config.py"), "labs/helper.py: not meant to be there"),
    "solution notebook": (_file("01_small/answers.ipynb", SOLUTION), "labs/01_small/answers.ipynb: not meant"),
    "solution in a checkpoint": (_file("01_small/.ipynb_checkpoints/x.ipynb", SOLUTION),
                                 ".ipynb_checkpoints/x.ipynb: cell 3 holds a line of the solution of softmax"),
    "unknown folder": (_file("09_other/09_other.ipynb", LAB), "labs/09_other/09_other.ipynb: not meant to be there"),
    "link": (_link, "labs/01_small/extra.ipynb: a link"),
}


@pytest.mark.parametrize(("plant", "message"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_leak_is_named(built: Course, plant: Callable[[Course], None], message: str) -> None:
    plant(built)
    found = leaked(built)
    assert any(message in line for line in found), found
    assert all(line.startswith("labs/") for line in found)


@pytest.mark.parametrize("check", [True, False])
def test_a_build_names_leaks_that_lie_there(built: Course, check: bool, capsys: pytest.CaptureFixture[str]) -> None:
    _file("helper.py", "nbgrader_config.py")(built)
    assert not build(built, check=check)
    assert "labs/helper.py: not meant to be there" in capsys.readouterr().out


def test_a_leak_in_the_making_stops_the_build(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader with another idea of the markers than ours would release the answers."""
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.ClearHiddenTests.begin_test_delimeter = "BEGIN SECRET"\n')
    before = contents(course)
    with pytest.raises(CourseError, match="would leak"):
        build(course)
    assert contents(course) == before


def test_checkpoints_of_a_clean_release_are_no_leak(built: Course) -> None:
    _file("01_small/.ipynb_checkpoints/01_small-checkpoint.ipynb", LAB)(built)
    assert leaked(built) == []


def test_a_line_that_is_visible_elsewhere_is_no_secret(built: Course) -> None:
    lab = Lab.read(built.solution("01_small"))
    assert "import torch" not in leaks.secrets(lab)
    assert "exp = shifted.exp()" in leaks.secrets(lab)
    script = built.solution("01_small")
    script.write_text(script.read_text().replace("# # A small lab", "# # A small lab\n# say `exp = shifted.exp()`"))
    assert "exp = shifted.exp()" not in leaks.secrets(Lab.read(script))


def test_nbgrader_failure_is_one_line(course: Course) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.ClearSolutions.code_stub = {"R": "fail()"}\n')
    with pytest.raises(CourseError, match="01_small: nbgrader cannot release this lab: ValueError: language") as caught:
        build(course)
    assert "\n" not in str(caught.value)


def test_atomic_write_leaves_no_partial_file(built: Course) -> None:
    assert not list(built.root.rglob("*.partial"))
    path = built.root / "x.txt"
    assert building._write(path, b"1") and not building._write(path, b"1") and building._write(path, b"2")
    assert json.loads(path.read_text()) == 2
