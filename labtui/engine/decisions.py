"""Requests about workloads and decisions: cards, baselines, launches, notes, tags.

Each is carried out by the lab's one writer, like those of `labtui.engine.requests`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from labtui.engine.finding import Refused, find_study, find_subject, find_workload
from labtui.store import decisions
from labtui.store.decisions import NewBaseline, NewLaunch
from labtui.store.writer import Writer

Answer = Callable[[Writer, dict[str, Any]], dict[str, Any]]


def card(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Write entries of a workload's card; a workload that is new gets one."""
    owner = {name: str(request[name]) for name in ("trainer", "metric", "goal")}
    decisions.put_card(writer, str(request["workload"]), dict(request["entries"]), **owner)
    writer.commit()
    return {"workload": request["workload"]}


def baseline(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Make a configuration the baseline of a workload; asked for twice, it stays as it is."""
    new = _new_baseline(writer, find_workload(writer, request["workload"]), request)
    found = decisions.current_baseline(writer, new)
    if found is None:
        found = decisions.set_baseline(writer, new)
    return {"workload": request["workload"], "baseline": found}


def _new_baseline(writer: Writer, workload: int, data: Mapping[str, Any]) -> NewBaseline:
    study, trial = _places(writer, data)
    return NewBaseline(workload, data["configuration"], study, trial, data.get("reason", ""))


def _places(writer: Writer, data: Mapping[str, Any]) -> tuple[int | None, int | None]:
    study = find_study(writer, data["study"]) if data.get("study") else None
    trial = find_subject(writer, data["trial"])[1] if data.get("trial") else None
    return study, trial


def roll_back(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Give a baseline up: the one before it becomes the current one.

    Raises:
        Refused: It is not on the way to the current one, or nothing was before it.
    """
    workload = find_workload(writer, request["workload"])
    name, given = request["workload"], int(request["baseline"])
    rows = writer.connection.execute(
        "SELECT id, parent FROM baselines WHERE workload = ?", (workload,)
    ).fetchall()
    parents = dict(rows)
    (current,) = writer.connection.execute(
        "SELECT baseline FROM workloads WHERE id = ?", (workload,)
    ).fetchone()
    line = []
    while current is not None:
        line.append(current)
        current = parents[current]
    if given not in line:
        what = "was rolled back, or left by a roll-back" if given in parents else "is none of its"
        known = ", ".join(map(str, line)) or "no baseline"
        raise Refused(f"baseline {given} of workload {name!r} {what}; its line is {known}")
    if parents[given] is None:
        raise Refused(
            f"baseline {given} is the first of workload {name!r}: there is none to go back to; "
            f"set another with `labtui workload {name} --baseline TRIAL --reason TEXT`"
        )
    decisions.roll_back(writer, workload, given, str(request["reason"]))
    return {"workload": name, "baseline": parents[given], "rolled_back": given}


def launch(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Record a launch, or its next state; adopting moves the baseline in the same commit.

    Raises:
        Refused: It was adopted already, or the baseline is another one by now.
    """
    workload = find_workload(writer, request["workload"])
    study, trial = _places(writer, request)
    (current,) = writer.connection.execute(
        "SELECT baseline FROM workloads WHERE id = ?", (workload,)
    ).fetchone()
    known = request.get("launch")
    if known is None and request.get("again") is None:
        known = _begun(writer, request, workload, trial)
    if known is not None:
        row = writer.connection.execute(
            "SELECT adopted, data FROM launches WHERE id = ? AND workload = ?", (known, workload)
        ).fetchone()
        if row is None:
            raise Refused(f"launch {known}: workload {request['workload']!r} has none of that id")
        if row[0] is not None:
            raise Refused(f"launch {known} was adopted already, as baseline {row[0]}")
        knew = request.get("known_looks")
        if _looks(json.loads(row[1])) > (_looks(request.get("data", {})) if knew is None else knew):
            # Somebody else looked meanwhile: what a look found is never forgotten.
            return {"workload": request["workload"], "launch": known, "baseline": current}
    if request["baseline"] != current:
        raise Refused(
            f"the baseline of {request['workload']!r} is {current} by now, and this launch was "
            f"compared with {request['baseline']}: launch again"
        )
    adopt = request.get("adopt")
    new = NewLaunch(
        workload=workload,
        study=study,
        trial=trial,
        baseline=request["baseline"],
        verdict=request["verdict"],
        evidence=request["evidence"],
        reason=request["reason"],
        data=request.get("data", {}),
        adopt=None if adopt is None else _new_baseline(writer, workload, adopt),
        card=request.get("card", {}),
    )
    found, adopted = decisions.put_launch(writer, new, known)
    return {"workload": request["workload"], "launch": found, "baseline": adopted or current}


def _begun(
    writer: Writer, request: Mapping[str, Any], workload: int, trial: int | None
) -> int | None:
    """Give the launch of the same candidate that was begun meanwhile, in place of a second one.

    Raises:
        Refused: Another candidate's reruns have the same name.
    """
    reruns = request.get("data", {}).get("study")
    rows = writer.connection.execute(
        "SELECT id, trial, baseline, adopted FROM launches "
        "WHERE workload = ? AND json_extract(data, '$.study') = ?",
        (workload, reruns),
    ).fetchall()
    if not rows:
        return None
    if rows[0][1:] != (trial, request["baseline"], None):
        raise Refused(f"reruns {reruns!r} are those of launch {rows[0][0]} by now: launch again")
    return int(rows[0][0])


def _looks(data: Mapping[str, Any]) -> int:
    looks = data.get("looks")
    return len(looks) if isinstance(looks, list) else 0


def note(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Add a note to a workload, a study or a trial."""
    decisions.add_note(writer, request["text"], **_about(writer, request))
    writer.commit()
    return {"subject": request.get("subject", request.get("workload"))}


def tag(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Add tags to a workload, a study or a trial, and take others away."""
    about = _about(writer, request)
    decisions.change_tags(
        writer, **about, add=request.get("add", ()), remove=request.get("remove", ())
    )
    writer.commit()
    return {"subject": request.get("subject", request.get("workload"))}


def _about(writer: Writer, request: Mapping[str, Any]) -> dict[str, int | None]:
    if "workload" in request:
        return {"workload": find_workload(writer, request["workload"])}
    study, trial = find_subject(writer, request["subject"])
    return {"study": study, "trial": trial}


ANSWERS: dict[str, Answer] = {
    "card": card,
    "baseline": baseline,
    "roll-back": roll_back,
    "launch": launch,
    "note": note,
    "tag": tag,
}
"""What carries out each kind of request."""
