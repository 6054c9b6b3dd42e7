"""The wire between the examiner and the candidate: frames over a socket, data only.

A frame is `length of skeleton (4 bytes) | JSON skeleton | raw buffers`. The skeleton's first entry lists the
buffers' sizes. Arrays travel as raw bytes with a dtype from a fixed list, a shape and an exact length. Counts, depth
and sizes are checked before anything is allocated. There is no pickle: the other side is hostile.
"""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from course_utils.checks.values import MAX_DEPTH

MAX_SKELETON = 16 * 2**20
MAX_BUFFERS = 100_000
MAX_NODES = 2_000_000
MAX_EMPTY = 10**7  # entries that an empty array would have if its axes of length 0 had length 1
MAX_COLLISIONS = 100  # of one hash: a set or dict of many such keys takes time that grows with the square

_NUMBERS = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
            "float16", "float32", "float64", "complex64", "complex128"]
_NUMPY = {name: np.dtype(name) for name in [*_NUMBERS, "longdouble"]}
_TORCH = {name: getattr(torch, name) for name in [*_NUMBERS, "bfloat16"]}
_TEXT_DTYPE = re.compile(r"^(<U|\|S)([1-9][0-9]{0,4})$")


class ProtocolError(BaseException):
    """The other side sent something that is no frame. Not an Exception: no test may swallow it."""


class LimitExceeded(BaseException):
    """Time, bytes or another limit ran out. Not an Exception: no test may swallow it."""


class Disconnected(BaseException):
    """The other side is gone. Not an Exception: no test may swallow it."""


@dataclass
class Special:
    """A value that stands for something on one side: `{tag: content}` in the skeleton."""

    tag: str
    content: Any


@dataclass
class Budget:
    """What one exchange may use: seconds until the deadline, and bytes received."""

    seconds: float
    megabytes: float = 256.0
    deadline: float = field(init=False)
    bytes_left: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds
        self.bytes_left = self.megabytes * 2**20

    def remaining(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise LimitExceeded(f"no answer within {self.seconds:g} s")
        return left

    def spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise LimitExceeded(f"more than {self.megabytes:g} MB came back")


FOREVER = 10.0**8


def send(connection: socket.socket, message: Any, budget: Budget | None = None) -> None:
    """Send one message: plain data (see course_utils.checks.values) with `Special` values in it.

    Raises LimitExceeded where the other side does not read in time, Disconnected where it is gone, and TypeError where
    the message is not data.
    """
    buffers: list[memoryview] = []
    body = encode(message, buffers)
    skeleton = json.dumps([[len(buffer) for buffer in buffers], body], allow_nan=False, separators=(",", ":")).encode()
    try:
        connection.settimeout(budget.remaining() if budget else None)
        connection.sendall(struct.pack("<I", len(skeleton)) + skeleton)
        for buffer in buffers:
            connection.settimeout(budget.remaining() if budget else None)
            connection.sendall(buffer)
    except TimeoutError:
        raise LimitExceeded("the process did not read in time") from None
    except OSError:
        raise Disconnected("the process ended") from None


def receive(
    connection: socket.socket, budget: Budget | None = None, special: Callable[[str, Any], Any] | None = None
) -> Any:
    """Receive one message. special(tag, content) turns `Special` values back into what they stand for.

    Raises ProtocolError, LimitExceeded or Disconnected, all of them BaseException.
    """
    (length,) = struct.unpack("<I", _read(connection, 4, budget))
    if length > MAX_SKELETON:
        raise ProtocolError("a frame's skeleton is too long")
    try:
        sizes, body = json.loads(_read(connection, length, budget), parse_constant=_no_constant)
    except (ValueError, RecursionError, UnicodeDecodeError):
        raise ProtocolError("a frame is not JSON") from None
    if not isinstance(sizes, list) or len(sizes) > MAX_BUFFERS or not all(type(n) is int and n >= 0 for n in sizes):
        raise ProtocolError("a frame's list of buffers is malformed")
    if budget:
        budget.spend(sum(sizes))
    elif sum(sizes) > 2**32:
        raise ProtocolError("a frame is too large")
    buffers = [_read(connection, size, budget, spent=True) for size in sizes]
    return Decoder(buffers, special).decode(body)


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _read(connection: socket.socket, count: int, budget: Budget | None, spent: bool = False) -> bytearray:
    if budget and not spent:
        budget.spend(count)
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        try:
            connection.settimeout(budget.remaining() if budget else None)
            got = connection.recv_into(view[done:])
        except TimeoutError:
            continue  # remaining() then says how long was waited
        except OSError:
            raise Disconnected("the process ended") from None
        if not got:
            raise Disconnected("the process ended")
        done += got
    return data


def encode(value: Any, buffers: list[memoryview]) -> Any:
    """The skeleton of `value`; its arrays are appended to `buffers`. Raises TypeError for what is not data."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if abs(value) < 2**63 else {"i": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if kind is list:
        return [encode(item, buffers) for item in value]
    if kind is Special:
        return {value.tag: encode(value.content, buffers)}
    if kind in _CONTAINERS:
        return {_CONTAINERS[kind]: [encode(item, buffers) for item in value]}
    if kind is dict:
        return {"d": [[encode(key, buffers), encode(item, buffers)] for key, item in value.items()]}
    if kind is complex:
        return {"c": [encode(value.real, buffers), encode(value.imag, buffers)]}
    if kind is range:
        return {"r": [value.start, value.stop, value.step]}
    if kind is bytes:
        return {"y": _buffer(value, buffers)}
    if kind is np.ndarray:
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
        return {"a": [_dtype_name(value.dtype), list(value.shape), _buffer(value.tobytes(), buffers)]}
    if isinstance(value, np.generic):
        return {"g": [_dtype_name(value.dtype), _buffer(np.asarray(value).tobytes(), buffers)]}
    if isinstance(value, torch.Tensor):
        return _encode_tensor(value, buffers)
    raise TypeError(f"{kind.__name__} is not data: it cannot cross between the test and the student's code.")


_CONTAINERS: dict[type, str] = {tuple: "t", set: "s", frozenset: "z"}


def _dtype_name(dtype: np.dtype) -> str:
    if dtype.kind in "US":
        return dtype.newbyteorder("<").str if dtype.kind == "U" else dtype.str
    name = dtype.newbyteorder("=").name
    return "longdouble" if name == np.dtype("longdouble").name and name not in _NUMPY else name


def _encode_tensor(tensor: torch.Tensor, buffers: list[memoryview]) -> Any:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _TORCH:
        raise TypeError(f"a tensor of type {name} cannot cross between the test and the student's code.")
    # A clone: `contiguous()` keeps the stride of a view of one element, and such a view has no bytes to look at.
    flat = tensor.detach().cpu().clone(memory_format=torch.contiguous_format).reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return {"x": [name, list(tensor.shape), _buffer(data, buffers), bool(tensor.requires_grad)]}


def _buffer(data: bytes, buffers: list[memoryview]) -> int:
    buffers.append(memoryview(data))
    return len(buffers) - 1


def _spread(keys: list[Any]) -> None:
    """Raise ValueError where too many of `keys` have the same hash."""
    if len(keys) > MAX_COLLISIONS and max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS:
        raise ValueError("colliding keys")


class Decoder:
    """Turns a skeleton and its buffers back into data, trusting nothing."""

    def __init__(self, buffers: list[bytearray], special: Callable[[str, Any], Any] | None = None) -> None:
        self.buffers = buffers
        self.special = special
        self.nodes = 0

    def decode(self, node: Any, depth: int = 0) -> Any:
        self.nodes += 1
        # A message wraps its values a few levels deep.
        if depth > 3 * MAX_DEPTH or self.nodes > MAX_NODES:
            raise ProtocolError("a frame is nested too deep or holds too many values")
        if node is None or isinstance(node, bool | str | int | float):
            return node
        if isinstance(node, list):
            return [self.decode(item, depth + 1) for item in node]
        if not isinstance(node, dict) or len(node) != 1:
            raise ProtocolError("a frame holds an unknown value")
        ((tag, content),) = node.items()
        method = self._TAGS.get(tag)
        try:
            if method is not None:
                return method(self, content, depth + 1)
            if self.special is not None:
                return self.special(tag, self.decode(content, depth + 1))
        except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as why:
            raise ProtocolError(f"a frame holds a malformed {tag[:20]!r}: {type(why).__name__}") from None
        raise ProtocolError(f"a frame holds an unknown tag {tag[:20]!r}")

    def _items(self, content: Any, depth: int) -> list[Any]:
        if not isinstance(content, list):
            raise ValueError
        return [self.decode(item, depth) for item in content]

    def _big(self, content: Any, depth: int) -> int:
        if len(content) > 10_000:
            raise ValueError
        return int(content, 16)

    def _float(self, content: Any, depth: int) -> float:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]

    def _complex(self, content: Any, depth: int) -> complex:
        real, imag = self._items(content, depth)
        return complex(float(real), float(imag))

    def _range(self, content: Any, depth: int) -> range:
        start, stop, step = content
        if not all(type(number) is int for number in content) or len(range(start, stop, step)) > MAX_NODES:
            raise ValueError  # a few bytes, and a list without end for a test that goes through it
        return range(start, stop, step)

    def _dict(self, content: Any, depth: int) -> dict:
        pairs = [(self.decode(key, depth), self.decode(value, depth)) for key, value in content]
        _spread([key for key, _ in pairs])
        return dict(pairs)

    def _set(self, content: Any, depth: int) -> set:
        items = self._items(content, depth)
        _spread(items)
        return set(items)

    def _take(self, index: Any, size: int) -> bytearray:
        if type(index) is not int or not 0 <= index < len(self.buffers) or len(self.buffers[index]) != size:
            raise ValueError
        return self.buffers[index]

    def _bytes(self, index: Any, depth: int) -> bytes:
        if type(index) is not int or index < 0:
            raise ValueError
        return bytes(self.buffers[index])

    @staticmethod
    def _shape(shape: Any) -> tuple[int, ...]:
        if not isinstance(shape, list) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise ValueError
        # No bytes are needed for it, but whoever sums over the axis of length 0 allocates the rest.
        if 0 in shape and math.prod(n or 1 for n in shape) > MAX_EMPTY:
            raise ValueError
        return tuple(shape)

    @staticmethod
    def _numpy_dtype(name: Any) -> np.dtype:
        if _TEXT_DTYPE.match(name):
            return np.dtype(name)
        return _NUMPY[name]

    def _array(self, content: Any, depth: int) -> np.ndarray:
        name, shape, index = content
        dtype, shape = self._numpy_dtype(name), self._shape(shape)
        data = self._take(index, math.prod(shape) * dtype.itemsize)
        return np.frombuffer(data, dtype=dtype).reshape(shape) if len(data) else np.zeros(shape, dtype)

    def _generic(self, content: Any, depth: int) -> np.generic:
        name, index = content
        dtype = self._numpy_dtype(name)
        return np.frombuffer(self._take(index, dtype.itemsize), dtype=dtype)[0] if dtype.itemsize else dtype.type()

    def _tensor(self, content: Any, depth: int) -> torch.Tensor:
        name, shape, index, requires_grad = content
        dtype, shape = _TORCH[name], self._shape(shape)
        data = self._take(index, math.prod(shape) * dtype.itemsize)
        tensor = torch.frombuffer(data, dtype=dtype).reshape(shape) if len(data) else torch.zeros(shape, dtype=dtype)
        return tensor.requires_grad_(True) if requires_grad is True else tensor

    _TAGS: dict[str, Callable[[Any, Any, int], Any]] = {
        "i": _big,
        "f": _float,
        "c": _complex,
        "r": _range,
        "d": _dict,
        "y": _bytes,
        "a": _array,
        "g": _generic,
        "x": _tensor,
        "t": lambda self, content, depth: tuple(self._items(content, depth)),
        "s": _set,
        "z": lambda self, content, depth: frozenset(self._set(content, depth)),
    }
