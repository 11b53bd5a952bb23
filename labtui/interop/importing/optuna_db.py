"""Optuna's databases (SQLite), read without Optuna and without changing them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labtui.interop.importing.definitions import scalars
from labtui.interop.importing.foreign import MLFLOW, MLFLOW_TABLES
from labtui.interop.importing.judging import ending
from labtui.interop.importing.types import (
    ImportFailed,
    Skipped,
    StudySource,
    TrialRead,
    TrialSource,
    fingerprint,
)
from labtui.interop.importing.values import MOST_STEPS, Curves
from labtui.study.errors import display
from labtui.study.fields import Scalar

SCHEMA = 12
"""The version of Optuna's tables that is read: what Optuna 5.0 writes."""

TABLES = ("studies", "study_directions", "trials", "trial_params", "trial_values")

ENDED = {
    "COMPLETE": ("completed", ""),
    "PRUNED": ("stopped", "pruned"),
    "FAIL": ("failed", "failed"),
}
"""Optuna's states of trials that have ended, and labtui's state and reason."""

NOT_OPTUNA = (
    *(sqlite3.Error, KeyError, IndexError, TypeError, ValueError, AttributeError),
    *(OverflowError, RecursionError),
)
"""What goes wrong where columns are missing, or values are not as Optuna writes them."""

MAXIMIZE = "MAXIMIZE"


def read_database(
    source: Path, name: str | None = None, metric: str | None = None
) -> list[StudySource]:
    """Find the studies in an Optuna database.

    Args:
        source: The file.
        name: The study in it to import, where there are several; else what the lab calls it.
        metric: What the objective is called: Optuna does not name it.

    Raises:
        ImportFailed: The file is not Optuna's, of another version, or has no study to import.
    """
    with closing(_open(source)) as database, _understood(source):
        _check(source, database)
        studies = _studies(database)
    if not studies:
        raise ImportFailed(f"{source}: found no study in it")
    chosen = [one for one in studies if one[1] == name] or studies
    if name is not None and len(chosen) > 1:
        names = ", ".join(repr(one[1]) for one in studies)
        raise ImportFailed(f"--study: found no {name!r} in {source}; it has {names}")
    single = [one for one in chosen if len(one[2]) == 1]
    if not single:
        count = max(len(one[2]) for one in chosen)
        raise ImportFailed(
            f"{source}: study {chosen[0][1]!r} has {count} objectives, and a study of labtui has "
            "one; import a study with one"
        )
    left = tuple(
        f"{one[1]!r} was left out: it has {len(one[2])} objectives"
        for one in chosen
        if len(one[2]) > 1
    )
    return [
        _study(
            source,
            one,
            name if len(chosen) == 1 and name else one[1],
            metric or "objective",
            left if place == 0 else (),
        )
        for place, one in enumerate(single)
    ]


# -- the file -------------------------------------------------------------------------------


def _open(source: Path) -> sqlite3.Connection:
    """Open a database to read it; one that cannot be read in place is copied into memory."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(source.resolve()))}?mode=ro", uri=True, timeout=5.0
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise _unreadable(source, error) from error
    copy = sqlite3.connect(":memory:")
    try:
        connection.backup(copy)  # one state of it, also while a study is written
    except sqlite3.Error as error:
        copy.close()
        raise _unreadable(source, error) from error
    finally:
        connection.close()
    copy.text_factory = lambda data: data.decode("utf-8", "replace")
    return copy


def _unreadable(source: Path, error: sqlite3.Error) -> ImportFailed:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ImportFailed(
            f"{source}: another program has locked it ({error}); import it when that is done"
        )
    return ImportFailed(f"{source}: cannot be read: {error}")


@contextmanager
def _understood(source: Path) -> Iterator[None]:
    try:
        yield
    except NOT_OPTUNA as error:
        raise ImportFailed(
            f"{source}: holds what Optuna does not write ({_named(error)}); nothing was imported"
        ) from error


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _check(source: Path, database: sqlite3.Connection) -> None:
    names = {  # a view may compute anything
        row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if names >= MLFLOW_TABLES:
        raise ImportFailed(f"{source}: {MLFLOW}")
    if "lab" in names and "workloads" in names:
        raise ImportFailed(
            f"{source}: is a lab of labtui; open it as it is: labtui --lab {source.name}"
        )
    if not names.issuperset(TABLES):
        some = ", ".join(sorted(names)[:8]) or "nothing"
        missing = ", ".join(name for name in TABLES if name not in names)
        raise ImportFailed(
            f"{source}: is no database of Optuna that labtui knows: it has no {missing}; "
            f"found {some}"
        )
    if "version_info" in names:
        row = database.execute("SELECT schema_version, library_version FROM version_info")
        version, library = row.fetchone() or (SCHEMA, "?")
        if version != SCHEMA:
            raise ImportFailed(
                f"{source}: found version {version} of Optuna's tables (Optuna {library}); "
                f"expected {SCHEMA}"
            )
    columns = {row[1] for row in database.execute("PRAGMA table_info(trial_values)")}
    if "value_type" not in columns:
        raise ImportFailed(
            f"{source}: was written by an Optuna before 3.0; run `optuna storage upgrade` on a "
            "copy of it first"
        )


def _studies(database: sqlite3.Connection) -> list[tuple[int, str, list[str]]]:
    directions: dict[int, list[str]] = {}
    for study, direction in database.execute(
        "SELECT study_id, direction FROM study_directions ORDER BY study_id, objective"
    ):
        directions.setdefault(study, []).append(direction)
    rows = database.execute("SELECT study_id, study_name FROM studies ORDER BY study_id")
    return [
        (_whole(study), _text(name), directions.get(study, ["MINIMIZE"])) for study, name in rows
    ]


# -- values, which SQLite lets be of any type -----------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"found {display(value)}; expected a name")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST_STEPS:
        raise ValueError(f"found {display(value)}; expected a whole number from 0")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"found {display(value)}; expected a number")
    return value


# -- a study --------------------------------------------------------------------------------


def _study(
    source: Path, found: tuple[int, str, list[str]], name: str, metric: str, notes: tuple[str, ...]
) -> StudySource:
    study, original, directions = found
    direction = "maximize" if directions[0] == MAXIMIZE else "minimize"
    with closing(_open(source)) as database, _understood(source):
        definitions, more = _definitions(database, study)
        selection = _selection(database, study, direction)
    return StudySource(
        name=name,
        identity=f"optuna/{original}",
        format="optuna",
        root=str(source.resolve()),
        workload=original,
        goal=f"Imported from {source.name}: the best {metric} of {original}",
        metric=metric,
        direction=direction,
        selection=selection,
        definitions=definitions,
        metrics={metric: {"goal": direction}},
        trials=lambda: _trials(source, study, metric),
        notes=(*notes, *more),
    )


def _definitions(
    database: sqlite3.Connection, study: int
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Read the search space from the distributions of all trials; ranges that grew are joined."""
    rows = database.execute(
        "SELECT DISTINCT p.param_name, p.distribution_json FROM trial_params p "
        "JOIN trials t ON t.trial_id = p.trial_id WHERE t.study_id = ? ORDER BY p.param_id",
        (study,),
    )
    listed: dict[str, list[dict[str, Any]]] = {}
    for name, text in rows:
        definition = definition_of(json.loads(text))
        if definition not in listed.setdefault(_text(name), []):
            listed[name].append(definition)
    notes = [
        f"{name} was searched in {len(found)} ranges; they are joined"
        for name, found in listed.items()
        if len(found) > 1
    ]
    return {name: [_joined(found)] for name, found in listed.items()}, notes


def definition_of(distribution: Mapping[str, Any]) -> dict[str, Any]:
    """Give an Optuna distribution as a definition of a study file."""
    kind, attributes = distribution["name"], distribution["attributes"]
    if "choices" in attributes:
        values = list(scalars(dict(enumerate(attributes["choices"]))).values())  # type: ignore[arg-type]
        return _listed(values)
    low, high = _number(attributes["low"]), _number(attributes["high"])
    if low == high:
        return {"role": "fixed", "value": low}
    log = bool(attributes.get("log")) or "Log" in kind
    definition: dict[str, Any] = {"role": "nuisance", "range": [low, high]}
    if log:
        definition["scale"] = "log"
    if kind.startswith("Int"):
        definition["integer"] = True
    step = attributes.get("step", attributes.get("q"))
    if step and not log and not (definition.get("integer") and step == 1):
        definition["step"] = step
        if step > high - low:
            return {"role": "fixed", "value": low}
    return definition


def _listed(values: Sequence[Scalar]) -> dict[str, Any]:
    if len(values) == 1:
        return {"role": "fixed", "value": values[0]}
    return {"role": "nuisance", "values": list(values)}


def _joined(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the definitions of one name: the widest range, or all of the values."""
    if len(found) == 1:
        return found[0]
    ranges = [one["range"] for one in found if "range" in one]
    if ranges:
        fixed = [one["value"] for one in found if "value" in one]
        low = min([r[0] for r in ranges] + fixed)
        high = max([r[1] for r in ranges] + fixed)
        base = next(one for one in found if "range" in one)
        return {**{k: v for k, v in base.items() if k != "step"}, "range": [low, high]}
    values: list[Scalar] = []
    for one in found:
        new = one.get("values", [one.get("value")])
        values += [value for value in new if value not in values]
    return _listed(values)


# -- trials ---------------------------------------------------------------------------------


def _trials(source: Path, study: int, metric: str) -> Iterator[TrialSource | Skipped]:
    with closing(_open(source)) as database:
        with _understood(source):
            rows = database.execute(
                "SELECT trial_id, number, state, "
                "(julianday(datetime_complete) - julianday(datetime_start)) * 86400.0 "
                "FROM trials WHERE study_id = ? ORDER BY number",
                (study,),
            ).fetchall()
        for trial, number, state, seconds in rows:
            where = f"{source.name}:trial {number}"
            if state not in ENDED:
                yield Skipped(where, f"is {str(state).lower()}; import again when it has ended")
                continue
            try:
                found = _read(
                    database, trial, _whole(number), state, max(0.0, seconds or 0.0), metric
                )
            except NOT_OPTUNA as error:
                yield Skipped(where, f"holds what Optuna does not write ({_named(error)})")
                continue
            told = json.dumps([*vars(found).values()], default=str).encode()
            yield TrialSource(
                source=f"trial {number}",
                key=f"trial {number}",
                file="row",
                fingerprint=partial(fingerprint, told),
                read=partial(_same, found),
            )


def _same(found: TrialRead) -> TrialRead:
    return found


def _read(
    database: sqlite3.Connection, trial: int, number: int, state: str, seconds: float, metric: str
) -> TrialRead:
    curves = Curves()
    for step, value, kind in database.execute(
        "SELECT step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
        "WHERE trial_id = ? ORDER BY step",
        (trial,),
    ):
        if not isinstance(step, int) or step >= 0:
            _whole(step)
            curves.add(metric, step, _stored(value, kind))
    value = _value(database, trial)
    reported = list(curves.columns.get(metric, {}).values())
    if value is not None and value not in reported:
        curves.add(metric, curves.last + 1, value)
    columns = curves.sorted()
    ended, reason = ENDED[state]
    if ended == "completed" or (ended == "failed" and columns):  # a NaN fails a trial of Optuna
        judged = ending(columns, metric)
        ended, reason = judged if ended == "completed" or judged[1] else (ended, reason)
    return TrialRead(
        params=dict(_params(database, trial)),
        columns=columns,
        state=ended,
        reason=reason,
        step=curves.last,
        point=number,
        seconds=seconds,
    )


def _value(database: sqlite3.Connection, trial: int) -> float | None:
    row = database.execute(
        "SELECT value, value_type FROM trial_values WHERE trial_id = ? AND objective = 0", (trial,)
    ).fetchone()
    return None if row is None else _stored(*row)


def _selection(database: sqlite3.Connection, study: int, direction: str) -> str:
    """Say what a trial's value is: the best of what it reported, in all trials, or the last."""
    better = min if direction == "minimize" else max
    values: dict[int, float | None] = {}
    reported: dict[int, list[float]] = {}
    for trial, value, kind in database.execute(
        "SELECT i.trial_id, i.intermediate_value, i.intermediate_value_type "
        "FROM trial_intermediate_values i JOIN trials t ON t.trial_id = i.trial_id "
        "WHERE t.study_id = ? AND t.state = 'COMPLETE' ORDER BY i.trial_id, i.step",
        (study,),
    ):
        reported.setdefault(trial, []).append(_stored(value, kind))
        values.setdefault(trial, _value(database, trial))
    agree = all(values[trial] == better(found) for trial, found in reported.items())
    return "best" if agree else "final"


def _stored(value: float | None, kind: str) -> float:
    infinities = {"INF_POS": math.inf, "INF_NEG": -math.inf}
    return infinities.get(kind, math.nan if value is None else float(value))


def _params(database: sqlite3.Connection, trial: int) -> Iterator[tuple[str, Scalar]]:
    for name, value, text in database.execute(
        "SELECT param_name, param_value, distribution_json FROM trial_params "
        "WHERE trial_id = ? ORDER BY param_id",
        (trial,),
    ):
        distribution = json.loads(text)
        attributes = distribution["attributes"]
        name, value = _text(name), _number(value)
        if "choices" in attributes:
            chosen = attributes["choices"][int(value)]
            yield (
                name,
                scalars({name: chosen})[name] if not isinstance(chosen, dict) else str(chosen),
            )
        elif distribution["name"].startswith("Int"):
            yield name, int(value)
        else:
            yield name, value
