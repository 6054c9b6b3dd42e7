# %% [markdown] slide="slide"
# # 07 · Generative nets: learning to draw by being found out
#
# **Question.** A classifier turns a picture into a label. Can a net make the picture itself, one that nobody has drawn
# before, and how does one tell whether it is any good, when there is no right answer to compare it with?
#
# - **You need** module 02 (gradients, the sigmoid, cross-entropy), module 03 (Adam, batch normalisation) and module 04
#   (convolution, transposed convolution).
# - **You get** a density that one can write down, fitted by EM; the game between a generator and a discriminator, and
#   what theory knows about it; a convolutional GAN that draws glyphs, judged by a net and compared with its training
#   pictures; mode collapse and a cure; walks and arithmetic in the latent space; a pyramid of generators;
#   super-resolution, and why a good score can mean a blurred picture.
# - **Time**: 80 minutes to read and try; about a minute to run on two CPU cores, without a network.
# - **Slides**: F "Generative Adversarial Networks" to "Application: Generating pokemons"; V 37, 38 (bedrooms, album
#   covers); N "Natural image generation".
#
# The decks: **F** = a French introduction (2017), **V** = Lidy and Schlüter (Vienna 2016), **N** = Neverova (Lyon
# 2015); V 37 is slide 37 of deck V. What they claim is checked by a cell. Where they err, an **Erratum** box says so,
# and the proof stands beside it.

# %% tags=["setup"] slide="skip"
import math
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from scipy.integrate import quad
from scipy.spatial import KDTree
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.mixture import GaussianMixture
from torch import nn

from course_utils import data, plotting, training, widgets
from course_utils.device import pick_device
from course_utils.plotting import COLORS

plotting.use_style()
torch.set_num_threads(1)  # nets this small run faster on one core than on several
NOTEBOOK_START = time.perf_counter()
DEVICE = pick_device()
ledger = []  # (deck, what it says, what we compute), printed at the end

# %% [markdown] slide="slide"
# ## 1. A density one can write: Gaussian mixtures
#
# Deck F defines: "a **generative model** is a model for generating all values for a phenomenon", those that can be
# observed and those that "can only be computed from those observed". Its first example is from 1894 (Pearson). The
# **Gaussian mixture** draws a component $k$, which nobody sees, with probability $\pi_k$, and then the point $x$ that
# is observed from the component's Gaussian. So the density of $x$ is
#
# $$p(x) = \sum_{k=1}^{K} \pi_k \, \mathcal N(x; \mu_k, \Sigma_k).$$
#
# This is a density that one can write down: it gives a number for any $x$, and it can be sampled. To fit it, we want
# the parameters that make the data most likely. If we knew which component drew each point, each Gaussian would simply
# take mean and covariance of its points. If we knew the Gaussians, the component of a point would be a matter of
# Bayes' rule (module 01, section 5). **Expectation-maximisation** (EM) does both in turn:
#
# - **E-step**: the share of component $k$ in point $i$, $\; r_{ik} = \pi_k\,\mathcal N(x_i; \mu_k, \Sigma_k) / p(x_i)$.
# - **M-step**: $\pi_k$ is the mean share; $\mu_k$ and $\Sigma_k$ are mean and covariance of all points, each counted
#   $r_{ik}$ times.
#
# The theorem (Dempster, Laird and Rubin): no step lowers the **likelihood**, the density that the model gives to the
# data. The data: handwritten digits, 64 pixels each, projected to their two principal components (the two directions in
# which they vary most; module 06, section 7).

# %% slide="fragment"
digits = data.digits().flat()
plane = PCA(2).fit(digits.x_train)
points, points_test = plane.transform(digits.x_train), plane.transform(digits.x_test)


def em(x, means, steps):
    """Fit a mixture of K Gaussians with full covariances.

    x: (N, 2). means: (K, 2), where to begin. Returns the log-likelihood per point before each step, and
    (weights (K,), means (K, 2), covariances (K, 2, 2)).
    """
    K = len(means)
    weights, covariances = np.full(K, 1 / K), np.stack([np.cov(x.T)] * K)
    curve = []
    for _ in range(steps):
        joint = np.column_stack([w * stats.multivariate_normal(m, S).pdf(x)
                                 for w, m, S in zip(weights, means, covariances, strict=True)])
        density = joint.sum(1, keepdims=True)  # p(x), (N, 1)
        curve.append(np.log(density).mean())
        share = joint / density  # E: (N, K), rows sum to 1
        weights = share.mean(0)  # M
        means = np.stack([np.average(x, axis=0, weights=r) for r in share.T])
        covariances = np.stack([np.cov(x.T, aweights=r, ddof=0) for r in share.T])
    return np.array(curve), (weights, means, covariances)


K, STEPS = 8, 100
starts = [points[np.random.default_rng(seed).choice(len(points), K, replace=False)] for seed in range(4)]
fits = [em(points, start, STEPS) for start in starts]
worst_step = min(np.diff(curve).min() for curve, _ in fits)
print(f"smallest change of the log-likelihood in {4 * (STEPS - 1)} steps: {worst_step:.0e}")
assert worst_step > -1e-10

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # it is told to stop after 99 steps
    library = GaussianMixture(K, weights_init=np.full(K, 1 / K), means_init=starts[0], reg_covar=0, tol=0,
                              precisions_init=np.stack([np.linalg.inv(np.cov(points.T))] * K), max_iter=STEPS - 1)
    library.fit(points)
gap = abs(library.score(points) - fits[0][0][-1])
print(f"scikit-learn after as many steps from the same start: log-likelihood differs by {gap:.0e}")
assert gap < 1e-6
ledger.append(("F", "gaussian mixtures",
               f"EM by hand: never down in {4 * (STEPS - 1)} steps, equal to scikit-learn to {gap:.0e}"))

# %% slide="subslide"
best = max(range(4), key=lambda k: fits[k][0][-1])
weights, means, covariances = fits[best][1]
mixture = [stats.multivariate_normal(m, S) for m, S in zip(means, covariances, strict=True)]


def density(x):
    """Density (...,) of the fitted mixture at x (..., 2)."""
    return sum(w * component.pdf(x) for w, component in zip(weights, mixture, strict=True))


rng = np.random.default_rng(0)
drawn = np.stack([mixture[k].rvs(random_state=rng) for k in rng.choice(K, 600, p=weights)])
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(16, 5.2))
for start, (curve, _) in enumerate(fits):
    left.plot(np.arange(1, STEPS + 1), curve, label=f"start {start + 1}")
left.set(title="EM climbs at every step", xlabel="step", ylabel="log-likelihood per point (nats)", xscale="log")
left.legend(loc="lower right")
grid = np.stack(np.meshgrid(np.linspace(-2.4, 2.6, 120), np.linspace(-2.4, 2.4, 120)), axis=-1)
for axis, cloud, title in ((middle, points, f"{len(points):,} real digits, and $p(x)$"),
                           (right, drawn, "600 points drawn from $p$")):
    axis.contour(*grid.transpose(2, 0, 1), density(grid), levels=9, cmap="viridis", linewidths=1.5)
    axis.plot(*cloud.T, ".", color=COLORS["grey"], markersize=3.5, zorder=0)
    axis.set(title=title, xlabel="1st principal component", ylabel="2nd principal component", xlim=(-2.4, 2.6),
             ylim=(-2.4, 2.4))
plt.show()
total = density(grid).sum() * (grid[0, 1, 0] - grid[0, 0, 0]) * (grid[1, 0, 1] - grid[0, 0, 1])
held_out, turned = (np.log(density(p)).mean() for p in (points_test, plane.transform(digits.x_test.flip(1))))
print(f"the density sums to {total:.3f} over this window")
print(f"log p per point: {fits[best][0][-1]:.3f} on training digits, {held_out:.3f} on test digits, {turned:.3f} on "
      "test digits turned by 180°")
assert abs(total - 1) < 0.02 and abs(held_out - fits[best][0][-1]) < 0.3 and turned < held_out - 0.05

# %% [markdown] slide="subslide"
# EM finds a *local* maximum: other starts end at other heights. And where is the picture? Two numbers say little about
# 64 pixels. A mixture in more dimensions says more, and the library fits it in a second.

# %% slide="fragment"
wide = PCA(24).fit(digits.x_train)
many = GaussianMixture(20, reg_covar=1e-3, random_state=0).fit(wide.transform(digits.x_train))
from_plane = plane.inverse_transform(drawn[:12])
from_wide = wide.inverse_transform(many.sample(600)[0][np.random.default_rng(0).choice(600, 12, replace=False)])
rows = np.concatenate([digits.x_test[:12].numpy(), from_plane, from_wide]).reshape(3, 12, 8, 8)


def picture_rows(rows, labels, title, width=14.0, cmap="gray", limits=(0, 1)):
    """Rows of pictures, each row with a label at its left. rows: list of (n, height, width)."""
    n = max(len(row) for row in rows)
    figure, axes = plt.subplots(len(rows), n, figsize=(width, 0.6 + len(rows) * (width - 2.2) / n), squeeze=False)
    for line, row, label in zip(axes, rows, labels, strict=True):
        for axis in line:
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            for side in axis.spines.values():
                side.set_visible(False)
        for axis, picture in zip(line, torch.as_tensor(np.asarray(row)), strict=False):
            axis.imshow(picture.squeeze(), cmap=cmap, vmin=limits[0], vmax=limits[1])
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=15, labelpad=8)
    figure.suptitle(title, fontsize=18)
    return figure


picture_rows(rows, ["real", "mixture of 8\nin 2 dimensions", "mixture of 20\nin 24 dimensions"],
             "Digits, 8 × 8: real ones, and drawn from two mixtures")
plt.show()
typical = np.linalg.norm(wide.transform(digits.x_train), axis=1).mean()
assert 0.7 < np.linalg.norm(many.sample(600)[0], axis=1).mean() / typical < 1.3

# %% [markdown] slide="fragment"
# The third row is legible, if spotted. Each Gaussian with its full covariance has 324 free numbers; at 28 × 28 pixels
# it would have more than 300,000, and pictures do not lie in Gaussian clouds. From here on the density is given up, in
# exchange for better samples.

# %% [markdown] slide="slide"
# ## 2. The minimax game
#
# Deck F opens its part on GANs with Yann LeCun: "GAN and the variations that are now being proposed is the most
# interesting idea in the last 10 years in ML, in my opinion" (2016). V 37 says what the idea is: "One network
# transforms random noise into images, a second one tries to distinguish generated from real images. Both are trained at
# the same time." The **generator** $G$ turns noise $z$ into a sample $G(z)$. The **discriminator** $D$ answers with the
# probability that its input is real. Goodfellow and others (2014), and deck F:
#
# $$\min_G \max_D V(D, G), \qquad
#   V(D, G) = \mathbb E_{x\sim p_\text{data}}[\log D(x)] + \mathbb E_{z\sim p_z}[\log(1 - D(G(z)))] .$$
#
# $\mathbb E$ is the mean over what stands below it. Minus $V$ is twice the cross-entropy of a classifier with two
# equally frequent classes, real and made. Write $p$ for the density of the data and $q$ for that of $G(z)$. Then
# $V = \int p \log D + q \log(1-D) \,dx$ can be maximised at each $x$ by itself: the derivative $p/D - q/(1-D)$
# vanishes at
#
# $$D^*(x) = \frac{p(x)}{p(x) + q(x)} .$$
#
# (Telling pairs of words from noise, in module 06, section 5, ended in the same way: at the best score $z$ the answer
# $\sigma(z)$ is such a share.)
#
# With the mean of both densities, $m = \frac{p+q}2$, so that $D^* = \frac p{2m}$ and $1-D^* = \frac q{2m}$,
#
# $$\begin{aligned}
#   V(D^*, G) &= \int p \log\frac p{2m} + q\log\frac q{2m}\,dx = 2\,\mathrm{JSD}(p, q) - \log 4, \\
#   \mathrm{JSD}(p, q) &= \frac12 \int p \log\frac pm + q\log\frac qm \,dx .
# \end{aligned}$$
#
# This is the **Jensen-Shannon divergence**: 0 if $p = q$, otherwise positive, and at most $\log 2$, where the two
# share no point. Against the best $D$, the best $G$ copies $p$; then $D^* = \frac12$ everywhere and
# $V = -\log 4 \approx -1.386$.
#
# First with a generator that does not learn: real points from a mixture $p$ with two hills, made points from
# $q = \mathcal N(0, 1)$. We train $D$, a small net, and ask whether it finds $D^*$.


# %% slide="fragment"
def mlp(inputs, outputs, width=32):
    """Two hidden layers with leaky ReLUs: x where x is positive, 0.2 x elsewhere, so that a gradient always passes."""
    return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, outputs))


normal = torch.distributions.Normal(0.0, 1.0)
hills = torch.distributions.MixtureSameFamily(
    torch.distributions.Categorical(torch.tensor([0.6, 0.4])),
    torch.distributions.Normal(torch.tensor([-1.2, 1.5]), torch.tensor([0.45, 0.35])))
line = torch.linspace(-4, 4, 161)

training.seed_everything(0)
real, made = hills.sample((20_000, 1)), normal.sample((20_000, 1))
judge = mlp(1, 1)
training.fit(judge, torch.cat([real, made]), torch.cat([torch.ones_like(real), torch.zeros_like(made)]), epochs=6,
             batch_size=256, lr=3e-3, loss=F.binary_cross_entropy_with_logits, progress=False)
learned = training.predict(judge, line[:, None])[:, 0].sigmoid()
ideal = torch.sigmoid(hills.log_prob(line) - normal.log_prob(line))  # p/(p + q), from the two logarithms
busy = (hills.log_prob(line).exp() + normal.log_prob(line).exp()) / 2 > 0.02  # where there are points to learn from


def integrand(x):
    """p log D* + q log(1 - D*) at the number x."""
    log_p, log_q = hills.log_prob(torch.tensor(x)).double(), normal.log_prob(torch.tensor(x)).double()
    return (log_p.exp() * F.logsigmoid(log_p - log_q) + log_q.exp() * F.logsigmoid(log_q - log_p)).item()


best_value = quad(integrand, -8, 8, limit=200)[0]
fresh, fake = training.predict(judge, hills.sample((20_000, 1))), training.predict(judge, normal.sample((20_000, 1)))
value = (F.logsigmoid(fresh).mean() + F.logsigmoid(-fake).mean()).item()
off = (learned - ideal)[busy].abs()
print(f"learned D against p/(p + q): mean difference {off.mean():.3f}, largest {off.max():.3f} where there are points")
print(f"V of the learned D, on new points: {value:.3f}; V(D*, G) by integration: {best_value:.3f}; "
      f"JSD {(best_value + math.log(4)) / 2:.3f} nats")
assert off.mean() < 0.05 and value < best_value + 0.02 and value > best_value - 0.05
ledger.append(("F", "min over G, max over D of V", f"D trained on points is p/(p + q) to {off.mean():.3f} on average; "
               f"V {value:.3f}, closed form {best_value:.3f}"))

figure, (left, right) = plt.subplots(1, 2, figsize=(14, 4.6))
left.fill_between(line, hills.log_prob(line).exp(), color=COLORS["blue"], alpha=0.35, label="real, $p$")
left.fill_between(line, normal.log_prob(line).exp(), color=COLORS["orange"], alpha=0.35, label="made, $q$")
left.set(title="Two densities", xlabel="$x$", ylabel="density")
left.legend()
right.plot(line, ideal, color=COLORS["black"], lw=4, alpha=0.4, label="$p/(p+q)$")
right.plot(line, learned, "--", color=COLORS["vermillion"], label="$D$, learned from points")
right.set(title="The discriminator", xlabel="$x$", ylabel="probability of “real”", ylim=(-0.03, 1.2))
right.legend(loc="upper left", ncols=2)
plt.show()

# %% [markdown] slide="subslide"
# ### Which loss for the generator?
#
# With logits $a = D$'s output before the sigmoid $\sigma$, the generator of the formula descends
# $\log(1-\sigma(a))$. Early on, its samples are poor and $D$ is sure: $a \ll 0$. The slope there is $-\sigma(a)$,
# almost 0, just when there is most to learn. The authors therefore let $G$ descend $-\log \sigma(a)$, with slope
# $\sigma(a) - 1$, almost $-1$: the **non-saturating** loss. It has the same fixed point, and it is what everybody
# trains; the minimax formula of the slide is the theory of it.
#
# Both players need gradients of losses through the same graph. `torch.autograd.grad` gives each player the gradient of
# its own loss with respect to its own weights, and then both move at once. (In the lab you write the other common form,
# in which they take turns.)


# %% slide="fragment"
def play(G, D, draw, steps, *, latent, batch=64, lr=(1e-3, 1e-3), beta2=0.999, smooth=1.0, r1=0.0, extra=None,
         watch=None, every=50):
    """Train generator and discriminator together, in place; both move at once. Returns the losses (steps, 2) of G, D.

    draw: function of the batch size that returns real samples and, in a tuple after them, what they are conditioned on.
    G: (noise (n, latent), *condition) to samples. D: (samples, *condition) to logits (n, 1). lr: of G and of D.
    smooth: the target for real samples, 1, or .9 to keep D from being too sure. r1: weight of the penalty on D's
    gradient at real samples (section 4). extra: function (made, real) added to G's loss. watch: called every so often.
    """
    ours, theirs = list(G.parameters()), list(D.parameters())
    optimizers = [torch.optim.Adam(w, lr=rate, betas=(0.5, beta2)) for w, rate in zip((ours, theirs), lr, strict=True)]
    bce, losses = F.binary_cross_entropy_with_logits, []
    for step in range(steps):
        real, *given = draw(batch)
        real.requires_grad_(r1 > 0)
        made = G(torch.randn(batch, latent, device=DEVICE), *given)
        on_real, on_made = D(real, *given), D(made, *given)
        zeros = torch.zeros_like(on_made)
        loss_d = bce(on_real, zeros[: len(on_real)] + smooth) + bce(on_made, zeros)
        loss_g = bce(on_made, zeros + 1)  # -log D(G(z)), the non-saturating loss
        if r1:
            (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            loss_d = loss_d + r1 / 2 * slope.flatten(1).square().sum(1).mean()
        if extra is not None:
            loss_g = loss_g + extra(made, real)
        slopes = (torch.autograd.grad(loss_g, ours, retain_graph=True), torch.autograd.grad(loss_d, theirs))
        for weights, gradients, optimizer in zip((ours, theirs), slopes, optimizers, strict=True):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            optimizer.step()
        losses.append((loss_g.detach(), loss_d.detach()))
        if watch is not None and (step + 1) % every == 0:
            watch(step + 1)
    return torch.tensor([[float(a), float(b)] for a, b in losses])


# %% [markdown] slide="subslide"
# The experiment: a generator $G(z) = s z + t$ that begins 6 to the left of the data, against a discriminator that was
# allowed to learn first and now stays as it is. Plain gradient descent on $s$ and $t$, 200 steps with each loss. (Adam
# divides by the size of the gradient and would hide much of the difference.) The first loss does not get it off its
# place. The second carries it to the nearest points that this one discriminator takes for real, and no further.

# %% slide="fragment"
training.seed_everything(0)
known = torch.cat([hills.sample((2000, 1)), normal.sample((2000, 1)) - 6])
guard = mlp(1, 1).to(DEVICE)
training.fit(guard, known, (torch.arange(4000) < 2000).float()[:, None], epochs=12, lr=3e-3,
             loss=F.binary_cross_entropy_with_logits, progress=False)
noise = torch.randn(500, 1, device=DEVICE)
first_slope, paths = {}, {}
for name, sign in (("minimax", 1.0), ("non-saturating", -1.0)):  # log(1 - D) or -log D, from the logits
    scale, shift = (torch.tensor(number, device=DEVICE, requires_grad=True) for number in (1.0, -6.0))
    paths[name] = [shift.item()]
    for _ in range(200):
        loss = (sign * F.logsigmoid(-sign * guard(scale * noise + shift))).mean()
        slopes = torch.autograd.grad(loss, (scale, shift))
        first_slope.setdefault(name, slopes[1].abs().item())
        with torch.no_grad():
            scale -= 0.03 * slopes[0]
            shift -= 0.03 * slopes[1]
        paths[name].append(shift.item())
    print(f"{name:<15} first gradient of the shift {first_slope[name]:.1e}; after 200 steps t = {paths[name][-1]:+.2f}")
a = np.linspace(-8, 8, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(14, 4.8))
for name, slope, color, style in (("minimax", stats.logistic.cdf(a), "vermillion", "--"),
                                  ("non-saturating", stats.logistic.sf(a), "blue", "-")):
    left.plot(a, slope, style, color=COLORS[color], label=name)
    right.plot(paths[name], style, color=COLORS[color], label=name)
left.set(title="What reaches the generator", xlabel="logit $a$ that $D$ gives to a made sample",
         ylabel="size of the slope of $G$'s loss")
left.legend(loc="center right")
right.axhline(hills.mean, color=COLORS["grey"], ls=":", label="mean of the data")
right.set(title="A generator that begins at −6", xlabel="step", ylabel="mean of its samples, $t$")
right.legend(loc="center right")
plt.show()
assert first_slope["minimax"] < 0.05 * first_slope["non-saturating"]
assert paths["minimax"][-1] < -5 and paths["non-saturating"][-1] > -3
ledger.append(("F", "min over G of E[log(1 − D(G(z)))]",
               f"where D is sure its gradient is {first_slope['minimax']:.0e}, the non-saturating one "
               f"{first_slope['non-saturating']:.1f}"))

# %% [markdown] slide="subslide"
# ### The whole game in one dimension
#
# Now $G$ is a net with two hidden layers and one input, $z \sim \mathcal N(0, 1)$. Its density $q$ is the
# **push-forward** of the noise: the share of $z$ that lands around each $x$. In one dimension it can be counted, from
# 4,000 equally probable $z$, and so $D^*$ is known at each moment of the training, wherever there are points of one
# kind or the other. We record both densities, $D$ and $D^*$ every 40 steps. (`r1=0.03` is a small penalty on the slope
# of $D$, which section 4 explains.)

# %% slide="fragment"
quantiles = normal.icdf((torch.arange(4000) + 0.5) / 4000)[:, None]
edges = torch.linspace(-4.05, 4.05, 82)
centres = (edges[1:] + edges[:-1]) / 2
p_line = hills.log_prob(centres).exp()


def pushed(G):
    """Density (81,) of G(z) around `centres`: counted, and slightly smoothed."""
    made = training.predict(G, quantiles)[:, 0]
    q = torch.histogram(made, edges)[0] / 4000 / (edges[1] - edges[0])
    return F.conv1d(q[None, None], torch.tensor([[[0.25, 0.5, 0.25]]]), padding=1)[0, 0]


def divergence(p, q):
    """Jensen-Shannon divergence in nats of two densities on `centres`."""
    width, m = edges[1] - edges[0], (p + q) / 2
    return (width * (torch.xlogy(p, p / m) + torch.xlogy(q, q / m)).nan_to_num().sum() / 2).item()


def real_hills(n):
    return (hills.sample((n, 1)).to(DEVICE),)


training.seed_everything(2)
G, D = mlp(1, 1).to(DEVICE), mlp(1, 1).to(DEVICE)
states = []


def record(step):
    states.append({"step": step, "q": pushed(G), "D": training.predict(D, centres[:, None])[:, 0].sigmoid()})


record(0)
play(G, D, real_hills, 1600, latent=1, batch=256, lr=(3e-4, 5e-3), r1=0.03, watch=record, every=40)
for state in states:
    both = p_line + state["q"]
    state["ideal"] = torch.where(both > 0.02, p_line / both.clamp(min=1e-6), math.nan)  # elsewhere it is not known
    state["JSD"] = divergence(p_line, state["q"])
    state["sure"] = (state["D"] - 0.5)[p_line > 0.05].abs().mean().item()
print("step   JSD(p, q)   mean |D − 1/2| where there are data")
for state in states[:: len(states) // 10]:
    print(f"{state['step']:>4}   {state['JSD']:.3f}       {state['sure']:.3f}")
late = float(np.mean([state["JSD"] for state in states[-10:]]))
assert late < 0.3 * states[0]["JSD"] and np.mean([state["sure"] for state in states[-10:]]) < 0.25
end_value = 2 * states[-1]["JSD"] - math.log(4)
print(f"V(D*, G) = 2 JSD − log 4 at the last step: {end_value:.3f}; where p = q it is {-math.log(4):.3f}")
ledger.append(("F", "min over G, max over D of V: the end of the game",
               f"after 1,600 steps in one dimension V(D*, G) is {end_value:.3f}; theory, p = q: {-math.log(4):.3f}"))

# %% [markdown] slide="subslide"
# **Explorer 1.** Move through the training. $D$ (dashed) chases $D^*$ (grey), $q$ flees to where $D$ is high, and $D^*$
# moves with it. At the end both densities nearly agree and $D$ is near one half where there are data. The curve at the
# right falls, but nothing says that it must: neither player descends it. Here $D$ learns 17 times as fast as $G$, so
# that it keeps near $D^*$; with a rate of 0.001 for $G$ the curve swings up and down instead. Without the penalty
# two of the five seeds that we tried end at a JSD of 0.16: all made samples lie on the higher hill, and none on the
# other. Section 4 is about such failures.


# %% slide="fragment"
def plot_game(step=400):
    """The two densities, D and D* at a recorded step of the training (multiples of 40 up to 1,600)."""
    state = states[min(round(step / 40), len(states) - 1)]
    figure, (top, bottom, course) = plt.subplots(1, 3, figsize=(16, 4.8), layout="none")  # places by hand: quicker
    figure.subplots_adjust(left=0.05, right=0.99, top=0.9, bottom=0.15, wspace=0.24)
    top.fill_between(centres, p_line, color=COLORS["blue"], alpha=0.35, label="real, $p$")
    top.fill_between(centres, state["q"], color=COLORS["orange"], alpha=0.45, label="made, $q$")
    top.set(title=f"Step {state['step']}: densities", xlabel="$x$", ylabel="density", ylim=(0, 0.9), xlim=(-4, 4))
    top.legend(loc="upper right")
    bottom.plot(centres, state["ideal"], color=COLORS["black"], lw=4, alpha=0.35, label="$D^* = p/(p+q)$")
    bottom.plot(centres, state["D"], "--", color=COLORS["vermillion"], label="$D$")
    bottom.axhline(0.5, color=COLORS["grey"], lw=1, ls=":")
    bottom.set(title="Discriminator", xlabel="$x$", ylabel="probability of “real”", ylim=(-0.03, 1.3), xlim=(-4, 4))
    bottom.legend(loc="upper center", ncols=2)
    course.plot([s["step"] for s in states], [s["JSD"] for s in states], color=COLORS["green"])
    course.plot(state["step"], state["JSD"], "o", color=COLORS["black"], markersize=11)
    course.set(title="How far apart", xlabel="step", ylabel="JSD$(p, q)$ (nats)", ylim=(0, 0.72))
    print(f"Step {state['step']}: the JSD is {state['JSD']:.3f} nats; where there are data, D is {state['sure']:.2f} "
          "from 1/2 on average.")


plot_game(80)
plt.show()
widgets.explore(plot_game, step=(0, 1600, 40))

# %% [markdown] slide="slide"
# ## 3. A convolutional GAN
#
# V 37 and 38 show bedrooms and album covers from the **DCGAN** (Radford, Metz and Chintala, 2015), deck F creatures in
# the manner of Pokémon. The recipe that made GANs of pictures work:
#
# - no pooling: the discriminator shrinks its maps by strided convolutions, the generator enlarges them by strided
#   *transposed* convolutions (module 04, section 7);
# - batch normalisation (module 03, section 5) in both nets; no hidden fully connected layers;
# - ReLU in the generator, leaky ReLU (section 2) in the discriminator; Adam with $\beta_1 = 0.5$.
#
# Our generator has two such levels in place of four, and draws ten letters in 21 fonts, 28 × 28 pixels. They are the
# glyphs of module 04, section 3, but turned and shifted less, because the training may take seconds only. The noise has
# 24 dimensions. Two more tricks keep $D$ from growing too sure too soon: the target for real pictures is 0.9 (**label
# smoothing**; Salimans and others, 2016), and dropout (module 03, section 7).
#
# How good is it? There is no test loss. We ask a **reader**: a net trained on real glyphs to name the letter and three
# properties of its font.

# %% slide="fragment"
LETTERS = "ABCDEGKRSX"
STYLES = ("bold", "oblique", "serif")
is_style = torch.tensor([[("Bol" in font or font == "cmb10"), ("Ita" in font or "Obl" in font or font == "cmti10"),
                          ("Serif" in font or "STIX" in font or font in ("cmr10", "cmb10", "cmti10", "cmtt10"))]
                         for font in data.GLYPH_FONTS]).float()  # (21, 3)


def draw_letters(n, seed):
    """Letters in a random font, turned by up to 4°, stretched by .9 to 1.1 and moved by up to one pixel.

    Returns pictures (n, 1, 28, 28) in [0, 1] and (n, 4): the letter's index, and 0 or 1 for bold, oblique, serif.
    """
    rng = np.random.default_rng(seed)
    letter, font = rng.integers(len(LETTERS), size=n), rng.integers(len(data.GLYPH_FONTS), size=n)
    angle, stretch, shift = np.deg2rad(rng.uniform(-4, 4, n)), rng.uniform(0.9, 1.1, (2, n)), rng.uniform(-1, 1, (2, n))
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.array([[cos / stretch[0], -sin / stretch[0], shift[0] / 14],
                     [sin / stretch[1], cos / stretch[1], shift[1] / 14]], dtype=np.float32).transpose(2, 0, 1)
    pictures = data.draw_glyphs([LETTERS[k] for k in letter], [data.GLYPH_FONTS[k] for k in font], maps)
    about = torch.cat([torch.from_numpy(letter)[:, None].float(), is_style[font]], dim=1)
    return pictures.to(DEVICE), about.to(DEVICE)


N_TRAIN, N_TEST = 6000, 1000
x_train, about_train = draw_letters(N_TRAIN, 0)
x_test, about_test = draw_letters(N_TEST, 1)
y_test = about_test[:, 0].long().cpu()


def reading_loss(outputs, about):
    """Ten logits for the letter and three for the styles, (N, 13), against the second result of draw_letters (N, 4)."""
    return (F.cross_entropy(outputs[:, :10], about[:, 0].long())
            + F.binary_cross_entropy_with_logits(outputs[:, 10:], about[:, 1:]))


training.seed_everything(0)
reader = nn.Sequential(nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(12, 24, 5, stride=2, padding=2),
                       nn.ReLU(), nn.Flatten(), nn.Linear(24 * 49, 96), nn.ReLU(), nn.Linear(96, 13))
reader.to(DEVICE, memory_format=torch.channels_last)
training.fit(reader, x_train, about_train, epochs=5, lr=2e-3, loss=reading_loss, progress=False)
said = training.predict(reader, x_test)
letter_right = (said[:, :10].argmax(1) == y_test).float().mean().item()
style_right = ((said[:, 10:] > 0) == about_test[:, 1:].cpu().bool()).float().mean(0)
print(f"the reader on {N_TEST} test glyphs: letter {letter_right:.1%} right; "
      + ", ".join(f"{style} {right:.1%}" for style, right in zip(STYLES, style_right, strict=True)))
assert letter_right > 0.95 and style_right.min() > 0.7

# %% slide="subslide"
LATENT = 24


def generator(width=28):
    return nn.Sequential(
        nn.Linear(LATENT, 2 * width * 49, bias=False), nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),  # 14 × 14
        nn.BatchNorm2d(width), nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1), nn.Sigmoid(),  # 28 × 28, in [0, 1]
    ).to(DEVICE, memory_format=torch.channels_last)  # fmt: skip  (this order in memory is the faster one on a CPU)


def discriminator(width=20, side=28, channels=1):
    """Three strided convolutions, so that the last one sees most of the picture; for side 14 the first keeps it."""
    first = {"kernel_size": 4, "stride": 2} if side == 28 else {"kernel_size": 3, "stride": 1}
    return nn.Sequential(
        nn.Conv2d(channels, width, padding=1, **first), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4 * width), nn.LeakyReLU(0.2),
        nn.Dropout2d(0.25), nn.Flatten(), nn.Linear(4 * width * 16, 1),
    ).to(DEVICE, memory_format=torch.channels_last)  # fmt: skip


def real_glyphs(n):
    return (x_train[torch.randint(N_TRAIN, (n,), device=DEVICE)],)


def sample(net, n, seed=0):
    """Noise (n, 24) and the pictures that `net` makes of it, (n, 1, 28, 28), both on the CPU."""
    z = torch.randn(n, LATENT, generator=torch.Generator().manual_seed(seed))
    return z, training.predict(net, z)


def verdict(pictures):
    """What the reader makes of pictures (N, 1, 28, 28): share it is more than 90 % sure of; the ten letters' shares."""
    sure, letter = training.predict(reader, pictures)[:, :10].softmax(1).max(1)
    shares = torch.bincount(letter[sure > 0.9], minlength=10) / len(pictures)
    return (sure > 0.9).float().mean().item(), shares


training.seed_everything(1)
G, D = generator(), discriminator()
album = {0: sample(G, 12)[1]}
course = [(0, *verdict(sample(G, 500)[1]))]


def keep(step):
    course.append((step, *verdict(sample(G, 500)[1])))
    if step in (50, 150):
        album[step] = sample(G, 12)[1]


GAN_STEPS, began = 420, time.perf_counter()
losses = play(G, D, real_glyphs, GAN_STEPS, latent=LATENT, lr=(2e-3, 2e-3), beta2=0.99, smooth=0.9, watch=keep)
album[GAN_STEPS] = sample(G, 12)[1]
sure_real, shares_real = verdict(x_test)
z_many, pictures = sample(G, 2000)
sure_made, shares_made = verdict(pictures)
print(f"{GAN_STEPS} steps, {time.perf_counter() - began:.0f} s; {sum(p.numel() for p in G.parameters()):,} weights "
      f"in G, {sum(p.numel() for p in D.parameters()):,} in D")
print(f"the reader is more than 90 % sure of {sure_made:.0%} of the made pictures (real ones: {sure_real:.0%})")
print("their letters: " + ", ".join(f"{c} {s:.0%}" for c, s in zip(LETTERS, shares_made, strict=True)))
covered = int((shares_made > 0.01).sum())
assert sure_made > 0.4 and covered >= 8
(sure_then, sure_later), (loss_then, loss_later) = (
    [np.mean([sure for step, sure, _ in course if a <= step <= b]) for a, b in ((100, 200), (250, GAN_STEPS))],
    [losses[a:b, 0].mean().item() for a, b in ((150, 220), (GAN_STEPS - 70, GAN_STEPS))])
print(f"sure at steps 100 to 200: {sure_then:.0%}, from 250 on: {sure_later:.0%} (means); the generator's loss around "
      f"step 185: {loss_then:.2f}, at the end: {loss_later:.2f}")
assert loss_later > loss_then and sure_later > sure_then - 0.05

# %% slide="subslide"
picture_rows([*album.values(), x_test[:12].cpu()], [f"step {step}" for step in album] + ["real"],
             "The same twelve noise vectors in the course of the training, and real glyphs")
plt.show()
figure, (left, right) = plt.subplots(1, 2, figsize=(14, 4.4))
for column, name, color in ((0, "generator", "orange"), (1, "discriminator", "blue")):
    smooth_loss = np.convolve(losses[:, column], np.ones(20) / 20, mode="valid")
    left.plot(np.arange(len(smooth_loss)) + 10, smooth_loss, color=COLORS[color], label=name)
left.axhline(math.log(2), color=COLORS["orange"], ls=":", lw=1.5, label="values at $D = 1/2$")
left.axhline(2 * math.log(2), color=COLORS["blue"], ls=":", lw=1.5)
left.set(title="The two losses (means of 20 steps)", xlabel="step", ylabel="loss (nats)", ylim=(0, 3.5))
left.legend(fontsize=12, ncols=2)
right.plot([step for step, *_ in course], [100 * sure for _, sure, _ in course], "o-", color=COLORS["green"],
           markersize=5, label="more than 90 % sure")
right.plot([step for step, *_ in course], [10 * (shares > 0.01).sum() for *_, shares in course], "s--",
           color=COLORS["purple"], markersize=5, label="letters covered")
right.axhline(100 * sure_real, color=COLORS["grey"], ls=":", label="sure, real glyphs")
right.set(title="What the reader says", xlabel="step", ylabel="share (%)", ylim=(0, 108))
right.legend(fontsize=12, loc="lower right")
plt.show()

# %% [markdown] slide="fragment"
# The losses say little about the pictures: after the first 200 steps the generator's falls no further, because the
# judge improves too, while the reader is sure of no smaller a share than before. (What it gains is little; a share of
# 500 samples is uncertain by about two per cent.) The reader is a better judge, and not a perfect one. It must choose
# one of ten letters, and can be sure of a picture that shows none (module 08, section 6, is about this), so its share
# is an upper bound, and says something only together with the letters covered. The best known measures, the **Inception
# score** (Salimans and others, 2016) and the **Fréchet Inception distance** (Heusel and others, 2017), are built in
# this way, on a large classifier. Look at the pictures, too: most are letters, some are none. Our discriminator saw
# fewer than 30,000 real pictures, and as many made ones; that of the bedrooms, three million real ones in each epoch.
#
# **Does it copy?** A generator that had stored its 6,000 training pictures would please every judge. For each made
# picture we look for the nearest training picture, pixel by pixel, and compare with what real *test* pictures, which
# cannot be copies, find.


# %% slide="subslide"
def nearest(pictures):
    """Distance (N,) to the nearest training picture, root mean square per pixel, and its index (N,)."""
    squares = torch.cdist(pictures.flatten(1).to(DEVICE), x_train.flatten(1))
    distance, index = squares.min(1)
    return (distance / 28).cpu(), index.cpu()


d_made, near_made = nearest(pictures[:400])
d_test, near_test = nearest(x_test[:400])
share_copies = (d_made < 0.02).float().mean().item()
print(f"median distance to the nearest training picture: made {d_made.median():.3f}, real test {d_test.median():.3f} "
      f"(black to white is 1)\nsmallest: made {d_made.min():.3f}, real test {d_test.min():.3f}")
good = training.predict(reader, pictures[:400])[:, :10].softmax(1).amax(1) > 0.9
some = good.nonzero()[:12, 0]
picture_rows([pictures[some], x_train[near_made[some]].cpu()], ["made", "nearest\ntraining\npicture"],
             "Made pictures that the reader is sure of, and their nearest training pictures")
plt.show()
assert share_copies < 0.05 and d_made.median() > 0.6 * d_test.median()
ledger.append(("V F", "DCGAN: bedrooms, album covers, Pokémon",
               f"glyphs: reader sure of {sure_made:.0%} (real {sure_real:.0%}), {covered} of 10 letters, nearest "
               f"training picture at {d_made.median():.2f} (real test pictures: {d_test.median():.2f})"))

# %% [markdown] slide="fragment"
# The made pictures are no copies: they lie even farther from the training pictures than real ones do. That is no
# praise, for what is not yet a letter lies far from all letters.

# %% [markdown] slide="subslide"
# > **Erratum E10.** Deck F calls the GAN a "general procedure for creating a **density estimator**" with "**no
# > pre-defined loss function**", and $p(z)$ the "**distribution of generator**". (1) It gives samples and no density.
# > For pictures there is not even one to estimate: all that $G$ can make lies on a surface of at most 24 dimensions in
# > a space of 784, whose volume is 0. (2) $V(D, G)$ *is* a loss, written down on the deck's previous slide, minus
# > twice the usual cross-entropy of "real or made". What is learned is the *judge*. (3) $p(z)$ is the distribution of
# > the **noise**, chosen before training and never changed. The generator's distribution is its push-forward, that of
# > $G(z)$.
# >
# > Where does (1) come from? The answer on Quora (2016) with the sentence that the deck quotes goes on: adversarial
# > training "allows us to train a **discriminator** as an unsupervised “density estimator”, i.e. a contrast function
# > that gives us a low value for data and higher output for everything else" (our $D$ has it the other way round). The
# > deck dropped who does what. And even the best discriminator gives no density, but the ratio of two:
# > $p/q = D^*/(1-D^*)$.

# %% slide="fragment"
G.eval()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch's own, on the first use of torch.func
    jacobian = torch.func.jacfwd(lambda z: G(z[None])[0].flatten())(z_many[0].to(DEVICE))  # (784, 24)
rank = int(torch.linalg.matrix_rank(jacobian.cpu().double()))
on_real, on_made = (training.predict(D, x)[:, 0] for x in (x_test, pictures[:1000]))
V = F.logsigmoid(on_real).mean() + F.logsigmoid(-on_made).mean()
entropy = F.binary_cross_entropy_with_logits(torch.cat([on_real, on_made]), (torch.arange(2000) < 1000).float())
print(f"(1) the pictures' surface has dimension {rank} of 784 at this z")
print(f"(2) V = {V:.4f}, minus twice the cross-entropy {-2 * entropy:.4f}")
q_end = states[-1]["q"]
between = q_end[(centres > -0.1) & (centres < 0.5)].mean().item()
print(f"(3) section 2: the noise has its greatest density at 0; G(z) has a density of {between:.2f} near 0 and of "
      f"{q_end.max():.2f} on its highest hill")
assert rank <= LATENT and abs(V + 2 * entropy) < 1e-4 and between < 0.6 * q_end.max()
ledger.append(("F", "a density estimator, no pre-defined loss, p(z) the generator's distribution (E10)",
               f"a surface of dimension {rank} in 784, no density; V = −2 × cross-entropy; p(z) is the noise"))

# %% [markdown] slide="subslide"
# **The discriminator as a contrast function.** How does ours tell data from "everything else"? We count the pairs of a
# real test glyph and something else in which $D$ gives the real one the higher value (by chance: 50 %).

# %% slide="fragment"
shuffle = torch.randperm(784, generator=torch.Generator().manual_seed(0))
elsewhere = {"made by G": pictures[:1000], "shuffled pixels": x_test.flatten(1)[:, shuffle].view(-1, 1, 28, 28),
             "turned by 180°": x_test.flip(2, 3), "blank": torch.zeros(1, 1, 28, 28)}
above = {}
for name, x in elsewhere.items():
    above[name] = (on_real[:, None] > training.predict(D, x)[:, 0]).float().mean().item()
print("real above: " + ", ".join(f"{name} {share:.0%}" for name, share in above.items()))
assert above["shuffled pixels"] > 0.97 and above["made by G"] > 0.6 and above["turned by 180°"] < 0.9
ledger.append(("F", "a density estimator: the discriminator, as a contrast function (LeCun)", "share of pairs "
               "in which D ranks the real glyph above: " + ", ".join(f"{name} {v:.0%}" for name, v in above.items())))

# %% [markdown] slide="fragment"
# Shuffled pixels hardly ever pass for a glyph, and in most pairs $D$ tells made from real. But many glyphs pass that
# stand on their heads, though of the ten letters only S and X look the same there. And for the blank picture the answer
# is a matter of luck: with other seeds it stood amid the real glyphs or below nearly all of them. $D$ was trained to
# tell data from what $G$ drew; nothing asks it for a low value elsewhere.

# %% [markdown] slide="slide"
# ## 4. Mode collapse, provoked and cured
#
# The generator is asked to please the judge, and *one* kind of sample that pleases is enough. If all samples crowd into
# one **mode** (hill of the density), the judge learns that this place is suspicious, the crowd moves to the next, and
# so on: **mode collapse**. The classical test is a ring of eight narrow Gaussians, where modes can be counted. A sample
# counts as good if it lies within three standard deviations of a centre, and a mode as covered if it has at least 1 %
# of the samples.
#
# - **provoked**: $G$ learns ten times as fast as $D$ and is always ahead of its judge;
# - **equal rates**;
# - **equal rates and R1**: a penalty on the slope of $D$'s logit $a$ at real points,
#   $\frac{\gamma}{2}\lVert\nabla_x a(x)\rVert^2$ (Mescheder, Geiger and Nowozin, 2018). A judge without cliffs gives
#   every sample a direction to move in.

# %% slide="fragment"
angles = torch.arange(8) * math.pi / 4
ring = 2 * torch.stack([angles.cos(), angles.sin()], dim=1)  # (8, 2)
SPREAD, RING_STEPS = 0.08, 1500


def real_ring(n):
    return ((ring[torch.randint(8, (n,))] + SPREAD * torch.randn(n, 2)).to(DEVICE),)


def modes(points):
    """Number of the eight modes that hold at least 1 % of the points (N, 2), and the share of good points."""
    inside = KDTree(points).query_ball_point(ring, 3 * SPREAD, return_length=True)  # (8,); the discs do not overlap
    return int((inside >= 0.01 * len(points)).sum()), float(inside.sum() / len(points))


RECIPES = {"provoked": {"lr": (5e-3, 5e-4)}, "equal rates": {"lr": (2e-3, 2e-3), "beta2": 0.99},
           "equal rates and R1": {"lr": (2e-3, 2e-3), "beta2": 0.99, "r1": 0.3}}
clouds, ring_nets = {}, {}
z_ring = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
for name, recipe in RECIPES.items():
    training.seed_everything(0)
    G_ring, D_ring = mlp(2, 2, 48).to(DEVICE), mlp(2, 1, 48).to(DEVICE)
    clouds[name] = []
    play(G_ring, D_ring, real_ring, RING_STEPS, latent=2, batch=128, **recipe, every=100,
         watch=lambda step, G=G_ring, c=clouds[name]: c.append(training.predict(G, z_ring)))
    ring_nets[name] = G_ring
    print(f"{name:<20} modes covered every 300 steps: " + ", ".join(str(modes(c)[0]) for c in clouds[name][2::3])
          + f"; good points in the last 500 {np.mean([modes(c)[1] for c in clouds[name][-5:]]):.0%}")

# %% slide="subslide"
figure, axes = plt.subplots(1, 4, figsize=(17, 4.6), width_ratios=[1, 1, 1, 1.25])
dots = real_ring(600)[0].cpu()
for axis, (name, cloud) in zip(axes, clouds.items(), strict=False):
    axis.plot(*dots.T, ".", color=COLORS["blue"], markersize=3, label="real")
    axis.plot(*cloud[-1][:600].T, ".", color=COLORS["vermillion"], markersize=3, label="made")
    axis.set(title=name, xlabel="$x_1$", xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), aspect="equal")
axes[0].set_ylabel("$x_2$")
axes[0].legend(markerscale=5, loc="center")
looks = (("vermillion", "s--"), ("orange", "^:"), ("green", "o-"))
for (name, cloud), (color, style) in zip(clouds.items(), looks, strict=True):
    axes[3].plot(100 * np.arange(1, len(cloud) + 1), [modes(c)[0] for c in cloud], style, color=COLORS[color],
                 markersize=6, label=name)
axes[3].set(title="Modes covered", xlabel="step", ylabel="modes, of eight", ylim=(-0.4, 11), yticks=range(0, 9, 2))
axes[3].legend(fontsize=12, loc="upper left")
plt.show()
late = {name: np.mean([modes(c)[0] for c in cloud[-5:]]) for name, cloud in clouds.items()}
assert late["provoked"] <= 4 and late["equal rates and R1"] >= 6
good_points = {name: np.mean([modes(c)[1] for c in cloud[-5:]]) for name, cloud in clouds.items()}
assert good_points["equal rates and R1"] < good_points["equal rates"]
ledger.append(("F", "(no word on mode collapse)", "ring of eight, mean modes covered in the last 500 steps: "
               + ", ".join(f"{name} {value:.1f}" for name, value in late.items())))

# %% [markdown] slide="fragment"
# The provoked generator wanders round the ring in one heap and covers, most of the time, one mode or none. With equal
# rates all eight modes are found. On this ring the rates do the work, and the penalty has a price: fewer samples are
# good. What it can be good for shows in the game of section 2: of the five seeds that we tried, all cover both hills
# with the penalty, and three without it. None of this is a theorem: rates, penalties and batch statistics are tuned by
# trial for each task. The thin trails between the modes are not a lack of training. They lead to an erratum.

# %% [markdown] slide="subslide"
# > **Erratum E70.** Deck F: GANs "create parametrization of complicated real data manifold". (In the answer on Quora it
# > is the *generator* that "can be seen as parameterizing the complicated surface of real data".) A net is continuous
# > and the noise is connected (from any $z$ to any other one can walk without a jump), so the set of all $G(z)$ is
# > **connected** as well. Eight islands are not, nor are ten letters. The generator must build bridges: a walk between
# > two samples on different islands passes through samples that belong to none. Nor does $G$ tell the parameter $z$ of
# > a given $x$, as a parametrisation would; for that one has to search.

# %% slide="fragment"
islands = KDTree(ring)
distance, mode = islands.query(clouds["equal rates and R1"][-1])
on_island = (distance < 3 * SPREAD).nonzero()[0]
starts_on, ends_on = on_island[:-1], on_island[1:]
crossing = mode[starts_on] != mode[ends_on]
starts_on, ends_on = starts_on[crossing][:200], ends_on[crossing][:200]
way = torch.linspace(0, 1, 201)[:, None, None]
walks = (1 - way) * z_ring[starts_on] + way * z_ring[ends_on]  # (201, walks, 2)
walked = training.predict(ring_nets["equal rates and R1"], walks.flatten(0, 1))
off_island = (islands.query(walked)[0] > 3 * SPREAD).reshape(201, -1)
print(f"{len(starts_on)} walks between two islands: {off_island.any(0).mean():.0%} of them leave the data, for "
      f"{off_island.mean():.0%} of the way on average")
assert off_island.any(0).all()
ledger.append(("F", "create parametrization of real data manifold (E70)",
               f"{off_island.any(0).mean():.0%} of the walks from mode to mode pass through what is no data"))

# %% [markdown] slide="slide"
# ## 5. The latent space
#
# Deck F shows "face arithmetic": *man with glasses − man + woman = woman with glasses*. The vectors are points of the
# **latent space**, the generator's noise. Nobody told it about glasses, or our generator about bold type. First, a walk
# between two letters. In 24 dimensions nearly all noise vectors have a length close to $\sqrt{24} \approx 4.9$; the
# middle of the straight line between two of them is shorter, and the generator has rarely been there. Stretched to the
# length it should have, it is on the beaten track again; the last line says how much that helps here. (The lab walks on
# the sphere.)

# %% slide="fragment"
attributes = training.predict(reader, pictures)  # (2000, 13): what the reader says about the made pictures
p_letter = attributes[:, :10].softmax(1)
clear = p_letter.amax(1) > 0.95


def stretched(z):
    """The same direction, at the length that noise usually has."""
    return F.normalize(z, dim=-1) * math.sqrt(LATENT)


ways = torch.linspace(0, 1, 12)[:, None]
surest = {letter: int(p_letter[:, k].argmax()) for k, letter in enumerate(LETTERS)}  # chosen, not typical
pairs = [(surest[a], surest[b]) for a, b in ("AR", "EB", "SG")]
walk_rows = [training.predict(G, stretched((1 - ways) * z_many[i] + ways * z_many[j])) for i, j in pairs]
picture_rows(walk_rows, ["A to R", "E to B", "S to G"], "Walks between the letters that the reader is surest of")
plt.show()
ends = clear.nonzero()[:600, 0].view(2, -1)
middle = z_many[ends].mean(0)
lengths = {"ends": z_many[ends].norm(dim=-1).mean(), "middle": middle.norm(dim=-1).mean()}
at_middle = {name: verdict(training.predict(G, z))[0]
             for name, z in (("straight", middle), ("stretched", stretched(middle)))}
print(f"mean length of the ends {lengths['ends']:.2f}, of the middle {lengths['middle']:.2f}")
print("pictures in the middle that the reader is sure of: " + ", ".join(f"{k} {v:.0%}" for k, v in at_middle.items()))
assert lengths["middle"] < 0.8 * lengths["ends"]

# %% [markdown] slide="subslide"
# ### Directions
#
# For 2,000 made pictures we know the noise and what the reader says. A linear regression of its logit for "bold" on $z$
# gives a direction in the latent space. Then, for 400 *new* noise vectors, we walk along it and read again. The control
# is a walk of the same length in a random direction, the mean of four such directions.
#
# Here the reader both defines the directions and judges them. Two measures need no net: a picture's **slant**, how far
# its ink leans to the right per pixel of height (from the second moments), and its **ink**, the mean of its pixels.

# %% slide="fragment"
fits = {style: LinearRegression().fit(z_many, attributes[:, 10 + k]) for k, style in enumerate(STYLES)}
directions = {style: F.normalize(torch.tensor(fit.coef_, dtype=torch.float32), dim=0) for style, fit in fits.items()}
random_directions = F.normalize(torch.randn(4, LATENT, generator=torch.Generator().manual_seed(5)), dim=1)
z_new, new_pictures = sample(G, 400, seed=1)
steps = torch.linspace(-3, 3, 7)
is_now, same_letter = {}, {}
before = training.predict(reader, new_pictures)
for style, ways_to_go in {**{s: d[None] for s, d in directions.items()}, "random": random_directions}.items():
    moved = z_new + steps[:, None, None, None] * ways_to_go[:, None]  # (7, directions, 400, 24)
    readings = training.predict(reader, training.predict(G, moved.reshape(-1, LATENT))).view(7, -1, 13)
    is_now[style] = (readings[:, :, 10:] > 0).float().mean(1)  # (7, 3)
    letter_before = before[:, :10].argmax(1).repeat(len(ways_to_go))
    same_letter[style] = (readings[:, :, :10].argmax(2) == letter_before).float().mean(1)
for k, style in enumerate(STYLES):
    print(f"{style:<8} R² of the regression {fits[style].score(z_many, attributes[:, 10 + k]):.2f}; share of {style} "
          f"from {is_now[style][0, k]:.0%} at −3 to {is_now[style][-1, k]:.0%} at +3 (random direction "
          f"{is_now['random'][0, k]:.0%} to {is_now['random'][-1, k]:.0%}); same letter as before at +3 "
          f"{same_letter[style][-1]:.0%}")
    assert is_now[style][-1, k] - is_now[style][0, k] > 0.25
print(f"a random direction: same letter as before at +3 {same_letter['random'][-1]:.0%}")
assert 0.25 < same_letter["random"][-1] < 0.75


def slant_and_ink(pictures):
    """Means over pictures (N, 1, 28, 28) of how far they lean to the right per pixel of height, and of their pixels."""
    x, y = torch.arange(28.0), torch.arange(28.0)[:, None]  # y points down
    ink = pictures[:, 0].cpu()
    total = ink.sum((1, 2), keepdim=True).clamp(min=1e-6)
    x, y = (axis - (ink * axis).sum((1, 2), keepdim=True) / total for axis in (x, y))
    slant = -(ink * x * y).sum((1, 2)) / (ink * y**2).sum((1, 2)).clamp(min=1e-6)
    return slant.mean().item(), ink.mean().item()


for number, (name, style) in enumerate((("slant", "oblique"), ("ink", "bold"))):
    along, by_chance = ([np.mean([slant_and_ink(training.predict(G, z_new + step * d))[number] for d in ways_to_go])
                         for step in (-3, 3)] for ways_to_go in (directions[style][None], random_directions))
    real_two = [slant_and_ink(x_test[about_test[:, 1 + STYLES.index(style)] == flag])[number] for flag in (0, 1)]
    print(f"{name:<5} from {along[0]:.2f} at −3 to {along[1]:.2f} at +3 along “{style}” (random direction "
          f"{by_chance[0]:.2f} to {by_chance[1]:.2f}); real glyphs: not {style} {real_two[0]:.2f}, {style} "
          f"{real_two[1]:.2f}")
    assert along[1] - along[0] > real_two[1] - real_two[0] > 0

# %% slide="subslide"
figure, axes = plt.subplots(1, 3, figsize=(16, 5.1), sharey=True)
for k, (axis, style) in enumerate(zip(axes, STYLES, strict=True)):
    axis.plot(steps, 100 * is_now[style][:, k], "o-", color=COLORS["vermillion"], label=f"{style}, along its direction")
    axis.plot(steps, 100 * is_now["random"][:, k], "s--", color=COLORS["blue"], label=f"{style}, random direction")
    axis.plot(steps, 100 * same_letter[style], "^:", color=COLORS["black"], label="same letter, along its direction")
    axis.plot(steps, 100 * same_letter["random"], "v:", color=COLORS["grey"], label="same letter, random direction")
    axis.set(title=f"Direction “{style}”", xlabel="step in the latent space", ylim=(-3, 158), yticks=range(0, 101, 25))
    axis.legend(fontsize=12, loc="upper left")
axes[0].set_ylabel("share of 400 pictures (%)")
plt.show()
start = z_new[before[:, :10].softmax(1)[:, LETTERS.index("R")].argmax()]
strip = torch.linspace(-2.5, 2.5, 11)[:, None]
picture_rows([training.predict(G, start + strip * directions[style]) for style in STYLES], STYLES,
             "One noise vector (middle), moved along three directions")
plt.show()
ledger.append(("F", "face arithmetic", "directions on glyphs, from −3 to +3: " + ", ".join(
    f"{style} {is_now[style][0, k]:.0%} → {is_now[style][-1, k]:.0%}" for k, style in enumerate(STYLES))))

# %% [markdown] slide="subslide"
# ### Arithmetic
#
# Now the deck's form of it: *bold A − A + E = bold E?* As in the DCGAN paper each of the three terms is a mean of three
# noise vectors, because single ones are too different. All pairs of letters, and for comparison the last term alone,
# and the last term with a random step as long as the difference of the first two.

# %% slide="fragment"
letter_of, bold_logit = p_letter.argmax(1), attributes[:, 10]
of = {(c, b): (clear & (letter_of == c) & ((bold_logit > 1) if b else (bold_logit < -1))).nonzero()[:, 0]
      for c in range(10) for b in (True, False)}
rng = torch.Generator().manual_seed(0)


def mean_of_three(c, b):
    return z_many[of[c, b][torch.randperm(len(of[c, b]), generator=rng)[:3]]].mean(0)


usable = [c for c in range(10) if min(len(of[c, True]), len(of[c, False])) >= 3]
sums, alone, wanted = [], [], []
for a in usable:
    for e in usable:
        if a != e:
            plain_e = mean_of_three(e, False)
            sums.append(mean_of_three(a, True) - mean_of_three(a, False) + plain_e)
            alone.append(plain_e)
            wanted.append(e)
wanted, sums, alone = torch.tensor(wanted), torch.stack(sums), torch.stack(alone)
any_way = F.normalize(torch.randn(4, *sums.shape, generator=rng), dim=-1)  # four for each pair
random_steps = alone + (sums - alone).norm(dim=-1, keepdim=True) * any_way
arithmetic = {}
for name, z in (("sum", sums), ("last term alone", alone), ("with random step", random_steps.flatten(0, 1))):
    r = training.predict(reader, training.predict(G, z))
    hit = r[:, :10].argmax(1) == wanted.repeat(len(z) // len(wanted))
    arithmetic[name] = ((r[:, 10] > 0).float().mean().item(), hit.float().mean().item(),
                        (hit & (r[:, 10] > 0)).float().mean().item())
    print(f"{name:<16} of {len(wanted)} pairs: bold {arithmetic[name][0]:.0%}, the wanted letter "
          f"{arithmetic[name][1]:.0%}, both {arithmetic[name][2]:.0%}")
assert arithmetic["sum"][0] > max(arithmetic["last term alone"][0], arithmetic["with random step"][0]) + 0.15
assert arithmetic["with random step"][1] - 0.1 < arithmetic["sum"][1] < arithmetic["last term alone"][1] - 0.1
ledger.append(("F", "man with glasses − man + woman", f"bold A − A + E, {len(wanted)} pairs of letters: bold "
               f"{arithmetic['sum'][0]:.0%} (without the difference {arithmetic['last term alone'][0]:.0%}), bold and "
               f"the right letter {arithmetic['sum'][2]:.0%}; the right letter at all {arithmetic['sum'][1]:.0%} "
               f"(with a random step as long {arithmetic['with random step'][1]:.0%})"))

# %% [markdown] slide="fragment"
# The difference carries boldness over to another letter in about half of the cases, and it often costs the letter: the
# sum has the wanted one far less often than the last term alone. That is the price of any long step: a random one of
# this length costs it no less often, and in the curves above a step of 3 in a random direction loses about half of the
# letters. Slides show the examples that came out.
#
# **Explorer 2.** A walk in the latent space: from one letter that the reader is sure of to another one (`walk` from 0
# to 1, at the usual length), and from there along the three directions. The bars are what the reader sees.


# %% slide="subslide"
clear_new = {letter: z_new[before[:, :10].softmax(1)[:, k].argmax()] for k, letter in enumerate(LETTERS)}


def plot_walk(start="R", goal="G", walk=0.0, bold=0.0, oblique=0.0, serif=0.0):
    """A made letter, moved in the latent space, and the reader's probabilities for letters and styles."""
    z = stretched((1 - walk) * clear_new[start] + walk * clear_new[goal])
    z = z + bold * directions["bold"] + oblique * directions["oblique"] + serif * directions["serif"]
    shown = training.predict(G, torch.stack([clear_new[start], z]))
    r = training.predict(reader, shown)[1]
    _, (first, second, letters, styles) = plt.subplots(1, 4, figsize=(15, 4), width_ratios=[1, 1, 1.5, 0.7])
    for axis, image, title in zip((first, second), shown, ("start", "moved"), strict=True):
        axis.imshow(image[0], vmin=0, vmax=1)
        axis.set_title(title)
        axis.set_axis_off()
    letters.bar(list(LETTERS), 100 * r[:10].softmax(0), color=COLORS["blue"])
    letters.set(title="The reader: letter", ylabel="probability (%)", ylim=(0, 105))
    styles.bar(STYLES, 100 * r[10:].sigmoid(), color=COLORS["vermillion"])
    styles.set(title="style", ylim=(0, 105))
    styles.tick_params(axis="x", rotation=45)
    best = int(r[:10].argmax())
    print(f"The reader sees {LETTERS[best]} with {r[:10].softmax(0)[best]:.0%}; "
          + ", ".join(f"{style} {p:.0%}" for style, p in zip(STYLES, r[10:].sigmoid(), strict=True)) + ".")


plot_walk(bold=2.0)
plt.show()
widgets.explore(plot_walk, start=list(LETTERS), goal=list(LETTERS), walk=(0.0, 1.0, 0.05), bold=(-3.0, 3.0, 0.25),
                oblique=(-3.0, 3.0, 0.25), serif=(-3.0, 3.0, 0.25))

# %% [markdown] slide="slide"
# ## 6. A pyramid of generators
#
# Deck N's slide "Natural image generation" shows Denton and others (2015), **LAPGAN**. Its idea: do not draw 784 pixels
# at once. A **Laplacian pyramid** stores a picture as a coarse version and, level by level, the **detail** that is
# missing to the next finer one. Each level gets its own GAN:
#
# 1. an unconditional one draws the coarse picture, 14 × 14 pixels;
# 2. a **conditional** one receives a coarse picture, enlarged, and noise, and draws the detail. Its discriminator sees
#    the coarse picture as well, and judges whether the detail suits it.
#
# Both are trained on real pyramids, independently of each other. Only for sampling are they stacked. In the paper
# people took about 40 % of the pyramid's pictures (of animals and vehicles, 32 × 32) for real ones, and 10 % of a
# single GAN's. The first row of the next figure is the pyramid of real glyphs: coarse + detail = original, exactly.


# %% slide="fragment"
def enlarged(small, side=28, mode="bicubic"):
    """Pictures (N, 1, ...) at side × side pixels."""
    return F.interpolate(small, size=(side, side), mode=mode, align_corners=False)


class Detail(nn.Module):
    """From noise and a coarse picture (n, 1, 14, 14) to the finer picture (n, 1, 28, 28): enlarged coarse + detail."""

    def __init__(self, width=20):
        super().__init__()
        self.spread = nn.Linear(LATENT, 2 * 49)  # the noise as two maps of 7 × 7, enlarged
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
                                    nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
                                    nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2), nn.Tanh())
        # PixelShuffle(2) makes of four channels one that is twice as wide and high.

    def forward(self, z, coarse):
        maps = F.interpolate(self.spread(z).view(-1, 2, 7, 7), scale_factor=2)
        return (enlarged(coarse) + self.layers(torch.cat([coarse, maps], dim=1))).clamp(0, 1)


class SuitsCoarse(nn.Module):
    """Discriminator of (picture, coarse picture): logits (n, 1)."""

    def __init__(self, width=16):
        super().__init__()
        self.layers = discriminator(width, channels=2)

    def forward(self, picture, coarse):
        return self.layers(torch.cat([picture, picture - enlarged(coarse)], dim=1))


coarse_train, coarse_test = (F.avg_pool2d(x, 2) for x in (x_train, x_test))


def real_coarse(n):
    return (coarse_train[torch.randint(N_TRAIN, (n,), device=DEVICE)],)


def real_pair(n):
    rows = torch.randint(N_TRAIN, (n,), device=DEVICE)
    return x_train[rows], coarse_train[rows]


training.seed_everything(1)
COARSE_STEPS, DETAIL_STEPS, began = 320, 200, time.perf_counter()
G_coarse, D_coarse = nn.Sequential(*list(generator())[:4]), discriminator(side=14)
G_coarse.extend([nn.ConvTranspose2d(56, 1, 4, stride=2, padding=1), nn.Sigmoid()]).to(DEVICE)
play(G_coarse, D_coarse, real_coarse, COARSE_STEPS, latent=LATENT, lr=(2e-3, 2e-3), beta2=0.99, smooth=0.9)
G_detail = Detail().to(DEVICE, memory_format=torch.channels_last)
D_detail = SuitsCoarse().to(DEVICE, memory_format=torch.channels_last)
play(G_detail, D_detail, real_pair, DETAIL_STEPS, latent=LATENT, lr=(1e-3, 1e-3), beta2=0.99, smooth=0.9)


@torch.no_grad()
def refine(coarse, seed=0):
    """Coarse pictures (n, 1, 14, 14) with a detail drawn for each: (n, 1, 28, 28) in [0, 1], on the CPU."""
    G_detail.eval()
    z = torch.randn(len(coarse), LATENT, generator=torch.Generator().manual_seed(seed))
    return G_detail(z.to(DEVICE), coarse.to(DEVICE)).clamp(0, 1).cpu()


z = torch.randn(1000, LATENT, generator=torch.Generator().manual_seed(0))
drawn_coarse = training.predict(G_coarse, z)
pyramid = refine(drawn_coarse)
contenders = {"real": x_test, "real coarse, only enlarged": enlarged(coarse_test).clamp(0, 1),
              "real coarse + drawn detail": refine(coarse_test),
              "drawn coarse, only enlarged": enlarged(drawn_coarse).clamp(0, 1), "pyramid: both drawn": pyramid,
              "one GAN (section 3)": pictures[:1000]}


def edges_of(x):
    """Mean absolute difference of neighbouring pixels, a measure of sharpness."""
    return ((x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()) / 2).item()


print(f"trained for {time.perf_counter() - began:.0f} s")
judged = {}
for name, x in contenders.items():
    sure, shares = verdict(x)
    judged[name] = sure, int((shares > 0.01).sum()), edges_of(x.cpu()) / edges_of(x_test.cpu())
    print(f"{name:<28} sure of {sure:>4.0%}, letters {judged[name][1]:>2}, edges {judged[name][2]:.0%} of real")
assert judged["pyramid: both drawn"][0] > 0.25 and judged["pyramid: both drawn"][1] >= 7
assert judged["real coarse + drawn detail"][2] > judged["real coarse, only enlarged"][2] + 0.05
ledger.append(("N", "natural image generation (the paper: people take 40 % of it for real, 10 % of one GAN's pictures)",
               f"two levels on glyphs: a net, not people, is sure of {judged['pyramid: both drawn'][0]:.0%} (one GAN "
               f"{judged['one GAN (section 3)'][0]:.0%}), edges {judged['pyramid: both drawn'][2]:.0%} of real. The "
               "order of pyramid and one GAN can be compared, the shares cannot"))

# %% slide="subslide"
real_up = enlarged(coarse_test[:6]).cpu()
triples = [torch.stack([up, full - up, full]) for up, full in zip(real_up, x_test[:6].cpu(), strict=True)]
made_up = enlarged(drawn_coarse[:6])
triples_made = [torch.stack([up, full - up, full]) for up, full in zip(made_up, pyramid[:6], strict=True)]
figure, axes = plt.subplots(2, 12, figsize=(16, 3.6))
for line, rows, label in zip(axes, (triples[:4], triples_made[:4]), ("real", "drawn"), strict=True):
    for axis, picture, k in zip(line, torch.cat(list(rows)), range(12), strict=True):
        detail = k % 3 == 1
        low, high = (-0.5, 0.5) if detail else (0, 1)
        axis.imshow(picture[0], cmap="RdBu_r" if detail else "gray", vmin=low, vmax=high)
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        if label == "real":
            axis.set_title(("coarse", "+ detail", "= picture")[k % 3], fontsize=13)
        for side in axis.spines.values():
            side.set_visible(False)
    line[0].set_ylabel(label, fontsize=16)
figure.suptitle("Two levels of a Laplacian pyramid (detail: blue −0.5 or less, white 0, red +0.5 or more)")
plt.show()
picture_rows([pyramid[:14], pictures[:14]], ["pyramid", "one GAN"], "Not chosen: the first fourteen samples of each")
plt.show()

# %% [markdown] slide="fragment"
# Given a *real* coarse picture, the drawn detail makes the edges as sharp as real ones. The letters' shapes are the
# coarse generator's business, and where it errs no detail can help. At 28 × 28 pixels the pyramid is about as good as
# the single GAN; it was made for larger pictures, where one step from noise to all pixels failed.

# %% [markdown] slide="slide"
# ## 7. Super-resolution
#
# Deck F's figure: a picture shrunk to a quarter of its width and height, and enlarged again by **bicubic**
# interpolation (each new pixel is a fixed weighted mean of the 16 pixels around it), by a net trained on the mean
# squared error, and by the same net trained with a discriminator (**SRGAN**, Ledig and others, 2017). "4× upscaling" is
# by side: 15 of 16 pixels must be invented. Two measures stand in brackets:
#
# - **PSNR**, peak signal-to-noise ratio, $-10 \log_{10} \mathrm{MSE}$ decibels for pixels between 0 and 1;
# - **SSIM**, structural similarity: in each small window means, variances and covariance are compared. 1 is identical.
#
# Ours goes from 7 × 7 to 28 × 28. The net adds a correction to the bicubic picture and puts a sigmoid on the sum. First
# it is trained on the MSE. A copy of it is then trained further as the generator of a GAN, with the MSE as an extra
# term. (SRGAN's extra term compares not the pixels but what VGG of module 04, section 5, trained on photographs,
# sees in them: the "loss more sensitive to human perception" of the deck's caption.)


# %% slide="fragment"
class SuperResolution(nn.Module):
    """From small pictures (n, 1, 7, 7) to (n, 1, 28, 28). A noise argument before the picture is ignored."""

    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(),
                                    nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.PixelShuffle(2),
                                    nn.Conv2d(width // 2, width, 3, padding=1), nn.ReLU(),
                                    nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, *inputs):
        return torch.sigmoid(8 * (enlarged(inputs[-1]) - 0.5) + self.layers(inputs[-1]))


def structural_similarity(a, b):
    """SSIM (Wang and others, 2004) of pictures (N, 1, height, width) in [0, 1], Gaussian window of 11: (N,)."""
    ticks = torch.arange(11.0) - 5
    window = torch.exp(-(ticks**2) / (2 * 1.5**2))
    window = (window[:, None] * window / window.sum() ** 2)[None, None]
    mean_a, mean_b, aa, bb, ab = (F.conv2d(t, window) for t in (a, b, a * a, b * b, a * b))
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * (ab - mean_a * mean_b) + c2)
    return (alike / ((mean_a**2 + mean_b**2 + c1) * (aa - mean_a**2 + bb - mean_b**2 + c2))).mean((1, 2, 3))


small_train, small_test = (F.avg_pool2d(x, 4) for x in (x_train, x_test))


def real_and_small(n):
    rows = torch.randint(N_TRAIN, (n,), device=DEVICE)
    return x_train[rows], small_train[rows]


class IgnoresSmall(nn.Module):
    """The discriminator of section 3, which judges the large picture alone, as in SRGAN."""

    def __init__(self):
        super().__init__()
        self.layers = discriminator(16)

    def forward(self, picture, small):
        return self.layers(picture)


training.seed_everything(0)
began = time.perf_counter()
by_mse = SuperResolution().to(DEVICE, memory_format=torch.channels_last)
training.fit(by_mse, small_train, x_train, epochs=4, lr=3e-3, loss=F.mse_loss, progress=False)
by_game = SuperResolution().to(DEVICE, memory_format=torch.channels_last)
by_game.load_state_dict(by_mse.state_dict())
play(by_game, IgnoresSmall().to(DEVICE), real_and_small, 250, latent=1, lr=(5e-4, 1e-3), beta2=0.99, smooth=0.9,
     extra=lambda made, real: 40 * F.mse_loss(made, real))
print(f"trained for {time.perf_counter() - began:.0f} s")
truth = x_test.cpu()
enlargements = {"bicubic": enlarged(small_test).cpu(), "MSE net": training.predict(by_mse, small_test),
                "adversarial": training.predict(by_game, small_test), "original": truth}
quality = {}
for name, x in enlargements.items():
    x = enlargements[name] = x.clamp(0, 1)
    mse = (x - truth).square().mean((1, 2, 3))
    read = training.predict(reader, x)[:, :10].softmax(1)
    quality[name] = {"PSNR": (-10 * mse.clamp(min=1e-12).log10()).mean().item(),
                     "SSIM": structural_similarity(x, truth).mean().item(), "edges": edges_of(x) / edges_of(truth),
                     "grey": ((x > 0.2) & (x < 0.8)).float().mean().item(),
                     "sure": (read.amax(1) > 0.9).float().mean().item(),
                     "right": (read.argmax(1) == y_test).float().mean().item(),
                     "sure, wrong": ((read.amax(1) > 0.9) & (read.argmax(1) != y_test)).float().mean().item()}
print(f"{'':<13}{'PSNR (dB)':>10}{'SSIM':>8}{'edges':>8}{'grey pixels':>13}{'reader sure':>13}{'right':>8}"
      f"{'sure, wrong':>13}")
for name, row in quality.items():
    psnr = "–" if name == "original" else f"{row['PSNR']:.2f}"
    print(f"{name:<13}{psnr:>10}{row['SSIM']:>8.3f}{row['edges']:>8.0%}{row['grey']:>13.1%}{row['sure']:>13.0%}"
          f"{row['right']:>8.0%}{row['sure, wrong']:>13.1%}")
mse_row, game_row = quality["MSE net"], quality["adversarial"]
assert mse_row["PSNR"] > game_row["PSNR"] + 0.1 and mse_row["PSNR"] > quality["bicubic"]["PSNR"] + 1
assert game_row["edges"] > mse_row["edges"] + 0.03 and game_row["grey"] < mse_row["grey"]
assert abs(quality["original"]["SSIM"] - 1) < 1e-3
over_bicubic = game_row["PSNR"] - quality["bicubic"]["PSNR"]
print(f"PSNR, adversarial minus bicubic: {over_bicubic:+.1f} dB (in the paper's figure {21.15 - 21.59:+.1f} dB)")
assert over_bicubic > 0.5 and quality["bicubic"]["SSIM"] < game_row["SSIM"] < mse_row["SSIM"]
assert game_row["right"] < mse_row["right"] + 0.01
assert game_row["sure, wrong"] > quality["original"]["sure, wrong"]
ledger.append(("F", "super-resolution 4× (bicubic 21.59 dB / .642, MSE 23.53 / .783, adversarial 21.15 / .687)",
               "; ".join(f"{name} {row['PSNR']:.1f} dB / {row['SSIM']:.2f}, edges {row['edges']:.0%}"
                         for name, row in quality.items() if name != "original")
               + f"; adversarial minus bicubic {over_bicubic:+.1f} dB, in the paper's figure {21.15 - 21.59:+.1f} dB"))

# %% slide="subslide"
chosen = torch.stack([(y_test == k).nonzero()[1, 0] for k in range(10)])
picture_rows([small_test.cpu()[chosen], *(x[chosen] for x in enlargements.values())],
             ["7 × 7 pixels", *(f"{name}\n{row['PSNR']:.1f} dB / {row['SSIM']:.2f}" if name != "original" else name
                                for name, row in quality.items())],
             "Enlarged four times by side, with PSNR / SSIM (means over the test glyphs)", width=13)
plt.show()

# %% [markdown] slide="fragment"
# ### Why PSNR prefers the blur
#
# Suppose that two originals $a$ and $b$ are equally likely for one small picture, say an edge one pixel further left or
# right. Whoever draws $a$ errs by $\lVert a-b\rVert^2$ in half of the cases, $\frac12\lVert a-b\rVert^2$ on average.
# Whoever draws the mean $\frac{a+b}2$, a picture that is *never* right, errs by $\frac14\lVert a-b\rVert^2$ always. The
# blur wins by a factor of two in MSE, 3.01 dB. In general the MSE is lowest for the mean of all possible originals.

# %% slide="fragment"
a, b = truth[chosen], truth[chosen].roll(1, dims=3)  # the same letter, one pixel to the right
truths = torch.stack([a, b])
crisp, blurred = ((guess - truths).square().mean() for guess in (a, (a + b) / 2))
gain = 10 * torch.log10(crisp / blurred).item()
print(f"expected MSE: a crisp guess {crisp:.4f}, the mean of both {blurred:.4f}: {gain:.2f} dB in favour of the blur")
alike = [torch.stack([structural_similarity(guess, t) for t in truths]).mean().item() for guess in (a, (a + b) / 2)]
print(f"expected SSIM: a crisp guess {alike[0]:.3f}, the mean of both {alike[1]:.3f}")
assert abs(gain - 10 * math.log10(2)) < 1e-3
ledger.append(("F", "a loss more sensitive to human perception",
               f"PSNR rates the mean of two possible originals {gain:.2f} dB above either of them"))
small_gap = (F.avg_pool2d(enlargements["adversarial"], 4) - small_test.cpu()).abs().mean().item()
print(f"the adversarial picture, shrunk again, differs from its input by {small_gap:.3f} per pixel on average")

# %% [markdown] slide="fragment"
# So a high PSNR says that the picture is close on average, not that it looks like one. In the deck's figure, too, the
# net trained on the MSE has the highest PSNR; in its brackets (version 5 of the paper) stand 21.59 dB / 0.6423 for
# bicubic, 23.53 / 0.7832 for the MSE and 21.15 / 0.6868 for the adversarial net. SSIM ranks the three as it ranks ours.
# But in PSNR the adversarial picture is there even below bicubic, and ours above. (Our extra term is the MSE itself,
# that of SRGAN is not.)
#
# The discriminator punishes grey edges, because real glyphs have few. But what it adds is *plausible*, not *true*:
# where the small picture does not decide, the net invents. The edges are sharper than those of the MSE net, and still
# the reader is not right more often; some letters it reads surely, and wrongly. Do not read number plates or diagnoses
# from such a picture.
#
# **Explorer 3.** One test letter, the small picture and the three enlargements.


# %% slide="subslide"
def plot_enlargement(letter="R", example=0):
    """A test glyph of a letter: 7 × 7 pixels, the three enlargements and the original, each with its PSNR."""
    row = int((y_test == LETTERS.index(letter)).nonzero()[example, 0])
    _, axes = plt.subplots(1, 5, figsize=(15, 3.9))
    psnr = []
    shown = {"7 × 7 pixels": small_test.cpu()[row], **{name: x[row] for name, x in enlargements.items()}}
    for axis, (name, x) in zip(axes, shown.items(), strict=True):
        axis.imshow(x[0], vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[], title=name)
        axis.grid(False)
        if name in ("bicubic", "MSE net", "adversarial"):
            axis.set_xlabel(f"{-10 * (x - truth[row]).square().mean().log10():.1f} dB")
            psnr.append(f"{name} {axis.get_xlabel()}")
    print(f"PSNR of test {letter} number {example}:", ", ".join(psnr))


plot_enlargement(letter="G")
plt.show()
widgets.explore(plot_enlargement, letter=list(LETTERS), example=(0, 40))

# %% [markdown] slide="slide"
# ## What the decks say, and what we computed

# %% slide="fragment"
for deck, says, computed in ledger:
    print(f"{deck}  {says}\n     -> {computed}")
print(f"\nThis notebook took {time.perf_counter() - NOTEBOOK_START:.0f} s.")

# %% [markdown] slide="slide"
# ## Summary
#
# - A **Gaussian mixture** has a density that one can write down; EM climbs to a local maximum of the likelihood, never
#   down. For pictures its Gaussians are too simple.
# - A **GAN** is a game. Against a fixed generator the best discriminator is $p/(p+q)$, and the value of the game is
#   $2\,\mathrm{JSD} - \log 4$. The generator is trained on the **non-saturating** loss, because the one of the formula
#   has no gradient where the discriminator is sure.
# - A GAN gives **samples and no density**. Its loss does not tell its quality. Judge it by a net trained on real data,
#   by the classes that it covers, and by the distance to the nearest training picture.
# - **Mode collapse**: a few modes please the judge of the moment. A judge that learns as fast as the generator helps; a
#   penalty on its slope can, at a price.
# - In the **latent space** a direction can stand for a property (bold, oblique). It works on average, not in each case.
# - A **Laplacian pyramid** of conditional GANs draws the coarse picture first and the detail after.
# - **Super-resolution**: the MSE asks for the mean of all possible originals, a blur, and PSNR rewards it. An
#   adversarial loss asks for a picture that could be real, and invents what it cannot know.
#
# **Next:** the [lab of this module](../labs/07_gan/07_gan.ipynb), in which you write EM, the losses and the training
# step yourself. Then [module 08](08_adversarial.ipynb), in which a picture is changed in order to fool a classifier.
#
# ## References
#
# - A. Dempster, N. Laird, D. Rubin. Maximum likelihood from incomplete data via the EM algorithm. *Journal of the Royal
#   Statistical Society B* 39, 1977.
# - E. Denton, S. Chintala, A. Szlam, R. Fergus. [Deep generative image models using a Laplacian pyramid of adversarial
#   networks](https://arxiv.org/abs/1506.05751). *NIPS* 2015 (LAPGAN).
# - I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio. [Generative
#   adversarial networks](https://arxiv.org/abs/1406.2661). *NIPS* 2014.
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. [GANs trained by a two time-scale update rule
#   converge to a local Nash equilibrium](https://arxiv.org/abs/1706.08500). *NIPS* 2017 (Fréchet Inception distance).
# - Y. LeCun. [What are some recent and potentially upcoming breakthroughs in deep
#   learning?](https://www.kdnuggets.com/2016/08/yann-lecun-quora-session.html) Answer on *Quora*, 28 July 2016, in
#   excerpts at KDnuggets (the quotation of F).
# - C. Ledig and others. [Photo-realistic single image super-resolution using a generative adversarial
#   network](https://arxiv.org/abs/1609.04802). *CVPR* 2017 (SRGAN, the figure of F).
# - L. Mescheder, A. Geiger, S. Nowozin. [Which training methods for GANs do actually
#   converge?](https://arxiv.org/abs/1801.04406) *ICML* 2018 (R1).
# - K. Pearson. Contributions to the mathematical theory of evolution. *Philosophical Transactions of the Royal Society
#   A* 185, 1894.
# - A. Radford, L. Metz, S. Chintala. [Unsupervised representation learning with deep convolutional generative
#   adversarial networks](https://arxiv.org/abs/1511.06434). arXiv 2015 (DCGAN, the figures of V).
# - T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen. [Improved techniques for training
#   GANs](https://arxiv.org/abs/1606.03498). *NIPS* 2016 (Inception score; label smoothing).
# - Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli. Image quality assessment: from error visibility to structural
#   similarity. *IEEE Transactions on Image Processing* 13, 2004.
