"""What may be concluded from a comparison: a difference beside what chance alone does (P28–P30)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labtui.analysis.sample import sample_error
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.verdicts.answer_words import listed, rerun_command
from labtui.verdicts.comparison import Conclusion, Kind, Side, by_objective
from labtui.verdicts.comparison_fair import code_of
from labtui.verdicts.evidence import evidence_of, read_replicas
from labtui.verdicts.reruns import known_deviation, other_code, trained_alike
from labtui.verdicts.text import clean, number

if TYPE_CHECKING:
    from labtui.analysis.rerun_order import RerunOrder
    from labtui.analysis.runs import Floats

FEWEST_RERUNS = 2
"""Of one there is no deviation."""

HALF = (0.4, 0.6)
"""A share of a deviation that is called a half."""


def conclude(lab: Lab, sides: Sequence[Side], kind: Kind) -> Iterator[Conclusion]:
    """Set the best beside each other one: is the difference more than chance?

    Args:
        lab: Where reruns and replicas are.
        sides: Two or more.
        kind: What they are compared as.
    """
    if len({side.study.workload for side in sides}) > 1:
        yield Conclusion("They cannot be ranked: they train other workloads.", None, {})
        return
    sign = 1.0 if sides[0].study.minimize else -1.0
    valued = [(sign * side.value, side) for side in sides if side.value is not None]
    valued.sort(key=lambda pair: pair[0])
    if len(valued) < 2:
        yield _too_few([side for _, side in valued])
        return
    ranked = [side for _, side in valued]
    if kind == "studies":
        yield from _searches(lab, ranked)
    again = _trained_again(lab, ranked)
    if again is not None:
        yield from _by_reruns(ranked, again, sign)
    elif kind == "trials":
        yield from _by_deviation(lab, ranked)


def _too_few(valued: Sequence[Side]) -> Conclusion:
    if valued:
        name = valued[0].label
        return Conclusion(f"There is nothing to rank: only {name} has a value.", None, {})
    return Conclusion("There is nothing to rank: none has a value.", None, {})


@dataclass(frozen=True)
class _Lead:
    """How far the best is ahead of another."""

    first: Side
    other: Side

    @property
    def difference(self) -> float:
        assert self.first.value is not None
        assert self.other.value is not None
        return abs(self.other.value - self.first.value)

    @property
    def text(self) -> str:
        """Say it: ``a/1 is 0.004 lower than b/2 (0.02 against 0.024)``."""
        ours, theirs = self.first.label, self.other.label
        if self.first.is_study:
            ours, theirs = f"the best of {ours}", f"that of {theirs}"
        values = f"{number(self.first.value)} against {number(self.other.value)}"
        if not self.difference:
            return f"{ours} is as good as {theirs} ({number(self.first.value)})"
        way = "lower" if self.first.study.minimize else "higher"
        return f"{ours} is {self.difference:.2g} {way} than {theirs} ({values})"

    @property
    def numbers(self) -> dict[str, Any]:
        return {
            "first": self.first.name,
            "other": self.other.name,
            "value": self.first.value,
            "other_value": self.other.value,
            "difference": self.difference,
        }


# -- single trials beside the deviation of retraining ----------------------------------------


@dataclass(frozen=True)
class _Deviation:
    """What is known of the luck of training."""

    value: float
    freedom: int
    source: str


def _by_deviation(lab: Lab, ranked: Sequence[Side]) -> Iterator[Conclusion]:
    known, why = _deviation(lab, ranked)
    for other in ranked[1:]:
        lead = _Lead(ranked[0], other)
        if _alike(ranked[0], other):
            text = f"{lead.text}: they have the same parameters, so that the difference is luck"
            yield Conclusion(_sentence(f"{text}."), False, lead.numbers)
        elif known is None and other is not ranked[1]:  # why is said of the first pair
            yield Conclusion(_sentence(f"{lead.text}."), None, lead.numbers)
        elif known is None:
            command = rerun_command(ranked[0].study, ranked[0].trial)
            text = f"{lead.text}: {_cannot_judge(ranked, why, command)}"
            yield Conclusion(_sentence(text), None, lead.numbers, command)
        else:
            yield _beside(lab, lead, known, len(ranked), brief=other is not ranked[1])


def _cannot_judge(ranked: Sequence[Side], why: str, command: str) -> str:
    if why:
        return f"cannot judge: {why}; `{command}` measures it anew."
    if any("import" in side.study.provenance for side in ranked):
        return (
            "cannot judge: nothing is known of the deviation of retraining, and imported trials "
            "cannot be trained again here."
        )
    return f"cannot judge, no reruns: `{command}` tells how much retraining deviates."


def _alike(first: Side, other: Side) -> bool:
    """Say whether two trials were trained alike, but for their seeds."""
    one, two = first.trial, other.trial
    if one is None or two is None or one.params != two.params or one.max_steps != two.max_steps:
        return False
    same = first.study.spec.get("trainer") == other.study.spec.get("trainer")
    return same and not other_code(code_of(first), code_of(other))


def _beside(lab: Lab, lead: _Lead, known: _Deviation, compared: int, *, brief: bool) -> Conclusion:
    """Set a difference beside the deviation of retraining; `brief` where that was said before."""
    from labtui.analysis.pairs import LEVEL, chance_of, level_of

    p = chance_of(lead.difference, known.value, known.freedom)
    supported = p <= level_of(compared)
    imported = "import" in lead.other.study.provenance
    command = "" if imported else rerun_command(lead.other.study, lead.other.trial)
    share = f"{_share(lead.difference, known.value)} of retraining"
    if not brief:
        share += f" ({known.value:.2g}, {known.source})"
    if known.value == 0:
        share, command = f"{known.source} do not deviate at all", ""
        end = "The parameters make the difference" if lead.difference else "There is no difference"
    elif supported:
        end = f"More than chance, which sets equals so far apart in {_percent(p)} of pairs"
        if not brief:
            end += "; being chosen for their values flatters both"
            end += f", fresh reruns would not: `{command}`" if command else ""
    else:
        end = f"No evidence: chance sets equals so far apart in {_percent(p)} of pairs"
        many = compared * (compared - 1) // 2
        end += f", and these are {many} pairs" if p <= LEVEL else ""
    parts = [share, *([] if brief else _examples(lab, lead))]
    text = f"{lead.text}: {'; '.join(parts)}. {end}."
    numbers = {**lead.numbers, "retrain_deviation": known.value, "freedom": known.freedom, "p": p}
    return Conclusion(_sentence(text), supported, numbers, command)


def _share(difference: float, deviation: float) -> str:
    """Write how many deviations a difference is."""
    share = difference / deviation if deviation else 0.0
    if HALF[0] <= share <= HALF[1]:
        return "half a deviation"
    return f"{share:.2g} deviations" if share < 100 else "over 100 deviations"


def _percent(p: float) -> str:
    """Write a chance: 74 %, 0.3 %, fewer than 0.1 %."""
    if p < 0.001:
        return "fewer than 0.1 %"
    return f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.1f} %"


def _examples(lab: Lab, lead: _Lead) -> list[str]:
    """Count a difference in validation examples, beside the error of the sample (P30)."""
    from labtui.verdicts.loading import Declared, declared_metrics

    study = lead.first.study
    examples = declared_metrics(lab, study).get(study.metric, Declared()).examples
    error = sample_error(study.metric, lead.first.value, examples)
    if error is None or not examples:
        return []
    count = round(lead.difference * examples)
    return [f"{count} of {examples} examples, whose standard error is {error:.2g}"]


def _deviation(lab: Lab, sides: Sequence[Side]) -> tuple[_Deviation | None, str]:
    """Give the deviation of retraining that holds for all, or why a known one does not."""
    found = None
    for side in sides:
        known, why = known_deviation(lab, side.study, [side.trial] if side.trial else [])
        if known is None:
            if why:
                why = f"the deviation that is known does not hold for {side.label}: {why}"
            return _repeated(lab, sides), why
        of = f" of {clean(known.trial)}" if known.trial else ""
        found = _Deviation(known.deviation, known.reruns - 1, f"{known.reruns} reruns{of}")
    return found, ""


def _repeated(lab: Lab, sides: Sequence[Side]) -> _Deviation | None:
    """Measure it by what one study trained several times, where all are trials of that study."""
    from labtui.analysis.luck import retrained
    from labtui.verdicts.loading import study_table

    if len({side.study.name for side in sides}) > 1:
        return None
    trials = lab.trials(sides[0].study.name)
    if len({trial.params_json for trial in trials}) == len(trials):
        return None
    found = retrained(study_table(lab, sides[0].study, trials))
    if found is None:
        return None
    many = (
        "a configuration" if found.configurations == 1 else f"{found.configurations} configurations"
    )
    return _Deviation(found.pooled, found.freedom, f"repetitions of {many} in this study")


# -- reruns of each --------------------------------------------------------------------------


def rerun_values(lab: Lab, side: Side) -> Floats | None:
    """Give what fresh reruns of a side's trial came to, lower is better, NaN where infeasible.

    Args:
        lab: Where they are.
        side: A trial, or a study with its best one.

    Returns:
        Those of the newest study of reruns that trained as long, under the same objective; shape
        (reruns,). None for fewer than two.
    """
    import numpy as np

    trial = side.trial
    if trial is None:
        return None
    studies = [one for kind in ("arms", "rerun") for one in evidence_of(lab, trial.study, kind)]
    sign = 1.0 if side.study.minimize else -1.0
    for study in sorted(studies, key=lambda one: -one.id):
        changed, trials, _, apart = by_objective(lab, study, side.study)
        ended = [
            one
            for one in trained_alike(trials or lab.trials(changed.name))
            if one.params == trial.params and one.max_steps == trial.max_steps
        ]
        if apart or len(ended) < FEWEST_RERUNS:
            continue
        values = [one.value if one.state == "completed" else None for one in ended]
        return np.array([np.nan if one is None else sign * one for one in values])
    return None


def _trained_again(lab: Lab, ranked: Sequence[Side]) -> RerunOrder | None:
    """Order them by their reruns; None unless each has some."""
    import numpy as np

    from labtui.analysis.rerun_order import ArmReruns, order_of_reruns

    sign = 1.0 if ranked[0].study.minimize else -1.0
    found = [rerun_values(lab, side) for side in ranked]
    values = [one for one in found if one is not None]
    if len(values) < len(ranked):
        return None
    # The comparison takes one column a seed: of the first so many, what all of them have.
    count = min(one.size for one in values)
    arms = [
        ArmReruns(
            side.label, (side.name,), one[:count].reshape(1, -1), np.array([sign * side.value])
        )
        for side, one in zip(ranked, values, strict=True)
        if side.value is not None
    ]
    return order_of_reruns(arms)


def _by_reruns(ranked: Sequence[Side], order: RerunOrder, sign: float) -> Iterator[Conclusion]:
    names = {side.label: _of(side) for side in ranked}
    full = {side.label: side.name for side in ranked}
    first, *others = order.arms
    if not order.pairs or first.mean is None:
        held = clean(order.held)
        yield Conclusion(_sentence(f"trained again, no order holds: {held}."), None, {})
        return
    way = "lower" if sign > 0 else "higher"
    means = {one.arm: one.mean for one in others}
    for pair in order.pairs:
        mean = means[pair.other]
        assert mean is not None
        values = f"mean {number(sign * first.mean)} against {number(sign * mean)}"
        values += f", {first.reruns} reruns each"
        lead = f"{names[first.arm]} is {pair.difference:.2g} {way} than {names[pair.other]}"
        supported = pair.supported and not order.held
        end = (
            "more than retraining explains" if supported else "no evidence, retraining does as much"
        )
        if order.held:
            end = f"no order is supported: {clean(order.held)}"
        text = f"trained again, {lead} ({values}; p = {pair.p:.2g}): {end}."
        numbers = {
            "first": full[first.arm],
            "other": full[pair.other],
            "rerun_mean": sign * first.mean,
            "other_rerun_mean": sign * mean,
            "difference": pair.difference,
            "low": pair.low,
            "high": pair.high,
            "p": pair.p,
        }
        yield Conclusion(_sentence(text), supported, numbers)


def _of(side: Side) -> str:
    return f"the best of {side.label}" if side.is_study else side.label


# -- searches beside the luck of searching ----------------------------------------------------


def _searches(lab: Lab, ranked: Sequence[Side]) -> Iterator[Conclusion]:
    from labtui.analysis.pairs import beyond_luck

    lucks = {side.name: search_luck(lab, side) for side in ranked}
    for other in ranked[1:]:
        lead = _Lead(ranked[0], other)
        ours, theirs = lucks[ranked[0].name], lucks[other.name]
        command = rerun_command(ranked[0].study if ours is None else other.study)
        if ours is None or theirs is None:
            unknown = [one for one in (ranked[0], other) if lucks[one.name] is None]
            names = listed([one.label for one in unknown])
            text = (
                f"{lead.text}: cannot judge: {names} has too few trials to tell the luck of a "
                f"search; `{command}` searches again."
            )
            yield Conclusion(_sentence(text), None, lead.numbers, command)
            continue
        supported = beyond_luck(lead.difference, (ours, theirs))
        luck = f"other searches as large would differ by about {ours:.2g} and {theirs:.2g}"
        end = "More than that explains" if supported else "No evidence that one search is better"
        command = rerun_command(lead.first.study, lead.first.trial)
        numbers = {**lead.numbers, "search_deviation": ours, "other_search_deviation": theirs}
        text = f"{lead.text}: {luck}. {end}."
        yield Conclusion(_sentence(text), supported, numbers, command)


def search_luck(lab: Lab, side: Side) -> float | None:
    """Give the deviation of a study's best over searches as large (P29).

    Args:
        lab: Where its replicas are.
        side: A study.

    Returns:
        That of its replicas, else that of resampling its trials; None where they are too few, or a
        model chose them.
    """
    import numpy as np

    from labtui.analysis.luck import search_deviation

    table = side.table
    if table is None:
        return None
    try:
        replicas = read_replicas(lab, side.study)
    except LabError:
        replicas = None
    if replicas is not None and replicas.bests.size >= FEWEST_RERUNS:
        return float(replicas.bests.std(ddof=1))
    if table.adaptive:
        return None
    return search_deviation(np.where(table.feasible, table.values, np.inf))


def _sentence(text: str) -> str:
    from labtui.verdicts.summary import sentence

    return sentence(text)
