"""Images per second on MNIST on the CPU: `course_utils.training.fit` on tensors in memory, against the conventional
way, a `DataLoader` over torchvision's dataset that transforms one image at a time. The same model, batch size,
optimiser and bookkeeping, in one run.

    COURSE_DATA_MIRROR=... python benchmarks/training.py

Exit status 1 if `fit` is less than 3 times as fast with the net of one hidden layer of 100 units (deck K), which
decides; the other models show how the gain shrinks as the arithmetic grows. Run it on a machine that is otherwise idle.
"""

import argparse
import gzip
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils import data, training
from course_utils.data import _fetch, _mnist

MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels
REQUIRED = 3.0
MODELS: dict[str, Callable[[], nn.Module]] = {
    "one hidden layer of 100": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)),
    "softmax regression": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
    "one hidden layer of 625": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 625), nn.ReLU(), nn.Linear(625, 10)),
}
DECIDES = next(iter(MODELS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2, help="measured epochs; the fastest counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch, for both ways")
    parser.add_argument("--only-deciding", action="store_true", help="leave the other models out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads; MNIST, batch size {options.batch_size}, images per second")
    print(f"{'model':26}{'fit':>10}{'DataLoader, 0 workers':>24}{'2 workers':>12}{'ratio':>8}")

    mnist = data.mnist()
    x, y = (mnist.x_train - MEAN) / DEVIATION, mnist.y_train
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        dataset = conventional_dataset(Path(folder))
        for name, make in MODELS.items():
            if options.only_deciding and name != DECIDES:
                continue
            ours = best(lambda model: fit_epoch(model, x, y, options.batch_size), make, options.epochs)
            theirs = [
                best(
                    lambda model, workers=workers: loader_epoch(model, dataset, options.batch_size, workers),
                    make,
                    options.epochs,
                )
                for workers in (0, 2)
            ]
            ratios[name] = ours / max(theirs)
            print(f"{name:26}{ours:>10,.0f}{theirs[0]:>24,.0f}{theirs[1]:>12,.0f}{ratios[name]:>8.1f}", flush=True)

    passed = ratios[DECIDES] >= REQUIRED
    print(f"{DECIDES}: {ratios[DECIDES]:.1f} times the better DataLoader; required: {REQUIRED:.0f}. ", end="")
    print("Passed." if passed else "FAILED.")
    return 0 if passed else 1


def best(epoch: Callable[[nn.Module], int], make: Callable[[], nn.Module], repeats: int) -> float:
    """Images per second of the fastest of some epochs, each with a model made anew."""
    rates = []
    for _ in range(repeats):
        torch.manual_seed(0)
        model = make()
        start = time.perf_counter()
        images = epoch(model)
        rates.append(images / (time.perf_counter() - start))
    return max(rates)


def fit_epoch(model: nn.Module, x: torch.Tensor, y: torch.Tensor, batch_size: int) -> int:
    training.fit(model, x, y, epochs=1, batch_size=batch_size, progress=False)
    return len(x)


def loader_epoch(model: nn.Module, dataset: datasets.MNIST, batch_size: int, workers: int) -> int:
    """The loop as tutorials write it, with the loss and the accuracy of the epoch, as `fit` keeps them."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    total, correct = 0.0, 0
    for inputs, targets in DataLoader(dataset, batch_size=batch_size, shuffle=True, num_workers=workers):
        outputs = model(inputs)
        loss = F.cross_entropy(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)
        correct += (outputs.argmax(dim=1) == targets).sum().item()
    assert correct > 0.8 * len(dataset), "the conventional loop did not learn"
    return len(dataset)


def conventional_dataset(folder: Path) -> datasets.MNIST:
    """torchvision's MNIST, unpacked into `folder` from wherever `course_utils.data` finds it."""
    for file in _mnist.remote_files("MNIST"):
        path = folder / file.path.removesuffix(".gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.decompress(_fetch.read(file)))
    steps = [transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))]
    return datasets.MNIST(folder, train=True, transform=transforms.Compose(steps))


if __name__ == "__main__":
    sys.exit(main())
