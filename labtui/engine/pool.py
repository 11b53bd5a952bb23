"""The local executor: warm workers under one guard, replaced when anything they know differs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from labtui.engine import guard
from labtui.engine.executor import Event, Job, Logged, Lost, Message, Place, WorkerKey
from labtui.engine.hearing import checked
from labtui.trainer.channel import (
    CUT_OFF,
    LARGEST,
    POINTS,
    WORN_OUT,
    FrameBuffer,
    pack_message,
    unpack_points,
)

TRIALS_PER_WORKER = 1000  # then it is replaced: no leak of a framework grows without end
GRACE_SECONDS = 10.0
QUICK_SECONDS = 0.02  # trials shorter than this would wait for the runner's commit between them
RECEIVE_BYTES = 1 << 20
STRANGE = "its process wrote to labtui's connection what labtui never does"
HANDS_OFF = "a trainer must leave files alone that it did not open"
CPU = "cpu"
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass
class Lanes:
    """The trials of a job at its worker, by lane, and those that have not ended."""

    trials: tuple[int, ...]
    left: set[int]


@dataclass
class Worker:
    """The runner's side of one worker process."""

    number: int
    key: WorkerKey
    stream: socket.socket
    token: str
    slot: int = 0
    pid: int | None = None
    frames: FrameBuffer = field(default_factory=lambda: FrameBuffer(LARGEST))
    jobs: deque[Lanes] = field(default_factory=deque)  # the first is being trained
    served: int = 0
    began: float = 0.0
    ready: bool = False  # it has started and imported the SDK
    quick: bool = False  # its last trial was over before the next could have been sent
    sources: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, tuple[int, int]] = field(default_factory=dict)
    killed: bool = False
    silent: bool = False  # its end of the socket is closed
    fault: str = ""  # it sent what cannot be read
    blamed: set[int] = field(default_factory=set)  # the trials that it was killed for

    @property
    def trials(self) -> list[int]:
        """The trials that it has not ended, those of a stack together."""
        return [trial for lanes in self.jobs for trial in lanes.trials if trial in lanes.left]

    @property
    def on_cpu(self) -> bool:
        """Whether it takes one of the CPU's slots."""
        return self.key.device == CPU


class LocalPool:
    """Trains on this machine: `slots` jobs at a time on the CPU; GPUs are shared out before."""

    def __init__(
        self, slots: int, logs: Path, *, trials_per_worker: int = TRIALS_PER_WORKER
    ) -> None:
        """Start the guard; workers come when jobs do. `logs` takes what workers print."""
        self._slots = slots
        self._logs = logs
        self._trials_per_worker = trials_per_worker
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Worker] = {}
        self._waiting: deque[Job] = deque()
        self._attempts: dict[int, int] = {}  # trial → the attempt that was asked for last
        self._events: list[Event] = []
        self._count = 0
        guard.become_reaper()  # what a killed guard leaves behind comes here
        self._start_guard()

    # -- the interface ----------------------------------------------------------------------

    def free(self) -> int:
        """Count the jobs that could start on the CPU now, or wait a moment at a quick worker."""
        living = [w for w in self._workers.values() if w.on_cpu and not w.killed]
        room = sum(max(0, _depth(worker) - len(worker.jobs)) for worker in living)
        waiting = sum(1 for job in self._waiting if job.key.device == CPU)
        return room + self._slots - len(living) - waiting

    def start(self, job: Job) -> None:
        """Give the job to a warm worker of its kind, or to a new one."""
        for trial, assignment in zip(job.trials, job.assignments, strict=True):
            self._attempts[trial] = assignment["attempt"]
        self._waiting.append(job)
        self._distribute()

    def stop(self, trial: int) -> None:
        """Ask a trial to end after its next evaluation."""
        self._withdraw(trial)
        for worker in self._of(trial):
            if worker.ready:
                attempt = self._attempts[trial]
                self._send(worker, {"kind": "stop", "trial": trial, "attempt": attempt})
            else:
                worker.blamed.add(trial)
                self._retire(worker, grace=0.0)

    def kill(self, trial: int) -> None:
        """End a trial now; a `Lost` event follows."""
        self._withdraw(trial)
        for worker in self._of(trial):
            worker.blamed.add(trial)
            self._retire(worker, grace=0.0)

    def wait(self, timeout: float) -> list[Event]:
        """Wait at most `timeout` seconds for messages of trials, or for the end of a worker."""
        if self._events:
            timeout = 0.0
        for key, _ in self._selector.select(timeout):
            key.data()
        events, self._events = self._events, []
        return events

    def places(self) -> list[Place]:
        """List the workers by slot, but those that are being ended."""
        living = [worker for worker in self._workers.values() if not worker.killed]
        return [
            Place(worker.slot, worker.key.device, worker.pid, _training(worker))
            for worker in sorted(living, key=lambda worker: worker.slot)
        ]

    def close(self) -> None:
        """End all workers and the guard."""
        self._selector.unregister(self._guard)
        self._guard.close()
        self._guard_process.wait()
        for worker in self._workers.values():
            worker.stream.close()
        self._workers.clear()
        self._selector.close()

    # -- workers ----------------------------------------------------------------------------

    def _distribute(self) -> None:
        """Hand out the jobs that wait, as far as there are workers for them."""
        for _ in range(len(self._waiting)):
            job = self._waiting.popleft()
            worker = self._warm(job.key, 0) or self._fresh(job.key) or self._warm(job.key, 1)
            if worker is None:
                self._waiting.append(job)
                continue
            if not worker.jobs:
                worker.began = time.monotonic()
            worker.jobs.append(Lanes(job.trials, set(job.trials)))
            worker.served += len(job.trials)
            self._send(worker, {"kind": "run", "lanes": [dict(a) for a in job.assignments]})

    def _withdraw(self, trial: int) -> None:
        """Give back a job that waits for a worker."""
        for job in [job for job in self._waiting if trial in job.trials]:
            self._waiting.remove(job)
            self._events += [Lost(t, None, "stopped before it began", False) for t in job.trials]

    def _of(self, trial: int) -> list[Worker]:
        return [worker for worker in self._workers.values() if trial in worker.trials]

    def _warm(self, key: WorkerKey, holding: int) -> Worker | None:
        """Find a worker of this kind that holds so many jobs and has room for another.

        Its code must still be what lies on the disk.
        """
        for worker in list(self._workers.values()):
            if worker.key != key or worker.killed or len(worker.jobs) != holding:
                continue
            if holding >= _depth(worker):
                continue
            if worker.served < self._trials_per_worker and not _is_stale(worker):
                return worker
            if not worker.jobs:
                self._retire(worker)
        return None

    def _fresh(self, key: WorkerKey) -> Worker | None:
        """Start a worker if there is room for it, or only idle ones of another kind in its way."""
        living = [worker for worker in self._workers.values() if not worker.killed]
        if key.device == CPU:
            living = [worker for worker in living if worker.on_cpu]
            idle = next((worker for worker in living if not worker.jobs), None)
            if len(living) >= self._slots:
                if idle is None:
                    return None
                self._retire(idle)
        else:  # its share of the GPUs is free: whoever still holds their memory makes room
            wanted = set(key.device.split(","))
            for worker in living:
                if not worker.jobs and wanted & set(worker.key.device.split(",")):
                    self._retire(worker)
        return self._spawn(key)

    def _retire(self, worker: Worker, *, grace: float = GRACE_SECONDS) -> None:
        worker.killed = True
        self._order({"do": "kill", "worker": worker.number, "grace": grace})

    def _spawn(self, key: WorkerKey) -> Worker:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BYTES)
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count += 1
        worker = Worker(self._count, key, ours, uuid.uuid4().hex, self._free_slot())
        self._workers[worker.number] = worker
        order = {
            "do": "spawn",
            "worker": worker.number,
            "interpreter": key.interpreter,
            "folder": key.folder,
            "environment": _quiet(dict(key.environment)),
            "packages": dict(key.packages),
            "token": worker.token,
            "log": str(self._logs / "workers.log"),
        }
        self._order(order, theirs)
        theirs.close()
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._receive(worker))
        return worker

    def _free_slot(self) -> int:
        taken = {worker.slot for worker in self._workers.values() if not worker.killed}
        return next(slot for slot in count(1) if slot not in taken)

    def _send(self, worker: Worker, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # its end is told by the guard
            worker.stream.sendall(pack_message(dict(message)))

    def _receive(self, worker: Worker) -> None:
        try:
            data = worker.stream.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:  # a process that the dead worker left behind holds its end
            data = b""
        except OSError:
            data = b""
        if not data:
            self._silence(worker)
        if worker.fault:  # what follows nonsense is nonsense
            return
        try:
            for kind, payload in worker.frames.feed(data):
                if kind == POINTS:
                    self._log(worker, payload)
                else:
                    self._hear(worker, json.loads(payload))
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            struct.error,
        ) as error:
            # One worker's nonsense must not end the others' work.
            worker.fault = f"{STRANGE} ({error}); {HANDS_OFF}"
            worker.blamed.update(worker.trials)
            self._retire(worker, grace=0.0)

    def _log(self, worker: Worker, payload: bytes) -> None:
        lane, points = unpack_points(payload)
        trial = _trial(worker, lane)
        if trial is not None:
            if min(points[1], default=0) < 0:
                raise ValueError(f"found points at step {min(points[1])}")
            self._events.append(Logged(trial, points))

    def _hear(self, worker: Worker, message: dict[str, Any]) -> None:
        kind = message.pop("kind", None)
        if kind == "ready":
            worker.ready = True
            return
        trial = _trial(worker, message.pop("lane", None))
        if trial is None:
            return
        message = dict(checked(kind, message))
        if "sources" in message and message["sources"] != worker.sources:
            worker.sources = message["sources"]
            worker.stamps = {}
        lanes = worker.jobs[0]
        self._events.append(Message(trial, kind, message))
        if kind == "done":
            self._attempts.pop(trial, None)
            lanes.left.discard(trial)
            if not lanes.left:
                now = time.monotonic()
                worker.quick, worker.began = now - worker.began < QUICK_SECONDS, now
                worker.jobs.popleft()
                self._distribute()

    def _silence(self, worker: Worker) -> None:
        if not worker.silent:
            worker.silent = True
            self._selector.unregister(worker.stream)

    def _bury(self, worker: Worker, code: int | None, error: str = "") -> None:
        """Take what a dead worker still said, then report its trial lost."""
        while not worker.silent:
            self._receive(worker)
        worker.stream.close()
        self._workers.pop(worker.number, None)
        training = worker.jobs[0].left if worker.jobs else set()
        for trial in worker.trials:
            if trial not in training:
                self._events.append(Lost(trial, None, "its worker was lost before it began", False))
            elif worker.killed and trial not in worker.blamed:
                self._events.append(Lost(trial, None, "its stack was stopped", False))
            else:
                self._events.append(_loss(trial, worker, code, error))
        self._distribute()

    # -- the guard --------------------------------------------------------------------------

    def _start_guard(self) -> None:
        self._guard, theirs = socket.socketpair()
        self._guard_text = b""
        self._guard_process = subprocess.Popen(
            [sys.executable, "-S", "-E", guard.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._selector.register(self._guard, selectors.EVENT_READ, self._hear_guard)

    def _order(self, order: dict[str, Any], attached: socket.socket | None = None) -> None:
        line = json.dumps(order).encode() + b"\n"
        try:
            if attached is None:
                self._guard.sendall(line)
            else:
                sent = socket.send_fds(self._guard, [line], [attached.fileno()])
                self._guard.sendall(line[sent:])
        except OSError:
            pass  # its death is heard as the end of its stream

    def _hear_guard(self) -> None:
        try:
            data = self._guard.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._replace_guard()
            return
        *lines, self._guard_text = (self._guard_text + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            worker = self._workers.get(message["worker"])
            if worker is None:
                continue
            if message["kind"] == "spawned":
                worker.pid = message["pid"]
                continue
            if message["kind"] == "unspawned":
                self._silence(worker)
                self._bury(worker, None, message["error"])
            else:
                self._bury(worker, message["code"])

    def _replace_guard(self) -> None:
        """After the guard was killed: its workers died with it; begin again with a new one."""
        self._selector.unregister(self._guard)
        self._guard.close()
        self._guard_process.wait()
        guard.sweep(set())
        for worker in list(self._workers.values()):
            self._bury(worker, None)
        self._start_guard()


def _trial(worker: Worker, lane: Any) -> int | None:
    """Give the trial in a lane of a worker's present job; None when it has ended.

    Whose a message is, the connection says that it came through, whatever it holds.

    Raises:
        ValueError: There is no such lane.
    """
    if not worker.jobs:
        return None
    lanes = worker.jobs[0]
    if type(lane) is not int or not 0 <= lane < len(lanes.trials):
        raise ValueError(f"found lane {lane!r:.20} of {len(lanes.trials)}")
    trial = lanes.trials[lane]
    return trial if trial in lanes.left else None


def _depth(worker: Worker) -> int:
    """Give how many jobs a worker may hold: a quick one gets its next before it asks."""
    return 2 if worker.quick else 1


def _training(worker: Worker) -> tuple[int, ...]:
    """Give the trials of its present job that have not ended, by lane."""
    lanes = worker.jobs[0] if worker.jobs else None
    return tuple(trial for trial in lanes.trials if trial in lanes.left) if lanes else ()


def _loss(trial: int, worker: Worker, code: int | None, error: str) -> Lost:
    """Say why the worker that trained a trial is gone, from its exit code."""
    interpreter = worker.key.interpreter
    if worker.fault:
        return Lost(trial, None, worker.fault, True)
    if error:
        return Lost(trial, None, f"cannot start {interpreter}: {error}", False, study=True)
    if code is None:
        return Lost(trial, None, "its worker was lost with the guard", False)
    if not worker.ready and worker.killed:
        return Lost(trial, None, "stopped before it began", False)
    if not worker.ready and code >= 0 and not Path(worker.key.folder).is_dir():
        reason = f"the folder that it trains in is gone: {worker.key.folder}; put it back"
        return Lost(trial, None, reason, False, study=True)
    if not worker.ready and code >= 0:
        reason = (
            f"{interpreter} ended with exit code {code} before it could train; expected a Python "
            f"and the folder {worker.key.folder}; lab.files/logs/workers.log has what it said"
        )
        return Lost(trial, None, reason, False, study=True)
    if code == WORN_OUT:
        return Lost(trial, None, "its worker was replaced before it began", False)
    if code == CUT_OFF:
        return Lost(trial, None, f"its process closed labtui's connection; {HANDS_OFF}", True)
    if code >= 0:
        return Lost(trial, None, f"the trainer ended its process with exit code {code}", True)
    hint = ", by hand or for want of memory" if -code == signal.SIGKILL else ""
    known = {int(number): number.name for number in signal.Signals}
    reason = f"its worker was killed by {known.get(-code, f'signal {-code}')}{hint}"
    return Lost(trial, -code, reason, False)


def _quiet(environment: dict[str, str]) -> dict[str, str]:
    """One BLAS thread a worker, and the same hashes in every worker."""
    threads = {name: "1" for name in THREADS if name not in environment}
    return {**environment, **threads, "PYTHONHASHSEED": "0"}


def _is_stale(worker: Worker) -> bool:
    """Say whether a file the worker imported is no longer what it was; cheap when untouched."""
    for name, expected in worker.sources.items():
        path = Path(worker.key.folder, name)
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if worker.stamps.get(name) == stamp:
                continue
            if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
                return True
        except OSError:
            return True
        worker.stamps[name] = stamp
    return False
