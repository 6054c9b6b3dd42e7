"""The sandbox: what student code can reach, what it can use up, and what is left of it. Linux with bubblewrap."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from course_staff.grading import pool, processes, sandbox, warm
from course_staff.grading.connection import Connection
from course_staff.grading.examine import examine, run_cell
from course_staff.grading.limits import Cgroup, Limits
from course_staff.grading.prepare import prepare
from course_staff.grading.sandbox import NoSandbox, Sandbox
from course_staff.grading.wire import Disconnected, LimitExceeded
from course_staff.paths import CourseError
from tests.grading.attacks.test_found import DOUBLE, NORM, Submit, mark
from tests.grading.conftest import MINI_LAB, MiniLab, make_lab

SMALL = Limits(memory_megabytes=1500, processes=40, cpu_seconds=60, file_megabytes=8, disk_megabytes=16)


@pytest.fixture
def caged(caged_launcher: Sandbox) -> Iterator[Connection]:
    connection = Sandbox(SMALL).start()
    yield connection
    connection.close()
    connection.place.end()


def says(connection: Connection, source: str, seconds: float = 20.0) -> str:
    """What a cell prints, and its error."""
    reply = run_cell(connection, source, seconds)
    return "".join(output.get("text", "") for output in reply["outputs"]) + (reply["error"] or "")


def points(lab: MiniLab, launcher: Sandbox, submission: Path) -> dict[str, float]:
    result = examine(prepare(lab.lab, lab.release, submission, "someone", seed=3), launcher)
    assert result.sandbox == "bubblewrap"
    return {name: verdict.points for name, verdict in result.verdicts.items()}


# Looking around


def test_a_mirror_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, caged_launcher: Sandbox) -> None:
    monkeypatch.setenv("COURSE_DATA_MIRROR", "/nowhere/at/all")
    with pytest.raises(CourseError, match="COURSE_DATA_MIRROR is '/nowhere/at/all'"):
        Sandbox().check()


def test_there_is_no_network(caged: Connection) -> None:
    assert "unreachable" in says(caged, "import socket; socket.create_connection(('192.0.2.1', 80), 2)")
    assert "['lo']" in says(caged, "import socket; print([name for _, name in socket.if_nameindex()])")


def test_nothing_of_the_checkout_and_of_its_user_is_there(caged: Connection) -> None:
    root = Path(__file__).parents[2]
    for path in (root / "solutions", root / "course_staff", root / "tests", Path.home() / ".ssh", Path("/etc/shadow")):
        assert "False" in says(caged, f"import os; print(os.path.exists({str(path)!r}))")
    assert "ModuleNotFoundError" in says(caged, "import course_staff.authoring")
    assert "COURSE_SEED" not in says(caged, "import os; print(dict(os.environ))")


def test_the_file_system_is_read_only(caged: Connection) -> None:
    import course_utils

    places = ["/", "/dev", "/etc", "/usr", "/course", "/course/code", sys.prefix,
              "/course/code/" + Path(course_utils.__file__).parent.name]
    said = says(caged, f"""
for place in {places!r}:
    try:
        open(place + "/planted", "w")
        print("WROTE", place)
    except OSError as error:
        print(type(error).__name__)
""")
    assert "WROTE" not in said and len(said.split()) == len(places), said


def test_only_its_own_processes_are_seen(caged: Connection) -> None:
    assert says(caged, "import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))").strip() == "[1, 2]"


def test_it_is_nobody_and_stays_so(caged: Connection) -> None:
    status = says(caged, "print(open('/proc/self/status').read())")
    assert all(f"Cap{kind}:\t0000000000000000" in status for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
    assert "NoNewPrivs:\t1" in status
    nested = "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))"
    assert says(caged, nested).strip() == "-1"
    assert "Permission" in says(caged, "open('/proc/sys/user/max_user_namespaces', 'w').write('9')")
    assert says(caged, "import os; print(os.getuid())").strip() != "0"
    inside = int(says(caged, "import os; print(os.getuid())"))
    assert psutil.Process(caged.pid).uids().real == inside != 0


def test_only_its_socket_is_open(caged: Connection) -> None:
    said = says(caged, """
import os
open_ones = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
print([os.readlink(path) for path in open_ones if os.path.lexists(path)])  # not the one that listed them
""")
    kinds = sorted(link.split(":")[0] for link in eval(said))
    assert kinds == ["/dev/null"] * 3 + ["socket"], said


def test_init_can_neither_be_ended_nor_looked_into(caged: Connection) -> None:
    said = says(caged, """
import os, signal
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT):
    os.kill(1, number)
for name in ("mem", "environ", "fd"):
    try:
        os.listdir("/proc/1/fd") if name == "fd" else open(f"/proc/1/{name}", "rb").read(1)
        print("LOOKED", name)
    except OSError as error:
        print(type(error).__name__)
""")
    assert "LOOKED" not in said and said.count("PermissionError") == 3
    time.sleep(0.2)
    assert "still" in says(caged, "print('still')")


# Using things up


def test_one_process_that_takes_too_much_memory_is_told_so(caged: Connection) -> None:
    assert "MemoryError" in says(caged, "x = bytearray(5 * 2**30)")
    assert "still" in says(caged, "print('still')")


HOARD = """
import os, time
for _ in range(6):
    if not os.fork():
        x = bytearray(500 * 2**20)
        time.sleep(60)
        os._exit(0)
x = bytearray(900 * 2**20)
time.sleep(60)
"""


@pytest.mark.parametrize("grouped", [True, False], ids=["control group", "watcher"])
def test_memory_is_counted_for_all_processes_together(caged_launcher: Sandbox, monkeypatch: pytest.MonkeyPatch,
                                                      grouped: bool) -> None:
    if not grouped:
        monkeypatch.setattr(Cgroup, "make", classmethod(lambda cls, limits: None))
    connection = Sandbox(SMALL).start()
    if grouped and connection.place.cgroup is None:
        pytest.skip("this user may not make control groups")
    try:
        with pytest.raises(LimitExceeded, match="more than 1,500 MB of memory"):
            run_cell(connection, HOARD, 60)
    finally:
        connection.close()
        connection.place.end()


def test_a_fork_bomb_is_small_and_ends(caged: Connection) -> None:
    said = says(caged, """
import os, time
started = 0
try:
    while started < 500:
        if not os.fork():
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(1)
        started += 1
except OSError:
    print("stopped")
""")
    assert "stopped" in said
    inside = processes.descendants(caged.place.init)
    assert 10 < len(inside) <= SMALL.processes
    caged.close()
    caged.place.end()
    assert not any(psutil.pid_exists(pid) for pid in inside)


def test_a_process_that_detaches_itself_ends_with_its_test(caged: Connection) -> None:
    says(caged, """
import os, signal, time
if not os.fork():
    os.setsid()
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    if not os.fork():
        time.sleep(600)
    os._exit(0)
time.sleep(0.3)
""")
    detached = [pid for pid in processes.descendants(caged.place.init) if pid != caged.pid]
    assert detached
    caged.place.kill_all_but({caged.pid})
    assert not [pid for pid in detached if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert "still" in says(caged, "print('still')")


def test_the_disk_is_small(caged: Connection) -> None:
    said = says(caged, """
import os
for folder in ("/tmp", "/dev/shm"):
    try:
        for number in range(100):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(bytes(2**20))
    except OSError as error:
        print(folder, number, error.strerror)
open("/tmp/home/large", "wb").write(bytes(9 * 2**20))
""")
    assert said.count("No space left") >= 2, said


def test_a_file_is_not_larger_than_allowed(caged: Connection) -> None:
    said = says(caged, "f = open('/tmp/large', 'wb')\nfor _ in range(12): f.write(bytes(2**20))\nf.flush()")
    assert "File too large" in said


def test_processor_time_is_counted_for_all_processes_together(caged_launcher: Sandbox) -> None:
    connection = Sandbox(Limits(cpu_seconds=3)).start()
    try:
        with pytest.raises((LimitExceeded, Disconnected), match="processor time|ended"):
            run_cell(connection, "import os\nos.fork(); os.fork()\nwhile True: pass", 60)
    finally:
        connection.close()
        connection.place.end()
    assert connection.place.cpu < 20


# What the next one finds

POISON = """
import os, sys, pathlib, builtins, torch, numpy
for folder in ("/tmp", "/tmp/home", "/tmp/work", "/dev/shm", "/tmp/home/ipython", "/tmp/home/.config"):
    for name in ("planted", "sitecustomize.py", "numpy.py", "startup.py"):
        try:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
            pathlib.Path(folder, name).write_text("raise SystemExit('planted')")
        except OSError:
            pass
torch.allclose = numpy.allclose = lambda *a, **k: True
builtins.planted = torch.planted = sys.planted = True
os.environ["PLANTED"] = "1"
os.umask(0)
import ctypes
shared = ctypes.CDLL(None).shmget(4242, 4096, 0o1666)
print("shared", shared)
import socket
name = socket.socket(socket.AF_UNIX)
name.bind("\\0planted")
name.listen()
keep = os.fork()
if not keep:
    os.setsid()
    import time
    time.sleep(600)
"""
FOUND = """
import os, sys, builtins, socket, ctypes, torch, numpy
print("files", [p for f in ("/tmp", "/tmp/home", "/tmp/work", "/dev/shm") for p in os.listdir(f) if p not in ("home", "work")])
print("memory", hasattr(builtins, "planted"), hasattr(torch, "planted"), hasattr(sys, "planted"))
print("patched", bool(torch.allclose(torch.zeros(1), torch.ones(1))), numpy.allclose(0, 1))
print("environment", os.environ.get("PLANTED"), oct(os.umask(0o22)))
print("segment", ctypes.CDLL(None).shmget(4242, 4096, 0))
try:
    socket.socket(socket.AF_UNIX).connect("\\0planted")
    print("socket reached")
except OSError:
    print("socket gone")
print("processes", [int(p) for p in os.listdir("/proc") if p.isdigit()])
"""
NOTHING = """files []
memory False False False
patched False False
environment None 0o22
segment -1
socket gone
processes [1, 2]
"""


@pytest.mark.parametrize("together", [False, True], ids=["after", "beside"])
def test_nothing_of_one_candidate_reaches_the_next(caged_launcher: Sandbox, together: bool) -> None:
    first = caged_launcher.start()
    assert "shared -1" not in says(first, POISON)
    if not together:
        first.close()
        first.place.end()
    second = caged_launcher.start()
    try:
        assert says(second, FOUND) == NOTHING
    finally:
        for connection in (first, second):
            connection.close()
            connection.place.end()


def test_nothing_is_left_behind(caged_launcher: Sandbox) -> None:
    before = set(psutil.pids())
    connection = caged_launcher.start()
    group = connection.place.cgroup
    folders = list(group.folders.values()) if group else []
    says(connection, "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)")
    inside = [psutil.Process(pid) for pid in
              (connection.place.init, *processes.descendants(connection.place.init))]
    assert len(inside) >= 3
    connection.close()
    connection.place.end()
    assert not psutil.wait_procs(inside, timeout=10)[1], "ended, and taken off the list of processes soon after"
    assert not any(folder.exists() for folder in folders)
    assert not [pid for pid in set(psutil.pids()) - before
                if psutil.pid_exists(pid) and "sleep" in psutil.Process(pid).name()]


def test_the_sandbox_ends_with_its_worker() -> None:
    worker = subprocess.Popen([sys.executable, "-c", """
import sys, time
from course_staff.grading.examine import run_cell
from course_staff.grading.sandbox import Sandbox
from course_staff.grading.warm import zygote
connection = Sandbox().start()
run_cell(connection, "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)", 20)
print(connection.place.init, zygote().process.pid, flush=True)
time.sleep(600)
"""], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    init, outer = map(int, worker.stdout.readline().split())
    inside = [outer, init, *processes.descendants(outer), *processes.descendants(init)]
    assert len(inside) >= 5
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 20
    while any(map(psutil.pid_exists, inside)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in inside if psutil.pid_exists(pid)]


@pytest.fixture
def machine(caged_launcher: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[warm.Zygote]:
    """The machine's warm process, as the grader starts it. Workers find the functions of this file."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    with warm.shared(()):
        assert warm._given is not None
        yield warm._given
    assert warm.given() is None


def test_one_warm_process_serves_the_workers_of_a_machine(machine: warm.Zygote) -> None:
    """Each in its own process, as it is in grading, with its own count of processes, and none sees the other."""
    with pool.local(2) as workers:
        both = [workers.submit(hold_all, number) for number in range(2)]
        said = [future.result(timeout=300) for future in both]
    assert len({outer for outer, _ in said}) == 2, "two workers"
    for _, (held, own) in said:
        assert held in range(SMALL.processes - 10, SMALL.processes + 1) and own <= SMALL.processes + 1
    assert machine.lives() and len(processes.descendants(machine.process.pid)) <= 2


def hold_all(number: int) -> tuple[int, list[int]]:
    """In a worker: take all processes that a candidate may have, while another one does the same."""
    connection = Sandbox(SMALL).start()
    try:
        said = says(connection, """
import os, subprocess, time
held = []
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    try:
        held.append(subprocess.Popen(["sleep", "600"]))
    except OSError:
        break
time.sleep(3)  # the other one is as far by now
print([len(held), sum(name.isdigit() for name in os.listdir("/proc"))])
""", 60)
        return os.getpid(), ast.literal_eval(said)
    finally:
        connection.close()
        connection.place.end()


def test_a_worker_that_is_killed_takes_its_candidates_with_it_and_no_other_s(machine: warm.Zygote) -> None:
    mine = Sandbox(SMALL).start()
    with pool.local(1) as workers:
        init = workers.submit(leave_something).result(timeout=300)
        theirs = [init, *processes.descendants(init)]
        assert len(theirs) >= 3
        for worker in list(workers._processes.values()):
            worker.kill()
        assert not psutil.wait_procs([psutil.Process(pid) for pid in theirs if psutil.pid_exists(pid)], timeout=20)[1]
    assert "alive" in says(mine, "print('alive')") and machine.lives()
    mine.close()
    mine.place.end()


def leave_something() -> int:
    """In a worker: a candidate that ignores signals and has a process of its own session; nobody ends it."""
    connection = Sandbox(SMALL).start()
    says(connection, "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                     "subprocess.Popen(['sleep', '600'], start_new_session=True)")
    kept.append(connection)
    return connection.place.init


kept: list[Connection] = []


def test_a_worker_whose_machine_lost_its_warm_process_starts_its_own(machine: warm.Zygote) -> None:
    connection = Sandbox(SMALL).start()
    machine.process.kill()
    machine.process.wait()
    with pytest.raises(Disconnected):
        says(connection, "1")
    connection.place.end()
    deadline = time.monotonic() + 20  # it dies with bubblewrap's first process, a moment later
    while machine.lives() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not machine.lives()
    other = Sandbox(SMALL).start()
    assert "2" in says(other, "print(1 + 1)")
    other.close()
    other.place.end()


@pytest.mark.parametrize("release", ["5.13.9-200.fc34", "4.19.0+", "no version"])
def test_where_the_kernel_counts_all_together_each_worker_has_its_own(monkeypatch: pytest.MonkeyPatch,
                                                                     release: str) -> None:
    monkeypatch.setattr(warm.os, "uname", lambda: SimpleNamespace(release=release))
    with warm.shared(()):
        assert warm.given() is None


def test_a_warm_process_that_cannot_start_says_why(caged_launcher: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with warm.shared(("no_such_package",)), pytest.raises(Disconnected, match="no_such_package"):
        Sandbox(SMALL).start()


# Marks


def test_a_submission_is_marked_in_it(mini: MiniLab, caged_launcher: Sandbox, hand_in: Submit) -> None:
    assert points(mini, caged_launcher, hand_in(double=DOUBLE, norm=NORM)) == {"double": 2, "norm": 3}
    assert points(mini, caged_launcher, hand_in(double=DOUBLE)) == {"double": 2, "norm": 0}


# As the mini lab, but nothing calls the answers but their tests, and these do not wait long.
QUICK_LAB = MINI_LAB.split("# %%\nprint(")[0].replace("points=2", "points=2 seconds=2").replace("seconds=3", "seconds=2")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, warm: Connection) -> MiniLab:
    return make_lab(tmp_path_factory.mktemp("quick"), "90_mini", QUICK_LAB, warm)


LOST_ALONE: dict[str, str] = {
    "an endless loop": "while True: pass",
    "an exit": "import os; os._exit(0)",
    "a segmentation fault": "import ctypes; ctypes.string_at(0)",
    "more memory than there is": "return [bytearray(2**28) for _ in range(100)]",
    "memory of many processes": (
        "import os, time\n    for _ in range(12):\n        if not os.fork():\n            y = bytearray(2**29)\n"
        "            time.sleep(99)\n    time.sleep(99)"),
    "a fork bomb": "import os\n    while True:\n        try: os.fork()\n        except OSError: pass",
    "a killed group": "import os, signal; os.kill(-1, signal.SIGKILL)",
}


@pytest.mark.parametrize("body", LOST_ALONE.values(), ids=LOST_ALONE.keys())
def test_what_one_answer_uses_up_costs_no_other(quick: MiniLab, caged_launcher: Sandbox, tmp_path: Path,
                                                body: str) -> None:
    quick.launcher = caged_launcher
    # In the first exercise, whose test runs before the other's.
    result = mark(quick, tmp_path, double=f"def double(x):\n    {body}", norm=NORM)
    verdicts = result.verdicts
    assert verdicts["double"].points == 0 and verdicts["norm"].points == 3, (verdicts, result.flags)


# Machines without


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match="bubblewrap.*not installed"):
        Sandbox().check()


def test_a_machine_without_namespaces_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.owner() == Path("/proc/self").owner():
            folder.chmod(folder.stat().st_mode | 0o055) if folder.is_relative_to("/tmp/pytest-of-root") else None
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    with pytest.raises(NoSandbox, match="No sandbox on this machine.*denied"):
        Sandbox().check()


def test_a_folder_that_every_candidate_would_see_is_refused() -> None:
    shown = sandbox._sources()[0]
    with pytest.raises(NoSandbox, match="move it elsewhere"):
        Sandbox(hidden=(shown / "submitted",)).check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users to become")
def test_root_becomes_somebody_else(caged: Connection) -> None:
    assert psutil.Process(caged.pid).uids().real >= sandbox.FIRST_USER
    assert psutil.Process(caged.place.init).uids().real >= sandbox.FIRST_USER


def test_an_environment_that_candidates_could_not_see_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_sources", lambda: [Path("/tmp/checkout/.venv")])
    with pytest.raises(NoSandbox, match=r"/tmp/checkout/.venv lies in /tmp, .* elsewhere"):
        Sandbox().check()
