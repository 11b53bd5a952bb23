"""What a trainer leaves running is ended before the next trial gets its place (R6)."""

import json
import sys

import pytest

from tests.support.engine import arms, run, study_text, write_study

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own")

LEAVES = """
import concurrent.futures, gc, json, multiprocessing, os, subprocess, sys, time

LEFT = []
KEPT = None

def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

def square(x):
    return x * x

def train(trial):
    global KEPT
    mode = trial.params["mode"]
    seen = "pids.json"
    before = json.load(open(seen)) if os.path.exists(seen) else []
    pids = []
    if mode == "child":
        pids.append(subprocess.Popen(["sleep", "987"]).pid)
    if mode == "session":
        pids.append(subprocess.Popen(["sleep", "987"], start_new_session=True).pid)
    if mode == "daemon":
        line = subprocess.run(["sh", "-c", "setsid sleep 987 >/dev/null 2>&1 & echo $!"],
                              capture_output=True, text=True).stdout
        pids.append(int(line))
    if mode == "pool kept":
        KEPT = concurrent.futures.ProcessPoolExecutor(1)
        assert list(KEPT.map(square, [3])) == [9]
        pids += list(KEPT._processes)
    if mode == "pool dropped":
        pool = multiprocessing.get_context("spawn").Pool(1)
        assert pool.map(square, [3]) == [9]
        pids += [one.pid for one in pool._pool]
        del pool
    if mode == "after":
        assert KEPT is None or mode == "pool kept", "a pool whose processes are dead"
    json.dump(before + pids, open(seen, "w"))
    trial.log(1, {"validation/error_rate": float(sum(alive(one) for one in before)),
                  "started": float(len(pids)), "worker": float(os.getpid())})
"""


def test_what_a_trial_started_is_dead_before_the_next_begins(paths, tmp_path):
    modes = [
        "child",
        "after 1",
        "session",
        "daemon",
        "pool kept",
        "after 2",
        "pool dropped",
        "after 3",
    ]
    script = LEAVES.replace('mode == "after"', 'mode.startswith("after")')
    file = write_study(tmp_path, study_text(trials=1, steps=1, mode=arms(*modes)), script)
    trials = {one.params["mode"]: one for one in run(paths, file, slots=1)}
    assert [
        (name, one.state, one.reason) for name, one in trials.items() if one.state != "completed"
    ] == []
    assert {name: one.value for name, one in trials.items()} == dict.fromkeys(modes, 0.0)
    assert len(json.loads((tmp_path / "pids.json").read_text())) == 5
