# %% [markdown]
# # Lab 04: answers that `course verify` tries
#
# Mistakes that students make, correct answers that look different from ours, and mutants that no test can tell from the
# reference. Each cell replaces the answer cell of the exercise that it names.

# %% [markdown]
# ## cross_correlate

# %% mistake="cross_correlate" slip="the kernel is turned, as in mathematics" says="half a turn"
def cross_correlate(image, kernel):
    kernel = kernel.flip(0, 1)
    s, t = kernel.shape
    output = torch.zeros(image.shape[0] - s + 1, image.shape[1] - t + 1, dtype=image.dtype)
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            output[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return output


# %% mistake="cross_correlate" slip="mean instead of sum" says="mean of the products"
def cross_correlate(image, kernel):
    s, t = kernel.shape
    output = torch.zeros(image.shape[0] - s + 1, image.shape[1] - t + 1, dtype=image.dtype)
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            output[i, j] = (image[i : i + s, j : j + t] * kernel).mean()
    return output


# %% mistake="cross_correlate" slip="the last place is left out" says="last row"
def cross_correlate(image, kernel):
    s, t = kernel.shape
    output = torch.zeros(image.shape[0] - s, image.shape[1] - t, dtype=image.dtype)
    for i in range(image.shape[0] - s):
        for j in range(image.shape[1] - t):
            output[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return output


# %% mistake="cross_correlate" slip="output as large as the picture" says="shape"
def cross_correlate(image, kernel):
    s, t = kernel.shape
    output = torch.zeros_like(image)
    for i in range(image.shape[0] - s + 1):
        for j in range(image.shape[1] - t + 1):
            output[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return output


# %% mistake="cross_correlate" slip="PyTorch's own convolution" says="conv2d"
def cross_correlate(image, kernel):
    return torch.nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]


# %% alternative="cross_correlate" note="a loop over the kernel's entries, whole slices added up"
def cross_correlate(image, kernel):
    s, t = kernel.shape
    rows, columns = image.shape[0] - s + 1, image.shape[1] - t + 1
    total = 0
    for a in range(s):
        for b in range(t):
            total = total + kernel[a, b] * image[a : a + rows, b : b + columns]
    return total


# %% alternative="cross_correlate" note="four loops over plain numbers"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    picture, k = image.tolist(), kernel.tolist()
    rows = []
    for i in range(h - s + 1):
        row = []
        for j in range(w - t + 1):
            row.append(sum(k[a][b] * picture[i + a][j + b] for a in range(s) for b in range(t)))
        rows.append(row)
    return torch.tensor(rows, dtype=image.dtype)


# %% [markdown]
# ## conv2d

# %% mistake="conv2d" slip="the kernel is turned" says="half a turn"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    weight = weight.flip(2, 3)
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, stride)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% mistake="conv2d" slip="the bias is missing" says="bias is missing"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, stride)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight)


# %% mistake="conv2d" slip="the bias is added for each input channel" says="once for every input channel"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    output = 0
    for c in range(weight.shape[1]):
        windows = x[:, c].unfold(1, s, stride).unfold(2, t, stride)
        output = output + torch.einsum("njkab,oab->nojk", windows, weight[:, c]) + bias[:, None, None]
    return output


# %% mistake="conv2d" slip="stride not used" says="stride was not used"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, 1).unfold(3, t, 1)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% mistake="conv2d" slip="stride in one direction only" says="one direction"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, 1)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% mistake="conv2d" slip="padding not used" says="padding was not used"
def conv2d(x, weight, bias, stride=1, padding=0):
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, stride)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% mistake="conv2d" slip="the border is repeated" says="zeros"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding), mode="replicate")
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, stride)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% mistake="conv2d" slip="only the first input channel" says="first input channel"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    windows = x[:, 0].unfold(1, s, stride).unfold(2, t, stride)
    return torch.einsum("njkab,oab->nojk", windows, weight[:, 0]) + bias[:, None, None]


# %% mistake="conv2d" slip="through NumPy, so that no gradient passes" says="autograd|graph|gradient"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = np.pad(x.detach().numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    weight, bias = weight.detach().numpy(), bias.detach().numpy()
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return torch.from_numpy(np.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None])


# %% mistake="conv2d" slip="PyTorch's own layer" says="conv2d"
def conv2d(x, weight, bias, stride=1, padding=0):
    return torch.nn.functional.conv2d(x, weight, bias, stride, padding)


# %% alternative="conv2d" note="windows by unfold, one einsum"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding, padding, padding))
    s, t = weight.shape[2:]
    windows = x.unfold(2, s, stride).unfold(3, t, stride)
    return torch.einsum("ncjkab,ocab->nojk", windows, weight) + bias[:, None, None]


# %% alternative="conv2d" note="im2col by torch.nn.functional.unfold and a product of matrices"
def conv2d(x, weight, bias, stride=1, padding=0):
    n, _, h, w = x.shape
    n_out, _, s, t = weight.shape
    columns = torch.nn.functional.unfold(x, (s, t), padding=padding, stride=stride)
    output = weight.reshape(n_out, -1) @ columns + bias[:, None]
    return output.reshape(n, n_out, (h + 2 * padding - s) // stride + 1, (w + 2 * padding - t) // stride + 1)


# %% alternative="conv2d" note="a loop over the places of the output"
def conv2d(x, weight, bias, stride=1, padding=0):
    n, n_in, h, w = x.shape
    padded = torch.zeros(n, n_in, h + 2 * padding, w + 2 * padding, dtype=x.dtype)
    padded[:, :, padding : padding + h, padding : padding + w] = x
    n_out, _, s, t = weight.shape
    rows = []
    for i in range(0, padded.shape[2] - s + 1, stride):
        row = []
        for j in range(0, padded.shape[3] - t + 1, stride):
            patch = padded[:, :, i : i + s, j : j + t].reshape(n, -1)
            row.append(patch @ weight.reshape(n_out, -1).T + bias)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


# %% [markdown]
# ## max_pool

# %% mistake="max_pool" slip="average pooling" says="average pooling"
def max_pool(x, size, stride):
    return x.unfold(2, size, stride).unfold(3, size, stride).mean(dim=(4, 5))


# %% mistake="max_pool" slip="started from zeros, so that negative maxima are lost" says="negative maximum"
def max_pool(x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    output = torch.zeros(*x.shape[:2], rows, columns, dtype=x.dtype)
    for a in range(size):
        for b in range(size):
            shifted = x[:, :, a : a + stride * (rows - 1) + 1 : stride, b : b + stride * (columns - 1) + 1 : stride]
            output = torch.maximum(output, shifted)
    return output


# %% mistake="max_pool" slip="stride taken to be the size" says="stride was taken"
def max_pool(x, size, stride):
    return x.unfold(2, size, size).unfold(3, size, size).amax(dim=(4, 5))


# %% mistake="max_pool" slip="windows over the border are used" says="over the border"
def max_pool(x, size, stride):
    rows = range(0, x.shape[2] - size + stride, stride)
    columns = range(0, x.shape[3] - size + stride, stride)
    return torch.stack([torch.stack([x[:, :, i : i + size, j : j + size].amax(dim=(2, 3)) for j in columns], dim=-1)
                        for i in rows], dim=-2)


# %% mistake="max_pool" slip="every second pixel instead of the largest" says="one pixel of each window"
def max_pool(x, size, stride):
    return x[:, :, : x.shape[2] - size + 1 : stride, : x.shape[3] - size + 1 : stride]


# %% mistake="max_pool" slip="PyTorch's own pooling" says="max_pool2d"
def max_pool(x, size, stride):
    return torch.nn.functional.max_pool2d(x, size, stride)


# %% alternative="max_pool" note="a loop over the entries of the window"
def max_pool(x, size, stride):
    rows, columns = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    output = None
    for a in range(size):
        for b in range(size):
            shifted = x[:, :, a : a + stride * (rows - 1) + 1 : stride, b : b + stride * (columns - 1) + 1 : stride]
            output = shifted if output is None else torch.maximum(output, shifted)
    return output


# %% alternative="max_pool" note="a loop over the places of the output"
def max_pool(x, size, stride):
    rows = range(0, x.shape[2] - size + 1, stride)
    columns = range(0, x.shape[3] - size + 1, stride)
    return torch.stack([torch.stack([x[:, :, i : i + size, j : j + size].flatten(2).max(dim=2).values for j in columns],
                                    dim=-1) for i in rows], dim=-2)


# %% [markdown]
# ## layer_cost

# %% mistake="layer_cost" slip="biases forgotten" says="biases are missing"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights, weights * rows * columns


# %% mistake="layer_cost" slip="a bias for each input channel" says="each input channel"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_in, weights * rows * columns


# %% mistake="layer_cost" slip="padding on one side" says="both sides"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + padding - size) // stride + 1, (width + padding - size) // stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_out, weights * rows * columns


# %% mistake="layer_cost" slip="division with / instead of //" says="float"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) / stride + 1, (width + 2 * padding - size) / stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_out, weights * rows * columns


# %% mistake="layer_cost" slip="rounded up" says="rounded up"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows = -(-(height + 2 * padding - size) // stride) + 1
    columns = -(-(width + 2 * padding - size) // stride) + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_out, weights * rows * columns


# %% mistake="layer_cost" slip="products of one place" says="one place"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_out, weights


# %% mistake="layer_cost" slip="products at the places of the input" says="input's places"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1
    weights = n_in * n_out * size * size
    return rows, columns, weights + n_out, weights * height * width


# %% mistake="layer_cost" slip="biases counted as products" says="counted as products"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows, columns = (height + 2 * padding - size) // stride + 1, (width + 2 * padding - size) // stride + 1
    parameters = n_in * n_out * size * size + n_out
    return rows, columns, parameters, parameters * rows * columns


# %% alternative="layer_cost" note="the places counted by a range"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    rows = len(range(0, height + 2 * padding - size + 1, stride))
    columns = len(range(0, width + 2 * padding - size + 1, stride))
    one = n_in * size * size
    return rows, columns, n_out * (one + 1), rows * columns * n_out * one


# %% alternative="layer_cost" note="asked from PyTorch's layer, on a device that computes nothing"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    layer = torch.nn.Conv2d(n_in, n_out, size, stride=stride, padding=padding, device="meta")
    output = layer(torch.empty(1, n_in, height, width, device="meta"))
    parameters = sum(parameter.numel() for parameter in layer.parameters())
    return output.shape[2], output.shape[3], parameters, output.numel() * layer.weight[0].numel()


# %% [markdown]
# ## receptive_field

# %% mistake="receptive_field" slip="the last place is one too far" says="one too far"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + size
    return first, last


# %% mistake="receptive_field" slip="followed from the input up" says="from the input up"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, padding in layers:
        first = first * stride - padding
        last = last * stride - padding + size - 1
    return first, last


# %% mistake="receptive_field" slip="padding added" says="subtract it"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, padding in reversed(layers):
        first = first * stride + padding
        last = last * stride + padding + size - 1
    return first, last


# %% mistake="receptive_field" slip="padding forgotten" says="padding was not used"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, _ in reversed(layers):
        first, last = first * stride, last * stride + size - 1
    return first, last


# %% mistake="receptive_field" slip="strides forgotten" says="strides were not used"
def receptive_field(layers, unit):
    first = last = unit
    for size, _, padding in reversed(layers):
        first, last = first - padding, last - padding + size - 1
    return first, last


# %% alternative="receptive_field" note="recursive"
def receptive_field(layers, unit):
    if not layers:
        return unit, unit
    *below, (size, stride, padding) = layers
    start = unit * stride - padding
    return receptive_field(below, start)[0], receptive_field(below, start + size - 1)[1]


# %% alternative="receptive_field" note="from the input up, by offset, step and width"
def receptive_field(layers, unit):
    offset, step, width = 0, 1, 1
    for size, stride, padding in layers:
        offset -= padding * step
        width += (size - 1) * step
        step *= stride
    first = offset + unit * step
    return (first, first + width - 1)


# %% [markdown]
# ## SmallCNN

# %% mistake="SmallCNN" slip="softmax at the end" says="softmax"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return torch.softmax(self.fc(x.flatten(1)), dim=1)


# %% mistake="SmallCNN" slip="ReLU on the logits" says="logits may be negative"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return torch.relu(self.fc(x.flatten(1)))


# %% mistake="SmallCNN" slip="no ReLU at all" says="both ReLUs"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.conv1(x), 2)
        x = torch.nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="no ReLU after the second convolution" says="after conv2"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="average pooling" says="average pooling"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.avg_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.avg_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="no padding, so that fc has other inputs" says="fc does not take"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3)
        self.fc = torch.nn.Linear(2 * width * (((side - 2) // 2 - 2) // 2) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="sizes of 8 × 8 pictures written in" says="fc does not take"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(64, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="layers under other names" says="take these names"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Conv2d(1, width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(width, 2 * width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Flatten(), torch.nn.Linear(2 * width * (side // 4) ** 2, classes))

    def forward(self, x):
        return self.net(x)


# %% alternative="SmallCNN" note="a Sequential whose modules have names"
class SmallCNN(torch.nn.Sequential):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        for name, layer in {
            "conv1": torch.nn.Conv2d(1, width, 3, padding=1), "relu1": torch.nn.ReLU(), "pool1": torch.nn.MaxPool2d(2),
            "conv2": torch.nn.Conv2d(width, 2 * width, 3, padding="same"), "relu2": torch.nn.ReLU(),
            "pool2": torch.nn.MaxPool2d(2), "flatten": torch.nn.Flatten(),
            "fc": torch.nn.Linear(width * side * side // 8, classes),
        }.items():
            self.add_module(name, layer)


# %% alternative="SmallCNN" note="pooling before the ReLU, clamp, reshape"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(in_channels=1, out_channels=width, kernel_size=3, padding=1)
        self.conv2 = torch.nn.Conv2d(in_channels=width, out_channels=width * 2, kernel_size=3, padding=1)
        self.pool = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(width * 2 * (side // 4) * (side // 4), classes)

    def forward(self, x):
        x = self.pool(self.conv1(x)).clamp(min=0)
        x = self.pool(self.conv2(x)).clamp(min=0)
        return self.fc(x.reshape(len(x), -1))


# %% [markdown]
# ## ResidualBlock

# %% mistake="ResidualBlock" slip="no shortcut" says="x is not in the sum"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


# %% mistake="ResidualBlock" slip="x is overwritten, so that the block adds its own middle to itself" says="expected"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + x)


# %% mistake="ResidualBlock" slip="no ReLU after the sum" says="last ReLU is missing"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = None
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = x if self.project is None else self.bn3(self.project(x))
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x)) + shortcut


# %% mistake="ResidualBlock" slip="ReLU before the sum" says="before the sum"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = None
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = x if self.project is None else self.bn3(self.project(x))
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x))) + shortcut


# %% mistake="ResidualBlock" slip="convolutions with a bias" says="bias=False"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = None
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = x if self.project is None else self.bn3(self.project(x))
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


# %% mistake="ResidualBlock" slip="a projection always" says="same shape"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
        self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = self.bn3(self.project(x))
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


# %% mistake="ResidualBlock" slip="a projection only where the channels change, not the stride" says="cannot be added"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = None
        if n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = x if self.project is None else self.bn3(self.project(x))
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


# %% mistake="ResidualBlock" slip="one batch norm for both convolutions" says="take these names"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.project = None
        if stride != 1 or n_in != n_out:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        shortcut = x if self.project is None else self.bn3(self.project(x))
        x = torch.relu(self.bn(self.conv1(x)))
        return torch.relu(self.bn(self.conv2(x)) + shortcut)


# %% alternative="ResidualBlock" note="the layers always there, Identity where nothing changes"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        same = stride == 1 and n_in == n_out
        self.conv1 = torch.nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1, self.bn2 = torch.nn.BatchNorm2d(n_out), torch.nn.BatchNorm2d(n_out)
        self.project = torch.nn.Identity() if same else torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
        self.bn3 = torch.nn.Identity() if same else torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        branch = torch.nn.functional.relu(self.bn1(self.conv1(x)))
        branch = self.bn2(self.conv2(branch))
        return torch.nn.functional.relu(branch + self.bn3(self.project(x)))


# %% alternative="ResidualBlock" note="hasattr, in-place addition"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, (3, 3), (stride, stride), (1, 1), bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, (3, 3), padding="same", bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        if (n_in, 1) != (n_out, stride):
            self.project = torch.nn.Conv2d(n_in, n_out, (1, 1), (stride, stride), bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        out += self.bn3(self.project(x)) if hasattr(self, "project") else x
        return out.relu()


# %% [markdown]
# ## occlusion_map

# %% mistake="occlusion_map" slip="the loss of probability" says="loss of probability"
def occlusion_map(probability, image, size, fill=0.0):
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            covered = image.clone()
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(image[None])[0] - probability(covered[None])[0]
    return result


# %% mistake="occlusion_map" slip="the patches stay on the picture" says="left on the picture|changed"
def occlusion_map(probability, image, size, fill=0.0):
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(rows, columns, dtype=image.dtype)
    covered = image.clone()
    for i in range(rows):
        for j in range(columns):
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(covered[None])[0]
    return result


# %% mistake="occlusion_map" slip="the caller's picture is changed" says="left on the picture|changed"
def occlusion_map(probability, image, size, fill=0.0):
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            covered = image
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(covered[None])[0]
    return result


# %% mistake="occlusion_map" slip="fill is not used" says="fill` was not used"
def occlusion_map(probability, image, size, fill=0.0):
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            covered = image.clone()
            covered[i : i + size, j : j + size] = 0
            result[i, j] = probability(covered[None])[0]
    return result


# %% mistake="occlusion_map" slip="a map as large as the picture, the patch cut at the border" says="shape"
def occlusion_map(probability, image, size, fill=0.0):
    result = torch.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            covered = image.clone()
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(covered[None])[0]
    return result


# %% alternative="occlusion_map" note="one picture at a time"
def occlusion_map(probability, image, size, fill=0.0):
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    result = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            covered = image.clone()
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(covered[None])[0]
    return result


# %% alternative="occlusion_map" note="row by row, through a mask"
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    lines = []
    for i in range(h - size + 1):
        masks = torch.zeros(w - size + 1, h, w, dtype=torch.bool)
        for j in range(w - size + 1):
            masks[j, i : i + size, j : j + size] = True
        lines.append(probability(torch.where(masks, torch.tensor(fill, dtype=image.dtype), image)))
    return torch.stack(lines)


# %% [markdown]
# ## box_iou

# %% mistake="box_iou" slip="negative sides not cut off" says="lie apart"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = (lower_right - upper_left).prod(dim=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[:, 2:] - b[:, :2]).prod(dim=1)
    return intersection / (area_a[:, None] + area_b[None, :] - intersection)


# %% mistake="box_iou" slip="the product is cut off, not the sides" says="lie apart|cut both"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = (lower_right - upper_left).prod(dim=2).clamp(min=0)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[:, 2:] - b[:, :2]).prod(dim=1)
    return intersection / (area_a[:, None] + area_b[None, :] - intersection)


# %% mistake="box_iou" slip="the intersection counted twice in the union" says="counted twice"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = (lower_right - upper_left).clamp(min=0).prod(dim=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[:, 2:] - b[:, :2]).prod(dim=1)
    return intersection / (area_a[:, None] + area_b[None, :])


# %% mistake="box_iou" slip="only the intersection" says="divide by that of the union"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    return (lower_right - upper_left).clamp(min=0).prod(dim=2)


# %% mistake="box_iou" slip="divided by the smaller box" says="smaller area"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = (lower_right - upper_left).clamp(min=0).prod(dim=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[:, 2:] - b[:, :2]).prod(dim=1)
    return intersection / torch.minimum(area_a[:, None], area_b[None, :])


# %% mistake="box_iou" slip="pairs of equal place only" says="shape|raised|size"
def box_iou(a, b):
    upper_left = torch.maximum(a[:, :2], b[: len(a), :2])
    lower_right = torch.minimum(a[:, 2:], b[: len(a), 2:])
    intersection = (lower_right - upper_left).clamp(min=0).prod(dim=1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(dim=1), (b[: len(a), 2:] - b[: len(a), :2]).prod(dim=1)
    return intersection / (area_a + area_b - intersection)


# %% alternative="box_iou" note="two loops over plain numbers"
def box_iou(a, b):
    result = torch.zeros(len(a), len(b), dtype=a.dtype)
    for i, (ax0, ay0, ax1, ay1) in enumerate(a.tolist()):
        for j, (bx0, by0, bx1, by1) in enumerate(b.tolist()):
            width = max(0.0, min(ax1, bx1) - max(ax0, bx0))
            height = max(0.0, min(ay1, by1) - max(ay0, by0))
            both = width * height
            union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both
            result[i, j] = both / union
    return result


# %% alternative="box_iou" note="broadcasting over the four columns"
def box_iou(a, b):
    ax0, ay0, ax1, ay1 = (column[:, None] for column in a.T)
    bx0, by0, bx1, by1 = b.T
    width = torch.relu(torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0))
    height = torch.relu(torch.minimum(ay1, by1) - torch.maximum(ay0, by0))
    both = width * height
    return both / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both)


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="box_iou" mutant="low = torch.maximum(a0, b0) -> low = torch.maximum(b0, a0)"
# the maximum is symmetric in its arguments

# %% [markdown] equivalent="box_iou" mutant="high = torch.minimum(a1, b1) -> high = torch.minimum(b1, a1)"
# the minimum is symmetric in its arguments

# %% [markdown] equivalent="box_iou" mutant="area_a = (a1 - a0).prod(dim=2) -> area_a = (a0 - a1).prod(dim=2)"
# both sides change their sign, and their product does not

# %% [markdown] equivalent="box_iou" mutant="area_b = (b1 - b0).prod(dim=1) -> area_b = (b0 - b1).prod(dim=1)"
# both sides change their sign, and their product does not
