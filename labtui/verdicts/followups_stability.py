"""Follow-ups of a study of the lab that is unstable: probe, warmup, clipping (P39, P40, P41)."""

from __future__ import annotations

from labtui.analysis.findings import Finding
from labtui.engine.probe_stability import DENSE_FACTOR, DENSE_STEPS
from labtui.store.records import TrialRecord
from labtui.study import followup_stability as stabilities
from labtui.study.followup import Change, FollowUp, Impossible
from labtui.study.space import holding
from labtui.verdicts.followups_grounds import CLIP, WARMUP, Grounds, answer_text, weight
from labtui.verdicts.followups_length import RATE_MARGIN, parent_of, positive
from labtui.verdicts.lineup_readings import read_warmup, unstable_rate


def warmup(grounds: Grounds) -> FollowUp:
    """Sweep warmups far above the rate that became unstable (P40)."""
    unstable = unstable_rate(grounds)
    start = grounds.start(grounds.best_of(unstable.name, unstable.index), unstable.name)
    knob = grounds.knob(WARMUP)
    plain = {k: v for k, v in start.plain.items() if k != knob.name}
    found = grounds.found("stability-edge", "early-instability", "mid-training-instability")
    return stabilities.warmup(
        grounds.draft("warmup"),
        stabilities.Start(start.params, start.source, start.rate_name, plain),
        knob,
        unstable=unstable.rate,
        found_by=unstable.source,
        answers=list(dict.fromkeys(answer_text(one) for one in found)),
    )


def warmup_schedule(grounds: Grounds) -> FollowUp:
    """Prepend the shortest warmup that trains to the schedule of the study before (P40)."""
    if grounds.record.kind != "warmup":
        raise Impossible("it is no warmup sweep: `--kind warmup` makes one")
    reading = read_warmup(grounds.lab, grounds.record, grounds.trials)
    if not reading.shortest:
        raise Impossible(reading.text)
    parent = parent_of(grounds)
    name = reading.rate_name
    parents = parent.study.hyperparameters.get(name, [])
    held = holding(parents, grounds.trials[0].params)
    before = parent.best_of(name, held[0]) if held else parent.best
    changes, draft = [], parent.draft("warmup-schedule")
    draft.head.append(f"After {grounds.record.name}: {reading.text}.")
    best = float(before.params.get(name, reading.rate))
    low = float(f"{best / stabilities.BELOW_BEST:.3g}")
    why = f"up to the base rate that trained after the warmup; the best without it was {best:.3g}"
    if held and parents[held[0]].range is not None:
        changes.append(Change(name, held[0], why, (low, reading.rate)))
    else:
        bounds = [low, reading.rate]
        draft.define(name, {"role": "nuisance", "scale": "log", "range": bounds}, why)
    answers = (grounds.study.follows.answers if grounds.study.follows else None) or []
    return stabilities.warmup_schedule(
        draft,
        parent.knob(WARMUP),
        reading.shortest,
        rate=changes,
        base=reading.rate,
        answers=answers,
    )


def clip(grounds: Grounds) -> FollowUp:
    """Clip at the 90th percentile; where most steps were clipped, lower the rate (P41)."""
    threshold, source = _threshold(grounds)
    over = [one for one in grounds.found("over-clipped") if weight(one) != "info"]
    codes = ("mid-training-instability", "gradient-outliers", "early-instability")
    found = over or grounds.found(*codes)
    lower = []
    if over:
        name, index = grounds.rate()
        definition = grounds.study.hyperparameters[name][index]
        if definition.range is None or definition.range[0] <= 0:
            raise Impossible(f"most steps were clipped: lower {name} instead (P41)")
        best = float(grounds.best.params[name])
        low = float(f"{definition.range[0] / RATE_MARGIN:.3g}")
        why = "most steps were clipped, which is a lower rate in disguise: lower it itself (P41)"
        lower.append(Change(name, index, why, (low, max(best, definition.range[0]))))
    answers = list(dict.fromkeys(answer_text(one) for one in found))
    return stabilities.clip(
        grounds.draft("clip"),
        grounds.knob(CLIP),
        threshold,
        source=source,
        lower=lower,
        answers=answers,
    )


def _threshold(grounds: Grounds) -> tuple[float, str]:
    """Give the 90th percentile of the norms of the best trial that logged them."""
    for one in sorted(grounds.found("clip-threshold"), key=lambda f: _rank(grounds, f)):
        later = one.evidence["percentile_90_without_start"]
        return float(later or one.evidence["percentile_90"]), str(one.subject["trial"])
    raise Impossible("no gradient norms were logged: log grad_norm")


def _rank(grounds: Grounds, one: Finding) -> int:
    order: list[TrialRecord] = grounds.ranked(len(grounds.trials))
    names = [trial.name for trial in order]
    trial = str(one.subject.get("trial"))
    return names.index(trial) if trial in names else len(names)


def dense_probe(grounds: Grounds) -> FollowUp:
    """Evaluate a short run at twice the best rate after every step (P39)."""
    name, _ = grounds.rate()
    best = grounds.best
    if not positive(best.params.get(name)):
        raise Impossible(f"{best.name} has no {name} above 0")
    steps = min(grounds.asked.steps or DENSE_STEPS, grounds.study.budget.max_train_steps)
    return stabilities.dense_probe(
        grounds.draft("dense-probe"),
        stabilities.Start(best.params, best.name, name),
        float(best.params[name]),
        factor=DENSE_FACTOR,
        steps=steps,
        answers=[answer_text(one) for one in grounds.found("stability-edge")],
    )
