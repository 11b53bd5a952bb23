"""Trials and studies beside each other: what differs, whether it is fair, what is concluded."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labtui.analysis.pairs import LEVEL, beyond_luck, chance_of, level_of
from labtui.engine.client import put_card
from labtui.store.changes import (
    NewTrial,
    add_runner,
    add_study,
    claim_trial,
    end_trial,
    record_start,
)
from labtui.store.errors import UnknownName
from labtui.store.identity import own_identity
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.verdicts.comparison import NotComparable, compare, comparison_document
from labtui.verdicts.comparison_chance import rerun_values
from labtui.verdicts.comparison_figures import curve_figures, isolation_figures
from labtui.verdicts.comparison_words import command, told
from labtui.verdicts.reruns import retrain_entry
from tests.support import labs

ALGOPERF = Path(__file__).parents[1] / "data/algoperf/algoperf_v05/logs/external_tuning"
ONE, TWO = "digits-optimizer", "second"


@pytest.fixture
def paths(tmp_path):
    """A study of 24 trials, and one of 16 that is not over."""
    labs.make_lab(tmp_path, points=12, evaluations=10)
    return labs.make_lab(tmp_path, name=TWO, points=8, ended=12, evaluations=10, state="stopped")


def change(paths, sql, *values):
    connection = sqlite3.connect(paths.db)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def change_spec(paths, name, **parts):
    with Lab(paths) as lab:
        spec = lab.study(name).spec
    for part, entries in parts.items():
        spec[part] = {**spec[part], **entries}
    change(paths, "UPDATE studies SET spec = ? WHERE name = ?", json.dumps(spec), name)


def add_reruns(paths, trial, values, name=None):
    """Train a trial again: one rerun a value."""
    name = name or f"{trial.study}-rerun-{trial.number}"
    new = labs._study(name, len(values))
    again = [
        NewTrial(n, None, "", trial.params, {}, 2000 + n, trial.max_steps)
        for n in range(len(values))
    ]
    with Writer(paths) as writer:
        study = add_study(writer, replace(new, parent=trial.study, kind="rerun"), again)
        first = writer.connection.execute(
            "SELECT min(id) FROM trials WHERE study = ?", (study,)
        ).fetchone()[0]
        runner = add_runner(writer, own_identity(), version="test", slots=1)
        for place, value in enumerate(values):
            ident = first + place
            claim_trial(writer, ident, study=study, runner=runner, attempt=1, start_step=0)
            writer.watch(ident, "validation/error_rate", minimize=True)
            record_start(writer, ident, device="cpu", versions={"python": "3.11"}, code={})
            writer.add_points(ident, [("validation/error_rate", 1000, value)])
            end_trial(
                writer,
                ident,
                study=study,
                state="completed",
                reason="",
                detail="",
                step=1000,
                seconds=1.0,
            )
    return name


def keep_deviation(paths, name, trial):
    """Put what reruns came to on the card, as `labtui rerun` does."""
    with Lab(paths) as lab:
        study = lab.study(name)
        entry = retrain_entry(study, lab.trials(name), trial)
    put_card(
        paths,
        study.workload,
        {"retrain": entry},
        trainer="numpy",
        metric=study.metric,
        goal="minimize",
    )


def texts(paths, *names):
    with Lab(paths) as lab:
        return [one.text for one in compare(lab, names).conclusions]


def codes(paths, *names, judge=False):
    with Lab(paths) as lab:
        return {one.code: one.text for one in compare(lab, names, judge=judge).cautions}


# -- the parts ------------------------------------------------------------------------------


def test_the_chance_of_a_difference_is_that_of_simulated_pairs():
    rng = np.random.default_rng(1)
    reruns, pairs = rng.normal(size=(20_000, 5)), rng.normal(size=(20_000, 2))
    deviations = reruns.std(axis=1, ddof=1)
    differences = np.abs(pairs[:, 0] - pairs[:, 1])
    found = [chance_of(d, s, 4) for d, s in zip(differences[:4000], deviations[:4000], strict=True)]
    assert np.mean(np.array(found) <= LEVEL) == pytest.approx(LEVEL, abs=0.012)
    assert chance_of(0.1, 0.0, 4) == 0.0
    assert chance_of(0.0, 0.0, 4) == 1.0


def test_more_pairs_make_each_level_smaller_and_two_lucks_add_up():
    assert level_of(2) == LEVEL
    assert level_of(5) == LEVEL / 10
    assert beyond_luck(0.1, (0.03, 0.03))
    assert not beyond_luck(0.1, (0.04, 0.04))


# -- trials ---------------------------------------------------------------------------------


def test_parameters_that_differ_come_first_and_both_trials_are_said(paths):
    with Lab(paths) as lab:
        found = compare(lab, [f"{ONE}/3", f"{ONE}/6"])
        three, six = lab.trial(f"{ONE}/3"), lab.trial(f"{ONE}/6")
    assert (found.kind, found.labels) == ("trials", ("#3", "#6"))
    parameters, outcome = found.sections
    assert [row.name for row in parameters.rows if row.differs] == [
        "optimizer",
        "learning_rate",
        "weight_decay",
    ]
    assert parameters.rows[-1].name == "batch_size"
    rate = next(row for row in parameters.rows if row.name == "learning_rate")
    assert rate.values == (three.params["learning_rate"], six.params["learning_rate"])
    shown = {row.name: row.values for row in outcome.rows}
    assert shown["best validation/error_rate"] == (three.value, six.value)
    assert shown["seed"] == (1001, 1003)
    assert not found.cautions


def test_without_reruns_it_cannot_judge_and_says_what_would_tell(paths):
    (text,) = texts(paths, f"{ONE}/3", f"{ONE}/6")
    assert "cannot judge, no reruns: `labtui rerun digits-optimizer/" in text
    assert " against " in text


def test_a_difference_is_set_beside_the_deviation_that_the_lab_knows(paths):
    with Lab(paths) as lab:
        trial, other = lab.trial(f"{ONE}/3"), lab.trial(f"{ONE}/6")
    gap = abs(trial.value - other.value)
    around = trial.value + gap * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # deviates by 1.58 gaps
    name = add_reruns(paths, trial, around)
    keep_deviation(paths, name, trial.name)
    with Lab(paths) as lab:
        (one,) = compare(lab, [trial.name, other.name]).conclusions
    assert "0.63 deviations of retraining" in one.text
    assert "5 reruns of digits-optimizer/3" in one.text
    assert "No evidence: chance sets equals so far apart in 68 % of pairs." in one.text
    assert one.supported is False
    assert one.numbers["p"] == pytest.approx(chance_of(gap, one.numbers["retrain_deviation"], 4))

    change(paths, "UPDATE trials SET versions = ? WHERE id = ?", '{"python": "3.12"}', other.id)
    (text,) = texts(paths, trial.name, other.name)
    assert "the deviation that is known does not hold for #6: python is 3.12, it was 3.11" in text


def test_where_both_were_trained_again_their_means_are_compared(paths):
    with Lab(paths) as lab:
        trial, other = lab.trial(f"{ONE}/3"), lab.trial(f"{ONE}/6")
    add_reruns(paths, trial, [0.050, 0.051, 0.052])
    add_reruns(paths, other, [0.080, 0.081, 0.082])
    with Lab(paths) as lab:
        found = compare(lab, [trial.name, other.name])
        side = found.sides[0]
        assert rerun_values(lab, side).tolist() == [0.050, 0.051, 0.052]
    (one,) = found.conclusions
    assert one.text.startswith("Trained again, #3 is 0.03 lower than #6 (mean 0.051 against 0.081")
    assert one.supported
    again = next(row for row in found.sections[1].rows if row.name == "trained again")
    assert again.cells == ("0.051 ± 0.001 (3)", "0.081 ± 0.001 (3)")


def test_what_differs_but_the_parameters_is_said_each_in_a_sentence(paths):
    change(paths, "UPDATE trials SET device = 'cuda:0', max_steps = 5000 WHERE study = 2")
    change(paths, "UPDATE trials SET versions = ?, code = ? WHERE study = 2",
           '{"python": "3.12"}', '{"train.py": "b"}')  # fmt: skip
    change(paths, "UPDATE trials SET code = ? WHERE study = 1", '{"train.py": "a"}')
    change(
        paths, "UPDATE trials SET params = json_set(params, '$.batch_size', 256) WHERE study = 2"
    )
    change_spec(paths, TWO, budget={"eval_every": 100}, trainer={"options": {"data": "more"}})
    found = codes(paths, f"{ONE}/3", f"{TWO}/3")
    assert found["steps"].startswith(
        "they train 1,000 (digits-optimizer/3) and 5,000 (second/3) steps"
    )
    assert "256 (second/3)" in found["batch-size"]
    assert "every 40 (digits-optimizer/3) and 100 (second/3) steps" in found["evaluations"]
    assert "train.py changed between digits-optimizer/3 and second/3" in found["code"]
    assert "python 3.11 (digits-optimizer/3) and 3.12 (second/3)" in found["versions"]
    assert "cuda:0 (second/3)" in found["device"]
    assert '{"data": "more"}' in found["trainer"]


def test_evaluations_that_are_nearly_as_many_are_no_matter(paths):
    change_spec(paths, TWO, budget={"eval_every": 60})
    assert "evaluations" not in codes(paths, f"{ONE}/3", f"{TWO}/3")


def test_other_workloads_are_not_ranked(paths):
    with Writer(paths) as writer:
        add_study(writer, replace(labs._study("elsewhere", 2), workload="other"), [labs._trial(0)])
    with Lab(paths) as lab:
        found = compare(lab, [f"{ONE}/3", "elsewhere/0"])
    assert [one.text for one in found.conclusions] == [
        "They cannot be ranked: they train other workloads."
    ]
    assert "digits-mlp (digits-optimizer/3) and other (elsewhere/0)" in found.cautions[0].text


def test_a_trial_without_a_value_is_not_ranked(paths):
    with Lab(paths) as lab:
        bad = next(t.name for t in lab.trials(ONE) if t.state == "infeasible")
        found = compare(lab, [f"{ONE}/3", bad])
    assert found.conclusions[0].text == "There is nothing to rank: only #3 has a value."
    assert "infeasible (diverged at step" in found.cautions[0].text


def test_the_same_parameters_differ_by_luck(paths):
    with Lab(paths) as lab:
        params = json.dumps(lab.trial(f"{ONE}/3").params)
    change(paths, "UPDATE trials SET params = ? WHERE study = 2 AND number = 3", params)
    (text,) = texts(paths, f"{ONE}/3", f"{TWO}/3")
    assert "they have the same parameters, so that the difference is luck" in text


def test_a_study_among_trials_stands_for_its_best(paths):
    with Lab(paths) as lab:
        best = f"{TWO}/{lab.study(TWO).best_trial}"
        found = compare(lab, [f"{ONE}/3", TWO])
    assert found.names == (f"{ONE}/3", best)
    assert found.notes == (f"second stands for its best trial, {best}",)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([ONE], "1 named: expected 2 to 8"),
        ([f"{ONE}/{n}" for n in range(9)], "9 named"),
        ([ONE, ONE], "digits-optimizer is named twice"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_was_expected(paths, names, words):
    with Lab(paths) as lab, pytest.raises(NotComparable, match=words):
        compare(lab, names)


def test_an_unknown_name_is_told_with_the_nearest(paths):
    with Lab(paths) as lab, pytest.raises(UnknownName, match="did you mean 'second'"):
        compare(lab, [ONE, "secnd"])


def test_another_objective_is_judged_by_the_firsts(paths):
    change(paths, "UPDATE studies SET metric = 'validation/loss' WHERE name = ?", TWO)
    with Lab(paths) as lab:
        found = compare(lab, [f"{ONE}/3", f"{TWO}/3"])
        expected = min(
            y for (curve,) in [lab.curves([lab.trial(f"{TWO}/3").id], "validation/error_rate")]
            for y in curve.values
        )  # fmt: skip
    assert found.sides[1].value == expected
    assert "second/3 is judged by minimize validation/loss (best); here" in found.notes[0]
    change(paths, "UPDATE studies SET metric = 'own' WHERE name = ?", ONE)
    with Lab(paths) as lab:
        found = compare(lab, [f"{ONE}/3", f"{TWO}/3"])
    assert "logged no own" in next(c.text for c in found.cautions if c.code == "objective")
    assert found.sides[1].value is None


# -- studies --------------------------------------------------------------------------------


def test_studies_show_results_findings_spaces_and_designs(paths):
    with Lab(paths) as lab:
        found = compare(lab, [ONE, TWO])
        quick = compare(lab, [ONE, TWO], judge=False)
    assert (found.kind, found.judged, quick.judged) == ("studies", True, False)
    rows = {row.name: row for section in found.sections for row in section.rows}
    assert rows["ended"].cells == ("24 of 24", "12 of 16")
    assert " ± " in rows["best validation/error_rate"].cells[0]
    assert rows["answer"].long
    assert rows["answer"].cells[0].startswith("In this sample ")
    assert rows["learning_rate (optimizer=adam)"].cells[0] == "nuisance log 0.00001 … 0.1"
    assert rows["validation-too-small"].cells == ("! warning", "! warning")
    assert "answer" not in {row.name for section in quick.sections for row in section.rows}
    found_codes = {one.code for one in found.cautions}
    assert {"state", "trials"} <= found_codes


def test_bests_of_searches_are_set_beside_the_luck_of_searching(paths):
    with Lab(paths) as lab:
        (one,) = compare(lab, [ONE, TWO], judge=False).conclusions
    luck = one.numbers["search_deviation"], one.numbers["other_search_deviation"]
    assert one.supported == beyond_luck(one.numbers["difference"], luck)
    assert one.text.startswith("The best of ")
    assert "other searches as large would differ by about" in one.text


def test_what_one_tunes_and_the_other_fixes_is_said(paths):
    change(
        paths,
        "UPDATE hyperparameters SET role = 'fixed', definition = ? "
        "WHERE study = 2 AND name = 'weight_decay'",
        json.dumps({"role": "fixed", "value": 0.01}),
    )
    found = codes(paths, ONE, TWO)
    assert found["tuned"].startswith(
        "not tuned alike: weight_decay in digits-optimizer, fixed in second"
    )
    with Lab(paths) as lab:
        aligned = isolation_figures(compare(lab, [ONE, TWO], judge=False))
    last = aligned[-1]
    assert (last.name, last.common) == ("weight_decay", 1)
    assert last.figures[1].empty == "weight_decay is fixed at 0.01 here"


def test_a_study_of_reruns_is_no_search(paths):
    with Lab(paths) as lab:
        trial = lab.trial(f"{ONE}/3")
    name = add_reruns(paths, trial, [0.05, 0.06])
    with Lab(paths) as lab:
        found = compare(lab, [ONE, name], judge=False)
    assert "evidence" in {one.code for one in found.cautions}
    assert found.conclusions[0].text.startswith("There is nothing to rank")


# -- figures, words, JSON --------------------------------------------------------------------


def test_curves_lie_over_each_other_with_one_colour_a_trial(paths):
    with Lab(paths) as lab:
        found = compare(lab, [f"{ONE}/3", f"{TWO}/4"])
        figures = curve_figures(lab, found)
    assert figures[0].title == "validation/error_rate"
    assert [f.title for f in figures][-1] == "grad_norm"
    for figure in figures:
        named = {s.label: s.key for s in figure.series if s.label}
        assert named == {side.name: side.trial.id for side in found.sides}


def test_isolation_plots_share_their_vertical_axis(paths):
    with Lab(paths) as lab:
        found = compare(lab, [ONE, TWO], judge=False)
        assert isolation_figures(compare(lab, [f"{ONE}/3", f"{ONE}/6"])) == []
    aligned = isolation_figures(found)
    assert [one.name for one in aligned][:2] == ["optimizer", "learning_rate (optimizer=nesterov)"]
    for one in aligned:
        assert one.common == 2
        (limits,) = {figure.y.limits for figure in one.figures}
        values = [y for f in one.figures for s in f.series for y in s.y if y == y]
        assert limits[0] < min(values) < max(values) < limits[1]


def test_words_and_json_say_the_same(paths):
    with Lab(paths) as lab:
        found = compare(lab, [ONE, TWO], judge=False)
    glyphs = [one.glyph for one in told(found)]
    assert glyphs[0] in "✓○?"
    assert "▲" in glyphs
    document = json.loads(json.dumps(comparison_document(found), allow_nan=False))
    assert document["compared"] == "studies"
    assert [one["text"] for one in document["conclusions"]] == [
        one.text for one in found.conclusions
    ]
    few = comparison_document(found, every=False)
    assert all(row["differs"] for section in few["sections"] for row in section["rows"])
    assert command(["a b", "c/1"]) == "labtui compare 'a b' c/1"


# -- real logs -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """AlgoPerf's baseline on ogbg: five configurations, each trained twice."""
    paths = LabPaths(tmp_path_factory.mktemp("real") / "lab.db")
    order = [sys.executable, "-m", "labtui.cli.app", "import", str(ALGOPERF / "baseline")]
    subprocess.run([*order, "--lab", str(paths.db)], check=True, capture_output=True)
    return paths


def test_real_trials_are_judged_by_the_repetitions_of_their_study(real):
    with Lab(real) as lab:
        ogbg = next(one.name for one in lab.studies() if one.name.endswith("ogbg_jax"))
        near = compare(lab, [f"{ogbg}/0", f"{ogbg}/1"])
        far = compare(lab, [f"{ogbg}/4", f"{ogbg}/3"])
        same = compare(lab, [f"{ogbg}/0", f"{ogbg}/5"])
        many = compare(lab, [f"{ogbg}/{n}" for n in (4, 2, 0, 3)])
    assert "repetitions of 5 configurations in this study" in near.conclusions[0].text
    assert [c.conclusions[0].supported for c in (near, far, same)] == [False, True, False]
    assert "same parameters" in same.conclusions[0].text
    assert [one.supported for one in many.conclusions] == [False, False, True]
    assert not near.cautions  # its "code" is what was imported
    assert not far.conclusions[0].command  # nor can it be trained again here


def test_long_names_stand_as_letters(real):
    with Lab(real) as lab:
        names = [one.name for one in lab.studies()][:2]
        found = compare(lab, names, judge=False)
    assert found.labels == ("A", "B")
    assert [one.text for one in told(found)][1] == f"A is {names[0]}"
