"""What a workload's baselines made void, over their lineage and the studies since (P02, P03)."""

import pytest

from labtui.engine.asking import Launch, record_launch, roll_back, set_baseline
from labtui.engine.client import put_card
from labtui.store.lab import Lab
from labtui.verdicts.baselines import lineage, retunes
from labtui.verdicts.card import card_document, read_card, task_sentences
from tests.support.labs import make_lab

WORKLOAD = "digits-mlp"
NUMPY = {"name": "numpy", "options": {}}
OPTIMIZER = ["learning_rate", "weight_decay", "momentum"]


@pytest.fixture
def paths(tmp_path):
    return make_lab(tmp_path, points=2)


def adopt(paths, *, study="", trial="", trainer=NUMPY, **params):
    """Make a baseline; the trainer's own names have its defaults."""
    values = {"optimizer": "nesterov", "learning_rate": 0.1, "weight_decay": 1e-4, **params}
    configuration = {"params": values, "trainer": trainer}
    return set_baseline(paths, WORKLOAD, configuration, study=study, trial=trial, reason="so")


def to_retune(paths):
    with Lab(paths) as lab:
        return {one.name: [str(change) for change in one.because] for one in retunes(lab, WORKLOAD)}


def test_a_first_baseline_and_one_of_other_rates_make_nothing_void(paths):
    assert to_retune(paths) == {}
    adopt(paths, batch_size=32)
    adopt(paths, batch_size=32, learning_rate=0.3)
    assert to_retune(paths) == {}


def test_a_larger_batch_is_to_be_tuned_for_until_a_study_did(paths, tmp_path):
    adopt(paths, batch_size=32)
    adopt(paths, batch_size=64)
    because = ["batch_size 32 → 64"]
    assert to_retune(paths) == dict.fromkeys(OPTIMIZER, because)
    make_lab(tmp_path, name="unfinished", points=2, state="stopped")
    assert to_retune(paths) == dict.fromkeys(OPTIMIZER, because)
    # It fixes batch_size at 64, and has learning rate and weight decay as nuisance.
    make_lab(tmp_path, name="later", points=2)
    assert to_retune(paths) == {"momentum": because}


def test_a_study_under_the_old_value_tunes_nothing(paths, tmp_path):
    adopt(paths, batch_size=64)
    adopt(paths, batch_size=256)
    make_lab(tmp_path, name="later", points=2)
    assert set(to_retune(paths)) == set(OPTIMIZER)


def test_the_study_that_it_comes_from_has_tuned_it(paths):
    adopt(paths, batch_size=32)
    adopt(paths, batch_size=64, study="digits-optimizer")
    assert set(to_retune(paths)) == {"momentum"}


def test_the_model_and_the_optimizer_count_too_and_add_up(paths):
    adopt(paths)
    adopt(paths, width=512)
    adopt(paths, width=512, optimizer="adam")
    found = to_retune(paths)
    both = ["width 128 → 512", "optimizer nesterov → adam"]
    assert found == {"learning_rate": both, "weight_decay": both, "beta1": both}


def test_a_roll_back_makes_it_good(paths):
    first = adopt(paths, batch_size=32)
    second = adopt(paths, batch_size=64)
    roll_back(paths, WORKLOAD, second, "no gain after all")
    assert to_retune(paths) == {}
    with Lab(paths) as lab:
        assert [one.id for one in lineage(lab, WORKLOAD)] == [first]


def probe(paths, **params):
    table = [{"batch_size": size, "step_time": size / 1e4} for size in (8, 16)]
    entry = {"params": params, "table": table, "largest_that_pays": 16, "date": "2026-01-01T00:00"}
    card = {"batch_size_probe": entry, "stability_probe": {"params": {**params, "batch_size": 8}}}
    put_card(paths, WORKLOAD, card, trainer="numpy", metric="m", goal="minimize")


def test_probes_are_stale_when_what_they_measured_changed(paths):
    adopt(paths, batch_size=64)
    probe(paths, optimizer="nesterov", width=64, learning_rate=1.0)
    with Lab(paths) as lab:
        card = read_card(lab, WORKLOAD)
    assert card.feasible == [8, 16]
    # A probe of batch sizes holds for every size; neither depends on the rate.
    assert card.probe_again == {
        "batch_size_probe": "width 64 → 128",
        "stability_probe": "width 64 → 128, batch_size 8 → 64",
    }
    assert card_document(card)["batch_sizes"] == {
        "feasible": [8, 16],
        "largest_that_pays": 16,
        "date": "2026-01-01T00:00",
        "stale": "width 64 → 128",
    }
    said = "\n".join(task_sentences(card))
    assert "probe the batch sizes again (`labtui probe batch-size`): width 64 → 128 (P02)" in said


def test_a_retrain_deviation_is_stale_when_the_pipeline_changed(paths):
    with Lab(paths) as lab:
        trial = lab.trial("digits-optimizer/0")
    known = {
        "deviation": 0.01,
        "mean": 0.1,
        "reruns": 5,
        "trial": trial.name,
        "metric": "validation/error_rate",
        "steps": 1000,
        "versions": {"python": "3.11"},
    }
    for versions, stale in (("3.11", ""), ("3.10", "python is 3.11, it was 3.10")):
        entry = {**known, "versions": {"python": versions}}
        put_card(paths, WORKLOAD, {"retrain": entry}, trainer="numpy", metric="m", goal="minimize")
        with Lab(paths) as lab:
            card = read_card(lab, WORKLOAD)
        assert card.retrain_stale == stale
        assert card_document(card)["retrain"]["stale"] == stale


def test_a_trial_of_another_workload_is_no_baseline_of_this(paths):
    from labtui.verdicts.card import BaselineError, baseline_of

    put_card(paths, "other", {}, trainer="numpy", metric="m", goal="minimize")
    with Lab(paths) as lab, pytest.raises(BaselineError, match="is of workload 'digits-mlp'"):
        baseline_of(lab, "other", "digits-optimizer/0")


def test_a_baseline_of_a_trainer_that_is_gone_is_still_shown(paths):
    adopt(paths, trainer={"name": "gone", "options": {}}, batch_size=32)
    adopt(paths, trainer={"name": "gone", "options": {}}, batch_size=64)
    with Lab(paths) as lab:
        card = read_card(lab, WORKLOAD)
    # Nothing is declared: names tell, and no default is known.
    assert {one.name for one in card.retune} == {"learning_rate", "weight_decay"}
    assert [one.code for one in card.verdict.not_judged] == ["below-chance"]


def test_the_value_of_a_launched_baseline_is_that_of_its_reruns_not_of_the_selected_trial(paths):
    trial = "digits-optimizer/0"
    launch = Launch(
        workload=WORKLOAD,
        study="digits-optimizer",
        trial=trial,
        baseline=None,
        verdict="adopt",
        evidence={"candidate": {"mean": 0.25}},
        reason="so",
        adopt={"params": {"learning_rate": 0.1}, "trainer": NUMPY},
    )
    record_launch(paths, launch)
    with Lab(paths) as lab:
        assert lab.trial(trial).value != 0.25
        assert read_card(lab, WORKLOAD).value == 0.25
    set_baseline(paths, WORKLOAD, {"params": {}, "trainer": NUMPY}, trial=trial, reason="by hand")
    with Lab(paths) as lab:
        assert read_card(lab, WORKLOAD).value == lab.trial(trial).value
