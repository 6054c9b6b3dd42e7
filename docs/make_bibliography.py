"""Write bibliography.md: the references of all lectures in one list, each with the lectures that cite it.

    python docs/make_bibliography.py [--check]

The lectures' own lists are the source: section "References", one work an item, the same words in every lecture.
--check writes nothing and exits with 1 where the file is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import unicodedata
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "bibliography.md"
HEADING = "## References"
INTRODUCTION = """\
# Bibliography

The works that the lectures cite, by first author; the papers behind the decks are among them. Behind each stand the
lectures that cite it, and say there what for. `docs/make_bibliography.py` collects this page from the lectures.

"""


def references(lecture: Path) -> list[str]:
    """The items under "References" of a lecture, each on one line."""
    notebook = jupytext.read(lecture, fmt="py:percent")
    lists = [cell.source.split(HEADING, 1)[1] for cell in notebook.cells
             if cell.cell_type == "markdown" and HEADING in cell.source]
    if len(lists) != 1:
        raise SystemExit(f"{lecture}: one section {HEADING!r} is wanted, {len(lists)} were found.")
    items = re.split(r"^- ", lists[0].strip(), flags=re.MULTILINE)
    return [" ".join(item.split()) for item in items if item.strip()]


def title(item: str) -> str:
    """What comes after the authors, up to the first full stop: without markup, in small letters.

    The authors end at the first full stop that does not follow an initial.
    """
    _, _, rest = re.sub(r"(\w\w)\. ", r"\1\0", item, count=1).partition("\0")
    words = re.sub(r"\]\([^)]*\)|[*\[]", "", rest or item)
    return re.split(r"[.?] ", words, maxsplit=1)[0].strip(" .").lower()


def order(item: str) -> tuple[str, str]:
    """Sorts by the first author's surname without accents, then by year."""
    author = re.match(r"(?:[A-ZÀ-Ž]\.[- ]?)*(.*)", item)
    plain = unicodedata.normalize("NFKD", author.group(1) if author else item).encode("ascii", "ignore").decode()
    years = re.findall(r"\b(?:18|19|20)\d\d\b", re.sub(r"\(\S+\)", "", item))
    return re.split(r"[,.]", plain)[0].casefold(), years[-1] if years else ""


def page(lectures: list[Path]) -> str:
    """The whole page. Raises SystemExit where two lectures name the same work in different words."""
    cited: dict[str, list[str]] = {}
    known: dict[tuple[str, str], str] = {}
    for lecture in lectures:
        for item in references(lecture):
            work = (title(item), order(item)[1])
            if known.setdefault(work, item) != item:
                raise SystemExit(f"{lecture.name} and {cited[known[work]]} cite one work in different words:\n"
                                 f"  {item}\n  {known[work]}")
            cited.setdefault(item, []).append(lecture.stem)
    entries = []
    for item in sorted(cited, key=order):
        links = ", ".join(f"[{stem[:2]}](../lectures/{stem}.ipynb)" for stem in cited[item])
        entries.append(textwrap.fill(f"{item} ({links})", 150, initial_indent="- ", subsequent_indent="  ",
                                     break_long_words=False, break_on_hyphens=False))
    return INTRODUCTION + "\n".join(entries) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = page(sorted((ROOT / "lectures").glob("[0-9]*.py")))
    if check:
        stale = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text
        print(f"{PAGE.name} is {'stale: run python docs/make_bibliography.py' if stale else 'up to date'}.")
        return int(stale)
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.name}: {text.count(chr(10) + '- ')} works.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
