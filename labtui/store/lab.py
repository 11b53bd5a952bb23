"""Reading a lab: every question that commands and screens ask of it, one query each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from labtui.store.connection import ADVICE, UNREADABLE, broken, open_reader
from labtui.store.errors import LabDamaged, NoLab, UnknownName
from labtui.store.hidden import SHOWN, is_hidden
from labtui.store.identity import Identity
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths
from labtui.store.records import (
    INTERRUPTED,
    CheckpointRecord,
    Curve,
    EventRecord,
    StudyRecord,
    SummaryRecord,
    TrialRecord,
)
from labtui.store.runners import RunnerReader
from labtui.store.schema import MIGRATIONS
from labtui.store.workloads import WorkloadReader

_VALUE = "iif(s.selection = 'best', t.best_value, t.last_value)"
_TRIALS = """SELECT t.id, s.name AS study, t.number, t.point, t.arm, t.state, t.reason, t.detail,
    t.params, t.unit, t.seed, t.best_value, t.best_step, t.last_value, t.last_step, s.selection,
    t.step, t.max_steps, t.attempt, t.seconds, t.device, t.versions, t.code, t.source, t.started,
    t.finished, t.revision, {repetition}
    FROM trials t JOIN studies s ON s.id = t.study"""
_STUDIES = """SELECT s.*, w.name AS workload_name FROM studies s
    JOIN workloads w ON w.id = s.workload"""
NO_TEXT = "Could not decode"
"""How Python's sqlite3 begins to say that a text is not UTF-8."""
_SINCE_3 = {
    "parent": "parent",
    "kind": "kind",
    "baseline": "baseline",
    "inherited_json": "inherited",
}
"""Columns that labs of earlier versions do not have."""


class Lab(WorkloadReader, RunnerReader):
    """A reader of one lab. Each question is a query of its own: none holds the file up."""

    def __init__(self, paths: LabPaths, *, everything: bool = False) -> None:
        """Open the lab at `paths`.

        Args:
            paths: Where it is.
            everything: Whether metrics of the test set are read as well, which nothing does that
                people choose by (P32).

        Raises:
            NoLab, NotALab, LabBroken: It is not there, is something else, or cannot be read.
        """
        self.paths = paths
        self._connection = open_reader(paths.db)
        self._seen = -1
        self._shown = "1" if everything else SHOWN
        self._read_version()

    def _read_version(self) -> None:
        """See what the lab can hold: one that an older labtui wrote is read as it is."""
        self._version = version = int(self._one("PRAGMA user_version")[0])
        if not version:
            self.close()
            raise NoLab(
                f"{self.paths.db}: the file is empty; `labtui run STUDY.yaml` makes a lab of it, "
                "--lab names another"
            )
        self._trials = _TRIALS.format(repetition="t.repetition" if version > 1 else "0")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Lab:
        """Read inside a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    # -- what changed -----------------------------------------------------------------------

    def has_changed(self) -> bool:
        """Say whether another process committed since this was last asked; costs microseconds."""
        version: int = self._one("PRAGMA data_version")[0]
        changed = version != self._seen
        self._seen = version
        if changed and self._version < len(MIGRATIONS):
            self._read_version()  # a writer may have brought it up
        return changed

    def revision(self) -> int:
        """Give the number of the last commit."""
        return int(self._one("SELECT revision FROM lab")[0])

    def runner(self) -> Identity | None:
        """Identify the living runner of this lab; None without one."""
        return living_runner(self.paths.lock)

    # -- studies ----------------------------------------------------------------------------

    def studies(self) -> list[StudyRecord]:
        """Give all studies, the one with the latest activity first."""
        alive = self.runner() is not None
        counts: dict[int, dict[str, int]] = {}
        for study, state, n in self._all("SELECT study, state, count(*) FROM trials GROUP BY 1, 2"):
            counts.setdefault(study, {})[state] = n
        best = {row["study"]: row for row in self._best()}
        rows = self._all(f"{_STUDIES} ORDER BY s.activity DESC, s.id DESC")
        return [
            _study(row, counts.get(row["id"], {}), best.get(row["id"]), alive=alive) for row in rows
        ]

    def study(self, name: str) -> StudyRecord:
        """Give one study.

        Raises:
            UnknownName: The lab holds none of that name; the nearest is named.
        """
        rows = self._all(f"{_STUDIES} WHERE s.name = ?", (name,))
        if rows:
            counts = self._all(
                "SELECT state, count(*) FROM trials WHERE study = ? GROUP BY 1", (rows[0]["id"],)
            )
            best = self._all(
                f"""SELECT t.number, {_VALUE} AS value
                FROM trials t JOIN studies s ON s.id = t.study
                WHERE t.study = ? AND t.state = 'completed' AND abs({_VALUE}) < 9e999
                ORDER BY iif(s.direction = 'minimize', {_VALUE}, -{_VALUE}), t.number LIMIT 1""",
                (rows[0]["id"],),
            )
            alive = self.runner() is not None
            found = dict(tuple(row) for row in counts)
            return _study(rows[0], found, best[0] if best else None, alive=alive)
        names = [row[0] for row in self._all("SELECT name FROM studies")]
        raise UnknownName("study", name, names, "`labtui list` shows what there is")

    def standing(self, study: str) -> tuple[object, ...]:
        """Give what of a study changes though none of its trials does; () for no such study."""
        rows = self._all("SELECT state, reason, total, goal FROM studies WHERE name = ?", (study,))
        return tuple(rows[0]) if rows else ()

    def _best(self) -> list[sqlite3.Row]:
        """The best completed trial of each study: ties go to the earlier trial."""
        return self._all(
            f"""SELECT study, number, value FROM (
                SELECT t.study, t.number, {_VALUE} AS value, row_number() OVER (
                    PARTITION BY t.study ORDER BY
                        iif(s.direction = 'minimize', {_VALUE}, -{_VALUE}), t.number) AS place
                FROM trials t JOIN studies s ON s.id = t.study
                WHERE t.state = 'completed' AND abs({_VALUE}) < 9e999)
            WHERE place = 1"""
        )

    def values(self, *, newer_than: int, until: int) -> list[tuple[int, float]]:
        """Give study (by id) and objective of completed trials, in the order of their ends.

        Of those alone that changed after revision `newer_than`, and not after `until`.
        """
        rows = self._all(
            f"SELECT t.study, {_VALUE} AS value FROM trials t JOIN studies s ON s.id = t.study "
            "WHERE t.state = 'completed' AND t.revision > ? AND t.revision <= ? "
            "AND abs(value) < 9e999 ORDER BY t.finished, t.number",
            (newer_than, until),
        )
        return [(row[0], row[1]) for row in rows]

    def hyperparameters(self, study: str) -> list[dict[str, Any]]:
        """Give a study's definitions in their order: name, role, column and definition."""
        rows = self._all(
            "SELECT h.name, h.role, h.sequence_column, h.definition FROM hyperparameters h "
            "JOIN studies s ON s.id = h.study WHERE s.name = ? ORDER BY h.position",
            (study,),
        )
        return [
            {
                "name": row["name"],
                "role": row["role"],
                "column": row["sequence_column"],
                **json.loads(row["definition"]),
            }
            for row in rows
        ]

    # -- trials -----------------------------------------------------------------------------

    def trials(self, study: str, *, newer_than: int = 0) -> list[TrialRecord]:
        """Give the trials of a study by number, only those changed after a revision if asked."""
        alive = self.runner() is not None
        order = "+t.number" if newer_than else "t.number"  # + has SQLite look for revisions first
        rows = self._all(
            f"{self._trials} WHERE s.name = ? AND t.revision > ? ORDER BY {order}",
            (study, newer_than),
        )
        return [_trial(row, alive=alive) for row in rows]

    def best_trials(self, study: str, n: int) -> list[TrialRecord]:
        """Give the best `n` trials of a study, completed ones before others, by number."""
        alive = self.runner() is not None
        rows = self._all(
            f"""{self._trials} WHERE t.id IN (
                SELECT t.id FROM trials t JOIN studies s ON s.id = t.study WHERE s.name = ?
                ORDER BY t.state = 'completed' DESC, {_VALUE} IS NULL,
                    iif(s.direction = 'minimize', {_VALUE}, -{_VALUE}), t.number LIMIT ?)""",
            (study, n),
        )
        return sorted((_trial(row, alive=alive) for row in rows), key=lambda one: one.number)

    def trial(self, reference: str) -> TrialRecord:
        """Give one trial by ``study/17`` or by its integer id.

        Raises:
            UnknownName: The lab holds no such trial.
        """
        alive = self.runner() is not None
        study, slash, number = reference.rpartition("/")
        if slash and number.isdecimal():
            rows = self._all(
                f"{self._trials} WHERE s.name = ? AND t.number = ?", (study, int(number))
            )
        elif reference.isdecimal():
            rows = self._all(f"{self._trials} WHERE t.id = ?", (int(reference),))
        else:
            rows = []
        if rows:
            return _trial(rows[0], alive=alive)
        names = [row[0] for row in self._all("SELECT name FROM studies")]
        hint = "a trial is named STUDY/NUMBER, and `labtui show STUDY` lists them"
        known = names if {reference, study}.isdisjoint(names) else []  # else the study is meant
        raise UnknownName("trial", reference, known, hint)

    def find(self, reference: str) -> StudyRecord | TrialRecord:
        """Give the study of that name, else the trial.

        Raises:
            UnknownName: The lab holds neither.
        """
        for study in self.studies():
            if study.name == reference:
                return study
        trial_like = reference.isdecimal() or reference.rpartition("/")[2].isdecimal()
        return self.trial(reference) if trial_like else self.study(reference)

    def metrics(self, study: str) -> list[str]:
        """Give the names of the metrics that a study's trials logged, but those of the test set."""
        return self._metrics(study, self._shown)

    def hidden_metrics(self, study: str) -> list[str]:
        """Give the names of what a study logged of the test set; see `labtui.store.hidden`."""
        return self._metrics(study, f"NOT {SHOWN}")

    def _metrics(self, study: str, which: str) -> list[str]:
        rows = self._all(
            "SELECT DISTINCT m.name FROM summaries y JOIN metrics m ON m.id = y.metric "
            "JOIN trials t ON t.id = y.trial JOIN studies s ON s.id = t.study "
            f"WHERE s.name = ? AND {which} ORDER BY m.name",
            (study,),
        )
        return [row[0] for row in rows]

    def summaries(self, study: str, metric: str | None = None) -> list[SummaryRecord]:
        """Give what is known of the metrics of a study's trials, or of one of them.

        Those of the test set are left out.
        """
        rows = self._all(
            "SELECT y.trial, m.name, y.n, y.first_nonfinite_step, y.min, y.min_step, y.max, "
            "y.max_step, y.last, y.last_step FROM summaries y JOIN metrics m ON m.id = y.metric "
            "JOIN trials t ON t.id = y.trial JOIN studies s ON s.id = t.study "
            f"WHERE s.name = ? AND (? IS NULL OR m.name = ?) AND {self._shown} "
            "ORDER BY t.number, m.name",
            (study, metric, metric),
        )
        return [SummaryRecord(*row) for row in rows]

    def test_points(self, trial: int) -> list[tuple[str, int, float | None]]:
        """Give a trial's points of the test set: name, step, value; for a launch alone (P32)."""
        rows = self._all(
            "SELECT m.name, p.step, p.value FROM points p JOIN metrics m ON m.id = p.metric "
            "WHERE p.trial = ? ORDER BY m.name, p.step",
            (trial,),
        )
        return [(row[0], row[1], row[2]) for row in rows if is_hidden(row[0])]

    def trial_points(self, trial: int) -> list[tuple[int, int, float | None]]:
        """Give the points of one trial (by id): metric's number, step, value (None for NaN).

        Those of the test set are left out.
        """
        hidden = self._all(
            f"SELECT m.id FROM metrics m, trials t JOIN studies s ON s.id = t.study "
            f"WHERE t.id = ? AND NOT {self._shown}",
            (trial,),
        )
        left_out = ", ".join(str(row[0]) for row in hidden)
        which = f"trial = ? AND metric NOT IN ({left_out})" if hidden else "trial = ?"
        with self._reading():
            cursor = self._connection.cursor()
            cursor.row_factory = None  # plain tuples: a study has millions of them
            return cursor.execute(
                f"SELECT metric, step, value FROM points WHERE {which} ORDER BY metric, step",
                (trial,),
            ).fetchall()

    def metric_names(self) -> dict[int, str]:
        """Give the names of all metrics by their numbers."""
        return {row[0]: row[1] for row in self._all("SELECT id, name FROM metrics")}

    def metric_goals(self) -> dict[str, str]:
        """Give ``minimize`` or ``maximize`` of the metrics of which it is known."""
        return {
            row[0]: row[1]
            for row in self._all("SELECT name, goal FROM metrics WHERE goal IS NOT NULL")
        }

    def curves(self, trials: Sequence[int], metric: str) -> list[Curve]:
        """Give one metric's curve of each trial (by id) that logged it.

        Of the test set there is none, unless it is the objective of the trial's study.
        """
        result = []
        for trial in trials:
            rows = self._all(
                "SELECT step, value FROM points WHERE trial = ? AND metric = "
                "(SELECT m.id FROM metrics m, trials t JOIN studies s ON s.id = t.study "
                f"WHERE t.id = ? AND m.name = ? AND {self._shown}) ORDER BY step",
                (trial, trial, metric),
            )
            if rows:
                steps = tuple(row[0] for row in rows)
                values = tuple(float("nan") if row[1] is None else row[1] for row in rows)
                result.append(Curve(trial, metric, steps, values))
        return result

    def points(self, study: str) -> Iterator[tuple[int, str, int, float | None]]:
        """Yield the points of a study: trial number, metric, step, value (None for NaN).

        Those of the test set are left out.
        """
        with self._reading():
            cursor = self._connection.execute(
                "SELECT t.number, m.name, p.step, p.value FROM trials t "
                "JOIN studies s ON s.id = t.study JOIN points p ON p.trial = t.id "
                "JOIN metrics m ON m.id = p.metric "
                f"WHERE s.name = ? AND {self._shown} ORDER BY t.number, m.name, p.step",
                (study,),
            )
            for row in cursor:
                yield row[0], row[1], row[2], row[3]

    def checkpoints(self, trial: int) -> list[CheckpointRecord]:
        """Give a trial's checkpoints by step."""
        rows = self._all("SELECT * FROM checkpoints WHERE trial = ? ORDER BY step", (trial,))
        return [
            CheckpointRecord(
                row["step"],
                row["value"],
                bool(row["best"]),
                row["folder"],
                row["size"],
                row["created"],
            )
            for row in rows
        ]

    # -- requests ---------------------------------------------------------------------------

    def answer(self, request: str) -> EventRecord | None:
        """Give the runner's answer to a request, once there is one."""
        rows = self._all("SELECT * FROM events WHERE request = ?", (request,))
        return _event(rows[0]) if rows else None

    def events(self, study: str | None = None, *, after: int = 0) -> list[EventRecord]:
        """Give what happened after event `after`, in one study or in the whole lab."""
        rows = self._all(
            "SELECT e.* FROM events e LEFT JOIN studies s ON s.id = e.study "
            "WHERE e.id > ? AND (? IS NULL OR s.name = ?) ORDER BY e.id",
            (after, study, study),
        )
        return [_event(row) for row in rows]

    def warnings(self, trial: int) -> list[str]:
        """Give what a trial's trainer said about it, in order."""
        rows = self._all(
            "SELECT data FROM events WHERE trial = ? AND kind = 'warning' ORDER BY id", (trial,)
        )
        return [str(json.loads(row["data"])["text"]) for row in rows]

    # -- plumbing ---------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:
            raise broken(self.paths.db, error) from error

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._reading():
            try:
                return self._connection.execute(sql, tuple(parameters)).fetchall()
            except sqlite3.OperationalError as error:
                if not str(error).startswith(NO_TEXT):
                    raise
            # What is not UTF-8 is shown as �; slower, and so only where it occurs.
            self._connection.text_factory = _lenient
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def _one(self, sql: str) -> sqlite3.Row:
        rows = self._all(sql)
        if not rows:
            raise LabDamaged(f"{self.paths.db} lacks a row that every lab has; {ADVICE}")
        return rows[0]


def _lenient(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _shown(state: str, *, alive: bool) -> str:
    return INTERRUPTED if state == "running" and not alive else state


def _trial(row: sqlite3.Row, *, alive: bool) -> TrialRecord:
    fields = list(row)
    if not alive:
        fields[5] = _shown(fields[5], alive=alive)
    return TrialRecord(*fields)


def _study(
    row: sqlite3.Row, counts: dict[str, int], best: sqlite3.Row | None, *, alive: bool
) -> StudyRecord:
    shown: dict[str, int] = {}
    for state, n in counts.items():
        shown[_shown(state, alive=alive)] = n
    return StudyRecord(
        id=row["id"],
        name=row["name"],
        workload=row["workload_name"],
        goal=row["goal"],
        state=_shown(row["state"], alive=alive),
        reason=row["reason"],
        metric=row["metric"],
        direction=row["direction"],
        selection=row["selection"],
        total=row["total"],
        counts=shown,
        best_value=best["value"] if best else None,
        best_trial=best["number"] if best else None,
        spec_json=row["spec"],
        source=row["source"],
        file=row["file"],
        folder=row["folder"],
        interpreter=row["interpreter"],
        command=row["command"],
        provenance_json=row["provenance"],
        created=row["created"],
        finished=row["finished"],
        activity=row["activity"],
        revision=row["revision"],
        **{name: row[column] for name, column in _SINCE_3.items() if column in row.keys()},  # noqa: SIM118
    )


def _event(row: sqlite3.Row) -> EventRecord:
    return EventRecord(
        row["id"], row["created"], row["kind"], row["study"], row["trial"], json.loads(row["data"])
    )
