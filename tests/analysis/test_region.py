"""The good region of a space, and what a study says whose points a model chose."""

import numpy as np

from labtui.analysis.adaptive import NEEDS_EVEN, even_only
from labtui.analysis.arms import order_of_arms
from labtui.analysis.findings import NotJudged, finding
from labtui.analysis.region import FEWEST_TRIED, good_region, good_values
from labtui.study.halton import unit
from labtui.study.model import Hyperparameter
from tests.analysis.made_tables import LINEAR, LOG, scientific, table, under

MOMENTUM = Hyperparameter(role="nuisance", range=(0.5, 0.999), scale="log", one_minus=True)
LAYERS = Hyperparameter(role="nuisance", range=(1, 64), scale="log", integer=True)


def points(n, *names, seed=1):
    return [{name: unit(seed, c, i) for c, name in enumerate(names)} for i in range(n)]


def rates(units):
    return [{**point, "rate": 1e-5 * 1e4 ** point["rate"]} for point in units]


def test_the_region_is_around_the_best_and_rounded_outwards():
    params = rates(points(20, "rate", "other"))
    values = [(np.log10(p["rate"]) + 3) ** 2 for p in params]
    found = good_region(table(values, params, [("rate", LOG), ("other", LINEAR)]))
    assert set(found) == {("rate", "")}  # the other one makes no difference
    low, high = found["rate", ""]
    best = sorted(zip(values, (p["rate"] for p in params), strict=True))[:5]
    assert low < min(rate for _, rate in best) < 1e-3 < max(rate for _, rate in best) < high
    assert (low, high) == (float(f"{low:.1e}"), float(f"{high:.1e}"))
    assert 1e-5 < low < high < 1e-1


def test_what_diverges_is_not_in_the_region():
    params = rates(points(20, "rate"))
    values = [np.nan if p["rate"] > 1e-2 else -p["rate"] for p in params]
    _, high = good_region(table(values, params, [("rate", LOG)]))["rate", ""]
    assert 1e-2 < high < 0.05  # the margin, and no more


def test_it_contains_the_best_of_many_surfaces():
    inside = []
    for seed in range(40):
        params = points(20, "x", "y", seed=seed)
        best = np.random.default_rng(seed).uniform(0, 1, 2)
        values = [(p["x"] - best[0]) ** 2 + 0.3 * (p["y"] - best[1]) ** 2 for p in params]
        found = good_region(table(values, params, [("x", LINEAR), ("y", LINEAR)]))
        for name, place in zip("xy", best, strict=True):
            low, high = found.get((name, ""), (0.0, 1.0))
            inside.append(low <= place <= high)
    assert np.mean(inside) > 0.95


def test_bounds_of_whole_numbers_and_of_one_minus():
    params = [
        {"layers": LAYERS_AT(p["layers"]), "momentum": 1 - 0.5 * 0.002 ** p["momentum"]}
        for p in points(20, "layers", "momentum")
    ]
    values = [abs(np.log(p["layers"] / 8)) + abs(np.log10(1 - p["momentum"]) + 1) for p in params]
    found = good_region(table(values, params, [("layers", LAYERS), ("momentum", MOMENTUM)]))
    low, high = found["layers", ""]
    assert (low, high) == (int(low), int(high))
    assert 1 <= low < 8 < high < 64
    low, high = found["momentum", ""]
    assert 0.5 <= low < 0.9 < high <= 0.999


def LAYERS_AT(u):
    return min(int(64**u), 64)


def test_every_arm_has_its_best_inside_and_few_trials_say_nothing():
    params = rates(points(20, "rate"))
    arms = [{**p, "optimizer": name} for p in params for name in ("sgd", "adam")]
    definitions = [
        ("optimizer", scientific("sgd", "adam")),
        ("rate", under(LOG, optimizer="sgd")),
        ("rate", under(LOG, optimizer="adam")),
    ]
    best = {"sgd": -2.0, "adam": -4.0}
    values = [(np.log10(p["rate"]) - best[p["optimizer"]]) ** 2 for p in arms]
    names = tuple(p["optimizer"] for p in arms)
    found = good_region(table(values, arms, definitions, arms=names))
    assert found["rate", "optimizer=sgd"][0] > 1e-4 > found["rate", "optimizer=adam"][0]
    few = slice(0, 14)
    assert good_region(table(values[few], arms[few], definitions, arms=names[few])) == {}


def test_values_that_never_win_go_and_scientific_ones_stay():
    params = [{"a": "xyz"[i % 3], "s": "pq"[i % 2]} for i in range(3 * FEWEST_TRIED)]
    values = [float(p["a"] == "z") + 0.001 * i for i, p in enumerate(params)]
    lists = [
        ("a", Hyperparameter(role="nuisance", values=["x", "y", "z"])),
        ("s", scientific("p", "q")),
    ]
    assert good_values(table(values, params, lists)) == {("a", ""): ["x", "y"]}
    assert good_values(table(values[:27], params[:27], lists)) == {}  # nine trials of each


def test_of_chosen_points_nothing_is_said_that_needs_an_even_sample():
    made = [finding(code, "info", "m", "a") for code in (*NEEDS_EVEN, "search-boundary")]
    assert list(even_only(made, adaptive=False)) == made
    left = list(even_only(made, adaptive=True))
    assert left[0] == made[-1]
    assert [one.code for one in left[1:]] == list(NEEDS_EVEN)
    assert all(isinstance(one, NotJudged) for one in left[1:])


def test_the_order_of_arms_that_models_searched_is_not_tested():
    values = [float(i) for i in range(20)]
    arms = ("a",) * 10 + ("b",) * 10
    assert order_of_arms(table(values, arms=arms)).p is not None
    order = order_of_arms(table(values, arms=arms, adaptive=True))
    assert (order.p, order.gap, order.unusual) == (None, 10.0, False)
    assert "a model chose the trials" in order.statement
