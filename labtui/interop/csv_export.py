"""A lab as CSV files: trials, metrics, studies, workloads, launches.

Numbers are exact, and text is safe in a spreadsheet. NaN is written ``nan`` and infinities ``inf``
and ``-inf``; an empty cell is a value there is not.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from labtui.interop.cells import (
    TRIAL_COLUMNS,
    guarded,
    param_names,
    param_value,
    plain_text,
    trial_cells,
)
from labtui.interop.decision_tables import (
    LAUNCH_COLUMNS,
    WORKLOAD_COLUMNS,
    launch_rows,
    workload_rows,
)
from labtui.interop.experiment_log import Exported, log_row
from labtui.interop.files import check_target, replacing
from labtui.store.lab import Lab

What: TypeAlias = Literal["trials", "metrics", "studies", "workloads", "launches"]
WHAT: tuple[What, ...] = ("trials", "metrics", "studies", "workloads", "launches")

STUDY_COLUMNS = (
    *("study", "goal", "workload", "state", "trials", "completed", "infeasible", "best_value"),
    *("notes", "command", "created", "finished", "best_trial", "file", "folder", "git_commit"),
    *("git_diff_sha256", "kind", "parent", "baseline", "inherited", "launches", "tags"),
)
"""The columns of ``studies.csv``: of the experiment log, what costs no judging (P45)."""


class Sink(Protocol):
    """Where rows are written: an open file, or anything like it."""

    def write(self, text: str, /) -> object:
        """Take some text."""


def export_files(
    lab: Lab,
    targets: Sequence[tuple[What, Path]],
    studies: Sequence[Exported],
    *,
    raw: bool = False,
    force: bool = False,
) -> list[tuple[Path, int]]:
    """Write CSV files, each appearing whole or not at all.

    Args:
        lab: What is exported.
        targets: What goes to which file; folders are created.
        studies: The studies.
        raw: Leave text as it is, also where a spreadsheet would execute it.
        force: Replace files that exist.

    Returns:
        Each file with its number of rows.

    Raises:
        TargetRefused: A target exists (then nothing is written), or is a directory.
        LabBroken: The disk failed; what was there before is still there.
    """
    for _, path in targets:
        check_target(path, force=force, source=lab.paths.db)
    written = []
    for what, path in targets:
        with replacing(path) as stream:
            written.append((path, export(lab, what, studies, stream, raw=raw)))
    return written


def export(
    lab: Lab, what: What, studies: Sequence[Exported], stream: Sink, *, raw: bool = False
) -> int:
    """Write one table to an open stream, row by row.

    Returns:
        The number of rows under the header.
    """
    tables = {
        "trials": _trials,
        "metrics": _metrics,
        "studies": _studies,
        "workloads": _workloads,
        "launches": _launches,
    }
    writer = csv.writer(_Lines(stream))
    count = -1
    for row in tables[what](lab, studies):
        writer.writerow([_cell(value, raw=raw) for value in row])
        count += 1
    return max(0, count)


class _Lines:
    """Ends rows by a line feed alone; the writer quotes carriage returns only if it writes them."""

    def __init__(self, stream: Sink) -> None:
        self._stream = stream

    def write(self, row: str, /) -> object:
        """Take a whole row."""
        return self._stream.write(row.removesuffix("\r\n") + "\n")


def _trials(lab: Lab, studies: Sequence[Exported]) -> Iterator[Sequence[Any]]:
    trials = [trial for one in studies for trial in one.trials]
    names = param_names(trials)
    yield [*TRIAL_COLUMNS, *(f"param.{name}" for name in names)]
    for trial in trials:
        yield [*trial_cells(trial), *(param_value(trial.params, name) for name in names)]


def _metrics(lab: Lab, studies: Sequence[Exported]) -> Iterator[Sequence[Any]]:
    yield ["trial", "metric", "step", "value"]
    for name in (one.study.name for one in studies):
        for number, metric, step, value in lab.points(name):
            yield [f"{name}/{number}", metric, step, math.nan if value is None else value]


def _studies(lab: Lab, studies: Sequence[Exported]) -> Iterator[Sequence[Any]]:
    yield STUDY_COLUMNS
    for one in sorted(studies, key=lambda one: one.study.created):
        study = one.study
        row = {
            **log_row(lab, one),
            "command": study.command,
            "folder": study.folder,
            "git_diff_sha256": study.provenance.get("git_diff_sha256"),
        }
        yield [row[column] for column in STUDY_COLUMNS]


def _workloads(lab: Lab, studies: Sequence[Exported]) -> Iterator[Sequence[Any]]:
    yield WORKLOAD_COLUMNS
    for row in workload_rows(lab, {one.study.name for one in studies}):
        yield list(row.values())


def _launches(lab: Lab, studies: Sequence[Exported]) -> Iterator[Sequence[Any]]:
    yield LAUNCH_COLUMNS
    for row in launch_rows(lab, {one.study.name for one in studies}):
        yield list(row.values())


def _cell(value: Any, *, raw: bool) -> str:
    text = plain_text(value)
    return text if raw or not isinstance(value, str) else guarded(text)


def targets(what: Iterable[What], folder: Path) -> list[tuple[What, Path]]:
    """Name the file of each table in a folder: ``trials.csv``, ``metrics.csv`` …"""
    return [(one, folder / f"{one}.csv") for one in what]
