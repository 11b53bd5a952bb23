"""What is said in the shell after the screen has closed."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from labtui import __version__
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths

TRACEBACK = "LABTUI_TRACEBACK"
"""Set it to see where an error comes from."""


def going_on(paths: LabPaths) -> str:
    """Say which studies train on, and how to come back to them; empty when none does."""
    from labtui.store.errors import LabError
    from labtui.store.lab import Lab

    try:
        with Lab(paths) as lab:
            if lab.runner() is None:
                return ""
            names = [study.name for study in lab.studies() if study.state == "running"]
    except LabError:
        return ""
    if not names:
        return ""
    what = clean(names[0]) if len(names) == 1 else f"{len(names)} studies"
    where = lab_option(paths)
    stop = f"labtui stop{where} {shlex.quote(clean(names[0]))}"
    return f"{what} trains on: `labtui{where}` to come back, `{stop}` to stop it".replace(
        "studies trains on", "studies train on"
    )


def lab_option(paths: LabPaths) -> str:
    """Give the option that names a lab, where a command in this folder would open another."""
    from labtui.store.paths import find_lab

    same = find_lab(None).db == paths.db
    return "" if same else f" --lab {shlex.quote(clean(str(paths.db)))}"


def fault(error: BaseException, folder: Path) -> str:
    """Keep what is known of a crash in a file, and say what a person reads of it."""
    report = _report(error)
    kept = _keep(report, folder)
    if os.environ.get(TRACEBACK) or kept is None:
        place = f"{report}\n"
    else:
        place = f"What is known of it: {kept}\n"
    return (
        f"labtui: a fault of labtui: {clean(type(error).__name__)}: {clean(str(error))}\n"
        f"{place}No run is harmed: `labtui` opens the screen again, `labtui list` and "
        "`labtui show` say the same without it."
    )


def _report(error: BaseException) -> str:
    facts = [
        f"labtui {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"TERM={os.environ.get('TERM', '')} {' '.join(sys.argv[1:])}".rstrip(),
    ]
    return "\n".join([*facts, *traceback.format_exception(error)])


def _keep(report: str, folder: Path) -> Path | None:
    """Write a report into the first folder that takes it."""
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for place in (folder, Path(tempfile.gettempdir())):
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(report, "utf-8", errors="backslashreplace")
        except OSError:
            continue
        return place / name
    return None
