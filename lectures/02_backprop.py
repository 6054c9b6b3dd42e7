# %% [markdown] slide="slide"
# # 02 · Backpropagation: how a net knows which weight to change
#
# **Question.** A net has given a wrong answer. Which of its million weights must change, in which direction and by how
# much, and what does it cost to find that out?
#
# - **You need** Python with NumPy, the product of a matrix and a vector, and the derivative of a function of one
#   variable.
# - **You get** the derivative of a loss with respect to every weight of a net: by hand, checked by small nudges, and by
#   *reverse mode*, the algorithm inside PyTorch.
# - **Time**: 75 minutes to read and try; less than a minute to run on two CPU cores, without a network.
# - **Slides**: F "Getting started: gradient descent", and the first slide of "Practical deep learning"; K "How it
#   learns"; G 12, 13.
#
# The decks: **F** = a French introduction (2017), **K** = Kuzovkin (Tartu 2016), **G** = Grisel (Neurospin 2017),
# **V** = Lidy and Schlüter (Vienna 2016), **N** = Neverova (Lyon 2015). Every number that they print for this topic
# is computed again below. Where they err, an **Erratum** box says so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import functools
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_utils import data
from course_utils.plotting import COLORS, use_style
from course_utils.widgets import explore

use_style()
BLUE, ORANGE, GREEN, PURPLE, GREY = (COLORS[name] for name in ("blue", "vermillion", "green", "purple", "grey"))
torch.set_num_threads(1)  # the nets are small: starting threads would take longer than the arithmetic
ledger = []  # (deck, what it says, what we compute), printed at the end


def compare(what, printed, computed, agrees=True):
    """Print a deck's number beside ours, rounded to as many decimals; stop if they do not compare as stated."""
    decimals = len(printed.partition(".")[2])
    ours = f"{computed:.{decimals}f}"
    print(f"{what:<36} printed {printed:>12}   computed {ours:>12}   {'equal' if ours == printed else 'DIFFERENT'}")
    assert (ours == printed) == agrees


# %% slide="skip"
def draw_net(places, texts, edges, title, below=None, ax=None, radius=21):
    """Draw circles and arrows.

    places: name -> (x, y); texts: name -> text in the circle; below: name -> text in orange below the circle.
    edges: (from, to, label, position of the label from 0 to 1); a second line of the label is orange.
    radius: of a circle, in points.
    """
    white = dict(facecolor="white", edgecolor="none", pad=1)
    ax = ax or plt.subplots(figsize=(9.5, 4.2))[1]
    for start, end, label, along in edges:
        (x0, y0), (x1, y1) = places[start], places[end]
        arrow = dict(arrowstyle="-|>", color=GREY, lw=1.5, shrinkA=radius, shrinkB=radius)
        ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        middle, (first, _, second) = (x0 + along * (x1 - x0), y0 + along * (y1 - y0)), label.partition("\n")
        ax.text(*middle, first, ha="center", va="bottom" if second else "center", fontsize=13, bbox=white)
        if second:
            ax.text(*middle, second, ha="center", va="top", fontsize=13, color=ORANGE, bbox=white)
    for name, (x, y) in places.items():
        ax.scatter(x, y, s=(2 * radius) ** 2, facecolor="white", edgecolor=BLUE, linewidth=2, zorder=3)
        ax.text(x, y, texts[name], ha="center", va="center", fontsize=12, zorder=4)
        if below and below.get(name):
            ax.annotate(below[name], (x, y), (0, -radius - 4), textcoords="offset points", ha="center", va="top",
                        fontsize=13, color=ORANGE, bbox=white, zorder=4)
    xs, ys = zip(*places.values(), strict=True)
    ax.set(xlim=(min(xs) - 0.5, max(xs) + 0.5), ylim=(min(ys) - 0.6, max(ys) + 0.5), title=title)
    ax.axis("off")
    return ax


# %% [markdown] slide="slide"
# ## 1. The question
#
# A neural net turns numbers into numbers. It multiplies its inputs with **weights**, adds, bends the sum a little, and
# does so again. If the result is wrong, some of the weights must change. *Which ones, in which direction, and by how
# much?*
#
# The smallest example is one **neuron** with three inputs, as deck F draws it. (Its ancestors, which answer 0 or 1
# and nothing in between, are the subject of module 01, sections 1 and 2.) It computes
#
# $$\hat y = f(a_1 x_1 + a_2 x_2 + a_3 x_3), \qquad f(z) = \frac{1}{1 + e^{-z}}.$$
#
# $x_1, x_2, x_3$ are the inputs and $a_1, a_2, a_3$ the weights. $f$ is the **sigmoid**: it squeezes any number into
# the interval from 0 to 1, so that $\hat y$ can be read as a probability: how sure the neuron is that the answer is
# "yes". (Its usual letter is $\sigma$.) This model is called **logistic regression**.
#
# (Most neurons also have a **bias**, a number $b$ added to the sum. Deck F leaves it out; without one, the input
# $x = 0$ gets $\hat y = \tfrac12$ whatever the weights are.)

# %% slide="fragment"
places = {"x1": (0, 2), "x2": (0, 1), "x3": (0, 0), "out": (2, 1), "y": (3, 1)}
texts = {"x1": "$x_1$", "x2": "$x_2$", "x3": "$x_3$", "out": "$\\Sigma,\\ f$", "y": "$\\hat y$"}
draw_net(places, texts, [(f"x{k}", "out", f"$a_{k}$", 0.5) for k in (1, 2, 3)] + [("out", "y", "", 0.5)],
         "One neuron: a weighted sum, then the sigmoid")
plt.show()

# %% [markdown] slide="subslide"
# To say how wrong $\hat y$ is, we need one number, the **loss**. Let $y$ be the right answer, 1 for "yes" and 0 for
# "no". Deck F uses the **cross-entropy**
#
# $$L = -y \log \hat y - (1 - y) \log(1 - \hat y).$$
#
# ($\log$ is the natural logarithm.) One of the two terms is always zero. For $y = 1$ the loss is $-\log \hat y$:
# nothing if the neuron says 1, and without bound as it goes to 0.
#
# Now the plainest method there is: nudge one weight, look at what the loss does, and put the weight back.

# %% slide="fragment"
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def predict(a, x):
    """Output of the neuron. a: weights (3,), x: inputs (3,)."""
    return sigmoid(a @ x)


def cross_entropy(y_hat, y):
    return -y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)


x = np.array([0.5, -1.0, 2.0])
a = np.array([0.1, 0.4, -0.3])
y = 1.0
loss = cross_entropy(predict(a, x), y)
print(f"the neuron says {predict(a, x):.4f}, the right answer is {y:.0f}, the loss is {loss:.4f}\n")

nudge = 0.01
for k in range(3):
    nudged = a.copy()
    nudged[k] += nudge
    change = cross_entropy(predict(nudged, x), y) - loss
    print(f"raise a{k + 1} by {nudge}: the loss changes by {change:+.5f}, that is {change / nudge:+.3f} per unit")

# %% [markdown] slide="fragment"
# That answers the question. Raise $a_1$ and $a_3$, lower $a_2$, and move $a_3$ most, because the loss reacts to it
# most.
#
# The number in the last column approaches a derivative as the nudge gets smaller, $\partial L / \partial a_k$. All of
# them together are the **gradient**. The nudging costs one run of the net for each weight. For three weights that is
# nothing; for a million weights it is a million runs for one small improvement. **Backpropagation gets all of the
# derivatives, exactly, for about the price of three runs.** The rest of this lecture builds it and checks that claim.

# %% [markdown] slide="slide"
# ## 2. One neuron: the derivative by hand
#
# The loss depends on $a_3$ through a chain: $a_3$ moves the sum $z$, $z$ moves $\hat y$, and $\hat y$ moves $L$. The
# **chain rule** multiplies the links. Deck F asks for them one at a time (in French). "If $\hat y$ varies by a tiny
# amount, how much does $L$ vary?"
#
# $$\frac{dL}{d\hat y} = -\frac{y}{\hat y} + \frac{1-y}{1-\hat y}$$
#
# "If $a_3$ varies by a tiny amount, how much does $\hat y$ vary?" The sigmoid has the handy property
# $f'(z) = \dfrac{e^{-z}}{(1 + e^{-z})^2} = f(z)\,(1-f(z))$, so
#
# $$\frac{d\hat y}{da_3} = x_3 \, \hat y \, (1 - \hat y).$$
#
# And together:
#
# $$\frac{dL}{da_3} = \frac{dL}{d\hat y} \cdot \frac{d\hat y}{da_3} = (\hat y - y)\, x_3.$$
#
# Almost everything cancels. The derivative is *how wrong the neuron is* times *how strong the input was*.
#
# A derivation on paper needs a check that does not use the same paper. A derivative is the slope of a curve, and a
# **central difference** measures a slope by stepping a small $h$ to both sides:
#
# $$\frac{dg}{dt} \approx \frac{g(t + h) - g(t - h)}{2h}.$$
#
# Section 8 says how large $h$ should be. Until then it is $10^{-5}$. The slope along *one* of several weights is a
# slope of one variable, too: let $t$ run along that axis and keep the others where they are.

# %% slide="fragment"
def slope(g, t, h=1e-5):
    """Slope of g at t, by a central difference. g: number -> number."""
    return (g(t + h) - g(t - h)) / (2 * h)


def slopes_along_axes(g, at):
    """Slope of g along each axis. g: vector (n,) -> number. at: (n,). Returns (n,)."""
    return np.array([slope(lambda t, axis=axis: g(at + t * axis), 0.0) for axis in np.eye(len(at))])


for y in (0.0, 1.0):
    by_hand = (predict(a, x) - y) * x
    measured = slopes_along_axes(lambda a, y=y: cross_entropy(predict(a, x), y), a)
    print(f"y = {y:.0f}   by hand {by_hand}   measured {measured}")
    assert np.allclose(by_hand, measured, rtol=1e-7)

# %% [markdown] slide="subslide"
# > **Erratum E1.** Deck F prints $dL/d\hat y = -y/\hat y \mathbin{\mathbf{-}} (1-y)/(1-\hat y)$. The second sign is
# > wrong. It must be $-y/\hat y \mathbin{\mathbf{+}} (1-y)/(1-\hat y)$: the inner derivative of $\log(1-\hat y)$ is
# > $-1$ and turns the sign round. Seen without algebra: for $y = 0$ the loss *rises* with $\hat y$, so its derivative
# > must be positive.

# %% slide="fragment"
def deck_dL_dyhat(y_hat, y):
    return -y / y_hat - (1 - y) / (1 - y_hat)


def dL_dyhat(y_hat, y):
    return -y / y_hat + (1 - y) / (1 - y_hat)


for y in (0.0, 1.0):
    for y_hat in (0.1, 0.5, 0.9):
        measured = slope(lambda p, y=y: cross_entropy(p, y), y_hat)
        print(f"y = {y:.0f}  ŷ = {y_hat}   measured {measured:+8.4f}   corrected {dL_dyhat(y_hat, y):+8.4f}   "
              f"deck F {deck_dL_dyhat(y_hat, y):+8.4f}")
        assert np.isclose(measured, dL_dyhat(y_hat, y), rtol=1e-6)
        deck_is_right = np.isclose(measured, deck_dL_dyhat(y_hat, y), rtol=1e-6)
        assert deck_is_right == (y == 1.0)

# %% slide="fragment"
y_hat = np.linspace(0.03, 0.97, 200)
fig, axes = plt.subplots(1, 2, figsize=(11, 4.2))
for y, color in ((0.0, BLUE), (1.0, ORANGE)):
    axes[0].plot(y_hat, cross_entropy(y_hat, y), color=color, label=f"$y = {y:.0f}$")
    axes[1].plot(y_hat, dL_dyhat(y_hat, y), color=color, label=f"$y = {y:.0f}$")
axes[1].plot(y_hat, deck_dL_dyhat(y_hat, 0.0), color=BLUE, linestyle="--", label="$y = 0$, as deck F prints it")
axes[0].set(title="Cross-entropy of one answer", xlabel=r"output $\hat y$", ylabel="loss $L$")
axes[1].set(title="Its derivative", xlabel=r"output $\hat y$", ylabel=r"$dL/d\hat y$", ylim=(-20, 20))
for ax in axes:
    ax.legend()
plt.show()

# %% [markdown] slide="subslide"
# > **Erratum E2.** Deck F prints $d\hat y/da_3 = \mathbf{-}x_3\,\hat y\,(1-\hat y)$. There is no minus. A larger weight
# > on a positive input raises the sum, and the sigmoid rises with its argument.
# >
# > Put both slips together. For $y = 0$ two wrong signs cancel and the product is right. For $y = 1$ only the second
# > slip acts, and the gradient points the wrong way: whoever follows deck F learns the "no" examples and unlearns the
# > "yes" examples.

# %% slide="fragment"
def deck_dyhat_da(y_hat, x):
    return -x * y_hat * (1 - y_hat)


y_hat = predict(a, x)
measured = slopes_along_axes(lambda a: predict(a, x), a)[2]
corrected, deck = x[2] * y_hat * (1 - y_hat), deck_dyhat_da(y_hat, x)[2]
print(f"dŷ/da3   measured {measured:+.6f}   corrected {corrected:+.6f}   deck F {deck:+.6f}")
assert np.isclose(measured, corrected) and np.isclose(measured, -deck)
ledger.append(("F", "dŷ/da3 = -x3 ŷ (1 - ŷ)", f"+x3 ŷ (1 - ŷ): {corrected:+.4f}, measured {measured:+.4f} (E2)"))

for y in (0.0, 1.0):
    correct = (y_hat - y) * x
    deck = deck_dL_dyhat(y_hat, y) * deck_dyhat_da(y_hat, x)
    print(f"y = {y:.0f}    correct gradient {correct}   deck F's gradient {deck}")
    assert np.allclose(deck, correct if y == 0 else -correct)
ledger.append(("F", "dL/dŷ = -y/ŷ - (1-y)/(1-ŷ)", "the second sign is +; with E2, y = 1 turns the gradient (E1)"))

# %% slide="fragment"
def losses_while_learning(gradient, y, lr=0.1, steps=30):
    """Losses of the neuron while its weights follow `gradient` downhill. Returns a list of steps + 1 numbers."""
    weights, losses = a.copy(), []
    for _ in range(steps + 1):
        y_hat = predict(weights, x)
        losses.append(cross_entropy(y_hat, y))
        weights = weights - lr * gradient(y_hat, y)
    return losses


rules = {"correct": lambda y_hat, y: (y_hat - y) * x,
         "deck F": lambda y_hat, y: deck_dL_dyhat(y_hat, y) * deck_dyhat_da(y_hat, x)}
fig, axes = plt.subplots(1, 2, figsize=(11, 4))
for ax, y in zip(axes, (0.0, 1.0), strict=True):
    for (name, rule), style in zip(rules.items(), ("-", "--"), strict=True):
        ax.plot(losses_while_learning(rule, y), style, color=BLUE if style == "-" else ORANGE, label=name)
    ax.set(title=f"One example with $y = {y:.0f}$", xlabel="step", ylabel="loss $L$", ylim=0)
    ax.legend()
plt.show()
assert losses_while_learning(rules["deck F"], 1.0)[-1] > losses_while_learning(rules["deck F"], 1.0)[0]

# %% [markdown] slide="subslide"
# > **Erratum E3.** Deck F then composes the two as
# > $\dfrac{dL}{da_3} = \dfrac{da_3}{d\hat y} \cdot \dfrac{d\hat y}{dL}$. Both fractions are upside down. The product as
# > printed is $da_3/dL$, the *reciprocal* of what is wanted: where the loss barely reacts to a weight, it says that the
# > weight matters enormously. Correct is $\dfrac{dL}{d\hat y} \cdot \dfrac{d\hat y}{da_3}$, each link as effect over
# > cause.

# %% slide="fragment"
y = 1.0
dL_dy, dy_da3 = dL_dyhat(y_hat, y), x[2] * y_hat * (1 - y_hat)
as_printed = (1 / dy_da3) * (1 / dL_dy)
measured = slopes_along_axes(lambda a: cross_entropy(predict(a, x), y), a)[2]
print(f"measured dL/da3    {measured:+.6f}")
print(f"dL/dŷ · dŷ/da3     {dL_dy * dy_da3:+.6f}")
print(f"da3/dŷ · dŷ/dL     {as_printed:+.6f}, and 1 / (dL/da3) is {1 / measured:+.6f}")
assert np.isclose(dL_dy * dy_da3, measured) and np.isclose(as_printed, 1 / measured)
ledger.append(("F", "dL/da3 = da3/dŷ · dŷ/dL", f"{as_printed:+.3f} as printed, 1 over {measured:+.3f} (E3)"))

# %% [markdown] slide="slide"
# ## 3. Walking downhill
#
# The derivative says which way is up, so step the other way. Deck F: "If $a_3 \nearrow$, our loss function $\searrow$.
# Let's INCREASE $a_3$!" Deck V calls it a "simple gradient-based rule". For every weight:
#
# $$a \leftarrow a - \eta \, \frac{dL}{da}.$$
#
# This is **gradient descent**. $\eta$ (eta) is the **learning rate**: how far to step for a given slope. It is the
# first number that someone who trains a net has to choose, and one dimension is enough to see what it does.
#
# Take the bowl $L(a) = \tfrac12 a^2$ with slope $a$. One step turns $a$ into $a - \eta a = (1 - \eta)\,a$. So each step
# multiplies the distance from the bottom by $1 - \eta$, and everything follows from this factor:
#
# - $0 < \eta < 1$: it creeps down from one side;
# - $\eta = 1$: it is there in one step;
# - $1 < \eta < 2$: it jumps across the valley each time and still gets closer;
# - $\eta = 2$: it jumps to and fro for ever;
# - $\eta > 2$: every jump is longer than the last. It **diverges**.
#
# A bowl $\tfrac12 c\,a^2$ that is $c$ times as steep diverges from $\eta = 2/c$ on: the steepest direction of a loss
# sets the limit. (Module 03, section 5, says what that costs in the flat directions, and section 6 what is done about
# it.)

# %% slide="subslide"
def bowl(a):
    """Loss and slope."""
    return a**2 / 2, a


def two_valleys(a):
    """Loss and slope of a curve with a shallow valley near a = 0.95 and a deeper one near a = -1.05."""
    return a**4 / 4 - a**2 / 2 + a / 10, a**3 - a + 0.1


CURVES = {"bowl": bowl, "two valleys": two_valleys}


def descend(curve, start, lr, steps):
    """Positions of gradient descent, at most steps + 1 of them; it stops where it is 1,000 away from 0."""
    path = [start]
    while len(path) <= steps and abs(path[-1]) < 1000:
        path.append(path[-1] - lr * curve(path[-1])[1])
    return np.array(path)


def plot_descent(lr=0.1, start=-1.8, curve="bowl", steps=20):
    """Left: the walk on the curve. Right: how far its loss still is above the lowest point of the curve."""
    function = CURVES[curve]
    path = descend(function, start, lr, steps)
    grid = np.linspace(-2.2, 2.2, 400)
    lowest = function(grid)[0].min()
    heights = function(path)[0]
    places = dict(left=0.07, right=0.99, top=0.9, bottom=0.17, wspace=0.27)  # by hand: quicker to draw
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="none", gridspec_kw=places)
    left.plot(grid, function(grid)[0], color=GREY)
    left.plot(path, heights, "o-", color=ORANGE, lw=1.2, markersize=6)
    left.plot(path[0], heights[0], "o", color=BLUE, markersize=11)
    side, align = (-20, "right") if start > 1 else (20, "left")  # inside the axes
    left.annotate("start", (path[0], heights[0]), (side, -18), textcoords="offset points", ha=align, va="center",
                  color=BLUE, bbox=dict(facecolor="white", edgecolor="none", pad=1))
    left.set(xlim=(-2.2, 2.2), ylim=(lowest - 0.4, function(grid)[0].max()), xlabel="weight $a$", ylabel="loss $L$",
             title=f"{curve}, learning rate {lr:g}")
    right.semilogy(np.maximum(heights - lowest, 1e-6), "o-", color=ORANGE, lw=1.2, markersize=6)
    taken = len(path) - 1
    right.set(title=f"after {taken} step{'s' * (taken > 1)}: a = {path[-1]:.4g}", xlabel="step",
              ylabel="loss above minimum", ylim=(3e-7, 1e4))
    right.xaxis.get_major_locator().set_params(integer=True)
    print(f"{taken} step{'s' * (taken > 1)} with learning rate {lr:g}: from a = {start:.4g} to {path[-1]:.4g}. The "
          f"loss above the minimum goes from {heights[0] - lowest:.3g} to {heights[-1] - lowest:.3g}.")


plot_descent(lr=1.9)
plot_descent(lr=2.1)

# %% [markdown] slide="subslide"
# **Explorer 1.** Move the learning rate through 1 and through 2. Then take the curve with two valleys: the same rule,
# started on the right, ends in the shallow one and never learns that there is a deeper one. Can a larger learning rate
# get it out? (Where there are no sliders, as in Colab, call `plot_descent` with other numbers.)

# %% slide="fragment"
explore(plot_descent, labels={"lr": "learning rate"},
        lr=(0.01, 2.5, 0.01), start=(-2.0, 2.0, 0.1), curve=list(CURVES), steps=(1, 60, 1))

# %% slide="fragment"
for lr in (0.1, 0.8):
    path = descend(two_valleys, 1.6, lr, steps=60)
    print(f"two valleys, start 1.6, learning rate {lr}: first step to {path[1]:+.3f}, after 60 steps {path[-1]:+.4f}")
    assert (path[-1] < 0) == (lr == 0.8)  # the long first step jumps over the hill

# %% slide="subslide"
rates = np.linspace(0.02, 2.4, 120)
left_over = np.array([abs(descend(bowl, 1.0, lr, steps=30)[-1]) for lr in rates])
predicted = abs(1 - rates) ** 30
stayed = left_over < 1000  # beyond, descend() has stopped early
assert np.allclose(left_over[stayed], predicted[stayed])
assert (left_over[rates > 2] > 1).all() and (left_over[rates < 1.99] < 1).all()

fig, ax = plt.subplots(figsize=(9.5, 4.2))
ax.semilogy(rates, predicted, color=GREY, label=r"theory: $|1-\eta|^{30}$")
ax.semilogy(rates[stayed], left_over[stayed], "o", color=ORANGE, markersize=5, label="measured")
ax.axvspan(2, 2.4, color=PURPLE, alpha=0.25, label="diverges")
ax.set(title=r"Bowl $L = a^2/2$: what is left of the distance after 30 steps", xlabel=r"learning rate $\eta$",
       ylabel=r"$|a_{30}| \, / \, |a_0|$", ylim=(1e-20, 1e6))
ax.legend(loc="lower right")
plt.show()

# %% [markdown] slide="slide"
# ## 4. Two paths add up
#
# "Deep learning is a biiiiiig logistic regression!" says deck F, and stacks neurons: the output of one is the input of
# the next. Neurons between the input and the output are called **hidden**. In the deck's picture, $a_1$ is a weight of
# the hidden neuron $M_1$, and $M_1$ feeds *two* neurons, $N_1$ and $N_2$, both of which feed $\hat y$. How does $a_1$
# reach the loss?

# %% slide="fragment"
places = {"x1": (0, 1), "M1": (1, 1), "N1": (2, 1.8), "N2": (2, 0.2), "out": (3, 1), "L": (4, 1)}
texts = {"x1": "$x_1$", "M1": "$M_1$", "N1": "$N_1$", "N2": "$N_2$", "out": r"$\hat y$", "L": "$L$"}
draw_net(places, texts, [("x1", "M1", "$a_1$", 0.5), ("M1", "N1", "$b_1$", 0.5), ("M1", "N2", "$b_2$", 0.5),
                         ("N1", "out", "$c_1$", 0.5), ("N2", "out", "$c_2$", 0.5), ("out", "L", "", 0.5)],
         "Two paths lead from $a_1$ to the loss")
plt.show()

# %% [markdown] slide="subslide"
# Along each path the links multiply, as before. Where paths meet, their effects **add**. This is deck F's formula, and
# it is right:
#
# $$
# \frac{dL}{da_1} = \frac{dL}{d\hat y} \cdot
# \left( \frac{d\hat y}{dN_1} \frac{dN_1}{dM_1} + \frac{d\hat y}{dN_2} \frac{dN_2}{dM_1} \right) \cdot \frac{dM_1}{da_1}
# $$
#
# Below, every factor is computed by hand. Two referees check the product: the central difference, and PyTorch. A
# PyTorch **tensor** is an array; one made with `requires_grad=True` has its calculations written down, and
# `loss.backward()` then fills in `.grad`, the derivative of the loss with respect to it. This is called **automatic
# differentiation**, in PyTorch *autograd*, and section 7 opens it up. For now it is a referee.

# %% slide="fragment"
x1, y = 1.5, 1.0
weights = np.array([0.8, 1.2, -0.7, 0.9, 1.4])  # a1, b1, b2, c1, c2


def two_path_loss(weights):
    a1, b1, b2, c1, c2 = weights
    M1 = sigmoid(a1 * x1)
    N1, N2 = sigmoid(b1 * M1), sigmoid(b2 * M1)
    return cross_entropy(sigmoid(c1 * N1 + c2 * N2), y)


a1, b1, b2, c1, c2 = weights
M1 = sigmoid(a1 * x1)
N1, N2 = sigmoid(b1 * M1), sigmoid(b2 * M1)
out = sigmoid(c1 * N1 + c2 * N2)

dL_dout = -y / out + (1 - y) / (1 - out)
dout_dN1, dout_dN2 = c1 * out * (1 - out), c2 * out * (1 - out)
dN1_dM1, dN2_dM1 = b1 * N1 * (1 - N1), b2 * N2 * (1 - N2)
dM1_da1 = x1 * M1 * (1 - M1)
upper, lower = (dL_dout * dout_dN1 * dN1_dM1 * dM1_da1, dL_dout * dout_dN2 * dN2_dM1 * dM1_da1)

measured = slopes_along_axes(two_path_loss, weights)[0]
t_two_paths = t = torch.tensor(weights, requires_grad=True)
M1_t = torch.sigmoid(t[0] * x1)
out_t = torch.sigmoid(t[3] * torch.sigmoid(t[1] * M1_t) + t[4] * torch.sigmoid(t[2] * M1_t))
(-torch.log(out_t)).backward()  # the loss for y = 1

total = upper + lower
print(f"upper path, through N1   {upper:+.9f}, that is {upper / total:+.1f} times the sum")
print(f"lower path, through N2   {lower:+.9f}, that is {lower / total:+.1f} times the sum")
print(f"their sum                {total:+.9f}")
print(f"central difference       {measured:+.9f}")
print(f"PyTorch                  {t.grad[0].item():+.9f}")
assert np.isclose(total, t.grad[0].item(), rtol=1e-10) and np.isclose(total, measured, rtol=1e-6)

# %% [markdown] slide="subslide"
# Here the two paths pull in opposite directions and nearly cancel: either of them alone would be about 27 times too
# large. None may be forgotten. But how many are there? With $n$ neurons in each of $d$ hidden layers, a weight of the
# first layer has $n^{d-1}$ paths to one output, because each layer offers a choice of $n$ neurons. The *links* between
# those neurons are far fewer, about $(d-1)\,n^2$.

# %% slide="fragment"
n = 10
print(f"{'hidden layers':>13} {'paths from one weight':>24} {'links':>8}")
for d in (1, 2, 3, 5, 10, 20):
    reachable = np.eye(n, dtype=object)[0]  # one path so far, at the first neuron of the first hidden layer
    for _ in range(d - 1):
        reachable = np.ones((n, n), dtype=object) @ reachable  # paths into a neuron: the sum over those that feed it
    paths, links = reachable.sum(), (d - 1) * n * n + n
    assert paths == n ** (d - 1)
    print(f"{d:>13} {paths:>24,} {links:>8,}")

# %% [markdown] slide="fragment"
# Following the paths one at a time is hopeless. But look at how the cell *counts* them: layer by layer, each neuron
# summing over its neighbours, so that every link is used once. Derivatives can be summed in the same way. Write the
# formula with the common factors taken out, from the loss backwards, and each link is used once. **That is
# backpropagation**: the chain rule, in an order in which nothing is computed twice.

# %% [markdown] slide="slide"
# ## 5. A whole net with numbers: deck K's example
#
# Deck K works through a net with two inputs, two hidden neurons and two outputs, taken from Matt Mazur's page *A Step
# by Step Backpropagation Example* (2015). "Given inputs 0.05 and 0.10, we want the neural network to output 0.01 and
# 0.99." All neurons are sigmoids, with one bias for the hidden layer (0.35) and one for the outputs (0.60). The loss
# here is not the cross-entropy but half the **squared error**,
#
# $$E = \tfrac12 (t_1 - o_1)^2 + \tfrac12 (t_2 - o_2)^2,$$
#
# with targets $t$ and outputs $o$. To compute the outputs and the error from the inputs is called the **forward pass**;
# to go back for the derivatives, the **backward pass**. The weights into a layer form a matrix, one row for each
# neuron: `W1[j, i]` leads from input `i` to hidden neuron `j`.

# %% slide="fragment"
INPUTS, TARGETS = np.array([0.05, 0.10]), np.array([0.01, 0.99])
START = {
    "W1": np.array([[0.15, 0.20], [0.25, 0.30]]),  # w1 w2 into h1, w3 w4 into h2
    "b1": np.array([0.35, 0.35]),
    "W2": np.array([[0.40, 0.45], [0.50, 0.55]]),  # w5 w6 into o1, w7 w8 into o2
    "b2": np.array([0.60, 0.60]),
}


def forward(net):
    """Hidden values (2,), outputs (2,), error."""
    h = sigmoid(net["W1"] @ INPUTS + net["b1"])
    o = sigmoid(net["W2"] @ h + net["b2"])
    return h, o, 0.5 * ((TARGETS - o) ** 2).sum()


h, o, error = forward(START)
print(f"h1 = {h[0]:.9f}   h2 = {h[1]:.9f}   o1 = {o[0]:.9f}   o2 = {o[1]:.9f}\n")
compare("o1", "0.751", o[0])
compare("o2", "0.773", o[1])
compare("error at the start", "0.298371109", error)
compare("h2", "0.596", h[1], agrees=False)
ledger.append(("K", "h2 = 0.596", f"{h[1]:.5f} (E29)"))
ledger.append(("K", "error at the start 0.298371109", f"{error:.9f}"))

# %% [markdown] slide="fragment"
# > **Erratum E29.** Deck K prints $h_2 = 0.596$. It is $0.59688\ldots$, which rounds to $0.597$. The digits were cut
# > off, whereas $o_1$ and $o_2$ on the same slide are rounded. The last line above is the proof.

# %% [markdown] slide="subslide"
# ### Backwards
#
# Give each neuron one number, $\delta$ (delta): the derivative of the error with respect to the sum that the neuron
# squeezes. For an output, that is two links, squared error and sigmoid:
#
# $$\delta_{o_k} = (o_k - t_k)\; o_k (1 - o_k).$$
#
# A weight multiplies the value that comes in, so its derivative is *delta of the neuron it enters* times *value it
# carries*:
#
# $$
# \frac{\partial E}{\partial w_5} = \delta_{o_1} h_1, \qquad
# \text{for all four: } \frac{\partial E}{\partial W_2} = \delta_o\, h^\top.
# $$
#
# A hidden neuron reaches the error along two paths, one through each output. As in section 4 they add up:
#
# $$
# \delta_{h_1} = (\delta_{o_1} w_5 + \delta_{o_2} w_7)\; h_1 (1 - h_1), \qquad
# \text{for both: } \delta_h = (W_2^\top \delta_o) \odot h \odot (1 - h),
# $$
#
# where $\odot$ multiplies entry by entry. The transposed matrix is the same wiring walked backwards. Then
# $\partial E / \partial W_1 = \delta_h\, x^\top$, and had there been more layers, the same step would simply
# repeat. (Each time with another factor $h\,(1-h)$, which is at most ¼: module 03, section 4, shows what becomes of
# the gradient after twenty layers.)
#
# The cell below does it weight by weight, as the deck does. In the lab you write it with matrices, for layers of any
# size.

# %% slide="fragment"
def backward(net, back_through=None):
    """Derivative of the error with respect to each entry of the net, by backpropagation.

    back_through: output weights (2, 2) on which the deltas go back, instead of the net's own (for Erratum E4 below).
    """
    (i1, i2), ((h1, h2), (o1, o2), _) = INPUTS, forward(net)
    (w5, w6), (w7, w8) = net["W2"] if back_through is None else back_through
    delta_o1 = (o1 - TARGETS[0]) * o1 * (1 - o1)
    delta_o2 = (o2 - TARGETS[1]) * o2 * (1 - o2)
    delta_h1 = (delta_o1 * w5 + delta_o2 * w7) * h1 * (1 - h1)  # two paths, one through each output
    delta_h2 = (delta_o1 * w6 + delta_o2 * w8) * h2 * (1 - h2)
    return {
        "W1": np.array([[delta_h1 * i1, delta_h1 * i2], [delta_h2 * i1, delta_h2 * i2]]),
        "b1": np.array([delta_h1, delta_h2]),
        "W2": np.array([[delta_o1 * h1, delta_o1 * h2], [delta_o2 * h1, delta_o2 * h2]]),
        "b2": np.array([delta_o1, delta_o2]),
    }


def measured_slopes(name):
    """The same for one array of the starting net, by central differences, as a vector."""
    shape = START[name].shape
    return slopes_along_axes(lambda v: forward({**START, name: v.reshape(shape)})[2], START[name].ravel())


by_hand = backward(START)
for name in START:
    measured = measured_slopes(name)
    print(f"dE/d{name}  by hand {by_hand[name].ravel()}   measured {measured}")
    assert np.allclose(by_hand[name].ravel(), measured, rtol=1e-6)

# %% [markdown] slide="subslide"
# ### One step
#
# The example takes the learning rate 0.5 and leaves the biases as they are. All derivatives are computed first, and
# then all weights are changed:

# %% slide="fragment"
LR = 0.5


def step(net):
    gradient = backward(net)
    return {name: value - LR * gradient[name] if name.startswith("W") else value for name, value in net.items()}


def train(step, steps):
    """The net after `steps` steps, and the error before each step and after the last."""
    net, errors = START, []
    for _ in range(steps):
        errors.append(forward(net)[2])
        net = step(net)
    return net, np.array([*errors, forward(net)[2]])


net, errors = train(step, 10_000)
compare("error at the start", "0.298371109", errors[0])
compare("error after one step", "0.291027924", errors[1], agrees=False)
compare("error after 10,000 steps", "0.000035085", errors[-1], agrees=False)
print(f"\nours: {errors[1]:.9f} after one step, {errors[-1]:.10f} after 10,000")
assert f"{errors[1]:.9f}" == "0.291027774" and f"{errors[-1]:.10f}" == "0.0000351019"

# %% [markdown] slide="subslide"
# The start agrees to nine digits. After one step we differ from the deck in the seventh. Rounding cannot do that: these
# numbers have sixteen digits. So one of us computes something else, and our gradient has just passed a check.
#
# > **Erratum E4.** Deck K prints the error 0.291027924 after one step and 0.000035085 after 10,000. Gradient descent
# > gives **0.291027774** and **0.0000351019**. The printed numbers are those of a bug: the output weights are updated
# > *first*, and the deltas of the hidden neurons are then computed with the *new* output weights instead of those that
# > the forward pass used. This reproduces every digit that is printed.

# %% slide="fragment"
def step_with_bug(net):
    W2 = step(net)["W2"]  # updated too early ...
    gradient = backward(net, back_through=W2)  # ... and then used to go back
    return {**net, "W1": net["W1"] - LR * gradient["W1"], "W2": W2}


buggy_net, buggy_errors = train(step_with_bug, 10_000)
compare("with the bug: after one step", "0.291027924", buggy_errors[1])
compare("with the bug: after 10,000 steps", "0.000035085", buggy_errors[-1])
print(f"to more digits, after 10,000: {buggy_errors[-1]:.11f}")
assert f"{buggy_errors[-1]:.11f}" == "0.00003508479"
ledger.append(("K", "error after one step 0.291027924", f"{errors[1]:.9f}; with the slip {buggy_errors[1]:.9f} (E4)"))
ledger.append(("K", "error after 10,000 steps 0.000035085",
               f"{errors[-1]:.10f}; with the slip {buggy_errors[-1]:.11f} (E4)"))

# %% [markdown] slide="subslide"
# The page behind the slide contradicts itself. It works out the weights after one step on paper, and there $w_1$ is
# right. Its error after one step, and the two outputs that it gives after 10,000, are those of a program with the bug.
# (Its error after 10,000 steps, 0.0000351085, fits neither program, nor its own outputs. The deck's 0.000035085 does
# fit them.)

# %% slide="fragment"
print("Mazur's page, first weight after one step:")
compare("  correct", "0.149780716", step(START)["W1"][0, 0])
compare("  with the bug", "0.149780716", step_with_bug(START)["W1"][0, 0], agrees=False)
print("Mazur's page, outputs after 10,000 steps:")
page_outputs = ("0.015912196", "0.984065734")
for k, printed in enumerate(page_outputs):
    compare(f"  o{k + 1} correct", printed, forward(net)[1][k], agrees=False)
    compare(f"  o{k + 1} with the bug", printed, forward(buggy_net)[1][k])
page_error = 0.5 * ((TARGETS - np.array(page_outputs, dtype=float)) ** 2).sum()
print("Error after 10,000 steps:")
compare("  page, from its own outputs", "0.0000351085", page_error, agrees=False)
compare("  deck, from the page's outputs", "0.000035085", page_error)

# %% [markdown] slide="subslide"
# Why is such a bug so easy to miss? Because the net still learns. The output weights get the right gradient and do
# nearly all of the work. The hidden weights get a gradient that is off by a sixth at first, and at one point, after six
# steps, they are even sent *uphill*; but the new output weights differ from the old ones by no more than a step, so the
# mistake fades as the steps get smaller. The two error curves lie on each other, and after 10,000 steps the buggy one
# is even a little lower. **A falling loss does not prove that the gradient is right.** A gradient check does, and in
# section 8 it finds this bug in one line.

# %% slide="fragment"
some_net, cosines, hidden_errors, uphill = START, [], [], []
for number in range(10_000):
    right, after = backward(some_net), step_with_bug(some_net)
    wrong = {name: (some_net[name] - after[name]) / LR for name in ("W1", "W2")}  # the gradient that the bug follows
    agreement = {name: (wrong[name] * right[name]).sum() for name in wrong}
    lengths = [np.sqrt(sum((g[name] ** 2).sum() for name in wrong)) for g in (wrong, right)]
    cosines.append(sum(agreement.values()) / (lengths[0] * lengths[1]))
    hidden_errors.append(np.linalg.norm(wrong["W1"] - right["W1"]) / np.linalg.norm(right["W1"]))
    if agreement["W1"] < 0:
        uphill.append(number)
    some_net = after
for number in (0, 5, 6, 7, 20, 100, 1000, 9999):
    print(f"after {number:>4} steps: gradient of the hidden weights off by {hidden_errors[number]:.4%}")
print(f"hidden weights sent uphill after these numbers of steps: {uphill}")
print(f"cosine of the angle between the whole wrong gradient and the right one: never below {min(cosines):.6f}")
assert 0.15 < hidden_errors[0] < 0.17 and uphill == [6] and hidden_errors[-1] < 1e-4 and min(cosines) > 0.99999

# %% [markdown] slide="subslide"
# The deck also never trains the biases. They are **parameters** (the common name of weights and biases) like the
# others, and training them as well gives an error that is several times smaller.

# %% slide="fragment"
def step_with_biases(net, shared):
    """A step that trains the biases as well. shared: one bias for a whole layer, as the deck draws it."""
    gradient = backward(net)
    if shared:  # one bias acts on two neurons: two paths, so their derivatives add up
        gradient |= {name: np.full(2, gradient[name].sum()) for name in ("b1", "b2")}
    return {name: value - LR * gradient[name] for name, value in net.items()}


runs = {"as in the deck, correct": errors, "as in the deck, with the bug": buggy_errors}
for shared, name in ((True, "one trained bias for each layer"), (False, "one trained bias for each neuron")):
    runs[name] = train(lambda net, shared=shared: step_with_biases(net, shared), 10_000)[1]
for name, curve in runs.items():
    print(f"{name:<33} after 10,000 steps: {curve[-1]:.10f}")
final = [f"{curve[-1]:.10f}" for curve in runs.values()]
assert final == ["0.0000351019", "0.0000350848", "0.0000043553", "0.0000024476"]

# %% slide="fragment"
fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4))
styles = [dict(color=BLUE, lw=5, alpha=0.5), dict(color=ORANGE, linestyle="--"), dict(color=GREEN), dict(color=PURPLE)]
for (name, curve), style in zip(runs.items(), styles, strict=True):
    left.loglog(np.arange(1, len(curve) + 1), curve, label=name, **style)
left.set(title="Error of the 2-2-2 net", xlabel="1 + number of steps", ylabel="error $E$")
left.legend(fontsize=11, loc="lower left")
right.semilogx(np.arange(1, len(errors) + 1), 100 * (buggy_errors / errors - 1), color=ORANGE)
right.axhline(0, color=GREY, lw=1)
right.set(title="What the bug does to the error", xlabel="1 + number of steps", ylabel="buggy against correct (%)")
plt.show()
assert abs(buggy_errors / errors - 1).max() < 0.0005  # the two never differ by more than a twentieth of a per cent

# %% [markdown] slide="subslide"
# **Explorer 2.** One pass of backpropagation, stage by stage. Black: values that go forward. Orange: derivatives that
# come back. `steps` is how many steps of training were done before. Watch the deltas: after 10,000 steps the outputs
# are nearly right, and the deltas that tell the net to change have all but vanished.

# %% slide="fragment"
STAGES = ["0 the net", "1 forward: hidden", "2 forward: outputs", "3 deltas of the outputs", "4 derivatives of w5 … w8",
          "5 deltas of the hidden neurons", "6 derivatives of w1 … w4", "7 step: new weights"]


@functools.cache
def net_after(steps):
    return train(step, steps)[0]


def plot_backprop(stage=STAGES[6], steps=0):
    """One pass of backpropagation through the 2-2-2 net, up to `stage`, after `steps` steps of training."""
    reached = STAGES.index(stage)
    before = net_after(steps)
    h, o, error = forward(before)
    gradient, shown = backward(before), step(before) if reached == 7 else before
    space = dict(left=0.01, right=0.99, top=0.92, bottom=0.12, wspace=0.25)
    _, (left, right) = plt.subplots(1, 2, figsize=(13, 5.6), width_ratios=(2.3, 1), layout="none", gridspec_kw=space)
    places = {"i0": (0, 2), "i1": (0, 0), "h0": (1.6, 2), "h1": (1.6, 0), "o0": (3.2, 2), "o1": (3.2, 0)}
    texts = {f"i{k}": f"$i_{k + 1}$\n{INPUTS[k]:.2f}" for k in range(2)}
    below = {}
    layers = (("h", h, 1, gradient["b1"], 5), ("o", o, 2, gradient["b2"], 3))  # a bias has the delta as its derivative
    for letter, values, from_stage, delta, delta_stage in layers:
        for k in range(2):
            texts[f"{letter}{k}"] = f"${letter}_{k + 1}$" + (f"\n{values[k]:.3f}" if reached >= from_stage else "")
            below[f"{letter}{k}"] = f"δ = {delta[k]:+.2g}" if reached >= delta_stage else ""
    edges = []
    for matrix, source, sink, from_stage in (("W1", "i", "h", 6), ("W2", "h", "o", 4)):
        for j, i in np.ndindex(2, 2):
            number = 2 * j + i + (1 if matrix == "W1" else 5)
            label = f"w{'₀₁₂₃₄₅₆₇₈'[number]} = {shown[matrix][j, i]:.3f}"  # not as a formula: those take long to draw
            if reached >= from_stage:
                label += f"\n{gradient[matrix][j, i]:+.2g}"
            edges.append((f"{source}{i}", f"{sink}{j}", label, 0.5 if i == j else 0.36))
    draw_net(places, texts, edges, stage, below, left, radius=27)
    notes = {"h0": "bias 0.35", "h1": "bias 0.35", "o0": "bias 0.60\ntarget 0.01", "o1": "bias 0.60\ntarget 0.99"}
    for name, note in notes.items():
        left.annotate(note, places[name], (0, 30), textcoords="offset points", ha="center", va="bottom", fontsize=12,
                      bbox=dict(facecolor="white", edgecolor="none", pad=1))
    left.set_ylim(-0.7, 2.8)
    right.loglog(np.arange(1, len(errors) + 1), errors, color=GREY)
    right.plot(steps + 1, error, "o", color=ORANGE, markersize=11)
    right.set(title=f"E = {error:.3g}, step {steps:,}", xlabel="1 + number of steps", ylabel="error $E$")
    right.minorticks_off()
    print(f"{stage}, after {steps:,} steps. Outputs {o[0]:.3f} and {o[1]:.3f}, targets 0.01 and 0.99, "
          f"error {error:.3g}.")


plot_backprop(STAGES[2])

# %% slide="fragment"
explore(plot_backprop, stage=STAGES, steps=[0, 1, 10, 100, 1000, 10_000])

# %% [markdown] slide="subslide"
# ### How far "a big logistic regression" carries
#
# Deck F's slogan is right about the mechanics and wrong about one thing. The loss of a logistic regression has a single
# valley (it is **convex**: on the straight line between two settings of the weights it never lies above the straight
# line between their losses), so it does not matter where the descent starts. The loss of a net with a hidden layer is
# not convex. There is a proof that needs no calculus: exchange the two hidden neurons together with their weights. The
# net computes exactly the same. Yet halfway between the two, the error of the net below is fifty times as large. One
# such pair is enough: a convex loss would be no larger halfway.

# %% slide="fragment"
rng = np.random.default_rng(11)
random_start = {name: rng.normal(size=value.shape) * 2 for name, value in START.items()}
trained = random_start
for _ in range(2000):
    trained = step_with_biases(trained, shared=False)
swapped = {"W1": trained["W1"][::-1], "b1": trained["b1"][::-1], "W2": trained["W2"][:, ::-1], "b2": trained["b2"]}
halfway = {name: (trained[name] + swapped[name]) / 2 for name in trained}
nets = {"trained from a random start": trained, "hidden neurons exchanged": swapped, "halfway": halfway}
for name, some_net in nets.items():
    print(f"{name:<29} error {forward(some_net)[2]:.6f}")
at_trained, at_swapped, at_halfway = (forward(some_net)[2] for some_net in nets.values())
assert np.isclose(at_trained, at_swapped, rtol=1e-9) and at_halfway > 50 * at_trained

# %% [markdown] slide="slide"
# ## 6. Layers as matrices: deck G's net
#
# Deck G (slide 12) writes a net as three functions, one after the other:
#
# $$h_1 = \max(x w_1, 0), \qquad h_2 = \max(h_1 w_2, 0), \qquad p = \operatorname{softmax}(h_2 w_3).$$
#
# Two things are new.
#
# - $\max(\cdot, 0)$ is the **ReLU** (*rectified linear unit*). It passes a positive number on and replaces a negative
#   one by 0. So its derivative is 1 or 0: the delta is passed on or stopped.
# - **Softmax** turns the last sums $z$, called **logits**, into probabilities of several classes:
#   $p_k = e^{z_k} / \sum_j e^{z_j}$. They are positive and sum to 1. With two classes, $p_1$ is the sigmoid of
#   $z_1 - z_2$.
#
# The cross-entropy is now $L = -\log p_{\text{label}}$, averaged over a **batch** of $B$ examples, the rows of $x$. Its
# derivative with respect to the logits is as simple as before. Since
# $-\log p_{\text{label}} = -z_{\text{label}} + \log \sum_j e^{z_j}$, and the derivative of the last term with respect
# to $z_k$ is again $p_k$,
#
# $$\frac{\partial L}{\partial z} = \frac{p - y}{B}, \qquad y \text{ is 1 at the label and 0 elsewhere.}$$
#
# From there it goes back through the three products. In section 5 the weights stood on the left, $W x$, with a row for
# each neuron. Here an example is a row, so they stand on the right and have a *column* for each neuron: with $n$ inputs
# and $m$ neurons, $h$ is $(B, n)$, $w$ is $(n, m)$ and $z$ is $(B, m)$. For $z = h\,w$:
#
# $$
# \frac{\partial L}{\partial w} = h^\top\, \frac{\partial L}{\partial z}, \qquad
# \frac{\partial L}{\partial h} = \frac{\partial L}{\partial z}\, w^\top.
# $$
#
# Deck G (slide 13) says the same in words: every module is differentiated with respect to its *inputs* (to go on
# backwards) and its *parameters* (to learn). The shapes are a good memory aid: the derivative always has the shape of
# the thing it belongs to, and there is normally only one way to multiply the two matrices that gives this shape.
#
# So there are three rules, one for each kind of module: softmax with cross-entropy, product, ReLU. Each is checked
# below by itself. Put in the order *rule 1, then 2, 3, 2, 3, 2*, they carry the derivative from the loss back to $w_1$;
# to write that down is an exercise of the lab.

# %% slide="fragment"
torch.manual_seed(0)
B, sizes = 5, (3, 4, 4, 3)  # batch; inputs, two hidden layers, classes
X = torch.randn(B, sizes[0], dtype=torch.float64)
labels = torch.tensor([0, 2, 1, 2, 0])
w1, w2, w3 = (torch.randn(shape, dtype=torch.float64) for shape in pairwise(sizes))
z1 = X @ w1                                  # (B, 4)
z2 = z1.relu() @ w2                          # (B, 4)
logits = z2.relu() @ w3                      # (B, 3)


def by_autograd(function, *inputs):
    """The referee. Derivative of the number function(*inputs) with respect to each of the inputs."""
    leaves = [value.clone().requires_grad_() for value in inputs]
    return torch.autograd.grad(function(*leaves), leaves)


def agree(rule, ours, referee):
    difference = (ours - referee).abs().max().item()
    print(f"{rule:<44} {tuple(ours.shape)}   differs from PyTorch by {difference:.1e}")
    assert difference < 1e-13


one_hot = F.one_hot(labels, num_classes=3)
d_logits = (torch.softmax(logits, dim=1) - one_hot) / B
agree("1  (p - y) / B, for the logits", d_logits, by_autograd(lambda z: F.cross_entropy(z, labels), logits)[0])

# The other two hold whatever comes after the module: let d be the derivative that arrives there.
h, w = torch.randn(B, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
d = torch.randn(B, 3, dtype=torch.float64)
d_h, d_w = by_autograd(lambda h, w: (d * (h @ w)).sum(), h, w)  # a number whose derivative with respect to h w is d
agree("2  z = h w:  transposed h times d, for w", h.T @ d, d_w)
agree("2  z = h w:  d times transposed w, for h", d @ w.T, d_h)
d = torch.randn(B, 4, dtype=torch.float64)
agree("3  max(z, 0):  d where z > 0, else 0, for z", d * (z2 > 0), by_autograd(lambda z: (d * z.relu()).sum(), z2)[0])

assert torch.allclose(torch.softmax(logits[:, :2], dim=1)[:, 0], torch.sigmoid(logits[:, 0] - logits[:, 1]))

# %% [markdown] slide="subslide"
# (The slide has no biases here either. An all-zero input, a black picture, then gets equal probabilities whatever the
# net has learned.)
#
# > **Erratum E39.** Deck G (slide 13): "All modules are differentiables." The ReLU on the slide before is not: at 0 it
# > has a kink, with slope 0 on the left and 1 on the right. It is differentiable *almost* everywhere. PyTorch returns 0
# > at the kink, by convention. The convention is visible. $\operatorname{relu}(t) - \operatorname{relu}(-t)$ is just
# > $t$, with slope 1 everywhere, but autograd answers 0 at $t = 0$. In training the kink is hit so rarely that it does
# > not matter, with one exception worth knowing: a net whose weights all *start* at 0 sits on every kink at once and
# > gets no gradient at all. (How they should start: module 03, section 5.)

# %% slide="fragment"
h = 1e-6
left_slope, right_slope = (0 - max(-h, 0)) / h, (max(h, 0) - 0) / h
t = torch.zeros(1, requires_grad=True)
torch.relu(t).backward()
s = torch.zeros(1, requires_grad=True)
(torch.relu(s) - torch.relu(-s)).backward()
print(f"relu at 0: {left_slope:.0f} on the left, {right_slope:.0f} on the right, PyTorch says {t.grad.item():.0f}")
print(f"relu(t) - relu(-t) = t at 0: slope 1, PyTorch says {s.grad.item():.0f}")
assert (left_slope, right_slope, t.grad.item(), s.grad.item()) == (0, 1, 0, 0)
ledger.append(("G", "all modules are differentiables",
               f"relu at 0: {left_slope:.0f} on one side, {right_slope:.0f} on the other (E39)"))

at_kink = sum((z == 0).sum().item() for z in (z1, z2))
print(f"sums that are exactly 0 in the net above: {at_kink} of {z1.numel() + z2.numel()}")
zeros = [torch.zeros_like(w, requires_grad=True) for w in (w1, w2, w3)]
F.cross_entropy(torch.relu(torch.relu(X @ zeros[0]) @ zeros[1]) @ zeros[2], labels).backward()
print("all weights 0: largest derivative of any weight", max(w.grad.abs().max().item() for w in zeros))
assert all((w.grad == 0).all() for w in zeros) and at_kink == 0

black = torch.zeros(1, 3, dtype=torch.float64)
print("probabilities for an all-zero input", torch.softmax(((black @ w1).relu() @ w2).relu() @ w3, dim=1).tolist()[0])
assert torch.equal(((black @ w1).relu() @ w2).relu() @ w3, torch.zeros(1, 3, dtype=torch.float64))

# %% [markdown] slide="slide"
# ## 7. The graph, and reverse mode
#
# "We don't do that manually! ;)" says deck F of its two-path formula. Nobody should put rules in order by hand for
# every new net. It is mechanical, so a machine can do it. Break the calculation into **elementary steps**, each so
# small that its derivative is known: a product, a sum, a sigmoid, a logarithm. Write down, while computing forwards,
# which step used which earlier results. These steps and their links are the **computational graph**; the list of them
# in the order of computing is often called the **tape**. Here it is for the net with two paths of section 4:

# %% slide="fragment"
# Each step on the tape: its name, and its derivative with respect to each earlier value that it used.
value = dict(zip(("a1", "b1", "b2", "c1", "c2"), weights, strict=True)) | {"x1": x1}
tape = []


def product(name, left, right):
    value[name] = value[left] * value[right]
    tape.append((name, {left: value[right], right: value[left]}))


def squeeze(name, earlier):
    value[name] = sigmoid(value[earlier])
    tape.append((name, {earlier: value[name] * (1 - value[name])}))


product("a1 x1", "a1", "x1")
squeeze("M1", "a1 x1")
for k in (1, 2):
    product(f"b{k} M1", f"b{k}", "M1")
    squeeze(f"N{k}", f"b{k} M1")
    product(f"c{k} N{k}", f"c{k}", f"N{k}")
value["z"] = value["c1 N1"] + value["c2 N2"]
tape.append(("z", {"c1 N1": 1.0, "c2 N2": 1.0}))
squeeze("ŷ", "z")
value["L"] = -np.log(value["ŷ"])  # the loss for y = 1
tape.append(("L", {"ŷ": -1 / value["ŷ"]}))

# Backwards along the tape: a link multiplies, an arrival adds.
derivative = dict.fromkeys(value, 0.0)
derivative["L"] = 1.0
for name, links in reversed(tape):
    for earlier, local in links.items():
        derivative[earlier] += derivative[name] * local

for name, referee in zip(("a1", "b1", "b2", "c1", "c2"), t_two_paths.grad.tolist(), strict=True):
    print(f"dL/d{name} = {derivative[name]:+.9f}   PyTorch {referee:+.9f}")
    assert np.isclose(derivative[name], referee, rtol=1e-10)
arrivals = [derivative[f"b{k} M1"] * value[f"b{k}"] for k in (1, 2)]
print(f"at M1 arrive {arrivals[0]:+.4f} and {arrivals[1]:+.4f}, which makes {derivative['M1']:+.4f}")

# %% slide="fragment"
places = {"x1": (0, 0.8), "a1": (0, -0.8), "a1 x1": (1, 0), "M1": (2, 0), "b1": (2, 2), "b2": (2, -2)}
places |= {"b1 M1": (3, 1.1), "b2 M1": (3, -1.1), "N1": (4, 1.1), "N2": (4, -1.1), "c1": (4, 2.6), "c2": (4, -2.6)}
places |= {"c1 N1": (5, 1.1), "c2 N2": (5, -1.1), "z": (6, 0), "ŷ": (7, 0), "L": (8, 0)}
symbol = {"M1": "M1 = σ", "N1": "N1 = σ", "N2": "N2 = σ", "z": "+", "ŷ": "ŷ = σ", "L": "−log"}
texts = {name: f"{'×' if ' ' in name else symbol.get(name, name)}\n{value[name]:.2f}" for name in places}
below = {name: f"{derivative[name]:+.2g}" for name in places}
ax = plt.subplots(figsize=(13.5, 7))[1]
draw_net(places, texts, [(earlier, name, "", 0.5) for name, links in tape for earlier in links],
         "The graph of the two-path net. In the circles: values. Orange: derivatives of the loss", below, ax, radius=29)
plt.show()

# %% [markdown] slide="fragment"
# Two orange numbers come back to $M_1$, one along each path, each multiplied by the weight on the link, and are added:
# this is the bracket of deck F's formula.
#
# This is **reverse-mode automatic differentiation**. The lines that go backwards know nothing about neurons: two rules,
# *a link multiplies, an arrival adds*, in the reverse of the order in which the values were made. Whatever can be
# composed of elementary steps can be differentiated in this way: loops, ten thousand layers, a weight used in two
# places. It is neither the nudging of section 1 (its result is exact up to rounding) nor algebra on formulas (it works
# with numbers and never sees the formula as a whole).
#
# Here we had to say what each step is. In the [lab](../labs/02_backprop/02_backprop.ipynb) you write a `Value` class
# that writes the graph down by itself while Python evaluates an ordinary expression.

# %% [markdown] slide="subslide"
# ### What does it cost?
#
# > **Erratum E30.** Deck F: "It's not possible to calculate the derivative of big networks. Software can do that for
# > us." It *is* possible, and exactly: the software does what section 5 did by hand. It works for big networks
# > because reverse mode costs a small constant times the forward pass, **whatever the number of weights**: fewer than
# > 6 times in theory, typically 2 to 3 times (Griewank and Walther 2008; Baydin and others 2018). What becomes
# > impossible with size is nudging weight by weight.
#
# The cell measures both, on nets of growing width (two hidden layers, ten classes) and a batch of 64 pictures of
# handwritten digits (8 × 8 pixels; more about them in section 9). In it, `torch.nn.Linear(n, m)` is a layer with its
# weights and biases, from $n$ values to $m$, and `Sequential` puts layers one after the other. It counts in two ways:
# the **seconds** of this machine, which vary from run to run, and more where other programs run beside it; and the
# exact number of multiplications and additions in the matrix products. Nudging all $P$ parameters, weights and biases,
# to both sides needs $2P$ forward passes. We really do that for the small nets, and for the large ones multiply $2P$ by
# the time of one pass.

# %% slide="fragment"
digits = data.digits().flat()
batch, batch_labels = digits.x_train[:64].double(), digits.y_train[:64]


def mlp(width):
    torch.manual_seed(0)
    first, second, last = torch.nn.Linear(64, width), torch.nn.Linear(width, width), torch.nn.Linear(width, 10)
    return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), last).double()


def seconds(task, repeats=9):
    """Shortest of several runs: the others were disturbed by something else."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        task()
        times.append(time.perf_counter() - begin)
    return min(times)


def operations(task):
    with FlopCounterMode(display=False) as counter:
        task()
    return counter.get_total_flops()


@torch.no_grad()
def nudge_parameter(parameter, k, loss_of, h=1e-6):
    """Central difference for entry k of a parameter; afterwards the parameter is as it was."""
    flat = parameter.view(-1)
    old = flat[k].item()
    flat[k] = old + h
    above = loss_of().item()
    flat[k] = old - h
    below = loss_of().item()
    flat[k] = old
    return (above - below) / (2 * h)


rows = []
print(f"{'parameters':>10} {'forward':>10} {'+ reverse':>10} {'ratio':>6} {'ratio of operations':>20} {'nudging':>10}")
for width in (1, 4, 16, 48, 256, 1000):
    model = mlp(width)
    parameters = list(model.parameters())
    count = sum(p.numel() for p in parameters)

    def loss_of(model=model):
        return F.cross_entropy(model(batch), batch_labels)

    def both(loss_of=loss_of):
        loss_of().backward()

    with torch.no_grad():
        forward_s = seconds(loss_of)
    both_s = seconds(both)
    ratio = operations(both) / operations(loss_of)
    if really := count < 10_000:
        begin = time.perf_counter()
        slopes = [[nudge_parameter(p, k, loss_of) for k in range(p.numel())] for p in parameters]
        nudging_s = time.perf_counter() - begin
        model.zero_grad()  # PyTorch adds to .grad, and the runs above have left something there
        both()
        for p, measured in zip(parameters, slopes, strict=True):
            assert torch.allclose(p.grad.view(-1), torch.tensor(measured).double(), rtol=0, atol=1e-7)
    else:
        nudging_s = 2 * count * forward_s
    rows.append((count, forward_s, both_s, nudging_s, really))
    print(f"{count:>10,} {1e3 * forward_s:>7.2f} ms {1e3 * both_s:>7.2f} ms {both_s / forward_s:>6.1f} {ratio:>20.2f} "
          f"{nudging_s:>8.2g} s{'' if really else ' (from one pass)'}")
    assert 2 < ratio < 3
ledger.append(("F", "derivative of big networks not possible by hand",
               f"all {count:,} derivatives for {ratio:.1f} times a forward pass, exactly (E30)"))

# %% [markdown] slide="fragment"
# The ratio of operations has a simple reason. Forwards, a layer multiplies once ($h\,w$). Backwards it multiplies
# twice, once for the derivative of its weights and once for that of its inputs. That makes 3 times; slightly less,
# because the first layer need not go back to the pixels. The ratio in seconds also contains PyTorch's bookkeeping and
# the moving of data, which are no multiplications; it depends on the machine and on what else runs there.

# %% slide="fragment"
counts, forwards, boths, nudgings, measured = (np.array(column) for column in zip(*rows, strict=True))
fig, ax = plt.subplots(figsize=(10, 5))
ax.loglog(counts, nudgings, "--", color=ORANGE, lw=1.5)
ax.loglog(counts[measured], nudgings[measured], "o", color=ORANGE, markersize=9, label="nudging every weight, measured")
ax.loglog(counts[~measured], nudgings[~measured], "o", color=ORANGE, markersize=9, markerfacecolor="white",
          label="nudging, 2P times the forward pass")
ax.loglog(counts, boths, "s-", color=BLUE, label="forward and reverse: all derivatives")
ax.loglog(counts, forwards, "^-", color=GREEN, label="forward only: the loss")
ax.set(title="The price of a gradient (64 digits, two hidden layers)", xlabel="parameters of the net", ylabel="seconds")
ax.legend(fontsize=12)
plt.show()

# %% [markdown] slide="subslide"
# The largest of these nets has more than a million parameters. Is its derivative also *right*? Nudging all of them
# would take more than an hour, so we draw some at random.

# %% slide="fragment"
model.zero_grad()
both()
rng, differences = np.random.default_rng(0), []
for _ in range(30):
    parameter = parameters[rng.integers(len(parameters))]
    k = int(rng.integers(parameter.numel()))
    differences.append(abs(nudge_parameter(parameter, k, loss_of) - parameter.grad.view(-1)[k].item()))
print(f"{count:,} parameters, 30 drawn at random:")
print(f"reverse mode and central difference differ by at most {max(differences):.1e}")
print(f"(the largest derivative in the net is {max(p.grad.abs().max().item() for p in parameters):.2g})")
assert max(differences) < 1e-8

# %% [markdown] slide="fragment"
# Two remarks on the price. **Memory**: reverse mode must keep every intermediate value until it comes back, so training
# takes much more memory than using a net. **Direction**: the chain can also be multiplied from the inputs onwards
# (*forward mode*). Then one sweep gives the derivatives of all outputs with respect to *one* weight. A net has millions
# of weights and one loss, so it wants the other order.

# %% [markdown] slide="slide"
# ## 8. Gradient checking
#
# So far the central difference has been our referee with $h = 10^{-5}$ (for the nets of section 7, $10^{-6}$). Why such
# numbers? Two errors pull in opposite directions.
#
# - **Truncation.** The curve bends within the step. The *forward* difference $(g(t+h) - g(t))/h$ is wrong by about
#   $\tfrac{h}{2} g''$. In the *central* one the bend to the left and the bend to the right cancel, and about
#   $\tfrac{h^2}{6} g'''$ is left.
# - **Rounding.** A computer keeps about 16 digits (`float64`) or 7 (`float32`, which nets use). The two values of $g$
#   agree in nearly all of them; the difference keeps only the rest, and is then divided by the tiny $h$. This error is
#   about $\varepsilon / h$, with $\varepsilon \approx 2 \cdot 10^{-16}$ or $1 \cdot 10^{-7}$.
#
# The sum is smallest near $h = \sqrt{\varepsilon}$ for the forward and near $h = \sqrt[3]{\varepsilon}$ for the central
# difference. Measured on $dL/da_3$ of our neuron:

# %% slide="fragment"
STEPS = np.logspace(-15, 0, 121)
EXACT = (predict(a, x) - 1.0) * x[2]


def neuron_loss(a3, dtype):
    """Loss of the neuron of section 1 for each a3, with y = 1, computed in this precision."""
    a3 = np.asarray(a3, dtype=np.float64).astype(dtype)
    z = (a[0] * x[0] + a[1] * x[1]).astype(dtype) + a3 * x[2].astype(dtype)
    return np.log(1 + np.exp(-z))  # the same as -log(sigmoid(z))


def difference_quotient(formula, dtype, h):
    """Estimate of dL/da3 with step h (an array of steps)."""
    h = np.atleast_1d(h)
    above = neuron_loss(a[2] + h, dtype).astype(np.float64)
    if formula == "central":
        return (above - neuron_loss(a[2] - h, dtype)) / (2 * h)
    return (above - neuron_loss(a[2] + 0 * h, dtype)) / h


def relative_error(formula, dtype):
    return np.abs(difference_quotient(formula, dtype, STEPS) / EXACT - 1)


fig, ax = plt.subplots(figsize=(10.5, 5.2))
for dtype, color in ((np.float32, ORANGE), (np.float64, BLUE)):
    for formula, style in (("forward", "--"), ("central", "-")):
        curve = relative_error(formula, dtype)
        ax.loglog(STEPS, np.maximum(curve, 1e-13), style, color=color, lw=1.8, label=f"{formula}, {dtype.__name__}")
        ideal = np.finfo(dtype).eps ** (1 / 2 if formula == "forward" else 1 / 3)
        typical = np.median(curve[abs(np.log10(STEPS / ideal)) < 0.5])
        print(f"{formula} {dtype.__name__}: rule of thumb h = {ideal:.0e}, typical error near it {typical:.0e}; "
              f"best h of those tried {STEPS[curve.argmin()]:.0e}")
        ax.axvline(ideal, color=color, linestyle=style, lw=0.8)
ax.set(title="Difference quotients against the exact derivative", xlabel="step $h$", ylabel="relative error",
       ylim=(1e-13, 30))
ax.legend(loc="lower left", fontsize=12)
plt.show()
near = abs(np.log10(STEPS / np.finfo(np.float64).eps ** (1 / 3))) < 0.5
central, forward_ = (np.median(relative_error(formula, np.float64)[near]) for formula in ("central", "forward"))
assert central < 1e-9 < forward_

# %% [markdown] slide="fragment"
# Right of the minimum the curves rise with slope 1 (forward) and 2 (central): truncation. Left of it they rise to the
# left, ragged, with slope −1: rounding. The thin vertical lines are the rules of thumb. What to remember: **check in
# `float64`, with central differences, $h$ about $10^{-5}$**, and expect relative errors well below $10^{-6}$. In
# `float32` even the best step leaves three or four good digits (forward) or five (central).
#
# **Explorer 3.** The same from close by. The left picture zooms in on the curve with the step. In `float32` with
# $h = 10^{-6.5}$ the smooth curve is a staircase, and the slope of a staircase is a matter of luck.

# %% slide="subslide"
def plot_check(exponent=-6.5, formula="central", precision="float32"):
    """Left: the curve around a3 in this precision, and the line whose slope is the estimate. Right: the errors."""
    h, dtype = 10.0**exponent, np.dtype(precision).type
    t = np.linspace(-3 * h, 3 * h, 601)
    at_a3 = np.float64(neuron_loss(a[2], dtype))
    estimate = difference_quotient(formula, dtype, h)[0]
    places = dict(left=0.07, right=0.99, top=0.9, bottom=0.15, wspace=0.25)
    _, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.6), layout="none", gridspec_kw=places)
    left.plot(t / h, (neuron_loss(a[2] + t, dtype) - at_a3) / h, color=GREY, label=f"loss in {precision}")
    left.plot(t / h, EXACT * t / h, color=BLUE, lw=1.3, label=f"exact slope {EXACT:.5f}")
    used = np.array([-h if formula == "central" else 0.0, h])
    heights = (neuron_loss(a[2] + used, dtype) - at_a3) / h
    left.plot(used / h, heights, "o-", color=ORANGE, markersize=9, label=f"estimate {estimate:.5f}")
    left.set(title=f"Around $a_3$, step $h = 10^{{{exponent:g}}}$", xlabel="distance from $a_3$, in steps $h$",
             ylabel="change of the loss, in units of $h$")
    left.legend(fontsize=11)
    curve = relative_error(formula, dtype)
    right.loglog(STEPS, np.maximum(curve, 1e-13), color=GREY, lw=1.5)
    right.loglog(h, max(abs(estimate / EXACT - 1), 1e-13), "o", color=ORANGE, markersize=11)
    right.set(title=f"{formula}, {precision}", xlabel="step $h$", ylabel="relative error", ylim=(1e-13, 30))
    right.minorticks_off()
    print(f"{formula}, {precision}, h = {h:.2g}: estimate {estimate:.5f}, exact {EXACT:.5f}, relative error "
          f"{abs(estimate / EXACT - 1):.1e}.")


plot_check(exponent=-0.25, formula="forward")
plot_check(exponent=-0.25, formula="central")

# %% slide="fragment"
explore(plot_check, exponent=(-15.0, 0.0, 0.25), formula=["central", "forward"], precision=["float32", "float64"])

# %% [markdown] slide="subslide"
# ### The check at work
#
# Back to Erratum E4. The two programs give nearly the same loss. Ask the gradient check about the four hidden weights.
# (A step subtracts 0.5 times the gradient that the program believes in, so the gradient can be read off from the step.)

# %% slide="fragment"
measured = measured_slopes("W1").reshape(2, 2)
for name, make_step in (("correct", step), ("with the bug", step_with_bug)):
    believed = (START["W1"] - make_step(START)["W1"]) / LR
    worst = np.max(np.abs(believed - measured) / np.maximum(np.abs(believed), np.abs(measured)))
    loss_after = forward(make_step(START))[2]
    print(f"{name:<13} loss after the step {loss_after:.9f}   largest relative error of the gradient {worst:.1e}   "
          f"{'passes' if worst < 1e-6 else 'FAILS'}")
    assert (worst < 1e-6) == (name == "correct")

# %% [markdown] slide="fragment"
# The loss differs in the seventh digit; the gradient is off by a sixth. A check of the gradient sees at once what no
# look at the learning curve shows.
#
# One trap remains, the kink of the ReLU. If the nudge carries a sum across 0, the central difference mixes two slopes,
# and a *correct* gradient seems wrong. The remedy is a smaller step (as in section 7) or another example, and not a
# looser tolerance.

# %% slide="fragment"
relu_at = 3e-6  # so close to the kink that a step of 1e-5 crosses it
for h in (1e-5, 1e-6):
    measured = slope(lambda t: np.maximum(t, 0), relu_at, h)
    print(f"relu at {relu_at:g}: slope 1, central difference with h = {h:g} says {measured:.3f}")
    assert np.isclose(measured, 1) == (h < relu_at)

# %% [markdown] slide="slide"
# ## 9. Stochastic gradient descent on real digits
#
# Everything together, on real data: handwritten digits of 8 × 8 pixels, threes against eights. The model is the
# logistic regression of section 1 with 64 inputs and a bias; its weights are now called $w$. The loss is the *mean*
# over all $N$ training pictures, and so is its gradient: $(\hat y - y)\,x$ of section 2, averaged over the pictures.
# Here reverse mode computes it; in the lab you write it yourself, without a loop over the pictures. $X$ is $(N, 64)$,
# a picture a row, and $\hat y$ and $y$ are $(N,)$.
#
# But must we look at all pictures before every step? **Stochastic gradient descent** (SGD) takes a few at random, a
# **mini-batch**, and steps with *their* mean gradient. It is noisy, and it is right on average. One pass over all
# pictures is an **epoch**. In one epoch the full batch takes 1 step, and batches of one picture take hundreds, for the
# same arithmetic.

# %% slide="fragment"
def threes_and_eights(images, labels):
    """Pictures (N, 64) as float64, and 1 for an eight, 0 for a three."""
    chosen = (labels == 3) | (labels == 8)
    return images[chosen].double().numpy(), (labels[chosen] == 8).double().numpy()


X_train, y_train = threes_and_eights(digits.x_train, digits.y_train)
X_test, y_test = threes_and_eights(digits.x_test, digits.y_test)
print(f"{len(X_train)} pictures to learn from, {len(X_test)} to test on")


def mean_loss(w, b, X, y):
    """Loss as a tensor. w: tensor (64,), b: tensor (). PyTorch's function takes z, so that nothing overflows."""
    z = torch.from_numpy(X) @ w + b
    return F.binary_cross_entropy_with_logits(z, torch.from_numpy(y))


def loss_and_gradient(w, b, X, y):
    """The mean loss, and its derivatives for w (64,) and for b, as NumPy arrays and numbers."""
    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, b)]
    loss = mean_loss(*leaves, X, y)
    d_w, d_b = torch.autograd.grad(loss, leaves)
    return loss.item(), d_w.numpy(), d_b.item()


some_w = np.random.default_rng(0).normal(size=64) * 0.1
_, reverse, _ = loss_and_gradient(some_w, 0.1, X_train, y_train)
measured = slopes_along_axes(lambda w: mean_loss(torch.from_numpy(w), 0.1, X_train, y_train).item(), some_w)
formula = np.mean([(sigmoid(some_w @ x + 0.1) - y) * x for x, y in zip(X_train, y_train, strict=True)], axis=0)
print(f"gradient check: reverse mode differs from the central difference by {np.abs(reverse - measured).max():.1e}")
print(f"                and from the mean of (ŷ - y) x by {np.abs(reverse - formula).max():.1e}")
assert np.allclose(reverse, measured, atol=1e-9) and np.allclose(reverse, formula, atol=1e-12)

# %% slide="subslide"
def sgd(batch_size, labels, lr=0.3, epochs=10, seed=0):
    """Train from zero weights. Returns w, b, and the loss over all training pictures as rows (epochs so far, loss)."""
    rng, w, b = np.random.default_rng(seed), np.zeros(64), 0.0
    n, history = len(labels), [(0.0, np.log(2))]  # at w = 0 the neuron says 1/2 for all
    for epoch in range(epochs):
        order = rng.permutation(n)
        for begin in range(0, n, batch_size):
            chosen = order[begin : begin + batch_size]
            _, d_w, d_b = loss_and_gradient(w, b, X_train[chosen], labels[chosen])
            w, b = w - lr * d_w, b - lr * d_b
            loss = mean_loss(torch.from_numpy(w), b, X_train, labels).item()
            history.append((epoch + (begin + len(chosen)) / n, loss))
    return w, b, np.array(history)


n = len(y_train)
wrong = np.random.default_rng(1).random(n) < 0.1
label_sets = {"right labels": y_train, "one label in ten wrong": np.where(wrong, 1 - y_train, y_train)}
fig, axes = plt.subplots(1, 2, figsize=(12.5, 4.8), sharey=True)
results = {}
for ax, (case, labels) in zip(axes, label_sets.items(), strict=True):
    for batch_size, color in ((1, ORANGE), (16, GREEN), (n, BLUE)):
        w, b, history = results[case, batch_size] = sgd(batch_size, labels)
        right = ((X_test @ w + b > 0) == (y_test == 1)).mean()  # z > 0 is ŷ > 1/2
        last = history[history[:, 0] > 7, 1]
        print(f"{case:<23} batch {batch_size:>3}: loss {history[-1, 1]:.3f}, test pictures right {right:.1%}, "
              f"steps of epochs 8 to 10 that raised the loss: {np.mean(np.diff(last) > 0):.0%}")
        ax.semilogy(*history.T, color=color, lw=1 if batch_size == 1 else 2, label=f"batch of {batch_size}")
    ax.set(title=case, xlabel="epochs (passes over all pictures)")
axes[0].set_ylabel("loss, all training pictures")
axes[0].legend()
plt.show()
clean, noisy = ([results[case, size][2] for size in (1, 16, n)] for case in label_sets)
assert clean[0][-1, 1] < clean[1][-1, 1] < clean[2][-1, 1]
w, b, _ = results["right labels", 1]
assert ((X_train @ w + b > 0) == (y_train == 1)).all()  # every training picture is told right
assert np.diff(noisy[0][-3 * n :, 1]).max() > 5 * np.diff(noisy[1][-3 * (n // 16) :, 1]).max()

# %% [markdown] slide="fragment"
# Left: for the same number of pictures looked at, smaller batches take more steps and get further. All training
# pictures can be told apart without a mistake. So in the end every single picture agrees with the rest, and the noise
# dies out with the errors. Right: data that contradict themselves, as real data do. Now the pictures pull in different
# directions for ever, and a batch of one is thrown to and fro by each. The full batch is smooth and slow. Sixteen goes
# down as fast as one and is thrown less far, and this is why nearly everybody trains with mini-batches of some tens or
# hundreds.
#
# **How large is the noise?** At one fixed setting of the weights, draw many mini-batches of size $B$ and compare their
# gradients with the full one. The mean of $B$ independent draws scatters like $1/\sqrt B$, so a batch that is 100 times
# as large is only 10 times as exact.

# %% slide="fragment"
rng = np.random.default_rng(0)
w, b, _ = sgd(16, y_train, epochs=1)
full_gradient = loss_and_gradient(w, b, X_train, y_train)[1]
batch_sizes = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
noise = []
for size in batch_sizes:
    draws = rng.integers(len(y_train), size=(400, size))  # with replacement: the draws are independent
    deviations = [loss_and_gradient(w, b, X_train[d], y_train[d])[1] - full_gradient for d in draws]
    noise.append(np.sqrt(np.mean(np.sum(np.square(deviations), axis=1))) / np.linalg.norm(full_gradient))
noise = np.array(noise)
exponent = np.polyfit(np.log(batch_sizes), np.log(noise), 1)[0]
print(f"measured exponent {exponent:.3f}, theory -0.5")
assert abs(exponent + 0.5) < 0.05

fig, ax = plt.subplots(figsize=(9.5, 4.4))
ax.loglog(batch_sizes, noise, "o", color=ORANGE, markersize=9, label="measured, 400 mini-batches each")
ax.loglog(batch_sizes, noise[0] / np.sqrt(batch_sizes), color=GREY, label=r"$1/\sqrt{B}$")
ax.set(title="Noise of a mini-batch gradient", xlabel="batch size $B$",
       ylabel="typical error / length\nof the full gradient")
ax.legend()
plt.show()

# %% [markdown] slide="subslide"
# What did the 64 weights learn? Laid out as a picture they show where ink speaks for an eight (positive) and where
# for a three (negative): the left sides of the two loops, which the eight closes and the three leaves open. (Module
# 08, section 1, turns these signs against the classifier.)

# %% slide="fragment"
w = results["right labels", 16][0]
fig, axes = plt.subplots(1, 3, figsize=(11, 3.9))
three, eight = (X_train[y_train == answer].mean(axis=0) for answer in (0, 1))
pictures = {"mean three": three, "mean eight": eight, "weights": w}
for ax, (title, image) in zip(axes, pictures.items(), strict=True):
    signed = title == "weights"
    low, high = (-np.abs(w).max(), np.abs(w).max()) if signed else (0, 1)
    shown = ax.imshow(image.reshape(8, 8), cmap="RdBu_r" if signed else "gray_r", vmin=low, vmax=high)
    ax.set(title=title, xlabel="column (pixels)", xticks=[0, 7], yticks=[0, 7])
    ax.grid(False)
    fig.colorbar(shown, ax=ax, shrink=0.8, label="weight" if signed else "ink (0 to 1)")
axes[0].set_ylabel("row (pixels)")
plt.show()

# %% [markdown] slide="slide"
# ## 10. Who found it
#
# - **1970**: Seppo Linnainmaa describes reverse mode, to follow rounding errors through any calculation. No nets yet.
# - **1974**: Paul Werbos computes derivatives backwards through a model in his thesis; for nets in print from 1982 on.
# - **1986**: David Rumelhart, Geoffrey Hinton and Ronald Williams publish *Learning representations by
#   back-propagating errors*. It shows that hidden neurons learn useful features in this way, and makes the method
#   known. (What nets could not learn before: module 01, section 3.)
#
# Deck K gives "(Werbos) Rumelhart, Hinton, Williams (1974) 1986", and deck V rightly says "invented in the 1970s, but
# only 1986 it became popular".
#
# > **Erratum E40.** Deck N's history has "1986, Geoffrey Hinton, backpropagation algorithm in its current form". The
# > paper of 1986 has three authors, of whom David Rumelhart is the first, and the algorithm is older: see the list
# > above and the references.

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")

# %% [markdown] slide="slide"
# ## Summary
#
# - The **gradient** says how the loss reacts to each weight. Gradient descent steps against it; the **learning rate**
#   must stay below 2 divided by the steepest curvature.
# - **Chain rule**: links along a path multiply, paths add. Paths are too many to follow one by one; links are few.
# - **Backpropagation** goes through the links once, from the loss backwards: *delta of the neuron a weight enters,
#   times the value it carries*. Derivatives first, updates after (Erratum E4).
# - **Reverse mode** is the same for any graph of elementary steps. All derivatives together cost about three forward
#   passes, however many weights there are.
# - **Check gradients** in `float64` with central differences and $h \approx 10^{-5}$. A falling loss proves nothing.
# - **SGD** replaces the gradient over all data by that of a mini-batch; its noise falls like $1/\sqrt{B}$.
#
# **Next:** the [lab of this module](../labs/02_backprop/02_backprop.ipynb), in which you write the gradient, the
# autodiff engine and the check yourself. Then [module 03](03_mlp.ipynb): nets of several layers, and what keeps them
# trainable.
#
# ## References
#
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul, J. M. Siskind. [Automatic differentiation in machine learning: a
#   survey](https://jmlr.org/papers/v18/17-468.html). *JMLR* 18, 2018.
# - A. Griewank, A. Walther. *Evaluating Derivatives: Principles and Techniques of Algorithmic Differentiation*. 2nd
#   edition, SIAM, 2008.
# - S. Linnainmaa. The representation of the cumulative rounding error of an algorithm as a Taylor expansion of the
#   local rounding errors (in Finnish). Master's thesis, University of Helsinki, 1970.
# - M. Mazur. [A step by step backpropagation
#   example](https://mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example/). 2015.
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams. [Learning representations by back-propagating
#   errors](https://doi.org/10.1038/323533a0). *Nature* 323, 533–536, 1986.
# - P. J. Werbos. *Beyond Regression: New Tools for Prediction and Analysis in the Behavioral Sciences*. PhD thesis,
#   Harvard University, 1974.
# - P. J. Werbos. Applications of advances in nonlinear sensitivity analysis. In *System Modeling and Optimization*,
#   Springer, 762–770, 1982.
