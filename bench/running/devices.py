"""Which device and precision a run was asked for, and whether they are to be had here."""

from __future__ import annotations

from bench.errors import UnknownNameError, UsageError

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true")
"""Lightning's names: what is computed in, and whether the weights stay in 32 bits ("mixed")."""


def resolve_device(device: str) -> str:
    """A torch device: "auto" becomes "cuda" where there is a GPU, else "cpu". Raises UsageError if it is not there."""
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if n_gpus else "cpu"
    known = ["auto", "cpu", *(["cuda"] if n_gpus else []), *(f"cuda:{index}" for index in range(n_gpus))]
    if device not in known:
        raise UsageError(f"--device must be one of those here: {', '.join(known)}. Got '{device}'.")
    return device


def checked_precision(precision: str) -> str:
    """The precision itself. Raises UnknownNameError if Lightning has none of that name."""
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    return precision
