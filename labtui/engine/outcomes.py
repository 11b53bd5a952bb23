"""What trials say, and what becomes of them: points, checkpoints, ends, deaths and second tries."""

from __future__ import annotations

import difflib
import functools
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labtui.engine.board import Board, Running
from labtui.engine.executor import Event, Logged, Lost, Message
from labtui.engine.jobs import resume_step, warn_of_spoiled
from labtui.engine.provenance import read_code
from labtui.store import changes
from labtui.store.writer import storable
from labtui.study.secrets import redact

CRASHES = 3  # deaths of a trial's worker without progress that end the trial
LOSSES = 10  # the same where it may be another's fault: the guard died, a stop nobody asked for
NAMES = 10  # metrics that are named where the objective is missing
FAILURES = 3  # trials of a study that fail at once, for one reason, before its others are spared
AT_ONCE = 2.0  # seconds


class Outcomes:
    """Carries what the executor reports onto the board."""

    def __init__(self, board: Board) -> None:
        """Write on `board`."""
        self._board = board
        self._crashes: dict[int, tuple[int, int]] = {}  # trial → step it began at, how often
        self._losses: dict[int, tuple[int, int]] = {}
        self._code: set[str] = set()  # hashes whose files were kept

    def hear(self, events: list[Event]) -> None:
        """Take events in the order in which they happened."""
        for event in events:
            running = self._board.running.get(event.trial)
            if running is None:
                continue
            try:
                self._take(running, event)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                # One trial's nonsense must not end the others.
                reason = f"it sent what cannot be kept: {type(error).__name__}: {error}"
                running.verdict = ("failed", storable(reason))
                self._board.executor.kill(event.trial)

    def _take(self, running: Running, event: Event) -> None:
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
            running.metrics[data["index"]] = storable(data["name"])
        elif event.kind == "started":
            running.begun = time.monotonic()
            key = running.study.plan.key
            changes.record_start(
                self._board.writer,
                trial,
                device=running.place,
                versions=data["versions"],
                code=data["sources"],
            )
            self._keep_code(Path(key.folder), data["sources"])
        elif event.kind == "checkpoint":
            changes.add_checkpoint(self._board.writer, trial, **data)
            running.folders[data["step"]] = data["folder"]
        elif event.kind == "kept":
            changes.keep_checkpoints(self._board.writer, trial, data["steps"], data["best"])
            root = self._board.writer.paths.checkpoint_folder(trial)
            for step in running.folders.keys() - set(
                data["steps"]
            ):  # only once their rows are gone
                folder = root / running.folders.pop(step)
                self._board.later(functools.partial(shutil.rmtree, folder, ignore_errors=True))
        elif event.kind == "warning":
            study, text = running.study.plan.id, storable(redact(data["text"]))
            changes.add_warning(self._board.writer, study, trial, text)
            self._board.events.warning(study, running.name, text)
        elif event.kind == "device":
            changes.record_device(self._board.writer, trial, storable(data["device"]))
        elif event.kind == "done":
            self._finish(running, data)

    def _keep_code(self, folder: Path, sources: Mapping[str, str]) -> None:
        fresh = {name: sha for name, sha in sources.items() if sha not in self._code}
        if fresh:
            changes.add_code(self._board.writer, read_code(folder, fresh))
            self._code.update(fresh.values())

    def _finish(self, running: Running, data: Mapping[str, Any]) -> None:
        trial, plan = running.trial, running.study.plan
        state, reason = data["state"], data["reason"]
        if state == "stopped" and not running.stop:
            if not self._is_lost(running, f"{reason}, and nobody asked for it"):
                self._requeue(running, reason, interrupted=False)
            return
        if state == "alone" and running.lanes == 1:
            state = "failed"
        if state == "alone":
            self._requeue(running, f"its stack broke: {reason}", interrupted=False, alone=True)
            return
        seen = self._board.writer.logged(trial.id)
        if state == "completed" and plan.metric not in seen:
            state, reason = "failed", _missing(plan.metric, list(seen))
        self._keep_code(Path(plan.key.folder), data["sources"])
        self._end(running, state, reason, data["detail"], data["step"], data["sources"])

    def _lose(self, running: Running, event: Lost) -> None:
        if running.verdict is not None:
            self._end(running, *running.verdict)
        elif event.study:
            running.study.stopping = running.study.stopping or storable(event.reason)
            self._requeue(running, event.reason, interrupted=True)
        elif running.stop:
            self._end(running, "stopped", "stopped by a person")
        elif event.final and running.lanes > 1:  # one of them did it: each has to show
            self._requeue(running, event.reason, interrupted=True, alone=True)
        elif event.final:
            self._end(running, "failed", event.reason)
        elif self._board.ending or running.study.stopping:
            reason = running.study.stopping or "stopped by a person"
            self._requeue(running, reason, interrupted=False)
        elif event.signal is None:
            if not (running.begun and self._is_lost(running, event.reason)):
                self._requeue(running, event.reason, interrupted=True)
        elif not self._is_lost(running, event.reason, self._crashes, CRASHES):
            self._requeue(running, event.reason, interrupted=True, alone=running.lanes > 1)

    def _is_lost(
        self,
        running: Running,
        reason: str,
        counts: dict[int, tuple[int, int]] | None = None,
        most: int = LOSSES,
    ) -> bool:
        """Count an end without a verdict, and fail a trial that never gets further (R12)."""
        counts = self._losses if counts is None else counts
        step, count = counts.get(running.trial.id, (-1, 0))
        count = count + 1 if step == running.start_step else 1
        counts[running.trial.id] = (running.start_step, count)
        if count < most:
            return False
        said = f"{reason}, {count} times after step {running.start_step}"
        self._end(running, "failed", said, crashed=True)
        return True

    def _end(
        self,
        running: Running,
        state: str,
        reason: str,
        detail: str = "",
        step: int = 0,
        code: Mapping[str, str] | None = None,
        crashed: bool = False,
    ) -> None:
        trial, study = running.trial.id, running.study.plan.id
        reason, detail = redact(reason), redact(detail)
        if not crashed:  # what killed it may be the machine's fault: no word on the study
            self._judge_study(running, state, reason)
        changes.end_trial(
            self._board.writer,
            trial,
            study=study,
            state=state,
            reason=storable(reason),
            detail=storable(detail),
            step=step,
            seconds=running.seconds,
            code=code,
        )
        self._board.events.state(study, running.name, state, reason=reason)
        self._board.later(functools.partial(self._remove_staged, trial))
        del self._board.running[trial]
        self._board.hurry()

    def _judge_study(self, running: Running, state: str, reason: str) -> None:
        """Stop a study whose trials all fail alike before they train: the others would too."""
        study = running.study
        trained = running.since and self._board.writer.logged(running.trial.id)
        if state != "failed" or running.seconds > AT_ONCE or trained:
            study.failures = []
            return
        study.failures = [*study.failures[1 - FAILURES :], reason]
        if len(study.failures) == FAILURES and len(set(study.failures)) == 1:
            study.stopping = study.stopping or storable(
                f"{FAILURES} trials in a row failed at once: {reason}"
            )

    def _remove_staged(self, trial: int) -> None:
        """Remove states that were never written: the trial has ended."""
        for folder in self._board.writer.paths.checkpoint_folder(trial).glob("tmp-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _requeue(
        self, running: Running, reason: str, *, interrupted: bool, alone: bool = False
    ) -> None:
        """Return a trial to the queue; committed first, so that it is read as it will resume."""
        trial, reason = running.trial, redact(reason)
        self._board.commit()
        step = resume_step(self._board.writer.connection, self._board.writer.paths, trial.id)
        warn_of_spoiled(self._board.writer, running.study.plan.id, trial.id, step)
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
        again = replace(trial, attempt=trial.attempt + 1, alone=alone or trial.alone)
        running.study.queue.appendleft(again)
        self._board.commit()


def _missing(metric: str, seen: list[str]) -> str:
    """Say that an objective was never reported, and what was instead."""
    near = difflib.get_close_matches(metric, seen, 1)
    names = ", ".join(seen[:NAMES]) or "nothing"
    more = f" and {len(seen) - NAMES:,} others" if len(seen) > NAMES else ""
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"metric {metric!r} was never reported; saw {names}{more}{hint}"
