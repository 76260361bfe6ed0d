"""How jobs are run: device, precision, threads; and whether what was asked for is to be had here."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import UnknownNameError, UsageError

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true")
"""Lightning's names: what is computed in, and whether the weights stay in 32 bits ("mixed")."""


@dataclass(frozen=True)
class Settings:
    """How jobs are run. They are part of the key: each may change the last bits of a result.

    device: "cpu", "cuda", …; precision: as in Lightning; threads: of one job.
    """

    device: str = "cpu"
    precision: str = "32-true"
    threads: int = 1


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


def checked_precision(precision: str, device: str) -> str:
    """The precision itself. Raises UsageError if Lightning has none of that name, or the device does not have it."""
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    if precision == "16-mixed" and device == "cpu":
        raise UsageError("--precision 16-mixed needs a GPU: a CPU would silently compute in bf16. Use bf16-mixed.")
    return precision
