"""Where tensors live: one choice, made in one place."""

import os

import torch


def pick_device(quiet: bool = False) -> torch.device:
    """The device to compute on: CUDA, else Apple's MPS, else the CPU; prints one line unless `quiet`.

    The environment variable COURSE_DEVICE ("cpu", "cuda", "cuda:1", "mps") overrides the choice.
    Raises ValueError if it names no device, or one that this machine does not have.
    """
    wish = os.environ.get("COURSE_DEVICE", "").strip().lower()
    if wish:
        device = _wanted(wish)
    elif torch.cuda.is_available():
        device = torch.device("cuda")
    elif torch.backends.mps.is_available():
        device = torch.device("mps")
    else:
        device = torch.device("cpu")
    if not quiet:
        print(f"Device: {_describe(device)}" + (" (chosen by COURSE_DEVICE)" if wish else ""))
    return device


def available() -> list[str]:
    """Names that COURSE_DEVICE may have on this machine, the best first."""
    cuda = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def _wanted(wish: str) -> torch.device:
    if wish not in available():
        raise ValueError(f"COURSE_DEVICE is {wish!r}; this machine has: {', '.join(available())}. "
                         "Set it to one of these, or unset it, and restart the kernel.")
    return torch.device(wish)


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        return "cpu, 1 thread" if torch.get_num_threads() == 1 else f"cpu, {torch.get_num_threads()} threads"
    return str(device)
