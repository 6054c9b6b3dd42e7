"""`course publish`: the tree that students may have, ready to be pushed to a repository of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from course_staff.authoring import colab, leaks
from course_staff.authoring.build import Plan, make_plan
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

LIST = ".course-published"  # the files that publish wrote, one a line, so that the next run can take them away
TEMPLATES = Path(__file__).parent / "templates"
COPIED = ("LICENSE", "LICENSE-TEXT", "constraints.txt", "docs/students.md", "docs/data.md", "docs/notation.md",
          "docs/glossary.md", "docs/bibliography.md")
COPIED_TREES = ("course_utils/**/*.py", "course_utils/data/*.txt", ".jupyter/**/*.json")
# Letters and digits from which a secret line outside the labs is no coincidence; see `leaks_in`.
ENOUGH = 20


def publish(course: Course, folder: Path) -> bool:
    """Write what students may have into `folder`, and take away what an earlier run wrote and this one does not.

    All else in the folder stays, `.git` too. Raises CourseError where the folder holds files and was not written by
    publish, where a notebook of the checkout is not what its script says, and where something secret would get out;
    nothing is written then.
    """
    before = _written_before(course, folder)
    files = contents(course)
    found = leaks_in(course, files)
    if found:
        raise CourseError("\n".join(["nothing was written, because it would leak:", *found]))
    for name in sorted(set(before) - set(files)):
        _remove(folder, name)
    changed = 0
    for name, content in {**files, LIST: "".join(f"{name}\n" for name in sorted(files)).encode()}.items():
        path = folder / name
        if path.is_symlink() or any(parent.is_symlink() for parent in path.parents if folder in parent.parents):
            raise CourseError(f"{path} is a link or lies behind one: remove it, and publish again.")
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed += name != LIST
    size = sum(map(len, files.values())) / 1e6
    print(f"{folder}: {len(files)} files, {size:.1f} MB; {changed} written, {len(set(before) - set(files))} removed.")
    home = colab.home(course)
    if home is None:
        print("pyproject.toml names no [tool.course] repository: the notebooks have no Colab badge.")
    else:
        print(f"Push it to {home.repository}, branch {home.branch}: Colab takes the notebooks and course_utils there.")
    return True


def contents(course: Course) -> dict[str, bytes]:
    """Every file of the published tree by its path. Raises CourseError where a notebook was not built or is edited."""
    with tempfile.TemporaryDirectory(prefix="course-publish-") as scratch:
        plan = make_plan(course, course.modules, Path(scratch))
    stale = [path.as_posix() for path, content in plan.files.items()
             if not (course.root / path).is_file() or (course.root / path).read_bytes() != content]
    if stale:
        raise CourseError(f"{stale[0]} is not what its script says: run `course build` first.")
    files = {path.as_posix(): content for path, content in plan.files.items() if path.parts[0] != "solutions"}
    names = [*COPIED, *(path.relative_to(course.root).as_posix() for tree in COPIED_TREES
                        for path in course.root.glob(tree))]
    for name in names:
        if not (course.root / name).is_file():
            raise CourseError(f"{name} is missing: the published course would not be complete.")
        files[name] = (course.root / name).read_bytes()
    return dict(sorted({**files, **_rendered(course, plan)}.items()))


def leaks_in(course: Course, files: dict[str, bytes]) -> list[str]:
    """What must not get out and is in these files, one line each.

    The labs are searched as strictly as `course build` does it. Elsewhere short lines and imports are everyday code
    that a lecture may hold too; a longer line of an answer or of a hidden test is a leak.
    """
    labs = {module: Lab.read(course.solution(module)) for module in course.labs}
    data = {module: leaks.data_files(lab, course.solution(module).parent) for module, lab in labs.items()}
    found = [f"{name}: not for students" for name in files
             if name.startswith(("solutions/", "course_staff/", "tests/", "benchmarks/"))]
    with tempfile.TemporaryDirectory(prefix="course-publish-") as scratch:
        for name, content in files.items():
            path = Path(scratch) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        found += leaks.scan(Path(scratch) / "labs", labs, data)
    hidden = {line: what for lab in labs.values() for line, what in leaks.secrets(lab).items()
              if sum(map(str.isalnum, line)) >= ENOUGH and not line.startswith(("from ", "import "))}
    for name, content in files.items():
        if not name.startswith("labs/"):
            text = _spaced(name, content)
            found += [f"{name}: a line of the {what}: {line}" for line, what in hidden.items() if line in text]
    return found


def _spaced(name: str, content: bytes) -> str:
    """The text of a file, or of a notebook's cells, with single blanks, as `leaks.secrets` has its lines."""
    text = content.decode(errors="replace")
    if name.endswith(".ipynb"):
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _rendered(course: Course, plan: Plan) -> dict[str, bytes]:
    """The files that are written for students, from the templates."""
    with (course.root / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    home = colab.home(course)
    values: dict[str, Any] = {"project": project["project"], "home": home, "modules": [
        {"number": module.split("_", 1)[0], "title": _title(course, module),
         "lecture": f"lectures/{module}.ipynb" if course.lecture(module).is_file() else "",
         "lab": f"labs/{module}/{module}.ipynb" if module in plan.labs else ""} for module in course.modules]}
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    # JSON's texts and lists of texts are TOML as well.
    environment.filters["toml"] = lambda value: json.dumps(value, ensure_ascii=False)
    made = {}
    for path in sorted(TEMPLATES.glob("*.j2")):
        made[path.name.removesuffix(".j2")] = environment.get_template(path.name).render(values).encode()
    return {{"gitignore": ".gitignore"}.get(name, name): text for name, text in made.items()}


def _title(course: Course, module: str) -> str:
    """What the first heading of a module's lecture, or of its lab, says after the number."""
    source = course.lecture(module) if course.lecture(module).is_file() else course.solution(module)
    heading = next((line for cell in Lab.read(source).cells if not cell.is_code for line in cell.source.split("\n")
                    if line.startswith("# ")), f"# {module}")
    return heading.removeprefix("# ").split("·", 1)[-1].strip()


def _written_before(course: Course, folder: Path) -> list[str]:
    """The files that an earlier run wrote. Raises CourseError where the folder is somebody else's."""
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is not a folder.")
    if folder.resolve() == course.root or folder.resolve() in course.root.parents:
        raise CourseError(f"{folder} holds this checkout: name a folder for the students' tree alone.")
    if (folder / LIST).is_file():
        names = (folder / LIST).read_text(encoding="utf-8").splitlines()
        return [name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts]
    if folder.is_dir() and any(path.name != ".git" for path in folder.iterdir()):
        raise CourseError(f"{folder} holds files that `course publish` did not write: name an empty folder, or a new "
                          "clone of an empty repository.")
    return []


def _remove(folder: Path, name: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path = folder / name
    if Path(name).parts[:1] == (".git",) or not (path.is_file() or path.is_symlink()):
        return
    path.unlink()
    for parent in path.parents:
        if parent == folder or not parent.is_dir():
            break
        shutil.rmtree(parent / "__pycache__", ignore_errors=True)
        if any(parent.iterdir()):
            break
        parent.rmdir()
