"""Which device a trial gets, and that it leaves torch as it found it."""

from __future__ import annotations

import contextlib
import gc
from typing import Dict, Iterator

import torch

from labtui.trainer.trial import Trial

THREADS = torch.get_num_threads()  # of a process that no trial has touched
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def choose(trial: Trial) -> torch.device:
    """Give the device that the trial asks for; one that torch cannot use becomes the CPU, said."""
    reason = _unusable(trial.device)
    if reason:
        trial.fall_back("cpu", reason)
    return torch.device(trial.device)


def _unusable(name: str) -> str:
    """Say why torch cannot compute on a device; nothing if it can."""
    try:
        torch.zeros(1, device=name).add_(1.0)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return f"torch {torch.__version__} cannot use it ({first.rstrip('.')})"
    return ""


def wait(device: torch.device) -> None:
    """Wait until everything queued on a device was computed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def memory_share(device: torch.device) -> Dict[str, float]:
    """Give ``memory_share``, what Apple's GPU holds of the memory recommended for it (P02).

    Nothing elsewhere: CUDA says itself when it has no more, and the CPU's is the system's to know.
    """
    if device.type != "mps":
        return {}
    recommended = torch.mps.recommended_max_memory()
    return {"memory_share": torch.mps.driver_allocated_memory() / recommended}


@contextlib.contextmanager
def fresh_torch() -> Iterator[None]:
    """Reset what a trial may have changed for the next one in this process, before and after."""
    _reset()
    try:
        yield
    finally:
        _reset()


def _reset() -> None:
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)  # type: ignore[no-untyped-call, unused-ignore]
    torch.set_grad_enabled(True)
    if torch.are_deterministic_algorithms_enabled():  # setting it imports the compiler: 2 s
        torch.use_deterministic_algorithms(False)
    torch.set_num_threads(THREADS)
    # The first trial must not choose the kernels of all others, nor may a choice by time be made.
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def out_of_memory(error: RuntimeError) -> str:
    """Say what memory was missing, if that is what the error is about."""
    text = str(error)
    if any(words in text.lower() for words in _OUT_OF_MEMORY):
        return text.splitlines()[0]
    return ""


def free_memory() -> None:
    """Give back what no tensor uses any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
