"""Which studies should follow a study, and that each of them is one that can be used."""

import json
import re

import pytest

from labtui.analysis.findings import finding
from labtui.cli.app import main
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.followup import KINDS
from labtui.study.spec import Study, extends, parse_study
from labtui.verdicts.design import plan_study
from labtui.verdicts.followups import (
    CALLED_BY,
    NEAR,
    Asked,
    _is_broken,
    _tells,
    calls,
    calls_document,
)
from labtui.verdicts.followups_grounds import Grounds
from labtui.verdicts.followups_make import MAKERS
from labtui.verdicts.followups_space import widenings
from tests.docs.pages import rows, section, text
from tests.support.algoperf import ROOT as LOGS

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def found(lab):
    return calls(lab, lab.study(NAME))


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A lab with the real logs of tests/data."""
    file = tmp_path_factory.mktemp("logs") / "lab.db"
    assert main(["import", str(LOGS), "--lab", str(file)]) == 0
    with Lab(LabPaths(file)) as opened:
        yield opened


def test_every_kind_can_be_made_and_every_code_calls_for_a_kind():
    assert set(MAKERS) == set(KINDS)
    assert set(CALLED_BY) <= set(KINDS)


def test_every_follow_up_loads_names_its_parent_and_plans_without_an_alert(lab, found):
    made = [one for one in found.every if one.made is not None]
    assert len(made) >= 10
    for one in made:
        study = parse_study(one.made.text, one.kind)
        assert study == one.made.study, one.kind
        verdict = plan_study(study, lab).verdict
        assert verdict.worst != "alert", (one.kind, verdict.findings)
        if one.kind == "extend":
            assert extends(Study.from_json(lab.study(NAME).spec), study)
        else:
            assert (study.follows.study, study.follows.kind) == (NAME, one.kind)
            assert study.study not in {record.name for record in lab.studies()}


def test_those_that_findings_call_for_come_first_the_gravest_before_others(found):
    order = ("alert", "warning", "info", None)
    weights = [order.index(one.severity) for one in found.every]
    assert weights == sorted(weights)
    assert found.first is not None
    assert found.first.answers
    called = {one.kind for one in found.calls if one.called}
    assert "fix" in called  # weight_decay makes no difference in the made lab
    assert "widen" not in called  # its optimum is inside


def test_what_cannot_be_made_says_why(found):
    assert found.of("widen").made is None
    assert "no boundary" in found.of("widen").cannot
    assert "no warmup sweep" in found.of("warmup-schedule").cannot


def test_a_person_decides_about_trials_and_steps(lab):
    asked = calls(lab, lab.study(NAME), Asked(trials=7, steps=5000))
    assert asked.of("longer").made.study.budget.max_train_steps == 5000
    assert asked.of("longer").made.study.budget.trials == 7
    assert asked.of("warmup").made.study.budget.repetitions == 7
    assert "20 trials already" in asked.of("extend").cannot
    for one in asked.calls:
        if one.made is not None:
            assert parse_study(one.made.text) == one.made.study


def test_names_are_those_that_the_trainer_declares(found):
    assert found.of("warmup").made.study.configurations[0] == {"warmup_steps": 0}
    assert "clip_norm" in found.of("clip").made.study.hyperparameters
    added = found.of("regularize").made.study.hyperparameters
    assert "dropout" in added  # weight_decay is tuned already
    swept = found.of("first-length").made.study
    assert swept.objective.metric == "train/error_rate"
    assert swept.hyperparameters["weight_decay"][0].value == 0
    probe = found.of("dense-probe").made.study
    assert (probe.budget.eval_every, probe.budget.max_train_steps) == (1, 500)


def test_trials_of_the_parent_that_lie_in_the_space_are_counted(found):
    text = found.of("narrow").made.text
    assert "of the 40 trials of digits-optimizer lie in this space" in " ".join(text.split("\n# "))
    assert "lie in this space" not in found.of("longer").made.text  # at another length


def test_of_an_import_it_is_said_that_a_person_has_to_run_what_follows(logs, found, capsys):
    name = "external_tuning.baseline.wmt_jax"
    assert calls(logs, logs.study(name), only="clip").by_hand.startswith(f"{name} was imported")
    assert found.by_hand == ""
    assert main(["next", name, "--list", "--lab", str(logs.paths.db)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.endswith("put a trainer into the file and run it yourself.")


def test_an_arm_at_chance_asks_for_a_wider_range_and_the_study_for_a_look_at_its_pipeline():
    def below(**subject):
        return finding("below-chance", "alert", "", "", subject=subject)

    assert _is_broken(below())
    assert not _is_broken(below(arm="optimizer=adam"))
    assert "below-chance" in CALLED_BY["widen"]


def test_real_logs_get_follow_ups_or_a_reason(logs):
    kinds = set()
    for name in ("baseline.wmt_jax", "generalized_adam.imagenet_vit_jax", "amos.fastmri_jax"):
        document = calls_document(calls(logs, logs.study(f"external_tuning.{name}")), None)
        json.dumps(document, allow_nan=False)
        for one in document["follow_ups"]:
            assert one["cannot"] or one["trials"] >= 1
            kinds.add(one["kind"])
    assert {"clip", "warmup", "longer"} <= kinds


def test_the_document_has_what_it_says(found):
    document = calls_document(found, found.first)
    assert document["chosen"]["kind"] == found.first.kind
    assert parse_study(document["chosen"]["text"]).to_json() == document["chosen"]["study"]
    described = calls_document.__doc__
    for key in [*document, *document["follow_ups"][0]]:
        assert f'"{key}"' in described or f"``{key}``" in described, key


def test_the_page_lists_every_kind_in_its_order_with_the_findings_that_call_for_it():
    listed = rows(section(text("docs/follow-ups.md"), "What comes first"))
    assert [row[0].strip("`") for row in listed] == list(KINDS)
    for kind, called_by, *_ in listed:
        codes = CALLED_BY.get(kind.strip("`"), ())
        assert set(codes) <= set(re.findall(r"`([\w-]+)`", called_by)), kind


def test_both_ends_of_a_range_are_widened_at_once(lab):
    grounds = Grounds.of(lab, lab.study(NAME))
    ends = {"low": [1e-7, 0.1], "high": [1e-6, 1.0]}
    found = [
        finding(
            "search-boundary",
            "alert",
            "",
            "",
            subject={"hyperparameter": "weight_decay", "side": side},
            evidence={"proposed_range": bounds, "proposed_values": None},
        )
        for side, bounds in ends.items()
    ]
    (change,) = widenings(grounds, found)
    assert change.range == (1e-7, 1.0)
    assert "low: it ended at 1e-06; search-boundary weight_decay high" in change.why


@pytest.mark.parametrize(
    ("code", "place", "called"),
    [
        ("overfitting", 0, True),
        ("overfitting", -1, False),
        ("early-instability", 0, True),
        ("late-variance", 0, False),
    ],
)
def test_what_bad_trials_show_calls_for_nothing(lab, code, place, called):
    grounds = Grounds.of(lab, lab.study(NAME))
    trial = grounds.ranked(100)[place]
    one = finding(code, "info", "it happened.", "Do.", subject={"trial": trial.name})
    assert _tells(grounds, one) is called


def test_instability_far_above_the_best_rate_calls_for_nothing(lab):
    grounds = Grounds.of(lab, lab.study(NAME))
    name, index = grounds.rate()
    best = grounds.best_of(name, index).params[name]
    told = {}
    for trial in grounds.trials:
        subject = {"trial": trial.name}
        one = finding("early-instability", "warning", "it rose.", "Warm up.", subject=subject)
        told[trial.params[name] / best] = _tells(grounds, one)
    assert any(told.values())
    assert {ratio > NEAR for ratio, tells in told.items() if not tells} == {True}
