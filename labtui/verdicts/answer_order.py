"""What reruns of each arm's best say about their order, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labtui.store.records import StudyRecord
from labtui.verdicts.answer_words import Answer, listed, metric_words, rerun_command, short_arm
from labtui.verdicts.evidence import ArmsRead
from labtui.verdicts.text import number

if TYPE_CHECKING:
    from labtui.analysis.rerun_order import RerunOrder, RerunPair


def order_answer(study: StudyRecord, again: ArmsRead, order: RerunOrder) -> Answer:
    """Say what reruns of each arm's best say about their order.

    Args:
        study: The study whose arms they are.
        again: The reruns.
        order: What they support, with two arms that could be trained at least.
    """
    sign = 1.0 if study.minimize else -1.0
    way = "lower" if study.minimize else "higher"
    names = [one.arm for one in order.arms]
    first = order.arms[0]
    ours = short_arm(first.arm, names)
    metric = metric_words(study.metric)
    won = [one for one in order.pairs if one.supported and not order.held]
    open_ = [one for one in order.pairs if one not in won]
    means = {one.arm: number(sign * one.mean) for one in order.arms if one.mean is not None}
    whole = order.beyond_search is True
    one_each = max(one.configurations for one in order.arms) == 1
    best = "best configuration" if one_each else "best configurations"
    subject = f"{ours} reaches" if whole else f"{ours}'s {best} reach{'es' if one_each else ''}"
    each = f"{first.reruns} reruns each" if len({a.reruns for a in order.arms}) == 1 else "reruns"
    parts = []
    if won:
        near = won[0]
        others = [short_arm(one.other, names) + ("" if whole else "'s") for one in won]
        parts.append(
            f"{subject} a {way} {metric} than {listed(others)}: {means[first.arm]} against "
            f"{means[near.other]}, {_difference(near)}, {each}"
        )
    if open_:
        near = open_[0]
        against = f"{means[first.arm]} against {means[near.other]}, {_difference(near)}"
        start = f"no order of {ours} and {short_arm(near.other, names)} is supported"
        parts.append(f"{start}: {against}" + ("" if won else f", {each}"))
    text = f"{'; '.join(parts)}."
    more = rerun_command(study, arms=True)
    return Answer(
        text[:1].upper() + text[1:] if not won else text,
        order.supported,
        tuple(_order_caveats(study, again, order)),
        "" if order.supported else f"{more} -n {max(3, again.seeds)}",
        _order_numbers(order, again, sign),
        claim=("arms" if whole else "configurations") if order.supported else "",
    )


def _difference(pair: RerunPair) -> str:
    if pair.error == 0:
        return f"difference {pair.difference:.2g} (no chance in training)"
    return f"difference {pair.difference:.2g} (95 % interval {pair.low:.2g} to {pair.high:.2g})"


def _order_caveats(study: StudyRecord, again: ArmsRead, order: RerunOrder) -> list[str]:
    names = [one.arm for one in order.arms]
    caveats = []
    if again.sample is not None:
        caveats.append(f"the validation sample's standard error is {again.sample:.2g}")
    held = bool(order.held) and any(one.supported for one in order.pairs)
    if held:
        told = order.held
        for one in order.arms:
            told = told.replace(one.arm, short_arm(one.arm, names))
        caveats.append(f"held back: {told}")
    search = [one.search for one in order.pairs if one.search is not None]
    if order.supported and order.beyond_search is not True:
        why = "its trials are too few to tell by how much the lead varies from search to search"
        if search:
            why = f"the lead varies by about {max(search):.2g} from search to search"
        caveats.append(f"another search could find other configurations: {why}")
    lost = [one for one in order.arms if one.infeasible and not held]
    caveats += [
        f"{one.infeasible} of {one.reruns} reruns of {short_arm(one.arm, names)} could not be "
        "trained"
        for one in lost
    ]
    if order.deterministic:
        caveats.append("all reruns of a configuration are equal: training leaves nothing to chance")
    if again.waiting:
        caveats.append(f"{again.waiting} reruns have not ended")
    if again.outdated:
        again_too = f"`{rerun_command(study, arms=True)} -n {again.seeds}` reruns them"
        caveats.append(f"other configurations are the best of their arms by now: {again_too}")
    if again.changed:
        caveats.append(f"since the search {again.changed}")
    return caveats


def _order_numbers(order: RerunOrder, again: ArmsRead, sign: float) -> dict[str, Any]:
    return {
        "study": again.study.name,
        "seeds": again.seeds,
        "sample_error": again.sample,
        "beyond_search": order.beyond_search,
        "arms": [
            {
                "arm": one.arm,
                "mean": None if one.mean is None else sign * one.mean,
                "reruns": one.reruns,
                "infeasible": one.infeasible,
                "configurations": one.configurations,
                "selected": sign * one.selected,
                "flattered": one.flattered,
            }
            for one in order.arms
        ],
        "pairs": [
            {
                "other": one.other,
                "difference": one.difference,
                "standard_error": one.error,
                "low": one.low,
                "high": one.high,
                "p": one.p,
                "supported": one.supported and not order.held,
                "search_deviation": one.search,
            }
            for one in order.pairs
        ],
    }
