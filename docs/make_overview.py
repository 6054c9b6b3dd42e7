"""Draw docs/images/overview.png, the picture in the README: four figures of the lectures, as the lectures draw them.

Run it in the root of the checkout after a change of one of the four:  python docs/make_overview.py
It runs the lectures until it has them, a minute or two.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "images" / "overview.png"
# The beginning of a figure's title, by lecture, in the order of the picture.
WANTED = {
    "02_backprop": ("Two paths lead from", "The price of a gradient"),
    "03_mlp": ("Sixteen of the digits", "Gradient by layer"),
}
SIZE = 620, 380  # pixels of one figure
INCHES = 7.8  # width in which a figure is drawn anew: smaller than in the lecture, so that its text is larger


def title_of(figure: Figure) -> str:
    """The title of a figure, or of its first axes that have one."""
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    return next((title for title in titles if title), "")


def figures_of(lecture: str, wanted: tuple[str, ...]) -> list[Figure]:
    """The figures of a lecture whose titles begin so. Raises LookupError where one is not drawn."""
    found: dict[str, Figure] = {}

    def collect() -> None:
        for number in plt.get_fignums():
            figure = plt.figure(number)
            found.update({title: figure for title in wanted if title_of(figure).startswith(title)})
            plt.close(figure)

    path = ROOT / "lectures" / f"{lecture}.py"
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in re.split(r"^(?=# %%)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if len(found) < len(wanted):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell, str(path), "exec"), namespace)
            collect()
    missing = [title for title in wanted if title not in found]
    if missing:
        raise LookupError(f"{path.name} draws no figure titled {missing[0]!r}: choose another in {__file__}.")
    return [found[title] for title in wanted]


def panel(figure: Figure) -> Image.Image:
    """The figure as an image of SIZE, with its own proportions on white."""
    figure.set_size_inches(INCHES, min(figure.get_figheight() * INCHES / figure.get_figwidth() * 1.1,
                                       INCHES * SIZE[1] / SIZE[0]))
    png = io.BytesIO()
    figure.savefig(png, dpi=2 * SIZE[0] / INCHES)
    image = Image.open(png).convert("RGB")
    image.thumbnail((SIZE[0] - 30, SIZE[1] - 30))
    page = Image.new("RGB", SIZE, "white")
    page.paste(image, ((SIZE[0] - image.width) // 2, (SIZE[1] - image.height) // 2))
    return page


def main() -> None:
    warnings.filterwarnings("ignore", message=".*non-interactive")  # the lectures call plt.show()
    panels = [panel(figure) for lecture, wanted in WANTED.items() for figure in figures_of(lecture, wanted)]
    picture = Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), "white")
    for number, image in enumerate(panels):
        picture.paste(image, (number % 2 * SIZE[0], number // 2 * SIZE[1]))
    TARGET.parent.mkdir(exist_ok=True)
    picture.save(TARGET, optimize=True)
    print(f"wrote {TARGET.relative_to(ROOT).as_posix()}, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
