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
GLYPH_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
)
# matplotlib has cmti10 from version 3.11 on. Before it another italic takes its place; the other images stay the same.
SUBSTITUTES = {"cmti10": "STIXGeneralItalic"}
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
    x_train, y_train = _draw(names, n_train, np.random.default_rng([seed, 0]))
    x_test, y_test = _draw(names, n_test, np.random.default_rng([seed, 1]))
    return ImageSet("glyphs", x_train, y_train, x_test, y_test, names)


def draw_glyphs(characters: Sequence[str], fonts: Sequence[str], maps: np.ndarray) -> Tensor:
    """Characters in given fonts, turned, stretched and moved: float32 (N, 1, 28, 28) in [0, 1] in steps of 1/255.

    characters, fonts: one for each image; fonts are names out of `GLYPH_FONTS`. maps: (N, 2, 3), for each image the
    affine map from places in it to places in the upright character, in coordinates from -1 to 1;
    [[1, 0, 0], [0, 1, 0]] leaves it as it is.

    Raises ValueError for arguments of different lengths, an unknown font, or a character that the fonts lack.
    """
    if len(characters):
        _checked(sorted(set(characters)))
    unknown = sorted(set(fonts) - set(GLYPH_FONTS))
    if unknown:
        raise ValueError(f"no font {', '.join(unknown)}; there are: {', '.join(GLYPH_FONTS)}.")
    if not len(characters) == len(fonts) == len(maps) or np.shape(maps)[1:] != (2, 3):
        raise ValueError(f"one character, one font and one map (2, 3) for each image; got {len(characters)} "
                         f"characters, {len(fonts)} fonts and maps of shape {np.shape(maps)}.")
    parts = [torch.empty(0, 1, SIDE, SIDE)]
    # 1,000 at a time: at four times the resolution the whole set would need gigabytes.
    for k in range(0, len(characters), 1000):
        pairs = zip(fonts[k : k + 1000], characters[k : k + 1000], strict=True)
        templates = torch.stack([_template(*pair) for pair in pairs])
        parts.append(_warped(templates, torch.as_tensor(maps[k : k + 1000], dtype=torch.float32)))
    return torch.cat(parts)


def _draw(names: Sequence[str], n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Returns images (n, 1, 28, 28) and labels (n,), which count the names."""
    labels = rng.permutation(n) % len(names)
    fonts = rng.integers(len(GLYPH_FONTS), size=n)
    images = draw_glyphs([names[label] for label in labels], [GLYPH_FONTS[font] for font in fonts], _warps(n, rng))
    return images, torch.from_numpy(labels)


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

    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    path = folder / f"{name}.ttf"
    if not path.is_file():
        path = folder / f"{SUBSTITUTES.get(name, name)}.ttf"
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
