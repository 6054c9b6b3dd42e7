"""The candidate: the process that runs the student's cells and answers the examiner's questions.

Untrusted from the first student cell on. It gets nothing secret: no tests, no solutions, no seed; it holds one end of a
socket pair. Everything here is for honest submissions to work well; nothing here is relied on for security.

Run as `python -m course_staff.grading.candidate FD`.
"""

from __future__ import annotations

import gc
import io
import operator
import os
import signal
import socket
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
import tqdm
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course_staff.grading.wire import Disconnected, Special, receive, send
from course_utils.checks.values import describe_type, plain
from course_utils.checks.world import gradients_here
from course_utils.training import seed_everything

MAX_TEXT = 200_000  # characters of output kept from one cell
MAX_PICTURE = 4_000_000  # characters of base64
MAX_SHOWN = 10_000_000  # characters that the outputs of one cell have in all
MAX_OUTPUTS = 100
MAX_ERROR_TEXT = 500

OPERATORS = {
    name: getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "neg",
        "pos",
        "abs",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "getitem",
    )
}


class _Bounded(io.TextIOBase):
    """A text stream that keeps the first MAX_TEXT characters, so that an endless print does not fill the memory."""

    def __init__(self, limit: int = MAX_TEXT) -> None:
        self.parts: list[str] = []
        self.left = limit

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.parts.append("\n… the rest of the output was dropped.\n")
        return len(text)

    def isatty(self) -> bool:
        return False

    def text(self) -> str:
        return "".join(self.parts)


class _Outputs(DisplayPublisher):
    """Collects what a cell displays."""

    def __init__(self) -> None:
        super().__init__()
        self.collected: list[dict] = []

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **kwargs: Any) -> None:
        if len(self.collected) < MAX_OUTPUTS:
            self.collected.append({"output_type": "display_data", "data": dict(data), "metadata": dict(metadata or {})})

    def clear_output(self, wait: bool = False) -> None:
        self.collected.clear()


class _Result(DisplayHook):
    """Collects the value of a cell's last expression."""

    outputs: _Outputs

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.outputs.publish(format_dict, md_dict)

    def finish_displayhook(self) -> None:
        pass


class _Shell(InteractiveShell):
    """IPython's shell without a terminal or a kernel around it."""

    def ask_exit(self) -> None:
        """`exit()` in a cell: there is nothing to leave."""

    def enable_gui(self, gui: Any = None) -> None:
        """`%matplotlib inline` asks for this; there is no event loop to join."""


class Candidate:
    """The student's namespace, and the examiner's hands in it."""

    connection: socket.socket

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.children: list[int] = []
        self.shell = self._make_shell()
        self.error: dict | None = None
        self.request = self.calls = 0

    def _make_shell(self) -> InteractiveShell:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.xmode = "Context"
        # Cutting a figure's margins off takes as long as drawing it; with the course's style it has none to speak of.
        config.InlineBackend.print_figure_kwargs = {"bbox_inches": None}
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module  # classes of the notebook say __main__, as in a kernel
        shell = _Shell.instance(config=config, user_module=module)
        shell._showtraceback = self._keep_error  # type: ignore[method-assign, assignment]
        return shell

    def _keep_error(self, kind: type, value: BaseException, traceback: list[str]) -> None:
        self.error = {
            "output_type": "error",
            "ename": kind.__name__,
            "evalue": str(value)[:MAX_ERROR_TEXT],
            "traceback": [line[:MAX_TEXT] for line in traceback],
        }

    def serve(self, connection: socket.socket) -> NoReturn:
        """Answer requests until the examiner is gone, then end this process."""
        try:
            self.connection = connection
            self._serve()
        except Disconnected:
            pass  # the examiner is done
        except BaseException:
            if os.environ.get("COURSE_CANDIDATE_LOG"):
                import traceback

                with open(os.environ["COURSE_CANDIDATE_LOG"], "a") as log:
                    traceback.print_exc(file=log)
            os._exit(1)
        os._exit(0)

    def _serve(self) -> None:
        actions: dict[str, Callable[[dict], Any]] = {
            "run": self.run,
            "names": self.names,
            "call": self.call,
            "attribute": self.attribute,
            "operator": self.operator,
            "gradients": self.gradients,
            "seed": self.seed,
            "fork": self.fork,
        }
        while True:
            self.slots: dict[int, Any] = {}
            request = receive(self.connection, special=self._special)
            if request.get("op") == "stop":
                return
            self.request = request["id"]
            reply = actions[request["op"]](request)
            self.calls += 1  # functions lent for this call die with it
            try:
                send(self.connection, {**reply, "id": self.request})
            except Exception as error:  # nothing was sent: a reply is encoded first, then sent
                send(self.connection, {"error": _error(error), "id": self.request})

    # Running cells

    def run(self, request: dict) -> dict:
        """Run one cell as a notebook would. Returns its outputs, in nbformat's form, and whether it raised."""
        self.error = None
        with self._captured() as (outputs, stdout, stderr):
            try:
                self.shell.run_cell(request["source"], store_history=True, silent=False)
            except BaseException as error:  # IPython lets SystemExit and its own failures through
                self._keep_error(type(error), error, [f"{type(error).__name__}: {error}"])
        collected: list[dict] = [
            {"output_type": "stream", "name": name, "text": stream.text()}
            for name, stream in (("stdout", stdout), ("stderr", stderr))
            if stream.parts
        ]
        left = MAX_SHOWN
        for output in map(_portable, outputs.collected):
            left -= sum(map(len, output["data"].values()))
            collected += [output] if left > 0 else []
        if self.error:
            collected.append(self.error)
        return {"outputs": collected, "error": self.error and f"{self.error['ename']}: {self.error['evalue']}"}

    @contextmanager
    def _captured(self) -> Iterator[tuple[_Outputs, _Bounded, _Bounded]]:
        shell, saved = self.shell, (sys.stdout, sys.stderr, self.shell.display_pub, sys.displayhook)
        outputs, stdout, stderr = _Outputs(), _Bounded(), _Bounded()
        hook = _Result(shell=shell)
        hook.outputs = outputs
        saved_hook, shell.displayhook = shell.displayhook, hook
        sys.stdout, sys.stderr, shell.display_pub = stdout, stderr, outputs
        try:
            yield outputs, stdout, stderr
        finally:
            sys.stdout, sys.stderr, shell.display_pub, sys.displayhook = saved
            shell.displayhook = saved_hook

    # Answering a test

    def names(self, request: dict) -> dict:
        """For each name: {"kind": "callable" | "data" | "missing", "value": …}."""
        namespace, answer = self.shell.user_ns, {}
        for name in request["names"]:
            if name not in namespace:
                answer[name] = {"kind": "missing"}
            elif callable(namespace[name]):
                answer[name] = {"kind": "callable"}
            else:
                answer[name] = {"kind": "data", "value": self._data(namespace[name], False)}
        return answer

    def call(self, request: dict) -> dict:
        """Call a function by name, or a method of an object."""
        if "handle" in request:
            function = (
                getattr(self.objects[request["handle"]], request["method"])
                if request["method"]
                else self.objects[request["handle"]]
            )
        else:
            function = self.shell.user_ns[request["name"]]
        return self._answer(lambda: function(*request["args"], **request["kwargs"]), request["objects"])

    def attribute(self, request: dict) -> dict:
        return self._answer(lambda: getattr(self.objects[request["handle"]], request["name"]), True)

    def operator(self, request: dict) -> dict:
        return self._answer(lambda: _Forced(OPERATORS[request["name"]](*request["args"])), True)

    def gradients(self, request: dict) -> dict:
        function = self.shell.user_ns[request["name"]]
        return self._answer(
            lambda: list(gradients_here(function, tuple(request["args"]), request["wrt"], request["weight"])), False
        )

    def seed(self, request: dict) -> dict:
        seed_everything(request["seed"])
        return {}

    def _answer(self, action: Callable[[], Any], objects: bool) -> dict:
        """The reply for a call: its value or its exception, and what became of the arguments that came as `inout`.

        What the code prints or shows meanwhile is dropped: it could carry the hidden inputs to the feedback.
        """
        with self._captured():
            try:
                value = self._data(action(), objects)
                reply: dict[str, Any] = {"value": value}
            except BaseException as error:
                reply = {"error": _error(error)}
            reply["slots"] = [[index, self._slot(value)] for index, value in self.slots.items()]
        return reply

    def _data(self, value: Any, objects: bool) -> Any:
        if type(value) is _Forced:
            return self._object(value.value)
        return plain(
            value, other=self._object if objects else lambda item: Special("opaque", describe_type(item)[:200])
        )

    def _object(self, value: Any) -> Special:
        number = len(self.objects)
        self.objects[number] = value
        return Special("handle", number)

    # Arguments that are not plain data

    def _special(self, tag: str, content: Any) -> Any:
        if tag == "handle":
            return self.objects[content]
        if tag == "callback":
            return self._callback(content)
        if tag == "slot":
            index, value, grad = content
            if isinstance(value, torch.Tensor) and grad is not None:
                value.grad = grad
            self.slots[index] = value
            return value
        if tag == "ref":
            return self.slots[content]
        raise ValueError(tag)

    def _callback(self, number: int) -> Callable[..., Any]:
        call = self.calls

        def callback(*args: Any, **kwargs: Any) -> Any:
            if call != self.calls:
                raise RuntimeError("this function was lent for one call only, and that call is over")
            send(
                self.connection,
                {
                    "id": self.request,
                    "callback": number,
                    "args": [plain(arg) for arg in args],
                    "kwargs": {key: plain(value) for key, value in kwargs.items()},
                },
            )
            reply = receive(self.connection)
            if "error" in reply:
                raise RuntimeError(reply["error"])
            return reply["value"]

        return callback

    def _slot(self, value: Any) -> Any:
        """What an `inout` argument holds now; other such arguments inside it are named, not copied."""
        numbers = {id(item): index for index, item in self.slots.items()}

        def child(item: Any) -> Any:
            if id(item) in numbers:
                return Special("ref", numbers[id(item)])
            return plain(item, other=lambda item: Special("opaque", describe_type(item)[:200]))

        if isinstance(value, torch.Tensor):
            return {"tensor": plain(value), "grad": plain(value.grad)}
        if isinstance(value, list):
            return {"list": [child(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": [[plain(key), child(item)] for key, item in value.items()]}
        return {"value": plain(value)}

    # Copies of this process: each test of a submission gets one, and each trial of `course verify`

    def fork(self, request: dict) -> dict:
        """Fork: the child serves the connection whose descriptor follows on the socket. Returns the child's pid."""
        for pid in list(self.children):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:  # the student's code waited for it
                ended = pid
            if ended:
                self.children.remove(pid)
        self.connection.settimeout(None)
        _, descriptors, _, _ = socket.recv_fds(self.connection, 1, 1)
        child = os.fork()
        if child:
            os.close(descriptors[0])
            self.children.append(child)
            return {"pid": child}
        os.setpgid(0, 0)
        self.connection.close()
        self.connection = socket.socket(fileno=descriptors[0])
        self.children.clear()
        return {"pid": os.getpid()}


class _Forced:
    """The result of an operator on an object: it stays an object, whatever it is."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _error(error: BaseException) -> dict:
    """An exception as data: the names of its classes, and its text, cut short."""
    try:
        text = str(error)[:MAX_ERROR_TEXT]
    except BaseException:
        text = ""
    return {
        "classes": [cls.__name__ for cls in type(error).__mro__ if cls is not object][:20],
        "text": text,
    }


def _portable(output: dict) -> dict:
    """A displayed output with its data as text: images come as base64 text or bytes."""
    import base64

    data = {}
    for mime, value in output["data"].items():
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        # The other kinds, HTML among them, are not shown to anybody.
        if mime in ("text/plain", "image/png") and isinstance(value, str) and len(value) < MAX_PICTURE:
            data[str(mime)] = value
    return {"output_type": "display_data", "data": data, "metadata": {}}


def quiet() -> None:
    """Make this process one that can be forked, and cut it off from the terminal."""
    # A process that has used several threads cannot be forked safely.
    torch.set_num_threads(1)
    tqdm.tqdm.monitor_interval = 0  # a progress bar would start a thread
    warnings.filterwarnings("ignore", message=".*no current event loop.*")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the examiner decides when this process ends
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    gc.freeze()


if __name__ == "__main__":
    quiet()
    Candidate().serve(socket.socket(fileno=int(sys.argv[1])))
