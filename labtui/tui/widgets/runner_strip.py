"""What the runner is doing: its slots, and the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from labtui.tui.actions import with_keys
from labtui.tui.states import bar
from labtui.verdicts.queue import slot_cells
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.runners import SlotRecord

ROOMY = 100
"""Cells from which a slot has room for its bar."""


@dataclass(frozen=True)
class Running:
    """What the runner is doing at one moment.

    Attributes:
        pid: The runner's process; None without one.
        slots: Its slots, by number.
        queue: Names of the studies to be trained, the next first.
        waiting: Trials that wait in them.
        paused: Why the runner waits with all of it, a full disk for instance; empty unless it does.
    """

    pid: int | None = None
    slots: tuple[SlotRecord, ...] = ()
    queue: tuple[str, ...] = ()
    waiting: int = 0
    paused: str = ""


class RunnerStrip(Static):
    """A line on the runner, and one for each slot."""

    DEFAULT_CSS = """
    RunnerStrip { height: auto; padding: 0 1; background: $panel; }
    """

    def __init__(self, *, id: str) -> None:
        """Show nothing yet."""
        super().__init__(id=id)
        self._said: object = None

    def show(self, running: Running, width: int, lines: int) -> None:
        """Say it in lines of a width, at most so many; nothing is drawn that is there already."""
        said = running, width, lines
        if said != self._said:
            self._said = said
            self.update(content(running, width, lines))


def content(running: Running, width: int, lines: int) -> Content:
    """Write what the runner is doing; slots that have no room are counted."""
    rows = [_head(running).truncate(width, ellipsis=True)]
    slots, room = running.slots, max(lines - 1, 1)
    busy_first = sorted(slots, key=lambda slot: slot.trial is None)
    shown = slots if len(slots) <= room else busy_first[: max(room - 1, 1)]
    cells = [slot_cells(slot) for slot in shown]
    widths = [
        max((len(clean(one)) for one in column), default=0) for column in zip(*cells, strict=True)
    ]
    for slot, texts in zip(shown, cells, strict=True):
        rows.append(_slot(slot, texts, widths, width).truncate(width, ellipsis=True))
    if len(shown) < len(slots):
        left = len(slots) - len(shown)
        training = sum(slot.trial is not None for slot in slots if slot not in shown)
        rows.append(Content.styled(f"  … {left} more, {training} of them train", "$faded"))
    return Content("\n").join(rows)


def _head(running: Running) -> Content:
    waiting = f"{running.waiting} trial{'' if running.waiting == 1 else 's'} to come"
    if running.pid is None:
        how = (
            f": {waiting}, {{running.resume}} trains the study under the cursor"
            if running.queue
            else ": {lab.new} designs a study to train, {running.resume} trains one further"
        )
        how = with_keys(how)
        return Content.assemble(("○ no runner", "$text-warning" if running.queue else ""), how)
    if running.paused:
        return Content.assemble(
            (f"‖ runner {running.pid} waits", "$text-warning"),
            f"  nothing is lost: {clean(running.paused)}",
        )
    queue = " → ".join(clean(name) for name in running.queue)
    return Content.assemble(
        (f"● runner {running.pid} at work", "$text-success"),
        f"  {waiting}",
        (f"  queue {queue}" if queue else "", "$faded"),
    )


def _slot(slot: SlotRecord, texts: Sequence[str], widths: Sequence[int], width: int) -> Content:
    number, device, trial, steps, step_time, used, memory = map(clean, texts)
    head = f"  {number.rjust(widths[0])} {device.ljust(widths[1])}  "
    if slot.trial is None:
        return Content.assemble((head, "$faded"), ("◌ waiting", "$faded"))
    roomy = width >= ROOMY
    done = bar(slot.step or 0, slot.max_steps or 0, 16 if roomy else 8)
    rest = (
        f"{steps.rjust(widths[3])}  {step_time.rjust(widths[4])}"
        f"{'/step' if roomy else ''}  {used.rjust(widths[5])}{' used' if roomy else ''}"
        f"  {memory.rjust(widths[6])}"
    )
    room = max(width - len(head) - len(done) - len(rest) - 4, 8)
    name = trial if len(trial) <= room else f"…{trial[-room + 1 :]}"
    return Content.assemble(
        (head, "$faded"),
        name.ljust(min(widths[2], room)),
        ("  " + done, "$text-accent"),
        "  " + rest,
    )
