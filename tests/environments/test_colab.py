"""A lab, alone, in Colab's situation: its set-up cell fetches course_utils and leaves what is installed as it is.

The versions are those of Colab's image when its Python was 3.11, as far as they matter here. PyTorch comes from the
package index with its CUDA libraries, as Colab has it; `PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu` makes
it smaller. The environment with Colab's packages is made once; the one that the notebook runs in sees it through a
.pth file and is new for every test, so that whatever pip adds or replaces can be read off.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from course_staff import publish
from course_staff.authoring.build import build
from course_staff.paths import Course
from tests.environments.conftest import ROOT, call

COLAB = [
    "numpy==2.0.2", "scipy==1.14.1", "pandas==2.2.2", "scikit-learn==1.6.1", "matplotlib==3.10.0", "torch==2.6.0",
    "torchvision==0.21.0", "ipython==7.34.0", "ipykernel==6.17.1", "ipywidgets==7.7.1", "jupyter_client==6.1.12",
    "tornado==6.4.2", "notebook==6.5.7", "nbformat==5.10.4", "nbclient==0.10.2", "tqdm==4.67.1", "requests==2.32.3",
    "pillow==11.1.0",
]
MODULES = Course(ROOT).labs
# Executes the notebook named on the command line, going on past errors, and prints its errors.
RUN = """
import json, sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", allow_errors=True).execute()
print("FOUND" + json.dumps([[output.ename, output.evalue[:300]] for cell in notebook.cells
                            for output in cell.get("outputs", []) if output.output_type == "error"]))
"""

pytestmark = [pytest.mark.environments, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository as a teacher pushes it: the published tree, whose notebooks name this repository."""
    folder = tmp_path_factory.mktemp("fork")
    course, tree = folder / "course", folder / "published"
    course.mkdir()
    for name in ("lectures", "solutions", "labs", "course_utils", "course_staff", "docs", ".jupyter"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, course / path.name)
    settings = (course / "pyproject.toml").read_text()
    assert settings.count('\nrepository = ""\n') == 1
    (course / "pyproject.toml").write_text(settings.replace('repository = ""', f'repository = "file://{tree}"'))
    assert build(Course(course), discard_edits=True)
    assert publish.publish(Course(course), tree)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    for words in (["init"], ["add", "--all"], ["commit", "--quiet", "--message", "published"]):
        subprocess.run([*git, *words], cwd=tree, check=True, capture_output=True)
    # pip clones a part of the history only; a local repository allows that where it is told to.
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=tree, check=True)
    return tree


@pytest.fixture
def colab(environment: Callable[[str, list[str]], Path], tmp_path: Path) -> Path:
    """The Python of a new environment with Colab's packages, `google.colab` among them, and no course."""
    image = environment("colab", COLAB)
    call(sys.executable, "-m", "venv", "--without-pip", tmp_path / "vm", cwd=tmp_path)
    python = tmp_path / "vm" / "bin" / "python"
    packages = tmp_path / "vm" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    below = image.parents[1] / packages.relative_to(tmp_path / "vm")
    (packages / "colab-image.pth").write_text(f"{below}\n")
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()
    return python


def installed(python: Path) -> dict[str, str]:
    listed = json.loads(call(python, "-m", "pip", "list", "--format=json", cwd=python.parent))
    return {package["name"].lower(): package["version"] for package in listed}


def run(python: Path, notebook: Path) -> list[list[str]]:
    """[name, text] of each error that the notebook ends a cell with."""
    said = call(python, "-c", RUN, notebook.name, cwd=notebook.parent, seconds=3600,
                PATH=os.pathsep.join([str(python.parent), os.environ["PATH"]]), OMP_NUM_THREADS="1", MPLBACKEND="")
    (found,) = (line for line in said.splitlines() if line.startswith("FOUND"))
    errors: list[list[str]] = json.loads(found.removeprefix("FOUND"))
    return errors


@pytest.mark.parametrize("module", MODULES)
def test_a_released_lab_runs_and_changes_nothing_that_was_there(repository: Path, colab: Path, tmp_path: Path,
                                                                module: str) -> None:
    (tmp_path / "content").mkdir()
    notebook = Path(shutil.copy(repository / "labs" / module / f"{module}.ipynb", tmp_path / "content"))
    before = installed(colab)
    assert "deep-learning-course" not in before and before["ipywidgets"] == "7.7.1"
    errors = run(colab, notebook)
    assert errors and {name for name, _ in errors} <= {"Unanswered", "NameError"}, errors
    after = installed(colab)
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) == {"deep-learning-course", "pooch", "platformdirs"} - set(before)


@pytest.mark.parametrize("module", MODULES)
def test_a_lecture_runs_without_an_error(repository: Path, colab: Path, tmp_path: Path, module: str) -> None:
    (tmp_path / "content").mkdir()
    notebook = Path(shutil.copy(repository / "lectures" / f"{module}.ipynb", tmp_path / "content"))
    assert run(colab, notebook) == []


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_answers_pass_with_colabs_versions(repository: Path, colab: Path, tmp_path: Path,
                                                         module: str) -> None:
    """The solution's notebook, which is not in the repository: every check passes with Colab's versions too."""
    (tmp_path / "content").mkdir()
    notebook = Path(shutil.copy(ROOT / "solutions" / module / f"{module}.ipynb", tmp_path / "content"))
    call(colab, "-m", "pip", "install", "--quiet", f"git+file://{repository}@main", cwd=tmp_path)
    assert run(colab, notebook) == []


def test_what_the_badge_installs_has_the_students_command(repository: Path, colab: Path, tmp_path: Path) -> None:
    call(colab, "-m", "pip", "install", "--quiet", f"git+file://{repository}@main", cwd=tmp_path)
    module = "02_backprop"
    notebook = shutil.copy(repository / "labs" / module / f"{module}.ipynb", tmp_path)
    done = subprocess.run([colab.parent / "course", "check", "--no-run", notebook], text=True, capture_output=True)
    assert done.returncode == 1 and "not answered" in done.stdout, done.stdout + done.stderr
    said = subprocess.run([colab.parent / "course", "doctor"], text=True, capture_output=True, cwd=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "JupyterLab is not installed" in said.stdout and "Sandbox" not in said.stdout
    refused = subprocess.run([colab.parent / "course", "build"], text=True, capture_output=True)
    assert refused.returncode == 2 and "for students" in refused.stderr
