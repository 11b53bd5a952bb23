"""Files for other programs: refused where one is, and otherwise there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from labtui.store.errors import LabBroken, LabError

FULL = {
    errno.ENOSPC: "make room, or name a place that has some",
    errno.EDQUOT: "make room within the quota, or name a place without one",
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f` shows it)",
}
"""What to do where a file does not fit."""


class TargetRefused(LabError):
    """The place to write to is taken, or is none."""

    exit_code = 2


def check_target(path: Path, *, force: bool, source: Path | None = None) -> None:
    """Refuse a target that is no ordinary file, or that exists unless `force` is given.

    Args:
        path: Where to write.
        force: Whether a file may be replaced.
        source: The lab that is read: it is never replaced.

    Raises:
        TargetRefused: It cannot be written to, or would be overwritten.
    """
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise TargetRefused(f"{path} is what is exported; expected the name of another file")
    if path.is_dir():
        raise TargetRefused(f"{path} is a directory; expected the name of a file to write")
    if path.exists() and not path.is_file():
        raise TargetRefused(
            f"{path} is no ordinary file; expected the name of a file, or - (stdout)"
        )
    above = next((folder for folder in path.parents if folder.exists()), path.parent)
    if above.exists() and not above.is_dir():
        raise TargetRefused(f"{above} is a file; expected a folder, or the name of a new one")
    if not force and (path.exists() or path.is_symlink()):
        raise TargetRefused(f"{path} exists and was left as it is; --force replaces it")


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Give the path of an empty file beside `path`, to be filled by a library that takes paths.

    It is synced and renamed at the end, so that nobody sees half a file; on an error it goes, and
    what was at `path` stays. Folders are created.

    Raises:
        LabBroken: The disk failed, or the place cannot be written to.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        _rename(temporary, path)
        temporary = None
    except OSError as error:
        advice = f"; {FULL[error.errno]}" if error.errno in FULL else ""
        said = error.strerror or str(error)
        raise LabBroken(f"{path}: {said}; nothing was written there{advice}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of `path` when the block ends well.

    UTF-8, line ends as they are written; a lone surrogate becomes an escape.

    Raises:
        LabBroken: The disk failed, or the place cannot be written to.
    """
    with (
        replacing_path(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        yield stream


def _sync(path: Path) -> None:
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except PermissionError as error:
        # Where a program that has a file open keeps others from replacing it.
        if not path.exists():
            raise
        raise LabBroken(
            f"{path}: it cannot be replaced; close the program that has it open, or choose another "
            "name; it is as it was"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
