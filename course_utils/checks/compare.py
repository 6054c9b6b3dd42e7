"""The comparisons of a test cell. Each raises CheckFailed with what was expected, what came, and the likely slip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any

import numpy as np
import torch

from course_utils.checks.diagnose import UNKNOWN, diagnose
from course_utils.checks.errors import CheckFailed, Unanswered, fail, is_hidden
from course_utils.checks.values import NotData, describe_type, plain

Slips = Mapping[str, Any]


def close(got: Any, expected: Any, what: str, rtol: float = 1e-5, atol: float = 1e-7,
          slips: Slips | None = None) -> None:
    """Check that `got` equals `expected` to within atol + rtol·|expected|.

    got, expected: numbers, NumPy arrays or tensors of the same shape, or lists, tuples and dicts of them. An array
    may come as a tensor and the other way round; a list may come as a tuple. NaN equals NaN, and only NaN.
    what: how to call the value, for example "softmax(logits)".
    slips: for each typical slip, a sentence that names it and the value it produces.

    Raises CheckFailed.
    """
    got = _data(got, what)
    expected = plain(expected)
    try:
        _close(got, expected, what, rtol, atol)
    except CheckFailed as failure:
        raise _name_slip(failure, got, slips, lambda a, b: _close(a, b, "", rtol, atol)) from None


def equal(got: Any, expected: Any, what: str, slips: Slips | None = None) -> None:
    """Check that `got` is exactly `expected`, types included: True is not 1, a list is not a tuple.

    NumPy and PyTorch whole numbers count as int. Arrays and tensors must agree in every entry; use `close` for
    floating-point results. Raises CheckFailed.
    """
    got = _data(got, what)
    expected = plain(expected)
    try:
        _equal(got, expected, what)
    except CheckFailed as failure:
        raise _name_slip(failure, got, slips, lambda a, b: _equal(a, b, "")) from None


def that(condition: Any, message: str) -> None:
    """Check any other property. In a hidden block the message must be a constant text: it is shown to the student.

    Raises CheckFailed with `message`.
    """
    if isinstance(condition, bool | np.bool_) and condition:
        return
    if isinstance(condition, torch.Tensor) and condition.numel() == 1 and bool(condition):
        return
    raise CheckFailed(message, message)


def shape(got: Any, expected_shape: tuple[int, ...], what: str) -> None:
    """Check the shape of an array, tensor or number. Raises CheckFailed."""
    array = _numbers(_data(got, what))
    if array is None:
        raise fail(what, f"shape {tuple(expected_shape)}", describe(got), _missing(got))
    if array.shape != tuple(expected_shape):
        slip = diagnose(array, np.zeros(tuple(expected_shape)), lambda a, b: False)
        raise fail(what, f"shape {tuple(expected_shape)}", f"shape {array.shape}", slip)


def unchanged(x: Any, original: Any, what: str) -> None:
    """Check that an argument, passed through `inout`, still equals its copy `original`. Raises CheckFailed."""
    try:
        _equal(plain(x), plain(original), what)
    except CheckFailed:
        raise fail(f"{what} after the call", describe(original), describe(x),
                   "the argument was modified in place (x += …, x[…] = …, x.add_(…)): work on a copy.") from None


def raises(error: type[Exception], function: Callable[..., Any], *args: Any, what: str | None = None,
           **kwargs: Any) -> None:
    """Check that function(*args, **kwargs) raises `error`. Raises CheckFailed where it returns or raises another."""
    what = what or f"{getattr(function, '__name__', 'the function')} with a bad input"
    try:
        got = function(*args, **kwargs)
    except Unanswered:
        raise
    except error:
        return
    except Exception as other:
        asked, came = error.__name__, type(other).__name__
        raise fail(what, f"raises {asked}", f"raised {came}", f"raised {came} where {asked} was asked: look for a bad "
                   f"input before it is used, and raise {asked}.") from None
    raise fail(what, f"raises {error.__name__}", f"returned {describe(got)}",
               "a bad input was accepted: check for it first, and raise.")


def _data(got: Any, what: str) -> Any:
    try:
        return plain(got)
    except NotData as problem:
        do = ", not data: return one of those" if str(problem).startswith("an object") else ""
        raise fail(what, "numbers, text, arrays, tensors, or lists and dicts of them", describe_type(got),
                   f"the result is {problem}{do}.") from None


def _name_slip(failure: CheckFailed, got: Any, slips: Slips | None, compare: Callable[[Any, Any], None]) -> CheckFailed:
    """The same failure, with the first of `slips` whose value is the one that came as its diagnosis."""
    for sentence, value in (slips or {}).items():
        try:
            compare(got, plain(value))
        except CheckFailed:
            continue
        text = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
        return CheckFailed(str(failure).replace(f"Likely slip: {failure.slip}", f"Likely slip: {text}"), text)
    return failure


def _numbers(value: Any) -> np.ndarray | None:
    """The value as an array of numbers; None where it is something else. bfloat16 is widened: NumPy lacks it."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    return np.asarray(value) if isinstance(value, Number | np.generic) else None


def _missing(got: Any) -> str:
    if got is None:
        return "None came back: is the `return` missing?"
    return f"the result is {_article(got)}."


def _article(value: Any) -> str:
    name = {"ndarray": "NumPy array", "Tensor": "tensor"}.get(type(value).__name__, type(value).__name__)
    return f"a{'n' if name[0] in 'aeiou' else ''} {name}"


def _close(got: Any, expected: Any, what: str, rtol: float, atol: float) -> None:
    if isinstance(expected, list | tuple):
        _same_length(got, expected, what, list | tuple)
        for index, (a, b) in enumerate(zip(got, expected, strict=True)):
            _close(a, b, _entry(what, index), rtol, atol)
        return
    if isinstance(expected, dict):
        _same_keys(got, expected, what)
        for key, value in expected.items():
            _close(got[key], value, _entry(what, key), rtol, atol)
        return
    wanted = _numbers(expected)
    if wanted is None:
        _equal(got, expected, what)
        return
    came = _numbers(got)
    if came is None:
        raise fail(what, describe(expected), describe(got),
                   _missing(got) if got is None else f"the result is {_article(got)} where {_article(expected)} of "
                   "numbers was expected." if wanted.ndim else f"the result is {_article(got)}, not a number.")

    def agree(a: np.ndarray, b: np.ndarray) -> bool:
        with np.errstate(all="ignore"):
            return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))

    if not agree(came, wanted):
        raise fail(what, describe(expected), describe(got), diagnose(came, wanted, agree))


def _entry(what: str, key: Any) -> str:
    """How to call an entry of a value: `losses[0]`, but "the answer for n = 2, entry [0]", where n is not an array."""
    if " " not in what or ", entry [" in what:
        return f"{what}[{key!r}]"
    return f"{what}, entry [{key!r}]"


def _equal(got: Any, expected: Any, what: str) -> None:
    if isinstance(expected, np.ndarray | torch.Tensor):
        came, wanted = _numbers(got), _numbers(expected)
        if wanted is None:  # an array of text
            if not (isinstance(got, np.ndarray) and np.array_equal(got, expected)):
                raise fail(what, describe(expected), describe(got), UNKNOWN)
            return
        if came is None:
            raise fail(what, describe(expected), describe(got), _missing(got))

        def same(a: np.ndarray, b: np.ndarray) -> bool:
            return bool(np.shape(a) == np.shape(b) and np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"
                                                                 and np.asarray(b).dtype.kind in "fc"))

        if not same(came, wanted):
            raise fail(what, describe(expected), describe(got), diagnose(came, wanted, same))
        return
    if isinstance(expected, list | tuple):
        _same_length(got, expected, what, type(expected))
        for index, (a, b) in enumerate(zip(got, expected, strict=True)):
            _equal(a, b, _entry(what, index))
        return
    if isinstance(expected, dict):
        _same_keys(got, expected, what)
        for key, value in expected.items():
            _equal(got[key], value, _entry(what, key))
        return
    got, expected = _base_number(got), _base_number(expected)
    if type(got) is not type(expected):
        kinds = [f"{describe(value)} ({type(value).__name__})" for value in (expected, got)]
        raise fail(what, kinds[0], "None" if got is None else kinds[1], _missing(got) if got is None else
                   f"the result is of type {type(got).__name__} where {type(expected).__name__} was expected.")
    if got != expected and not (got != got and expected != expected):
        slip = diagnose(np.asarray(got), np.asarray(expected), lambda a, b: bool(np.all(a == b))) \
            if isinstance(expected, int | float | complex) and not isinstance(expected, bool) else UNKNOWN
        raise fail(what, describe(expected), describe(got), slip)


def _base_number(value: Any) -> Any:
    """NumPy scalars and tensors of one whole number as Python's own type."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def _same_length(got: Any, expected: list | tuple, what: str, kinds: Any) -> None:
    if not isinstance(got, kinds):
        raise fail(what, describe(expected), describe(got), _missing(got) if got is None else
                   f"the result is {_article(got)} where {_article(expected)} of {len(expected)} was expected.")
    if len(got) != len(expected):
        more = "too few" if len(got) < len(expected) else "too many"
        raise fail(what, f"{len(expected)} entries: {describe(expected)}", f"{len(got)} entries: {describe(got)}",
                   f"{more} entries: {len(got)} where {len(expected)} were expected"
                   + (" (off by one)." if abs(len(got) - len(expected)) == 1 else "."))


def _same_keys(got: Any, expected: dict, what: str) -> None:
    if not isinstance(got, dict):
        raise fail(what, describe(expected), describe(got), _missing(got))
    if got.keys() != expected.keys():
        missing = ", ".join(repr(key) for key in expected if key not in got)
        extra = ", ".join(repr(key) for key in got if key not in expected)
        if is_hidden():  # the names could be made of the input
            missing, extra = "some" * bool(missing), "some" * bool(extra)
        parts = [f"missing keys: {missing}"] * bool(missing) + [f"unexpected keys: {extra}"] * bool(extra)
        raise fail(what, f"keys {list(expected)}", f"keys {list(got)}", "; ".join(parts) + ".")


def describe(value: Any, width: int = 220) -> str:
    """A short text for a value: small arrays in full, large ones by shape, type and first entries."""
    try:
        value = plain(value)
    except NotData:
        return describe_type(value)
    array = _numbers(value)
    if array is not None and array.ndim:
        text = np.array2string(array, precision=6, separator=", ", threshold=12, edgeitems=2).replace("\n", "")
        text = f"{' '.join(text.split())}  shape {tuple(array.shape)}, {_dtype(value)}"
    elif array is not None:
        text = f"{array[()]:.9g}" if array.dtype.kind == "f" else f"{array[()]!s}"
    elif isinstance(value, list | tuple | dict | set | frozenset):
        text = repr(value).replace("\n", " ")
    else:
        text = repr(value)
    return text if len(text) <= width else f"{text[: width - 2]} …"


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")

