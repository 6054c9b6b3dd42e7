"""The one shape in which every set of images comes."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images and labels in memory, split into a training and a test part.

    x_train, x_test: float32 (N, channels, height, width) in [0, 1]; after `flat()` (N, channels * height * width).
    y_train, y_test: int64 (N,), indices into `classes`.
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]

    def flat(self) -> "ImageSet":
        """The same set with each image as one row: x of shape (N, channels * height * width)."""
        return replace(self, x_train=self.x_train.flatten(1), x_test=self.x_test.flatten(1))

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same set on another device."""
        return replace(
            self,
            x_train=self.x_train.to(device),
            y_train=self.y_train.to(device),
            x_test=self.x_test.to(device),
            y_test=self.y_test.to(device),
        )

    def subset(self, n_train: int, n_test: int | None = None, seed: int = 0) -> "ImageSet":
        """`n_train` training and `n_test` test images (None: all), drawn at random without repetition by `seed`.

        Raises ValueError if the set has fewer.
        """
        generator = torch.Generator().manual_seed(seed)
        train = _draw(len(self.x_train), n_train, "training", generator).to(self.x_train.device)
        test = _draw(len(self.x_test), n_test, "test", generator).to(self.x_test.device)
        return replace(
            self,
            x_train=self.x_train[train],
            y_train=self.y_train[train],
            x_test=self.x_test[test],
            y_test=self.y_test[test],
        )

    def __repr__(self) -> str:
        shape = "×".join(str(side) for side in self.x_train.shape[1:])
        return (
            f"ImageSet {self.name}: {len(self.x_train):,} training and {len(self.x_test):,} test images of {shape}, "
            f"{len(self.classes)} classes, on {self.x_train.device}"
        )


def _draw(available: int, wanted: int | None, part: str, generator: torch.Generator) -> Tensor:
    if wanted is None:
        return torch.arange(available)
    if not 0 <= wanted <= available:
        raise ValueError(f"{wanted:,} {part} images asked for; the set has {available:,}. Ask for fewer; "
                         "without a number you get all.")
    return torch.randperm(available, generator=generator)[:wanted]
