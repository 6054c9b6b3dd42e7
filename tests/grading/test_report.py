"""report.html: its numbers are those of the results, and nothing that a student wrote is markup in it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from course_staff.grading import report, similar
from course_staff.grading.marks import Mark, Row, Standing
from tests.grading.test_run import NAME

POINTS = {"double": 2.0, "norm": 3.0}


def verdict(exercise: str, share: float, status: str = "", message: str = "") -> dict[str, Any]:
    status = status or ("passed" if share == 1 else "failed")
    return {"exercise": exercise, "status": status, "points": share * POINTS[exercise], "max_points": POINTS[exercise],
            "message": message, "seconds": 0.25, "inherited": []}


def row(directory: Path, student: str, double: dict, norm: dict, *notes: str, pending: bool = False,
        sandbox: str = "bubblewrap", seconds: float = 1.0, memory: float = 0.0) -> Row:
    """A graded student: the row, and the file of results behind it."""
    file = directory / "results" / NAME / f"{student}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"verdicts": {"double": double, "norm": norm}, "seconds": seconds,
                                "memory_megabytes": memory}))
    marks = {"double": Mark(double["points"], 2, False, False), "norm": Mark(norm["points"], 3, False, False),
             "why": Mark(0, 4, pending, False)}
    return Row(student, Standing(marks, double["points"] + norm["points"], 9), notes, sandbox=sandbox)


class Text(HTMLParser):
    """The text of a page, its elements and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.links = "", [], []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def page(mini: Any, directory: Path, rows: list[Row]) -> Text:
    return Text(report.write(directory, mini.lab, rows).read_text(encoding="utf-8"))


def test_difficulty_and_discrimination(mini: Any, tmp_path: Path) -> None:
    shares = [(1, 1), (1, 1), (1, 0), (0, 1), (0, 0), (0, 0)]
    results = {str(place): {"verdicts": {"double": verdict("double", a), "norm": verdict("norm", b)}}
               for place, (a, b) in enumerate(shares)}
    double, norm = report.exercises(mini.lab, results)
    assert (double.mean, norm.mean) == (0.5, 0.5)
    assert double.discrimination == pytest.approx(1 / 3) == norm.discrimination  # phi of [[2, 1], [1, 2]]
    assert double.statuses == {"passed": 3, "failed": 3} and double.seconds == 0.25
    same = {name: {"verdicts": {"double": verdict("double", 1), "norm": verdict("norm", share)}}
            for name, share in zip("abc", (0, 1, 1), strict=True)}
    assert [exercise.discrimination for exercise in report.exercises(mini.lab, same)] == [None, None]
    assert [exercise.mean for exercise in report.exercises(mini.lab, {})] == [0, 0]


def test_one_slip_of_many_students_counts_as_one(mini: Any, tmp_path: Path) -> None:
    told = [f"norm(x) should be {number}.5, got -{number}e-3. Likely slip: the root is missing." for number in range(3)]
    told += ["norm(x) should be 5, got 7."]
    results = {str(place): {"verdicts": {"double": verdict("double", 0, "unanswered", "No answer."),
                                         "norm": verdict("norm", 0, message=message)}}
               for place, message in enumerate(told)}
    double, norm = report.exercises(mini.lab, results)
    assert norm.messages == [("the root is missing.", 3), ("norm(x) should be 5, got 7.", 1)]
    assert double.messages == [], "a missing answer is counted as an outcome, not as a failing check"


def test_messages_that_differ_in_numbers_alone_count_as_one(mini: Any) -> None:
    told = ["W1 is off by 3.5e-3", "W1 is off by -2", "W1 is off by 0.5", "W2 is off by 3"]
    results = {str(place): {"verdicts": {"double": verdict("double", 0, message=message), "norm": verdict("norm", 1)}}
               for place, message in enumerate(told)}
    assert report.exercises(mini.lab, results)[0].messages == [("W1 is off by 3.5e-3", 3), ("W2 is off by 3", 1)]


@pytest.mark.parametrize(("totals", "most", "bins"), [
    ([0, 3.9, 4, 32, 31], 32, [("0 to 4", 2), ("4 to 8", 1), *[(f"{low} to {low + 4}", 0) for low in range(8, 28, 4)],
                               ("28 to 32", 2)]),
    ([9, 9, 0.5], 9, [("0 to 1", 1), *[(f"{low} to {low + 1}", 0) for low in range(1, 8)], ("8 to 9", 2)]),
    ([], 0, [("0 to 0", 0)]),
    ([25], 25, [("0 to 3", 0), ("3 to 6", 0), ("6 to 9", 0), ("9 to 12", 0), ("12 to 15", 0), ("15 to 18", 0),
                ("18 to 21", 0), ("21 to 24", 0), ("24 to 25", 1)]),
])
def test_the_histogram_has_whole_points(totals: list[float], most: float, bins: list) -> None:
    assert report._histogram(totals, most) == bins


def test_the_page_says_what_the_class_did(mini: Any, tmp_path: Path) -> None:
    rows = [row(tmp_path, "anna", verdict("double", 1), verdict("norm", 1), pending=True, seconds=3.5, memory=120.4),
            row(tmp_path, "ben", verdict("double", 1), verdict("norm", 0, message="norm(x) is 25, should be 5"),
                "the release's cell 3 was edited", seconds=9.0),
            Row("carla", None, ("It is not JSON.",))]
    shown = page(mini, tmp_path, rows)
    for words in ("3.5 of 9", "norm(x) is 25, should be 5", "the release's cell 3 was edited", "It is not JSON.",
                  "120 MB", "9.0", "2 passed"):
        assert words in shown.text, words
    assert f"../autograded/ben/{NAME}/{NAME}.ipynb" in shown.links
    assert "NO SANDBOX" not in shown.text.upper()


def test_the_page_lists_answers_that_are_nearly_the_same(mini: Any, tmp_path: Path) -> None:
    odd = "def norm(x):\n    total = 0.0\n    for k in range(len(x)):\n        total = total + float(x[k]) * float(x[k])\n    return math.sqrt(total)"
    rows = []
    for student, source in (("anna", odd), ("ben", odd.replace("total", "s")), ("carla", "def norm(x):\n    return np.sqrt(x @ x)")):
        rows.append(row(tmp_path, student, verdict("double", 1), verdict("norm", 1)))
        file = tmp_path / "results" / NAME / f"{student}.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "runs": {"norm": sorted(similar.runs(source))}}))
    shown = page(mini, tmp_path, rows).text
    assert "nearly the same" in shown and "norm 100 %" in shown
    assert "nearly the same" not in page(mini, tmp_path, rows[1:]).text


def test_a_page_of_no_graded_submission(mini: Any, tmp_path: Path) -> None:
    assert "It is empty." in page(mini, tmp_path, [Row("carla", None, ("It is empty.",))]).text


def test_marks_given_without_a_sandbox_say_so_first(mini: Any, tmp_path: Path) -> None:
    rows = [row(tmp_path, "anna", verdict("double", 1), verdict("norm", 1), sandbox="none")]
    lines = [line for line in page(mini, tmp_path, rows).text.split("<h2>")[0].splitlines() if line.strip()]
    first = next(place for place, line in enumerate(lines) if line == NAME)
    assert lines[first + 1] == report.NO_SANDBOX


def test_what_students_wrote_is_text(mini: Any, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script><img src=x onerror=alert(1)>"><a href="javascript:x">&#60;b&#62;\x1b[31m\u202e'
    rows = [row(tmp_path, "anna", verdict("double", 0, message=evil), verdict("norm", 0, "died", evil), evil),
            Row("ben", None, (evil,))]
    shown = page(mini, tmp_path, rows)
    assert not {"script", "img"} & set(shown.tags) and "<script>" in shown.text
    assert all(link.startswith("../autograded/") for link in shown.links)
    source = (tmp_path / "report" / f"{NAME}.html").read_text()
    assert "default-src 'none'" in source and "\x1b" not in source and "\u202e" not in source
    assert "http" not in source.replace("http-equiv", ""), "one file, nothing fetched"
