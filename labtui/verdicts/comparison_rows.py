"""The table of a comparison: parameters, outcomes, and of studies their designs and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labtui.analysis.findings import SEVERITIES
from labtui.store.lab import Lab
from labtui.study.kinds import REPEATED
from labtui.verdicts.beside import UNSET, alike, value_cell
from labtui.verdicts.comparison import Row, Section, Side, objective_of
from labtui.verdicts.comparison_chance import rerun_values, search_luck
from labtui.verdicts.tables import selected_step
from labtui.verdicts.text import (
    MISSING,
    clean,
    condition_text,
    domain_text,
    duration,
    number,
    share_text,
    value_text,
)


def trial_sections(lab: Lab, sides: Sequence[Side]) -> list[Section]:
    """Set the parameters and outcomes of trials beside each other."""
    return [
        Section("parameters", parameter_rows(sides)),
        Section("outcome", _outcome(lab, sides)),
    ]


def study_sections(lab: Lab, sides: Sequence[Side]) -> list[Section]:
    """Set results, findings, search spaces and designs of studies beside each other."""
    return [
        Section("result", _result(lab, sides)),
        Section("findings", _findings(sides)),
        Section("search space", _space(sides)),
        Section("parameters of the best", parameter_rows(sides)),
        Section("design", _design(sides)),
    ]


def parameter_rows(sides: Sequence[Side]) -> tuple[Row, ...]:
    """Compare configurations, what differs first; a parameter that is not in force is missing."""
    params = [side.trial.params if side.trial is not None else {} for side in sides]
    names = dict.fromkeys(name for one in params for name in one)
    rows = [_parameter(name, params) for name in names]
    return tuple(sorted(rows, key=lambda row: not row.differs))


def _parameter(name: str, params: Sequence[Mapping[str, Any]]) -> Row:
    values = [one.get(name, UNSET) for one in params]
    differs = not all(alike(value, values[0]) for value in values)
    cells = tuple(map(value_cell, values))
    return Row(clean(name), cells, tuple(one.get(name) for one in params), differs)


def _row(
    name: str,
    sides: Sequence[Side],
    value: Callable[[Side], Any],
    shown: Callable[[Any], str] = value_text,
    *,
    long: bool = False,
) -> Row:
    """Make a row of one value a side; None is missing."""
    values = tuple(value(side) for side in sides)
    cells = tuple(MISSING if one is None else clean(shown(one)) for one in values)
    return Row(name, cells, values, len(set(map(str, values))) > 1, long)


def _of_trial(name: str) -> Callable[[Side], Any]:
    return lambda side: getattr(side.trial, name) if side.trial is not None else None


def _told(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Leave out rows that say nothing of any."""
    return tuple(row for row in rows if any(one not in (None, "") for one in row.values))


# -- trials ---------------------------------------------------------------------------------


def _outcome(lab: Lab, sides: Sequence[Side]) -> tuple[Row, ...]:
    again = {side.name: _again(lab, side) for side in sides}
    rows = [
        _row("state", sides, _of_trial("state")),
        _row("reason", sides, lambda s: s.trial.reason or None if s.trial else None, long=True),
        _row("arm", sides, lambda s: s.trial.arm or None if s.trial else None),
        _row(_value_name(sides), sides, lambda s: s.trial.value if s.trial else None, number),
        _row("at step", sides, lambda s: selected_step(s.trial) if s.trial else None, number),
        _row("last value", sides, _of_trial("last_value"), number),
        _row("trained again", sides, lambda side: again[side.name]),
        _row("steps", sides, _of_trial("step"), number),
        _row("seconds", sides, lambda s: s.trial.seconds or None if s.trial else None, duration),
        _row("seed", sides, _of_trial("seed"), lambda seed: str(seed)),
        _row("device", sides, lambda s: s.trial.device or None if s.trial else None),
    ]
    return _told(rows)


def _value_name(sides: Sequence[Side]) -> str:
    how = "best" if sides[0].study.selection == "best" else "final"
    return f"{how} {clean(sides[0].study.metric)}"


def _again(lab: Lab, side: Side) -> str | None:
    """Write what reruns came to: ``0.0231 ± 0.002 (5)``."""
    import numpy as np

    from labtui.analysis.spread import spread

    values = rerun_values(lab, side)
    if values is None:
        return None
    found = spread(values if side.study.minimize else -np.asarray(values))
    if found.mean is None:
        return f"none of {found.reruns} could be trained"
    deviation = "" if found.deviation is None else f" ± {found.deviation:.2g}"
    return f"{number(found.mean)}{deviation} ({found.feasible})"


# -- studies --------------------------------------------------------------------------------


def _result(lab: Lab, sides: Sequence[Side]) -> tuple[Row, ...]:
    lucks = {side.name: search_luck(lab, side) for side in sides}
    rows = [
        _row("answer", sides, _answer, long=True),
        _row("state", sides, lambda side: side.study.state),
        _row(_value_name(sides), sides, lambda side: _best(side, lucks[side.name])),
        _row("best trial", sides, lambda side: f"#{side.trial.number}" if side.trial else None),
        _row("trained again", sides, lambda side: _again(lab, side)),
        _row("ended", sides, lambda side: f"{side.study.ended} of {side.study.total}"),
        _row("infeasible", sides, _infeasible),
        _row("alerts", sides, lambda side: _count(side, "alert"), number),
        _row("warnings", sides, lambda side: _count(side, "warning"), number),
    ]
    return _told(rows)


def _answer(side: Side) -> str | None:
    return side.check.answer.sentence if side.check is not None else None


def _best(side: Side, luck: float | None) -> str | None:
    """Write the best with the luck of its search; of reruns the best is mere luck."""
    if side.trial is None or side.study.kind in REPEATED:
        return None
    return number(side.trial.value) + ("" if luck is None else f" ± {luck:.2g}")


def _infeasible(side: Side) -> str:
    return share_text(side.study.counts.get("infeasible", 0), side.study.ended)


def _count(side: Side, severity: str) -> int | None:
    if side.check is None:
        return None
    return sum(one == severity for one in _weights(side).values())


def _weights(side: Side) -> dict[str, str]:
    """Give the gravest weight of every finding by its name; findings that only inform left out."""
    from labtui.verdicts.followups_grounds import answer_text, weight

    found: dict[str, str] = {}
    for one in side.check.verdict.findings if side.check is not None else ():
        name, heavy = answer_text(one), weight(one)
        if heavy != "info" and found.get(name) != "alert":
            found[name] = heavy
    return found


def _findings(sides: Sequence[Side]) -> tuple[Row, ...]:
    """Say which has which finding: what all share last, among equals the gravest first."""
    weights = [_weights(side) for side in sides]
    rows = []
    for name in dict.fromkeys(name for found in weights for name in found):
        values = tuple(found.get(name) for found in weights)
        cells = tuple(_severity(one) for one in values)
        rows.append(Row(clean(name), cells, values, len(set(values)) > 1))

    def order(row: Row) -> tuple[bool, int]:
        return not row.differs, min(SEVERITIES.index(one) for one in row.values if one is not None)

    return tuple(sorted(rows, key=order))


def _severity(severity: Any) -> str:
    from labtui.verdicts.summary import GLYPHS

    return MISSING if severity is None else f"{GLYPHS[severity]} {severity}"


def _space(sides: Sequence[Side]) -> tuple[Row, ...]:
    """Compare roles and ranges; a hyperparameter under two conditions is two (P07)."""
    spaces = [{(str(d["name"]), condition_text(d)): d for d in s.definitions} for s in sides]
    rows = []
    for key in dict.fromkeys(key for one in spaces for key in one):
        name = clean(key[0]) + (f" ({key[1]})" if key[1] else "")
        values = tuple(_definition(one[key]) if key in one else None for one in spaces)
        cells = tuple(MISSING if one is None else one for one in values)
        rows.append(Row(name, cells, values, len(set(values)) > 1))
    return tuple(sorted(rows, key=lambda row: not row.differs))


def _definition(definition: Mapping[str, Any]) -> str:
    return f"{definition['role']} {domain_text(definition)}"


def _design(sides: Sequence[Side]) -> tuple[Row, ...]:
    rows = [
        _row("goal", sides, lambda side: side.study.goal or None, long=True),
        _row("workload", sides, lambda side: side.study.workload),
        _row("objective", sides, lambda side: side.own or objective_of(side.study), long=True),
        _row("trials", sides, lambda side: side.study.total, number),
        _row("max_train_steps", sides, lambda side: _budget(side, "max_train_steps"), number),
        _row("eval_every", sides, lambda side: _budget(side, "eval_every"), number),
        _row("trainer", sides, _trainer),
        _row("sampler", sides, lambda side: side.study.spec.get("sampler")),
        _row("follows", sides, lambda side: side.study.parent or None),
    ]
    return tuple(sorted(_told(rows), key=lambda row: not row.differs))


def _budget(side: Side, name: str) -> Any:
    return (side.study.spec.get("budget") or {}).get(name)


def _trainer(side: Side) -> str | None:
    trainer = side.study.spec.get("trainer")
    return str(trainer.get("name")) if isinstance(trainer, Mapping) else trainer
