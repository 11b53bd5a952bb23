"""Which device a trial gets, and what MLX says when its memory is full."""

from __future__ import annotations

from typing import Dict

import mlx.core as mx

from labtui.trainer.trial import Trial

_OUT_OF_MEMORY = (
    "unable to allocate",
    "attempting to allocate",
    "insufficient memory",
    "bad_alloc",
)


def choose(trial: Trial) -> bool:
    """Compute on the trial's device from here on; say whether it is a GPU.

    ``mps`` is Apple's GPU. What MLX cannot use becomes the CPU, and the trial says so.
    """
    gpu = trial.device == "mps" and mx.metal.is_available()
    if not gpu and trial.device != "cpu":
        found = "no Metal device" if trial.device == "mps" else f"device {trial.device!r}"
        trial.fall_back("cpu", f"found {found}; MLX {mx.__version__} trains on mps or cpu here")
    mx.set_default_device(mx.gpu if gpu else mx.cpu)
    return bool(gpu)


def memory_share(gpu: bool) -> Dict[str, float]:
    """Give ``memory_share``, what Apple's GPU holds of the memory recommended for it (P02)."""
    if not gpu:
        return {}
    info = mx.device_info() if hasattr(mx, "device_info") else mx.metal.device_info()
    return {"memory_share": mx.get_active_memory() / info["max_recommended_working_set_size"]}


def out_of_memory(error: BaseException) -> str:
    """Say what memory was missing, if that is what the error is about."""
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY):
        return (text.splitlines() or ["of MLX"])[0]
    return ""
