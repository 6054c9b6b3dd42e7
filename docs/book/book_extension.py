"""Sphinx: what the lectures say in words becomes links, and every figure gets its text alternative.

- "module 01, sections 1 and 2", "section 8" (of the same lecture), "02.7" in the glossary, "02, section 6" in the
  notation lead to that section. A section that does not exist is a warning, and so an error.
- The text that alt_text.py has left beside a picture in the notebook becomes its `alt`. A picture without is a warning.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOG = logging.getLogger(__name__)
NUMBERS = r"\d+(?:(?:,\s+|\s+(?:and|to|or)\s+)\d+)*"
LECTURE = r"0\d(?![\d.])"
MENTION = re.compile(
    rf"\b(?:[Mm]odules?|[Ll]ectures?)\s+(?P<lectures>{LECTURE}(?:(?:,\s+|\s+(?:and|to|or)\s+){LECTURE})*)"
    rf"(?:,\s+sections?\s+(?P<there>{NUMBERS}))?"
    rf"|(?<![\d.])(?P<bare>{LECTURE}),\s+sections?\s+(?P<in_bare>{NUMBERS})"
    rf"|(?<![\d.])(?P<dotted>0\d\.\d+)(?!\d)"
    rf"|\b[Ss]ections?\s+(?P<here>{NUMBERS})")
CELL = re.compile(rf"{LECTURE}(?:,\s+{LECTURE})*")  # of a table that says "from 01"
DOTTED, TABLED = ("docs/glossary",), ("docs/notation",)
KEEP = (nodes.reference, nodes.literal, nodes.literal_block, nodes.title, nodes.math, nodes.raw, nodes.math_block)


def sections(app: Sphinx) -> dict[str, tuple[str, dict[int, str]]]:
    """For each number of a lecture, its page and the anchor of each numbered section."""
    found: dict[str, tuple[str, dict[int, str]]] = {}
    for page, toc in app.env.tocs.items():
        if page.startswith("lectures/"):
            anchors = {}
            for reference in toc.findall(nodes.reference):
                number = re.match(r"(\d+)\. ", reference.astext())
                if number and reference["anchorname"]:
                    anchors[int(number[1])] = reference["anchorname"]
            found[page.removeprefix("lectures/")[:2]] = (page, anchors)
    return found


def link_mentions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Replace mentions of sections in the text of one page by links."""
    known = sections(app)
    own = page.removeprefix("lectures/")[:2] if page.startswith("lectures/") else ""

    def link(text: str, lecture: str, section: int | None) -> nodes.Node:
        if lecture not in known or (section is not None and section not in known[lecture][1]):
            LOG.warning("%r: there is no section %s in lecture %s", text, section, lecture, location=page)
            return nodes.Text(text)
        target, anchors = known[lecture]
        uri = app.builder.get_relative_uri(page, target) if target != page else ""
        uri += anchors[section] if section is not None else ""
        return nodes.reference("", text, refuri=uri or "#", internal=True) if uri else nodes.Text(text)

    def pieces(match: re.Match[str]) -> Iterator[nodes.Node]:
        """The mention, cut so that each number is in a link of its own and the first link has the words before it."""
        text = match[0]
        if match["dotted"]:
            yield link(text, text[:2], int(text[3:])) if page in DOTTED else nodes.Text(text)
            return
        if match["here"]:
            lecture, numbers = own, "here"
        elif match["bare"]:
            lecture, numbers = match["bare"], "in_bare"
        elif match["there"]:
            lecture, numbers = match["lectures"][-2:], "there"
        else:
            lecture, numbers = "", "lectures"
        if not lecture and numbers == "here":
            yield nodes.Text(text)
            return
        start, done = match.start(), match.start()
        if numbers == "there" and len(match["lectures"]) > 2:  # "modules 01 and 02, section 3": the last one is meant
            done = match.end("lectures") - 2
            yield nodes.Text(text[:done - start])
        for number in re.finditer(r"\d+", match[numbers]):
            begin, end = match.start(numbers) + number.start(), match.start(numbers) + number.end()
            first = number.start() == 0
            if not first:
                yield nodes.Text(text[done - start:begin - start])
            words = text[(done if first else begin) - start:end - start]
            yield link(words, lecture or number[0], int(number[0]) if lecture else None)
            done = end

    for text in list(_merged_texts(doctree)):
        value = text.astext()
        replaced: list[nodes.Node] = []
        done = 0
        for match in MENTION.finditer(value):
            replaced += [nodes.Text(value[done:match.start()]), *pieces(match)]
            done = match.end()
        if page in TABLED and CELL.fullmatch(value) and isinstance(text.parent.parent, nodes.entry):
            for part in re.split(r"(0\d)", value):
                replaced.append(link(part, part, None) if part.startswith("0") else nodes.Text(part))
            done = len(value)
        if replaced:
            replaced.append(nodes.Text(value[done:]))
            text.parent.replace(text, [node for node in replaced if node.astext()])


def _merged_texts(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of running prose. Lines of a paragraph are joined first: a mention may go over the end of a line."""
    for element in list(doctree.findall(nodes.TextElement)):
        if isinstance(element, KEEP) or any(isinstance(parent, KEEP) for parent in _parents(element)):
            continue
        merged: list[nodes.Node] = []
        for child in element.children:
            if isinstance(child, nodes.Text) and merged and isinstance(merged[-1], nodes.Text):
                merged[-1] = nodes.Text(merged[-1].astext() + child.astext())
            else:
                merged.append(child)
        element.children = []
        element.extend(merged)
        yield from (child for child in element.children if isinstance(child, nodes.Text))


def _parents(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def describe_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Give the pictures of a notebook the text that stands beside them in its outputs. MyST-NB names a picture's file
    after its SHA-256, which finds it again."""
    path = Path(app.env.doc2path(app.env.docname))
    texts: dict[str, str] = {}
    if path.suffix == ".ipynb":
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", ()):
                picture = output.get("data", {}).get("image/png")
                if picture:
                    name = hashlib.sha256(base64.b64decode(picture)).hexdigest()
                    texts[name] = output.metadata.get("image/png", {}).get("alt", "")
    for image in doctree.findall(nodes.image):
        if not image.get("alt"):
            image["alt"] = texts.get(Path(image["uri"]).stem, "")
            if not image["alt"]:
                LOG.warning("a picture has no text alternative: %s", image["uri"], location=app.env.docname)


def prepare_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to labs are downloads (MyST's path:), not pages. Cells that slides leave out (imports, helpers that draw)
    are folded in the book too."""
    source[0] = re.sub(r"\]\(((?:\.\./)?labs/\w+/\w+\.ipynb)\)", r"](path:\1)", source[0])
    if not str(app.env.doc2path(page)).endswith(".ipynb"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("slideshow", {}).get("slide_type") == "skip":
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
    source[0] = nbformat.writes(notebook)


def name_folds(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """A folded cell is called by what it shows, "Show the code", which MyST-NB's aria-label would hide."""
    if context.get("body"):
        context["body"] = context["body"].replace('<summary aria-label="Toggle hidden content">', "<summary>")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", prepare_source)
    app.connect("doctree-read", describe_figures)
    app.connect("doctree-resolved", link_mentions)
    app.connect("html-page-context", name_folds)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
