"""Every attack through the real engine in the real sandbox: nothing unearned, nothing lost, leaked or left behind."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_staff.grading import prepare, processes, sanitise, warm
from course_staff.grading.connection import Connection
from course_staff.grading.job import Result
from course_staff.grading.limits import Limits
from course_staff.grading.notebook import autograded
from course_staff.grading.sandbox import Sandbox
from tests.grading.attacks import lab
from tests.grading.attacks.cases import ATTACKS, FAMILIES, HONEST
from tests.grading.attacks.lab import CANARY, NAME, POINTS, Attack, Ground

CELL_SECONDS = 3.0  # a minute, for the notebooks of a course
AFTER = [Attack(f"an honest student after {family}", family) for family in FAMILIES]
IN_TURN = [case for family, after in zip(FAMILIES, AFTER, strict=True)
           for case in (*(attack for attack in ATTACKS if attack.family == family), after)]


@pytest.fixture(scope="module")
def listener() -> Iterator[list[str]]:
    """Somebody on this machine whom a candidate could call. Gives: who was called."""
    called: list[str] = []
    port, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0attacked-{os.getpid()}")
    abstract.listen()

    def listen(server: socket.socket) -> None:
        try:
            while True:
                server.accept()
                called.append(str(server.getsockname()))
        except OSError:
            return

    for server in (port, abstract):
        threading.Thread(target=listen, args=(server,), daemon=True).start()
    called.append(str(port.getsockname()[1]))
    yield called
    port.close()
    abstract.close()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, listener: list[str]) -> Ground:
    ground = Ground.make(tmp_path_factory.mktemp("attacked"))
    ground.filled |= {"@PORT@": listener.pop(), "@ABSTRACT@": f"attacked-{os.getpid()}"}
    return ground


@pytest.fixture(scope="module")
def zygote(caged_launcher: Sandbox) -> int:
    """The number of the warm process's bubblewrap, when the first attack begins."""
    return warm.zygote().process.pid


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "RUN_SECONDS", CELL_SECONDS)


def files(ground: Ground) -> dict[str, bytes]:
    root = Path(ground.filled["@CLASS@"]).parent
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def planted() -> list[Path]:
    """What attacks left in places that they try."""
    root = Path(__file__).parents[3]
    places = [Path(place) for place in ("/", "/etc", "/usr/lib", "/dev", "/dev/shm", "/var/tmp", "/root", "/home", "/run",
                                        "/tmp")]
    places += [root, root / "solutions", Path.cwd(), Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix)]
    places += [Path(folder) for folder in sys.path if "packages" in folder]
    return [path for place in places if os.access(place, os.R_OK) and place.is_dir()
            for path in place.iterdir() if path.name.startswith("planted")]


def assert_marked(attack: Attack, result: Result) -> None:
    verdicts = {name: (verdict.points, verdict.status, verdict.message) for name, verdict in result.verdicts.items()}
    points = {name: verdict.points for name, verdict in result.verdicts.items()}
    assert points == {name: 0.0 if name in attack.costs else full for name, full in POINTS.items()}, \
        (verdicts, result.flags)
    assert result.max_points == sum(POINTS.values())
    if attack.flagged:
        assert any(attack.flagged in flag for flag in result.flags), (verdicts, result.flags)


def assert_nothing_leaked(attack: Attack, text: str) -> None:
    if CANARY not in str(attack.answers):
        assert CANARY not in text
    assert not [digits for digits in lab.hidden_inputs() if digits in text], "a hidden input is told"
    for unseen in attack.unseen:
        assert unseen not in text, unseen
    for shown in attack.shown:
        assert shown in text, shown


def assert_harmless(attack: Attack, page: Any) -> None:
    """About what formgrader and the feedback show."""
    text = json.dumps(page, ensure_ascii=False)
    assert len(text) < 20 * 2**20 and not set(text) & set("\u202e\u2028") and "\\u001b" not in text
    # A source is shown as code, so it may say anything.
    told = [page.metadata, *([cell.outputs] if cell.cell_type == "code" else [cell.source, cell.get("attachments")]
                             for cell in page.cells)]
    text = json.dumps(told, ensure_ascii=False)
    for unwritten in attack.unwritten:
        assert unwritten not in text, unwritten


def assert_alone(zygote: int) -> None:
    """Nothing runs in the sandbox but bubblewrap and the warm process. What has ended may wait a moment to be reaped."""
    deadline = time.monotonic() + 5
    while len(inside := processes.descendants(zygote)) > 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(inside) <= 2, [psutil.Process(pid).cmdline() for pid in inside]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("attack", [*IN_TURN, *HONEST], ids=lambda attack: attack.name)
def test_it_gets_what_it_deserves(ground: Ground, caged_launcher: Sandbox, zygote: int, listener: list[str],
                                  tmp_path: Path, attack: Attack) -> None:
    submission = ground.write(attack, tmp_path / f"{NAME}.ipynb")
    before = files(ground)
    if attack.refused:
        memory = psutil.Process().memory_info().rss
        with pytest.raises(prepare.Unreadable, match=attack.refused):
            ground.mark(submission, caged_launcher)
        assert psutil.Process().memory_info().rss < memory + 2**30
        return
    result = ground.mark(submission, caged_launcher)
    assert_marked(attack, result)
    text = json.dumps(dataclasses.asdict(result), ensure_ascii=False)
    assert_nothing_leaked(attack, text)
    assert max(map(len, result.flags), default=0) < 1000 and len(text) < 60 * 2**20
    job = prepare.prepare(ground.lab, ground.course.release(NAME), submission, "mallory", lab.SEED)
    assert_harmless(attack, autograded(ground.lab, ground.course.release(NAME), job, result,
                                       sanitise.of_cells(result.outputs)))
    # Nothing is left behind.
    assert files(ground) == before and not planted() and not listener
    assert warm.zygote().process.pid == zygote, "the warm process was reached"
    assert_alone(zygote)


def test_the_suite_is_as_large_as_it_is_said_to_be() -> None:
    names = [case.name for case in (*ATTACKS, *HONEST)]
    assert len(names) == len(set(names)) and len(ATTACKS) >= 40 and len(HONEST) >= 20


class Spent:
    """A sandbox in which the first candidate has used up the processor time of its submission."""

    name, started = "bubblewrap", False

    def check(self) -> None: ...

    def start(self, cpu_used: float = 0.0) -> Connection:
        limits = Limits()
        used = limits.cpu_seconds + 1.0 if self.started else 0.0
        self.started = True
        return Sandbox(limits).start(used)


@pytest.mark.usefixtures("quick", "caged_launcher")
def test_processor_time_that_is_used_up_is_no_failure_of_ours(ground: Ground, tmp_path: Path) -> None:
    attack = Attack("all processor time", "", {"norm": "import os; os._exit(0)"})
    result = ground.mark(ground.write(attack, tmp_path / f"{NAME}.ipynb"), Spent())
    verdicts = {name: verdict.status for name, verdict in result.verdicts.items()}
    # The copy for the first test was put aside before.
    assert verdicts == {**dict.fromkeys(POINTS, "limit"), "double": "passed"}
    assert all("processor time" in verdict.message for verdict in result.verdicts.values() if verdict.points == 0)


@pytest.mark.usefixtures("quick")
def test_a_copy_that_dies_after_it_was_looked_at_is_begun_again(ground: Ground, caged_launcher: Sandbox, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at a copy and the question to it, another test's code may kill it."""
    monkeypatch.setattr(Connection, "lives", lambda self: True)
    attack = next(attack for attack in ATTACKS if attack.name == "kill -9 of everybody")
    assert_marked(attack, ground.mark(ground.write(attack, tmp_path / f"{NAME}.ipynb"), caged_launcher))
