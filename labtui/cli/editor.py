"""Writing a text in a person's own editor, or taking it from stdin, without ever losing it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labtui.cli.common import Misuse
from labtui.cli.output import say

VARIABLES = ("VISUAL", "EDITOR")
"""Where a person names an editor: the first that is set."""

MOST_BYTES = 4_000_000
"""Longest text that is taken from a file or from stdin: more is a log, and no note."""


@dataclass
class Draft:
    """A text that is not stored yet; `path` is the file that has it, None for none."""

    text: str
    path: Path | None = None


class Unfinished(Misuse):
    """An editor did not end well."""


def from_stdin() -> Draft:
    """Take a text from stdin; what is no UTF-8 becomes an escape.

    Raises:
        Misuse: It is too long.
    """
    return Draft(_decoded(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin"))


def from_editor(header: Sequence[str]) -> Draft:
    """Let a person write a text in ``$VISUAL`` or ``$EDITOR``.

    Args:
        header: Lines above the text that say what it is about, taken out of it again.

    Returns:
        The text, and the file that has it; empty, without a file, where nothing was written.

    Raises:
        Misuse: No editor is named, it does not start, or does not end well; what was written is in
            a file, and the message names it.
    """
    command = _editor()
    head = [f"# {line}" for line in header]
    handle, name = tempfile.mkstemp(prefix="labtui-note-", suffix=".md")
    path = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write("\n".join([*head, "", ""]))
    try:
        code = _run([*command, name])
    except OSError as error:
        path.unlink()
        said = error.strerror or error
        raise Unfinished(
            f"the editor {command[0]!r} does not start: {said}; set ${VARIABLES[0]}, or give the "
            "text as an argument, or on stdin with -"
        ) from error
    draft = _read(path, head)
    if not draft.text:
        with contextlib.suppress(OSError):
            path.unlink()
    if code:
        kept = f"what was written is in {path}" if draft.text else "nothing had been written"
        raise Unfinished(f"the editor {command[0]!r} ended with {code}: nothing was noted; {kept}")
    return draft


def _editor() -> list[str]:
    for variable in VARIABLES:
        named = os.environ.get(variable, "").strip()
        if not named:
            continue
        try:
            return shlex.split(named)
        except ValueError as error:
            raise Misuse(f"${variable} is {named!r}, which is no command: {error}") from error
    raise Misuse(
        "found no text, and neither $VISUAL nor $EDITOR to write one with; give it as an argument, "
        "or on stdin with -"
    )


def _run(command: Sequence[str]) -> int:
    """Wait for an editor; Ctrl-C belongs to it."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _read(path: Path, head: Sequence[str]) -> Draft:
    try:
        data = path.read_bytes()
    except OSError:  # the editor took it away
        return Draft("")
    try:
        text = _decoded(data, str(path))
    except Misuse as error:
        raise Misuse(f"{error}; it is as it was written") from error
    text = "\n".join(line for line in text.split("\n") if line not in head).strip()
    return Draft(text, path if text else None)


def _decoded(data: bytes, where: str) -> str:
    if len(data) > MOST_BYTES:
        raise Misuse(f"{where}: found more than {MOST_BYTES:,} bytes, which is no note")
    text = data.decode("utf-8-sig", "backslashreplace")
    return text.replace("\r\n", "\n").strip()


@contextmanager
def storing(draft: Draft) -> Iterator[None]:
    """Store a draft inside; what cannot be stored is in a file afterwards, and a person is told."""
    try:
        yield
    except BaseException:
        _keep(draft)
        raise
    if draft.path is not None:
        with contextlib.suppress(OSError):
            draft.path.unlink()


def _keep(draft: Draft) -> None:
    if draft.path is None:
        handle, name = tempfile.mkstemp(prefix="labtui-note-", suffix=".md")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(draft.text)
        draft.path = Path(name)
    say(f"the text was not stored; it is in {draft.path}")
