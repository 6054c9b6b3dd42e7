# %% [markdown]
# # Lab 05 · Recurrent nets: from one step to a text that closes what it opened
#
# Nine pieces of a net that reads in order: the cell and its loop, backpropagation through time, clipping, the LSTM,
# and what a character model needs around it. At the end you train such models and find out how far back they remember.
#
# **After this lab you can**
# - run a recurrent cell over a batch of sequences of different lengths, as PyTorch does;
# - carry gradients back through time by hand, and keep them from exploding;
# - write an LSTM cell that takes PyTorch's weights;
# - cut a text into windows for truncated backpropagation through time, draw from a model at a given temperature, and
#   measure it in bits per character beside a model that only counts.
#
# **Time** about 3.5 hours. **Points** 28 for code, 4 for the experiment at the end.
#
# **Follows** deck F, "RNN : basics" to "Vanishing Gradient is still an issue"; deck V, slides 25 and 42 to 44; deck N,
# "What about sequential data?"; lecture 05, whose sections are named at each exercise. You need lab 02 for gradients by
# hand and lab 03 for softmax and training.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the cells between the exercises and the experiment use your answers.
#
# **Shapes.** A batch of sequences is `(batch, time, features)`, the input of one step `(batch, features)`, a state
# `(batch, hidden)`. Each row of a batch is a sequence of its own. A weight matrix is `(n_out, n_in)`, so a batch of
# rows `x` is multiplied as `x @ W.T`. Steps are counted from 0 in code: `x[:, t]` is the input of step $t+1$ of the
# formulas. Tensors that you make yourself must have the type (float32 or float64) of those that came in.

# %% tags=["setup"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from course_utils import checks, data, device, plotting

plotting.use_style()
torch.set_num_threads(1)  # the nets are small: threads would cost more than they bring

# %% [markdown]
# ## Part A · The cell and its gradient
#
# ### Exercise 1 · One step (2 points)
#
# *Lecture: section 1, "Why order matters, and what a state is", and section 2, "The cell, and what PyTorch's cell has
# more".*
#
# $$h_t = \tanh(W x_t + b_{ih} + U h_{t-1} + b_{hh})$$
#
# PyTorch's cell has two biases of which only the sum matters (erratum E31); keep both, so that your step gives exactly
# what `torch.nn.RNNCell` gives with the same weights, and write it without PyTorch's own cells. The formula is for one
# sequence, with column vectors. A batch has one sequence in each row.

# %% answer="rnn_step"
def rnn_step(x, h, W, U, b_ih, b_hh):
    """One step of a tanh cell for a batch of sequences.

    x: (batch, inputs), the input of this step. h: (batch, hidden), the state before it, left as it is.
    W: (hidden, inputs). U: (hidden, hidden). b_ih, b_hh: (hidden,).
    Returns the state after the step, (batch, hidden). Autograd can pass through it to every argument.
    """
    ### BEGIN SOLUTION
    return torch.tanh(x @ W.T + b_ih + h @ U.T + b_hh)
    ### END SOLUTION


# %% test="rnn_step" points=2
import torch

from course_utils import checks

checks.forbids("rnn_step", "torch.nn.RNNCell", "torch.nn.RNN", "torch.rnn_tanh_cell", "torch.rnn_tanh")

x, h = torch.tensor([[1.0, 0.0], [0.5, -1.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.5], [-0.5, 0.25], [0.0, 0.0]])
W, U = torch.tensor([[0.5, 1.0], [-1.0, 0.25]]), torch.tensor([[0.0, 1.0], [-2.0, 0.5]])
b_ih, b_hh = torch.tensor([0.25, 0.0]), torch.tensor([0.5, -0.125])
zero = torch.zeros(2)


def theirs(x, h, W, U, b_ih, b_hh):
    """The state that PyTorch's cell gives."""
    cell = torch.nn.RNNCell(2, 2)
    cell.load_state_dict({"weight_ih": W, "weight_hh": U, "bias_ih": b_ih, "bias_hh": b_hh})
    return cell(x, h).detach()


expected = theirs(x, h, W, U, b_ih, b_hh)
given = h.clone()
checks.close(rnn_step(x, checks.inout(given), W, U, b_ih, b_hh), expected, "one step of three sequences", slips={
    "W was multiplied from the wrong side: x @ W.T for a batch of rows": theirs(x, h, W.T, U, b_ih, b_hh),
    "U was multiplied from the wrong side: h @ U.T for a batch of rows": theirs(x, h, W, U.T, b_ih, b_hh),
    "W and U were both multiplied from the wrong side: x @ W.T and h @ U.T": theirs(x, h, W.T, U.T, b_ih, b_hh),
    "b_hh is missing": theirs(x, h, W, U, b_ih, zero),
    "b_ih is missing": theirs(x, h, W, U, zero, b_hh),
    "both biases are missing": theirs(x, h, W, U, zero, zero),
    "the state h is not used": theirs(x, 0 * h, W, U, b_ih, b_hh),
    "W and U are exchanged: W is for the input x, U for the state h": theirs(x, h, U, W, b_ih, b_hh),
    "b_ih was added twice, b_hh not at all": theirs(x, h, W, U, b_ih, b_ih),
    "b_hh was added twice, b_ih not at all": theirs(x, h, W, U, b_hh, b_hh),
    "the biases were subtracted; they are added": theirs(x, h, W, U, -b_ih, -b_hh),
    "the biases were added after the tanh; they stand inside": theirs(x, h, W, U, zero, zero) + b_ih + b_hh,
    "input and state went through a tanh each; one tanh of the whole sum is asked":
        theirs(x, 0 * h, W, U, b_ih, zero) + theirs(0 * x, h, W, U, zero, b_hh),
    "the old state was added to the new one; the cell has h inside the tanh only": h + expected,
    "the tanh is missing": torch.atanh(expected),
    "this is a ReLU; the cell has tanh": torch.atanh(expected).relu(),
    "this is a sigmoid, as in deck F's formula; the cell has tanh (erratum E31)": torch.sigmoid(torch.atanh(expected)),
})
checks.unchanged(given, h, "h")
cell, inputs = torch.nn.RNNCell(2, 2), [x.clone().requires_grad_(), h.clone().requires_grad_()]
cell.load_state_dict({"weight_ih": W, "weight_hh": U, "bias_ih": b_ih, "bias_hh": b_hh})
wanted = torch.autograd.grad(cell(*inputs).sum(), [*inputs, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh])
_, found = checks.gradients(rnn_step, x, h, W, U, b_ih, b_hh)
checks.close(found, list(wanted), "the gradient of the sum of the new states, by each of the six arguments")
checks.passed("rnn_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, inputs, hidden in ((4, 3, 5), (1, 5, 2), (3, 1, 1)):
        cell = torch.nn.RNNCell(inputs, hidden).double()
        sizes = ((batch, inputs), (batch, hidden), (hidden, inputs), (hidden, hidden), (hidden,), (hidden,))
        given = [torch.from_numpy(rng.normal(size=size)) for size in sizes]
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict(dict(zip(names, given[2:], strict=True)))
        x, h = given[0].clone().requires_grad_(), given[1].clone().requires_grad_()
        expected = cell(x, h)
        weight = torch.from_numpy(rng.normal(size=(batch, hidden)))
        wanted = torch.autograd.grad((expected * weight).sum(), [x, h, *(getattr(cell, name) for name in names)])
        result, found = checks.gradients(rnn_step, *given, weight=weight)
        checks.close(result, expected.detach(), "one step with random weights", rtol=1e-8)
        checks.close(found, list(wanted), "the gradient through one step", rtol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · Sequences of different lengths (3 points)
#
# *Lecture: section 1, "Why order matters, and what a state is"; the lengths are new here.*
#
# Sequences of different lengths are put into one array by **padding**: the short ones are filled up behind their end.
# The padding means nothing, and must change nothing. Run a cell over such a batch: as long as a sequence lasts, each
# step turns its state into the next; behind its end, **its state stays as it is**. So all sequences have their last
# state in the last column, and a readout (the lecture's `LastState`) finds it there.
#
# The cell comes as a function `step(x, h)`, for example your `rnn_step` with its weights filled in. It may be called on
# a batch of any size. `torch.where(condition, a, b)` takes `a` where the condition holds and `b` elsewhere; a condition
# of shape `(batch, 1)` decides for whole rows.

# %% answer="unroll"
def unroll(step, x, h0, lengths):
    """All states of a cell that reads a padded batch.

    step: function from (input (batch, inputs), state (batch, hidden)) to the next state (batch, hidden).
    x: (batch, time, inputs). h0: (batch, hidden), the state before the first step, left as it is.
    lengths: (batch,) whole numbers from 0 to time; sequence n consists of x[n, : lengths[n]], the rest is padding.
    Returns a pair: states (batch, time, hidden), where states[:, t] are those after reading x[:, t] and a sequence that
    has ended keeps its state; and last (batch, hidden), the state after each sequence's own last step.
    """
    ### BEGIN SOLUTION
    h, states = h0, []
    for t in range(x.shape[1]):
        lasts = (t < lengths)[:, None]
        h = torch.where(lasts, step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h
    ### END SOLUTION


# %% test="unroll" points=3
import torch

from course_utils import checks


def add_up(x, h):
    """A "cell" with one unit whose state can be followed in the head: half of it is kept, the input is added."""
    if len(x) != len(h):
        raise ValueError(f"step got the inputs of {len(x)} sequences and the states of {len(h)}: the input of step t "
                         "is x[:, t], one row for each sequence")
    return 0.5 * h + x


x = torch.tensor([[8.0, 4.0, 2.0], [16.0, 99.0, 99.0]])[:, :, None]
h0, lengths = torch.tensor([[0.0], [8.0]]), torch.tensor([3, 1])
states, last = torch.tensor([[8.0, 8.0, 6.0], [20.0, 20.0, 20.0]]), torch.tensor([[6.0], [20.0]])


def pair(first, second, ends=(6.0, 20.0)):
    """(states, last) from the states of the two sequences and their ends."""
    return torch.tensor([first, second])[..., None], torch.tensor(ends)[:, None]


right = [8.0, 8.0, 6.0]
slips = {
    "a sequence that has ended went on reading its padding; its state stays":
        pair(right, [20.0, 109.0, 153.5], (6.0, 153.5)),
    "the states go on into the padding, only `last` is right; behind the end the state stays":
        pair(right, [20.0, 109.0, 153.5]),
    "the states are right, but `last` is that of a cell which has read the padding":
        pair(right, 3 * [20.0], (6.0, 153.5)),
    "the padding was set to 0 and read; behind the end the step is not applied at all, the state stays":
        pair(right, [20.0, 10.0, 5.0], (6.0, 5.0)),
    "behind the end of a sequence the states are 0; there the state stays as it is": pair(right, [20.0, 0.0, 0.0]),
    "behind the end the states are 0, and `last` too; there the state stays as it is":
        pair(right, [20.0, 0.0, 0.0], (6.0, 0.0)),
    "behind the end of a sequence its state is h0 again; there the state stays as it is":
        pair(right, [20.0, 8.0, 8.0], (6.0, 8.0)),
    "each step began from h0; it begins from the state before it": pair([8.0, 4.0, 2.0], 3 * [20.0], (2.0, 20.0)),
    "h0 was not used: this began from 0": pair(right, 3 * [16.0], (6.0, 16.0)),
    "the states begin with h0; the first of them is the state after reading x[:, 0]":
        pair([0.0, *right], [8.0, 20.0, 20.0, 20.0]),
    "these are the states before each step; states[:, t] is the one after reading x[:, t]":
        pair([0.0, 8.0, 8.0], [8.0, 20.0, 20.0]),
    "a sequence was read one step too far: with length 1 only x[:, 0] is read":
        pair(right, [20.0, 109.0, 109.0], (6.0, 109.0)),
    "the last step of each sequence was left out: with length 1, x[:, 0] is read":
        pair([8.0, 8.0, 8.0], 3 * [8.0], (8.0, 8.0)),
    "the steps were taken from the last to the first": pair([2.0, 5.0, 10.5], [8.0, 8.0, 20.0], (10.5, 20.0)),
    "the loop ran over the sequences, x.shape[0]; time is the second axis": pair([8.0, 8.0], [20.0, 20.0], (8.0, 20.0)),
    "step was called with state and input exchanged; it is step(input, state)":
        pair([4.0, 6.0, 7.0], 3 * [16.0], (7.0, 16.0)),
    "the states at all steps are one and the same tensor, changed in place: append a copy (clone) of it":
        pair(3 * [6.0], 3 * [20.0]),
    "the condition of shape (batch,) decided over columns; for whole rows it needs the shape (batch, 1): [:, None]":
        (torch.tensor([[[8.0, 8.0], [8.0, 8.0], [6.0, 8.0]], [[20.0, 20.0], [109.0, 20.0], [153.5, 20.0]]]),
         torch.tensor([[6.0, 8.0], [153.5, 20.0]])),
    "the shape of the states is (time, batch, hidden); the batch comes first": (states.T[..., None], last),
    "the pair came back as (last, states); (states, last) was asked": (last, states[..., None]),
}
given = h0.clone()
checks.close(unroll(add_up, x, checks.inout(given), lengths), (states[..., None], last),
             "(states, last) of two sequences of lengths 3 and 1, for h = h/2 + x", slips=slips)
checks.unchanged(given, h0, "h0")
result = unroll(add_up, x.double() / 10, h0.double() / 10, lengths)
states, last = states[..., None].double() / 10, last.double() / 10
checks.close(result, (states, last), "the same in float64, all numbers divided by 10", rtol=1e-12, atol=0, slips={
    "computed in float32, but x and h0 are float64: torch.zeros(..., dtype=x.dtype)": (states.float(), last.float()),
    "the states are float32, but x and h0 are float64: torch.zeros(..., dtype=x.dtype)": (states.float(), last)})
checks.passed("unroll")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, steps, inputs, hidden in ((5, 7, 3, 4), (2, 4, 4, 1), (3, 1, 2, 2), (1, 6, 1, 3)):
        W, U = torch.from_numpy(rng.normal(size=(hidden, inputs))), torch.from_numpy(rng.normal(size=(hidden, hidden)))

        def cell(x, h, W=W, U=U):
            return torch.tanh(x @ W.T + h @ U.T)

        x = torch.from_numpy(rng.normal(size=(batch, steps, inputs)))
        h0 = torch.from_numpy(rng.normal(size=(batch, hidden)))
        lengths = torch.from_numpy(rng.integers(0, steps + 1, size=batch))
        lengths[0] = steps
        states, last = torch.zeros(batch, steps, hidden, dtype=torch.float64), h0.clone()
        for n in range(batch):
            for t in range(steps):
                if t < lengths[n]:
                    last[n] = torch.tanh(W @ x[n, t] + U @ last[n])
                states[n, t] = last[n]
        given = h0.clone()
        checks.close(unroll(cell, x, checks.inout(given), lengths), (states, last),
                     "the states of a random cell on sequences of random lengths", rtol=1e-9)
        checks.unchanged(given, h0, "h0")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · Backpropagation through time (5 points)
#
# *Lecture: section 3, "Backpropagation through time".*
#
# The forward pass is done: the cell $h_t = \tanh(W x_t + U h_{t-1} + b)$ has read a batch (without padding), and its
# states are given. Each state has a loss of its own, and the gradient of that loss alone, $\partial L_t/\partial h_t$,
# is given too: in the code it is called `direct`. Now go from the last step to the first. What arrives at $h_t$ comes
# from $L_t$ and, through the next step, from all later losses:
#
# $$\delta_t = \frac{\partial L_t}{\partial h_t} + U^\top D_{t+1}\,\delta_{t+1}, \qquad
#   D_t = \operatorname{diag}(1 - h_t^2), \qquad \delta_{T+1} = 0,$$
#
# and each use of a weight adds its share, here for one sequence; a batch adds up over its sequences:
#
# $$\frac{\partial L}{\partial W} = \sum_t D_t\delta_t\, x_t^\top, \qquad
#   \frac{\partial L}{\partial U} = \sum_t D_t\delta_t\, h_{t-1}^\top, \qquad
#   \frac{\partial L}{\partial b} = \sum_t D_t\delta_t, \qquad
#   \frac{\partial L}{\partial h_0} = U^\top D_1\delta_1 .$$
#
# The last one is what truncated backpropagation throws away at the beginning of a window. Here $h_0$ need not be zero.
# A check of the shapes: $D_t\delta_t$ of a batch is `(batch, hidden)`, and so is every state; for `(batch, hidden)` and
# `(batch, inputs)` there is one product of matrices that gives `(hidden, inputs)`, and it adds up over the batch.
# Autograd is not accepted: this is what autograd does.

# %% answer="bptt"
def bptt(x, h0, states, direct, U):
    """Gradients of L, the sum of all losses, through the tanh cell h_t = tanh(W x_t + U h_{t-1} + b).

    x: (batch, time, inputs). h0: (batch, hidden), the state before the first step.
    states: (batch, time, hidden), states[:, t] is the state after reading x[:, t].
    direct: (batch, time, hidden), the gradient of each state's own loss by that state. U: (hidden, hidden).
    All arguments are left as they are.
    Returns (dW, dU, db, dh0), of shapes (hidden, inputs), (hidden, hidden), (hidden,) and (batch, hidden).
    """
    ### BEGIN SOLUTION
    dW, dU, db = 0, 0, 0
    later = torch.zeros_like(h0)  # what the losses of later steps send back to the state
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later
    ### END SOLUTION


# %% test="bptt" points=5
import torch

from course_utils import checks

checks.forbids("bptt", "torch.autograd.grad", "torch.Tensor.backward", "torch.Tensor.requires_grad_", "requires_grad",
               "torch.func.vjp", "torch.func.grad", "torch.func.jacrev", "torch.func.jacfwd",
               "torch.autograd.functional.jacobian", "torch.autograd.functional.vjp")


def by_autograd(x, h0, W, U, b, direct, slip="", last=None):
    """States and gradients that autograd gives for L = sum of direct · h; with a slip, wrong ones.

    Returns the states, the gradients by W, U, b and h0, that by the first state, and those by all sums before the tanh.
    A slip leaves all values as they are, and changes what autograd sees. last: a state that is taken for h0 by mistake.
    """
    W, U, b, h0 = (value.clone().requires_grad_() for value in (W, U, b, h0))
    h, states, sums = h0, [], []
    for t in range(x.shape[1]):
        seen = h.detach()
        weights = x[:, t] @ W.T + seen @ U.T + b
        value = torch.tanh(weights).detach()
        after = {"D_t after U": 1 - seen**2, "D_{t+1} after U": 1 - value**2}.get(slip, 1) if t > 0 else 1
        goes_back = (after * h) @ (U.detach() if slip == "U without transpose" else U.detach().T)
        goes_back = goes_back - goes_back.detach()  # 0, but a way for the gradient to the state before
        if slip == "state after the step" or (slip == "last state for h0" and t == 0):
            share = (last if slip == "last state for h0" else value) @ U.T
            weights = x[:, t] @ W.T + (seen @ U.T).detach() + share - share.detach() + b
        if slip == "first step without h0" and t == 0:
            weights = x[:, t] @ W.T + (seen @ U.T).detach() + b
        if (slip == "first step missing" and t == 0) or (slip == "first step only" and t > 0):
            weights = weights.detach()
        if slip == "no later losses":
            goes_back = goes_back.detach()
        a = weights + goes_back
        slopes = {"no slope": torch.ones_like(value), "slope of the sigmoid": value * (1 - value),
                  "no square": 1 - value, "tanh of the state": 1 - torch.tanh(value) ** 2}
        if slip in slopes:
            new = slopes[slip] * (a - a.detach()) + value
        elif slip == "no slope on the way back" or (
                slip in ("no slope between the steps", "D_t after U", "D_{t+1} after U") and t > 0):
            new = torch.tanh(weights) + goes_back
        elif slip == "no slope in the shares":
            new = torch.tanh(weights.detach() + goes_back) + weights - weights.detach()
        elif slip == "slope of the step before" and t > 0:
            new = torch.tanh(weights) + (1 - seen**2) * goes_back
        else:
            new = torch.tanh(a)
        h = new
        states.append(h)
        sums.append(a)
    stacked = torch.stack(states, dim=1)
    loss = (states[-1] * direct[:, -1]).sum() if slip == "last loss" else (stacked * direct).sum()
    inputs = [W, U, b, h0, states[0], *sums]
    found = [torch.zeros_like(value) if grad is None else grad
             for value, grad in zip(inputs, torch.autograd.grad(loss, inputs, allow_unused=True), strict=True)]
    return stacked.detach(), tuple(found[:4]), found[4], found[5:]


x = torch.tensor([[[1.0], [0.0]], [[-0.5], [2.0]], [[0.0], [1.0]]])
h0 = torch.tensor([[0.5, -0.5], [0.0, 0.25], [1.0, 0.0]])
W, U, b = torch.tensor([[0.5], [-0.25]]), torch.tensor([[0.5, 1.0], [-1.0, 0.25]]), torch.tensor([0.1, -0.2])
direct = torch.tensor([[[1.0, 0.0], [2.0, -1.0]], [[0.0, 1.0], [-1.0, 3.0]], [[0.5, 0.0], [0.0, -1.0]]])
states, expected, at_first, at_sums = by_autograd(x, h0, W, U, b, direct)
slips = {
    "each loss reached its own step only, and none h0: the share of the later losses, through U, is missing":
        "no later losses",
    "going back one step takes the transpose of U: for a batch of rows this is `@ U`, not `@ U.T`":
        "U without transpose",
    "the slope of tanh, 1 - h², is missing": "no slope",
    "the slope of tanh, 1 - h², is missing on the way to the step before": "no slope on the way back",
    "the slope of tanh, 1 - h², is missing on the way from a step to the one before": "no slope between the steps",
    "the slope of tanh, 1 - h², is missing in the shares of W, U and b": "no slope in the shares",
    "on the way from step t+1 to step t the slope was taken at h_t; D_{t+1} is that at h_{t+1}":
        "slope of the step before",
    "h (1 - h) is the slope of the sigmoid; that of tanh is 1 - h²": "slope of the sigmoid",
    "the slope of tanh is 1 - h², and the square is missing": "no square",
    "the slope is 1 - h²: h is the tanh already, and tanh was taken of it again": "tanh of the state",
    "dU needs the state before the step, h_{t-1}, and h_t was used": "state after the step",
    "the first step's share in dU, with h0, is missing": "first step without h0",
    "the state before the first step is h0; states[:, -1], the last one, was taken": "last state for h0",
    "only the shares of the first step are in dW, dU and db: add up all steps": "first step only",
    "only the loss of the last step was used; each step has its own": "last loss",
}
values = {}
for sentence, slip in slips.items():
    values[sentence] = by_autograd(x, h0, W, U, b, direct, slip, states[:, -1])[1]
for name, slope in (("D_t", 1 - h0**2), ("D_{t+1}", 1 - states[:, 0] ** 2)):
    _, (*shares, end), back, _ = by_autograd(x, h0, W, U, b, direct, f"{name} after U")
    for where, dh0 in (("", end), (", in dh0 too", slope * (back @ U)), (", and dh0 has no slope", back @ U)):
        values[f"what goes back is {name} U^T δ_{{t+1}} here{where}; first comes the slope, then U: U^T D_{{t+1}} "
               "δ_{t+1}"] = (*shares, dh0)
later = at_first - direct[:, 0]
thirds = tuple(value / 3 for value in expected)
values |= {
    "each loss reached its own step only: the share of the later losses, through U, is missing":
        (*by_autograd(x, h0, W, U, b, direct, "no later losses")[1][:3],
         by_autograd(x[:, :1], h0, W, U, b, direct[:, :1])[1][3]),
    "the first step, with h0, has no share in dW, dU and db: the loop ended one step too early":
        (*by_autograd(x, h0, W, U, b, direct, "first step missing")[1][:3], later),
    "dh0 is the gradient at h_1 here; one more step goes back to h0, through D_1 and U": (*expected[:3], at_first),
    "dh0 has D_1 already; U is still missing": (*expected[:3], at_sums[0]),
    "what goes back was added up over the steps; each step sends back its own, which holds all later ones already":
        (*expected[:3], expected[3] + later),
    "db has one row for each sequence; a batch adds up": (*expected[:2], sum(at_sums), expected[3]),
    "dW and dU are exchanged: (dW, dU, db, dh0) was asked": (expected[1], expected[0], *expected[2:]),
    "divided by the number of sequences; a batch adds up": (*thirds[:3], expected[3]),
    "everything is divided by the number of sequences; a batch adds up": thirds,
}
given = [value.clone() for value in (x, h0, states, direct, U)]
checks.close(bptt(*(checks.inout(value) for value in given)), expected,
             "(dW, dU, db, dh0) of three sequences of two steps", rtol=1e-4, atol=1e-6, slips=values)
for name, value, original in zip(("x", "h0", "states", "direct", "U"), given, (x, h0, states, direct, U), strict=True):
    checks.unchanged(value, original, name)
x, h0, W, U, b, direct = (value.double() for value in (x, h0, W, U, b, direct))
states, expected, _, _ = by_autograd(x, h0, W, U, b, direct)
result = bptt(x, h0, states, direct, U)
checks.close(result, expected, "the same in float64")
checks.that(all(str(getattr(part, "dtype", "")).endswith("float64") for part in result),
            "the arguments are float64 and a result is not: torch.zeros(..., dtype=x.dtype).")
checks.passed("bptt")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, steps, inputs, hidden in ((3, 6, 2, 4), (1, 9, 3, 3), (4, 1, 2, 5), (2, 3, 1, 1)):
        sizes = ((batch, steps, inputs), (batch, hidden), (hidden, inputs), (hidden, hidden), (hidden,),
                 (batch, steps, hidden))
        x, h0, W, U, b, direct = (torch.from_numpy(rng.normal(size=size)) for size in sizes)
        states, expected, _, _ = by_autograd(x, h0, W, U, b, direct)
        given = [value.clone() for value in (x, h0, states, direct, U)]
        result = bptt(*(checks.inout(value) for value in given))
        checks.close(result, expected, "the gradients of a random cell and batch", rtol=1e-8)
        checks.unchanged(given, [x, h0, states, direct, U], "the arguments")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 4 · Clipping (2 points)
#
# *Lecture: section 4, "Clipping", erratum E32.*
#
# $$\nabla \leftarrow \nabla\cdot\min\Bigl(1, \frac{C}{\lVert\nabla\rVert}\Bigr)$$
#
# $\nabla$ is the gradient with respect to **all** parameters, put into one long vector; $\lVert\nabla\rVert$ is that
# vector's length, the root of the sum of the squares of all its components. All parts are multiplied by the same
# number, so the direction stays. A gradient shorter than the limit $C$ stays as it is, and a gradient of zeros stays
# zero. Write it without PyTorch's own clipping (`torch.nn.utils.clip_grad_norm_`).

# %% answer="clip_gradients"
def clip_gradients(gradients, limit):
    """Gradients scaled down so that together they are no longer than `limit`.

    gradients: list of tensors of any shapes, one for each parameter; left as they are. limit: a number > 0.
    Returns a pair: the list of the clipped tensors, and the length before clipping, a number.
    """
    ### BEGIN SOLUTION
    length = math.sqrt(sum((part**2).sum() for part in gradients))
    too_long = length > limit
    factor = limit / length if too_long else 1
    return [factor * part for part in gradients], length
    ### END SOLUTION


# %% test="clip_gradients" points=2
import torch

from course_utils import checks

checks.forbids("clip_gradients", "torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_norm",
               "torch.nn.utils.clip_grads_with_norm_", "torch.nn.utils.get_total_norm")

parts = [torch.tensor([[3.0, 0.0], [0.0, -4.0]]), torch.tensor([-7.2, 9.6])]
expected = [part / 2 for part in parts]
given = [part.clone() for part in parts]
checks.close(clip_gradients(checks.inout(given), 6.5), (expected, 13.0),
             "two gradients, of lengths 5 and 12, so 13 together, clipped to 6.5", slips={
    "each tensor was clipped by its own length; the limit is for all of them together":
        ([parts[0], parts[1] * 6.5 / 12], 13.0),
    "a tensor shorter than the limit was left as it is; all of them together are too long, so all are scaled":
        ([parts[0], expected[1]], 13.0),
    "each component was cut off at the limit, which changes the direction; scale all by one number":
        ([part.clamp(-6.5, 6.5) for part in parts], 13.0),
    "the lengths of the tensors were added up; add up the squares, and take the root once":
        ([part * 6.5 / 17 for part in parts], 17.0),
    "the root is missing: the length is the root of the sum of the squares":
        ([part * 6.5 / 169 for part in parts], 169.0),
    "this is the root of the mean of the squares; add them up": (parts, 13 / 6**0.5),
    "absolute values were added up; the length is the root of the sum of the squares":
        ([part * 6.5 / 23.8 for part in parts], 23.8),
    "this is the largest component; the length is the root of the sum of the squares":
        ([part * 6.5 / 9.6 for part in parts], 9.6),
    "this is the length of one tensor, the longest or the last; add up the squares of all":
        ([part * 6.5 / 12 for part in parts], 12.0),
    "this is the length of the first tensor; the limit is for all of them together": (parts, 5.0),
    "divided by the length, but not multiplied by the limit": ([part / 13 for part in parts], 13.0),
    "the length after clipping was returned; the one before it is asked": (expected, 6.5),
    "the gradients were not clipped": (parts, 13.0),
    "the pair came back as (length, gradients); (gradients, length) was asked": (13.0, expected),
})
checks.unchanged(given, parts, "gradients")
parts = [torch.tensor([0.3]), torch.tensor([[0.0, 0.4]])]
checks.close(clip_gradients(parts, 2.0), (parts, 0.5), "a gradient of length 0.5 with limit 2", slips={
    "a short gradient was made longer; clipping only shortens (erratum E32)": ([4 * part for part in parts], 0.5),
    "a short gradient was made shorter; it stays as it is": ([part / 4 for part in parts], 0.5)})
zeros = [torch.zeros(2), torch.zeros(1, 1)]
checks.close(clip_gradients(zeros, 1.0), (zeros, 0.0), "a gradient of zeros")
checks.passed("clip_gradients")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for sizes, scale, limit in ((((3, 4), (4,), (2, 2, 2)), 10.0, 1.0), (((5,),), 0.01, 1.0), (((2,), (1,)), 1.0, 0.25),
                                (((6, 6), (6,)), 1e-3, 5.0)):
        parts = [torch.from_numpy(scale * rng.normal(size=size)) for size in sizes]
        if len(parts) > 1:
            parts[-1] *= 0.01  # shorter than the limit for itself
        length = torch.cat([part.flatten() for part in parts]).norm().item()
        expected = [part * min(1.0, limit / length) for part in parts], length
        given = [part.clone() for part in parts]
        checks.close(clip_gradients(checks.inout(given), limit), expected, "random gradients, clipped")
        checks.unchanged(given, parts, "gradients")
### END HIDDEN TESTS

# %% [markdown]
# Exercises 1 to 4 train a net without autograd. The net of the cell below has one input, the value of a wave with
# noise; a linear readout of its state guesses the next value. The loss is half the mean squared error, so the gradient
# that reaches each state is the error times the readout's weights. The learning rate is bold, 2 at the start. Once your
# clipping has the limit 0.1, once it has none.

# %%
generator = torch.Generator().manual_seed(0)
times = torch.arange(61) / 6 + 6 * torch.rand(16, 1, generator=generator)
waves = torch.sin(times) * torch.cos(0.7 * times) + 0.05 * torch.randn(16, 61, generator=generator)
x, goal = waves[:, :-1, None], waves[:, 1:, None]  # (16, 60, 1) each


def train_by_hand(limit, hidden=12, steps=250):
    """Root mean square error before each step, the last guesses (16, 60, 1), and how many gradients were clipped."""
    generator = torch.Generator().manual_seed(1)
    W = torch.randn(hidden, 1, generator=generator)
    U = torch.randn(hidden, hidden, generator=generator) / math.sqrt(hidden)
    b, V, v = torch.zeros(hidden), torch.zeros(1, hidden), torch.zeros(1)
    h0, no_bias, all_steps = torch.zeros(16, hidden), torch.zeros(hidden), torch.full((16,), 60)
    errors, clipped = [], 0
    for k in range(steps):
        def step(x, h, W=W, U=U, b=b):
            return rnn_step(x, h, W, U, b, no_bias)

        states, _ = unroll(step, x, h0, all_steps)
        guesses = states @ V.T + v
        share = (guesses - goal) / goal.numel()  # gradient of half the mean squared error, for each guess
        dW, dU, db, _ = bptt(x, h0, states, share @ V, U)
        dV, dv = share.flatten(0, 1).T @ states.flatten(0, 1), share.sum((0, 1))
        gradients, length = clip_gradients([dW, dU, db, dV, dv], limit)
        lr = 2 * (1 - k / steps)
        W, U, b, V, v = (value - lr * part for value, part in zip((W, U, b, V, v), gradients, strict=True))
        errors.append((guesses - goal).square().mean().sqrt().item())
        clipped += length > limit
    return errors, guesses, clipped


errors, guesses, clipped = train_by_hand(limit=0.1)
wild_errors, _, _ = train_by_hand(limit=math.inf, steps=20)  # longer, and its numbers overflow
repeat = (goal - x).square().mean().sqrt().item()
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6), width_ratios=[1, 1.2])
left.semilogy(errors, color=plotting.COLORS["blue"], label="clipped at 0.1")
left.semilogy(wild_errors, "--", color=plotting.COLORS["vermillion"], label="not clipped")
left.axhline(repeat, color=plotting.COLORS["black"], ls=":", label="repeat the last value")
left.set(title="Trained by hand", xlabel="step of gradient descent", ylabel="root mean square error",
         ylim=(0.05, 30))
left.legend(loc="upper right", fontsize=12)
right.plot(goal[0, :, 0], color=plotting.COLORS["black"], label="the wave")
right.plot(guesses[0, :, 0], "--", color=plotting.COLORS["blue"], label="guessed one step ahead")
right.set(title="The first wave", xlabel="step", ylabel="value", ylim=(-1.5, 2.1))
right.legend(loc="upper right", ncols=2, fontsize=12)
plt.show()
print(f"error {errors[0]:.2f} -> {errors[-1]:.3f} with clipping ({clipped} of 250 gradients were clipped), "
      f"{max(wild_errors):.0e} at worst without; repeating the last value: {repeat:.3f}")

# %% [markdown]
# ## Part B · A memory
#
# ### Exercise 5 · The LSTM cell (4 points)
#
# *Lecture: section 5, "The LSTM: a memory with gates".*
#
# $$\begin{aligned}
# i &= \sigma(W_i x + b_{ih,i} + U_i h + b_{hh,i}), & f &= \sigma(W_f x + b_{ih,f} + U_f h + b_{hh,f}), \\
# g &= \tanh(W_g x + b_{ih,g} + U_g h + b_{hh,g}), & o &= \sigma(W_o x + b_{ih,o} + U_o h + b_{hh,o}), \\
# c' &= f\odot c + i\odot g, & h' &= o\odot\tanh(c').
# \end{aligned}$$
#
# The cell takes PyTorch's weights: the four matrices $W_i, W_f, W_g, W_o$ stand **in this order** one below the other
# in `weight_ih`, and the others likewise, so that one product gives all four blocks (`chunk(4, dim=1)` parts them).
# Write the step without PyTorch's own LSTM. A weight of a module is an attribute,
# `self.name = torch.nn.Parameter(tensor)`, set after `super().__init__()`. Give the four exactly the names of the
# docstring: the check puts weights of its own into them.
#
# At the start the weights are random numbers, evenly distributed between $-1/\sqrt{n}$ and $1/\sqrt{n}$ for $n$ hidden
# units (`torch.empty(rows, columns).uniform_(low, high)`). The biases are 0, but for the forget gate's part of
# `bias_ih`: that is `forget_bias`, so that the cell begins by keeping (lecture, section 4).

# %% answer="LSTMCell"
class LSTMCell(torch.nn.Module):
    """An LSTM cell with the parameters of torch.nn.LSTMCell.

    Parameters: weight_ih (4 hidden, inputs), weight_hh (4 hidden, hidden), bias_ih and bias_hh (4 hidden,), each in the
    order i, f, g, o.
    inputs, hidden: sizes. forget_bias: what bias_ih holds for the forget gate at the start.
    """

    def __init__(self, inputs, hidden, forget_bias=1.0):
        ### BEGIN SOLUTION
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))
        ### END SOLUTION

    def forward(self, x, state):
        """One step. x: (batch, inputs). state: the pair (h, c), each (batch, hidden), left as it is.

        Returns the next pair (h, c). Autograd can pass through it to x, the state and the parameters.
        """
        ### BEGIN SOLUTION
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
        ### END SOLUTION


# %% test="LSTMCell" points=4
import math

import numpy as np
import torch

from course_utils import checks

checks.handle("LSTMCell", methods=["state_dict", "load_state_dict"])
checks.forbids("LSTMCell", "torch.nn.LSTMCell", "torch.nn.LSTM", "torch.lstm_cell", "torch.lstm", "torch.nn.RNNBase",
               "torch.nn.RNNCellBase")


def state_of(cell, inputs, hidden):
    """The cell's parameters by name, after a look at their names and shapes."""
    found = cell.state_dict()
    checks.that(isinstance(found, dict), "state_dict() of the cell gives no dict: derive the class from "
                                         "torch.nn.Module, and leave its methods as they are.")
    checks.that(set(found) == {"weight_ih", "weight_hh", "bias_ih", "bias_hh"},
                "the parameters are not weight_ih, weight_hh, bias_ih and bias_hh: make each a torch.nn.Parameter, and "
                "take these names.")
    shapes = {name: tuple(value.shape) for name, value in found.items()}
    checks.that(shapes["weight_ih"] == (4 * hidden, inputs), "weight_ih is not of shape (4 hidden, inputs).")
    checks.that(shapes["weight_hh"] == (4 * hidden, hidden), "weight_hh is not of shape (4 hidden, hidden).")
    checks.that(shapes["bias_ih"] == shapes["bias_hh"] == (4 * hidden,), "a bias is not of shape (4 hidden,).")
    return {name: value.clone() for name, value in found.items()}


def look_at_weights(start, hidden):
    """Check that the weights of a large new cell are spread evenly between -1/√n and 1/√n."""
    for name in ("weight_ih", "weight_hh"):
        weights = math.sqrt(hidden) * start[name]  # between -1 and 1
        largest, spread, mean = weights.abs().max().item(), weights.std().item(), weights.mean().item()
        checks.that(largest != 0, "the weights of a new cell are 0; they are random numbers between -1/√n and 1/√n, n "
                                  "hidden units.")
        checks.that(largest <= 1 + 1e-5, "a new cell's weights do not lie between -1/√n and 1/√n, n hidden units.")
        checks.that(largest > 0.95, "a new cell's weights do not reach out to -1/√n and 1/√n, n hidden units.")
        checks.that(abs(mean) < 0.05, "a new cell's weights lie more on one side of 0 than on the other; they are "
                                      "evenly distributed between -1/√n and 1/√n.")
        checks.that(abs(spread - 1 / math.sqrt(3)) < 0.02, "a new cell's weights are not evenly distributed between "
                                                           "-1/√n and 1/√n.")


start = state_of(LSTMCell(1, 2, forget_bias=3.0), 1, 2)
forget = torch.tensor([0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0])
checks.close(start["bias_ih"], forget, "bias_ih of a new cell with two units and forget_bias = 3", slips={
    "the forget bias is not in bias_ih": torch.zeros(8),
    "half of the forget bias is in bias_ih; all of it stands there, and bias_hh is 0": forget / 2,
    "`forget_bias` was not used: there is a 1": forget / 3,
    "every gate got the forget bias; only the forget gate has it, the second of the four blocks": torch.full((8,), 3.0),
    "the forget bias stands at the input gate; the order of the blocks is i, f, g, o": forget.roll(-2),
    "the forget bias stands in the third block; the order is i, f, g, o": forget.roll(2),
    "the forget bias stands at one unit only; each unit has a forget gate": torch.tensor([0.0, 3.0] + [0.0] * 6),
})
checks.close(start["bias_hh"], torch.zeros(8), "bias_hh of a new cell", slips={
    "the forget bias stands in both biases, and they add up": forget})
look_at_weights(state_of(LSTMCell(30, 64), 30, 64), 64)
# One unit whose weights are 0, so that its gates are those of the biases: i = 3/4, f = 1/4, g = 0.6, o = 1/2.
cell = LSTMCell(1, 1)
state = {name: 0 * value for name, value in state_of(cell, 1, 1).items()}
state["bias_ih"] = torch.tensor([math.log(3), -math.log(3), math.log(2), 0.0])
cell.load_state_dict(state)


def pair(c, o=0.5):
    return torch.tensor([[o * math.tanh(c)]]), torch.tensor([[c]])


zero, memory = torch.zeros(1, 1), torch.tensor([[2.0]])
given = [zero + 1, memory.clone()]  # the state h does not matter, since all weights are 0
checks.close(cell(zero, tuple(checks.inout(value) for value in given)), pair(0.95),
             "(h, c) of one unit with i = 3/4, f = 1/4, g = 0.6, o = 1/2, from c = 2", slips={
    "g went through the sigmoid; it is the proposal, between -1 and 1, and takes tanh": pair(1.0),
    "i and f are exchanged: the first block is the input gate, the second the forget gate": pair(1.65),
    "the blocks were taken in the order i, f, o, g; PyTorch's order is i, f, g, o": pair(0.5, 2 / 3),
    "h is o ⊙ c here; the memory goes through tanh first": (torch.tensor([[0.475]]), torch.tensor([[0.95]])),
    "the new memory went through tanh before it was kept; only h sees the tanh":
        (torch.tensor([[0.5 * math.tanh(math.tanh(0.95))]]), torch.tensor([[math.tanh(0.95)]])),
    "the new memory went through tanh before it was kept; only h sees the tanh, and once":
        (torch.tensor([[0.5 * math.tanh(0.95)]]), torch.tensor([[math.tanh(0.95)]])),
    "h was computed from the old memory; first write the new one":
        (torch.tensor([[0.5 * math.tanh(2.0)]]), torch.tensor([[0.95]])),
    "1 - i was kept of the memory, as in a GRU; the LSTM has a forget gate of its own": pair(0.5 + 0.45 + 1e-9),
    "the states were taken as (c, h); they come as (h, c)": pair(0.7),
    "f must go through the sigmoid": pair(0.45 - 2 * math.log(3)),
    "i must go through the sigmoid": pair(0.5 + 0.6 * math.log(3)),
    "o must go through the sigmoid": pair(0.95, 0.0),
    "g must go through the tanh": pair(0.5 + 0.75 * math.log(2)),
    "i and f went through tanh; gates lie between 0 and 1, and take the sigmoid": pair(-1.12),
    "the gates went through tanh; they lie between 0 and 1, and take the sigmoid": pair(-1.12, 0.0),
    "h has the sigmoid of the memory; it takes tanh":
        (torch.tensor([[0.5 / (1 + math.exp(-0.95))]]), torch.tensor([[0.95]])),
    "the forget bias was added in the step as well; it is in bias_ih already":
        pair(0.45 + 2 / (1 + 3 * math.exp(-1))),
    "the old memory is not in the new one": pair(0.45),
    "the forget gate is not used: all of the old memory was kept": pair(2.45),
    "the pair came back as (c, h); (h, c) was asked": pair(0.95)[::-1],
})
checks.unchanged(given, [zero + 1, memory], "the state")
torch.manual_seed(0)
theirs = torch.nn.LSTMCell(2, 2)
x, h, c = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 1.0]]), torch.tensor([[-1.0, 2.0]])
weights = {name: value.clone() for name, value in theirs.state_dict().items()}
expected = tuple(value.detach() for value in theirs(x, (h, c)))
slips = {"the states were taken as (c, h); they come as (h, c)": tuple(v.detach() for v in theirs(x, (c, h))),
         "h is not used": tuple(v.detach() for v in theirs(x, (0 * h, c)))}
for name, sentence in (("bias_hh", "bias_hh is missing"), ("bias_ih", "bias_ih is missing")):
    theirs.load_state_dict({**weights, name: 0 * weights[name]})
    slips[sentence] = tuple(value.detach() for value in theirs(x, (h, c)))
unit_by_unit = torch.tensor([0, 4, 1, 5, 2, 6, 3, 7])
theirs.load_state_dict({name: value[unit_by_unit] for name, value in weights.items()})
slips["the blocks were cut out unit by unit; first come all units' input gates, then all forget gates, and so on"] = (
    tuple(value.detach() for value in theirs(x, (h, c))))
cell = LSTMCell(2, 2)
cell.load_state_dict(weights)
result = cell(x, (h, c))
checks.close(result, expected, "(h, c) of two units with the weights of a torch.nn.LSTMCell", slips=slips)
checks.that(all(getattr(part, "requires_grad", False) is True for part in result),
            "no gradient gets from h or from c to the parameters: torch.no_grad(), .detach(), .data or NumPy cuts the "
            "graph.")
checks.passed("LSTMCell")
### BEGIN HIDDEN TESTS
with checks.hidden():
    start = state_of(LSTMCell(40, 100), 40, 100)
    checks.close(start["bias_ih"].reshape(4, 100), torch.tensor([0.0, 1.0, 0.0, 0.0])[:, None].expand(4, 100),
                 "bias_ih of a new cell with 100 units")
    look_at_weights(start, 100)
    rng = checks.rng()
    for batch, inputs, hidden in ((4, 3, 5), (1, 1, 2), (3, 6, 1)):
        theirs = torch.nn.LSTMCell(inputs, hidden)
        weights = {name: torch.from_numpy(rng.normal(size=tuple(value.shape)).astype(np.float32))
                   for name, value in theirs.state_dict().items()}
        theirs.load_state_dict(weights)
        x, h, c = (torch.from_numpy(rng.normal(size=(batch, size)).astype(np.float32))
                   for size in (inputs, hidden, hidden))
        expected = tuple(value.detach() for value in theirs(x, (h, c)))
        cell = LSTMCell(inputs, hidden)
        state_of(cell, inputs, hidden)
        cell.load_state_dict(weights)
        checks.close(cell(x, (h, c)), expected, "(h, c) of a cell with random weights", rtol=1e-4, atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# ## Part C · A text, character by character
#
# A character model reads a text as whole numbers, one for each character of its alphabet. At each step it gives
# **logits** for the next character. The four pieces that it needs beside a cell follow.
#
# ### Exercise 6 · A text cut into windows (3 points)
#
# *Lecture: section 3 (truncation) and section 6 ("Training"). There each window begins with an empty state; here the
# state goes on.*
#
# To train on one long text, it is first cut into a few long **streams** that are read side by side, as the rows of a
# batch. Then all streams together are cut into **windows**. After each window the weights are updated, the gradient is
# cut off, and the state is handed on, so row $r$ of a window must go on exactly where row $r$ of the window before
# ended. The target at each place is the character after it in the text, also at the end of a window. For the 13
# characters `abcdefghijklm`, two streams and windows of three:
#
# | | inputs | targets |
# |---|---|---|
# | window 0 | `abc`, `ghi` | `bcd`, `hij` |
# | window 1 | `def`, `jkl` | `efg`, `klm` |
#
# Each stream is as long as possible: `(len(ids) - 1) // streams` characters, since every character read needs a
# successor. The first stream begins with the first character of the text, and each stream where the one before it ends.
# What does not fill a window at the end of the streams is left out, and so is what is left of the text.

# %% answer="text_windows"
def text_windows(ids, streams, window):
    """Inputs and targets for truncated backpropagation through time.

    ids: (length,) int64, a text as numbers. streams: rows of the batch. window: steps of a window.
    Returns a pair (inputs, targets) of int64, each (windows, streams, window); windows may be 0.
    """
    ### BEGIN SOLUTION
    length = (len(ids) - 1) // streams
    windows = length // window

    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        rows = rows.reshape(streams, windows, window)
        return rows.transpose(0, 1)

    return cut(ids), cut(ids[1:])
    ### END SOLUTION


# %% test="text_windows" points=3
import torch

from course_utils import checks

inputs = torch.tensor([[[0, 1, 2], [9, 10, 11]], [[3, 4, 5], [12, 13, 14]], [[6, 7, 8], [15, 16, 17]]])
longer = torch.arange(19)
result = text_windows(longer, 2, 3)
checks.equal(result, (inputs, inputs + 1), "(inputs, targets) of the text 0, 1, …, 18, "
             "two streams, windows of three", slips={
    "the targets are the inputs; they are the characters that come next": (inputs, inputs),
    "the targets are two characters ahead": (inputs, inputs + 2),
    "the last target of each window is its first character; it is the next character of the text":
        (inputs, inputs.roll(-1, 2)),
    "the rows do not go on: a row goes on where it ended in the window before (first cut streams, then these)":
        (torch.arange(18).reshape(3, 2, 3), torch.arange(1, 19).reshape(3, 2, 3)),
    "neighbouring characters stand in neighbouring rows; each row is a stream of its own":
        (torch.arange(18).reshape(3, 3, 2).transpose(1, 2), torch.arange(1, 19).reshape(3, 3, 2).transpose(1, 2)),
    "the shape is (streams, windows, window); windows come first":
        (inputs.transpose(0, 1), inputs.transpose(0, 1) + 1),
    "the shape is (windows, window, streams); the streams come second":
        (inputs.transpose(1, 2), inputs.transpose(1, 2) + 1),
    "inputs and targets are exchanged: the target is the character after the input": (inputs + 1, inputs),
    "each window has one target; each of its places has one": (inputs, inputs[..., -1] + 1),
    "windows overlap; the next one begins where the last one ended":
        tuple(longer[k : k + 18].reshape(2, 9).unfold(1, 3, 1).transpose(0, 1) for k in (0, 1)),
    "a window used up window + 1 characters; the last target of a window is the first input of the next":
        tuple(longer[:18].reshape(2, 9)[:, :8].reshape(2, 2, 4).transpose(0, 1)[..., k : k + 3] for k in (0, 1)),
    "the last character of each stream was not read: its target is the first character of the next stream":
        (inputs[:2], inputs[:2] + 1),
})
checks.that(all(str(getattr(part, "dtype", "")).endswith("int64") for part in result),
            "inputs and targets are whole numbers, but not of type int64: keep the type of ids.")
inputs = torch.tensor([[[5, 6], [0, 1]]])
checks.equal(text_windows(torch.tensor([5, 6, 7, 0, 1, 2, 3]), 2, 2), (inputs, torch.tensor([[[6, 7], [1, 2]]])),
             "(inputs, targets) of the text 5, 6, 7, 0, 1, 2, 3, two streams, windows of two", slips={
    "the streams are too short: with 7 characters, 6 can be read, three in each stream":
        (torch.tensor([[[5, 6], [7, 0]]]), torch.tensor([[[6, 7], [0, 1]]]))})
inputs = torch.tensor([[[0, 1], [3, 4]]])
checks.equal(text_windows(torch.arange(8), 2, 2), (inputs, inputs + 1), "(inputs, targets) of the text 0, 1, …, 7, two "
             "streams, windows of two", slips={
    "the last character has no successor, and was counted: streams are (len(ids) - 1) // streams long":
        (torch.tensor([[[0, 1], [4, 5]]]), torch.tensor([[[1, 2], [5, 6]]]))})
empty = torch.zeros(0, 2, 3, dtype=torch.int64)
checks.equal(text_windows(torch.arange(5), 2, 3), (empty, empty), "(inputs, targets) of the text 0, 1, …, 4, two "
             "streams, windows of three: streams of two characters give no window, and the shape (0, 2, 3)")
checks.passed("text_windows")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for length, streams, window in ((50, 3, 4), (41, 4, 5), (40, 4, 5), (23, 1, 7), (9, 2, 6), (31, 5, 1), (61, 3, 10)):
        ids = torch.from_numpy(rng.integers(0, 9, size=length))
        stream = (length - 1) // streams
        count = stream // window
        inputs, targets = torch.zeros(2, count, streams, window, dtype=torch.int64)
        for k in range(count):
            for r in range(streams):
                for t in range(window):
                    inputs[k, r, t] = ids[r * stream + k * window + t]
                    targets[k, r, t] = ids[r * stream + k * window + t + 1]
        checks.equal(text_windows(ids, streams, window), (inputs, targets), "(inputs, targets) of a random text")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · The rival that counts (3 points)
#
# *Lecture: section 6, "The rivals: counting". There counts are mixed with a shorter model; here is the older way.*
#
# A **bigram** model predicts the next character from the last one alone. Let $n(a, b)$ be how often $b$ comes directly
# after $a$ in the text, and $n(a) = \sum_b n(a, b)$. A pair that never occurred would get the probability 0, and the
# first such pair in a new text an infinite loss. So each of the $S$ characters is counted $\alpha$ times in advance:
#
# $$p(b \mid a) = \frac{n(a, b) + \alpha}{n(a) + \alpha S} .$$
#
# Return the **natural logarithms** of all $S^2$ probabilities. (The softmax of log-probabilities gives the
# probabilities back, so the row of a character can stand in for a net's logits after it; the experiment makes use of
# that.) What comes after a character that the text does not have, or has only at its end? Look at the formula. A loop
# over the text is right; without a loop, give each pair the number $a S + b$ and count those with `torch.bincount`.

# %% answer="bigram_log_probs"
def bigram_log_probs(ids, size, alpha):
    """Log-probabilities of a bigram model with add-alpha smoothing.

    ids: (length,) int64 from 0 to size - 1, length >= 1. size: number S of characters in the alphabet. alpha: > 0.
    Returns a tensor (size, size), float64: entry [a, b] is the natural logarithm of the probability that b comes
    after a.
    """
    ### BEGIN SOLUTION
    pairs = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size)
    counts = pairs.reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))
    ### END SOLUTION


# %% test="bigram_log_probs" points=3
import torch

from course_utils import checks

ids = torch.tensor([0, 1, 0, 1, 1, 0, 2])
counts = torch.tensor([[0.0, 2.0, 1.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
expected = torch.log(torch.tensor([[1.0, 5, 3], [5, 3, 1], [3, 3, 3]], dtype=torch.float64) / 9)
smooth = counts + 0.5
by_row = counts.sum(1, keepdim=True)
shares = counts / by_row.clamp(min=1)


def log_shares(weights):
    return torch.log(weights / weights.sum(1, keepdim=True))


result = bigram_log_probs(ids, 3, 0.5)
checks.close(result, expected, "the log-probabilities after the text 0, 1, 0, 1, 1, 0, 2, "
             "alpha = 1/2", rtol=1e-9, atol=1e-12, slips={
    "these are the probabilities; their natural logarithms are asked": expected.exp(),
    "these are logarithms to base 2; the natural ones are asked": expected / 0.6931471805599453,
    "these are logarithms of the counts; divide by their sum in each row first": smooth.log(),
    "normalised over the column; for each character before, the probabilities of what comes next add up to 1":
        torch.log(smooth / smooth.sum(0)),
    "rows and columns are exchanged: entry [a, b] is for b after a": expected.T,
    "the pair (a, b) was counted at [b, a]; entry [a, b] is for b after a": log_shares(smooth.T),
    "a pair that occurs twice was counted once: counts[ids[:-1], ids[1:]] += 1 adds 1 to each place once":
        log_shares((counts > 0).double() + 0.5),
    "a pair that occurs twice was counted once, though n(a) is right: counts[ids[:-1], ids[1:]] += 1 adds 1 once":
        torch.log(((counts > 0).double() + 0.5) / (by_row + 1.5)),
    "these are probabilities of the pair, p(a, b); divide by the sum of the row, not of all":
        torch.log(smooth / smooth.sum()),
    "alpha is in the numerator only; the denominator grows by alpha for each of the S characters":
        torch.log(smooth / counts.sum(1, keepdim=True)),
    "the denominator has alpha once; it grows by alpha for each of the S characters":
        torch.log(smooth / (counts.sum(1, keepdim=True) + 0.5)),
    "n(a) counts the last character of the text too, after which nothing comes":
        torch.log(smooth / torch.tensor([[4.5], [4.5], [2.5]], dtype=torch.float64)),
    "divided by the sums of other rows: sum(dim=1) has the shape (size,), a row; keepdim=True keeps a column":
        torch.log(smooth / smooth.sum(1)),
    "computed in float32; float64 is asked (.double(), or dtype=torch.float64)": log_shares(smooth.float()).double(),
    "rounded to float32; float64 is asked (.double(), or dtype=torch.float64)": expected.float().double(),
    "alpha was given to the pairs that never occurred only; every pair gets it":
        log_shares(torch.where(counts == 0, 0.5, counts)),
    "alpha was added to the probabilities; it is added to the counts": log_shares(shares + 0.5),
    "the softmax was taken of the counts; they are divided by their sum": torch.log_softmax(smooth, dim=1),
    "the text was closed to a ring: after its last character comes none":
        log_shares(smooth + torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=torch.float64)),
    "the first pair of the text was not counted":
        log_shares(smooth - torch.tensor([[0.0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=torch.float64)),
    "the last pair of the text was not counted":
        log_shares(smooth - torch.tensor([[0.0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=torch.float64)),
    "each pair was counted in both directions; entry [a, b] is for b after a": log_shares(smooth + counts.T),
    "these are the frequencies of the single characters (a unigram model)":
        torch.log(torch.tensor([3.5, 3.5, 1.5], dtype=torch.float64) / 8.5).expand(3, 3),
    "alpha was not used": torch.log(counts / counts.sum(1, keepdim=True)),
    "alpha was taken to be 1": torch.log((counts + 1) / (counts + 1).sum(1, keepdim=True)),
})
checks.that(isinstance(result, torch.Tensor), "the result is no tensor: torch.from_numpy makes one of a NumPy array.")
checks.passed("bigram_log_probs")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for length, size, alpha in ((60, 4, 0.1), (30, 9, 2.0), (1, 3, 1.0), (2, 2, 0.25), (200, 3, 0.01)):
        ids = torch.from_numpy(rng.integers(0, size, size=length))
        expected = torch.full((size, size), alpha, dtype=torch.float64)
        for a, b in zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True):
            expected[a, b] += 1
        expected = torch.log(expected / expected.sum(1, keepdim=True))
        checks.close(bigram_log_probs(ids, size, alpha), expected, "the log-probabilities of a random text",
                     rtol=1e-9, atol=1e-12)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 8 · Bits per character (3 points)
#
# *Lecture: section 6, "A language model, letter by letter".*
#
# How well does a model predict? Take the probability $p$ that the softmax of its logits gave to the character that
# really came, and average $-\log_2 p$ over all characters: that is the number of **bits per character**. Two to the
# power of it is the **perplexity**: a model that hesitates between $k$ equally likely characters at every place has
# perplexity $k$. A batch of texts of different lengths is padded, and at the padding there is nothing to predict: those
# places have the target `pad`, and do not count at all. Every other character counts the same, whichever text it
# stands in. Logits may be large, so take the logarithm of the softmax in one step (`torch.log_softmax`, or
# `torch.logsumexp`). A mask of the targets' shape picks places from both, `targets[mask]` is `(n,)` and `logits[mask]`
# is `(n, size)`; `table[torch.arange(n), targets]` then takes one entry from each row of a table. Write it without
# PyTorch's own cross-entropy.

# %% answer="bits_and_perplexity"
def bits_and_perplexity(logits, targets, pad=-1):
    """Bits per character and perplexity of a model, without the padding.

    logits: (..., size), one row for each target, however many axes there are before; numbers of any magnitude.
    targets: (...) int64, the characters that came, or `pad` where there is none; at least one is not `pad`. `pad` may
    be a number of the alphabet, or none. Both are left as they are.
    Returns a pair of numbers (bits, perplexity).
    """
    ### BEGIN SOLUTION
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)  # (characters, size)
    chosen = log_p.gather(1, targets[keep][:, None])
    nats = -chosen.mean()
    bits = nats.item() / math.log(2)
    return bits, 2**bits
    ### END SOLUTION


# %% test="bits_and_perplexity" points=3
import math

import torch

from course_utils import checks

checks.forbids("bits_and_perplexity", "torch.nn.functional.cross_entropy", "torch.nn.CrossEntropyLoss",
               "torch.nn.functional.nll_loss", "torch.nn.NLLLoss")

p = torch.tensor([[[1 / 2, 1 / 4, 1 / 4], [1 / 8, 1 / 8, 3 / 4], [1 / 2, 1 / 4, 1 / 4]],
                  [[1 / 8, 3 / 8, 1 / 2], [1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3]]])
logits = p.log() + torch.tensor([[3.0, -1.0, 0.5], [2.0, 0.0, 1.0]])[..., None]  # a constant does not matter
targets = torch.tensor([[0, 1, 2], [2, -1, -1]])  # the probabilities are 1/2, 1/8, 1/4 and 1/2
bits = (1 + 3 + 2 + 1) / 4
nats = bits * math.log(2)
real, flat = targets != -1, targets[targets != -1]
chosen = torch.nn.functional.one_hot(flat, 3).bool()


def from_logs(table, factor=1.0):
    """(bits, perplexity) if these were the logarithms of the probabilities of the four characters."""
    wrong = -factor * table[chosen].mean().item() / math.log(2)
    return wrong, 2**wrong


entropy = -(p[real] * p[real].log()).sum(1).mean().item() / math.log(2)
given = [logits.clone(), targets.clone()]
result = bits_and_perplexity(*(checks.inout(value) for value in given))
checks.close(result, (bits, 2**bits), "(bits, perplexity) of two texts of 3 and 1 characters", slips={
    "these are nats, from natural logarithms; divide by ln 2 for bits": (nats, 2**nats),
    "these are nats, from natural logarithms, and only the perplexity is right; divide by ln 2 for bits":
        (nats, math.exp(nats)),
    "the perplexity is e to the power of the bits; it is 2 to the power of the bits": (bits, math.exp(bits)),
    "the perplexity is 2 to the power of the nats; it is 2 to the power of the bits": (bits, 2**nats),
    "the pair came back as (perplexity, bits); (bits, perplexity) was asked": (2**bits, bits),
    "this is the mean of the characters' perplexities; take 2 to the power of the mean of the bits": (bits, 4.0),
    "multiplied by ln 2; divide by it to come from nats to bits": from_logs(p[real].log(), math.log(2) ** 2),
    "the logits were taken for the logarithms of probabilities; take the log-softmax first": from_logs(logits[real]),
    "the softmax was taken over the places (dim 0 of logits[mask]); it goes over the characters, the last axis":
        from_logs(torch.log_softmax(logits[real], dim=0)),
    "the softmax was taken over the places of each text (dim 1); it goes over the characters, the last axis":
        from_logs(torch.log_softmax(logits, dim=1)[real]),
    "the softmax was taken over the texts (dim 0); it goes over the characters, the last axis":
        from_logs(torch.log_softmax(logits, dim=0)[real]),
    "this is the entropy of the model's probabilities; take the logarithm at the character that came":
        (entropy, 2**entropy),
    "this is the mean of the probabilities; the mean of their -log2 is asked": (11 / 32, 2 ** (11 / 32)),
    "each row was taken at all targets, log_p[:, targets]; row n is taken at target n, log_p[arange(n), targets]":
        (lambda wrong: (wrong, 2**wrong))(-p[real].log()[:, flat].mean().item() / math.log(2)),
    "divided by the number of characters and by the size of the alphabet; take one entry from each row":
        (bits / 3, 2 ** (bits / 3)),
    "the padding was counted: divide by the number of characters that are none":
        (7 / 6, 2 ** (7 / 6)),
    "this is the mean of the texts' means; every character counts the same": (1.5, 2**1.5),
    "this is the sum; divide by the number of characters": (7.0, 2**7.0),
    "the sign: probabilities are below 1, their logarithms negative, and the bits positive": (-bits, 2**-bits),
    "this is the logarithm of the mean probability; take the mean of the logarithms":
        (-math.log2(11 / 32), 32 / 11),
    "the padding was counted as the last character of the alphabet": ((7 + 2 * math.log2(3)) / 6,
                                                                      2 ** ((7 + 2 * math.log2(3)) / 6)),
})
checks.unchanged(given[0], logits, "logits")
checks.unchanged(given[1], targets, "targets")
logits, targets = torch.tensor([[1000.0, 880.0], [-1000.0, -970.0], [0.0, 200.0]]), torch.tensor([1, 0, 1])
slips = {f"{small:.0e} was added to the probability; take the logarithm of the softmax in one step":
         (-math.log(small) / 2 / math.log(2), small**-0.5) for small in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15)}
checks.close(bits_and_perplexity(logits, targets, pad=0), (60 / math.log(2), math.exp(60)), "(bits, perplexity) of the "
             "logits (1000, 880) and (0, 200), each for the second character, and a padding of 0", rtol=1e-4, slips={
    "`pad` was not used, or taken to be -1": (50 / math.log(2), math.exp(50)),
    "a probability was rounded to 0, and its logarithm is infinite: take the logarithm of the softmax in one step":
        (math.inf, math.inf),
    "an exponential has overflowed: take the logarithm of the softmax in one step": (math.nan, math.nan),
    **slips,
})
checks.passed("bits_and_perplexity")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, size, pad, scale in (((5, 9), 4, -1, 1.0), ((30,), 7, 0, 1.0), ((2, 3, 4), 3, -100, 1.0),
                                    ((12,), 5, 9, 60.0)):
        logits = torch.from_numpy(scale * rng.normal(size=(*shape, size)))
        targets = torch.from_numpy(rng.integers(0, size, size=shape))
        targets[torch.from_numpy(rng.random(shape) < 0.4)] = pad
        targets.view(-1)[0] = 1
        total, count = 0.0, 0
        for row, target in zip(logits.reshape(-1, size).tolist(), targets.flatten().tolist(), strict=True):
            if target != pad:
                top = max(row)
                total += (math.log(sum(math.exp(z - top) for z in row)) + top - row[target]) / math.log(2)
                count += 1
        checks.close(bits_and_perplexity(logits, targets, pad), (total / count, 2 ** (total / count)),
                     "(bits, perplexity) of random logits")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 9 · Drawing a character (3 points)
#
# *Lecture: section 6, "Temperature, and why the most likely character is not the answer", erratum E24. There noise is
# added to the logits; here is the other way to draw.*
#
# With temperature $T$ the probabilities are $p_k \propto e^{z_k/T}$. To draw from them one needs a random number $u$,
# evenly distributed between 0 and 1. Lay the probabilities side by side, as intervals of the lengths $p_0, p_1, \dots$
# from 0 to 1; $u$ falls into one of them. So the answer is the first $k$ with
#
# $$p_0 + p_1 + \dots + p_k > u .$$
#
# The random numbers are given, so that everyone draws the same: no other chance comes in (no `torch.multinomial`), and
# the order of the characters stays. $T = 0$ takes the largest logit. Three things to mind: $e^{1000}$ is infinite, and
# logits divided by a small $T$ become large; a character of probability 0 (its logit may be $-\infty$) must never come,
# not even for $u = 0$; and rounding may leave the whole sum a little below 1, so that no $k$ is found: then the last
# one is taken. `cumsum` gives all the sums at once. (`argmax` takes no truth values: `.int()` first.)

# %% answer="sample"
def sample(logits, temperature, u):
    """One character for each row of logits.

    logits: (batch, size), of any magnitude; single ones may be -inf. temperature: >= 0; 0 takes the largest logit.
    u: (batch,) random numbers, 0 <= u < 1. Returns (batch,) int64.
    """
    ### BEGIN SOLUTION
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)
    ### END SOLUTION


# %% test="sample" points=3
import math

import torch

from course_utils import checks

# probabilities 0.2, 0.3, 0.5; squared and normalised, as for T = 1/2: 0.105, 0.237, 0.658
row = torch.tensor([0.2, 0.3, 0.5]).log()
u = torch.tensor([0.0, 0.15, 0.22, 0.4, 0.55, 0.99])
logits = row.repeat(6, 1)
ones = torch.tensor([0, 0, 1, 1, 2, 2])
checks.forbids("sample", "torch.multinomial", "torch.distributions.Categorical", "torch.distributions.categorical")
result = sample(logits, 1.0, u)
checks.equal(result, ones, "characters of probability 0.2, 0.3, 0.5, drawn with u = 0, 0.15, 0.22, "
             "0.4, 0.55, 0.99", slips={
    "always the most likely character: u was not used": torch.full((6,), 2),
    "one too far: the first k whose sum is larger than u": ones + 1,
    "u was compared with single probabilities; add them up from the first to the k-th":
        torch.tensor([0, 0, 1, 2, 0, 0]),
    "one too early: the first k whose sum is larger than u": (ones - 1).clamp(min=0),
    "these are the numbers of sums above u; the first such k is asked, the number of sums up to u": 3 - ones,
    "this is the sum that lies nearest to u; the first one larger than u is asked": torch.tensor([0, 0, 0, 1, 1, 2]),
    "the probabilities were sorted first; they lie side by side in the order of the characters":
        torch.tensor([2, 2, 2, 2, 1, 0]),
    "the softmax was taken over the batch (dim 0); it goes along each row (dim 1)": torch.tensor([0, 0, 1, 2, 2, 2]),
    "always the first character: were the probabilities added up over the batch (dim 0), not along each row (dim 1)?":
        torch.zeros(6, dtype=torch.int64),
    "there is one column too many: the shape is (batch,), and keepdim=True leaves (batch, 1)": ones[:, None],
    "these are the probabilities; a number of a character for each row is asked": logits.exp(),
})
checks.that(str(getattr(result, "dtype", "")).endswith("int64"), "the characters are whole numbers, but not int64.")
checks.equal(sample(logits, 0.5, u), torch.tensor([0, 1, 1, 2, 2, 2]), "the same with T = 1/2", slips={
    "the temperature was not used": ones,
    "the logits were multiplied by T; divide by it": torch.tensor([0, 0, 0, 1, 1, 2]),
    "the probabilities were divided by T; it divides the logits, before the softmax": torch.tensor([0, 0, 0, 1, 1, 1]),
    "the powers of the probabilities do not add up to 1: divide by their sum": torch.tensor([0, 2, 2, 2, 2, 2]),
})
checks.equal(sample(torch.tensor([[1.0, 3.0, 2.0], [0.0, -1.0, -2.0]]), 0, torch.tensor([0.9, 0.9])),
             torch.tensor([1, 0]), "characters drawn with T = 0", slips={
    "this is the largest logit of the whole batch; each row has its own (dim=1)": torch.tensor(1),
    "the largest logit was looked for in each column; each row has its own (dim=1)": torch.tensor([0, 0, 0]),
    "drawn as with T = 1; T = 0 takes the largest logit of each row, whatever u": torch.tensor([2, 1]),
    "these are the largest logits; the number of the character is asked (argmax)": torch.tensor([3.0, 0.0]),
    **{f"the logits were divided by T = 0, so the sums are NaN, and {came} came; T = 0 takes the largest logit of each "
       "row": torch.tensor([k, k]) for came, k in (("the first character", 0), ("the last character", 2),
                                                   ("a number behind the last character", 3))}})
checks.equal(sample(torch.tensor([[-1000.0, 1000.0, 1000.0]] * 2), 0.01, torch.tensor([0.1, 0.9])),
             torch.tensor([1, 2]), "characters of the logits (-1000, 1000, 1000), T = 0.01, u = 0.1 and 0.9", slips={
    "an exponential has overflowed, and NaN was compared with u: subtract the largest logit first":
        torch.tensor([0, 0]),
    "an exponential has overflowed, and NaN was compared with u: take the softmax, which cannot": torch.tensor([2, 2]),
    "an exponential has overflowed, and NaN was compared with u: use torch.softmax, which cannot":
        torch.tensor([1, 1])})
checks.equal(sample(torch.tensor([[-math.inf, 0.0, 0.0]]), 1.0, torch.tensor([0.0])), torch.tensor([1]),
             "the character of the logits (-inf, 0, 0) for u = 0", slips={
    "a character of probability 0 came: the sum must be larger than u, not only as large": torch.tensor([0])})
for size, kind, below_1 in ((47, torch.float32, 1 - 2.0**-24), (107, torch.float32, 1 - 2.0**-24),
                            (10, torch.float64, 1 - 2.0**-53), (30, torch.float64, 1 - 2.0**-53)):
    checks.equal(sample(torch.zeros(1, size, dtype=kind), 1.0, torch.tensor([below_1], dtype=kind)),
                 torch.tensor([size - 1]), f"the character of {size} equal logits for the largest u below 1", slips={
        "rounding left the whole sum a little below 1, and no sum is larger than u: then the last character is taken":
            torch.tensor([size]),
        "rounding left the whole sum a little below 1, and where no sum is larger than u, argmax gives 0: then the "
        "last character is taken": torch.tensor([0])})
checks.passed("sample")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, size, temperature, scale in ((40, 5, 1.0, 1.0), (25, 12, 0.3, 2.0), (1, 3, 2.5, 500.0),
                                            (30, 2, 1e-3, 5.0)):
        logits = torch.from_numpy(scale * rng.normal(size=(batch, size)))
        cumulative = torch.softmax(logits / temperature, dim=1).cumsum(1)
        u = torch.from_numpy(rng.random(batch))
        u = torch.where((cumulative - u[:, None]).abs().amin(1) < 1e-5, (u + 0.01) % 1, u)
        expected = torch.tensor([next((k for k in range(size) if cumulative[n, k] > u[n]), size - 1)
                                 for n in range(batch)])
        checks.equal(sample(logits, temperature, u), expected, "characters drawn from random logits")
        checks.equal(sample(logits, 0, u), logits.argmax(1), "characters drawn with T = 0 from random logits")
    for size in (3, 7, 41, 55, 82, 94, 109):  # the rounded sum may not reach beyond the largest number below 1
        for kind, below_1 in ((torch.float32, 1 - 2.0**-24), (torch.float64, 1 - 2.0**-53)):
            u = torch.tensor([below_1], dtype=kind)
            checks.equal(sample(torch.zeros(1, size, dtype=kind), 1.0, u), torch.tensor([size - 1]),
                         "the character for the largest u below 1")
### END HIDDEN TESTS

# %% [markdown]
# ## Experiment · How far back does a window teach? (4 points)
#
# *Lecture: section 3 (truncation); section 6, "Temperature, and why the most likely character is not the answer".*
#
# A text in which memory can be measured. It consists of words like `b011=b;`: one of the letters a to d, two to four
# random digits (0 or 1), an equals sign, **the letter of the beginning again**, a semicolon. Most of it is chance. But
# after `=` only one letter is right, and to know it a model must remember what it read three to five steps before. The
# bits per character at this one place tell whether it does: guessing among four letters costs 2 bits, knowing costs
# none.
#
# The cells below train your cells on this text, with windows of 1, 2, 4 and 8 characters and 800 updates each: the tanh
# cell, the LSTM, and the LSTM once more with an empty state at the beginning of each window. Then each reads new text
# as it did in training; the first two carry their state through the whole text. For the right picture the LSTM with the
# longest window reads twenty words and writes on, 64 texts at each temperature. There are 112 different right words.
# The cells take about 20 seconds.

# %%
import re

ALPHABET = "abcd01=;"
EQUALS = ALPHABET.index("=")


def word_text(words, seed):
    """A text of so many words as numbers, (length,) int64."""
    generator = torch.Generator().manual_seed(seed)
    letters = torch.randint(0, 4, (words,), generator=generator).tolist()
    lengths = torch.randint(2, 5, (words,), generator=generator).tolist()
    digits = torch.randint(4, 6, (words, 4), generator=generator).tolist()
    ids = []
    for letter, length, row in zip(letters, lengths, digits, strict=True):
        ids += [letter, *row[:length], EQUALS, letter, ALPHABET.index(";")]
    return torch.tensor(ids)


class CharacterNet(torch.nn.Module):
    """One-hot characters, your cell ("RNN" or "LSTM"), and a linear layer to the logits of the next character."""

    def __init__(self, kind, hidden=32):
        super().__init__()
        self.kind, self.hidden, self.size = kind, hidden, len(ALPHABET)
        # The RNN's weights lie in PyTorch's cell; the step is yours.
        self.cell = LSTMCell(self.size, hidden) if kind == "LSTM" else torch.nn.RNNCell(self.size, hidden)
        self.readout = torch.nn.Linear(hidden, self.size)

    def empty(self, batch):
        """The state before the first character, a pair (h, c) for both kinds."""
        return torch.zeros(batch, self.hidden), torch.zeros(batch, self.hidden)

    def forward(self, ids, state):
        """Logits (batch, time, size) after each character of ids (batch, time), and the last state."""
        outputs = []
        for x in torch.nn.functional.one_hot(ids, self.size).float().unbind(1):
            if self.kind == "LSTM":
                state = self.cell(x, state)
            else:
                cell = self.cell
                h = rnn_step(x, state[0], cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
                state = h, state[1]
            outputs.append(state[0])
        return self.readout(torch.stack(outputs, dim=1)), state


def learn(kind, window, hand_on=True, updates=800, streams=32, lr=1e-2, seed=0):
    """A net trained with windows of that many characters. hand_on: the state goes on from window to window."""
    torch.manual_seed(seed)
    net = CharacterNet(kind)
    inputs, targets = text_windows(word_text(updates * window * streams // 6 + 500, seed), streams, window)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    state = net.empty(streams)
    for x, y in zip(inputs[:updates], targets[:updates], strict=True):
        logits, state = net(x, state if hand_on else net.empty(streams))
        state = tuple(part.detach() for part in state)  # here the gradient is cut off
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()).backward()
        clipped, _ = clip_gradients([p.grad for p in net.parameters()], limit=1.0)
        for parameter, part in zip(net.parameters(), clipped, strict=True):
            parameter.grad = part
        optimizer.step()
    return net


def new_text():
    """A text that no net has seen, (8, 600), and the letters after its "=", with -1 (no target) at all other places."""
    x, y = (part[0] for part in text_windows(word_text(900, seed=1000), streams=8, window=600))
    after_equals = torch.where(x == EQUALS, y, -1)
    after_equals[:, :10] = -1  # a stream may begin within a word
    return x, after_equals


@torch.no_grad()
def bits_at_recall(net, stretch=600):
    """Bits per character on new text, at the places after "=" alone. The state is emptied after each stretch."""
    x, y = (part.reshape(-1, stretch) for part in new_text())
    return bits_and_perplexity(net(x, net.empty(len(x)))[0], y)[0]


@torch.no_grad()
def write(net, temperature, texts=64, length=70, seed=0):
    """Texts that the net writes, all after the same twenty words."""
    generator = torch.Generator().manual_seed(seed)
    logits, state = net(word_text(20, seed=1001).expand(texts, -1), net.empty(texts))
    written = []
    for _ in range(length):
        written.append(sample(logits[:, -1], temperature, torch.rand(texts, generator=generator)))
        logits, state = net(written[-1][:, None], state)
    return ["".join(ALPHABET[k] for k in row) for row in torch.stack(written, dim=1).tolist()]


WINDOWS = (1, 2, 4, 8)
NETS = {"RNN": ("RNN", True), "LSTM": ("LSTM", True), "LSTM, emptied at each window": ("LSTM", False)}
recall, nets = {}, {}


def train_all(name):
    """Train a net for each window. Keeps their bits in `recall`, and the net with the longest window in `nets`."""
    kind, hand_on = NETS[name]
    bits = []
    for window in WINDOWS:
        net = learn(kind, window, hand_on)
        bits.append(bits_at_recall(net, 600 if hand_on else window))
    print(f"{name:30}", "   ".join(f"window {window}: {b:4.2f} bits" for window, b in zip(WINDOWS, bits, strict=True)))
    recall[name], nets[name] = bits, net


# %%
train_all("RNN")

# %%
train_all("LSTM")

# %%
train_all("LSTM, emptied at each window")

# %%
for name in NETS:
    if name not in recall:  # its cell above has not come to its end
        train_all(name)
writer = nets["LSTM"]
rival = bigram_log_probs(word_text(5000, seed=0), len(ALPHABET), alpha=1.0)
x, after_equals = new_text()
rival_bits, _ = bits_and_perplexity(rival[x], after_equals)

temperatures, right, found = (0, 0.3, 0.6, 1.0, 1.4, 1.8, 2.2), [], []
for temperature in temperatures:
    texts = write(writer, temperature)
    words = [word + ";" for text in texts for word in text.split(";")[:-1]]
    good = [word for word in words if re.fullmatch(r"([abcd])[01]{2,4}=\1;", word)]
    right.append(100 * len(good) / max(1, len(words)))
    found.append(100 * len(set(good)) / 112)
    print(f"T = {temperature:<4} {right[-1]:5.1f} % of {len(words)} words right, {len(set(good)):>3} different: "
          f"{texts[0][:44]}")

figure, (left, right_axis) = plt.subplots(1, 2, figsize=(14, 5))
for name, look, colour in zip(NETS, ("o--", "s-", "^:"), ("vermillion", "blue", "green"), strict=True):
    left.plot(WINDOWS, recall[name], look, color=plotting.COLORS[colour], label=name)
left.axhline(rival_bits, color=plotting.COLORS["black"], lw=1.5, label="bigram")
left.set(title="The letter after “=” on new text", xlabel="window in training (characters)", xscale="log",
         ylabel="bits per character there", ylim=(-0.1, 3.2))
left.set_xticks(WINDOWS, [str(window) for window in WINDOWS])
left.minorticks_off()
left.legend(fontsize=12, loc="upper right")
right_axis.plot(temperatures, right, "o-", color=plotting.COLORS["blue"], label="words that are right")
right_axis.plot(temperatures, found, "s--", color=plotting.COLORS["orange"], label="of the 112 right words found")
right_axis.set(title=f"What the LSTM writes (window {WINDOWS[-1]})", xlabel="temperature $T$", ylabel="share (%)",
           ylim=(0, 118))
right_axis.legend(fontsize=12, loc="upper right", ncols=2)
plt.show()
print(f"bigram: {rival_bits:.2f} bits")

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. Give the numbers. At which windows does each of the three nets know the letter, and at which does it guess? What
#    has the bigram at this place, and why can it have no better number?
# 2. With windows of 1 and 2 the state is carried through the whole text, and still nothing is remembered. With windows
#    of 4 the LSTM remembers, although in two words of three the letter lies four or five steps back, where no window of
#    4 reaches. Explain both. (Where does the gradient get to? What does the state that was handed on hold?)
# 3. The third net is trained with the same windows and emptied. What does it lose at windows of 4 and 8, and why is a
#    part left at 8? When would you empty the state all the same?
# 4. The right picture: what does a low temperature buy, what does it cost, and what does deck V's "the most likely next
#    character" (erratum E24) give here? At which temperature does the net write with the probabilities that it was
#    trained to give, and why is not every word right there, as in the text?

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer** (the numbers are of one run; another version of PyTorch may shift them)
#
# 1. RNN: 2.05, 2.03, 0.67 and 0.04 bits at windows of 1, 2, 4 and 8; LSTM: 2.04, 1.98, 0.02 and 0.01; LSTM emptied:
#    2.03, 2.01, 2.01 and 1.04. So windows of 1 and 2 leave all of them guessing, at 4 the LSTM knows and the tanh cell
#    is right in most words, at 8 both know. The bigram has 2.00: it sees the "=" alone, and after "=" the four letters
#    are equally frequent. No amount of text changes that.
# 2. The gradient goes back to the beginning of the window and no further. The letter lies at least three steps before
#    the "=", so with windows of 1 and 2 no gradient ever comes from the "=" to the step that reads the letter, and
#    hardly to those that must keep it. Nothing teaches the net to write it down. The state that is handed on holds at
#    most a chance trace, which fades. With windows of 4 the gradient reaches the letter itself in one word of twelve
#    (two digits, and the letter at the first place of a window). In the others the letter is in the state that was
#    handed on, as a trace, and the last steps are taught to keep that trace and to read it out. The weights are the
#    same at each step, so what keeps a letter for three steps keeps it for five. The forget gate, which begins at
#    σ(1) = 0.73, leaves the LSTM a better trace to begin with than a tanh cell has.
# 3. Emptied, the net can know the letter only where it stands in the same window: at windows of 4 in one word of
#    twelve (too rare to be learned here), at 8 in 5/8, 4/8 and 3/8 of the words with two, three and four digits, half
#    of all. The other half costs 2 bits each, so about 1 bit is left. One empties the state where the text before has
#    nothing to do with what follows: another document, or windows drawn at random as in the lecture.
# 4. At low temperatures every word is right, but only some of the 112 come: 75 at T = 0.3. Hot, words become wrong
#    (60 % right at 2.2). T = 0, the most likely next character, gives one word over and over, always right: a loop, not
#    the text. At T = 1 the net writes with the probabilities that it was trained to give, since the cross-entropy takes
#    the softmax of the logits as they are. 98.4 % of 617 words are right there, and 103 different ones come (617 words
#    of the text itself hold about 109). Not all are right, because a softmax gives every character a probability above
#    0. The net has made those of the wrong characters small, not zero, and a word has six to eight places at which one
#    can come. A lower temperature makes small probabilities smaller still.
#
# **Rubric** (4 points, halves allowed)
#
# - 1 point: figures of all three nets from the student's own run (half a point); why the bigram has 2 bits (half a
#   point).
# - 1 point: the gradient ends at the beginning of the window, which is after the letter for 1 and 2 (half a point); the
#   state handed on holds the letter, or the shared weights carry the rule further than the window (half a point).
# - 1 point: emptied, the letter is known only if it is in the window, and about half are at 8 (half a point); a case in
#   which to empty (half a point).
# - 1 point: right words against variety, and the loop at T = 0 (half a point); T = 1, where wrong characters keep a
#   small probability (half a point).
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# The same net on a real text, with PyTorch's LSTM, on the GPU if there is one: Tiny Shakespeare, a million characters
# of his plays, the text of V 43. It is downloaded once (1 MB). Where it cannot be had, the cell says so and takes
# Python's own source code. 60 updates show that it runs; it takes more of them to pass the bigram model.

# %% tags=["further"]
where = device.pick_device()
book = data.tinyshakespeare(fallback="stdlib")
ids, alphabet = book.characters()
ids = ids[:1_200_000]
print(f"{len(ids):,} characters of {book.name}, {len(alphabet)} in its alphabet")
cut = len(ids) * 19 // 20
UPDATES, STREAMS, WINDOW, HIDDEN = 60, 64, 48, 128


class Author(torch.nn.Module):
    """Learned vectors of the characters, PyTorch's LSTM, logits of the next character."""

    def __init__(self, size):
        super().__init__()
        self.vectors = torch.nn.Embedding(size, 32)
        self.lstm = torch.nn.LSTM(32, HIDDEN, batch_first=True)
        self.readout = torch.nn.Linear(HIDDEN, size)

    def forward(self, characters, state=None):
        outputs, state = self.lstm(self.vectors(characters), state)
        return self.readout(outputs), state


torch.manual_seed(0)
author = Author(len(alphabet)).to(where)
optimizer = torch.optim.Adam(author.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=UPDATES)
inputs, targets = (part.to(where) for part in text_windows(ids[:cut], STREAMS, WINDOW))
state = None
for update in range(UPDATES):
    k = update % len(inputs)
    if k == 0:
        state = None  # the text begins again
    logits, state = author(inputs[k], state)
    state = tuple(part.detach() for part in state)
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets[k].flatten()).backward()
    torch.nn.utils.clip_grad_norm_(author.parameters(), 1.0)
    optimizer.step()
    schedule.step()

with torch.no_grad():
    x, y = (part[0] for part in text_windows(ids[cut:], 10, 1000))
    bits, _ = bits_and_perplexity(author(x.to(where))[0].cpu(), y)
    table = bigram_log_probs(ids[:cut], len(alphabet), alpha=0.1)
    print(f"{bits:.2f} bits per character after {UPDATES} updates; bigram {bits_and_perplexity(table[x], y)[0]:.2f}")
    last, state, drawn = torch.zeros(1, 1, dtype=torch.int64), None, []
    for u in torch.rand(300, 1, generator=torch.Generator().manual_seed(0)):
        logits, state = author(last.to(where), state)
        last = sample(logits[:, 0].cpu(), 0.8, u)[:, None]
        drawn.append(alphabet[int(last)])
    print("".join(drawn))

# %% [markdown]
# Some things to try from here:
#
# - `UPDATES = 4000`, then `HIDDEN = 512`. At which update does the net pass the bigram model? Print a sample at the
#   iterations at which deck N prints its own.
# - Words with five to seven digits in the experiment. Which window does the LSTM need now, how many updates, and what
#   does the tanh cell make of it? Then `forget_bias=3.0`.
# - Put your LSTM cell into `Author` in place of PyTorch's. How much slower is it, and how much of that is the loop?
# - A trigram model with add-alpha smoothing: two characters as one context. Which alpha is best on new text?
# - Extend `bptt` to your LSTM cell, and check it with autograd.
#
# **Next:** [lecture 06](../../lectures/06_word_vectors.ipynb) on word vectors, and its lab.
