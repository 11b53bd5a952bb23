"""Where a lab is, and what lies beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from labtui.store.errors import NoLab

NAME = "lab.db"
VARIABLE = "LABTUI_LAB"


@dataclass(frozen=True)
class LabPaths:
    """The files of one lab: `db` as the user named it, resolved, and its neighbours."""

    db: Path

    def inode(self) -> tuple[int, int] | None:
        """Tell the file at the lab's path from any other; None where there is none."""
        try:
            found = os.stat(self.db)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @cached_property
    def files(self) -> Path:
        """The folder beside the lab: ``lab.files`` for ``lab.db``."""
        return self.db.with_name(self.db.stem + ".files")

    @cached_property
    def lock(self) -> Path:
        """The file whose lock makes its holder the writer; never the database itself."""
        return self.db.with_name(self.db.stem + ".lock")

    @cached_property
    def inbox(self) -> Path:
        """Requests to a living runner."""
        return self.files / "inbox"

    @cached_property
    def logs(self) -> Path:
        """What trials and runners print."""
        return self.files / "logs"

    @cached_property
    def checkpoints(self) -> Path:
        """One folder a trial."""
        return self.files / "checkpoints"

    def checkpoint_folder(self, trial: int) -> Path:
        """The folder of one trial's checkpoints, named by id so that no name can escape."""
        return self.checkpoints / f"t{trial}"

    def trial_log(self, trial: int) -> Path:
        """What one trial printed."""
        return self.logs / f"t{trial}.log"

    def open_log(self, name: str) -> BinaryIO:
        """Open a file of the logs to append to it, readable by its owner alone."""

        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.logs / name, "ab", opener=private)

    def make_folders(self) -> None:
        """Create the folders, readable by their owner alone."""
        made = not self.checkpoints.is_dir()
        for folder in (self.files, self.inbox, self.logs, self.checkpoints):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if made and os.name != "nt":  # a checkpoint is not lost with the folder that it is in
            for folder in (self.db.parent, self.files):
                handle = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)


def find_lab(
    named: Path | None, environment: Mapping[str, str] = os.environ, *, folder: Path | None = None
) -> LabPaths:
    """Find the lab: as named, else by ``$LABTUI_LAB``, else the nearest ``lab.db`` upwards.

    Args:
        named: The value of ``--lab``.
        environment: Where ``LABTUI_LAB`` is looked up.
        folder: Where the search starts; the current folder by default.

    Returns:
        Its paths; the file itself need not exist: without any, ``lab.db`` in `folder`.
    """
    if named is not None:
        return LabPaths(_resolved(named))
    if environment.get(VARIABLE):
        return LabPaths(_resolved(Path(environment[VARIABLE])))
    start = (folder or Path.cwd()).resolve()
    for place in (start, *start.parents):
        if (place / NAME).is_file():
            return LabPaths(place / NAME)
    return LabPaths(start / NAME)


def _resolved(path: Path) -> Path:
    try:
        path = path.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise NoLab(f"{path}: {error}; expected the path of a lab file") from error
    if path.is_dir():
        raise NoLab(f"{path} is a directory; expected a lab file, e.g. {path / NAME}")
    return path
