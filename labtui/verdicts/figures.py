"""Training curves and axis plots, described once for every screen."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from labtui.analysis.findings import Finding
from labtui.analysis.ranking import ranked
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.fields import same
from labtui.trainer.trial import loss_behind
from labtui.verdicts.tables import selected_step
from labtui.verdicts.text import clean, condition_text, number, value_text

LOG_DECADES = 1.5
"""A loss that spans more decades than this is drawn on a log axis."""

PROPOSED = "proposed_range"
"""The evidence of a finding that names another range, in the units of the study file."""

DRAWN = frozenset({"completed", "infeasible", "failed"})
"""States of the trials in an axis plot; one that a person stopped says nothing of its place."""

MARKERS = "•▲■+"
"""Points of the arms, told apart by shape where colours are not; a fifth has the first again."""

REACH = 0.97
"""The shade of a proposed range ends a little before its mark, which it would hide."""

Definition = Mapping[str, Any]


# -- training curves (P17) ------------------------------------------------------------------


def best_trials(
    study: StudyRecord, trials: Sequence[TrialRecord], n: int, per_arm: bool = True
) -> list[TrialRecord]:
    """Choose the best few trials; where none has completed, the best of the others.

    Args:
        study: The study that says what is better.
        trials: The trials to choose from.
        n: How many; of each arm, if `per_arm`.
        per_arm: Choose in each arm, so that none is left out.

    Returns:
        The chosen ones, arm by arm, the best of each first.
    """
    groups: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(trial.arm if per_arm else "", []).append(trial)
    chosen: list[TrialRecord] = []
    for group in groups.values():
        completed = [trial for trial in group if trial.state == "completed"]
        pool = completed or [trial for trial in group if trial.step > 0]
        order = ranked([trial.value for trial in pool], study.minimize)
        chosen += [pool[index] for index in order[:n]]
    return chosen


def curves(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    *,
    metrics: Sequence[str] | None = None,
    limit: int = 8,
    bright: Collection[int] | None = None,
) -> list[ChartSpec]:
    """Describe the training curves of trials, one figure for metrics that differ by split alone.

    Args:
        lab: Where the points are.
        study: The study of the trials.
        trials: Whose curves; of more than `limit`, the best.
        metrics: What to show; by default the objective and the loss behind it, each on the split
            of the objective and on the training split.
        limit: Most trials in a figure.
        bright: Ids of the trials that stand out, where that is not all of them: the others are
            dimmed below them, without their training split.

    Returns:
        The figures; the first split of each is drawn bright, the others dimmed in its colour.
    """
    logged = set(lab.metrics(study.name))
    asked = default_metrics(study, logged) if metrics is None else list(dict.fromkeys(metrics))
    shown = list(trials)
    if len(shown) > limit:
        shown = best_trials(study, shown, limit, per_arm=False)
    groups: dict[str, list[str]] = {}
    for metric in asked:
        groups.setdefault(metric.rpartition("/")[2], []).append(metric)
    chosen = {trial.id for trial in shown} if bright is None else set(bright)
    return [_curves(lab, study, shown, leaf, group, chosen) for leaf, group in groups.items()]


def default_metrics(study: StudyRecord, logged: set[str]) -> list[str]:
    """Name the objective and its loss, each with its training twin, of what was logged."""
    names = []
    for metric in (study.metric, loss_behind(study.metric)):
        names += [metric, f"train/{metric.rpartition('/')[2]}"]
    return [name for name in dict.fromkeys(names) if name in logged or name == study.metric]


def _curves(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    leaf: str,
    metrics: Sequence[str],
    bright: Collection[int],
) -> ChartSpec:
    series: list[Series] = []
    by_id = {trial.id: trial for trial in sorted(trials, key=lambda trial: trial.id in bright)}
    # Later series lie on top, so the first split is drawn last.
    for place, metric in reversed(list(enumerate(metrics))):
        wanted = [ident for ident in by_id if place == 0 or ident in bright]
        for curve in lab.curves(wanted, metric):
            trial = by_id[curve.trial]
            chosen = place == 0 and trial.id in bright
            label = trial_label(trial) if chosen else ""
            series.append(
                Series(curve.steps, curve.values, label=label, key=trial.id, emphasis=chosen)
            )
    marks = [
        _selected(trial) for trial in trials[:1] if len(trials) == 1 and study.metric in metrics
    ]
    values = (value for one in series for value in one.y)
    return ChartSpec(
        title=_curve_title(leaf, metrics),
        x=Axis("step"),
        y=Axis(scale=scale_of(values) if leaf.endswith("loss") else "linear"),
        series=tuple(series),
        marks=tuple(mark for mark in marks if mark),
        worst="top" if study.minimize else "bottom",
        empty="" if series else why_empty(lab, study),
    )


def trial_label(trial: TrialRecord) -> str:
    """Name a trial in a legend: ``#7 optimizer=adam``."""
    return f"#{trial.number} {clean(trial.arm)}".strip()


def why_empty(lab: Lab, study: StudyRecord) -> str:
    """Say why no curve can be drawn: none yet, or never, with the commonest reason."""
    trials = lab.trials(study.name)
    if not trials or any(trial.state not in ENDED for trial in trials):
        return "no points yet: they appear as the trials are evaluated"
    states = Counter(trial.state for trial in trials)
    ends = ", ".join(f"{count} {state}" for state, count in states.most_common())
    reasons = Counter(trial.reason for trial in trials if trial.reason).most_common(1)
    why = f"; {clean(reasons[0][0])}" if reasons else ""
    return f"these curves have no points, and none will come: {ends}{why}"


def _selected(trial: TrialRecord) -> Mark | None:
    step = selected_step(trial)
    return None if step is None else Mark("x", step, f"{trial.selection} step {step}", "best")


def _curve_title(leaf: str, metrics: Sequence[str]) -> str:
    splits = [clean(metric.rpartition("/")[0]) for metric in metrics]
    if len(splits) == 1:
        return clean(metrics[0])
    dimmed = ", ".join(splits[1:])
    return f"{clean(leaf)}: {splits[0]} (bright), {dimmed} (dimmed)"


def scale_of(values: Iterable[float]) -> Literal["linear", "log"]:
    """Choose the scale of a metric: log where its values are positive and far apart."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "log" if low > 0 and math.log10(high) - math.log10(low) > LOG_DECADES else "linear"


# -- axis plots (P14) -----------------------------------------------------------------------


def varied(definitions: Sequence[Definition]) -> list[Definition]:
    """Give the definitions that have an axis plot, in its order: nuisance, then scientific."""
    return [d for role in ("nuisance", "scientific") for d in definitions if d["role"] == role]


def axis_plots(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    definitions: Sequence[Definition],
    findings: Sequence[Finding] = (),
    chosen: Sequence[TrialRecord] = (),
) -> list[ChartSpec]:
    """Describe one axis plot for each varied definition, in the order of `varied`.

    A hyperparameter under two parents is two hyperparameters (P07), each with a figure of its own.
    """
    return [
        axis_plot(study, trials, definition, findings, chosen) for definition in varied(definitions)
    ]


@dataclass(frozen=True)
class AxisPoints:
    """Where the ended trials of a study lie on one axis.

    Attributes:
        arms: Of each arm the positions and objectives of the trials that completed.
        crosses: Positions of the infeasible and failed ones.
    """

    arms: Mapping[str, tuple[list[float], list[float]]]
    crosses: Sequence[float]

    def best(self, n: int, *, minimize: bool) -> list[tuple[float, float]]:
        """Give position and objective of the best few, the best first."""
        points = ((y, x) for xs, ys in self.arms.values() for x, y in zip(xs, ys, strict=True))
        pick = heapq.nsmallest if minimize else heapq.nlargest
        found = pick(n, (point for point in points if math.isfinite(point[0])))
        return [(x, y) for y, x in found]


def axis_points(trials: Sequence[TrialRecord], definition: Definition) -> AxisPoints:
    """Place trials on the axis of a definition; those in which it is not in force are left out."""
    arms: dict[str, tuple[list[float], list[float]]] = {}
    crosses: list[float] = []
    name = definition["name"]
    plain = not any(definition.get(key) for key in ("when", "values", "one_minus"))
    for trial in trials:
        if trial.state not in DRAWN:
            continue
        x = trial.params.get(name) if plain else None
        if type(x) is not float:  # 10,000 trials: most are placed without asking further
            x = position(definition, trial.params)
        if x is None:
            continue
        if trial.state != "completed":
            crosses.append(x)
        elif (y := trial.value) is not None:
            xs, ys = arms.setdefault(trial.arm, ([], []))
            xs.append(x)
            ys.append(y)
    return AxisPoints(arms, crosses)


def axis_plot(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    definition: Definition,
    findings: Sequence[Finding] = (),
    chosen: Sequence[TrialRecord] = (),
    points: AxisPoints | None = None,
) -> ChartSpec:
    """Describe the objective over one hyperparameter: a point a trial, a series an arm.

    Args:
        study: The study of the trials.
        trials: Its trials; those in which the definition is not in force are left out.
        definition: One entry of `Lab.hyperparameters`.
        findings: What was judged of the study: a proposed range is drawn beside the bounds.
        chosen: Trials that stand out: the marked ones.
        points: What `axis_points` gives of the trials, where it is at hand.
    """
    name = str(definition["name"])
    points = axis_points(trials, definition) if points is None else points
    condition = condition_text(definition)
    values = [y for _, ys in points.arms.values() for y in ys if math.isfinite(y)]
    proposals = [*_proposals(definition, findings)]
    plain = ChartSpec(
        title=f"{clean(name)} ({condition})" if condition else clean(name),
        x=_axis(definition),
        y=Axis(objective_label(study), scale=scale_of(values)),
        series=(
            *_proposed(definition, proposals, values),
            *(
                _cloud(arm, place, xs, ys)
                for place, (arm, (xs, ys)) in enumerate(points.arms.items())
            ),
            *_best(study, points),
            *_crosses(points.crosses),
        ),
        marks=(*_bounds(definition), *proposals),
        worst="top" if study.minimize else "bottom",
        empty="no trial that has ended has this hyperparameter",
    )
    return with_chosen(plain, definition, chosen)


def with_chosen(
    spec: ChartSpec, definition: Definition, chosen: Sequence[TrialRecord]
) -> ChartSpec:
    """Add trials that stand out to an axis plot without any; its own series stay the same ones."""
    if not chosen:
        return spec
    clouds = [one for one in spec.series if one.role != "infeasible"]
    crosses = [one for one in spec.series if one.role == "infeasible"]
    return replace(
        spec,
        series=(*clouds, *_chosen(definition, chosen), *crosses),
        marks=(*spec.marks, *_lost(definition, chosen)),
    )


def objective_label(study: StudyRecord) -> str:
    """Name the objective and how a study selects it: ``validation/loss (final)``."""
    how = "best over training" if study.selection == "best" else "final"
    return f"{clean(study.metric)} ({how})"


def _cloud(arm: str, place: int, xs: Sequence[float], ys: Sequence[float]) -> Series:
    marker = MARKERS[place % len(MARKERS)]
    return Series(xs, ys, label=clean(arm), role="points", key=arm, marker=marker)


def _best(study: StudyRecord, points: AxisPoints) -> Iterator[Series]:
    for x, y in points.best(1, minimize=study.minimize):
        yield Series((x,), (y,), "best", "points", key="best", marker="★")


def _chosen(definition: Definition, chosen: Sequence[TrialRecord]) -> Iterator[Series]:
    points = axis_points(chosen, definition).arms.values()
    xs = [x for xs, _ in points for x in xs]
    if xs:
        ys = [y for _, ys in points for y in ys]
        label = f"{len(xs)} marked" if len(chosen) > 1 else f"#{chosen[0].number}"
        yield Series(xs, ys, label, "points", key="marked", marker="◆")


def _lost(definition: Definition, chosen: Sequence[TrialRecord]) -> Iterator[Mark]:
    """Name the chosen trials that have no objective."""
    for trial in chosen:
        x = position(definition, trial.params)
        if x is not None and trial.state in DRAWN and trial.state != "completed":
            yield Mark("x", x, f"#{trial.number} ✗", "step")


def _proposed(
    definition: Definition, proposals: Sequence[Mark], values: Sequence[float]
) -> Iterator[Series]:
    """Shade what a proposed range adds to the present one."""
    bounds = sorted(mark.value for mark in _bounds(definition))
    if not bounds or not values or min(values) == max(values):
        return
    for mark in proposals:
        if bounds[0] <= mark.value <= bounds[1]:
            continue
        near = bounds[0] if mark.value < bounds[0] else bounds[1]
        logarithmic = definition.get("scale") == "log" and min(near, mark.value) > 0
        far = (
            near * (mark.value / near) ** REACH
            if logarithmic
            else near + REACH * (mark.value - near)
        )
        ends = min(near, far), max(near, far)
        low, high = (min(values),) * 2, (max(values),) * 2
        yield Series(ends, high, "proposed", "band", key="proposed", emphasis=False, low=low)


def _crosses(positions: Sequence[float]) -> list[Series]:
    if not positions:
        return []
    nowhere = (math.nan,) * len(positions)
    return [Series(tuple(positions), nowhere, "infeasible", role="infeasible", key="infeasible")]


def position(definition: Definition, params: Mapping[str, Any]) -> float | None:
    """Place a configuration on the axis of a definition; None where it is not in force in it."""
    name = definition["name"]
    if name not in params or (definition.get("when") and not _in_force(definition, params)):
        return None
    value = params[name]
    if definition.get("values") is not None:
        options = definition["values"]
        return next((float(i) for i, option in enumerate(options) if same(option, value)), None)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(1 - value if definition.get("one_minus") else value)


def _in_force(definition: Definition, params: Mapping[str, Any]) -> bool:
    for parent, allowed in (definition.get("when") or {}).items():
        options = allowed if isinstance(allowed, list) else [allowed]
        if parent not in params or not any(same(option, params[parent]) for option in options):
            return False
    return True


def _axis(definition: Definition) -> Axis:
    name = clean(str(definition["name"]))
    if definition.get("values") is not None:
        return Axis(name, categories=tuple(value_text(value) for value in definition["values"]))
    label = f"1 - {name}" if definition.get("one_minus") else name
    return Axis(label, scale="log" if definition.get("scale") == "log" else "linear")


def _bounds(definition: Definition) -> tuple[Mark, ...]:
    if definition.get("range") is None:
        return ()
    ends = [1 - end if definition.get("one_minus") else end for end in definition["range"]]
    return tuple(Mark("x", float(end), number(end), "bound") for end in sorted(ends))


def _proposals(definition: Definition, findings: Sequence[Finding]) -> Iterable[Mark]:
    """Mark the ends of a proposed range that are not bounds already."""
    condition = condition_text(definition)
    bounds = definition.get("range") or ()
    for one in findings:
        about = one.subject.get("hyperparameter"), one.subject.get("condition", "")
        if about != (definition["name"], condition):
            continue
        for end in one.evidence.get(PROPOSED) or ():
            if not any(math.isclose(end, bound, rel_tol=1e-9) for bound in bounds):
                place = 1 - end if definition.get("one_minus") else end
                yield Mark("x", float(place), f"proposed {number(end)}", "proposal")
