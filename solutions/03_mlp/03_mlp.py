# %% [markdown]
# # Lab 03 · A multi-layer perceptron, piece by piece
#
# Ten functions that together train a neural net as it is done today: softmax and cross-entropy, the forward pass,
# initialisation, dropout, batch normalisation, momentum, Adam, and the loop that puts them to work.
#
# **After this lab you can**
# - compute a loss that survives any logits, and say why the obvious formula does not;
# - show that a deep net without nonlinearity is a single layer;
# - choose the scale of random weights by the number of inputs and outputs;
# - write dropout, batch normalisation and two optimisers so that they equal PyTorch's;
# - tell, from a measurement of your own, how much tweaking Adam spares you.
#
# **Time** about 3 hours. **Points** 30 for code, 4 for the experiment at the end.
#
# **Follows** deck K, "How it evolved" (from "1-layer NN" to "Modern" ANN) and "Optimization methods"; deck F, "Example
# of a 2 layers perceptron in PyTorch", "Gradient Descent: Adam", "Dropout" and "Batch Normalisation"; deck N,
# "Practical issues with babysitting neural networks" and "dropout"; lecture 03, whose sections are named at each
# exercise. You need lab 02 for what a gradient is, and of PyTorch the tensors: indexing, broadcasting, `@` and
# `.backward()`.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the experiment uses your answers.
#
# **Shapes** are those of PyTorch. A batch is `(batch, features)`, one example a row. The weight matrix of a layer is
# `(n_out, n_in)`, as in `torch.nn.Linear` (and in exercise 6 of lab 02; in its exercise 8 it was the other way round).
# Labels are whole numbers from 0, of type int64. All else is float32 or float64: a tensor that you make yourself must
# have the type of those that came in (`torch.zeros(3, dtype=x.dtype)`).

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from course_utils import checks, data, device, plotting, training

plotting.use_style()
torch.set_num_threads(1)  # the nets are small: threads would cost more than they bring

# %% [markdown]
# ## Part A · The net and its loss
#
# ### Exercise 1 · Softmax (2 points)
#
# *Lecture: section 1, "Softmax regression"; what large logits do is new here.*
#
# The last layer of a classifier gives one number $z_k$ for each class $k$, the **logits**. The softmax turns them into
# probabilities:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} .$$
#
# Computed as it stands, this fails: in float32, $e^{89}$ is already infinite, and $\infty/\infty$ is NaN. But adding
# the same constant to all logits of an example changes nothing, since it cancels. Subtract the largest logit of each
# example first: every exponent is then at most 0 and one of them is exactly 0, so that nothing overflows and the sum is
# at least 1. (`logits.max(dim=1, keepdim=True)` returns two things, the `.values` and the `.indices`.)
#
# Write it out, without `torch.softmax` and its relatives.

# %% answer="softmax"
def softmax(logits):
    """Probabilities from logits, for logits of any size.

    logits: (batch, classes), left unchanged. Returns (batch, classes), at least 0; every row sums to 1.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    exp = shifted.exp()
    return exp / exp.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %% test="softmax" points=2
import math

import torch

from course_utils import checks

checks.forbids("softmax", "torch.softmax", "torch.log_softmax", "torch.logsumexp", "torch.nn.Softmax",
               "torch.nn.LogSoftmax")

# e^0 = 1 and e^(ln 3) = 3, so that the first row is 1 : 3 and the second 3 : 3.
logits = torch.tensor([[0.0, math.log(3)], [math.log(3), math.log(3)]])
given = logits.clone()
expected = torch.tensor([[1 / 4, 3 / 4], [1 / 2, 1 / 2]])
checks.close(softmax(checks.inout(given)), expected, "softmax([[0, ln 3], [ln 3, ln 3]])", slips={
    "normalised over the batch (dim 0) and not over the classes (dim 1)":
        torch.tensor([[1 / 4, 3 / 6], [3 / 4, 3 / 6]]),
    "divided by the sum of the whole table: each row needs a sum of its own (dim=1, keepdim=True)":
        torch.tensor([[0.1, 0.3], [0.3, 0.3]]),
    "the exponential is missing: the logits themselves were divided by their sum":
        torch.tensor([[0.0, 1.0], [0.5, 0.5]]),
})
checks.unchanged(given, logits, "logits")
checks.close(softmax(torch.tensor([[1000.0, 1000.0]])), torch.tensor([[0.5, 0.5]]), "softmax([[1000, 1000]])", slips={
    "overflow: exp(1000) is infinite, and infinite / infinite is NaN; subtract the maximum of each row first":
        torch.full((1, 2), math.nan),
})
rows = torch.tensor([[1000.0, 1000.0], [0.0, 0.0]])
checks.close(softmax(rows), torch.full((2, 2), 0.5), "softmax([[1000, 1000], [0, 0]])", slips={
    "one maximum was subtracted from the whole batch, and the second row underflows to 0/0; each row needs its own "
    "maximum": torch.tensor([[0.5, 0.5], [math.nan, math.nan]]),
})
checks.passed("softmax")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, scale in (((7, 5), 1.0), ((3, 4), 300.0), ((1, 6), 1e4), ((4, 1), 5.0), ((6, 2), 80.0)):
        logits = torch.from_numpy(rng.normal(size=shape) * scale)
        expected = torch.softmax(logits, dim=1)
        checks.close(softmax(logits), expected, "softmax of random logits")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · Cross-entropy (3 points)
#
# *Lecture: section 1, "Softmax regression"; lecture 02, section 6, for the gradient.*
#
# The loss of one example is minus the logarithm of the probability that the net gives to the true class $y$, and the
# loss of a batch is the **mean** over its $B$ examples:
#
# $$L = -\frac1B\sum_{i=1}^{B} \log p_{i,y_i} \qquad\text{with}\qquad -\log p_y = \log\sum_{j} e^{z_j} \;-\; z_y .$$
#
# Use the right-hand form. Taking the logarithm of a finished softmax breaks down: a probability of $e^{-1000}$ is
# stored as 0, and its logarithm is $-\infty$. Adding a small constant inside the logarithm hides this and is worse, for
# the loss then stops growing and its gradient vanishes just where the net is most wrong. For the sum, shift by the
# maximum $m$ as before: $\log\sum_j e^{z_j} = m + \log\sum_j e^{z_j - m}$.
#
# Autograd must be able to pass through your function. If it can, the gradient comes out as
# $\partial L/\partial z_{ik} = (p_{ik} - [k = y_i])/B$, where $[k = y_i]$ is 1 for the true class and 0 for the others.
# Write it without PyTorch's own cross-entropy, log-softmax or log-sum-exp.

# %% answer="cross_entropy"
def cross_entropy(logits, labels):
    """Mean cross-entropy of a batch, straight from the logits.

    logits: (batch, classes), of any size. labels: (batch,) int64, the true classes.
    Returns a tensor of shape (), in nats, through which autograd can pass.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_sum = shifted.exp().sum(dim=1).log()
    true_class = shifted[torch.arange(len(labels)), labels]
    return (log_sum - true_class).mean()
    ### END SOLUTION


# %% test="cross_entropy" points=3
import math

import torch

from course_utils import checks

checks.forbids("cross_entropy", "torch.nn.functional.cross_entropy", "torch.nn.CrossEntropyLoss",
               "torch.nn.functional.nll_loss", "torch.nn.NLLLoss", "torch.log_softmax", "torch.nn.LogSoftmax",
               "torch.logsumexp", "torch.logaddexp")

# The exponentials are 1, 1, 2 and 1, 3, 1, so that the probabilities are 1/4, 1/4, 1/2 and 1/5, 3/5, 1/5.
logits = torch.tensor([[0.0, 0.0, math.log(2)], [0.0, math.log(3), 0.0]])
labels = torch.tensor([2, 0])  # with probabilities 1/2 and 1/5
probabilities = torch.tensor([[1 / 4, 1 / 4, 1 / 2], [1 / 5, 3 / 5, 1 / 5]])
twice = torch.nn.functional.cross_entropy(probabilities, labels).item()
checks.close(cross_entropy(logits, labels), torch.tensor((math.log(2) + math.log(5)) / 2), "cross_entropy", slips={
    "the sum over the batch came, and not the mean": torch.tensor(math.log(10)),
    "divided by the number of classes as well: the mean is over the examples only": torch.tensor(math.log(10) / 6),
    "every label was looked up for every example (logits[:, labels]): pair them up with "
    "logits[torch.arange(len(labels)), labels]": torch.tensor(math.log(200) / 4),
    "the softmax was applied twice": torch.tensor(twice),
    "the maximum was subtracted in the sum of exponentials only, and not in the logit of the true class":
        torch.tensor(math.log(5 / 3) / 2),
    "the logarithm is missing: the mean probability of the true class came": torch.tensor(0.35),
    "the logarithm is missing: minus the mean probability of the true class came": torch.tensor(-0.35),
})
large = cross_entropy(torch.tensor([[0.0, 1000.0]]), torch.tensor([0]))
checks.close(large, torch.tensor(1000.0), "cross_entropy([[0, 1000]], [0])", slips={
    "the probability of the true class underflowed to 0, and its logarithm is infinite; use log-sum-exp minus the "
    "logit": torch.tensor(math.inf),
    **{f"a small constant ({eps:g}) inside the logarithm cuts the loss off; use log-sum-exp minus the logit":
           torch.tensor(-math.log(eps))
       for eps in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)},
})
_, [gradient] = checks.gradients(cross_entropy, logits, labels)
checks.close(gradient, torch.tensor([[1 / 8, 1 / 8, -1 / 4], [-2 / 5, 3 / 10, 1 / 10]]),
             "the gradient of cross_entropy by the logits")
checks.passed("cross_entropy")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, classes, scale in ((7, 4, 1.0), (5, 10, 200.0), (1, 3, 1.0), (4, 2, 2000.0)):
        logits = torch.from_numpy(rng.normal(size=(n, classes)) * scale)
        labels = torch.from_numpy(rng.integers(classes, size=n))
        expected = torch.nn.functional.cross_entropy(logits, labels)
        expected_gradient = (torch.softmax(logits, dim=1) - torch.eye(classes, dtype=torch.float64)[labels]) / n
        checks.close(cross_entropy(logits, labels), expected, "cross_entropy of random logits")
        _, [gradient] = checks.gradients(cross_entropy, logits, labels)
        checks.close(gradient, expected_gradient, "the gradient of cross_entropy of random logits")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · The forward pass (2 points)
#
# *Lecture: section 1 for the layers and the batch, section 3 for ReLU.*
#
# A multi-layer perceptron alternates affine maps and a nonlinearity. With $L$ layers, $h_0 = x$ and
#
# $$h_\ell = \mathrm{ReLU}(W_\ell h_{\ell-1} + b_\ell)\quad(\ell < L), \qquad
# z = W_L h_{L-1} + b_L, \qquad \mathrm{ReLU}(a) = \max(a, 0).$$
#
# There is no ReLU after the last layer, because logits may be negative. The formula is for one column vector. Your
# function gets a batch with one example a *row*, so that the product becomes `x @ weight.T`.

# %% answer="mlp_forward"
def mlp_forward(x, weights, biases):
    """Logits of a multi-layer perceptron with ReLU between its layers and none after the last.

    x: (batch, n_0).
    weights: list of L >= 1 tensors, the l-th of shape (n_l, n_{l-1}). biases: list of L tensors (n_l,). Both lists are
    left as they are.
    Returns (batch, n_L), through which autograd can pass.
    """
    ### BEGIN SOLUTION
    for layer in range(len(weights)):
        x = x @ weights[layer].T + biases[layer]
        if layer < len(weights) - 1:
            x = torch.relu(x)
    return x
    ### END SOLUTION


# %% test="mlp_forward" points=2
import itertools

import torch

from course_utils import checks

x = torch.tensor([[1.0, 2.0], [-1.0, 1.0]])
W1, b1 = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([-1.0, 1.0])
W2, b2 = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([-1.0, 1.0])
hidden = torch.tensor([[0.0, 4.0], [0.0, 1.0]])  # before the ReLU: [[-2, 4], [-3, 1]]
logits = torch.tensor([[7.0, -3.0], [1.0, 0.0]])
weights, biases = [W1, W2], [b1, b2]
result = mlp_forward(x, checks.inout(weights), checks.inout(biases))
checks.close(result, logits, "mlp_forward with one hidden layer", slips={
    "the last layer has a ReLU too; its logits may be negative": torch.relu(logits),
    "there is no ReLU between the layers": (x @ W1.T + b1) @ W2.T + b2,
    "the weights were not transposed: they have shape (n_out, n_in), so that a layer is x @ weight.T + bias":
        torch.relu(x @ W1 + b1) @ W2 + b2,
    "the biases are missing": torch.relu(x @ W1.T) @ W2.T,
    "the bias was added after the ReLU, and belongs inside it": (torch.relu(x @ W1.T) + b1) @ W2.T + b2,
    "the input went through a ReLU before the first layer": torch.relu(torch.relu(x) @ W1.T + b1) @ W2.T + b2,
    "the logits went through a softmax; that belongs to the loss": torch.softmax(logits, dim=1),
})
checks.that(len(weights) == len(biases) == 2, "the caller's lists have changed: `pop` removes an entry; index instead.")
checks.close(mlp_forward(x, [W1, W2, W1], [b1, b2, b1]), torch.tensor([[6.0, 8.0], [0.0, 2.0]]),
             "mlp_forward with two hidden layers", slips={
    "the number of layers is fixed in your code: there are as many as the list has weights": hidden @ W1.T + b1})
single = torch.tensor([[-2.0, 4.0], [-3.0, 1.0]])
checks.close(mlp_forward(x, [W1], [b1]), single, "mlp_forward with a single layer", slips={
    "a single layer is also the last one, and has no ReLU": hidden})
# The second hidden unit is active in both examples, the first in none; a logit changes one to one with its bias.
_, [_, _, [b1_gradient, b2_gradient]] = checks.gradients(mlp_forward, x, [W1, W2], [b1, b2])
checks.close(b1_gradient, torch.tensor([0.0, 2.0]), "the gradient of the sum of all logits by the hidden biases")
checks.close(b2_gradient, torch.tensor([2.0, 2.0]), "the gradient of the sum of all logits by the last biases")
checks.passed("mlp_forward")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes, n in (((5, 7, 4, 6, 3), 8), ((3, 2), 1), ((2, 9, 1), 4)):
        layers = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(n_in, n_out, dtype=torch.float64), torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        for parameter in net.parameters():
            parameter.data = torch.from_numpy(rng.normal(size=tuple(parameter.shape)))
        x = torch.from_numpy(rng.normal(size=(n, sizes[0]))).requires_grad_()
        expected = net(x)
        expected.sum().backward()
        weights, biases = [layer.weight for layer in layers[::2]], [layer.bias for layer in layers[::2]]
        inputs = [x.detach().clone(), [w.detach().clone() for w in weights], [b.detach().clone() for b in biases]]
        checks.close(mlp_forward(*inputs), expected.detach(), "mlp_forward with random weights")
        output, gradients = checks.gradients(mlp_forward, *inputs)
        checks.close(output, expected.detach(), "mlp_forward with random weights")
        checks.close(gradients, [x.grad, [w.grad for w in weights], [b.grad for b in biases]],
                     "the list of gradients through mlp_forward")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 4 · Depth without nonlinearity is no depth (3 points)
#
# *Lecture: section 2, "Without a nonlinearity, depth is nothing".*
#
# Deck V says it in passing: without a nonlinear function after each linear operation, "a deep network would be linear
# despite its depth". Two layers show why:
#
# $$W_2(W_1x + b_1) + b_2 = (W_2 W_1)\,x + (W_2b_1 + b_2).$$
#
# Do it for any number of layers: return the one weight matrix and the one bias vector that do the same as the whole
# stack. Mind the order of the product, and what happens to the biases of the earlier layers.

# %% answer="collapse"
def collapse(weights, biases):
    """The single affine map that a stack of layers without nonlinearity amounts to.

    weights: list of L >= 1 tensors, the l-th of shape (n_l, n_{l-1}). biases: list of L tensors (n_l,).
    Returns (weight, bias) of shapes (n_L, n_0) and (n_L,), such that for every x the stack
    W_L(... (W_1 x + b_1) ...) + b_L equals weight x + bias. They have the type of the weights, float32 or float64.
    """
    ### BEGIN SOLUTION
    weight, bias = weights[0], biases[0]
    for layer in range(1, len(weights)):
        weight = weights[layer] @ weight
        bias = weights[layer] @ bias + biases[layer]
    return weight, bias
    ### END SOLUTION


# %% test="collapse" points=3
import itertools

import torch

from course_utils import checks


def check_collapse(weights, biases, weight, bias, what, weight_slips=None, bias_slips=None):
    result = collapse(weights, biases)
    checks.that(type(result) in (tuple, list) and len(result) == 2,
                f"{what}: two things are asked, the weight matrix and the bias vector (`return weight, bias`).")
    checks.close(result[0], weight, f"the weight of {what}", slips=weight_slips)
    checks.close(result[1], bias, f"the bias of {what}", slips=bias_slips)


W1, b1 = torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([1.0, -1.0])
W2, b2 = torch.tensor([[0.0, 1.0], [2.0, 1.0]]), torch.tensor([3.0, 0.0])
W3, b3 = torch.tensor([[1.0, 1.0]]), torch.tensor([-1.0])
W21, b21 = torch.tensor([[0.0, 1.0], [2.0, 5.0]]), torch.tensor([2.0, 1.0])
check_collapse([W1, W2], [b1, b2], W21, b21, "collapse of two layers", {
    "the product is in the wrong order: the first layer is applied first, so that it stands on the right, W2 @ W1":
        W1 @ W2,
    "the weights were added up; layers one after the other multiply": W1 + W2,
    "multiplied entry by entry (*) where the matrix product (@) is needed": W1 * W2,
    "the weight is transposed: shape (n_out, n_in) is asked": W21.T,
}, {
    "the biases were only added up: b1 still goes through the second layer, W2 @ b1 + b2": b1 + b2,
    "only the last bias is left: b1 goes through the second layer, W2 @ b1 + b2": b2,
    "the last bias is missing: W2 @ b1 + b2": W2 @ b1,
})
W321, b321 = torch.tensor([[2.0, 6.0]]), torch.tensor([2.0])
check_collapse([W1, W2, W3], [b1, b2, b3], W321, b321, "collapse of three layers", {
    "only the first two layers were joined": W21,
    "only the last two layers were joined": W3 @ W2,
})
checks.passed("collapse")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes in ((5, 4, 6, 3, 7), (3, 4), (2, 8, 1)):
        weights = [torch.from_numpy(rng.normal(size=(n_out, n_in))) for n_in, n_out in itertools.pairwise(sizes)]
        biases = [torch.from_numpy(rng.normal(size=n_out)) for n_out in sizes[1:]]
        # The stack at the origin is the bias; at the unit vectors it is the bias plus the columns of the weight.
        points = torch.cat([torch.zeros(1, sizes[0], dtype=torch.float64), torch.eye(sizes[0], dtype=torch.float64)])
        for weight, bias in zip(weights, biases, strict=True):
            points = points @ weight.T + bias
        check_collapse(weights, biases, (points[1:] - points[0]).T, points[0], "collapse of random layers")
### END HIDDEN TESTS

# %% [markdown]
# ## Part B · Initialisation, dropout, batch normalisation
#
# ### Exercise 5 · Initialisation (3 points)
#
# *Lecture: section 5, "Initialisation".*
#
# If all weights start at the same value, all units of a layer compute the same, get the same gradient and stay alike
# for ever. So they start at random. The *scale* decides whether signals survive depth. A unit with $n_\text{in}$
# independent inputs and weights of variance $\sigma^2$ (the lecture's $g^2/n$) multiplies the mean square of its inputs
# by $n_\text{in}\sigma^2$. Two choices keep the signal about as large from layer to layer:
#
# - **Xavier** (Glorot and Bengio, 2010), a compromise between the forward and the backward pass, for tanh:
#   $\sigma^2 = \dfrac{2}{n_\text{in} + n_\text{out}}$
# - **He** (He and others, 2015), which makes up for the half of the signal that a ReLU removes:
#   $\sigma^2 = \dfrac{2}{n_\text{in}}$
#
# Both fix the variance; whether the numbers are normal or uniform hardly matters, and both are accepted here. (Uniform
# between $-a$ and $a$ has the variance $a^2/3$.) Deck V lists such "simpler initialization" among the steps that made
# deep nets trainable.

# %% answer="init_weights"
def init_weights(sizes, scheme, seed):
    """Random weights and zero biases for a multi-layer perceptron.

    sizes: (n_0, n_1, ..., n_L), units in each layer, the input first.
    scheme: "he" (variance 2 / n_in) or "xavier" (variance 2 / (n_in + n_out)).
    seed: whole number; the same seed gives the same weights, another seed others.
    All weights are independent, with mean 0.

    Returns (weights, biases): lists of L float32 tensors of shapes (n_l, n_{l-1}) and (n_l,).
    Raises ValueError for another scheme.
    """
    ### BEGIN SOLUTION
    generator = torch.Generator()
    generator.manual_seed(seed)
    weights, biases = [], []
    for layer in range(len(sizes) - 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        if scheme == "he":
            variance = 2 / n_in
        elif scheme == "xavier":
            variance = 2 / (n_in + n_out)
        else:
            raise ValueError(f"scheme must be 'he' or 'xavier', not {scheme!r}")
        weights.append(torch.randn(n_out, n_in, generator=generator) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases
    ### END SOLUTION


# %% test="init_weights" points=3
import itertools

import torch

from course_utils import checks


def check_init(sizes, scheme, seed):
    result = init_weights(sizes, scheme, seed)
    checks.that(type(result) in (tuple, list) and len(result) == 2 and all(
        type(part) in (tuple, list) and len(part) == len(sizes) - 1 for part in result),
        "init_weights returns two lists, weights and biases, with one tensor for each of the len(sizes) - 1 layers.")
    weights, biases = result
    drawn = []
    for layer in range(len(sizes) - 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        checks.shape(weights[layer], (n_out, n_in), f"weights[{layer}] for {n_in} inputs and {n_out} outputs")
        checks.shape(biases[layer], (n_out,), f"biases[{layer}] for {n_out} outputs")
        checks.that(all(isinstance(part[layer], torch.Tensor) and part[layer].dtype == torch.float32
                        for part in result),
                    f"weights[{layer}], biases[{layer}]: tensors of float32 are asked; NumPy's float64 needs .float().")
        checks.close(biases[layer], torch.zeros(n_out), f"biases[{layer}]", slips={
            "the biases are not zero; only the weights are drawn at random": biases[layer]})
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        std = variance**0.5
        weight = torch.as_tensor(weights[layer]).detach().double()
        checks.that(bool(weight.std() > 1e-6),
                    f"weights[{layer}]: all weights are zero or equal; units that start alike stay alike.")
        checks.that(abs(weight.mean().item()) < 6 * std / weight.numel() ** 0.5,
                    f"weights[{layer}]: the mean is not 0; draw from a distribution centred at 0.")
        what = f"the standard deviation of weights[{layer}], scheme {scheme!r},"
        checks.close(weight.std().item(), std, what, rtol=0.03, slips={
            "multiplied by the variance; the standard deviation is its square root": variance,
            "uniform numbers between -s and s have the standard deviation s / √3": std / 3**0.5,
            **({"n_out was used where n_in belongs": (2 / n_out) ** 0.5,
                "the factor 2 that makes up for the ReLU is missing": (1 / n_in) ** 0.5,
                "this is Xavier's variance, and He's was asked": (2 / (n_in + n_out)) ** 0.5} if scheme == "he" else
               {"this is He's variance, and Xavier's was asked": (2 / n_in) ** 0.5,
                "only n_in was used, and Xavier's variance takes n_in + n_out": (1 / n_in) ** 0.5,
                "the 2 in 2 / (n_in + n_out) is missing": (1 / (n_in + n_out)) ** 0.5}),
        })
        checks.that(len(weight.unique()) > 0.9 * weight.numel(),
                    f"weights[{layer}]: the same numbers are used again and again; draw each weight by itself.")
        drawn.append(weight.flatten() / std)
    for first, second in itertools.pairwise(drawn):
        n = min(len(first), len(second))
        checks.that(abs((first[:n] * second[:n]).mean().item()) < 0.1,
                    "two layers start with the same numbers: seed once, before the loop over the layers.")
    return drawn


for scheme in ("he", "xavier"):
    drawn = check_init((400, 300, 200), scheme, 1)
    same, other = check_init((400, 300, 200), scheme, 1), check_init((400, 300, 200), scheme, 2)
    checks.that(all(torch.equal(a, b) for a, b in zip(drawn, same, strict=True)),
                "the same seed gave other weights: use the seed, in a generator of your own or with torch.manual_seed.")
    checks.that(not any(torch.equal(a, b) for a, b in zip(drawn, other, strict=True)),
                "another seed gave the same weights: use the argument `seed`.")
checks.raises(ValueError, init_weights, (4, 3), "hee", 0, what='init_weights with the scheme "hee" (misspelt)')
checks.passed("init_weights")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for scheme in ("he", "xavier"):
        check_init((150, 350, 90, 350, 150), scheme, int(rng.integers(10**6)))
        check_init((500, 100), scheme, int(rng.integers(10**6)))
    checks.raises(ValueError, init_weights, (3, 3, 3), "", 1, what="init_weights with an unknown scheme")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 · Dropout (3 points)
#
# *Lecture: section 7, "Overfitting and its cures", erratum E43.*
#
# Deck N: "during training, for each sample, 50 % of the units disabled". No unit can then rely on one particular other
# unit, which "punishes co-adaptation". In general each activation is set to zero with probability $p$, independently of
# all others, for each example anew:
#
# $$\tilde h_{ik} = \frac{m_{ik}}{1-p}\,h_{ik}, \qquad
# m_{ik} = \begin{cases}0 & \text{with probability } p\\ 1 & \text{with probability } 1-p\end{cases}$$
#
# The division by $1-p$ keeps the mean of each activation as it was. This is **inverted** dropout, PyTorch's form: at
# test time the function does nothing. (The paper of 2014 scaled at test time instead.) Write it without PyTorch's own
# dropout.

# %% answer="dropout"
def dropout(x, p, training=True):
    """Inverted dropout.

    x: (batch, features), left unchanged. p: probability that an activation is dropped, 0 <= p < 1.
    training: if False, the result equals x.
    Returns (batch, features), through which autograd can pass. Each call draws a new mask.
    Raises ValueError for another p.
    """
    ### BEGIN SOLUTION
    if p < 0 or p >= 1:
        raise ValueError(f"p must be at least 0 and below 1, not {p}")
    if not training:
        return x
    keep = torch.bernoulli(torch.full_like(x, 1 - p))
    return x * keep / (1 - p)
    ### END SOLUTION


# %% test="dropout" points=3
import torch

from course_utils import checks

checks.forbids("dropout", "torch.nn.functional.dropout", "torch.nn.Dropout", "torch.native_dropout")


def check_dropout(x, p, what):
    given = x.clone()
    result = dropout(checks.inout(given), p, training=True)
    checks.shape(result, tuple(x.shape), what)
    checks.unchanged(given, x, f"x, given to {what},")
    result = torch.as_tensor(result).detach()
    kept = result != 0
    checks.that(not kept.all(), f"{what}: nothing is dropped.")
    checks.that(kept.any(), f"{what}: everything is dropped.")
    checks.that(not (kept.all(dim=0) | ~kept.any(dim=0)).any(),
                f"{what}: one mask for the batch: the same units are dropped in all examples; each needs its own.")
    checks.that((kept.all(dim=1) | ~kept.any(dim=1)).double().mean() < 0.5,
                f"{what}: whole examples are dropped; draw for each unit of each example.")
    share, spread = kept.double().mean().item(), 5 * (p * (1 - p) / kept.numel()) ** 0.5
    checks.that(not abs(share - p) < spread,
                f"{what}: p is the probability to drop, and was taken for the probability to keep.")
    checks.that(abs(share - (1 - p)) < spread, f"{what}: the share of activations that are kept is not 1 - p.")
    checks.close(result, torch.where(kept, x / (1 - p), 0.0), f"{what} where it is not 0", slips={
        "what is kept must be scaled up by 1 / (1 - p), so that the mean stays as it was": torch.where(kept, x, 0.0),
        "scaled by 1 / p: the share that is kept is 1 - p, so divide by that": torch.where(kept, x / p, 0.0),
        "scaled down: divide by 1 - p": torch.where(kept, x * (1 - p), 0.0)})
    return kept


checks.seed_all(0)
x = torch.tensor([[1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]]).repeat(1000, 1)
expected = x.clone()
still = dropout(x, 0.25, training=False)
checks.shape(still, tuple(x.shape), "dropout(x, 0.25, training=False)")
checks.that(not (torch.as_tensor(still) == 0).any(),
            "units are dropped with training=False; at test time the result equals x.")
checks.close(still, expected, "dropout(x, 0.25, training=False)", slips={
    "scaled at test time; inverted dropout scales while training, and with training=False the result equals x":
        expected * 0.75})
first = check_dropout(x, 0.25, "dropout(x, 0.25)")
second = check_dropout(x, 0.25, "dropout(x, 0.25)")
checks.that((first == second).double().mean() < 0.9,
            "the same mask at every call: draw a new one each time, and do not seed in the function.")
checks.that(len(first.sum(dim=1).unique()) > 1,
            "each example loses the same number of units; draw for each unit by itself, and it varies (erratum E43).")
checks.close(dropout(x, 0.0), expected, "dropout(x, 0)")
checks.raises(ValueError, dropout, x, 1.0, what="dropout(x, 1.0)")
checks.raises(ValueError, dropout, x, -0.1, what="dropout(x, -0.1)")
checks.passed("dropout")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n, units, p in ((600, 40, 0.6), (300, 25, 0.1), (50, 400, 0.8)):
        x = torch.from_numpy(rng.normal(size=(n, units)))
        expected = x.clone()
        checks.close(dropout(x, p, training=False), expected, "dropout with training=False")
        check_dropout(x, p, "dropout of random activations")
        output, [gradient] = checks.gradients(dropout, x, p)
        checks.close(gradient, torch.where(output == 0, 0.0, 1 / (1 - p)).double(), "the gradient through dropout")
    for p in (1.0, 1.5, -1.0):
        checks.raises(ValueError, dropout, x, p, what="dropout with a p that is no probability below 1")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · Batch normalisation (4 points)
#
# *Lecture: section 5, "Batch normalisation".*
#
# While training, every feature is shifted and scaled to mean 0 and variance 1 **over the batch** of $B$ examples, then
# given a scale $\gamma$ and a shift $\beta$ that are learned:
#
# $$\mu = \frac1B\sum_i x_i, \qquad v = \frac1B\sum_i (x_i-\mu)^2, \qquad
# y_i = \gamma\,\frac{x_i - \mu}{\sqrt{v + \varepsilon}} + \beta .$$
#
# At test time there may be one example only, and its result must not depend on its neighbours. So the layer keeps
# running averages while training, and uses them in place of $\mu$ and $v$ at test time:
#
# $$\text{running mean} \leftarrow (1-\alpha)\,\text{running mean} + \alpha\,\mu, \qquad
#   \text{running variance} \leftarrow (1-\alpha)\,\text{running variance} + \alpha\,\tfrac{B}{B-1}\,v ,$$
#
# where $\alpha$ is called `momentum` in PyTorch. Two details, the same as PyTorch's: the output uses the *biased*
# variance $v$ (divided by $B$), the running average the *unbiased* one (divided by $B-1$). And the running averages
# belong to the caller: change those tensors **in place**, under `torch.no_grad()`, so that they do not drag the graph
# of every past batch along. Write it without PyTorch's own batch norm.
#
# Deck F says that batch normalisation works by limiting "internal covariate shift". That explanation has been contested
# since 2018; the lecture measures.

# %% answer="batch_norm"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    """Batch normalisation of features, as torch.nn.BatchNorm1d does it.

    x: (batch, features), with batch >= 2 while training. gamma, beta: (features,), scale and shift.
    running_mean, running_var: (features,), updated in place while training, only read otherwise.
    momentum: weight of the new batch in the running averages. eps: added to the variance.
    Returns (batch, features), through which autograd can pass to x, gamma and beta.
    """
    ### BEGIN SOLUTION
    if training:
        n = len(x)
        mean = x.mean(dim=0)
        var = x.var(dim=0, unbiased=False)
        with torch.no_grad():
            running_mean += momentum * (mean - running_mean)
            running_var += momentum * (var * n / (n - 1) - running_var)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta
    ### END SOLUTION


# %% test="batch_norm" points=4
import torch

from course_utils import checks

checks.forbids("batch_norm", "torch.nn.functional.batch_norm", "torch.nn.BatchNorm1d", "torch.native_batch_norm")

# Feature by feature: mean 1 and 4; variance 1 and 4 (biased), 2 and 8 (unbiased).
x = torch.tensor([[0.0, 2.0], [2.0, 6.0]])
gamma, beta = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])
running_mean, running_var = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])
output = batch_norm(x, gamma, beta, checks.inout(running_mean), checks.inout(running_var), training=True, momentum=0.1,
                    eps=0.0)
checks.close(output, torch.tensor([[-1.0, -1.0], [1.0, 3.0]]), "batch_norm while training", slips={
    "the output uses the unbiased variance (divided by n - 1); here it is the biased one, divided by n":
        torch.tensor([[-0.707107, -0.414214], [0.707107, 2.414214]]),
    "normalised over the features of an example (dim 1, layer norm) and not over the batch (dim 0)":
        torch.tensor([[-1.0, 3.0], [-1.0, 3.0]]),
    "divided by the variance and not by its square root": torch.tensor([[-1.0, 0.0], [1.0, 2.0]]),
    "normalised with the running statistics while training (after their update)":
        gamma * (x - torch.tensor([0.1, 0.4])) / torch.tensor([1.1, 1.7]).sqrt() + beta,
    "normalised with the running statistics while training": torch.tensor([[0.0, 5.0], [2.0, 13.0]]),
    "gamma and beta are missing": torch.tensor([[-1.0, -1.0], [1.0, 1.0]]),
})
checks.close(running_mean, torch.tensor([0.1, 0.4]), "running_mean, from 0, after one batch with momentum 0.1", slips={
    "running_mean was not updated: change the caller's tensor in place (running_mean += ..., .copy_, .lerp_); "
    "`running_mean = ...` only renames": torch.zeros(2),
    "momentum is the weight of the new batch, and was used for the old value": torch.tensor([0.9, 3.6]),
    "replaced by the mean of the batch, not averaged": torch.tensor([1.0, 4.0])})
checks.close(running_var, torch.tensor([1.1, 1.7]), "running_var, from 1, after one batch with momentum 0.1", slips={
    "running_var was not updated: change the caller's tensor in place": torch.ones(2),
    "the running average took the biased variance; here it is the unbiased one, n/(n - 1) times as large":
        torch.tensor([1.0, 1.3]),
    "momentum is the weight of the new batch, and was used for the old value": torch.tensor([1.9, 7.3])})

one, zero = torch.ones(1), torch.zeros(1)
output = batch_norm(torch.tensor([[0.0], [2.0]]), one, zero, zero.clone(), one.clone(), eps=3.0)
checks.close(output, torch.tensor([[-0.5], [0.5]]), "batch_norm of [[0], [2]] with eps = 3, so ±1/√(1 + 3),", slips={
    "eps was added to the standard deviation; its place is under the root, with the variance":
        torch.tensor([[-0.25], [0.25]]),
    "eps is missing": torch.tensor([[-1.0], [1.0]]),
})

running_mean, running_var = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 1.0])
output = batch_norm(x, gamma, beta, checks.inout(running_mean), checks.inout(running_var), training=False, eps=0.0)
checks.close(output, torch.tensor([[-0.5, 1.0], [0.5, 9.0]]), "batch_norm with training=False", slips={
    "the statistics of the batch were used at test time; with training=False the running ones count":
        torch.tensor([[-1.0, -1.0], [1.0, 3.0]])})
checks.that(torch.equal(running_mean, torch.tensor([1.0, 2.0])) and torch.equal(running_var, torch.tensor([4.0, 1.0])),
            "running_mean or running_var changed with training=False; at test time they are only read.")

# The mean of a normalised feature is beta whatever x is, so the sum of the output does not depend on x at all.
_, [gradient] = checks.gradients(batch_norm, x, gamma, beta, torch.zeros(2), torch.ones(2), wrt=[0])
checks.close(gradient, torch.zeros(2, 2), "the gradient of the sum of batch_norm's output by x", atol=1e-5, slips={
    "the mean and the variance were treated as constants; they depend on x, and autograd must see it":
        torch.ones(2, 2)})
checks.passed("batch_norm")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()

    def draw(*shape):
        return torch.from_numpy(rng.normal(size=shape))

    for n, features, momentum, eps in ((9, 4, 0.3, 1e-2), (2, 3, 0.05, 0.5), (40, 1, 1.0, 1e-5)):
        gamma, beta = draw(features), draw(features)
        running_mean, running_var = draw(features), draw(features) ** 2 + 0.5
        expected_mean, expected_var = running_mean.clone(), running_var.clone()
        for _ in range(3):
            x = 3 * draw(n, features) + 2
            ignored = running_mean.lerp(x.mean(dim=0), 0.1)
            expected = torch.nn.functional.batch_norm(x, expected_mean, expected_var, gamma, beta, True, momentum, eps)
            output = batch_norm(x, gamma, beta, checks.inout(running_mean), checks.inout(running_var), True,
                                momentum, eps)
            checks.close(output, expected, "batch_norm while training")
            checks.close(running_mean, expected_mean, "running_mean after a batch",
                         slips={"the argument momentum is not used": ignored})
            checks.close(running_var, expected_var, "running_var after a batch")
        for mode in (True, False):
            weight = draw(n, features)
            leaves = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
            frozen = expected_mean.clone(), expected_var.clone()
            expected = torch.nn.functional.batch_norm(leaves[0], *frozen, leaves[1], leaves[2], mode, momentum, eps)
            (expected * weight).sum().backward()
            frozen = running_mean.clone(), running_var.clone()
            output, gradients = checks.gradients(batch_norm, x, gamma, beta, *frozen, mode, momentum, eps,
                                                 wrt=[0, 1, 2], weight=weight)
            checks.close(output, expected.detach(), "batch_norm, differentiated,")
            checks.close(gradients, [leaf.grad for leaf in leaves], "the list of gradients of batch_norm", atol=1e-6)
        single = draw(1, features)
        expected = torch.nn.functional.batch_norm(single, expected_mean, expected_var, gamma, beta, False)
        output = batch_norm(single, gamma, beta, running_mean, running_var, False)
        checks.close(output, expected, "batch_norm of one example at test time")
    x, gamma, beta = 0.01 * draw(20, 3), draw(3), draw(3)  # so small that the default eps shows
    running_mean, running_var = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    expected_mean, expected_var = running_mean.clone(), running_var.clone()
    expected = torch.nn.functional.batch_norm(x, expected_mean, expected_var, gamma, beta, True)
    output = batch_norm(x, gamma, beta, checks.inout(running_mean), checks.inout(running_var))
    checks.close(output, expected, "batch_norm with its defaults")
    checks.close([running_mean, running_var], [expected_mean, expected_var], "the pair of running statistics")
### END HIDDEN TESTS

# %% [markdown]
# ## Part C · Optimisers and the loop
#
# ### Exercise 8 · Momentum (3 points)
#
# *Lecture: section 6, "Optimisers".*
#
# Plain gradient descent zigzags in narrow valleys. Momentum lets each parameter $\theta$ keep a velocity $v$, a running
# sum of its gradients $g$ in which each older one weighs less. From $v = 0$, each step does
#
# $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\, d, \qquad
# d = \begin{cases} v & \text{momentum}\\ g + \mu v & \text{Nesterov, with the new } v\end{cases}$$
#
# with learning rate $\eta$ and momentum $\mu$. Books differ in details: here, as in `torch.optim.SGD`, the gradient
# enters $v$ with weight 1 and the learning rate stays outside.
#
# The function changes the tensors in `params` in place (a trained parameter must be changed under `torch.no_grad()`, or
# autograd objects), and keeps the velocities in the dictionary `state`, which is empty before the first step.

# %% answer="momentum_step"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    """One step of gradient descent with momentum, in place; equal to torch.optim.SGD.

    params: list of tensors that require gradients, of any shapes, each with its gradient in `.grad`.
    state: dict, empty before the first step; afterwards state["velocity"] is a list, one tensor for each of `params`.
    lr: learning rate. momentum: weight of the old velocity. nesterov: step along grad + momentum * velocity.
    Returns None.
    """
    ### BEGIN SOLUTION
    if "velocity" not in state:
        state["velocity"] = [torch.zeros_like(param) for param in params]
    with torch.no_grad():
        for i in range(len(params)):
            velocity = momentum * state["velocity"][i] + params[i].grad
            state["velocity"][i] = velocity
            if nesterov:
                params[i] -= lr * (params[i].grad + momentum * velocity)
            else:
                params[i] -= lr * velocity
    ### END SOLUTION


# %% test="momentum_step" points=3
import torch

from course_utils import checks


def new_params():
    weight, bias = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 3.0], requires_grad=True)
    weight.grad, bias.grad = torch.tensor([1.0, -2.0]), torch.tensor([4.0, 2.0])
    return weight, bias


weight, bias = new_params()
state = {}
momentum_step(checks.inout([weight, bias]), checks.inout(state), lr=0.1, momentum=0.5)
what = "[1, 2] after a step along the gradient [1, -2], lr 0.1, momentum 0.5,"
checks.close(weight.detach(), torch.tensor([0.9, 2.2]), what, slips={
    "the step goes uphill: subtract": torch.tensor([1.1, 1.8]),
    "the parameters did not move: change the tensors in place (param -= ..., param.sub_); `param = ...` only renames":
        torch.tensor([1.0, 2.0]),
    "the gradient was weighted with 1 - momentum; here it enters the velocity with weight 1": torch.tensor([0.95, 2.1]),
    "this is Nesterov's step, and the plain one was asked": torch.tensor([0.85, 2.3]),
})
checks.close(bias.detach(), torch.tensor([2.6, 2.8]), "the second parameter after the first step", slips={
    "only the first parameter moved": torch.tensor([3.0, 3.0]),
    "the velocity of the first parameter went into the second: each parameter has its own velocity":
        torch.tensor([2.55, 2.9])})
velocity = state.get("velocity")
checks.that(type(velocity) in (list, tuple) and len(velocity) == 2,
            'state["velocity"] must be a list with one tensor for each parameter.')
expected = [torch.tensor([1.0, -2.0]), torch.tensor([4.0, 2.0])]
checks.close(velocity, expected, 'state["velocity"] after the first step', slips={
    "the learning rate is inside the velocity; keep it outside, or a later change of lr comes too late":
        [torch.tensor([0.1, -0.2]), torch.tensor([0.4, 0.2])],
})
# Once more, with the same gradients, but in new tensors, as after zero_grad() and backward().
weight.grad, bias.grad = weight.grad.clone(), bias.grad.clone()
momentum_step(checks.inout([weight, bias]), checks.inout(state), lr=0.1, momentum=0.5)
expected = torch.tensor([0.75, 2.5])
checks.close(weight.detach(), expected, "the first parameter after a second step with the same gradient", slips={
    "the velocity was lost between the steps: keep it in `state`": torch.tensor([0.8, 2.4]),
})

weight, bias = new_params()
momentum_step(checks.inout([weight, bias]), checks.inout({}), lr=0.1, momentum=0.25, nesterov=True)
checks.close(weight.detach(), torch.tensor([0.875, 2.25]), "[1, 2] after a step with nesterov=True", slips={
    "the velocity is param.grad itself, and to multiply the one changes the other: begin with zeros, or with a clone":
        torch.tensor([0.9375, 2.125]),
    "nesterov=True makes no difference in the first step: go along grad + momentum * velocity, with the *new* velocity":
        torch.tensor([0.9, 2.2])})
checks.passed("momentum_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    shapes = ((2, 3), (3,), (1, 2, 2))
    cases = ((False, {"momentum": 0.8}), (True, {"momentum": 0.95}), (False, {"momentum": 0.0}), (True, {}))
    for nesterov, options in cases:
        start = [torch.from_numpy(rng.normal(size=shape)) for shape in shapes]
        params = [tensor.clone().requires_grad_() for tensor in start]
        reference = [tensor.clone().requires_grad_() for tensor in start]
        optimizer = torch.optim.SGD(reference, lr=0.1, momentum=options.get("momentum", 0.9), nesterov=nesterov)
        state = {}
        for lr in (0.1, 0.1, 0.02, 0.3, 0.3, 0.01):
            for mine, theirs in zip(params, reference, strict=True):
                mine.grad = torch.from_numpy(rng.normal(size=tuple(mine.shape)))
                theirs.grad = mine.grad.clone()
            optimizer.param_groups[0]["lr"] = lr
            optimizer.step()
            expected = [theirs.detach() for theirs in reference]
            momentum_step(checks.inout(params), checks.inout(state), lr=lr, nesterov=nesterov, **options)
            checks.close([mine.detach() for mine in params], expected,
                         "the parameters after some steps with nesterov=True" if nesterov else
                         "the parameters after some steps", rtol=1e-6, atol=1e-9)
    param = torch.ones(2, requires_grad=True)
    param.grad = torch.tensor([1.0, -2.0])
    momentum_step(checks.inout([param]), checks.inout({}))
    checks.close(param.detach(), torch.tensor([0.9, 1.2]), "the parameters after a step with the defaults")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 9 · Adam (3 points)
#
# *Lecture: section 6, "Optimisers".*
#
# Adam (Kingma and Ba, 2015) divides each parameter's smoothed gradient by the smoothed size of that gradient, so that
# all parameters take steps of about the same length, the learning rate. In step $t = 1, 2, \dots$, from $m = v = 0$:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g, \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2, \qquad
#   \hat m = \frac{m}{1-\beta_1^t}, \qquad \hat v = \frac{v}{1-\beta_2^t}, \qquad
#   \theta \leftarrow \theta - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon} .$$
#
# The hats are the **bias correction**. As $m$ and $v$ start at 0 they are too small at first: after one step
# $m = 0.1\,g$ and $\sqrt v = 0.032\,|g|$, and without the correction the first step would be three times too long.
# Check on paper: with the correction, the first step has length $\eta$ in each coordinate, whatever the gradient.

# %% answer="adam_step"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """One step of Adam, in place; equal to torch.optim.Adam.

    params: list of tensors that require gradients, of any shapes, each with its gradient in `.grad`.
    state: dict, empty before the first step; afterwards state["step"] is an int, the number of calls so far, and
    state["m"] and state["v"] are lists with one tensor for each of `params`, the moments without correction.
    lr: learning rate. betas: weights of the old moments. eps: added to the square root of the corrected second moment.
    Returns None.
    """
    ### BEGIN SOLUTION
    if not state:
        state["step"] = 0
        state["m"] = [torch.zeros_like(param) for param in params]
        state["v"] = [torch.zeros_like(param) for param in params]
    state["step"] += 1
    with torch.no_grad():
        for i in range(len(params)):
            grad = params[i].grad
            state["m"][i] = betas[0] * state["m"][i] + (1 - betas[0]) * grad
            state["v"][i] = betas[1] * state["v"][i] + (1 - betas[1]) * grad**2
            m_hat = state["m"][i] / (1 - betas[0] ** state["step"])
            v_hat = state["v"][i] / (1 - betas[1] ** state["step"])
            params[i] -= lr * m_hat / (v_hat.sqrt() + eps)
    ### END SOLUTION


# %% test="adam_step" points=3
import math

import torch

from course_utils import checks


def new_params():
    weight, bias = torch.tensor([1.0, 1.0], requires_grad=True), torch.tensor([2.0, 2.0], requires_grad=True)
    weight.grad, bias.grad = torch.tensor([3.0, -0.5]), torch.tensor([-1.0, 4.0])
    return weight, bias


def moved(step):
    """[1, 1] after a step of this length in each coordinate, downhill from the gradient [3, -0.5]."""
    return torch.tensor([1.0 - step, 1.0 + step])


weight, bias = new_params()
first, second = weight.grad.clone(), bias.grad.clone()
state = {}
adam_step(checks.inout([weight, bias]), checks.inout(state), lr=0.1, eps=0.0)
checks.close(weight.detach(), moved(0.1), "[1, 1] after the first step, gradient [3, -0.5], lr 0.1, eps 0", slips={
    "the step goes uphill: subtract": moved(-0.1),
    "the parameters did not move: change the tensors themselves in place (param -= ..., param.sub_); `param = ...` "
    "only renames": moved(0.0),
    "the bias correction is missing: divide m by 1 - β₁^t and v by 1 - β₂^t": moved(0.1 * 0.1 / math.sqrt(0.001)),
    "the bias correction of v, the second moment, is missing: divide it by 1 - β₂^t": moved(0.1 / math.sqrt(0.001)),
    "the bias correction of m, the first moment, is missing: divide it by 1 - β₁^t": moved(0.1 * 0.1),
    "the square root of v is missing": torch.tensor([1 - 0.1 / 3, 1 + 0.1 / 0.5]),
    "the second moment averages the squares of the gradient; the square is missing":
        torch.tensor([1 - 0.1 * math.sqrt(3), 1 + 0.1 * math.sqrt(0.5)]),
    "the steps are counted from 0, and 1 - β⁰ = 0; the first step is number 1": moved(math.nan)})
checks.close(bias.detach(), torch.tensor([2.1, 1.9]), "the second parameter after the first step", slips={
    "only the first parameter moved": torch.tensor([2.0, 2.0]),
    "the step counter went up for each parameter; count once per call":
        torch.tensor([2.0, 2.0]) + torch.tensor([0.1, -0.1]) * (0.1 / 0.19) / math.sqrt(0.001 / 0.001999)})
checks.that({"step", "m", "v"} <= set(state), 'state must hold "step", "m" and "v".')
checks.that(not isinstance(state["step"], torch.Tensor), 'state["step"] must be an int: a float32 tensor loses digits.')
checks.close([state["step"], state["m"], state["v"]],
             [1, [0.1 * first, 0.1 * second], [0.001 * first**2, 0.001 * second**2]],
             'state["step"], state["m"], state["v"] after the first step', slips={
                 "the moments were not kept: store them in state": [1, [torch.zeros(2)] * 2, [torch.zeros(2)] * 2],
                 "betas are mixed up: the first belongs to m and the second to v":
                     [1, [0.001 * first, 0.001 * second], [0.1 * first**2, 0.1 * second**2]],
                 "the moments in state are the corrected ones: store m and v themselves, or the next step corrects "
                 "them again": [1, [first, second], [first**2, second**2]]})
adam_step(checks.inout([weight, bias]), checks.inout(state), lr=0.1, eps=0.0)  # once more, with the same gradients
checks.close(weight.detach(), moved(0.2), "the first parameter after a second step with the same gradient", slips={
    "the step counter did not go up: the second step is number 2": moved(0.1 + 0.1 * 1.9 / math.sqrt(1.999)),
    "the moments were lost between the steps: keep them in `state`":
        moved(0.1 + 0.1 * (0.1 / 0.19) / math.sqrt(0.001 / 0.001999))})

# With eps = 1 the first step is lr * g / (|g| + 1): 0.1 * 3/4 and 0.1 * 0.5/1.5.
weight, bias = new_params()
g = weight.grad.clone()
state = {}
adam_step(checks.inout([weight, bias]), checks.inout(state), lr=0.1, betas=(0.5, 0.75), eps=1.0)
checks.close(weight.detach(), torch.tensor([1 - 0.1 * 3 / 4, 1 + 0.1 / 3]), "[1, 1] after a step with eps = 1", slips={
    "eps belongs outside the root: √v̂ + eps, and not √(v̂ + eps)": 1 - 0.1 * g / (g**2 + 1).sqrt(),
    "eps was added before the bias correction: first correct v, then take the root, then add eps":
        1 - 0.1 * 0.5 * g / (0.5 * g.abs() + 1),
    "eps is missing": moved(0.1)})
checks.close(state["m"][0], 0.5 * g, 'state["m"] after a step with betas = (0.5, 0.75)', slips={
    "the argument betas is not used": 0.1 * g})
checks.passed("adam_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    shapes = ((2, 3), (3,), (1, 2, 2))
    for options in ({"betas": (0.8, 0.95), "eps": 1e-3}, {"betas": (0.5, 0.99), "eps": 0.1}, {}):
        start = [torch.from_numpy(rng.normal(size=shape)) for shape in shapes]
        params = [tensor.clone().requires_grad_() for tensor in start]
        reference = [tensor.clone().requires_grad_() for tensor in start]
        optimizer = torch.optim.Adam(reference, **options)
        state = {}
        for lr in (0.1, 0.1, 0.02, 0.3, 0.3, 0.01, 0.01, 0.05):
            for mine, theirs in zip(params, reference, strict=True):
                mine.grad = torch.from_numpy(rng.normal(size=tuple(mine.shape)) * (1e-7 if not options else 1.0))
                theirs.grad = mine.grad.clone()
            optimizer.param_groups[0]["lr"] = lr
            optimizer.step()
            expected = [theirs.detach() for theirs in reference]
            adam_step(checks.inout(params), checks.inout(state), lr=lr, **options)
            checks.close([mine.detach() for mine in params], expected, "the parameters after some steps", rtol=1e-6,
                         atol=1e-9)
    param = torch.zeros(2, requires_grad=True)
    param.grad = torch.tensor([1.0, -2.0])
    adam_step(checks.inout([param]), checks.inout({}))
    checks.close(param.detach(), torch.tensor([-1e-3, 1e-3]), "the parameters after a step with the defaults")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 10 · The training loop (4 points)
#
# *Lecture: section 1 for the loop in PyTorch; lecture 02, section 9, for mini-batches.*
#
# Everything together: mini-batch gradient descent for the net of exercise 3. For each epoch, go through the examples
# **in the order given** (the caller has shuffled them) in batches of `batch_size`; the last batch of an epoch may be
# smaller and is used as well. For each batch: forward pass, mean cross-entropy, gradients *of this batch alone*, and
# $\theta \leftarrow \theta - \eta\, g$ for every weight and bias.
#
# PyTorch *adds* each new gradient to what `.grad` holds (`None` before the first `backward()`). Whoever forgets to
# clear it steps along the sum of all gradients so far.
#
# Return the training loss of each epoch: the mean over all *examples* of the epoch of the loss that each had in its
# batch, before the step. With a smaller last batch this is not the mean of the batch means.
#
# You may use all of PyTorch here (`torch.nn.functional`, `torch.optim`, autograd), and the functions above if they
# pass.

# %% answer="train"
def train(weights, biases, x, y, epochs, batch_size, lr):
    """Train a multi-layer perceptron (ReLU between the layers) by mini-batch gradient descent, in place.

    weights: list of L >= 1 tensors, the l-th of shape (n_l, n_{l-1}). biases: list of L tensors (n_l,). Both are
    changed in place; they need not require gradients yet (`tensor.requires_grad_()` sees to that).
    x: (N, n_0) inputs. y: (N,) int64 labels. Examples are used in this order; the last batch may be smaller.
    Returns a list with the mean loss per example of each epoch, as floats.
    """
    ### BEGIN SOLUTION
    params = [param.requires_grad_() for param in [*weights, *biases]]
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for layer in range(len(weights) - 1):
                hidden = torch.relu(hidden @ weights[layer].T + biases[layer])
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            for param in params:
                param.grad = None
            loss.backward()
            with torch.no_grad():
                for param in params:
                    param -= lr * param.grad
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses
    ### END SOLUTION


# %% test="train" points=4
import itertools
import math

import torch

from course_utils import checks, data


def zeros():
    """A net without hidden layer, two inputs and two classes, all zero: every class has probability 1/2."""
    return [torch.zeros(2, 2)], [torch.zeros(2)]


# One batch, worked by hand: the gradients by the logits are (p - [k = y]) / 2 = (-1/4, 1/4) for both examples.
x, y = torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0])
weights, biases = zeros()
step = torch.tensor([[0.5, 0.5], [-0.5, -0.5]])
losses = train(checks.inout(weights), checks.inout(biases), x, y, epochs=1, batch_size=2, lr=1.0)
what = "the weight matrix (from 0) after one batch, x = [[2, 0], [0, 2]], y = [0, 0], lr = 1,"
checks.close(weights[0].detach(), step, what, slips={
    "the parameters did not move: step after backward, on the tensors given (not on a copy), with gradients that were "
    "not cleared after backward": torch.zeros(2, 2),
    "the step goes uphill: subtract": -step,
    "a softmax stands before the cross-entropy, which has one inside: pass it the logits": step / 2,
    "the loss is the sum over the batch, where the mean was asked (or this is not plain gradient descent)": 2 * step,
})
checks.close(biases[0].detach(), torch.tensor([0.5, -0.5]), "the bias vector (from 0) after one batch", slips={
    "the biases were not trained": torch.zeros(2)})
checks.close(losses, [math.log(2)], "the list of losses after one batch", slips={
    "the loss was measured after the step; the one before it is asked": [math.log(1 + math.exp(-3))]})

# The same examples as two batches: the second step starts from logits (1/2, -1/2), where p = (0.731059, 0.268941).
weights, biases = zeros()
train(checks.inout(weights), checks.inout(biases), x, y, epochs=1, batch_size=1, lr=1.0)
expected = torch.tensor([0.768941, -0.768941])
checks.close(biases[0].detach(), expected, "the bias vector after two batches of one example each", atol=1e-5, slips={
    "the gradients of the first batch were still in .grad, and those of the second were added: call zero_grad before "
    "backward": torch.tensor([1.268941, -1.268941]),
    "both examples went into one batch: use batch_size": torch.tensor([0.5, -0.5]),
})

# Three examples with batch_size 2. The third, (1, 1) of class 1, meets the logits (1.5, -1.5) after the first step.
x, y = torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), torch.tensor([0, 0, 1])
weights, biases = zeros()
third = math.log(1 + math.exp(3))
losses = train(checks.inout(weights), checks.inout(biases), x, y, epochs=1, batch_size=2, lr=1.0)
expected = torch.tensor([-0.452574, 0.452574])
checks.close(biases[0].detach(), expected, "the bias vector after a batch of two and a batch of one", atol=1e-5, slips={
    "the last batch, which is smaller, was left out": torch.tensor([0.5, -0.5]),
})
expected = [(2 * math.log(2) + third) / 3]
checks.close(losses, expected, "the list of losses after a batch of two and a batch of one", slips={
    "this is the mean of the batch means; weigh each batch with its number of examples": [(math.log(2) + third) / 2],
    "this is the sum over the examples; divide by their number": [2 * math.log(2) + third],
    "this is the sum of the batch means; weigh each with its number of examples and divide by the number of all":
        [math.log(2) + third],
    "this is the loss of the last batch alone": [third],
})
checks.that(all(isinstance(loss, float) for loss in losses),
            "the losses are to be plain numbers (loss.item()): a tensor keeps the graph of its batch alive.")

# Real digits: 64 pixels, 32 hidden units, 10 classes; the accuracy is measured on images that were not trained on.
digits = data.digits().flat()
generator = torch.Generator().manual_seed(0)
weights = [torch.randn(n_out, n_in, generator=generator) * (2 / n_in) ** 0.5 for n_out, n_in in ((32, 64), (10, 32))]
biases = [torch.zeros(32), torch.zeros(10)]
losses = train(checks.inout(weights), checks.inout(biases), digits.x_train, digits.y_train, epochs=20, batch_size=32,
               lr=0.3)
with torch.no_grad():
    predictions = (torch.relu(digits.x_test @ weights[0].T + biases[0]) @ weights[1].T + biases[1]).argmax(dim=1)
accuracy = (predictions == digits.y_test).double().mean().item()
checks.that(accuracy > 0.95, f"after 20 epochs {accuracy:.1%} of the digits are read correctly, not 95 %.")
checks.that(type(losses) in (list, tuple) and len(losses) == 20, "train returns a list with one loss for each epoch.")
checks.passed("train")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    cases = (((4, 6, 5, 3), 11, 4, 3, 0.2), ((3, 2), 6, 3, 2, 0.5), ((5, 4, 4), 7, 10, 4, 0.1))
    for sizes, n, batch_size, epochs, lr in cases:
        weights = [torch.from_numpy(rng.normal(size=(n_out, n_in))) for n_in, n_out in itertools.pairwise(sizes)]
        biases = [torch.from_numpy(rng.normal(size=n_out)) for n_out in sizes[1:]]
        x, y = torch.from_numpy(rng.normal(size=(n, sizes[0]))), torch.from_numpy(rng.integers(sizes[-1], size=n))
        layers = []
        for weight, bias in zip(weights, biases, strict=True):
            layers += [torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64), torch.nn.ReLU()]
            layers[-2].weight.data, layers[-2].bias.data = weight.clone(), bias.clone()
        net = torch.nn.Sequential(*layers[:-1])
        expected = []
        for _ in range(epochs):
            seen = []
            for first in range(0, n, batch_size):
                rows = slice(first, first + batch_size)
                each = torch.nn.functional.cross_entropy(net(x[rows]), y[rows], reduction="none")
                net.zero_grad()
                each.mean().backward()
                seen.append(each.detach())
                with torch.no_grad():
                    for parameter in net.parameters():
                        parameter -= lr * parameter.grad
            expected.append(torch.cat(seen).mean().item())
        losses = train(checks.inout(weights), checks.inout(biases), x, y, epochs, batch_size, lr)
        linear = layers[::2]
        checks.close([w.detach() for w in weights], [layer.weight.detach() for layer in linear],
                     "the list of weights, after batches in the order given,")
        checks.close([b.detach() for b in biases], [layer.bias.detach() for layer in linear], "the list of biases")
        checks.close(losses, expected, "the list of losses")
### END HIDDEN TESTS

# %% [markdown]
# ## Experiment · Does Adam need no tweaking? (4 points)
#
# *Lecture: section 6, "Is Adam a silver bullet?".*
#
# Deck F recommends Adam: "In practice: silver bullet. May give a slightly worse model than SGD, but without any
# parameter tweaking." The parameter that is tweaked most is the learning rate. So train the same net on the digits with
# plain gradient descent, with momentum 0.9 and with Adam, at learning rates from $10^{-4}$ to $10$, six epochs each,
# and measure the accuracy on 360 training images that are set aside for it (the **validation set**). Each point is the
# mean of three seeds; the band goes from the worst of them to the best.
#
# The right panel is the same with the loss multiplied by 100. That changes nothing about which weights are good: it is
# as if the loss were counted in other units. **Before you run the cell**, predict from the update rules which curves
# move, in which direction, and how far.
#
# The cell uses your `init_weights`, `mlp_forward`, `cross_entropy`, `momentum_step` and `adam_step`. It takes about 20
# seconds.

# %%
digits = data.digits().flat()
x_train, y_train = digits.x_train[:-360], digits.y_train[:-360]
x_val, y_val = digits.x_train[-360:], digits.y_train[-360:]


def validation_accuracy(step, lr, seed, loss_scale=1, epochs=6, batch_size=64, **options):
    """Accuracy on the validation set after training with `step`, one of the two optimisers above."""
    weights, biases = init_weights((64, 32, 10), "he", seed)
    params = [param.requires_grad_() for param in [*weights, *biases]]
    state = {}
    order = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(x_train), generator=order).split(batch_size):
            loss = loss_scale * cross_entropy(mlp_forward(x_train[rows], weights, biases), y_train[rows])
            for param in params:
                param.grad = None
            loss.backward()
            step(params, state, lr=lr, **options)
    with torch.no_grad():
        return (mlp_forward(x_val, weights, biases).argmax(dim=1) == y_val).double().mean().item()


learning_rates = 10.0 ** np.arange(-4, 1.5, 0.5)
methods = {
    "gradient descent": (momentum_step, {"momentum": 0.0}, plotting.COLORS["grey"], "o"),
    "momentum 0.9": (momentum_step, {"momentum": 0.9}, plotting.COLORS["blue"], "s"),
    "Adam": (adam_step, {}, plotting.COLORS["vermillion"], "^"),
}
fig, axes = plt.subplots(1, 2, figsize=(12, 5.2), sharey=True)
for ax, loss_scale in zip(axes, (1, 100), strict=True):
    for name, (step, options, colour, marker) in methods.items():
        accuracy = 100 * np.array([[validation_accuracy(step, lr, seed, loss_scale, **options) for seed in range(3)]
                                   for lr in learning_rates])
        mean = accuracy.mean(axis=1)
        ax.semilogx(learning_rates, mean, marker=marker, color=colour, label=name)
        ax.fill_between(learning_rates, accuracy.min(axis=1), accuracy.max(axis=1), color=colour, alpha=0.2, lw=0)
        good = ", ".join(f"{lr:.2g}" for lr in learning_rates[mean >= mean.max() - 5])
        print(f"loss × {loss_scale:<3}  {name:<16}  best mean {mean.max():.1f} %;  within five points of it at: {good}")
    ax.set(title="Digits, the loss as it is" if loss_scale == 1 else f"Digits, the loss × {loss_scale}",
           xlabel="learning rate (no unit)", ylim=(0, 100))
axes[0].set_ylabel("validation accuracy (%)")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. For each of the three methods on the left: what is its best accuracy, and at which learning rates does it come
#    within five points of that?
# 2. Does Adam need "no parameter tweaking"? Say what in your figure speaks for the deck's sentence and what against it.
#    PyTorch's default for Adam is a learning rate of 0.001: how does it do here, and why?
# 3. Explain the right panel from the update rules: which curves moved, by which factor, and why? Was your prediction
#    right?
# 4. You choose the best learning rate by the validation set. Which accuracy would you report for the net chosen, and
#    why not the one in the figure? What do three seeds let you say about two settings that differ by half a point?

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer** (the numbers are of one run; another version of PyTorch may shift them by a point)
#
# 1. Gradient descent reaches 94.9 %, and is within five points of it at 0.32 and 1. Momentum reaches 96.8 %, within
#    five points at 0.032, 0.1 and 0.32. Adam reaches 96.1 %, within five points from 0.0032 to 0.1.
# 2. *For* the deck: Adam's good range spans a factor of about 30, against 10 and 3, and its best accuracy is within a
#    point of the best of all. *Against* it: at 0.32, where the other two are good, Adam gets 20 %, and below 0.001 it
#    has hardly learned. Its default of 0.001 gives 71 % here: each weight moves at most about 0.001 a step, and six
#    epochs are 102 steps, so the weights cannot travel far enough in the time. The learning rate must be chosen for
#    Adam too (erratum E35); the choice is more forgiving. And tuned momentum was not beaten.
# 3. For gradient descent and momentum the step is proportional to the gradient. The loss × 100 gives gradients × 100,
#    so the same steps come from a learning rate 100 times smaller: both curves move left by two decades, otherwise
#    unchanged. In Adam $\hat m$ and $\sqrt{\hat v}$ both grow by 100 and the factor cancels (but for $\varepsilon$,
#    which is far smaller than either): its curve stays. This is the real gain: Adam's good learning rates do not depend
#    on the units of the loss, and hardly on the scale of the gradients of each layer.
# 4. The accuracy on the test set, measured once, with the settings chosen. The best of eleven values on the validation
#    set is too good on average, because it was picked for being high, luck included. The band of three seeds is two to
#    four points wide at the top, and one image of 360 is 0.3 points: a difference of half a point says nothing; one
#    would need more seeds and more images.
#
# **Rubric** (4 points, halves allowed)
#
# - 1 point: three best values and three ranges, read correctly from the student's own figure.
# - 1 point: an argument for and one against, each with a number, and a conclusion that fits them. No point for "Adam is
#   better" without numbers. Half a point is for the default of 0.001: too slow for the number of steps.
# - 1 point: the curves of gradient descent and momentum move left by a factor of 100 (half a point), and the factor
#   cancels in Adam's quotient (half a point). A wrong prediction that is admitted and explained costs nothing.
# - 1 point: the test set, with the reason that a maximum over trials is biased upwards (half a point); half a point of
#   difference is within the spread of the seeds (half a point).
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# On MNIST, deck K reports 92.5 % for a net of one layer, 98.2 % with one hidden layer of 625 units, and 99.0 % for the
# "modern" net with ReLU and dropout. The cell below trains the second of these, on the GPU if there is one, for one
# epoch; with 20 it comes to about 98 %. MNIST is downloaded once (12 MB). Where it cannot be had, the cell says so and
# takes rendered letters and digits of the same size, a harder task with more classes.

# %% tags=["further"]
where = device.pick_device()
images = data.mnist(fallback="glyphs").flat()
print(images)
torch.manual_seed(0)
n_in, n_out = images.x_train.shape[1], len(images.classes)
model = torch.nn.Sequential(torch.nn.Linear(n_in, 625), torch.nn.ReLU(), torch.nn.Linear(625, n_out))
history = training.fit(model, images.x_train, images.y_train, epochs=1, batch_size=128, device=where,
                       validation=(images.x_test, images.y_test))
print(f"{images.name}: {history.val_accuracy[-1]:.1%} of {len(images.x_test):,} test images after one epoch")

# %% [markdown]
# Some things to try from here:
#
# - Replace the model by one layer, and compare with the deck's 92.5 %. Then by two hidden layers of 1,200 units with
#   `torch.nn.Dropout`, 20 % on the input and 50 % on the hidden layers, for 30 epochs or more: the deck's 99.0 %.
# - Train with 500 images only, with and without dropout, with and without weight decay (`torch.optim.AdamW`), and plot
#   training and test accuracy side by side. Which of them closes the gap?
# - Use `patience=3` in `training.fit`, with part of the training images as validation set: that is early stopping. How
#   many epochs does it save?
# - Stack thirty hidden layers of 64 units and train them on the digits with your `train`. Scale the weights of
#   `init_weights` by 0.5 and by 2, and print the standard deviation of the activations of each layer. Then put your
#   `batch_norm` between the layers.
# - Draw the first layer's weights of the trained net as 28 × 28 pictures. Which hidden units do you recognise as
#   strokes?
#
# **Next:** [lecture 04](../../lectures/04_cnn.ipynb) on convolutional nets, and its lab.
