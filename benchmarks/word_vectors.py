"""Word vectors scored: counting (PPMI and SVD) against word2vec (skip-gram with negative sampling).

    python benchmarks/word_vectors.py                      everything; on one CPU core about 20 minutes
    python benchmarks/word_vectors.py --only docstrings    our analogies alone ("english": the other half)
    python benchmarks/word_vectors.py --pairs 20           shorter training: 20 million pairs
    python benchmarks/word_vectors.py --pairs 0            without word2vec; under a minute

"docstrings": vectors of the documentation that is installed here (`data.docstrings()`), on the questions of
data.analogies("docstrings"), which were written before any score was seen. "english": vectors of English text
(`data.wikipedia()`, else `data.wikitext2()`), on Google's analogies and on word pairs that people judged. Where these
sets cannot be had the program says so. The settings are word2vec's usual ones (5 negative samples, exponent 0.75,
subsampling at 1e-3, 100 dimensions) and were not chosen by the scores that are printed here, with one exception: those
of PPMI and SVD were chosen on the eight questions of the group "known before", which is therefore counted by itself.

A question counts as right if d is the nearest word to b - a + c, by the cosine, among all words but a, b and c. A word
that is not in the vocabulary makes a question of ours wrong; of Google's questions, and of the pairs of words, those
with a missing word are left out, and the number of those that remain is printed.
"""

import argparse
import re
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from sklearn.utils.extmath import randomized_svd

from course_utils import data, training

Question = tuple[str, str, str, str]
KNOWN = "known before"
DIMENSIONS = 100
MIN_COUNT = 20
SETS = ("ws353", "ws353-sim", "ws353-rel", "simlex999", "men", "mturk771", "rg65", "mc30")


@dataclass(frozen=True)
class Corpus:
    """Numbers of the frequent words in order, and of the line that each stands in; rarer words are left out."""

    words: tuple[str, ...]
    ids: np.ndarray
    lines: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """How often each word occurs. (n,)"""
        return np.bincount(self.ids, minlength=len(self.words))


def read_corpus(sentences: list[list[str]], min_count: int = MIN_COUNT) -> Corpus:
    """The words that occur at least `min_count` times, the most frequent first."""
    counts = Counter(word for sentence in sentences for word in sentence)
    words = tuple(word for word, count in counts.most_common() if count >= min_count)
    number = {word: k for k, word in enumerate(words)}
    pairs = [(number[w], line) for line, sentence in enumerate(sentences) for w in sentence if w in number]
    ids, lines = np.array(pairs).T
    return Corpus(words, ids, lines)


def co_occurrences(corpus: Corpus, window: int) -> sp.csr_matrix:
    """Counts (n, n) of words at most `window` places apart in one line; distance d counts (window + 1 - d) / window."""
    n = len(corpus.words)
    counts = sp.csr_matrix((n, n))
    for d in range(1, window + 1):
        same = corpus.lines[d:] == corpus.lines[:-d]
        weight = np.full(int(same.sum()), (window + 1 - d) / window)
        counts += sp.coo_matrix((weight, (corpus.ids[:-d][same], corpus.ids[d:][same])), shape=(n, n)).tocsr()
    return (counts + counts.T).tocsr()


def ppmi(counts: sp.csr_matrix, exponent: float = 0.75) -> sp.csr_matrix:
    """max(0, log of how much more often than by chance), contexts smoothed by `exponent`. Shape as `counts`."""
    table = counts.tocoo()
    rows = np.asarray(counts.sum(1)).ravel()
    contexts = rows**exponent / (rows**exponent).sum()
    pmi = np.log(table.data / (rows[table.row] * contexts[table.col]))
    kept = pmi > 0
    return sp.csr_matrix((pmi[kept], (table.row[kept], table.col[kept])), shape=counts.shape)


def by_counting(corpus: Corpus, window: int) -> np.ndarray:
    """Vectors (n, 100): U S of the truncated SVD of the PPMI table."""
    u, s, _ = randomized_svd(ppmi(co_occurrences(corpus, window)), DIMENSIONS, n_iter=4, random_state=0)
    return u * s


def by_word2vec(corpus: Corpus, window: int, million_pairs: int, seed: int = 0) -> tuple[np.ndarray, float]:
    """Vectors (n, 100) of skip-gram with negative sampling, and the mean loss of the last tenth of the training.

    Pairs are drawn from the table of co-occurrences, which is how often the passes over the text would bring them.
    """
    batch, negatives, shared = 4096, 5, 64
    training.seed_everything(seed)
    table = co_occurrences(corpus, window).tocoo()
    frequency = corpus.counts / corpus.counts.sum()
    keep = np.minimum(1, np.sqrt(1e-3 / frequency) + 1e-3 / frequency)  # word2vec drops some of the frequent words
    pairs = torch.from_numpy(np.cumsum(table.data * keep[table.row] * keep[table.col]))
    noise = torch.from_numpy(np.cumsum(corpus.counts**0.75))
    rows, columns = torch.from_numpy(table.row.astype(np.int64)), torch.from_numpy(table.col.astype(np.int64))

    def draw(cumulative: torch.Tensor, n: int) -> torch.Tensor:
        where = torch.rand(n, dtype=torch.float64) * cumulative[-1]
        return torch.searchsorted(cumulative, where).clamp_(max=len(cumulative) - 1)

    centres = ((torch.rand(len(corpus.words), DIMENSIONS) - 0.5) / DIMENSIONS).requires_grad_()
    contexts = torch.zeros(len(corpus.words), DIMENSIONS, requires_grad=True)
    optimizer = torch.optim.Adam([centres, contexts], lr=2e-3)
    steps = million_pairs * 10**6 // batch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (steps + 1))
    late = []
    for step in range(steps):
        pair, others = draw(pairs, batch), draw(noise, shared)
        u = centres[rows[pair]]
        found = F.softplus(-(u * contexts[columns[pair]]).sum(1)).mean()
        # All pairs of a batch share 64 words of noise, weighted so that each pair has five: a product of matrices.
        chance = F.softplus(u @ contexts[others].T).mean() * negatives
        loss = found + chance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step >= 0.9 * steps:
            late.append(loss.item())
    return centres.detach().numpy(), float(np.mean(late))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def solve(words: tuple[str, ...], vectors: np.ndarray, questions: list[Question]) -> list[bool | None]:
    """For each question whether it is right; None if one of its words is missing."""
    number = {word: k for k, word in enumerate(words)}
    there = [k for k, question in enumerate(questions) if all(word in number for word in question)]
    answers: list[bool | None] = [None] * len(questions)
    v = unit(vectors)
    for start in range(0, len(there), 500):
        part = there[start : start + 500]
        a, b, c, d = np.array([[number[word] for word in questions[k]] for k in part]).T
        scores = (v[b] - v[a] + v[c]) @ v.T
        for used in (a, b, c):
            scores[np.arange(len(part)), used] = -np.inf
        for k, right in zip(part, scores.argmax(1) == d, strict=True):
            answers[k] = bool(right)
    return answers


def spearman(
    words: tuple[str, ...], vectors: np.ndarray, pairs: tuple[tuple[str, str, float], ...]
) -> tuple[float, int]:
    """Rank correlation of the cosine with the people's scores, and the number of pairs that it rests on."""
    number = {word: k for k, word in enumerate(words)}
    v = unit(vectors)
    rows = [(v[number[a]] @ v[number[b]], score) for a, b, score in
            ((a.lower(), b.lower(), score) for a, b, score in pairs) if a in number and b in number]
    return float(spearmanr(*zip(*rows, strict=True)).statistic), len(rows)


def all_vectors(corpus: Corpus, plans: list[tuple[str, int]], million_pairs: int) -> dict[str, np.ndarray]:
    """The vectors of each plan, ("SVD" or "SGNS", window), by a title; prints the seconds of each.

    With 0 million pairs the plans of word2vec are left out.
    """
    result = {}
    for method, window in plans:
        if method == "SGNS" and not million_pairs:
            continue
        start, title = time.process_time(), f"{method}, window {window}"
        note = ""
        if method == "SVD":
            result[title] = by_counting(corpus, window)
        else:
            result[title], loss = by_word2vec(corpus, window, million_pairs)
            note = f", {million_pairs} million pairs, last loss {loss:.4f}"
        print(f"  {title}: {time.process_time() - start:.1f} s of CPU{note}", flush=True)
    return result


def print_scores(vectors: dict[str, np.ndarray], rows: list[tuple[str, list[str]]], heading: str) -> None:
    """One line a row, one column for each set of vectors."""
    width = max(map(len, vectors)) + 2
    print(f"\n{heading:<48}" + "".join(f"{title:>{width}}" for title in vectors))
    for name, cells in rows:
        print(f"{name:<48}" + "".join(f"{cell:>{width}}" for cell in cells))
    print(flush=True)


def docstrings(million_pairs: int) -> None:
    """Our questions, by group."""
    text = data.docstrings()
    corpus = read_corpus(text.sentences())
    print(f"{text}\n{len(corpus.ids):,} words of {len(corpus.words):,} kinds that occur {MIN_COUNT} times or more")
    groups = data.analogies("docstrings").groups
    vectors = all_vectors(corpus, [("SVD", 2), ("SVD", 5), ("SGNS", 2), ("SGNS", 5)], million_pairs)
    right = {title: {g: solve(corpus.words, v, qs) for g, qs in groups.items()} for title, v in vectors.items()}
    ours = [group for group in groups if group != KNOWN]
    one = next(iter(right.values()))
    rows = [(f"{group} ({len(groups[group])}; {one[group].count(None)})",
             [str(right[title][group].count(True)) for title in vectors]) for group in groups]
    n, missing = sum(len(groups[g]) for g in ours), sum(one[g].count(None) for g in ours)
    totals = [sum(right[title][g].count(True) for g in ours) for title in vectors]
    last = rows.pop()
    rows += [(f"all written before looking ({n}; {missing})", [f"{total} = {total / n:.0%}" for total in totals]),
             (f"  of those with all words ({n - missing})", [f"{total / (n - missing):.0%}" for total in totals]), last]
    print_scores(vectors, rows, "right answers (questions; with a missing word)")
    absent = {w for g in ours for q in groups[g] for w in q} - set(corpus.words)
    print("not in the vocabulary:", ", ".join(sorted(absent)), "\n")


def english(million_pairs: int) -> None:
    """Google's analogies and the word-similarity sets."""
    try:
        text = data.wikipedia()
    except data.DataError:
        try:
            text = data.wikitext2()
        except data.DataError as error:
            print(f"No English text: {error}")
            return
    sentences = [found for line in text.text.lower().splitlines() if (found := re.findall(r"[a-z]+", line))]
    corpus = read_corpus(sentences)
    print(f"{text}\n{len(corpus.ids):,} words of {len(corpus.words):,} kinds that occur {MIN_COUNT} times or more")
    vectors = all_vectors(corpus, [("SVD", 2), ("SVD", 5), ("SGNS", 5)], million_pairs)
    rows = []
    for name in SETS:
        try:
            pairs = data.similarity(name).pairs
        except data.DataError as error:
            print(f"{name}: {error}")
            continue
        scores = [spearman(corpus.words, v, pairs) for v in vectors.values()]
        rows.append((f"{name} ({scores[0][1]} of {len(pairs)} pairs)", [f"{score:.3f}" for score, _ in scores]))
    if rows:
        print_scores(vectors, rows, "Spearman's rank correlation with people")
    try:
        groups = data.analogies().groups
    except data.DataError as error:
        print(f"Google's analogies: {error}")
        return
    lowered = {g: [(a.lower(), b.lower(), c.lower(), d.lower()) for a, b, c, d in qs] for g, qs in groups.items()}
    right = {title: {g: solve(corpus.words, v, qs) for g, qs in lowered.items()} for title, v in vectors.items()}
    lines = []
    for name, chosen in [(g, [g]) for g in groups] + [("all", list(groups))]:
        given = {title: [x for g in chosen for x in right[title][g] if x is not None] for title in vectors}
        n, total = len(next(iter(given.values()))), sum(len(groups[g]) for g in chosen)
        lines.append((f"{name} ({n:,} of {total:,})", [f"{sum(x) / max(n, 1):.1%}" for x in given.values()]))
    print_scores(vectors, lines, "Google's analogies: right answers")


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Word vectors by counting and by word2vec, scored.")
    parser.add_argument("--only", choices=("docstrings", "english"), help="one half of the benchmark")
    parser.add_argument("--pairs", type=int, default=100,
                        help="million pairs that word2vec is trained on (default 100); 0 leaves it out")
    arguments = parser.parse_args()
    if arguments.pairs < 0:
        parser.error("--pairs must be 0 or more.")
    torch.set_num_threads(1)  # the products are small
    start = time.perf_counter()
    if arguments.only != "english":
        docstrings(arguments.pairs)
    if arguments.only != "docstrings":
        english(arguments.pairs)
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
