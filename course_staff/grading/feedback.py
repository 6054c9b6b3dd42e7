"""Feedback for the student: nbgrader's own converter and template, on the autograded notebook and the gradebook."""

from __future__ import annotations

import functools
import logging
import re
from pathlib import Path
from typing import Any

from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
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
# What stands in angle brackets in a page is markup: text has entities there.
_IMAGE = re.compile(r"<img\b[^>]*>")


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


class _Exporter(HTMLExporter):
    """nbconvert's exporter without its last step, which parses the page that it has just made, to add two attributes.

    That step takes longer than all others together. Its alternative texts are added here; its other attribute is for
    templates that nbgrader does not use.
    """

    def from_notebook_node(  # type: ignore[override]  # as in its base class
            self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        resources = self._init_resources(resources)
        self.register_filter("filter_data_type", WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata,
                                                                       parent=self, resources=resources))
        html, resources = TemplateExporter.from_notebook_node(self, nb, resources, **options)
        head, top, body = html.partition(TOP)
        return head + top + _IMAGE.sub(_with_text, body), resources


def _with_text(image: re.Match[str]) -> str:
    tag = image.group()
    return tag if " alt=" in tag else f'<img alt="No description has been provided for this image"{tag[4:]}'


@functools.cache
def _exporter() -> Any:
    """nbgrader's exporter, as its converter sets it up. Once: reading its template takes longer than writing a page.

    Only this configuration counts: nothing is read from nbgrader's or Jupyter's configuration files.
    """
    config = Config()
    # A picture's path in Markdown must never bring a file of this machine into the page.
    config.HTMLExporter.embed_images = False
    config.Exporter.optimistic_validation = True  # once, after the last of its steps
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {ABOUT}
    quiet = logging.getLogger("course.feedback")
    quiet.propagate = False
    quiet.setLevel(logging.ERROR)
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    converter.log = quiet
    exporter = _Exporter(parent=converter, config=converter.config)
    # The same cells come in the notebook of every student.
    highlight = functools.lru_cache(maxsize=500)(Highlight2HTML(pygments_lexer="python", parent=exporter))
    exporter.register_filter("highlight_code", lambda source, language="python", metadata=None: highlight(source))
    # Without the context of the cell, which would be for its attachments; these notebooks have none.
    markdown = functools.lru_cache(maxsize=500)(functools.partial(exporter.markdown2html, {}))
    exporter.register_filter("markdown2html", lambda source: markdown(source))
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
    html = _named(html, lab, entry)
    for line in (_waiting(lab, entry), first_line):
        if line:
            html = html.replace(TOP, f'{TOP}\n<p class="container text-danger"><b>{line}</b></p>', 1)
    page = directory / "feedback" / student / lab.name / f"{lab.name}.html"
    replace(page, html.encode())
    return page


def _named(html: str, lab: Lab, entry: Entry) -> str:
    """The list of scores at the top with the exercises' names: nbgrader calls each of them a test cell."""
    for exercise, cell in (*lab.tests.items(), *lab.written.items()):
        link = re.escape(f'<li><a href="#{cell.grade_id}">')
        if entry.grades[cell.grade_id or ""][-1]:
            html = re.sub(rf"({link})[^<]*(</a>) \(Score: [^)]*\)", rf"\g<1>{exercise}\g<2> (not graded yet)", html,
                          count=1)
        else:
            html = re.sub(rf"({link})[^<]*(</a>)", rf"\g<1>{exercise}\g<2>", html, count=1)
    return html


def _waiting(lab: Lab, entry: Entry) -> str:
    """A line for a student who sees the page before a human has seen the written answers."""
    waiting = [exercise for exercise, cell in lab.written.items() if entry.grades[cell.grade_id or ""][-1]]
    return f"Not graded yet, and 0 points until then: {', '.join(waiting)}." if waiting else ""
