"""Word vectors from a file in the text format of GloVe."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from ._fetch import DataError
from ._text import WordVectors

DAMAGED = "The file is damaged, or is not in GloVe's format: download and unpack it again."


def word_vectors(path: str | Path, limit: int | None = None) -> WordVectors:
    """The vectors in a text file of yours, such as glove.6B.100d.txt: a word and its numbers a line, between spaces.

    limit: only so many lines, from the first (GloVe's files begin with the most frequent words). A first line of two
    whole numbers, the header of word2vec's text format, is left out. Of a word that comes twice the first one counts.

    Raises DataError for a file that is not there, and, with the number of the line, for a line that is not UTF-8, is
    shorter than the first, or has something other than finite numbers. Source: J. Pennington, R. Socher,
    C. D. Manning, EMNLP 2014; the files are at https://nlp.stanford.edu/projects/glove/.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            return parsed_vectors(path.name, file, limit)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Use vectors made from data.docstrings(), or download a file "
            "from https://nlp.stanford.edu/projects/glove/ and unpack it."
        ) from None


def parsed_vectors(name: str, lines: Iterable[bytes], limit: int | None) -> WordVectors:
    """As `word_vectors`, of lines that are already open; `name` is what the errors call them."""
    vectors: dict[str, np.ndarray] = {}
    dimensions = 0
    for number, line in enumerate(itertools.islice(lines, limit), 1):
        fields = _fields(name, number, line)
        if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
            continue
        if not dimensions:
            dimensions = len(fields) - 1
        word, vector = _parsed(name, number, fields, dimensions)
        vectors.setdefault(word, vector)
    if not vectors:
        raise DataError(f"{name} has no vectors. {DAMAGED}")
    return WordVectors(name, tuple(vectors), torch.from_numpy(np.stack(list(vectors.values()))))


def _fields(name: str, number: int, line: bytes) -> list[str]:
    try:
        return line.decode("utf-8").rstrip("\r\n ").split(" ")
    except UnicodeDecodeError:
        raise DataError(f"{name}, line {number}: not UTF-8. {DAMAGED}") from None


def _parsed(name: str, number: int, fields: list[str], dimensions: int) -> tuple[str, np.ndarray]:
    needed = max(dimensions, 1)
    if len(fields) <= needed:
        raise DataError(f"{name}, line {number}: {len(fields)} fields, where a word and {needed} numbers are expected. "
                        + DAMAGED)
    # The word may contain spaces itself, as some in glove.840B do.
    word, numbers = " ".join(fields[:-dimensions]), fields[-dimensions:]
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
            vector = np.array(numbers, np.float32)
    except ValueError:
        raise DataError(f"{name}, line {number}: {' '.join(numbers)[:60]!r} are not {dimensions} numbers. "
                        + DAMAGED) from None
    if not np.isfinite(vector).all():
        raise DataError(f"{name}, line {number}: a number that is not finite. {DAMAGED}")
    return word, vector
