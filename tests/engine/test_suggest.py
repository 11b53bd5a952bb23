"""Suggestions as functions of a study and what is known: spaces, features, scores, points."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from labtui.engine.suggest import FEWEST, MOST, Evidence, Known, looked_at, suggest
from labtui.engine.suggest_model import believe, log_improvement, scaled, single_thread
from labtui.engine.suggest_space import SearchSpace
from labtui.study.model import Study
from labtui.study.plan import arms, assign_columns, plan

RATE = {"role": "nuisance", "scale": "log", "range": [1e-4, 1]}
SIZE = {"role": "nuisance", "integer": True, "range": [1, 4]}
OPTIMIZER = {"role": "scientific", "values": ["sgd", "adam"]}
ACTIVATION = {"role": "nuisance", "values": ["relu", "tanh", "gelu"]}


def study(trials=10, design="separate", **hyperparameters):
    return Study.from_json(
        {
            "study": "s",
            "goal": "g",
            "workload": "w",
            "trainer": "python",
            "objective": {"metric": "v", "goal": "minimize"},
            "budget": {"trials": trials, "max_train_steps": 1, "eval_every": 1},
            "design": design,
            "sampler": "bayesian",
            "follows": {"study": "p"},
            "hyperparameters": hyperparameters,
        }
    )


def known_of(asked, value, first=0):
    """Evaluate a function at the study's own Halton points."""
    columns = assign_columns(asked)
    trials = enumerate(plan(asked, columns), first)
    return [Known(i, trial.params, value(trial.params)) for i, trial in trials]


def bowl(params):
    rate = math.log10(params["rate"])
    return math.nan if rate > -1 else (rate + 1.5) ** 2


def test_a_suggestion_is_a_function_of_its_arguments():
    asked = study(rate=RATE, size=SIZE)
    columns, known = assign_columns(asked), known_of(asked, bowl)
    found = [suggest(asked, columns, 3, Evidence(known)) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].source == "model"
    other = suggest(asked, columns, 4, Evidence(known))
    assert other.candidate.params != found[0].candidate.params


def test_it_finds_the_best_and_leaves_what_diverges():
    asked = study(16, rate=RATE, size=SIZE)
    columns, known = assign_columns(asked), known_of(asked, bowl)
    tried = []
    for number in range(8):
        params = suggest(asked, columns, number, Evidence(known)).candidate.params
        known.append(Known(100 + number, params, bowl(params)))
        tried.append(bowl(params))
    assert min(v for v in tried if math.isfinite(v)) < 0.01
    assert sum(not math.isfinite(v) for v in tried) <= 2  # a quarter of the range diverges


def test_with_few_values_points_are_those_of_the_sequence():
    asked = study(rate=RATE)
    columns = assign_columns(asked)
    known = known_of(asked, lambda _: 1.0)[: FEWEST - 1]
    known.append(Known(99, {"rate": 0.5}, math.nan))
    found = suggest(asked, columns, 2, Evidence(known))
    assert found.source == "halton"
    assert found.candidate.params == list(plan(asked, columns))[2].params


def test_a_pending_trial_sends_the_next_one_elsewhere():
    draw = np.random.default_rng(1)
    places = draw.random((8, 2))
    values = ((places - 0.5) ** 2).sum(axis=1) + 0.05 * draw.standard_normal(8)
    every, candidates = np.ones(8, dtype=bool), draw.random((500, 2))
    with single_thread():
        alone = believe(places, values, every, np.empty((0, 2))).score(candidates)
        first = candidates[alone.argmax()]
        beside = believe(places, values, every, first[None]).score(candidates)
    assert np.abs(candidates[beside.argmax()] - first).max() > 0.1
    assert beside[alone.argmax()] < alone.max()


def test_no_configuration_is_tried_twice():
    asked = study(4, size=SIZE)
    known = [Known(n, {"size": n % 3 + 1}, float(n)) for n in range(FEWEST + 1)]
    found = suggest(asked, assign_columns(asked), 0, Evidence(known))
    assert (found.source, found.candidate.params) == ("model", {"size": 4})


def test_each_arm_is_searched_for_its_own_best():
    asked = study(12, optimizer=OPTIMIZER, rate=RATE)
    columns = assign_columns(asked)

    def value(params):
        best = -3 if params["optimizer"] == "adam" else -1
        return (math.log10(params["rate"]) - best) ** 2

    evidence = Evidence(known_of(asked, value))
    for number, best in ((0, -1), (1, -3)):
        found = suggest(asked, columns, number, evidence)
        assert found.arm == ("optimizer=sgd", "optimizer=adam")[number]
        assert math.log10(found.candidate.params["rate"]) == pytest.approx(best, abs=0.4)


def test_a_joint_study_searches_its_scientific_values_too():
    asked = study(14, "joint", optimizer=OPTIMIZER, activation=ACTIVATION, rate=RATE)

    def value(params):
        off = 2.0 * (params["optimizer"] == "sgd") + (params["activation"] != "tanh")
        return (math.log10(params["rate"]) + 2) ** 2 + off

    columns, evidence = assign_columns(asked), Evidence(known_of(asked, value))
    found = [suggest(asked, columns, n, evidence).candidate.params for n in range(4)]
    assert all(params["optimizer"] == "adam" for params in found)
    assert any(params["activation"] == "tanh" for params in found)


def test_of_many_trials_the_best_of_the_arm_are_looked_at_and_then_the_first_given():
    space = SearchSpace(study(optimizer=OPTIMIZER, rate=RATE), {"optimizer": "sgd"})
    own, other = ({"optimizer": name, "rate": 0.1} for name in ("sgd", "adam"))
    known = [Known(n, other if n % 4 == 0 else own, float(-n)) for n in range(120)]
    found = looked_at(space, known)
    assert len(found) == MOST
    assert all(one.params == own for one in found)
    assert [one.id for one in found[:3]] == [119, 118, 117]
    assert [one.id for one in found[MOST // 2 :][:3]] == [1, 2, 3]
    few = looked_at(space, known[:6])
    assert sorted(one.id for one in few) == list(range(6))
    assert [one.id for one in few[-2:]] == [0, 4]


def test_what_a_parent_says_of_a_space():
    space = SearchSpace(study(rate=RATE, batch={"role": "fixed", "value": 64}), {})
    assert space.usable({"rate": 0.1, "batch": 64})
    assert space.usable({"rate": 10.0, "batch": 64})  # outside, by a quarter of the range
    assert not space.usable({"rate": 1e5, "batch": 64})  # farther than the range is wide
    assert not space.usable({"rate": 0.1, "batch": 32})  # another fixed value
    assert not space.usable({"rate": 0.1})  # nobody knows which
    assert not space.usable({"rate": 0.1, "batch": 64, "dropout": 0.1})


def test_the_columns_of_conditional_hyperparameters():
    under = {"role": "nuisance", "range": [0, 1], "when": {"optimizer": "adam"}}
    asked = study(optimizer=OPTIMIZER, rate=RATE, beta=under)
    spaces = [SearchSpace(asked, arm) for arm in arms(asked)]
    assert [space.names for space in spaces] == [["rate", "beta"]] * 2
    both = [
        {"optimizer": "sgd", "rate": 0.01},
        {"optimizer": "adam", "rate": 1.0, "beta": 0.25},
    ]
    assert spaces[0].features(both).tolist() == [[1, 0, 0.5, 0.5], [0, 1, 1, 0.25]]
    assert spaces[0].features([]).shape == (0, 4)
    assert [spaces[1].in_arm(params) for params in both] == [False, True]


@pytest.mark.parametrize("gain", [-5.0, -1.5, -0.5, 0.0, 3.0])
def test_the_logarithm_of_the_improvement(gain):
    exact, _ = quad(lambda e: (gain + e) * norm.pdf(e), -gain, -gain + 12, epsabs=1e-14)
    assert log_improvement(np.array([gain]))[0] == pytest.approx(math.log(exact), rel=1e-6)


def test_no_improvement_is_too_small_for_a_logarithm():
    found = log_improvement(np.array([-1e6, -100.0, -40.0, -10.0]))
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_bad_values_are_cut_and_equal_ones_say_nothing():
    assert scaled(np.array([1.0, 2.0, 3.0, 1e9])).max() < 2
    assert scaled(np.array([2.0, 2.0])).tolist() == [0, 0]


def test_belief_in_training_follows_the_trials():
    places = np.linspace(0, 1, 12)[:, None]
    values = np.where(places[:, 0] > 0.6, np.nan, places[:, 0])
    with single_thread():
        belief = believe(places, values, np.ones(12, dtype=bool), np.empty((0, 1)))
        inside, outside = belief.training(np.array([[0.2], [0.9]]))
    assert inside > 0.8 > 0.2 > outside
