"""Trainers that print, fork, hide, close, lie and flood: one trial pays, the others do not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.engine.pool import GRACE_SECONDS
from labtui.store.lab import Lab
from tests.e2e.terminal import Terminal
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    arms,
    fixed,
    points,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

GOOD = ("completed", "")
MOST_MEMORY = 200_000
"""kB that runner and worker may take at most under a flood (bad input 58)."""

HOSTILE = r"""
import ctypes, json, os, resource, signal, socket, stat, struct, sys, threading, time

def connection():
    for handle in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                return handle
        except OSError:
            pass

def frame(kind, payload):
    return struct.pack("<cI", kind, len(payload)) + payload

def message(**content):
    return frame(b"J", json.dumps(content).encode())

class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")

def deep():
    deep()

FRAMES = {
    "garbage": b"\xb4" * 10000,
    "4 GB": struct.pack("<cI", b"P", 2**32 - 1),
    "lane 99": frame(b"P", struct.pack("<q", 99)),
    "lane -1": frame(b"P", struct.pack("<q", -1)),
    "odd state": message(kind="done", lane=0, state="won", reason="", detail="", step=1,
                         sources={}),
    "big step": message(kind="done", lane=0, state="completed", reason="", detail="", step=2**70,
                        sources={}),
    "folder": message(kind="checkpoint", lane=0, step=1, value=None, folder="../x", size=1,
                      sha256=""),
    "points at -5": message(kind="metric", lane=0, index=0, name="a")
                    + frame(b"P", struct.pack("<qqdi", 0, -5, 1.0, 0)),
}

def train(trial):
    mode = trial.params["mode"]
    if mode in FRAMES:
        os.write(connection(), FRAMES[mode])
        time.sleep(60)
    act(mode, trial)
    if mode.startswith("after"):
        print("still here")
    for step in trial.steps():
        trial.log(step, {"validation/error_rate": 0.5})

def act(mode, trial):
    if mode == "folder /": os.chdir("/")
    if mode == "streams": sys.stdout = sys.stderr = None
    if mode == "closed": sys.stdout.close(); os.close(2)
    if mode == "umask": os.umask(0o777)
    if mode == "limit": resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    if mode == "memory":
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (300_000_000, hard))
        bytearray(10**9)
    if mode == "environment": os.environ.clear()
    if mode == "signals":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    if mode == "fork" and os.fork() == 0:
        trial.log(1, {"child": 77.0, "validation/error_rate": 77.0})
    if mode == "fork returns" and os.fork() == 0:
        trial.steps = lambda: ()
    if mode == "closes": os.close(connection())
    if mode == "interrupt": raise KeyboardInterrupt
    if mode == "base": raise BaseException("own")
    if mode == "leaves": sys.exit(0)
    if mode == "gone": os._exit(0)
    if mode == "abort": os.abort()
    if mode == "segfault": ctypes.string_at(0)
    if mode == "recursion": deep()
    if mode == "odd": raise Odd()
    if mode == "long error": raise ValueError("x" * 30_000_000 + "\n" + "y" * 30_000_000)
    if mode == "long name": trial.log(1, {"n" * 3_000_000: 1.0})
    if mode == "clipboard": raise ValueError("\x1b]52;c;aGk=\x07\x1b[2J")
"""

HARMLESS = ("folder /", "streams", "closed", "umask", "limit", "environment", "signals", "fork",
            "fork returns")  # fmt: skip
WIRE = ("garbage", "4 GB", "lane 99", "lane -1", "odd state", "big step", "folder", "points at -5")
ENDS = {
    "memory": ("infeasible", "out of memory (`ulimit -v` is 292968 kB)"),
    "closes": ("failed", "its process closed labtui's connection; a trainer must leave files alone "
               "that it did not open"),
    "interrupt": ("failed", "KeyboardInterrupt"),
    "base": ("failed", "BaseException: own"),
    "leaves": ("failed", "SystemExit: 0"),
    "gone": ("failed", "the trainer ended its process with exit code 0"),
    "abort": ("failed", "its worker was killed by SIGABRT, 3 times after step 0"),
    "segfault": ("failed", "its worker was killed by SIGSEGV, 3 times after step 0"),
    "recursion": ("failed", "RecursionError: maximum recursion depth exceeded"),
    "odd": ("failed", "Odd: an error that cannot be written as text"),
    "long error": ("failed", "ValueError: " + "x" * 488),
    "long name": ("failed", "ValueError: log: found a metric name of 3,000,000 characters, "
                  f"'{'n' * 40}'…; expected at most 300"),
    "clipboard": ("failed", "ValueError: \x1b]52;c;aGk=\x07\x1b[2J"),
}  # fmt: skip


def test_what_a_trainer_does_to_its_process_costs_its_own_trial_only(paths, tmp_path, tally):
    """Each trial is followed by a harmless one, most of them in the same worker."""
    modes = [*HARMLESS, *WIRE, *ENDS]
    both = [one for mode in modes for one in (mode, f"after {mode}")]
    text = study_text(trials=1, steps=3, mode=arms(*both))
    found = {t.params["mode"]: t for t in run(paths, write_study(tmp_path, text, HOSTILE), slots=1)}
    tally(hostile_trials=len(modes))
    ends = {mode: (t.state, t.reason) for mode, t in found.items()}
    assert {
        mode: end for mode, end in ends.items() if mode.startswith("after") and end != GOOD
    } == {}
    assert {mode: ends[mode] for mode in HARMLESS} == dict.fromkeys(HARMLESS, GOOD)
    for mode in WIRE:
        assert ends[mode][0] == "failed"
        assert ends[mode][1].startswith(
            "its process wrote to labtui's connection what labtui never"
        )
    assert {mode: ends[mode] for mode in ENDS} == ENDS
    assert max(len(t.detail) for t in found.values()) < 20_000
    assert {(name, value) for _, name, _, value in points(paths, "s")} == {
        ("validation/error_rate", "0.5")
    }
    assert not kit.faults_of_file(paths)
    assert not kit.wait_for_none(tmp_path)


# -- nothing survives ---------------------------------------------------------------------------

FORKS = r"""
import os, signal, sys, time
def leave_daemons():
    for depth in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            marks = {} if depth == 2 else os.environ  # one without those that processes inherit
            sleep = [sys.executable, "-ISc", "import time; time.sleep(600)"]
            os.execve(sys.executable, sleep, marks)
"""
DAEMON = {
    "command": FORKS
    + r"""
leave_daemons()
for step in range(1, 5):  # Ctrl-C once waits for an evaluation
    os.write(1, b'{"step": %d, "validation/error_rate": 0.5}\n' % step)
    time.sleep(2)
time.sleep(600)
""",
    "python": FORKS
    + r"""
def train(trial):
    leave_daemons()
    for step in trial.steps():
        trial.log(step, {"validation/error_rate": 0.5})
        time.sleep(2 if step < 5 else 600)
""",
}
DAEMONS = {"command": 8, "python": 6}
"""Processes of the two trials: three daemons each, and a program itself."""
ENDS_OF_STUDIES = ("SIGKILL", "SIGTERM", "one", "two", "closed", "guard")
SHORT = {("SIGKILL", "command"), ("two", "command"), ("SIGKILL", "python")}
EVALUATION = 2.0
"""Seconds until the next one, for which Ctrl-C once waits."""


@pytest.mark.parametrize("trainer", DAEMON)
@pytest.mark.parametrize("end", ENDS_OF_STUDIES)
def test_nothing_of_a_daemon_outlives_its_study(paths, tmp_path, full, tally, end, trainer):
    """Runner or guard are killed, Ctrl-C comes once or twice, or the terminal is closed."""
    if not full and (end, trainer) not in SHORT:
        pytest.skip("part of the full form")
    text = study_text(trials=2, steps=6, every=1, mode=fixed("x"))
    if trainer == "command":
        argv = f"{{command: [{sys.executable}, -IS, train.py]}}"
        text = text.replace("{python: train.py:train}", argv)
    file = write_study(tmp_path, text, DAEMON[trainer])
    follower = Terminal("run", str(file), "--lab", str(paths.db), cwd=tmp_path)
    wait_until(lambda: len(kit.family(tmp_path, "-IS")) >= DAEMONS[trainer])
    before = set(kit.family(tmp_path, "-IS"))
    wall = kit.ORPHAN_SECONDS
    if end == "guard":
        assert kit.send(tmp_path, "guard")
        wait_until(lambda: not before & set(kit.family(tmp_path, "-IS")), wall)
        tally(kills=1, kills_of_guard=1)
        client.stop(paths, "s", now=True)
    elif end == "SIGKILL":
        assert kit.send(tmp_path, "runner")
        tally(kills=1, kills_of_runner=1)
    elif end == "SIGTERM":
        assert kit.send(tmp_path, "runner", signal.SIGTERM)
    elif end == "closed":
        follower.close()
        follower.ended()
        time.sleep(1.0)
        assert before <= set(kit.family(tmp_path, "-IS"))  # the study trains on
        client.stop(paths, "s", now=True)
    else:
        for _ in range(1 if end == "one" else 2):
            time.sleep(0.5)
            follower.interrupt()
    if end != "SIGKILL":  # what ends in order is given time
        wall += GRACE_SECONDS + (EVALUATION if end == "one" else 0.0)
    left = wait_until(lambda: not kit.family(tmp_path, "-IS"), wall)
    with contextlib.suppress(OSError):
        follower.process.kill()
    follower.ended()
    if end != "closed":
        follower.close()
    tally(daemons_swept=6, orphans=0 if left else 1)


def test_a_study_trains_on_when_its_terminal_is_closed(paths, tmp_path, reference, full):
    if not full:
        pytest.skip("part of the full form")
    expected = reference(study_text(trials=4, steps=60), SCRIPT)
    file = write_study(tmp_path, study_text(trials=4, steps=60, pause=fixed(0.05)))
    events = tmp_path / "events.jsonl"
    arguments = ("run", str(file), "--lab", str(paths.db), "--events", str(events))
    terminal = Terminal(*arguments, cwd=tmp_path)
    wait_until(lambda: len(kit.acknowledgements(events)) > 5)
    terminal.close()
    assert terminal.ended() != 0
    trials = wait_for_state(paths, "s", "completed")
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 4
    kit.check_invariants(paths, expected, events)


# -- floods -------------------------------------------------------------------------------------

FLOOD = 'BEGIN {{ for (i = 1; i <= {n}; i++) printf "{{\\"step\\": %d, \\"a\\": 1.5}}\\n", i; '
FLOOD += 'printf "{{\\"step\\": {n}, \\"validation/error_rate\\": 1}}\\n" }}'
LONG = 'BEGIN {{ for (i = 0; i < {n}; i++) printf "%1000000s", "x"; print ""; '
LONG += 'print "{{\\"step\\": 5, \\"validation/error_rate\\": 1}}" }}'


def flooding(paths, folder, program, *, steps):
    """Run a program of awk; give its trial, and the most memory (kB) of runner and worker."""
    (folder / "flood.awk").write_text(program)
    text = study_text(trials=1, steps=steps, every=steps)
    file = write_study(folder, text.replace("{python: train.py:train}",
                                            "{command: [awk, -f, flood.awk]}"))  # fmt: skip
    submit(paths, file)
    most = {"runner": 0, "worker": 0}
    with Lab(paths) as lab:
        while lab.study("s").state not in ("completed", "stopped"):
            for role in most:
                for pid in kit.family(folder, role):
                    with contextlib.suppress(OSError, TypeError):
                        said = Path(f"/proc/{pid}/status").read_text()
                        size = int(re.search(r"VmHWM:\s+(\d+)", said)[1])
                        most[role] = max(most[role], size)
            time.sleep(0.1)
    return wait_for_state(paths, "s", "completed")[0], most


def test_a_flood_of_lines_is_held_back_and_none_is_lost(paths, tmp_path, rounds, tally):
    count = rounds(short=100_000, full=5_000_000)
    trial, most = flooding(paths, tmp_path, FLOOD.format(n=count), steps=count)
    assert (trial.state, trial.reason) == GOOD
    assert sum(most.values()) <= MOST_MEMORY
    assert sum(key[1] == "a" for key in kit.stored_points(paths)) == count
    tally(lines=count, lines_a_second=int(count / trial.seconds), flood_kB=sum(most.values()))


def test_a_line_of_100_megabytes_takes_no_memory(paths, tmp_path, rounds, tally):
    trial, most = flooding(paths, tmp_path, LONG.format(n=rounds(short=5, full=100)), steps=5)
    assert (trial.state, trial.reason) == GOOD
    assert sum(most.values()) <= MOST_MEMORY
    assert paths.trial_log(trial.id).stat().st_size < 1_100_000
    tally(long_line_kB=sum(most.values()))


# -- values -------------------------------------------------------------------------------------


def test_every_payload_reaches_a_program_byte_for_byte(paths, tmp_path, tally):
    """S2: through the study file, the lab, a worker and `exec`, 200 and more in one trial."""
    from tests.trainers.test_command_arguments import PAYLOADS

    payloads = [p for p in PAYLOADS if "\udce9" not in p]  # a study file is UTF-8
    assert len(payloads) >= 200
    names = [f"p{n}" for n in range(len(payloads))]
    values = {name: fixed(value) for name, value in zip(names, payloads, strict=True)}
    tell = (
        "import os, sys\n"
        'open("seen", "wb").write(b"\\0".join(os.fsencode(a) for a in sys.argv[1:]))\n'
        'print(\'{"step": 5, "validation/error_rate": 1}\')\n'
    )
    argv = ", ".join(f'"{{{name}}}"' for name in names)
    text = study_text(trials=1, steps=5, **values)
    trainer = f"{{command: [{sys.executable}, -S, train.py, {argv}]}}"
    text = text.replace("{python: train.py:train}", trainer)
    (trial,) = run(paths, write_study(tmp_path, text, tell))
    assert (trial.state, trial.reason) == GOOD
    assert (tmp_path / "seen").read_bytes().split(b"\0") == [os.fsencode(p) for p in payloads]
    tally(payloads=len(payloads))


# -- the lab's folder ---------------------------------------------------------------------------

VANDAL = """
import os, shutil
def train(trial):
    files = os.path.join(os.path.dirname(os.path.abspath("lab.db")), "lab.files")
    for step in trial.steps():
        trial.log(step, {"validation/error_rate": 1 / step})
        if trial.params["mode"] == "writes" and step == 2:
            for folder, _, _ in list(os.walk(files)):
                open(os.path.join(folder, "stray.json"), "w").write("{")
                os.makedirs(os.path.join(folder, "tmp-odd"), exist_ok=True)
        if trial.params["mode"] == "removes" and step == 2:
            shutil.rmtree(os.path.join(files, "checkpoints"), ignore_errors=True)
        if trial.should_evaluate(step):
            trial.checkpoint(step, b"state")
"""


def test_a_trainer_that_writes_in_the_labs_folder_harms_no_row(paths, tmp_path):
    text = study_text(trials=1, steps=5, every=5, mode=arms("fine", "writes", "removes", "last"))
    trials = run(paths, write_study(tmp_path, text, VANDAL), slots=1)
    found = {t.params["mode"]: t.state for t in trials}
    assert found["fine"] == found["writes"] == found["last"] == "completed"
    assert not kit.faults_of_file(paths)
    shutil.rmtree(tmp_path / "lab.files", ignore_errors=True)
