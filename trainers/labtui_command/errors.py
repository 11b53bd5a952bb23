"""What is wrong with a command, with what its program reported, or with how it ended."""

from __future__ import annotations

import difflib
from typing import Iterable


class CommandError(Exception):
    """Ends a trial as failed; the message is for the person who wrote the command."""

    @property
    def detail(self) -> str:
        """What is kept in the place of a traceback, which would show labtui's lines alone."""
        return str(self)


def nearest(found: str, names: Iterable[str]) -> str:
    """Give ``; did you mean 'x'?`` for the name that is most like `found`, or nothing."""
    close = difflib.get_close_matches(found, sorted(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
