"""What JSON-lines and CSV files have in common: records in order, read through a mapping."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labtui.interop.importing.goals import goal_of
from labtui.interop.importing.mapping import FileMapping
from labtui.interop.importing.records import RecordReader
from labtui.interop.importing.types import BadTrial, Skipped, StudySource, TrialSource
from labtui.interop.importing.values import Curves, Record

Records = Callable[[], Iterator[tuple[str, Record] | Skipped]]
"""Begins to give the records of a file: where each is, and what it holds."""

EXAMPLE = """\
study: my-study
workload: my-model
objective: {{metric: {metric}, goal: minimize}}
hyperparameters:
  learning_rate: {{scale: log, range: [1e-5, 1e-1]{origin}}}
{points}

Its fields: {fields}
docs/importing.md describes mappings."""


def study_of(
    format_name: str,
    source: Path,
    mapping: FileMapping,
    name: str | None,
    records: Records,
    notes: tuple[str, ...] = (),
) -> StudySource:
    """Give the one study of a file.

    Args:
        format_name: What the file is.
        source: The file.
        mapping: What its fields mean.
        name: What the lab calls the study, if not what the mapping says.
        records: Begins to give its records.
        notes: What the person should know about the file.
    """
    reader = RecordReader(mapping)
    trials = _long if mapping.step is not None else _wide
    objective = mapping.objective
    metrics: dict[str, dict[str, Any]] = {}
    for metric in [*(mapping.curve.metrics if mapping.curve else ()), *mapping.values]:
        metrics[metric] = {"goal": goal_of(metric)}
    metrics[objective.metric]["goal"] = objective.goal
    for metric, note in mapping.metrics.items():
        known = note.model_dump(exclude_none=True)
        metrics[metric] = {**metrics.get(metric, {}), **known}
    return StudySource(
        name=name or mapping.study,
        identity=f"{format_name}/{mapping.study}",
        format=format_name,
        root=str(source.resolve()),
        workload=mapping.workload,
        goal=mapping.goal or f"Imported from {source.name}: the best {objective.metric}",
        metric=objective.metric,
        direction=objective.goal,
        selection=objective.select,
        design=mapping.design,
        definitions=mapping.definitions(),
        key_of=_key if reader.told_apart else (lambda source, repetition: source),
        metrics={k: {n: v for n, v in e.items() if v is not None} for k, e in metrics.items()},
        trials=lambda: trials(reader, records),
        notes=notes,
    )


def _key(source: str, repetition: int) -> str:
    """Tell reruns apart: their sources end in their number where they share a name."""
    return f"{source.removesuffix(f'/{repetition}')}#{repetition}"


def _wide(reader: RecordReader, records: Records) -> Iterator[TrialSource | Skipped]:
    """Give the trials of a file with a row a trial, or a row a configuration with its reruns."""
    point = -1
    shared = _shared_names(reader, records)
    seen: Counter[str] = Counter()
    for item in records():
        if isinstance(item, Skipped):
            yield item
            continue
        point += 1
        where, record = item
        try:
            yield from _of_record(reader, record, where, point, shared, seen)
        except BadTrial as error:
            yield Skipped(error.where, error.reason)


def _shared_names(reader: RecordReader, records: Records) -> frozenset[str]:
    """Name the trials that stand in several lines, as reruns with a seed of their own do."""
    if not reader.told_apart or reader.mapping.trial is None:
        return frozenset()
    names: Counter[str] = Counter()
    for item in records():
        if not isinstance(item, Skipped):
            with suppress(BadTrial):
                names[reader.name(item[1], item[0])] += 1
    return frozenset(name for name, count in names.items() if count > 1)


def _of_record(
    reader: RecordReader,
    record: Record,
    where: str,
    point: int,
    shared: frozenset[str],
    seen: Counter[str],
) -> Iterator[TrialSource]:
    name = reader.name(record, where)
    first = _repetition(reader, record, where, name, seen)
    reruns = reader.reruns(record, where)
    text = json.dumps(record, sort_keys=True).encode()
    for rerun in [None] if reruns is None else range(reruns):
        repetition = first + (rerun or 0)
        ends = rerun is not None or name in shared
        source = f"{name}/{repetition if rerun is None else rerun}" if ends else name
        yield TrialSource(
            source=source,
            key=_key(source, repetition) if reader.told_apart else source,
            file="record",
            fingerprint=lambda: reader.mark(text),
            read=lambda rerun=rerun: reader.read(record, where, point=point, rerun=rerun),  # type: ignore[misc]
            repetition=repetition,
        )


def _repetition(
    reader: RecordReader, record: Record, where: str, name: str, seen: Counter[str]
) -> int:
    """Give the number of a rerun: what the record says, else how often its configuration came."""
    if reader.mapping.repetition is not None or reader.mapping.seed is None:
        return reader.repetition(record, where)
    params = reader.params(record, where, [])
    configuration = json.dumps(params, sort_keys=True) if params else name
    seen[configuration] += 1
    return seen[configuration] - 1


@dataclass
class _Rows:
    """The rows of one trial, as they come."""

    name: str
    where: str
    point: int
    first: Record
    last: dict[str, Any]
    curves: Curves = field(default_factory=Curves)
    digest: Any = field(default_factory=hashlib.sha256)
    problem: BadTrial | None = None


def _long(reader: RecordReader, records: Records) -> Iterator[TrialSource | Skipped]:
    """Give the trials of a file with a row a point; rows of one trial need not be neighbours."""
    trials: dict[tuple[str, ...], _Rows] = {}
    newest: dict[str, tuple[str, ...]] = {}
    for item in records():
        if isinstance(item, Skipped):
            yield item
            continue
        where, record = item
        try:
            name = reader.name(record, where)
        except BadTrial as error:
            yield Skipped(error.where, error.reason)
            continue
        marks = reader.marks(record)
        key = (name, *marks) if any(marks) else newest.get(name, (name,))
        newest[name] = key
        rows = trials.get(key)
        if rows is None:
            rows = trials[key] = _Rows(name, where, len(trials), record, dict(record))
        _take_row(reader, rows, record, where)
    shared = Counter(rows.name for rows in trials.values())
    seen: Counter[str] = Counter()
    for rows in trials.values():
        if rows.problem is not None:
            yield Skipped(rows.problem.where, rows.problem.reason)
            continue
        yield _of_rows(reader, rows, seen, ends=shared[rows.name] > 1)


def _take_row(reader: RecordReader, rows: _Rows, record: Record, where: str) -> None:
    rows.digest.update(json.dumps(record, sort_keys=True).encode())
    rows.last.update({key: value for key, value in record.items() if value not in (None, "")})
    if reader.step is None or rows.problem is not None:
        return
    try:
        step = reader.step_of(record, reader.step, "row", where)
        for metric, value in reader.row_values(record, where):
            rows.curves.add(metric, step, value)
    except BadTrial as error:
        rows.problem = error
        return
    rows.curves.last = max(rows.curves.last, step)


def _of_rows(reader: RecordReader, rows: _Rows, seen: Counter[str], *, ends: bool) -> TrialSource:
    record = {**rows.last, **{k: v for k, v in rows.first.items() if v not in (None, "")}}
    ended = {rule.field: rows.last.get(rule.field) for rule in reader.mapping.infeasible}
    record.update({key: value for key, value in ended.items() if value is not None})
    try:
        repetition = _repetition(reader, record, rows.where, rows.name, seen)
    except BadTrial:
        repetition = 0  # reading it says what is wrong
    source = f"{rows.name}/{repetition}" if ends else rows.name
    return TrialSource(
        source=source,
        key=_key(source, repetition) if reader.told_apart else source,
        file="rows",
        fingerprint=lambda: reader.mark(rows.digest.digest()),
        read=lambda: reader.trial(record, rows.curves, rows.where, point=rows.point),
        repetition=repetition,
    )
