# %% [markdown]
# # Lab 07 · Generative adversarial nets: from a density to a game
#
# Ten pieces of generative models: a density that one can write down and fit, the game between two nets and its value,
# the layer that makes pictures larger, one step of training, a measure of mode collapse, two moves in the latent space,
# and a pyramid of pictures.
#
# **After this lab you can**
# - compute the density of a Gaussian mixture where floating point would give 0, and fit it by EM;
# - say what the best discriminator answers, and what the game is worth to it;
# - write the losses of both players from logits, and say why the generator's loss is not the one of the formula;
# - train the two nets in turn, so that each step moves the right one;
# - measure whether a generator covers its data, provoke mode collapse and cure it.
#
# **Time** about 3 hours. **Points** 28 for code, 4 for the experiment at the end.
#
# **Follows** deck F, "Generative Adversarial Networks" (mixtures, the minimax game, super-resolution, face arithmetic),
# deck V, "Image Generation" (bedrooms and album covers by DCGAN), deck N, "Natural image generation"; lecture 07, whose
# sections are named at each exercise. You need lab 02 for gradients, lab 03 for training, lab 04 for convolutions.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the cells between the exercises and the experiment use your answers.
#
# **Notation.** $x$ is a point or a picture of the data, $z$ a latent code (the lecture's noise) drawn from a standard
# normal distribution, $G(z)$ what the generator makes of it. $D(x)$ is the probability, in the discriminator's opinion,
# that $x$ is real; it is $\sigma(a)$ of the logit $a$ that the net gives, with the sigmoid $\sigma$. All logarithms are
# natural. All data are float32 or float64: a tensor that you make yourself must have the type of those that came in.

# %% tags=["setup"]
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from course_utils import checks, data, device, plotting

plotting.use_style()
torch.set_num_threads(1)  # the nets are small: threads would cost more than they bring


def mlp(sizes):
    """A net of linear layers from sizes[0] inputs to sizes[-1] outputs, with leaky ReLUs between them.

    A leaky ReLU is x where x is positive and 0.2 x where it is negative, so that a gradient always passes.
    """
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.LeakyReLU(0.2)]
    return torch.nn.Sequential(*layers[:-1])


MODES, SPREAD = 8, 0.05
angles = 2 * math.pi * torch.arange(MODES) / MODES
CENTRES = torch.stack([angles.cos(), angles.sin()], dim=1)  # (8, 2), on the unit circle


def ring(n, generator):
    """n points (n, 2) of eight Gaussians of standard deviation 0.05 on the unit circle, all of equal weight."""
    return CENTRES[torch.randint(MODES, (n,), generator=generator)] + SPREAD * torch.randn(n, 2, generator=generator)

# %% [markdown]
# ## Part A · A density that one can write
#
# ### Exercise 1 · The log-density of a mixture (3 points)
#
# *Lecture: section 1, "A density one can write: Gaussian mixtures".*
#
# Deck F's first generative model is the **Gaussian mixture**: pick component $k$ with probability $\pi_k$, then draw a
# point around its mean $\mu_k$. With the same variance $\sigma_k^2$ in each of the $d$ directions (the lecture's
# covariance $\Sigma_k$ is $\sigma_k^2$ times the identity matrix here) its density is
#
# $$p(x) = \sum_{k=1}^{K} \pi_k\,\mathcal N_k(x),\qquad
#   \mathcal N_k(x) = \frac{1}{(2\pi\sigma_k^2)^{d/2}}\,\exp\!\Bigl(-\frac{\lVert x-\mu_k\rVert^2}{2\sigma_k^2}\Bigr).$$
#
# (The $\pi$ without index is 3.14159…) Return $\log p(x)$. A point 40 standard deviations from every mean has the
# density $e^{-800}$, which floating point rounds to 0; its logarithm, about -800, is an ordinary number. So never
# compute the density itself: add up logarithms within a component, and across the components use
# `torch.logsumexp(a, dim)`, which is $\log\sum_k e^{a_k}$ without overflow or underflow. (`x[:, None] - means` has the
# shape `(n, K, d)`: every point minus every mean. `torch.log` takes the logarithm of each entry of a tensor, `math.log`
# only that of one number.) Write the formula, without the ready-made distributions of PyTorch, SciPy or scikit-learn.

# %% answer="mixture_log_density"
def mixture_log_density(x, weights, means, variances):
    """Logarithm of the density of a Gaussian mixture at each point.

    x: (n, d). weights: (K,), positive, sum 1. means: (K, d). variances: (K,), positive: sigma², the same in all
    directions. Returns (n,), finite for every finite x.
    """
    ### BEGIN SOLUTION
    d = x.shape[1]
    gaps = x[:, None] - means  # (n, K, d)
    squares = gaps.square().sum(dim=2)
    log_normal = -(d * torch.log(2 * torch.pi * variances) + squares / variances) / 2
    return torch.logsumexp(torch.log(weights) + log_normal, dim=1)
    ### END SOLUTION


# %% test="mixture_log_density" points=3
import numpy as np
import torch
from scipy import stats

from course_utils import checks

checks.forbids("mixture_log_density", "torch.distributions", "scipy.stats", "sklearn.mixture",
               "torch.nn.functional.gaussian_nll_loss")

x = np.array([[0.0, 1.0], [3.0, 0.0]])
weights, means, variances = np.array([0.25, 0.75]), np.array([[0.0, 0.0], [3.0, 2.0]]), np.array([1.0, 4.0])


def density(w, v, d=2, axis=1):
    """The density of both points, with weights w and variances v, and 2πv to the power of d/2."""
    squares = np.array([[1.0, 10.0], [9.0, 4.0]])  # from each point to each mean
    return (w * np.exp(-squares / (2 * v)) / (2 * np.pi * v) ** (d / 2)).sum(axis=axis)


density_of_distance = np.logaddexp.reduce(
    np.log(weights) - np.sqrt([[1.0, 10.0], [9.0, 4.0]]) / (2 * variances) - np.log(2 * np.pi * variances), axis=1)


def added(w=weights, half=2, power=1, sign=-1):
    """The same with slips: logarithms of the parts, with another weight, factor of σ² or power of 2πσ²."""
    squares = np.array([[1.0, 10.0], [9.0, 4.0]])
    return np.logaddexp.reduce(np.log(w) + sign * squares / (half * variances) - power * np.log(2 * np.pi * variances),
                               axis=1)


expected = np.log(sum(w * stats.multivariate_normal(mean, v * np.eye(2)).pdf(x)
                      for w, mean, v in zip(weights, means, variances, strict=True)))
given = [torch.from_numpy(array) for array in (x, weights, means, variances)]
result = mixture_log_density(*given)
checks.close(result, expected, "the log-density of two points in the plane", slips={
    "the weights are missing": np.log(density(1.0, variances)),
    "this is the density; its logarithm is asked": density(weights, variances),
    "`variances` holds σ², not σ: do not square it": np.log(density(weights, variances**2)),
    "2πσ² stands to the power of 1/2, as for one number; for d numbers it is d/2":
        np.log(density(weights, variances, d=1)),
    "added up over the points (dim 0); the sum runs over the components (dim 1)":
        np.log(density(weights, variances, axis=0)),
    "the factor in front, 1/(2πσ²)^(d/2), is missing": np.log(density(weights, variances, d=0)),
    "the exponent is -‖x - μ‖²/(2σ²); the 2 is missing": added(half=1),
    "the sign of the exponent: the density falls with the distance from a mean": added(sign=1),
    "the factor in front is 1/(2πσ²)^(d/2): its logarithm has a minus": added(power=-1),
    "the factor in front lacks 2π": added() + np.log(2 * np.pi),
    "inside logsumexp stands the logarithm of a weight, not the weight": added(w=np.exp(weights)),
    "the squares were averaged over the d coordinates; add them up": added(half=4),
    "the distance was not squared": density_of_distance,
    "the logarithms of the components were added up; that is a product. log Σ exp is asked":
        np.log(weights).sum() - np.log(2 * np.pi * variances).sum() - np.array([0.5 + 10 / 8, 4.5 + 0.5]),
    "the logarithms were averaged with the weights; the sum stands inside the logarithm":
        -(weights * np.log(2 * np.pi * variances)).sum() - np.array([0.125 + 7.5 / 8, 1.125 + 0.375]),
})
checks.that(getattr(result, "dtype", None) in (torch.float64, np.float64),
            "the inputs are float64 and the result is not: give a tensor that you make yourself dtype=x.dtype.")
far = torch.tensor([[40.0], [-3000.0]])
expected = torch.tensor([-800.0 - 0.918938533 - np.log(2), -(2990.0**2) / 2 - 0.918938533 - np.log(2)])
result = mixture_log_density(far, torch.tensor([0.5, 0.5]), torch.tensor([[0.0], [-10.0]]), torch.tensor([1.0, 1.0]))
checks.that(bool(torch.isfinite(torch.as_tensor(result)).all()),
            "the log-density far from all means is infinite or not a number, where about -800 was expected: exp of a "
            "large negative number is rounded to 0 (underflow). Use logarithms throughout, and torch.logsumexp.")
checks.close(result, expected, "the log-density of two far points", slips={
    "the density was kept away from 0 by a small constant; compute with logarithms instead":
        torch.full((2,), float(result[0]))})
checks.passed("mixture_log_density")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, K, d, scale in ((7, 3, 2, 1.0), (4, 1, 3, 3.0), (1, 5, 1, 1.0), (6, 2, 4, 300.0)):
        x, means = rng.normal(size=(n, d)) * scale, rng.normal(size=(K, d))
        weights, variances = rng.dirichlet(np.ones(K)), rng.uniform(0.1, 3.0, size=K)
        parts = [np.log(w) + stats.multivariate_normal(mean, v * np.eye(d)).logpdf(x).reshape(n)
                 for w, mean, v in zip(weights, means, variances, strict=True)]
        expected = np.logaddexp.reduce(parts, axis=0)
        given = [torch.from_numpy(array) for array in (x, weights, means, variances)]
        checks.close(mixture_log_density(*given), expected, "the log-density of a random mixture", rtol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · One step of EM (4 points)
#
# *Lecture: section 1, "A density one can write: Gaussian mixtures".*
#
# If one knew which component each point came from, its weight, mean and variance would be plain averages. One does not,
# so **expectation-maximisation** uses shares. The E-step computes with the old parameters the share of component $k$ in
# point $i$, also called its **responsibility**; the M-step takes averages with these shares as weights:
#
# $$r_{ik} = \frac{\pi_k\,\mathcal N_k(x_i)}{\sum_{m}\pi_m\,\mathcal N_m(x_i)},\qquad N_k = \sum_i r_{ik},$$
#
# $$\pi_k \leftarrow \frac{N_k}{n},\qquad \mu_k \leftarrow \frac{1}{N_k}\sum_i r_{ik}\,x_i,\qquad
#   \sigma_k^2 \leftarrow \frac{1}{d\,N_k}\sum_i r_{ik}\,\lVert x_i-\mu_k\rVert^2 ,$$
#
# with the **new** mean in the last formula, and $d$ because $\sigma_k^2$ is the variance in *one* of $d$ directions.
# The sum in the denominator of $r$ runs over the components $m$. For a point far from all means it is 0/0 in floating
# point; the softmax of $\log\pi_k + \log\mathcal N_k(x_i)$ is not (`torch.softmax(a, dim)`). Ready-made distributions
# are not accepted here either.

# %% answer="em_step"
def em_step(x, weights, means, variances):
    """One step of expectation-maximisation for a Gaussian mixture.

    x: (n, d). weights: (K,), positive, sum 1. means: (K, d). variances: (K,), positive: sigma², the same in all
    directions.
    Returns (responsibilities, weights, means, variances): (n, K) from the old parameters, then the new parameters with
    the shapes of the old. The inputs stay as they are.
    """
    ### BEGIN SOLUTION
    n, d = x.shape
    gaps = x[:, None] - means  # (n, K, d)
    squares = gaps.square().sum(dim=2)
    logs = torch.log(weights) - (d * torch.log(variances) + squares / variances) / 2
    shares = torch.softmax(logs, dim=1)
    totals = shares.sum(dim=0)
    means = shares.T @ x / totals[:, None]
    gaps = x[:, None] - means
    spread = (shares * gaps.square().sum(dim=2)).sum(dim=0)
    return shares, totals / n, means, spread / (d * totals)
    ### END SOLUTION


# %% test="em_step" points=4
import numpy as np
import torch

from course_utils import checks

checks.forbids("em_step", "torch.distributions", "scipy.stats", "sklearn.mixture")

# Two points sit on the means; the third, far up, is as far from one as from the other, and is shared 1 to 3.
x = torch.tensor([[-10.0, 0.0], [0.0, 6.0], [10.0, 0.0]], dtype=torch.float64)
weights, means = torch.tensor([0.25, 0.75]).double(), torch.tensor([[-10.0, 0.0], [10.0, 0.0]]).double()
variances = torch.tensor([1.0, 1.0]).double()
inputs = [x, weights, means, variances]
copies = [tensor.clone() for tensor in inputs]
result = em_step(*(checks.inout(tensor) for tensor in inputs))
checks.that(isinstance(result, (tuple, list)) and len(result) == 4,
            "four things are asked: (responsibilities, weights, means, variances).")
checks.close(result[0], torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]]).double(), "the responsibilities", slips={
    "the sign of the exponent: the share of a component falls with the distance from its mean":
        torch.tensor([[0.0, 1.0], [0.25, 0.75], [1.0, 0.0]]).double(),
    "inside the softmax stands the logarithm of a weight, not the weight":
        torch.tensor([[1.0, 0.0], [0.37754067, 0.62245933], [0.0, 1.0]]).double(),
    "this has the shape of the new weights: the responsibilities come first": torch.tensor([5 / 12, 7 / 12]).double(),
    "these are the shares with the new parameters; the E-step uses the old ones":
        torch.tensor([[0.99942002, 5.799777e-04], [0.07060249, 0.92939751], [7.399468e-07, 0.99999926]]).double(),
    "the softmax is that of log π + log N; here it was taken of the products π N themselves":
        torch.tensor([[0.562177, 0.437823], [0.5, 0.5], [0.320821, 0.679179]]).double(),
    "the weights were not used": torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]).double(),
    "each column sums to 1; for each point, the shares of the components are to sum to 1":
        torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]).double(),
    "each point went to one component as a whole; it is shared":
        torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]).double()})
checks.close(result[1], torch.tensor([5 / 12, 7 / 12]).double(), "the new weights", slips={
    "these are the sums N_k; divide by the number of points": torch.tensor([1.25, 1.75]).double(),
    "divided by the number of components; divide by the number of points": torch.tensor([0.625, 0.875]).double(),
    "these are the old weights": torch.tensor([0.25, 0.75]).double()})
checks.close(result[2], torch.tensor([[-8.0, 1.2], [40 / 7, 18 / 7]]).double(), "the new means", slips={
    "divided by the number of points; divide by N_k": torch.tensor([[-10 / 3, 0.5], [10 / 3, 1.5]]).double(),
    "each mean is to be divided by its own N_k: make a column of these numbers with [:, None]. Here they stood along "
    "the coordinates":
        torch.tensor([[-8.0, 6 / 7], [8.0, 18 / 7]]).double(),
    "these are the old means": copies[2],
    "the mean of all points came for each component": torch.tensor([[0.0, 2.0], [0.0, 2.0]]).double()})
new = torch.tensor([10.88, 816 / 49]).double()
checks.close(result[3], new, "the new variances", slips={
    "the squared distances were not divided by d": 2 * new,
    "the distances were not squared": torch.tensor([1.8659051, 2.8559762]).double(),
    "divided by N_k - 1; divide by N_k": new * torch.tensor([5.0, 7 / 3]).double(),
    "one variance for each direction; here one number serves all d directions":
        torch.tensor([[16.0, 5.76], [1200 / 49, 432 / 49]]).double(),
    "the distances were measured from the old means; use the new ones": torch.tensor([13.6, 204 / 7]).double(),
    "this is the standard deviation; its square is asked": new.sqrt(),
    "divided by the number of points; divide by N_k": new * torch.tensor([1.25, 1.75]).double() / 3})
for name, tensor, copy in zip(("x", "weights", "means", "variances"), inputs, copies, strict=True):
    checks.unchanged(tensor, copy, name)
checks.that(all(getattr(tensor, "dtype", None) in (torch.float64, np.float64) for tensor in result),
            "the inputs are float64 and a result is not: give a tensor that you make yourself dtype=x.dtype.")
# Components of different width, both of weight 1/2.
x, widths = np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([1.0, 4.0])


def shares_of(half=2, power=1, v=widths):
    """The shares of both points, with exp(-squares/(half v)) and v to the given power in front of it."""
    parts = np.exp(-np.array([[1.0, 1.0], [9.0, 13.0]]) / (half * v)) / v**power
    return parts / parts.sum(axis=1, keepdims=True)


given = [torch.from_numpy(array) for array in (x, np.array([0.5, 0.5]), np.array([[0.0, 0.0], [2.0, 0.0]]), widths)]
checks.close(em_step(*given)[0], shares_of(), "the responsibilities where the variances are 1 and 4", slips={
    "the factor in front of the exponential, 1/σ^d, was left out; it differs from component to component":
        shares_of(power=0),
    "σ² stands to the power of 1/2, as for one number; for d numbers it is d/2": shares_of(power=0.5),
    "σ² stands to the power of d in front of the exponential; it is d/2": shares_of(power=2),
    "`variances` holds σ², not σ: do not square it in the exponent": shares_of(power=0.5, v=widths**2),
    "the exponent is -‖x - μ‖²/(2σ²); the 2 is missing": shares_of(half=1),
    "the factor in front is 1/σ^d: its logarithm has a minus": shares_of(power=-1),
    "`variances` holds σ², not σ: do not square it": shares_of(v=widths**2)})
# A point between the means, but 1,000 away from both: the densities are 0 in floating point, the shares are not.
x = torch.tensor([[-1.0, 0.0], [0.0, 1000.0], [1.0, 0.0]]).double()
shares = em_step(x, weights, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).double(), variances)[0]
checks.that(bool(torch.isfinite(torch.as_tensor(shares)).all()),
            "the responsibilities for a point 1,000 standard deviations away are not numbers, where (0.25, 0.75) was "
            "expected: 0/0, as both densities underflow. Take the softmax of their logarithms.")
checks.close(torch.as_tensor(shares)[1], torch.tensor([0.25, 0.75]).double(), "the responsibilities for a far point")
checks.passed("em_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    from scipy import stats

    rng = checks.rng()
    for n, K, d in ((9, 3, 2), (6, 2, 1), (12, 4, 3), (5, 1, 2)):
        x, means = rng.normal(size=(n, d)) * 2, rng.normal(size=(K, d))
        weights, variances = rng.dirichlet(np.ones(K)), rng.uniform(0.3, 3.0, size=K)
        shares = np.array([[w * stats.multivariate_normal(mean, v * np.eye(d)).pdf(point)
                            for w, mean, v in zip(weights, means, variances, strict=True)] for point in x])
        shares /= shares.sum(axis=1, keepdims=True)
        totals = shares.sum(axis=0)
        new_means = np.array([np.average(x, axis=0, weights=shares[:, k]) for k in range(K)])
        new_variances = np.array([np.average(((x - new_means[k]) ** 2).mean(axis=1), weights=shares[:, k])
                                  for k in range(K)])
        found = em_step(*(torch.from_numpy(array) for array in (x, weights, means, variances)))
        for got, wanted, what in zip(found, (shares, totals / n, new_means, new_variances),
                                     ("the responsibilities", "the new weights", "the new means", "the new variances"),
                                     strict=True):
            checks.close(got, wanted, what, rtol=1e-8, atol=1e-10)
### END HIDDEN TESTS

# %% [markdown]
# The ring of eight Gaussians, which the experiment at the end gives to two nets, fitted by your `em_step` from eight
# random points of the data, in five starts. The dashed line is the density that made the points. Does every component
# find a mode of its own? No step makes the likelihood smaller, but EM climbs the hill on which it began; so one starts
# several times and keeps the fit with the largest likelihood. (A fit to these very points can end a little above the
# dashed line. And a component that gets hold of a single point would let its variance fall to 0, where its density has
# no bound: here no variance may fall below 0.0001.)

# %%
def fit_mixture(x, K, steps, generator, floor=1e-4):
    """(weights, means, variances) of K components after EM from K random points, and the log-density at each step.

    x: (n, d). floor: no variance falls below it. The log-density is its mean over x, in nats: before the first step and
    after each.
    """
    weights, means = torch.full((K,), 1 / K), x[torch.randperm(len(x), generator=generator)[:K]]
    variances = torch.full((K,), 0.1)
    log_density = [mixture_log_density(x, weights, means, variances).mean().item()]
    for _ in range(steps):
        weights, means, variances = map(torch.as_tensor, em_step(x, weights, means, variances)[1:])
        variances = variances.clamp(min=floor)
        log_density.append(mixture_log_density(x, weights, means, variances).mean().item())
    return weights, means, variances, log_density


points = ring(500, torch.Generator().manual_seed(2))
true_density = mixture_log_density(points, torch.full((MODES,), 1 / MODES), CENTRES, torch.full((MODES,), SPREAD**2))
fits = [fit_mixture(points, MODES, 40, torch.Generator().manual_seed(seed)) for seed in range(5)]
ends = [log_density[-1] for _, _, _, log_density in fits]
fig, (worst, best, right) = plt.subplots(1, 3, figsize=(16, 4.8))
for axis, name, start in ((worst, "Worst", ends.index(min(ends))), (best, "Best", ends.index(max(ends)))):
    axis.scatter(*points.T, s=8, color=plotting.COLORS["grey"])
    for mean, variance in zip(*fits[start][1:3], strict=True):
        axis.add_patch(plt.Circle(tuple(mean.tolist()), 2 * variance.sqrt().item(), fill=False, lw=2.5,
                                  color=plotting.COLORS["vermillion"]))
    axis.set(title=f"{name}, start {start + 1}: radius 2σ", xlabel="$x_1$", ylabel="$x_2$", aspect="equal",
             xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
for start, (_, _, _, log_density) in enumerate(fits, 1):
    right.plot(log_density, label=f"start {start}")
right.axhline(true_density.mean().item(), color=plotting.COLORS["black"], ls="--", label="the true mixture")
right.set(title="EM climbs", xlabel="step", ylabel="mean log-density (nats)")
right.legend(loc="lower right", fontsize=12)
plt.show()

# %% [markdown]
# ## Part B · The game
#
# ### Exercise 3 · The best discriminator, and the value of the game (3 points)
#
# *Lecture: section 2, "The minimax game"; erratum E10 in section 3.*
#
# Deck F writes the game of the two nets as
#
# $$\min_G\max_D V(D,G),\qquad V(D,G) = \mathbb E_{x\sim p}\bigl[\log D(x)\bigr]
#   + \mathbb E_{x\sim q}\bigl[\log(1-D(x))\bigr].$$
#
# Here $p$ is the distribution of the data and $q$ that of $G(z)$. (The deck calls $p(z)$ the "distribution of
# generator"; it is that of the latent codes, and $q$ is what the generator makes of it. And a GAN is no "density
# estimator", as the deck has it: it draws points from $q$, and cannot tell the value of $q$ at one. Erratum E10.)
#
# For given $p$ and $q$ the best discriminator is $D^*(x) = p(x)/(p(x)+q(x))$, and $V(D^*, G)$ is
# $-\log 4 + 2\,\mathrm{JSD}(p, q)$, where JSD is the Jensen-Shannon divergence, between 0 (for $p = q$) and $\log 2$
# (where $p$ and $q$ share no point).
#
# Let $x$ take finitely many values, so that $p$ and $q$ are lists of probabilities and the expectations are sums. Give
# $D^*$ and $V(D^*, G)$. Two traps:
#
# - A value that one of them never takes adds nothing: $0\log 0$ counts as 0, its limit. `torch.xlogy(a, b)` is
#   $a\log b$ with this rule. Where both are 0, no answer of $D$ matters; give 1/2.
# - Where $q$ is tiny beside $p$, $D^*$ is rounded to 1, and $1 - D^*$ to 0, although $q/(p+q)$ is not 0.

# %% answer="best_discriminator"
def best_discriminator(p, q):
    """The best discriminator between two discrete distributions, and what the game is worth with it.

    p, q: (n,), probabilities of the data and of the generator, each with sum 1; entries may be 0.
    Returns (d, value): d: (n,), D* at each of the n values, 1/2 where p and q are both 0. value: V(D*, G) in nats, a
    tensor of shape () or a float. The inputs stay as they are.
    """
    ### BEGIN SOLUTION
    total = p + q
    never = total == 0
    total[never] = 1
    d = p / total
    d[never] = 0.5
    return d, torch.xlogy(p, d).sum() + torch.xlogy(q, q / total).sum()
    ### END SOLUTION


# %% test="best_discriminator" points=3
import math

import numpy as np
import torch

from course_utils import checks

p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
d = torch.tensor([2 / 3, 1 / 2, 1 / 3])
value = math.log(2 / 3) + 0.5 * math.log(1 / 2) + 0.5 * math.log(1 / 3)
copies = [p.clone(), q.clone()]
result = best_discriminator(checks.inout(p), checks.inout(q))
checks.that(isinstance(result, (tuple, list)) and len(result) == 2, "two things are asked: (d, value).")
checks.unchanged([p, q], copies, "p and q")
checks.close(result[0], d, "D* for p = (1/2, 1/4, 1/4) and q = (1/4, 1/4, 1/2)", slips={
    "p and q are exchanged: D is the probability of being real": 1 - d,
    "this is p/q; D* is p/(p + q)": torch.tensor([2.0, 1.0, 0.5]),
    "this is the sigmoid of p - q; the sigmoid of log p - log q is p/(p + q)": torch.sigmoid(p - q)})
checks.close(result[1], value, "the value of the game", rtol=1e-4, slips={
    "this is the logarithm to base 2; the natural one is asked": value / math.log(2),
    "this is the Jensen-Shannon divergence, (V + log 4)/2": (value + math.log(4)) / 2,
    "the sign: V is negative": -value,
    "log 4 was taken away once more; the sum of the two expectations is V": value - math.log(4),
    "only log D over the data was added up": 0.5 * math.log(2 / 3) + 0.25 * math.log(1 / 2) + 0.25 * math.log(1 / 3),
    "the expectations are missing: each logarithm counts with the probability of its value":
        float(torch.log(d).sum() + torch.log(1 - d).sum()),
    "the expectations were taken over the wrong distributions: log D over p, log(1 - D) over q":
        float((q * torch.log(d)).sum() + (p * torch.log(1 - d)).sum()),
    "both expectations were taken over p; log(1 - D) belongs to q":
        float((p * torch.log(d)).sum() + (p * torch.log(1 - d)).sum()),
    "0: the second expectation was subtracted, where V is a sum; or nothing was computed": 0.0,
    "this is the cross-entropy, -V/2; V is asked": -value / 2,
    "the sums were divided by the number of values; the probabilities are the weights": value / 3})
result = best_discriminator(torch.tensor([0.5, 0.5, 0.0, 0.0]), torch.tensor([0.0, 0.5, 0.5, 0.0]))
half = torch.tensor([1.0, 0.5, 0.0, 0.5])
checks.close(result[0], half, "D* for p = (1/2, 1/2, 0, 0) and q = (0, 1/2, 1/2, 0)", slips={
    "where p and q are both 0, D* is to be 1/2": torch.tensor([1.0, 0.5, 0.0, 0.0]),
    "where p and q are both 0, D* is to be 1/2; here it is 1": torch.tensor([1.0, 0.5, 0.0, 1.0])})
checks.close(result[1], -math.log(2), "the value for p = (1/2, 1/2, 0, 0) and q = (0, 1/2, 1/2, 0)", rtol=1e-4, slips={
    "0 · log 0 gave NaN; it counts as 0": float("nan")})
p, q = torch.tensor([1 - 1e-12, 1e-12]).double(), torch.tensor([1e-20, 1 - 1e-20]).double()
expected = 1e-12 * math.log(1e-12) + 1e-20 * math.log(1e-20)
checks.close(best_discriminator(p, q)[1], expected, "the value for p = (1 - 1e-12, 1e-12) and q = (1e-20, 1)",
             rtol=1e-6, atol=1e-11, slips={
    "1 - D* was rounded to 0 and its logarithm is infinite: compute q/(p + q) instead": -math.inf})
checks.passed("best_discriminator")
### BEGIN HIDDEN TESTS
with checks.hidden():
    from scipy.spatial.distance import jensenshannon

    rng = checks.rng()
    for n in (2, 5, 30, 6):
        p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
        if n > 4:
            p[:2], q[1:3] = 0, 0  # at one place only p, at one only q, at one both
            p, q = p / p.sum(), q / q.sum()
        share = np.array([a / (a + b) if a + b > 0 else 0.5 for a, b in zip(p, q, strict=True)])
        expected = -math.log(4) + 2 * jensenshannon(p, q) ** 2
        found = best_discriminator(torch.from_numpy(p), torch.from_numpy(q))
        checks.close(found[0], share, "D* for random distributions", rtol=1e-9)
        checks.close(found[1], expected, "the value for random distributions", rtol=1e-8, atol=1e-10)
    apart = best_discriminator(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.0, 0.0, 1.0]))
    checks.close(apart[1], 0.0, "the value for distributions that share no point")
### END HIDDEN TESTS

# %% [markdown]
# Two distributions on a grid: $p$ of the data stays where it is, the generator's $q$ moves away. On the right the value
# of the game with the best discriminator: it is flat where the two hardly touch. A generator out there cannot feel in
# which direction the data lie.

# %%
grid = torch.linspace(-8, 8, 801, dtype=torch.float64)


def bump(centre):
    """A Gaussian of standard deviation 0.8 on the grid, as probabilities with sum 1."""
    return torch.softmax(-((grid - centre) ** 2) / (2 * 0.8**2), dim=0)


fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8))
p, q = bump(-1.0), bump(1.0)
cell = (grid[1] - grid[0]).item()
left.plot(grid, p / cell, label="$p$, data")
left.plot(grid, q / cell, label="$q$, generator", ls="--")
left.plot(grid, best_discriminator(p, q)[0], label="$D^*$", ls=":", color=plotting.COLORS["black"])
left.set(title="Means 2 apart", xlabel="$x$", ylabel="density; probability", xlim=(-5, 5))
left.legend(loc="center left")
shifts = np.linspace(0, 6, 61)
values = [float(best_discriminator(bump(-3.0), bump(-3.0 + shift))[1]) for shift in shifts]
right.plot(shifts, values, color=plotting.COLORS["green"])
right.axhline(-math.log(4), color=plotting.COLORS["grey"], ls=":", label="$-\\log 4$: $p = q$")
right.axhline(0, color=plotting.COLORS["grey"], ls="--", label="0: no common point")
right.set(title="What the game is worth to $D^*$", xlabel="distance of the means", ylabel="$V(D^*, G)$ (nats)")
right.legend(loc="center right")
plt.show()

# %% [markdown]
# ### Exercise 4 · Three losses from logits (3 points)
#
# *Lecture: section 2, "Which loss for the generator?".*
#
# A training step sees the logits of a batch of real points and of a batch of fakes. The discriminator minimises minus
# its value; the generator of the formula minimises the part of the value that it can change, which is called
# **saturating**; in practice it minimises another loss, **non-saturating**, that has its minimum in the same place:
#
# $$L_D = -\,\overline{\log D(x)} - \overline{\log(1-D(G(z)))},\qquad
#   L_{\text{sat}} = \overline{\log(1-D(G(z)))},\qquad
#   L_{\text{ns}} = -\,\overline{\log D(G(z))} .$$
#
# A bar is the mean over a batch; the two batches need not have the same size. With $D = \sigma(a)$ and
# $\operatorname{softplus}(a) = \log(1+e^{a})$,
#
# $$-\log\sigma(a) = \operatorname{softplus}(-a),\qquad -\log(1-\sigma(a)) = \operatorname{softplus}(a),$$
#
# because $1-\sigma(a) = \sigma(-a)$. `torch.nn.functional.softplus` is right for logits of any size; the
# logarithm of a probability that was rounded to 0 is not. Autograd must pass through your losses.

# %% answer="gan_losses"
def gan_losses(real_logits, fake_logits):
    """The losses of both players, each a mean over its batch.

    real_logits: (n,), fake_logits: (m,): logits of the discriminator, of any size.
    Returns (3,): the discriminator's loss, the generator's saturating loss, its non-saturating loss, in nats.
    """
    ### BEGIN SOLUTION
    softplus = torch.nn.functional.softplus
    fooled = softplus(-fake_logits).mean()
    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(-real_logits).mean() + caught, -caught, fooled])
    ### END SOLUTION


# %% test="gan_losses" points=3
import math

import torch

from course_utils import checks

# D = 3/4 and 1/2 on two real points, 1/4 on one fake.
real, fake = torch.tensor([math.log(3), 0.0]).double(), torch.tensor([-math.log(3)]).double()
hit = (math.log(4 / 3) + math.log(2)) / 2
loss, slope = math.log(4 / 3), math.log(4)
expected = torch.tensor([hit + loss, -loss, slope]).double()
result = gan_losses(real, fake)
checks.that(not isinstance(result, (list, tuple)),
            "a list or tuple came; one tensor of shape (3,) is asked: torch.stack([...]).")
checks.shape(result, (3,), "the losses")
checks.close(result[0], expected[0], "the discriminator's loss for D = 3/4, 1/2 on real points, 1/4 on a fake", slips={
    "the sign: the discriminator maximises the value, so its loss is minus that": -expected[0],
    "the labels are exchanged: real points are to get D = 1, fakes D = 0":
        torch.tensor((math.log(4) + math.log(2)) / 2 + slope).double(),
    "the sum over the real batch; the mean is asked": torch.tensor(2 * hit + loss).double(),
    "the mean over both batches together; each batch has a mean of its own":
        torch.tensor((2 * hit + loss) / 3).double(),
    "the mean of the two means; add them up": expected[0] / 2,
    "the term of the fakes is missing": torch.tensor(hit).double(),
    "the term of the real points is missing": torch.tensor(loss).double(),
    "for the fakes, log D stands where log(1 - D) belongs": torch.tensor(hit + slope).double(),
    "the first entry is the saturating loss; the discriminator's loss comes first": expected[1],
    "the sigmoid was taken of the logits before softplus, which takes one itself":
        torch.nn.functional.softplus(-real.sigmoid()).mean() + torch.nn.functional.softplus(fake.sigmoid()).mean(),
    "the logarithms were taken of the logits; D is the sigmoid of a logit": torch.tensor(math.inf).double(),
    "-log σ(a) is softplus(-a), and -log(1 - σ(a)) is softplus(a), both without a minus in front":
        torch.nn.functional.softplus(real).mean() - loss,
    "D was averaged before the logarithm; the mean of the logarithms is asked":
        torch.tensor(loss - math.log(0.625)).double()})
checks.close(result[1], expected[1], "the saturating loss for D = 1/4 on a fake", slips={
    "the sign: the generator minimises mean log(1 - D), which is negative": -expected[1],
    "this is the non-saturating loss": expected[2],
    "log D stands where log(1 - D) belongs": -expected[2]})
checks.close(result[2], expected[2], "the non-saturating loss for D = 1/4 on a fake", slips={
    "the sign: the loss is minus log D, and positive": -expected[2],
    "this is minus the saturating loss; -log D is asked": -expected[1]})
real, fake = torch.tensor([800.0, -800.0]), torch.tensor([-800.0, 800.0, 0.0])
third = math.log(2) / 3
expected = torch.tensor([400 + 800 / 3 + third, -800 / 3 - third, 800 / 3 + third])
result = gan_losses(real, fake)
checks.that(bool(torch.isfinite(torch.as_tensor(result)).all()),
            "with logits of ±800 a loss is infinite or not a number: sigmoid was rounded to 0 or 1 before the "
            "logarithm, or exp overflowed. Use torch.nn.functional.softplus of the logit.")
checks.that(float(result[2]) > 200,
            f"with logits of ±800 the non-saturating loss is {float(result[2]):.1f}, where 266.9 was expected: the "
            "probability or its logarithm was cut off, and the slope is 0 from there on. Use softplus of the logit.")
checks.close(result, expected, "the losses for logits ±800")
_, found = checks.gradients(gan_losses, torch.zeros(1), torch.zeros(1), weight=torch.eye(3)[0])
checks.close(found, [torch.tensor([-0.5]), torch.tensor([0.5])], "the slopes of the discriminator's loss by a real and "
             "a fake logit of 0", slips={
    "the logits of the fakes are detached in the discriminator's loss, which is to learn from them too":
        [torch.tensor([-0.5]), torch.tensor([0.0])]})
# A discriminator that is sure: two fakes with logit -30, D = 1e-13.
for row, wanted, name in ((1, -math.exp(-30) / 2, "saturating"), (2, -0.5, "non-saturating")):
    weight = torch.eye(3)[row]
    _, [slope] = checks.gradients(gan_losses, torch.zeros(2), torch.full((2,), -30.0), wrt=[1], weight=weight)
    checks.close(slope, torch.full((2,), wanted), f"the slope of the {name} loss by the logits of two fakes with "
                 "logit -30", rtol=1e-4, atol=0, slips={
        "a slope of 0, as sigmoid or 1 - sigmoid was rounded or cut off: use softplus of the logit": torch.zeros(2)})
checks.passed("gan_losses")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, m, scale in ((5, 3, 1.0), (1, 4, 3.0), (6, 6, 40.0), (2, 1, 500.0)):
        real, fake = (torch.from_numpy(rng.normal(size=size) * scale).requires_grad_() for size in (n, m))
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        zeros, ones = torch.zeros_like(fake), torch.ones_like(fake)
        losses = torch.stack([entropy(real, torch.ones_like(real)) + entropy(fake, zeros), -entropy(fake, zeros),
                              entropy(fake, ones)])
        weight = torch.from_numpy(rng.normal(size=3))
        wanted = torch.autograd.grad((losses * weight).sum(), [real, fake])
        result, found = checks.gradients(gan_losses, real.detach(), fake.detach(), weight=weight)
        checks.close(result, losses.detach(), "the losses for random logits", rtol=1e-7)
        checks.close(found, list(wanted), "the slopes of the losses by the logits", rtol=1e-6, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# Both losses of the generator, and the size of their slopes, for a fake with logit $a$. On the left of each figure
# the discriminator is sure that it is a fake. That is where training begins: which loss would you start with?

# %%
logits = torch.linspace(-6, 6, 121).requires_grad_()
losses = torch.stack([gan_losses(torch.zeros(1), logit[None]) for logit in logits])  # (121, 3)
fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8))
for row, name, line in ((1, "saturating, $\\log(1 - D)$", "-"), (2, "non-saturating, $-\\log D$", "--")):
    (slopes,) = torch.autograd.grad(losses[:, row].sum(), logits, retain_graph=True)
    left.plot(logits.detach(), losses[:, row].detach(), ls=line, label=name)
    right.plot(logits.detach(), slopes.abs(), ls=line, label=name)
left.set(title="Loss of one fake", xlabel="logit of the fake", ylabel="loss (nats)")
right.set(title="Size of the slope", xlabel="logit of the fake", ylabel="|d loss / d logit|")
left.legend(loc="lower center")
plt.show()

# %% [markdown]
# ## Part C · The nets
#
# ### Exercise 5 · A transposed convolution (3 points)
#
# *Lecture: section 3, "A convolutional GAN"; lecture 04, section 7, in passing. All that you need stands here.*
#
# A discriminator for pictures makes them smaller by convolutions with a stride. The generator goes the other way, by
# the **transposed convolution**: each input value stamps the kernel, multiplied by that value, onto a larger output,
# `stride` places from the stamp before it; where stamps overlap they add up. Finally `padding` rows and columns are
# **cut off** on each side. For the stamp of place $(i, j)$:
#
# $$y_{n,\,o,\;i\,\text{stride}+a,\;j\,\text{stride}+b} \;\mathrel{+}=\; \sum_c x_{n,c,i,j}\; w_{c,o,a,b} ,$$
#
# then the cut. From $h$ rows and a kernel of $k$ rows come $(h - 1)\,\text{stride} + k - 2\,\text{padding}$ rows. The
# weights are laid out as PyTorch has it: the **input** channel comes first. No bias here. Write it without PyTorch's
# own transposed convolution, in a way that autograd can pass. Loops over the places $(i, j)$, or over the entries
# $(a, b)$ of the kernel, are fast enough; a loop over every picture and channel would be slow. (With padding 0 the
# slice `[padding:-padding]` is `[0:-0]`, which is empty.)

# %% answer="conv_transpose2d"
def conv_transpose2d(x, weight, stride=1, padding=0):
    """A transposed convolution without bias, as torch.nn.functional.conv_transpose2d computes it.

    x: (batch, n_in, h, w). weight: (n_in, n_out, k, m). stride: int >= 1. padding: int >= 0, rows and columns cut off
    on each side.
    Returns (batch, n_out, (h - 1) stride + k - 2 padding, (w - 1) stride + m - 2 padding), through which autograd can
    pass to x and weight.
    """
    ### BEGIN SOLUTION
    n, _, h, w = x.shape
    _, n_out, k, m = weight.shape
    stamps = torch.einsum("nchw,cokm->nohwkm", x, weight)
    rows, columns = (h - 1) * stride + k, (w - 1) * stride + m
    output = torch.zeros(n, n_out, rows, columns, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            top, left = i * stride, j * stride
            output[:, :, top : top + k, left : left + m] += stamps[:, :, i, j]
    return output[:, :, padding : rows - padding, padding : columns - padding]
    ### END SOLUTION


# %% test="conv_transpose2d" points=3
import torch

from course_utils import checks

checks.forbids("conv_transpose2d", "torch.nn.functional.conv_transpose2d", "torch.nn.ConvTranspose2d",
               "torch.conv_transpose2d", "torch.convolution", "torch.nn.grad.conv2d_input",
               "torch.nn.functional.conv_transpose1d", "torch.nn.functional.conv_transpose3d")

reference = torch.nn.functional.conv_transpose2d
x, weight = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[[[1.0, 0.0], [0.0, 10.0]]]])
expected = reference(x, weight, stride=2)
checks.close(conv_transpose2d(x, weight, stride=2), expected, "stamping [[1, 0], [0, 10]] with stride 2", slips={
    "the result is empty: for padding 0 the slice [padding:-padding] is [0:-0]; count its end from the front":
        torch.zeros(1, 1, 0, 0),
    "the kernel was turned by half a turn; the stamp is the kernel as it is": reference(x, weight.flip(2, 3), stride=2),
    "the pixels were repeated, not multiplied by the kernel": x.repeat_interleave(2, 2).repeat_interleave(2, 3),
    "the stride was not used: the stamp of place (i, j) begins at row i·stride, column j·stride":
        torch.nn.functional.pad(reference(x, weight), (0, 1, 0, 1)),
    "rows and columns of the picture are exchanged": reference(x.transpose(2, 3), weight, stride=2),
    "this is a convolution, which makes pictures smaller; here each pixel stamps the kernel onto a larger output":
        torch.nn.functional.conv2d(x, weight, stride=2)})
weight = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]])
expected = reference(x, weight)
checks.close(conv_transpose2d(x, weight), expected, "stamping [[1, 2], [3, 5]] from 2 × 2 with stride 1", slips={
    "stamps that overlap add up; here the last one replaced what was there":
        torch.tensor([[[[1.0, 2.0, 4.0], [3.0, 4.0, 8.0], [9.0, 12.0, 20.0]]]]),
    "the kernel was turned by half a turn": reference(x, weight.flip(2, 3)),
    "the kernel was transposed": reference(x, weight.transpose(2, 3))})
weight = torch.arange(9.0).reshape(1, 1, 3, 3)
expected = reference(x, weight, stride=2, padding=1)
whole = reference(x, weight, stride=2)
checks.close(conv_transpose2d(x, weight, stride=2, padding=1), expected, "kernel 3 × 3, stride 2, padding 1", slips={
    "the padding was not used: it cuts off rows and columns on each side": whole,
    "zeros were put around the output; padding cuts off": torch.nn.functional.pad(whole, (1, 1, 1, 1)),
    "rows and columns were cut off on one side only": whole[:, :, 1:, 1:],
    "all rows and columns were cut off at the front; cut `padding` of them on each side": whole[:, :, 2:, 2:],
    "all rows and columns were cut off at the end; cut `padding` of them on each side": whole[:, :, :-2, :-2]})
x, weight = torch.tensor([[[[1.0]], [[2.0]]]]), torch.tensor([[[[1.0]], [[10.0]]], [[[3.0]], [[0.0]]]])
checks.close(conv_transpose2d(x, weight), torch.tensor([[[[7.0]], [[10.0]]]]), "two channels to two, kernels of 1 × 1",
             slips={"the input channel comes first in the weights, the output channel second":
                    torch.tensor([[[[21.0]], [[3.0]]]]),
                    "each output channel adds up what all input channels stamp": torch.tensor([[[[1.0]], [[20.0]]]]),
                    "each output channel adds up what all input channels stamp, not only the first":
                    torch.tensor([[[[1.0]], [[10.0]]]])})
x, weight = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]]]).double(), torch.tensor([[[[1.0], [10.0]]]]).double()
result = conv_transpose2d(x, weight)
checks.close(result, reference(x, weight), "two pictures of 1 × 2, kernel of 2 × 1", slips={
    "the kernel was taken to be square; it has k rows and m columns":
        torch.tensor([[[[1.0, 3.0, 2.0], [10.0, 30.0, 20.0]]], [[[3.0, 7.0, 4.0], [30.0, 70.0, 40.0]]]]).double(),
    "the first picture of the batch came twice": reference(x, weight)[[0, 0]],
    "the pictures of the batch were added up": reference(x, weight).sum(dim=0, keepdim=True).expand(2, -1, -1, -1)})
checks.that(getattr(result, "dtype", None) == torch.float64,
            "the inputs are float64 and the result is not: give a tensor that you make yourself dtype=x.dtype.")
leaves = [tensor.clone().requires_grad_() for tensor in (x, weight)]
gradients = torch.autograd.grad(reference(*leaves, stride=2).sum(), leaves)
_, found = checks.gradients(conv_transpose2d, x, weight, 2)
checks.close(found, list(gradients), "the gradient of the sum of the outputs, by x and weight")
checks.passed("conv_transpose2d")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    cases = (((2, 3, 4, 3), (3, 2, 3, 3), 1, 0), ((1, 2, 3, 5), (2, 4, 4, 4), 2, 1), ((3, 1, 2, 2), (1, 3, 2, 5), 3, 0),
             ((1, 4, 3, 3), (4, 1, 5, 4), 2, 2), ((2, 2, 1, 4), (2, 2, 3, 3), 2, 1))
    for shape, sizes, stride, padding in cases:
        tensors = [torch.from_numpy(rng.normal(size=size)).requires_grad_() for size in (shape, sizes)]
        expected = torch.nn.functional.conv_transpose2d(*tensors, stride=stride, padding=padding)
        seed = torch.from_numpy(rng.normal(size=tuple(expected.shape)))
        gradients = torch.autograd.grad((expected * seed).sum(), tensors)
        given = [tensor.detach().clone() for tensor in tensors]
        result, found = checks.gradients(conv_transpose2d, *given, stride, padding, weight=seed)
        checks.close(result, expected.detach(), "the transposed convolution of a random batch", rtol=1e-6, atol=1e-9)
        checks.close(found, list(gradients), "the gradient by x and weight", rtol=1e-6, atol=1e-9)
### END HIDDEN TESTS

# %% [markdown]
# How many stamps cover each pixel? With ones everywhere your layer counts them. Where the stride does not divide the
# kernel's size the counts differ from pixel to pixel, and a generator has to learn them away: the **checkerboard** of
# many generated pictures.

# %%
fig, axes = plt.subplots(1, 3, figsize=(12, 4.4))
for axis, (size, stride) in zip(axes, ((3, 2), (4, 2), (5, 3)), strict=True):
    counts = conv_transpose2d(torch.ones(1, 1, 5, 5), torch.ones(1, 1, size, size), stride, padding=1)[0, 0]
    picture = axis.imshow(counts, cmap="viridis", vmin=0, vmax=4)
    axis.set(title=f"kernel {size} × {size}, stride {stride}", xlabel="column (pixels)", ylabel="row (pixels)")
    axis.set(xticks=range(0, counts.shape[1], 4), yticks=range(0, counts.shape[0], 4))
    axis.grid(False)
fig.colorbar(picture, ax=axes, label="stamps on a pixel", ticks=range(5), shrink=0.8)
plt.show()

# %% [markdown]
# ### Exercise 6 · One step of the game (4 points)
#
# *Lecture: section 2, "The minimax game", and section 3, "A convolutional GAN".*
#
# The class below holds the two nets and an optimiser for each; `__init__` is given. Write `step`, which trains each net
# once, the discriminator first:
#
# 1. Make fakes from `z_d`. The discriminator goes one step down $L_D$ (exercise 4) on the real points and these fakes.
#    `.detach()` them: this saves the work of a backward pass through the generator, which does not learn here.
# 2. Make fresh fakes from `z_g`. The generator goes one step down the **non-saturating** loss, as judged by the
#    discriminator **after** its step. The gradient runs *through* the discriminator, whose weights stay as they are.
#
# `self.discriminator(x)` gives logits, `(n, 1)` for n points. Write each loss as the mean of softplus of logits or of
# minus the logits, as in exercise 4; your `gan_losses` is not needed. An optimiser steps along what is in `.grad`, and
# `backward()` **adds** to `.grad`. The second backward pass leaves something in the discriminator's `.grad` too. So
# each net's gradients must be cleared before the backward pass whose result it steps along: `optimizer.zero_grad()`.
# Return the two losses, each as it was before its step, as plain numbers (`.item()`).

# %% answer="GAN"
class GAN(torch.nn.Module):
    """A generator, a discriminator, and an optimiser for each.

    sizes_g: widths of the generator's layers, from the latent code to a point, as `mlp` takes them. sizes_d: those of
    the discriminator, from a point to one logit. lr_g, lr_d: learning rates. adam: Adam, else plain gradient descent.
    """

    def __init__(self, sizes_g, sizes_d, lr_g, lr_d, adam=True):
        super().__init__()
        self.generator, self.discriminator = mlp(sizes_g), mlp(sizes_d)
        if adam:
            self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=lr_g, betas=(0.5, 0.9))
            self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr_d, betas=(0.5, 0.9))
        else:
            self.optimizer_g = torch.optim.SGD(self.generator.parameters(), lr=lr_g)
            self.optimizer_d = torch.optim.SGD(self.discriminator.parameters(), lr=lr_d)

    def step(self, real, z_d, z_g):
        """Train the discriminator once on `real` and fakes from z_d, then the generator once on fakes from z_g.

        real: (n, d), points of the data. z_d: (m, latent), z_g: (k, latent), codes.
        Returns (loss_d, loss_g), two floats: the discriminator's loss before its step, the sum of two means, and the
        generator's non-saturating loss before its own step, with the discriminator already trained.
        """
        ### BEGIN SOLUTION
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()

        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()
        ### END SOLUTION


# %% test="GAN" points=4
import itertools
import math

import numpy as np
import torch

from course_utils import checks

checks.handle("GAN", methods=["state_dict", "load_state_dict", "step"])


def numbers_of(gan):
    """The four parameters of two linear nets of one input: those of G(z) = a z + b and D's logit w x + c."""
    state = gan.state_dict()
    checks.that(isinstance(state, dict) and set(state) == set(START),
                "state_dict() does not hold the parameters of generator and discriminator: leave __init__ and the "
                "methods of torch.nn.Module as they are.")
    return [float(state[name]) for name in START]


def check_losses(result):
    checks.that(isinstance(result, (tuple, list)) and len(result) == 2 and all(type(x) is float for x in result),
                "step is to return two plain numbers, (loss_d, loss_g): use .item().")
    return result


def take_step(gan, *batches):
    """The losses of one step; two of PyTorch's errors are told in words."""
    try:
        return check_losses(gan.step(*batches))
    except RuntimeError as error:
        checks.that("modified by an inplace operation" not in f"{error}",
                    "the discriminator's step changed weights with which the generator's loss had been computed: "
                    "compute the generator's loss after that step.")
        checks.that("backward through the graph a second time" not in f"{error}",
                    "the second backward pass went through fakes that the first had used already. Detach the fakes of "
                    "the discriminator's loss, and make fresh ones from z_g for the generator's.")
        raise


START = {"generator.0.weight": torch.tensor([[1.0]]), "generator.0.bias": torch.tensor([-1.0]),
         "discriminator.0.weight": torch.tensor([[0.5]]), "discriminator.0.bias": torch.tensor([0.0])}
real, z_d, z_g = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.0], [2.0]]), torch.tensor([[-1.0], [1.0]])
gan = GAN([1, 1], [1, 1], lr_g=1.0, lr_d=0.5, adam=False)
gan.load_state_dict(START)
losses = take_step(gan, real, z_d, z_g)
a, b, w, c = 0.90536, -0.551966, 0.669975, -0.110008
found = numbers_of(gan)
checks.close(found[2:], [w, c], "(w, c) of the discriminator σ(w x + c) after one step", rtol=2e-5, slips={
    "the discriminator did not move": [0.5, 0.0],
    "the labels are exchanged: D is to say 1 to real points and 0 to fakes": [0.330025 - 0.66005, -0.110008],
    "the loss is the mean of the two means; their sum was asked": [0.584987, -0.055004],
    "the step is twice as long: the loss is a sum over the batch (take means), or one loss was stepped along twice":
        [0.839949, -0.220017],
    "the discriminator made two steps; make one": [0.777922, -0.224282],
    "the fakes are missing in the loss": [0.731204, 0.139992],
    "the real points are missing in the loss": [0.43877, -0.25],
    "the generator moved first; the discriminator is the first to move": [0.610728, -0.124781],
    "the discriminator moved a second time, in the generator's step": [0.434953, 0.11435],
    "the sign: the discriminator went up its loss, not down": [0.330025, 0.110008],
    "the discriminator also followed the generator's loss; it is to follow L_D alone": [0.304445, 0.197756],
    "the sigmoid was taken twice: softplus and the cross-entropy with logits take the logits": [0.551399, -0.041152],
    "z_d and z_g are exchanged: the discriminator learns from fakes of z_d": [0.865675, -0.052244],
})
checks.close(found[:2], [a, b], "(a, b) of the generator a z + b after one step", rtol=2e-5, slips={
    "the generator did not move: its optimizer's step is missing, or its fakes are detached": [1.0, -1.0],
    "the discriminator judged as before its step; compute the logits of the fakes after it": [0.942235, -0.692235],
    "this is the saturating loss, mean log(1 - D); the non-saturating one was asked": [1.09464, -0.77806],
    "the sign: the generator helps the discriminator. It wants D to say 1 to its fakes": [0.90536, -1.22194],
    "the fakes were made from z_d; take z_g": [1.243573, -0.648521],
    "the discriminator's loss left gradients in the generator: detach its fakes, or clear with optimizer_g.zero_grad()":
        [0.594131, -0.801966],
    "the step is twice as long: the loss is a sum over the batch (take the mean), or one loss was stepped along twice":
        [0.81072, -0.103931],
    "the generator made two steps; make one": [0.811783, -0.144604],
})
checks.close(losses, (1.061822, 1.205176), "the losses", rtol=2e-5, slips={
    "the losses are in the other order": (1.205176, 1.061822),
    "loss_g was computed before the discriminator's step": (1.061822, 1.003204),
    "both losses were computed after their steps; give them as they were before": (0.990214, 1.004455),
    "loss_d was computed after the discriminator's step; give it as it was before": (0.990214, 1.205176),
    "loss_g was computed after the generator's step; give it as it was before": (1.061822, 1.004455)})
take_step(gan, real, z_d, z_g)
found = numbers_of(gan)
checks.close(found, [0.807706, -0.104274, 0.698623, -0.251048], "(a, b, w, c) after a second step", rtol=1e-4, slips={
    "the discriminator's .grad still held what the generator's backward pass left there: optimizer_d.zero_grad()":
        [0.858321, -0.288996, 0.463601, -0.02669],
    "the generator's .grad of the first step was added to the second: optimizer_g.zero_grad()":
        [0.713067, 0.34376, 0.698623, -0.251048],
    "the gradients of the first step were added to those of the second: zero_grad() of both optimizers":
        [0.763681, 0.159039, 0.463601, -0.02669]})
# A discriminator that is sure, with logits 100 for the real point and -200 for the fake.
gan = GAN([1, 1], [1, 1], lr_g=1.0, lr_d=0.5, adam=False)
gan.load_state_dict({**START, "discriminator.0.weight": torch.tensor([[100.0]])})
losses = take_step(gan, torch.tensor([[1.0]]), torch.tensor([[-1.0]]), torch.tensor([[-1.0]]))
checks.close(losses, (0.0, 200.0), "the losses for logits 100 and -200", slips={
    "the logarithm of a probability that was rounded to 0 is infinite: use softplus of the logit (exercise 4)":
        (0.0, math.inf),
    "a probability was cut off or its logarithm is: use softplus of the logit (exercise 4)": (0.0, 100.0)})
checks.passed("GAN")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes_g, sizes_d, lr_g, lr_d, adam, batch in (((2, 5, 3), (3, 4, 1), 0.3, 0.2, False, (4, 4, 4)),
                                                      ((1, 4, 4, 2), (2, 6, 1), 0.02, 0.05, True, (6, 3, 5)),
                                                      ((3, 2), (2, 1), 0.1, 0.4, False, (2, 7, 1))):
        nets, state = [], {}
        for name, sizes in (("generator", sizes_g), ("discriminator", sizes_d)):
            layers = []
            for number, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
                layers += [torch.nn.Linear(n_in, n_out), torch.nn.LeakyReLU(0.2)]
                for kind, shape in (("weight", (n_out, n_in)), ("bias", (n_out,))):
                    value = torch.from_numpy((rng.normal(size=shape) / 2).astype(np.float32))
                    state[f"{name}.{2 * number}.{kind}"] = value
                    getattr(layers[-2], kind).data = value.clone()
            nets.append(torch.nn.Sequential(*layers[:-1]))
        makers = [(lambda p, lr: torch.optim.Adam(p, lr=lr, betas=(0.5, 0.9))) if adam else torch.optim.SGD] * 2
        optimizers = [make(net.parameters(), lr=lr) for make, net, lr in zip(makers, nets, (lr_g, lr_d), strict=True)]
        gan = GAN(list(sizes_g), list(sizes_d), lr_g, lr_d, adam)
        gan.load_state_dict(state)
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        for _ in range(3):
            real, z_d, z_g = (torch.from_numpy(rng.normal(size=size).astype(np.float32)) for size in
                              ((batch[0], sizes_d[0]), (batch[1], sizes_g[0]), (batch[2], sizes_g[0])))
            right, wrong = nets[1](real), nets[1](nets[0](z_d))
            loss_d = entropy(right, torch.ones_like(right)) + entropy(wrong, torch.zeros_like(wrong))
            for parameter, slope in zip(nets[1].parameters(),
                                        torch.autograd.grad(loss_d, list(nets[1].parameters())), strict=True):
                parameter.grad = slope
            optimizers[1].step()
            wrong = nets[1](nets[0](z_g))
            loss_g = entropy(wrong, torch.ones_like(wrong))
            for parameter, slope in zip(nets[0].parameters(),
                                        torch.autograd.grad(loss_g, list(nets[0].parameters())), strict=True):
                parameter.grad = slope
            optimizers[0].step()
            losses = check_losses(gan.step(real, z_d, z_g))
            checks.close(losses, (loss_d.item(), loss_g.item()), "the losses of random nets", rtol=1e-3, atol=1e-4)
        found = gan.state_dict()
        checks.that(isinstance(found, dict) and set(found) == set(state), "the parameters have other names.")
        for name, net in zip(("generator", "discriminator"), nets, strict=True):
            for key, value in net.state_dict().items():
                got = found[f"{name}.{key}"]
                checks.close(got, value, "the parameters after three steps", rtol=2e-3, atol=2e-4)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · Does the generator cover the data? (2 points)
#
# *Lecture: section 4, "Mode collapse, provoked and cured".*
#
# A generator that always draws the same perfect picture would fool many a discriminator. **Mode collapse** is this
# failure: each sample is plausible, and most of the data are never made. The losses do not show it. Where one knows
# the modes of the data, here the centres of the ring, one can count. A sample belongs to its **nearest** centre (no two
# centres are equally near), and is *good* if it lies at most `radius` from it, in the Euclidean distance. Give
#
# - how many modes are **covered**: those with at least `least` good samples of their own;
# - the **share** of the samples that are good.
#
# (`a.min(dim=1)` gives two things, `.values` and `.indices`; `torch.bincount` counts how often each index occurs.)

# %% answer="coverage"
def coverage(samples, centres, radius, least=1):
    """How many modes a set of samples covers, and the share of good samples.

    samples: (n, d), n >= 1. centres: (K, d). radius: float, how far a good sample may lie from its nearest centre, the
    border included. least: int >= 1, good samples that a covered mode has.
    Returns (modes, share): an int, and a float between 0 and 1.
    """
    ### BEGIN SOLUTION
    gaps = samples[:, None] - centres  # (n, K, d)
    nearest = gaps.norm(dim=2).min(dim=1)
    good = nearest.values <= radius
    counts = torch.bincount(nearest.indices[good])
    modes = int((counts >= least).sum())
    share = good.double().mean().item()
    return modes, share
    ### END SOLUTION


# %% test="coverage" points=2
import numpy as np
import torch

from course_utils import checks


def check(result, modes, share, what, slips_modes=None, slips_share=None):
    checks.that(isinstance(result, (tuple, list)) and len(result) == 2, "two things are asked: (modes, share).")
    checks.close(result[1], share, f"the share of good samples {what}", slips=slips_share)
    checks.equal(result[0], modes, f"the number of covered modes {what}", slips=slips_modes)


# Four good samples at the first centre, one of them on the border, and one at the second; the last two are too far off.
centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
samples = torch.tensor([[3.0, 4.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 0.0], [10.0, 2.0], [14.0, -4.0], [0.0, 16.0]])
check(coverage(samples, centres, 5.0), 2, 5 / 7, "for 7 samples around 3 centres, radius 5",
      slips_modes={"a mode counts as covered by samples that are not good": 3,
                   "a mode with exactly `least` good samples is covered: >= in place of >": 1,
                   "this is the number of good samples": 5},
      slips_share={"a sample at exactly the radius is good (and the distance is the Euclidean one)": 4 / 7,
                   "the distance is the Euclidean one; here the largest of the coordinates was taken": 6 / 7,
                   "this is the number of good samples; divide by that of all": 5.0,
                   "this is a share of the centres; for each sample (dim=1) ask whether its nearest centre is near "
                   "enough, and take the share of the samples": 2 / 3,
                   "this is a percentage; a share lies between 0 and 1": 500 / 7,
                   "the two results are in the other order": 2.0,
                   "the distance is the square root of the sum of squares": 3 / 7})
check(coverage(samples, centres, 5.0, least=2), 1, 5 / 7, "with least = 2", slips_share={
    "good samples of modes that are not covered are good all the same": 4 / 7}, slips_modes={
    "`least` was not used: a covered mode has at least that many good samples": 2})
check(coverage(samples, centres, 5.0, least=4), 1, 5 / 7, "with least = 4", slips_modes={
    "a mode with exactly `least` good samples is covered": 0})
check(coverage(samples, centres, 5.0, least=5), 0, 5 / 7, "with least = 5", slips_modes={
    "samples that are not good were counted for the first centre: where `good` is false, index * good is 0. Take "
    "index[good]": 1})
# Circles that overlap: the sample in the middle lies in both, and belongs to the nearer centre only.
samples, centres = torch.tensor([[0.0], [1.0], [1.25]]), torch.tensor([[0.0], [3.0]])
check(coverage(samples, centres, 2.0), 1, 1.0, "where the circles overlap", slips_modes={
    "a sample was counted for each centre within the radius; it belongs to its nearest centre only": 2},
    slips_share={"a sample was counted for each centre within the radius": 5 / 3})
checks.passed("coverage")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, k, d, radius, least in ((40, 6, 2, 0.7, 2), (25, 9, 1, 0.2, 1), (60, 4, 3, 1.2, 5), (1, 3, 2, 9.0, 1),
                                   (30, 12, 2, 0.01, 1), (80, 5, 2, 1.0, 9)):
        samples, centres = rng.normal(size=(n, d)), rng.normal(size=(k, d))
        counts, good = [0] * k, 0
        for sample in samples:
            far = [float(np.sqrt(((sample - centre) ** 2).sum())) for centre in centres]
            if min(far) <= radius:
                counts[far.index(min(far))] += 1
                good += 1
        modes = sum(count >= least for count in counts)
        result = coverage(torch.from_numpy(samples), torch.from_numpy(centres), radius, least)
        checks.that(isinstance(result, (tuple, list)) and len(result) == 2, "two things are asked: (modes, share).")
        checks.equal(result[0], modes, "the number of covered modes")
        checks.close(result[1], good / n, "the share of good samples")
### END HIDDEN TESTS

# %% [markdown]
# ## Part D · Latent space, and a pyramid
#
# ### Exercise 8 · On the sphere from one code to another (2 points)
#
# *Lecture: section 5, "The latent space"; the arc is new here.*
#
# A walk from one code to another shows whether a generator has learned a smooth family of pictures. The straight line
# is a poor way: in 100 dimensions nearly all codes of a standard normal distribution have a length near 10, but the
# middle of the line between two of them has only about 7, a code that the generator never saw. **Spherical
# interpolation** goes along the arc. With $\Omega$ the angle between $a$ and $b$,
#
# $$\operatorname{slerp}(a, b; t)
#   = \frac{\sin((1-t)\,\Omega)}{\sin\Omega}\,a + \frac{\sin(t\,\Omega)}{\sin\Omega}\,b .$$
#
# The codes need not have length 1; only the angle is taken of the directions. For parallel codes $\Omega = 0$ and the
# formula is 0/0; its limit is the straight line, $(1-t)\,a + t\,b$. Mind that rounding can make the cosine of the angle
# a little larger than 1, where `acos` is not a number. (`t[:, None]` is `t` as a column, so that each step becomes a
# row of the result. One way without any `if`: `torch.sinc(u)` is $\sin(\pi u)/(\pi u)$, and 1 for $u = 0$, so that
# $\sin(t\,\Omega)/\sin\Omega = t\,\operatorname{sinc}(t\,\Omega/\pi)/\operatorname{sinc}(\Omega/\pi)$.)

# %% answer="slerp"
def slerp(a, b, t):
    """Spherical interpolation between two codes.

    a, b: (d,), neither 0 nor opposite to each other; they may be parallel. t: (steps,), from 0 (at a) to 1 (at b).
    Returns (steps, d).
    """
    ### BEGIN SOLUTION
    dot = a @ b
    cosine = dot / (a.norm() * b.norm())
    angle = torch.acos(cosine.clamp(max=1)) / torch.pi  # in half turns, as sinc takes it
    t = t[:, None]
    rest = 1 - t
    part_a = rest * torch.sinc(rest * angle)
    part_b = t * torch.sinc(t * angle)
    return (part_a * a + part_b * b) / torch.sinc(angle)
    ### END SOLUTION


# %% test="slerp" points=2
import math

import numpy as np
import torch

from course_utils import checks

a, b, t = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.5, 1.0])
half = 0.5**0.5
expected = torch.tensor([[1.0, 0.0], [half, half], [0.0, 1.0]])
no_pi = np.sinc(math.pi / 4) / np.sinc(math.pi / 2) / 2  # half-way, where sinc is taken of the angle itself
checks.close(slerp(a, b, t), expected, "slerp from (1, 0) to (0, 1)", slips={
    "this is the straight line; the arc is asked": torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]),
    "a and b are exchanged: t = 0 is a": torch.tensor([[0.0, 1.0], [half, half], [1.0, 0.0]]),
    "torch.sinc(u) has a π in it: take it of t·Ω/π and Ω/π": torch.tensor([[1.0, 0.0], [no_pi, no_pi], [0.0, 1.0]]),
    "the factor in front of a sinc is missing: sin(t·Ω)/sin Ω is t·sinc(t·Ω/π)/sinc(Ω/π)":
        torch.tensor([[1.0, math.pi / 2], [2 * half, 2 * half], [math.pi / 2, 1.0]]),
    "the angle was taken in degrees; torch.acos and torch.sin take radians":
        torch.tensor([[1.0, 0.0], [0.951797, 0.951797], [0.0, 1.0]]),
    "not a number: Ω is acos of the cosine, and was here the cosine itself, which is 0": torch.full((3, 2), math.nan)})
a, b = torch.tensor([4.0, 0.0]), torch.tensor([1.6, 1.2])  # lengths 4 and 2, the cosine of their angle is 0.8
sine = 0.1**0.5  # of half the angle, 18.4 degrees; that of the angle is 0.6
checks.close(slerp(a, b, torch.tensor([0.5])), sine / 0.6 * (a + b)[None],
             "slerp half-way between codes of lengths 4 and 2, 37° apart", slips={
    "the results were brought to length 1; the codes keep their lengths": ((a + b) / (a + b).norm())[None],
    "a and b were brought to length 1; only the angle is taken of the directions":
        sine / 0.6 * (a / 4 + b / 2)[None],
    "the sines were not divided by sin Ω": sine * (a + b)[None],
    "this is the straight line, as for an angle of 0: the cosine is a·b divided by the lengths of a and b":
        (a + b)[None] / 2,
    "this is the straight line, brought to the length between; the arc is asked":
        (3 * (a + b) / (a + b).norm())[None],
    "the cosine a·b must be divided by the lengths of a and b": torch.full((1, 2), float("nan"))})
a = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
result = slerp(a, 2 * a, torch.tensor([0.0, 0.25, 1.0]).double())
checks.close(result, torch.tensor([1.0, 1.25, 2.0]).double()[:, None] * a, "slerp from (1, 1, 1) to (2, 2, 2)", slips={
    "parallel codes gave 0, as 0 was divided by a small constant; the limit is the straight line":
        torch.zeros(3, 3, dtype=torch.float64),
    "parallel codes gave NaN: 0/0, or the acos of a cosine that rounding made larger than 1":
        torch.full((3, 3), float("nan"), dtype=torch.float64)})
checks.passed("slerp")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for d, steps in ((2, 5), (16, 7), (100, 3), (3, 1)):
        a, b, t = rng.normal(size=d), rng.normal(size=d) * 3, rng.uniform(size=steps)
        angle = np.arccos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        expected = np.stack([(np.sin((1 - s) * angle) * a + np.sin(s * angle) * b) / np.sin(angle) for s in t])
        found = slerp(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(t))
        checks.close(found, expected, "slerp between random codes", rtol=1e-6, atol=1e-8)
        for factor in (0.3, 1.0, 7.0, 1 + 1e-9):
            expected = np.stack([(1 - s) * a + s * factor * a for s in t])
            found = slerp(torch.from_numpy(a), torch.from_numpy(factor * a), torch.from_numpy(t))
            checks.close(found, expected, "slerp between parallel codes", rtol=1e-6, atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 9 · The direction of an attribute (2 points)
#
# *Lecture: section 5, "Directions" and "Arithmetic".*
#
# Deck F's "face arithmetic": man with glasses − man + woman = woman with glasses. The difference of two codes holds
# much else besides the glasses. A steadier direction comes from many codes with labels: the mean of the codes that
# **have** the attribute, minus the mean of those that do not. If bold letters happen to be slanted more often than
# others, the direction "bold" also slants. With the direction $u$ of the other attribute at hand one takes this part
# out, and what remains is orthogonal to $u$ (`codes[has]` are the rows where `has` is true, `~has` is its opposite):
#
# $$v = \overline{z}_{\text{with}} - \overline{z}_{\text{without}},\qquad
#   v_\perp = v - \frac{v\cdot u}{u\cdot u}\,u .$$

# %% answer="attribute_direction"
def attribute_direction(codes, has, other=None):
    """The direction of an attribute in the latent space, orthogonal to another direction if one is given.

    codes: (n, latent). has: (n,) bool, which codes have the attribute; at least one has, and one has not.
    other: (latent,), not 0 and of any length, or None.
    Returns (latent,). The inputs stay as they are.
    """
    ### BEGIN SOLUTION
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is None:
        return direction
    dot = direction @ other
    return direction - dot / (other @ other) * other
    ### END SOLUTION


# %% test="attribute_direction" points=2
import numpy as np
import torch

from course_utils import checks

codes = torch.tensor([[5.0, 1.0], [3.0, 3.0], [1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
has = torch.tensor([True, True, False, False, False])
checks.close(attribute_direction(codes, has), torch.tensor([4.0, 2.0]), "the direction from three codes to two", slips={
    "the sign: it leads from the codes without the attribute to those with it": torch.tensor([-4.0, -2.0]),
    "these are differences of sums; take the mean of each group": torch.tensor([8.0, 4.0]),
    "the mean of all codes was subtracted; subtract that of the codes without the attribute":
        torch.tensor([2.4, 1.2]),
    "this is the mean of all numbers of a group; take the mean over its codes, dim=0": torch.tensor(3.0),
    "the direction was brought to length 1; keep its length": torch.tensor([4.0, 2.0]) / 20**0.5})
other = torch.tensor([2.0, 0.0])
inputs = [codes, has, other]
copies = [tensor.clone() for tensor in inputs]
result = attribute_direction(*(checks.inout(tensor) for tensor in inputs))
checks.close(result, torch.tensor([0.0, 2.0]), "the direction without its part along (2, 0)", slips={
    "`other` was not used": torch.tensor([4.0, 2.0]),
    "this is the part along `other`; it is to be taken away": torch.tensor([4.0, 0.0]),
    "`other` need not have length 1: divide by other·other": torch.tensor([4.0 - 16.0, 2.0]),
    "divided by the length of `other`; divide by its square, other·other": torch.tensor([4.0 - 8.0, 2.0]),
    "the part along `other` was added; take it away": torch.tensor([8.0, 2.0]),
    "divided by the square of the direction itself; divide by that of `other`": torch.tensor([3.2, 2.0]),
    "v·u is a scalar product, one number; here the entries were multiplied one by one":
        torch.tensor([0.0, float("nan")]),
    "`other` itself was subtracted; subtract the part of the direction along it": torch.tensor([2.0, 2.0]),
    "the roles are exchanged: `other` was freed of the direction": torch.tensor([0.4, -0.8])})
for name, tensor, copy in zip(("codes", "has", "other"), inputs, copies, strict=True):
    checks.unchanged(tensor, copy, name)
checks.passed("attribute_direction")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, latent in ((12, 3), (7, 10), (30, 2), (2, 4)):
        codes, has = rng.normal(size=(n, latent)), rng.uniform(size=n) < 0.4
        has[:2] = (True, False)
        expected = np.mean([code for code, yes in zip(codes, has, strict=True) if yes], axis=0)
        expected = expected - np.mean([code for code, yes in zip(codes, has, strict=True) if not yes], axis=0)
        given = torch.from_numpy(codes), torch.from_numpy(has)
        checks.close(attribute_direction(*given), expected, "the direction from random codes")
        other = rng.normal(size=latent) * 3
        unit = other / np.linalg.norm(other)
        checks.close(attribute_direction(*given, torch.from_numpy(other)), expected - np.outer(unit, unit) @ expected,
                     "the direction without its part along another")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 10 · A Laplacian pyramid (2 points)
#
# *Lecture: section 6, "A pyramid of generators".*
#
# One generator for a large picture has to get the outline and the hair right at once. A pyramid of generators (Denton
# and others, 2015, on deck N's slide) shares the work: one net draws a small picture, and for each doubling of the side
# another one draws the **detail** that is missing. To train them, real pictures are taken apart in the same way. With
# *down*, which replaces each 2 × 2 pixels by their mean, and *up*, which makes 2 × 2 equal pixels of each,
#
# $$x_0 = x,\qquad x_{k+1} = \mathrm{down}(x_k),\qquad \text{detail}_k = x_k - \mathrm{up}(x_{k+1}).$$
#
# Return the details from the largest to the smallest, then the last small picture. Nothing is lost: from the small
# picture upwards, $x_k = \mathrm{up}(x_{k+1}) + \text{detail}_k$. PyTorch's functions for pooling (lecture 04,
# section 4) and for repeating (`tensor.repeat_interleave(2, dim=…)`) are welcome.

# %% answer="laplacian_pyramid"
def laplacian_pyramid(images, levels):
    """Pictures taken apart into details, from the largest to the smallest, and a small picture.

    images: (batch, channels, h, w), which stay as they are; h and w are multiples of 2**levels. levels: int >= 0.
    Returns a list of levels + 1 tensors: for k = 0, 1, … the detail (batch, channels, h / 2**k, w / 2**k), and at last
    the small pictures (batch, channels, h / 2**levels, w / 2**levels).
    """
    ### BEGIN SOLUTION
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        large = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        pyramid.append(images - large)
        images = small
    return [*pyramid, images]
    ### END SOLUTION


# %% test="laplacian_pyramid" points=2
import numpy as np
import torch

from course_utils import checks

x = torch.tensor([[0.0, 4.0, 1.0, 1.0], [8.0, 0.0, 1.0, 1.0]])[None, None]
detail = torch.tensor([[-3.0, 1.0, 0.0, 0.0], [5.0, -3.0, 0.0, 0.0]])[None, None]
small = torch.tensor([[3.0, 1.0]])[None, None]
copy = x.clone()
result = laplacian_pyramid(checks.inout(x), 1)
checks.unchanged(x, copy, "the pictures")
checks.that(isinstance(result, (list, tuple)) and len(result) == 2,
            "with levels = 1 a list of two tensors is asked: the detail and the small picture.")
checks.close(list(result), [detail, small], "[detail, small] of a picture of 2 × 4", slips={
    "the order: the details come first, the small picture last": [small, detail],
    "the sign: detail = x - up(small)": [-detail, small],
    "the pictures themselves are in the list; a detail is what up(small) lacks": [x, small],
    "up(small) is in the list; the detail is x minus that": [x - detail, small],
    "one pixel of each four was taken; down is their mean":
        [torch.tensor([[0.0, 4.0, 0.0, 0.0], [8.0, 0.0, 0.0, 0.0]])[None, None],
         torch.tensor([[0.0, 1.0]])[None, None]],
    "the four were added up; down is their mean": [x - 4 * (x - detail), 4 * small],
    "the largest of each four was taken; down is their mean":
        [torch.tensor([[-8.0, -4.0, 0.0, 0.0], [0.0, -8.0, 0.0, 0.0]])[None, None],
         torch.tensor([[8.0, 1.0]])[None, None]],
    "the small picture was tiled; up repeats each pixel in its place": [x - small.repeat(1, 1, 2, 2), small],
    "up interpolates here; it is to repeat each pixel":
        [x - torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear"), small],
    "up interpolates here (bicubic, as the lecture does); it is to repeat each pixel":
        [x - torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic"), small]})
x = torch.arange(16.0).reshape(1, 1, 4, 4)
large = torch.tensor([[-2.5, -1.5], [1.5, 2.5]]).repeat(2, 2)[None, None]
middle = torch.tensor([[-5.0, -3.0], [3.0, 5.0]])[None, None]
result = laplacian_pyramid(x, 2)
checks.that(isinstance(result, (list, tuple)) and len(result) == 3, "with levels = 2 a list of three tensors is asked.")
checks.close(list(result), [large, middle, torch.full((1, 1, 1, 1), 7.5)], "the pyramid of a picture of 4 × 4", slips={
    "the details are in the wrong order: the largest first": [middle, large, torch.full((1, 1, 1, 1), 7.5)],
    "each level starts from the small picture of the level before; here all start from the whole picture":
        [large, large, torch.tensor([[2.5, 4.5], [10.5, 12.5]])[None, None]]})
checks.close(list(laplacian_pyramid(x, 0)), [x], "the pyramid with levels = 0, the pictures alone")
checks.passed("laplacian_pyramid")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, levels in (((2, 1, 8, 8), 3), ((1, 3, 4, 12), 2), ((3, 2, 6, 2), 1), ((2, 1, 3, 5), 0)):
        x = rng.normal(size=shape)
        expected, now = [], x
        for _ in range(levels):
            small = (now[..., ::2, ::2] + now[..., 1::2, ::2] + now[..., ::2, 1::2] + now[..., 1::2, 1::2]) / 4
            expected.append(now - np.kron(small, np.ones((2, 2))))
            now = small
        expected.append(now)
        result = laplacian_pyramid(torch.from_numpy(x), levels)
        checks.that(isinstance(result, (list, tuple)) and len(result) == levels + 1, "the number of levels is wrong.")
        checks.close(list(result), expected, "the pyramid of random pictures", rtol=1e-8, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
# A letter of 28 × 28 pixels, taken apart by your function and put together again. The details are grey where nothing is
# missing. Their numbers are mostly small: most of the picture is in the 49 pixels at the end.

# %%
letter = data.glyphs(20, 10, classes="AGRS").x_train[2:3]
pyramid = laplacian_pyramid(letter, 2)
rebuilt = pyramid[-1]
for detail in reversed(pyramid[:-1]):
    rebuilt = rebuilt.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) + detail
fig, axes = plt.subplots(1, 5, figsize=(14, 3.6))
shown = [("the letter", letter, 0), *((f"detail {k}", detail, -1) for k, detail in enumerate(pyramid[:-1])),
         ("the small one", pyramid[-1], 0), ("put together", rebuilt, 0)]
for axis, (name, picture, low) in zip(axes, shown, strict=True):
    axis.imshow(picture[0, 0], cmap="gray", vmin=low, vmax=1)
    axis.set(title=name, xticks=[], yticks=[], xlabel=f"{picture.shape[2]} × {picture.shape[3]} pixels")
    axis.grid(False)
plt.show()
print(f"largest difference between the letter and what was put together: {(rebuilt - letter).abs().max():.1e}")

# %% [markdown]
# ## Experiment · Who learns faster? (4 points)
#
# *Lecture: section 4, "Mode collapse, provoked and cured".*
#
# The lecture provoked mode collapse with a generator that learns ten times as fast as the discriminator, and cured it
# with equal rates. Where does it turn, and what if the discriminator is the faster one? Two small nets play on the ring
# of eight Gaussians: a generator 2-64-64-2 and a discriminator 2-64-64-1, both with Adam, for 1,200 of your `step`s.
# The generator's learning rate is always 0.001. The discriminator's is 0.0003, 0.0007, 0.001 or 0.003; nothing else
# differs. Every 100 steps your `coverage` counts on 1,000 samples: a sample is good up to $3\sigma$ from its centre (of
# the data themselves 98.9 % are), and a mode is covered from 10 good samples on, a twelfth of its due. Each setting
# runs from three seeds.
#
# **Before you run the cell**, write down in the answer cell below the figures what you expect of the last setting: can
# a discriminator learn too fast for its generator? And would you trust one run of each? It takes about 15 seconds.

# %%
STEPS, EVERY = 1200, 100
rates = (3e-4, 7e-4, 1e-3, 3e-3)


def play(lr_d, seed):
    """Train a GAN on the ring. Returns a list of (samples (1000, 2), modes, share), one for each 100 steps."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    gan = GAN([2, 64, 64, 2], [2, 64, 64, 1], lr_g=1e-3, lr_d=lr_d)
    record = []
    for step in range(1, STEPS + 1):
        gan.step(ring(64, generator), torch.randn(64, 2, generator=generator), torch.randn(64, 2, generator=generator))
        if step % EVERY == 0:
            with torch.no_grad():
                samples = gan.generator(torch.randn(1000, 2, generator=generator))
            record.append((samples, *coverage(samples, CENTRES, 3 * SPREAD, least=10)))
    return record


def show_cloud(axis, samples, title):
    axis.scatter(*data_points.T, s=6, color=plotting.COLORS["grey"], label="data")
    axis.scatter(*samples.T, s=6, color=plotting.COLORS["vermillion"], label="generated")
    axis.set(title=title, xlabel="$x_1$", aspect="equal", xlim=(-1.9, 1.9), ylim=(-1.9, 1.9))


games = {lr_d: [play(lr_d, seed) for seed in range(3)] for lr_d in rates}
data_points = ring(1000, torch.Generator().manual_seed(99))
fig, axes = plt.subplots(2, 4, figsize=(16, 8.6))
count = range(EVERY, STEPS + 1, EVERY)
for (lr_d, runs), (above, below) in zip(games.items(), axes.T, strict=True):
    show_cloud(above, runs[0][-1][0], f"D's learning rate {lr_d:g}")
    for seed, (record, marker) in enumerate(zip(runs, "os^", strict=True)):
        below.plot(count, [modes for _, modes, _ in record], marker=marker, label=f"seed {seed}")
        covered = ", ".join(str(record[at][1]) for at in (3, 7, 11))
        shares = ", ".join(f"{100 * record[at][2]:.0f}" for at in (3, 7, 11))
        print(f"D's rate {lr_d:<7g} seed {seed}: after 400, 800, 1200 steps {covered} modes; {shares} % good samples")
    below.set(xlabel="step", ylim=(-0.4, 8.4), yticks=range(0, 9, 2))
axes[0, 0].set_ylabel("$x_2$")
axes[0, 0].legend(loc="upper left", markerscale=3, fontsize=12)
axes[1, 0].set_ylabel("modes covered")
axes[1, 0].legend(loc="upper left")
fig.suptitle("Above: samples of seed 0 after 1,200 steps. Below: modes covered")
plt.show()

# %% [markdown]
# The slowest discriminator again, seed 0: the generated samples every 100 steps.

# %%
fig, axes = plt.subplots(1, 6, figsize=(17, 3.6), sharey=True)
for axis, step in zip(axes, count[-6:], strict=True):
    show_cloud(axis, games[rates[0]][0][step // EVERY - 1][0], f"step {step:,}")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
# The mixture of part A on the same data, for comparison. Only it can say how likely a point is; so of ten starts one
# can keep the one that gives the training data the largest likelihood.

# %%
points = ring(2000, torch.Generator().manual_seed(1))
fits = [fit_mixture(points, MODES, 60, torch.Generator().manual_seed(seed)) for seed in range(10)]
fits.sort(key=lambda fit: fit[3][-1])
print("EM with 8 components, ten starts: mean log-density of the training data "
      + ", ".join(f"{log_density[-1]:.2f}" for _, _, _, log_density in fits))
asked = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
for name, (weights, means, variances, _) in (("best", fits[-1]), ("worst", fits[0])):
    generator = torch.Generator().manual_seed(0)
    pick = torch.multinomial(weights, 1000, replacement=True, generator=generator)
    drawn = means[pick] + variances[pick].sqrt()[:, None] * torch.randn(1000, 2, generator=generator)
    modes, share = coverage(drawn, CENTRES, 3 * SPREAD, least=10)
    on_ring, in_middle = mixture_log_density(asked, weights, means, variances)
    print(f"the {name} start: {modes} modes, {100 * share:.0f} % good samples; "
          f"log-density {on_ring:.1f} at (1, 0), {in_middle:.1f} in the middle")

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. Describe the settings: modes covered, share of good samples, and how far the seeds agree. What would you have
#    concluded about the rate 0.0007 from one seed alone?
# 2. Look at the slowest discriminator: how does the number of modes change, and where do the samples go? Explain it by
#    the game: what is the best answer of a generator to a discriminator that stands still?
# 3. Why are even the best runs far from 98.9 % good samples? (Erratum E70: where does a continuous function send a
#    connected cloud of codes?) The share still rises at the end: how far could longer training help?
# 4. Compare with the mixture fitted by EM. What can it say that the GAN cannot (erratum E10), and of what use was that
#    for its ten starts? What did it know beforehand, and why would you not use it for pictures?

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer** (the numbers are of one run; with another version of PyTorch single seeds may turn out otherwise)
#
# 1. With the slowest discriminator (0.0003) all three seeds collapse: at any time 0 to 2 modes of 8 are covered, and at
#    the end 2 to 22 % of the samples are good. With equal rates (0.001) all three have the eight modes from about step
#    400 on, but for one dip to seven, and 54 to 58 % good samples at the end; with the fastest (0.003) from about step
#    200 on, again but for one dip, and 55 to 67 %. At 0.0007 the seeds disagree: seed 0 has 2 modes and 10 % good
#    samples at the end, seeds 1 and 2 have all eight, and 54 and 57 %. From seed 0 alone one would call the setting a
#    failure, from seed 1 a success; three seeds show that it is on the edge. A discriminator three times as fast as its
#    generator does no harm here, whatever one may have feared.
# 2. The number never settles: it goes up and down between 0 and 2. The samples are one heap, which jumps from one side
#    of the ring to another within 100 steps and often lies outside the data. Against a discriminator that stands still,
#    the best answer of the generator is to put every code on the one point where $D$ is largest: variety earns nothing,
#    as each sample is judged by itself. A slow discriminator stands nearly still while the generator runs there; then
#    it learns that this place is full of fakes, another place becomes the best, and the heap moves on.
# 3. The codes are one connected cloud and $G$ is continuous, so the samples are connected too: between two modes there
#    must be a bridge, seen as the circle through the eight modes and the points inside. Samples on it are not good. $G$
#    can make the bridges thin, by being very steep there, and the share does rise from 400 to 1,200 steps; a net with
#    finite weights cannot remove them, so the share stays below that of the data. (A run of 6,000 steps, rate 0.003,
#    seed 0, has 53 % after 1,000 steps, 69 % after 2,000, 82 % after 4,000 and 85 % after 5,000 and 6,000.)
# 4. The mixture gives a number for the density at any point: in the best of ten starts a log-density of 2.1 at (1, 0),
#    and about -175 in the middle. The GAN gives samples only; deck F's "density estimator" is erratum E10. EM needs
#    such a number: most of its starts get stuck, with a mean log-density of -0.77 to 0.43 on the training data, and the
#    two that reach 1.07 are known by it. The best one covers 8 modes with about 99 % good samples, the worst 6 with
#    43 %. The mixture knew that the data are round Gaussians, and how many. The distribution of pictures is no sum of a
#    few round clouds in their thousands of dimensions; its samples would be a mean picture plus grey noise on every
#    pixel.
#
# **Rubric** (4 points, halves allowed)
#
# - 1 point: modes and shares of all four settings from the student's own run (half a point); the seeds at 0.0007 are
#   compared, or one seed is said to prove little (half a point).
# - 1 point: the count goes up and down and the samples wander in one heap (half a point); the best answer to a fixed
#   discriminator is all mass on its best point (half a point).
# - 1 point: a continuous image of a connected set is connected, so there are samples between the modes, and they are
#   not good (half a point); longer training makes the bridges thinner but cannot remove them (half a point).
# - 1 point: the mixture has a density that can be evaluated, so that the best start can be chosen, the GAN has not
#   (half a point); what the mixture knew, or why it fails on pictures (half a point).
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# Deck V's album covers and bedrooms come from DCGAN, a generator of transposed convolutions with batch norm against a
# discriminator of convolutions with stride 2. The cell below trains one on Fashion-MNIST, on the GPU if there is one.
# On a GPU it plays 3,000 steps, on a CPU 60 with half as many channels, enough for shapeless blots. The data are
# downloaded once (31 MB). Where they cannot be had, the cell says so and takes rendered letters and digits of the same
# size.

# %% tags=["further"]
where = device.pick_device()
images = data.fashion_mnist(fallback="glyphs")
print(images)
torch.manual_seed(0)
LATENT, BATCH = 64, 128
DCGAN_STEPS, WIDTH = (60, 32) if where.type == "cpu" else (3000, 64)
pictures = 2 * images.x_train.to(where) - 1  # in [-1, 1], as tanh gives them

dcgan_generator = torch.nn.Sequential(
    torch.nn.ConvTranspose2d(LATENT, 2 * WIDTH, 7), torch.nn.BatchNorm2d(2 * WIDTH), torch.nn.ReLU(),  # 7 × 7
    torch.nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, stride=2, padding=1),  # 14 × 14
    torch.nn.BatchNorm2d(WIDTH), torch.nn.ReLU(),
    torch.nn.ConvTranspose2d(WIDTH, 1, 4, stride=2, padding=1), torch.nn.Tanh(),  # 28 × 28
).to(where)
dcgan_discriminator = torch.nn.Sequential(
    torch.nn.Conv2d(1, WIDTH, 4, stride=2, padding=1), torch.nn.LeakyReLU(0.2),
    torch.nn.Conv2d(WIDTH, 2 * WIDTH, 4, stride=2, padding=1), torch.nn.BatchNorm2d(2 * WIDTH),
    torch.nn.LeakyReLU(0.2), torch.nn.Flatten(), torch.nn.Linear(2 * WIDTH * 49, 1),
).to(where)
optimizer_g = torch.optim.Adam(dcgan_generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(dcgan_discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))


def codes(n):
    return torch.randn(n, LATENT, 1, 1, device=where)


for step in range(1, DCGAN_STEPS + 1):
    rows = torch.randint(len(pictures), (BATCH,), device=where)
    fakes = dcgan_generator(codes(BATCH)).detach()
    loss_d = gan_losses(dcgan_discriminator(pictures[rows])[:, 0], dcgan_discriminator(fakes)[:, 0])[0]
    optimizer_d.zero_grad()
    loss_d.backward()
    optimizer_d.step()
    loss_g = gan_losses(torch.zeros(1, device=where), dcgan_discriminator(dcgan_generator(codes(BATCH)))[:, 0])[2]
    optimizer_g.zero_grad()
    loss_g.backward()
    optimizer_g.step()
    if step % (DCGAN_STEPS // 5) == 0:
        print(f"step {step:5d}: discriminator's loss {loss_d.item():.2f}, generator's loss {loss_g.item():.2f}")

with torch.no_grad():
    drawn = dcgan_generator(codes(40)).cpu()
plotting.show_images((drawn + 1) / 2, title=f"{images.name}: drawn by a DCGAN after {DCGAN_STEPS:,} steps")
plt.show()

# %% [markdown]
# Some things to try from here:
#
# - With a GPU: walk between two codes of the DCGAN with your `slerp`, and along the straight line. At which of the two
#   do the pictures in the middle look worse?
# - With a GPU: label 200 of its pictures by hand or by a classifier (trousers or not), and follow your
#   `attribute_direction`.
# - In the experiment: give the slowest discriminator three steps for each step of the generator (a loop around the
#   first half of `step`). That cures the collapse from all three seeds. What does it cost, beside a larger learning
#   rate?
# - Take the saturating loss in `step`. On the ring it does well: at 0.0003 it collapses too, but at 0.0007 all three
#   seeds end with the eight modes. Where would you expect it to fail? (Look at the figure after exercise 4.)
# - Super-resolution (lecture, section 7): train a small convolutional net that draws your `detail` from `up(small)`,
#   first with the squared error, then with a discriminator. Which has the better PSNR, which the sharper edges?
#
# **Next:** [lecture 08](../../lectures/08_adversarial.ipynb) on adversarial examples, and its lab.
