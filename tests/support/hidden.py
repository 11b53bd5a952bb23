"""Metrics of the test set with a value that is known wherever it is seen."""

from __future__ import annotations

import re
import struct

from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

SECRET = 7.7777e77
_WRITTEN = re.compile(rb"(?<![0-9a-f])[0-9.]+e\+?77(?![0-9a-f])")
_STORED = struct.pack(">d", SECRET)


def is_seen(text: bytes) -> bool:
    """Say whether the value is in it, however many of its digits are shown, or as SQLite has it."""
    return bool(_WRITTEN.search(text)) or _STORED in text


NAMES = ("test/error_rate", "TEST/Odd", "test/loss")


def add_test_metrics(paths: LabPaths, study: str) -> None:
    """Log metrics of the test set in every trial of a study, out of all bounds."""
    with Writer(paths) as writer:
        rows = writer.connection.execute(
            "SELECT t.id FROM trials t JOIN studies s ON s.id = t.study WHERE s.name = ?", (study,)
        ).fetchall()
        for (trial,) in rows:
            writer.watch(trial, "validation/error_rate", minimize=True)
            for name in NAMES:
                writer.add_points(trial, [(name, 500, SECRET), (name, 1000, SECRET)])
        writer.commit()
