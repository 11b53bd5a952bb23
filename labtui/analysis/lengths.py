"""Whether a study trained long enough (P33), and whether it learned anything at all (P01)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from labtui.analysis.findings import Finding, Outcome, cannot_judge, finding
from labtui.analysis.lost import CHANCE_ERRORS, lost_arms
from labtui.analysis.runs import Floats
from labtui.analysis.sample import sample_error
from labtui.analysis.table import StudyTable

FIRST_PART = 0.1
"""P33: best checkpoints always in the first 10 % mean far too many steps."""

LAST_PART = 0.75
"""P33: best checkpoints consistently in the last 25 % mean that more steps are worth a try."""

WHOLE = 0.95
"""Share of the planned steps from which a run counts as trained to its end: the last evaluation may
lie before it. Of 105 real runs, 73 ended before 0.95, 27 at the end or later, and 5 in between."""

FEWEST_RUNS = 5
"""Fewest whole runs whose quartiles are taken: with four, a quartile is the mean of two of them."""

FEWEST_EVALUATIONS = 8
"""Fewest evaluations among which a best step can be early or late: with one it is always last."""


def judge_lengths(table: StudyTable) -> list[Outcome]:
    """Judge the number of steps by the quartiles of best step / last step (P33).

    Runs that ended before they were planned to are left out: their best step is late by itself.
    """
    known = table.feasible & np.isfinite(table.best_steps) & (table.last_steps > 0)
    planned = np.where(np.isfinite(table.planned), table.planned, table.last_steps)
    early = known & (table.last_steps < WHOLE * planned)
    whole = known & ~early
    if table.evaluations:
        often = np.array(table.evaluations) >= FEWEST_EVALUATIONS
        if (known & ~often).any() and not (known & often).any():
            most = max(n for n, one in zip(table.evaluations, known, strict=True) if one)
            reason = f"at most {most} evaluations a trial, {FEWEST_EVALUATIONS} are needed"
            return [cannot_judge(code, reason) for code in ("steps-too-few", "steps-too-many")]
        whole &= often
    count, stopped = int(whole.sum()), int(early.sum())
    if count < FEWEST_RUNS:
        reason = f"{count} runs reached their last planned step, {FEWEST_RUNS} are needed"
        if stopped:
            reason += f"; {stopped} stopped before it, on a target or a budget"
        return [cannot_judge(code, reason) for code in ("steps-too-few", "steps-too-many")]
    shares = table.best_steps[whole] / table.last_steps[whole]
    quartiles = np.quantile(shares, [0.25, 0.5, 0.75]).tolist()
    code = _code(quartiles)
    return [_length(code, shares, quartiles, stopped)] if code else []


def agreeing(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Leave `steps-too-few` out where at least half of its runs have been flat for long.

    Their best lies late because a flat curve creeps or is noise: more steps would bring nothing.
    """
    found = list(outcomes)
    flat = {
        one.subject.get("trial")
        for one in found
        if isinstance(one, Finding) and one.code == "saturated-early"
    }
    return [
        one
        for one in found
        if not (
            isinstance(one, Finding)
            and one.code == "steps-too-few"
            and 2 * len(flat) >= int(str(one.evidence["runs"]))
        )
    ]


def _code(quartiles: list[float]) -> str:
    if quartiles[2] <= FIRST_PART:
        return "steps-too-many"
    return "steps-too-few" if quartiles[0] >= LAST_PART else ""


def _length(code: str, shares: Floats, quartiles: list[float], stopped: int) -> Outcome:
    few = code == "steps-too-few"
    low, middle, high = (f"{100 * share:.0f} %" for share in quartiles)
    part = shares >= LAST_PART if few else shares <= FIRST_PART
    where = "the last 25 %" if few else "the first 10 %"
    message = (
        f"{int(part.sum())} of {shares.size} runs reach their best in {where} of their steps: "
        f"quartiles {low}, {middle} and {high}"
    )
    if stopped:
        message += f"; {stopped} runs that stopped early are left out"
    return finding(
        code,
        "info" if few else "warning",
        message + ".",
        "Try more steps and tune the decay again; a decay to zero by itself puts the best last."
        if few
        else "Train for far fewer steps and use the time for more trials.",
        evidence={
            "best_step_share_quartiles": quartiles,
            "runs": int(shares.size),
            "runs_in_part": int(part.sum()),
            "stopped_early": stopped,
            "threshold_share": LAST_PART if few else FIRST_PART,
        },
    )


def below_chance(table: StudyTable) -> list[Outcome]:
    """Say whether the best trial beats a model that knows nothing by a clear margin (P01).

    Where it does, each of several arms is judged too: see `labtui.analysis.lost`.
    """
    if table.chance is None:
        return [cannot_judge("below-chance", "the chance level of this workload is unknown")]
    if not table.ranked.size:
        return [cannot_judge("below-chance", "there is no feasible trial")]
    first = int(table.ranked[0])
    best, chance = table.shown(float(table.values[first])), table.shown(table.chance)
    found = judge_chance(
        table.metric,
        best,
        chance,
        minimize=table.minimize,
        examples=table.examples,
        trial=table.trials[first],
    )
    bug = any(isinstance(one, Finding) for one in found)
    return found if bug or len(table.arm_names) < 2 else [*found, *lost_arms(table)]


def judge_chance(
    metric: str,
    best: float,
    chance: float,
    *,
    minimize: bool,
    examples: int | None,
    trial: str,
    whose: str = "best",
) -> list[Outcome]:
    """Say whether a value beats a model that knows nothing by a clear margin (P01).

    Args:
        metric: What it is a value of.
        best: The value, as logged; `chance` likewise.
        chance: That of a model that knows nothing.
        minimize: Whether lower is better.
        examples: Validation examples behind it; None where unknown.
        trial: Where it is from.
        whose: What it is: the ``best`` of a study, or the ``baseline's``.
    """
    gain = chance - best if minimize else best - chance
    error = sample_error(metric, chance, examples)
    if error is None and gain > 0:
        reason = "the standard error at chance is unknown: no share of a known number of examples"
        return [cannot_judge("below-chance", reason)]
    if error is not None and gain >= CHANCE_ERRORS * error:
        return []
    evidence: dict[str, object] = {
        "best": best,
        "chance": chance,
        "gain": gain,
        "best_trial": trial,
        "threshold_errors": CHANCE_ERRORS,
    }
    margin = "no better than"
    if error is not None:
        evidence |= {"chance_error": error, "validation_examples": examples}
        if gain > 0:
            margin = f"only {gain / error:.1f} standard errors better than"
    return [
        finding(
            "below-chance",
            "alert",
            f"The {whose} {metric}, {best:.4g}, is {margin} chance, {chance:.4g}.",
            "Look for a bug in data, labels or loss before tuning anything.",
            evidence=evidence,
        )
    ]
