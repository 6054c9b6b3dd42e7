"""The decks: from disk, without a network, and everything on a slide can be seen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.conftest import watch

pytestmark = pytest.mark.timeout(2400)  # the first test waits for the build
ROOT = Path(__file__).parents[2]
# For each slide that is not reachable by scrolling: what of it lies below or right of 1400 x 800.
CUT_OFF = """() => [...document.querySelectorAll('.slides section:not(.stack)')].filter((slide) => {
  const before = slide.getAttribute('style');
  slide.style.display = 'block'; slide.parentElement.style.display = 'block';
  const cut = !slide.classList.contains('scrolls') && (slide.scrollHeight > 800 || slide.scrollWidth > 1400);
  slide.setAttribute('style', before ?? '');
  return cut;
}).map((slide) => slide.textContent.trim().slice(0, 80))"""


@pytest.mark.parametrize("lecture", sorted(path.stem for path in ROOT.glob("lectures/*.ipynb")))
def test_a_deck_opens_from_disk_without_a_network_and_its_slides_fit(built: Path, browser, lecture: str) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 800})
    page.set_default_timeout(240_000)
    problems: list[str] = []
    watch(page, problems)
    page.on("requestfailed", lambda request: problems.append(f"not loaded: {request.url[:200]}"))
    page.goto((built / "slides" / f"{lecture}.html").as_uri())
    page.wait_for_selector("body[data-ready]", state="attached")
    assert page.locator(".slides section:not(.stack)").count() > 20
    assert page.locator("section.present h1").last.is_visible()
    assert page.evaluate(CUT_OFF) == []
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    links = page.evaluate("""[...document.querySelectorAll('.slides a')].map(a => a.href)
        .filter(link => link.startsWith('file:'))""")
    assert any(link.endswith(".ipynb") for link in links), "no way to the lab"
    assert not [link for link in links if not Path(unquote(urlsplit(link).path)).exists()]
    page.close()
    assert not problems, "\n".join(problems)
