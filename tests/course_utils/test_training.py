import math
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import training
from course_utils.training import Diverged, History, fit


def blobs(n=200, seed=0):
    """Two classes, one on each side of the plane: x (n, 2), y (n,)."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    x = torch.randn(n, 2, generator=generator) + 4 * y.unsqueeze(1) - 2
    return x, y


def linear(seed=0, inputs=2, outputs=2):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs)


def test_fit_is_the_textbook_loop():
    """The same order, the same updates: against a loop that spells out each step."""
    x, y = blobs(50)
    model, twin = linear(), linear()
    history = fit(
        model, x, y, epochs=3, batch_size=16, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), progress=False
    )
    torch.manual_seed(0)
    losses = []
    for _ in range(3):
        total = 0.0
        for rows in torch.randperm(50).split(16):
            loss = F.cross_entropy(twin(x[rows]), y[rows])
            gradients = torch.autograd.grad(loss, list(twin.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(twin.parameters(), gradients, strict=True):
                    parameter -= 0.1 * gradient
            total += loss.item() * len(rows)
        losses.append(total / 50)
    assert history.train_loss == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(model.weight, twin.weight)


def test_history_has_one_entry_an_epoch():
    x, y = blobs()
    history = fit(linear(), x, y, epochs=4, lr=0.05, validation=blobs(seed=1), progress=False)
    assert len(history) == 4
    assert [len(values) for values in vars(history).values()] == [4] * 5
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.val_accuracy[-1] > 0.95
    assert all(seconds > 0 for seconds in history.seconds)


def test_train_accuracy_is_the_share_of_right_answers():
    x, y = torch.eye(4), torch.tensor([0, 1, 2, 0])
    model = nn.Linear(4, 4, bias=False)
    model.weight.data = torch.eye(4)
    # A learning rate of 0 leaves the identity, which is right for three of the four rows. Batches of 3 and 1.
    history = fit(model, x, y, epochs=1, batch_size=3, lr=0.0, progress=False)
    assert history.train_accuracy == [0.75]


def test_without_validation_the_lists_stay_empty():
    history = fit(linear(), *blobs(), epochs=2, progress=False)
    assert history.val_loss == [] and history.val_accuracy == []


def test_regression_has_no_accuracy():
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    model = linear(inputs=1, outputs=1)
    history = fit(
        model,
        x,
        3 * x + 1,
        epochs=60,
        batch_size=8,
        lr=0.05,
        loss=F.mse_loss,
        validation=(x, 3 * x + 1),
        progress=False,
    )
    assert history.train_accuracy == [] and history.val_accuracy == []
    assert history.val_loss[-1] < 1e-3
    assert math.isnan(training.evaluate(model, x, 3 * x + 1, F.mse_loss)[1])


def with_dropout():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def noise(inputs):
    return inputs + 0.1 * torch.randn_like(inputs)


def test_the_same_seed_gives_the_same_history_another_seed_another():
    x, y = blobs()
    runs = [fit(with_dropout(), x, y, epochs=2, seed=seed, augment=noise, progress=False) for seed in (1, 1, 2)]
    assert runs[0].train_loss == runs[1].train_loss
    assert runs[0].train_loss != runs[2].train_loss


def test_the_global_random_state_is_left_alone():
    """Else models that are made after each `fit` with the same seed, a committee say, would all start alike."""
    (x, y), model = blobs(), with_dropout()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(model, x, y, epochs=1, augment=noise, progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_augment_changes_what_the_model_sees_and_nothing_else():
    x, y = blobs()
    seen = []

    def augment(batch):
        seen.append(batch.clone())
        return torch.zeros_like(batch)

    model = linear()
    before, original = model.weight.clone(), x.clone()
    fit(model, x, y, epochs=1, augment=augment, validation=(x, y), progress=False)
    assert sum(len(batch) for batch in seen) == len(x)  # training rows only, each once
    assert torch.equal(model.weight, before)  # zeros give a weight no gradient
    assert torch.equal(x, original)


def test_training_is_in_training_mode_and_validation_in_evaluation_mode():
    x, y = blobs(64)
    model = with_dropout().eval()
    modes = []
    model.register_forward_hook(lambda module, inputs, output: modes.append(module.training))
    fit(model, x, y, epochs=2, batch_size=32, validation=(x, y), progress=False)
    assert modes == [True, True, False, True, True, False]


class Scripted(nn.Module):
    """Its validation loss follows a script: each training epoch moves on by one, in the state that is saved."""

    def __init__(self, script):
        super().__init__()
        self.script = script
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("epoch", torch.tensor(-1))

    def forward(self, x):
        if self.training:
            self.epoch += 1
            return x * self.weight
        return torch.full_like(x, self.script[int(self.epoch)])


def scripted(script, patience):
    model = Scripted(script)
    x = torch.zeros(8, 1)
    history = fit(
        model, x, x, epochs=len(script), batch_size=8, loss=lambda outputs, targets: (outputs - targets).mean(),
        validation=(x, x), patience=patience, progress=False,
    )  # fmt: skip
    return model, history


def test_early_stopping_stops_after_patience_and_restores_the_best_weights():
    model, history = scripted([5.0, 3.0, 2.0, 4.0, 2.5, 1.0], patience=2)
    assert history.val_loss == [5.0, 3.0, 2.0, 4.0, 2.5]
    assert history.best_epoch == 2 and int(model.epoch) == 2


def test_patience_outlasts_a_shorter_rise():
    model, history = scripted([5.0, 6.0, 4.0, 6.0, 3.0, 7.0], patience=2)
    assert len(history) == 6
    assert history.best_epoch == 4 and int(model.epoch) == 4  # the best weights, although nothing stopped it


def test_schedule_steps_once_an_epoch():
    x, y = blobs()
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    fit(model, x, y, epochs=3, optimizer=optimizer, schedule=schedule, progress=False)
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_schedule_on_a_plateau_sees_the_validation_loss():
    x = torch.zeros(4, 1)
    model = Scripted([5.0, 4.0, 4.5])
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.1)
    fit(
        model, x, x, epochs=3, loss=lambda outputs, targets: (outputs - targets).mean(),
        optimizer=optimizer, schedule=schedule, validation=(x, x), progress=False,
    )  # fmt: skip
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_divergence_stops_with_one_message_and_the_history():
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    model = linear(inputs=1, outputs=1)
    with pytest.raises(
        Diverged, match=r"became (nan|inf) in epoch \d+.*smaller learning rate \(10 in place of 100\)"
    ) as e:
        fit(
            model, x, x, epochs=200, loss=F.mse_loss, progress=False,
            optimizer=torch.optim.SGD(model.parameters(), lr=100.0),
        )  # fmt: skip
    assert 0 < len(e.value.history) < 200
    assert all(math.isfinite(value) for value in e.value.history.train_loss)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": torch.zeros(9, dtype=torch.long)}, "x has 10 rows and y has 9"),
        ({"x": torch.zeros(0, 2), "y": torch.zeros(0)}, "x has no rows"),
        ({"x": torch.full((10, 2), math.nan)}, "x holds NaN"),
        ({"validation": (torch.zeros(4, 2), torch.zeros(5))}, "validation x has 4 rows and y has 5"),
        ({"patience": 3}, "patience needs validation"),
        ({"epochs": 0}, "epochs and batch_size must be at least 1"),
        ({"batch_size": 0}, "epochs and batch_size must be at least 1"),
    ],
)
def test_arguments_that_do_not_fit_together(change, message):
    arguments = {"x": torch.zeros(10, 2), "y": torch.zeros(10, dtype=torch.long), "epochs": 1, "progress": False}
    with pytest.raises(ValueError, match=message):
        fit(linear(), **(arguments | change))


def test_schedule_of_another_optimizer_is_refused():
    model = linear()
    one, other = (torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2))
    schedule = torch.optim.lr_scheduler.StepLR(one, 1)
    for optimizer in (None, other):
        with pytest.raises(ValueError, match="schedule needs the optimizer"):
            fit(model, *blobs(), epochs=1, optimizer=optimizer, schedule=schedule, progress=False)


def test_predict_uses_evaluation_mode_in_parts_and_puts_the_mode_back():
    model = with_dropout()
    x, _ = blobs(25)
    parts = []
    model.register_forward_hook(lambda module, inputs, output: parts.append((len(output), module.training)))
    for mode in (True, False):
        model.train(mode)
        first, second = training.predict(model, x, batch_size=10), training.predict(model, x)
        torch.testing.assert_close(first, second)
        assert model.training is mode
    assert parts[:4] == [(10, False), (10, False), (5, False), (25, False)]
    assert not first.requires_grad


def test_predict_puts_the_mode_back_after_an_error():
    model = with_dropout().train()
    with pytest.raises(RuntimeError):
        training.predict(model, torch.zeros(3, 7))
    assert model.training


def test_accuracy_and_evaluate():
    model = nn.Linear(3, 3, bias=False)
    model.weight.data = 10 * torch.eye(3)
    x, y = torch.eye(3)[[0, 1, 2, 2]], torch.tensor([0, 1, 2, 0])
    assert training.accuracy(model, x, y) == 0.75
    loss, accuracy = training.evaluate(model, x, y, F.cross_entropy)
    assert accuracy == 0.75
    assert loss == pytest.approx(F.cross_entropy(10 * x, y).item())
    with pytest.raises(ValueError, match="4 rows and y has 3"):
        training.accuracy(model, x, y[:3])


def test_best_epoch_is_of_the_validation_loss_or_else_of_the_training_loss():
    assert History(train_loss=[3, 2, 1], val_loss=[2, 1, 3]).best_epoch == 1
    assert History(train_loss=[3, 1, 2]).best_epoch == 1


def test_seed_everything():
    import random

    import numpy as np

    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    training.seed_everything(7)
    first = draws()
    training.seed_everything(7)
    assert draws() == first
    training.seed_everything(8)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_progress_is_one_line_and_silent_when_off(capsys, monkeypatch):
    fit(linear(), *blobs(), epochs=2)
    assert capsys.readouterr().err == "", "no terminal, so no bar: a log file should not fill with it"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit(linear(), *blobs(), epochs=2, validation=blobs(seed=1), progress=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    fit(linear(), *blobs(), epochs=2, validation=blobs(seed=1))
    last = capsys.readouterr().err.rstrip().split("\r")[-1]
    assert "epoch 2/2" in last and "100 %" in last and "; validation " in last


def test_importing_training_does_not_import_widgets():
    """tqdm.auto would, and warns where it finds none."""
    import subprocess

    code = "import sys, course_utils.training; sys.exit('ipywidgets' in sys.modules or 'tqdm.notebook' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], timeout=120).returncode == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_fit_on_cuda():
    model = linear()
    history = fit(model, *blobs(), epochs=3, lr=0.05, device="cuda", validation=blobs(seed=1), progress=False)
    assert history.val_accuracy[-1] > 0.9
    assert training.predict(model, blobs()[0]).device.type == "cpu"
