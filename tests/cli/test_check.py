"""`labtui check` as a person and as a script calls it."""

import json

import pytest

from labtui.analysis.catalogue import CATALOGUE
from labtui.cli.app import main
from tests.support.algoperf import ROOT as LOGS

KEYS = ["code", "severity", "subject", "evidence", "message", "advice", "procedure"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A lab with the real logs of tests/data."""
    file = tmp_path_factory.mktemp("logs") / "lab.db"
    assert main(["import", str(LOGS), "--lab", str(file)]) == 0
    return file


def test_a_study_is_judged_in_words(labtui):
    found = labtui("check", "digits-optimizer")
    assert found.code == 0
    assert "objective  minimize validation/error_rate (best over training)" in found.out
    assert "! diverged" in found.out
    assert "[P16]" in found.out
    assert "→ " in found.out
    assert "\ncannot judge\n" in found.out


def test_the_document_is_strict_and_every_code_is_in_the_catalogue(labtui):
    document = json.loads(labtui("check", "digits-optimizer", "--json").out)
    assert document["trials"] == 40
    assert document["findings"]
    for finding in document["findings"]:
        assert list(finding) == KEYS
        assert finding["code"] in CATALOGUE
        assert finding["severity"] in ("alert", "warning", "info")
    assert {one["code"] for one in document["not_judged"]} <= set(CATALOGUE)


def test_a_diverged_trial_is_named_with_its_step(labtui):
    document = json.loads(labtui("check", "digits-optimizer", "--json").out)
    shown = json.loads(labtui("show", "digits-optimizer", "--json").out)
    ended = {t["trial"]: t["step"] for t in shown["trials"] if t["state"] == "infeasible"}
    found = {
        f["subject"]["trial"]: f["evidence"]["first_nonfinite_step"]
        for f in document["findings"]
        if f["code"] == "diverged"
    }
    assert ended
    assert found == ended


def test_the_best_trial_of_each_arm_comes_first_and_is_marked(labtui):
    document = json.loads(labtui("check", "digits-optimizer", "--json").out)
    shown = json.loads(labtui("show", "digits-optimizer", "--json").out)
    best = {arm["best_trial"] for arm in shown["arms"]}
    about = [f for f in document["findings"] if f["code"] == "clip-threshold"]
    assert {f["subject"]["trial"] for f in about if f["evidence"].get("best_of_arm")} == best
    assert {f["subject"]["trial"] for f in about[:2]} == best


def test_alerts_can_fail_a_script(labtui):
    shown = json.loads(labtui("show", "digits-optimizer", "--json").out)
    ended = {trial["state"]: trial["trial"] for trial in shown["trials"]}
    assert labtui("check", ended["infeasible"], "--fail-on", "alert").code == 3
    assert labtui("check", ended["completed"], "--fail-on", "alert").code == 0
    # In a wide search some trials diverge: that is a warning about the study.
    assert labtui("check", "digits-optimizer", "--fail-on", "alert").code == 0
    assert labtui("check", "digits-optimizer", "--fail-on", "warning").code == 3


def test_another_objective_is_judged_without_a_rerun(labtui):
    document = json.loads(
        labtui("check", "digits-optimizer", "--metric", "validation/loss", "--json").out
    )
    assert document["objective"]["metric"] == "validation/loss"
    assert document["ranking"]["trials"] > 20
    assert "Kendall" in labtui("check", "digits-optimizer", "--select", "final").out


def test_a_running_study_is_judged_so_far(labtui):
    assert "5 of 8 ended" in labtui("check", "second").out


def test_every_trial_is_named_when_asked(labtui):
    few, all_of_them = (labtui("check", "digits-optimizer", *more).out for more in ([], ["--all"]))
    assert "more (--all names them)" in few
    assert "more (--all names them)" not in all_of_them
    assert len(all_of_them) > len(few)


def test_real_logs_are_judged_by_the_source_of_each_trial(labtui, logs):
    name = "external_tuning.generalized_adam.imagenet_vit_jax"
    shown = json.loads(labtui("show", name, "--json", "--lab", logs).out)
    sources = {trial["trial"]: trial["source"] for trial in shown["trials"]}
    document = json.loads(labtui("check", name, "--json", "--lab", logs).out)
    (diverged,) = [f for f in document["findings"] if f["code"] == "diverged"]
    assert sources[diverged["subject"]["trial"]].endswith("study_0/imagenet_vit_jax/trial_1")
    assert diverged["evidence"]["first_nonfinite_step"] == 9720


def test_the_exact_facts_of_repeated_studies(labtui, logs):
    """Deviation over reruns of the best configuration, and over repetitions, by hand."""
    name = "external_tuning.baseline.ogbg_jax"
    trials = json.loads(labtui("show", name, "--json", "--lab", logs).out)["trials"]
    by_point, by_repetition = {}, {}
    for trial in trials:
        by_point.setdefault(trial["point"], []).append(trial["best_value"])
        by_repetition.setdefault(trial["repetition"], []).append(trial["best_value"])
    best = max(by_point.values(), key=lambda values: sum(values) / len(values))
    document = json.loads(labtui("check", name, "--json", "--lab", logs).out)
    (luck,) = [f["evidence"] for f in document["findings"] if f["code"] == "search-luck"]
    assert luck["retrain_deviation"] == pytest.approx(deviation(best))
    assert luck["study_deviation"] == pytest.approx(
        deviation([max(values) for values in by_repetition.values()])
    )


def deviation(values):
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
