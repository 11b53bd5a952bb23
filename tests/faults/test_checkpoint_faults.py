"""A checkpoint is whole or absent: killed while it is written, cut short, or with a bit flipped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.trainer.checkpoints import DATA, MANIFEST, is_whole
from tests.faults import kit, power_checkpoints
from tests.faults.power_checkpoints import KEEP, STEP, state, value
from tests.faults.power_disk import STRACE
from tests.support.engine import (
    SCRIPT,
    fixed,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

LAST = 50
CALLS = "openat,write,fsync,mkdir,rename,unlinkat,close"
"""What a checkpoint is written, renamed and removed with."""

SYNCS = 5
"""Of one checkpoint: state, manifest, their folder, the trial's folder and the one above it."""


def places(root):
    """Name every file and folder that the session works on."""
    names = [f"tmp-1-{s}" for s in range(STEP, LAST + 1, STEP)]
    names += [f"a1-s{s}" for s in range(STEP, LAST + 1, STEP)]
    inside = [root / name / file for name in names for file in ("", DATA, MANIFEST)]
    return [root.parent, root, *inside]


def session(folder, inject, *how):
    """Write checkpoints, killed by `inject`; gives the folder, what was announced, exit code."""
    root, log = folder / "checkpoints" / "t1", folder / "log"
    root.parent.mkdir(parents=True)
    log.touch()
    only = [argument for path in places(root) for argument in ("-P", str(path))]
    trace = ["-f", "-qq", "-e", f"trace={CALLS}", "-o", folder / "trace", *how, *only, *inject]
    found = subprocess.run(
        [STRACE, *trace, sys.executable, power_checkpoints.__file__, root, log, str(LAST)],
        check=False,
        capture_output=True,
    )
    return root, [json.loads(line) for line in log.read_text().splitlines()], found.returncode


@pytest.mark.skipif(STRACE is None, reason="strace kills at a chosen call")
def test_killed_at_any_call_it_leaves_whole_checkpoints_alone(tmp_path, rng, full, tally):
    session(tmp_path / "whole", [])
    lines = (tmp_path / "whole" / "trace").read_text().splitlines()
    counts = Counter(line.split(None, 1)[1].partition("(")[0] for line in lines)
    moments = [(call, n + 1) for call in CALLS.split(",") for n in range(counts[call])]
    in_the_middle = rng.choice([moment for moment in moments if moment[0] == "write"])
    kills = 0
    for call, when in moments if full else [in_the_middle, *rng.sample(moments, 2)]:
        inject = ["-e", f"inject={call}:signal=KILL:when={when}"]
        root, said, code = session(tmp_path / f"{call}-{when}", inject)
        assert code != 0
        kills += 1
        rows = {message["step"]: message["folder"] for message in said if "folder" in message}
        kept = [message for message in said if message["kind"] == "kept"]
        if kept:
            steps, best = set(kept[-1]["steps"]), kept[-1]["best"]
            newest = max(steps)
            seen = sorted(range(STEP, newest + 1, STEP), key=value)
            assert best == sorted(seen[:KEEP])
            assert steps == {newest, *best}
            rows = {step: rows[step] for step in rows if step in steps or step > newest}
        for step, name in rows.items():  # all that a row names can be loaded
            assert is_whole(str(root / name)), (call, when, name)
            assert (root / name / DATA).read_bytes() == state(step)
        gone = {m["folder"] for m in said if "folder" in m} if kept else set()  # being removed
        for entry in root.iterdir() if root.exists() else []:
            assert entry.name.startswith("tmp-") or entry.name in gone or is_whole(str(entry))
    assert counts["rename"] == len(range(STEP, LAST + 1, STEP))
    tally(checkpoint_kills=kills)


@pytest.mark.skipif(STRACE is None, reason="strace makes a call fail")
def test_a_sync_that_fails_announces_nothing(tmp_path, rng, full):
    """An error of the disk ends the trial; what was announced before it is whole."""
    number = SYNCS * len(range(STEP, LAST + 1, STEP))
    one_of_each = [n + SYNCS * rng.randrange(number // SYNCS) for n in range(1, SYNCS + 1)]
    for when in range(1, number + 1) if full else one_of_each:
        inject = ["-e", f"inject=fsync:error=EIO:when={when}"]
        root, said, code = session(tmp_path / str(when), inject)
        assert code != 0
        names = [message["folder"] for message in said if "folder" in message]
        assert len(names) < len(range(STEP, LAST + 1, STEP))
        assert len(names) == (when - 1) // SYNCS
        for name in names:
            assert is_whole(str(root / name)) or not (root / name).exists()  # no longer kept


@pytest.mark.skipif(STRACE is None, reason="strace notes what is synced")
def test_all_of_a_checkpoint_is_synced_before_it_is_announced(tmp_path):
    """The state, its manifest, their folder, and after the rename the folders above: a power cut
    leaves what was announced."""
    log = tmp_path / "log"
    root, said, code = session(tmp_path, [], "-y", "-P", log)
    assert code == 0
    lines = (tmp_path / "trace").read_text().splitlines()
    synced = [found[1] for line in lines if (found := re.search(r" fsync\(\d+<([^>]*)>\)", line))]
    names = [message["folder"] for message in said if "folder" in message]
    expected = []
    for name in names:
        staged = root / name.replace("a1-s", "tmp-1-")
        expected += [staged / DATA, staged / MANIFEST, staged, root, root.parent]
        expected += [log, log]  # it is announced, and what is kept
    assert synced == [str(path) for path in expected]
    renamed = [number for number, line in enumerate(lines) if " rename(" in line]
    for number, name in zip(renamed, names, strict=True):
        before = [line for line in lines[:number] if " fsync(" in line and f"tmp-{name[1]}" in line]
        assert len(before) == 3 * (names.index(name) + 1)


def damage(folder: Path, rng, how):
    """Cut a file of a checkpoint short, or flip one bit of it."""
    file = folder / rng.choice([DATA, MANIFEST])
    content = bytearray(file.read_bytes())
    if how == "truncated":
        del content[rng.randrange(len(content)) :]
    else:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_a_damaged_checkpoint_is_told(tmp_path, rng, rounds, tally, how):
    from labtui.trainer.checkpoints import Keeper

    folder = tmp_path / "t1"
    for number in range(rounds(short=20, full=500)):
        keeper = Keeper(
            str(folder), 1, keep=1, minimize=True, announce=lambda _: None, interval=0.0
        )
        keeper.offer(number, state(number), 0.5, final=True)
        written = folder / f"a1-s{number}"
        assert is_whole(str(written))
        before = {file: file.read_bytes() for file in written.iterdir()}
        damage(written, rng, how)
        still = all(_means_the_same(file, content) for file, content in before.items())
        assert is_whole(str(written)) == still
        tally(damaged_checkpoints=1)


def _means_the_same(file: Path, content: bytes) -> bool:
    """Say whether a file holds what it held; of the manifest, what a state is checked against."""
    if file.name != MANIFEST:
        return file.read_bytes() == content
    try:
        return json.loads(file.read_bytes())["files"] == json.loads(content)["files"]
    except (ValueError, KeyError):
        return False


@pytest.mark.parametrize("part", range(4))
def test_a_trial_resumes_from_the_one_before_and_says_so(
    paths, tmp_path, reference, rng, full, tally, part
):
    if part and not full:
        pytest.skip("one trial; make test-faults damages the checkpoints of a hundred")
    trials, labs = (5, 5) if full else (1, 1)
    expected = reference(_keeping(trials, 0), SCRIPT)
    for number in range(labs):
        folder = tmp_path / str(number)
        paths, events = LabPaths(folder / "lab.db"), folder / "events.jsonl"
        file = write_study(folder, _keeping(trials, 0.03))
        _stop_all(paths, file, events, trials)
        with Lab(paths) as lab:
            ids = [trial.id for trial in lab.trials("s")]
            told = {trial: _damage_newest(paths, lab, trial, rng) for trial in ids}
            submit(paths, file, events=events, slots=trials)
            wait_for_state(paths, "s", "completed")
            for trial in ids:
                assert lab.warnings(trial) == [told[trial]]
                best = [row.step for row in lab.checkpoints(trial) if row.best]
                (curve,) = lab.curves([trial], "validation/error_rate")
                ranked = sorted(zip(curve.values, curve.steps, strict=True))
                assert best == sorted(step for _, step in ranked[:2])
                tally(damaged_checkpoints=1, resumed_from_the_one_before=1)
        kit.check_invariants(paths, expected, events)


def _keeping(trials, pause):
    return study_text(trials=trials, steps=60, pause=fixed(pause)) + "keep_checkpoints: 2\n"


def _stop_all(paths, file, events, trials):
    """Train all trials at once, and stop them in the middle."""
    submit(paths, file, events=events, slots=trials)
    with Lab(paths) as lab:
        wait_until(lambda: all(trial.step > 20 for trial in lab.trials("s")))
    client.stop(paths, "s")
    wait_for_state(paths, "s", "stopped")
    wait_until(lambda: not kit.family(paths.db.parent))


def _damage_newest(paths, lab, trial, rng):
    """Damage the newest checkpoint of a trial; gives what is to be said of it."""
    rows, root = lab.checkpoints(trial), paths.checkpoint_folder(trial)
    newest = rows[-1]
    damage(root / newest.folder, rng, rng.choice(["truncated", "flipped"]))
    if is_whole(str(root / newest.folder)):  # a bit that means nothing was flipped
        (root / newest.folder / DATA).unlink()
    before = rows[-2].step
    return (
        f"its checkpoint at step {newest.step} is damaged: it goes on from the one at step {before}"
    )
