"""Labs that older labtuis wrote (`tests/data/labs`)."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from labtui.store import schema
from labtui.store.paths import LabPaths

FOLDER = Path(__file__).parents[1] / "data" / "labs"
OLD_VERSIONS = range(1, len(schema.MIGRATIONS))
"""Every version of a lab but the present one; a file of each is kept."""


def old_lab(folder: Path, version: int) -> LabPaths:
    """Put a lab of an older version in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = LabPaths(folder / "lab.db")
    with gzip.open(FOLDER / f"version_{version}.db.gz") as packed, paths.db.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return paths
