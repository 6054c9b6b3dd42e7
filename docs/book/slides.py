"""Each executed lecture as a deck of reveal.js that needs no network."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import nbformat
import vendor
from nbconvert import SlidesExporter
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
LONGEST_CODE = 14  # lines; longer cells are folded, so that a slide shows what comes out of them

INDEX = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Slides of the lectures</title>
<style>body {{ font: 18px/1.6 sans-serif; margin: 3em auto; max-width: 40em; padding: 0 1em; color: #222 }}
a {{ color: #005a9c }}</style></head>
<body><main><h1>Slides of the lectures</h1>
<p>Arrow keys go right to the next section and down within one; the space bar goes on; Esc shows all slides;
S opens the speaker's view.</p>
<ol>
{items}
</ol></main></body>
</html>
"""


def write_decks(notebooks: list[Path], target: Path, cache: Path) -> None:
    """One HTML file for each executed notebook, and an index. vendor.json's packages lie beside them."""
    target.mkdir(parents=True, exist_ok=True)
    vendor.install(vendor.SLIDES, target / "vendor", cache)
    items = []
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        name = title(notebook)
        (target / f"{path.stem}.html").write_text(deck(notebook, name), encoding="utf-8")
        items.append(f'<li value="{int(path.stem[:2])}"><a href="{path.stem}.html">{html.escape(name)}</a></li>')
    (target / "index.html").write_text(INDEX.format(items="\n".join(items)), encoding="utf-8")


def title(notebook: Any) -> str:
    """The text of the first heading, without the module's number."""
    return re.sub(r"^# (?:\d\d · )?", "", notebook.cells[0].source.splitlines()[0])


def deck(notebook: Any, name: str) -> str:
    """The deck as one HTML page, which finds reveal.js and MathJax in vendor/ beside it."""
    notebook.metadata["title"] = name
    for cell in notebook.cells:
        # Links from lecture to lecture lead to the other deck, and to a lab from build/slides/.
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.html)", cell.source)
            cell.source = cell.source.replace("](../labs/", "](../../labs/")
        elif cell.source.count("\n") >= LONGEST_CODE:
            cell.metadata["fold"] = True
    exporter = SlidesExporter(config=Config({
        "SlidesExporter": {
            "extra_template_basedirs": [str(HERE)], "template_name": "slides", "exclude_input_prompt": True,
            "exclude_output_prompt": True, "reveal_url_prefix": "vendor/reveal.js", "exclude_anchor_links": True,
            "embed_images": True}}))
    exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)  # else printed tables fall apart
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)
