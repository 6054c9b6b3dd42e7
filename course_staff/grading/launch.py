"""Starting a candidate. The one place that decides what stands between the student's code and this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import course_staff.grading
import course_utils

if TYPE_CHECKING:
    from course_staff.grading.connection import Connection

START_SECONDS = 120.0


class Launcher(Protocol):
    """Starts candidates. A sandbox implements this."""

    @property
    def name(self) -> str:
        """What reports call it; "none" where nothing keeps a candidate in."""

    def check(self) -> None:
        """Raise CourseError, with what to do, where this machine cannot start any."""

    def start(self, cpu_used: float = 0.0) -> Connection:
        """A new candidate. cpu_used: seconds of processor time that this submission has had already.

        Raises LimitExceeded, Disconnected, ProtocolError or OSError where it does not come up.
        """


@dataclass
class Folder:
    """The place of a candidate without a sandbox: a folder, and a process of ours."""

    path: Path
    process: subprocess.Popen
    cpu: float = 0.0
    memory: float = 0.0

    def why(self) -> str:
        return ""

    def processes(self) -> int:
        return 0

    def kill_all_but(self, spare: set[int]) -> None:
        """Nothing: without a sandbox nobody knows what the student's code started and then left."""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass
class PlainProcess:
    """The candidate as an ordinary process of this user: kept apart from the tests, but not from the machine."""

    name: str = "none"
    environment: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Nothing is needed."""

    def start(self, cpu_used: float = 0.0) -> Connection:
        """Start a candidate in an empty folder of its own. Raises Disconnected where it does not come up."""
        # Asking a candidate takes torch, which the process that only hands out the work does without.
        from course_staff.grading.connection import Connection
        from course_staff.grading.wire import Budget

        folder = Path(tempfile.mkdtemp(prefix="candidate-"))
        work = folder / "work"
        work.mkdir()
        code = stage(folder / "code")
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                # Not -I: it would take the folder with course_utils off the path as well.
                [sys.executable, "-c", start_code(str(code), "candidate", str(theirs.fileno()))],
                cwd=work, pass_fds=[theirs.fileno()], env=self._environment(folder), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        connection = Connection(ours, process.pid, Folder(folder, process))
        try:
            connection.ask({"op": "seed", "seed": 0}, Budget(START_SECONDS))
        except BaseException:
            connection.close()
            connection.place.end()
            raise
        return connection

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "COURSE_CANDIDATE_LOG")
                if name in os.environ}
        return kept | quiet_environment(folder) | {"HOME": str(folder), "TMPDIR": str(folder / "work")} \
            | self.environment


def quiet_environment(folder: Path) -> dict[str, str]:
    """Variables with which libraries keep to `folder`, to one thread and to the processor."""
    return {
        "IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "mpl"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # Autograd starts threads for a GPU that it sees, and a process with threads cannot be copied.
        "COURSE_DEVICE": "cpu", "CUDA_VISIBLE_DEVICES": "",
        # A forgotten `%pip install` must not change the environment that grades.
        "PIP_TARGET": str(folder / "packages"), "PIP_NO_INDEX": "1",
        "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1",
    }


def start_code(folder: str, module: str, argument: str) -> str:
    """A program for `python -c` that runs a staged module.

    The working folder must not shadow a module of the candidate's own start-up, so it leaves the path.
    """
    return (f"import sys; sys.path[:] = [{folder!r}] + [p for p in sys.path if p not in ('', '.')]; "
            f"sys.argv = [{module!r}, {argument!r}]; "
            f"import runpy; runpy.run_module('course_staff.grading.{module}', run_name='__main__')")


def stage(folder: Path) -> Path:
    """A folder with all the code of ours that a candidate may see: course_utils and what runs there."""
    shutil.copytree(Path(course_utils.__file__).parent, folder / "course_utils",
                    ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "course_staff" / "grading"
    package.mkdir(parents=True)
    (folder / "course_staff" / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name in ("candidate.py", "wire.py", "zygote.py"):
        shutil.copy(Path(course_staff.grading.__file__).parent / name, package / name)
    return folder

