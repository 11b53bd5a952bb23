"""What exports are given of a study: its verdict in a line, goals of metrics, reruns."""

import statistics

import pytest

from labtui.store.changes import NewHyperparameter, NewStudy, NewTrial, add_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.verdicts.exports import MOST_NAMED, exported, verdict_line
from labtui.verdicts.objective import Asked
from labtui.verdicts.summary import entries
from tests.support.labs import make_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(make_lab(tmp_path_factory.mktemp("lab"))) as opened:
        yield opened


def test_a_study_comes_with_its_verdict(lab):
    (one,) = exported(lab, ["digits-optimizer"], Asked())
    assert one.findings
    gravest = [told for told in one.told if told.severity == one.told[0].severity]
    assert one.verdict.startswith(f"{len(gravest)} {gravest[0].severity}")
    assert "diverged 4 of 40 trials" in one.verdict
    assert {told.code for told in one.told} == {found.code for found in one.findings}
    assert len(one.told) < len(one.findings)
    assert one.retrain_deviation is None


def test_metrics_have_goals_where_they_are_known(lab):
    (one,) = exported(lab, ["digits-optimizer"], Asked("validation/loss", None, None))
    assert one.study.metric == "validation/loss"
    assert one.goals["train/loss"] == one.goals["validation/loss"] == "minimize"
    assert one.goals["validation/error_rate"] == "minimize"
    assert "grad_norm" not in one.goals


def test_nothing_is_judged_unless_it_is_wanted(lab):
    (one,) = exported(lab, ["digits-optimizer"], Asked(), judged=False)
    assert (one.findings, one.verdict) == ((), "")


def test_a_study_that_has_not_begun_has_no_verdict(tmp_path):
    with Lab(make_lab(tmp_path, points=2, ended=0, state="queued")) as lab:
        (one,) = exported(lab, ["digits-optimizer"], Asked())
    assert (one.verdict, one.best) == ("", None)


def test_the_line_names_what_is_grave_and_counts_the_rest(lab):
    from labtui.analysis.findings import finding, gather
    from labtui.verdicts.check import check_study

    study = lab.study("digits-optimizer")
    check = check_study(lab, study, lab.trials(study.name))
    many = [
        finding("search-boundary", "warning", "m", "a", subject={"hyperparameter": f"h{i}"})
        for i in range(MOST_NAMED + 2)
    ]
    note = finding("insensitive", "info", "m", "a", subject={"hyperparameter": "quiet"})
    line = verdict_line(type(check)(gather([*many, note]), check.table, None, True))
    assert line.startswith("10 warnings, 1 note: search-boundary h0; search-boundary h1; ")
    assert line.endswith("and 2 more")
    assert "quiet" not in line
    assert len(entries(gather(many), 40)) == len(many)


def test_reruns_of_the_best_configuration_give_its_spread(tmp_path):
    values = [0.10, 0.14, 0.30]
    study = NewStudy(
        name="s",
        workload="w",
        trainer="numpy",
        goal="g",
        metric="validation/loss",
        direction="minimize",
        selection="best",
        seed=1,
        sequence="halton-1",
        total=3,
        spec={},
        folder="/nowhere",
        interpreter="python",
        hyperparameters=[
            NewHyperparameter("x", "nuisance", 0, {"role": "nuisance", "values": [1, 2]})
        ],
    )
    trials = [NewTrial(i, i, "", {"x": x}, {}, i, 10) for i, x in enumerate((1, 1, 2))]
    paths = LabPaths(tmp_path / "lab.db")
    with Writer(paths) as writer:
        add_study(writer, study, trials)
        for number, value in enumerate(values, 1):
            writer.watch(number, "validation/loss", minimize=True)
            writer.add_points(number, [("validation/loss", 10, value)])
        writer.execute("UPDATE trials SET state = 'completed', step = 10")
        writer.commit()
    with Lab(paths) as lab:
        (one,) = exported(lab, ["s"], Asked())
    assert one.retrain_deviation == pytest.approx(statistics.stdev(values[:2]))
