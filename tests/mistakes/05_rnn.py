# %% [markdown]
# # Lab 05: answers that `course verify` tries
#
# Mistakes that students make, correct answers that look different from ours, and mutants that no test can tell from the
# reference. Each cell replaces the answer cell of the exercise that it names.

# %% [markdown]
# ## rnn_step

# %% mistake="rnn_step" slip="W from the wrong side" says="W was multiplied|shape|raised"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W + h @ U.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="U from the wrong side" says="U was multiplied"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + h @ U + b_ih + b_hh)


# %% mistake="rnn_step" slip="one bias only" says="b_hh is missing"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + h @ U.T + b_ih)


# %% mistake="rnn_step" slip="sigmoid, as deck F writes it" says="E31"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.sigmoid(x @ W.T + h @ U.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="no tanh" says="tanh is missing"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return x @ W.T + h @ U.T + b_ih + b_hh


# %% mistake="rnn_step" slip="the state is not used" says="h is not used"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="through NumPy, so that no gradient passes" says="autograd|graph|gradient"
def rnn_step(x, h, W, U, b_ih, b_hh):
    a = x.detach().numpy() @ W.detach().numpy().T + h.detach().numpy() @ U.detach().numpy().T
    return torch.tanh(torch.from_numpy(a) + b_ih.detach() + b_hh.detach())


# %% mistake="rnn_step" slip="PyTorch's own cell" says="RNNCell"
def rnn_step(x, h, W, U, b_ih, b_hh):
    cell = torch.nn.RNNCell(x.shape[1], h.shape[1])
    cell.load_state_dict({"weight_ih": W, "weight_hh": U, "bias_ih": b_ih, "bias_hh": b_hh})
    return cell(x, h)


# %% mistake="rnn_step" slip="W and U exchanged" says="exchanged"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ U.T + h @ W.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="the biases outside the tanh" says="after the tanh"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + h @ U.T) + b_ih + b_hh


# %% mistake="rnn_step" slip="a tanh for the input and one for the state" says="a tanh each"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + b_ih) + torch.tanh(h @ U.T + b_hh)


# %% mistake="rnn_step" slip="the same bias twice" says="b_ih was added twice"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(x @ W.T + h @ U.T + b_ih + b_ih)


# %% mistake="rnn_step" slip="ReLU" says="ReLU"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.relu(x @ W.T + h @ U.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="the state is kept and the tanh added" says="inside the tanh only"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return h + torch.tanh(x @ W.T + h @ U.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="no gradient" says="autograd|graph"
def rnn_step(x, h, W, U, b_ih, b_hh):
    with torch.no_grad():
        return torch.tanh(x @ W.T + h @ U.T + b_ih + b_hh)


# %% mistake="rnn_step" slip="the state changed in place" says="modified in place"
def rnn_step(x, h, W, U, b_ih, b_hh):
    h[:] = torch.tanh(x @ W.T + h @ U.T + b_ih + b_hh)
    return h


# %% mistake="rnn_step" slip="column vectors, and not turned back" says="transposed"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(W @ x.T + U @ h.T + (b_ih + b_hh)[:, None])


# %% mistake="rnn_step" slip="no return" says="return"
def rnn_step(x, h, W, U, b_ih, b_hh):
    h = torch.tanh(x @ W.T + h @ U.T + b_ih + b_hh)


# %% alternative="rnn_step" note="one matrix [W U], the two inputs side by side"
def rnn_step(x, h, W, U, b_ih, b_hh):
    both = torch.cat([x, h], dim=1)
    return (both @ torch.cat([W, U], dim=1).T + (b_ih + b_hh)).tanh()


# %% alternative="rnn_step" note="torch.nn.functional.linear"
def rnn_step(x, h, W, U, b_ih, b_hh):
    return torch.tanh(torch.nn.functional.linear(x, W, b_ih) + torch.nn.functional.linear(h, U, b_hh))


# %% alternative="rnn_step" note="one sequence after the other"
def rnn_step(x, h, W, U, b_ih, b_hh):
    rows = [torch.tanh(W @ x[n] + b_ih + U @ h[n] + b_hh) for n in range(len(x))]
    return torch.stack(rows)


# %% [markdown]
# ## unroll

# %% mistake="unroll" slip="the lengths are not used" says="went on reading"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="last is right, the states go on into the padding" says="only .last. is right"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        states.append(h)
    states = torch.stack(states, dim=1)
    with_start = torch.cat([h0[:, None], states], dim=1)
    return states, with_start[torch.arange(len(x)), lengths]


# %% mistake="unroll" slip="zeros behind the end" says="are 0"
def unroll(step, x, h0, lengths):
    h, states, last = h0, [], h0
    for t in range(x.shape[1]):
        lasts = (t < lengths)[:, None]
        h = step(x[:, t], h) * lasts
        last = torch.where(lasts, h, last)
        states.append(h)
    return torch.stack(states, dim=1), last


# %% mistake="unroll" slip="the state is not carried on" says="began from h0"
def unroll(step, x, h0, lengths):
    states, last = [], h0
    for t in range(x.shape[1]):
        last = torch.where((t < lengths)[:, None], step(x[:, t], h0), last)
        states.append(last)
    return torch.stack(states, dim=1), last


# %% mistake="unroll" slip="begins from 0" says="h0 was not used"
def unroll(step, x, h0, lengths):
    h, states = torch.zeros_like(h0), []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="h0 is among the states" says="begin with h0|shape"
def unroll(step, x, h0, lengths):
    h, states = h0, [h0]
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="states before each step" says="states before each step"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        states.append(h)
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="a step too far" says="one step too far"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t <= lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="time first" says="batch comes first"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states), h


# %% mistake="unroll" slip="the caller's h0 is changed" says="modified|h0|changed"
def unroll(step, x, h0, lengths):
    states = []
    for t in range(x.shape[1]):
        going = t < lengths
        h0[going] = step(x[:, t], h0)[going]
        states.append(h0.clone())
    return torch.stack(states, dim=1), h0


# %% mistake="unroll" slip="the padding set to 0 and read" says="padding was set to 0"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = step(x[:, t] * (t < lengths)[:, None], h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="h0 again behind the end" says="h0 again"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h0)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="a step too few" says="last step of each sequence"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths - 1)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="from the last step to the first" says="from the last to the first"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in reversed(range(x.shape[1])):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="a loop over the sequences" says="loop ran over the sequences"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[0]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="state and input exchanged" says="state and input exchanged"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(h, x[:, t]), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="the batch taken for the time" says="step t is|for these arguments"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="a condition of shape (batch,)" says="shape \(batch, 1\)"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where(t < lengths, step(x[:, t], h), h)
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="the pair exchanged" says="came back as"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states.append(h)
    return h, torch.stack(states, dim=1)


# %% mistake="unroll" slip="one tensor, changed in place" says="one and the same tensor"
def unroll(step, x, h0, lengths):
    h, states = h0.clone(), []
    for t in range(x.shape[1]):
        h[t < lengths] = step(x[:, t], h)[t < lengths]
        states.append(h)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="states right, last has read the padding" says="read the padding"
def unroll(step, x, h0, lengths):
    h, kept, states = h0, h0, []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        kept = torch.where((t < lengths)[:, None], h, kept)
        states.append(kept)
    return torch.stack(states, dim=1), h


# %% mistake="unroll" slip="float32 whatever comes in" says="float32"
def unroll(step, x, h0, lengths):
    h, states = h0, torch.zeros(len(x), x.shape[1], h0.shape[1])
    for t in range(x.shape[1]):
        h = torch.where((t < lengths)[:, None], step(x[:, t], h), h)
        states[:, t] = h
    return states, h


# %% alternative="unroll" note="one sequence after the other"
def unroll(step, x, h0, lengths):
    rows, ends = [], []
    for n in range(len(x)):
        h, row = h0[n : n + 1], []
        for t in range(x.shape[1]):
            if t < int(lengths[n]):
                h = step(x[n : n + 1, t], h)
            row.append(h[0])
        rows.append(torch.stack(row))
        ends.append(h[0])
    return torch.stack(rows), torch.stack(ends)


# %% alternative="unroll" note="filled into an array, only the running rows computed"
def unroll(step, x, h0, lengths):
    states = torch.zeros(*x.shape[:2], h0.shape[1], dtype=h0.dtype)
    h = h0.clone()
    for t in range(x.shape[1]):
        going = lengths > t
        if going.any():
            h[going] = step(x[going, t], h[going])
        states[:, t] = h
    return states, states[:, -1]


# %% alternative="unroll" note="a mask of zeros and ones"
def unroll(step, x, h0, lengths):
    h, states = h0, []
    for t in range(x.shape[1]):
        reads = (t < lengths).to(h0.dtype)[:, None]
        h = reads * step(x[:, t], h) + (1 - reads) * h
        states.append(h)
    return torch.stack(states, dim=1), h


# %% [markdown]
# ## bptt

# %% mistake="bptt" slip="later losses forgotten" says="later losses"
def bptt(x, h0, states, direct, U):
    before = torch.cat([h0[:, None], states[:, :-1]], dim=1)
    inside = (1 - states**2) * direct
    dW = torch.einsum("nth,nti->hi", inside, x)
    dU = torch.einsum("nth,ntk->hk", inside, before)
    return dW, dU, inside.sum((0, 1)), inside[:, 0] @ U


# %% mistake="bptt" slip="U.T instead of U" says="transpose of U"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U.T
    return dW, dU, db, later


# %% mistake="bptt" slip="slope of tanh forgotten" says="slope of tanh"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = direct[:, t] + later
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="slope of the sigmoid" says="slope of the sigmoid"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = states[:, t] * (1 - states[:, t]) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="dU with the state after the step" says="h_t was used"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ states[:, t]
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="the first step has no share in dU" says="with h0, is missing"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        if t > 0:
            dU = dU + inside.T @ states[:, t - 1]
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="states[:, t - 1] at t = 0 is the last state" says="the last one, was taken"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ states[:, t - 1]
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="only the last loss" says="only the loss of the last step"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, direct[:, -1]
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * later
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="mean over the batch" says="number of sequences"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t] / len(x)
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0) / len(x)
        db = db + inside.mean(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="from the first step to the last" says="expected"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in range(x.shape[1]):
        inside = (1 - states[:, t] ** 2) * (direct[:, t] + later)
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="autograd" says="grad"
def bptt(x, h0, states, direct, U):
    before = torch.cat([h0[:, None], states[:, :-1]], dim=1)
    rest = torch.atanh(states) - before @ U.T  # W x + b
    U = U.clone().requires_grad_()
    a = rest.clone().requires_grad_()
    start = h0.clone().requires_grad_()
    h, loss = start, 0
    for t in range(x.shape[1]):
        h = torch.tanh(a[:, t] + h @ U.T)
        loss = loss + (h * direct[:, t]).sum()
    dU, da, dh0 = torch.autograd.grad(loss, (U, a, start))
    return torch.einsum("nth,nti->hi", da, x), dU, da.sum((0, 1)), dh0


# %% mistake="bptt" slip="dh0 is that of the first state" says="gradient at h_1"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, delta


# %% mistake="bptt" slip="dh0 without U" says="U is still missing"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, inside


# %% mistake="bptt" slip="no slope between the steps" says="on the way from a step"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = delta @ U
    return dW, dU, db, inside @ U


# %% mistake="bptt" slip="no slope in the shares" says="in the shares"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + delta.T @ x[:, t]
        dU = dU + delta.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + delta.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="no slope on the way back" says="on the way to the step before"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = delta @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="the slope of the wrong step on the way back" says="was taken at h_t"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + ((1 - states[:, t] ** 2) * later) @ U
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = delta
    return dW, dU, db, inside @ U


# %% mistake="bptt" slip="overwritten instead of added" says="add up all steps"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = inside.T @ x[:, t]
        dU = inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="the loop ends one step too early" says="one step too early"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in range(x.shape[1] - 1, 0, -1):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ states[:, t - 1]
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="what goes back is added up" says="added up over the steps"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = later + inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="db for each sequence" says="row for each sequence"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="tanh of the state" says="tanh was taken of it again"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - torch.tanh(states[:, t]) ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="the square forgotten" says="square is missing"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t]) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="dU transposed" says="transposed"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + (states[:, t - 1] if t > 0 else h0).T @ inside
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="dW and dU exchanged" says="exchanged"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dU, dW, db, later


# %% mistake="bptt" slip="direct changed in place" says="modified in place"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        direct[:, t] += later
        delta = direct[:, t]
        inside = (1 - states[:, t] ** 2) * delta
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ (states[:, t - 1] if t > 0 else h0)
        db = db + inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="nothing goes back at all" says="and none h0"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
    return dW, dU, db, later


# %% mistake="bptt" slip="the slope of h_t after U" says="D_t U.T δ_.t.1. here; first"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = (1 - before**2) * (delta @ U)
    return dW, dU, db, inside @ U


# %% mistake="bptt" slip="the slope of h_t after U, and that of h_0" says="D_t U.T δ_.t.1. here, in dh0 too"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = (1 - before**2) * (delta @ U)
    return dW, dU, db, later


# %% mistake="bptt" slip="the slope of h_t after U, and none for h_0" says="and dh0 has no slope"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        slope = 1 - states[:, t] ** 2
        delta = direct[:, t] + slope * later
        inside = slope * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = delta @ U
    return dW, dU, db, later


# %% mistake="bptt" slip="the slope of h_{t+1} after U" says="D_.t.1. U.T δ_.t.1. here; first"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = (1 - states[:, t] ** 2) * (delta @ U)
    return dW, dU, db, inside @ U


# %% mistake="bptt" slip="the slope of h_{t+1} after U, in dh0 too" says="D_.t.1. U.T δ_.t.1. here, in dh0 too"
def bptt(x, h0, states, direct, U):
    dW, dU, db, later = 0, 0, 0, torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW = dW + inside.T @ x[:, t]
        dU = dU + inside.T @ before
        db = db + inside.sum(0)
        later = (1 - states[:, t] ** 2) * (delta @ U)
    return dW, dU, db, later


# %% mistake="bptt" slip="float32 whatever comes in" says="are float64 and a result is not"
def bptt(x, h0, states, direct, U):
    dW, dU, db = torch.zeros(U.shape[0], x.shape[2]), torch.zeros(U.shape), torch.zeros(U.shape[0])
    later = torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        delta = direct[:, t] + later
        inside = (1 - states[:, t] ** 2) * delta
        before = states[:, t - 1] if t > 0 else h0
        dW += inside.T @ x[:, t]
        dU += inside.T @ before
        db += inside.sum(0)
        later = inside @ U
    return dW, dU, db, later


# %% alternative="bptt" note="all shares first, one einsum for each gradient afterwards"
def bptt(x, h0, states, direct, U):
    before = torch.cat([h0.unsqueeze(1), states[:, :-1]], dim=1)
    slope = 1 - states**2
    inside = torch.zeros_like(states)
    carry = torch.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        inside[:, t] = slope[:, t] * (direct[:, t] + carry)
        carry = torch.matmul(inside[:, t], U)
    dW = torch.einsum("nth,nti->hi", inside, x)
    dU = torch.einsum("nth,ntk->hk", inside, before)
    return dW, dU, inside.sum(dim=(0, 1)), carry


# %% alternative="bptt" note="one sequence after the other, column vectors and outer products"
def bptt(x, h0, states, direct, U):
    dW = torch.zeros(U.shape[0], x.shape[2], dtype=x.dtype)
    dU, db, dh0 = torch.zeros_like(U), torch.zeros(U.shape[0], dtype=x.dtype), torch.zeros_like(h0)
    for n in range(len(x)):
        h = [h0[n], *states[n]]
        delta = torch.zeros_like(h0[n])
        for t in range(x.shape[1], 0, -1):
            delta = (1 - h[t] * h[t]) * (delta + direct[n, t - 1])
            dW += torch.outer(delta, x[n, t - 1])
            dU += torch.outer(delta, h[t - 1])
            db += delta
            delta = U.T @ delta
        dh0[n] = delta
    return dW, dU, db, dh0


# %% [markdown]
# ## clip_gradients

# %% mistake="clip_gradients" slip="each tensor by its own length" says="its own length"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    return [part * min(1.0, limit / (part.norm().item() + 1e-12)) for part in gradients], length


# %% mistake="clip_gradients" slip="each component cut off" says="changes the direction"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    return [part.clamp(-limit, limit) for part in gradients], length


# %% mistake="clip_gradients" slip="lengths added up" says="lengths of the tensors were added"
def clip_gradients(gradients, limit):
    length = sum(part.norm().item() for part in gradients)
    factor = min(1.0, limit / length) if length > 0 else 1.0
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="no root" says="root is missing"
def clip_gradients(gradients, limit):
    length = sum((part**2).sum().item() for part in gradients)
    factor = min(1.0, limit / length) if length > 0 else 1.0
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="short gradients are made longer" says="E32"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    return [limit / length * part for part in gradients], length


# %% mistake="clip_gradients" slip="a gradient of zeros gives 0/0" says="NaN|raised|division"
def clip_gradients(gradients, limit):
    length = torch.cat([part.flatten() for part in gradients]).norm()
    factor = torch.where(length > limit, limit / length, length / length)
    return [factor * part for part in gradients], length.item()


# %% mistake="clip_gradients" slip="the caller's gradients are changed" says="modified|changed"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    for part in gradients:
        part *= min(1.0, limit / max(length, 1e-12))
    return gradients, length


# %% mistake="clip_gradients" slip="the length after clipping" says="before it is asked"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    factor = limit / length if length > limit else 1
    return [factor * part for part in gradients], length * factor


# %% mistake="clip_gradients" slip="PyTorch's own" says="clip_grad_norm_"
def clip_gradients(gradients, limit):
    parameters = [torch.nn.Parameter(torch.zeros_like(part)) for part in gradients]
    for parameter, part in zip(parameters, gradients, strict=True):
        parameter.grad = part.clone()
    length = torch.nn.utils.clip_grad_norm_(parameters, limit)
    return [parameter.grad for parameter in parameters], length.item()


# %% mistake="clip_gradients" slip="tensors shorter than the limit are left" says="left as it is"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    return [part * limit / length if part.norm() > limit else part for part in gradients], length


# %% mistake="clip_gradients" slip="mean of the squares" says="mean of the squares"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients) / sum(part.numel() for part in gradients))
    factor = limit / length if length > limit else 1
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="absolute values" says="absolute values"
def clip_gradients(gradients, limit):
    length = sum(part.abs().sum().item() for part in gradients)
    factor = limit / length if length > limit else 1
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="the longest tensor" says="length of one tensor"
def clip_gradients(gradients, limit):
    length = max(part.norm().item() for part in gradients)
    factor = limit / length if length > limit else 1
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="the first tensor" says="length of the first tensor"
def clip_gradients(gradients, limit):
    length = gradients[0].norm().item()
    factor = limit / length if length > limit else 1
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="scaled to length 1" says="not multiplied by the limit"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    factor = 1 / length if length > limit else 1
    return [factor * part for part in gradients], length


# %% mistake="clip_gradients" slip="the pair exchanged" says="came back as"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    factor = limit / length if length > limit else 1
    return length, [factor * part for part in gradients]


# %% mistake="clip_gradients" slip="short gradients are made shorter" says="made shorter"
def clip_gradients(gradients, limit):
    length = math.sqrt(sum((part**2).sum().item() for part in gradients))
    factor = min(limit / length, length / limit) if length > 0 else 1
    return [factor * part for part in gradients], length


# %% alternative="clip_gradients" note="one long vector"
def clip_gradients(gradients, limit):
    length = torch.cat([part.flatten() for part in gradients]).norm().item()
    if length <= limit:
        return [part.clone() for part in gradients], length
    return [part * (limit / length) for part in gradients], length


# %% alternative="clip_gradients" note="a small number against 0/0, as PyTorch does it"
def clip_gradients(gradients, limit):
    squares = 0.0
    for part in gradients:
        squares += float(torch.sum(part * part))
    length = squares**0.5
    factor = min(1.0, limit / (length + 1e-6))
    return [torch.mul(part, factor) for part in gradients], length


# %% [markdown]
# ## LSTMCell

# %% mistake="LSTMCell" slip="the content through a sigmoid" says="it is the proposal"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = torch.sigmoid(blocks).chunk(4, dim=1)
        c = f * c + i * g
        return o * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the order i, f, o, g" says="order i, f, o, g"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, o, g = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="input and forget gate exchanged" says="i and f are exchanged"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(i) * c + torch.sigmoid(f) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="no tanh around the memory" says="memory goes through tanh first"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * c, c


# %% mistake="LSTMCell" slip="the pair the other way round" says="as \(c, h\)"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return c, torch.sigmoid(o) * torch.tanh(c)


# %% mistake="LSTMCell" slip="one bias is not used" says="bias_hh is missing"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="every gate begins with the forget bias" says="every gate got"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        self.bias_ih = torch.nn.Parameter(torch.full((4 * hidden,), forget_bias))
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="all weights 0 at the start" says="weights of a new cell are 0"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        self.weight_ih = torch.nn.Parameter(torch.zeros(4 * hidden, inputs))
        self.weight_hh = torch.nn.Parameter(torch.zeros(4 * hidden, hidden))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="weights that are no parameters" says="make each a torch.nn.Parameter"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.empty(4 * hidden, inputs).uniform_(-bound, bound)
        self.weight_hh = torch.empty(4 * hidden, hidden).uniform_(-bound, bound)
        self.bias_ih = torch.zeros(4 * hidden)
        self.bias_ih[hidden : 2 * hidden] = forget_bias
        self.bias_hh = torch.zeros(4 * hidden)

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="PyTorch's own cell" says="LSTMCell"
class LSTMCell(torch.nn.LSTMCell):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__(inputs, hidden)
        with torch.no_grad():
            self.bias_ih.zero_()
            self.bias_hh.zero_()
            self.bias_ih[hidden : 2 * hidden] = forget_bias


# %% mistake="LSTMCell" slip="no sigmoid at the forget gate" says="f must go through"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = f * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="no tanh at the proposal" says="g must go through"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="tanh at the gates" says="lie between 0 and 1"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.tanh(f) * c + torch.tanh(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="state and memory exchanged on arrival" says="taken as \(c, h\)"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        c, h = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the blocks cut out unit by unit" says="unit by unit"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.reshape(len(x), -1, 4).unbind(2)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the forget bias once more in the step" says="in the step as well"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the forget bias split" says="half of the forget bias"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias / 2
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(bias.clone())

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the forget bias is always 1" says="was not used"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = 1.0
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the bound is 1/n" says="reach out"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / hidden
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="weights from 0 up" says="one side of 0"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(bound * torch.rand(4 * hidden, inputs))
        self.weight_hh = torch.nn.Parameter(bound * torch.rand(4 * hidden, hidden))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the caller's memory is changed" says="modified in place"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c *= torch.sigmoid(f)
        c += torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="normal numbers at the start" says="do not lie between"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(bound * torch.randn(4 * hidden, inputs))
        self.weight_hh = torch.nn.Parameter(bound * torch.randn(4 * hidden, hidden))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="a bound from the number of inputs" says="do not lie between"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="normal numbers, cut off at the bound" says="not evenly"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter((torch.randn(4 * hidden, inputs) / 4).clamp(-1, 1) * bound)
        self.weight_hh = torch.nn.Parameter((torch.randn(4 * hidden, hidden) / 4).clamp(-1, 1) * bound)
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="no gradient" says="no gradient gets"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        with torch.no_grad():
            blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
            i, f, g, o = blocks.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return torch.sigmoid(o) * torch.tanh(c), c


# %% mistake="LSTMCell" slip="the memory is cut off from the graph" says="no gradient gets"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs).uniform_(-bound, bound))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden).uniform_(-bound, bound))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = forget_bias
        self.bias_ih = torch.nn.Parameter(bias)
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))

    def forward(self, x, state):
        h, c = state
        blocks = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = blocks.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c = c.detach()
        return torch.sigmoid(o) * torch.tanh(c), c


# %% alternative="LSTMCell" note="linear, the gates cut out by slices"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        self.hidden = hidden
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh = torch.nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias_ih = torch.nn.Parameter(torch.zeros(4 * hidden))
        self.bias_hh = torch.nn.Parameter(torch.zeros(4 * hidden))
        for weight in (self.weight_ih, self.weight_hh):
            torch.nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)
        with torch.no_grad():
            self.bias_ih[hidden : 2 * hidden] += forget_bias

    def forward(self, x, state):
        linear, n = torch.nn.functional.linear, self.hidden
        a = linear(x, self.weight_ih, self.bias_ih) + linear(state[0], self.weight_hh, self.bias_hh)
        write, keep, show = a[:, :n].sigmoid(), a[:, n : 2 * n].sigmoid(), a[:, 3 * n :].sigmoid()
        memory = keep * state[1] + write * a[:, 2 * n : 3 * n].tanh()
        return show * memory.tanh(), memory


# %% alternative="LSTMCell" note="one product for input and state, drawn with torch.rand"
class LSTMCell(torch.nn.Module):
    def __init__(self, inputs, hidden, forget_bias=1.0):
        super().__init__()
        scale = 1 / hidden**0.5
        self.weight_ih = torch.nn.Parameter((2 * torch.rand(4 * hidden, inputs) - 1) * scale)
        self.weight_hh = torch.nn.Parameter((2 * torch.rand(4 * hidden, hidden) - 1) * scale)
        blocks = [torch.full((hidden,), float(value)) for value in (0, forget_bias, 0, 0)]
        self.bias_ih = torch.nn.Parameter(torch.cat(blocks))
        self.bias_hh = torch.nn.Parameter(torch.zeros_like(self.bias_ih))

    def forward(self, x, state):
        h, c = state
        both = torch.cat([x, h], dim=1)
        weight = torch.cat([self.weight_ih, self.weight_hh], dim=1)
        a = (both @ weight.T + (self.bias_ih + self.bias_hh)).reshape(len(x), 4, -1)
        c_new = torch.sigmoid(a[:, 1]) * c + torch.sigmoid(a[:, 0]) * torch.tanh(a[:, 2])
        return torch.sigmoid(a[:, 3]) * torch.tanh(c_new), c_new


# %% [markdown]
# ## text_windows

# %% mistake="text_windows" slip="targets are the inputs" says="targets are the inputs"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    rows = ids[: streams * length].reshape(streams, length)[:, : windows * window]
    inputs = rows.reshape(streams, windows, window).transpose(0, 1)
    return inputs, inputs


# %% mistake="text_windows" slip="the target at a window's end is its beginning" says="first character"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    rows = ids[: streams * length].reshape(streams, length)[:, : windows * window]
    inputs = rows.reshape(streams, windows, window).transpose(0, 1)
    return inputs, inputs.roll(-1, dims=2)


# %% mistake="text_windows" slip="windows one after the other, so that rows do not go on" says="do not go on"
def text_windows(ids, streams, window):
    windows = (len(ids) - 1) // (streams * window)
    n = windows * streams * window
    return ids[:n].reshape(windows, streams, window), ids[1 : n + 1].reshape(windows, streams, window)


# %% mistake="text_windows" slip="neighbours in neighbouring rows" says="neighbouring rows"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    n = streams * windows * window
    def cut(part):
        return part[:n].reshape(windows, window, streams).transpose(1, 2)
    return cut(ids), cut(ids[1:])


# %% mistake="text_windows" slip="streams first" says="windows come first"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        return rows.reshape(streams, windows, window)
    return cut(ids), cut(ids[1:])


# %% mistake="text_windows" slip="the last character is counted as input" says="no successor|raised|shape"
def text_windows(ids, streams, window):
    length = len(ids) // streams
    windows = length // window
    padded = torch.cat([ids, ids[:1]])
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        return rows.reshape(streams, windows, window).transpose(0, 1)
    return cut(padded), cut(padded[1:])


# %% mistake="text_windows" slip="streams cut to whole windows first, so they do not fit together" says="expected|shape"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams // window * window
    windows = length // window
    def cut(part):
        return part[: streams * length].reshape(streams, windows, window).transpose(0, 1)
    return cut(ids), cut(ids[1:])


# %% mistake="text_windows" slip="inputs and targets exchanged" says="exchanged"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        return rows.reshape(streams, windows, window).transpose(0, 1)
    return cut(ids[1:]), cut(ids)


# %% mistake="text_windows" slip="windows that overlap" says="overlap"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    def cut(part):
        return part[: streams * length].reshape(streams, length).unfold(1, window, 1).transpose(0, 1)
    return cut(ids), cut(ids[1:])


# %% mistake="text_windows" slip="one target for each window" says="each of its places"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        return rows.reshape(streams, windows, window).transpose(0, 1)
    return cut(ids), cut(ids[1:])[..., -1]


# %% mistake="text_windows" slip="whole numbers of another type" says="int64"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)[:, : windows * window]
        return rows.reshape(streams, windows, window).transpose(0, 1)
    return cut(ids).float(), cut(ids[1:]).float()


# %% mistake="text_windows" slip="a window's last character is its target only" says="window . 1 characters"
def text_windows(ids, streams, window):
    length = len(ids) // streams
    windows = length // (window + 1)
    rows = ids[: streams * length].reshape(streams, length)[:, : windows * (window + 1)]
    rows = rows.reshape(streams, windows, window + 1).transpose(0, 1)
    return rows[..., :-1], rows[..., 1:]


# %% mistake="text_windows" slip="the streams lose their last character" says="was not read"
def text_windows(ids, streams, window):
    length = len(ids) // streams
    windows = (length - 1) // window
    rows = ids[: streams * length].reshape(streams, length)
    def cut(part):
        return part[:, : windows * window].reshape(streams, windows, window).transpose(0, 1)
    return cut(rows[:, :-1]), cut(rows[:, 1:])


# %% mistake="text_windows" slip="an error where there is no window" says="empty|raised"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    windows = length // window
    def cut(part):
        rows = part[: streams * length].reshape(streams, length)
        return torch.stack([rows[:, k * window : (k + 1) * window] for k in range(windows)])
    return cut(ids), cut(ids[1:])


# %% alternative="text_windows" note="a loop over the windows, gathered by start and offset"
def text_windows(ids, streams, window):
    length = (len(ids) - 1) // streams
    starts = torch.arange(streams)[:, None] * length
    places = [starts + k * window + torch.arange(window) for k in range(length // window)]
    if not places:
        empty = torch.zeros(0, streams, window, dtype=torch.int64)
        return empty, empty
    places = torch.stack(places)
    return ids[places], ids[places + 1]


# %% alternative="text_windows" note="lists of lists"
def text_windows(ids, streams, window):
    numbers = ids.tolist()
    length = (len(numbers) - 1) // streams
    inputs, targets = [], []
    for first in range(0, length - window + 1, window):
        rows = [numbers[r * length + first : r * length + first + window + 1] for r in range(streams)]
        inputs.append([row[:-1] for row in rows])
        targets.append([row[1:] for row in rows])
    shape = (len(inputs), streams, window)
    return (torch.tensor(inputs, dtype=torch.int64).reshape(shape),
            torch.tensor(targets, dtype=torch.int64).reshape(shape))


# %% [markdown]
# ## bigram_log_probs

# %% mistake="bigram_log_probs" slip="alpha in the numerator only" says="numerator only"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    return torch.log((counts + alpha) / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="alpha once in the denominator" says="has alpha once"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    return torch.log((counts + alpha) / (counts.sum(dim=1, keepdim=True) + alpha))


# %% mistake="bigram_log_probs" slip="normalised over the columns" says="over the column"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=0))


# %% mistake="bigram_log_probs" slip="rows and columns exchanged" says="exchanged"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[1:] * size + ids[:-1], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=0))


# %% mistake="bigram_log_probs" slip="the last character counted as a context" says="last character"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    seen = torch.bincount(ids, minlength=size)[:, None]
    return torch.log((counts + alpha) / (seen + alpha * size))


# %% mistake="bigram_log_probs" slip="no smoothing" says="alpha was not used"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="probabilities, no logarithm" says="natural logarithms are asked"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return counts / counts.sum(dim=1, keepdim=True)


# %% mistake="bigram_log_probs" slip="base 2" says="base 2"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log2(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="repeated pairs are counted once" says="twice was counted once: "
def bigram_log_probs(ids, size, alpha):
    counts = torch.full((size, size), float(alpha), dtype=torch.float64)
    counts[ids[:-1], ids[1:]] += 1
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="no keepdim" says="keepdim"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=1))


# %% mistake="bigram_log_probs" slip="computed in float32" says="float32"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).float() + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="alpha for the new pairs only" says="never occurred only"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    counts[counts == 0] = alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="alpha added to the probabilities" says="added to the probabilities"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    counts = counts / counts.sum(dim=1, keepdim=True).clamp(min=1) + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="softmax of the counts" says="softmax was taken of the counts"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log_softmax(counts, dim=1)


# %% mistake="bigram_log_probs" slip="the text closed to a ring" says="ring"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids * size + ids.roll(-1), minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="the first pair is missing" says="first pair"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[1:-1] * size + ids[2:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="both directions" says="both directions"
def bigram_log_probs(ids, size, alpha):
    one_way = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double()
    counts = one_way + one_way.T + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="a unigram model" says="unigram"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids, minlength=size).double() + alpha
    return torch.log(counts / counts.sum()).expand(size, size)


# %% mistake="bigram_log_probs" slip="repeated pairs are counted once, n(a) is right" says="though n.a. is right"
def bigram_log_probs(ids, size, alpha):
    counts = torch.full((size, size), float(alpha), dtype=torch.float64)
    counts[ids[:-1], ids[1:]] += 1
    before = torch.bincount(ids[:-1], minlength=size)[:, None]
    return torch.log(counts / (before + alpha * size))


# %% mistake="bigram_log_probs" slip="counted at [b, a]" says="was counted at .b, a."
def bigram_log_probs(ids, size, alpha):
    counts = torch.zeros(size, size, dtype=torch.float64) + alpha
    for a, b in zip(ids[:-1], ids[1:]):
        counts[b, a] += 1
    return torch.log(counts / counts.sum(dim=1, keepdim=True))


# %% mistake="bigram_log_probs" slip="a NumPy table" says="the result is no tensor"
def bigram_log_probs(ids, size, alpha):
    counts = np.full((size, size), float(alpha))
    for a, b in zip(ids[:-1].tolist(), ids[1:].tolist()):
        counts[a, b] += 1
    return np.log(counts / counts.sum(axis=1, keepdims=True))


# %% mistake="bigram_log_probs" slip="rounded to float32" says="rounded to float32"
def bigram_log_probs(ids, size, alpha):
    counts = torch.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size).double() + alpha
    return torch.log(counts / counts.sum(dim=1, keepdim=True)).float()


# %% alternative="bigram_log_probs" note="a loop over the pairs"
def bigram_log_probs(ids, size, alpha):
    counts = [[alpha] * size for _ in range(size)]
    numbers = ids.tolist()
    for k in range(len(numbers) - 1):
        counts[numbers[k]][numbers[k + 1]] += 1
    return torch.tensor([[math.log(n / sum(row)) for n in row] for row in counts], dtype=torch.float64)


# %% alternative="bigram_log_probs" note="one-hot vectors and a product of matrices"
def bigram_log_probs(ids, size, alpha):
    one_hot = torch.nn.functional.one_hot(ids, size).double()
    counts = one_hot[:-1].T @ one_hot[1:]
    return (counts + alpha).log() - (counts.sum(1, keepdim=True) + alpha * size).log()


# %% alternative="bigram_log_probs" note="index_put_ that accumulates"
def bigram_log_probs(ids, size, alpha):
    counts = torch.zeros(size, size, dtype=torch.float64)
    counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1, dtype=torch.float64), accumulate=True)
    return torch.log_softmax((counts + alpha).log(), dim=1)


# %% [markdown]
# ## bits_and_perplexity

# %% mistake="bits_and_perplexity" slip="nats" says="these are nats"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    loss = -log_p.gather(1, targets[keep][:, None]).mean().item()
    return loss, math.exp(loss)


# %% mistake="bits_and_perplexity" slip="e to the power of the bits" says="perplexity is e"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, math.exp(bits)


# %% mistake="bits_and_perplexity" slip="divided by all places" says="padding was counted"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).sum().item() / math.log(2) / targets.numel()
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="mean of the texts' means" says="mean of the texts"
def bits_and_perplexity(logits, targets, pad=-1):
    means = []
    for text, target in zip(logits, targets, strict=True):
        keep = target != pad
        log_p = torch.log_softmax(text[keep], dim=1)
        means.append(-log_p.gather(1, target[keep][:, None]).mean().item() / math.log(2))
    bits = sum(means) / len(means)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="the padding is not left out" says="last character of the alphabet|raised"
def bits_and_perplexity(logits, targets, pad=-1):
    log_p = torch.log_softmax(logits.reshape(-1, logits.shape[-1]), dim=1)
    bits = -log_p[torch.arange(len(log_p)), targets.flatten()].mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="the sign" says="sign"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="logarithm of the mean probability" says="mean of the logarithms"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    p = torch.softmax(logits[keep], dim=1).gather(1, targets[keep][:, None])
    bits = -math.log2(p.mean().item())
    return bits, 1 / p.mean().item()


# %% mistake="bits_and_perplexity" slip="an exponential that overflows" says="NaN|overflow|infinit"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    exp = logits[keep].exp()
    p = exp / exp.sum(dim=1, keepdim=True)
    bits = -p.gather(1, targets[keep][:, None]).log2().mean().item()
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="pad is taken to be -1" says="pad. was not used"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != -1
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="PyTorch's own loss" says="cross_entropy"
def bits_and_perplexity(logits, targets, pad=-1):
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.flatten(), ignore_index=pad)
    return loss.item() / math.log(2), math.exp(loss.item())


# %% mistake="bits_and_perplexity" slip="the logits taken for logarithms" says="logits were taken"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = logits[keep]
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="softmax over the characters of the text" says="dim 0 of logits"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=0)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="softmax over the time axis" says="of each text \(dim 1\)"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits, dim=1)[keep]
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="the entropy" says="entropy"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -(log_p.exp() * log_p).sum(1).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="multiplied by ln 2" says="multiplied by ln 2"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() * math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="the mean probability" says="mean of the probabilities"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = log_p.gather(1, targets[keep][:, None]).exp().mean().item()
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="every row at all targets" says="row n is taken"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p[:, targets[keep]].mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="mean over the alphabet as well" says="size of the alphabet"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -(log_p * torch.nn.functional.one_hot(targets[keep], log_p.shape[1])).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="2 to the power of the nats" says="power of the nats"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2 ** (bits * math.log(2))


# %% mistake="bits_and_perplexity" slip="the pair exchanged" says="came back as"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return 2**bits, bits


# %% mistake="bits_and_perplexity" slip="mean of the perplexities" says="characters' perplexities"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.log_softmax(logits[keep], dim=1)
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, (-log_p.gather(1, targets[keep][:, None])).exp().mean().item()


# %% mistake="bits_and_perplexity" slip="softmax first, then the logarithm" says="rounded to 0"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = torch.softmax(logits[keep], dim=1).log()
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="a small number against log 0" says="added to the probability"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    log_p = (torch.softmax(logits[keep], dim=1) + 1e-9).log()
    bits = -log_p.gather(1, targets[keep][:, None]).mean().item() / math.log(2)
    return bits, 2**bits


# %% mistake="bits_and_perplexity" slip="the targets changed in place" says="modified in place"
def bits_and_perplexity(logits, targets, pad=-1):
    keep = targets != pad
    targets[~keep] = 0
    log_p = torch.log_softmax(logits, dim=-1).gather(-1, targets[..., None])[..., 0]
    bits = -log_p[keep].mean().item() / math.log(2)
    return bits, 2**bits


# %% alternative="bits_and_perplexity" note="logsumexp, the padding weighted 0"
def bits_and_perplexity(logits, targets, pad=-1):
    real = (targets != pad).to(logits.dtype)
    index = torch.where(targets != pad, targets, torch.zeros_like(targets))
    chosen = torch.take_along_dim(logits, index[..., None], dim=-1)[..., 0]
    nats = ((torch.logsumexp(logits, dim=-1) - chosen) * real).sum() / real.sum()
    return float(nats) / math.log(2), math.exp(float(nats))


# %% alternative="bits_and_perplexity" note="a loop over the characters"
def bits_and_perplexity(logits, targets, pad=-1):
    total, count = 0.0, 0
    for row, target in zip(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1).tolist(), strict=True):
        if target == pad:
            continue
        shifted = (row - row.max()).double()
        total += float(torch.log2(shifted.exp().sum()) - shifted[target] / math.log(2))
        count += 1
    bits = total / count
    return bits, 2.0**bits


# %% [markdown]
# ## sample

# %% mistake="sample" slip="always the most likely character" says="u was not used"
def sample(logits, temperature, u):
    return logits.argmax(dim=1)


# %% mistake="sample" slip="multiplied by the temperature" says="divide by it"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() * temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="temperature not used" says="temperature was not used"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double(), dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="T = 0 forgotten" says="divided by T = 0.*the first character"
def sample(logits, temperature, u):
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="an exponential that overflows" says="overflowed"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    exp = (logits / temperature).exp()
    cumulative = (exp / exp.sum(dim=1, keepdim=True)).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="an overflow, looked up by argmax" says="overflowed"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    exp = (logits / temperature).exp()
    cumulative = (exp / exp.sum(dim=1, keepdim=True)).cumsum(dim=1)
    found = cumulative > u[:, None]
    found[:, -1] |= ~found.any(dim=1)
    return found.int().argmax(dim=1)


# %% mistake="sample" slip="compared with single probabilities" says="single probabilities"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    return (torch.softmax(logits.double() / temperature, dim=1) > u[:, None]).int().argmax(dim=1)


# %% mistake="sample" slip="one too far" says="one too far"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1) + 1


# %% mistake="sample" slip="a character of probability 0 for u = 0" says="probability 0 came"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return torch.searchsorted(cumulative, u[:, None].double())[:, 0].clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="no last one where rounding leaves a gap" says="and no sum is larger than u"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1)


# %% mistake="sample" slip="one too early" says="one too early"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return ((cumulative <= u[:, None]).sum(dim=1) - 1).clamp(min=0)


# %% mistake="sample" slip="the sums above u counted" says="numbers of sums above u"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative > u[:, None]).sum(dim=1)


# %% mistake="sample" slip="the nearest sum" says="nearest to u"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative - u[:, None]).abs().argmin(dim=1)


# %% mistake="sample" slip="divided by T after the softmax" says="before the softmax"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = (torch.softmax(logits.double(), dim=1) / temperature).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="powers that do not add up to 1" says="do not add up to 1"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = (torch.softmax(logits.double(), dim=1) ** (1 / temperature)).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="softmax over the batch" says="softmax was taken over the batch"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=0).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="sums over the batch" says="added up over the batch"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=0)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="argmax over the batch" says="in each column"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=0)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="argmax of all" says="whole batch"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax()
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="a column too many" says="one column too many"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1, keepdim=True)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1, keepdim=True).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="floating-point numbers" says="int64"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).float().clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="PyTorch's own draw" says="multinomial"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    return torch.multinomial(torch.softmax(logits / temperature, dim=1), 1)[:, 0]


# %% mistake="sample" slip="sorted by probability" says="sorted first"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    p, order = torch.softmax(logits.double() / temperature, dim=1).sort(dim=1, descending=True)
    place = (p.cumsum(dim=1) <= u[:, None]).sum(dim=1, keepdim=True).clamp(max=logits.shape[1] - 1)
    return order.gather(1, place)[:, 0]


# %% mistake="sample" slip="T = 0 forgotten, the last one by default" says="divided by T = 0.*the last character"
def sample(logits, temperature, u):
    found = torch.softmax(logits / temperature, dim=1).cumsum(dim=1) > u[:, None]
    found[:, -1] = True
    return found.int().argmax(dim=1)


# %% mistake="sample" slip="T = 0 forgotten, looked up by searchsorted" says="divided by T = 0.*behind the last"
def sample(logits, temperature, u):
    cumulative = torch.softmax(logits / temperature, dim=1).cumsum(dim=1)
    return torch.searchsorted(cumulative, u[:, None], right=True)[:, 0]


# %% mistake="sample" slip="T = 0 drawn as T = 1" says="drawn as with T = 1"
def sample(logits, temperature, u):
    cumulative = torch.softmax(logits.double() / (temperature or 1), dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="the largest logit itself" says="largest logits; the number"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.max(dim=1).values
    cumulative = torch.softmax(logits.double() / temperature, dim=1).cumsum(dim=1)
    return (cumulative <= u[:, None]).sum(dim=1).clamp(max=logits.shape[1] - 1)


# %% mistake="sample" slip="argmax where rounding leaves a gap" says="argmax gives 0"
def sample(logits, temperature, u):
    if temperature == 0:
        return logits.argmax(dim=1)
    cumulative = torch.softmax(logits / temperature, dim=1).cumsum(dim=1)
    return (cumulative > u[:, None]).int().argmax(dim=1)


# %% alternative="sample" note="searchsorted on the right"
def sample(logits, temperature, u):
    if temperature == 0:
        return torch.argmax(logits, dim=1)
    shifted = (logits - logits.max(dim=1, keepdim=True).values).double() / temperature
    p = shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)
    place = torch.searchsorted(p.cumsum(dim=1), u.double()[:, None], right=True)[:, 0]
    return torch.minimum(place, torch.tensor(logits.shape[1] - 1))


# %% alternative="sample" note="a loop over plain numbers"
def sample(logits, temperature, u):
    chosen = []
    for row, number in zip(logits.tolist(), u.tolist(), strict=True):
        top = max(row)
        if temperature == 0:
            chosen.append(row.index(top))
            continue
        weights = [math.exp((z - top) / temperature) for z in row]
        total, seen, answer = sum(weights), 0.0, len(row) - 1
        for k, weight in enumerate(weights):
            seen += weight / total
            if seen > number:
                answer = k
                break
        chosen.append(answer)
    return torch.tensor(chosen)


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="clip_gradients" mutant="too_long = length > limit -> too_long = length >= limit"
# for a length of exactly the limit the factor is 1 either way

# %% [markdown] equivalent="text_windows" mutant="return rows.transpose(0, 1) -> return rows.transpose(1, 0)"
# exchanging two axes is symmetric in them

# %% [markdown] equivalent="bits_and_perplexity" mutant="bits = nats.item() / math.log(2) -> bits = nats / math.log(2)"
# a tensor of one number counts as a number
