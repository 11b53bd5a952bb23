"""What trials say, and what becomes of them: points, checkpoints, ends, deaths and second tries."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labtui.engine.board import Board, Running
from labtui.engine.executor import Event, Logged, Lost, Message
from labtui.engine.jobs import QueuedTrial, resume_step
from labtui.engine.provenance import read_code
from labtui.store import changes

CRASHES = 3  # deaths of a trial's worker without progress that end the trial


class Outcomes:
    """Carries what the executor reports onto the board."""

    def __init__(self, board: Board) -> None:
        """Write on `board`."""
        self._board = board
        self._crashes: dict[int, tuple[int, int]] = {}
        self._code: set[str] = set()  # hashes whose files were kept

    def hear(self, events: list[Event]) -> None:
        """Take events in the order in which they happened."""
        for event in events:
            running = self._board.running.get(event.trial)
            if running is None:
                continue
            if isinstance(event, Logged):
                self._log(running, event)
            elif isinstance(event, Lost):
                self._lose(running, event)
            else:
                self._note(running, event)

    def _log(self, running: Running, event: Logged) -> None:
        names = running.metrics
        metrics, steps, values = event.points
        points = [(names[m], s, v) for m, s, v in zip(metrics, steps, values, strict=True)]
        self._board.writer.add_points(running.trial.id, points)
        self._board.events.points(running.study.plan.id, running.name, points)

    def _note(self, running: Running, event: Message) -> None:
        trial, data = event.trial, event.data
        if event.kind == "metric":
            running.metrics[data["index"]] = data["name"]
        elif event.kind == "started":
            running.begun = time.monotonic()
            key = running.study.plan.key
            changes.record_start(
                self._board.writer,
                trial,
                device=key.device,
                versions=data["versions"],
                code=data["sources"],
            )
            self._keep_code(Path(key.folder), data["sources"])
        elif event.kind == "checkpoint":
            changes.add_checkpoint(self._board.writer, trial, **data)
        elif event.kind == "kept":
            changes.keep_checkpoints(self._board.writer, trial, data["steps"], data["best"])
            self._board.later(functools.partial(self._clear, trial))
        elif event.kind == "done":
            self._finish(running, data)

    def _keep_code(self, folder: Path, sources: Mapping[str, str]) -> None:
        fresh = {name: sha for name, sha in sources.items() if sha not in self._code}
        if fresh:
            changes.add_code(self._board.writer, read_code(folder, fresh))
            self._code.update(fresh.values())

    def _clear(self, trial: int) -> None:
        """Remove the checkpoints that were dropped; their rows are gone already."""
        folder = self._board.writer.paths.checkpoint_folder(trial)
        rows = self._board.writer.connection.execute(
            "SELECT folder FROM checkpoints WHERE trial = ?", (trial,)
        )
        names = {row[0] for row in rows}
        for entry in folder.glob("a*-s*"):
            if entry.name not in names:
                shutil.rmtree(entry, ignore_errors=True)

    def _finish(self, running: Running, data: Mapping[str, Any]) -> None:
        trial, plan = running.trial, running.study.plan
        state, reason = data["state"], data["reason"]
        if state == "stopped" and not running.stop:
            self._requeue(running, reason, interrupted=False)
            return
        seen = self._board.writer.logged(trial.id)
        if state == "completed" and plan.metric not in seen:
            names = ", ".join(seen) or "nothing"
            state, reason = "failed", f"metric {plan.metric!r} was never reported; saw {names}"
        self._keep_code(Path(plan.key.folder), data["sources"])
        self._end(running, state, reason, data["detail"], data["step"], data["sources"])

    def _lose(self, running: Running, event: Lost) -> None:
        trial = running.trial.id
        if running.verdict is not None:
            self._end(running, *running.verdict)
        elif running.stop:
            self._end(running, "stopped", "stopped by a person")
        elif event.final:
            self._end(running, "failed", event.reason)
        elif self._board.ending or running.study.stopping:
            self._requeue(running, "stopped by a person", interrupted=False)
        elif event.signal is None:
            self._requeue(running, event.reason, interrupted=True)
        else:
            step, count = self._crashes.get(trial, (-1, 0))
            count = count + 1 if step == running.start_step else 1
            self._crashes[trial] = (running.start_step, count)
            if count < CRASHES:
                self._requeue(running, event.reason, interrupted=True)
            else:
                reason = f"{event.reason}, {count} times after step {running.start_step}"
                self._end(running, "failed", reason)

    def _end(
        self,
        running: Running,
        state: str,
        reason: str,
        detail: str = "",
        step: int = 0,
        code: Mapping[str, str] | None = None,
    ) -> None:
        trial, study = running.trial.id, running.study.plan.id
        changes.end_trial(
            self._board.writer,
            trial,
            study=study,
            state=state,
            reason=reason,
            detail=detail,
            step=step,
            seconds=running.seconds,
            code=code,
        )
        self._board.events.state(study, running.name, state, reason=reason)
        del self._board.running[trial]
        self._board.hurry()

    def _requeue(self, running: Running, reason: str, *, interrupted: bool) -> None:
        """Return a trial to the queue; committed first, so that it is read as it will resume."""
        trial = running.trial
        self._board.commit()
        step = resume_step(self._board.writer.connection, self._board.writer.paths, trial.id)
        changes.requeue_trial(
            self._board.writer,
            trial.id,
            reason=reason,
            step=step,
            seconds=running.seconds,
            interrupted=interrupted,
        )
        study = running.study.plan.id
        self._board.events.state(study, running.name, "queued", reason=reason, step=step)
        del self._board.running[trial.id]
        again = QueuedTrial(
            trial.id, trial.number, trial.params, trial.seed, trial.max_steps, trial.attempt + 1
        )
        running.study.queue.appendleft(again)
        self._board.commit()
