"""What is to be concluded from a study or a trial: all judges, brought together.

The best trials of each arm are looked at first, then every other one: selection hides what is wrong
with the trials it leaves behind (P18).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from labtui.analysis.adaptive import even_only
from labtui.analysis.arms import ArmOrder, order_of_arms
from labtui.analysis.boundaries import judge_boundaries
from labtui.analysis.curves import judge_curves
from labtui.analysis.feasibility import classify, judge_feasibility
from labtui.analysis.findings import Finding, Outcome, Verdict, cannot_judge, gather
from labtui.analysis.instability import judge_stability
from labtui.analysis.lengths import agreeing, below_chance, judge_lengths
from labtui.analysis.luck import Known, judge_luck
from labtui.analysis.runs import Floats, Run
from labtui.analysis.sample import judge_sample
from labtui.analysis.sampling import judge_sampling
from labtui.analysis.sensitivity import judge_sensitivity
from labtui.analysis.table import StudyTable
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.kinds import COMPLETE
from labtui.verdicts.answer import NO_ANSWER, Answer, answer_of
from labtui.verdicts.answer_ranges import ranges_to_widen
from labtui.verdicts.evidence import evidence_of, read_replicas
from labtui.verdicts.figures import best_trials
from labtui.verdicts.judged import JudgedTrials
from labtui.verdicts.loading import RunReader, study_table
from labtui.verdicts.reruns import known_deviation

__all__ = ["StudyCheck", "check_study", "check_trial", "study_table"]


@dataclass(frozen=True)
class StudyCheck:
    """What was found in a study.

    Attributes:
        verdict: The findings, and what could not be judged.
        table: The trials that were looked at.
        order: What may be said about the order of the arms; None for a single one.
        complete: Whether all its trials have ended.
        evidence: Whether it trains given configurations again, and is not judged as a search.
        answer: The answer to its question, with its caveats.
    """

    verdict: Verdict
    table: StudyTable
    order: ArmOrder | None
    complete: bool
    evidence: bool = False
    answer: Answer = NO_ANSWER


def check_study(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> StudyCheck:
    """Judge a study: its search space, its results, and the curves of all its trials.

    Of a study that is evidence about another (reruns, replicas) only the curves are judged: its
    configurations were chosen, and what its results say is the answer.

    Args:
        lab: Where the points are; they are read trial by trial.
        study: The study; its metric, direction and selection say what is judged.
        trials: All its trials; those that have not ended are left out.
    """
    table = study_table(lab, study, trials)
    evidence = study.kind in COMPLETE
    results: Iterable[Outcome] = ()
    if not evidence:
        found = _results(table, study.selection, *_luck(lab, study, trials))
        results = even_only(found, adaptive=table.adaptive)
    outcomes = agreeing([*results, *_runs(lab, study, trials)])
    verdict, order = gather(outcomes), None
    if len(table.arm_names) > 1 and not evidence:
        # Reruns are no advice for arms whose ranges are cut off.
        cut_off = bool(ranges_to_widen(table, verdict.findings))
        order = order_of_arms(table, rerun=cut_off or bool(evidence_of(lab, study.name, "arms")))
    return StudyCheck(
        verdict=verdict,
        table=table,
        order=order,
        complete=len(table) >= study.total,
        evidence=evidence,
        answer=answer_of(lab, study, trials, table, order, verdict.findings),
    )


def _luck(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]
) -> tuple[Known | None, Floats | None]:
    """Give what is known beside the study: the deviation of retraining, the bests of replicas."""
    replicas = read_replicas(lab, study)
    known, _ = known_deviation(lab, study, trials)
    return known, None if replicas is None else replicas.bests


def check_trial(lab: Lab, study: StudyRecord, trial: TrialRecord) -> Verdict:
    """Judge the curves of one trial."""
    return gather(_judge(RunReader(lab, study).read(trial)))


def _results(
    table: StudyTable, selection: str, known: Known | None, bests: Floats | None
) -> Iterator[Outcome]:
    classes = classify(table)
    yield from judge_boundaries(table, classes)
    yield from judge_feasibility(table, classes)
    yield from judge_sampling(table, classes, known)
    yield from judge_sensitivity(table)
    yield from judge_luck(table, known, bests)
    yield from judge_sample(table)
    if selection == "best":
        yield from judge_lengths(table)
    else:
        for code in ("steps-too-few", "steps-too-many"):
            yield cannot_judge(code, "the study selects the final value, not the best")
    yield from below_chance(table)


def _runs(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Iterator[Outcome]:
    reader = RunReader(lab, study)
    judged = JudgedTrials(lab.paths, study, reader.declared)
    ended = [trial for trial in trials if trial.state in ENDED]
    best = best_trials(study, ended, 1)
    first = {trial.id for trial in best}

    def judge(trial: TrialRecord) -> Iterator[Outcome]:
        return _judge(reader.read(trial))

    for trial in best:
        yield from _marked(judged.outcomes(trial, judge))
    for trial in ended:
        if trial.id not in first:
            yield from _others(judged.outcomes(trial, judge))
    judged.keep()


def _judge(run: Run) -> Iterator[Outcome]:
    yield from judge_stability(run)
    if run.state in ("completed", "infeasible"):
        yield from judge_curves(run)


def _marked(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Say of findings that they are about the best trial of its arm."""
    for outcome in outcomes:
        if isinstance(outcome, Finding):
            yield replace(outcome, evidence={**outcome.evidence, "best_of_arm": True})
        else:
            yield outcome


def _others(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Lower alerts about other trials: in a wide search some diverge, and nothing rests on them."""
    for outcome in outcomes:
        if isinstance(outcome, Finding) and outcome.severity == "alert":
            yield replace(outcome, severity="warning")
        else:
            yield outcome
