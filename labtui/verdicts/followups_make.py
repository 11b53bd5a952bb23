"""Makes the follow-ups of a study of the lab, kind by kind; what cannot be made says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from labtui.study.followup import FollowUp, checked
from labtui.study.followup_text import commented_study
from labtui.study.scaffold import comment
from labtui.verdicts import followups_length as lengths
from labtui.verdicts import followups_space as spaces
from labtui.verdicts import followups_stability as stabilities
from labtui.verdicts.followups_grounds import Asked, Grounds
from labtui.verdicts.lineup import shared_trials


def make(grounds: Grounds, kind: str) -> FollowUp:
    """Make a follow-up of one kind.

    Raises:
        Impossible: It cannot be made of this study; the message says why.
    """
    found = MAKERS[kind](grounds)
    if kind == "extend":
        return found
    found = _asked(found, grounds.asked)
    shared = shared_trials(grounds, found.study)
    if shared is None or not shared.trials:
        return found
    told = (
        f"{shared.trials} of the {shared.of} trials of {grounds.record.name} lie in this space: "
        "they count beside these, and none of them is trained again."
    )
    return replace(found, text="\n".join([*comment(told), found.text]))


def _asked(found: FollowUp, asked: Asked) -> FollowUp:
    """Give it the trials that a person asks for."""
    if asked.trials is None:
        return found
    key = "repetitions" if found.study.design == "configurations" else "trials"
    budget = found.study.budget.model_copy(update={key: asked.trials})
    study = found.study.model_copy(update={"budget": budget})
    # Only the line of the budget changes: its comments stay.
    old, new = (
        next(line for line in commented_study(one).splitlines() if line.startswith("budget:"))
        for one in (found.study, study)
    )
    text = found.text.replace(f"\n{old}\n", f"\n{new}\n")
    return FollowUp(found.kind, checked(study), text, found.extends)


MAKERS: dict[str, Callable[[Grounds], FollowUp]] = {
    "widen": spaces.widen,
    "warmup": stabilities.warmup,
    "warmup-schedule": stabilities.warmup_schedule,
    "clip": stabilities.clip,
    "regularize": spaces.regularize,
    "longer": lengths.longer,
    "shorter": lengths.shorter,
    "narrow": spaces.narrow,
    "extend": spaces.extend,
    "split": spaces.split,
    "fix": spaces.fix,
    "replica": spaces.replica,
    "dense-probe": stabilities.dense_probe,
    "exploit": spaces.exploit,
    "full-length": lengths.full_length,
    "first-length": lengths.first_length,
    "length": lengths.length,
}
"""How each kind of `labtui.study.followup.KINDS` is made."""
