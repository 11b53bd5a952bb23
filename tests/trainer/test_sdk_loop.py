import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.trainer.loop import epochs_to_steps, evaluation_steps, is_evaluation, weighted_mean
from labtui.trainer.schedule import KINDS, learning_rate
from labtui.trainer.trial import Trial


def rates(kind, **options):
    options = {"max_steps": 10, **options}
    return [learning_rate(s, 0.8, kind, **options) for s in range(1, options["max_steps"] + 1)]


def test_golden_schedules():
    assert rates("constant") == [0.8] * 10
    assert rates("linear", max_steps=4) == pytest.approx([0.8, 0.6, 0.4, 0.2])
    cosine = [0.8, 0.6828427125, 0.4, 0.1171572875]
    assert rates("cosine", max_steps=4) == pytest.approx(cosine)
    assert rates("linear", max_steps=4, final_factor=0.5) == pytest.approx([0.8, 0.7, 0.6, 0.5])


def test_golden_warmup():
    warm = [0.2, 0.4, 0.6, 0.8]
    assert rates("constant", warmup_steps=4) == pytest.approx(warm + [0.8] * 6)
    decay = [0.8, 0.8 * 5 / 6, 0.8 * 4 / 6, 0.4, 0.8 * 2 / 6, 0.8 / 6]
    assert rates("linear", warmup_steps=4) == pytest.approx(warm + decay)
    assert rates("cosine", warmup_steps=10)[-1] == 0.8


def test_beyond_the_end_is_the_final_rate():
    assert learning_rate(99, 2.0, "cosine", max_steps=10, final_factor=0.25) == 0.5


def test_unknown_schedule():
    with pytest.raises(ValueError, match="found 'step'; expected one of constant, linear"):
        learning_rate(1, 0.1, "step", max_steps=10)


@given(
    st.sampled_from(KINDS),
    st.integers(1, 300),
    st.integers(0, 300),
    st.floats(0.0, 1.0),
)
def test_a_schedule_rises_then_falls_within_its_bounds(kind, steps, warmup, final):
    found = [
        learning_rate(s, 1.0, kind, max_steps=steps, warmup_steps=warmup, final_factor=final)
        for s in range(1, steps + 1)
    ]
    ramp, decay = found[:warmup], found[warmup:]
    assert ramp == sorted(ramp)
    assert decay == sorted(decay, reverse=True)
    assert all(0.0 < rate <= 1.0 for rate in ramp)
    assert all(final - 1e-12 <= rate <= 1.0 for rate in decay)
    assert not decay or decay[0] == 1.0


def test_evaluation_steps():
    assert evaluation_steps(10, 25) == [1, 10, 20, 25]
    assert evaluation_steps(10, 25, start=10) == [20, 25]
    assert evaluation_steps(1, 3) == [1, 2, 3]
    assert evaluation_steps(100, 1) == [1]
    assert not is_evaluation(2, 10, 25)


@pytest.mark.parametrize(
    ("epochs", "per_epoch", "steps"),
    [
        (1, 16, 16),
        (1.5, 16, 24),
        (0.1, 16, 2),
        (0, 16, 0),
        (0.07, 100, 7),
        (1.1, 10, 11),
    ],
)
def test_epochs_round_up(epochs, per_epoch, steps):
    assert epochs_to_steps(epochs, per_epoch) == steps


def test_a_partial_batch_weighs_what_it_holds():
    assert weighted_mean([(1.0, 64), (4.0, 32)]) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="found no examples"):
        weighted_mean([])


def test_the_time_of_a_step_leaves_evaluations_out():
    trial = Trial({}, max_steps=6, eval_every=3)
    for step in trial.steps():
        time.sleep(0.2 if trial.should_evaluate(step) and step > 1 else 0.002)
        trial.log(step, {"train/loss": 1.0})
    trial.flush()
    times = {step: value for name, step, value in trial.sink.rows if name == "step_time"}
    assert sorted(times) == [1, 3, 6]
    assert all(0.002 <= value < 0.1 for value in times.values())


def test_waits_for_data_are_told_by_the_step():
    def slow():
        while True:
            time.sleep(0.004)
            yield 1

    trial = Trial({}, max_steps=4, eval_every=2)
    for step, _ in zip(trial.steps(), trial.batches(slow()), strict=False):
        trial.log(step, {"train/loss": 1.0})
    trial.flush()
    rows = {(name, step): value for name, step, value in trial.sink.rows}
    assert 0.004 <= rows["data_wait", 4] <= rows["step_time", 4]


def test_a_trainer_that_tells_its_times_itself_is_believed():
    trial = Trial({}, max_steps=4, eval_every=2)
    for step in trial.steps():
        if trial.should_evaluate(step):
            trial.log(step, {"step_time": 9.0})
    trial.flush()
    assert [row[1:] for row in trial.sink.rows] == [(1, 9.0), (2, 9.0), (4, 9.0)]
