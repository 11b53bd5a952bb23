"""Anything as input: no traceback, nothing raw on a screen, no file elsewhere (`make fuzz`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FUZZING = "LABTUI_FUZZ" in os.environ
"""Whether this is `make fuzz`, which takes its time."""
EXAMPLES = int(os.environ.get("LABTUI_FUZZ", "60"))
"""Examples of a test: few and always the same in `make test`, as many as are asked for else."""


def fuzzed(share: float = 1.0):
    """Give the settings of a test whose examples cost more (a share below 1) or less than most."""
    return settings(
        max_examples=max(2, int(EXAMPLES * share)),
        derandomize=not FUZZING,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
