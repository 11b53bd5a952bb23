"""A plain SQLite file with flat tables, for SQL, dataframes and Datasette.

``studies``, ``trials`` (a column a hyperparameter and metric), ``metrics`` (a row a point),
``findings``, ``workloads``, ``launches``, and ``columns``, which says what the made-up names of
columns stand for. NULL is NaN or nothing, infinities are themselves, booleans are 1 and 0.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labtui.interop.cells import TRIAL_COLUMNS, param_names, param_value, trial_cells
from labtui.interop.decision_tables import (
    LAUNCH_COLUMNS,
    WORKLOAD_COLUMNS,
    launch_rows,
    workload_rows,
)
from labtui.interop.experiment_log import (
    FINDING_COLUMNS,
    LOG_COLUMNS,
    Exported,
    finding_row,
    log_row,
    metric_columns,
    summaries_by_trial,
)
from labtui.interop.files import TargetRefused, check_target, replacing_path
from labtui.store.errors import LabBroken
from labtui.store.lab import Lab

if TYPE_CHECKING:
    from sqlite_utils import Database

MOST_COLUMNS = 1_900
"""Most columns of a table: SQLite takes 2,000 unless it was built otherwise."""

MOST_WHOLE = 2**63
"""Whole numbers from here on are written as text: SQLite has 64 bits for them."""

EXACT_WHOLE = 2**53
"""Larger whole numbers stay apart from fractions: a column of both would round them."""

PRAGMAS = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")
"""The file is thrown away unless it is whole: it needs no journal, and is synced at the end."""

ROOM = 65536
"""Bytes that are tried where SQLite failed to write: its largest page."""

_REALS = frozenset({"best_value", "last_value", "seconds", "infeasible_share", "retrain_deviation"})
_NUMBERS_OF_DECISIONS = frozenset(
    {"studies", "baseline", "retrain_reruns", "adopted", "rejected", "undecided", "launch"}
)
_WHOLES = frozenset(
    {
        *("best_step", "last_step", "seed", "point", "step", "max_steps", "repetition"),
        *("trials", "completed", "infeasible", "uncommitted_changes"),
        *_NUMBERS_OF_DECISIONS,
    }
)


def export_sqlite(lab: Lab, studies: Iterable[Exported], path: Path, *, force: bool = False) -> int:
    """Write a SQLite file, which appears whole or not at all.

    Args:
        lab: Where the studies are.
        studies: The studies, one in memory at a time.
        path: The file.
        force: Replace a file that exists.

    Returns:
        The number of trials in it.

    Raises:
        TargetRefused: A file exists there, is a directory, or is open in another program.
        LabBroken: The disk failed; what was there before is still there.
    """
    from sqlite_utils import Database

    check_target(path, force=force, source=lab.paths.db)
    _check_open(path)
    with (
        replacing_path(path) as temporary,
        _failing(path, temporary),
        closing(sqlite3.connect(temporary)) as connection,
    ):
        for pragma in PRAGMAS:
            connection.execute(pragma)
        return _Flat(Database(connection)).fill(lab, studies)


def _check_open(path: Path) -> None:
    for ending in ("-wal", "-journal"):
        if path.with_name(path.name + ending).exists():
            raise TargetRefused(
                f"{path} is open in another program, or was left half written: "
                f"{path.name}{ending} lies beside it; close the program, or choose another name"
            )


@contextmanager
def _failing(path: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        _write_on(temporary)
        raise LabBroken(f"{path}: {error}; nothing was written there") from error


def _write_on(path: Path) -> None:
    """Write a little more to a file: where it does not fit, the system says what SQLite hides.

    Raises:
        OSError: It does not: the disk is full, or files may not grow so large.
    """
    with open(path, "ab", buffering=0) as stream:
        stream.write(bytes(ROOM))


class _Flat:
    """The file being filled."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.trials = Columns(TRIAL_COLUMNS)
        types = {name: _declared(name) for name in LOG_COLUMNS}
        database.table("studies").create(types, pk="study")
        types = {name: _declared(name) for name in TRIAL_COLUMNS}
        key = [("study", "studies", "study")]
        database.table("trials").create(types, pk="trial", foreign_keys=key)
        database.table("metrics").create(
            {"trial": str, "metric": str, "step": int, "value": float},
            foreign_keys=[("trial", "trials", "trial")],
        )
        database.table("findings").create(dict.fromkeys(FINDING_COLUMNS, str), foreign_keys=key)
        types = {name: _declared(name) for name in WORKLOAD_COLUMNS}
        database.table("workloads").create(types, pk="workload")
        types = {name: _declared(name) for name in LAUNCH_COLUMNS}
        database.table("launches").create(types, pk="launch")
        database.table("columns").create({"column": str, "kind": str, "name": str}, pk="column")

    def fill(self, lab: Lab, studies: Iterable[Exported]) -> int:
        count, names = 0, set()
        for exported in studies:
            name = exported.study.name
            names.add(name)
            self._insert("studies", [log_row(lab, exported).values()])
            self._trials(lab, exported)
            points = (
                (f"{name}/{number}", metric, step, value)
                for number, metric, step, value in lab.points(name)
            )
            self._insert("metrics", points)
            self._insert("findings", (finding_row(name, one) for one in exported.findings))
            count += len(exported.trials)
        self._insert("workloads", (row.values() for row in workload_rows(lab, names)))
        self._insert("launches", (row.values() for row in launch_rows(lab, names)))
        self.database.table("metrics").create_index(["trial", "metric", "step"])
        self.database.table("trials").create_index(["study"])
        self.database.conn.commit()
        return count

    def _trials(self, lab: Lab, exported: Exported) -> None:
        names = param_names(exported.trials)
        metrics = metric_columns(lab.metrics(exported.study.name), exported.goals)
        known = summaries_by_trial(lab, exported.study.name)
        params = {
            name: [t.params[name] for t in exported.trials if name in t.params] for name in names
        }
        columns = [*TRIAL_COLUMNS]
        columns += [self._column("param", name, affinity(params[name])) for name in names]
        columns += [
            self._column(one.kind, one.metric, int if one.kind == "best_step" else float)
            for one in metrics
        ]
        rows = (
            [
                *trial_cells(trial),
                *(param_value(trial.params, name) for name in names),
                *(one.value(known.get(trial.id, {}).get(one.metric)) for one in metrics),
            ]
            for trial in exported.trials
        )
        kept = [index for index, name in enumerate(columns) if name]
        self._insert(
            "trials",
            ([row[index] for index in kept] for row in rows),
            [columns[index] for index in kept],
        )

    def _column(self, kind: str, name: str, of: type) -> str:
        """Give the column of a hyperparameter or metric, made if it is new; empty without room."""
        found, new = self.trials.take(kind, name)
        if new:
            if found:
                self.database.table("trials").add_column(found, of)
            self._insert(
                "columns", [(found or f"{kind} {name}", kind if found else "left out", name)]
            )
        return found

    def _insert(
        self, table: str, rows: Iterable[Iterable[Any]], columns: Sequence[str] = ()
    ) -> None:
        """Insert rows one by one as they come: no table is ever in memory."""
        width = len(columns or self.database.table(table).columns)
        named = f" ({', '.join(map(_quoted, columns))})" if columns else ""
        places = ", ".join("?" * width)
        self.database.conn.executemany(
            f"INSERT INTO {_quoted(table)}{named} VALUES ({places})",
            ([_storable(value) for value in row] for row in rows),
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _storable(value: Any) -> Any:
    """Give what SQLite can hold: large whole numbers and lone surrogates as text of ASCII."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and abs(value) >= MOST_WHOLE:
        return str(value)
    return value


def _declared(column: str) -> type:
    return float if column in _REALS else int if column in _WHOLES else str


def affinity(values: Sequence[Any]) -> type:
    """Choose the type of a column so that SQLite turns no value into another.

    Returns:
        `bytes` where kinds are mixed: such a column leaves everything as it is.
    """
    kinds = {type(value) for value in values if value is not None}
    largest = max((abs(value) for value in values if isinstance(value, int)), default=0)
    if kinds and kinds <= {int, bool} and largest < MOST_WHOLE:
        return int
    if float in kinds and kinds <= {int, float} and largest <= EXACT_WHOLE:
        return float
    return str if kinds <= {str} and None not in values else bytes


class Columns:
    """Names of columns: of letters, digits and ``_``, unique whatever their case."""

    def __init__(self, fixed: Iterable[str]) -> None:
        """Begin with the columns that there are anyway."""
        self._taken = {name.casefold() for name in fixed}
        self._known: dict[tuple[str, str], str] = {}

    def take(self, kind: str, name: str) -> tuple[str, bool]:
        """Give the column for a name, such as ``param_lr_2``, and whether it is new.

        Empty when the table is full.
        """
        if (kind, name) in self._known:
            return self._known[kind, name], False
        plain = f"{kind}_{re.sub(r'[^0-9A-Za-z_]+', '_', name).strip('_') or 'x'}"
        number, found = 1, plain
        while found.casefold() in self._taken:
            number += 1
            found = f"{plain}_{number}"
        if len(self._taken) >= MOST_COLUMNS:
            found = ""
        else:
            self._taken.add(found.casefold())
        self._known[kind, name] = found
        return found, True
