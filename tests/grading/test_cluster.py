"""Grading on a Dask cluster: several workers on this machine, of which one dies, and clusters that cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from course_staff.grading import cluster, run, store
from course_staff.grading.cluster import AT_LEAST
from course_staff.grading.launch import PlainProcess
from course_staff.grading.pool import Task, examine_all
from course_staff.grading.prepare import prepare
from course_staff.grading.run import Settings
from course_staff.grading.sandbox import Sandbox
from course_staff.paths import CourseError
from tests.grading.test_run import NAME, jobs_of, paper, put

STUDENTS = [f"s{number:02}" for number in range(12)]

EXAMINER = """
import os, threading, time
from pathlib import Path
from course_staff.grading.job import Result, Verdict

LOG = Path(os.environ["CLUSTER_LOG"])

class Nothing:
    name = "none"
    def check(self): pass

class Unfit(Nothing):
    def check(self):
        from course_staff.paths import CourseError
        raise CourseError("no bubblewrap here")

def note(word, job):
    with open(LOG, "a") as log:
        log.write(f"{word} {job.student} {os.getpid()} {threading.get_ident()}\\n")

def examiner(job, launcher):
    note("begin", job)
    time.sleep(0.3)
    if job.student == os.environ.get("POISON"):
        os._exit(9)
    points = 2.0 * (int(job.student[1:]) % 2)
    note("end", job)
    return Result(job.lab, job.student, {"double": Verdict("double", "passed" if points else "failed", points, 2.0),
                                         "norm": Verdict("norm", "passed", 3.0, 3.0)}, key=job.key, seed=job.seed)
"""


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen] = []
        self.scheduler = self.start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        while not self.file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, program: str, *words: str) -> subprocess.Popen:
        log = (self.folder / f"{len(self.processes)}.log").open("wb")
        process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self.file),
                                    *words], stdout=log, stderr=log, env=self.environment, cwd=self.folder)
        self.processes.append(process)
        return process

    def worker(self, threads: int = 1) -> subprocess.Popen:
        return self.start("dask_worker", "--no-nanny", "--no-dashboard", "--nthreads", str(threads), "--host", "127.0.0.1",
                          "--death-timeout", "60")

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The examiner of these tests, in a module that workers can import."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "cluster_examiner.py").write_text(textwrap.dedent(EXAMINER))
    monkeypatch.setenv("CLUSTER_LOG", str(tmp_path / "log"))
    monkeypatch.syspath_prepend(tmp_path / "code")
    import cluster_examiner  # type: ignore[import-not-found]

    yield cluster_examiner
    del sys.modules["cluster_examiner"]


@pytest.fixture
def started(tmp_path: Path, code: Any) -> Iterator[Callable[..., Cluster]]:
    """Start a cluster with these environment variables for its processes."""
    clusters = []

    def start(**variables: str) -> Cluster:
        path = os.pathsep.join([str(tmp_path / "code"), str(Path(run.__file__).parents[2])])
        folder = tmp_path / "cluster"
        folder.mkdir()
        clusters.append(Cluster(folder, {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables}))
        return clusters[-1]

    yield start
    for each in clusters:
        each.end()


def on(address: str, mini: Any, directory: Path, code: Any) -> Settings:
    return run.on_cluster(Settings(seed=11, launcher=code.Nothing(), examiner=code.examiner), address, mini.course, directory)


def events(tmp_path: Path, word: str) -> list[list[str]]:
    log = tmp_path / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1:] for line in lines if line.startswith(word + " ")]


def test_a_class_on_three_workers_of_which_one_is_killed(mini: Any, tmp_path: Path, code: Any,
                                                         started: Callable[..., Cluster]) -> None:
    whole, directory = tmp_path / "whole", tmp_path / "class"
    for folder in (whole, directory):
        for student in STUDENTS:
            put(folder, student, mini.release)
    local = Settings(jobs=1, seed=11, launcher=code.Nothing(), examiner=code.examiner)
    expected = run.mark(mini.course, whole, NAME, local, paper())
    (tmp_path / "log").unlink()
    tested = started()
    workers = [tested.worker(), tested.worker(), tested.worker(threads=2)]
    victim = workers[0]

    def kill() -> None:
        while not any(int(pid) == victim.pid for _, pid, _ in events(tmp_path, "begin")):
            time.sleep(0.01)
        victim.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    rows = run.mark(mini.course, directory, NAME, on(tested.address, mini, directory, code), paper())
    killer.join(10)
    assert victim.poll() == -signal.SIGKILL
    assert rows == expected and all(row.standing is not None for row in rows)
    assert (directory / "grades.csv").read_text() == (whole / "grades.csv").read_text()
    assert {student for student, _, _ in events(tmp_path, "end")} == set(STUDENTS)
    begun = [student for student, pid, _ in events(tmp_path, "begin") if int(pid) == victim.pid]
    ended = {student: int(pid) for student, pid, _ in events(tmp_path, "end")}
    assert ended[begun[-1]] in (workers[1].pid, workers[2].pid), "another worker has taken over what died"
    # A worker with two threads examines one at a time.
    of_two = [line.split() for line in (tmp_path / "log").read_text().splitlines() if f" {workers[2].pid} " in line]
    assert of_two and [word for word, *_ in of_two] == ["begin", "end"] * (len(of_two) // 2)
    # Nothing was written by the workers: the coordinating process keeps the results, and a second run needs no cluster.
    assert len(list((directory / run.RESULTS / NAME).iterdir())) == len(STUDENTS)
    tested.end()
    assert run.mark(mini.course, directory, NAME, on(tested.address, mini, directory, code), paper()) == rows


def test_a_job_that_kills_its_workers_is_reported_and_costs_nobody_else(code: Any, started: Callable[..., Cluster]) -> None:
    tested = started(POISON="s03", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
    for _ in range(4):
        tested.worker()
    task = Task(code.Nothing(), None, code.examiner, store.machinery())
    outcomes = {outcome.student: outcome for outcome in
                examine_all(jobs_of(*STUDENTS[:6]), task, AT_LEAST, cluster.cluster(tested.address, code.Nothing()))}
    assert set(outcomes) == set(STUDENTS[:6])
    poison = outcomes.pop("s03")
    assert poison.result is None and poison.our_fault and "KilledWorker" in poison.reason
    assert all(outcome.result is not None for outcome in outcomes.values())
    assert sum(process.poll() is None for process in tested.processes[1:]) == 2


def test_a_cluster_that_cannot_be_used_is_one_clear_error(mini: Any, tmp_path: Path, code: Any, monkeypatch: pytest.MonkeyPatch,
                                                          started: Callable[..., Cluster]) -> None:
    put(tmp_path / "class", "s01", mini.release)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 2)
    with pytest.raises(CourseError, match="No Dask scheduler answers at tcp://127.0.0.1:1"):
        run.mark(mini.course, tmp_path / "class", NAME, on("tcp://127.0.0.1:1", mini, tmp_path / "class", code), paper())
    with pytest.raises(CourseError, match="No Dask scheduler answers"):
        run.mark(mini.course, tmp_path / "class", NAME, on("no address", mini, tmp_path / "class", code), paper())
    tested = started()
    with pytest.raises(CourseError, match="no worker for 2 s"):
        run.mark(mini.course, tmp_path / "class", NAME, on(tested.address, mini, tmp_path / "class", code), paper())
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 30)
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 60)
    tested.worker()
    unfit = cluster.cluster(tested.address, code.Unfit())
    with pytest.raises(CourseError, match="cannot examine: no bubblewrap here"), unfit(1):
        pass
    monkeypatch.setattr(cluster, "machinery", lambda: "another version")
    with pytest.raises(CourseError, match="of other versions"), cluster.cluster(tested.address, PlainProcess())(1):
        pass
    assert not events(tmp_path, "begin")


def test_candidates_are_caged_on_a_worker(hand_in: Callable[..., Path], mini: Any, caged_launcher: Sandbox,
                                          started: Callable[..., Cluster]) -> None:
    tested = started()
    tested.worker()
    file = hand_in(double="import socket\ndef double(x):\n    return 2 * x",
                   norm="def norm(x):\n    return float(len(open('/etc/shadow').read()))")
    job = prepare(mini.lab, mini.release, file, "anna", 0)
    task = Task(caged_launcher, code=store.machinery())
    (outcome,) = examine_all([job], task, AT_LEAST, cluster.cluster(tested.address, caged_launcher))
    assert outcome.result is not None, outcome.reason
    verdicts = outcome.result.verdicts
    assert outcome.result.sandbox == "bubblewrap"
    assert verdicts["double"].points == 2 and verdicts["norm"].points == 0 and "/etc/shadow" in verdicts["norm"].message


def test_a_task_of_another_version_is_refused_where_it_would_run(code: Any) -> None:
    task = Task(code.Nothing(), None, code.examiner, "another version")
    with pytest.raises(RuntimeError, match="other versions"):
        task(jobs_of("s01")[0])
