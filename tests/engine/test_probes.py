"""Probes with real workers: sizes that do not fit, studies of the lab, and nothing left behind."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from labtui.analysis.throughput import Size
from labtui.engine import client, probe_memory, probe_stability, probes
from labtui.engine.guard import PR_SET_CHILD_SUBREAPER
from labtui.engine.plugins import TrainerError
from labtui.engine.probe_subject import ProbeError, find_subject, middle
from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from labtui.store.lock import WriterLock
from labtui.store.paths import LabPaths
from labtui.study.errors import StudyError
from labtui.study.spec import parse_study
from tests.support.engine import run, study_text, wait_for_state, wait_until, write_study

SCRIPT = """
import os, signal, time

def train(trial):
    size, mode, kept = trial.params["size"], trial.params.get("mode", "fine"), []
    for step in range(1, trial.max_steps + 1) if mode == "silent" else trial.steps():
        if size >= 32:
            act(mode, trial)
        kept.append(bytearray(size * 1_000_000) if mode == "hoard" else b"")
        # More memory at no more time: nothing but memory can end such a climb.
        time.sleep(0.002 if mode in ("hoard", "apple") else 0.0001 * size)
        trial.log(step, {"train/loss": 1.0 / step})
        if mode == "apple":
            trial.log(step, {"memory_share": size / 36})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/loss": 1.0 / step, "validation/error_rate": 0.5})

def act(mode, trial):
    if mode == "memory":
        raise MemoryError("cannot allocate 99 GiB")
    if mode == "kill":
        print("allocating", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "refuse":
        raise ValueError("size: found 32; expected at most 20")
    if mode == "diverge":
        trial.log(1, {"validation/loss": float("nan")})
    if mode == "hang":
        time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _no_reaper():
    """A pool makes its process the reaper of orphans; other tests' runners are not to come here."""
    yield
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert not [pid for pid in probe_memory.children([os.getpid()]) if "bootstrap" in _line(pid)]


def _line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


@pytest.fixture
def script(tmp_path):
    return write_study(
        tmp_path / "own",
        study_text("own", size={"role": "fixed", "value": 8}),
        SCRIPT,
    )


def probe(file, paths, *params, **options):
    subject = find_subject(str(file), paths, params=params)
    return probes.probe_batch_size(subject, name="size", **{"steps": 8, **options})


# -- climbing -----------------------------------------------------------------------------------


class Machine:
    """Answers like a machine that gains up to a size, was slow for a while, and has a limit."""

    def __init__(self, saturation, largest=2**20, slow=()):
        self.saturation, self.largest, self.slow = saturation, largest, set(slow)
        self.asked = []

    def __call__(self, size):
        self.asked.append(size)
        if size > self.largest:
            return Size(size, outcome="out of memory")
        factor = 3.0 if len(self.asked) in self.slow else 1.0
        return Size(size, (factor * max(1.0, size / self.saturation),), memory=len(self.asked))


def test_the_climb_ends_after_two_doublings_without_gain_and_repeats_every_size():
    machine = Machine(32)
    sizes = probes.climb(machine, 8)
    assert [size.batch_size for size in sizes] == [8, 16, 32, 64, 128]
    assert machine.asked == [8, 16, 32, 64, 128] * 2
    assert [len(size.step_times) for size in sizes] == [2] * 5


def test_a_busy_moment_does_not_end_the_climb():
    machine = Machine(256, slow={4, 5})
    sizes = probes.climb(machine, 8)
    assert [size.batch_size for size in sizes][-1] == 1024
    assert [size.step_time for size in sizes] == [1, 1, 1, 1, 1, 1, 2, 4]
    assert max(size.spread for size in sizes) == 2.0


def test_the_climb_ends_at_a_size_that_cannot_be_measured_and_does_not_try_it_again():
    machine = Machine(1024, largest=40)
    sizes = probes.climb(machine, 16)
    assert [size.measured for size in sizes] == [True, True, False]
    assert machine.asked == [16, 32, 64, 16, 32]
    assert sizes[0].memory == 1


# -- real trials --------------------------------------------------------------------------------


def test_the_numpy_trainer_ends_at_the_number_of_its_examples(paths):
    told = []
    subject = find_subject("digits-mlp", paths, params=["width=8"])
    found = probes.probe_batch_size(subject, steps=8, smallest=256, tell=told.append)
    # Whether a size pays is the machine's business; but the training set ends it in any case.
    assert [size.batch_size for size in found.sizes][:3] == [256, 512, 1024]
    assert found.end in ("refused", "no-gain")
    if found.end == "refused":
        assert "2048; expected at most 1077" in found.reason
    first = found.sizes[0]
    assert len(first.step_times) == 2
    assert 0 <= first.data_wait < first.step_time < 1
    assert 5e6 < first.memory < 1e10
    assert (found.device, found.by_clock, "batch_size" in found.params) == ("cpu", False, False)
    assert [size.batch_size for size in told][:3] == [256, 512, 1024]
    assert not paths.db.exists()


@pytest.mark.parametrize(
    ("mode", "end", "words"),
    [
        ("memory", "memory", "out of memory: cannot allocate 99 GiB"),
        ("kill", "memory", "SIGKILL, by hand or for want of memory; it printed last: allocating"),
        ("refuse", "refused", "ValueError: size: found 32; expected at most 20"),
        ("diverge", "refused", "diverged at step 1"),
    ],
)
def test_a_size_that_cannot_be_trained_ends_the_probe_and_is_shown(paths, script, mode, end, words):
    found = probe(script, paths, f"mode={mode}")
    assert [size.batch_size for size in found.sizes] == [8, 16, 32]
    assert found.end == end
    assert words in found.sizes[-1].outcome
    assert found.reason == f"32: {found.sizes[-1].outcome}"


def test_a_worker_that_takes_too_much_memory_is_killed(paths, script, monkeypatch):
    monkeypatch.setattr(probes, "free_memory", lambda: 4 * 10**8)
    found = probe(script, paths, "mode=hoard", steps=40, smallest=1)
    assert found.end == "memory"
    assert "more than 80% of the memory that was free" in found.reason
    taken = [size.memory for size in found.sizes if size.measured]
    assert taken[0] > 40e6  # 40 updates of a megabyte each, beside the interpreter
    assert taken == sorted(taken)


def test_a_gpu_that_shares_memory_is_not_filled_beyond_what_is_recommended(paths, script):
    """There is no such GPU here: a script says what torch's and MLX's trainers say on one."""
    found = probe(script, paths, "mode=apple", steps=40)
    assert [size.batch_size for size in found.sizes] == [8, 16, 32]
    assert found.end == "memory"
    said = "32: out of memory: it took more than 80% of the memory recommended for the device"
    assert found.reason == said


def test_a_trainer_that_times_nothing_is_timed_by_the_clock(paths, script):
    found = probe(script, paths, "mode=silent", steps=100, smallest=16)
    assert found.by_clock
    for size in found.sizes:  # blocks of points arrive every 50 ms
        assert 0.00005 * size.batch_size < size.step_time < 0.01 * size.batch_size


@pytest.mark.parametrize(
    ("mode", "hint"), [("memory", "--from 1"), ("diverge", "a lower rate"), ("refuse", "at most")]
)
def test_a_first_size_that_cannot_be_trained_is_an_error_with_a_hint(paths, script, mode, hint):
    with pytest.raises(ProbeError, match=hint):
        probe(script, paths, f"mode={mode}", smallest=32)


def test_a_stable_time_takes_twenty_steps_and_a_second():
    asked = []

    class Bench:
        def train(self, name, size, steps, every):
            asked.append((steps, every))
            attempt = probes.Attempt("completed")
            attempt.times["step_time"] = {1: 9.0, every: 9.0, 2 * every: 0.01, 3 * every: 0.02}
            return attempt

    known = {}
    probes._measure(Bench(), "size", 8, None, known)
    assert asked == [(28, 7), (4 * 25, 25)]
    probes._measure(Bench(), "size", 8, None, known)
    assert len(asked) == 3
    probes._measure(Bench(), "size", 8, 10, known)
    assert asked[-1] == (10, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_probe_leaves_no_process(tmp_path, number):
    file = write_study(tmp_path, study_text("own", size={"role": "fixed", "value": 32}), SCRIPT)
    command = [sys.executable, "-m", "labtui.cli.app", "probe", "batch-size", str(file)]
    command += ["--param", "mode=hang", "--batch-size-name", "size", "--from", "32"]
    process = subprocess.Popen(
        [*command, "--lab", str(tmp_path / "lab.db")],
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    workers = wait_until(
        lambda: [p for p in probe_memory.children([process.pid]) if "bootstrap" in _line(p)]
    )
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert b"Traceback" not in err
    wait_until(lambda: not any(_line(pid) for pid in workers))
    if number == signal.SIGINT:
        assert not list(tmp_path.glob("labtui-probe-*"))
    assert not (tmp_path / "lab.db").exists()


# -- what is probed -----------------------------------------------------------------------------


def test_a_workload_of_a_trainer_has_its_defaults(paths):
    found = find_subject("digits-mlp", paths, params=["optimizer=adam", "learning_rate=1e-3"])
    assert (found.trainer["name"], found.metric, found.goal) == (
        "numpy",
        "validation/error_rate",
        "minimize",
    )
    assert (found.params["optimizer"], found.params["learning_rate"]) == ("adam", 0.001)
    assert found.params["width"] == 128
    assert found.ranges["learning_rate"] == (1e-4, 10.0)
    assert found.given == {"optimizer", "learning_rate"}
    assert find_subject("digits-mlp", paths, trainer="torch").trainer["name"] == "torch"


def test_a_script_of_ones_own_has_its_newest_study_and_the_best_trial_there(paths, script):
    trials = run(paths, script)
    found = find_subject("own", paths)
    with Lab(paths) as lab:
        best = lab.study("own").best_trial
    assert found.params == trials[best].params
    assert f"own/{best}" in found.source
    assert found.folder == script.parent
    assert found.steps == 40
    assert found.trainer["options"]["file"] == "train.py"


def test_a_study_file_has_the_middle_of_its_ranges():
    study = parse_study(
        study_text(
            rate={"role": "nuisance", "scale": "log", "range": [1e-4, 1.0]},
            kind={"role": "scientific", "values": ["a", "b"]},
            only_b={"role": "nuisance", "range": [0, 1], "when": {"kind": "b"}},
        )
    )
    found = middle(study)
    assert found["rate"] == pytest.approx(1e-2)
    assert found["u"] == pytest.approx(0.5)
    assert found["kind"] == "a"
    assert "only_b" not in found


@pytest.mark.parametrize(
    ("target", "options", "error", "words"),
    [
        ("digts-mlp", {}, ProbeError, "did you mean 'digits-mlp'"),
        ("digits-mlp", {"trainer": "python"}, ProbeError, "has no workload 'digits-mlp'"),
        ("digits-mlp", {"trainer": "nump"}, TrainerError, "did you mean 'numpy'"),
        ("digits-mlp", {"params": ["width"]}, ProbeError, "expected name=value"),
        ("digits-mlp", {"params": ["=3"]}, ProbeError, "expected name=value"),
        ("digits-mlp", {"params": ["widht=3"]}, ProbeError, "did you mean 'width'"),
        ("nowhere.yaml", {}, StudyError, "no such file"),
    ],
)
def test_what_cannot_be_probed_is_said_with_what_there_is(paths, target, options, error, words):
    with pytest.raises(error, match=words):
        find_subject(target, paths, **options)


def test_a_study_named_for_its_workload_and_another_trainer_than_the_files(paths, script):
    run(paths, script)
    with pytest.raises(ProbeError, match=r"there are .*own \(in this lab\)"):
        find_subject("own2x", paths)
    with pytest.raises(ProbeError, match="asks for 'python'"):
        find_subject(str(script), paths, trainer="numpy")


def test_a_configuration_without_batch_size_is_refused(paths, script):
    with pytest.raises(ProbeError, match=r"no hyperparameter 'batch_size'; it has .*size"):
        probes.probe_batch_size(find_subject(str(script), paths))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1e-3", 0.001),
        ("a=true", True),
        ("a=null", None),
        ("a=adam", "adam"),
        ("a=b=c", "b=c"),
        ("a=[1]", "[1]"),
        ("a=NaN", "NaN"),
        ("a=-Infinity", "-Infinity"),
        ("a=", ""),
    ],
)
def test_values_of_parameters(paths, script, text, value):
    found = find_subject(str(script), paths, params=[text]).params["a"]
    assert (found, type(found)) == (value, type(value))


# -- the card -----------------------------------------------------------------------------------


def owner():
    return {"trainer": "numpy", "metric": "validation/loss", "goal": "minimize"}


def test_the_card_of_a_new_workload_makes_the_lab_and_keeps_other_entries(paths):
    client.put_card(paths, "w", {"a": {"old": 1}, "b": 2}, **owner())
    client.put_card(paths, "w", {"a": {"new": 1}}, **owner())
    with Lab(paths) as lab:
        assert lab.card("w") == {"a": {"new": 1}, "b": 2}
        with pytest.raises(UnknownName, match="did you mean 'w'"):
            lab.card("ww")
    assert WriterLock(paths.lock, "command").release() is None


def test_a_living_runner_writes_the_card(paths, script):
    study = study_text("slow", trials=1, steps=400, size={"role": "fixed", "value": 8})
    file = write_study(script.parent, study, SCRIPT)
    name = client.submit(paths, parse_study(file.read_text()), file=file, folder=file.parent).study
    wait_for_state(paths, name, "running")
    client.put_card(paths, "slow", {"a": 1}, **owner())
    with Lab(paths) as lab:
        assert lab.card("slow") == {"a": 1}
        assert lab.study(name).metric == "validation/error_rate"
    client.stop(paths, name, now=True)
    wait_for_state(paths, name, "stopped")


# -- memory -------------------------------------------------------------------------------------


def test_memory_of_what_is_below_a_process():
    child = "x = bytearray(60_000_000); print(1, flush=True); input(); del x; print(2, flush=True)"
    code = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]); p.wait()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        memory = probe_memory.WorkerMemory([process.pid])
        assert memory.sample() > 60e6
        assert memory.sample() == 0  # a moment ago
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        assert memory.peak() > 60e6
        process.stdin.close()
    assert probe_memory.children([process.pid]) == []


def test_processes_are_listed_alike_with_and_without_proc(monkeypatch):
    with subprocess.Popen(["sleep", "60"]) as process:
        assert process.pid in probe_memory.children([os.getpid()])
        monkeypatch.setattr(probe_memory, "PROC", probe_memory.Path("/nowhere"))
        assert process.pid in probe_memory.children([os.getpid()])
        assert 0 < probe_memory.WorkerMemory([os.getpid()]).peak() < 1e9
        process.kill()
    assert probe_memory.free_memory() > 1e8


def test_a_container_leaves_what_its_limit_leaves(tmp_path):
    assert probe_memory._container(tmp_path) > 1e18
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert probe_memory._container(tmp_path) == 600000
    (tmp_path / "memory.max").write_text("max\n")
    assert probe_memory._container(tmp_path) > 1e18


# -- stability ----------------------------------------------------------------------------------


def test_the_sweep_is_plain_and_over_the_declared_range(paths):
    found = find_subject("digits-mlp", paths, params=["clip_norm=1.5"])
    subject = probe_stability.prepare(found, "learning_rate")
    assert (subject.metric, subject.goal) == ("validation/loss", "minimize")
    assert (subject.params["schedule"], subject.params["clip_norm"]) == ("constant", 1.5)
    rates = probe_stability.choose_rates(subject, "learning_rate", count=6)
    assert rates == [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]
    around = probe_stability.choose_rates(subject, "learning_rate", around=0.1, count=7)
    assert (around[0], around[3], around[-1]) == (0.00316, 0.1, 3.16)
    given = find_subject("digits-mlp", paths, params=["learning_rate=2"])
    rates = probe_stability.choose_rates(given, "learning_rate", count=3)
    assert rates[1] == 2.0


def test_what_cannot_be_swept_is_said(paths, script):
    subject = find_subject(str(script), paths, params=["rate=fast"])
    with pytest.raises(ProbeError, match="no hyperparameter 'lr'; it has "):
        probe_stability.prepare(subject, "lr")
    with pytest.raises(ProbeError, match="'fast'"):
        probe_stability.choose_rates(subject, "rate")
    with pytest.raises(ProbeError, match="0 < low < high"):
        probe_stability.choose_rates(subject, "rate", bounds=(1.0, 0.1))


def sweep(paths, rates=(0.01, 0.1, 1e30), steps=60, **options):
    found = find_subject("digits-mlp", paths, params=["width=8"])
    subject = probe_stability.prepare(found, "learning_rate")
    name = probe_stability.submit_sweep(
        subject, paths, "learning_rate", rates, steps=steps, **options
    )
    wait_for_state(paths, name, "completed")
    return subject, name


def test_a_stability_probe_is_two_studies_that_are_taken_up_and_not_repeated(paths):
    subject, name = sweep(paths)
    dense = probe_stability.submit_dense(subject, paths, "learning_rate", 0.1, name, steps=60)
    trials = wait_for_state(paths, dense, "completed")
    assert (name, dense) == ("digits-mlp-stability", "digits-mlp-stability-dense")
    assert trials[0].params["learning_rate"] == 0.2
    with Lab(paths) as lab:
        assert len(lab.curves([trials[0].id], "validation/loss")[0].steps) == 60
        found = probe_stability.read_stability(lab, subject, name, dense, "learning_rate")
        attempts = [trial.attempt for trial in lab.trials(name)]
        assert json.loads(lab.study(name).source)["study"] == name
    assert found.sweep.best == 0.1
    assert found.sweep.bad == (1e30,)
    assert found.sweep.at_edge is False
    assert found.above == ()
    assert (found.metric, found.curve.unknown) == ("train/loss", "")
    assert found.norms.threshold > 0
    assert found.trials[-1].state == "infeasible"
    assert sweep(paths)[1] == name
    with Lab(paths) as lab:
        assert [trial.attempt for trial in lab.trials(name)] == attempts


def test_another_sweep_of_that_name_is_refused_unless_it_is_to_be_new(paths):
    sweep(paths)
    before = (paths.files / "probes" / "digits-mlp-stability.json").read_text()
    with pytest.raises(ProbeError, match=r"max_train_steps: 60 → 30[\s\S]*--new"):
        sweep(paths, steps=30)
    assert (paths.files / "probes" / "digits-mlp-stability.json").read_text() == before
    assert sweep(paths, steps=30, new=True)[1] == "digits-mlp-stability-2"
    assert find_subject("digits-mlp", paths).steps is None  # probes are not its studies


def test_trials_that_failed_are_left_out_and_named(paths, script):
    subject = find_subject(str(script), paths, params=["mode=refuse", "size=32", "rate=1.0"])
    name = probe_stability.submit_sweep(
        probe_stability.prepare(subject, "rate"), paths, "rate", [0.1, 1.0, 2.0], steps=20
    )
    wait_for_state(paths, name, "stopped", "completed")
    with Lab(paths) as lab:
        found = probe_stability.read_stability(lab, subject, name, "", "rate")
    assert found.sweep.best is None
    assert found.verdict.unstable is None
    assert "3 of 3 trials say nothing" in found.remarks[0]


def test_of_a_study_with_no_lab_yet_nothing_is_made(tmp_path):
    nowhere = LabPaths(tmp_path / "none" / "lab.db")
    find_subject("digits-mlp", nowhere)
    assert not nowhere.db.parent.exists()
