"""What counts as data: the values that a check compares and that may cross between two processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

NUMBER_KINDS = "biufc"  # bool, signed, unsigned, float, complex: the NumPy kinds that are plain numbers
MAX_DEPTH = 30


class NotData(TypeError):
    """The value is an object that a check cannot compare, such as a module, a generator or a function."""


class Opaque:
    """Stands in the examiner for an object that came back and is not data; says what it was."""

    def __init__(self, description: str) -> None:
        self.description = description


def plain(value: Any, other: Callable[[Any], Any] | None = None, depth: int = 0) -> Any:
    """`value` with every subclass reduced to its base type, so that overridden operators have no say.

    Data are None, bool, int, float, complex, str, bytes, range, NumPy arrays and scalars of numbers and strings,
    tensors, and lists, tuples, sets, frozensets and dicts of these. Tensors come back on the CPU, detached,
    with `requires_grad` as it was.

    other: what to put in place of an object that is not data; without it such an object raises NotData, which names
    its type.
    """
    if depth > MAX_DEPTH:
        raise NotData(f"a value nested more than {MAX_DEPTH} deep (does a list contain itself?)")
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes, range):
        return value
    for convert in (_scalar, _array):
        result = convert(value, kind)
        if result is not NotImplemented:
            return result
    result = _container(value, kind, lambda item: plain(item, other, depth + 1))
    if result is not NotImplemented:
        return result
    if other is not None:
        return other(value)
    raise NotData(describe_type(value))


def _scalar(value: Any, kind: type) -> Any:
    if issubclass(kind, np.generic):
        if value.dtype.kind not in NUMBER_KINDS + "SU":
            raise NotData(f"a NumPy scalar of type {value.dtype}")
        return np.array(value, subok=False)[()]
    # The base type's own methods: a subclass may have replaced every one of its own.
    if issubclass(kind, int):
        return int.__int__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, complex):
        return complex(complex.__getattribute__(value, "real"), complex.__getattribute__(value, "imag"))
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    return NotImplemented


def _array(value: Any, kind: type) -> Any:
    if issubclass(kind, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            tensor = torch.Tensor.detach(value).as_subclass(torch.Tensor)
            if tensor.layout is not torch.strided or tensor.is_quantized:
                raise NotData("a sparse or quantised tensor: return a dense one (tensor.to_dense())")
            if tensor.device.type == "meta":
                raise NotData("a tensor on the meta device, which holds no numbers")
            tensor = tensor.cpu().resolve_conj().resolve_neg()
            return tensor.requires_grad_(True) if value.requires_grad and _differentiable(tensor) else tensor
    if issubclass(kind, np.ndarray):
        if isinstance(value, np.ma.MaskedArray):
            raise NotData("a masked array")
        array = np.array(value, subok=False, copy=True)
        if array.dtype.kind not in NUMBER_KINDS + "SU":
            raise NotData(f"a NumPy array of type {array.dtype}: its entries are objects, not numbers")
        return array
    return NotImplemented


def _differentiable(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _container(value: Any, kind: type, convert: Callable[[Any], Any]) -> Any:
    if issubclass(kind, list):
        return [convert(item) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        return tuple(convert(item) for item in tuple.__iter__(value))
    if issubclass(kind, set):
        return {convert(item) for item in set.__iter__(value)}
    if issubclass(kind, frozenset):
        return frozenset(convert(item) for item in frozenset.__iter__(value))
    if issubclass(kind, dict):
        return {convert(key): convert(item) for key, item in dict.items(value)}
    return NotImplemented


def describe_type(value: Any) -> str:
    """A short name for what came instead of data: "a generator", "a function", "an object of class Net"."""
    kind = type(value)
    if kind is Opaque:
        return value.description
    if kind.__name__ == "generator":
        return "a generator (return a list, or wrap it in list(...))"
    if kind.__name__ in ("function", "builtin_function_or_method", "method", "type"):
        return "a function or class (was it meant to be called, with brackets?)"
    return f"an object of class {kind.__name__}"
