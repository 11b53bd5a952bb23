"""What is wrong with a command, with what its program reported, or with how it ended."""

from __future__ import annotations

import difflib
from typing import Iterable

from labtui.trainer.trial import Failed


class CommandError(Failed):
    """Ends a trial as failed; the message is for the person who wrote the command."""


def nearest(found: str, names: Iterable[str]) -> str:
    """Give ``; did you mean 'x'?`` for the name that is most like `found`, or nothing."""
    close = difflib.get_close_matches(found, sorted(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
