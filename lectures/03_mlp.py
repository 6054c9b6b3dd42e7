# %% [markdown] slide="slide"
# # 3 · Multi-layer perceptrons: from one matrix to thirty layers
#
# **Question.** A net is a stack of simple functions. What does each part of the stack buy, how is it kept trainable,
# and how is it kept from learning its examples by heart?
#
# | | |
# |---|---|
# | You need | Python, linear algebra, module 02 (logistic regression, back-propagation, stochastic gradient descent) |
# | You get | the multi-layer perceptron: why it needs non-linear units, how wide and how deep, how to initialise, normalise, optimise, regularise and tune it, and where it fails |
# | Time | 90 minutes to read; about a minute to run on two CPU cores, without a network |
# | Slides | K: "Optimization methods", "1-layer NN" to "Modern ANN", "Hyperparameters"; V: 12, 13, 18–24; F: "Batch Normalisation", "2 layers perceptron in Pytorch", "Adam", "Dropout"; N: "Perceptron" to "What is wrong …", "Practical issues", "dropout" |
#
# The decks: **K** = Kuzovkin (Tartu 2016), **V** = Lidy and Schlüter (Vienna 2016), **F** = a French introduction (2017),
# **N** = Neverova (Lyon 2015). What they claim is checked by a cell. Where they err, an **Erratum** box says so, and the
# proof stands beside it.

# %% tags=["setup"] slide="skip"
import math
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from torch import nn

from course_utils import data, plotting, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end

# %% [markdown] slide="slide"
# ## 1 · One matrix, then one hidden layer
#
# Deck K climbs from a "1-layer NN" (92.5 % on MNIST) to "one hidden layer" (98.2 %) to a "modern" net (99.0 %). MNIST
# is a set of 70,000 handwritten digits of 28×28 pixels. Here we climb the same stairs on `digits`, 1,797 handwritten
# digits of 8×8 pixels that ship with scikit-learn; `benchmarks/headlines.py` does it on MNIST itself.
#
# The images fall into three parts. On the **training** part the weights are fitted. On the **validation** part we
# compare nets and choose between them. The **test** part is looked at once, in section 9: a figure that has guided a
# choice is no longer an honest estimate.

# %% slide="subslide"
images = data.digits()
x_test, y_test = images.x_test.flatten(1), images.y_test
x_train, y_train = images.x_train[:-360].flatten(1), images.y_train[:-360]
x_val, y_val = images.x_train[-360:].flatten(1), images.y_train[-360:]

print(f"{len(x_train)} training, {len(x_val)} validation, {len(x_test)} test images of {x_train.shape[1]} pixels in [0, 1]")
plotting.show_images(images.x_train[:16], titles=images.y_train[:16].tolist(), title="Sixteen of the digits, with labels");

# %% [markdown] slide="subslide"
# ### Softmax regression
#
# Logistic regression (module 02) gives one number, the probability of "yes". For ten classes we need ten numbers. A
# matrix $W$ (10 × 64) and a bias $b$ (10) turn the pixels $x$ into ten scores, the **logits** $z = Wx + b$. The
# **softmax** makes them probabilities:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}, \qquad L = -\log p_{\text{true class}}.$$
#
# $L$ is the **cross-entropy** loss of one example; its mean over the examples is what we minimise. With two classes and
# one logit fixed at 0, this is logistic regression again:

# %% slide="fragment"
z = torch.linspace(-4, 4, 9)
two_classes = torch.softmax(torch.stack([z, torch.zeros(9)], dim=1), dim=1)[:, 0]
print("largest difference between softmax([z, 0]) and sigmoid(z):", (two_classes - torch.sigmoid(z)).abs().max().item())

# %% [markdown] slide="subslide"
# > **Erratum E9.** Deck N writes the perceptron as $y_i(x, w) = \sum_{i=0}^{D} w_i x_i$ and logistic regression as
# > $y_i = h(\sum_i w_{ji} x_i)$. The index $i$ is summed away on the right, so it cannot name the output on the left. Meant is
# > $y_j = h\big(\sum_{i=0}^{D} w_{ji}\, x_i\big)$ with a constant input $x_0 = 1$, so that $w_{j0}$ is the bias. The same trick in
# > the deck's MLP formula, $\sum_{j=0}^{M} w_{kj}\,\sigma(\cdot)$, needs a hidden unit 0 that is *fixed* at 1; as printed, unit 0 is
# > $\sigma(\sum_i w_{0i} x_i)$, a hidden unit like the others, and the output layer has no bias.

# %% slide="fragment"
layer = nn.Linear(64, 10)
x = x_train[0]
as_printed = torch.einsum("i,i->", layer.weight[0], x)  # i is summed: one number, whatever i on the left says
with_x0 = torch.cat([torch.ones(1), x])  # x_0 = 1
w_with_bias = torch.cat([layer.bias[:, None], layer.weight], dim=1)  # column 0 is the bias
corrected = torch.einsum("ji,i->j", w_with_bias, with_x0)
print("as printed:", tuple(as_printed.shape), "a single number.  corrected:", tuple(corrected.shape), "one for each class j")
print("corrected formula equals nn.Linear to", (corrected - layer(x)).abs().max().item())

zero_input = torch.zeros(64)  # without a bias a blank image always gets logits W·sigma(0), here is what x_0 = 1 adds
print("blank image, unit 0 as printed: sigma(0) =", torch.sigmoid(layer.weight[0] @ zero_input).item(), "  needed: 1.0")

# %% [markdown] slide="subslide"
# ### A hidden layer
#
# Softmax regression draws flat boundaries between the classes: where two logits are equal, $w_a^\top x + b_a = w_b^\top x + b_b$, there is a
# hyperplane. A **hidden layer** first computes 625 new features $h = \sigma(W_1 x + b_1)$, and a second matrix reads the
# classes off those. $\sigma$ is the sigmoid of module 02, applied to each component; a component of $h$ is a **hidden
# unit**, and their number is the layer's **width**. A net of such layers, each fully connected to the next, is a
# **multi-layer perceptron** (MLP).
#
# Both nets are trained with stochastic gradient descent, one pass over the training part being an **epoch**.

# %% slide="fragment"
def softmax_regression():
    return nn.Linear(64, 10)


def one_hidden_layer(width=625):
    return nn.Sequential(nn.Linear(64, width), nn.Sigmoid(), nn.Linear(width, 10))


def n_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def train_sgd(make, epochs, lr, seed=0):
    """A fresh net, trained with SGD, and its history."""
    training.seed_everything(seed)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = training.fit(
        model, x_train, y_train, epochs=epochs, optimizer=optimizer, validation=(x_val, y_val), seed=seed, progress=False
    )
    return model, history


one_matrix, history_one = train_sgd(softmax_regression, epochs=40, lr=0.5)
hidden_net, history_hidden = train_sgd(one_hidden_layer, epochs=60, lr=0.5)
for name, model in (("softmax regression", one_matrix), ("one hidden layer", hidden_net)):
    print(f"{name:<20} {n_parameters(model):>7,} parameters   validation accuracy {training.accuracy(model, x_val, y_val):.1%}")

# %% slide="subslide"
plotting.plot_history(
    history_one, history_hidden, labels=["one matrix", "hidden layer"], title="Digits, one matrix and one hidden layer"
);

# %% [markdown] slide="subslide"
# The hidden layer also brings many more parameters. Counting them is worth doing by hand once.
#
# > **Erratum E8.** Deck N: an "MLP [1000-1000-1000]" has 2,000,000 parameters. Those are the weights; with the biases there are 2,002,000.

# %% slide="fragment"
mlp = nn.Sequential(nn.Linear(1000, 1000), nn.Sigmoid(), nn.Linear(1000, 1000))
weights = sum(parameter.numel() for name, parameter in mlp.named_parameters() if name.endswith("weight"))
print(f"weights {weights:,}, biases {n_parameters(mlp) - weights:,}, together {n_parameters(mlp):,}")
ledger.append(("N", "MLP 1000-1000-1000: 2,000,000 parameters", f"{n_parameters(mlp):,} with biases (E8)"))

# %% [markdown] slide="subslide"
# ### What the hidden units do
#
# Deck K shows the "activity of a 100 hidden neurons (out of 625)". Here are ours: each small picture is a 10×10 grid of
# the same hundred units, for one validation image of each class. Dark is 0, bright is 1.

# %% slide="fragment"
with torch.no_grad():
    activity = hidden_net[1](hidden_net[0](x_val))  # (360, 625), the hidden layer's output
first_of_class = [int((y_val == k).nonzero()[0]) for k in range(10)]
plotting.show_images(
    activity[first_of_class, :100].view(10, 10, 10), titles=[f"a {k}" for k in range(10)], columns=5, limits=(0, 1),
    title="Activity of 100 of the 625 hidden units",
);

# %% [markdown] slide="subslide"
# A code is useful if two images of the same digit excite the same units. We measure it with the cosine between two
# activity vectors from which the mean activity is taken away: 1 is the same pattern, 0 is no relation. The comparison is
# with the cosine between the pixels themselves.

# %% slide="fragment"
def cosines(features):
    """Mean cosine of centred feature vectors: (same class, different class)."""
    centred = F.normalize(features - features.mean(0), dim=1)
    table = centred @ centred.T
    same = y_val[:, None] == y_val
    same_image = torch.eye(len(y_val), dtype=torch.bool)
    return table[same & ~same_image].mean().item(), table[~same].mean().item()


for name, features in (("pixels", x_val), ("100 hidden units", activity[:, :100]), ("all 625 hidden units", activity)):
    print("{:<21} same digit {:.2f}   different digits {:+.2f}".format(name, *cosines(features)))
print(f"units above 0.9 or below 0.1: {((activity > 0.9) | (activity < 0.1)).float().mean():.0%} of all activities")

# %% [markdown] slide="slide"
# ## 2 · Without a non-linearity, depth is nothing
#
# Deck V (slide 24): without a non-linear function after each linear operation "a deep network would be linear despite
# its depth". In one line:
#
# $$W_3\big(W_2(W_1 x + b_1) + b_2\big) + b_3 = \underbrace{W_3 W_2 W_1}_{W}\, x + \underbrace{W_3 W_2 b_1 + W_3 b_2 + b_3}_{b}.$$
#
# (With the biases it is *affine*, a linear map plus a constant. And the claim is about matrix products and convolutions; the maximum
# in the pooling layers of that slide is non-linear by itself.) Deck F gives this class as its example in PyTorch. We run it as printed, next to its copy
# without `relu` and `tanh`:

# %% slide="subslide"
X = torch.linspace(-1, 1, 200)[:, None]
Y = torch.sin(2 * np.pi * X) * X
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


fitted = {}
for kind in (Net, LinearNet):
    training.seed_everything(0)
    model = fitted[kind.__name__] = kind()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)  # momentum: section 6
    training.fit(model, X, Y, epochs=150, batch_size=50, optimizer=optimizer, loss=F.mse_loss, progress=False)
    print(f"{kind.__name__:<9} mean squared error {training.evaluate(model, X, Y, F.mse_loss)[0]:.4f}")

# %% slide="fragment"
stack = fitted["LinearNet"]
W1, W2, W3 = stack.hidden.weight, stack.hidden2.weight, stack.out.weight
W = W3 @ W2 @ W1
b = W3 @ W2 @ stack.hidden.bias + W3 @ stack.hidden2.bias + stack.out.bias
print(f"three layers, {n_parameters(stack)} parameters = one slope {W.item():.4f} and one offset {b.item():.4f}")
print("largest difference on the 200 inputs:", (stack(X) - (X @ W.T + b)).abs().max().item())

slope, offset = np.polyfit(X[:, 0].numpy(), Y[:, 0].numpy(), 1)
print(f"the best straight line (least squares) has slope {slope:.4f} and offset {offset:.4f}")

# %% slide="subslide"
figure, axis = plt.subplots()
axis.plot(X, Y, color=COLORS["grey"], linewidth=5, alpha=0.5, label="target")
axis.plot(X, fitted["Net"](X).detach(), color=COLORS["blue"], label="Net of deck F")
axis.plot(X, stack(X).detach(), "--", color=COLORS["vermillion"], label="same layers, no non-linearity")
axis.set(title="Three layers with and without non-linear units", xlabel="input x", ylabel="output y")
axis.legend();

# %% [markdown] slide="subslide"
# > **Erratum E40.** Deck F calls `Net` a "2 layers perceptron". It has *three* layers of weights, two of them hidden. Deck K counts
# > weight layers (softmax regression is its "1-layer NN"), and by that count `Net` has three. The literature uses both counts, so say which one
# > you mean; "two hidden layers" is unambiguous.

# %% slide="fragment"
matrices = [name for name, parameter in Net().named_parameters() if parameter.ndim == 2]
print(len(matrices), "layers of weights:", ", ".join(matrices))
ledger.append(("F", "Net is a 2 layers perceptron", f"{len(matrices)} layers of weights, 2 of them hidden (E40)"))

# %% [markdown] slide="slide"
# ## 3 · How wide? How deep?
#
# ### Width: universal approximation, by hand
#
# Replace the sigmoid by the rectified linear unit $\text{ReLU}(x) = \max(0, x)$. A hidden layer of $n$ of them computes $c + \sum_i
# a_i \max(0, w_i x + b_i)$: with one input, a curve of straight pieces that bends at $n$ places, its **kinks**.
# So we can *write down* a net that follows a curve $f$ on an interval: put the kinks at equal distances $\delta$ and let each one
# change the slope to the next value. That is linear interpolation. Where $f$ has a bounded second derivative its error is at most
# $\tfrac{1}{8}\delta^2 \max|f''|$: twice the width, a quarter of the error.

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


print("width   largest error: " + "   ".join(f"{name:>6}" for name in TARGETS) + "   bound (wave)")
for units in (8, 16, 32, 64, 128):
    fine = torch.linspace(-1, 1, 4001)
    errors = [(interpolating_net(f, units)(fine[:, None])[:, 0] - f(fine)).abs().max().item() for f in TARGETS.values()]
    bound = (2 / units) ** 2 / 8 * (3 * np.pi) ** 2
    print(f"{units:>5}                  " + "   ".join(f"{error:6.4f}" for error in errors) + f"   {bound:.4f}")

# %% [markdown] slide="subslide"
# Wave and bump get as close as we like; the jump keeps a largest error of about 1 at every width, for no continuous curve can follow it.
#
# That a good net *exists* does not say that training finds it. We train one net for each of twelve widths and each target,
# from random weights, all at once (with the optimiser Adam, section 6), and compare.

# %% slide="subslide"
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def train_widths(steps=1500, seed=0):
    """Curves (targets, widths, 257) of trained nets. One tensor holds all nets; units beyond a net's width are masked."""
    generator = torch.Generator().manual_seed(seed)
    n_nets, most = len(TARGETS) * len(WIDTHS), max(WIDTHS)
    wanted = torch.stack([f(GRID) for f in TARGETS.values()]).repeat_interleave(len(WIDTHS), 0)[..., None]
    mask = (torch.arange(most) < torch.tensor(WIDTHS)[:, None]).float().repeat(len(TARGETS), 1)[:, None]
    w1 = 3 * torch.randn(n_nets, 1, most, generator=generator)
    b1 = -w1 * (2 * torch.rand(n_nets, 1, most, generator=generator) - 1)  # kinks at random places in [-1, 1]
    w2 = torch.randn(n_nets, most, 1, generator=generator) / (3 * mask.sum(2, keepdim=True) ** 0.5)
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


figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), sharey=True)
for axis, (name, target) in zip(axes, TARGETS.items(), strict=True):
    wanted = target(GRID)
    written = [rms(interpolating_net(target, n)(GRID[:, None])[:, 0].detach(), wanted) for n in WIDTHS]
    found = [rms(curve, wanted) for curve in trained_curves[name]]
    axis.loglog(WIDTHS, written, "--o", color=COLORS["grey"], label="written down")
    axis.loglog(WIDTHS, found, "-s", color=COLORS["blue"], label="trained")
    axis.set(title=name, xlabel="width (hidden units)")
    axis.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
axes[0].set_ylabel("RMS error")
axes[0].legend(loc="lower left")
figure.suptitle("Error against width, one hidden layer of ReLUs");

# %% [markdown] slide="subslide"
# Training places the kinks where they are needed, so a small trained net can beat equal distances; a large one stops short of what
# its width could do. Move the width:

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
    axis.set(title=f"One hidden layer of {width} ReLUs", xlabel="input x", ylabel="output y", ylim=(-1.6, 2.4))
    axis.legend(loc="upper right")
    return figure


widgets.explore(plot_width, target=list(TARGETS), width=list(WIDTHS));

# %% [markdown] slide="subslide"
# > **Erratum E6.** Deck V (slide 21) cites "Cybenko 1998". The paper is of 1989 (*Mathematics of Control, Signals, and Systems* 2, 303–314).
#
# > **Erratum E19.** Deck V (slides 12, 21): Hornik proved the theorem in 1991, and so a net with one hidden layer "can solve whatever problem you're
# > interested in". It was proved in 1989, by Cybenko, by Funahashi, and by Hornik, Stinchcombe and White; Hornik's paper of 1991 widens the class of activations. Leshno
# > and others (1993): any activation that is not a polynomial will do. And the theorem says less than the slide: the target must be *continuous*, the inputs must
# > come from a *closed and bounded* set, and a good net exists, which is not to say that it is found or that examples suffice to find it.
#
# Each of these conditions shows in numbers: a target that jumps, inputs outside the interval, a polynomial activation ($z^2$, for which
# every net with one hidden layer is some quadratic curve, however wide), and existence against training.

# %% slide="fragment"
wave = TARGETS["wave"]
best = trained_curves["wave"][-1]
jump_error = [(curve - TARGETS["jump"](GRID)).abs().max().item() for curve in trained_curves["jump"]]
print(f"1 jump: largest error, lowest of {len(WIDTHS)} widths: {min(jump_error):.2f}")

outside = torch.linspace(1, 2, 101)
far = interpolating_net(wave, 64)(outside[:, None])[:, 0].detach()
print(f"2 wave outside [-1, 1]: RMS error {rms(far, wave(outside)):.1f}, and inside "
      f"{rms(interpolating_net(wave, 64)(GRID[:, None])[:, 0].detach(), wave(GRID)):.4f}")

rng = np.random.default_rng(0)
for units in (3, 64):
    squares = (GRID.double().numpy()[:, None] * rng.normal(size=units) + rng.normal(size=units)) ** 2
    features = np.column_stack([squares, np.ones(len(GRID))])
    solution, *_, rank, _ = (*np.linalg.lstsq(features, wave(GRID.double()).numpy(), rcond=1e-10),)
    error = np.sqrt(np.mean((features @ solution - wave(GRID.double()).numpy()) ** 2))
    print(f"3 activation z², {units:>2} units, best output weights: RMS error {error:.4f}, rank of the features {np.linalg.matrix_rank(features, tol=1e-8)}")
print(f"4 wave, 64 ReLUs: trained {rms(best, wave(GRID)):.4f}, "
      f"written down {rms(interpolating_net(wave, 64)(GRID[:, None])[:, 0].detach(), wave(GRID)):.4f}")

# %% [markdown] slide="slide"
# ### Depth: Telgarsky's sawtooth
#
# The tent $t(x) = 2\max(0, x) - 4\max(0, x - \tfrac12)$ maps $[0, 1]$ to itself, up and down once. It takes two ReLUs. Put $k$ tents one after
# another: each one folds the interval once more, and $t \circ \dots \circ t$ has $2^{k-1}$ teeth, that is $2^k$ straight pieces, from $2k$ units in $k$
# hidden layers. In *one* hidden layer, $n$ units make at most $n + 1$ pieces, so the same curve needs $2^k - 1$ units.

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

# %% [markdown] slide="subslide"
# How badly must a shallow net fail? Take the $2^k + 1$ points $i / 2^k$; the sawtooth is 0, 1, 0, 1, … there. Let the shallow net answer "1" where its
# output is at least ½. A curve of $n + 1$ straight pieces crosses ½ at most $n + 1$ times, so its answers form at most $n + 2$ runs of equal
# answers. In a run of $c$ points with alternating truth at least $(c - 1)/2$ are wrong. Added up, at least $(2^k + 1 - (n + 2))/2$ answers are wrong.

# %% slide="fragment"
print(" k   deep net: units  pieces   one layer needs   one layer with 2k units: wrong answers at least")
for k in range(1, 13):
    pieces = count_pieces(sawtooth_net(k), 2 ** (k + 2))
    wrong = max(0, math.ceil((2**k - 1 - 2 * k) / 2))
    print(f"{k:>2} {2 * k:>17} {pieces:>7} {pieces - 1:>11} units {wrong:>10} of {2**k + 1:>5} = {wrong / (2**k + 1):>5.1%}")

exact_shallow = interpolating_net(lambda knots: sawtooth_net(6)((knots.double()[:, None] + 1) / 2).detach()[:, 0].float(), 64)
points = torch.linspace(0, 1, 65)[:, None]
difference = exact_shallow(2 * points - 1) - sawtooth_net(6)(points.double()).float()
print(f"\n64 units in one layer meet the sawtooth of k = 6 at its corners to {difference.abs().max().item():.0e}; 2·6 units in six layers do it too")

# %% [markdown] slide="subslide"
# > **Erratum E21.** Deck V (slide 21) supports "exponentially many units with a single layer" with "Hastad et al. 1986". Johan Håstad is the only author, and his theorem is about Boolean circuits
# > of AND and OR gates, which need exponential size for the *parity* of $n$ bits when their depth is bounded. It does not carry over to units that add: parity takes one hidden layer
# > of $n$ ReLUs. For ReLU nets the argument above is Telgarsky's (2015, 2016).

# %% slide="fragment"
n_bits = 10
bits = (torch.arange(2**n_bits)[:, None] >> torch.arange(n_bits)) & 1
parity_net = nn.Sequential(nn.Linear(n_bits, n_bits), nn.ReLU(), nn.Linear(n_bits, 1))
with torch.no_grad():
    parity_net[0].weight.fill_(1)  # every unit sees the number of ones
    parity_net[0].bias.copy_(-torch.arange(n_bits).float())  # unit i bends at i ones
    parity_net[2].weight.copy_(torch.tensor([[1.0] + [2.0 * (-1) ** i for i in range(1, n_bits)]]))  # slopes +1, -1, +1, …
    parity_net[2].bias.zero_()
right = (parity_net(bits.float())[:, 0] == bits.sum(1) % 2).sum().item()
print(f"parity of {n_bits} bits, one hidden layer of {n_bits} ReLUs: right on {right} of {len(bits)} inputs")
ledger.append(("V", "parity-like functions need exponentially many units in one layer (Håstad)", f"{n_bits} ReLUs do parity of {n_bits} bits (E21)"))

# %% [markdown] slide="subslide"
# The sawtooth is a statement about what *can be represented*, again. Deck V adds that "it is easier to train a deep network to
# perform well than a shallow one". The next two sections look at that: left alone, deep nets are harder to train.

# %% [markdown] slide="slide"
# ## 4 · Activations and saturation
#
# A function applied to each unit is called its **activation**. Deck N gives three. What matters for learning is the derivative: back-propagation (module 02) multiplies
# by one derivative in each layer on the way down.

# %% slide="subslide"
ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8))
for (name, function), line in zip(ACTIVATIONS.items(), ("-", "--", "-."), strict=True):
    z = torch.linspace(-5, 5, 401, requires_grad=True)
    value = function(z)
    (derivative,) = torch.autograd.grad(value.sum(), z)
    left.plot(z.detach(), value.detach(), line, label=name)
    right.plot(z.detach(), derivative, line, label=name)
    print(f"{name:<8} largest derivative {derivative.max().item():.2f}, at z = 5: {derivative[-1].item():.5f}, at z = -5: {derivative[0].item():.5f}")
left.set(title="Activation", xlabel="input z", ylabel="output", ylim=(-1.2, 3))
right.set(title="Derivative", xlabel="input z", ylabel="derivative")
left.legend();

# %% [markdown] slide="subslide"
# Where the curve is flat the unit is **saturated**: its derivative is nearly 0, and it passes back nearly nothing. The sigmoid's derivative is never above ¼,
# so twenty layers of sigmoids multiply the gradient by less than $4^{-20} \approx 10^{-12}$, unless large weights make up for it, and large weights saturate the units.
# ReLU has derivative 1 on its whole active side; where its input is negative it passes nothing.
#
# The test: twenty layers of 100 units, fresh random weights of variance $1/100$ (ReLU: $2/100$, section 5 says why), one batch of
# digits. How long is the gradient of the loss with respect to each layer's weights?

# %% slide="fragment"
def random_stack(activation, gain, depth=20, width=100, seed=0):
    """Weight matrices with entries of standard deviation gain / sqrt(inputs); returns them and the forward function."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [64] + [width] * depth + [10]
    weights = [
        (gain * torch.randn(n, m, generator=generator) / m**0.5).requires_grad_()
        for m, n in zip(sizes[:-1], sizes[1:], strict=True)
    ]

    def forward(x):
        for weight in weights[:-1]:
            x = ACTIVATIONS[activation](x @ weight.T)
        return x @ weights[-1].T

    return weights, forward


standard = (x_train - x_train.mean(0)) / (x_train.std(0) + 1e-2)  # mean 0 and standard deviation 1: section 5
figure, axis = plt.subplots()
for (activation, gain), line in zip((("sigmoid", 1), ("tanh", 1), ("tanh", 3), ("ReLU", 2**0.5)), ("-", "--", ":", "-."), strict=True):
    weights, forward = random_stack(activation, gain)
    gradients = torch.autograd.grad(F.cross_entropy(forward(standard[:256]), y_train[:256]), weights)
    norms = [gradient.norm().item() for gradient in gradients[:-1]]
    label = f"{activation}, weight std {gain:.2g}/√inputs"
    axis.semilogy(range(1, 21), norms, line, label=label)
    print(f"{label:<32} first layer / last layer = {norms[0] / norms[-1]:.1e}")
axis.set(title="Gradient by layer, 20 layers, before training", xlabel="layer (1 = next to the input)", ylabel="norm of the gradient")
axis.set_xticks([1, 5, 10, 15, 20])
axis.legend();

# %% [markdown] slide="subslide"
# The sigmoid's gradient vanishes towards the input: the first layers would hardly move. (Hochreiter described this in his thesis of 1991.) Tanh with small weights and ReLU keep it
# within one or two powers of ten; tanh with large weights is saturated, and here the gradient *explodes*: the product of large weights outruns the small derivatives.
#
# One detail of deck N's slide: $\tanh x = (1 - e^{-2x})/(1 + e^{-2x})$ is right on paper, but typed as it stands it fails for very negative $x$.

# %% slide="fragment"
x = torch.tensor([-1.0, 1.0, -40.0, -50.0])
as_printed = (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x))
print("x                ", x.tolist())
print("formula of N     ", as_printed.tolist(), "  (e^100 exceeds float32: inf / inf)")
print("torch.tanh       ", torch.tanh(x).tolist())

# %% [markdown] slide="slide"
# ## 5 · Keeping the signal alive: initialisation, normalisation, skips
#
# ### Initialisation
#
# Let a layer have $m$ inputs $h_i$ and independent weights of mean 0 and variance $g^2/m$. Then $z = \sum_i w_i h_i$ has
#
# $$\operatorname{Var} z = m \cdot \frac{g^2}{m}\, \mathbb{E}[h^2] = g^2\, \mathbb{E}[h^2].$$
#
# If $h = \text{ReLU}(z')$ with $z'$ symmetric about 0, half of the square is cut away: $\mathbb{E}[h^2] = \tfrac12 \operatorname{Var} z'$. So each ReLU layer
# multiplies the variance of the signal by $g^2/2$. It stays as it is for $g = \sqrt2$ (He and others, 2015). Where the activation is close to
# the identity near 0, like tanh, $g = 1$ is the choice (LeCun and others 1998; Glorot and Bengio 2010 average the fan-in and the fan-out). After 30 layers a $g$ that is a little off matters:

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
    print(f"g = {gain:.2f}    {gain**2 / 2:.3f}   {(variance[-1] / variance[0]) ** (1 / 29):.3f}")

# %% slide="fragment"
def plot_signal(activation="ReLU", gain=1.4):
    """The signal going up and the gradient coming down, through 30 random layers of 200 units."""
    variance, gradient = signal_by_layer(activation, gain)
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6))
    layers = range(1, 31)
    for axis, values, color in ((left, variance, COLORS["blue"]), (right, gradient, COLORS["vermillion"])):
        axis.semilogy(layers, np.maximum(values, 1e-40), "o-", color=color, markersize=5)
        axis.set(xlabel="layer (1 = next to the input)")
        low, high = axis.get_ylim()
        axis.set_ylim(min(low, 1e-3), max(high, 1e3))  # so that a steady signal looks steady
    left.set(title="Signal going up", ylabel="variance of z")
    right.set(title="Gradient coming down", ylabel="mean square of dL/dz")
    figure.suptitle(f"{activation}, weights of standard deviation {gain:.2f} / √inputs")
    return figure


widgets.explore(plot_signal, activation=list(ACTIVATIONS), gain=(0.4, 3.0, 0.1));

# %% [markdown] slide="subslide"
# ### Normalising the inputs
#
# Deck N lists "data normalization" among the practical issues. Gradient descent on a quadratic loss with curvatures $\lambda_{\min} \dots \lambda_{\max}$ diverges for a
# learning rate above $2/\lambda_{\max}$, and then needs about $\kappa = \lambda_{\max}/\lambda_{\min}$ steps for the flattest direction. For least squares on inputs $x$
# the curvatures are the eigenvalues of the mean of $xx^\top$ (with $x_0 = 1$ for the bias). We take the 20 pixels of largest variance and compare scales.

# %% slide="fragment"
pixels = x_train[:, x_train.var(0).topk(20).indices].double()
scales = {
    "grey levels 0 … 16": pixels * 16,
    "divided by 16": pixels,
    "mean 0": pixels - pixels.mean(0),
    "mean 0, std 1": (pixels - pixels.mean(0)) / pixels.std(0),
}
print("inputs                largest lr   condition number   loss of softmax regression after 100 steps")
for name, inputs in scales.items():
    with_bias = torch.cat([torch.ones(len(inputs), 1), inputs], dim=1)
    curvature = torch.linalg.eigvalsh(with_bias.T @ with_bias / len(inputs))
    W = torch.zeros(10, 21, dtype=torch.float64, requires_grad=True)
    for _ in range(100):
        loss = F.cross_entropy(with_bias @ W.T, y_train)
        (gradient,) = torch.autograd.grad(loss, W)
        W = (W - 2 / curvature[-1] * gradient).detach().requires_grad_()  # the softmax is flatter than least squares
    print(f"{name:<20} {2 / curvature[-1]:>11.4f} {curvature[-1] / curvature[0]:>18.0f} {loss.item():>20.3f}")

# %% [markdown] slide="subslide"
# ### Batch normalisation
#
# If normal inputs help the first layer, why not normalise every layer's inputs? **Batch norm** (Ioffe and Szegedy, 2015) takes each unit's $z$ over the batch, and returns
#
# $$\hat z = \gamma\, \frac{z - \text{mean}(z)}{\sqrt{\text{var}(z) + \varepsilon}} + \beta,$$
#
# with learned $\gamma$ and $\beta$. Mean and variance are those of the batch while training, and running averages of them in use, so
# that the answer for one image does not depend on its neighbours. `model.train()` and `model.eval()` switch between the two; forgetting the switch is a classic error.

# %% slide="fragment"
training.seed_everything(0)
norm = nn.BatchNorm1d(3)
z = torch.randn(64, 3) * torch.tensor([0.1, 1.0, 10.0]) + torch.tensor([5.0, 0.0, -5.0])
training_output = norm(z).detach()
print("in :  mean", z.mean(0).numpy().round(2), " std", z.std(0).numpy().round(2))
print("out:  mean", training_output.mean(0).numpy().round(2) + 0.0, " std", training_output.std(0).numpy().round(2))
print("after one batch the running mean has moved a tenth of the way:", norm.running_mean.numpy().round(2))
norm.eval()
print("the same batch in evaluation mode: mean", norm(z).detach().mean(0).numpy().round(2))

# %% [markdown] slide="subslide"
# ### Skips
#
# A **skip connection** adds a layer's input to its output, $h_{l+1} = h_l + f(h_l)$, so that the gradient has a way down that passes through no weights (He and others, 2015: a
# net of 152 layers). We build a net of 30 layers in four kinds: plain, with batch norm, with skips, with both. All weights start with $g = \sqrt2$.

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
        nn.Linear(64, width), *[Layer(width, batch_norm, skip) for _ in range(depth - 2)], norm, nn.ReLU(), nn.Linear(width, 10)
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
growth = {}
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
    left.semilogy(range(1, 30), [h.var().item() for h in outputs], line, label=name)
    right.semilogy(range(1, 30), gradient, line, label=name)
left.set(title="Signal", xlabel="layer", ylabel="variance of the layer's output")
right.set(title="Gradient", xlabel="layer", ylabel="norm of dL/d(output)")
left.legend()
figure.suptitle("30 layers of 256 units before training")
for name, factor in growth.items():
    print(f"{name:<11} going down, the gradient grows by a factor {factor:.3f} a layer")
print(f"predicted for batch norm and ReLU in wide layers (Yang and others, 2019): sqrt(π/(π-1)) = {math.sqrt(math.pi / (math.pi - 1)):.3f}")

# %% [markdown] slide="subslide"
# Skips alone double the variance in each layer ($h$ and $f(h)$ add up), and the loss is enormous. Batch norm in front of each layer tames that.
#
# > **Erratum E39.** Deck F: batch norm is there to "limit vanishing gradient". In a plain ReLU net it does the opposite of vanishing: at the start of training it makes the gradient *explode*
# > towards the input, by $\sqrt{\pi/(\pi-1)} \approx 1.21$ a layer in wide layers (Yang and others, 2019), while with $g = \sqrt 2$ the net without batch norm keeps its size. It is together with skips that batch norm keeps both signal and gradient in range.

# %% slide="fragment"
ledger.append(("F", "batch norm limits vanishing gradients", f"at the start the gradient explodes: {growth['batch norm']:.2f} a layer with it, {growth['plain']:.2f} without (E39)"))


def train_deep(name, lr, epochs=12):
    """Validation and training accuracy of a net of 30 layers, or None if the loss became infinite."""
    training.seed_everything(1)
    net = deep_net(*KINDS[name])
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    try:
        training.fit(net, x_train, y_train, epochs=epochs, optimizer=optimizer, progress=False)
    except training.Diverged:
        return None
    return training.accuracy(net, x_val, y_val), training.accuracy(net, x_train, y_train)


DEEP_RATES = (0.01, 0.1, 0.3)
deep = {name: [train_deep(name, lr) for lr in DEEP_RATES] for name in KINDS}
print("validation (training) accuracy after 12 epochs of SGD")
print(" " * 12 + "".join(f"lr {lr:<16}" for lr in DEEP_RATES))
for name, results in deep.items():
    print(f"{name:<11} " + "".join(f"{'diverged' if r is None else f'{r[0]:.1%} ({r[1]:.1%})':<19}" for r in results))

# %% [markdown] slide="subslide"
# > **Erratum E23.** Deck V (slide 22): for each step of training "there exist recipes from the 1980s. Only the first step", the random initialisation, "required better recipes for
# > deep networks". Its own slide 13 also lists ReLU, dropout and batch norm. And the best initialisation alone does not do: with the same weights to start from and
# > the same twelve epochs, the plain net of 30 layers stays far behind, at its best learning rate, while batch norm *and* skips train at each of them.
#
# This is a statement about equal budgets. With a good optimiser and several times as many epochs the plain net gets much further; it is slow and fragile, and not impossible.

# %% slide="fragment"
best = {name: max(r[0] for r in results if r is not None) if any(results) else float("nan") for name, results in deep.items()}
print("best of the three learning rates: " + ", ".join(f"{name} {value:.1%}" for name, value in best.items()))
ledger.append(("V", "only initialisation needed new recipes", f"30 layers, He initialisation: plain {best['plain']:.1%}, with batch norm and skips {best['both']:.1%} (E23)"))

# %% [markdown] slide="subslide"
# ### Why does batch norm help?
#
# > **Erratum E11.** Deck F: the main reason is that it limits "internal covariate shift", the drift of a layer's inputs while the layers below learn. That was the conjecture of 2015.
# > Santurkar and others (2018) tested it: with drift put back in by noise *after* the batch norm, nets train as well. What batch norm does change is the loss surface: along the gradient, loss and gradient change
# > less abruptly, so that the step the gradient promises is the step one gets.
#
# We repeat their measurement on nets of nine layers. At every tenth training step we walk along the gradient, with step sizes from 0.05 to 0.4, and note how far the loss ranges and how
# much the gradient changes. "Noisy" batch norm multiplies and shifts each unit's output by fresh random numbers at each step: more covariate shift than any net has by itself.

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
    """Train; every 10 steps measure the surface along the gradient. Returns losses, (lowest, highest) loss, gradient change, drift."""
    training.seed_everything(seed)
    model = nine_layers(kind)
    parameters = list(model.parameters())
    losses, ranges, changes, drifts = [], [], [], []
    inputs_of_fifth = []  # what enters the fifth ReLU
    fifth_relu = [module for module in model if isinstance(module, nn.ReLU)][4]
    fifth_relu.register_forward_pre_hook(lambda _, h: inputs_of_fifth.append(h[0].detach()))
    for step in range(steps):
        rows = torch.randint(len(x_train), (128,))
        x, y = x_train[rows], y_train[rows]
        loss, gradient = loss_and_gradient(model, x, y)
        losses.append(loss)
        here = nn.utils.parameters_to_vector(parameters).detach()
        if step % 10 == 0:
            state = torch.get_rng_state()
            seen = []
            for size in (0.05, 0.1, 0.2, 0.4):
                nn.utils.vector_to_parameters(here - size * gradient, parameters)
                torch.set_rng_state(state)
                seen.append(loss_and_gradient(model, x, y))
            ranges.append((min(s[0] for s in seen), max(s[0] for s in seen)))
            changes.append(max(((s[1] - gradient).norm() / gradient.norm()).item() for s in seen))
        nn.utils.vector_to_parameters(here - lr * gradient, parameters)
        if step % 10 == 0:
            inputs_of_fifth.clear()
            for _ in range(2):  # the same images before and after the next step would do; here: two passes, fresh noise
                model(x_train[:256])
            mean = [h.mean(0) for h in inputs_of_fifth]
            drifts.append(((mean[0] - mean[1]).abs() / inputs_of_fifth[0].std(0).clamp(min=1e-6)).mean().item())
            inputs_of_fifth.clear()
    return losses, ranges, changes, drifts


