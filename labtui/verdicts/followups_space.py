"""Follow-ups of a study of the lab that change its search space, or repeat it (P12 to P18, P29)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labtui.analysis.findings import Finding
from labtui.analysis.region import good_region, good_values
from labtui.study import followup_space as spaces
from labtui.study.fields import Scalar
from labtui.study.followup import Change, FollowUp, Impossible, question
from labtui.study.model import Hyperparameter, Study
from labtui.study.space import Dimension
from labtui.verdicts.followups_grounds import REGULARIZERS, USUAL_DECAY, Grounds, answer_text


def widen(grounds: Grounds) -> FollowUp:
    """Widen every range whose end alerted; without an alert, those with weak evidence (P14)."""
    found = grounds.found("search-boundary", "below-chance")
    proposed = [one for one in found if one.evidence.get("definition")]
    alerts = [one for one in proposed if one.severity == "alert"]
    chosen = alerts or [one for one in proposed if one.severity == "warning"]
    if not chosen:
        raise Impossible("no boundary alerted")
    names = ", ".join(dict.fromkeys(str(one.subject["hyperparameter"]) for one in chosen))
    answers = [answer_text(one) for one in chosen]
    goal = question(grounds.study.goal, f"wider {names}")
    return spaces.redraw(grounds.draft("widen"), widenings(grounds, chosen), goal, answers)


def widenings(grounds: Grounds, findings: Sequence[Finding]) -> list[Change]:
    """Turn proposals into changes; both ends of one range become one change."""
    changes: dict[tuple[str, int], Change] = {}
    for one in findings:
        name, index = grounds.place(one.subject)
        definition = grounds.study.hyperparameters[name][index]
        told = f"{answer_text(one)}: it ended at {_end(definition, one.subject.get('side'))}"
        bounds, values = one.evidence["proposed_range"], one.evidence["proposed_values"]
        known = changes.get((name, index))
        if known is not None and bounds is not None and known.range is not None:
            low, high = definition.range or known.range
            bounds = [
                new if new != old else kept
                for new, old, kept in zip(bounds, (low, high), known.range, strict=True)
            ]
        if known is not None:
            values = values and list(dict.fromkeys([*(known.values or ()), *values]))
            told = f"{known.why}; {told}"
        changes[name, index] = Change(
            name, index, told, None if bounds is None else (bounds[0], bounds[1]), values
        )
    return list(changes.values())


def _end(definition: Hyperparameter, side: Any) -> str:
    if definition.range is not None:
        return f"{definition.range[0 if side == 'low' else 1]:g}"
    numbers = sorted(v for v in definition.values or () if isinstance(v, (int, float)))
    return f"{numbers[0 if side == 'low' else -1]:g}"


def narrow(grounds: Grounds) -> FollowUp:
    """Cut ranges to the good region, and off where nothing trains (P15, P16)."""
    findings = grounds.found("infeasible-region", "sparse-sampling")
    findings = [one for one in findings if one.severity != "info"]
    changes = region(grounds)
    answers = [answer_text(one) for one in findings]
    goal = question(grounds.study.goal, "in the good region")
    if not changes:
        raise Impossible("the good region is no smaller than the search space")
    return spaces.redraw(grounds.draft("narrow"), changes, goal, answers)


def region(grounds: Grounds) -> list[Change]:
    """Cut every nuisance range and list to the good region, and off where nothing trains."""
    table, changes = grounds.checked.table, {}
    for one in grounds.found("infeasible-region"):
        if one.evidence.get("definition") and one.evidence["proposed_range"] is not None:
            name, index = grounds.place(one.subject)
            low, high = one.evidence["proposed_range"]
            why = f"{answer_text(one)}: beyond {one.evidence['threshold']:g} hardly anything trains"
            changes[name, index] = Change(name, index, why, (low, high))
    for (name, condition), bounds in good_region(table).items():
        key = grounds.place({"hyperparameter": name, "condition": condition})
        if is_nuisance_definition(grounds, key):
            changes[key] = Change(*key, "the best trials of every arm lie here", bounds)
    for (name, condition), values in good_values(table).items():
        key = grounds.place({"hyperparameter": name, "condition": condition})
        if is_nuisance_definition(grounds, key):
            why = "the others were tried often, and never among the best"
            changes[key] = Change(*key, why, values=values)
    return list(changes.values())


def extend(grounds: Grounds) -> FollowUp:
    """Ask for more points of the same sequence (P12)."""
    found = grounds.found("sparse-sampling", "search-luck", "thin-budget")
    why = f"; for {answer_text(found[0])}" if found else ""
    return spaces.extend(Study.from_json(grounds.record.spec), grounds.asked.trials, why)


def fix(grounds: Grounds) -> FollowUp:
    """Fix what makes no difference at the best trial's value (P26)."""
    found = [one for one in grounds.found("insensitive") if is_nuisance(grounds, one)]
    values: dict[tuple[str, int], Scalar] = {}
    for one in found:
        name, index = grounds.place(one.subject)
        values[name, index] = grounds.best_of(name, index).params[name]
    answers = [answer_text(one) for one in found]
    return spaces.fix(grounds.draft("fix"), values, grounds.best.name, answers)


def is_nuisance(grounds: Grounds, one: Finding) -> bool:
    """Say whether a finding is about a nuisance hyperparameter."""
    try:
        return is_nuisance_definition(grounds, grounds.place(one.subject))
    except Impossible:  # no definition of this study: an import that was edited
        return False


def is_nuisance_definition(grounds: Grounds, place: tuple[str, int]) -> bool:
    """Say whether a definition is that of a nuisance hyperparameter."""
    name, index = place
    return grounds.study.hyperparameters[name][index].role == "nuisance"


def split(grounds: Grounds) -> FollowUp:
    """Ask about one scientific hyperparameter alone (P05)."""
    names = scientific(grounds.study)
    if len(names) < 2:
        raise Impossible("it compares one thing already")
    name = grounds.asked.about or names[0]
    if name not in names:
        raise Impossible(f"--about: found {name!r}; it compares {', '.join(names)}")
    best = grounds.best
    others: dict[str, Scalar | None] = {
        other: None if _is_tuned(grounds, other) else best.params.get(other)
        for other in names
        if other != name
    }
    answers = [answer_text(one) for one in grounds.found("many-scientific")]
    draft = grounds.draft("split", f"split-{name.replace('/', '-')}")
    return spaces.split(draft, name, others, best.name, answers)


def scientific(study: Study) -> list[str]:
    """Give the scientific hyperparameters of a study that take more than one value."""
    return [
        name
        for name, definitions in study.hyperparameters.items()
        if any(d.role == "scientific" and Dimension(d).count != 1 for d in definitions)
    ]


def _is_tuned(grounds: Grounds, name: str) -> bool:
    """Say whether a scientific hyperparameter is better tuned than fixed (P06)."""
    kind = grounds.meaning(name).kind
    return kind in ("optimizer", "schedule", "regularization")


def regularize(grounds: Grounds) -> FollowUp:
    """Tune a regularizer of the workload's beside the rest (P18)."""
    answers = [answer_text(one) for one in grounds.found("overfitting")]
    added, reads = _regularizers(grounds)
    return spaces.regularize(
        grounds.draft("regularize"), added, reads, list(dict.fromkeys(answers))
    )


def _regularizers(grounds: Grounds) -> tuple[dict[str, dict[str, Any]], str]:
    """Choose the regularizers that are not tuned yet, as many as the budget holds."""
    free = [name for name in grounds.of_kind("regularization") if not varies(grounds, name)]
    free.sort(key=lambda n: REGULARIZERS.index(n) if n in REGULARIZERS else len(REGULARIZERS))
    known = {name: found for name in free if (found := grounds.nuisance(name)) is not None}
    if not known and not grounds.declared:
        name = free[0] if free else REGULARIZERS[0]
        if varies(grounds, name):
            return {}, ""
        reads = "" if name in grounds.study.hyperparameters else grounds.reads(name, name)
        return {name: USUAL_DECAY}, reads
    return dict(list(known.items())[:1]), ""


def varies(grounds: Grounds, name: str) -> bool:
    """Say whether a hyperparameter is not fixed."""
    return any(d.role != "fixed" for d in grounds.study.hyperparameters.get(name, ()))


def replica(grounds: Grounds) -> FollowUp:
    """Ask the same under another search seed (P29)."""
    answers = [answer_text(one) for one in grounds.found("search-luck")]
    return spaces.replica(grounds.draft("replica"), answers)


def exploit(grounds: Grounds) -> FollowUp:
    """Let Bayesian optimization go on in the good region, from the parent's trials (P13)."""
    if grounds.study.design == "configurations":
        raise Impossible("its configurations are listed: there is no range to search")
    draft = grounds.draft("exploit")
    for change in region(grounds):
        draft.change(change)
    draft.put("sampler", "bayesian", f"from the trials of {grounds.record.name} as prior data")
    return draft.finish(question(grounds.study.goal, "exploiting the good region"))
