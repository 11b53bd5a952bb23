"""Gradient norms, clipping and waiting: real logs, and made ones with a known answer."""

import dataclasses
import math

import numpy as np
import pytest

from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.instability import judge_stability, remedies
from labtui.analysis.runs import Curve, Run
from tests.support.algoperf import ROOT, read_run

LOGS = ROOT / "algoperf_v05" / "logs" / "external_tuning"
STEPS = np.arange(1, 401) * 10


def found(run):
    return {one.code: one for one in judge_stability(run) if isinstance(one, Finding)}


def unknown(run):
    return {one.code: one.reason for one in judge_stability(run) if isinstance(one, NotJudged)}


def run_of(params=None, steps=STEPS, last=4000, **metrics):
    curves = {name: Curve(np.asarray(steps), np.asarray(v, float)) for name, v in metrics.items()}
    whole = np.linspace(1, last, 40).astype(np.int64)
    curves["train/loss"] = Curve(whole, np.linspace(2.0, 1.0, 40))
    return Run("made/1", "", "completed", "", params or {}, "validation/loss", True, None, curves)


def norms(seed=3, spread=0.2):
    return 2.0 * np.exp(spread * np.random.default_rng(seed).standard_normal(STEPS.size))


def test_the_percentile_is_that_of_all_finite_norms():
    run = read_run(LOGS / "baseline/study_0/wmt_jax/trial_2")
    curve = run.curves["grad_norm"]
    evidence = found(run)["clip-threshold"].evidence
    assert evidence["percentile_90"] == np.percentile(curve.values, 90)
    later = curve.values[curve.steps > 0.05 * 133_333]
    assert evidence["percentile_90_without_start"] == np.percentile(later, 90)
    assert evidence["norms"] == 1334
    values = norms()
    values[[0, 7]] = math.nan, math.inf
    sound = np.delete(values, [0, 7])
    assert found(run_of(grad_norm=values))["clip-threshold"].evidence == {
        "percentile_90": np.percentile(sound, 90),
        "percentile_90_without_start": np.percentile(values[20:], 90),
        "norms": 398,
        "first_step": 20,
        "last_step": 4000,
    }


def test_norms_of_the_first_steps_alone():
    run = read_run(LOGS / "amos/study_1/fastmri_jax/trial_1")
    judged, reasons = found(run), unknown(run)
    values = run.curves["grad_norm"].values
    assert judged["clip-threshold"].evidence["percentile_90"] == np.percentile(values, 90)
    assert judged["clip-threshold"].evidence["percentile_90_without_start"] is None
    assert "0 gradient norms; 30 are needed" in reasons["gradient-outliers"]
    assert "for the start only" in judged["clip-threshold"].message
    assert "clipping at" not in judged["clip-threshold"].advice
    advice = judged["mid-training-instability"].advice
    assert "gradient clipping at the 90th percentile" in advice  # and no number


def test_outliers_of_real_norms():
    evidence = found(read_run(LOGS / "baseline/study_0/wmt_jax/trial_2"))[
        "gradient-outliers"
    ].evidence
    assert evidence["steps"] == [21400, 33900, 50000]
    assert evidence["rows"] == 1200
    assert evidence["loss_rose_at_steps"] == [33900, 50000]
    assert max(evidence["times_local_median"]) == pytest.approx(7.0, abs=0.1)
    for trial in (1, 2, 3, 4, 5):
        calm = read_run(LOGS / f"baseline/study_0/ogbg_jax/trial_{trial}")
        assert "gradient-outliers" not in found(calm)


def test_three_small_outliers_are_a_sign_and_so_is_a_large_one():
    values = norms(spread=0.05)
    values[[99, 249]] = 8.0  # four times the median
    assert "gradient-outliers" not in found(run_of(grad_norm=values))
    values[349] = 8.0
    evidence = found(run_of(grad_norm=values))["gradient-outliers"].evidence
    assert evidence["steps"] == [1000, 2500, 3500]
    assert (evidence["count"], evidence["rows"]) == (3, 360)
    assert evidence["norms"] == values[[99, 249, 349]].tolist()
    values = norms()
    values[99] *= 8
    told = found(run_of(grad_norm=values))["gradient-outliers"]
    assert told.evidence["steps"] == [1000]
    assert told.message.startswith("1 of 360 gradient norms stands far out")


def test_norms_of_the_first_tenth_and_of_restarts_are_no_outliers():
    values = norms()
    values[30] *= 30
    assert "gradient-outliers" not in found(run_of(grad_norm=values))
    values[200] *= 30
    assert "gradient-outliers" in found(run_of(grad_norm=values))
    rate = np.where(STEPS[199] > STEPS, 0.1, 0.4)
    assert "gradient-outliers" not in found(run_of(grad_norm=values, learning_rate=rate))


def test_whether_the_loss_rose_with_the_norm_is_told():
    values, losses = norms(), 1 + 0.01 * np.random.default_rng(0).normal(size=400)
    values[200] *= 30
    calm = found(run_of(grad_norm=values, loss=losses))["gradient-outliers"]
    assert "the loss did not rise there" in calm.message
    assert calm.evidence["loss_rose_at_steps"] == []
    losses[201] += 1
    rose = found(run_of(grad_norm=values, loss=losses))["gradient-outliers"]
    assert "the loss rose there" in rose.message
    assert rose.advice.startswith("Clip gradients at")
    values[300] *= 30
    both = found(run_of(grad_norm=values, loss=losses))["gradient-outliers"]
    assert "the loss rose at 1 of them" in both.message
    run = run_of(grad_norm=values)
    alone = dataclasses.replace(run, curves={"grad_norm": run.curves["grad_norm"]})
    unknown_loss = found(alone)["gradient-outliers"]
    assert unknown_loss.evidence["loss_rose_at_steps"] is None
    assert unknown_loss.advice.startswith("Look at the loss")


def test_norms_that_hardly_vary_show_smaller_outliers():
    for spread, expected in ((0.05, True), (0.4, False)):
        values = norms(spread=spread)
        values[[99, 249, 349]] = 8.0  # four times the median
        assert ("gradient-outliers" in found(run_of(grad_norm=values))) is expected


def test_norms_after_divergence_are_no_outliers():
    values, losses = norms(), np.ones(400)
    values[300:310] = 1e6
    run = run_of(grad_norm=values, loss=losses)
    assert "gradient-outliers" in found(run)
    losses[295:] = math.nan
    assert "gradient-outliers" not in found(run_of(grad_norm=values, loss=losses))


def test_over_clipped_by_its_own_metric():
    flags = np.arange(400) % 10 < 6
    judged = found(run_of(clipped=flags))["over-clipped"]
    assert judged.evidence["share"] == pytest.approx(0.6)
    assert "learning rate" in judged.advice
    assert not {"over-clipped"} & {*found(run_of(clipped=~flags)), *unknown(run_of(clipped=~flags))}


@pytest.mark.parametrize("name", ["clip_norm", "grad_clip", "max_grad_norm"])
def test_over_clipped_by_a_hyperparameter_and_the_norms(name):
    values = norms()
    limit = float(np.percentile(values, 30))
    evidence = found(run_of({name: limit}, grad_norm=values))["over-clipped"].evidence
    assert evidence["share"] == pytest.approx(0.7)
    assert evidence["source"] == name
    for off in (1e9, 0.0, None, False):
        run = run_of({name: off}, grad_norm=values)
        assert "over-clipped" not in {**found(run), **unknown(run)}
    assert "over-clipped" in unknown(run_of({name: limit}))


def test_whether_a_run_clips_may_be_unknown():
    assert "over-clipped" in unknown(run_of(grad_norm=norms()))


def test_waiting_is_that_of_the_last_half():
    took, waited = np.full(400, 0.5), np.full(400, 0.05)
    waited[:200] = 0.4  # caches fill
    assert "input-bound" not in found(run_of(data_wait=waited, step_time=took))
    waited[200:] = 0.1
    judged = found(run_of(data_wait=waited, step_time=took))["input-bound"]
    assert judged.evidence["waiting_share"] == pytest.approx(0.2)
    assert judged.evidence["steps"] == 200


def test_waiting_that_nobody_would_feel_is_none():
    share = np.full(400, 0.4)
    assert "input-bound" not in found(run_of(data_wait=0.0009 * share / 0.4, step_time=share))
    assert "input-bound" not in found(run_of(data_wait=0.0008 + 0 * share, step_time=0.004 * share))
    few = {"steps": STEPS[:20] // 10, "last": 20}  # ten steps of 4 ms, one of them interrupted
    waits = np.r_[np.full(19, 1e-6), 0.02]
    short = run_of(**few, data_wait=waits, step_time=np.full(20, 0.004) + waits)
    assert "input-bound" not in found(short)
    assert "input-bound" in found(run_of(data_wait=share * 0.005, step_time=share * 0.01))


def test_waiting_cannot_be_judged_without_both_and_enough():
    neither = "data_wait and step_time were not logged"
    assert unknown(run_of(loss=np.ones(400)))["input-bound"] == neither
    assert unknown(run_of(step_time=np.ones(400)))["input-bound"] == "data_wait was not logged"
    few = unknown(run_of(steps=STEPS[:9], data_wait=np.ones(9), step_time=np.ones(9)))
    assert "8 are needed" in few["input-bound"]


def test_the_order_of_the_remedies_is_the_playbooks():
    for when, first in (("early", "warmup"), ("later", "gradient clipping at 2.5 (90")):
        words = remedies(when, 2.5)
        order = [first, "another optimizer", "with normalization", "zero-init", "lower learning"]
        places = [words.index(part) for part in order]
        assert places == sorted(places)
        assert words.startswith(f"Begin with {first}")
