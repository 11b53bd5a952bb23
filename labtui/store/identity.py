"""Who a process is, so that its death is known by identity and never by age."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Identity:
    """A process on a machine: unique across reboots and reused process numbers.

    Attributes:
        machine: The machine's own id; a lab on a shared disk may be held from elsewhere.
        boot: Id of the machine's current boot.
        pid: Process number.
        started: Start time of the process, as the system states it.
    """

    machine: str
    boot: str
    pid: int
    started: str

    def is_alive(self) -> bool | None:
        """Say whether this very process runs; None when it is another machine's."""
        if self.machine != machine_id():
            return None
        return self.boot == boot_id() and start_time(self.pid) == self.started

    def to_json(self) -> dict[str, Any]:
        """Give the fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Identity:
        """Read what `to_json` gave."""
        return cls(str(data["machine"]), str(data["boot"]), int(data["pid"]), str(data["started"]))


def own_identity() -> Identity:
    """Identify this process."""
    pid = os.getpid()
    return Identity(machine_id(), boot_id(), pid, start_time(pid) or "")


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def machine_id() -> str:
    """Identify the machine, the container too where one shares its host's id."""
    found = _read("/etc/machine-id") or _read("/var/lib/dbus/machine-id")
    return f"{found or uuid.getnode()}:{platform.node()}"


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Identify the current boot."""
    found = _read("/proc/sys/kernel/random/boot_id")
    if not found and sys.platform == "darwin":
        found = _command("sysctl", "-n", "kern.boottime")
    return found


def start_time(pid: int) -> str | None:
    """Give the start time of a living process; None for one that is gone or only a zombie."""
    if sys.platform.startswith("linux"):
        stat = _read(f"/proc/{pid}/stat")
        fields = stat.rpartition(")")[2].split()
        if not fields or fields[0] in "ZX":
            return None
        return fields[19]
    if os.name == "nt":  # pragma: no cover - no cheap start time there
        return _exists(pid)
    return _command("ps", "-o", "lstart=", "-p", str(pid)) or None


def is_stopped(pid: int) -> bool:
    """Say whether a process stands still by a signal (Linux; elsewhere it never counts as that)."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[:1] == ["T"]


def _exists(pid: int) -> str | None:  # pragma: no cover
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return "alive"


def _command(*arguments: str) -> str:  # pragma: no cover - macOS
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return result.stdout.strip()
