"""The one writer: changes are queued as functions and committed in groups.

A queued change runs only inside the commit and may run again if that commit fails (a full disk),
so it must write what its arguments say and nothing it computed from an earlier run.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import repeat
from types import TracebackType
from typing import Any

from labtui.store.connection import broken, check_whole, open_writer, untrustworthy
from labtui.store.errors import LabBroken, LabDamaged, LabGone
from labtui.store.lock import WriterLock
from labtui.store.paths import LabPaths
from labtui.store.schema import migrate
from labtui.store.soundness import check_before_writing, check_soundness
from labtui.store.summaries import Point, TrialSummaries, by_metric, summarize

Change = Callable[[sqlite3.Connection, int], None]
STEP_TIME = "step_time"
"""The metric by which a trainer says how many seconds an update took."""

Aside = Callable[[sqlite3.Connection], None]

FRAME = 4096 + 24
"""Bytes that a page takes in SQLite's log."""

ROWS_A_PAGE = 100
"""Points on a page, roughly: one takes 20 to 25 bytes, and pages are half to fully used."""

PAGES_A_CHANGE = 3
"""Pages that a change touches beside those of points, roughly: a row, an index and what leads
there."""


def now() -> str:
    """Give the current time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def storable(text: str) -> str:
    """Make what cannot be written as UTF-8 (an odd file name, say) visible instead."""
    return text.encode("utf-8", "backslashreplace").decode()


class Writer:
    """Holds a lab's lock and its only writing connection.

    Attributes:
        paths: The lab's files.
        connection: For reading one's own commits; changes go through `queue`.
        revision: Number of the last commit.
        retry: Called when a commit failed, before it is tried again; raises to give up.
    """

    def __init__(self, paths: LabPaths, role: str = "command", *, wait: float = 0.0) -> None:
        """Lock, create or migrate, and open the lab.

        Raises:
            LabHeld: Another process is its writer.
            LabBroken, NotALab: The file cannot be written, or is something else.
        """
        self.paths = paths
        check_before_writing(paths.db)
        paths.db.parent.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(paths.lock, role, wait=wait)
        try:
            self.connection = open_writer(paths.db)
            try:
                check_soundness(self.connection, paths.db)
                migrate(self.connection, paths.db)
            except sqlite3.Error as error:
                raise broken(paths.db, error) from error
            paths.make_folders()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise LabBroken(f"{error.filename}: {error.strerror}") from error
            raise
        row = self.connection.execute("SELECT revision FROM lab").fetchone()
        self.revision: int = row[0]
        self.retry: Callable[[LabBroken], None] | None = None
        self._file = paths.inode()
        self._changes: list[Change] = []
        self._aside: Aside | None = None
        self._touched: set[int] = set()
        self._inexact: set[int] = set()  # trials to be summarized anew until the next commit
        self._points: dict[int, list[Point]] = {}
        self._doubtful = False  # the disk failed: what is open is not to be trusted
        self._tried = 0  # changes of the commit that failed last
        self._metrics = self._read_metrics()
        self._summaries: dict[int, TrialSummaries] = {}
        self._objectives: dict[int, tuple[str, bool]] = {}

    # -- queueing ---------------------------------------------------------------------------

    def queue(self, change: Change) -> None:
        """Queue a change: `change(connection, revision)` runs inside the next commit."""
        self._flush_points()
        self._changes.append(change)

    def touch(self, study: int) -> None:
        """Note that something changed in a study: stamped once, in the next commit."""
        self._touched.add(study)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Queue one statement; a ``:revision`` is not known before the commit: use `queue`."""
        self.queue(lambda connection, _: _run(connection, sql, parameters))

    def aside(self, change: Aside) -> None:
        """Have the next commit write also what is true for a moment only, in place of the last.

        Alone it makes no revision, so that nobody reads anything else again for it, and on a full
        disk it is forgotten.
        """
        self._aside = change

    def event(
        self,
        kind: str,
        data: dict[str, Any] | None = None,
        *,
        request: str | None = None,
        study: int | None = None,
        trial: int | None = None,
    ) -> None:
        """Queue a row of ``events``; with `request` it is the answer to that request."""
        row = (now(), kind, request, study, trial, json.dumps(data or {}))
        self.queue(
            lambda connection, revision: _run(
                connection,
                "INSERT OR IGNORE INTO events (created, kind, request, study, trial, data, "
                "revision) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, revision),
            )
        )

    def watch(self, trial: int, metric: str, *, minimize: bool) -> None:
        """Begin a trial's attempt: its objective and the points it already has."""
        self._objectives[trial] = (metric, minimize)
        self._summaries[trial] = summarize(self._read_points(trial))

    def forget(self, trial: int) -> None:
        """Let go of what is held in memory for a trial that has ended."""
        self._flush_points()
        self._summaries.pop(trial, None)
        self._objectives.pop(trial, None)

    def add_points(self, trial: int, points: Sequence[Point]) -> None:
        """Queue logged points of a watched trial."""
        self._points.setdefault(trial, []).extend(points)

    def logged(self, trial: int) -> list[str]:
        """Name the metrics that a watched trial has logged."""
        self._flush_points()
        return list(self._summaries[trial].metrics)

    def progress(self, trial: int) -> tuple[int | None, float | None]:
        """Give the last step that a watched trial logged, and how many seconds it says one took."""
        found = self._summaries.get(trial)
        if found is None:
            return None, None
        steps = [one.last_step for one in found.metrics.values() if one.last_step is not None]
        timed = found.metrics.get(STEP_TIME)
        return max(steps, default=None), timed.last if timed else None

    @property
    def dirty(self) -> bool:
        """Whether anything waits to be committed."""
        return bool(self._changes or self._points or self._aside)

    # -- committing -------------------------------------------------------------------------

    def commit(self) -> int:
        """Commit everything queued, durably; on failure all of it stays queued.

        Returns:
            The new revision.

        Raises:
            LabBroken: Nothing was committed; may be called again. With `retry` it is asked first.
            LabGone, LabDamaged: Trying again would change nothing, so `retry` is not asked.
        """
        while True:
            try:
                return self._commit()
            except (LabGone, LabDamaged):
                raise
            except LabBroken as error:
                if self.retry is None:
                    raise
                self.retry(error)

    def _commit(self) -> int:
        self._flush_points()
        aside, self._aside = self._aside, None
        if not self._changes:
            if aside is not None:
                self._commit_aside(aside)
            return self.revision
        self.check_there()
        if self._doubtful:
            self._reopen()
        revision = self.revision + 1
        self._tried, rows = len(self._changes), self.connection.total_changes
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("UPDATE lab SET revision = ?", (revision,))
            for change in self._changes:
                change(self.connection, revision)
            if aside is not None:
                aside(self.connection)
            for study in self._touched:
                self.connection.execute(
                    "UPDATE studies SET activity = ?, revision = ? WHERE id = ?",
                    (now(), revision, study),
                )
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            rows = self.connection.total_changes - rows
            self._doubtful = untrustworthy(error)
            self._roll_back()
            self._metrics = {}  # ids given in that transaction are void
            pages = rows / ROWS_A_PAGE + PAGES_A_CHANGE * (1 + self._tried)
            raise broken(self.paths.db, error, needed=int(FRAME * pages)) from error
        except BaseException:  # a change that can never be made
            self._roll_back()
            raise
        self.revision = revision
        self._changes.clear()
        self._touched.clear()
        self._inexact.clear()
        return revision

    def check_there(self) -> None:
        """Make sure that the file at the lab's path is still the one that is written.

        Raises:
            LabGone: It is not.
        """
        if self.paths.inode() != self._file:
            raise LabGone(
                f"{self.paths.db} was moved, replaced or deleted while it was written; "
                "put it back and run again"
            )

    def _commit_aside(self, change: Aside) -> None:
        """Commit what makes no revision, if that can be done now."""
        if self._doubtful:
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            change(self.connection)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._doubtful = untrustworthy(error)
            self._roll_back()

    def _roll_back(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:  # SQLite cannot even forget it: opening anew does
            self._doubtful = True

    def _reopen(self) -> None:
        """Open the lab anew after the disk failed, and look at all of it before writing again.

        A sync that failed says nothing of what did reach the disk, and is not said twice. So the
        log is merged, which writes and syncs its pages anew, and nothing held in memory is used.

        Raises:
            LabDamaged: It is not whole; nothing is written to it any more.
            LabBroken: The disk still fails; may be called again.
        """
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()
        self.connection = open_writer(self.paths.db)
        try:
            busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            check_whole(self.connection, self.paths.db)
            revision = self.connection.execute("SELECT revision FROM lab").fetchone()[0]
        except sqlite3.Error as error:
            raise broken(self.paths.db, error) from error
        if busy:
            raise LabBroken(f"{self.paths.db}: a reader keeps it from being written after an error")
        if revision > self.revision:  # the commit that failed was whole in the log after all
            del self._changes[: self._tried]
            self.revision = revision
            self._touched.clear()
            self._inexact.clear()
        self._doubtful = False

    def pause(self, reason: str) -> None:
        """Tell those who look at the lab why nothing is written to it; empty: it goes on."""
        self._lock.pause(reason)

    def close(self) -> None:
        """Commit, merge the log into the lab so that one file holds it all, and let go."""
        try:
            if self.dirty:
                self.commit()
            with contextlib.suppress(sqlite3.Error):  # all is committed: merging can wait
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.connection.close()
            self._lock.release()

    def __enter__(self) -> Writer:
        """Write inside a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit what was queued, unless the block failed, and close."""
        if error is not None:
            self.abandon()
        self.close()

    def abandon(self) -> None:
        """Forget what was queued: the lab stays as it was last committed."""
        self._changes.clear()
        self._points.clear()
        self._aside = None

    # -- points -----------------------------------------------------------------------------

    def _read_points(self, trial: int) -> list[Point]:
        rows = self.connection.execute(
            "SELECT m.name, p.step, p.value FROM points p JOIN metrics m ON m.id = p.metric "
            "WHERE p.trial = ?",
            (trial,),
        )
        return [(name, step, float("nan") if v is None else v) for name, step, v in rows]

    def _flush_points(self) -> None:
        """Turn the points that wait into one change a trial, behind what was queued before."""
        waiting, self._points = self._points, {}
        for trial, points in waiting.items():
            self._changes.append(self._points_change(trial, points))

    def _points_change(self, trial: int, points: list[Point]) -> Change:
        summaries = self._summaries[trial]
        columns = by_metric(points)
        if not summaries.add(columns):
            self._inexact.add(trial)
        exact = trial not in self._inexact
        metric, minimize = self._objectives[trial]
        rows = {name: summaries.metrics[name].row() for name in columns}
        best = summaries.objective(metric, minimize=minimize)
        last_step = max(max(steps) for steps, _ in columns.values())

        def change(connection: sqlite3.Connection, revision: int) -> None:
            ids = self._metric_ids(connection, columns)
            for name, (steps, values) in columns.items():  # along the tree: fuller pages
                connection.executemany(
                    "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)",
                    zip(repeat(trial), repeat(ids[name]), steps, values, strict=False),
                )
            if not exact:
                anew = summarize(self._read_points(trial))
                if trial in self._summaries:
                    self._summaries[trial] = anew
                _write_summaries(connection, trial, anew, ids, revision)
                found = anew.objective(metric, minimize=minimize)
            else:
                _put_summaries(connection, trial, rows, ids, revision)
                found = best
            connection.execute(
                "UPDATE trials SET best_value = ?, best_step = ?, last_value = ?, last_step = ?, "
                "step = max(step, ?), revision = ? WHERE id = ?",
                (*found, last_step, revision, trial),
            )

        return change

    def _metric_ids(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        missing = set(names) - self._metrics.keys()
        if missing:
            connection.executemany(
                "INSERT OR IGNORE INTO metrics (name) VALUES (?)", zip(sorted(missing))
            )
            self._metrics = self._read_metrics()
        return self._metrics

    def _read_metrics(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT name, id FROM metrics").fetchall())

    def rewind(self, trial: int, step: int) -> None:
        """Queue the removal of a trial's points and checkpoints after `step` (a requeue)."""
        self.queue(self.rewinding(trial, step))

    def rewinding(self, trial: int, step: int) -> Change:
        """Give the change that `rewind` queues, to be made as a part of another."""

        def change(connection: sqlite3.Connection, revision: int) -> None:
            _run(connection, "DELETE FROM points WHERE trial = ? AND step > ?", (trial, step))
            _run(connection, "DELETE FROM checkpoints WHERE trial = ? AND step > ?", (trial, step))
            _run(connection, "DELETE FROM summaries WHERE trial = ?", (trial,))
            summaries = summarize(self._read_points(trial))
            ids = self._metric_ids(connection, summaries.metrics)
            _write_summaries(connection, trial, summaries, ids, revision)
            metric, direction = connection.execute(
                "SELECT s.metric, s.direction FROM studies s JOIN trials t ON t.study = s.id "
                "WHERE t.id = ?",
                (trial,),
            ).fetchone()
            found = summaries.objective(metric, minimize=direction == "minimize")
            connection.execute(
                "UPDATE trials SET best_value = ?, best_step = ?, last_value = ?, last_step = ?, "
                "step = ?, revision = ? WHERE id = ?",
                (*found, step, revision, trial),
            )

        return change


def _write_summaries(
    connection: sqlite3.Connection,
    trial: int,
    summaries: TrialSummaries,
    ids: dict[str, int],
    revision: int,
) -> None:
    columns = {name: summary.row() for name, summary in summaries.metrics.items()}
    _put_summaries(connection, trial, columns, ids, revision)


def _put_summaries(
    connection: sqlite3.Connection,
    trial: int,
    columns: dict[str, tuple[float | int | None, ...]],
    ids: dict[str, int],
    revision: int,
) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(trial, ids[name], *row, revision) for name, row in columns.items()],
    )


def _run(connection: sqlite3.Connection, sql: str, parameters: Sequence[object]) -> None:
    connection.execute(sql, tuple(parameters))
