"""Data sets, one call each, all as an `ImageSet` of tensors in memory.

`digits()` and `glyphs()` need no network. `mnist()` and `fashion_mnist()` are looked for in the cache
(COURSE_DATA_DIR), in a read-only mirror (COURSE_DATA_MIRROR), and on the network; see docs/data.md.
"""

from collections.abc import Callable
from typing import Any

from ._digits import digits
from ._fetch import DataError, cache_folder
from ._glyphs import glyphs
from ._images import ImageSet
from ._mnist import fashion_mnist, mnist

__all__ = ["DataError", "ImageSet", "cache_folder", "digits", "fashion_mnist", "glyphs", "load", "mnist"]

SETS: dict[str, Callable[..., ImageSet]] = {
    "digits": digits,
    "glyphs": glyphs,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
}


def load(name: str, **options: Any) -> ImageSet:
    """The set of that name: "digits", "glyphs", "mnist" or "fashion_mnist". `options` go to its function.

    Raises ValueError for another name.
    """
    if name not in SETS:
        raise ValueError(f"no data set is called {name!r}; there are: {', '.join(SETS)}.")
    return SETS[name](**options)
