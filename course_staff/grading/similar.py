"""Pairs of answers that are more alike than two people would write them. A list for a human, never a mark.

Source is compared by runs of tokens whose names are normalised, so that renaming hides nothing. Runs that the released
lab or the reference has are discounted, and so are those that many students have: what is left of an ordinary answer
is little, and what two students share of it is rare. After winnowing (Schleimer, Wilkerson & Aiken, 2003), but with
all runs, because answers are short.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import keyword
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

RUN = 8  # tokens
LEAST = 12  # rare runs that two answers must share: two or three lines
ALIKE = 0.6  # of the rare runs of both together
COMMON = 0.05  # what more than this share of the class has, and more than three, is nobody's own
MOST = 30  # pairs shown

_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_DROPPED = frozenset((tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER))


@dataclass(frozen=True)
class Pair:
    """Two students whose answers are alike. alike: by exercise, shared rare runs over all rare runs of both, 0 to 1."""

    first: str
    second: str
    alike: Mapping[str, float]


def runs(source: str) -> frozenset[int]:
    """The runs of tokens of a piece of source, as 48-bit numbers. What cannot be tokenised ends it."""
    words: list[str] = []
    after_dot = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _DROPPED:
                continue
            if token.type == tokenize.NAME:
                # Attributes are the library's names; all others but the language's own are the student's.
                words.append(token.string if after_dot or token.string in _KEPT else "name")
            elif token.type == tokenize.STRING:
                words.append("text")
            elif token.type in (tokenize.INDENT, tokenize.DEDENT):
                words.append("in" if token.type == tokenize.INDENT else "out")
            else:
                words.append(token.string)
            after_dot = token.string == "."
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # the rest is lost; what came before counts
    return frozenset(
        int.from_bytes(hashlib.blake2b("\0".join(words[place:place + RUN]).encode(), digest_size=6).digest(), "big")
        for place in range(len(words) - RUN + 1))


def pairs(answers: Mapping[str, Mapping[str, Iterable[int]]], given: Mapping[str, Iterable[int]]) -> list[Pair]:
    """Pairs of students with answers that are alike, those with the most first.

    answers: runs by student and exercise. given: runs of the released lab and of the reference, by exercise.
    """
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for exercise in sorted({exercise for by_exercise in answers.values() for exercise in by_exercise}):
        own = {student: frozenset(by_exercise[exercise]) - frozenset(given.get(exercise, ()))
               for student, by_exercise in answers.items() if exercise in by_exercise}
        holders = Counter(run for some in own.values() for run in some)
        most = max(3, COMMON * len(own))
        rare = {student: frozenset(run for run in some if holders[run] <= most) for student, some in own.items()}
        students_of = defaultdict(list)
        for student, some in sorted(rare.items()):
            for run in some:
                students_of[run].append(student)
        shared = Counter(pair for students in students_of.values() for pair in combinations(students, 2))
        for (first, second), count in shared.items():
            alike = count / len(rare[first] | rare[second])
            if count >= LEAST and alike >= ALIKE:
                found[first, second][exercise] = alike
    ranked = sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    return [Pair(*students, alike) for students, alike in ranked[:MOST]]
