"""`course verify` finds what is wrong with a lab, and nothing where nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_staff.authoring import verify
from course_staff.authoring.build import build
from course_staff.authoring.mutants import mutants
from course_staff.authoring.universal import universal_answers
from course_staff.authoring.variants import Variants
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

ROOT = Path(__file__).parents[2]
LAB = '''# %% tags=["setup"]
import numpy as np

from course_utils import checks

# %% answer="half"
def half(x):
    """Half of x, an array (n,)."""
    ### BEGIN SOLUTION
    if x.size == 0:
        raise ValueError("nothing to halve")
    return x / 2
    ### END SOLUTION

# %% test="half" points=2
import numpy as np
from course_utils import checks

x = np.array([1.0, -3.0])
checks.close(half(x), np.array([0.5, -1.5]), "half(x)")
checks.raises(ValueError, half, np.zeros(0))
checks.passed("half")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=5)
    checks.close(half(x), x / 2, "half of another x")
### END HIDDEN TESTS

# %% answer="mean"
def mean(x):
    """Mean of x (n,), a number."""
    ### BEGIN SOLUTION
    return x.sum() / len(x)
    ### END SOLUTION

# %% test="mean" points=3
import numpy as np
from course_utils import checks

checks.close(mean(np.array([1.0, 2.0, 6.0])), 3.0, "mean(x)")
checks.passed("mean")
### BEGIN HIDDEN TESTS
with checks.hidden():
    x = checks.rng().normal(size=6)
    expected = x.mean()
    checks.close(mean(x), expected, "mean of another x")
### END HIDDEN TESTS
'''
MISTAKES = '''# %% mistake="half" slip="doubled" says="4 times"
def half(x):
    if x.size == 0:
        raise ValueError
    return 2 * x

# %% mistake="half" slip="sign" says="sign"
def half(x):
    if x.size == 0:
        raise ValueError
    return -x / 2

# %% mistake="half" slip="empty input accepted" says="bad input was accepted"
def half(x):
    return x / 2

# %% alternative="half" note="a product"
def half(x):
    if len(x) < 1:
        raise ValueError("empty")
    return 0.5 * x

# %% alternative="half" note="a loop"
def half(x):
    if not len(x):
        raise ValueError("empty")
    return np.array([value / 2 for value in x])

# %% mistake="mean" slip="sum" says="sum where the mean"
def mean(x):
    return x.sum()

# %% mistake="mean" slip="nothing returned" says="return"
def mean(x):
    x.mean()

# %% mistake="mean" slip="one too few" says="usual"
def mean(x):
    return x.sum() / (len(x) - 1)

# %% alternative="mean" note="NumPy's"
def mean(x):
    return x.mean()

# %% alternative="mean" note="a loop"
def mean(x):
    total = 0.0
    for value in x:
        total += value
    return total / x.size

# %% [markdown] equivalent="half" mutant="raise ValueError('nothing to halve') -> raise 'nothing to halve'"
# REASON
'''
# The only mutant above is killed, as a text cannot be raised: a sound file does not list it.
SOUND_MISTAKES = MISTAKES[: MISTAKES.index("# %% [markdown] equivalent")]


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    (tmp_path / "pyproject.toml").write_text("")
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "solutions" / "91_small").mkdir(parents=True)
    (tmp_path / "tests" / "mistakes").mkdir(parents=True)
    yield Course(tmp_path)
    for bench in verify._benches.values():
        bench.close()
    verify._benches.clear()


def write(course: Course, lab: str = LAB, mistakes: str = SOUND_MISTAKES) -> None:
    course.solution("91_small").write_text(lab)
    course.mistakes("91_small").write_text(mistakes)


def row(course: Course, exercise: str) -> verify.Row:
    return verify._verify_exercise(course, "91_small", exercise)


def test_a_sound_lab_keeps_its_contract(course: Course) -> None:
    write(course)
    assert build(course, ("91",))
    report = verify.verify_lab(course, "91_small", jobs=2)
    assert report.ok, (report.failures, [row.failures for row in report.rows])
    assert [row.mistakes for row in report.rows] == [(3, 3), (3, 3)]
    assert [row.alternatives for row in report.rows] == [(2, 2), (2, 2)]
    assert all(row.universal[0] == row.universal[1] >= 12 and row.killed == row.mutants >= 5 for row in report.rows)


def test_stale_notebooks_are_named_before_anything_runs(course: Course) -> None:
    write(course)
    assert build(course, ("91",))
    write(course, LAB.replace("Mean of x", "The mean of x"))
    with pytest.raises(CourseError, match="stale"):
        verify.verify_lab(course, "91_small")


def test_a_test_that_looks_at_nothing(course: Course) -> None:
    weak = LAB.replace('checks.close(mean(np.array([1.0, 2.0, 6.0])), 3.0, "mean(x)")', "mean(np.array([1.0]))")
    weak = weak.replace('    checks.close(mean(x), expected, "mean of another x")\n', "")
    write(course, weak)
    failures = "\n".join(row(course, "mean").failures)
    assert "mistake 'sum' is not caught" in failures
    assert "universal answer 'NaN' passes" in failures
    assert "mutant survives and is not listed as equivalent: 'return x.sum() / len(x) -> " in failures


def test_a_message_that_does_not_name_the_slip(course: Course) -> None:
    write(course, mistakes=SOUND_MISTAKES.replace('says="sum where the mean"', 'says="wrong axis"'))
    assert any("no match for 'wrong axis'" in failure for failure in row(course, "mean").failures)


def test_a_correct_answer_that_is_refused(course: Course) -> None:
    write(course, LAB.replace("expected = x.mean()", "expected = x.mean() + 1e-3 * (x.size == 6)"))
    assert any("the reference fails" in failure for failure in row(course, "mean").failures)
    write(course, LAB.replace("### END HIDDEN TESTS\n\n# %% answer=\"mean\"",
                              "    checks.forbids('half', 'np.array')\n### END HIDDEN TESTS\n\n# %% answer=\"mean\""))
    verify._benches.popitem()[1].close()
    failures = row(course, "half").failures
    assert any("alternative 'a loop' is refused" in failure for failure in failures), failures


def test_too_few_answers_written_down(course: Course) -> None:
    write(course, mistakes="")
    failures = row(course, "half").failures
    assert any("0 mistakes" in failure for failure in failures) and any("0 alternatives" in failure for failure in failures)


def test_an_equivalent_mutant_that_is_not_one(course: Course) -> None:
    write(course, mistakes=MISTAKES)
    assert any("listed as equivalent and yet was killed" in failure for failure in row(course, "half").failures)


def test_an_equivalent_mutant_that_nothing_makes(course: Course) -> None:
    write(course, mistakes=MISTAKES.replace("raise 'nothing to halve'", "raise 'something'"))
    assert any("no mutant reads" in failure for failure in row(course, "half").failures)


def test_different_verdicts_in_notebook_and_examiner(course: Course) -> None:
    # In the notebook the test's own object is changed; in the examiner a copy is.
    spy = LAB.replace('checks.passed("mean")', 'y = np.ones(2)\nmean(y)\nchecks.close(y, np.ones(2), "y")\nchecks.passed("mean")')
    in_place = '''
# %% alternative="mean" note="spoils its input"
def mean(x):
    result = x.sum() / len(x)
    x *= 0
    return result
'''
    write(course, spy, SOUND_MISTAKES + in_place)
    assert any("two verdicts" in failure for failure in row(course, "mean").failures)


def test_a_hidden_dependence_between_exercises(course: Course) -> None:
    write(course, LAB.replace("return x.sum() / len(x)", "return 2 * half(x).sum() / len(x)"))
    assert any("mean fails when only half is unanswered" in failure for failure in
               verify._dependences(Lab.read(course.solution("91_small"))))


def test_bad_headers_in_the_file_of_mistakes(course: Course) -> None:
    write(course)
    lab = Lab.read(course.solution("91_small"))
    for text, says in (('# %% mistake="half" slip="x"\nhalf = 1\n', "needs slip"), ('# %% mistake="third" slip="x" says="y"\n1\n', "no exercise"),
                       ('# %% [markdown] equivalent="half"\n# reason\n', "mutant"), ('# %% mistake="half" slip="x" says="("\n1\n', "says")):
        course.mistakes("91_small").write_text(text)
        with pytest.raises(CourseError, match=says):
            Variants.read(course.mistakes("91_small"), lab)
    course.mistakes("91_small").unlink()
    with pytest.raises(CourseError, match="write the typical mistakes"):
        Variants.read(course.mistakes("91_small"), lab)


def test_mutants_change_one_thing_between_the_markers() -> None:
    source = '''def f(x, n=3):
    """Doc 1."""
    y = x + 1
    ### BEGIN SOLUTION
    if n < 2 and not x:
        return -y
    return g(x, n, dim=1) * 2.5
    ### END SOLUTION
'''
    found = {mutant.change for mutant in mutants(source)}
    assert found >= {
        "return -y -> return y", "return -y -> pass", "if n < 2 and (not x): -> if n <= 2 and (not x):",
        "if n < 2 and (not x): -> if n < 2 or not x:", "if n < 2 and (not x): -> if n < 2 and x:",
        "return g(x, n, dim=1) * 2.5 -> return g(n, x, dim=1) * 2.5", "return g(x, n, dim=1) * 2.5 -> return g(x, n) * 2.5",
        "return g(x, n, dim=1) * 2.5 -> return g(x, n, dim=2) * 2.5", "return g(x, n, dim=1) * 2.5 -> return g(x, n, dim=1) / 2.5",
        "return g(x, n, dim=1) * 2.5 -> return g(x, n, dim=1) * 5.0",
    }
    assert not any("x + 1" in change.split(" -> ")[0] or "n=3" in change for change in found)
    assert len(found) == len({mutant.source for mutant in mutants(source)})


def test_universal_answers_know_the_visible_test_by_heart() -> None:
    """The strongest one passes everything that is visible, so only hidden inputs stop it."""
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
    visible = "assert f(1) == 2 and f(5) == 6"
    replay = next(answer for answer in universal_answers(source, visible) if "constants" in answer.label)
    namespace: dict = {}
    for cell in (*replay.prelude, replay.source, visible):
        exec(cell, namespace)
    assert namespace["f"](7) != 8
