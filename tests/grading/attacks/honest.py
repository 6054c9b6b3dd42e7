"""The mirror image: honest submissions that are unusual, and lose nothing that they earned."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat

from tests.grading.attacks.lab import HONEST, Attack, add, added, cell_of, grade_id

FAMILY = "honest but unusual"


def _reordered(notebook: Any) -> None:
    """The answers in the other order, each before its test."""
    cells = notebook.cells
    setup = next(number for number, cell in enumerate(cells) if "setup" in cell.metadata.get("tags", []))
    exercises = [cell for cell in cells[setup + 1:] if grade_id(cell) and grade_id(cell) != "why"]
    pairs = [exercises[number:number + 2] for number in range(0, len(exercises), 2)][::-1]
    rest = [cell for cell in cells[setup + 1:] if cell not in exercises]
    notebook.cells = [*cells[:setup + 1], *(cell for pair in pairs for cell in pair), *rest]


def _split(notebook: Any) -> None:
    """Jupyter keeps a cell's metadata, grade id included, when it is split."""
    cell = cell_of(notebook, "double")
    half = copy.deepcopy(cell)
    cell.source, half.source, half.id = "def twice(x):\n    return 2 * x", "def double(x):\n    return twice(x)", "half"
    notebook.cells.insert(notebook.cells.index(cell) + 1, half)


def _old(notebook: Any) -> None:
    """As an editor of an older format saves it: without ids of cells."""
    notebook["nbformat_minor"] = 2
    for cell in notebook["cells"]:
        cell.pop("id")


def _windows(path: Path, notebook: Any) -> None:
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook, ensure_ascii=False).encode().replace(b"\n", b"\r\n"))


def _markdown(notebook: Any) -> None:
    """The key `m` pressed on an answer: the text is still there."""
    cell = cell_of(notebook, "double")
    cell.cell_type = "markdown"


def _notes_below(notebook: Any) -> None:
    """An answer cell split in two, and the second half made Markdown: it keeps the id."""
    cell = cell_of(notebook, "double")
    notes = nbformat.v4.new_markdown_cell("I doubled *it*.", metadata=copy.deepcopy(cell.metadata))
    notebook.cells.insert(notebook.cells.index(cell) + 1, notes)


def _many(notebook: Any) -> None:
    for number in range(60):
        add(notebook, "norm", f"# attempt {number}\nfor k in range(3): print(norm(np.arange(4.0) * {number}))")


def _prose(notebook: Any) -> None:
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("# My notes"))
    notebook.cells.insert(4, nbformat.v4.new_raw_cell("raw"))
    cell_of(notebook, "test_norm").source += "\nprint('my own extra line')"


def helper(source: str, answer: str) -> dict[str, str | None]:
    return {"double": f"{source.strip()}\n\n{answer}"}


CASES = [
    Attack("nothing unusual", FAMILY),
    Attack("warnings, prints and logging", FAMILY, {"norm": """
import logging, sys, warnings
logging.basicConfig(level="DEBUG")
def norm(x):
    print("norm of", x); print("to stderr", file=sys.stderr)
    warnings.warn("slow"); logging.info("norm")
    return np.sqrt(x @ x)
print("my answer is", norm(np.array([3.0, 4.0])))
"""}, shown=("my answer is",)),
    Attack("exercises in another order", FAMILY, edit=_reordered),
    Attack("many cells of experiments", FAMILY, edit=_many),
    Attack("notes, and a line added to a check", FAMILY, edit=_prose, flagged="was edited"),
    Attack("a helper in a cell of its own", FAMILY, {"double": "def double(x):\n    return twice(x)"},
           added("", "def twice(x):\n    return x * 2")),
    Attack("a cell that was split", FAMILY, edit=_split),
    Attack("an answer turned into Markdown by a slip", FAMILY, edit=_markdown, flagged="Markdown"),
    Attack("notes that keep the id of an answer", FAMILY, edit=_notes_below, flagged="Markdown"),
    Attack("other imports and other names for them", FAMILY, helper("""
import collections, functools, itertools, math, pathlib, random, re
import matplotlib.pyplot as plt
import numpy
import numpy as xp
from torch import nn
import torch.nn.functional as F
""", "def double(x):\n    return xp.add(x, numpy.array(x))")),
    Attack("open figures", FAMILY, {}, added("norm", """
%matplotlib inline
import matplotlib.pyplot as plt
for _ in range(25):
    plt.figure(); plt.plot([1, 2, 3])
plt.show()
fig, axes = plt.subplots(2, 2)
""")),
    Attack("progress bars", FAMILY, {"norm": """
from tqdm.auto import tqdm, trange
def norm(x):
    return sum(v * v for v in tqdm(x)) ** 0.5
for _ in trange(50): pass
"""}),
    Attack("slow but correct", FAMILY,
           {"norm": "import time\ndef norm(x):\n    time.sleep(0.9)\n    return (x * x).sum() ** 0.5"},
           added("norm", "import time; time.sleep(1)")),
    Attack("one endless loop", FAMILY, {"double": "def double(x):\n    while True: pass"}, costs=("double",)),
    Attack("an endless loop in an added cell", FAMILY, {}, added("double", "while True: pass"), flagged="ended"),
    Attack("threads and pools that were joined", FAMILY, helper("""
import threading
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool: list(pool.map(abs, range(9)))
t = threading.Thread(target=print); t.start(); t.join()
""", HONEST["double"] or "")),
    Attack("a thread that still runs", FAMILY, helper("""
import threading, time
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
""", HONEST["double"] or "")),
    Attack("processes of a pool", FAMILY, helper("""
import multiprocessing
with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))
import subprocess; print(subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout)
""", HONEST["double"] or "")),
    Attack("seeds set everywhere", FAMILY, helper("""
import random
random.seed(0); np.random.seed(0); torch.manual_seed(0); torch.use_deterministic_algorithms(True)
""", "def double(x):\n    np.random.seed(1); torch.manual_seed(1)\n    return 2 * x")),
    Attack("type hints, decorators, dataclasses, generators, recursion", FAMILY, {"norm": '''
from __future__ import annotations
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Iterator

def traced(f):
    @wraps(f)
    def inner(*args, **kwargs):
        return f(*args, **kwargs)
    return inner

@dataclass
class Sum:
    value: float = 0.0

def squares(x: np.ndarray) -> Iterator[float]:
    yield from (float(v) ** 2 for v in x)

def total(values: list[float]) -> float:
    return values[0] + total(values[1:]) if values else 0.0

@traced
def norm(x: np.ndarray) -> float:
    """Length of x."""
    return Sum(total(list(squares(x)))).value ** 0.5
''', "double": "double = lambda x: 2 * x",
           "flip": "class Flip:\n    def __call__(self, x): x[...] = -x\nflip = Flip()"}),
    Attack("settings changed for the whole notebook", FAMILY, helper("""
np.set_printoptions(precision=2); torch.set_printoptions(precision=2)
torch.set_default_dtype(torch.float64); np.seterr(all="raise")
import matplotlib; matplotlib.rcParams["figure.figsize"] = (3, 3)
import warnings; warnings.filterwarnings("error")
import sys; sys.setrecursionlimit(5000)
""", HONEST["double"] or "")),
    Attack("magics and shell lines", FAMILY, {"double": "%%time\ndef double(x):\n    return 2 * x"}, added("norm", """
%matplotlib inline
%timeit -n 2 -r 2 norm(np.ones(3))
%load_ext autoreload
%autoreload 2
!ls
files = !echo hello
print(files)
norm?
""")),
    Attack("names that are not ASCII", FAMILY, {"norm": "def länge(größe):\n    return np.sqrt((größe ** 2).sum())\n"
                                                        "norm = länge\n"
                                                        "Δ, 数 = 1, 2\nprint('Ünïcode \U0001f389')"},
           shown=("\U0001f389",)),
    Attack("saved by an older editor", FAMILY, edit=_old),
    Attack("Windows line ends and a byte order mark", FAMILY, raw=_windows),
    Attack("a helper that is defined after its use", FAMILY,
           {"double": "def double(x):\n    return later(x)\ndef later(x):\n    return 2 * x"}),
    Attack("an error beside a right answer", FAMILY,
           {"double": "def double(x):\n    return 2 * x\n\nprint(double(np.ones(2)))\n1 / 0"}),
    Attack("a file written and read again", FAMILY, helper("""
import json, pathlib
pathlib.Path("settings.json").write_text(json.dumps({"factor": 2}))
np.save("table.npy", np.eye(3)); torch.save({"w": torch.ones(2)}, "model.pt")
torch.load("model.pt"); factor = json.loads(open("settings.json").read())["factor"]
""", "def double(x):\n    return factor * x")),
    Attack("a missing module", FAMILY, {}, added("norm", "import a_module_that_is_not_installed")),
    Attack("exit() at the end of a cell", FAMILY, {}, added("norm", "exit()")),
]
