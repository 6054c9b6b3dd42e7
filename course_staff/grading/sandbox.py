"""The sandbox: bubblewrap around a warm process, and a fork of it in namespaces of its own for every candidate.

What a candidate finds: no network, a read-only file system with the interpreter, its packages, `course_utils` and the
data sets, a small /tmp that is gone with it, no capabilities, and limits for all its processes together. Linux only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from course_staff.grading.launch import quiet_environment, stage, start_code
from course_staff.grading.limits import Limits
from course_staff.grading.zygote import HOME, WORK
from course_staff.paths import CourseError
from course_utils import folders

if TYPE_CHECKING:
    from course_staff.grading.connection import Connection

PROBE_SECONDS = 180.0  # on a machine that is busy
CODE = "/course/code"
CACHE, MIRROR = "/course/data", "/course/mirror"
# Where systemd and the distributions assign no users; the processes of one grader count for its user alone.
FIRST_USER, USERS = 0x70000000, 0x10000

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts",
          "/etc/localtime")
OWN = ("/tmp", "/dev", "/proc")
# What takes most of a second to import, and the words of which one stands in a lab that does; torch and matplotlib are
# always there. course_utils.data takes digits from scikit-learn, and the first optimiser imports torch._dynamo.
HEAVY = {"torchvision": ("torchvision",), "sklearn.datasets": ("data.",), "torch._dynamo": ("optim", "training.")}
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

    hidden: folders that no candidate may see; a sandbox that would show one is refused. warm: of the packages that
    take long to import, those that candidates find imported.
    """

    limits: Limits = field(default_factory=Limits)
    hidden: tuple[Path, ...] = ()
    warm: tuple[str, ...] = tuple(HEAVY)
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
            probe = command(Path(staged), "probe")
            done = subprocess.run(probe, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise NoSandbox(f"No sandbox on this machine: {reason}\n{HELP}")

    def start(self, cpu_used: float = 0.0) -> Connection:
        """A new candidate, in namespaces of its own. Raises LimitExceeded, Disconnected, ProtocolError or OSError."""
        # What the process that only hands out the work does without: torch, for one.
        from course_staff.grading import caged
        from course_staff.grading.wire import LimitExceeded

        if cpu_used > self.limits.cpu_seconds:
            raise LimitExceeded(f"more than {self.limits.cpu_seconds:,} s of processor time")
        return caged.candidate(self.limits, cpu_used, self.warm)


def _sources() -> list[Path]:
    """The folders of the interpreter and its packages."""
    folders = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute()}
    return sorted(folder for folder in folders if not folder.is_relative_to("/usr"))


def command(folder: Path, argument: str, heavy: Sequence[str] = ()) -> list[str]:
    """bubblewrap's command line. folder: a new folder of ours, for what is staged. heavy: as `Sandbox.warm`."""
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
        "COURSE_DATA_DIR": CACHE, "COURSE_WARM": " ".join(heavy),
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
    folder = folders.cache_folder()
    return folder.resolve() if folder.is_dir() else None


def _mirror() -> Path | None:
    try:
        folder = folders.mirror_folder()
    except FileNotFoundError as error:
        raise CourseError(f"{error}") from None
    return folder and folder.resolve()
