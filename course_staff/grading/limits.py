"""Limits around one candidate with everything it starts: set from outside, and for all its processes together."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from course_staff.grading import processes

WATCH_SECONDS = 0.2  # between two looks of the watcher
EXACT_SECONDS = 1.0  # between two exact measurements of memory, which take milliseconds a process
END_SECONDS = 20.0

_numbers = itertools.count()


@dataclass(frozen=True)
class Limits:
    """What a submission may use, all its processes together."""

    memory_megabytes: int = 4096
    processes: int = 128
    cpu_seconds: int = 900
    file_megabytes: int = 128
    disk_megabytes: int = 256

    def of_a_process(self) -> dict[str, int]:
        """The part that the kernel enforces in each process, by the names of `resource`."""
        return {
            "NPROC": self.processes,
            "CPU": self.cpu_seconds,
            "FSIZE": self.file_megabytes * 2**20,
            # One process alone gets MemoryError rather than being ended. Libraries take 2 GB to begin with.
            "DATA": (self.memory_megabytes + 2048) * 2**20,
            "NOFILE": 1024,
            "CORE": 0,
        }


class Cgroup:
    """Control groups for one candidate; of version 2, or of version 1 with a folder for each controller."""

    def __init__(self, folders: dict[str, Path], version: int) -> None:
        self.folders, self.version = folders, version

    @classmethod
    def make(cls, limits: Limits) -> Cgroup | None:
        """New groups below or beside our own; None where this user may not make them."""
        name = f"course-{os.getpid()}-{next(_numbers)}"
        for version, places in _places():
            made: dict[str, Path] = {}
            group = cls(made, version)
            try:
                for controller, place in places.items():
                    folder = place / name
                    folder.mkdir(exist_ok=version == 2)
                    made[controller] = folder
                memory, swap = ("memory.max", "memory.swap.max") if version == 2 else \
                    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
                (made["memory"] / memory).write_text(str(limits.memory_megabytes * 2**20))
                with contextlib.suppress(OSError):  # a kernel may have no accounting of swap
                    (made["memory"] / swap).write_text("0" if version == 2 else str(limits.memory_megabytes * 2**20))
                (made["pids"] / "pids.max").write_text(str(limits.processes))
                return group
            except OSError:
                group.remove()
        return None

    def add(self, pid: int) -> None:
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def killed(self) -> int:
        """How many processes the kernel ended because the memory was used up."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with contextlib.suppress(OSError):
            for line in (self.folders["memory"] / name).read_text().splitlines():
                key, value = line.split()
                if key == "oom_kill":
                    return int(value)
        return 0

    def most_memory(self) -> float:
        """The most megabytes that the group has held; 0 where the kernel does not say."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        try:
            return int((self.folders["memory"] / name).read_text()) / 2**20
        except (OSError, ValueError):
            return 0.0

    def remove(self) -> None:
        """Remove the groups; they must be empty, and a process that has just ended stays for a moment."""
        for folder in set(self.folders.values()):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)


def _places() -> list[tuple[int, dict[str, Path]]]:
    """Where groups could be made: (version, folder by controller), the best first."""
    own: dict[str, Path] = {}
    root = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                own[controller] = Path(path.lstrip("/"))
    found = []
    if "" in own and (root / "cgroup.controllers").is_file():
        here = root / own[""]
        for place in (here, here.parent):
            with contextlib.suppress(OSError):
                if {"memory", "pids"} <= set((place / "cgroup.subtree_control").read_text().split()):
                    found.append((2, dict.fromkeys(("memory", "pids"), place)))
    if {"memory", "pids"} <= own.keys():
        found.append((1, {name: root / name / own[name] for name in ("memory", "pids")}))
    return found


class Cage:
    """The namespaces of one candidate and its copies, with the limits around them.

    init: the number of their PID 1, as we see it. cpu_used: seconds that the submission had before.
    reason: the limit for which it was ended. cpu, memory: seconds of processor time in this cage, and the
    most megabytes; memory is known after the end, and only where there is a control group.
    """

    def __init__(self, init: int, limits: Limits, cpu_used: float = 0.0) -> None:
        self.init, self.limits = init, limits
        self.handle = os.pidfd_open(init)  # a number can be given to another process, this cannot
        self.reason = ""
        self.cpu, self.cpu_used = 0.0, cpu_used
        self.memory = 0.0
        self.cgroup = Cgroup.make(limits)
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def close_around(self, candidate: int) -> None:
        """Put the candidate under its limits, before it runs any code of the student's."""
        if self.cgroup is not None:
            self.cgroup.add(candidate)
        self._watcher.start()

    def why(self) -> str:
        """For which limit the cage was ended, or ""."""
        if not self.reason and self.cgroup is not None and self.cgroup.killed():
            return self._memory_text()
        return self.reason

    def processes(self) -> int:
        return len(processes.descendants(self.init))

    def kill_all_but(self, spare: set[int]) -> None:
        """End every process in the cage but PID 1 and `spare`; all of them where they multiply too fast."""
        if not processes.kill_descendants(self.init, spare):
            self._kill()
            self._wait()

    def end(self) -> None:
        """End everything in the cage, and wait until it is gone. May be called twice."""
        if self._ended.is_set():
            return
        self._measure_cpu()
        if self.cgroup is not None:
            self.memory = self.cgroup.most_memory()
        self._ended.set()
        self._kill()
        self._wait()
        os.close(self.handle)
        if self.cgroup is not None:
            self.cgroup.remove()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        poll.poll(END_SECONDS * 1000)

    def _memory_text(self) -> str:
        return f"more than {self.limits.memory_megabytes:,} MB of memory"

    def _measure_cpu(self) -> None:
        self.cpu = max(self.cpu, processes.cpu_seconds([self.init, *processes.descendants(self.init)]))

    def _watch(self) -> None:
        exact = 0.0
        while not self._ended.wait(WATCH_SECONDS):
            inside = processes.descendants(self.init)
            self._measure_cpu()
            if self.cpu_used + self.cpu > self.limits.cpu_seconds:
                self.reason = f"more than {self.limits.cpu_seconds:,} s of processor time"
            elif self.cgroup is not None:
                # The kernel has ended the largest process; the others could wait for it, with the socket open.
                self.reason = self._memory_text() if self.cgroup.killed() else ""
            elif (time.monotonic() > exact
                    and processes.memory_at_most(inside) > self.limits.memory_megabytes):
                exact = time.monotonic() + EXACT_SECONDS
                if processes.memory(inside) > self.limits.memory_megabytes:
                    self.reason = self._memory_text()
            if self.reason:
                self._kill()
                return

