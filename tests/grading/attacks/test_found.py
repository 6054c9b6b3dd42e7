"""Attacks and accidents that were found by trying: each of them once earned a point, leaked an input, or cost one."""

from __future__ import annotations

import copy
import json
import resource
import signal
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_staff.grading import sanitise
from course_staff.grading.connection import Connection
from course_staff.grading.examine import examine
from course_staff.grading.job import Result
from course_staff.grading.notebook import autograded
from course_staff.grading.prepare import Unreadable, prepare
from course_staff.grading.wire import ProtocolError
from course_utils import checks
from tests.grading.conftest import MiniLab, Student, make_lab

DOUBLE = "def double(x):\n    return x + x"
NORM = "def norm(x):\n    return np.linalg.norm(x)"
Submit = Callable[..., Path]

FORBIDS_LAB = '''# %% tags=["setup"]
import torch

from course_utils import checks

# %% answer="first"
def first(x):
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION

# %% test="first" points=1
import torch

from course_utils import checks

checks.close(first(torch.zeros(2)), torch.ones(2), "first(0)")
checks.passed("first")

# %% answer="softmax"
def softmax(x):
    ### BEGIN SOLUTION
    return x.exp() / x.exp().sum(dim=1, keepdim=True)
    ### END SOLUTION

# %% test="softmax" points=2
import torch

from course_utils import checks

checks.forbids("softmax", "torch.softmax", "torch.log_softmax")
x = torch.tensor([[0.0, 1.0], [3.0, 1.0]])
checks.close(softmax(x), torch.softmax(x, 1), "softmax(x)")
checks.passed("softmax")

# %% answer="last"
def last(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION

# %% test="last" points=1
import torch

from course_utils import checks

checks.close(last(torch.ones(2)), torch.ones(2), "last(1)")
checks.passed("last")
'''


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, warm: Connection) -> MiniLab:
    """A lab with an exercise that forbids a function."""
    return make_lab(tmp_path_factory.mktemp("strict"), "91_strict", FORBIDS_LAB, warm)


def position(notebook: nbformat.NotebookNode, grade_id: str) -> int:
    return next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def mark(lab: MiniLab, path: Path, edit: Callable[[Any], None] | None = None, **answers: str) -> Result:
    notebook = nbformat.read(lab.release, as_version=4)
    for name, source in answers.items():
        notebook.cells[position(notebook, name)].source = source
    if edit:
        edit(notebook)
    nbformat.write(notebook, path / "submission.ipynb")
    job = prepare(lab.lab, lab.release, path / "submission.ipynb", "someone", seed=7)
    return examine(job, lab.launcher)


# Hidden inputs and the feedback

LEAKS = {
    "as a failed check": "raise checks.CheckFailed('INPUT' + str(x.tolist()))",
    "as an answer that is not written": "raise checks.Unanswered(name='a.INPUT' + str(x.tolist()))",
    "as the name of a class": "return type('INPUT' + str(x.tolist()), (), {})()",
}


@pytest.mark.parametrize("spy", LEAKS.values(), ids=LEAKS.keys())
def test_a_hidden_input_does_not_come_back_as_a_message(mini: MiniLab, hand_in: Submit, spy: str) -> None:
    result = mini.examine(hand_in(double=f"def double(x):\n    if x.ndim == 2: {spy}\n    return 2 * x"))
    assert result.verdicts["double"].points == 0 and "INPUT" not in result.to_json()


def test_a_hidden_input_does_not_come_back_as_a_shape(mini: MiniLab, hand_in: Submit) -> None:
    spy = "    if x.ndim == 2: return np.zeros((0, 54321, 1, 1, 1, 1, 1))\n"  # digits of an input
    result = mini.examine(hand_in(double=f"def double(x):\n{spy}    return 2 * x"))
    assert result.verdicts["double"].points == 0 and "54321" not in result.verdicts["double"].message


REMEMBER = "seen = []\ndef double(x):\n    seen.append(x.tolist())\n    return 2 * x"


def test_a_hidden_input_is_not_shown_by_a_later_cell(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        notebook.cells.insert(position(notebook, "norm"), nbformat.v4.new_code_cell("print('CALLS', len(seen))"))

    result = mini.examine(hand_in(edit, double=REMEMBER, norm=NORM))
    assert result.points == 5 and "CALLS" in result.to_json()
    assert "CALLS 0" in result.to_json(), "a cell whose output is shown has met the inputs of a test"


def test_a_hidden_input_is_not_shown_by_a_later_error(mini: MiniLab, hand_in: Submit) -> None:
    result = mini.examine(hand_in(double=REMEMBER, norm="def norm(x): raise ValueError(f'CALLS {len(seen)}')"))
    assert "CALLS 1" not in result.to_json() and "CALLS 2" not in result.to_json()


# What the exercise does without

EVASIONS = {
    "imported under its name": "from torch.nn.functional import softmax",
    "inside an if": "if True:\n    def softmax(x): return torch.softmax(x, 1)",
    "inside a try": "try:\n    def softmax(x): return torch.softmax(x, 1)\nfinally: pass",
    "an annotated assignment": "softmax: object = lambda x: torch.softmax(x, 1)",
    "an assignment of two": "softmax, _ = (lambda x: torch.softmax(x, 1)), 0",
    "a walrus": "(softmax := lambda x: torch.softmax(x, 1))",
    "a loop": "for softmax in [lambda x: torch.softmax(x, 1)]: pass",
    "import of everything": "from torch.nn.functional import *\ndef softmax(x): return log_softmax(x, 1).exp()",
    "a shell line": "def softmax(x): return torch.softmax(x, 1)\nfiles = !true",
    "a question": "def softmax(x): return torch.softmax(x, 1)\ntorch.softmax?",
    "an attribute": "torch.mine = torch.softmax\ndef softmax(x): return torch.mine(x, 1)",
    "an entry": "t = {}\nt['s'] = torch.softmax\ndef softmax(x): return t['s'](x, 1)",
    "a helper, defined again": "def h(x): return torch.softmax(x, 1)\ndef softmax(x, f=h): return f(x)\ndef h(x): pass",
    "a method caller": "import operator\ndef softmax(x): return operator.methodcaller('soft' + 'max', 1)(x)",
    "a global": "def softmax(x): return x.exp()\ndef _i():\n    global softmax\n    softmax = torch.softmax\n"
                "_i(); _s = softmax\nsoftmax = lambda x: _s(x, 1)",
    "a term of a thousand terms": "r = {}\nr[0] = " + "+".join(["1"] * 3000) + "\ndef softmax(x): return torch.softmax(x, 1)",
    "IPython": "get_ipython().run_cell('def softmax(x): return torch.soft' + 'max(x, 1)')",
    "a module of its own": "open('m.py', 'w').write('import torch\\ndef softmax(x): return torch.softmax(x, 1)')\n"
                           "import sys; sys.path.insert(0, '.')\nfrom m import softmax",
}


@pytest.mark.parametrize("source", EVASIONS.values(), ids=EVASIONS.keys())
def test_a_forbidden_call_fails_or_is_flagged(strict: MiniLab, tmp_path: Path, source: str) -> None:
    result = mark(strict, tmp_path, softmax=source)
    assert result.verdicts["softmax"].points == 0 or any("softmax" in flag for flag in result.flags)


def test_a_forbidden_call_in_another_answer_is_found(strict: MiniLab, tmp_path: Path) -> None:
    result = mark(strict, tmp_path, first="def first(x): return x + 1\ndef helper(x): return torch.softmax(x, 1)",
                  softmax="def softmax(x): return helper(x)")
    assert result.verdicts["softmax"].points == 0 or result.flags


def test_a_cell_after_the_test_does_not_hide_a_forbidden_call(strict: MiniLab, tmp_path: Path) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        later = nbformat.v4.new_code_cell("def softmax(x): return x.exp()")
        notebook.cells.insert(position(notebook, "last") + 1, later)

    result = mark(strict, tmp_path, edit, softmax="def softmax(x): return torch.softmax(x, 1)")
    assert result.verdicts["softmax"].points == 0


RIGHT = "def softmax(x): return x.exp() / x.exp().sum(dim=1, keepdim=True)"
ALLOWED = {
    "plain": RIGHT,
    "a comparison beside it": RIGHT + "\nprint(torch.softmax(torch.ones(1, 2), 1) - softmax(torch.ones(1, 2)))",
    "a mention": '"""Like torch.softmax."""\n# torch.softmax\n' + RIGHT,
    "a magic": "%%time\n" + RIGHT,
    "other imports": "from pathlib import Path\nfrom PIL import Image\nimport re\nre.compile('x')\n" + RIGHT,
    "ordinary names": "ops = [1]\nvars = 2\n" + RIGHT.replace("x.exp() /", "ops[0] * x.exp() /"),
    "another name defined twice": "p = torch.softmax(torch.ones(1, 2), 1)\n" + RIGHT + "\np = softmax(torch.ones(1, 2))",
    "a shell line": RIGHT + "\n!true",
    "a helper that was rewritten": "def e(x): return x\n" + RIGHT.replace("x.exp()", "e(x)") + "\ndef e(x): return x.exp()",
}


@pytest.mark.parametrize("source", ALLOWED.values(), ids=ALLOWED.keys())
def test_an_honest_answer_passes_forbids(strict: MiniLab, tmp_path: Path, source: str) -> None:
    result = mark(strict, tmp_path, softmax=source)
    assert result.verdicts["softmax"].points == 2
    # An earlier definition of a helper is mentioned to a human: the answer could still hold on to it.
    assert "def e" in source or not any("softmax" in flag for flag in result.flags)


# Honest notebooks that are put together otherwise

def repeated(*sources: str) -> Callable[[Any], None]:
    """Jupyter keeps a cell's metadata, grade id included, when it is split or copied and pasted."""
    def edit(notebook: nbformat.NotebookNode) -> None:
        place = position(notebook, "double")
        for number, source in enumerate(sources, start=1):
            cell = copy.deepcopy(notebook.cells[place])
            cell.id, cell.source = f"copy{number}", source
            notebook.cells.insert(place + number, cell)
    return edit


def test_an_answer_cell_that_was_split_is_run_in_full(mini: MiniLab, hand_in: Submit) -> None:
    halves = repeated("def double(x):\n    return twice(x)")
    assert mini.examine(hand_in(halves, double="def twice(x):\n    return 2 * x")).verdicts["double"].points == 2


def test_a_pasted_copy_with_an_experiment_does_not_replace_the_answer(mini: MiniLab, hand_in: Submit) -> None:
    assert mini.examine(hand_in(repeated("print(double(np.ones(3)))"), double=DOUBLE)).verdicts["double"].points == 2


def test_a_split_answer_is_shown_in_full(mini: MiniLab, hand_in: Submit) -> None:
    path = hand_in(repeated("def double(x):\n    return twice(x)"), double="print('first half')\ndef twice(x):\n    return 2 * x")
    job = prepare(mini.lab, mini.release, path, "someone")
    result = examine(job, mini.launcher)
    shown = autograded(mini.lab, mini.release, job, result, sanitise.of_cells(result.outputs))
    cell = shown.cells[position(shown, "double")]
    assert "def twice" in cell.source and "def double" in cell.source and "first half" in str(cell.outputs)


def test_the_error_of_the_first_half_is_told(mini: MiniLab, hand_in: Submit) -> None:
    verdict = mini.examine(hand_in(repeated("y = 1"), double="1 / 0\n" + DOUBLE)).verdicts["double"]
    assert "ZeroDivisionError" in verdict.message


def test_a_notebook_without_cell_ids_keeps_its_ungraded_cells_in_place(mini: MiniLab, hand_in: Submit) -> None:
    path = hand_in(double=DOUBLE, norm=NORM)
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell.pop("id")
    path.write_text(json.dumps(notebook))
    job = prepare(mini.lab, mini.release, path, "someone")
    assert not any(step.added for step in job.steps) and len(job.steps) == 6


def test_a_flood_of_source_is_refused(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        notebook.cells += [nbformat.v4.new_code_cell("#" * 190_000) for _ in range(25)]

    with pytest.raises(Unreadable, match="million characters"):
        prepare(mini.lab, mini.release, hand_in(edit), "someone")


def test_many_pictures_do_not_cost_the_definitions_of_their_cell(mini: MiniLab, hand_in: Submit) -> None:
    pictures = ("from IPython.display import display\nfor _ in range(40):\n"
                "    display({'image/png': 'A' * 1_000_000, 'text/html': 'B' * 1_000_000}, raw=True)\n")
    assert mini.examine(hand_in(double=pictures + DOUBLE)).verdicts["double"].points == 2


def test_a_number_added_in_a_hidden_check_is_not_told(mini: MiniLab, hand_in: Submit) -> None:
    for spy in ("2 * x + 3.14159", "2 * x * 3.14159"):
        answer = f"def double(x):\n    return {spy} if x.ndim == 2 else 2 * x"
        message = mini.examine(hand_in(double=answer)).verdicts["double"].message
        assert "off by" in message and "3.14" not in message and "0.318" not in message


def test_calls_together_stay_within_the_deadline_of_the_submission(mini: MiniLab, hand_in: Submit, monkeypatch) -> None:
    monkeypatch.setattr("course_staff.grading.examine.TOTAL_SECONDS", 3.0)
    slow = "import time\ndef double(x):\n    time.sleep(2)\n    return 2 * x"
    started = time.monotonic()
    result = mini.examine(hand_in(double=slow, norm=slow.replace("double", "norm")))
    assert time.monotonic() - started < 15 and result.points == 0


def test_an_import_added_to_the_set_up_cell_is_kept(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        cell = next(cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", []))
        cell.source += "\nfrom numpy.linalg import norm as length"

    assert mini.examine(hand_in(edit, norm="def norm(x):\n    return length(x)")).verdicts["norm"].points == 3


# Frames that burden the examiner

def forge(skeleton: str, sizes: str = "[]") -> str:
    """Source of a function that sends a reply of its own; `request` is the question's number."""
    return f"""
import gc, json, socket, struct
def double(x):
    candidate = next(o for o in gc.get_objects() if type(o).__name__ == "Candidate")
    request = candidate.request
    frame = json.dumps([{sizes}, {{"d": [["id", request], ["value", {skeleton}], ["slots", []]]}}]).encode()
    candidate.connection.sendall(struct.pack("<I", len(frame)) + frame)
"""


@contextmanager
def at_most(seconds: int, gigabytes: float) -> Iterator[None]:
    """Raise in this process where the block takes longer or allocates more."""
    def late(*_: object) -> None:
        raise TimeoutError(f"the examiner was busy for more than {seconds} s")

    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, handler = resource.getrlimit(resource.RLIMIT_AS), signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (now + int(gigabytes * 2**30), before[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("skeleton", [
    '{"a": ["<U0", [2**39], 0]}',  # NumPy makes it <U1: 2 TB out of no byte
    '{"a": ["float64", [0, 2**34, 1], 0]}',  # no byte either, until something sums over the first axis
    '{"x": ["float32", [0, 2**34, 1], 0, False]}',
], ids=["text without width", "an array without entries", "a tensor without entries"])
def test_an_empty_array_takes_no_memory(student: Student, skeleton: str) -> None:
    import numpy as np

    with at_most(20, 4), student.notebook(forge(skeleton, "[0]"), "double") as (double, _), \
            pytest.raises((ProtocolError, checks.CheckFailed)):
        checks.close(double(1), np.zeros(2), "double(1)")


def test_an_empty_result_of_usual_size_is_data(student: Student) -> None:
    with student.notebook("import numpy as np\ndef double(x): return np.zeros((0, 1000, 3))", "double") as (double, _):
        assert double(1).shape == (0, 1000, 3)


def test_keys_that_collide_do_not_hold_the_examiner_up(student: Student) -> None:
    keys = '{"d": [[{"i": hex(k * (2**61 - 1))}, 0] for k in range(1, 40000)]}'
    with at_most(5, 4), student.notebook(forge(keys), "double") as (double, _), pytest.raises(ProtocolError):
        double(1)


def test_a_callback_cannot_be_given_what_the_test_bound_by_default(student: Student) -> None:
    bound = {}

    def slope(point: Any, factor: Any = 3) -> Any:
        bound["factor"] = factor
        return 0

    for given in ("[0], factor=2**30", "[0], 2**30"):
        source = f"def double(f):\n    f([0])\n    try: f({given})\n    except Exception: return 'refused'\n    return 'taken'"
        with student.notebook(source, "double") as (double, _):
            assert double(slope) == "refused"
        assert bound == {"factor": 3}


PATCHED = """
import gc, numpy
def change(reply):
    %s
    return reply
send_as = type(next(o for o in gc.get_objects() if type(o).__name__ == "Candidate")).run.__globals__
old = send_as["send"]
send_as["send"] = lambda connection, reply, *rest: old(connection, change(reply), *rest)
"""


@pytest.mark.parametrize("change", [
    "if 'norm' in reply: reply = {**reply, 'norm': {'kind': numpy.zeros(3)}}",
    "if 'outputs' in reply: reply = {**reply, 'error': numpy.zeros(3)}",
    "if 'outputs' in reply: reply = {**reply, 'outputs': [numpy.zeros(3)]}",
], ids=["a name's kind", "a cell's error", "a cell's outputs"])
def test_a_reply_of_another_form_is_not_our_failure(mini: MiniLab, hand_in: Submit, change: str) -> None:
    result = mini.examine(hand_in(double=DOUBLE, norm=PATCHED % change))
    assert result.verdicts["double"].points == 2 and result.verdicts["norm"].points == 0
    result.to_json()


def test_the_frames_of_a_cell_that_burden_the_examiner_are_not_our_failure(mini: MiniLab, hand_in: Submit) -> None:
    source = forge('0').replace("def double(x):", "if True:").replace('["value", 0], ["slots", []]',
                                                                      '["outputs", [{"a": ["<U0", [2**39], 0]}]]')
    source = source.replace("[[],", "[[0],").replace("json.dumps([[]", "json.dumps([[0]")
    with at_most(60, 4):
        result = mini.examine(hand_in(double=DOUBLE, norm=source))
    assert isinstance(result, Result) and result.verdicts["double"].points == 2


def test_the_limits_of_this_file_work() -> None:
    with pytest.raises(MemoryError), at_most(20, 0.5):
        bytearray(2**30)
    with pytest.raises(TimeoutError), at_most(1, 4):
        while True:
            types.SimpleNamespace()
