"""What each slot of the runner does, measured beside its loop and put into the lab.

It is measured in a thread of its own, since `nvidia-smi` can take seconds, and published with the
commit that is due, or alone, without a revision.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from labtui.engine import devices
from labtui.engine.board import Board
from labtui.engine.executor import Place
from labtui.engine.usage import Use, uses
from labtui.store.occupancy import Slot, put_slots
from labtui.store.writer import now

EVERY = 1.0
"""Seconds between two measurements: as often as a person reads a changing number."""

SHARE = 50
"""A measurement is followed by so many times the core time it took: 2 % of a core at most. It takes
3 ms with 100 processes, but 0.2 s on a login node with 5,000."""

MEMORY_STEP = 1 << 20
"""Memory is published in whole MiB, so that a slot at rest is not written again and again."""


@dataclass
class Measured:
    """What a measurement found.

    Attributes:
        at: When, on the monotonic clock.
        cost: Seconds of a core that it took.
        uses: By process.
        gpus: By name, ``cuda:0``.
    """

    at: float
    cost: float
    uses: Mapping[int, Use]
    gpus: Mapping[str, devices.GpuUse]


@dataclass
class SlotWatch:
    """Looks at the slots of a runner, and publishes what changed.

    Attributes:
        share: Cores that a slot may use.
    """

    board: Board
    runner: int
    share: Fraction
    _due: float = 0.0
    _busy: bool = False
    _found: Measured | None = None
    _before: Measured | None = None
    _published: dict[int, tuple[Slot, str]] = field(default_factory=dict)

    def look(self) -> None:
        """Take what was measured, or measure again when that is due; microseconds otherwise."""
        found, self._found = self._found, None
        if found is not None:
            self._busy = False
            wall = time.monotonic()
            self._due = wall + max(EVERY, SHARE * found.cost, wall - found.at)
            self._publish(found)
            self._before = found
        elif not self._busy and time.monotonic() >= self._due:
            places = self.board.executor.places()
            if places:
                self._busy = True
                threading.Thread(target=self._measure, args=(places,), daemon=True).start()

    def end(self) -> None:
        """Publish that there are no slots any more."""
        self._busy = True  # what is being measured comes too late
        put_slots(self.board.writer, self.runner, ())

    def _measure(self, places: Sequence[Place]) -> None:
        at, began = time.monotonic(), time.thread_time()
        gpus = any(place.device.startswith(devices.CUDA) for place in places)
        found: Mapping[int, Use] = {}
        used: Mapping[str, devices.GpuUse] = {}
        try:
            found = uses(place.pid for place in places if place.pid is not None)
            used = devices.gpu_use() if gpus else {}
        finally:  # whatever the system says, the next measurement may succeed
            self._found = Measured(at, time.thread_time() - began, found, used)

    def _publish(self, found: Measured) -> None:
        slots = [self._slot(place, found) for place in self.board.executor.places()]
        when, last = now(), self._published
        self._published = {
            slot.slot: last[slot.slot]
            if slot.slot in last and last[slot.slot][0] == slot
            else (slot, when)
            for slot in slots
        }
        if self._published != last:
            put_slots(self.board.writer, self.runner, list(self._published.values()))

    def _slot(self, place: Place, found: Measured) -> Slot:
        trial = next((one for one in place.trials if one in self.board.running), None)
        step, step_time = (None, None) if trial is None else self._pace(trial)
        utilization, memory = self._use(place, found)
        return Slot(
            slot=place.slot,
            device=place.device,
            pid=place.pid,
            trial=trial,
            lanes=max(1, len(place.trials)),
            step=step,
            step_time=step_time,
            utilization=utilization,
            memory=memory,
        )

    def _pace(self, trial: int) -> tuple[int, float | None]:
        """Give a trial's step, and the seconds of one as its trainer says, else by the clock."""
        running = self.board.running[trial]
        step, said = self.board.writer.progress(trial)
        step = max(running.start_step, step or 0)
        done = step - running.start_step
        if said is not None and math.isfinite(said):
            return step, said
        return step, running.seconds * running.lanes / done if done and running.begun else None

    def _use(self, place: Place, found: Measured) -> tuple[float | None, int | None]:
        gpus = [found.gpus[name] for name in place.device.split(",") if name in found.gpus]
        if gpus:
            return sum(one.utilization for one in gpus) / len(gpus), sum(one.memory for one in gpus)
        use = found.uses.get(place.pid or 0)
        if use is None:
            return None, None
        memory = use.memory // MEMORY_STEP * MEMORY_STEP
        before = self._before.uses.get(place.pid or 0) if self._before else None
        if before is None or self._before is None or place.device.startswith(devices.CUDA):
            return None, memory
        cores = (use.seconds - before.seconds) / (found.at - self._before.at)
        return round(min(1.0, max(0.0, cores / float(self.share))), 2), memory
