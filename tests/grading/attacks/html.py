"""Hostile text: HTML, scripts and links in written answers, outputs, errors and sources."""

from __future__ import annotations

from tests.grading.attacks.lab import Attack, added
from tests.grading.attacks.machinery import FIRST

FAMILY = "hostile HTML and links"
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"
UNWRITTEN = ("<img", "<script", "<svg", "<iframe")

CASES = [
    Attack("HTML in a written answer", FAMILY, {"why": f"Because {SCRIPT} <iframe src=/></iframe><!-- x -->"},
           unwritten=UNWRITTEN),
    Attack("links to scripts and files in a written answer", FAMILY,
           {"why": "[a](javascript:alert(1)) [b](data:text/html,x) [c]: javascript:alert(1)\n[d](file:///etc/passwd) "
                   "![e](http://192.0.2.1/x.png) <javascript:alert(1)> $\\href{javascript:alert(1)}{x}$"},
           unwritten=("](javascript", "]: javascript", "](data", "](file", "![e]", "<javascript", "\\\\href")),
    Attack("entities and wide characters in a written answer", FAMILY,
           {"why": "&lt;img src=x&gt; &#60;script&#62; \u202e<script>\u2028</script>\x00\x1b[2J"},
           unwritten=("&lt;", "&#60;", "<script", "\u202e", "\x1b", "\\u001b")),
    Attack("displayed HTML, JavaScript, SVG and LaTeX", FAMILY, {}, added("flip", f"""
from IPython.display import HTML, Javascript, SVG, Latex, display
display(HTML({SCRIPT!r}), Javascript("alert(1)"), SVG("<svg onload='alert(3)'></svg>"), Latex("\\\\href{{x}}{{y}}"))
display({{"text/html": {SCRIPT!r}, "application/vnd.jupyter.widget-view+json": {{"x": 1}}}}, raw=True)
"""), unwritten=("text/html", "image/svg", "application/javascript", "text/latex", "widget-view")),
    Attack("a picture that is none", FAMILY, {}, added("flip", """
import base64
from IPython.display import display
display({"image/png": base64.b64encode(b"<svg onload=alert(1)>" * 9).decode(), "text/plain": "x"}, raw=True)
display({"image/png": '"><script>alert(1)</script>', "text/plain": "y"}, raw=True)
"""), unwritten=("PHN2ZyBvbmxvYWQ", "image/png")),
    Attack("terminal codes and turned text in outputs and sources", FAMILY, {}, added(
        "flip", "print('\\x1b]0;planted\\x07\\x1b[2J \\u202eABC')  # \u202e"), unwritten=("\\u001b", "\x1b", "\u202e")),
    Attack("HTML in the text and name of an exception", FAMILY, {"double": f"""
def double(x):
    raise type({SCRIPT!r}, (Exception,), {{}})({SCRIPT!r} + "\\x1b[2J")
"""}, costs=FIRST, unwritten=("\\u001b",)),
]
