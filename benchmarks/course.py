"""The whole course, headless: seconds of every lecture and solution.

    python benchmarks/course.py                 all notebooks, one after another; required: 10 minutes in all
    python benchmarks/course.py --only 02 07    those of some modules

A notebook is executed as CI does it: a new kernel, an empty folder, no widget manager. Its seconds count from the
start of the kernel to its end, training included. Where larger data sets are in the cache or in a mirror, the sections
"Further" use them, which takes longer.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat
import torch

ROOT = Path(__file__).parents[1]
TARGET = 60.0  # seconds for a notebook on two cores
REQUIRED = 600.0  # seconds for all
CELL_SECONDS = 600


def run(path: Path, ask: str = "pass") -> tuple[float, str, str]:
    """Execute a notebook, and then the code `ask` in its kernel.

    Returns the seconds, what `ask` printed, and the error that stopped the notebook, or "".
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ask))
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3",
                                         resources={"metadata": {"path": folder}})
        start = time.perf_counter()
        try:
            client.execute()
        except nbclient.exceptions.CellExecutionError as error:
            return time.perf_counter() - start, "", f"{error.ename}: {error.evalue}"
        seconds = time.perf_counter() - start
    printed = [output.text for output in notebook.cells[-1].outputs if output.get("name") == "stdout"]
    return seconds, "".join(printed), ""


def main() -> int:
    """Print the table. Returns 1 where a notebook fails, or all of them take longer than required."""
    parser = argparse.ArgumentParser(description="Run the whole course and print how long each notebook takes.")
    parser.add_argument("--only", nargs="+", default=[""], metavar="NN", help="modules whose name begins so")
    options = parser.parse_args()
    paths = [path for path in sorted([*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")],
                                     key=lambda path: (path.stem, path.parts))
             if path.stem.startswith(tuple(options.only))]
    if not paths:
        parser.error("no notebook is selected")
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
          f"{'CUDA' if torch.cuda.is_available() else 'CPU'}\n")
    print(f"{'notebook':<42} {'seconds':>8}")
    total, failed = 0.0, []
    for path in paths:
        seconds, _, error = run(path)
        total += seconds
        name = str(path.relative_to(ROOT))
        if error:
            failed.append(f"{name}: {error}")
        print(f"{name:<42} {seconds:>8.1f}{'  above ' + format(TARGET, '.0f') if seconds > TARGET else ''}"
              f"{'  FAILED' if error else ''}", flush=True)
    print(f"{'all':<42} {total:>8.1f}")
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    whole = options.only == [""]
    if whole:
        print(f"{total / 60:.1f} minutes; required: {REQUIRED / 60:.0f}. "
              f"{'Passed' if total <= REQUIRED and not failed else 'FAILED'}.")
    return int(bool(failed) or (whole and total > REQUIRED))


if __name__ == "__main__":
    sys.exit(main())
