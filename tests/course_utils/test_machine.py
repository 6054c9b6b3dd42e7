"""`course doctor`: what it finds on this machine, and each problem provoked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_utils import cli, data, machine
from course_utils.data import _corpora
from course_utils.machine import Line

WELL: dict[str, Any] = {"torch": "2.15.0", "threads": 1, "cuda": "", "torchvision": "0.29.2", "device": "cpu, 1 thread"}


def lines(found: Iterator[Line]) -> dict[str, Line]:
    return {line.name: line for line in found}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the two parts that start other processes."""
    monkeypatch.setattr(machine, "_probe", lambda: dict(WELL))
    monkeypatch.setattr(machine, "_sandbox", lambda: Line("Sandbox", "bubblewrap works"))


# As a command


def test_here_labs_can_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    out = capfd.readouterr().out
    for name in ("Python", "Packages", "PyTorch", "torchvision", "Device", "Threads", "JupyterLab", "Validate",
                 "Widgets", "Kernel", "Data", "Disk", "Memory"):
        assert f"\n{name} " in f"\n{out}"
    assert "works with this PyTorch" in out and "cpu" in out and "chosen by COURSE_DEVICE" in out
    assert "Labs can run here." in out and "None" not in out


@pytest.mark.usefixtures("quick")
def test_a_problem_that_stops_labs_is_status_1_and_comes_first(monkeypatch: pytest.MonkeyPatch,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "_disk", lambda: Line("Disk", "0.1 GB free", "Only 0.1 GB are free.", "Make room."))
    monkeypatch.setattr(machine, "_kernel", lambda: Line("Kernel", "none", "No kernel.", "Install it.", stops=True))
    assert machine.doctor() == 1
    out = capsys.readouterr().out
    assert out.index("1. No kernel.\n   Install it.") < out.index("2. Only 0.1 GB are free.\n   Make room.")
    assert out.count("(see below)") == 2
    assert out.splitlines()[-1] == "Not every lab can run here yet: 1 problem to solve first."


@pytest.mark.usefixtures("quick")
def test_a_lesser_problem_is_status_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "LITTLE_DISK", 1e18)
    assert machine.doctor() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Labs can run here. 1 problem of lesser weight: see above."


@pytest.mark.usefixtures("quick")
def test_every_problem_is_told_in_few_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("LITTLE_DISK", "LITTLE_MEMORY"):
        monkeypatch.setattr(machine, name, 1e18)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "nowhere"))
    monkeypatch.setattr(machine, "_version", lambda package: "")
    machine.doctor()
    told = capsys.readouterr().out.split("\n\n")[1:-1]
    assert len(told) >= 5
    for problem in told:
        assert 2 <= len(problem.splitlines()) <= 5, problem


def test_it_needs_neither_the_staff_tools_nor_jupyterlab(tmp_path: Path) -> None:
    """With only what `pip install` without extras brings: nothing fails, and what is missing is named."""
    hidden = ("course_staff", "click", "jupytext", "nbclient", "nbgrader", "jupyterlab", "jupyter_server", "psutil")
    code = (f"import sys; hidden = {hidden!r}\n"
            "from importlib import metadata\n"
            "for name in hidden: sys.modules[name] = None\n"
            "real = metadata.version\n"
            "def version(name):\n"
            "    if name.replace('-', '_') in hidden: raise metadata.PackageNotFoundError(name)\n"
            "    return real(name)\n"
            "metadata.version = version\n"
            "import importlib.util as util\n"
            "spec = util.find_spec\n"
            "from course_utils import machine\n"
            "machine.find_spec = lambda name: None if name in hidden else spec(name)\n"
            "sys.exit(machine.doctor())")
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "JupyterLab is not installed" in said and "`course check NOTEBOOK` runs the same checks" in said
    assert "Sandbox" not in said


# Each part


def test_an_old_python_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    found = machine._python()
    assert found.stops and "3.10.4 is too old" in found.problem


def test_a_package_that_is_missing_stops_and_one_that_is_old_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    real = machine._version
    monkeypatch.setattr(machine, "_version", lambda name: {"pooch": "", "tqdm": "4.1"}.get(name, real(name)))
    found = lines(machine._packages())
    assert found["Packages"].stops and "pooch>=" in found["Packages"].problem
    assert f'"{sys.executable}" -m pip install "pooch>=' in found["Packages"].do
    assert "4.1 is older" in found["tqdm"].problem and not found["tqdm"].stops


def test_a_broken_torch_stops_with_its_own_words() -> None:
    found = lines(machine._torch({"torch_error": "ImportError: libcudart.so.12: cannot open shared object file"}))
    assert list(found) == ["PyTorch"] and found["PyTorch"].stops and "libcudart" in found["PyTorch"].problem


def test_a_torchvision_of_another_release_stops() -> None:
    """What a torch without CUDA beside a torchvision with CUDA says."""
    probe = {**WELL, "torchvision_error": "RuntimeError: operator torchvision::nms does not exist"}
    found = lines(machine._torch(probe))
    assert found["torchvision"].stops and "nms does not exist" in found["torchvision"].problem
    assert "both with CUDA or both without" in found["torchvision"].do and "pip install" in found["torchvision"].do


def test_a_wish_for_a_device_that_is_not_there_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "tpu")
    found = lines(machine._torch(machine._probe()))
    assert found["Device"].stops and "'tpu'" in found["Device"].problem and "COURSE_DEVICE=cpu" in found["Device"].do


def test_a_process_that_ends_without_a_word_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where torch was built for another processor."""
    monkeypatch.setattr(machine, "_PROBE", "import os; os.abort()")
    found = lines(machine._torch(machine._probe()))
    assert found["PyTorch"].stops and "it said nothing" in found["PyTorch"].problem


def test_a_validate_that_is_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not machine._validate().problem
    monkeypatch.setattr(machine, "_server_side", lambda name: False)
    assert "server extension enable nbgrader" in machine._validate().do
    monkeypatch.setattr(machine, "_front_end", lambda name: False)
    assert "labextension enable @jupyter/nbgrader" in machine._validate().do
    monkeypatch.setattr(machine, "_version", lambda package: "")
    found = machine._validate()
    assert "nbgrader>=" in found.do and "course check" in found.problem and not found.stops


@pytest.mark.parametrize("part", ["front", "server"])
def test_a_validate_that_is_really_disabled_is_seen(part: str, tmp_path: Path) -> None:
    """By Jupyter's own configuration, read in a new process."""
    name, file, text = {
        "front": ("_front_end", "labconfig/page_config.json", '{"disabledExtensions": {"@jupyter/nbgrader": true}}'),
        "server": ("_server_side", "jupyter_server_config.json",
                   '{"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.validate_assignment": false}}}'),
    }[part]
    settings = tmp_path / file
    settings.parent.mkdir(exist_ok=True)
    code = (f"from course_utils import machine\n"
            f"print(machine.{name}(machine.VALIDATE[{('front', 'server').index(part)}]))")

    def seen() -> str:
        return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True,
                              env={**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_PREFER_ENV_PATH": "0",
                                   "JUPYTER_CONFIG_PATH": str(tmp_path)}).stdout.strip()

    assert seen() == "True"
    settings.write_text(text)
    assert seen() == "False"


@pytest.mark.parametrize(("widgets", "front", "fits"), [
    ("8.1.9", "3.0.17", True), ("7.7.1", "1.1.11", True), ("8.1.9", "1.1.11", False), ("7.7.1", "3.0.17", False),
    ("8.1.9", "", False),
])
def test_widgets_and_their_part_in_jupyterlab_must_fit(widgets: str, front: str, fits: bool,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"ipywidgets": widgets, "jupyterlab-widgets": front, "jupyterlab": "4.6.6"}
    monkeypatch.setattr(machine, "_version", lambda package: versions[package])
    assert bool(machine._widgets().problem) != fits


@pytest.mark.parametrize(("command", "well"), [
    (["python", "-m", "ipykernel_launcher"], True), (["python3"], True), ([sys.executable], True),
    (["/opt/other/bin/python"], False),
])
def test_a_kernel_of_another_python_is_named(command: list[str], well: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: KernelSpec(argv=command))
    found = machine._kernel()
    assert bool(found.problem) != well
    if not well:
        assert "/opt/other/bin/python" in found.problem and "ipykernel install --sys-prefix" in found.do


def test_without_a_kernel_no_lab_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(self: KernelSpecManager, name: str) -> None:
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    assert machine._kernel().stops


# Data


def test_every_set_is_embedded_or_fetched_and_every_file_belongs_to_one() -> None:
    assert {*machine.EMBEDDED, *machine.FETCHED} == set(data.SETS)
    for path in _corpora.FILES:
        assert len([name for name, start in machine.FETCHED.items() if path.startswith(start)]) == 1, path


def test_sets_that_are_there_are_told_from_those_that_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "mirror"))
    for place, path in (("cache", "text/tinyshakespeare.txt"), ("mirror", "text/war_and_peace.txt")):
        file = tmp_path / place / path
        file.parent.mkdir(parents=True)
        with file.open("wb") as handle:
            handle.truncate(_corpora.FILES[path][0])
    (tmp_path / "cache" / "text" / "linux_kernel_c.txt").write_text("half of it")
    place, here, rest = machine._data(usable=True)
    assert str(tmp_path / "mirror") in place.what and not place.problem
    assert here.what.endswith("digits, glyphs, stdlib, docstrings, tinyshakespeare, war_and_peace")
    assert "linux_c" in rest.what and "mnist" in rest.what and "tinyshakespeare" not in rest.what


def test_a_mirror_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "nowhere"))
    place = next(machine._data(usable=True))
    assert "nowhere" in place.problem and "unset it" in place.do


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    assert "COURSE_DATA_DIR" in next(machine._data(usable=True)).do


def test_free_memory_is_known_without_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    with_psutil = machine._free_memory()
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    without = machine._free_memory()
    if without is None:
        pytest.skip("this system has no /proc/meminfo")
    assert with_psutil and 0.5 < without / with_psutil < 2


def test_a_machine_without_a_sandbox_is_told_to_graders(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_staff.grading import sandbox

    def refuse(self: sandbox.Sandbox) -> None:
        raise sandbox.NoSandbox(f"No sandbox on this machine: bwrap is not installed\n{sandbox.HELP}")

    monkeypatch.setattr(sandbox.Sandbox, "check", refuse)
    found = machine._sandbox()
    assert "For graders only" in found.problem and "bwrap is not installed" in found.problem and not found.stops
    assert "install bubblewrap" in found.do
