"""Every lab keeps its contract: `course verify` says so."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from course_staff.authoring.verify import show, verify_lab
from course_staff.paths import Course
from tests.notebooks import ROOT

COURSE = Course(ROOT)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lab", COURSE.labs)
def test_the_lab_keeps_its_contract(lab: str) -> None:
    report = verify_lab(COURSE, lab, jobs=2)
    table = io.StringIO()
    show(report, Console(file=table, width=160))
    print(table.getvalue())
    assert report.ok, table.getvalue()
    for row in report.rows:
        assert row.mistakes[1] >= 3 and row.alternatives[1] >= 2 and row.universal[1] >= 8 and row.mutants >= 3
