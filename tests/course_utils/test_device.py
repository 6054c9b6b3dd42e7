import pytest
import torch

from course_utils.device import available, pick_device


@pytest.fixture
def machine(monkeypatch):
    """A function that pretends that the machine has CUDA devices and MPS, or not."""
    monkeypatch.delenv("COURSE_DEVICE", raising=False)

    def pretend(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Some GPU")
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(("cuda", "mps", "best"), [(2, True, "cuda"), (0, True, "mps"), (0, False, "cpu")])
def test_the_best_device_is_picked_and_named_in_one_line(machine, capsys, cuda, mps, best):
    machine(cuda, mps)
    assert pick_device() == torch.device(best)
    line = capsys.readouterr().out
    assert line.startswith(f"Device: {best}") and line.count("\n") == 1


def test_quiet_prints_nothing(machine, capsys):
    machine(0, False)
    pick_device(quiet=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wish", ["cpu", "CUDA", "cuda:1"])
def test_the_environment_decides(machine, monkeypatch, capsys, wish):
    machine(2, False)
    monkeypatch.setenv("COURSE_DEVICE", wish)
    assert pick_device() == torch.device(wish.lower())
    assert "COURSE_DEVICE" in capsys.readouterr().out


@pytest.mark.parametrize("wish", ["gpu", "cuda", "cuda:7", "mps", "meta"])
def test_a_wish_that_cannot_be_met_is_an_error_that_names_the_choices(machine, monkeypatch, wish):
    machine(0, False)
    monkeypatch.setenv("COURSE_DEVICE", wish)
    with pytest.raises(ValueError, match=f"COURSE_DEVICE is '{wish}'; this machine has: cpu"):
        pick_device()


def test_every_available_name_works(monkeypatch):
    for name in available():
        monkeypatch.setenv("COURSE_DEVICE", name)
        assert torch.zeros(1, device=pick_device(quiet=True)).item() == 0
