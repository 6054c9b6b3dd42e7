# %% [markdown]
# Answers to lab 01 that `course verify` tries: the mistakes that students make, other correct answers, and mutants
# of the reference that no test can tell from it.

# %% [markdown]
# ## 1. `mcculloch_pitts`

# %% mistake="mcculloch_pitts" slip="a sum equal to the threshold does not fire" says=">= and not >"
def mcculloch_pitts(x, weights, threshold):
    return (x @ weights > threshold).astype(int)


# %% mistake="mcculloch_pitts" slip="comparison turned round" says="wrong way round"
def mcculloch_pitts(x, weights, threshold):
    return np.where(threshold >= x @ weights, 1, 0)


# %% mistake="mcculloch_pitts" slip="inputs counted, weights not used" says="weights are not used"
def mcculloch_pitts(x, weights, threshold):
    return (x.sum(axis=1) >= threshold).astype(int)


# %% mistake="mcculloch_pitts" slip="compared with 0, threshold not used" says="threshold is not used"
def mcculloch_pitts(x, weights, threshold):
    return np.heaviside(x @ weights, 1)


# %% mistake="mcculloch_pitts" slip="threshold added like a bias" says="threshold was added"
def mcculloch_pitts(x, weights, threshold):
    return (x @ weights + threshold >= 0).astype(int)


# %% mistake="mcculloch_pitts" slip="outputs -1 and 1" says="outputs are -1 and 1"
def mcculloch_pitts(x, weights, threshold):
    return np.where(x @ weights >= threshold, 1, -1)


# %% mistake="mcculloch_pitts" slip="elementwise product, no sum over the inputs" says="compared one by one"
def mcculloch_pitts(x, weights, threshold):
    return (x * weights >= threshold).astype(int)


# %% mistake="mcculloch_pitts" slip="one sum over the whole batch" says="each example has a sum of its own"
def mcculloch_pitts(x, weights, threshold):
    return int(np.sum(x * weights) >= threshold)


# %% mistake="mcculloch_pitts" slip="a truth value of an array" says="ambiguous"
def mcculloch_pitts(x, weights, threshold):
    if x @ weights >= threshold:
        return 1
    return 0


# %% mistake="mcculloch_pitts" slip="the sums without the threshold" says="weighted sums themselves"
def mcculloch_pitts(x, weights, threshold):
    return x @ weights


# %% mistake="mcculloch_pitts" slip="a list of the right numbers, not an array" says="np.array.the_list"
def mcculloch_pitts(x, weights, threshold):
    return [1 if sum(w * v for w, v in zip(weights, row, strict=True)) >= threshold else 0 for row in x]


# %% mistake="mcculloch_pitts" slip="the running sum is never set back" says="set back to 0 for the next example"
def mcculloch_pitts(x, weights, threshold):
    outputs, total = [], 0
    for row in x:
        for signal, weight in zip(row, weights, strict=True):
            total += weight * signal
        outputs.append(1 if total >= threshold else 0)
    return np.array(outputs)


# %% mistake="mcculloch_pitts" slip="summed over the batch" says="axis 0.* and not over the inputs"
def mcculloch_pitts(x, weights, threshold):
    return (np.sum(x * weights, axis=0) >= threshold).astype(int)


# %% mistake="mcculloch_pitts" slip="return inside the loop over the examples" says="return. stands inside the loop"
def mcculloch_pitts(x, weights, threshold):
    for row in x:
        total = 0
        for signal, weight in zip(row, weights, strict=True):
            total += weight * signal
        return 1 if total >= threshold else 0


# %% mistake="mcculloch_pitts" slip="weights @ x: the factors change places" says="mismatch in its core dimension"
def mcculloch_pitts(x, weights, threshold):
    return (weights @ x >= threshold).astype(int)


# %% alternative="mcculloch_pitts" note="loops and plain Python numbers"
def mcculloch_pitts(x, weights, threshold):
    outputs = []
    for row in x:
        total = 0
        for value, weight in zip(row, weights, strict=True):
            if value:
                total += weight
        outputs.append(1 if total >= threshold else 0)
    return np.array(outputs)


# %% alternative="mcculloch_pitts" note="truth values, which count as 0 and 1"
def mcculloch_pitts(x, weights, threshold):
    return ~(np.einsum("bi,i->b", x, weights) < threshold)


# %% [markdown]
# ## 2. `gate`

# %% mistake="gate" slip="AND with the threshold of two inputs" says="threshold is that of two inputs"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, 2), "OR": (ones, 1), "NAND": (-ones, -1), "NOR": (-ones, 0), "NOT": (-ones, 0)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="NAND as AND with negative weights and a negative threshold" says="always fires"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, -inputs), "NOR": (-ones, 0), "NOT": (-ones, 0)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="NOR with threshold -1" says="this is the gate NAND"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, -1), "NOT": (-ones, 0)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="NOT with a positive weight" says="passed on and not inverted"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, 0), "NOT": (ones, 1)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="a bias where the threshold belongs: the sign is turned" says="always fires"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, -inputs), "OR": (ones, -1), "NAND": (-ones, inputs - 1), "NOR": (-ones, 0),
             "NOT": (-ones, 0)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="thresholds that suit > and not >=" says="this is the gate OR"
def gate(name, inputs):
    ones = np.ones(inputs)
    table = {"AND": (ones, inputs - 1), "OR": (ones, 0), "NAND": (-ones, -inputs), "NOR": (-ones, -1),
             "NOT": (-ones, -1)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="one weight for all inputs" says="one for each input"
def gate(name, inputs):
    table = {"AND": (1, inputs), "OR": (1, 1), "NAND": (-1, 1 - inputs), "NOR": (-1, 0), "NOT": (-1, 0)}
    if name not in table:
        raise ValueError(name)
    return table[name]


# %% mistake="gate" slip="a dictionary's KeyError for a name that is not there" says="KeyError where ValueError"
def gate(name, inputs):
    ones = np.ones(inputs)
    return {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, 0),
            "NOT": (-ones, 0)}[name]


# %% mistake="gate" slip="None for a name that is not there" says="a bad input was accepted"
def gate(name, inputs):
    ones = np.ones(inputs)
    return {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, 0),
            "NOT": (-ones, 0)}.get(name)


# %% mistake="gate" slip="any unknown name is taken for NOT" says="a bad input was accepted"
def gate(name, inputs):
    if name == "AND":
        return np.ones(inputs), inputs
    if name == "OR":
        return np.ones(inputs), 1
    if name == "NAND":
        return -np.ones(inputs), 1 - inputs
    return -np.ones(inputs), 0


# %% mistake="gate" slip="threshold first, weights second" says="weights stand first, the threshold second"
def gate(name, inputs):
    ones = np.ones(inputs)
    gates = {"AND": (inputs, ones), "OR": (1, ones), "NAND": (1 - inputs, -ones), "NOR": (0, -ones), "NOT": (0, -ones)}
    if name not in gates:
        raise ValueError(name)
    return gates[name]


# %% mistake="gate" slip="weights of two inputs, whatever the number" says="shape .3,., one for each input"
def gate(name, inputs):
    gates = {"AND": ([1, 1], 2), "OR": ([1, 1], 1), "NAND": ([-1, -1], -1), "NOR": ([-1, -1], 0), "NOT": ([-1], 0)}
    if name not in gates:
        raise ValueError(name)
    return gates[name]


# %% mistake="gate" slip="inputs taken for the list of the inputs" says="not iterable"
def gate(name, inputs):
    if name == "AND":
        return int(sum(inputs) == len(inputs))
    return int(any(inputs))


# %% mistake="gate" slip="the error is returned and not raised" says="a bad input was accepted"
def gate(name, inputs):
    ones = np.ones(inputs)
    gates = {"AND": (ones, inputs), "OR": (ones, 1), "NAND": (-ones, 1 - inputs), "NOR": (-ones, 0), "NOT": (-ones, 0)}
    return gates.get(name, ValueError(name))


# %% alternative="gate" note="thresholds half-way, lists, if by if"
def gate(name, inputs):
    if name == "AND":
        return [1] * inputs, inputs - 0.5
    if name == "OR":
        return [2] * inputs, 1
    if name == "NAND":
        return [-1] * inputs, 0.5 - inputs
    if name in ("NOR", "NOT"):
        return [-1] * inputs, -0.5
    raise ValueError("one of AND, OR, NAND, NOR, NOT")


# %% alternative="gate" note="a negated gate has all signs turned and the threshold moved"
def gate(name, inputs):
    if name not in {"AND", "OR", "NAND", "NOR", "NOT"}:
        raise ValueError(name)
    weights, threshold = np.full(inputs, 3), 3 * inputs if name.endswith("AND") else 3
    return (weights, threshold) if name in ("AND", "OR") else (-weights, 1 - threshold)


# %% [markdown]
# ## 3. `parity_net`

# %% mistake="parity_net" slip="right for two inputs only: the shapes are fixed" says="column for each input"
def parity_net(inputs):
    return np.ones((2, 2)), np.array([1, 2]), np.array([1, -1]), 1


# %% mistake="parity_net" slip="one, but not all" says="one, but not all"
def parity_net(inputs):
    return np.ones((2, inputs)), np.array([1, inputs]), np.array([1, -1]), 1


# %% mistake="parity_net" slip="exactly one" says="exactly one"
def parity_net(inputs):
    return np.ones((2, inputs)), np.array([1, 2]), np.array([1, -1]), 1


# %% mistake="parity_net" slip="the second hidden neuron does not inhibit" says="this is OR"
def parity_net(inputs):
    return np.ones((inputs, inputs)), np.arange(1, inputs + 1), np.ones(inputs), 1


# %% mistake="parity_net" slip="hidden thresholds from 0 on" says="count from zero ones"
def parity_net(inputs):
    return np.ones((inputs, inputs)), np.arange(inputs), (-1.0) ** np.arange(inputs), 1


# %% mistake="parity_net" slip="signs that begin with minus" says="never fires"
def parity_net(inputs):
    return np.ones((inputs, inputs)), np.arange(1, inputs + 1), -((-1.0) ** np.arange(inputs)), 1


# %% mistake="parity_net" slip="the output threshold is 0" says="always fires"
def parity_net(inputs):
    return np.ones((inputs, inputs)), np.arange(1, inputs + 1), (-1.0) ** np.arange(inputs), 0


# %% mistake="parity_net" slip="a single neuron: weights and threshold" says="four things"
def parity_net(inputs):
    return np.ones(inputs), 1


# %% mistake="parity_net" slip="one threshold for all hidden neurons" says="one entry for each hidden neuron"
def parity_net(inputs):
    return np.ones((inputs, inputs)), 1, (-1.0) ** np.arange(inputs), 1


# %% mistake="parity_net" slip="W1 transposed" says="transposed"
def parity_net(inputs):
    patterns = np.array([bits for bits in itertools.product((0, 1), repeat=inputs) if sum(bits) % 2])
    return (2 * patterns - 1).T, patterns.sum(axis=1), np.ones(len(patterns)), 1


# %% mistake="parity_net" slip="t2 an array of one number" says="t2 must be one number"
def parity_net(inputs):
    return np.ones((inputs, inputs)), np.arange(1, inputs + 1), (-1.0) ** np.arange(inputs), np.array([1])


# %% alternative="parity_net" note="one hidden neuron for each input pattern with an odd number of ones"
def parity_net(inputs):
    patterns = [bits for bits in itertools.product((0, 1), repeat=inputs) if sum(bits) % 2]
    W1 = np.array([[1 if bit else -1 for bit in bits] for bits in patterns])
    return W1, np.array([sum(bits) for bits in patterns]), np.ones(len(patterns)), 1


# %% alternative="parity_net" note="thresholds half-way, weights of the output neuron doubled, lists"
def parity_net(inputs):
    thresholds = [k + 0.5 for k in range(inputs)]
    signs = [2 if k % 2 == 0 else -2 for k in range(inputs)]
    return [[1] * inputs for _ in range(inputs)], thresholds, signs, 1.5


# %% [markdown]
# ## 4. `perceptron_step`

# %% mistake="perceptron_step" slip="the boundary does not count as a mistake" says="<= 0 and not < 0"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) < 0:
        return w + y * x, b + y
    return w, b


# %% mistake="perceptron_step" slip="learns from every example" says="learns from its mistakes only"
def perceptron_step(w, b, x, y):
    return w + y * x, b + y


# %% mistake="perceptron_step" slip="bias not updated" says="b was not updated"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        w = w + y * x
    return w, b


# %% mistake="perceptron_step" slip="label left out of the step" says="label has no say"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        return w + x, b + 1
    return w, b


# %% mistake="perceptron_step" slip="the step goes the wrong way" says="wrong sign"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        return w - y * x, b - y
    return w, b


# %% mistake="perceptron_step" slip="w changed in place" says="modified in place"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        w += y * x
        b += y
    return w, b


# %% mistake="perceptron_step" slip="y minus the answer: a step twice as long" says="twice as long"
def perceptron_step(w, b, x, y):
    answer = 1 if w @ x + b > 0 else -1
    return w + (y - answer) * x, b + (y - answer)


# %% mistake="perceptron_step" slip="bias left out of the test for a mistake" says="Is b in the sum"
def perceptron_step(w, b, x, y):
    if y * (w @ x) <= 0:
        return w + y * x, b + y
    return w, b


# %% mistake="perceptron_step" slip="learns from right answers only" says="nothing changed, and this is a mistake"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) > 0:
        return w + y * x, b + y
    return w, b


# %% mistake="perceptron_step" slip="nothing comes back where the answer is right" says="for a right answer: return"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        return w + y * x, b + y


# %% mistake="perceptron_step" slip="np.sign: an answer of 0 is not taken for a mistake" says="<= 0 and not < 0"
def perceptron_step(w, b, x, y):
    answer = np.sign(w @ x + b)
    if answer == -y:
        return w + y * x, b + y
    return w, b


# %% mistake="perceptron_step" slip="y subtracted from b, as if it were the threshold" says="y was subtracted from b"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        return w + y * x, b - y
    return w, b


# %% mistake="perceptron_step" slip="w and b in one array" says="came as one array"
def perceptron_step(w, b, x, y):
    if y * (w @ x + b) <= 0:
        w, b = w + y * x, b + y
    return np.append(w, b)


# %% mistake="perceptron_step" slip="product without the sum" says="ambiguous"
def perceptron_step(w, b, x, y):
    if y * (w * x + b) <= 0:
        w, b = w + y * x, b + y
    return w, b


# %% alternative="perceptron_step" note="arithmetic with the truth value"
def perceptron_step(w, b, x, y):
    mistake = y * (np.sum(w * x) + b) <= 0
    return w + mistake * y * x, b + int(mistake) * y


# %% alternative="perceptron_step" note="sign of the answer compared with the label, a copy changed in place"
def perceptron_step(w, b, x, y):
    w = np.array(w, dtype=float)
    answer = np.sign(sum(weight * value for weight, value in zip(w, x, strict=True)) + b)
    if answer != y:
        w += y * x
        b = b + y
    return w, b


# %% [markdown]
# ## 5. `perceptron`

# %% mistake="perceptron" slip="< 0: nothing is learned from zero" says="nothing is ever learned"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) < 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="no bias" says="b was never updated"
def perceptron(X, y, epochs):
    w, mistakes = np.zeros(X.shape[1]), []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x) <= 0:
                w = w + label * x
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, 0.0, mistakes


# %% mistake="perceptron" slip="does not stop after an epoch without a mistake" says="training goes on"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
    return w, b, mistakes


# %% mistake="perceptron" slip="stops before the last count is noted" says="last epoch.* belongs"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        count = 0
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                count += 1
        if count == 0:
            break
        mistakes.append(count)
    return w, b, mistakes


# %% mistake="perceptron" slip="the count is never set back" says="added up over the epochs"
def perceptron(X, y, epochs):
    w, b, mistakes, count = np.zeros(X.shape[1]), 0.0, [], 0
    for _ in range(epochs):
        before = count
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                count += 1
        mistakes.append(count)
        if count == before:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="one number for all epochs" says="sum of all mistakes"
def perceptron(X, y, epochs):
    w, b, total = np.zeros(X.shape[1]), 0.0, 0
    for _ in range(epochs):
        before = total
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                total += 1
        if total == before:
            break
    return w, b, total


# %% mistake="perceptron" slip="one update for the whole epoch" says="update after each example"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = y * (X @ w + b) <= 0
        mistakes.append(int(wrong.sum()))
        if not wrong.any():
            break
        w, b = w + y[wrong] @ X[wrong], b + y[wrong].sum()
    return w, b, mistakes


# %% mistake="perceptron" slip="a step with y minus the answer" says="twice as long"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            answer = 1 if w @ x + b > 0 else -1
            w, b = w + (label - answer) * x, b + (label - answer)
            mistakes[-1] += int(answer != label)
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="w and b set to zero in every epoch" says="set to zero at the beginning"
def perceptron(X, y, epochs):
    mistakes, w, b = [], np.zeros(X.shape[1]), 0.0
    for _ in range(epochs):
        w, b = np.zeros(X.shape[1]), 0.0
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="the epoch is left after its first mistake" says="left after its first mistake"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
                break
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="the last example first" says="another order"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for k in range(len(X) - 1, -1, -1):
            if y[k] * (w @ X[k] + b) <= 0:
                w, b = w + y[k] * X[k], b + y[k]
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="one epoch too few" says="epochs is missing"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(1, epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="one weight for each example" says="mismatch|shape|size"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(len(X)), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="the count set to 0 once, before all epochs" says="count was not set back to 0"
def perceptron(X, y, epochs):
    w, b, mistakes, count = np.zeros(X.shape[1]), 0.0, [], 0
    for _ in range(epochs):
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                count += 1
        mistakes.append(count)
        if count == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="mistakes counted after the epoch" says="counted at the end of the epoch"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
        mistakes.append(int(np.sum(y * (X @ w + b) <= 0)))
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="return inside the loop over the epochs" says="return. stands inside the loop"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        return w, b, mistakes


# %% mistake="perceptron" slip="until no mistake is left, the limit forgotten" says="limit was not kept"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, [1]
    while mistakes[-1]:
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
    return w, b, mistakes[1:]


# %% mistake="perceptron" slip="a step counts only where w changes" says="changes b and not w"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            before = w
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
            mistakes[-1] += int((w != before).any())
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="1 before the examples, bias from the end" says="bias came as the first weight"
def perceptron(X, y, epochs):
    extended = np.column_stack([np.ones(len(X)), X])
    v, mistakes = np.zeros(extended.shape[1]), []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(extended, y, strict=True):
            if label * (v @ x) <= 0:
                v = v + label * x
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return v[:-1], v[-1], mistakes


# %% mistake="perceptron" slip="the rows of the mistakes in place of their number" says="rows of the mistakes came"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append([])
        for row in range(len(y)):
            if y[row] * (w @ X[row] + b) <= 0:
                w, b = w + y[row] * X[row], b + y[row]
                mistakes[-1].append(row)
        if not mistakes[-1]:
            break
    return w, b, mistakes


# %% mistake="perceptron" slip="counts in an array" says="tolist"
def perceptron(X, y, epochs):
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y, strict=True):
            if label * (w @ x + b) <= 0:
                w, b = w + label * x, b + label
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, b, np.array(mistakes)


# %% alternative="perceptron" note="bias as a weight of a constant feature, while loop"
def perceptron(X, y, epochs):
    extended = np.hstack([X, np.ones((len(X), 1))])
    v, mistakes = np.zeros(extended.shape[1]), []
    while len(mistakes) < epochs:
        count = 0
        for k in range(len(y)):
            if y[k] * np.dot(extended[k], v) <= 0:
                v += y[k] * extended[k]
                count += 1
        mistakes.append(count)
        if not count:
            break
    return v[:-1], v[-1], mistakes


# %% alternative="perceptron" note="plain Python numbers, the examples multiplied by their labels first"
def perceptron(X, y, epochs):
    signed = [[label * value for value in (*row, 1.0)] for row, label in zip(X.tolist(), y.tolist(), strict=True)]
    v, mistakes = [0.0] * (X.shape[1] + 1), []
    for _ in range(epochs):
        count = 0
        for row in signed:
            if sum(p * q for p, q in zip(v, row, strict=True)) <= 0:
                v = [p + q for p, q in zip(v, row, strict=True)]
                count += 1
        mistakes.append(count)
        if count == 0:
            return np.array(v[:-1]), v[-1], mistakes
    return np.array(v[:-1]), v[-1], mistakes


# %% [markdown]
# ## 6. `novikoff_bound`

# %% mistake="novikoff_bound" slip="w not divided by its length" says="w was not divided"
def novikoff_bound(X, y, w):
    scores = y * (X @ w)
    if scores.min() <= 0:
        raise ValueError
    return (np.linalg.norm(X, axis=1).max() / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="the square is missing" says="square is missing"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return np.linalg.norm(X, axis=1).max() / scores.min()


# %% mistake="novikoff_bound" slip="norm of the whole table" says="whole table"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return (np.linalg.norm(X) / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="mean margin" says="margin, and the mean"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return (np.linalg.norm(X, axis=1).max() / scores.mean()) ** 2


# %% mistake="novikoff_bound" slip="mean length" says="largest length, and the mean"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return (np.linalg.norm(X, axis=1).mean() / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="upside down" says="upside down"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return (scores.min() / np.linalg.norm(X, axis=1).max()) ** 2


# %% mistake="novikoff_bound" slip="absolute value: any w separates" says="a bad input was accepted"
def novikoff_bound(X, y, w):
    scores = np.abs(X @ w) / np.linalg.norm(w)
    if scores.min() <= 0:
        raise ValueError
    return (np.linalg.norm(X, axis=1).max() / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="no check: a bound for a w that does not separate" says="a bad input was accepted"
def novikoff_bound(X, y, w):
    scores = y * (X @ w) / np.linalg.norm(w)
    return (np.linalg.norm(X, axis=1).max() / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="an example on the boundary is accepted" says="a bad input was accepted"
def novikoff_bound(X, y, w):
    scores = y * (X @ w)
    if np.any(scores < 0):
        raise ValueError
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.linalg.norm(X, axis=1).max() * np.linalg.norm(w) / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="raises only where all examples are wrong" says="a bad input was accepted"
def novikoff_bound(X, y, w):
    scores = y * (X @ w)
    if np.all(scores <= 0):
        raise ValueError
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.linalg.norm(X, axis=1).max() * np.linalg.norm(w) / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="labels left out" says="ValueError|does not separate"
def novikoff_bound(X, y, w):
    scores = X @ w
    if scores.min() <= 0:
        raise ValueError("w does not separate")
    return (np.linalg.norm(X, axis=1).max() * np.linalg.norm(w) / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="an assertion in place of ValueError" says="AssertionError where ValueError"
def novikoff_bound(X, y, w):
    scores = y * (X @ w)
    assert np.all(scores > 0)
    return (np.linalg.norm(X, axis=1).max() * np.linalg.norm(w) / scores.min()) ** 2


# %% mistake="novikoff_bound" slip="norms of the columns" says="lengths were taken of the columns"
def novikoff_bound(X, y, w):
    margins = y * (X @ w) / (np.linalg.norm(w) or 1)
    if margins.min() <= 0:
        raise ValueError("w does not separate")
    return (np.linalg.norm(X, axis=0).max() / margins.min()) ** 2


# %% mistake="novikoff_bound" slip="the largest entry for the largest length" says="largest entry was taken"
def novikoff_bound(X, y, w):
    margins = y * (X @ w) / (np.linalg.norm(w) or 1)
    if margins.min() <= 0:
        raise ValueError("w does not separate")
    return (np.abs(X).max() / margins.min()) ** 2


# %% mistake="novikoff_bound" slip="length over margin, example by example" says="from the same example"
def novikoff_bound(X, y, w):
    margins = y * (X @ w) / (np.linalg.norm(w) or 1)
    if margins.min() <= 0:
        raise ValueError("w does not separate")
    return (np.linalg.norm(X, axis=1) / margins).max() ** 2


# %% mistake="novikoff_bound" slip="a 1 appended for a bias" says="1 was appended"
def novikoff_bound(X, y, w):
    margins = y * (X @ w) / (np.linalg.norm(w) or 1)
    if margins.min() <= 0:
        raise ValueError("w does not separate")
    longest = np.linalg.norm(np.column_stack([X, np.ones(len(X))]), axis=1).max()
    return (longest / margins.min()) ** 2


# %% alternative="novikoff_bound" note="w made a unit vector first, loop over the examples"
def novikoff_bound(X, y, w):
    length = math.sqrt(float(w @ w))
    if length == 0:
        raise ValueError("w is zero")
    gamma, longest = math.inf, 0.0
    for x, label in zip(X, y, strict=True):
        gamma = min(gamma, label * float(x @ (w / length)))
        longest = max(longest, math.sqrt(float(x @ x)))
    if gamma <= 1e-14 * longest:
        raise ValueError("not separated")
    return longest**2 / gamma**2


# %% alternative="novikoff_bound" note="squares throughout"
def novikoff_bound(X, y, w):
    signed = X * y[:, None]
    if not np.all(signed @ w > 0):
        raise ValueError("an example is on the wrong side, or on the boundary")
    return np.max((X**2).sum(axis=1)) * np.sum(w**2) / np.min(signed @ w) ** 2


# %% [markdown]
# ## 7. `quadratic_unit`

# %% mistake="quadratic_unit" slip="constant left out" says="constant term is missing|shape"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="product left out" says="product x1 x2 is missing|shape"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="squares left out" says="squares are missing|shape"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="product before the squares" says="product stands before"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1 * x2, x1**2, x2**2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="product between the squares" says="between the squares"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x1 * x2, x2**2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="constant last" says="constant stands first"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([x1, x2, x1**2, x2**2, x1 * x2, np.ones(len(y))])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="all four results of lstsq" says="all four results of lstsq came"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)


# %% mistake="quadratic_unit" slip="the output of the unit, not its coefficients" says="fitted values came"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    return A @ np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="columns stacked as rows" says="dimension|incompatible|shape"
def quadratic_unit(x1, x2, y):
    A = np.array([np.ones(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="solve wants a square matrix" says="square"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.solve(A, y)


# %% mistake="quadratic_unit" slip="the first six examples only" says="targets that no quadratic|singular"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    keep = [0, 1, 2, 3, 4, len(y) - 3]
    return np.linalg.solve(A[keep], y[keep])


# %% mistake="quadratic_unit" slip="squares in the wrong order" says="have changed places"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x2**2, x1**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="twice the product, as in (x1 + x2)²" says="product is 2 x1 x2"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1**2, x2**2, 2 * x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="doubled and not squared" says="a square is x..2"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.ones(len(y)), x1, x2, x1 * 2, x2 * 2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="a column of zeros for the constant" says="all zeros"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([np.zeros(len(y)), x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% mistake="quadratic_unit" slip="the number 1 for the column of ones" says="dimension"
def quadratic_unit(x1, x2, y):
    A = np.column_stack([1, x1, x2, x1**2, x2**2, x1 * x2])
    return np.linalg.lstsq(A, y, rcond=None)[0]


# %% alternative="quadratic_unit" note="normal equations"
def quadratic_unit(x1, x2, y):
    A = np.stack([np.ones(len(y)), x1, x2, x1 * x1, x2 * x2, x1 * x2], axis=1)
    return np.linalg.solve(A.T @ A, A.T @ y)


# %% alternative="quadratic_unit" note="QR decomposition, columns filled in one by one"
def quadratic_unit(x1, x2, y):
    A = np.empty((len(y), 6))
    A[:, 0], A[:, 1], A[:, 2] = 1, x1, x2
    A[:, 3], A[:, 4], A[:, 5] = x1**2, x2**2, x1 * x2
    Q, R = np.linalg.qr(A)
    return np.linalg.solve(R, Q.T @ y)


# %% [markdown]
# ## 8. `mcnemar`

# %% mistake="mcnemar" slip="one-sided" says="one-sided"
def mcnemar(b, c):
    n = b + c
    return min(1.0, sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)


# %% mistake="mcnemar" slip="only the result itself" says="exactly this result"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * math.comb(n, min(b, c)) / 2**n)


# %% mistake="mcnemar" slip="the sum ends one too early" says="ends one too early"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c))) / 2**n)


# %% mistake="mcnemar" slip="the larger of the two" says="larger of b and c"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(max(b, c) + 1)) / 2**n)


# %% mistake="mcnemar" slip="p above 1 where b = c" says="at most 1"
def mcnemar(b, c):
    n = b + c
    return 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n


# %% mistake="mcnemar" slip="chi-squared in place of the binomial" says="chi-squared"
def mcnemar(b, c):
    return math.erfc(math.sqrt((b - c) ** 2 / (b + c) / 2))


# %% mistake="mcnemar" slip="chi-squared with continuity correction" says="continuity correction"
def mcnemar(b, c):
    return math.erfc(math.sqrt((abs(b - c) - 1) ** 2 / (b + c) / 2))


# %% mistake="mcnemar" slip="the powers of 1/2 in floating point" says="too large|overflow|0"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(float(math.comb(n, k)) * 0.5**n for k in range(min(b, c) + 1)))


# %% mistake="mcnemar" slip="the sum from b on: right only where b is the smaller" says="larger of b and c"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(b + 1)) / 2**n)


# %% mistake="mcnemar" slip="the sum up to c: right only where c is the smaller" says="smaller of b and c, whichever"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(c + 1)) / 2**n)


# %% mistake="mcnemar" slip="division without the fraction" says="cuts the fraction off"
def mcnemar(b, c):
    n = b + c
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) // 2**n)


# %% mistake="mcnemar" slip="p in per cent" says="per cent"
def mcnemar(b, c):
    n = b + c
    return 100 * min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)


# %% mistake="mcnemar" slip="1 - p" says="1 - p"
def mcnemar(b, c):
    n = b + c
    return 1 - min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)


# %% alternative="mcnemar" note="both tails added up"
def mcnemar(b, c):
    n, ways, extreme = b + c, 1, 0
    for k in range(n + 1):
        if abs(n - 2 * k) >= abs(b - c):
            extreme += ways
        ways = ways * (n - k) // (k + 1)
    return extreme / 2**n


# %% alternative="mcnemar" note="logarithms of factorials"
def mcnemar(b, c):
    n = b + c
    if b == c:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
            for k in range(min(b, c) + 1)]
    return 2 * math.fsum(math.exp(value) for value in logs)


# %% alternative="mcnemar" note="SciPy's binomial test"
def mcnemar(b, c):
    from scipy.stats import binomtest

    return float(binomtest(b, b + c).pvalue) if b + c else 1.0


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="parity_net" mutant="w2 = (-1) ** np.arange(inputs) -> w2 = (-2) ** np.arange(inputs)"
# another right net: the partial sums of 1, -2, 4, … are 1, -1, 3, -5, …, at least 1 for an odd count and negative for
# an even one

# %% [markdown] equivalent="perceptron_step" mutant="if y * (w @ x + b) <= 0: -> if y * (x @ w + b) <= 0:"
# the scalar product of two vectors is symmetric

# %% [markdown] equivalent="perceptron" mutant="if y[i] * (w @ X[i] + b) <= 0: -> if y[i] * (X[i] @ w + b) <= 0:"
# the scalar product of two vectors is symmetric

# %% [markdown] equivalent="mcnemar" mutant="fewer = min(b, c) -> fewer = min(c, b)"
# the minimum is symmetric in its arguments

# %% [markdown] equivalent="mcnemar" mutant="return min(2 * tail / 2 ** n, 1.0) -> return min(1.0, 2 * tail / 2 ** n)"
# the minimum is symmetric in its arguments
