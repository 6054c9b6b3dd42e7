# %% [markdown]
# # Lab 08: answers that `course verify` tries
#
# Mistakes that students make, correct answers that look different from ours, and mutants that no test can tell from the
# reference. Each cell replaces the answer cell of the exercise that it names.

# %% [markdown]
# ## linear_change

# %% mistake="linear_change" slip="step along w of Euclidean length epsilon" says="Euclidean|L2"
def linear_change(w, epsilon):
    return epsilon * w / w.norm(), epsilon * w.norm()


# %% mistake="linear_change" slip="proportional to w" says="proportional"
def linear_change(w, epsilon):
    eta = epsilon * w
    return eta, (w * eta).sum()


# %% mistake="linear_change" slip="largest weight gets epsilon, the others less" says="every entry may"
def linear_change(w, epsilon):
    eta = epsilon * w / w.abs().max()
    return eta, w @ eta


# %% mistake="linear_change" slip="all pixels go up" says="sign of its weight"
def linear_change(w, epsilon):
    eta = torch.full_like(w, epsilon)
    return eta, w @ eta


# %% mistake="linear_change" slip="only the largest weight is used" says="largest weight"
def linear_change(w, epsilon):
    eta = torch.zeros_like(w)
    largest = w.abs().argmax()
    eta[largest] = epsilon * w[largest].sign()
    return eta, w @ eta


# %% mistake="linear_change" slip="the weights are added with their signs" says="with their signs"
def linear_change(w, epsilon):
    return epsilon * w.sign(), epsilon * w.sum()


# %% mistake="linear_change" slip="the output is lowered" says="raised"
def linear_change(w, epsilon):
    eta = -epsilon * w.sign()
    return eta, w @ eta


# %% mistake="linear_change" slip="the change as if in Euclidean length" says="Euclidean"
def linear_change(w, epsilon):
    return epsilon * w.sign(), epsilon * w.norm()


# %% mistake="linear_change" slip="only the perturbation is returned" says="pair"
def linear_change(w, epsilon):
    return epsilon * w.sign()


# %% mistake="linear_change" slip="divided by the size of the weight, 0/0 included" says="0/0"
def linear_change(w, epsilon):
    eta = epsilon * w / w.abs()
    return eta, epsilon * w.abs().sum()


# %% mistake="linear_change" slip="the weights are clipped to epsilon" says="clipped to epsilon"
def linear_change(w, epsilon):
    eta = w.clamp(-epsilon, epsilon)
    return eta, w @ eta


# %% mistake="linear_change" slip="the pair is returned in the other order" says="in this order"
def linear_change(w, epsilon):
    eta = epsilon * w.sign()
    return w @ eta, eta


# %% mistake="linear_change" slip="the entries of eta are added up" says="counts with its weight"
def linear_change(w, epsilon):
    eta = epsilon * w.sign()
    return eta, eta.sum()


# %% alternative="linear_change" note="where, a weight of 0 gets -epsilon; the change as a dot product"
def linear_change(w, epsilon):
    eta = torch.where(w > 0, epsilon, -epsilon).to(w.dtype)
    return eta, torch.dot(w, eta)


# %% alternative="linear_change" note="a loop, plain numbers"
def linear_change(w, epsilon):
    eta, change = torch.zeros_like(w), 0.0
    for i, value in enumerate(w.tolist()):
        eta[i] = epsilon if value > 0 else -epsilon
        change += abs(value) * epsilon
    return [eta, change]


# %% [markdown]
# ## input_gradient

# %% mistake="input_gradient" slip="gradient of the mean over the batch" says="mean over the batch"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    return torch.autograd.grad(loss, image)[0]


# %% mistake="input_gradient" slip="backward leaves gradients in the weights" says="training step would use"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum").backward()
    return image.grad


# %% mistake="input_gradient" slip="the gradient stays in the caller's x" says="left with a gradient"
def input_gradient(x, y, weights, biases):
    x.requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(x, weights, biases), y, reduction="sum")
    loss.backward(inputs=[x])
    return x.grad.clone()


# %% mistake="input_gradient" slip="only the signs come back" says="only the signs"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum")
    return torch.autograd.grad(loss, image)[0].sign()


# %% mistake="input_gradient" slip="gradient of the true class's logit" says="logit of the true class"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    total = mlp(image, weights, biases)[torch.arange(len(y)), y].sum()
    return torch.autograd.grad(total, image)[0]


# %% mistake="input_gradient" slip="gradient of the true class's probability" says="probability of the true class"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    total = torch.softmax(mlp(image, weights, biases), dim=1)[torch.arange(len(y)), y].sum()
    return torch.autograd.grad(total, image)[0]


# %% mistake="input_gradient" slip="gradient by the logits" says="by the logits"
def input_gradient(x, y, weights, biases):
    logits = mlp(x, weights, biases).detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(logits, y, reduction="sum")
    return torch.autograd.grad(loss, logits)[0]


# %% mistake="input_gradient" slip="minus sign of the loss forgotten" says="sign is flipped"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    total = torch.log_softmax(mlp(image, weights, biases), dim=1)[torch.arange(len(y)), y].sum()
    return torch.autograd.grad(total, image)[0]


# %% mistake="input_gradient" slip="softmax before the cross-entropy" says="softmax before"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    probabilities = torch.softmax(mlp(image, weights, biases), dim=1)
    loss = torch.nn.functional.cross_entropy(probabilities, y, reduction="sum")
    return torch.autograd.grad(loss, image)[0]


# %% mistake="input_gradient" slip="by hand, without the ReLU's derivative" says="passes nothing on"
def input_gradient(x, y, weights, biases):
    error = torch.softmax(mlp(x, weights, biases), dim=1).detach()
    error[torch.arange(len(y)), y] -= 1
    for weight in reversed(weights):
        error = error @ weight.detach()
    return error


# %% mistake="input_gradient" slip="no gradient asked for the copy" says="does not require grad"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum")
    return torch.autograd.grad(loss, image)[0]


# %% mistake="input_gradient" slip="the tuple of autograd.grad is returned" says="tuple"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum")
    return torch.autograd.grad(loss, image)


# %% mistake="input_gradient" slip="gradient by the weights" says="gradient by the weights"
def input_gradient(x, y, weights, biases):
    loss = torch.nn.functional.cross_entropy(mlp(x, weights, biases), y, reduction="sum")
    return torch.autograd.grad(loss, weights[0])[0]


# %% mistake="input_gradient" slip="nll_loss of the logits" says="logarithm of the softmax"
def input_gradient(x, y, weights, biases):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.nll_loss(mlp(image, weights, biases), y, reduction="sum")
    return torch.autograd.grad(loss, image)[0]


# %% alternative="input_gradient" note="by hand, back through the layers"
def input_gradient(x, y, weights, biases):
    with torch.no_grad():
        hidden, masks = x, []
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            z = hidden @ weight.T + bias
            masks.append(z > 0)
            hidden = z * masks[-1]
        error = torch.softmax(hidden @ weights[-1].T + biases[-1], dim=1)
        error = error - torch.nn.functional.one_hot(y, error.shape[1]).to(error.dtype)
        for weight, mask in zip(reversed(weights[1:]), reversed(masks), strict=True):
            error = error @ weight * mask
        return error @ weights[0]


# %% alternative="input_gradient" note="backward with copies of the weights, image by image"
def input_gradient(x, y, weights, biases):
    weights, biases = [w.detach() for w in weights], [b.detach() for b in biases]
    rows = []
    for i in range(len(x)):
        image = x[i : i + 1].clone().requires_grad_(True)
        torch.nn.CrossEntropyLoss()(mlp(image, weights, biases), y[i : i + 1]).backward()
        rows.append(image.grad)
    return torch.cat(rows)


# %% [markdown] equivalent="input_gradient" mutant="image = x.detach().clone() -> image = x.detach()"
# detach alone gives a tensor with a flag of its own; it shares the values of x, which nobody changes

# %% [markdown] equivalent="input_gradient" mutant="image = x.detach().clone() -> image = x.clone()"
# x comes without a graph, so that its clone is a leaf with a flag of its own already

# %% [markdown]
# ## fgsm

# %% mistake="fgsm" slip="not clipped" says="not clipped"
def fgsm(x, gradient, epsilon, targeted=False):
    return x - epsilon * gradient.sign() if targeted else x + epsilon * gradient.sign()


# %% mistake="fgsm" slip="the gradient and not its sign" says="only its sign"
def fgsm(x, gradient, epsilon, targeted=False):
    return (x - epsilon * gradient if targeted else x + epsilon * gradient).clamp(0, 1)


# %% mistake="fgsm" slip="the gradient divided by its length" says="divided by its length"
def fgsm(x, gradient, epsilon, targeted=False):
    step = epsilon * gradient / gradient.norm(dim=1, keepdim=True)
    return (x - step if targeted else x + step).clamp(0, 1)


# %% mistake="fgsm" slip="down and up exchanged" says="goes down the loss"
def fgsm(x, gradient, epsilon, targeted=False):
    return (x + (1 if targeted else -1) * epsilon * gradient.sign()).clamp(0, 1)


# %% mistake="fgsm" slip="targeted ignored" says="no difference"
def fgsm(x, gradient, epsilon, targeted=False):
    return (x + epsilon * gradient.sign()).clamp(0, 1)


# %% mistake="fgsm" slip="a gradient of 0 counts as negative" says="whose gradient is 0"
def fgsm(x, gradient, epsilon, targeted=False):
    step = torch.where(gradient > 0, epsilon, -epsilon)
    return (x - step if targeted else x + step).clamp(0, 1)


# %% mistake="fgsm" slip="the caller's image is changed" says="modified in place"
def fgsm(x, gradient, epsilon, targeted=False):
    x += -epsilon * gradient.sign() if targeted else epsilon * gradient.sign()
    return x.clamp_(0, 1)


# %% mistake="fgsm" slip="the perturbation is returned" says="perturbation alone"
def fgsm(x, gradient, epsilon, targeted=False):
    return (-epsilon if targeted else epsilon) * gradient.sign()


# %% mistake="fgsm" slip="the perturbation is clipped, not the image" says="perturbation was clipped"
def fgsm(x, gradient, epsilon, targeted=False):
    step = (-epsilon if targeted else epsilon) * gradient.sign()
    return x + step.clamp(0, 1)


# %% mistake="fgsm" slip="clipped to [-1, 1]" says="below 0"
def fgsm(x, gradient, epsilon, targeted=False):
    return (x + (-epsilon if targeted else epsilon) * gradient.sign()).clamp(-1, 1)


# %% mistake="fgsm" slip="clipped at 0 only" says="above 1"
def fgsm(x, gradient, epsilon, targeted=False):
    return torch.relu(x + (-epsilon if targeted else epsilon) * gradient.sign())


# %% mistake="fgsm" slip="the caller's gradient is turned round" says="gradient after the call|modified in place"
def fgsm(x, gradient, epsilon, targeted=False):
    if targeted:
        gradient.neg_()
    return (x + epsilon * gradient.sign()).clamp(0, 1)


# %% alternative="fgsm" note="NumPy"
def fgsm(x, gradient, epsilon, targeted=False):
    direction = -1 if targeted else 1
    return np.clip(x.numpy() + direction * epsilon * np.sign(gradient.numpy()), 0, 1)


# %% alternative="fgsm" note="masks"
def fgsm(x, gradient, epsilon, targeted=False):
    if targeted:
        gradient = -gradient
    up, down = (gradient > 0).to(x.dtype), (gradient < 0).to(x.dtype)
    return torch.clamp(x + epsilon * up - epsilon * down, min=0.0, max=1.0)


# %% [markdown]
# ## project

# %% mistake="project" slip="box forgotten" says="leaves the box"
def project(x_adv, x, epsilon):
    return x + (x_adv - x).clamp(-epsilon, epsilon)


# %% mistake="project" slip="ball forgotten" says="leaves the ball"
def project(x_adv, x, epsilon):
    return x_adv.clamp(0, 1)


# %% mistake="project" slip="the whole perturbation is shrunk" says="each pixel by itself"
def project(x_adv, x, epsilon):
    eta = x_adv - x
    return (x + eta * min(1.0, epsilon / eta.abs().max().item())).clamp(0, 1)


# %% mistake="project" slip="Euclidean ball" says="Euclidean length"
def project(x_adv, x, epsilon):
    eta = x_adv - x
    return (x + eta * (epsilon / eta.norm()).clamp(max=1)).clamp(0, 1)


# %% mistake="project" slip="every pixel to the border" says="moved to the border"
def project(x_adv, x, epsilon):
    return (x + epsilon * (x_adv - x).sign()).clamp(0, 1)


# %% mistake="project" slip="the perturbation is returned" says="perturbation alone"
def project(x_adv, x, epsilon):
    return (x_adv - x).clamp(-epsilon, epsilon)


# %% mistake="project" slip="the image itself is clipped to epsilon" says="bound is for the difference"
def project(x_adv, x, epsilon):
    return x_adv.clamp(-epsilon, epsilon)


# %% mistake="project" slip="ball around x_adv" says="belongs around x"
def project(x_adv, x, epsilon):
    return (x_adv + (x - x_adv).clamp(-epsilon, epsilon)).clamp(0, 1)


# %% mistake="project" slip="lower border of the ball forgotten" says="upper border"
def project(x_adv, x, epsilon):
    return torch.minimum(x_adv, x + epsilon).clamp(0, 1)


# %% mistake="project" slip="the caller's x_adv is changed" says="modified in place"
def project(x_adv, x, epsilon):
    x_adv -= x
    x_adv.clamp_(-epsilon, epsilon)
    x_adv += x
    return x_adv.clamp(0, 1)


# %% mistake="project" slip="clipped to epsilon, then to the box" says="first bound is for x_adv - x"
def project(x_adv, x, epsilon):
    return x_adv.clamp(-epsilon, epsilon).clamp(0, 1)


# %% mistake="project" slip="the perturbation is clipped to the box" says="image that lies in the box"
def project(x_adv, x, epsilon):
    return (x_adv - x).clamp(-epsilon, epsilon).clamp(0, 1)


# %% mistake="project" slip="minimum and maximum exchanged" says="are exchanged"
def project(x_adv, x, epsilon):
    return torch.maximum(torch.minimum(x_adv, x - epsilon), x + epsilon).clamp(0, 1)


# %% mistake="project" slip="a pixel outside goes back to x" says="put back to x"
def project(x_adv, x, epsilon):
    return torch.where((x_adv - x).abs() > epsilon, x, x_adv).clamp(0, 1)


# %% mistake="project" slip="sizes without signs" says="lost their sign"
def project(x_adv, x, epsilon):
    return (x + (x_adv - x).abs().clamp(max=epsilon)).clamp(0, 1)


# %% alternative="project" note="box first, then ball: the same, as x is in the box"
def project(x_adv, x, epsilon):
    x_adv = x_adv.clamp(0, 1)
    return torch.maximum(torch.minimum(x_adv, x + epsilon), x - epsilon)


# %% alternative="project" note="one interval a pixel"
def project(x_adv, x, epsilon):
    low, high = (x - epsilon).clamp(min=0), (x + epsilon).clamp(max=1)
    return torch.where(x_adv < low, low, torch.where(x_adv > high, high, x_adv))


# %% [markdown]
# ## pgd

# %% mistake="pgd" slip="projection only at the end" says="after every step|inside? the loop|into the loop"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = x_adv + step * gradient_fn(x_adv).sign()
    return (x + (x_adv - x).clamp(-epsilon, epsilon)).clamp(0, 1)


# %% mistake="pgd" slip="ball around the previous point" says="walks away"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        moved = x_adv + step * gradient_fn(x_adv).sign()
        x_adv = (x_adv + (moved - x_adv).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="no ball" says="walks away|into the ball"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = (x_adv + step * gradient_fn(x_adv).sign()).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="no box" says="not clipped"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = x + (x_adv + step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)
    return x_adv


# %% mistake="pgd" slip="one gradient for all steps" says="computed once"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    sign = gradient_fn(x_adv).sign()
    for _ in range(steps):
        x_adv = (x + (x_adv + step * sign - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="the gradient always at x" says="computed once"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = (x + (x_adv + step * gradient_fn(x).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="the gradient and not its sign" says="not its sign"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = (x + (x_adv + step * gradient_fn(x_adv) - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="descent, as the name says" says="goes down the gradient"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = (x + (x_adv - step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="start ignored" says="start was ignored"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x
    for _ in range(steps):
        x_adv = (x + (x_adv + step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="ball around the start" says="ball is around the start"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    if start is not None:
        x = start
    x_adv = x
    for _ in range(steps):
        x_adv = (x + (x_adv + step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="the caller's image is changed" says="modified in place"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv, original = (x if start is None else start), x.clone()
    for _ in range(steps):
        x_adv += step * gradient_fn(x_adv).sign()
        x_adv.copy_((original + (x_adv - original).clamp(-epsilon, epsilon)).clamp(0, 1))
    return x_adv


# %% mistake="pgd" slip="one step too many" says="one step too many"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps + 1):
        x_adv = (x + (x_adv + step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="steps as long as epsilon" says="not as `step`"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = (x + (x_adv + epsilon * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="clipped to the box only where the net looks" says="starts from the clipped image"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    eta = torch.zeros_like(x) if start is None else start - x
    for _ in range(steps):
        eta = (eta + step * gradient_fn((x + eta).clamp(0, 1)).sign()).clamp(-epsilon, epsilon)
    return (x + eta).clamp(0, 1)


# %% mistake="pgd" slip="+= changes x, and the ball moves along" says="modified in place"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv += step * gradient_fn(x_adv).sign()
        x_adv = (x + (x_adv - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="truth value of a tensor" says="ambiguous"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = start or x
    for _ in range(steps):
        x_adv = (x + (x_adv + step * gradient_fn(x_adv).sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
    return x_adv


# %% mistake="pgd" slip="returns inside the loop" says="single step"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = x if start is None else start
    for _ in range(steps):
        x_adv = x_adv + step * gradient_fn(x_adv).sign()
        return (x + (x_adv - x).clamp(-epsilon, epsilon)).clamp(0, 1)


# %% alternative="pgd" note="with the student's own fgsm and project"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    x_adv = (x if start is None else start).clone()
    while steps > 0:
        x_adv = project(fgsm(x_adv, gradient_fn(x_adv), step), x, epsilon)
        steps -= 1
    return x_adv


# %% alternative="pgd" note="the perturbation is kept, in an interval worked out beforehand"
def pgd(gradient_fn, x, epsilon, step, steps, start=None):
    low, high = torch.clamp(-x, min=-epsilon), torch.clamp(1 - x, max=epsilon)
    eta = torch.zeros_like(x) if start is None else start - x
    for _ in range(steps):
        eta = torch.maximum(torch.minimum(eta + step * torch.sign(gradient_fn(x + eta)), high), low)
    return x + eta


# %% [markdown]
# ## minimal_perturbation

# %% mistake="minimal_perturbation" slip="length of w not squared" says="not by its square"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 + overshoot) * ((x @ w + b) / w.norm())[:, None] * w


# %% mistake="minimal_perturbation" slip="away from the boundary" says="away from the boundary"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return (1 + overshoot) * ((x @ w + b) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="bias forgotten" says="bias b is missing"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 + overshoot) * (x @ w / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="distance without a sign" says="pushed the same way"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 + overshoot) * ((x @ w + b).abs() / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="overshoot forgotten" says="overshoot is missing"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -((x @ w + b) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="overshoot shortens" says="shortens"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 - overshoot) * ((x @ w + b) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="smallest in the largest entry" says="largest entry"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 + overshoot) * ((x @ w + b) / w.abs().sum())[:, None] * w.sign()


# %% mistake="minimal_perturbation" slip="the moved points are returned" says="perturbation alone"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return x - (1 + overshoot) * ((x @ w + b) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="the overshoot alone" says="overshoot alone"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -overshoot * ((x @ w + b) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="the overshoot is added to the score" says="added to the score"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -((x @ w + b + overshoot) / (w @ w))[:, None] * w


# %% mistake="minimal_perturbation" slip="the overshoot is added to the factor" says="added to s /"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -((x @ w + b) / (w @ w) + overshoot)[:, None] * w


# %% mistake="minimal_perturbation" slip="kept in the box" says="no box"
def minimal_perturbation(w, b, x, overshoot=0.02):
    moved = x - (1 + overshoot) * ((x @ w + b) / (w @ w))[:, None] * w
    return moved.clamp(0, 1) - x


# %% mistake="minimal_perturbation" slip="distances" says="these are the distances"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return (1 + overshoot) * (x @ w + b).abs() / w.norm()


# %% mistake="minimal_perturbation" slip="scores and weights multiplied entry by entry" says="must match the size"
def minimal_perturbation(w, b, x, overshoot=0.02):
    return -(1 + overshoot) * (x @ w + b) / (w @ w) * w


# %% alternative="minimal_perturbation" note="unit normal and signed distance"
def minimal_perturbation(w, b, x, overshoot=0.02):
    length = torch.linalg.norm(w)
    distance = (x.matmul(w) + b) / length
    return torch.outer(-distance * (1 + overshoot), w / length)


# %% alternative="minimal_perturbation" note="point by point"
def minimal_perturbation(w, b, x, overshoot=0.02):
    rows = []
    for point in x:
        onto = -(torch.dot(w, point) + b) / torch.dot(w, w) * w
        rows.append(onto + overshoot * onto)
    return torch.stack(rows)


# %% [markdown]
# ## deepfool_step

# %% mistake="deepfool_step" slip="second largest logit" says="second largest logit"
def deepfool_step(logits, jacobian):
    top, second = logits.topk(2).indices
    slope = jacobian[second] - jacobian[top]
    return (logits[top] - logits[second]) / (slope @ slope) * slope


# %% mistake="deepfool_step" slip="length not squared" says="not by its square"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    distance = gap / slope.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return distance[nearest] * slope[nearest]


# %% mistake="deepfool_step" slip="gradient of the top class not subtracted" says="was not subtracted"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap = logits[top] - logits
    distance = gap / jacobian.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / jacobian[nearest].square().sum() * jacobian[nearest]


# %% mistake="deepfool_step" slip="the top class is compared with itself" says="compared with itself"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    nearest = (gap / slope.norm(dim=1)).argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="away from the boundary" says="away from the boundary"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits - logits[top], jacobian - jacobian[top]
    distance = gap.abs() / slope.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="nearest by signed distance, which is the farthest" says="farthest|second largest"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    distance = -gap / slope.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="the caller's logits are changed" says="modified in place"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    logits -= logits[top].clone()
    slope = jacobian - jacobian[top]
    distance = -logits / slope.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return -logits[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="place among the others used as a class" says="number of a class"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    others = [k for k in range(len(logits)) if k != top]
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    nearest = (gap[others] / slope[others].norm(dim=1)).argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="nearest by the gap over the squared length" says="not by its square"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    distance = gap / slope.square().sum(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="one length for all rows" says="one length for each row"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    distance = gap / slope.norm()
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="probabilities for logits" says="turned into probabilities"
def deepfool_step(logits, jacobian):
    logits = logits.softmax(dim=0)
    top = logits.argmax()
    gap, slope = logits[top] - logits, jacobian - jacobian[top]
    distance = gap / slope.norm(dim=1)
    distance[top] = float("inf")
    nearest = distance.argmin()
    return gap[nearest] / slope[nearest].square().sum() * slope[nearest]


# %% mistake="deepfool_step" slip="all ways are returned" says="all other classes"
def deepfool_step(logits, jacobian):
    top = logits.argmax()
    others = [k for k in range(len(logits)) if k != top]
    slope = jacobian[others] - jacobian[top]
    return ((logits[top] - logits[others]) / slope.square().sum(dim=1))[:, None] * slope


# %% alternative="deepfool_step" note="a loop over the classes"
def deepfool_step(logits, jacobian):
    top = int(logits.argmax())
    best = None
    for k in range(len(logits)):
        if k == top:
            continue
        w = jacobian[k] - jacobian[top]
        eta = (logits[top] - logits[k]) / torch.dot(w, w) * w
        if best is None or eta.norm() < best.norm():
            best = eta
    return best


# %% alternative="deepfool_step" note="all ways at once, in NumPy, without the class on top"
def deepfool_step(logits, jacobian):
    z, g = logits.numpy(), jacobian.numpy()
    top = z.argmax()
    slope = np.delete(g - g[top], top, axis=0)
    gap = np.delete(z[top] - z, top)
    ways = (gap / np.einsum("kn,kn->k", slope, slope))[:, None] * slope
    return ways[np.argmin(np.linalg.norm(ways, axis=1))]


# %% [markdown]
# ## robust_accuracy

# %% mistake="robust_accuracy" slip="smaller epsilons forgotten" says="the curve rises"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).double().mean(dim=1)


# %% mistake="robust_accuracy" slip="mean over the attacks" says="mean over the attacks"
def robust_accuracy(predictions, y):
    return (predictions == y).double().mean(dim=(1, 2))


# %% mistake="robust_accuracy" slip="smallest accuracy" says="other images"
def robust_accuracy(predictions, y):
    return (predictions == y).double().mean(dim=2).min(dim=1).values


# %% mistake="robust_accuracy" slip="smallest accuracy so far" says="follow each image"
def robust_accuracy(predictions, y):
    return (predictions == y).double().mean(dim=2).min(dim=1).values.cummin(dim=0).values


# %% mistake="robust_accuracy" slip="the curve is made to fall, not each image followed" says="followed by itself"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).double().mean(dim=1).cummin(dim=0).values


# %% mistake="robust_accuracy" slip="any attack survived" says="survives one of the attacks"
def robust_accuracy(predictions, y):
    return (predictions == y).any(dim=1).cumprod(dim=0).double().mean(dim=1)


# %% mistake="robust_accuracy" slip="counts" says="counts"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).cumprod(dim=0).sum(dim=1)


# %% mistake="robust_accuracy" slip="share of lost images" says="were lost"
def robust_accuracy(predictions, y):
    return (predictions != y).any(dim=1).double().cummax(dim=0).values.mean(dim=1)


# %% mistake="robust_accuracy" slip="percent" says="percent"
def robust_accuracy(predictions, y):
    return 100 * (predictions == y).all(dim=1).cumprod(dim=0).double().mean(dim=1)


# %% mistake="robust_accuracy" slip="axes of attacks and images exchanged" says="axis 2 that of the images"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=2).cumprod(dim=0).double().mean(dim=1)


# %% mistake="robust_accuracy" slip="losses run along the images" says="along the epsilons"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).cumprod(dim=1).double().mean(dim=1)


# %% mistake="robust_accuracy" slip="mean over the epsilons" says="value for each image"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).cumprod(dim=0).double().mean(dim=0)


# %% mistake="robust_accuracy" slip="only the last attack" says="under one attack"
def robust_accuracy(predictions, y):
    shares = []
    for attacks in predictions:
        for seen in attacks:
            alive = seen == y
        shares.append(alive.double().mean())
    return torch.stack(shares)


# %% mistake="robust_accuracy" slip="mean of True and False" says="mean\(\).*Bool"
def robust_accuracy(predictions, y):
    return (predictions == y).all(dim=1).mean(dim=1)


# %% alternative="robust_accuracy" note="loops over epsilons and images"
def robust_accuracy(predictions, y):
    alive = [True] * len(y)
    curve = []
    for attacks in predictions:
        for i in range(len(y)):
            alive[i] = alive[i] and all(int(seen[i]) == int(y[i]) for seen in attacks)
        curve.append(sum(alive) / len(y))
    return torch.tensor(curve, dtype=torch.float64)


# %% alternative="robust_accuracy" note="all predictions up to k"
def robust_accuracy(predictions, y):
    wrong = predictions != y[None, None, :]
    return torch.stack([1 - wrong[: k + 1].flatten(0, 1).any(dim=0).double().mean() for k in range(len(wrong))])


# %% [markdown]
# ## adversarial_training_step

# %% mistake="adversarial_training_step" slip="gradient of the attack still in .grad" says="was added to it"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy(mlp(image, weights, biases), y).backward()
    attacked = (x + epsilon * image.grad.sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    loss.backward()
    with torch.no_grad():
        for param in [*weights, *biases]:
            param -= lr * param.grad
            param.grad = None
    return loss.item()


# %% mistake="adversarial_training_step" slip="gradients left behind" says="left in .grad"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    optimizer = torch.optim.SGD([*weights, *biases], lr=lr)
    image = x.detach().clone().requires_grad_()
    torch.nn.functional.cross_entropy(mlp(image, weights, biases), y).backward()
    attacked = (x + epsilon * image.grad.sign()).clamp(0, 1)
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% mistake="adversarial_training_step" slip="plain training" says="on the clean images"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    loss = torch.nn.functional.cross_entropy(mlp(x, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the attack helps the net" says="helps the net"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x - epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="attacked images not clipped" says="not clipped"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = x + epsilon * torch.autograd.grad(loss, image)[0].sign()
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="copies are trained" says="did not move"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
        param = param - lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="sum over the batch" says="sum over the batch"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y, reduction="sum")
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y, reduction="sum")
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="mean of the clean and the attacked loss" says="attacked images alone"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(torch.cat([x, attacked]), weights, biases), torch.cat([y, y]))
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="biases not trained" says="biases were not trained"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    with torch.no_grad():
        for param, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the clean loss is returned" says="loss of the clean images"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    clean = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(clean, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return clean.item()


# %% mistake="adversarial_training_step" slip="the caller's images are attacked in place" says="modified in place"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    x += epsilon * torch.autograd.grad(loss, image)[0].sign()
    x.clamp_(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(x, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the learning rate is forgotten" says="learning rate was not used"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the attack uses the gradient, not its sign" says="not its sign"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0]).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="new tensors put into the lists" says="new tensors"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    gradients = torch.autograd.grad(loss, [*weights, *biases])
    for i in range(len(weights)):
        weights[i] = (weights[i] - lr * gradients[i]).detach().requires_grad_()
        biases[i] = (biases[i] - lr * gradients[len(weights) + i]).detach().requires_grad_()
    return loss.item()


# %% mistake="adversarial_training_step" slip="no_grad forgotten" says="leaf Variable"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
        param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the losses of clean and attacked images added" says="images were added"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    loss = loss + torch.nn.functional.cross_entropy(mlp(x, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss.item()


# %% mistake="adversarial_training_step" slip="the loss comes as a tensor" says="plain number"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    image = x.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(mlp(image, weights, biases), y)
    attacked = (x + epsilon * torch.autograd.grad(loss, image)[0].sign()).clamp(0, 1)
    loss = torch.nn.functional.cross_entropy(mlp(attacked, weights, biases), y)
    params = [*weights, *biases]
    with torch.no_grad():
        for param, gradient in zip(params, torch.autograd.grad(loss, params), strict=True):
            param -= lr * gradient
    return loss


# %% alternative="adversarial_training_step" note="an optimiser, and the gradients removed twice"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    optimizer = torch.optim.SGD(list(weights) + list(biases), lr=lr)
    image = x.clone().requires_grad_(True)
    torch.nn.CrossEntropyLoss()(mlp(image, weights, biases), y).backward()
    attacked = torch.clamp(x + epsilon * torch.sign(image.grad), 0, 1)
    optimizer.zero_grad()
    loss = torch.nn.CrossEntropyLoss()(mlp(attacked, weights, biases), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


# %% alternative="adversarial_training_step" note="with the student's own input_gradient and fgsm, and .data"
def adversarial_training_step(weights, biases, x, y, epsilon, lr):
    attacked = fgsm(x, input_gradient(x, y, weights, biases), epsilon)
    logits = mlp(attacked, weights, biases)
    loss = (logits.logsumexp(dim=1) - logits.gather(1, y[:, None])[:, 0]).sum() / len(y)
    tensors = [*weights, *biases]
    for tensor, slope in zip(tensors, torch.autograd.grad(loss, tensors), strict=True):
        tensor.data = tensor.data - lr * slope
    return float(loss)


# %% [markdown] equivalent="adversarial_training_step" mutant="image = x.detach().clone() -> image = x.detach()"
# detach alone gives a tensor with a flag of its own; it shares the values of x, which nobody changes

# %% [markdown] equivalent="adversarial_training_step" mutant="image = x.detach().clone() -> image = x.clone()"
# x comes without a graph, so that its clone is a leaf with a flag of its own already
