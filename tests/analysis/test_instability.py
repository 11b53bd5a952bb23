"""Divergence and instability, on real training logs and on made curves with a known answer."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.instability import judge_stability
from labtui.analysis.rises import evaluation_rises, judge_curve
from labtui.analysis.runs import Curve, Run
from tests.support.algoperf import ROOT, read_run

LOGS = ROOT / "algoperf_v05" / "logs"
EXTERNAL, SELF = LOGS / "external_tuning", LOGS / "self_tuning"
NONFINITE = "generalized_adam/study_0/imagenet_vit_jax/trial_1"
COLLAPSED = "schedule_free_prodigy/study_1/ogbg_pytorch/trial_1"
RISING_EVALUATIONS = "schedule_free_prodigy/study_0/ogbg_pytorch/trial_4"
SPIKES = "baseline/study_0/wmt_jax/trial_2"
ONE_EVALUATION = "amos/study_1/fastmri_jax/trial_1"
BOTH = "amos/study_1/librispeech_conformer_jax/trial_4"
CALM = (
    "amos/study_0/librispeech_conformer_jax/trial_2",
    "amos/study_0/fastmri_jax/trial_1",
    "baseline/study_0/librispeech_deepspeech_jax/trial_1",
    "baseline/study_0/ogbg_jax/trial_1",
    "baseline/study_0/criteo1tb_jax/trial_1",
    "generalized_adam/study_0/imagenet_vit_jax/trial_2",
    "lawa_ema/study_0/imagenet_vit_pytorch/trial_1",
)
DIVERGED, EARLY, LATER = "diverged", "early-instability", "mid-training-instability"


def found(run):
    return {one.code: one for one in judge_stability(run) if isinstance(one, Finding)}


def unknown(run):
    return {one.code: one.reason for one in judge_stability(run) if isinstance(one, NotJudged)}


def external(name):
    return read_run(EXTERNAL / name)


# -- real logs ----------------------------------------------------------------------------------


def test_a_loss_that_climbs_and_is_then_not_finite():
    judged = found(external(NONFINITE))
    evidence = judged[DIVERGED].evidence
    assert (evidence["kind"], evidence["first_nonfinite_step"]) == ("nonfinite", 9720)
    assert evidence["first_rise_step"] == 4844  # 4.5, before 26 at step 5820
    assert judged[DIVERGED].severity == "alert"
    assert judged[EARLY].evidence["start_steps"] == [4844]
    assert judged[EARLY].evidence["recovered_steps"] == [None]
    assert LATER not in judged


def test_a_loss_that_ends_far_above_its_minimum():
    judged = found(external(COLLAPSED))
    evidence = judged[DIVERGED].evidence
    assert (evidence["kind"], evidence["first_nonfinite_step"]) == ("collapsed", None)
    assert evidence["minimum_step"] == 653
    assert evidence["end"] > 3 * evidence["minimum"]
    assert not {EARLY, LATER} & set(judged)  # it never came back


def test_spikes_of_single_rows_of_the_step_loss():
    judged = found(external(SPIKES))
    evidence = judged[LATER].evidence
    assert evidence["curves"] == ["loss"] * 3
    assert evidence["peak_steps"] == [27300, 33900, 50000]
    assert evidence["recovered_steps"] == [28100, 34100, 50100]
    assert min(evidence["times_noise"]) > 20
    assert not {DIVERGED, EARLY} & set(judged)
    advice = judged[LATER].advice
    clip = judged["clip-threshold"].evidence["percentile_90_without_start"]
    assert advice.startswith(f"Begin with gradient clipping at {clip:.3g} (90th")


def test_rises_that_only_evaluations_show():
    evidence = found(external(RISING_EVALUATIONS))[LATER].evidence
    assert evidence["curve"] == "validation/loss"
    assert evidence["start_steps"] == [31071]
    assert evidence["step_loss_smooth"]
    spiked = found(external(ONE_EVALUATION))[LATER]  # single steps logged for the first 100 only
    assert 10807 in spiked.evidence["peak_steps"]
    assert not spiked.evidence["step_loss_smooth"]


def test_a_loss_that_goes_up_at_the_beginning_and_later():
    judged = found(external(BOTH))
    assert judged[EARLY].evidence["start_steps"] == [1802]
    assert min(judged[LATER].evidence["peak_steps"]) > 7863  # a tenth of the run
    assert judged[EARLY].advice.startswith("Begin with warmup, or gradient clipping")
    assert DIVERGED not in judged  # it recovered in the end


def test_restarts_of_the_learning_rate_are_no_instability():
    run = read_run(SELF / "nadamw_sequential/study_2/librispeech_deepspeech_jax/trial_1")
    assert not {DIVERGED, EARLY, LATER} & set(found(run))
    curves = {name: curve for name, curve in run.curves.items() if name != "learning_rate"}
    assert LATER not in found(changed(run, curves=curves))  # the loss repeats its first rows
    for name in ("train/loss", "validation/loss"):  # evaluated between the rows of the jump
        at = curves[name].steps.copy()
        at[np.searchsorted(at, 48_000) - 1] = 47_950
        curves[name] = Curve(at, curves[name].values)
    assert LATER not in found(changed(run, curves=curves))
    steps, values = curves["loss"].steps, curves["loss"].values.copy()
    values[steps == 48_200] = 1.2
    curves["loss"] = Curve(steps, values)
    assert found(changed(run, curves=curves))[LATER].evidence["peak_steps"][0] == 48_000


def test_a_restart_that_fails_is_an_instability():
    run = read_run(SELF / "nadamw_sequential/study_2/librispeech_deepspeech_jax/trial_1")
    curves = dict(run.curves)
    for name in ("train/loss", "validation/loss"):
        values = curves[name].values.copy()
        after = int(np.searchsorted(curves[name].steps, 48_000))
        values[after : after + 7] = 9, 9, 7.5, 15, 16, 23, 6  # the rate has long begun to fall
        curves[name] = Curve(curves[name].steps, values)
    evidence = found(changed(run, curves=curves))[LATER].evidence
    steps = curves["validation/loss"].steps[after:]
    assert (evidence["start_steps"], evidence["peak_steps"]) == ([steps[2]], [steps[5]])
    assert evidence["curves"] == ["validation/loss"]


def test_a_collapse_to_chance_is_no_new_beginning():
    values = loss(noise=0.0)
    values[200:] = 6.9
    values[0] = 6.9
    assert LATER in found(run_of(values))
    crawls = 6.9 - 5 * np.clip(np.arange(400) - 20, 0, 180) / 180
    crawls[200:] = crawls[:200]
    assert LATER in found(run_of(crawls))


@pytest.mark.parametrize("name", CALM)
def test_calm_trials(name):
    run = external(name)
    assert not {DIVERGED, EARLY, LATER, "gradient-outliers"} & set(found(run))
    assert LATER not in unknown(run)


def test_logs_of_the_first_steps_alone_cannot_speak_for_the_rest():
    run = external(ONE_EVALUATION)
    curves = {"loss": run.curves["loss"], "validation/ssim": run.curves["validation/ssim"]}
    reasons = unknown(changed(run, curves=curves))
    assert "ends at step 99 of" in reasons[LATER]
    assert EARLY not in reasons


# -- made curves --------------------------------------------------------------------------------

STEPS = np.arange(1, 401) * 100


def loss(seed=0, noise=0.02):
    random = np.random.default_rng(seed)
    return 2.3 * np.exp(-STEPS / 6000) + 0.5 + noise * random.standard_normal(STEPS.size)


def run_of(
    values=None, evaluated=None, *, steps=STEPS, state="completed", reason="", planned=None, **more
):
    curves = {}
    if values is not None:
        curves["loss"] = Curve(np.asarray(steps, dtype=np.int64), np.asarray(values, dtype=float))
    if evaluated is not None:
        at = np.asarray(steps[::10], dtype=np.int64)
        training, validation = evaluated
        curves["train/loss"] = Curve(at, np.asarray(training, dtype=float))
        curves["validation/loss"] = Curve(at, np.asarray(validation, dtype=float))
    curves.update(more)
    return Run("made/1", "", state, reason, {}, "validation/error_rate", True, planned, curves, {})


def changed(run, **what):
    return Run(**{name: what.get(name, getattr(run, name)) for name in Run.__dataclass_fields__})


def test_a_falling_loss_has_nothing():
    smooth = loss(noise=0.0)[::10]
    codes = set(found(run_of(loss(), (smooth, smooth + 0.1))))
    assert not codes


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_the_first_step_that_is_not_finite_in_any_loss(broken):
    values, smooth = loss(), loss(noise=0.0)[::10]
    values[300:] = broken
    evaluated = smooth.copy()
    evaluated[25] = broken
    evidence = found(run_of(values, (smooth, evaluated)))[DIVERGED].evidence
    assert evidence["first_nonfinite_step"] == STEPS[::10][25]
    assert evidence["curve"] == "validation/loss"
    assert evidence["finite_again"]
    evidence = found(run_of(values, (smooth, smooth)))[DIVERGED].evidence
    assert (evidence["first_nonfinite_step"], evidence["finite_again"]) == (STEPS[300], False)


def test_an_infinite_norm_alone_is_no_divergence():
    norms = np.full(STEPS.size, 2.0)
    norms[50] = math.inf
    assert DIVERGED not in found(run_of(loss(), grad_norm=Curve(STEPS, norms)))


def test_the_reason_of_a_trial_without_curves_is_believed():
    judged = found(run_of(state="infeasible", reason="diverged at step 120"))[DIVERGED]
    assert judged.evidence["first_nonfinite_step"] is None
    assert judged.evidence["ended_at_step"] == 120
    reasons = unknown(run_of(state="infeasible", reason="out of memory"))
    assert reasons[DIVERGED] == "no loss was logged"
    assert {EARLY, LATER} <= set(reasons)


def test_a_recovering_loss_has_not_collapsed():
    smooth = loss(noise=0.0)[::10]
    up = np.concatenate([np.zeros(20), np.linspace(0, 2, 10), np.full(10, 2.0)])
    assert found(run_of(None, (smooth + up, smooth + up)))[DIVERGED].evidence["kind"] == "collapsed"
    up[30:] = np.linspace(2, 0.5, 10)
    assert DIVERGED not in found(run_of(None, (smooth + up, smooth + up)))
    up[30:] = 2.0
    assert DIVERGED not in found(run_of(None, (smooth, smooth + up)))  # that is overfitting


def test_early_depends_on_the_plan_and_the_length():
    values = loss()
    values[50:60] += 1.5  # steps 5,100 to 6,000 of 40,000
    assert {EARLY, LATER} & set(found(run_of(values))) == {LATER}
    assert {EARLY, LATER} & set(found(run_of(values, planned=20_000))) == {LATER}
    stopped = run_of(values[:80], steps=STEPS[:80], state="infeasible", planned=80_000)
    assert {EARLY, LATER} & set(found(stopped)) == {EARLY}


def test_a_slow_rise_is_no_sudden_one():
    values = loss() + np.where(STEPS > 20_000, (STEPS - 20_000) / 40_000, 0.0)
    assert not found(run_of(values))


def test_evaluations_that_rise_without_the_training_loss_are_no_instability():
    smooth = loss(noise=0.0)[::10]
    up = np.zeros(40)
    up[20:23] = 1.0
    assert found(run_of(None, (smooth + up, smooth + up)))[LATER].evidence["peak_steps"] == [20_100]
    assert not found(run_of(None, (smooth, smooth + up)))


def test_a_dense_log_needs_a_period_and_a_sparse_one_a_row():
    losses = loss()
    losses[200] += 2
    (rise,) = judge_curve(STEPS, losses).rises
    assert (rise.start, rise.peak) == (20_000, 20_100)
    assert not judge_curve(np.arange(400), losses).rises


def test_a_rise_that_a_far_untrained_model_hides():
    smooth = 0.05 + 0.1 * np.exp(-np.arange(40) / 3)
    smooth[0] = 60.0  # the untrained model
    smooth[3] += 0.03  # step 3,100 of 39,100
    assert EARLY in found(run_of(None, (smooth, smooth)))
    smooth[3] -= 0.03
    assert not found(run_of(None, (smooth, smooth)))


def test_a_fall_over_several_evaluations_is_sudden_too():
    at = np.arange(120)
    smooth = 1 + 4 * np.exp(-at / 10)
    smooth += np.interp(at, [60, 66, 72, 90], [0, 2, 2, 0], right=0)  # 0.33 an evaluation
    steps = np.arange(1200)
    judged = found(run_of(None, (smooth, smooth + 0.1), steps=steps))
    assert judged[LATER].evidence["start_steps"][0] < 670


def test_what_was_forgotten_and_learned_again_was_unstable_at_any_pace():
    at = np.arange(120)
    smooth = 1 + 6 * np.exp(-at / 10)
    forgets = smooth + np.interp(at, [40, 75, 110], [0, 4, 0])  # 0.11 an evaluation
    steps = np.arange(1200)
    more = {"steps": steps, "validation/error_rate": Curve(steps[::10], np.ones(120))}
    evidence = found(run_of(None, (forgets, forgets), **more))[LATER].evidence
    assert (evidence["count"], evidence["peak_steps"]) == (1, [750])
    assert LATER not in found(run_of(None, (smooth, forgets), **more))
    stays = np.maximum(forgets, np.where(at > 75, 5.0, 0))
    assert len(evaluation_rises(at, forgets, forgets, until=12)) == 1
    assert not evaluation_rises(at, stays, stays, until=12)


def test_a_network_that_gets_worse_than_at_first_is_unstable():
    stuck = 6.65 + 0.2 * (1 - np.exp(-np.arange(40.0)))  # 3 %, towards chance
    evaluated = {"validation/error_rate": Curve(STEPS[::10], np.ones(40))}
    judged = found(run_of(None, (stuck, stuck), **evaluated))
    assert judged[EARLY].evidence["recovered_steps"] == [None]
    assert not found(run_of(None, (loss(noise=0.0)[::10], stuck), **evaluated))
    rough = stuck + 0.01 * np.random.default_rng(0).standard_normal(40)
    assert not found(run_of(None, (rough, rough), **evaluated))  # 20 noises


def test_a_training_loss_that_wobbles_is_no_second_witness():
    smooth = 0.5 + 2 * np.exp(-np.arange(40) / 4)
    wobble = 0.02 * (-1.0) ** np.arange(40)
    higher = np.isin(np.arange(40), [20, 21, 22, 23]) * 1.5
    assert LATER not in found(run_of(None, (smooth + wobble, smooth + higher)))
    assert LATER in found(run_of(None, (smooth + wobble + higher, smooth + higher)))


def test_what_never_came_back_is_told_so():
    message = found(external(NONFINITE))[EARLY].message
    assert "began to rise at step 4844 and never came back" in message


def test_a_rise_that_steps_do_not_show_is_one_of_evaluation():
    advice = found(external(RISING_EVALUATIONS))[LATER].advice
    assert "averaging" in advice
    assert "clipping" not in advice


def test_messages_are_sentences():
    for name in (NONFINITE, COLLAPSED, SPIKES, ONE_EVALUATION, BOTH, *CALM):
        for one in judge_stability(external(name)):
            if isinstance(one, Finding):
                assert one.message.endswith(".")
                assert one.advice[0].isupper()
                assert one.advice.endswith(".")
                first = one.message.split()[0]
                assert first[0].isupper() or first[0].isdigit() or first in external(name).curves


def test_many_rises_are_told_apart():
    losses = loss(noise=0.0)
    losses[[100, 150, 151, 300]] += 1
    found_rises = judge_curve(STEPS, losses).rises
    assert [rise.peak for rise in found_rises] == [10_100, 15_100, 30_100]
    assert [rise.recovered for rise in found_rises] == [10_200, 15_300, 30_200]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.sampled_from([2.0**-20, 2.0**20]))
def test_the_unit_of_the_loss_does_not_matter(seed, unit):
    random = np.random.default_rng(seed)
    values = loss(seed) + (random.random(400) < 0.02) * random.exponential(1.0, 400)
    smooth = values[::10]
    one = judge_stability(run_of(values, (smooth, smooth)))
    other = judge_stability(run_of(unit * values, (unit * smooth, unit * smooth)))
    assert [judged.code for judged in one] == [judged.code for judged in other]
    starts = [o.evidence.get("start_steps") for o in one if isinstance(o, Finding)]
    assert starts == [o.evidence.get("start_steps") for o in other if isinstance(o, Finding)]


anything = st.floats(allow_nan=True, allow_infinity=True, width=64)


@st.composite
def any_curve(draw):
    values = draw(st.lists(anything, max_size=50))
    gaps = draw(st.lists(st.integers(1, 300), min_size=len(values), max_size=len(values)))
    return Curve(np.cumsum(np.array(gaps, dtype=np.int64)), np.array(values, dtype=np.float64))


NAMES = (
    "loss",
    "train/loss",
    "validation/loss",
    "validation/error_rate",
    "learning_rate",
    "grad_norm",
    "clipped",
    "data_wait",
    "step_time",
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), any_curve()),
    st.sampled_from(["completed", "infeasible", "stopped"]),
    st.one_of(st.none(), st.integers(1, 10_000)),
)
def test_whatever_was_logged_is_judged_without_a_word(curves, state, planned):
    run = Run("a/1", "x", state, "", {}, "validation/error_rate", True, planned, curves)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judged = judge_stability(run)
    for one in judged:
        assert one.subject == {"trial": "a/1", "arm": "x"}
        if isinstance(one, Finding):
            json.dumps(dict(one.evidence))
