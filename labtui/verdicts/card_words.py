"""A workload's card as named lines, for the command and for the screen."""

from __future__ import annotations

from labtui.verdicts.card import Card, baseline_text, params_line, rerun_command, trainer_of
from labtui.verdicts.text import number, seconds


def card_fields(card: Card) -> list[tuple[str, str]]:
    """Give what is known of a workload as named lines; empty ones say nothing."""
    workload = card.workload
    how = "best over training" if card.select == "best" else "final value"
    described = card.declared.description if card.declared is not None else ""
    return [
        ("workload", workload.name),
        ("data", described or "your own"),
        ("trainer", _trainers(card)),
        ("objective", f"{workload.goal} {workload.metric} ({how})"),
        ("chance", _chance(card)),
        ("step", _step(card)),
        ("batch", _batch(card)),
        ("retrain", _retrain(card)),
        ("baseline", baseline_text(card)),
        ("values", params_line(card)),
        ("tags", ", ".join(card.tags)),
    ]


def _trainers(card: Card) -> str:
    """Name its trainer, and the others that trained studies of it: their values are not its own."""
    names = [trainer_of(study) for study in card.studies]
    own = card.workload.trainer
    others = [name for name in dict.fromkeys(names) if name not in ("", own)]
    told = [f"{name} ({names.count(name)} of {len(names)} studies)" for name in others]
    return ", ".join([own, *told])


def _chance(card: Card) -> str:
    if card.metric.chance is None:
        return "unknown: nothing says what a model that knows nothing reaches"
    many = f"; {card.metric.examples} validation examples" if card.metric.examples else ""
    return f"{number(card.metric.chance)}{many}"


def _step(card: Card) -> str:
    if card.step_time is None:
        return "unknown: no trials of it yet"
    return f"{seconds(card.step_time)} a step (median of {card.timed})"


def _batch(card: Card) -> str:
    if not card.feasible:
        return f"not probed; `labtui probe batch-size {card.workload.name}`"
    probe = card.probe
    stale = card.probe_again.get("batch_size_probe")
    told = f"{card.feasible[0]} … {card.feasible[-1]} feasible"
    if probe.get("largest_that_pays"):
        told += f", {probe['largest_that_pays']} is the largest that pays"
    return f"{told} ({str(probe.get('date'))[:10]})" + (f"; stale: {stale}" if stale else "")


def _retrain(card: Card) -> str:
    entry = card.retrain
    if not entry:
        return f"not measured; `{rerun_command(card)}`"
    stale = f"; stale: {card.retrain_stale}" if card.retrain_stale else ""
    return (
        f"deviation {number(entry.get('deviation'))}, mean {number(entry.get('mean'))} over "
        f"{entry.get('reruns')} reruns of {entry.get('trial')} ({entry.get('date')}){stale}"
    )
