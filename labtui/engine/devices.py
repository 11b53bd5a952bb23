"""Where trials can train: the devices of this machine, and who gets which share of them.

What is here is found without a framework: the runner must start fast, and the framework lives in
the worker's own environment. A framework that cannot use the device it is given says so
(`Trial.fall_back`).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

MOST_PER_CORE = 8  # beyond that, workers only take turns and memory
MOST_PER_GPU = 64
CPU, CUDA, MPS = "cpu", "cuda", "mps"
VISIBLE = "CUDA_VISIBLE_DEVICES"
PROBE_SECONDS = 10.0  # nvidia-smi takes one to three where the driver has to wake up


class DeviceError(Exception):
    """A device or a number of slots that this machine does not have."""

    exit_code = 2


@dataclass(frozen=True)
class Request:
    """What a study asks of the devices for each of its trials.

    Attributes:
        kind: ``cpu``, ``cuda`` or ``mps``.
        places: The GPUs it may have, ``cuda:0`` …
        count: GPUs a trial, each to itself or shared.
        share: The part of each that one trial takes.
    """

    kind: str
    places: tuple[str, ...] = ()
    count: int = 1
    share: Fraction = Fraction(1)


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def devices() -> tuple[str, ...]:
    """List what this machine can train on, the fastest first: ``cuda:0``, …, ``mps``, ``cpu``."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return (*nvidia_gpus(), *([MPS] if apple else []), CPU)


def nvidia_gpus() -> list[str]:
    """Ask the driver's own tool for its GPUs; none without it, or when it does not answer."""
    lines = [line.strip() for line in _ask_driver("index")]
    return [f"{CUDA}:{line}" for line in lines if line.isdecimal()]


def _ask_driver(fields: str) -> list[str]:
    """Give what `nvidia-smi` says of its GPUs, a line each, numbers without units."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    arguments = [tool, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(
            arguments, capture_output=True, timeout=PROBE_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return found.stdout.splitlines() if found.returncode == 0 else []


@dataclass(frozen=True)
class GpuUse:
    """What a GPU does: `utilization` from 0 to 1 of its recent time, `memory` bytes in use."""

    utilization: float
    memory: int


def gpu_use() -> dict[str, GpuUse]:
    """Ask the driver's own tool what its GPUs do, by name; those that do not say are left out."""
    found = {}
    for line in _ask_driver("index,utilization.gpu,memory.used"):
        values = [part.strip() for part in line.split(",")]
        if len(values) == 3 and all(part.isdecimal() for part in values):
            number, percent, mebibytes = map(int, values)
            found[f"{CUDA}:{number}"] = GpuUse(percent / 100, mebibytes << 20)
    return found


def request(
    device: str | None,
    preferred: Sequence[str],
    *,
    gpus_per_trial: int | None = None,
    trials_per_gpu: int | None = None,
    environment: Mapping[str, str] | None = None,
    found: Sequence[str] | None = None,
) -> Request:
    """Say what the trials of a study need.

    Args:
        device: The study's ``device``: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None for the best
            that the trainer can use.
        preferred: The kinds that the trainer can use, the best first.
        gpus_per_trial: GPUs that each trial gets.
        trials_per_gpu: Trials that share one GPU.
        environment: Its ``CUDA_VISIBLE_DEVICES`` narrows the choice.
        found: What the machine has; asked of it by default, and then only where it matters.

    Raises:
        DeviceError: This machine has not got it; what it has is named.
    """
    if device == CPU or (device is None and tuple(preferred) == (CPU,)):
        _check_shares(CPU, gpus_per_trial, trials_per_gpu)
        return Request(CPU)
    here = list(devices() if found is None else found)
    kind = _kind(device, preferred, here)
    _check_shares(kind, gpus_per_trial, trials_per_gpu)
    if kind != CUDA:
        return Request(kind)
    visible = _visible([name for name in here if name.startswith(CUDA)], environment or {})
    if not visible:
        raise DeviceError(
            f"device: {VISIBLE}={(environment or {}).get(VISIBLE)!r} hides every GPU; "
            "unset it, or say `device: cpu`"
        )
    places = (device,) if device and ":" in device else tuple(visible)
    if not set(places) <= set(visible):
        raise DeviceError(f"device: found {device!r}; {VISIBLE} leaves {', '.join(visible)}")
    count = gpus_per_trial or 1
    if count > len(places):
        raise DeviceError(
            f"gpus_per_trial: found {count}; it could have {len(places)}: {', '.join(places)}"
        )
    return Request(CUDA, places, count, Fraction(1, trials_per_gpu or 1))


def _kind(device: str | None, preferred: Sequence[str], here: Sequence[str]) -> str:
    kinds = [name.partition(":")[0] for name in here]
    if device is None:
        return next((kind for kind in preferred if kind in kinds), CPU)
    if device not in (*here, *kinds):
        raise DeviceError(f"device: found {device!r}; this machine has {', '.join(here)}")
    return device.partition(":")[0]


def _check_shares(kind: str, gpus_per_trial: int | None, trials_per_gpu: int | None) -> None:
    for name, value in (("gpus_per_trial", gpus_per_trial), ("trials_per_gpu", trials_per_gpu)):
        if value is not None and kind != CUDA:
            raise DeviceError(f"{name}: found {value}; this study trains on {kind}: leave it out")
    if trials_per_gpu is not None and trials_per_gpu > MOST_PER_GPU:
        raise DeviceError(f"trials_per_gpu: found {trials_per_gpu}; expected 1 to {MOST_PER_GPU}")


def _visible(gpus: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    value = environment.get(VISIBLE)
    if value is None:
        return list(gpus)
    numbers = [part.strip() for part in value.split(",")]
    if any(part and not part.lstrip("-").isdecimal() for part in numbers):
        raise DeviceError(f"device: found {VISIBLE}={value!r}; expected numbers, as 0,1")
    return [f"{CUDA}:{part}" for part in numbers if f"{CUDA}:{part}" in gpus]


def free_place(wanted: Request, taken: Mapping[str, Fraction]) -> str | None:
    """Choose the least used GPUs that have a share left; None while too few have.

    Args:
        wanted: What one trial needs.
        taken: The part of each device that is in use.

    Returns:
        What the worker sees: ``cpu`` (its slots are the executor's business), ``mps``, ``cuda:1``
        or ``cuda:0,cuda:1``.
    """
    if wanted.kind == CPU:
        return CPU
    names = wanted.places or (MPS,)
    room = [name for name in names if taken.get(name, 0) + wanted.share <= 1]
    if len(room) < wanted.count:
        return None
    room.sort(key=lambda name: taken.get(name, Fraction(0)))
    return ",".join(sorted(room[: wanted.count], key=names.index))


def seen(place: str) -> dict[str, str]:
    """Give the variables by which a worker sees only the GPUs that are its own."""
    if not place.startswith(CUDA):
        return {}
    numbers = ",".join(name.partition(":")[2] for name in place.split(","))
    return {VISIBLE: numbers, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def for_trainer(place: str) -> str:
    """Give the name by which a trainer uses the device: ``cuda`` for whatever GPUs it sees."""
    return CUDA if place.startswith(CUDA) else place


def check_slots(slots: int | None) -> int:
    """Give the number of workers, `slots` or one a core.

    Raises:
        DeviceError: For a number that this machine cannot serve.
    """
    most = MOST_PER_CORE * cores()
    if slots is None:
        return cores()
    if not 1 <= slots <= most:
        raise DeviceError(f"--slots: found {slots}; expected 1 to {most} ({cores()} cores)")
    return slots
