"""A worker's warm process, of which every candidate is a fork: starting it, and asking it for one."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from course_staff.grading.connection import Connection
from course_staff.grading.limits import Cage, Limits
from course_staff.grading.sandbox import HEAVY, START_SECONDS, command
from course_staff.grading.wire import Budget, Disconnected, ProtocolError, receive, send

FORK_SECONDS = 60.0


class Zygote:
    """The warm process of this worker, and the bubblewrap around it."""

    def __init__(self, heavy: Sequence[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.log = self.folder / "log"
        self.socket, theirs = socket.socketpair()
        try:
            with theirs, self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    command(self.folder, str(theirs.fileno()), heavy), pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            receive(self.socket, Budget(START_SECONDS))
        except BaseException as error:
            reason = self.log.read_text(errors="replace").strip()[-500:] if self.log.is_file() else ""
            self.end()
            if isinstance(error, Disconnected):
                raise Disconnected(f"the sandbox did not start: {reason}") from None
            raise

    def start(self, limits: Limits, cpu_used: float) -> Connection:
        ours, theirs = socket.socketpair()
        cage = None
        try:
            with theirs:
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                kernel = limits.of_a_process()
                send(self.socket, {"limits": kernel, "disk_megabytes": limits.disk_megabytes}, Budget(FORK_SECONDS))
                socket.send_fds(self.socket, [b"F"], [theirs.fileno()])
            ours.settimeout(FORK_SECONDS)
            cage = Cage(_sender(ours, b"I"), limits, cpu_used)
            candidate = _sender(ours, b"C")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            cage.close_around(candidate)
            ours.send(b"G")
            connection = Connection(ours, candidate, cage)
            connection.ask({"op": "seed", "seed": 0}, Budget(FORK_SECONDS))
            return connection
        except BaseException:
            ours.close()
            if cage is not None:
                cage.end()
            raise

    def lives(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.socket.close()
        with contextlib.suppress(AttributeError):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


_current: Zygote | None = None


def zygote(heavy: Sequence[str] = HEAVY) -> Zygote:
    """This worker's; a new one where the last has ended. heavy: what a new one imports, of `sandbox.HEAVY`."""
    global _current
    if _current is None or not _current.lives():
        if _current is not None:
            _current.end()
        _current = Zygote(heavy)
        atexit.register(_current.end)
    return _current


def _sender(connection: socket.socket, expected: bytes) -> int:
    """Who sent the next byte: the kernel's word, in our numbers."""
    content, ancillary, _, _ = connection.recvmsg(512, socket.CMSG_SPACE(struct.calcsize("3i")))
    if not content:
        raise Disconnected("the process ended before it was a candidate")
    if content != expected:
        raise ProtocolError(f"a candidate could not be isolated: {content[1:].decode(errors='replace')}")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return struct.unpack("3i", data)[0]
    raise ProtocolError("the kernel did not say who sends")
