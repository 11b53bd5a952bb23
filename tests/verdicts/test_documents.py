"""The JSON documents: their shapes are an interface."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.verdicts.documents import (
    jsonable,
    list_document,
    study_document,
    trial_document,
)

STUDY_KEYS = [
    "name",
    "workload",
    "goal",
    "state",
    "reason",
    "objective",
    "total",
    "best_value",
    "best_trial",
    "created",
    "finished",
    "activity",
    "follows",
]
TRIAL_KEYS = [
    "trial",
    "id",
    "number",
    "arm",
    "state",
    "reason",
    "params",
    "best_value",
    "best_step",
    "last_value",
    "last_step",
    "seed",
    "point",
    "step",
    "max_steps",
    "seconds",
    "source",
    "repetition",
]


def test_list(lab):
    document = list_document(lab)
    assert list(document) == ["studies"]
    by_name = {study["name"]: study for study in document["studies"]}
    first = by_name["digits-optimizer"]
    assert set(first) == {*STUDY_KEYS, "tags", "trials"}
    assert sum(first["trials"].values()) == first["total"] == 40
    assert first["objective"] == {
        "metric": "validation/error_rate",
        "goal": "minimize",
        "select": "best",
    }
    assert first["best_trial"].startswith("digits-optimizer/")
    assert by_name["second"]["state"] == "interrupted"


def test_study(lab):
    document = study_document(lab, lab.study("digits-optimizer"))
    assert set(document) == {
        *STUDY_KEYS,
        *("counts", "file", "folder", "interpreter", "command", "provenance"),
        *("answer", "parent", "hyperparameters", "arms", "metrics", "metrics_hidden", "notes"),
        *("tags", "ranking", "trials"),
    }
    assert len(document["trials"]) == 40
    assert list(document["trials"][0]) == TRIAL_KEYS
    assert document["hyperparameters"][1]["when"] == {"optimizer": "nesterov"}
    assert document["arms"][0]["best_trial"].startswith("digits-optimizer/")
    assert document == json.loads(json.dumps(document, allow_nan=False))


def test_trial(lab):
    document = trial_document(lab, lab.trial("digits-optimizer/3"))
    assert set(document) == {
        *TRIAL_KEYS,
        *("study", "detail", "attempt", "device", "versions", "code", "started", "finished"),
        *("command", "folder", "log", "checkpoints", "warnings", "tags", "notes"),
    }
    assert document["trial"] == "digits-optimizer/3"
    assert document["params"]["optimizer"] == "adam"
    assert document["log"] == str(lab.paths.trial_log(document["id"]))


def test_a_last_value_that_was_no_number_is_told_from_none(lab):
    trial = lab.trials("digits-optimizer")[0]
    ended = dataclasses.replace(trial, last_value=None, last_step=500)
    silent = dataclasses.replace(trial, last_value=None, last_step=None)
    assert trial_document(lab, ended)["last_value"] == "NaN"
    assert trial_document(lab, silent)["last_value"] is None
    infinite = dataclasses.replace(trial, last_value=-math.inf)
    assert trial_document(lab, infinite)["last_value"] == "-Infinity"


@given(st.lists(st.floats()))
def test_numbers_survive_strict_json(values):
    text = json.dumps(jsonable({"values": tuple(values)}), allow_nan=False)
    back = [float(value) for value in json.loads(text)["values"]]
    for value, again in zip(values, back, strict=True):
        assert (value == again) or (math.isnan(value) and math.isnan(again))
        assert math.copysign(1, value) == math.copysign(1, again) or math.isnan(value)


@pytest.mark.parametrize("value", [True, None, 2**70, "NaN", [1, [math.inf]]])
def test_other_values_stay(value):
    expected = [1, ["Infinity"]] if isinstance(value, list) else value
    assert jsonable(value) == expected
