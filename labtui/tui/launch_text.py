"""A launch in words: its verdict, the evidence of both sides, what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labtui.tui.actions import key_of, with_keys
from labtui.tui.study_text import how_far
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.figures_launch import CONFIDENCE, mean_interval
from labtui.verdicts.launch_plan import least_text
from labtui.verdicts.launch_words import caveats, fields, headline
from labtui.verdicts.text import MISSING, clean, number, params_text, seconds

if TYPE_CHECKING:
    from labtui.store.records import LaunchRecord
    from labtui.tui.launching import Standing
    from labtui.verdicts.launch_plan import Planned

SIGNS = {"adopt": ("✓ ", "$text-success bold"), "reject": ("✗ ", "$text-error bold")}
UNDECIDED = ("? ", "$text-warning bold")
LOOKS = {"adopt": "✓", "reject": "✗", "undecided": "?"}
TO_COME = "◌"

MOST_OF_A_NAME = 17
"""Cells of a trial's name in the table of both sides, so that both fit into half of 120."""

MOST_DIFFERENCES = 12
"""Changes that are listed; of more, the first."""

TOLD = ("sample", "search", "test", "reruns")
"""Of the record's named lines those that the table of both sides and the looks do not say."""


def title(standing: Standing, name: str) -> str:
    """Name what is compared: ``Launch  rates/5 → baseline 2 of w``."""
    planned, record = standing.planned, standing.record
    if planned is not None:
        trial, workload = planned.candidate.name, planned.study.workload
        against = None if planned.baseline is None else planned.baseline.id
    elif record is not None:
        trial, workload, against = record.trial, record.workload, record.baseline
    else:
        return f"Launch  {clean(name)}"
    whom = "no baseline yet" if against is None else f"baseline {against}"
    return f"Launch  {clean(trial)} → {whom} of {clean(workload)}"


def verdict(standing: Standing) -> tuple[str, str]:
    """Say in one line how it stands, with its style."""
    record = standing.record
    if standing.again and record is not None:
        return f"↩ rolled back: {clean(record.trial)} was baseline {record.adopted}", UNDECIDED[1]
    if standing.refused:
        return "✗ There is nothing to launch", "$text-warning bold"
    if record is None or not (_decided(standing) or record.data.get("looks")):
        return f"{TO_COME} not looked at: no fresh reruns yet", "$text-primary bold"
    sign, style = SIGNS.get(record.verdict, UNDECIDED)
    return f"{sign}{headline(record)}", style


def why(standing: Standing) -> str:
    """Give the reason of the verdict; without one, what is compared."""
    record, planned = standing.record, standing.planned
    if standing.refused:
        return clean(standing.refused)
    if record is not None and (_decided(standing) or record.data.get("looks")):
        return clean(record.reason)
    if planned is None:
        return ""
    if planned.baseline is None:
        return "There is no baseline yet: its reruns are compared with chance."
    return f"A gain of {least_text(planned.least)} or more pays for what it adds."


def _decided(standing: Standing) -> bool:
    return standing.record is not None and standing.record.verdict != "undecided"


def following(standing: Standing) -> str:
    """Say what can be done next."""
    if standing.adopted:
        return "It is the baseline. Another candidate is compared with it."
    planned, group = standing.planned, standing.group
    if standing.past:
        return with_keys(
            "It is past: another baseline is the current one. {launch.lineage} shows the lineage."
        )
    if planned is None:
        return "Nothing, until there is a candidate."
    if standing.again:
        return with_keys(
            "{launch.overrule} makes it the baseline again, with a reason; its looks are not taken "
            "twice."
        )
    if standing.rejected:
        return with_keys("A person rejected it. {launch.overrule} takes that back, with a reason.")
    if group is not None:
        reruns = f"{group} fresh reruns{'' if planned.baseline is None else ' a side'}"
        if standing.ready:
            return f"{reruns} have ended: {key_of('launch.train')} looks at them."
        if standing.training:
            return f"Up to {reruns} are being trained; then they are looked at."
        train, no = key_of("launch.train"), key_of("launch.reject")
        return f"{train} trains up to {reruns} and looks at them; {no} rejects."
    if standing.held:
        return with_keys(
            "Findings hold it back: answer them by a study, then {launch.train} decides again; "
            "{launch.overrule} overrules, {launch.reject} rejects."
        )
    if standing.can_reject:
        return with_keys(f"All planned reruns were looked at: the baseline stays. {_WAYS_OUT}")
    decided = "It is decided: no more reruns are planned, and the baseline stays."
    return with_keys(f"{decided} {_BY_HAND}")


_BY_HAND = (
    "`labtui rerun` of the trial tells more of its spread; {launch.lineage}, then "
    "{workload.baseline} makes it the baseline by hand, with a reason."
)
_WAYS_OUT = f"{{launch.reject}} rejects it for good; {_BY_HAND}"


def asking(standing: Standing) -> tuple[str, str]:
    """Give the question before a group is trained or looked at, and what follows from a yes."""
    planned, group = standing.planned, standing.group
    assert planned is not None
    if group is None:
        question = "Decide again, by the looks that were taken?"
        detail = "It is adopted if no finding holds it back any more; else all stays as it is."
    elif standing.ready:
        question = f"Look at {group} reruns{'' if planned.baseline is None else ' a side'}?"
        detail = "It is adopted if they say so and no finding holds it back; recorded either way."
    else:
        sides = "the candidate" if planned.baseline is None else "candidate and baseline each"
        question = f"Train {sides} up to {group} times, with fresh seeds?"
        detail = "It is adopted if they say so and no finding holds it back; recorded either way."
    return question, f"{detail} {replaces(planned)}"


def overruling(standing: Standing) -> tuple[str, str]:
    """Give the question before what holds it back is set aside, and what follows from a yes."""
    planned = standing.planned
    assert planned is not None
    if standing.again:
        question, detail = "Make it the baseline again? Why?", "By the looks taken then."
    elif standing.rejected:
        question = "Take the rejection back? Why?"
        detail = "It goes on from the looks taken; what they support is adopted."
    else:
        question, detail = "Adopt it although findings hold it back? Why?", "It is adopted at once."
    return question, f"{detail} {replaces(planned)}"


def replaces(planned: Planned) -> str:
    """Say which baseline the candidate takes the place of once it is adopted."""
    name, workload, base = planned.candidate.name, planned.study.workload, planned.baseline
    if base is None:
        return clean(f"Adopted, {name} becomes the first baseline of {workload}.")
    old = f" ({base.trial})" if base.trial else ""
    return clean(f"Adopted, {name} replaces baseline {base.id}{old} of {workload}.")


def progress(standing: Standing) -> str:
    """Say how far its reruns are while they train; empty otherwise."""
    return how_far(standing.reruns) if standing.training and standing.reruns is not None else ""


# -- the evidence ---------------------------------------------------------------------------


def evidence(standing: Standing, *, reason: bool) -> Iterator[Line]:
    """Write both sides beside each other, what the candidate adds, and the looks.

    Args:
        standing: Where it stands.
        reason: Whether the reason of the verdict is to be written as well, in full.
    """
    record, planned = standing.record, standing.planned
    found = record.evidence if record is not None else {}
    if (found.get("candidate") or {}).get("trials"):
        yield Line("Side by side", "$text-primary bold")
        yield from _table(found)
        yield from _gain(found)
        yield Line()
    if planned is not None and not planned.looks:
        yield Line("What is compared", "$text-primary bold")
        yield from _compared(planned)
        yield Line()
    yield Line("What it adds", "$text-primary bold")
    yield from _adds(planned, found)
    yield Line()
    yield Line("Looks", "$text-primary bold")
    yield Line(looks(planned, record), "", 2)
    told = dict(fields(record)) if record is not None else {}
    rows = [(name, told[name]) for name in TOLD if told.get(name)]
    if rows:
        yield Line()
        yield Line("More", "$text-primary bold")
    for name, text in rows:
        yield Line(f"{name.ljust(8)}{clean(text)}", "", 2, " " * 8)
    if reason and why(standing):
        yield Line()
        yield Line("Why", "$text-primary bold")
        yield Line(why(standing), "", 2)


def _compared(planned: Planned) -> Iterator[Line]:
    one, base = planned.candidate, planned.baseline
    yield Line(f"candidate  {clean(one.name)}: {params_text(one.params)}", "", 2, " " * 11)
    if base is None:
        yield Line("baseline   none yet: chance", "", 2, " " * 11)
    else:
        named = f"{base.id} {clean(base.trial)}".rstrip()
        yield Line(f"baseline   {named}: {params_text(base.params)}", "", 2, " " * 11)
    if one.value is not None:
        text = f"selected   {number(one.value)} for it: that is why it is here, and does not count"
        yield Line(text, "$faded", 2, " " * 11)


def _table(found: Mapping[str, Any]) -> Iterator[Line]:
    ours, theirs = found["candidate"], found.get("baseline")
    sides = [ours] if not theirs else [ours, theirs]
    heads = ["candidate"] if not theirs else ["candidate", f"baseline {theirs['id']}"]
    rows = [("", heads), *((name, [cell(one) for one in sides]) for name, cell in _CELLS)]
    rows = [(name, cells) for name, cells in rows if any(one != MISSING for one in cells)]
    width = max(len(name) for name, _ in rows)
    wide = max(len(one) for _, cells in rows for one in cells)
    for place, (name, cells) in enumerate(rows):
        text = "  ".join([name.ljust(width), *(one.rjust(wide) for one in cells)])
        yield Line(text, "$faded" if place == 0 else "", 2)


def _trial(side: Mapping[str, Any]) -> str:
    name = clean(str(side.get("trial") or "by hand"))
    return name if len(name) <= MOST_OF_A_NAME else "…" + name[1 - MOST_OF_A_NAME :]


def _interval(side: Mapping[str, Any]) -> str:
    found = mean_interval(side)
    return MISSING if found is None else f"{number(found[0])} … {number(found[1])}"


def _step(side: Mapping[str, Any]) -> str:
    return MISSING if side.get("step_time") is None else seconds(side["step_time"])


def _selected(side: Mapping[str, Any]) -> str:
    value = side.get("selected_value")
    return MISSING if value is None else f"({number(value)})"


_CELLS = (
    ("trial", _trial),
    ("reruns", lambda side: number(side.get("reruns"))),
    ("infeasible", lambda side: number(side.get("infeasible"))),
    ("mean", lambda side: number(side.get("mean"))),
    ("deviation", lambda side: number(side.get("deviation"))),
    (f"{CONFIDENCE:.0%} of mean".replace("%", " %"), _interval),
    ("selected for", _selected),
    ("step time", _step),
)


def _gain(found: Mapping[str, Any]) -> Iterator[Line]:
    gain = found.get("gain")
    if gain is None:
        return
    low, high = found.get("interval") or (None, None)
    around = "" if low is None else f"  ({number(low)} to {number(high)})"
    yield Line(f"gain {number(gain)}{around}", "bold", 2)
    pays, worth = found.get("least_gain"), found.get("worth_having")
    words = [f"pays from {number(pays)}"] if pays is not None else []
    words += [f"worth having from {number(worth)}"] if worth is not None else []
    chance = found.get("rank_chance")
    words += [f"ranks by chance {number(chance)}"] if chance is not None else []
    yield Line(", ".join(words), "$faded", 2, "  ")


def _adds(planned: Planned | None, found: Mapping[str, Any]) -> Iterator[Line]:
    changes = list(found.get("complexity") or ())
    if not changes and planned is not None:
        changes = [{"text": one.text, "least": one.least} for one in planned.complexity.changes]
    for one in changes[:MOST_DIFFERENCES]:
        price = f"  asks for {number(one['least'])} deviations" if one["least"] else ""
        yield Line(f"{clean(str(one['text']))}{price}", "", 2, "  ")
    if len(changes) > MOST_DIFFERENCES:
        yield Line(f"… and {len(changes) - MOST_DIFFERENCES} more", "$faded", 2)
    if not changes:
        yield Line("nothing: there is no baseline to add to", "$faded", 2)


def looks(planned: Planned | None, record: LaunchRecord | None) -> str:
    """Write the planned looks, with what those found that were taken: ``? 5  ✓ 7  ◌ 10``."""
    data = record.data if record is not None else {}
    taken = data.get("looks") or []
    plan: Sequence[int] = (data.get("plan") or {}).get("groups") or (
        planned.groups if planned is not None else ()
    )
    signs = [LOOKS.get(one["verdict"], "?") for one in taken]
    signs += [TO_COME] * (len(plan) - len(signs))
    reruns = "  ".join(f"{sign} {n}" for sign, n in zip(signs, plan, strict=False))
    return f"{reruns}  reruns{' a side' if len(plan) > 1 else ''}"


# -- what speaks against it -----------------------------------------------------------------


def doubts(standing: Standing) -> list[Line]:
    """Write what holds it back, the open alerts of both studies, and the caveats."""
    record = standing.record
    held = list(record.evidence.get("held") or ()) if record is not None else []
    told = {str(one["message"]) for one in held}
    open_alerts = [one for one in standing.alerts if one[2] not in told]
    bound = caveats(record) if record is not None else []
    lines: list[Line] = []
    if held:
        over = record is not None and record.evidence.get("overruled")
        lines.append(Line("Overruled" if over else "Holds it back", "$text-primary bold"))
        lines += [_doubt(str(one["code"]), str(one["message"])) for one in held]
    if over := (record.evidence.get("overruled") if record is not None else ""):
        lines.append(Line(f"because: {clean(str(over))}", "$text-accent", 2, "  "))
    if open_alerts:
        lines += [Line()] * bool(lines)
        lines.append(Line("Open alerts", "$text-primary bold"))
        lines += [_doubt(f"{study} {code}", message) for study, code, message in open_alerts]
    if bound:
        lines += [Line()] * bool(lines)
        lines.append(Line("To be read with", "$text-primary bold"))
        lines += [Line(f"• {clean(text)}", "", 2, "  ") for text in bound]
    return lines or [Line("Nothing speaks against it: no open alert, no caveat.", "$faded")]


def doubt_count(standing: Standing) -> int:
    """Count the alerts: those that hold it back, and the others that are open."""
    held = (standing.record.evidence.get("held") or ()) if standing.record is not None else ()
    told = {str(one["message"]) for one in held}
    return len(told | {message for _, _, message in standing.alerts})


def _doubt(what: str, message: str) -> Line:
    return Line(f"▲ {clean(what)}: {clean(message)}", "$text-warning", 2, "  ")
