"""Where things lie in a course checkout."""

from __future__ import annotations

import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

MODULE_NAME = re.compile(r"^\d\d_[a-z0-9_]+$")


class CourseError(Exception):
    """A mistake of the person at the keyboard or in a course file: shown as one line, without a traceback."""


def put_scripts_on_path() -> None:
    """Let child processes find the commands of this environment, activated or not.

    nbgrader starts `alembic` by its bare name whenever it opens a gradebook.
    """
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "")
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, path] if path else [scripts])


@dataclass(frozen=True)
class Course:
    """The checkout that a command works on."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """The checkout that holds `start` (default: the working directory).

        Raises CourseError where no parent folder has both `solutions/` and `pyproject.toml`.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "solutions").is_dir() and (folder / "pyproject.toml").is_file():
                return cls(folder)
        raise CourseError(f"{start} is not inside a checkout of the course: change into it and run the command again.")

    @property
    def modules(self) -> list[str]:
        """Names of all modules that have a lecture or a lab, in order: ["02_backprop", …]."""
        labs = {path.name for path in (self.root / "solutions").glob("*/") if (path / f"{path.name}.py").is_file()}
        lectures = {path.stem for path in (self.root / "lectures").glob("*.py")}
        return sorted(name for name in labs | lectures if MODULE_NAME.match(name))

    @property
    def labs(self) -> list[str]:
        """Names of the modules that have a lab."""
        return [name for name in self.modules if self.solution(name).is_file()]

    def resolve(self, name: str) -> str:
        """The full module name for "02" or "02_backprop". Raises CourseError, naming the modules there are."""
        matches = [module for module in self.modules if module == name or module.split("_", 1)[0] == name.zfill(2)]
        if len(matches) == 1:
            return matches[0]
        raise CourseError(f"There is no module {name!r}. Modules: {', '.join(self.modules) or 'none'}.")

    def solution(self, module: str) -> Path:
        """Text source of a lab, with answers."""
        return self.root / "solutions" / module / f"{module}.py"

    def release(self, module: str) -> Path:
        """The notebook that students get."""
        return self.root / "labs" / module / f"{module}.ipynb"

    def lecture(self, module: str) -> Path:
        """Text source of a lecture."""
        return self.root / "lectures" / f"{module}.py"

    def mistakes(self, module: str) -> Path:
        """The answers that `course verify` tries."""
        return self.root / "tests" / "mistakes" / f"{module}.py"
