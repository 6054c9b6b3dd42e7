"""The documentation of the scientific packages on this machine: text for word vectors."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import _docstring_worker
from ._fetch import DataError, cache_folder, sweep
from ._stdlib import source_files
from ._text import Text

# The packages that are read, those of them that are installed, and the names under which their versions are known.
PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "torchvision": "torchvision",
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "sympy": "sympy",
    "pandas": "pandas",
    "PIL": "pillow",
}
# Tests, copies of other packages, and torch's compiler, most of whose files are long and say little.
LEFT_OUT = {
    *("test", "tests", "testing", "__pycache__"),
    *("_vendor", "vendor", "extern", "externals", "third_party", "_inductor", "_dynamo"),
}
AT_LEAST = 500_000  # characters: with less, most of the documentation is not there
MOST_PROCESSES = 4


def docstrings(packages: Sequence[str] | None = None) -> Text:
    """The documentation in the source of Python and the installed scientific packages, about 3 million words.

    The text is lower-case words between single spaces, a paragraph a line: no punctuation, no numbers, and none of the
    examples after ">>>"; a name such as float32 or n_jobs is one word. Reading takes some ten seconds on one core, the
    first time; the result is kept in the cache, under the versions of Python and the packages. Machines with the same
    versions get the same text.

    packages: names as in `import`, instead of the default `PACKAGES` (of which those that are missing are passed over).
    Raises DataError for a named package that is not installed, and where the packages have no documentation to read.
    """
    wanted = PACKAGES if packages is None else {name: PACKAGES.get(name, name) for name in packages}
    folders, versions = {}, {}
    for name, distribution in wanted.items():
        folder, version = _folder(name), _version(distribution)
        if folder is not None and version is not None:
            folders[name], versions[name] = folder, version
        elif packages is not None:
            raise DataError(f"The package {name!r} is not installed as source files. Leave it out of `packages`.")
    kept = cache_folder() / "docstrings" / f"{_key(versions)}.txt"
    text = _kept(kept)
    if text is None:
        text = _read(folders)
        if len(text) < (AT_LEAST if packages is None else 1):
            raise DataError("The installed packages came without the source that documents them. Use data.stdlib().")
        _keep(kept, text)
    read = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Text("docstrings", text, f"the documentation of Python {platform.python_version()}, {read}")


def _folder(name: str) -> Path | None:
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)  # which does not import it
        for place in (spec and spec.submodule_search_locations) or ():
            if Path(place).is_dir():
                return Path(place)
    return None


def _version(distribution: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution)
    return None


def _key(versions: dict[str, str]) -> str:
    recipe = [inspect.getsource(_docstring_worker), sorted(LEFT_OUT)]
    state = json.dumps([recipe, platform.python_version(), list(versions.items())])
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def _kept(path: Path) -> str | None:
    """The text of the cache, or None if it has none; a file that is not whole is passed over, to be replaced."""
    with contextlib.suppress(OSError):
        digest, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() == digest:
            return content.decode("utf-8")
    return None


def _keep(path: Path, text: str) -> None:
    content = text.encode("utf-8")
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        handle, part = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            Path(part).chmod(0o644)
            os.replace(part, path)
        finally:
            Path(part).unlink(missing_ok=True)


def _read(folders: dict[str, Path]) -> str:
    """The words of Python's library and of the packages, each file in the order of its path."""
    paths = source_files(Path(sysconfig.get_path("stdlib")))
    for folder in folders.values():
        found = [(path.relative_to(folder).parts, path) for path in folder.rglob("*.py")]
        paths += [path for parts, path in sorted(found) if not LEFT_OUT & set(parts)]
    names = [str(path) for path in paths]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = min(cores, MOST_PROCESSES, 1 + len(names) // 200)
    texts = [""] * len(names)
    with ThreadPoolExecutor(processes) as pool:
        for share, words in enumerate(pool.map(_read_share, (names[i::processes] for i in range(processes)))):
            texts[share::processes] = words
    return "".join(texts)


def _read_share(names: list[str]) -> list[str]:
    """In a process of its own, which needs nothing of this one (no fork of a kernel's threads, no import of torch)."""
    command = [sys.executable or "", "-I", "-S", _docstring_worker.__file__]
    with contextlib.suppress(OSError, ValueError):
        done = subprocess.run(command, input="\n".join(names).encode(), capture_output=True, check=False)
        words = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode == 0 and len(words) == len(names):
            return words
    # Where no process may be started: here, one share after the other.
    return [_docstring_worker.read(name) for name in names]
