"""Data sets, one call each: images as an `ImageSet` of tensors, texts as a `Text`, both whole in memory.

`digits()`, `glyphs()`, `stdlib()` and `docstrings()` need no network. The others are looked for in the cache
(COURSE_DATA_DIR), in a read-only mirror (COURSE_DATA_MIRROR), and on the network; see docs/data.md.
"""

from collections.abc import Callable
from typing import Any

from ._corpora import (
    analogies,
    glove,
    linux_c,
    rt_polarity,
    similarity,
    tinyshakespeare,
    war_and_peace,
    wikipedia,
    wikitext2,
)
from ._digits import digits
from ._docstrings import docstrings
from ._fetch import DataError, cache_folder
from ._glyphs import GLYPH_FONTS, draw_glyphs, glyphs
from ._images import ImageSet
from ._mnist import fashion_mnist, mnist
from ._stdlib import stdlib
from ._text import Analogies, Sentences, Text, WordPairs, WordVectors
from ._word_vectors import word_vectors

__all__ = [
    "GLYPH_FONTS",
    "Analogies",
    "DataError",
    "ImageSet",
    "Sentences",
    "Text",
    "WordPairs",
    "WordVectors",
    "analogies",
    "cache_folder",
    "digits",
    "docstrings",
    "draw_glyphs",
    "fashion_mnist",
    "glove",
    "glyphs",
    "linux_c",
    "load",
    "mnist",
    "rt_polarity",
    "similarity",
    "stdlib",
    "tinyshakespeare",
    "war_and_peace",
    "wikipedia",
    "wikitext2",
    "word_vectors",
]

SETS: dict[str, Callable[..., Any]] = {
    "digits": digits,
    "glyphs": glyphs,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "stdlib": stdlib,
    "docstrings": docstrings,
    "tinyshakespeare": tinyshakespeare,
    "war_and_peace": war_and_peace,
    "linux_c": linux_c,
    "wikipedia": wikipedia,
    "wikitext2": wikitext2,
    "rt_polarity": rt_polarity,
    "analogies": analogies,
    "similarity": similarity,
    "glove": glove,
}


def load(name: str, **options: Any) -> Any:
    """The set of that name: "digits" is `digits()`, "wikitext2" is `wikitext2()` and so on; `options` go to it.

    Raises ValueError for another name.
    """
    if name not in SETS:
        raise ValueError(f"no data set is called {name!r}; there are: {', '.join(SETS)}.")
    return SETS[name](**options)
