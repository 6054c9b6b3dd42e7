# %% [markdown] slide="slide"
# # 03 · Multi-layer perceptrons: from one matrix to thirty layers
#
# **Question.** A net is a stack of simple functions. What does each part of the stack buy, how is it kept trainable,
# and how is it kept from learning its examples by heart?
#
# - **You need** Python, linear algebra, and module 02 (logistic regression, backpropagation, stochastic gradient
#   descent).
# - **You get** the multi-layer perceptron: why it needs nonlinear units, how wide and how deep to make it, how to
#   initialise, normalise, optimise, regularise and tune it, and where it fails.
# - **Time**: 90 minutes to read and try; about a minute to run on two CPU cores, without a network.
# - **Slides**: K "Optimization methods", "1-layer NN" to "Modern ANN", "Hyperparameters"; V 12, 13, 18 to 24; F
#   "Batch Normalisation", "Example of a 2 layers perceptron in Pytorch", "Adam", "Dropout"; N "Perceptron" to "What
#   is wrong with fully connected deep neural networks?", "Practical issues", "Network regularization: dropout".
#
# The decks: **K** = Kuzovkin (Tartu 2016), **V** = Lidy and Schlüter (Vienna 2016), **F** = a French introduction
# (2017), **N** = Neverova (Lyon 2015). What they claim is checked by a cell. Where they err, an **Erratum** box says
# so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import itertools
import math
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel
from torch import nn

from course_utils import data, plotting, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end

# %% [markdown] slide="slide"
# ## 1. One matrix, then one hidden layer
#
# Deck K climbs from a "1-layer NN" (92.5 % on MNIST) to "one hidden layer" (98.2 %) to a "modern" net (99.0 %). MNIST
# is a set of 70,000 handwritten digits of 28 × 28 pixels. Here we climb the same stairs on `digits`, 1,797
# handwritten digits of 8 × 8 pixels that ship with scikit-learn; `benchmarks/headlines.py` does it on MNIST itself.
#
# The images fall into three parts. On the **training** part the weights are fitted. On the **validation** part we
# compare nets and choose between them, as module 01, section 4, did with the units of GMDH. The **test** part is
# looked at once, in section 9: a figure that has guided a choice is no longer an honest estimate.

# %% slide="subslide"
images = data.digits()
x_test, y_test = images.x_test.flatten(1), images.y_test
x_train, y_train = images.x_train[:-360].flatten(1), images.y_train[:-360]
x_val, y_val = images.x_train[-360:].flatten(1), images.y_train[-360:]

print(
    f"{len(x_train)} training, {len(x_val)} validation, {len(x_test)} test images",
    f"of {x_train.shape[1]} pixels between {x_train.min():.0f} and {x_train.max():.0f}",
)
plotting.show_images(
    images.x_train[:16], titles=images.y_train[:16].tolist(), title="Sixteen of the digits, with labels"
)

# %% [markdown] slide="subslide"
# ### Softmax regression
#
# Logistic regression (module 02) gives one number, the probability of "yes". For ten classes we need ten numbers. A
# matrix $W$ (10 × 64) and a bias $b$ (10) turn the pixels $x$ into ten scores, the **logits** $z = Wx + b$. The
# **softmax** (module 02, section 6) makes them probabilities:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad L = -\log p_{\text{true class}}.$$
#
# The formula is for one example, a column. Of a batch each example is a row, as in module 02, section 6: `x` is
# (batch, 64), and the logits are `x @ W.T + b`, (batch, 10).
#
# $L$ is the **cross-entropy** loss of one example (with the natural logarithm its unit is the nat); its mean over the
# examples is what we minimise. With two classes and one logit fixed at 0, this is logistic regression again:

# %% slide="fragment"
z = torch.linspace(-4, 4, 9)
two_classes = torch.softmax(torch.stack([z, torch.zeros(9)], dim=1), dim=1)[:, 0]
print("largest difference between softmax([z, 0]) and sigmoid(z):", (two_classes - torch.sigmoid(z)).abs().max().item())
assert torch.allclose(two_classes, torch.sigmoid(z), atol=1e-6)

# %% [markdown] slide="subslide"
# > **Erratum E9.** Deck N writes the perceptron as $y_i(x, w) = \sum_{i=0}^{D} w_i x_i$ and logistic regression as
# > $y_i = h(\sum_i w_{ji} x_i)$. The index $i$ is summed away on the right, so it cannot name the output on the left.
# > Meant is $y_j = h\big(\sum_{i=0}^{D} w_{ji}\, x_i\big)$ with a constant input $x_0 = 1$, so that $w_{j0}$ is the
# > bias. The same trick in the deck's MLP formula, $\sum_{j=0}^{M} w_{kj}\,\sigma(\cdot)$, needs a hidden unit 0 that
# > is *fixed* at 1; as printed, unit 0 is $\sigma(\sum_i w_{0i} x_i)$, a hidden unit like the others, and the output
# > layer has no bias.

# %% slide="fragment"
layer = nn.Linear(64, 10)
x = x_train[0]
as_printed = torch.einsum("i,i->", layer.weight[0], x)  # i is summed: one number, whatever i on the left says
with_x0 = torch.cat([torch.ones(1), x])  # x_0 = 1
w_with_bias = torch.cat([layer.bias[:, None], layer.weight], dim=1)  # column 0 is the bias
corrected = torch.einsum("ji,i->j", w_with_bias, with_x0)
print(
    "as printed:",
    tuple(as_printed.shape),
    "a single number.  corrected:",
    tuple(corrected.shape),
    "one for each class j",
)
print("corrected formula equals nn.Linear to", (corrected - layer(x)).abs().max().item())
assert as_printed.ndim == 0 and corrected.shape == (10,) and torch.allclose(corrected, layer(x), atol=1e-5)

unit_0 = torch.sigmoid(x_train @ layer.weight[0])  # the MLP formula's hidden unit 0, as printed
print(
    f"hidden unit 0 as printed: between {unit_0.min():.3f} and {unit_0.max():.3f} over the images; needed: 1 for each"
)
assert unit_0.max() < 0.99

# %% [markdown] slide="subslide"
# ### A hidden layer
#
# Softmax regression draws flat boundaries between the classes: where two logits are equal,
# $w_a^\top x + b_a = w_b^\top x + b_b$, there is a hyperplane. A **hidden layer** first computes 625 new features
# $h = \sigma(W_1 x + b_1)$, and a second matrix reads the classes off those. $\sigma$ is the sigmoid of module 02,
# applied to each component; a component of $h$ is a **hidden unit**, and their number is the layer's **width**. A net
# of such layers, each fully connected to the next, is a **multi-layer perceptron** (MLP).
#
# Both nets are trained with stochastic gradient descent, one pass over the training part being an epoch (module 02,
# section 9).
#
# In PyTorch, `nn.Linear(64, 10)` holds $W$ (10 × 64) and $b$ (10) and computes `x @ W.T + b`; `nn.Sequential` puts
# such pieces one after the other. `training.fit` shuffles the examples in each epoch and does four things for each
# batch: compute the loss; clear the old gradients, since `backward()` adds to them (`optimizer.zero_grad()`);
# `loss.backward()`; and `optimizer.step()`, which for SGD subtracts `lr * p.grad` from each parameter `p`, in place. In
# the lab you write this loop yourself. There, changes in place to a `p` that requires gradients belong under
# `with torch.no_grad():`, so that autograd does not take them for a part of the net.


# %% slide="fragment"
def softmax_regression():
    return nn.Linear(64, 10)


def one_hidden_layer(width=625):
    return nn.Sequential(nn.Linear(64, width), nn.Sigmoid(), nn.Linear(width, 10))


def n_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def train_sgd(make, lr, epochs=60, seed=0):
    """A fresh net, trained with SGD in batches of 32, and its history."""
    training.seed_everything(seed)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = training.fit(
        model,
        x_train,
        y_train,
        epochs=epochs,
        batch_size=32,
        optimizer=optimizer,
        validation=(x_val, y_val),
        seed=seed,
        progress=False,
    )
    return model, history


one_matrix, history_one = train_sgd(softmax_regression, lr=0.3)
hidden_net, history_hidden = train_sgd(one_hidden_layer, lr=1.0)
for name, model in (("softmax regression", one_matrix), ("one hidden layer", hidden_net)):
    print(
        f"{name:<20} {n_parameters(model):>7,} parameters   "
        f"validation accuracy {training.accuracy(model, x_val, y_val):.1%}"
    )

# %% slide="subslide"
plotting.plot_history(
    history_one, history_hidden, labels=["one matrix", "hidden layer"], title="Digits, one matrix and one hidden layer"
)

# %% [markdown] slide="subslide"
# The hidden layer also brings many more parameters. Counting them is worth doing by hand once.
#
# > **Erratum E8.** Deck N: an "MLP [1000-1000-1000]" has 2,000,000 parameters. Those are the weights; with the biases
# > there are 2,002,000.

# %% slide="fragment"
mlp = nn.Sequential(nn.Linear(1000, 1000), nn.Sigmoid(), nn.Linear(1000, 1000))
weights = sum(parameter.numel() for name, parameter in mlp.named_parameters() if name.endswith("weight"))
print(f"weights {weights:,}, biases {n_parameters(mlp) - weights:,}, together {n_parameters(mlp):,}")
assert (weights, n_parameters(mlp)) == (2_000_000, 2_002_000)
ledger.append(("N", "MLP 1000-1000-1000: 2,000,000 parameters", f"{n_parameters(mlp):,} with biases (E8)"))

# %% [markdown] slide="subslide"
# ### What the hidden units do
#
# Deck K shows the "activity of a 100 hidden neurons (out of 625)". Here are ours: each small picture is a 10 × 10
# grid of the same hundred units, for one validation image of each class. Dark is 0, bright is 1.

# %% slide="fragment"
with torch.no_grad():
    activity = hidden_net[1](hidden_net[0](x_val))  # (360, 625), the hidden layer's output
first_of_class = [int((y_val == k).nonzero()[0]) for k in range(10)]
plotting.show_images(
    activity[first_of_class, :100].view(10, 10, 10),
    titles=[f"a {k}" for k in range(10)],
    columns=5,
    limits=(0, 1),
    title="Activity of 100 of the 625 hidden units",
)

# %% [markdown] slide="subslide"
# A code is useful if two images of the same digit excite the same units. We measure it with the cosine between two
# activity vectors from which the mean activity is taken away: 1 is the same pattern, 0 is no relation. The comparison
# is with the cosine between the pixels themselves.


# %% slide="fragment"
def cosines(features):
    """Mean cosine of centred feature vectors: (same class, different class)."""
    centred = F.normalize(features - features.mean(0), dim=1)
    table = centred @ centred.T
    same = y_val[:, None] == y_val
    same_image = torch.eye(len(y_val), dtype=torch.bool)
    return table[same & ~same_image].mean().item(), table[~same].mean().item()


same_digit = {}
for name, features in (("pixels", x_val), ("100 hidden units", activity[:, :100]), ("all 625 hidden units", activity)):
    same_digit[name], different = cosines(features)
    print(f"{name:<21} same digit {same_digit[name]:.2f}   different digits {different:+.2f}")
assert min(same_digit["100 hidden units"], same_digit["all 625 hidden units"]) > same_digit["pixels"] + 0.1
print(f"units above 0.9 or below 0.1: {((activity > 0.9) | (activity < 0.1)).float().mean():.0%} of all activities")

# %% [markdown] slide="slide"
# ## 2. Without a nonlinearity, depth is nothing
#
# Deck V (slide 24): without a nonlinear function after each linear operation "a deep network would be linear despite
# its depth". In one line:
#
# $$W_3\big(W_2(W_1 x + b_1) + b_2\big) + b_3 = \underbrace{W_3 W_2 W_1}_{W}\, x
#   + \underbrace{W_3 W_2 b_1 + W_3 b_2 + b_3}_{b}.$$
#
# (With the biases it is *affine*, a linear map plus a constant. And the claim is about matrix products and
# convolutions; the maximum in the pooling layers of that slide, which module 04, section 4, explains, is nonlinear by
# itself.) Deck F gives this class as its example in PyTorch. We run it as printed, next to its copy without `relu` and
# `tanh`:

# %% slide="subslide"
X = torch.linspace(-1, 1, 200)[:, None]
Y = torch.sin(2 * np.pi * X) * X + 0.4 * X
n_hidden = 20


class Net(nn.Module):
    """Deck F, "Example of a 2 layers perceptron in Pytorch"."""

    def __init__(self):
        super(Net, self).__init__()  # noqa: UP008 as on the slide; today super().__init__() is enough
        self.hidden = nn.Linear(X.shape[1], n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.out = nn.Linear(n_hidden, 1)

    def forward(self, x):
        x = F.relu(self.hidden(x))
        x = F.tanh(self.hidden2(x))
        x = self.out(x)
        return x


class LinearNet(Net):
    """The same layers, nothing between them."""

    def forward(self, x):
        return self.out(self.hidden2(self.hidden(x)))


fitted, squared_error = {}, {}
for kind in (Net, LinearNet):
    training.seed_everything(0)
    model = fitted[kind.__name__] = kind()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)  # momentum: section 6
    training.fit(model, X, Y, epochs=400, batch_size=50, optimizer=optimizer, loss=F.mse_loss, progress=False)
    squared_error[kind.__name__] = training.evaluate(model, X, Y, F.mse_loss)[0]
    print(f"{kind.__name__:<9} mean squared error {squared_error[kind.__name__]:.4f}")
assert squared_error["Net"] < 0.02 and squared_error["LinearNet"] > 0.1

# %% slide="fragment"
stack = fitted["LinearNet"]
W = stack.out.weight @ stack.hidden2.weight @ stack.hidden.weight
b = stack(torch.zeros(1, 1))[0]  # at x = 0 only the constant is left
print(f"three layers, {n_parameters(stack)} parameters = one slope {W.item():.4f} and one offset {b.item():.4f}")
print("largest difference on the 200 inputs:", (stack(X) - (X @ W.T + b)).abs().max().item())
assert (stack(X) - (X @ W.T + b)).abs().max() < 1e-5

slope, offset = np.polyfit(X[:, 0].numpy(), Y[:, 0].numpy(), 1)
print(f"the best straight line (least squares) has slope {slope:.4f} and offset {offset:.4f}")
assert squared_error["LinearNet"] >= F.mse_loss(slope * X + offset, Y).item() - 1e-6  # no stack of them can do better

# %% slide="subslide"
figure, axis = plt.subplots()
axis.plot(X, Y, color=COLORS["grey"], linewidth=5, alpha=0.5, label="target")
axis.plot(X, fitted["Net"](X).detach(), color=COLORS["blue"], label="Net of deck F")
axis.plot(X, stack(X).detach(), "--", color=COLORS["vermillion"], label="same layers, no nonlinearity")
axis.set(title="Three layers with and without nonlinear units", xlabel="input x", ylabel="output y")
axis.legend()
plt.show()

# %% [markdown] slide="subslide"
# > **Erratum E41.** Deck F calls `Net` a "2 layers perceptron". It has *three* layers of weights, two of them hidden.
# > Deck K counts weight layers (softmax regression is its "1-layer NN"), and by that count `Net` has three. The
# > literature uses both counts, so say which one you mean; "two hidden layers" is unambiguous.

# %% slide="fragment"
matrices = [name for name, parameter in Net().named_parameters() if parameter.ndim == 2]
print(len(matrices), "layers of weights:", ", ".join(matrices))
assert len(matrices) == 3
ledger.append(("F", "Net is a 2 layers perceptron", f"{len(matrices)} layers of weights, 2 of them hidden (E41)"))

# %% [markdown] slide="slide"
# ## 3. How wide? How deep?
#
# ### Width: universal approximation, by hand
#
# Replace the sigmoid by the rectified linear unit (module 02, section 6), $\text{ReLU}(x) = \max(0, x)$. A hidden
# layer of $n$ of them computes $c + \sum_i a_i \max(0, w_i x + b_i)$: with one input, a curve of straight pieces that
# bends at $n$ places, its **kinks**. So we can *write down* a net that follows a curve $f$ on an interval: put the
# kinks at equal distances $\delta$ and let each one change the slope to the next value. That is linear interpolation.
# Where $f$ has a bounded second derivative its error is at most $\tfrac{1}{8}\delta^2 \max|f''|$: twice the width, a
# quarter of the error.

# %% slide="subslide"
GRID = torch.linspace(-1, 1, 257)
TARGETS = {
    "wave": lambda x: torch.sin(3 * np.pi * x),
    "bump": lambda x: torch.exp(-30 * x**2) * 2 - 1,
    "jump": lambda x: torch.where(x < 0.2, -1.0, 1.0),  # not continuous
}


def interpolating_net(target, units):
    """A net with one hidden layer of ReLUs, written down and not trained, that meets `target` at units + 1 points."""
    knots = torch.linspace(-1, 1, units + 1)
    slopes = target(knots).diff() / knots.diff()
    net = nn.Sequential(nn.Linear(1, units), nn.ReLU(), nn.Linear(units, 1))
    with torch.no_grad():
        net[0].weight.fill_(1)
        net[0].bias.copy_(-knots[:-1])  # unit i bends at knot i
        net[2].weight.copy_(slopes.diff(prepend=torch.zeros(1))[None])  # by the change of slope
        net[2].bias.copy_(target(knots[:1]))
    return net


wave_errors = []
print("width   largest error: " + "   ".join(f"{name:>6}" for name in TARGETS) + "   bound (wave)")
for units in (8, 16, 32, 64, 128):
    fine = torch.linspace(-1, 1, 4001)
    errors = [(interpolating_net(f, units)(fine[:, None])[:, 0] - f(fine)).abs().max().item() for f in TARGETS.values()]
    bound = (2 / units) ** 2 / 8 * (3 * np.pi) ** 2
    print(f"{units:>5}                  " + "   ".join(f"{error:6.4f}" for error in errors) + f"   {bound:.4f}")
    assert errors[0] <= bound + 1e-5 and errors[2] > 0.9
    wave_errors.append(errors[0])
assert all(3.5 < wide / twice_as_wide < 4.5 for wide, twice_as_wide in itertools.pairwise(wave_errors[1:]))

# %% [markdown] slide="subslide"
# Wave and bump get as close as we like; the jump keeps a largest error of 1 or more at every width, for no
# continuous curve can follow it.
#
# That a good net *exists* does not say that training finds it. We train one net for each of ten widths and each
# target, from random weights, all at once (with the optimiser Adam, section 6), and compare.

# %% slide="subslide"
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


def train_widths(steps=1500, seed=0):
    """Curves (targets, widths, 257) of trained nets; one tensor holds all, units beyond a net's width are masked."""
    generator = torch.Generator().manual_seed(seed)
    n_nets, most = len(TARGETS) * len(WIDTHS), max(WIDTHS)
    wanted = torch.stack([f(GRID) for f in TARGETS.values()]).repeat_interleave(len(WIDTHS), 0)[..., None]
    mask = (torch.arange(most) < torch.tensor(WIDTHS)[:, None]).float().repeat(len(TARGETS), 1)[:, None]
    w1 = 5 * torch.randn(n_nets, 1, most, generator=generator).sign()
    b1 = -w1 * (2 * torch.rand(n_nets, 1, most, generator=generator) - 1)  # kinks at random places in [-1, 1]
    w2 = torch.randn(n_nets, most, 1, generator=generator) / (5 * mask.sum(2, keepdim=True) ** 0.5)
    parameters = [p.requires_grad_() for p in (w1, b1, w2, torch.zeros(n_nets, 1, 1))]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    x = GRID[::2, None]  # every second point: the others are for the error
    for _ in range(steps):
        curves = torch.relu(x * w1 + b1) * mask @ w2 + parameters[3]
        optimizer.zero_grad()
        (curves - wanted[:, ::2]).square().mean((1, 2)).sum().backward()
        optimizer.step()
        decay.step()
    with torch.no_grad():
        curves = torch.relu(GRID[:, None] * w1 + b1) * mask @ w2 + parameters[3]
    return curves.view(len(TARGETS), len(WIDTHS), -1)


trained_curves = dict(zip(TARGETS, train_widths(), strict=True))


# %% slide="subslide"
def rms(curve, target):
    """Root mean squared difference on the grid."""
    return (curve - target).square().mean().sqrt().item()


trained_wins = {}
figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), sharey=True)
for axis, (name, target) in zip(axes, TARGETS.items(), strict=True):
    wanted = target(GRID)
    written = [rms(interpolating_net(target, n)(GRID[:, None])[:, 0].detach(), wanted) for n in WIDTHS]
    found = [rms(curve, wanted) for curve in trained_curves[name]]
    trained_wins[name] = [a < b for a, b in zip(found, written, strict=True)]
    axis.loglog(WIDTHS, written, "--o", color=COLORS["grey"], label="written down")
    axis.loglog(WIDTHS, found, "-s", color=COLORS["blue"], label="trained")
    axis.set(title=name, xlabel="width (hidden units)")
    axis.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
axes[0].set_ylabel("RMS error")
axes[0].legend(loc="lower left")
figure.suptitle("Error against width, one hidden layer of ReLUs")
plt.show()
assert all(any(wins[: WIDTHS.index(16)]) for wins in trained_wins.values())
assert not any(trained_wins[name][-1] for name in ("wave", "bump"))

# %% [markdown] slide="subslide"
# Training places the kinks where they are needed, so a small trained net can beat equal distances, if its start was
# lucky; a large one stops short of what its width could do. **Explorer 1.** Move the width.


# %% slide="fragment"
def plot_width(target="wave", width=8):
    """The target, the trained net and the net written down, for one of the widths."""
    wanted = TARGETS[target](GRID)
    trained = trained_curves[target][WIDTHS.index(width)]
    written = interpolating_net(TARGETS[target], width)(GRID[:, None])[:, 0].detach()
    figure, axis = plt.subplots(figsize=(9, 4.8))
    axis.plot(GRID, wanted, color=COLORS["grey"], linewidth=6, alpha=0.4, label="target")
    axis.plot(GRID, written, "--", color=COLORS["orange"], label=f"written down, RMS error {rms(written, wanted):.3f}")
    axis.plot(GRID, trained, color=COLORS["blue"], label=f"trained, RMS error {rms(trained, wanted):.3f}")
    axis.set(title=f"One hidden layer of {width} ReLU{'s' * (width > 1)}", xlabel="input x", ylabel="output y")
    axis.set_ylim(-1.6, 2.4)
    axis.legend(loc="upper right")
    print(f"The {target} with {width} hidden unit{'s' * (width > 1)}: RMS error {rms(trained, wanted):.3f} trained, "
          f"{rms(written, wanted):.3f} written down.")
    return figure


widgets.explore(plot_width, target=list(TARGETS), width=list(WIDTHS))

# %% [markdown] slide="subslide"
# > **Erratum E6.** Deck V (slide 21) cites "Cybenko 1998". The paper is of 1989 (*Mathematics of Control, Signals,
# > and Systems* 2, 303–314).
#
# > **Erratum E19.** Deck V (slides 12, 21): Hornik proved the theorem in 1991, and so a net with one hidden layer
# > "can solve whatever problem you're interested in". It was proved in 1989, by Cybenko, by Funahashi, and by Hornik,
# > Stinchcombe and White; Hornik's paper of 1991 widens the class of activations. Leshno and others (1993): any
# > activation that is not a polynomial will do. And the theorem says less than the slide: the target must be
# > *continuous*, the inputs must come from a *closed and bounded* set, and a good net exists, which is not to say
# > that it is found or that examples suffice to find it.
#
# Each of these conditions shows in numbers: a target that jumps, inputs outside the interval, a polynomial activation
# ($z^2$, for which every net with one hidden layer is some quadratic curve, however wide), and existence against
# training.

# %% slide="fragment"
wave = TARGETS["wave"]
best = trained_curves["wave"][-1]
jump_error = [(curve - TARGETS["jump"](GRID)).abs().max().item() for curve in trained_curves["jump"]]
print(f"1 jump: the largest error, at the best of {len(WIDTHS)} widths, is {min(jump_error):.2f}")
assert min(jump_error) > 0.5

outside = torch.linspace(1, 2, 101)
far = interpolating_net(wave, 64)(outside[:, None])[:, 0].detach()
written = rms(interpolating_net(wave, 64)(GRID[:, None])[:, 0].detach(), wave(GRID))
print(f"2 wave outside [-1, 1]: RMS error {rms(far, wave(outside)):.1f}, and inside {written:.4f}")
assert rms(far, wave(outside)) > 1 and written < 0.01

rng = np.random.default_rng(0)
for units in (3, 64):
    squares = (GRID.double().numpy()[:, None] * rng.normal(size=units) + rng.normal(size=units)) ** 2
    features = np.column_stack([squares, np.ones(len(GRID))])
    solution, _, rank, _ = np.linalg.lstsq(features, wave(GRID).numpy(), rcond=1e-10)
    error = rms(torch.from_numpy(features @ solution), wave(GRID))
    print(
        f"3 wave, activation z², {units:>2} units, best output weights: RMS error {error:.3f}; "
        f"{rank} independent features"
    )
    assert rank == 3 and error > 0.6
print(f"4 wave, 64 ReLUs: trained {rms(best, wave(GRID)):.4f}, written down {written:.4f}")
assert rms(best, wave(GRID)) > 2 * written

# %% [markdown] slide="slide"
# ### Depth: Telgarsky's sawtooth
#
# The tent $t(x) = 2\max(0, x) - 4\max(0, x - \tfrac12)$ maps $[0, 1]$ to itself, up and down once. It takes two
# ReLUs. Put $k$ tents one after another: each one folds the interval once more, and $t \circ \dots \circ t$ has
# $2^{k-1}$ teeth, that is $2^k$ straight pieces, from $2k$ units in $k$ hidden layers. In *one* hidden layer, $n$
# units make at most $n + 1$ pieces, so the same curve needs $2^k - 1$ units.


# %% slide="fragment"
def sawtooth_net(depth):
    """`depth` tents in a row: 2 ReLUs in each hidden layer, weights written down."""
    layers = [nn.Linear(1, 2), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(2, 2), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(2, 1)).double()
    with torch.no_grad():
        for linear in net[::2]:
            tent_or_input = torch.tensor([[2.0, -4.0]]) if linear.in_features == 2 else torch.ones(1, 1)
            linear.weight.copy_(tent_or_input.expand_as(linear.weight))
            linear.bias.copy_(torch.tensor([0.0, -0.5])[: linear.out_features])
    return net


def count_pieces(net, points):
    """Straight pieces of net on [0, 1], from its values at points + 1 equidistant places."""
    x = torch.linspace(0, 1, points + 1, dtype=torch.float64)[:, None]
    slopes = net(x).detach()[:, 0].diff() * points
    return 1 + int((slopes.diff().abs() > 1e-6).sum())


figure, axes = plt.subplots(1, 3, figsize=(15, 4), sharey=True)
x = torch.linspace(0, 1, 1025, dtype=torch.float64)[:, None]
for axis, depth in zip(axes, (1, 3, 6), strict=True):
    axis.plot(x, sawtooth_net(depth)(x).detach())
    axis.set(title=f"{depth} hidden layer{'s' * (depth > 1)} of 2 ReLUs", xlabel="input x")
axes[0].set_ylabel("output")
plt.show()

# %% [markdown] slide="subslide"
# How badly must a shallow net fail? Take the $2^k + 1$ points $i / 2^k$; the sawtooth is 0, 1, 0, 1, … there. Let the
# shallow net answer "1" where its output is at least ½. A curve of $n + 1$ straight pieces crosses ½ at most $n + 1$
# times, so its answers form at most $n + 2$ runs of equal answers. In a run of $c$ points with alternating truth at
# least $(c - 1)/2$ are wrong. Added up, at least $(2^k + 1 - (n + 2))/2$ answers are wrong.

# %% slide="fragment"
print(" k   deep net: units  pieces   one layer needs   one layer with 2k units: wrong answers at least")
for k in range(1, 13):
    pieces = count_pieces(sawtooth_net(k), 2 ** (k + 2))
    wrong = max(0, math.ceil((2**k - 1 - 2 * k) / 2))
    print(
        f"{k:>2} {2 * k:>17} {pieces:>7} {pieces - 1:>11} units "
        f"{wrong:>10} of {2**k + 1:>5} = {wrong / (2**k + 1):>5.1%}"
    )
    assert pieces == 2**k

exact_shallow = interpolating_net(
    lambda knots: sawtooth_net(6)((knots.double()[:, None] + 1) / 2).detach()[:, 0].float(), 64
)
points = torch.linspace(0, 1, 65)[:, None]
difference = exact_shallow(2 * points - 1) - sawtooth_net(6)(points.double()).float()
print(
    "\nThe other way round: 64 units in one layer, against the sawtooth of six layers of 2, "
    f"largest difference at its 65 corners {difference.abs().max().item():.0e}"
)
assert difference.abs().max() < 1e-5

# %% [markdown] slide="subslide"
# > **Erratum E21.** Deck V (slide 21) supports "exponentially many units with a single layer" with "Hastad et al.
# > 1986". Johan Håstad is the only author, and his theorem is about Boolean circuits of AND and OR gates, which need
# > exponential size for the *parity* of $n$ bits (their XOR, module 01, section 3) when their depth is bounded. It
# > does not carry over to units that add: parity takes one hidden layer of $n$ ReLUs. For ReLU nets the argument
# > above is Telgarsky's (2015, 2016).

# %% slide="fragment"
n_bits = 10
bits = (torch.arange(2**n_bits)[:, None] >> torch.arange(n_bits)) & 1
parity_net = nn.Sequential(nn.Linear(n_bits, n_bits), nn.ReLU(), nn.Linear(n_bits, 1))
with torch.no_grad():
    parity_net[0].weight.fill_(1)  # every unit sees the number of ones
    parity_net[0].bias.copy_(-torch.arange(n_bits).float())  # unit i bends at i ones
    parity_net[2].weight.copy_(
        torch.tensor([[1.0] + [2.0 * (-1) ** i for i in range(1, n_bits)]])
    )  # slopes +1, -1, +1, …
    parity_net[2].bias.zero_()
right = (parity_net(bits.float())[:, 0] == bits.sum(1) % 2).sum().item()
print(f"parity of {n_bits} bits, one hidden layer of {n_bits} ReLUs: right on {right} of {len(bits)} inputs")
assert right == 2**n_bits
ledger.append(
    (
        "V",
        "parity-like functions need exponentially many units in one layer (Håstad)",
        f"{n_bits} ReLUs do parity of {n_bits} bits (E21)",
    )
)

# %% [markdown] slide="subslide"
# The sawtooth is a statement about what *can be represented*, again. Deck V adds that "it is easier to train a deep
# network to perform well than a shallow one". The next two sections look at that: left alone, deep nets are harder to
# train.

# %% [markdown] slide="slide"
# ## 4. Activations and saturation
#
# A function applied to each unit is called its **activation**. Deck N gives three. What matters for learning is the
# derivative: backpropagation (module 02) multiplies by one derivative in each layer on the way down.

# %% slide="subslide"
ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}
steepest = {}
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8))
for (name, function), line in zip(ACTIVATIONS.items(), ("-", "--", "-."), strict=True):
    z = torch.linspace(-5, 5, 401, requires_grad=True)
    value = function(z)
    (derivative,) = torch.autograd.grad(value.sum(), z)  # backward(), but it returns what would go into z.grad
    left.plot(z.detach(), value.detach(), line, label=name)
    right.plot(z.detach(), derivative, line, label=name)
    steepest[name] = derivative.max().item()
    print(
        f"{name:<8} largest derivative {steepest[name]:.2f}, "
        f"at z = 5: {derivative[-1].item():.5f}, at z = -5: {derivative[0].item():.5f}"
    )
assert np.allclose(list(steepest.values()), [0.25, 1, 1], rtol=1e-4)
left.set(title="Activation", xlabel="input z", ylabel="output", ylim=(-1.2, 3))
right.set(title="Derivative", xlabel="input z", ylabel="derivative")
left.legend()
plt.show()

# %% [markdown] slide="subslide"
# Where the curve is flat the unit is **saturated**: its derivative is nearly 0, and it passes back nearly nothing.
# The sigmoid's derivative is never above ¼, so twenty layers of sigmoids multiply the gradient by less than
# $4^{-20} \approx 10^{-12}$, unless large weights make up for it, and large weights saturate the units. ReLU has
# derivative 1 on its whole active side; where its input is negative it passes nothing.
#
# The test: twenty layers of 100 units, fresh random weights of variance $1/100$ (ReLU: $2/100$, section 5 says why),
# one batch of digits. How long is the gradient of the loss with respect to each layer's weights?


# %% slide="fragment"
def random_stack(activation, gain, depth=20, width=100, seed=0):
    """Weight matrices with entries of standard deviation gain / sqrt(inputs); returns them and the forward function."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [64] + [width] * depth + [10]
    weights = [
        (gain * torch.randn(n, m, generator=generator) / m**0.5).requires_grad_() for m, n in itertools.pairwise(sizes)
    ]

    def forward(x):
        for weight in weights[:-1]:
            x = ACTIVATIONS[activation](x @ weight.T)
        return x @ weights[-1].T

    return weights, forward


standard = (x_train - x_train.mean(0)) / (x_train.std(0) + 1e-2)  # mean 0 and standard deviation 1: section 5
first_to_last = {}
figure, axis = plt.subplots()
for (activation, gain), line in zip(
    (("sigmoid", 1), ("tanh", 1), ("tanh", 3), ("ReLU", 2**0.5)), ("-", "--", ":", "-."), strict=True
):
    weights, forward = random_stack(activation, gain)
    gradients = torch.autograd.grad(F.cross_entropy(forward(standard[:256]), y_train[:256]), weights)
    norms = [gradient.norm().item() for gradient in gradients[:-1]]
    label = f"{activation}, weight std {gain:.2g}/√inputs"
    axis.semilogy(range(1, 21), norms, line, label=label)
    first_to_last[activation, gain] = norms[0] / norms[-1]
    print(f"{label:<32} first layer / last layer = {first_to_last[activation, gain]:.1e}")
assert first_to_last["sigmoid", 1] < 1e-9 and first_to_last["tanh", 3] > 10  # vanishes; explodes
assert all(0.01 < first_to_last[stack] < 100 for stack in (("tanh", 1), ("ReLU", 2**0.5)))
axis.set(
    title="Gradient by layer, 20 layers, before training",
    xlabel="layer (1 = next to the input)",
    ylabel="norm of the gradient",
)
axis.set_xticks([1, 5, 10, 15, 20])
axis.legend()
plt.show()

# %% [markdown] slide="subslide"
# The sigmoid's gradient vanishes towards the input: the first layers would hardly move. (Hochreiter described this in
# his thesis of 1991; module 05, section 4, measures it in nets that read sequences.) Tanh with small weights and ReLU
# keep it within one or two powers of ten; tanh with large weights is saturated, and here the gradient *explodes*: the
# product of large weights outruns the small derivatives.
#
# One detail of deck N's slide: $\tanh x = (1 - e^{-2x})/(1 + e^{-2x})$ is right on paper, but typed as it stands it
# fails for very negative $x$.

# %% slide="fragment"
x = torch.tensor([-1.0, 1.0, -40.0, -50.0])
as_printed = (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x))
print("x                ", x.tolist())
print("formula of N     ", as_printed.tolist(), "  (e^100 exceeds float32: inf / inf)")
print("torch.tanh       ", torch.tanh(x).tolist())
assert as_printed.isnan().tolist() == [False, False, False, True] and torch.allclose(as_printed[:3], torch.tanh(x)[:3])

# %% [markdown] slide="slide"
# ## 5. Keeping the signal alive: initialisation, normalisation, skips
#
# ### Initialisation
#
# Let a layer have $n$ inputs $h_i$ and independent weights of mean 0 and variance $g^2/n$. Then $z = \sum_i w_i h_i$
# has
#
# $$\operatorname{Var} z = n \cdot \frac{g^2}{n}\, \mathbb{E}[h^2] = g^2\, \mathbb{E}[h^2].$$
#
# If $h = \text{ReLU}(z')$ with $z'$ symmetric about 0, half of the square is cut away:
# $\mathbb{E}[h^2] = \tfrac12 \operatorname{Var} z'$. So each ReLU layer multiplies the variance of the signal by
# $g^2/2$. It stays as it is for $g = \sqrt2$ (He and others, 2015). Where the activation is close to the identity
# near 0, like tanh, $g = 1$ is the choice (LeCun and others 1998; Xavier Glorot and Bengio 2010 take the mean of the
# numbers of inputs and outputs for $n$, known as *Xavier* initialisation). After 30 layers a $g$ that is a little off
# matters. **Explorer 2** below has a slider for it.


# %% slide="subslide"
def signal_by_layer(activation="ReLU", gain=2**0.5, depth=30, width=200):
    """Variance of z in each layer, and mean square of dL/dz, for random weights, inputs and output gradients."""
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(100, width, generator=generator)
    z_all = []
    for _ in range(depth):
        z = h @ (gain * torch.randn(width, width, generator=generator) / width**0.5).requires_grad_()
        z.retain_grad()
        z_all.append(z)
        h = ACTIVATIONS[activation](z)
    h.backward(torch.randn(h.shape, generator=generator))
    return [z.var().item() for z in z_all], [z.grad.square().mean().item() for z in z_all]


print("ReLU    g^2 / 2   measured factor a layer")
for gain in (1.0, 2**0.5, 2.0):
    variance, _ = signal_by_layer("ReLU", gain)
    factor = (variance[-1] / variance[0]) ** (1 / 29)
    print(f"g = {gain:.2f}    {gain**2 / 2:.3f}   {factor:.3f}")
    assert math.isclose(factor, gain**2 / 2, rel_tol=0.05)


# %% slide="fragment"
def plot_signal(activation="ReLU", gain=1.4):
    """The signal going up and the gradient coming down, through 30 random layers of 200 units."""
    variance, gradient = signal_by_layer(activation, gain)
    places = {"left": 0.075, "right": 0.99, "top": 0.83, "bottom": 0.15, "wspace": 0.2}  # by hand: quicker to draw
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6), layout="none", gridspec_kw=places)
    layers = range(1, 31)
    for axis, values, color in ((left, variance, COLORS["blue"]), (right, gradient, COLORS["vermillion"])):
        axis.plot(layers, np.log10(np.maximum(values, 1e-40)), "o-", color=color, markersize=5)
        axis.set(xlabel="layer (1 = next to the input)")
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, -3), max(high, 3))  # so that a steady signal looks steady
    left.set(title="Signal going up", ylabel="log10 of the variance of z")
    right.set(title="Gradient coming down", ylabel="log10 of the mean (dL/dz)²")
    figure.suptitle(f"{activation}, weights of standard deviation {gain:.2f} / √inputs")
    print(f"{activation}, gain {gain:.2f}: from layer 1 to layer 30 the variance of z changes by a factor of "
          f"{variance[-1] / variance[0]:.1e}; from layer 30 to layer 1 the mean square of the gradient by "
          f"{gradient[0] / gradient[-1]:.1e}.")
    return figure


widgets.explore(plot_signal, activation=list(ACTIVATIONS), gain=(0.4, 3.0, 0.1))

# %% [markdown] slide="subslide"
# ### Normalising the inputs
#
# Deck N lists "data normalization" among the practical issues. Gradient descent on a quadratic loss with curvatures
# $\lambda_{\min} \dots \lambda_{\max}$ diverges for a learning rate above $2/\lambda_{\max}$ (module 02, section 3),
# and below it needs about $\kappa = \lambda_{\max}/\lambda_{\min}$ steps (the **condition number**) for the flattest
# direction. For least squares on inputs $x$ the curvatures are the eigenvalues of the mean of $xx^\top$ (with
# $x_0 = 1$ for the bias). We take the 20 pixels of largest variance and compare scales.

# %% slide="fragment"
pixels = x_train[:, x_train.var(0).topk(20).indices].double()
scales = {
    "grey levels 0 … 16": pixels * 16,
    "divided by 16": pixels,
    "mean 0": pixels - pixels.mean(0),
    "mean 0, std 1": (pixels - pixels.mean(0)) / pixels.std(0),
}
condition, loss_after = {}, {}
print("inputs                largest lr   condition number   loss of softmax regression after 100 steps")
for name, inputs in scales.items():
    with_bias = torch.cat([torch.ones(len(inputs), 1), inputs], dim=1)
    curvature = torch.linalg.eigvalsh(with_bias.T @ with_bias / len(inputs))
    W = torch.zeros(10, 21, dtype=torch.float64, requires_grad=True)
    for _ in range(100):
        loss = F.cross_entropy(with_bias @ W.T, y_train)
        (gradient,) = torch.autograd.grad(loss, W)
        W = (W - 2 / curvature[-1] * gradient).detach().requires_grad_()  # the softmax is flatter than least squares
    condition[name], loss_after[name] = (curvature[-1] / curvature[0]).item(), loss.item()
    print(f"{name:<20} {2 / curvature[-1]:>11.4f} {condition[name]:>18.0f} {loss_after[name]:>20.3f}")
raw, divided, centred, equal_spread = loss_after.values()
assert min(raw, divided) > 2 * centred > 2 * equal_spread and divided > 0.8 * raw
assert list(condition.values()) == sorted(condition.values(), reverse=True)

# %% [markdown] slide="subslide"
# Dividing all pixels by 16 does little: it is the same as another learning rate for the weights. Centring does most,
# because pixels that are all positive share one direction of enormous curvature, and equal spreads help a little
# more.

# %% [markdown] slide="subslide"
# ### Batch normalisation
#
# If normal inputs help the first layer, why not normalise every layer's inputs? **Batch norm** (Ioffe and Szegedy,
# 2015) takes each unit's $z$ over the batch, and returns
#
# $$\hat z = \gamma\, \frac{z - \text{mean}(z)}{\sqrt{\text{var}(z) + \varepsilon}} + \beta,$$
#
# with learned $\gamma$ and $\beta$. Mean and variance are those of the batch while training, and running averages of
# them in use, so that the answer for one image does not depend on its neighbours. `model.train()` and `model.eval()`
# switch between the two; forgetting the switch is a classic error.

# %% slide="fragment"
training.seed_everything(0)
norm = nn.BatchNorm1d(3)
z = torch.randn(64, 3) * torch.tensor([0.1, 1.0, 10.0]) + torch.tensor([5.0, 0.0, -5.0])
training_output = norm(z).detach()
print("in :  mean", z.mean(0).numpy().round(2), " std", z.std(0).numpy().round(2))
print("out:  mean", training_output.mean(0).numpy().round(2) + 0.0, " std", training_output.std(0).numpy().round(2))
print("after one batch the running mean has moved a tenth of the way:", norm.running_mean.numpy().round(2))
assert training_output.mean(0).abs().max() < 1e-5 and (training_output.std(0) - 1).abs().max() < 0.02
assert torch.allclose(norm.running_mean, 0.1 * z.mean(0), atol=1e-6)
norm.eval()
print("the same batch in evaluation mode: mean", norm(z).detach().mean(0).numpy().round(2))
assert not torch.allclose(norm(z), training_output, atol=0.1)

# %% [markdown] slide="subslide"
# ### Skips
#
# A **skip connection** adds a layer's input to its output, $h_{l+1} = h_l + f(h_l)$, so that the gradient has a way
# down that passes through no weights (He and others, 2015: a net of 152 layers). We build a net of 30 layers in four
# kinds: plain, with batch norm, with skips, with both; batch norm and ReLU stand in front of each matrix but the
# first (He and others, 2016). Module 04, section 6, does the same with convolutions. All weights start with
# $g = \sqrt2$.


# %% slide="fragment"
class Layer(nn.Module):
    """[batch norm,] ReLU, linear; with a skip the input is added."""

    def __init__(self, width, batch_norm, skip):
        super().__init__()
        self.norm = nn.BatchNorm1d(width) if batch_norm else nn.Identity()
        self.linear = nn.Linear(width, width)
        self.skip = skip

    def forward(self, h):
        out = self.linear(torch.relu(self.norm(h)))
        return h + out if self.skip else out


def deep_net(batch_norm, skip, depth=30, width=64):
    """`depth` layers of weights: one from the pixels, depth - 2 of `Layer`, one to the classes."""
    norm = nn.BatchNorm1d(width) if batch_norm else nn.Identity()
    net = nn.Sequential(
        nn.Linear(64, width),
        *[Layer(width, batch_norm, skip) for _ in range(depth - 2)],
        norm,
        nn.ReLU(),
        nn.Linear(width, 10),
    )
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=(2 / module.in_features) ** 0.5)
            nn.init.zeros_(module.bias)
    return net


KINDS = {"plain": (False, False), "batch norm": (True, False), "skips": (False, True), "both": (True, True)}

# %% [markdown] slide="subslide"
# Before training: how large is the signal in each layer, and how large the gradient?

# %% slide="fragment"
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8))
growth, doubling = {}, {}
for (name, kind), line in zip(KINDS.items(), ("-", "--", ":", "-."), strict=True):
    training.seed_everything(0)
    net = deep_net(*kind, width=256)
    h, outputs = x_train[:256], []
    for module in net[:-3]:
        h = module(h)
        h.retain_grad()
        outputs.append(h)
    F.cross_entropy(net[-3:](h), y_train[:256]).backward()
    gradient = [h.grad.norm().item() for h in outputs]
    growth[name] = (gradient[3] / gradient[25]) ** (1 / 22)
    signal = [h.var().item() for h in outputs]
    doubling[name] = (signal[25] / signal[3]) ** (1 / 22)
    left.semilogy(range(1, 30), signal, line, label=name)
    right.semilogy(range(1, 30), gradient, line, label=name)
left.set(title="Signal", xlabel="layer", ylabel="variance of the layer's output")
right.set(title="Gradient", xlabel="layer", ylabel="norm of dL/d(output)")
left.legend()
figure.suptitle("30 layers of 256 units before training")
for name, factor in growth.items():
    print(f"{name:<11} going down, the gradient grows by a factor {factor:.3f} a layer")
print(
    "predicted for batch norm and ReLU in wide layers (Yang and others, 2019): sqrt(π/(π-1)) = "
    f"{math.sqrt(math.pi / (math.pi - 1)):.3f}"
)
assert abs(growth["batch norm"] - math.sqrt(math.pi / (math.pi - 1))) < 0.06 and abs(growth["plain"] - 1) < 0.06
assert abs(doubling["skips"] - 2) < 0.3 and growth["both"] < 1.12 and doubling["both"] < 1.2

# %% [markdown] slide="subslide"
# Skips alone double the variance in each layer ($h$ and $f(h)$ add up), and the loss is enormous. Batch norm in front
# of each layer tames that.
#
# > **Erratum E42.** Deck F: batch norm is there to "limit vanishing gradient". In a plain ReLU net it does the
# > opposite of vanishing: at the start of training it makes the gradient *explode* towards the input, by
# > $\sqrt{\pi/(\pi-1)} \approx 1.21$ a layer in wide layers (Yang and others, 2019), while with $g = \sqrt 2$ the
# > gradient of the net without batch norm keeps its size. It is together with skips that batch norm keeps both signal
# > and gradient in range.

# %% slide="fragment"
ledger.append(
    (
        "F",
        "batch norm limits vanishing gradients",
        f"at the start the gradient explodes: {growth['batch norm']:.2f} a layer, {growth['plain']:.2f} without (E42)",
    )
)


def train_deep(name, lr, epochs=10):
    """Validation and training accuracy of a net of 30 layers, or None if the loss became infinite."""
    training.seed_everything(1)
    net = deep_net(*KINDS[name])
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    try:
        training.fit(net, x_train, y_train, epochs=epochs, optimizer=optimizer, progress=False)
    except training.Diverged:
        return None
    return training.accuracy(net, x_val, y_val), training.accuracy(net, x_train, y_train)


DEEP_RATES = (0.02, 0.1, 0.5)
deep = {name: [train_deep(name, lr) for lr in DEEP_RATES] for name in KINDS}
print("validation (training) accuracy after 10 epochs of SGD")
print(" " * 12 + "".join(f"lr {lr:<16}" for lr in DEEP_RATES))
for name, results in deep.items():
    print(f"{name:<11} " + "".join(f"{'diverged' if r is None else f'{r[0]:.1%} ({r[1]:.1%})':<19}" for r in results))

# %% [markdown] slide="subslide"
# > **Erratum E23.** Deck V (slide 22): for each step of training, random initialisation, cost function, iterative
# > improvement, "there exist recipes from the 1980s. Only the first step required better recipes for deep networks".
# > Its own slide 13 also lists ReLU, dropout (section 7) and batch norm. And the better initialisation alone does not
# > do: with the same weights to start from and plain SGD, the net of 30 layers stays far behind at each learning rate,
# > while the one with batch norm *and* skips trains at each. What else helps is a later recipe for the *third* step:
# > with Adam (section 6) and three times the epochs the plain net gets there too, slowly. With momentum, a recipe of
# > the time, it does not in that time.

# %% slide="fragment"
best = {name: max((r[0] for r in results if r is not None), default=0.0) for name, results in deep.items()}
print(
    "best of the three learning rates: "
    + ", ".join(f"{name} {best[name]:.1%}" for name in ("plain", "batch norm", "both"))
)
assert best["plain"] < 0.6 and best["both"] > 0.9
assert all(result is not None and result[0] > 0.7 for result in deep["both"])  # trains at each learning rate

patient_accuracy = {}
for name, make in (
    ("SGD with momentum", lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)),
    ("Adam", lambda p: torch.optim.Adam(p, lr=0.001)),
):
    training.seed_everything(1)
    patient = deep_net(*KINDS["plain"])
    optimizer = make(patient.parameters())
    try:
        training.fit(patient, x_train, y_train, epochs=30, optimizer=optimizer, progress=False)
    except training.Diverged:
        pass  # what is left of the net is measured all the same
    patient_accuracy[name] = training.accuracy(patient, x_val, y_val)
    print(f"plain, 30 epochs of {name}: {patient_accuracy[name]:.1%}")
assert patient_accuracy["Adam"] > 0.85 and patient_accuracy["SGD with momentum"] < 0.7
ledger.append(
    (
        "V",
        "only initialisation needed new recipes",
        f"30 layers, He initialisation: plain {best['plain']:.1%}, with batch norm and skips {best['both']:.1%} (E23)",
    )
)

# %% [markdown] slide="subslide"
# ### Why does batch norm help?
#
# > **Erratum E11.** Deck F's first reason for batch norm: "Limit Internal Covariate shift", the drift of a layer's
# > inputs while the layers below learn. That was the conjecture of 2015. Santurkar and others (2018) tested it: with
# > drift put back in by noise *after* the batch norm, nets train as well. What batch norm does change is the loss
# > surface: along the gradient, loss and gradient change less abruptly, so that the step the gradient promises is the
# > step one gets.
#
# We repeat their measurement on nets of nine layers. At every tenth training step we walk along the gradient, with
# step sizes from 0.05 to 0.4, and note how far the loss ranges and how much the gradient changes. "Noisy" batch norm
# multiplies and shifts each unit's output by fresh random numbers at each step: more covariate shift than any net has
# by itself.


# %% slide="fragment"
class Drift(nn.Module):
    """Scales and shifts each unit by random numbers, new ones at each training step."""

    def forward(self, h):
        if not self.training:
            return h
        return h * (0.75 + 0.5 * torch.rand(h.shape[1])) + torch.rand(h.shape[1]) - 0.5


def nine_layers(kind, width=64):
    layers = []
    for i in range(8):
        linear = nn.Linear(64 if i == 0 else width, width)
        nn.init.normal_(linear.weight, std=(2 / linear.in_features) ** 0.5)
        layers.append(linear)
        if kind != "plain":
            layers.append(nn.BatchNorm1d(width))
        if kind == "noisy batch norm":
            layers.append(Drift())
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.Linear(width, 10))


def loss_and_gradient(model, x, y):
    loss = F.cross_entropy(model(x), y)
    gradient = torch.autograd.grad(loss, list(model.parameters()))
    return loss.item(), nn.utils.parameters_to_vector(gradient)


def walk_the_gradient(kind, steps=200, lr=0.1, seed=0):
    """Train. Returns the losses; of every tenth step (lowest, highest) loss along the gradient, the gradient's largest
    relative change, and the drift: how far one step moves the mean inputs of the fifth ReLU, in their standard
    deviations; and the validation accuracy.
    """
    training.seed_everything(seed)
    model = nine_layers(kind)
    parameters = list(model.parameters())
    up_to_fifth = model[: [i for i, module in enumerate(model) if isinstance(module, nn.ReLU)][4]]
    losses, ranges, changes, drifts = [], [], [], []
    for step in range(steps):
        rows = torch.randint(len(x_train), (128,))
        x, y = x_train[rows], y_train[rows]
        loss, gradient = loss_and_gradient(model, x, y)
        losses.append(loss)
        here = nn.utils.parameters_to_vector(parameters).detach()
        if step % 10:
            nn.utils.vector_to_parameters(here - lr * gradient, parameters)
            continue
        seen = []
        for size in (0.05, 0.1, 0.2, 0.4):
            nn.utils.vector_to_parameters(here - size * gradient, parameters)
            seen.append(loss_and_gradient(model, x, y))
        ranges.append((min(value for value, _ in seen), max(value for value, _ in seen)))
        changes.append(max(((other - gradient).norm() / gradient.norm()).item() for _, other in seen))
        inputs = []
        for weights in (here, here - lr * gradient):
            nn.utils.vector_to_parameters(weights, parameters)
            inputs.append(up_to_fifth(x).detach())
        drifts.append(((inputs[1].mean(0) - inputs[0].mean(0)).abs() / (inputs[0].std(0) + 1e-6)).mean().item())
    return losses, ranges, changes, drifts, training.accuracy(model, x_val, y_val)


figure, axes = plt.subplots(1, 3, figsize=(15, 4.8))
print(f"{'':<17} loss, first 100 steps   range of the loss   change of the gradient   drift   validation accuracy")
spans, drift, early_loss, end_accuracy = {}, {}, {}, {}
for kind, color in (("plain", "blue"), ("batch norm", "vermillion"), ("noisy batch norm", "green")):
    losses, ranges, changes, drifts, end_accuracy[kind] = walk_the_gradient(kind)
    spans[kind] = float(np.median([high - low for low, high in ranges]))
    early_loss[kind], drift[kind] = np.mean(losses[:100]), np.median(drifts)
    print(
        f"{kind:<17} {early_loss[kind]:>14.2f} {spans[kind]:>22.3f} {np.median(changes):>20.2f} "
        f"{drift[kind]:>18.2f} {end_accuracy[kind]:>14.1%}"
    )
    axes[0].plot(losses, color=COLORS[color], linewidth=1.5, label=kind)
    measured_at = range(0, 200, 10)
    axes[1].fill_between(measured_at, *zip(*ranges, strict=True), color=COLORS[color], alpha=0.45)
    axes[2].semilogy(measured_at, changes, color=COLORS[color])
axes[0].set(title="Loss", xlabel="training step", ylabel="cross-entropy (nats)", ylim=(0, 3))
axes[1].set(title="Loss along the gradient", xlabel="training step", ylabel="lowest to highest (nats)", yscale="log")
axes[2].set(title="Change of the gradient", xlabel="training step", ylabel="relative to its length")
axes[0].legend()
assert max(spans["batch norm"], spans["noisy batch norm"]) < spans["plain"] / 3
assert drift["batch norm"] < 1e-3 and drift["noisy batch norm"] > drift["plain"] / 2
assert early_loss["batch norm"] < 0.85 * early_loss["plain"]
assert early_loss["noisy batch norm"] < 1.1 * early_loss["plain"]
assert end_accuracy["noisy batch norm"] > end_accuracy["plain"] - 0.06
ledger.append(
    (
        "F",
        "batch norm works by limiting covariate shift",
        f"loss range along the gradient {spans['plain']:.2f} plain, {spans['batch norm']:.2f} with it, "
        f"{spans['noisy batch norm']:.2f} with it and drift (E11)",
    )
)

# %% [markdown] slide="subslide"
# Batch norm alone holds the mean inputs of the ReLUs still by construction: drift 0. With noise the drift is as large
# as in the plain net, and still the net learns no slower at the start than the plain one, and ends as well. (The
# accuracies at the end are of one short run each and do not rank the three.) The surface is what noisy and clean batch
# norm have in common: along the gradient the loss stays in a narrow band, where the plain net's shoots up.

# %% [markdown] slide="slide"
# ## 6. Optimisers
#
# Stochastic gradient descent (SGD) steps against the gradient $g_t$ of a batch:
# $\theta \leftarrow \theta - \eta\, g_t$, with learning rate $\eta$ (in section 5, $g$ was the gain; from here on it is
# a gradient). Decks K, F and N show its successors. All act on each parameter separately, start from $v = s = 0$ (Adam
# from $m = v = 0$), and differ in two ideas.
#
# - **SGD**: $\theta \leftarrow \theta - \eta\, g$.
# - **Momentum** (Polyak, 1964), go on in the direction of the past steps: $v \leftarrow \mu v + g$, then
#   $\theta \leftarrow \theta - \eta\, v$.
# - **Nesterov** (1983), look one step ahead: $v \leftarrow \mu v + g$, then
#   $\theta \leftarrow \theta - \eta\, (g + \mu v)$.
# - **Adagrad** (Duchi and others, 2011), a rate for each parameter, smaller where past gradients were large:
#   $s \leftarrow s + g^2$, then $\theta \leftarrow \theta - \eta\, g / (\sqrt s + \varepsilon)$.
# - **RMSprop** (Tieleman and Hinton, 2012), the same, but forget the distant past:
#   $s \leftarrow \rho s + (1 - \rho)\, g^2$, then $\theta \leftarrow \theta - \eta\, g / (\sqrt s + \varepsilon)$.
# - **Adam** (Kingma and Ba, 2015), both ideas, corrected for the start at 0. Its authors' letters are $m$ for the
#   gradients and $v$, no longer a velocity, for their squares:
#   $m \leftarrow \beta_1 m + (1 - \beta_1)\, g$ and $v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$; in step
#   $t = 1, 2, \dots$ with $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$,
#   $\theta \leftarrow \theta - \eta\, \hat m / (\sqrt{\hat v} + \varepsilon)$.
#
# Here $\mu$, $\rho$, $\beta_1$, $\beta_2$ are numbers a little below 1 (how much is remembered) and $\varepsilon$ is
# tiny (it keeps the denominator away from 0). These are PyTorch's forms. Older texts keep $\eta$ inside the velocity;
# the two differ as soon as $\eta$ changes during training. Three of them, written from their rules, against
# `torch.optim`; momentum, Nesterov and Adam are yours to write in the lab.


# %% slide="fragment"
def sgd(theta, g, state, lr):
    return theta - lr * g


def adagrad(theta, g, state, lr, eps=1e-10):
    state["s"] = state.get("s", 0) + g**2
    return theta - lr * g / (state["s"].sqrt() + eps)


def rmsprop(theta, g, state, lr, rho=0.99, eps=1e-8):
    state["s"] = rho * state.get("s", 0) + (1 - rho) * g**2
    return theta - lr * g / (state["s"].sqrt() + eps)


for rule, theirs in ((sgd, torch.optim.SGD), (adagrad, torch.optim.Adagrad), (rmsprop, torch.optim.RMSprop)):
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(10, dtype=torch.float64, generator=generator)
    parameter, state = ours.clone().requires_grad_(), {}
    optimizer = theirs([parameter], lr=0.05)
    for _ in range(100):
        parameter.grad = torch.randn(10, dtype=torch.float64, generator=generator)
        ours = rule(ours, parameter.grad, state, lr=0.05)
        optimizer.step()
    print(f"{rule.__name__:<8} after 100 steps differs from torch.optim by {(ours - parameter).abs().max().item():.1e}")
    assert (ours - parameter).abs().max() < 1e-6

# %% [markdown] slide="subslide"
# How long are their steps? Take a straight slope, where the gradient is the same at every step.

# %% slide="subslide"
OPTIMIZERS = {
    "SGD": lambda groups: torch.optim.SGD(groups),
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "Nesterov": lambda groups: torch.optim.SGD(groups, momentum=0.9, nesterov=True),
    "Adagrad": lambda groups: torch.optim.Adagrad(groups),
    "RMSprop": lambda groups: torch.optim.RMSprop(groups),
    "Adam": lambda groups: torch.optim.Adam(groups),
}


def steady(name, slope, steps, lr=0.01):
    """Length of the last step on the line f(x) = slope * x, in units of the learning rate."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = OPTIMIZERS[name]([{"params": [x], "lr": lr}])
    for _ in range(steps):
        before = x.item()
        x.grad = torch.full_like(x, slope)
        optimizer.step()
    return abs(x.item() - before) / lr


print("step length / learning rate on a constant slope")
print("            first step, slope 1   slope 1000   after 100 steps, slope 1   slope 1000")
step_length = {}
for name in OPTIMIZERS:
    step_length[name] = [steady(name, slope, steps) for steps in (1, 100) for slope in (1.0, 1000.0)]
    print("{:<10} {:>20.2f} {:>12.2f} {:>26.2f} {:>12.2f}".format(name, *step_length[name]))
for name, (first, first_steep, late, late_steep) in step_length.items():
    factor = 1 if name in ("Adagrad", "RMSprop", "Adam") else 1000
    assert np.allclose([first_steep, late_steep], [factor * first, factor * late], rtol=0.01)
assert np.isclose(step_length["momentum"][2], 10, rtol=0.01) and np.isclose(step_length["Adagrad"][2], 0.1, rtol=0.01)
assert np.isclose(step_length["RMSprop"][0], 10, rtol=0.01) and np.allclose(step_length["Adam"], 1, rtol=0.01)

# %% [markdown] slide="subslide"
# Read the rows. SGD and momentum scale with the gradient; momentum ends at $1/(1 - \mu) = 10$ times SGD's step.
# Adagrad, RMSprop and Adam do not care how large the gradient is: only its sign and its steadiness count. Adagrad's
# steps shrink like $1/\sqrt t$. RMSprop's first step is $1/\sqrt{1 - \rho} = 10$ times too long, which is what Adam's
# correction for the start repairs.
#
# ### On four surfaces
#
# A narrow valley (curvatures 1 and 50), the same valley turned by 45°, Rosenbrock's bent valley, and a saddle, whose
# two lowest points lie in a direction that has almost no slope at the start. Each optimiser gets the learning rate,
# of 25, with which it ends lowest after 100 steps.

# %% slide="fragment"
SURFACES = {  # function, start, lowest point, region shown
    "valley": (lambda x, y: 0.5 * x**2 + 25 * y**2, (-2.5, 0.6), (0, 0), (-3, 1, -1, 1)),
    "turned valley": (lambda x, y: 0.25 * (x + y) ** 2 + 12.5 * (x - y) ** 2, (-2.2, -1.3), (0, 0), (-3, 1, -3, 1)),
    "Rosenbrock": (lambda x, y: (1 - x) ** 2 + 20 * (y - x**2) ** 2, (-1.2, 1.2), (1, 1), (-1.8, 1.8, -0.8, 2.2)),
    "saddle": (lambda x, y: x**2 - y**2 + 0.25 * y**4, (-1.5, 0.01), (0, 2**0.5), (-2, 1, -2, 2)),
}
RATES = np.logspace(-4, 0, 25)
STYLES = dict(
    zip(
        OPTIMIZERS,
        (("grey", "-"), ("blue", "-"), ("sky", "--"), ("orange", "-."), ("green", ":"), ("vermillion", "-")),
        strict=True,
    )
)


def descend(surface, optimizer, rates, steps=100):
    """Paths (len(rates), steps + 1, 2): the same start, one parameter group for each learning rate."""
    function, start, *_ = SURFACES[surface]
    points = [torch.tensor(start, dtype=torch.float64, requires_grad=True) for _ in rates]
    stepper = OPTIMIZERS[optimizer]([{"params": [p], "lr": float(rate)} for p, rate in zip(points, rates, strict=True)])
    path = [torch.stack(points).detach()]
    for _ in range(steps):
        stepper.zero_grad()
        where = torch.stack(points)
        function(where[:, 0], where[:, 1]).sum().backward()
        stepper.step()
        path.append(torch.stack(points).detach())
    return torch.stack(path, dim=1)


def draw_surface(axis, surface):
    function, start, lowest, (left, right, bottom, top) = SURFACES[surface]
    x, y = np.meshgrid(np.linspace(left, right, 80), np.linspace(bottom, top, 80))
    height = function(x, y)
    axis.contour(
        x,
        y,
        height,
        levels=height.min() + (height.max() - height.min()) * np.linspace(0.01, 1, 14) ** 2.5,
        colors="black",
        alpha=0.25,
        linewidths=1,
    )
    axis.plot(*start, "o", color=COLORS["black"])
    axis.plot(*lowest, "*", color=COLORS["black"], markeredgecolor="white", markersize=18, zorder=5)  # over the paths
    axis.set(title=surface, xlabel="$\\theta_1$", ylabel="$\\theta_2$", xlim=(left, right), ylim=(bottom, top))


height = {}
figure, axes = plt.subplots(2, 2, figsize=(13, 10))
print("f above its lowest value after 100 steps (learning rate)")
print(f"{'':<14}" + "".join(f"{name:<17}" for name in OPTIMIZERS))
for axis, surface in zip(axes.flat, SURFACES, strict=True):
    draw_surface(axis, surface)
    function, _, lowest, _ = SURFACES[surface]
    cells = []
    for name in OPTIMIZERS:
        paths = descend(surface, name, RATES)
        end = function(paths[:, -1, 0], paths[:, -1, 1]).nan_to_num(torch.inf, torch.inf)
        best_rate = int(end.argmin())
        color, line = STYLES[name]
        axis.plot(*paths[best_rate].T, line, color=COLORS[color], label=name, linewidth=2)
        height[surface, name] = float(end[best_rate] - function(*lowest))
        cells.append(f"{height[surface, name]:.0e} ({RATES[best_rate]:.2g})")
    print(f"{surface:<14}" + "".join(f"{cell:<17}" for cell in cells))
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
figure.suptitle("100 steps, each optimiser at its best learning rate (star: lowest point)")
plt.show()
for name in ("Adagrad", "RMSprop"):
    others = [height["valley", other] for other in OPTIMIZERS if other not in ("Adagrad", "RMSprop")]
    assert height["valley", name] < min(others) / 1000
    assert 0.1 < height["turned valley", name] / height["turned valley", "SGD"] < 10
for surface, name in itertools.product(("valley", "turned valley"), ("momentum", "Nesterov", "Adam")):
    assert height[surface, name] < height[surface, "SGD"] / 10

# %% [markdown] slide="subslide"
# Adagrad and RMSprop, with a rate for each parameter, make the straight valley round and win there. Turned by 45°,
# both parameters see the same mixture of curvatures, and they do about as well as SGD. Momentum helps in either
# valley, and Adam has both. **Explorer 3.** Any optimiser, any surface, any learning rate.


# %% slide="fragment"
def plot_trajectory(surface="valley", optimizer="SGD", log10_rate=-1.5):
    """One optimiser's path, and the height along it."""
    path = descend(surface, optimizer, [10.0**log10_rate])[0]
    function, _, lowest, _ = SURFACES[surface]
    height = function(path[:, 0], path[:, 1]) - function(*lowest)
    places = {"left": 0.08, "right": 0.99, "top": 0.9, "bottom": 0.15, "wspace": 0.18}
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8), layout="none", gridspec_kw=places)
    draw_surface(left, surface)
    color, _ = STYLES[optimizer]
    left.plot(*path.T, ".-", color=COLORS[color], linewidth=1.5, markersize=7)
    left.set(title=f"{optimizer}, learning rate {10.0**log10_rate:.2g}")
    right.plot(height.clamp(1e-12, 1e12).log10(), color=COLORS[color])
    fate = "" if height[-1] < 1e4 else ": diverges"  # NaN too
    right.set(title="Height above the lowest point" + fate, xlabel="step", ylabel="log10 of f − lowest f")
    right.set(xlim=(-3, 103), ylim=(-9, 4))
    end = "it diverges" if fate else f"{float(height[-1]):.1e} above the lowest point"
    print(f"{optimizer}, {surface}, learning rate {10.0**log10_rate:.2g}: after 100 steps {end}.")
    return figure


widgets.explore(
    plot_trajectory,
    surface=list(SURFACES),
    optimizer=list(OPTIMIZERS),
    log10_rate=(-4.0, 1.0, 0.1),
    labels={"log10_rate": "log10 of the learning rate"},
)

# %% [markdown] slide="subslide"
# ### Is Adam a silver bullet?
#
# Deck F: "In practice: silver bullet. May give a slightly worse model than SGD, but without any parameter tweaking."
# We train a net with two hidden layers of 64 on the digits, with learning rates over six powers of ten.


# %% slide="fragment"
def two_hidden(width=64):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))


def val_accuracy(name, lr, epochs=15, seed=0):
    training.seed_everything(seed)
    model = two_hidden()
    optimizer = OPTIMIZERS[name]([{"params": list(model.parameters()), "lr": lr}])
    try:
        training.fit(model, x_train, y_train, epochs=epochs, optimizer=optimizer, seed=seed, progress=False)
    except training.Diverged:
        pass  # what is left of the model is measured all the same
    return training.accuracy(model, x_val, y_val)


LEARNING_RATES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
good = {}
by_rate = {name: [val_accuracy(name, lr) for lr in LEARNING_RATES] for name in ("Adam", "momentum")}
print("learning rate     " + "".join(f"{lr:>8g}" for lr in LEARNING_RATES))
for name, values in by_rate.items():
    print(f"{name:<18}" + "".join(f"{value:>8.1%}" for value in values))
    good[name] = [f"{lr:g}" for lr, value in zip(LEARNING_RATES, values, strict=True) if value > max(values) - 0.2]
    print(f"{'':<18}best {max(values):.1%}; within twenty points of it at {', '.join(good[name])}")
    assert max(values[0], values[-1]) < 0.4 and max(values) - min(values) > 0.5  # it has to be tuned (E35)
assert len(good["Adam"]) > len(good["momentum"])

# %% [markdown] slide="subslide"
# > **Erratum E35.** Adam does need its learning rate tuned: over these six learning rates the accuracy goes from
# > chance to its best and back to chance. What is true is that more of the six serve it well than SGD with momentum,
# > for the size of the gradient drops out of its steps. And Adam can fail where SGD does not: Reddi, Kale and Kumar
# > (2018) gave a convex problem on which it walks to the worst point.
#
# The problem: $x \in [-1, 1]$, and the loss at step $t$ is $3x$ if $t$ leaves remainder 1 when divided by 3, else
# $-x$. Over three steps the slope is $3 - 1 - 1 = +1$, so the best is $x = -1$. Adam's memory of squared gradients is
# short here ($\beta_1 = 0$, $\beta_2 = 1/(1 + 3^2)$). The rare large gradient is divided by its own size, the
# frequent small ones count nearly fully, and their sum points the wrong way. AMSGrad, the authors' repair, never lets
# the denominator shrink.


# %% slide="fragment"
def reddi(make_optimizer, steps=3000, slope=3.0):
    """Path of x in [-1, 1] under the losses slope*x, -x, -x, slope*x, …; the learning rate falls like 1/sqrt(t)."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = make_optimizer([x])
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / math.sqrt(t + 1))
    path = []
    for t in range(1, steps + 1):
        x.grad = torch.full_like(x, slope if t % 3 == 1 else -1.0)
        optimizer.step()
        decay.step()
        x.data.clamp_(-1, 1)
        path.append(x.item())
    return path


short_memory = (0.0, 1 / (1 + 3**2))
ends = {}
figure, axis = plt.subplots()
for name, make, line in (
    ("Adam", lambda p: torch.optim.Adam(p, lr=0.1, betas=short_memory), "-"),
    ("AMSGrad", lambda p: torch.optim.Adam(p, lr=0.1, betas=short_memory, amsgrad=True), "--"),
    ("SGD", lambda p: torch.optim.SGD(p, lr=0.1), "-."),
):
    path = reddi(make)
    axis.plot(path, line, label=name)
    ends[name] = path[-1]
    print(f"{name:<8} ends at x = {path[-1]:+.3f}, mean loss there {path[-1] / 3:+.3f}")
assert ends["Adam"] > 0.9 and max(ends["AMSGrad"], ends["SGD"]) < -0.9  # 1 is the worst point, -1 the best
axis.set(title="Reddi's convex problem: the best point is −1", xlabel="step", ylabel="x")
axis.legend(loc="center right")
ledger.append(
    (
        "F",
        "Adam: silver bullet, no parameter tweaking",
        f"accuracy {min(by_rate['Adam']):.1%} to {max(by_rate['Adam']):.1%} over learning rates 1e-5 … 1 (E35)",
    )
)

# %% [markdown] slide="slide"
# ## 7. Overfitting and its cures
#
# A net with more parameters than examples can learn its examples by heart. To see what that costs we make learning by
# heart harmful: 400 training images, a fifth of them with a wrong label, as happens when people label in a hurry. The
# validation labels are right. The **gap** is validation loss minus training loss.
#
# - **Early stopping** (N): keep the weights of the epoch with the lowest validation loss.
# - **Dropout** (K, F, N; Hinton and others, 2012; Srivastava and others, 2014): while training, set each hidden unit
#   to 0 with probability $p$, and divide the others by $1 - p$.
# - **Weight decay** (N, "regularization"): pull each weight towards 0 at each step,
#   $\theta \leftarrow (1 - \eta\lambda)\,\theta$ before the gradient's step.
# - **Augmentation** (N): change each image a little, differently each time it is seen.
# - **Learning-rate decay** (N): shrink $\eta$ during training, here along half a period of a cosine down to 0.

# %% slide="subslide"
few_x, few_y = x_train[:400], y_train[:400].clone()
generator = torch.Generator().manual_seed(1)
wrong = torch.randperm(400, generator=generator)[:80]
few_y[wrong] = (few_y[wrong] + torch.randint(1, 10, (80,), generator=generator)) % 10


def wobble(x, pixels=0.5, degrees=11, scale=0.1):
    """Each image moved, turned and scaled a little, at random. x: (batch, 64)."""
    draw = 2 * torch.rand(4, len(x)) - 1
    angle, size = draw[0] * math.radians(degrees), 1 + draw[1] * scale
    shift_x, shift_y = draw[2:] * pixels * 2 / 8  # the picture reaches from -1 to 1
    rows = [size * angle.cos(), -size * angle.sin(), shift_x, size * angle.sin(), size * angle.cos(), shift_y]
    where = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), [len(x), 1, 8, 8], align_corners=False)
    return F.grid_sample(x.view(-1, 1, 8, 8), where, align_corners=False).flatten(1)


training.seed_everything(0)
plotting.show_images(
    torch.cat([x_train[:8], wobble(x_train[:8]), wobble(x_train[:8])]).view(-1, 8, 8),
    title="Eight digits, and two augmented copies of each",
)

# %% [markdown] slide="subslide"
# > **Erratum E43.** Deck N: "during training, for each sample, 50 % of the units disabled". Each unit is disabled
# > *with probability* ½, independently of the others, so the number varies from sample to sample. What the slide
# > leaves out matters as much: in use nothing is disabled, and the scaling by $1/(1-p)$ while training keeps each
# > unit's mean input the same in both.

# %% slide="fragment"
training.seed_everything(0)
dropout = nn.Dropout(0.5)
ones = torch.ones(10_000, 100)
dropped = dropout(ones)
disabled = (dropped == 0).sum(1)
print(
    f"of 100 units {disabled.float().mean():.1f} ± {disabled.float().std():.1f} are disabled, "
    f"between {disabled.min()} and {disabled.max()}; binomial: 50 ± {math.sqrt(100 * 0.25):.1f}"
)
print(
    f"exactly 50 in {(disabled == 50).float().mean():.1%} of the samples; binomial: {math.comb(100, 50) / 2**100:.1%}"
)
print(
    "the other units are multiplied by",
    dropped.max().item(),
    " mean while training",
    round(dropped.mean().item(), 3),
    " in use",
    dropout.eval()(ones).mean().item(),
)
assert abs(disabled.float().mean() - 50) < 0.5 and abs(disabled.float().std() - 5) < 0.3
assert abs((disabled == 50).float().mean() - math.comb(100, 50) / 2**100) < 0.02
assert dropped.max() == 2 and abs(dropped.mean() - 1) < 0.01 and torch.equal(dropout.eval()(ones), ones)
ledger.append(
    (
        "N",
        "dropout: 50 % of the units disabled for each sample",
        f"{disabled.float().mean():.0f} ± {disabled.float().std():.0f} of 100 (E43)",
    )
)


# %% slide="subslide"
def train_few(seed=0, p=0.0, weight_decay=0.0, augment=None, decay=False, patience=None, epochs=80):
    """A net of two hidden layers of 128, trained on the 400 images."""
    training.seed_everything(seed)
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Dropout(p), nn.Linear(128, 128), nn.ReLU(), nn.Dropout(p), nn.Linear(128, 10)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=weight_decay)  # Adam with decay as above
    history = training.fit(
        model,
        few_x,
        few_y,
        epochs=epochs,
        batch_size=50,
        optimizer=optimizer,
        validation=(x_val, y_val),
        patience=patience,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs) if decay else None,
        augment=augment,
        seed=seed,
        progress=False,
    )
    return model, history


CURES = {
    "none": {},
    "early stopping": {"patience": 10},
    "dropout 0.5": {"p": 0.5},
    "weight decay 1": {"weight_decay": 1.0},
    "augmentation": {"augment": wobble},
    "rate decay": {"decay": True},
    "dropout + augmentation": {"p": 0.3, "augment": wobble},
}
table, histories = {}, {}
for name, settings in CURES.items():
    rows = []
    for seed in range(2):
        model, histories[name] = train_few(seed, **settings)
        learned = training.accuracy(model, few_x[wrong], few_y[wrong])
        rows.append([training.evaluate(model, few_x, few_y)[0], *training.evaluate(model, x_val, y_val), learned])
    table[name] = np.mean(rows, axis=0)

print("mean of 2 seeds          training loss   validation loss     gap   validation accuracy   wrong labels learned")
for name, (train_loss, val_loss, accuracy, learned) in table.items():
    gap = val_loss - train_loss
    print(f"{name:<24} {train_loss:>13.2f} {val_loss:>17.2f} {gap:>+7.2f} {accuracy:>21.1%} {learned:>21.0%}")
learning_curve = histories["none"]
assert learning_curve.train_loss[-1] < learning_curve.train_loss[learning_curve.best_epoch] / 2  # falls on and on
assert learning_curve.val_loss[-1] > 1.1 * min(learning_curve.val_loss)  # turns up
uncured = table["none"]
for name, (train_loss, val_loss, _, learned) in table.items():
    assert name == "none" or (val_loss < uncured[1] and train_loss > uncured[0] + 0.1 and learned < uncured[3] - 0.2)
assert table["dropout + augmentation"][1] < table["dropout + augmentation"][0] - 0.1  # a negative gap

# %% slide="subslide"
figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5.2), width_ratios=[1, 1.15])
history = histories["none"]
left.plot(history.train_loss, "--", color=COLORS["blue"], label="training, wrong labels too")
left.plot(history.val_loss, color=COLORS["vermillion"], label="validation")
left.axvline(history.best_epoch, color=COLORS["grey"], linestyle=":", label="early stopping keeps this one")
left.set(title="Nothing done against overfitting", xlabel="epoch", ylabel="cross-entropy (nats)")
left.legend(fontsize=12)
places = np.arange(len(table))
values = np.array(list(table.values()))
right.barh(places - 0.2, values[:, 0], 0.38, color=COLORS["blue"], label="training loss")
right.barh(places + 0.2, values[:, 1], 0.38, color=COLORS["vermillion"], label="validation loss")
right.set_yticks(places, [f"{name}\n{row[2]:.1%}" for name, row in table.items()], fontsize=12)
right.invert_yaxis()
right.set(title="With each cure (validation accuracy below its name)", xlabel="cross-entropy (nats)")
right.set_xlim(0, 1.65 * values[:, :2].max())  # room for the legend
right.legend(loc="upper right", fontsize=12)
plt.show()

# %% [markdown] slide="subslide"
# Without a cure the training loss falls on and on, for the net learns the wrong labels by heart, while the validation
# loss turns up. Each cure lowers the validation loss. The training loss goes up with it: a net that refuses the wrong
# labels must pay for them there, so that the gap of the best net is even negative here. Learning-rate decay as
# such is no **regulariser** (means against overfitting); the late, small steps just learn fewer of the wrong labels in
# the time given.

# %% [markdown] slide="slide"
# ## 8. Choosing the hyper-parameters
#
# Learning rate and weight decay are **hyper-parameters**: numbers that training does not set. Deck K lists four ways
# to choose them: "Grid search :(", "Random search :/", "Bayesian optimization :)", "Informal parameter search :)". We
# let all four play the same game: 16 trainings each, the best validation accuracy wins.
#
# To play it many times we first train a net for every point of a fine grid, 21 learning rates × 11 weight decays.
# That is 231 nets of 24 hidden units, all in one tensor, trained side by side.

# %% slide="fragment"
LR_GRID, DECAY_GRID = np.logspace(-4, 1, 21), np.logspace(-5, 0, 11)


def train_all(width=24, steps=300, seed=0):
    """Validation accuracy (21, 11) of the nets with all combinations, SGD with momentum 0.9 and batches of 32."""
    generator = torch.Generator().manual_seed(seed)
    lr, decay = (
        torch.tensor(a, dtype=torch.float32).reshape(-1, 1, 1) for a in np.meshgrid(LR_GRID, DECAY_GRID, indexing="ij")
    )
    n_nets = len(lr)
    shapes = ((64, width), (1, width), (width, 10), (1, 10))
    parameters = [
        (torch.randn(1, *s, generator=generator) / s[0] ** 0.5 * (s[0] > 1)).repeat(n_nets, 1, 1) for s in shapes
    ]
    velocity = [torch.zeros_like(p) for p in parameters]

    def forward(x):
        return torch.relu(x @ parameters[0] + parameters[1]) @ parameters[2] + parameters[3]  # (nets, batch, 10)

    for _ in range(steps):
        rows = torch.randint(500, (32,), generator=generator)
        parameters = [p.requires_grad_() for p in parameters]
        losses = F.cross_entropy(forward(x_train[rows]).flatten(0, 1), y_train[rows].repeat(n_nets), reduction="none")
        gradients = torch.autograd.grad(losses.sum() / 32, parameters)
        with torch.no_grad():
            velocity = [0.9 * v + g + decay * p for v, g, p in zip(velocity, gradients, parameters, strict=True)]
            parameters = [p - lr * v for p, v in zip(parameters, velocity, strict=True)]
    return (forward(x_val).argmax(2) == y_val).float().mean(1).reshape(21, 11).numpy()


landscape = train_all()
print(
    f"best of the 231 nets: {landscape.max():.1%}; "
    f"{(landscape > landscape.max() - 0.01).mean():.0%} of them are within one point of it; "
    f"median {np.median(landscape):.1%}"
)

# %% [markdown] slide="subslide"
# The players. They see one accuracy for each point they ask for, and nothing else.
#
# - **Grid**: 4 × 4 points at equal distances, the whole grid shifted at random.
# - **Random**: 16 points at random.
# - **Informal**: what people do, as a rule. Start somewhere, change one thing at a time, go on in a direction while
#   it helps, then take smaller steps. Once from a random start, once from the usual first guess, learning rate 0.01
#   and weight decay 0.0001.
# - **Bayesian** (Snoek, Larochelle and Adams, 2012): fit a model of the landscape to what was seen, a *Gaussian
#   process*, which for each unseen point gives a mean $m$ and an uncertainty $s$ (small near seen points, large far
#   away). Next, ask where the **expected improvement** over the best value $b$ so far is largest: with
#   $u = (m - b)/s$ it is $s\,\big(u\,\Phi(u) + \varphi(u)\big)$, $\varphi$ and $\Phi$ being the density and the
#   distribution function of the normal distribution.

# %% slide="fragment"
BUDGET = 16
NODES = np.array([(i, j) for i in range(21) for j in range(11)])
UNIT = NODES / [20, 10]  # both axes from 0 to 1


def grid_search(ask, rng):
    rows, columns = rng.integers(0, 6) + np.array([0, 5, 10, 15]), rng.integers(0, 2) + np.array([0, 3, 6, 9])
    for i, j in rng.permutation([(i, j) for i in rows for j in columns]):
        ask(i, j)


def random_search(ask, rng):
    for i, j in NODES[rng.choice(len(NODES), BUDGET, replace=False)]:
        ask(i, j)


def informal_search(ask, rng, start=None):
    here = np.array(start if start is not None else (rng.integers(21), rng.integers(11)))
    best = ask(*here)
    for stride in (8, 4, 2, 1):  # steps of the fine grid; for the learning rate 8 are two powers of ten
        for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            while True:
                there = np.clip(here + stride * np.array(direction), 0, [20, 10])
                value = ask(*there)
                if value <= best:
                    break
                here, best = there, value


def expected_improvement(mean, std, best):
    u = (mean - best) / np.maximum(std, 1e-9)
    phi = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
    Phi = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in u])
    return std * (u * Phi + phi)


def fit_surrogate(seen):
    """Gaussian process through what was seen: {(i, j): accuracy}."""
    kernel = Matern(0.3, (0.05, 3), nu=2.5) + WhiteKernel(1e-3, (1e-5, 0.1))  # a smooth landscape, and noise
    model = GaussianProcessRegressor(kernel, normalize_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its limit is no harm here
        return model.fit(np.array(list(seen)) / [20, 10], list(seen.values()))


def bayesian_search(ask, rng, first=4):
    seen = {(i, j): ask(i, j) for i, j in NODES[rng.choice(len(NODES), first, replace=False)].tolist()}
    while True:
        mean, std = fit_surrogate(seen).predict(UNIT, return_std=True)
        gain = expected_improvement(mean, std, max(seen.values()))
        gain[[i * 11 + j for i, j in seen]] = -1  # never ask twice
        i, j = NODES[gain.argmax()].tolist()
        seen[i, j] = ask(i, j)


class BudgetSpent(Exception):
    pass


def play(strategy, seed, **options):
    """Points asked for and accuracies, up to BUDGET different points; a point asked for again costs nothing."""
    seen = {}

    def ask(i, j):
        if (i, j) not in seen and len(seen) == BUDGET:
            raise BudgetSpent
        return seen.setdefault((int(i), int(j)), float(landscape[i, j]))

    try:
        strategy(ask, np.random.default_rng(seed), **options)
    except BudgetSpent:
        pass
    return seen


# %% slide="subslide"
STRATEGIES = {
    "grid": (grid_search, 200, {}),
    "random": (random_search, 200, {}),
    "informal, random start": (informal_search, 200, {}),
    "informal, usual start": (informal_search, 1, {"start": (8, 2)}),
    "Bayesian": (bayesian_search, 10, {}),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(15, 5.4))
print(f"best validation accuracy after {BUDGET} trainings: mean of the games and its standard error")
final = {}
for (name, (strategy, games, options)), line in zip(STRATEGIES.items(), ("-", "--", "-.", ":", "-"), strict=True):
    curves = []
    for seed in range(games):
        accuracies = list(play(strategy, seed, **options).values())
        accuracies += [max(accuracies)] * (BUDGET - len(accuracies))  # a search that is done early keeps its best
        curves.append(np.maximum.accumulate(accuracies))
    final[name] = np.array(curves)[:, -1]
    left.plot(range(1, BUDGET + 1), 100 * np.mean(curves, axis=0), line, label=name)
    error = final[name].std() / math.sqrt(games)
    print(
        f"{name:<24} {final[name].mean():.1%}"
        + (f" ± {error:.1%}, worst of {games} games {final[name].min():.1%}" if games > 1 else " in one game")
    )
assert all(np.median(games) > landscape.max() - 0.03 for games in final.values())
assert min(final["Bayesian"].min(), final["grid"].min()) > landscape.max() - 0.05 > final["random"].min() + 0.05
left.axhline(100 * landscape.max(), color=COLORS["grey"], linewidth=1)
left.set(title="Best so far, mean of the games", xlabel="trainings", ylabel="validation accuracy (%)", ylim=(60, 97))
left.legend(fontsize=12)
picture = right.pcolormesh(np.log10(LR_GRID), np.log10(DECAY_GRID), 100 * landscape.T, cmap="viridis")
figure.colorbar(picture, label="validation accuracy (%)")
for name, marker, color in (
    ("grid", "s", "white"),
    ("random", "^", COLORS["sky"]),
    ("Bayesian", "o", COLORS["vermillion"]),
):
    asked = np.array(list(play(STRATEGIES[name][0], 3)))
    right.plot(
        np.log10(LR_GRID[asked[:, 0]]),
        np.log10(DECAY_GRID[asked[:, 1]]),
        marker,
        color=color,
        markeredgecolor="black",
        label=name,
        markersize=9,
    )
right.grid(False)
right.set(title="Where they looked, one game", xlabel="log10 of the learning rate", ylabel="log10 of the weight decay")
figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3, fontsize=12)
plt.show()

# %% [markdown] slide="subslide"
# The deck's faces are borne out in part. In a typical game all of them come close to the best net. They differ in their
# worst games. Random search has some in which it never meets the good region. The two that use what they have seen,
# Bayesian and informal, do well in every game here; but the informal one climbs from where it stands, and when the 231
# nets were trained with another seed, some of its random starts ended on the plain at chance level, where no step
# helps. The grid does better here than its ":(": it looks at only four learning rates, but the good region is wider
# than its spacing. With more hyper-parameters, of which few matter, that luck ends: a grid repeats the same few values
# of the one that matters, while random search tries a new value each time (Bergstra and Bengio, 2012).

# %% [markdown] slide="slide"
# ## 9. The "modern" net, and the test set
#
# Deck K's "modern" net puts together what we now have: ReLU, dropout, a better optimiser. Its source, a tutorial by
# A. Radford, has two hidden layers of 625. Ours are smaller, with batch norm and augmentation. The recipe was settled
# on the validation images; now, once, the test images. A share $p$ of right answers on $n$ images has a standard error
# of $\sqrt{p(1 - p)/n}$ (module 01, section 5).


# %% slide="fragment"
def modern_net(width=256):
    layers = []
    for inputs in (64, width):
        layers += [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


training.seed_everything(0)
modern = modern_net()
optimizer = torch.optim.Adam(modern.parameters(), lr=3e-3)
epochs = 40
training.fit(
    modern,
    x_train,
    y_train,
    epochs=epochs,
    optimizer=optimizer,
    validation=(x_val, y_val),
    augment=wobble,
    schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
)
test_accuracy = {}
print("net                  deck K on MNIST   here on digits: validation   test")
for name, claim, model in (
    ("softmax regression", "92.5 %", one_matrix),
    ("one hidden layer 625", "98.2 %", hidden_net),
    ('"modern"', "99.0 %", modern),
):
    test = test_accuracy[name] = training.accuracy(model, x_test, y_test)
    error = math.sqrt(test * (1 - test) / len(x_test))
    print(f"{name:<21} {claim:>13} {training.accuracy(model, x_val, y_val):>25.1%} {test:>10.1%} ± {error:.1%}")
    ledger.append(
        ("K", f"{name}: {claim} on MNIST", f"{test:.1%} ± {error:.1%} on digits; MNIST: benchmarks/headlines.py")
    )
assert test_accuracy['"modern"'] > max(list(test_accuracy.values())[:2])

# %% [markdown] slide="subslide"
# On the test images the order is the deck's; the steps are of other heights, and 360 images measure them roughly. On
# MNIST itself `python benchmarks/headlines.py` prints the deck's figure beside ours.
#
# > **Erratum E28.** Deck K (2016): "current best: 99.77 %" on MNIST, a committee of 35 convolutional nets (Cireşan
# > and others, 2012; module 04, section 4). DropConnect (Wan and others, 2013) had reported 99.79 %.
#
# Is 99.79 % better than 99.77 %? On 10,000 test images that is 21 errors against 23. Two nets tested on the same
# images are compared by the images on which exactly one of them errs: under the hypothesis that both are equally
# good, these fall either way like coin tosses (McNemar's test, module 01, section 9). The p-value is the probability
# that fair coins fall at least as unevenly; below 0.05 one speaks of a significant difference. We do not know how
# many errors they share, so we try every possibility.


# %% slide="fragment"
def sign_test(a, b):
    """Two-sided p-value of a against b wins under a fair coin."""
    n, tail = a + b, sum(math.comb(a + b, k) for k in range(min(a, b) + 1)) / 2 ** (a + b)
    return min(1.0, 2 * tail) if n else 1.0


errors_committee, errors_dropconnect = round(10_000 * (1 - 0.9977)), round(10_000 * (1 - 0.9979))
p_values = [
    sign_test(errors_committee - shared, errors_dropconnect - shared) for shared in range(errors_dropconnect + 1)
]
print(
    f"{errors_committee} and {errors_dropconnect} errors; "
    f"smallest p-value over all possible overlaps: {min(p_values):.2f}"
)
print(f"standard error of 99.77 % on 10,000 images: {math.sqrt(0.9977 * 0.0023 / 10_000):.3%}")
assert (errors_committee, errors_dropconnect) == (23, 21) and min(p_values) > 0.4  # nowhere near 0.05

print("\nour own three nets on the 360 test images of section 9, with the same test:")
right = {
    name: training.predict(model, x_test).argmax(1) == y_test
    for name, model in (("softmax", one_matrix), ("hidden", hidden_net), ("modern", modern))
}
for a, b in itertools.combinations(right, 2):
    only_a, only_b = int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())
    p_value = sign_test(only_a, only_b)
    print(f"only {a} right: {only_a:>2}   only {b} right: {only_b:>2}   p = {p_value:.4f}")
    assert (a, b) != ("softmax", "modern") or p_value < 0.05
ledger.append(
    (
        "K",
        "best on MNIST 99.77 % (2016)",
        f"99.79 % in 2013, a difference without significance (p ≥ {min(p_values):.2f}) (E28)",
    )
)

# %% [markdown] slide="slide"
# ## 10. "No spatial invariance"
#
# Deck N asks what is wrong with fully connected nets: too many parameters, "wasteful and do not generalize: no
# spatial invariance for images". To generalise to new images of the *same kind* they do well enough, as section 9
# shows. To images that are moved they do not: to an MLP, pixel 27 and pixel 28 are as unrelated as any other two.
#
# We lay the digits on a canvas of 12 × 12 pixels, always in the middle, and train three nets: an MLP; the same MLP on
# images that are moved at random by up to two pixels; and a **convolutional net** (CNN), which computes the same few
# weighted sums of a small window at *each* place, and at the end takes each one's largest value over all places. It
# is the subject of module 04. Then we move the validation images.


# %% slide="fragment"
def on_canvas(x, down=0, right=0):
    """Digits (N, 64) on a black canvas (N, 1, 12, 12), moved from the middle."""
    return F.pad(x.view(-1, 1, 8, 8), (2 + right, 2 - right, 2 + down, 2 - down))


def jump_about(canvas):
    """The batch, moved as a whole by up to two pixels at random."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return torch.roll(
        canvas, (down, right), dims=(2, 3)
    )  # the margin is empty, so nothing comes in from the other side


def canvas_mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10))


def canvas_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 10, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(10, 24, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 10),
    )


moved, size = {}, {}
for name, make, epochs, augment in (
    ("MLP", canvas_mlp, 20, None),
    ("MLP, moved training images", canvas_mlp, 60, jump_about),
    ("CNN", canvas_cnn, 12, None),
):
    training.seed_everything(0)
    model = make()
    training.fit(model, on_canvas(x_train), y_train, epochs=epochs, lr=4e-3, augment=augment, progress=False)
    moved[name] = np.array(
        [
            [training.accuracy(model, on_canvas(x_val, down, right), y_val) for right in range(-2, 3)]
            for down in range(-2, 3)
        ]
    )
    size[name] = n_parameters(model)
    print(f"{name:<28} {size[name]:>6,} parameters")

distance = np.maximum(*np.abs(np.mgrid[-2:3, -2:3]))
figure, axis = plt.subplots()
for (name, grid), line in zip(moved.items(), ("o-", "s--", "^-."), strict=True):
    means = [100 * grid[distance == d].mean() for d in range(3)]
    axis.plot(range(3), means, line, label=name)
    print(f"{name:<28} " + "   ".join(f"moved by {d}: {mean:.1f} %" for d, mean in enumerate(means)))
axis.set(
    title="Digits moved from the middle",
    xlabel="distance moved (pixels)",
    ylabel="validation accuracy (%)",
    ylim=(0, 102),
)
axis.set_xticks(range(3))
axis.legend()
plt.show()

by_one = {name: grid[distance == 1].mean() for name, grid in moved.items()}
assert by_one["MLP"] < 0.5 and by_one["CNN"] > 0.9 and moved["MLP"][distance == 2].mean() < 0.25
assert by_one["MLP, moved training images"] > 0.8 and size["CNN"] < size["MLP"]

# %% [markdown] slide="subslide"
# Moved by one pixel the MLP loses most of what it knew; by two it is at the level of guessing. Augmentation buys the
# invariance with training, at some cost in accuracy for a net of this size. The CNN has it by construction, with a
# smaller number of parameters.

# %% slide="fragment"
ledger.append(
    (
        "N",
        "MLP: no spatial invariance",
        f"moved by 1 pixel: MLP {by_one['MLP']:.0%}, CNN {by_one['CNN']:.0%}",
    )
)

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - Without nonlinear units a stack of layers is one matrix.
# - One hidden layer approximates any continuous function on a closed, bounded set. Whether training finds it, and how
#   many units it takes, is another matter; a deep net can need exponentially fewer.
# - Each layer multiplies the signal and the gradient by a factor. Initialisation sets it to 1 at the start, batch
#   norm keeps the signal there, and skips keep a way open for the gradient. Thirty layers need more than the first of
#   these.
# - Momentum adds past gradients up, RMSprop and Adam divide by their size. The learning rate still has to be chosen.
# - A net that can learn its examples by heart will. Stop early, drop units, decay the weights, augment the images,
#   and look at the gap.
# - Search hyper-parameters at random or with a model, on a logarithmic scale, on validation data. Use the test set
#   once, and give its standard error.
# - An MLP knows nothing of space. Module 04 does.
#
# **Next:** the [lab of this module](../labs/03_mlp/03_mlp.ipynb), in which you write the pieces yourself. Then
# [module 04](04_cnn.ipynb): convolutional nets, which know that neighbouring pixels belong together.
#
# ## References
#
# - J. Bergstra, Y. Bengio. Random search for hyper-parameter optimization. *JMLR* 13, 2012.
# - D. Cireşan, U. Meier, J. Schmidhuber. [Multi-column deep neural networks for image
#   classification](https://arxiv.org/abs/1202.2745). *CVPR* 2012.
# - G. Cybenko. Approximation by superpositions of a sigmoidal function. *Mathematics of Control, Signals, and
#   Systems* 2, 1989.
# - J. Duchi, E. Hazan, Y. Singer. Adaptive subgradient methods for online learning and stochastic optimization.
#   *JMLR* 12, 2011.
# - K. Funahashi. On the approximate realization of continuous mappings by neural networks. *Neural Networks* 2, 1989.
# - X. Glorot, Y. Bengio. Understanding the difficulty of training deep feedforward neural networks. *AISTATS* 2010.
# - J. Håstad. Almost optimal lower bounds for small depth circuits. *STOC* 1986.
# - K. He, X. Zhang, S. Ren, J. Sun. Delving deep into rectifiers: surpassing human-level performance on ImageNet
#   classification. *ICCV* 2015.
# - K. He, X. Zhang, S. Ren, J. Sun. [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385).
#   *CVPR* 2016 (arXiv 2015).
# - K. He, X. Zhang, S. Ren, J. Sun. Identity mappings in deep residual networks. *ECCV* 2016.
# - G. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. [Improving neural networks by preventing
#   co-adaptation of feature detectors](https://arxiv.org/abs/1207.0580). arXiv 2012.
# - S. Hochreiter. Untersuchungen zu dynamischen neuronalen Netzen. Diploma thesis, TU München, 1991.
# - K. Hornik, M. Stinchcombe, H. White. Multilayer feedforward networks are universal approximators. *Neural
#   Networks* 2, 1989.
# - K. Hornik. Approximation capabilities of multilayer feedforward networks. *Neural Networks* 4, 1991.
# - S. Ioffe, C. Szegedy. Batch normalization: accelerating deep network training by reducing internal covariate
#   shift. *ICML* 2015.
# - D. Kingma, J. Ba. Adam: a method for stochastic optimization. *ICLR* 2015.
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller. Efficient backprop. In *Neural Networks: Tricks of the Trade*,
#   Springer, 1998.
# - M. Leshno, V. Lin, A. Pinkus, S. Schocken. Multilayer feedforward networks with a nonpolynomial activation
#   function can approximate any function. *Neural Networks* 6, 1993.
# - Y. Nesterov. A method of solving a convex programming problem with convergence rate O(1/k²). *Soviet Mathematics
#   Doklady* 27, 1983.
# - B. Polyak. Some methods of speeding up the convergence of iteration methods. *USSR Computational Mathematics and
#   Mathematical Physics* 4, 1964.
# - S. Reddi, S. Kale, S. Kumar. On the convergence of Adam and beyond. *ICLR* 2018.
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Mądry. How does batch normalization help optimization? *NeurIPS* 2018.
# - J. Snoek, H. Larochelle, R. Adams. Practical Bayesian optimization of machine learning algorithms. *NIPS* 2012.
# - N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov. Dropout: a simple way to prevent neural
#   networks from overfitting. *JMLR* 15, 2014.
# - M. Telgarsky. [Representation benefits of deep feedforward networks](https://arxiv.org/abs/1509.08101). arXiv
#   2015.
# - M. Telgarsky. Benefits of depth in neural networks. *COLT* 2016.
# - T. Tieleman, G. Hinton. Lecture 6.5, RMSprop. Coursera: *Neural Networks for Machine Learning*, 2012.
# - L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus. Regularization of neural networks using DropConnect. *ICML*
#   2013.
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. Schoenholz. A mean field theory of batch normalization.
#   *ICLR* 2019.
