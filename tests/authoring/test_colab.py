"""The badge and the lines that `course build` adds, and what the lines do: in Colab, and elsewhere without the course."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from course_staff.authoring import colab, notebooks
from course_staff.authoring.build import build
from course_staff.grading.prepare import prepare
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

ROOT = Path(__file__).parents[2]
ADDRESS = "https://github.com/OWNER/REPOSITORY"  # the words of the documentation; nothing is fetched here
LABS = Course(ROOT).labs
BUILT = sorted([*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("labs/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])


def settle(course: Course, repository: str, branch: str = "main") -> None:
    """Set [tool.course] in the small course's pyproject.toml; `repository` and `branch` as TOML writes them."""
    file = course.root / "pyproject.toml"
    text = re.sub(r"^repository = .*$", f"repository = {repository}", file.read_text(), flags=re.MULTILINE)
    file.write_text(re.sub(r'^branch = .*$', f'branch = "{branch}"', text, flags=re.MULTILINE))


def sources(course: Course, path: str) -> list[str]:
    return [cell.source for cell in notebooks.read(course.root / path).cells]


def setup_of(course: Course, path: str = "labs/01_small/01_small.ipynb") -> str:
    (source,) = (cell.source for cell in notebooks.read(course.root / path).cells
                 if "setup" in cell.metadata.get("tags", ()))
    return source


# The address


def test_an_address_is_read(course: Course) -> None:
    settle(course, f'"{ADDRESS}"', "autumn/2027")
    home = colab.home(course)
    assert home and home.requirement == f"git+{ADDRESS}@autumn/2027"
    assert home.badge("labs/a.ipynb").endswith(
        "(https://colab.research.google.com/github/OWNER/REPOSITORY/blob/autumn/2027/labs/a.ipynb)")


@pytest.mark.parametrize("written", [f'"{ADDRESS}.git"', f'"{ADDRESS}/"'])
def test_other_spellings_mean_the_same(course: Course, written: str) -> None:
    settle(course, written)
    home = colab.home(course)
    assert home and home.repository == ADDRESS


def test_a_repository_elsewhere_is_installed_from_and_has_no_badge(course: Course) -> None:
    settle(course, '"https://git.example.org/teaching/course"')
    home = colab.home(course)
    assert home and home.requirement.startswith("git+https://git.example.org/") and home.badge("x.ipynb") == ""


@pytest.mark.parametrize("written", [
    '"git@github.com:OWNER/REPOSITORY"', '"github.com/OWNER/REPOSITORY"', '"https://github.com/OWNER"', "7",
    '"https://github.com/OWNER/REPOSITORY/tree/main"', '"https://user:secret@github.com/OWNER/REPOSITORY"',
    '"http://github.com/OWNER/REPOSITORY"', "\"https://x.org/a'; import os\"", '"https://github.com/O/R#egg=x"', "true",
])
def test_a_bad_address_is_one_line_that_says_how_to_write_it(course: Course, written: str) -> None:
    settle(course, written)
    for act in (lambda: colab.home(course), lambda: build(course)):
        with pytest.raises(CourseError, match=r'repository = .* Write it as "https://github.com/OWNER') as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_bad_branch_and_an_unknown_key_are_named(course: Course) -> None:
    settle(course, f'"{ADDRESS}"', "main; rm")
    with pytest.raises(CourseError, match="branch = 'main; rm'"):
        colab.home(course)
    settle(course, f'"{ADDRESS}"\nrepositry = "x"')
    with pytest.raises(CourseError, match="'repositry' is unknown"):
        colab.home(course)


def test_this_checkout_invents_no_address() -> None:
    """A fork sets it; until then no notebook holds a badge or an address to install from."""
    if colab.home(Course(ROOT)) is not None:
        pytest.skip("this checkout has an address")
    for path in BUILT:
        text = path.read_text(encoding="utf-8")
        assert "colab.research.google.com" not in text and "git+http" not in text, path.name


# What a build makes of it


def test_the_badge_stands_above_the_title_of_what_students_get(course: Course) -> None:
    settle(course, f'"{ADDRESS}"')
    assert build(course)
    for path in ("lectures/01_small.ipynb", "labs/01_small/01_small.ipynb"):
        badge, blank, title = sources(course, path)[0].split("\n")[:3]
        assert badge == (f"[![Open in Colab]({colab.BADGE})](https://colab.research.google.com/github/OWNER/REPOSITORY/"
                         f"blob/main/{path})")
        assert blank == "" and title.startswith("# ")
    assert "colab.research" not in (course.root / "solutions/01_small/01_small.ipynb").read_text()


def test_the_scripts_stay_free_of_it_and_a_new_address_is_no_edit(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    scripts = {path: path.read_bytes() for path in course.root.rglob("*.py")}
    assert build(course)
    assert "ADDRESS" in setup_of(course) and "git+https" not in setup_of(course)
    settle(course, f'"{ADDRESS}"')
    assert not build(course, check=True)
    assert "labs/01_small/01_small.ipynb: stale" in capsys.readouterr().out
    assert build(course)  # and asks for no --discard-edits
    assert f"git+{ADDRESS}@main" in setup_of(course)
    assert build(course, check=True)
    assert build(course, from_notebook=["01"])
    assert {path: path.read_bytes() for path in course.root.rglob("*.py")} == scripts


def test_an_edit_of_the_cells_that_hold_it_is_carried_without_it(course: Course) -> None:
    settle(course, f'"{ADDRESS}"')
    assert build(course)
    path = course.root / "lectures/01_small.ipynb"
    notebook = notebooks.read(path)
    notebook.cells[0].source += "\n\nAnother sentence."
    notebook.cells[1].source += "\nimport math"
    path.write_text(notebooks.text_of(notebook))
    assert build(course, from_notebook=["01"])
    script = course.lecture("01_small").read_text()
    assert "Another sentence." in script and "import math" in script
    assert "olab" not in script and "course_utils" not in script
    assert sources(course, "lectures/01_small.ipynb")[0].startswith("[![Open in Colab]")


def test_a_set_up_cell_of_before_the_address_is_no_edit_when_graded(course: Course) -> None:
    assert build(course)
    handed_out = course.root / "old.ipynb"
    handed_out.write_bytes(course.release("01_small").read_bytes())
    settle(course, f'"{ADDRESS}"')
    assert build(course)
    lab = Lab.read(course.solution("01_small"))
    job = prepare(lab, course.release("01_small"), handed_out, "anna")
    assert not [note for note in job.notes if "set-up" in note]
    assert f"git+{ADDRESS}@main" in job.steps[0].source and not any(step.added for step in job.steps)
    notebook = notebooks.read(handed_out)
    notebook.cells[1].source += "\nimport math"
    handed_out.write_text(notebooks.text_of(notebook))
    assert any("set-up cell was edited" in note
               for note in prepare(lab, course.release("01_small"), handed_out, "anna").notes)


@pytest.mark.parametrize("path", BUILT, ids=lambda path: f"{path.parts[-2]}/{path.name}")
def test_the_first_code_cell_of_every_notebook_is_its_set_up_cell(path: Path) -> None:
    first = next(cell for cell in notebooks.read(path).cells if cell.cell_type == "code")
    assert "setup" in first.metadata.tags
    assert first.source.startswith("# The package of the course:\n")
    assert "course_utils" not in colab.plain(first.source).split("import", 1)[0]


# What the lines do


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The Python of an environment with nothing but a pretended pip, which writes down what it was asked for.

    The pretended pip installs a course_utils that has one line, and fails for an address that ends in `missing`.
    """
    venv.create(tmp_path / "vm", with_pip=False, symlinks=True)
    python = tmp_path / "vm" / "bin" / "python"
    (packages,) = (tmp_path / "vm" / "lib").glob("python*/site-packages")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    (packages / "pip" / "__main__.py").write_text(
        "import pathlib, sys\n"
        "here = pathlib.Path(__file__).parents[1]\n"
        "(here / 'asked').write_text(' '.join(sys.argv[1:]))\n"
        "if 'missing' in sys.argv[-1]:\n"
        "    sys.exit('ERROR: remote: Repository not found.')\n"
        "(here / 'course_utils').mkdir()\n"
        "(here / 'course_utils' / '__init__.py').write_text('fetched = True')\n")
    return python


def colab_there(machine: Path) -> None:
    (packages,) = machine.parents[1].glob("lib/python*/site-packages")
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()


def asked(machine: Path) -> str:
    (packages,) = machine.parents[1].glob("lib/python*/site-packages")
    return (packages / "asked").read_text() if (packages / "asked").exists() else ""


def run(machine: Path, course: Course, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the generated lines, without the lab's own imports, which that environment does not have."""
    lines = setup_of(course).removesuffix(colab.plain(setup_of(course)))
    assert build(course, check=True) and lines
    code = f"{lines}\nimport course_utils\nprint(course_utils.fetched)"
    return subprocess.run([machine, "-c", code], capture_output=True, text=True, cwd=folder,
                          env={"PATH": "/usr/bin:/bin"})


def test_in_colab_the_lines_install_from_the_address(machine: Path, course: Course, tmp_path: Path) -> None:
    settle(course, f'"{ADDRESS}"', "spring")
    assert build(course)
    colab_there(machine)
    done = run(machine, course, tmp_path / "vm")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
    assert asked(machine) == f"install --quiet --disable-pip-version-check git+{ADDRESS}@spring"
    (packages,) = machine.parents[1].glob("lib/python*/site-packages")
    (packages / "asked").unlink()
    assert run(machine, course, tmp_path / "vm").returncode == 0
    assert asked(machine) == "", "what is there is not installed again"


def last_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The message of the exception that ended it, by lines."""
    assert done.returncode == 1 and done.stderr.count("Traceback") == 1, done.stderr
    return done.stderr[done.stderr.index("ModuleNotFoundError: "):].strip().split("\n")


def test_where_colab_cannot_reach_the_address_it_says_so(machine: Path, course: Course, tmp_path: Path) -> None:
    settle(course, '"https://git.example.org/teaching/missing"')
    assert build(course)
    colab_there(machine)
    message = last_lines(run(machine, course, tmp_path / "vm"))
    assert len(message) == 3 and "https://git.example.org/teaching/missing" in message[0]
    assert "Repository not found" in message[1] and "show this message to your teacher" in message[2]


def test_elsewhere_nothing_is_installed_unasked(machine: Path, course: Course, tmp_path: Path) -> None:
    settle(course, f'"{ADDRESS}"')
    assert build(course)
    message = last_lines(run(machine, course, tmp_path / "vm"))
    assert asked(machine) == ""
    assert len(message) == 3 and f"%pip install git+{ADDRESS}@main" in message[2]


@pytest.mark.parametrize("in_colab", [False, True])
def test_without_an_address_the_lines_say_what_to_do(machine: Path, course: Course, tmp_path: Path,
                                                     in_colab: bool) -> None:
    assert build(course)
    if in_colab:
        colab_there(machine)
    message = last_lines(run(machine, course, tmp_path / "vm"))
    assert asked(machine) == ""
    assert len(message) == 3 and "course_utils" in message[0] and "README" in message[1]
    assert "%pip install git+ADDRESS" in message[2] and "http" not in "".join(message)


def test_where_course_utils_is_there_the_lines_do_nothing(course: Course) -> None:
    """On a student's machine and in the examiner: nothing but `course_utils` is imported."""
    settle(course, f'"{ADDRESS}"')
    assert build(course)
    lines = setup_of(course).removesuffix(colab.plain(setup_of(course)))
    code = f"import sys\nbefore = set(sys.modules)\n{lines}\nprint(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "['course_utils']\n" and done.stderr == ""
