"""What a test cell sees in the examiner in place of the student's names.

A proxy is called like the function it stands for; the call runs in the candidate and data come back. A handle stands
for an object that lives there. Neither forwards a dunder attribute, so an object cannot lie about what it is.
"""

from __future__ import annotations

import builtins
import inspect
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from course_staff.grading.connection import Connection
from course_staff.grading.wire import Budget, LimitExceeded, ProtocolError, Special
from course_utils.checks import Unanswered
from course_utils.checks.errors import is_hidden
from course_utils.checks.forbid import Source, relevant_source
from course_utils.checks.values import NotData, Opaque, plain
from course_utils.training import seed_everything

# Exceptions that may arrive. All can be made from one text.
EXCEPTIONS: dict[str, type[Exception]] = {
    cls.__name__: cls
    for cls in vars(builtins).values()
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    and not issubclass(cls, UnicodeError | Warning | BaseExceptionGroup | StopIteration | StopAsyncIteration)
}
MAX_ERROR_TEXT = 300
_MEDDLING = re.compile(r"input_transformer|ast_transformer|register_\w*magic|\brun_cell\b|sys\.modules|\bbuiltins\b"
                       r"|__dict__|\bctypes\b|(?<![\w.])(?:setattr|exec|eval|__import__)(?=\()")


@dataclass(frozen=True)
class Declared:
    """What a test may do with the objects that calling `name` gives."""

    name: str
    methods: frozenset[str]
    attributes: frozenset[str]


class Remote:
    """The student's side of one test cell, over one connection.

    seconds: deadline of one call, with all callbacks it makes. deadline: of all calls together, a time.monotonic().
    """

    def __init__(
        self,
        connection: Connection,
        *,
        seconds: float,
        seed: Sequence[int],
        sources: Sequence[str],
        megabytes: float = 256.0,
        deadline: float = math.inf,
    ) -> None:
        self.connection = connection
        self.seconds = seconds
        self.deadline = deadline
        self.megabytes = megabytes
        self.seed = tuple(seed)
        self.sources = tuple(sources)
        self.declared: dict[str, Declared] = {}
        self.flags: list[str] = []

    # The seven things a test cell may ask of the place (course_utils.checks.world.World)

    def inout(self, x: Any) -> Any:
        return InOut(x)

    def handle(self, name: str, methods: Sequence[str], attributes: Sequence[str]) -> None:
        self.declared[name] = Declared(name, frozenset(methods), frozenset(attributes))

    def seed_all(self, seed: int) -> None:
        seed_everything(seed)
        self.ask({"op": "seed", "seed": int(seed)})

    def rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([*self.seed, stream])

    def source(self, name: str) -> Source:
        # What changes how later cells are read or what a library's name means leaves no trace in the answer itself.
        for what in sorted({found.group() for text in self.sources for found in _MEDDLING.finditer(text)}):
            self.suspicious(name, f"{what} in one of the cells before it")
        return relevant_source(name, self.sources)

    def suspicious(self, name: str, what: str) -> None:
        self.flags.append(f"{name} uses {what}, which could hide a forbidden call: read this answer")

    def gradients(self, function: Callable[..., Any], inputs: tuple, wrt: Sequence[int], weight: Any) -> tuple:
        if not isinstance(function, Proxy):
            raise TypeError("checks.gradients takes a function that the student defines, by its name.")
        output, grads = self.exchange(
            {"op": "gradients", "name": function.__name__, "wrt": list(wrt), "weight": weight}, inputs, {}
        )
        return output, grads

    # Requests

    def resolve(self, names: Sequence[str]) -> dict[str, Any]:
        """What the student's notebook has under `names`: proxies for functions, values for data. Missing: left out."""
        reply = self.ask({"op": "names", "names": sorted(names)}, special=self._special(None, frozenset()))
        found: dict[str, Any] = {}
        for name in names:
            entry = reply.get(name)
            kind = entry.get("kind") if isinstance(entry, dict) else None
            if not isinstance(kind, str) or kind not in ("callable", "data", "missing"):
                raise ProtocolError("an answer is not of the agreed form")
            if kind == "callable":
                found[name] = Proxy(self, name)
            elif kind == "data":
                found[name] = entry.get("value")
        return found

    def _budget(self) -> Budget:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise LimitExceeded("the calls of this check took too long together")
        return Budget(min(self.seconds, left), self.megabytes)

    def ask(self, message: dict, special: Any = None) -> Any:
        return self.connection.ask(message, self._budget(), special=special)

    def exchange(
        self,
        message: dict,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        objects: Declared | None = None,
    ) -> Any:
        """One call: send the arguments, answer its callbacks, apply in-place changes, return or raise its outcome."""
        packer = _Packer()
        asked = message.get("name") or message["method"]
        if objects and asked != objects.name:
            asked = f"{objects.name}.{f'__{asked}__' if message['op'] == 'operator' else asked or '__call__'}"
        message = {
            **message,
            "args": [packer.pack(arg) for arg in args],
            "kwargs": {key: packer.pack(value) for key, value in kwargs.items()},
        }
        if message["op"] == "call":
            message["objects"] = objects is not None
        reply = self.connection.ask(
            message, self._budget(), special=self._special(objects, packer), answer=packer.answer
        )
        try:
            packer.apply(reply.get("slots"))
            outcome = _exception(reply["error"], asked) if "error" in reply else None
            value = None if outcome else reply["value"]
        except (KeyError, ValueError, TypeError, AttributeError):
            raise ProtocolError("an answer is not of the agreed form") from None
        if outcome:
            raise outcome
        return value

    def _special(self, objects: Any, slots: Any) -> Callable[[str, Any], Any]:
        def special(tag: str, content: Any) -> Any:
            if tag == "opaque":
                # The name of a class is the student's text: in a hidden check it could hold the input.
                return Opaque("an object that is not data" if is_hidden() else str(content)[:200])
            if tag == "handle" and objects is not None and type(content) is int:
                return Handle(self, content, objects)
            if tag == "ref" and isinstance(slots, _Packer):
                return slots.objects[content]
            raise ValueError(tag)

        return special


class InOut:
    """Marks an argument whose in-place changes come back."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Proxy:
    """Stands for a function or class of the student's notebook."""

    def __init__(self, remote: Remote, name: str) -> None:
        self._remote = remote
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        objects = self._remote.declared.get(self.__name__)
        return self._remote.exchange({"op": "call", "name": self.__name__}, args, kwargs, objects)

    def __repr__(self) -> str:
        return f"<the student's {self.__name__}>"


class Handle:
    """Stands for an object of the student's. Only declared methods and attributes are reachable."""

    def __init__(self, remote: Remote, number: int, declared: Declared) -> None:
        self._remote, self._number, self._declared = remote, number, declared

    def __getattr__(self, name: str) -> Any:
        if name in self._declared.attributes:
            return self._remote.exchange(
                {"op": "attribute", "handle": self._number, "name": name}, (), {}, self._declared
            )
        if name in self._declared.methods:
            return lambda *args, **kwargs: self._call(name, args, kwargs)
        raise AttributeError(f"{name!r} is not among the methods and attributes that this check declares.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("", args, kwargs)

    def _call(self, method: str, args: tuple, kwargs: dict) -> Any:
        return self._remote.exchange(
            {"op": "call", "handle": self._number, "method": method}, args, kwargs, self._declared
        )

    def _operate(self, name: str, *operands: Any) -> Any:
        return self._remote.exchange({"op": "operator", "name": name}, operands, {}, self._declared)

    def __bool__(self) -> bool:
        raise TypeError("an object of the student's has no truth value here: read one of its attributes.")

    def __repr__(self) -> str:
        return "<an object of the student's>"

    __hash__ = object.__hash__
    # Without these, `set(handle)` would ask for item after item: an object that has one for every number ends never.
    __iter__ = None
    __contains__ = None


def _install_operators() -> None:
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
        setattr(Handle, f"__{name}__", lambda self, other, name=name: self._operate(name, self, other))
        setattr(Handle, f"__r{name}__", lambda self, other, name=name: self._operate(name, other, self))
    for name in ("lt", "le", "gt", "ge", "eq", "ne", "getitem"):
        setattr(Handle, f"__{name}__", lambda self, other, name=name: self._operate(name, self, other))
    for name in ("neg", "pos", "abs"):
        setattr(Handle, f"__{name}__", lambda self, name=name: self._operate(name, self))


_install_operators()


class _Packer:
    """The arguments of one call: which objects travel as in-place slots, which functions as callbacks."""

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.callbacks: list[Callable[..., Any]] = []

    def pack(self, value: Any) -> Any:
        if isinstance(value, InOut):
            return self._slot(value.value)
        if isinstance(value, Handle):
            return Special("handle", value._number)
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return type(value)(self.pack(item) for item in value)
        if isinstance(value, dict):
            return {key: self.pack(item) for key, item in value.items()}
        if callable(value) and not isinstance(value, torch.Tensor):
            if isinstance(value, Proxy | type):
                raise TypeError("a test passes data and functions of its own to the student's code, not classes.")
            self.callbacks.append(value)
            return Special("callback", len(self.callbacks) - 1)
        try:
            return plain(value)
        except NotData as problem:
            raise TypeError(f"a test cannot pass {problem} to the student's code.") from None

    def _slot(self, value: Any) -> Any:
        if id(value) in self.numbers:
            return Special("ref", self.numbers[id(value)])
        if not isinstance(value, list | dict | np.ndarray | torch.Tensor):
            return self.pack(value) if not isinstance(value, tuple) else tuple(self._slot(item) for item in value)
        number = len(self.objects)
        self.objects[number], self.numbers[id(value)] = value, number
        content: Any = value
        grad = None
        if isinstance(value, list):
            content = [self._slot(item) for item in value]
        elif isinstance(value, dict):
            content = {key: self._slot(item) for key, item in value.items()}
        else:
            content = plain(value)
            grad = plain(value.grad) if isinstance(value, torch.Tensor) else None
        return Special("slot", [number, content, grad])

    def answer(self, request: dict) -> dict:
        """Run a callback that the student's code made. Its arguments are data."""
        number, args, kwargs = request.get("callback"), request.get("args"), request.get("kwargs")
        if (
            type(number) is not int
            or not 0 <= number < len(self.callbacks)
            or not isinstance(args, list)
            or not isinstance(kwargs, dict)
        ):
            raise ProtocolError("a callback is not of the agreed form")
        try:
            function = self.callbacks[number]
            _check_own(function, args, kwargs)
            return {"value": plain(function(*args, **kwargs))}
        except Exception as error:
            # The text could hold hidden inputs; the type is enough.
            return {"error": f"the function you were given raised {type(error).__name__} for these arguments"}

    def apply(self, slots: Any) -> None:
        """Carry in-place changes over to the test's own objects."""
        for number, change in slots or []:
            target = self.objects[number]
            ((kind, value),) = [item for item in change.items() if item[0] != "grad"]
            if kind == "tensor" and isinstance(target, torch.Tensor) and isinstance(value, torch.Tensor):
                if value.dtype == target.dtype:
                    target.data = value.detach()
                grad = change["grad"]
                target.grad = (
                    grad if grad is None or (grad.shape == target.shape and grad.dtype == target.dtype) else None
                )
            elif kind == "list" and isinstance(target, list) and isinstance(value, list):
                target[:] = value
            elif kind == "dict" and isinstance(target, dict):
                target.clear()
                target.update((key, item) for key, item in value)
            elif kind == "value" and isinstance(target, np.ndarray) and isinstance(value, np.ndarray):
                if value.shape != target.shape or value.dtype != target.dtype:
                    raise ValueError("an array cannot change its shape in place")
                target[...] = value
            else:
                raise ValueError("a change does not fit its argument")


def _check_own(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
    """Raise TypeError for an argument in the place of what the test itself bound: `lambda x, k=k: …`."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions of C have none
        return
    for name in signature.bind(*args, **kwargs).arguments:
        if signature.parameters[name].default is not inspect.Parameter.empty:
            raise TypeError(f"{name} is not an argument for the caller")


def _exception(report: Any, asked: str) -> Exception:
    """The student's exception: the first of its classes that is in the table, with its text cut short.

    asked: the name that was called.
    """
    if not isinstance(report, dict):
        raise ProtocolError("an answer is not of the agreed form")
    text = str(report.get("text", ""))[:MAX_ERROR_TEXT]
    classes = report.get("classes")
    names = [name for name in classes if isinstance(name, str)] if isinstance(classes, list) else []
    # It passes through a hidden block with its text. So the text must be ours: the student's could hold the input.
    if "Unanswered" in names:
        return Unanswered(name=asked)
    if "StopIteration" in names or "StopAsyncIteration" in names:
        return RuntimeError("StopIteration")
    if names and names[0] in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        return RuntimeError(f"the code called exit or raised {names[0]}")
    kind = next((EXCEPTIONS[name] for name in names if name in EXCEPTIONS), Exception)
    # A class of the student's own keeps its name in the text.
    return kind(f"{names[0]}: {text}" if names and names[0] not in EXCEPTIONS else text)
