"""Environments of other versions than ours, made by pip in `build/environments/` and kept until their list changes.

They take minutes and gigabytes, so that `make test` leaves these tests out: `make environments` runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "environments"
INSTALL_SECONDS = 3000


def clean(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Without what tests/conftest.py sets to cut the tests off from the network, and without our own environment."""
    kept = {name: value for name, value in environment.items()
            if name not in ("PYTHONPATH", "VIRTUAL_ENV", "COURSE_DATA_DIR", "COURSE_DATA_MIRROR")}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def call(*command: str | Path, cwd: Path, seconds: int = INSTALL_SECONDS, **variables: str) -> str:
    """What a command prints. Fails with all of it where the command fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**clean(), **variables}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def environment() -> Callable[[str, list[str]], Path]:
    """A function from a name and exact versions to the Python of an environment that has them."""

    def made(name: str, versions: list[str]) -> Path:
        folder, wanted = FOLDER / name, "\n".join([sys.version, *versions]) + "\n"
        python, stamp = folder / "bin" / "python", folder / "versions.txt"
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            FOLDER.mkdir(parents=True, exist_ok=True)
            call(sys.executable, "-m", "venv", folder, cwd=FOLDER)
            call(python, "-m", "pip", "install", "--quiet", *versions, cwd=FOLDER)
            stamp.write_text(wanted)
        return python

    return made
