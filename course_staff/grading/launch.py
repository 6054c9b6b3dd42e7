"""Starting a candidate. The one place that decides what stands between the student's code and this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

import course_staff.grading
import course_utils
from course_staff.grading.wire import Budget, Disconnected, ProtocolError, receive, send

START_SECONDS = 120.0


@dataclass
class Connection:
    """A running candidate: the socket to it and how to end it."""

    socket: socket.socket
    pid: int
    process: subprocess.Popen | None = None
    folder: Path | None = None

    def close(self, spare: Collection[int] = ()) -> None:
        """End the candidate and everything it started, `spare` excepted, and remove its folder. May be called twice."""
        self.socket.close()
        doomed = [*(pid for pid in _descendants(self.pid) if pid not in spare), self.pid]
        # Copies have groups of their own; what was started and then left by its parent is still in this one.
        for end, pid in [(os.killpg, self.pid), *((os.kill, pid) for pid in doomed)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        if self.folder is not None and not spare:
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, request: dict[str, Any], budget: Budget, *, special: Callable[[str, Any], Any] | None = None,
            answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> dict[str, Any]:
        """Send one request and return its reply. One budget covers both, and all callbacks in between.

        special: turns what is not plain data in the reply into what it stands for. answer: answers a callback.
        Raises LimitExceeded, Disconnected, or ProtocolError where the reply is not one to this request: a frame that
        was sent early or late, or by somebody else, does not know the request's number.
        """
        number = secrets.randbits(62)
        send(self.socket, {**request, "id": number}, budget)
        while True:
            reply = receive(self.socket, budget, special)
            if not isinstance(reply, dict) or type(reply.get("id")) is not int or reply["id"] != number:
                raise ProtocolError("an answer came that belongs to no question")
            if "callback" not in reply:
                return reply
            if answer is None:
                raise ProtocolError("a function was called back that was not passed")
            send(self.socket, answer(reply), budget)

    def fork(self, seconds: float = START_SECONDS) -> Connection:
        """A copy of the candidate as it is now, on a connection of its own.

        Raises LimitExceeded, Disconnected or ProtocolError where the candidate does not come up with one.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                budget = Budget(seconds)
                send(self.socket, {"op": "fork", "id": 0}, budget)
                socket.send_fds(self.socket, [b"F"], [theirs.fileno()])
                receive(self.socket, budget)
            reply = receive(ours, budget)
            pid = reply.get("pid") if isinstance(reply, dict) else None
            # The number comes from the candidate, and `close` kills that process: believe the system, not the number.
            if type(pid) is not int or pid not in (child.pid for child in psutil.Process(self.pid).children()):
                raise ProtocolError("the candidate named a process that is not its child")
        except (OSError, psutil.Error):
            ours.close()
            raise Disconnected("the process ended") from None
        except BaseException:
            ours.close()
            raise
        return Connection(ours, pid)

    def may_fork(self) -> bool:
        """Whether a copy would live: only the thread that forks goes on in it, and locks of others stay locked."""
        try:
            return psutil.Process(self.pid).num_threads() == 1
        except psutil.Error:
            return False


def _descendants(pid: int) -> list[int]:
    """Processes that `pid` started, and those that they started. One whose parent has ended is not among them."""
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


class Launcher(Protocol):
    """Starts candidates. A sandbox implements this."""

    name: str

    def start(self) -> Connection: ...


@dataclass
class PlainProcess:
    """The candidate as an ordinary process of this user: kept apart from the tests, but not from the machine."""

    name: str = "none"
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> Connection:
        """Start a candidate in an empty folder of its own. Raises Disconnected where it does not come up."""
        folder = Path(tempfile.mkdtemp(prefix="candidate-"))
        work = folder / "work"
        work.mkdir()
        code = stage(folder / "code")
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                # Not -I: it would take the folder with course_utils off the path as well.
                [sys.executable, "-c", _START.format(code=str(code), descriptor=theirs.fileno())],
                cwd=work, pass_fds=[theirs.fileno()], env=self._environment(folder), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        connection = Connection(ours, process.pid, process, folder)
        try:
            connection.ask({"op": "seed", "seed": 0}, Budget(START_SECONDS))
        except BaseException:
            connection.close()
            raise
        return connection

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "COURSE_CANDIDATE_LOG")
                if name in os.environ}
        return kept | {
            "HOME": str(folder), "TMPDIR": str(folder / "work"), "IPYTHONDIR": str(folder / "ipython"),
            "MPLCONFIGDIR": str(folder / "mpl"), "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            # Autograd starts threads for a GPU that it sees, and a process with threads cannot be copied.
            "COURSE_DEVICE": "cpu", "CUDA_VISIBLE_DEVICES": "",
            # A forgotten `%pip install` must not change the environment that grades.
            "PIP_TARGET": str(folder / "packages"), "PIP_NO_INDEX": "1",
            "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1",
        } | self.environment


# The working folder must not shadow a module of the candidate's own start-up, so it joins the path last.
_START = (
    "import sys; sys.path[:] = [{code!r}] + [p for p in sys.path if p not in ('', '.')]; "
    "sys.argv = ['candidate', '{descriptor}']; "
    "import runpy; runpy.run_module('course_staff.grading.candidate', run_name='__main__')"
)


def stage(folder: Path) -> Path:
    """A folder with all the code of ours that a candidate may see: course_utils and its own two files."""
    shutil.copytree(Path(course_utils.__file__).parent, folder / "course_utils",
                    ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "course_staff" / "grading"
    package.mkdir(parents=True)
    (folder / "course_staff" / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name in ("candidate.py", "wire.py"):
        shutil.copy(Path(course_staff.grading.__file__).parent / name, package / name)
    return folder

