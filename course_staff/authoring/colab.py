"""What a built notebook holds and its script does not: a Colab badge, and the lines that bring `course_utils`.

Both follow from `[tool.course]` in pyproject.toml, where a teacher sets the address of a fork once:

    repository = "https://github.com/OWNER/REPOSITORY"
    branch = "main"
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from nbformat import NotebookNode

from course_staff.paths import Course, CourseError

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
_BADGE_LINE = re.compile(r"\A\[!\[Open in Colab\]\([^)\n]*\)\]\([^)\n]*\)\n\n")
# The generated lines end with a line that no author writes, so that they are found again whatever stands in them.
_FIRST, _LAST = "# The package of the course:", "# Now the imports of this notebook:"
_LINES = re.compile(rf"\A{re.escape(_FIRST)}\n.*?\n{re.escape(_LAST)}\n", re.DOTALL)

_UNSET = f'''{_FIRST}
try:
    import course_utils
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This notebook needs the package course_utils, which is not installed here.\\n"
        "On your computer: set up the course as its README says, and open the notebook from there.\\n"
        "In Colab: run  %pip install git+ADDRESS  in a new cell, with the address of the course from your teacher; "
        "then run this cell again."
    ) from None
{_LAST}
'''
_SET = f'''{_FIRST}
try:
    import course_utils
except ModuleNotFoundError:
    import importlib, subprocess, sys
    where = "REQUIREMENT"
    try:
        import google.colab
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "This notebook needs the package course_utils, which is not installed here.\\n"
            "Set up the course as its README says, and open the notebook from there; or run\\n"
            f"%pip install {{where}}  in a new cell, then this cell again."
        ) from None
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", where]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        raise ModuleNotFoundError(
            f"Colab could not install course_utils from {{where}}.\\n{{done.stderr.strip()[-500:]}}\\n"
            "Run this cell again. If it fails again, show this message to your teacher."
        ) from None
    importlib.invalidate_caches()
{_LAST}
'''


@dataclass(frozen=True)
class Home:
    """Where the course can be fetched: an https address without .git, and a branch or tag."""

    repository: str
    branch: str

    @property
    def requirement(self) -> str:
        """What pip installs."""
        return f"git+{self.repository}@{self.branch}"

    def badge(self, path: str) -> str:
        """The Markdown of a badge that opens the notebook at `path` of the repository.

        Empty where the repository is not on GitHub: Colab opens notebooks from nowhere else by an address.
        """
        place = self.repository.removeprefix("https://github.com/")
        if place == self.repository:
            return ""
        address = f"https://colab.research.google.com/github/{place}/blob/{self.branch}/{path}"
        return f"[![Open in Colab]({BADGE})]({address})"


def home(course: Course) -> Home | None:
    """What `[tool.course]` in pyproject.toml says; None where it names no repository. Raises CourseError."""
    file = course.root / "pyproject.toml"
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("course", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{file} cannot be read: {error}") from None
    unknown = sorted(set(said) - {"repository", "branch"})
    if unknown:
        raise CourseError(f"pyproject.toml, [tool.course]: {unknown[0]!r} is unknown. Known: repository, branch.")
    repository, branch = said.get("repository", ""), said.get("branch", "main")
    if repository == "":
        return None
    address = r"https://(github\.com/[\w.-]+/[\w.-]+|(?!github\.com/)[\w.-]+(:\d+)?(/[\w.~-]+)+)|file:///[\w./~-]+"
    clean = re.sub(r"(\.git)?/?$", "", repository) if isinstance(repository, str) else ""
    if not re.fullmatch(address, clean):
        raise CourseError(
            f"pyproject.toml, [tool.course]: repository = {repository!r} is not an address that Colab can install "
            'from. Write it as "https://github.com/OWNER/REPOSITORY", or "" for none.'
        )
    if not isinstance(branch, str) or not re.fullmatch(r"[\w./-]+", branch):
        raise CourseError(f"pyproject.toml, [tool.course]: branch = {branch!r} must be a branch or a tag, in quotes.")
    return Home(clean, branch)


def add_lines(notebook: NotebookNode, where: Home | None) -> None:
    """Put the lines that bring `course_utils` before the first set-up cell's own."""
    lines = _SET.replace("REQUIREMENT", where.requirement) if where else _UNSET
    setup = next((cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", ())), None)
    if setup is not None:
        setup.source = f"{lines}{setup.source}"


def add_badge(notebook: NotebookNode, where: Home | None, path: str) -> None:
    """Put a badge above the title. path: of the notebook in the repository."""
    badge = where.badge(path) if where else ""
    if badge and notebook.cells and notebook.cells[0].cell_type == "markdown":
        notebook.cells[0].source = f"{badge}\n\n{notebook.cells[0].source}"


def plain(source: str) -> str:
    """The source of a cell as its script has it."""
    return _BADGE_LINE.sub("", _LINES.sub("", source))
