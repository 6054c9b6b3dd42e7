"""The fresh process in which `course check` runs a notebook: a script that imports nothing of the course.

It reads one JSON object a line from standard input, {"source": …, "seconds": …}, runs the cell as a notebook would, and
answers with one line: {"seconds": …, "error": null or what was raised}. What the cells print is dropped.
"""

from __future__ import annotations

import _thread
import io
import json
import os
import signal
import sys
import threading
import time
import types
from typing import Any

MAX_TEXT = 2000  # characters kept of an error message


class _Sink(io.TextIOBase):
    """Standard output that keeps nothing: an endless print must not fill the memory."""

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def make_shell() -> Any:
    """An IPython shell that shows nothing."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Publisher(DisplayPublisher):
        def publish(self, *args: Any, **kwargs: Any) -> None:
            pass

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            pass

        def finish_displayhook(self) -> None:
            pass

    class Shell(InteractiveShell):
        display_pub_class = Type(Publisher)
        displayhook_class = Type(Hook)

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def _showtraceback(self, *args: Any) -> None:
            pass

    config = Config()
    config.HistoryManager.enabled = False
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # classes of the notebook say __main__, as in a kernel
    return Shell.instance(config=config, user_module=module)


class _Limit:
    """Interrupts the main thread when the time is up, as the stop button would."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self.timer = threading.Timer(seconds, self._interrupt)
        self.timer.daemon = True

    def _interrupt(self) -> None:
        self.over = True
        if hasattr(signal, "pthread_kill"):  # wakes a sleeping main thread, which interrupt_main does not
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()

    def __enter__(self) -> _Limit:
        self.timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.timer.cancel()


def run(shell: Any, source: str, seconds: float) -> dict[str, Any]:
    """Run one cell. Returns the answer that goes to the parent."""
    start = time.perf_counter()
    error: BaseException | None = None
    limit = _Limit(seconds)
    try:
        with limit:
            result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as raised:
        error = raised
    reply: dict[str, Any] = {"seconds": time.perf_counter() - start, "error": None}
    if error is not None:
        reply["error"] = {"kind": "limit"} if limit.over and isinstance(error, KeyboardInterrupt) else describe(error)
    return reply


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as data: kind is "unanswered", "check" or "error"."""
    ours = {cls.__name__ for cls in type(error).__mro__ if cls.__module__.startswith("course_utils.checks")}
    kind = "unanswered" if "Unanswered" in ours else "check" if "CheckFailed" in ours else "error"
    try:
        text = str(error)[:MAX_TEXT]
    except Exception:
        text = ""
    line = ""
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith("<ipython-input"):
            import linecache

            line = linecache.getline(step.tb_frame.f_code.co_filename, step.tb_lineno).strip() or line
        step = step.tb_next
    if isinstance(error, SyntaxError):
        line, text = (error.text or "").strip(), error.msg or text
    return {"kind": kind, "name": type(error).__name__, "text": text, "line": line,
            "missing": str(getattr(error, "name", "") or "") if isinstance(error, NameError) else ""}


def main(course_root: str) -> None:
    """Serve the parent until it closes its end."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)  # nobody is there to type
    os.dup2(null, 1)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    shell = make_shell()
    sys.path.insert(0, "")  # a kernel has the notebook's folder there, put in after its own imports
    sys.path.append(course_root)
    sys.stdout = sys.stderr = _Sink()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    replies.write("{}\n")
    replies.flush()
    for line in requests:
        request = json.loads(line)
        try:
            reply = run(shell, request["source"], request["seconds"])
        except KeyboardInterrupt:  # the limit struck just as the cell ended
            reply = {"seconds": request["seconds"], "error": {"kind": "limit"}}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main(sys.argv[1])
