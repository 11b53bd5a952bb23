"""The stability probe: a sweep of learning rates, then a densely evaluated run (P37, P39).

Both are ordinary studies of the lab, so that they can be looked at, resumed and run again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labtui.analysis.gradients import Norms, judge_norms
from labtui.analysis.rises import Curve, judge_curve
from labtui.analysis.stability import Run, Sweep, Verdict, judge, judge_sweep, rates_above
from labtui.engine import client
from labtui.engine.probe_subject import ProbeError, Subject
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import StudyRecord, TrialRecord
from labtui.store.writer import now
from labtui.study.fields import Scalar
from labtui.study.spec import Study, difference, slug
from labtui.trainer.trial import loss_behind

RATES = 16
DECADES = 1.5  # of a sweep around a rate, to either side
STEPS = 500
EVALUATIONS = 25  # of a trial of the sweep
DENSE_STEPS = 500  # the playbook's number
DENSE_FACTOR = 2.0
PLAIN: Mapping[str, Scalar] = {"schedule": "constant", "warmup_steps": 0, "clip_norm": 0.0}
TRAIN_LOSS, NORM = "train/loss", "grad_norm"

Build = Callable[[str], tuple[Study, str]]


@dataclass(frozen=True)
class Stability:
    """What a stability probe found.

    Attributes:
        date: ISO 8601, UTC.
        name: What the learning rate is called.
        study: The sweep, with its trials, in the order of their rates.
        dense: The dense run; None where the sweep found no rate for it.
        above: The rates just above the best one, with what the training loss did there.
        metric: The loss of the dense run that was judged; `curve` is what it did.
        remarks: What else a person must know.
    """

    date: str
    subject: Subject
    name: str
    study: StudyRecord
    trials: tuple[TrialRecord, ...]
    dense: TrialRecord | None
    sweep: Sweep
    above: tuple[tuple[float, Curve], ...]
    metric: str
    curve: Curve
    norms: Norms
    verdict: Verdict
    remarks: tuple[str, ...]


# -- the two studies ----------------------------------------------------------------------------


def prepare(subject: Subject, name: str) -> Subject:
    """Set a subject up for the sweep: a loss as objective, a plain schedule, no clipping.

    Raises:
        ProbeError: It has no learning rate of that name.
    """
    if name not in subject.params:
        known = ", ".join(subject.params) or "none"
        raise ProbeError(
            f"--learning-rate-name: the configuration has no hyperparameter {name!r}; it has "
            f"{known}. If the script reads it, add --param {name}=0.01"
        )
    if subject.declared is None:
        return subject
    declared = subject.declared.hyperparameters
    plain = {k: v for k, v in PLAIN.items() if k in declared and k not in subject.given}
    metric, goal = subject.metric, subject.goal
    if loss_behind(metric) in subject.declared.metrics:
        metric, goal = loss_behind(metric), "minimize"
    return replace(subject, params={**subject.params, **plain}, metric=metric, goal=goal)


def choose_rates(
    subject: Subject,
    name: str,
    *,
    count: int = RATES,
    around: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> list[float]:
    """Lay a grid on a log scale: over `bounds`, around a rate, or over the declared range.

    Without any of them it is around the configuration's own rate.

    Raises:
        ProbeError: The bounds, or the configuration's rate, cannot be swept.
    """
    own = subject.params[name]
    if bounds is None and around is None and name in subject.ranges and name not in subject.given:
        bounds = subject.ranges[name]
    if bounds is None:
        centre = around if around is not None else own
        if isinstance(centre, bool) or not isinstance(centre, (int, float)) or centre <= 0:
            raise ProbeError(f"{name}: found {centre!r}; name a rate to sweep --around, as 0.01")
        bounds = (centre / 10**DECADES, centre * 10**DECADES)
    low, high = bounds
    if not 0 < low < high:
        raise ProbeError(f"--range: found {low:g} to {high:g}; expected 0 < low < high")
    found = np.geomspace(low, high, count)
    return list(dict.fromkeys(float(f"{rate:.3g}") for rate in found))


def submit_sweep(
    subject: Subject,
    paths: LabPaths,
    name: str,
    rates: Sequence[float],
    *,
    steps: int,
    command: Sequence[str] = (),
    new: bool = False,
) -> str:
    """Have the sweep trained, or taken up; gives the name of its study.

    Raises:
        ProbeError: The lab has another study of that name, and `new` is not asked for.
    """
    configurations = [{name: rate} for rate in rates]

    def build(title: str) -> tuple[Study, str]:
        return subject.study(
            title,
            f"At which learning rates does {subject.workload} become unstable?",
            max_train_steps=steps,
            eval_every=max(1, steps // EVALUATIONS),
            configurations=configurations,
        )

    return _submit(f"{subject.workload}-stability", build, subject, paths, command, new)


def submit_dense(
    subject: Subject,
    paths: LabPaths,
    name: str,
    rate: float,
    sweep: str,
    *,
    steps: int,
    command: Sequence[str] = (),
) -> str:
    """Have the run at `DENSE_FACTOR` x `rate` trained that is evaluated at every step."""
    configurations = [{name: float(f"{DENSE_FACTOR * rate:.6g}")}]

    def build(title: str) -> tuple[Study, str]:
        return subject.study(
            title,
            f"Is {subject.workload} unstable early, at twice its best learning rate?",
            max_train_steps=steps,
            eval_every=1,
            configurations=configurations,
        )

    return _submit(f"{sweep}-dense", build, subject, paths, command, new=False)


def _submit(
    title: str, build: Build, subject: Subject, paths: LabPaths, command: Sequence[str], new: bool
) -> str:
    there = _studies(paths)
    number = 2
    base = title
    while new and title in there:
        title, number = f"{base}-{number}", number + 1
    study, text = build(title)
    if title in there and there[title] != study:
        changes = "\n".join(f"  {line}" for line in difference(there[title], study))
        raise ProbeError(
            f"the lab has another study {title!r}; what differs:\n{changes}\n"
            "add --new to probe beside it"
        )
    file = paths.files / "probes" / f"{slug(title)}.json"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    found = client.submit(paths, study, file=file, folder=subject.folder, command=command)
    return found.study


def _studies(paths: LabPaths) -> dict[str, Study]:
    if not paths.db.exists():
        return {}
    with Lab(paths) as lab:
        return {study.name: Study.from_json(study.spec) for study in lab.studies()}


# -- what they say ------------------------------------------------------------------------------


def read_sweep(lab: Lab, subject: Subject, study: str, name: str) -> tuple[Sweep, list[Run]]:
    """Read a sweep that was trained, and judge it."""
    sign = 1.0 if subject.goal == "minimize" else -1.0
    runs = [
        _run(lab, trial, name, sign)
        for trial in lab.trials(study)
        if trial.state == "completed" or _is_diverged(trial)
    ]
    chance = None
    if subject.declared is not None and subject.metric in subject.declared.metrics:
        chance = subject.declared.metrics[subject.metric].chance
    return judge_sweep(runs, None if chance is None else sign * chance), runs


def _run(lab: Lab, trial: TrialRecord, name: str, sign: float) -> Run:
    diverged = _is_diverged(trial)
    value = None if diverged or trial.value is None else sign * trial.value
    steps, losses = _curve(lab, trial, TRAIN_LOSS)
    return Run(float(trial.params[name]), diverged, value, steps, losses)


def _is_diverged(trial: TrialRecord) -> bool:
    return trial.state == "infeasible" and trial.reason.startswith("diverged")


def _curve(lab: Lab, trial: TrialRecord, metric: str) -> tuple[Sequence[int], Sequence[float]]:
    found = lab.curves([trial.id], metric)
    return (found[0].steps, found[0].values) if found else ((), ())


def read_stability(lab: Lab, subject: Subject, sweep: str, dense: str, name: str) -> Stability:
    """Put together what the two studies say; `dense` is empty where there is none."""
    judged, runs = read_sweep(lab, subject, sweep, name)
    trials = sorted(lab.trials(sweep), key=lambda trial: float(trial.params[name]))
    planned = next((t.max_steps for t in trials if t.max_steps), 0)
    above: list[tuple[float, Curve]] = []
    if judged.best is not None:
        for run in rates_above(runs, judged.best):
            above.append((run.rate, _judged(run.steps, run.losses, planned)))
    trial = lab.trials(dense)[0] if dense else None
    metric, curve = TRAIN_LOSS, Curve(unknown="there is no dense run")
    norms = Norms(unknown="there is no dense run")
    if trial is not None:
        metric, curve = _dense_curve(lab, trial, subject)
        norms = judge_norms(*_curve(lab, trial, NORM))
    return Stability(
        date=now(),
        subject=subject,
        name=name,
        study=lab.study(sweep),
        trials=tuple(trials),
        dense=trial,
        sweep=judged,
        above=tuple(above),
        metric=metric,
        curve=curve,
        norms=norms,
        verdict=judge(judged, above, curve, norms),
        remarks=tuple(_remarks(trials)),
    )


def _judged(steps: Sequence[int], losses: Sequence[float], planned: int) -> Curve:
    if not steps:
        return Curve(unknown="it was not logged")
    return judge_curve(steps, losses, planned)


def _dense_curve(lab: Lab, trial: TrialRecord, subject: Subject) -> tuple[str, Curve]:
    """Judge the training loss of the dense run; without one, another split's as far as it goes."""
    planned = trial.max_steps or 0
    steps, losses = _curve(lab, trial, TRAIN_LOSS)
    if steps or subject.goal != "minimize":
        return TRAIN_LOSS, _judged(steps, losses, planned)
    found = _judged(*_curve(lab, trial, subject.metric), planned)
    sure = tuple(rise for rise in found.rises if rise.recovered is not None)
    if found.rises and not sure and found.diverged is None:
        why = f"{TRAIN_LOSS} was not logged, and a rise that lasts may be overfitting"
        return subject.metric, Curve(unknown=why)
    return subject.metric, replace(found, rises=sure)


def _remarks(trials: Sequence[TrialRecord]) -> list[str]:
    lost = [t for t in trials if not (t.state == "completed" or _is_diverged(t))]
    if not lost:
        return []
    first = lost[0]
    why = re.sub(r"\s+", " ", first.reason)
    return [
        f"{len(lost)} of {len(trials)} trials say nothing about stability; the first, "
        f"{first.name}, {first.state}: {why}"
    ]
