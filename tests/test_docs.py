"""The pages that are tied to the lectures: glossary and bibliography."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*(?P<also>[^(]*)\((?P<number>\d\d)\.(?P<section>\d+)\): (?P<text>.+(?:\n  .+)*)", re.MULTILINE)
ENTRIES = list(ENTRY.finditer(GLOSSARY))
LECTURES = sorted((ROOT / "lectures").glob("[0-9]*.py"))
# A word of the glossary may stand in the lecture in another form: with another ending, or hyphenated.
ENDING = re.compile(r"(ies|y|s|d|ing|ed|ion|ence|ated?)$")


def sections(lecture: Path) -> dict[int, str]:
    """The text and code of each numbered section, in small letters."""
    found: dict[int, str] = {}
    number = 0
    for cell in jupytext.read(lecture, fmt="py:percent").cells:
        heading = re.search(r"^## (\d+)\.", cell.source, re.MULTILINE)
        if heading and cell.cell_type == "markdown":
            number = int(heading[1])
        found[number] = found.get(number, "") + "\n" + " ".join(cell.source.lower().split())
    return found


SECTIONS = {lecture.stem[:2]: sections(lecture) for lecture in LECTURES}


def test_every_line_of_the_glossary_is_an_entry_and_they_are_in_order() -> None:
    assert len(ENTRIES) == len(re.findall(r"^- ", GLOSSARY, re.MULTILINE)) > 80
    terms = [entry["term"].casefold() for entry in ENTRIES]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["term"])
def test_the_lecture_and_section_of_an_entry_explain_its_term(entry: re.Match[str]) -> None:
    found = SECTIONS[entry["number"]].get(int(entry["section"]))
    assert found is not None, f"lecture {entry['number']} has no section {entry['section']}"
    for word in re.findall(r"[\w-]+", entry["term"].lower()):
        assert ENDING.sub("", word) in found, f"{word!r} is not in {entry['number']}.{entry['section']}"


def test_the_glossary_draws_on_every_lecture() -> None:
    assert {entry["number"] for entry in ENTRIES} == set(SECTIONS)


def test_the_bibliography_is_what_the_lectures_cite() -> None:
    """It also fails where two lectures cite one work in different words."""
    made = subprocess.run([sys.executable, ROOT / "docs" / "make_bibliography.py", "--check"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize("script", [*LECTURES, *sorted(ROOT.glob("solutions/*/*.py"))], ids=lambda path: path.name)
def test_no_line_of_a_formula_is_read_as_the_item_of_a_list(script: Path) -> None:
    """A line that begins with a minus ends the formula that it should go on with."""
    for cell in jupytext.read(script, fmt="py:percent").cells:
        for paragraph in cell.source.split("\n\n") if cell.cell_type == "markdown" else ():
            dollars = 0
            for line in paragraph.splitlines():
                assert not (dollars % 2 and re.match(r"\s*([-+*]|\d+[.)])\s", line)), line
                dollars += re.sub(r"`[^`]*`|\\\$|\$\$", "", line).count("$")
