"""Examinations on the workers of a Dask cluster. The marks are recorded by this process alone, as with local workers.

Workers need this package in the same version, and the sandbox; they need no part of the course directory. A job holds
what is examined, a result all that came of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from course_staff.grading.launch import Launcher
from course_staff.grading.store import machinery
from course_staff.paths import CourseError

CONNECT_SECONDS = 30
WORKER_SECONDS = 300  # until the first worker is there: a batch system may have to start one
# Jobs under way at least: enough for a cluster that grows with its work to see that there is some.
AT_LEAST = 32


def cluster(address: str, launcher: Launcher) -> Callable[[int], AbstractContextManager[Executor]]:
    """What makes an executor on the scheduler at `address`, for `pool.examine_all`.

    Raises CourseError, then or when it is used: without the package `distributed`, where nothing answers, where no
    worker comes, and where a worker has other code than this process or no sandbox.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise CourseError("--cluster needs the package `distributed`: pip install 'deep-learning-course[cluster]'.") \
            from None
    return partial(_executor, address, launcher)


@contextmanager
def _executor(address: str, launcher: Launcher, workers: int) -> Iterator[Executor]:
    import distributed

    # Dask reports each lost worker with a traceback; what matters of it comes back as the error of a job.
    for name in ("distributed.client", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {address}: {error}. What is done is kept: start it and run "
                          "the same command again.") from None
    try:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise CourseError(f"The scheduler at {address} has had no worker for {WORKER_SECONDS} s.") from None
        unfit = {worker: reason for worker, reason in client.run(unfit_for, launcher, machinery()).items() if reason}
        if unfit:
            raise CourseError("\n".join(f"The worker {worker} cannot examine: {reason}"
                                        for worker, reason in unfit.items()))
        # Each job is one examination, also where two of them are equal: no caching on the cluster.
        yield client.get_executor(pure=False)
    finally:
        # Jobs that wait are forgotten with the client; one under way ends on its worker, and nobody asks for it.
        client.close(timeout=CONNECT_SECONDS)


def unfit_for(launcher: Launcher, code: str) -> str:
    """On a worker: why it cannot examine, or "". code: the coordinating process's `machinery()`."""
    if machinery() != code:
        return "its course_utils, course_staff or packages are of other versions than those of `course grade`."
    try:
        launcher.check()
    except CourseError as error:
        return str(error)
    return ""
