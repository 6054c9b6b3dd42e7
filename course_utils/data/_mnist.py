"""MNIST and Fashion-MNIST: four files each, with torchvision's names, format and addresses.

torchvision itself is not imported, which would take longer than reading the files; the tests compare with it.
"""

import gzip
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from . import _fetch
from ._digits import digits
from ._fetch import DataError, RemoteFile
from ._glyphs import glyphs
from ._images import ImageSet

FILES = {
    "MNIST": {
        "train-images-idx3-ubyte.gz": (
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte.gz": (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        "t10k-images-idx3-ubyte.gz": (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        "t10k-labels-idx1-ubyte.gz": (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    },
    "FashionMNIST": {
        "train-images-idx3-ubyte.gz": (
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte.gz": (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        "t10k-images-idx3-ubyte.gz": (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        "t10k-labels-idx1-ubyte.gz": (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    },
}
ADDRESSES = {
    "MNIST": ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    "FashionMNIST": ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
}
CLASSES = {
    "MNIST": tuple("0123456789"),
    "FashionMNIST": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}
FALLBACKS: dict[str, Callable[[], ImageSet]] = {"digits": digits, "glyphs": glyphs}


def mnist(fallback: str | None = None) -> ImageSet:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, float32 (N, 1, 28, 28) in [0, 1].

    fallback: "digits" or "glyphs" to take that set, and say so on screen, where MNIST cannot be had.
    Raises DataError where it cannot be had and no fallback is allowed, and where COURSE_DATA_MIRROR names no folder.
    Source: Y. LeCun, C. Cortes, C. Burges; L. Bottou et al., ICPR 1994.
    """
    return _load("MNIST", "mnist", fallback)


def fashion_mnist(fallback: str | None = None) -> ImageSet:
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, float32 (N, 1, 28, 28) in [0, 1].

    `fallback` and errors as for `mnist`. Source: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017.
    """
    return _load("FashionMNIST", "fashion_mnist", fallback)


def _load(folder: str, name: str, fallback: str | None) -> ImageSet:
    if fallback is not None and fallback not in FALLBACKS:
        raise ValueError(f"fallback must be None, {' or '.join(map(repr, FALLBACKS))}, not {fallback!r}.")
    _fetch.mirror_folder()  # a mirror that is set wrongly is an error, whatever else may work
    try:
        x_train, y_train, x_test, y_test = (_parse(_fetch.read(file)) for file in remote_files(folder))
    except DataError as error:
        if fallback is None:
            raise DataError(
                f"{folder} cannot be had. {error}\n"
                'Use data.digits() (8×8) or data.glyphs() (28×28), which need no network, or pass fallback="digits" '
                'or fallback="glyphs".'
            ) from None
        substitute = FALLBACKS[fallback]()
        print(f"{folder} cannot be had. {error}\nUsing instead, as allowed: {substitute!r}")
        return substitute
    return ImageSet(name, _images(x_train), y_train.long(), _images(x_test), y_test.long(), CLASSES[folder])


def remote_files(folder: str) -> list[RemoteFile]:
    """The four files of "MNIST" or "FashionMNIST": training images and labels, test images and labels."""
    return [
        RemoteFile(f"{folder}/raw/{name}", size, sha256, tuple(address + name for address in ADDRESSES[folder]))
        for name, (size, sha256) in FILES[folder].items()
    ]


def _parse(content: bytes) -> Tensor:
    """An IDX file of bytes: two zeros, 8 for uint8, the number of axes, each length (big-endian, 4 bytes), the data."""
    plain = gzip.decompress(content)
    lengths = np.frombuffer(plain, ">u4", count=plain[3], offset=4)
    array = np.frombuffer(plain, np.uint8, offset=4 + 4 * plain[3]).reshape(lengths)
    return torch.tensor(array)


def _images(bytes_: Tensor) -> Tensor:
    """(N, 28, 28) uint8 to (N, 1, 28, 28) float32 in [0, 1]."""
    return bytes_.unsqueeze(1).float() / 255
