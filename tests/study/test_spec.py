import contextlib
import copy
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from labtui.study.errors import StudyError
from labtui.study.spec import (
    Study,
    difference,
    extends,
    json_schema,
    load_study,
    parse_study,
)
from labtui.study.yamltree import plain_scalar
from tests.study.samples import DIGITS, DIGITS_FILE, study_text

STUDY = parse_study(DIGITS)


def test_the_sample_study_parses_as_it_stands():
    study = load_study(DIGITS_FILE)
    assert study == STUDY
    assert study.trainer.name == "torch"
    assert study.objective.select == "best"
    assert (study.budget.trials, study.budget.stack) == (20, "auto")
    rates = study.hyperparameters["learning_rate"]
    assert [rate.range for rate in rates] == [(1e-3, 10), (1e-5, 1e-1)]
    assert [rate.when for rate in rates] == [{"optimizer": ["nesterov"]}, {"optimizer": ["adam"]}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-3", -3), ("+5", 5),
        ("017", 17), ("0x1f", 31), ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"),
        ("true", True), ("FALSE", False), ("tRue", "tRue"), ("~", None), ("null", None),
        ("2020-01-01", "2020-01-01"), ("=", "="), ("<<", "<<"), ("1e", "1e"), ("-", "-"),
        ("inf", "inf"), (".inf", float("inf")), ("-.INF", float("-inf")), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_words_mean_what_yaml_1_2_says(text, value):
    found = plain_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quotes_make_text():
    text = "a: {role: scientific, values: ['1e-3', \"no\", '1_000']}"
    study = parse_study(study_text(text))
    assert study.hyperparameters["a"][0].values == ["1e-3", "no", "1_000"]


@pytest.mark.parametrize(
    ("written", "name", "options"),
    [
        ("torch", "torch", {}),
        ("{python: train.py:train}", "python", {"file": "train.py", "function": "train"}),
        ("{python: train.py}", "python", {"file": "train.py", "function": "train"}),
        ("{python: 'C:\\x\\t.py:fit'}", "python", {"file": "C:\\x\\t.py", "function": "fit"}),
        ("{command: [python, t.py, --n, 3]}", "command", {"argv": ["python", "t.py", "--n", "3"]}),
        ("{name: torch, options: {compile: true}}", "torch", {"compile": True}),
    ],
)
def test_forms_of_the_trainer(written, name, options):
    study = parse_study(DIGITS.replace("trainer: torch", f"trainer: {written}"))
    assert (study.trainer.name, study.trainer.options) == (name, options)
    assert Study.from_json(study.to_json()) == study


def test_every_optional_field_is_read():
    text = DIGITS.replace("eval_every: 25", "eval_every: 25, hours: 1.5, timeout: 60, stack: 8")
    study = parse_study(
        text
        + "device: cuda:1\ngpus_per_trial: 1\ntrials_per_gpu: 4\ninterpreter: .venv/bin/python\n"
        "metrics: {validation/error_rate: val_err}\nsteps_per_epoch: 100\nkeep_checkpoints: 3\n"
        "notes: |\n  Two\n  lines\n"
    )
    assert (study.budget.hours, study.budget.timeout, study.budget.stack) == (1.5, 60, 8)
    assert study.metrics == {"validation/error_rate": "val_err"}
    assert study.notes == "Two\nlines\n"
    assert Study.from_json(study.to_json()) == study


numbers = st.integers(-(2**80), 2**80) | st.floats(-1e12, 1e12)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@st.composite
def definitions(draw):
    kind = draw(st.sampled_from(["fixed", "values", "range"]))
    if kind == "fixed":
        return {"role": "fixed", "value": draw(numbers | texts | st.booleans() | st.none())}
    role = {"role": draw(st.sampled_from(["nuisance", "scientific"]))}
    if kind == "values":
        return {**role, "values": draw(st.lists(texts, min_size=1, max_size=4, unique=True))}
    low = draw(st.floats(1e-9, 1e3))
    scale = draw(st.sampled_from(["linear", "log"]))
    return {**role, "range": [low, low * draw(st.floats(1.01, 1e6))], "scale": scale}


names = st.from_regex(r"[a-z]{3,8}_[a-z]{1,8}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, definitions(), max_size=5), st.integers(0, 2**64 - 1), texts)
def test_round_trip_through_the_file_and_json(hyperparameters, seed, notes):
    written = STUDY.to_json() | {"hyperparameters": hyperparameters, "notes": notes, "seed": seed}
    written["design"] = "joint"
    study = parse_study(json.dumps(written))
    assert study.seed == seed
    stored = json.loads(json.dumps(study.to_json()))
    assert stored == study.to_json()
    assert Study.from_json(stored) == study
    assert parse_study(json.dumps(stored)) == study


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(DIGITS)), st.sampled_from("[]{}:-'\"&*!|>#%@`\t\n ?,"))
def test_a_stray_character_never_breaks_the_reader(position, character):
    with contextlib.suppress(StudyError):
        study = parse_study(DIGITS[:position] + character + DIGITS[position:])
        assert Study.from_json(study.to_json()) == study


def test_nothing_changes_after_validation():
    with pytest.raises(ValidationError):
        STUDY.seed = 2


def walk(schema):
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from walk(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from walk(value)


def test_the_schema_describes_every_field_and_the_forms_of_the_file():
    schema = json_schema()
    json.dumps(schema)
    for part in walk(schema):
        for name, field in part.get("properties", {}).items():
            assert field.get("description"), name
    forms = schema["properties"]["hyperparameters"]["additionalProperties"]["anyOf"]
    assert forms[0]["$ref"] == "#/$defs/Hyperparameter"
    assert forms[1]["type"] == "array"
    trainer = schema["$defs"]["TrainerSpec"]["anyOf"]
    assert trainer[0]["type"] == "string"
    assert {key for form in trainer for key in form.get("properties", {})} >= {
        "python",
        "script",
        "command",
    }
    assert schema["additionalProperties"] is False


def edited(**changes):
    value = copy.deepcopy(STUDY.to_json())
    for path, new in changes.items():
        *parents, last = path.split("__")
        target = value
        for parent in parents:
            target = target[int(parent) if parent.isdigit() else parent]
        target[last] = new
    return Study.from_json(value)


def test_16_differences_are_told_in_lines():
    assert difference(STUDY, STUDY) == []
    assert difference(STUDY, edited(budget__trials=40)) == ["budget.trials: 20 → 40"]
    wider = edited(hyperparameters__weight_decay__0__range=[1e-7, 1])
    assert difference(STUDY, wider) == [
        "hyperparameters.weight_decay.range: [1e-06, 0.1] → [1e-07, 1]"
    ]
    rates = edited(hyperparameters__learning_rate__1__scale="linear")
    assert difference(STUDY, rates) == ["hyperparameters.learning_rate[1].scale: 'log' → 'linear'"]
    fewer = parse_study(DIGITS.replace("  batch_size:", "  size:"))
    assert difference(STUDY, fewer) == [
        'hyperparameters.batch_size: removed (was {"role": "fixed", "value": 64})',
        'hyperparameters.size: added ({"role": "fixed", "value": 64})',
    ]


def test_16_extensions_leave_the_trials_alone():
    assert extends(STUDY, STUDY)
    assert extends(STUDY, edited(budget__trials=40, goal="Which is better?", notes="n"))
    assert extends(STUDY, edited(budget__hours=3))
    assert not extends(STUDY, edited(budget__trials=10))
    assert not extends(STUDY, edited(seed=2))
    assert not extends(STUDY, edited(hyperparameters__weight_decay__0__range=[1e-7, 1]))


def test_planning_a_stored_study_reads_no_yaml():
    code = (
        "import sys, labtui.study.spec, labtui.study.plan, labtui.study.roles;"
        "print(sorted({'numpy', 'ruamel', 'scipy', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
