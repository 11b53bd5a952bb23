"""The queue of a runner that trains, and what it says of its slots."""

import os
import signal
import subprocess
import sys

import pytest

from labtui.engine import client, devices
from labtui.engine.usage import from_ps, uses
from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from tests.support.engine import (
    SCRIPT,
    fixed,
    processes,
    run,
    runner_pid,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

BUSY = SCRIPT.replace("time.sleep(pause)", "sum(i * i for i in range(100_000))")


def put(paths, folder, name, *, trials=6, pause=0.01, script=SCRIPT, **more):
    text = study_text(name, trials=trials, pause=fixed(pause), **more)
    return submit(paths, write_study(folder / name, text, script), slots=1)


def order(paths, *names):
    """Name the trials of some studies in the order in which they began."""
    with Lab(paths) as lab:
        trials = [trial for name in names for trial in lab.trials(name)]
    return [trial.name for trial in sorted(trials, key=lambda trial: trial.started)]


def kill(paths):
    os.kill(runner_pid(paths), signal.SIGKILL)
    wait_until(lambda: not processes(paths))


def begun(paths, name):
    with Lab(paths) as lab:
        wait_until(lambda: any(trial.started for trial in lab.trials(name)))


# -- slots --------------------------------------------------------------------------------------


def test_slots_say_what_trains_until_the_runner_is_killed(paths, tmp_path):
    put(paths, tmp_path, "s", steps=100_000, script=BUSY)
    with Lab(paths) as lab:

        def measured():
            slots = lab.slots()
            return slots if slots and slots[0].step and slots[0].utilization else []

        (slot,) = wait_until(measured)
        assert (slot.slot, slot.device, slot.trial, slot.study) == (1, "cpu", "s/0", "s")
        assert 0 < slot.step <= slot.max_steps == 100_000
        assert 0 < slot.step_time < 10
        assert 0 < slot.utilization <= 1
        assert 1 << 20 < slot.memory < 1 << 33
        assert slot.pid in processes(paths, "bootstrap")
        assert lab.runner_record().pid == runner_pid(paths)
        assert lab.runner_record().slots == 1
        wait_until(lambda: lab.slots_updated() != slot.updated)
        assert lab.slots()[0].step > slot.step
        kill(paths)
        assert (lab.slots(), lab.runner_record(), lab.queue()) == ([], None, ["s"])


def test_slots_are_gone_when_the_runner_has_ended(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text("s", trials=2)))
    with Lab(paths) as lab:
        assert (lab.slots(), lab.slots_updated(), lab.queue()) == ([], "", [])


def test_a_gpus_slot_has_the_use_and_memory_of_the_gpu(paths, tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    used = 'echo "0, 37, 1024"; echo "1, [N/A], 5"'
    tool.write_text(f'#!/bin/sh\ncase "$1" in *memory*) {used};; *) echo 0;; esac\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices.devices.cache_clear()
    try:
        assert devices.gpu_use() == {"cuda:0": devices.GpuUse(0.37, 1 << 30)}
        put(paths, tmp_path, "s", trials=1, pause=0.05, steps=100_000)
        with Lab(paths) as lab:
            (slot,) = wait_until(lambda: [one for one in lab.slots() if one.step])
        assert (slot.device, slot.utilization, slot.memory) == ("cuda:0", 0.37, 1 << 30)
        kill(paths)
    finally:
        devices.devices.cache_clear()


def test_what_a_process_uses_includes_those_below_it():
    child = "import time; x = b'x' * (1 << 26); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        found = uses([os.getpid(), process.pid, 1 << 30])
        assert set(found) == {os.getpid(), process.pid}
        assert found[process.pid].memory > 1 << 26
        assert found[os.getpid()].memory > found[process.pid].memory + (1 << 20)
        assert found[os.getpid()].seconds >= sum(os.times()[:2]) - 1
        said = {pid: (parent, use) for pid, parent, use in from_ps()}
        assert said[process.pid][0] == os.getpid()
        assert said[process.pid][1].memory == pytest.approx(found[process.pid].memory, rel=0.1)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# -- the queue ----------------------------------------------------------------------------------


def test_a_moved_study_is_served_next_and_those_that_train_go_on(paths, tmp_path):
    for name in ("a", "b", "c"):
        put(paths, tmp_path, name, trials=3, steps=20)
    begun(paths, "a")
    found = client.move(paths, "c", 0)
    assert found == {"study": "c", "place": 0, "queue": ["c", "a", "b"]}
    with Lab(paths) as lab:
        assert lab.queue() == ["c", "a", "b"]
    client.move(paths, "a", -1)
    wait_for_state(paths, "a", "completed")
    trained = order(paths, "a", "b", "c")
    first = trained.index("c/0")  # a's trial that trained, and one that its worker held by then
    assert 1 <= first <= 2
    assert trained[first:][:6] == ["c/0", "c/1", "c/2", "b/0", "b/1", "b/2"]
    with Lab(paths) as lab:
        assert {trial.attempt for trial in lab.trials("a")} == {1}  # nothing was begun again


def test_the_order_survives_the_runners_death(paths, tmp_path):
    for name in ("a", "b", "c"):
        put(paths, tmp_path, name, trials=2, steps=30)
    begun(paths, "a")
    client.move(paths, "c", 0)
    kill(paths)
    with Lab(paths) as lab:
        assert lab.queue() == ["c", "a", "b"]
    assert client.move(paths, "b", 1)["queue"] == ["c", "b", "a"]  # no runner: written at once
    client.resume(paths, "a", slots=1)
    wait_for_state(paths, "a", "completed")
    trained = order(paths, "b", "c")
    assert trained == ["c/0", "c/1", "b/0", "b/1"]
    with Lab(paths) as lab:
        ends = [trial.finished for name in ("b", "a") for trial in lab.trials(name)]
    assert ends == sorted(ends)


def test_a_study_that_is_resumed_waits_behind_the_others(paths, tmp_path):
    for name in ("a", "b"):
        put(paths, tmp_path, name, trials=4, pause=0.02)
    begun(paths, "a")
    client.stop(paths, "a", now=True)
    wait_for_state(paths, "a", "stopped")
    client.resume(paths, "a")
    with Lab(paths) as lab:
        assert lab.queue() == ["b", "a"]
    kill(paths)
    with Lab(paths) as lab:
        assert lab.queue() == ["b", "a"]


def test_what_cannot_be_moved_is_said(paths, tmp_path):
    run(paths, write_study(tmp_path / "done", study_text("done", trials=1)))
    put(paths, tmp_path, "stopped", trials=9, pause=0.02)
    client.stop(paths, "stopped", now=True)
    wait_for_state(paths, "stopped", "stopped")
    put(paths, tmp_path, "waits", trials=9, pause=0.02)
    for name, place, message in (
        ("wait", 0, "did you mean 'waits'"),
        ("waits/0", 0, "no study 'waits/0'"),
        ("done", 0, "'done' is completed: it is not in the queue; no trial of it waits"),
        ("stopped", 0, "'stopped' is stopped: .* `labtui run stopped` resumes it"),
        ("waits", 1, r"place 2: the queue has 1; expected 1 \(the next\) to 1"),
        ("waits", -2, "place -1"),
    ):
        with pytest.raises((UnknownName, client.RequestRefused), match=message):
            client.move(paths, name, place)
    kill(paths)
