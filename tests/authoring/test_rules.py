"""Scripts that must not be built, each with the line that says why."""

from __future__ import annotations

import pytest

from course_staff.authoring import rules
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

ANSWER = '''# %% answer="f"
def f(x):
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION

'''
TEST = '''# %% test="f" points=1
from course_utils import checks

checks.equal(f(1), 2, "f(1)")
checks.passed("f")
### BEGIN HIDDEN TESTS
with checks.hidden():
    checks.equal(f(5), 6, "f(5)")
### END HIDDEN TESTS
'''


def problems(text: str, graded: bool = True) -> list[str]:
    return rules.problems(Lab.from_text(text, "lab"), graded=graded)


def test_good_scripts_pass(course: Course) -> None:
    assert problems(ANSWER + TEST) == []
    assert problems(course.solution("01_small").read_text()) == []
    assert problems(course.lecture("01_small").read_text(), graded=False) == []


HEADERS = {
    "points missing": (TEST.replace(" points=1", ""), "lab.py:7: test=\"f\" needs points"),
    "points below zero": (TEST.replace("points=1", "points=-1"), "points=-1 .* above 0"),
    "points as text": (TEST.replace("points=1", 'points="1"'), "above 0"),
    "misspelt key": (TEST.replace("points", "point"), "'point' .* unknown"),
    "no key": (TEST.replace("points=1", "points=1 oops"), "'oops' .* not of the form key=value"),
    "a title": ("# %% A title\nprint(1)\n", "'A title' .* not of the form key=value"),
    "no quotes": ("# %% answer=g\ndef g(): pass\n", "'answer=g' .* not of the form key=value"),
    "bad id": ("# %% answer=\"my f\"\ndef f(): pass\n", "letters, digits"),
    "two roles": (TEST.replace('test="f"', 'test="f" answer="g"'), "roles"),
    "needs a string": (TEST.replace("points=1", 'points=1 needs="g"'), "list of exercises"),
    "needs nothing there is": (TEST.replace("points=1", 'points=1 needs=["g"]'), "no exercise"),
    "needs elsewhere": ('# %% needs=["f"]\nprint(1)\n', "belongs to a test"),
    "points elsewhere": ("# %% points=2\nprint(1)\n", "belongs to a test or to a written answer"),
    "bad slide": ('# %% slide="slides"\nprint(1)\n', "one of slide, subslide"),
    "markdown test": (TEST.replace("# %% test", "# %% [markdown] test"), "must be a code cell"),
    "raw cell": ("# %% [raw]\n# text\n", "raw cell"),
    "test twice": (TEST + "\n" + TEST, "two cells"),
    "no answer": (TEST.replace('"f" points', '"g" points'), "has no answer"),
    "marker in a string": ('# %%\ntext = """\n# %% here\n"""\n', "inside a string"),
}


@pytest.mark.parametrize(("text", "message"), HEADERS.values(), ids=HEADERS.keys())
def test_bad_headers(text: str, message: str) -> None:
    with pytest.raises(CourseError, match=message):
        problems(ANSWER + text)


def test_text_before_the_first_cell() -> None:
    with pytest.raises(CourseError, match="before the first"):
        problems("import torch\n\n" + ANSWER + TEST)


def test_an_answer_needs_a_test() -> None:
    with pytest.raises(CourseError, match='has no test="f"'):
        problems(ANSWER)


CELLS = {
    "free name": (ANSWER, TEST.replace("f(1)", "f(np.ones(1))", 1), "uses np,"),
    "free in a function": (ANSWER, TEST + "def again():\n    return helper(f(1))\n", "uses helper,"),
    "import only hidden": (
        ANSWER,
        TEST.replace("checks.equal(f(1)", "checks.equal(f(math.pi)").replace("hidden():", "hidden():\n    import math"),
        "uses math when the hidden tests are taken out"),
    "tests itself": (ANSWER, TEST + "f = lambda x: x + 1\n", "binds f,"),
    "no word on passing": (ANSWER, TEST.replace('checks.passed("f")\n', ""), "must end its visible part"),
    "word on passing of another": (ANSWER, TEST.replace('passed("f")', 'passed("g")'), "must end its visible part"),
    "hidden message computed": (ANSWER, TEST.replace('"f(5)"', 'f"f({5})"'), "computes its message"),
    "hidden message put together": (ANSWER, TEST.replace('"f(5)"', '"f(%d)" % 5'), "computes its message"),
    "hidden not a with": (ANSWER, TEST.replace("with checks.hidden():\n    ", ""), "exactly one"),
    "hidden two statements": (ANSWER, TEST.replace("### END HIDDEN", "f(1)\n### END HIDDEN"), "exactly one"),
    "hidden empty": (ANSWER, TEST[: TEST.index("with")] + "### END HIDDEN TESTS\n", "exactly one"),
    "hidden indented": (
        ANSWER,
        TEST.replace("### BEGIN", "if 1:\n  ### BEGIN").replace("with", "  with").replace("    checks", "      checks"),
        "exactly one"),
    "hidden unmarked": (ANSWER, TEST + "with checks.hidden():\n    f(2)\n", "students would see it"),
    "hidden unclosed": (ANSWER, TEST.replace("### END HIDDEN TESTS", ""), "never closed"),
    "hidden unopened": (ANSWER, TEST.replace("### BEGIN HIDDEN TESTS", ""), "without a beginning"),
    "hidden in an answer": (
        ANSWER.replace("BEGIN SOLUTION", "BEGIN HIDDEN TESTS").replace("END SOLUTION", "END HIDDEN TESTS"), TEST,
        "does not belong"),
    "solution unclosed": (ANSWER.replace("    ### END SOLUTION\n", ""), TEST, "never closed"),
    "solution nested": (ANSWER.replace("return", "### BEGIN SOLUTION\n    return"), TEST, "inside another"),
    "solution missing": ("# %% answer=\"f\"\ndef f(x):\n    return x + 1\n\n", TEST, "has no solution"),
    "solution in a plain cell": (
        ANSWER + "# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n\n", TEST, "does not belong"),
    "marker with a remark": (ANSWER.replace("BEGIN SOLUTION", "BEGIN SOLUTION here"), TEST, "stands alone"),
    "marker of nbgrader": (ANSWER + "# %% [markdown]\n# ### BEGIN MARK SCHEME\n\n", TEST, "stands alone"),
    "answer does not parse": (ANSWER.replace("return x + 1", "return x +"), TEST, "does not parse"),
    "answer defines nothing": (
        ANSWER.replace("def f(x):", "if True:").replace("return x + 1", "print(1)"), TEST.replace("f(", "abs("),
        "defines no function"),
    "answer at top level": (
        "# %% answer=\"f\"\n### BEGIN SOLUTION\ndef f(x):\n    return x + 1\n### END SOLUTION\n\n", TEST,
        "outside a function body"),
    "answer in a class body": (
        "# %% answer=\"f\"\nclass f:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n\n", TEST,
        "outside a function body"),
    "code does not parse": (ANSWER + "# %%\nprint(\n\n", TEST, "does not parse"),
    "written without a model answer": (
        ANSWER + "# %% [markdown] written=\"w\" points=1\n# text\n\n", TEST, "no model answer"),
}


@pytest.mark.parametrize(("answer", "test", "message"), CELLS.values(), ids=CELLS.keys())
def test_bad_cells(answer: str, test: str, message: str) -> None:
    found = problems(answer + test)
    assert len(found) == 1, found
    assert message in found[0]
    assert found[0].startswith("lab.py:") and "\n" not in found[0]


def test_a_problem_names_the_line_and_the_cell() -> None:
    assert problems(ANSWER + TEST.replace("f(1)", "f(np.ones(1))", 1))[0].startswith("lab.py:7: test cell 'test_f': ")


def test_a_lecture_cannot_hold_exercises() -> None:
    assert "a lecture has no graded cells" in problems(ANSWER + TEST, graded=False)[0]


def test_methods_may_be_left_to_the_student() -> None:
    answer = """# %% answer="f"
class f:
    def __init__(self, x):
        ### BEGIN SOLUTION
        self.x = x
        ### END SOLUTION

    def twice(self):
        if self.x:
            ### BEGIN SOLUTION
            return 2 * self.x
            ### END SOLUTION
        return 0

"""
    assert problems(answer + TEST) == []
