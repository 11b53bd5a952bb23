"""Where trials can train: devices of this machine, and how many workers share it."""

from __future__ import annotations

import os

MOST_PER_CORE = 8  # beyond that, workers only take turns and memory


class DeviceError(Exception):
    """A device or a number of slots that this machine does not have."""

    exit_code = 2


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def devices() -> list[str]:
    """List what this labtui can train on."""
    return ["cpu"]


def check_device(device: str | None) -> str:
    """Give the device to train on, `device` or the default.

    Raises:
        DeviceError: It does not exist here; those that do are named.
    """
    found = devices()
    if device is None:
        return found[0]
    if device not in found:
        raise DeviceError(f"device: found {device!r}; expected one of {', '.join(found)}")
    return device


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
