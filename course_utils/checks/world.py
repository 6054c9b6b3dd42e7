"""Where the student's code runs: in this process (a notebook), or in another one (the examiner's candidate).

A test cell is written once. What differs between the two places goes through the `World` in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from course_utils.checks.errors import CheckFailed, fail
from course_utils.checks.forbid import Source, find_forbidden, notebook_source
from course_utils.checks.values import plain
from course_utils.training import seed_everything


class World(Protocol):
    """What the place where the student's code runs must offer."""

    def inout(self, x: Any) -> Any: ...
    def handle(self, name: str, methods: Sequence[str], attributes: Sequence[str]) -> None: ...
    def seed_all(self, seed: int) -> None: ...
    def rng(self, stream: int) -> np.random.Generator: ...
    def source(self, name: str) -> Source: ...
    def suspicious(self, name: str, what: str) -> None: ...
    def gradients(self, function: Callable[..., Any], inputs: tuple, wrt: Sequence[int], weight: Any) -> tuple: ...


class Notebook:
    """The student's own notebook: everything happens here."""

    PUBLIC_SEED = 20_26

    def inout(self, x: Any) -> Any:
        return x

    def handle(self, name: str, methods: Sequence[str], attributes: Sequence[str]) -> None:
        return None

    def seed_all(self, seed: int) -> None:
        seed_everything(seed)

    def rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.PUBLIC_SEED, stream])

    def source(self, name: str) -> Source:
        return notebook_source(name)

    def suspicious(self, name: str, what: str) -> None:
        return None

    def gradients(self, function: Callable[..., Any], inputs: tuple, wrt: Sequence[int], weight: Any) -> tuple:
        return gradients_here(function, inputs, wrt, weight)


_world: World = Notebook()


@contextmanager
def world(other: World) -> Iterator[None]:
    """Run the checks inside the block against another place."""
    global _world
    before, _world = _world, other
    try:
        yield
    finally:
        _world = before


def inout(x: Any) -> Any:
    """Pass `x` so that what the student's function changes in place is seen here afterwards.

    x: array, tensor (its `.grad` comes back too), or lists, tuples and dicts of them; objects keep their identity.
    """
    return _world.inout(x)


def handle(name: str, methods: Sequence[str] = (), attributes: Sequence[str] = ()) -> None:
    """Declare that calling `name` gives an object, and what may be called on it and read from it.

    Operators on such an object give such an object, and so do results of its methods that are not data. An object
    may be passed back as an argument. Declare before the first use.
    """
    _world.handle(name, tuple(methods), tuple(attributes))


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, wherever the student's code runs."""
    _world.seed_all(seed)


def rng(stream: int = 0) -> np.random.Generator:
    """A generator for hidden inputs. When a course is graded its seed is private; in a notebook it is fixed.

    stream: different numbers give independent generators.
    """
    return _world.rng(stream)


def gradients(function: Callable[..., Any], *inputs: Any, wrt: Sequence[int] | None = None,
              weight: torch.Tensor | None = None) -> tuple[torch.Tensor, list[Any]]:
    """Differentiate through the student's function with autograd.

    function: a name that the student defines. inputs: its positional arguments; tensors, or lists of tensors.
    wrt: positions of the inputs to differentiate by (default: all that hold floating-point tensors).
    weight: tensor like the output; the gradient is that of sum(output · weight) (default: all ones).

    Returns (output, [one gradient for each input in `wrt`, a list where the input is a list]).
    Raises CheckFailed where the graph was cut.
    """
    if wrt is None:
        wrt = [index for index, value in enumerate(inputs) if _float_tensors(value)]
    name = getattr(function, "__name__", "the function")
    output, grads = _world.gradients(function, inputs, tuple(wrt), weight)
    if not isinstance(output, torch.Tensor):
        raise fail(f"{name}, differentiated", "a tensor", type(output).__name__, "the result is not a tensor: "
                   ".item(), float(...) and NumPy cut the graph.")
    for index, grad in zip(wrt, grads, strict=True):
        if grad is None or (isinstance(grad, list) and any(item is None for item in grad)):
            raise fail(f"{name}, differentiated", f"a gradient for argument {index}", "none",
                       "the autograd graph is cut: .detach(), .data, .item(), torch.tensor(...), NumPy or "
                       "torch.no_grad() stands between that argument and the result.")
    return output, grads


def forbids(name: str, *forbidden: str) -> None:
    """Fail if the answer `name` uses one of `forbidden`, for example "torch.softmax".

    A method or attribute of the same last name counts too (`x.softmax(1)`, `F.softmax`). Raises CheckFailed.
    """
    used, suspicious = find_forbidden(_world.source(name), forbidden)
    for what in suspicious:
        _world.suspicious(name, what)
    if used:
        raise CheckFailed(f"{name} uses {used[0]}, which this exercise does without: write it out.",
                          f"uses {used[0]}, which this exercise does without.")


def _float_tensors(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_float_tensors(item) for item in value)
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def gradients_here(function: Callable[..., Any], inputs: tuple, wrt: Sequence[int], weight: Any) -> tuple:
    """`gradients` in this process. Where the graph is cut, the gradient concerned is None."""
    def leaf(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [leaf(item) for item in value]
        return value.detach().clone().requires_grad_(True)

    def grad(value: Any) -> Any:
        return [grad(item) for item in value] if isinstance(value, list) else value.grad

    arguments = [leaf(value) if index in wrt else value for index, value in enumerate(inputs)]
    output = function(*arguments)
    if isinstance(output, torch.Tensor) and output.requires_grad:
        total = output.sum() if weight is None else (output * weight).sum()
        total.backward()
    return plain(output), [grad(arguments[index]) for index in wrt]
