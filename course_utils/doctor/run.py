"""Running a student's notebook from top to bottom in a fresh process, and what there is to say about it.

The code is the student's own, on the student's own machine: nothing here protects against it.
"""

from __future__ import annotations

import difflib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from course_utils.doctor.structure import FURTHER, Cell, Finding, Notebook, bound_names

SERVER = Path(__file__).with_name("cells.py")
COURSE_ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0  # for Python and IPython to start, on a busy machine
GRACE_SECONDS = 5.0  # between the interruption of a cell and the end of its process

Status = Literal["ran", "raised", "limit", "died", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of a cell. `error`: what `cells.describe` tells of the exception, {} where there was none."""

    status: Status
    error: dict[str, Any]


class CannotRun(Exception):
    """The fresh process did not start. The text is the last line that it said."""


def run(notebook: Notebook, *, seconds: float, further: bool = False) -> dict[int, Outcome]:
    """The outcome of every code cell by its number, run in order in the notebook's folder.

    seconds: limit for one cell. further: run the cells tagged "further" too. After a cell that cannot be interrupted,
    or that ends the process, the others are "skipped". Raises CannotRun where no process can be started.
    """
    outcomes: dict[int, Outcome] = {}
    with _Process(notebook.path.resolve().parent) as process:
        for cell in notebook.cells:
            if not cell.runs:
                continue
            if process.over or (FURTHER in cell.tags and not further):
                outcomes[cell.number] = Outcome("skipped", {})
            else:
                outcomes[cell.number] = process.run(cell.source, seconds)
    return outcomes


class _Process:
    """A process of `cells.py`. `over`: it has ended, or had to be ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.over = False
        self.replies: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> _Process:
        # Figures are made and closed as in a notebook, and no window opens.
        environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), str(COURSE_ROOT)], cwd=self.folder, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, encoding="utf-8", start_new_session=True)
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            if not self._reply(START_SECONDS):
                raise CannotRun(self._last_words())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def run(self, source: str, seconds: float) -> Outcome:
        """Run one cell, with a limit in seconds."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"source": source, "seconds": seconds}) + "\n")
            self.process.stdin.flush()
            line = self._reply(seconds + GRACE_SECONDS)
        except OSError:
            line = ""
        if not line:
            self.over = True
            if line is None:
                return Outcome("limit", {"over": True})
            return Outcome("died", {"code": self.process.wait(), "text": self._last_words()})
        error = json.loads(line)["error"]
        if error is None:
            return Outcome("ran", {})
        return Outcome("limit", {}) if error["kind"] == "limit" else Outcome("raised", error)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.replies.put(line)
        self.replies.put("")

    def _reply(self, seconds: float) -> str | None:
        """The next line; "" at the end of the process, None when the time is up."""
        try:
            return self.replies.get(timeout=seconds)
        except queue.Empty:
            return None

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors.read().decode(errors="replace").split("\n") if line.strip()]
        return lines[-1][:500] if lines else ""

    def _end(self) -> None:
        self.over = True
        if os.name == "posix":
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # with whatever the cells have started
            except (ProcessLookupError, PermissionError):
                pass
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.errors):
            try:
                stream.close()  # type: ignore[union-attr]
            except OSError:
                pass


# What there is to say


def findings(notebook: Notebook, outcomes: dict[int, Outcome], seconds: float) -> list[Finding]:
    """Everything to look at that shows when the notebook runs, in the order of its cells.

    What merely follows from an exercise that is not answered, or from a cell that did not run, is not said again.
    """
    found: list[Finding] = []
    unanswered = any(cell.role == "answer" and notebook.unanswered(cell) for cell in notebook.cells)
    answers = {cell.grade_id for cell in notebook.cells if cell.role == "answer" and cell.runs}
    lost = {cell.exercise for cell in notebook.cells if cell.role in ("answer", "test")} - answers
    failed: set[str] = set()
    said: set[tuple[str, str]] = set()
    broken: dict[str, Cell] = {}  # names that are missing because the cell that binds them did not run
    for cell in notebook.cells:
        outcome = outcomes.get(cell.number)
        if outcome is None or outcome.status in ("ran", "skipped"):
            if outcome is not None and outcome.status == "ran":
                for name in bound_names(cell.source):
                    broken.pop(name, None)
            continue
        missing = outcome.error.get("missing")
        follows = (unanswered and outcome.error.get("kind") == "unanswered") or missing in broken
        # The same line of a function may stop several cells.
        cause = outcome.error.get("text", ""), outcome.error.get("line", "")
        follows = follows or (cell.role == "other" and all(cause) and cause in said)
        said.add(cause)
        # A check that passed before must be mentioned even so. That an answer cell is lost has been said.
        if missing not in lost and (not follows or (cell.role == "test" and cell.succeeded)):
            found.append(_finding(notebook, cell, outcome, broken, failed, seconds))
        if cell.role == "test":
            failed.add(cell.exercise)
        broken |= dict.fromkeys(bound_names(cell.source), cell)
    return found


def _finding(notebook: Notebook, cell: Cell, outcome: Outcome, broken: dict[str, Cell], failed: set[str],
             seconds: float) -> Finding:
    where = cell.where[0].upper() + cell.where[1:]
    error, before = outcome.error, ""
    if cell.succeeded:
        before = "It passed" if cell.role == "test" else "It ran"
        before += " in the notebook as you saved it, so something has changed since. "
    needed = [name for name in cell.needs if name in failed]
    if needed:
        before += f"It uses your {' and '.join(needed)}, whose check does not pass either: begin there. "
    if outcome.status == "limit":
        rest = " The cells after it could not be tried." if error.get("over") else ""
        return Finding(f"{where} did not end within {seconds:g} s.", before + "An exercise that does not end "
                       "earns nothing." + rest, "Look for a loop that never ends, or one that could be a single "
                       "operation on arrays; make long experiments shorter.")
    if outcome.status == "died":
        return Finding(f"{where} ended the Python process{_reason(error)}.", before + "The cells after it could not "
                       "be tried.", "Look for exit(), for too much memory, or for a recursion without end.")
    said = f"{error['name']}: {error['text']}" if error["text"] else error["name"]
    if error["kind"] == "check":
        first, _, rest = error["text"].partition("\n")
        slip = " ".join(line.strip() for line in rest.split("\n") if "slip" in line.lower())
        return Finding(f"{where} does not pass: {first}", before + (slip or " ".join(rest.split()) or
                       "The exercise earns nothing as it is."),
                       f"Run the answer cell of {cell.exercise}, then its check, and read what it says in full.")
    if error["kind"] == "unanswered":
        return Finding(f"{where} does not pass: {error['text']}", before + "The exercise earns nothing as it is.",
                       "Write the answer; a cell that once held it may have been deleted.")
    at = f" at `{error['line'][:80]}`" if error["line"] else ""
    what = f"{where} stops with {_short(said)}{at}."
    if error["missing"]:
        why, do = _missing(notebook, cell, error["missing"], broken)
        return Finding(what, before + why, do)
    why, do = _hint(error, cell)
    return Finding(what, before + why, do)


def _missing(notebook: Notebook, cell: Cell, name: str, broken: dict[str, Cell]) -> tuple[str, str]:
    """Why a name is not defined, and what to do."""
    if name in broken:
        return f"{name} would come from {broken[name].where}, which did not run to its end.", "Repair that cell first."
    binding = [other for other in notebook.cells if other.runs and name in bound_names(other.source)]
    later = [other for other in binding if other.number > cell.number]
    if later:
        return (f"{name} is defined only further down, in {later[0].where}. It worked while that cell had been run "
                "before; a lab is graded from top to bottom.", "Move the definition above the cell that uses it.")
    skipped = [other for other in binding if FURTHER in other.tags]
    if skipped:
        return (f"{name} is defined in {skipped[0].where}, a cell tagged further, which is not run.",
                "Move the definition into a cell of your own.")
    known = {known for other in notebook.cells if other.runs for known in bound_names(other.source)}
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    spelling = f" Or is it {close[0]}, misspelt?" if close else ""
    return (f"No cell of the notebook defines {name}. A variable of a cell that was deleted or rewritten lives on "
            "until the kernel restarts, and is gone when the lab is graded." + spelling,
            f"Define {name} in a cell above, then use Kernel > Restart Kernel and Run All Cells.")


def _hint(error: dict[str, Any], cell: Cell) -> tuple[str, str]:
    name, text = error["name"], error["text"]
    if name in ("SyntaxError", "IndentationError", "TabError"):
        return "The cell is not Python, so nothing in it is defined.", "Correct the line and run the cell."
    if name == "ModuleNotFoundError":
        return ("That package is not installed here, and need not be where the lab is graded.",
                "Use the packages that the lab imports.")
    if name == "FileNotFoundError":
        return ("Only the notebook is handed in: files beside it and paths of your computer do not exist elsewhere.",
                "Do without the file, or make what it holds in a cell.")
    if name in ("EOFError", "StdinNotImplementedError") or "raw_input" in text:
        return "It waits for typing: nobody types when the lab is graded.", "Replace input() by a value."
    if name in ("SystemExit", "KeyboardInterrupt"):
        return "It ends the run on purpose.", "Remove exit(), quit() or the raise."
    if cell.role == "test":
        return ("Your code raised it on an input of the check, so the exercise earns nothing as it is.",
                f"Run the answer cell of {cell.exercise}, then its check, and read the whole message.")
    return "What the cell defines is missing in the cells below it.", "Correct the cell, or delete it if it is yours."


def _reason(error: dict[str, Any]) -> str:
    code = error.get("code")
    if isinstance(code, int) and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f" (signal {name}{', often for lack of memory' if name == 'SIGKILL' else ''})"
    return f" (exit status {code})" if code else ""


def _short(text: str) -> str:
    first = text.strip().split("\n")[0]
    return first if len(first) <= 160 else first[:159] + "…"

