# %% [markdown]
# # Lab 07: answers that `course verify` tries
#
# Mistakes that students make, correct answers that look different from ours, and mutants that no test can tell from the
# reference. Each cell replaces the answer cell of the exercise that it names.

# %% [markdown]
# ## mixture_log_density

# %% mistake="mixture_log_density" slip="density first, then its logarithm" says="underflow"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    normal = torch.exp(-squares / (2 * variances)) / (2 * math.pi * variances) ** (d / 2)
    return torch.log((weights * normal).sum(dim=1))


# %% mistake="mixture_log_density" slip="density kept from 0 by a small constant" says="small constant"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    normal = torch.exp(-squares / (2 * variances)) / (2 * math.pi * variances) ** (d / 2)
    return torch.log((weights * normal).sum(dim=1) + 1e-12)


# %% mistake="mixture_log_density" slip="weights missing" says="weights are missing"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(-squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="variance squared once more" says="do not square"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    v = variances**2
    return torch.logsumexp(torch.log(weights) - squares / (2 * v) - d / 2 * torch.log(2 * math.pi * v), dim=1)


# %% mistake="mixture_log_density" slip="factor of one dimension" says="power of 1/2"
def mixture_log_density(x, weights, means, variances):
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - 0.5 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="mean of the logarithms" says="averaged with the weights"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    logs = -squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances)
    return (weights * logs).sum(dim=1)


# %% mistake="mixture_log_density" slip="the density itself" says="logarithm is asked"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.exp(torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1))


# %% mistake="mixture_log_density" slip="summed over the points" says="over the points"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=0)


# %% mistake="mixture_log_density" slip="from torch.distributions" says="uses distributions"
def mixture_log_density(x, weights, means, variances):
    normal = torch.distributions.Independent(torch.distributions.Normal(means, variances.sqrt()[:, None]), 1)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(weights), normal)
    return mixture.log_prob(x)


# %% mistake="mixture_log_density" slip="the 2 in the exponent missing" says="the 2 is missing"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / variances - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="the sign of the exponent" says="falls with the distance"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) + squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="the sign of the factor's logarithm" says="has a minus"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) + d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="2 pi missing" says="lacks 2π"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(variances), dim=1)


# %% mistake="mixture_log_density" slip="weights instead of their logarithms" says="logarithm of a weight"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return torch.logsumexp(
        weights - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="squares averaged over the coordinates" says="averaged over the d"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = ((x[:, None] - means) ** 2).mean(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="distance not squared" says="not squared"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    squares = (x[:, None] - means).norm(dim=2)
    return torch.logsumexp(
        torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=1)


# %% mistake="mixture_log_density" slip="a float32 tensor for float64 inputs" says="dtype=x.dtype"
def mixture_log_density(x, weights, means, variances):
    d = x.shape[1]
    result = torch.zeros(len(x))
    for i, point in enumerate(x):
        squares = ((point - means) ** 2).sum(dim=1)
        result[i] = torch.logsumexp(
            torch.log(weights) - squares / (2 * variances) - d / 2 * torch.log(2 * math.pi * variances), dim=0)
    return result


# %% alternative="mixture_log_density" note="a loop over the components, with logaddexp"
def mixture_log_density(x, weights, means, variances):
    result = None
    for w, mean, v in zip(weights, means, variances, strict=True):
        log = torch.log(w) - ((x - mean) ** 2).sum(dim=1) / (2 * v) - x.shape[1] / 2 * torch.log(2 * math.pi * v)
        result = log if result is None else torch.logaddexp(result, log)
    return result


# %% alternative="mixture_log_density" note="point by point, the largest term taken out by hand"
def mixture_log_density(x, weights, means, variances):
    values = []
    for point in x.tolist():
        logs = []
        for w, mean, v in zip(weights.tolist(), means.tolist(), variances.tolist(), strict=True):
            square = sum((a - b) ** 2 for a, b in zip(point, mean, strict=True))
            logs.append(math.log(w) - square / (2 * v) - len(point) / 2 * math.log(2 * math.pi * v))
        top = max(logs)
        values.append(top + math.log(sum(math.exp(log - top) for log in logs)))
    return torch.tensor(values, dtype=x.dtype)


# %% [markdown]
# ## em_step

# %% mistake="em_step" slip="densities divided, so that a far point gives 0/0" says="underflow"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    parts = weights * torch.exp(-squares / (2 * variances)) / variances ** (d / 2)
    r = parts / parts.sum(dim=1, keepdim=True)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="weights not used in the E-step" says="weights were not used"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(-(squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="normalised over the points" says="column|axis"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=0)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="each point to one component, as in k-means" says="it is shared"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    logs = torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2
    r = torch.nn.functional.one_hot(logs.argmax(dim=1), len(weights)).to(x.dtype)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="variance around the old means" says="old means"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    return r, totals / n, r.T @ x / totals[:, None], (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="variance not divided by d" says="divided by d"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / totals


# %% mistake="em_step" slip="means divided by the number of points" says="divide by N_k"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / n
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="weights not divided by n" says="sums N_k"
def em_step(x, weights, means, variances):
    _, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="parameters changed in place" says="means after the call"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    means.copy_(r.T @ x / totals[:, None])
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    return r, totals / n, means, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="the factor in front of the exponential left out" says="left out"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="the factor of one dimension" says="power of 1/2"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="the 2 in the exponent missing" says="the 2 is missing"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - squares / variances - d * torch.log(variances) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="weights divided by the number of components" says="number of components"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / len(weights), new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="N_k along the wrong axis" says="make a column"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="one variance for each direction" says="one number serves all"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = (x[:, None] - new) ** 2
    return r, totals / n, new, (r[:, :, None] * squares).sum(dim=0) / totals[:, None]


# %% mistake="em_step" slip="distances not squared in the variance" says="not squared"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = (x[:, None] - new).norm(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="softmax of the products, not of their logarithms" says="log π \+ log N"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(weights * torch.exp(-squares / (2 * variances)) / variances ** (d / 2), dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="divided by N_k - 1" says="N_k - 1"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * (totals - 1))


# %% mistake="em_step" slip="parameters first, responsibilities last" says="responsibilities come first"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return totals / n, new, (r * squares).sum(dim=0) / (d * totals), r


# %% mistake="em_step" slip="shares with the new parameters" says="uses the old ones"
def em_step(x, weights, means, variances):
    n, d = x.shape

    def shares(w, m, v):
        return torch.softmax(w.log() - (((x[:, None] - m) ** 2).sum(dim=2) / v + d * v.log()) / 2, dim=1)

    r = shares(weights, means, variances)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    spread = (r * ((x[:, None] - new) ** 2).sum(dim=2)).sum(dim=0) / (d * totals)
    return shares(totals / n, new, spread), totals / n, new, spread


# %% mistake="em_step" slip="the sign of the exponent" says="falls with the distance"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) + (squares / variances - d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="weights instead of their logarithms" says="logarithm of a weight"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(weights - (squares / variances + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="variance squared in the exponent" says="not σ: do not square it in the exponent"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - (squares / variances**2 + d * torch.log(variances)) / 2, dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% mistake="em_step" slip="d in place of d/2" says="power of d in front"
def em_step(x, weights, means, variances):
    n, d = x.shape
    squares = ((x[:, None] - means) ** 2).sum(dim=2)
    r = torch.softmax(torch.log(weights) - squares / variances / 2 - d * torch.log(variances), dim=1)
    totals = r.sum(dim=0)
    new = r.T @ x / totals[:, None]
    squares = ((x[:, None] - new) ** 2).sum(dim=2)
    return r, totals / n, new, (r * squares).sum(dim=0) / (d * totals)


# %% alternative="em_step" note="a loop over the components"
def em_step(x, weights, means, variances):
    n, d = x.shape
    columns = []
    for w, mean, v in zip(weights, means, variances, strict=True):
        columns.append(w.log() - d / 2 * v.log() - ((x - mean) ** 2).sum(dim=1) / (2 * v))
    logs = torch.stack(columns, dim=1)
    r = torch.exp(logs - torch.logsumexp(logs, dim=1, keepdim=True))
    new_weights, new_means, new_variances = [], [], []
    for share in r.T:
        mean = (share[:, None] * x).sum(dim=0) / share.sum()
        new_weights.append(share.mean())
        new_means.append(mean)
        new_variances.append((share * ((x - mean) ** 2).mean(dim=1)).sum() / share.sum())
    return r, torch.stack(new_weights), torch.stack(new_means), torch.stack(new_variances)


# %% alternative="em_step" note="NumPy, the largest logarithm taken out, one einsum for the variance"
def em_step(x, weights, means, variances):
    points, w, m, v = (tensor.numpy() for tensor in (x, weights, means, variances))
    n, d = points.shape
    logs = np.log(w) - d / 2 * np.log(2 * np.pi * v) - ((points[:, None] - m) ** 2).sum(axis=-1) / (2 * v)
    logs = logs - logs.max(axis=1, keepdims=True)
    r = np.exp(logs)
    r = r / r.sum(axis=1, keepdims=True)
    totals = r.sum(axis=0)
    new = np.einsum("nk,nd->kd", r, points) / totals[:, None]
    gaps = points[:, None] - new
    spread = np.einsum("nk,nkd,nkd->k", r, gaps, gaps) / totals / d
    return tuple(torch.from_numpy(array.astype(points.dtype)) for array in (r, totals / n, new, spread))


# %% [markdown]
# ## best_discriminator

# %% mistake="best_discriminator" slip="p and q exchanged" says="exchanged"
def best_discriminator(p, q):
    total = p + q
    d = torch.where(total > 0, q / total, 0.5)
    return d, torch.xlogy(q, d).sum() + torch.xlogy(p, 1 - d).sum()


# %% mistake="best_discriminator" slip="0 log 0 gives NaN" says="NaN"
def best_discriminator(p, q):
    total = p + q
    d = torch.where(total > 0, p / total, 0.5)
    return d, (p * torch.log(d)).sum() + (q * torch.log(q / total)).sum()


# %% mistake="best_discriminator" slip="0/0 where both are 0" says="NaN"
def best_discriminator(p, q):
    d = p / (p + q)
    return d, torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum()


# %% mistake="best_discriminator" slip="1 - D rounded to 0" says="rounded to 0"
def best_discriminator(p, q):
    total = p + q
    d = torch.where(total > 0, p / total, 0.5)
    return d, torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum()


# %% mistake="best_discriminator" slip="logarithm to base 2" says="base 2"
def best_discriminator(p, q):
    total = p + q
    d = torch.where(total > 0, p / total, 0.5)
    return d, (torch.xlogy(p, p / total).nansum() + torch.xlogy(q, q / total).nansum()) / math.log(2)


# %% mistake="best_discriminator" slip="sums of logarithms without the probabilities" says="expectations are missing"
def best_discriminator(p, q):
    d = p / (p + q)
    return d, torch.log(d).sum() + torch.log(1 - d).sum()


# %% mistake="best_discriminator" slip="mean over the values" says="number of values"
def best_discriminator(p, q):
    d = p / (p + q)
    return d, torch.xlogy(p, d).mean() + torch.xlogy(q, 1 - d).mean()


# %% mistake="best_discriminator" slip="the divergence instead of the value" says="Jensen-Shannon"
def best_discriminator(p, q):
    d = p / (p + q)
    return d, (math.log(4) + torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum()) / 2


# %% mistake="best_discriminator" slip="sigmoid of p - q" says="sigmoid of p - q"
def best_discriminator(p, q):
    d = torch.sigmoid(p - q)
    return d, torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum()


# %% mistake="best_discriminator" slip="a small constant against 0/0" says="both 0, D\* is to be 1/2"
def best_discriminator(p, q):
    eps = 1e-8
    d = p / (p + q + eps)
    return d, (p * torch.log(d + eps)).sum() + (q * torch.log(1 - d + eps)).sum()


# %% mistake="best_discriminator" slip="both expectations over p" says="over p"
def best_discriminator(p, q):
    d = torch.nan_to_num(p / (p + q), nan=0.5)
    return d, torch.xlogy(p, d).sum() + torch.xlogy(p, 1 - d).sum()


# %% mistake="best_discriminator" slip="difference of the expectations" says="subtracted"
def best_discriminator(p, q):
    d = torch.nan_to_num(p / (p + q), nan=0.5)
    return d, torch.xlogy(p, d).sum() - torch.xlogy(q, 1 - d).sum()


# %% mistake="best_discriminator" slip="cross-entropy of the classifier" says="cross-entropy"
def best_discriminator(p, q):
    d = torch.nan_to_num(p / (p + q), nan=0.5)
    return d, -(torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum()) / 2


# %% mistake="best_discriminator" slip="p turned into D in place" says="in place|changed|modified"
def best_discriminator(p, q):
    total = p + q
    value = torch.xlogy(p, p / total).nansum() + torch.xlogy(q, q / total).nansum()
    p /= total
    return torch.nan_to_num(p, nan=0.5), value


# %% mistake="best_discriminator" slip="log 4 taken away once more" says="log 4 was taken away"
def best_discriminator(p, q):
    d = torch.nan_to_num(p / (p + q), nan=0.5)
    return d, torch.xlogy(p, d).sum() + torch.xlogy(q, 1 - d).sum() - math.log(4)


# %% alternative="best_discriminator" note="a loop over plain numbers"
def best_discriminator(p, q):
    d, value = [], 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        d.append(a / (a + b) if a + b > 0 else 0.5)
        if a > 0:
            value += a * math.log(a / (a + b))
        if b > 0:
            value += b * math.log(b / (a + b))
    return torch.tensor(d, dtype=p.dtype), value


# %% alternative="best_discriminator" note="log-sigmoids of log p - log q where both are positive"
def best_discriminator(p, q):
    d = torch.full_like(p, 0.5)
    d[p > q] = 1 / (1 + q[p > q] / p[p > q])
    d[q > p] = 1 - 1 / (1 + p[q > p] / q[q > p])
    both = (p > 0) & (q > 0)
    logit = p[both].log() - q[both].log()
    value = (p[both] * torch.nn.functional.logsigmoid(logit)).sum()
    return d, value + (q[both] * torch.nn.functional.logsigmoid(-logit)).sum()


# %% [markdown]
# ## gan_losses

# %% mistake="gan_losses" slip="logarithm of the sigmoid" says="softplus of the logit"
def gan_losses(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    rest = torch.log(1 - fake).mean()
    return torch.stack([-torch.log(real).mean() - rest, rest, -torch.log(fake).mean()])


# %% mistake="gan_losses" slip="logarithm of the sigmoid plus a small constant" says="cut off|softplus"
def gan_losses(real_logits, fake_logits):
    real, fake, eps = torch.sigmoid(real_logits), torch.sigmoid(fake_logits), 1e-12
    rest = torch.log(1 - fake + eps).mean()
    return torch.stack([-torch.log(real + eps).mean() - rest, rest, -torch.log(fake + eps).mean()])


# %% mistake="gan_losses" slip="PyTorch's cross-entropy of probabilities, which cuts off at 100" says="cut off"
def gan_losses(real_logits, fake_logits):
    entropy = torch.nn.functional.binary_cross_entropy
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    rest = entropy(fake, torch.zeros_like(fake))
    return torch.stack([entropy(real, torch.ones_like(real)) + rest, -rest, entropy(fake, torch.ones_like(fake))])


# %% mistake="gan_losses" slip="labels exchanged" says="labels are exchanged"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    return torch.stack([softplus(real_logits).mean() + softplus(-fake_logits).mean(), -softplus(fake_logits).mean(),
                        softplus(-fake_logits).mean()])


# %% mistake="gan_losses" slip="the mean over both batches together" says="mean of its own"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    return torch.stack([torch.cat([softplus(-real_logits), softplus(fake_logits)]).mean(),
                        -softplus(fake_logits).mean(), softplus(-fake_logits).mean()])


# %% mistake="gan_losses" slip="the saturating loss with the wrong sign" says="sign"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(-real_logits).mean() + caught, caught, softplus(-fake_logits).mean()])


# %% mistake="gan_losses" slip="the two losses of the generator exchanged" says="non-saturating"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(-real_logits).mean() + caught, softplus(-fake_logits).mean(), -caught])


# %% mistake="gan_losses" slip="the value instead of the loss" says="minus that"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([-softplus(-real_logits).mean() - caught, -caught, softplus(-fake_logits).mean()])


# %% mistake="gan_losses" slip="plain numbers, through which no gradient passes" says="graph is cut"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.tensor([softplus(-real_logits).mean() + caught, -caught, softplus(-fake_logits).mean()],
                        dtype=real_logits.dtype)


# %% mistake="gan_losses" slip="the sigmoid taken before softplus" says="takes one itself"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    caught = softplus(fake).mean()
    return torch.stack([softplus(-real).mean() + caught, -caught, softplus(-fake).mean()])


# %% mistake="gan_losses" slip="logits taken for probabilities" says="sigmoid of a logit"
def gan_losses(real_logits, fake_logits):
    rest = torch.log(1 - fake_logits).mean()
    return torch.stack([-torch.log(real_logits).mean() - rest, rest, -torch.log(fake_logits).mean()])


# %% mistake="gan_losses" slip="softplus with a minus in front" says="without a minus in front"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(real_logits).mean() - caught, caught, -caught])


# %% mistake="gan_losses" slip="D averaged before the logarithm" says="averaged before"
def gan_losses(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits).mean(), torch.sigmoid(fake_logits).mean()
    rest = torch.log(1 - fake)
    return torch.stack([-torch.log(real) - rest, rest, -torch.log(fake)])


# %% mistake="gan_losses" slip="the losses in another order" says="comes first"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([-caught, softplus(-fake_logits).mean(), softplus(-real_logits).mean() + caught])


# %% mistake="gan_losses" slip="a tuple of three tensors" says="torch.stack"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return softplus(-real_logits).mean() + caught, -caught, softplus(-fake_logits).mean()


# %% mistake="gan_losses" slip="log(1 + exp(a)) written out" says="exp overflowed"
def gan_losses(real_logits, fake_logits):
    def softplus(a):
        return torch.log(1 + torch.exp(a))

    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(-real_logits).mean() + caught, -caught, softplus(-fake_logits).mean()])


# %% mistake="gan_losses" slip="logits of the fakes detached for the discriminator" says="detached in the discriminator"
def gan_losses(real_logits, fake_logits):
    softplus = torch.nn.functional.softplus
    caught = softplus(fake_logits).mean()
    return torch.stack([softplus(-real_logits).mean() + caught.detach(), -caught, softplus(-fake_logits).mean()])


# %% alternative="gan_losses" note="logsigmoid"
def gan_losses(real_logits, fake_logits):
    log_sigmoid = torch.nn.functional.logsigmoid
    real, fake, rest = log_sigmoid(real_logits), log_sigmoid(fake_logits), log_sigmoid(-fake_logits)
    return torch.stack([-real.mean() - rest.mean(), rest.mean(), -fake.mean()])


# %% alternative="gan_losses" note="cross-entropy with logits"
def gan_losses(real_logits, fake_logits):
    entropy = torch.nn.BCEWithLogitsLoss()
    zeros, ones = torch.zeros_like(fake_logits), torch.ones_like(fake_logits)
    caught = entropy(fake_logits, zeros)
    d = entropy(real_logits, torch.ones_like(real_logits)) + caught
    return torch.cat([d.view(1), -caught.view(1), entropy(fake_logits, ones).view(1)])


# %% alternative="gan_losses" note="log(e^0 + e^x) by logaddexp"
def gan_losses(real_logits, fake_logits):
    zero = torch.zeros((), dtype=fake_logits.dtype)
    caught = torch.logaddexp(zero, fake_logits).sum() / len(fake_logits)
    fooled = torch.logaddexp(zero, -fake_logits).sum() / len(fake_logits)
    real = torch.logaddexp(zero, -real_logits).sum() / len(real_logits)
    return torch.stack((real + caught, -caught, fooled))


# %% [markdown]
# ## conv_transpose2d

# %% mistake="conv_transpose2d" slip="the last stamp replaces" says="replaced"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] = stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="the kernel turned by half a turn" says="half a turn"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight.flip(2, 3))
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="padding not used" says="padding was not used"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output


# %% mistake="conv_transpose2d" slip="padding added as zeros" says="cuts off"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return torch.nn.functional.pad(output, (padding, padding, padding, padding))


# %% mistake="conv_transpose2d" slip="the slice [padding:-padding], empty for padding 0" says="the result is empty"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding:-padding, padding:-padding]


# %% mistake="conv_transpose2d" slip="channels of the weights exchanged" says="input channel comes first"
def conv_transpose2d(x, weight, stride=1, padding=0):
    weight = weight.transpose(0, 1) if weight.shape[0] == weight.shape[1] else weight
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="through NumPy, so that no gradient passes" says="graph is cut"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = np.einsum("nchw,cost->nohwst", x.detach().numpy(), weight.detach().numpy())
    output = np.zeros((n, n_out, (h - 1) * stride + s, (w - 1) * stride + t), dtype=stamps.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return torch.from_numpy(output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding])


# %% mistake="conv_transpose2d" slip="PyTorch's own layer" says="conv_transpose2d"
def conv_transpose2d(x, weight, stride=1, padding=0):
    return torch.nn.functional.conv_transpose2d(x, weight, stride=stride, padding=padding)


# %% mistake="conv_transpose2d" slip="stride not used" says="stride was not used"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i : i + s, j : j + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="rows and columns exchanged" says="rows and columns of the picture"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, j, i]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="a float32 output for float64 inputs" says="dtype=x.dtype"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="the first picture of the batch for all" says="first picture"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            stamp = torch.einsum("c,cost->ost", x[0, :, i, j], weight)
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamp
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="only the first input channel's kernels" says="adds up what all"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            stamp = x[:, :1, i, j, None, None] * weight[0]
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamp
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="a convolution" says="makes pictures smaller"
def conv_transpose2d(x, weight, stride=1, padding=0):
    return torch.nn.functional.conv2d(x, weight, stride=stride, padding=padding)


# %% mistake="conv_transpose2d" slip="the pictures detached" says="graph is cut"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x.detach(), weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% mistake="conv_transpose2d" slip="everything cut off at the front" says="cut off at the front"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, 2 * padding :, 2 * padding :]


# %% mistake="conv_transpose2d" slip="everything cut off at the end" says="cut off at the end"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, : output.shape[2] - 2 * padding, : output.shape[3] - 2 * padding]


# %% mistake="conv_transpose2d" slip="a square kernel" says="taken to be square"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = (*weight.shape[:3], weight.shape[2])
    stamps = torch.einsum("nchw,cost->nohwst", x, weight)
    output = torch.zeros(n, n_out, (h - 1) * stride + s, (w - 1) * stride + t, dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            output[:, :, i * stride : i * stride + s, j * stride : j * stride + t] += stamps[:, :, i, j]
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% alternative="conv_transpose2d" note="a loop over the kernel's entries"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, _, h, w = x.shape
    _, n_out, s, t = weight.shape
    rows, columns = (h - 1) * stride + s, (w - 1) * stride + t
    output = torch.zeros(n, n_out, rows, columns, dtype=x.dtype)
    for a in range(s):
        for b in range(t):
            last_row, last_column = a + (h - 1) * stride + 1, b + (w - 1) * stride + 1
            part = torch.einsum("nchw,co->nohw", x, weight[:, :, a, b])
            output[:, :, a:last_row:stride, b:last_column:stride] += part
    return output[:, :, padding : rows - padding, padding : columns - padding]


# %% alternative="conv_transpose2d" note="zeros between the pixels, then a convolution with the turned kernel"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n, n_in, h, w = x.shape
    s, t = weight.shape[2:]
    spread = torch.zeros(n, n_in, (h - 1) * stride + 1, (w - 1) * stride + 1, dtype=x.dtype)
    spread[:, :, ::stride, ::stride] = x
    output = torch.nn.functional.conv2d(spread, weight.flip(2, 3).transpose(0, 1), padding=(s - 1, t - 1))
    return output[:, :, padding : output.shape[2] - padding, padding : output.shape[3] - padding]


# %% alternative="conv_transpose2d" note="columns by a product of matrices, then fold"
def conv_transpose2d(x, weight, stride=1, padding=0):
    n_in, _, s, t = weight.shape
    h, w = x.shape[2:]
    columns = weight.reshape(n_in, -1).T @ x.flatten(2)
    size = ((h - 1) * stride + s - 2 * padding, (w - 1) * stride + t - 2 * padding)
    return torch.nn.functional.fold(columns, size, (s, t), stride=stride, padding=padding)


# %% [markdown]
# ## GAN

# %% mistake="GAN" slip="discriminator's gradients not cleared" says="optimizer_d.zero_grad"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="generator's gradients not cleared" says="optimizer_g.zero_grad"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="no gradients cleared" says="zero_grad\(\) of both"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="saturating loss" says="saturating loss"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = -softplus(self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="generator helps the discriminator" says="helps the discriminator"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="labels exchanged" says="labels are exchanged"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(self.discriminator(real)).mean() + softplus(-self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="generator's loss from the discriminator before its step" says="before its step|as before"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(self.generator(z_d))).mean()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        slopes_d = torch.autograd.grad(loss_d, list(self.discriminator.parameters()), retain_graph=True)
        slopes_g = torch.autograd.grad(loss_g, list(self.generator.parameters()))
        for net, optimizer, slopes in ((self.discriminator, self.optimizer_d, slopes_d),
                                       (self.generator, self.optimizer_g, slopes_g)):
            for parameter, slope in zip(net.parameters(), slopes, strict=True):
                parameter.grad = slope
            optimizer.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="generator first" says="generator moved first"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="fakes detached for the generator too" says="fakes are detached"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g).detach())).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="fakes of the discriminator's step used again" says="z_d; take z_g"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_d))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="both optimizers step in the generator's turn" says="second time"
class GAN(torch.nn.Module):
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
        self.optimizer_d.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="mean of the two terms" says="mean of the two means"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = (softplus(-self.discriminator(real)) + softplus(self.discriminator(fakes))).mean() / 2
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="losses returned as tensors" says="plain numbers"
class GAN(torch.nn.Module):
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
        return loss_d.detach(), loss_g.detach()


# %% mistake="GAN" slip="the generator is forgotten" says="generator did not move"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="fakes not detached, and the generator not cleared" says="left gradients in the generator"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(self.generator(z_d))).mean()
        self.optimizer_d.zero_grad()
        self.optimizer_g.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="sigmoid taken twice" says="sigmoid was taken twice"
class GAN(torch.nn.Module):
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
        entropy = torch.nn.BCEWithLogitsLoss()
        right = torch.sigmoid(self.discriminator(real))
        wrong = torch.sigmoid(self.discriminator(self.generator(z_d).detach()))
        loss_d = entropy(right, torch.ones_like(right)) + entropy(wrong, torch.zeros_like(wrong))
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        judged = torch.sigmoid(self.discriminator(self.generator(z_g)))
        loss_g = entropy(judged, torch.ones_like(judged))
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="logarithm of a probability" says="softplus of the logit"
class GAN(torch.nn.Module):
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
        right = torch.sigmoid(self.discriminator(real))
        wrong = torch.sigmoid(self.discriminator(self.generator(z_d).detach()))
        loss_d = -torch.log(right).mean() - torch.log(1 - wrong).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = -torch.log(torch.sigmoid(self.discriminator(self.generator(z_g)))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="PyTorch's cross-entropy of probabilities, which cuts off at 100" says="softplus of the logit"
class GAN(torch.nn.Module):
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
        entropy = torch.nn.BCELoss()
        right = torch.sigmoid(self.discriminator(real))
        wrong = torch.sigmoid(self.discriminator(self.generator(z_d).detach()))
        loss_d = entropy(right, torch.ones_like(right)) + entropy(wrong, torch.zeros_like(wrong))
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        judged = torch.sigmoid(self.discriminator(self.generator(z_g)))
        loss_g = entropy(judged, torch.ones_like(judged))
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="gradients cleared after the backward pass" says="did not move"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_d.backward()
        self.optimizer_d.zero_grad()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        loss_g.backward()
        self.optimizer_g.zero_grad()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="the discriminator goes down V" says="went up its loss"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        value = -softplus(-self.discriminator(real)).mean() - softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        value.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return -value.item(), loss_g.item()


# %% mistake="GAN" slip="one backward pass of both losses together" says="followed the generator"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(self.generator(z_d))).mean()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.zero_grad()
        (loss_d + loss_g).backward()
        self.optimizer_d.step()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="z_d and z_g exchanged" says="z_d and z_g are exchanged"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_g).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_d))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="both losses first, then both steps" says="after that step"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="the same fakes twice, not detached" says="fakes that the first had used"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d)
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(fakes)).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="two steps of the discriminator" says="discriminator made two steps"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        for _ in range(2):
            loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
            self.optimizer_d.zero_grad()
            loss_d.backward()
            self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="the discriminator's optimizer steps twice along one loss" says="stepped along twice"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="two steps of the generator" says="generator made two steps"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        for _ in range(2):
            loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
            self.optimizer_g.zero_grad()
            loss_g.backward()
            self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="sums over the batch" says="sum over the batch"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).sum() + softplus(self.discriminator(fakes)).sum()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).sum()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="losses computed after the steps" says="after their steps"
class GAN(torch.nn.Module):
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
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="the discriminator's loss after its step" says="loss_d was computed after"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        return loss_d.item(), loss_g.item()


# %% mistake="GAN" slip="the generator's loss after its step" says="loss_g was computed after the generator"
class GAN(torch.nn.Module):
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
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        return loss_d.item(), loss_g.item()


# %% alternative="GAN" note="cross-entropy with labels; not detached, but cleared before the generator's turn"
class GAN(torch.nn.Module):
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
        entropy = torch.nn.BCEWithLogitsLoss()
        right, wrong = self.discriminator(real), self.discriminator(self.generator(z_d))
        loss_d = entropy(right, torch.ones_like(right)) + entropy(wrong, torch.zeros_like(wrong))
        self.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        self.zero_grad()
        judged = self.discriminator(self.generator(z_g))
        loss_g = entropy(judged, torch.ones_like(judged))
        loss_g.backward()
        self.optimizer_g.step()
        return float(loss_d.detach()), float(loss_g.detach())


# %% alternative="GAN" note="fakes under no_grad, gradients by torch.autograd.grad"
class GAN(torch.nn.Module):
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
        def move(net, optimizer, loss):
            parameters = list(net.parameters())
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = slope
            optimizer.step()
            return loss.item()

        log_sigmoid = torch.nn.functional.logsigmoid
        with torch.no_grad():
            fakes = self.generator(z_d)
        loss_d = -log_sigmoid(self.discriminator(real)).mean() - log_sigmoid(-self.discriminator(fakes)).mean()
        first = move(self.discriminator, self.optimizer_d, loss_d)
        loss_g = -log_sigmoid(self.discriminator(self.generator(z_g))).mean()
        return first, move(self.generator, self.optimizer_g, loss_g)


# %% alternative="GAN" note="the discriminator frozen while the generator moves, cleared at the end"
class GAN(torch.nn.Module):
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
        softplus = torch.nn.functional.softplus
        fakes = self.generator(z_d).detach()
        loss_d = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fakes)).mean()
        self.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        self.discriminator.requires_grad_(False)
        loss_g = softplus(-self.discriminator(self.generator(z_g))).mean()
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()
        self.discriminator.requires_grad_(True)
        return loss_d.item(), loss_g.item()


# %% [markdown]
# ## coverage

# %% mistake="coverage" slip="the border is not included" says="exactly the radius"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances < radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= least).sum()), good.double().mean().item()


# %% mistake="coverage" slip="least not used" says="least` was not used"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    return len(nearest[good].unique()), good.double().mean().item()


# %% mistake="coverage" slip="more than least" says="exactly `least`"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts > least - (least == 1)).sum()), good.double().mean().item()


# %% mistake="coverage" slip="all samples counted for the modes" says="not good"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    counts = torch.bincount(nearest, minlength=len(centres))
    return int((counts >= least).sum()), (distances <= radius).double().mean().item()


# %% mistake="coverage" slip="every centre within the radius counts" says="nearest centre only"
def coverage(samples, centres, radius, least=1):
    near = (samples[:, None] - centres).norm(dim=2) <= radius
    return int((near.sum(dim=0) >= least).sum()), near.any(dim=1).double().mean().item()


# %% mistake="coverage" slip="distance without the root" says="square root"
def coverage(samples, centres, radius, least=1):
    distances, nearest = ((samples[:, None] - centres) ** 2).sum(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= least).sum()), good.double().mean().item()


# %% mistake="coverage" slip="share of the modes" says="share of the centres"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    counts = torch.bincount(nearest[distances <= radius], minlength=len(centres))
    modes = int((counts >= least).sum())
    return modes, modes / len(centres)


# %% mistake="coverage" slip="percentage" says="percentage"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= least).sum()), 100 * good.double().mean().item()


# %% mistake="coverage" slip="only samples of covered modes are good" says="good all the same"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    counts = torch.bincount(nearest[distances <= radius], minlength=len(centres))
    return int((counts >= least).sum()), int(counts[counts >= least].sum()) / len(samples)


# %% mistake="coverage" slip="share first, modes second" says="other order"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return good.double().mean().item(), int((counts >= least).sum())


# %% mistake="coverage" slip="nearest sample of each centre" says="share of the centres"
def coverage(samples, centres, radius, least=1):
    good = (samples[:, None] - centres).norm(dim=2).min(dim=0).values <= radius
    return int(good.sum()), good.double().mean().item()


# %% mistake="coverage" slip="more than least good samples" says="exactly `least`"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts > least).sum()), good.double().mean().item()


# %% mistake="coverage" slip="samples that are not good counted for centre 0" says="index\[good\]"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).norm(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest * good, minlength=len(centres))
    return int((counts >= least).sum()), good.double().mean().item()


# %% mistake="coverage" slip="the largest of the coordinates as the distance" says="largest of the coordinates"
def coverage(samples, centres, radius, least=1):
    distances, nearest = (samples[:, None] - centres).abs().amax(dim=2).min(dim=1)
    good = distances <= radius
    counts = torch.bincount(nearest[good], minlength=len(centres))
    return int((counts >= least).sum()), good.double().mean().item()


# %% alternative="coverage" note="a loop over plain numbers"
def coverage(samples, centres, radius, least=1):
    counts = [0] * len(centres)
    for sample in samples.tolist():
        distances = [math.dist(sample, centre) for centre in centres.tolist()]
        if min(distances) <= radius:
            counts[distances.index(min(distances))] += 1
    return sum(count >= least for count in counts), sum(counts) / len(samples)


# %% alternative="coverage" note="cdist and a one-hot table"
def coverage(samples, centres, radius, least=1):
    distances = torch.cdist(samples, centres, compute_mode="donot_use_mm_for_euclid_dist")
    own = torch.nn.functional.one_hot(distances.argmin(dim=1), len(centres)).bool()
    good = own & (distances <= radius)
    return (good.sum(dim=0) >= least).sum().item(), good.sum().item() / len(samples)


# %% [markdown]
# ## slerp

# %% mistake="slerp" slip="the straight line" says="straight line"
def slerp(a, b, t):
    return (1 - t)[:, None] * a + t[:, None] * b


# %% mistake="slerp" slip="0/0 for parallel codes" says="NaN"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="a cosine above 1" says="NaN"
def slerp(a, b, t):
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    t = t[:, None]
    if angle == 0:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="cosine not divided by the lengths" says="divided by the lengths|not a number|NaN"
def slerp(a, b, t):
    angle = torch.acos(a @ b)
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="result brought to length 1" says="brought to length 1"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    result = torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b
    return result / result.norm(dim=1, keepdim=True)


# %% mistake="slerp" slip="codes brought to length 1" says="only the angle"
def slerp(a, b, t):
    a, b = a / a.norm(), b / b.norm()
    angle = torch.acos((a @ b).clamp(-1, 1))
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="from b to a" says="exchanged"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    return (torch.sin(t * angle) * a + torch.sin((1 - t) * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="degrees" says="radians"
def slerp(a, b, t):
    angle = torch.rad2deg(torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1)))
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="the cosine taken for the angle" says="acos of the cosine"
def slerp(a, b, t):
    angle = a @ b / (a.norm() * b.norm())
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="not divided by the sine of the angle" says="not divided by sin"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    return torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b


# %% mistake="slerp" slip="a small constant in the denominator" says="small constant"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / (torch.sin(angle) + 1e-7)


# %% mistake="slerp" slip="the straight line, stretched" says="brought to the length between"
def slerp(a, b, t):
    t = t[:, None]
    line = (1 - t) * a + t * b
    return line / line.norm(dim=1, keepdim=True) * ((1 - t) * a.norm() + t * b.norm())


# %% mistake="slerp" slip="cosine not divided by the lengths, but clamped" says="divided by the lengths"
def slerp(a, b, t):
    angle = torch.acos((a @ b).clamp(-1, 1))
    t = t[:, None]
    if angle == 0:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% mistake="slerp" slip="sinc of the angle, without the division by pi" says="has a π in it"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    t = t[:, None]
    return ((1 - t) * torch.sinc((1 - t) * angle) * a + t * torch.sinc(t * angle) * b) / torch.sinc(angle)


# %% mistake="slerp" slip="sinc without the factor in front" says="factor in front of a sinc"
def slerp(a, b, t):
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1)) / math.pi
    t = t[:, None]
    return (torch.sinc((1 - t) * angle) * a + torch.sinc(t * angle) * b) / torch.sinc(angle)


# %% alternative="slerp" note="if for parallel codes, a loop over t"
def slerp(a, b, t):
    cosine = float(a @ b / (a.norm() * b.norm()))
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    rows = []
    for s in t.tolist():
        if angle < 1e-5:
            rows.append((1 - s) * a + s * b)
        else:
            rows.append((math.sin((1 - s) * angle) * a + math.sin(s * angle) * b) / math.sin(angle))
    return torch.stack(rows)


# %% alternative="slerp" note="the angle from the lengths of sum and difference of the directions"
def slerp(a, b, t):
    u, v = a / a.norm(), b / b.norm()
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    t = t[:, None]
    if angle < 1e-6:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# %% [markdown]
# ## attribute_direction

# %% mistake="attribute_direction" slip="the wrong way round" says="sign"
def attribute_direction(codes, has, other=None):
    direction = codes[~has].mean(dim=0) - codes[has].mean(dim=0)
    if other is not None:
        direction = direction - (direction @ other) / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="sums instead of means" says="differences of sums"
def attribute_direction(codes, has, other=None):
    direction = codes[has].sum(dim=0) - codes[~has].sum(dim=0)
    if other is not None:
        direction = direction - (direction @ other) / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="against the mean of all" says="mean of all codes"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes.mean(dim=0)
    if other is not None:
        direction = direction - (direction @ other) / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="other not used" says="other` was not used"
def attribute_direction(codes, has, other=None):
    return codes[has].mean(dim=0) - codes[~has].mean(dim=0)


# %% mistake="attribute_direction" slip="other taken to have length 1" says="need not have length 1"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = direction - (direction @ other) * other
    return direction


# %% mistake="attribute_direction" slip="divided by the length once" says="its square"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = direction - (direction @ other) / other.norm() * other
    return direction


# %% mistake="attribute_direction" slip="the part along other" says="taken away"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = (direction @ other) / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="the part along other added" says="was added"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = direction + (direction @ other) / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="divided by the square of the direction" says="square of the direction itself"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = direction - (direction @ other) / (direction @ direction) * other
    return direction


# %% mistake="attribute_direction" slip="products entry by entry" says="one by one"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        direction = direction - (direction * other) / (other * other) * other
    return direction


# %% mistake="attribute_direction" slip="mean of all numbers of a group" says="dim=0"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean() - codes[~has].mean()
    if other is not None:
        direction = direction - (direction * other).sum() / (other @ other) * other
    return direction


# %% mistake="attribute_direction" slip="other brought to length 1 in place" says="other after the call"
def attribute_direction(codes, has, other=None):
    direction = codes[has].mean(dim=0) - codes[~has].mean(dim=0)
    if other is not None:
        other /= other.norm()
        direction = direction - (direction @ other) * other
    return direction


# %% alternative="attribute_direction" note="a loop over the codes"
def attribute_direction(codes, has, other=None):
    sums = {True: torch.zeros_like(codes[0]), False: torch.zeros_like(codes[0])}
    counts = {True: 0, False: 0}
    for code, yes in zip(codes, has.tolist(), strict=True):
        sums[yes] = sums[yes] + code
        counts[yes] += 1
    direction = sums[True] / counts[True] - sums[False] / counts[False]
    if other is not None:
        unit = other / other.norm()
        direction = direction - torch.dot(direction, unit) * unit
    return direction


# %% alternative="attribute_direction" note="weights for the codes, and a projection matrix"
def attribute_direction(codes, has, other=None):
    yes = has.to(codes.dtype)
    direction = (yes / yes.sum() - (1 - yes) / (1 - yes).sum()) @ codes
    if other is None:
        return direction
    projection = torch.eye(len(other), dtype=codes.dtype) - torch.outer(other, other) / other.square().sum()
    return projection @ direction


# %% [markdown]
# ## laplacian_pyramid

# %% mistake="laplacian_pyramid" slip="the small picture first" says="order"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        images = small
    return [images, *reversed(pyramid)]


# %% mistake="laplacian_pyramid" slip="the sign of the details" says="sign"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) - images)
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="a pyramid of pictures, not of details" says="pictures themselves"
def laplacian_pyramid(images, levels):
    pyramid = [images]
    for _ in range(levels):
        pyramid.append(torch.nn.functional.avg_pool2d(pyramid[-1], 2))
    return pyramid


# %% mistake="laplacian_pyramid" slip="every second pixel" says="one pixel of each four"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = images[:, :, ::2, ::2]
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="max pooling" says="largest of each four"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.max_pool2d(images, 2)
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="tiled instead of repeated" says="tiled"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - small.repeat(1, 1, 2, 2))
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="bilinear interpolation" says="interpolates"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear"))
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="sum of the four pixels" says="added up"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = 4 * torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="every level from the whole picture" says="start from the whole"
def laplacian_pyramid(images, levels):
    pyramid, small = [], images
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
    return [*pyramid, small]


# %% mistake="laplacian_pyramid" slip="pictures overwritten" says="in place"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        images -= small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        pyramid.append(images)
        images = small
    return [*pyramid, images]


# %% mistake="laplacian_pyramid" slip="the small picture forgotten" says="list of two tensors"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
        images = small
    return pyramid


# %% mistake="laplacian_pyramid" slip="bicubic interpolation" says="bicubic"
def laplacian_pyramid(images, levels):
    pyramid = []
    for _ in range(levels):
        small = torch.nn.functional.avg_pool2d(images, 2)
        pyramid.append(images - torch.nn.functional.interpolate(small, scale_factor=2, mode="bicubic"))
        images = small
    return [*pyramid, images]


# %% alternative="laplacian_pyramid" note="slices and interpolate"
def laplacian_pyramid(images, levels):
    if levels == 0:
        return [images]
    small = (images[:, :, ::2, ::2] + images[:, :, 1::2, ::2] + images[:, :, ::2, 1::2] + images[:, :, 1::2, 1::2]) / 4
    large = torch.nn.functional.interpolate(small, scale_factor=2, mode="nearest")
    return [images - large, *laplacian_pyramid(small, levels - 1)]


# %% alternative="laplacian_pyramid" note="a reshape to blocks of 2 x 2, and kron"
def laplacian_pyramid(images, levels):
    pictures = [images]
    for _ in range(levels):
        n, c, h, w = pictures[-1].shape
        pictures.append(pictures[-1].reshape(n, c, h // 2, 2, w // 2, 2).mean(dim=(3, 5)))
    block = torch.ones(1, 1, 2, 2, dtype=images.dtype)
    details = [pictures[k] - torch.kron(pictures[k + 1], block) for k in range(levels)]
    return details + pictures[-1:]


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="mixture_log_density" mutant="gaps = x[:, None] - means -> gaps = means - x[:, None]"
# the gaps are squared

# %% [markdown] equivalent="em_step" mutant="gaps = x[:, None] - means -> gaps = means - x[:, None]"
# the gaps are squared

# %% [markdown] equivalent="best_discriminator" mutant="total[never] = 1 -> total[never] = 2"
# p and q are 0 there, and 0/2 is 0 as 0/1 is

# %% [markdown] equivalent="GAN" mutant="fakes = self.generator(z_d).detach() -> fakes = self.generator(z_d)"
# the generator's gradients are cleared before its own backward pass, so that detaching only saves work

# %% [markdown] equivalent="coverage" mutant="gaps = samples[:, None] - centres -> gaps = centres - samples[:, None]"
# a distance does not depend on the direction

# %% [markdown] equivalent="coverage" mutant="modes = int((counts >= least).sum()) -> modes = (counts >= least).sum()"
# the checks take a tensor of one number for the number

# %% [markdown] equivalent="coverage" mutant="share = good.double().mean().item() -> share = good.double().mean()"
# the checks take a tensor of one number for the number

# %% [markdown] equivalent="slerp" mutant="dot = a @ b -> dot = b @ a"
# the scalar product is symmetric

# %% [markdown] equivalent="attribute_direction" mutant="dot = direction @ other -> dot = other @ direction"
# the scalar product is symmetric
