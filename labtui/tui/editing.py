"""Writing a note in a person's own editor while the screen waits: `labtui note` does it."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.verdicts.remarks import Subject

EDITORS = ("VISUAL", "EDITOR")
"""Where a person names an editor."""


def write_in_editor(paths: LabPaths, about: Subject) -> tuple[bool, str]:
    """Have a note written by ``labtui note``, which loses no text; the terminal must be free.

    Returns:
        Whether it ended well, and what it said.

    Raises:
        OSError: It does not start.
    """
    named = ["--workload", about.name] if about.kind == "workload" else ["--", about.name]
    command = [sys.executable, "-P", "-m", "labtui", "note", "--lab", str(paths.db), *named]
    before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C belongs to the editor
    try:
        ended = subprocess.run(command, check=False, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    said = ended.stderr.decode(errors="backslashreplace").strip()
    return ended.returncode == 0, said or f"labtui note ended with {ended.returncode}"
