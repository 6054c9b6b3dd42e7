"""Near-identical answers: renaming and comments hide nothing, ordinary answers to the same exercise are not a pair."""

from __future__ import annotations

import pytest

from course_staff.authoring.variants import Variants
from course_staff.demo import plain
from course_staff.grading.similar import COMMON, Pair, pairs, runs
from course_staff.lab import Lab
from course_staff.paths import Course
from tests.notebooks import ROOT

COURSE = Course(ROOT)

ODD = '''
def softmax(z):
    # by rows
    top = z.max(axis=1)
    table = np.empty_like(z)
    for row in range(len(z)):
        total = 0.0
        for column in range(z.shape[1]):
            table[row, column] = np.exp(z[row, column] - top[row])
            total += table[row, column]
        table[row] = table[row] / total
    return table
'''
RENAMED = ODD.replace("table", "out").replace("row", "i").replace("column", "k").replace("total", "s").replace(
    "    # by rows\n", "").replace("top", "biggest")
SHORT = "def softmax(z):\n    e = np.exp(z - z.max(axis=1, keepdims=True))\n    return e / e.sum(axis=1, keepdims=True)\n"


def found(**answers: str) -> list[Pair]:
    return pairs({student: {"softmax": runs(source)} for student, source in answers.items()}, {"softmax": runs(SHORT)})


def test_renaming_and_comments_hide_nothing() -> None:
    assert runs(ODD) == runs(RENAMED) and len(runs(ODD)) > 60
    (pair,) = found(anna=ODD, ben=RENAMED, carla=SHORT)
    assert (pair.first, pair.second, pair.alike) == ("anna", "ben", {"softmax": 1.0})


def test_a_changed_line_lowers_it() -> None:
    changed = RENAMED.replace("s += out[i, k]", "s = s + float(out[i, k])")
    (pair,) = found(anna=ODD, ben=changed)
    assert 0.6 < pair.alike["softmax"] < 0.95


def test_what_was_given_does_not_count() -> None:
    assert found(anna=SHORT, ben=SHORT) == []
    assert pairs({"anna": {"softmax": runs(ODD)}, "ben": {"softmax": runs(ODD)}}, {"softmax": runs(ODD)}) == []


def test_what_many_write_is_nobodys_own() -> None:
    group = {f"s{number}": ODD for number in range(4)}
    assert found(**group) == [], "four of four: it was told to all, or the task asks for it"
    rest = {f"t{number}": SHORT for number in range(int(4 / COMMON))}
    assert len(found(**group, **rest)) == 6, "four of more than eighty are a group"


def test_numbers_and_library_names_count() -> None:
    other = ODD.replace("np.exp", "np.log").replace("0.0", "1.0").replace("axis=1", "axis=0")
    assert runs(other) != runs(ODD)


@pytest.mark.parametrize("source", ["", "x", "def f(:\n  'unclosed", "(" * 5000, "\t\t x\n  y\n", "\x00", "é = 1\n" * 3, "!ls\n%matplotlib"])
def test_whatever_a_student_wrote_has_runs(source: str) -> None:
    assert isinstance(runs(source), frozenset)


@pytest.mark.parametrize("module", COURSE.labs)
def test_other_correct_answers_of_a_lab_are_no_pairs(module: str) -> None:
    """Other ways to write an answer are no copies. An author makes one of them out of another now and then."""
    lab = Lab.read(COURSE.solution(module))
    variants = Variants.read(COURSE.mistakes(module), lab)
    given = {exercise: runs(plain(cell.source)) for exercise, cell in lab.answers.items()}
    answers = {f"{exercise} {number}": {exercise: runs(variant.source)}
               for exercise in lab.answers for number, variant in enumerate(variants.of(exercise)[1])}
    assert len(answers) > 10 and len(pairs(answers, given)) <= 1
