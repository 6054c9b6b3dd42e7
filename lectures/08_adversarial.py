# %% [markdown] slide="slide"
# # 08 · Adversarial examples: how to fool a net, and what helps
#
# **Question.** A net reads 97 % of the letters right. How little must a picture change until the net reads another
# letter and is sure of it? Why is it so little, and can a net be trained to withstand it?
#
# - **You need** module 02 (gradients), module 03 (multi-layer perceptrons, the softmax, training with Adam) and, for
#   one of the nets, the idea of a convolution (module 04).
# - **You get** the linear explanation and its limits, the fast gradient sign method, iterated and targeted attacks, the
#   smallest perturbation, fooling images, transfer between models, and adversarial training, each measured on nets
#   that are trained here.
# - **Time**: 60 minutes to read and try; about half a minute to run on two CPU cores, without a network.
# - **Slides**: N "Intriguing properties of ConvNets", "Training with adversarial samples".
#
# The deck: **N** = Neverova (Lyon 2015). What it claims is checked by a cell. Where it errs, an **Erratum** box says
# so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import itertools
import math
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torchvision import models
from torchvision.transforms import functional as TF

from course_utils import data, plotting, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end

# %% [markdown] slide="slide"
# ## 1. The smallest example: a linear classifier
#
# Take the logistic regression of module 02, section 9, handwritten threes against eights, 64 pixels between 0 (black)
# and 1 (white). Its **score** is $s(x) = w^\top x + b$: positive is "eight", negative is "three", and the sigmoid of
# the score is the probability of an eight. (The cell trains two logits, one for each class, as module 03, section 1,
# does: the softmax of two logits is the sigmoid of their difference, so the score is that difference.) Now somebody
# adds a **perturbation** $\eta$ (eta) to the picture. Deck N:
#
# $$w^\top \tilde x = w^\top x + w^\top \eta, \qquad \tilde x = x + \eta.$$
#
# The score moves by $w^\top \eta$. Suppose that no pixel may change by more than $\varepsilon$ (epsilon), in short
# $\lVert\eta\rVert_\infty \le \varepsilon$; the left side is the size of the largest entry. Which $\eta$ moves the
# score most? Each term $w_i \eta_i$ is largest by itself if $\eta_i$ has the sign of $w_i$ and the full size. So the
# best is
#
# $$\eta = \varepsilon \, \operatorname{sign}(w), \qquad
#   w^\top \eta = \varepsilon \sum_i |w_i| = \varepsilon\, \lVert w \rVert_1 ,$$
#
# where $\lVert w \rVert_1$ is short for the sum of the sizes. That raises the score; with $-\eta$ it falls by as
# much. The smallest $\varepsilon$ that brings the score of a picture to 0, where the answer changes, is exactly
# $\varepsilon_{\min} = |s(x)| \,/\, \lVert w \rVert_1$. (Here pixels may leave the range from 0 to 1.)

# %% slide="fragment"
digits = data.digits().flat()


def threes_and_eights(x, y):
    """Pictures (N, 64), and 1 for an eight, 0 for a three."""
    chosen = (y == 3) | (y == 8)
    return x[chosen], (y[chosen] == 8).long()


x_two, y_two = threes_and_eights(digits.x_train, digits.y_train)
x_two_test, y_two_test = threes_and_eights(digits.x_test, digits.y_test)
training.seed_everything(0)
two_logits = nn.Linear(64, 2)
training.fit(two_logits, x_two, y_two, epochs=60, lr=1e-2, progress=False)

# The score is the difference of the two logits; double precision, because we go to the very boundary below.
w = (two_logits.weight[1] - two_logits.weight[0]).detach().double()
b = (two_logits.bias[1] - two_logits.bias[0]).detach().double()
x_two_test = x_two_test.double()
score = x_two_test @ w + b
right = (score > 0) == (y_two_test == 1)
print(f"{right.double().mean():.1%} of {len(score)} test pictures right")

toward_boundary = -score.sign()[:, None] * w.sign()  # (N, 64), entries -1 or +1
smallest = score.abs() / w.abs().sum()  # (N,), exact
for factor, word in ((0.999, "just below"), (1.001, "just above")):
    moved = (x_two_test + factor * smallest[:, None] * toward_boundary) @ w + b
    print(f"{word} the smallest epsilon: {(moved.sign() != score.sign()).double().mean():.0%} of the answers change")
    assert ((moved.sign() != score.sign()) == (factor > 1)).all()
print(f"median of the smallest epsilon: {smallest[right].median():.3f} of the range from black to white")

# %% [markdown] slide="subslide"
# Compare it with a change of the same size that does not know $w$: each pixel goes up or down by $\varepsilon$ at the
# toss of a coin. The 64 terms then mostly cancel. Their sum has mean 0 and standard deviation
# $\varepsilon \lVert w \rVert_2$ with the ordinary (Euclidean) length $\lVert w \rVert_2 = \sqrt{\sum_i w_i^2}$,
# because the variances $\varepsilon^2 w_i^2$ of independent terms add.

# %% slide="fragment"
training.seed_everything(0)
coins = torch.randint(0, 2, (10_000, 64)).double() * 2 - 1
measured, predicted = (coins @ w).std(), w.norm()
print(f"epsilon = 1: chosen signs move the score by {w.abs().sum():.1f}; random signs by 0 ± {measured:.2f}", end="")
print(f" (theory: {predicted:.2f})")
assert abs(measured / predicted - 1) < 0.03

example = int(torch.where(right & (y_two_test == 0), smallest - smallest[right].median(), math.inf).abs().argmin())
epsilon = 1.5 * smallest[example].item()
variants = {"picture": x_two_test[example], "chosen signs": x_two_test[example] + epsilon * toward_boundary[example],
            "random signs": x_two_test[example] + epsilon * coins[0]}
figure, axes = plt.subplots(1, 4, figsize=(13, 4.3))
for axis, (title, pixels) in zip(axes[[0, 2, 3]], variants.items(), strict=True):
    p_eight = torch.sigmoid(pixels @ w + b).item()
    axis.imshow(pixels.view(8, 8), vmin=0, vmax=1)
    axis.set_title(f"{title}:\n{'eight' if p_eight > 0.5 else 'three'}, {max(p_eight, 1 - p_eight):.1%}")
shown = axes[1].imshow((epsilon * toward_boundary[example]).view(8, 8), cmap="RdBu_r", vmin=-0.2, vmax=0.2)
axes[1].set_title(f"chosen signs alone,\n$\\varepsilon$ = {epsilon:.3f}")
figure.colorbar(shown, ax=axes[1], shrink=0.75, ticks=[-0.2, 0, 0.2], label="change of the pixel")
for axis in axes:
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
figure.suptitle("A three, and two versions of it: every pixel up or down by $\\varepsilon$ (black 0, white 1)",
                fontsize=16)
plt.show()
scores = {title: (pixels @ w + b).item() for title, pixels in variants.items()}
assert scores["picture"] < 0 < scores["chosen signs"] and scores["random signs"] < 0.5 * scores["picture"]

# %% [markdown] slide="slide"
# ## 2. Does it grow with the dimension?
#
# Let $w$ have $n$ entries, whose sizes $|w_i|$ have the mean $m$. The chosen signs move the score by
# $\varepsilon\, m\, n$: **linearly in the number of pixels**, while $\varepsilon$, the change of a single pixel,
# stays as it is. Random signs move it by about $\varepsilon \sqrt n$ times the root mean square of the entries. This
# is the *linear explanation* (Goodfellow, Shlens and Szegedy): many tiny changes, each in the right direction, add up
# to a big one.
#
# First on weights that are drawn at random, then on classifiers that are trained.

# %% slide="fragment"
dimensions = np.array([16, 64, 256, 1024, 4096, 16384])
rng = np.random.default_rng(0)
chosen_moves, random_moves = [], []
for n in dimensions:
    some_w = rng.normal(size=(40, n))
    signs = rng.choice([-1.0, 1.0], size=(40, n))
    chosen_moves.append(np.abs(some_w).sum(1).mean())
    random_moves.append(np.sqrt(((some_w * signs).sum(1) ** 2).mean()))
exponents = [np.polyfit(np.log(dimensions), np.log(moves), 1)[0] for moves in (chosen_moves, random_moves)]
print(f"measured exponents: chosen signs n^{exponents[0]:.3f}, random signs n^{exponents[1]:.3f}; theory 1 and 0.5")
assert abs(exponents[0] - 1) < 0.02 and abs(exponents[1] - 0.5) < 0.1

# %% [markdown] slide="subslide"
# The trained classifiers read printed letters, ten classes of the `glyphs` of module 04, section 3: drawn from the
# fonts that ship with matplotlib and randomly turned, slanted and moved. We shrink them to 7 × 7 and 14 × 14 pixels and
# enlarge them to 56 × 56, and train the same **softmax regression** (module 03, section 1) for each size. With ten
# classes the attack may go for any of the other nine. For each of them the lead $z_y - z_k$ is a linear score with the
# weights $w_y - w_k$, so that section 1 applies:
#
# $$\varepsilon_{\min} = \min_{k \ne y} \frac{z_y - z_k}{\lVert w_y - w_k \rVert_1},$$
#
# where $z$ are the logits, $y$ is the true class and $w_k$ is row $k$ of the weights. Along one fixed pattern of
# random signs each lead falls, or rises, on a straight line, and the first that reaches 0 gives the smallest
# $\varepsilon$. Both are exact. (In this section too pixels may leave the range from 0 to 1; from the next one on
# they may not.)

# %% slide="fragment"
LETTERS = "ABCDEGKRSX"
glyphs = data.glyphs(n_train=4000, n_test=600, classes=LETTERS)
x_test, y_test = glyphs.x_test, glyphs.y_test
plotting.show_images(
    x_test[torch.stack([(y_test == k).nonzero()[0, 0] for k in range(10)])],
    titles=list(LETTERS),
    columns=10,
    title="A test picture of each class, 28 × 28 pixels",
)


# %% slide="subslide"
def resized(x, side):
    """Pictures (N, 1, 28, 28) at another size: means of blocks, or every pixel repeated."""
    return F.avg_pool2d(x, 28 // side) if side <= 28 else F.interpolate(x, scale_factor=side // 28)


def smallest_epsilons(W, z, y, seed=0):
    """Smallest size per pixel that changes a right answer: (chosen signs, random signs), each (N,).

    W: weights (classes, n). z: logits (N, classes). y: the true classes (N,), all answered right.
    """
    gap = z.gather(1, y[:, None]) - z  # (N, classes), how far class k is behind
    difference = W[y][:, None] - W  # (N, classes, n)
    signs = torch.randint(0, 2, (len(y), W.shape[1]), generator=torch.Generator().manual_seed(seed)) * 2.0 - 1
    loss_along = -torch.einsum("nkd,nd->nk", difference, signs)  # by how much the gap closes per unit of epsilon
    chosen = gap / difference.abs().sum(2)
    chosen[torch.arange(len(y)), y] = math.inf
    chance = torch.where(loss_along > 0, gap / loss_along.clamp(min=1e-9), math.inf)
    return chosen.amin(1), chance.amin(1)


SIDES = (7, 14, 28, 56)
by_size, leads = [], []
for side in SIDES:
    small, small_test = resized(glyphs.x_train, side).flatten(1), resized(x_test, side).flatten(1)
    training.seed_everything(0)
    linear = nn.Linear(side * side, 10)
    training.fit(linear, small, glyphs.y_train, epochs=8, lr=2e-3, progress=False)
    logits = training.predict(linear, small_test)
    ok = logits.argmax(1) == y_test
    chosen, chance = smallest_epsilons(linear.weight.detach(), logits[ok], y_test[ok])
    by_size.append((side * side, chosen.median().item(), chance.median().item()))
    top = logits[ok].topk(2).values
    leads.append((top[:, 0] - top[:, 1]).median().item())
    print(f"{side:>2} × {side:<2} = {side * side:>4} pixels, accuracy {ok.float().mean():.0%}, median lead over the "
          f"second class {leads[-1]:.2f}\n   half of the right answers change at epsilon {by_size[-1][1]:.3f} "
          f"(chosen signs), {by_size[-1][2]:.2f} (random signs)")
by_size = np.array(by_size)
ratio_exponent = np.polyfit(np.log(by_size[:, 0]), np.log(by_size[:, 2] / by_size[:, 1]), 1)[0]
print(f"the ratio of the two grows like n^{ratio_exponent:.2f}")
assert 0.4 < ratio_exponent < 0.6 and by_size[:, 1].max() / by_size[:, 1].min() < 2.5
assert leads[-1] > 4 * leads[0]
ledger.append(("N", "wᵀx̃ = wᵀx + wᵀη, many small terms add up",
               f"exponents {exponents[0]:.2f} (chosen) and {exponents[1]:.2f} (random) on random weights"))
ledger.append(("N", "linear explanation: worse in high dimension",
               f"trained: chosen against random signs like n^{ratio_exponent:.2f}; the epsilon needed hardly moves"))

# %% slide="subslide"
figure, (left, right_axis) = plt.subplots(1, 2, figsize=(13, 4.8))
left.loglog(dimensions, chosen_moves, "o-", color=COLORS["vermillion"], label="chosen signs")
left.loglog(dimensions, random_moves, "s-", color=COLORS["blue"], label="random signs")
left.set(title="Random weights", xlabel="number of pixels $n$", ylabel="change of the score, $\\varepsilon = 1$")
right_axis.loglog(by_size[:, 0], by_size[:, 2], "s-", color=COLORS["blue"], label="random signs")
right_axis.loglog(by_size[:, 0], by_size[:, 1], "o-", color=COLORS["vermillion"], label="chosen signs")
right_axis.set(title="Trained on letters", xlabel="number of pixels $n$",
               ylabel="median $\\varepsilon$ that changes\na right answer")
right_axis.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
right_axis.set_ylim(0.008, 2.5)
for axis in (left, right_axis):
    axis.legend()
plt.show()

# %% [markdown] slide="fragment"
# Left, the theory. Right, what training makes of it, and this is more subtle than the slogan. The chosen signs do *not*
# get by with a smaller and smaller $\varepsilon$ as the pictures grow. The score $w^\top x$ is a sum over the pixels as
# well: the lead of the right class, printed above, grows along with what the attack can take from it. (T. Tanay and
# L. Griffin raised this against the linear explanation in 2016.) What grows, like $\sqrt n$, is the **gap between the
# worst case and the typical case**. In high dimension a classifier can be safe against nearly every perturbation of a
# given size and helpless against a few.

# %% [markdown] slide="slide"
# ## 3. The fast gradient sign method
#
# A net with hidden layers is not linear. But close to a picture its loss $J$ is nearly so: a small change $\eta_i$ of
# pixel $i$ changes it by about $\eta_i$ times the slope in this pixel. The gradient *with respect to the picture*,
# $\nabla_x J$, is the list of these slopes, and plays the part of $w$:
#
# $$J(x + \eta) \approx J(x) + \eta^\top \nabla_x J, \qquad
#   \tilde x = x + \varepsilon \, \operatorname{sign}\big(\nabla_x J(\theta, x, y)\big).$$
#
# This is the **fast gradient sign method** (FGSM), printed on the deck's second slide. $\theta$ are the weights,
# which the attack leaves alone: training descends the loss in $\theta$, the attack *climbs* it in $x$. It costs one
# backward pass. Pixels that leave the range from 0 to 1 are put back (`clamp`): the result must be a picture. In
# other words, every pixel goes as far as it may, up or down, and the sign of its slope says which. That is how the
# cell below puts it. On the letters our $\varepsilon$ will be a whole number of **grey levels**, 1/255 of the range
# from black to white, so that the result can be stored in 8 bits.
#
# We attack two nets: a multi-layer perceptron (MLP) and a convolutional net (CNN).


# %% slide="subslide"
def mlp(inputs=784, width=128):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10)
    )


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(12, 24, 5, stride=2, padding=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def trained(make, x=glyphs.x_train, y=glyphs.y_train, epochs=8, seed=0):
    """A fresh net, trained with Adam."""
    training.seed_everything(seed)
    model = make()
    training.fit(model, x, y, epochs=epochs, lr=2e-3, seed=seed, progress=False)
    return model


NETS = {"MLP": trained(mlp), "CNN": trained(cnn)}
for name, model in NETS.items():
    print(f"{name}: {training.accuracy(model, x_test, y_test):.1%} of {len(y_test)} test pictures right")
    assert training.accuracy(model, x_test, y_test) > 0.95


# %% slide="fragment"
def input_slopes(model, x, y):
    """Slopes of the mean cross-entropy in every pixel of every picture. Returns the shape of x.

    Each picture enters one term of the mean only. So its slopes are those of its own loss, divided by the number of
    pictures, with the same signs. Nothing below depends on their scale.
    """
    x = x.detach().requires_grad_()  # detach: the same values, without a past
    return torch.autograd.grad(F.cross_entropy(model(x), y), x)[0]


def fgsm(model, x, y, epsilon):
    """Every pixel as far as it may go, uphill in the loss. x: (N, ...) in [0, 1], y: true classes (N,)."""
    slopes = input_slopes(model, x, y)
    brighter, darker = (x + epsilon).clamp(max=1), (x - epsilon).clamp(min=0)
    return torch.where(slopes > 0, brighter, torch.where(slopes < 0, darker, x))


def random_signs(model, x, y, epsilon):
    """The control: the same size, no knowledge."""
    return (x + epsilon * (2.0 * torch.randint(0, 2, x.shape) - 1)).clamp(0, 1)


def answers(model, x):
    """Class (N,) and its probability (N,)."""
    probability, label = training.predict(model, x).softmax(1).max(1)
    return label, probability


# %% [markdown] slide="subslide"
# How linear is the net? Walk away from a picture along the signs of the gradient, and along random signs, and record
# the lead of the true class: its logit minus the highest other.

# %% slide="fragment"
def lead(model, x, y):
    """True logit minus the highest other, (N,)."""
    z = training.predict(model, x)
    return z.gather(1, y[:, None])[:, 0] - z.scatter(1, y[:, None], -math.inf).amax(1)


def second_place(model, x, y):
    """Class of the highest logit but the true one, (N,)."""
    return training.predict(model, x).scatter(1, y[:, None], -math.inf).argmax(1)


training.seed_everything(0)
steps = torch.linspace(-0.12, 0.12, 49)
figure, axes = plt.subplots(1, 2, figsize=(13, 4.8), sharey=True)
for axis, (name, model) in zip(axes, NETS.items(), strict=True):
    walk_x, walk_y = x_test[:100], y_test[:100]
    directions = {"signs of the gradient": input_slopes(model, walk_x, walk_y).sign(),
                  "random signs": 2.0 * torch.randint(0, 2, walk_x.shape) - 1}
    curves = {}
    for (label, direction), color in zip(directions.items(), ("vermillion", "blue"), strict=True):
        curves[label] = torch.stack([lead(model, walk_x + t * direction, walk_y) for t in steps])  # (49, 100)
        axis.plot(255 * steps, curves[label].mean(1), color=COLORS[color], label=label)
    near = steps.abs() < 0.02
    slope, offset = np.polyfit(steps[near], curves["signs of the gradient"].mean(1)[near], 1)
    axis.plot(255 * steps, slope * steps + offset, ":", color=COLORS["grey"], label="straight line")
    axis.axhline(0, color="black", lw=1)
    axis.set(title=f"{name}, mean of 100 pictures", xlabel="step in every pixel (grey levels)", ylim=(-30, 55))
    loss_chosen, loss_random = (curves[k][24].mean() - curves[k][36].mean() for k in directions)  # after 0.06
    print(f"{name}: a step of {255 * 0.06:.0f} grey levels costs {loss_chosen:.1f} of a lead of "
          f"{curves['random signs'][24].mean():.1f}; random signs move it by {-loss_random:+.2f}")
    changed = [(second_place(model, walk_x + t * directions["signs of the gradient"], walk_y)
                != second_place(model, walk_x, walk_y)).float().mean().item() for t in (-0.06, 0.06)]
    print(f"   15 grey levels to the left another class is in second place in {changed[0]:.0%} of the pictures, to the "
          f"right in {changed[1]:.0%}")
    assert loss_chosen > 8 * abs(loss_random)
    bend = curves["signs of the gradient"].mean(1) - (slope * steps + offset)
    assert bend[24:].abs().max() < 0.25 * loss_chosen < bend[:24].abs().max()  # straight ahead, bent behind
axes[0].set_ylabel("lead of the true class\n(difference of logits)")
axes[0].legend(fontsize=12, loc="upper right")
plt.show()

# %% [markdown] slide="subslide"
# To the right, where the loss rises, the curve follows the straight line for 30 grey levels. (To the left, where the
# attack does not go, it soon bends. The lead is the smallest of nine differences, and a step that helps against the
# class in second place soon leaves another one there, as the printed lines show.) Random signs do next to nothing.
#
# ### The panda figure, re-made
#
# Deck N shows the figure of Goodfellow and others: a panda (57.7 %), plus .007 times the sign of the gradient (which
# by itself is called a nematode, a worm, with 8.2 %), is a gibbon (99.3 %). Here is our version. Of the 600 test
# pictures we show for each net the one that is most surely right before and most surely wrong after.

# %% slide="fragment"
LEVEL = 1 / 255  # one grey level
panda_eps = {"MLP": 13 * LEVEL, "CNN": 20 * LEVEL}
figure, axes = plt.subplots(2, 3, figsize=(11, 8.4))
for row, (name, model) in zip(axes, NETS.items(), strict=True):
    eps = panda_eps[name]
    attacked = fgsm(model, x_test, y_test, eps)
    (before, sure_before), (after, sure_after) = answers(model, x_test), answers(model, attacked)
    fooled = (before == y_test) & (after != y_test)
    i = int(torch.where(fooled, sure_before * sure_after, 0).argmax())
    signs = input_slopes(model, x_test[i : i + 1], y_test[i : i + 1]).sign()
    sign_label, sign_sure = answers(model, signs)
    captions = (f"{name}: “{LETTERS[before[i]]}”\n{sure_before[i]:.1%} confidence",
                f"sign of the gradient: “{LETTERS[sign_label[0]]}”\n{sign_sure[0]:.1%} confidence",
                f"+ {eps / LEVEL:.0f}/255 × sign: “{LETTERS[after[i]]}”\n{sure_after[i]:.1%} confidence")
    for axis, picture, caption, low in zip(row, (x_test[i], signs[0], attacked[i]), captions, (0, -1, 0), strict=True):
        axis.imshow(picture[0], vmin=low, vmax=1)
        axis.set(title=caption, xticks=[], yticks=[])
        axis.grid(False)
    assert sure_before[i] > 0.95 and sure_after[i] > 0.95
    training.seed_everything(0)
    copies = x_test[i : i + 1].expand(200, -1, -1, -1)
    noisy = training.accuracy(model, random_signs(model, copies, None, eps), y_test[i].expand(200))
    print(f"{name}: “{LETTERS[before[i]]}” {sure_before[i]:.1%} → “{LETTERS[after[i]]}” {sure_after[i]:.1%} at "
          f"epsilon {eps:.3f} = {eps / LEVEL:.0f} grey levels;\n   with 200 random sign patterns of this size the "
          f"answer stays right in {noisy:.0%}")
    ledger.append(("N", "panda 57.7 % → gibbon 99.3 %, epsilon .007",
                   f"{name}: {LETTERS[before[i]]} {sure_before[i]:.1%} → {LETTERS[after[i]]} {sure_after[i]:.1%}, "
                   f"epsilon {eps:.3f}"))
    assert noisy > 0.95
figure.suptitle("Left and right: black 0, white 1. Middle: black −1, grey 0, white +1", fontsize=15)
plt.show()

# %% [markdown] slide="fragment"
# Our $\varepsilon$ is larger than the deck's .007, which the paper equates with one grey level of its pictures, in
# the units in which its net takes them. (In ours, from 0 to 1, .007 would be 1.8 grey levels.) The photograph is
# easier to change: its 1,000 classes lie closer together than our ten letters, and its panda was not sure to begin
# with. (Section 9 tries a photograph.) That the sign pattern is a "nematode" means nothing: a classifier must call it
# something. The middle column shows what ours call theirs.
#
# > **Erratum E80.** Deck N names the topic "Intriguing properties of *ConvNets*". The paper that it cites is
# > "Intriguing properties of *neural networks*", and convolution is not what makes them. In the next cell a softmax
# > regression, which has no hidden layer at all, and the MLP lose more answers to the same change than the
# > convolutional net does.

# %% slide="fragment"
softmax_regression = trained(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
under_fgsm = {}
for name, model in {"softmax regression": softmax_regression, **NETS}.items():
    under_fgsm[name] = training.accuracy(model, fgsm(model, x_test, y_test, 10 * LEVEL), y_test)
    print(f"{name:<18} clean {training.accuracy(model, x_test, y_test):.1%}   under FGSM with 10 grey levels "
          f"{under_fgsm[name]:.1%}")
assert max(under_fgsm["softmax regression"], under_fgsm["MLP"]) < under_fgsm["CNN"] - 0.15
ledger.append(("N", "a property of ConvNets (E80)",
               "accuracy under FGSM, 10 levels: " + ", ".join(f"{k} {v:.0%}" for k, v in under_fgsm.items())))

# %% [markdown] slide="slide"
# ## 4. More steps, a chosen target, and every epsilon
#
# FGSM trusts the gradient at one point. It is better to take many small steps, asking for a new gradient after each:
# the **basic iterative method** (Kurakin, Goodfellow and Bengio). With a random start inside the allowed cube it is
# **projected gradient descent**, PGD (Mądry and others): after each step the picture is put back into
#
# $$\{\tilde x : |\tilde x_i - x_i| \le \varepsilon \text{ and } 0 \le \tilde x_i \le 1 \text{ for all pixels } i\}.$$
#
# The cube is what the attacker may do; PGD is one way to look for the worst point in it. The cell below keeps account
# of the perturbation $\eta = \tilde x - x$ and not of the picture: twice `clamp`, once for each condition. A
# **targeted** attack wants a particular wrong answer $t$: it *descends* the loss of $t$ and does not merely climb
# that of $y$.


# %% slide="fragment"
def pgd(model, x, y, epsilon, steps=20, target=None, start=True, seed=None):
    """Many small steps, each followed by a return to the allowed cube. Returns the shape of x.

    target: wanted classes (N,); without it, away from y. start: begin at a random point of the cube.
    """
    labels, direction = (y, 1.0) if target is None else (target, -1.0)
    step = 2.5 * epsilon / steps  # the cube is 2 epsilon wide: long enough to cross it
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    eta = epsilon * (2 * torch.rand(x.shape, generator=generator) - 1) if start else torch.zeros_like(x)
    eta = (x + eta).clamp(0, 1) - x
    for _ in range(steps):
        uphill = input_slopes(model, x + eta, labels).sign()
        eta = (eta + direction * step * uphill).clamp(-epsilon, epsilon)
        eta = (x + eta).clamp(0, 1) - x
    return x + eta


training.seed_everything(0)
check = pgd(NETS["MLP"], x_test, y_test, 10 * LEVEL)
assert (check - x_test).abs().max() < 10 * LEVEL + 1e-6 and check.min() >= 0 and check.max() <= 1

ATTACKS = {"random signs": random_signs, "FGSM": fgsm, "PGD, 20 steps": pgd}
LEVELS = np.array([0, 2, 5, 10, 15, 20, 30, 45, 64])
attack_x, attack_y = x_test[:300], y_test[:300]


def sweep(model, attack, x=attack_x, y=attack_y):
    """Accuracy at each of LEVELS."""
    training.seed_everything(0)
    return np.array([training.accuracy(model, attack(model, x, y, level * LEVEL), y) for level in LEVELS])


curves = {(net, attack): sweep(NETS[net], ATTACKS[attack]) for net in NETS for attack in ATTACKS}
figure, axes = plt.subplots(1, 2, figsize=(13, 5), sharey=True)
for axis, net in zip(axes, NETS, strict=True):
    for attack, style in zip(ATTACKS, ("s-", "o-", "^--"), strict=True):
        axis.plot(LEVELS, 100 * curves[net, attack], style, label=attack)
    axis.axhline(10, color=COLORS["grey"], lw=1.5, ls=":", label="guessing")
    axis.set(title=net, xlabel="$\\varepsilon$ (grey levels of 255)", ylim=(-3, 103))
axes[0].set_ylabel("accuracy (%)")
axes[1].legend()
figure.suptitle("Accuracy on 300 test pictures against the size of the perturbation")
plt.show()

# %% slide="fragment"
print("grey levels          " + "".join(f"{level:>6}" for level in LEVELS))
for (net, attack), curve in curves.items():
    print(f"{net}  {attack:<15} " + "".join(f"{value:>6.0%}" for value in curve))
for net in NETS:
    at_20 = {attack: curves[net, attack][list(LEVELS).index(20)] for attack in ATTACKS}
    assert at_20["random signs"] > 0.85 > 0.45 > at_20["FGSM"] > at_20["PGD, 20 steps"] - 0.01
    assert (curves[net, "PGD, 20 steps"] <= curves[net, "FGSM"] + 0.02).all()
    assert curves[net, "PGD, 20 steps"][LEVELS == 45] < 0.05 < 0.5 < curves[net, "random signs"][LEVELS == 45]
    ledger.append(("N", "accuracy at 20 grey levels",
                   f"{net}: " + ", ".join(f"{attack} {value:.0%}" for attack, value in at_20.items())))

# %% [markdown] slide="fragment"
# Adversarial perturbations bring both nets far below guessing: with ten classes a blind answer is right in 10 % of the
# cases, and these nets are wrong on purpose. Random signs of the same size are nearly harmless up to 20 grey levels.
# (This table is of 300 pictures; the marks above are of all.)
#
# **Targets.** Every letter into every other, with PGD. The diagonal is left out.

# %% slide="subslide"
target_eps = 38 * LEVEL
per_class = torch.cat([(y_test == k).nonzero()[:10, 0] for k in range(10)])  # ten pictures of each letter
source_x, source_y = x_test[per_class], y_test[per_class]
success = {}
for name, model in NETS.items():
    training.seed_everything(0)
    success[name] = np.full((10, 10), np.nan)
    for target in range(10):
        wanted = torch.full_like(source_y, target)
        reached = answers(model, pgd(model, source_x, source_y, target_eps, target=wanted))[0] == wanted
        success[name][:, target] = [reached[source_y == k].float().mean().item() for k in range(10)]
    np.fill_diagonal(success[name], np.nan)
    print(f"{name}: targeted attacks with {target_eps / LEVEL:.0f} grey levels reach their target in "
          f"{np.nanmean(success[name]):.0%} of the cases")
assert np.nanmean(success["MLP"]) > 0.8 and np.nanmean(success["MLP"]) > np.nanmean(success["CNN"])

figure, axes = plt.subplots(1, 2, figsize=(12, 5.6), sharey=True)
for axis, (name, table) in zip(axes, success.items(), strict=True):
    shown = axis.imshow(100 * table, cmap="viridis", vmin=0, vmax=100)
    axis.set_xticks(range(10), LETTERS)
    axis.set_yticks(range(10), LETTERS)
    axis.set(title=name, xlabel="target")
    axis.grid(False)
axes[0].set_ylabel("true letter")
figure.colorbar(shown, ax=axes, label="target reached (%)")
figure.suptitle(f"Targeted PGD, $\\varepsilon$ = {target_eps / LEVEL:.0f} grey levels, ten pictures of each letter")
plt.show()

# %% [markdown] slide="subslide"
# **Explorer 1.** Move $\varepsilon$ from 0 and watch the probabilities: where does the answer tip over, and would *you*
# have noticed? Then switch to random signs at the same $\varepsilon$, and from the MLP to the CNN. "PGD to X" is
# targeted. (Where there are no controls, as in Colab, call `plot_attack` with other arguments.)


# %% slide="fragment"
EXPLORED = {letter: int((y_test == k).nonzero()[1, 0]) for k, letter in enumerate(LETTERS)}


def plot_attack(grey_levels=10, letter="A", attack="FGSM", net="MLP"):
    """The attacked picture, what was added, and what the net makes of both."""
    model, i, eps = NETS[net], EXPLORED[letter], grey_levels * LEVEL
    x, y = x_test[i : i + 1], y_test[i : i + 1]
    if attack.startswith("PGD"):
        wanted = torch.tensor([LETTERS.index(attack[-1])]) if " to " in attack else None
        moved = pgd(model, x, y, eps, target=wanted, seed=0)
    elif attack == "FGSM":
        moved = fgsm(model, x, y, eps)
    else:
        torch.manual_seed(0)
        moved = random_signs(model, x, y, eps)
    before, after = (training.predict(model, picture).softmax(1)[0] for picture in (x, moved))
    figure, (image, change, bars) = plt.subplots(1, 3, figsize=(12.5, 4), layout="none",
                                                 gridspec_kw={"width_ratios": [1, 1, 1.5]})
    figure.subplots_adjust(left=0.02, right=0.98, top=0.82, bottom=0.17, wspace=0.3)
    image.imshow(moved[0, 0], vmin=0, vmax=1)
    image.set_title(f"{net}:\n“{LETTERS[after.argmax()]}” {after.max():.1%}", fontsize=15)
    change.imshow((moved - x)[0, 0], cmap="RdBu_r", vmin=-max(eps, LEVEL), vmax=max(eps, LEVEL))
    change.set_title(f"added: blue −{grey_levels}, white 0,\nred +{grey_levels} grey levels", fontsize=15)
    for axis in (image, change):
        axis.set_axis_off()
    bars.bar(np.arange(10) - 0.2, 100 * before, 0.4, color=COLORS["grey"], label="before")
    bars.bar(np.arange(10) + 0.2, 100 * after, 0.4, color=COLORS["vermillion"], label="after")
    bars.set_xticks(range(10), LETTERS)
    bars.set(ylim=(0, 118), yticks=[0, 50, 100], xlabel="letter", ylabel="probability (%)")
    bars.legend(ncols=2, loc="upper center", fontsize=13)
    print(f"{net}: “{LETTERS[before.argmax()]}” {before.max():.1%} before, “{LETTERS[after.argmax()]}” "
          f"{after.max():.1%} after {attack} with {grey_levels} grey levels.")


CHOICES = ["random signs", "FGSM", "PGD", "PGD to X"]
widgets.explore(plot_attack, labels={"grey_levels": "epsilon (grey levels)"},
                grey_levels=(0, 64), letter=list(LETTERS), attack=CHOICES, net=list(NETS))

# %% [markdown] slide="slide"
# ## 5. The smallest perturbation
#
# FGSM spends the same on every pixel. The paper that made the subject known (Szegedy and others, 2013; the deck's
# first slide) asked for the *shortest* perturbation $r$ that yields a chosen target $t$:
#
# $$\min_r \lVert r \rVert_2 \quad \text{such that the net answers } t \text{ at } x + r
#   \text{ and } 0 \le x + r \le 1 .$$
#
# A condition such as "the net answers $t$" has no gradient. So it is replaced by the loss of $t$, and the length
# becomes a penalty of weight $c$:
#
# $$\min_r \; c\, \lVert r \rVert_2^2 + J(\theta, x + r, t), \qquad 0 \le x + r \le 1 .$$
#
# The optimiser is **L-BFGS-B**: it descends, learns the curvature from the gradients on its way to choose its steps
# (a *quasi-Newton* method), and respects bounds such as $0 \le x + r \le 1$. A small $c$ buys a sure success with a
# long $r$. With a large $c$ length is so dear that $r$ stays too short, and the answer does not change. The largest
# $c$ that still succeeds is found by **bisection**: try the middle of an interval (here the geometric mean, for $c$
# may be anything from 0.001 to 1,000), keep the half in which success turns into failure, and repeat.


# %% slide="fragment"
def shortest(model, x, target, bounds=True, rounds=14):
    """Shortest perturbation found that makes the net answer `target`: an array of the shape of x, or None.

    x: one picture, (...). bounds: keep x + r in [0, 1]. rounds: of bisection for the weight of the penalty.
    """
    flat, wanted = x.flatten().double().numpy(), torch.tensor([target])
    dtype = next(model.parameters()).dtype

    def penalty(r, c):
        z = torch.tensor(flat + r, dtype=dtype).view(1, *x.shape).requires_grad_()
        loss = F.cross_entropy(model(z), wanted)
        (gradient,) = torch.autograd.grad(loss, z)
        return c * (r @ r) + loss.item(), 2 * c * r + gradient.flatten().double().numpy()

    limits = np.stack([-flat, 1 - flat], axis=1) if bounds else None
    low, high, best = 1e-3, 1e3, None
    for _ in range(rounds):
        c = math.sqrt(low * high)
        found = minimize(penalty, np.zeros_like(flat), (c,), jac=True, method="L-BFGS-B", bounds=limits,
                         options={"maxiter": 60}).x
        with torch.no_grad():
            reached = model(torch.tensor(flat + found, dtype=dtype).view(1, *x.shape)).argmax().item() == target
        low, high = (c, high) if reached else (low, c)
        best = found if reached else best
    return None if best is None else best.reshape(x.shape)


# %% [markdown] slide="subslide"
# Does it find the shortest? For the linear classifier of section 1 the answer is known. The boundary $s = 0$ is a
# plane at right angles to $w$; a step of length $d$ along $w$ changes the score by $d\,\lVert w \rVert_2$, more than
# a step of this length in any other direction. So the distance to the boundary is $|s(x)| / \lVert w \rVert_2$.

# %% slide="fragment"
exact_net = nn.Linear(64, 2).double()
exact_net.load_state_dict(two_logits.state_dict())
for i in range(5):
    found = np.linalg.norm(shortest(exact_net, x_two_test[i], int(score[i] < 0), bounds=False))
    exact = (score[i].abs() / w.norm()).item()
    print(f"picture {i}: found {found:.4f}, exact {exact:.4f}, {found / exact - 1:+.2%}")
    assert -1e-6 < found / exact - 1 < 0.01

# %% [markdown] slide="subslide"
# Now the MLP on letters. The target is the class in second place.

# %% slide="fragment"
model = NETS["MLP"]
logits = training.predict(model, x_test)
some = (logits.argmax(1) == y_test).nonzero()[:30, 0]
runners_up = logits[some].topk(2).indices[:, 1]
lengths, found_r = [], []
for i, target in zip(some.tolist(), runners_up.tolist(), strict=True):
    found_r.append(shortest(model, x_test[i], target))
    lengths.append(np.linalg.norm(found_r[-1]))
lengths = np.array(lengths)

training.seed_everything(0)
fine = torch.arange(1, 256) * LEVEL
signs = input_slopes(model, x_test[some], y_test[some]).sign()
lengths_fgsm = []  # the length at the first whole grey level that changes the answer
for n in range(len(some)):
    candidates = (x_test[some[n]] + fine[:, None, None, None] * signs[n]).clamp(0, 1)
    hit = int((answers(model, candidates)[0] != y_test[some[n]]).float().argmax())
    lengths_fgsm.append((candidates[hit] - x_test[some[n]]).norm().item())
same_length = F.normalize(torch.randn(len(some), 50, 784), dim=2) * torch.tensor(lengths)[:, None, None]
noisy = x_test[some].view(-1, 1, 784) + same_length  # not clipped: that would shorten it
wrong = (answers(model, noisy.float().reshape(-1, 1, 28, 28))[0].view(-1, 50) != y_test[some][:, None]).float().mean()
print(f"median length: pictures {x_test[some].flatten(1).norm(dim=1).median():.2f}, "
      f"L-BFGS {np.median(lengths):.2f}, FGSM {np.median(lengths_fgsm):.2f}")
print(f"distortion, the root mean square over the pixels: {np.median(lengths) / 28:.3f} "
      f"= {np.median(lengths) / 28 * 255:.1f} grey levels")
print(f"random perturbations exactly as long as those of L-BFGS change {wrong:.1%} of the answers (those change 100 %)")
assert np.median(lengths) < 0.7 * np.median(lengths_fgsm) and wrong < 0.02
ledger.append(("N", "Szegedy 2013: tiny perturbations suffice",
               f"MLP: median length {np.median(lengths):.2f} of a picture's "
               f"{x_test[some].flatten(1).norm(dim=1).median():.1f}; random ones as long change {wrong:.1%}"))

# %% slide="subslide"
first = int(some[0])
others = [k for k in range(10) if k != y_test[first]]
everything = {LETTERS[k]: shortest(model, x_test[first], k) for k in others}
figure, axes = plt.subplots(2, 9, figsize=(15, 4.4))
for column, (letter, r) in zip(axes.T, everything.items(), strict=True):
    picture = x_test[first] + torch.from_numpy(r).float()
    assert LETTERS[answers(model, picture[None])[0][0]] == letter
    column[0].imshow(picture[0], vmin=0, vmax=1)
    column[0].set_title(f"“{letter}”")
    shown = column[1].imshow(r[0], cmap="RdBu_r", vmin=-0.15, vmax=0.15)
    column[1].set_title(f"$\\Vert r\\Vert$ = {np.linalg.norm(r):.2f}", fontsize=14)
for axis in axes.flat:
    axis.set_axis_off()
figure.colorbar(shown, ax=axes[1], shrink=0.9, label="change $r$", ticks=[-0.15, 0, 0.15])
figure.suptitle(f"One picture of {LETTERS[y_test[first]]}, read as each of the other nine letters (grey 0 to 1)")
plt.show()
print(f"lengths from {min(np.linalg.norm(r) for r in everything.values()):.2f} to "
      f"{max(np.linalg.norm(r) for r in everything.values()):.2f}; the picture itself has {x_test[first].norm():.2f}")
assert max(np.linalg.norm(r) for r in everything.values()) < 0.35 * x_test[first].norm()

# %% [markdown] slide="slide"
# ## 6. Fooling images
#
# The deck's third slide shows patterns that nobody would call anything, labelled "obelisk", "comic book", "medicine
# chest" … It names no source; pictures of this kind are those of Nguyen, Yosinski and Clune (2015), *Deep neural
# networks are easily fooled*. The attack is the same as before, without a picture to stay close to: start at noise, and
# descend the loss of a target, one grey level a step, until the net is more than 99 % sure.
#
# But first: what does a net say to noise that nobody has worked on?

# %% slide="fragment"
training.seed_everything(0)
noise = torch.rand(2000, 1, 28, 28)
sure_of_noise = {}
for name, model in NETS.items():
    label, probability = answers(model, noise)
    sure_of_noise[name] = (probability > 0.99).float().mean().item()
    names = " ".join(f"{LETTERS[k]} {share:.0%}" for k, share in
                     sorted(enumerate((torch.bincount(label, minlength=10) / 2000).tolist()), key=lambda p: -p[1])[:3])
    print(f"{name}: more than 99 % sure of {sure_of_noise[name]:.0%} of 2,000 noise pictures; mostly {names}")
assert min(sure_of_noise.values()) > 0.1


# %% slide="subslide"
def fool(model, start, target, steps=300, sure=0.99):
    """Walk from `start` until every picture is taken for its target. Returns the pictures after each step, a list."""
    path = [start]
    for _ in range(steps):
        probability = training.predict(model, path[-1]).softmax(1).gather(1, target[:, None])
        if probability.min() > sure:
            break
        done = (probability > sure).view(-1, 1, 1, 1)
        moved = (path[-1] - LEVEL * input_slopes(model, path[-1], target).sign()).clamp(0, 1)
        path.append(torch.where(done, path[-1], moved))
    return path


targets = torch.arange(10)
paths = {name: fool(model, noise[:10], targets) for name, model in NETS.items()}
for name, path in paths.items():
    label, probability = answers(NETS[name], path[-1])
    assert (label == targets).all() and probability.min() > 0.99
    print(f"{name}: from noise to all ten letters with at least {probability.min():.1%} in {len(path) - 1} steps; no "
          f"pixel changed by more than {255 * (path[-1] - path[0]).abs().max():.0f} grey levels")
label, probability = answers(NETS["CNN"], paths["CNN"][-1])
plotting.show_images(paths["CNN"][-1], columns=5, limits=(0, 1), title="Ten letters, according to the CNN",
                     titles=[f"“{LETTERS[k]}” {p:.1%}" for k, p in zip(label, probability, strict=True)])
ledger.append(("N", "fooling images: sure of what is nothing",
               f"MLP and CNN: ten of ten letters from noise, > 99 % each; the MLP is > 99 % sure of "
               f"{sure_of_noise['MLP']:.0%} of raw noise"))

# %% [markdown] slide="subslide"
# The paper also did it without any gradient, by **evolution**: mutate some pixels, keep the best child. All that is
# needed is the net's answer. Here 16 children a generation, each with 3 % of the pixels drawn anew.


# %% slide="fragment"
def evolve(model, target, generations=3000, children=16, rate=0.03, seed=0):
    """Pictures (N, 1, 28, 28) that the net takes for `target` (N,) with more than 99 %, and the generations needed."""
    generator = torch.Generator().manual_seed(seed)
    parent, rows = torch.rand(len(target), 784, generator=generator), torch.arange(len(target))

    def fitness(pixels, wanted):
        return training.predict(model, pixels.reshape(-1, 1, 28, 28)).log_softmax(1).gather(1, wanted[:, None])[:, 0]

    best = fitness(parent, target)
    for generation in range(generations):
        if best.exp().min() > 0.99:
            return parent.view(-1, 1, 28, 28), generation
        child = parent[:, None].repeat(1, children, 1)
        mutated = torch.rand(child.shape, generator=generator) < rate
        child = torch.where(mutated, torch.rand(child.shape, generator=generator), child)
        scores, winner = fitness(child.flatten(0, 1), target.repeat_interleave(children)).view(-1, children).max(1)
        better = scores > best
        parent[better], best[better] = child[rows, winner][better], scores[better]
    raise RuntimeError(f"not reached after {generations} generations: {best.exp().tolist()}")


for name, model in NETS.items():
    evolved, generations = evolve(model, targets)
    label, probability = answers(model, evolved)
    print(f"{name}: evolution needs {generations} generations for all ten letters; least sure {probability.min():.1%}")
    assert (label == targets).all() and probability.min() > 0.99

# %% [markdown] slide="fragment"
# The softmax has to share 100 % among ten letters. It has no answer "none of these", and nothing in the training ever
# asked what lies outside the letters. A high probability says "of these ten rather this one", and no more. (Module
# 07, section 3, has such a net judge drawn letters, and so must not trust it alone.)
#
# **Explorer 2.** The walk from noise to each letter.


# %% slide="subslide"
def plot_fooling(step=30, letter="B", net="MLP"):
    """The picture after so many steps, what has been added, and the target's probability at every step."""
    path, k = paths[net], LETTERS.index(letter)
    step = min(step, len(path) - 1)
    chance = training.predict(NETS[net], torch.stack([pictures[k] for pictures in path])).softmax(1)[:, k]
    figure, (image, change, curve) = plt.subplots(1, 3, figsize=(12.5, 4), layout="none",
                                                  gridspec_kw={"width_ratios": [1, 1, 1.5]})
    figure.subplots_adjust(left=0.02, right=0.98, top=0.82, bottom=0.17, wspace=0.3)
    image.imshow(path[step][k, 0], vmin=0, vmax=1)
    image.set_title(f"{net}:\n“{letter}” {chance[step]:.1%}", fontsize=15)
    change.imshow((path[step] - path[0])[k, 0], cmap="RdBu_r", vmin=-40 * LEVEL, vmax=40 * LEVEL)
    change.set_title("added: blue −40, white 0,\nred +40 grey levels", fontsize=15)
    for axis in (image, change):
        axis.set_axis_off()
    curve.plot(100 * chance, color=COLORS["grey"])
    curve.plot(step, 100 * chance[step], "o", color=COLORS["vermillion"], markersize=12)
    curve.set(xlabel="step (one grey level each)", ylabel="probability (%)", ylim=(-4, 104))
    print(f"{net}, step {step} of {len(path) - 1}: “{letter}” has {chance[step]:.1%}.")


widgets.explore(plot_fooling, step=(0, max(map(len, paths.values())) - 1), letter=list(LETTERS), net=list(NETS))

# %% [markdown] slide="slide"
# ## 7. Transfer: fool one, fool the others
#
# So far the attacker had the net, its weights and its gradient (a **white-box** attack). Szegedy and others found that
# this is often not needed: what fools one net tends to fool others, of another architecture or trained on other data.
# (What transfers here is an attack: it is not the transfer learning of module 04, section 8.) Papernot, McDaniel and
# Goodfellow extended the finding to decision trees and nearest neighbours, which have no gradient at all. So one
# attacks a net of one's own and sends the result (a **black-box** attack). Two readers below are of this kind. The
# **forest** is a vote of 60 decision trees (module 01, sections 5 and 8), each grown on a random choice of the
# pictures. The **5 nearest neighbours** are the five training pictures closest in Euclidean distance; their majority is
# the answer.
#
# Rows: the model whose gradient was used (PGD). Columns: the model that has to read the pictures. "MLP, other data" is
# trained on a second set of letters that shares no picture with the first.

# %% slide="fragment"
transfer_eps = 20 * LEVEL
other_letters = data.glyphs(n_train=4000, n_test=10, seed=1, classes=LETTERS)
sources = {
    "softmax regr.": softmax_regression,
    "MLP": NETS["MLP"],
    "MLP, other data": trained(mlp, other_letters.x_train, other_letters.y_train, seed=1),
    "CNN": NETS["CNN"],
    "CNN, other data": trained(cnn, other_letters.x_train, other_letters.y_train, seed=1),
}
flat_train, labels_train = glyphs.x_train.flatten(1).numpy(), glyphs.y_train.numpy()
without_gradient = {
    "forest": RandomForestClassifier(60, random_state=0).fit(flat_train, labels_train),
    "5 neighbours": KNeighborsClassifier(5).fit(flat_train, labels_train),
}


def reads(name, x):
    """Classes (N,) that the model of that name answers."""
    if name in sources:
        return training.predict(sources[name], x).argmax(1)
    return torch.from_numpy(without_gradient[name].predict(x.flatten(1).numpy()))


readers = [*sources, *without_gradient]
training.seed_everything(0)
sent = {"no attack": attack_x, "random signs": random_signs(None, attack_x, attack_y, transfer_eps)}
sent |= {name: pgd(model, attack_x, attack_y, transfer_eps) for name, model in sources.items()}
table = np.array([[(reads(reader, x) == attack_y).float().mean().item() for reader in readers] for x in sent.values()])

figure, axis = plt.subplots(figsize=(11.5, 6))
shown = axis.imshow(100 * table, cmap="cividis", vmin=0, vmax=100, aspect="auto")
for row, column in np.ndindex(table.shape):
    axis.text(column, row, f"{100 * table[row, column]:.0f}", ha="center", va="center", fontsize=16,
              color="white" if table[row, column] < 0.5 else "black")
axis.set_xticks(range(len(readers)), [name.replace(", ", ",\n").replace(" ", "\n", 1) for name in readers], fontsize=13)
axis.set_yticks(range(len(sent)), sent)
axis.set(title=f"Accuracy (%) on 300 pictures, PGD with {transfer_eps / LEVEL:.0f} grey levels",
         xlabel="read by", ylabel="made with")
axis.grid(False)
figure.colorbar(shown, label="accuracy (%)")
plt.show()

# %% slide="fragment"
made, read = list(sent), readers


def cell(source, reader):
    return table[made.index(source), read.index(reader)]


print(f"made with the MLP on other data, read by our MLP: {cell('MLP, other data', 'MLP'):.0%}; "
      f"random signs: {cell('random signs', 'MLP'):.0%}; its own gradient: {cell('MLP', 'MLP'):.0%}")
print(f"made with the CNN on other data, read by our CNN: {cell('CNN, other data', 'CNN'):.0%}; "
      f"random signs: {cell('random signs', 'CNN'):.0%}; its own gradient: {cell('CNN', 'CNN'):.0%}")
for kind in ("MLP", "CNN"):
    assert cell(kind, kind) + 0.05 < cell(f"{kind}, other data", kind) < cell("random signs", kind) - 0.2
for reader in without_gradient:
    hurt = {source: cell(source, reader) for source in sources}
    worst = min(hurt, key=hurt.get)
    print(f"{reader}: random signs {cell('random signs', reader):.0%}, made with {worst} {hurt[worst]:.0%}")
    assert (hurt[worst] < cell("random signs", reader) - 0.2) == (reader == "forest")
ledger.append(("N", "adversarial examples transfer",
               f"MLP trained on other data fools ours: {cell('MLP, other data', 'MLP'):.0%} right, random signs "
               f"{cell('random signs', 'MLP'):.0%}"))

# %% [markdown] slide="fragment"
# Transfer works: not sharing the weights, nor even the training data, does not protect a net. It does not work for
# all pairs alike. The forest, which noise already disturbs, falls to perturbations made with any of the nets. The
# five nearest neighbours lose at most a few points more than to noise: for them a picture must come closer to another
# class as a whole, and 20 grey levels seldom carry it there.
#
# Why it works between nets would fit section 1: models that learn the same task may come to similar slopes, so that a
# direction that is bad for one is bad for the other. Are they similar? The cosine (module 06, section 1) of the angle
# between the slopes of two models at the same picture is 1 for the same direction and about 0 ± 0.04 for two random
# directions among 784 pixels.

# %% slide="fragment"
slopes = {name: F.normalize(input_slopes(sources[name], attack_x, attack_y).double().flatten(1), dim=1)
          for name in sources}
cosine = {pair: (slopes[pair[0]] * slopes[pair[1]]).sum(1).mean().item() for pair in itertools.combinations(sources, 2)}
for (one, other), value in cosine.items():
    print(f"{one:<16} and {other:<16} mean cosine of the slopes {value:.2f}")
assert min(cosine.values()) > 3 / 28  # a random pair has the standard deviation 1/28 at a single picture

# %% [markdown] slide="fragment"
# All pairs lie far above chance, and well below 1. That fits the table: borrowed slopes harm, though less than a net's
# own.

# %% [markdown] slide="slide"
# ## 8. Training with adversarial examples
#
# "Training with adversarial samples" is the title of the deck's formula, and the remedy that both papers propose: let
# the net learn from what fools it. Mądry and others write it as a game. The attacker maximises inside, the trainer
# minimises outside:
#
# $$\min_\theta \; \mathbb{E}_{(x, y)} \Big[ \max_{\lVert \eta \rVert_\infty \le \varepsilon}
#   J(\theta, x + \eta, y) \Big].$$
#
# $\mathbb E$ is the expectation, in practice the mean over the training pictures. The inner maximum is what PGD looks
# for. Every batch is attacked, with the weights as they are at that moment, and the net takes its step on the
# attacked batch. With FGSM as the inner attack a training step costs two backward passes, with 5-step PGD six.
#
# `training.fit` can change a batch through `augment`, but hands it only the pictures. The attack needs the true labels
# too, so they travel as one more column. Four nets, on letters and on the handwritten digits: trained on clean
# pictures, on random signs, on FGSM and on PGD.


# %% slide="subslide"
def fit_under(attack, make, x, y, epsilon, epochs, seed=0):
    """A net that only ever trains on attacked batches. attack: function (model, x, y, epsilon), or None."""
    training.seed_everything(seed)
    model = make()
    with_label = torch.cat([x.flatten(1), y[:, None].float()], dim=1)

    def attacked(batch):
        pictures, labels = batch[:, :-1].reshape(-1, *x.shape[1:]), batch[:, -1].long()
        return pictures if attack is None else attack(model, pictures, labels, epsilon)

    training.fit(model, with_label, y, epochs=epochs, lr=2e-3, augment=attacked, seed=seed, progress=False)
    return model


def pgd_5(model, x, y, epsilon):
    return pgd(model, x, y, epsilon, steps=5)


RECIPES = {"clean": None, "random signs": random_signs, "FGSM": fgsm, "PGD": pgd_5}
handwritten = data.digits()
TASKS = {"letters": (glyphs, 20 * LEVEL, mlp, 12), "digits": (handwritten, 0.15, lambda: mlp(64), 60)}
EXAMS = {"clean": lambda model, x, y, eps: x, "random signs": random_signs, "FGSM": fgsm, "PGD": pgd}
robust, marks = {}, {}
for task, (images, eps, make, epochs) in TASKS.items():
    print(f"{task}, epsilon {eps:.3f} = {eps / LEVEL:.0f} grey levels; {len(images.y_test)} test pictures, chance 10 %")
    print(f"   {'trained on':<14}" + "".join(f"{exam:>14}" for exam in EXAMS) + "    seconds of training")
    for recipe, attack in RECIPES.items():
        began = time.perf_counter()
        model = robust[task, recipe] = fit_under(attack, make, images.x_train, images.y_train, eps, epochs)
        seconds = time.perf_counter() - began
        training.seed_everything(0)
        marks[task, recipe] = {exam: training.accuracy(model, change(model, images.x_test, images.y_test, eps),
                                                       images.y_test) for exam, change in EXAMS.items()}
        print(f"   {recipe:<14}" + "".join(f"{mark:>14.1%}" for mark in marks[task, recipe].values())
              + f"    {seconds:.1f}")

# %% slide="fragment"
for task in TASKS:
    plain, noise_trained, robust_marks = (marks[task, recipe] for recipe in ("clean", "random signs", "PGD"))
    assert robust_marks["PGD"] > plain["PGD"] + 0.4
    assert noise_trained["PGD"] < robust_marks["PGD"] - 0.25
    assert marks[task, "FGSM"]["PGD"] > plain["PGD"] + 0.4
    ledger.append(("N", "training with adversarial samples",
                   f"{task}: under PGD {plain['PGD']:.0%} → {robust_marks['PGD']:.0%}; clean {plain['clean']:.1%} → "
                   f"{robust_marks['clean']:.1%}"))
assert marks["letters", "FGSM"]["PGD"] < marks["letters", "PGD"]["PGD"] - 0.02

# %% [markdown] slide="fragment"
# Training on random noise helps little against an attack. Training on attacks does help, at several times the cost.
# FGSM as the inner attack is cheaper. On the letters it is also the poorer teacher, on clean and on attacked pictures.
#
# What is the price? At this $\varepsilon$ the clean accuracy suffers little (600 pictures leave it a standard error
# of about 0.7 points). Ask for twice the $\varepsilon$, and a net of this size can no longer have both.

# %% slide="fragment"
twice = fit_under(pgd_5, mlp, glyphs.x_train, glyphs.y_train, 40 * LEVEL, 12)
clean_twice = training.accuracy(twice, x_test, y_test)
training.seed_everything(0)
attacked_twice = {level: training.accuracy(twice, pgd(twice, x_test, y_test, level * LEVEL), y_test)
                  for level in (20, 40)}
print(f"letters, trained with PGD at 20 grey levels: clean {marks['letters', 'PGD']['clean']:.1%}, under PGD at 20 "
      f"levels {marks['letters', 'PGD']['PGD']:.1%}")
print(f"letters, trained with PGD at 40 grey levels: clean {clean_twice:.1%}, under PGD at 20 "
      f"levels {attacked_twice[20]:.1%}, at 40 levels {attacked_twice[40]:.1%}")
assert clean_twice < marks["letters", "PGD"]["clean"] - 0.05

# %% slide="subslide"
NETS["MLP, trained with PGD"] = robust["letters", "PGD"]
figure, axis = plt.subplots(figsize=(9.5, 5))
robust_curves = {}
for recipe, color, style in (("clean", "vermillion", "o-"), ("random signs", "orange", "s--"), ("PGD", "blue", "^-")):
    robust_curves[recipe] = sweep(robust["letters", recipe], pgd)
    axis.plot(LEVELS, 100 * robust_curves[recipe], style, color=COLORS[color], label=f"trained on: {recipe}")
axis.axvline(20, color=COLORS["grey"], lw=1.5, ls=":", label="$\\varepsilon$ of the training")
axis.set(title="Letters, MLP: accuracy under PGD, 20 steps", xlabel="$\\varepsilon$ (grey levels of 255)",
         ylabel="accuracy (%)", ylim=(-3, 103))
axis.legend(loc="upper right")
plt.show()
within = (LEVELS >= 10) & (LEVELS <= 30)
assert (robust_curves["PGD"][within] > robust_curves["clean"][within] + 0.25).all()

# %% [markdown] slide="subslide"
# ### Is it true, or do the attacks only fail?
#
# A defence can look strong because it spoils the gradient that the attack uses (**gradient masking**), and not
# because the net is hard to fool. Athalye, Carlini and Wagner (2018) looked at nine defences that one conference had
# just accepted: seven masked their gradients, and of these six fell to better attacks completely and one in part. Two
# checks:
#
# 1. A much stronger attack (50 steps, three starts, a picture counts as read only if it survives all) must not be much
#    more successful than the weak one.
# 2. A black-box attack, with the gradients of *another* net, must not be more successful than the white-box one.

# %% slide="fragment"
model, eps = robust["letters", "PGD"], TASKS["letters"][1]
training.seed_everything(0)
weak = training.accuracy(model, pgd(model, attack_x, attack_y, eps), attack_y)
survived = torch.ones(len(attack_y), dtype=torch.bool)
for _ in range(3):
    survived &= answers(model, pgd(model, attack_x, attack_y, eps, steps=50))[0] == attack_y
strong = survived.float().mean().item()
borrowed = min(training.accuracy(model, sent[name], attack_y) for name in sources)
print(f"robust MLP on 300 letters: PGD 20 steps {weak:.1%}, 50 steps from three starts {strong:.1%}, "
      f"the worst of five other nets' perturbations {borrowed:.1%}")
assert weak - strong < 0.05 and borrowed > weak + 0.05

noise_label, noise_sure = answers(model, noise)
fooled = fool(model, noise[:10], targets)[-1]
print(f"it is more than 99 % sure of {(noise_sure > 0.99).float().mean():.0%} of raw noise; but the walk of section 6 "
      f"still takes it from noise to ten letters with at least {answers(model, fooled)[1].min():.1%}")
assert (answers(model, fooled)[0] == targets).all() and answers(model, fooled)[1].min() > 0.99

# %% [markdown] slide="subslide"
# Both checks are passed: nothing speaks for masked gradients. That is evidence and no proof, for an attack can only
# show where a net fails; the accuracy under the strongest attack remains an upper bound. Fooling images still work:
# the training said what to do near letters and nothing about the rest.
#
# What has changed is visible in the gradients with respect to the pixels (module 04, section 7, looks at those of
# single units). More than half of the pixels lie at the edge and are black in nearly all training pictures. Clean
# training gives them large weights all the same, for the sake of the few pictures in which they are lit, and it has no
# reason to keep these weights small. The attacker lights such pixels in every picture. The robust net has seen this
# done, and has stopped listening to them. (Pixels that are black in *all* training pictures pass no gradient to their
# weights, and clean training leaves these exactly as drawn.)

# %% slide="fragment"
edge = glyphs.x_train.mean(0) < 0.02  # (1, 28, 28)
print(f"{edge.float().mean():.0%} of the pixels have a mean below 0.02 over the training pictures")
training.seed_everything(0)
drawn = mlp()[1].weight.detach()  # (128, 784), what training began with
never_lit = (glyphs.x_train.amax(0) == 0).flatten()
assert torch.equal(robust["letters", "clean"][1].weight[:, never_lit], drawn[:, never_lit])
typical = {"as drawn": drawn}
typical |= {f"trained: {recipe}": robust["letters", recipe][1].weight for recipe in ("clean", "PGD")}
typical = {name: weight[:, edge.flatten()].square().mean().sqrt().item() for name, weight in typical.items()}
print("root mean square of their weights: " + ", ".join(f"{name} {value:.3f}" for name, value in typical.items()))
assert typical["trained: clean"] > 1.7 * typical["as drawn"] and typical["trained: PGD"] < 1.1 * typical["as drawn"]
shown_pictures = torch.tensor([EXPLORED[letter] for letter in "ABDEKSX"])
rows = {"picture": x_test[shown_pictures]}
for title, recipe in (("trained on\nclean pictures", "clean"), ("trained\nwith PGD", "PGD")):
    gradients = input_slopes(robust["letters", recipe], x_test, y_test)
    gradients = gradients / gradients.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-30)  # each to its own maximum
    rows[title] = gradients[shown_pictures]
    at_edge = ((gradients.abs() * edge).sum((1, 2, 3)) / gradients.abs().sum((1, 2, 3))).mean().item()
    print(f"{' '.join(title.split()):<27} {at_edge:.0%} of the input gradient falls on them")
    assert at_edge > 0.3 if recipe == "clean" else at_edge < 0.1
figure, axes = plt.subplots(3, 7, figsize=(13, 6.4))
for line, (title, pictures) in zip(axes, rows.items(), strict=True):
    for axis, picture in zip(line, pictures, strict=True):
        signed = title != "picture"
        axis.imshow(picture[0], cmap="RdBu_r" if signed else "gray", vmin=-1 if signed else 0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
    line[0].set_ylabel(title, fontsize=14)
figure.suptitle("Gradient of the loss: brighter raises the loss where red, lowers it where blue\n"
                "(each scaled to its largest entry)", fontsize=15)
plt.show()

# %% [markdown] slide="subslide"
# **Explorer 3.** The explorer of section 4 with the robust net. Compare how many grey levels it takes to turn a K
# into an X, and what the perturbation looks like. For both nets the upright stroke of the K, which an X does not have,
# is dimmed. The rest is specks all over for the plain net. For the robust net it is nearly the whole background at full
# size, and little around the slanting strokes.

# %% slide="fragment"
def plot_robust(grey_levels=45, letter="K", attack="PGD to X", net="MLP, trained with PGD"):
    """`plot_attack` with the robust net to begin with."""
    plot_attack(grey_levels, letter, attack, net)


plot_robust(net="MLP")
plt.show()
widgets.explore(plot_robust, labels={"grey_levels": "epsilon (grey levels)"},
                grey_levels=(0, 64), letter=list(LETTERS), attack=CHOICES, net=list(NETS))

# %% [markdown] slide="slide"
# ## 9. Further: a photograph and a net for 1,000 classes
#
# The original figure has a photograph and a net trained on ImageNet. torchvision offers such nets; SqueezeNet 1.0 is
# a small one (5 MB), which module 04, section 10, uses too. Its weights come from the network once and are then in
# torch's cache. The cell looks into the cache and into the course's mirror of data (`COURSE_DATA_MIRROR`) only, unless
# you set `DOWNLOAD = True`. The photograph ships with scikit-learn.

# %% tags=["further"] slide="fragment"
DOWNLOAD = False


class OnPictures(nn.Module):
    """A torchvision net that takes pictures in [0, 1], and subtracts and divides as its training did."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("spread", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))

    def forward(self, x):
        return self.net((x - self.mean) / self.spread)


weights, squeezenet = models.SqueezeNet1_0_Weights.IMAGENET1K_V1, None
mirrored = Path(os.environ.get("COURSE_DATA_MIRROR") or ".", "imagenet", "squeezenet1_0_torchvision_layout.npz")
if DOWNLOAD or Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1]).exists():
    try:
        squeezenet = OnPictures(models.squeezenet1_0(weights=weights, progress=False)).eval()
    except OSError as error:  # no network
        print(f"The download failed: {error}.")
elif mirrored.exists():
    network = models.squeezenet1_0()
    with np.load(mirrored) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    squeezenet = OnPictures(network).eval()
if squeezenet is None:
    print("SqueezeNet's weights are neither in torch's cache nor in a mirror, so this section is left out. To fetch\n"
          "5 MB from download.pytorch.org, set DOWNLOAD = True in this cell. Nothing else in this lecture needs them.")
else:
    photograph = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None] / 255
    photograph = TF.center_crop(TF.resize(photograph, 256, antialias=True), 224).clamp(0, 1)
    names = weights.meta["categories"]
    label = answers(squeezenet, photograph)[0]
    training.seed_everything(0)
    runs = {"as it is": photograph, "random signs, .007": random_signs(squeezenet, photograph, label, 0.007),
            "FGSM, .007": fgsm(squeezenet, photograph, label, 0.007),
            "PGD, .007": pgd(squeezenet, photograph, label, 0.007)}
    figure, axes = plt.subplots(1, 4, figsize=(15, 5.4))
    for axis, (title, picture) in zip(axes, runs.items(), strict=True):
        answer, sure = answers(squeezenet, picture)
        axis.imshow(picture[0].permute(1, 2, 0))
        axis.set(title=f"{title}:\n“{names[answer]}” {sure[0]:.1%}", xticks=[], yticks=[])
        axis.grid(False)
    figure.suptitle("SqueezeNet 1.0 and a photograph; no value changed by more than .007 (1.8 grey levels)")
    plt.show()

# %% [markdown] slide="slide"
# ## What the deck says, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - A perturbation that knows the weights adds up over all pixels; a random one cancels. The ratio of the two grows like
#   $\sqrt n$ with the number of pixels, so a net can withstand noise and fall to an attack of the same size.
# - **FGSM** is one step along the sign of the input gradient; **PGD** many, with a return to the allowed cube after
#   each. Random signs of the same size are the control that every figure needs.
# - The **shortest** perturbation comes from an optimiser with a penalty, tested on a linear model with a known answer.
# - **Fooling images**: a net can be more than 99 % sure of noise. The softmax has no answer "none of these".
# - Adversarial examples **transfer** between models, so that hiding the weights is no defence.
# - **Adversarial training** makes a net more robust within the $\varepsilon$ that it trains on. It costs several times
#   the computation and, for a large $\varepsilon$, clean accuracy. Trust it only after a stronger attack and a borrowed
#   one have failed.
#
# **Next:** the [lab of this module](../labs/08_adversarial/08_adversarial.ipynb), in which you write the attacks and
# the defence yourself. It is the last one of the course.
#
# ## References
#
# - A. Athalye, N. Carlini, D. Wagner. Obfuscated gradients give a false sense of security: circumventing defenses to
#   adversarial examples. *ICML* 2018.
# - I. Goodfellow, J. Shlens, C. Szegedy. [Explaining and harnessing adversarial
#   examples](https://arxiv.org/abs/1412.6572). *ICLR* 2015 (arXiv 2014, the year that the deck gives).
# - F. Iandola, S. Han, M. Moskewicz, K. Ashraf, W. Dally, K. Keutzer. [SqueezeNet: AlexNet-level accuracy with 50x
#   fewer parameters and <0.5MB model size](https://arxiv.org/abs/1602.07360). arXiv 2016.
# - A. Kurakin, I. Goodfellow, S. Bengio. [Adversarial examples in the physical
#   world](https://arxiv.org/abs/1607.02533). *ICLR* 2017, workshop track.
# - A. Kurakin, I. Goodfellow, S. Bengio. Adversarial machine learning at scale. *ICLR* 2017.
# - A. Mądry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu. [Towards deep learning models resistant to adversarial
#   attacks](https://arxiv.org/abs/1706.06083). *ICLR* 2018.
# - A. Nguyen, J. Yosinski, J. Clune. [Deep neural networks are easily fooled: high confidence predictions for
#   unrecognizable images](https://arxiv.org/abs/1412.1897). *CVPR* 2015.
# - N. Papernot, P. McDaniel, I. Goodfellow. [Transferability in machine learning: from phenomena to black-box attacks
#   using adversarial samples](https://arxiv.org/abs/1605.07277). arXiv 2016.
# - C. Szegedy, W. Zaremba, I. Sutskever, J. Bruna, D. Erhan, I. Goodfellow, R. Fergus. [Intriguing properties of
#   neural networks](https://arxiv.org/abs/1312.6199). *ICLR* 2014 (arXiv 2013, the year that the deck gives).
# - T. Tanay, L. Griffin. [A boundary tilting perspective on the phenomenon of adversarial
#   examples](https://arxiv.org/abs/1608.07690). arXiv 2016.
