"""The keys of every screen whose study can be resumed or stopped."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, key, keys

KEYS = (
    *keys(
        "running",
        DECIDE,
        key(
            "resume",
            "R",
            "resume",
            "run",
            "Train the study further: one that was stopped, interrupted, or waits for a runner",
            rank=30,
            twin="labtui run NAME",
        ),
        key(
            "stop",
            "S",
            "stop",
            "stop",
            "Stop the study; says what follows, and asks",
            rank=31,
            twin="labtui stop NAME",
        ),
    ),
)
"""In the order of the help."""
