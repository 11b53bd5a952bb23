"""What the runner does and will do: its slots, and the studies in the order it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labtui.verdicts.text import MISSING, duration, memory, number, percent, seconds

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord
    from labtui.store.runners import RunnerRecord, SlotRecord

SLOT_HEADERS = ("slot", "device", "trial", "step", "step_time", "used", "memory")
SLOT_NUMBERS = "slot step step_time used memory"
"""The columns of `SLOT_HEADERS` that hold numbers."""

QUEUE_HEADERS = ("place", "study", "state", "done", "training", "left", "workload", "goal")
QUEUE_NUMBERS = "place done training left"
"""The columns of `QUEUE_HEADERS` that hold numbers."""


def runner_text(runner: RunnerRecord | None, slots: Sequence[SlotRecord]) -> str:
    """Say in a line whether a runner lives, and how much of it trains."""
    if runner is None:
        return "no runner lives: nothing trains"
    busy = sum(slot.trial is not None for slot in slots)
    gpus = {name for slot in slots for name in slot.device.split(",") if name != "cpu"}
    where = f"{runner.slots} slots on the CPU" if runner.slots != 1 else "1 slot on the CPU"
    more = f", at work on {', '.join(sorted(gpus))}" if gpus else ""
    return f"runner {runner.pid}: {where}{more}; {busy} in use"


def slot_cells(slot: SlotRecord) -> tuple[str, ...]:
    """Write a slot under `SLOT_HEADERS`; a stack has the number of trials beside its first."""
    more = f" +{slot.lanes - 1}" if slot.trial and slot.lanes > 1 else ""
    steps = MISSING if slot.step is None else number(slot.step)
    return (
        str(slot.slot),
        slot.device,
        "waiting" if slot.trial is None else f"{slot.trial}{more}",
        f"{steps}/{slot.max_steps}" if slot.step is not None and slot.max_steps else steps,
        MISSING if slot.step_time is None else seconds(slot.step_time),
        percent(slot.utilization),
        MISSING if slot.memory is None else memory(slot.memory),
    )


def queued(lab: Lab) -> list[StudyRecord]:
    """Give the studies to be trained, in the order in which the runner takes their trials."""
    known = {study.name: study for study in lab.studies()}
    return [known[name] for name in lab.queue() if name in known]


def training(study: StudyRecord) -> int:
    """Count the trials of a study that train now."""
    return study.counts.get("running", 0)


def left_seconds(lab: Lab, study: StudyRecord) -> float | None:
    """Estimate the seconds until a study that trains is done; None while that is not known."""
    from labtui.verdicts.tables import progress

    if not training(study):
        return None
    return progress(study, lab.trials(study.name)).eta


def queue_document(lab: Lab) -> dict[str, Any]:
    """Give the JSON document of `labtui queue`; see docs/lab-file.md."""
    runner, slots = lab.runner_record(), lab.slots()
    return {
        "runner": None
        if runner is None
        else {
            "pid": runner.pid,
            "slots": runner.slots,
            "started": runner.started,
            "version": runner.version,
        },
        "slots": [
            {
                "slot": slot.slot,
                "device": slot.device,
                "pid": slot.pid,
                "study": slot.study,
                "trial": slot.trial,
                "lanes": slot.lanes if slot.trial else 0,
                "step": slot.step,
                "max_steps": slot.max_steps,
                "step_time": slot.step_time,
                "utilization": slot.utilization,
                "memory": slot.memory,
                "updated": slot.updated,
            }
            for slot in slots
        ],
        "queue": [
            {
                "place": place,
                "name": study.name,
                "workload": study.workload,
                "state": study.state,
                "ended": study.ended,
                "total": study.total,
                "training": training(study),
                "eta": left_seconds(lab, study),
            }
            for place, study in enumerate(queued(lab), start=1)
        ],
    }


def queue_cells(lab: Lab) -> list[tuple[str, ...]]:
    """Write the queue under `QUEUE_HEADERS`."""
    return [
        (
            str(place),
            study.name,
            study.state,
            f"{study.ended}/{study.total}",
            str(training(study)),
            duration(left_seconds(lab, study)),
            study.workload,
            study.goal,
        )
        for place, study in enumerate(queued(lab), start=1)
    ]
