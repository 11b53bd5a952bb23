"""A bayesian study while it trains: its next trial is suggested when a slot is free (P13).

One suggestion of a study is under way at a time, in a thread: the runner's loop goes on. It is
added to the study with what it rests on, in one commit, before it is claimed.
"""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from labtui.engine.suggest import (
    EVENT,
    METHOD,
    Evidence,
    Incomputable,
    Source,
    Suggestion,
    check_extra,
    libraries,
    read_again,
    read_evidence,
    read_source,
    sampler_seed,
    suggest,
)
from labtui.store.changes import NewTrial, add_trials
from labtui.store.writer import Writer, now


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Give the thread in which suggestions are made, one after another."""
    return ThreadPoolExecutor(1, "suggest")


@dataclass
class Search:
    """What is still to be suggested of a study.

    Attributes:
        source: The study.
        number: Number of its next trial.
        left: Trials that may still be suggested.
    """

    source: Source
    number: int
    left: int
    _evidence: Evidence | None = None
    _future: Future[Suggestion] | None = None

    @property
    def idle(self) -> bool:
        """Whether no suggestion is under way."""
        return self._future is None

    def next(self, writer: Writer) -> int | None:
        """Have the next trial suggested from what is committed, and take it when that is done.

        Returns:
            The number of a trial: its addition to the study, with what it rests on, is queued.
            None while there is none.
        """
        if self._future is None or self._evidence is None:
            self._begin(writer.connection)
        elif self._future.done():
            future, evidence = self._future, self._evidence
            self._future = self._evidence = None
            found = future.result()
            _add(writer, self.source, found, evidence)
            self.number, self.left = self.number + 1, self.left - 1
            return found.number
        return None

    def _begin(self, connection: sqlite3.Connection) -> None:
        source = self.source
        self._evidence = read_evidence(connection, source, self.number)
        self._future = _pool().submit(
            suggest, source.study, source.columns, self.number, self._evidence
        )


def search_of(connection: sqlite3.Connection, study: int) -> Search | None:
    """Give what is still to be suggested of a study; None of one whose trials are all planned.

    Raises:
        MissingExtra: The library that suggests is not installed.
    """
    left = unsuggested(connection, study)
    if not left:
        return None
    check_extra()
    made = connection.execute(
        "SELECT coalesce(max(number) + 1, 0) FROM trials WHERE study = ?", (study,)
    ).fetchone()[0]
    return Search(read_source(connection, study), made, left)


def unsuggested(connection: sqlite3.Connection, study: int) -> int:
    """Count the trials of a bayesian study that are still to be suggested; 0 of any other."""
    row = connection.execute(
        "SELECT s.total - (SELECT count(*) FROM trials t WHERE t.study = s.id), s.spec "
        "FROM studies s WHERE s.id = ?",
        (study,),
    ).fetchone()
    bayesian = json.loads(row[1]).get("sampler") == "bayesian"
    return max(0, int(row[0])) if bayesian else 0


def _add(writer: Writer, source: Source, found: Suggestion, evidence: Evidence) -> None:
    steps = source.study.budget.max_train_steps
    candidate = found.candidate
    trial = NewTrial(
        found.number, None, found.arm, candidate.params, candidate.unit, found.seed, steps
    )
    data = {
        "method": METHOD,
        "libraries": libraries(),
        "source": found.source,
        "sampler_seed": str(sampler_seed(source.study, found.number)),  # beyond JSON's numbers
        **evidence.to_json(),
    }
    row = (now(), EVENT, source.id, json.dumps(data))
    add_trials(writer, source.id, [trial])

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "INSERT INTO events (created, kind, study, data, trial, revision) "
            "SELECT ?, ?, ?, ?, id, ? FROM trials WHERE study = ? AND number = ?",
            (*row, revision, source.id, found.number),
        )

    writer.queue(change)
    writer.touch(source.id)


def suggested_again(connection: sqlite3.Connection, trial: int) -> Suggestion:
    """Compute a trial's suggestion again from what was kept with it.

    Raises:
        Incomputable: Nothing was kept, or it was suggested by another method or other versions of
            the libraries.
    """
    row = connection.execute(
        "SELECT e.data, t.study, t.number FROM events e JOIN trials t ON t.id = e.trial "
        "WHERE e.kind = ? AND t.id = ?",
        (EVENT, trial),
    ).fetchone()
    if row is None:
        raise Incomputable(f"trial {trial} was not suggested: it is in its study's plan")
    data, study, number = json.loads(row[0]), row[1], row[2]
    if data["method"] != METHOD:
        raise Incomputable(f"trial {trial} was suggested by {data['method']}; this is {METHOD}")
    for name, here in libraries().items():
        if data["libraries"].get(name) != here:
            other = data["libraries"].get(name)
            raise Incomputable(f"trial {trial} was suggested with {name} {other}; this is {here}")
    source = read_source(connection, study)
    return suggest(source.study, source.columns, number, read_again(connection, source, data))
