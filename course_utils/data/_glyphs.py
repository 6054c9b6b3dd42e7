"""Letters and digits, 28×28, drawn on the spot from the fonts that ship inside matplotlib."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ._images import ImageSet

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
)
SIDE = 28  # pixels of an image
FINE = 4  # characters are drawn this many times finer, so that the warp does not blur them


def glyphs(
    n_train: int = 10_000, n_test: int = 2_000, seed: int = 0, classes: str | Sequence[str] | None = None
) -> ImageSet:
    """Printed characters, warped: float32 (N, 1, 28, 28) in [0, 1] in steps of 1/255, white on black.

    classes: the characters, one class each, as "ABC" or ["A", "B", "C"]; by default the digits and the capital letters
    (of these, 0 and O are hardly told apart). Each class has the same number of images, plus or minus one; the font of
    each image is one of 21 (DejaVu Sans, Mono, Serif, STIX and Computer Modern, upright, bold and oblique), and each
    image is turned by up to 15°, slanted, stretched by 0.8 to 1.15 in each direction and moved by up to 2 pixels.
    The same seed gives the same images; the test images do not depend on `n_train`.

    Raises ValueError for an empty, repeated or longer than one-character class, or a character that the fonts lack.
    """
    names = _checked(CLASSES if classes is None else classes)
    templates = torch.stack([_template(font, name) for name in names for font in FONTS])
    templates = templates.view(len(names), len(FONTS), *templates.shape[1:])
    x_train, y_train = _draw(templates, n_train, np.random.default_rng([seed, 0]))
    x_test, y_test = _draw(templates, n_test, np.random.default_rng([seed, 1]))
    return ImageSet("glyphs", x_train, y_train, x_test, y_test, names)


def _draw(templates: Tensor, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """templates: (classes, fonts, height, width). Returns images (n, 1, 28, 28) and labels (n,)."""
    labels = torch.from_numpy(rng.permutation(n) % len(templates))
    fonts = torch.from_numpy(rng.integers(len(FONTS), size=n))
    warps = torch.from_numpy(_warps(n, rng))
    # 1,000 at a time: at four times the resolution the whole set would need gigabytes.
    parts = [
        _warped(templates[label, font], warp)
        for label, font, warp in zip(labels.split(1000), fonts.split(1000), warps.split(1000), strict=True)
    ]
    return torch.cat(parts), labels


def _warps(n: int, rng: np.random.Generator) -> np.ndarray:
    """Random affine maps from places in the image to places in the template, (n, 2, 3), coordinates in [-1, 1]."""
    angle = np.deg2rad(rng.uniform(-15, 15, n))
    slant = rng.uniform(-0.15, 0.15, n)
    across, down = rng.uniform(0.8, 1.15, (2, n))
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.empty((n, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = cos / across, (slant * cos - sin) / across
    maps[:, 1, 0], maps[:, 1, 1] = sin / down, (slant * sin + cos) / down
    maps[:, :, 2] = rng.uniform(-2, 2, (n, 2)) / (SIDE / 2)
    return maps


def _warped(templates: Tensor, maps: Tensor) -> Tensor:
    """templates (n, height, width) seen through maps (n, 2, 3): images (n, 1, 28, 28) in steps of 1/255."""
    size = [len(templates), 1, 2 * SIDE, 2 * SIDE]
    grid = F.affine_grid(maps, size, align_corners=False)
    fine = F.grid_sample(templates.unsqueeze(1), grid, align_corners=False)
    # The steps of 1/255 also swallow the last bits in which processors differ.
    return (F.avg_pool2d(fine, 2) * 255).round() / 255


@cache
def _template(font: str, character: str) -> Tensor:
    """One character, centred, (112, 112) float32 in [0, 1]."""
    from PIL import Image, ImageDraw

    side = SIDE * FINE
    image = Image.new("L", (side, side))
    left, top, right, bottom = _font(font).getbbox(character)
    corner = ((side - left - right) / 2, (side - top - bottom) / 2)
    ImageDraw.Draw(image).text(corner, character, fill=255, font=_font(font))
    return torch.tensor(np.asarray(image), dtype=torch.float32) / 255


@cache
def _font(name: str):  # type: ignore[no-untyped-def]  # PIL's font class is only imported here
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
    # The basic layout needs no system library, so that every machine draws the same.
    return ImageFont.truetype(str(path), size=22 * FINE, layout_engine=ImageFont.Layout.BASIC)


def _checked(classes: str | Sequence[str]) -> tuple[str, ...]:
    names = tuple(classes)
    if not names or len(set(names)) != len(names) or any(len(name) != 1 for name in names):
        raise ValueError(f"classes must be different single characters, such as 'ABC'; got {classes!r}.")
    missing = [name for name in names if not ("!" <= name <= "~")]
    if missing:
        raise ValueError(f"not all fonts have {' '.join(map(repr, missing))}; choose printable ASCII characters.")
    return names
