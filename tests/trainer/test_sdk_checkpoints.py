import errno
import json
import os
from pathlib import Path

import pytest

from labtui.trainer import Objective, Stopped, Trial
from labtui.trainer.checkpoints import DATA, MANIFEST, Keeper, is_whole


class Shelf:
    """A keeper with its folder and what it announced."""

    def __init__(self, folder, **options):
        self.folder, self.said = Path(folder), []
        options = {"keep": 1, "minimize": True, **options}
        self.keeper = Keeper(str(folder), 1, announce=self.said.append, **options)

    def offer(self, step, value, save=None, final=False):
        data = save or f"state {step}".encode()
        self.keeper.offer(step, data, value, final=final)

    def kept(self):
        return [m for m in self.said if m["kind"] == "kept"][-1]

    def folders(self):
        return sorted(os.listdir(self.folder)) if self.folder.exists() else []

    def read(self, step):
        return (self.folder / f"a1-s{step}" / DATA).read_text()


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "trial")


def saver(text):
    return lambda path: Path(path).write_text(text)


def test_best_and_last_are_written_at_the_end(shelf):
    for step, value in ((1, 0.9), (10, 0.2), (20, 0.5), (30, 0.4)):
        shelf.offer(step, value, final=step == 30)
    assert shelf.folders() == ["a1-s10", "a1-s30"]
    assert shelf.kept() == {"kind": "kept", "steps": [10, 30], "best": [10]}
    assert (shelf.read(10), shelf.read(30)) == ("state 10", "state 30")
    written = [m for m in shelf.said if m["kind"] == "checkpoint"]
    assert [(m["step"], m["value"], m["folder"]) for m in written] == [
        (10, 0.2, "a1-s10"),
        (30, 0.4, "a1-s30"),
    ]
    assert written[0]["size"] == len("state 10")


def test_nothing_is_written_before_it_is_due(shelf):
    shelf.offer(1, 0.5)
    assert (shelf.folders(), shelf.said) == ([], [])
    shelf.keeper.discard()
    shelf.keeper.write()


@pytest.mark.parametrize(("minimize", "best"), [(True, [10, 40]), (False, [20, 30])])
def test_the_direction_decides_and_the_earlier_wins_a_tie(tmp_path, minimize, best):
    shelf = Shelf(tmp_path, keep=2, minimize=minimize)
    for step, value in ((10, 0.1), (20, 0.9), (30, 0.8), (40, 0.2), (50, 0.2), (60, 0.8)):
        shelf.offer(step, value, final=step == 60)
    assert shelf.kept()["best"] == best
    assert shelf.kept()["steps"] == [*best, 60]


def test_a_state_without_a_value_is_only_ever_the_last(shelf):
    shelf.offer(1, 0.5)
    shelf.offer(2, None)
    shelf.offer(3, None, final=True)
    assert shelf.kept() == {"kind": "kept", "steps": [1, 3], "best": [1]}


def test_an_interval_of_zero_writes_at_once(tmp_path):
    shelf = Shelf(tmp_path, interval=0.0)
    shelf.offer(1, 0.5)
    shelf.offer(2, 0.7)
    assert shelf.folders() == ["a1-s1", "a1-s2"]
    shelf.offer(3, 0.1)
    assert shelf.kept() == {"kind": "kept", "steps": [3], "best": [3]}


def test_callables_save_only_what_may_be_kept(shelf):
    saved = []

    def save(step):
        def write(path):
            saved.append(step)
            Path(path).write_text(f"model {step}")

        return write

    for step, value in ((1, 0.9), (10, 0.2), (20, 0.5), (30, 0.1), (40, 0.3)):
        shelf.offer(step, value, save(step))
    assert saved == [1, 10, 30]
    assert shelf.folders() == ["tmp-1-30"]
    shelf.offer(50, 0.4, save(50), final=True)
    assert shelf.folders() == ["a1-s30", "a1-s50"]
    assert shelf.read(30) == "model 30"


def test_a_folder_can_be_saved(shelf):
    def save(path):
        os.makedirs(os.path.join(path, "parts"))
        Path(path, "parts", "a.bin").write_bytes(b"123")

    shelf.offer(1, 0.5, save, final=True)
    target = shelf.folder / "a1-s1"
    assert list(json.loads((target / MANIFEST).read_text())["files"]) == ["state/parts/a.bin"]
    assert is_whole(str(target))


def test_discarding_removes_what_was_staged(shelf):
    shelf.offer(1, 0.9, saver("a"))
    shelf.offer(2, 0.2, saver("b"))
    shelf.keeper.discard()
    assert shelf.folders() == []


def test_a_saver_that_writes_elsewhere_is_told(shelf):
    with pytest.raises(FileNotFoundError, match=r"found state.npy; expected it saved to .*state"):
        shelf.offer(1, 0.5, lambda path: Path(path + ".npy").write_text("x"))
    with pytest.raises(FileNotFoundError, match="checkpoint: found nothing"):
        shelf.offer(2, 0.1, lambda path: None)


def test_what_earlier_attempts_kept_competes(tmp_path):
    kept = [
        {"step": 10, "value": 0.2, "folder": "a1-s10"},
        {"step": 20, "value": 0.6, "folder": "a1-s20"},
    ]
    shelf = Shelf(tmp_path, kept=kept)
    shelf.offer(30, 0.3, final=True)
    assert shelf.folders() == ["a1-s30"]
    assert shelf.kept() == {"kind": "kept", "steps": [10, 30], "best": [10]}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / DATA).write_bytes(b"stAte 1"),
        lambda folder: (folder / DATA).write_bytes(b"state"),
        lambda folder: (folder / DATA).unlink(),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text("{"),
        lambda folder: (folder / MANIFEST).write_text("[]"),
        lambda folder: (folder / MANIFEST).write_text('{"files": {"state": {}}}'),
    ],
)
def test_damage_is_detected(shelf, spoil):
    shelf.offer(1, 0.5, final=True)
    folder = shelf.folder / "a1-s1"
    assert is_whole(str(folder))
    spoil(folder)
    assert not is_whole(str(folder))


def test_a_trial_hands_its_objective_to_the_keeper(tmp_path):
    shelf = Shelf(tmp_path)
    trial = Trial(
        {},
        max_steps=30,
        eval_every=10,
        objective=Objective("validation/error_rate"),
        keeper=shelf.keeper,
    )
    errors = {1: 0.9, 10: 0.2, 20: 0.4, 30: 0.3}
    for step in trial.steps():
        if trial.should_evaluate(step):
            trial.log(step, {"validation/error_rate": errors[step]})
            trial.checkpoint(step, str(step).encode())
    assert shelf.kept() == {"kind": "kept", "steps": [10, 30], "best": [10]}


def test_points_reach_the_sink_before_the_checkpoint(tmp_path):
    seen = []
    trial = Trial({}, max_steps=1)

    def announce(message):
        seen.append(len(trial.sink.rows))

    trial._keeper = Keeper(str(tmp_path), 1, keep=1, minimize=True, announce=announce)
    trial.log(1, {"validation/loss": 1.0, "train/loss": 2.0})
    trial.checkpoint(1, b"x")
    assert seen == [2, 2]


def test_a_stopped_trial_leaves_its_state(tmp_path):
    shelf = Shelf(tmp_path)
    trial = Trial({}, max_steps=100, eval_every=10, keeper=shelf.keeper)

    def train():
        for step in trial.steps():
            if trial.should_evaluate(step):
                trial.checkpoint(step, b"x")

    trial.request_stop()
    with pytest.raises(Stopped):
        train()
    assert shelf.folders() == ["a1-s1"]


def test_abandoning_keeps_points_and_drops_states(tmp_path):
    shelf = Shelf(tmp_path)
    trial = Trial({}, max_steps=100, eval_every=10, keeper=shelf.keeper)
    trial.log(1, {"validation/loss": 1.0})
    trial.checkpoint(1, saver("x"))
    trial.abandon()
    assert (shelf.folders(), trial.sink.rows) == ([], [("validation/loss", 1, 1.0)])


def test_a_state_that_found_the_disk_full_is_forgotten_and_later_ones_are_kept(
    tmp_path, monkeypatch, capsys
):
    told = []
    keeper = Keeper(str(tmp_path), 1, keep=1, minimize=True, announce=told.append, interval=0)

    def save(path):
        with open(path, "wb") as file:
            file.write(b"state")

    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("labtui.trainer.checkpoints._manifest", full)
        keeper.offer(10, save, 1.0, final=False, predictions=[{"predicted": 1}])
    assert "checkpoint at step 10 was not written" in capsys.readouterr().err
    keeper.offer(20, save, 2.0, final=False)
    assert [message["step"] for message in told if message["kind"] == "checkpoint"] == [20]
