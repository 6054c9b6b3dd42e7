"""Many examinations at once. Each worker is a process; students' code runs in none of them, but in candidates."""

from __future__ import annotations

import os
import platform
import threading
import time
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
from multiprocessing import get_context
from pathlib import Path

from course_staff.grading.examine import examine
from course_staff.grading.job import Job, Result
from course_staff.grading.launch import Launcher
from course_staff.grading.record import Outcome
from course_staff.grading.store import Store, machinery

Examiner = Callable[[Job, Launcher], Result]
# Examining uses process-wide state, and a worker of a cluster may have several threads.
_one_at_a_time = threading.Lock()
WAITING = 2  # jobs handed to a pool for each worker: enough that none waits, few enough to be held in memory


@dataclass(frozen=True)
class Task:
    """What a worker does with a job.

    results: the folder of the store, where the worker can write to it. code: `machinery()` of whoever asks; a worker
    with another one would mark by other rules.
    """

    launcher: Launcher
    results: Path | None = None
    examiner: Examiner = examine
    code: str = ""

    def __call__(self, job: Job) -> Result:
        """The result of a job, from the store where it is there: a scheduler may run a job twice."""
        if self.code and self.code != machinery():
            raise RuntimeError(f"{platform.node()} has other versions of the course or of its packages")
        store = Store(self.results) if self.results is not None and job.key else None
        found = store.get(job.key) if store else None
        if found is not None:
            return found
        with _one_at_a_time:
            result = self.examiner(job, self.launcher)
        if store:
            store.put(result)
        return result


def local(workers: int) -> ProcessPoolExecutor:
    """Processes of this machine. Examining uses process-wide state, so each worker is a process and takes one job."""
    # Inherited by the workers, which are the parallelism.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A fork would copy torch's locks in whatever state they are.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    """In a worker: end when the grader has been killed. A pool's worker would wait for its next job for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
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
