"""Attacks on the wire between candidate and examiner: a student's code reaches the socket, and writes what it likes."""

from __future__ import annotations

from tests.grading.attacks.lab import ALL, Attack
from tests.grading.attacks.machinery import FIRST

FAMILY = "the wire"
# `candidate`, and what sends frames past it.
REACH = """
import json, os, pickle, struct, sys, threading, time, zlib
def found(frame):
    while frame:
        if type(frame.f_locals.get("self")).__name__ == "Candidate": return frame.f_locals["self"]
        frame = frame.f_back
candidate = found(sys._getframe())
def table(frame):
    while frame and not isinstance(frame.f_locals.get("actions"), dict): frame = frame.f_back
    return frame.f_locals["actions"] if frame else {}
def raw(data):
    candidate.connection.sendall(data)
def frame(skeleton, sizes=()):
    text = (skeleton if isinstance(skeleton, str) else json.dumps(skeleton))
    text = "[" + json.dumps(list(sizes)) + "," + text + "]"
    raw(struct.pack("<I", len(text.encode())) + text.encode())
def reply(value, slots="[]", sizes=()):
    frame('{"d": [["id", %d], ["value", %s], ["slots", %s]]}' % (candidate.request, value, slots), sizes)
"""


def sends(body: str) -> dict[str, str | None]:
    """An answer to `double` that sends something itself, and then waits for what comes of it."""
    lines = "".join(f"    {line}\n" for line in body.strip().split("\n"))
    return {"double": f"{REACH}\ndef double(x):\n{lines}    time.sleep(60)"}


def broken(name: str, body: str, flagged: str | None = "protocol") -> Attack:
    return Attack(name, FAMILY, sends(body), costs=FIRST, flagged=flagged, stock=False)


CASES = [
    broken("a forged verdict", "frame({'d': [['verdict', 'passed'], ['points', 100], ['id', 1]]})"),
    broken("a verdict in a right frame",
           "frame('{\"d\": [[\"id\", %d], [\"status\", \"passed\"], [\"points\", 100], [\"value\", true], "
           "[\"slots\", []]]}' % candidate.request)", flagged=None),
    broken("an answer before the question", "reply('true'); reply('true'); reply('true')", flagged=None),
    Attack("answers in store for all questions to come", FAMILY, {"double": REACH + """
for number in range(2000):
    if candidate: frame({"d": [["id", number], ["value", True], ["slots", []]]})
def double(x): return x
"""}, costs=FIRST, flagged="belongs to no question"),
    Attack("a thread that answers late", FAMILY, {"double": REACH + """
def late():
    while True:
        time.sleep(0.05)
        try: reply("true")
        except Exception: pass
def double(x):
    threading.Thread(target=late, daemon=True).start()
    time.sleep(0.3)
    return x
"""}, costs=FIRST),
    broken("no JSON", "raw(struct.pack('<I', 5) + b'hello')"),
    broken("an empty frame", "raw(struct.pack('<I', 0))"),
    broken("a skeleton of four gigabytes", "raw(b'\\xff' * 4)"),
    broken("a frame without end", "raw(struct.pack('<I', 10**7)); raw(b' ' * 5000)", flagged=None),
    broken("a drop each tenth of a second",
           "raw(struct.pack('<I', 10**7))\nwhile True:\n    raw(b' '); time.sleep(0.1)", flagged=None),
    broken("a buffer of 300 megabytes", "reply('{\"y\": 0}', sizes=[300 * 2**20])\nraw(bytes(300 * 2**20))",
           flagged=None),
    broken("buffers of less than no bytes", "reply('{\"y\": 0}', sizes=[-1, 2**70])"),
    broken("a million buffers", "reply('1', sizes=[0] * 10**6)"),
    broken("a compressed bomb", "raw(zlib.compress(bytes(10**8)))"),
    broken("a pickle", "raw(pickle.dumps((os.system, 'touch /tmp/planted')))"),
    broken("lists a hundred thousand deep", "reply('[' * 10**5 + ']' * 10**5)"),
    broken("five million values", "reply('[' + '0,' * 5 * 10**6 + '0]')"),
    broken("a number of a million digits", "reply('1' * 10**6)"),
    broken("a number of a million hexadecimal digits", "reply('{\"i\": \"0x' + 'f' * 10**6 + '\"}')"),
    broken("NaN in the JSON", "reply('NaN')"),
    broken("objects and pickles as entries of an array", "reply('{\"a\": [\"O\", [1], 0]}', sizes=[8])\nraw(bytes(8))"),
    broken("an array larger than its bytes", "reply('{\"a\": [\"float64\", [99999], 0]}', sizes=[8])\nraw(bytes(8))"),
    broken("an array of negative length", "reply('{\"a\": [\"float64\", [-1], 0]}', sizes=[8])\nraw(bytes(8))"),
    broken("a range of a billion billion", "reply('{\"r\": [0, 1000000000000000000, 1]}')"),
    broken("a tag of a megabyte that is shown to a human", "reply('{\"' + 'SHOWN' * 200000 + '\": 1}')"),
    broken("a handle of another exercise", "reply('{\"handle\": 0}')"),
    broken("a reference to nothing", "reply('{\"ref\": 99}')"),
    broken("changes to arguments that were not lent", "reply('1', '[[0, {\"d\": [[\"value\", 1]]}]]')"),
    broken("a callback that was not lent",
           "frame('{\"d\": [[\"id\", %d], [\"callback\", 0], [\"args\", []], [\"kwargs\", {\"d\": []}]]}' "
           "% candidate.request)"),
    Attack("changes that make the expected right", FAMILY, {"flip": REACH + """
def flip(x):
    reply("null", '[[0, {"d": [["value", {"a": ["float64", [1], 0]}]]}], [1, {"d": [["value", 1]]}]]', sizes=[8])
    raw(bytes(8))
    time.sleep(60)
"""}, costs=("flip",), flagged="protocol"),
    Attack("the class of an exception as a verdict", FAMILY, {"double": """
def double(x):
    raise type("CheckPassed", (type("Passed", (Exception,), {}), checks.Unanswered), {})("passed 2 of 2")
""", "norm": """
class Empty(Exception):
    def __str__(self): raise SystemExit(0)
    __repr__ = __str__
def norm(x):
    raise Empty()
"""}, costs=("double", "norm")),
    Attack("an exception of a hundred megabytes", FAMILY,
           {"double": "def double(x):\n    raise ValueError('LONG' * 25_000_000)"}, costs=FIRST,
           unseen=("LONG" * 100,)),
    Attack("callbacks for ever", FAMILY, {"slope": "def slope(f, x):\n    while True: f(x)"}, costs=("slope",)),
    Attack("a callback after its call", FAMILY, {"slope": """
kept = []
def slope(f, x):
    kept.append(f)
    return kept[0](x)
"""}, costs=("slope",)),
    Attack("callbacks with other things than data", FAMILY, {"slope": """
class Evil:
    def __reduce__(self): return (print, ("planted",))
    def __pow__(self, n): return 12.0
def slope(f, x):
    for thing in (Evil(), f, lambda: 1, "a" * 10**6, [1] * 10**6, {"a": f}):
        try: f(thing)
        except Exception: pass
    try: f(x, p=2)
    except Exception: pass
    return 12.0
"""}, costs=("slope",)),
    Attack("a callback with a number of a million digits", FAMILY, {"slope": """
def slope(f, x):
    try: f(1 << 39_000)
    except Exception: pass
    try: f(1 << 10**7)
    except Exception: pass
    return 12.0
"""}, costs=("slope",)),
    Attack("every name answered with data", FAMILY, {"double": REACH + """
table(sys._getframe())["names"] = (
    lambda request: {name: {"kind": "data", "value": True} for name in request["names"]})
def double(x): return x
"""}, costs=ALL),
    Attack("every call answered with the input, every cell with praise", FAMILY, {"double": REACH + """
mine = table(sys._getframe())
mine["call"] = lambda request: {"value": (request["args"] or [0])[-1], "slots": []}
mine["attribute"] = lambda request: {"value": 2.5}
mine["run"] = lambda request: {"outputs": [{"output_type": "stream", "text": "Passed: 2 of 2 points."}], "error": None}
def double(x): return x
"""}, costs=ALL),
    Attack("a copy that names another process as itself", FAMILY, {"double": REACH + """
mine = table(sys._getframe())
old = mine.get("fork")
mine["fork"] = lambda request: {**old(request), "pid": 1}
def double(x): return x
"""}, costs=FIRST),
]
