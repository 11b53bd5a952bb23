"""What `labtui doctor` looks at, section by section, and how it is said."""

from __future__ import annotations

import locale
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from labtui import __version__
from labtui.engine.devices import CPU, VISIBLE, cores, devices, gpu_use
from labtui.engine.leftovers import leftovers
from labtui.store.health import Reading, read_lab, read_leftovers, read_place
from labtui.store.paths import LabPaths
from labtui.store.recovery import Recovered
from labtui.store.space import size

Sections = list[tuple[str, list[Reading]]]

SIGNS = {"ok": "✓", "notice": "•", "wrong": "✗"}
ASCII_SIGNS = {"ok": "+", "notice": "*", "wrong": "x"}
OLDEST_PYTHON = (3, 11)
WAL_RESET = (3, 7, 0), (3, 51, 2)
"""SQLite versions that can lose commits when two processes write and merge the log at the same
moment (fixed in 3.51.3); a lab has one writer, so that it cannot happen."""
OPTIONAL = {"torch": "torch", "mlx": "mlx", "scikit-learn": "bayes"}
"""Packages that parts of labtui want, and the extra that brings each."""
MOST_SHOWN = 8
"""Places named of one table that lost rows; `--json` has all."""


def examine(paths: LabPaths, environment: Mapping[str, str] = os.environ) -> Sections:
    """Look at everything; nothing is changed."""
    return [
        ("environment", [*_python(), *_packages(), _sqlite(), *_terminal(environment)]),
        ("devices", list(_devices(environment))),
        ("file system", list(read_place(paths))),
        ("lab", list(read_lab(paths))),
        ("left behind", [*read_leftovers(paths), *_processes(paths)]),
    ]


def is_wrong(sections: Sections) -> bool:
    """Say whether anything is wrong."""
    return any(reading.level == "wrong" for _, found in sections for reading in found)


# -- environment and devices ----------------------------------------------------------------------


def _python() -> Iterator[Reading]:
    version = platform.python_version()
    fine = sys.version_info[:2] >= OLDEST_PYTHON
    wanted = ".".join(map(str, OLDEST_PYTHON))
    yield Reading(
        "python",
        "ok" if fine else "wrong",
        f"{version} on {platform.system()} {platform.machine()}",
        "" if fine else f"labtui needs {wanted}",
    )
    yield Reading("labtui", "ok", __version__)


def _packages() -> Iterator[Reading]:
    names = [_name(line) for line in metadata.requires("labtui") or () if "extra ==" not in line]
    missing = [name for name in names if _version(name) is None]
    for name in missing:
        yield Reading(name, "wrong", "is not installed", f"pip install {name}")
    there = ", ".join(f"{name} {_version(name)}" for name in names if name not in missing)
    yield Reading("packages", "ok", there)
    extras = {name: _version(name) for name in OPTIONAL}
    found = ", ".join(f"{name} {version}" for name, version in extras.items() if version)
    absent = [f"labtui[{OPTIONAL[name]}]" for name, version in extras.items() if not version]
    yield Reading(
        "frameworks",
        "ok",
        found or "none here",
        f"studies can name another interpreter; not here: {', '.join(absent)}" if absent else "",
    )


def _name(requirement: str) -> str:
    for i, letter in enumerate(requirement):
        if not (letter.isalnum() or letter in "-_."):
            return requirement[:i]
    return requirement


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Reading:
    said = ".".join(map(str, version))
    if WAL_RESET[0] <= version <= WAL_RESET[1]:
        said += "; its log can lose commits of two writers (fixed in 3.51.3): a lab has one writer"
    return Reading("sqlite", "ok", said)


def _terminal(environment: Mapping[str, str]) -> Iterator[Reading]:
    encoding = locale.getpreferredencoding(False)
    fine = "utf" in encoding.lower()
    yield Reading(
        "locale",
        "ok" if fine else "notice",
        encoding,
        "" if fine else "set LANG to one with UTF-8, or lines and signs are drawn in ASCII",
    )
    term = environment.get("TERM", "")
    dumb = term in ("", "dumb")
    color = environment.get("COLORTERM", "")
    said = f"TERM={term or 'unset'}{f', COLORTERM={color}' if color else ''}"
    advice = "the screen needs a terminal; every command works without" if dumb else ""
    yield Reading("terminal", "notice" if dumb else "ok", said, advice)


def _devices(environment: Mapping[str, str]) -> Iterator[Reading]:
    yield Reading(CPU, "ok", f"{cores()} cores")
    used = gpu_use()
    for name in devices():
        if name != CPU:
            use = used.get(name)
            said = f"{use.utilization:.0%} busy, {size(use.memory)} in use" if use else "found"
            yield Reading(name, "ok", said)
    if environment.get(VISIBLE) is not None:
        said = f"{VISIBLE}={environment[VISIBLE]!r} decides which of them trials see"
        yield Reading("visible", "notice", said)


def _processes(paths: LabPaths) -> Iterator[Reading]:
    found = leftovers(paths)
    if found is None:
        return
    if found:
        pids = " ".join(map(str, found))
        yield Reading("processes", "wrong", f"workers without a runner: {pids}", f"kill {pids}")
    else:
        yield Reading("processes", "ok", "none without a runner")


# -- how it is said -------------------------------------------------------------------------------


def lines(sections: Sections, *, ascii_only: bool = False) -> list[str]:
    """Write the sections: a sign and a word, what was found, and below it what to do next."""
    signs = ASCII_SIGNS if ascii_only else SIGNS
    arrow = "->" if ascii_only else "→"
    width = max(len(reading.what) for _, found in sections for reading in found)
    result: list[str] = []
    for name, found in sections:
        result += ["", name] if result else [name]
        for one in found:
            word = f"{signs[one.level]} {one.level:6}"
            result.append(f"  {word}  {one.what:{width}}  {one.found}")
            if one.advice:
                result.append(f"{' ' * (14 + width)}{arrow} {one.advice}")
    return result


def conclusion(sections: Sections) -> str:
    """Say in a line how many things are wrong."""
    n = sum(reading.level == "wrong" for _, found in sections for reading in found)
    notices = sum(reading.level == "notice" for _, found in sections for reading in found)
    more = f"; {notices} to be noticed" if notices else ""
    return f"{n} wrong{more}" if n else f"nothing is wrong{more}"


def document(sections: Sections, paths: LabPaths, recovered: Recovered | None) -> dict[str, Any]:
    """Give all of it as a JSON object."""
    return {
        "lab": str(paths.db),
        "wrong": is_wrong(sections),
        "sections": [
            {
                "name": name,
                "readings": [
                    {
                        "what": one.what,
                        "level": one.level,
                        "found": one.found,
                        "advice": one.advice,
                    }
                    for one in found
                ],
            }
            for name, found in sections
        ],
        "recovered": recovered_document(recovered),
    }


def recovered_document(found: Recovered | None) -> dict[str, Any] | None:
    """Give what a recovery came to as a JSON object."""
    if found is None:
        return None
    return {
        "file": str(found.target),
        "complete": found.complete,
        "backup": found.backup,
        "tables": [
            {
                "table": one.table,
                "rows": one.rows,
                "from_backup": one.backup,
                "missing": list(one.missing),
            }
            for one in found.tables
        ],
        "holes": [
            {"trial": one.trial, "metric": one.metric, "found": one.found, "logged": one.logged}
            for one in found.holes
        ],
        "notes": found.notes,
    }


def recovered_lines(found: Recovered) -> list[str]:
    """Say what was saved, table by table, and what was not."""
    result = []
    for one in found.tables:
        if not (one.rows or one.backup or one.missing):
            continue
        more = f", and {one.backup} from {found.backup}" if one.backup else ""
        result.append(f"{one.table}: {one.rows} row{'s' * (one.rows != 1)}{more}")
        result += [f"  may lack rows {place}" for place in one.missing[:MOST_SHOWN]]
        if len(one.missing) > MOST_SHOWN:
            result.append(f"  and in {len(one.missing) - MOST_SHOWN} more places")
    result += _hole_lines(found)
    result += found.notes
    return result


def _hole_lines(found: Recovered) -> list[str]:
    by_trial: dict[str, list[str]] = {}
    for hole in found.holes:
        said = f"{hole.found} of {hole.logged} of {hole.metric}"
        by_trial.setdefault(hole.trial, []).append(said)
    trials = sorted(by_trial.items())
    result = [f"{trial} lacks points: {_joined(parts)}" for trial, parts in trials[:MOST_SHOWN]]
    if len(trials) > MOST_SHOWN:
        result.append(f"and {len(trials) - MOST_SHOWN} more trials; each has a note that says so")
    return result


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts[:3]) + (f", and {len(parts) - 3} more" if len(parts) > 3 else "")


def target_of(named: Path | None, paths: LabPaths) -> Path:
    """Give the file that a recovery writes."""
    from labtui.store.recovery import target_for

    return named.expanduser().absolute() if named is not None else target_for(paths)
