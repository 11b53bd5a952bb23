"""The sentence that answers a study's question, in the states that a study can be in."""

from dataclasses import replace

import numpy as np
import pytest

from labtui.analysis.findings import finding
from labtui.analysis.rerun_order import ArmReruns, order_of_reruns
from labtui.store.lab import Lab
from labtui.verdicts.answer import answer_of, order_answer
from labtui.verdicts.answer_ranges import ranges_to_widen
from labtui.verdicts.answer_words import metric_words, short_arm
from labtui.verdicts.evidence import ArmsRead
from labtui.verdicts.loading import study_table
from labtui.verdicts.tables import arms
from labtui.verdicts.text import share_text
from tests.support.labs import make_lab

NAME = "digits-optimizer"
SPREAD = np.array([[-0.001, 0.0, 0.001], [0.001, 0.0, -0.001]])


@pytest.fixture
def study(lab):
    return lab.study(NAME)


def read(study, *means, infeasible=0, sample=None, spread=SPREAD):
    """Reruns of arms with these means, two configurations of three."""
    found = []
    for number, mean in enumerate(means):
        values = mean + spread
        if number == 0 and infeasible:
            values = values.copy()
            values[0, :infeasible] = np.nan
        name = f"optimizer={'abc'[number]}"
        found.append(ArmReruns(name, ("s/1", "s/2"), values, np.full(2, mean)))
    order = order_of_reruns(found)
    again = ArmsRead(study=study, order=order, seeds=3, waiting=0, steps=10, sample=sample)
    return order_answer(study, again, order)


def test_before_any_rerun_it_speaks_of_this_sample(lab, study):
    trials = lab.trials(NAME)
    answer = answer_of(lab, study, trials)
    assert answer.text.startswith("In this sample ")
    assert answer.text.endswith(f"no order is supported until `labtui rerun {NAME} --arms`.")
    assert "examples, whose standard error is" in answer.text
    assert answer.caveats == ("this holds at 1,000 steps, with batch_size=64 fixed",)
    assert (answer.supported, answer.claim) == (False, "")
    first, second = sorted(row.best_value for row in arms(study, trials))
    assert answer.numbers["gain"] == pytest.approx(second - first)
    assert answer.document()["numbers"]["best"] == first


def boundary(**subject):
    widened = {"definition": "x: {role: nuisance, range: [0, 2]}"}
    subject = {"hyperparameter": "learning_rate", "side": "high", **subject}
    return finding("search-boundary", "alert", "", "", subject=subject, evidence=widened)


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        ([{"condition": "optimizer=adam"}], "the range of adam is cut off: widen it first"),
        (
            [{"condition": "optimizer=adam"}, {"condition": "optimizer=nesterov"}, {}],
            "the ranges of adam, nesterov and learning_rate are cut off: widen them first",
        ),
    ],
)
def test_arms_whose_ranges_are_cut_off_are_widened_before_they_are_compared(
    lab, study, subjects, words
):
    found = [boundary(**one) for one in subjects]
    answer = answer_of(lab, study, lab.trials(NAME), found=found)
    assert answer.text.endswith(f"; {words}, `labtui next {NAME} --kind widen`.")
    assert answer.command == f"labtui next {NAME} --kind widen"
    weak = [replace(one, severity="warning") for one in found]
    assert "no order is supported until" in answer_of(lab, study, lab.trials(NAME), found=weak).text


def test_without_a_verdict_at_hand_the_ranges_are_judged(lab, study):
    whole = study_table(lab, study, lab.trials(NAME))
    assert ranges_to_widen(whole) == []
    index = next(i for i, axis in enumerate(whole.axes) if axis.name == "learning_rate")
    axis = whole.axes[index]
    values = np.where(np.isfinite(axis.unit), 1 - axis.unit, 1.0)
    cut = ranges_to_widen(replace(whole, values=values, states=("completed",) * len(whole)))
    assert [one.subject["hyperparameter"] for one in cut] == ["learning_rate"]


def test_a_study_that_is_not_over_says_so(lab):
    answer = answer_of(lab, lab.study("second"), lab.trials("second"))
    assert "so far: 5 of 8 trials ended" in answer.caveats


def test_without_a_value_there_is_none(lab, study):
    trials = [replace(t, state="infeasible") for t in lab.trials(NAME)]
    assert answer_of(lab, study, trials).text == "None: no trial of 40 completed with a value."
    waiting = [replace(t, state="queued") for t in trials]
    assert answer_of(lab, study, waiting).text == (
        "None yet: 0 of 40 trials ended, none with a value."
    )


def test_an_arm_that_never_trained_leaves_nothing_to_compare(lab, study):
    trials = [
        replace(t, state="infeasible") if t.arm.endswith("adam") else t for t in lab.trials(NAME)
    ]
    text = answer_of(lab, study, trials).text
    assert text.startswith("Only nesterov could be trained: its best validation error rate is 0.0")
    assert text.endswith("and 20 trials of the other arm have no value.")


def test_one_arm_tells_how_much_of_its_best_is_luck(lab, study):
    trials = [replace(t, arm="") for t in lab.trials(NAME)]
    answer = answer_of(lab, study, trials)
    assert answer.text.startswith("The best validation error rate is 0.0")
    assert "another search as large would differ by about 0.00" in answer.text
    assert "the validation sample's standard error is 0.00" in answer.text
    assert answer.command == f"labtui rerun {NAME}/{study.best_trial}"


def test_reruns_support_an_order_of_these_configurations(study):
    answer = read(study, 0.2, 0.3, sample=0.008)
    assert answer.text == (
        "a's best configurations reach a lower validation error rate than b's: 0.2 against 0.3, "
        "difference 0.1 (95 % interval 0.098 to 0.1), 6 reruns each."
    )
    assert (answer.supported, answer.claim, answer.command) == (True, "configurations", "")
    assert answer.caveats[0] == "the validation sample's standard error is 0.008"
    assert answer.caveats[1].startswith("another search could find other configurations: its tri")


def test_a_metric_to_maximize_is_shown_its_own_way(study):
    higher = replace(study, direction="maximize")
    answer = read(higher, -0.8, -0.7)
    assert "reach a higher validation error rate than b's: 0.8 against 0.7, difference 0.1" in (
        answer.text
    )
    assert [one["mean"] for one in answer.numbers["arms"]] == pytest.approx([0.8, 0.7])


def test_what_reruns_do_not_support_names_the_command_that_would(study):
    answer = read(study, 0.2, 0.2001, 0.9)
    assert answer.text.startswith("a's best configurations reach a lower validation error rate")
    assert "than c's: 0.2 against 0.9" in answer.text
    assert "no order of a and b is supported: 0.2 against 0.2001, difference 0.0001" in answer.text
    assert (answer.supported, answer.claim) == (False, "")
    assert answer.command == f"labtui rerun {NAME} --arms -n 3"


def test_an_order_is_held_back_where_the_first_fails_to_train(study):
    answer = read(study, 0.2, 0.3, infeasible=1)
    assert answer.text.startswith("No order of a and b is supported: ")
    assert answer.caveats == ("held back: a could not be trained in 1 of 6 reruns, b in 0 of 6",)
    unclear = read(study, 0.2, 0.2001, infeasible=1)
    assert unclear.caveats == ("1 of 6 reruns of a could not be trained",)


def test_reruns_without_chance_are_said(study):
    answer = read(study, 0.2, 0.3, spread=np.zeros((2, 3)))
    assert "difference 0.1 (no chance in training)" in answer.text
    assert "all reruns of a configuration are equal: training leaves nothing to chance" in (
        answer.caveats
    )


def test_arms_are_named_by_words_alone():
    assert short_arm("optimizer=adam", ["optimizer=adam", "optimizer=sgd"]) == "adam"
    assert short_arm("depth=2", ["depth=2", "depth=3"]) == "depth=2"
    assert short_arm("bn=true", ["bn=true", "bn=false"]) == "bn=true"
    two = ["a=x, b=y", "a=z, b=y"]
    assert short_arm(two[0], two) == two[0]
    assert metric_words("validation/error_rate") == "validation error rate"


def test_arms_show_their_gap_and_their_share_of_failures(lab, study):
    rows = arms(study, lab.trials(NAME))
    assert min(row.gap for row in rows) == 0
    bests = sorted(row.best_value for row in rows)
    assert max(row.gap for row in rows) == pytest.approx(bests[1] - bests[0])
    assert [row.ended for row in rows] == [20, 20]
    assert (share_text(3, 20), share_text(0, 20), share_text(1, 0)) == ("3 (15 %)", "0", "1")


def test_evidence_about_a_study_that_is_gone_says_so(tmp_path):
    paths = make_lab(tmp_path, points=4)
    with Lab(paths) as lab:
        found = lab.study(NAME)
        orphan = replace(found, parent="gone", kind="replica")
        told = answer_of(lab, orphan, lab.trials(NAME)).text
    assert told == "Evidence about gone, which is no longer in the lab."
