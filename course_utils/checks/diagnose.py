"""From a wrong value to the slip that made it.

Every rule looks at the value that came and the one that was expected, and either recognises one slip or passes.
The first that recognises something speaks; rules are ordered from certain to vague.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from course_utils.checks.errors import is_hidden

Rule = Callable[[np.ndarray, np.ndarray, "Close"], str | None]
Close = Callable[[np.ndarray, np.ndarray], bool]

UNKNOWN = "none of the usual ones. Compare with the formula above on a small example by hand."


def diagnose(got: np.ndarray, expected: np.ndarray, close: Close) -> str:
    """One sentence on the likely slip.

    got, expected: arrays of numbers, of any shapes, known to differ. close: the comparison that was used.
    """
    with np.errstate(all="ignore"):
        rules = _SHAPE_RULES if got.shape != expected.shape else _VALUE_RULES
        for rule in rules:
            message = rule(got, expected, close)
            if message:
                return message
    return UNKNOWN


def _shape(got: np.ndarray, expected: np.ndarray) -> str:
    """The shape that came. One far from any honest slip is not spelled out: it could carry a hidden input out."""
    usual = got.ndim <= expected.ndim + 2 and all(length < 1000 or length in expected.shape for length in got.shape)
    return str(got.shape) if usual else f"a shape of {got.ndim} axes"


def _not_finite(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if not np.isfinite(expected).all() or np.isfinite(got).all():
        return None
    count = int((~np.isfinite(got)).sum())
    where = f"{count} of {got.size} values are NaN or infinite" if got.size > 1 else "the value is NaN or infinite"
    return (
        f"overflow or an undefined operation: {where} "
        "(exp of a large number, log of 0, 0/0, or a division by a standard deviation of 0)."
    )


def _transposed_shape(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim >= 2 and got.T.shape == expected.shape:
        sure = "the result is transposed" if close(got.T, expected) else "the shape is that of the transposed result"
        return f"{sure}: {_shape(got, expected)} where {expected.shape} was expected."
    return None


def _extra_axes(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.squeeze().shape != expected.squeeze().shape:
        return None
    right = "the values are right, but " if close(got.squeeze(), expected.squeeze()) else ""
    return (
        f"{right}the shape is {_shape(got, expected)} where {expected.shape} was expected: "
        "an axis of length 1 too many or too few (keepdim, squeeze, unsqueeze)."
    )


def _not_reduced(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim <= expected.ndim:
        return None
    for axis in [*range(got.ndim), None]:
        for name, reduce in (("mean", np.mean), ("sum", np.sum)):
            if close(np.asarray(reduce(got, axis=axis)), expected):
                over = "over all entries" if axis is None else f"over axis {axis}"
                return f"the {name} {over} is missing: shape {_shape(got, expected)} came back, a value for each entry."
    return None


def _reduced_too_far(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim >= expected.ndim:
        return None
    for axis in [*range(expected.ndim), None]:
        for name, reduce in (("summed", np.sum), ("averaged", np.mean)):
            if close(got, np.asarray(reduce(expected, axis=axis))):
                over = "over all entries" if axis is None else f"over axis {axis}"
                return f"{name} {over}, where one value for each entry was asked: shape {expected.shape}."
    return None


def _outer_broadcast(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if expected.ndim == 1 and got.shape == (expected.size, expected.size):
        return (
            f"broadcasting made {_shape(got, expected)} out of {expected.shape}: "
            f"a column of shape ({expected.size}, 1) met a row of shape ({expected.size},)."
        )
    return None


def _wrong_axis_shape(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim == expected.ndim and sorted(got.shape) == sorted(expected.shape):
        return f"the axes are in another order: shape {_shape(got, expected)} where {expected.shape} was expected."
    return None


def _not_broadcast(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    try:
        fits = np.broadcast_shapes(got.shape, expected.shape) == expected.shape
    except ValueError:
        return None
    if fits:
        return f"not broadcast, or reduced too far: shape {_shape(got, expected)} where {expected.shape} was expected."
    return None


def _any_shape(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    return f"the shape is {_shape(got, expected)} where {expected.shape} was expected."


def _all_zero(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.size and not got.any():
        return "every value is 0: is the result computed, and returned, at all?"
    return None


def _sign(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    return "the sign is flipped." if close(-got, expected) else None


def _factor(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.dtype.kind == "b" or expected.dtype.kind == "b":
        return None
    usable = np.abs(expected) > 1e-12
    if not usable.any():
        return None
    factor = float(np.median(np.real(got[usable] / expected[usable])))
    # One number has a factor to any other; only a telling factor is a diagnosis there.
    telling = any(np.isclose(abs(factor), value, rtol=1e-4) for value in (2, 3, 4, 5, 8, 10, 0.5, 0.25, 0.1))
    if not np.isfinite(factor) or factor == 0 or not close(got / factor, expected) or (got.size == 1 and not telling):
        return None
    sign = "with the sign flipped and " if factor < 0 else ""
    size = abs(factor)
    if np.isclose(size, 2, rtol=1e-4) or np.isclose(size, 0.5, rtol=1e-4):
        word = "twice" if size > 1 else "half"
        return (
            f"{sign}{word} the expected value: a factor of 2 (the derivative of a square, a ½ in the loss, "
            "or a mean or sum over 2 entries)."
        )
    whole = 1 < round(max(size, 1 / size)) <= 10_000
    if whole and size > 1 and np.isclose(size, round(size), rtol=1e-4):
        return (
            f"{sign}{round(size)} times the expected value: a sum where the mean was asked (N = {round(size)}), "
            "or a gradient that was accumulated without being set to zero."
        )
    if whole and size < 1 and np.isclose(1 / size, round(1 / size), rtol=1e-4):
        return (
            f"{sign}1/{round(1 / size)} of the expected value: divided by N = {round(1 / size)} where it should not be."
        )
    return f"{sign}off by a constant factor{'' if is_hidden() else f' of {factor:.4g}'}."


def _offset(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.size < 2 or got.dtype.kind == "b" or expected.dtype.kind == "b":
        return None
    offset = float(np.median(np.real(got - expected)))
    if not offset or not close(got - offset, expected):
        return None
    # In a hidden check the number could be an input that the answer adds in order to see it.
    return f"every value is off by {'the same number' if is_hidden() else f'{offset:+.4g}'}."


def _rearranged(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim >= 2 and got.T.shape == expected.shape and close(got.T, expected):
        return "the result is transposed."
    for axis in range(got.ndim):
        if got.shape[axis] > 1 and close(np.flip(got, axis), expected):
            return f"the order along axis {axis} is reversed."
    for axis in range(got.ndim):
        for step in (1, -1):
            if got.shape[axis] > 2 and close(np.roll(got, step, axis), expected):
                return f"shifted by one along axis {axis}: an index starts one too {'early' if step == 1 else 'late'}."
    return None


def _axis_of_normalisation(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.ndim != 2 or got.shape[0] == 1 or expected.dtype.kind not in "f":
        return None
    ones = [bool(np.allclose(array.sum(axis=axis), 1, atol=1e-4)) for array in (got, expected) for axis in (0, 1)]
    if ones[1] != ones[0] and ones[3] != ones[2] and ones[0] == ones[3]:
        return f"normalised over the wrong axis: sums along axis {int(ones[1])} are 1."
    return None


def _transformed(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    candidates: Iterator[tuple[str, np.ndarray]] = (
        iter(
            (
                ("the logarithm came where the value itself was asked (or a log too many).", np.exp(got)),
                ("the exponential came where its logarithm was asked (or a log is missing).", np.log(got)),
                ("the square came where its root was asked (a square root is missing).", np.sqrt(got)),
                ("the square root came where the square was asked (a square is missing).", np.square(got)),
                ("the complement came: 1 − p where p was asked.", 1 - got),
                ("the reciprocal came: 1/x where x was asked.", 1 / got),
            )
        )
        if got.dtype.kind in "fiu"
        else iter(())
    )
    return next((message for message, value in candidates if np.isfinite(value).all() and close(value, expected)), None)


def _whole_numbers(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.dtype.kind in "iub" and expected.dtype.kind in "fc":
        return f"dtype: the result is of type {got.dtype}, so fractions are lost; compute in floating point."
    return None


def _absolute(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    return "right in size, but signs are lost or mixed up." if close(np.abs(got), np.abs(expected)) else None


def _some_entries(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if not 2 <= got.size <= 20_000:  # entry by entry takes time
        return None
    wrong = np.array([not close(a, e) for a, e in zip(got.ravel(), expected.ravel(), strict=True)]).reshape(got.shape)
    if not wrong.any() or wrong.sum() * 2 > wrong.size:
        return None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{int(wrong.sum())} of {wrong.size} entries are wrong, the first at index {first}: an edge case?"


def _precision(got: np.ndarray, expected: np.ndarray, close: Close) -> str | None:
    if got.dtype.kind in "fc" and np.allclose(
        got, expected, rtol=1e-2, atol=1e-3 * float(np.abs(expected).max(initial=0))
    ):
        return "close, but not close enough: an approximation, a missing small term, or too low a precision."
    return None


_SHAPE_RULES: list[Rule] = [
    _transposed_shape,
    _extra_axes,
    _outer_broadcast,
    _not_reduced,
    _reduced_too_far,
    _wrong_axis_shape,
    _not_broadcast,
    _any_shape,
]
_VALUE_RULES: list[Rule] = [
    _not_finite,
    _all_zero,
    _sign,
    _rearranged,
    _whole_numbers,
    _factor,
    _axis_of_normalisation,
    _transformed,
    _offset,
    _absolute,
    _some_entries,
    _precision,
]
