"""A candidate from the warm process: a fork of it in namespaces of its own, with its limits around it."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence

from course_staff.grading import warm
from course_staff.grading.connection import Connection
from course_staff.grading.limits import Cage, Limits
from course_staff.grading.wire import Budget, Disconnected, ProtocolError

START_SECONDS = 180.0  # for the imports, on a machine that is busy
FORK_SECONDS = 60.0

# PID 1 of every cage of ours holds the other end: when this process has gone, however it went, so have they.
_lifeline: tuple[int, int] | None = None


def candidate(limits: Limits, cpu_used: float, heavy: Sequence[str]) -> Connection:
    """A new one. cpu_used: as `launch.Launcher.start`. heavy: as `sandbox.Sandbox.warm`.

    Raises LimitExceeded, Disconnected, ProtocolError or OSError where it does not come up.
    """
    global _lifeline
    zygote = warm.zygote(heavy)
    if _lifeline is None:
        _lifeline = os.pipe()
    ours, theirs = socket.socketpair()
    cage = None
    try:
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            request = {"limits": limits.of_a_process(), "disk_megabytes": limits.disk_megabytes}
            zygote.control.settimeout(FORK_SECONDS)
            socket.send_fds(zygote.control, [json.dumps(request).encode()], [theirs.fileno(), _lifeline[0]])
        ours.settimeout(FORK_SECONDS if zygote.answered else START_SECONDS)
        cage = Cage(_sender(ours, b"I"), limits, cpu_used)
        zygote.answered = True
        ours.settimeout(FORK_SECONDS)
        number = _sender(ours, b"C")
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        cage.close_around(number)
        ours.send(b"G")
        connection = Connection(ours, number, cage)
        connection.ask({"op": "seed", "seed": 0}, Budget(FORK_SECONDS))
        return connection
    except BaseException as error:
        ours.close()
        if cage is not None:
            cage.end()
        if not zygote.answered and not zygote.lives() and isinstance(error, Disconnected | OSError):
            raise Disconnected(f"the sandbox did not start: {zygote.log()}") from None
        raise


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
