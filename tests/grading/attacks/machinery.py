"""Attacks inside Python: IPython's machinery, patched libraries, objects that lie, modules and files that shadow."""

from __future__ import annotations

import textwrap

from tests.grading.attacks.lab import ALL, WRONG, Attack, added

IPYTHON, PATCHED, LYING = "IPython's machinery", "patched libraries and built-ins", "lying objects"
SHADOWED, START, FORBIDDEN = "shadowed modules", "start-up files", "forbidden calls"
FIRST = ("double",)


def trick(source: str) -> dict[str, str | None]:
    """Wrong answers throughout, and the trick in the first cell."""
    return {**WRONG, "double": f"{textwrap.dedent(source).strip()}\n{WRONG['double']}"}


def instead(body: str) -> dict[str, str | None]:
    """An answer to `double` with this body; all others are honest."""
    return {"double": "def double(x):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")}


def before(source: str, answer: str = WRONG["double"]) -> dict[str, str | None]:
    """The trick in the first cell, with a wrong answer there; all others are honest."""
    return {"double": f"{textwrap.dedent(source).strip()}\n{answer}"}


ALWAYS = """
class Always:
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __le__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __array__(self, *a, **k): return np.zeros(())
    def __float__(self): return 0.0
    def __getattr__(self, name):
        if name.startswith("_"): raise AttributeError(name)
        return self
    def __call__(self, *a, **k): return self
    def __sub__(self, other): return self
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __getitem__ = __sub__
    def __abs__(self): return 0.0
    def __len__(self): return 2
    def __iter__(self): return iter([self, self])
    @property
    def __class__(self): return np.ndarray
    shape, ndim, dtype = (2,), 1, np.dtype(float)
"""

CASES = [
    # IPython

    Attack("an input transformer that empties the tests", IPYTHON, trick("""
        get_ipython().input_transformers_cleanup.append(
            lambda lines: lines if "checks." not in "".join(lines) else ["pass\\n"])
        """), costs=ALL),
    Attack("run_code that runs no test", IPYTHON, trick("""
        shell = get_ipython(); old = shell.run_code
        async def run_code(code, result=None, *, async_=False):
            return False if "checks" in code.co_names else await old(code, result, async_=async_)
        shell.run_code = run_code
        """), costs=ALL),
    Attack("the kernel's do_execute replaced", IPYTHON, trick("""
        try:
            kernel = get_ipython().kernel
            async def do_execute(*a, **k):
                return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
            kernel.do_execute = do_execute
        except AttributeError:
            pass
        """), costs=ALL),
    Attack("errors swallowed by set_custom_exc", IPYTHON,
           trick("get_ipython().set_custom_exc((BaseException,), lambda *a, **k: [])"), costs=ALL),
    Attack("errors not shown", IPYTHON,
           trick("get_ipython().showtraceback = get_ipython()._showtraceback = lambda *a, **k: None"), costs=ALL),
    Attack("events that put right functions in before each cell", IPYTHON, trick("""
        def right(*a):
            import numpy
            get_ipython().user_ns.update(checks=None, norm=lambda x: 5.0)
        get_ipython().events.register("pre_run_cell", right)
        get_ipython().events.register("post_run_cell", right)
        """), costs=ALL),
    Attack("the expected value read from the notebook and its history", IPYTHON, instead("""
        space = get_ipython().user_ns
        return space["expected"] if "checks.hidden" in space["In"][-1] and "expected" in space else x
        """), costs=FIRST),
    Attack("display hooks that write verdicts", IPYTHON, before("""
        import sys
        get_ipython().display_pub.publish({"text/plain": "Passed: 2 of 2 points."})
        sys.displayhook = lambda value: print("Passed: 2 of 2 points.")
        """), costs=FIRST),
    Attack("another __main__", IPYTHON, trick("""
        import sys, types
        fake = types.ModuleType("__main__")
        fake.double = lambda x: 2 * x
        sys.modules["__main__"] = get_ipython().user_module = fake
        """), costs=ALL),
    Attack("a namespace that answers everything", IPYTHON, trick("""
        class Everything(dict):
            def __contains__(self, name): return True
            def __missing__(self, name): return lambda *a, **k: a[0]
        get_ipython().user_ns = Everything(get_ipython().user_ns)
        """), costs=ALL),
    Attack("%reset and an empty history", IPYTHON, {**before("%reset -f\nimport numpy as np, torch")}, costs=FIRST),
    Attack("an AST transformer that drops assertions", IPYTHON, trick("""
        import ast
        class Drop(ast.NodeTransformer):
            def visit_Expr(self, node):
                return ast.copy_location(ast.Pass(), node) if "checks." in ast.unparse(node) else node
        get_ipython().ast_transformers.append(Drop())
        """), costs=ALL),

    # Libraries

    Attack("numpy, torch and checks agree with everything", PATCHED, trick("""
        import builtins, numpy.testing, course_utils.checks.compare as compare, course_utils.checks.values as values
        for name in ("allclose", "isclose", "array_equal", "array_equiv"):
            setattr(np, name, lambda *a, **k: True)
        for name in ("assert_allclose", "assert_array_equal", "assert_equal", "assert_almost_equal"):
            setattr(np.testing, name, lambda *a, **k: None)
        torch.equal = torch.allclose = torch.Tensor.equal = torch.Tensor.allclose = lambda *a, **k: True
        for name in checks.__all__:
            if name[0].islower() and name not in ("inout", "hidden", "rng"):
                setattr(checks, name, lambda *a, **k: None)
        compare._close = compare._equal = lambda *a, **k: None
        """), costs=ALL),
    Attack("the way of values to the examiner patched", PATCHED, trick("""
        import course_utils.checks.values as values
        candidate = getattr(getattr(get_ipython(), "_showtraceback", None), "__self__", None)
        if type(candidate).__name__ == "Candidate":
            candidate._answer = lambda action, objects: {"value": True, "slots": []}
        values.plain = lambda *a, **k: True
        """), costs=ALL),
    Attack("isinstance and type agree with everything", PATCHED, before("""
        import builtins
        builtins.isinstance = lambda *a: True
        builtins.issubclass = lambda *a: True
        """), costs=FIRST, flagged="ended"),
    Attack("AssertionError that cannot be raised", PATCHED, trick("""
        import builtins
        class Quiet(BaseException): pass
        builtins.AssertionError = builtins.Exception = Quiet
        checks.CheckFailed.__init__ = lambda self, *a, **k: None
        checks.CheckFailed.__new__ = lambda cls, *a, **k: Quiet()
        """), costs=ALL),
    Attack("json, struct and open replaced", PATCHED, before("""
        import builtins, json, struct
        json.dumps = lambda *a, **k: '[[], {"d": [["verdict", "passed"], ["points", 100]]}]'
        builtins.open = builtins.hash = builtins.id = lambda *a, **k: 0
        """), costs=FIRST, flagged="ended"),
    Attack("the private generator patched", PATCHED, before("""
        checks.rng = lambda *a: np.random.default_rng(0)
        np.random.default_rng = lambda *a: np.random.RandomState(0)
        torch.manual_seed = lambda *a: None
        """), costs=FIRST),
    Attack("tensors and ufuncs that return the expected", PATCHED, before("""
        torch.Tensor.__sub__ = torch.Tensor.__rsub__ = lambda a, b: torch.zeros(())
        np.subtract = np.abs = lambda *a, **k: np.zeros(())
        """), costs=FIRST),
    Attack("a trace function in every frame", PATCHED, before("""
        import sys
        def trace(frame, event, arg):
            frame.f_locals.get("expected")
            return trace
        sys.settrace(trace)
        """), costs=FIRST),

    # Objects

    Attack("an object that equals everything", LYING,
           {**WRONG, "double": ALWAYS + "def double(x): return Always()", "norm": "def norm(x): return Always()",
            "softmax": "def softmax(x): return Always()", "slope": "def slope(f, x): return Always()",
            "Tally": "Tally = Always", "flip": "flip = Always()"}, costs=ALL),
    Attack("an array that equals everything", LYING, instead("""
        class Lying(np.ndarray):
            def __eq__(self, other): return np.ones(np.shape(other), bool)
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.zeros(()) + True
            def __array_function__(self, function, types, args, kwargs): return True
            def __array__(self, *a, **k): return 2 * x
            shape = property(lambda self: x.shape)
        return np.zeros(x.shape).view(Lying)
        """), costs=FIRST),
    Attack("a tensor that equals everything", LYING, {"softmax": """
class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return True
def softmax(x):
    return torch.zeros(x.shape).as_subclass(Lying)
"""}, costs=("softmax",)),
    Attack("a number that equals everything", LYING, {"norm": """
class Lying(float):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __float__ = __abs__ = lambda self, *other: 0.0
    __hash__ = float.__hash__
    __array__ = lambda self, *a, **k: np.array(5.0)
def norm(x):
    return Lying(1.0)
"""}, costs=("norm",)),
    Attack("text, bytes and a dict in the place of a number", LYING, {"norm": """
class Text(str):
    __float__ = lambda self: 5.0
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
class Table(dict):
    def __getitem__(self, key): return 5.0
    def keys(self): return {"x": 1}.keys()
    def __len__(self): return 1
def norm(x):
    return Text("5.0") if x.size == 2 else Table(a=5.0)
"""}, costs=("norm",)),
    Attack("a total that changes with each reading", LYING, {"Tally": """
class Tally:
    reads = iter([0.0, 2.5] + [2.5] * 100)
    def add(self, number): pass
    @property
    def total(self): return next(self.reads)
"""}, costs=("Tally",)),
    Attack("a total that equals everything", LYING, {"Tally": ALWAYS + """
class Tally:
    def add(self, number): pass
    total = Always()
    __class__ = float
    def __eq__(self, other): return True
"""}, costs=("Tally",)),
    Attack("arrays by protocol", LYING, instead("""
        class Interface:
            __array_interface__ = {"shape": x.shape, "typestr": "<f8", "data": (1, True), "version": 3}
            __array_struct__ = __dlpack__ = property(lambda self: 1 / 0)
        return Interface()
        """), costs=FIRST),
    Attack("NaN, inf and the input itself", LYING,
           {"double": "def double(x): return x", "norm": "def norm(x): return float('nan')",
            "softmax": "def softmax(x): return torch.full_like(x, float('inf'))",
            "slope": "def slope(f, x): return f(x) / x"}, costs=("double", "norm", "softmax", "slope")),
    Attack("the constants of the visible test", LYING,
           {"double": "def double(x): return np.array([2.0, -4.0])", "norm": "def norm(x): return 5.0",
            "slope": "def slope(f, x): return 12.0",
            "flip": "def flip(x):\n    if x.shape == (2,): x[:] = [-1.0, 2.0]"},
           costs=("double", "norm", "slope", "flip")),
    Attack("an argument that is another afterwards", LYING, {"flip": """
class Lying(np.ndarray):
    def __array_finalize__(self, other): pass
    def __eq__(self, other): return True
def flip(x):
    import gc
    for held in gc.get_referrers(x):
        if isinstance(held, dict):
            for key, value in list(held.items()):
                if value is x: held[key] = x.view(Lying)
"""}, costs=("flip",)),

    # Modules and files that are found first

    Attack("numpy.py, torch.py, json.py and course_utils beside the notebook", SHADOWED, trick("""
        import os, sys
        for name in ("numpy", "torch", "json", "struct", "checks", "sitecustomize"):
            open(f"{name}.py", "w").write("allclose = equal = close = lambda *a, **k: True")
        os.makedirs("course_utils/checks", exist_ok=True)
        for name in ("course_utils/__init__.py", "course_utils/checks/__init__.py"):
            open(name, "w").write("close = equal = passed = forbids = handle = lambda *a, **k: None")
        sys.path.insert(0, ".")
        for name in list(sys.modules):
            if name.startswith("course_utils"): del sys.modules[name]
        """), costs=ALL),
    Attack("sys.modules and sys.meta_path", SHADOWED, trick("""
        import sys, types
        class Anything(types.ModuleType):
            def __getattr__(self, name): return Anything(name)
            def __call__(self, *a, **k): return self
            def __enter__(self): return self
            def __exit__(self, *a): return True
        for name in ("course_utils.checks", "course_utils", "numpy.testing"):
            sys.modules[name] = Anything(name)
        class Finder:
            def find_spec(self, *a): raise SystemExit
        sys.meta_path.insert(0, Finder())
        sys.path_hooks.insert(0, lambda path: 1 / 0)
        """), costs=ALL),
    Attack("a module of the examiner's names", SHADOWED, before("""
        import sys, types
        for name in ("course_staff.grading.wire", "course_staff.grading.candidate", "course_staff.grading.zygote"):
            sys.modules[name] = types.ModuleType(name)
        sys.modules.pop("course_staff", None)
        """), costs=FIRST),
    Attack("every start-up file, then a crash so that they are read", START, before("""
        import os, pathlib, sys
        bomb = "import builtins; builtins.planted = True; raise SystemExit(3)"
        home = pathlib.Path.home()
        for path in ("sitecustomize.py", "usercustomize.py", "planted.pth", ".pdbrc", ".pythonrc", ".bashrc",
                     ".profile", ".ipython/profile_default/startup/00.py", "ipython/profile_default/startup/00.py",
                     ".ipython/profile_default/ipython_config.py", ".jupyter/jupyter_config.py", "mpl/matplotlibrc",
                     ".config/matplotlib/matplotlibrc", ".config/pip/pip.conf",
                     f".local/lib/python3.{sys.version_info[1]}/site-packages/usercustomize.py",
                     f".local/lib/python3.{sys.version_info[1]}/site-packages/planted.pth"):
            for folder in (home, pathlib.Path("."), pathlib.Path(sys.prefix), pathlib.Path("/tmp")):
                try:
                    (folder / path).parent.mkdir(parents=True, exist_ok=True)
                    (folder / path).write_text(bomb)
                except OSError:
                    pass
        for name in ("PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "BASH_ENV", "LD_PRELOAD", "PYTHONINSPECT"):
            os.environ[name] = str(home)
        import ctypes
        """) | {"norm": "import os; os._exit(1)"}, costs=("double", "norm"), flagged="ended"),

    # Forbidden calls. Either no points, or a flag.

    Attack("torch.softmax through an input transformer", FORBIDDEN,
           {"softmax": "def softmax(x):\n    return torch.allowed(x, 1)"}, added("double",
           "get_ipython().input_transformers_cleanup.append(lambda lines: [line.replace('all' + 'owed', 'softmax') "
           "for line in lines])"), flagged="softmax"),
    Attack("torch.softmax under another name", FORBIDDEN,
           {"softmax": "def softmax(x):\n    return torch.nn.functional.hardtanh(x, 1)"},
           added("double", "torch.nn.functional.hardtanh = torch.softmax"), flagged="softmax"),
    Attack("torch.softmax with setattr in a loop", FORBIDDEN,
           {"softmax": "def softmax(x):\n    return torch.mine(x, 1)"},
           added("double", "for n in dir(torch):\n    if n == 'soft' + 'max':\n"
                           "        setattr(torch, 'mine', getattr(torch, n))"),
           flagged="softmax"),
    Attack("torch.softmax in plain sight", FORBIDDEN, {"softmax": "def softmax(x):\n    return torch.softmax(x, 1)"},
           costs=("softmax",)),
    Attack("a cell magic that rewrites the answer", FORBIDDEN,
           {"softmax": "%%mine\ndef softmax(x):\n    return torch.allowed(x, 1)"}, added("double",
           "from IPython.core.magic import register_cell_magic\n@register_cell_magic\ndef mine(line, cell):\n"
           "    get_ipython().run_cell(cell.replace('allowed', 'softmax'))"), flagged="softmax"),
]
