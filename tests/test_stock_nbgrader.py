"""A lab is a plain nbgrader assignment: nbgrader's own Validate and autograde work on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps import NbGraderAPI
from nbgrader.validator import Validator
from traitlets.config import Config, PyFileConfigLoader

from course_staff.lab import Lab
from course_staff.paths import Course, put_scripts_on_path
from tests.notebooks import ROOT

COURSE = Course(ROOT)


def answered(lab: str) -> nbformat.NotebookNode:
    """The released lab with the reference's answers typed in, and something written."""
    source = Lab.read(COURSE.solution(lab))
    reference = {**source.answers, **source.written}
    notebook = nbformat.read(COURSE.release(lab), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") in reference:
            cell.source = reference[cell.metadata.nbgrader.grade_id].source
    return notebook


def validate(notebook: nbformat.NotebookNode, folder: Path) -> str:
    """What the Validate button says: nbgrader's validator judged by its result, as its exit status is always 0."""
    path = folder / "lab.ipynb"
    nbformat.write(notebook, path)
    return str(Validator(config=Config({"Execute": {"timeout": 400}})).validate(str(path)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lab", COURSE.labs)
def test_validate_passes_with_the_references_answers(lab: str, tmp_path: Path) -> None:
    assert validate(answered(lab), tmp_path) == "{}"


@pytest.mark.timeout(900)
def test_validate_tells_of_a_wrong_answer(tmp_path: Path) -> None:
    notebook = answered(COURSE.labs[0])
    cell = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    cell.source += "\n\ndel " + cell.metadata.nbgrader.grade_id
    result = validate(notebook, tmp_path)
    assert "failed" in result and cell.metadata.nbgrader.grade_id in result


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("lab", COURSE.labs)
def test_autograde_gives_the_reference_everything_and_the_untouched_lab_nothing(lab: str, tmp_path: Path) -> None:
    put_scripts_on_path()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "solutions" / lab).mkdir(parents=True)
    shutil.copy(COURSE.solution(lab).with_suffix(".ipynb"), tmp_path / "solutions" / lab)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(tmp_path)).load_config()
    config.CourseDirectory.root = str(tmp_path)
    config.Execute.timeout = 400
    api = NbGraderAPI(config=config)
    assert api.generate_assignment(lab)["success"]
    for student, notebook in (("reference", answered(lab)), ("untouched", nbformat.read(COURSE.release(lab), 4))):
        folder = tmp_path / "submitted" / student / lab
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{lab}.ipynb")
        outcome = api.autograde(lab, student)
        assert outcome["success"], outcome.get("error") or outcome.get("log")
    points = Lab.read(COURSE.solution(lab)).points
    with api.gradebook as gradebook:
        scores = {student: gradebook.find_submission(lab, student) for student in ("reference", "untouched")}
        automatic = {student: sum(grade.auto_score or 0 for notebook in submission.notebooks for grade in notebook.grades)
                     for student, submission in scores.items()}
    assert automatic == {"reference": points, "untouched": 0}
