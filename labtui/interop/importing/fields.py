"""Looking through a file before it is read: are the mapping's fields there, and what was searched.

Both take one pass over the records; the first stops once every field was seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from labtui.interop.importing.definitions import definition_of_values
from labtui.interop.importing.mapping import FORMS, CurveFields, FileMapping
from labtui.interop.importing.types import ImportFailed, Skipped
from labtui.interop.importing.values import Missing, Record, find, nearest, number, paths
from labtui.study.fields import Scalar

Records = Callable[[], Iterator[tuple[str, Record] | Skipped]]
"""Begins to give the records of a file: where each is, and what it holds."""

NAMES_SHOWN = 200
"""Records whose names are gathered to find the nearest one."""

SPREAD = frozenset({"scale", "step", "integer", "one_minus"})
"""What is said of a range: with one of these, a range is meant where none is given."""


FEWEST_DRAWN = 5
"""Different numbers, in more than half of the trials, that are taken for draws from a range and not
for a list: a list of five in up to nine trials is shorter than any real grid."""


# -- are the fields there -----------------------------------------------------------------------


def check_fields(mapping: FileMapping, records: Records, file: str) -> tuple[str, ...]:
    """See that every field of a mapping is in some record; give what the person should know.

    Args:
        mapping: The mapping.
        records: Begins to give the records.
        file: What messages call the file.

    Raises:
        ImportFailed: One is in no record; the nearest name is told.
    """
    wanted = dict(_record_fields(mapping))
    inside = dict(_curve_fields(mapping.curve)) if mapping.curve else {}
    known: dict[str, None] = {}
    points: dict[str, None] = {}
    some = False
    for index, (_, record) in enumerate(_objects(records)):
        some = True
        if index < NAMES_SHOWN:
            known.update(dict.fromkeys(paths(record)))
        wanted = {use: path for use, path in wanted.items() if not _has(record, path)}
        if inside and mapping.curve:
            names = _point_names(record, mapping.curve)
            points.update(dict.fromkeys(names) if index < NAMES_SHOWN else ())
            inside = {use: path for use, path in inside.items() if path not in names}
        if not wanted and not inside and index >= 1:
            break
    place = mapping.curve.path if mapping.curve and mapping.curve.path else "the curve"
    missing = [(use, path, nearest(path, known), "") for use, path in wanted.items() if some]
    missing += [
        (use, path, nearest(path, points), f" in {place}") for use, path in inside.items() if points
    ]
    notes = []
    for use, path, near, where in missing:
        if _may_lack(use, mapping.objective.metric) and "did you mean" not in near:
            notes.append(f"found no field {path!r}{where} ({use}) in any record")
        else:
            raise ImportFailed(f"{file}: found no field {path!r}{where} ({use}){near}")
    return tuple(notes)


def _may_lack(use: str, objective: str) -> bool:
    """Say whether a field may be in no record: what only some programs, or failed trials, write."""
    kind, _, metric = use.removeprefix("curve.").partition(".")
    if kind in ("values", "metrics"):
        return metric != objective
    return use in ("infeasible.field", "seconds")


def _objects(records: Records) -> Iterator[tuple[str, Record]]:
    return (item for item in records() if not isinstance(item, Skipped))


def _has(record: Record, path: str) -> bool:
    try:
        find(record, path)
    except Missing:
        return False
    return True


def _record_fields(mapping: FileMapping) -> Iterator[tuple[str, str]]:
    trial = mapping.trial if isinstance(mapping.trial, list) else [mapping.trial]
    for path in trial:
        if path is not None:
            yield "trial", path
    for use in ("seed", "repetition", "seconds", "planned"):
        path = getattr(mapping, use)
        if isinstance(path, str):
            yield use, path
    if mapping.step is not None:
        yield "step", mapping.step.origin
    if mapping.curve is not None and mapping.curve.path is not None:
        yield "curve.path", mapping.curve.path
    for metric, path in mapping.values.items():
        yield f"values.{metric}", path
    for rule in mapping.infeasible:
        yield "infeasible.field", rule.field
    for name, listed in mapping.hyperparameters.items():
        for definition in listed:
            if definition.role == "fixed" and definition.origin is None:
                continue
            for path in _operands(name if definition.origin is None else definition.origin):
                yield f"hyperparameters.{name}", path


def _operands(origin: Any) -> Iterator[str]:
    if isinstance(origin, str):
        yield origin
    elif isinstance(origin, dict):
        for operands in origin.values():
            listed = operands if isinstance(operands, list) else [operands]
            yield from (one for one in listed if isinstance(one, str))


def _curve_fields(curve: CurveFields) -> Iterator[tuple[str, str]]:
    if curve.step is not None:
        yield "curve.step", curve.step.origin
    for metric, path in curve.metrics.items():
        yield f"curve.metrics.{metric}", path


def _point_names(record: Record, curve: CurveFields) -> set[str]:
    """Name the fields of the points of one record's curve."""
    try:
        value = record if curve.path is None else find(record, curve.path)
    except Missing:
        return set()
    if isinstance(value, Mapping):
        return set(paths(value))
    found: set[str] = set()
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            found.update(paths(item))
        elif isinstance(item, list):
            found.update(map(str, range(len(item))))
    return found


# -- what was searched --------------------------------------------------------------------------


def complete(found: Any, records: Records) -> tuple[str, ...]:
    """Take a range or list that a mapping leaves out from the trials; say what was taken.

    Args:
        found: The mapping as it was written; its hyperparameters are completed in place.
        records: Begins to give the records.

    Raises:
        ImportFailed: No trial has a value of one that is left out.
    """
    if not isinstance(found, dict):
        return ()
    space = found.get("hyperparameters")
    if isinstance(space, list) and all(isinstance(name, str) for name in space):
        space = found["hyperparameters"] = {name: {} for name in space}
    if not isinstance(space, dict):
        return ()
    open_ones = {name: entry or {} for name, entry in space.items() if _is_open(entry)}
    if not open_ones:
        return ()
    taken: dict[str, dict[Any, Scalar]] = {name: {} for name in open_ones}
    counts = dict.fromkeys(open_ones, 0)
    known: dict[str, None] = {}
    for index, (_, record) in enumerate(_objects(records)):
        if index < NAMES_SHOWN:
            known.update(dict.fromkeys(paths(record)))
        for name, entry in open_ones.items():
            value = _read(record, entry.get("from", name))
            if value is not None:
                counts[name] += 1
                taken[name].setdefault((isinstance(value, bool), value), value)
    notes: list[str] = []
    for name, entry in open_ones.items():
        values = list(taken[name].values())
        if not values:
            raise ImportFailed(_nothing_taken(name, entry, known))
        unique = len(values) >= FEWEST_DRAWN and 2 * len(values) > counts[name]
        spread = unique or bool(SPREAD & set(entry))
        definition = definition_of_values(values, spread=spread)
        if entry.get("role") not in (None, "fixed") and "value" in definition:
            definition = {"values": [definition["value"]]}
        space[name] = {**definition, **entry}
        if entry.get("role") == "fixed" and "value" not in definition:
            space[name]["role"] = "nuisance"
        notes.append(f"{name}: no range is given; taken from the trials: {_told(space[name])}")
    return tuple(notes)


def _nothing_taken(name: str, entry: Mapping[str, Any], known: Iterable[str]) -> str:
    for path in _operands(entry.get("from", name)):
        if path not in known:
            return f"found no field {path!r} (hyperparameters.{name}){nearest(path, known)}"
    return f"hyperparameters.{name}: no trial has a value; give its 'range', or leave it out"


def _is_open(entry: Any) -> bool:
    return entry is None or (
        isinstance(entry, dict) and not {"value", "values", "range"} & set(entry)
    )


def _read(record: Record, origin: Any) -> Scalar:
    try:
        if isinstance(origin, dict) and len(origin) == 1:
            ((form, operands),) = origin.items()
            listed = operands if isinstance(operands, list) else [operands]
            given = [number(find(record, o)) if isinstance(o, str) else o for o in listed]
            return FORMS[form](*given)
        value = find(record, str(origin))
    except (Missing, ValueError, TypeError, KeyError, ArithmeticError):
        return None
    if isinstance(value, (list, dict)):
        return None
    if type(value) is int and not math.isfinite(number(value)):
        return str(value)
    return as_number(value) if isinstance(value, str) else value


def as_number(text: str) -> Scalar:
    """Give the number that a text is, else the text; beyond the floats none is."""
    for kind in (int, float):
        try:
            found = kind(text)
        except ValueError:
            continue
        return found if math.isfinite(number(found)) else text
    return text


def _told(definition: Mapping[str, Any]) -> str:
    if "range" in definition:
        low, high = definition["range"]
        return f"{definition.get('scale', 'linear')}, [{low:g}, {high:g}]"
    values: Iterable[Any] = definition.get("values", [definition.get("value")])
    listed = [str(value) for value in values]
    return ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
