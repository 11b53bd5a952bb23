"""The answer to a study's question in one sentence, with what it holds for (P05, P24, P30).

Before any rerun it speaks of this sample of trials; an order of arms is an answer only once fresh
reruns of each arm's best support it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labtui.analysis.sample import sample_error
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.kinds import COMPLETE
from labtui.verdicts.answer_order import order_answer
from labtui.verdicts.answer_ranges import cut_off_words, ranges_to_widen, widen_command
from labtui.verdicts.answer_words import (
    NO_ANSWER,
    Answer,
    deviation_words,
    listed,
    metric_words,
    rerun_command,
    rerun_numbers,
    rerun_words,
    short_arm,
)
from labtui.verdicts.evidence import (
    ArmsRead,
    newest_arms,
    original_study,
    read_arms,
    read_replicas,
    reruns_of,
)
from labtui.verdicts.reruns import known_deviation, read_reruns
from labtui.verdicts.tables import best_trial
from labtui.verdicts.text import clean, number, value_text

if TYPE_CHECKING:
    from labtui.analysis.arms import ArmOrder
    from labtui.analysis.findings import Outcome
    from labtui.analysis.runs import Floats
    from labtui.analysis.table import StudyTable
    from labtui.verdicts.reruns import Reruns

__all__ = ["NO_ANSWER", "Answer", "answer_of", "order_answer", "replica_answer", "rerun_words"]

MOST_FIXED = 4
"""Fixed hyperparameters that the sentence names; `labtui show` lists them all."""


def answer_of(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    table: StudyTable | None = None,
    order: ArmOrder | None = None,
    found: Sequence[Outcome] | None = None,
) -> Answer:
    """Answer a study's question as far as its trials, and what was rerun of them, allow.

    Args:
        lab: Where they are.
        study: The study, under the objective that is judged.
        trials: Its trials.
        table: The same as columns, where they are at hand.
        order: What `labtui.analysis.arms.order_of_arms` says of them, where it is at hand.
        found: What was found in the study, where it was judged.
    """
    if study.kind in COMPLETE:
        return _of_evidence(lab, study, trials)
    if best_trial(study, trials) is None:
        return _nothing(study, trials)
    from labtui.verdicts.loading import study_table

    table = study_table(lab, study, trials) if table is None else table
    told = _Told(lab, study, trials, table, found)
    if len(table.arm_names) > 1:
        return told.with_basis(told.arms(order))
    return told.with_basis(told.best())


def _nothing(study: StudyRecord, trials: Sequence[TrialRecord]) -> Answer:
    ended = sum(one.state in ENDED for one in trials)
    if ended and ended == len(trials):
        return Answer(f"None: no trial of {ended} completed with a value.")
    return Answer(f"None yet: {ended} of {study.total} trials ended, none with a value.")


class _Told:
    """What is said of one study."""

    def __init__(
        self,
        lab: Lab,
        study: StudyRecord,
        trials: Sequence[TrialRecord],
        table: StudyTable,
        found: Sequence[Outcome] | None = None,
    ) -> None:
        self.lab, self.study, self.trials, self.table = lab, study, trials, table
        self.found = found
        self.way = "lower" if study.minimize else "higher"
        self.metric = metric_words(study.metric)
        self.known, self.outdated = known_deviation(lab, study, trials)

    # -- several arms -----------------------------------------------------------------------

    def arms(self, order: ArmOrder | None) -> Answer:
        """Compare the arms: by reruns where there are any, else in this sample."""
        again = newest_arms(self.lab, self.study, self.trials, self.table)
        if again is not None and again.order is not None and again.order.pairs:
            return order_answer(self.study, again, again.order)
        return self._sample(order, again)

    def _sample(self, order: ArmOrder | None, again: ArmsRead | None) -> Answer:
        from labtui.analysis.arms import order_of_arms

        order = order_of_arms(self.table) if order is None else order
        first, second = order.arms[:2]
        command = rerun_command(self.study, arms=True)
        if second.best is None or first.best is None:
            failed = sum(one.infeasible for one in order.arms[1:])
            others = "the other arm" if len(order.arms) == 2 else "the others"
            return Answer(
                f"Only {self.name(first.arm)} could be trained: its best {self.metric} is "
                f"{number(self.shown(first.best))}, and {failed} trials of {others} have no value.",
                False,
            )
        gap = second.best - first.best
        values = f"{number(self.shown(first.best))} against {number(self.shown(second.best))}"
        ours, theirs = self.name(first.arm), self.name(second.arm)
        lead = f"{gap:.2g} {self.way} than {theirs}'s" if gap else f"as good as {theirs}'s"
        basis = [values, *self._examples(gap, first.best)]
        if self.known is not None:
            basis.append(f"retraining deviates by {self.known.deviation:.2g}")
        until = f"no order is supported until `{command}`"
        if found := ranges_to_widen(self.table, self.found):
            command = widen_command(self.study)
            until = cut_off_words(self.table, found, command)
        elif again is not None:
            until = f"its reruns are not over: `{command}` goes on"
        return Answer(
            f"In this sample {ours}'s best is {lead} ({'; '.join(basis)}); {until}.",
            False,
            command=command,
            numbers={
                "first": first.arm,
                "second": second.arm,
                "best": self.shown(first.best),
                "second_best": self.shown(second.best),
                "gain": gap,
                "sample_error": self.error(first.best),
                "retrain_deviation": self.known.deviation if self.known else None,
            },
        )

    def _examples(self, gap: float, best: float) -> list[str]:
        """Count a gain in validation examples, beside the error of the sample (P30)."""
        error, examples = self.error(best), self.table.examples
        if error is None or not examples:
            return []
        count = round(gap * examples)
        return [f"{count} of {examples} examples, whose standard error is {error:.2g}"]

    # -- one arm ----------------------------------------------------------------------------

    def best(self) -> Answer:
        """Give the best, and how much of it is luck."""
        from labtui.analysis.luck import retrained

        best = best_trial(self.study, self.trials)
        assert best is not None
        start = f"The best {self.metric} is {number(best.value)} in {best.name}"
        numbers: dict[str, Any] = {"best": best.value, "trial": best.name}
        reruns = retrained(self.table)
        for one in reversed(reruns_of(self.lab, best)):
            found = read_reruns(self.lab, one)
            same = (one.metric, one.selection) == (self.study.metric, self.study.selection)
            if same and found.spread.mean is not None and found.spread.deviation is not None:
                return self._rerun(start, numbers, found)
        if reruns is not None:
            numbers |= {"retrain_deviation": reruns.best, "rerun_mean": self.shown(reruns.mean)}
            text = (
                f"{start}; reruns of the best configuration have mean "
                f"{number(self.shown(reruns.mean))} and {deviation_words(reruns.best)} "
                f"({reruns.reruns} reruns)."
            )
            return Answer(text, numbers=numbers)
        command = rerun_command(self.study, best)
        luck = self._search_luck(numbers)
        if self.known is not None:
            luck.append(
                f"reruns of {self.known.trial or 'a configuration'} deviate by "
                f"{self.known.deviation:.2g}"
            )
            numbers["retrain_deviation"] = self.known.deviation
        error = self.error(float(self.table.values[self.table.ranked[0]]))
        if error is not None:
            luck.append(f"the validation sample's standard error is {error:.2g}")
            numbers["sample_error"] = error
        until = f"how much of it is luck, `{command}` tells"
        return Answer(f"{'; '.join([start, *luck])}; {until}.", command=command, numbers=numbers)

    def _rerun(self, start: str, numbers: dict[str, Any], found: Reruns) -> Answer:
        spread = found.spread
        numbers |= {
            "rerun_mean": spread.mean,
            "retrain_deviation": spread.deviation,
            "reruns": spread.feasible,
            "flattered": found.flattered,
            "sample_error": found.sample,
        }
        parts = [
            f"{start}; trained again it reaches {number(spread.mean)} on average over "
            f"{spread.feasible} reruns ({deviation_words(spread.deviation or 0.0)})"
        ]
        if found.flattered and found.flattered > 0:
            parts.append(f"{found.flattered:.2g} of it was luck")
        if spread.infeasible:
            parts.append(f"{spread.infeasible} of {spread.reruns} reruns could not be trained")
        parts += self._search_luck(numbers)
        return Answer(f"{'; '.join(parts)}.", numbers=numbers)

    def _search_luck(self, numbers: dict[str, Any]) -> list[str]:
        from labtui.analysis.luck import search_deviation

        replicas = read_replicas(self.lab, self.study)
        if replicas is not None and replicas.bests.size >= 2:
            numbers["study_deviation"] = float(replicas.bests.std(ddof=1))
            return [
                f"the bests of {replicas.bests.size} searches deviate by "
                f"{numbers['study_deviation']:.2g}"
            ]
        found = None if self.table.adaptive else search_deviation(_values(self.table))
        if found is None:
            return []
        numbers["search_deviation"] = found
        return [f"another search as large would differ by about {found:.2g}"]

    # -- what all of them say ---------------------------------------------------------------

    def with_basis(self, answer: Answer) -> Answer:
        """Add what any answer holds for: how far the study is, its length, what is fixed."""
        ended = len(self.table)
        caveats = list(answer.caveats)
        if ended < self.study.total:
            caveats.append(f"so far: {ended} of {self.study.total} trials ended")
        if self.outdated and self.known is None:
            caveats.append(f"the workload's retrain deviation does not hold here: {self.outdated}")
        basis = self._basis()
        if basis:
            caveats.append(f"this holds {basis}")
        return replace(answer, caveats=tuple(caveats))

    def _basis(self) -> str:
        steps = {one.max_steps for one in self.trials if one.max_steps}
        parts = [f"at {next(iter(steps)):,} steps"] if len(steps) == 1 else []
        fixed = [d for d in self.lab.hyperparameters(self.study.name) if d["role"] == "fixed"]
        if fixed:
            named = [f"{clean(d['name'])}={value_text(d.get('value'))}" for d in fixed[:MOST_FIXED]]
            more = f" and {len(fixed) - MOST_FIXED} more" if len(fixed) > MOST_FIXED else ""
            parts.append(f"with {', '.join(named)}{more} fixed")
        return ", ".join(parts)

    def name(self, arm: str) -> str:
        return short_arm(arm, self.table.arm_names)

    def shown(self, value: float | None) -> float | None:
        return None if value is None else self.table.shown(value)

    def error(self, value: float) -> float | None:
        return sample_error(self.study.metric, self.shown(value), self.table.examples)


# -- evidence -------------------------------------------------------------------------------


def _of_evidence(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Answer:
    """Say what a study that trains given configurations again is evidence for."""
    parent = original_study(lab, study)
    about = f"Evidence about {study.parent}"
    if study.kind == "rerun":
        found = read_reruns(lab, study)
        return Answer(f"{about}: {rerun_words(found)}", numbers=rerun_numbers(found))
    if study.kind == "arms" and parent is not None:
        from labtui.verdicts.loading import study_table

        before = lab.trials(parent.name)
        again = read_arms(lab, study, parent, before, study_table(lab, parent, before))
        if again is not None and again.order is not None and again.order.pairs:
            answer = order_answer(parent, again, again.order)
            return replace(answer, text=f"{about}: {answer.text}")
        return Answer(f"{about}, whose arms it compares: too few reruns have ended.", False)
    if study.kind == "replica" and parent is not None:
        best = "none yet" if study.best_value is None else number(study.best_value)
        own = "none" if parent.best_value is None else number(parent.best_value)
        return Answer(
            f"{about}: the same search under another seed; its best is {best}, that of "
            f"{parent.name} {own}. `labtui check {parent.name}` compares them."
        )
    if study.kind == "launch":
        return Answer(
            f"{about}: reruns of its candidate and of the baseline, for `labtui launch`, which has "
            "the decision."
        )
    return Answer(f"{about}, which is no longer in the lab.")


def replica_answer(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Answer:
    """Say how the bests of a study and of its replicas vary (P29).

    Args:
        lab: Where they are.
        study: The study.
        trials: Its trials.
    """
    from labtui.analysis.luck import search_deviation
    from labtui.verdicts.loading import study_table

    found = read_replicas(lab, study)
    if found is None:
        return Answer(f"{study.name} has no replica.", command=rerun_command(study))
    sign = 1.0 if study.minimize else -1.0
    numbers: dict[str, Any] = {
        "searches": [
            {"study": name, "best": sign * best}
            for name, best in zip(found.names, found.bests.tolist(), strict=True)
        ]
    }
    table = study_table(lab, study, trials)
    resampled = search_deviation(_values(table))
    caveats = []
    if found.running:
        caveats.append(f"{listed(found.running)} is not over")
    if found.unequal:
        caveats.append(f"{listed(found.unequal)} has another number of trials and is left out")
    if found.bests.size < 2:
        return Answer(
            "Too few searches are over to compare.", caveats=tuple(caveats), numbers=numbers
        )
    deviation = float(found.bests.std(ddof=1))
    numbers |= {"study_deviation": deviation, "search_deviation": resampled}
    parts = [f"The bests of {found.bests.size} searches deviate by {deviation:.2g}"]
    if resampled is not None:
        parts.append(f"resampling the trials of {study.name} says {resampled:.2g}")
    known, _ = known_deviation(lab, study, trials)
    if known is not None:
        numbers["retrain_deviation"] = known.deviation
        parts.append(f"reruns of {known.trial} deviate by {known.deviation:.2g}")
    return Answer(f"{'; '.join(parts)}.", caveats=tuple(caveats), numbers=numbers)


def _values(table: StudyTable) -> Floats:
    """Give a study's results, infinite where there is none."""
    import numpy as np

    found: Floats = np.where(table.feasible, table.values, np.inf)
    return found
