"""Every diagnosis is provoked, and honest values pass."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_utils import checks
from course_utils.checks.forbid import Source, find_forbidden, relevant_source

A = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]])
SQUARE = np.array([[1.0, 2.0], [3.0, 5.0]])
PROBS = np.array([[0.2, 0.8], [0.7, 0.3], [0.5, 0.5]])


class Matrix(np.ndarray):
    pass


DIAGNOSES: dict[str, tuple[Any, Any, str]] = {
    "nothing returned": (None, A, "return"),
    "a generator": ((x for x in [1]), A, "generator"),
    "a function": (len, A, "brackets"),
    "a module": (torch.nn.Linear(1, 1), A, "class Linear"),
    "text": ("3", 3.0, "str, not a number"),
    "a list for an array": (A.tolist(), A, "a list where"),
    "transposed": (A.T, A, "the result is transposed"),
    "transposed, wrong values": (A.T + A.T**2, A, "shape is that of the transposed"),
    "transposed square": (SQUARE.T, SQUARE, "transposed"),
    "wrong shape": (np.ones((4, 5)), A, r"shape is \(4, 5\)"),
    "axes in another order": (np.ones((4, 2, 3)), np.ones((2, 4, 3)), "another order"),
    "keepdim": (A.sum(1, keepdims=True), A.sum(1), "values are right.*keepdim"),
    "keepdim, wrong values": (np.ones((2, 1)), np.array([3.0, 4.0]), "axis of length 1"),
    "outer broadcast": (np.subtract.outer(A[0], A[1]), A[0] - A[1], "broadcasting made"),
    "no mean over the batch": (A, A.mean(0), "the mean over axis 0 is missing"),
    "no sum at all": (A, np.array(A.sum()), "the sum over all entries is missing"),
    "summed too far": (A.sum(0), A, "summed over axis 0"),
    "averaged too far": (A.mean(), A, "averaged over all entries"),
    "not broadcast": (np.array([7.0]), np.full(3, 2.0), "axis|not broadcast"),
    "NaN": (A * np.nan, A, "overflow or an undefined"),
    "infinite": (np.inf, 3.0, "the value is NaN or infinite"),
    "one NaN": (np.where(A == 9, np.nan, A), A, "1 of 6 values"),
    "zero": (A * 0, A, "every value is 0"),
    "sign": (-A, A, "sign is flipped"),
    "sum for mean": (6 * A, A, r"sum where the mean.*N = 6"),
    "mean for sum": (A / 6, A, r"divided by N = 6"),
    "twice": (2 * A, A, "twice the expected"),
    "half": (A / 2, A, "half the expected"),
    "minus twice": (-2 * A, A, "sign flipped and twice"),
    "odd factor": (1.37 * A, A, r"constant factor( of 1\.37|\.)"),
    "one number, a telling factor": (10.0, 1.0, "10 times"),
    "offset": (A + 0.5, A, r"off by (\+0\.5|the same)"),
    "reversed": (A[:, ::-1], A, "order along axis 1 is reversed"),
    "shifted": (np.roll(np.arange(5.0) ** 2, 1), np.arange(5.0) ** 2, "shifted by one"),
    "whole numbers": (A.astype(int), A + 0.25, "dtype"),
    "wrong axis": (PROBS / PROBS.sum(0), PROBS, "normalised over the wrong axis"),
    "log for value": (np.log(A), A, "the logarithm came"),
    "value for log": (A, np.log(A), "the exponential came|log"),
    "no root": (A**2, A, "square root is missing"),
    "root too many": (np.sqrt(A), A, "square is missing"),
    "complement": (1 - PROBS[:, 0], PROBS[:, 0], "complement|offset"),
    "reciprocal": (1 / A, A, "reciprocal"),
    "signs lost": (np.abs(A - 4), A - 4, "signs are lost"),
    "one entry": (A + np.eye(2, 3)[0] * [[0], [1]] * 0.3, A, r"1 of 6 entries.*index \(1, 0\)"),
    "nearly": (A * (1 + 0.002 * np.cos(A)), A, "close, but not close enough"),
    "nothing known": (np.cos(A * 7), A, "none of the usual"),
    "too few": ([1.0], [1.0, 2.0], "too few entries.*off by one"),
    "too many": ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0], "too many entries"),
    "no list": (1.0, [1.0, 2.0], "a float where a list"),
    "keys": ({"a": 1.0}, {"b": 1.0}, "missing keys: ('b'|some); unexpected keys: ('a'|some)"),
}


@pytest.mark.parametrize(("got", "expected", "says"), DIAGNOSES.values(), ids=DIAGNOSES.keys())
def test_each_slip_is_named(got: Any, expected: Any, says: str) -> None:
    with pytest.raises(checks.CheckFailed, match=rf"(?s)f\(x\).*Likely slip: .*{says}"):
        checks.close(got, expected, "f(x)")


@pytest.mark.parametrize(("got", "expected", "says"), [v for k, v in DIAGNOSES.items() if k not in ("a generator",)],
                         ids=[k for k in DIAGNOSES if k not in ("a generator",)])
def test_a_hidden_check_names_the_slip_and_shows_no_value(got: Any, expected: Any, says: str) -> None:
    with pytest.raises(checks.CheckFailed) as caught, checks.hidden():
        checks.close(got, expected, "f(x)")
    assert "\n  expected:" not in str(caught.value) and "got:" not in str(caught.value)
    with pytest.raises(checks.CheckFailed, match=says):
        raise caught.value


def test_tensors_are_diagnosed_as_arrays_are() -> None:
    with pytest.raises(checks.CheckFailed, match="transposed"):
        checks.close(torch.tensor(A.T), torch.tensor(A), "f(x)")


SAME: list[tuple[Any, Any]] = [
    (1, 1.0), (np.float32(1), 1.0), (torch.tensor(1.0), 1.0), (A, torch.tensor(A)), (torch.tensor(A).float(), A),
    ((1.0, A), [1.0, A]), ([np.float64(2)], (2,)), ({"a": A}, collections.OrderedDict(a=A)), (A.view(Matrix), A),
    (np.nan, np.nan), (np.array([1, np.nan]), np.array([1, np.nan])), (np.inf, np.inf), ("a", "a"), (None, None),
    (torch.nn.Parameter(torch.ones(2)), np.ones(2)), (torch.ones(2).bfloat16(), torch.ones(2)), (1 + 1e-7, 1.0), (1j, 1j),
    (np.zeros((0, 3)), np.zeros((0, 3))),
]


@pytest.mark.parametrize(("got", "expected"), SAME, ids=lambda v: f"{type(v).__name__}")
def test_what_is_close_passes(got: Any, expected: Any) -> None:
    checks.close(got, expected, "f(x)")


@pytest.mark.parametrize(("got", "expected"), [
    (1.001, 1.0), (np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (0.0, 1e-3), (True, None), ("a", "b"), ([1.0], [2.0]),
    (np.zeros((0, 3)), np.zeros((0, 4))), (1 + 1e-3j, 1.0),
])
def test_what_is_not_close_fails(got: Any, expected: Any) -> None:
    with pytest.raises(checks.CheckFailed):
        checks.close(got, expected, "f(x)")


@pytest.mark.parametrize(("got", "expected"), [
    (3, 3), (np.int64(3), 3), (torch.tensor(3), 3), ("a", "a"), ([1, (2,)], [1, (2,)]), ({1, 2}, {2, 1}), (None, None),
    ({"a": [1]}, {"a": [1]}), (np.array([1, 2]), torch.tensor([1, 2])), (range(3), range(3)), (True, True),
])
def test_what_is_equal_passes(got: Any, expected: Any) -> None:
    checks.equal(got, expected, "f(x)")


@pytest.mark.parametrize(("got", "expected"), [
    (True, 1), (1, True), (1.0, 1), (1, 1.0), ([1], (1,)), ((1,), [1]), (None, 0), (4, 3), ("3", 3), ({1}, {2}), ([1], [1, 2]),
    ({"a": 1}, {"b": 1}), (np.array([1, 2]), np.array([2, 1])), (np.array([1.0 + 1e-9]), np.array([1.0])), ({}, set()),
])
def test_what_is_not_equal_fails(got: Any, expected: Any) -> None:
    with pytest.raises(checks.CheckFailed):
        checks.equal(got, expected, "f(x)")


def test_a_slip_that_the_author_knows_is_named_first() -> None:
    slips = {"divided by the number of classes": A / 3, "forgot the bias": A - 1}
    with pytest.raises(checks.CheckFailed, match="Likely slip: forgot the bias") as caught:
        checks.close(A - 1, A, "f(x)", slips=slips)
    assert caught.value.slip == "forgot the bias."


def test_the_message_says_what_came_and_what_was_expected() -> None:
    with pytest.raises(checks.CheckFailed) as caught:
        checks.close(np.array([1.0, 2.0]), np.array([1.0, 3.0]), "softmax(logits)")
    assert str(caught.value).split("\n")[:3] == [
        "Not as expected: softmax(logits).", "  expected: [1., 3.]  shape (2,), float64",
        "  got:      [1., 2.]  shape (2,), float64"]


def test_a_long_value_is_cut() -> None:
    assert len(checks.describe(list(range(10_000)))) < 250 and len(checks.describe(np.zeros((50, 50)))) < 250


def test_an_argument_changed_in_place_is_noticed() -> None:
    x = A.copy()
    checks.unchanged(x, A, "x")
    x += 1
    with pytest.raises(checks.CheckFailed, match="modified in place"):
        checks.unchanged(x, A, "x")


def test_shape() -> None:
    checks.shape(A, (2, 3), "f(x)")
    checks.shape(1.0, (), "f(x)")
    for got, says in ((A.T, "transposed"), (None, "return"), ("a", "str"), (A[None], r"\(1, 2, 3\)")):
        with pytest.raises(checks.CheckFailed, match=says):
            checks.shape(got, (2, 3), "f(x)")


def test_raises() -> None:
    def refuse(x: int) -> None:
        raise ValueError("negative")

    checks.raises(ValueError, refuse, -1)
    with pytest.raises(checks.CheckFailed, match="raised ValueError where KeyError"):
        checks.raises(KeyError, refuse, -1)
    with pytest.raises(checks.CheckFailed, match="bad input was accepted"):
        checks.raises(ValueError, abs, -1)


@pytest.mark.parametrize("condition", [False, 0, None, "yes", 1, object(), np.bool_(False), torch.tensor(False)])
def test_that_takes_nothing_but_a_truth(condition: Any) -> None:
    with pytest.raises(checks.CheckFailed, match="^must hold$"):
        checks.that(condition, "must hold")


def test_that_passes() -> None:
    for condition in (True, np.bool_(True), torch.tensor(True)):
        checks.that(condition, "must hold")


# Gradients

def grad_of(function: Callable[..., torch.Tensor]) -> None:
    x = torch.tensor([1.0, 2.0])
    _, (grad,) = checks.gradients(function, x)
    checks.close(grad, 2 * x, "the gradient")


def test_gradients_through_a_function() -> None:
    grad_of(lambda x: (x * x).sum())
    weights = [torch.ones(2, 2), torch.ones(2)]
    output, (grads,) = checks.gradients(lambda w: w[0] @ w[1], weights, weight=torch.tensor([1.0, 3.0]))
    assert output.tolist() == [2, 2] and grads[0].tolist() == [[1, 1], [3, 3]] and grads[1].tolist() == [4, 4]
    assert not weights[0].requires_grad, "the test's own inputs stay as they are"


@pytest.mark.parametrize("function", [
    lambda x: (x.detach() ** 2).sum(), lambda x: torch.tensor((x.detach().numpy() ** 2).sum()),
    lambda x: (x.data ** 2).sum(), torch.no_grad()(lambda x: (x * x).sum()),
], ids=["detach", "numpy", "data", "no_grad"])
def test_a_cut_graph_is_named(function: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(checks.CheckFailed, match="graph is cut"):
        grad_of(function)


def test_a_number_for_a_tensor_is_named() -> None:
    with pytest.raises(checks.CheckFailed, match="not a tensor"):
        grad_of(lambda x: (x * x).sum().item())


def test_a_forgotten_zero_grad_is_named() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (x * x).sum().backward()
    with pytest.raises(checks.CheckFailed, match="accumulated"):
        checks.close(x.grad, 2 * x.detach(), "the gradient")


# Randomness

def test_rng_and_seeds_repeat() -> None:
    assert checks.rng().normal() == checks.rng().normal() != checks.rng(1).normal()
    checks.seed_all(3)
    first = torch.rand(1), np.random.rand()
    checks.seed_all(3)
    assert (torch.rand(1), np.random.rand()) == first


# What the student sees

def run(source: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    shown: list[str] = []
    shell = InteractiveShell()
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, value, lines: shown.extend(lines))
    shell.run_cell(source)
    return shown


def test_a_failed_check_is_its_message_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("from course_utils import checks\nchecks.close(-1.0, 1.0, 'the loss')", monkeypatch)
    assert len(shown) == 1 and shown[0].startswith("Not as expected: the loss.") and "Traceback" not in shown[0]


def test_a_long_line_is_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab would break it within one."""
    slip = "the order of the two arguments is the other way round " * 3
    (shown,) = run(f"from course_utils import checks\nraise checks.CheckFailed('The loss.\\n  got:      1\\n{slip}')",
                   monkeypatch)
    lines = shown.split("\n")
    assert lines[:2] == ["The loss.", "  got:      1"] and max(map(len, lines)) <= 100
    assert len(lines) == 4 and lines[3].startswith("    ") and " ".join("".join(lines[2:]).split()) == slip.strip()


def test_a_stub_is_one_kind_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run("from course_utils import checks\ndef softmax(x):\n    raise checks.Unanswered('write it')\nsoftmax(1)", monkeypatch)
    assert [" ".join(line.split()) for line in shown] == [
        "softmax is not written yet. In its cell, replace the line `raise checks.Unanswered(...)` with your code, run "
        "that cell, then run this one again."]


def test_a_stub_in_a_method_names_the_method() -> None:
    class Value:
        def __add__(self, other: Any) -> Any:
            raise checks.Unanswered("write it")

    with pytest.raises(checks.Unanswered, match="not written yet|not answered yet"):
        Value() + 1


def test_hidden_lets_limits_and_stubs_through() -> None:
    class Limit(BaseException):
        pass

    for error in (Limit, checks.Unanswered, KeyboardInterrupt):
        with pytest.raises(error), checks.hidden():
            raise error
    with pytest.raises(checks.CheckFailed, match="raised KeyError on an input") as caught, checks.hidden():
        raise KeyError("secret")
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None and caught.value.__suppress_context__


# Forbidden calls

@pytest.mark.parametrize("source", [
    "def f(x): return torch.softmax(x, 1)", "def f(x): return x.softmax(1)", "def f(x): return F.softmax(x)",
    "from torch import softmax\ndef f(x): return softmax(x, 1)", "from torch import softmax as s\ndef f(x): return s(x, 1)",
    "def f(x):\n    import torch as t\n    return t.nn.functional.softmax(x)", "def f(x):\n    g = torch.softmax\n    return g(x)",
])
def test_plain_use_is_found(source: str) -> None:
    assert find_forbidden(Source(source), ["torch.softmax"]) == (["softmax"], [])


def test_honest_code_is_not_accused() -> None:
    source = "def softmax(x):\n    'Like torch.softmax.'\n    e = x.exp()  # not F.softmax\n    return e / e.sum()\ny = softmax(1)"
    assert find_forbidden(Source(source), ["torch.softmax"]) == ([], [])


@pytest.mark.parametrize("source", ["getattr(torch, 'soft' + 'max')(x)", "eval('torch.soft' 'max')", "exec('x')",
                                    "__import__('torch')", "operator.attrgetter('softmax')(torch)", "vars(torch)['softmax']", "torch.__dict__['softmax']"])
def test_evasion_is_suspicious(source: str) -> None:
    used, suspicious = find_forbidden(Source(source), ["torch.softmax"])
    assert not used and suspicious


def test_helpers_that_an_answer_calls_are_read_too() -> None:
    cells = ["from torch import softmax as other", "def helper(x): return other(x, 1)", "def unrelated(x): return torch.exp(x)",
             "def my_softmax(x): return 0", "def my_softmax(x): return helper(x)", "not python ("]
    source = relevant_source("my_softmax", cells)
    assert find_forbidden(source, ["torch.softmax"])[0] == ["softmax"]
    assert "unrelated" not in source.code and "return 0" not in source.code and "return 0" in source.beside


def test_a_parameter_is_no_helper() -> None:
    cells = ["def f(x):\n    y = [x for x in x]\n    return y", "x = torch.softmax(torch.ones(2), 0)", "y = x.softmax(0)"]
    assert find_forbidden(relevant_source("f", cells), ["torch.softmax"])[0] == []


def test_an_answer_under_a_magic_is_read() -> None:
    cells = ["%%time\ndef f(x):\n    return x.softmax(1)", "%matplotlib inline\ng: object = f"]
    assert find_forbidden(relevant_source("g", cells), ["torch.softmax"])[0] == ["softmax"]


def test_forbids_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_utils.checks.world.notebook_source", lambda name: Source(f"def {name}(x): return x.softmax(1)"))
    with pytest.raises(checks.CheckFailed, match=r"f uses softmax, which this exercise does without"):
        checks.forbids("f", "torch.softmax")
    checks.forbids("f", "torch.exp")


@pytest.mark.parametrize(("what", "shown"), [
    ("losses", "Not as expected: losses[1][0]."),
    ("the cell of h = h/2 + x", "Not as expected: the cell of h = h/2 + x, entry [1][0]."),
])
def test_an_entry_is_told_from_the_words_before_it(what: str, shown: str) -> None:
    with pytest.raises(checks.CheckFailed) as caught:
        checks.close([[1.0], [3.0]], [[1.0], [2.0]], what)
    assert shown in str(caught.value)


def test_a_forbidden_name_is_called_as_it_was_written() -> None:
    """Two modules have a function of this name; which of them the answer took is not looked at."""
    forbidden = ["torch.nn.functional.cosine_similarity", "sklearn.metrics.pairwise.cosine_similarity", "sorted", "@"]
    source = Source("from sklearn.metrics.pairwise import cosine_similarity as c\ndef f(x):\n    return sorted(c(x) @ x)")
    assert find_forbidden(source, forbidden) == (["sorted", "@", "cosine_similarity"], [])
