"""Reads a user's file: what is compiled and what is hashed are the same bytes."""

from __future__ import annotations

import difflib
import hashlib
import os
from types import CodeType
from typing import Iterable, NamedTuple


class Source(NamedTuple):
    """A file as it was read.

    Attributes:
        path: Where it lies, with links resolved.
        data: Its bytes.
        sha256: Of these bytes.
    """

    path: str
    data: bytes
    sha256: str

    def compile(self) -> CodeType:
        """Compile these bytes, however the file is edited meanwhile."""
        return compile(self.data, self.path, "exec", dont_inherit=True)


def read(file: str) -> Source:
    """Read `file`, which is relative to the current folder.

    Raises:
        FileNotFoundError: There is none; the nearest name is given.
    """
    path = os.path.realpath(file)
    try:
        with open(path, "rb") as source:
            data = source.read()
    except OSError as error:
        raise FileNotFoundError(f"trainer: {_missing(file, path)}") from error
    return Source(path, data, hashlib.sha256(data).hexdigest())


def nearest(found: str, names: Iterable[str]) -> str:
    """Suggest the one of `names` that was meant, if one is near."""
    close = difflib.get_close_matches(found, sorted(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _missing(file: str, path: str) -> str:
    folder = os.path.dirname(path)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".py")]
    except OSError:
        return f"found no folder {folder}; expected it to hold {os.path.basename(path)}"
    return f"found no file {file!r} in {folder}{nearest(os.path.basename(path), names)}"
