"""A test cell in the examiner: what honest code returns arrives as it is; what lies does not get through."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from course_staff.grading.proxies import Handle, Proxy
from course_staff.grading.wire import Disconnected, LimitExceeded, ProtocolError
from course_utils import checks
from course_utils.checks.values import Opaque
from tests.grading.conftest import Student

HONEST = """
import collections, typing
import numpy as np, torch
class Point(typing.NamedTuple):
    x: int
    y: int
class MyFloat(float): pass
class MyArray(np.ndarray): pass
VALUES = {
    "set": {1, 2}, "defaultdict": collections.defaultdict(list, {"a": [1]}), "counter": collections.Counter("aab"),
    "ordered": collections.OrderedDict(b=1, a=2), "range": range(1, 7, 2), "namedtuple": Point(1, 2),
    "numpy float": np.float32(0.5), "numpy int": np.int64(3), "numpy bool": np.bool_(True),
    "bfloat16": torch.ones(2, dtype=torch.bfloat16), "float subclass": MyFloat(1.5),
    "array subclass": np.arange(3).view(MyArray), "parameter": torch.nn.Parameter(torch.ones(2)),
    "size": torch.ones(2, 3).size(), "view": torch.arange(6).reshape(2, 3).T, "empty": torch.zeros(0, 4),
    "0-d": torch.tensor(3.0), "complex": torch.tensor([1 + 2j]).conj(), "max": torch.tensor([[3, 1]]).max(dim=1),
}
def get(name): return VALUES[name]
"""
EXPECTED = {
    "set": {1, 2}, "defaultdict": {"a": [1]}, "counter": {"a": 2, "b": 1}, "ordered": {"b": 1, "a": 2},
    "range": range(1, 7, 2), "namedtuple": (1, 2), "float subclass": 1.5, "size": (2, 3),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_honest_values_arrive_in_their_base_type(student: Student, name: str) -> None:
    with student.notebook(HONEST, "get") as (get, _):
        got = get(name)
    assert got == EXPECTED[name] and type(got) is type(EXPECTED[name])


def test_honest_arrays_and_tensors(student: Student) -> None:
    with student.notebook(HONEST, "get") as (get, _):
        assert type(get("numpy float")) is np.float32 and get("numpy float") == np.float32(0.5)
        assert type(get("numpy int")) is np.int64 and type(get("numpy bool")) is np.bool_
        assert get("bfloat16").dtype == torch.bfloat16 and get("bfloat16").sum() == 2
        assert type(get("array subclass")) is np.ndarray
        assert type(get("parameter")) is torch.Tensor and get("parameter").requires_grad
        assert torch.equal(get("view"), torch.arange(6).reshape(2, 3).T)
        assert get("empty").shape == (0, 4) and get("0-d").item() == 3.0
        assert torch.equal(get("complex"), torch.tensor([1 - 2j]))
        assert torch.equal(get("max")[0], torch.tensor([3]))


def test_keyword_arguments_and_defaults(student: Student) -> None:
    with student.notebook("def f(a, *, b=2, **rest): return [a, b, rest]", "f") as (f, _):
        assert f(1) == [1, 2, {}]
        assert f(a=1, b=np.ones(2), c="x")[2] == {"c": "x"}


def test_a_name_that_is_data_is_data(student: Student) -> None:
    with student.notebook("import torch\nlr = 0.1\nw = torch.ones(2)", "lr", "w") as (lr, w, _):
        assert lr == 0.1 and torch.equal(w, torch.ones(2))


def test_a_missing_name_stays_undefined(student: Student) -> None:
    with student.notebook("", ) as (remote,):
        assert remote.resolve(["softmax"]) == {}


# In place

def test_a_list_of_parameters_with_gradients_changes_in_place(student: Student) -> None:
    source = """
import torch
def step(params, lr, state):
    with torch.no_grad():
        for index, p in enumerate(params[:2]):
            state[index] = state.get(index, 0) + 1
            p -= lr * p.grad
            p.grad = None
        state["same"] = params[0] is params[2]
"""
    w, b = torch.ones(2, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    w.grad, b.grad = torch.full((2, 3), 2.0), torch.ones(3)
    params, state = [w, b, w], {}
    with student.notebook(source, "step") as (step, _):
        step(checks.inout(params), lr=0.25, state=checks.inout(state))
        assert params[0] is w and params[1] is b and params[2] is w
        assert w.grad is None and w.requires_grad
    assert torch.equal(w.detach(), torch.full((2, 3), 0.5)) and torch.equal(b.detach(), torch.full((3,), -0.25))
    assert state == {0: 1, 1: 1, "same": True}


def test_without_inout_the_inputs_stay_the_tests_own(student: Student) -> None:
    x = np.ones(3)
    with student.notebook("def f(x):\n    x *= 0\n    return x", "f") as (f, _):
        assert not f(x).any() and x.all()
        f(checks.inout(x))
    assert not x.any()


def test_a_list_whose_entries_are_replaced(student: Student) -> None:
    source = "def f(items):\n    items[0] = items[0] * 2\n    items.append('new')\n    items.reverse()"
    first = torch.ones(2)
    items = [first, 5]
    with student.notebook(source, "f") as (f, _):
        f(checks.inout(items))
    assert items[:2] == ["new", 5] and torch.equal(items[2], torch.full((2,), 2.0))
    assert torch.equal(first, torch.ones(2)), "a new tensor took its place; the old one is as it was"


def test_an_exception_keeps_what_was_changed_before_it(student: Student) -> None:
    x = np.zeros(2)
    with student.notebook("def f(x):\n    x[0] = 1\n    raise KeyError('k')", "f") as (f, _):
        with pytest.raises(KeyError):
            f(checks.inout(x))
    assert x.tolist() == [1, 0]


def test_an_array_cannot_change_its_shape_in_place(student: Student) -> None:
    # Only a forged answer can say so.
    source = """
import gc
type(next(o for o in gc.get_objects() if type(o).__name__ == "Candidate"))._slot = lambda self, value: {"value": __import__("numpy").zeros(9)}
def f(x): pass
"""
    with student.notebook(source, "f") as (f, _), pytest.raises(ProtocolError):
        f(checks.inout(np.zeros(2)))


# Callbacks

def test_a_callback_gets_data_only_and_answers(student: Student) -> None:
    source = """
import numpy as np
class Liar(np.ndarray): pass
def slope(f, x, h=1e-3): return (f((x + h).view(Liar)) - f(x - h)) / (2 * h)
"""
    kinds = []

    def square(x: np.ndarray) -> np.ndarray:
        kinds.append(type(x))
        return x**2

    with student.notebook(source, "slope") as (slope, _):
        checks.close(slope(square, np.array([1.0, 3.0])), np.array([2.0, 6.0]), "slope")
    assert kinds == [np.ndarray, np.ndarray]


def test_a_callback_that_fails_says_only_the_type(student: Student) -> None:
    def refuse(x: float) -> float:
        raise ValueError(f"the secret is {x}")

    with student.notebook("def f(g):\n    return g(3)", "f") as (f, _), pytest.raises(RuntimeError) as caught:
        f(refuse)
    assert "ValueError" in str(caught.value) and "secret" not in str(caught.value)


def test_a_callback_dies_with_its_call(student: Student) -> None:
    with student.notebook("kept = []\ndef keep(g):\n    kept.append(g)\ndef later(h):\n    return kept[0](1)", "keep", "later") as (
            keep, later, _):
        keep(lambda x: "the first secret")
        with pytest.raises(RuntimeError, match="one call only"):
            later(lambda x: "the second secret")


def test_one_deadline_covers_a_call_with_all_its_callbacks(student: Student) -> None:
    student.seconds = 1.0
    with student.notebook("def f(g):\n    while True: g(1)", "f") as (f, _), pytest.raises(LimitExceeded):
        f(lambda x: x)


# Exceptions

@pytest.mark.parametrize(("raised", "error", "text"), [
    ("ValueError('bad shape')", ValueError, "bad shape"),
    ("KeyError('k')", KeyError, "k"),
    ("ZeroDivisionError()", ZeroDivisionError, ""),
    ("np.linalg.LinAlgError('singular')", ValueError, "LinAlgError: singular"),
    ("type('Mine', (IndexError,), {})('own class')", IndexError, "Mine: own class"),
    ("UnicodeDecodeError('utf8', b'x', 0, 1, 'why')", ValueError, "UnicodeDecodeError"),
    ("StopIteration(3)", RuntimeError, "StopIteration"),
    ("SystemExit(0)", RuntimeError, "exit"),
    ("KeyboardInterrupt()", RuntimeError, "KeyboardInterrupt"),
    ("ValueError('x' * 10_000_000)", ValueError, "xxx"),
    ("ExceptionGroup('g', [ValueError('x')])", Exception, "ExceptionGroup"),
])
def test_exceptions_arrive_by_a_fixed_table(student: Student, raised: str, error: type[Exception], text: str) -> None:
    with student.notebook(f"import numpy as np\ndef f():\n    raise {raised}", "f") as (f, _):
        with pytest.raises(error) as caught:
            f()
    assert text in str(caught.value) and len(str(caught.value)) < 400
    assert type(caught.value) is error


def test_an_error_whose_text_cannot_be_had(student: Student) -> None:
    with student.notebook("class E(Exception):\n    def __str__(self): raise SystemExit\ndef f(): raise E()", "f") as (f, _):
        with pytest.raises(Exception, match="^E: $"):
            f()


def test_a_stub_says_which_function_is_not_written(student: Student) -> None:
    source = "from course_utils import checks\ndef softmax(x):\n    raise checks.Unanswered('write it')"
    with student.notebook(source, "softmax") as (softmax, _), pytest.raises(checks.Unanswered, match="softmax is not written"):
        softmax(1)


def test_the_end_of_the_process_is_not_an_exception_of_the_test(student: Student) -> None:
    with student.notebook("import os\ndef f(): os._exit(0)", "f") as (f, _), pytest.raises(Disconnected):
        try:
            f()
        except Exception:
            pytest.fail("a test could swallow it")


def test_an_endless_loop_is_not_an_exception_of_the_test(student: Student) -> None:
    student.seconds = 0.5
    with student.notebook("def f():\n    while True: pass", "f") as (f, _), pytest.raises(LimitExceeded):
        with checks.hidden():
            f()


def test_a_flood_of_bytes_is_stopped(student: Student) -> None:
    student.megabytes = 1
    with student.notebook("import numpy as np\ndef f(): return np.zeros(10**6)", "f") as (f, _):
        with pytest.raises(LimitExceeded, match="MB"):
            f()


# Objects

VALUE = """
class Value:
    def __init__(self, data): self.data, self.grad, self.secret = data, 0.0, 42
    def __add__(self, other): return Value(self.data + getattr(other, "data", other))
    def __mul__(self, other): return Value(self.data * getattr(other, "data", other))
    def __neg__(self): return self * -1
    def __pow__(self, n): return Value(self.data ** n)
    def __sub__(self, other): return self + -other
    def __rsub__(self, other): return -self + other
    __radd__, __rmul__ = __add__, __mul__
    def __eq__(self, other): return True
    __hash__ = object.__hash__
    def backward(self): self.grad = 1.0
    def parts(self): return [self, self.data]
def total(values): return sum(v.data for v in values)
"""


def test_a_class_with_overloaded_operators_on_either_side(student: Student) -> None:
    with student.notebook(VALUE, "Value", "total") as (Value, total, _):
        checks.handle("Value", methods=["backward", "parts"], attributes=["data", "grad"])
        a, b = Value(2.0), Value(-3.0)
        out = 1 + a * b + 2 * a - (10 - b) ** 2 + (-a)
        assert isinstance(out, Handle)
        assert out.data == 1 + 2 * -3 + 4 - 169 - 2
        assert out.backward() is None and out.grad == 1.0
        assert total([a, b]) == -1.0, "a handle passed back inside a list is the object itself"
        parts = out.parts()
        assert isinstance(parts[0], Handle) and parts[1] == out.data


def test_objects_need_to_be_declared(student: Student) -> None:
    with student.notebook(VALUE, "Value") as (Value, _):
        got = Value(1.0)
        assert isinstance(got, Opaque)
        with pytest.raises(checks.CheckFailed, match="an object of class Value"):
            checks.close(got, 1.0, "the value")


def test_only_what_is_declared_is_reachable(student: Student) -> None:
    with student.notebook(VALUE, "Value") as (Value, _):
        checks.handle("Value", attributes=["data"])
        value = Value(1.0)
        for name in ("secret", "backward", "__dict_of__", "__array__", "__float__"):
            with pytest.raises(AttributeError):
                getattr(value, name)


def test_an_object_cannot_agree_with_everything(student: Student) -> None:
    with student.notebook(VALUE, "Value") as (Value, _):
        checks.handle("Value", attributes=["data"])
        value = Value(1.0)
        assert isinstance(value == 7, Handle), "the answer of its __eq__ is another object, not a truth"
        with pytest.raises(TypeError, match="truth value"):
            assert value == 7
        for compare in (checks.close, checks.equal):
            with pytest.raises(checks.CheckFailed):
                compare(value, 7.0, "the value")


@pytest.mark.timeout(60)
def test_an_object_that_has_an_item_for_every_number_cannot_be_gone_through(student: Student) -> None:
    source = "class Value:\n    def __init__(self, data): pass\n    def __getitem__(self, i): return self"
    with student.notebook(source, "Value") as (Value, _):
        checks.handle("Value")
        value = Value(1.0)
        assert isinstance(value[3], Handle)
        for go_through in (set, list, lambda found: 3 in found):
            with pytest.raises(TypeError):
                go_through(value)


@pytest.mark.timeout(60)
def test_calls_that_are_short_but_never_end_are_stopped_together(student: Student) -> None:
    with student.notebook("def again(): return True", "again") as (again, remote):
        remote.deadline = time.monotonic() + 0.5
        with pytest.raises(LimitExceeded):
            while again():
                pass


LIARS = """
import numpy as np, torch
class Float(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
class Int(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
class List(list):
    def __eq__(self, other): return True
    def __iter__(self): return iter([1.0, 2.0])
    def __len__(self): return 2
class Dict(dict):
    def __eq__(self, other): return True
    def __getitem__(self, key): return 7.0
    def items(self): return [("a", 7.0)]
class Array(np.ndarray):
    def __array_ufunc__(self, *args, **kwargs): return np.array(True)
    def __array_function__(self, *args, **kwargs): return True
    def __eq__(self, other): return True
class Tensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return torch.tensor(True)
class Anything:
    __array_interface__ = {"shape": (2,), "typestr": "<f8", "data": (0, False), "version": 3}
    @property
    def __class__(self): return float
    def __array__(self, *a, **k): return np.array([1.0, 2.0])
    def __float__(self): return 7.0
    def __eq__(self, other): return True
liars = [Float(0), Int(0), Text("no"), List(["no", "no"]), Dict(a=0.0), np.zeros(2).view(Array),
         torch.zeros(2).as_subclass(Tensor), Anything()]
def f(i): return liars[i]
"""


@pytest.mark.parametrize(("index", "expected"), [
    (0, 7.0), (1, 7), (2, "yes"), (3, [1.0, 2.0]), (4, {"a": 7.0}), (5, np.array([1.0, 2.0])), (6, torch.tensor([1.0, 2.0])),
    (7, 7.0), (7, np.array([1.0, 2.0])),
])
def test_lying_objects(student: Student, index: int, expected: object) -> None:
    with student.notebook(LIARS, "f") as (f, _):
        got = f(index)
        for compare in (checks.close, checks.equal):
            with pytest.raises(checks.CheckFailed):
                compare(got, expected, "f(index)")


# The test cell's side

def test_what_is_printed_during_a_call_is_dropped(student: Student) -> None:
    source = """
import os, sys
def f(x):
    print("leak", x); print("leak", x, file=sys.stderr); os.write(1, b"leak"); display("leak")
    return x
"""
    from course_staff.grading.examine import run_cell

    with student.notebook(source, "f") as (f, _):
        assert f(3) == 3
    later = run_cell(student.connection, "print('after')", 5)
    assert "leak" not in str(later) and "after" in str(later)


def test_seeds_reach_both_sides(student: Student) -> None:
    source = "import random, numpy as np, torch\ndef draw(): return [random.random(), np.random.rand(), torch.rand(2)]"
    with student.notebook(source, "draw") as (draw, _):
        checks.seed_all(5)
        first, here = draw(), torch.rand(2)
        checks.seed_all(5)
        second = draw()
    assert first[:2] == second[:2] and torch.equal(first[2], second[2])
    assert torch.equal(first[2], here)


def test_hidden_inputs_are_private(student: Student) -> None:
    public = checks.rng().normal()
    with student.notebook("", seed=1):
        private = checks.rng().normal()
        assert checks.rng().normal() == private, "the same in every run of the grader"
        assert checks.rng(1).normal() != private
    with student.notebook("", seed=2):
        assert checks.rng().normal() not in (public, private)
    assert public != private


def test_gradients_flow_on_the_students_side(student: Student) -> None:
    source = "import torch\ndef f(x, w): return torch.tanh(x @ w)\ndef cut(x, w): return f(x.detach(), w)"
    x, w = torch.randn(3, 2, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    weight = torch.randn(3, dtype=torch.float64)
    leaf = w.clone().requires_grad_(True)
    (torch.tanh(x @ leaf) * weight).sum().backward()
    with student.notebook(source, "f", "cut") as (f, cut, _):
        output, (gx, gw) = checks.gradients(f, x, w, weight=weight)
        assert torch.allclose(output, torch.tanh(x @ w)) and torch.allclose(gw, leaf.grad) and gx.shape == x.shape
        with pytest.raises(checks.CheckFailed, match="graph is cut"):
            checks.gradients(cut, x, w)
        with pytest.raises(TypeError, match="by its name"):
            checks.gradients(lambda x: f(x, w), x)


def test_forbidden_calls_are_read_from_the_source_on_the_trusted_side(student: Student) -> None:
    source = "import torch\nfrom torch import softmax as helper\ndef my_softmax(x):\n    return helper(x, 1)"
    with student.notebook(source, "my_softmax"), pytest.raises(checks.CheckFailed, match=r"uses softmax, which"):
        checks.forbids("my_softmax", "torch.softmax")


def test_evasion_is_flagged_for_a_human(student: Student) -> None:
    source = "import torch\ndef my_softmax(x):\n    return getattr(torch, 'soft' + 'max')(x, 1)"
    with student.notebook(source, "my_softmax") as (_, remote):
        checks.forbids("my_softmax", "torch.softmax")
        assert "getattr" in remote.flags[0]


def test_a_test_cannot_pass_what_is_not_data(student: Student) -> None:
    with student.notebook("def f(x): return x", "f") as (f, _):
        assert isinstance(f, Proxy)
        for value in (torch.nn.Linear(1, 1), np.random.default_rng(), f, dict):
            if callable(value) and not isinstance(value, Proxy | type):
                continue
            with pytest.raises(TypeError):
                f(value)


# Forged answers

FORGE = """
import gc, os, socket, struct, json
def sockets():
    return [s for s in gc.get_objects() if isinstance(s, socket.socket) and s.fileno() >= 0]
def write(frame):
    for s in sockets():
        data = json.dumps([[], frame]).encode()
        s.sendall(struct.pack("<I", len(data)) + data)
"""


def test_an_answer_sent_in_advance_is_recognised(student: Student) -> None:
    source = FORGE + "\ndef f():\n    write({'d': [['id', 0], ['value', 7.0]]})\n    return 7.0"
    with student.notebook(source, "f") as (f, _), pytest.raises(ProtocolError):
        f()


def test_an_answer_to_a_later_question_is_recognised(student: Student) -> None:
    source = FORGE + """
import sys
def f():
    number = sys._getframe(2).f_locals  # the candidate's own frames hold the number of this question, not of the next
    write({'d': [['id', 1], ['value', 7.0]]})
    return 1.0
"""
    with student.notebook(source, "f") as (f, _remote), pytest.raises(ProtocolError):
        f()
        f()


def test_a_callback_that_was_never_passed(student: Student) -> None:
    source = """
import gc
def f():
    candidate = next(o for o in gc.get_objects() if type(o).__name__ == "Candidate")
    return candidate._callback(0)(1)
"""
    with student.notebook(source, "f") as (f, _), pytest.raises(ProtocolError):
        f()
