"""`course doctor`: what this machine has, what is missing, and what to do about it. It needs the core packages only."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "deep-learning-course"
PROBE_SECONDS = 300.0  # the first import of torch from a slow disk takes a minute
LITTLE_DISK, LITTLE_MEMORY = 1e9, 1e9  # bytes
VALIDATE = ("@jupyter/nbgrader", "nbgrader.server_extensions.validate_assignment")
EMBEDDED = ("digits", "glyphs", "stdlib", "docstrings")
# The files of each set that is fetched, by the beginning of their paths in the cache.
FETCHED = {
    "mnist": "MNIST/", "fashion_mnist": "FashionMNIST/", "tinyshakespeare": "text/tinyshakespeare",
    "war_and_peace": "text/war_and_peace", "linux_c": "text/linux_kernel_c", "wikipedia": "text/wikipedia",
    "wikitext2": "text/wikitext-2/", "rt_polarity": "text/rt-polarity/", "analogies": "wordsim/questions-",
    "similarity": "wordsim/EN-", "glove": "glove/",
}
# In a process of its own: a broken installation can end it, and what was imported once cannot be asked again.
_PROBE = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
found = {}
try:
    import torch
    found["torch"] = torch.__version__
    found["threads"] = torch.get_num_threads()
    found["cuda"] = torch.version.cuda or ""
    torch.ones(2, 2) @ torch.ones(2, 2)
except Exception as error:
    found["torch_error"] = f"{type(error).__name__}: {error}"
else:
    try:
        import torchvision
        found["torchvision"] = torchvision.__version__
        from torchvision import models
        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except Exception as error:
        found["torchvision_error"] = f"{type(error).__name__}: {error}"
    try:
        from course_utils import device
        picked = device.pick_device(quiet=True)
        found["device"] = device._describe(picked)
        (torch.ones(2, 2, device=picked) @ torch.ones(2, 2, device=picked)).sum().item()
    except Exception as error:
        found["device_error"] = f"{type(error).__name__}: {error}"
print("PROBE" + json.dumps(found))
"""


@dataclass(frozen=True)
class Line:
    """One thing that was looked at. problem: what is wrong, "" for nothing. stops: with it a lab cannot run."""

    name: str
    what: str
    problem: str = ""
    do: str = ""
    stops: bool = False


def doctor() -> int:
    """Print what this machine has, then each problem with what to do. Returns 1 where a lab could not run, else 0."""
    lines: list[Line] = []
    for line in _lines():
        lines.append(line)
        print(f"{line.name:<12} {line.what}" + ("   (see below)" if line.problem else ""), flush=True)
    problems = sorted((line for line in lines if line.problem), key=lambda line: not line.stops)
    for number, line in enumerate(problems, 1):
        print()
        for text, first in ((line.problem, f"{number}. "), (line.do, "   ")):
            print(textwrap.fill(text, 100, initial_indent=first, subsequent_indent="   ", break_on_hyphens=False,
                                break_long_words=False))
    print()
    stopped = sum(line.stops for line in problems)
    if stopped:
        print(f"Not every lab can run here yet: {_counted(stopped)} to solve first.")
    elif problems:
        print(f"Labs can run here. {_counted(len(problems))} of lesser weight: see above.")
    else:
        print("Labs can run here.")
    return int(stopped > 0)


def _counted(number: int) -> str:
    return f"{number} problem" + ("" if number == 1 else "s")


def _lines() -> Iterator[Line]:
    yield _python()
    yield from _packages()
    probe = _probe()
    yield from _torch(probe)
    yield _jupyter()
    yield _validate()
    yield _widgets()
    yield _kernel()
    yield from _data(usable="torch" in probe and "torch_error" not in probe)
    yield _disk()
    yield _memory()
    if find_spec("course_staff") is not None:
        yield _sandbox()


def _python() -> Line:
    version = ".".join(map(str, sys.version_info[:3]))
    what = f"{version}, {sys.executable}"
    if sys.version_info < (3, 11):  # noqa: UP036  (pip refuses such a Python, a folder on its path does not)
        return Line("Python", what, f"Python {version} is too old: the course needs 3.11 or newer.",
                    "Install a newer Python, and set the course up with it, as its README says.", stops=True)
    return Line("Python", what)


def _requirements(extra: str = "") -> dict[str, Any]:
    """The requirements of the core, or those that the extra adds, by name; empty where the course is not installed."""
    from packaging.requirements import Requirement

    try:
        listed = [Requirement(line) for line in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError:
        return {}
    return {wanted.name: wanted for wanted in listed if wanted.name != PACKAGE and (
        f'extra == "{extra}"' == str(wanted.marker) if extra else wanted.marker is None)}


def _version(package: str) -> str:
    """The installed version of a package, "" where there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _install(*packages: str) -> str:
    """What to type so that these packages get into this Python."""
    quoted = " ".join(f'"{package}"' for package in packages)
    return f'Run: "{sys.executable}" -m pip install {quoted}'


def _packages() -> Iterator[Line]:
    """One line for what the notebooks import, torch and torchvision apart."""
    if find_spec("packaging") is None:  # it comes with matplotlib
        yield Line("Packages", "not complete", "The packages of the course are not installed in this Python.",
                   "Set the course up as its README says, and use that Python.", stops=True)
        return
    try:
        course = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        yield Line("Packages", "unknown", "course_utils is used here without being installed, so that nobody knows "
                   "which packages it needs.", "In the folder of the course, run: "
                   f'"{sys.executable}" -m pip install -e ".[lab]"')
        return
    core = _requirements()
    lacking = [str(wanted).split(";")[0] for name, wanted in core.items() if not _version(name)]
    old = [wanted for name, wanted in core.items()
           if _version(name) and not wanted.specifier.contains(_version(name), prereleases=True)]
    rest = [name for name in core if _version(name) and name not in ("torch", "torchvision")]
    what = f"course {course}; " + ", ".join(f"{name} {_version(name)}" for name in rest)
    if lacking:
        yield Line("Packages", what, f"Missing: {', '.join(lacking)}.", _install(*lacking), stops=True)
    else:
        yield Line("Packages", what)
    for wanted in old:
        yield Line(wanted.name, _version(wanted.name), f"{wanted.name} {_version(wanted.name)} is older than what the "
                   f"course is tested with ({wanted.specifier}). Some cells may fail.", _install(str(wanted)))


def _probe() -> dict[str, Any]:
    """What a fresh process says about torch."""
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"torch_error": f"no answer: {error}"}
    for line in done.stdout.splitlines():
        if line.startswith("PROBE"):
            found: dict[str, Any] = json.loads(line.removeprefix("PROBE"))
            return found
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return {"torch_error": f"Python ended with status {done.returncode}; {last}"}


def _torch(probe: dict[str, Any]) -> Iterator[Line]:
    if "torch_error" in probe:
        said = probe["torch_error"].strip().splitlines()[0]
        yield Line("PyTorch", _version("torch") or "not installed", f"PyTorch cannot be imported. It says: {said}",
                   _install("torch", "torchvision") + "  If it is there and broken, add --force-reinstall.", stops=True)
        return
    cuda = f"built for CUDA {probe['cuda']}" if probe.get("cuda") else "built without CUDA"
    yield Line("PyTorch", f"{probe['torch']}, {cuda}")
    if "torchvision_error" in probe:
        said = probe["torchvision_error"].strip().splitlines()[0]
        yield Line("torchvision", probe.get("torchvision") or _version("torchvision") or "not installed",
                   f"torchvision does not work with this PyTorch. It says: {said}",
                   "The two must be of one release, from one index, both with CUDA or both without. "
                   + _install("torch", "torchvision") + "  with --force-reinstall and, where you used one, the same "
                   "--index-url or --extra-index-url for both.", stops=True)
    else:
        yield Line("torchvision", f"{probe['torchvision']}, works with this PyTorch")
    if "device_error" in probe:
        said = probe["device_error"].strip().splitlines()[0]
        yield Line("Device", "none works", f"The device that would be picked does not work. It says: {said}",
                   "Correct or unset the variable COURSE_DEVICE; COURSE_DEVICE=cpu always works.", stops=True)
    else:
        chosen = " (chosen by COURSE_DEVICE)" if os.environ.get("COURSE_DEVICE") else ""
        yield Line("Device", probe["device"] + chosen)
    wanted = os.environ.get("OMP_NUM_THREADS")
    yield Line("Threads", f"PyTorch uses {probe['threads']} of {_cores()} cores"
               + (f" (OMP_NUM_THREADS={wanted})" if wanted else ""))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _lab_packages(*names: str) -> list[str]:
    known = _requirements("lab") if find_spec("packaging") is not None else {}
    return [str(known[name]).split(";")[0].strip() if name in known else name for name in names]


def _jupyter() -> Line:
    version = _version("jupyterlab")
    if not version:
        return Line("JupyterLab", "not installed", "JupyterLab is not installed in this Python. In Colab or in another "
                    "editor of notebooks you do not need it.",
                    _install(*_lab_packages("jupyterlab", "nbgrader", "ipykernel")))
    return Line("JupyterLab", version)


def _validate() -> Line:
    nbgrader = _version("nbgrader")
    instead = "Without it: `course check NOTEBOOK` runs the same checks, and more."
    if not nbgrader or not _version("jupyterlab"):
        return Line("Validate", "no nbgrader" if not nbgrader else "no JupyterLab",
                    "The button Validate is missing: it needs nbgrader and JupyterLab. " + instead,
                    _install(*_lab_packages("nbgrader", "jupyterlab")))
    front, server = VALIDATE
    try:
        there, on = _front_end(front), _server_side(server)
    except Exception as error:  # Jupyter's own configuration can be broken in many ways
        return Line("Validate", "unknown", f"Jupyter's configuration cannot be read: {type(error).__name__}: {error}",
                    "Correct the file that it names. " + instead)
    if not there:
        return Line("Validate", f"nbgrader {nbgrader}, button off", "The button Validate is not enabled in JupyterLab. "
                    + instead, f'Run: "{sys.executable}" -m jupyter labextension enable {front}')
    if not on:
        return Line("Validate", f"nbgrader {nbgrader}, server part off", "The button Validate is there, but the part "
                    "of nbgrader that answers it is not enabled. " + instead,
                    f'Run: "{sys.executable}" -m jupyter server extension enable {server}')
    return Line("Validate", f"enabled (nbgrader {nbgrader})")


def _front_end(name: str) -> bool:
    """Whether JupyterLab finds this extension, or the package with all of nbgrader's, and it is not disabled."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab.commands import get_app_info

    there = any((Path(folder) / name / "package.json").is_file() for folder in jupyter_path("labextensions"))
    disabled = get_app_info()["disabled"]
    return there and not disabled.get(name) and not disabled.get(f"{name}:validate-assignment")


def _server_side(name: str) -> bool:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    enabled: dict[str, bool] = {}
    for folder in reversed(jupyter_config_path()):  # the first folder has the last word
        enabled |= ExtensionConfigManager(read_config_path=[folder]).get_jpserver_extensions()
    return enabled.get(name, False)


def _widgets() -> Line:
    version, front = _version("ipywidgets"), _version("jupyterlab-widgets")
    if not version:
        return Line("Widgets", "no ipywidgets", "The sliders of the lectures need ipywidgets; without it their figures "
                    "stand alone.", _install("ipywidgets"))
    if _version("jupyterlab"):
        # ipywidgets 7 speaks with jupyterlab-widgets 1, ipywidgets 8 with 3.
        wanted = {"7": "1", "8": "3"}.get(version.split(".")[0])
        if not front or (wanted and front.split(".")[0] != wanted):
            return Line("Widgets", f"ipywidgets {version}, jupyterlab-widgets {front or 'missing'}",
                        "The sliders of the lectures will not show: ipywidgets and its part in JupyterLab do not fit.",
                        _install("--upgrade", "ipywidgets", "jupyterlab-widgets").replace('"--upgrade"', "--upgrade"))
        return Line("Widgets", f"ipywidgets {version}, jupyterlab-widgets {front}")
    return Line("Widgets", f"ipywidgets {version}")


def _kernel() -> Line:
    """Whether a notebook's kernel "python3" is this Python."""
    if find_spec("ipykernel") is None:
        return Line("Kernel", "no ipykernel", "Notebooks cannot run in this Python: ipykernel is not installed.",
                    _install(*_lab_packages("ipykernel")), stops=True)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger that comes with it has words for it
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except (NoSuchKernel, OSError, ValueError, IndexError) as error:
        return Line("Kernel", "none", f"Jupyter finds no kernel named python3 ({error}).",
                    f'Run: "{sys.executable}" -m ipykernel install --sys-prefix', stops=True)
    # Jupyter starts this Python for a bare "python"; a path is taken as it is.
    same = Path(command).parent == Path(sys.executable).parent or re.fullmatch(r"python(3(\.\d+)?)?", command)
    if not same:
        return Line("Kernel", f"python3 is {command}", f"A notebook would run in another Python, {command}, which may "
                    "lack the course.", f'Run: "{sys.executable}" -m ipykernel install --sys-prefix')
    return Line("Kernel", "python3 is this Python")


def _data(usable: bool) -> Iterator[Line]:
    """Which data sets are there without a network."""
    if not usable:
        return
    from course_utils.data import _corpora, _fetch, _mnist

    folder = _fetch.cache_folder()
    problem = do = ""
    mirror: Path | None = None
    try:
        mirror = _fetch.mirror_folder()
    except _fetch.DataError:
        problem = f"COURSE_DATA_MIRROR is {os.environ['COURSE_DATA_MIRROR']!r}, and there is no such folder."
        do = "Correct it, or unset it."
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not problem and not (existing.is_dir() and os.access(existing, os.W_OK)):
        problem = f"The folder for data, {folder}, cannot be written to: nothing that is fetched would be kept."
        do = "Set the variable COURSE_DATA_DIR to a folder of yours."
    files = [*_mnist.remote_files("MNIST"), *_mnist.remote_files("FashionMNIST"),
             *(_corpora.remote_file(path) for path in _corpora.FILES)]
    places = [place for place in (folder, mirror) if place is not None]
    kept = {file.path for file in files if any(_size(place / file.path) == file.size for place in places)}
    there = {name for name, start in FETCHED.items()
             if all(file.path in kept for file in files if file.path.startswith(start))}
    yield Line("Data", f"{folder}" + (f"; mirror {mirror}" if mirror else ""), problem, do)
    yield Line("", f"here, no network needed: {', '.join([*EMBEDDED, *(name for name in FETCHED if name in there)])}")
    missing = [name for name in FETCHED if name not in there]
    if missing:
        yield Line("", f"fetched when first asked for, nothing graded needs them: {', '.join(missing)}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _disk() -> Line:
    free = shutil.disk_usage(Path.cwd()).free
    if free < LITTLE_DISK:
        return Line("Disk", f"{free / 1e9:.1f} GB free", f"Only {free / 1e9:.1f} GB are free on the disk of this "
                    "folder: saving a notebook could fail.", "Make room before you go on.")
    return Line("Disk", f"{free / 1e9:.0f} GB free")


def _memory() -> Line:
    free = _free_memory()
    if free is None:
        return Line("Memory", "unknown")
    if free < LITTLE_MEMORY:
        return Line("Memory", f"{free / 1e9:.1f} GB free", f"Only {free / 1e9:.1f} GB of memory are free: a kernel may "
                    "be ended by the system, and the notebook says that the kernel died.",
                    "Close other programs, and kernels of other notebooks (Kernel > Shut Down All Kernels).")
    return Line("Memory", f"{free / 1e9:.1f} GB free")


def _free_memory() -> float | None:
    """Bytes that a program can have now; None where this machine does not say."""
    if find_spec("psutil") is not None:  # comes with ipykernel
        return float(import_module("psutil").virtual_memory().available)
    try:
        return float(re.findall(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())[0]) * 1024
    except (OSError, IndexError):
        return None


def _sandbox() -> Line:
    """For graders alone."""
    try:
        sandbox = import_module("course_staff.grading.sandbox")
        sandbox.Sandbox().check()
    except Exception as error:  # whatever lacks: nobody but a grader needs it
        first, _, rest = str(error).partition("\n")
        return Line("Sandbox", "not usable", f"For graders only: `course grade` has no sandbox here. {first}",
                    rest or "docs/grading.md says what it needs. To work on a lab you do not need it.")
    return Line("Sandbox", "bubblewrap works (for graders)")
