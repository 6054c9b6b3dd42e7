# %% [markdown]
# # Lab 02 · Backpropagation
#
# Nine small functions and a class, from the slope of one sigmoid to an automatic differentiation engine. No function
# or method is longer than a dozen or so lines, and with them you can train any net of this course, slowly.
#
# **After this lab you can**
# - derive the gradient of logistic regression and write it so that it survives large inputs;
# - check any gradient against finite differences, and read what the check says;
# - carry errors back through a net by hand, in the right order;
# - build the graph of a computation and differentiate it in reverse, as PyTorch does.
#
# **Time** about 3 hours. **Points** 28 for code, 4 for the experiment at the end.
#
# **Follows** deck F, "Remember the logistic regression?" to "Practical Gradient Descent"; deck K, the worked
# example "Backpropagation" (two inputs, two hidden neurons, two outputs); deck G, slides 12 and 13; lecture 02, whose
# sections are named at each exercise. You need Python with NumPy, the product of a matrix and a vector, and the
# derivative of a function of one variable.
#
# **How it works.** Write each answer in its cell, in place of the line that says so, then run the cell below it: it
# checks your answer, and says what came, what was expected and which slip is likely. When your work is graded, the same
# checks run again with inputs you have not seen. Every exercise can be solved without the others, so one that resists
# can wait; the cells between the exercises and the experiment use your answers.
#
# **Shapes** stand in each docstring. Arrays are NumPy arrays of `float64` unless something else is said, and where an
# array is asked, return an array and no list.

# %% tags=["setup"]
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from course_utils import checks, data, plotting

plotting.use_style()

# %% [markdown]
# ## Part A · One neuron
#
# ### Exercise 1 · The sigmoid and its slope (2 points)
#
# *Lecture: sections 1 and 2; what rounding does is new here.*
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \sigma'(z) = \sigma(z)\,\bigl(1 - \sigma(z)\bigr) = \sigma(z)\,\sigma(-z)$$
#
# On paper the three forms of the slope are one. In floating point they are not: $\sigma(40) = 1 - 4\cdot10^{-18}$
# is rounded to exactly 1, so $1 - \sigma(40)$ is 0 and every digit of the slope is lost, while $\sigma(-40)$ keeps
# them all. And $e^{800}$ overflows to infinity, after which $\infty/\infty$ is NaN.
#
# Write a function that returns value and slope and is right to nine digits for every $z$, large or small.
# One way: $\log\sigma(z) = -\log(1 + e^{-z})$, and `np.logaddexp(s, t)` computes $\log(e^s + e^t)$ without overflow.


# %% answer="sigmoid"
def sigmoid(z):
    """The logistic function and its derivative, element by element.

    z: array of any shape; any size of number.
    Returns a pair (value, slope), two arrays of the shape of z.
    """
    ### BEGIN SOLUTION
    minus_log = np.logaddexp(0, -z)
    minus_log_rest = np.logaddexp(0, z)
    return np.exp(-minus_log), np.exp(-minus_log - minus_log_rest)
    ### END SOLUTION


# %% test="sigmoid" points=2
import numpy as np

from course_utils import checks

z = np.array([0.0, np.log(3), -np.log(3)])
checks.close(
    sigmoid(z),
    (np.array([1 / 2, 3 / 4, 1 / 4]), np.array([1 / 4, 3 / 16, 3 / 16])),
    "sigmoid([0, ln 3, -ln 3])",
    slips={
        "exp(z) stands where exp(-z) belongs": (np.array([1 / 2, 1 / 4, 3 / 4]), np.array([1 / 4, 3 / 16, 3 / 16])),
        "the sign of the slope, which is positive everywhere: the sigmoid rises (erratum E2)": (
            np.array([1 / 2, 3 / 4, 1 / 4]), np.array([-1 / 4, -3 / 16, -3 / 16])),
    },
)
checks.close(sigmoid(np.array([-800.0, 800.0])), (np.array([0.0, 1.0]), np.array([0.0, 0.0])), "sigmoid([-800, 800])",
             rtol=1e-9, atol=1e-4)
large = np.array([-60.0, -40.0, 40.0, 60.0])
tiny = np.exp([-60.0, -40.0])  # for such z, sigmoid(z) and its slope are e^z to 17 digits
slope = np.array([tiny[0], tiny[1], tiny[1], tiny[0]])
slips = {"1 - sigmoid(z) loses every digit where sigmoid(z) is rounded to 1: use sigmoid(-z)":
         (np.array([tiny[0], tiny[1], 1, 1]), np.array([tiny[0], tiny[1], 0, 0])),
         "1 + tanh(z / 2) is a difference of two nearly equal numbers where z is negative, and loses every digit":
         (np.array([0.0, 0, 1, 1]), np.zeros(4))}
for limit in (10, 15, 20, 25, 30, 35, 36, 37, 40, 50):  # what comes out where z was clipped
    value, mirror = 1 / (1 + np.exp(-large.clip(-limit, limit))), 1 / (1 + np.exp(large.clip(-limit, limit)))
    slips[f"z was clipped to ±{limit}: all values beyond are those at the edge"] = (value, value * mirror)
    slips[f"z was clipped to ±{limit}, and 1 - sigmoid(z) loses digits"] = (value, value * (1 - value))
checks.close(sigmoid(large), (np.array([tiny[0], tiny[1], 1, 1]), slope), "sigmoid([-60, -40, 40, 60])",
             rtol=1e-9, atol=0, slips=slips)
checks.passed("sigmoid")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()
    for shape, scale in (((7,), 1.0), ((3, 4), 30.0), ((2, 3, 2), 300.0), ((1,), 5.0)):
        z = rng.normal(size=shape) * scale
        t = torch.tensor(z)
        value = torch.sigmoid(t)
        expected = (value, value * torch.sigmoid(-t))
        checks.close(sigmoid(z), expected, "sigmoid of an array of another shape", rtol=1e-9, atol=1e-100)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · The loss of logistic regression (2 points)
#
# *Lecture: section 1 for the loss, section 9 for the mean over a batch.*
#
# Deck F calls the weights $a$ and the inputs $x$. For an example with features $x$ and label $y \in \{0, 1\}$,
#
# $$z = a\cdot x + b, \qquad \hat y = \sigma(z), \qquad L = -y\log\hat y - (1 - y)\log(1 - \hat y),$$
#
# and the loss of a batch is the **mean** of $L$ over its examples. (With the natural logarithm its unit is called the
# nat.) A model that is sure and wrong has a large loss, and not an infinite one: for $z = 800$ and $y = 0$ the loss is
# 800, although $1 - \hat y$ is 0 in floating point. Put $\hat y = \sigma(z)$ into $L$ and simplify before you write
# code: what remains needs no logarithm of a probability, and no clipping.


# %% answer="logistic_loss"
def logistic_loss(X, y, a, b):
    """Mean cross-entropy of logistic regression.

    X: (examples, features). y: (examples,), each 0.0 or 1.0. a: (features,). b: a number.
    Returns a number.
    """
    ### BEGIN SOLUTION
    z = X @ a + b
    softplus = np.logaddexp(0, z)
    return np.mean(softplus - y * z)
    ### END SOLUTION


# %% test="logistic_loss" points=2
import numpy as np

from course_utils import checks

# z = (ln 3, 0), so the probabilities are (3/4, 1/2); the labels are (1, 0)
X, y = np.array([[2.0, 5.0], [1.0, 7.0]]), np.array([1.0, 0.0])
a, b = np.array([np.log(3), 0.0]), -np.log(3)
checks.close(
    logistic_loss(X, y, a, b), (np.log(4 / 3) + np.log(2)) / 2, "the loss of two examples, p = (3/4, 1/2), y = (1, 0)",
    slips={
        "the term for y = 0, (1 - y) ln(1 - p), is missing": np.log(4 / 3) / 2,
        "the term for y = 1, y ln(p), is missing": np.log(2) / 2,
        "the bias b is not in the loss": (np.log(10 / 9) + np.log(4)) / 2,
        "this is the squared error; the cross-entropy was asked": (1 / 16 + 1 / 4) / 2,
        "probabilities and labels are mixed up: y = 0 and y = 1 have changed places": (np.log(4) + np.log(2)) / 2,
    },
)
X, y = np.array([[-800.0], [40.0]]), np.array([1.0, 0.0])
checks.close(
    logistic_loss(X, y, np.array([1.0]), 0.0), 420.0, "the loss of z = (-800, 40) with y = (1, 0)",
    slips={f"the probability was clipped, to {eps:g} it seems: the loss stops growing where it should go on":
           (-np.log(eps) + np.minimum(40.0, -np.log1p(-(1 - eps)))) / 2
           for eps in (1e-16, 1e-15, 1e-14, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
)
checks.passed("logistic_loss")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()
    for examples, features, scale in ((5, 3, 1.0), (1, 4, 1.0), (40, 2, 200.0)):
        X, y = rng.normal(size=(examples, features)) * scale, (rng.random(examples) < 0.5).astype(float)
        a, b = rng.normal(size=features), rng.normal()
        z = torch.tensor(X @ a + b)
        expected = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(y)).item()
        checks.close(logistic_loss(X, y, a, b), expected, "the loss of a larger batch")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 3 · The gradient of logistic regression (3 points)
#
# *Lecture: section 2, errata E1 to E3; section 9 for the mean over a batch.*
#
# By the chain rule,
#
# $$\frac{dL}{da_j} = \frac{dL}{d\hat y}\cdot\frac{d\hat y}{dz}\cdot\frac{dz}{da_j}.$$
#
# Deck F prints these factors on three slides:
#
# $$\frac{dL}{d\hat y} = -\frac{y}{\hat y} - \frac{1-y}{1-\hat y}, \qquad
# \frac{d\hat y}{da_3} = -x_3\,\hat y\,(1-\hat y), \qquad
# \frac{dL}{da_3} = \frac{da_3}{d\hat y}\cdot\frac{d\hat y}{dL}.$$
#
# None of the three is right. Derive your own on paper, multiply them out, and look at how much cancels. The short
# form is what to write: the product of the factors is $0\cdot\infty$ where $\hat y$ is rounded to 0 or 1. The
# gradient of a batch is, like its loss, a mean over the examples. Write the formula: neither autograd nor a numerical
# gradient is accepted here.


# %% answer="logistic_gradient"
def logistic_gradient(X, y, a, b):
    """Gradient of the mean cross-entropy of logistic regression.

    X: (examples, features). y: (examples,), each 0.0 or 1.0. a: (features,). b: a number.
    Returns a pair (da, db): the derivatives with respect to a, of shape (features,), and with respect to b, a number.
    """
    ### BEGIN SOLUTION
    z = X @ a + b
    softplus = np.logaddexp(0, -z)
    residual = np.exp(-softplus) - y
    return X.T @ residual / len(y), residual.mean()
    ### END SOLUTION


# %% test="logistic_gradient" points=3
import numpy as np

from course_utils import checks

checks.forbids("logistic_gradient", "torch.autograd.grad", "torch.Tensor.backward", "torch.func.vjp",
               "torch.func.jacrev", "torch.func.jacfwd", "torch.autograd.functional.jacobian", "numerical_gradient")

# a = 0 and b = ln 3, so that every probability is 3/4
X, y = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]]), np.array([1.0, 0.0, 1.0])
a, b = np.zeros(2), np.log(3)
checks.close(
    logistic_gradient(X, y, a, b), (np.array([2 / 3, -1 / 4]), 1 / 12),
    "(da, db) of three examples, p = 3/4, y = (1, 0, 1)",
    slips={
        "the sign of the second term of dL/dp (erratum E1): examples with y = 0 pull the wrong way":
            (np.array([-5 / 6, -1 / 4]), -5 / 12),
        "the sign of dp/da (erratum E2): the whole gradient is flipped": (np.array([-2 / 3, 1 / 4]), -1 / 12),
        "errata E1 and E2 together: they cancel where y = 0 and flip the gradient where y = 1":
            (np.array([5 / 6, 1 / 4]), 5 / 12),
        "a factor p (1 - p) too many: it cancels with the denominators of dL/dp":
            (np.array([1 / 8, -3 / 64]), 1 / 64),
        "divided by the number of features, not of examples": (np.array([1.0, -3 / 8]), 1 / 12),
        "the bias b is not in the forward pass": (np.array([1 / 3, -1 / 2]), -1 / 6),
        "the results are in the other order: (da, db) was asked": (1 / 12, np.array([2 / 3, -1 / 4])),
    },
)
X, y = np.array([[800.0, 1.0], [-800.0, 3.0]]), np.array([0.0, 0.0])
checks.close(logistic_gradient(X, y, np.array([1.0, 0.0]), 0.0), (np.array([400.0, 0.5]), 0.5),
             "(da, db) of z = (800, -800), y = (0, 0)")
checks.passed("logistic_gradient")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()
    for examples, features, scale in ((6, 3, 1.0), (1, 5, 1.0), (4, 4, 1.0), (30, 2, 200.0)):
        X, y = rng.normal(size=(examples, features)) * scale, (rng.random(examples) < 0.5).astype(float)
        a, b = rng.normal(size=features), rng.normal()
        ta, tb = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
        z = torch.tensor(X) @ ta + tb
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(y))
        da, db = torch.autograd.grad(loss, (ta, tb))
        expected = (da.numpy(), db.item())
        checks.close(logistic_gradient(X, y, a, b), expected, "(da, db) of another batch")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 4 · Gradient descent (2 points)
#
# *Lecture: section 3, "Walking downhill".*
#
# To find a minimum of a function $f$, gradient descent goes from a point $x_0$ again and again against the gradient:
#
# $$x_{k+1} = x_k - \eta\,\nabla f(x_k), \qquad k = 0, \dots, \text{steps} - 1$$
#
# with learning rate $\eta$. Return the whole trajectory, $x_0$ included, so that it can be plotted. `grad` is a
# function: it takes a point and returns the gradient there.


# %% answer="gradient_descent"
def gradient_descent(grad, x0, lr, steps):
    """Trajectory of gradient descent.

    grad: function from a point, an array of the shape of x0, to the gradient there, an array of the same shape.
    x0: array of any shape, which is left as it is. lr: learning rate. steps: number of updates, 0 or more.
    Returns an array of shape (steps + 1, *x0.shape): x0 and the point after every step.
    """
    ### BEGIN SOLUTION
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad(path[-1]))
    return np.array(path)
    ### END SOLUTION


# %% test="gradient_descent" points=2
import numpy as np

from course_utils import checks


def slope_of_square(point):
    return 2 * point  # the gradient of the sum of squares


x0 = np.array([4.0, -2.0])
original = x0.copy()
checks.close(
    gradient_descent(slope_of_square, checks.inout(x0), 0.25, 2), np.array([[4.0, -2.0], [2.0, -1.0], [1.0, -0.5]]),
    "two steps down f(x) = x·x from (4, -2) with learning rate 1/4",
    slips={
        "uphill: the gradient is added, and should be subtracted": np.array([[4.0, -2.0], [6.0, -3.0], [9.0, -4.5]]),
        "the learning rate is not used": np.array([[4.0, -2.0], [-4.0, 2.0], [4.0, -2.0]]),
        "the gradient is taken at the start only; every step needs it at the current point":
            np.array([[4.0, -2.0], [2.0, -1.0], [0.0, 0.0]]),
        "the same array is in every row, changed in place until it held the last point: append a copy":
            np.array([[1.0, -0.5]] * 3),
        "the start x0 is not part of the trajectory": np.array([[2.0, -1.0], [1.0, -0.5]]),
        "only the last point is returned, and the trajectory was asked": np.array([1.0, -0.5]),
        "one of the steps is missing: steps = 2 gives three points": np.array([[4.0, -2.0], [2.0, -1.0]]),
    },
)
checks.unchanged(x0, original, "x0")
checks.passed("gradient_descent")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape, lr, steps in (((3,), 0.1, 7), ((2, 3), 0.03, 4), ((1,), 0.2, 1), ((4,), 0.1, 0)):
        curvature, bend = rng.uniform(0.5, 2, size=shape), rng.normal(size=shape)

        def slope(point, curvature=curvature, bend=bend):
            return curvature * point + np.cos(point + bend)

        start = rng.normal(size=shape)
        rows = [start]
        for _ in range(steps):
            rows.append(rows[-1] - lr * slope(rows[-1]))
        given, expected = start.copy(), np.stack(rows)
        checks.close(gradient_descent(slope, checks.inout(given), lr, steps), expected,
                     "the trajectory of an array of another shape")
        checks.unchanged(given, start, "x0")
### END HIDDEN TESTS

# %% [markdown]
# Exercises 2, 3 and 4 together are a classifier. Here it learns to tell the digit 8 from the digit 3.

# %%
digits = data.digits().flat()


def threes_and_eights(images, labels):
    keep = (labels == 3) | (labels == 8)
    return images[keep].numpy().astype(float), (labels[keep] == 8).numpy().astype(float)


X_train, y_train = threes_and_eights(digits.x_train, digits.y_train)
X_test, y_test = threes_and_eights(digits.x_test, digits.y_test)


def gradient_of_both(parameters):
    """parameters: (65,), the 64 weights and the bias. Returns (65,)."""
    da, db = logistic_gradient(X_train, y_train, parameters[:-1], parameters[-1])
    return np.append(da, db)


path = gradient_descent(gradient_of_both, np.zeros(65), lr=0.5, steps=300)
losses = [logistic_loss(X_train, y_train, p[:-1], p[-1]) for p in path]
accuracy = np.mean((X_test @ path[-1][:-1] + path[-1][-1] > 0) == (y_test == 1))

fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
left.plot(losses)
left.set(title="8 against 3: training loss", xlabel="step", ylabel="mean cross-entropy (nats)", ylim=(0, None))
limit = np.abs(path[-1][:-1]).max()
image = right.imshow(path[-1][:-1].reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
right.set(title=f"Weights; test accuracy {accuracy:.1%}", xlabel="column (pixels)", ylabel="row (pixels)")
right.grid(False)
fig.colorbar(image, ax=right, label="weight (red: ink says 8)")
plt.show()

# %% [markdown]
# ## Part B · Is the gradient right?
#
# ### Exercise 5 · The numerical gradient (3 points)
#
# *Lecture: section 2 for the central difference; section 8, "Gradient checking".*
#
# A gradient that was derived by hand can be checked without any derivation:
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h\,e_i) - f(x - h\,e_i)}{2h}$$
#
# where $e_i$ is 1 in component $i$ and 0 elsewhere. The two evaluations lie on both sides of $x$: for this
# **central** difference the error shrinks with $h^2$, for the one-sided difference $(f(x + he_i) - f(x))/h$ only
# with $h$. Each component takes two evaluations of $f$, so nobody trains this way; one checks this way.


# %% answer="numerical_gradient"
def numerical_gradient(f, x, h=1e-5):
    """Gradient by central differences.

    f: function from an array of the shape of x to a number. x: array of any shape, which is left as it is.
    h: step size. Returns an array of the shape of x.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient
    ### END SOLUTION


# %% test="numerical_gradient" points=3
import numpy as np

from course_utils import checks


def sum_of_cubes(x):
    return float(np.sum(x**3))


x = np.array([2.0])
checks.close(
    numerical_gradient(sum_of_cubes, checks.inout(x), 0.5), np.array([12.25]),
    "the central difference of x³ at x = 2 with h = 0.5",
    slips={
        "this is a forward difference, (f(x + h) - f(x)) / h": np.array([15.25]),
        "this is a backward difference, (f(x) - f(x - h)) / h": np.array([9.25]),
        "divided by h: x + h and x - h are 2 h apart": np.array([24.5]),
        "multiplied by h: a / 2 * h is (a / 2) * h, so put parentheses around (2 * h)": np.array([6.125 / 2]),
        "the argument h is not used": np.array([12.0]),
    },
)
checks.unchanged(x, np.array([2.0]), "x")
x = np.array([[1.0, 2.0, 0.0], [-1.0, 3.0, 1.0]])
original = x.copy()
checks.close(
    numerical_gradient(sum_of_cubes, checks.inout(x), 1.0), np.array([[4.0, 13.0, 1.0], [4.0, 28.0, 4.0]]),
    "the central difference of the sum of cubes with h = 1, x of shape (2, 3)",
    slips={
        "all components are moved at once; move one component and leave the others": np.full((2, 3), 54.0),
        "a whole row is moved at once; move one component and leave the others":
            np.array([[18.0, 18.0, 18.0], [36.0, 36.0, 36.0]]),
    },
)
checks.unchanged(x, original, "x")
checks.passed("numerical_gradient")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for shape in ((5,), (2, 3, 2), (4, 1)):
        A, x0 = rng.normal(size=shape) * 20, rng.normal(size=shape)

        def steep(x, A=A):  # second derivatives in the hundreds: a one-sided difference is far off
            return float(np.sum(A**2 * x**2 + np.sin(A * x)) + x.ravel()[0] * x.ravel()[-1])

        expected = 2 * A**2 * x0 + A * np.cos(A * x0)
        expected.ravel()[0] += x0.ravel()[-1]
        expected.ravel()[-1] += x0.ravel()[0]
        x = x0.copy()
        checks.close(numerical_gradient(steep, checks.inout(x)), expected,
                     "the gradient of a steep function, h by default",
                     rtol=1e-6, atol=1e-4)
        checks.unchanged(x, x0, "x")
        h = float(rng.uniform(0.1, 0.4))
        expected = 3 * x0**2 + h**2
        checks.close(numerical_gradient(sum_of_cubes, x0, h=h), expected,
                     "the gradient of the sum of cubes, a given h")
### END HIDDEN TESTS

# %% [markdown]
# With it you can check exercise 3, on the digits, at a point where nothing is special. A relative difference of
# $10^{-7}$ or less is a pass.

# %%
rng = np.random.default_rng(0)
point = rng.normal(size=65) * 0.3
numerical = numerical_gradient(lambda p: logistic_loss(X_train, y_train, p[:-1], p[-1]), point)
by_hand = gradient_of_both(point)
difference = np.linalg.norm(numerical - by_hand) / np.linalg.norm(numerical + by_hand)
print(f"relative difference between exercise 3 and exercise 5: {difference:.1e}")

# %% [markdown]
# ## Part C · Two layers
#
# ### Exercise 6 · Forward through deck K's net (2 points)
#
# *Lecture: section 5, "A whole net with numbers: deck K's example".*
#
# Deck K's net has two inputs, two hidden neurons and two outputs, all sigmoid. Row $i$ of a weight matrix holds
# the weights *into* neuron $i$, and each layer has one bias for all its neurons:
#
# $$h = \sigma(W_1 x + b_1), \qquad o = \sigma(W_2 h + b_2), \qquad E = \tfrac12\sum_k (o_k - t_k)^2$$
#
# ($h$ is now the hidden layer and no longer a step; $o$ are the outputs, $E$ is the error.) On the slides
# $x = (0.05, 0.10)$, the target is $t = (0.01, 0.99)$, and
#
# $$W_1 = \begin{pmatrix} 0.15 & 0.20\\ 0.25 & 0.30\end{pmatrix},\quad b_1 = 0.35,\qquad
# W_2 = \begin{pmatrix} 0.40 & 0.45\\ 0.50 & 0.55\end{pmatrix},\quad b_2 = 0.60.$$
#
# Write it for layers of any size. ($W x$ is `W @ x`. If you use your `sigmoid` of exercise 1: it returns a pair, and
# here only the first of the two is needed.)


# %% answer="forward_pass"
def forward_pass(x, target, W1, b1, W2, b2):
    """Forward pass of a net with one hidden layer, all neurons sigmoid, and its squared error.

    x: (inputs,). target: (outputs,). W1: (hidden, inputs). W2: (outputs, hidden).
    b1, b2: numbers, the bias shared by the neurons of a layer.
    Returns (h, o, error): the hidden layer, (hidden,); the outputs, (outputs,); half the sum of squared errors, a
    number.
    """
    ### BEGIN SOLUTION
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    miss = o - target
    return h, o, 0.5 * np.sum(miss**2)
    ### END SOLUTION


# %% test="forward_pass" points=2
import numpy as np

from course_utils import checks

x, target = np.array([0.05, 0.10]), np.array([0.01, 0.99])
W1, W2 = np.array([[0.15, 0.20], [0.25, 0.30]]), np.array([[0.40, 0.45], [0.50, 0.55]])
h, o = np.array([0.593269992, 0.596884378]), np.array([0.751365070, 0.772928465])
checks.close(
    forward_pass(x, target, W1, 0.35, W2, 0.60), (h, o, 0.298371109), "(h, o, error) of deck K's net",
    rtol=1e-7,
    slips={
        "the factor 1/2 of the error is missing": (h, o, 0.596742218),
        "W1 and W2 are transposed: row i holds the weights into neuron i, so the layer is W @ x":
            (np.array([0.594475931, 0.596282699]), np.array([0.756931915, 0.767717880]), 0.303658314),
        "the sigmoid of the output layer is missing": (h, np.array([1.105905967, 1.224921404]), 0.628098977),
        "the biases are missing":
            (np.array([0.506874567, 0.510623401]), np.array([0.606477732, 0.630480835]), 0.242519855),
        "b1 is added in both layers, where the second has b2": (h, np.array([0.701804584, 0.726099350]), 0.274118568),
        "the sum over the outputs is missing from the error": (h, o, np.array([0.274811083, 0.023560026])),
    },
)
checks.passed("forward_pass")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()
    for inputs, hidden, outputs in ((3, 4, 3), (4, 2, 5), (2, 3, 1)):
        x, target = rng.normal(size=inputs), rng.random(outputs)
        W1, W2 = rng.normal(size=(hidden, inputs)), rng.normal(size=(outputs, hidden))
        b1, b2 = rng.normal(), rng.normal()
        h = torch.sigmoid(torch.tensor(W1) @ torch.tensor(x) + b1)
        o = torch.sigmoid(torch.tensor(W2) @ h + b2)
        squared = torch.sum((o - torch.tensor(target)) ** 2).item()
        checks.close(forward_pass(x, target, W1, b1, W2, b2), (h.numpy(), o.numpy(), squared / 2),
                     "(h, o, error) of a net with other layer sizes",
                     slips={"the mean over the outputs, where half the sum was asked (for two outputs they are equal)":
                            (h.numpy(), o.numpy(), squared / outputs)})
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · Backward, and a bug in print (3 points)
#
# *Lecture: section 5, from "Backwards" to erratum E4.*
#
# Deck K prints the error of this net after one step of gradient descent with learning rate 0.5:
# **0.291027924**. The next cell goes through the slides weight by weight and reproduces this number to the last
# digit. The number is wrong (erratum E4): the gradient is taken at the old weights, and then the error is
# 0.291027774.

# %%
def published_step(x, t, w, b1, b2, lr):
    """One step as the printed numbers imply it. w: {1: w1, …, 8: w8} as on the slides; changed in place."""

    def s(z):
        return 1 / (1 + math.exp(-z))

    h1, h2 = s(w[1] * x[0] + w[2] * x[1] + b1), s(w[3] * x[0] + w[4] * x[1] + b1)
    o1, o2 = s(w[5] * h1 + w[6] * h2 + b2), s(w[7] * h1 + w[8] * h2 + b2)
    d1, d2 = (o1 - t[0]) * o1 * (1 - o1), (o2 - t[1]) * o2 * (1 - o2)
    w[5] -= lr * d1 * h1
    w[6] -= lr * d1 * h2
    w[7] -= lr * d2 * h1
    w[8] -= lr * d2 * h2
    w[1] -= lr * (d1 * w[5] + d2 * w[7]) * h1 * (1 - h1) * x[0]
    w[2] -= lr * (d1 * w[5] + d2 * w[7]) * h1 * (1 - h1) * x[1]
    w[3] -= lr * (d1 * w[6] + d2 * w[8]) * h2 * (1 - h2) * x[0]
    w[4] -= lr * (d1 * w[6] + d2 * w[8]) * h2 * (1 - h2) * x[1]
    h1, h2 = s(w[1] * x[0] + w[2] * x[1] + b1), s(w[3] * x[0] + w[4] * x[1] + b1)
    o1, o2 = s(w[5] * h1 + w[6] * h2 + b2), s(w[7] * h1 + w[8] * h2 + b2)
    return ((o1 - t[0]) ** 2 + (o2 - t[1]) ** 2) / 2


slide_weights = {1: 0.15, 2: 0.20, 3: 0.25, 4: 0.30, 5: 0.40, 6: 0.45, 7: 0.50, 8: 0.55}
error_after = published_step([0.05, 0.10], [0.01, 0.99], slide_weights, 0.35, 0.60, 0.5)
print(f"error after one published step: {error_after:.9f}")

# %% [markdown]
# Find the bug, then write the step correctly, with arrays and for layers of any size. Carry the error back as
# **deltas**, the derivatives of $E$ with respect to what goes into each sigmoid:
#
# $$\delta^{o}_k = \frac{\partial E}{\partial o_k}\,o_k(1 - o_k), \qquad
# \delta^{h}_j = \Bigl(\sum_k \delta^{o}_k\,(W_2)_{kj}\Bigr)\,h_j(1 - h_j),$$
#
# $$\frac{\partial E}{\partial (W_2)_{kj}} = \delta^o_k\,h_j, \qquad
# \frac{\partial E}{\partial (W_1)_{ji}} = \delta^h_j\,x_i.$$
#
# As on the slides, the biases stay as they are. The step is written by hand: neither autograd nor a numerical gradient
# is accepted here.


# %% answer="training_step"
def training_step(x, target, W1, b1, W2, b2, lr):
    """One step of gradient descent on the error of `forward_pass`, weights only.

    x: (inputs,). target: (outputs,). W1: (hidden, inputs). W2: (outputs, hidden). b1, b2: numbers. lr: learning rate.
    Returns the pair of new weights (W1, W2). The arrays that came in are left as they are.
    """
    ### BEGIN SOLUTION
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return W1 - lr * np.outer(delta_h, x), W2 - lr * np.outer(delta_o, h)
    ### END SOLUTION


# %% test="training_step" points=3
import numpy as np

from course_utils import checks

checks.forbids("training_step", "torch.autograd.grad", "torch.Tensor.backward", "torch.func.vjp",
               "torch.func.jacrev", "torch.func.jacfwd", "torch.autograd.functional.jacobian", "numerical_gradient")

x, target = np.array([0.05, 0.10]), np.array([0.01, 0.99])
W1, W2 = np.array([[0.15, 0.20], [0.25, 0.30]]), np.array([[0.40, 0.45], [0.50, 0.55]])
old_W1, old_W2 = W1.copy(), W2.copy()
new_W2 = np.array([[0.3589164797, 0.4086661861], [0.5113012702, 0.5613701211]])
checks.close(
    training_step(x, target, checks.inout(W1), 0.35, checks.inout(W2), 0.60, 0.5),
    (np.array([[0.1497807161, 0.1995614323], [0.2497511436, 0.2995022873]]), new_W2),
    "the weights (W1, W2) of deck K's net after one step", rtol=1e-7,
    slips={
        "the hidden deltas use output weights that were already updated (erratum E4)":
            (np.array([[0.1498176386, 0.1996352771], [0.2497881852, 0.2995763704]]), new_W2),
        "uphill: the gradient is added, and should be subtracted":
            (np.array([[0.1502192839, 0.2004385677], [0.2502488564, 0.3004977127]]),
             np.array([[0.4410835203, 0.4913338139], [0.4886987298, 0.5386298789]])),
        "the derivative o (1 - o) of the output sigmoid is missing":
            (np.array([[0.1488658248, 0.1977316495], [0.2487113651, 0.2974227303]]),
             np.array([[0.1800851755, 0.2287453857], [0.5643910138, 0.6147833040]])),
        "the derivative h (1 - h) of the hidden sigmoid is missing":
            (np.array([[0.1490912423, 0.1981824847], [0.2489657419, 0.2979314839]]), new_W2),
        "W2 carries the deltas back untransposed: the sum runs over the outputs k, the first index of W2":
            (np.array([[0.1497692247, 0.1995384494], [0.2497094879, 0.2994189747]]), new_W2),
        "the gradients are transposed: row j of a gradient belongs to neuron j, like row j of the weights":
            (np.array([[0.1497807161, 0.1997511436], [0.2495614323, 0.2995022873]]),
             np.array([[0.3589164797, 0.4613012702], [0.4586661861, 0.5613701211]])),
        "the learning rate is not used":
            (np.array([[0.1495614323, 0.1991228645], [0.2495022873, 0.2990045745]]),
             np.array([[0.3178329594, 0.3673323722], [0.5226025405, 0.5727402422]])),
        "these are the gradients, and the new weights were asked":
            (np.array([[0.000438567734, 0.000877135469], [0.000497712735, 0.000995425471]]),
             np.array([[0.082167040564, 0.082667627848], [-0.022602540477, -0.022740242216]])),
    },
)
checks.unchanged(W1, old_W1, "W1")
checks.unchanged(W2, old_W2, "W2")
checks.passed("training_step")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()
    for inputs, hidden, outputs in ((3, 4, 2), (2, 3, 3), (5, 2, 1)):
        x, target = rng.normal(size=inputs), rng.random(outputs)
        W1, W2 = rng.normal(size=(hidden, inputs)), rng.normal(size=(outputs, hidden))
        b1, b2, lr = rng.normal(), rng.normal(), rng.uniform(0.5, 2)
        T1, T2 = torch.tensor(W1, requires_grad=True), torch.tensor(W2, requires_grad=True)
        o = torch.sigmoid(T2 @ torch.sigmoid(T1 @ torch.tensor(x) + b1) + b2)
        G1, G2 = torch.autograd.grad(torch.sum((o - torch.tensor(target)) ** 2) / 2, (T1, T2))
        given1, given2 = W1.copy(), W2.copy()
        expected = (W1 - lr * G1.numpy(), W2 - lr * G2.numpy())
        checks.close(training_step(x, target, checks.inout(given1), b1, checks.inout(given2), b2, lr), expected,
                     "the weights after one step of a net with other layer sizes", rtol=1e-7)
        checks.unchanged(given1, W1, "W1")
        checks.unchanged(given2, W2, "W2")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 8 · Backward through ReLU, ReLU, softmax (4 points)
#
# *Lecture: section 6 for the three rules; to put them in order is new here.*
#
# Deck G, slide 12, writes a net as three modules. A row of $X$ is an example, so the weights stand on the
# right, and column $j$ (not row $j$, as in exercise 6) holds the weights into neuron $j$:
#
# $$H_1 = \max(X W_1, 0), \qquad H_2 = \max(H_1 W_2, 0), \qquad P = \mathrm{softmax}(H_2 W_3),\qquad
# \mathrm{softmax}(Z)_{n,c} = \frac{e^{Z_{n,c}}}{\sum_k e^{Z_{n,k}}},$$
#
# and the loss is the mean over the examples of $-\log P_{n, y_n}$, with $y_n$ the label of example $n$. Three rules
# are all you need. (The function $\max(z, 0)$ is called ReLU, and the entries of $Z_3 = H_2 W_3$ are the logits.)
# With a batch of $B$ examples:
#
# 1. through softmax and cross-entropy together, the derivative with respect to $Z_3$ is $(P - Y)/B$, where
#    $Y$ is one-hot: $Y_{n,c} = 1$ if $c = y_n$, else 0;
# 2. through $Z = H W$: if $D$ is the derivative with respect to $Z$, then $H^\top D$ is the one with respect to
#    $W$, and $D W^\top$ the one with respect to $H$;
# 3. through $\max(z, 0)$: multiply by 1 where $z > 0$ and by 0 elsewhere; at $z = 0$ take 0, as PyTorch does.
#
# The softmax of large numbers overflows unless each row's maximum is subtracted first, which does not change the
# result. Write it with these rules: neither autograd nor a numerical gradient is accepted here.


# %% answer="relu_net_gradients"
def relu_net_gradients(X, labels, W1, W2, W3):
    """Gradients of the mean cross-entropy of the relu-relu-softmax net with respect to its weights.

    X: (examples, features). labels: (examples,), integers from 0 to classes - 1.
    W1: (features, hidden1). W2: (hidden1, hidden2). W3: (hidden2, classes).
    Returns (dW1, dW2, dW3), each of the shape of its weights.
    """
    ### BEGIN SOLUTION
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    prob = odds / odds.sum(axis=1, keepdims=True)
    one_hot = np.eye(W3.shape[1])[labels]
    d3 = (prob - one_hot) / len(X)
    d2 = d3 @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ d3
    ### END SOLUTION


# %% test="relu_net_gradients" points=4
import numpy as np

from course_utils import checks

checks.forbids("relu_net_gradients", "torch.autograd.grad", "torch.Tensor.backward", "torch.func.vjp",
               "torch.func.jacrev", "torch.func.jacfwd", "torch.autograd.functional.jacobian", "numerical_gradient")

X, labels = np.array([[1.0, 2.0], [1.0, -1.0]]), np.array([0, 1])
W1 = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])  # H1 = (3, 1, 0) and (0, 0, 2)
W2 = np.array([[1.0, 0.0], [-1.0, 1.0], [-1.0, 0.0]])  # H2 = (2, 1) and (0, 0)
W3 = np.array([[np.log(3), 0.0], [-np.log(3), 0.0]])  # P = (3/4, 1/4) and (1/2, 1/2)
s = np.log(3) / 8
dW1 = np.array([[-s, 2 * s, 0], [-2 * s, 4 * s, 0]])
dW2 = np.array([[-3 * s, 3 * s], [-s, s], [0, 0]])
dW3 = np.array([[-1 / 4, 1 / 4], [-1 / 8, 1 / 8]])
checks.close(
    relu_net_gradients(X, labels, W1, W2, W3), (dW1, dW2, dW3), "(dW1, dW2, dW3) of two examples",
    slips={
        "the sum over the examples, where the mean was asked: divide by B (or max(axis=1) lacks keepdims=True)":
            (2 * dW1, 2 * dW2, 2 * dW3),
        "the one-hot labels are not subtracted from the probabilities": (
            -3 * dW1, -3 * dW2, np.array([[3 / 4, 1 / 4], [3 / 8, 1 / 8]])),
        "the derivative of relu is missing: no gradient passes where z is negative": (
            np.array([[s, -2 * s, -s], [-4 * s, 8 * s, 4 * s]]), np.array([[-3 * s, 3 * s], [-s, s], [4 * s, -4 * s]]),
            dW3),
        "the derivative of relu is missing in the first hidden layer": (
            np.array([[-s, 2 * s, s], [-2 * s, 4 * s, 2 * s]]), dW2, dW3),
        "relu is applied to the gradient; its derivative is 1 where z > 0, whatever the sign of the gradient": (
            np.array([[2 * s, s, 0], [-2 * s, 2 * s, 0]]), np.array([[0, 3 * s], [0, s], [4 * s, 0]]), dW3),
        "the derivative of relu at 0 is taken as 1, and 0 was asked": (
            dW1, np.array([[-3 * s, 3 * s], [-s, s], [0, -4 * s]]), dW3),
        "the softmax is taken over the batch (axis 0), and each example (axis 1) needs its own": (
            dW1, dW2, np.array([[-1 / 4, 1 / 2], [-1 / 8, 1 / 4]])),
        # With as many examples as classes the shapes fit without keepdims=True.
        "the maximum and the sum of each row must stay columns: give both keepdims=True, or they meet the wrong rows": (
            2 * dW1, 2 * dW2, np.array([[-1 / 2, 3 / 4], [-1 / 4, 3 / 8]])),
        "the sum of each row must stay a column: give it keepdims=True, or it meets the wrong rows": (
            dW1, dW2, np.array([[-1 / 4, 1 / 6], [-1 / 8, 1 / 12]])),
        "the order of the results is reversed: (dW1, dW2, dW3) was asked": (dW3, dW2, dW1),
    },
)
X, labels = np.array([[1000.0], [np.log(3)]]), np.array([0, 0])  # P = (0, 1) and (1/4, 3/4)
large = 500 + 3 * np.log(3) / 8
checks.close(relu_net_gradients(X, labels, np.array([[1.0]]), np.array([[1.0]]), np.array([[0.0, 1.0]])),
             (np.array([[large]]), np.array([[large]]), np.array([[-large, large]])),
             "(dW1, dW2, dW3) with logits (0, 1000) and (0, ln 3), both examples of class 0",
             slips={"the one-hot table has a column for each class seen, and a batch may lack some; W3 lacks none":
                    (np.array([[-s]]), np.array([[-s]]), np.array([[-large, -s]]))})
checks.passed("relu_net_gradients")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import itertools

    import torch

    rng = checks.rng()
    for examples, layers, scale in ((7, (3, 5, 4, 3), 1.0), (4, (2, 6, 3, 5), 1.0), (1, (4, 3, 6, 2), 1.0),
                                    (6, (5, 4, 5, 4), 30.0)):
        X, labels = rng.normal(size=(examples, layers[0])) * scale, rng.integers(layers[-1], size=examples)
        weights = [rng.normal(size=shape) for shape in itertools.pairwise(layers)]
        tensors = [torch.tensor(W, requires_grad=True) for W in weights]
        logits = torch.relu(torch.relu(torch.tensor(X) @ tensors[0]) @ tensors[1]) @ tensors[2]
        expected = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, torch.tensor(labels)), tensors)
        checks.close(relu_net_gradients(X, labels, *weights), tuple(expected),
                     "(dW1, dW2, dW3) of a net of other sizes")
    # whole numbers, where many inputs of a relu are exactly 0
    X, labels = rng.integers(-1, 2, size=(12, 3)).astype(float), rng.integers(3, size=12)
    weights = [rng.integers(-1, 2, size=shape).astype(float) for shape in ((3, 6), (6, 5), (5, 3))]
    tensors = [torch.tensor(W, requires_grad=True) for W in weights]
    logits = torch.relu(torch.relu(torch.tensor(X) @ tensors[0]) @ tensors[1]) @ tensors[2]
    expected = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, torch.tensor(labels)), tensors)
    checks.close(relu_net_gradients(X, labels, *weights), tuple(expected),
                 "(dW1, dW2, dW3) where inputs of relu are exactly 0")
### END HIDDEN TESTS

# %% [markdown]
# ## Part D · The machine that does it for you
#
# Deck F says that "it's not possible to calculate the derivative of big networks" (erratum E30). It is possible,
# exactly, and for a small multiple of the cost of the forward pass: what you did in exercises 7 and 8, a program
# can do for any formula. It takes a graph, an order, and the chain rule.
#
# ### Exercise 9 · An order for the graph (2 points)
#
# *Lecture: section 7, "The graph, and reverse mode"; the search is new here.*
#
# Every intermediate result is a node; its **parents** are the values it was computed from. Going backward, a node may
# pass its gradient on only when all of it has arrived. So first bring the nodes into an order in which **every node
# comes after all of its parents** (a **topological order**), and walk through it from the end. For $c = ab$ and
# $L = a + c$:
#
# ```
# parents = {"a": [], "b": [], "c": ["a", "b"], "L": ["a", "c"]}
# topological_order("L", parents)  ->  ["a", "b", "c", "L"]  or  ["b", "a", "c", "L"]
# ```
#
# The order may hold only nodes that `root` depends on, directly or not, and the root itself; each of them once.
# Depth-first search gives it: *to visit a node, visit its parents first, then append it; skip what was visited
# before.*


# %% answer="topological_order"
def topological_order(root, parents):
    """The nodes that root depends on, and root, each after all of its parents.

    root: a node, that is a key of `parents`. parents: dict from every node to the list of its parents; no cycles.
    Returns a list of nodes; the last one is root.
    """
    ### BEGIN SOLUTION
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents[node]:
                visit(parent)
            order.append(node)

    visit(root)
    return order
    ### END SOLUTION


# %% test="topological_order" points=2
from course_utils import checks

# "other" is computed from L, so that L does not depend on it
parents = {"a": [], "b": [], "c": ["a", "b"], "L": ["a", "c"], "other": ["L"]}
edges = [(parent, node) for node in ("c", "L") for parent in parents[node]]
order = topological_order("L", parents)
checks.that(type(order) is list, f"a list of nodes was asked; what came is of type {type(order).__name__}.")
checks.that(len(order) == len(set(order)), f"a node comes more than once: {order}. Skip what was visited before.")
checks.that("other" not in order,
            f"'L' does not depend on 'other', which is in the order: {order}. Visit root and what it depends on.")
checks.that(set(order) == {"a", "b", "c", "L"}, f"the nodes are a, b, c and L; missing or unknown ones: {order}.")
checks.that(order[0] != "L",
            f"the root comes first: {order}. This is the reverse order; every node comes after its parents.")
for parent, node in edges:
    checks.that(order.index(parent) < order.index(node), f"{node!r} comes before its parent {parent!r}: {order}.")
checks.equal(topological_order("a", parents), ["a"], "the order for a root without parents",
             slips={"the nodes of the call before are still there: a default `order=[]` is one list for all calls":
                    [*order, *(["a"] if "a" not in order else [])]})
chain = {"w": ["v"], "v": ["u"], "u": []}
checks.equal(topological_order("w", chain), ["u", "v", "w"], "the order of the chain u, v, w",
             slips={"the root comes first: the order is reversed": ["w", "v", "u"]})
checks.passed("topological_order")
### BEGIN HIDDEN TESTS
with checks.hidden():
    rng = checks.rng()
    for _ in range(20):
        size = int(rng.integers(4, 12))
        names = [int(name) for name in rng.permutation(100)[:size]]
        graph = {name: [names[k] for k in rng.permutation(i)[: rng.integers(0, 4)]] for i, name in enumerate(names)}
        graph = {name: graph[name] for name in sorted(graph)}
        root = names[int(rng.integers(size // 2, size))]
        needed = {root}
        for name in reversed(names):  # children come before parents in this direction
            if name in needed:
                needed.update(graph[name])
        edges = [(parent, node) for node in needed for parent in graph[node]]
        order = topological_order(root, graph)
        checks.that(type(order) is list, "topological_order did not return a list.")
        checks.that(len(order) == len(set(order)), "a node comes more than once in a random graph.")
        checks.that(set(order) <= needed, "the order holds a node that the root does not depend on.")
        checks.that(set(order) == needed, "a node that the root depends on, or the root, is missing.")
        place = {node: index for index, node in enumerate(order)}
        checks.that(all(place[parent] < place[node] for parent, node in edges),
                    "a node comes before its parent in a random graph.")
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 10 · Automatic differentiation (5 points)
#
# *Lecture: section 4, "Two paths add up", and section 7, "The graph, and reverse mode".*
#
# A `Value` is a number that remembers where it came from: `inputs` holds, for each value it was computed from, the
# pair (value, slope), where the slope is the derivative of the result with respect to that value. For $c = a\cdot
# b$ that is $[(a, b), (b, a)]$: by the product rule the slope with respect to $a$ is $b$. The operations build the
# graph while they compute. Then `backward()`
#
# 1. brings the graph into topological order (the search of exercise 9 once more, written for values: the parents of a
#    node are the values in its `inputs`, and there is no dictionary);
# 2. sets every `grad` in the graph to 0 and that of the result itself to 1, since $dL/dL = 1$;
# 3. walks through the order from the end, and for each node **adds** slope × its own gradient to the gradient of
#    each of its inputs.
#
# It adds because a value may be used more than once. In deck F's net $a_1$ reaches the loss on two paths, and
# the contributions add up:
#
# $$\frac{dL}{da_1} = \frac{dL}{d\hat y}\left(\frac{d\hat y}{dN_1}\frac{dN_1}{dM_1} +
# \frac{d\hat y}{dN_2}\frac{dN_2}{dM_1}\right)\frac{dM_1}{da_1}.$$
#
# An operand may also be a plain number, `a + 2` or `2 * a`: make a `Value` of it. The operators in the second half
# of the class are given; they need only `+`, `*` and `**`. (PyTorch's `backward()` does not start from zero: it
# adds to the gradients that are there, which is why training loops call `zero_grad()`.)


# %% answer="Value"
class Value:
    """A number that knows how it was computed.

    data: the number. grad: the derivative, with respect to this value, of the result on which `backward` was called.
    inputs: list of pairs (value, slope), empty for a number that was given and not computed.
    """

    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    def __add__(self, other):
        """self + other; other is a Value or a number. Returns a Value."""
        ### BEGIN SOLUTION
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])
        ### END SOLUTION

    def __mul__(self, other):
        """self * other; other is a Value or a number. Returns a Value."""
        ### BEGIN SOLUTION
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])
        ### END SOLUTION

    def __pow__(self, exponent):
        """self ** exponent; the exponent is a number. Returns a Value."""
        ### BEGIN SOLUTION
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])
        ### END SOLUTION

    def exp(self):
        """e to the power self. Returns a Value."""
        ### BEGIN SOLUTION
        result = math.exp(self.data)
        return Value(result, [(self, result)])
        ### END SOLUTION

    def log(self):
        """The natural logarithm of self, which is positive. Returns a Value."""
        ### BEGIN SOLUTION
        return Value(math.log(self.data), [(self, 1 / self.data)])
        ### END SOLUTION

    def relu(self):
        """max(self, 0); the slope at 0 is 0. Returns a Value."""
        ### BEGIN SOLUTION
        slope = float(self.data > 0)
        return Value(slope * self.data, [(self, slope)])
        ### END SOLUTION

    def backward(self):
        """Set `grad` of every value that self depends on, and of self, to the derivative of self with respect to it."""
        ### BEGIN SOLUTION
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for value, _ in node.inputs:
                    visit(value)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for value, slope in node.inputs:
                value.grad += slope * node.grad
        ### END SOLUTION

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, other):
        return self * -1 + other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return self**-1 * other


# %% test="Value" points=5
from course_utils import checks

checks.handle("Value", methods=["exp", "log", "relu", "backward"], attributes=["data", "grad"])


def run(expression, *numbers):
    """The value of the expression at these numbers, and its derivative with respect to each, by your engine."""
    inputs = [Value(number) for number in numbers]
    result = expression(*inputs)
    result.backward()
    return result.data, [value.grad for value in inputs]


checks.close(Value(3.0).grad, 0.0, "grad of a new Value")
checks.close(run(lambda a, b: a + b, 2.0, 5.0), (7.0, [1.0, 1.0]), "a + b at (2, 5): value and gradients",
             slips={"the gradient of the result itself must be set to 1 before it is passed on": (7.0, [0.0, 0.0])})
checks.close(run(lambda a, b: a * b, 2.0, 5.0), (10.0, [5.0, 2.0]), "a * b at (2, 5): value and gradients",
             slips={"the slopes of the product are swapped: the one with respect to a is b": (10.0, [2.0, 5.0])})
try:
    with_numbers = run(lambda a: 2 * (a + 4) * 3, 1.0)
except (AttributeError, TypeError) as error:
    checks.that(False, f"2 * (a + 4) * 3 failed: {error}. A plain number has no .data: make a Value of it first.")
checks.close(with_numbers, (30.0, [6.0]), "2 * (a + 4) * 3 at a = 1, with plain numbers: value and gradient",
             slips={"the gradient stops after one operation: walk through the order from its end": (30.0, [0.0])})
checks.close(run(lambda a: a**3, 2.0), (8.0, [12.0]), "a ** 3 at a = 2: value and gradient",
             slips={"the slope of a ** n is n a ** (n - 1): the factor n is missing": (8.0, [4.0]),
                    "the slope of a ** n is n a ** (n - 1), and (n - 1) a ** n came": (8.0, [16.0])})
checks.close(run(lambda a: a.exp(), 0.5), (1.6487212707, [1.6487212707]), "a.exp() at a = 1/2: value and gradient",
             slips={"the slope of e ** a is e ** a, and a came": (1.6487212707, [0.5])})
checks.close(run(lambda a: a.log(), 4.0), (1.3862943611, [0.25]), "a.log() at a = 4: value and gradient",
             slips={"the logarithm to base 10, and the natural one was asked": (0.6020599913, [0.25]),
                    "the slope of ln a is 1 / a, and a came": (1.3862943611, [4.0])})
for number, expected in ((3.0, (3.0, [1.0])), (-2.0, (0.0, [0.0])), (0.0, (0.0, [0.0]))):
    checks.close(run(lambda a: a.relu(), number), expected, f"a.relu() at a = {number}: value and gradient",
                 slips={"the slope of relu at 0 is 0 by convention": (0.0, [1.0])} if number == 0 else None)
checks.close(run(lambda a: a * a + a, 3.0), (12.0, [7.0]), "a * a + a at a = 3, a value used twice and more",
             slips={"the gradient of a value used twice is overwritten; add to it with +=": (12.0, [3.0]),
                    "the gradient of a value used twice is overwritten: add to it with +=": (12.0, [1.0])})


def square_used_twice(a):
    c = a * a
    return c + c


checks.close(run(square_used_twice, 3.0), (18.0, [12.0]), "c + c with c = a * a at a = 3",
             slips={"a value passes its gradient on before all of it has arrived: walk in topological order":
                    (18.0, [18.0])})
a = Value(3.0)
square = a * a
square.backward()
square.backward()
checks.close(a.grad, 6.0, "the gradient of a * a at a = 3 after backward() was called twice",
             slips={"the second call added to the gradients of the first: set them to zero at the beginning": 12.0})
checks.close(square.grad, 1.0, "the gradient of the result with respect to itself")
checks.passed("Value")
### BEGIN HIDDEN TESTS
with checks.hidden():
    import torch

    rng = checks.rng()

    def oracle(expression, *numbers):
        inputs = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
        result = expression(*inputs)
        return result.item(), [gradient.item() for gradient in torch.autograd.grad(result, inputs)]

    def compare(expression, numbers, what):
        expected = oracle(expression, *numbers)
        checks.close(run(expression, *numbers), expected, what)

    for what, expression in (
        ("-a", lambda a, b: -a + 0 * b),
        ("a - b", lambda a, b: a - b),
        ("a / b", lambda a, b: a / b),
        ("a - 2 and 2 - b", lambda a, b: (a - 2) * (2 - b)),
        ("a / 4 and 3 / b", lambda a, b: a / 4 + 3 / b),
        ("a + 1 and 1 + b", lambda a, b: (a + 1) * (1 + b)),
        ("a * 3 and 3 * b", lambda a, b: a * 3 * (3 * b)),
        ("negative and fractional powers", lambda a, b: a**-2 + b**0.5 + b**-1.5 * a),
        ("a softplus", lambda a, b: (1 + (a * b).exp()).log()),
        ("the loss of logistic regression", lambda a, b: -(1 / (1 + (-(a * 0.3 + b * -0.7)).exp())).log()),
    ):
        for _ in range(2):
            compare(expression, [float(number) for number in rng.uniform(0.5, 2.5, size=2)], what)

    def two_paths(a, u, v, p, q):  # deck F: a1 reaches the loss through N1 and through N2
        m = 1 / (1 + (-0.8 * a).exp())
        n1, n2 = (m * u).relu(), (m * v).exp()
        return -(1 / (1 + (-(n1 * p + n2 * q)).exp())).log()

    compare(two_paths, [float(number) for number in rng.uniform(0.2, 1.2, size=5)], "the derivative along two paths")
    OPERATIONS = (
        lambda x, y, number: x * y + number,
        lambda x, y, number: (x - number * y).relu(),
        lambda x, y, number: (number * x - y * y).relu() + x,
        lambda x, y, number: (number - x * x).exp(),
        lambda x, y, number: (x * x + 1).log() - y,
        lambda x, y, number: x / (y**2 + 1) + number,
    )
    for _ in range(6):
        steps = [(int(rng.integers(6)), rng.random(), rng.random(), float(rng.uniform(-0.9, 0.9))) for _ in range(14)]

        def network(*values, steps=steps):
            values = list(values)
            for kind, first, second, number in steps:
                x, y = values[int(first * len(values))], values[int(second * len(values))]
                values.append(OPERATIONS[kind](x, y, number))
            total = values[-1]
            for value in values[:-1]:
                total = total + value * 0.1
            return total

        compare(network, [float(number) for number in rng.uniform(-1.2, 1.2, size=3)], "a random graph of operations")
    a, b = Value(2.0), Value(3.0)
    shared = a * b
    first, second = shared * a, shared + b
    first.backward()
    checks.close((a.grad, b.grad, shared.grad), (12.0, 4.0, 2.0), "the gradients of the first of two results")
    second.backward()
    checks.close((a.grad, b.grad, shared.grad), (3.0, 3.0, 1.0),
                 "the gradients of the second of two results that share a value, after backward() on the first",
                 slips={"the second call added to the gradients of the first: set them to zero at the beginning":
                        (15.0, 7.0, 3.0)})
### END HIDDEN TESTS

# %% [markdown]
# Your engine can now do exercise 7 without a formula: the forward pass of deck K's net, number by number, and
# `backward()`. The gradient must be that of your `training_step`.

# %%
def deck_k_error(w1, w2, w3, w4, w5, w6, w7, w8):
    """The error of deck K's net as one formula; works for numbers wrapped in Value."""

    def s(z):
        return 1 / (1 + (-z).exp())

    h1, h2 = s(w1 * 0.05 + w2 * 0.10 + 0.35), s(w3 * 0.05 + w4 * 0.10 + 0.35)
    o1, o2 = s(w5 * h1 + w6 * h2 + 0.60), s(w7 * h1 + w8 * h2 + 0.60)
    return ((o1 - 0.01) ** 2 + (o2 - 0.99) ** 2) / 2


weights = [Value(w) for w in (0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55)]
error = deck_k_error(*weights)
error.backward()
print(f"error {error.data:.9f}")
for number, weight in enumerate(weights, start=1):
    print(f"w{number}: gradient {weight.grad:+.9f}, after one step {weight.data - 0.5 * weight.grad:.9f}")

# %% [markdown]
# ## Experiment · What a gradient check sees (4 points)
#
# *Lecture: section 5, "One step", and section 8, "Gradient checking".*
#
# Deck K's bug went into print without being noticed. The next cell asks how it could have been found. It uses your
# answers to exercises 5, 6 and 7.
#
# - **Left**: the error during 10,000 steps of training, once with your step and once with the published one.
# - **Right**: the gradient that each step implies for $W_1$, $(W_1^\text{old} - W_1^\text{new})/\eta$, against a
#   numerical gradient, for step sizes $h$ from $10^{-1}$ to $10^{-12}$. Plotted is the relative error $\lVert g -
#   g_\text{num}\rVert / \lVert g\rVert$. Your step is also compared with one-sided differences.

# %%
x, target, b1, b2, lr = np.array([0.05, 0.10]), np.array([0.01, 0.99]), 0.35, 0.60, 0.5
start_W1, start_W2 = np.array([[0.15, 0.20], [0.25, 0.30]]), np.array([[0.40, 0.45], [0.50, 0.55]])


def published(x, target, W1, b1, W2, b2, lr):
    """`published_step` with arrays."""
    w = dict(enumerate([*W1.ravel(), *W2.ravel()], start=1))
    published_step(x, target, w, b1, b2, lr)
    return np.array([[w[1], w[2]], [w[3], w[4]]]), np.array([[w[5], w[6]], [w[7], w[8]]])


def error_of_W1(W1):
    return forward_pass(x, target, W1, b1, start_W2, b2)[2]


def forward_difference(f, x, h):
    """One-sided differences, for comparison. f: array to number. x: array. Returns an array of the shape of x."""
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + step) - f(x) for step in steps]).reshape(x.shape) / h


def relative_errors(step, difference):
    gradient = (start_W1 - step(x, target, start_W1, b1, start_W2, b2, lr)[0]) / lr
    return [np.linalg.norm(gradient - difference(error_of_W1, start_W1, h)) / np.linalg.norm(gradient) for h in sizes]


drawn = sorted({round(number) for number in np.logspace(0, 4, 100)})  # evenly on a logarithmic axis
fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
for name, step, style in (("your step", training_step, "-"), ("published step", published, "--")):
    W1, W2, curve = start_W1, start_W2, {}
    for number in range(1, 10_001):
        if number == drawn[len(curve)]:
            curve[number] = forward_pass(x, target, W1, b1, W2, b2)[2]
        W1, W2 = step(x, target, W1, b1, W2, b2, lr)
    left.loglog(list(curve), list(curve.values()), style, label=name)
    print(f"{name}: error {forward_pass(x, target, W1, b1, W2, b2)[2]:.4e} after 10,000 steps")
left.set(title="Training", xlabel="step", ylabel="error E")
left.legend()

sizes = np.logspace(-1, -12, 45)
right.loglog(sizes, relative_errors(training_step, numerical_gradient), "-", label="your step, central")
right.loglog(sizes, relative_errors(training_step, forward_difference), ":", label="your step, one-sided")
right.loglog(sizes, relative_errors(published, numerical_gradient), "--", label="published step, central")
right.set(title="Gradient check of $W_1$", xlabel="step size h", ylabel="relative error", ylim=(1e-14, 2))
right.legend(loc="lower left")
plt.show()

# %% [markdown]
# Answer in the next cell, with numbers from your figures, in ten to fifteen sentences:
#
# 1. Could the bug have been found from the curve on the left? What does that say about "the loss goes down" as a
#    test?
# 2. The curve of your step falls, reaches a minimum and rises again. What causes each branch, with which slope (in
#    powers of $h$), and where do you read the minimum for central and for one-sided differences?
# 3. What tells the published step's curve apart from a correct gradient with a badly chosen $h$? Which $h$ and
#    which threshold would you use in a test?
# 4. Name one mistake in a training program that this check cannot see.

# %% [markdown] written="experiment" points=4
# ### BEGIN SOLUTION
# **Model answer.** (1) No: both curves fall together, to 3.5102e-05 and 3.5085e-05 after 10,000 steps; the wrong
# one even ends a little lower. The published step still points downhill (its gradient is right for $W_2$, and for
# $W_1$ it has the right signs and is 15 to 17 % too small), and that is enough for the loss to fall. A falling loss
# shows that a step is a descent direction, not that it is the gradient.
#
# (2) For large $h$ the Taylor remainder dominates: it shrinks with $h^2$ for central and with $h$ for one-sided
# differences (slopes 2 and 1 in the log-log plot). For small $h$ rounding dominates: two numbers that agree in most
# digits are subtracted, each with an error of about $\varepsilon\,|E|$, $\varepsilon = 2.2\cdot10^{-16}$, and the
# difference is divided by $h$: the error grows as $1/h$ (slope −1). The minimum lies where both are equal. Where a
# function and its derivatives are of size 1, that is near $\varepsilon^{1/3} \approx 6\cdot10^{-6}$ for central and
# $\varepsilon^{1/2} \approx 10^{-8}$ for one-sided differences. Here $x$ is small, and so the derivatives with
# respect to $W_1$ are far smaller than $E$, and both minima lie further right: central near $h = 3\cdot10^{-4}$
# with a relative error of about $2\cdot10^{-10}$, one-sided near $h = 3\cdot10^{-6}$ with about $4\cdot10^{-8}$.
#
# (3) It is flat: about 0.19 whatever $h$ is, because the difference is in the gradient and not in its
# approximation. With a badly chosen $h$ the error moves when $h$ does. A test takes $h$ near $10^{-5}$ (or tries a
# few) in double precision and asks for a relative error below $10^{-6}$: above the rounding, far below a real bug.
#
# (4) Anything that is not the derivative of the function that was checked: a wrong loss with its own right gradient;
# labels shuffled against inputs; a wrong learning rate or a plus in the update; a bias that is never updated (as on
# the slides); a bug on a branch that the checked point does not visit, such as a ReLU that is off.
#
# **Rubric** (4 points, 1 for each question, halves allowed)
#
# - 1: says that the curves cannot be told apart, and that descent does not prove a correct gradient.
# - 2: truncation with slopes 2 and 1, rounding with slope −1, and a minimum that was read from the plot for both (½
#   if slopes or minima are missing).
# - 3: plateau independent of $h$; a sensible $h$ ($10^{-3}$ to $10^{-6}$) and a threshold well above the minimum
#   and well below 0.19.
# - 4: a mistake that leaves the checked gradient equal to the derivative of the checked function, with a word on
#   why.
# ### END SOLUTION

# %% [markdown]
# ## Further (not graded)
#
# A net on real digits by hand: the cell below trains deck G's net on the 1,437 training digits with your
# `relu_net_gradients` and mini-batches.

# %% tags=["further"]
rng = np.random.default_rng(0)
X, labels = digits.x_train.numpy().astype(float), digits.y_train.numpy()
X_test, labels_test = digits.x_test.numpy().astype(float), digits.y_test.numpy()
layers = [X.shape[1], 64, 32, 10]
weights = [rng.normal(size=(m, n)) * np.sqrt(2 / m) for m, n in itertools.pairwise(layers)]


def test_accuracy():
    h = X_test
    for W in weights[:-1]:
        h = np.maximum(h @ W, 0)
    return np.mean(np.argmax(h @ weights[-1], axis=1) == labels_test)


accuracies = [test_accuracy()]
for _ in range(30):
    shuffled = rng.permutation(len(X))
    for first in range(0, len(X), 32):
        batch = shuffled[first : first + 32]
        gradients = relu_net_gradients(X[batch], labels[batch], *weights)
        weights = [W - 0.1 * G for W, G in zip(weights, gradients, strict=True)]
    accuracies.append(test_accuracy())

plt.plot(accuracies)
plt.title(f"relu, relu, softmax on digits, gradients by hand: {accuracies[-1]:.1%}")
plt.xlabel("epoch")
plt.ylabel("test accuracy")
plt.show()

# %% [markdown]
# Some things to try from here:
#
# - Change the layer sizes, the learning rate, the batch size. Begin the cell with `digits = data.mnist().flat()`
#   (downloaded once, 12 MB): the rest stays as it is, an epoch takes longer. How close do you come to 98 %?
# - Move it to the GPU: rewrite `relu_net_gradients` with tensors (`np.maximum` → `torch.clamp`, `.T` and `@` stay), and
#   put data and weights on `course_utils.device.pick_device()`. From which layer width on is the GPU faster?
# - Train the biases, which deck K never updates. Derive $\partial E/\partial b_1$ and $\partial E/\partial b_2$ for
#   shared biases, train them as well, and the error after 10,000 steps falls from 3.5e-05 to 4.4e-06; with one bias for
#   each neuron to 2.4e-06.
# - Grow the engine: add `tanh` and `sigmoid` to `Value`, then a `Neuron`, a `Layer` and a net of them, and learn XOR.
#   How many nodes has the graph of one training step? Make `backward` work without recursion, and a sum of 10,000
#   values no longer exceeds Python's recursion limit.
# - Second derivatives: let the slopes be `Value`s themselves. What has to change so that `backward` can be run on a
#   gradient?
#
# **Next:** [lecture 03](../../lectures/03_mlp.ipynb), in which PyTorch does the differentiation, and its lab.
