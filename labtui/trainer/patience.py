"""Standard streams that wait for a full disk: what a trainer prints neither ends it nor is lost."""

from __future__ import annotations

import io
import time
from typing import Any

from labtui.trainer.checkpoints import DISK_FULL

RETRY_SECONDS = 1.0  # as often as the runner tries to commit


class PatientFile(io.FileIO):
    """A file whose writes take place whole, once there is room for them."""

    def write(self, data: Any) -> int:
        """Write all of `data`; a disk may take a part of it first."""
        left = memoryview(data).cast("B")
        size = len(left)
        while len(left):
            try:
                left = left[super().write(left) or 0 :]
            except OSError as error:
                if error.errno not in DISK_FULL:
                    raise
                time.sleep(RETRY_SECONDS)
        return size


def open_stream(number: int) -> io.TextIOWrapper:
    """Open standard stream `number` anew, unbuffered as a worker's are; its file stays open."""
    raw = PatientFile(number, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)
