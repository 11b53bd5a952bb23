"""How an imported study becomes rows: each trial in one commit with all of its points.

A trial is known by its key and by a hash of what was read: the same is left alone, a changed one
is replaced under its number, an unknown one is added. So an import that was cut short is finished
by asking for it again.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from labtui.interop.importing.definitions import observed
from labtui.interop.importing.types import (
    IMPORTED,
    BadTrial,
    ImportFailed,
    Skipped,
    StudySource,
    TrialRead,
    TrialSource,
)
from labtui.store.changes import (
    NewHyperparameter,
    NewStudy,
    NewTrial,
    add_study,
    add_trials,
    next_id,
    put_hyperparameters,
    set_study,
)
from labtui.store.decisions import put_card
from labtui.store.writer import Writer, storable
from labtui.study.plan import arm_label
from labtui.study.roles import by_role
from labtui.study.space import topological
from labtui.study.spec import Study

COMMIT_POINTS = 200_000
"""Points that wait for a commit at most: a sync for some hundred trials, and 30 MB of memory."""

RERUNS = "; if these are reruns, name their 'seed' or 'repetition' in the mapping"
UNFINISHED = "its import was cut short; import it again to finish it"


@dataclass
class Outcome:
    """What became of one study: how many trials were added, replaced or there already."""

    name: str
    added: int = 0
    present: int = 0
    updated: int = 0
    points: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def take(self, read: TrialRead) -> None:
        """Count a trial that was written."""
        self.states[read.state] += 1
        if read.reason:
            self.reasons[read.reason.partition(" at step ")[0]] += 1
        self.points += sum(len(steps) for steps, _ in read.columns.values())
        self.notes.update(read.notes)


@dataclass
class _Known:
    """A trial that the lab has."""

    id: int
    number: int
    code: dict[str, str]


class StudyImport:
    """The import of one study."""

    def __init__(self, writer: Writer, source: StudySource, name: str, study: int | None) -> None:
        """Look at what the lab has of it.

        Args:
            writer: The lab.
            source: The study.
            name: What the lab calls it.
            study: Its id, if it was imported before.
        """
        self._writer = writer
        self._source = source
        self._outcome = Outcome(name, notes=Counter(source.notes))
        self._waiting = 0
        self._study = 0 if study is None else self._again(study)  # begun with its first trial
        self._known = self._trials()
        self._next_id = next_id(writer, "trials")
        self._next_number = max((one.number for one in self._known.values()), default=-1) + 1
        self._written: set[str] = set()
        self._scientific = self._scientific_names()

    def run(self) -> Outcome:
        """Take every trial of the source, and bring the study's own row up to date."""
        for item in self._source.trials():
            if isinstance(item, Skipped):
                self._outcome.skipped.append(item)
                continue
            try:
                self._take(item)
            except BadTrial as error:
                self._outcome.skipped.append(Skipped(error.where, error.reason))
            if self._waiting >= COMMIT_POINTS:
                self._writer.commit()
                self._waiting = 0
        self._writer.commit()
        if self._study:
            self._finish()
        return self._outcome

    # -- the study ------------------------------------------------------------------------

    def _begin(self, name: str) -> int:
        source = self._source
        spec = self._spec(name, trials=1, steps=1, every=1, params=())
        imported = {
            "format": source.format,
            "identity": source.identity,
            "root": storable(source.root),
            "points": source.points,
        }
        new = NewStudy(
            name=name,
            workload=source.workload,
            trainer=IMPORTED,
            goal=source.goal,
            metric=source.metric,
            direction=source.direction,
            selection=source.selection,
            seed=spec.seed,
            sequence=IMPORTED,
            total=0,
            spec=spec.to_json(),
            folder="",
            interpreter="",
            provenance={"import": imported},
            state="stopped",
        )
        study = add_study(self._writer, new, ())
        set_study(self._writer, study, "stopped", UNFINISHED)
        return study

    def _again(self, study: int) -> int:
        """Take a study up that was imported before; what is asked of it may have changed."""
        source = self._source
        goals = (source.goal, source.metric, source.direction, source.selection)
        known = self._writer.connection.execute(
            "SELECT goal, metric, direction, selection FROM studies WHERE id = ?", (study,)
        ).fetchone()
        if tuple(known) != goals:
            self._writer.execute(
                "UPDATE studies SET goal = ?, metric = ?, direction = ?, selection = ? "
                "WHERE id = ?",
                (*goals, study),
            )
        return study

    def _spec(
        self, name: str, *, trials: int, steps: int, every: int, params: Iterable[Mapping[str, Any]]
    ) -> Study:
        source = self._source
        definitions = dict(source.definitions or {})
        if source.definitions is None:
            definitions = observed(params)
            definitions.update({k: list(v) for k, v in source.declared.items() if k in definitions})
        objective = {"metric": source.metric, "goal": source.direction, "select": source.selection}
        asked = {
            "study": name,
            "goal": source.goal,
            "workload": source.workload,
            "trainer": {"name": IMPORTED},
            "objective": objective,
            "budget": {"trials": trials, "max_train_steps": steps, "eval_every": every},
            "design": source.design,
            "hyperparameters": definitions,
        }
        try:
            return Study.model_validate(asked)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ImportFailed(f"{name}: {place}: expected {first['msg']}") from error

    def _finish(self) -> None:
        """Say what the study is, from all the trials that it has."""
        connection, study = self._writer.connection, self._study
        rows = connection.execute(
            "SELECT params, arm, max_steps, step FROM trials WHERE study = ? ORDER BY number",
            (study,),
        ).fetchall()
        params = [json.loads(row[0]) for row in rows]
        per_arm = Counter(row[1] for row in rows)
        steps = max((row[2] or row[3] for row in rows), default=1)
        spec = self._spec(
            self._outcome.name,
            trials=max(per_arm.values(), default=1),
            steps=max(1, steps),
            every=self._spacing(),
            params=params,
        )
        text = json.dumps(spec.to_json())
        definitions = [
            NewHyperparameter(name, definition["role"], None, definition)
            for name, listed in spec.to_json()["hyperparameters"].items()
            for definition in listed
        ]
        old = connection.execute(
            "SELECT spec, total, state FROM studies WHERE id = ?", (study,)
        ).fetchone()
        if tuple(old) != (text, len(rows), "completed"):
            self._writer.execute(
                "UPDATE studies SET spec = ?, total = ? WHERE id = ?", (text, len(rows), study)
            )
            self._writer.queue(
                lambda connection, _: put_hyperparameters(connection, study, definitions)
            )
            set_study(self._writer, study, "completed")
        self._describe_metrics()
        self._writer.commit()

    def _spacing(self) -> int:
        """Give the usual number of steps between two evaluations: the median over trials."""
        rows = self._writer.connection.execute(
            "SELECT (y.last_step + y.n - 1) / y.n FROM summaries y "
            "JOIN trials t ON t.id = y.trial JOIN metrics m ON m.id = y.metric "
            "WHERE t.study = ? AND m.name = ? ORDER BY 1",
            (self._study, self._source.metric),
        ).fetchall()
        return max(1, int(rows[len(rows) // 2][0])) if rows else 1

    def _describe_metrics(self) -> None:
        """Write what is known of the metrics: their goals, and chance and examples on the card."""
        source, writer = self._source, self._writer
        known = {name: dict(entry) for name, entry in source.metrics.items()}
        goals = [(e["goal"], name) for name, e in known.items() if e.get("goal")]
        unset = {
            row[0]
            for row in writer.connection.execute("SELECT name FROM metrics WHERE goal IS NULL")
        }
        wanted = [pair for pair in goals if pair[1] in unset]
        if wanted:
            writer.queue(lambda connection, _: _set_goals(connection, wanted))
        row = writer.connection.execute(
            "SELECT card, trainer FROM workloads WHERE name = ?", (source.workload,)
        ).fetchone()
        card = json.loads(row[0])
        own = row[1] != IMPORTED  # what labtui's own workload says of itself stays
        told = card.get("metrics", {})
        entries: dict[str, Any] = {"metrics": {**known, **told} if own else {**told, **known}}
        if not own:
            entries["imported"] = True
        if {**card, **entries} != card:
            put_card(
                writer,
                source.workload,
                entries,
                trainer=IMPORTED,
                metric=source.metric,
                goal=source.direction,
            )

    # -- its trials -----------------------------------------------------------------------

    def _trials(self) -> dict[str, _Known]:
        rows = self._writer.connection.execute(
            "SELECT id, number, source, repetition, code FROM trials WHERE study = ?",
            (self._study,),
        )
        return {
            self._source.key_of(source, repetition): _Known(number_id, number, json.loads(code))
            for number_id, number, source, repetition, code in rows
        }

    def _take(self, item: TrialSource) -> None:
        if item.key in self._written:
            told = "" if self._source.format == "algoperf" else RERUNS
            raise BadTrial(item.source, f"is in the source twice; the first was taken{told}")
        known = self._known.get(item.key)
        code = {storable(item.file): item.fingerprint()}
        if known is not None and set(known.code.values()) == set(code.values()):
            self._outcome.present += 1
            self._written.add(item.key)
            return
        read = item.read()
        self._study = self._study or self._begin(self._outcome.name)
        self._written.add(item.key)
        if known is None:
            self._add(item, read, code)
            self._outcome.added += 1
        else:
            self._replace(known, item, read, code)
            self._outcome.updated += 1
        self._outcome.take(read)
        self._writer.touch(self._study)

    def _add(self, item: TrialSource, read: TrialRead, code: Mapping[str, str]) -> None:
        trial, number = self._next_id, self._next_number
        self._next_id, self._next_number = trial + 1, number + 1
        new = NewTrial(
            number=number,
            point=read.point,
            arm=self._arm(read.params),
            params=read.params,
            unit={},
            seed=read.seed,
            max_steps=read.max_steps,
            state=read.state,
            source=storable(item.source),
            repetition=item.repetition,
        )
        add_trials(self._writer, self._study, [new])
        self._points(trial, read)
        self._describe(trial, read, code)

    def _replace(
        self, known: _Known, item: TrialSource, read: TrialRead, code: Mapping[str, str]
    ) -> None:
        trial = known.id
        self._writer.execute("DELETE FROM points WHERE trial = ?", (trial,))
        self._points(trial, read)
        last = max((steps[-1] for steps, _ in read.columns.values() if steps), default=0)
        self._writer.rewind(trial, last)  # nothing is behind it; the summaries are made anew
        values = (
            read.state,
            json.dumps(dict(read.params)),
            self._arm(read.params),
            read.point,
            read.seed,
            read.max_steps,
            trial,
        )
        self._writer.execute(
            "UPDATE trials SET state = ?, params = ?, arm = ?, point = ?, seed = ?, "
            "max_steps = ? WHERE id = ?",
            values,
        )
        self._describe(trial, read, code)

    def _points(self, trial: int, read: TrialRead) -> None:
        writer, source = self._writer, self._source
        writer.watch(trial, source.metric, minimize=source.direction == "minimize")
        points = [
            (name, step, value)
            for name, (steps, values) in read.columns.items()
            for step, value in zip(steps, values, strict=True)
        ]
        if points:
            writer.add_points(trial, points)
            self._waiting += len(points)
        writer.forget(trial)

    def _describe(self, trial: int, read: TrialRead, code: Mapping[str, str]) -> None:
        values = (
            read.reason,
            read.step,
            read.seconds,
            read.device,
            json.dumps(dict(read.versions)),
            json.dumps(dict(code)),
            trial,
        )
        self._writer.execute(
            "UPDATE trials SET reason = ?, step = max(step, ?), seconds = ?, device = ?, "
            "versions = ?, code = ? WHERE id = ?",
            values,
        )
        self._waiting += 1

    def _scientific_names(self) -> list[str]:
        """Name what tells arms apart, in the order of their labels."""
        definitions = self._source.definitions
        if not definitions or self._source.design == "joint":
            return []
        spec = self._spec("arms", trials=1, steps=1, every=1, params=())
        scientific = by_role(spec)["scientific"]
        return [name for name in topological(spec) if name in scientific]

    def _arm(self, params: Mapping[str, Any]) -> str:
        return arm_label({name: params[name] for name in self._scientific if name in params})


def _set_goals(connection: sqlite3.Connection, goals: Iterable[tuple[str, str]]) -> None:
    connection.executemany("UPDATE metrics SET goal = ? WHERE name = ?", goals)
