"""Follow-ups that change the search space: wider, narrower, fewer questions, more points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labtui.study.fields import Scalar, same, scalar_text
from labtui.study.followup import Change, Draft, FollowUp, Impossible, checked, question
from labtui.study.followup_text import commented_study
from labtui.study.model import Study
from labtui.study.plan import arms
from labtui.study.roles import nuisance_dimensions
from labtui.study.space import Dimension, active

MORE = 2
"""An extended study has so many times its trials: simulated budgets (P31) double to tell luck."""

MORE_REPETITIONS = 2
"""Repetitions that an extended list of configurations gets more: with three trials of each a spread
can be told."""

FEWEST_TRIALS = 8
"""Fewest trials of an arm; `labtui.analysis.design_budget` has the reason."""

TRIALS_PER_DIMENSION = 3
"""Fewest trials of an arm for each nuisance dimension; see there."""

SPLIT_VALUES = 5
"""Values of a continuous scientific hyperparameter once it is compared in a study of its own: an
isolation plot shows a curve with five."""


def fits(study: Study, params: Mapping[str, Scalar], defaults: Mapping[str, Scalar]) -> bool:
    """Tell whether a configuration lies in the space of a study.

    Args:
        study: A study that was checked.
        params: The value of every hyperparameter of a trial.
        defaults: What a hyperparameter is worth where a study does not name it.
    """
    whole = {**{k: v for k, v in defaults.items() if k in study.hyperparameters}, **params}
    existing = active(study, whole)
    if any(
        name not in whole or not Dimension(definition).holds(whole[name])
        for name, definition in existing.items()
    ):
        return False
    return all(
        name in existing or (name in defaults and same(value, defaults[name]))
        for name, value in params.items()
    )


def redraw(draft: Draft, changes: Sequence[Change], goal: str, answers: Sequence[str]) -> FollowUp:
    """Give definitions other ranges or lists: wider (P14), or narrower (P15, P16).

    Raises:
        Impossible: There is nothing to change.
    """
    if not changes:
        raise Impossible("no range is to be changed")
    for change in changes:
        draft.change(change)
    return draft.finish(goal, answers)


def extend(parent: Study, trials: int | None, why: str) -> FollowUp:
    """Ask for more trials of the same study, which is run with `--extend` (P12).

    Args:
        parent: The study.
        trials: Its budget from now on, trials an arm (of listed configurations: of each); by
            default `MORE` times what it was.
        why: What calls for it.

    Raises:
        Impossible: That is no more than it has.
    """
    key = "repetitions" if parent.design == "configurations" else "trials"
    had = getattr(parent.budget, key)
    wanted = trials or (had + MORE_REPETITIONS if key == "repetitions" else had * MORE)
    if wanted <= had:
        raise Impossible(f"it has {had} {key} already; name more")
    budget = parent.budget.model_copy(update={key: wanted})
    study = parent.model_copy(update={"budget": budget})
    comments: dict[tuple[str | int, ...], str] = {
        ("study",): "the same study: its trials are kept, and these come after them",
        ("budget",): f"{key} {had} before{why}",
    }
    head = ["Run it with --extend: the points go on where the sequence stopped."]
    text = commented_study(study, comments, head)
    return FollowUp("extend", checked(study), text, extends=True)


def replica(draft: Draft, answers: Sequence[str]) -> FollowUp:
    """Ask the same again under another search seed: how much of the result is luck (P29)."""
    parent = draft.parent
    return draft.finish(f"Does {parent.study} come to the same under another search seed?", answers)


def fix(
    draft: Draft, values: Mapping[tuple[str, int], Scalar], best: str, answers: Sequence[str]
) -> FollowUp:
    """Fix what makes no difference (P26).

    Args:
        draft: Of the study.
        values: (name, which definition) → the value, the best trial's.
        best: That trial.
        answers: The findings.

    Raises:
        Impossible: There is nothing to fix.
    """
    if not values:
        raise Impossible("no hyperparameter is known to make no difference")
    for (name, index), value in values.items():
        old = draft.definitions[name][index]
        fixed = {"role": "fixed", "value": value, "when": old.get("when") or {}}
        draft.definitions[name][index] = fixed
        draft.say("hyperparameters", name, index, text=f"it made no difference; as in {best}")
    names = ", ".join(dict.fromkeys(name for name, _ in values))
    return draft.finish(question(draft.parent.goal, f"{names} fixed"), answers)


def split(
    draft: Draft, name: str, others: Mapping[str, Scalar | None], best: str, answers: Sequence[str]
) -> FollowUp:
    """Ask about one scientific hyperparameter alone (P05).

    Args:
        draft: Of a study that compares several.
        name: The one that is compared.
        others: The other scientific ones: the value to fix each at, None to tune it.
        best: The trial whose values these are.
        answers: The findings.
    """
    draft.put("design", "separate", "one arm for every value, all at the same points")
    draft.put("configurations", None)
    for index, one in enumerate(draft.definitions[name]):
        dimension = Dimension(draft.parent.hyperparameters[name][index])
        if dimension.count is None:
            units = [(i + 0.5) / SPLIT_VALUES for i in range(SPLIT_VALUES)]
            values = [_shown(dimension.value(u)) for u in units]
            when = one.get("when") or {}
            draft.definitions[name][index] = {"role": "scientific", "values": values, "when": when}
    draft.say("hyperparameters", name, text="the one question of this study")
    for other, value in others.items():
        if value is None:
            for one in draft.definitions[other]:
                one["role"] = "nuisance" if one["role"] == "scientific" else one["role"]
            draft.say("hyperparameters", other, text="tuned here, and compared in its own study")
        else:
            draft.fix(other, value, f"compared in its own study; as in {best}")
    draft.drop_dead()
    draft.budget(trials=max(draft.parent.budget.trials // 2, FEWEST_TRIALS), repetitions=1)
    _enough(draft)
    return draft.finish(f"What is the best {name}, everything else tuned or fixed?", answers)


def regularize(
    draft: Draft, added: Mapping[str, Mapping[str, Any]], reads: str, answers: Sequence[str]
) -> FollowUp:
    """Tune regularizers beside the rest (P18); trials without any are the parent's.

    Args:
        draft: Of a study whose best trials overfit.
        added: Name → definition, nuisance.
        reads: What the script must read for it; empty where the trainer declares it.
        answers: The findings.

    Raises:
        Impossible: There is no regularizer to add.
    """
    if draft.parent.design == "configurations":
        raise Impossible("its configurations are listed: add a regularizer to them by hand")
    if not added:
        raise Impossible("every regularizer that its trainer declares is tuned already")
    for name, definition in added.items():
        said = "tuned here against overfitting; the parent is the study without it"
        draft.define(name, definition, f"{said}; {reads}" if reads else said)
    _enough(draft)
    names = " and ".join(added)
    return draft.finish(question(draft.parent.goal, f"{names} tuned against overfitting"), answers)


def _enough(draft: Draft) -> None:
    """Raise the trials of an arm to what its nuisance dimensions ask for."""
    study = Study.from_json(draft.document)
    most = max((nuisance_dimensions(study, arm) for arm in arms(study)), default=0)
    wanted = max(FEWEST_TRIALS, TRIALS_PER_DIMENSION * most)
    if study.budget.trials < wanted:
        why = f"{TRIALS_PER_DIMENSION} trials for each of {most} nuisance dimensions"
        draft.budget(why, trials=wanted)


def _shown(value: Scalar) -> Scalar:
    """Round a value to three digits, as people write it."""
    if isinstance(value, float):
        return float(f"{value:.3g}") if abs(1 - value) > 0.1 else 1 - float(f"{1 - value:.3g}")
    return value


def differing(rows: Sequence[Mapping[str, Scalar]]) -> list[str]:
    """Give the names whose values differ between configurations, or that not all have."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        name
        for name in names
        if len({scalar_text(row[name]) if name in row else None for row in rows}) > 1
    ]
