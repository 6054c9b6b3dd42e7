"""How soon the explorers of the lectures answer, in a real JupyterLab and a real Chromium.

    python benchmarks/explorers.py                      all lectures
    python benchmarks/explorers.py 01_history 04_cnn    these

Of each lecture the cells run that its explorers need. Then the first control of each explorer is moved by the keyboard,
one step at a time and back, and the page itself takes the time: from the key's event to the frame after the new
picture has been decoded. The aim is 200 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.conftest import chromium, start_server, stop_server  # noqa: E402
from tests.browser.notebook import Notebook  # noqa: E402
from tests.browser.test_explorers import TYPED, Explorer, is_text, run_all, write_lecture  # noqa: E402

AIM = 200  # ms
STEPS = 12

# Notes when a key goes down, and when the picture that follows has been painted.
WATCH = """image => {
    window.measured = [];
    let pressed = null;
    for (const kind of ['keydown', 'click', 'change'])
        document.addEventListener(kind, () => { pressed = performance.now(); }, true);
    image.addEventListener('load', () => requestAnimationFrame(() => requestAnimationFrame(() => {
        if (pressed !== null) { window.measured.push(performance.now() - pressed); pressed = null; }
    })));
}"""


def moves(control) -> list[str]:
    """Keys that change the value of a control, by one step and back."""
    if control.locator("button").count():
        return ["button 1", "button 0"] * (STEPS // 2)
    if control.get_attribute("type") == "checkbox":
        return ["Space"] * STEPS
    if is_text(control):
        return ["word 1", "word 0"] * (STEPS // 2)
    if control.evaluate("e => e.tagName") == "SELECT":
        return ["option 1", "option 0"] * (STEPS // 2)
    return ["ArrowRight", "ArrowLeft"] * (STEPS // 2)


def measured(page, explorer: Explorer) -> list[float]:
    """Milliseconds of each move of the first control."""
    control = explorer.controls[0]
    texts = [explorer.value(control), TYPED[explorer.name(control).strip()]] if is_text(control) else []
    explorer.box.locator("img").evaluate(WATCH)
    for move in moves(control):
        drawn, before = explorer.drawn(), explorer.value(control)
        if move.startswith("button"):
            control.locator("button").nth(int(move[-1])).press("Enter")
        elif move.startswith("option"):
            control.select_option(index=int(move[-1]))
        elif move.startswith("word"):
            control.fill(texts[int(move[-1])])
            control.press("Enter")
        else:
            control.press(move)
        if explorer.value(control) != before:
            explorer.wait(drawn)
        page.wait_for_timeout(150)
    return page.evaluate("window.measured")


def main() -> int:
    """Print the table. Returns 1 where an explorer answers later than it should."""
    parser = argparse.ArgumentParser(description="How soon explorers answer in JupyterLab.")
    lectures = sorted(path.stem for path in (ROOT / "lectures").glob("*.py"))
    parser.add_argument("lectures", nargs="*", default=lectures, metavar="lecture")
    options = parser.parse_args()
    if unknown := set(options.lectures) - set(lectures):
        parser.error(f"no lecture is called {', '.join(sorted(unknown))}; there are: {', '.join(lectures)}")
    if chromium() is None:
        parser.error("no Chromium: on Debian `apt-get install chromium`")
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}; milliseconds from the key to the new picture")
    print(f"{'lecture':16} {'explorer':8} {'control':28} {'median':>7} {'slowest':>8} {'moves':>6}")
    late = 0
    with tempfile.TemporaryDirectory(prefix="explorers-") as name, sync_playwright() as playwright:
        folder, home = Path(name) / "notebooks", Path(name) / "home"
        folder.mkdir()
        home.mkdir()
        server, process = start_server(folder, home)
        browser = playwright.chromium.launch(executable_path=chromium())
        try:
            for lecture in options.lectures:
                ids = write_lecture(folder / f"{lecture}.ipynb", lecture)
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.set_default_timeout(60_000)
                notebook = Notebook(page, server.url(f"lab/workspaces/{lecture}/tree/{lecture}.ipynb"))
                run_all(page, notebook)
                for number, cell in enumerate(ids, 1):
                    explorer = Explorer(notebook.show(cell))
                    taken = measured(page, explorer)
                    median = statistics.median(taken)
                    late += median > AIM
                    what = " ".join(explorer.name(explorer.controls[0]).split())[:28]
                    print(f"{lecture:16} {number:8} {what:28} {median:7.0f} {max(taken):8.0f} {len(taken):6}",
                          flush=True)
                page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
                page.close()
        finally:
            browser.close()
            stop_server(process)
    print(f"{late} later than {AIM} ms")
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
