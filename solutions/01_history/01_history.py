# %% [markdown]
# # Lab 01 · From the threshold neuron to the human yardstick
#
# Eight small functions, one for each step of the history that lecture 01 tells: the neuron of 1943 and the gates made
# of it, the net that computes XOR, the learning rule of 1958 with its guarantee of 1962, the polynomial unit of 1965,
# and the test that says whether a machine of 2014 and a human differ.
#
# **After this lab you can**
# - build logic from threshold neurons, and say which logic one neuron cannot do;
# - train a perceptron, and say beforehand how many mistakes it can make at most;
# - fit a quadratic unit by least squares and stack such units, as was done years before backpropagation;
# - decide whether two classifiers that were tried on the same images differ by more than chance.
#
# **Time** about 2 hours. **Points** 23 for code, 4 for the experiment at the end.
#
# **Follows** deck K, "Where it has started" (artificial neuron, perceptron); deck V, "Origins of Neural Networks" and
# "Ups & Downs of Neural Networks"; deck N, "A bit of history", "Perceptron" and "Human performance?"; lecture 01,
# whose sections are named at each exercise. You need Python, NumPy and what a scalar product is; no deep learning.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the cells between the exercises and the experiment use your answers.
#
# **Shapes.** Arrays are NumPy arrays; a batch is `(examples, features)`, one example a row. Where an array is asked,
# return an array: a list becomes one by `np.array(the_list)`.
#
# **Two errors that Python reports itself.** `mismatch in its core dimension`: a product `@` of two shapes that do not
# fit. In `A @ B` the last number of `A.shape` must be the first of `B.shape`; print both. `The truth value of an array
# with more than one element is ambiguous`: an `if` was given a whole array. Compare one number at a time, or let NumPy
# compare all at once: `a >= 2` is an array of truth values.

# %% tags=["setup"]
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.svm import SVC

from course_utils import checks, data, plotting

plotting.use_style()

# %% [markdown]
# ## Part A · Neurons that compute
#
# ### Exercise 1 · The McCulloch–Pitts neuron (2 points)
#
# *Lecture: section 1, "1943: a neuron that computes logic".*
#
# In 1943 McCulloch and Pitts described a neuron as an element of logic. Its inputs are 0 or 1, its output is 0 or 1,
# and it **fires** (is 1) where the weighted sum of its inputs **reaches** a threshold $\theta$:
#
# $$\text{output} = \begin{cases} 1 & \text{if } w_1x_1 + \dots + w_nx_n \ge \theta \\ 0 & \text{otherwise}\end{cases}$$
#
# A negative weight stands for an input that holds the neuron back, an *inhibitory* one. (In the paper a single active
# inhibitory input forbids firing; a weight that is negative enough does the same.) The lecture's neuron answers to one
# example. Yours gets a batch `(batch, inputs)` and returns one output for each row.


# %% answer="mcculloch_pitts"
def mcculloch_pitts(x, weights, threshold):
    """Outputs of one threshold neuron for a batch of inputs.

    x: (batch, inputs), each 0 or 1. weights: (inputs,). threshold: a number.
    Returns an array of shape (batch,), each 0 or 1: 1 where the weighted sum is at least the threshold.
    """
    ### BEGIN SOLUTION
    return (x @ weights >= threshold).astype(int)
    ### END SOLUTION


# %% test="mcculloch_pitts" points=2
import numpy as np

from course_utils import checks

# The weighted sums are 0, 1, 2, 3, -2 and 1; the threshold is 2.
x = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1]])
checks.equal(
    mcculloch_pitts(x, np.array([2, 1, -2]), 2), np.array([0, 0, 1, 1, 0, 0]),
    "the outputs for weights (2, 1, -2), threshold 2 and weighted sums 0, 1, 2, 3, -2, 1",
    slips={
        "a neuron whose sum is exactly the threshold fires: >= and not >": np.array([0, 0, 0, 1, 0, 0]),
        "the comparison is the wrong way round: the neuron fires where the sum is at least the threshold":
            np.array([1, 1, 1, 0, 1, 1]),
        "the weights are not used: the number of active inputs was compared with the threshold":
            np.array([0, 0, 0, 1, 0, 1]),
        "the threshold is not used: the sum was compared with 0": np.array([1, 1, 1, 1, 0, 1]),
        "the threshold is not used: the sum was compared with 0 by >": np.array([0, 1, 1, 1, 0, 1]),
        "the threshold was added; sum + threshold >= 0 is not sum >= threshold": np.array([1, 1, 1, 1, 1, 1]),
        "the outputs are -1 and 1 (Rosenblatt's labels), and 0 and 1 were asked": np.array([-1, -1, 1, 1, -1, -1]),
        "the weighted sums themselves came: the threshold is still to be applied": np.array([0, 1, 2, 3, -2, 1]),
        "a list came, with the right numbers; an array was asked: np.array(the_list)": [0, 0, 1, 1, 0, 0],
        "the sum was not set back to 0 for the next example": np.array([0, 0, 1, 1, 1, 1]),
        "the products w x were compared one by one; add them up over the inputs of each example first":
            (x * np.array([2, 1, -2]) >= 2).astype(int),
        "the sum runs over the examples (axis 0) and not over the inputs (axis 1)": np.array([1, 1, 0]),
        "the products of all examples were added up to a single sum; each example has a sum of its own": 1,
        "only the first example was answered: the `return` stands inside the loop": 0,
    },
)
checks.equal(mcculloch_pitts(np.array([[0], [1]]), np.array([-1]), 0), np.array([1, 0]),
             "the outputs of an inverter: weight -1, threshold 0, inputs 0 and 1")
checks.passed("mcculloch_pitts")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for batch, inputs in ((9, 4), (1, 3), (30, 7), (5, 5)):
        x = rng.integers(0, 2, size=(batch, inputs))
        weights, chosen = rng.integers(-4, 5, size=inputs), int(rng.integers(batch))
        sums = [sum(int(a) * int(b) for a, b in zip(row, weights, strict=True)) for row in x]
        threshold = sums[chosen]  # one sum at least is exactly the threshold
        expected = np.array([1 if total >= threshold else 0 for total in sums])
        checks.equal(mcculloch_pitts(x, weights, threshold), expected, "the outputs for another batch")
        expected = np.array([1 if total > threshold else 0 for total in sums])
        checks.equal(mcculloch_pitts(x, weights, threshold + 0.5), expected, "the outputs for a fractional threshold")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · Gates (3 points)
#
# *Lecture: section 1, "1943: a neuron that computes logic".*
#
# Choose weights and threshold so that one neuron is a gate of logic:
#
# | gate | fires where |
# |---|---|
# | `"AND"` | all inputs are 1 |
# | `"OR"` | at least one input is 1 |
# | `"NAND"` | not all inputs are 1 |
# | `"NOR"` | no input is 1 |
# | `"NOT"` | its single input is 0 |
#
# Your function does not see the inputs, only their number, `inputs`: it says which neuron to build. There may be any
# number of inputs, and weights and threshold may depend on it. Many answers are right: the check tries your neuron on
# all $2^n$ settings of $n$ inputs and looks at nothing else. Stay with whole numbers or halves: sums of tenths are
# rounded, and 0.1 + 0.2 ≥ 0.3 could go either way.
#
# For any other name raise `ValueError`. `"XOR"` is among those: exercise 3 says why.


# %% answer="gate"
def gate(name, inputs):
    """Weights and threshold of one threshold neuron that computes a gate.

    name: "AND", "OR", "NAND", "NOR" or "NOT". inputs: number of inputs, at least 1; for "NOT" it is 1.
    Returns a pair (weights, threshold): an array of shape (inputs,) and a number.
    Raises ValueError for any other name.
    """
    ### BEGIN SOLUTION
    ones = np.ones(inputs)
    gates = {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, 0), "NOT": (-ones, 0)}
    if name not in gates:
        raise ValueError(f"no single neuron is known to compute {name}")
    return gates[name]
    ### END SOLUTION


# %% test="gate" points=3
import itertools

import numpy as np

from course_utils import checks


def all_inputs(n):
    """All inputs of n bits, as an array (2 ** n, n), in the order of binary numbers."""
    return np.array(list(itertools.product((0, 1), repeat=n)))


def fires(answer, x, what):
    """What the neuron (weights, threshold) answers to each row of x."""
    checks.that(isinstance(answer, tuple | list) and len(answer) == 2,
                f"{what}: a pair (weights, threshold) was asked.")
    weights, threshold = (np.asarray(part, dtype=float) for part in answer)
    hint = ""
    if weights.shape == () and threshold.shape == (x.shape[1],):
        hint = " The weights stand first, the threshold second."
    elif weights.shape == (x.shape[1] + 1,):
        hint = " A bias is no weight: it goes into the threshold."
    checks.that(weights.shape == (x.shape[1],), f"{what}: the weights must have the shape ({x.shape[1]},), one for "
                f"each input, and their shape is {weights.shape}.{hint}")
    checks.that(threshold.shape == (), f"{what}: the threshold must be one number; its shape is {threshold.shape}.")
    return (x @ weights >= threshold).astype(int)


x = all_inputs(2)
pairs = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "NOR": [1, 0, 0, 0]}
for name, row in pairs.items():
    slips = {f"this is the gate {other}": np.array(table) for other, table in pairs.items() if other != name}
    slips["the neuron never fires: the threshold is out of reach (a sum equal to it is enough)"] = np.zeros(4)
    slips["the neuron always fires: the threshold is at or below the smallest sum"] = np.ones(4)
    checks.equal(fires(gate(name, 2), x, f"gate({name!r}, 2)"), np.array(row),
                 f"the outputs of {name} for the inputs 00, 01, 10, 11", slips=slips)
checks.equal(fires(gate("NOT", 1), all_inputs(1), "gate('NOT', 1)"), np.array([1, 0]),
             "the outputs of NOT for the inputs 0 and 1",
             slips={"the input is passed on and not inverted: the weight must be negative": np.array([0, 1]),
                    "the neuron never fires: with input 0 the sum is 0 whatever the weight is": np.array([0, 0]),
                    "the neuron always fires: with input 1 the sum must fall below the threshold": np.array([1, 1])})
x = all_inputs(3)
ones = x.sum(axis=1)
for name, row in (("AND", ones == 3), ("OR", ones > 0), ("NAND", ones < 3), ("NOR", ones == 0)):
    checks.equal(fires(gate(name, 3), x, f"gate({name!r}, 3)"), row, f"the outputs of {name} for all three-bit inputs",
                 slips={"the threshold is that of two inputs; with three it is another one":
                        ones >= 2 if name == "AND" else ones < 2 if name == "NAND" else ~row})
checks.raises(ValueError, gate, "XOR", 2, what="gate('XOR', 2)")
checks.passed("gate")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n in (*rng.permutation([1, 4, 5]), rng.integers(6, 10)):
        x = all_inputs(int(n))
        ones = x.sum(axis=1)
        gates = (("AND", ones == n), ("OR", ones > 0), ("NAND", ones < n), ("NOR", ones == 0))
        for name, row in gates:
            checks.equal(fires(gate(name, int(n)), x, "a gate"), row,
                         "the outputs of a gate with another number of inputs")
    checks.equal(fires(gate("NOT", 1), all_inputs(1), "gate('NOT', 1)"), np.array([1, 0]), "the outputs of NOT")
    for name in ("XNOR", "", "IMPLIES"):
        checks.raises(ValueError, gate, name, int(rng.integers(1, 5)), what="a gate of another name")
### END HIDDEN TESTS

# %% [markdown]
# Which functions of two bits can one neuron compute at all? The next cell tries your `mcculloch_pitts` with 200
# choices of weights and threshold, and counts how often each of the 16 truth tables comes out.

# %%
two_bits = np.array(list(itertools.product((0, 1), repeat=2)))
counts = dict.fromkeys(itertools.product((0, 1), repeat=4), 0)
for w1, w2, threshold in itertools.product(range(-2, 3), range(-2, 3), np.arange(-3.5, 4)):
    counts[tuple(mcculloch_pitts(two_bits, np.array([w1, w2]), threshold).tolist())] += 1
labels = ["".join(map(str, table)) for table in counts]
fig, axis = plt.subplots(figsize=(11, 4.2))
axis.bar(labels, counts.values(), color=[plotting.COLORS["blue" if n else "vermillion"] for n in counts.values()])
for place, (table, n) in enumerate(counts.items()):
    name = {(0, 1, 1, 0): "XOR", (1, 0, 0, 1): "XNOR", (0, 0, 0, 1): "AND", (0, 1, 1, 1): "OR"}.get(table, "")
    axis.text(place, n + 0.5, f"{n}\n{name}".strip(), ha="center", fontsize=12)
axis.set(title=f"One neuron reaches {sum(n > 0 for n in counts.values())} of the 16 functions of two bits",
         xlabel="outputs for the inputs 00, 01, 10, 11", ylabel="choices (of 200)", ylim=(0, 85))
axis.tick_params(axis="x", labelrotation=60)
plt.show()

# %% [markdown]
# ### Exercise 3 · XOR and parity in two layers (3 points)
#
# *Lecture: section 3, "1969: XOR, and the first winter".*
#
# Suppose that one neuron computes XOR. Then $\theta > 0$ (it is silent at 00), $w_1 \ge \theta$ and $w_2 \ge \theta$
# (it fires at 10 and 01), so that $w_1 + w_2 \ge 2\theta > \theta$, and it fires at 11 as well: a contradiction. Two
# layers are enough:
#
# $$h = [\,W_1x \ge t_1\,], \qquad \text{output} = [\,w_2\cdot h \ge t_2\,],$$
#
# where $[\cdot]$ is 1 if the condition holds and 0 if not, row by row. For two inputs: fire if "at least one" and not
# "at least two".
#
# Deck V says that the XOR problem of 1969 "led to the invention of multi-layer networks later on" (erratum E18). They
# were there: in McCulloch and Pitts's paper of 1943, and in Rosenblatt's book of 1962. What was missing was a way to
# *train* them.
#
# Build the net for any number of inputs. XOR of many inputs is their **parity**: 1 if the number of ones is odd. Hint:
# let the hidden neurons count ("at least one", "at least two", …), and choose $w_2$ so that each further one turns the
# output over. Other nets are right too, with any number of hidden neurons; the check tries all inputs.


# %% answer="parity_net"
def parity_net(inputs):
    """Weights of a two-layer net of threshold neurons that computes the parity of its inputs (XOR for two).

    inputs: number of inputs, at least 1.
    Returns (W1, t1, w2, t2): weights of the hidden neurons, (hidden, inputs); their thresholds, (hidden,); weights
    of the output neuron, (hidden,); its threshold, a number.
    """
    ### BEGIN SOLUTION
    W1 = np.ones((inputs, inputs))
    t1 = np.arange(inputs) + 1
    w2 = (-1) ** np.arange(inputs)
    return W1, t1, w2, 1
    ### END SOLUTION


# %% test="parity_net" points=3
import itertools

import numpy as np

from course_utils import checks


def all_inputs(n):
    """All inputs of n bits, as an array (2 ** n, n), in the order of binary numbers."""
    return np.array(list(itertools.product((0, 1), repeat=n)))


def outputs(net, x):
    """What the net (W1, t1, w2, t2) answers to each row of x."""
    n = x.shape[1]
    checks.that(isinstance(net, tuple | list) and len(net) == 4, "four things were asked: (W1, t1, w2, t2).")
    W1, t1, w2, t2 = (np.asarray(part, dtype=float) for part in net)
    hint = " Is it transposed?" if W1.ndim == 2 and W1.shape[0] == n else ""
    checks.that(W1.ndim == 2 and W1.shape[1] == n, f"parity_net({n}): W1 must have the shape (hidden, {n}), a row for "
                f"each hidden neuron and a column for each input; its shape is {W1.shape}.{hint}")
    hidden_neurons = W1.shape[0]
    for name, part in (("t1", t1), ("w2", w2)):
        checks.that(part.shape == (hidden_neurons,), f"parity_net({n}): {name} must have one entry for each hidden "
                    f"neuron, shape ({hidden_neurons},); its shape is {part.shape}.")
    checks.that(t2.shape == (), f"parity_net({n}): t2 must be one number; its shape is {t2.shape}.")
    hidden = (x @ W1.T >= t1).astype(int)
    return (hidden @ w2 >= t2).astype(int)


checks.equal(
    outputs(parity_net(2), all_inputs(2)), np.array([0, 1, 1, 0]), "the outputs of parity_net(2) for 00, 01, 10, 11",
    slips={
        "this is OR: at the input 11 the second hidden neuron must switch the output off": np.array([0, 1, 1, 1]),
        "this is AND": np.array([0, 0, 0, 1]),
        "this is NAND: it must be silent at 00 as well": np.array([1, 1, 1, 0]),
        "this is XNOR, the opposite: a threshold is too low, or a sign is turned round": np.array([1, 0, 0, 1]),
        "this is NOR: the hidden neurons count from zero ones, and a sum of 0 reaches a threshold of 0":
            np.array([1, 0, 0, 0]),
        "the net never fires: at 01 the sum w2·h must reach t2": np.zeros(4),
        "the net always fires: at 00 and 11 the sum w2·h must stay below t2": np.ones(4),
    },
)
checks.equal(
    outputs(parity_net(3), all_inputs(3)), np.array([0, 1, 1, 0, 1, 0, 0, 1]),
    "the outputs of parity_net(3) for 000, 001, …, 111",
    slips={
        '"one, but not all" is XOR for two inputs only: of three inputs, two ones give 0 and three give 1':
            np.array([0, 1, 1, 1, 1, 1, 1, 0]),
        '"exactly one" is XOR for two inputs only: three ones are an odd number too':
            np.array([0, 1, 1, 0, 1, 0, 0, 0]),
        "this is the opposite of the parity": np.array([1, 0, 0, 1, 0, 1, 1, 0]),
        "the third input has no say": np.array([0, 0, 1, 1, 1, 1, 0, 0]),
    },
)
checks.passed("parity_net")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for n in (*rng.permutation([1, 4, 5]), rng.integers(6, 9)):
        x = all_inputs(int(n))
        expected = np.array([sum(row) % 2 for row in x.tolist()])
        checks.equal(outputs(parity_net(int(n)), x), expected, "the outputs for another number of inputs")
### END HIDDEN TESTS

# %% [markdown]
# ## Part B · A neuron that learns
#
# ### Exercise 4 · One step of the perceptron (2 points)
#
# *Lecture: section 2, "1958: the perceptron learns".*
#
# Rosenblatt's perceptron finds its weights itself. The labels are now $y = +1$ and $y = -1$, and the threshold is
# written as a bias $b$: the answer is the sign of $w\cdot x + b$. Show it one example. If
#
# $$y\,(w\cdot x + b) \le 0$$
#
# it is a **mistake** (an example on the boundary counts as one), and then
#
# $$w \leftarrow w + y\,x, \qquad b \leftarrow b + y.$$
#
# If it is no mistake, nothing changes: the perceptron learns from its mistakes only.


# %% answer="perceptron_step"
def perceptron_step(w, b, x, y):
    """One step of Rosenblatt's learning rule.

    w: (features,), left as it is. b: a number. x: (features,), one example. y: its label, 1 or -1.
    Returns a pair (w, b) after the step: an array of shape (features,) and a number.
    """
    ### BEGIN SOLUTION
    if y * (w @ x + b) <= 0:
        return w + y * x, b + y
    return w, b
    ### END SOLUTION


# %% test="perceptron_step" points=2
import numpy as np

from course_utils import checks

w, x = np.array([1.0, -2.0]), np.array([3.0, 4.0])  # w·x = -5
original = w.copy()
checks.close(
    perceptron_step(checks.inout(w), 2.0, x, 1), (np.array([4.0, 2.0]), 3.0),
    "after a mistake on a positive example (w·x + b = -3, y = 1), the pair (w, b)",
    slips={
        "the step has the wrong sign: y x is added": (np.array([-2.0, -6.0]), 1.0),
        "b was not updated": (np.array([4.0, 2.0]), 2.0),
        "y was subtracted from b; it is added, as to w (b is minus the threshold)": (np.array([4.0, 2.0]), 1.0),
        "nothing changed, and this is a mistake: y (w·x + b) = -3": (np.array([1.0, -2.0]), 2.0),
        "the step is twice as long: y minus the answer is 2 y, and y was asked": (np.array([7.0, 6.0]), 4.0),
        "b was updated by y (w·x + b), and only y was asked": (np.array([4.0, 2.0]), -1.0),
        "w and b came as one array; a pair was asked: return w, b": np.array([4.0, 2.0, 3.0]),
    },
)
checks.unchanged(w, original, "w")
checks.close(
    perceptron_step(w, 7.0, x, -1), (np.array([-2.0, -6.0]), 6.0),
    "after a mistake on a negative example (w·x + b = 2, y = -1), the pair (w, b)",
    slips={
        "the label has no say in the step: x was added, and y x was asked": (np.array([4.0, 2.0]), 8.0),
        "b was updated as if y were 1": (np.array([-2.0, -6.0]), 8.0),
        "b was not updated": (np.array([-2.0, -6.0]), 7.0),
        "nothing changed, and this is a mistake: w·x + b is positive and the label negative. Is b in the sum?":
            (np.array([1.0, -2.0]), 7.0),
    },
)
nothing = "nothing came back for a right answer: return w and b as they are, there too"
unmoved = "this example is no mistake, so nothing may change: the perceptron learns from its mistakes only"
checks.close(perceptron_step(w, 5.5, x, 1), (w.copy(), 5.5),
             "after a right answer (w·x + b = 0.5, y = 1), the pair (w, b)",
             slips={unmoved: (np.array([4.0, 2.0]), 6.5), nothing: None})
checks.close(perceptron_step(w, 1.0, x, -1), (w.copy(), 1.0),
             "after a right answer (w·x + b = -4, y = -1), the pair (w, b)",
             slips={unmoved: (np.array([-2.0, -6.0]), 0.0)})
for label, moved in ((1, (np.array([4.0, 2.0]), 6.0)), (-1, (np.array([-2.0, -6.0]), 4.0))):
    checks.close(perceptron_step(w, 5.0, x, label), moved,
                 f"after an example on the boundary (w·x + b = 0, y = {label}), the pair (w, b)",
                 slips={"an example on the boundary counts as a mistake: <= 0 and not < 0": (w.copy(), 5.0)})
checks.passed("perceptron_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for features in (1, 2, 5, 9):
        for wanted in (-0.3, 0.3, 0.0, 2.0, -2.0):
            for label in (1, -1):
                w, x = rng.integers(-4, 5, size=features).astype(float), rng.integers(1, 6, size=features) / 2
                b = label * wanted - float(sum(a * c for a, c in zip(w, x, strict=True)))
                if wanted == 0 or wanted < 0:
                    expected = (w + label * x, b + label)
                else:
                    expected = (w.copy(), b)
                original, given = w.copy(), w.copy()
                checks.close(perceptron_step(checks.inout(given), b, x, label), expected, "(w, b) for another example")
                checks.unchanged(given, original, "w")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · Training a perceptron (4 points)
#
# *Lecture: section 2, "1958: the perceptron learns".*
#
# Start with $w = 0$ and $b = 0$. Go through the examples **in the order given**, one after the other, and make the step
# of exercise 4 at each. One pass through all of them is an **epoch**. Count the mistakes of every epoch. An epoch
# without a mistake is the last: nothing would change any more. Where that never happens, as for XOR, stop after
# `epochs` epochs.
#
# For example, mistakes of `[3, 1, 0]` say that the third epoch went by without a mistake. The count notes the
# mistakes at the moment they are made, before the step that follows. The lecture's `perceptron` looks for the next
# mistake in all rows at once and does not count by epoch; yours sees one example at a time, as Rosenblatt's machine
# did.


# %% answer="perceptron"
def perceptron(X, y, epochs):
    """Rosenblatt's perceptron, trained until an epoch passes without a mistake.

    X: (examples, features). y: (examples,), each 1 or -1. epochs: the largest number of epochs, 0 or more.
    Returns (w, b, mistakes): weights, (features,); bias, a number; list of the number of mistakes in each epoch,
    the last one included.
    """
    ### BEGIN SOLUTION
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for i in range(len(y)):
            if y[i] * (w @ X[i] + b) <= 0:
                w, b = w + y[i] * X[i], b + y[i]
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes
    ### END SOLUTION


# %% test="perceptron" points=4
import numpy as np

from course_utils import checks

X, y = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 3.0], [1.0, 0.0]]), np.array([1, -1, 1, -1])
final = np.array([2.0, 1.0])
checks.close(
    perceptron(X, y, 6), (final, -3.0, [3, 1, 3, 2, 0]),
    "after at most 6 epochs on (2, 1), (0, 1), (3, 3), (1, 0) with labels 1, -1, 1, -1, the result (w, b, mistakes)",
    slips={
        "an example on the boundary counts as a mistake: with < 0 nothing is ever learned from w = 0":
            (np.zeros(2), 0.0, [0]),
        "b was never updated": (final, 0.0, [3, 3, 2, 2, 3, 2]),
        "training goes on after an epoch without a mistake": (final, -3.0, [3, 1, 3, 2, 0, 0]),
        "the last epoch, the one without a mistake, belongs into the list": (final, -3.0, [3, 1, 3, 2]),
        "the mistakes were added up over the epochs; each epoch has a count of its own": (final, -3.0, [3, 4, 7, 9, 9]),
        "the sum of all mistakes came, and a list with the count of each epoch was asked": (final, -3.0, 9),
        "the weights of the start of the epoch were used for all its examples: update after each example":
            (final, -4.0, [4, 2, 2, 0]),
        "the examples were taken in another order": (np.array([2.0, 2.0]), -3.0, [3, 3, 1, 0]),
        "the step is (y - answer) x, twice as long, and an example on the boundary counts as negative":
            (np.array([2.0, 0.0]), -2.0, [3, 0]),
        "w and b were set to zero at the beginning of every epoch": (np.array([1.0, 0.0]), -1.0, [3] * 6),
        "the epoch was left after its first mistake: go through all examples":
            (np.array([2.0, 0.0]), -2.0, [1] * 6),
        "the count was not set back to 0 at the beginning of every epoch":
            (final, -3.0, [3, 4, 7, 9, 9, 9]),
        "the mistakes were counted at the end of the epoch; count each one when it is made":
            (final, -3.0, [1, 2, 2, 0]),
        "the `return` stands inside the loop over the epochs: only one was made": (np.array([1.0, 0.0]), -1.0, [3]),
        "the bias came as the first weight, and the last weight as the bias":
            (np.array([-3.0, 2.0]), 1.0, [3, 1, 3, 2, 0]),
        "the counts came as an array, and a list was asked: counts.tolist()": (final, -3.0, np.array([3, 1, 3, 2, 0])),
        "the rows of the mistakes came; their number in each epoch was asked: len(...)":
            (final, -3.0, [[0, 1, 3], [3], [0, 1, 3], [0, 3], []]),
    },
)
checks.close(
    perceptron(X, y, 3), (np.array([1.0, 0.0]), -3.0, [3, 1, 3]),
    "after at most 3 epochs on the same examples, the result (w, b, mistakes)",
    slips={"the limit was not kept: stop after `epochs` epochs, mistakes or not": (final, -3.0, [3, 1, 3, 2, 0]),
           "one of the epochs is missing": (np.zeros(2), -2.0, [3, 1]),
           "an epoch too many": (final, -3.0, [3, 1, 3, 2])},
)
corners, xor = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([-1, 1, 1, -1])
checks.close(perceptron(corners, xor, 3), (np.zeros(2), 0.0, [4, 4, 4]),
             "after 3 epochs on XOR, the result (w, b, mistakes)",
             slips={"a step at the example (0, 0) changes b and not w: count it as a mistake too":
                    (np.zeros(2), 0.0, [3, 3, 3]),
                    "one of the epochs is missing": (np.zeros(2), 0.0, [4, 4]),
                    "an epoch too many": (np.zeros(2), 0.0, [4, 4, 4, 4])})
checks.passed("perceptron")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()

    def by_hand(X, y, epochs):
        """The same with w and b in one list of Python numbers, on inputs whose sums are exact."""
        weights, counts = [0.0] * (X.shape[1] + 1), []
        while len(counts) < epochs and (not counts or counts[-1]):
            counts.append(0)
            for row, label in zip(X.tolist(), y.tolist(), strict=True):
                row = [*row, 1.0]
                if label * sum(a * c for a, c in zip(weights, row, strict=True)) <= 0:
                    weights, counts[-1] = [a + label * c for a, c in zip(weights, row, strict=True)], counts[-1] + 1
        return np.array(weights[:-1]), weights[-1], counts

    sizes = ((12, 2, 200), (25, 4, 200), (8, 3, 200), (1, 3, 9), (6, 1, 5), (30, 2, 7), (5, 2, 0))
    for examples, features, epochs in sizes:
        X = rng.integers(-6, 7, size=(examples, features)) / 2
        y = np.where(X @ rng.integers(1, 5, size=features) + 0.25 > 0, 1, -1)
        if epochs == 7:
            y = rng.permutation(y)  # not separable, or only by luck: training stops at the limit
        expected = by_hand(X, y, epochs)
        checks.close(perceptron(X, y, epochs), expected, "(w, b, mistakes) for other examples")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 · How many mistakes at most? (3 points)
#
# *Lecture: section 2, "How many mistakes?".*
#
# Why does it ever stop? Novikoff's theorem (1962), for a perceptron without bias: if some $w$ separates the examples,
# that is $y_i\,(w\cdot x_i) > 0$ for all of them, then the perceptron makes at most
#
# $$\Bigl(\frac{R}{\gamma}\Bigr)^2, \qquad R = \max_i\lVert x_i\rVert, \qquad
# \gamma = \min_i \frac{y_i\,(w\cdot x_i)}{\lVert w\rVert},$$
#
# mistakes, in all epochs together and whatever the order of the examples. $R$ is the length of the longest example,
# and $\gamma$, the **margin**, is the distance of the nearest example from the boundary. The number of features does
# not occur. Each $w$ that separates gives a bound (the lecture's $u$ is such a $w$, of length 1); the one with the
# widest margin gives the best.
#
# (A bias needs no theorem of its own: append a 1 to every example, and $b$ is one more weight. Your function takes the
# examples as they come; who wants a bias appends the 1 before calling it.)


# %% answer="novikoff_bound"
def novikoff_bound(X, y, w):
    """Upper bound on the mistakes of a perceptron without bias, from one separating vector.

    X: (examples, features). y: (examples,), each 1 or -1. w: (features,), of any length.
    Returns (R / gamma) ** 2, a number. Raises ValueError where w does not separate the examples: where
    y_i (w·x_i) > 0 fails for one of them. Source: Novikoff, 1962.
    """
    ### BEGIN SOLUTION
    scores = y * (X @ w)
    if scores.min() <= 0:
        raise ValueError("w does not separate the examples")
    longest = np.linalg.norm(X, axis=1).max()
    return (longest * np.linalg.norm(w) / scores.min()) ** 2
    ### END SOLUTION


# %% test="novikoff_bound" points=3
import numpy as np

from course_utils import checks

# Lengths 5, 13, 25; w has the length 10; y (w·x) = 40, 126, 88 and the margins are 4, 12.6, 8.8.
X, y, w = np.array([[0.0, 5.0], [-5.0, -12.0], [24.0, -7.0]]), np.array([1.0, -1.0, 1.0]), np.array([6.0, 8.0])
checks.close(
    novikoff_bound(X, y, w), 39.0625, "the bound for lengths 5, 13, 25 and margins 4, 12.6, 8.8",
    slips={
        "w was not divided by its length: gamma is a distance": (25 / 40) ** 2,
        "gamma was divided by the square of the length of w": (25 / 0.4) ** 2,
        "the square is missing": 25 / 4,
        "R is the largest length, and the smallest was taken": (5 / 4) ** 2,
        "R is the largest length, and the mean was taken": (43 / 3 / 4) ** 2,
        "gamma is the smallest margin, and the largest was taken": (25 / 12.6) ** 2,
        "gamma is the smallest margin, and the mean was taken": (25 / (25.4 / 3)) ** 2,
        "R is the largest length, and its square was taken twice": (625 / 4) ** 2,
        "R is the length of one example, and the norm of the whole table was taken": (25 + 169 + 625) / 16,
        "the lengths were taken of the columns; an example is a row: axis=1": 601 / 16,
        "R is the length of an example, and its largest entry was taken": (24 / 4) ** 2,
        "a 1 was appended to the examples; the bound was asked for the examples as they are": 626 / 16,
        "R and gamma were taken from the same example; each has its own largest or smallest": (25 / 8.8) ** 2,
        "gamma over R came, upside down": (4 / 25) ** 2,
    },
)
checks.close(novikoff_bound(X[:2] / 100, y[:2], w), 10.5625, "the bound for small examples: lengths 0.05 and 0.13")
for wrong, why in ((-w, "y (w·x) < 0 for every example"), (np.array([1.0, -0.7]), "y (w·x) > 0 for some examples only"),
                   (np.array([1.0, 0.0]), "y (w·x) = 0 for one example"), (np.zeros(2), "w = 0")):
    checks.raises(ValueError, novikoff_bound, X, y, wrong, what=f"novikoff_bound where w does not separate: {why}")
checks.passed("novikoff_bound")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import math

    rng = checks.rng()
    for examples, features, scale in ((6, 3, 1.0), (1, 4, 0.05), (40, 2, 100.0), (5, 5, 3.0)):
        w = rng.normal(size=features) * scale
        X = rng.normal(size=(examples, features))
        y = np.where(X @ w > 0, 1, -1)
        X += 0.2 * y[:, None] * w / np.linalg.norm(w)
        radius = max(math.hypot(*row) for row in X.tolist())
        gamma = min(label * math.fsum(a * c for a, c in zip(row, w.tolist(), strict=True)) / math.hypot(*w.tolist())
                    for row, label in zip(X.tolist(), y.tolist(), strict=True))
        expected = (radius / gamma) ** 2
        checks.close(novikoff_bound(X, y, w), expected, "the bound for other examples")
        flipped = y.copy()
        flipped[rng.integers(examples)] *= -1
        checks.raises(ValueError, novikoff_bound, X, flipped, w,
                      what="novikoff_bound where one example is on the wrong side")
### END HIDDEN TESTS

# %% [markdown]
# ## Part C · Another road, and a yardstick
#
# ### Exercise 7 · A quadratic unit (3 points)
#
# *Lecture: section 4, "1965: Ivakhnenko's deep polynomial nets".*
#
# From 1965 on Ivakhnenko and his colleagues trained nets of many layers without any gradient (deck N's "early 1960s",
# erratum E17; the method is called GMDH, *group method of data handling*). A unit looks at two inputs only and is a
# quadratic polynomial of them:
#
# $$\hat y = c_0 + c_1x_1 + c_2x_2 + c_3x_1^2 + c_4x_2^2 + c_5x_1x_2 .$$
#
# $\hat y$ is linear in the six coefficients, so they are found by **least squares**: the sum of $(\hat y_i - y_i)^2$ is
# smallest. `np.linalg.lstsq(A, y, rcond=None)` solves this for the matrix $A$ with one row an example and one column
# a coefficient; the solution is the first of the four things that it returns. The column of $c_0$ is all ones.
# (`Incompatible dimensions` says that $A$ lies on its side. Keep to the order above: that of the lecture is another.)


# %% answer="quadratic_unit"
def quadratic_unit(x1, x2, y):
    """Coefficients of the quadratic polynomial of two inputs that fits best in the sense of least squares.

    x1, x2: inputs, (examples,) each. y: targets, (examples,). There are at least six examples in general position.
    Returns an array of shape (6,): the coefficients of 1, x1, x2, x1², x2² and x1·x2, in this order.
    """
    ### BEGIN SOLUTION
    columns = np.column_stack([np.ones_like(x1), x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(columns, y, None)[0]  # None: the default of rcond
    ### END SOLUTION


# %% test="quadratic_unit" points=3
import numpy as np

from course_utils import checks

x1 = np.array([-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0]) + 1
x2 = np.array([-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]) + 2
y = 5 - 2 * x1 + 3 * x2 + 0.5 * x1**2 - x2**2 + 4 * x1 * x2
right = np.array([5.0, -2.0, 3.0, 0.5, -1.0, 4.0])


def fit(*columns):
    return np.linalg.lstsq(np.column_stack(columns), y, rcond=None)[0]


one = np.ones(9)
slips = {
    "the constant term is missing": fit(x1, x2, x1**2, x2**2, x1 * x2),
    "the product x1 x2 is missing": fit(one, x1, x2, x1**2, x2**2),
    "the squares are missing": fit(one, x1, x2, x1 * x2),
    "the squares and the product are missing: this is linear regression": fit(one, x1, x2),
    "the order of the coefficients is 1, x1, x2, x1², x2², x1 x2; here the product stands before the squares":
        right[[0, 1, 2, 5, 3, 4]],
    "the order of the coefficients is 1, x1, x2, x1², x2², x1 x2; here the product stands between the squares":
        right[[0, 1, 2, 3, 5, 4]],
    "the constant stands first, and here it is last": right[[1, 2, 3, 4, 5, 0]],
    "the inputs x1 and x2 have changed places": right[[0, 2, 1, 4, 3, 5]],
    "the highest powers come first, as np.polyfit has it; the constant was to be first": right[::-1],
}
slips |= {
    "x1² and x2² have changed places": right[[0, 1, 2, 4, 3, 5]],
    "the column of the product is 2 x1 x2, and x1 x2 was asked": np.array([5.0, -2.0, 3.0, 0.5, -1.0, 2.0]),
    "the columns of the squares are 2 x1 and 2 x2: a square is x**2": fit(one, x1, x2, 2 * x1, 2 * x2, x1 * x2),
    "the column of the constant is all zeros; it must be all ones": fit(0 * one, x1, x2, x1**2, x2**2, x1 * x2),
    "all four results of lstsq came; the coefficients are the first of them":
        np.linalg.lstsq(np.column_stack([one, x1, x2, x1**2, x2**2, x1 * x2]), y, rcond=None),
}
fitted = np.column_stack([one, x1, x2, x1**2, x2**2, x1 * x2]) @ right
slips["the fitted values came, and the six coefficients were asked"] = fitted
checks.close(quadratic_unit(x1, x2, y), right,
             "the coefficients for y = 5 - 2 x1 + 3 x2 + 0.5 x1² - x2² + 4 x1 x2 on a grid of nine points", slips=slips)
# A checkerboard of ±1 is no quadratic polynomial. With u = x1 - 1 and v = x2 - 2 its best fit is c + d (u² + v²), where
# the normal equations are 9 c + 12 d = 1 and 6 c + 10 d = 2; uv is fitted exactly.
checkers = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0]) + (x1 - 1) * (x2 - 2)
c, d = -7 / 9, 2 / 3
checks.close(quadratic_unit(x1, x2, checkers), np.array([c + 5 * d + 2, -2 * d - 2, -4 * d - 1, d, d, 1.0]),
             "the coefficients for targets that no quadratic polynomial meets")
checks.passed("quadratic_unit")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for examples, noise, spread in ((20, 0.0, 1.0), (60, 1.0, 1.0), (9, 0.0, 2.0), (40, 0.3, 5.0)):
        x1, x2 = rng.normal(size=examples) * spread, rng.normal(size=examples) + 0.5
        y = rng.normal(size=examples) * noise + rng.normal() + rng.normal() * x1 + x1 * x2 - 2 * x2**2
        columns = np.vander(x1, 3, increasing=True), np.vander(x2, 3, increasing=True)
        powers = ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
        table = np.stack([columns[0][:, p] * columns[1][:, q] for p, q in powers], axis=1)
        expected = np.linalg.pinv(table) @ y
        checks.close(quadratic_unit(x1, x2, y), expected, "the coefficients for other examples", rtol=1e-5, atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
# A layer has one unit for every pair of inputs. The units are fitted on training data; those that do best on
# **validation** data survive, and their outputs are the inputs of the next layer. So the net grows until the
# validation error stops falling. Here your unit predicts the progression of diabetes from ten measurements of 442
# patients, as in the lecture (Efron and others, 2004; the data come with scikit-learn), beside linear regression. Look
# at the test error too: the validation error chose the units, and so it flatters them.

# %%
def unit_output(c, x1, x2):
    """The polynomial with coefficients c, (6,), at x1 and x2, (examples,) each."""
    return c[0] + c[1] * x1 + c[2] * x2 + c[3] * x1**2 + c[4] * x2**2 + c[5] * x1 * x2


def error(prediction, part):
    """Root mean square error on a part of the patients, in points of the target's score."""
    return np.sqrt(np.mean((prediction[part] - target[part]) ** 2))


features, target = load_diabetes(return_X_y=True)
shuffled = np.random.default_rng(0).permutation(len(target))
train, valid, test = shuffled[:200], shuffled[200:320], shuffled[320:]
with_one = np.column_stack([np.ones(len(target)), features])
linear = with_one @ np.linalg.lstsq(with_one[train], target[train], rcond=None)[0]
print(f"linear regression: validation {error(linear, valid):.1f}, test {error(linear, test):.1f}")

layer_inputs, curves = features, []
for layer in range(1, 6):
    layer_inputs = (layer_inputs - layer_inputs[train].mean(axis=0)) / layer_inputs[train].std(axis=0)
    units = []
    for i, j in itertools.combinations(range(layer_inputs.shape[1]), 2):
        x1, x2 = layer_inputs[:, i], layer_inputs[:, j]
        units.append(unit_output(quadratic_unit(x1[train], x2[train], target[train]), x1, x2))
    units.sort(key=lambda output: error(output, valid))
    layer_inputs = np.column_stack(units[:8])
    curves.append([error(units[0], part) for part in (train, valid, test)])
    print(f"layer {layer}: {len(units)} units, the best has validation {curves[-1][1]:.1f}, test {curves[-1][2]:.1f}")

fig, axis = plt.subplots(figsize=(9, 4.6))
for (name, style), curve in zip((("training", "--"), ("validation", "-."), ("test", "-")), np.transpose(curves),
                                strict=True):
    axis.plot(range(1, 6), curve, style, marker="o", label=name)
axis.axhline(error(linear, test), color=plotting.COLORS["grey"], linestyle=":", label="linear regression, test")
axis.set(title="Layers of quadratic units, 1965", xlabel="layer", ylabel="RMS error (points)", xticks=range(1, 6))
axis.legend(fontsize=12)
plt.show()

# %% [markdown]
# ### Exercise 8 · Human or machine? (3 points)
#
# *Lecture: section 9, "Human against machine", erratum E12.*
#
# Decks G, V and N set a machine's error of 6.7 % beside a human's 5.1 %. On the 1,500 images that both saw, deck N
# gives the table, with one number missing. It must be $1500 - 1352 - 72 - 30 = 46$:
#
# | | machine right | machine wrong |
# |---|---|---|
# | human right | 1352 | 72 |
# | human wrong | **46** | 30 |
#
# So the machine errs on 102 images (6.8 %) and the human on 76 (5.1 %). The 1,382 images on which both are right or
# both are wrong say nothing about who is better. What counts are the disagreements: $b = 72$ against $c = 46$. Were
# both equally good, each disagreement would be a fair coin. **McNemar's test** (1947), in its exact form, asks how
# likely the coin is to give a result at least as lopsided as this one, to either side:
#
# $$p = \min\Bigl(1,\; 2\sum_{k=0}^{\min(b, c)} \binom{n}{k}\,2^{-n}\Bigr), \qquad n = b + c$$
#
# $\binom{n}{k}$, the number of ways to choose $k$ of $n$, is `math.comb(n, k)`. Nothing says that $n$ is small:
# $2^{-n}$ is 0 in floating point for $n > 1074$, and a large $\binom{n}{k}$ is too large for it (`OverflowError`).
# But Python's whole numbers have no limit, and `/` divides two large ones correctly: add up whole numbers, and divide
# once, at the end.


# %% answer="mcnemar"
def mcnemar(b, c):
    """Exact two-sided p-value of McNemar's test.

    b, c: the two numbers of disagreements, whole numbers of any size, 0 or more.
    Returns a number in (0, 1]; 1 where there are no disagreements. Source: McNemar, 1947.
    """
    ### BEGIN SOLUTION
    n = b + c
    fewer = min(b, c)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(2 * tail / 2**n, 1.0)
    ### END SOLUTION


# %% test="mcnemar" points=3
from course_utils import checks

checks.close(
    mcnemar(3, 1), 10 / 16, "p for 3 disagreements against 1",
    slips={
        "one-sided: a result as lopsided to the other side counts too, a factor of 2": 5 / 16,
        "only the probability of exactly this result, and those that are more lopsided belong to it":
            8 / 16,
        "only the probability of exactly this result, one-sided": 4 / 16,
        "the sum ends one too early: k runs up to and including min(b, c)": 2 / 16,
        "the sum ends one too early, and is one-sided": 1 / 16,
        "the sum runs from 0 to the larger of b and c; the smaller was asked": 1.0,
        "chi-squared with continuity correction is an approximation; the exact sum was asked": 0.6170750775,
        "chi-squared is an approximation, and a poor one for four disagreements": 0.3173105079,
        "this is 1 - p": 6 / 16,
        "p came in per cent": 62.5,
        "0 came: // cuts the fraction off (/ was needed), or n is not b + c": 0,
    },
)
checks.close(
    mcnemar(72, 46), 0.02097002953, "p for 72 disagreements against 46", rtol=1e-6,
    slips={
        "one-sided: a result as lopsided to the other side counts too, a factor of 2": 0.010485014765,
        "chi-squared with continuity correction is an approximation; the exact sum was asked": 0.02136696826,
        "chi-squared is an approximation; the exact sum was asked": 0.01668875398,
    },
)
checks.close(mcnemar(46, 72), 0.02097002953, "p for 46 against 72: the order of the two does not matter", rtol=1e-6,
             slips={"the sum must end at the smaller of b and c, whichever that is": 1.0})
checks.close(mcnemar(5, 5), 1.0, "p for 5 against 5",
             slips={"a probability is at most 1: the middle was counted twice": 1.24609375})
checks.close(mcnemar(0, 6), 2 / 64, "p for 0 against 6")
checks.close(mcnemar(0, 0), 1.0, "p without disagreements", slips={"a probability is at most 1": 2.0})
checks.close(mcnemar(1000, 1100), 0.03072070786, "p for 1000 against 1100", rtol=1e-5)
checks.passed("mcnemar")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import itertools
    from fractions import Fraction

    rng = checks.rng()

    def by_pascal(b, c):
        """p from a row of Pascal's triangle, in fractions."""
        row = [1]
        for _ in range(b + c):
            row = [1, *(left + right for left, right in itertools.pairwise(row)), 1]
        extreme = [ways for k, ways in enumerate(row) if abs(2 * k - b - c) >= abs(b - c)]
        return float(Fraction(sum(extreme), 2 ** (b + c)))

    for largest in (4, 8, 30, 30, 120, 120, 700):
        b, c = (int(count) for count in rng.integers(largest // 2, largest + 1, size=2))
        expected = by_pascal(b, c)
        checks.close(mcnemar(b, c), expected, "p for other counts", rtol=1e-6, atol=0)
    for b, c in ((int(rng.integers(1, 12)), 0), (0, int(rng.integers(1, 12))), (7, 8), (1, 1)):
        expected = by_pascal(b, c)
        checks.close(mcnemar(b, c), expected, "p for other small counts", rtol=1e-6, atol=0)
### END HIDDEN TESTS

# %% [markdown]
# The two numbers of the decks, 6.7 % and 5.1 %, were not measured on the same images (6.7 % is the machine on 100,000
# test images), and one trained person is not all people: a second one made 12.0 % errors. What the 1,500 images say:

# %%
print(f"machine {102 / 1500:.1%}, human {76 / 1500:.1%}, disagreements 72 against 46: p = {mcnemar(72, 46):.3f}")

# %% [markdown]
# ## Experiment · How many trials does a perceptron need? (4 points)
#
# *Lecture: section 2, "What the newspaper said" and "Digits, two classes".*
#
# In July 1958 the New York Times reported that the perceptron had learned to tell cards marked on the left from cards
# marked on the right after some fifty trials, and that it was expected to "walk, talk, see, write, reproduce itself
# and be conscious of its existence" (deck K). The next cell repeats the cards and goes on to handwritten digits, with
# your answers to exercises 5 and 6.
#
# - **Left**: for each of the 45 pairs of digits, all mistakes until the first epoch without one, against Novikoff's
#   bound. The separating vector comes from a support vector machine, which looks for the widest margin (it leaves the
#   bias out of the length of $w$, so that the bound is nearly the best one and not quite).
# - **Right**: the share of right answers on examples not seen before, after a number of trials, one pass only; the
#   mean over 30 random orders. The cards have 8 × 8 pixels and are blank but for a square mark of 3 × 3 pixels, or of
#   one pixel, somewhere in the left or the right half.

# %%
digits = data.digits().flat()
trials = [1, 2, 5, 10, 20, 50, 100, 200]


def pair_of(first, second, images, labels):
    """The images of two digits, (examples, 64), and labels of 1 for the first and -1 for the second."""
    keep = (labels == first) | (labels == second)
    return images[keep].numpy().astype(float), np.where(labels[keep].numpy() == first, 1, -1)


def cards(rng, count, mark):
    """Blank cards of 8×8 pixels with a square mark: (count, 64), and labels of 1 for left and -1 for right."""
    y, images = rng.choice([1, -1], size=count), np.zeros((count, 8, 8))
    rows, columns = rng.integers(9 - mark, size=count), rng.integers(5 - mark, size=count) + np.where(y == 1, 0, 4)
    for image, row, column in zip(images, rows, columns, strict=True):
        image[row : row + mark, column : column + mark] = 1
    return images.reshape(count, 64), y


def right_answers(X, y, X_test, y_test):
    """The share of right answers on the test examples, after each number of trials."""
    nets = (perceptron(X[:n], y[:n], 1) for n in trials)
    return [np.mean((X_test @ w + b > 0) == (y_test == 1)) for w, b, _ in nets]


def cards_of_order(mark):
    def task(rng):
        return right_answers(*cards(rng, trials[-1], mark), *cards(rng, 500, mark))
    return task


def digits_of_order(first, second):
    X, y = pair_of(first, second, digits.x_train, digits.y_train)
    X_test, y_test = pair_of(first, second, digits.x_test, digits.y_test)

    def task(rng):
        order = rng.permutation(len(X))[: trials[-1]]
        return right_answers(X[order], y[order], X_test, y_test)
    return task


fig, (left, right) = plt.subplots(1, 2, figsize=(15, 5.2), layout="constrained")
table = []
for first, second in itertools.combinations(range(10), 2):
    X, y = pair_of(first, second, digits.x_train, digits.y_train)
    machine = SVC(kernel="linear", C=1e6).fit(X, y)
    separator = np.append(machine.coef_[0], machine.intercept_[0])
    bound = novikoff_bound(np.column_stack([X, np.ones(len(X))]), y, separator)
    table.append((bound, sum(perceptron(X, y, 2000)[2]), f"{first}/{second}"))
left.loglog(*zip(*[row[:2] for row in table], strict=True), "o", label="a pair of digits")
left.loglog([30, 2000], [30, 2000], "--", color=plotting.COLORS["black"], label="mistakes = bound")
named = {"0/7", "3/4", "3/9", "1/8"}
for bound, count, name in table:
    if name in named:
        left.annotate(name, (bound, count), xytext=(8, -4), textcoords="offset points", fontsize=14)
        print(f"{name}: {count} mistakes, bound {bound:.0f}")
left.set(title="Mistakes until none is left", xlabel="Novikoff's bound (mistakes)", ylabel="mistakes made",
         ylim=(1, 2500))
left.legend(loc="upper left", fontsize=12)

for name, task, style in (
    ("cards, 3×3 mark", cards_of_order(3), "o-"), ("digits 0 and 7", digits_of_order(0, 7), "s-"),
    ("digits 1 and 8", digits_of_order(1, 8), "s--"), ("cards, one pixel", cards_of_order(1), "o--"),
):
    share = np.mean([task(np.random.default_rng(seed)) for seed in range(30)], axis=0)
    right.semilogx(trials, 100 * share, style, label=name)
    print(f"{name}: " + ", ".join(f"{100 * value:.0f} %" for value in share) + f" after {trials} trials")
right.axvline(50, color=plotting.COLORS["grey"], linestyle=":")
right.text(53, 47, "50 trials", fontsize=12)
right.set(title="Right answers on new examples", xlabel="trials", ylabel="right answers (%)", ylim=(45, 101))
right.set_xticks(trials, [str(n) for n in trials])
right.minorticks_off()
right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=12)
plt.show()

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. What do easy pairs (0/7, 3/4) have that hard pairs (1/8, 3/9) lack? Is the bound ever exceeded, how far below it
#    are the mistakes, and is the bound nevertheless of use?
# 2. Left from right is one and the same task for both kinds of card, and to you equally easy. Work out $(R/\gamma)^2$
#    for both by hand, without bias, for $w$ = +1 on the left half and −1 on the right. Does it explain the two curves?
# 3. Was "after fifty trials" a fair report? What did the fifty trials show, and what did they not show about seeing
#    and walking?
# 4. What happens to the bound, and to the training, for two classes that no plane separates? Name an example, and what
#    you would change.

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer.** (1) A wide margin for the length of their images. The bound is 44 and 57 for 0/7 and 3/4, against
# 1578 and 593 for 1/8 and 3/9, and the mistakes follow: 2 and 8 against 169 and 104. No pair exceeds the bound (it is a
# theorem); the mistakes are 3 to 22 times fewer, because the bound holds for the worst examples in the worst order. It
# is of use all the same: it promises that training ends, it ranks the pairs nearly as the mistakes do (rank correlation
# 0.92), and it says that margin matters and the number of pixels does not.
#
# (2) With $w = \pm1$, $\lVert w\rVert = \sqrt{64} = 8$. A 3 × 3 mark has $\lVert x\rVert = 3$ and $y\,w\cdot x = 9$,
# so that $\gamma = 9/8$ and $(R/\gamma)^2 = (8/3)^2 = 7.1$. One pixel has $\lVert x\rVert = 1$, $\gamma = 1/8$ and
# $(R/\gamma)^2 = 64$. That is the order of the curves: 94 % after 10 trials and 100 % after 50, against 54 % and 67
# %. A large mark overlaps with its neighbours, and one card teaches several places. A pixel teaches its own place
# only: nothing tells the perceptron that neighbouring pixels have anything to do with each other, and each of the 64
# places must be seen. (Without bias it makes exactly one mistake at each: 64, the bound.) You use the neighbourhood,
# so that the task is equally easy for you.
#
# (3) What was reported of the cards is right: with marks of some size fifty trials are plenty (100 % here). They show
# that a machine found a *linear* rule from examples, on a task that a suitable choice of input makes easy: digits 1 and
# 8 have reached 81 % by then, and the same task with one pixel 67 %. They do not show seeing (no shift, no change of
# size, no two classes that are not separated by a plane), and nothing at all about walking, speech or consciousness.
#
# (4) No $w$ has a positive margin, the theorem is silent (`novikoff_bound` raises `ValueError` for every $w$) and
# training never ends: XOR makes 4 mistakes in every epoch. So does any set with the same image under both labels.
# Change the inputs (products of them, hidden neurons), or the aim (fewest mistakes, averaged weights, a loss with a
# minimum as in module 02).
#
# **Rubric** (4 points, 1 for each question, halves allowed)
#
# - 1: the margin as the reason, with bounds or mistakes read for easy and hard pairs; never exceeded, several times
#   below; one use of a loose bound.
# - 2: 64/9 and 64 (½ for each), and that one pixel gives no evidence on the others.
# - 3: separates what was shown (a linear rule, on easy cards, learned from examples) from what was claimed, with a
#   number from the right plot.
# - 4: no bound and no end, one example, and one remedy that fits it.
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# All ten digits: the cell below trains ten perceptrons with your `perceptron`, one for each digit against all others,
# and takes the one with the largest score. Not all of the ten end within 50 epochs.

# %% tags=["further"]
X_all, labels_all = digits.x_train.numpy().astype(float), digits.y_train.numpy()
X_new, labels_new = digits.x_test.numpy().astype(float), digits.y_test.numpy()
scores = []
for digit in range(10):
    w, b, mistakes = perceptron(X_all, np.where(labels_all == digit, 1, -1), 50)
    print(f"{digit} against the rest: {len(mistakes)} epochs, {mistakes[-1]} mistakes in the last")
    scores.append(X_new @ w + b)
print(f"right on new digits: {np.mean(np.argmax(scores, axis=0) == labels_new):.1%}")

# %% [markdown]
# Some things to try from here:
#
# - Average the weights of the ten over all steps instead of keeping the last (Freund and Schapire, 1999). How much does
#   it gain?
# - How hard is parity? Train one perceptron on all inputs of your `parity_net(4)`. Then give it the hidden outputs of
#   the net as its inputs: now it must converge. What does the first layer do for the second?
# - In the cell after exercise 7, keep 3 units and then 30 in place of 8, and add layers. When does the validation error
#   stop falling while the training error goes on? Which error may you report?
# - With how many images would 6.8 % against 5.1 % have a p-value below 0.001, if the shares of the four cells stay as
#   they are? Use your `mcnemar`.
#
# **Next:** [lecture 02](../../lectures/02_backprop.ipynb) on backpropagation, and its lab.
