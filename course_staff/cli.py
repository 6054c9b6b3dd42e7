"""The staff's commands: course build, course verify, course grade."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from course_staff.paths import Course, CourseError, put_scripts_on_path

# What a command needs is imported when it runs: `course --help` should not wait for torch.


@click.group(name="course")
def commands() -> None:
    """The tools of the deep-learning course."""


@commands.command()
@click.argument("modules", nargs=-1, metavar="[NN]...")
@click.option("--check", is_flag=True, help="Change nothing; name every stale file. Exit status 1 if there is one.")
@click.option("--from-notebook", multiple=True, metavar="NN", help="First carry what was edited in the built notebooks "
              "of this module into their scripts. May be repeated.")
@click.option("--discard-edits", is_flag=True, help="Overwrite notebooks that were edited by hand.")
@click.option("--gradebook", is_flag=True, help="Record the exercises in the course's gradebook.db.")
def build(modules: tuple[str, ...], check: bool, from_notebook: tuple[str, ...], discard_edits: bool,
          gradebook: bool) -> bool:
    """Build the notebooks from their text sources, and the released labs from the solutions. Without NN: all."""
    from course_staff.authoring.build import build as run_build

    return run_build(Course.find(), modules, check=check, from_notebook=from_notebook, discard_edits=discard_edits,
                     gradebook=gradebook)


@commands.command()
@click.argument("modules", nargs=-1, metavar="[NN]...")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="CPU cores",
              help="Processes to use.")
def verify(modules: tuple[str, ...], jobs: int) -> bool:
    """Prove that labs mark right: the reference, typical mistakes, other correct answers, mutants. Without NN: all."""
    from course_staff.authoring.verify import verify as run_verify

    course = Course.find()
    chosen = [course.resolve(name) for name in modules] or course.labs
    return run_verify(course, chosen, jobs=jobs)


@commands.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("--lab", required=True, metavar="NN", help="The lab to grade.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="CPU cores",
              help="Submissions to examine at once.")
@click.option("--cluster", metavar="ADDRESS", help="Examine on the workers of this Dask scheduler (docs/cluster.md).")
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student. May be repeated.")
@click.option("--seed", type=int, help="Seed of the hidden inputs, to repeat an earlier run. Default: the "
              "directory's own, private one.")
@click.option("--explain", nargs=2, metavar="ID EXERCISE", help="Examine this exercise of this student again and show "
              "the evidence, hidden checks included. Records nothing.")
@click.option("--again", is_flag=True, help="Examine also what has a result already.")
@click.option("--no-sandbox", is_flag=True, help="Run students' code as ordinary processes with your rights. Every "
              "report says so.")
def grade(directory: Path, lab: str, jobs: int, cluster: str | None, students: tuple[str, ...], seed: int | None,
          explain: tuple[str, str] | None, again: bool, no_sandbox: bool) -> bool:
    """Grade the submissions of a lab. DIR holds nbgrader's submitted/ folder; the results are written beside it."""
    from course_staff.grading.launch import PlainProcess
    from course_staff.grading.run import Settings, explain_verdict, on_cluster
    from course_staff.grading.run import grade as run_grade

    course = Course.find()
    settings = Settings(jobs=jobs, students=students, seed=seed, again=again,
                        launcher=PlainProcess() if no_sandbox else None)
    if explain:
        return explain_verdict(course, directory, course.resolve(lab), *explain, settings)
    if cluster:
        settings = on_cluster(settings, cluster, course, directory)
    return run_grade(course, directory, course.resolve(lab), settings)


def run(words: list[str]) -> int:
    """Run the command in `words`. Returns 0: all is well, 1: something was found, 2: it could not be carried out."""
    put_scripts_on_path()
    try:
        well = commands.main(args=words, prog_name="course", standalone_mode=False)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 2
    # click returns the command's verdict, a bool, or the exit status 0 after --help.
    return int(not well) if isinstance(well, bool) else int(well or 0)
