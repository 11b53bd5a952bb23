"""The keys of every screen whose subject can be noted and tagged."""

from __future__ import annotations

from labtui.tui.keys import WRITE, key, keys

KEYS = (
    *keys(
        "remark",
        WRITE,
        key(
            "note",
            "N",
            "note",
            "note",
            "Write a note on what is under the cursor, else on what is shown; long ones in $EDITOR",
            rank=78,
            twin="labtui note NAME TEXT",
        ),
        key(
            "tags",
            "t",
            "tags",
            "tags",
            "Give it tags, or take them away",
            rank=79,
            twin="labtui note NAME --tag TAG",
        ),
    ),
)
"""In the order of the help."""
