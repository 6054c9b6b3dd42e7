"""Feedback for the student: nbgrader's own converter and template, on the autograded notebook and the gradebook."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config

from course_staff.grading.gradebook import Entry
from course_staff.grading.notebook import ABOUT
from course_staff.grading.store import replace
from course_staff.lab import Lab

TOP = '<a name="top"></a>'


class FeedbackFailed(RuntimeError):
    """nbgrader made no feedback; the message holds its reason."""


class _Grades(GetGrades):
    """nbgrader's step, with the grades that we have just read instead of a new connection for every student."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        facts = resources["nbgrader"]
        self.entry, self.points = facts["entry"], facts["points"]
        for index, cell in enumerate(nb.cells):
            nb.cells[index], resources = self.preprocess_cell(cell, resources, index)
        facts["score"] = self.entry.score - self.entry.penalty
        facts["max_score"] = sum(self.points.values())
        facts["late_penalty"] = self.entry.penalty
        return nb, resources

    def _get_comment(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        cell.metadata.nbgrader["comment"] = self.entry.comment(cell.metadata.nbgrader["grade_id"])

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        cell.metadata.nbgrader["score"] = self.entry.grades[name][0]
        cell.metadata.nbgrader["points"] = self.points[name]


@functools.cache
def _exporter() -> Any:
    """nbgrader's exporter, as its converter sets it up. Once: reading its template takes longer than writing a page.

    Only this configuration counts: nothing is read from nbgrader's or Jupyter's configuration files.
    """
    config = Config()
    # A picture's path in Markdown must never bring a file of this machine into the page.
    config.HTMLExporter.embed_images = False
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {ABOUT}
    quiet = logging.getLogger("course.feedback")
    quiet.propagate = False
    quiet.setLevel(logging.ERROR)
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    converter.log = quiet
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for step in (_Grades, TagRemovePreprocessor, CSSHTMLHeaderPreprocessor):
        exporter.register_preprocessor(step)
    return exporter


def write(directory: Path, lab: Lab, student: str, autograded: NotebookNode, entry: Entry,
          first_line: str = "") -> Path:
    """Write feedback/STUDENT/LAB/LAB.html. `first_line` heads the page. Returns the file. Raises FeedbackFailed.

    autograded: the notebook that the page shows, left as it is. entry: the student's marks.
    """
    points = {cell.grade_id: cell.points for cell in (*lab.tests.values(), *lab.written.values())}
    resources = {"unique_key": lab.name, "output_files_dir": f"{lab.name}_files", "metadata": {"name": lab.name},
                 "nbgrader": {"student": student, "assignment": lab.name, "notebook": lab.name, "entry": entry,
                              "points": points}}
    try:
        html, _ = _exporter().from_notebook_node(autograded, resources=resources)
    except Exception as error:  # of nbconvert, of Jinja, of whatever the notebook brings them to
        raise FeedbackFailed(f"{type(error).__name__}: {error}") from error
    if TOP not in html:
        raise FeedbackFailed("nbgrader's page has no place for the first line.")
    if first_line:
        html = html.replace(TOP, f'{TOP}\n<p class="container text-danger"><b>{first_line}</b></p>', 1)
    page = directory / "feedback" / student / lab.name / f"{lab.name}.html"
    replace(page, html.encode())
    return page
