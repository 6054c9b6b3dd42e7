"""The sandbox: bubblewrap around a warm process, and a fork of it in namespaces of its own for every candidate.

What a candidate finds: no network, a read-only file system with the interpreter, its packages, `course_utils` and the
data sets, a small /tmp that is gone with it, no capabilities, and limits for all its processes together. Linux only.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from course_staff.grading.launch import Connection, quiet_environment, stage, start_code
from course_staff.grading.limits import Cage, Limits
from course_staff.grading.wire import Budget, Disconnected, LimitExceeded, ProtocolError, receive, send
from course_staff.grading.zygote import HOME, WORK
from course_staff.paths import CourseError

START_SECONDS = 180.0  # for the imports, on a machine that is busy
FORK_SECONDS = 60.0
CODE = "/course/code"
CACHE, MIRROR = "/course/data", "/course/mirror"
# Where systemd and the distributions assign no users; the processes of one worker count for its user alone.
FIRST_USER, USERS = 0x70000000, 0x10000

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts",
          "/etc/localtime")
OWN = ("/tmp", "/dev", "/proc")
_PASSWD = "student:x:{uid}:{uid}:student:{home}:/bin/sh\n"
_GROUP = "student:x:{uid}:\n"

HELP = ("Grading strangers' work needs it. On Linux: install bubblewrap, and allow unprivileged user namespaces "
        "(docs/grading.md says how on Ubuntu and in containers). Elsewhere: --no-sandbox, in a machine that you can "
        "throw away.")


class NoSandbox(CourseError):
    """This machine cannot keep a candidate in."""


@dataclass(frozen=True)
class Sandbox:
    """Starts candidates that cannot reach this machine.

    hidden: folders that no candidate may see; a sandbox that would show one is refused.
    """

    limits: Limits = field(default_factory=Limits)
    hidden: tuple[Path, ...] = ()
    name: str = field(default="bubblewrap", init=False)

    def check(self) -> None:
        """Raise NoSandbox, with the reason, where this machine or these folders do not allow a sandbox."""
        for source in _sources():
            for own in OWN:
                if source.is_relative_to(own):
                    raise NoSandbox(f"{source} lies in {own}, of which every candidate has its own: put the checkout "
                                    "and its environment elsewhere.")
            for folder in self.hidden:
                if folder.resolve().is_relative_to(source):
                    raise NoSandbox(f"{folder} lies in {source}, which every candidate can read: move it elsewhere.")
        with tempfile.TemporaryDirectory(prefix="sandbox-") as staged:
            command = _command(Path(staged), "probe")
            done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise NoSandbox(f"No sandbox on this machine: {reason}\n{HELP}")

    def start(self, cpu_used: float = 0.0) -> Connection:
        """A new candidate, in namespaces of its own. Raises LimitExceeded, Disconnected, ProtocolError or OSError."""
        if cpu_used > self.limits.cpu_seconds:
            raise LimitExceeded(f"more than {self.limits.cpu_seconds:,} s of processor time")
        return _zygote().start(self.limits, cpu_used)


class _Zygote:
    """The warm process of this worker, and the bubblewrap around it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.log = self.folder / "log"
        self.socket, theirs = socket.socketpair()
        try:
            with theirs, self.log.open("wb") as log:
                self.process = subprocess.Popen(
                    _command(self.folder, str(theirs.fileno())), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
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


_current: _Zygote | None = None


def _zygote() -> _Zygote:
    """This worker's; a new one where the last has ended."""
    global _current
    if _current is None or not _current.lives():
        if _current is not None:
            _current.end()
        _current = _Zygote()
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


def _sources() -> list[Path]:
    """The folders of the interpreter and its packages."""
    folders = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute()}
    return sorted(folder for folder in folders if not folder.is_relative_to("/usr"))


def _command(folder: Path, argument: str) -> list[str]:
    """bubblewrap's command line. folder: a new folder of ours, for what is staged."""
    program = shutil.which("bwrap")
    if program is None:
        raise NoSandbox(f"bubblewrap (the program bwrap) is not installed on this machine.\n{HELP}")
    as_root = os.geteuid() == 0
    uid = FIRST_USER + os.getpid() % USERS if as_root else os.getuid()
    folder.chmod(0o755)
    code = stage(folder / "code")
    (folder / "passwd").write_text(_PASSWD.format(uid=uid, home=HOME))
    (folder / "group").write_text(_GROUP.format(uid=uid))
    shown: list[tuple[str, str]] = [(str(source), str(source)) for source in _sources()]
    shown += [(str(code), CODE), (str(folder / "passwd"), "/etc/passwd"), (str(folder / "group"), "/etc/group")]
    environment = quiet_environment(Path(HOME)) | {
        "HOME": HOME, "TMPDIR": WORK, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8",
        "COURSE_DATA_DIR": CACHE,
    }
    for place, found in ((CACHE, _cache()), (MIRROR, _mirror())):
        if found is not None:
            shown.append((str(found), place))
    if _mirror() is not None:
        environment["COURSE_DATA_MIRROR"] = MIRROR
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    # To make namespaces of its own, a child of the warm process gets all capabilities over these from the kernel.
    for path in SYSTEM:
        if os.path.islink(path):
            words += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            words += ["--ro-bind", path, path]
    for number, (source, target) in enumerate(shown):
        words += ["--ro-bind", f"@{number}" if as_root else source, target]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", HOME, "--dir", WORK, "--chdir", WORK,
              "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment.items():
        words += ["--setenv", name, value]
    words += ["--", sys.executable, "-c", start_code(CODE, "zygote", argument)]
    if as_root:
        enter = Path(__file__).with_name("enter.py")
        words = [sys.executable, "-I", "-S", str(enter), str(uid), *(source for source, _ in shown), "--", *words]
    return words


def _cache() -> Path | None:
    from course_utils.data import _fetch

    folder = _fetch.cache_folder()
    return folder.resolve() if folder.is_dir() else None


def _mirror() -> Path | None:
    from course_utils.data import _fetch

    folder = _fetch.mirror_folder()
    return folder and folder.resolve()
