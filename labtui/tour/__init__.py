"""The bundled lab: studies that were run for people who look around (docs/tour.py made them)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from labtui.store.errors import LabBroken, LabError
from labtui.store.lock import WriterLock
from labtui.store.paths import NAME, LabPaths, find_lab

BUNDLE = Path(__file__).with_name("lab.db.xz")
TOUR = "LABTUI_TOUR"
"""The environment variable that names the tour's folder."""

SETTLE = (
    "UPDATE studies SET folder = :folder, interpreter = :interpreter "
    "WHERE json_extract(provenance, '$.import') IS NULL",
    "UPDATE baselines SET configuration = json_set(configuration, '$.folder', :folder)",
)
"""What follows a study or a baseline trains here, with the Python that runs this."""


class NotTheTour(LabError):
    """There is a lab of a person's own where the tour is to be."""

    exit_code = 2


def tour_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the folder in which the tour stays: ``$LABTUI_TOUR``, else where programs keep state."""
    named = environment.get(TOUR)
    if named:
        return Path(named).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "labtui" / "tour"
    state = environment.get("XDG_STATE_HOME") or ""
    above = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return above / "labtui" / "tour"


def tour_paths(named: Path | None = None) -> LabPaths:
    """Give where the tour's lab is, or will be.

    Args:
        named: Another file for it.

    Raises:
        NoLab: It is a folder.
    """
    return find_lab(named if named is not None else tour_folder() / NAME)


def open_tour(named: Path | None = None, *, fresh: bool = False) -> LabPaths:
    """Give a lab of the tour that can be written: the one there, else a copy of the bundled one.

    Args:
        named: Another place for it.
        fresh: Throw away what was done in it.

    Raises:
        NotTheTour: Something else is there.
        LabHeld: It is to be thrown away while a runner trains in it.
        LabBroken: Nothing can be written there.
    """
    paths = tour_paths(named)
    if paths.db.exists() and not is_tour(paths):
        raise NotTheTour(
            f"{paths.db} is there and is not the tour's; "
            f"name another place: labtui tour --lab PATH, or ${TOUR}"
        )
    if paths.db.exists() and not fresh:
        return paths
    try:
        paths.db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with WriterLock(paths.lock, "command"):
            _clear(paths)
            _copy(paths)
    except OSError as error:
        raise LabBroken(
            f"{error.filename or paths.db}: {error.strerror or error}; "
            f"name a place that can be written: labtui tour --lab PATH, or ${TOUR}"
        ) from error
    return paths


def is_tour(paths: LabPaths) -> bool:
    """Say whether a lab is a copy of the bundled one, and no lab of a person's own."""
    return _mark(paths).is_file()


def _mark(paths: LabPaths) -> Path:
    return paths.files / "tour"


def _clear(paths: LabPaths) -> None:
    """Remove a lab of the tour, and what lies beside it."""
    for end in ("", "-wal", "-shm"):
        paths.db.with_name(paths.db.name + end).unlink(missing_ok=True)
    shutil.rmtree(paths.files, ignore_errors=True)


def _copy(paths: LabPaths) -> None:
    """Unpack the bundled lab beside its place, settle it here, and put it there whole."""
    import lzma  # here, because the app asks this module at its start

    paths.make_folders()
    handle, name = tempfile.mkstemp(prefix=".tour-", dir=paths.db.parent)
    try:
        with open(handle, "wb") as file:
            file.write(lzma.decompress(BUNDLE.read_bytes()))
        with closing(sqlite3.connect(name, isolation_level=None)) as connection:
            here = {"folder": str(paths.db.parent), "interpreter": sys.executable}
            for statement in SETTLE:
                connection.execute(statement, here)
            connection.execute("PRAGMA journal_mode = WAL")
        _mark(paths).touch()
        os.replace(name, paths.db)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
