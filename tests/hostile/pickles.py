"""Checkpoints that are whole by their manifest, and whose state would run something."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labtui.trainer.checkpoints import DATA, MANIFEST, is_whole
from labtui.trainer.testing import Case, record


def resume_from(case: Case, folder: Path, state: bytes) -> None:
    """Train, put `state` in the place of what was saved, and go on: it is refused, and runs not.

    Args:
        case: What to train.
        folder: An empty one.
        state: A file that would touch ``pwned`` if it were unpickled.
    """
    first = record(case, str(folder / "first"), stop_at=case.eval_every + 1)
    step, place = max(first.checkpoints.items())
    good = Path(place, DATA).read_bytes()
    put(Path(place), state)
    with standing_in(folder):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of the framework, whichever
            record(case, str(folder / "second"), resume=(step, place))
        assert not isinstance(caught.value, (SystemExit, KeyboardInterrupt))
        assert not list(folder.rglob("pwned*"))
    put(Path(place), good)
    again = record(case, str(folder / "third"), resume=(step, place))
    assert again.state == "completed"  # it was the state that was refused


def put(checkpoint: Path, state: bytes) -> None:
    """Replace the state of a checkpoint, and say so in its manifest."""
    (checkpoint / DATA).write_bytes(state)
    manifest = json.loads((checkpoint / MANIFEST).read_bytes())
    digest = hashlib.sha256(state).hexdigest()
    manifest["files"][DATA] = {"size": len(state), "sha256": digest}
    (checkpoint / MANIFEST).write_text(json.dumps(manifest))
    assert is_whole(str(checkpoint))


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Work in a folder, where the canary would leave its mark."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
