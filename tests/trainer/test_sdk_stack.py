"""A stack of trials: every lane is a trial of its own that leaves when it ends."""

import pytest

from labtui.trainer.stack import Stack, alone
from labtui.trainer.trial import Diverged, Infeasible, Stopped, Trial

NAN = float("nan")


def stack(count, *, max_steps=6, **options):
    trials = [
        Trial({"lane": n}, max_steps=max_steps, eval_every=2, name=f"s/{n}", **options)
        for n in range(count)
    ]
    ends = {}
    return Stack(trials, lambda trial, end: ends.setdefault(trial.name, end)), trials, ends


def train(stack, losses=None):
    """Give the lanes that each step was made with, and the packing's departures."""
    seen = []
    for step, gone in stack.steps():
        lanes = [trial.params["lane"] for trial in stack.trials]
        seen.append((step, lanes, gone))
        stack.log(step, {"train/loss": [(losses or {}).get((lane, step), 1.0) for lane in lanes]})
        if stack.should_evaluate(step):
            stack.log(step, {"validation/loss": [1.0 for _ in lanes]})
    return seen


def test_all_lanes_take_every_step_and_complete():
    together, _, ends = stack(3)
    assert train(together) == [(step, [0, 1, 2], []) for step in range(1, 7)]
    assert ends == {"s/0": None, "s/1": None, "s/2": None}


def test_a_lane_that_diverges_leaves_before_the_next_step_and_logs_nothing_more():
    together, trials, ends = stack(3)
    seen = train(together, {(1, 2): NAN})
    assert seen[1] == (2, [0, 1, 2], [])
    assert seen[2] == (3, [0, 2], [1])
    assert isinstance(ends["s/1"], Diverged)
    assert ends["s/1"].step == 2
    trials[1].flush()
    assert [row[0] for row in trials[1].sink.rows if row[1] == 2] == ["train/loss"]
    assert ends["s/0"] is None


def test_positions_are_those_of_the_packing_they_leave():
    together, _, _ = stack(4)
    seen = train(together, {(0, 2): NAN, (2, 2): NAN, (3, 4): NAN})
    assert [(lanes, gone) for _, lanes, gone in seen if gone] == [([1, 3], [0, 2]), ([1], [1])]


def test_a_stop_ends_one_lane_after_its_next_evaluation():
    together, trials, ends = stack(2)
    steps = []
    for step, _ in together.steps():
        steps.append((step, len(together.trials)))
        if step == 2:
            trials[0].request_stop()
    assert steps == [(1, 2), (2, 2), (3, 2), (4, 2), (5, 1), (6, 1)]
    assert isinstance(ends["s/0"], Stopped)
    assert ends["s/0"].step == 4


def test_a_lane_can_be_ended_by_hand():
    together, _, ends = stack(2)
    for step, _ in together.steps():
        if step == 1:
            together.end(1, Infeasible("its width does not fit"))
            assert together.is_ended(1)
        together.log_lane(0, step, {"train/loss": 1.0})
    assert str(ends["s/1"]) == "its width does not fit"


def test_the_loop_ends_when_no_lane_is_left():
    together, _, _ = stack(2)
    seen = train(together, {(0, 2): NAN, (1, 2): NAN})
    assert [step for step, _, _ in seen] == [1, 2]


def test_lanes_must_agree_in_their_steps():
    trials = [Trial({}, max_steps=n, name=f"s/{n}") for n in (5, 6)]
    with pytest.raises(ValueError, match="s/6: max_steps: found 6; expected 5"):
        Stack(trials, lambda *_: None)


def test_alone_is_a_stack_of_one_that_raises_what_ends_it():
    trial = Trial({"lane": 0}, max_steps=4, eval_every=2)
    alone(train)(trial)
    assert trial.step == 4
    with pytest.raises(Diverged, match="step 2"):
        alone(lambda stack: train(stack, {(0, 2): NAN}))(
            Trial({"lane": 0}, max_steps=4, eval_every=2)
        )
