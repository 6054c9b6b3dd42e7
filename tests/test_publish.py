"""`course publish`: what students may have, whole, and nothing of the solutions in it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from course_staff import publish as publishing
from course_staff.lab import HIDDEN_BEGIN, HIDDEN_END, SOLUTION_BEGIN, SOLUTION_END
from course_staff.paths import Course, CourseError

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT)
# What a lab gives to its students and another one had them write: lab 08 attacks the net of lab 03.
GIVEN = {
    ("labs/08_adversarial/08_adversarial.ipynb", "03_mlp"): (
        "for layer in range(len(weights)):", "x = x @ weights[layer].T + biases[layer]"),
    ("labs/07_gan/07_gan.ipynb", "03_mlp"): ("for n_in, n_out in itertools.pairwise(sizes):",),
    ("labs/07_gan/07_gan.ipynb", "08_adversarial"): ("for n_in, n_out in itertools.pairwise(sizes):",),
}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return publishing.contents(COURSE)


@pytest.fixture(scope="module")
def tree(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "tree"
    assert publishing.publish(COURSE, folder)
    return folder


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(folder).parts}


def words(text: str) -> str:
    return " ".join(text.split())


def secret_lines() -> Iterator[tuple[str, str]]:
    """(lab, line) of every reference answer, written model answer and hidden test, read from the scripts themselves."""
    for module in COURSE.labs:
        visible: list[str] = []
        secret: list[str] = []
        inside = False
        for line in COURSE.solution(module).read_text(encoding="utf-8").splitlines():
            bare = line.removeprefix("# ").strip()
            if bare in (SOLUTION_BEGIN, HIDDEN_BEGIN):
                inside = True
            elif bare in (SOLUTION_END, HIDDEN_END):
                inside = False
            else:
                (secret if inside else visible).append(words(bare))
        seen = "\n".join(visible)
        yield from ((module, line) for line in dict.fromkeys(secret) if line not in seen)


def searched(files: dict[str, bytes]) -> dict[str, str]:
    """The text of each file, notebooks by their cells, with single blanks, comment signs and line ends dropped."""
    found = {}
    for name, content in files.items():
        text = content.decode()
        if name.endswith(".ipynb"):
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        found[name] = words(re.sub(r"^\s*# ", "", text, flags=re.MULTILINE))
    return found


def trivial(line: str) -> bool:
    """Whether a line is everyday code or too short to tell anything: `return loss.item()`, an import."""
    return sum(map(str.isalnum, line)) < publishing.ENOUGH or line.startswith(("from ", "import "))


def test_no_line_of_an_answer_or_of_a_hidden_test_is_in_it(tree: Path) -> None:
    secret = [(module, line) for module, line in secret_lines() if not trivial(line)]
    assert len(secret) > 1000, "the search would find nothing because it looks for nothing"
    texts = searched(everything_in(tree))
    leaks = [f"{name}: {module}: {line}" for name, text in texts.items() for module, line in secret
             if line in text and line not in GIVEN.get((name, module), ())]
    assert not leaks
    # Within the labs themselves nothing is too short.
    short = [(module, line) for module, line in secret_lines() if sum(map(str.isalnum, line)) >= 6]
    assert not [line for module, line in short if line in texts[f"labs/{module}/{module}.ipynb"]]
    assert not any(marker in text for text in texts.values()
                   for marker in ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "with checks.hidden(): rng"))


def test_no_part_of_the_staff_is_in_it(tree: Path) -> None:
    names = set(everything_in(tree))
    assert not [name for name in names if re.match(r"(solutions|course_staff|tests|benchmarks|\.ci|build)/", name)]
    assert not [name for name in names if name.startswith(("lectures/", "labs/")) and not name.endswith(".ipynb")]
    mistakes = "\n".join(path.read_text() for path in (ROOT / "tests" / "mistakes").glob("*.py"))
    slips = re.findall(r'slip="([^"]{40,})"', mistakes)
    texts = searched(everything_in(tree))
    shown = {slip for slip in slips for name, text in texts.items() if words(slip) in text and "labs/" not in name}
    assert len(slips) > 100 and not shown  # a visible check may name its slip; nothing else does


def test_what_a_student_needs_is_in_it(tree: Path) -> None:
    names = set(everything_in(tree))
    for module in COURSE.modules:
        assert f"labs/{module}/{module}.ipynb" in names and f"lectures/{module}.ipynb" in names
        assert (tree / f"labs/{module}/{module}.ipynb").read_bytes() == COURSE.release(module).read_bytes()
    assert {"README.md", "LICENSE", "LICENSE-TEXT", "pyproject.toml", "constraints.txt", "environment.yml", "Makefile",
            ".gitignore", "docs/students.md", "course_utils/cli.py", publishing.LIST} <= names
    project = tomllib.loads((tree / "pyproject.toml").read_text())
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["project"]["dependencies"] == ours["dependencies"]
    assert set(project["project"]["optional-dependencies"]) == {"lab"}
    assert set(project["tool"]) == {"setuptools"}
    environment = yaml.safe_load((tree / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["--constraint constraints.txt", "--editable .[lab]"]}


def test_every_link_in_it_leads_somewhere(tree: Path) -> None:
    for name, text in everything_in(tree).items():
        if not name.endswith((".md", ".ipynb")):
            continue
        if name.endswith(".ipynb"):
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"]
                             if cell["cell_type"] == "markdown").encode()
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)", text.decode()):
            assert (tree / name).parent.joinpath(target.split("#")[0]).exists(), f"{name}: {target}"


def test_the_readme_names_every_module_and_no_address(tree: Path) -> None:
    readme = (tree / "README.md").read_text()
    for module in COURSE.modules:
        assert f"(labs/{module}/{module}.ipynb)" in readme and f"(lectures/{module}.ipynb)" in readme
    assert "{{" not in readme and "None" not in readme
    assert not re.search(r"https?://(?!download\.pytorch\.org)", readme)


def test_its_makefile_runs_the_same_commands_as_ours(tree: Path) -> None:
    def shown(folder: Path, *targets: str) -> list[str]:
        done = subprocess.run(["make", "-n", "-W", "pyproject.toml", *targets], cwd=folder, text=True,
                              capture_output=True, check=True)
        return [line.replace(str(folder), "HERE") for line in done.stdout.splitlines()]

    theirs, ours = shown(tree, "lab"), shown(ROOT, "lab")
    assert any("-e '.[lab]' -c constraints.txt" in line for line in theirs)
    assert [line for line in theirs if "jupyter lab" in line or "LabApp" in line] == [
        line for line in ours if "jupyter lab" in line or "LabApp" in line]
    assert "--extra-index-url https://index.example" in " ".join(shown(tree, "setup", "INDEX=https://index.example"))


def test_it_can_be_built_and_holds_the_students_package_alone(tree: Path, tmp_path: Path) -> None:
    """What pip would install; setuptools of this environment builds it, because the tests have no network."""
    pytest.importorskip("setuptools", minversion="77")
    copy = Path(shutil.copytree(tree, tmp_path / "copy"))
    code = "import setuptools.build_meta as build; print(build.build_sdist('out'))"
    (copy / "out").mkdir()
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, text=True, capture_output=True, check=True)
    with tarfile.open(copy / "out" / done.stdout.splitlines()[-1]) as archive:
        names = [name.split("/", 1)[-1] for name in archive.getnames()]
        points = next(name for name in archive.getnames() if name.endswith(".egg-info/entry_points.txt"))
        entry = archive.extractfile(points)
        assert entry and "course = course_utils.cli:main" in io.TextIOWrapper(entry).read()
    ours = {path.relative_to(tree).as_posix() for path in (tree / "course_utils").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}
    assert {"course_utils/cli.py", "course_utils/data/docstring_analogies.txt"} <= ours <= set(names)
    assert not [name for name in names if "staff" in name]


def test_the_students_command_works_in_it(tree: Path) -> None:
    """`course check` on a lab, with nothing but the published files; staff commands are neither listed nor there."""
    code = ("import sys, importlib.machinery as m\n"
            "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
            "sys.path.insert(0, '.')\n"
            "from course_utils import cli; sys.exit(cli.main(sys.argv[1:]))")

    def course(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-P", "-c", code, *arguments], cwd=tree, text=True, capture_output=True)

    checked = course("check", "--no-run", "labs/02_backprop/02_backprop.ipynb")
    assert checked.returncode == 1 and "not answered" in checked.stdout, checked.stderr
    listed = course().stdout
    assert " check " in listed and " doctor " in listed and "grade" not in listed and "publish" not in listed
    refused = course("grade", "x")
    assert refused.returncode == 2 and "this copy of the course is for students" in refused.stderr


# The folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A tree of three files, so that the tests of the folder are quick. Changing it changes the next publication."""
    made = {"README.md": b"read me\n", "labs/01_a/01_a.ipynb": b"one", "labs/02_b/02_b.ipynb": b"two"}
    monkeypatch.setattr(publishing, "contents", lambda course: dict(made))
    monkeypatch.setattr(publishing, "leaks_in", lambda course, files: [])
    return made


def test_a_second_run_updates_and_leaves_the_teachers_files_alone(small: dict[str, bytes], tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tree"
    assert publishing.publish(COURSE, folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "CNAME").write_text("course.example.org\n")
    del small["labs/01_a/01_a.ipynb"]
    small["README.md"] = b"read this\n"
    capsys.readouterr()
    assert publishing.publish(COURSE, folder)
    assert "1 written, 1 removed" in capsys.readouterr().out
    assert not (folder / "labs" / "01_a").exists()
    assert (folder / "README.md").read_bytes() == b"read this\n"
    assert (folder / ".git" / "HEAD").exists() and (folder / "CNAME").exists()
    assert publishing.publish(COURSE, folder)
    assert "0 written, 0 removed" in capsys.readouterr().out


@pytest.mark.usefixtures("small")
def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(CourseError, match="did not write") as caught:
        publishing.publish(COURSE, tmp_path)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.usefixtures("small")
def test_a_fresh_clone_of_an_empty_repository_is_welcome(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert publishing.publish(COURSE, tmp_path)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("folder", [ROOT, ROOT.parent, ROOT / "README.md"])
def test_the_checkout_itself_is_refused(folder: Path) -> None:
    with pytest.raises(CourseError, match=r"holds this checkout|is not a folder"):
        publishing.publish(COURSE, folder)


def test_a_list_that_was_tampered_with_removes_nothing_elsewhere(small: dict[str, bytes], tmp_path: Path) -> None:
    folder, other = tmp_path / "tree", tmp_path / "other.txt"
    other.write_text("mine")
    assert publishing.publish(COURSE, folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    (folder / publishing.LIST).write_text(f"../other.txt\n{other}\n.git/config\nlabs\n\n")
    assert publishing.publish(COURSE, folder)
    assert other.exists() and (folder / ".git" / "config").exists() and (folder / "labs").is_dir()


def test_nothing_is_written_behind_a_link(small: dict[str, bytes], tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    assert publishing.publish(COURSE, folder)
    elsewhere.mkdir()
    shutil.rmtree(folder / "labs")
    (folder / "labs").symlink_to(elsewhere)
    with pytest.raises(CourseError, match="link"):
        publishing.publish(COURSE, folder)
    assert not any(elsewhere.iterdir())


@pytest.mark.parametrize(("name", "content"), [
    ("docs/extra.md", "as a student might find it:\n    {line}\n"),
    ("solutions/02_backprop/02_backprop.py", "x"),
    ("labs/02_backprop/notes.txt", "x"),
])
def test_a_leak_stops_it_before_anything_is_written(name: str, content: str, files: dict[str, bytes], tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    line = next(line for _, line in secret_lines() if not trivial(line))
    monkeypatch.setattr(publishing, "contents", lambda course: {**files, name: content.format(line=line).encode()})
    with pytest.raises(CourseError, match="nothing was written, because it would leak") as caught:
        publishing.publish(COURSE, tmp_path / "tree")
    assert name in str(caught.value)
    assert not (tmp_path / "tree").exists()


def test_a_notebook_that_was_not_built_stops_it(tmp_path: Path) -> None:
    course = Course(tmp_path / "course")
    for name in ("lectures", "solutions", "labs", "course_utils", "docs"):
        shutil.copytree(ROOT / name, course.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, course.root / name)
    release = course.release("02_backprop")
    release.write_text(release.read_text() + "\n")
    with pytest.raises(CourseError, match="02_backprop.ipynb is not what its script says: run `course build`"):
        publishing.publish(course, tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
