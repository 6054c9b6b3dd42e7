"""JavaScript from npm for the book, the slides and their tests, so that a page asks no other machine for anything.

vendor.json is the only place with versions. Each package is downloaded once as the registry's tarball, checked against
its integrity hash, and unpacked without the files that nobody needs. Node is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

REGISTRY = "https://registry.npmjs.org"
PACKAGES: dict[str, dict[str, Any]] = {
    package["name"]: package for package in json.loads(Path(__file__).with_name("vendor.json").read_text())}
BOOK = ("mathjax", "requirejs", "@jupyter-widgets/html-manager")
SLIDES = ("mathjax", "reveal.js")


class IntegrityError(Exception):
    """A tarball is not the one that vendor.json names."""


def check(tarball: bytes, integrity: str) -> None:
    """Raise IntegrityError unless `tarball` has this hash, written as npm does: sha512-BASE64."""
    algorithm, _, expected = integrity.partition("-")
    got = base64.b64encode(hashlib.new(algorithm, tarball).digest()).decode()
    if got != expected:
        raise IntegrityError(f"expected {algorithm}-{expected}, got {algorithm}-{got}")


def fetch(name: str, cache: Path) -> Path:
    """The folder of one package below `cache`, which is downloaded if it is not there.

    Raises OSError where the registry cannot be reached, IntegrityError where what came is not what was pinned.
    """
    package = PACKAGES[name]
    # The folder is named after all that decides its content.
    entry = hashlib.sha256(json.dumps(package, sort_keys=True).encode()).hexdigest()[:8]
    folder = cache / f"{name.rpartition('/')[2]}-{package['version']}-{entry}"
    if folder.is_dir():
        return folder
    url = f"{REGISTRY}/{name}/-/{name.rpartition('/')[2]}-{package['version']}.tgz"
    tarball = _download(url)
    try:
        check(tarball, package["integrity"])
    except IntegrityError as error:
        raise IntegrityError(f"{url}: {error}") from None
    cache.mkdir(parents=True, exist_ok=True)
    archive, partial = folder.with_name(f"{folder.name}.tgz"), folder.with_name(f"{folder.name}.{os.getpid()}")
    archive.write_bytes(tarball)
    with tarfile.open(archive) as members:
        wanted = [member for member in members.getmembers()
                  if member.isfile() and member.name.partition("/")[2].startswith(tuple(package["keep"]))]
        members.extractall(partial, wanted, filter="data")
    archive.unlink()
    try:
        next(partial.iterdir()).rename(folder)  # npm puts everything into one folder, "package"
    except OSError:
        if not folder.is_dir():  # otherwise another process was faster
            raise
    shutil.rmtree(partial)
    return folder


def install(names: tuple[str, ...], target: Path, cache: Path) -> None:
    """Copy these packages to `target`, each in a folder of its own name without a scope, and nothing else."""
    for name in names:
        place = target / name.rpartition("/")[2]
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(fetch(name, cache), place)


def _download(url: str) -> bytes:
    for attempt in range(3):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return bytes(answer.read())
        except OSError as error:
            if attempt == 2:
                raise OSError(f"{url}: {error}") from error
            time.sleep(2)
    raise AssertionError
