"""Processes as the machine sees them, whatever they say of themselves."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that run still."""
    try:
        # A line for each thread; the kernel keeps this list, so that not all processes of the machine are gone through.
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        lists = []
    if lists:
        return [int(number) for number in " ".join(lists).split()]
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def descendants(pid: int) -> list[int]:
    """Processes that `pid` started, and those that they started. One whose parent has ended is not among them."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def own_number(pid: int) -> int:
    """The number by which a process knows itself: another one than ours in a process namespace."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return pid


def threads(pid: int) -> int:
    """How many threads a process has; 0 where there is no such process."""
    try:
        return psutil.Process(pid).num_threads()
    except psutil.Error:
        return 0


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).send_signal(number)


def kill_descendants(pid: int, spare: Collection[int] = (), seconds: float = 20.0) -> bool:
    """End what `pid` started, `spare` excepted. False where it starts processes faster than they are ended."""
    deadline = time.monotonic() + seconds
    while doomed := [child for child in descendants(pid) if child not in spare and runs(child)]:
        if time.monotonic() > deadline:
            return False
        # One that is ended makes room for another, one that is stopped does not: so all are stopped first.
        if all(stopped(child) for child in doomed) or len(doomed) == 1:
            signal_all(doomed, signal.SIGKILL)
            time.sleep(0.005)  # a process gives back its memory before it is gone
        else:
            signal_all(doomed, signal.SIGSTOP)
    return True


def runs(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def stopped(pid: int) -> bool:
    """Whether a process waits for a signal to go on, or for who traces it."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def memory(pids: Iterable[int]) -> float:
    """Megabytes of all processes, where what they share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            total += psutil.Process(pid).memory_full_info().pss
    return total / 2**20


def memory_at_most(pids: Iterable[int]) -> float:
    """Megabytes of all processes, where what they share counts for each: quick, and never too small."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total / 2**20


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of processes and of those that they started and that have ended."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            total += sum(psutil.Process(pid).cpu_times()[:4])
    return total
