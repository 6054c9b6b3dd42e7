"""Frames: what is data arrives as it was sent; what is not a frame ends the connection."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from course_staff.grading.wire import (
    Budget,
    Disconnected,
    LimitExceeded,
    ProtocolError,
    Special,
    receive,
    send,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


VALUES: list[Any] = [
    None, True, False, 0, -7, 2**80, -(2**63), 1.5, -0.0, 1 + 2j, "text \ud83d \x00 \U0001d4b3", b"\x00\xff", range(3, 9, 2),
    [], [1, [2, (3, {4})]], (1,), {1, 2}, frozenset({"a"}), {"a": 1, (1, 2): [None]},
    np.float32(1.5), np.int8(-3), np.bool_(True), np.complex64(1 + 2j), np.str_("abc"),
]
ARRAYS = [
    np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.array(2.5), np.array([True, False]), np.arange(4)[::-2],
    np.array([1, 2], dtype=">i4"), np.array(["ab", "c"]), np.array([b"x"]), np.ones(2, dtype=np.longdouble),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
]
TENSORS = [
    torch.arange(6).reshape(2, 3), torch.zeros(0, 3), torch.tensor(2.5), torch.tensor([True]), torch.ones(3).bfloat16(),
    torch.ones(2).half(), torch.tensor([1 + 2j]), torch.arange(6.0).reshape(2, 3).T,
    torch.ones(2, requires_grad=True), torch.arange(9.0).reshape(3, 3)[:1, 1], torch.ones(()).expand(2, 3),
]


def exchange(pair: Pair, value: Any) -> Any:
    send(pair[0], value)
    return receive(pair[1], Budget(5))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_values_arrive_as_they_were(pair: Pair, value: Any) -> None:
    got = exchange(pair, value)
    assert type(got) is type(value)
    assert got == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_json_lacks(pair: Pair, value: float) -> None:
    assert repr(exchange(pair, value)) == repr(value)


def test_minus_zero_keeps_its_sign(pair: Pair) -> None:
    assert math.copysign(1, exchange(pair, -0.0)) == -1


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays(pair: Pair, array: np.ndarray) -> None:
    got = exchange(pair, array)
    assert got.shape == array.shape and got.dtype.kind == array.dtype.kind
    assert got.dtype.itemsize == array.dtype.itemsize
    np.testing.assert_array_equal(got, array.astype(array.dtype.newbyteorder("=")))
    got[...] = got  # writable


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda t: f"{t.dtype}{tuple(t.shape)}")
def test_tensors(pair: Pair, tensor: torch.Tensor) -> None:
    got = exchange(pair, tensor)
    assert got.dtype == tensor.dtype and got.requires_grad == tensor.requires_grad
    assert torch.equal(got, tensor)


@pytest.mark.parametrize("value", [object(), lambda: 0, (i for i in ()), torch.nn.Linear(1, 1)], ids=lambda v: type(v).__name__)
def test_what_is_not_data_is_refused_before_anything_is_sent(pair: Pair, value: Any) -> None:
    with pytest.raises(TypeError, match="not data"):
        send(pair[0], [value])
    pair[0].close()
    with pytest.raises(Disconnected):
        receive(pair[1], Budget(1))


def frame(body: Any, *buffers: bytes, sizes: Any = None) -> bytes:
    skeleton = json.dumps([[len(b) for b in buffers] if sizes is None else sizes, body]).encode()
    return struct.pack("<I", len(skeleton)) + skeleton + b"".join(buffers)


def raw(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def deep(levels: int) -> bytes:
    return raw(b"[[]," + b"[" * levels + b"]" * levels + b"]")


MALFORMED = {
    "not JSON": raw(b"hello"),
    "not UTF-8": raw(b"\xff\xfe\xfa\xfb\xfc"),
    "not a pair": raw(b"[1]"),
    "NaN as a JSON constant": raw(b"[[], NaN]"),
    "a skeleton that is too long": struct.pack("<I", 2**31),
    "nested as deep as the parser goes": deep(100_000),
    "nested deeper than data": deep(500),
    "a negative size": frame(1, sizes=[-1]),
    "a size that is not a number": frame(1, sizes=["1"]),
    "true as a size": frame(1, sizes=[True]),
    "an unknown tag": frame({"pickle": "x"}),
    "two tags": frame({"t": [], "s": []}),
    "an object array": frame({"a": ["object", [1], 0]}, b"12345678"),
    "a structured dtype": frame({"a": ["i4,i4", [1], 0]}, b"12345678"),
    "a datetime": frame({"a": ["datetime64[s]", [1], 0]}, b"12345678"),
    "fewer bytes than the shape needs": frame({"a": ["int64", [2], 0]}, b"12345678"),
    "more bytes than the shape needs": frame({"a": ["int8", [2], 0]}, b"12345678"),
    "a negative shape": frame({"a": ["int8", [-8], 0]}, b"12345678"),
    "a shape of strings": frame({"a": ["int8", ["8"], 0]}, b"12345678"),
    "a huge shape": frame({"a": ["int8", [2**40, 2**40], 0]}, b"12345678"),
    "a buffer that is not there": frame({"a": ["int8", [8], 3]}, b"12345678"),
    "a negative buffer": frame({"y": -1}, b"12345678"),
    "an unhashable key": frame({"d": [[[1], 2]]}),
    "an unhashable entry": frame({"s": [[1]]}),
    "a dict of singles": frame({"d": [[1]]}),
    "a tensor of unknown type": frame({"x": ["quint8", [8], 0, False]}, b"12345678"),
    "gradients of whole numbers": frame({"x": ["int8", [8], 0, True]}, b"12345678"),
    "a float that is none": frame({"f": "1"}),
    "an int that is none": frame({"i": "zz"}),
    "an int of a million digits": frame({"i": "f" * 1_000_000}),
    "text of a million characters each": frame({"a": ["<U99999999", [1], 0]}, b"12345678"),
    "a range of text": frame({"r": ["a", "b", "c"]}),
    "a range of step 0": frame({"r": [1, 2, 0]}),
    "a complex of three": frame({"c": [1, 2, 3]}),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_frames(pair: Pair, data: bytes) -> None:
    sender = threading.Thread(target=lambda: (pair[0].sendall(data), pair[0].shutdown(socket.SHUT_WR)))
    sender.start()
    with pytest.raises(ProtocolError):
        receive(pair[1], Budget(20))
    pair[1].close()
    sender.join()


def test_the_errors_cannot_be_swallowed_by_a_test() -> None:
    for error in (ProtocolError, LimitExceeded, Disconnected):
        assert not issubclass(error, Exception)


def test_more_bytes_than_allowed_are_not_even_read(pair: Pair) -> None:
    pair[0].sendall(frame({"a": ["int8", [2**31], 0]}, sizes=[2**31]))
    started = time.monotonic()
    with pytest.raises(LimitExceeded, match="MB"):
        receive(pair[1], Budget(5, megabytes=1))
    assert time.monotonic() - started < 4


def test_many_small_frames_share_one_budget(pair: Pair) -> None:
    budget = Budget(5, megabytes=0.001)
    with pytest.raises(LimitExceeded):
        for _ in range(100):
            send(pair[0], "x" * 50)
            receive(pair[1], budget)


def test_no_answer_in_time(pair: Pair) -> None:
    with pytest.raises(LimitExceeded, match=r"0\.2 s"):
        receive(pair[1], Budget(0.2))


def test_a_frame_that_trickles_in_does_not_stretch_the_deadline(pair: Pair) -> None:
    stop = threading.Event()

    def trickle() -> None:
        data = raw(b"[[], 1]" + b" " * 1000)
        for byte in data:
            if stop.wait(0.05):
                return
            pair[0].sendall(bytes([byte]))

    thread = threading.Thread(target=trickle)
    thread.start()
    with pytest.raises(LimitExceeded):
        receive(pair[1], Budget(0.5))
    stop.set()
    thread.join()


def test_a_reader_that_does_not_read(pair: Pair) -> None:
    with pytest.raises(LimitExceeded):
        send(pair[0], b"x" * 50_000_000, Budget(0.3))


def test_half_a_frame(pair: Pair) -> None:
    pair[0].sendall(frame([1, 2, 3])[:-2])
    pair[0].close()
    with pytest.raises(Disconnected):
        receive(pair[1], Budget(1))


def test_special_values_need_somebody_who_knows_them(pair: Pair) -> None:
    send(pair[0], [Special("handle", 3)])
    assert receive(pair[1], Budget(1), lambda tag, content: (tag, content)) == [("handle", 3)]
    send(pair[0], [Special("handle", 3)])
    with pytest.raises(ProtocolError):
        receive(pair[1], Budget(1))
