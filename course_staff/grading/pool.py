"""Many examinations at once. Each worker is a process; students' code runs in none of them, but in candidates."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import multiprocessing.forkserver
import os
import platform
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from course_staff.grading import warm
from course_staff.grading.job import Job, Outcome, Result
from course_staff.grading.launch import Launcher
from course_staff.grading.sandbox import Sandbox
from course_staff.grading.store import Store, machinery

Examiner = Callable[[Job, Launcher], Result]
# Examining uses process-wide state, and a worker of a cluster may have several threads.
_one_at_a_time = threading.Lock()
WAITING = 2  # jobs handed to a pool for each worker: enough that none waits, few enough to be held in memory


@dataclass(frozen=True)
class Task:
    """What a worker does with a job.

    results: the folder of the store, where the worker can write to it. examiner: None for `examine`. code:
    `machinery()` of whoever asks; a worker with another one would mark by other rules.
    """

    launcher: Launcher
    results: Path | None = None
    examiner: Examiner | None = None
    code: str = ""

    def __call__(self, job: Job) -> Result:
        """The result of a job, from the store where it is there: a scheduler may run a job twice."""
        if self.code and self.code != machinery():
            raise RuntimeError(f"{platform.node()} has other versions of the course or of its packages")
        store = Store(self.results) if self.results is not None and job.key else None
        found = store.get(job.key) if store else None
        if found is not None:
            return found
        # Imported here, because the process that hands out the jobs does without torch.
        from course_staff.grading.examine import examine

        with _one_at_a_time:
            result = (self.examiner or examine)(job, self.launcher)
        if store:
            store.put(result)
        return result


def local(workers: int) -> ProcessPoolExecutor:
    """Processes of this machine. Examining uses process-wide state, so each worker is a process and takes one job."""
    return ProcessPoolExecutor(workers, mp_context=_context(), initializer=_begin,
                               initargs=(dict(os.environ), warm.given()))


@contextlib.contextmanager
def started_early(launcher: Launcher) -> Iterator[None]:
    """Begin with what workers import and with what they fork, for seconds, while this process does other things."""
    if _context().get_start_method() == "forkserver":
        multiprocessing.forkserver.ensure_running()
    with warm.shared(launcher.warm) if isinstance(launcher, Sandbox) else contextlib.nullcontext():
        yield


def _context() -> multiprocessing.context.BaseContext:
    """How workers are made: not as forks of this process, which may have threads that hold locks."""
    # Inherited by the workers, which are the parallelism.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    # As forks of a process that has imported what they need, and has done nothing else.
    multiprocessing.set_forkserver_preload([
        "course_staff.grading.examine", "course_staff.grading.caged", "course_staff.grading.pool"])
    return multiprocessing.get_context("forkserver")


def _begin(environment: dict[str, str], control: socket.socket | None) -> None:
    """In a worker: its environment is that of the grader, and it ends when the grader has been killed.

    control: as `warm.given`.
    """
    os.environ.clear()
    os.environ.update(environment)
    warm.take(control)
    # A pool's worker would wait for its next job for ever.
    parent = multiprocessing.parent_process()

    def watch() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def examine_all(jobs: Iterable[Job], task: Task, workers: int,
                pool_of: Callable[[int], AbstractContextManager[Executor]] = local) -> Iterator[Outcome]:
    """The outcome of every job, in the order in which they end. `jobs` is taken from as workers become free.

    What fails in a worker is our failure: the job is tried once more, alone in a new pool, and then reported. It never
    becomes a zero. A worker that dies takes the other jobs of its pool with it; they are tried again as well.
    """
    source, suspects = iter(jobs), []
    following = next(source, None)
    while following is not None:
        with pool_of(workers) as pool:
            running: dict[Future[Result], Job] = {}
            broken = False
            while True:
                while following is not None and not broken and len(running) < WAITING * workers:
                    job, following = following, next(source, None)
                    try:
                        running[pool.submit(task, job)] = job
                    except BrokenExecutor:
                        suspects.append(job)
                        broken = True
                if not running:
                    break
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    try:
                        result = future.result()
                    except Exception as error:
                        if _given_up(error):
                            yield _failed(job, error)
                            continue
                        suspects.append(job)
                        # A scheduler that has gone away cancels what it was given.
                        broken = broken or isinstance(error, BrokenExecutor | CancelledError)
                    else:
                        yield Outcome(job.student, job, result)
    for job in suspects:
        with pool_of(1) as pool:
            try:
                result = pool.submit(task, job).result()
            except Exception as error:
                yield _failed(job, error)
            else:
                yield Outcome(job.student, job, result)


def _failed(job: Job, error: Exception) -> Outcome:
    reason = f"the examination failed twice on our side ({type(error).__name__}: {error})."
    return Outcome(job.student, reason=reason, our_fault=True)


def _given_up(error: Exception) -> bool:
    """Whether a cluster's scheduler has tried it already, on one worker after the other that died: `KilledWorker`."""
    return type(error).__name__ == "KilledWorker"
