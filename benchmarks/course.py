"""The whole course, headless: seconds of every lecture and solution, and what the lectures computed beside the decks.

    python benchmarks/course.py                 all notebooks, one after another; required: 10 minutes in all
    python benchmarks/course.py --only 02 07    those of some modules
    python benchmarks/course.py --ledger        also "the deck says / we compute", as each lecture found it

A notebook is executed as CI does it: a new kernel, an empty folder, no widget manager. Its seconds count from the
start of the kernel to its end, training included.
"""

from __future__ import annotations

import argparse
import json
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
# The lecture's list of (deck, what it says, what we compute), as one line on stdout.
ASK = "import json as _json\nprint(_json.dumps(globals().get('ledger', [])))"


def run(path: Path) -> tuple[float, list[list[str]], str]:
    """Execute a notebook. Returns its seconds, its ledger, and the error that stopped it, or ""."""
    notebook = nbformat.read(path, as_version=4)
    is_lecture = path.parent.name == "lectures"
    if is_lecture:
        notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3",
                                         resources={"metadata": {"path": folder}})
        start = time.perf_counter()
        try:
            client.execute()
        except nbclient.exceptions.CellExecutionError as error:
            return time.perf_counter() - start, [], f"{error.ename}: {error.evalue}"
        seconds = time.perf_counter() - start
    ledger = json.loads(notebook.cells[-1].outputs[0].text) if is_lecture else []
    return seconds, ledger, ""


def main() -> int:
    """Print the tables. Returns 1 where a notebook fails, or all of them take longer than required."""
    parser = argparse.ArgumentParser(description="Run the whole course and print how long each notebook takes.")
    parser.add_argument("--only", nargs="+", default=[""], metavar="NN", help="modules whose name begins so")
    parser.add_argument("--ledger", action="store_true", help="print what each lecture computed beside the decks")
    options = parser.parse_args()
    paths = [path for path in sorted([*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")],
                                     key=lambda path: (path.stem, path.parts))
             if path.stem.startswith(tuple(options.only))]
    if not paths:
        parser.error("no notebook is selected")
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
          f"{'CUDA' if torch.cuda.is_available() else 'CPU'}\n")
    print(f"{'notebook':<42} {'seconds':>8}")
    total, failed, ledgers = 0.0, [], {}
    for path in paths:
        seconds, ledger, error = run(path)
        total += seconds
        name = str(path.relative_to(ROOT))
        ledgers[path.stem] = ledger or ledgers.get(path.stem, [])
        if error:
            failed.append(f"{name}: {error}")
        print(f"{name:<42} {seconds:>8.1f}{'  above ' + format(TARGET, '.0f') if seconds > TARGET else ''}"
              f"{'  FAILED' if error else ''}", flush=True)
    print(f"{'all':<42} {total:>8.1f}")
    if options.ledger:
        for name, ledger in ledgers.items():
            print(f"\n{name}: the deck says / we compute")
            for deck, says, computed in ledger:
                print(f"  {deck:<8} {says}\n           -> {computed}")
    for line in failed:
        print(f"FAILED {line}", file=sys.stderr)
    whole = options.only == [""]
    if whole:
        print(f"{total / 60:.1f} minutes; required: {REQUIRED / 60:.0f}. "
              f"{'Passed' if total <= REQUIRED and not failed else 'FAILED'}.")
    return int(bool(failed) or (whole and total > REQUIRED))


if __name__ == "__main__":
    sys.exit(main())
