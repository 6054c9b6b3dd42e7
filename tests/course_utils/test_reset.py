"""course reset: one exercise as released, the others and everything else in the file untouched, nothing ever lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from course_utils import cli
from tests.course_utils.test_doctor import answered, at, lab

ROOT = Path(__file__).parents[2]


def saved(folder: Path, notebook: dict) -> Path:
    path = folder / "01_lab.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def read(path: Path) -> dict:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def run_and_said(notebook: dict) -> dict:
    """As JupyterLab saves it: every code cell has a number and an output."""
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell |= {"execution_count": number, "outputs": [{"output_type": "stream", "name": "stdout", "text": "ok"}]}
    return notebook


def test_one_exercise_is_as_released_and_all_else_stays(tmp_path, capsys):
    before = run_and_said(answered())
    before["cells"].insert(3, {"cell_type": "markdown", "metadata": {"mine": 1}, "source": "Notiz: ½ ≠ 0,5 𝛼",
                               "attachments": {"a.png": {"image/png": "AA=="}}})
    before["metadata"]["colab"] = {"provenance": []}
    path = saved(tmp_path, before)
    assert cli.main(["reset", str(path), "double"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "double (cell 3) is as it was released; every other answer is as it was." in out
    assert "Your text is kept in double-before-reset.py, beside the notebook." in out
    assert "File > Reload Notebook from Disk" in out
    expected = deepcopy(before)
    at(expected, "double")["source"] = at(lab(), "double")["source"]
    for grade_id in ("double", "test_double"):  # what they said belongs to the old answer
        at(expected, grade_id).update(outputs=[], execution_count=None)
    assert read(path) == expected
    assert (tmp_path / "double-before-reset.py").read_text() == at(before, "double")["source"] + "\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["01_lab.ipynb", "double-before-reset.py"]


def test_what_was_kept_is_never_overwritten(tmp_path, capsys):
    path = saved(tmp_path, answered())
    for number, answer in enumerate(("first", "second", "third"), 1):
        notebook = read(path)
        at(notebook, "half")["source"] = answer
        saved(tmp_path, notebook)
        assert cli.main(["reset", str(path), "half"]) == 0
        kept = f"half-before-reset{'' if number == 1 else f'-{number}'}.py"
        assert (tmp_path / kept).read_text() == f"{answer}\n"
        assert kept in capsys.readouterr().out
    assert len(list(tmp_path.glob("half-before-reset*"))) == 3
    assert (tmp_path / "half-before-reset.py").read_text() == "first\n"


def test_a_written_answer_is_reset_too(tmp_path):
    path = saved(tmp_path, answered())
    assert cli.main(["reset", str(path), "experiment"]) == 0
    assert at(read(path), "experiment") == at(lab(), "experiment")
    assert (tmp_path / "experiment-before-reset.md").read_text() == "It is slower.\n"


def test_a_reset_lab_is_the_released_one(tmp_path, capsys):
    path = saved(tmp_path, answered())
    for exercise in ("double", "half", "experiment"):
        assert cli.main(["reset", str(path), exercise]) == 0
    assert read(path) == lab()
    capsys.readouterr()
    written = path.read_bytes()
    assert cli.main(["reset", str(path), "half"]) == 0
    assert capsys.readouterr().out == "half is as it was released. Nothing was changed.\n"
    assert path.read_bytes() == written


def test_show_prints_the_released_text_and_changes_nothing(tmp_path, capsys):
    path = saved(tmp_path, answered())
    before = path.read_bytes()
    assert cli.main(["reset", str(path), "double", "--show"]) == 0
    assert capsys.readouterr().out == at(lab(), "double")["source"] + "\n"
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_an_answer_cell_turned_into_text_is_code_again(tmp_path):
    notebook = answered()
    cell = at(notebook, "double")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]
    path = saved(tmp_path, notebook)
    assert cli.main(["reset", str(path), "double"]) == 0
    assert at(read(path), "double") == at(lab(), "double")


def test_a_lost_answer_cell_comes_back_above_its_check(tmp_path, capsys):
    notebook = answered()
    notebook["cells"].remove(at(notebook, "half"))
    path = saved(tmp_path, notebook)
    assert cli.main(["reset", str(path), "half"]) == 0
    assert "The lost cell half is back, above its check" in " ".join(capsys.readouterr().out.split())
    assert len(list(tmp_path.iterdir())) == 1, "there was no text to keep"
    cells = read(path)["cells"]
    assert [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells] == [
        None, "setup", "double", "test_double", "half", "test_half", "experiment"]
    assert cells[4]["source"] == at(lab(), "half")["source"]
    assert cli.main(["check", "--no-run", str(path)]) == 1
    out = capsys.readouterr().out
    assert "1 exercise is not answered: half." in out and "missing" not in out


def no_copy(notebook: dict) -> None:
    del notebook["metadata"]["course"]["released"]


def altered(notebook: dict) -> None:
    notebook["metadata"]["course"]["released"]["half"] = ["def half(x):\n", "    return x / 2"]


def twice(notebook: dict) -> None:
    notebook["cells"].append(deepcopy(at(notebook, "half")))


def both_lost(notebook: dict) -> None:
    for grade_id in ("half", "test_half"):
        notebook["cells"].remove(at(notebook, grade_id))


def unmarked(notebook: dict) -> None:
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}


@pytest.mark.parametrize(("break_it", "exercise", "says"), [
    (None, "hlaf", "01_lab.ipynb has no exercise hlaf. Its exercises are double, half, experiment. Nothing was changed. "
                   "Did you mean half?"),
    (None, "test_half", "Did you mean half?"),
    (None, "zzz", "Name one of them."),
    (no_copy, "half", "does not hold half as it was released."),
    (altered, "half", "does not hold half as it was released."),
    (twice, "half", "The cell half is there 2 times: cells 5 and 8, counted from the top."),
    (both_lost, "half", "has lost the cell half, and its check is not there either."),
    (unmarked, "half", "01_lab.ipynb has no exercises."),
])
def test_what_cannot_be_reset_is_said_and_nothing_is_lost(tmp_path, capsys, break_it, exercise, says):
    notebook = answered()
    if break_it:
        break_it(notebook)
    path = saved(tmp_path, notebook)
    before = path.read_bytes()
    assert cli.main(["reset", str(path), exercise]) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert says in said and "Nothing was changed." in said
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("content", "says"), [('{"cells": [', "damaged notebook"), ("", "is empty"),
                                               ("<html>", "is a web page"), ('{"cells": 3}', "it has no cells")])
def test_what_is_no_notebook_is_said(tmp_path, capsys, content, says):
    path = tmp_path / "01_lab.ipynb"
    path.write_text(content)
    assert cli.main(["reset", str(path), "half"]) == 2
    assert says in capsys.readouterr().out and path.read_text() == content


def test_strange_metadata_break_nothing(tmp_path, capsys):
    for strange in (3, [1], {"half": "text"}, {"half": [1, None]}, {"half": None}):
        notebook = answered()
        notebook["metadata"]["course"]["released"] = strange
        path = saved(tmp_path, notebook)
        before = path.read_bytes()
        assert cli.main(["reset", str(path), "half"]) == 2
        assert "does not hold half" in capsys.readouterr().out and path.read_bytes() == before


def test_a_failed_write_loses_nothing(tmp_path, capsys, monkeypatch):
    path = saved(tmp_path, answered())
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cli.main(["reset", str(path), "half"]) == 2
    out = " ".join(capsys.readouterr().out.split())
    assert "01_lab.ipynb cannot be written: No space left on device. Nothing was changed." in out
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["01_lab.ipynb"]


def test_a_link_and_the_rights_of_the_file_are_kept(tmp_path):
    (tmp_path / "real").mkdir()
    path = saved(tmp_path / "real", answered())
    path.chmod(0o640)
    link = tmp_path / "01_lab.ipynb"
    link.symlink_to(path)
    assert cli.main(["reset", str(link), "half"]) == 0
    assert link.is_symlink() and at(read(path), "half") == at(lab(), "half")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("release", sorted((ROOT / "labs").glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_every_lab_of_the_course_can_be_reset(tmp_path, release):
    """Each answer cell of each lab, alone in a folder: what comes back is the released notebook, byte for byte."""
    path = tmp_path / release.name
    notebook = json.loads(release.read_text(encoding="utf-8"))
    answers = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution")]
    assert len(answers) >= 7
    for cell in answers:
        cell["source"] = ["pass"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    for cell in answers:
        assert cli.main(["reset", str(path), cell["metadata"]["nbgrader"]["grade_id"]]) == 0
    assert path.read_bytes() == release.read_bytes()


def test_the_standard_library_is_enough(tmp_path):
    path = saved(tmp_path, answered())
    code = ("import sys; from course_utils import cli; status = cli.main(sys.argv[1:]); "
            "print(status, sorted({'torch', 'numpy', 'nbformat', 'IPython'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code, "reset", str(path), "half"], capture_output=True, text=True,
                          check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "0 []"
