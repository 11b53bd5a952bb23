"""A launch in words that a colleague can read, and as JSON; all of it from its record."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from labtui.store.records import LaunchRecord
from labtui.verdicts.documents import Document, jsonable
from labtui.verdicts.launch_plan import Planned
from labtui.verdicts.text import MISSING, clean, number

Look = Mapping[str, Any]


def reason(planned: Planned, verdict: str, look: Look | None, evidence: Mapping[str, Any]) -> str:
    """Say in a sentence or two why a launch stands as it does."""
    if look is None:
        return f"{planned.candidate.name}: no reruns were looked at"
    remark = str(evidence.get("remark") or "")
    words = _decided(planned, verdict, look, evidence)
    return f"{words.rstrip('.')}. A person adds: {remark}" if remark else words


def _decided(planned: Planned, verdict: str, look: Look, evidence: Mapping[str, Any]) -> str:
    words = _first(planned, look) if planned.baseline is None else _compared(planned, look)
    held = [str(one["message"]).rstrip(".") for one in evidence.get("held", ())]
    if held and verdict == "adopt":
        return f"{words} Overruled: {'; '.join(held)}. Because: {evidence['overruled']}"
    if held:
        return f"{words} Held back: {'; '.join(held)}."
    if verdict == "undecided" and look["following"] is None:
        return f"{words} No more reruns are planned: the baseline stays."
    return words


def _compared(planned: Planned, look: Look) -> str:
    metric, n = planned.study.metric, look["reruns"]
    ours, theirs = look["candidate"], look["baseline"]
    failed = f"{ours['infeasible']} of {n} reruns of the candidate could not be trained, "
    failed += f"{theirs['infeasible']} of {n} of the baseline"
    if look["cause"] in ("fails", "few-values", "baseline-fails"):
        return f"{failed}: {look['why']}."
    gain = look["gain"]
    amount = f"a gain of {number(gain)}" if gain >= 0 else f"a loss of {number(-gain)}"
    words = (
        f"{metric} is {number(ours['mean'])} with the candidate and {number(theirs['mean'])} with "
        f"baseline {planned.baseline.id if planned.baseline else MISSING} over {n} fresh reruns a "
        f"side, {amount} ({' to '.join(map(number, _around(look)))})"
    )
    if ours["infeasible"] or theirs["infeasible"]:
        words += f"; {failed}"
    return f"{words}: {look['why']}{_against(look)}."


def _around(look: Look) -> list[float | None]:
    """Give the interval of what is called a gain or a loss, from low to high."""
    bounds: list[float | None] = [look["low"], look["high"]]
    if look["gain"] >= 0:
        return bounds
    return [None if bound is None else -bound for bound in reversed(bounds)]


def _against(look: Look) -> str:
    """Give the number that a look was held against."""
    least, worth = number(look["least"]), number(look["worth"])
    return {
        "gain": f" ({least})",
        "not-worse": f" ({number(-look['least'])})",
        "too-small": f" (a gain of {worth})",
        "unclear": f" ({least} pays, {worth} is worth having)",
    }.get(look["cause"], "")


def _first(planned: Planned, look: Look) -> str:
    side, n = look["candidate"], look["reruns"]
    if look["cause"] == "fails":
        bad = side["infeasible"]
        return (
            f"{bad} of {n} reruns of {planned.candidate.name} could not be trained; a first "
            "baseline has to train each time: launch another trial."
        )
    words = f"{planned.study.metric} is {number(side['mean'])} over {n} fresh reruns"
    if look["cause"] == "chance-unknown":
        return f"{words}; the chance level of this workload is unknown, so it was not compared."
    better = f"{number(look['gain'])} better than chance, {number(look['chance_level'])}"
    asked = f"{number(look['least'])} is asked for, three standard errors"
    return f"{words}, {better}; {asked}."


# -- the document ---------------------------------------------------------------------------


def launch_document(record: LaunchRecord) -> Document:
    """Describe a launch.

    Returns:
        ``{"launch", "study", "workload", "verdict", "candidate": {"trial", "arm", "params",
        "selected_value", "reruns", "infeasible", "mean", "deviation", "trials"}, "baseline": the
        same with "id" (null for a first one), "evidence": {…}, "reason", "held": [findings],
        "overruled", "rejected", "looks": […], "plan", "reruns", "next", "adopted", "created",
        "updated"}``
    """
    evidence = dict(record.evidence)
    document = {
        "launch": record.id,
        "study": record.study,
        "workload": record.workload,
        "verdict": record.verdict,
        "candidate": evidence.pop("candidate", {"trial": record.trial}),
        "baseline": evidence.pop("baseline", None),
        "evidence": evidence,
        "reason": record.reason,
        "held": evidence.pop("held", []),
        "overruled": evidence.pop("overruled", ""),
        "rejected": evidence.pop("rejected", ""),
        "looks": record.data.get("looks", []),
        "plan": record.data.get("plan", {}),
        "reruns": record.data.get("study"),
        "next": following_command(record),
        "adopted": record.adopted,
        "created": record.created,
        "updated": record.updated,
    }
    return dict(jsonable(document))


def following_command(record: LaunchRecord) -> str | None:
    """Give the command that would help a launch that is not decided; None where none does."""
    if record.verdict != "undecided":
        return None
    if record.evidence.get("held"):
        return f"labtui next {shlex.quote(record.study)}"
    looks = record.data.get("looks", [])
    if looks and looks[-1]["following"] is None:
        return None
    return f"labtui launch {shlex.quote(record.trial)}"


# -- for people -----------------------------------------------------------------------------

HEADERS = ("", "trial", "reruns", "infeasible", "mean", "deviation", "selected")


def headline(record: LaunchRecord) -> str:
    """Say in one line what was decided."""
    trial = clean(record.trial)
    workload = clean(record.workload)
    if record.verdict == "adopt":
        after = "the first" if record.baseline is None else f"after {record.baseline}"
        return f"adopt: {trial} is baseline {record.adopted} of {workload}, {after}"
    if record.verdict == "reject":
        stays = "" if record.baseline is None else f"; baseline {record.baseline} stays"
        return f"reject: {trial} does not become the baseline of {workload}{stays}"
    return f"undecided: {trial} against {_baseline_name(record)} of {workload}"


def _baseline_name(record: LaunchRecord) -> str:
    return "no baseline" if record.baseline is None else f"baseline {record.baseline}"


def rows(record: LaunchRecord) -> list[tuple[str, ...]]:
    """Give the cells of the table of both sides, under `HEADERS`."""
    found: list[tuple[str, ...]] = []
    for name in ("candidate", "baseline"):
        side = record.evidence.get(name)
        if side:
            found.append(
                (
                    name if name == "candidate" else f"baseline {side['id']}",
                    str(side.get("trial") or MISSING),
                    number(side.get("reruns")),
                    number(side.get("infeasible")),
                    number(side.get("mean")),
                    number(side.get("deviation")),
                    number(side.get("selected_value")),
                )
            )
    return found


def fields(record: LaunchRecord) -> list[tuple[str, str]]:
    """Give the rest of a launch as named lines; empty ones say nothing."""
    found = record.evidence
    looks = record.data.get("looks", [])
    return [
        ("changes", _changes(found)),
        ("selection", _selection(found)),
        ("sample", _sample(found)),
        ("search", str((found.get("search") or {}).get("message", ""))),
        ("looks", "; ".join(_look(one) for one in looks)),
        ("test", _test(found)),
        ("reruns", str(record.data.get("study", ""))),
        ("next", following_command(record) or ""),
    ]


def caveats(record: LaunchRecord) -> list[str]:
    """Give what the conclusion is bound to, and what was found in the candidate's study."""
    held = {str(one["message"]) for one in record.evidence.get("held", ())}
    found = [
        f"{one['code']}: {one['message']}"
        for one in record.evidence.get("findings", ())
        if str(one["message"]) not in held and one["code"] != "search-luck"  # told as `search`
    ]
    return [*(f"caveat: {text}" for text in record.evidence.get("caveats", ())), *found]


def _changes(found: Mapping[str, Any]) -> str:
    changes = found.get("complexity", ())
    told = [
        f"{one['text']} ({number(one['least'])} deviations)" if one["least"] else one["text"]
        for one in changes
    ]
    least = found.get("least_gain")
    if least is not None and found.get("baseline"):
        pays = "named" if found.get("least_gain_named") else "pays"
        told.append(
            f"a loss of {number(-least)} may be borne" if least < 0 else f"{pays}: {number(least)}"
        )
    return "; ".join(told)


def _selection(found: Mapping[str, Any]) -> str:
    flattered = found.get("flattered")
    if flattered is None:
        return ""
    value = number(found["candidate"]["selected_value"])
    way = "better" if flattered >= 0 else "worse"
    return (
        f"the study showed {value}, {number(abs(flattered))} {way} than its fresh reruns: left out"
    )


def _sample(found: Mapping[str, Any]) -> str:
    sample = found.get("sample")
    if not sample:
        return ""
    words = (
        f"standard error {number(sample['standard_error'])} of {sample['examples']} validation "
        "examples"
    )
    gained = sample.get("gain_examples")
    return words if gained is None else f"{words}; the gain is {number(round(gained, 1))} of them"


def _look(one: Look) -> str:
    gain = "" if one["gain"] is None else f" gain {number(one['gain'])}"
    return f"{one['reruns']} a side: {one['verdict']}{gain}"


def _test(found: Mapping[str, Any]) -> str:
    shown = found.get("test") or {}
    told = []
    for name, one in shown.items():
        spread = "" if one["deviation"] is None else f" ± {number(one['deviation'])}"
        told.append(f"{clean(name)} {number(one['mean'])}{spread} ({one['reruns']} reruns)")
    return "; ".join(told)
