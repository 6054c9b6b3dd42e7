"""`python -m tests.grading.attacks [WORD…]`: what each attack earns, from stock nbgrader and from this grader.

WORD: only the cases that have it in their name or family. The stock grader runs a student's code as the user who
grades; so here it runs in a cage of its own, without network and with a copy of the course, and not at all with what
would be a nuisance even there ("not run"). Needs Linux with bubblewrap.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import course_utils
from course_staff.grading import prepare
from course_staff.grading.examine import InfrastructureError
from course_staff.grading.sandbox import SYSTEM, Sandbox
from course_staff.paths import put_scripts_on_path
from tests.grading.attacks.cases import ATTACKS, HONEST
from tests.grading.attacks.lab import NAME, POINTS, Attack, Ground

CELL_SECONDS = 5
STOCK_SECONDS = 240
MEMORY = 10 * 2**30  # of addresses; torch reserves several gigabytes


def ours(ground: Ground, attack: Attack, submission: Path) -> tuple[str, str]:
    """Points and the first flag."""
    try:
        result = ground.mark(submission, Sandbox())
    except prepare.Unreadable as refusal:
        return "refused", str(refusal)
    except InfrastructureError as failure:
        return "our failure", str(failure)
    return f"{result.points:g}", result.flags[0] if result.flags else ""


def stock(ground: Ground, template: Path, submission: Path, folder: Path) -> str:
    """Points of a submission in nbgrader's gradebook after `nbgrader autograde`."""
    shutil.copytree(template, folder, symlinks=True)
    handed_in = folder / "submitted" / "mallory" / NAME / f"{NAME}.ipynb"
    handed_in.parent.mkdir(parents=True)
    shutil.copy(submission, handed_in)
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for path in SYSTEM:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            words += ["--ro-bind", path, path]
    for prefix in {sys.prefix, sys.base_prefix} - {"/usr"}:
        words += ["--ro-bind", prefix, prefix]
    words += ["--ro-bind", str(Path(course_utils.__file__).parent), "/code/course_utils", "--proc", "/proc", "--dev",
              "/dev", "--tmpfs", "/tmp", "--bind", str(folder), "/course", "--chdir", "/course"]
    for name, value in {"HOME": "/tmp", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8",
                        "PYTHONPATH": "/code", "OMP_NUM_THREADS": "1", "COURSE_DEVICE": "cpu",
                        "JUPYTER_PREFER_ENV_PATH": "1"}.items():
        words += ["--setenv", name, value]
    words += ["--", "prlimit", f"--as={MEMORY}", f"--fsize={2**28}", "nbgrader", "autograde", NAME,
              f"--Execute.timeout={CELL_SECONDS}", "--ExecutePreprocessor.timeout=5"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(words, capture_output=True, timeout=STOCK_SECONDS, check=False)
    if not list(folder.glob(f"autograded/*/{NAME}/{NAME}.ipynb")):
        return "no mark"
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as book:
        (points,) = book.execute("select sum(coalesce(manual_score, auto_score, 0)) from grade").fetchone()
    shutil.rmtree(folder, ignore_errors=True)
    return f"{points or 0:g}"


def main(words: Sequence[str]) -> None:
    put_scripts_on_path()
    prepare.RUN_SECONDS = CELL_SECONDS
    cases = [case for case in (*ATTACKS, *HONEST)
             if not words or any(word in case.name + case.family for word in words)]
    with tempfile.TemporaryDirectory(prefix="attacks-") as place:
        root = Path(place)
        with contextlib.redirect_stdout(io.StringIO()):
            ground = Ground.make(root)
        ground.filled |= {"@PORT@": "9", "@ABSTRACT@": "nobody"}
        template = root / "template"
        shutil.copytree(ground.course.root, template)
        subprocess.run(["nbgrader", "generate_assignment", NAME, "--force"], cwd=template, capture_output=True,
                       check=True)
        print(f"Points of {sum(POINTS.values()):g}.\n")
        print("| family | submission | deserves | stock nbgrader | ours | flag |\n|---|---|---|---|---|---|")
        totals = {"deserves": 0.0, "stock": 0.0, "ours": 0.0}
        for number, case in enumerate(cases):
            folder = root / str(number)
            folder.mkdir()
            submission = ground.write(case, folder / f"{NAME}.ipynb")
            theirs = stock(ground, template, submission, folder / "course") if case.stock else "not run"
            mine, flag = ours(ground, case, submission)
            print(f"| {case.family} | {case.name} | {'refusal' if case.refused else f'{case.points:g}'} | {theirs} | "
                  f"{mine} | {' '.join(flag.replace('|', '/').split())[:90]} |", flush=True)
            totals["deserves"] += case.points
            with contextlib.suppress(ValueError):
                totals["ours"] += float(mine)
            shutil.rmtree(folder, ignore_errors=True)
        print(f"\n{len(cases)} submissions; together they deserve {totals['deserves']:g} and got {totals['ours']:g}.")


if __name__ == "__main__":
    main(sys.argv[1:])
