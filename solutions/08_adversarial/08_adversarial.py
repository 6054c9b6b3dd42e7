# %% [markdown]
# # Lab 08 · Adversarial examples: fooling a net, and defending it
#
# Nine functions that attack a classifier and measure how it holds: from the sum of many small changes in a linear model
# to gradient attacks on a net, the shortest way across a decision boundary, and training on attacked images.
#
# **After this lab you can**
# - say why a change too small to see can move the output of a linear model as far as you like;
# - compute the gradient of a loss by the *input*, and leave nothing behind in the weights;
# - write the fast gradient sign method, targeted and untargeted, and projected gradient descent;
# - compute the smallest change that flips a linear classifier, and use it step by step on a net;
# - measure robust accuracy, train a net for it, and say what the figure promises and what it does not.
#
# **Time** about 2.5 hours. **Points** 26 for code, 4 for the experiment at the end.
#
# **Follows** deck N, "Intriguing properties of ConvNets" (Szegedy and others, 2013) and "Training with adversarial
# samples" (Goodfellow and others, 2014: the panda that becomes a gibbon); lecture 08, whose sections are named at
# each exercise. You need lab 03 for the multi-layer perceptron and its loss, and lab 02 for what a gradient is.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the experiment uses your answers.
#
# **Shapes.** A batch of images is `(batch, n)`, one image a row, its pixels between 0 (black) and 1 (white). The
# weight matrix of a layer is `(n_out, n_in)`. Labels are whole numbers from 0, of type int64. All else is float32 or
# float64: a tensor that you make yourself must have the type of those that came in. A perturbation is called $\eta$,
# its bound $\varepsilon$, in the units of a pixel: 0.1 is a tenth of the way from black to white.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from course_utils import checks, data, device, plotting, training

plotting.use_style()
torch.set_num_threads(1)  # the nets are small: threads would cost more than they bring

# %% [markdown]
# The net that is attacked is the multi-layer perceptron of lab 03, whose weights are two lists of tensors. It is given:


# %%
def mlp(x, weights, biases):
    """Logits of a multi-layer perceptron with ReLU between its layers and none after the last.

    x: (batch, n_0). weights: list of L >= 1 tensors, the l-th of shape (n_l, n_{l-1}).
    biases: list of L tensors (n_l,).
    Returns (batch, n_L), through which autograd can pass.
    """
    for layer in range(len(weights)):
        x = x @ weights[layer].T + biases[layer]
        if layer < len(weights) - 1:
            x = torch.relu(x)
    return x


# %% [markdown]
# ## Part A · One step
#
# ### Exercise 1 · Many small changes add up (2 points)
#
# *Lecture: section 1, "The smallest example: a linear classifier", and section 2, "Does it grow with the dimension?".*
#
# Deck N writes down what happens to one linear unit when its input is perturbed, $\tilde x = x + \eta$:
#
# $$w^\top\tilde x = w^\top x + w^\top\eta .$$
#
# No pixel may change by more than $\varepsilon$, that is $\lVert\eta\rVert_\infty = \max_i |\eta_i| \le \varepsilon$.
# Which $\eta$ raises $w^\top\eta = \sum_i w_i\eta_i$ most, and by how much? Each term of the sum can be made as large
# as possible on its own. For weights of average size $m$ the answer is $\varepsilon m n$: it grows with the number of
# pixels $n$, though no pixel changes more than before.

# %% answer="linear_change"
def linear_change(w, epsilon):
    """The perturbation of a bounded size that raises w·x most, and by how much.

    w: (n,), the weights. epsilon: float >= 0, the bound on the size of each entry of the perturbation.
    Returns (eta, change): eta (n,), whose entries lie between -epsilon and epsilon, and change, a number or a tensor of
    shape (), the increase w·eta. Where a weight is 0, any entry within the bound is right.
    """
    ### BEGIN SOLUTION
    eta = epsilon * w.sign()
    change = epsilon * w.abs().sum()
    return eta, change
    ### END SOLUTION


# %% test="linear_change" points=2
import numpy as np
import torch

from course_utils import checks

w = torch.tensor([3.0, -1.0, 0.5])
expected = torch.tensor([0.1, -0.1, 0.1])
l2 = w.norm().item()
result = linear_change(w, 0.1)
checks.that(type(result) in (list, tuple) and len(result) == 2, "linear_change returns a pair, (eta, change).")
eta, change = result
checks.close(eta, expected, "eta for w = [3, -1, 0.5] and epsilon = 0.1", slips={
    "this is the longest step in Euclidean (L2) length; here each entry may be as large as epsilon by itself":
        0.1 * w / l2,
    "this is proportional to w, and breaks the bound or does not use it: only the sign of each weight counts": 0.1 * w,
    "this is scaled so that the largest weight gets epsilon; every entry may have the size epsilon": 0.1 * w / 3,
    "all entries go up, also where the weight is negative: give each the sign of its weight": torch.full((3,), 0.1),
    "this lowers w·x as far as possible; it is to be raised": -expected,
    "only the entry of the largest weight was changed; all of them may be": torch.tensor([0.1, 0.0, 0.0]),
    "these are the signs; multiply them with epsilon": w.sign(),
    "this is the change; the pair is (eta, change), in this order": torch.tensor(0.45),
})
checks.close(change, 0.45, "the change for w = [3, -1, 0.5] and epsilon = 0.1", slips={
    "the weights were added with their signs; each term w_i·eta_i is positive: epsilon times the sum of |w_i|": 0.25,
    "this is epsilon times the Euclidean length of w; for the bound on each entry it is the sum of |w_i|": 0.1 * l2,
    "this is epsilon times the largest weight; the changes of all entries add up": 0.3,
    "epsilon is missing: this is the sum of |w_i|": 4.5,
    "this is the mean over the entries; the changes add up": 0.15,
    "the sign is wrong: eta raises w·x, so the change is positive": -0.45,
    "this is the sum of eta; each entry counts with its weight: add up w_i·eta_i": 0.1,
    "this is w·(w + eta); there is no image here, and the change is w·eta alone": 10.7,
})
small = torch.tensor([2.0, 0.0, -0.02])
result = linear_change(small, 0.1)
checks.that(type(result) in (list, tuple) and len(result) == 2, "linear_change returns a pair, (eta, change).")
eta = torch.as_tensor(result[0])
checks.that(eta.shape == (3,) and bool(torch.isfinite(eta).all()),
            "for w = [2, 0, -0.02], eta must be three finite numbers: w / |w| is 0/0 for a weight of 0.")
checks.close(eta[[0, 2]], torch.tensor([0.1, -0.1], dtype=eta.dtype),
             "the first and the last entry of eta for w = [2, 0, -0.02] and epsilon = 0.1", slips={
    "the weights were clipped to epsilon; a small weight gets the full epsilon too": torch.tensor([0.1, -0.02])})
checks.passed("linear_change")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, epsilon in ((1, 0.5), (7, 0.03), (400, 1.5), (12, 0.0)):
        w = torch.from_numpy(rng.normal(size=n))
        expected = [torch.from_numpy(epsilon * np.sign(w.numpy())), epsilon * float(np.abs(w.numpy()).sum())]
        checks.close(linear_change(w, epsilon), expected, "the pair (eta, change)")
    w = torch.from_numpy(rng.normal(size=6))
    w[[1, 4]] = 0
    total = 0.2 * float(np.abs(w.numpy()).sum())
    result = linear_change(w, 0.2)
    checks.that(type(result) in (list, tuple) and len(result) == 2, "linear_change returns a pair, (eta, change).")
    checks.shape(result[0], (6,), "eta where some weights are 0")
    eta = torch.as_tensor(result[0], dtype=torch.float64)
    checks.that(eta.abs().max().item() <= 0.2 + 1e-6, "an entry of eta is larger than epsilon where a weight is 0.")
    checks.close((w @ eta).item(), total, "w·eta where some weights are 0")
    checks.close(result[1], total, "the change where some weights are 0")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · The gradient by the input (3 points)
#
# *Lecture: section 3, "The fast gradient sign method".*
#
# A net is not linear, but close to one input it is nearly so, and the gradient $\nabla_x J(\theta, x, y)$ of the loss
# by the *input* plays the part of $w$. Autograd gives it: ask for the gradient by $x$, where training asks for that
# by the weights.
#
# Compute it for each image of a batch. Two traps:
#
# - The default of `torch.nn.functional.cross_entropy` is the mean over the batch, and its gradient by one image is then
#   smaller the more images come along. Use `reduction="sum"`: image $i$ occurs only in its own term, so that row $i$ of
#   the gradient of the sum is the gradient of its own loss.
# - `loss.backward()` also adds to the `.grad` of all weights, where the next training step would find it.
#   `torch.autograd.grad(loss, x)` gives a tuple with the gradient by `x` and touches nothing else. And do not switch on
#   `requires_grad` in the caller's tensor: `x.detach().clone()` is one of your own, a copy without a past. Switch it on
#   there, with `requires_grad_()`, before the forward pass. Without it PyTorch complains that "one of the
#   differentiated Tensors does not require grad".

# %% answer="input_gradient"
def input_gradient(x, y, weights, biases):
    """The gradient of the cross-entropy of each image by that image.

    x: (batch, n_0), left as it is. y: (batch,) int64, the classes for which the loss is taken.
    weights, biases: the net, as `mlp` takes it. They may require gradients; their `.grad` is left as it is.
    Returns (batch, n_0), through which no graph hangs on; each row is the gradient of the loss of that image alone.
    """
    ### BEGIN SOLUTION
    image = x.detach().clone()
    image.requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, image)
    return gradient
    ### END SOLUTION


# %% test="input_gradient" points=3
import itertools

import torch

from course_utils import checks

# For x = 0 the logits are 0 and the probabilities 1/2, so that the gradient is Wᵀ(p - e_y), with e_y one-hot.
W = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
weights, biases = [W.clone().requires_grad_()], [torch.zeros(2, requires_grad=True)]
x, y = torch.zeros(3, 2), torch.tensor([0, 1, 0])
given = x.clone()
expected = torch.tensor([[-1.0, 2.0], [1.0, -2.0], [-1.0, 2.0]])
gradient = input_gradient(checks.inout(given), y, checks.inout(weights), checks.inout(biases))
what = "the gradient for three images x = 0 and W = [[2, 0], [0, 4]]"
checks.close(gradient, expected, what, slips={
    "this is the gradient of the mean over the batch: use reduction='sum', or it depends on how many images come along":
        expected / 3,
    "these are only the signs of the gradient; the gradient itself is asked": expected.sign(),
    "this is the gradient by the logits, not by the input": torch.tensor([[-0.5, 0.5], [0.5, -0.5], [-0.5, 0.5]]),
    "this is the gradient of the logit of the true class, not of the loss": W[y],
    "this is the gradient of the probability of the true class, not of the loss": -expected / 2,
    "the sign is flipped: the gradient of the log-probability came; the loss is minus that": -expected,
    "the gradients of all images were added up; each image has its own row": expected.sum(dim=0),
    "the net's logits went through a softmax before the cross-entropy, which has one inside": expected / 2,
    "this is minus the gradient of the true class's logit: the logarithm of the softmax is missing": -W[y],
    "this is the gradient by the weights: it has the shape of the weight matrix, and x has (3, 2)": torch.zeros(2, 2),
})
checks.unchanged(given.detach(), x, "x")
checks.that(given.grad is None, "the caller's x was left with a gradient in .grad: work on x.detach().clone().")
checks.that(weights[0].grad is None and biases[0].grad is None,
            "the weights were left with a gradient in .grad, which the next training step would use: ask for the "
            "gradient by x alone, with torch.autograd.grad(loss, x).")
# One hidden layer; the second unit is off for this x and passes no gradient on. The probabilities are 1/2 again.
W1, W2 = torch.tensor([[1.0, 2.0], [1.0, -5.0]]), torch.tensor([[1.0, 1.0], [-1.0, 3.0]])
b1, b2 = torch.zeros(2), torch.tensor([-3.0, 3.0])
expected = torch.tensor([[-1.0, -2.0]])
gradient = input_gradient(torch.ones(1, 2), torch.tensor([0]), [W1, W2], [b1, b2])
checks.close(gradient, expected, "the gradient through a hidden layer with ReLU", slips={
    "the ReLU is missing, or its derivative: a hidden unit below 0 passes nothing on":
        torch.tensor([[0.0, -7.0]])})
checks.passed("input_gradient")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes, n in (((6, 5, 4), 7), ((3, 4), 1), ((4, 8, 6, 3), 5)):
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(n_in, n_out, dtype=torch.float64), torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        for parameter in net.parameters():
            parameter.data = torch.from_numpy(rng.normal(size=tuple(parameter.shape)))
        x = torch.from_numpy(rng.uniform(size=(n, sizes[0]))).requires_grad_()
        y = torch.from_numpy(rng.integers(sizes[-1], size=n))
        torch.nn.functional.cross_entropy(net(x), y, reduction="sum").backward()
        expected = x.grad.clone()
        weights = [layer.weight.detach().clone().requires_grad_() for layer in layers[::2]]
        biases = [layer.bias.detach().clone().requires_grad_() for layer in layers[::2]]
        given = x.detach().clone()
        gradient = input_gradient(checks.inout(given), y, checks.inout(weights), checks.inout(biases))
        checks.close(gradient, expected, "the gradient by the input", rtol=1e-6, atol=1e-10)
        checks.that(all(tensor.grad is None for tensor in [*weights, *biases, given]),
                    "a gradient was left behind in the caller's tensors.")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · The fast gradient sign method (3 points)
#
# *Lecture: section 3, "The fast gradient sign method"; section 4 for the targeted attack.*
#
# With the gradient in the place of $w$, exercise 1 says which step raises the loss most, as far as the net is linear.
# This is the method of deck N (Goodfellow and others, 2014), which turned a panda into a gibbon with
# $\varepsilon = 0.007$:
#
# $$\tilde x = x + \varepsilon\,\mathrm{sign}(\nabla_x J(\theta,x,y)).$$
#
# **Targeted**, it is to end in a class $t$ of the attacker's choice: take the gradient of the loss *for the label $t$*
# and go **down**, for now the loss is to become small. Either way the result must be an image, so clip it to $[0, 1]$,
# which the deck's formula does not do.

# %% answer="fgsm"
def fgsm(x, gradient, epsilon, targeted=False):
    """One step of the fast gradient sign method.

    x: (batch, n), in [0, 1], left as it is.
    gradient: (batch, n), left as it is, the gradient of the loss by x: of the loss for the true class, or with
    targeted=True of that for the class aimed at.
    epsilon: float >= 0, the size of the step in each pixel; a pixel whose gradient is 0 stays. targeted: step down the
    gradient and not up.
    Returns (batch, n), in [0, 1].
    """
    ### BEGIN SOLUTION
    step = epsilon * gradient.sign()
    moved = x - step if targeted else x + step
    return moved.clamp(0, 1)
    ### END SOLUTION


# %% test="fgsm" points=3
import numpy as np
import torch

from course_utils import checks

x = torch.tensor([[0.5, 0.95, 0.02, 0.5]])
gradient = torch.tensor([[0.3, 2.0, -5.0, 0.0]])
up, down = torch.tensor([[0.6, 1.0, 0.0, 0.5]]), torch.tensor([[0.4, 0.85, 0.12, 0.5]])
given = x.clone()
result = fgsm(checks.inout(given), gradient, 0.1)
checks.close(result, up, "fgsm of x = [0.5, 0.95, 0.02, 0.5] with the gradient [0.3, 2, -5, 0] and epsilon 0.1", slips={
    "the result was not clipped: pixels must stay between 0 and 1 (clamp comes last, and gives a new tensor)":
        torch.tensor([[0.6, 1.05, -0.08, 0.5]]),
    "only the top was clipped: a pixel must not fall below 0 either": torch.tensor([[0.6, 1.0, -0.08, 0.5]]),
    "only the bottom was clipped: a pixel must not rise above 1 either": torch.tensor([[0.6, 1.05, 0.0, 0.5]]),
    "the perturbation was clipped to [0, 1]; the image is to be clipped, and pixels may become darker":
        torch.tensor([[0.6, 1.05, 0.02, 0.5]]),
    "the gradient itself was added; only its sign counts": torch.tensor([[0.53, 1.0, 0.0, 0.5]]),
    "the gradient was divided by its length; only the sign of each entry counts":
        (x + 0.1 * gradient / gradient.norm()).clamp(0, 1),
    "this goes down the loss, as the targeted attack does; an untargeted one goes up": down,
    "a pixel whose gradient is 0 was moved; its sign is 0": torch.tensor([[0.6, 1.0, 0.0, 0.4]]),
    "a pixel whose gradient is 0 was moved up; its sign is 0": torch.tensor([[0.6, 1.0, 0.0, 0.6]]),
    "this is the perturbation alone; add it to x": torch.tensor([[0.1, 0.1, -0.1, 0.0]]),
    "epsilon was not used: the step is the sign alone": torch.tensor([[1.0, 1.0, 0.0, 0.5]]),
})
checks.unchanged(given, x, "x")
given = gradient.clone()
result = fgsm(x, checks.inout(given), 0.1, targeted=True)
checks.close(result, down, "fgsm with targeted=True", slips={
    "the argument targeted makes no difference: towards a class, go *down* its loss": up,
})
checks.unchanged(given, gradient, "gradient")
checks.passed("fgsm")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, epsilon in (((5, 8), 0.3), ((1, 30), 0.05), ((4, 3), 2.0), ((3, 6), 0.0)):
        x, gradient = rng.uniform(size=shape), rng.normal(size=shape)
        gradient[0, 0] = 0
        expected = np.clip(x + epsilon * np.sign(gradient), 0, 1)
        expected_targeted = np.clip(x - epsilon * np.sign(gradient), 0, 1)
        tensors = torch.from_numpy(x), torch.from_numpy(gradient)
        checks.close(fgsm(*tensors, epsilon), expected, "fgsm of random images")
        checks.close(fgsm(*tensors, epsilon, targeted=True), expected_targeted, "targeted fgsm of random images")
### END HIDDEN TESTS

# %% [markdown]
# ## Part B · Many steps
#
# ### Exercise 4 · Back into the ball (2 points)
#
# *Lecture: section 4, "More steps, a chosen target, and every epsilon".*
#
# An attack in several steps may wander off, and is brought back after each: into the **ball** (the lecture's "allowed
# cube") of all images that differ from $x$ by at most $\varepsilon$ in every pixel, and into the **box** of pixels
# from 0 to 1. The projection is the *nearest* such image, and since each condition is about single pixels, it is
# found pixel by pixel: a pixel that is inside stays, one that is outside goes to the nearest border.

# %% answer="project"
def project(x_adv, x, epsilon):
    """The image nearest to x_adv that is within epsilon of x in every pixel, and in [0, 1].

    x_adv, x: (batch, n), both left as they are; x is in [0, 1], x_adv need not be. epsilon: float >= 0.
    Returns (batch, n).
    """
    ### BEGIN SOLUTION
    eta = (x_adv - x).clamp(-epsilon, epsilon)
    return (x + eta).clamp(0, 1)
    ### END SOLUTION


# %% test="project" points=2
import numpy as np
import torch

from course_utils import checks

x = torch.tensor([[0.5, 0.5, 0.95, 0.1, 0.5]])
x_adv = torch.tensor([[0.9, 0.45, 1.3, -0.2, 0.25]])
eta = x_adv - x
given, given_adv = x.clone(), x_adv.clone()
result = project(checks.inout(given_adv), checks.inout(given), 0.2)
checks.close(result, torch.tensor([[0.7, 0.45, 1.0, 0.0, 0.3]]), "project with epsilon = 0.2", slips={
    "the result leaves the box: pixels lie between 0 and 1": torch.tensor([[0.7, 0.45, 1.15, -0.1, 0.3]]),
    "the result leaves the ball: no pixel may be farther than epsilon from x": x_adv.clamp(0, 1),
    "the whole perturbation was shrunk; treat each pixel by itself, and leave those that are inside":
        (x + eta * 0.2 / eta.abs().max()).clamp(0, 1),
    "the perturbation was shrunk to the Euclidean length epsilon; the ball is that of the largest entry":
        (x + eta * 0.2 / eta.norm()).clamp(0, 1),
    "every pixel was moved to the border; one that is inside stays": torch.tensor([[0.7, 0.3, 1.0, 0.0, 0.3]]),
    "this is the clipped perturbation alone; add it to x": eta.clamp(-0.2, 0.2),
    "x_adv itself was clipped to [-epsilon, epsilon]; that bound is for the difference x_adv - x":
        x_adv.clamp(-0.2, 0.2),
    "the ball is around x_adv here; it belongs around x": (x_adv + (x - x_adv).clamp(-0.2, 0.2)).clamp(0, 1),
    "x_adv itself was clipped to [-epsilon, epsilon], and then to [0, 1]; the first bound is for x_adv - x":
        x_adv.clamp(0, 0.2),
    "the perturbation was clipped to [0, 1]; add it to x first, for it is the image that lies in the box":
        eta.clamp(0, 0.2),
    "only the upper border of the ball is kept": torch.minimum(x_adv, x + 0.2).clamp(0, 1),
    "every pixel is at one border of the ball: minimum and maximum are exchanged": (x + 0.2).clamp(0, 1),
    "a pixel outside the ball was put back to x; the nearest one allowed is at the border":
        torch.where(eta.abs() > 0.2, x, x_adv).clamp(0, 1),
    "the differences lost their sign: a pixel that became darker must not become brighter here":
        (x + eta.abs().clamp(max=0.2)).clamp(0, 1),
})
checks.unchanged(given_adv, x_adv, "x_adv")
checks.unchanged(given, x, "x")
checks.passed("project")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, epsilon in (((6, 9), 0.2), ((1, 25), 0.6), ((4, 4), 0.01), ((3, 5), 0.0)):
        x = rng.uniform(size=shape)
        x_adv = x + rng.normal(size=shape) * 0.7
        x_adv[0, 0] = x[0, 0]
        expected = np.minimum(np.maximum(x_adv, np.maximum(x - epsilon, 0)), np.minimum(x + epsilon, 1))
        result = project(torch.from_numpy(x_adv), torch.from_numpy(x), epsilon)
        checks.close(result, expected, "project of random images")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · Projected gradient descent (4 points)
#
# *Lecture: section 4, "More steps, a chosen target, and every epsilon".*
#
# One long step trusts the first gradient over the whole ball. Projected gradient descent (PGD; Mądry and others, 2018)
# takes many short ones, with a fresh gradient at each point, and projects after **every** step:
#
# $$x_{k+1} = \Pi\bigl(x_k + \alpha\,\mathrm{sign}(\nabla_x J(x_k))\bigr),$$
#
# where $\alpha$ is `step`, and $\Pi$ the projection of exercise 4 around the original image $x$, not around $x_k$. (It
# climbs the loss, which is the descent of minus the loss.) It starts at the point `start` of the ball, which the caller
# has often drawn at random, or without one at $x$ itself. (Ask `start is None`: a tensor with several entries is
# neither true nor false, and `if start` stops with "ambiguous".)
#
# Your function does not see the net. It gets a function `gradient_fn`, which it calls with a batch of images and which
# returns the gradient of the loss by those images. You may use your `project`, or write the two clips out.

# %% answer="pgd"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    """Projected gradient descent within the largest-entry ball around x.

    gradient_fn: function that takes (batch, n) and returns (batch, n), the gradient of the loss at those images.
    x: (batch, n), in [0, 1], left as it is. epsilon: float, radius of the ball.
    step: float, how far each pixel moves in one step. steps: int >= 1, the number of steps.
    start: (batch, n), the point to start from, in the ball and left as it is; None for x itself.
    Returns (batch, n), in [0, 1] and within epsilon of x.
    """
    ### BEGIN SOLUTION
    x_adv = x if start is None else start
    for _ in range(steps):
        moved = x_adv + step * gradient_fn(x_adv).sign()
        x_adv = (x + (moved - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv
    ### END SOLUTION


# %% test="pgd" points=4
import torch

from course_utils import checks

seen = []


def gradient_fn(images):
    """The gradient of a loss that rises up to a peak and falls behind it; 0.4 in size."""
    seen.append(images.clone())
    return 0.4 * torch.where(images < torch.tensor([[0.75, 0.6, 9.0, 9.0]]), 1.0, -1.0)


def walk(x, ball=True, box=True, fresh=True, size=1):
    """Three steps of 0.15 in the ball of 0.2, some of them wrong on purpose."""
    point = x
    first = gradient_fn(point).sign()
    for _ in range(3):
        point = point + 0.15 * size * (gradient_fn(point).sign() if fresh else first)
        point = x + (point - x).clamp(-0.2, 0.2) if ball else point
        point = point.clamp(0, 1) if box else point
    return point


x = torch.tensor([[0.5, 0.5, 0.9, 0.3]])
slips = {
    "the result leaves the ball: project into the ball around x. (A ball around the previous point holds nothing back: "
    "the attack walks away step by step.)": walk(x, ball=False),
    "the pixels were not clipped to [0, 1]": walk(x, box=False),
    "the projection comes only after the last step; it belongs into the loop, after every step":
        (x + (walk(x, ball=False, box=False) - x).clamp(-0.2, 0.2)).clamp(0, 1),
    "the gradient was computed once, at the start (ask gradient_fn at every new point), or each step was as long as "
    "epsilon and not as `step`": walk(x, fresh=False),
    "the gradient itself was used and not its sign: these gradients have the size 0.4": walk(x, size=0.4),
    "the attack goes down the gradient; it is to raise the loss": walk(x, size=-1),
    "this is a single step": torch.tensor([[0.65, 0.65, 1.0, 0.45]]),
    "there is one step too many": torch.tensor([[0.7, 0.5, 1.0, 0.5]]),
}
given = x.clone()
seen.clear()
result = pgd(gradient_fn, checks.inout(given), 0.2, 0.15, 3)
checks.unchanged(given, x, "x")
checks.close(result, torch.tensor([[0.7, 0.65, 1.0, 0.5]]), "pgd after three steps of 0.15 with epsilon = 0.2",
             atol=1e-6, slips=slips)
checks.that(all(image.min() >= 0 and image.max() <= 1 and (image - x).abs().max() < 0.2001 for image in seen),
            "gradient_fn was asked at a point outside the ball or the box: project after every step.")
start = torch.tensor([[0.45, 0.55, 0.8, 0.2]])
# Three steps from there, by hand: 0.6, 0.7 (cut from 0.75), 0.7; 0.7, 0.55, 0.7; 0.95, 1, 1; 0.35, 0.5, 0.5.
given = start.clone()
result = pgd(gradient_fn, x, 0.2, 0.15, 3, checks.inout(given))
checks.close(result, torch.tensor([[0.7, 0.7, 1.0, 0.5]]), "pgd from a given start", atol=1e-6, slips={
    "the start was ignored": torch.tensor([[0.7, 0.65, 1.0, 0.5]]),
    "the ball is around the start; it belongs around x":
        torch.tensor([[0.65, 0.7, 1.0, 0.4]]),
})
checks.unchanged(given, start, "start")


def peak_at_097(images):
    """The gradient of a loss with its peak at 0.97."""
    return 0.97 - images


# 0.9 goes to 1 (cut from 1.05), and from there, beyond the peak, down to 0.85.
checks.close(pgd(peak_at_097, torch.tensor([[0.9]]), 0.3, 0.15, 2), torch.tensor([[0.85]]),
             "pgd after two steps of 0.15 from x = 0.9 with a loss that has its peak at 0.97", atol=1e-6, slips={
    "the image was clipped to [0, 1] only for gradient_fn or at the end; the next step starts from the clipped image":
        torch.tensor([[0.9]])})
checks.passed("pgd")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    cases = ((6, 5, 0.3, 0.1, 9, False), (1, 12, 0.1, 0.04, 6, True), (3, 4, 0.5, 0.11, 1, False),
             (4, 7, 0.25, 0.4, 3, True), (5, 6, 0.2, 0.03, 20, True))
    for batch, n, epsilon, step, steps, with_start in cases:
        x = torch.from_numpy(rng.uniform(size=(batch, n)))
        peak, mixing = torch.from_numpy(rng.uniform(size=(batch, n))), torch.from_numpy(rng.normal(size=(n, n)))

        mask = torch.ones(n, dtype=torch.float64)
        mask[0] = 0  # a pixel that the loss does not depend on

        def curved(images, peak=peak, mixing=mixing, mask=mask):
            return ((peak - images) @ (mixing @ mixing.T) + 0.3 * torch.sin(20 * images)) * mask

        random_start = (x + epsilon * torch.from_numpy(rng.uniform(-1, 1, size=(batch, n)))).clamp(0, 1)
        start = random_start if with_start else None
        expected = x if start is None else start
        for _ in range(steps):
            expected = expected + step * torch.sign(curved(expected))
            expected = torch.minimum(torch.maximum(expected, x - epsilon), x + epsilon).clamp(0, 1)
        if with_start:
            result = pgd(curved, x, epsilon, step, steps, start=start)
        else:
            result = pgd(curved, x, epsilon, step, steps)
        checks.close(result, expected, "pgd on a curved loss")
### END HIDDEN TESTS

# %% [markdown]
# ## Part C · The shortest way out
#
# ### Exercise 6 · The distance to a hyperplane (3 points)
#
# *Lecture: section 5, "The smallest perturbation".*
#
# Szegedy and others (2013) asked another question: not how much harm a perturbation of a given size does, but how
# *small* one can be that changes the class (the lecture calls it $r$). For a net that takes optimisation. For a linear
# classifier with two classes, which decides by the sign of the score $s(x) = w^\top x + b$, the answer is school
# geometry. The shortest way (in Euclidean length) to the boundary $s = 0$ is at right angles to it, along $w$:
#
# $$\eta = -\frac{s(x)}{\lVert w\rVert^2}\,w, \qquad
# \lVert\eta\rVert = \frac{|s(x)|}{\lVert w\rVert}.$$
#
# Check that $s(x + \eta) = 0$: that is *on* the boundary. To come out on the other side, go a little
# farther, by the factor $1 + {}$overshoot. There is no box here: the result need not be an image. Each row of `x` is a
# point with a score $s$ of its own, so that the scores have the shape `(batch,)` and the perturbations `(batch, n)`.

# %% answer="minimal_perturbation"
def minimal_perturbation(w, b, x, overshoot=0.02):
    """The shortest perturbations (Euclidean) that carry points across the hyperplane w·x + b = 0.

    w: (n,), not zero. b: float. x: (batch, n), left as it is.
    overshoot: float >= 0, by which fraction of the way to the boundary the perturbation goes beyond it.
    Returns eta (batch, n), such that w·(x + eta) + b = -overshoot·(w·x + b) for each row of x.
    """
    ### BEGIN SOLUTION
    score = x @ w + b
    factor = (1 + overshoot) * score / w.square().sum()
    return -factor[:, None] * w
    ### END SOLUTION


# %% test="minimal_perturbation" points=3
import numpy as np
import torch

from course_utils import checks

w, b = torch.tensor([3.0, 4.0]), -5.0  # ‖w‖ = 5; the scores of the three points are 20, 0 and -5
x = torch.tensor([[3.0, 4.0], [1.0, 0.5], [0.0, 0.0]])
given = x.clone()
expected = torch.tensor([[-2.4, -3.2], [0.0, 0.0], [0.6, 0.8]])
result = minimal_perturbation(w, b, checks.inout(given), overshoot=0.0)
checks.close(result, expected, "minimal_perturbation for w = [3, 4], b = -5 and overshoot = 0", slips={
    "divided by the length of w and not by its square: w itself has that length too": 5 * expected,
    "not divided by the squared length of w": 25 * expected,
    "this leads away from the boundary: the sign is flipped": -expected,
    "the bias b is missing": torch.tensor([[-3.0, -4.0], [-0.6, -0.8], [0.0, 0.0]]),
    "all points were pushed the same way; those below the boundary go up, along +w":
        torch.tensor([[-2.4, -3.2], [0.0, 0.0], [-0.6, -0.8]]),
    "this is the smallest change in the largest entry (the bound of exercise 1), not in Euclidean length":
        -(x @ w + b)[:, None] / 7 * w.sign(),
    "these are the points on the boundary; the perturbation alone is asked": x + expected,
    "this is one step of length 1, whatever the distance": -(x @ w + b).sign()[:, None] * w / 5,
    "the factor is the overshoot alone; it is 1 + overshoot, and here 1": torch.zeros(3, 2),
    "these are the distances; the perturbations are asked": torch.tensor([4.0, 0.0, 1.0]),
})
checks.unchanged(given, x, "x")
result = minimal_perturbation(w, b, x, overshoot=0.5)
checks.close(result, 1.5 * expected, "minimal_perturbation with overshoot = 0.5", slips={
    "the overshoot is missing: these points end on the boundary, and not beyond it": expected,
    "the overshoot shortens the way: multiply with 1 + overshoot": 0.5 * expected,
    "the overshoot was added to the perturbation; it is a fraction of the way": expected + 0.5,
    "the overshoot was added to the score; multiply the whole way with 1 + overshoot":
        -(x @ w + b + 0.5)[:, None] * w / 25,
    "the overshoot was added to s / ‖w‖²; multiply the whole way with 1 + overshoot": expected - 0.5 * w,
    "the points were clipped to [0, 1]; there is no box in this exercise": (x + 1.5 * expected).clamp(0, 1) - x,
})
checks.passed("minimal_perturbation")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, n, overshoot in ((7, 4, 0.1), (1, 9, 0.0), (3, 5, 1.0), (4, 2, 0.02)):
        w, x = rng.normal(size=n) * 2, rng.normal(size=(batch, n))
        b = float(rng.normal())
        unit = w / np.sqrt((w**2).sum())
        expected = -(1 + overshoot) * np.outer((x @ w + b) / np.sqrt((w**2).sum()), unit)
        arguments = torch.from_numpy(w), b, torch.from_numpy(x)
        if overshoot == 0.02:
            result = minimal_perturbation(*arguments)
        else:
            result = minimal_perturbation(*arguments, overshoot=overshoot)
        checks.close(result, expected, "minimal_perturbation of random points")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · Which boundary is nearest? (3 points)
#
# *Lecture: section 5, "The smallest perturbation"; more than two classes are new here.*
#
# With more than two classes there is a boundary to each other class. Near $x$ the logits of a net are about linear,
# $z_k(x + \eta) \approx z_k + g_k^\top\eta$ with $g_k = \nabla_x z_k$. Let $c$ be the class with the largest logit.
# The boundary to class $k$ is where $z_k$ catches up with $z_c$. That is a hyperplane, and exercise 6 gives its
# distance and the way there:
#
# $$d_k = \frac{z_c - z_k}{\lVert g_k - g_c\rVert}, \qquad
# \eta_k = \frac{z_c - z_k}{\lVert g_k - g_c\rVert^2}\,(g_k - g_c).$$
#
# Return $\eta_k$ for the $k \ne c$ with the smallest $d_k$, which need not be the class with the second largest
# logit. Repeated at each new point until the class changes, this is DeepFool (Moosavi-Dezfooli and others, 2016).

# %% answer="deepfool_step"
def deepfool_step(logits, jacobian):
    """The shortest perturbation (Euclidean) to the nearest boundary of a linearised classifier.

    logits: (classes,), at one point, the largest of them once only. jacobian: (classes, n), row k the gradient of logit
    k by the input; no two rows are equal. Both are left as they are.
    Returns eta (n,), which leads onto the boundary, without overshoot.
    """
    ### BEGIN SOLUTION
    top = logits.argmax()
    gap = logits[top] - logits
    slope = jacobian - jacobian[top]
    distance = gap / slope.norm(dim=1)
    distance[top] = torch.inf  # 0/0 until here
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]
    ### END SOLUTION


# %% test="deepfool_step" points=3
import numpy as np
import torch

from course_utils import checks

# The class on top is 1. Differences of logits: 2 to class 0 and 3 to class 2; of gradients: (1, 0) and (3, 4). So the
# distances are 2/1 and 3/5, and class 2 is nearer, though its logit is the smallest.
logits = torch.tensor([1.0, 3.0, 0.0])
jacobian = torch.tensor([[2.0, 1.0], [1.0, 1.0], [4.0, 5.0]])
given = [logits.clone(), jacobian.clone()]
expected = torch.tensor([0.36, 0.48])
checks.close(deepfool_step(checks.inout(given[0]), checks.inout(given[1])), expected, "deepfool_step", slips={
    "this leads to class 0, which has the second largest logit and yet the farther boundary: compare the distances, "
    "gap divided by ‖g_k - g_c‖, one length for each row": torch.tensor([2.0, 0.0]),
    "divided by the length and not by its square: g_k - g_c itself has that length too": 5 * expected,
    "not divided by the squared length of g_k - g_c": 25 * expected,
    "this leads away from the boundary: the sign is flipped": -expected,
    "the gradient of the class on top was not subtracted: use g_k - g_c":
        3 / 41 * jacobian[2],
    "0/0, the class on top was compared with itself: leave it out. (If you did, a place in the list of the others was "
    "used as the number of a class.)": torch.full((2,), torch.nan),
    "this is not a way to a boundary: the class on top must not be compared with itself": torch.zeros(2),
    "these are the ways to all other classes; only the shortest is asked": torch.tensor([[2.0, 0.0], [0.36, 0.48]]),
    "the logits were turned into probabilities first; the gradients are those of the logits":
        (torch.softmax(logits, dim=0)[1] - torch.softmax(logits, dim=0)[2]) / 25 * torch.tensor([3.0, 4.0]),
})
checks.unchanged(given, [logits, jacobian], "logits or jacobian")
checks.close(deepfool_step(torch.tensor([5.0, 4.0, 1.0]), torch.tensor([[1.0, 0.0], [1.0, 2.0], [4.0, 4.0]])),
             torch.tensor([0.0, 0.5]), "deepfool_step with the first class on top", slips={
    "this leads to the farther boundary; the distance is the gap divided by ‖g_k - g_c‖ (not by its square), and the "
    "smallest is asked": torch.tensor([0.48, 0.64])})
checks.passed("deepfool_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for classes, n in ((5, 7), (2, 3), (10, 4), (4, 4), (6, 1), (8, 12), (7, 3)):
        scale = rng.uniform(0.2, 3, size=(classes, 1))
        logits, jacobian = rng.normal(size=classes), rng.normal(size=(classes, n)) * scale
        top = int(np.argmax(logits))
        ways = [(logits[top] - logits[k]) * (jacobian[k] - jacobian[top]) / ((jacobian[k] - jacobian[top]) ** 2).sum()
                for k in range(classes) if k != top]
        expected = min(ways, key=lambda way: float((way**2).sum()))
        result = deepfool_step(torch.from_numpy(logits), torch.from_numpy(jacobian))
        checks.close(result, expected, "deepfool_step of a random classifier")
### END HIDDEN TESTS

# %% [markdown]
# ## Part D · Measure, and defend
#
# ### Exercise 8 · Robust accuracy (2 points)
#
# *Lecture: section 4 for accuracy against $\varepsilon$; section 8 for several attacks on one image.*
#
# A net is **robust** on an image at $\varepsilon$ if *no* perturbation within $\varepsilon$ makes it err. Attacks can
# only show that it is not, so what they give is an upper bound on the robust accuracy. It is tightest if each image
# counts as lost as soon as any attack has succeeded on it:
#
# - with **several attacks**, an image must survive all of them. The smallest of their accuracies is not enough: each
#   may succeed on other images.
# - with **several values of $\varepsilon$**, what was found within a smaller $\varepsilon$ is also within a larger one.
#   An image lost at some $\varepsilon$ is lost at all larger ones, even if the attack failed there. So the curve never
#   rises.

# %% answer="robust_accuracy"
def robust_accuracy(predictions, y):
    """Upper bound on the robust accuracy at several epsilons, from the predictions under several attacks.

    predictions: (epsilons, attacks, batch) int64, the class predicted for each attacked image; the epsilons increase.
    y: (batch,) int64, the true classes.
    Returns a float tensor (epsilons,), the shares of the images, from 0 to 1, that no attack at this or a smaller
    epsilon got. (True and False have no mean in PyTorch: turn them into numbers first.)
    """
    ### BEGIN SOLUTION
    survives = (predictions == y).all(dim=1)
    survives = survives.cumprod(dim=0)
    return survives.double().mean(dim=1)
    ### END SOLUTION


# %% test="robust_accuracy" points=2
import numpy as np
import torch

from course_utils import checks

y = torch.tensor([0, 1, 2, 3])
predictions = torch.tensor([
    [[0, 1, 2, 3], [0, 1, 2, 0]],  # the second attack gets image 3
    [[0, 1, 0, 3], [0, 0, 2, 3]],  # the first gets image 2, the second image 1
    [[0, 1, 2, 3], [0, 1, 2, 3]],  # both fail
])
checks.close(robust_accuracy(predictions, y), torch.tensor([0.75, 0.25, 0.25]), "robust_accuracy", slips={
    "the curve rises: an image lost at a smaller epsilon is lost at the larger ones too":
        torch.tensor([0.75, 0.5, 1.0]),
    "the mean over the attacks was taken; an image must survive all of them": torch.tensor([0.875, 0.75, 1.0]),
    "this is the accuracy under one attack, the last or the strongest; each attack may succeed on other images":
        torch.tensor([0.75, 0.75, 1.0]),
    "the smallest accuracy of one attack was taken, then the smallest so far; follow each image by itself":
        torch.tensor([0.75, 0.75, 0.75]),
    "the shares were made to fall, but each image has to be followed by itself: other images may be lost at each "
    "epsilon":
        torch.tensor([0.75, 0.5, 0.5]),
    "an image counts here if it survives one of the attacks; it must survive all": torch.tensor([1.0, 1.0, 1.0]),
    "this is the share of the images that were lost": torch.tensor([0.25, 0.75, 0.75]),
    "these are counts; divide by the number of images": torch.tensor([3.0, 1.0, 1.0]),
    "the losses run from the largest epsilon to the smallest here": torch.tensor([0.25, 0.5, 1.0]),
    "these are percent; shares from 0 to 1 are asked": torch.tensor([75.0, 25.0, 25.0]),
    "an attack counts here if it fails on all images; axis 1 is that of the attacks, axis 2 that of the images":
        torch.tensor([0.5, 0.0, 0.0]),
    "an image that was lost takes those after it in the batch along; go along the epsilons, axis 0":
        torch.tensor([0.75, 0.25, 1.0]),
    "this is a value for each image; the mean is over the images": torch.tensor([1.0, 1 / 3, 1 / 3, 0.0]),
})
checks.passed("robust_accuracy")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for epsilons, attacks, batch, right in ((4, 3, 11, 0.85), (1, 2, 6, 0.6), (5, 1, 9, 0.8), (3, 4, 40, 0.9)):
        y = rng.integers(3, size=batch)
        wrong = rng.uniform(size=(epsilons, attacks, batch)) > right
        predictions = np.where(wrong, (y + 1) % 3, y)
        expected = np.array([sum(not wrong[: k + 1, :, i].any() for i in range(batch)) / batch
                             for k in range(epsilons)])
        result = robust_accuracy(torch.from_numpy(predictions), torch.from_numpy(y))
        checks.close(result, expected, "robust_accuracy of random predictions")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 9 · A step of adversarial training (4 points)
#
# *Lecture: section 8, "Training with adversarial examples".*
#
# The title of deck N's slide is *Training with adversarial samples*: the best known defence is to train on them. The
# aim is
#
# $$\min_\theta \; \frac1B\sum_{i=1}^{B}\;\max_{\lVert\eta_i\rVert_\infty\le\varepsilon}
# J(\theta, x_i + \eta_i, y_i).$$
#
# Each step first solves the inner problem, here roughly, by one step of the fast gradient sign method with the
# **current** weights (clipped to $[0, 1]$), and then takes a step of gradient descent on the mean loss of the attacked
# images, which are constants for it. Attacks made once before the training would not do: the weights move away from
# them.
#
# The weights are changed **in place** (under `torch.no_grad()`), and no gradient is left in any `.grad`: neither that
# of the attack, which would be added to that of the training, nor that of the training.

# %% answer="adversarial_training_step"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    """One step of gradient descent on the mean cross-entropy of images attacked with the current weights.

    weights, biases: the net, as `mlp` takes it; tensors that require gradients, changed in place. Their `.grad` is None
    before and after.
    x: (batch, n_0), in [0, 1], left as it is. y: (batch,) int64.
    epsilon: float, size of the attack (0: plain training). lr: float, the learning rate.
    Returns the mean loss of the attacked images before the step, a float, in nats.
    """
    ### BEGIN SOLUTION
    image = x.detach().clone()
    image.requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    (gradient,) = torch.autograd.grad(loss, image)
    attacked = (x + epsilon * gradient.sign()).clamp(0, 1)

    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    gradients = torch.autograd.grad(loss, params)
    with torch.no_grad():
        for i in range(len(params)):
            params[i] -= lr * gradients[i]
    return loss.item()
    ### END SOLUTION


# %% test="adversarial_training_step" points=4
import itertools

import torch

from course_utils import checks

# One layer, W = [[1, -1], [-1, 1]], b = 0, and two times the image (1/2, 1/2) of class 0. The logits are 0, and the
# gradient by the image is Wᵀ(p - e_0) = (-1, 1), so that epsilon = 1/4 makes it (1/4, 3/4).
W = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])


def new_net():
    return [W.clone().requires_grad_()], [torch.zeros(2, requires_grad=True)]


def trained_on(image, lr=1.0):
    """(weights, loss) after a step of learning rate lr on one image of class 0."""
    image = torch.tensor(image)
    logits = W @ image
    error = torch.softmax(logits, dim=0) - torch.tensor([1.0, 0.0])
    return W - lr * torch.outer(error, image), -torch.log_softmax(logits, dim=0)[0].item()


right, right_loss = trained_on([0.25, 0.75])
clean, clean_loss = trained_on([0.5, 0.5])
helped, helped_loss = trained_on([0.75, 0.25])
x, y = torch.full((2, 2), 0.5), torch.tensor([0, 0])
weights, biases = new_net()
callers = [*weights, *biases]
given = x.clone()
loss = adversarial_training_step(checks.inout(weights), checks.inout(biases), checks.inout(given), y, 0.25, 1.0)
checks.close(weights[0].detach(), right, "the weights after a step with epsilon = 0.25 and lr = 1", slips={
    "the weights did not move: change the caller's tensors in place (param -= ...), not copies of them": W,
    "the step was made on the clean images; attack them first": clean,
    "the attack goes down the loss and helps the net; it is to raise the loss": helped,
    "the attack used the gradient and not its sign": trained_on([0.375, 0.625])[0],
    "the gradient of the attack was still in .grad, and that of the training was added to it (or the losses of the "
    "clean and the attacked images were added)": right + clean - W,
    "the step goes uphill: subtract": 2 * W - right,
    "the loss is the sum over the batch, where the mean was asked": 2 * right - W,
    "the mean of the clean and the attacked loss was used; here the attacked images alone count": (right + clean) / 2,
    "the perturbation alone was used as the image": trained_on([-0.25, 0.25])[0],
})
checks.close(biases[0].detach(), torch.tensor([0.731059, -0.731059]), "the biases after the step", slips={
    "the biases were not trained": torch.zeros(2)})
checks.close(loss, right_loss, "the loss", slips={
    "this is the loss of the clean images; that of the attacked ones is asked": clean_loss,
    "this is the loss after the step; that before it is asked":
        torch.nn.functional.cross_entropy(torch.tensor([[0.25, 0.75]]) @ right.T + torch.tensor([0.731059, -0.731059]),
                                          torch.tensor([0])).item(),
    "this is the sum over the batch; the mean is asked": 2 * right_loss})
checks.that(isinstance(loss, float), "the loss is to be a plain number (loss.item()).")
checks.that(weights[0].grad is None and biases[0].grad is None,
            "a gradient was left in .grad: use torch.autograd.grad, or set .grad to None at the end.")
checks.unchanged(given.detach(), x, "x")
checks.that(given.grad is None, "the caller's x was left with a gradient in .grad: work on x.detach().clone().")
checks.that(all(one is other for one, other in zip([*weights, *biases], callers, strict=True)),
            "new tensors were put into the caller's lists: change the tensors themselves, in place (param -= ...).")
# A dark pixel cannot become darker: with epsilon = 1/4, (0.1, 0.5) becomes (0, 0.75). The gradient by this image is
# (-1.38, 1.38).
weights, biases = new_net()
adversarial_training_step(checks.inout(weights), checks.inout(biases), torch.tensor([[0.1, 0.5]]), torch.tensor([0]),
                          0.25, 0.5)
expected = trained_on([0.0, 0.75], 0.5)[0]
checks.close(weights[0].detach(), expected, "the weights after a step with lr = 0.5 on the image (0.1, 0.5)", slips={
    "the attacked images were not clipped to [0, 1]": trained_on([-0.15, 0.75], 0.5)[0],
    "the learning rate was not used": trained_on([0.0, 0.75])[0],
    "the attack used the gradient and not its sign": trained_on([0.0, 0.844987], 0.5)[0]})
checks.passed("adversarial_training_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes, n, epsilon, lr in (((5, 6, 4), 8, 0.2, 0.3), ((4, 3), 5, 0.4, 0.7), ((6, 5, 5, 3), 9, 0.1, 0.2),
                                  ((3, 4, 2), 6, 0.0, 0.5)):
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(n_in, n_out, dtype=torch.float64), torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        for parameter in net.parameters():
            parameter.data = torch.from_numpy(rng.normal(size=tuple(parameter.shape)))
        linear = layers[::2]
        weights = [layer.weight.detach().clone().requires_grad_() for layer in linear]
        biases = [layer.bias.detach().clone().requires_grad_() for layer in linear]
        for _ in range(3):
            x, y = torch.from_numpy(rng.uniform(size=(n, sizes[0]))), torch.from_numpy(rng.integers(sizes[-1], size=n))
            leaf = x.clone().requires_grad_()
            torch.nn.functional.cross_entropy(net(leaf), y).backward()
            net.zero_grad()
            expected_loss = torch.nn.functional.cross_entropy(net((x + epsilon * leaf.grad.sign()).clamp(0, 1)), y)
            expected_loss.backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter -= lr * parameter.grad
            given = x.clone()
            loss = adversarial_training_step(checks.inout(weights), checks.inout(biases), checks.inout(given), y,
                                             epsilon, lr)
            checks.close(loss, expected_loss.item(), "the loss of the attacked images")
            checks.close([w.detach() for w in weights], [layer.weight.detach() for layer in linear],
                         "the list of weights after some steps")
            checks.close([b.detach() for b in biases], [layer.bias.detach() for layer in linear],
                         "the list of biases after some steps")
            checks.that(all(tensor.grad is None for tensor in [*weights, *biases, given]),
                        "a gradient was left behind in the caller's tensors.")
### END HIDDEN TESTS

# %% [markdown]
# ## Experiment · What does adversarial training buy, and what does it cost? (4 points)
#
# *Lecture: section 4, "More steps, a chosen target, and every epsilon", and section 8, "Training with adversarial
# examples".*
#
# Three nets with one hidden layer are trained on the digits for 60 epochs each: on the images as they are, and with
# your `adversarial_training_step` at $\varepsilon = 0.1$ and $0.2$. Then 360 digits that no net has seen are disturbed
# with $\varepsilon$ from 0 to 0.3 in three ways:
#
# - **noise**: each pixel goes up or down by $\varepsilon$ at random;
# - **FGSM**: each pixel goes up or down by $\varepsilon$, as your `fgsm` says;
# - **worst of FGSM and PGD**: your `robust_accuracy` over FGSM, 20 steps of your `pgd` from the image, and 20 from a
#   random point of the ball.
#
# All three change each pixel by at most the same amount. Each line is the mean of three seeds; the band goes from the
# worst of them to the best. **Before you run the cell**, sketch the three curves for the first net. Then read the first
# figure: would you be fooled by these images?
#
# The cells use your `input_gradient`, `fgsm`, `pgd`, `robust_accuracy` and `adversarial_training_step`. They take about
# 10 seconds.

# %%
digits = data.digits().flat()
x_test, y_test = digits.x_test, digits.y_test


def train_net(epsilon, seed, epochs=60, batch_size=64, lr=0.2):
    """(weights, biases) of a net 64-64-10 after adversarial training at `epsilon`; 0 is plain training."""
    generator = torch.Generator().manual_seed(seed)
    sizes = ((64, 64), (10, 64))
    weights = [(torch.randn(size, generator=generator) * (2 / size[1]) ** 0.5).requires_grad_() for size in sizes]
    biases = [torch.zeros(size[0], requires_grad=True) for size in sizes]
    for _ in range(epochs):
        for rows in torch.randperm(len(digits.x_train), generator=generator).split(batch_size):
            adversarial_training_step(weights, biases, digits.x_train[rows], digits.y_train[rows], epsilon, lr)
    return weights, biases


def predict(net, images):
    """The class that the net sees in each image."""
    with torch.no_grad():
        return mlp(images, *net).argmax(dim=1)


training_epsilons = (0.0, 0.1, 0.2)
nets = {epsilon: [train_net(epsilon, seed) for seed in range(3)] for epsilon in training_epsilons}

shown, epsilon = [(y_test == digit).nonzero()[0].item() for digit in range(6)], 0.15
fig, axes = plt.subplots(3, 6, figsize=(12, 7.2))
net = nets[0.0][0]
attacked = fgsm(x_test, input_gradient(x_test, y_test, *net), epsilon)
random_signs = torch.randint(2, x_test.shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1
noisy = (x_test + epsilon * random_signs).clamp(0, 1)
for row, (name, images) in zip(axes, {"as it is": x_test, "noise": noisy, "FGSM": attacked}.items(), strict=True):
    for ax, image, label, seen in zip(row, images[shown], y_test[shown], predict(net, images[shown]), strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"seen as {seen}", color="black" if seen == label else plotting.COLORS["vermillion"], fontsize=16,
                     fontweight="normal" if seen == label else "bold")
    row[0].set_ylabel(name)
fig.suptitle(f"Six test digits and the plainly trained net, ε = {epsilon} (errors bold)")
plt.show()

# %%
epsilons = np.arange(0, 0.31, 0.03)


def curves(net, seed):
    """Accuracy at each of `epsilons`, (3, epsilons): under noise, under FGSM, and under the worst of all attacks."""
    generator = torch.Generator().manual_seed(seed)
    noise, attacks = [], []

    def gradient_fn(images):
        return input_gradient(images, y_test, *net)

    for epsilon in epsilons.tolist():
        signs = torch.randint(2, x_test.shape, generator=generator) * 2.0 - 1
        start = (x_test + epsilon * (2 * torch.rand(x_test.shape, generator=generator) - 1)).clamp(0, 1)
        noise.append(predict(net, (x_test + epsilon * signs).clamp(0, 1)))
        tries = (fgsm(x_test, gradient_fn(x_test), epsilon),
                 pgd(gradient_fn, x_test, epsilon, epsilon / 6, 20),
                 pgd(gradient_fn, x_test, epsilon, epsilon / 6, 20, start))
        attacks.append(torch.stack([predict(net, images) for images in tries]))
    attacks = torch.stack(attacks)
    under_noise = (torch.stack(noise) == y_test).double().mean(dim=1)
    under_fgsm = (attacks[:, 0] == y_test).double().mean(dim=1)
    return torch.stack([under_noise, under_fgsm, robust_accuracy(attacks, y_test).double()]).numpy()


styles = {"noise": ("grey", "o"), "FGSM": ("blue", "s"), "worst of FGSM and PGD": ("vermillion", "^")}
fig, axes = plt.subplots(1, 3, figsize=(14, 5.4), sharey=True)
for ax, trained_at in zip(axes, training_epsilons, strict=True):
    accuracy = 100 * np.stack([curves(net, seed) for seed, net in enumerate(nets[trained_at])])
    for values, (name, (colour, marker)) in zip(accuracy.swapaxes(0, 1), styles.items(), strict=True):
        ax.plot(epsilons, values.mean(axis=0), marker=marker, color=plotting.COLORS[colour], label=name)
        low, high = values.min(axis=0), values.max(axis=0)
        ax.fill_between(epsilons, low, high, color=plotting.COLORS[colour], alpha=0.2, lw=0)
        points = ", ".join(f"{values.mean(axis=0)[i]:.1f} at {epsilons[i]:.2f}" for i in (0, 3, 5, 7, 10))
        print(f"trained at ε = {trained_at}  {name:<22} {points}")
    ax.set(title="Plain training" if trained_at == 0 else f"Trained at ε = {trained_at}", ylim=(0, 102),
           xlabel="ε (1 = black to white)")
axes[0].set_ylabel("test accuracy (%)")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. For the plainly trained net: how do noise and FGSM compare at $\varepsilon = 0.15$? Explain the difference with
#    exercise 1: how does $w^\top\eta$ grow with the number of pixels $n$ for each of them?
# 2. What does training at $\varepsilon = 0.1$ and at $0.2$ gain under the strongest attack, at $0.09$, $0.15$ and
#    $0.21$, and what does it cost on the images as they are? Which of the three nets would you use, and what must you
#    know to say so?
# 3. In which panel are FGSM and the strongest attack farthest apart? What would a table with FGSM alone make you
#    believe, and why does it flatter the nets that were trained with it?
# 4. Is the lowest curve the robust accuracy? Say what it proves, what it does not, and why it would mean little if it
#    stayed high while the attack had not been checked in any other way.

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer** (the numbers are of one run; another version of PyTorch may shift them by a point or two)
#
# 1. At 0.15 the plain net reads 93 % of the digits under noise, and 20 % under FGSM (96.5 % without either), although
#    the bound on each pixel is the same. For one linear unit, FGSM makes each term of $\sum_i w_i\eta_i$ positive:
#    the sum is $\varepsilon\sum|w_i|$, which grows like $n$. The terms of random signs mostly cancel: their sum has
#    mean 0 and standard deviation $\varepsilon\sqrt{\sum w_i^2}$, which grows like $\sqrt n$. The ratio is about
#    $0.8\sqrt n$ for weights from a normal distribution, 6 for 64 pixels, and 300 for the 150,000 values of the panda.
# 2. Under the strongest attack the plain net has 55, 13 and 0 % at 0.09, 0.15 and 0.21; trained at 0.1 it has 80, 49
#    and 14 %; trained at 0.2 it has 75, 54 and 26 %. The first training costs nothing on clean images (96.7 against
#    96.5 %, within the spread of the seeds), the second five points (91.5 %). Trained at 0.1 is the best choice up to
#    about 0.12, trained at 0.2 beyond. So one must know how large a perturbation the attacker can afford, and how often
#    there is an attack at all; without any, the plain net or the one trained at 0.1 is best.
# 3. In the right panel: at 0.21, FGSM leaves 46 %, the worst of all attacks 26 %. By FGSM alone this net would seem
#    almost twice as robust as it is. It was trained against FGSM from the image itself, a single long step along the
#    first gradient, and has learned to be safe from that one point of the ball; PGD looks at other points, with a new
#    gradient at each. For the plain net the two differ by seven points at most, at 0.15.
# 4. It is an upper bound. Every image counted as lost was misread at some point of the ball, that is certain; one
#    counted as safe may fall to a better attack, with more steps, more starts, or another method. If it stayed high,
#    the attack could simply have failed (a gradient that is 0 or misleading, too few steps, steps too short, a slip in
#    the code). Checks: the attack must beat noise, more steps and starts must change little, and a large $\varepsilon$
#    must bring it to 0 %. Proof that an image is safe needs a certificate, a bound on the output over the whole ball.
#
# **Rubric** (4 points, halves allowed)
#
# - 1 point: both accuracies at 0.15, read from the student's own figure (half a point); $n$ against $\sqrt n$, or "all
#   terms add up, against terms that cancel" with the sum of $|w_i|$ (half a point).
# - 1 point: gain and cost in numbers for both trainings (half a point); a choice that names what it depends on, the
#   size or the frequency of attacks (half a point). "Always train adversarially" without this earns nothing here.
# - 1 point: the right panel with numbers (half a point); a net trained against one attack is safe from that attack
#   first of all, so that the evaluation needs a stronger one (half a point).
# - 1 point: upper bound, with the reason (half a point); at least one way in which a failed attack looks like a robust
#   net, or one check against it (half a point).
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# Szegedy and others found that what fools one net often fools another, which was trained with other random weights.
# The cell below measures it on MNIST, on the GPU if there is one: two nets, attacks made on the first, accuracies of
# both. Then it starts from grey noise and climbs towards each class, which makes **fooling images**: nothing to be
# seen, and a net that is sure. MNIST is downloaded once (12 MB). Where it cannot be had, the cell says so and takes
# rendered letters and digits of the same size.

# %% tags=["further"]
where = device.pick_device()
images = data.mnist(fallback="glyphs").flat()
print(images)
n_in, n_out = images.x_train.shape[1], len(images.classes)
models = []
for width, seed in ((200, 0), (300, 1)):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(n_in, width), torch.nn.ReLU(), torch.nn.Linear(width, n_out))
    training.fit(model, images.x_train, images.y_train, epochs=3, batch_size=128, device=where, seed=seed)
    models.append(model.eval())


def layers_of(model):
    """(weights, biases) of a model, as `mlp` takes them."""
    return [layer.weight.detach() for layer in model[::2]], [layer.bias.detach() for layer in model[::2]]


x, y = images.x_test.to(where), images.y_test.to(where)
for epsilon in (0.0, 0.025, 0.05, 0.1):
    attacked = fgsm(x, input_gradient(x, y, *layers_of(models[0])), epsilon)
    shares = [(predict(layers_of(model), attacked) == y).double().mean().item() for model in models]
    print(f"ε = {epsilon:<5}  the net attacked reads {shares[0]:.1%}, the other one {shares[1]:.1%}")

classes = torch.arange(n_out, device=where)
noise = 0.4 + 0.2 * torch.rand(n_out, n_in, generator=torch.Generator().manual_seed(0)).to(where)
fooling = pgd(lambda x: -input_gradient(x, classes, *layers_of(models[0])), noise, 0.3, 0.02, 40)
confidence = torch.softmax(mlp(fooling, *layers_of(models[0])), dim=1)[classes, classes]
print(f"noise, changed by at most 0.3 a pixel, is seen as each class with at least {confidence.min():.1%} confidence")

# %% [markdown]
# Some things to try from here:
#
# - Show the fooling images with `plt.imshow`. Does a net trained with `adversarial_training_step` give others?
# - Repeat `deepfool_step` with a small overshoot until the class changes (`torch.autograd.functional.jacobian` gives
#   the gradients of all logits). How long are these perturbations, compared with the length of the image and with the
#   distance between two digits? How long are they for the nets of the experiment that were trained adversarially?
# - Train with `pgd` in place of the single step: ten times the work. Does the gap between FGSM and PGD close?
# - Continue a single training with $\varepsilon = 0.3$ and watch, epoch by epoch, the accuracy under FGSM and under
#   PGD. Nets trained with single steps can suddenly become immune to FGSM alone ("catastrophic overfitting").
# - Round the attacked images to 16 grey levels, as the digits came, or blur them. Do the attacks survive it?
