"""Text and pictures of students, made safe to open: in nbgrader's formgrader, in feedback, on a terminal.

The rules look at characters and never parse: a parser of ours that reads Markdown otherwise than nbconvert, JupyterLab
or MathJax does would be the hole. What a rule stops is kept readable: an invisible character (U+200B) parts the two
characters that together have a meaning.
"""

from __future__ import annotations

import base64
import binascii
import functools
import io
import re
from typing import Any, NewType

from PIL import Image

APART = "\u200b"
MAX_TEXT = 20_000  # characters of output shown for one cell
MAX_IMAGES = 10  # for one cell
MAX_IMAGE_BYTES = 10_000_000
COMMON_CHARACTERS = 400_000  # in base64, of a picture that is kept in case it comes again
MAX_PIXELS = 25_000_000
SHOWN_WIDTH = 800  # pixels: in formgrader and in feedback a wider picture leaves the page on the right

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Control characters, and those that turn the reading direction: with them, code does not say what it does.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")

_WEB = r"https?://[^\s<>\"'`\\]"
_PARTED = (
    # A tag, a comment or an autolink begins with "<" and one of these; an autolink to the web may stay.
    re.compile(rf"<(?=[A-Za-z/!?])(?!{_WEB}*>)", re.IGNORECASE),
    # An entity would say "<" or "\" after all the rules have looked.
    re.compile(r"&(?=[#A-Za-z])"),
    # A picture is fetched when the page opens, so it is shown as a link.
    re.compile(r"!(?=\[)"),
    # [text](target) and [label]: target.
    re.compile(rf"\](?=\()(?!\(\s*<?{_WEB})", re.IGNORECASE),
    re.compile(rf"\](?=:)(?!:\s*<?{_WEB})", re.IGNORECASE),
    # What MathJax turns into links, attributes, style and extensions.
    re.compile(r"\\(?=href|url|require|style|class|cssid|unicode|html|data|bbox|mmltoken|special|csname)",
               re.IGNORECASE),
    # A diagram language with links and HTML of its own.
    re.compile(r"[`~](?=\s*mermaid)", re.IGNORECASE),
)


def plain_text(text: Any) -> str:
    """`text` without terminal codes, control characters, reading-direction marks and lone surrogates."""
    text = "".join(map(str, text)) if isinstance(text, list) else str(text)
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text))
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode("utf-8")


def one_line(text: Any, limit: int = 300) -> str:
    """`plain_text` on one line, cut after `limit` characters: for a table, a log, an error message."""
    line = " ".join(plain_text(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def markdown(text: str) -> str:
    """A written answer: Markdown and formulas work, raw HTML shows as text, links lead to http(s) only."""
    text = plain_text(text).expandtabs(4)
    for pattern in _PARTED:
        text = pattern.sub(lambda found: found.group() + APART, text)
    return text


def png(encoded: Any) -> str | None:
    """A picture in base64, decoded and drawn anew; None for what is no PNG, or too large."""
    try:
        encoded = "".join(encoded) if isinstance(encoded, list) else encoded
    except TypeError:
        return None
    if not isinstance(encoded, str) or len(encoded) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        return None
    return _common(encoded) if len(encoded) <= COMMON_CHARACTERS else _redrawn(encoded)


def _redrawn(encoded: str) -> str | None:
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            pixels = image.convert("RGBA")
    # Pillow raises SyntaxError for a broken chunk, and DecompressionBombError, which derives from Exception alone.
    except (binascii.Error, ValueError, OSError, SyntaxError, TypeError, Image.DecompressionBombError):
        return None
    drawn = Image.new("RGBA", pixels.size)
    drawn.paste(pixels)  # a new image has none of the old one's metadata
    buffer = io.BytesIO()
    drawn.save(buffer, format="PNG", compress_level=3)  # a third of the time, some per cent more bytes
    return base64.b64encode(buffer.getvalue()).decode("ascii")


# Right answers draw the same picture for most of a class.
_common = functools.lru_cache(maxsize=64)(_redrawn)


def _width(redrawn: str) -> int:
    """The width of a picture made by `png`, in pixels: in the format it is bytes 16 to 19."""
    return int.from_bytes(base64.b64decode(redrawn[:32])[16:20], "big")


Shown = NewType("Shown", dict[str, list[dict[str, Any]]])


def of_cells(untrusted: dict[str, Any]) -> Shown:
    """The outputs of all cells by cell, each as `outputs` makes them."""
    return Shown({cell: outputs(each) for cell, each in untrusted.items()})


def outputs(untrusted: Any) -> list[dict[str, Any]]:
    """Outputs of one cell in nbformat's form, reduced to text and redrawn PNG pictures.

    HTML, SVG, JavaScript, LaTeX, widgets and everything unknown is dropped; its text/plain stays.
    """
    kept: list[dict[str, Any]] = []
    left, images = MAX_TEXT, MAX_IMAGES

    def cut(value: Any) -> str:
        nonlocal left
        text = plain_text(value)
        shown = text if len(text) <= left else text[:left] + "\n… the rest of the output was dropped.\n"
        left = max(0, left - len(text))
        return shown

    for output in untrusted if isinstance(untrusted, list) else []:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream" and left:
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append({"output_type": "stream", "name": name, "text": cut(output.get("text", ""))})
        elif kind in ("display_data", "execute_result"):
            data = output.get("data")
            data = data if isinstance(data, dict) else {}
            shown: dict[str, str] = {}
            if "text/plain" in data and left:
                shown["text/plain"] = cut(data["text/plain"])
            if "image/png" in data and images:
                images -= 1
                redrawn = png(data["image/png"])
                if redrawn is not None:
                    shown["image/png"] = redrawn
            if shown:
                width = min(SHOWN_WIDTH, _width(shown["image/png"])) if "image/png" in shown else 0
                kept.append({"output_type": "display_data", "data": shown,
                             "metadata": {"image/png": {"width": width}} if width else {}})
        elif kind == "error" and left:
            trace = output.get("traceback")
            kept.append({
                "output_type": "error",
                "ename": one_line(output.get("ename", "Error"), 80),
                "evalue": one_line(output.get("evalue", ""), 500),
                "traceback": [cut("\n".join(map(str, trace)) if isinstance(trace, list) else "")],
            })
    return kept
