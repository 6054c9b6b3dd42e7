"""A student's hour with a lab, in a real browser: from the untouched notebook to the file that is handed in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from course_staff.demo import plain
from course_staff.lab import Lab
from course_staff.paths import Course
from tests.browser.conftest import ROOT, SECONDS, course
from tests.browser.notebook import Notebook

MODULE = "02_backprop"
WRITTEN = "A rate of 0.1 halves the loss every ten steps."


@pytest.mark.timeout(900)
def test_a_lab_from_the_first_look_to_handing_it_in(page, jupyterlab, student_folder, shot):
    right = {exercise: plain(cell.source) for exercise, cell in Lab.read(Course(ROOT).solution(MODULE)).answers.items()}
    path = student_folder / "labs" / MODULE / f"{MODULE}.ipynb"
    server = jupyterlab(student_folder)

    # `make lab` opens on the labs; the student finds the lab and opens it.
    page.goto(server.url("lab/tree/labs"))
    page.locator(".jp-DirListing-item", has_text=MODULE).dblclick()
    file = page.locator(".jp-DirListing-item", has_text=f"{MODULE}.ipynb")
    expect(file).to_be_visible()
    shot(page, "student-01-labs")
    file.dblclick()
    notebook = Notebook(page)
    expect(page.get_by_role("heading", name="Lab 02 · Backpropagation")).to_be_visible()
    shot(page, "student-02-open")

    # Run All goes through to the end: every stub is explained in a sentence, without a traceback.
    notebook.run_all()
    released = notebook.source("sigmoid")
    assert "raise checks.Unanswered(" in released
    for exercise in right:
        said = notebook.output(f"test_{exercise}")
        assert re.match(r"[\w.]+ is not written yet\. In its cell,\s+replace the line", said), said
        assert "Traceback" not in said and said.count("\n") <= 2
    notebook.show("test_sigmoid", "end")
    expect(notebook.cell("test_sigmoid").locator(".jp-OutputArea")).to_contain_text("sigmoid is not written yet")
    shot(page, "student-03-unanswered")

    # A wrong answer, typed in place of the stub: the check names the slip.
    notebook.type_over_last_line("sigmoid", "return 1 / (1 + np.exp(z)), np.exp(z) / (1 + np.exp(z)) ** 2")
    assert "Unanswered" not in notebook.source("sigmoid")
    assert notebook.run("sigmoid") == ""
    said = notebook.run("test_sigmoid")
    assert "Not as expected: sigmoid([0, ln 3, -ln 3]), entry [0]." in said
    assert "expected: [0.5 , 0.75, 0.25]" in said and "got:      [0.5 , 0.25, 0.75]" in said
    assert "Likely slip: exp(z) stands where exp(-z) belongs." in said
    assert "Traceback" not in said
    notebook.show("test_sigmoid", "end")
    shot(page, "student-04-wrong")

    # The right one, and two more answers.
    for exercise in ("sigmoid", "logistic_loss"):
        notebook.type(exercise, right[exercise])
        assert notebook.run(exercise) == ""
        said = notebook.run(f"test_{exercise}")
        assert said == (f"{exercise}: every check that you can see here passes. Grading runs it on other inputs "
                        "as well.\n")
    notebook.show("test_sigmoid", "end")
    shot(page, "student-05-right")
    notebook.type("experiment", WRITTEN)
    page.keyboard.press("ControlOrMeta+Enter")
    expect(notebook.cell("experiment").locator(".jp-MarkdownOutput")).to_contain_text(WRITTEN)
    shot(page, "student-06-written")
    notebook.save()

    # Validate runs the visible checks in a fresh kernel. Its dialog shows those that do not pass, and what they say.
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    expect(dialog).to_be_visible(timeout=5 * SECONDS * 1000)
    said = dialog.inner_text()
    unanswered = len(right) - 2
    assert said.count("The following cell failed:") == said.count(" is not written yet.") == unanswered
    assert "logistic_gradient is not written yet." in said and "sigmoid is not written yet." not in said
    assert "Traceback" not in said
    shot(page, "student-07-validate")
    dialog.get_by_text("logistic_gradient is not written yet.").scroll_into_view_if_needed()
    shot(page, "student-08-validate-message")
    dialog.get_by_role("button", name="Ok").click()
    expect(dialog).to_be_hidden()

    # `course check` on the saved file: what is answered passes, what is not is listed.
    said = course("check", path, status=1)
    assert "sigmoid 2 written passes logistic_loss 2 written passes logistic_gradient 3 empty does not pass" in said
    assert "experiment 4 written read by a person" in said
    assert f"{unanswered} exercises are not answered: logistic_gradient," in said and said.endswith("1 thing to look at")

    # One exercise back as released. The browser shows it when told to, and the other answers are still there.
    said = course("reset", path, "sigmoid", cwd=path.parent)
    assert "sigmoid (cell 4) is as it was released; every other answer is as it was." in said
    assert (path.parent / "sigmoid-before-reset.py").read_text() == right["sigmoid"] + "\n"
    notebook.menu("File", "Reload Notebook from Disk")
    notebook.wait_for_source("sigmoid", released)
    assert notebook.source("logistic_loss") == right["logistic_loss"]
    assert notebook.source("experiment") == WRITTEN
    notebook.show("sigmoid")
    shot(page, "student-09-reset")
    # It can be answered again, and the file is saved without a question.
    notebook.type("sigmoid", right["sigmoid"])
    assert notebook.run("sigmoid") == ""
    assert "every check that you can see here passes" in notebook.run("test_sigmoid")
    notebook.save()
    assert "sigmoid 2 written passes" in course("check", path, status=1)
