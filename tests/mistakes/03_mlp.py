# %% [markdown]
# # Lab 03: answers that `course verify` tries
#
# Mistakes that students make, correct answers that look different from ours, and mutants that no test can tell from the
# reference. Each cell replaces the answer cell of the exercise that it names.

# %% [markdown]
# ## softmax

# %% mistake="softmax" slip="no maximum subtracted" says="overflow|NaN"
def softmax(logits):
    exp = logits.exp()
    return exp / exp.sum(dim=1, keepdim=True)


# %% mistake="softmax" slip="normalised over the batch" says="over the batch \(dim 0\)"
def softmax(logits):
    exp = (logits - logits.max(dim=0, keepdim=True).values).exp()
    return exp / exp.sum(dim=0, keepdim=True)


# %% mistake="softmax" slip="normalised over all entries" says="whole table"
def softmax(logits):
    exp = (logits - logits.max()).exp()
    return exp / exp.sum()


# %% mistake="softmax" slip="one maximum for the whole batch, a row of small logits underflows" says="own maximum"
def softmax(logits):
    exp = (logits - logits.max()).exp()
    return exp / exp.sum(dim=1, keepdim=True)


# %% mistake="softmax" slip="the caller's logits are changed in place" says="modified in place"
def softmax(logits):
    logits -= logits.max(dim=1, keepdim=True).values
    exp = logits.exp()
    return exp / exp.sum(dim=1, keepdim=True)


# %% mistake="softmax" slip="no exponential" says="exponential"
def softmax(logits):
    return logits / logits.sum(dim=1, keepdim=True)


# %% mistake="softmax" slip="logarithm of the probabilities" says="logarithm"
def softmax(logits):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


# %% mistake="softmax" slip="calls the function that it is to replace" says="without|not allowed|forbid"
def softmax(logits):
    return torch.softmax(logits, dim=1)


# %% alternative="softmax" note="a loop over the rows"
def softmax(logits):
    rows = []
    for row in logits:
        exp = torch.exp(row - row.max())
        rows.append(exp / exp.sum())
    return torch.stack(rows)


# %% alternative="softmax" note="NumPy style"
def softmax(logits):
    values = logits.numpy()
    exp = np.exp(values - values.max(axis=-1, keepdims=True))
    return torch.from_numpy(exp / exp.sum(axis=-1, keepdims=True))


# %% alternative="softmax" note="pairwise differences: p_k = 1 / sum_j exp(z_j - z_k), where overflow gives 0"
def softmax(logits):
    differences = logits[:, None, :] - logits[:, :, None]
    return 1 / differences.exp().sum(dim=2)


# %% [markdown]
# ## cross_entropy

# %% mistake="cross_entropy" slip="sum and not mean" says="sum"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_sum = shifted.exp().sum(dim=1).log()
    return (log_sum - shifted[torch.arange(len(labels)), labels]).sum()


# %% mistake="cross_entropy" slip="logarithm of the softmax, which underflows" says="overflow|infinite|NaN"
def cross_entropy(logits, labels):
    exp = (logits - logits.max(dim=1, keepdim=True).values).exp()
    probabilities = exp / exp.sum(dim=1, keepdim=True)
    return -probabilities[torch.arange(len(labels)), labels].log().mean()


# %% mistake="cross_entropy" slip="a small constant hides the underflow" says="cut off|constant"
def cross_entropy(logits, labels):
    exp = (logits - logits.max(dim=1, keepdim=True).values).exp()
    probabilities = exp / exp.sum(dim=1, keepdim=True)
    return -(probabilities[torch.arange(len(labels)), labels] + 1e-9).log().mean()


# %% mistake="cross_entropy" slip="the softmax is applied twice" says="twice"
def cross_entropy(logits, labels):
    for _ in range(2):
        logits = logits - logits.max(dim=1, keepdim=True).values
        last, logits = logits, logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    log_probabilities = last - last.exp().sum(dim=1, keepdim=True).log()
    return -log_probabilities[torch.arange(len(labels)), labels].mean()


# %% mistake="cross_entropy" slip="logits[:, labels] takes every label for every example" says="every label"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_probabilities = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return -log_probabilities[:, labels].mean()


# %% mistake="cross_entropy" slip="mean over examples and classes" says="number of classes"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_probabilities = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    one_hot = torch.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return -(one_hot * log_probabilities).mean()


# %% mistake="cross_entropy" slip="minus sign forgotten" says="sign"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_sum = shifted.exp().sum(dim=1).log()
    return (shifted[torch.arange(len(labels)), labels] - log_sum).mean()


# %% mistake="cross_entropy" slip="a Python number comes back, no gradient can pass" says="autograd|graph"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_sum = shifted.exp().sum(dim=1).log()
    return (log_sum - shifted[torch.arange(len(labels)), labels]).mean().item()


# %% mistake="cross_entropy" slip="the maximum is subtracted on one side only" says="maximum"
def cross_entropy(logits, labels):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_sum = shifted.exp().sum(dim=1).log()
    return (log_sum - logits[torch.arange(len(labels)), labels]).mean()


# %% mistake="cross_entropy" slip="calls the function that it is to replace" says="without|not allowed|forbid"
def cross_entropy(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels)


# %% mistake="cross_entropy" slip="one maximum for the whole batch" says="overflow|infinite|NaN"
def cross_entropy(logits, labels):
    m = logits.max()
    total = m + (logits - m).exp().sum(dim=1).log()
    return (total - logits[torch.arange(len(labels)), labels]).mean()


# %% alternative="cross_entropy" note="a loop over the batch"
def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = row.max()
        total = total + top + torch.log(torch.exp(row - top).sum()) - row[label]
    return total / len(labels)


# %% alternative="cross_entropy" note="one-hot mask"
def cross_entropy(logits, labels):
    top = logits.detach().amax(dim=1, keepdim=True)
    log_probabilities = logits - top - torch.log(torch.exp(logits - top).sum(dim=1, keepdim=True))
    mask = torch.arange(logits.shape[1])[None, :] == labels[:, None]
    return -torch.where(mask, log_probabilities, torch.zeros_like(log_probabilities)).sum() / len(labels)


# %% alternative="cross_entropy" note="gather, and the losses as log(sum of exp of differences)"
def cross_entropy(logits, labels):
    differences = logits - logits.gather(1, labels[:, None])
    top = differences.max(dim=1).values
    return (top + (differences - top[:, None]).exp().sum(dim=1).log()).mean()


# %% [markdown]
# ## mlp_forward

# %% mistake="mlp_forward" slip="ReLU after the last layer too" says="last layer"
def mlp_forward(x, weights, biases):
    for weight, bias in zip(weights, biases, strict=True):
        x = torch.relu(x @ weight.T + bias)
    return x


# %% mistake="mlp_forward" slip="no ReLU" says="no ReLU|without a ReLU"
def mlp_forward(x, weights, biases):
    for weight, bias in zip(weights, biases, strict=True):
        x = x @ weight.T + bias
    return x


# %% mistake="mlp_forward" slip="weight not transposed" says="transpos"
def mlp_forward(x, weights, biases):
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ weight + bias
        if layer < len(weights) - 1:
            x = x.relu()
    return x


# %% mistake="mlp_forward" slip="biases forgotten" says="bias"
def mlp_forward(x, weights, biases):
    for weight in weights[:-1]:
        x = torch.relu(x @ weight.T)
    return x @ weights[-1].T


# %% mistake="mlp_forward" slip="bias added after the ReLU" says="after the ReLU"
def mlp_forward(x, weights, biases):
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = torch.relu(x @ weight.T) + bias
    return x @ weights[-1].T + biases[-1]


# %% mistake="mlp_forward" slip="ReLU in front of the first layer" says="input"
def mlp_forward(x, weights, biases):
    for weight, bias in zip(weights, biases, strict=True):
        x = torch.relu(x) @ weight.T + bias
    return x


# %% mistake="mlp_forward" slip="softmax inside the net" says="softmax"
def mlp_forward(x, weights, biases):
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = torch.relu(x @ weight.T + bias)
    return torch.softmax(x @ weights[-1].T + biases[-1], dim=1)


# %% mistake="mlp_forward" slip="autograd cut by a detour through NumPy" says="autograd|graph"
def mlp_forward(x, weights, biases):
    hidden = x.detach().numpy()
    for layer in range(len(weights)):
        hidden = hidden @ weights[layer].detach().numpy().T + biases[layer].detach().numpy()
        if layer < len(weights) - 1:
            hidden = np.maximum(hidden, 0)
    return torch.from_numpy(hidden)


# %% mistake="mlp_forward" slip="one hidden layer assumed" says="number of layers|as many layers"
def mlp_forward(x, weights, biases):
    hidden = torch.relu(x @ weights[0].T + biases[0])
    return hidden @ weights[-1].T + biases[-1]


# %% mistake="mlp_forward" slip="the last layer is popped off the caller's lists" says="pop"
def mlp_forward(x, weights, biases):
    weight, bias = weights.pop(), biases.pop()
    for hidden_weight, hidden_bias in zip(weights, biases, strict=True):
        x = torch.relu(x @ hidden_weight.T + hidden_bias)
    return x @ weight.T + bias


# %% alternative="mlp_forward" note="torch.nn.functional"
def mlp_forward(x, weights, biases):
    *inner, last = zip(weights, biases, strict=True)
    for weight, bias in inner:
        x = torch.nn.functional.relu(torch.nn.functional.linear(x, weight, bias))
    return torch.nn.functional.linear(x, *last)


# %% alternative="mlp_forward" note="recursion, and ReLU as a mask"
def mlp_forward(x, weights, biases):
    z = torch.einsum("bi,oi->bo", x, weights[0]) + biases[0]
    if len(weights) == 1:
        return z
    return mlp_forward(z * (z > 0), weights[1:], biases[1:])


# %% [markdown]
# ## collapse

# %% mistake="collapse" slip="product in the wrong order" says="order"
def collapse(weights, biases):
    weight, bias = weights[0], biases[0]
    for layer in range(1, len(weights)):
        weight = weight @ weights[layer]
        bias = weights[layer] @ bias + biases[layer]
    return weight, bias


# %% mistake="collapse" slip="biases added up" says="added up|summed"
def collapse(weights, biases):
    weight = weights[0]
    for layer in range(1, len(weights)):
        weight = weights[layer] @ weight
    return weight, sum(biases)


# %% mistake="collapse" slip="only the last bias is left" says="last bias"
def collapse(weights, biases):
    weight = weights[0]
    for layer in range(1, len(weights)):
        weight = weights[layer] @ weight
    return weight, biases[-1]


# %% mistake="collapse" slip="weights added up" says="added up|summed"
def collapse(weights, biases):
    bias = biases[0]
    for layer in range(1, len(weights)):
        bias = weights[layer] @ bias + biases[layer]
    return sum(weights), bias


# %% mistake="collapse" slip="product entry by entry" says="entry by entry|element"
def collapse(weights, biases):
    weight, bias = weights[0], biases[0]
    for layer in range(1, len(weights)):
        weight = weights[layer] * weight
        bias = weights[layer] @ bias + biases[layer]
    return weight, bias


# %% mistake="collapse" slip="result for column-wise weights" says="transpos"
def collapse(weights, biases):
    weight, bias = weights[0], biases[0]
    for layer in range(1, len(weights)):
        weight = weights[layer] @ weight
        bias = weights[layer] @ bias + biases[layer]
    return weight.T, bias


# %% mistake="collapse" slip="only two layers are joined" says="layers"
def collapse(weights, biases):
    return weights[1] @ weights[0], weights[1] @ biases[0] + biases[1]


# %% alternative="collapse" note="push the origin and the unit vectors through the stack"
def collapse(weights, biases):
    n_in = weights[0].shape[1]
    points = torch.cat([torch.zeros(1, n_in), torch.eye(n_in)]).to(weights[0].dtype)
    for weight, bias in zip(weights, biases, strict=True):
        points = points @ weight.T + bias
    return (points[1:] - points[0]).T, points[0]


# %% alternative="collapse" note="from the last layer backwards"
def collapse(weights, biases):
    weight = torch.eye(len(biases[-1]), dtype=weights[-1].dtype)
    bias = torch.zeros_like(biases[-1])
    for layer_weight, layer_bias in zip(reversed(weights), reversed(biases), strict=True):
        bias = bias + weight @ layer_bias
        weight = weight @ layer_weight
    return [weight, bias]


# %% alternative="collapse" note="one product of augmented matrices"
def collapse(weights, biases):
    total = torch.eye(weights[0].shape[1] + 1, dtype=weights[0].dtype)
    for weight, bias in zip(weights, biases, strict=True):
        bottom = torch.zeros(1, weight.shape[1] + 1, dtype=weight.dtype)
        bottom[0, -1] = 1
        total = torch.cat([torch.cat([weight, bias[:, None]], dim=1), bottom]) @ total
    return total[:-1, :-1], total[:-1, -1]


# %% [markdown]
# ## init_weights

# %% mistake="init_weights" slip="variance used as standard deviation" says="square root"
def init_weights(sizes, scheme, seed):
    generator = torch.Generator().manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in, generator=generator) * variance)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="fan-out in place of fan-in" says="n_out|outputs"
def init_weights(sizes, scheme, seed):
    generator = torch.Generator().manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_out if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in, generator=generator) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="factor 2 of He forgotten" says="factor 2|ReLU"
def init_weights(sizes, scheme, seed):
    generator = torch.Generator().manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 1 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in, generator=generator) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="seeded anew for each layer, all start with the same numbers" says="same numbers"
def init_weights(sizes, scheme, seed):
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        torch.manual_seed(seed)
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="all weights positive" says="mean"
def init_weights(sizes, scheme, seed):
    torch.manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.rand(n_out, n_in) * (12 * variance) ** 0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="uniform between plus and minus the standard deviation" says="uniform"
def init_weights(sizes, scheme, seed):
    torch.manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        std = (2 / n_in if scheme == "he" else 2 / (n_in + n_out)) ** 0.5
        weights.append((2 * torch.rand(n_out, n_in) - 1) * std)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="all weights zero, so that all hidden units stay alike" says="zero|alike"
def init_weights(sizes, scheme, seed):
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights = [torch.zeros(n_out, n_in) for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)]
    return weights, [torch.zeros(n_out) for n_out in sizes[1:]]


# %% mistake="init_weights" slip="weight matrices the wrong way round" says="transposed|shape"
def init_weights(sizes, scheme, seed):
    torch.manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_in, n_out) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="the seed is not used" says="seed"
def init_weights(sizes, scheme, seed):
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="a misspelt scheme is taken for Xavier" says="ValueError"
def init_weights(sizes, scheme, seed):
    torch.manual_seed(seed)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.randn(n_out, n_in) * variance**0.5)
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% mistake="init_weights" slip="NumPy's float64 kept" says="float32"
def init_weights(sizes, scheme, seed):
    if scheme not in ("he", "xavier"):
        raise ValueError(scheme)
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        variance = 2 / n_in if scheme == "he" else 2 / (n_in + n_out)
        weights.append(torch.from_numpy(rng.normal(0, variance**0.5, (n_out, n_in))))
        biases.append(torch.zeros(n_out))
    return weights, biases


# %% alternative="init_weights" note="uniform, through torch.nn.init"
def init_weights(sizes, scheme, seed):
    torch.manual_seed(seed)
    if scheme not in ("he", "xavier"):
        raise ValueError(f"unknown scheme {scheme!r}")
    weights = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        weight = torch.empty(n_out, n_in)
        if scheme == "he":
            torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")
        else:
            torch.nn.init.xavier_uniform_(weight)
        weights.append(weight)
    return weights, [torch.zeros(len(weight)) for weight in weights]


# %% alternative="init_weights" note="NumPy generator, a table of variances"
def init_weights(sizes, scheme, seed):
    variances = {"he": lambda n_in, n_out: 2 / n_in, "xavier": lambda n_in, n_out: 2 / (n_in + n_out)}
    if scheme not in variances:
        raise ValueError("scheme is 'he' or 'xavier'")
    rng = np.random.default_rng(seed)
    weights = []
    for layer in range(len(sizes) - 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        values = rng.normal(0.0, np.sqrt(variances[scheme](n_in, n_out)), size=(n_out, n_in))
        weights.append(torch.tensor(values, dtype=torch.float32))
    return weights, [torch.zeros(n) for n in sizes[1:]]


# %% [markdown]
# ## dropout

# %% mistake="dropout" slip="survivors not scaled up" says="scale"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training:
        return x
    return x * (torch.rand_like(x) >= p)


# %% mistake="dropout" slip="p taken for the probability of keeping" says="keep|kept"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training or p == 0:
        return x
    return x * (torch.rand_like(x) < p) / p


# %% mistake="dropout" slip="scaled by 1/p" says="1 / p|1/p"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training or p == 0:
        return x
    return x * (torch.rand_like(x) >= p) / p


# %% mistake="dropout" slip="still dropping at test time" says="dropped with training=False"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% mistake="dropout" slip="classic dropout: scaled at test time" says="scaled at test time"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training:
        return x * (1 - p)
    return x * (torch.rand_like(x) >= p)


# %% mistake="dropout" slip="one mask for all examples" says="same units|one mask|whole column"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training:
        return x
    return x * (torch.rand(x.shape[1]) >= p) / (1 - p)


# %% mistake="dropout" slip="whole examples dropped" says="whole row|whole example"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training:
        return x
    return x * (torch.rand(len(x), 1) >= p) / (1 - p)


# %% mistake="dropout" slip="the same mask at every call" says="every call|same mask"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if not training:
        return x
    torch.manual_seed(0)
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% mistake="dropout" slip="the caller's activations are changed in place" says="modified in place"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    if training:
        x.mul_((torch.rand_like(x) >= p) / (1 - p))
    return x


# %% mistake="dropout" slip="p = 1 divides by zero" says="ValueError"
def dropout(x, p, training=True):
    if not training:
        return x
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% mistake="dropout" slip="the same number of units dropped in each example (E43)" says="same number"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError(p)
    if not training:
        return x
    rank = torch.rand(x.shape).argsort(dim=1).argsort(dim=1)
    return x * (rank >= round(p * x.shape[1])) / (1 - p)


# %% mistake="dropout" slip="calls the function that it is to replace" says="without"
def dropout(x, p, training=True):
    if not 0 <= p < 1:
        raise ValueError(p)
    return torch.nn.functional.dropout(x, p, training)


# %% alternative="dropout" note="torch.where"
def dropout(x, p, training=True):
    if p < 0 or p >= 1:
        raise ValueError(f"p must be in [0, 1), got {p}")
    if training:
        return torch.where(torch.rand(x.shape) < p, torch.zeros_like(x), x / (1 - p))
    return x.clone()


# %% alternative="dropout" note="a loop over the units, Python's random numbers"
def dropout(x, p, training=True):
    import random

    if not 0 <= p < 1:
        raise ValueError("p is a probability below 1")
    if not training:
        return x
    scale = [[0.0 if random.random() < p else 1 / (1 - p) for _ in row] for row in x]
    return x * torch.tensor(scale, dtype=x.dtype)


# %% [markdown]
# ## batch_norm

# %% mistake="batch_norm" slip="unbiased variance in the output" says="unbiased|n - 1"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0)
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(var.detach(), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="biased variance in the running average" says="biased"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(var.detach(), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="eps added outside the root" says="eps"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(x.detach().var(dim=0), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / (torch.sqrt(var) + eps) + beta


# %% mistake="batch_norm" slip="divided by the variance" says="variance and not|square root"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(x.detach().var(dim=0), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / (var + eps) + beta


# %% mistake="batch_norm" slip="momentum weighs the old value" says="momentum"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        running_mean.lerp_(mean.detach(), 1 - momentum)
        running_var.lerp_(x.detach().var(dim=0), 1 - momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="running statistics bound to new tensors, the caller's stay" says="not updated"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * x.var(dim=0)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="batch statistics at test time" says="statistics of the batch were used"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
    if training:
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(x.detach().var(dim=0), momentum)
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="running statistics change at test time" says="only read"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
    else:
        mean, var = running_mean.clone(), running_var.clone()
    running_mean.lerp_(x.detach().mean(dim=0), momentum)
    running_var.lerp_(x.detach().var(dim=0), momentum)
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="each example normalised over its features" says="over the features|dim 1"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean(dim=1, keepdim=True), x.var(dim=1, unbiased=False, keepdim=True)
        running_mean.lerp_(x.detach().mean(dim=0), momentum)
        running_var.lerp_(x.detach().var(dim=0), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="batch statistics detached" says="constants|mean and the variance"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        with torch.no_grad():
            mean, var = x.mean(dim=0), x.var(dim=0, unbiased=False)
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(x.var(dim=0), momentum)
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta


# %% mistake="batch_norm" slip="normalised with the running statistics while training" says="running statistics"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    if training:
        running_mean.lerp_(x.detach().mean(dim=0), momentum)
        running_var.lerp_(x.detach().var(dim=0), momentum)
    return gamma * (x - running_mean) / torch.sqrt(running_var + eps) + beta


# %% mistake="batch_norm" slip="momentum fixed at its default" says="argument momentum is not used"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    mean, variance = running_mean, running_var
    if training:
        mean, variance = x.mean(dim=0), x.var(dim=0, unbiased=False)
        with torch.no_grad():
            running_mean.copy_(0.9 * running_mean + 0.1 * mean)
            running_var.copy_(0.9 * running_var + 0.1 * x.var(dim=0))
    return gamma * (x - mean) / (variance + eps).sqrt() + beta


# %% mistake="batch_norm" slip="calls the function that it is to replace" says="without"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    return torch.nn.functional.batch_norm(x, running_mean, running_var, gamma, beta, training, momentum, eps)


# %% alternative="batch_norm" note="sums by hand, updates with copy_"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    n = x.shape[0]
    if not training:
        return (x - running_mean) * (gamma * (running_var + eps) ** -0.5) + beta
    mean = x.sum(0) / n
    centred = x - mean
    squares = (centred**2).sum(0)
    with torch.no_grad():
        running_mean.copy_((1 - momentum) * running_mean + momentum * mean)
        running_var.copy_((1 - momentum) * running_var + momentum * squares / (n - 1))
    return centred * torch.rsqrt(squares / n + eps) * gamma + beta


# %% alternative="batch_norm" note="a loop over the features, slices assigned"
def batch_norm(x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5):
    columns = []
    for k in range(x.shape[1]):
        column = x[:, k]
        mean, var = running_mean[k].clone(), running_var[k].clone()
        if training:
            mean = column.mean()
            var = ((column - mean) ** 2).mean()
            running_mean[k] = running_mean[k] * (1 - momentum) + momentum * mean.item()
            running_var[k] = running_var[k] * (1 - momentum) + momentum * column.detach().var().item()
        columns.append(gamma[k] * (column - mean) / (var + eps).sqrt() + beta[k])
    return torch.stack(columns, dim=1)


# %% [markdown]
# ## momentum_step

# %% mistake="momentum_step" slip="uphill" says="uphill|sign|added"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    with torch.no_grad():
        for v, param in zip(velocity, params, strict=True):
            v.mul_(momentum).add_(param.grad)
            param.add_(lr * (param.grad + momentum * v if nesterov else v))


# %% mistake="momentum_step" slip="parameters bound to new tensors, the caller's stay" says="did not move"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    for v, param in zip(velocity, params, strict=True):
        v.mul_(momentum).add_(param.grad)
        param = param - lr * (param.grad + momentum * v if nesterov else v)


# %% mistake="momentum_step" slip="velocity forgotten between the steps" says="velocity"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    state["velocity"] = [torch.zeros_like(param) for param in params]
    with torch.no_grad():
        for v, param in zip(state["velocity"], params, strict=True):
            v.mul_(momentum).add_(param.grad)
            param.sub_(lr * (param.grad + momentum * v if nesterov else v))


# %% mistake="momentum_step" slip="gradient weighted with 1 - momentum" says="1 - momentum"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    with torch.no_grad():
        for v, param in zip(velocity, params, strict=True):
            v.mul_(momentum).add_((1 - momentum) * param.grad)
            param.sub_(lr * (param.grad + momentum * v if nesterov else v))


# %% mistake="momentum_step" slip="learning rate inside the velocity" says="learning rate"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    with torch.no_grad():
        for v, param in zip(velocity, params, strict=True):
            v.mul_(momentum).add_(lr * param.grad)
            param.sub_(lr * param.grad + momentum * v if nesterov else v)


# %% mistake="momentum_step" slip="nesterov ignored" says="nesterov"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    with torch.no_grad():
        for v, param in zip(velocity, params, strict=True):
            v.mul_(momentum).add_(param.grad)
            param.sub_(lr * v)


# %% mistake="momentum_step" slip="one velocity shared by all parameters" says="own velocity"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    with torch.no_grad():
        for param in params:
            v = momentum * state.get("velocity", [0.0])[0] + param.grad
            state["velocity"] = [v] * len(params)
            param.sub_(lr * (param.grad + momentum * v if nesterov else v))


# %% mistake="momentum_step" slip="update recorded by autograd" says="no_grad|leaf Variable"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    velocity = state.setdefault("velocity", [torch.zeros_like(param) for param in params])
    for v, param in zip(velocity, params, strict=True):
        v.mul_(momentum).add_(param.grad)
        param.sub_(lr * (param.grad + momentum * v if nesterov else v))


# %% mistake="momentum_step" slip="the velocity begins as .grad itself, and is then changed in place" says="grad itself"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    if not state:
        state["velocity"] = [param.grad for param in params]
    with torch.no_grad():
        for v, param in zip(state["velocity"], params, strict=True):
            v *= momentum
            v += param.grad
            param -= lr * (param.grad + momentum * v if nesterov else v)


# %% mistake="momentum_step" slip="Nesterov with the old velocity" says="new.* velocity"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    old = state.get("velocity", [torch.zeros_like(param) for param in params])
    state["velocity"] = [momentum * v + param.grad for v, param in zip(old, params, strict=True)]
    with torch.no_grad():
        for param, before, v in zip(params, old, state["velocity"], strict=True):
            param -= lr * (param.grad + momentum * before if nesterov else v)


# %% alternative="momentum_step" note="fresh velocities each step, param.data"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    old = state.get("velocity", [0.0] * len(params))
    state["velocity"] = [momentum * v + param.grad for v, param in zip(old, params, strict=True)]
    for v, param in zip(state["velocity"], params, strict=True):
        param.data -= lr * (momentum * v + param.grad) if nesterov else lr * v


# %% alternative="momentum_step" note="index loop, first velocity = first gradient"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    first = "velocity" not in state
    if first:
        state["velocity"] = [None for _ in params]
    for i in range(len(params)):
        grad = params[i].grad.detach()
        v = grad.clone() if first else momentum * state["velocity"][i] + grad
        state["velocity"][i] = v
        with torch.no_grad():
            params[i].copy_(params[i] - lr * v - (lr * (grad + (momentum - 1) * v) if nesterov else 0))


# %% alternative="momentum_step" note="the first velocity is the first .grad itself; each backward makes a new one"
def momentum_step(params, state, lr=0.1, momentum=0.9, nesterov=False):
    with torch.no_grad():
        if not state:
            state["velocity"] = [param.grad for param in params]
        else:
            for v, param in zip(state["velocity"], params, strict=True):
                v.mul_(momentum).add_(param.grad)
        for v, param in zip(state["velocity"], params, strict=True):
            param -= lr * (param.grad + momentum * v if nesterov else v)

# %% [markdown]
# ## adam_step

# %% mistake="adam_step" slip="no bias correction" says="bias correction"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = state.get("step", 0) + 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (v[i].sqrt() + eps)


# %% mistake="adam_step" slip="only the first moment corrected" says="bias correction of v"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = state.get("step", 0) + 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (1 - betas[0] ** state["step"]) / (v[i].sqrt() + eps)


# %% mistake="adam_step" slip="eps inside the root" says="eps.*root|root.*eps"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = t = state.get("step", 0) + 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (1 - betas[0] ** t) / (v[i] / (1 - betas[1] ** t) + eps).sqrt()


# %% mistake="adam_step" slip="eps added before the bias correction" says="before the bias correction"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = t = state.get("step", 0) + 1
    corrected = lr * (1 - betas[1] ** t) ** 0.5 / (1 - betas[0] ** t)
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= corrected * m[i] / (v[i].sqrt() + eps)


# %% mistake="adam_step" slip="steps counted from 0" says="from 0|from 1"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    t = state.setdefault("step", 0)
    state["step"] += 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            m_hat = m[i] / torch.tensor(1 - betas[0] ** t)
            v_hat = v[i] / torch.tensor(1 - betas[1] ** t)
            param -= lr * m_hat / (v_hat.sqrt() + eps)


# %% mistake="adam_step" slip="step counter stays at 1" says="step counter did not go up"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    t = state.setdefault("step", 1)
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (1 - betas[0] ** t) / ((v[i] / (1 - betas[1] ** t)).sqrt() + eps)


# %% mistake="adam_step" slip="step counted once for each parameter" says="each parameter|per call"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state.setdefault("step", 0)
    with torch.no_grad():
        for i, param in enumerate(params):
            state["step"] += 1
            t = state["step"]
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (1 - betas[0] ** t) / ((v[i] / (1 - betas[1] ** t)).sqrt() + eps)


# %% mistake="adam_step" slip="second moment without the square" says="square"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = t = state.get("step", 0) + 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad.abs()
            param -= lr * m[i] / (1 - betas[0] ** t) / ((v[i] / (1 - betas[1] ** t)).sqrt() + eps)


# %% mistake="adam_step" slip="square root forgotten" says="root"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = state.setdefault("m", [torch.zeros_like(param) for param in params])
    v = state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = t = state.get("step", 0) + 1
    with torch.no_grad():
        for i, param in enumerate(params):
            m[i] = betas[0] * m[i] + (1 - betas[0]) * param.grad
            v[i] = betas[1] * v[i] + (1 - betas[1]) * param.grad**2
            param -= lr * m[i] / (1 - betas[0] ** t) / (v[i] / (1 - betas[1] ** t) + eps)


# %% mistake="adam_step" slip="moments bound to new tensors and lost" says="in place|not kept|moments"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    state.setdefault("m", [torch.zeros_like(param) for param in params])
    state.setdefault("v", [torch.zeros_like(param) for param in params])
    state["step"] = t = state.get("step", 0) + 1
    with torch.no_grad():
        for m, v, param in zip(state["m"], state["v"], params, strict=True):
            m = betas[0] * m + (1 - betas[0]) * param.grad
            v = betas[1] * v + (1 - betas[1]) * param.grad**2
            param -= lr * m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)


# %% mistake="adam_step" slip="betas mixed up" says="mixed up"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    if not state:
        state |= {"step": 0, "m": [0] * len(params), "v": [0] * len(params)}
    state["step"] += 1
    b2, b1 = betas
    with torch.no_grad():
        for i, param in enumerate(params):
            state["m"][i] = b1 * state["m"][i] + (1 - b1) * param.grad
            state["v"][i] = b2 * state["v"][i] + (1 - b2) * param.grad**2
            m, v = state["m"][i] / (1 - b1 ** state["step"]), state["v"][i] / (1 - b2 ** state["step"])
            param -= lr * m / (v.sqrt() + eps)


# %% mistake="adam_step" slip="betas fixed at their defaults" says="argument betas is not used"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    if not state:
        state |= {"step": 0, "m": [0] * len(params), "v": [0] * len(params)}
    state["step"] += 1
    b1, b2 = 0.9, 0.999
    with torch.no_grad():
        for i, param in enumerate(params):
            state["m"][i] = b1 * state["m"][i] + (1 - b1) * param.grad
            state["v"][i] = b2 * state["v"][i] + (1 - b2) * param.grad**2
            m, v = state["m"][i] / (1 - b1 ** state["step"]), state["v"][i] / (1 - b2 ** state["step"])
            param -= lr * m / (v.sqrt() + eps)


# %% mistake="adam_step" slip="a tensor as step counter" says="int"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    if not state:
        state |= {"step": torch.tensor(0.0), "m": [0] * len(params), "v": [0] * len(params)}
    state["step"] += 1
    b1, b2 = betas
    with torch.no_grad():
        for i, param in enumerate(params):
            state["m"][i] = b1 * state["m"][i] + (1 - b1) * param.grad
            state["v"][i] = b2 * state["v"][i] + (1 - b2) * param.grad**2
            m, v = state["m"][i] / (1 - b1 ** state["step"]), state["v"][i] / (1 - b2 ** state["step"])
            param -= lr * m / (v.sqrt() + eps)


# %% alternative="adam_step" note="in-place methods, as in torch.optim"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    if not state:
        state["step"] = 0
        state["m"] = [torch.zeros_like(param) for param in params]
        state["v"] = [torch.zeros_like(param) for param in params]
    state["step"] += 1
    correction1 = 1 - betas[0] ** state["step"]
    correction2 = 1 - betas[1] ** state["step"]
    with torch.no_grad():
        for m, v, param in zip(state["m"], state["v"], params, strict=True):
            m.lerp_(param.grad, 1 - betas[0])
            v.mul_(betas[1]).addcmul_(param.grad, param.grad, value=1 - betas[1])
            denominator = (v.sqrt() / correction2**0.5).add_(eps)
            param.addcdiv_(m, denominator, value=-lr / correction1)


# %% alternative="adam_step" note="lists rebuilt, param.data"
def adam_step(params, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    beta1, beta2 = betas
    grads = [param.grad.detach() for param in params]
    t = state.get("step", 0) + 1
    zeros = [0] * len(params)
    m = [beta1 * old + (1 - beta1) * grad for old, grad in zip(state.get("m", zeros), grads, strict=True)]
    v = [beta2 * old + (1 - beta2) * grad**2 for old, grad in zip(state.get("v", zeros), grads, strict=True)]
    state.update(step=t, m=m, v=v)
    for i in range(len(params)):
        params[i].data -= lr * (m[i] / (1 - beta1**t)) / (torch.sqrt(v[i] / (1 - beta2**t)) + eps)


# %% [markdown]
# ## train

# %% mistake="train" slip="gradients not set to zero" says="zero_grad|add up"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            loss.backward()
            with torch.no_grad():
                for param in params:
                    param -= lr * param.grad
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="last, smaller batch skipped" says="last batch"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        batches = []
        for batch in range(len(x) // batch_size):
            rows = slice(batch * batch_size, (batch + 1) * batch_size)
            hidden = x[rows]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            batches.append(loss.item())
        losses.append(sum(batches) / len(batches))
    return losses


# %% mistake="train" slip="biases not trained" says="bias"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [weight.requires_grad_() for weight in weights]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="softmax before the cross-entropy" says="softmax"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            probabilities = torch.softmax(hidden @ weights[-1].T + biases[-1], dim=1)
            loss = torch.nn.functional.cross_entropy(probabilities, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="optimiser never steps" says="did not move"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            optimizer.zero_grad()
            loss.backward()
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="a copy is trained, the caller's net stays" says="did not move"
def train(weights, biases, x, y, epochs, batch_size, lr):
    weights = [weight.clone().requires_grad_() for weight in weights]
    biases = [bias.clone().requires_grad_() for bias in biases]
    optimizer = torch.optim.SGD([*weights, *biases], lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="mean of the batch means" says="batch means|weigh"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        batches = []
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            batches.append(loss.item())
        losses.append(sum(batches) / len(batches))
    return losses


# %% mistake="train" slip="losses summed as tensors, with their graphs" says="plain numbers"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="gradients set to zero between backward and step" says="cleared after backward"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            loss = torch.nn.functional.cross_entropy(hidden @ weights[-1].T + biases[-1], labels)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            total += loss.item() * len(labels)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="loss summed over the batch" says="sum"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    optimizer = torch.optim.SGD(params, lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            hidden, labels = x[start : start + batch_size], y[start : start + batch_size]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                hidden = torch.relu(hidden @ weight.T + bias)
            logits = hidden @ weights[-1].T + biases[-1]
            loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="the loss is measured after the step" says="after the step"
def train(weights, biases, x, y, epochs, batch_size, lr):
    params = [param.requires_grad_() for param in [*weights, *biases]]
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.arange(len(x)).split(batch_size):
            for param in params:
                param.grad = None
            torch.nn.functional.cross_entropy(mlp_forward(x[rows], weights, biases), y[rows]).backward()
            with torch.no_grad():
                for param in params:
                    param -= lr * param.grad
                after = torch.nn.functional.cross_entropy(mlp_forward(x[rows], weights, biases), y[rows])
            total += after.item() * len(rows)
        losses.append(total / len(x))
    return losses


# %% mistake="train" slip="the examples are shuffled, and the order given was asked" says="order given|batch of two"
def train(weights, biases, x, y, epochs, batch_size, lr):
    optimizer = torch.optim.SGD([param.requires_grad_() for param in [*weights, *biases]], lr=lr)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.arange(len(x)).flip(0).split(batch_size):
            loss = torch.nn.functional.cross_entropy(mlp_forward(x[rows], weights, biases), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(x))
    return losses


# %% alternative="train" note="everything by hand, gradients through torch.autograd.grad"
def train(weights, biases, x, y, epochs, batch_size, lr):
    losses = [0.0] * epochs
    params = list(weights) + list(biases)
    for param in params:
        param.requires_grad = True
    for epoch in range(epochs):
        for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
            z = images
            for layer in range(len(weights)):
                z = (z if layer == 0 else z.clamp(min=0)) @ weights[layer].t() + biases[layer]
            each = z.logsumexp(dim=1) - z.gather(1, labels[:, None])[:, 0]
            grads = torch.autograd.grad(each.mean(), params)
            for param, grad in zip(params, grads, strict=True):
                param.data -= lr * grad
            losses[epoch] += each.sum().item() / len(x)
    return losses


# %% alternative="train" note="modules, a DataLoader, and the result copied back"
def train(weights, biases, x, y, epochs, batch_size, lr):
    layers = []
    for weight, bias in zip(weights, biases, strict=True):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        linear.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch_size)
    losses = []
    for _ in range(epochs):
        seen = []
        for images, labels in loader:
            each = torch.nn.functional.cross_entropy(model(images), labels, reduction="none")
            model.zero_grad()
            each.mean().backward()
            optimizer.step()
            seen.append(each.detach())
        losses.append(torch.cat(seen).mean().item())
    with torch.no_grad():
        for linear, weight, bias in zip(layers[::2], weights, biases, strict=True):
            weight.copy_(linear.weight)
            bias.copy_(linear.bias)
    return losses
