import threading
from pathlib import Path

import pytest

from labtui.trainer import Diverged, Infeasible, Objective, Stopped, Trial
from labtui.trainer.trial import FLUSH_POINTS, STREAK, loss_behind

NAN, INFINITY = float("nan"), float("inf")


def trial(**options):
    return Trial({"width": 4}, **{"max_steps": 100, "eval_every": 20, **options})


def rows(of):
    of.flush()
    return of.sink.rows


class Scalar:
    """Stands for a framework's scalar: `float` takes it."""

    def __float__(self):
        return 2.5


def test_numbers_of_any_kind_are_logged():
    ours = trial()
    ours.log(0, {"a": 1, "b": True, "c": Scalar()})
    ours.log(1, {"a": -INFINITY})
    assert rows(ours) == [("a", 0, 1.0), ("b", 0, 1.0), ("c", 0, 2.5), ("a", 1, -INFINITY)]


@pytest.mark.parametrize("value", ["0.5", "nan", b"1", None, [1.0], 1j, 10**400, object()])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"metric 'loss': found .*; expected a number"):
        trial().log(1, {"loss": value})


def test_aliases_rename_what_a_script_logs():
    ours = trial(
        aliases={"validation/error_rate": "val_err", "train/loss": "loss"},
        objective=Objective("validation/error_rate"),
    )
    ours.log(20, {"loss": 0.3, "val_err": 0.1, "validation/error_rate": 0.2})
    assert rows(ours) == [
        ("train/loss", 20, 0.3),
        ("validation/error_rate", 20, 0.1),
        ("validation/error_rate", 20, 0.2),
    ]
    with pytest.raises(Diverged):
        ours.log(40, {"loss": NAN})


def test_training_loss_may_spike_between_evaluations():
    ours = trial()
    for step in range(2, 2 + STREAK - 1):
        ours.log(step, {"train/loss": INFINITY})
    ours.log(11, {"train/loss": 1.0})
    for step in range(21, 21 + STREAK - 1):
        ours.log(step, {"train/loss": NAN})
    ours.log(30, {"train/loss": 1.0})


def test_ten_logged_steps_in_a_row_are_divergence():
    ours = trial(eval_every=1000, max_steps=1000)
    ours.log(30, {"train/loss": 1.0})
    for step in range(40, 130, 10):  # logged every 10th step
        ours.log(step, {"train/loss": NAN, "grad_norm": 1.0})
    with pytest.raises(Diverged, match="diverged at step 40") as caught:
        ours.log(130, {"train/loss": NAN, "grad_norm": 1.0})
    assert caught.value.step == 40
    assert rows(ours)[-1][:2] == ("grad_norm", 130)


def test_training_loss_must_be_finite_at_an_evaluation():
    ours = trial()
    ours.log(17, {"train/loss": NAN})
    with pytest.raises(Diverged, match="step 17"):
        ours.log(20, {"train/loss": NAN})


def test_loss_behind_the_objective_must_be_finite():
    ours = trial(objective=Objective("validation/error_rate"))
    with pytest.raises(Diverged, match="step 20"):
        ours.log(20, {"validation/error_rate": 0.1, "validation/loss": NAN})
    assert ours.evaluated_value is None
    with pytest.raises(Diverged, match="step 40"):
        ours.log(40, {"validation/error_rate": NAN})


def test_other_metrics_may_be_infinite():
    ours = trial(objective=Objective("validation/error_rate"))
    for step in range(1, 40):
        ours.log(step, {"grad_norm": INFINITY, "test/loss": NAN})
    ours.log(40, {"validation/error_rate": 0.25})
    assert ours.evaluated_value == 0.25


def test_loss_behind_a_metric():
    assert loss_behind("validation/error_rate") == "validation/loss"
    assert loss_behind("a/b/accuracy") == "a/b/loss"
    assert loss_behind("score") == "loss"


def test_steps_are_those_still_to_make():
    assert list(trial(max_steps=5).steps()) == [1, 2, 3, 4, 5]
    resumed = trial(max_steps=5, start_step=3)
    assert (resumed.step, list(resumed.steps()), resumed.step) == (3, [4, 5], 5)
    assert list(trial(max_steps=5, start_step=5).steps()) == []


def test_a_stop_takes_effect_after_the_next_evaluation():
    ours, made = trial(eval_every=10), []

    def run():
        for step in ours.steps():
            made.append(step)
            if step == 13:
                ours.request_stop()

    with pytest.raises(Stopped, match="stopped at step 20"):
        run()
    assert (made[-1], ours.step) == (20, 20)


def test_a_stop_in_the_last_interval_completes():
    ours = trial(eval_every=10, max_steps=25)
    for step in ours.steps():
        if step == 24:
            ours.request_stop()
    assert ours.step == 25


def test_infeasible_carries_its_reason():
    with pytest.raises(Infeasible, match="too wide"):
        trial().infeasible("too wide")
    assert not issubclass(Infeasible, Exception)


def test_a_fresh_trial_restores_nothing(tmp_path):
    assert trial().restore(lambda path: 1 / 0) is None
    path = tmp_path / "state"
    path.write_text("7")
    assert trial(resume_path=str(path)).restore(lambda p: int(Path(p).read_text())) == 7


def test_bursts_are_flushed_and_nothing_is_lost_between_threads():
    ours = trial()
    done = threading.Event()

    def flush():
        while not done.is_set():
            ours.flush()

    flusher = threading.Thread(target=flush)
    flusher.start()
    for step in range(3 * FLUSH_POINTS):
        ours.log(step, {"x": float(step)})
    done.set()
    flusher.join()
    assert rows(ours) == [("x", step, float(step)) for step in range(3 * FLUSH_POINTS)]


def test_a_trial_copies_what_it_is_given():
    params = {"width": 4}
    ours = Trial(params, max_steps=1)
    ours.params["width"] = 5
    assert params == {"width": 4}


def test_names_that_the_study_swaps_are_told_apart():
    trial = Trial({}, max_steps=2, aliases={"a": "b", "b": "a"})
    for step in trial.steps():
        trial.log(step, {"a": 1.0, "b": 2.0})
    trial.flush()
    logged = {name: value for name, step, value in trial.sink.rows if step == 1}
    assert (logged["b"], logged["a"]) == (1.0, 2.0)


def test_warnings_have_an_end():
    trial = Trial({}, max_steps=2)
    for number in range(1500):
        trial.warn(f"warning {number}" + "x" * 50_000)
    texts = [message["text"] for message in trial.sink.messages]
    assert len(texts) == 101
    assert texts[-1] == "more than 100 different warnings; the others are not kept"
    assert max(map(len, texts)) == 20_000


def test_metric_names_have_an_end_and_one_warning_says_so():
    trial = Trial({}, max_steps=2)
    for step in (1, 2):
        trial.log(step, {f"metric/{number}": 1.0 for number in range(1500)})
    trial.flush()
    assert len({row[0] for row in trial.sink.rows}) == 1000
    assert [message["text"] for message in trial.sink.messages] == [
        "more than 1,000 metrics; the further ones are not kept"
    ]


def test_a_warning_may_be_anything():
    trial = Trial({}, max_steps=2)
    trial.warn(ValueError("odd data"))
    assert trial.sink.messages == [{"kind": "warning", "text": "odd data"}]
