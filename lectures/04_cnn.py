# %% [markdown] slide="slide"
# # 04 · Convolutional nets: how to look at a picture
#
# **Question.** An edge is an edge wherever it lies in the picture. How does a net make use of that, what does it gain,
# and how far can the same idea be stacked: ten layers, a hundred, and out of one label a picture into boxes and
# outlines?
#
# - **You need** module 02 (gradients), module 03 (multi-layer perceptrons, training, batch norm, skips, overfitting).
# - **You get** convolution by hand and fast; pooling, LeNet, VGG, inception and residual blocks, counted and trained;
#   ways to see what a net looks at; transfer to a small data set; localisation, detection and segmentation with the
#   measures by which they are judged.
# - **Time**: 100 minutes to read and try; about a minute to run on two CPU cores, without a network.
# - **Slides**: K "Convolution" to "More layers", "Pre-trained models"; V 18, 24, 27 to 29; F "Images" to "Batch
#   Normalisation"; N "Object detection", "Convolutional Neural Network" to "First-layer activations", "Inception
#   model", "Semantic segmentation"; G 11, 18 to 26, 31, 33.
#
# The decks: **K** = Kuzovkin (Tartu 2016), **V** = Lidy and Schlüter (Vienna 2016), **F** = a French introduction
# (2017), **N** = Neverova (Lyon 2015), **G** = Grisel (Neurospin 2017). What they claim is checked by a cell. Where
# they err, an **Erratum** box says so, and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import copy
import functools
import math
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from scipy.signal import convolve2d, correlate2d
from sklearn.datasets import load_sample_image
from sklearn.metrics import average_precision_score
from sklearn.svm import SVC, LinearSVC
from torch import fx, nn
from torchvision import models, ops
from torchvision.transforms import functional as TF

from course_utils import data, plotting, training, widgets
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
ledger = []  # (deck, what it says, what we compute), printed at the end


def n_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def bare(axis, title=None, size=15):
    """An axis that only shows a picture."""
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    if title is not None:
        axis.set_title(title, fontsize=size)


# %% [markdown] slide="slide"
# ## 1. Convolution by hand
#
# Deck K takes a small patch of grey levels, bright above (40) and dark below (10), and the **Prewitt edge detector**,
# a table of nine weights:
#
# $$K = \begin{pmatrix} +1 & +1 & +1 \\ 0 & 0 & 0 \\ -1 & -1 & -1 \end{pmatrix}.$$
#
# Lay the table (the **kernel**, no relative of an SVM's in module 01) on the patch, multiply each weight with the
# grey level below it, add the nine products, write the sum down, move on by one pixel. The pixels below the kernel
# are a **window**. Where the grey level is constant, the sum is 0; at the edge it is $3 \cdot 40 - 3 \cdot 10 = 90$.
# For an input $x$ and a kernel of $k \times k$,
#
# $$y_{ij} = \sum_{a=0}^{k-1} \sum_{b=0}^{k-1} K_{ab}\; x_{i+a,\, j+b}.$$
#
# Row $i$ and column $j$, counted from 0, say where the upper left corner of the window lies. The kernel must lie wholly
# on the picture, so that of $n$ rows $n - k + 1$ remain: a patch of 6 × 3 gives $4 \times 1$ sums. (Here SciPy moves
# the kernel; in the lab you do.)

# %% slide="fragment"
patch = np.array([[40.0] * 3] * 3 + [[10.0] * 3] * 3)  # 6 rows, 3 columns
prewitt = np.array([[1.0, 1, 1], [0, 0, 0], [-1, -1, -1]])
window = patch[1:4]  # rows 1, 2 and 3: one row below the edge
print("a window on the edge, times the kernel, number by number:\n", prewitt * window, sep="")
print("their sum:", (prewitt * window).sum())
print("all sums of the patch of 6 × 3:", correlate2d(patch, prewitt, mode="valid")[:, 0])
wide = np.repeat(patch[:, :1], 8, axis=1)
answer = correlate2d(wide, prewitt, mode="valid")
print("the same edge in a wider patch, 6 × 8:\n", answer, sep="")
assert set(answer[1:3].flat) == {90.0} and set(answer[[0, 3]].flat) == {0.0} and (prewitt * window).sum() == 90
ledger.append(("K", "Prewitt on the 40/10 patch: 90 at the edge", f"{answer[1, 0]:.0f} at the edge, 0 elsewhere"))

figure, axes = plt.subplots(1, 3, figsize=(13, 4.6))
for axis, table, title, (low, high) in zip(
    axes, (wide, prewitt, answer), ("patch (grey levels)", "kernel (weights)", "output"), ((0, 50), (-1, 1), (-90, 90)),
    strict=True,
):
    axis.imshow(table, cmap="gray" if table is wide else "RdBu_r", vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(table):
        dark = abs(value) > 0.6 * high if table is not wide else value < 25
        axis.text(j, i, f"{value:+.0f}" if table is prewitt and value else f"{value:.0f}", ha="center", va="center",
                  color="white" if dark else "black", fontsize=14)
    bare(axis, title, 18)
figure.suptitle("Deck K's edge, and the detector's answer")
plt.show()

# %% [markdown] slide="subslide"
# > **Erratum E27.** Decks K and V (F too) call this a *convolution*. The mathematical convolution runs through the
# > kernel backwards, $\sum_{ab} K_{ab}\, x_{i-a,\,j-b}$; that is the kernel turned by 180°. What the decks compute, and
# > what every deep-learning library calls convolution, is the **cross-correlation**. On K's patch the cross-correlation
# > gives +90, the convolution −90. A net that *learns* its kernels does not care: it learns the turned one. Somebody
# > who copies a kernel from a book on signal processing must turn it.
#
# PyTorch's `F.conv2d` takes pictures as (how many, channels, rows, columns) and kernels as (channels out, channels in,
# rows, columns); section 2 says what the channels are. `[None, None]` puts the first two axes there, each of length 1,
# and `[0, 0]` takes them away.

# %% slide="fragment"
as_deck = correlate2d(patch, prewitt, mode="valid")
true_convolution = convolve2d(patch, prewitt, mode="valid")  # SciPy's is the mathematical one
turned = correlate2d(patch, prewitt[::-1, ::-1], mode="valid")  # rows and columns backwards
library = F.conv2d(torch.tensor(patch)[None, None], torch.tensor(prewitt)[None, None])[0, 0].numpy()
print("cross-correlation (the decks)   ", as_deck[:, 0])
print("convolution (SciPy)             ", true_convolution[:, 0])
print("cross-correlation, kernel turned", turned[:, 0])
print("torch.nn.functional.conv2d      ", library[:, 0])
assert as_deck[1, 0] == 90 and true_convolution[1, 0] == -90
assert (turned == true_convolution).all() and (library == as_deck).all()
ledger.append(("K V", "“convolution”", "cross-correlation: +90 on K's patch, true convolution −90 (E27)"))

# %% [markdown] slide="subslide"
# ### From loops to one matrix product
#
# Loops in Python are slow. The trick **im2col** ("image to columns") writes each window as a column of a matrix. Then
# all the sums are *one* matrix product, which processors are made for. It costs memory: with a kernel of $k \times k$
# each pixel stands in up to $k^2$ columns. We write it for a single row of pixels, whose windows are $k$ neighbours.
# For pictures `F.unfold` makes the matrix.


# %% slide="fragment"
def correlate_row_loops(x, kernel):
    """Slide a kernel along a row of pixels. x: (n,), kernel: (k,). Returns (n - k + 1,)."""
    out = np.zeros(len(x) - len(kernel) + 1)
    for i in range(len(out)):
        for a in range(len(kernel)):
            out[i] += kernel[a] * x[i + a]
    return out


def correlate_row_im2col(x, kernel):
    """As `correlate_row_loops`, with one product of the kernel with a matrix of windows."""
    windows = len(x) - len(kernel) + 1
    columns = np.stack([x[a : a + windows] for a in range(len(kernel))])  # (k, windows): column i is window i
    return kernel @ columns


small = np.arange(12.0).reshape(3, 4)
print("a picture of 3 × 4:\n", small, "\nits windows of 2 × 2 as columns:\n", sep="", end="")
print(F.unfold(torch.tensor(small)[None, None], 2)[0].numpy())

glyphs = data.glyphs(n_train=6000, n_test=1000, classes="ABCDEFGHIJKLMNOPQRSTUVWXYZ")
letters = glyphs.classes
photo = load_sample_image("china.jpg").mean(2)[:240, :320] / 255  # grey, 0 to 1
seconds, outputs = {}, {}
row, nine = photo.ravel(), np.linspace(-1, 1, 9)  # all rows end to end, and a kernel of nine weights
as_tensor, nine_tensor = torch.tensor(row)[None, None], torch.tensor(nine)[None, None]
for name, function, repeats in (
    ("two loops", lambda: correlate_row_loops(row, nine), 1),
    ("im2col", lambda: correlate_row_im2col(row, nine), 20),
    ("F.conv1d", lambda: F.conv1d(as_tensor, nine_tensor)[0, 0].numpy(), 20),
):
    function()
    start = time.perf_counter()
    for _ in range(repeats):
        outputs[name] = function()
    seconds[name] = (time.perf_counter() - start) / repeats
    print(f"{name:<11} {1000 * seconds[name]:8.2f} ms for {len(row):,} pixels in a row")
assert all(np.allclose(outputs[name], outputs["two loops"]) for name in outputs)
assert seconds["two loops"] > 5 * seconds["im2col"]
columns = F.unfold(torch.tensor(photo)[None, None], 3)[0].numpy()
print(f"the photograph of 240 × 320 as windows of 3 × 3: a matrix of {columns.shape[0]} × {columns.shape[1]:,}")
assert np.allclose(prewitt.ravel() @ columns, correlate2d(photo, prewitt, mode="valid").ravel())

# %% [markdown] slide="subslide"
# **Explorer 1.** Choose a kernel, or set "nine sliders" and make one by hand. Which kernel finds vertical edges?
# Which blurs? What do nine equal weights do, and what happens to the flat parts of the picture when the nine weights
# sum to 0? Red is positive, blue is negative. (Where there are no controls, as in Colab, call `plot_kernel` with other
# arguments.)

# %% slide="fragment"
KERNELS = {
    "Prewitt, rows": [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
    "Prewitt, columns": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "Laplace": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "blur": [[1 / 9] * 3] * 3,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "shift to the left": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
}
digits = data.digits()
PICTURES = {
    "letter": glyphs.x_test[(glyphs.y_test == letters.index("R")).nonzero()[2, 0], 0],
    "digit": F.interpolate(digits.x_test[7:8], size=28, mode="bilinear")[0, 0],
    "photograph": torch.tensor(photo[20:220, 60:260], dtype=torch.float32),
}


def plot_kernel(kernel="Prewitt, rows", picture="letter", k11=1.0, k12=1.0, k13=1.0, k21=0.0, k22=0.0, k23=0.0,
                k31=-1.0, k32=-1.0, k33=-1.0):  # fmt: skip
    """A picture, a kernel of 3 × 3 and the filtered picture; k11 … k33 count if `kernel` is "nine sliders"."""
    sliders = [[k11, k12, k13], [k21, k22, k23], [k31, k32, k33]]
    weights = torch.tensor(KERNELS.get(kernel, sliders), dtype=torch.float32)
    x = PICTURES[picture]
    y = F.conv2d(F.pad(x[None, None], (1, 1, 1, 1), mode="replicate"), weights[None, None])[0, 0]
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4))
    axes[0].imshow(x, vmin=0, vmax=1)
    limit = max(weights.abs().max().item(), 0.1)
    axes[1].imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for (i, j), value in np.ndenumerate(weights.numpy()):
        axes[1].text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=17,
                     color="white" if abs(value) > 0.6 * limit else "black")
    limit = max(y.abs().max().item(), 0.1)
    shown = axes[2].imshow(y, cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(shown, ax=axes[2], shrink=0.85, label="output")
    for axis, title in zip(axes, ("picture", f"kernel, sum {weights.sum():.2g}", "cross-correlation"), strict=True):
        bare(axis, title, 17)
    print(f"The weights sum to {weights.sum():.2g}. The output lies between {y.min():.2f} and {y.max():.2f}; "
          f"{(y.abs() < 0.005).float().mean():.0%} of it is 0.")
    return figure


NINE = {f"k{i}{j}": (-2.0, 2.0, 0.5) for i in (1, 2, 3) for j in (1, 2, 3)}
widgets.explore(plot_kernel, kernel=[*KERNELS, "nine sliders"], picture=list(PICTURES), **NINE,
                labels={name: f"row {name[1]}, column {name[2]}" for name in NINE})

# %% [markdown] slide="slide"
# ## 2. A layer that shares its weights
#
# "The idea of a convolutional layer is to learn feature detectors instead of using handcrafted ones" (deck K). Its
# input has $C$ **channels** (1 for grey, 3 for colour, more in later layers), its output $C'$, called **feature maps**.
# Each output channel $c'$ has its own kernel, with $k \times k$ weights for each input channel $c$, and a bias
# $b_{c'}$ (the $b$ below the sum is the kernel's column, as in section 1):
#
# $$y_{c'ij} = b_{c'} + \sum_{c=1}^{C} \sum_{a,b} K_{c'cab}\; x_{c,\, si + a - p,\, sj + b - p} .$$
#
# The **stride** $s$ is the step from window to window; **padding** adds $p$ rows and columns of zeros at each side (so
# an index of $x$ below 0 means such a zero). From $n$ pixels across, $\lfloor (n + 2p - k)/s \rfloor + 1$ remain. The
# brackets $\lfloor\;\rfloor$ round down: a last window that would reach over the border is left out.
#
# > **Erratum E51.** Deck V (slide 24): a convolutional layer performs "2D convolution of 2D input with multiple learned
# > 2D kernels". That fits the first layer on a grey picture. Everywhere else the input is a stack of maps, and each
# > output map has a kernel of *three* dimensions, $C \times k \times k$, summed over the channels. Otherwise no unit
# > of the second layer could combine two features of the first. (With 2D kernels one has a *depthwise* convolution,
# > which exists, and has $C$ times fewer weights.)

# %% slide="fragment"
layer = nn.Conv2d(6, 16, kernel_size=5)
x = torch.rand(1, 6, 14, 14)
one_map = sum(F.conv2d(x[:, c : c + 1], layer.weight[3:4, c : c + 1]) for c in range(6)) + layer.bias[3]
print("weight of Conv2d(6, 16, kernel_size=5):", tuple(layer.weight.shape), " output:", tuple(layer(x).shape))
print("map 3 = sum over six channels, to", f"{(one_map[0, 0] - layer(x)[0, 3]).abs().max().item():.0e}")
assert torch.allclose(one_map[0, 0], layer(x)[0, 3], atol=1e-5) and layer.weight.ndim == 4
alone = F.conv2d(x[:, :1], layer.weight[3:4, :1])[0, 0] + layer.bias[3]
assert not torch.allclose(alone, layer(x)[0, 3], atol=1e-3)  # a single 2D kernel does not give the map
for n, k, p, s in ((28, 5, 0, 1), (28, 5, 2, 1), (28, 3, 1, 2), (224, 7, 3, 2)):
    out = nn.Conv2d(1, 1, k, stride=s, padding=p)(torch.zeros(1, 1, n, n)).shape[-1]
    print(f"n = {n:>3}, k = {k}, p = {p}, s = {s}: {out} pixels across")
    assert out == (n + 2 * p - k) // s + 1

# %% [markdown] slide="subslide"
# ### The same layer as a matrix
#
# A convolution is linear, so there is a matrix that does the same to the pixels written one after the other. Most of
# its entries are 0 (left white below), and the others are a few numbers, repeated. Two restrictions set it apart from
# a fully connected layer: **local connections** (each output reads few inputs) and **shared weights** (all outputs read
# theirs with the same weights).

# %% slide="fragment"
side, kernel = 6, torch.arange(1.0, 10).view(1, 1, 3, 3)
basis = torch.eye(side * side).view(-1, 1, side, side)  # each picture has one white pixel
matrix = F.conv2d(basis, kernel).flatten(1).T  # (16, 36): its columns are the answers to single pixels
x = torch.rand(1, 1, side, side)
assert torch.allclose(matrix @ x.flatten(), F.conv2d(x, kernel).flatten(), atol=1e-5)
figure, axis = plt.subplots(figsize=(10, 4.8))
shown = axis.imshow(matrix.where(matrix > 0, torch.nan), cmap="viridis", vmin=1, vmax=9)
axis.set(title="The matrix of a 3 × 3 kernel on a picture of 6 × 6", xlabel="input pixel", ylabel="output pixel")
figure.colorbar(shown, ax=axis, label="which of the nine weights", shrink=0.7)
plt.show()
print(f"{matrix.numel()} entries, {int((matrix > 0).sum())} not zero, {len(matrix[matrix > 0].unique())} different")

dense = 784 * 6 * 784 + 6 * 784
shared = n_parameters(nn.Conv2d(1, 6, 5, padding=2))
print(f"from a picture of 28 × 28 to six maps of 28 × 28: fully connected {dense:,} parameters, "
      f"local but not shared {6 * 784 * 26:,}, convolution {shared}")
assert shared == 156 and len(matrix[matrix > 0].unique()) == 9

# %% [markdown] slide="subslide"
# ### Equivariance
#
# Module 03, section 10, measured what deck N calls "no spatial invariance": moved by one pixel, the digits were lost
# on a multi-layer perceptron (MLP). What does a convolution guarantee? Not that the answer stays the same, but that it
# *moves along*:
#
# $$\text{conv}(\text{shift}(x)) = \text{shift}(\text{conv}(x)).$$
#
# This is **equivariance**. **Invariance**, the same answer whatever the shift, needs something on top that forgets the
# place, such as the maximum over the whole map. We measure the relative difference of the two sides for random weights:
# 0 means that they are the same, 1.4 that they have nothing in common. The picture wraps around at its borders, so that
# nothing falls out. The third row adds ReLU and the maximum of each block of 2 × 2 (section 4).

# %% slide="fragment"
training.seed_everything(0)
x = glyphs.x_test[:50]
wrap = nn.Conv2d(1, 6, 5, padding=2, padding_mode="circular")
fully = nn.Linear(784, 784)
MAPS = {
    "fully connected": (lambda x: fully(x.flatten(1)).view(-1, 1, 28, 28), 1),
    "convolution": (wrap, 1),
    "convolution, ReLU, 2 × 2 maximum": (lambda x: F.max_pool2d(wrap(x).relu(), 2), 2),
}
drift = {}
with torch.no_grad():
    for name, (function, stride) in MAPS.items():
        drift[name] = []
        y = function(x)
        for shift in range(5):
            moved = function(torch.roll(x, shift, dims=3))
            # A map with stride 2 can only be compared after whole steps of its own: shift 3 is nearest to 1 step.
            expected = torch.roll(y, shift // stride, dims=3)
            drift[name].append(((moved - expected).norm() / (y - y.mean()).norm()).item())
        print(f"{name:<33} " + "  ".join(f"{value:6.3f}" for value in drift[name]) + "   for shifts of 0 … 4 pixels")
    top = wrap(x).amax((2, 3))
    change = (wrap(torch.roll(x, 3, dims=3)).amax((2, 3)) - top).abs().max().item()
print(f"largest change of the maximum over the whole map, shift 3: {change:.0e}")
assert max(drift["convolution"]) < 1e-5 and change < 1e-5 and min(drift["fully connected"][1:]) > 0.3
strided = drift["convolution, ReLU, 2 × 2 maximum"]
assert max(strided[0], strided[2], strided[4]) < 1e-5 and min(strided[1], strided[3]) > 0.02
ledger.append(("N", "MLPs lack spatial invariance",
               f"convolution is equivariant (difference {max(drift['convolution']):.0e}); "
               f"with stride 2 only for even shifts ({strided[1]:.2f} for 1 pixel)"))

# %% [markdown] slide="fragment"
# So a convolutional net is *not* invariant to shifts by itself. Stride breaks even the equivariance for shifts that are
# not a multiple of it (R. Zhang measured this on large nets in 2019), and a fully connected layer at the end may tell
# places apart. Section 4 measures how much of the invariance a trained net really has.

# %% [markdown] slide="slide"
# ## 3. Hand-crafted features, or end to end?
#
# "Natural image classification until 2012" (deck G) had two stages: features that do not depend on the data, made by
# experts, and a classifier on top that learns. Deck K's edge detector is such a feature. The best known recipe counts,
# in each cell of a grid, how much edge there is in which direction (histograms of oriented gradients, Dalal and Triggs
# 2005; the *gradient* is here the change of the grey level from pixel to pixel, not that of a loss). We build it from
# two Prewitt kernels and give it to a support-vector machine (SVM, module 01, section 5). The rival is a small
# **convolutional net** (CNN) that learns its features and its classifier together, *end to end*, from the pixels.
#
# The pictures are **glyphs**: the 26 capital letters, 28 × 28 pixels, drawn in 21 of the fonts that ship with
# matplotlib, and turned, slanted, stretched and moved a little at random.
#
# The net has three convolutions, two of them with stride 2, each with batch norm (module 03, section 5; here the mean
# and variance of a channel are taken over the batch *and* over all places). Then it takes the maximum of each map.


# %% slide="fragment"
def orientation_histograms(x, cells=4, bins=8):
    """Prewitt edges, counted by direction in a grid of cells. x: (N, 1, 28, 28). Returns (N, bins * cells²)."""
    kernels = torch.tensor(np.stack([prewitt, prewitt.T]), dtype=torch.float32)[:, None]
    down, right = F.conv2d(x, kernels, padding=1).unbind(1)  # (N, 28, 28) each
    position = torch.atan2(down, right) / (2 * math.pi) * bins % bins  # direction, in units of one bin
    low = position.floor()
    share = position - low  # an edge between two bins counts for both, in proportion
    strength = torch.hypot(down, right)
    votes = torch.zeros(len(x), bins, 28, 28)
    votes.scatter_add_(1, (low.long() % bins)[:, None], (strength * (1 - share))[:, None])
    votes.scatter_add_(1, ((low.long() + 1) % bins)[:, None], (strength * share)[:, None])
    return F.normalize(F.avg_pool2d(votes, 28 // cells).flatten(1), dim=1)


def small_cnn(classes=26):
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2, stride=2), nn.BatchNorm2d(12), nn.ReLU(),  # 12 maps of 14 × 14
        nn.Conv2d(12, 24, 5, padding=2, stride=2), nn.BatchNorm2d(24), nn.ReLU(),  # 24 maps of 7 × 7
        nn.Conv2d(24, 48, 5, padding=2), nn.BatchNorm2d(48), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(48, classes),  # the maximum of each map; one matrix
    )  # fmt: skip


x_train, y_train, x_test, y_test = glyphs.x_train, glyphs.y_train, glyphs.x_test, glyphs.y_test
plotting.show_images(x_test[:20], titles=[letters[k] for k in y_test[:20]], columns=10,
                     title="Glyphs: letters from 21 fonts, warped")

# %% slide="subslide"
SIZES = (130, 520, 2000, 6000)
edges_test, coarse_test = orientation_histograms(x_test).numpy(), F.avg_pool2d(x_test, 2).flatten(1).numpy()
contest = {"pixels + SVM": [], "orientation histograms + SVM": [], "CNN, end to end": []}
for size in SIZES:
    part = glyphs.subset(size, seed=0)  # the same images for all three
    coarse, labels = F.avg_pool2d(part.x_train, 2).flatten(1).numpy(), part.y_train.numpy()  # 14 × 14 pixels: faster
    contest["pixels + SVM"].append(SVC(C=10).fit(coarse, labels).score(coarse_test, y_test.numpy()))
    machine = SVC(C=10).fit(orientation_histograms(part.x_train).numpy(), labels)
    contest["orientation histograms + SVM"].append(machine.score(edges_test, y_test.numpy()))
    training.seed_everything(0)
    net = small_cnn()
    epochs, batch_size = max(4, min(50, 10_000 // size)), 16 if size < 1000 else 64  # more steps over fewer images
    training.fit(net, part.x_train, part.y_train, epochs=epochs, batch_size=batch_size, lr=2e-3, progress=False)
    contest["CNN, end to end"].append(training.accuracy(net, x_test, y_test))
pooled = net  # the one that saw all 6,000 images; sections 4 and 7 come back to it
print("training images               " + "".join(f"{size:>8,}" for size in SIZES))
for name, values in contest.items():
    print(f"{name:<30}" + "".join(f"{value:>8.1%}" for value in values))

figure, axis = plt.subplots()
for (name, values), line in zip(contest.items(), ("^-.", "s--", "o-"), strict=True):
    axis.semilogx(SIZES, [100 * (1 - value) for value in values], line, label=name)
axis.set(title="26 letters: hand-crafted or learned features", xlabel="training images", yscale="log",
         ylabel="test error (%)", yticks=[0.2, 0.5, 1, 2, 5, 10, 20, 50])
axis.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
axis.yaxis.set_major_formatter("{x:g}")
axis.minorticks_off()
axis.legend()
plt.show()

# %% slide="fragment"
crafted, learned = contest["orientation histograms + SVM"], contest["CNN, end to end"]
assert crafted[0] > learned[0] + 0.05 and learned[-1] > max(0.985, crafted[-1] - 0.01)
assert all(crafted[i] > contest["pixels + SVM"][i] for i in range(4))
ledger.append(("G V F N", "hand-crafted features, then end to end",
               f"letters, 130 images: {crafted[0]:.1%} against {learned[0]:.1%}; 6,000: {crafted[-1]:.1%} against "
               f"{learned[-1]:.1%}"))

# %% [markdown] slide="subslide"
# With five images a class the expert's knowledge wins by far: that edges matter, that their direction matters more than
# their place. The net must find all of this in the data, and with enough data it catches up, without anybody having
# told it what a letter is made of. On photographs, 1.2 million images and 1,000 classes, the change came in 2012
# (module 01, section 8: a top-5 error of 26.2 % with hand-crafted features, 16.4 % with a convolutional net). So large
# a gap does not show here: letters are made of edges, which is all that our hand-crafted features count.

# %% [markdown] slide="slide"
# ## 4. Pooling, feature maps, LeNet
#
# **Max pooling** keeps the largest value of each block of, say, 2 × 2, **average pooling** the mean. Either makes the
# map smaller, so that the next layer sees more of the picture with the same kernel, and makes the answer less sensitive
# to the exact place. Pooling has no weights, and treats each channel by itself.

# %% slide="fragment"
x = torch.tensor([[1.0, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]])
print("map of 4 × 4:\n", x.numpy(), "\n2 × 2 maxima:\n", F.max_pool2d(x[None], 2)[0].numpy(),
      "\n2 × 2 means:\n", F.avg_pool2d(x[None], 2)[0].numpy(), sep="")  # fmt: skip
assert F.max_pool2d(x[None], 2)[0].tolist() == [[6, 8], [3, 4]]


# %% [markdown] slide="subslide"
# Decks G and V show **LeNet-5** (LeCun, Bottou, Bengio and Haffner, 1998), which read cheques: convolution, pooling,
# convolution, pooling, and three fully connected layers. (Both kinds of layer are in Fukushima's *Neocognitron* of
# 1980: module 01, section 4, E17.) Ours differs from the original in three things that are usual today: max pooling
# without weights (the original multiplied the mean by a learned number, added another and applied a sigmoid), every
# map of the second layer connected to every map of the first (the original had a table of 60 of the 96 pairs), and
# ReLU with a softmax at the end (the original had tanh, and ten output units with fixed weights).
#
# The table below is the account of a layer: what it gives, how many parameters it has, how many multiplications
# ("products") one picture takes. It is filled by **hooks**, functions that PyTorch calls each time a layer has computed
# its output.


# %% slide="fragment"
def lenet(classes):
    """LeNet-5 with ReLU, max pooling and a full second layer; input (N, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes),
    )  # fmt: skip


def accounting(model, x):
    """Rows (name, output shape, parameters, multiplications a picture) of the layers, by hooks on a forward pass."""
    rows, hooks = [], []

    def note(module, _, output):
        weights = n_parameters(module)
        products = 0
        if isinstance(module, nn.Conv2d):
            products = module.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(module, nn.Linear):
            products = module.weight.numel()
        rows.append((type(module).__name__, tuple(output.shape[1:]), weights, products))

    for module in model.modules():
        if not list(module.children()):
            hooks.append(module.register_forward_hook(note))
    model(x)
    for hook in hooks:
        hook.remove()
    return rows


print("layer      output          parameters   products")
for name, shape, weights, products in accounting(lenet(10), torch.zeros(1, 1, 28, 28)):
    if name not in ("ReLU", "Flatten"):
        print(f"{name:<10} {' × '.join(map(str, shape)):<14} {weights:>11,} {products:>10,}")
original = 156 + 12 + (60 * 25 + 16) + 32 + 48_120 + 10_164  # layers C1 to F6 in the paper
print(f"together {n_parameters(lenet(10)):,} parameters; the original has {original:,} (its output units are fixed)")
assert n_parameters(lenet(10)) == 61_706 and original == 60_000

# %% [markdown] slide="subslide"
# Few layers hold most of the weights (the fully connected ones), and others do most of the work (the convolutions,
# whose weights are used at every place). That will be so with VGG, two thousand times larger.
#
# Trained on letters and on handwritten digits (enlarged from 8 × 8 to 20 × 20, with a margin of four):


# %% slide="fragment"
def enlarged(x):
    """Digits (N, 1, 8, 8) as (N, 1, 28, 28), with a margin as MNIST has."""
    return F.pad(F.interpolate(x, size=20, mode="bilinear"), (4, 4, 4, 4))


digits_train, digits_test = enlarged(digits.x_train), enlarged(digits.x_test)
lenets = {}
for name, (xs, ys, xt, yt, classes, epochs) in {
    "letters": (x_train, y_train, x_test, y_test, 26, 5),
    "digits": (digits_train, digits.y_train, digits_test, digits.y_test, 10, 10),
}.items():
    training.seed_everything(0)
    net = lenet(classes)
    steps = epochs * math.ceil(len(xs) / 64)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for group, rate in enumerate((3e-3, 5e-4)):  # two rates: a large one, then a small one for the last epochs
        optimizer.param_groups[0]["lr"] = rate
        training.fit(net, xs, ys, epochs=epochs - epochs // 3 if group == 0 else epochs // 3, optimizer=optimizer,
                     seed=group, progress=False)
    lenets[name] = net
    error = 1 - training.accuracy(net, xt, yt)
    spread = math.sqrt(error * (1 - error) / len(yt))
    print(f"LeNet on {name}: {1 - error:.1%} ± {spread:.1%} of {len(yt)} test images right")
    assert error < 0.06

# %% [markdown] slide="subslide"
# The **feature maps**: what the first and the second convolution make of one letter. The six maps of the first show
# strokes and edges, some in one direction only; the sixteen of the second are coarser, and most are silent (dark) in
# most places.

# %% slide="fragment"
net = lenets["letters"]
x = x_test[(y_test == letters.index("R")).nonzero()[0]]
with torch.no_grad():
    maps = {"first": net[:2](x)[0], "second": net[:5](x)[0]}  # after the ReLU
figure = plt.figure(figsize=(13, 6.6))
grid = figure.add_gridspec(3, 9)
axis = figure.add_subplot(grid[:, :3])
axis.imshow(x[0, 0], vmin=0, vmax=1)
bare(axis, "input", 16)
for layer_number, images in enumerate(maps.values(), 1):
    for k, image in enumerate(images[:12]):
        axis = figure.add_subplot(grid[layer_number - 1 + k // 6, 3 + k % 6])
        axis.imshow(image, cmap="viridis", vmin=0, vmax=images.max())
        bare(axis, f"{layer_number}.{k + 1}", 14)
figure.suptitle("Feature maps of LeNet: six of 28 × 28, and twelve of the sixteen of 10 × 10", fontsize=17)
plt.show()

# %% [markdown] slide="subslide"
# ### How much invariance does it have?
#
# The letters in the training set are moved by up to two pixels. We move the test letters further.

# %% slide="fragment"
training.seed_everything(0)
mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 26))
training.fit(mlp, x_train, y_train, epochs=5, lr=2e-3, progress=False)


def moved_right(x, pixels):
    """Pictures (N, 1, H, W), moved to the right; zeros come in from the left."""
    return F.pad(x, (pixels, 0, 0, 0))[..., : x.shape[-1]]


by_shift = {
    name: [training.accuracy(model, moved_right(x_test, s), y_test) for s in range(7)]
    for name, model in {"MLP": mlp, "LeNet": lenets["letters"], "CNN with one global maximum": pooled}.items()
}
figure, axis = plt.subplots()
for (name, values), line in zip(by_shift.items(), ("^-.", "s--", "o-"), strict=True):
    axis.plot(range(7), [100 * value for value in values], line, label=name)
    print(f"{name:<28}" + "".join(f"{value:>7.0%}" for value in values))
axis.set(title="Test letters moved to the right", xlabel="additional shift (pixels)",
         ylabel="test accuracy (%)", ylim=(0, 103))
axis.legend()
plt.show()
assert by_shift["MLP"][5] < by_shift["LeNet"][5] < by_shift["CNN with one global maximum"][5]
ledger.append(("N", "no spatial invariance (MLP)", "letters moved by 5 pixels: "
               + ", ".join(f"{name} {values[5]:.0%}" for name, values in by_shift.items())))

# %% [markdown] slide="fragment"
# LeNet's fully connected layers have another weight for each place. So LeNet fails on moved letters too, only at larger
# shifts than the MLP. The net of section 3, which takes the maximum of each map over all places, hardly fails as long
# as the letter is in the picture. Convolution *permits* invariance; the rest of the architecture decides.

# %% [markdown] slide="subslide"
# ### "Early success at OCR": reading a line
#
# Deck G shows LeNet reading (OCR: optical character recognition). We set a line of letters that the net has never
# seen (from the test images), cut it where a column is empty, centre each piece and let LeNet read it. What goes
# wrong when letters touch? Then there is no empty column, the whole line is one piece, and of that the net sees the
# first 28 columns. Errors are counted as for speech (module 01, section 7), by letters in place of words.


# %% slide="fragment"
def set_line(text, gap, seed=0):
    """A line of test glyphs, `gap` empty columns between the inks (negative: they overlap). Returns (28, width)."""
    rng = np.random.default_rng(seed)
    pieces = []
    for letter in text:
        image = x_test[rng.choice((y_test == letters.index(letter)).nonzero()[:, 0].numpy()), 0]
        inked = (image.amax(0) > 0.15).nonzero()[:, 0]
        pieces.append(image[:, inked.min() : inked.max() + 1])
    line, end = torch.zeros(28, 6 + sum(piece.shape[1] + max(gap, 0) for piece in pieces) + 6), 6
    for piece in pieces:
        line[:, end : end + piece.shape[1]] = torch.maximum(line[:, end : end + piece.shape[1]], piece)
        end += piece.shape[1] + gap
    return line[:, : end - gap + 6]


def read_line(line, model):
    """Cut a line (28, width) at empty columns and classify the pieces. Returns the text and their column ranges."""
    inked = F.pad((line.amax(0) > 0.15).int(), (1, 1))
    first = (inked.diff() == 1).nonzero()[:, 0].tolist()
    last = (inked.diff() == -1).nonzero()[:, 0].tolist()
    pieces = []
    for a, b in zip(first, last, strict=True):
        piece = line[:, a:b][:, :28]
        left = (28 - piece.shape[1]) // 2
        pieces.append(F.pad(piece, (left, 28 - piece.shape[1] - left)))
    answers = training.predict(model, torch.stack(pieces)[:, None]).argmax(1)
    return "".join(letters[k] for k in answers), list(zip(first, last, strict=True))


figure, axes = plt.subplots(3, 1, figsize=(13, 5.2))
for axis, gap in zip(axes, (4, 1, 0), strict=True):
    line = set_line("CONVOLUTIONALNETS", gap, seed=4)
    text, cuts = read_line(line, lenets["letters"])
    axis.imshow(line, vmin=0, vmax=1)
    for a, b in cuts:
        axis.axvspan(a - 0.5, b - 0.5, ymin=0, ymax=0.06, color=COLORS["orange"])
    bare(axis, f"gap {gap}: read as {text}", 17)
figure.suptitle("A line of 17 letters, cut at empty columns (orange: one piece)")
plt.show()


# %% slide="subslide"
def edit_distance(a, b):
    """Fewest insertions, deletions and replacements that turn a into b (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


rng = np.random.default_rng(0)
lines = ["".join(rng.choice(list(letters), 20)) for _ in range(25)]
gaps = (4, 1, 0, -2)
error_rate = []
for gap in gaps:
    read = [read_line(set_line(text, gap, seed), lenets["letters"])[0] for seed, text in enumerate(lines)]
    error_rate.append(sum(map(edit_distance, lines, read)) / 500)
    print(f"gap {gap:>2}: {error_rate[-1]:.1%} character errors (insertions, deletions, replacements) in 500 letters")
assert error_rate[0] < 0.08 and error_rate[-1] > 0.3
ledger.append(("G", "LeNet: early success at OCR", f"500 letters in 25 lines: {error_rate[0]:.1%} character errors, "
               f"{error_rate[2]:.0%} where letters touch"))

# %% [markdown] slide="fragment"
# The net is not at fault: the cutting is. To cut one must know the letters, and to know the letters one must cut. The
# way out is to let the net look at *every* place and cut afterwards. Convolutional nets do that at little cost;
# section 9 builds such a net for pictures with several letters.

# %% [markdown] slide="subslide"
# ### A committee
#
# Deck K: a small convolutional net reaches 99.50 % on MNIST, and 35 of them together 99.77 % (Cireşan, Meier and
# Schmidhuber, 2012: 23 errors in 10,000). Our 99.5 % on MNIST is in the Further section of the lab and in
# `benchmarks/headlines.py`. Here five nets on the handwritten digits of 8 × 8 pixels differ in nothing but the seed,
# and the committee averages their probabilities. (Module 01, section 8, calls it an *ensemble*.)

# %% slide="fragment"
def digit_net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 16, 10),
    )  # fmt: skip


members = []
for seed in range(5):
    training.seed_everything(seed)
    net = digit_net()
    training.fit(net, digits.x_train, digits.y_train, epochs=8, lr=2e-3, seed=seed, progress=False)
    members.append(training.predict(net, digits.x_test).softmax(1))
errors = [int((member.argmax(1) != digits.y_test).sum()) for member in members]
committee = torch.stack(members).mean(0)
together = int((committee.argmax(1) != digits.y_test).sum())
print(f"errors of the five on {len(digits.y_test)} test images: {errors}, mean {np.mean(errors):.1f}; "
      f"committee {together}")
log_losses = [F.nll_loss(member.log(), digits.y_test).item() for member in members]
together_loss = F.nll_loss(committee.log(), digits.y_test).item()
all_wrong = (torch.stack(members).argmax(2) != digits.y_test).all(0)
print(f"cross-entropy of the five: {np.mean(log_losses):.4f} on average; committee {together_loss:.4f} nats")
print(f"images on which all five err: {int(all_wrong.sum())}")
assert together <= np.mean(errors) + 1 and together_loss < np.mean(log_losses)  # the second is Jensen's inequality
ledger.append(("K", "MNIST: one net 99.50 %, 35 nets 99.77 %",
               f"digits: five nets {1 - np.mean(errors) / 360:.2%} on average, "
               f"together {1 - together / 360:.2%}; MNIST in benchmarks/headlines.py"))
plotting.confusion(digits.y_test, committee.argmax(1), digits.classes, title="The committee on 360 digits")

# %% [markdown] slide="subslide"
# The committee's cross-entropy cannot be larger than the mean of its members': $-\log$ of a mean is at most the mean of
# the $-\log$ (the function is convex). For the number of errors there is no such rule, though a committee usually makes
# fewer than its members on average. It cannot mend what most of its members get wrong in the same way; the last line
# says how many such images there are.
#
# > **Erratum E28.** Deck K (2016) calls 99.77 % the "current best". DropConnect (Wan and others, 2013) had reported
# > 99.79 %, that is 21 errors against 23. The proof, and why the difference says nothing, is in module 03, section 9.

# %% [markdown] slide="slide"
# ## 5. VGG-16, row by row
#
# Deck F prints the accounts of **VGG-16** (Simonyan and Zisserman, 2014): thirteen convolutions of 3 × 3, five
# poolings, three fully connected layers. We let torchvision build the net on PyTorch's `meta` device, where tensors
# have shapes but no memory, and hooks (section 4) write the same table. "224 × 224" is the picture, in three colours.

# %% slide="fragment"
with torch.device("meta"):
    vgg = models.vgg16()
    rows = accounting(vgg.features, torch.zeros(1, 3, 224, 224))
    rows += accounting(vgg.classifier, torch.zeros(1, 512 * 7 * 7))
table = [("INPUT", (3, 224, 224), 0, 0)] + [row for row in rows if row[0] in ("Conv2d", "MaxPool2d", "Linear")]
K, M = 1_000, 1_000_000
deck_memory = [150 * K, 3.2 * M, 3.2 * M, 800 * K, 1.6 * M, 1.6 * M, 400 * K, 800 * K, 800 * K, 800 * K, 200 * K,
               400 * K, 400 * K, 400 * K, 100 * K, 100 * K, 100 * K, 100 * K, 25 * K, 4096, 4096, 1000]  # fmt: skip
deck_weights = [0, 1728, 36_864, 0, 73_728, 147_456, 0, 294_912, 589_824, 589_824, 0, 1_179_648, 2_359_296, 2_359_296,
                0, 2_359_296, 2_359_296, 2_359_296, 0, 102_760_448, 16_777_216, 4_096_000]  # fmt: skip
print("layer      output            values   (deck F)       weights    products, millions")
values = weights_alone = 0
for (name, shape, parameters, products), memory, weights in zip(table, deck_memory, deck_weights, strict=True):
    count = math.prod(shape)
    alone = parameters - (shape[0] if parameters else 0)  # without the biases, as the deck counts
    print(f"{name:<10} {' × '.join(map(str, shape)):<15} {count:>9,} {int(memory):>10,} {alone:>13,} "
          f"{products / 1e6:>12,.0f}")
    assert alone == weights and abs(count / memory - 1) < 0.03
    values, weights_alone = values + count, weights_alone + alone
print(f"together{values:>28,} {'24M':>10} {weights_alone:>13,} {sum(row[3] for row in table) / 1e6:>12,.0f}")

# %% [markdown] slide="subslide"
# > **Erratum E5.** Deck F: "TOTAL memory: 24M * 4 bytes ≈ 93MB / image". Its own rows sum to **15,237,608** values,
# > which is 61.0 MB (58.1 MiB, of $2^{20}$ bytes each). (Nor is 24M × 4 = 93: it is 96 MB, or 91.6 MiB.) The weights
# > are right: 138M, exactly 138,344,128, and 138,357,544 with the biases, which the deck leaves out. What a library
# > really keeps for the backward pass is more than the rows: each ReLU that does not overwrite its input adds its
# > output once more.

# %% slide="fragment"
print(f"{values:,} values × 4 bytes = {4 * values / 1e6:.1f} MB = {4 * values / 2**20:.1f} MiB")
print(f"24M × 4 bytes = {4 * 24:.0f} MB = {4 * 24e6 / 2**20:.1f} MiB")
print(f"parameters: {weights_alone:,} weights, {n_parameters(vgg):,} with biases, {4 * n_parameters(vgg) / 1e6:.0f} MB")
relus = sum(math.prod(row[1]) for row in rows if row[0] == "ReLU")
print(f"with the outputs of all ReLUs: {values + relus:,} values, {4 * (values + relus) / 1e6:.0f} MB")
assert (values, weights_alone, n_parameters(vgg)) == (15_237_608, 138_344_128, 138_357_544)
ledger.append(("F", "VGG-16: 24M × 4 bytes ≈ 93 MB an image", f"{values:,} values, {4 * values / 1e6:.1f} MB (E5)"))
ledger.append(("F", "VGG-16: 138M parameters", f"{weights_alone:,}; {n_parameters(vgg):,} with biases"))

# %% slide="subslide"
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 7.2))
kinds = [("conv" if name == "Conv2d" else "fc", parameters, math.prod(shape), products)
         for name, shape, parameters, products in table if name in ("Conv2d", "Linear")]  # fmt: skip
names = [f"conv {i + 1}" if kind == "conv" else f"fc {i - 12}" for i, (kind, *_) in enumerate(kinds)]
places = np.arange(len(kinds))
left.barh(places - 0.2, [100 * row[1] / n_parameters(vgg) for row in kinds], 0.4, label="parameters",
          color=COLORS["blue"])
left.barh(places + 0.2, [100 * row[3] / sum(r[3] for r in kinds) for row in kinds], 0.4, label="products",
          color=COLORS["vermillion"])
left.set(title="Where the weights and the work are", xlabel="share of the net (%)")
right.barh(places, [row[2] / 1e6 for row in kinds], 0.6, color=COLORS["green"])
right.set(title="Where the memory is", xlabel="values in the output (millions)")
for axis in (left, right):
    axis.set_yticks(places, names, fontsize=14)
    axis.invert_yaxis()
left.legend()
plt.show()
first_fc = kinds[13][1] / n_parameters(vgg)
print(f"the first fully connected layer alone holds {first_fc:.0%} of the parameters; the convolutions do "
      f"{sum(row[3] for row in kinds[:13]) / sum(row[3] for row in kinds):.1%} of the products")

# %% [markdown] slide="subslide"
# Why only 3 × 3? A unit behind two such layers depends on 5 × 5 pixels (its **receptive field**), behind three on
# 7 × 7. With $C$ channels in and out, three have fewer weights than one kernel of 7 × 7 ($3 \cdot 9\, C^2 = 27\, C^2$
# against $49\, C^2$), and two more nonlinearities. Each layer makes the receptive field larger by $(k - 1)$ times the
# product of all *earlier* strides. For LeNet it is 1 + 4 = 5 after the convolution of 5 × 5, and 5 + 1 = 6 after the
# pooling; the next convolution steps over two pixels at a time, 6 + 4 · 2 = 14, its pooling as well, 14 + 2 = 16. We
# check the rule by asking which pixels have a gradient:

# %% slide="fragment"
def receptive_field(layers):
    """Pixels across that one output sees. layers: (kernel size, stride) from the input up."""
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size, jump = size + (kernel_size - 1) * jump, jump * stride
    return size


def receptive_field_measured(modules, size):
    """The same, from the gradient: input pixels across that can change one output in the middle."""
    x = torch.zeros(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel_size, stride in modules:
        y = F.conv2d(y, torch.ones(1, 1, kernel_size, kernel_size, dtype=torch.float64), stride=stride)
    (gradient,) = torch.autograd.grad(y[0, 0, y.shape[2] // 2, y.shape[3] // 2], x)
    return int((gradient[0, 0].abs().sum(0) > 0).sum())


vgg_layers = [(m.kernel_size, m.stride) if isinstance(m, nn.MaxPool2d) else (m.kernel_size[0], m.stride[0])
              for m in vgg.features if isinstance(m, nn.Conv2d | nn.MaxPool2d)]  # fmt: skip
for name, layers in {"two of 3 × 3": [(3, 1)] * 2, "three of 3 × 3": [(3, 1)] * 3,
                     "LeNet's convolutions and poolings": [(5, 1), (2, 2), (5, 1), (2, 2)],
                     "VGG-16's": vgg_layers}.items():
    print(f"{name:<34} receptive field {receptive_field(layers):>3}, measured {receptive_field_measured(layers, 300)}")
    assert receptive_field(layers) == receptive_field_measured(layers, 300)

# %% [markdown] slide="slide"
# ## 6. Deeper: inception, residual blocks, 152 layers
#
# ### The inception block
#
# Which kernel size is right? GoogLeNet (Szegedy and others, 2014) takes several side by side, 1 × 1, 3 × 3, 5 × 5 and a
# pooling, and lays their maps on one pile (`torch.cat` along the channels). That would be expensive, so that before
# each large kernel a **1 × 1 convolution** reduces the number of channels. It is a matrix that is applied to the
# channels of each pixel: it mixes them and sees no neighbours. The numbers are those of the first block of GoogLeNet,
# "3a", with 192 channels of 28 × 28.


# %% slide="fragment"
class Inception(nn.Module):
    """Four branches on one input, concatenated (Szegedy and others 2014, figure 2; with batch norm, as is usual now).

    channels: into the block. one, three, five: maps of each branch. reduce: channels before the 3 × 3 and the 5 × 5,
    None for the naive block. pool: maps after the pooling, None to pass on all its channels.
    """

    def __init__(self, channels, one, three, five, reduce=None, pool=None):
        super().__init__()

        def conv(inside, outside, size):
            return nn.Sequential(nn.Conv2d(inside, outside, size, padding=size // 2, bias=False),
                                 nn.BatchNorm2d(outside), nn.ReLU())  # fmt: skip

        before = [nn.Identity(), nn.Identity()] if reduce is None else [conv(channels, r, 1) for r in reduce]
        into = [channels, channels] if reduce is None else reduce
        self.branches = nn.ModuleList([
            conv(channels, one, 1),
            nn.Sequential(before[0], conv(into[0], three, 3)),
            nn.Sequential(before[1], conv(into[1], five, 5)),
            nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(channels, pool, 1) if pool else nn.Identity()),
        ])  # fmt: skip

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def conv_weights(model):
    return sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Conv2d))


for name, more in {"naive": (), "with 1 × 1": ((96, 16), 32)}.items():
    block = Inception(192, 64, 128, 32, *more)
    out = block(torch.zeros(1, 192, 28, 28)).shape[1]
    print(f"{name:<11} {conv_weights(block):>8,} weights, {conv_weights(block) * 784 / 1e6:>4.0f} million products, "
          f"{out} channels out")
naive, reduced = (conv_weights(Inception(192, 64, 128, 32, *more)) for more in ((), ((96, 16), 32)))
assert (naive, reduced) == (387_072, 163_328)

training.seed_everything(0)
tiny = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    Inception(16, 8, 16, 8, (8, 4), 8), nn.MaxPool2d(2), Inception(40, 16, 32, 16, (16, 8), 16),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(80, 10),
)  # fmt: skip
training.fit(tiny, digits.x_train, digits.y_train, epochs=6, lr=5e-3, progress=False)
print(f"a net with two such blocks and {n_parameters(tiny):,} parameters: "
      f"{training.accuracy(tiny, digits.x_test, digits.y_test):.1%} of the digits")
assert training.accuracy(tiny, digits.x_test, digits.y_test) > 0.93

# %% [markdown] slide="subslide"
# ### Counting layers
#
# "22 layers with parameters, 27 layers including pooling, about 100 building blocks" (deck N), "22 layers, with
# auxiliary classifiers" (V), "152 (!) layers" (K, V, G). What is counted? `fx.symbolic_trace`
# writes torchvision's nets as graphs (which module feeds which), and we look for the longest path through them.


# %% slide="fragment"
def longest_path(model, kinds):
    """Largest number of modules of these kinds on any way from the input to the output."""
    depth = {}
    for node in fx.symbolic_trace(model).graph.nodes:  # in an order in which inputs come first
        depth[node] = max((depth[before] for before in node.all_input_nodes), default=0)
        depth[node] += node.op == "call_module" and isinstance(model.get_submodule(node.target), kinds)
    return max(depth.values())


def count(model, kinds):
    return sum(isinstance(module, kinds) for module in model.modules())


WEIGHTED = (nn.Conv2d, nn.Linear)
POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
with torch.device("meta"):
    google = models.googlenet(weights=None, init_weights=False, aux_logits=True).eval()
    deep = {"VGG-16": vgg, "VGG-19": models.vgg19(), "GoogLeNet": google, "ResNet-34": models.resnet34(),
            "ResNet-152": models.resnet152()}  # fmt: skip
heads = n_parameters(google.aux1) + n_parameters(google.aux2)
print("net          longest path: weights  convolutions   all modules with weights    parameters")
paths = {}
for name, model in deep.items():
    paths[name] = longest_path(model, WEIGHTED)
    inside = count(model, WEIGHTED) - (count(google.aux1, WEIGHTED) + count(google.aux2, WEIGHTED)) * (model is google)
    total = n_parameters(model) - heads * (model is google)
    print(f"{name:<12} {paths[name]:>21} {longest_path(model, (nn.Conv2d,)):>13} {inside:>26} {total:>13,}")
with_pooling = longest_path(google, WEIGHTED + POOLING)
print(f"GoogLeNet with the poolings on the path: {with_pooling}; its two auxiliary heads: {heads:,} parameters more")
concatenations = sum("cat" in str(node.target) for node in fx.symbolic_trace(google).graph.nodes)
blocks = {"convolutions": 57, "poolings": count(google, POOLING), "concatenations": concatenations,
          "fully connected": 1, "dropout": 1, "softmax": 1, "response normalisations (paper)": 2,
          "two auxiliary heads of pooling, conv, 2 fc, dropout, softmax": 12}  # fmt: skip
named = [f"{value} {name}" for name, value in blocks.items()]
print(f"building blocks: {sum(blocks.values())} = {' + '.join(named[:6])}\n    + {' + '.join(named[6:])}")
assert (paths["GoogLeNet"], with_pooling, paths["ResNet-152"], paths["VGG-16"]) == (22, 27, 152, 16)
assert count(deep["ResNet-152"], WEIGHTED) == 156 and 90 < sum(blocks.values()) < 110
assert count(google, (nn.Conv2d,)) - 2 == blocks["convolutions"]
ledger.append(("N V", "GoogLeNet: 22 layers, 27 with pooling, about 100 blocks",
               f"{paths['GoogLeNet']}, {with_pooling}, {sum(blocks.values())}; heads {heads:,} parameters"))
ledger.append(("K V G", "ResNet: 152 layers", "152 on the longest path; 156 modules with weights"))

# %% [markdown] slide="subslide"
# Both counts are right, and both are of the **longest path**. ResNet-152 has 156 modules with weights: four 1 × 1
# convolutions on the shortcuts, where the number of channels changes, are not counted. GoogLeNet's depth of 22 hides
# 57 convolutions. Its **auxiliary heads**, two small classifiers in the middle of the net that feed their loss (times
# 0.3) into the lower layers during training, hold nearly as many parameters as the net itself, and are thrown away
# afterwards. (Module 01, section 8, compares its size with AlexNet's: erratum E15. What the winners of 2014 and 2015
# sent in were ensembles: E16.)
#
# > **Erratum E52.** Deck V (slide 11, citing Sutskever's text of January 2015): "Today, object recognition networks
# > have $>$ 25 successive layers of convolutions". The deepest of the published winners had then, by the table above,
# > 16 (VGG-19) and 21 (GoogLeNet). The sentence came true in December 2015, with ResNet's 151.

# %% slide="fragment"
convolutions = {name: longest_path(deep[name], (nn.Conv2d,)) for name in ("VGG-19", "GoogLeNet", "ResNet-152")}
print("successive convolutions: " + ", ".join(f"{name} {value}" for name, value in convolutions.items()))
assert max(convolutions["VGG-19"], convolutions["GoogLeNet"]) < 25 < convolutions["ResNet-152"]
ledger.append(("V", "January 2015: > 25 successive convolutions", "16 and 21 then; 151 in December 2015 (E52)"))

# %% [markdown] slide="subslide"
# ### Thirty convolutional layers, with and without skips
#
# Module 03, section 5, shows for fully connected layers how signal and gradient behave in thirty layers (E23, E42).
# Here is the convolutional version, with the building block of the ResNet paper, deck F's figure:
#
# $$h' = \text{ReLU}\big(h + f(h)\big), \qquad
#   f = \text{norm} \circ \text{conv} \circ \text{ReLU} \circ \text{norm} \circ \text{conv}.$$
#
# ($f$ is read from right to left: first the convolution on the right.) One convolution, fourteen blocks of two, one
# matrix: 30 layers of weights. The same net is also built without the "$+\,h$", and then without the batch norm, that
# last one with and without auxiliary heads after the fifth and the tenth block. All start from He's initialisation. The
# nets without batch norm are trained at two learning rates, and the better run is shown.


# %% slide="fragment"
class Block(nn.Module):
    """Two 3 × 3 convolutions, with or without batch norm and skip. (N, width, H, W) in and out."""

    def __init__(self, width, norm=True, skip=True):
        super().__init__()
        make_norm = nn.BatchNorm2d if norm else lambda channels: nn.Identity()
        self.inside = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=not norm), make_norm(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=not norm), make_norm(width),
        )  # fmt: skip
        self.skip = skip

    def forward(self, h):
        return torch.relu(h + self.inside(h) if self.skip else self.inside(h))


class Deep(nn.Module):
    """30 layers of weights on digits. After each forward pass `auxiliary` holds the logits of the auxiliary heads."""

    def __init__(self, norm=True, skip=True, heads=(), width=16, blocks=14):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(width, norm, skip) for _ in range(blocks))
        self.out = nn.Linear(width, 10)
        self.heads = nn.ModuleDict({str(k): nn.Linear(width, 10) for k in heads})
        self.auxiliary = []
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x):
        h = torch.relu(self.stem(x))
        self.auxiliary = []
        for k, block in enumerate(self.blocks, 1):
            h = block(h)
            if str(k) in self.heads:
                self.auxiliary.append(self.heads[str(k)](h.mean((2, 3))))
        return self.out(h.mean((2, 3)))


VARIANTS = {
    "plain": {"norm": False, "skip": False},
    "plain + auxiliary heads": {"norm": False, "skip": False, "heads": (5, 10)},
    "batch norm": {"norm": True, "skip": False},
    "batch norm + skips": {"norm": True, "skip": True},
}
assert count(Deep(), WEIGHTED) == 30
thirty = {}
for name, options in VARIANTS.items():
    for rate in (0.1,) if options["norm"] else (0.1, 0.02):
        training.seed_everything(0)
        net = Deep(**options)

        def loss(logits, y, net=net):  # in GoogLeNet, too, the auxiliary losses count 0.3
            return F.cross_entropy(logits, y) + 0.3 * sum(F.cross_entropy(head, y) for head in net.auxiliary)

        optimizer = torch.optim.SGD(net.parameters(), lr=rate)
        curve = []
        for epoch in range(4):
            training.fit(net, digits.x_train, digits.y_train, epochs=1, batch_size=32, optimizer=optimizer, loss=loss,
                         seed=epoch, progress=False)
            curve.append(training.accuracy(net, digits.x_test, digits.y_test))
        if name not in thirty or curve[-1] > thirty[name][1][-1]:
            thirty[name] = (rate, curve)
    print(f"{name:<24} rate {thirty[name][0]:<5} after each epoch: " + " ".join(f"{v:>6.1%}" for v in thirty[name][1]))

# %% slide="fragment"
figure, axis = plt.subplots()
for (name, (_, curve)), line in zip(thirty.items(), ("^-.", "v:", "s--", "o-"), strict=True):
    axis.plot(range(1, 5), [100 * value for value in curve], line, label=name)
axis.set(title="30 convolutional layers on digits", xlabel="epoch", ylabel="test accuracy (%)", ylim=(0, 103))
axis.set_xticks(range(1, 5))
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
final = {name: curve[-1] for name, (_, curve) in thirty.items()}
assert final["plain"] < 0.5 and final["batch norm + skips"] > 0.9
ledger.append(("K V G F", "residual learning makes very deep nets trainable",
               "30 convolutional layers, 4 epochs: " + ", ".join(f"{k} {value:.0%}" for k, value in final.items())))

# %% [markdown] slide="fragment"
# The plain net does not leave the level of guessing, 10 %, in this time, although its weights start well. The auxiliary
# heads do not rescue it. (GoogLeNet's authors wrote later that theirs had not helped the early training either, and act
# as a regulariser, that is against overfitting; Szegedy and others, 2016.) With batch norm it begins to learn, and only
# with the skips does it learn well. Deck F calls batch norm a "very good regularizer"; what it is here for, and what is
# known about why it works, is in module 03, section 5 (E11, E42).

# %% [markdown] slide="slide"
# ## 7. What does the net see?
#
# Deck N asks "What do we learn?" and shows pictures of Zeiler and Fergus (2013). We ask LeNet, which reads letters
# (section 4), three questions.
#
# **What are the filters?** ("Filter" is another word for kernel.) Only those of the first layer can be looked at as
# pictures: their input is one. Are they edge detectors? Prewitt's two kernels, for edges between rows and between
# columns, added with any factors give edges in any direction. We ask which share of each kernel (of its squared length,
# as of a vector with 25 entries) is such a sum.

# %% slide="fragment"
reader = lenets["letters"].eval()
filters = reader[0].weight.detach()[:, 0]
limit = filters.abs().max().item()
plotting.show_images(filters, titles=[f"1.{k + 1}" for k in range(6)], columns=6, cmap="RdBu_r", limits=(-limit, limit),
                     title="The six kernels of 5 × 5 that LeNet learned (red positive, blue negative)")
edges = torch.tensor(np.stack([prewitt, prewitt.T]), dtype=torch.float32)[:, None]
edges = F.interpolate(edges, size=5, mode="bilinear").flatten(1)
plane = F.normalize(edges, dim=1)  # the two span the edges of all directions
shares = (F.normalize(filters.flatten(1), dim=1) @ plane.T).square().sum(1)
training.seed_everything(0)
chance = (F.normalize(torch.randn(1000, 25), dim=1) @ plane.T).square().sum(1)
print("share of each kernel that is a Prewitt edge in some direction: " + " ".join(f"{s:.0%}" for s in shares)
      + f" (random kernels: {chance.mean():.0%} on average)")

# %% [markdown] slide="fragment"
# Some of the six are edge detectors for the most part, though nobody asked for any. Others are so no more than a kernel
# of random numbers is; what they answer to, their pictures do not tell.

# %% [markdown] slide="subslide"
# **Where does it look?** Cover a part of the picture with a patch, write down the probability of the true class, move
# the patch: the **occlusion map** (Zeiler and Fergus 2013). It needs no gradient and nothing from inside the net.
#
# **Explorer 2.** The map in the middle belongs to the letter on the left (its outline is white): dark where the patch
# costs the net its answer. On the right is the darkest place. Which part makes an R an R, and not a P? A Q not an O? An
# E not an F? How large must the patch be? And why is a grey patch not the same question as a black one? (It adds edges
# that no letter has.)


# %% slide="fragment"
@functools.cache
def patches_everywhere(side, size):
    """A patch of size × size (odd) centred at each pixel, cut off at the border: (side², 1, side, side) bool."""
    one_pixel = torch.eye(side * side).view(-1, 1, side, side)  # as in section 2: a picture for each pixel
    return F.max_pool2d(one_pixel, size, stride=1, padding=size // 2) > 0  # the maximum lets the pixel grow


def occlusion_map(model, image, label, size=7, fill=0.0):
    """Probability of `label` with a patch of size × size centred at each pixel. image: (1, H, H). Returns (H, H)."""
    covered = torch.where(patches_everywhere(image.shape[1], size), fill, image)
    return training.predict(model, covered).softmax(1)[:, label].view(image.shape[1:])


EXAMPLES = {letter: int(((y_test == k) & (training.predict(reader, x_test).argmax(1) == k)).nonzero()[1, 0])
            for k, letter in enumerate(letters)}  # fmt: skip


def plot_occlusion(letter="R", patch=7, cover="black", net="LeNet"):
    """A letter, the probability of the right answer for each place of the patch, and what it becomes at the worst."""
    model = {"LeNet": reader, "CNN of section 3": pooled}[net]
    image, label = x_test[EXAMPLES[letter]], letters.index(letter)
    fill = {"black": 0.0, "grey": 0.5, "white": 1.0}[cover]
    heat = occlusion_map(model, image, label, patch, fill)
    i, j = divmod(int(heat.argmin()), 28)
    worst = image.clone()
    worst[:, max(0, i - patch // 2) : i + patch - patch // 2, max(0, j - patch // 2) : j + patch - patch // 2] = fill
    before, after = (training.predict(model, x[None]).softmax(1)[0] for x in (image, worst))
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.7))
    axes[0].imshow(image[0], vmin=0, vmax=1)
    shown = axes[1].imshow(100 * heat, cmap="viridis", vmin=0, vmax=100)
    axes[1].contour(image[0], [0.5], colors="white", linewidths=1.5)
    figure.colorbar(shown, ax=axes[1], shrink=0.85, label=f"probability of {letter} (%)")
    axes[2].imshow(worst[0], vmin=0, vmax=1)
    bare(axes[0], f"“{letters[before.argmax()]}” {before.max():.0%}", 17)
    bare(axes[1], "patch centred here", 17)
    bare(axes[2], f"worst place: “{letters[after.argmax()]}” {after.max():.0%}", 17)
    print(f"{net}: {letter} with {before[label]:.0%}. A {cover} patch of {patch} × {patch} takes it below 50 % at "
          f"{int((heat < 0.5).sum())} of {heat.numel()} places, and at the worst to {heat.min():.0%}.")
    return figure


widgets.explore(plot_occlusion, letter=list("AEFGKOPQRT"), patch=(1, 15, 2), cover=["black", "grey", "white"],
                net=["LeNet", "CNN of section 3"])

# %% [markdown] slide="subslide"
# Does such a map say something about the letter, or only about this net? A test: cover the worst place that the map
# of *LeNet* finds, and show the picture to the *other* net. The control is a random place on the ink.

# %% slide="fragment"
training.seed_everything(0)
right = (training.predict(reader, x_test).argmax(1) == y_test) & (training.predict(pooled, x_test).argmax(1) == y_test)
rows = right.nonzero()[:60, 0]
by_map, by_chance = x_test[rows].clone(), x_test[rows].clone()
for n, row in enumerate(rows.tolist()):
    heat = occlusion_map(reader, x_test[row], int(y_test[row]))
    inked = (x_test[row, 0] > 0.5).nonzero()
    for pictures, (i, j) in ((by_map, divmod(int(heat.argmin()), 28)),
                             (by_chance, inked[torch.randint(len(inked), ())].tolist())):  # fmt: skip
        pictures[n, :, max(0, i - 3) : i + 4, max(0, j - 3) : j + 4] = 0
worst_place, random_place = (training.accuracy(pooled, pictures, y_test[rows]) for pictures in (by_map, by_chance))
print(f"the other net reads {worst_place:.0%} of the letters with the worst place of LeNet covered, "
      f"{random_place:.0%} with a random place on the ink covered")
assert worst_place < random_place - 0.1

# %% [markdown] slide="subslide"
# **Which pixels made a unit respond?** Zeiler and Fergus send the activity of *one* unit back down to the pixels.
# Their **deconvolutional net** undoes each step, in reverse order: the pooling by putting the value back at the place
# where the maximum was (the **switches**), the ReLU by a ReLU, the convolution by the **transposed convolution** with
# the same kernel (the product with the transpose of the matrix of section 2; module 07, section 3, draws pictures
# with it).
#
# This is neither an inverse, although the name suggests it, nor mysterious: it is backpropagation with one rule
# changed. At a ReLU, the gradient is let through where the *unit* was positive; in the deconvolutional net where the
# *signal on its way down* is. (Both conditions together are *guided backpropagation*; Springenberg and others, 2014.)


# %% slide="fragment"
@torch.no_grad()
def project_down(net, x, channel, rule="deconvolution"):
    """The strongest unit of a channel of the second convolution of LeNet, projected to the pixels.

    x: (1, 1, 28, 28). rule: a ReLU looks at the way up ("gradient"), the way down ("deconvolution") or both ("guided").
    Returns the projection (28, 28), the unit's activity, and its row and column in the map of 10 × 10.
    """

    def relu_down(signal, up):
        if rule != "deconvolution":
            signal = signal * (up > 0)
        return signal.relu() if rule != "gradient" else signal

    first, second = net[0], net[3]
    up1 = first(x)
    small1, switches = F.max_pool2d(up1.relu(), 2, return_indices=True)
    up2 = second(small1)
    activity, place = up2[0, channel].relu().flatten().max(0)
    signal = torch.zeros_like(up2)
    signal[0, channel].view(-1)[place] = 1.0 if rule == "gradient" else activity
    signal = F.conv_transpose2d(relu_down(signal, up2), second.weight)
    signal = relu_down(F.max_unpool2d(signal, switches, 2), up1)
    signal = F.conv_transpose2d(signal, first.weight, padding=2)
    return signal[0, 0], activity.item(), divmod(int(place), 10)


# With the rule "gradient" it must be the gradient.
x = x_test[EXAMPLES["R"]][None].clone().requires_grad_()
for channel in range(16):
    value = reader[:5](x)[0, channel].max()
    (gradient,) = torch.autograd.grad(value, x)
    projected, activity, _ = project_down(reader, x.detach(), channel, "gradient")
    assert abs(activity - value.item()) < 1e-5
    assert activity == 0 or torch.allclose(projected, gradient[0, 0], atol=1e-5)
print("rule “gradient”: equal to autograd's for all 16 channels")
x = x.detach()
maps = {rule: [project_down(reader, x, c, rule)[0].flatten() for c in range(16)]
        for rule in ("gradient", "deconvolution", "guided")}  # fmt: skip
for a, b in (("gradient", "deconvolution"), ("gradient", "guided"), ("deconvolution", "guided")):
    cosine = F.cosine_similarity(torch.stack(maps[a]), torch.stack(maps[b]), dim=1)
    print(f"mean cosine between {a} and {b}: {cosine[cosine != 0].mean():.2f}")

# %% [markdown] slide="subslide"
# As in the deck's pictures: for a few channels the test letters that excite them most, the piece that the strongest
# unit sees (its receptive field of 14 × 14 pixels) and below it the projection of that unit.

# %% slide="fragment"
with torch.no_grad():
    strength = F.relu(reader[:4](x_test)).amax((2, 3))  # (1000, 16)
# The channels that answer to their six favourite pictures most, compared with their answer to an average picture.
chosen = (strength.topk(6, dim=0).values.mean(0) / (strength.mean(0) + 1e-3)).topk(4).indices.tolist()
figure, axes = plt.subplots(4, 12, figsize=(14, 6.2))
coverage = []
for blocks_of_six, channel in zip(((0, 0), (0, 6), (2, 0), (2, 6)), chosen, strict=True):
    row, column = blocks_of_six
    for n, picture in enumerate(strength[:, channel].topk(6).indices.tolist()):
        projection, _, (i, j) = project_down(reader, x_test[picture : picture + 1], channel)
        # Unit (i, j) sees rows 2i - 2 to 2i + 11 of the picture; the margin of two is the padding.
        field = F.pad(x_test[picture, 0], (2, 2, 2, 2))[2 * i : 2 * i + 14, 2 * j : 2 * j + 14]
        pixels = F.pad(projection, (2, 2, 2, 2))[2 * i : 2 * i + 14, 2 * j : 2 * j + 14]
        coverage.append((pixels.abs().sum() / projection.abs().sum()).item())
        axes[row, column + n].imshow(field, vmin=0, vmax=1)
        limit = projection.abs().max()
        axes[row + 1, column + n].imshow(pixels, cmap="RdBu_r", vmin=-limit, vmax=limit)
        bare(axes[row, column + n], f"2.{channel + 1}" if n == 0 else None)
        bare(axes[row + 1, column + n])
figure.suptitle("Four channels of the second convolution: favourite pieces, projections (red +, blue −)", fontsize=17)
plt.show()
assert min(coverage) > 0.999  # nothing of the projection lies outside the receptive field: the geometry is right

# %% [markdown] slide="subslide"
# A channel's favourite pieces come from different letters and fonts, and have a stroke or a corner in common. The
# projection shows which strokes those are. ("Deep dreaming", the next slides of deck N, changes the picture until a
# layer responds more; module 08, section 6, does that for a class. Its subject is not what the net looks at, but what
# it can be made to see.)

# %% [markdown] slide="slide"
# ## 8. Transfer: learn from few examples
#
# Decks K and F recommend **pre-trained models**: nets trained on much data, for use on little. Ours has seen 6,000
# printed letters, but never a digit, and nothing handwritten. The new task: handwritten digits, with 100 labelled
# images, ten of each class or thereabouts. Four ways, each with five draws of the 100 images:
#
# - **from scratch**: LeNet with random weights, all of them trained;
# - **frozen**: the two convolutions stay as the letters made them, a new matrix reads the digits off their 400 outputs;
# - **frozen, random** (the control): the same with convolutions that have never been trained;
# - **fine-tuned**: starts as "frozen" does, and then everything is trained with a small learning rate.


# %% slide="fragment"
def new_head(source):
    """The convolutions of a LeNet, copied, and a new matrix for ten classes."""
    return nn.Sequential(copy.deepcopy(source[:7]), nn.Linear(400, 10))


ways = {"from scratch": [], "frozen, random": [], "frozen": [], "fine-tuned": []}
for seed in range(5):
    few = digits.subset(100, seed=seed)
    x_few, y_few = enlarged(few.x_train), few.y_train
    training.seed_everything(seed)
    scratch = lenet(10)
    training.fit(scratch, x_few, y_few, epochs=50, batch_size=20, lr=2e-3, seed=seed, progress=False)
    ways["from scratch"].append(training.accuracy(scratch, digits_test, digits.y_test))
    for name, source in {"frozen, random": lenet(26), "frozen": reader}.items():
        net = new_head(source)
        # What is frozen need be computed only once. Divided by its spread, so that neither has a better scale.
        inside, inside_test = training.predict(net[0], x_few), training.predict(net[0], digits_test)
        spread = inside.std()
        training.fit(net[1], inside / spread, y_few, epochs=60, batch_size=20, lr=2e-3, seed=seed, progress=False)
        net[1].weight.data /= spread
        ways[name].append(training.accuracy(net[1], inside_test, digits.y_test))
    training.fit(net, x_few, y_few, epochs=20, batch_size=20, lr=5e-4, seed=seed, progress=False)  # net[1] is trained
    ways["fine-tuned"].append(training.accuracy(net, digits_test, digits.y_test))

figure, axis = plt.subplots(figsize=(10, 4.2))
for k, (name, values) in enumerate(ways.items()):
    print(f"{name:<15} mean {np.mean(values):.1%}, standard deviation {np.std(values, ddof=1):.1%}")
    axis.plot([100 * v for v in values], [k] * 5, "o", color=COLORS["blue"], label="one draw" if k == 0 else None)
    axis.plot(100 * np.mean(values), k, "|", color=COLORS["vermillion"], markersize=32, markeredgewidth=4,
              label="mean" if k == 0 else None)  # fmt: skip
axis.set_yticks(range(4), list(ways))
axis.invert_yaxis()
axis.set(title="Reading digits after 100 labelled examples", xlabel="test accuracy (%)", ylim=(3.5, -0.5))
figure.legend(loc="outside right center")
plt.show()
mean = {name: np.mean(values) for name, values in ways.items()}
gain = [100 * (a - b) for a, b in zip(ways["frozen"], ways["frozen, random"], strict=True)]
print("frozen minus the control, draw by draw: " + " ".join(f"{g:+.1f}" for g in gain) + " points")
assert min(mean["frozen"], mean["fine-tuned"]) > mean["from scratch"] + 0.02
ledger.append(("K F", "use pre-trained models", "100 digits: " + ", ".join(f"{k} {v:.1%}" for k, v in mean.items())))

# %% [markdown] slide="fragment"
# The convolutions that read letters read digits better than a net that starts from nothing, and vary less from draw
# to draw. But look at the control. Convolutions with *random* weights are better than training everything as well: a
# good part of the gain comes from fitting few weights on few examples, and only the rest from what the letters have
# taught. Without the control one would have called it all transfer. Fine-tuning changes little with 100 images.
# (Module 06, section 5, puts the same question to word vectors.)

# %% [markdown] slide="slide"
# ## 9. Where is it? Localisation, detection, segmentation
#
# One label for a picture is little. Deck N lists what is asked beyond it: **localisation** (one object: what, and in
# which box?), **detection** (any number of objects, each with a class, a box and a score), **segmentation** (a class
# for every pixel). We make scenes for all three: pictures of 64 × 64 pixels with up to five letters out of five
# classes, A, E, K, R and S, which may touch; snippets of other letters that are nobody's object; and noise. We placed
# the letters, so we know the boxes and the pixels.


# %% slide="fragment"
CLASSES, SIDE = "AEKRS", 64
scene_glyphs = data.glyphs(n_train=2000, n_test=600, seed=1, classes=CLASSES)
others = data.glyphs(n_train=600, n_test=1, seed=2, classes="CDHLMNUVXZ").x_train  # cut up for the snippets


def box_overlap(a, b):
    """Intersection over union of boxes (N, 4) and (M, 4) as left, top, right, bottom. Returns (N, M)."""
    return ops.box_iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()


def make_scenes(n, x, y, seed, most=5):
    """n scenes from glyphs x (N, 1, 28, 28) with labels y.

    Returns pictures (n, 1, 64, 64), pixel labels (n, 64, 64) with 0 for "nothing" and k + 1 for class k, and for each
    scene a pair of boxes (objects, 4) and classes (objects,).
    """
    rng = np.random.default_rng(seed)
    pictures, labels, truth = torch.zeros(n, 1, SIDE, SIDE), torch.zeros(n, SIDE, SIDE, dtype=torch.int64), []
    for scene in range(n):
        boxes, classes = np.zeros((0, 4)), []
        wanted = rng.integers(1, most + 1)
        for _ in range(8 * wanted):  # a glyph that would cover another one is drawn anew
            if len(classes) == wanted:
                break
            pick, (top, left) = rng.integers(len(x)), rng.integers(0, SIDE - 27, 2)
            ink = x[pick, 0] > 0.3
            rows, columns = (ink.any(axis).nonzero()[:, 0] for axis in (1, 0))
            box = np.array([[left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]], float)
            if len(boxes) and box_overlap(box, boxes).max() > 0.08:
                continue
            boxes = np.concatenate([boxes, box])
            classes.append(int(y[pick]))
            area = (slice(top, top + 28), slice(left, left + 28))
            pictures[scene, 0][area] = torch.maximum(pictures[scene, 0][area], x[pick, 0])
            labels[scene][area][ink] = int(y[pick]) + 1
        for _ in range(3):
            (top, left), (cut_top, cut_left) = rng.integers(0, SIDE - 10, 2), rng.integers(4, 14, 2)
            snippet = others[rng.integers(len(others)), 0, cut_top : cut_top + 10, cut_left : cut_left + 10]
            area = (slice(top, top + 10), slice(left, left + 10))
            if not labels[scene][area].any():
                pictures[scene, 0][area] = torch.maximum(pictures[scene, 0][area], snippet)
        truth.append((boxes, np.array(classes)))
    noise = torch.from_numpy(rng.normal(0, 0.12, pictures.shape)).float()
    return (pictures + noise).clamp(0, 1), labels, truth


scenes, pixels, truth = make_scenes(900, scene_glyphs.x_train, scene_glyphs.y_train, seed=0)
test_scenes, test_pixels, test_truth = make_scenes(120, scene_glyphs.x_test, scene_glyphs.y_test, seed=1)
BOX_COLORS = [COLORS[name] for name in ("sky", "orange", "green", "vermillion", "purple")]


def draw_boxes(axis, boxes, classes, scores=None, size=17):
    """Boxes with class and score (in %); a label moves to another place where it would cover an earlier one."""
    corner = axis.get_position()
    inches = min(corner.width * axis.figure.get_figwidth(), corner.height * axis.figure.get_figheight())
    point = SIDE / (72 * inches)  # in pixels of the picture
    taken = np.zeros((0, 4))
    for n, (box, k) in enumerate(zip(boxes, classes, strict=True)):
        axis.add_patch(Rectangle(box[:2] - 0.5, *(box[2:] - box[:2]), fill=False, lw=2.5, ec=BOX_COLORS[k]))
        words = CLASSES[k] if scores is None else f"{CLASSES[k]} {100 * scores[n]:.0f}"
        width, height = 0.75 * size * point * len(words), 1.15 * size * point
        left, top, right_side, bottom = box
        places = [(x, y) for y in (top - height, bottom) for x in (left, right_side - width)]
        places += [(x, top + 0.5 * step * height) for step in range(2 * SIDE) for x in (left - width, right_side)]
        for x, y in places:
            label = np.array([[x, y, x + width, y + height]])
            inside = label.min() >= -0.5 and label.max() <= SIDE - 0.5
            if inside and not (len(taken) and box_overlap(label, taken).max() > 0):
                break
        taken = np.concatenate([taken, label])
        axis.text(x + width / 2, y + height / 2, words, color=BOX_COLORS[k], fontsize=size, ha="center", va="center",
                  weight="bold", bbox={"facecolor": "black", "edgecolor": "none", "pad": 0.5, "alpha": 0.7},
                  clip_on=True, in_layout=False)  # among very many boxes a label may find no place in the picture


figure, axes = plt.subplots(1, 4, figsize=(14, 4.2))
for axis, picture, (boxes, classes) in zip(axes, test_scenes, test_truth, strict=False):
    axis.imshow(picture[0], vmin=0, vmax=1)
    draw_boxes(axis, boxes, classes)
    bare(axis)
figure.suptitle(f"Four scenes with their true boxes ({sum(len(c) for _, c in truth):,} letters in 900 training scenes)")
plt.show()

# %% [markdown] slide="subslide"
# ### A net without fully connected layers
#
# A fully connected layer at the end forces one input size and one answer. Replace it by a 1 × 1 convolution, and the
# net answers at *every* place: a **fully convolutional net** (Long, Shelhamer and Darrell, 2015), which decks V and N
# mention for depth, colour and segmentation. For a layer on $C$ maps of $h \times w$ the replacement is exact: each row
# of its matrix is a kernel of $C \times h \times w$. Moving a classifier over all places costs hardly more than one
# look, because neighbouring windows share their work:

# %% slide="fragment"
training.seed_everything(0)
classifier = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 12 * 12, 10))
slider = nn.Sequential(*classifier[:3], nn.Conv2d(6, 10, 12))
slider[3].weight.data = classifier[4].weight.data.view(10, 6, 12, 12)
slider[3].bias.data = classifier[4].bias.data
with torch.no_grad():
    everywhere = slider(test_scenes[:1])[0]  # (10, 19, 19): one answer each two pixels
    window = classifier(test_scenes[:1, :, 8:36, 20:48])[0]  # one look at rows 8 to 35, columns 20 to 47
print("class map", tuple(everywhere.shape), "; at (4, 10) equal to the classifier on that window:",
      torch.allclose(everywhere[:, 4, 10], window, atol=1e-5))  # fmt: skip
assert torch.allclose(everywhere[:, 4, 10], window, atol=1e-5)

# %% [markdown] slide="subslide"
# Our net for scenes has a trunk with two steps of stride 2, so that its maps are 16 × 16, one **cell** for 4 × 4
# pixels. The later kernels are *dilated*: their nine weights lie two cells apart, so that each reaches over five cells.
# By the rule of section 5 a cell sees 5, 5 + 2 · 2 = 9, 9 + 4 · 4 = 25, and at last 41 pixels across, without more
# weights. Three **heads**, that is last layers, share the trunk:
#
# - **classes**: for each cell the logits of "nothing" and the five letters. A cell is a letter's if its centre is
#   within four pixels of the centre of the letter's box;
# - **box**: for each such cell the distances to the four sides;
# - **pixels**: transposed convolutions of stride 2 (section 7: from each place back to those that it stands for) go up
#   to 64 × 64, with the first layer's map added on the way for the details, and give the class of each pixel.
#
# The three losses are added up: one trunk, three tasks. Classes have a cross-entropy, distances the *smooth L1* loss,
# which is quadratic for small errors and proportional to the error for large ones. "Nothing" is by far the most
# frequent class, and a net that always says so is nearly always right; so the letters count four times in the first
# loss and twice in the third. The learning rate rises to a maximum and falls again ("one cycle").


# %% slide="fragment"
CELL = 4
CENTRES = np.arange(SIDE // CELL) * CELL + (CELL - 1) / 2 + 0.5  # of the cells, in the coordinates of the boxes


class SceneNet(nn.Module):
    """(N, 1, 64, 64) -> class logits (N, 6, 16, 16), distances (N, 4, 16, 16) in units of 16 px, (N, 6, 64, 64)."""

    def __init__(self, width=24):
        super().__init__()

        def conv(inside, outside, size, **options):
            convolution = nn.Conv2d(inside, outside, size, bias=False, **options)
            return nn.Sequential(convolution, nn.BatchNorm2d(outside), nn.ReLU())

        self.fine = conv(1, 12, 5, stride=2, padding=2)
        self.trunk = nn.Sequential(
            conv(12, width, 3, stride=2, padding=1),
            conv(width, width, 3, padding=2, dilation=2), conv(width, width, 3, padding=2, dilation=2),
        )  # fmt: skip
        self.heads = nn.Conv2d(width, 6 + 4, 1)
        self.up, self.last = nn.ConvTranspose2d(width, 12, 2, stride=2), nn.ConvTranspose2d(12, 6, 2, stride=2)

    def forward(self, x):
        fine = self.fine(x)
        coarse = self.trunk(fine)
        classes, distances = self.heads(coarse).split((6, 4), dim=1)
        return classes, distances, self.last((self.up(coarse) + fine).relu())


def cell_targets(truth):
    """Classes (N, 16, 16) with 0 for "nothing", and distances (N, 4, 16, 16) to left, top, right, bottom / 16."""
    n = SIDE // CELL
    classes, distances = np.zeros((len(truth), n, n), int), np.zeros((len(truth), 4, n, n), np.float32)
    place = np.stack(np.meshgrid(CENTRES, CENTRES), axis=-1)  # (16, 16, 2): across, down
    for scene, (boxes, labels) in enumerate(truth):
        for box, label in zip(boxes, labels, strict=True):
            mine = np.abs(place - (box[:2] + box[2:]) / 2).max(2) <= CELL
            classes[scene][mine] = label + 1
            sides = np.concatenate([place - box[:2], box[2:] - place], axis=2)
            distances[scene][:, mine] = sides[mine].T / 16
    return torch.from_numpy(classes), torch.from_numpy(distances)


cell_classes, cell_distances = cell_targets(truth)
training.seed_everything(0)
scene_net = SceneNet()
EPOCHS, BATCH = 11, 16
optimizer = torch.optim.Adam(scene_net.parameters())
steps = EPOCHS * math.ceil(len(scenes) / BATCH)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.5e-2, total_steps=steps)
RARE, INK = torch.tensor([1.0] + [4.0] * 5), torch.tensor([1.0] + [2.0] * 5)  # weights of the classes in the losses
start = time.perf_counter()
for _ in range(EPOCHS):
    for rows in torch.randperm(len(scenes)).split(BATCH):
        classes, distances, per_pixel = scene_net(scenes[rows])
        mine = (cell_classes[rows] > 0)[:, None].expand(-1, 4, -1, -1)
        loss = (F.cross_entropy(classes, cell_classes[rows], weight=RARE)
                + F.smooth_l1_loss(distances[mine], cell_distances[rows][mine])
                + F.cross_entropy(per_pixel, pixels[rows], weight=INK))  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
print(f"{n_parameters(scene_net):,} parameters, trained on {len(scenes)} scenes in {time.perf_counter() - start:.0f} s")
scene_net.eval()
with torch.no_grad():
    test_classes, test_distances, test_per_pixel = scene_net(test_scenes)

# %% [markdown] slide="subslide"
# ### Segmentation: a class for each pixel
#
# Counting right pixels flatters: most are background. The usual measure is the **intersection over union** (IoU): the
# number of pixels that are of a class by the net *and* in truth, divided by the number that are so by the net *or* in
# truth; averaged over the classes.

# %% slide="fragment"
predicted = test_per_pixel.argmax(1)
ious = []
for k in range(6):
    said, true = predicted == k, test_pixels == k
    ious.append(((said & true).sum() / (said | true).sum()).item())
right = (predicted == test_pixels).float().mean().item()
nothing = (test_pixels == 0).float().mean().item()
print(f"pixels right {right:.1%}; “nothing” everywhere would have {nothing:.1%}")
print("IoU: " + ", ".join(f"{k} {iou:.2f}" for k, iou in zip(("nothing", *CLASSES), ious, strict=True))
      + f"; mean of the six {np.mean(ious):.2f}, with “nothing” everywhere {nothing / 6:.2f}")  # fmt: skip
assert right > nothing + 0.03 and np.mean(ious) > 0.5

palette = np.array([[0, 0, 0]] + [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in BOX_COLORS])
figure, axes = plt.subplots(3, 4, figsize=(11, 8.6))
for column, (picture, classes, per_pixel) in zip(
    axes.T, zip(test_scenes, test_classes, predicted, strict=True), strict=False
):
    column[0].imshow(picture[0], vmin=0, vmax=1)
    column[1].imshow(palette[classes.argmax(0)])
    column[2].imshow(palette[per_pixel])
    for axis in column:
        bare(axis)
for axis, words in zip(axes[:, 0], ("scene", "class map, 16 × 16", "classes of pixels"), strict=True):
    axis.set_ylabel(words, fontsize=15)
for k, letter in enumerate(CLASSES):
    figure.text(0.32 + 0.1 * k, -0.03, f"■ {letter}", color=BOX_COLORS[k], fontsize=20)
figure.suptitle("What the fully convolutional net says")
plt.show()

# %% [markdown] slide="subslide"
# ### From the class map to boxes
#
# Each cell whose class is not "nothing" proposes a box, with the probability as its score. A letter covers several
# cells, so that each is found several times. **Non-maximum suppression** (NMS) cleans up: take the box with the highest
# score, drop all of the same class that overlap it by more than a threshold, go on with the next. The overlap of two
# boxes is again the IoU: the area that both cover, divided by the area that at least one covers.
#
# A box that is left is a *hit* if a letter of its class is there with an IoU of at least 0.5. **Precision** is the
# share of hits among the boxes found, **recall** the share of hits among the letters that there are.
#
# **Explorer 3.** Set the largest overlap to 1: no suppression. Set it to 0: what is lost where letters touch? Raise the
# lowest score and watch precision rise and recall fall.


# %% slide="fragment"
def non_maximum_suppression(boxes, scores, threshold):
    """Indices of the boxes (N, 4) that stay, by falling score (N,)."""
    order, keep = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        keep.append(best)
        order = order[box_overlap(boxes[best : best + 1], boxes[order])[0] <= threshold]
    return np.array(keep, dtype=int)


def suppress(boxes, scores, classes, threshold):
    """NMS within each class; a threshold of 1 keeps everything. Returns the same three."""
    keep = [np.flatnonzero(classes == k)[non_maximum_suppression(boxes[classes == k], scores[classes == k], threshold)]
            for k in range(len(CLASSES))]  # fmt: skip
    keep = np.concatenate(keep).astype(int)
    return boxes[keep], scores[keep], classes[keep]


def proposals(classes, distances, least=0.02):
    """Boxes (M, 4), scores (M,), classes (M,) of one scene: each cell and letter with a probability above `least`."""
    probability = classes.softmax(0)[1:].numpy()  # (5, 16, 16)
    k, i, j = np.nonzero(probability > least)
    left, top, right_side, bottom = 16 * distances.numpy()[:, i, j]
    x, y = CENTRES[j], CENTRES[i]
    return np.stack([x - left, y - top, x + right_side, y + bottom], 1), probability[k, i, j], k


found = [proposals(*scene) for scene in zip(test_classes, test_distances, strict=True)]


def plot_detections(scene=2, least_score=0.5, nms_overlap=0.4):
    """The boxes of a test scene above a score, after NMS, beside the true ones; and how many of all 120 are right."""
    boxes, scores, classes = suppress(*found[scene], nms_overlap)
    keep = scores >= least_score
    figure, axes = plt.subplots(1, 2, figsize=(13, 7.2))
    for axis in axes:
        axis.imshow(test_scenes[scene, 0], vmin=0, vmax=1)
    draw_boxes(axes[0], *test_truth[scene])
    draw_boxes(axes[1], boxes[keep], classes[keep], scores[keep])
    bare(axes[0], f"true: {len(test_truth[scene][0])}", 18)
    bare(axes[1], f"found: {keep.sum()} of {len(found[scene][0])} proposals (scores in %)", 18)
    hits = total = missed = 0
    for proposal, (true_boxes, true_classes) in zip(found, test_truth, strict=True):
        b, s, c = suppress(*proposal, nms_overlap)
        b, s, c = b[s >= least_score], s[s >= least_score], c[s >= least_score]
        hit = matches(b, s, c, true_boxes, true_classes)
        hits, total, missed = hits + hit.sum(), total + len(hit), missed + len(true_boxes)
    figure.suptitle(f"All {len(found)} scenes: precision {hits / max(total, 1):.0%}, recall {hits / missed:.0%}")
    true, seen = (" ".join(CLASSES[k] for k in sorted(row)) for row in (test_truth[scene][1], classes[keep]))
    print(f"Scene {scene}: there {'is' if len(true) == 1 else 'are'} {true}; found: {seen or 'nothing'}.")
    return figure


def matches(boxes, scores, classes, true_boxes, true_classes, least=0.5):
    """Which detections are hits, (N,) bool: by falling score, each takes the true box of its class that it overlaps
    most, if that has not been taken and the IoU is at least `least`. A second box on the same object is an error."""
    hit, taken = np.zeros(len(boxes), bool), np.zeros(len(true_boxes), bool)
    overlap = box_overlap(boxes, true_boxes) * (classes[:, None] == true_classes[None])
    for n in np.argsort(-scores, kind="stable"):
        best = overlap[n].argmax()
        if overlap[n, best] >= least and not taken[best]:
            hit[n] = taken[best] = True
    return hit


widgets.explore(plot_detections, scene=(0, 119), least_score=(0.02, 0.98, 0.02), nms_overlap=(0.0, 1.0, 0.05),
                labels={"least_score": "lowest score shown", "nms_overlap": "NMS: largest IoU"})

# %% [markdown] slide="subslide"
# Which lowest score is best depends on what an error costs. So detectors are compared over *all* scores:
#
# ### Average precision
#
# Sort the detections of one class, from all scenes, by score. After each compute precision and recall. **Average
# precision** (AP) is the area below the curve of precision against recall, where the precision at a recall counts as
# the best that is reached at that recall or a higher one. Three letters, and the answers hit, error, hit, by falling
# score: at the first hit precision is 1, at the second 2/3, the third letter is never found; AP is
# $(1 + 2/3 + 0)/3 = 0.56$. The mean over the classes is the **mean average precision**, mAP.


# %% slide="fragment"
def average_precision(hit, scores, objects, interpolate=True):
    """Area below precision against recall. hit, scores: (N,) of all detections of a class; objects: how many exist."""
    hit = np.asarray(hit)[np.argsort(-np.asarray(scores), kind="stable")]
    precision = hit.cumsum() / np.arange(1, len(hit) + 1)
    if interpolate:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * hit).sum() / objects)  # each hit raises the recall by 1 / objects


print("three objects; detections by falling score:")
for words, hits_by_hand, by_hand in (
    ("hit, hit, hit", [1, 1, 1], 1.0),
    ("hit, error, hit, error, hit", [1, 0, 1, 0, 1], (1 + 2 / 3 + 3 / 5) / 3),
    ("hit, error, hit (one missed)", [1, 0, 1], (1 + 2 / 3) / 3),
    ("error, hit, hit (one missed)", [0, 1, 1], (2 / 3 + 2 / 3) / 3),
):
    value = average_precision(np.array(hits_by_hand), -np.arange(len(hits_by_hand)), 3)
    print(f"   {words:<30} AP {value:.4f}, by hand {by_hand:.4f}")
    assert math.isclose(value, by_hand)
rng = np.random.default_rng(0)
some_hits, some_scores = rng.integers(0, 2, 200), rng.random(200)
ours = average_precision(some_hits, some_scores, some_hits.sum(), interpolate=False)
print(f"without “the best at that recall or higher”, and nothing missed: {ours:.6f}, scikit-learn's "
      f"{average_precision_score(some_hits, some_scores):.6f}")  # fmt: skip
assert math.isclose(ours, average_precision_score(some_hits, some_scores), rel_tol=1e-9)

# %% [markdown] slide="subslide"
# ### Hand-crafted against learned, once more
#
# Deck N's table (module 01, section 8): "hand crafted", UvA-Euvision 2013, mAP 0.2258; GoogLeNet 2014, 0.4393. We do
# the same with our means. The hand-crafted detector moves a window of 28 × 28 over the scene in steps of four pixels,
# takes the orientation histograms of section 3 and asks a linear SVM with the classes A, E, K, R, S and "nothing".
# Its training windows come from the same scenes, and the box has the average size of the letter. Then NMS, as for the
# net.


# %% slide="fragment"
STARTS = range(0, SIDE - 27, 4)


def windows(pictures):
    """All windows of pictures (N, 1, 64, 64): (N * 100, 1, 28, 28), and their corners (100, 2) as left, top."""
    cut = torch.stack([pictures[:, :, top : top + 28, left : left + 28] for top in STARTS for left in STARTS], 1)
    return cut.flatten(0, 1), np.array([(left, top) for top in STARTS for left in STARTS])


cut, corners = windows(scenes[:300])
window_labels = np.zeros((300, len(corners)), int)
window_sure = np.ones((300, len(corners)), bool)
for n, (boxes, labels) in enumerate(truth[:300]):
    distance = np.abs((boxes[:, None, :2] + boxes[:, None, 2:]) / 2 - corners[None] - 14).max(2)  # (objects, 100)
    window_labels[n] = np.where(distance.min(0) <= 3, labels[distance.argmin(0)] + 1, 0)
    window_sure[n] = (distance.min(0) <= 3) | (distance.min(0) > 7)  # what lies between is left out of the training
rng = np.random.default_rng(0)
sure = window_sure.ravel() & ((window_labels.ravel() > 0) | (rng.random(window_labels.size) < 0.25))
machine = LinearSVC(C=1.0).fit(orientation_histograms(cut[torch.from_numpy(sure)]).numpy(), window_labels.ravel()[sure])
all_boxes, all_labels = (np.concatenate(parts) for parts in zip(*truth, strict=True))
sizes = [(all_boxes[all_labels == k, 2:] - all_boxes[all_labels == k, :2]).mean(0) for k in range(5)]
test_cut, _ = windows(test_scenes)
window_scores = machine.decision_function(orientation_histograms(test_cut).numpy()).reshape(len(test_scenes), -1, 6)
crafted_found = []
for scores in window_scores:
    place, k = np.nonzero(scores[:, 1:] > -1.0)
    middle, half = corners[place] + 14.0, np.array(sizes)[k] / 2
    crafted_found.append((np.concatenate([middle - half, middle + half], 1), scores[place, k + 1], k))


def mean_average_precision(found, truth, overlap=0.4, least=0.5):
    """Mean AP over the classes, and the APs. overlap: of the NMS; least: IoU from which a detection is a hit."""
    hits, scores, classes = [], [], []
    for proposal, (boxes, labels) in zip(found, truth, strict=True):
        b, s, c = suppress(*proposal, overlap)
        hits.append(matches(b, s, c, boxes, labels, least))
        scores.append(s)
        classes.append(c)
    hits, scores, classes = (np.concatenate(values) for values in (hits, scores, classes))
    objects = np.bincount(np.concatenate([labels for _, labels in truth]), minlength=len(CLASSES))
    aps = [average_precision(hits[classes == k], scores[classes == k], objects[k]) for k in range(len(CLASSES))]
    return float(np.mean(aps)), aps


result = {}
for name, values, overlap in (
    ("orientation histograms + SVM", crafted_found, 0.4),
    ("fully convolutional net", found, 0.4),
    ("the same without NMS", found, 1.0),
):
    result[name], aps = mean_average_precision(values, test_truth, overlap)
    by_class = "  ".join(f"{k} {v:.2f}" for k, v in zip(CLASSES, aps, strict=True))
    print(f"{name:<30} mAP {result[name]:.4f}   {by_class}")
strict, _ = mean_average_precision(found, test_truth, least=0.75)
print(f"{'the net, if IoU must be 0.75':<30} mAP {strict:.4f}")
assert result["fully convolutional net"] > result["orientation histograms + SVM"] + 0.1
assert result["fully convolutional net"] > result["the same without NMS"] + 0.1
ledger.append(("N", "detection, mAP: hand-crafted .2258, GoogLeNet .4393", "letters in scenes: "
               + ", ".join(f"{name} {value:.4f}" for name, value in result.items()) + " (E53)"))

# %% [markdown] slide="subslide"
# > **Erratum E53.** Deck N puts .2258 → .4393 beside "hand crafted" and "GoogLeNet", as if the features made all of
# > the difference. The two entries differ in two more things (Szegedy and others, 2014, tables 4 and 5): the second
# > was an **ensemble of six** nets (one alone had 38.0 %), and it was pre-trained on the 1.2 million labelled images
# > of the classification task, which the first did not use. Among the entries of 2014 that used the provided data
# > alone the best had .3721 ([results of ILSVRC 2014](http://image-net.org/challenges/LSVRC/2014/results), task 1a).
# > And neither number is an accuracy: it is a mean of areas over 200 classes, at IoU 0.5. With another IoU the same
# > net has another number, as the last row above shows.
#
# The photographs of the competition are harder than our letters: 200 classes, any size, any pose. What is the same is
# the direction of the result, and the reason: the net's features were made for these objects *and* against these
# backgrounds.
#
# ### Localisation
#
# In the ImageNet task of that name a picture has one main object; the answer counts if the class is right and the IoU
# is at least 0.5. The detector's best box is such an answer.

# %% slide="fragment"
single, _, single_truth = make_scenes(200, scene_glyphs.x_test, scene_glyphs.y_test, seed=3, most=1)
with torch.no_grad():
    single_classes, single_distances, _ = scene_net(single)
overlaps, class_right = [], []
for scene in range(len(single)):
    boxes, scores, classes = proposals(single_classes[scene], single_distances[scene], least=0.0)
    best = scores.argmax()
    overlaps.append(box_overlap(boxes[best : best + 1], single_truth[scene][0])[0, 0])
    class_right.append(classes[best] == single_truth[scene][1][0])
overlaps, class_right = np.array(overlaps), np.array(class_right)
located = (overlaps >= 0.5) & class_right
print(f"200 scenes with one letter: class right {class_right.mean():.1%}, median IoU {np.median(overlaps):.2f}, "
      f"class right and IoU ≥ 0.5: {located.mean():.1%}")
assert located.mean() > 0.85
figure, axis = plt.subplots(figsize=(9, 4))
axis.hist(overlaps, bins=np.linspace(0, 1, 41), color=COLORS["blue"])
axis.axvline(0.5, color=COLORS["vermillion"], ls="--", label="counts from here")
axis.set(title="Localisation: overlap of the best box with the true one", xlabel="intersection over union",
         ylabel="scenes of 200")  # fmt: skip
axis.legend(loc="upper left")
plt.show()

# %% [markdown] slide="slide"
# ## 10. Further: a net that has seen a million photographs
#
# torchvision offers nets with their weights through its own interface (`models.NAME(weights=...)`). SqueezeNet 1.0 is
# a small one (5 MB). The cell takes its weights from torch's cache, or from the course's mirror of data
# (`COURSE_DATA_MIRROR`), or, if you set `DOWNLOAD = True`, from the network. It repeats two things of this lecture:
# the occlusion map (section 7) on a photograph, and transfer (section 8) from photographs to handwritten digits.
# (Module 08, section 9, attacks this net.) With one draw of 100 digits, a million photographs are worth less than
# 6,000 printed letters: that the tasks are alike counts for more here than that the data is large. The map of the
# photograph asks the same as Explorer 2: which patch costs the answer most?

# %% tags=["further"] slide="fragment"
DOWNLOAD = False
weights, squeezenet = models.SqueezeNet1_0_Weights.IMAGENET1K_V1, None
mirrored = Path(os.environ.get("COURSE_DATA_MIRROR") or ".", "imagenet", "squeezenet1_0_torchvision_layout.npz")
if DOWNLOAD or Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1]).exists():
    try:
        squeezenet = models.squeezenet1_0(weights=weights, progress=False).eval()
    except OSError as error:  # no network
        print(f"The download failed: {error}.")
elif mirrored.exists():
    squeezenet = models.squeezenet1_0().eval()
    with np.load(mirrored) as arrays:
        squeezenet.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
if squeezenet is None:
    print("SqueezeNet's weights are neither in torch's cache nor in a mirror, so this section is left out. To fetch\n"
          "5 MB from download.pytorch.org, set DOWNLOAD = True in this cell. Nothing else in this lecture needs them.")
else:
    names = weights.meta["categories"]
    spread = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}  # as in its training
    photograph = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1) / 255
    photograph = TF.center_crop(TF.resize(photograph, 256, antialias=True), 224).clamp(0, 1)
    covered = [photograph]
    for i in range(0, 224, 28):
        for j in range(0, 224, 28):
            covered.append(photograph.clone())
            covered[-1][:, max(0, i - 14) : i + 42, max(0, j - 14) : j + 42] = 0.5
    probability = training.predict(squeezenet, TF.normalize(torch.stack(covered), **spread), batch_size=13).softmax(1)
    top = probability[0].topk(5)
    print("the photograph: " + ", ".join(f"{names[k]} {p:.1%}" for p, k in zip(top.values, top.indices, strict=True)))
    heat = probability[1:, top.indices[0]].view(8, 8)
    figure, axes = plt.subplots(1, 2, figsize=(11, 5))
    axes[0].imshow(photograph.permute(1, 2, 0))
    shown = axes[1].imshow(100 * heat, cmap="viridis", extent=(0, 224, 224, 0))
    bare(axes[0], f"“{names[top.indices[0]]}” {top.values[0]:.0%}", 17)
    bare(axes[1], "grey patch of 56 × 56 centred here", 17)
    figure.colorbar(shown, ax=axes[1], shrink=0.85, label="probability (%)")
    plt.show()

    few = digits.subset(100, seed=0)

    def photographic(x):
        """SqueezeNet's features of digits (N, 1, 8, 8), averaged over the places: (N, 512)."""
        large = F.interpolate(x, size=64, mode="bilinear").expand(-1, 3, -1, -1)
        return training.predict(squeezenet.features, TF.normalize(large, **spread), batch_size=50).mean((2, 3))

    inside, inside_test = photographic(few.x_train), photographic(digits.x_test)
    training.seed_everything(0)
    head = nn.Linear(512, 10)
    training.fit(head, inside / inside.std(), few.y_train, epochs=100, batch_size=20, lr=2e-3, progress=False)
    from_photographs = training.accuracy(head, inside_test / inside.std(), digits.y_test)
    print(f"100 labelled digits, frozen SqueezeNet: {from_photographs:.1%} (letters' convolutions on the same 100: "
          f"{ways['frozen'][0]:.1%}, from scratch {ways['from scratch'][0]:.1%})")
    assert from_photographs < ways["frozen"][0]

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - A convolutional layer is a linear layer with local connections and shared weights. What libraries call convolution
#   is cross-correlation; computed by im2col it is one matrix product.
# - Convolution is *equivariant* to shifts. Invariance comes from what stands above it: a pooling over all places, or
#   the training data.
# - Hand-crafted features win where data is scarce; learned ones catch up with enough of it, and nobody has to craft
#   them.
# - Most weights of LeNet and VGG are in the fully connected layers, most work is in the convolutions, most memory in
#   the first of them. Do the accounts with code.
# - A depth such as 22 or 152 counts the longest path. Thirty plain layers do not train; with batch norm and skips they
#   do.
# - Occlusion maps ask from outside where a net looks; deconvolution and its relatives are gradients with another rule
#   at the ReLU.
# - With 100 labels, convolutions that have been trained on something similar beat those that start from nothing. How
#   much of this is transfer, only a control with random convolutions can tell.
# - A fully convolutional net answers at every place. Boxes need non-maximum suppression, and detectors are compared by
#   mean average precision, whose value depends on the IoU that counts as a hit.
#
# **Next:** the [lab of this module](../labs/04_cnn/04_cnn.ipynb), in which you write the convolution, the pooling,
# the accounts, a residual block, the occlusion map and the overlap of two boxes yourself. Then [module
# 05](05_rnn.ipynb): nets that share their weights in time, and read in order.
#
# ## References
#
# - D. Cireşan, U. Meier, J. Schmidhuber. [Multi-column deep neural networks for image
#   classification](https://arxiv.org/abs/1202.2745). *CVPR* 2012.
# - N. Dalal, B. Triggs. Histograms of oriented gradients for human detection. *CVPR* 2005.
# - K. Fukushima. Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition
#   unaffected by shift in position. *Biological Cybernetics* 36, 1980.
# - K. He, X. Zhang, S. Ren, J. Sun. [Deep residual learning for image recognition](https://arxiv.org/abs/1512.03385).
#   *CVPR* 2016 (arXiv 2015).
# - F. Iandola, S. Han, M. Moskewicz, K. Ashraf, W. Dally, K. Keutzer. [SqueezeNet: AlexNet-level accuracy with 50x
#   fewer parameters and <0.5MB model size](https://arxiv.org/abs/1602.07360). arXiv 2016.
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document recognition. *Proceedings
#   of the IEEE* 86, 1998.
# - V. Levenshtein. Binary codes capable of correcting deletions, insertions, and reversals. *Soviet Physics Doklady*
#   10, 1966.
# - J. Long, E. Shelhamer, T. Darrell. [Fully convolutional networks for semantic
#   segmentation](https://arxiv.org/abs/1411.4038). *CVPR* 2015.
# - J. Prewitt. Object enhancement and extraction. In *Picture Processing and Psychopictorics*, Academic Press, 1970.
# - O. Russakovsky and others. [ImageNet large scale visual recognition challenge](https://arxiv.org/abs/1409.0575).
#   *International Journal of Computer Vision* 115, 2015.
# - K. Simonyan, A. Zisserman. [Very deep convolutional networks for large-scale image
#   recognition](https://arxiv.org/abs/1409.1556). *ICLR* 2015 (arXiv 2014).
# - J. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller. [Striving for simplicity: the all convolutional
#   net](https://arxiv.org/abs/1412.6806). *ICLR* 2015, workshop track (arXiv 2014).
# - I. Sutskever. A brief overview of deep learning. Guest post on Y. Yue's blog *Random Ponderings*, January 2015.
# - C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich. [Going
#   deeper with convolutions](https://arxiv.org/abs/1409.4842). *CVPR* 2015 (arXiv 2014).
# - C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. [Rethinking the inception architecture for computer
#   vision](https://arxiv.org/abs/1512.00567). *CVPR* 2016.
# - L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus. Regularization of neural networks using DropConnect. *ICML*
#   2013.
# - M. Zeiler, R. Fergus. [Visualizing and understanding convolutional networks](https://arxiv.org/abs/1311.2901).
#   *ECCV* 2014 (arXiv 2013, the year that the deck gives).
# - R. Zhang. [Making convolutional networks shift-invariant again](https://arxiv.org/abs/1904.11486). *ICML* 2019.
