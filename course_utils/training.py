"""Training a classifier or a regression on tensors that fit in memory."""

import copy
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from . import progress as progress_bar

Loss = Callable[[Tensor, Tensor], Tensor]
BAR = "{desc} {percentage:3.0f} % |{bar:10}| {elapsed}<{remaining}{postfix}"


@dataclass
class History:
    """What happened in each epoch, one number an epoch.

    train_loss, train_accuracy: mean over the batches as they were trained on, so with the weights still moving.
    val_loss, val_accuracy: after the epoch; empty without validation. Accuracies are fractions in [0, 1], and empty
    where the targets are not class labels. seconds: wall clock of the epoch, validation included.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int:
        """Index (from 0) of the epoch with the lowest validation loss, or training loss if there was no validation."""
        losses = self.val_loss or self.train_loss
        return losses.index(min(losses))


class Diverged(FloatingPointError):
    """The loss became NaN or infinite. `history` holds the epochs before."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    batch_size: int = 64,
    optimizer: torch.optim.Optimizer | None = None,
    lr: float = 1e-3,
    loss: Loss = F.cross_entropy,
    validation: tuple[Tensor, Tensor] | None = None,
    patience: int | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place on inputs x (N, ...) and targets y (N, ...), and return what happened.

    optimizer: made for this model; by default Adam with learning rate `lr`.
    loss: function of (outputs, targets) of a batch that returns their mean loss.
    validation: (x, y) on which loss and accuracy are measured after each epoch.
    patience: stop after so many epochs without a lower validation loss; the best weights are put back.
    schedule: a learning-rate schedule of `optimizer`; takes a step after each epoch.
    augment: function from a batch of inputs to a changed batch.
    seed: of the order of the examples, of dropout and of `augment`. The global random state is left as it was.
    device: where to train, by default where the model is. The model stays there, and in training mode.

    Raises ValueError for arguments that do not fit together, and Diverged if the loss becomes NaN or infinite.
    """
    _check(x, y, epochs, batch_size, validation, patience, optimizer, schedule)
    device = torch.device(device) if device is not None else _device_of(model)
    model.to(device)
    x, y = x.to(device), y.to(device)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=lr)
    history = History()
    best_weights = None
    steps = epochs * math.ceil(len(x) / batch_size)

    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        progress_bar.bar(steps, f"epoch 1/{epochs}", enabled=progress, bar_format=BAR) as bar,
    ):
        torch.manual_seed(seed)
        for epoch in range(epochs):
            start = time.perf_counter()
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            train_loss, train_accuracy = _train_epoch(model, x, y, batch_size, optimizer, loss, augment, bar)
            if not math.isfinite(train_loss):
                raise _diverged(train_loss, epoch, optimizer, history)
            history.train_loss.append(train_loss)
            history.train_accuracy += train_accuracy

            if validation is not None:
                val_loss, val_accuracy = _measure(model, *validation, loss)
                history.val_loss.append(val_loss)
                history.val_accuracy += val_accuracy
            if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                schedule.step((history.val_loss or history.train_loss)[-1])
            elif schedule is not None:
                schedule.step()
            history.seconds.append(time.perf_counter() - start)
            bar.set_postfix_str(_latest(history), refresh=False)

            if patience is not None:
                if history.best_epoch == epoch:
                    best_weights = copy.deepcopy(model.state_dict())
                elif epoch - history.best_epoch >= patience:
                    bar.set_postfix_str(
                        f"{_latest(history)}; stopped, best epoch {history.best_epoch + 1}", refresh=False
                    )
                    break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return history


def _train_epoch(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    augment: Callable[[Tensor], Tensor] | None,
    bar: "tqdm[Any]",
) -> tuple[float, list[float]]:
    """One pass over all rows in random order. Returns the mean loss, and [accuracy] or []."""
    model.train()
    total, correct = torch.zeros(2, device=x.device)  # tensors, so that a GPU need not wait for each number
    for rows in torch.randperm(len(x)).to(x.device).split(batch_size):
        inputs = x[rows] if augment is None else augment(x[rows])
        outputs = model(inputs)
        batch_loss = loss(outputs, y[rows])
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()

        total += batch_loss.detach() * len(rows)
        if _are_labels(y):
            correct += (outputs.argmax(dim=1) == y[rows]).float().mean() * len(rows)
        bar.update()
    return total.item() / len(x), [correct.item() / len(x)] if _are_labels(y) else []


@torch.no_grad()
def predict(model: nn.Module, x: Tensor, batch_size: int = 1000) -> Tensor:
    """Outputs of the model in evaluation mode, (N, ...) on the CPU. The model's mode and device stay as they were."""
    device, was_training = _device_of(model), model.training
    model.eval()
    try:
        return torch.cat([model(part.to(device)).cpu() for part in x.split(batch_size)])
    finally:
        model.train(was_training)


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Fraction in [0, 1] of the rows x (N, ...) whose largest output is at the label y (N,)."""
    _check_lengths(x, y, "x", "y")
    return (predict(model, x).argmax(dim=1) == y.cpu()).double().mean().item()


def evaluate(model: nn.Module, x: Tensor, y: Tensor, loss: Loss = F.cross_entropy) -> tuple[float, float]:
    """(mean loss, accuracy) in evaluation mode; the accuracy is NaN where y are not class labels."""
    mean_loss, share = _measure(model, x, y, loss)
    return mean_loss, share[0] if share else math.nan


def _measure(model: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> tuple[float, list[float]]:
    """Mean loss, and [accuracy] or [], in evaluation mode."""
    _check_lengths(x, y, "x", "y")
    outputs, y = predict(model, x), y.cpu()
    share = [(outputs.argmax(dim=1) == y).double().mean().item()] if _are_labels(y) else []
    return loss(outputs, y).item(), share


def _are_labels(y: Tensor) -> bool:
    return not y.is_floating_point()


def _device_of(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _latest(history: History) -> str:
    """The last epoch in words, for the progress bar."""
    words = f"loss {history.train_loss[-1]:.4f}"
    words += "".join(f", accuracy {100 * value:.1f} %" for value in history.train_accuracy[-1:])
    words += "".join(f"; validation {value:.4f}" for value in history.val_loss[-1:])
    words += "".join(f", {100 * value:.1f} %" for value in history.val_accuracy[-1:])
    return words


def _diverged(value: float, epoch: int, optimizer: torch.optim.Optimizer, history: History) -> Diverged:
    rate = optimizer.param_groups[0]["lr"]
    return Diverged(
        f"the training loss became {value} in epoch {epoch + 1}: the steps were too long and the numbers overflowed, "
        f"or the loss took log(0) or 0/0. Try a smaller learning rate ({rate / 10:g} in place of {rate:g}), or a loss "
        "that works on logits.",
        history,
    )


def _check(
    x: Tensor,
    y: Tensor,
    epochs: int,
    batch_size: int,
    validation: tuple[Tensor, Tensor] | None,
    patience: int | None,
    optimizer: torch.optim.Optimizer | None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None,
) -> None:
    _check_lengths(x, y, "x", "y")
    if not torch.isfinite(x).all():
        raise ValueError("x holds NaN or infinite values.")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, not {epochs} and {batch_size}.")
    if validation is not None:
        _check_lengths(*validation, "the validation x", "y")
    if patience is not None and validation is None:
        raise ValueError("patience needs validation=(x, y): early stopping looks at the validation loss.")
    if schedule is not None and (optimizer is None or schedule.optimizer is not optimizer):
        raise ValueError("schedule needs the optimizer that it was made for: pass optimizer= too.")


def _check_lengths(x: Tensor, y: Tensor, x_name: str, y_name: str) -> None:
    if len(x) != len(y):
        raise ValueError(f"{x_name} has {len(x):,} rows and {y_name} has {len(y):,}; each row needs one target.")
    if len(x) == 0:
        raise ValueError(f"{x_name} has no rows.")
