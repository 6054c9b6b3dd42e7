"""Hostile text and pictures, judged by what nbconvert makes of them: the page that formgrader and feedback show."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
from nbconvert.filters import ansi2html, markdown2html
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from course_staff.grading import sanitise

# What Markdown itself may turn into.
HARMLESS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "br",
            "hr", "blockquote", "div", "span", "del", "h1", "h2", "h3", "h4", "h5", "h6"}


class Page(HTMLParser):
    """The tags of a page, its links, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str | None]:
        return [attrs.get("href") for tag, attrs in self.tags if tag == "a" and attrs.get("class") != "anchor-link"]


def page(markdown: str) -> Page:
    return Page(markdown2html(sanitise.markdown(markdown)))


ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x ONERROR=alert(1)>",
    "text <script>alert(1)</script> text",
    "<svg/onload=alert(1)>",
    "<!-- --><iframe src=//evil></iframe>",
    "</div></div><form action=//evil><input>",
    "<details open ontoggle=alert(1)>",
    "$x$ <b onmouseover=alert(1)>b</b>",
    "$$\n<img src=x onerror=alert(1)>\n$$",
    "\\begin{align}<img src=x onerror=alert(1)>\\end{align}",
    "`a` <img src=x onerror=alert(1)> `b`",
    "```\n```\n<img src=x onerror=alert(1)>",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "```mermaid\ngraph TD\nA[<img src=x onerror=alert(1)>]\n```",
    "~~~ mermaid\nclick A \"javascript:alert(1)\"\n~~~",
    "[x](javascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](JaVaScRiPt:alert(1) \"title\")",
    "[x](vbscript:x) [y](data:text/html,<script>alert(1)</script>) [z](file:///etc/passwd) [w](//evil)",
    "[x](javascript\\:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](java\x00script:alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[x]\n\n[x]:\n  javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](https://tracker.example/pixel.png)",
    "![x](x\" onerror=\"alert(1))",
    "![x][i]\n\n[i]: https://tracker.example/pixel.png",
    "[x](https://a.example\" onmouseover=\"alert(1))",
    "# title\" onmouseover=\"alert(1)",
    "# <img src=x onerror=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "a | b\n--|--\n<img src=x onerror=alert(1)> | c",
    "<\x00img src=x onerror=alert(1)>",
    "<\u200eimg src=x onerror=alert(1)>",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_written_answer_becomes_no_markup_of_its_own(attack: str) -> None:
    shown = page(attack)
    assert all(link and link.startswith(("http://", "https://")) for link in shown.links), shown.tags
    others = [tag for tag, _ in shown.tags if tag not in HARMLESS | {"a"}]
    assert not others, shown.tags
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on") or name == "style"]
    assert not [attrs for _, attrs in shown.tags if "mermaid" in (attrs.get("class") or "").split()]


def test_the_attacks_would_work_without_the_rules() -> None:
    """The test above can fail: nbconvert alone lets most of them through."""
    through = [attack for attack in ATTACKS
               if (found := Page(markdown2html(attack))).tags
               and (any(tag not in HARMLESS | {"a"} for tag, _ in found.tags)
                    or any(not (link or "").startswith("http") for link in found.links))]
    assert len(through) >= 20


@pytest.mark.parametrize("source", [
    r"$\href{javascript:alert(1)}{x}$", r"$\\href{javascript:alert(1)}{x}$", r"$\HREF{x}{y}$", r"$\require{html}$",
    r"$\style{position:fixed}{x}$", r"$\class{btn}{x}$", r"$\cssId{x}{y}$",
    r"$\mmlToken{mtext}[href='javascript:x']{y}$",
    r"$\bbox[position:fixed]{x}$", "$&#92;href{javascript:alert(1)}{x}$", r"$\let\x\href \x{javascript:alert(1)}{y}$",
])
def test_no_formula_reaches_mathjax_as_a_link_or_as_style(source: str) -> None:
    text = page(source).text.lower()  # what the browser, and so MathJax, sees
    for command in ("href", "require", "style", "class", "cssid", "mmltoken", "bbox"):
        assert "\\" + command not in text


def test_honest_answers_keep_their_looks() -> None:
    shown = page("**Bold**, `x < y`, $a < b \\le c$, x<y, R&D, [deck](https://example.org/a_(b)?c=1 \"the deck\"), "
                 "<https://example.org/auto>.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
                 "$$\\begin{aligned}a &= b\\\\ c &= d\\end{aligned}$$\n\n[ref]\n\n[ref]: http://example.org/ref\n")
    tags = [tag for tag, _ in shown.tags]
    assert {"strong", "code", "ul", "li", "table"} <= set(tags)
    assert shown.links == ["https://example.org/a_(b)?c=1", "https://example.org/auto", "http://example.org/ref"]
    text = shown.text.replace(sanitise.APART, "")
    for part in ("x < y", "$a < b \\le c$", "x<y", "R&D", "a &= b\\\\ c &= d"):
        assert part in text


def test_what_is_stopped_stays_readable() -> None:
    shown = page("<img src=x onerror=alert(1)>")
    assert shown.text.replace(sanitise.APART, "").strip() == "<img src=x onerror=alert(1)>"


def test_text_is_cleaned_of_what_moves_the_cursor_and_the_reader() -> None:
    assert sanitise.plain_text("a\x1b[31mred\x1b[0m\x1b[2Jb\r\nc\x07\x08d\x9b31m\u202ee\ttab") == "aredb\ncd31me\ttab"
    assert sanitise.plain_text("lone \ud800 surrogate").encode("utf-8")
    assert sanitise.one_line("a\nb\u2028c" + "x" * 500, 20) == "a b cxxxxxxxxxxxxxx…"


def picture(**save: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(buffer, format="PNG", **save)
    return buffer.getvalue()


def test_a_png_is_drawn_anew() -> None:
    info = PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    original = picture(pnginfo=info) + b"<script>behind the end</script>"
    redrawn = base64.b64decode(sanitise.png(base64.encodebytes(original).decode()) or "")
    assert b"script" in original and b"script" not in redrawn
    with Image.open(io.BytesIO(redrawn)) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), np.arange(48).reshape(4, 4, 3))


def test_what_is_no_png_is_dropped() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    jpeg = io.BytesIO()
    Image.new("RGB", (2, 2)).save(jpeg, format="JPEG")
    for content in (b"<svg onload=alert(1)>", b"", picture()[:40], jpeg.getvalue(), bomb):
        assert sanitise.png(base64.b64encode(content).decode()) is None
    for value in ("not base64!", None, 3, {"a": 1}, "ä"):
        assert sanitise.png(value) is None


def test_outputs_are_reduced_to_text_and_pictures() -> None:
    good = base64.b64encode(picture()).decode()
    kept = sanitise.outputs([
        {"output_type": "stream", "name": "stdout", "text": ["a\x1b[1m", "b"]},
        {"output_type": "display_data", "metadata": {"x": 1}, "data": {
            "text/html": "<b>", "image/svg+xml": "<svg>", "application/javascript": "alert(1)",
            "text/latex": "$\\href$", "text/markdown": "<b>",
            "application/vnd.jupyter.widget-view+json": {"model_id": "1"},
            "text/vnd.mermaid": "x",
            "text/plain": "plain", "image/png": good}},
        {"output_type": "execute_result", "execution_count": 1, "data": {"text/html": "<i>"}},
        {"output_type": "display_data", "data": {"image/png": "garbage"}},
        {"output_type": "error", "ename": "Name\nError<b>", "evalue": "x" * 2000, "traceback": ["\x1b[31mline", "two"]},
        {"output_type": "update_display_data", "data": {"text/plain": "x"}}, {"output_type": "nonsense"}, "text", None,
    ])
    assert [output["output_type"] for output in kept] == ["stream", "display_data", "error"]
    assert kept[0]["text"] == "ab"
    assert set(kept[1]["data"]) == {"text/plain", "image/png"} and kept[1]["metadata"] == {"image/png": {"width": 4}}
    assert "\n" not in kept[2]["ename"] and len(kept[2]["evalue"]) == 500 and kept[2]["traceback"] == ["line\ntwo"]
    assert sanitise.outputs("nonsense") == [] and sanitise.outputs([{"output_type": "display_data", "data": []}]) == []


def test_a_wide_picture_is_shown_within_the_page() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1200, 10)).save(buffer, format="PNG")
    (kept,) = sanitise.outputs([{"output_type": "display_data", "metadata": {"image/png": {"width": "9px onload=x"}},
                                 "data": {"image/png": base64.b64encode(buffer.getvalue()).decode()}}])
    assert kept["metadata"] == {"image/png": {"width": sanitise.SHOWN_WIDTH}}


def test_endless_output_is_cut() -> None:
    kept = sanitise.outputs([{"output_type": "stream", "name": "stdout", "text": "x" * 50_000}] * 3)
    assert len(kept) == 1 and len(kept[0]["text"]) < sanitise.MAX_TEXT + 100 and "dropped" in kept[0]["text"]
    many = [{"output_type": "display_data", "data": {"image/png": base64.b64encode(picture()).decode()}}] * 15
    assert len(sanitise.outputs(many)) == sanitise.MAX_IMAGES


def test_output_text_is_escaped_in_a_page() -> None:
    [kept] = sanitise.outputs([{"output_type": "stream", "name": "stdout", "text": "<img src=x onerror=alert(1)>"}])
    assert "<img" not in ansi2html(kept["text"])
