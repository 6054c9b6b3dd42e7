# %% [markdown] slide="slide"
# # 01 · History: what the machines did, and what was said about them
#
# **Question.** Neural nets have been announced as the future three times, and given up twice. What could the machine
# of each time really do, what could it not, and how do we know?
#
# - **You need** Python with NumPy, vectors and matrices, and a little probability. No neural nets.
# - **You get** the neuron of 1943, the perceptron of 1958, the polynomial net of 1965 and the rivals of the 1990s, all
#   running on data; the proof of what one neuron cannot do; and the habit of asking for the number behind a claim.
# - **Time**: 75 minutes to read and try; about half a minute to run on two CPU cores, without a network.
# - **Slides**: K "Where it has started"; V 5 to 13, 16, 27, 39; G 14 to 18, 27 to 33; F "History: why now?",
#   "Impact on speech recognition", "GPU: which one?"; N "A bit of history", "Object recognition", "Human performance?",
#   "DeepFace", "Deep Speech".
#
# The decks, all public: **K** = Ilya Kuzovkin (Tartu 2016), **V** = Thomas Lidy and Jan Schlüter (Vienna 2016),
# **G** = Olivier Grisel (Neurospin 2017), **F** = a French introduction (2017), **N** = Natalia Neverova (Lyon 2015).
# A number behind a letter is a slide: V 5 is slide 5 of deck V. What they claim is checked by a cell. Where they err,
# an **Erratum** box says so, with the proof beside it or a reference that can be looked up.

# %% tags=["setup"] slide="skip"
import itertools
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.optimize import linprog
from scipy.stats import binom, binomtest, norm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn
from torchvision import models

from course_utils import data, training
from course_utils.plotting import COLORS, use_style
from course_utils.widgets import explore

use_style()
BLUE, ORANGE, GREEN, PURPLE, GREY = (COLORS[name] for name in ("blue", "vermillion", "green", "purple", "grey"))
torch.set_num_threads(1)  # the nets are small: starting threads would take longer than the arithmetic


def compare(what, printed, computed, agrees=True):
    """Print a deck's number beside ours, rounded to as many decimals; stop if they do not compare as stated."""
    decimals = len(printed.partition(".")[2])
    ours = f"{computed:.{decimals}f}"
    print(f"{what:<52} printed {printed:>10}   computed {ours:>10}   {'equal' if ours == printed else 'DIFFERENT'}")
    assert (ours == printed) == agrees


# %% [markdown] slide="slide"
# ## 1. 1943: a neuron that computes logic
#
# Deck K begins with Warren McCulloch and Walter Pitts, *A Logical Calculus of the Ideas Immanent in Nervous Activity*.
# Their neuron either fires or does not: 1 or 0. It adds up the signals that reach it, and fires if the sum gets to a
# **threshold** $\theta$:
#
# $$y = \begin{cases} 1 & \text{if } w_1 x_1 + w_2 x_2 + \dots \ge \theta \\ 0 & \text{otherwise.} \end{cases}$$
#
# (In the paper all exciting connections count the same, and one active *inhibiting* connection silences the neuron.
# The form with any weights $w_i$ came soon after and is what we use. Nothing is learned here: somebody chooses the
# weights.)

# %% slide="fragment"
INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def neuron(x, w, threshold):
    """1 if the weighted sum of one example reaches the threshold, else 0. x: (inputs,), w: (inputs,)."""
    total = 0
    for signal, weight in zip(x, w, strict=True):
        total += weight * signal
    return 1 if total >= threshold else 0


GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
for gate, w, threshold in (("AND", [1, 1], 2), ("OR", [1, 1], 1)):
    answers = [neuron(row, w, threshold) for row in INPUTS]
    print(f"{gate:<4} weights {w}, threshold {threshold}:  " + "  ".join(f"{a}{b} → {y}" for (a, b), y in zip(
        INPUTS, answers, strict=True)))
    assert answers == GATES[gate]
negated = [neuron([bit], [-1], 0) for bit in (0, 1)]
print(f"NOT  weight  [-1],    threshold 0:  0 → {negated[0]}  1 → {negated[1]}")
assert negated == [1, 0]

# %% [markdown] slide="subslide"
# AND, OR and NOT are all that a computer needs, so *nets* of such neurons (with loops, for memory) can compute whatever
# a finite machine can. What about *one* neuron and **XOR**, "one of the two, but not both"? Try a million settings.

# %% slide="fragment"
grid = np.linspace(-5, 5, 101)
w1, w2, thresholds = np.meshgrid(grid, grid, grid, indexing="ij")
fires = np.stack([w1 * a + w2 * b >= thresholds for a, b in INPUTS])  # (4, 101, 101, 101)
best = {}
for gate, wanted in GATES.items():
    right = sum((fires[k] == bool(answer)).astype(np.int8) for k, answer in enumerate(wanted))
    best[gate] = right.max()
    print(f"{gate:<4} best of {right.size:,} settings: {right.max()} of 4 rows right; all 4 in {(right == 4).sum():,}")
assert best == {"AND": 4, "OR": 4, "XOR": 3}

# %% [markdown] slide="fragment"
# Not one. The picture says why. All inputs for which the neuron fires lie on one side of the straight line
# $w_1 x_1 + w_2 x_2 = \theta$. A function that can be cut out with a line is called **linearly separable**. The two
# black points of XOR lie on one diagonal and the two white ones on the other.
#
# **Explorer 1.** Choose a gate and move the line. For AND and OR you will find a place. For XOR, three rows of four are
# the most you will get.

# %% slide="subslide"
def draw_gate(ax, gate, w, threshold):
    """The four inputs, black where the gate is 1, and the side of the line on which the neuron fires."""
    side = np.linspace(-0.5, 1.5, 300)
    across, up = np.meshgrid(side, side)
    ax.contourf(across, up, w[0] * across + w[1] * up >= threshold, levels=[-0.5, 0.5, 1.5], colors=["white", BLUE],
                alpha=0.25)
    wanted = np.array(GATES[gate])
    right = np.array([neuron(row, w, threshold) for row in INPUTS]) == wanted
    for (a, b), answer, good in zip(INPUTS, wanted, right, strict=True):
        ax.scatter(a, b, s=260, color="black" if answer else "white", edgecolor="black", linewidth=2, zorder=3)
        if not good:
            ax.scatter(a, b, s=800, marker="o", facecolor="none", edgecolor=ORANGE, linewidth=3, zorder=4)
    ax.set(title=f"{gate}: {right.sum()} of 4 right", xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1],
           xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal")
    ax.grid(False)


def plot_gate(gate="XOR", weight_1=1.0, weight_2=1.0, threshold=0.5):
    """One neuron against one gate. Blue: it fires. Black points: it should. Orange rings: it is wrong."""
    _, ax = plt.subplots(figsize=(5.5, 5))
    draw_gate(ax, gate, (weight_1, weight_2), threshold)
    fires = [f"({a}, {b})" for a, b in INPUTS if neuron((a, b), (weight_1, weight_2), threshold)]
    wanted = [f"({a}, {b})" for (a, b), answer in zip(INPUTS, GATES[gate], strict=True) if answer]
    print(f"The neuron fires for {' '.join(fires) or 'nothing'}. {gate} wants {' '.join(wanted)}.")


fig, axes = plt.subplots(1, 3, figsize=(13, 5.4))
for ax, gate, threshold in zip(axes, GATES, (1.5, 0.5, 0.5), strict=True):
    draw_gate(ax, gate, (1, 1), threshold)
fig.suptitle("Blue: the neuron fires. Black: it should. Orange ring: wrong", fontsize=16)
plt.show()

# %% slide="fragment"
explore(plot_gate, gate=list(GATES), weight_1=(-2.0, 2.0, 0.1), weight_2=(-2.0, 2.0, 0.1), threshold=(-2.0, 2.0, 0.1))

# %% [markdown] slide="subslide"
# A million settings without success are evidence and not a proof: the right one might lie between the grid points. The
# proof comes in section 3. First, the invention that made the neuron famous: it learns its weights.

# %% [markdown] slide="slide"
# ## 2. 1958: the perceptron learns
#
# Deck V: "Linear binary classifier using a step function. For the first time a NN could solve simple classification
# problems merely from training data." Frank Rosenblatt's **perceptron** is the neuron of section 1 with a rule for its
# weights. (Deck K dates it 1957, deck V 1958. Both are right: a report of his laboratory, and the paper.)
#
# Write the two classes as $y = +1$ and $y = -1$. Append a constant 1 to each input: as $w_1x_1 + w_2x_2 \ge \theta$
# is $w_1x_1 + w_2x_2 + (-\theta)\cdot 1 \ge 0$, the threshold becomes one more weight, $-\theta$. From here on $x$
# has the 1 in it, $w$ has that weight in it, and $w \cdot x$ is their scalar product. The machine answers with the
# sign of $w \cdot x$. Show it the examples one after the other. If the answer is right, do nothing. If it is
# **wrong** (the sign is not $y$, or the sum is 0, which is no answer):
#
# $$w \leftarrow w + y\,x.$$
#
# That is all. Look at $y\,w \cdot x$, which is positive for a right answer. The step makes it
# $y\,(w + y\,x) \cdot x = y\,w \cdot x + \lVert x \rVert^2$, since $y^2 = 1$: larger, so that the answer to *this*
# example has moved in the right direction. Whether the others suffer is the question.
#
# Nothing happens at a right answer. So the cell below goes from each mistake straight to the next one.

# %% slide="fragment"
def with_constant(x):
    """Append a 1 to each row: (N, d) -> (N, d + 1)."""
    return np.column_stack([x, np.ones(len(x))])


def perceptron(x, y, passes=1000):
    """Rosenblatt's rule, from mistake to mistake, in the order of the rows, until no row is answered wrongly.

    x: (N, d) with the constant, y: (N,) of -1 and +1. Returns the mistakes as a list of (row, w after the step), and
    whether no mistake is left after at most so many passes through the rows.
    """
    w, last, mistakes = np.zeros(x.shape[1]), -1, []
    while True:
        wrong = np.flatnonzero(y * (x @ w) <= 0)  # the rows that w gets wrong
        ahead = wrong[wrong > last]
        if len(ahead):  # the next mistake of this pass
            last = ahead[0]
            w = w + y[last] * x[last]
            mistakes.append((last, w))
        elif len(wrong) and passes > 1:  # the others come in the next pass
            last, passes = -1, passes - 1
        else:
            return mistakes, not len(wrong)


TRUTH = np.array([0.6, -0.75, 0.28])
TRUTH /= np.linalg.norm(TRUTH)  # the line that separates the points, as a unit vector


def separable(margin, n=40, seed=0):
    """Points that TRUTH separates with at least this margin. Returns x (n, 3) with the constant, y (n,)."""
    rng, rows = np.random.default_rng(seed), []
    while len(rows) < n:
        point = np.append(rng.uniform(-1, 1, 2), 1.0)
        if abs(TRUTH @ point) >= margin:
            rows.append(point)
    x = np.array(rows)
    return x, np.sign(x @ TRUTH)


x, y = separable(margin=0.1)
mistakes, finished = perceptron(x, y)
print(f"{len(x)} points, {len(mistakes)} mistakes, then all points right: {finished}")
assert finished and (np.sign(x @ mistakes[-1][1]) == y).all()

# %% [markdown] slide="subslide"
# ### How many mistakes?
#
# For a vector $u$ of length 1 that answers all examples rightly, $y\,(u \cdot x)$ is the distance of an example from
# the boundary $u \cdot x = 0$. The smallest of these distances is the **margin** $\gamma$. Albert Novikoff (1962)
# answered: if there is such a $u$, that is $y\,(u \cdot x) \ge \gamma > 0$ for all examples, and none is longer than
# $R$, then the perceptron makes **at most $(R/\gamma)^2$ mistakes**, in whatever order the examples come and however
# many there are. The machine need not know $u$. The proof takes two lines. Start with $w = 0$ and look at $w$ after
# $k$ mistakes:
#
# - each mistake adds $y\,x$, so $u \cdot w$ grows by at least $\gamma$: $\;u \cdot w \ge k\gamma$. As $u$ has length 1,
#   $\lVert w \rVert$ is not smaller than $u \cdot w$, hence $\lVert w \rVert \ge k\gamma$;
# - $\lVert w + yx \rVert^2 = \lVert w \rVert^2 + 2y\,w \cdot x + \lVert x \rVert^2$, and the middle term is not
#   positive, *because it was a mistake*: $\;\lVert w \rVert^2 \le k R^2$.
#
# So $k\gamma \le \lVert w \rVert \le \sqrt{k}\,R$. The left side grows faster than the right, and they meet at
# $k = (R/\gamma)^2$. After that there is no room for another mistake.
#
# **Explorer 2.** Go from mistake to mistake. Left: the black ring is the example that was wrong, the dashed line the
# boundary before the step, the colours the answers after it. Right: the length of $w$ in the shrinking space between
# the two sides of the proof (both axes logarithmic).

# %% slide="subslide"
def plot_mistake(mistake=2, margin=0.05, seed=3):
    """The boundary at one of the mistakes, and the length of the weights between the two bounds of the proof."""
    x, y = separable(margin, seed=seed)
    mistakes, _ = perceptron(x, y)
    k = min(mistake, len(mistakes))
    row, after = mistakes[k - 1]
    before = mistakes[k - 2][1] if k > 1 else np.zeros(3)
    reach = np.linalg.norm(x, axis=1).max()
    places = dict(left=0.085, right=0.99, top=0.91, bottom=0.14, wspace=0.15)  # by hand: quicker to draw
    _, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), layout="none", gridspec_kw=places)
    left.set_anchor("W")
    side = np.linspace(-1.1, 1.1, 200)
    across, up = np.meshgrid(side, side)
    left.contourf(across, up, after[0] * across + after[1] * up + after[2] > 0, levels=[-0.5, 0.5, 1.5],
                  colors=[ORANGE, BLUE], alpha=0.15)
    if before[:2].any():
        left.contour(across, up, before[0] * across + before[1] * up + before[2], levels=[0], colors=[GREY],
                     linestyles="--")
    for value, color, marker in ((1, BLUE, "o"), (-1, ORANGE, "s")):
        left.scatter(*x[y == value, :2].T, color=color, marker=marker, s=50, label=f"$y = {value:+d}$")
    left.scatter(*x[row, :2], s=350, facecolor="none", edgecolor="black", linewidth=2.5)
    wrong = (y * (x @ after) <= 0).sum()
    left.set(title=f"Mistake {k} of {len(mistakes)}: still wrong on {wrong}", xlabel="$x_1$", ylabel="$x_2$",
             aspect="equal")
    left.legend(loc="upper left", bbox_to_anchor=(1, 1))
    bound = (reach / margin) ** 2
    counts = np.arange(1, len(mistakes) + 1)
    lengths = [np.linalg.norm(w) for _, w in mistakes]
    ends = np.array([1, 2 * bound])  # on logarithmic axes both sides of the proof are straight
    right.loglog(ends, np.sqrt(ends) * reach, color=GREY, ls="--", label=r"at most $\sqrt{k}\,R$")
    right.loglog(ends, ends * margin, color=GREY, label=r"at least $k\gamma$")
    right.loglog(counts, lengths, "o-", color=GREEN, markersize=4, lw=1.5, label=r"length of $w$")
    right.loglog(k, lengths[k - 1], "o", color="black", markersize=12, fillstyle="none")
    right.set(title=f"No more than {bound:.0f} mistakes are possible", xlabel="mistakes $k$", ylabel=r"$\Vert w \Vert$")
    right.minorticks_off()  # a quarter of the time to draw
    right.legend()
    print(f"After mistake {k} of {len(mistakes)} the length of w is {lengths[k - 1]:.2f}: at least {k * margin:.2f}, "
          f"and at most {k**0.5 * reach:.2f}. {wrong} of {len(x)} points are on the wrong side.")


plot_mistake(mistake=1)
plot_mistake(mistake=12)

# %% slide="fragment"
explore(plot_mistake, mistake=(1, 40), margin=(0.02, 0.3, 0.01), seed=(0, 9))

# %% [markdown] slide="subslide"
# Is the bound close? Two hundred sets of points, with margins from wide to narrow:

# %% slide="fragment"
rng = np.random.default_rng(0)
made, allowed = [], []
for seed in range(200):
    x, y = separable(margin=10 ** rng.uniform(-2, -0.5), seed=seed)
    mistakes, finished = perceptron(x, y)
    assert finished
    made.append(len(mistakes))
    actual = (y * (x @ TRUTH)).min()  # the margin that these points really have
    allowed.append((np.linalg.norm(x, axis=1).max() / actual) ** 2)
made, allowed = np.array(made), np.array(allowed)
print(f"mistakes divided by the bound: median {np.median(made / allowed):.1%}, largest {(made / allowed).max():.1%}")
assert (made <= allowed).all()

fig, ax = plt.subplots(figsize=(9, 4.8))
ax.loglog(allowed, made, "o", color=BLUE, markersize=5, label="a set of 40 points")
ax.loglog([10, allowed.max()], [10, allowed.max()], color=GREY, label="as many as the bound allows")
ax.set(title="Mistakes of the perceptron and Novikoff's bound", xlabel=r"bound $(R/\gamma)^2$", ylabel="mistakes made")
ax.legend()
plt.show()

# %% [markdown] slide="fragment"
# The bound always holds and is seldom reached: it covers the worst order of the worst examples.

# %% [markdown] slide="slide"
# ### What the newspaper said
#
# Deck K quotes *The New York Times* of 8 July 1958:
#
# > "[The Perceptron is] the embryo of an electronic computer that [the Navy] expects will be able to walk, talk, see,
# > write, reproduce itself and be conscious of its existence."
#
# The words are the newspaper's, the brackets the deck's. The slide leaves out what the reporters had been *shown*. It
# was an IBM 704, a computer that filled a room, fed with punched cards that had a mark on the left or on the right.
# After some fifty trials it told the two kinds apart. Here are such cards in miniature, 12 × 12 places with a mark of
# 3 × 3, and two hundred perceptrons that each see their own stack of cards, one card at a time.

# %% slide="fragment"
ROWS = COLUMNS = 12
MARK = 3


def place_mark(side, rng):
    """A card (12, 12) with one mark, in the left half for side -1 and in the right half for +1."""
    card = np.zeros((ROWS, COLUMNS))
    top = rng.integers(0, ROWS - MARK + 1)
    left = rng.integers(0, COLUMNS // 2 - MARK + 1) + (COLUMNS // 2 if side > 0 else 0)
    card[top : top + MARK, left : left + MARK] = 1
    return card


def cards_left_right(n, rng):
    """Cards (n, 145) with the constant, and their sides (n,), -1 or +1."""
    sides = rng.choice([-1, 1], n)
    return with_constant(np.array([place_mark(side, rng).ravel() for side in sides])), sides


def one_pass(x, y, x_test, y_test):
    """The perceptron after each card of one pass. Returns the final weights, and the test accuracy by cards seen."""
    mistakes, _ = perceptron(x, y, passes=1)
    accuracy = np.zeros(len(x) + 1)  # with w = 0 there is no answer, and none is right
    for row, w in mistakes:  # from this card on, until the next mistake
        accuracy[row + 1 :] = (np.sign(x_test @ w) == y_test).mean()
    return mistakes[-1][1], accuracy


rng = np.random.default_rng(0)
x_test, y_test = cards_left_right(400, rng)
runs = [one_pass(*cards_left_right(100, rng), x_test, y_test) for _ in range(200)]
curves = np.array([accuracy for _, accuracy in runs])
for seen in (10, 20, 50, 100):
    print(f"after {seen:>3} cards: {curves[:, seen].mean():.1%} of new cards right on average")
assert curves[:, 50].mean() > 0.95 > curves[:, 5].mean()

# %% slide="subslide"
fig, axes = plt.subplots(1, 4, figsize=(15, 4.2), width_ratios=[1, 1, 1.2, 2.2])
for ax, side, word in zip(axes, (-1, 1), ("left", "right"), strict=False):
    ax.imshow(place_mark(side, np.random.default_rng(4)), cmap="gray_r")
    ax.set(title=f"a {word} card", xlabel="column", xticks=[0, 11], yticks=[0, 11])
    ax.spines[["top", "right"]].set_visible(True)  # the edge of the card
    ax.grid(False)
axes[0].set_ylabel("row")
weights = runs[0][0][:-1].reshape(ROWS, COLUMNS)
shown = axes[2].imshow(weights, cmap="PuOr", vmin=-np.abs(weights).max(), vmax=np.abs(weights).max())
axes[2].set(title="weights after 100", xlabel="column", xticks=[0, 11], yticks=[0, 11])
axes[2].grid(False)
fig.colorbar(shown, ax=axes[2], shrink=0.6, label="weight")
axes[3].fill_between(range(101), *np.percentile(100 * curves, [10, 90], axis=0), color=BLUE, alpha=0.2,
                     label="middle 80 % of the machines")
axes[3].plot(100 * curves.mean(axis=0), color=BLUE, label="mean of 200 machines")
axes[3].axvline(50, color=GREY, ls="--", lw=1.5)
axes[3].text(51.5, 42, "fifty trials", color=GREY, fontsize=13)
axes[3].set(title="New cards told right", xlabel="cards seen", ylabel="accuracy (%)", ylim=(0, 102))
axes[3].legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")
plt.show()

# %% [markdown] slide="fragment"
# So the report was true, and it was an achievement: nobody had told the machine what *left* means. To walk, talk and be
# conscious was no result but an expectation. Keep the two columns apart, *shown* and *expected*, whenever you read such
# news; section 6 does it for seventy years.
#
# A change of the task that looks small shows how far the result reaches. Put **two** marks on each card and ask whether
# they are on the same side.

# %% slide="subslide"
def cards_two_marks(n, rng):
    """Cards (n, 145) with two marks; +1 if both are in the same half, else -1."""
    first, second = rng.choice([-1, 1], n), rng.choice([-1, 1], n)
    cards = [np.maximum(place_mark(a, rng), place_mark(b, rng)).ravel() for a, b in zip(first, second, strict=True)]
    return with_constant(np.array(cards)), first * second


rng = np.random.default_rng(1)
two_x, two_y = cards_two_marks(3000, rng)
two_x_test, two_y_test = cards_two_marks(1000, rng)
_, curve = one_pass(two_x, two_y, two_x_test, two_y_test)
two_marks = curve[500:].mean()
print(f"two marks, cards 500 to 3000: {two_marks:.1%} of new cards right on average; a coin gets 50 %")
assert abs(two_marks - 0.5) < 0.05

# %% [markdown] slide="fragment"
# After 3,000 cards it is still guessing. *Both left or both right* against *one of each* is XOR on a card.

# %% [markdown] slide="slide"
# ### Digits, two classes
#
# The perceptron on real data: the handwritten digits that come with scikit-learn, 8 × 8 pixels, one pair of digits at
# a time. (To know the best margin $\gamma$ of a pair takes a method of the 1990s, the support vector machine of
# section 5.)

# %% slide="fragment"
digits = data.digits()
X_train, Y_train = digits.x_train.flatten(1).double().numpy(), digits.y_train.numpy()
X_test, Y_test = digits.x_test.flatten(1).double().numpy(), digits.y_test.numpy()


def two_digits(a, b, images, labels):
    """Images (N, 65) with the constant, and -1 for an a, +1 for a b."""
    chosen = (labels == a) | (labels == b)
    return with_constant(images[chosen]), np.where(labels[chosen] == b, 1, -1)


def widest_margin(x, y):
    """Margin (and its unit vector) of the widest separation through the origin that a linear SVM finds."""
    machine = SVC(kernel="linear", C=1e6).fit(x, y)
    u = machine.coef_[0].copy()
    u[-1] += machine.intercept_[0]  # the last input is the constant 1
    u /= np.linalg.norm(u)
    return (y * (x @ u)).min(), u


pairs = {}
for a, b in itertools.combinations(range(10), 2):
    x, y = two_digits(a, b, X_train, Y_train)
    mistakes, finished = perceptron(x, y)
    gamma, _ = widest_margin(x, y)
    x_new, y_new = two_digits(a, b, X_test, Y_test)
    bound = (np.linalg.norm(x, axis=1).max() / gamma) ** 2
    pairs[a, b] = len(mistakes), bound, (np.sign(x_new @ mistakes[-1][1]) == y_new).mean()
    assert finished and gamma > 0 and len(mistakes) <= bound
for pair in ((0, 1), (3, 8), (1, 8)):
    count, bound, accuracy = pairs[pair]
    print(f"{pair[0]} against {pair[1]}: {count:>4} mistakes, bound {bound:>6.0f}, test images right {accuracy:.1%}")
mean_accuracy = np.mean([accuracy for *_, accuracy in pairs.values()])
print(f"all {len(pairs)} pairs are linearly separable; on average {mean_accuracy:.1%} of the test images are right")
assert len(pairs) == 45 and mean_accuracy > 0.95

# %% slide="fragment"
fig, axes = plt.subplots(1, 2, figsize=(13, 4.6), width_ratios=[1.6, 1])
counts, bounds, _ = np.array(list(pairs.values())).T
axes[0].loglog(bounds, counts, "o", color=BLUE)
axes[0].loglog([30, 5000], [30, 5000], color=GREY, label="as many as the bound allows")
for pair in ((0, 1), (3, 8), (1, 8)):
    axes[0].plot(pairs[pair][1], pairs[pair][0], "o", color=ORANGE)  # over the blue one
    axes[0].annotate(f"{pair[0]} and {pair[1]}", (pairs[pair][1], pairs[pair][0]), (4, -18), fontsize=14,
                     color=ORANGE, textcoords="offset points")
axes[0].set(title="The 45 pairs of digits", xlabel=r"bound $(R/\gamma)^2$", ylabel="mistakes made")
axes[0].legend()
w = perceptron(*two_digits(3, 8, X_train, Y_train))[0][-1][1][:-1].reshape(8, 8)
shown = axes[1].imshow(w, cmap="PuOr", vmin=-np.abs(w).max(), vmax=np.abs(w).max())
axes[1].set(title="Weights, 3 against 8", xlabel="column (pixels)", ylabel="row (pixels)", xticks=[0, 7], yticks=[0, 7])
axes[1].grid(False)
fig.colorbar(shown, ax=axes[1], label="speaks for 3 (−), for 8 (+)")
plt.show()

# %% [markdown] slide="slide"
# ## 3. 1969: XOR, and the first winter
#
# Here is the proof that was promised. Suppose that weights and a threshold for XOR exist. The four rows of the table
# then demand
#
# $$0 < \theta, \qquad w_2 \ge \theta, \qquad w_1 \ge \theta, \qquad w_1 + w_2 < \theta .$$
#
# The second and the third add up to $w_1 + w_2 \ge 2\theta$, and as $\theta > 0$ this is more than $\theta$. It
# contradicts the fourth.
#
# The same question can be put to a machine, for any function and not only for this one. "Find $w$ and $\theta$ such
# that these inequalities hold" is a **linear programme**, and there are algorithms that either find a solution or
# prove that none exists. (Strict inequalities are not allowed there. But $\theta$ may be lowered a little, until no
# sum is exactly at the threshold, and then $w$ and $\theta$ may be multiplied by any positive number. So we can ask for
# $w \cdot x - \theta \ge 1$ where the neuron should fire, and $\le -1$ where it should not.)

# %% slide="fragment"
def separating_neuron(x, y):
    """Weights and threshold with y (w·x - threshold) >= 1 for all rows, or None if the linear programme has none.

    x: (N, inputs). y: (N,) of 0 and 1.
    """
    x, sign = np.asarray(x, dtype=float), np.where(np.asarray(y) == 1, 1.0, -1.0)
    rows = -sign[:, None] * np.column_stack([x, -np.ones(len(x))])  # rows @ (w, threshold) <= -1
    found = linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(x)), bounds=(None, None), method="highs")
    assert found.status in (0, 2)  # 0: solved, 2: proved infeasible
    return (found.x[:-1], found.x[-1]) if found.status == 0 else None


for gate, answers in GATES.items():
    found = separating_neuron(INPUTS, answers)
    print(f"{gate:<4}", "infeasible: there is no such neuron" if found is None else
          f"weights {found[0].round(2)}, threshold {found[1]:.2f}")
    assert (found is None) == (gate == "XOR")

impossible = [answers for answers in itertools.product([0, 1], repeat=4) if separating_neuron(INPUTS, answers) is None]
print(f"\nof the 16 functions of two bits, {16 - len(impossible)} are linearly separable; not:", impossible)
assert impossible == [(0, 1, 1, 0), (1, 0, 0, 1)]  # XOR and its negation

# %% [markdown] slide="fragment"
# And the program does not have to be believed. A linear programme without a solution comes with a **certificate**:
# factors for the inequalities, none negative, with which they add up to nonsense. Here all four factors are 1: add the
# four inequalities as they are.

# %% slide="fragment"
sign = np.where(np.array(GATES["XOR"]) == 1, 1, -1)
left_sides = sign[:, None] * np.column_stack([INPUTS, -np.ones(4)])  # each row times (w1, w2, threshold) must be >= 1
print("the four rows of coefficients add up to", left_sides.sum(axis=0), "so they ask for 0 >=", len(left_sides))
assert (left_sides.sum(axis=0) == 0).all()

shares = {}
for bits in (1, 2, 3):
    corners = list(itertools.product([0, 1], repeat=bits))
    tables = list(itertools.product([0, 1], repeat=2**bits))
    shares[bits] = sum(separating_neuron(corners, table) is not None for table in tables), len(tables)
    print(f"inputs: {bits}   functions that one neuron computes: {shares[bits][0]:>3} of {shares[bits][1]:>3}")
assert shares == {1: (4, 4), 2: (14, 16), 3: (104, 256)}

# %% [markdown] slide="subslide"
# Nor is XOR a special case: with two inputs one neuron computes 7 functions of 8, with three not even half of them. And
# the perceptron's rule, on data that are not separable, never comes to rest:

# %% slide="fragment"
xor_x, xor_y = with_constant(INPUTS), np.where(np.array(GATES["XOR"]) == 1, 1, -1)
endless, finished = perceptron(xor_x, xor_y, passes=1000)
lengths = [np.linalg.norm(w) for _, w in endless]
print(f"1000 passes over XOR: {len(endless)} mistakes, finished: {finished}; w goes round in circles, "
      f"never longer than {max(lengths):.2f}")
assert not finished and max(lengths) < 5

# %% [markdown] slide="subslide"
# ### Two layers
#
# The remedy is as old as the neuron: connect several. XOR is "OR, but not AND", three neurons in two layers.

# %% slide="fragment"
def two_layers(x):
    """Hidden neurons OR and AND; the output fires for OR without AND. x: (2,). Returns the hidden pair, the output."""
    hidden = neuron(x, [1, 1], 1), neuron(x, [1, 1], 2)
    return hidden, neuron(hidden, [1, -1], 1)


hidden, answers = (np.array(layer) for layer in zip(*[two_layers(row) for row in INPUTS], strict=True))
for inputs, inner, answer in zip(INPUTS, hidden, answers, strict=True):
    print(f"inputs {inputs}   OR, AND {inner}   output {answer}")
assert answers.tolist() == GATES["XOR"] and separating_neuron(hidden, GATES["XOR"]) is not None

fig, axes = plt.subplots(1, 2, figsize=(12, 5.2))
for ax, points, title, names in ((axes[0], INPUTS, "Input: no line will do", ("$x_1$", "$x_2$")),
                                 (axes[1], hidden, "Hidden layer: one line does", ("OR", "AND"))):
    for value in (0, 1):
        mine = points[np.array(GATES["XOR"]) == value]
        ax.scatter(*mine.T, s=260, color="black" if value else "white", edgecolor="black", linewidth=2, zorder=3)
    ax.set(title=title, xlabel=names[0], ylabel=names[1], xticks=[0, 1], yticks=[0, 1], xlim=(-0.4, 1.5),
           ylim=(-0.4, 1.5), aspect="equal")
for inputs, inner, up in (("00", (0, 0), 16), ("01, 10", (1, 0), -32), ("11", (1, 1), 16)):
    axes[1].annotate(inputs, inner, (0, up), textcoords="offset points", ha="center")
axes[1].plot([0.3, 1.5], [-0.4, 0.8], color=BLUE)
plt.show()

# %% [markdown] slide="subslide"
# The hidden layer moves the points so that a line can do the rest. This is the whole idea of deep learning, on four
# points. What was missing in 1969 was not the layered net but a good way to *learn* its first layer: the perceptron's
# rule corrects the neuron that gave the wrong answer, and a hidden neuron gives no answer of its own. Backpropagation
# (module 02) solves that; here it trains 100 nets of each size at once, and then one net on the cards with two marks.
# Read this cell for its result: hidden neurons with a smooth step (`tanh`, or `ReLU`) in place of the sharp one, and
# weights that are moved many times, each time a little in the direction that lowers the error. Modules 02 and 03
# explain every line.

# %% slide="fragment"
def train_on_xor(hidden_units, nets=100, steps=500, seed=0):
    """Share of nets, each with one hidden layer, that have all four rows right after gradient descent (Adam)."""
    generator = torch.Generator().manual_seed(seed)
    x, wanted = torch.tensor(INPUTS).float(), torch.tensor(GATES["XOR"]).float()
    shapes = (nets, 2, hidden_units), (nets, 1, hidden_units), (nets, hidden_units, 1), (nets, 1, 1)
    w1, b1, w2, b2 = parameters = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    for _ in range(steps):
        scores = (torch.tanh(x @ w1 + b1) @ w2 + b2)[..., 0]  # (nets, 4)
        loss = nn.functional.binary_cross_entropy_with_logits(scores, wanted.expand(nets, 4), reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return ((scores > 0) == (wanted == 1)).all(dim=1).float().mean().item()


solved = {units: train_on_xor(units) for units in (1, 2, 3, 4, 8)}
for units, share in solved.items():
    print(f"hidden neurons: {units}   nets of 100 that learn XOR: {100 * share:.0f}")
assert solved[1] == 0 and solved[2] > 0.3 and solved[8] > 0.97

training.seed_everything(0)
small_net = nn.Sequential(nn.Linear(144, 16), nn.ReLU(), nn.Linear(16, 2))
cards, sides = torch.tensor(two_x[:, :-1]).float(), torch.tensor(two_y > 0).long()  # a layer brings its own constant
training.fit(small_net, cards, sides, epochs=30, batch_size=50, lr=1e-2, progress=False)
new_cards, new_sides = torch.tensor(two_x_test[:, :-1]).float(), torch.tensor(two_y_test > 0).long()
hidden_layer = training.accuracy(small_net, new_cards, new_sides)
print(f"\ntwo marks on a card (section 2): one neuron {two_marks:.1%}, 16 hidden neurons {hidden_layer:.1%} right")
assert hidden_layer > 0.9

# %% [markdown] slide="subslide"
# In 1969 Marvin Minsky and Seymour Papert published *Perceptrons*, a book of proofs about what a perceptron cannot do
# whose inner connections look at small parts of the picture only: parity (XOR of many bits, which comes back in
# module 03, section 3), or whether a figure is connected. They took a dim view of multi-layer nets, without a proof.
# Money and interest went elsewhere.
#
# > **Erratum E18.** Deck V: in 1969 it was "shown that XOR problem cannot be solved by Perceptron (led to the
# > invention of multi-layer networks later on)". The invention came first. McCulloch and Pitts (1943) is about nets
# > of neurons, such as the one above; Rosenblatt's book of 1962 has chapters on perceptrons with several layers;
# > Ivakhnenko *trained* deep nets from 1965 on, which is the next section. And what cannot do XOR is *one layer*: the
# > net above, made of nothing but neurons of 1943, can.

# %% [markdown] slide="slide"
# ## 4. 1965: Ivakhnenko's deep polynomial nets
#
# Deck N's history begins with Alexey Ivakhnenko, "first works on deep neural networks". His **group method of data
# handling** (GMDH), made in Kiev with Valentin Lapa and others, learned many layers twenty years before backpropagation
# became known (1986). It does not adjust all layers together but **builds one after the other**:
#
# 1. Take each pair of inputs $(a, b)$. Fit a unit $c_0 + c_1 a + c_2 b + c_3 ab + c_4 a^2 + c_5 b^2$ to the target by
#    least squares on the *training* data.
# 2. Rank the units by their error on *other* data, the **validation set**. Keep the best few.
# 3. Their outputs, scaled to mean 0 and standard deviation 1, are the inputs of the next layer. Stop when the best
#    validation error no longer goes down (here: by at least 1 %).
#
# Step 2 is a discovery of its own: choose on data that were not used for fitting (module 03, section 1, makes it a
# rule). We run it on a real set that comes with scikit-learn: 442 diabetes patients, ten measurements each, and a score
# of how far the disease went in the year after.

# %% slide="fragment"
SQUARES = PolynomialFeatures(degree=2)  # constant, inputs, their squares and the products of pairs
FIT = LinearRegression(fit_intercept=False)  # least squares; the constant is among the terms


def quadratic(columns):
    """The terms of a polynomial of second degree. columns: (N, d). Returns (N, 6) for two, (N, 66) for ten columns."""
    return SQUARES.fit_transform(columns)


def least_squares(terms, y, rows):
    """Predictions for all rows of `terms` (N, k), fitted on `rows` only."""
    return FIT.fit(terms[rows], y[rows]).predict(terms)


def rmse(predicted, y, rows):
    """Root mean squared error on `rows`, in units of y."""
    return np.sqrt(np.mean((predicted[rows] - y[rows]) ** 2))


def gmdh(x, y, train, val, layers=8, keep=10):
    """Best unit of each layer: a list of (predictions for all rows (N,), names of the inputs it uses)."""
    columns, used, best = x, [{i} for i in range(x.shape[1])], []
    for _ in range(layers):
        units = []
        for i, j in itertools.combinations(range(columns.shape[1]), 2):
            predicted = least_squares(quadratic(columns[:, [i, j]]), y, train)
            units.append((rmse(predicted, y, val), predicted, used[i] | used[j]))
        units.sort(key=lambda unit: unit[0])
        best.append(units[0][1:])
        columns = np.stack([predicted for _, predicted, _ in units[:keep]], axis=1)
        columns = (columns - columns[train].mean(axis=0)) / columns[train].std(axis=0)
        used = [inputs for *_, inputs in units[:keep]]
    return best


def stop(errors, gain=0.01):
    """Index of the layer after which the next one lowers the validation error by less than `gain` (1 %)."""
    for layer in range(len(errors) - 1):
        if errors[layer + 1] > (1 - gain) * errors[layer]:
            return layer
    return len(errors) - 1


patients = load_diabetes()
x, y = patients.data / patients.data.std(axis=0), patients.target


def split(seed):
    """Rows for training (200), validation (120), test (122)."""
    return np.split(np.random.RandomState(seed).permutation(len(y)), [200, 320])


train, val, test = split(0)
best_units = gmdh(x, y, train, val)
errors = {name: [rmse(p, y, rows) for p, _ in best_units] for name, rows in
          (("training", train), ("validation", val), ("test", test))}
chosen = stop(errors["validation"])
print("layer  training  validation  test   (root mean squared error, points of the score)")
for layer, row in enumerate(zip(*errors.values(), strict=True)):
    note = "   ← stops here" if layer == chosen else ""
    print(f"{layer + 1:>5}  {row[0]:>8.1f}  {row[1]:>10.1f}  {row[2]:>4.1f}{note}")
inputs = sorted(best_units[chosen][1])
print(f"the unit that it ends with uses {', '.join(patients.feature_names[i] for i in inputs)}")

# %% [markdown] slide="subslide"
# Compare with linear regression, and with one quadratic fit of all ten inputs at once (66 terms), on the same rows. One
# split of 442 patients says little, so we take thirty.

# %% slide="fragment"
results = {name: [] for name in ("mean of all", "linear", "all quadratic terms", "GMDH, stopped", "GMDH, 8 layers")}
depths = []
for seed in range(30):
    train, val, test = split(seed)
    both = np.concatenate([train, val])  # the others need no validation set: they fit on all rows but the test rows
    units = [predicted for predicted, _ in gmdh(x, y, train, val)]
    depth = stop([rmse(p, y, val) for p in units])
    depths.append(depth + 1)
    for name, predicted in zip(results, (np.full(len(y), y[both].mean()), least_squares(with_constant(x), y, both),
                                         least_squares(quadratic(x), y, both), units[depth], units[-1]),
                               strict=True):
        results[name].append(rmse(predicted, y, test))
for name, values in results.items():
    print(f"{name:<20} test error: median {np.median(values):5.1f}, worst of 30 splits {max(values):9.3g}")
print("layers of the stopped net in the 30 splits:", {depth: depths.count(depth) for depth in sorted(set(depths))})
medians = {name: np.median(values) for name, values in results.items()}
assert medians["linear"] < medians["GMDH, stopped"] < medians["all quadratic terms"] < medians["mean of all"]
assert medians["GMDH, stopped"] < 1.06 * medians["linear"] and max(results["GMDH, 8 layers"]) > 1000

# %% slide="fragment"
fig, axes = plt.subplots(1, 2, figsize=(13.5, 4.8))
for (name, values), style, color in zip(errors.items(), ("o--", "s-", "^-."), (GREY, BLUE, ORANGE), strict=True):
    axes[0].plot(range(1, 9), values, style, color=color, label=name)
axes[0].axvline(chosen + 1, color=GREY, lw=1.2)
axes[0].text(chosen + 1.1, 60, "stops here", color=GREY, fontsize=13, rotation=90)
axes[0].set(title="One split: error by layer", xlabel="layer", ylabel="RMS error (points)")
axes[0].legend()
for place, values in enumerate(results.values()):
    axes[1].plot(np.minimum(values, 300), np.full(30, place) + np.linspace(-0.25, 0.25, 30), "o", color=BLUE,
                 markersize=4)
    axes[1].plot(min(np.median(values), 300), place, "|", color=ORANGE, markersize=28, markeredgewidth=3)
axes[1].set_yticks(range(len(results)), results)
axes[1].set_xscale("log")
axes[1].set_xticks([50, 100, 150, 300], ["50", "100", "150", "≥ 300"])
axes[1].minorticks_off()
axes[1].set(title="Thirty splits (orange: median)", xlabel="test RMS error (points)", xlim=(45, 330))
axes[1].invert_yaxis()
plt.show()

# %% [markdown] slide="fragment"
# (The measurements that the first net ends with are the body mass index, the blood pressure and values of the blood
# serum.) Three things to see. On these data plain linear regression is a little better (it may fit on the validation
# rows too, which GMDH needs for choosing): a comparison needs the dull rival. The fit of all 66 terms uses squares
# and products as GMDH does, and is worse: it has too many coefficients for so few patients. Choosing few units on a
# validation set protects GMDH from that. And depth for its own sake is dangerous here: eight layers of squares are a
# polynomial of degree $2^8 = 256$, which explodes on a patient a little outside the training data. Units that grow
# more slowly, like the sigmoid (module 02, section 1), do not have that trouble; they have another one (module 03,
# section 4).
#
# > **Erratum E17.** Deck G, on the 1990s: "Yann LeCun invented Convolutional Networks" and "First NN successfully
# > trained with many layers". Kunihiko Fukushima's *Neocognitron* (1980) has the convolutional layers and the
# > pooling; Alexander Waibel trained shared weights over time by backpropagation in 1987. LeCun and his colleagues
# > trained two-dimensional ones on digits in 1989. The first with many layers was Ivakhnenko's: a net of eight is in
# > his paper of 1971. Deck N dates him "early 1960s"; the book with Lapa is of 1965.

# %% [markdown] slide="slide"
# ## 5. 1980s and 1990s: rules, and the rivals
#
# Deck V: "1980s: Governments (starting in Japan) and industry provide AI with billions of dollars. Boom of 'expert
# systems'." An **expert system** is a list of if–then rules which people write down. Let us be the experts. To tell 0
# from 1 one rule is enough: if the middle of the picture is empty, it is a 0. For ten digits we need more rules:

# %% slide="fragment"
def empty_middle(image):
    """Whether the four pixels in the middle hold little ink. image: (8, 8), ink 0 to 1."""
    return image[3:5, 3:5].mean() < 0.3


def expert(image):
    """Digit by rules that a person wrote after looking at averages of training images. image: (8, 8), ink 0 to 1."""
    top_left, top_right = image[1:4, :3].mean(), image[1:4, 5:].mean()
    low_left, low_right = image[4:7, :3].mean(), image[4:7, 5:].mean()
    left, right = image[3:5, 1:3].mean(), image[3:5, 5:7].mean()  # of the middle
    top, bottom = image[0, 2:6].mean(), image[6:, 2:6].mean()
    if empty_middle(image):
        return 0
    if top_right < 0.1 and low_left > 0.2 and low_right > 0.2:
        return 6
    if bottom < 0.42 and top > 0.5:
        return 7
    if left > 0.45 and right > 0.3 and low_left > 0.15:
        return 4
    if top_left > 0.28 and top_right < 0.18:
        return 5
    if right > 0.35 and top_right > 0.2 and low_left < 0.17:
        return 9
    if left < 0.18 and low_right > 0.22:
        return 3
    if left < 0.18 and right < 0.2:
        return 2
    return 8 if min(top_left, top_right) > 0.15 else 1


def share_right(rule, chosen=range(10)):
    """Share of the test images of the chosen digits that the rule gets right."""
    rows = np.isin(Y_test, list(chosen))
    answers = [rule(image) for image in X_test[rows].reshape(-1, 8, 8)]
    return (answers == Y_test[rows]).mean()


zero_or_one = share_right(lambda image: 0 if empty_middle(image) else 1, (0, 1))
by_rules = share_right(expert)
print(f"0 or 1, one rule: {zero_or_one:.1%} of the test images right")
print(f"ten digits, nine rules: {by_rules:.1%}")
assert zero_or_one > 0.95 > 0.85 > by_rules > 0.5

# %% [markdown] slide="fragment"
# The first rule is superb. Each further rule interferes with the others, and improving one case spoils another. This
# is how expert systems ended: they worked in narrow fields, were expensive to keep right, and knew nothing
# beyond their rules. "Late 1980s: Investors ... became disillusioned and withdrew funding again" (deck V).
#
# The nets came back in 1986 with backpropagation, and lost the field again in the 1990s, to "Bayesian models, Decision
# Trees and Support Vector Machines" (deck V). Those still are what a net should be compared with:
#
# - **naive Bayes** estimates for each class the mean and the variance of each pixel, takes the pixels for independent,
#   and answers with the class under which the image is most probable (Bayes' rule, with the share of each class);
# - a **decision tree** learns its own if–then rules from data, one threshold on one pixel at a time;
# - a **support vector machine** (SVM) takes the separating plane of widest margin, Novikoff's $\gamma$ made as large
#   as possible. With a *kernel* the plane lies in a larger space of functions of the inputs, and is curved in the space
#   of the inputs. The *Gaussian* kernel compares images by their distance.
#
# Beside them stands a small net, 64 hidden neurons, trained as modules 02 and 03 will explain. For a share $p$ of right
# answers on $n$ images the **standard error** is $\sqrt{p(1-p)/n}$: by about so much another sample of images would
# give another share.

# %% slide="subslide"
def small_net_accuracy(seed):
    """Test accuracy of a net of this course: 64 pixels, 64 hidden ReLUs, 10 classes (module 03)."""
    training.seed_everything(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    training.fit(net, digits.x_train.flatten(1), digits.y_train, epochs=30, batch_size=32, lr=3e-3, progress=False,
                 seed=seed)
    return training.accuracy(net, digits.x_test.flatten(1), digits.y_test)


rivals = {
    "naive Bayes": GaussianNB(var_smoothing=1e-2),
    "decision tree": DecisionTreeClassifier(random_state=0),
    "SVM, linear": SVC(kernel="linear"),
    "SVM, Gaussian kernel": SVC(C=10),
}
on_test = {"nine rules by hand": by_rules}
on_test |= {name: model.fit(X_train, Y_train).score(X_test, Y_test) for name, model in rivals.items()}
small_nets = [small_net_accuracy(seed) for seed in range(3)]
on_test["small net, mean of 3"] = np.mean(small_nets)
for name, accuracy in on_test.items():
    error = np.sqrt(accuracy * (1 - accuracy) / len(Y_test))
    print(f"{name:<22} {accuracy:6.1%} ± {error:.1%} of {len(Y_test)} test images right")
assert on_test["SVM, Gaussian kernel"] > on_test["decision tree"] + 0.05
assert abs(on_test["SVM, Gaussian kernel"] - on_test["small net, mean of 3"]) < 0.03

fig, ax = plt.subplots(figsize=(10, 4.4))
values = 100 * np.array(list(on_test.values()))
colors = [GREY] + [BLUE] * 4 + [ORANGE]
ax.barh(list(on_test), values, color=colors, xerr=np.sqrt(values * (100 - values) / len(Y_test)), capsize=4)
ax.set(title="Digits: the 1990s beside a small net", xlabel="test images right (%), ± standard error", xlim=(0, 103))
ax.invert_yaxis()
plt.show()

# %% [markdown] slide="fragment"
# On small, clean images the SVM is as good as the net, or better; it needs no learning rate and always ends at the same
# solution. Nobody who looked at such a table in 1998 was a fool to choose it. What changed later was the size of the
# problems (section 7), and that nets can be made to fit the structure of images (module 04).
#
# > **Erratum E20.** Deck V: "1991/92 Vanishing Gradient ... Identified by Hochreiter & Schmidhuber who also proposed
# > solutions." Sepp Hochreiter alone identified it, in his diploma thesis of 1991 (Jürgen Schmidhuber was its
# > adviser). Their joint solution, the LSTM, is of 1997. Module 03, section 4, measures the effect, module 05,
# > section 5, the cure.

# %% [markdown] slide="slide"
# ## 6. What was predicted, and what came
#
# Deck V names "several hype cycles, followed by disappointment, criticism, and funding cuts". A prediction with a
# date can be checked. We list those that the decks quote, and their neighbours from the same papers.

# %% slide="fragment"
# made, due (None: no date given), came true (None: not by 2026, or disputed), who, what, what happened
PREDICTIONS = [
    (1955, 1956, None, "McCarthy, Minsky, Rochester, Shannon",
     "in one summer, a significant advance in making machines think",
     "a name for the field; the problems took decades"),
    (1958, None, None, "The New York Times, of the Navy", "walk, talk, see, write, reproduce itself, be conscious",
     "shown that day: left- from right-marked cards"),
    (1958, 1968, 1997, "Simon and Newell", "a computer is the world's chess champion",
     "Deep Blue beat Garry Kasparov in May 1997"),
    (1958, 1968, 1996, "Simon and Newell", "a computer proves an important new theorem",
     "McCune's EQP proved the Robbins conjecture in October 1996"),
    (1965, 1985, None, "Simon", "machines do any work a man can do", "open"),
    (1982, 1992, None, "Fifth Generation project, Japan", "machines that converse and reason, in ten years",
     "ended in 1992 without them; machines that converse came thirty years later, by learning from text"),
]
for made, due, came, who, what, outcome in PREDICTIONS:
    late = "" if came is None or due is None else f" ({came - due} years late)"
    print(f"{made}, for {due or 'no date'}: {what} [{who}]\n      → {outcome}{late}")
assert PREDICTIONS[2][2] - PREDICTIONS[2][1] == 29

# %% slide="subslide"
fig, ax = plt.subplots(figsize=(13, 5.2))
for row, (made, due, came, who, what, _) in enumerate(PREDICTIONS):
    ax.plot([made, due or made], [row, row], color=BLUE, lw=7, solid_capstyle="butt")
    end = came or 2026
    if due:
        ax.plot([due, end], [row, row], color=ORANGE, lw=3, ls="-" if came else ":")
    ax.plot(made, row, "o", color=BLUE, markersize=11)
    if came:
        ax.plot(came, row, "*", color=GREEN, markersize=20)
    ax.text(made, row - 0.27, f"{what} ({who})", fontsize=12.5)
for winter in ((1974, 1980), (1987, 1993)):
    ax.axvspan(*winter, color=GREY, alpha=0.15, lw=0)
    ax.text(np.mean(winter), 5.75, "winter", ha="center", color=GREY, fontsize=13)
ax.set(title="Blue: time asked for. Orange: waiting (dotted: open or disputed). Star: it came", xlabel="year",
       ylim=(6, -0.8), xlim=(1952, 2028), yticks=[])
plt.show()

# %% [markdown] slide="fragment"
# Deck V's quotation about chess is correct: Herbert Simon and Allen Newell said it in a talk of 1957, and it was
# printed the year after. It came true, 29 years late (30, if the ten years count from the talk), and mostly by search
# in special hardware. A **winter** is a time in which funds and interest were withdrawn. (The grey bars are usual
# dates; where a winter begins is a matter of opinion.)
#
# > **Erratum E50.** Deck V: "The term AI has been coined in 1955 by John McCarthy: 'The science and engineering of
# > making intelligent machines'." The year is right: the term is in the proposal, dated 31 August 1955, for the
# > workshop held at Dartmouth in the summer of 1956. The sentence is not from there. It is from McCarthy's article
# > *What is Artificial Intelligence?*, in its version of 2007. The proposal has: "making a machine behave in ways
# > that would be called intelligent if a human were so behaving".

# %% [markdown] slide="subslide"
# ### The third rise
#
# Deck G's slide 14, "Recent success", with the work that it stands for, and deck N's dates of companies:
#
# | year | deck | what | work |
# |---|---|---|---|
# | 2006 | V | nets trained layer by layer first (RBMs, restricted Boltzmann machines) | Hinton, Osindero, Teh |
# | 2009 | G | acoustic model for speech | Mohamed, Dahl, Hinton |
# | 2011 | G | road signs | Cireşan and others: German traffic sign competition |
# | 2011 | N | Microsoft, speech | Seide, Li, Yu |
# | 2011 | N | Andrew Ng founds Google Brain | with Jeff Dean and Greg Corrado |
# | 2012 | G V N | objects: AlexNet | Krizhevsky, Sutskever, Hinton (section 8) |
# | 2013 | N | Google buys DNNresearch | March; Hinton, Krizhevsky, Sutskever |
# | 2013 | N | Facebook's AI lab under LeCun | December |
# | 2014 | N | Google buys DeepMind "for 400M\$" | January; price not published, reports say 400 to over 500 million |
# | 2013/14 | G | end-to-end speech, object detection | Graves and Jaitly; Girshick and others |
# | 2014 | N | Ng directs Baidu's lab | May |
# | 2014/15 | G | machine translation | Sutskever, Vinyals, Le; Bahdanau, Cho, Bengio |
# | 2016 | V | AlphaGo | Silver and others |
#
# (Deck N also shows the growth of the NIPS conference. The slides are pictures without numbers, so we draw nothing.)
#
# > **Erratum E25.** V 45 says of the "First successful networks in speech recognition": "Method: CNN". The nets of
# > 2009 and 2011 in this table are fully connected, and trained layer by layer first. Waibel's net of 1987 (E17) was
# > convolutional in time, but told only three consonants apart; in large systems convolutions came in 2012
# > (Abdel-Hamid and others).
#
# > **Erratum E22.** Deck V gives AlphaGo as "Nature 526, Jan 2016"; it is volume **529**, pages 484–489, 28 January
# > 2016. And it dates a picture "MLSS 2015, Austin, Texas, Jan 2014"; a summer school of 2015 took place in January
# > **2015**.

# %% [markdown] slide="slide"
# ## 7. "Why now?": data and compute
#
# Decks G and F give the same three reasons: more data, better hardware, better algorithms. Deck K asks, with Geoffrey
# Hinton, why it did not happen in 1986: the data sets and the computers were too small. How much too small? These are
# the sizes of data sets that the decks print, with the perceptron's cards and this course's digits. (ImageNet is a
# collection of photographs sorted by what they show, ILSVRC the part of it that the contest of section 8 uses.)

# %% slide="fragment"
# year, items, name, where the number stands
DATA_SETS = [
    (1958, 50, "perceptron's cards", "the demonstration of section 2"),
    (1998, 1_797, "digits 8×8", "scikit-learn; Alpaydin and Kaynak"),
    (1998, 70_000, "MNIST", "60,000 for training and 10,000 for testing"),
    (2010, 14_197_122, "ImageNet", "deck N: 21,841 classes; counted in April 2010"),
    (2012, 1_200_000, "ILSVRC", "decks G and V: 1.2 million"),
    (2013, 100_000_000, "Google, in house", "deck N: 18,000 classes"),
]
fig, ax = plt.subplots(figsize=(11, 5))
for year, items, name, source in DATA_SETS:
    print(f"{year}  {name:<20} {items:>12,}   {source}")
    side = 1 if year < 1990 else -1
    ax.semilogy(year, items, "o", color=BLUE, markersize=11)
    ax.annotate(f"{name}, {items:,}", (year, items), (12 * side, 0), textcoords="offset points", fontsize=13,
                ha="left" if side > 0 else "right", va="center")
ax.set(title="Labelled examples", xlabel="year", ylabel="examples", ylim=(10, 1e9), xlim=(1955, 2018))
plt.show()
per_class = 14_197_122 / 21_841
print(f"ImageNet: {per_class:.0f} images a class on average; {14_197_122 / 50:,.0f} times the perceptron's cards")
assert 600 < per_class < 700

# %% [markdown] slide="subslide"
# > **Erratum E14.** Deck N: ImageNet has "Objects annotated: 1,034,908". That is the number of *images with bounding
# > boxes* (statistics page of image-net.org, 30 April 2010). An image may hold several boxes, so it does not count
# > objects; and of all images it is one in fourteen:

# %% slide="fragment"
boxed = 1_034_908 / 14_197_122
print(f"images with a box: {boxed:.1%} of all")
assert 0.07 < boxed < 0.075

# %% [markdown] slide="subslide"
# ### Compute
#
# Deck F prints two tables, one in "History: why now?" and one in "GPU: which one?". A **FLOPS** is one operation on
# floating-point numbers in a second; GFLOPS are $10^9$ and TFLOPS $10^{12}$ of them. FP32 numbers have 32 bits, FP16
# numbers have 16. The i7 is the processor of a desktop computer. All others are or contain **GPUs**, graphics
# processors that do thousands of such operations at once: GTX and Titan are cards for a desktop computer, Drive PX is
# a computer for cars, and the DGX-1 is a machine with eight GPUs.

# %% slide="fragment"
HARDWARE = {  # deck F: TFLOPS, price in dollars (None: not given)
    "i7-6700K (as printed)": (0.15, None),
    "Drive PX (as printed)": (2.3, None),
    "GTX 1070": (5.7, 399),
    "GTX Titan X": (6.1, 1_000),
    "Drive PX-2": (8.0, None),
    "GTX 1080 Ti": (10.6, 700),
    "Titan XP": (11.3, 1_200),
    "DGX-1, FP32": (85.0, 129_000),
    "DGX-1, FP16": (170.0, 129_000),
}
per_dollar = {name: 1000 * speed / price for name, (speed, price) in HARDWARE.items() if price}  # GFLOPS a dollar
fig, (left, right) = plt.subplots(1, 2, figsize=(14, 5.2))
left.barh(list(HARDWARE), [speed for speed, _ in HARDWARE.values()], color=BLUE)
left.set_xscale("log")
left.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
left.set(title="Speed, as deck F prints it", xlabel="TFLOPS")
order = sorted(per_dollar, key=per_dollar.get)
right.barh(order, [per_dollar[name] for name in order], color=[ORANGE if n == "GTX 1070" else BLUE for n in order])
for place, name in enumerate(order):
    right.text(per_dollar[name], place, f" {per_dollar[name]:.1f}", va="center", fontsize=13)
right.set(title='For the money (orange: "best")', xlabel="GFLOPS for one dollar", xlim=(0, 18))
plt.show()

# %% [markdown] slide="fragment"
# > **Erratum E36.** Deck F calls the GTX 1070 "Best flops/\$". By the numbers in the same table it is the GTX 1080 Ti.
# > (The machine with the largest number, the DGX-1, is the most expensive per operation; one pays for eight
# > processors that talk to each other fast.)

# %% slide="fragment"
for name in ("GTX 1070", "GTX 1080 Ti", "Titan XP", "DGX-1, FP32"):
    print(f"{name:<12} {per_dollar[name]:5.1f} GFLOPS for a dollar")
assert max(per_dollar, key=per_dollar.get) == "GTX 1080 Ti"
assert round(per_dollar["GTX 1070"], 1) == 14.3 and round(per_dollar["GTX 1080 Ti"], 1) == 15.1

# %% [markdown] slide="subslide"
# > **Erratum E37.** Deck F gives an Intel i7-6700K "~0.1-0.2 TFLOPS". Its peak is 0.512: 4 cores at 4.0 GHz, and in
# > each cycle a core does 2 vector operations on 8 numbers of 32 bits, each a multiplication and an addition. And the
# > 2.3 TFLOPS of the Drive PX are *FP16*, between FP32 figures: it has two Tegra X1 chips with 256 units each. As
# > FP32 the figure would need a clock that the chip does not have.

# %% slide="fragment"
peak = 4 * 4.0e9 * 2 * 8 * 2
clock = {32: 2.3e12 / (2 * 256 * 2), 16: 2.3e12 / (2 * 256 * 2 * 2)}  # chips × units × 2 operations, × 2 if FP16
print(f"i7-6700K: {peak / 1e12:.3f} TFLOPS peak, {peak / 0.2e12:.1f} to {peak / 0.1e12:.1f} times the printed figure")
print(f"Drive PX, 2.3 TFLOPS: clock of {clock[32] / 1e9:.2f} GHz if FP32, {clock[16] / 1e9:.2f} GHz if FP16; "
      "the Tegra X1 runs at about 1 GHz")
assert np.isclose(peak, 0.512e12) and clock[32] > 2e9 > 1.2e9 > clock[16]
print(f"DGX-1 against the i7: {85 / 0.512:.0f} times, with deck F's figure {85 / 0.2:.0f} to {85 / 0.1:.0f} times")

# %% [markdown] slide="subslide"
# What does the processor here do? The multiplication of two matrices of $n \times n$ takes $2n^3$ operations.

# %% slide="fragment"
n = 1000
matrix = torch.rand(n, n)
seconds = []
for _ in range(10):  # the fastest of ten, since other programs may interrupt
    start = time.perf_counter()
    matrix @ matrix
    seconds.append(time.perf_counter() - start)
print(f"one core of this machine: {2 * n**3 / min(seconds) / 1e12:.3f} TFLOPS (FP32, measured, not a peak)")

# %% [markdown] slide="subslide"
# ### Speech, and the trap of the percentage
#
# Deck F and deck N measure speech recognition by the **word error rate** (WER): wrong, missing and added words for
# each hundred words spoken. "Google now has just an 8 percent error rate. Compare that to 23 percent in 2013." IBM:
# "an 8% word error rate – is 36% better than previously reported". Is that 36 points? What was the rate before?

# %% slide="fragment"
def fewer_errors(before, after):
    """Part of the errors that is gone."""
    return 1 - after / before


print(f"Google, 23 % → 8 %: {23 - 8} points, {fewer_errors(23, 8):.0%} fewer errors")
ibm_before = 8 / (1 - 0.36)
print(f"IBM, 8 % after '36 % better': {ibm_before:.1f} % before, a difference of {ibm_before - 8:.1f} points")
SPEECH = {"Apple Dictation": 26.73, "Bing Speech": 22.05, "wit.ai": 19.41, "Google API": 16.72, "Deep Speech": 11.85}
print(f"deck N's table (2014): Deep Speech has {fewer_errors(SPEECH['Google API'], SPEECH['Deep Speech']):.0%} fewer "
      "errors than the next best")
assert round(ibm_before, 1) == 12.5

fig, (left, right) = plt.subplots(1, 2, figsize=(13, 4.4))
for row, (before, after) in enumerate(((23, 8), (ibm_before, 8))):
    left.annotate("", (after, row), (before, row), arrowprops=dict(arrowstyle="-|>", color=GREY, lw=2, shrinkA=8,
                                                                   shrinkB=8))
    left.semilogx([before, after], [row, row], "o", color=BLUE, markersize=11)
    left.text(before, row - 0.17, f"{before:g}", ha="center")
    left.text(after, row - 0.17, f"{after:g}", ha="center")
left.set(title="Claims of 2015 (deck F), logarithmic", xlabel="words wrong (%)", ylim=(1.5, -0.6), xlim=(6, 30))
left.set_yticks([0, 1], ["Google,\nsince 2013", "IBM,\n“36% better”"])
left.set_xticks([6, 8, 10, 15, 20, 30], ["6", "8", "10", "15", "20", "30"])
left.minorticks_off()
right.barh(list(SPEECH), list(SPEECH.values()), color=[BLUE] * 4 + [ORANGE])
right.set(title="Noisy and clean speech, 2014 (deck N)", xlabel="words wrong (%)")
right.invert_yaxis()
plt.show()

# %% [markdown] slide="fragment"
# > **Erratum E13.** Deck N: DeepFace has "97.35 % accuracy ... (27 % improvement over the state of the art)". Read as
# > it stands, the state of the art had about 70 or 77 %. It had 96.33 %. What fell by 27 % are the *errors*, from
# > 3.67 to 2.65 in a hundred (Taigman and others, 2014, say so): one point. Both numbers are true; a percentage needs
# > its "of what".

# %% slide="fragment"
before, after = 100 - 96.33, 100 - 97.35
gone = fewer_errors(before, after)
print(f"errors {before:.2f} % → {after:.2f} %: {before - after:.2f} points, {gone:.1%} fewer errors")
print(f"read as points, the state of the art would have had {97.35 - 27:.2f} %, as a factor {97.35 / 1.27:.2f} %")
assert np.isclose(before - after, 1.02) and 0.27 < gone < 0.28

# %% [markdown] slide="slide"
# ## 8. ImageNet, 2010 to 2015
#
# The *ImageNet Large Scale Visual Recognition Challenge* (ILSVRC): 1.2 million training images of 1,000 classes. A
# program names five classes for each of 100,000 test images (150,000 in 2010) and is wrong if the right one is not
# among the five: the **top-5 error**. The decks quote it, not always with the same number. In the figure, *hand-made
# features* are measurements on the image that people thought out, such as the directions of edges (module 04,
# section 3, builds some).

# %% slide="fragment"
# year, entry, error in %, who printed it; the years 2010 and 2011 are in Russakovsky and others (2015)
ENTRIES = [
    (2010, "NEC-UIUC", 28.2, "hand-made features", "paper"),
    (2011, "XRCE", 25.8, "hand-made features", "paper"),
    (2012, "University of Tokyo", 26.17, "hand-made features", "N .2617, V 26.2, G 26"),
    (2012, "AlexNet, five nets", 16.4, "deep nets", "V 16.4"),
    (2012, "AlexNet, seven nets, more data", 15.31, "deep nets, more data", "N .1531, G 15"),
    (2013, "Clarifai", 11.7, "deep nets", "V 11.7"),
    (2013, "Clarifai, more data", 11.2, "deep nets, more data", "N .1120, V 11.2, G 11"),
    (2014, "GoogLeNet, seven nets", 6.66, "deep nets", "N .0666, V G 6.7"),
    (2015, "ResNet, six nets", 3.6, "deep nets", "V G 3.6"),
]
fig, ax = plt.subplots(figsize=(12, 5.6))
KINDS = ("hand-made features", GREY, "s"), ("deep nets", BLUE, "o"), ("deep nets, more data", PURPLE, "^")
for kind, color, marker in KINDS:
    mine = [(year, error) for year, _, error, this, _ in ENTRIES if this == kind]
    ax.semilogy(*zip(*mine, strict=True), marker, color=color, markersize=11, label=kind)
winners = {year: min(error for y, _, error, *_ in ENTRIES if y == year) for year in range(2010, 2016)}
ax.semilogy(list(winners), list(winners.values()), color=GREY, lw=1.2, zorder=0)
for year, name, error, kind, _ in ENTRIES:
    extra = "more data" in kind  # beside the line, where there is room
    ax.annotate(f"{name}  {error:g} %", (year, error), (-12, -6) if extra else (12, 5), textcoords="offset points",
                fontsize=12, ha="right" if extra else "left")
ax.axhline(5.1, color=ORANGE, ls="--", lw=1.8)
ax.text(2016.95, 5.25, "one person on 1,500 images: 5.1 %", color=ORANGE, fontsize=13, ha="right")
ax.set(title="ImageNet challenge: top-5 error on the test images", xlabel="year", ylabel="error (%)",
       xlim=(2009.6, 2017), ylim=(3, 36), xticks=range(2010, 2016))
ax.set_yticks([3, 5, 10, 20, 30], ["3", "5", "10", "20", "30"])
ax.minorticks_off()
ax.legend(loc="upper right", fontsize=13)
plt.show()
yearly = [winners[year + 1] / winners[year] for year in range(2010, 2015)]
print("error of the winner divided by that of the year before:", " ".join(f"{ratio:.2f}" for ratio in yearly))
assert yearly[0] > 0.9 and max(yearly[1:]) < 0.75

# %% [markdown] slide="subslide"
# From 2010 to 2011 hand-made features lost 9 % of their errors, and nothing after that; from 2012 on each winner
# removed at least a quarter of the errors that were left. (Detection, where objects must also be found, is harder:
# deck N's mean average precision went from .2258 in 2013 to .4393 in 2014, where 1 is perfect. Module 04, section 9,
# computes this measure.)
#
# > **Erratum E7.** AlexNet's error is 15 % in deck G, 15.31 % in N and 16.4 % in V. None is the error of *the net*
# > AlexNet: one net has 18.2 % (validation images), the average of five has 16.4 %, and 15.3 % takes seven nets of
# > which two were pre-trained on the whole of ImageNet, that is on more data than the challenge gives (Krizhevsky and
# > others, 2012, table 2). V's 16.4 % is the fair one beside "second best entry: 26.2 %".
#
# > **Erratum E16.** Decks G and V give 6.7 % and 3.6 % beside the names and pictures of *one* net. They are
# > **ensembles**, nets whose answers are averaged: seven GoogLeNets (144 cut-outs of each image), six ResNets. One
# > ResNet of 152 layers has 4.49 %, one GoogLeNet with one cut-out 10.07 % (validation images; He and others 2015,
# > Szegedy and others 2014). Module 04, section 4, trains such a committee of nets.

# %% slide="fragment"
SINGLE = {"AlexNet": (18.2, 15.3, 7), "GoogLeNet": (10.07, 6.67, 7), "ResNet": (4.49, 3.57, 6)}
for name, (one, many, nets) in SINGLE.items():
    print(f"{name:<10} one net {one:5.2f} %   {nets} nets {many:5.2f} %   {fewer_errors(one, many):.0%} fewer errors")
    assert many < one

# an ensemble in miniature: decision trees on the digits, each fitted on images drawn at random with replacement, and
# with 16 pixels drawn at random to choose from at each rule
rng = np.random.default_rng(0)
votes, single = np.zeros((len(Y_test), 10)), []
for seed in range(7):
    rows = rng.integers(len(Y_train), size=len(Y_train))
    tree = DecisionTreeClassifier(random_state=seed, max_features=16).fit(X_train[rows], Y_train[rows])
    single.append(tree.score(X_test, Y_test))
    votes += tree.predict_proba(X_test)
together = (votes.argmax(axis=1) == Y_test).mean()
print(f"\nseven decision trees on digits: each {np.mean(single):.1%}, their average {together:.1%}")
assert together > max(single)

# %% [markdown] slide="subslide"
# > **Erratum E15.** Deck G calls GoogLeNet a "Monster model". It is deep, but small: count its weights. (Module 04,
# > section 6, counts its layers.)

# %% slide="fragment"
def weights_of(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


with torch.device("meta"):  # shapes without numbers: nothing is allocated, nothing downloaded
    alexnet = models.alexnet()
    googlenet = models.googlenet(init_weights=False, aux_logits=True)
heads = weights_of(googlenet.aux1, googlenet.aux2)
SIZES_OF_NETS = {"AlexNet": weights_of(alexnet), "GoogLeNet": weights_of(googlenet) - heads}
print(f"AlexNet {SIZES_OF_NETS['AlexNet']:,}; GoogLeNet {SIZES_OF_NETS['GoogLeNet']:,}, "
      f"with the two heads that only help in training {weights_of(googlenet):,}")
assert weights_of(googlenet) == 13_004_888 and SIZES_OF_NETS["AlexNet"] > 9 * SIZES_OF_NETS["GoogLeNet"]

# %% [markdown] slide="slide"
# ## 9. Human against machine
#
# Decks G, V and N all report the contest of 2014: Andrej Karpathy, at Stanford, labelled 1,500 of the test images
# himself. "Deep learning 6.7 %, human 5.1 % error." Deck N prints the table of who was right, with one cell left
# empty. But the cells must add up:

# %% slide="fragment"
IMAGES, both_right, only_human, both_wrong = 1500, 1352, 72, 30
only_machine = IMAGES - both_right - only_human - both_wrong
machine_wrong, human_wrong = only_human + both_wrong, only_machine + both_wrong
print("                machine right   machine wrong")
print(f"human right  {both_right:>12} {only_human:>15}")
print(f"human wrong  {only_machine:>12} {both_wrong:>15}      (the cell {only_machine} is missing in deck N)")
print(f"\nmachine: {machine_wrong} wrong of {IMAGES}; human: {human_wrong} wrong")
compare("human, error on the 1,500 images (%)", "5.1", 100 * human_wrong / IMAGES)
compare("machine, error on the 1,500 images (%)", "6.7", 100 * machine_wrong / IMAGES, agrees=False)
assert only_machine == 46

# %% [markdown] slide="subslide"
# > **Erratum E12.** On the 1,500 images that both have seen the machine is wrong on 102, that is **6.8 %**. The 6.7 %
# > in the decks is its error on all 100,000 test images, of which Karpathy labelled only these. And "human" is one
# > person who had trained on 500 images before; a second person, who trained less, made **12.0 %** errors on 258
# > images (Russakovsky and others, 2015).
#
# Is 102 against 76 a real difference, or luck? The images on which both are right, or both wrong, say nothing about
# it. There remain 72 + 46 = 118 on which exactly one is right. If both were equally good, each of these would fall to
# either side like a fair coin. **McNemar's test** asks how often 118 coins are as uneven as 72 to 46, or more, to
# either side. That probability is the **p-value**, $p$: the smaller it is, the harder luck is to believe in.

# %% slide="fragment"
p_value = binomtest(only_human, only_human + only_machine, 0.5).pvalue
rng = np.random.default_rng(0)
heads_up = rng.binomial(only_human + only_machine, 0.5, size=200_000)
simulated = (np.abs(heads_up - 59) >= abs(only_human - 59)).mean()
print(f"McNemar's exact test: p = {p_value:.4f}; 200,000 throws of 118 coins: {simulated:.4f}")

pooled = (machine_wrong + human_wrong) / (2 * IMAGES)
z = (machine_wrong - human_wrong) / IMAGES / np.sqrt(2 * pooled * (1 - pooled) / IMAGES)
print(f"as if they had seen different images (z-test, two-sided): p = {2 * norm.sf(z):.3f}")
low, high = binomtest(human_wrong, IMAGES).proportion_ci()
print(f"95 % interval of the human error: {low:.1%} to {high:.1%}; the machine's 6.8 % is outside it")
assert round(p_value, 3) == 0.021 and round(1 / p_value) == 48 and high < machine_wrong / IMAGES
assert abs(simulated - p_value) < 0.002 and p_value < 2 * norm.sf(z) < 0.05

# %% [markdown] slide="fragment"
# So the difference is probably real, *for these images and this person*: p = 0.021 means that equally good
# contestants would differ so much once in 48 such contests. It does not say that "humans" are better: with the other
# person the order is turned round. And deck G's quotation of Karpathy, "humans will soon only be able to outperform
# state of the art image classification models by use of significant effort", was a prediction that came true within
# about a year (3.6 %, 2015).
#
# **Explorer 3.** Would a smaller contest have shown it? Keep the shares (4.8 % only the human right, 3.1 % only the
# machine) and change the number of images. Orange: results at least as uneven.

# %% slide="subslide"
def plot_contest(images=1500, only_human_right=4.8, only_machine_right=3.1):
    """McNemar's test for a contest of this size. The two shares are in % of the images."""
    a, b = round(images * only_human_right / 100), round(images * only_machine_right / 100)
    _, ax = plt.subplots(figsize=(10, 4.6))
    counts = np.arange(a + b + 1)
    chance = binom.pmf(counts, a + b, 0.5)
    uneven = np.abs(counts - (a + b) / 2) >= abs(a - b) / 2 - 1e-9
    near = np.abs(counts - (a + b) / 2) <= max(4 * np.sqrt(a + b) / 2, abs(a - b) / 2) + 1
    ax.bar(counts[near], chance[near], width=1, color=np.where(uneven, ORANGE, GREY)[near], edgecolor="white", lw=0.3)
    ax.axvline(a, color="black", lw=2)
    p = min(chance[uneven].sum(), 1)
    ax.set(title=f"{images} images, {a} against {b}: p = {p:.3g}",
           xlabel=f"images that only the human gets right, of {a + b}", ylabel="probability if equally good")
    print(f"Two that are equally good would differ at least as much as {a} against {b} in {p:.2%} of such contests.")


plot_contest(images=500)

# %% slide="fragment"
explore(plot_contest, images=(100, 5000, 100), only_human_right=(0.0, 10.0, 0.1), only_machine_right=(0.0, 10.0, 0.1),
        labels={"only_human_right": "only human right (%)", "only_machine_right": "only machine right (%)"})

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
ledger = [
    ("V", "XOR cannot be solved; it led to multi-layer networks", "the neurons of 1943, in two layers, do (E18)"),
    ("N", "ImageNet: objects annotated 1,034,908", f"images with a box, {boxed:.1%} of all (E14)"),
    ("F", "GTX 1070: best flops/$", f"{per_dollar['GTX 1070']:.1f} GFLOPS a dollar; the GTX 1080 Ti has "
     f"{per_dollar['GTX 1080 Ti']:.1f} (E36)"),
    ("F", "i7-6700K: ~0.1-0.2 TFLOPS", f"{peak / 1e12:.3f} TFLOPS at its peak (E37)"),
    ("F", "IBM: 8 % word error rate, 36 % better", f"{ibm_before:.1f} % before, {ibm_before - 8:.1f} points"),
    ("N", "DeepFace: 97.35 %, a 27 % improvement", f"{gone:.1%} fewer errors, {before - after:.2f} points (E13)"),
    ("G", "GoogLeNet: monster model", f"{SIZES_OF_NETS['GoogLeNet']:,} weights; AlexNet has "
     f"{SIZES_OF_NETS['AlexNet']:,} (E15)"),
    ("G V", "ResNet 3.6 %, GoogLeNet 6.7 %", f"six and seven nets; one net {SINGLE['ResNet'][0]:.2f} % and "
     f"{SINGLE['GoogLeNet'][0]:.2f} % (E16)"),
    ("G V N", "machine 6.7 %, human 5.1 %", f"{machine_wrong / IMAGES:.1%}, {human_wrong / IMAGES:.1%} on the same "
     f"images, p = {p_value:.3f} (E12)"),
]
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")

# %% [markdown] slide="slide"
# ## Summary
#
# - **1943**: a neuron that adds and compares computes AND, OR and NOT. One neuron draws one line; XOR needs two layers.
#   The linear programme *proves* it, a search does not.
# - **1958**: the perceptron learns, with at most $(R/\gamma)^2$ mistakes if a line separates the data. It learned
#   left from right in some fifty cards; the newspaper wrote of consciousness. Ask what was *shown*.
# - **1965**: Ivakhnenko trains deep nets layer by layer and chooses on a validation set. Compare with linear regression
#   before being impressed.
# - **1969, 1974, 1987**: winters follow promises. The rivals of the 1990s are still the ones to beat on small data.
# - **2012**: with a million images and graphics processors, deep nets remove a quarter or more of the errors each year.
# - Before you quote a number: of how many nets, on which images, a difference in points or in per cent, and could it be
#   luck?
#
# **Next:** the [lab of this module](../labs/01_history/01_history.ipynb). Then [module 02](02_backprop.ipynb): how a
# net with hidden layers learns.
#
# ## References
#
# - O. Abdel-Hamid, A. Mohamed, H. Jiang, G. Penn. Applying convolutional neural networks concepts to hybrid NN-HMM
#   model for speech recognition. *ICASSP* 2012.
# - D. Bahdanau, K. Cho, Y. Bengio. [Neural machine translation by jointly learning to align and
#   translate](https://arxiv.org/abs/1409.0473). *ICLR* 2015 (arXiv 2014).
# - D. Cireşan, U. Meier, J. Masci, J. Schmidhuber. A committee of neural networks for traffic sign classification.
#   *IJCNN* 2011.
# - J. Deng, W. Dong, R. Socher, L.-J. Li, K. Li, L. Fei-Fei. ImageNet: a large-scale hierarchical image database.
#   *CVPR* 2009.
# - K. Fukushima. Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition
#   unaffected by shift in position. *Biological Cybernetics* 36, 1980.
# - R. Girshick, J. Donahue, T. Darrell, J. Malik. [Rich feature hierarchies for accurate object detection and semantic
#   segmentation](https://arxiv.org/abs/1311.2524). *CVPR* 2014 (arXiv 2013).
# - A. Graves, N. Jaitly. Towards end-to-end speech recognition with recurrent neural networks. *ICML* 2014.
# - A. Hannun and others. [Deep Speech: scaling up end-to-end speech recognition](https://arxiv.org/abs/1412.5567).
#   arXiv 2014.
# - K. He, X. Zhang, S. Ren, J. Sun. [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385).
#   *CVPR* 2016 (arXiv 2015).
# - G. Hinton, S. Osindero, Y.-W. Teh. A fast learning algorithm for deep belief nets. *Neural Computation* 18, 2006.
# - S. Hochreiter. Untersuchungen zu dynamischen neuronalen Netzen. Diploma thesis, TU München, 1991.
# - S. Hochreiter, J. Schmidhuber. Long short-term memory. *Neural Computation* 9, 1997.
# - A. G. Ivakhnenko, V. G. Lapa. *Cybernetic Predicting Devices*. Kiev 1965 (in Russian); CCM Information
#   Corporation.
# - A. G. Ivakhnenko. Polynomial theory of complex systems. *IEEE Transactions on Systems, Man, and Cybernetics* 1,
#   1971.
# - A. Karpathy. [What I learned from competing against a ConvNet on
#   ImageNet](https://karpathy.github.io/2014/09/02/what-i-learned-from-competing-against-a-convnet-on-imagenet/).
#   2014.
# - A. Krizhevsky, I. Sutskever, G. Hinton. ImageNet classification with deep convolutional neural networks. *NIPS*
#   2012.
# - Y. LeCun and others. Backpropagation applied to handwritten zip code recognition. *Neural Computation* 1, 1989.
# - J. McCarthy, M. Minsky, N. Rochester, C. Shannon. [A proposal for the Dartmouth summer research project on
#   artificial intelligence](https://doi.org/10.1609/aimag.v27i4.1904), 31 August 1955. *AI Magazine* 27(4), 2006.
# - J. McCarthy. [What is artificial intelligence?](http://jmc.stanford.edu/artificial-intelligence/) Stanford,
#   revised 12 November 2007.
# - W. McCune. Solution of the Robbins problem. *Journal of Automated Reasoning* 19, 1997.
# - W. McCulloch, W. Pitts. A logical calculus of the ideas immanent in nervous activity. *Bulletin of Mathematical
#   Biophysics* 5, 1943.
# - Q. McNemar. Note on the sampling error of the difference between correlated proportions or percentages.
#   *Psychometrika* 12, 1947.
# - M. Minsky, S. Papert. *Perceptrons: An Introduction to Computational Geometry*. MIT Press, 1969.
# - A. Mohamed, G. Dahl, G. Hinton. Deep belief networks for phone recognition. *NIPS* workshop on deep learning for
#   speech recognition and related applications, 2009.
# - New Navy device learns by doing. *The New York Times*, 8 July 1958.
# - A. Novikoff. On convergence proofs on perceptrons. *Symposium on the Mathematical Theory of Automata*, Brooklyn,
#   1962.
# - F. Rosenblatt. The perceptron: a probabilistic model for information storage and organization in the brain.
#   *Psychological Review* 65, 1958.
# - F. Rosenblatt. *Principles of Neurodynamics*. Spartan Books, 1962.
# - O. Russakovsky and others. [ImageNet large scale visual recognition challenge](https://arxiv.org/abs/1409.0575).
#   *International Journal of Computer Vision* 115, 2015.
# - F. Seide, G. Li, D. Yu. Conversational speech transcription using context-dependent deep neural networks.
#   *Interspeech* 2011.
# - D. Silver and others. [Mastering the game of Go with deep neural networks and tree
#   search](https://doi.org/10.1038/nature16961). *Nature* 529, 484–489, 2016.
# - H. A. Simon, A. Newell. Heuristic problem solving: the next advance in operations research. *Operations Research*
#   6, 1958.
# - H. A. Simon. *The Shape of Automation for Men and Management*. Harper and Row, 1965.
# - I. Sutskever, O. Vinyals, Q. Le. [Sequence to sequence learning with neural
#   networks](https://arxiv.org/abs/1409.3215). *NIPS* 2014.
# - C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich. [Going
#   deeper with convolutions](https://arxiv.org/abs/1409.4842). *CVPR* 2015 (arXiv 2014).
# - Y. Taigman, M. Yang, M. Ranzato, L. Wolf. DeepFace: closing the gap to human-level performance in face
#   verification. *CVPR* 2014.
# - A. Waibel. Phoneme recognition using time-delay neural networks. Meeting of IEICE, Tokyo, 1987.
# - A. Waibel, T. Hanazawa, G. Hinton, K. Shikano, K. Lang. Phoneme recognition using time-delay neural networks.
#   *IEEE Transactions on Acoustics, Speech, and Signal Processing* 37, 1989.
