# %% [markdown] slide="slide"
# # 05 · Recurrent nets: order, memory, and text letter by letter
#
# **Question.** "Not dull but funny" and "not funny but dull" have the same words. How does a net read in order, what
# does it remember of what it has read, and how is it trained through time?
#
# - **You need** module 02 (gradients, reverse mode), module 03 (tanh, softmax, cross-entropy, Adam) and the idea of
#   shared weights (module 04).
# - **You get** the recurrent cell and backpropagation through time; why gradients vanish or explode, and what clipping
#   can and cannot do; the LSTM, its gates and the bidirectional net; a character model trained on Python's own source;
#   sentiment with negation, recursive composition, frames of a video and motifs in DNA.
# - **Time**: 100 minutes to read and try; about a minute to run on two CPU cores, without a network.
# - **Slides**: F "Text : recurrent", "RNN : basics" to "Application: Sentiment Analysis"; V 25, 42 to 44; N "What about
#   sequential data?" to "Leo Tolstoy's 'War and Peace'"; G 38 to 43.
#
# The decks: **F** = a French introduction (2017), **V** = Lidy and Schlüter (Vienna 2016), **N** = Neverova (Lyon
# 2015), **G** = Grisel (Neurospin 2017); V 42 is slide 42 of deck V. What they claim is checked by a cell. Where they
# err, an **Erratum** box says so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import dataclasses
import itertools
import math
import os
import random
import re
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from torch import nn

from course_utils import data, plotting, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end


def n_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


# %% [markdown] slide="slide"
# ## 1. Why order matters, and what a state is
#
# A multi-layer perceptron takes a vector of fixed length. A text, a melody or a gene has any length, and its order
# carries the meaning. One could cut out a window of ten words and give each place its own weights. Then what was
# learned about a word in place 3 is unknown in place 4, and word 11 is not seen at all.
#
# A **recurrent net** (RNN) reads one element after the other and keeps a **state** $h$, a vector:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b), \qquad t = 1, \dots, T, \qquad h_0 = 0.$$
#
# $x_t$ is the input at step $t$. $W$, $U$ and $b$ are **the same at every step**: weight sharing in time, as a
# convolution shares weights over space (module 04, section 2). The smallest example has one state and one input,
# which is $+1$, $-1$ or, mostly, 0. What does it remember after the input has fallen silent?

# %% slide="fragment"
pulses = torch.zeros(40)
pulses[[3, 18, 27]] = torch.tensor([1.0, -1.0, 1.0])


def remember(u, w=3.0):
    """States (40,) of a cell with one unit, h = tanh(w x + u h)."""
    h, states = torch.tensor(0.0), []
    for x in pulses:
        h = torch.tanh(w * x + u * h)
        states.append(h)
    return torch.stack(states)


figure, axes = plt.subplots(2, 1, figsize=(10, 5.6), sharex=True, height_ratios=[1, 2.4])
axes[0].stem(pulses, linefmt="k-", markerfmt="ko", basefmt="k-")
axes[0].set(ylabel="input $x_t$", title="One unit that remembers, or forgets")
for u, color, style in ((0.5, "orange", ":"), (0.9, "blue", "--"), (2.0, "vermillion", "-")):
    axes[1].plot(remember(u), style, color=COLORS[color], label=f"$u$ = {u}")
axes[1].set(xlabel="step $t$", ylabel="state $h_t$", ylim=(-1.15, 1.15))
axes[1].legend(loc="upper center", bbox_to_anchor=(0.27, 0.45))
plt.show()
kept = {u: remember(u)[17].item() for u in (0.5, 0.9, 2.0)}  # 14 steps after the first pulse
print("14 steps after the first pulse the state is " + ", ".join(f"{h:.3f} (u = {u})" for u, h in kept.items()))
assert kept[0.5] < 1e-3 and kept[2.0] > 0.9 and remember(2.0)[26] < -0.9

# %% [markdown] slide="fragment"
# With $u = 2$ the unit is a **latch**: it holds the sign of the last pulse for ever, because $h = \tanh(2h)$ has two
# stable solutions, $\pm 0.958$. With $u < 1$ the only stable state is 0, and the memory fades. Keep this picture:
# section 4 shows that the latch, which remembers so well, is blind to the *gradient* of what it remembers.

# %% [markdown] slide="subslide"
# ### What sharing in time buys
#
# The task: 12 steps, one of them carries A or B, the others are silent. Which letter was it? A is the input $(1, 0)$
# and B is $(0, 1)$, silence is $(0, 0)$. Such a vector, with a single 1 at the number of what it stands for, is called
# **one-hot**. In training the letter never stands in the places 3, 6 and 8 (places count from 0). In the test it does,
# and then sequences of 8 and of 20 steps come. At last, five more RNNs are taught with the letter on even places only,
# and tested on odd ones.
#
# `nn.RNN` runs PyTorch's cell over a batch of sequences and returns all states; the last one goes into a linear layer.


# %% slide="fragment"
def letters_in_silence(n, steps, places, rng):
    """x (n, steps, 2): one row in each sequence is one-hot, the letter; the other rows are 0. y (n,)."""
    y = torch.randint(0, 2, (n,), generator=rng)
    where = torch.tensor(list(places))[torch.randint(0, len(places), (n,), generator=rng)]
    x = torch.zeros(n, steps, 2)
    x[torch.arange(n), where, y] = 1
    return x, y


class LastState(nn.Module):
    """A recurrent layer, and a linear layer that reads the answer from its last output."""

    def __init__(self, cell, inputs, hidden, classes):
        super().__init__()
        self.cell = cell(inputs, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, classes)

    def forward(self, x):  # (batch, time, inputs) -> (batch, classes)
        outputs, _ = self.cell(x)
        return self.readout(outputs[:, -1])


LEFT_OUT = (3, 6, 8)
SEEN, EVEN = [k for k in range(12) if k not in LEFT_OUT], range(0, 12, 2)
rng = torch.Generator().manual_seed(1)
exams = {"seen places": letters_in_silence(500, 12, SEEN, rng),
         "places left out": letters_in_silence(500, 12, LEFT_OUT, rng),
         "8 steps": letters_in_silence(500, 8, range(8), rng), "20 steps": letters_in_silence(500, 20, range(20), rng)}
SHAPES = {"window of 12, MLP": lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 2)),
          "RNN": lambda: LastState(nn.RNN, 2, 16, 2)}
marks = {}
for name, make in SHAPES.items():
    training.seed_everything(1)
    model = make()
    training.fit(model, *letters_in_silence(600, 12, SEEN, rng), epochs=20, lr=1e-2, progress=False)
    marks[name] = {exam: training.accuracy(model, x, y) for exam, (x, y) in exams.items()
                   if x.shape[1] == 12 or name == "RNN"}
    print(f"{name} ({n_parameters(model)} parameters): "
          + ", ".join(f"{exam} {mark:.0%}" for exam, mark in marks[name].items()))
odd_marks = []
for seed in range(5):
    training.seed_everything(seed)
    model = SHAPES["RNN"]()
    training.fit(model, *letters_in_silence(600, 12, EVEN, rng), epochs=15, lr=1e-2, progress=False)
    odd_marks.append(training.accuracy(model, *letters_in_silence(500, 12, range(1, 12, 2), rng)))
print("five RNNs taught on even places, tested on odd ones: " + ", ".join(f"{mark:.0%}" for mark in odd_marks))
assert marks["window of 12, MLP"]["seen places"] > 0.99 and marks["window of 12, MLP"]["places left out"] < 0.95
assert min(marks["RNN"].values()) > 0.9 and min(odd_marks) < 0.4

# %% [markdown] slide="fragment"
# The window has learned nothing about places that it has not seen: their weights are still the random ones of the
# start, and what it gets right there is chance. Other lengths do not fit into it at all. The RNN has fewer weights and
# reads on. The last line is a warning. Taught on even places only, some of these RNNs get most odd ones *wrong*, worse
# than guessing: they have found a state that changes its sign at every step, which was just as right on what they saw.
# Sharing says that the rule is the same at each step. It does not say which rule.

# %% [markdown] slide="slide"
# ## 2. The cell, and what PyTorch's cell has more
#
# Four notations for one cell:
#
# | | input to state | state to state | bias | function |
# |---|---|---|---|---|
# | here | $W$ | $U$ | $b$ | tanh |
# | deck N | $W$ | $U$ | none | $\psi$ |
# | deck F | $W^{(hx)}$ | $W^{(hh)}$ | none | $\sigma$ |
# | `nn.RNN` | `weight_ih_l0` | `weight_hh_l0` | `bias_ih_l0` + `bias_hh_l0` | tanh or ReLU |
#
# Written as *one* matrix, the cell is a layer of module 03 whose input is the vector $(x_t, h_{t-1}, 1)$:
#
# $$h_t = \tanh\left(\begin{bmatrix} W & U & b\end{bmatrix}
#   \begin{bmatrix} x_t \\ h_{t-1} \\ 1\end{bmatrix}\right).$$
#
# If `nn.RNN` is this and no more, the matrix filled with its weights must give its outputs.

# %% slide="fragment"
training.seed_everything(0)
theirs = nn.RNN(3, 5).double()  # inputs (time, batch, 3), states (time, batch, 5)
x = torch.randn(7, 4, 3, dtype=torch.float64)
bias = theirs.bias_ih_l0 + theirs.bias_hh_l0  # only the sum enters
matrix = torch.cat([theirs.weight_ih_l0, theirs.weight_hh_l0, bias[:, None]], dim=1)  # (5, 3 + 5 + 1)


def one_matrix(matrix, x, act=torch.tanh):
    """States (time, batch, hidden) of the recurrence with matrix [W U b], from h = 0. x: (time, batch, inputs)."""
    states, one = [x.new_zeros(x.shape[1], len(matrix))], x.new_ones(x.shape[1], 1)
    for step in x:
        states.append(act(torch.cat([step, states[-1], one], dim=1) @ matrix.T))
    return torch.stack(states[1:])


gap = (one_matrix(matrix, x) - theirs(x)[0]).abs().max().item()
print(f"largest difference between [W U b] by hand and nn.RNN: {gap:.0e}")
assert gap < 1e-12

# %% [markdown] slide="subslide"
# > **Erratum E31.** Deck F: $h_t = \sigma(W^{(hh)} h_{t-1} + W^{(hx)} x_t)$, and $\sigma$ is the usual sign for the
# > sigmoid. The cells in use have **tanh** (or ReLU) and a bias; `nn.RNN` offers tanh and ReLU only, and has **two**
# > bias vectors. One of the two is redundant: they always appear as a sum, and are kept for compatibility with cuDNN,
# > Nvidia's library for the GPU.

# %% slide="fragment"
try:
    nn.RNN(3, 5, nonlinearity="sigmoid")
    refused = False
except ValueError as error:
    refused = True
    print("nn.RNN with a sigmoid:", error)
moved = nn.RNN(3, 5).double()
moved.load_state_dict(theirs.state_dict())
with torch.no_grad():  # move a constant from one bias to the other
    moved.bias_ih_l0 += 0.7
    moved.bias_hh_l0 -= 0.7
gap_moved = (moved(x)[0] - theirs(x)[0]).abs().max().item()
gap_sigmoid = (one_matrix(matrix, x, torch.sigmoid) - theirs(x)[0]).abs().max().item()
print(f"biases b_ih + 0.7 and b_hh - 0.7: outputs change by {gap_moved:.0e}")
print(f"deck F's cell with a sigmoid instead: outputs differ by up to {gap_sigmoid:.2f}")
assert refused and gap_moved < 1e-12 and gap_sigmoid > 0.1
ledger.append(("F", "h = σ(Wh + Wx)", f"nn.RNN: tanh or ReLU, two biases; equal to [W U b] to {gap:.0e} (E31)"))

# %% [markdown] slide="subslide"
# > **Erratum E60.** Deck N, $h^{(t)} = \psi(W x^{(t)} + U h^{(t-1)})$, and deck F leave out the bias. With one-hot
# > inputs nothing is lost: exactly one column of $W$ is chosen at each step, so a bias can hide in all columns. With
# > the **word vectors** of deck F (some hundred real numbers for each word, module 06) it matters. tanh is odd, so
# > without a bias the whole net is: $x \to -x$ turns every state $h_t$ into $-h_t$. A linear readout of $h_t$ then
# > cannot even tell "something came" ($x = \pm 1$) from silence: the scores of $+1$ and $-1$ average to that of
# > silence.

# %% slide="fragment"
no_bias = matrix.clone()
no_bias[:, -1] = 0
odd = (one_matrix(no_bias, -x) + one_matrix(no_bias, x)).abs().max().item()
with_bias = (one_matrix(matrix, -x) + one_matrix(matrix, x)).abs().max().item()
print(f"h(-x) + h(x): at most {odd:.0e} without a bias, {with_bias:.2f} with one")

one_hot = F.one_hot(torch.randint(0, 3, (7, 4)), 3).double()
hidden_bias = no_bias.clone()
hidden_bias[:, :3] += bias[:, None]  # the bias added to every column of W
hides = (one_matrix(hidden_bias, one_hot) - one_matrix(matrix, one_hot)).abs().max().item()
print(f"one-hot inputs, bias inside W: outputs differ by {hides:.0e}")
assert odd < 1e-12 and with_bias > 0.1 and hides < 1e-12
ledger.append(("N F", "a cell without a bias",
               f"then h(-x) = -h(x), {f'to {odd:.0e}' if odd else 'exactly'}; harmless for one-hot inputs (E60)"))

# %% [markdown] slide="subslide"
# ### Unrolled
#
# Draw one copy of the cell for each step and the loop becomes a deep net whose layers share their weights (V 25:
# "unrolled in time: depth = length of sequence"). That is all autograd needs: reverse mode (module 02, section 7)
# works on the unrolled graph. The colours are the states of a cell with five units and random weights that reads
# seven characters. $\hat y_t$ is what a linear layer makes of the state, if an answer is wanted at each step.


# %% slide="fragment"
def draw_unrolled(word="to be, "):
    """The unrolled net, with the states that a random cell really has while it reads the word."""
    alphabet = sorted(set(word))
    inputs = F.one_hot(torch.tensor([alphabet.index(c) for c in word]), len(alphabet)).double()[:, None]
    training.seed_everything(2)
    states = nn.RNN(len(alphabet), 5).double()(inputs)[0][:, 0].detach()
    figure, axis = plt.subplots(figsize=(12, 4.6))
    arrow = {"arrowstyle": "-|>", "lw": 2}
    for t, character in enumerate(word):
        for unit, value in enumerate(states[t]):
            axis.add_patch(plt.Rectangle((t - 0.13, 0.2 * unit), 0.26, 0.2, fc=plt.cm.RdBu_r(0.5 + value.item() / 2),
                                         ec="black", lw=0.8))
        axis.text(t, -0.72, repr(character), ha="center", va="center", fontsize=17, family="monospace")
        axis.annotate("", (t, -0.03), (t, -0.55), arrowprops=arrow)
        axis.text(t + 0.06, -0.32, "$W$", fontsize=14)
        axis.annotate("", (t, 1.5), (t, 1.03), arrowprops=arrow)
        axis.text(t, 1.62, f"$\\hat y_{t + 1}$", ha="center", fontsize=16)
        axis.annotate("", (t - 0.16, 0.5), (t - 0.84, 0.5), arrowprops=arrow)
        axis.text(t - 0.5, 0.58, "$U$", ha="center", fontsize=14)
    axis.text(-0.88, 0.5, "$h_0 = 0$", ha="right", va="center", fontsize=15)
    shades = plt.cm.ScalarMappable(norm=plt.Normalize(-1, 1), cmap="RdBu_r")
    figure.colorbar(shades, ax=axis, label="state of a unit", shrink=0.8)
    axis.set(xlim=(-1.6, len(word) - 0.6), ylim=(-0.95, 1.85), xticks=[], yticks=[],
             title="One cell, drawn once for each step: the same $W$ and $U$ everywhere")
    axis.grid(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)


draw_unrolled()
plt.show()

# %% [markdown] slide="fragment"
# Is the depth really the length? Autograd keeps the graph, so we can ask it for the longest path, counted in cells.


# %% slide="fragment"
def depth(steps):
    """Cells on the longest path from the last state of an `nn.RNNCell` back to its inputs."""
    cell, h = nn.RNNCell(2, 3), torch.zeros(1, 3)
    for x in torch.randn(steps, 1, 2):
        h = cell(x, h)
    longest = {}  # node of the graph: cells from it to its inputs

    def count(node):
        if node not in longest:
            below = max((count(parent) for parent, _ in node.next_functions if parent), default=0)
            longest[node] = below + (node.name() == "TanhBackward0")
        return longest[node]

    return count(h.grad_fn)


depths = {steps: depth(steps) for steps in (2, 7, 40)}
print("; ".join(f"{steps} steps: {cells} cells deep" for steps, cells in depths.items()))
assert all(steps == cells for steps, cells in depths.items())
ledger.append(("V", "unrolled in time: depth = length of sequence", "longest path of autograd's graph, in cells: "
               + ", ".join(f"{cells} for {steps} steps" for steps, cells in depths.items())))

# %% [markdown] slide="slide"
# ## 3. Backpropagation through time
#
# Let $L = \sum_t L_t$, one loss at each step. The parameter $U$ is used at every step, and each use has an effect on
# all later losses. Write $z_t = W x_t + U h_{t-1} + b$ for what is inside the tanh. The slope of tanh is $1 - \tanh^2$,
# so $\partial h_t / \partial z_t$ is the diagonal matrix $D_t = \operatorname{diag}(1 - h_t^2)$, and the matrix of all
# partial derivatives of one step, its **Jacobian**, is $J_t = \partial h_t/\partial h_{t-1} = D_t U$. Several steps are
# a product: $\partial h_t/\partial h_k = J_t J_{t-1} \cdots J_{k+1}$. Gradients go back through its transpose. The
# chain rule, once for each pair of a *use* at step $k$ and a *loss* at step $t \ge k$ (here $\partial L_t/\partial h_t$
# is the gradient of the loss $L_t$ alone):
#
# $$\frac{\partial L}{\partial U} = \sum_{t} \sum_{k \le t}
#   \underbrace{\Big(D_k\, J_{k+1}^\top J_{k+2}^\top \cdots J_t^\top \,\frac{\partial L_t}{\partial h_t}\Big)}_{
#   \text{effect of } z_k \text{ on } L_t}\; h_{k-1}^\top .$$
#
# There are $T(T+1)/2$ pairs, and one by one they cost $O(T^2)$ steps at least. **Backpropagation through time** needs
# one pass from the last step to the first, $O(T)$. Exchange the two sums, and let $\delta_k$ collect what all losses
# from step $k$ on send back to the state $h_k$:
#
# $$\delta_k = \sum_{t \ge k} J_{k+1}^\top \cdots J_t^\top \,\frac{\partial L_t}{\partial h_t}
#   = \frac{\partial L_k}{\partial h_k} + J_{k+1}^\top \underbrace{\sum_{t \ge k+1} J_{k+2}^\top \cdots J_t^\top
#   \,\frac{\partial L_t}{\partial h_t}}_{\delta_{k+1}}, \qquad \delta_{T+1} = 0,$$
#
# since all terms with $t > k$ begin with $J_{k+1}^\top$. The same for the other parameters:
#
# $$\frac{\partial L}{\partial U} = \sum_k D_k\, \delta_k\, h_{k-1}^\top, \quad
#   \frac{\partial L}{\partial W} = \sum_k D_k\, \delta_k\, x_k^\top, \quad
#   \frac{\partial L}{\partial b} = \sum_k D_k\, \delta_k .$$
#
# In the lab you write this recursion. Here we look at the pairs, which shows more: how much each of them matters. The
# trick: every step gets a copy of $U$ of its own, and autograd is asked for the gradient of each loss by each copy.

# %% slide="subslide"
STEPS, HIDDEN = 24, 16
training.seed_everything(1)
x = torch.randn(STEPS, 3, dtype=torch.float64)
goal = torch.randn(STEPS, HIDDEN, dtype=torch.float64)
W = torch.randn(HIDDEN, 3, dtype=torch.float64) / math.sqrt(3)
U = 1.1 * torch.randn(HIDDEN, HIDDEN, dtype=torch.float64) / math.sqrt(HIDDEN)


def unrolled(matrices):
    """States h_0 … h_T, and the losses L_1 … L_T, of a net that takes matrices[t - 1] for U at step t (without b)."""
    h = [torch.zeros(HIDDEN, dtype=torch.float64)]
    for step, matrix in zip(x, matrices, strict=True):
        h.append(torch.tanh(W @ step + matrix @ h[-1]))
    return h, [0.5 * ((state - target) ** 2).sum() for state, target in zip(h[1:], goal, strict=True)]


shared = U.clone().requires_grad_()
(exact,) = torch.autograd.grad(sum(unrolled([shared] * STEPS)[1]), shared)

copies = [U.clone().requires_grad_() for _ in range(STEPS)]
h, losses = unrolled(copies)
pairs = torch.zeros(STEPS, STEPS, HIDDEN, HIDDEN, dtype=torch.float64)  # [t - 1, k - 1]: share of L_t through step k
for t in range(1, STEPS + 1):
    pairs[t - 1, :t] = torch.stack(torch.autograd.grad(losses[t - 1], copies[:t], retain_graph=True))
difference = (pairs.sum((0, 1)) - exact).abs().max().item()
print(f"sum over {STEPS * (STEPS + 1) // 2} pairs against the gradient of one shared U: largest difference "
      f"{difference:.0e}")

with torch.no_grad():  # one pair by the formula: the loss of step 9, the use at step 5
    D = [torch.diag(1 - state**2) for state in h]
    effect = D[5] @ (D[6] @ U).T @ (D[7] @ U).T @ (D[8] @ U).T @ (D[9] @ U).T @ (h[9] - goal[8])
    off = (torch.outer(effect, h[4]) - pairs[8, 4]).abs().max().item()
print(f"the pair t = 9, k = 5 by the formula: largest difference {off:.0e}")
assert difference < 1e-10 and off < 1e-12

# %% [markdown] slide="fragment"
# For a long text the unrolled net would be too large. So the gradient is followed back for at most $\tau$ steps
# (**truncated** backpropagation through time). The state still runs through; only the pairs with $t - k \ge \tau$ are
# missing. (In practice a text is cut into windows of $\tau$ steps, and the pairs within a window are left: a loss early
# in its window then reaches back less far.) How much is lost? The measure is the cosine of the angle between the two
# gradients: 1 where they have the same direction.

# %% slide="fragment"
sizes = pairs.norm(dim=(2, 3))  # nothing for k = 1, since h_0 = 0
lags = torch.arange(STEPS)[:, None] - torch.arange(STEPS)
cosine = []
for tau in range(1, STEPS + 1):
    truncated = (pairs * (lags < tau)[..., None, None]).sum((0, 1))
    cosine.append(F.cosine_similarity(truncated.flatten(), exact.flatten(), dim=0).item())
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=[1.15, 1])
picture = left.imshow(torch.where((lags >= 0) & (sizes > 0), sizes, torch.nan).log10(), origin="lower", cmap="viridis",
                      extent=(0.5, STEPS + 0.5, 0.5, STEPS + 0.5))
left.set(title="Size of each pair's share of ∂L/∂U", xlabel="step $k$ at which $U$ is used",
         ylabel="step $t$ of the loss")
left.grid(False)
figure.colorbar(picture, ax=left, label="log$_{10}$ of the norm")
right.plot(range(1, STEPS + 1), cosine, "o-")
right.set(title="Truncated after τ steps", xlabel="τ (steps)", ylabel="cosine with the full gradient", ylim=(0, 1.05))
plt.show()
print(f"cosine with the full gradient: {cosine[0]:.2f} for 1 step, {cosine[4]:.2f} for 5, {cosine[-1]:.4f} for all")
assert abs(cosine[-1] - 1) < 1e-9 and cosine[9] > cosine[0]

# %% [markdown] slide="slide"
# ## 4. Gradients through time
#
# Away from the diagonal the shares shrink, or grow, like a product of Jacobians, as the gradient does from layer to
# layer in module 03, section 4:
#
# $$\Big\lVert \frac{\partial h_t}{\partial h_k} \Big\rVert = \lVert J_t J_{t-1} \cdots J_{k+1} \rVert
#   \;\le\; \prod_j \lVert D_j \rVert\, \lVert U \rVert \;\le\; \sigma_{\max}(U)^{\,t-k},$$
#
# where the norm $\lVert \cdot \rVert$ of a matrix is its **largest singular value** $\sigma_{\max}$, the factor by
# which it stretches the vector that it stretches most (module 06, section 3, has all of them); that of $D_j$ is at most
# 1, since tanh has slope at most 1. So $\sigma_{\max} < 1$ is **sufficient** for vanishing. It is not necessary. For a
# *linear* net ($D_j = 1$, so that $d$ steps give $U^d$) what decides in the long run is the **spectral radius** $\rho$,
# the largest absolute value of an eigenvalue: $\lVert U^d \rVert^{1/d} \to \rho$ (Gelfand). Between the two lies a
# transient: with $\rho < 1 < \sigma_{\max}$ the norm may grow first and vanish afterwards.

# %% slide="fragment"
DISTANCES = torch.arange(0, 61)


def powers(matrix):
    """Largest singular value of matrix^d for d = 0 … 60."""
    product, norms = torch.eye(len(matrix), dtype=torch.float64), []
    for _ in DISTANCES:
        norms.append(torch.linalg.matrix_norm(product, 2).item())
        product = matrix @ product
    return np.array(norms)


training.seed_everything(0)
gaussian = torch.randn(64, 64, dtype=torch.float64) / 8
rotation = torch.linalg.qr(gaussian)[0]
EXAMPLES = {"random, scaled by 0.8": (0.8 * gaussian, "blue"), "random, scaled by 1.1": (1.1 * gaussian, "vermillion"),
            "a rotation": (rotation, "green"),
            "[[0.9, 3], [0, 0.9]]": (torch.tensor([[0.9, 3.0], [0.0, 0.9]], dtype=torch.float64), "purple")}
figure, axis = plt.subplots(figsize=(10, 5.2))
spectra = {}
for name, (U, color) in EXAMPLES.items():
    top, radius = torch.linalg.matrix_norm(U, 2).item(), torch.linalg.eigvals(U).abs().max().item()
    norms = powers(U)
    spectra[name] = top, radius, norms
    axis.semilogy(DISTANCES, norms, color=COLORS[color], label=f"{name}: σ = {top:.2f}, ρ = {radius:.2f}")
    print(f"{name:<22} largest singular value {top:5.2f}, spectral radius {radius:.2f}, "
          f"norm after 60 steps {norms[-1]:.1e}, norm^(1/60) = {norms[-1] ** (1 / 60):.2f}")
axis.set(title="Linear recurrence: $\\Vert U^d \\Vert$", xlabel="distance $d$ (steps)", ylabel="norm (log scale)",
         ylim=(1e-6, 1e4))
axis.legend(fontsize=12)
plt.show()
for top, radius, norms in spectra.values():
    assert (norms <= top ** DISTANCES.numpy() * (1 + 1e-9)).all() and norms[-1] >= radius**60 * (1 - 1e-6)
assert spectra["random, scaled by 0.8"][0] > 1 and spectra["random, scaled by 0.8"][2][-1] < 0.1
assert spectra["[[0.9, 3], [0, 0.9]]"][2].max() > 5

# %% [markdown] slide="subslide"
# Now the nonlinear cells. We unroll each for 60 steps on random inputs, take a random linear function of the last
# state, and follow its gradient back. The recurrent weights are random, normal with standard deviation
# $\text{scale}/\sqrt n$ for $n$ units: then $\rho$ is about the scale, and $\sigma_{\max}$ about twice the scale. For
# the **LSTM**, which section 5 explains, the gradient with respect to state and memory together is shown; its *forget
# bias* sets how much of the memory is kept at each step.


# %% slide="fragment"
def gradient_norms(unit="tanh", scale=1.0, forget_bias=1.0, hidden=48, steps=60, sequences=16, seed=0):
    """Norm of the gradient at distance 0 … steps, relative to distance 0, as a mean over the sequences."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x, direction = normal(steps, sequences, 8), normal(sequences, hidden)
    lstm, relu = unit == "LSTM", unit.startswith("ReLU")
    cell = (nn.LSTMCell(8, hidden) if lstm else nn.RNNCell(8, hidden, nonlinearity="relu" if relu else "tanh")).double()
    with torch.no_grad():
        cell.weight_ih.copy_(normal(*cell.weight_ih.shape) / math.sqrt(8))
        recurrent = normal(*cell.weight_hh.shape) / math.sqrt(hidden)
        cell.weight_hh.copy_(scale * (torch.eye(hidden) if "identity" in unit else recurrent))
        cell.bias_hh.zero_()
        cell.bias_ih.zero_()
        if lstm:
            cell.bias_ih.view(4, hidden)[1] = forget_bias  # PyTorch's second block
        if unit == "sigmoid":  # not among PyTorch's cells, but σ(z) = (1 + tanh(z/2)) / 2
            cell.weight_ih /= 2
            cell.weight_hh /= 2
    state = torch.zeros(sequences, 2 * hidden if lstm else hidden, dtype=torch.float64).requires_grad_()
    states = [state]  # for the LSTM, state and memory side by side
    for step in x:
        state = torch.cat(cell(step, state.chunk(2, dim=1)), dim=1) if lstm else cell(step, state)
        state = (1 + state) / 2 if unit == "sigmoid" else state
        states.append(state)
    grads = torch.autograd.grad((state[:, :hidden] * direction).sum(), states)
    norms = torch.stack([grad.norm(dim=1).mean() for grad in reversed(grads)])
    return (norms / norms[0]).numpy()


CURVES = [("tanh", 0.5, 0, "blue", ":"), ("tanh", 1.0, 0, "blue", "--"), ("tanh", 2.0, 0, "blue", "-"),
          ("sigmoid", 1.0, 0, "orange", "-"), ("ReLU", 2.0, 0, "black", "-"), ("ReLU, identity", 1.0, 0, "green", "-"),
          ("LSTM", 1.0, 1.0, "vermillion", "--"), ("LSTM", 1.0, 3.0, "vermillion", "-")]
figure, axis = plt.subplots(figsize=(11.5, 5.8))
through_time = {}
for unit, scale, forget_bias, color, style in CURVES:
    name = f"{unit}, scale {scale}" + (f", forget bias {forget_bias:.0f}" if unit == "LSTM" else "")
    through_time[name] = gradient_norms(unit, scale, forget_bias)
    axis.semilogy(DISTANCES, through_time[name], style, color=COLORS[color], label=name)
    print(f"{name:<31} " + "  ".join(f"d = {d}: {through_time[name][d]:.0e}" for d in (1, 10, 30, 60)))
axis.set(title="How far back does the gradient reach?", xlabel="distance $d$ (steps)",
         ylabel="norm, relative to $d$ = 0 (log scale)", ylim=(1e-10, 1e7), xlim=(0, 60))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=13)
plt.show()
at_30 = {name: norms[30] for name, norms in through_time.items()}
assert at_30["tanh, scale 0.5"] < 1e-6 and at_30["sigmoid, scale 1.0"] < at_30["tanh, scale 1.0"] < 1e-2
assert at_30["ReLU, scale 2.0"] > 10 and at_30["LSTM, scale 1.0, forget bias 3"] > 0.02
assert at_30["ReLU, identity, scale 1.0"] > 0.05
ledger.append(("F", "initialization + ReLU", "part of the norm after 30 steps: from the identity "
               f"{at_30['ReLU, identity, scale 1.0']:.1f}, random with scale 2 {at_30['ReLU, scale 2.0']:.0e}"))
ledger.append(("V F", "vanishing gradients", f"after 30 steps: tanh (scale 1) {at_30['tanh, scale 1.0']:.0e}, LSTM "
               f"with forget bias 3 {at_30['LSTM, scale 1.0, forget bias 3']:.0e} of the norm"))

# %% [markdown] slide="fragment"
# - The sigmoid of deck F's formula has slope at most 1/4, and loses the gradient fastest (E31 once more).
# - tanh loses it even at a scale of 1, since its slope is below 1 wherever a unit is active. At a scale of 2 it is
#   about kept here; larger scales explode (try 3 in the explorer).
# - ReLU has slope 0 or 1 and does not saturate, so it explodes for a large scale. Deck F's "Initialization + RELU" says
#   no more; the best known way of this kind begins with the identity matrix for $U$ (Le, Jaitly and Hinton, 2015), the
#   green curve.
# - The LSTM's gradient fades slowly. A forget bias of 1, or of 3, makes the difference between a short memory and a
#   long one. "Vanishing gradient is still an issue" (deck F) is right.
#
# And the latch of section 1? At its stable state $h = 0.958$ the Jacobian is $u (1 - h^2) = 2 \times 0.083 = 0.17$.
# After ten steps the gradient is down by $0.17^{10} \approx 2 \times 10^{-8}$. To *hold* a bit against noise a tanh
# unit must sit where it is flat, and there the gradient vanishes (Bengio, Simard and Frasconi, 1994). This is not an
# accident of the initialisation.
#
# **Explorer 1.** The scale of the recurrent weights, the kind of unit, the forget bias.

# %% slide="subslide"
def plot_gradient_reach(scale=1.2, unit="tanh", forget_bias=1.0):
    """Gradient norm against distance for one cell, beside scale 1 (grey) and the powers of the scale (dotted)."""
    places = {"left": 0.1, "right": 0.98, "top": 0.91, "bottom": 0.14}  # by hand: quicker to draw
    _, axis = plt.subplots(figsize=(10, 5), layout="none", gridspec_kw=places)
    axis.semilogy(DISTANCES, gradient_norms(unit, 1.0, forget_bias), color=COLORS["grey"], label=f"{unit}, scale 1")
    norms = gradient_norms(unit, scale, forget_bias)
    axis.semilogy(DISTANCES, norms, color=COLORS["vermillion"], label=f"{unit}, scale {scale:.2f}")
    axis.semilogy(DISTANCES, scale ** DISTANCES.double(), ":", color=COLORS["blue"], label="scale$^d$ (linear net)")
    axis.set(title=f"{unit}: after 60 steps {norms[-1]:.0e} of the gradient is left", xlabel="distance $d$ (steps)",
             ylabel="relative norm (log scale)", ylim=(1e-10, 1e6))
    axis.legend()
    print(f"{unit}, scale {scale:.2f}: {norms[10]:.1e} of the gradient is left after 10 steps, {norms[30]:.1e} after "
          f"30, {norms[-1]:.1e} after 60.")


latch = np.arctanh(0.958) / 0.958  # the u for which 0.958 is a fixed point
assert abs(latch - 2) < 0.01 and abs(2 * (1 - 0.958**2) - 0.17) < 0.01
widgets.explore(plot_gradient_reach, labels={"forget_bias": "forget bias (LSTM)"},
                scale=(0.2, 3.0, 0.1), unit=["tanh", "sigmoid", "ReLU", "ReLU, identity", "LSTM"],
                forget_bias=(-1.0, 5.0, 0.5))

# %% [markdown] slide="subslide"
# ### Clipping
#
# If the norm of the whole gradient $\nabla$, over all parameters together, is above a threshold $C$, scale it down to
# $C$:
#
# $$\nabla \leftarrow \nabla \cdot \min\Big(1, \frac{C}{\lVert \nabla \rVert}\Big).$$
#
# > **Erratum E32.** Deck F lists "Clipping the gradients" under "Vanishing Gradient is still an issue". The factor is
# > at most 1: clipping never enlarges anything. It helps against **exploding** gradients only. Nor does it change the
# > ratio between near and far contributions, since the whole gradient is scaled by one number.

# %% slide="fragment"
small, large = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4))
factors = []
for size in (1e-6, 1e-3, 0.5, 1.0, 3.0, 1e4):
    small.grad, large.grad = 1e-3 * size * torch.ones(4) / 2, size * torch.ones(4) / 2  # norms 1e-3 size and size
    before = torch.stack([small.grad.norm(), large.grad.norm()])
    nn.utils.clip_grad_norm_([small, large], max_norm=1.0)
    after = torch.stack([small.grad.norm(), large.grad.norm()])
    factors.append((after / before).tolist())
    print(f"gradient of norm {size:7.0e} -> {after.norm():.1e}, near and far part both times {factors[-1][0]:.1e}")
factors = np.array(factors)
assert (factors <= 1 + 1e-6).all() and np.allclose(factors[:3], 1, rtol=1e-4)
assert np.allclose(factors[:, 0], factors[:, 1], rtol=1e-4)
ledger.append(("F", "clip against vanishing gradients",
               f"clip_grad_norm_ multiplies by {factors.min():.0e} … {factors.max():.0f}, never by more (E32)"))

# %% [markdown] slide="subslide"
# What an exploding gradient does to training shows already with one unit (after Pascanu, Mikolov and Bengio, 2013):
# $h_t = 5\,\sigma(h_{t-1}) + b$ with the sigmoid $\sigma$, 50 steps from $h_0 = 0.5$, and the loss is
# $(\sigma(h_{50}) - 0.7)^2$. Only $b$ is trained; $b^*$ is the best. The slope leads gently downhill to the foot of a
# wall, where a tiny change of $b$ decides on which of two stable states the unit ends.

# %% slide="fragment"
def wall_loss(b):
    h = torch.full_like(b, 0.5)
    for _ in range(50):
        h = 5 * torch.sigmoid(h) + b
    return (torch.sigmoid(h) - 0.7) ** 2


def descend(clip, lr=0.6, steps=80):
    """b (starts, steps + 1) along gradient descent from twenty starts, with the gradient clipped to size `clip`."""
    b = torch.linspace(-2.55, -2.45, 20, dtype=torch.float64)
    path = [b]
    for _ in range(steps):
        b.requires_grad_()
        (grad,) = torch.autograd.grad(wall_loss(b).sum(), b)
        b = (b - lr * grad * (clip / grad.abs().clamp(min=1e-30)).clamp(max=1)).detach()
        path.append(b.clone())
    return torch.stack(path, dim=1).detach().numpy()


BEST = -2.6122
runs = {"without clipping": descend(clip=math.inf), "with clipping": descend(clip=0.1)}
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5))
grid = torch.linspace(-2.8, -2.3, 2001, dtype=torch.float64)
left.plot(grid, wall_loss(grid), color=COLORS["black"])
left.axvspan(-2.55, -2.45, color=COLORS["sky"], alpha=0.3)
left.text(-2.5, 0.2, "twenty\nstarts", ha="center")
left.set(title="The wall", xlabel="bias $b$", ylabel="loss", xlim=(-2.8, -2.3))
for (name, path), color in zip(runs.items(), ("vermillion", "blue"), strict=True):
    for k, line in enumerate(np.abs(path - BEST)):
        right.plot(line, color=COLORS[color], lw=1.2, alpha=0.6, label=name if k == 0 else None)
    thrown = (np.abs(path - BEST).max(axis=1) > 0.5).sum()
    print(f"{name}: largest step {np.abs(np.diff(path)).max():.2f}; thrown further than 0.5 from the best b: "
          f"{thrown} of 20")
    assert thrown == 0 if name == "with clipping" else thrown >= 1
right.set(title="Distance from the best $b$", xlabel="step of gradient descent", ylabel="$|b - b^*|$ (log scale)",
          yscale="log", ylim=(1e-4, 1e4))
right.legend()
plt.show()

# %% [markdown] slide="fragment"
# Without clipping, a step that happens to start on the wall is thrown far away; some runs walk back, others come to
# where the loss is so flat that they stay. With clipping, no step is longer than $0.6 \times 0.1$: the unit hops about
# the foot of the wall. (It does not settle there. For that the learning rate must fall.)

# %% [markdown] slide="slide"
# ## 5. The LSTM: a memory with gates
#
# The **long short-term memory** (Hochreiter and Schmidhuber, 1997, see E20 in module 01; forget gate by Gers and
# others, 2000) adds a **memory cell** $c$ beside the state $h$. Three **gates**, numbers between 0 and 1 for each
# unit, decide what is written, kept and shown:
#
# $$\begin{aligned}
# i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) &&\text{input gate: write?} \\
# f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) &&\text{forget gate: keep?} \\
# o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) &&\text{output gate: show?} \\
# g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g) &&\text{proposal: what?} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t, &\quad h_t &= o_t \odot \tanh(c_t).
# \end{aligned}$$
#
# $\odot$ multiplies component by component. The memory is *added to*, and not squeezed through a matrix and a tanh at
# each step. Unrolled, the memory is a sum of what was once written, each weighted by what the forget gates have left:
#
# $$c_t = \sum_{k \le t} \Big(\prod_{j=k+1}^{t} f_j\Big) \odot i_k \odot g_k .$$
#
# Along this path the gradient from $c_t$ to $c_k$ is multiplied by $\prod_j f_j$: it stays as long as the gates stay
# open. (It has a second path, through $h$ into the gates, on which everything of section 4 applies.)
#
# In the lab you write the cell as a loop. Here is a check of another kind. `nn.LSTM` returns its states. If the
# equations are right, then all gates follow from them at once, and the sum above must lead back to the same states.


# %% slide="subslide"
def gates_from_states(lstm, x, h):
    """Gates i, f, g, o and memory c, each (time, batch, hidden), of a one-layer `nn.LSTM` whose states are h.

    x: (time, batch, inputs). The memory comes from the sum over what was written, without a loop over time.
    """
    before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])  # the state that each step saw
    a = F.linear(x, lstm.weight_ih_l0, lstm.bias_ih_l0) + F.linear(before, lstm.weight_hh_l0, lstm.bias_hh_l0)
    i, f, g, o = a.chunk(4, dim=-1)  # PyTorch's order
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    left = f.log().cumsum(0)  # log of f_1 … f_t
    c = left.exp() * (i * g * (-left).exp()).cumsum(0)
    return i, f, g, o, c


training.seed_everything(0)
lstm = nn.LSTM(3, 5).double()
x = torch.randn(9, 4, 3, dtype=torch.float64)
h, (_, c_last) = lstm(x)
i, f, g, o, c = gates_from_states(lstm, x, h)
gap_h, gap_c = (o * c.tanh() - h).abs().max().item(), (c[-1] - c_last[0]).abs().max().item()
print(f"states rebuilt from the gates: largest difference {gap_h:.0e}; last memory: {gap_c:.0e}")
print(f"parameters for 3 inputs and 5 units: RNN {n_parameters(nn.RNN(3, 5))}, LSTM {n_parameters(nn.LSTM(3, 5))} "
      f"(four blocks), GRU {n_parameters(nn.GRU(3, 5))} (three)")
assert max(gap_h, gap_c) < 1e-12
assert n_parameters(nn.LSTM(3, 5)) == 4 * n_parameters(nn.RNN(3, 5))
ledger.append(("F N", "LSTM (eight slides of pictures)", f"nn.LSTM's states follow from the six equations, to "
               f"{max(gap_h, gap_c):.0e}; four times the weights of nn.RNN"))

# %% [markdown] slide="fragment"
# "Many variant of LSTM" (deck F): the best known is the **gated recurrent unit** (GRU; Cho and others, 2014). It has
# no memory beside the state and two gates. One of them both keeps and writes; in the letters of the LSTM,
# $h_t = f_t \odot h_{t-1} + (1 - f_t) \odot g_t$. The other decides how much of $h_{t-1}$ enters the proposal $g_t$.

# %% [markdown] slide="subslide"
# ### A memory task, and what the gates do
#
# A sequence of random letters a, b, c, d; near its beginning one of them is marked. At the end: which letter was it?
# All else is distraction. The forget bias of the LSTM begins at 2, so that it begins by keeping.


# %% slide="fragment"
def marked_letter(n, steps, rng):
    """x (n, steps, 5): one-hot letter and a mark, on one of the first three steps; y (n,): the marked letter."""
    letters = torch.randint(0, 4, (n, steps), generator=rng)
    place = torch.randint(0, 3, (n,), generator=rng)
    x = torch.cat([F.one_hot(letters, 4).float(), torch.zeros(n, steps, 1)], dim=2)
    x[torch.arange(n), place, 4] = 1
    return x, letters[torch.arange(n), place], place


def learn_to_recall(cell, steps, lr, iterations=400, hidden=24, seed=0):
    """A net trained on fresh batches of the task, and its accuracy on 1,000 new sequences."""
    training.seed_everything(seed)
    model, rng = LastState(cell, 5, hidden, 4), torch.Generator().manual_seed(seed + 1)
    if cell is nn.LSTM:
        with torch.no_grad():
            model.cell.bias_ih_l0[hidden : 2 * hidden] = 2
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(iterations):
        x, y, _ = marked_letter(64, steps, rng)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    x, y, _ = marked_letter(1000, steps, rng)
    return model, training.accuracy(model, x, y)


recall = {}
for name, cell, steps, lr in (("RNN", nn.RNN, 6, 1e-2), ("RNN", nn.RNN, 20, 1e-2), ("LSTM", nn.LSTM, 20, 2e-2),
                              ("GRU", nn.GRU, 20, 2e-2)):
    model, recall[name, steps] = learn_to_recall(cell, steps, lr)
    print(f"{name:<5} {steps:>2} steps: {recall[name, steps]:.1%} right (chance 25 %)")
    if name == "LSTM":
        keeper = model
assert recall["RNN", 6] > 0.9 and recall["RNN", 20] < 0.7 and recall["LSTM", 20] > 0.95
assert 4 * n_parameters(nn.GRU(5, 24)) == 3 * n_parameters(nn.LSTM(5, 24))
ledger.append(("F V", "LSTM against the vanishing gradient",
               f"a letter recalled after about 20 steps: RNN {recall['RNN', 20]:.0%}, LSTM {recall['LSTM', 20]:.0%}"))
ledger.append(("F", "many variants of LSTM",
               f"GRU: {recall['GRU', 20]:.0%} on the same task, with three quarters of the weights"))

# %% [markdown] slide="fragment"
# To see gates at work, take a task in which something must be thrown away: letters are marked now and then, and at
# *every* step the net has to name the letter that was marked last. Then we look at the gates of the trained LSTM, with
# the function from above, on sequences that it has not seen.


# %% slide="fragment"
def last_marked(n, steps, rng):
    """x (n, steps, 5): one-hot letter and a mark (always on step 0, else one in eight); y (n, steps)."""
    letters = torch.randint(0, 4, (n, steps), generator=rng)
    marked = torch.rand(n, steps, generator=rng) < 1 / 8
    marked[:, 0] = True
    latest = torch.where(marked, torch.arange(steps), 0).cummax(dim=1).values
    return torch.cat([F.one_hot(letters, 4), marked[..., None]], dim=2).float(), letters.gather(1, latest)


training.seed_everything(0)
rng, keeper, name_it = torch.Generator().manual_seed(0), nn.LSTM(5, 12), nn.Linear(12, 4)
with torch.no_grad():
    keeper.bias_ih_l0[12:24] = 2  # the forget bias
optimizer = torch.optim.Adam([*keeper.parameters(), *name_it.parameters()], lr=2e-2)
for _ in range(400):
    x, y = last_marked(32, 24, rng)
    optimizer.zero_grad()
    F.cross_entropy(name_it(keeper(x.transpose(0, 1))[0]).flatten(0, 1), y.T.flatten()).backward()
    optimizer.step()
x, y = last_marked(300, 24, rng)
x, y = x.transpose(0, 1), y.T  # time first
with torch.no_grad():
    h = keeper(x)[0]
    right = (name_it(h).argmax(2) == y).float().mean().item()
    i, f, g, o, c = gates_from_states(keeper, x, h)
at_mark = x[..., 4] == 1
at_mark[0] = False  # there is nothing to forget yet
others = ~at_mark
others[0] = False
gate_means = {name: (gate[at_mark].mean().item(), gate[others].mean().item())
              for name, gate in (("input", i), ("forget", f))}
print(f"{right:.1%} right. " + "; ".join(f"{name} gate {on:.2f} at a mark, {off:.2f} elsewhere"
                                         for name, (on, off) in gate_means.items()))
change = (c.tanh().diff(dim=0)).abs().mean(2)  # of each step from the one before, mean over the units
moved, held = change[at_mark[1:]].mean().item(), change[others[1:]].mean().item()
print(f"the memory, tanh(c), changes by {moved:.2f} at a mark and by {held:.2f} elsewhere")
assert right > 0.97 and gate_means["forget"][0] < gate_means["forget"][1] - 0.2
assert gate_means["input"][0] > gate_means["input"][1] + 0.1 and moved > 2 * held

# %% slide="subslide"
spread = at_mark[6:11].any(0) & at_mark[15:20].any(0)  # two more marks, far apart, each with another letter
spread &= (at_mark.sum(0) == 2) & ((y.diff(dim=0) != 0).sum(0) == 2)
assert spread.any()
shown = int(spread.int().argmax())
spelled = ["abcd"[k].upper() if mark else "abcd"[k]
           for k, mark in zip(x[:, shown, :4].argmax(1), x[:, shown, 4], strict=True)]
figure, axes = plt.subplots(1, 3, figsize=(16, 5.4))
for axis, values, title in zip(axes, (i, f, c.tanh()), ("input gate", "forget gate", "memory, tanh($c$)"), strict=True):
    gate = "gate" in title
    picture = axis.imshow(values[:, shown].T, aspect="auto", cmap="viridis" if gate else "RdBu_r",
                          vmin=0 if gate else -1, vmax=1)
    axis.set(title=title, xlabel="input (capital: marked)", ylabel="unit")
    axis.set_xticks(range(24), spelled, fontsize=12)
    axis.grid(False)
    figure.colorbar(picture, ax=axis, shrink=0.8, label="0 closed, 1 open" if gate else "value")
plt.show()

# %% [markdown] slide="fragment"
# At a mark the input gates open wider and the forget gates close: the old letter is cleared while the new one is
# written. In between the forget gates are wider open, and the memory's stripes change little. No one told the net to
# use its gates so.

# %% [markdown] slide="subslide"
# ### Bidirectional
#
# A second net reads from the end to the beginning, and the two states of each place are put side by side (deck F:
# "Bidirectional RNN"). What does the output at step $t$ depend on? We ask autograd: norm of
# $\partial\,\text{output}_t / \partial x_s$ for each half.

# %% slide="fragment"
training.seed_everything(0)
both = nn.LSTM(3, 6, bidirectional=True).double()
x = torch.randn(12, 1, 3, dtype=torch.float64)
jacobian = torch.autograd.functional.jacobian(lambda x: both(x)[0], x)[:, 0, :, :, 0]  # (t, unit, s, input)
halves = [jacobian[:, half].norm(dim=(1, 3)) for half in (slice(0, 6), slice(6, 12))]
figure, axes = plt.subplots(1, 2, figsize=(12, 4.9))
for axis, half, title in zip(axes, halves, ("forward half", "backward half"), strict=True):
    picture = axis.imshow(torch.where(half > 0, half, torch.nan).log10(), cmap="viridis", origin="lower", vmin=-5,
                          vmax=0)
    axis.set(title=title, xlabel="input at step $s$", ylabel="output at step $t$")
    axis.grid(False)
figure.colorbar(picture, ax=axes, label="log$_{10}$ of the derivative's norm")
plt.show()
assert halves[0].triu(1).abs().max() == 0 and halves[1].tril(-1).abs().max() == 0
assert halves[0].tril().abs().max() > 0.05 and halves[1].triu().abs().max() > 0.05
ledger.append(("F", "bidirectional RNN", "derivatives exactly 0: of the forward half with respect to later inputs, "
               "of the backward half to earlier ones"))

# %% [markdown] slide="fragment"
# White means 0, and these zeros are exact. Together the halves see everything, which is what one wants for tagging
# words or for section 8's DNA. It is *not* what one wants for predicting the next character: the backward half has
# already read it.

# %% [markdown] slide="slide"
# ## 6. A language model, letter by letter
#
# The decks (G 41 to 43, V 42 to 44, N) show text written by recurrent nets that were trained on Shakespeare, on Linux's
# source code, and on *War and Peace*; all three come from A. Karpathy's essay of 2015. We train one here, on the source
# code of Python's own standard library, which is on every machine that runs this notebook.
#
# A **language model** gives the probability of the next character, given those before:
# $p(c_1 \dots c_T) = \prod_t p(c_t \mid c_1 \dots c_{t-1})$. An LSTM reads the text, and a softmax on its state gives
# the distribution (deck F: $\hat P(x_{t+1} = v_j \mid x_t, \dots, x_1) = \hat y_{t,j}$). The target at each step is
# simply the next character, so the text is its own label. The loss is the cross-entropy (module 03, section 1): the
# mean of $-\log p$ of the character that really came. With the logarithm to base 2 it is called **bits per
# character**: what an ideal compressor driven by the model would need to store the text. Guessing evenly among 96
# characters costs $\log_2 96 = 6.6$ bits. Two to that power, $2^{6.6} = 96$, is the **perplexity**: among how many
# equally likely characters the model might as well choose.

# %% slide="fragment"
def parted(ids):
    """The text to learn from (n,), and 20 pieces of other places (20, 2501); each 20th block of 20,000 is held out.

    The pieces are the beginnings of the blocks held out; where they are fewer than 20, then what comes next in each.
    """
    blocks = ids[: len(ids) // 20_000 * 20_000].view(-1, 20_000)
    held_out = torch.arange(len(blocks)) % 20 == 10
    pieces = blocks[held_out, : 7 * 2_501].view(-1, 7, 2_501).transpose(0, 1).flatten(0, 1)
    return blocks[~held_out].flatten(), pieces[:20]


source = data.stdlib()
ids, alphabet = source.characters()
print(source, f"\n{len(alphabet)} different characters: {alphabet!r}")
train_ids, val_blocks = parted(ids)
print(f"{len(train_ids):,} characters to learn from; {val_blocks.numel():,} from other places to measure on")

# %% [markdown] slide="subslide"
# ### The rivals: counting
#
# Shannon's models of 1948: a **unigram** model knows how frequent each character is, a **bigram** model how frequent
# after the one before, a **trigram** model after the two before, and so on: an $n$-gram model looks at $n - 1$
# characters before, its *context*. With $n(\dots)$ for how often something was seen, we mix the share
# $n(\text{context}, c) / n(\text{context})$ with the shorter model's probability, with weights $n(\text{context})$
# against 3. (The shortest model has an empty context, and is mixed with even guessing.)
#
# $$p(c \mid \text{context}) =
#   \frac{n(\text{context}, c) + 3\, p(c \mid \text{shorter context})}{n(\text{context}) + 3}.$$


# %% slide="fragment"
def counting_bits(train, blocks, size, orders=(1, 2, 3, 5)):
    """Bits per character of n-gram models on blocks (B, length); each n predicts the same characters.

    Positions are predicted from the sixth on. Returns {order: bits}.
    """
    longest, bits = max(orders), {}
    p = torch.full((blocks.shape[0], blocks.shape[1] - longest), 1 / size, dtype=torch.float64)
    for order in range(1, longest + 1):
        def codes(x, length, order=order):  # each run of `length` characters up to the predicted one, as a number
            number = 0
            for back in range(order - 1, order - 1 - length, -1):
                number = number * size + x[..., longest - back : x.shape[-1] - back]
            return number
        seen = codes(train, order)
        pairs, pair_counts = np.unique(seen.numpy(), return_counts=True)
        contexts, starts = np.unique(pairs // size, return_index=True)
        context_counts = np.add.reduceat(pair_counts, starts)

        def lookup(keys, table, counts):
            at = np.searchsorted(table, keys).clip(max=len(table) - 1)
            return torch.from_numpy(np.where(table[at] == keys, counts[at], 0).astype(float))

        asked = codes(blocks, order).numpy()
        n_pair, n_context = lookup(asked, pairs, pair_counts), lookup(asked // size, contexts, context_counts)
        p = (n_pair + 3 * p) / (n_context + 3)
        if order in orders:
            bits[order] = -p.log2().mean().item()
    return bits


NGRAMS = counting_bits(train_ids, val_blocks, len(alphabet))
for order, bits in NGRAMS.items():
    print(f"{order}-gram model: {bits:.2f} bits per character")
assert NGRAMS[1] > NGRAMS[2] > NGRAMS[3] > NGRAMS[5] and NGRAMS[1] < math.log2(len(alphabet))

# %% [markdown] slide="subslide"
# ### Training
#
# An **embedding** (a learned vector of 32 numbers for each character, which is a linear layer on its one-hot vector;
# module 06 learns such vectors for words), an LSTM of 128 units, a linear layer. 2,000 iterations, each on 16 windows
# of 48 characters from random places, so that backpropagation is truncated after 48 steps at most; each window begins
# with an empty state. Clipping at norm 1. We stop at the iterations at which deck N prints its samples.

# %% slide="fragment"
PRINTED = (100, 300, 500, 700, 1200, 2000)


class CharacterModel(nn.Module):
    """Logits of the next character after each character read."""

    def __init__(self, size, hidden=128):
        super().__init__()
        self.embedding = nn.Embedding(size, 32)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, size)

    def forward(self, characters, state=None):  # (batch, time) -> (batch, time, size), state
        outputs, state = self.lstm(self.embedding(characters), state)
        return self.readout(outputs), state


@torch.no_grad()
def bits_per_character(model, blocks):
    """Mean cross-entropy on blocks (B, length), read from an empty state; the first five characters are not counted."""
    logits, _ = model(blocks[:, :-1])
    return F.cross_entropy(logits[:, 4:].flatten(0, 1), blocks[:, 5:].flatten()).item() / math.log(2)


@torch.no_grad()
def write(model, alphabet, length, temperature=1.0, seed=0, start="\n"):
    """Text of that length after `start`, one character at a time.

    The character is the argmax of logits + temperature * noise. With Gumbel noise, and a temperature of 1, this draws
    from the softmax exactly (the Gumbel-max trick); with 0 it is the argmax. The noise depends on the seed alone.
    """
    u = torch.rand(length, len(alphabet), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    noise = -(-u.clamp(1e-12, 1 - 1e-12).log()).log()
    logits, state = model(torch.tensor([[alphabet.index(c) for c in start]]))
    written = []
    for gumbel in noise:
        chosen = (logits[0, -1].double() + temperature * gumbel).argmax()
        written.append(int(chosen))
        logits, state = model(chosen.view(1, 1), state)
    return "".join(alphabet[k] for k in written)


def learn_to_write(train, blocks, alphabet, iterations=2000, batch=16, window=48, lr=6e-3, seed=0):
    """A trained model; (iteration, bits) on its batches; {iteration: (bits on `blocks`, a sample)}."""
    training.seed_everything(seed)
    model, rng = CharacterModel(len(alphabet)), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=iterations, pct_start=0.1)
    losses, stops = [], {}
    for iteration in range(1, iterations + 1):
        start = torch.randint(0, len(train) - window, (batch, 1), generator=rng)
        pieces = train[start + torch.arange(window + 1)]
        logits, _ = model(pieces[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item() / math.log(2))
        if iteration in PRINTED:
            stops[iteration] = bits_per_character(model, blocks), write(model, alphabet, 1000, seed=iteration)
    return model, losses, stops


began = time.perf_counter()
writer, losses, stops = learn_to_write(train_ids, val_blocks, alphabet)
print(f"{n_parameters(writer):,} parameters, trained in {time.perf_counter() - began:.0f} s on "
      f"{2000 * 16 * 48:,} characters")
for iteration, (bits, sample) in stops.items():
    print(f"\n----- iteration {iteration}: {bits:.2f} bits per character -----\n{sample[:240]}")

# %% slide="subslide"
smooth = np.convolve(losses, np.ones(25) / 25, mode="valid")
figure, axis = plt.subplots(figsize=(11, 5.4))
axis.plot(np.arange(len(smooth)) + 13, smooth, color=COLORS["blue"], alpha=0.5, label="training, mean of 25 batches")
axis.plot(list(stops), [bits for bits, _ in stops.values()], "o", color=COLORS["blue"], label="LSTM, held-out text")
for (order, bits), style in zip(NGRAMS.items(), (":", "-.", "--", "-"), strict=True):
    axis.axhline(bits, color=COLORS["vermillion"], ls=style, lw=2, label=f"{order}-gram model: {bits:.2f}")
axis.set(title="The LSTM against models that count", xlabel="iteration", ylabel="bits per character",
         ylim=(1.5, 6.8))
axis.legend(ncols=2)
plt.show()
final_bits = stops[2000][0]
assert final_bits < NGRAMS[3] - 0.1 < NGRAMS[2] and stops[100][0] > NGRAMS[2]
ledger.append(("N G V", "an LSTM learns to write, letter by letter", f"{final_bits:.2f} bits per character after 2,000 "
               f"iterations; trigram {NGRAMS[3]:.2f}, 5-gram {NGRAMS[5]:.2f}"))

# %% [markdown] slide="fragment"
# The LSTM passes the counting models up to the trigrams. The 5-gram model stays ahead of it: it has counted all 7.8
# million characters and keeps a table of all different runs of five. Our LSTM has read 1.5 million characters, has some
# 100,000 numbers in which to keep them, and took seconds. Given more of all three, recurrent nets win
# (Karpathy, Johnson and Fei-Fei, 2015). A claim that a net "has learned the language" should always name the counting
# model beside it.
#
# ### Beside deck N's samples
#
# Deck N's net read Tolstoy. Ours read code, but its comments and docstrings are English. So one measure serves both:
# which part of the words (runs of letters) in a sample occurs, in lower case, at least three times in Python's source?
# For Tolstoy that is a low estimate, since the source hardly speaks of princesses.

# %% slide="subslide"
TOLSTOY = {
    100: "tyntd-iafhatawiaoahrdemot lytdws e ,tfti, astai f ogoh eoase rrranbyne 'nhthnee e plia tkldrgd t o idoe "
         "ns,smtt h ne etie h,hregtrs nigtike,aoaenns lng",
    300: "\"Tmont thithey\" fomesscerliund Keushey. Thom here sheulke, anmerenith ol sivh I lalterthend Bleipile shuwy "
         "fil on aseterlome coaniogennc Phe lism thond hon at. MeiDimorotion in ther thize.\"",
    500: "we counter. He stutn co des. His stanted out one ofler that concossions and was to gearang reay Jotrets and "
         "with fre colt oft paitt thin wall. Which das stimm",
    700: "Aftair fall unsuch that the hall for Prince Velzonski's that me of her hearly, and behs to so arwage fiving "
         "were to it beloge, pavu say falling misfort how, and Gogition is so overelical and ofter.",
    1200: "\"Kite vouch!\" he repeated by her door. \"But I would be done and quarts, feeling, then, son is "
          "people....\"",
    2000: "\"Why do what that day,\" replied Natasha, and wishing to himself the fact the princess, Princess Mary was "
          "easier, fed in had oftened him. Pierre aking his soul came to the packs and drove up his father-in-law "
          "women.",
}  # deck N, "Leo Tolstoy's 'War and Peace'"


def words_of(text):
    return re.findall(r"[a-z]+", text.lower())


counted = Counter(words_of(source.text))
KNOWN = {word for word, count in counted.items() if count >= 3 and len(word) > 1} | {"a", "i"}


def known_share(text):
    """Part of the letters of a text that stands in known words."""
    words = words_of(text)
    return sum(len(word) for word in words if word in KNOWN) / max(1, sum(map(len, words)))


print("letters in known words:     " + "".join(f"{iteration:>7}" for iteration in PRINTED))
table = {"deck N's samples": [known_share(TOLSTOY[iteration]) for iteration in PRINTED],
         "our samples": [known_share(stops[iteration][1]) for iteration in PRINTED]}
for name, row in table.items():
    print(f"{name:<28}" + "".join(f"{value:>7.0%}" for value in row))
print(f"{'Python source itself':<28}" + f"{known_share(''.join(alphabet[k] for k in val_blocks[0])):>7.0%}")
assert all(row[-1] > row[0] + 0.12 for row in table.values())
ledger.append(("N", "samples at iterations 100 … 2000", "letters in known words: deck "
               + ", ".join(f"{v:.0%}" for v in table["deck N's samples"]) + "; ours "
               + ", ".join(f"{v:.0%}" for v in table["our samples"])))

# %% [markdown] slide="fragment"
# The same road: letters in the right frequency, then word-like runs, then words, at last a phrase. Punctuation and
# layout come early (indentation, colons, brackets). Sense does not come.
#
# V 42 says that the net "can even learn document structure". A test on V 44's own sample, and on a longer text of ours
# (drawn at a temperature of 0.7, which the next pages explain): do the brackets close in the right order?


# %% slide="fragment"
PLAY = (
    "PANDARUS: Alas, I think he shall be come approached and the day When little srain would be attain'd into being "
    "never fed, And who is but a chain and subjects of his death, I should not sleep. Second Senator: They are away "
    "this miseries, produced upon my soul, Breaking and strongly should be buried, when I perish The earth and "
    "thoughts of many states. DUKE VINCENTIO: Well, your wit is in the care of side and that."
)  # deck V, slide 43
LINUX = (
    "static void do_command(struct seq_file *m, void *v) { int column = 32 << (cmd[2] & 0x80); if (state) cmd = "
    "(int)(int_state ^ (in_8(&ch->ch_flags) & Cmd) ? 2 : 1); else seq = 1; for (i = 0; i < 16; i++) { if (k & (1 << "
    "1)) pipe = (in_use & UMXTHREAD_UNCCA) + ((count & 0x00000000fffffff8) & 0x000000f) << 8; if (count == 0) sub(pid, "
    "ppc_md.kexec_handle, 0x20000000); pipe_set_bytes(i, 0); } /* Free our user pages pointer to place camera if all "
    "dash */ subsystem_info = &of_changes[PAGE_SIZE]; rek_controls(offset, idx, &soffset); /* Now we want to "
    "deliberately put it to device */ control_check_polarity(&context, val, 0); for (i = 0; i < COUNTER; i++) "
    'seq_puts(s, "policy "); }'
)  # deck V, slide 44


def brackets(text):
    """How many of ( [ { are opened, closed by their partner, and how many closings do not fit, in a text.

    A closing must fit the last one that is open: one that stays open makes all around it wrong. Those within strings
    and comments are counted as well.
    """
    partner, stack, opened, right, wrong = {")": "(", "]": "[", "}": "{"}, [], 0, 0, 0
    for character in text:
        if character in "([{":
            stack.append(character)
            opened += 1
        elif character in partner:
            if stack and stack[-1] == partner[character]:
                stack.pop()
                right += 1
            else:
                wrong += 1
    return opened, right, wrong


long_text = write(writer, alphabet, 4000, temperature=0.7, seed=1)
for name, text in (("deck V's Linux sample", LINUX), ("4,000 characters of ours", long_text)):
    opened, right, wrong = brackets(text)
    print(f"{name:<25} {opened:>3} brackets opened, {right:>3} closed rightly, {wrong} wrongly")
assert brackets(LINUX)[0] == brackets(LINUX)[1] and brackets(LINUX)[2] == 0
ledger.append(("V", "can even learn document structure",
               f"V 44's sample: all {brackets(LINUX)[0]} brackets close; ours "
               f"{brackets(long_text)[1]} of {brackets(long_text)[0]}, a small net at 2,000 iterations"))

# %% [markdown] slide="subslide"
# ### Temperature, and why the most likely character is not the answer
#
# To write, a character is drawn from the model's distribution, and read again as the next input. With a
# **temperature** $T$ the logits are divided by $T$ first: $p_c \propto e^{z_c/T}$. $T < 1$ sharpens, $T > 1$ flattens,
# and $T \to 0$ always takes the most likely character, the **argmax**. (`write` adds noise of size $T$ to the logits
# and takes the largest sum. For noise of the Gumbel distribution this is the same draw. With the noise held fixed, only
# $T$ changes.)
#
# > **Erratum E24.** V 42: "Output: the most likely next character". The output is a *distribution* over characters. The
# > text on V 43 and 44 was drawn from it. The most likely character each time leads into a loop.

# %% slide="fragment"
def period(text, longest=400):
    """Smallest p such that the last 2 p (at least 200) characters repeat with period p, or None."""
    for p in range(1, longest + 1):
        tail = text[-max(2 * p, 200):]
        if tail[p:] == tail[:-p]:
            return p
    return None


greedy = {start: write(writer, alphabet, 1200, temperature=0, start=start)
          for start in ("\n", "def ", "The ", "class ")}
for start, text in greedy.items():
    print(f"argmax after {start!r}: the last part repeats with period {period(text)}: ...{text[-70:]!r}")
drawn = write(writer, alphabet, 1200, temperature=1, seed=0)
print("drawn at T = 1: period", period(drawn))
looping = sum(period(text) is not None for text in greedy.values())
assert looping >= 3 and period(drawn) is None
ledger.append(("V", "the output is the most likely next character",
               f"argmax fell into a loop from {looping} of {len(greedy)} starts, a draw did not (E24)"))

# %% slide="subslide"
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6)
familiar, fresh = [], []
for temperature in TEMPERATURES:
    texts = [write(writer, alphabet, 500, temperature, seed, start) for seed, start in
             enumerate(("The ", "    # The ", "def get", "import "))]
    familiar.append(100 * known_share(" ".join(texts)))
    runs = [{text[k : k + 12] for k in range(len(text) - 12)} for text in texts]
    fresh.append(100 * sum(map(len, runs)) / sum(len(text) - 12 for text in texts))
figure, axis = plt.subplots(figsize=(9.5, 4.8))
axis.plot(TEMPERATURES, familiar, "o-", color=COLORS["blue"], label="letters in known words")
axis.plot(TEMPERATURES, fresh, "s--", color=COLORS["vermillion"], label="different runs of 12 characters")
axis.set(title="Cold repeats, hot babbles (4 × 500 characters each)", xlabel="temperature $T$", ylabel="share (%)",
         ylim=(0, 124), yticks=range(0, 101, 20))
axis.legend(loc="upper center", fontsize=13, ncols=2)
plt.show()
assert fresh[0] < 40 < 80 < fresh[5] and familiar[-1] < familiar[3] - 10

# %% [markdown] slide="subslide"
# **Explorer 2.** The noise is fixed by the seed; the slider changes $T$ alone.


# %% slide="fragment"
def plot_sample(temperature=0.7, start="def ", seed=1):
    """A sample as a picture: known words in black, other runs of letters in vermillion, the rest in grey."""
    text = write(writer, alphabet, 600, temperature, seed, start)
    places = {"left": 0, "right": 1, "top": 0.92, "bottom": 0}  # by hand: to measure hundreds of words takes long
    _, axis = plt.subplots(figsize=(10, 5.6), layout="none", gridspec_kw=places)
    row = 0
    for line in (start + text).split("\n"):
        # One text a colour for the whole line, with blanks in the place of the others: so the columns stay in step.
        layers = dict.fromkeys(("black", "vermillion", "grey"), "")
        for piece in re.findall(r"[A-Za-z]+|[^A-Za-z]+", line):
            color = "grey" if not piece[0].isalpha() else "black" if piece.lower() in KNOWN else "vermillion"
            layers = {name: layer + (piece if name == color else " " * len(piece)) for name, layer in layers.items()}
        for at in range(0, max(1, len(line)), 78):  # what is longer goes on in the next row
            for name, layer in layers.items():
                if row < 16 and layer[at : at + 78].strip():
                    axis.text(0, row, layer[at : at + 78].rstrip(), family="monospace", fontsize=14, va="baseline",
                              color=COLORS[name], parse_math=False)
            row += 1
    axis.set(xlim=(-1, 83), ylim=(16, -1), title=f"T = {temperature:.2f}: {known_share(text):.0%} of the letters in "
             "known words (others in vermillion)")
    axis.axis("off")
    invented = dict.fromkeys(word for word in re.findall(r"[A-Za-z]+", start + text) if word.lower() not in KNOWN)
    print("Not in the text that was learned:", ", ".join(list(invented)[:8]) or "nothing",
          f"and {len(invented) - 8} more" if len(invented) > 8 else "")


widgets.explore(plot_sample, labels={"temperature": "temperature T"}, temperature=(0.0, 2.0, 0.05),
                start=["def ", "class ", "    # The ", "import "], seed=(0, 20))

# %% [markdown] slide="subslide"
# ### Further: Shakespeare, Tolstoy and Linux
#
# The same net on the decks' own texts: the plays of V 43, the novel of deck N, and C source code made for the Linux
# kernel (V 44): two of its modules, a driver and WireGuard, without their tables of numbers. The cell runs for those
# that are in the cache or in a mirror; for the two books, set `DOWNLOAD = True` otherwise (4 MB). The samples of V 43
# and 44 come from larger nets, trained longer (that of V 43 has three layers of 512 units, by Karpathy's essay).

# %% tags=["further"] slide="fragment"
DOWNLOAD = False


def at_hand(path):
    """Whether a file of the registry is in the cache or in the mirror."""
    folders = [data.cache_folder(), os.environ.get("COURSE_DATA_MIRROR")]
    return any(folder and Path(folder, path).exists() for folder in folders)


def without_tables(text):
    """The text without lines of hexadecimal numbers, which are two fifths of these sources (firmware)."""
    table = re.compile(r"[\s{}();]*(0x[0-9A-Fa-f]+[,\s{}();]*)+")
    kept = [line for line in text.text.splitlines() if not table.fullmatch(line)]
    return dataclasses.replace(text, text="\n".join(kept))


trained = {}  # title: (text, {order: bits}, model, alphabet, {iteration: (bits, sample)})
for title, get, path in (("Tiny Shakespeare", data.tinyshakespeare, "text/tinyshakespeare.txt"),
                         ("War and Peace", data.war_and_peace, "text/war_and_peace.txt"),
                         ("Linux", lambda: without_tables(data.linux_c()), "text/linux_kernel_c.txt")):
    if not (DOWNLOAD or at_hand(path)):
        print(f"{title} is neither in the cache nor in a mirror: left out.")
        continue
    try:
        text = get()
    except data.DataError as error:
        print(f"{title}: {error}")
        continue
    text_ids, text_alphabet = text.characters()
    text_train, text_val = parted(text_ids)
    counts = counting_bits(text_train, text_val, len(text_alphabet))
    text_writer, _, text_stops = learn_to_write(text_train, text_val, text_alphabet)
    trained[title] = text.text, counts, text_writer, text_alphabet, text_stops
    print(f"\n===== {title}: {len(text_ids):,} characters; bits per character: "
          + ", ".join(f"{order}-gram {bits:.2f}" for order, bits in counts.items()))
    for iteration, (bits, sample) in text_stops.items():
        print(f"\n----- iteration {iteration}: {bits:.2f} bits per character -----\n{sample[:240]}")
    print()

# %% [markdown] slide="fragment"
# Beside the decks' samples: which part of the words stands in Tolstoy or in Shakespeare, and which brackets close?

# %% tags=["further"] slide="fragment"
if trained:
    ledger.append(("V N", "trained on Shakespeare, War and Peace, Linux", "bits per character after 2,000 iterations: "
                   + "; ".join(f"{title} {reached[2000][0]:.2f} (5-gram {counted[5]:.2f})"
                               for title, (_, counted, _, _, reached) in trained.items())))
    print(ledger[-1][2])
if "War and Peace" in trained:
    novel, *_, novel_stops = trained["War and Peace"]
    vocabulary = set(words_of(novel))
    by_whom = {"deck N": TOLSTOY, "ours": {n: sample for n, (_, sample) in novel_stops.items()}}
    print("words that are Tolstoy's" + "".join(f"{iteration:>7}" for iteration in PRINTED))
    tolstoys = {whose: [np.mean([word in vocabulary for word in words_of(samples[n])]) for n in PRINTED]
                for whose, samples in by_whom.items()}
    for whose, row in tolstoys.items():
        print(f"{whose:<24}" + "".join(f"{part:>7.0%}" for part in row))
    ledger.append(("N", "War and Peace at iterations 100 … 2000", "words that are Tolstoy's: "
                   + "; ".join(f"{whose} " + ", ".join(f"{part:.0%}" for part in row)
                               for whose, row in tolstoys.items())))
if "Tiny Shakespeare" in trained:
    plays, _, bard, bard_alphabet, _ = trained["Tiny Shakespeare"]
    vocabulary = set(words_of(plays))
    of_shakespeare = {whose: np.mean([word in vocabulary for word in words_of(sample)])
                      for whose, sample in (("deck V", PLAY), ("ours", write(bard, bard_alphabet, 3000, seed=1)))}
    print("words that are Shakespeare's: " + ", ".join(f"{whose} {part:.0%}" for whose, part in of_shakespeare.items()))
    ledger.append(("V G", "trained on Shakespeare", "words that are Shakespeare's: "
                   + ", ".join(f"{whose} {part:.0%}" for whose, part in of_shakespeare.items())))
if "Linux" in trained:
    _, _, kernel_writer, kernel_alphabet, _ = trained["Linux"]
    opened, right, wrong = np.sum([brackets(write(kernel_writer, kernel_alphabet, 2000, temperature=0.7, seed=seed))
                                   for seed in range(4)], axis=0)
    print(f"four samples of the Linux net: {opened} brackets opened, {right} closed rightly, {wrong} wrongly")
    ledger.append(("V", "trained on Linux source code", f"V 44's sample: all {brackets(LINUX)[0]} brackets close; "
                   f"ours: {right} of {opened} in four samples, and {wrong} closings that do not fit"))

# %% [markdown] slide="slide"
# ## 7. Sentiment: where a bag of words must fail
#
# Is a review good or bad? A **bag of words** counts which words occur and forgets their order; a linear classifier on
# the counts (logistic regression, module 02) is a strong method on real reviews. (Module 06, section 5, sets it against
# word vectors where labels are few.) Deck F says that a recurrent net "can capture complex cases where bag-of-words
# models fail", with this example:
#
# > This movie was actually neither that funny, nor super witty.
#
# > **Erratum E61.** The sentence alone shows no such thing. Nothing keeps a bag from giving "neither" a large negative
# > weight, and the sentence comes out right. A bag fails when the *same* word must count in both directions. Besides,
# > the page that the slide links to, `nlp.stanford.edu/sentiment`, is not an LSTM: it is the recursive net of Socher
# > and others (2013), a relative of the one at the end of this section.
#
# For the proof we need reviews whose grammar we control. Three families, and each with both answers:
#
# - **negation**: *neither* or *both*, times good or bad adjectives. "neither that dull, nor super silly" is praise.
#   This is XOR (module 01, section 3) with other words in between: no linear rule on single words, or on neighbours,
#   can get it.
# - **order**: "not a really funny movie, but a really dull movie" and "not a really dull movie, but a really funny
#   movie". The two have not only the same words but the same *pairs of neighbours*. Any classifier that sees words or
#   bigrams alone gives both the same answer, and is right in one of the two: exactly 50 %.
# - **order, a word more**: the same with "crime film" for "film", so that the trigrams agree as well.

# %% slide="subslide"
GOOD = ["funny", "witty", "clever", "charming", "moving", "fresh"]
BAD = ["dull", "silly", "boring", "clumsy", "stale", "tedious"]
DEGREES = ["that", "super", "really", "very", "so", "truly"]
NOUNS = ["movie", "film", "plot", "story", "comedy", "script"]
LONG_NOUNS = ["road movie", "crime film", "side plot", "love story", "stage comedy", "first script"]
OPENINGS = [f"{who} {verb} {how}".strip() for who in ("this movie", "the plot", "the film", "her role", "the ending")
            for verb in ("was", "is", "felt") for how in ("", "actually", "frankly", "simply")]


FAMILIES = ("negation", "order", "order, a word more")


def review(family, liked, reversing, r):
    """One review, as a string of words between spaces. r: a `random.Random`.

    family: "negation", "order" or "order, a word more". liked: what the review means. reversing: whether "neither" is
        used (negation).
    """
    start = r.choice(OPENINGS)
    if family == "negation":
        first, second = r.sample(GOOD if liked != reversing else BAD, 2)
        left, right = ("neither", ", nor") if reversing else ("both", ", and")
        return f"{start} {left} {r.choice(DEGREES)} {first} {right} {r.choice(DEGREES)} {second} ."
    good, bad, degree = r.choice(GOOD), r.choice(BAD), r.choice(DEGREES)
    noun = r.choice(LONG_NOUNS if "more" in family else NOUNS)
    yes, no = (good, bad) if liked else (bad, good)
    return f"{start} not a {degree} {no} {noun} , but a {degree} {yes} {noun} ."


def reviews(n, seed):
    """4n negation reviews, and 2n of each order family, pair by pair: (texts, labels, families)."""
    r, rows = random.Random(seed), []
    for _ in range(n):
        rows += [(review("negation", liked, rev, r), liked, "negation") for liked in (0, 1) for rev in (False, True)]
        for family in FAMILIES[1:]:
            state = r.getstate()
            for liked in (0, 1):  # the same draws twice: a minimal pair
                r.setstate(state)
                rows.append((review(family, liked, False, r), liked, family))
    texts, labels, families = zip(*rows, strict=True)
    return list(texts), np.array(labels), np.array(families)


DECK = "this movie was actually neither that funny , nor super witty ."
train_texts, train_labels, _ = reviews(300, seed=0)
keep = np.array([text != DECK for text in train_texts])  # the deck's sentence is for the test
train_texts, train_labels = [text for text, kept in zip(train_texts, keep, strict=True) if kept], train_labels[keep]
known_texts = set(train_texts)
test_texts, test_labels, test_families = reviews(150, seed=1)
for text in train_texts[:8]:
    print(text)


def neighbours(text, n):
    words = ["<s>", *text.split()]
    return Counter(zip(*(words[k:] for k in range(n)), strict=False))


for family, longest in (("order", 2), ("order, a word more", 3)):
    of_family = [text for text, kind in zip(test_texts, test_families, strict=True) if kind == family]
    assert all(neighbours(a, n) == neighbours(b, n)
               for a, b in zip(of_family[::2], of_family[1::2], strict=True) for n in range(1, longest + 1))
print(f"\n{len(train_texts)} reviews to learn from, {len(test_texts)} to test on, of which "
      f"{sum(text in known_texts for text in test_texts)} occur in both")

# %% slide="fragment"
vocabulary = {word: k + 1 for k, word in enumerate(sorted({word for text in train_texts for word in text.split()}))}
LONGEST = max(len(text.split()) for text in train_texts + test_texts)


def encoded(texts):
    """Word numbers (N, LONGEST), zeros in front: the last word stands at the end."""
    return torch.tensor([[0] * (LONGEST - len(text.split())) + [vocabulary[w] for w in text.split()] for text in texts])


class Reader(nn.Module):
    """Word vectors, an LSTM, and a score for each class after the last word."""

    def __init__(self, words, hidden=32):
        super().__init__()
        self.vectors = nn.Embedding(words, 16, padding_idx=0)
        self.layers = LastState(nn.LSTM, 16, hidden, 2)

    def forward(self, x):
        return self.layers(self.vectors(x))


sentiment, bag_p = {}, {}
for n in (1, 2, 3):
    count = CountVectorizer(ngram_range=(1, n), token_pattern=r"\S+")
    bag = LogisticRegression(max_iter=2000, C=10).fit(count.fit_transform(train_texts), train_labels)
    bag_p[n] = lambda texts, bag=bag, count=count: bag.predict_proba(count.transform(texts))
    sentiment[f"bag of 1- to {n}-grams" if n > 1 else "bag of words"] = bag_p[n](test_texts).argmax(1) == test_labels
training.seed_everything(0)
reader = Reader(len(vocabulary) + 1)
training.fit(reader, encoded(train_texts), torch.from_numpy(train_labels), epochs=8, lr=1e-2, progress=False)
sentiment["LSTM"] = training.predict(reader, encoded(test_texts)).argmax(1).numpy() == test_labels
parts = {name: [right[test_families == family].mean() for family in FAMILIES]
         for name, right in sentiment.items()}
print(f"{'right on the test':<24}" + "".join(f"{family:>20}" for family in FAMILIES))
for name, row in parts.items():
    print(f"{name:<24}" + "".join(f"{value:>20.1%}" for value in row))
assert abs(parts["bag of 1- to 3-grams"][2] - 0.5) < 1e-9
assert abs(parts["bag of words"][1] - 0.5) < 1e-9 and abs(parts["bag of 1- to 2-grams"][1] - 0.5) < 1e-9
assert parts["bag of words"][0] < 0.7 and min(parts["LSTM"]) > 0.97
ledger.append(("F", "captures cases where bag-of-words models fail",
               f"minimal pairs: words {parts['bag of words'][1]:.0%}, bigrams {parts['bag of 1- to 2-grams'][1]:.0%}, "
               f"LSTM {parts['LSTM'][1]:.1%}"))

# %% [markdown] slide="fragment"
# Trigrams see "neither that funny" and "funny movie ," and so get the first two families. A longer window is the answer
# of counting models to everything, until a word more stands in between. The LSTM gets all three. Now deck F's sentence
# and its relatives. For E61, a second bag has been taught without praise by "neither" and without the order family:


# %% slide="fragment"
def relative(pair="neither", first="funny", second="witty"):
    """Deck F's sentence with "both … and" for "neither … nor", or with other adjectives."""
    return f"this movie was actually {pair} that {first} , {'nor' if pair == 'neither' else 'and'} super {second} ."


assert relative() == DECK
SENTENCES = [(DECK, 0), (relative("both"), 1), (relative("neither", "boring", "dull"), 1),
             (relative("both", "boring", "dull"), 0)]
plain_texts, plain_labels = zip(*[(text, label) for text, label in zip(train_texts, train_labels, strict=True)
                                  if "not" not in text.split() and not ("neither" in text and label == 1)], strict=True)
count_plain = CountVectorizer(token_pattern=r"\S+")
plain_bag = LogisticRegression(max_iter=2000, C=10).fit(count_plain.fit_transform(plain_texts), plain_labels)
weight = plain_bag.coef_[0, count_plain.vocabulary_["neither"]]
p_lstm = training.predict(reader, encoded([text for text, _ in SENTENCES])).softmax(1)[:, 1]
p_bag = plain_bag.predict_proba(count_plain.transform([text for text, _ in SENTENCES]))[:, 1]
print(f"{'probability of praise':<66}LSTM   bag without counterexamples")
for (text, liked), p, q in zip(SENTENCES, p_lstm, p_bag, strict=True):
    print(f"{'praise' if liked else 'blame ':<7}{text:<66}{p:5.1%}   {q:5.1%}")
print(f"the weight of 'neither' in that bag: {weight:+.1f}")
assert [p > 0.5 for p in p_lstm] == [bool(liked) for _, liked in SENTENCES]
assert p_bag[0] < 0.5 < p_bag[1] and p_bag[2] < 0.5 and weight < -1
ledger.append(("F", "“neither that funny, nor super witty” defeats a bag",
               f"a bag gives it {p_bag[0]:.1%} praise, rightly; it takes counterexamples to defeat it (E61)"))

# %% [markdown] slide="subslide"
# ### Read word by word
#
# What the LSTM would answer if the review ended here, after each word:

# %% slide="fragment"
figure, axis = plt.subplots(figsize=(12, 4.9))
LOOKS = (("vermillion", "o-"), ("green", "s--"), ("blue", "^-"))
for (text, liked), (color, style) in zip(SENTENCES[:3], LOOKS, strict=True):
    words = text.split()
    after_each = encoded([" ".join(words[: k + 1]) for k in range(len(words))])
    p = training.predict(reader, after_each).softmax(1)[:, 1]
    name = f"… {words[4]} … {words[6]} … {words[10]} ({'praise' if liked else 'blame'})"
    axis.plot(100 * p, style, color=COLORS[color], label=name)
pairs_of_words = [a if a == b == c else "\n".join(dict.fromkeys((a, b, c)))
                  for a, b, c in zip(*(text.split() for text, _ in SENTENCES[:3]), strict=True)]
axis.set_xticks(range(len(pairs_of_words)), pairs_of_words)
axis.set(title="Deck F's sentence and two relatives, word by word", xlabel="the review ends with this word",
         ylabel="probability of praise (%)", ylim=(-4, 104))
axis.legend(loc="upper left", fontsize=13)
plt.show()

# %% [markdown] slide="fragment"
# Where do the curves of *neither* and *both* part? The training reviews carry the negation twice, in "neither" and in
# "nor", and only whole reviews were judged. So the net is free to wait for the later sign, and its answers in the
# middle of a sentence mean little. A net learns what its data reward.
#
# **Explorer 3.** Another sentence of this kind, and what the LSTM and the bags make of it.


# %% slide="fragment"
def plot_review(pair="neither", first="dull", second="silly"):
    """Probability of praise that each model gives one sentence."""
    text = relative(pair, first, second)
    p = {"LSTM": training.predict(reader, encoded([text])).softmax(1)[0, 1].item(),
         "bag of words": bag_p[1]([text])[0, 1], "bag with bigrams": bag_p[2]([text])[0, 1],
         "bag of words,\nno counterexamples": plain_bag.predict_proba(count_plain.transform([text]))[0, 1]}
    _, axis = plt.subplots(figsize=(10, 4))
    bars = axis.barh(list(p), [100 * value for value in p.values()], color=[COLORS["blue"]] + 3 * [COLORS["orange"]])
    axis.bar_label(bars, fmt="%.0f %%", padding=4)
    axis.axvline(50, color=COLORS["grey"], ls=":")
    axis.invert_yaxis()
    axis.set(title=text, xlabel="probability of praise (%)", xlim=(0, 112), xticks=range(0, 101, 20))
    print(text + " Praise? " + ", ".join(f"{' '.join(name.split())}: {value:.0%}" for name, value in p.items()))


widgets.explore(plot_review, labels={"pair": "words", "first": "first adjective", "second": "second adjective"},
                pair=["neither", "both"], first=[*GOOD, *BAD], second=[*GOOD, *BAD])

# %% [markdown] slide="subslide"
# ### Recursive composition
#
# Order is not structure. "not funny but dull" is blame as *(not funny) but dull*, and praise as *not (funny but dull)*,
# if "but" lets its right side win. Deck F, after Socher and others (2011): "every word and every phrase is a vector; a
# neural network combines two vectors into one vector". Along the brackets, from the words up,
#
# $$h = \tanh\left(V \begin{bmatrix} h_{\text{left}} \\ h_{\text{right}} \end{bmatrix} + v\right),$$
#
# with one matrix $V$ and one bias $v$ for all places of the tree: weight sharing in structure. A recurrent net is the
# special case in which the tree leans to one side. Each node with a meaning gets a label, read off its vector by one
# softmax. As the two sides only add up inside the tanh, a "not" that must turn its partner around is a hard case;
# Socher and others (2013), deck F's link, add products: with $q$ for the two vectors one above the other, component $k$
# gets $q^\top V'_k\, q$ as well, with one matrix $V'_k$ for each. We train both, and watch which learns faster.
#
# The trees: an adjective; *not X*; *very X*; *X but Y*, which means Y. Trained on trees of at most four levels.


# %% slide="subslide"
def random_tree(levels, r):
    """(tree, sign): a tree is a word or a pair of trees; its sign is +1, -1, or 0 for a part without a meaning."""
    if levels == 0 or r.random() < 0.1:
        liked = r.random() < 0.5
        return r.choice(GOOD if liked else BAD), 1 if liked else -1
    kind = r.choice(("not", "not", "very", "but"))
    if kind == "but":
        (left, _), (right, sign) = random_tree(levels - 1, r), random_tree(levels - 1, r)
        return (left, ("but", right)), sign
    inner, sign = random_tree(levels - 1, r)
    return (kind, inner), -sign if kind == "not" else sign


def meaning(tree):
    """The sign of a tree: the right side counts, turned around by "not"."""
    if isinstance(tree, str):
        return (tree in GOOD) - (tree in BAD)
    return -meaning(tree[1]) if tree[0] == "not" else meaning(tree[1])


def leaves(tree):
    return [tree] if isinstance(tree, str) else leaves(tree[0]) + leaves(tree[1])


class Forest:
    """Trees as arrays, all nodes of one height together, so that a level is one matrix product.

    `levels`: for each height from 1 a pair of index lists (left, right) of the nodes below. Nodes are numbered in the
    order of their height. `words`: numbers of the leaves. `labels`: 0 blame, 1 praise, -1 none. `roots`: node numbers.
    """

    def __init__(self, trees, vocabulary):
        by_height = [[]]  # (vocabulary number or (left, right) as (height, position), label)

        def place(tree):
            sign = meaning(tree)
            label = -1 if sign == 0 else int(sign > 0)
            if isinstance(tree, str):
                by_height[0].append((vocabulary[tree], label))
                return 0, len(by_height[0]) - 1
            below = [place(part) for part in tree]
            height = 1 + max(h for h, _ in below)
            while len(by_height) <= height:
                by_height.append([])
            by_height[height].append((below, label))
            return height, len(by_height[height]) - 1

        roots = [place(tree) for tree in trees]
        first = np.cumsum([0] + [len(nodes) for nodes in by_height])
        self.words = torch.tensor([number for number, _ in by_height[0]])
        self.levels = []
        for nodes in by_height[1:]:
            sides = zip(*[below for below, _ in nodes], strict=True)
            self.levels.append(tuple(torch.tensor([first[h] + k for h, k in side]) for side in sides))
        self.labels = torch.tensor([label for nodes in by_height for _, label in nodes])
        self.roots = torch.tensor([first[h] + k for h, k in roots])


class Recursive(nn.Module):
    """Socher and others: one vector for each node; 2011 without, 2013 with the product of the two parts."""

    def __init__(self, words, product=False, size=12):
        super().__init__()
        self.vectors = nn.Embedding(words, size)
        self.combine = nn.Linear(2 * size, size)
        self.product = nn.Parameter(0.05 * torch.randn(size, 2 * size, 2 * size)) if product else None
        self.readout = nn.Linear(size, 2)

    def forward(self, forest):
        """Logits (nodes, 2)."""
        nodes = self.vectors(forest.words)
        for left, right in forest.levels:
            both = torch.cat([nodes[left], nodes[right]], dim=1)
            a = self.combine(both)
            if self.product is not None:
                a = a + torch.einsum("ni,kij,nj->nk", both, self.product, both)
            nodes = torch.cat([nodes, torch.tanh(a)])
        return self.readout(nodes)


tree_words = {word: k for k, word in enumerate([*GOOD, *BAD, "not", "very", "but"])}
r = random.Random(0)
train_trees = [random_tree(4, r)[0] for _ in range(1200)]
shallow = [random_tree(4, r)[0] for _ in range(400)]
deep = [tree for tree in (random_tree(7, r)[0] for _ in range(1500)) if len(leaves(tree)) > 8][:400]
assert all(meaning(tree) == sign for tree, sign in (random_tree(5, r) for _ in range(200)))
batches = [Forest(train_trees[k : k + 60], tree_words) for k in range(0, 1200, 60)]
exams = {"unseen, up to 4 levels": (shallow, Forest(shallow, tree_words)),
         "up to 7 levels": (deep, Forest(deep, tree_words))}
composition, learning = {}, {}
for name, product in (("recursive (2011)", False), ("recursive, with product (2013)", True)):
    training.seed_everything(0)
    model = Recursive(len(tree_words), product)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    learning[name] = []
    for _ in range(20):
        for forest in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(forest), forest.labels, ignore_index=-1).backward()
            optimizer.step()
        with torch.no_grad():
            forest = exams["up to 7 levels"][1]
            learning[name].append((model(forest).argmax(1) == forest.labels)[forest.roots].float().mean().item())
    with torch.no_grad():
        composition[name] = [(model(forest).argmax(1) == forest.labels)[forest.roots].float().mean().item()
                             for _, forest in exams.values()]
    if not product:
        composer = model


def as_words(trees, length=48):
    """Leaves as numbers (N, length), brackets left out, zeros in front."""
    rows = [[tree_words[word] + 1 for word in leaves(tree)][-length:] for tree in trees]
    return torch.tensor([[0] * (length - len(row)) + row for row in rows])


training.seed_everything(0)
flat = Reader(words=len(tree_words) + 1)
signs = {id(trees): torch.tensor([int(meaning(tree) > 0) for tree in trees]) for trees in (train_trees, shallow, deep)}
training.fit(flat, as_words(train_trees, 24), signs[id(train_trees)], epochs=15, lr=1e-2, progress=False)
composition["LSTM, words without brackets"] = [training.accuracy(flat, as_words(trees), signs[id(trees)])
                                               for trees, _ in exams.values()]
print(f"{'right at the root':<34}" + "".join(f"{exam:>26}" for exam in exams))
for name, row in composition.items():
    print(f"{name:<34}" + "".join(f"{value:>26.1%}" for value in row))
two_readings = [(("not", "funny"), ("but", "dull")), ("not", ("funny", ("but", "dull")))]
with torch.no_grad():
    forest = Forest(two_readings, tree_words)
    answers = composer(forest)[forest.roots].argmax(1).tolist()
for reading, answer in zip(("(not funny) but dull", "not (funny but dull)"), answers, strict=True):
    print(f"{reading}: {('blame', 'praise')[answer]}")
assert sum(learning["recursive, with product (2013)"]) > sum(learning["recursive (2011)"])
assert answers == [0, 1] and min(composition["recursive (2011)"]) > 0.95
assert composition["LSTM, words without brackets"][1] < composition["recursive (2011)"][1] - 0.2
ledger.append(("F", "Socher et al. 2011: two vectors into one",
               f"deeper trees than taught: recursive {composition['recursive (2011)'][1]:.1%}, LSTM without brackets "
               f"{composition['LSTM, words without brackets'][1]:.0%}"))

# %% slide="subslide"
figure, axis = plt.subplots(figsize=(9, 4.6))
for (name, values), style in zip(learning.items(), ("o-", "s--"), strict=True):
    axis.plot(range(1, 21), [100 * value for value in values], style, label=name)
axis.axhline(100 * composition["LSTM, words without brackets"][1], color=COLORS["grey"], ls=":",
             label="LSTM, words without brackets, at its end")
axis.set(title="Trees deeper than those in training", xlabel="epoch", ylabel="right at the root (%)", ylim=(40, 102),
         xticks=range(0, 21, 5))
axis.legend()
plt.show()

# %% [markdown] slide="fragment"
# Both recursive nets get there; the one with the product turns a sign around without effort, and learns much faster.
# The LSTM without brackets is not stupid: the words alone do not decide. Where several trees have the same words, it
# can only bet on the likelier one. The recursive net is told the brackets. For real sentences a parser has to find
# them, and what a parser costs and gets wrong is one reason why recursive nets have become rare.
#
# > **Erratum E62.** Deck F puts Socher and others (2011) under the heading "Text : recurrent". The net that "combines
# > two vectors into one vector" is **recursive**. A recurrent net is the special case of a tree that leans to the left:
# > its $U$ is the left half of $V$, its $W$ the right half, and $h_0$ the vector of the first word.

# %% slide="fragment"
chain = ["not", "very", "funny", "but", "dull"]
leaning = chain[0]
for word in chain[1:]:
    leaning = (leaning, word)
special = nn.RNN(12, 12)
with torch.no_grad():
    special.weight_hh_l0.copy_(composer.combine.weight[:, :12])
    special.weight_ih_l0.copy_(composer.combine.weight[:, 12:])
    special.bias_ih_l0.copy_(composer.combine.bias)
    special.bias_hh_l0.zero_()
    vectors = composer.vectors(torch.tensor([tree_words[word] for word in chain]))
    recurrent_state = special(vectors[1:], vectors[:1])[0][-1]
    nodes = vectors[0]
    for vector in vectors[1:]:
        nodes = torch.tanh(composer.combine(torch.cat([nodes, vector])))
    by_tree = composer(Forest([leaning], tree_words))[-1]
    gap_trees = (composer.readout(recurrent_state) - by_tree).abs().max().item()
    forest = Forest(two_readings, tree_words)
    apart = (composer(forest)[forest.roots[0]] - composer(forest)[forest.roots[1]]).abs().max().item()
print(f"nn.RNN against the recursive net on the tree that leans left: largest difference {gap_trees:.0e}")
print(f"two trees over the same words: logits differ by up to {apart:.1f}")
assert gap_trees < 1e-4 and apart > 1
ledger.append(("F", "Text : recurrent (Socher et al. 2011)",
               f"recursive; equal to nn.RNN on left-leaning trees only, to {gap_trees:.0e} (E62)"))

# %% [markdown] slide="subslide"
# ### Further: real reviews
#
# `rt-polarity` (Pang and Lee, 2005): 10,662 sentences from film reviews, half good, half bad. How far do the bag and a
# small LSTM get there, and what has "neither" to say? The cell runs if the set is in the cache or in a mirror;
# otherwise set `DOWNLOAD = True` in section 6.

# %% tags=["further"] slide="fragment"
real = None
if DOWNLOAD or at_hand("text/rt-polarity/rt-polarity.pos"):
    try:
        real = data.rt_polarity()
    except data.DataError as error:
        print(error)
if real is None:
    print("rt-polarity is not at hand, so this section is left out. Nothing else in this lecture needs it.")
else:
    labels = real.labels.numpy()
    order = np.random.default_rng(0).permutation(len(labels))
    train_part, test_part = order[:-1500], order[-1500:]
    score = {}
    for name, n in (("bag of words", 1), ("bag of words and bigrams", 2)):
        count = CountVectorizer(ngram_range=(1, n), token_pattern=r"\S+", min_df=2, binary=True)
        counted_words = count.fit_transform([real.sentences[k] for k in train_part])
        bag = LogisticRegression(max_iter=300, C=0.3).fit(counted_words, labels[train_part])
        score[name] = bag.score(count.transform([real.sentences[k] for k in test_part]), labels[test_part])
    frequent = Counter(word for k in train_part for word in real.sentences[k].split()).most_common(4000)
    numbers = {word: k + 2 for k, (word, _) in enumerate(frequent)}
    lines = [[numbers.get(word, 1) for word in sentence.split()][-40:] for sentence in real.sentences]
    x = torch.tensor([[0] * (40 - len(line)) + line for line in lines])
    training.seed_everything(0)
    small = Reader(words=4002, hidden=24)
    training.fit(small, x[train_part], real.labels[train_part], epochs=3, lr=3e-3, progress=False)
    score["LSTM, vectors learned from scratch"] = training.accuracy(small, x[test_part], real.labels[test_part])
    for name, right in score.items():
        print(f"{name:<36} {right:.1%} of {len(test_part)} test sentences")
    assert score["bag of words"] > score["LSTM, vectors learned from scratch"]
    with_neither = np.array([label for sentence, label in zip(real.sentences, labels, strict=True)
                             if "neither" in sentence.split()])
    print(f"'neither' stands in {len(with_neither)} sentences, {(with_neither == 0).mean():.0%} of them negative (E61)")
    ledger.append(("F", "sentiment of film reviews", "rt-polarity: " + ", ".join(
        f"{name.split(',')[0]} {right:.1%}" for name, right in score.items())
        + f"; of the sentences with “neither” {(with_neither == 0).mean():.0%} are negative"))

# %% [markdown] slide="fragment"
# Where the reviews are at hand, the bag wins: with some 9,000 sentences to learn from, and vectors that begin at
# random, the small LSTM stays behind it. "Neither" is itself a sign of blame there, for which a bag needs no order. The
# minimal pairs above show what a bag *cannot* do. How often that matters is a question of the data.

# %% [markdown] slide="slide"
# ## 8. Frames and bases: other sequences
#
# ### Video as frames in time
#
# Deck N gives two ways with video: blocks of a few frames taken together ("spatio-temporal blocks: fixed length, simple
# patterns") and recurrent nets. Here is the smallest video: a handwritten digit moves over a field of 16 × 16 pixels
# that is closed to a ring in both directions, one pixel per frame. Which way does it go? A single frame
# tells nothing about it. Nor does the *set* of the frames tell left from right: a clip played backwards has the same.

# %% slide="fragment"
digit_images = data.digits()
DIRECTIONS = {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}


def videos(images, n, rng, frames=8):
    """Clips (n, frames, 256) of moving digits, and the index of the direction (n,)."""
    direction = torch.randint(0, 4, (n,), generator=rng)
    which = torch.randint(0, len(images), (n,), generator=rng)
    start = torch.randint(0, 16, (n, 2), generator=rng)
    field = F.pad(images[which, 0], (0, 8, 0, 8))
    clips = torch.zeros(n, frames, 16, 16)
    for k in range(n):
        step = list(DIRECTIONS.values())[int(direction[k])]
        for t in range(frames):
            clips[k, t] = torch.roll(field[k], tuple(int(start[k, a]) + t * step[a] for a in (0, 1)), (0, 1))
    return clips.flatten(2), direction


rng = torch.Generator().manual_seed(0)
clips, ways = videos(digit_images.x_train, 1500, rng)
clips_test, ways_test = videos(digit_images.x_test, 400, rng)
figure, axes = plt.subplots(2, 8, figsize=(13, 3.9))
for line, k in zip(axes, (0, int((ways != ways[0]).nonzero()[0])), strict=True):
    for t, axis in enumerate(line):
        axis.imshow(clips[k, t].view(16, 16))
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        if k == 0:
            axis.set_title(f"t = {t + 1}")
    line[0].set_ylabel(list(DIRECTIONS)[int(ways[k])], fontsize=16)
figure.suptitle("Two clips of eight frames")
plt.show()


# %% slide="subslide"
class Frames(nn.Module):
    """Each frame to 48 features by one layer; then "mean" of the frames, "pairs" of neighbours, or an "LSTM"."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.see = nn.Linear(512 if kind == "pairs" else 256, 48)
        self.read = LastState(nn.LSTM, 48, 48, 4) if kind == "LSTM" else nn.Linear(48, 4)

    def forward(self, x):  # (batch, frames, 256)
        if self.kind == "pairs":
            x = torch.cat([x[:, :-1], x[:, 1:]], dim=2)
        features = self.see(x).relu()
        return self.read(features if self.kind == "LSTM" else features.mean(1))


def shuffled(x, seed):
    """The frames of each clip in an order of its own."""
    order = torch.rand(x.shape[:2], generator=torch.Generator().manual_seed(seed)).argsort(1)
    return x.gather(1, order[..., None].expand_as(x))


video_marks = {}
for kind in ("mean", "pairs", "LSTM"):
    training.seed_everything(0)
    model = Frames(kind)
    training.fit(model, clips, ways, epochs=25, lr=3e-3, progress=False)
    video_marks[kind] = (training.accuracy(model, clips_test, ways_test),
                         training.accuracy(model, shuffled(clips_test, 1), ways_test))
training.seed_everything(0)
taught_shuffled = Frames("LSTM")
training.fit(taught_shuffled, shuffled(clips, 0), ways, epochs=25, lr=3e-3, progress=False)
video_marks["LSTM, taught on shuffled frames"] = tuple(
    training.accuracy(taught_shuffled, x, ways_test) for x in (clips_test, shuffled(clips_test, 1)))
print(f"{'right of 400 clips':<34}{'in order':>12}{'shuffled':>12}")
for kind, row in video_marks.items():
    print(f"{kind:<34}" + "".join(f"{value:>12.1%}" for value in row))
assert min(video_marks["LSTM"][0], video_marks["pairs"][0]) > 0.9
assert max(video_marks["mean"][0], video_marks["LSTM, taught on shuffled frames"][0], video_marks["LSTM"][1]) < 0.7
ledger.append(("N", "video: blocks of frames, or temporal modelling",
               f"direction: pairs of frames {video_marks['pairs'][0]:.0%}, LSTM {video_marks['LSTM'][0]:.0%}, LSTM on "
               f"shuffled frames {video_marks['LSTM, taught on shuffled frames'][1]:.0%}"))

# %% [markdown] slide="fragment"
# The frames without their order give away the axis of the motion, but not the sense: 50 % is the ceiling there, for any
# net, give or take the luck of 400 clips. A steady motion is a "simple pattern" and visible in two neighbouring frames,
# so the blocks of fixed length that deck N mentions are enough for it. The LSTM is needed where what matters lies
# further apart than a block is long.

# %% [markdown] slide="subslide"
# ### Motifs in DNA
#
# G 40 lists "biological sequence modeling (DNA, proteins)". DNA is a text over A, C, G, T. In many bacteria the place
# where a gene is read from, the **promoter**, has two short words with a gap between: TTGACA, then 15 to 19 bases, then
# TATAAT (the boxes "−35" and "−10"). Three questions on seeded random DNA of 60 bases, in which each base of a
# planted word has a chance of 8 % to be drawn anew:
#
# 1. **Is TATAAT in it?** The others hold the same six letters in another order. A convolution and a maximum over all
#    places (module 04, section 4) are made for it.
# 2. **In which order do the two words stand?** TTGACA first in one class, TATAAT first in the other. A maximum over
#    places forgets places. A recurrent net on top of the convolution does not.
# 3. **Which bases lie between the two?** One answer for each base. In a third of the sequences TATAAT is missing, in a
#    third TTGACA, and then there is nothing between. A net that reads forwards stands in the gap and does not know yet.

# %% slide="fragment"
BASES, MINUS_35, MINUS_10 = "ACGT", "TTGACA", "TATAAT"


def dna(n, task, seed, length=60):
    """One-hot DNA (n, length, 4) and labels.

    task: "motif": (n,), 1 where TATAAT is planted. "order": (n,), 1 for -35 before -10. "between": (n, length), 1 for
    the bases between the two; and as a third value the places (n, length) where they are, or would be.
    """
    r, rows, labels, gaps = random.Random(seed), [], [], torch.zeros(n, length, dtype=torch.bool)
    for k in range(n):
        sequence, label = [r.choice(BASES) for _ in range(length)], k % (3 if task == "between" else 2)
        gap = r.randint(15, 19)
        at = r.randrange(length - 12 - gap)
        if task == "motif":
            word = list(MINUS_10)
            while not label and "".join(word) == MINUS_10:
                r.shuffle(word)
            planted = [(at, "".join(word))]
        elif task == "order":
            first, second = (MINUS_35, MINUS_10) if label else (MINUS_10, MINUS_35)
            planted = [(at, first), (at + 6 + gap, second)]
        else:  # label 0: both, 1: -35 alone, 2: -10 alone
            planted = [(at, MINUS_35)] * (label != 2) + [(at + 6 + gap, MINUS_10)] * (label != 1)
            gaps[k, at + 6 : at + 6 + gap] = True
        for place, word in planted:
            for offset, base in enumerate(word):
                sequence[place + offset] = r.choice(BASES) if r.random() < 0.08 else base
        rows.append([BASES.index(base) for base in sequence])
        labels.append(label)
    x, y = F.one_hot(torch.tensor(rows), 4).float(), torch.tensor(labels)
    return (x, (gaps & (y == 0)[:, None]).long(), gaps) if task == "between" else (x, y)


class Motifs(nn.Module):
    """Filters of seven bases; then the maximum over all places, or an LSTM, or an LSTM with an answer at every base."""

    def __init__(self, reading="maximum", filters=12, both_ways=True):
        super().__init__()
        self.reading = reading
        self.filters = nn.Conv1d(4, filters, 7, padding=3)
        width = 20 * (1 + both_ways) if reading != "maximum" else filters
        if reading != "maximum":
            self.lstm = nn.LSTM(filters, 20, batch_first=True, bidirectional=both_ways)
        self.readout = nn.Linear(width, 2)

    def forward(self, x):
        found = self.filters(x.transpose(1, 2)).relu()  # (batch, filters, bases)
        if self.reading == "maximum":
            return self.readout(found.amax(2))
        if self.reading == "each base":
            return self.readout(self.lstm(found.transpose(1, 2))[0]).transpose(1, 2)  # (batch, 2, bases)
        return self.readout(self.lstm(F.max_pool1d(found, 3).transpose(1, 2))[0].amax(1))


dna_marks = {}
for task, reading, epochs in (("motif", "maximum", 25), ("order", "maximum", 12), ("order", "LSTM", 12)):
    training.seed_everything(0)
    model = Motifs(reading)
    training.fit(model, *dna(2500, task, 0), epochs=epochs, lr=1e-2, progress=False)
    dna_marks[task, reading] = training.accuracy(model, *dna(600, task, 1))
    print(f"{task:<7}convolution, {reading:<34}{dna_marks[task, reading]:.1%} right")
    if task == "motif":
        finder = model
x_gap, y_gap, gaps = dna(600, "between", 1)
told = {}
for both_ways in (False, True):
    training.seed_everything(0)
    model = Motifs("each base", both_ways=both_ways)
    x, y, _ = dna(2400, "between", 0)
    training.fit(model, x, y, epochs=8, lr=1e-2, progress=False)
    p = training.predict(model, x_gap).softmax(1)[:, 1]
    told[both_ways] = p
    with_35 = torch.arange(600) % 3 != 2  # where a forward reader has seen TTGACA: half of these have a real gap
    kind = "bidirectional" if both_ways else "forwards only"
    dna_marks["between", kind] = ((p > 0.5) == y_gap)[gaps & with_35[:, None]].float().mean().item()
    print(f"between, convolution and LSTM, {kind:<16}{dna_marks['between', kind]:.1%} right behind a TTGACA")
assert dna_marks["motif", "maximum"] > 0.7 and dna_marks["order", "maximum"] < 0.6 < 0.85 < dna_marks["order", "LSTM"]
assert dna_marks["between", "forwards only"] < 0.65 < 0.75 < dna_marks["between", "bidirectional"]
ledger.append(("G", "biological sequences",
               f"order of two motifs: convolution {dna_marks['order', 'maximum']:.0%}, with LSTM "
               f"{dna_marks['order', 'LSTM']:.0%}; between them, forwards {dna_marks['between', 'forwards only']:.0%}, "
               f"bidirectional {dna_marks['between', 'bidirectional']:.0%}"))

# %% [markdown] slide="fragment"
# Has the convolution of question 1 found the word? We take the filter that speaks loudest for "present", cut out of
# each test sequence the seven bases on which it answers most, and count the bases at each place. (Background
# and changed bases make some sequences undecidable, so 100 % is not to be had.)

# %% slide="subslide"
x, y = dna(600, "motif", 1)
with torch.no_grad():
    found = finder.filters(x.transpose(1, 2)).relu()  # (600, 12, 60)
    top, place = found.max(2)
    vote = finder.readout.weight[1] - finder.readout.weight[0]
    best = int((vote * (top[y == 1].mean(0) - top[y == 0].mean(0))).argmax())
padded = F.pad(x, (0, 0, 3, 3))
windows = torch.stack([padded[k, place[k, best] : place[k, best] + 7] for k in range(600) if y[k] == 1])
frequency = windows.mean(0)  # (7, 4)
consensus = "".join(BASES[k] for k in frequency.argmax(1))
parts_of_it = (MINUS_10[a:b] for a, b in itertools.combinations(range(7), 2))
overlap = max((part for part in parts_of_it if part in consensus), key=len, default="")
figure, (left, right) = plt.subplots(1, 2, figsize=(14, 4.8), width_ratios=[1, 1.5])
picture = left.imshow(100 * frequency.T, cmap="Blues", vmin=0, vmax=100, aspect="auto")
left.set_xticks(range(7), list(consensus))
left.set_yticks(range(4), list(BASES))
left.set(title="Where the filter answers most", xlabel="place (with its most frequent base)", ylabel="base")
left.grid(False)
figure.colorbar(picture, ax=left, label="frequency (%)")
example = 0  # every third sequence has both words
right.fill_between(range(60), 0, 100 * y_gap[example], step="mid", color=COLORS["grey"], alpha=0.3,
                   label="between, in truth")
right.plot(100 * told[False][example], "--", color=COLORS["orange"], label="forwards only")
right.plot(100 * told[True][example], color=COLORS["blue"], label="bidirectional")
right.set(title="Question 3, one sequence with both words", xlabel="base",
          ylabel="probability of “between” (%)", ylim=(-3, 130), yticks=range(0, 101, 20))
right.legend(loc="upper center", ncols=3, fontsize=12)
plt.show()
print(f"the filter's bases: {consensus}; it has {overlap!r} in common with {MINUS_10}")
assert len(overlap) >= 4

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - A **recurrent net** applies one cell at each step and carries a state along. `nn.RNN` is tanh (or ReLU) of one
#   matrix times (input, state, 1).
# - **Backpropagation through time** is reverse mode on the unrolled net. The gradient from $t$ back to $k$ is a
#   product of $t - k$ Jacobians. It vanishes or explodes; $\sigma_{\max} < 1$ is sufficient for vanishing, the spectral
#   radius decides in the long run. **Clipping** helps against explosion only.
# - The **LSTM** adds to its memory through gates. Its gradient fades by the product of the forget gates. A
#   **bidirectional** net sees both sides of each place, and so cannot be used to predict what comes next.
# - A **character model** is trained on text alone and measured in **bits per character**, beside models that count. It
#   is *sampled*; the most likely character each time ends in a loop, and the temperature sets the balance.
# - A **bag of words** is strong, and must fail where two texts with the same words differ in meaning. Order needs a
#   recurrent net, structure needs brackets (**recursive** nets) or more.
# - Frames of a video and bases of DNA are sequences like any other. Ask first whether a short window would do.
#
# **Next:** the [lab of this module](../labs/05_rnn/05_rnn.ipynb), in which you write the cells, backpropagation
# through time, clipping and what a character model needs yourself. Then [module 06](06_word_vectors.ipynb), in which
# words become vectors.
#
# ## References
#
# - Y. Bengio, P. Simard, P. Frasconi. Learning long-term dependencies with gradient descent is difficult. *IEEE
#   Transactions on Neural Networks* 5, 1994.
# - K. Cho and others. [Learning phrase representations using RNN encoder-decoder for statistical machine
#   translation](https://arxiv.org/abs/1406.1078). *EMNLP* 2014 (the GRU).
# - F. Gers, J. Schmidhuber, F. Cummins. Learning to forget: continual prediction with LSTM. *Neural Computation* 12,
#   2000.
# - S. Hochreiter, J. Schmidhuber. Long short-term memory. *Neural Computation* 9, 1997.
# - A. Karpathy. [The unreasonable effectiveness of recurrent neural
#   networks](https://karpathy.github.io/2015/05/21/rnn-effectiveness/). 2015 (the samples of G, V and N).
# - A. Karpathy, J. Johnson, L. Fei-Fei. [Visualizing and understanding recurrent
#   networks](https://arxiv.org/abs/1506.02078). arXiv 2015.
# - Q. Le, N. Jaitly, G. Hinton. [A simple way to initialize recurrent networks of rectified linear
#   units](https://arxiv.org/abs/1504.00941). arXiv 2015.
# - B. Pang, L. Lee. Seeing stars: exploiting class relationships for sentiment categorization with respect to rating
#   scales. *ACL* 2005 (rt-polarity).
# - R. Pascanu, T. Mikolov, Y. Bengio. [On the difficulty of training recurrent neural
#   networks](https://arxiv.org/abs/1211.5063). *ICML* 2013.
# - C. Shannon. A mathematical theory of communication. *Bell System Technical Journal* 27, 1948.
# - R. Socher, C. Lin, A. Ng, C. Manning. Parsing natural scenes and natural language with recursive neural networks.
#   *ICML* 2011.
# - R. Socher, A. Perelygin, J. Wu, J. Chuang, C. Manning, A. Ng, C. Potts. Recursive deep models for semantic
#   compositionality over a sentiment treebank. *EMNLP* 2013.
