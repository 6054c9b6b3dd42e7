"""Python's own source code, which every machine that runs the course has: text for character models."""

import sys
import sysconfig
from pathlib import Path

from ._fetch import DataError
from ._text import Text

# Not written by hand (tables of encodings, the language reference as one string), tests, installed packages, and parts
# that only some versions or installations of Python have.
LEFT_OUT = {
    *("site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"),
    *("encodings", "pydoc_data", "ensurepip", "idlelib", "lib2to3", "distutils", "turtledemo"),
}
AT_LEAST = 1_000_000  # characters: with less, most of the library is not there as source


def stdlib() -> Text:
    """The source code of Python's standard library, about 8 million characters, in the order of the files' paths.

    The alphabet is the 95 printable characters of ASCII and the line end: tabs are expanded to 8 columns, form feeds
    dropped, and the few lines with other characters left out. Two machines get the same text if they run the same
    release of Python. Raises DataError where the library is not there as source files, or one cannot be read.
    """
    root = Path(sysconfig.get_path("stdlib"))
    version = sys.version.split()[0]
    text = "\n".join(_plain(path) for path in source_files(root))
    if len(text) < AT_LEAST:
        raise DataError(
            f"The source code of Python's standard library is not in {root} ({len(text):,} characters found): this "
            "Python was installed as a zip or without its .py files. Use data.docstrings(), or another Python."
        )
    return Text("stdlib", text, f"the standard library of Python {version}")


def source_files(root: Path) -> list[Path]:
    """The files below a standard library's folder that count, in the order of their paths, on every system the same."""
    found = []
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not LEFT_OUT & set(parts) and not parts[0].startswith("config-"):
            found.append((parts, path))
    return [path for _, path in sorted(found)]


def _plain(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} of Python's standard library cannot be read ({error}). Use data.docstrings(), or another Python."
        ) from None
    lines = text.replace("\f", "").expandtabs(8).split("\n")
    return "\n".join(line for line in lines if line.isascii() and line.isprintable())
