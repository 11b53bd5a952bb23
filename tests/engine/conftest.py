"""Every test of the engine has a lab of its own, and leaves no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from labtui.store.paths import LabPaths
from tests.support.engine import processes


@pytest.fixture
def paths(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    yield paths
    deadline = time.monotonic() + 5
    while (left := processes(paths)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"left running: {left}"
