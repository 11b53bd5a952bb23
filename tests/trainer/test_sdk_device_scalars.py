"""Scalars on a device are not waited for: read together, in order, by the trainer's own thread.

There is no GPU here: the device is a fake that counts how often somebody waited for it, dressed as
torch's and MLX's own classes; tests/backends has the real MLX.
"""

import sys
import threading
import types

import pytest

from labtui.trainer import scalars
from labtui.trainer.trial import Diverged, Objective, Trial


class Device:
    type = "cuda"

    def __str__(self):
        return "cuda:0"


class Tensor:
    """A torch scalar on a GPU: `float` waits, and so does reading a stack of them, once."""

    __module__ = "torch"
    waits = 0
    device, dtype, shape = Device(), "float32", ()

    def __init__(self, value):
        self.value = value

    def detach(self):
        return self

    def clone(self):
        return Tensor(self.value)

    def reshape(self, shape):
        assert shape == ()
        return self

    def __float__(self):
        Tensor.waits += 1
        return self.value


class Stacked:
    def __init__(self, tensors):
        self.values = [tensor.value for tensor in tensors]

    def tolist(self):
        Tensor.waits += 1
        return self.values


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    module = types.ModuleType("torch")
    module.stack = Stacked
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setattr(Tensor, "waits", 0)
    scalars._KINDS.pop(Tensor, None)


def trial(**options):
    return Trial(
        {}, max_steps=100, eval_every=10, objective=Objective("validation/loss"), **options
    )


def test_logging_waits_for_no_step_and_once_for_an_evaluation():
    run = trial()
    for step in range(1, 10):
        run.log(step, {"train/loss": Tensor(1.0 / step), "learning_rate": 0.1})
    assert Tensor.waits == 0
    run.log(10, {"validation/loss": Tensor(0.5)})
    assert Tensor.waits == 1
    assert run.evaluated_value == 0.5
    run.flush()
    assert [row for row in run.sink.rows if row[0] == "train/loss"] == [
        ("train/loss", step, 1.0 / step) for step in range(1, 10)
    ]


def test_a_scalar_is_what_it_was_when_it_was_logged():
    run, total = trial(), Tensor(1.0)
    run.log(1, {"train/loss": total})
    total.value = 2.0  # an accumulator that is written in place
    run.flush()
    assert run.sink.rows == [("train/loss", 1, 1.0)]


def test_another_thread_flushes_without_waiting_for_the_device():
    run = trial()
    run.log(1, {"learning_rate": 0.1})
    run.log(2, {"train/loss": Tensor(1.0)})
    thread = threading.Thread(target=run.flush)
    thread.start()
    thread.join()
    assert Tensor.waits == 0
    assert run.sink.rows == [("learning_rate", 1, 0.1)]
    run.flush()
    assert run.sink.rows[-1] == ("train/loss", 2, 1.0)


def test_divergence_is_judged_in_the_order_logged():
    run = trial()

    def train():
        for step in run.steps():
            loss = float("nan") if step >= 4 else 1.0
            run.log(step, {"train/loss": Tensor(loss)})
            if run.should_evaluate(step):
                run.log(step, {"validation/loss": 1.0})

    with pytest.raises(Diverged, match="diverged at step 4"):
        train()
    assert run.step == 9


def test_nothing_is_left_on_the_device_when_the_steps_end():
    run = trial()
    for step in run.steps():
        run.log(step, {"train/loss": Tensor(float(step))})
    run.finish()
    assert sum(row[0] == "train/loss" for row in run.sink.rows) == 100
    assert Tensor.waits <= 3


def test_numbers_do_not_wait_long_for_an_evaluation(monkeypatch):
    monkeypatch.setattr("labtui.trainer.trial.HELD_SECONDS", 0.0)
    run = trial()
    run.log(1, {"train/loss": Tensor(1.0)})
    run.log(2, {"train/loss": Tensor(1.0)})
    assert Tensor.waits == 1


def test_what_is_no_scalar_is_named(monkeypatch):
    def refuse(tensors):
        raise RuntimeError("shape '[]' is invalid for input of size 3")

    monkeypatch.setattr(sys.modules["torch"], "stack", refuse)
    run = trial()
    run.log(1, {"train/loss": Tensor(1.0)})
    with pytest.raises(TypeError, match="metrics train/loss: expected one number each; shape"):
        run.flush()


def test_a_torch_scalar_on_the_cpu_is_read_at_once():
    class OnCpu(Tensor):
        __module__ = "torch"
        device = types.SimpleNamespace(type="cpu")

    run = trial()
    run.log(1, {"train/loss": OnCpu(1.0)})
    assert Tensor.waits == 1


def test_another_threads_log_does_not_settle_the_trainers(monkeypatch):
    monkeypatch.setattr("labtui.trainer.trial.HELD_SECONDS", 0.0)
    run = trial()
    run.log(1, {"train/loss": Tensor(1.0)})
    thread = threading.Thread(target=lambda: run.log(2, {"temperature": Tensor(60.0)}))
    thread.start()
    thread.join()
    assert Tensor.waits == 0
    run.flush()
    assert [row[0] for row in run.sink.rows] == ["train/loss", "temperature"]


def test_numbers_survive_one_that_cannot_be_read(monkeypatch):
    monkeypatch.setattr(sys.modules["torch"], "stack", lambda tensors: 1 / 0)
    run = trial()
    run.log(1, {"learning_rate": 0.1})
    run.log(2, {"learning_rate": 0.1})
    run.log(3, {"histogram": Tensor(1.0)})
    run.abandon()
    assert [row[1] for row in run.sink.rows] == [1, 2]
