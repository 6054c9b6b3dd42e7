# %% [markdown]
# Answers to lab 02 that `course verify` tries: the mistakes that students make, other correct answers, and mutants
# of the reference that no test can tell from it.

# %% [markdown]
# ## 1. `sigmoid`

# %% mistake="sigmoid" slip="e^z / (1 + e^z) overflows for large z" says="overflow|nan"
def sigmoid(z):
    value = np.exp(z) / (1 + np.exp(z))
    return value, value * (1 - value)


# %% mistake="sigmoid" slip="1 - s loses every digit where s is close to 1" says="1 - sigmoid.* loses"
def sigmoid(z):
    value = 1 / (1 + np.exp(-z))
    return value, value * (1 - value)


# %% mistake="sigmoid" slip="sign of the slope, as deck F prints it (E2)" says="sign of the slope"
def sigmoid(z):
    value = np.exp(-np.logaddexp(0, -z))
    return value, -value * np.exp(-np.logaddexp(0, z))


# %% mistake="sigmoid" slip="the quotient e^-z / (1 + e^-z)^2 is inf / inf for z = -800" says="overflow|nan"
def sigmoid(z):
    e = np.exp(-z)
    return 1 / (1 + e), e / (1 + e) ** 2


# %% mistake="sigmoid" slip="z clipped to keep exp from overflowing" says="clip"
def sigmoid(z):
    z = np.clip(z, -30, 30)
    value = 1 / (1 + np.exp(-z))
    return value, value / (1 + np.exp(z))


# %% mistake="sigmoid" slip="math.exp takes one number and not an array" says="array"
def sigmoid(z):
    value = 1 / (1 + math.exp(-z))
    return value, value / (1 + math.exp(z))


# %% mistake="sigmoid" slip="the slope is left out" says="tuple of 2"
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# %% mistake="sigmoid" slip="exp(z) where exp(-z) belongs" says="exp.z. stands"
def sigmoid(z):
    value = np.exp(-np.logaddexp(0, z))
    return value, value * np.exp(-np.logaddexp(0, -z))


# %% mistake="sigmoid" slip="the tanh form: 1 + tanh is a difference where z is negative" says="1 . tanh"
def sigmoid(z):
    s = 0.5 * (1 + np.tanh(z / 2))
    return s, s * 0.5 * (1 + np.tanh(-z / 2))


# %% alternative="sigmoid" note="the two halves of the axis by np.where"
def sigmoid(z):
    e = np.exp(-np.abs(z))
    value = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return value, e / (1 + e) ** 2


# %% alternative="sigmoid" note="sigma(z) sigma(-z) with the plain formula"
def sigmoid(z):
    def plain(t):
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-t))

    return plain(z), plain(z) * plain(-z)


# %% alternative="sigmoid" note="PyTorch, number by number"
def sigmoid(z):
    value, slope = np.empty(z.shape), np.empty(z.shape)
    for index in np.ndindex(z.shape):
        t = torch.tensor(z[index], dtype=torch.float64)
        value[index] = torch.sigmoid(t).item()
        slope[index] = (torch.sigmoid(t) * torch.sigmoid(-t)).item()
    return value, slope


# %% [markdown]
# ## 2. `logistic_loss`

# %% mistake="logistic_loss" slip="sum over the batch, not mean" says="factor of 2 .*sum"
def logistic_loss(X, y, a, b):
    z = X @ a + b
    return np.sum(np.logaddexp(0, z) - y * z)


# %% mistake="logistic_loss" slip="the minus sign of the log-likelihood is missing" says="sign is flipped"
def logistic_loss(X, y, a, b):
    z = X @ a + b
    return -np.mean(np.logaddexp(0, z) - y * z)


# %% mistake="logistic_loss" slip="only the y = 1 term" says="term for y = 0.*missing"
def logistic_loss(X, y, a, b):
    z = X @ a + b
    return np.mean(y * np.logaddexp(0, -z))


# %% mistake="logistic_loss" slip="bias left out" says="bias b is not"
def logistic_loss(X, y, a, b):
    z = X @ a
    return np.mean(np.logaddexp(0, z) - y * z)


# %% mistake="logistic_loss" slip="log of a probability that has become 0" says="nan|inf"
def logistic_loss(X, y, a, b):
    prob = 1 / (1 + np.exp(-(X @ a + b)))
    return np.mean(-y * np.log(prob) - (1 - y) * np.log(1 - prob))


# %% mistake="logistic_loss" slip="probability clipped before the log" says="clip"
def logistic_loss(X, y, a, b):
    prob = np.clip(1 / (1 + np.exp(-(X @ a + b))), 1e-12, 1 - 1e-12)
    return np.mean(-y * np.log(prob) - (1 - y) * np.log(1 - prob))


# %% mistake="logistic_loss" slip="one loss an example, no mean" says="mean over axis 0 is missing"
def logistic_loss(X, y, a, b):
    z = X @ a + b
    return np.logaddexp(0, z) - y * z


# %% mistake="logistic_loss" slip="squared error" says="squared"
def logistic_loss(X, y, a, b):
    prob = np.exp(-np.logaddexp(0, -(X @ a + b)))
    return np.mean((prob - y) ** 2)


# %% alternative="logistic_loss" note="loop over the examples, plain Python"
def logistic_loss(X, y, a, b):
    total = 0.0
    for row, label in zip(X, y, strict=True):
        z = b + sum(float(w) * float(v) for w, v in zip(a, row, strict=True))
        margin = z if label == 1 else -z
        total += math.log1p(math.exp(-abs(margin))) + max(-margin, 0.0)
    return total / len(y)


# %% alternative="logistic_loss" note="PyTorch"
def logistic_loss(X, y, a, b):
    z = torch.as_tensor(X) @ torch.as_tensor(a) + b
    return torch.nn.functional.binary_cross_entropy_with_logits(z, torch.as_tensor(y)).item()


# %% [markdown]
# ## 3. `logistic_gradient`

# %% mistake="logistic_gradient" slip="E1: the sign of the second term of dL/dp" says="E1"
def logistic_gradient(X, y, a, b):
    prob = np.exp(-np.logaddexp(0, -(X @ a + b)))
    dz = (-y / prob - (1 - y) / (1 - prob)) * prob * (1 - prob)
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="E2: the sign of dp/da" says="E2"
def logistic_gradient(X, y, a, b):
    prob = np.exp(-np.logaddexp(0, -(X @ a + b)))
    dz = (-y / prob + (1 - y) / (1 - prob)) * -prob * (1 - prob)
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="E1 and E2 together, as deck F prints them" says="E1 and E2"
def logistic_gradient(X, y, a, b):
    prob = np.exp(-np.logaddexp(0, -(X @ a + b)))
    dz = (-y / prob - (1 - y) / (1 - prob)) * -prob * (1 - prob)
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="the right product, but 0/0 where the probability saturates" says="nan|inf"
def logistic_gradient(X, y, a, b):
    prob = 1 / (1 + np.exp(-(X @ a + b)))
    dz = (-y / prob + (1 - y) / (1 - prob)) * prob * (1 - prob)
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="sum over the batch, not mean" says="sum (where|over the examples)"
def logistic_gradient(X, y, a, b):
    dz = np.exp(-np.logaddexp(0, -(X @ a + b))) - y
    return X.T @ dz, dz.sum()


# %% mistake="logistic_gradient" slip="bias gradient summed, weight gradient averaged" says="sum where"
def logistic_gradient(X, y, a, b):
    dz = np.exp(-np.logaddexp(0, -(X @ a + b))) - y
    return X.T @ dz / len(y), dz.sum()


# %% mistake="logistic_gradient" slip="divided by the number of features" says="number of features"
def logistic_gradient(X, y, a, b):
    dz = np.exp(-np.logaddexp(0, -(X @ a + b))) - y
    return X.T @ dz / len(a), dz.mean()


# %% mistake="logistic_gradient" slip="factor p (1 - p) left in" says="factor p .1 - p. too many"
def logistic_gradient(X, y, a, b):
    prob = np.exp(-np.logaddexp(0, -(X @ a + b)))
    dz = (prob - y) * prob * (1 - prob)
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="bias left out of the forward pass" says="bias b is not"
def logistic_gradient(X, y, a, b):
    dz = np.exp(-np.logaddexp(0, -(X @ a))) - y
    return X.T @ dz / len(y), dz.mean()


# %% mistake="logistic_gradient" slip="results in the wrong order" says="other order"
def logistic_gradient(X, y, a, b):
    dz = np.exp(-np.logaddexp(0, -(X @ a + b))) - y
    return dz.mean(), X.T @ dz / len(y)


# %% alternative="logistic_gradient" note="loop over the examples"
def logistic_gradient(X, y, a, b):
    da, db = np.zeros(len(a)), 0.0
    for row, label in zip(X, y, strict=True):
        residual = math.exp(-np.logaddexp(0, -(row @ a + b))) - label
        da += residual * row
        db += residual
    return da / len(y), db / len(y)


# %% alternative="logistic_gradient" note="the bias as a weight of a constant input"
def logistic_gradient(X, y, a, b):
    X1 = np.column_stack([X, np.ones(len(X))])
    z = X1 @ np.append(a, b)
    e = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    gradient = np.mean((p - y)[:, None] * X1, axis=0)
    return gradient[:-1], gradient[-1]


# %% mistake="logistic_gradient" slip="autograd, and not by hand" says="backward, which this exercise does without"
def logistic_gradient(X, y, a, b):
    weights = torch.tensor(a, requires_grad=True)
    bias = torch.tensor(float(b), dtype=torch.float64, requires_grad=True)
    z = torch.as_tensor(X) @ weights + bias
    torch.nn.functional.binary_cross_entropy_with_logits(z, torch.as_tensor(y)).backward()
    return weights.grad.numpy(), bias.grad.item()


# %% mistake="logistic_gradient" slip="differences, and not by hand" says="numerical_gradient, which this exercise does"
def logistic_gradient(X, y, a, b):
    def loss(a, b):
        z = X @ a + b
        return np.mean(np.logaddexp(0, z) - y * z)

    return numerical_gradient(lambda a: loss(a, b), a), numerical_gradient(lambda b: loss(a, b), np.array(float(b)))[()]


# %% [markdown]
# ## 4. `numerical_gradient`

# %% mistake="numerical_gradient" slip="forward difference" says="forward difference"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x)) / h
    return gradient


# %% mistake="numerical_gradient" slip="divided by h where 2h belongs" says="2 h apart"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / h
    return gradient


# %% mistake="numerical_gradient" slip="precedence: (…) / 2 * h multiplies by h" says="parentheses"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / 2 * h
    return gradient


# %% mistake="numerical_gradient" slip="all components moved at once" says="all components are moved"
def numerical_gradient(f, x, h=1e-5):
    return np.full_like(x, (f(x + h) - f(x - h)) / (2 * h))


# %% mistake="numerical_gradient" slip="x is moved in place and not put back" says="modified in place"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        x[index] += h
        plus = f(x)
        x[index] -= 2 * h
        minus = f(x)
        gradient[index] = (plus - minus) / (2 * h)
    return gradient


# %% mistake="numerical_gradient" slip="only the first axis: rows are moved, not components" says="whole row"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = h
        gradient[i] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


# %% mistake="numerical_gradient" slip="the gradient is returned flat" says="shape"
def numerical_gradient(f, x, h=1e-5):
    gradient = []
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient.append((f(x + step) - f(x - step)) / (2 * h))
    return np.array(gradient)


# %% mistake="numerical_gradient" slip="h is ignored" says="argument h is not used"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        gradient[index] = (f(x + step) - f(x - step)) / 2e-5
    return gradient


# %% mistake="numerical_gradient" slip="the sign: minus before plus" says="sign is flipped"
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x - step) - f(x + step)) / (2 * h)
    return gradient


# %% alternative="numerical_gradient" note="one component of a copy moved in place and put back"
def numerical_gradient(f, x, h=1e-5):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        before = x[index]
        x[index] = before + h
        plus = f(x)
        x[index] = before - h
        minus = f(x)
        x[index] = before
        gradient[index] = (plus - minus) / (2 * h)
    return gradient


# %% alternative="numerical_gradient" note="rows of an identity matrix as steps"
def numerical_gradient(f, x, h=1e-5):
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + s) - f(x - s) for s in steps]).reshape(x.shape) / (2 * h)


# %% [markdown]
# ## 5. `forward_pass`

# %% mistake="forward_pass" slip="W1 and W2 transposed" says="W1 and W2 are transposed"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(x @ W1 + b1)))
    o = 1 / (1 + np.exp(-(h @ W2 + b2)))
    return h, o, 0.5 * np.sum((o - target) ** 2)


# %% mistake="forward_pass" slip="the factor 1/2 of the error is missing" says="factor 1/2 of the error is missing"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    return h, o, np.sum((o - target) ** 2)


# %% mistake="forward_pass" slip="mean over the outputs, not half the sum" says="mean over the outputs"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    return h, o, np.mean((o - target) ** 2)


# %% mistake="forward_pass" slip="no sigmoid on the output" says="sigmoid of the output layer is missing"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = W2 @ h + b2
    return h, o, 0.5 * np.sum((o - target) ** 2)


# %% mistake="forward_pass" slip="biases left out" says="biases are missing"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x)))
    o = 1 / (1 + np.exp(-(W2 @ h)))
    return h, o, 0.5 * np.sum((o - target) ** 2)


# %% mistake="forward_pass" slip="b1 added in both layers" says="b1 is added in both layers"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b1)))
    return h, o, 0.5 * np.sum((o - target) ** 2)


# %% mistake="forward_pass" slip="one error an output, no sum" says="sum over the outputs is missing"
def forward_pass(x, target, W1, b1, W2, b2):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    return h, o, 0.5 * (o - target) ** 2


# %% mistake="forward_pass" slip="written out for two neurons" says="the shape is|another shape"
def forward_pass(x, target, W1, b1, W2, b2):
    def s(z):
        return 1 / (1 + math.exp(-z))

    h1 = s(W1[0, 0] * x[0] + W1[0, 1] * x[1] + b1)
    h2 = s(W1[1, 0] * x[0] + W1[1, 1] * x[1] + b1)
    o1 = s(W2[0, 0] * h1 + W2[0, 1] * h2 + b2)
    o2 = s(W2[1, 0] * h1 + W2[1, 1] * h2 + b2)
    return np.array([h1, h2]), np.array([o1, o2]), 0.5 * ((o1 - target[0]) ** 2 + (o2 - target[1]) ** 2)


# %% alternative="forward_pass" note="loops over neurons, plain Python numbers"
def forward_pass(x, target, W1, b1, W2, b2):
    def layer(W, inputs, bias):
        return [1 / (1 + math.exp(-bias - sum(w * v for w, v in zip(row, inputs, strict=True)))) for row in W]

    h = layer(W1, x, b1)
    o = layer(W2, h, b2)
    return np.array(h), np.array(o), sum((p - q) ** 2 for p, q in zip(o, target, strict=True)) / 2


# %% alternative="forward_pass" note="PyTorch"
def forward_pass(x, target, W1, b1, W2, b2):
    x, target, W1, W2 = (torch.as_tensor(array) for array in (x, target, W1, W2))
    h = torch.sigmoid(W1 @ x + b1)
    o = torch.sigmoid(W2 @ h + b2)
    return h.numpy(), o.numpy(), 0.5 * torch.nn.functional.mse_loss(o, target, reduction="sum").item()


# %% [markdown]
# ## 6. `training_step`

# %% mistake="training_step" slip="E4: hidden deltas from updated output weights" says="already updated .erratum E4"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    W2 = W2 - lr * np.outer(delta_o, h)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    W1 = W1 - lr * np.outer(delta_h, x)
    return W1, W2


# %% mistake="training_step" slip="uphill: the gradient is added" says="uphill"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return W1 + lr * np.outer(delta_h, x), W2 + lr * np.outer(delta_o, h)


# %% mistake="training_step" slip="derivative of the output sigmoid missing" says="o .1 - o. of the output"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = o - target
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return W1 - lr * np.outer(delta_h, x), W2 - lr * np.outer(delta_o, h)


# %% mistake="training_step" slip="derivative of the hidden sigmoid missing" says="h .1 - h. of the hidden"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = W2.T @ delta_o
    return W1 - lr * np.outer(delta_h, x), W2 - lr * np.outer(delta_o, h)


# %% mistake="training_step" slip="W2 and not its transpose carries the deltas back" says="back untransposed"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2 @ delta_o) * h * (1 - h)
    return W1 - lr * np.outer(delta_h, x), W2 - lr * np.outer(delta_o, h)


# %% mistake="training_step" slip="outer(h, delta) for outer(delta, h)" says="gradients are transposed"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return W1 - lr * np.outer(x, delta_h), W2 - lr * np.outer(h, delta_o)


# %% mistake="training_step" slip="the caller's weights are changed in place" says="modified in place"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    W1 -= lr * np.outer(delta_h, x)
    W2 -= lr * np.outer(delta_o, h)
    return W1, W2


# %% mistake="training_step" slip="learning rate left out" says="learning rate"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return W1 - np.outer(delta_h, x), W2 - np.outer(delta_o, h)


# %% mistake="training_step" slip="gradients returned, not new weights" says="these are the gradients"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = 1 / (1 + np.exp(-(W1 @ x + b1)))
    o = 1 / (1 + np.exp(-(W2 @ h + b2)))
    delta_o = (o - target) * o * (1 - o)
    delta_h = (W2.T @ delta_o) * h * (1 - h)
    return np.outer(delta_h, x), np.outer(delta_o, h)


# %% alternative="training_step" note="loops over the weights, as on the slides"
def training_step(x, target, W1, b1, W2, b2, lr):
    h = [1 / (1 + math.exp(-(sum(W1[j, i] * x[i] for i in range(len(x))) + b1))) for j in range(len(W1))]
    o = [1 / (1 + math.exp(-(sum(W2[k, j] * h[j] for j in range(len(h))) + b2))) for k in range(len(W2))]
    delta_o = [(o[k] - target[k]) * o[k] * (1 - o[k]) for k in range(len(o))]
    new_W1, new_W2 = W1.copy(), W2.copy()
    for j in range(len(h)):
        back = sum(delta_o[k] * W2[k, j] for k in range(len(o)))
        for i in range(len(x)):
            new_W1[j, i] -= lr * back * h[j] * (1 - h[j]) * x[i]
        for k in range(len(o)):
            new_W2[k, j] -= lr * delta_o[k] * h[j]
    return new_W1, new_W2


# %% alternative="training_step" note="columns, and PyTorch as an array library"
def training_step(x, target, W1, b1, W2, b2, lr):
    x, t, W1, W2 = (torch.tensor(value) for value in (x, target, W1, W2))
    h = torch.sigmoid(W1 @ x[:, None] + b1)
    o = torch.sigmoid(W2 @ h + b2)
    d_o = (o - t[:, None]) * (o - o**2)
    d_h = (d_o.T @ W2).T * (h - h**2)
    return (W1 - lr * d_h * x).numpy(), (W2 - lr * d_o @ h.T).numpy()


# %% mistake="training_step" slip="autograd, and not by hand" says="backward, which this exercise does without"
def training_step(x, target, W1, b1, W2, b2, lr):
    W1, W2 = torch.tensor(W1, requires_grad=True), torch.tensor(W2, requires_grad=True)
    o = torch.sigmoid(W2 @ torch.sigmoid(W1 @ torch.tensor(x) + b1) + b2)
    (0.5 * (o - torch.tensor(target)) ** 2).sum().backward()
    torch.optim.SGD([W1, W2], lr=lr).step()
    return W1.detach().numpy(), W2.detach().numpy()


# %% [markdown]
# ## 7. `relu_net_gradients`

# %% mistake="relu_net_gradients" slip="sum over the batch, not mean" says="sum (where|over the examples)"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="the one-hot label is not subtracted" says="one-hot labels are not subtracted"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True) * len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="relu is not differentiated" says="derivative of relu is missing: "
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T
    d1 = d2 @ W2.T
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="relu mask from the gradient" says="relu is applied to the gradient"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = np.maximum(p @ W3.T, 0)
    d1 = np.maximum(d2 @ W2.T, 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="no maximum subtracted in the softmax" says="overflow|nan"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    p = np.exp(h2 @ W3)
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="one maximum for the whole batch" says="0/0|nan"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max())
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="softmax over the batch, axis 0" says="over the batch .axis 0"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=0))
    p /= p.sum(axis=0)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="relu'(0) taken as 1" says="relu at 0 is taken as 1"
def relu_net_gradients(X, labels, W1, W2, W3):
    z1 = X @ W1
    h1 = np.maximum(z1, 0)
    z2 = h1 @ W2
    h2 = np.maximum(z2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (z2 >= 0)
    d1 = d2 @ W2.T * (z1 >= 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="gradients in backward order, W3 first" says="order of the results is reversed"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return h2.T @ p, h1.T @ d2, X.T @ d1


# %% mistake="relu_net_gradients" slip="no relu mask in layer 1" says="relu is missing in the first"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="as many classes as this batch shows" says="column for each class seen"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    z = h2 @ W3
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    d3 = (p - np.eye(labels.max() + 1)[labels]) / len(X)
    d2 = d3 @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ d3


# %% alternative="relu_net_gradients" note="loop over the examples"
def relu_net_gradients(X, labels, W1, W2, W3):
    g1, g2, g3 = np.zeros(W1.shape), np.zeros(W2.shape), np.zeros(W3.shape)
    for x, label in zip(X, labels, strict=True):
        z1 = W1.T @ x
        h1 = np.where(z1 > 0, z1, 0.0)
        z2 = W2.T @ h1
        h2 = np.where(z2 > 0, z2, 0.0)
        logits = W3.T @ h2
        delta3 = np.exp(logits - np.logaddexp.reduce(logits))
        delta3[label] -= 1
        delta2 = np.where(z2 > 0, W3 @ delta3, 0.0)
        delta1 = np.where(z1 > 0, W2 @ delta2, 0.0)
        g1 += np.outer(x, delta1) / len(X)
        g2 += np.outer(h1, delta2) / len(X)
        g3 += np.outer(h2, delta3) / len(X)
    return g1, g2, g3


# %% alternative="relu_net_gradients" note="PyTorch as an array library, layers in a loop"
def relu_net_gradients(X, labels, W1, W2, W3):
    weights = [torch.tensor(W) for W in (W1, W2, W3)]
    inputs = [torch.tensor(X)]
    for W in weights[:-1]:
        inputs.append((inputs[-1] @ W).clamp(min=0))
    d = torch.softmax(inputs[-1] @ weights[-1], dim=1)
    d[torch.arange(len(X)), torch.tensor(labels)] -= 1
    d /= len(X)
    gradients = []
    for h, W in zip(reversed(inputs), reversed(weights), strict=True):
        gradients.insert(0, (h.T @ d).numpy())
        d = d @ W.T * (h > 0)
    return gradients


# %% mistake="relu_net_gradients" slip="softmax without keepdims" says="keepdims"
def relu_net_gradients(X, labels, W1, W2, W3):
    h1 = np.maximum(X @ W1, 0)
    h2 = np.maximum(h1 @ W2, 0)
    logits = h2 @ W3
    odds = np.exp(logits - logits.max(axis=1))
    p = odds / odds.sum(axis=1)
    p[np.arange(len(X)), labels] -= 1
    p /= len(X)
    d2 = p @ W3.T * (h2 > 0)
    d1 = d2 @ W2.T * (h1 > 0)
    return X.T @ d1, h1.T @ d2, h2.T @ p


# %% mistake="relu_net_gradients" slip="autograd, and not by hand" says="grad, which this exercise does without"
def relu_net_gradients(X, labels, W1, W2, W3):
    weights = [torch.tensor(W, requires_grad=True) for W in (W1, W2, W3)]
    logits = torch.relu(torch.relu(torch.tensor(X) @ weights[0]) @ weights[1]) @ weights[2]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    return [gradient.numpy() for gradient in torch.autograd.grad(loss, weights)]


# %% [markdown]
# ## 8. `topological_order`

# %% mistake="topological_order" slip="root first: children before parents" says="reverse order"
def topological_order(root, parents):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents[node]:
                visit(parent)
            order.append(node)

    visit(root)
    return order[::-1]


# %% mistake="topological_order" slip="pre-order, then reversed" says="before its parent"
def topological_order(root, parents):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            order.append(node)
            for parent in parents[node]:
                visit(parent)

    visit(root)
    return order[::-1]


# %% mistake="topological_order" slip="breadth first, reversed" says="before its parent"
def topological_order(root, parents):
    order, queue = [], [root]
    while queue:
        node = queue.pop(0)
        if node not in order:
            order.append(node)
            queue.extend(parents[node])
    return order[::-1]


# %% mistake="topological_order" slip="no record of visited nodes: shared nodes come twice" says="more than once"
def topological_order(root, parents):
    order = []
    for parent in parents[root]:
        order += topological_order(parent, parents)
    return [*order, root]


# %% mistake="topological_order" slip="every node of the graph" says="does not depend on"
def topological_order(root, parents):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents[node]:
                visit(parent)
            order.append(node)

    for node in parents:
        visit(node)
    return order


# %% mistake="topological_order" slip="the root itself is missing" says="missing"
def topological_order(root, parents):
    order, seen = [], set()

    def visit(node):
        for parent in parents[node]:
            if parent not in seen:
                seen.add(parent)
                visit(parent)
                order.append(parent)

    visit(root)
    return order


# %% mistake="topological_order" slip="a set, which has no order" says="list"
def topological_order(root, parents):
    found, stack = {root}, [root]
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return found


# %% mistake="topological_order" slip="a default list keeps the nodes of the last call" says="one list for all"
def topological_order(root, parents, order=[]):  # noqa: B006
    if root not in order:
        for parent in parents[root]:
            topological_order(parent, parents, order)
        order.append(root)
    return order


# %% alternative="topological_order" note="no recursion: Kahn's algorithm from the root"
def topological_order(root, parents):
    reachable, stack = {root}, [root]
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in reachable:
                reachable.add(parent)
                stack.append(parent)
    waiting = {node: set(parents[node]) for node in reachable}
    order = []
    while waiting:
        ready = [node for node, missing in waiting.items() if not missing]
        for node in ready:
            del waiting[node]
        for missing in waiting.values():
            missing.difference_update(ready)
        order += ready
    return order


# %% alternative="topological_order" note="explicit stack; parents from the last to the first"
def topological_order(root, parents):
    order, done, stack = [], set(), [(root, False)]
    while stack:
        node, expanded = stack.pop()
        if node in done:
            continue
        if expanded:
            done.add(node)
            order.append(node)
        else:
            stack.append((node, True))
            stack.extend((parent, False) for parent in parents[node])
    return order


# %% [markdown]
# ## 9. `Value`

# %% mistake="Value" slip="grad is set and not added to" says="used twice is overwritten"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.wrap(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.inputs:
                parent.grad = slope * node.grad

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="no topological order" says="before all of it has arrived"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.wrap(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        def clear(node):
            node.grad = 0.0
            for parent, _ in node.inputs:
                clear(parent)

        def push(node):
            for parent, slope in node.inputs:
                parent.grad += slope * node.grad
                push(parent)

        clear(self)
        self.grad = 1.0
        push(self)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="plain numbers are not wrapped" says="plain number has no .data"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    def __add__(self, other):
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.inputs:
                parent.grad += slope * node.grad

    def __neg__(self):
        return self * Value(-1)

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="each factor of a product gets its own value" says="slopes of the product are swapped"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.wrap(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value(self.data * other.data, [(self, self.data), (other, other.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.inputs:
                parent.grad += slope * node.grad

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="backward does not start from zero" says="second call added"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.wrap(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in node.inputs:
                parent.grad += slope * node.grad

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="the gradient of the result itself is never set to 1" says="set to 1 before"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    @staticmethod
    def wrap(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.wrap(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = Value.wrap(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, float(self.data > 0))])

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.inputs:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        for node in reversed(order):
            for parent, slope in node.inputs:
                parent.grad += slope * node.grad

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.wrap(other)

    def __truediv__(self, other):
        return self * Value.wrap(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other


# %% mistake="Value" slip="the slope of exp is taken to be its argument" says="slope of e"
class Value:
    def __init__(self, data, inputs=()):
        self.data = data
        self.grad = 0.0
        self.inputs = inputs

    def __add__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, exponent):
        return Value(self.data ** exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        e = math.exp(self.data)
        return Value(e, [(self, self.data)])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(self.data, 0), [(self, 1.0 if self.data > 0 else 0.0)])

    def backward(self):
        order, seen = [], []

        def visit(v):
            if v in seen:
                return
            seen.append(v)
            for p, _ in v.inputs:
                visit(p)
            order.append(v)

        visit(self)
        for v in order:
            v.grad = 0.0
        self.grad = 1.0
        for v in reversed(order):
            for p, s in v.inputs:
                p.grad += s * v.grad

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


# %% alternative="Value" note="each operation leaves a closure that passes its gradient back"
class Value:
    def __init__(self, data, parents=(), push=None):
        self.data = float(data)
        self.grad = 0.0
        self.parents = tuple(parents)
        self.push = push

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def push():
            self.grad += out.grad
            other.grad += out.grad

        out.push = push
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.push = push
        return out

    def _unary(self, data, slope):
        out = Value(data, (self,))

        def push():
            self.grad += slope * out.grad

        out.push = push
        return out

    def __pow__(self, exponent):
        return self._unary(self.data**exponent, exponent * self.data ** (exponent - 1))

    def exp(self):
        return self._unary(math.exp(self.data), math.exp(self.data))

    def log(self):
        return self._unary(math.log(self.data), 1 / self.data)

    def relu(self):
        return self._unary(self.data if self.data > 0 else 0.0, 1.0 if self.data > 0 else 0.0)

    def backward(self):
        order, stack, done = [], [(self, False)], set()
        while stack:
            node, expanded = stack.pop()
            if id(node) in done:
                continue
            if expanded:
                done.add(id(node))
                order.append(node)
            else:
                stack.append((node, True))
                stack.extend((parent, False) for parent in node.parents)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            if node.push is not None:
                node.push()

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-1.0) * other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Value) else 1 / other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return Value(other) - self

    def __rtruediv__(self, other):
        return Value(other) / self


# %% alternative="Value" note="every operator with its own derivative; gradient path by path, added up at the leaves"
class Value:
    def __init__(self, data, inputs=()):
        self.data, self.inputs, self.grad = data, list(inputs), 0.0

    def __add__(self, other):
        if not isinstance(other, Value):
            return Value(self.data + other, [(self, 1)])
        return Value(self.data + other.data, [(self, 1), (other, 1)])

    def __sub__(self, other):
        if not isinstance(other, Value):
            return Value(self.data - other, [(self, 1)])
        return Value(self.data - other.data, [(self, 1), (other, -1)])

    def __mul__(self, other):
        if not isinstance(other, Value):
            return Value(self.data * other, [(self, other)])
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __truediv__(self, other):
        if not isinstance(other, Value):
            return Value(self.data / other, [(self, 1 / other)])
        return Value(self.data / other.data, [(self, 1 / other.data), (other, -self.data / other.data**2)])

    def __neg__(self):
        return Value(-self.data, [(self, -1)])

    def __radd__(self, other):
        return Value(other + self.data, [(self, 1)])

    def __rsub__(self, other):
        return Value(other - self.data, [(self, -1)])

    def __rmul__(self, other):
        return Value(other * self.data, [(self, other)])

    def __rtruediv__(self, other):
        return Value(other / self.data, [(self, -other / self.data**2)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def relu(self):
        return Value(max(0, self.data), [(self, int(self.data > 0))])

    def backward(self):
        def clear(node):
            node.grad = 0.0
            for parent, _ in node.inputs:
                clear(parent)

        def add_path(node, product):
            node.grad += product
            for parent, slope in node.inputs:
                add_path(parent, product * slope)

        clear(self)
        add_path(self, 1.0)


# %% [markdown]
# ## 10. `gradient_descent`

# %% mistake="gradient_descent" slip="uphill" says="uphill"
def gradient_descent(grad, x0, lr, steps):
    path = [np.array(x0)]
    for _ in range(steps):
        path.append(path[-1] + lr * grad(path[-1]))
    return np.array(path)


# %% mistake="gradient_descent" slip="the start is not part of the trajectory" says="start x0 is not part"
def gradient_descent(grad, x0, lr, steps):
    path, x = [], np.array(x0)
    for _ in range(steps):
        x = x - lr * grad(x)
        path.append(x)
    return np.array(path)


# %% mistake="gradient_descent" slip="one array changed in place" says="same array is in every row"
def gradient_descent(grad, x0, lr, steps):
    x = x0.copy()
    path = [x]
    for _ in range(steps):
        x -= lr * grad(x)
        path.append(x)
    return np.array(path)


# %% mistake="gradient_descent" slip="the caller's x0 is changed in place" says="modified in place"
def gradient_descent(grad, x0, lr, steps):
    path = [x0.copy()]
    for _ in range(steps):
        x0 -= lr * grad(x0)
        path.append(x0.copy())
    return np.array(path)


# %% mistake="gradient_descent" slip="the gradient is always taken at the start" says="at the start only"
def gradient_descent(grad, x0, lr, steps):
    direction = grad(x0)
    return np.array([x0 - k * lr * direction for k in range(steps + 1)])


# %% mistake="gradient_descent" slip="only the last point is returned" says="only the last point"
def gradient_descent(grad, x0, lr, steps):
    x = np.array(x0)
    for _ in range(steps):
        x = x - lr * grad(x)
    return x


# %% mistake="gradient_descent" slip="one step too few" says="one of the steps is missing"
def gradient_descent(grad, x0, lr, steps):
    path = [np.array(x0)]
    for _ in range(steps - 1):
        path.append(path[-1] - lr * grad(path[-1]))
    return np.array(path)


# %% mistake="gradient_descent" slip="learning rate left out" says="learning rate"
def gradient_descent(grad, x0, lr, steps):
    path = [np.array(x0)]
    for _ in range(steps):
        path.append(path[-1] - grad(path[-1]))
    return np.array(path)


# %% alternative="gradient_descent" note="rows of an array filled in one after the other"
def gradient_descent(grad, x0, lr, steps):
    path = np.empty((steps + 1, *np.shape(x0)))
    path[0] = x0
    for k in range(steps):
        path[k + 1] = path[k] - lr * grad(path[k])
    return path


# %% alternative="gradient_descent" note="recursion on the number of steps"
def gradient_descent(grad, x0, lr, steps):
    if steps == 0:
        return np.array([x0])
    rest = gradient_descent(grad, x0 - lr * grad(x0), lr, steps - 1)
    return np.concatenate([np.array([x0]), rest])


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="sigmoid" mutant="minus_log = np.logaddexp(0, -z) -> minus_log = np.logaddexp(-z, 0)"
# logaddexp is symmetric in its arguments

# %% [markdown] equivalent="sigmoid" mutant="minus_log_rest = np.logaddexp(0, z) -> minus_log_rest = np.logaddexp(z, 0)"
# logaddexp is symmetric in its arguments

# %% [markdown] equivalent="logistic_loss" mutant="softplus = np.logaddexp(0, z) -> softplus = np.logaddexp(z, 0)"
# logaddexp is symmetric in its arguments

# %% [markdown] equivalent="logistic_gradient" mutant="softplus = np.logaddexp(0, -z) -> softplus = np.logaddexp(-z, 0)"
# logaddexp is symmetric in its arguments

# %% [markdown] equivalent="forward_pass" mutant="miss = o - target -> miss = target - o"
# only the square of the difference is used

# %% [markdown] equivalent="relu_net_gradients" mutant="h1 = np.maximum(X @ W1, 0) -> h1 = np.maximum(0, X @ W1)"
# the maximum is symmetric in its arguments

# %% [markdown] equivalent="relu_net_gradients" mutant="h2 = np.maximum(h1 @ W2, 0) -> h2 = np.maximum(0, h1 @ W2)"
# the maximum is symmetric in its arguments

# %% [markdown] equivalent="Value" mutant="slope = float(self.data > 0) -> slope = self.data > 0"
# True and False count as 1 and 0 in a product
