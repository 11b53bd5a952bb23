"""Which hyperparameters matter: on studies whose answer is known, and on real ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from labtui.analysis.effects import Factor, explain
from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.sensitivity import judge_sensitivity, sensitivity
from labtui.study.model import Hyperparameter
from tests.analysis.made_tables import LINEAR, LOG, scientific, table, under

PROTEIN = Path(__file__).parents[1] / "data" / "hpolib" / "protein_structure_60.jsonl"


def points(count, axes, seed):
    return np.random.default_rng(seed).random((count, axes))


def study(units, values, **more):
    """A study of axes a, b, c … on [0, 1]."""
    names = "abcdefgh"[: units.shape[1]]
    params = [dict(zip(names, row, strict=True)) for row in units.tolist()]
    return table(values, params, [(name, LINEAR) for name in names], **more)


def with_inert_epsilon(seed, trials=16):
    """As benchmarks/importance.py, where Optuna's default ranks epsilon first in a third."""
    random = np.random.default_rng(seed)
    params, results = [], []
    for trial in range(trials):
        optimizer, middle = (("nesterov", -2.0), ("adam", -3.5))[trial % 2]
        rate, decay, epsilon = 10 ** random.uniform(-5, -1, 3)
        found = {"optimizer": optimizer, "learning_rate": rate, "weight_decay": decay}
        params.append({**found, "epsilon": epsilon} if optimizer == "adam" else found)
        offset = 0.1 if optimizer == "adam" else 0.0
        results.append(0.1 * (np.log10(rate) - middle) ** 2 + offset + 0.1 * random.normal())
    definitions = [
        ("optimizer", scientific("nesterov", "adam")),
        ("learning_rate", LOG),
        ("weight_decay", LOG),
        ("epsilon", under(LOG, optimizer="adam")),
    ]
    return table(results, params, definitions)


def findings(outcomes, code):
    return [one for one in outcomes if isinstance(one, Finding) and one.code == code]


def test_an_inert_conditional_hyperparameter_is_never_first_at_16_trials():
    first, matters = [], []
    for seed in range(30):
        effects = sensitivity(with_inert_epsilon(seed))
        first.append(effects[0].name)
        matters += [effect.name for effect in effects if effect.matters]
        conditional = next(effect for effect in effects if effect.name == "epsilon")
        assert (conditional.trials, conditional.condition) == (8, "optimizer=adam")
    assert "epsilon" not in first
    assert "weight_decay" not in first
    assert matters.count("epsilon") + matters.count("weight_decay") <= 2  # of 60
    assert matters.count("learning_rate") >= 10  # it does speak


@pytest.mark.parametrize("trials", [16, 60])
def test_of_noise_nothing_matters_and_nothing_is_insensitive(trials):
    random = np.random.default_rng(0)
    important = 0
    for seed in range(12):
        made = study(points(trials, 3, seed), random.normal(size=trials))
        outcomes = judge_sensitivity(made)
        assert not findings(outcomes, "interaction")
        assert not findings(outcomes, "insensitive")
        important += sum(effect.matters for effect in sensitivity(made))
    assert important <= 2  # of 36


def test_additive_studies_have_no_interaction():
    claims = 0
    for seed in range(24):
        random = np.random.default_rng(1000 + seed)
        trials = (20, 60)[seed % 2]
        units = points(trials, 4, seed)
        middle, weight = random.random(4), random.exponential(size=4)
        values = (weight * 4 * (units - middle) ** 2).sum(axis=1)
        values = values + 0.3 * values.std() * random.normal(size=trials)
        if seed % 4 >= 2:
            values = np.exp(2 * values)  # ranks do not see it
        if seed % 3 == 0:
            values[units[:, 0] > 0.8] = np.nan
        claims += bool(findings(judge_sensitivity(study(units, values)), "interaction"))
    assert claims <= 1


def test_a_ridge_is_an_interaction():
    found = 0
    for seed in range(12):
        units = points(80, 3, seed)
        noise = 0.1 * np.random.default_rng(seed).normal(size=80)
        outcomes = judge_sensitivity(study(units, 4 * (units[:, 0] - units[:, 1]) ** 2 + noise))
        for one in findings(outcomes, "interaction"):
            assert set(one.evidence["hyperparameters"]) == {"a", "b"}
            assert one.subject["hyperparameter"] in "ab"
            assert one.evidence["pair_beyond_weaker_low"] > 0
            assert one.severity == "warning" or one.evidence["pair_beyond_both_low"] <= 0
            assert one.evidence["trials"] == 80
            found += 1
    assert found >= 10


def test_what_makes_no_difference_is_found_with_its_interval():
    units = points(60, 3, 0)
    noise = 0.05 * np.random.default_rng(0).normal(size=60)
    made = study(units, 4 * (units[:, 0] - 0.3) ** 2 + noise)
    outcomes = judge_sensitivity(made)
    found = findings(outcomes, "insensitive")
    assert {one.subject["hyperparameter"] for one in found} == {"b", "c"}
    for one in found:
        shares = [one.evidence[key] for key in ("share_low", "share", "share_high")]
        assert 0 <= shares[0] <= shares[1] <= shares[2] < 0.05
        assert one.evidence["trials"] == 60
        json.dumps(one.evidence)
    assert sensitivity(made)[0].name == "a"
    assert sensitivity(made)[0].share > 0.9


def test_twenty_trials_of_four_cannot_tell_yet():
    units = points(20, 4, 1)
    noise = 0.3 * np.random.default_rng(1).normal(size=20)
    outcomes = judge_sensitivity(study(units, 4 * (units[:, 0] - 0.3) ** 2 + noise))
    unknown = [one for one in outcomes if isinstance(one, NotJudged)]
    assert {"b", "c", "d"} <= {one.subject.get("hyperparameter") for one in unknown}
    assert all("cannot tell yet" in one.reason and "20 trials" in one.reason for one in unknown)
    assert not findings(outcomes, "insensitive")


def test_what_matters_among_the_good_ones_is_not_called_insensitive():
    # a explains nearly all of the study's ranks; b decides among those that a leaves alone
    random = np.random.default_rng(3)
    units = points(400, 2, 3)
    good = units[:, 0] <= 0.3
    noise = 0.02 * random.normal(size=400)
    drowned = study(units, np.where(good, units[:, 1], 10 + 20 * units[:, 0]) + noise)
    assert next(one for one in sensitivity(drowned) if one.name == "b").high < 0.05
    outcomes = judge_sensitivity(drowned)
    assert not findings(outcomes, "insensitive")
    (unknown,) = [one for one in outcomes if one.subject.get("hyperparameter") == "b"]
    assert "it matters among the better 200" in unknown.reason
    inert = study(units, np.where(good, random.random(400), 10 + 20 * units[:, 0]))
    assert findings(judge_sensitivity(inert), "insensitive")


def test_infeasible_trials_rank_last_and_are_counted():
    units = points(40, 2, 5)
    values = np.where(units[:, 0] > 0.5, np.nan, np.random.default_rng(5).random(40))
    made = study(units, values)
    effect = sensitivity(made)[0]
    assert (effect.name, effect.matters) == ("a", True)
    assert effect.infeasible == int(np.isnan(values).sum())
    stopped = study(units, values, states=("stopped",) * 30 + ("completed",) * 10)
    assert {effect.trials for effect in sensitivity(stopped)} == {10}


def test_reruns_are_one_configuration():
    units = np.repeat(points(12, 2, 6), 3, axis=0)
    made = study(units, units[:, 0], configurations=tuple(i // 3 for i in range(36)))
    assert {effect.trials for effect in sensitivity(made)} == {12}


def test_conditional_hyperparameters_are_judged_where_they_are_in_force():
    params = [{"o": "ab"[i % 2], **({"x": i / 40} if i % 2 else {})} for i in range(40)]
    values = [float(p.get("x", 0.5)) for p in params]
    made = table(values, params, [("o", scientific("a", "b")), ("x", under(LINEAR, o="b"))])
    effects = {effect.name: effect for effect in sensitivity(made)}
    assert (effects["x"].trials, effects["o"].trials) == (20, 40)
    assert effects["x"].share == pytest.approx(1.0)
    few = table(values[:14], params[:14], [("x", under(LINEAR, o="b"))])
    (outcome,) = judge_sensitivity(few)
    assert isinstance(outcome, NotJudged)
    assert outcome.subject == {"hyperparameter": "x", "condition": "o=b"}
    assert outcome.reason == "7 trials with it, 8 are needed"


def test_real_trials_of_a_network():
    rows = [json.loads(line) for line in PROTEIN.read_text().splitlines()]
    params = [row["hparams"] for row in rows]
    definitions = [
        (name, Hyperparameter(role="nuisance", values=sorted({p[name] for p in params})))
        for name in params[0]
    ]
    made = table([float(np.median(row["val_loss"])) for row in rows], params, definitions)
    effects = sensitivity(made)
    assert (effects[0].name, effects[0].matters) == ("init_lr", True)
    assert effects[0].low > 0.3
    assert not findings(judge_sensitivity(made), "interaction")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "0 trials with it"),
        ([1.0], "1 trial with it"),
        ([1.0] * 20, "all 20 trials have the same result"),
        ([np.nan] * 20, "all 20 trials have the same result"),
    ],
)
def test_nothing_to_analyse(values, reason):
    outcomes = judge_sensitivity(study(points(len(values), 2, 0), values))
    assert all(isinstance(one, NotJudged) for one in outcomes)
    assert all(reason in one.reason for one in outcomes)
    assert len(outcomes) == 2


def test_an_axis_that_did_not_vary():
    units = points(20, 2, 0)
    units[:, 1] = 0.5
    outcomes = judge_sensitivity(study(units, units[:, 0]))
    (unknown,) = [one for one in outcomes if one.subject.get("hyperparameter") == "b"]
    assert unknown.reason == "it has one value in all 20 trials"


def test_the_question_is_never_a_hyperparameter_to_fix():
    random = np.random.default_rng(0)
    params = [
        {"kind": "ab"[i % 2], "x": float(x), "y": 0.0} for i, x in enumerate(random.random(60))
    ]
    values = [one["x"] for one in params]

    def insensitive(role):
        kind = Hyperparameter(role=role, values=["a", "b"])
        made = judge_sensitivity(table(values, params, [("kind", kind), ("x", LINEAR)]))
        return [type(one) for one in made if one.code == "insensitive"]

    assert insensitive("nuisance") == [Finding]
    assert insensitive("scientific") == []


def test_ties_and_lists_of_many_names():
    random = np.random.default_rng(0)
    params = [{"name": f"v{i % 9}", "x": float(random.random())} for i in range(30)]
    names = scientific(*(f"v{i}" for i in range(9)))
    made = table(np.round(random.random(30), 1), params, [("name", names), ("x", LINEAR)])
    assert len(sensitivity(made)) == 2


# -- the analysis of variance behind it ----------------------------------------------------------


def test_known_shares_lie_in_their_intervals():
    inside = 0
    for seed in range(25):
        units = points(30, 3, seed)
        a, b, _ = (np.sqrt(12) * (units - 0.5)).T  # variance 1
        result = 2 * a + b + a * b + np.random.default_rng(seed).normal(size=30)
        shares = explain([Factor(column) for column in units.T], result)
        truth = {0: 5 / 6, 1: 2 / 6, 2: 0.0}
        for factor, share in truth.items():
            low, high = np.quantile(shares.total(factor), [0.05, 0.95])
            inside += low - 0.02 <= share <= high + 0.02
    assert inside / 75 >= 0.75


def test_parts_add_up_and_repeat():
    units = points(25, 3, 0)
    factors = [Factor(column) for column in units.T]
    first, again = (explain(factors, units[:, 0]) for _ in range(2))
    np.testing.assert_array_equal(first.main, again.main)
    np.testing.assert_allclose(first.main.sum(axis=1) + first.paired.sum(axis=1), 1)
    assert first.pairs == ((0, 1), (0, 2), (1, 2))
    assert ((first.explained > 0) & (first.explained < 1)).all()
