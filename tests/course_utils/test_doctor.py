"""course check: every finding is provoked, and the notebook is never touched."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.utils import compute_checksum

from course_utils import cli, doctor
from course_utils.doctor import run as running
from course_utils.doctor import structure

ROOT = Path(__file__).parents[2]
STUB = 'raise checks.Unanswered("Replace this line with your answer.")'


def code(source: str, grade_id: str = "", role: str = "", points: float = 0, **metadata: Any) -> dict:
    cell: dict = {"cell_type": "code", "metadata": dict(metadata), "source": source, "outputs": [],
                  "execution_count": None}
    return graded(cell, grade_id, role, points) if grade_id else cell


def text(source: str, grade_id: str = "", points: float = 0) -> dict:
    cell: dict = {"cell_type": "markdown", "metadata": {}, "source": source}
    return graded(cell, grade_id, "written", points) if grade_id else cell


def graded(cell: dict, grade_id: str, role: str, points: float) -> dict:
    settings = {"grade_id": grade_id, "grade": role in ("test", "written"), "solution": role in ("answer", "written"),
                "locked": role in ("test", "setup"), "schema_version": 3, "task": False, "cell_type": cell["cell_type"]}
    cell["metadata"]["nbgrader"] = settings | ({"points": points} if points else {})
    settings = cell["metadata"]["nbgrader"]
    settings["checksum"] = compute_checksum(nbformat.from_dict(cell))
    return cell


def lab(facts: bool = True) -> dict:
    """A released lab: two exercises and a written answer. facts: with what the build notes about it."""
    cells = [
        text("# A lab"),
        code("import math\nfrom course_utils import checks", "setup", "setup"),
        code(f"def double(x):\n    {STUB}", "double", "answer"),
        code('assert double(2) == 4', "test_double", "test", 2),
        code(f"def half(x):\n    {STUB}", "half", "answer"),
        code('assert half(2) == 1', "test_half", "test", 3),
        text("*Write your answer here.*", "experiment", 4),
    ]
    released = {cell["metadata"]["nbgrader"]["grade_id"]: hashlib.sha1(cell["source"].encode()).hexdigest()
                for cell in cells if cell["metadata"]}
    originals = {cell["metadata"]["nbgrader"]["grade_id"]: cell["source"].splitlines(keepends=True) for cell in cells
                 if cell["metadata"] and cell["metadata"]["nbgrader"]["solution"]}
    course = {"course": {"lab": "01_lab", "cells": released, "released": originals}} if facts else {}
    return {"nbformat": 4, "nbformat_minor": 5, "cells": cells,
            "metadata": course | {"kernelspec": {"name": "python3", "language": "python"}}}


def answered(facts: bool = True) -> dict:
    notebook = lab(facts)
    at(notebook, "double")["source"] = "def double(x):\n    return 2 * x"
    at(notebook, "half")["source"] = "def half(x):\n    return x / 2"
    at(notebook, "experiment")["source"] = "It is slower."
    return notebook


def at(notebook: dict, grade_id: str) -> dict:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def without_torch(notebook: dict) -> dict:
    """The set-up cell replaced by one that runs at once, where the checks are not needed."""
    setup = at(notebook, "setup")
    setup["source"] = "import math"
    notebook["metadata"]["course"]["cells"]["setup"] = hashlib.sha1(setup["source"].encode()).hexdigest()
    return notebook


def save(folder: Path, notebook: dict, name: str = "01_lab.ipynb") -> Path:
    path = folder / name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def found(folder: Path, notebook: dict, name: str = "01_lab.ipynb") -> list[str]:
    """What is found without running the notebook, each as one text."""
    read = structure.read(save(folder, notebook, name))
    return [f"{item.what} {item.why} {item.do}" for item in structure.findings(read)]


def the_one(findings: list[str], pattern: str) -> str:
    """The finding that matches; there must be just one."""
    matching = [finding for finding in findings if re.search(pattern, finding)]
    assert len(matching) == 1, findings
    return matching[0]


# Files that are no notebook


@pytest.mark.parametrize(("name", "content", "says"), [
    ("01_lab.ipynb", "", "is empty"),
    ("01_lab.ipynb", "  \n", "is empty"),
    ("01_lab.ipynb", '{"cells": [', "damaged notebook: its JSON breaks off at line 1"),
    ("01_lab.ipynb", '{"cells": [\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> main\n]}', "merge conflict"),
    ("01_lab.ipynb", "<!DOCTYPE html><html></html>", "is a web page"),
    ("01_lab.py", "import math\n", "is a Python script"),
    ("01_lab.txt", "my answers", "is plain text"),
    ("01_lab.ipynb", "my answers", "is no notebook"),
    ("01_lab.ipynb", "[1, 2]", "it has no cells"),
    ("01_lab.ipynb", '{"name": "x"}', "it has no cells"),
    ("01_lab.ipynb", '{"cells": 3}', "it has no cells"),
    ("01_lab.ipynb", "[" * 100_000, "is no notebook"),
    ("01_lab.ipynb", '{"worksheets": [], "nbformat": 3}', "format of 2014"),
])
def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys, name, content, says):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert doctor.check(tmp_path / name) == 2
    output = capsys.readouterr().out
    assert says in " ".join(output.split())
    assert doctor.READY not in output and "Traceback" not in output


def test_a_file_of_another_encoding_is_no_notebook(tmp_path, capsys):
    (tmp_path / "01_lab.ipynb").write_bytes(json.dumps(lab()).encode("utf-16"))
    assert doctor.check(tmp_path / "01_lab.ipynb") == 2


def test_a_missing_file_and_a_folder_are_named(tmp_path, capsys):
    assert doctor.check(tmp_path / "no.ipynb") == 2
    assert "There is no file" in capsys.readouterr().out
    save(tmp_path, lab())
    assert doctor.check(tmp_path) == 2
    assert "Name one: 01_lab.ipynb" in " ".join(capsys.readouterr().out.split())


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "01_lab.ipynb"
    path.write_text(json.dumps(answered()), encoding="utf-8-sig")
    assert structure.findings(structure.read(path)) == []


# What shows without running


@pytest.mark.parametrize("facts", [True, False])
def test_an_answered_lab_gives_no_finding(tmp_path, facts):
    assert found(tmp_path, answered(facts)) == []


@pytest.mark.parametrize("facts", [True, False])
def test_the_untouched_lab_is_unanswered_and_nothing_else(tmp_path, facts):
    findings = found(tmp_path, lab(facts))
    assert len(findings) == 2
    assert the_one(findings, "not answered").startswith("2 exercises are not answered: double, half.")
    assert the_one(findings, "no written").startswith("1 exercise has no written answer: experiment.")


def test_a_stub_that_is_left_is_unanswered_and_one_behind_a_return_is_not(tmp_path):
    notebook = answered()
    at(notebook, "double")["source"] = f"def double(x):\n    y = 2 * x\n    {STUB}"
    at(notebook, "half")["source"] = f"def half(x):\n    return x / 2\n    {STUB}"
    assert "not answered: double." in the_one(found(tmp_path, notebook), "not answered")
    at(notebook, "double")["source"] = f"def double(x:\n    {STUB}"  # not Python: the text decides
    assert "not answered: double." in the_one(found(tmp_path, notebook), "not answered")


def test_a_written_answer_below_the_placeholder_counts_and_an_emptied_one_does_not(tmp_path):
    notebook = answered()
    at(notebook, "experiment")["source"] = "*Write your answer here.*\n\nIt is slower."
    assert found(tmp_path, notebook) == []
    at(notebook, "experiment")["source"] = " \n"
    the_one(found(tmp_path, notebook), "no written answer")


def test_a_lost_cell_is_named(tmp_path):
    for grade_id in ("double", "test_half", "experiment", "setup"):
        notebook = answered()
        notebook["cells"].remove(at(notebook, grade_id))
        assert f"missing: {grade_id}." in the_one(found(tmp_path, notebook), "missing")


@pytest.mark.parametrize("grade_id", ["double", "test_half"])
def test_a_lost_answer_or_check_is_named_even_where_the_file_does_not_list_its_cells(tmp_path, grade_id):
    notebook = answered(facts=False)
    notebook["cells"].remove(at(notebook, grade_id))
    assert f"missing: {grade_id}." in the_one(found(tmp_path, notebook), "missing")


def test_the_list_of_cells_may_come_without_hashes(tmp_path):
    notebook = answered()
    notebook["metadata"]["course"]["cells"] = list(notebook["metadata"]["course"]["cells"])
    assert found(tmp_path, notebook) == []
    notebook["cells"].remove(at(notebook, "experiment"))
    the_one(found(tmp_path, notebook), "missing: experiment")


def test_a_doubled_cell_is_named(tmp_path):
    notebook = answered()
    notebook["cells"].append(deepcopy(at(notebook, "double")))
    finding = the_one(found(tmp_path, notebook), "times")
    assert "The cell double is there 2 times: cells 3 and 8." in finding


@pytest.mark.parametrize("facts", [True, False])
def test_an_edited_check_and_an_edited_setup_cell_are_named(tmp_path, facts):
    notebook = answered(facts)
    at(notebook, "test_double")["source"] = "assert True"
    at(notebook, "setup")["source"] += "\nimport statistics"
    findings = found(tmp_path, notebook)
    assert len(findings) == 2
    assert the_one(findings, "the check of double").startswith("Cell 4 (the check of double, 2 points) was edited.")
    the_one(findings, "the set-up cell, was edited")


@pytest.mark.parametrize("name", [f"01_lab{added}.ipynb" for added in ("-Copy1", " (1)", "(2)", "-Copy1 (1)")])
def test_the_name_of_a_copy_is_known_even_where_the_file_does_not_say_its_lab(tmp_path, name):
    assert "Rename it to 01_lab.ipynb" in the_one(found(tmp_path, answered(facts=False), name), "is named")


def test_a_name_under_which_the_lab_is_not_collected_is_named(tmp_path):
    assert found(tmp_path, answered(facts=False), "any name.ipynb") == []
    assert "Rename it to 01_lab.ipynb" in the_one(found(tmp_path, answered(), "my work.ipynb"), "is named")
    assert "Rename it to 01_lab.ipynb" in the_one(found(tmp_path, answered(), "01_lab-Copy1.ipynb"), "is named")
    assert "Rename it to 01_lab.ipynb" in the_one(found(tmp_path, answered(), "01_lab.ipynb.txt"), "is named")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    the_one(found(tmp_path / ".ipynb_checkpoints", answered(), "01_lab-checkpoint.ipynb"), "is a checkpoint")


def test_another_language_is_named(tmp_path):
    notebook = answered()
    notebook["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
    the_one(found(tmp_path, notebook), "set to the language r")


def test_a_notebook_without_exercises_is_named(tmp_path):
    notebook = answered()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    assert len(found(tmp_path, notebook)) == 1
    the_one(found(tmp_path, notebook), "No cell of this notebook is an exercise")


def test_odd_metadata_are_named(tmp_path):
    notebook = answered()
    at(notebook, "half")["cell_type"] = "raw"
    at(notebook, "test_double")["metadata"]["tags"] = ["skip-execution"]
    notebook["cells"].append(code("def other(): pass", "other", "answer"))
    findings = found(tmp_path, notebook)
    assert len(findings) == 3
    the_one(findings, r"Cell 5 \(half\) was turned from a code cell into a raw cell")
    the_one(findings, "skip-execution")
    the_one(findings, r"Cell 8 \(other\) is not part of this lab")


@pytest.mark.parametrize("source", ["%pip install -q x", "!pip install x", "import os\n!apt-get -y install x",
                                    "!python -m pip install x"])
def test_a_cell_that_installs_packages_is_named(tmp_path, source):
    notebook = answered()
    notebook["cells"].insert(1, code(source))
    the_one(found(tmp_path, notebook), "Cell 2 installs packages")
    notebook["cells"][1]["source"] = "# pip install x is not needed\ninstall = 1\n!pip list"
    assert found(tmp_path, notebook) == []


@pytest.mark.parametrize("broken", [
    {"metadata": None}, {"metadata": {"course": [1], "kernelspec": "x", "language_info": 3}}, {"cells": [1, None, {}]},
    {"cells": [{"cell_type": "code", "source": [1, "x"], "metadata": {"nbgrader": "x", "tags": 5}, "outputs": "x"}]},
    {"cells": [{"cell_type": "code", "source": 3, "metadata": {"nbgrader": {"grade_id": 4, "points": "x"}}}]},
])
def test_strange_metadata_break_nothing(tmp_path, capsys, broken):
    assert doctor.check(save(tmp_path, answered() | broken), run=False) in (0, 1)


@pytest.mark.parametrize(("source", "names"), [
    ("import numpy as np, os.path\nfrom math import sin as s", {"np", "os", "s"}),
    ("a, (b, *c) = 1, (2, 3)\nfor d in e: f += 1\nwith g as h: pass", set("abcdfh")),
    ("def f(x):\n    y = 1\nclass C:\n    z = 2", {"f", "C"}),
    ("x = [i for i in range(3)]\n%matplotlib inline\n!ls\nif (n := 3): m: int = 4", set("xnm")),
    ("def f(x:\n  pass\ny = 1\nclass C(", {"f", "y", "C"}),
    ("%%bash\nx = 1", set()),
])
def test_the_names_that_a_cell_binds(source, names):
    assert structure.bound_names(source) == names


# Running


def lines(output: str) -> str:
    return " ".join(output.split())


def test_an_answered_lab_is_ready(tmp_path, capsys):
    path = save(tmp_path, answered())
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert doctor.check(path) == 0
    output = capsys.readouterr().out
    assert output.rstrip().split("\n")[-1] == "Ready to hand in"
    assert "Visible checks that pass: 5 of 5 points." in output
    assert re.search(r"double +2 +written +passes", output) and re.search(r"experiment +4 +written +read by a", output)
    assert "This is not your mark" in output
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.iterdir()] == ["01_lab.ipynb"]


def test_the_untouched_lab_runs_and_says_only_what_is_empty(tmp_path, capsys):
    assert doctor.check(save(tmp_path, lab())) == 1
    output = capsys.readouterr().out
    assert output.rstrip().split("\n")[-1] == "2 things to look at"
    assert "Visible checks that pass: 0 of 5 points." in output and doctor.READY not in output


def test_without_a_run_nothing_is_run_and_that_is_said(tmp_path, capsys):
    notebook = answered()
    notebook["cells"].append(code("open('ran', 'w').close()"))
    assert doctor.check(save(tmp_path, notebook), run=False) == 0
    output = capsys.readouterr().out
    assert output.rstrip().split("\n")[-1] == "Ready to hand in, as far as can be seen without running it"
    assert "not run" in output and "points." not in output
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def faults(tmp_path_factory) -> list[str]:
    """What is found in one notebook that has most of the faults which show when it runs."""
    notebook = lab()
    at(notebook, "setup")["source"] = "from course_utils import checks"
    at(notebook, "half")["source"] = "def half(x):\n    return x / 3"
    half, double = at(notebook, "test_half"), at(notebook, "test_double")
    half["source"] = "checks.close(half(2.0), 1.0, 'half(2)', slips={'divided by 3 and not by 2': 2 / 3})"
    quarter = code("def quarter(x):\n    return half(half(x))", "quarter", "answer")
    test_quarter = code("assert quarter(4) == 1", "test_quarter", "test", 1, course={"needs": ["half"]})
    double.update(execution_count=7)  # it ran without an error when the notebook was saved
    wrong = code("def wrong(x)\n    return x", "wrong", "answer")
    test_wrong = code("assert wrong(1)", "test_wrong", "test", 1)
    more = [quarter, test_quarter, wrong, test_wrong, *map(code, [
        "print(deleted)", "print(below)", "below = 1", "learning_rate = 0.1", "print(lerning_rate)",
        "open('data.csv')", "import no_such_package", "input('name?')", "1 / 0", "half_done = 1 / 0",
        "print(half_done)", "import sys; sys.exit(3)", "import matplotlib.pyplot as plt; plt.plot([1]); plt.show()",
        "%matplotlib inline\nawait_me = 1", "import os; open('here', 'w').close(); os.getcwd()",
        "print('x' * 10)\nimport subprocess; subprocess.run(['echo', 'x'])"])]
    more[4]["execution_count"] = 3
    more.append(code("1 / 0", tags=["further"]))
    more.append(code("def crash():\n    return [][5]\ncrash()"))
    more.append(code("crash()"))  # stops at the same line
    notebook["cells"][6:6] = more
    folder = tmp_path_factory.mktemp("faults")
    path = save(folder, notebook)
    read = structure.read(path)
    findings = running.findings(read, running.run(read, seconds=60), 60)
    assert (folder / "here").exists(), "the notebook must run in its own folder"
    return [f"{item.what} {item.why} {item.do}" for item in findings]


@pytest.mark.parametrize(("pattern", "says"), [
    (r"check of half", "Not as expected: half(2). Likely slip: divided by 3 and not by 2"),
    (r"check of double", "It passed in the notebook as you saved it, so something has changed since."),
    (r"check of quarter", "It uses your half, whose check does not pass either: begin there."),
    (r"\(wrong\) stops with SyntaxError", "at `def wrong(x)`. The cell is not Python"),
    (r"print\(deleted\)", "It ran in the notebook as you saved it, so something has changed since. No cell of the "
     "notebook defines deleted."),
    (r"print\(below\)", "below is defined only further down, in cell"),
    (r"print\(lerning_rate\)", "Or is it learning_rate, misspelt?"),
    (r"data\.csv", "Only the notebook is handed in"),
    (r"no_such_package", "not installed here"),
    (r"input\(", "nobody types"),
    (r"\(1 / 0\)", "stops with ZeroDivisionError"),
    (r"\(half_done = 1 / 0\)", "stops with ZeroDivisionError"),
    (r"sys\.exit", "It ends the run on purpose."),
    (r"def crash", "stops with IndexError: list index out of range at `return [][5]`"),
])
def test_a_fault_that_shows_when_it_runs_is_named(faults, pattern, says):
    assert says in the_one(faults, r"^[^.]*" + pattern)


def test_nothing_else_is_named(faults):
    """Not what follows from another fault, not what is in order, not the cells tagged further."""
    assert len(faults) == 14, faults


def test_a_lost_answer_is_said_once(tmp_path, capsys):
    notebook = without_torch(answered())
    notebook["cells"].remove(at(notebook, "double"))
    assert doctor.check(save(tmp_path, notebook)) == 1
    output = capsys.readouterr().out
    assert "1 thing to look at" in output and "missing: double" in output
    assert re.search(r"double +2 +missing +does not pass", output)


def test_further_cells_run_when_asked(tmp_path, capsys):
    notebook = without_torch(answered())
    notebook["cells"].append(code("1 / 0", tags=["further"]))
    path = save(tmp_path, notebook)
    assert doctor.check(path) == 0
    assert doctor.check(path, further=True) == 1


def test_an_endless_loop_costs_its_cell_only(tmp_path, capsys):
    notebook = without_torch(answered())
    at(notebook, "double")["source"] = "def double(x):\n    while True:\n        pass"
    notebook["cells"].append(code("import time\ntime.sleep(1000)"))
    assert doctor.check(save(tmp_path, notebook), seconds=5) == 1
    output = lines(capsys.readouterr().out)
    assert "Cell 4 (the check of double, 2 points) did not end within 5 s." in output
    assert "Cell 8 (time.sleep(1000)) did not end within 5 s." in output
    assert "Visible checks that pass: 3 of 5 points." in output and "could not be tried" not in output


def test_a_loop_that_swallows_the_interruption_ends_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.5)
    notebook = without_torch(answered())
    at(notebook, "double")["source"] = (
        "import time\ndef double(x):\n    while True:\n        try: time.sleep(1)\n        except BaseException: pass")
    assert doctor.check(save(tmp_path, notebook), seconds=5) == 1
    output = lines(capsys.readouterr().out)
    assert "did not end within 5 s." in output and "The cells after it could not be tried." in output
    assert "half 3 written not run" in output


@pytest.mark.parametrize(("source", "says"), [
    ("import os; os._exit(3)", "ended the Python process (exit status 3)"),
    pytest.param("import os; os.kill(os.getpid(), 9)", "(signal SIGKILL, often for lack of memory)",
                 marks=pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")),
])
def test_the_end_of_the_process_is_named(tmp_path, capsys, source, says):
    notebook = without_torch(answered())
    notebook["cells"].insert(1, code(source))
    assert doctor.check(save(tmp_path, notebook)) == 1
    assert says in lines(capsys.readouterr().out)


@pytest.mark.skipif(os.name != "posix", reason="process groups of POSIX")
def test_nothing_is_left_running(tmp_path, capsys):
    notebook = without_torch(answered())
    beat = "import time\nwhile True:\n    open('beat', 'w').write(str(time.time()))\n    time.sleep(0.05)"
    notebook["cells"].append(code(
        f"import os, subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {beat!r}])\n"
        "while not os.path.exists('beat'): time.sleep(0.05)"))
    doctor.check(save(tmp_path, notebook))
    last = (tmp_path / "beat").read_text()
    time.sleep(1)
    assert (tmp_path / "beat").read_text() == last


def test_a_process_that_does_not_start_is_no_verdict(tmp_path, capsys, monkeypatch):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no IPython here')")
    monkeypatch.setattr(running, "SERVER", broken)
    assert doctor.check(save(tmp_path, answered())) == 2
    output = lines(capsys.readouterr().out)
    assert "no IPython here" in output and doctor.READY not in output


STAFF_ONLY = ["nbformat", "nbclient", "nbconvert", "nbgrader", "jupytext", "rich", "click", "ipykernel",
              "jupyter_client", "course_staff"]


def test_the_core_packages_are_enough(tmp_path):
    """Run where everything beyond the core cannot be imported, in this process and in the one that it starts."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Guard:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {STAFF_ONLY!r}:\n"
        "            raise ModuleNotFoundError(f'{name} is not part of the core', name=name)\n"
        "sys.meta_path.insert(0, Guard())\n")
    notebook = answered()
    refused = [f"try: import {name}\nexcept ModuleNotFoundError: pass\nelse: raise ValueError({name!r})"
               for name in STAFF_ONLY]
    notebook["cells"].append(code("\n".join(refused)))  # the guard guards
    path = save(tmp_path, notebook)
    script = "import pathlib, sys; from course_utils import doctor; sys.exit(doctor.check(pathlib.Path(sys.argv[1])))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("Ready to hand in")


@pytest.mark.parametrize(("make", "status"), [(answered, 0), (lab, 1), (dict, 2)])
def test_the_exit_status_of_the_command(tmp_path, capsys, make, status):
    assert cli.main(["check", "--no-run", str(save(tmp_path, make()))]) == status


# The labs themselves


@pytest.mark.parametrize("release", sorted((ROOT / "labs").glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_an_untouched_lab_of_the_course_is_empty_and_nothing_else(tmp_path, capsys, release):
    copy = Path(shutil.copy(release, tmp_path))
    assert doctor.check(copy, run=False) == 1
    output = capsys.readouterr().out
    assert "2 things to look at" in output and "not answered" in output and "no written answer" in output
