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

import course_staff.grading
import course_utils
from course_staff.grading import processes
from course_staff.grading.wire import Budget, Disconnected, LimitExceeded, ProtocolError, receive, send

START_SECONDS = 120.0


class Place(Protocol):
    """What a candidate and its copies live in, until the submission is done."""

    cpu: float  # seconds of processor time so far
    memory: float  # the most megabytes so far; 0 where nobody knows

    def why(self) -> str:
        """For which limit something in it was ended since the last call, or ""."""

    def kill_all_but(self, spare: set[int]) -> None:
        """End what the student's code started there, `spare` excepted."""

    def end(self) -> None:
        """End everything in it, and leave nothing behind. May be called twice."""


@dataclass
class Connection:
    """A running candidate: the socket to it and how to end it. pid: its number as this process sees it."""

    socket: socket.socket
    pid: int
    place: Place

    def close(self, spare: Collection[int] = ()) -> None:
        """End the candidate and everything it started, `spare` excepted. May be called twice."""
        self.socket.close()
        doomed = [*(pid for pid in processes.descendants(self.pid) if pid not in spare), self.pid]
        # Copies have groups of their own; what was started and then left by its parent is still in this one.
        for end, pid in [(os.killpg, self.pid), *((os.kill, pid) for pid in doomed)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)

    def ask(self, request: dict[str, Any], budget: Budget, *, special: Callable[[str, Any], Any] | None = None,
            answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> dict[str, Any]:
        """Send one request and return its reply. One budget covers both, and all callbacks in between.

        special: turns what is not plain data in the reply into what it stands for. answer: answers a callback.
        Raises LimitExceeded, Disconnected, or ProtocolError where the reply is not one to this request: a frame that
        was sent early or late, or by somebody else, does not know the request's number.
        """
        number = secrets.randbits(62)
        try:
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
        except Disconnected:
            if reason := self.place.why():
                raise LimitExceeded(reason) from None
            raise

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
            number = reply.get("pid") if isinstance(reply, dict) else None
            # The number comes from the candidate, and `close` kills that process: believe the system, not the number.
            copies = [pid for pid in processes.children(self.pid)
                      if type(number) is int and processes.own_number(pid) == number]
            if len(copies) != 1:
                raise ProtocolError("the candidate named a process that is not its child")
        except OSError:
            ours.close()
            raise Disconnected("the process ended") from None
        except BaseException:
            ours.close()
            raise
        return Connection(ours, copies[0], self.place)

    def may_fork(self) -> bool:
        """Whether a copy would live: only the thread that forks goes on in it, and locks of others stay locked."""
        return processes.threads(self.pid) == 1

    def lives(self) -> bool:
        """Whether the process is still there, and not stopped: by another copy's signal it could be."""
        return processes.runs(self.pid) and not processes.stopped(self.pid)


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

