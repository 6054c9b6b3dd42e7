"""`course build`: every notebook from its script, every released lab from its solution."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from course_staff.authoring import colab, leaks, notebooks, release, rules
from course_staff.lab import Lab
from course_staff.paths import Course, CourseError

LABS = "labs"


@dataclass
class Plan:
    """What the checkout should hold: each file with its bytes, by its path relative to the root."""

    files: dict[Path, bytes] = field(default_factory=dict)
    labs: dict[str, Lab] = field(default_factory=dict)
    data: dict[str, set[str]] = field(default_factory=dict)


def build(course: Course, modules: Iterable[str] = (), *, check: bool = False, from_notebook: Iterable[str] = (),
          discard_edits: bool = False, gradebook: bool = False) -> bool:
    """Build these modules, or all. Returns whether the checkout is as it should be.

    check: change nothing, name what is stale. from_notebook: modules whose notebooks were edited by hand; their edits
    go into the scripts first. discard_edits: overwrite notebooks that were edited by hand. gradebook: record the
    exercises in the course's gradebook.db. Raises CourseError where a script breaks a rule.
    """
    carried = [course.resolve(name) for name in from_notebook]
    chosen = sorted({course.resolve(name) for name in modules} | set(carried)) or course.modules
    if check and carried:
        raise CourseError("--check changes nothing, --from-notebook does: use one of them.")
    for module in carried:
        carry(course, module)
    with tempfile.TemporaryDirectory(prefix="course-build-") as folder:
        database = course.root / "gradebook.db" if gradebook and not check else None
        plan = make_plan(course, chosen, Path(folder), database)
    if check:
        return _report(course, plan, chosen)
    if not discard_edits:
        _refuse_to_overwrite(course, plan)
    written = [path for path, content in plan.files.items() if _write(course.root / path, content)]
    for path in written:
        print(f"wrote {path.as_posix()}")
    print(f"{len(plan.files) - len(written)} of {len(plan.files)} files were up to date.")
    return _say(_scan_checkout(course, plan, chosen))


def make_plan(course: Course, modules: Iterable[str], folder: Path, gradebook: Path | None = None) -> Plan:
    """All files of these modules, made in `folder`, an empty one. Raises CourseError for rules broken and for leaks."""
    plan = Plan()
    broken: list[str] = []
    solutions = {}
    home = colab.home(course)
    for module in modules:
        for script, graded in scripts(course, module):
            lab = Lab.read(script)
            broken += rules.problems(lab, graded=graded)
            if broken:
                continue
            notebook = notebooks.from_lab(lab, graded=graded)
            target = script.with_suffix(".ipynb").relative_to(course.root)
            colab.add_lines(notebook, home)
            if not graded:  # students never get the solutions: no badge
                colab.add_badge(notebook, home, target.as_posix())
            plan.files[target] = notebooks.text_of(notebook).encode()
            if graded:
                plan.labs[module] = lab
                plan.data[module] = leaks.data_files(lab, script.parent)
                solutions[module] = notebook
    if broken:
        raise CourseError("\n".join(broken))
    release.generate(course, solutions, plan.data, folder, gradebook)
    leaked = leaks.scan(folder / LABS, plan.labs, plan.data)
    if leaked:
        raise CourseError("\n".join(["nothing was written, because the release would leak:", *leaked]))
    for path in sorted((folder / LABS).rglob("*")):
        if path.is_file():
            plan.files[path.relative_to(folder)] = path.read_bytes()
    return plan


def scripts(course: Course, module: str) -> list[tuple[Path, bool]]:
    """The text sources of a module that exist, and whether each is a graded lab."""
    both = [(course.lecture(module), False), (course.solution(module), True)]
    return [(path, graded) for path, graded in both if path.is_file()]


def carry(course: Course, module: str) -> None:
    """Write what was edited in a module's built notebooks into their scripts.

    Raises CourseError where a script was edited as well since the last build, or cannot say what the notebook holds.
    """
    carried = []
    for script, graded in scripts(course, module):
        path = script.with_suffix(".ipynb")
        if not path.is_file():
            continue
        notebook = notebooks.read(path)
        old = script.read_text(encoding="utf-8")
        now, base = notebooks.fingerprint(notebook), notebooks.built_as(notebook)
        in_script = notebooks.fingerprint(notebooks.from_lab(Lab.from_text(old, module), graded=graded))
        if now in (base, in_script):
            continue
        where = path.relative_to(course.root).as_posix()
        if in_script != base:
            raise CourseError(
                f"{where} and its script were both edited since the last build. Put the script's edit aside "
                f"(git diff {script.relative_to(course.root).as_posix()} > edit.patch; git apply -R edit.patch), carry "
                "the notebook's edit, then git apply -3 edit.patch."
            )
        try:
            text = notebooks.to_script(notebook, old, module, graded=graded)
        except CourseError as error:
            raise CourseError(f"{where}: {error}") from None
        carried.append((script, text))
    if not carried:
        print(f"{module}: the notebooks hold no edit that the scripts lack.")
    for script, text in carried:
        _write(script, text.encode())
        print(f"carried the edit into {script.relative_to(course.root).as_posix()}")


def _refuse_to_overwrite(course: Course, plan: Plan) -> None:
    """Raise CourseError where a notebook holds edits that the build would lose."""
    lost = []
    for path, content in plan.files.items():
        if path.suffix == ".ipynb" and _edited_by_hand(course.root / path, content):
            module = path.stem
            advice = (
                "it holds answers or edits: move it out of labs/"
                if path.parts[0] == LABS
                else f"`course build --from-notebook {module}` carries the edit into the script"
            )
            lost.append(f"{path.as_posix()} was edited by hand: {advice}, or lose it with --discard-edits.")
    if lost:
        raise CourseError("\n".join(lost))


def _edited_by_hand(path: Path, expected: bytes) -> bool:
    """Whether the notebook at `path` says something that neither its last build nor the new one says."""
    if not path.is_file() or path.read_bytes() == expected:
        return False
    notebook = notebooks.read(path)
    now = notebooks.fingerprint(notebook)
    return now != notebooks.built_as(notebook) and now != notebooks.fingerprint(notebooks.parsed(expected))


def _report(course: Course, plan: Plan, modules: list[str]) -> bool:
    """Name everything under the root that a build would change."""
    stale = []
    for path, content in plan.files.items():
        existing = course.root / path
        if not existing.is_file():
            stale.append(f"{path.as_posix()}: missing")
        elif existing.read_bytes() != content:
            by_hand = path.suffix == ".ipynb" and _edited_by_hand(existing, content)
            stale.append(f"{path.as_posix()}: " + ("edited by hand" if by_hand else "stale"))
    stale += _orphans(course, modules)
    ok = _say(stale + _scan_checkout(course, plan, modules))
    if ok:
        print(f"{len(plan.files)} files are up to date.")
    return ok


def _orphans(course: Course, modules: list[str]) -> list[str]:
    """Built notebooks whose script is gone; looked for only in a build of all modules."""
    if modules != course.modules:
        return []
    built = [*course.root.glob("lectures/*.ipynb"), *course.root.glob("solutions/*/*.ipynb")]
    return [f"{path.relative_to(course.root).as_posix()}: has no script" for path in sorted(built)
            if not path.with_suffix(".py").is_file()]


def _scan_checkout(course: Course, plan: Plan, modules: list[str]) -> list[str]:
    """Leaks under labs/ of the checkout. A build of some modules says nothing about the others."""
    others = set(course.labs) - set(modules)
    found = leaks.scan(course.root / LABS, plan.labs, plan.data)
    return [line for line in found if line.split("/", 2)[1] not in others]


def _say(lines: list[str]) -> bool:
    for line in lines:
        print(line)
    return not lines


def _write(path: Path, content: bytes) -> bool:
    """Replace the file at once, so that no reader sees half of it. Returns whether anything changed."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    return True
