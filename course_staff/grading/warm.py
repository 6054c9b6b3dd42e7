"""The warm process, of which every candidate is a fork: starting it, and finding the one to ask.

The process that hands out work starts one for all workers of its machine (`shared`). A worker that has none, or whose
one has gone, starts its own. Done without torch, which the process that hands out work does not import.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_staff.grading.sandbox import HEAVY, command

# Since 5.14 the kernel counts processes for each candidate's user namespace. Before, all of a user's counted together,
# and one candidate could leave none to another.
_COUNTS_APART = (5, 14)


class Zygote:
    """A warm process with the bubblewrap around it. It takes requests while it imports, and answers when it is warm.

    control: where requests are sent, one message each, so that several workers can send. mine: False for the process
    of another one's, which this one only asks.
    """

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.folder: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.answered = False

    @classmethod
    def begin(cls, heavy: Sequence[str]) -> Zygote:
        """Start one. heavy: what it imports, of `sandbox.HEAVY`. Raises NoSandbox or OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self = cls(ours)
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
            with theirs, (self.folder / "log").open("wb") as log:
                self.process = subprocess.Popen(
                    command(self.folder, str(theirs.fileno()), heavy), pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
        except BaseException:
            self.end()
            raise
        return self

    def lives(self) -> bool:
        """Whether the process is there: with it goes the other end."""
        poll = select.poll()
        poll.register(self.control, 0)
        return not poll.poll(0)

    def log(self) -> str:
        """The end of what the process has written, for the one who started it."""
        with contextlib.suppress(OSError, TypeError):
            return (self.folder / "log").read_text(errors="replace").strip()[-500:]  # type: ignore[operator]
        return ""

    def end(self) -> None:
        """End the process if it is ours, and with it all candidates. May be called twice."""
        self.control.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


_own: Zygote | None = None
_given: Zygote | None = None


def zygote(heavy: Sequence[str] = tuple(HEAVY)) -> Zygote:
    """The one to ask: the machine's, or else this worker's own; a new one where that has ended."""
    global _own
    if _given is not None and _given.lives():
        return _given
    if _own is None or not _own.lives():
        if _own is not None:
            _own.end()
        _own = Zygote.begin(heavy)
        atexit.register(_own.end)
    return _own


@contextlib.contextmanager
def shared(heavy: Sequence[str]) -> Iterator[None]:
    """One warm process for all workers that start inside; none, and each its own, where the kernel would mix counts."""
    global _given
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if version is None or tuple(map(int, version.groups())) < _COUNTS_APART:
        yield
        return
    _given = Zygote.begin(heavy)
    try:
        yield
    finally:
        _given.end()
        _given = None


def given() -> socket.socket | None:
    """What a worker is given, to ask the machine's warm process; None where there is none."""
    return None if _given is None else _given.control


def take(control: socket.socket | None) -> None:
    """In a worker: ask this one from now on."""
    global _given
    _given = None if control is None else Zygote(control)
