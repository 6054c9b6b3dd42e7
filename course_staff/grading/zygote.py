"""Inside the sandbox: a warm process that is forked for every candidate.

Importing torch takes seconds, a fork takes milliseconds. bubblewrap starts this process; it imports what labs use and
then waits. For every candidate it forks a child that takes namespaces of its own before the first student byte, so that
no candidate can reach this process, the next candidate, or a file that either will read.

    zygote ── child in new namespaces ── init (PID 1 there) ── candidate ── its copies

Run as `python -m course_staff.grading.zygote FD`, or with `probe` to try whether this machine allows such namespaces,
for which nothing heavy is imported at the top. Linux only.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

HOME = "/tmp/home"
WORK = "/tmp/work"

# linux/sched.h
_NEW = {"mount": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000,
        "pid": 0x20000000, "net": 0x40000000}
# linux/mount.h
_NOSUID, _NODEV, _NOEXEC, _REC, _PRIVATE = 2, 4, 8, 0x4000, 0x40000
# linux/mman.h
_HUGEPAGE, _COLLAPSE = 14, 25
_HUGE = 2 * 2**20
# linux/prctl.h
_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _AMBIENT, _CLEAR_ALL = 4, 24, 38, 47, 4
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION = 0x20080522
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1

libc = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *args: Any) -> None:
    """A call of libc. Raises OSError."""
    if getattr(libc, function)(*args) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}")


def _mount(kind: str, target: str, flags: int, options: str = "") -> None:
    _call("mount", kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None)


def isolate() -> None:
    """Take new namespaces of every kind. The next fork is PID 1 of the new one. Raises OSError."""
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", sum(_NEW.values()))
    for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def furnish(disk_megabytes: int) -> None:
    """As PID 1 of new namespaces: fresh /proc, /tmp, /dev/shm, /dev/pts; no namespaces below these. Raises OSError."""
    _call("mount", b"none", b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None)
    _mount("proc", "/proc", _NOSUID | _NODEV | _NOEXEC)
    for target in ("/tmp", "/dev/shm"):
        _mount("tmpfs", target, _NOSUID | _NODEV, f"size={disk_megabytes}m,nr_inodes=20000,mode=1777")
    _mount("devpts", "/dev/pts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    for folder in (HOME, WORK):
        os.mkdir(folder)
    os.chdir(WORK)
    # Keys that another candidate left in the session keyring; a kernel without keyrings has none.
    with suppress(KeyError):
        libc.syscall(_KEYCTL[platform.machine()], _JOIN_SESSION_KEYRING, None)


def drop_privileges() -> None:
    """Give up all capabilities, for ever. Raises OSError."""
    _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    for capability in range(_LAST_CAPABILITY + 1):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)  # EINVAL past the last one that this kernel knows
    libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())


def limit(limits: dict[str, int]) -> None:
    """Set resource limits of this process and its children: {"NPROC": 100, …}."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def close_all_but(*kept: int) -> None:
    """Close every descriptor from 3 on that is not named."""
    start = 3
    for descriptor in sorted(kept):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def _init(lifeline: int) -> NoReturn:
    """PID 1: reap what ends, until all have or the examiner has gone; the rest ends with it.

    Student code cannot look into it, and with its signals only wake it.
    """
    libc.prctl(_DUMPABLE, 0, 0, 0, 0)
    close_all_but(lifeline)
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(lifeline, 0)
    poll.register(woken, select.POLLIN)
    try:
        while True:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            if lifeline in dict(poll.poll()):
                os._exit(1)
            os.read(woken, 4096)
    except ChildProcessError:
        os._exit(0)


def _child(descriptors: list[int], request: dict[str, Any], serve: Callable[[socket.socket], NoReturn]) -> NoReturn:
    """In a fork of the zygote: become a candidate in namespaces of its own.

    descriptors: of the connection to the examiner, and of a pipe whose other end is open while the examiner lives.
    """
    descriptor, lifeline = descriptors
    try:
        close_all_but(descriptor, lifeline)
        isolate()
        if os.fork():
            os._exit(0)
        furnish(request["disk_megabytes"])
        with suppress(OSError):
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        connection = socket.socket(fileno=descriptor)
        # The kernel says who sent this byte, so the examiner learns the process numbers without believing anybody.
        connection.send(b"I")
        if os.fork():
            drop_privileges()
            _init(lifeline)
        os.close(lifeline)
        os.setsid()
        connection.send(b"C")
        connection.recv(1)  # the examiner has put its limits around this process
        limit(request["limits"])
        drop_privileges()
    except BaseException as error:
        with suppress(BaseException):
            os.write(descriptor, f"E{type(error).__name__}: {error}".encode()[:500])
        os._exit(1)
    serve(connection)


def _warm() -> Any:
    """Import what labs use. Returns what becomes a candidate once it has a connection."""
    import importlib

    import torch

    from course_staff.grading import candidate

    torch.set_num_threads(1)
    prepared = candidate.Candidate()  # before matplotlib, which looks for a shell to show its figures in
    heavy = os.environ.pop("COURSE_WARM", "").split()
    for name in (*heavy, "matplotlib.pyplot", "course_utils.checks", "course_utils.plotting",
                 "course_utils.widgets", "course_utils.training", "course_utils.data", "course_utils.device"):
        importlib.import_module(name)
    _draw()  # the first drawing reads fonts and builds a parser
    candidate.quiet()
    return prepared


def _draw() -> None:
    """Draw once what most figures have, to nowhere."""
    import io

    from matplotlib import pyplot

    from course_utils import plotting

    with pyplot.rc_context():
        plotting.use_style()
        figure, (left, right) = pyplot.subplots(1, 2)
        left.loglog([1e-12, 1.0], [1e-7, 1e5], label="$x_1^2$")  # the labels of its ticks are parsed one by one
        left.set(title="title", xlabel="$x$", ylabel="y")
        left.legend()
        figure.colorbar(right.imshow([[-1.0, 0.5], [0.0, 1.0]], cmap="RdBu_r"), ax=right)
        figure.savefig(io.BytesIO(), format="png")
        pyplot.close(figure)


def _check_forkable() -> None:
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"{threads} threads run before the fork; locks of the others would stay locked")
    with open("/proc/self/maps") as maps:
        shared = [line for line in maps if line.split()[1] == "rw-s"]
    if shared:
        raise RuntimeError(f"memory is shared with what will be forked: {shared[0]}")


def use_huge_pages() -> None:
    """Move this process's memory to huge pages, where the kernel can: a fork then copies a short table, not a long one.

    Every submission is a dozen forks of half a gigabyte, each with a page table to make and to take down again.
    """
    with open("/proc/self/maps") as maps:
        areas = [line.split(None, 5) for line in maps]
    for span, flags, _, _, inode, *_ in areas:
        start, end = (int(number, 16) for number in span.split("-"))
        start, end = -(-start // _HUGE) * _HUGE, end // _HUGE * _HUGE
        if flags == "rw-p" and inode == "0" and start < end:
            # A kernel without these refuses, which costs time and nothing else.
            for advice in (_HUGEPAGE, _COLLAPSE):
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), advice)


def main(descriptor: int) -> None:
    """Serve the examiners of this machine: one fork for every request, which is one message."""
    control = socket.socket(fileno=descriptor)
    prepared = _warm()
    use_huge_pages()
    _check_forkable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not request:
            return
        child = os.fork()
        if not child:
            _child(descriptors, json.loads(request), prepared.serve)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def probe() -> None:
    """Whether a candidate's namespaces can be made here. Raises OSError."""
    isolate()
    child = os.fork()
    if not child:
        try:
            furnish(1)
            drop_privileges()
        except OSError as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise OSError("a namespace could not be furnished")


if __name__ == "__main__":
    probe() if sys.argv[1] == "probe" else main(int(sys.argv[1]))
