"""The command `course`, with and without the staff tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course_staff.paths import Course, CourseError
from course_utils import cli

ROOT = Path(__file__).parents[1]


@pytest.fixture
def without_click(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the core package only."""
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "course_staff.cli", raising=False)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(f"\n    {name} " in out for name in ("build", "check", "collect", "export", "grade", "verify"))
    assert "needs the staff tools" not in out


@pytest.mark.usefixtures("without_click")
def test_help_says_what_needs_the_staff_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    out = " ".join(capsys.readouterr().out.split())  # a long line is broken
    assert out.count("(needs the staff tools)") == len(cli.STAFF_COMMANDS)


@pytest.mark.usefixtures("without_click")
def test_a_staff_command_without_its_tools_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build"]) == 2
    error = capsys.readouterr().err
    assert "pip install -e '.[staff]'" in error and "click is missing" in error
    assert error.count("\n") == 1


def test_the_command_line_imports_no_heavy_package() -> None:
    code = ("import sys; from course_utils import cli; cli.main([]); import course_staff.cli; "
            "print(sorted({'torch', 'nbgrader', 'jupytext', 'numpy'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_staff_commands_are_those_that_help_lists() -> None:
    from course_staff.cli import commands

    assert set(commands.commands) == set(cli.STAFF_COMMANDS)


def test_a_course_error_is_one_line_and_status_2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["build"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert "not inside a checkout of the course" in captured.err


@pytest.mark.parametrize("words", [["build", "--nonsense"], ["grade"], ["verify", "--jobs", "0"]])
def test_wrong_usage_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("verdict", "status"), [(True, 0), (False, 1)])
def test_the_verdict_is_the_exit_status(monkeypatch: pytest.MonkeyPatch, verdict: bool, status: int) -> None:
    from course_staff.authoring import build

    asked = {}

    def pretend(course: Course, modules: tuple[str, ...], **options: object) -> bool:
        asked.update(options, modules=modules, root=course.root)
        return verdict

    monkeypatch.setattr(build, "build", pretend)
    monkeypatch.chdir(ROOT / "tests")
    assert cli.main(["build", "02", "--check"]) == status
    assert asked == {"modules": ("02",), "root": ROOT, "check": True, "from_notebook": (), "discard_edits": False,
                     "gradebook": False}


@pytest.mark.parametrize("command", ["build", "verify", "collect", "grade", "export"])
def test_every_staff_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    assert f"Usage: course {command}" in capsys.readouterr().out


def test_modules_are_found_by_number(tmp_path: Path) -> None:
    (tmp_path / "lectures").mkdir()
    (tmp_path / "lectures" / "02_backprop.py").touch()
    course = Course(tmp_path)
    assert course.resolve("02") == course.resolve("2") == course.resolve("02_backprop") == "02_backprop"
    with pytest.raises(CourseError, match="no module '03'.*02_backprop"):
        course.resolve("03")


@pytest.mark.usefixtures("without_click")
def test_check_works_without_the_staff_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The student's command: its options and its exit status reach the doctor, and come back."""
    assert cli.main(["check", str(tmp_path / "none.ipynb")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_options_of_check(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_utils import doctor

    asked = {}

    def pretend(path: Path, **options: object) -> int:
        asked.update(options, path=path)
        return 1

    monkeypatch.setattr(doctor, "check", pretend)
    assert cli.main(["check", "x.ipynb", "--no-run", "--seconds", "5"]) == 1
    assert asked == {"path": Path("x.ipynb"), "run": False, "seconds": 5.0, "further": False}


def test_the_options_of_grade(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course_staff.grading import run

    asked = {}

    def pretend(course: Course, directory: Path, module: str, settings: run.Settings) -> bool:
        asked.update(directory=directory, module=module, settings=settings)
        return True

    monkeypatch.setattr(run, "grade", pretend)
    monkeypatch.chdir(ROOT)
    assert cli.main(["grade", str(tmp_path), "--lab", "02", "--jobs", "3", "--student", "anna",
                     "--seed", "7"]) == 0
    assert asked == {"directory": tmp_path, "module": "02_backprop",
                     "settings": run.Settings(jobs=3, students=("anna",), seed=7)}


def test_the_options_of_collect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course_staff.grading import intake, moments

    asked: list[object] = []
    monkeypatch.setattr(intake, "collect", lambda *arguments: asked.append(arguments) or False)
    monkeypatch.chdir(ROOT)
    table = tmp_path / "t.csv"
    table.touch()
    words = ["collect", str(tmp_path), str(tmp_path / "class"), "--lab", "02", "--from", "moodle", "--pattern", "x",
             "--roster", str(table), "--worksheet", str(table), "--times", "none", "--timezone", "Europe/Berlin",
             "--due", "2026-11-20 18:00", "--extensions", str(table)]
    assert cli.main(words) == 1
    assert asked == [(tmp_path, tmp_path / "class", "02_backprop", intake.Options(
        "moodle", "x", table, table, "none", "2026-11-20 18:00", table, moments.zone("Europe/Berlin")))]
    assert cli.main([*words, "--timezone", "Nowhere"]) == 2
    assert cli.main(["collect", str(tmp_path / "none"), str(tmp_path), "--lab", "02"]) == 2


def test_the_options_of_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course_staff.grading import export

    asked: list[object] = []
    monkeypatch.setattr(export, "export", lambda *arguments, **options: asked.append((arguments[1:], options)) or True)
    monkeypatch.chdir(ROOT)
    table = tmp_path / "t.csv"
    table.touch()
    assert cli.main(["export", str(tmp_path), "--lab", "02", "--format", "canvas", "--template", str(table),
                     "--assignment", "Lab 2", "--to", str(tmp_path / "out.csv"), "--db", "sqlite:///x.db"]) == 0
    assert asked == [((tmp_path, "02_backprop", "canvas"), {
        "to": tmp_path / "out.csv", "template": table, "assignment": "Lab 2", "database": "sqlite:///x.db"})]
    assert cli.main(["export", str(tmp_path), "--lab", "02", "--format", "excel"]) == 2


def test_the_database_of_grade(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from course_staff.grading import run

    asked: list[str] = []
    monkeypatch.setattr(run, "grade", lambda course, directory, module, settings: asked.append(settings.database) or True)
    monkeypatch.chdir(ROOT)
    assert cli.main(["grade", str(tmp_path), "--lab", "02", "--db", "sqlite:///x.db"]) == 0 and asked == ["sqlite:///x.db"]
