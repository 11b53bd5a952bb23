import json

import numpy as np
import pytest

from labtui.analysis.feasibility import (
    classify,
    find_threshold,
    judge_feasibility,
    poor_above,
    separates,
)
from tests.analysis.tables import RATE, findings, halton, made, nuisance, protein, reasons, table

AXES = {f"h{i}": nuisance(**RATE) for i in range(3)}


def study(n, bad, seed=1, **changes):
    """Trials of a smooth objective, infeasible where `bad` says so of their positions."""
    units = halton(seed, n, 3)
    values = np.where(bad(units), np.nan, ((units - 0.4) ** 2).sum(axis=1))
    return made(AXES, units, values, **changes)


def test_infeasible_trials_have_their_reason():
    states = ["infeasible"] * 5 + ["failed", "completed", "stopped", "completed"]
    reasons = [
        "diverged: the loss is not finite",
        "out of memory",
        "timed out after 60 s",
        "declared by the program",
        "",
        "ValueError",
        "",
        "by a person",
        "",
    ]
    values = [np.nan] * 8 + [0.5]
    found = classify(
        made(AXES, halton(1, 9, 3), values, states=tuple(states), reasons=tuple(reasons))
    )
    assert list(found.why.values()) == [
        "diverged",
        "out of memory",
        "timed out",
        "infeasible",
        "diverged",
        "failed",
        "no usable evaluations",
    ]
    assert found.ended == 8  # the stopped one is neither
    assert found.infeasible_share == 7 / 8
    assert found.counts["diverged"] == 2


def test_shares_are_told_by_arm():
    values = [np.nan, 1.0, np.nan, np.nan]
    found = classify(made(AXES, halton(1, 4, 3), values, arms=("a", "a", "b", "b")))
    assert found.by_arm == {"a": (0.5, 0.0), "b": (1.0, 0.0)}


def test_poor_is_far_behind_on_the_studys_own_scale():
    near = np.linspace(0.1, 0.2, 18)
    assert poor_above(near) is None
    assert poor_above(np.append(near, [0.9, 1.0])) == 0.9
    assert poor_above(np.append(near, 0.26)) is None  # beyond nothing: the spread is as large
    assert poor_above(near[:7]) is None


def test_a_pile_at_chance_is_poor_however_large():
    rng = np.random.default_rng(0)
    good = rng.uniform(0.4, 0.6, 12)
    chance = 0.999 + rng.uniform(-1e-4, 1e-4, 18)
    values = np.concatenate([good, [0.8, 0.93], chance])
    assert poor_above(values) == chance.min()
    assert poor_above(good, chance=0.9) is None
    assert poor_above(np.append(good, 0.895), chance=0.9) == 0.895
    # A plateau that many good trials reach is none.
    assert poor_above(np.concatenate([np.full(12, 0.4), rng.uniform(0.4, 0.9, 8)])) is None


def test_errors_counted_on_few_examples_pile_up_and_are_not_poor():
    rng = np.random.default_rng(0)
    counted = np.round(rng.uniform(0.02, 0.15, 36) * 40) / 40
    assert poor_above(counted, chance=0.9) is None


def test_real_networks_that_learned_nothing_are_poor():
    found = classify(protein())
    assert 0.6 < found.poor_above < 0.67  # the error of the mean prediction is 0.65
    assert not found.why


@pytest.mark.parametrize("side", ["low", "high"])
def test_the_threshold_of_a_region_is_found(side):
    def bad(units):
        return units[:, 1] > 0.7 if side == "high" else units[:, 1] < 0.3

    (region,) = findings(judge_feasibility(study(30, bad)), "infeasible-region")
    assert region.subject == {"hyperparameter": "h1", "side": side}
    share = 0.7 if side == "high" else 0.3
    assert region.evidence["threshold"] == pytest.approx(10 ** (4 * share - 4), rel=0.6)
    assert region.evidence["misclassified_share"] == 0
    kept = region.evidence["proposed_range"]
    assert kept[0 if side == "high" else 1] == (1e-4 if side == "high" else 1)
    assert region.evidence["definition"] in region.advice
    assert json.loads(json.dumps(dict(region.evidence))) == region.evidence


def test_few_exceptions_are_borne_and_counted():
    def bad(units):
        marked = units[:, 0] > 0.6
        marked[np.flatnonzero(marked)[0]] = False
        return marked

    (region,) = findings(judge_feasibility(study(40, bad)), "infeasible-region")
    assert region.evidence["usable_beyond"] == 1
    assert region.evidence["bad_within"] == 0


def test_chance_separates_no_more_than_it_may():
    false = 0
    for seed in range(60):
        marked = np.random.default_rng(seed).random(20) < 0.3
        false += bool(judge_feasibility(study(20, lambda _, m=marked: m, seed)))
    assert false <= 4  # of 60 at 2 % more than that happens once in 140 times


def test_a_narrow_rest_suggests_another_parameterization():
    (share, region) = judge_feasibility(study(40, lambda units: units[:, 0] > 0.4))
    assert "reparameterize" in region.advice
    assert share.subject == {}
    assert share.severity == "warning"


def test_a_large_share_without_a_threshold_may_be_a_bug():
    marked = np.random.default_rng(5).random(30) < 0.8
    (one,) = judge_feasibility(study(30, lambda _: marked))
    assert one.severity == "alert"
    assert "bug" in one.advice
    assert one.evidence["infeasible_share"] == marked.mean()


def test_all_infeasible_is_said_and_a_few_trials_are_not_judged():
    (one,) = judge_feasibility(study(12, lambda units: units[:, 0] >= 0))
    assert one.severity == "alert"
    assert reasons(judge_feasibility(study(6, lambda units: units[:, 0] > 0.8))) == [
        "6 ended trials, fewer than 8"
    ]
    assert judge_feasibility(study(6, lambda units: units[:, 0] < 0)) == []


def test_a_conditional_hyperparameter_is_separated_where_it_is_in_force():
    rng = np.random.default_rng(1)
    params, values = [], []
    for index in range(60):
        optimizer, u = ("adam", "sgd")[index % 2], rng.random()
        params.append({"optimizer": optimizer, "rate": 10 ** (4 * u - 4)})
        values.append(np.nan if optimizer == "adam" and u > 0.7 else u)
    columns = [
        ("rate", f"optimizer={name}", nuisance(**RATE, when={"optimizer": name}))
        for name in ("adam", "sgd")
    ]
    (one,) = judge_feasibility(table(columns, params, values))
    assert one.subject["condition"] == "optimizer=adam"
    assert one.evidence["bad_beyond"] + one.evidence["usable_within"] == 30


def test_a_list_is_cut_between_its_values():
    definitions = {"rate": nuisance(values=[0.001, 0.01, 0.1, 1.0]), "other": nuisance(**RATE)}
    units = halton(3, 32, 2)
    values = np.where(units[:, 0] > 0.75, np.nan, units[:, 1])
    (one,) = judge_feasibility(made(definitions, units, values))
    assert 0.1 < one.evidence["threshold"] < 1.0
    assert one.evidence["proposed_values"] == [0.001, 0.01, 0.1]


def test_thresholds_need_two_kinds_and_two_places():
    bad = np.array([True, False] * 5)
    assert find_threshold(np.linspace(0, 1, 10), np.ones(10, dtype=bool)) is None
    assert find_threshold(np.full(10, 0.5), bad) is None
    mixed = find_threshold(np.linspace(0, 1, 10), bad)
    assert mixed is not None
    assert not separates(mixed)
