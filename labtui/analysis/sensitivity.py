"""Which hyperparameters matter, which make no difference, which must be tuned together (P26).

The result of a configuration is its rank in the study (reruns averaged, whatever could not be
trained last), so that heavy tails and the unit of the objective play no part. A conditional
hyperparameter is judged among the trials where it is in force, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labtui.analysis.effects import Factor, Shares, explain
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import AxisColumn, StudyTable

LEVEL = 0.9
"""Central share of the draws between the ends of an interval: each end is passed by chance in one
of twenty, the usual risk of one statement."""

SMALL = 0.05
"""Share of the explained spread below which a hyperparameter makes no difference, and a pair is not
worth a word."""

CERTAIN = 0.05
"""Share of the whole spread that one part of a hyperparameter (its main effect, or one pair) must
surely explain before it is said to matter. Without it, where nothing matters every share of the
little that is explained looks large. Of studies of noise, 8 to 50 trials, it names 0 to 5 % of the
hyperparameters; one that explains 85 % of the spread it names in 97 % of studies of 16 trials and
in all of 20."""

PAIR_CERTAIN = 0.02
"""Share of the whole spread that a pair must surely explain before it is called an interaction:
without it, 3 of 60 studies of 200 trials of noise had one."""

FEWEST_ROWS = 8
"""Fewest configurations that are analysed: quadratics of two hyperparameters have six
coefficients."""

BETTER_SHARE = 0.5
"""Part of the feasible configurations, the best ones, in which a hyperparameter must not matter
either: where the learning rate makes trials diverge it drowns all that decides among good ones."""


@dataclass(frozen=True)
class Effect:
    """How much one hyperparameter explains; shares are of what all hyperparameters explain.

    Attributes:
        name: Of the hyperparameter.
        condition: When it is in force; empty for always.
        share: Middle of the draws of all that involves it, in [0, 1]; None where not analysed.
        low: Lower end of the interval.
        high: Upper end.
        alone: Middle of its main effect.
        explained: Middle of the share of the whole spread that all of them explain.
        certain: Share of the whole spread that its largest part explains at least.
        trials: Configurations that were analysed.
        infeasible: How many of them could not be trained; they rank last.
        reason: Why it was not analysed; empty if it was.
    """

    name: str
    condition: str
    share: float | None
    low: float | None
    high: float | None
    alone: float | None
    explained: float | None
    certain: float | None
    trials: int
    infeasible: int
    reason: str = ""

    @property
    def matters(self) -> bool:
        """Whether the trials show that it makes a difference."""
        return self.certain is not None and self.certain >= CERTAIN


@dataclass(frozen=True, eq=False)
class _Fit:
    """One analysis: the axes whose trials it was made of, and their place among its factors."""

    shares: Shares
    axes: Sequence[AxisColumn]
    own: Sequence[bool]
    rows: int
    infeasible: int


def sensitivity(table: StudyTable) -> list[Effect]:
    """Give the effect of every axis, those that are shown to matter first, by their share.

    The others follow in the order of the study, conditional ones last: what cannot be told apart
    has no rank.
    """
    return _effects(table, _fits(table, _rows(table)))


def judge_sensitivity(table: StudyTable) -> list[Outcome]:
    """Find hyperparameters that make no difference, and pairs that must be tuned together (P26).

    A scientific one is the question: the order of the arms answers it, and it is not to be fixed.
    """
    rows = _rows(table)
    fits = _fits(table, rows)
    effects = _effects(table, fits)
    better: list[Effect] = []
    if any(effect.high is not None and effect.high < SMALL for effect in effects):
        better = _effects(table, _fits(table, rows.better()))
    among_better = {(one.name, one.condition): one for one in better}
    asked = {axis.name for axis in table.axes if axis.role == "scientific"}
    outcomes = [
        outcome
        for effect in effects
        if effect.name not in asked
        for outcome in _judge_effect(effect, among_better.get((effect.name, effect.condition)))
    ]
    return outcomes + _judge_pairs(fits)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Configurations: one of their trials each, their rank in (0, 1], and whether they trained."""

    first: Ints
    rank: Floats
    feasible: npt.NDArray[np.bool_]

    def better(self) -> _Rows:
        """Keep the better part of the feasible ones."""
        trained = np.flatnonzero(self.feasible)
        count = int(np.ceil(BETTER_SHARE * trained.size))
        kept = trained[np.argsort(self.rank[trained], kind="stable")[:count]]
        return _Rows(self.first[kept], _ranks(self.rank[kept]), self.feasible[kept])


def _rows(table: StudyTable) -> _Rows:
    """Average the ranks of reruns; trials that a person stopped do not count."""
    counted = np.flatnonzero(table.feasible | table.infeasible)
    worst = np.where(table.feasible, table.values, np.inf)[counted]
    ranks = _ranks(worst)
    numbers = np.array(table.configurations, dtype=np.int64)[counted]
    _, first, group = np.unique(numbers, return_index=True, return_inverse=True)
    sizes = np.bincount(group, minlength=first.size)
    mean = np.bincount(group, weights=ranks, minlength=first.size) / np.maximum(sizes, 1)
    trained = np.bincount(group, weights=np.isfinite(worst), minlength=first.size) > 0
    order = np.argsort(first, kind="stable")
    return _Rows(counted[first[order]], mean[order], trained[order])


def _ranks(values: Floats) -> Floats:
    """Ranks in (0, 1), the mean of theirs for ties, shape (n,)."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(sizes)
    middle = upper - (sizes - 1) / 2
    ranks: Floats = (middle[group] - 0.5) / max(values.size, 1)
    return ranks


def _fits(table: StudyTable, rows: _Rows) -> list[_Fit]:
    """Analyse every set of trials in which some axes are in force."""
    units = [axis.unit[rows.first] for axis in table.axes]
    masks: dict[bytes, npt.NDArray[np.bool_]] = {}
    for unit in units:
        active = np.isfinite(unit)
        masks.setdefault(active.tobytes(), active)
    fits = [_fit(table, rows, units, mask) for mask in masks.values()]
    return [fit for fit in fits if fit is not None]


def _fit(
    table: StudyTable, rows: _Rows, units: Sequence[Floats], mask: npt.NDArray[np.bool_]
) -> _Fit | None:
    """Analyse one set of trials: axes in force in all of them with pairs, the others alone."""
    rank = rows.rank[mask]
    if rank.size < FEWEST_ROWS or np.ptp(rank) == 0:
        return None
    rank = _ranks(rank)
    axes, factors, own = [], [], []
    for axis, unit in zip(table.axes, units, strict=True):
        inside = unit[mask]
        active = np.isfinite(inside)
        enough = active.all() or active.sum() >= FEWEST_ROWS
        if enough and active.any() and np.ptp(inside[active]) > 0:
            axes.append(axis)
            factors.append(Factor(inside, axis.kind == "categorical"))
            own.append(bool(np.array_equal(np.isfinite(unit), mask)))
    if not any(own):
        return None
    infeasible = int((~rows.feasible[mask]).sum())
    return _Fit(explain(factors, rank), axes, own, int(rank.size), infeasible)


def _interval(draws: Floats) -> tuple[float, float, float]:
    """Lower end, middle and upper end."""
    tail = (1 - LEVEL) / 2
    low, middle, high = np.quantile(draws, [tail, 0.5, 1 - tail]).tolist()
    return low, middle, high


def _effects(table: StudyTable, fits: Sequence[_Fit]) -> list[Effect]:
    found: dict[int, Effect] = {}
    for fit in fits:
        _, explained, _ = _interval(fit.shares.explained)
        for index, axis in enumerate(fit.axes):
            if fit.own[index]:
                low, share, high = _interval(fit.shares.total(index))
                _, alone, _ = _interval(fit.shares.main[:, index])
                certain = max(_interval(part)[0] for part in _parts(fit.shares, index))
                found[id(axis)] = Effect(
                    *(axis.name, axis.condition, share, low, high, alone),
                    *(explained, certain, fit.rows, fit.infeasible),
                )
    effects = [found.get(id(axis)) or _unknown(table, axis) for axis in table.axes]
    return sorted(
        effects,
        key=lambda one: (
            not one.matters,
            -(one.share or 0) if one.matters else 0,
            one.condition != "",
        ),
    )


def _parts(shares: Shares, factor: int) -> list[Floats]:
    """Draws of what each part that involves a factor explains of the whole spread."""
    pairs = [shares.paired[:, k] for k, pair in enumerate(shares.pairs) if factor in pair]
    return [part * shares.explained for part in (shares.main[:, factor], *pairs)]


def _unknown(table: StudyTable, axis: AxisColumn) -> Effect:
    counted = axis.in_force & (table.feasible | table.infeasible)
    trials = len({table.configurations[index] for index in np.flatnonzero(counted)})
    infeasible = int((counted & table.infeasible).sum())
    if trials < FEWEST_ROWS:
        reason = f"{_trials(trials)} with it, {FEWEST_ROWS} are needed"
    elif np.ptp(axis.unit[counted]) == 0:
        reason = f"it has one value in all {trials} trials"
    else:
        reason = f"all {trials} trials have the same result"
    return Effect(
        axis.name, axis.condition, None, None, None, None, None, None, trials, infeasible, reason
    )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _span(low: float, middle: float, high: float) -> str:
    return f"{_percent(middle)} ({100 * low:.0f} to {_percent(high)})"


def _subject(name: str, condition: str) -> dict[str, Any]:
    return {"hyperparameter": name, **({"condition": condition} if condition else {})}


def _judge_effect(effect: Effect, better: Effect | None) -> list[Outcome]:
    subject = _subject(effect.name, effect.condition)
    if effect.low is None or effect.share is None or effect.high is None:
        return [cannot_judge("insensitive", effect.reason, **subject)]
    span = _span(effect.low, effect.share, effect.high)
    if effect.matters:
        return []
    if effect.high >= SMALL:
        start = "cannot tell yet" if effect.low < SMALL else "neither small nor surely large"
        reason = f"{start}: {span} of the explained spread over {effect.trials} trials"
        return [cannot_judge("insensitive", reason, **subject)]
    if better is not None and better.matters:
        reason = (
            f"{span} of the explained spread over {effect.trials} trials, but it matters among the "
            f"better {better.trials}"
        )
        return [cannot_judge("insensitive", reason, **subject)]
    return [
        finding(
            "insensitive",
            "info",
            f"{effect.name} makes no difference: {span} of the spread that the hyperparameters "
            f"explain, over {_counted(effect.trials, effect.infeasible)}.",
            "Fix it in the next study and spend the trials on the others.",
            subject=subject,
            evidence={
                "share": effect.share,
                "share_low": effect.low,
                "share_high": effect.high,
                "share_alone": effect.alone,
                "interval_level": LEVEL,
                "explained_share": effect.explained,
                "trials": effect.trials,
                "infeasible_trials": effect.infeasible,
                "threshold_share": SMALL,
            },
        )
    ]


def _counted(trials: int, infeasible: int) -> str:
    return f"{trials} trials" + (f" ({infeasible} infeasible, ranked last)" if infeasible else "")


def _judge_pairs(fits: Sequence[_Fit]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for fit in fits:
        found: list[Outcome] = []
        undecided: list[tuple[float, str, AxisColumn]] = []
        for column, pair in enumerate(fit.shares.pairs):
            if not any(fit.own[index] for index in pair):
                continue
            low, middle, high = _interval(fit.shares.paired[:, column])
            weak, strong = sorted(pair, key=lambda k: float(np.median(fit.shares.main[:, k])))
            lead = fit.shares.paired[:, column] - fit.shares.main[:, weak]
            certain, _, _ = _interval(fit.shares.paired[:, column] * fit.shares.explained)
            if low >= SMALL and certain >= PAIR_CERTAIN and _interval(lead)[0] > 0:
                found.append(_interaction(fit, column, weak, strong))
            elif high >= SMALL:
                names = " x ".join(fit.axes[index].name for index in pair)
                undecided.append((high, f"{names}: {_span(low, middle, high)}", fit.axes[pair[1]]))
        if undecided and not found:
            _, largest, axis = max(undecided, key=lambda one: one[0])
            reason = f"cannot tell yet over {fit.rows} trials; the widest pair is {largest}"
            subject = {"condition": axis.condition} if axis.condition else {}
            outcomes.append(cannot_judge("interaction", reason, **subject))
        outcomes += found
    return outcomes


def _interaction(fit: _Fit, column: int, weak: int, strong: int) -> Outcome:
    """Word a pair whose part is larger than what the weaker of the two explains alone."""
    pair = fit.shares.paired[:, column]
    alone = [fit.shares.main[:, index] for index in (weak, strong)]
    joint, mains = _interval(pair), [_interval(one) for one in alone]
    lead = _interval(pair - alone[0] - alone[1])[0]
    low_name, high_name = fit.axes[weak].name, fit.axes[strong].name
    return finding(
        "interaction",
        "warning" if lead > 0 else "info",
        f"{low_name} and {high_name} must be tuned together: as a pair they explain "
        f"{_span(*joint)} of the explained spread, {low_name} alone {_span(*mains[0])}, "
        f"{high_name} alone {_span(*mains[1])}, over {_counted(fit.rows, fit.infeasible)}.",
        f"Whenever {high_name} or {low_name} changes, tune the other again; fix neither alone.",
        subject=_subject(low_name, fit.axes[weak].condition or fit.axes[strong].condition),
        evidence={
            "hyperparameters": [low_name, high_name],
            "pair_share": joint[1],
            "pair_share_low": joint[0],
            "pair_share_high": joint[2],
            "alone_shares": [one[1] for one in mains],
            "pair_beyond_weaker_low": _interval(pair - alone[0])[0],
            "pair_beyond_both_low": lead,
            "interval_level": LEVEL,
            "explained_share": _interval(fit.shares.explained)[1],
            "trials": fit.rows,
            "infeasible_trials": fit.infeasible,
            "threshold_share": SMALL,
        },
    )
