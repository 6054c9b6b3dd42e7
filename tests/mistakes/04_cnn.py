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


# %% mistake="cross_correlate" slip="output as large as the picture" says="wholly on it"
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


# %% mistake="cross_correlate" slip="the last row is left out" says="last row is missing"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    out = torch.zeros(h - s, w - t + 1)
    for i in range(h - s):
        for j in range(w - t + 1):
            out[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return out


# %% mistake="cross_correlate" slip="the loops end one place too early" says="one place too early"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    out = torch.zeros(h - s + 1, w - t + 1)
    for i in range(h - s):
        for j in range(w - t):
            out[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return out


# %% mistake="cross_correlate" slip="the window times the kernel as matrices" says="as a matrix"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    out = torch.zeros(h - s + 1, w - t + 1)
    for i in range(h - s + 1):
        for j in range(w - t + 1):
            out[i, j] = (image[i : i + s, j : j + t] @ kernel).sum()
    return out


# %% mistake="cross_correlate" slip="the products overwrite each other" says="only the last product"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    out = torch.zeros(h - s + 1, w - t + 1)
    for i in range(h - s + 1):
        for j in range(w - t + 1):
            for a in range(s):
                for b in range(t):
                    out[i, j] = image[i + a, j + b] * kernel[a, b]
    return out


# %% mistake="cross_correlate" slip="the kernel is taken to be square" says="taken to be square"
def cross_correlate(image, kernel):
    h, w = image.shape
    s = len(kernel)
    out = torch.zeros(h - s + 1, w - s + 1)
    for i in range(h - s + 1):
        for j in range(w - s + 1):
            out[i, j] = (image[i : i + s, j : j + s] * kernel).sum()
    return out


# %% mistake="cross_correlate" slip="float32 whatever came in" says="dtype=image.dtype"
def cross_correlate(image, kernel):
    h, w = image.shape
    s, t = kernel.shape
    out = torch.zeros(h - s + 1, w - t + 1)
    for i in range(h - s + 1):
        for j in range(w - t + 1):
            out[i, j] = (image[i : i + s, j : j + t] * kernel).sum()
    return out


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


# %% mistake="conv2d" slip="the bias is added along the width" says="size of tensor|bias"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W)
    for i in range(H):
        for j in range(W):
            window = x[:, :, i * stride : i * stride + s, j * stride : j * stride + t]
            out[:, :, i, j] = (window[:, None] * weight[None]).sum(dim=(2, 3, 4))
    return out + bias


# %% mistake="conv2d" slip="no + 1 in the number of places" says="ends with . 1"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride, (w - t) // stride
    out = torch.zeros(n, o, H, W)
    for i in range(H):
        for j in range(W):
            window = x[:, :, i * stride : i * stride + s, j * stride : j * stride + t]
            out[:, :, i, j] = (window[:, None] * weight[None]).sum(dim=(2, 3, 4)) + bias
    return out


# %% mistake="conv2d" slip="the 1 added before the division" says="after the division"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s + 1) // stride, (w - t + 1) // stride
    out = torch.zeros(n, o, H, W)
    for i in range(H):
        for j in range(W):
            window = x[:, :, i * stride : i * stride + s, j * stride : j * stride + t]
            out[:, :, i, j] = (window[:, None] * weight[None]).sum(dim=(2, 3, 4)) + bias
    return out


# %% mistake="conv2d" slip="zeros on the left and right only" says="left, right, top, bottom"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding, padding))
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W)
    for i in range(H):
        for j in range(W):
            window = x[:, :, i * stride : i * stride + s, j * stride : j * stride + t]
            out[:, :, i, j] = (window[:, None] * weight[None]).sum(dim=(2, 3, 4)) + bias
    return out


# %% mistake="conv2d" slip="windows that move by one place" says="moves by one place"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W)
    for i in range(H):
        for j in range(W):
            window = x[:, :, i : i + s, j : j + t]
            out[:, :, i, j] = (window[:, None] * weight[None]).sum(dim=(2, 3, 4)) + bias
    return out


# %% mistake="conv2d" slip="only the first picture of the batch" says="only the first picture"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W)
    for k in range(o):
        for i in range(H):
            for j in range(W):
                window = x[0, :, i * stride : i * stride + s, j * stride : j * stride + t]
                out[0, k, i, j] = (window * weight[k]).sum() + bias[k]
    return out


# %% mistake="conv2d" slip="the pictures of the batch are added up" says="batch were added up"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W)
    for k in range(o):
        for i in range(H):
            for j in range(W):
                window = x[:, :, i * stride : i * stride + s, j * stride : j * stride + t]
                out[:, k, i, j] = (window * weight[k]).sum() + bias[k]
    return out


# %% mistake="conv2d" slip="plain numbers by .item()" says="graph is cut"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W, dtype=x.dtype)
    for m in range(n):
        for k in range(o):
            for i in range(H):
                for j in range(W):
                    out[m, k, i, j] = (
                        x[m, :, i * stride : i * stride + s, j * stride : j * stride + t] * weight[k]
                    ).sum().item() + bias[k].item()
    return out


# %% mistake="conv2d" slip="a slice that ends too early" says="reach the last window"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = 0
    for a in range(s):
        for b in range(t):
            out = out + torch.einsum(
                "nchw,oc->nohw", x[:, :, a : a + H : stride, b : b + W : stride], weight[:, :, a, b]
            )
    return out + bias[:, None, None]


# %% alternative="conv2d" note="a loop over pictures, channels and places"
def conv2d(x, weight, bias, stride=1, padding=0):
    x = torch.nn.functional.pad(x, (padding,) * 4)
    n, c, h, w = x.shape
    o, _, s, t = weight.shape
    H, W = (h - s) // stride + 1, (w - t) // stride + 1
    out = torch.zeros(n, o, H, W, dtype=x.dtype)
    for m in range(n):
        for k in range(o):
            for i in range(H):
                for j in range(W):
                    out[m, k, i, j] = (
                        x[m, :, i * stride : i * stride + s, j * stride : j * stride + t] * weight[k]
                    ).sum() + bias[k]
    return out


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
    return torch.stack(
        [torch.stack([x[:, :, i : i + size, j : j + size].amax(dim=(2, 3)) for j in columns], dim=-1) for i in rows],
        dim=-2,
    )


# %% mistake="max_pool" slip="every second pixel instead of the largest" says="one pixel of each window"
def max_pool(x, size, stride):
    return x[:, :, : x.shape[2] - size + 1 : stride, : x.shape[3] - size + 1 : stride]


# %% mistake="max_pool" slip="PyTorch's own pooling" says="max_pool2d"
def max_pool(x, size, stride):
    return torch.nn.functional.max_pool2d(x, size, stride)


# %% mistake="max_pool" slip="the maximum over batch and channels too" says="over the channels"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    H, W = (h - size) // stride + 1, (w - size) // stride + 1
    out = torch.zeros(n, c, H, W)
    for i in range(H):
        for j in range(W):
            out[:, :, i, j] = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size].max()
    return out


# %% mistake="max_pool" slip="the maximum over the batch" says="pictures of the batch"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    H, W = (h - size) // stride + 1, (w - size) // stride + 1
    out = torch.zeros(n, c, H, W)
    for k in range(c):
        for i in range(H):
            for j in range(W):
                out[:, k, i, j] = x[:, k, i * stride : i * stride + size, j * stride : j * stride + size].max()
    return out


# %% mistake="max_pool" slip="the wrong axes after a reshape" says="wrong axes"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    return (
        x[:, :, : h // size * size, : w // size * size].reshape(n, c, h // size, size, w // size, size).amax(dim=(2, 4))
    )


# %% mistake="max_pool" slip="h // stride places, so that windows reach over the border" says="over the border"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    H, W = h // stride, w // stride
    out = torch.zeros(n, c, H, W)
    for i in range(H):
        for j in range(W):
            out[:, :, i, j] = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size].amax(dim=(2, 3))
    return out


# %% mistake="max_pool" slip="windows that move by one place" says="moves by one place"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    H, W = (h - size) // stride + 1, (w - size) // stride + 1
    out = torch.zeros(n, c, H, W)
    for i in range(H):
        for j in range(W):
            out[:, :, i, j] = x[:, :, i : i + size, j : j + size].amax(dim=(2, 3))
    return out


# %% mistake="max_pool" slip="the maximum along the rows only" says="along the rows only"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    return x.unfold(3, size, stride).amax(dim=-1)


# %% alternative="max_pool" note="torch.nn.functional.unfold, channels as pictures"
def max_pool(x, size, stride):
    n, c, h, w = x.shape
    H, W = (h - size) // stride + 1, (w - size) // stride + 1
    columns = torch.nn.functional.unfold(x.reshape(n * c, 1, h, w), size, stride=stride)
    return columns.amax(dim=1).reshape(n, c, H, W)


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
    return torch.stack(
        [
            torch.stack([x[:, :, i : i + size, j : j + size].flatten(2).max(dim=2).values for j in columns], dim=-1)
            for i in rows
        ],
        dim=-2,
    )


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


# %% mistake="layer_cost" slip="products of one output channel" says="products are those of one output channel"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size) // stride + 1
    ow = (width + 2 * padding - size) // stride + 1
    return oh, ow, n_out * (n_in * size**2 + 1), oh * ow * n_in * size**2


# %% mistake="layer_cost" slip="one bias in all" says="one bias was counted in all"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size) // stride + 1
    ow = (width + 2 * padding - size) // stride + 1
    return oh, ow, n_out * n_in * size**2 + 1, oh * ow * n_out * n_in * size**2


# %% mistake="layer_cost" slip="parameters counted at each place" says="all places share"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size) // stride + 1
    ow = (width + 2 * padding - size) // stride + 1
    return oh, ow, oh * ow * n_out * (n_in * size**2 + 1), oh * ow * n_out * n_in * size**2


# %% mistake="layer_cost" slip="kernels of two dimensions" says="input channels are missing"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size) // stride + 1
    ow = (width + 2 * padding - size) // stride + 1
    return oh, ow, n_out * (size**2 + 1), oh * ow * n_out * n_in * size**2


# %% mistake="layer_cost" slip="the width reckoned from the height" says="from the height"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size) // stride + 1
    return oh, oh, n_out * (n_in * size**2 + 1), oh * oh * n_out * n_in * size**2


# %% mistake="layer_cost" slip="brackets missing before the division" says="brackets"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = height + 2 * padding - size // stride + 1
    ow = width + 2 * padding - size // stride + 1
    return oh, ow, n_out * (n_in * size**2 + 1), oh * ow * n_out * n_in * size**2


# %% mistake="layer_cost" slip="the 1 added before the division" says="before the division"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    oh = (height + 2 * padding - size + 1) // stride
    ow = (width + 2 * padding - size + 1) // stride
    return oh, ow, n_out * (n_in * size**2 + 1), oh * ow * n_out * n_in * size**2


# %% alternative="layer_cost" note="math.floor of a quotient"
def layer_cost(n_in, n_out, size, height, width, stride=1, padding=0):
    import math

    oh = math.floor((height + 2 * padding - size) / stride) + 1
    ow = math.floor((width + 2 * padding - size) / stride) + 1
    return oh, ow, n_out * n_in * size**2 + n_out, oh * ow * n_out * n_in * size**2


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


# %% mistake="receptive_field" slip="the last place reckoned from the first" says="from the first"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = first + size - 1
    return first, last


# %% mistake="receptive_field" slip="places in the padding moved to 0" says="as it comes"
def receptive_field(layers, unit):
    first = last = unit
    for size, stride, padding in reversed(layers):
        first = max(0, first * stride - padding)
        last = last * stride - padding + size - 1
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
            torch.nn.Conv2d(1, width, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(width, 2 * width, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
            torch.nn.Linear(2 * width * (side // 4) ** 2, classes),
        )

    def forward(self, x):
        return self.net(x)


# %% mistake="SmallCNN" slip="flattened with the batch axis" says="shapes cannot be multiplied"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = torch.nn.functional.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc(x.flatten())


# %% mistake="SmallCNN" slip="conv2 keeps the number of channels" says="conv2 does not take"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, width, 3, padding=1)
        self.fc = torch.nn.Linear(width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = torch.nn.functional.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="one pooling forgotten" says="shapes cannot be multiplied"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = self.conv2(x).relu()
        return self.fc(x.flatten(1))


# %% mistake="SmallCNN" slip="convolutions of stride 2 in place of pooling" says="stand in for the pooling"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1, stride=2)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1, stride=2)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        return self.fc(self.conv2(self.conv1(x).relu()).relu().flatten(1))


# %% mistake="SmallCNN" slip="a batch norm that was not asked" says="take these names"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.fc = torch.nn.Linear(2 * width * (side // 4) ** 2, classes)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.bn(self.conv1(x)).relu(), 2)
        x = torch.nn.functional.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc(x.flatten(1))


# %% alternative="SmallCNN" note="pooling before the ReLU, modules for both, view"
class SmallCNN(torch.nn.Module):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.pool, self.relu = torch.nn.MaxPool2d(2), torch.nn.ReLU()
        self.fc = torch.nn.Linear(side * side * width // 8, classes)

    def forward(self, x):
        x = self.relu(self.pool(self.conv1(x)))
        x = self.relu(self.pool(self.conv2(x)))
        return self.fc(x.view(len(x), -1))


# %% alternative="SmallCNN" note="a Sequential whose modules have names"
class SmallCNN(torch.nn.Sequential):
    def __init__(self, classes=10, width=8, side=8):
        super().__init__()
        for name, layer in {
            "conv1": torch.nn.Conv2d(1, width, 3, padding=1),
            "relu1": torch.nn.ReLU(),
            "pool1": torch.nn.MaxPool2d(2),
            "conv2": torch.nn.Conv2d(width, 2 * width, 3, padding="same"),
            "relu2": torch.nn.ReLU(),
            "pool2": torch.nn.MaxPool2d(2),
            "flatten": torch.nn.Flatten(),
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


# %% mistake="ResidualBlock" slip="x is overwritten, and the block adds its own middle" says="not in the sum"
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


# %% mistake="ResidualBlock" slip="no ReLU between the convolutions" says="between bn1 and conv2"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        h = self.bn2(self.conv2(self.bn1(self.conv1(x))))
        return torch.relu(h + (self.bn3(self.project(x)) if self.different else x))


# %% mistake="ResidualBlock" slip="bn1 behind both convolutions" says="bn2 was not used"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        h = self.bn1(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (self.bn3(self.project(x)) if self.different else x))


# %% mistake="ResidualBlock" slip="bn1 for n_in channels" says="not n_out channels"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_in)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (self.bn3(self.project(x)) if self.different else x))


# %% mistake="ResidualBlock" slip="project without the stride" says="must match|stride"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (self.bn3(self.project(x)) if self.different else x))


# %% mistake="ResidualBlock" slip="the stride in both convolutions" says="must match|shape"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (self.bn3(self.project(x)) if self.different else x))


# %% mistake="ResidualBlock" slip="no bn3 behind project" says="`project` and `bn3`"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.different = n_in != n_out or stride != 1
        if self.different:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + (self.project(x) if self.different else x))


# %% mistake="ResidualBlock" slip="the shortcut under another name" says="named `project`"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.shortcut = torch.nn.Identity()
        if n_in != n_out or stride != 1:
            self.shortcut = torch.nn.Sequential(
                torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), torch.nn.BatchNorm2d(n_out)
            )

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(h + self.shortcut(x))


# %% mistake="ResidualBlock" slip="a projection made anew in forward" says="made in __init__"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.stride, self.n_in, self.n_out = stride, n_in, n_out

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if h.shape != x.shape:
            x = torch.nn.BatchNorm2d(self.n_out)(
                torch.nn.Conv2d(self.n_in, self.n_out, 1, stride=self.stride, bias=False)(x)
            )
        return torch.relu(h + x)


# %% alternative="ResidualBlock" note="ReLU as a module, x overwritten by its projection"
class ResidualBlock(torch.nn.Module):
    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(n_out)
        self.conv2 = torch.nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(n_out)
        self.project = None
        if n_in != n_out or stride != 1:
            self.project = torch.nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.bn3 = torch.nn.BatchNorm2d(n_out)
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        if self.project is not None:
            x = self.bn3(self.project(x))
        h += x
        return self.relu(h)


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


# %% mistake="occlusion_map" slip="a map of the size of the picture, the patch cut off" says="reached over the border"
def occlusion_map(probability, image, size, fill=0.0):
    result = torch.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            covered = image.clone()
            covered[i : i + size, j : j + size] = fill
            result[i, j] = probability(covered[None])[0]
    return result


# %% mistake="occlusion_map" slip="the picture without the batch axis" says="picture.None."
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    out = torch.zeros(h - size + 1, w - size + 1)
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            picture = image.clone()
            picture[i : i + size, j : j + size] = fill
            out[i, j] = probability(picture)
    return out


# %% mistake="occlusion_map" slip="two slices one after the other" says="rows of the rows"
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    out = torch.zeros(h - size + 1, w - size + 1)
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            picture = image.clone()
            picture[i : i + size][j : j + size] = fill
            out[i, j] = probability(picture[None])[0]
    return out


# %% mistake="occlusion_map" slip="the last row and column of places left out" says="last row and column"
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    out = torch.zeros(h - size, w - size)
    for i in range(h - size):
        for j in range(w - size):
            picture = image.clone()
            picture[i : i + size, j : j + size] = fill
            out[i, j] = probability(picture[None])[0]
    return out


# %% mistake="occlusion_map" slip="places column by column" says="column by column"
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    pictures = []
    for j in range(w - size + 1):
        for i in range(h - size + 1):
            picture = image.clone()
            picture[i : i + size, j : j + size] = fill
            pictures.append(picture)
    return probability(torch.stack(pictures)).reshape(h - size + 1, w - size + 1)


# %% alternative="occlusion_map" note="a single loop over the places, divmod"
def occlusion_map(probability, image, size, fill=0.0):
    h, w = image.shape
    H, W = h - size + 1, w - size + 1
    pictures = image.repeat(H * W, 1, 1)
    for n in range(H * W):
        i, j = divmod(n, W)
        pictures[n, i : i + size, j : j + size] = fill
    return probability(pictures).view(H, W)


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


# %% mistake="box_iou" slip="1 added to the sides" says="1 was added"
def box_iou(a, b):
    w = (torch.minimum(a[:, None, 2], b[None, :, 2]) - torch.maximum(a[:, None, 0], b[None, :, 0]) + 1).clamp(min=0)
    h = (torch.minimum(a[:, None, 3], b[None, :, 3]) - torch.maximum(a[:, None, 1], b[None, :, 1]) + 1).clamp(min=0)
    inter = w * h

    def area(x):
        return (x[:, 2] - x[:, 0] + 1) * (x[:, 3] - x[:, 1] + 1)

    return inter / (area(a)[:, None] + area(b)[None] - inter)


# %% mistake="box_iou" slip="x1 and y1 as width and height" says="width and height"
def box_iou(a, b):
    w = (
        torch.minimum(a[:, None, 0] + a[:, None, 2], b[None, :, 0] + b[None, :, 2])
        - torch.maximum(a[:, None, 0], b[None, :, 0])
    ).clamp(min=0)
    h = (
        torch.minimum(a[:, None, 1] + a[:, None, 3], b[None, :, 1] + b[None, :, 3])
        - torch.maximum(a[:, None, 1], b[None, :, 1])
    ).clamp(min=0)
    inter = w * h

    def area(x):
        return x[:, 2] * x[:, 3]

    return inter / (area(a)[:, None] + area(b)[None] - inter)


# %% mistake="box_iou" slip="maximum and minimum exchanged" says="exchanged"
def box_iou(a, b):
    w = (torch.maximum(a[:, None, 2], b[None, :, 2]) - torch.minimum(a[:, None, 0], b[None, :, 0])).clamp(min=0)
    h = (torch.maximum(a[:, None, 3], b[None, :, 3]) - torch.minimum(a[:, None, 1], b[None, :, 1])).clamp(min=0)
    inter = w * h

    def area(x):
        return (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])

    return inter / (area(a)[:, None] + area(b)[None] - inter)


# %% mistake="box_iou" slip="the box around both as the union" says="box around both"
def box_iou(a, b):
    w = (torch.minimum(a[:, None, 2], b[None, :, 2]) - torch.maximum(a[:, None, 0], b[None, :, 0])).clamp(min=0)
    h = (torch.minimum(a[:, None, 3], b[None, :, 3]) - torch.maximum(a[:, None, 1], b[None, :, 1])).clamp(min=0)
    W = torch.maximum(a[:, None, 2], b[None, :, 2]) - torch.minimum(a[:, None, 0], b[None, :, 0])
    H = torch.maximum(a[:, None, 3], b[None, :, 3]) - torch.minimum(a[:, None, 1], b[None, :, 1])
    return w * h / (W * H)


# %% mistake="box_iou" slip="lists of rows, which fail for no boxes" says="stack|RuntimeError|shape"
def box_iou(a, b):
    rows = []
    for p in a:
        row = []
        for q in b:
            w = (min(p[2], q[2]) - max(p[0], q[0])).clamp(min=0)
            h = (min(p[3], q[3]) - max(p[1], q[1])).clamp(min=0)
            inter = w * h
            row.append(inter / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - inter))
        rows.append(torch.stack(row))
    return torch.stack(rows)


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
