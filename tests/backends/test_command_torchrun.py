"""A command that is torchrun: two ranks train together, one of them reports (P48)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from labtui.trainer.trial import Diverged, Stopped
from tests.support.commands import attempt
from tests.trainers.test_command_stop import kept, stop_at

pytestmark = pytest.mark.backend

SCRIPT = """
import os, time
import torch
import torch.distributed as dist
import labtui

dist.init_process_group("gloo")
rank = dist.get_rank()
trial = labtui.current_trial()
loaded = trial.restore(torch.load)
weight = torch.zeros(3) if loaded is None else loaded
for step in trial.steps():
    # The same seed for the model, other data for each rank.
    data = torch.Generator().manual_seed(trial.seed * 1000003 + step * 101 + rank)
    target = torch.ones(3) + 0.1 * torch.randn(3, generator=data)
    gradient = 2 * (weight - target)
    dist.all_reduce(gradient)
    weight = weight - trial.params["learning_rate"] * gradient / dist.get_world_size()
    loss = ((weight - target) ** 2).sum()
    dist.all_reduce(loss)
    time.sleep(float(os.environ.get("PAUSE", 0)))
    trial.log(step, {"train/loss": loss / 2})
    if trial.should_evaluate(step):
        trial.log(step, {"validation/loss": ((weight - 1) ** 2).sum()})
        trial.checkpoint(step, lambda path: torch.save(weight, path))
os.write(1, f"rank {rank} is done\\n".encode())  # whole: two ranks share one output
dist.destroy_process_group()
"""


@pytest.fixture
def torchrun(tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    module = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return [*module, str(tmp_path / "script.py")]


def points_of(found):
    return [point for point in found.points if point[0] != "step_time"]


def test_two_ranks_are_one_trial_and_resume_where_they_were(torchrun, tmp_path, monkeypatch, capfd):
    whole = attempt(torchrun, {"learning_rate": 0.1}, seed=3, folder=tmp_path / "whole")
    assert [step for name, step, _ in whole.points if name == "train/loss"] == [*range(1, 51)]
    assert [step for name, step, _ in whole.points if name == "validation/loss"] == [
        1, 10, 20, 30, 40, 50,
    ]  # fmt: skip
    assert whole.points[-1][2] < 0.1
    said = capfd.readouterr().out
    assert "rank 0 is done" in said
    assert "rank 1 is done" in said

    monkeypatch.setenv("PAUSE", "0.02")
    stopped = attempt(
        torchrun,
        {"learning_rate": 0.1},
        seed=3,
        folder=tmp_path / "stopped",
        prepare=stop_at(12),
        expect=Stopped,
    )
    assert stopped.error.step == 20
    assert max(kept(stopped)) == 20
    assert not _ranks(tmp_path)

    monkeypatch.setenv("PAUSE", "0")
    resumed = attempt(
        torchrun,
        {"learning_rate": 0.1},
        seed=3,
        folder=tmp_path / "resumed",
        start_step=20,
        resume_path=str(tmp_path / "stopped" / "a1-s20" / "state"),
    )
    after = [point for point in points_of(whole) if point[1] > 20]
    assert points_of(resumed) == after


def test_a_divergence_ends_all_ranks(torchrun, tmp_path):
    found = attempt(torchrun, {"learning_rate": 1e30}, expect=Diverged)
    assert found.error.step <= 10
    assert not _ranks(tmp_path)


def _ranks(folder):
    """List the processes that run the script of this test."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(folder / "script.py") in line and state != "Z":
                found.append(line)
    return found
