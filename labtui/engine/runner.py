"""The runner: the one process that executes a lab's studies.

A single loop: take requests, hear the executor, claim trials for free slots, commit. What is sent
or written elsewhere because of a change (assignments, acknowledgements, removed files) waits until
the commit that holds the change.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import labtui
from labtui.engine import requests
from labtui.engine.board import Board, Running, Study
from labtui.engine.devices import CPU, DeviceError, cores, free_place
from labtui.engine.executor import Executor, Job
from labtui.engine.finding import Refused, find_subject
from labtui.engine.hooks import Hooks
from labtui.engine.jobs import (
    Lane,
    QueuedTrial,
    can_stack,
    clear_leftovers,
    make_job,
    queued_trials,
    study_plan,
    warn_of_spoiled,
    whole_checkpoints,
)
from labtui.engine.outcomes import Outcomes
from labtui.engine.plugins import TrainerError
from labtui.engine.searching import search_of, unsuggested
from labtui.engine.slots import SlotWatch
from labtui.store import changes, inbox
from labtui.store.errors import LabError
from labtui.store.identity import is_stopped, own_identity
from labtui.store.space import shortage
from labtui.store.writer import Writer, storable

INBOX_SECONDS = 0.05
STARTUP_SECONDS = 120.0  # granted to a worker's imports before a trial's timeout counts
SUSPENDED_SECONDS = 1.0  # a turn of the loop takes milliseconds
LOOK_AHEAD = 20  # how many lanes' worth of waiting trials are searched for those of one shape
STOPPED = "stopped by a person"
ONE_ASKED, ONE = "one trial was asked for", "one trial trained, as asked"


class Runner:
    """Executes the studies of one lab until none is left."""

    def __init__(self, writer: Writer, executor: Executor, slots: int) -> None:
        """Take over the lab: a dead runner's trials return to the queue first."""
        self._board = Board(writer, executor)
        self._outcomes = Outcomes(self._board)
        self._executor = executor
        self._hooks = Hooks(writer.paths, self._complain)
        self._slots = slots
        self._looked = 0.0
        self._turn = time.monotonic()
        requests.recover(writer)
        self._id = changes.add_runner(
            writer, own_identity(), version=labtui.__version__, slots=slots
        )
        self._watch = SlotWatch(self._board, self._id, Fraction(cores(), slots))

    def run(self) -> None:
        """Work until nothing is left to do, or until `end` is called."""
        asked = {requests.subject(request) for _, request in self._waiting() if request.get("one")}
        for study, name, reason in requests.active_studies(self._board.writer):
            if name not in asked:  # the request itself takes it up
                self._activate(study, one=reason == ONE_ASKED)
        while True:
            self._take_requests()
            self._hooks.running()  # one that hangs is killed, also while others train
            self._claim()
            self._close_finished()
            self._watch.look()
            self._board.commit_when_due()
            if self._over():
                break
            heard = self._executor.wait(self._patience())
            self._leave_out_standstill()  # before an end is heard: its seconds are counted then
            self._outcomes.hear(heard)
            self._watch_the_clock()
        self._hooks.close()
        self._watch.end()
        changes.end_runner(self._board.writer, self._id)
        self._board.commit()

    def end(self) -> None:
        """Ask the loop to stop training now; trials return to the queue. Safe in a signal."""
        self._board.ending = True

    # -- the loop's parts -------------------------------------------------------------------

    def _patience(self) -> float:
        return min(INBOX_SECONDS, self._board.patience()) if self._board.pending else INBOX_SECONDS

    def _over(self) -> bool:
        """Say whether nothing is left to do, or nothing may be begun any more."""
        board = self._board
        if board.running or board.pending:
            return False
        if board.ending:
            return True
        return not (
            self._hooks.running() or board.studies or any(inbox.waiting(board.writer.paths))
        )

    def _complain(self, study: int, text: str) -> None:
        self._board.writer.event("warning", {"text": storable(text)}, study=study)

    def _claim(self) -> None:
        waiting = {r.job for r in self._board.running.values() if not r.since and r.place == CPU}
        free = self._executor.free() - len(waiting)
        idle = not self._board.running
        kept: set[str] = set()  # kinds of devices one of which waits for a suggestion
        for study in self._board.studies.values():
            while (study.queue or study.unsuggested) and not (study.stopping or self._board.ending):
                on_cpu = study.plan.request.kind == CPU
                if free <= 0 if on_cpu else study.plan.request.kind in kept:
                    break
                place = CPU if on_cpu else free_place(study.plan.request, self._board.taken())
                if place is None:
                    break
                if not study.queue and not self._suggested(study):
                    free -= on_cpu
                    kept.add(study.plan.request.kind)
                    break
                self._start(study, self._lanes(study, free if idle else self._slots), place)
                free -= on_cpu

    def _suggested(self, study: Study) -> bool:
        """Put a suggested trial in a study's queue; say whether there is one by now."""
        board, search = self._board, study.search
        if search is None:
            return False
        if search.idle:
            busy = {r.job for r in board.running.values() if r.place == CPU}
            if study.plan.request.kind == CPU and len(busy) >= self._slots:
                return False  # a quick worker would take it, and it would know less
            if board.pending:
                board.commit()  # what ended by now is to be known
        try:
            number = search.next(board.writer)
        except Exception as error:  # of a library; the other studies go on
            study.stopping = storable(f"no next trial: {type(error).__name__}: {error}")
            return False
        if number is None:
            return False
        board.commit()
        waiting = queued_trials(board.writer.connection, study.plan.id)
        study.queue.extend(trial for trial in waiting if trial.number == number)
        return True

    def _lanes(self, study: Study, slots: int) -> list[Lane]:
        """Take the next trial off the queue, and those that can train together with it.

        No more than leave as many for each of the `slots`.
        """
        first = self._lane(study.queue[0])
        even = -(-len(study.queue) // max(1, slots))
        most = 1 if first.trial.alone else min(study.plan.stack_limit, even)
        found = [first]
        for trial in islice(study.queue, 1, LOOK_AHEAD * most):
            if len(found) >= most:
                break
            lane = self._lane(trial)
            if can_stack(study.plan, first, lane):
                found.append(lane)
        taken = {lane.trial.id for lane in found}
        if len(taken) == 1:
            study.queue.popleft()
        else:
            study.queue = deque(trial for trial in study.queue if trial.id not in taken)
        return found

    def _lane(self, trial: QueuedTrial) -> Lane:
        if not trial.attempt:
            return Lane(trial, [])
        writer = self._board.writer
        return Lane(trial, whole_checkpoints(writer.connection, writer.paths, trial.id))

    def _close_finished(self) -> None:
        busy = {running.study.plan.id for running in self._board.running.values()}
        for study in list(self._board.studies.values()):
            plan = study.plan
            if plan.id in busy or ((study.queue or study.unsuggested) and not study.stopping):
                continue
            if study.one and self._waits(plan.id):
                study.stopping = study.stopping or ONE
            state = "stopped" if study.stopping else "completed"
            changes.set_study(self._board.writer, plan.id, state, study.stopping)
            self._board.events.state(plan.id, None, state)
            self._board.hurry()
            del self._board.studies[plan.id]
            self._board.later(functools.partial(self._board.events.close, plan.id))
            self._board.later(functools.partial(self._hooks.start, plan, state, study.stopping))

    def _waits(self, study: int) -> bool:
        """Say whether trials of a study are still to be trained."""
        connection = self._board.writer.connection
        return bool(queued_trials(connection, study) or unsuggested(connection, study))

    def _start(self, study: Study, lanes: list[Lane], place: str) -> None:
        paths = self._board.writer.paths
        job = make_job(study.plan, lanes, paths, place)
        started = []
        for lane in lanes:
            trial = lane.trial
            if trial.attempt:
                warn_of_spoiled(self._board.writer, study.plan.id, trial.id, lane.start_step)
                clear_leftovers(paths, trial.id, lane.kept)
            changes.claim_trial(
                self._board.writer,
                trial.id,
                study=study.plan.id,
                runner=self._id,
                attempt=trial.attempt + 1,
                start_step=lane.start_step,
            )
            running = Running(study, trial, lane.start_step, place, len(lanes), job.trials[0])
            running.folders = {row["step"]: Path(row["folder"]).name for row in lane.kept}
            self._board.running[trial.id] = running
            started.append(running)
            self._board.events.state(
                study.plan.id,
                running.name,
                "running",
                attempt=trial.attempt + 1,
                step=lane.start_step,
            )
        self._board.hurry()
        self._board.later(functools.partial(self._send, started, job))

    def _send(self, started: list[Running], job: Job) -> None:
        for running in started:
            plan = running.study.plan
            self._board.writer.watch(running.trial.id, plan.metric, minimize=plan.minimize)
            running.since = time.monotonic()
        self._executor.start(job)

    def _leave_out_standstill(self) -> None:
        """Count no time during which everything, or a worker alone, was stopped."""
        now = time.monotonic()
        gap, self._turn = now - self._turn, now
        if gap > SUSPENDED_SECONDS:
            for study in self._board.studies.values():
                study.since += gap
        for trial in self._standing_still(gap):  # it did not use this time
            running = self._board.running[trial]
            running.since += gap if running.since else 0.0
            running.begun += gap if running.begun else 0.0

    def _watch_the_clock(self) -> None:
        now = time.monotonic()
        if self._board.ending:
            for trial in self._board.running:
                self._executor.kill(trial)
        for trial, running in self._board.running.items():
            limit = running.study.plan.timeout
            start = running.begun or running.since + STARTUP_SECONDS
            if limit and running.since and now - start > limit and not running.verdict:
                running.verdict = ("infeasible", f"timed out after {limit:g} s")
                self._executor.kill(trial)
        for study in self._board.studies.values():
            hours = study.plan.hours
            if hours and now - study.since > 3600 * hours and not study.stopping:
                self._stop_study(study, f"its budget of {hours:g} h is used up", now=False)

    def _standing_still(self, gap: float) -> set[int]:
        """Name the trials that stood still since the last turn: with everything, or alone."""
        running = self._board.running
        if gap > SUSPENDED_SECONDS:
            return set(running)
        if not any(one.study.plan.timeout for one in running.values()):
            return set()  # nobody asks how long they train
        places = [place for place in self._executor.places() if place.pid is not None]
        stopped = [place for place in places if is_stopped(place.pid or 0)]
        return {trial for place in stopped for trial in place.trials} & running.keys()

    # -- requests ---------------------------------------------------------------------------

    def _take_requests(self) -> None:
        if time.monotonic() - self._looked < INBOX_SECONDS:
            return
        self._looked = time.monotonic()
        self._board.writer.check_there()  # also while nothing is to be committed
        for path, request in inbox.waiting(self._board.writer.paths):
            if request is None or self._answered(request["id"]):
                path.unlink(missing_ok=True)
                continue
            try:
                found = self._carry_out(request)
            except LabError:
                raise
            except Exception as error:  # whatever is wrong with it must not end the others' work
                found = {
                    "error": f"{request.get('kind')}: {type(error).__name__}: {error}",
                    "exit": 1,
                }
            kind = "refused" if "error" in found else "answered"
            self._board.writer.event(kind, found, request=request["id"])
            self._board.hurry()
            self._board.later(functools.partial(path.unlink, missing_ok=True))

    def _waiting(self) -> list[tuple[Path, dict[str, Any]]]:
        return [(p, r) for p, r in inbox.waiting(self._board.writer.paths) if r is not None]

    def _answered(self, request: str) -> bool:
        row = self._board.writer.connection.execute(
            "SELECT 1 FROM events WHERE request = ?", (request,)
        ).fetchone()
        return row is not None

    def _carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["kind"] == "stop":
                return self._stop(request)
        except Refused as error:
            return {"error": str(error), "exit": error.code}
        name = requests.subject(request)
        busy = any(study.plan.name == name for study in self._board.studies.values())
        if busy and request.get("one") and request.get("mode") != "new":
            return {"error": f"study {name!r} is being trained already", "exit": 2}
        found = requests.answer(self._board.writer, request, runner=True)
        if "id" in found:
            self._activate(found["id"], request.get("events"), one=bool(request.get("one")))
        if request["kind"] == "move":
            self._line_up()
        return found

    def _line_up(self) -> None:
        """Serve the studies in the order of the queue, as it is committed."""
        order = [row[0] for row in requests.active_studies(self._board.writer)]
        places = {study: place for place, study in enumerate(order)}
        known = sorted(self._board.studies.items(), key=lambda one: places.get(one[0], len(places)))
        self._board.studies = dict(known)

    def _activate(self, study: int, events: str | None = None, *, one: bool = False) -> None:
        """Take up a study's waiting trials, or those added to it; or `one` of them."""
        if events:
            self._board.events.open(study, Path(events))
        try:
            plan = study_plan(self._board.writer.connection, study)
            search = search_of(self._board.writer.connection, study)
        except (TrainerError, DeviceError) as error:
            changes.set_study(self._board.writer, study, "stopped", str(error))
            self._board.hurry()
            return
        busy = {t for t, running in self._board.running.items() if running.study.plan.id == study}
        queue = [t for t in queued_trials(self._board.writer.connection, study) if t.id not in busy]
        known = self._board.studies.get(study)
        if one:
            queue = queue[:1]
            if search is not None:
                search.left = 0 if queue else 1
        if known is not None:
            known.plan, known.queue, known.stopping, known.one = plan, deque(queue), "", one
            known.failures, known.search = [], search
        elif queue or study in [row[0] for row in requests.active_studies(self._board.writer)]:
            self._board.studies[study] = Study(
                plan, deque(queue), time.monotonic(), one=one, search=search
            )
            self._line_up()
            changes.set_study(self._board.writer, study, "running", ONE_ASKED if one else "")
            if lacking := shortage(self._board.writer.paths.files, self._board.writer.connection):
                self._complain(study, lacking)
            self._board.events.state(study, None, "running")
            self._board.hurry()
        elif events:
            self._board.events.close(study)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        study, trial = find_subject(self._board.writer, request["subject"])
        if study is not None and study in self._board.studies:
            self._stop_study(self._board.studies[study], STOPPED, now=request.get("now"))
        elif trial is not None and trial in self._board.running:
            running = self._board.running[trial]
            running.stop = True
            if request.get("now"):
                running.verdict = ("stopped", STOPPED)
                self._executor.kill(trial)
            else:
                self._executor.stop(trial)
        else:
            found = requests.stop_idle(self._board.writer, request)
            for other in self._board.studies.values():
                other.queue = deque(t for t in other.queue if t.id != trial)
            return found
        return {"subject": request["subject"], "was": "running"}

    def _stop_study(self, study: Study, reason: str, *, now: bool | None) -> None:
        study.stopping = reason
        for trial, running in self._board.running.items():
            if running.study is study:
                (self._executor.kill if now else self._executor.stop)(trial)
