"""The shapes in which text, labelled sentences, pairs of words, analogies and word vectors come."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """A text in memory: `text`, the `name` of the set, and `source`, one line on where it comes from."""

    name: str
    text: str
    source: str

    def characters(self) -> tuple[Tensor, str]:
        """The text as numbers: int64 (len(text),), and the alphabet, whose character i has the number i.

        The alphabet is the characters that occur, in the order of their code points.
        """
        codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        present = np.flatnonzero(np.bincount(codes))
        if not len(present):
            return torch.empty(0, dtype=torch.int64), ""
        number = np.zeros(present[-1] + 1, np.int64)
        number[present] = np.arange(len(present))
        return torch.from_numpy(number[codes]), "".join(map(chr, present))

    def words(self) -> list[str]:
        """What stands between spaces and line ends, in order, as it is written (case and punctuation included)."""
        return self.text.split()

    def sentences(self) -> list[list[str]]:
        """The words of each line that has any."""
        return [words for line in self.text.splitlines() if (words := line.split())]

    def __repr__(self) -> str:
        return f"Text {self.name}: {len(self.text):,} characters, from {self.source}"


@dataclass(frozen=True, eq=False, repr=False)
class Sentences:
    """Labelled sentences: `labels` int64 (len(sentences),), indices into `classes`."""

    name: str
    sentences: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        counts = torch.bincount(self.labels, minlength=len(self.classes)).tolist()
        parts = ", ".join(f"{count:,} {name}" for name, count in zip(self.classes, counts, strict=True))
        return f"Sentences {self.name}: {parts}, from {self.source}"


@dataclass(frozen=True, eq=False, repr=False)
class WordPairs:
    """Pairs of words with the mean similarity that people gave them: `pairs` holds (word, word, score)."""

    name: str
    pairs: tuple[tuple[str, str, float], ...]
    source: str

    def __repr__(self) -> str:
        return f"WordPairs {self.name}: {len(self.pairs):,} pairs, from {self.source}"


@dataclass(frozen=True, eq=False, repr=False)
class Analogies:
    """Questions "a is to b as c is to d": `groups` maps the name of each group to its (a, b, c, d)."""

    name: str
    groups: dict[str, list[tuple[str, str, str, str]]]
    source: str

    def __len__(self) -> int:
        return sum(len(questions) for questions in self.groups.values())

    def __repr__(self) -> str:
        return f"Analogies {self.name}: {len(self):,} questions in {len(self.groups)} groups, from {self.source}"


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors:
    """Words and their vectors: row i of `vectors`, float32 (len(words), dimensions), belongs to `words[i]`."""

    name: str
    words: tuple[str, ...]
    vectors: Tensor

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def __getitem__(self, word: str) -> Tensor:
        """The vector of a word, (dimensions,). Raises KeyError for a word that has none."""
        return self.vectors[self.index[word]]

    def __repr__(self) -> str:
        return f"WordVectors {self.name}: {len(self.words):,} words in {self.vectors.shape[1]} dimensions"
