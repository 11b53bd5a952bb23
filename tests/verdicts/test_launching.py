"""What a launch says of itself, from labs whose results are made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labtui.analysis.complexity import (
    BORNE,
    DOUBLED,
    MOST,
    OPTIMIZER,
    PART_ON,
    SLOWER,
    STATE,
    UPKEEP,
)
from labtui.analysis.decision import ADOPT_LEVELS, GROUPS, REJECT_LEVELS
from labtui.analysis.findings import finding
from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.verdicts.launch_first import look_at_first
from labtui.verdicts.launch_holds import _search, context, noisier
from labtui.verdicts.launch_lineage import lineage_lines
from labtui.verdicts.launch_plan import LaunchRefused, plan_launch, standing_launch, weigh
from labtui.verdicts.launch_reruns import Reruns, left_out_text
from labtui.verdicts.launch_words import fields, headline, reason
from labtui.verdicts.launching import begin_launch, decide_launch
from tests.support.labs import make_lab

BASE = {"optimizer": "nesterov", "learning_rate": 0.1, "batch_size": 64}


@pytest.fixture
def paths(tmp_path):
    paths = make_lab(tmp_path, points=8)
    configuration = {"params": BASE, "budget": {"max_train_steps": 500}, "trainer": {"name": "mlx"}}
    asking.set_baseline(paths, "digits-mlp", configuration, reason="by hand")
    return paths


def test_the_plan_is_recorded_before_anything_is_trained(paths):
    with Lab(paths) as lab:
        planned = plan_launch(lab, "digits-optimizer", "1")
    assert planned.candidate.name == "digits-optimizer/1"
    begun = begin_launch(paths, planned)
    assert begun.record.data["plan"]["groups"] == list(GROUPS)
    assert begun.record.verdict == "undecided"
    assert begun.open_group == GROUPS[0]
    texts = [one["text"] for one in begun.record.evidence["complexity"]]
    assert "optimizer nesterov → adam: keeps 2 numbers a weight, not 1" in texts
    with Lab(paths) as lab:
        again = plan_launch(lab, "digits-optimizer/1", least_gain=0.01)
        assert again.record.id == begun.record.id
        assert (again.least.absolute, again.named) == (0.01, True)  # nothing was looked at yet
        assert decide_launch(lab, again).looks == []
        other = plan_launch(lab, "digits-optimizer", "3")
    assert other.reruns == "digits-optimizer-launch-2"
    assert "undecided: digits-optimizer/1 against baseline 1" in headline(begun.record)
    assert dict(fields(begun.record))["next"] == "labtui launch digits-optimizer/1"


def test_a_least_gain_is_not_chosen_after_a_look(paths):
    with Lab(paths) as lab:
        planned = plan_launch(lab, "digits-optimizer", "1", 0.01)
    begun = begin_launch(paths, planned)
    launch = asking.Launch(
        workload="digits-mlp",
        study="digits-optimizer",
        trial="digits-optimizer/1",
        baseline=1,
        verdict="undecided",
        evidence={},
        reason="",
        data={**begun.data, "looks": [{"verdict": "undecided", "following": 7}]},
        launch=begun.record.id,
    )
    asking.record_launch(paths, launch)
    with Lab(paths) as lab:
        assert plan_launch(lab, "digits-optimizer", "1").least.absolute == 0.01
        with pytest.raises(LaunchRefused, match=r"planned with 0\.01, and its reruns were looked"):
            plan_launch(lab, "digits-optimizer", "1", 0.001)


def test_a_gain_of_few_examples_holds_a_launch_back(paths):
    with Lab(paths) as lab:
        planned = plan_launch(lab, "digits-optimizer", "1")
        few, enough = (context(lab, planned, gain, 0.05) for gain in (3 / 360, 4 / 360))
        assert [one["code"] for one in few.held] == ["other-trainer", "validation-too-small"]
        assert "made by mlx, and what it reaches there was not" in few.held[0]["message"]
        assert few.sample["gain_examples"] == pytest.approx(3)
        assert few.sample["standard_error"] == pytest.approx((0.05 * 0.95 / 360) ** 0.5)
        made = {**planned.baseline.configuration, "trainer": planned.study.spec["trainer"]}
        longer = {**made, "budget": {"max_train_steps": 10**6, "eval_every": 1}}
        shorter = replace(planned, baseline=replace(planned.baseline, configuration=longer))
        (held,) = context(lab, shorter, 4 / 360, 0.05).held
        assert (held["code"], held["procedure"]) == ("shorter-training", "P35")
        assert "was made with 1,000,000" in held["message"]
        alike = replace(planned, baseline=replace(planned.baseline, configuration=made))
        assert context(lab, alike, 4 / 360, 0.05).held == ()
        assert context(lab, alike, None, 0.05).held == ()
    told = " ".join(enough.caveats)
    assert "the baseline was made with 500" in told
    assert "trained by the candidate's trainer" in told
    assert "batch_size=64" in told


def test_other_candidates_against_the_same_baseline_are_counted(paths):
    with Lab(paths) as lab:
        first, second = (plan_launch(lab, "digits-optimizer", trial) for trial in "12")
        assert "other candidate" not in " ".join(context(lab, first, 0.1, 0.05).caveats)
    begin_launch(paths, first)
    with Lab(paths) as lab:
        told = " ".join(context(lab, second, 0.1, 0.05).caveats)
        again = " ".join(context(lab, first, 0.1, 0.05).caveats)
    assert "1 other candidate was held against baseline 1" in told
    assert "up to 6 %" in told
    assert "other candidate" not in again


def test_a_loss_has_an_interval_of_losses_and_thresholds_have_names(paths):
    with Lab(paths) as lab:
        planned = plan_launch(lab, "digits-optimizer", "1")
    values = {"worth": 0.3, "candidate": {"mean": 0.9, "infeasible": 0}, "reruns": 5, "why": "why"}
    look = {"cause": "unclear", "gain": -0.2, "low": -0.5, "high": 0.1, "least": 0.0, **values}
    look |= {"baseline": {"mean": 0.7, "infeasible": 0}, "following": 7}
    said = reason(planned, "undecided", look, {})
    assert said.endswith("a loss of 0.2 (-0.1 to 0.5): why (0 pays, 0.3 is worth having).")
    assert "a gain of 0.2 (-0.5 to 0.1)" in reason(planned, "undecided", {**look, "gain": 0.2}, {})
    assert "a loss of 0.2 (– to 0.5)" in reason(planned, "undecided", {**look, "high": None}, {})


def test_a_noisy_candidate_is_called_so():
    sides = {"candidate": {"deviation": 0.5}, "baseline": {"deviation": 0.2}}
    assert "deviate 2.5 times as much" in noisier(sides)[0]
    assert noisier({**sides, "baseline": {"deviation": 0.3}}) == []
    assert noisier({**sides, "baseline": {"deviation": 0.0}}) == []
    assert noisier({**sides, "baseline": None}) == []


def test_a_first_baseline_has_to_beat_chance_by_a_margin(paths):
    with Lab(paths) as lab:
        study = lab.study("digits-optimizer")  # 360 examples, chance 0.9
        for values, expected in (
            ([0.3] * 5, ("adopt", "above-chance")),
            ([0.87, 0.88, 0.87, 0.88, 0.87], ("reject", "below-chance")),  # two standard errors
            ([0.3] * 4 + [np.nan], ("reject", "fails")),
        ):
            look = look_at_first(lab, study, np.array(values))
            assert (look["verdict"], look["cause"]) == expected


def test_the_page_has_the_plan_that_the_code_has():
    page = (Path(__file__).parents[2] / "docs" / "launching.md").read_text()
    plan = zip(range(1, 9), GROUPS, ADOPT_LEVELS, REJECT_LEVELS, strict=False)
    for look, reruns, adopt, reject in plan:
        assert f"| {look} | {reruns} | {adopt:.3f} | {reject:.2f} |" in page
    assert f"| only removals | {-BORNE:g}:" in page
    assert f"added up to at most {MOST:g};" in page
    for price in (PART_ON, OPTIMIZER, STATE, UPKEEP, DOUBLED):
        assert f"{price:g} |" in page or f"{price:g}, and {STATE:g} for each further" in page
    assert f"from {SLOWER:g} times on" in page


def test_a_lineage_shows_what_was_left(paths):
    configuration = {"params": {**BASE, "learning_rate": 1}}
    asking.set_baseline(paths, "digits-mlp", configuration, reason="bolder")
    asking.roll_back(paths, "digits-mlp", 2, "diverged \x1b[2J on Tuesday")
    asking.set_baseline(paths, "digits-mlp", configuration, reason="bolder again")
    with Lab(paths) as lab:
        lines = lineage_lines(lab, "digits-mlp")
    assert [line.split()[:2] for line in lines if "─" in line] == [
        ["└─", "1"],
        ["├─", "2"],
        ["└─", "3"],
    ]
    text = "\n".join(lines)
    assert "rolled back" in text
    assert "\x1b" not in text
    assert lines[-2].endswith("← current")


def test_the_standing_launch_of_a_study_is_that_of_its_best_trial(paths):
    with Lab(paths) as lab:
        best = f"digits-optimizer/{lab.study('digits-optimizer').best_trial}"
    other = "digits-optimizer/1"
    assert best != other
    asking.record_launch(
        paths,
        asking.Launch(
            workload="digits-mlp",
            study="digits-optimizer",
            trial=other,
            baseline=1,
            verdict="adopt",
            evidence={},
            reason="by hand",
            adopt={"params": {**BASE, "learning_rate": 0.2}},
        ),
    )
    with Lab(paths) as lab:
        assert standing_launch(lab, "digits-optimizer") is None  # a better trial was not launched
        assert standing_launch(lab, "digits-optimizer", "1").trial == other
        assert standing_launch(lab, other).trial == other
        assert plan_launch(lab, "digits-optimizer").candidate.name == best


def test_shorter_training_is_no_simplification_of_a_baseline_that_is_cut_as_well(paths):
    with Lab(paths) as lab:
        study, trial = lab.study("digits-optimizer"), lab.trial("digits-optimizer/1")
        steps = study.spec["budget"]["max_train_steps"]
        baseline = lab.baseline("digits-mlp")
        for had in (2 * steps, steps // 2):
            configuration = {**baseline.configuration, "params": trial.params}
            other = replace(
                baseline, configuration={**configuration, "budget": {"max_train_steps": had}}
            )
            found = weigh(study, trial, other)
            assert not found.simpler
            assert found.least.deviations == (0 if had > steps else DOUBLED)


def test_the_luck_of_the_search_is_told_without_that_of_retraining():
    told = {"search_deviation": 0.02, "trials": 48}
    luck = finding("search-luck", "info", "…; nothing was rerun, so …", "", evidence=told)
    message = _search([luck])["message"]
    assert message == "The best of another search of 48 trials would deviate by about 0.02"


def test_two_launches_that_were_planned_at_once_end_with_one_record(paths):
    with Lab(paths) as lab:
        ours = plan_launch(lab, "digits-optimizer", "1", 0.01)
        theirs = plan_launch(lab, "digits-optimizer", "1")
        other = plan_launch(lab, "digits-optimizer", "1", 0.5)
    begun = begin_launch(paths, ours)
    looked = asking.Launch(
        workload="digits-mlp",
        study="digits-optimizer",
        trial="digits-optimizer/1",
        baseline=1,
        verdict="undecided",
        evidence={},
        reason="",
        data={**begun.data, "looks": [{"verdict": "undecided", "following": 7}]},
        launch=begun.record.id,
        known_looks=0,
    )
    asking.record_launch(paths, looked)
    found = begin_launch(paths, theirs)
    assert (found.record.id, len(found.looks)) == (begun.record.id, 1)
    assert (found.least.absolute, found.named) == (0.01, True)  # as it was planned before the look
    with pytest.raises(LaunchRefused, match=r"planned with 0\.01, and its reruns were looked"):
        begin_launch(paths, other)
    with Lab(paths) as lab:
        assert len(lab.launches()) == 1


def test_numbers_are_read_in_words():
    changes = weigh_optimizer("momentum", "adam")
    assert "keeps 1 number a weight, not 2" in changes


def weigh_optimizer(new, old):
    from labtui.analysis.complexity import complexity

    found = complexity({"optimizer": new}, {"optimizer": old}, {})
    return " ".join(change.text for change in found.changes)


def test_reruns_that_do_not_count_are_told():
    assert left_out_text([Reruns((), 0), Reruns((), 0)]) == []
    (told,) = left_out_text([Reruns((), 1), Reruns((), 1)])
    assert told.startswith("2 reruns stopped by a person")
