"""How fast a class is graded: `course grade`, in its sandbox, beside stock `nbgrader autograde`.

    python benchmarks/grading.py                     all of it
    python benchmarks/grading.py --submissions 8     with a smaller class
    python benchmarks/grading.py --no-large          without the class of 500

The class of the first part works on 02_backprop; its answers are the reference's with typical mistakes and other
correct answers (tests/mistakes/) put in. Both graders get the same files and run as commands, one after the other. The
second part has 50 and 500 submissions of a lab whose cells take no time, so that what remains is ours. Required:

    two jobs over one job                                  1.7
    seconds a submission above those of its own cells      0.6 at most
    memory of the coordinating process, 500 over 50        1.2 at most
    seconds of a second run of 500, nothing changed        10 at most
    submissions a minute, ours over stock nbgrader's       5, the last line
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from course_staff.authoring import notebooks
from course_staff.authoring.build import build
from course_staff.authoring.variants import Variants
from course_staff.demo import filled, plain
from course_staff.grading.examine import run_cell
from course_staff.grading.launch import PlainProcess
from course_staff.lab import Lab
from course_staff.paths import Course, put_scripts_on_path

ROOT = Path(__file__).parents[1]
MODULE = "02_backprop"
SMALL = "90_mini"
CELL_SECONDS = 600.0

# `course grade` of a course that need not be this one, and the most memory that the process had.
GRADE = """
import json, resource, sys
from pathlib import Path
from course_staff.grading import run, table
from course_staff.paths import Course
if __name__ == "__main__":
    root, directory, module, jobs = sys.argv[1:]
    rows = run.mark(Course(Path(root)), Path(directory), module, run.Settings(jobs=int(jobs)), table.console())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ours = sum(row.our_fault for row in rows)
    # Not ru_maxrss: a process takes that over from the one that started it.
    kilobytes = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    print(json.dumps([len(rows), ours, kilobytes / 1024, usage.ru_utime + usage.ru_stime]))
"""


def a_class(course: Course, count: int) -> list[bytes]:
    """That many notebooks: the reference, with a mistake in one exercise and another correct answer in a second."""
    lab = Lab.read(course.solution(MODULE))
    release = notebooks.read(course.release(MODULE))
    variants = Variants.read(course.mistakes(MODULE), lab)
    right = {exercise: plain(cell.source) for exercise, cell in lab.answers.items()}
    mistakes = [variant for exercise in lab.answers for variant in variants.of(exercise)[0]]
    others = [variant for exercise in lab.answers for variant in variants.of(exercise)[1]]
    made = []
    for number in range(count):
        answers = dict(right)
        if number % 4:  # every fourth is the reference
            for variant in (others[number % len(others)], mistakes[7 * number % len(mistakes)]):
                answers[variant.exercise] = variant.source
        made.append(notebooks.text_of(filled(release, answers, lab)).encode())
    return made


def hand_in(directory: Path, module: str, files: list[bytes]) -> None:
    """nbgrader's submitted/ tree."""
    for number, content in enumerate(files):
        folder = directory / "submitted" / f"s{number:03}" / module
        folder.mkdir(parents=True)
        (folder / f"{module}.ipynb").write_bytes(content)


def grade(root: Path, directory: Path, module: str, jobs: int) -> tuple[float, float, float]:
    """Run `course grade`. Returns its seconds, and of the coordinating process the megabytes and seconds of work."""
    program = directory.with_suffix(".py")
    program.write_text(GRADE)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, str(program), str(root), str(directory), module, str(jobs)], text=True,
                          capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    count, ours, megabytes, work = json.loads(done.stdout.splitlines()[-1])
    if ours or count != len(list((directory / "submitted").iterdir())):
        raise SystemExit(f"{ours} of {count} submissions failed on our side:\n{done.stdout[-4000:]}")
    return seconds, megabytes, work


def stock(course: Course, directory: Path, files: list[bytes]) -> float:
    """Run `nbgrader autograde` as its manual says. Returns its seconds."""
    put_scripts_on_path()
    hand_in(directory, MODULE, files)
    shutil.copy(ROOT / "nbgrader_config.py", directory)
    (directory / "solutions" / MODULE).mkdir(parents=True)
    shutil.copy(course.solution(MODULE).with_suffix(".ipynb"), directory / "solutions" / MODULE)
    timeout = f"--Execute.timeout={CELL_SECONDS:.0f}"
    for words in (["generate_assignment", MODULE], ["autograde", MODULE, timeout]):
        start = time.perf_counter()
        done = subprocess.run(["nbgrader", *words], cwd=directory, text=True, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(done.stderr[-4000:])
    graded = len(list(directory.glob(f"autograded/*/{MODULE}/{MODULE}.ipynb")))
    if graded != len(files):
        raise SystemExit(f"nbgrader graded {graded} of {len(files)}.")
    return seconds


def own_seconds(files: list[bytes]) -> float:
    """Mean seconds of a submission's own cells, its checks among them, run in a copy of a warm process."""
    warm = PlainProcess().start()
    try:
        taken = []
        for content in files:
            copy = warm.fork()
            try:
                start = time.perf_counter()
                for cell in nbformat.reads(content.decode(), as_version=4).cells:
                    if cell.cell_type == "code":
                        run_cell(copy, cell.source, CELL_SECONDS)
                taken.append(time.perf_counter() - start)
            finally:
                copy.close()
        return statistics.mean(taken)
    finally:
        warm.close()
        warm.place.end()


def trivial(folder: Path) -> tuple[Course, bytes]:
    """A course with one lab of trivial cells, and an answered notebook of it."""
    from tests.grading.conftest import MINI_LAB

    course = Course(folder)
    (folder / "pyproject.toml").write_text("")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    course.solution(SMALL).parent.mkdir(parents=True)
    course.solution(SMALL).write_text(MINI_LAB)
    if not build(course, (SMALL,)):
        raise SystemExit("The small lab could not be built.")
    lab = Lab.read(course.solution(SMALL))
    right = {exercise: plain(cell.source) for exercise, cell in lab.answers.items()}
    return course, notebooks.text_of(filled(notebooks.read(course.release(SMALL)), right, lab)).encode()


def large(folder: Path, sizes: tuple[int, int], jobs: int) -> list[tuple[str, str, str, bool]]:
    """Rows of the table: memory of a small and a large class of trivial submissions, and the second run."""
    (folder / "course").mkdir()
    course, content = trivial(folder / "course")
    memory = []
    for size in sizes:
        directory = folder / f"class{size}"
        directory.mkdir()
        hand_in(directory, SMALL, [content] * size)
        seconds, megabytes, work = grade(course.root, directory, SMALL, jobs)
        memory.append(megabytes)
        print(f"{size} trivial submissions: {seconds:.0f} s, {seconds / size:.2f} s each; the coordinating process: "
              f"{work:.0f} s of work, {megabytes:.0f} MB", flush=True)
    again, _, _ = grade(course.root, directory, SMALL, jobs)
    return [(f"memory of the coordinating process, {sizes[1]} over {sizes[0]}", f"{memory[1] / memory[0]:.2f}",
             "<= 1.2", memory[1] <= 1.2 * memory[0]),
            (f"second run of {sizes[1]}, nothing changed", f"{again:.1f} s", "<= 10 s", again <= 10)]


def main() -> int:
    """Print the tables. Returns 1 where something required is missed."""
    parser = argparse.ArgumentParser(description="Grading: ours beside stock nbgrader.")
    parser.add_argument("--submissions", type=int, default=40, help="of the first class (default: 40)")
    parser.add_argument("--no-large", action="store_true", help="without the classes of 50 and 500")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    # Kernels of stock nbgrader and candidates of ours find the package however this program was started.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    course, count = Course(ROOT), options.submissions
    print(f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}; {count} submissions of "
          f"{MODULE}; sandbox on")
    with tempfile.TemporaryDirectory(prefix="grading-") as name:
        folder = Path(name)
        files = a_class(course, count)
        seconds = {}
        for jobs in (1, 2):
            directory = folder / f"jobs{jobs}"
            directory.mkdir()
            hand_in(directory, MODULE, files)
            seconds[jobs], megabytes, work = grade(ROOT, directory, MODULE, jobs)
            print(f"course grade --jobs {jobs}: {seconds[jobs]:.0f} s, {60 * count / seconds[jobs]:.1f} a minute; the "
                  f"coordinating process: {work:.0f} s of work, {megabytes:.0f} MB", flush=True)
        own = own_seconds(files)
        print(f"a submission's own cells in a warm process: {own:.2f} s", flush=True)
        over = seconds[1] / count - own
        rows = [("two jobs over one job", f"{seconds[1] / seconds[2]:.2f}", ">= 1.7", seconds[1] >= 1.7 * seconds[2]),
                ("above its own cells, each", f"{over:.2f} s", "<= 0.6 s", over <= 0.6)]
        if not options.no_large:
            rows += large(folder, (50, 500), os.cpu_count() or 1)
        (folder / "stock").mkdir()
        theirs = stock(course, folder / "stock", files)
        print(f"nbgrader autograde: {theirs:.0f} s, {60 * count / theirs:.1f} a minute", flush=True)
    ratio = theirs / seconds[2]
    rows.append(("submissions a minute, ours over stock nbgrader's", f"{ratio:.1f}", ">= 5", ratio >= 5))
    width = max(len(what) for what, *_ in rows)
    print()
    for what, value, required, met in rows:
        print(f"{what:{width}}  {value:>8}   required {required:8}  {'met' if met else 'MISSED'}")
    print(f"ratio {ratio:.2f}")
    return 0 if all(met for *_, met in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
