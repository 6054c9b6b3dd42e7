"""Feedback for the student: nbgrader's own converter, run on the autograded notebook and the gradebook."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log
from traitlets.config import Config

from course_staff.grading import gradebook
from course_staff.grading.notebook import ABOUT
from course_staff.paths import put_scripts_on_path

TOP = '<a name="top"></a>'


class FeedbackFailed(RuntimeError):
    """nbgrader made no feedback; the message holds its reason."""


def write(directory: Path, lab: str, student: str, first_line: str = "") -> Path:
    """Write feedback/STUDENT/LAB/LAB.html. `first_line` heads the page. Returns the file.

    Only this configuration counts: nothing is read from nbgrader's or Jupyter's configuration files.
    Raises FeedbackFailed.
    """
    put_scripts_on_path()
    config = Config()
    config.CourseDirectory.root = str(directory.resolve())
    config.CourseDirectory.db_url = gradebook.url(directory)
    # A picture's path in Markdown must never bring a file of this machine into the page.
    config.HTMLExporter.embed_images = False
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {ABOUT}
    config.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.TagRemovePreprocessor",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    course = CourseDirectory(config=config, assignment_id=lab, student_id=student, notebook_id=lab)
    converter = GenerateFeedback(coursedir=course, config=config)
    converter.force = True
    quiet = logging.getLogger("course.feedback")
    quiet.propagate = False
    quiet.setLevel(logging.ERROR)
    converter.log = course.log = quiet
    result = capture_log(converter)
    page = directory / "feedback" / student / lab / f"{lab}.html"
    if not result["success"] or not page.is_file():
        log = str(result.get("log") or result.get("error") or "no reason given").strip()
        reasons = re.findall(r"^\s*([\w.]+(?:Error|Exception|Entry): .*)$", log, re.MULTILINE)
        raise FeedbackFailed(reasons[-1] if reasons else log.splitlines()[-1])
    if first_line:
        html = page.read_text(encoding="utf-8")
        if TOP not in html:
            raise FeedbackFailed("nbgrader's page has no place for the first line.")
        line = f'{TOP}\n<p class="container text-danger"><b>{first_line}</b></p>'
        page.write_text(html.replace(TOP, line, 1), encoding="utf-8")
    return page
