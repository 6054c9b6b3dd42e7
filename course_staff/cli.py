"""The staff's commands: course build, verify, publish, collect, grade, export."""

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
@click.option("--db", "database", default="", metavar="URL", help="The gradebook's database, as SQLAlchemy names it. "
              "Default: the one in DIR/nbgrader_config.py, else DIR/gradebook.db.")
@click.option("--no-sandbox", is_flag=True, help="Run students' code as ordinary processes with your rights. Every "
              "report says so.")
def grade(directory: Path, lab: str, jobs: int, cluster: str | None, students: tuple[str, ...], seed: int | None,
          explain: tuple[str, str] | None, again: bool, database: str, no_sandbox: bool) -> bool:
    """Grade the submissions of a lab. DIR holds nbgrader's submitted/ folder; the results are written beside it."""
    from course_staff.grading.launch import PlainProcess
    from course_staff.grading.run import Settings, explain_verdict, on_cluster
    from course_staff.grading.run import grade as run_grade

    course = Course.find()
    settings = Settings(jobs=jobs, students=students, seed=seed, again=again, database=database,
                        launcher=PlainProcess() if no_sandbox else None)
    if explain:
        return explain_verdict(course, directory, course.resolve(lab), *explain, settings)
    if cluster:
        settings = on_cluster(settings, cluster, course, directory)
    return run_grade(course, directory, course.resolve(lab), settings)


@commands.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="SOURCE")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--lab", required=True, metavar="NN", help="The lab that was handed in.")
@click.option("--from", "preset", type=click.Choice(["folder", "canvas", "moodle"]), default="folder",
              show_default=True, help="Whose file names these are. folder: STUDENT.ipynb.")
@click.option("--pattern", default="", metavar="REGEX", help="Instead of --from: a regular expression for the whole "
              "path of a file in SOURCE, with the group (?P<student>...).")
@click.option("--roster", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV",
              help="id, first_name, last_name, email, lms_id, lms_name. Kept as DIR/roster.csv, which is the default.")
@click.option("--worksheet", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV",
              help="Moodle's grading worksheet of the assignment, which says whose the numbers in file names are.")
@click.option("--times", default="", metavar="CSV|files|none", help="When each was handed in: a table with id and "
              "time; the times of the files; not known. Default: files, but none for canvas and moodle.")
@click.option("--timezone", "zone", metavar="NAME", help="The zone of times that have none, such as Europe/Berlin.")
@click.option("--due", default="", metavar="TIME", help='When the lab is due: "2026-11-20 18:00 +0100".')
@click.option("--extensions", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV",
              help="Students who have another due date: a table with id and due.")
def collect(source: Path, directory: Path, lab: str, preset: str, pattern: str, roster: Path | None,
            worksheet: Path | None, times: str, zone: str | None, due: str, extensions: Path | None) -> bool:
    """Put what was handed in for a lab into DIR/submitted. SOURCE is a folder, or a zip from the learning platform."""
    from course_staff.grading import intake, moments

    options = intake.Options(preset, pattern, roster, worksheet, times, due, extensions,
                             moments.zone(zone) if zone else None)
    return intake.collect(source, directory, Course.find().resolve(lab), options)


@commands.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("--lab", required=True, metavar="NN", help="The lab whose marks are written.")
@click.option("--format", "layout", type=click.Choice(["canvas", "moodle"]), required=True, help="Who imports them.")
@click.option("--template", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV",
              help="The gradebook that Canvas exported, or Moodle's grading worksheet, to be filled in.")
@click.option("--assignment", default="", metavar="NAME", help="The assignment in Canvas: its name, its number, or "
              "both as at the head of its column. Default: the lab's name.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Default: DIR/export/LAB-FORMAT.csv.")
@click.option("--db", "database", default="", metavar="URL", help="As for `course grade`.")
def export(directory: Path, lab: str, layout: str, template: Path | None, assignment: str, to: Path | None,
           database: str) -> bool:
    """Write the marks of a lab for Canvas or Moodle. Who has no final mark is named and left empty."""
    from course_staff.grading.export import export as run_export

    course = Course.find()
    return run_export(course, directory, course.resolve(lab), layout, to=to, template=template, assignment=assignment,
                      database=database)


@commands.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
def publish(directory: Path) -> bool:
    """Write into DIR what students may have: labs, lectures, course_utils; no solutions. Ready to be pushed."""
    from course_staff.publish import publish as run_publish

    return run_publish(Course.find(), directory)


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
