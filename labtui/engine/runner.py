"""The runner: the one process that executes a lab's studies.

A single loop: take requests, hear the executor, claim trials for free slots, commit. What is sent
or written elsewhere because of a change (assignments, acknowledgements, removed files) waits until
the commit that holds the change.
"""

from __future__ import annotations

import functools
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import labtui
from labtui.engine import requests
from labtui.engine.devices import DeviceError
from labtui.engine.events import EventFiles
from labtui.engine.executor import Event, Executor, Job, Logged, Lost, Message
from labtui.engine.jobs import (
    QueuedTrial,
    StudyPlan,
    clear_leftovers,
    make_job,
    queued_trials,
    resume_step,
    study_plan,
    whole_checkpoints,
)
from labtui.engine.plugins import TrainerError
from labtui.engine.provenance import read_code
from labtui.store import changes, inbox
from labtui.store.errors import LabBroken, LabGone
from labtui.store.identity import own_identity
from labtui.store.writer import Writer

COMMIT_SECONDS = 0.1  # the longest a point waits for its commit while points flow
INBOX_SECONDS = 0.05
RETRY_SECONDS = 1.0  # between attempts to commit to a full disk
STARTUP_SECONDS = 120.0  # granted to a worker's imports before a trial's timeout counts
CRASHES = 3  # deaths of a trial's worker without progress that end the trial


@dataclass
class Study:
    """A study being trained."""

    plan: StudyPlan
    queue: deque[QueuedTrial]
    since: float
    stopping: str = ""


@dataclass
class Running:
    """An attempt at a trial."""

    study: Study
    trial: QueuedTrial
    start_step: int
    since: float = 0.0  # when it was given to a worker, after the claim was committed
    begun: float = 0.0  # when training began, its framework imported
    metrics: dict[int, str] = field(default_factory=dict)
    verdict: tuple[str, str] | None = None  # what a kill of ours means: (state, reason)
    stop: bool = False

    @property
    def name(self) -> str:
        """The name people use."""
        return f"{self.study.plan.name}/{self.trial.number}"

    @property
    def seconds(self) -> float:
        """Time since the worker was given it."""
        return time.monotonic() - self.since if self.since else 0.0


class Runner:
    """Executes the studies of one lab until none is left."""

    def __init__(self, writer: Writer, executor: Executor, slots: int) -> None:
        """Take over the lab: a dead runner's trials return to the queue first."""
        self._writer = writer
        self._executor = executor
        self._events = EventFiles()
        self._studies: dict[int, Study] = {}
        self._running: dict[int, Running] = {}
        self._crashes: dict[int, tuple[int, int]] = {}
        self._code: set[str] = set()  # hashes whose files were kept
        self._after: list[Callable[[], None]] = []
        self._urgent = False
        self._committed = self._looked = 0.0
        self._ending = False
        requests.recover(writer)
        self._id = changes.add_runner(
            writer, own_identity(), version=labtui.__version__, slots=slots
        )

    def run(self) -> None:
        """Work until nothing is left to do, or until `end` is called."""
        for study in requests.active_studies(self._writer):
            self._activate(study)
        while True:
            self._take_requests()
            self._claim()
            self._close_finished()
            self._commit_when_due()
            if not self._running and not self._pending and (self._ending or not self._waited_for()):
                break
            self._hear(self._executor.wait(self._patience()))
            self._watch_the_clock()
        changes.end_runner(self._writer, self._id)
        self._commit()

    def end(self) -> None:
        """Ask the loop to stop training now; trials return to the queue. Safe in a signal."""
        self._ending = True

    # -- the loop's parts -------------------------------------------------------------------

    def _patience(self) -> float:
        if self._writer.dirty:
            return max(0.0, self._committed + COMMIT_SECONDS - time.monotonic())
        return INBOX_SECONDS

    @property
    def _pending(self) -> bool:
        return self._writer.dirty or bool(self._after)

    def _waited_for(self) -> bool:
        return bool(self._studies) or any(inbox.waiting(self._writer.paths))

    def _claim(self) -> None:
        claimed = sum(1 for running in self._running.values() if not running.since)
        free = 0 if self._ending else self._executor.free() - claimed
        for study in self._studies.values():
            while free > 0 and study.queue and not study.stopping:
                self._start(study, study.queue.popleft())
                free -= 1

    def _close_finished(self) -> None:
        busy = {running.study.plan.id for running in self._running.values()}
        for study in list(self._studies.values()):
            plan = study.plan
            if plan.id in busy or (study.queue and not study.stopping):
                continue
            state = "stopped" if study.stopping else "completed"
            changes.set_study(self._writer, plan.id, state, study.stopping)
            self._events.state(plan.id, None, state)
            self._urgent = True
            del self._studies[plan.id]
            self._after.append(functools.partial(self._events.close, plan.id))

    def _start(self, study: Study, trial: QueuedTrial) -> None:
        paths = self._writer.paths
        kept: list[dict[str, Any]] = []
        if trial.attempt:
            kept = whole_checkpoints(self._writer.connection, paths, trial.id)
            clear_leftovers(paths, trial.id, kept)
        job = make_job(study.plan, trial, paths, kept)
        start_step = job.assignment["start_step"]
        changes.claim_trial(
            self._writer,
            trial.id,
            study=study.plan.id,
            runner=self._id,
            attempt=trial.attempt + 1,
            start_step=start_step,
        )
        running = Running(study, trial, start_step)
        self._running[trial.id] = running
        self._events.state(
            study.plan.id, running.name, "running", attempt=trial.attempt + 1, step=start_step
        )
        self._urgent = True
        self._after.append(functools.partial(self._send, running, job))

    def _send(self, running: Running, job: Job) -> None:
        plan = running.study.plan
        self._writer.watch(job.trial, plan.metric, minimize=plan.minimize)
        running.since = time.monotonic()
        self._executor.start(job)

    def _commit_when_due(self) -> None:
        while self._pending:
            if not self._urgent and time.monotonic() - self._committed < COMMIT_SECONDS:
                return
            try:
                self._commit()
            except LabGone:
                raise
            except LabBroken as error:
                if self._ending:
                    raise
                # Nothing is read from the workers meanwhile: they wait, and nothing is lost.
                print(f"{error}; trying again", file=sys.stderr, flush=True)
                self._urgent = True
                time.sleep(RETRY_SECONDS)

    def _commit_now(self) -> None:
        self._urgent = True
        self._commit_when_due()

    def _commit(self) -> None:
        self._writer.commit()
        self._committed = time.monotonic()
        self._urgent = False
        self._events.committed()
        waiting, self._after = self._after, []
        for act in waiting:
            act()

    def _watch_the_clock(self) -> None:
        now = time.monotonic()
        if self._ending:
            for trial in self._running:
                self._executor.kill(trial)
        for trial, running in self._running.items():
            limit = running.study.plan.timeout
            start = running.begun or running.since + STARTUP_SECONDS
            if limit and running.since and now - start > limit and not running.verdict:
                running.verdict = ("infeasible", f"timed out after {limit:g} s")
                self._executor.kill(trial)
        for study in self._studies.values():
            hours = study.plan.hours
            if hours and now - study.since > 3600 * hours and not study.stopping:
                self._stop_study(study, f"its budget of {hours:g} h is used up", now=False)

    # -- requests ---------------------------------------------------------------------------

    def _take_requests(self) -> None:
        if time.monotonic() - self._looked < INBOX_SECONDS:
            return
        self._looked = time.monotonic()
        for path, request in inbox.waiting(self._writer.paths):
            if request is None or self._answered(request["id"]):
                path.unlink(missing_ok=True)
                continue
            found = self._carry_out(request)
            kind = "refused" if "error" in found else "answered"
            self._writer.event(kind, found, request=request["id"])
            self._urgent = True
            self._after.append(functools.partial(path.unlink, missing_ok=True))

    def _answered(self, request: str) -> bool:
        row = self._writer.connection.execute(
            "SELECT 1 FROM events WHERE request = ?", (request,)
        ).fetchone()
        return row is not None

    def _carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["kind"] == "stop":
                return self._stop(request)
        except requests.Refused as error:
            return {"error": str(error), "exit": error.code}
        found = requests.answer(self._writer, request, runner=True)
        if "id" in found:
            self._activate(found["id"], request.get("events"))
        return found

    def _activate(self, study: int, events: str | None = None) -> None:
        """Take up a study's waiting trials, or those added to it."""
        if events:
            self._events.open(study, Path(events))
        try:
            plan = study_plan(self._writer.connection, study)
        except (TrainerError, DeviceError) as error:
            changes.set_study(self._writer, study, "stopped", str(error))
            self._urgent = True
            return
        busy = {t for t, running in self._running.items() if running.study.plan.id == study}
        queue = [t for t in queued_trials(self._writer.connection, study) if t.id not in busy]
        known = self._studies.get(study)
        if known is not None:
            known.queue, known.stopping = deque(queue), ""
        elif queue:
            self._studies[study] = Study(plan, deque(queue), time.monotonic())
            changes.set_study(self._writer, study, "running")
            self._events.state(study, None, "running")
            self._urgent = True
        elif events:
            self._events.close(study)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        study, trial = requests.find_subject(self._writer, request["subject"])
        if study is not None and study in self._studies:
            self._stop_study(self._studies[study], "stopped by a person", now=request.get("now"))
        elif trial is not None and trial in self._running:
            running = self._running[trial]
            running.stop = True
            if request.get("now"):
                running.verdict = ("stopped", "stopped by a person")
                self._executor.kill(trial)
            else:
                self._executor.stop(trial)
        else:
            found = requests.stop_idle(self._writer, request)
            for other in self._studies.values():
                other.queue = deque(t for t in other.queue if t.id != trial)
            return found
        return {"subject": request["subject"], "was": "running"}

    def _stop_study(self, study: Study, reason: str, *, now: bool | None) -> None:
        study.stopping = reason
        for trial, running in self._running.items():
            if running.study is study:
                (self._executor.kill if now else self._executor.stop)(trial)

    # -- what trials say --------------------------------------------------------------------

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            running = self._running.get(event.trial)
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
        self._writer.add_points(running.trial.id, points)
        self._events.points(running.study.plan.id, running.name, points)

    def _note(self, running: Running, event: Message) -> None:
        trial, data = event.trial, event.data
        if event.kind == "metric":
            running.metrics[data["index"]] = data["name"]
        elif event.kind == "started":
            running.begun = time.monotonic()
            key = running.study.plan.key
            changes.record_start(
                self._writer,
                trial,
                device=key.device,
                versions=data["versions"],
                code=data["sources"],
            )
            self._keep_code(Path(key.folder), data["sources"])
        elif event.kind == "checkpoint":
            changes.add_checkpoint(self._writer, trial, **data)
        elif event.kind == "kept":
            changes.keep_checkpoints(self._writer, trial, data["steps"], data["best"])
            self._after.append(functools.partial(self._clear, trial))
        elif event.kind == "done":
            self._finish(running, data)

    def _keep_code(self, folder: Path, sources: Mapping[str, str]) -> None:
        fresh = {name: sha for name, sha in sources.items() if sha not in self._code}
        if fresh:
            changes.add_code(self._writer, read_code(folder, fresh))
            self._code.update(fresh.values())

    def _clear(self, trial: int) -> None:
        """Remove the checkpoints that were dropped; their rows are gone already."""
        folder = self._writer.paths.checkpoint_folder(trial)
        rows = self._writer.connection.execute(
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
        seen = self._writer.logged(trial.id)
        if state == "completed" and plan.metric not in seen:
            names = ", ".join(seen) or "nothing"
            state, reason = "failed", f"metric {plan.metric!r} was never reported; saw {names}"
        self._keep_code(Path(plan.key.folder), data["sources"])
        self._end(running, state, reason, data["detail"], data["step"], data["sources"])

    def _lose(self, running: Running, event: Lost) -> None:
        trial = running.trial.id
        if running.verdict is not None:
            self._end(running, *running.verdict)
        elif event.final:
            self._end(running, "failed", event.reason)
        elif self._ending or running.study.stopping:
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
            self._writer,
            trial,
            study=study,
            state=state,
            reason=reason,
            detail=detail,
            step=step,
            seconds=running.seconds,
            code=code,
        )
        self._events.state(study, running.name, state, reason=reason)
        del self._running[trial]
        self._urgent = True

    def _requeue(self, running: Running, reason: str, *, interrupted: bool) -> None:
        """Return a trial to the queue; committed first, so that it is read as it will resume."""
        trial = running.trial
        self._commit_now()
        step = resume_step(self._writer.connection, self._writer.paths, trial.id)
        changes.requeue_trial(
            self._writer,
            trial.id,
            reason=reason,
            step=step,
            seconds=running.seconds,
            interrupted=interrupted,
        )
        study = running.study.plan.id
        self._events.state(study, running.name, "queued", reason=reason, step=step)
        del self._running[trial.id]
        again = QueuedTrial(
            trial.id, trial.number, trial.params, trial.seed, trial.max_steps, trial.attempt + 1
        )
        running.study.queue.appendleft(again)
        self._commit_now()
