"""Results of examinations, one file each, so that nothing is examined twice and an interrupted run goes on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import course_utils
from course_staff.grading.job import Result
from course_staff.grading.launch import Launcher

PACKAGES = ("deep-learning-course", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib", "ipython",
            "nbgrader")


class Store:
    """A folder of results by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Result | None:
        """The result of an earlier examination, or None."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            result = Result.from_json(self._path(key).read_text(encoding="utf-8"))
            return result if result.key == key else None
        return None

    def has(self, key: str) -> bool:
        """Whether there is a file under this key; whether it can be read, `get` says."""
        return self._path(key).is_file()

    def put(self, result: Result) -> None:
        """Keep a result under its key. Outputs and hidden messages stand in it, so it is for the owner's eyes."""
        replace(self._path(result.key), result.to_json().encode(), mode=0o600)

    def drop(self, key: str) -> None:
        """Forget a result."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def key_of(student: str, submission: bytes, release: bytes, source: bytes, seed: int, launcher: Launcher) -> str:
    """A hash of everything that decides a result: what was handed in, our lab, the hidden inputs, the machinery.

    release, source: the lab as handed out, and with its tests.
    """
    # What is hidden from candidates, or imported early, has no say in what they do.
    settings = {name: value for name, value in vars(launcher).items() if name not in ("hidden", "warm")}
    facts = json.dumps([student, seed, launcher.name, settings, machinery()], sort_keys=True, default=repr).encode()
    hashes = [hashlib.sha256(part).digest() for part in (submission, release, source, facts)]
    return hashlib.sha256(b"".join(hashes)).hexdigest()


@functools.cache
def machinery() -> str:
    """A hash of the code that examines and of the versions of what it uses: with another one, a mark may be another."""
    seen = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(course_utils.__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            seen.update(path.read_bytes())
    seen.update(json.dumps(versions()).encode())
    return seen.hexdigest()


@functools.cache
def versions() -> dict[str, str]:
    """Of Python and of the packages that have a say in a mark."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file at once: no reader, and no run that is cut short, ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    os.replace(partial, path)
