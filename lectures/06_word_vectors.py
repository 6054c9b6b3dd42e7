# %% [markdown] slide="slide"
# # 06 · Word vectors: meaning from neighbours
#
# **Question.** To a net, "motel" and "hotel" are two numbers in a list, as different as "motel" and "and". How does a
# machine find out from plain text that some words are alike, and that *king* is to *queen* as *man* is to *woman*?
#
# - **You need** module 02 (gradients, the sigmoid, logistic regression), module 03 (softmax, Adam), module 05
#   (one-hot vectors, embeddings, the bag of words) and, from linear algebra, products of matrices and what orthogonal
#   means.
# - **You get** co-occurrence tables, weighting (PPMI) and compression (SVD); neighbours, clusters and analogies in the
#   documentation of scientific Python; word2vec and GloVe, trained here; how word vectors are scored, and maps of them.
# - **Time**: 75 minutes to read and try; about a minute to run on two CPU cores, without a network.
# - **Slides**: F "One Hot Encoding" to "Word vectors in practice".
#
# The deck: **F** = a French introduction (2017). What it claims is checked by a cell. Where it errs, an **Erratum** box
# says so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import difflib
import itertools
import math
import os
import re
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from scipy.cluster.hierarchy import dendrogram, fcluster, linkage
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE, trustworthiness
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from torch import nn

from course_utils import data, plotting, progress, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # the products here are small
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end


# %% [markdown] slide="slide"
# ## 1. One-hot vectors
#
# Give each word of the vocabulary a number. As a vector, word $i$ is a **one-hot** vector $e_i$ (as in module 05,
# section 1): a one at place $i$ and zeros everywhere else. Deck F names the trouble with an example: motel ·
# hotel = 0. And it is so for *every* two words: $e_i^\top e_j = 0$, at the distance $\sqrt 2$. What a net learns
# about one word says nothing about another.
#
# How alike two vectors are will be measured throughout by the **cosine** of the angle between them,
#
# $$\cos(u, v) = \frac{u^\top v}{\lVert u \rVert \, \lVert v \rVert},$$
#
# which is 1 for the same direction, 0 at a right angle, $-1$ for opposite directions, and does not depend on the
# lengths. Between two one-hot vectors it is 0, as the product is.

# %% slide="fragment"
motel, hotel = np.eye(15)[10], np.eye(15)[7]
print(f"motel · hotel = {motel @ hotel:.0f}, distance {np.linalg.norm(motel - hotel):.3f}")
everyone = np.eye(15)
print("motel · each word:", (everyone @ motel).astype(int))
assert motel @ hotel == 0 and set(np.linalg.norm(everyone - motel, axis=1).round(6)) == {0.0, round(math.sqrt(2), 6)}
ledger.append(("F", "motel · hotel = 0", "0, and so for each pair of words; distance √2"))

# %% [markdown] slide="subslide"
# > **Erratum E34, first part.** On the slide motel has 15 entries and hotel has 14. The product of the two, printed as
# > 0, is not defined. One zero is missing in hotel.

# %% slide="fragment"
PRINTED_MOTEL = "0 0 0 0 0 0 0 0 0 0 1 0 0 0 0"
PRINTED_HOTEL = "0 0 0 0 0 0 0 1 0 0 0 0 0 0"
printed = [np.array(text.split(), float) for text in (PRINTED_MOTEL, PRINTED_HOTEL)]
try:
    printed[0] @ printed[1]
    defined = True
except ValueError as error:
    defined = False
    print(f"{len(printed[0])} and {len(printed[1])} entries:", f"{error}".partition(",")[0])
assert not defined
ledger.append(("F", "motel and hotel as printed", "15 and 14 entries, no product (E34)"))

# %% [markdown] slide="subslide"
# ### What it costs
#
# The deck gives four sizes of a vocabulary: 20,000 words (speech), 50,000 (Penn Treebank), 500,000 (a big vocabulary)
# and 13 million (Google's 1T corpus). Written out in 32-bit numbers, a page of 1,000 words as one-hot vectors takes
# $4000\, n$ bytes, where $n$ is the size of the vocabulary. Nobody stores it: the **number** of a word says the same
# in 8 bytes. What remains is the weights behind it. A layer $W x$ that reads a one-hot vector picks one column of its
# matrix: $W e_i$ is column $i$ of $W$. So it is done by look-up. In PyTorch this layer is `nn.Embedding` (it came up
# in module 05, section 6), which keeps the columns as the rows of a table. With 100 numbers a word the table grows
# with $n$; a table of all *pairs* of words, which we shall want in section 2, grows with $n^2$.

# %% slide="fragment"
SIZES = {"speech": 20_000, "PTB": 50_000, "big vocabulary": 500_000, "Google 1T": 13_000_000}


def human(n_bytes):
    """A number of bytes in decimal units."""
    power = min(int(math.log10(n_bytes) // 3), 5)
    return f"{n_bytes / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


print(f"{'vocabulary':<28}{'one word':>10}{'a page':>10}{'as numbers':>12}{'100 a word':>12}{'all pairs':>11}")
for name, n in SIZES.items():
    sizes = (4 * n, 4 * n * 1000, 8 * 1000, 4 * n * 100, 4 * n * n)
    print(f"{name:<16}{n:>12,}" + "".join(f"{human(size):>{width}}" for size, width in
                                          zip(sizes, (10, 10, 12, 12, 11), strict=True)))
ledger.append(("F", "20K, 50K, 500K, 13M dimensions",
               f"a page of 1,000 words: {human(4000 * 20_000)} … {human(4000 * 13_000_000)} one-hot, 8 kB as numbers"))

training.seed_everything(0)
table, page = nn.Embedding(20_000, 100), torch.randint(0, 20_000, (200,))
start = time.perf_counter()
by_product = F.one_hot(page, 20_000).float() @ table.weight
middle = time.perf_counter()
by_look_up = table(page)
end = time.perf_counter()
print(f"\n200 words, a vocabulary of 20,000: product {1000 * (middle - start):.1f} ms, look-up "
      f"{1000 * (end - middle):.2f} ms, equal: {torch.equal(by_product, by_look_up)}")
assert torch.allclose(by_product, by_look_up)

# %% [markdown] slide="slide"
# ## 2. Meaning from neighbours
#
# "You shall know a word by the company it keeps" (J. R. Firth, 1957). So count the company. A **co-occurrence table**
# $X$ has a row and a column for each word, and $X_{ij}$ says how often word $j$ stands within a **window** around word
# $i$. Deck F does it for three sentences, with a window of one word to the left and one to the right:
#
# > I like deep learning. · I like NLP. · I enjoy flying.
#
# In a real text nearly all entries are 0, so we count with **sparse** matrices, which store the other entries only.
# Line up the text with itself, shifted by $d$ places: each position is then a pair of words at the distance $d$, and a
# matrix in *coordinate* form (rows, columns, values) adds up what has the same row and column.


# %% slide="fragment"
def numbered(sentences, words):
    """Number and line of each word of the text that stands in `words`, in order; the others are dropped."""
    number = {word: k for k, word in enumerate(words)}
    pairs = [(number[word], line) for line, sentence in enumerate(sentences) for word in sentence if word in number]
    return np.array(pairs).T


def co_occurrences(ids, lines, n, window):
    """Sparse (n, n): words up to `window` places apart in a line; distance d counts (window + 1 - d) / window."""
    total = sp.csr_matrix((n, n))
    for d in range(1, window + 1):
        same = lines[d:] == lines[:-d]
        weight = np.full(same.sum(), (window + 1 - d) / window)
        total += sp.coo_matrix((weight, (ids[:-d][same], ids[d:][same])), shape=(n, n)).tocsr()
    return (total + total.T).tocsr()


DECK_SENTENCES = [line.split() for line in ("I like deep learning .", "I like NLP .", "I enjoy flying .")]
DECK_WORDS = ["I", "like", "enjoy", "deep", "learning", "NLP", "flying", "."]
DECK_TABLE = np.array([[0, 2, 1, 0, 0, 0, 0, 0],
                       [2, 0, 0, 1, 0, 1, 0, 0],
                       [1, 0, 0, 0, 0, 0, 1, 0],
                       [0, 1, 0, 0, 1, 0, 0, 0],
                       [0, 0, 0, 1, 0, 0, 0, 1],
                       [0, 1, 0, 0, 0, 0, 0, 1],
                       [0, 0, 1, 0, 0, 0, 0, 1],
                       [0, 0, 0, 0, 1, 1, 1, 0]])
X = co_occurrences(*numbered(DECK_SENTENCES, DECK_WORDS), 8, window=1).toarray()
assert (X == DECK_TABLE).all()
print(f"{(X == DECK_TABLE).sum()} of {X.size} cells equal to the deck's")
ledger.append(("F", "co-occurrence table of three sentences", f"{(X == DECK_TABLE).sum()} of 64 cells equal"))

figure, axes = plt.subplots(1, 2, figsize=(14, 6))
for axis, values, title, form in ((axes[0], X, "Counts (the deck's table)", ".0f"),
                                  (axes[1], cosine_similarity(X), "Cosine of two rows", ".2f")):
    axis.imshow(values, cmap="Blues", vmin=0, vmax=1.4 * values.max())
    for (i, j), value in np.ndenumerate(values):
        axis.text(j, i, format(value, form), ha="center", va="center", fontsize=13,
                  color=COLORS["grey"] if value == 0 else "black")
    axis.set_xticks(range(8), DECK_WORDS, rotation=45, ha="right")
    axis.set_yticks(range(8), DECK_WORDS)
    axis.set_title(title)
    axis.grid(False)
plt.show()

# %% [markdown] slide="fragment"
# The row of a word is a vector. *like* and *enjoy* never stand together, but their rows have a cosine above 0: both
# are neighbours of *I*. *deep* and *NLP* both follow *like*. Three sentences are enough for a first trace of meaning.
# One-hot vectors would have zeros in the right picture, except on the diagonal.
#
# ### Three million words
#
# Now a corpus that each of us has: the docstrings of Python and of the scientific packages that are installed, in lower
# case, without numbers and punctuation. Words that occur less than 20 times are dropped. The window is two words to
# each side, in which the nearer word counts 1 and the farther ½. As in every text, few words are frequent and most are
# rare: the word of rank $r$ occurs about $1/r$ times as often as the first (**Zipf's law**).

# %% slide="subslide"
corpus = data.docstrings()
sentences = corpus.sentences()
frequency = Counter(word for sentence in sentences for word in sentence)
words = [word for word, count in frequency.most_common() if count >= 20]
index = {word: k for k, word in enumerate(words)}
ids, lines = numbered(sentences, words)
counts = co_occurrences(ids, lines, len(words), window=2)
print(corpus.source)
print(f"{frequency.total():,} words in {len(sentences):,} paragraphs; {len(frequency):,} kinds, of which "
      f"{len(words):,} occur 20 times or more ({len(ids) / frequency.total():.0%} of the text)")
print(f"table of {len(words):,} × {len(words):,}: {counts.nnz:,} entries are not 0, "
      f"{counts.nnz / len(words) ** 2:.1%}; {human(12 * counts.nnz)} sparse, {human(8 * len(words) ** 2)} dense")
assert len(ids) > 1_000_000 and len(words) > 3_000 and counts.nnz / len(words) ** 2 < 0.15

sorted_counts = np.array(sorted(frequency.values(), reverse=True))
figure, axis = plt.subplots(figsize=(10, 5))
axis.loglog(np.arange(1, len(sorted_counts) + 1), sorted_counts)
axis.loglog([1, len(sorted_counts)], [sorted_counts[0], sorted_counts[0] / len(sorted_counts)], "--",
            color=COLORS["grey"], label="1 / rank (Zipf's law)")
axis.axhline(20, ls=":", color=COLORS["vermillion"], label="20 times")
for rank in (1, 30, 400, 5_000):
    axis.plot(rank, sorted_counts[rank - 1], "ko")
    axis.annotate(words[rank - 1], (rank, sorted_counts[rank - 1]), (7, 9), textcoords="offset points", fontsize=16)
axis.set(title="A hundred words make up half of the text", xlabel="rank of the word", ylabel="occurrences")
axis.legend()
plt.show()
top_share = sorted_counts[:100].sum() / sorted_counts.sum()
print(f"the 100 most frequent words are {top_share:.0%} of the text; {(sorted_counts == 1).sum():,} kinds occur once")

# %% [markdown] slide="slide"
# ## 3. Weighting and compressing
#
# ### Weighting
#
# Which words stand most often beside *minimum*? Those that stand beside everything. A count is telling only against
# what chance would give. Draw one entry of the table at random, in proportion to the counts: $p(i, j)$ is the
# probability to hit the pair, $X_{ij}$ divided by the sum of the table, and $p(i)$ and $p(j)$ are those to hit the row
# of word $i$ and the column of **context** $j$. The **pointwise mutual information** is the logarithm of how much more
# often the two meet than they would if they were independent:
#
# $$\mathrm{PMI}_{ij} = \log \frac{p(i, j)}{p(i)\, p(j)}, \qquad
#   \mathrm{PPMI}_{ij} = \max(0, \mathrm{PMI}_{ij}).$$
#
# The *positive* part keeps the table sparse: pairs that never met would have $-\infty$. By hand, for the deck's three
# sentences, whose table has the sum 20: *I* and *like* meet twice and have 3 and 4 neighbours in all, so their PMI is
# $\log\frac{2/20}{3/20 \cdot 4/20} = \log 3.33 = 1.20$. *Deep* and *learning* meet once, with 2 neighbours each:
# $\log\frac{1/20}{2/20 \cdot 2/20} = \log 5 = 1.61$, more, though they met only once. PMI overrates rare words.
# A correction is customary (Levy, Goldberg and Dagan 2015): instead of $p(j)$ take $q(j)$, proportional to
# $p(j)^{0.75}$, which makes rare contexts look more frequent than they are. This is called **smoothing**.
#
# The code divides in another order: $p(i, j) / p(i)$ is the share of context $j$ in row $i$, which `normalize` of
# scikit-learn computes; it remains to divide by $q(j)$ and to take the logarithm of what is stored.


# %% slide="fragment"
def ppmi(counts, exponent=0.75):
    """Positive pointwise mutual information, sparse (n, n), of a symmetric table; contexts smoothed by the exponent."""
    q = normalize(counts.sum(0).A ** exponent, norm="l1").ravel()
    table = normalize(counts, norm="l1") @ sp.diags(1 / np.maximum(q, 1e-12))  # a word without neighbours has q = 0
    table.data = np.log(table.data).clip(min=0)
    table.eliminate_zeros()
    return table.tocsr()


by_hand = {("I", "like"): math.log(2 * 20 / (3 * 4)), ("deep", "learning"): math.log(1 * 20 / (2 * 2))}
deck_ppmi = ppmi(sp.csr_matrix(X), exponent=1)
for (left, right), value in by_hand.items():
    assert abs(deck_ppmi[DECK_WORDS.index(left), DECK_WORDS.index(right)] - value) < 1e-12
    print(f"three sentences, without smoothing: PMI of {left} and {right} {value:.2f}")


weights = ppmi(counts)
figure, axes = plt.subplots(1, 2, figsize=(13, 5.4))
shown = {}
met = counts[index["minimum"]].toarray().ravel()
often = np.where(met >= 10, weights[index["minimum"]].toarray().ravel(), 0)  # else the very rare come first
for axis, row, title, label in ((axes[0], met, "Counts", "weighted count"),
                                (axes[1], often, "PPMI (words met 10 times or more)", "PPMI (nats)")):
    best = row.argsort()[::-1][:12]
    shown[title] = [words[k] for k in best]
    axis.barh(range(12), row[best], color=COLORS["blue"])
    axis.set_yticks(range(12), shown[title])
    axis.invert_yaxis()
    axis.set(title=title, xlabel=label)
    axis.grid(axis="y", visible=False)
figure.suptitle("Who stands beside “minimum”?")
plt.show()
frequent = [sum(index[word] < 30 for word in names) for names in shown.values()]
print(f"of these 12, among the 30 most frequent words of all: {frequent[0]} by counts, {frequent[1]} by PPMI")
assert frequent[0] > frequent[1]

# %% [markdown] slide="subslide"
# ### Compressing
#
# A row still has thousands of entries, most of them 0 by accident. The **singular value decomposition** (SVD) writes
# any matrix as a sum of products of a column and a row, the largest first:
#
# $$X = U S V^\top = \sum_r s_r\, U_{\cdot r} V_{\cdot r}^\top, \qquad s_1 \ge s_2 \ge \dots \ge 0,$$
#
# where $U_{\cdot r}$ is column $r$ of $U$, and the columns of $U$, and those of $V$, are orthonormal: of length 1 and
# at right angles. Stop after $k$ terms, and you have $\hat X$, which deck F calls "the best rank $k$ approximation to
# $X$, in terms of least squares". That is the theorem of Eckart and Young (1936), and the squared error is what was
# left out: $\lVert X - \hat X\rVert^2 = \sum_{r > k} s_r^2$, with $\lVert A \rVert^2$ the sum of all squared entries.
#
# The vector of a word is then its row of $U_k S_k$, the first $k$ columns: $k$ numbers ("usually around 25 – 1000",
# says the deck). Nothing more is lost by that: $\hat X = U_k S_k V_k^\top$, and since $V_k^\top V_k$ is the unit
# matrix, $\hat X \hat X^\top = (U_k S_k)(U_k S_k)^\top$. All products of two rows, hence all lengths and cosines, are
# the same for the short rows as for the long rows of $\hat X$. Two words with similar *company* come close, even if
# they share no neighbour directly. (On the pictures red is positive, blue negative and white 0.)

# %% slide="fragment"
U, s, Vt = np.linalg.svd(X)
SHOWN = (1, 2, 4, 8)
figure, axes = plt.subplots(1, 5, figsize=(15, 4.6), width_ratios=[1, 1, 1, 1, 1.35])
left_out = (s**2).sum() - np.concatenate([[0], np.cumsum(s**2)])  # after 0, 1, ..., 8 terms
approximation = np.zeros(X.shape)
for k in range(1, 9):
    approximation += s[k - 1] * np.outer(U[:, k - 1], Vt[k - 1])  # one more term of the sum
    error = ((X - approximation) ** 2).sum()
    assert abs(error - left_out[k]) < 1e-9
    if k not in SHOWN:
        continue
    axis = axes[SHOWN.index(k)]
    axis.imshow(approximation, cmap="RdBu_r", vmin=-2, vmax=2)
    axis.set(title=f"rank {k}\nerror {error:.2f}", yticks=[])
    axis.set_xticks(range(8), DECK_WORDS, fontsize=12, rotation=90)
    axis.grid(False)
axes[0].set_yticks(range(8), DECK_WORDS, fontsize=13)
axes[4].plot(range(9), left_out, "o-")
axes[4].set(title="sum of $s_r^2$, $r > k$", xlabel="rank $k$", ylabel="squared error", xticks=range(0, 9, 2))
plt.show()

rng, rivals = np.random.default_rng(0), []
for _ in range(30):  # alternating least squares from a random start: another way to look for a good rank 2
    right = rng.normal(size=(2, 8))
    for _ in range(200):
        left = np.linalg.lstsq(right.T, X.T, rcond=None)[0].T
        right = np.linalg.lstsq(left, X, rcond=None)[0]
    rivals.append(((X - left @ right) ** 2).sum())
print(f"rank 2: SVD {left_out[2]:.6f}; 30 searches by alternating least squares {min(rivals):.6f} at best, "
      f"{max(rivals):.6f} at worst")
assert min(rivals) > left_out[2] - 1e-9
ledger.append(("F", "rank k by SVD is best in least squares",
               f"rank 2: error {left_out[2]:.3f}, equal to the sum of s²; no search got below"))

# %% [markdown] slide="subslide"
# > **Erratum E34, second part.** The caption of F's figure says $X U^\top = S V^\top$. From $X = U S V^\top$ follows
# > $U^\top X = S V^\top$: the transposed $U$ stands on the *left*. For a table with fewer rows than columns the printed
# > product is not even defined.

# %% slide="fragment"
gap_right = np.abs(U.T @ X - np.diag(s) @ Vt).max()
gap_printed = np.abs(X @ U.T - np.diag(s) @ Vt).max()
print(f"largest difference to S Vᵀ: Uᵀ X {gap_right:.0e}, X Uᵀ as printed {gap_printed:.2f}")
wide = X[:5]  # a table of 5 × 8
U5, s5, Vt5 = np.linalg.svd(wide, full_matrices=False)
try:
    wide @ U5.T
    defined = True
except ValueError:
    defined = False
print(f"a table of 5 × 8: Uᵀ X has the shape {(U5.T @ wide).shape}; X Uᵀ would be (5, 8) times {U5.T.shape}")
assert gap_right < 1e-9 < 0.5 < gap_printed and np.allclose(U5.T @ wide, np.diag(s5) @ Vt5) and not defined
ledger.append(("F", "X Uᵀ = S Vᵀ", f"off by up to {gap_printed:.1f}; UᵀX = SVᵀ to {gap_right:.0e} (E34)"))

# %% [markdown] slide="subslide"
# ### On three million words
#
# `randomized_svd` finds the leading terms of a large sparse matrix without ever writing it out, the first ones closely
# and the last ones too small (hence the drop at the right end of the left picture). We take 1,000, the most that the
# deck names, and mostly use the first 100. All vectors are then divided by their length, so that a product of two is
# their cosine.

# %% slide="fragment"
start = time.perf_counter()
U, s, _ = randomized_svd(weights.astype(np.float32), 1000, n_iter=2, random_state=0)
scaled = U * s  # (words, 1000)
vectors = normalize(scaled[:, :100])
total = weights.power(2).sum()
kept = np.cumsum(s.astype(float) ** 2) / total
print(f"{time.perf_counter() - start:.1f} s; of the sum of squares {kept[99]:.0%} is in 100 dimensions, "
      f"{kept[299]:.0%} in 300, {kept[999]:.0%} in 1,000")
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8))
left.loglog(np.arange(1, 1001), s)
left.set(title="Singular values of the PPMI table", xlabel="number $r$", ylabel="$s_r$")
right.plot(np.arange(1, 1001), 100 * (1 - kept))
right.axvline(100, ls="--", color=COLORS["grey"])
right.set(title="What the best rank k leaves out", xlabel="rank $k$", ylabel="squared error (% of all)",
          ylim=(0, 100))
plt.show()


def neighbours(word, space=vectors, n=8):
    """The n words with the largest cosine to a word, and the cosines."""
    similarity = space @ space[index[word]]
    best = [k for k in similarity.argsort()[::-1][: n + 1] if k != index[word]][:n]
    return [words[k] for k in best], similarity[best]


for word in ("minimum", "sin", "read", "left", "red", "float32", "third"):
    print(f"{word:>8}: " + ", ".join(neighbours(word)[0]))
assert {"maximum", "min", "smallest", "lowest"} & set(neighbours("minimum")[0])
assert {"cos", "tan", "cosh", "sinh"} & set(neighbours("sin")[0]) and "right" in neighbours("left")[0]

# %% [markdown] slide="fragment"
# The least squares are far from satisfied: 100 dimensions out of thousands leave out most of the table. And
# yet the neighbours make sense. Much of what the SVD drops is accident (who happened to stand beside whom); what
# it keeps is what many words share. Note also what "alike" means here: *minimum* and *maximum* are neighbours, because
# they stand in the same places. Opposites are interchangeable in a text. And where words such as *frac* or *sigma*
# are neighbours of *left*, they come from formulas in LaTeX, in which `\left` opens a bracket.

# %% [markdown] slide="subslide"
# > **Erratum E65.** Deck F takes the SVD of the co-occurrence matrix $X$ *itself*. That works for three sentences. In
# > a real text least squares on counts is least squares on the few most frequent words, whose counts are thousands of
# > times larger: the first terms are spent on *the*, *of* and *is*. The counts must be weighted first; Rohde and
# > others (2005), whom F cites on the next slide, use correlations instead of counts for this reason.
#
# The eight questions below were chosen because PPMI and SVD answer them; section 6 repeats the comparison on 105 that
# were not. A question counts as solved if its fourth word, $d$, is the one nearest to $b - a + c$: section 4 explains
# why.

# %% slide="fragment"
QUESTIONS = """min max argmin argmax
row rows column columns
sin cos sinh cosh
left right lower upper
first last start end
minimum maximum smallest largest
read write load save
x y width height"""
KNOWN = [question.split() for question in QUESTIONS.splitlines()]  # section 4 says what they are


def solved(space, questions):
    """For each question whether d is the nearest word to b - a + c, without a, b and c. space: rows of length 1."""
    a, b, c, d = np.array([[index[word] for word in question] for question in questions]).T
    scores = normalize(space[b] - space[a] + space[c]) @ space.T
    for used in (a, b, c):
        scores[np.arange(len(a)), used] = -1
    return scores.argmax(1) == d


raw_U, raw_s, _ = randomized_svd(counts, 100, n_iter=4, random_state=0)
raw = normalize(raw_U * raw_s)
per_word = counts.power(2).sum(1).A1
top_ten = np.sort(per_word)[::-1][:10].sum() / per_word.sum()
askable = [question for question in KNOWN if all(word in index for word in question)]
raw_right, ppmi_right = solved(raw, askable).sum(), solved(vectors, askable).sum()
print(f"{top_ten:.0%} of the sum of squares of the counts is in the rows of 10 words out of {len(words):,}")
print(f"neighbours of “minimum” by raw counts: {', '.join(neighbours('minimum', raw)[0])}")
print(f"eight analogies of section 4: SVD of the counts {raw_right}, SVD of PPMI {ppmi_right} right of {len(askable)}")
assert top_ten > 0.4 and ppmi_right > raw_right
ledger.append(("F", "SVD of the co-occurrence matrix",
               f"10 words hold {top_ten:.0%} of its squares; {raw_right} of {len(askable)} analogies, after PPMI "
               f"{ppmi_right} (E65)"))

# %% [markdown] slide="subslide"
# ### Clusters
#
# F shows a figure of Rohde, Gonnerman and Plaut: words of a few kinds, joined into a tree by their vectors. The same
# with ours. The tree (a **dendrogram**, by *average linkage*) joins the two nearest groups again and again; the
# distance of two groups is the mean distance (1 − cosine) of their members. It knows nothing of the colours.

# %% slide="fragment"
KINDS = {
    "functions": "sin cos tan sinh cosh exp log sqrt",
    "colours": "red green blue black white",
    "places": "left right top bottom upper lower",
    "types": "int float complex str bool",
    "verbs": "read write load save open close",
    "order": "first second third last",
    "extremes": "minimum maximum smallest largest",
    "structures": "matrix vector array list tuple dict",
}
KINDS = {kind: [word for word in row.split() if word in index] for kind, row in KINDS.items()}
PAINTS = ["blue", "vermillion", "green", "purple", "orange", "sky", "black", "grey"]
KIND_COLORS = dict(zip(KINDS, PAINTS, strict=True))
kind_of = {word: kind for kind, members in KINDS.items() for word in members}
chosen = list(kind_of)
tree = linkage(vectors[[index[word] for word in chosen]], "average", metric="cosine")
figure, axis = plt.subplots(figsize=(11, 10.5))
dendrogram(tree, labels=chosen, orientation="left", ax=axis, color_threshold=0, above_threshold_color="black",
           leaf_font_size=14)
for label in axis.get_yticklabels():
    label.set_color(COLORS[KIND_COLORS[kind_of[label.get_text()]]])
    label.set_weight("bold")
axis.set(title="A tree of words, from their neighbours alone", xlabel="distance (1 − cosine)")
axis.grid(False)
plt.show()
truth = [list(KINDS).index(kind_of[word]) for word in chosen]
agreement = adjusted_rand_score(truth, fcluster(tree, len(KINDS), "maxclust"))
print(f"cut into {len(KINDS)} groups: agreement with the kinds (adjusted Rand index, 0 is chance, 1 is equal) "
      f"{agreement:.2f}")
assert agreement > 0.4
ledger.append(("F", "similarity clusters (Rohde 2005)",
               f"a tree of {len(chosen)} words: adjusted Rand {agreement:.2f}"))

# %% [markdown] slide="subslide"
# **Explorer 1.** How many dimensions does a word need? With 2 or 5, words share a place with much that is unlike them.
# With 300, rare company begins to count again. Dark: among the ten nearest in 100 dimensions, too. Type any word: for
# example *sin*, *read*, *left*, *red*, *float32*, *dataframe*, *tree*, *random*, *error*, *plot* or *thread*.


# %% slide="fragment"
def unknown(text):
    """What to say of the words of a text that are not in the vocabulary; "" if all are."""
    lines = []
    for word in dict.fromkeys(text.split()):
        if word not in index:
            near = difflib.get_close_matches(word, words, 4)
            lines.append(f"“{word:.30}” is not in the vocabulary: the words that occur 20 times in these docstrings."
                         + (f" Similarly spelt: {', '.join(near)}." if near else ""))
    return "\n".join(lines)


def plot_words(text, size):
    """A figure that only says something, and the same in words."""
    figure = plt.figure(figsize=size)
    figure.text(0.5, 0.5, text.replace(". ", ".\n"), ha="center", va="center", fontsize=16, wrap=True, parse_math=False)
    print(text)


def plot_neighbours(word="minimum", dimensions=100):
    """The ten nearest words in the first `dimensions` of the SVD."""
    size = (9, 5.2)
    word = word.strip().lower()
    if len(word.split()) != 1:
        plot_words("Please type one word.", size)
        return
    if word not in index:
        plot_words(unknown(word), size)
        return
    space = normalize(scaled[:, :dimensions])
    names, cosines = neighbours(word, space, 10)
    stay = set(neighbours(word, vectors, 10)[0])
    _, axis = plt.subplots(figsize=size)
    axis.barh(range(10), cosines, color=[COLORS["blue" if name in stay else "sky"] for name in names])
    axis.set_yticks(range(10), names)
    axis.invert_yaxis()
    crowd = (space @ space[index[word]] > 0.7).sum() - 1
    axis.set(title=f"“{word}” in {dimensions} dimensions\nother words with a cosine above 0.7: {crowd:,}",
             xlabel="cosine", xlim=(0, 1))
    axis.grid(axis="y", visible=False)
    print(f"Of the ten nearest to {word} in {dimensions} dimensions, {len(stay & set(names))} are so in 100:",
          ", ".join(name for name in names if name in stay))


plot_neighbours(dimensions=10)
plt.show()
widgets.explore(plot_neighbours, word="minimum", dimensions=(1, 300))

# %% [markdown] slide="slide"
# ## 4. Analogies
#
# *man is to woman as king is to …?* If a direction stands for a relation, then the step from man to woman, made
# from king, leads to the answer: look for the word nearest to
#
# $$t = w_b - w_a + w_c, \qquad a : b :: c : d,$$
#
# where $w_x$ is the vector of the word $x$ (the deck's letter; no weights here). Deck F gives numbers in two
# dimensions: king (0.30, 0.70), man (0.20, 0.20), woman (0.60, 0.30), queen (0.70, 0.80).

# %% slide="fragment"
PLANE = {"man": (0.2, 0.2), "woman": (0.6, 0.3), "king": (0.3, 0.7), "queen": (0.7, 0.8)}
PLANE = {word: np.array(place) for word, place in PLANE.items()}
t = PLANE["woman"] - PLANE["man"] + PLANE["king"]
assert np.allclose(t, PLANE["queen"])
ledger.append(("F", "king − man + woman in two dimensions", f"({t[0]:.2f}, {t[1]:.2f}), exactly queen"))
figure, axis = plt.subplots(figsize=(8.5, 5.6))
for start, end in (("man", "woman"), ("king", "queen")):
    axis.annotate("", PLANE[end], PLANE[start],
                  arrowprops={"arrowstyle": "-|>", "lw": 3, "color": COLORS["vermillion"]})
for word, place in PLANE.items():
    axis.plot([0, place[0]], [0, place[1]], color=COLORS["blue"], lw=1.5)
    axis.plot(*place, "o", color=COLORS["blue"])
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0} if word == "man" else None  # it lies on a line
    axis.annotate(word, place, (6, -26) if box else (-8, 12), textcoords="offset points", fontsize=18, bbox=box)
axis.set(title="One step, made twice (deck F)", xlabel="first number", ylabel="second number", xlim=(0, 0.9),
         ylim=(0, 0.95))
axis.set_aspect("equal")
plt.show()

# %% [markdown] slide="subslide"
# > **Erratum E33.** F's formula is
# > $d = \arg\max_x \dfrac{(w_b - w_a + w_c)^\top w_x}{\lVert w_b - w_a + w_c \rVert}$. The denominator does not depend
# > on $x$ and changes nothing: this is the largest *inner product*, and a long vector beats the right one. What is
# > needed is the length of $w_x$ below: the cosine, $t^\top w_x / (\lVert t \rVert \lVert w_x \rVert)$. And the three
# > words of the question must be excluded.

# %% slide="fragment"
far = np.array([2.0, 0.0])  # any word whose vector is long
as_printed = {word: t @ place / np.linalg.norm(t) for word, place in {**PLANE, "(2, 0)": far}.items()}
by_cosine = {word: as_printed[word] / np.linalg.norm({**PLANE, "(2, 0)": far}[word]) for word in as_printed}
print(f"{'':<8}{'as printed':>12}{'cosine':>9}")
for word in as_printed:
    print(f"{word:<8}{as_printed[word]:>12.3f}{by_cosine[word]:>9.3f}")
assert max(as_printed, key=as_printed.get) == "(2, 0)" and max(by_cosine, key=by_cosine.get) == "queen"
assert round(as_printed["(2, 0)"], 3) == 1.317 and round(as_printed["queen"], 3) == 1.063

a, b, c, d = np.array([[index[word] for word in question] for question in askable]).T
targets = vectors[b] - vectors[a] + vectors[c]
unit_answers = [words[k] for k in (targets @ vectors.T).argmax(1)]
is_input = np.mean([answer in question[:3] for answer, question in zip(unit_answers, askable, strict=True)])
lengths = scaled[:, :100]
printed_rule = (lengths[b] - lengths[a] + lengths[c]) @ lengths.T
for used in (a, b, c):
    printed_rule[np.arange(len(a)), used] = -np.inf
printed_right = (printed_rule.argmax(1) == d).sum()
divided_right = ((printed_rule / np.linalg.norm(lengths, axis=1)).argmax(1) == d).sum()
print(f"\non the docstrings, eight analogies: as printed {printed_right} right, divided by the length of w_x "
      f"{divided_right}, by the cosine\nwith a, b and c of length 1 as well {ppmi_right}; without the exclusion the "
      f"nearest word is one of the three of the question\nin {is_input:.0%} of the cases")
assert is_input > 0.4 and printed_right < ppmi_right
ledger.append(("F", "the analogy's argmax",
               f"(2, 0) scores {as_printed['(2, 0)']:.3f}, queen {as_printed['queen']:.3f}; docstrings "
               f"{printed_right} of {len(askable)} right, by the cosine {ppmi_right} (E33)"))

# %% [markdown] slide="subslide"
# In 100 dimensions no step ends exactly at a word. It must only end nearer to the answer than to thousands of others.
# **Explorer 2.** When all vectors have the length 1, each product of two of them is a cosine, and
#
# $$t^\top w_x = \cos(w_x, w_b) - \cos(w_x, w_a) + \cos(w_x, w_c).$$
#
# The cosine of $t$ and $w_x$ is this sum divided by $\lVert t \rVert$, which is the same for every $x$: the order
# stays. So the answer must be like $b$, like $c$, and *not* like $a$. Look where the right answer gets its points from,
# and what happens when you let the words of the question compete. Not all of the menu comes out right. Then look for an
# analogy of your own: type its first three words, or four, of which the last is the answer that you expect.

# %% slide="fragment"
MORE = ["int32 int64 float32 float64", "matplotlib figure networkx graph", "fit estimator transform transformer",
        "sin sinh tan tanh"]
MENU_QUESTIONS = [text for text in [*map(" ".join, KNOWN), *MORE] if all(word in index for word in text.split())]


def plot_analogy(question="min max argmin argmax", yours="", exclude=True):
    """The eight best answers to "a b c", each with its three cosines; a fourth word is the one expected.

    yours: a question that was typed; while there is one, `question`, which comes from the menu, does not count.
    """
    size = (11, 5.6)
    asked = (yours.strip() or question).lower().split()
    if len(asked) not in (3, 4):
        plot_words(f"“{' '.join(asked):.40}”: {len(asked)} word{'s' * (len(asked) > 1)}. "
                   "Please type three, for example sin cos sinh, or four.", size)
        return
    if message := unknown(" ".join(asked)):
        plot_words(message, size)
        return
    a, b, c, *expected = asked
    similarity = vectors @ vectors[[index[word] for word in (a, b, c)]].T  # (words, 3)
    score = similarity @ np.array([-1, 1, 1])
    if exclude:
        score[[index[word] for word in (a, b, c)]] = -np.inf
    best = score.argsort()[::-1][:8]
    _, axis = plt.subplots(figsize=size)
    like_b, like_c, like_a = similarity[best, 1], similarity[best, 2], similarity[best, 0]
    axis.barh(range(8), like_b, color=COLORS["blue"], label=f"like {b}")
    axis.barh(range(8), like_c, left=like_b, color=COLORS["sky"], label=f"like {c}")
    axis.barh(range(8), -like_a, color=COLORS["vermillion"], label=f"minus: like {a}")
    axis.plot(score[best], range(8), "k|", ms=26, mew=4, label="sum")
    axis.set_yticks(range(8), [f"→ {words[k]}" if [words[k]] == expected else words[k] for k in best])
    axis.invert_yaxis()
    axis.set(title=f"{a} : {b} :: {c} : ?" + (f"   (expected: {expected[0]})" if expected else ""),
             xlabel="cosine, and sum of the three", xlim=(-1.05, 2.05))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.grid(axis="y", visible=False)
    print(f"{a} : {b} :: {c} : {words[best[0]]}. Sums: " + ", ".join(f"{words[k]} {score[k]:.2f}" for k in best[:4])
          + (". To go back to the menu, empty the field." if yours.strip() else ""))


plot_analogy(exclude=False)
plt.show()
widgets.explore(plot_analogy, labels={"question": "examples", "yours": "your own: a b c", "exclude": "exclude a, b, c"},
                question=MENU_QUESTIONS, yours="", exclude=True)

# %% [markdown] slide="subslide"
# ### Further: the king, the queen, and GloVe
#
# Royalty is rare in docstrings. The vectors of GloVe, made from 6 billion words, know it. They are a download of 862
# MB, so this cell runs only where the file is in the cache or in a mirror, or if you set `DOWNLOAD = True`. With a
# file of your own in the same format, `data.word_vectors(path)` does the same.

# %% tags=["further"] slide="fragment"
DOWNLOAD = False


def at_hand(path):
    """Whether a file of the registry is in the cache or in the mirror."""
    folders = [data.cache_folder(), os.environ.get("COURSE_DATA_MIRROR")]
    return any(folder and Path(folder, path).exists() for folder in folders)


if DOWNLOAD or at_hand("glove/glove.6B.100d.txt"):
    try:
        glove = data.glove(limit=60_000)
        space = normalize(glove.vectors.numpy())
        for text in ("man woman king", "paris france rome", "big bigger small", "man woman doctor"):
            a, b, c = text.split()
            score = space @ (space[glove.index[b]] - space[glove.index[a]] + space[glove.index[c]])
            score[[glove.index[word] for word in (a, b, c)]] = -np.inf
            print(f"{a} : {b} :: {c} : {', '.join(glove.words[k] for k in score.argsort()[::-1][:4])}")
    except data.DataError as error:
        print(error)
else:
    print("GloVe's vectors are neither in the cache nor in a mirror: left out. DOWNLOAD = True fetches 862 MB.")

# %% [markdown] slide="slide"
# ## 5. word2vec: predict instead of count
#
# The **skip-gram** of Mikolov and others (2013) turns the table into a task for a net: from a word, predict a word
# beside it. Each word has two vectors, $u_i$ as the centre and $v_j$ as the context, and $u_i^\top v_j$ is the score of
# the pair. A softmax of the scores would give the probability of each context, $e^{u_i^\top v_j} / \sum_l e^{u_i^\top
# v_l}$, and the sum runs over the whole vocabulary at every step. **Negative sampling** asks an easier question: is
# this pair from the text, or from the dice? The answer is a probability, $\sigma(u_i^\top v_j)$ for "from the text" and
# so $1 - \sigma(u_i^\top v_j) = \sigma(-u_i^\top v_j)$ for "from the dice". For each true pair $(i, j)$ draw $k$ words
# of **noise** $j'$ (this $k$ has nothing to do with the rank of section 3), with the probabilities $q$ proportional to
# count$^{0.75}$, and minimise the cross-entropy of the $k + 1$ answers:
#
# $$-\log \sigma(u_i^\top v_j) \;-\; \sum_{j'} \log \sigma(-u_i^\top v_{j'}).$$
#
# It is the logistic regression of module 02, section 1, whose inputs are learned along with its weights. In the lab
# you write this loss and its gradients by hand. Here it is trained with autograd and Adam on the 2,000 most frequent
# words. Instead of walking through the text we draw pairs from the table of section 2, which brings each pair as
# often. Pairs with very frequent words are drawn more seldom than they occur, a trick of word2vec's called
# **subsampling**. To save time, all pairs of a batch share 64 words of noise, each weighted so that a pair has
# $k = 5$.

# %% slide="fragment"
SMALL, NOISE = 2_000, 5
small_counts = counts[:SMALL, :SMALL]
word_counts = np.array([frequency[word] for word in words[:SMALL]], float)


class SkipGram(nn.Module):
    """Two vectors for each word, and the loss of pairs from the text against words of noise."""

    def __init__(self, n, dimensions):
        super().__init__()
        self.centre, self.context = nn.Embedding(n, dimensions), nn.Embedding(n, dimensions)
        nn.init.normal_(self.centre.weight, std=0.1)
        nn.init.zeros_(self.context.weight)

    def forward(self, centre, context, noise):  # (pairs,), (pairs,), (any number of words,)
        u = self.centre(centre)
        true = F.logsigmoid((u * self.context(context)).sum(1)).mean()
        false = F.logsigmoid(-u @ self.context(noise).T).mean()
        return -true - NOISE * false


def train_skip_gram(dimensions=50, batches=2000, batch=4096, lr=1e-2):
    """Skip-gram on the small vocabulary. Returns (model, losses, {number of batches: neighbours of "minimum"})."""
    training.seed_everything(0)
    table = small_counts.tocoo()
    rows, columns = torch.from_numpy(table.row.astype(np.int64)), torch.from_numpy(table.col.astype(np.int64))
    rare = np.minimum(1, np.sqrt(1e-3 * word_counts.sum() / word_counts))  # subsampling
    of_pairs = torch.from_numpy(table.data * rare[table.row] * rare[table.col])
    of_noise = torch.from_numpy(word_counts**0.75)
    model = SkipGram(SMALL, dimensions)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, batches)
    losses, on_the_way = [], {}
    with progress.bar(batches, "skip-gram") as bar:
        for step in range(batches + 1):
            if step in (0, 100, 300, 800, batches):
                space = normalize(model.centre.weight.detach().numpy())
                on_the_way[step] = neighbours("minimum", space, 6)[0]
            if step == batches:
                break
            if step % 100 == 0:  # a hundred batches at once: the table is long
                pairs = torch.multinomial(of_pairs, 100 * batch, replacement=True).view(100, batch)
            pair, noise = pairs[step % 100], torch.multinomial(of_noise, 64, replacement=True)
            loss = model(rows[pair], columns[pair], noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if step % 50 == 49:
                bar.set_postfix_str(f"loss {np.mean(losses[-50:]):.3f}", refresh=False)
            bar.update()
    return model, np.array(losses), on_the_way


start = time.process_time()
skip_gram, losses, on_the_way = train_skip_gram()
skip_gram_seconds = time.process_time() - start
predicted = normalize(skip_gram.centre.weight.detach().numpy())
for step, names in on_the_way.items():
    print(f"after {step:>5} batches, nearest to “minimum”: {', '.join(names)}")
before = (1 + NOISE) * math.log(2)  # all scores 0, each of the answers has probability 1/2
print(f"loss {losses[0]:.3f} at first (6 log 2 = {before:.3f}), {losses[-200:].mean():.3f} in the end; "
      f"{skip_gram_seconds:.0f} s of CPU")
assert abs(losses[0] - before) < 0.01 and losses[-200:].mean() < 0.65 * before
assert {"maximum", "smallest", "maximal", "min", "minimal"} & set(on_the_way[2000])

# %% slide="subslide"
smooth = np.convolve(losses, np.full(25, 1 / 25), "valid")
figure, axis = plt.subplots(figsize=(10, 4.6))
axis.semilogx(np.arange(1, len(losses) + 1), losses, color=COLORS["sky"], lw=1, alpha=0.7)
axis.semilogx(np.arange(len(smooth)) + 13, smooth, color=COLORS["blue"])
axis.axhline(before, ls=":", color=COLORS["grey"])
axis.text(1.2, before - 0.05, "knows nothing: 6 log 2", va="top", fontsize=14)
axis.set(title="Skip-gram with negative sampling learns", xlabel="batch (4,096 pairs)", ylabel="loss (nats per pair)")
plt.show()

# %% [markdown] slide="subslide"
# ### It is the same table
#
# Take one pair $(i, j)$ and ask which score $z = u_i^\top v_j$ would be best if it could be chosen freely. The text
# brings the pair in proportion to $p(i, j)$, the dice in proportion to $k\, p(i)\, q(j)$. So this pair's share of the
# loss is $-p(i,j) \log\sigma(z) - k\, p(i)\, q(j) \log \sigma(-z)$. With the slope $\sigma(z) - 1$ of $-\log\sigma(z)$
# its derivative is zero where
#
# $$p(i, j)\,(1 - \sigma(z)) = k\, p(i)\, q(j)\, \sigma(z), \qquad\text{and as}\quad
#   \frac{\sigma(z)}{1 - \sigma(z)} = e^z, \qquad z = \log \frac{p(i, j)}{p(i)\, q(j)} - \log k .$$
#
# That is the PMI of section 3, with the smoothed contexts, moved down by $\log k$ (Levy and Goldberg 2014). Word2vec
# approximates nearly the table that we have compressed by SVD, by the same kind of product, with other weights for the
# errors. With 50 numbers a word the scores cannot all be chosen freely. Do the trained ones obey?

# %% slide="fragment"
table = small_counts.tocoo()
rare = np.minimum(1, np.sqrt(1e-3 * word_counts.sum() / word_counts))
drawn = table.data * rare[table.row] * rare[table.col]
p_pair = drawn / drawn.sum()
p_centre = np.bincount(table.row, p_pair, SMALL)
q = word_counts**0.75 / (word_counts**0.75).sum()
theory = np.log(p_pair / (p_centre[table.row] * q[table.col])) - math.log(NOISE)
with torch.no_grad():
    scores = (skip_gram.centre.weight[table.row] * skip_gram.context.weight[table.col]).sum(1).numpy()
well_known = table.data >= 50
correlation = np.corrcoef(theory[well_known], scores[well_known])[0, 1]
figure, axis = plt.subplots(figsize=(7.5, 5.8))
bins = axis.hexbin(theory[well_known], scores[well_known], gridsize=60, bins="log", cmap="Blues",
                   extent=(-5, 6, -5, 6))
axis.plot([-5, 6], [-5, 6], "--", color=COLORS["vermillion"], label="equal")
figure.colorbar(bins, ax=axis, label="pairs of words")
axis.set(title="What skip-gram has learned is PMI", xlabel="PMI − log 5 (counted)",
         ylabel="score $u_i^\\top v_j$ (trained)")
axis.legend(loc="upper left")
plt.show()
print(f"{well_known.sum():,} pairs that met 50 times or more: correlation {correlation:.2f}")
assert correlation > 0.6

# %% [markdown] slide="fragment"
# The scores follow, and fall short at the right end: pairs that meet far more often than by chance would need larger
# scores than 50 numbers a word and this short training have given them.

# %% [markdown] slide="subslide"
# ### GloVe
#
# Pennington, Socher and Manning (2014) make the factorisation explicit. Fit the *logarithm of the counts* by least
# squares, with a bias for each word, and with a weight that grows with the count up to a limit:
#
# $$J = \sum_{X_{ij} > 0} f(X_{ij}) \left(u_i^\top v_j + b_i + c_j - \log X_{ij}\right)^2, \qquad
#   f(x) = \min\left(1, (x / x_{\max})^{0.75}\right).$$
#
# with $b_i$ and $c_j$ the biases of word and context, and $x_{\max}$ the count from which on all pairs weigh the same
# (100). No noise is needed, and only the pairs that occur are visited. What do the biases do? Up to a constant
# $\log X_{ij}$ is $\log p(i, j) = \mathrm{PMI}_{ij} + \log p(i) + \log p(j)$. If the biases take up the last two terms,
# how frequent each word is, $u_i^\top v_j$ is left with the PMI. The vector of a word is $u_i + v_i$.

# %% slide="fragment"
def train_glove(dimensions=50, batches=900, batch=8192, lr=2e-2, x_max=100):
    """GloVe on the small vocabulary. Returns (vectors (SMALL, dimensions), losses)."""
    training.seed_everything(0)
    rows, columns = (torch.from_numpy(k.astype(np.int64)) for k in (table.row, table.col))
    log_x = torch.from_numpy(np.log(table.data)).float()
    f = torch.from_numpy(np.minimum(1, (table.data / x_max) ** 0.75)).float()
    tables = [nn.Embedding(SMALL, width) for width in (dimensions, dimensions, 1, 1)]
    for part in tables:
        nn.init.normal_(part.weight, std=0.1)
    u, v, b, c = tables
    optimizer = torch.optim.Adam([part.weight for part in tables], lr=lr)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, batches)
    losses = []
    with progress.bar(batches, "GloVe") as bar:
        for step in range(batches):
            pick = torch.randint(0, len(rows), (batch,))
            i, j = rows[pick], columns[pick]
            fit = (u(i) * v(j)).sum(1) + (b(i) + c(j)).squeeze(1)
            loss = (f[pick] * (fit - log_x[pick]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if step % 50 == 49:
                bar.set_postfix_str(f"loss {np.mean(losses[-50:]):.4f}", refresh=False)
            bar.update()
    return (u.weight + v.weight).detach().numpy(), np.array(losses)


start = time.process_time()
fitted, glove_losses = train_glove()
fitted, glove_seconds = normalize(fitted), time.process_time() - start
start = time.process_time()
small_U, small_s, _ = randomized_svd(ppmi(small_counts), 50, n_iter=4, random_state=0)
counted, svd_seconds = normalize(small_U * small_s), time.process_time() - start
SPACES = {"PPMI + SVD": counted, "skip-gram": predicted, "GloVe": fitted}
print(f"seconds of CPU: SVD {svd_seconds:.1f}, skip-gram {skip_gram_seconds:.1f}, GloVe {glove_seconds:.1f}; "
      f"GloVe's loss from {glove_losses[0]:.2f} to {glove_losses[-100:].mean():.3f}\n")
for word in ("minimum", "read", "left", "array", "second"):
    for name, space in SPACES.items():
        print(f"{word if space is counted else '':<9}{name:<11}: {', '.join(neighbours(word, space, 7)[0])}")
overlap = {name: np.mean([len(set(neighbours(word, space, 10)[0]) & set(neighbours(word, counted, 10)[0]))
                          for word in words[200:600]]) for name, space in SPACES.items()}
print("\nof the ten nearest by SVD, also found by "
      + ", ".join(f"{name}: {overlap[name]:.1f}" for name in list(SPACES)[1:]))
assert glove_losses[-100:].mean() < 0.3 * glove_losses[0] and min(overlap.values()) > 1
ledger.append(("F", "word2vec or GloVe", f"skip-gram's scores and PMI: correlation {correlation:.2f}; "
               f"{skip_gram_seconds:.0f} s of training against {svd_seconds:.1f} s for the SVD"))

# %% [markdown] slide="subslide"
# ### Pretrained, or retrained?
#
# Deck F: "Use pretrained Glove or Word2Vec. If your dataset is large, it may be better to retrain the vectors."
# (Module 04, section 8, asked this about convolutions.) A test: from each paragraph with either *array* or *string*
# (not both) delete this word; which one was it? The vectors are made from one half of the paragraphs, without any
# labels. From the other half come a few or many labelled paragraphs to learn from, and the test. Three classifiers
# read the paragraph as a bag (module 05, section 7): one weight for each *word* (logistic regression on one-hot
# counts), a linear readout of the *mean of the fixed vectors*, and the same readout, trained in the same way, while
# the *vectors move* with it. What is learned depends on which paragraphs are labelled. So the labelled ones and the
# test are drawn six times, and the classifiers are compared draw by draw.

# %% slide="fragment"
is_held = np.random.default_rng(0).random(len(sentences)) < 0.5
rest = ~is_held[lines]
own_weights = ppmi(co_occurrences(ids[rest], lines[rest], len(words), window=2))
U, s, _ = randomized_svd(own_weights, 100, n_iter=2, random_state=0)
pretrained = normalize(U * s).astype(np.float32)

A, S = index["array"], index["string"]
bags = sp.csr_matrix((np.ones((~rest).sum()), (lines[~rest], ids[~rest])), (len(sentences), len(words)))
has = np.asarray((bags[:, [A, S]] > 0).todense())
use = (has[:, 0] != has[:, 1]) & (np.asarray(bags.sum(1)).ravel() >= 5)
asked, is_string = bags[use].tolil(), has[use, 1].astype(int)
asked[:, [A, S]] = 0
asked = asked.tocsr()
balance = np.random.default_rng(1)
pick = np.concatenate([balance.permutation(np.flatnonzero(is_string == k))[: min(np.bincount(is_string))]
                       for k in (0, 1)])
pick = balance.permutation(pick)
asked, is_string = asked[pick], is_string[pick]
n_test = len(pick) // 3


def mean_of(bag):
    """Sparse tensor (paragraphs, words): times a table of vectors, the mean of the vectors of each paragraph."""
    share = (sp.diags(1 / np.maximum(bag.sum(1).A1, 1)) @ bag).tocoo()
    return torch.sparse_coo_tensor(np.stack([share.row, share.col]), share.data, share.shape, dtype=torch.float32,
                                   check_invariants=False).coalesce()


def by_vectors(bag, y, bag_test, rate, steps=200):
    """Answers of a linear readout of the mean vector, trained by Adam. rate: that of the vectors; 0 leaves them fixed.

    The decay of the readout makes it logistic regression with scikit-learn's default penalty.
    """
    vectors_now = torch.tensor(10 * pretrained)  # entries of about the size 1
    seen = torch.from_numpy(np.unique(bag.indices)).long()  # only these words get a gradient
    table = vectors_now[seen].requires_grad_(rate > 0)
    readout, bias = torch.zeros(100, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [table], "lr": rate}, {"params": [bias], "lr": 3e-2},
                                  {"params": [readout], "lr": 3e-2, "weight_decay": 1 / len(y)}])
    x, target = mean_of(bag[:, seen.numpy()]), torch.from_numpy(y).float()[:, None]
    if not rate:  # the means stay as they are
        x = torch.sparse.mm(x, table)
    for _ in range(steps):
        scores = torch.sparse.mm(x, table @ readout) if rate else x @ readout  # x (table readout): less to do
        loss = F.binary_cross_entropy_with_logits(scores + bias, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        vectors_now[seen] = table
        return (torch.sparse.mm(mean_of(bag_test), vectors_now @ readout) + bias > 0).numpy()[:, 0]


READERS = {
    "one weight a word": lambda bag, y, test: LogisticRegression(solver="liblinear").fit(bag, y).predict(test),
    "fixed vectors": lambda bag, y, test: by_vectors(bag, y, test, rate=0),
    "vectors that move": lambda bag, y, test: by_vectors(bag, y, test, rate=1e-3),
}
DRAWS = 6
LABELLED = [*(n for n in (10, 30, 100, 300, 1000) if n < len(pick) - n_test), len(pick) - n_test]
right_of = {name: np.zeros((len(LABELLED), DRAWS)) for name in READERS}  # per cent
start = time.perf_counter()
for draw in range(DRAWS):
    order = np.random.default_rng(draw).permutation(len(pick))
    test, pool = order[:n_test], order[n_test:]
    for k, n in enumerate(LABELLED):
        for name, reader in READERS.items():
            answers = reader(asked[pool[:n]], is_string[pool[:n]], asked[test])
            right_of[name][k, draw] = 100 * (answers == is_string[test]).mean()
lead = right_of["fixed vectors"] - right_of["one weight a word"]
gain = right_of["vectors that move"] - right_of["fixed vectors"]

figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5.4), width_ratios=[1.15, 1])
for (name, share), style, aside in zip(right_of.items(), ("o-", "s--", "^:"), (0.95, 1, 1.05), strict=True):
    left.errorbar(aside * np.array(LABELLED), share.mean(1), share.std(1, ddof=1), fmt=style, capsize=5, label=name)
left.set(title="“Array” or “string”?", ylabel=f"right of {n_test:,} (%)")
left.legend(loc="lower right")
right.axhline(0, color=COLORS["grey"], lw=1)
right.plot(np.repeat(LABELLED, DRAWS), gain.ravel(), "o", ms=8, alpha=0.5, color=COLORS["green"], label="one draw")
right.plot(LABELLED, gain.mean(1), "k_", ms=26, mew=3, label="mean")
right.set(title="Vectors that move, minus fixed ones", ylabel="difference (points)")
right.legend(loc="lower right")
for axis in (left, right):
    axis.set(xlabel="labelled paragraphs to learn from", xscale="log")
    axis.set_xticks(LABELLED, [f"{n:,}" for n in LABELLED], rotation=30)
    axis.minorticks_off()
plt.show()
print(f"mean of {DRAWS} draws ± standard deviation, in per cent and points ({time.perf_counter() - start:.0f} s)\n")
print(f"{'labelled paragraphs':<27}" + "".join(f"{n:>13,}" for n in LABELLED))
for name, share in {**right_of, "fixed − one weight a word": lead, "moving − fixed": gain}.items():
    form = "+.1f" if "−" in name else ".1f"
    print(f"{name:<27}" + "".join(f"{format(row.mean(), form):>7} ± {row.std(ddof=1):<3.1f}" for row in share))
print(f"{'  above 0 in':<27}" + "".join(f"{f'{(row > 0).sum()} of {DRAWS}':>13}" for row in gain))
means = [(mean_of(asked[part]) @ torch.tensor(10 * pretrained)).numpy() for part in (pool, test)]
same = LogisticRegression(max_iter=500).fit(means[0], is_string[pool]).predict(means[1])
agree = (by_vectors(asked[pool], is_string[pool], asked[test], rate=0) == same).mean()
print(f"\ntrained to the end? with all labels and fixed vectors it answers as LogisticRegression does in {agree:.1%}")
assert agree > 0.95
assert lead[:2].mean() > 4 and lead[-1].mean() < 1  # the lead melts
assert gain[1].mean() < 0 < gain[-1].mean() and (gain[-1] > 0).sum() > DRAWS / 2
assert np.abs(gain.mean(1)).max() < lead[:2].mean() / 2 and (gain[:3] > 0).any()
assert abs((right_of["vectors that move"] - right_of["one weight a word"])[-1].mean()) < 2.5
ledger.append(("F", "use pretrained vectors; with much data retrain",
               f"fixed vectors against one weight a word: {lead[1].mean():+.1f} points with {LABELLED[1]} labels, "
               f"{lead[-1].mean():+.1f} with {LABELLED[-1]:,}; moving against fixed ones: {gain[1].mean():+.1f} and "
               f"{gain[-1].mean():+.1f} (± {gain[-1].std(ddof=1):.1f})"))

# %% [markdown] slide="fragment"
# With few labels the fixed vectors are far ahead of one weight a word: they know that *ndarray* and *shape* are alike
# before the first label comes. The lead melts as labels come in, and with all of them nothing is left of it. With 30
# labels, to move the vectors costs some points: the words of the training paragraphs move, all others stay. With 10 and
# with 100 the six draws do not agree. With all labels it gains a little, and brings the readout level with one weight a
# word. So F's advice holds here in both halves, if weakly: what retraining costs or gains is small beside the lead at
# the start.

# %% [markdown] slide="slide"
# ## 6. Scoring word vectors
#
# Eight analogies solved are eight anecdotes, and these eight were *known* to be solved. For an honest number we wrote
# down 105 questions in twelve groups before any score on them was seen, and before we knew which words occur at all
# (`data.analogies("docstrings")`). A question with a word that is missing from the vocabulary counts as failed.
#
# Two **controls** show what the step $w_b - w_a$ adds. "Nearest to $c$" never looks at $a$ and $b$. "Nearest to $b$ and
# $c$" leaves out the minus.

# %% slide="fragment"
groups = data.analogies("docstrings").groups


def marks(rule, questions, space=vectors):
    """For each question whether the best word but a, b and c under `rule` is d; False if a word is missing.

    rule: the weights of a, b and c in the target.
    """
    right = np.zeros(len(questions), bool)
    numbers = np.array([[index.get(word, len(space)) for word in question] for question in questions])
    there = np.flatnonzero((numbers < len(space)).all(1))
    if len(there):
        a, b, c, d = numbers[there].T
        scores = (rule[0] * space[a] + rule[1] * space[b] + rule[2] * space[c]) @ space.T
        for used in (a, b, c):
            scores[np.arange(len(there)), used] = -np.inf
        right[there] = scores.argmax(1) == d
    return right


def interval(right, n):
    """Wilson's 95 % interval for a share, in per cent."""
    centre = (right + 1.92) / (n + 3.84)
    half = 1.96 * math.sqrt(right * (n - right) / n + 0.96) / (n + 3.84)
    return 100 * (centre - half), 100 * (centre + half)


RULES = {"b − a + c": (-1, 1, 1), "nearest to b and c": (0, 1, 1), "nearest to c": (0, 0, 1)}
print(f"{'group':<30}{'questions':>10}{'missing':>9}" + "".join(f"{rule:>20}" for rule in RULES))
results = {}
for group, questions in groups.items():
    results[group] = {rule: marks(weight, questions) for rule, weight in RULES.items()}
    missing = sum(any(word not in index for word in question) for question in questions)
    print(f"{group:<30}{len(questions):>10}{missing:>9}"
          + "".join(f"{results[group][rule].sum():>20}" for rule in RULES))
unseen = [group for group in groups if group != "known before"]
n_unseen = sum(len(groups[group]) for group in unseen)
totals = {rule: int(sum(results[group][rule].sum() for group in unseen)) for rule in RULES}
print(f"{'written before looking':<30}{n_unseen:>10}{'':>9}" + "".join(f"{total:>20}" for total in totals.values()))
low, high = interval(totals["b − a + c"], n_unseen)
print(f"\n{totals['b − a + c']} of {n_unseen} right, {totals['b − a + c'] / n_unseen:.0%} (95 % interval {low:.0f} "
      f"to {high:.0f} %)")
only = [question for group in unseen for question, step, near, nearer in
        zip(groups[group], *(results[group][rule] for rule in RULES), strict=True) if step and not (near or nearer)]
print(f"right by b − a + c alone, by neither control: {len(only)}, for example"
      + "".join("\n    {} : {} :: {} : {}".format(*question) for question in only[:6]))
assert 0.25 < totals["b − a + c"] / n_unseen < 0.75 and totals["nearest to c"] < totals["b − a + c"]
asked_new = [question for group in unseen for question in groups[group]]
of_counts = int(marks((-1, 1, 1), asked_new, raw).sum())
of_formula = int(marks((-1, 1, 1), asked_new, scaled[:, :100]).sum())
print(f"the same questions by SVD of the counts (E65): {of_counts}; by deck F's formula, lengths and all (E33): "
      f"{of_formula}")
assert of_counts < totals["b − a + c"] and of_formula < totals["b − a + c"]
ledger.append(("F", "SVD of counts; the argmax as printed",
               f"of {n_unseen} questions {of_counts} (E65) and {of_formula} (E33) right, against "
               f"{totals['b − a + c']}"))
ledger.append(("F", "analogies by vector arithmetic",
               f"{totals['b − a + c']} of {n_unseen} questions written beforehand; nearest to c alone "
               f"{totals['nearest to c']}, to b and c {totals['nearest to b and c']}"))

# %% [markdown] slide="fragment"
# About half, and not all. And much of the success is no arithmetic at all: the nearest word to $c$ is often the answer
# already (Linzen 2016). Look at the last group, the eight that made us believe in directions: without any look at $a$
# and $b$ most of them come out as well, because *lower* is next to *upper*. The step from $a$ to $b$ matters where $c$
# has several near words, as in the six examples. A score without the controls says little.
#
# How do the three methods of section 5 compare, on the questions whose words are all among the 2,000 most
# frequent? And how many dimensions does an analogy need?

# %% slide="subslide"
answerable = [question for group in groups.values() for question in group
              if all(index.get(word, SMALL) < SMALL for word in question)]
by_method = {name: marks((-1, 1, 1), answerable, space).sum() for name, space in SPACES.items()}
print(f"{len(answerable)} questions, right: " + ", ".join(f"{name} {right}" for name, right in by_method.items()))
TRIED = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
everything = [question for group in groups.values() for question in group]
by_size = [100 * marks((-1, 1, 1), everything, normalize(scaled[:, :k])).mean() for k in TRIED]
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8), width_ratios=[1, 1.3])
left.bar(range(3), by_method.values(), color=[COLORS[name] for name in ("blue", "vermillion", "green")])
for k, value in enumerate(by_method.values()):
    left.text(k, value, f"{value}", ha="center", va="bottom", fontsize=16)
left.set_xticks(range(3), list(by_method))
left.set(title="2,000 words, 50 dimensions", ylabel=f"right of {len(answerable)}", ylim=(0, len(answerable)))
left.grid(axis="x", visible=False)
right.semilogx(TRIED, by_size, "o-")
right.set(title=f"SVD, {len(words):,} words", xlabel="dimensions", ylabel=f"right of {len(everything)} (%)",
          ylim=(0, 70))
right.set_xticks(TRIED, TRIED)
right.minorticks_off()
plt.show()
assert by_size[0] < 15 and min(by_size[5:]) > by_size[2] and max(by_size[5:]) - min(by_size[5:]) < 12
ledger.append(("F", "usually around 25 – 1000 dimensions",
               ", ".join(f"{k}: {share:.0f} %" for k, share in zip(TRIED, by_size, strict=True)) + " of the analogies"))

# %% [markdown] slide="fragment"
# Ten dimensions are too few. From 100 to the deck's 1,000 little changes.
#
# Trained for these few seconds, skip-gram and GloVe do not reach what counting does in a fraction of a second. That is
# no verdict: they have seen few examples. `python benchmarks/word_vectors.py` trains skip-gram on a hundred million
# pairs of the whole vocabulary, some minutes, and prints both beside each other. On billions of words the balance
# changes again: the table no longer fits into memory, and a method that walks through the text does not need it.
#
# ### Further: English, and what people say
#
# The usual scores of word vectors are on English. **Word similarity**: people gave marks from 0 to 10 to pairs such as
# *tiger*, *cat*. A mark of 7 and a cosine of 0.4 have no common scale, so only the order is compared: **Spearman's
# rank correlation** is the correlation of the *ranks* of the marks with the ranks of the cosines, 1 for the same order
# and 0 for none in common. **Google's analogies**: 19,544 questions. And the deck's own: *man* is to *woman* as *king*
# is to …? They need text and lists that are not part of this course; the cell runs if they are in the cache or in a
# mirror.

# %% tags=["further"] slide="subslide"
if at_hand("text/wikipedia_en_sample.txt.gz") and at_hand("wordsim/EN-WS-353-ALL.txt"):
    docs_index, docs_words = index, words  # `index` is what the functions above look into
    articles = [found for line in data.wikipedia().text.lower().splitlines() if (found := re.findall("[a-z]+", line))]
    tally = Counter(word for sentence in articles for word in sentence)
    words = [word for word, count in tally.most_common() if count >= 20]
    index = {word: k for k, word in enumerate(words)}
    english_counts = co_occurrences(*numbered(articles, words), len(words), window=5)
    english_U, english_s, _ = randomized_svd(ppmi(english_counts), 100, n_iter=4, random_state=0)
    english = normalize(english_U * english_s)
    print(f"English: {tally.total():,} words; vocabulary {len(words):,}")
    for word in ("king", "physics", "good"):
        print(f"{word:>9}: {', '.join(neighbours(word, english)[0])}")
    a, b, c, d = (index[word] for word in ("man", "woman", "king", "queen"))  # the deck's own question
    lengths = english_U * english_s
    found = {}
    for rule, space in (("cosine", english), ("formula as printed (E33)", lengths)):
        score = space @ (space[b] - space[a] + space[c])
        score[[a, b, c]] = -np.inf
        found[rule] = score.argsort()[::-1].tolist()
        print(f"man : woman :: king : {', '.join(words[k] for k in found[rule][:5])}; queen (it occurs "
              f"{tally['queen']:,} times) is number {found[rule].index(d) + 1:,}, by the {rule}")
    ledger.append(("F", "man : woman :: king : queen, on English",
                   f"{words[found['cosine'][0]]}; queen is number {found['cosine'].index(d) + 1} by the cosine"))
    agreements, hits = {}, []
    for name in ("ws353", "ws353-sim", "ws353-rel", "simlex999", "men", "rg65"):
        pairs = data.similarity(name).pairs
        known = [(english[index[a]] @ english[index[b]], mark) for a, b, mark in pairs if a in index and b in index]
        agreements[name] = spearmanr(*zip(*known, strict=True)).statistic
        print(f"{name:<10} Spearman {agreements[name]:.2f} on {len(known)} of {len(pairs)} pairs")
    for group, questions in data.analogies().groups.items():
        lowered = [[word.lower() for word in question] for question in questions]
        lowered = [question for question in lowered if all(word in index for word in question)]
        if lowered:
            hits.extend(right := marks((-1, 1, 1), lowered, english))
            print(f"{group:<28} {np.mean(right):>6.1%} of the {len(lowered)} whose words occur")
    ledger.append(("F", "similarity and analogies, on English", f"{tally.total():,} words: Spearman "
                   f"{agreements['ws353']:.2f} on WordSim-353, {np.mean(hits):.0%} of {len(hits):,} analogies"))
    index, words = docs_index, docs_words
else:
    print("English text and word pairs are neither in the cache nor in a mirror: left out (docs/data.md says how).")

# %% [markdown] slide="slide"
# ## 7. Maps
#
# A map of words shows 100 dimensions in two. **PCA** is the SVD again, of the centred vectors: the two directions
# with the largest spread. **t-SNE** (van der Maaten and Hinton 2008) gives that up and tries to keep *neighbours*: it
# moves the points until words that are close in 100 dimensions are close on the map, for about as many neighbours as
# the **perplexity** says (a perplexity as in module 05, section 6, here of the weights that a point gives to its
# neighbours). How well a map keeps neighbours is measured by its *trustworthiness*: 1 if all neighbours on the map
# are neighbours in truth, about 0.5 by chance.

# %% slide="fragment"
background = [word for word in words[60:300] if len(word) > 2 and word not in kind_of]
mapped = chosen + background
points = vectors[[index[word] for word in mapped]]


def make_map(method="t-SNE", perplexity=20, seed=0):
    """Places (words, 2) of the words of `mapped`. t-SNE starts from PCA for seed 0, at random for others."""
    if method == "PCA":
        return PCA(2, random_state=0).fit_transform(points)
    tsne = TSNE(perplexity=perplexity, init="random" if seed else "pca", metric="cosine", max_iter=750,
                random_state=seed)
    return tsne.fit_transform(points)


def draw_map(axis, places, title):
    """Words of the kinds of section 3 in colour, others in grey; names where there is room for them."""
    axis.scatter(*places[len(chosen):].T, s=8, color=COLORS["grey"], alpha=0.5)
    for (kind, members), marker in zip(KINDS.items(), "os^DvP*X", strict=True):
        rows = [chosen.index(word) for word in members]
        axis.scatter(*places[rows].T, s=60, marker=marker, color=COLORS[KIND_COLORS[kind]], label=kind)
    axis.figure.canvas.draw()  # from here on the axis knows its size on the page
    dots = axis.transData.transform(places[:len(chosen)]) * 72 / axis.figure.dpi  # in points
    edges = axis.bbox.extents * 72 / axis.figure.dpi
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in dots]
    for word, place, (x, y) in zip(chosen, places, dots, strict=False):
        wide = 8.4 * len(word)
        for shift, align in (((8, -4), "left"), ((-8, -4), "right"), ((0, 9), "center"), ((0, -17), "center")):
            left = x + shift[0] - {"left": 0, "right": wide, "center": wide / 2}[align]
            box = (left, y + shift[1], left + wide, y + shift[1] + 13)
            inside = edges[0] < box[0] and box[2] < edges[2] and edges[1] < box[1] and box[3] < edges[3]
            if inside and all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken):
                taken.append(box)
                axis.annotate(word, place, shift, textcoords="offset points", ha=align, fontsize=13,
                              color=COLORS[KIND_COLORS[kind_of[word]]])
                break  # a word that has no room stays a point
    axis.set(title=f"{title}: trustworthiness {trustworthiness(points, places, metric='cosine', n_neighbors=10):.2f}",
             xticks=[], yticks=[])
    axis.grid(False)


maps = {"PCA": make_map("PCA"), "t-SNE": make_map("t-SNE")}
for title, places in maps.items():
    figure, axis = plt.subplots(figsize=(13, 7.5))
    draw_map(axis, places, title)
    if title == "PCA":  # the axes of t-SNE mean nothing
        axis.set(xlabel="first principal component", ylabel="second principal component")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()
trust = {title: trustworthiness(points, places, metric="cosine", n_neighbors=10) for title, places in maps.items()}
print(", ".join(f"{title} {value:.2f}" for title, value in trust.items()))
assert trust["t-SNE"] > trust["PCA"] > 0.5

# %% [markdown] slide="subslide"
# **Explorer 3.** On a t-SNE map the distance between two clusters and the size of a cluster mean nothing, and a low
# perplexity finds clusters even in noise: the right map is of random points in five dimensions, in which there is
# nothing to be found. Change the seed, from which the map starts: what stays together was in the vectors, what moves
# was not.

# %% slide="fragment"
noise_points = np.random.default_rng(0).normal(size=(200, 5))
PERPLEXITIES, MAP_SEEDS = (4, 20, 60), range(4)
word_maps, noise_maps = {}, {}  # all of them now, so that the explorer does not keep one waiting
for perplexity, seed in itertools.product(PERPLEXITIES, MAP_SEEDS):
    word_maps[perplexity, seed] = make_map("t-SNE", perplexity, seed)
    tsne = TSNE(perplexity=perplexity, init="random" if seed else "pca", max_iter=500, random_state=seed)
    noise_maps[perplexity, seed] = tsne.fit_transform(noise_points)


def plot_map(perplexity=4, seed=0):
    """t-SNE of the words, and of 200 random points with the same perplexity."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(15, 7), width_ratios=[1.8, 1], layout="none")
    figure.subplots_adjust(left=0.01, right=0.99, top=0.88, bottom=0.02, wspace=0.03)
    draw_map(left, word_maps[perplexity, seed], "words")
    right.scatter(*noise_maps[perplexity, seed].T, s=20, color=COLORS["blue"])
    right.set(title="random points", xticks=[], yticks=[])
    right.grid(False)
    figure.suptitle(f"t-SNE with perplexity {perplexity}, seed {seed}")
    print(f"Perplexity {perplexity}, seed {seed}: {left.get_title()}.")


widgets.explore(plot_map, perplexity=list(PERPLEXITIES), seed=(0, max(MAP_SEEDS)))

# %% [markdown] slide="slide"
# ## What the deck says, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - **One-hot** vectors make all words equally different. In a net they become a look-up in a table of vectors.
# - A word's **company**, counted in a window, is a vector in which similar words are close. Counts must be weighted:
#   **PPMI** asks how much more often two words meet than by chance.
# - The **SVD** keeps the best $k$ dimensions in least squares: $X = USV^\top$, word vectors are rows of $U_k S_k$.
# - **Analogies** are answered by the word nearest to $b - a + c$ by the *cosine*, without $a$, $b$ and $c$. About half
#   of ours hold. Report the controls too.
# - **word2vec** (skip-gram with negative sampling) learns by telling true pairs from noise, and its scores approach
#   PMI $- \log k$. **GloVe** fits the logarithm of the counts. All three compress one table.
# - Vectors from unlabelled text help most where labels are few.
# - A **map** is a picture of neighbours. Trust no distance between clusters on a t-SNE map.
#
# **Next:** the [lab of this module](../labs/06_word_vectors/06_word_vectors.ipynb), in which you count, weight,
# compress and write skip-gram with its gradients yourself. Then [module 07](07_gan.ipynb), in which nets make pictures.
#
# ## References
#
# - C. Eckart, G. Young. The approximation of one matrix by another of lower rank. *Psychometrika* 1, 1936.
# - J. Firth. A synopsis of linguistic theory 1930–1955. *Studies in Linguistic Analysis*, 1957.
# - O. Levy, Y. Goldberg. Neural word embedding as implicit matrix factorization. *NIPS* 2014.
# - O. Levy, Y. Goldberg, I. Dagan. Improving distributional similarity with lessons learned from word embeddings.
#   *TACL* 3, 2015.
# - T. Linzen. Issues in evaluating semantic spaces using word analogies. *RepEval* 2016.
# - L. van der Maaten, G. Hinton. Visualizing data using t-SNE. *JMLR* 9, 2008.
# - T. Mikolov, K. Chen, G. Corrado, J. Dean. [Efficient estimation of word representations in vector
#   space](https://arxiv.org/abs/1301.3781). arXiv 2013 (Google's analogies).
# - T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean. [Distributed representations of words and phrases and their
#   compositionality](https://arxiv.org/abs/1310.4546). *NIPS* 2013.
# - J. Pennington, R. Socher, C. Manning. GloVe: global vectors for word representation. *EMNLP* 2014.
# - D. Rohde, L. Gonnerman, D. Plaut. An improved model of semantic similarity based on lexical co-occurrence.
#   Manuscript, 2005.
