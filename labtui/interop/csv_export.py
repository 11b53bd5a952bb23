"""A lab as CSV files: trials, metrics, studies; numbers exact, text safe in a spreadsheet.

NaN is written ``nan`` and infinities ``inf`` and ``-inf``; an empty cell is a value there is not.
"""

from __future__ import annotations

import contextlib
import csv
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO, TypeAlias

from labtui.store.connection import open_reader
from labtui.store.errors import LabBroken, LabError
from labtui.store.lab import Lab
from labtui.store.records import TrialRecord

What: TypeAlias = Literal["trials", "metrics", "studies"]
WHAT: tuple[What, ...] = ("trials", "metrics", "studies")

EXECUTED = tuple("=+-@\t\r\n＝＋－＠")
"""A spreadsheet runs a text cell that begins with one of these."""

TRIAL_COLUMNS = (
    "study",
    "trial",
    "arm",
    "state",
    "reason",
    "best_value",
    "best_step",
    "last_value",
    "last_step",
    "seed",
    "point",
    "step",
    "max_steps",
    "seconds",
    "device",
    "source",
    "started",
    "finished",
)


class TargetRefused(LabError):
    """The place to write to is taken, or is none."""

    exit_code = 2


class Sink(Protocol):
    """Where rows are written: an open file, or anything like it."""

    def write(self, text: str, /) -> object:
        """Take some text."""


def export_files(
    lab: Lab,
    targets: Sequence[tuple[What, Path]],
    studies: Sequence[str],
    *,
    raw: bool = False,
    force: bool = False,
) -> list[tuple[Path, int]]:
    """Write CSV files, each appearing whole or not at all.

    Args:
        lab: What is exported.
        targets: What goes to which file; folders are created.
        studies: Names of the studies.
        raw: Leave text as it is, also where a spreadsheet would execute it.
        force: Replace files that exist.

    Returns:
        Each file with its number of rows.

    Raises:
        TargetRefused: A target exists (then nothing is written), or is a directory.
        LabBroken: The disk failed; what was there before is still there.
    """
    for _, path in targets:
        _check(path, force=force)
    written = []
    for what, path in targets:
        with _replacing(path) as stream:
            written.append((path, export(lab, what, studies, stream, raw=raw)))
    return written


def export(lab: Lab, what: What, studies: Sequence[str], stream: Sink, *, raw: bool = False) -> int:
    """Write one table to an open stream, row by row.

    Returns:
        The number of rows under the header.
    """
    tables = {"trials": _trials, "metrics": _metrics, "studies": _studies}
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


def _trials(lab: Lab, studies: Sequence[str]) -> Iterator[Sequence[Any]]:
    trials = [trial for study in studies for trial in lab.trials(study)]
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    yield [*TRIAL_COLUMNS, *(f"param.{name}" for name in names)]
    for trial in trials:
        params = trial.params
        yield [*_trial_cells(trial), *(_param(params, name) for name in names)]


def _trial_cells(trial: TrialRecord) -> list[Any]:
    cells = {column: getattr(trial, column, None) for column in TRIAL_COLUMNS}
    cells["trial"] = trial.name
    if trial.last_value is None and trial.last_step is not None:
        cells["last_value"] = math.nan
    return list(cells.values())


def _param(params: dict[str, Any], name: str) -> Any:
    value = params.get(name)
    return "null" if name in params and value is None else value


def _metrics(lab: Lab, studies: Sequence[str]) -> Iterator[Sequence[Any]]:
    yield ["trial", "metric", "step", "value"]
    for study in studies:
        for number, metric, step, value in lab.points(study):
            yield [f"{study}/{number}", metric, step, math.nan if value is None else value]


def _studies(lab: Lab, studies: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The experiment log (P45): the lab's view of that name, and the code and configuration."""
    from sqlite_utils import Database

    connection = open_reader(lab.paths.db)
    try:
        rows = {row["study"]: row for row in Database(connection)["experiment_log"].rows}
    finally:
        connection.close()
    columns = list(next(iter(rows.values()), {"study": ""}))
    yield [*columns, "best_trial", "file", "folder", "git_commit", "git_diff_sha256"]
    for record in sorted(lab.studies(), key=lambda study: study.created):
        if record.name in studies and record.name in rows:
            row = {**rows[record.name], "state": record.state}
            best = None if record.best_trial is None else f"{record.name}/{record.best_trial}"
            code = [record.provenance.get(key) for key in ("git_commit", "git_diff_sha256")]
            yield [*(row[column] for column in columns), best, record.file, record.folder, *code]


def _cell(value: Any, *, raw: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    return f"'{text}" if not raw and text.startswith(EXECUTED) else text


def _check(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise TargetRefused(f"{path} is a directory; expected the name of a file to write")
    if not force and (path.exists() or path.is_symlink()):
        raise TargetRefused(f"{path} exists and was left as it is; --force replaces it")


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Write beside `path` and rename at the end, so that nobody sees half a file."""
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
        temporary = Path(name)
        with open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise LabBroken(f"{path}: {error.strerror}; nothing was written there") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def targets(what: Iterable[What], folder: Path) -> list[tuple[What, Path]]:
    """Name the file of each table in a folder: ``trials.csv``, ``metrics.csv``, ``studies.csv``."""
    return [(one, folder / f"{one}.csv") for one in what]
