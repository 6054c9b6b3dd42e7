"""Whole submissions: honest ones get what they earned, forged ones nothing, and one exercise never costs another."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from course_staff.grading.connection import Connection
from course_staff.grading.examine import InfrastructureError, examine
from course_staff.grading.job import Result
from course_staff.grading.launch import Launcher
from course_staff.grading.prepare import prepare
from course_staff.grading.wire import Disconnected
from tests.grading.conftest import MiniLab

DOUBLE = "def double(x):\n    return x + x"
NORM = "def norm(x):\n    return np.linalg.norm(x)"
Submit = Callable[..., Path]


def points(result: Result) -> dict[str, float]:
    return {name: verdict.points for name, verdict in result.verdicts.items()}


def test_the_reference_earns_everything(mini: MiniLab) -> None:
    result = mini.examine(mini.course.solution("90_mini").with_suffix(".ipynb"))
    assert (result.points, result.max_points, result.flags) == (5, 5, [])
    assert "1.414" in str(result.outputs), "the experiment's output is kept"


def test_the_untouched_release_earns_nothing_and_says_why(mini: MiniLab) -> None:
    result = mini.examine(mini.release)
    assert result.points == 0
    assert {verdict.status for verdict in result.verdicts.values()} == {"unanswered"}
    assert "double is not written yet" in result.verdicts["double"].message


def test_a_wrong_answer_costs_its_exercise_and_names_the_slip(mini: MiniLab, hand_in: Submit) -> None:
    result = mini.examine(hand_in(double="def double(x):\n    return -2 * x", norm=NORM))
    assert points(result) == {"double": 0, "norm": 3}
    assert "sign is flipped" in result.verdicts["double"].message


def test_feedback_on_a_hidden_check_shows_no_values(mini: MiniLab, hand_in: Submit) -> None:
    wrong = "def double(x):\n    return 2 * x if x.ndim == 1 else 2 * x.T"
    message = mini.examine(hand_in(double=wrong)).verdicts["double"].message
    assert "transposed" in message and "expected:" not in message and "[" not in message


@pytest.mark.parametrize("error", [
    "ValueError(f'INPUT {x}')", "NameError(f'INPUT {x}', name='double')", "checks.CheckFailed(f'INPUT {x}', f'INPUT {x}')",
    "checks.Unanswered('', f'INPUT{x.size}.{x[0, 0]}')", "type(f'INPUT{x[0, 0]}', (Exception,), {})()",
    "type('CheckFailed', (Exception,), {})(f'INPUT {x}')", "type('Unanswered', (Exception,), {'name': 'INPUT'})('INPUT')",
])
def test_an_error_in_a_hidden_check_does_not_carry_the_input_out(mini: MiniLab, hand_in: Submit, error: str) -> None:
    result = mini.examine(hand_in(double=f"def double(x):\n    if x.ndim == 2: raise {error}\n    return 2 * x"))
    assert result.verdicts["double"].points == 0 and "INPUT" not in result.to_json()


def test_what_is_printed_about_hidden_inputs_reaches_nobody(mini: MiniLab, hand_in: Submit) -> None:
    spy = "def double(x):\n    print('INPUT', x)\n    return 2 * x"
    result = mini.examine(hand_in(double=spy, norm=NORM))
    assert result.points == 5 and "INPUT" not in result.to_json()


def test_no_cell_runs_after_a_hidden_input_was_seen(mini: MiniLab, hand_in: Submit) -> None:
    spy = """
seen = []
def double(x):
    seen.append(x); open("seen.txt", "a").write(str(x))
    return 2 * x
"""

    def edit(notebook: nbformat.NotebookNode) -> None:
        place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "norm")
        look = "import os\nprint('SEEN', seen, os.path.exists('seen.txt') and open('seen.txt').read())"
        notebook.cells.insert(place, nbformat.v4.new_code_cell(look))

    result = mini.examine(hand_in(edit, double=spy, norm=NORM))
    assert result.points == 5
    assert "SEEN [] False" in str(result.outputs)


def test_a_test_sees_the_notebook_as_it_was_at_its_place(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        notebook.cells.append(nbformat.v4.new_code_cell("def double(x): return 0\ndef norm(x): return 0"))

    assert points(mini.examine(hand_in(edit, double=DOUBLE, norm=NORM))) == {"double": 2, "norm": 3}


THREADS = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"


def test_an_answer_beside_a_thread_is_tested_in_a_process_that_ran_the_cells_again(mini: MiniLab, hand_in: Submit) -> None:
    """A copy of a process with threads may hang on a lock that no thread will ever release."""
    torch_threads = "torch.set_num_threads(2)\nfor _ in range(3): torch.randn(500, 500) @ torch.randn(500, 500)\n"
    source = f"{THREADS}{torch_threads}def double(x):\n    return (torch.eye(600) @ torch.ones(600, 600)).max().item() * 2 * x"
    assert points(mini.examine(hand_in(double=source, norm=NORM))) == {"double": 2, "norm": 3}


@dataclass
class Broken:
    """A machine whose candidates do not start, after the first few that do."""

    launcher: Launcher
    good: int
    name: str = "none"

    def check(self) -> None: ...

    def start(self, cpu_used: float = 0.0) -> Connection:
        self.good -= 1
        if self.good < 0:
            raise Disconnected("no memory left")
        return self.launcher.start(cpu_used)


@pytest.mark.parametrize("good", [0, 1])
def test_a_machine_that_cannot_start_candidates_is_no_verdict(mini: MiniLab, hand_in: Submit, good: int) -> None:
    job = prepare(mini.lab, mini.release, hand_in(double=THREADS + DOUBLE), "someone")
    with pytest.raises(InfrastructureError, match="no memory left"):
        examine(job, Broken(mini.launcher, good))


def test_the_candidate_cannot_name_a_process_to_be_killed(mini: MiniLab, hand_in: Submit) -> None:
    victim = subprocess.Popen(["sleep", "600"])
    source = f"""
import gc
space = type(next(o for o in gc.get_objects() if type(o).__name__ == "Candidate")).run.__globals__
send = space["send"]
def lie(connection, reply, *rest):
    send(connection, {{**reply, "pid": {victim.pid}}} if "pid" in reply else reply, *rest)
space["send"] = lie
{DOUBLE}
"""
    try:
        mini.examine(hand_in(double=source, norm=NORM))
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


@pytest.mark.parametrize(("source", "status"), [
    ("def norm(x):\n    while True: pass", "limit"),
    ("import os\ndef norm(x): os._exit(0)", "died"),
    ("def norm(x):\n    import ctypes; ctypes.string_at(0)", "died"),
    ("def norm(x): return norm(x)", "failed"),
    ("def norm(x): raise SystemExit", "failed"),
    ("def norm(x): exit()", "failed"),
])
def test_a_limit_inside_one_exercise_costs_that_exercise_only(mini: MiniLab, hand_in: Submit, source: str, status: str) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "double")
        # The broken answer stands before the sound one.
        notebook.cells[place].source = source + "\n" + DOUBLE
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("print('still here')"))

    result = mini.examine(hand_in(edit, norm=source))
    assert points(result) == {"double": 2, "norm": 0}
    assert result.verdicts["norm"].status == status


def test_a_candidate_of_its_own_is_started_where_none_is_warm(mini: MiniLab, hand_in: Submit) -> None:
    result = examine(prepare(mini.lab, mini.release, hand_in(double=DOUBLE), "someone"))
    assert points(result) == {"double": 2, "norm": 0} and result.sandbox == "none"


def test_cells_run_again_after_a_limit(mini: MiniLab, hand_in: Submit) -> None:
    result = mini.examine(hand_in(double="def double(x):\n    import os; os._exit(1)", norm=NORM))
    assert points(result) == {"double": 0, "norm": 3}
    assert result.verdicts["double"].status == "died"


def test_a_cell_that_ends_the_process_or_never_ends_is_left_out(mini: MiniLab, hand_in: Submit, monkeypatch) -> None:
    monkeypatch.setattr("course_staff.grading.prepare.RUN_SECONDS", 2.0)
    result = mini.examine(hand_in(double="while True: pass", norm=NORM))
    assert points(result) == {"double": 0, "norm": 3}
    assert "stopped" in result.verdicts["double"].message and any("double" in flag for flag in result.flags)
    result = mini.examine(hand_in(double=DOUBLE, norm="import os; os._exit(3)"))
    assert points(result) == {"double": 2, "norm": 0}


def test_a_syntax_error_is_told(mini: MiniLab, hand_in: Submit) -> None:
    verdict = mini.examine(hand_in(double="def double(x)\n    return 2 * x", norm=NORM)).verdicts["double"]
    assert verdict.points == 0 and "SyntaxError" in verdict.message


def test_a_renamed_function_is_told(mini: MiniLab, hand_in: Submit) -> None:
    verdict = mini.examine(hand_in(double="def doubled(x):\n    return 2 * x")).verdicts["double"]
    assert "must define it under exactly this name" in verdict.message


def test_the_student_s_numpy_is_not_the_test_s(mini: MiniLab, hand_in: Submit) -> None:
    source = "import numpy as np\nnp.array = lambda *a, **k: 0\nnp.linalg.norm = lambda *a: 0.0\ndef norm(x): return 0.0"
    assert mini.examine(hand_in(double=DOUBLE, norm=source)).verdicts["norm"].points == 0


HONEST = {
    "prints and warnings": "import warnings, sys\ndef double(x):\n    print(x); print(x, file=sys.stderr)\n"
                           "    warnings.warn('careful')\n    return 2 * x",
    "another name inside": "def twice(x):\n    return 2 * x\ndouble = twice",
    "a lambda": "double = lambda x: 2 * x",
    "a callable object": "class Double:\n    def __call__(self, x): return 2 * x\ndouble = Double()",
    "a tensor for an array": "def double(x):\n    return torch.as_tensor(x) * 2",
    "magics": "%matplotlib inline\ndef double(x):\n    return 2 * x",
    "a figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\ndef double(x):\n    return 2 * x",
    "a decorator": "import functools\n@functools.lru_cache\ndef two(): return 2\ndef double(x): return two() * x",
    "an error after the definition": "def double(x):\n    return 2 * x\n1 / 0",
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST.keys())
def test_honest_but_unusual_answers_lose_nothing(mini: MiniLab, hand_in: Submit, source: str) -> None:
    verdict = mini.examine(hand_in(double=source)).verdicts["double"]
    assert verdict.points == 2, verdict.message


def test_the_answer_may_stand_in_an_added_cell(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        place = next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "double")
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(DOUBLE))

    assert points(mini.examine(hand_in(edit)))["double"] == 2


# Forgeries: each of them earned points where tests run in the student's interpreter.

FORGERIES = {
    "patched run_code": "ip = get_ipython()\nasync def run_code(*a, **k): return False\nip.run_code = run_code",
    "patched do_execute": "import ipykernel.ipkernel as k\nk.IPythonKernel.do_execute = lambda *a, **k: None",
    "an input transformer": "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])",
    "an AST transformer": "import ast\nclass T(ast.NodeTransformer):\n    def visit_Module(self, node):\n"
                          "        node.body = []\n        return node\nget_ipython().ast_transformers.append(T())",
    "the test read from In[-1]": "def double(x):\n    import re\n    src = get_ipython().user_ns['In'][-1]\n"
                                 "    return eval(re.search(r'expected = (.*)', src)[1])",
    "patched numpy.testing": "import numpy.testing as t\nfor n in dir(t):\n    if n.startswith('assert'): setattr(t, n, lambda *a, **k: None)",
    "patched checks": "import course_utils.checks as c\nfor n in ('close', 'equal', 'that', 'raises', 'shape'):\n"
                      "    setattr(c, n, lambda *a, **k: None)\n    setattr(c.compare, n, lambda *a, **k: None)\n"
                      "double = lambda x: 0\nnorm = lambda x: 0",
    "an always-equal object": "class E:\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0\n"
                              "    def __array__(self, *a, **k): return __import__('numpy').zeros(2)\n"
                              "double = norm = lambda x: E()",
    "a file named numpy.py": "open('numpy.py', 'w').write('def __getattr__(n): return lambda *a, **k: True')\n"
                             "open('course_utils.py', 'w').write('')\ndouble = norm = lambda x: 0",
    "patched built-ins": "import builtins\nbuiltins.abs = builtins.sum = lambda *a: 0\nbuiltins.all = builtins.any = builtins.isinstance = lambda *a: True\n"
                         "double = norm = lambda x: 0",
    "patched torch and numpy": "import numpy as np, torch\nnp.allclose = torch.allclose = np.array_equal = lambda *a, **k: True\n"
                               "double = norm = lambda x: 0",
    "exit": "import sys; sys.exit(0)",
    "an exception hook": "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)",
    "frames on the socket": "import gc, socket, struct, json\nfor s in gc.get_objects():\n    if isinstance(s, socket.socket):\n"
                            "        d = json.dumps([[], {'d': [['status', 'passed'], ['points', 2]]}]).encode()\n"
                            "        s.sendall(struct.pack('<I', len(d)) + d)",
    "a patched candidate": "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Candidate':\n"
                           "        type(o).call = lambda self, r: {'value': True, 'points': 2, 'slots': []}",
}


@pytest.mark.parametrize("source", FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries_earn_nothing(mini: MiniLab, hand_in: Submit, source: str) -> None:
    result = mini.examine(hand_in(double=source))
    assert result.points == 0, result.verdicts


def test_skip_execution_earns_nothing_and_is_noted(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        for cell in notebook.cells:
            cell.metadata["tags"] = ["skip-execution"]

    result = mini.examine(hand_in(edit))
    assert result.points == 0 and any("skip-execution" in flag for flag in result.flags)


def test_saved_outputs_count_for_nothing(mini: MiniLab, hand_in: Submit) -> None:
    def edit(notebook: nbformat.NotebookNode) -> None:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = 1
                cell.outputs = [nbformat.v4.new_output("stream", text="5/5")]

    result = mini.examine(hand_in(edit))
    assert result.points == 0 and "5/5" not in result.to_json()


def test_the_candidate_sees_neither_tests_nor_solutions(mini: MiniLab, hand_in: Submit) -> None:
    source = """
import os, sys, glob
def double(x):
    return 2 * x
print("FILES", [os.path.basename(f) for p in sys.path[:1] + ['.'] for f in glob.glob(p + '/**', recursive=True)])
print("ENV", sorted(os.environ))
print("ARGS", sys.argv, sys.orig_argv[1:2])
"""
    result = mini.examine(hand_in(double=source))
    shown = str(result.outputs)
    assert "FILES" in shown and "solutions" not in shown and "90_mini" not in shown and "examine" not in shown
    assert "COURSE_DATA_MIRROR" not in shown


def test_the_next_submission_starts_clean(mini: MiniLab, hand_in: Submit) -> None:
    mini.examine(hand_in(double="import builtins\nbuiltins.double = lambda x: 2 * x\n" + DOUBLE, norm=NORM))
    assert mini.examine(mini.release).points == 0


def test_a_result_survives_its_file(mini: MiniLab, hand_in: Submit) -> None:
    result = mini.examine(hand_in(double=DOUBLE))
    assert Result.from_json(result.to_json()) == result
