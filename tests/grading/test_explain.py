"""The evidence for one verdict: what the check asked, what came, and a message that hides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_staff.grading import explain, run
from course_staff.grading.prepare import prepare
from course_staff.grading.run import Settings
from course_staff.paths import CourseError
from course_utils.checks import errors
from tests.grading.attacks.test_found import Submit
from tests.grading.conftest import MiniLab
from tests.grading.test_run import NAME, paper, put, text_on

WRONG = "def norm(x):\n    return float(np.sqrt((x**2).mean() * 2))  # right for two numbers\n"


def test_the_evidence_shows_the_hidden_input_and_the_expected_value(mini: MiniLab, hand_in: Submit) -> None:
    job = prepare(mini.lab, mini.release, hand_in(norm=WRONG), "anna", seed=5)
    verdict, calls, _ = explain.evidence(job, "norm", mini.launcher)
    assert verdict.status == "failed" and "expected" in verdict.message
    assert [call.hidden for call in calls] == [False, True]
    assert "array([3., 4.]" in calls[0].asked and calls[0].came.startswith("5.0")
    assert "norm(array(" in calls[1].asked and "(7,)" in calls[1].asked
    # Nothing of this is left in force for the students.
    with pytest.raises(errors.CheckFailed) as hidden, errors.hidden():
        raise errors.fail("norm", "1.0", "SECRET", "a slip")
    assert "SECRET" not in str(hidden.value)


def test_an_exception_and_a_limit_are_evidence(mini: MiniLab, hand_in: Submit) -> None:
    job = prepare(mini.lab, mini.release, hand_in(double="def double(x): return x + y"), "anna", seed=5)
    verdict, calls, _ = explain.evidence(job, "double", mini.launcher)
    assert "NameError" in calls[0].came and verdict.points == 0
    job = prepare(mini.lab, mini.release, hand_in(norm="def norm(x):\n    while len(x): pass"), "anna", seed=5)
    verdict, calls, _ = explain.evidence(job, "norm", mini.launcher)
    assert verdict.status == "limit" and "LimitExceeded" in calls[0].came


def test_it_says_whether_the_recorded_verdict_agrees(mini: MiniLab, tmp_path: Path, hand_in: Submit) -> None:
    put(tmp_path, "anna", hand_in(norm=WRONG).read_bytes())
    settings = Settings(launcher=mini.launcher, seed=5)
    verdict = {"status": "failed", "points": 0.0}
    (tmp_path / "results" / NAME).mkdir(parents=True)
    recorded = tmp_path / "results" / NAME / "anna.json"
    for points, agrees in ((0.0, True), (3.0, False)):
        recorded.write_text(json.dumps({"verdicts": {"norm": verdict | {"points": points}}}))
        screen = paper()
        assert run.explain_verdict(mini.course, tmp_path, NAME, "anna", "norm", settings, screen) is agrees
        shown = text_on(screen)
        assert ("THEY DIFFER" in shown) is not agrees
        assert "right for two numbers" in shown and "hidden" in shown and "visible" in shown


@pytest.mark.parametrize(("student", "exercise", "says"), [("zoe", "norm", "by zoe"), ("anna", "other", "double, norm")])
def test_what_is_not_there_is_said(mini: MiniLab, tmp_path: Path, hand_in: Any, student: str, exercise: str,
                                   says: str) -> None:
    put(tmp_path, "anna", hand_in().read_bytes())
    with pytest.raises(CourseError, match=says):
        run.explain_verdict(mini.course, tmp_path, NAME, student, exercise, Settings(launcher=mini.launcher), paper())
