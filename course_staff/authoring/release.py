"""From the solutions to the released labs, by nbgrader's generate_assignment in a folder of its own."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import capture_log
from traitlets.config import Config, PyFileConfigLoader

from course_staff.authoring import colab
from course_staff.authoring.notebooks import finished, read, text_of
from course_staff.paths import Course, CourseError, put_scripts_on_path

CONFIG = "nbgrader_config.py"


def configuration(course: Course) -> Config:
    """The course's own nbgrader configuration."""
    if not (course.root / CONFIG).is_file():
        raise CourseError(f"{course.root / CONFIG} is missing: nbgrader would not know where the labs are.")
    return PyFileConfigLoader(CONFIG, path=str(course.root)).load_config()


def generate(course: Course, solutions: dict[str, NotebookNode], data: dict[str, set[str]], folder: Path,
             gradebook: Path | None = None) -> None:
    """Release every lab in `solutions` (module -> notebook with answers) into `folder`/labs.

    data: the data files of each module, relative to its folder in solutions/. gradebook: the database file that
    nbgrader records the exercises in; without one, nothing is recorded. Raises CourseError with nbgrader's words.
    """
    put_scripts_on_path()
    config, home = configuration(course), colab.home(course)
    config.CourseDirectory.root = str(folder)
    if gradebook:
        config.CourseDirectory.db_url = f"sqlite:///{gradebook}"
    for module, notebook in solutions.items():
        source = folder / "solutions" / module
        source.mkdir(parents=True)
        (source / f"{module}.ipynb").write_text(text_of(notebook), encoding="utf-8", newline="\n")
        for name in data[module]:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(course.solution(module).parent / name, source / name)
        _run_nbgrader(module, config, recorded=gradebook is not None)
        target = Course(folder).release(module)
        released = finished(read(target).cells, lab=module)
        colab.add_badge(released, home, target.relative_to(folder).as_posix())
        target.write_text(text_of(released), encoding="utf-8", newline="\n")


def _run_nbgrader(module: str, config: Config, *, recorded: bool) -> None:
    directory = CourseDirectory(config=config)
    directory.assignment_id = module
    converter = GenerateAssignment(coursedir=directory, config=config)
    converter.force = True
    if not recorded:
        converter.no_database = True
        converter.preprocessors = [step for step in converter.preprocessors if step is not SaveCells]
    quiet = logging.getLogger(f"course.nbgrader.{module}")
    quiet.propagate = False
    quiet.setLevel(logging.WARNING)
    converter.log = directory.log = quiet
    result = capture_log(converter)
    if not result["success"]:
        log = (result.get("log") or result.get("error") or "no reason given").strip()
        reasons = re.findall(r"^\s*([\w.]+(?:Error|Exception): .*)$", log, re.MULTILINE)
        raise CourseError(f"{module}: nbgrader cannot release this lab: {reasons[-1] if reasons else log}")
