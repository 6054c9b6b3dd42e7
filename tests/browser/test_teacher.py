"""A teacher's hour with a class, in a real browser: `course grade`, then formgrader for what needs a person."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course_staff.demo import the_class
from course_staff.grading.sandbox import NoSandbox, Sandbox
from course_staff.lab import Lab
from course_staff.paths import Course
from tests.browser.conftest import ROOT, SECONDS, course

MODULE = "02_backprop"
STUDENTS = ("anna", "carla")  # the reference; one wrong answer
COMMENT = "Say what the curve on the right shows."


@pytest.fixture(scope="module")
def inbox(tmp_path_factory) -> Path:
    """What two students of the demo handed in, as files named after them."""
    try:
        Sandbox().check()
    except NoSandbox as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error).splitlines()[0])
    checkout = Course(ROOT)
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "inbox").mkdir()
    for member in the_class(Lab.read(checkout.solution(MODULE)), checkout, small=True):
        if member.name in STUDENTS:
            (folder / "inbox" / f"{member.name}.ipynb").write_bytes(member.file)
    return folder / "inbox"


def marks(folder: Path) -> dict[str, float]:
    """The score of each student in grades.csv."""
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


@pytest.mark.timeout(900)
def test_a_class_from_the_inbox_to_the_feedback(inbox, page, jupyterlab, shot):
    folder = inbox.parent / "class"
    assert "2 new" in course("collect", inbox, folder, "--lab", "02", cwd=ROOT)
    said = course("grade", folder, "--lab", "02", cwd=ROOT)
    assert "2 of 2 graded; 2 need a human" in said
    automatic = marks(folder)
    assert automatic == {"anna": 28, "carla": 26}

    # Nbgrader > Formgrader in JupyterLab lists the lab with its two submissions.
    page.goto(jupyterlab(folder).url())
    page.locator(".lm-MenuBar-item", has_text="Nbgrader").click()
    page.locator(".lm-Menu-item[data-command='nbgrader:open-formgrader']").click()
    frame = page.frame_locator("iframe[src*='formgrader']")
    expect(frame.locator("tr", has_text=MODULE).locator(".num-submissions")).to_have_text("2")
    shot(page, "teacher-01-assignments")

    # Manual Grading: the lab, its notebook, the first submission, in an order that hides who it is.
    frame.get_by_role("link", name="Manual Grading").click()
    frame.locator("td").get_by_role("link", name=MODULE).click()
    expect(frame.locator(".breadcrumb .active")).to_have_text(MODULE)
    shot(page, "teacher-02-notebook")
    frame.locator("td").get_by_role("link", name=MODULE).click()
    expect(frame.get_by_role("link", name="Submission #")).to_have_count(2)
    shot(page, "teacher-03-submissions")
    frame.get_by_role("link", name="Submission #1").click()

    # The score of a check is shown, the written answer waits. A mark and a comment are saved when the field is left.
    score, comment = frame.locator("input#experiment"), frame.locator("textarea#experiment-comment")
    expect(frame.locator("input#test_logistic_loss")).to_have_attribute("placeholder", "2")
    expect(score).to_have_class(re.compile("needs_manual_grade"))
    frame.locator("input#test_sigmoid").scroll_into_view_if_needed()
    shot(page, "teacher-04-check")
    with page.expect_response(lambda response: "/api/grade/" in response.url and response.request.method == "PUT"):
        score.fill("3")
        score.press("Tab")
    with page.expect_response(lambda response: "/api/comment/" in response.url and response.request.method == "PUT"):
        comment.fill(COMMENT)
        comment.press("Tab")
    expect(score).not_to_have_class(re.compile("needs_manual_grade"))
    shot(page, "teacher-05-mark")

    # Feedback, by formgrader's button.
    frame.get_by_role("link", name="Manual Grading").click()
    frame.get_by_role("link", name="Manage Assignments").click()
    frame.locator("tr", has_text=MODULE).locator(".generate-feedback a").click()
    dialog = frame.locator("#success-modal")
    expect(dialog).to_be_visible(timeout=5 * SECONDS * 1000)
    shot(page, "teacher-06-feedback")
    assert feedback_with_comment(folder) == ["3.0 / 4.0"]

    # Graded again, all automatic scores are set anew; the mark and the comment stay.
    said = course("grade", folder, "--lab", "02", "--again", cwd=ROOT)
    assert "2 of 2 graded; 1 need" in said
    (marked,) = [student for student, score in marks(folder).items() if score != automatic[student]]
    assert marks(folder) == automatic | {marked: automatic[marked] + 3}
    assert feedback_with_comment(folder) == ["3.0 / 4.0"]
    page.goto((folder / "feedback" / marked / MODULE / f"{MODULE}.html").as_uri())
    expect(page.get_by_text(COMMENT)).to_be_visible()
    page.get_by_text(COMMENT).scroll_into_view_if_needed()
    shot(page, "teacher-07-page")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "a picture leaves the page"


def feedback_with_comment(folder: Path) -> list[str]:
    """The score of the written answer on each feedback page that shows the teacher's comment."""
    pages = [path.read_text(encoding="utf-8") for path in folder.glob(f"feedback/*/{MODULE}/{MODULE}.html")]
    assert len(pages) == len(STUDENTS)
    return [re.search(r"(?:Written response|experiment)</a> \(Score: ([\d. /]+)\)", text)[1] for text in pages if COMMENT in text]
