"""What there is to say about a study before it runs: its balance, what it costs, its design."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from labtui.analysis.design import judge_designed
from labtui.analysis.design_baseline import judge_against_baseline
from labtui.analysis.designed import Arm, Designed
from labtui.analysis.findings import Finding, Outcome, Verdict, gather
from labtui.analysis.kinds import Declared
from labtui.engine.plugins import TrainerError, check_trainer, find_plugin
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, StudyRecord, TrialRecord
from labtui.study.inheritance import inherited_values
from labtui.study.kinds import COMPLETE
from labtui.study.model import Study
from labtui.study.plan import total_trials
from labtui.verdicts.documents import Document, jsonable, verdict_document

FEWEST_TIMED = 3
"""Fewest trials of an earlier study that say how long a step takes."""

MOST_TIMED = 200
"""Most trials that are looked at for it."""

MOST_WEIGHED = 10
"""Most trials whose checkpoints are looked at."""

DESIDERATA = ("values", "search space", "density")
"""What the trials of a study are shared out among: values compared, a space wide enough that each
is tuned, points dense enough to find the best there (P09)."""

FORBIDDEN = "steps-tuned"
"""The finding that `--force` does not overrule: what the playbook forbids outright (P11)."""


@dataclass(frozen=True)
class Cost:
    """What a study will take, as far as the lab knows.

    Attributes:
        step_time: Seconds of one update, evaluations included where trials were timed.
        seconds: Training time of all trials together, on one slot.
        timed: Where `step_time` is from.
        bytes: Disk that the checkpoints take at most; None if unknown.
        weighed: Where their size is from.
    """

    step_time: float | None = None
    seconds: float | None = None
    timed: str = ""
    bytes: int | None = None
    weighed: str = ""


@dataclass(frozen=True)
class Plan:
    """A study before it runs.

    Attributes:
        study: The study.
        design: Its arms, and what its hyperparameters are.
        total: Trials in all.
        cost: What it will take.
        verdict: The findings about its design.
        baseline: The baseline that it is planned against; None without one.
    """

    study: Study
    design: Designed
    total: int
    cost: Cost
    verdict: Verdict
    baseline: BaselineRecord | None = None

    @property
    def starved(self) -> list[str]:
        """Which of `DESIDERATA` the budget starves."""
        found = {
            one.evidence.get("starved")
            for one in self.verdict.findings
            if one.code == "thin-budget"
        }
        return [name for name in DESIDERATA if name in found]

    @property
    def dimensions(self) -> int:
        """The nuisance dimensions of the arm that has the most."""
        return max((arm.dimensions for arm in self.design.arms), default=0)


def plan_study(study: Study, lab: Lab | None = None, record: StudyRecord | None = None) -> Plan:
    """Judge a study's design, and estimate what it takes.

    Args:
        study: A study that was checked.
        lab: Where earlier trials of its workload are, if there is a lab.
        record: The study in the lab, where it is one.

    Raises:
        TrainerError: Its trainer does not know the workload or a hyperparameter; a study that is in
            the lab already is judged without its trainer then.
    """
    plan = _judged(study, lab, record)
    total = record.total if record is not None else total_trials(plan.design.study)
    cost = Cost() if lab is None else _cost(lab, plan.design.study, total)
    return replace(plan, total=total, cost=cost)


def refusals(study: Study, lab: Lab | None = None, *, anew: bool = False) -> list[Finding]:
    """Give the alerts of a study that is new: what it would be run in spite of.

    Args:
        study: A study that was checked.
        lab: Where its workload's baseline is, if there is a lab. A study that it has already, or
            that goes on with evidence, is never refused.
        anew: Whether it is to run under another name where the lab has it.

    Raises:
        TrainerError: Its trainer does not know the workload or a hyperparameter.
    """
    if study.follows is not None and study.follows.kind in COMPLETE:
        return []
    known = lab is not None and any(one.name == study.study for one in lab.studies())
    if known and not anew:
        return []
    found = _judged(study, lab, None).verdict.findings
    return [one for one in found if one.severity == "alert"]


def _judged(study: Study, lab: Lab | None, record: StudyRecord | None) -> Plan:
    declared = _declared(study, record)
    trials, listed = _imported(lab, record)
    baseline = None if lab is None else _baseline(lab, study, record)
    design = Designed.of(study, declared, trials, _inherited(lab, study, record, baseline))
    outcomes = judge_designed(design, listed=listed)
    if lab is not None and baseline is not None and _is_of(baseline, study):
        outcomes += _against_baseline(lab, design, baseline)
    return Plan(study, design, 0, Cost(), gather(outcomes), baseline)


def _baseline(lab: Lab, study: Study, record: StudyRecord | None) -> BaselineRecord | None:
    """Give the baseline that a study was planned against, or would be."""
    if record is None:
        return lab.baseline(study.workload)
    known = lab.baselines(study.workload)
    return next((one for one in known if one.id == record.baseline), None)


def _is_of(baseline: BaselineRecord, study: Study) -> bool:
    return baseline.trainer == study.trainer.name


def _inherited(
    lab: Lab | None, study: Study, record: StudyRecord | None, baseline: BaselineRecord | None
) -> Mapping[str, Any]:
    if record is not None:
        return record.inherited
    if lab is None or baseline is None or not _is_of(baseline, study):
        return {}
    named = study.follows.study if study.follows is not None else ""
    parent = next((one.inherited for one in lab.studies() if one.name == named), None)
    return inherited_values(study, baseline.params, parent)


def _against_baseline(lab: Lab, design: Designed, baseline: BaselineRecord) -> Iterator[Outcome]:
    """Judge a study against its baseline, unless it goes on with evidence about it (P01, P03)."""
    from labtui.verdicts.baselines import judge_earned

    study = design.study
    if study.follows is not None and study.follows.kind in COMPLETE:
        return
    defaults = {name: one.default for name, one in design.declared.items()}
    yield from judge_against_baseline(design, {**defaults, **baseline.params})
    yield from judge_earned(lab, baseline)


def _declared(study: Study, record: StudyRecord | None) -> Mapping[str, Declared]:
    try:
        plugin = check_trainer(study) if record is None else find_plugin(study.trainer.name)
    except TrainerError:
        if record is None:
            raise
        return {}
    known = plugin.workloads.get(study.workload)
    return known.hyperparameters if known is not None else {}


def _imported(lab: Lab | None, record: StudyRecord | None) -> tuple[int | None, bool]:
    """Count the configurations of an imported study's arms, and say whether they were listed."""
    imported = record.provenance.get("import") if record is not None else None
    if lab is None or record is None or not isinstance(imported, Mapping):
        return None, False
    points = {(trial.arm, trial.params_json) for trial in lab.trials(record.name)}
    most = max(Counter(arm for arm, _ in points).values(), default=0)
    return most, bool(imported.get("points"))


# -- what it takes ------------------------------------------------------------------------------


def _cost(lab: Lab, study: Study, total: int) -> Cost:
    earlier = earlier_studies(lab, study.workload, study.trainer.name)
    step_time, timed = timed_step(lab, earlier) or _probed(lab, study) or (None, "")
    size, weighed = _weighed(lab, earlier) or (None, "")
    steps = study.budget.max_train_steps
    evaluations = 1 + -(-steps // study.budget.eval_every)
    kept = min(study.keep_checkpoints + 1, evaluations)  # the best ones, and the newest
    return Cost(
        step_time=step_time,
        seconds=None if step_time is None else step_time * steps * total,
        timed=timed,
        bytes=None if size is None else size * kept * total,
        weighed=weighed,
    )


def earlier_studies(lab: Lab, workload: str, trainer: str) -> list[StudyRecord]:
    """Give the studies of a workload that a trainer trained, the latest activity first."""
    found = [one for one in lab.studies() if one.workload == workload]
    return [one for one in found if _trainer(one.spec) == trainer]


def _trainer(spec: Mapping[str, Any]) -> str:
    trainer = spec.get("trainer")
    return str(trainer.get("name", "")) if isinstance(trainer, Mapping) else str(trainer or "")


def timed_step(lab: Lab, earlier: Sequence[StudyRecord]) -> tuple[float, str] | None:
    """Measure a step on the trials of the study that was active last and has enough of them.

    Returns:
        Seconds, the median over its trials, evaluations included; and where they are from.
    """
    for record in earlier:
        trials = list(islice(filter(_is_timed, lab.trials(record.name)), MOST_TIMED))
        if len(trials) >= FEWEST_TIMED:
            found = statistics.median(trial.seconds / trial.step for trial in trials)
            return found, f"{len(trials)} trials of {record.name}"
    return None


def _is_timed(trial: TrialRecord) -> bool:
    return trial.state == "completed" and trial.seconds > 0 and trial.step > 0


def _probed(lab: Lab, study: Study) -> tuple[float, str] | None:
    """Take the time of a step from the probe of batch sizes, at the batch size of the study."""
    try:
        probe = lab.card(study.workload).get("batch_size_probe")
    except LabError:
        return None
    if not isinstance(probe, Mapping) or probe.get("trainer") != study.trainer.name:
        return None
    definitions = study.hyperparameters.get(str(probe.get("name")), [])
    sizes = {definition.value for definition in definitions if definition.role == "fixed"}
    for row in probe.get("table") or ():
        if row.get("step_time") and row.get("batch_size") in sizes:
            size = f"{probe['name']} {row['batch_size']}"
            return float(row["step_time"]), f"`labtui probe batch-size` at {size}"
    return None


def _weighed(lab: Lab, earlier: Sequence[StudyRecord]) -> tuple[int, str] | None:
    for record in earlier:
        sizes = list(islice(_sizes(lab, record), MOST_WEIGHED))
        if sizes:
            return int(statistics.median(sizes)), record.name
    return None


def _sizes(lab: Lab, record: StudyRecord) -> Iterator[int]:
    completed = (trial for trial in lab.trials(record.name) if trial.state == "completed")
    for trial in islice(completed, MOST_WEIGHED):
        kept = lab.checkpoints(trial.id)
        if kept:
            yield max(one.size for one in kept)


# -- the document -------------------------------------------------------------------------------


def plan_document(plan: Plan) -> Document:
    """Describe a plan.

    Returns:
        ``study``, ``goal``, ``workload``, ``objective`` (``metric``, ``goal``, ``select``),
        ``design``, ``arms`` (``[{"arm", "trials", "nuisance_dimensions",
        "points_per_dimension"}]``), ``trials`` (in all), ``trials_per_arm``,
        ``nuisance_dimensions`` (of the arm that has the most), ``max_train_steps``,
        ``hyperparameters`` (``[{"name", "kind", "guessed", "role", …the definition}]``),
        ``defaults`` (what the study does not name, name → value), ``baseline`` (id, null without
        one), ``inherited`` (what it has from there, name → value), ``starved`` (some of ``values``,
        ``search space``, ``density``), ``cost`` (``step_time`` and ``seconds`` in s, ``bytes``,
        where they are from; null if unknown) and the keys of `verdict_document`.
    """
    study, design = plan.study, plan.design
    document = {
        "study": study.study,
        "goal": study.goal,
        "workload": study.workload,
        "objective": study.objective.model_dump(mode="json"),
        "design": study.design,
        "arms": [_arm(arm, design.trials) for arm in design.arms],
        "trials": plan.total,
        "trials_per_arm": design.trials,
        "nuisance_dimensions": plan.dimensions,
        "max_train_steps": study.budget.max_train_steps,
        "hyperparameters": list(definitions(design)),
        "defaults": design.unnamed,
        "baseline": None if plan.baseline is None else plan.baseline.id,
        "inherited": dict(design.inherited),
        "starved": plan.starved,
        "cost": asdict(plan.cost),
        **verdict_document(plan.verdict),
    }
    return dict(jsonable(document))


def _arm(arm: Arm, trials: int) -> Document:
    return {
        "arm": arm.label,
        "trials": trials,
        "nuisance_dimensions": arm.dimensions,
        "points_per_dimension": trials / arm.dimensions if arm.dimensions else None,
    }


def definitions(design: Designed) -> Iterator[Document]:
    """Give every definition of a study, with the kind of the hyperparameter."""
    for name, listed in design.study.hyperparameters.items():
        found = design.meanings[name]
        for definition in listed:
            yield {
                "name": name,
                "kind": found.kind,
                "guessed": found.guessed,
                **({"inherited": True} if name in design.inherited else {}),
                **definition.model_dump(mode="json"),
            }
