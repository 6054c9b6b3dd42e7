"""1,797 handwritten digits, 8×8, that ship inside scikit-learn."""

import numpy as np
import torch

from ._images import ImageSet

N_TEST = 360


def digits() -> ImageSet:
    """The digits of scikit-learn: 1,437 training and 360 test images, float32 (N, 1, 8, 8) in [0, 1], 10 classes.

    The split is fixed: the first 360 rows of NumPy's `RandomState(0).permutation(1797)` are the test part, the rest, in
    that order, the training part. (The order of the original is by writer; RandomState's stream never changes.)

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998;
    the grey levels 0 to 16 are divided by 16.
    """
    from sklearn.datasets import load_digits

    original = load_digits()
    order = np.random.RandomState(0).permutation(len(original.target))
    x = torch.tensor(original.images[order] / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(original.target[order], dtype=torch.int64)
    return ImageSet("digits", x[N_TEST:], y[N_TEST:], x[:N_TEST], y[:N_TEST], tuple("0123456789"))
