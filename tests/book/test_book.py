"""The book: every page from disk, without a network, for everybody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from course_staff.authoring.leaks import secrets
from course_staff.lab import Lab
from tests.browser.conftest import watch

pytestmark = pytest.mark.timeout(2400)  # the first test waits for the build
ROOT = Path(__file__).parents[2]


def pages(site: Path) -> list[Path]:
    """All pages but the one that only leads to another: a browser may leave it at any moment."""
    found = sorted(path for path in site.rglob("*.html")
                   if "_static" not in path.parts and path != site / "index.html")
    assert len([path for path in found if path.parent.name == "lectures"]) == len(list(ROOT.glob("lectures/*.ipynb")))
    return found


def opened(context, path: Path, problems: list[str]):
    page = context.new_page()
    watch(page, problems)
    page.on("requestfailed", lambda request: problems.append(f"not loaded: {request.url}"))
    page.goto(path.as_uri())
    page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise }")
    return page


@pytest.mark.parametrize("width", [1400, 390])
def test_every_page_opens_from_disk_without_a_network_and_fits_the_window(site: Path, browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(120_000)
    problems: list[str] = []
    for path in pages(site):
        before = len(problems)
        page = opened(context, path, problems)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append("wider than the window")
        if page.locator("mjx-merror").count():
            problems.append("a formula has an error")
        if path.parent.name == "lectures":
            if "it/s]" in page.locator("article").first.inner_text():
                problems.append("a progress bar")
            assert page.locator("mjx-container").count() > 10, "the formulas are not set"
        problems[before:] = [f"{path.name}: {problem}" for problem in problems[before:]]
        page.close()
    context.close()
    assert not problems, "\n".join(problems)


def test_the_first_page_leads_to_the_index(site: Path, browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    page.wait_for_url("**/docs/index.html", timeout=120_000)
    context.close()


def test_axe_finds_nothing_serious(site: Path, browser, axe: str) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(240_000)
    found = []
    for path in pages(site):
        page = opened(context, path, [])
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert result["passes"], "axe looked at nothing"
        found += [f"{path.name}: {finding['impact']}: {finding['id']}: {finding['nodes'][0]['html'][:200]}"
                  for finding in result["violations"] if finding["impact"] in ("serious", "critical")]
        page.close()
    context.close()
    assert not found, "\n".join(found)


class Page(HTMLParser):
    """Headings, pictures, ids and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.pictures: list[dict[str, str | None]] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "article":
            self.headings.clear()  # before it stands the title for print, which the screen does not show
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.pictures.append(attributes)
        self.ids.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        self.links += [value for name in ("href", "src") if (value := attributes.get(name))]


def test_headings_are_in_order_and_every_picture_has_a_text(site: Path) -> None:
    pictures = 0
    for path in pages(site):
        page = Page(path)
        assert page.headings.count(1) == 1, path
        for before, after in zip(page.headings, page.headings[1:], strict=False):
            assert after <= before + 1, f"{path}: h{after} follows h{before}"
        for picture in page.pictures:
            alt = picture.get("alt") or ""
            assert len(alt) >= 15 and not alt.endswith(".png") and "$" not in alt, f"{path}: {picture}"
        pictures += len(page.pictures)
    assert pictures > 80


def test_links_lead_somewhere(site: Path) -> None:
    known = {path.resolve(): Page(path) for path in pages(site)}
    wrong, inner = [], 0
    for path, page in known.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                if not re.fullmatch(r"[\w.-]+\.[a-z]{2,}(:\d+)?", parts.netloc) or " " in link:
                    wrong.append(f"{path.name}: {link}: not an address")
            elif parts.scheme == "":
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                if not target.is_relative_to(site.resolve()) or not target.is_file():
                    wrong.append(f"{path.name}: {link}: there is no such file")
                elif parts.fragment and target in known and unquote(parts.fragment) not in known[target].ids:
                    wrong.append(f"{path.name}: {link}: there is no such place")
                inner += 1
    assert not wrong, "\n".join(wrong)
    assert inner > 1000


def test_prose_that_names_a_section_links_to_it(site: Path) -> None:
    lecture = (site / "lectures" / "02_backprop.html").read_text(encoding="utf-8")
    assert re.search(r'href="01_history\.html#[^"]+"[^>]*>module\s+01,\s+sections 1</a>', lecture)
    glossary = (site / "docs" / "glossary.html").read_text(encoding="utf-8")
    assert re.search(r'href="\.\./lectures/03_mlp\.html#[^"]+"[^>]*>03\.4</a>', glossary)
    notation = (site / "docs" / "notation.html").read_text(encoding="utf-8")
    assert re.search(r'href="\.\./lectures/02_backprop\.html#[^"]+"[^>]*>02, section 6</a>', notation)


def test_nothing_of_the_answers_is_in_the_site(site: Path) -> None:
    hidden = {}
    for script in sorted(ROOT.glob("solutions/*/*.py")):
        hidden |= {line: f"{script.stem}: {what}" for line, what in secrets(Lab.read(script)).items() if len(line) >= 40}
    assert len(hidden) > 500
    # What the lectures and guides themselves show is no secret: lecture and lab build some of the same things.
    shown = [*ROOT.glob("lectures/*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("labs/*/*.ipynb")]
    public = " ".join(" ".join(path.read_text(encoding="utf-8").replace("\n# ", "\n").split()) for path in shown)
    searched = 0
    for path in site.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".js", ".md", ".txt") and "vendor" not in path.parts:
            searched += 1
            text = " ".join(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")).replace("&quot;", '"').replace("&#39;", "'").replace('\\"', '"').split())
            found = [f"{path}: {what}: {line}" for line, what in hidden.items() if line in text and line not in public]
            assert not found, found[:3]
    assert searched > 20
    assert not [path for path in site.rglob("*") if "solutions" in path.parts]
