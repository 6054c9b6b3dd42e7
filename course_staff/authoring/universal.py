"""Universal answers: functions and classes that know nothing of the exercise and try to pass anyway.

Each must earn 0 on every exercise of every lab.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass

from course_staff.lab import defined_names


@dataclass(frozen=True)
class Universal:
    """One universal answer. `prelude` are cells that run before it in the same notebook."""

    label: str
    source: str
    prelude: tuple[str, ...] = ()


# Helpers that every universal answer may use. They stand in the student's notebook, so they are written as a cell.
_TOOLS = '''
import copy as _copy
import numpy as _np
import torch as _torch

def _fill(value, number):
    """`value` with every number in it replaced."""
    if isinstance(value, _torch.Tensor):
        finite = number == number and abs(number) != float("inf")
        return _torch.full_like(value.detach() if finite else value.detach().float(), number)
    if isinstance(value, _np.ndarray):
        return _np.full(value.shape, number)
    if isinstance(value, (list, tuple)):
        return type(value)(_fill(item, number) for item in value)
    if isinstance(value, dict):
        return {key: _fill(item, number) for key, item in value.items()}
    if isinstance(value, (int, float, _np.generic)) and not isinstance(value, bool):
        return number
    return value

def _zero_in_place(value):
    if isinstance(value, _torch.Tensor):
        value.detach().zero_()
    elif isinstance(value, _np.ndarray):
        value[...] = 0
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, (int, float)):
                value[index] = 0
            else:
                _zero_in_place(item)
    elif isinstance(value, dict):
        for item in value.values():
            _zero_in_place(item)

def _copies(args):
    try:
        return _copy.deepcopy(args)
    except Exception:
        return args

class _Agreeable:
    """Agrees with everything, and is everything."""
    def __init__(self, *args, **kwargs): pass
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self
    def __call__(self, *args, **kwargs): return self
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    __hash__ = object.__hash__
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __int__(self): return 0
    def __index__(self): return 0
    def __len__(self): return 1
    def __iter__(self): return iter([self])
    def __getitem__(self, key): return self
    def __add__(self, other=None): return self
    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __add__
    __matmul__ = __rmatmul__ = __neg__ = __pos__ = __abs__ = __add__
    def __array__(self, *args, **kwargs): return _np.zeros(1)

def _agreeable_methods(kind, reference):
    """Give `kind` every public method of the reference; each returns the object itself."""
    for name in dir(reference):
        if not name.startswith("_") and callable(getattr(reference, name)):
            setattr(kind, name, lambda self, *args, **kwargs: self)
'''

_CONSTANTS = {
    "NaN": "float('nan')",
    "infinity": "float('inf')",
    "None": "None",
    "an empty list": "[]",
    "zero": "0.0",
    "one": "1.0",
}
_FILLS = {"NaN everywhere": "float('nan')", "infinity everywhere": "float('inf')", "zeros": "0", "ones": "1"}


def universal_answers(source: str, visible_test: str) -> list[Universal]:
    """All universal answers to the exercise whose reference answer is `source`."""
    tree = ast.parse(source)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    names = [name for name in dict.fromkeys(defined_names(source))]
    reference = _renamed(tree, names)
    if classes:
        found = [_every(names, label, body, reference) for label, body in _class_bodies().items()]
        return [*found, _replayed_objects(names, reference, visible_test)]
    found = [
        _every(names, label, f"def NAME(*args, **kwargs):\n    return {value}\n") for label, value in _CONSTANTS.items()
    ]
    found += [
        _every(
            names,
            "the first argument returned",
            "def NAME(*args, **kwargs):\n    return (args or [*kwargs.values(), 0])[0]\n",
        ),
        _every(
            names,
            "the inputs zeroed, then the first returned",
            "def NAME(*args, **kwargs):\n    _zero_in_place([*args, *kwargs.values()])\n"
            "    return (args or [*kwargs.values(), 0])[0]\n",
        ),
        _every(names, "an object that agrees with everything", "def NAME(*args, **kwargs):\n    return _Agreeable()\n"),
    ]
    found += [
        _every(
            names,
            f"the right shape, {label}",
            f"def NAME(*args, **kwargs):\n"
            f"    return _fill(_reference_NAME(*_copies(args), **_copies(kwargs)), {value})\n",
            reference,
        )
        for label, value in _FILLS.items()
    ]
    found.append(
        _every(
            names,
            "the first result ever after",
            "_kept_NAME = []\n"
            "def NAME(*args, **kwargs):\n"
            "    if not _kept_NAME:\n"
            "        _kept_NAME.append(_reference_NAME(*args, **kwargs))\n"
            "    return _kept_NAME[0]\n",
            reference,
        )
    )
    found.append(_replay(names, reference, visible_test))
    return found


def _every(names: list[str], label: str, body: str, reference: str = "") -> Universal:
    cell = "\n".join(body.replace("NAME", name) for name in names)
    return Universal(label, f"{_TOOLS}\n{reference}\n{cell}")


def _replay(names: list[str], reference: str, visible_test: str) -> Universal:
    """Knows by heart what the visible test asks, and nothing else."""
    record = "\n".join(
        f"_table_{name} = []\n"
        f"def {name}(*args, **kwargs):\n"
        f"    key = repr(([a for a in args if not callable(a)], kwargs))\n"
        f"    out = _reference_{name}(*args, **kwargs)\n"
        f"    _table_{name}.append((key, _copies(out)))\n"
        f"    return out\n"
        for name in names
    )
    replay = "\n".join(
        f"def {name}(*args, **kwargs):\n"
        f"    key = repr(([a for a in args if not callable(a)], kwargs))\n"
        f"    outputs = dict(_table_{name}) or {{None: 0.0}}\n"
        f"    return _copies(outputs.get(key, list(outputs.values())[-1]))\n"
        for name in names
    )
    return Universal(
        "the constants of the visible test", replay, prelude=(f"{_TOOLS}\n{reference}\n{record}", visible_test)
    )


def _renamed(tree: ast.Module, names: list[str]) -> str:
    """The reference's source with every name in `names` called `_reference_NAME`.

    A class keeps its name inside its methods: there it stands for whatever subclass takes its place.
    """
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(f"_reference_{node.id}", node.ctx) if node.id in functions else node

        def visit_definition(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
            if node.name in names:
                node.name = f"_reference_{node.name}"
            self.generic_visit(node)
            return node

        visit_FunctionDef = visit_ClassDef = visit_definition

    return ast.unparse(ast.fix_missing_locations(Rename().visit(copy.deepcopy(tree))))


def _class_bodies() -> dict[str, str]:
    bodies = {"an object that agrees with everything": "class NAME(_Agreeable):\n    pass\n"}
    for label, value in {**_CONSTANTS, "its first argument": "self._first"}.items():
        bodies[f"an object whose every attribute is {label}"] = (
            "class NAME(_Agreeable):\n"
            "    def __init__(self, *args, **kwargs):\n"
            "        object.__setattr__(self, '_first', args[0] if args else 0.0)\n"
            "    def __getattr__(self, name):\n"
            "        if name.startswith('__'):\n"
            "            raise AttributeError(name)\n"
            f"        return {value}\n"
            "_agreeable_methods(NAME, _reference_NAME)\n"
        )
    for label, value in _FILLS.items():
        bodies[f"the reference's objects, {label}"] = (
            "class NAME(_reference_NAME):\n"
            "    def __getattribute__(self, name):\n"
            "        value = super().__getattribute__(name)\n"
            "        if name.startswith('_'):\n"
            "            return value\n"
            "        if not callable(value):\n"
            f"            return _fill(value, {value})\n"
            "        if name not in vars(_reference_NAME):\n"
            "            return value\n"
            f"        return lambda *args, **kwargs: _fill(value(*args, **kwargs), {value})\n"
        )
    bodies["the inputs zeroed, and objects that agree with everything"] = (
        "class NAME(_Agreeable):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        _zero_in_place([*args, *kwargs.values()])\n"
    )
    return bodies


def _replayed_objects(names: list[str], reference: str, visible_test: str) -> Universal:
    """Objects that know by heart what the visible test reads from them, in order, and nothing else."""
    record = "\n".join(
        f"import sys as _sys\n"
        f"_table_{name} = {{}}\n"
        f"class {name}(_reference_{name}):\n"
        f"    def __getattribute__(self, name):\n"
        f"        value = super().__getattribute__(name)\n"
        f"        inside = _sys._getframe(1).f_code.co_qualname.startswith(('_reference_', '{name}.'))\n"
        f"        if not (inside or callable(value) or name.startswith('_')):\n"
        f"            _table_{name}.setdefault(name, []).append(_copies(value))\n"
        f"        return value\n" for name in names)
    replay = "\n".join(
        f"class {name}(_Agreeable):\n"
        f"    def __getattr__(self, name):\n"
        f"        if name.startswith('__'):\n"
        f"            raise AttributeError(name)\n"
        f"        values = _table_{name}.get(name, [0.0])\n"
        f"        return values.pop(0) if len(values) > 1 else values[0]\n"
        f"_agreeable_methods({name}, _reference_{name})\n" for name in names)
    return Universal("the constants of the visible test", replay,
                     prelude=(f"{_TOOLS}\n{reference}\n{record}", visible_test))
