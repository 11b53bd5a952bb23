"""kill -9 of anything, at any moment: nothing acknowledged is lost, nothing runs twice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths
from tests.e2e.terminal import Terminal
from tests.engine.test_command import PROGRAM
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    fixed,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

HOOKS = Path(__file__).with_name("hooks")
BACKENDS = Path(__file__).parents[2] / ".venv-backends" / "bin" / "python"
WORKER_KILLS = 2
"""Deaths that a trial survives without progress are three less one (`outcomes.CRASHES`)."""

WITNESS = """
def train(trial, train=train):
    train(trial)
    with open("witness.txt", "a") as file:
        file.write(trial.name + "\\n")
"""


class Kind:
    """A trainer, and a study of it that takes seconds and comes out the same every time."""

    name = ""

    def __init__(self, text, slow=None, script=SCRIPT, files=(), slots=2):
        self.witnessed = WITNESS in script
        self.text, self.slow, self.script = text, slow or text, script
        self.files, self.slots = dict(files), slots

    def write(self, folder):
        file = write_study(folder, self.slow, self.script)
        for name, content in self.files.items():
            (folder / name).write_text(content)
        return file


def _script(pause):
    return study_text(trials=6, steps=60, pause=fixed(pause))


def _command(pause):
    argv = json.dumps(["sh", "train.sh", "{mode}", "{pause}"])
    text = study_text(trials=4, steps=60, mode=fixed("fine"), pause=fixed(pause))
    return text.replace("{python: train.py:train}", f"{{command: {argv}}}")


def _network(trainer, steps, trials):
    return f"""
study: s
goal: Does it survive?
workload: digits-mlp
trainer: {trainer}
objective: {{metric: validation/error_rate, goal: minimize}}
budget: {{trials: {trials}, max_train_steps: {steps}, eval_every: 100}}
hyperparameters:
  learning_rate: {{role: nuisance, scale: log, range: [1e-3, 0.3]}}
  width: {{role: fixed, value: 16}}
"""


def kind(name):
    if name == "script":
        return Kind(_script(0), _script(0.02), SCRIPT + WITNESS)
    if name == "command":
        return Kind(_command(0), _command(0.15), files={"train.sh": PROGRAM})
    if name == "numpy":
        return Kind(_network("numpy", 1500, 6))
    return Kind(_network("torch", 1000, 3) + f"interpreter: {BACKENDS}\n", slots=1)


class Chaos:
    """Studies that are killed again and again, and looked at after each kill."""

    def __init__(self, folder, kind, expected, tally, monkeypatch):
        self._folder, self._kind, self._expected, self.tally = folder, kind, expected, tally
        self.plans = folder / "plans"  # read by hooks/sitecustomize.py
        self.plans.mkdir()
        (self.plans / "interval").write_text("0.1")
        monkeypatch.setenv("XDG_LABTUI_FAULT", str(self.plans))
        monkeypatch.setenv("PYTHONPATH", kit.python_path(HOOKS))
        self._labs = 0
        self.renew()

    def killed(self, role, number=1):
        """Count kills: of all, by what was killed, and by what trained."""
        names = ("kills", f"kills of {role}", f"kills with {self._kind.name}")
        self.tally(**dict.fromkeys(names, number))

    def renew(self):
        """Begin again in a lab of its own."""
        self._labs += 1
        folder = self._folder / f"lab{self._labs}"
        self.file = self._kind.write(folder)
        self.paths, self.events = LabPaths(folder / "lab.db"), folder / "events.jsonl"
        self._ended, self._deaths, self._witnessed = {}, Counter(), {}

    def begin(self):
        """Have the study trained further; in a new lab when it is over already."""
        if self.over():
            self.finish()
            self.renew()
        submit(self.paths, self.file, events=self.events, slots=self._kind.slots)

    def over(self):
        if not self.paths.db.exists():
            return False
        with Lab(self.paths) as lab:
            return bool(lab.studies()) and lab.study("s").state == "completed"

    def arm(self, role, match, nth, *, after=False):
        """Have the hooks kill the runner or a worker at a chosen moment, once."""
        plan = {"role": role, "match": match, "nth": nth, "after": after}
        draft = self.plans / "draft"
        draft.write_text(json.dumps(plan))
        draft.rename(self.plans / "kill.json")

    def fired(self):
        """Wait for the armed kill, and look; false when the study came to its end before it."""
        armed = self.plans / "kill.json"
        role = json.loads(armed.read_text())["role"] if armed.exists() else "runner"
        wait_until(lambda: not armed.exists() or self.over())
        if armed.exists():
            armed.unlink()
            return False
        time.sleep(0.05)  # from the removal of the plan to the death
        self.look(dead=living_runner(self.paths.lock) is None)
        self.killed(role)
        return True

    def seen(self):
        """Count the moments that the hooks have told so far, by role and text."""
        lines = (self.plans / "seen.txt").read_text().splitlines()
        return Counter(tuple(line.split(" ", 1)) for line in lines)

    def kill(self, role):
        """Kill one process, or all of them; say whether there was one."""
        if role == "worker":
            found = self._worker()
            with contextlib.suppress(ProcessLookupError):
                os.kill(found or 0, signal.SIGKILL) if found else None
            sent = [found] if found else []
        else:
            sent = kit.send(self.paths.db.parent, role)
        self.look(dead=role in ("runner", "group"))
        self.killed(role, bool(sent))
        return bool(sent)

    def _worker(self):
        """Find a worker none of whose trials has died as often as a trial may."""
        with Lab(self.paths) as lab:
            for slot in lab.slots():
                if slot.trial and slot.pid and self._deaths[slot.trial] < WORKER_KILLS:
                    self._deaths[slot.trial] += 1
                    return slot.pid
        return None

    def look(self, *, dead):
        """Check what holds right after a kill, before anybody goes on."""
        folder = self.paths.db.parent
        runner = None if dead else living_runner(self.paths.lock)
        if dead:
            left = kit.wait_for_none(folder)
            self.tally(orphans=len(left))
            assert not left, f"orphans: {left}"
        if runner is not None:  # it must not write while what it wrote is compared
            with contextlib.suppress(ProcessLookupError):
                os.kill(runner.pid, signal.SIGSTOP)
        try:
            lost = kit.lost_points(self.paths, self.events) if self.paths.db.exists() else []
            self.tally(lost=len(lost))
            assert not lost, f"lost: {lost[:10]}"
            assert not (kit.unsound_trials(self.paths) if self.paths.db.exists() else [])
            ended = kit.completed(self.paths) if self.paths.db.exists() else {}
            assert ended.items() >= self._ended.items()
            self._ended = ended
            self._never_twice()
        finally:
            if runner is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(runner.pid, signal.SIGCONT)

    def _never_twice(self):
        """Compare what the trainers wrote down: one that the lab holds is not trained again."""
        if not self._kind.witnessed:
            return
        seen = kit.witnesses(self.paths.db.parent / "witness.txt")
        again = {name: n for name, n in self._witnessed.items() if seen[name] != n}
        self.tally(trained_again=len(again))
        assert not again, f"trained again after they were completed: {again}, {seen}"
        assert not self._ended.keys() - seen.keys(), "completed, and never trained to the end"
        self._witnessed = {name: seen[name] for name in self._ended}

    def finish(self):
        """Let the study come to its end, and check everything."""
        if not self.over():
            submit(self.paths, self.file, events=self.events, slots=self._kind.slots)
            wait_for_state(self.paths, "s", "completed", "stopped")
        assert not kit.wait_for_none(self.paths.db.parent)
        self.look(dead=True)
        client.add_note(self.paths, "s", "over")  # what writes merges the log of a killed runner
        twice = [name for name, count in kit.completions(self.events).items() if count > 1]
        self.tally(duplicates=len(twice))
        inputs = {*self._kind.files, "witness.txt"}
        kit.check_invariants(self.paths, self._expected, self.events, inputs=inputs)


@pytest.fixture
def chaos(tmp_path, paths, reference, tally, monkeypatch):
    def begin(name):
        found = kind(name)
        found.name = name
        expected = reference(found.text, found.script, found.files)
        return Chaos(tmp_path, found, expected, tally, monkeypatch)

    begin.folder = tmp_path
    return begin


ROLES = ("runner", "guard", "worker", "group")


def test_killed_at_random_moments(chaos, rng):
    study = chaos("script")
    for role in rng.sample(ROLES, 3):
        kill_at_random(study, role, rng)
    study.finish()


@pytest.mark.at_length
@pytest.mark.parametrize("name", ["script", "command", "numpy", "torch"])
def test_killed_often(chaos, rng, name):
    if name == "torch" and not has_torch():
        pytest.skip("no torch in .venv-backends: make test-faults installs it")
    study = chaos(name)
    for number in range(12 if name == "torch" else 40):
        kill_at_random(study, ROLES[number % len(ROLES)], rng)
    study.finish()


def kill_at_random(study, role, rng):
    study.begin()
    wait_until(lambda: kit.family(study.paths.db.parent, "worker") or study.over())
    time.sleep(rng.uniform(0, 0.6))
    study.kill(role)


def has_torch():
    if not BACKENDS.exists():
        return False
    return not subprocess.run([BACKENDS, "-c", "import torch"], check=False).returncode


def test_killed_at_chosen_statements(chaos, rng, full):
    study = chaos("script")
    if full:
        moments = all_moments(study, "runner", rng)
    else:  # in the transaction of an answer, and in that of points and a checkpoint's row
        moments = [(CLAIM, 1, False), ("INSERT OR REPLACE INTO checkpoints", 5, True)]
    kill_at(study, "runner", moments)


def test_killed_at_each_step_of_a_checkpoint(chaos, rng, full):
    study = chaos("script")
    if full:
        steps = [(call, nth, after) for call, n in STEPS for nth in n for after in (False, True)]
        rng.shuffle(steps)
    else:
        steps = [(*rng.choice([("fsync", 3), ("rename", 1)]), False)]
    kill_at(study, "worker", steps)


CLAIM = "UPDATE trials SET state = 'running'"
STEPS = [("mkdir", (1, 2)), ("fsync", (1, 2, 3, 4, 5, 9)), ("rename", (1, 2)), ("rmdir", (1,))]
"""Of a checkpoint: its folder, the files, the manifest and the folder synced, renamed in, the
folder above synced; then the same for the best one, and the removal of what is not kept."""


def all_moments(study, role, rng):
    """Record an undisturbed run, and another that goes on after a kill; give their moments."""
    (study.plans / "seen.txt").write_text("")
    interrupt(study)
    study.finish()
    found = {text: n for (who, text), n in study.seen().items() if who == role}
    (study.plans / "seen.txt").unlink()
    changing = ("BEGIN", "COMMIT", "UPDATE", "INSERT", "DELETE", "PRAGMA wal_checkpoint")
    moments = [
        (text, rng.randint(1, min(count, 6)), after)
        for text, count in found.items()
        for after in (False, True)
        if text.startswith(changing)
    ]
    assert len(moments) > 40
    rng.shuffle(moments)
    return moments


def interrupt(study):
    """Kill the runner in the middle of its study."""
    study.begin()
    wait_until(lambda: kit.stored_points(study.paths))
    time.sleep(0.5)
    study.kill("runner")


def kill_at(study, role, moments):
    """Kill at each of the moments: in the lab as it is, in a fresh one, or in one interrupted."""
    fired = 0
    for number, (match, nth, after) in enumerate(moments):
        for attempt in range(3):
            if attempt == 2:  # some moments are only those after a kill: a removal of points, say
                interrupt(study)
            study.arm(role, match, nth, after=after)
            study.begin()
            if study.fired():
                fired += 1
                break
            study.finish()
            study.renew()
        if role == "worker" and number % WORKER_KILLS:  # no trial dies of it three times
            study.kill("runner")
    study.finish()
    assert fired >= 0.8 * len(moments)  # a moment may depend on what the kill interrupted


@pytest.mark.at_length
def test_killed_between_two_system_calls(chaos, rng):
    study = chaos("script")
    for _ in range(20):
        study.begin()
        nth = rng.randint(1, 60)
        tracer = trace(living_runner(study.paths.lock), nth)
        if tracer is None:  # the statements are what can be counted without strace
            study.arm("runner", "", 5 * nth)
            study.fired()
            continue
        tracer.wait()  # it ends with the runner
        study.look(dead=True)
        study.killed("runner", not study.over())
    study.finish()


def trace(runner, nth):
    """Have strace kill the runner at a system call that writes; None where it cannot."""
    program = shutil.which("strace")
    if program is None or runner is None:
        return None
    calls = "pwrite64,fdatasync,write,sendto,sendmsg,unlink,ftruncate"
    kill = f"inject={calls}:signal=KILL:when={nth}"
    options = ["-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", kill]
    may = subprocess.run([program, *options, "true"], stderr=subprocess.DEVNULL, check=False)
    if may.returncode not in (0, -signal.SIGKILL, 128 + signal.SIGKILL):
        return None  # tracing is forbidden here
    return subprocess.Popen([program, *options, f"-p{runner.pid}"], stderr=subprocess.DEVNULL)


def test_the_screen_is_killed_and_the_study_goes_on(chaos, rng, rounds, tally, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(chaos.folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(chaos.folder))
    study = chaos("script")
    for _ in range(rounds(short=1, full=20)):
        study.begin()
        screen = Terminal(cwd=study.paths.db.parent)
        wait_until(lambda screen=screen: b"\x1b[?1049h" in screen.output)
        time.sleep(rng.uniform(0, 1.0))
        os.kill(screen.process.pid, signal.SIGKILL)
        assert screen.wait() == -signal.SIGKILL
        study.killed("screen")
    study.finish()
    with Lab(study.paths) as lab:
        assert [t.attempt for t in lab.trials("s")] == [1] * 6
