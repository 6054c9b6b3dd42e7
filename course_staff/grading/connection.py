"""A running candidate: asking it, copying it, ending it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from course_staff.grading import processes
from course_staff.grading.wire import Budget, Disconnected, LimitExceeded, ProtocolError, receive, send

FORK_SECONDS = 120.0


class Place(Protocol):
    """What a candidate and its copies live in, until the submission is done."""

    cpu: float  # seconds of processor time so far
    memory: float  # the most megabytes so far; 0 where nobody knows

    def why(self) -> str:
        """For which limit something in it was ended since the last call, or ""."""

    def processes(self) -> int:
        """How many processes live there; 0 where nobody knows."""

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

    def fork(self, seconds: float = FORK_SECONDS) -> Connection:
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
