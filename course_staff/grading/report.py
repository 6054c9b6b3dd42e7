"""report.html: one page about a graded lab, for the instructor. Everything that came from students is escaped."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from course_staff.grading import sanitise, similar
from course_staff.grading.marks import Row
from course_staff.grading.notebook import NO_SANDBOX
from course_staff.grading.store import replace
from course_staff.lab import Lab

BINS = 10
KEPT = ("verdicts", "seconds", "memory_megabytes", "runs")
MOST_COMMON = 3  # failing checks shown for an exercise
SLOWEST = 5
STATUSES = ("passed", "failed", "unanswered", "missing", "limit", "died")
_NUMBERS = re.compile(r"(?<![A-Za-z_\d])-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


@dataclass(frozen=True)
class Exercise:
    """How a class did on one autograded exercise.

    mean: mean share of the points. discrimination: correlation with the points of all other exercises, None where one
    of the two does not vary.
    """

    name: str
    points: float
    mean: float
    discrimination: float | None
    statuses: dict[str, int]
    messages: list[tuple[str, int]]
    seconds: float


def write(directory: Path, lab: Lab, rows: Sequence[Row]) -> Path:
    """Write report/LAB.html from the table and from results/. Returns the file."""
    results = {row.student: content for row in rows if row.standing is not None
               and (content := _result(directory, lab.name, row.student)) is not None}
    environment = jinja2.Environment(loader=jinja2.PackageLoader("course_staff.grading"), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["line"] = sanitise.one_line
    page = environment.get_template("report.html").render(**_facts(lab, rows, results), no_sandbox=NO_SANDBOX)
    path = directory / "report" / f"{lab.name}.html"
    replace(path, page.encode())
    return path


def _facts(lab: Lab, rows: Sequence[Row], results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    graded = [row for row in rows if row.standing is not None]
    totals = [row.standing.total for row in graded if row.standing]
    most = sum(cell.points for cell in (*lab.tests.values(), *lab.written.values()))
    seconds = {student: content["seconds"] for student, content in results.items()}
    memory = {student: content.get("memory_megabytes", 0.0) for student, content in results.items()}
    given = {exercise: similar.runs(cell.source) for exercise, cell in lab.answers.items()}
    return {
        "lab": lab, "most": most, "rows": rows, "graded": graded,
        "ungraded": [row for row in rows if row.standing is None],
        "waiting": [row for row in graded if row.standing and row.standing.pending],
        "written": sum(cell.points for cell in lab.written.values()),
        "mean": statistics.mean(totals) if totals else None,
        "median": statistics.median(totals) if totals else None,
        "deviation": statistics.stdev(totals) if len(totals) > 1 else None,
        "bins": _histogram(totals, most),
        "exercises": exercises(lab, results),
        "notes": [(row, note) for row in graded for note in row.notes],
        "pairs": similar.pairs({student: content.get("runs", {}) for student, content in results.items()}, given),
        "unsafe": any(row.sandbox == "none" for row in rows),
        "seconds": seconds, "memory": memory,
        "slowest": sorted(seconds, key=lambda student: -seconds[student])[:SLOWEST],
    }


def exercises(lab: Lab, results: dict[str, dict[str, Any]]) -> list[Exercise]:
    """Difficulty, discrimination and the commonest failures of each autograded exercise."""
    names = list(lab.tests)
    earned = np.array([[content["verdicts"][name]["points"] for name in names] for content in results.values()])
    found = []
    for place, name in enumerate(names):
        verdicts = [content["verdicts"][name] for content in results.values()]
        told = [text for verdict in verdicts if verdict["status"] in ("failed", "limit", "died")
                if (text := _slip(verdict["message"]))]
        statuses = Counter(verdict["status"] for verdict in verdicts)
        points = lab.tests[name].points
        found.append(Exercise(
            name, points, float(earned[:, place].mean() / points) if len(earned) and points else 0.0,
            _discrimination(earned, place), {status: statuses[status] for status in STATUSES if statuses[status]},
            _commonest(told),
            statistics.median(verdict["seconds"] for verdict in verdicts) if verdicts else 0.0,
        ))
    return found


def _discrimination(earned: np.ndarray, place: int) -> float | None:
    if len(earned) < 3:
        return None
    own, others = earned[:, place], np.delete(earned, place, axis=1).sum(axis=1)
    if own.std() == 0 or others.std() == 0:
        return None
    return float(np.corrcoef(own, others)[0, 1])


def _slip(message: str) -> str:
    """The part of a message that says most: the likely slip, where one is named."""
    text = sanitise.plain_text(message)
    return sanitise.one_line(text.rpartition("Likely slip: ")[2], 300)


def _commonest(told: Sequence[str]) -> list[tuple[str, int]]:
    """The commonest messages, each with how many had it. Those that differ in numbers alone count as one."""
    kinds = Counter(_NUMBERS.sub("#", text) for text in told)
    return [(Counter(text for text in told if _NUMBERS.sub("#", text) == kind).most_common(1)[0][0], count)
            for kind, count in kinds.most_common(MOST_COMMON)]


def _histogram(totals: Sequence[float], most: float) -> list[tuple[str, int]]:
    """Label and count of each bin. A bin is a whole number of points wide, and the last one holds the full mark."""
    width = max(1, math.ceil(most / BINS))
    edges = np.arange(0, max(most, 1) + width, width)
    counts, _ = np.histogram(totals, bins=edges)
    return [(f"{low:g} to {min(low + width, most):g}", int(count)) for low, count in zip(edges, counts, strict=False)]


def _result(directory: Path, lab: str, student: str) -> dict[str, Any] | None:
    try:
        content = json.loads((directory / "results" / lab / f"{student}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # Outputs stand in it too, of 500 students: only what the page needs is kept.
    return {name: content[name] for name in KEPT if name in content} if "verdicts" in content else None
