"""Every lab has the anatomy that docs/authors.md describes."""

from __future__ import annotations

import re

import pytest

from course_staff.lab import Lab
from course_staff.paths import Course
from tests.notebooks import ROOT

COURSE = Course(ROOT)
LABS = [Lab.read(COURSE.solution(name)) for name in COURSE.labs]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_size(lab: Lab) -> None:
    assert 6 <= len(lab.answers) <= 10
    assert 20 <= lab.points <= 30
    assert len(lab.written) == 1 and 3 <= sum(cell.points for cell in lab.written.values()) <= 5


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_title_cell_says_what_to_expect(lab: Lab) -> None:
    title = lab.cells[0].source
    assert title.startswith(f"# Lab {lab.name[:2]} · ")
    for word in ("minutes", "hours"):
        if word in title:
            break
    else:
        pytest.fail("how long does it take?")
    assert "deck" in title and "lecture" in title and f"{lab.points:g} for code" in title


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_what_stands_under_further_is_not_run_by_the_grader(lab: Lab) -> None:
    further = next((index for index, cell in enumerate(lab.cells)
                    if not cell.is_code and re.search(r"^#+ .*Further", cell.source, re.MULTILINE)), None)
    assert further is not None, "a lab ends with a section Further"
    code = [cell for cell in lab.cells[further:] if cell.is_code]
    assert code and all("further" in cell.tags for cell in code)
    assert not any("further" in cell.tags for cell in lab.cells[:further])


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_every_test_has_a_hidden_part_with_inputs_of_its_own(lab: Lab) -> None:
    for test in lab.tests.values():
        assert "checks.hidden()" in test.source and "checks.rng(" in test.source, test.grade_id
