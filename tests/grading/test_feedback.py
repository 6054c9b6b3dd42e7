"""Pages for students: those that nbgrader's own command makes, made without its command."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from PIL import Image
from traitlets.config import Config

from course_staff.grading import feedback, gradebook, notebook
from tests.grading import test_record
from tests.grading.test_record import ANSWERS, NAME, Desk

desk = test_record.desk


def nbgraders_page(directory: Path, student: str) -> str:
    """The page as nbgrader's converter writes it from the files and the gradebook."""
    config = Config()
    config.CourseDirectory.root = str(directory.resolve())
    config.CourseDirectory.db_url = gradebook.url(directory)
    config.HTMLExporter.embed_images = False
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {notebook.ABOUT}
    config.GenerateFeedback.preprocessors = ["nbgrader.preprocessors.GetGrades",
                                             "nbconvert.preprocessors.TagRemovePreprocessor",
                                             "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor"]
    course = CourseDirectory(config=config, assignment_id=NAME, student_id=student, notebook_id=NAME)
    converter = GenerateFeedback(coursedir=course, config=config)
    converter.force = True
    converter.log = course.log = logging.getLogger("tests.feedback")
    converter.start()
    return (directory / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


def test_a_page_is_nbgraders_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # But for the names of the exercises.
    monkeypatch.setattr(feedback, "_named", lambda html, *facts: html)
    monkeypatch.setattr(feedback, "_waiting", lambda *facts: "")
    buffer = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(buffer, format="PNG")
    picture = base64.b64encode(buffer.getvalue()).decode()
    full = desk.outcome("full", norm=0.0, answers=ANSWERS | {
        "double": 'def double(x):\n    """<b>ü</b>"""\n    return x + x  # $a$',
        "why": "# T\n\n$$x^2$$ **b** <i>x</i> [l](http://x.org)\n\n|a|b|\n|-|-|\n|1|2|\n\n```python\nprint(1)\n```"})
    assert full.result is not None
    full.result.outputs["norm"] = [
        {"output_type": "stream", "name": "stdout", "text": "a\x1b[31mred\n" * 5},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "<Figure>", "image/png": picture}}]
    outcomes = [full, desk.outcome("manual"), desk.outcome("empty", answers={}, double=0.0, norm=0.0)]
    for outcome in outcomes:
        assert outcome.result is not None
        outcome.result.sandbox = "bubblewrap"
    desk.record(*outcomes)
    desk.by_hand("why", "manual", manual_score=3.25, extra_credit=0.5)
    with desk.book() as book:
        book.find_comment("why", NAME, NAME, "manual").manual_comment = "Good <b>."
        book.find_submission_notebook(NAME, NAME, "manual").late_submission_penalty = 1.5
        book.db.commit()
    for student in ("full", "manual", "empty"):
        with desk.book() as book:
            entry = gradebook.entries(book, desk.lab, student)[student]
        ours = feedback.write(desk.directory, desk.lab, student, desk.autograded(student), entry).read_text("utf-8")
        assert ("<img" in ours) == (student == "full")
        # nbgrader's has been through this parser.
        assert str(BeautifulSoup(ours, features="html.parser")) == nbgraders_page(desk.directory, student)


def test_the_list_of_scores_names_the_exercises_and_says_what_waits(desk: Desk) -> None:
    answered = desk.outcome("ben", answers=ANSWERS | {"why": "Because."})
    desk.record(answered)
    page = desk.feedback("ben")
    items = [" ".join(item.get_text().split()) for item in BeautifulSoup(page, features="html.parser").select("li")
             if item.a and item.a["href"] in ("#test_double", "#test_norm", "#why")]
    assert items == ["double (Score: 2.0 / 2.0)", "norm (Score: 3.0 / 3.0)", "why (not graded yet)"]
    assert "Not graded yet, and 0 points until then: why." in page
    desk.by_hand("why", "ben", manual_score=2.0)
    desk.record(answered)
    page = desk.feedback("ben")
    assert "why</a> (Score: 2.0 / 4.0)" in page and "ot graded yet" not in page


def test_a_page_does_not_carry_anything_of_the_one_before(desk: Desk) -> None:
    desk.record(desk.outcome("ben"))
    alone = desk.feedback("ben")
    desk.record(desk.outcome("anna", answers=ANSWERS | {"why": "Only mine."}), desk.outcome("ben"))
    assert desk.feedback("ben") == alone and "Only mine." in desk.feedback("anna")


def test_the_template_is_read_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.record(desk.outcome("anna"))
    monkeypatch.setattr(feedback, "GenerateFeedback", lambda *arguments, **options: pytest.fail("made again"))
    desk.record(desk.outcome("ben"))


def test_a_page_that_cannot_be_made_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def from_notebook_node(self, *arguments: Any, **options: Any) -> Callable:
            raise KeyError("template")

    monkeypatch.setattr(feedback, "_exporter", Broken)
    [row] = desk.record(desk.outcome())
    assert row.standing is not None and row.standing.total == 5.0 and "KeyError" in row.notes[-1]
    assert not list((desk.directory / "feedback").rglob("*.html"))
