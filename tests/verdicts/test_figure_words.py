"""What is said below figures: their findings with their numbers, or why nothing can be judged."""

import dataclasses

import numpy as np
import pytest

from labtui.analysis.budgets import budget_curve
from labtui.analysis.findings import cannot_judge, finding
from labtui.verdicts import figure_words as words
from labtui.verdicts.brief import brief
from labtui.verdicts.figures import axis_points, varied
from labtui.verdicts.figures_results import isolations
from labtui.verdicts.loading import study_table

NAME = "digits-optimizer"
NOTHING = words.Judged()


@pytest.fixture(scope="module")
def seen(lab):
    study, trials = lab.study(NAME), lab.trials(NAME)
    table = study_table(lab, study, trials)
    judged = words.Judged.of(brief(lab, study, trials))
    return study, trials, table, judged, varied(lab.hyperparameters(NAME))


def said(seen, place, judged):
    study, trials, _, _, definitions = seen
    definition = definitions[place]
    return words.axis_words(study, definition, axis_points(trials, definition), judged)


def boundary(**subject):
    evidence = {
        "best_trials": 5,
        "share_of_best_near_edge": 0.6,
        "strength": "strong",
        "proposed_range": [0.001, 100.0],
    }
    return finding("search-boundary", "alert", "m", "a", subject=subject, evidence=evidence)


def test_a_finding_is_said_below_its_own_axis_alone(seen):
    nesterov = {"hyperparameter": "learning_rate", "condition": "optimizer=nesterov"}
    judged = words.Judged([boundary(**nesterov, side="high")])
    first, second = said(seen, 0, judged), said(seen, 1, judged)
    assert first.line == "▲ 3 of the best 5 lie in the highest fifth → try 0.001 … 100"
    assert first.finding is judged.findings[0]
    assert first.own
    assert second.sign == "✓"
    assert second.finding is None


def test_what_cannot_be_judged_and_what_is_not_yet_judged(seen):
    why = cannot_judge("search-boundary", "7 configurations", hyperparameter="weight_decay")
    judged = words.Judged(unknown=[why])
    assert said(seen, 2, judged).line == "? cannot judge: 7 configurations"
    assert said(seen, 0, judged).sign == "✓"
    assert said(seen, 0, None) == words.WAITING
    assert said(seen, 0, words.Judged(evidence=True)) == words.CHOSEN


def test_the_best_trials_are_where_it_says(seen):
    study, trials, _, _, definitions = seen
    best = axis_points(trials, definitions[0]).best(words.BEST, minimize=study.minimize)
    values = sorted(
        (t.value, t.params["learning_rate"])
        for t in trials
        if t.state == "completed" and t.arm.endswith("nesterov")
    )
    assert [x for x, _ in best] == [x for _, x in values[: words.BEST]]
    low, high = min(x for x, _ in best), max(x for x, _ in best)
    assert f"from {low:.2g} to {high:.2g}" in said(seen, 0, NOTHING).text


def test_few_good_points_are_said_of_axes_that_have_nothing_worse(seen):
    evidence = {"good_points": 2, "usable_points": 30}
    sparse = finding("sparse-sampling", "warning", "m", "a", evidence=evidence)
    told = said(seen, 0, words.Judged([sparse]))
    assert told.sign == "!"
    assert "only 2 of 30 trials" in told.text
    assert not told.own


def test_arms_are_compared_with_how_usual_the_lead_is(seen):
    _, _, table, judged, _ = seen
    (found,) = isolations(table)
    told = words.isolation_words(table, found, judged)
    first, second = judged.order.arms[:2]
    assert told.text.startswith(f"{first.arm.partition('=')[2]} is ")
    assert second.arm.partition("=")[2] in told.text
    assert ("more than by chance" in told.text) == judged.order.unusual


def test_a_hyperparameter_without_an_effect_is_to_be_fixed(seen):
    _, _, table, _, _ = seen
    (found,) = isolations(table, "weight_decay")
    subject = {"hyperparameter": "weight_decay"}
    none = finding("insensitive", "info", "m", "a", subject=subject, evidence={"share": 0.02})
    told = words.isolation_words(table, found, words.Judged([none]))
    assert told.line.startswith("i makes no difference, 2% of the spread → fix it")
    why = cannot_judge("insensitive", "cannot tell yet: 5 %", **subject)
    told = words.isolation_words(table, found, words.Judged(unknown=[why]))
    assert told.line == "? cannot judge whether it matters: 5 %"
    assert words.isolation_words(table, found, NOTHING).line.startswith("✓ it matters: ")


def test_the_budget_says_what_half_as_many_trials_would_have_missed(seen):
    _, _, table, judged, _ = seen
    told = words.budget_words(table, judged)
    arm = table.arms[table.ranked[0]]
    rows = table.of_arm(arm)
    curve = budget_curve(table.values[rows], table.feasible[rows], quantiles=(0.75,))
    half = int(np.flatnonzero(curve.budgets == rows.size // 2)[0])
    worse = curve.values[0][half] - curve.values[0][-1]
    assert worse > 0
    assert f"a quarter of searches of {rows.size // 2} trials end {worse:.2g} worse" in told.text
    assert "another search: ±" in told.text
    assert words.budget_words(table, NOTHING).sign == "?"


def test_the_length_is_judged_by_the_findings(seen):
    evidence = {"runs_in_part": 9, "runs": 10}
    few = finding("steps-too-few", "info", "m", "a", evidence=evidence)
    told = words.best_step_words(words.Judged([few]))
    assert told.line.startswith("i 9 of 10 runs are best in the last 25 % → ")
    assert words.best_step_words(NOTHING).sign == "✓"
    why = cannot_judge("steps-too-few", "the study selects the final value, not the best")
    assert words.best_step_words(words.Judged(unknown=[why])).sign == "?"


def test_nothing_from_outside_moves_the_screen(seen):
    subject = {"hyperparameter": "weight_decay"}
    why = cannot_judge("search-boundary", "a\x1b[31mb", **subject)
    assert "\x1b" not in said(seen, 2, words.Judged(unknown=[why])).text
    one = boundary(**subject, side="low")
    evil = dataclasses.replace(
        one, evidence={**one.evidence, "proposed_range": None}, advice="\x1b[2J cut."
    )
    assert "\x1b" not in said(seen, 2, words.Judged([evil])).text
