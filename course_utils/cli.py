"""The command `course`: what a student's machine can do, and, where the staff tools are installed, all the rest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

STAFF_COMMANDS = {
    "build": "the notebooks from their text sources",
    "verify": "prove that labs mark right",
    "publish": "the tree that students may have",
    "collect": "put what was handed in where it is graded",
    "grade": "grade submissions",
    "export": "marks for Canvas or Moodle",
}
STAFF_PACKAGES = ("click", "jupytext", "nbformat", "nbclient", "nbgrader", "rich", "course_staff")
INSTALL = "is for staff: in a checkout of the course, run  pip install -e '.[staff]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `course` with these arguments (default: the command line's). Returns the exit status.

    0: well; 1: something to correct was found; 2: the command could not be carried out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in STAFF_COMMANDS:
        return _staff(words)
    chosen = _parser().parse_args(words)
    if chosen.command is None:
        _parser().print_help()
        return 0
    if chosen.command == "doctor":
        from course_utils.machine import doctor

        return doctor()
    from course_utils.doctor import check, reset

    if chosen.command == "reset":
        return reset(chosen.notebook, chosen.exercise, show=chosen.show)
    return check(chosen.notebook, run=not chosen.no_run, seconds=chosen.seconds, further=chosen.further)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description="The tools of the deep-learning course.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    check = commands.add_parser("check", help="look a lab over before you hand it in")
    check.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="your lab, an .ipynb file")
    check.add_argument("--no-run", action="store_true", help="only look, do not run it from top to bottom")
    check.add_argument("--seconds", type=float, default=60.0, metavar="N", help="limit for one cell (default: 60)")
    check.add_argument("--further", action="store_true", help='run the cells of the section "Further" too')
    reset = commands.add_parser("reset", help="get one exercise back as it was released; the others stay")
    reset.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="your lab, an .ipynb file, saved")
    reset.add_argument("exercise", metavar="EXERCISE", help="its name, as `course check` lists it")
    reset.add_argument("--show", action="store_true", help="only print the released text, change nothing")
    commands.add_parser("doctor", help="what this machine has, what is missing, and what to do about it")
    if find_spec("course_staff") is None:  # a student's copy of the course
        return parser
    # These never parse anything: main() hands their words to course_staff.
    missing = [package for package in STAFF_PACKAGES if find_spec(package) is None]
    for name, purpose in STAFF_COMMANDS.items():
        commands.add_parser(name, help=f"{purpose} (needs the staff tools)" if missing else purpose, add_help=False)
    return parser


def _staff(words: list[str]) -> int:
    try:
        run = import_module("course_staff.cli").run
        return int(run(words))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in STAFF_PACKAGES or (error.name or "").startswith("course_staff."):
            raise
        if error.name == "course_staff":
            print(f"course {words[0]} is for teachers; this copy of the course is for students, without that part.",
                  file=sys.stderr)
            return 2
        print(f"course {words[0]} {INSTALL}  ({error.name} is missing)", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
