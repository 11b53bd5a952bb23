"""Isolation plots, budget curves and the best-step histogram."""

import dataclasses
import math
from itertools import combinations
from statistics import median_low

import numpy as np
import pytest

from labtui.analysis.isolation import isolate
from labtui.analysis.table import axis_column
from labtui.study.model import Hyperparameter
from labtui.verdicts.figures_results import (
    BINS,
    best_step_plot,
    budget_plot,
    isolation_plot,
    isolations,
)
from labtui.verdicts.loading import study_table


@pytest.fixture
def study(lab):
    return lab.study("digits-optimizer")


@pytest.fixture
def trials(lab):
    return lab.trials("digits-optimizer")


@pytest.fixture
def table(lab, study, trials):
    return study_table(lab, study, trials)


def named(spec, label):
    return next(one for one in spec.series if one.label == label)


def test_arms_are_isolated_with_their_best_and_their_counts(study, trials, table):
    (found,) = isolations(table)
    spec = isolation_plot(study, table, found)
    assert spec.title == "optimizer: best of each"
    assert spec.x.categories == ("nesterov", "adam")
    best = named(spec, "best of its column")
    everyone = named(spec, "all feasible")
    for place, arm in enumerate(("optimizer=nesterov", "optimizer=adam")):
        done = [t.value for t in trials if t.arm == arm and t.state == "completed"]
        lost = sum(t.arm == arm and t.state == "infeasible" for t in trials)
        assert best.y[place] == min(done)
        drawn = [y for x, y in zip(everyone.x, everyone.y, strict=True) if x == place]
        assert sorted(drawn) == sorted(done)
        assert spec.x.notes[place] == f"n={len(done)} ✗{lost}"
    assert best.emphasis
    assert not everyone.emphasis
    assert not any(one.role == "line" for one in spec.series)  # categories have no order


def test_a_range_is_isolated_in_parts_when_asked(study, table):
    nesterov, adam = isolations(table, "learning_rate")
    assert nesterov.condition == "optimizer=nesterov"
    spec = isolation_plot(study, table, adam)
    assert "learning_rate (optimizer=adam)" in spec.title
    assert len(spec.x.categories) == len(set(spec.x.categories)) == len(adam.columns)
    assert float(spec.x.categories[0]) == 1e-5
    line = next(one for one in spec.series if one.role == "line")
    assert list(line.y) == list(named(spec, "best of its column").y)
    assert (
        sum(int(note.split()[0]) for note in spec.x.notes)
        == table.feasible[table.of_arm("optimizer=adam")].sum()
    )
    crosses = named(spec, "infeasible")
    assert all(adam.columns[int(x)].infeasible for x in crosses.x)


def test_listed_numbers_are_named_in_four_digits(study, table):
    definition = Hyperparameter(role="nuisance", values=[0.0008445074561, 0.0017486387539, 0.002])
    params = [{"rate": definition.values[n % 3]} for n in range(len(table))]
    found = isolate(table, axis_column("rate", "", definition, params))
    spec = isolation_plot(study, table, found)
    assert spec.x.categories == ("0.0008445", "0.001749", "0.002")
    assert any(one.role == "line" for one in spec.series)
    close = Hyperparameter(role="nuisance", values=[0.99999, 0.999991, 0.999992])
    found = isolate(table, axis_column("rate", "", close, [{"rate": 0.99999}] * len(table)))
    assert isolation_plot(study, table, found).x.categories == ("0.99999", "0.999991", "0.999992")


def test_a_maximized_objective_is_drawn_in_its_own_direction(lab, study, trials):
    up = dataclasses.replace(study, direction="maximize")
    table = study_table(lab, up, trials)
    spec = isolation_plot(up, table, isolations(table)[0])
    done = [t.value for t in trials if t.arm == "optimizer=adam" and t.state == "completed"]
    assert named(spec, "best of its column").y[1] == max(done)
    assert spec.worst == "bottom"
    middle = next(s for s in budget_plot(up, table).series if s.role == "line")
    assert max(middle.y) <= max(t.value for t in trials if t.state == "completed")
    assert list(middle.y) == sorted(middle.y)


def test_the_median_of_the_budget_curve_is_that_of_all_choices(study, table, trials):
    spec = budget_plot(study, table)
    arm = [t for t in trials if t.arm == "optimizer=adam"]
    values = [t.value if t.state == "completed" else math.inf for t in arm]
    line = next(s for s in spec.series if s.role == "line" and "adam" in s.label)
    assert line.label == f"optimizer=adam (n={len(arm)})"
    for k in (1, 2, 3):
        exact = median_low(sorted(min(c) for c in combinations(values, k)))
        assert line.y[list(line.x).index(k)] == pytest.approx(exact)
    assert max(line.x) == len(arm)  # nothing beyond n
    assert line.y[-1] == min(values)


def test_bands_surround_the_median_and_share_its_colour(study, table):
    spec = budget_plot(study, table)
    for arm in table.arm_names:
        outer, inner, line = [one for one in spec.series if one.key == arm]
        assert (outer.role, outer.emphasis) == ("band", False)
        assert (inner.role, inner.emphasis) == ("band", True)
        for wide, narrow, value in zip(outer.low, inner.low, line.y, strict=True):
            assert not wide > narrow
            assert not narrow > value
        assert all(not n > w for n, w in zip(inner.y, outer.y, strict=True))
    assert "5–95 %" in spec.title
    assert "without replacement" in spec.x.label


def test_many_arms_are_one_budget_curve(study, table):
    arms = tuple(f"width={n % 5}" for n in range(len(table)))
    spec = budget_plot(study, dataclasses.replace(table, arms=arms))
    assert [one.label for one in spec.series if one.label] == [f"n={len(table)}"]


def test_trials_that_a_person_stopped_say_nothing_about_luck(study, table):
    states = ("stopped", *table.states[1:])
    spec = budget_plot(study, dataclasses.replace(table, states=states, arms=("",) * len(table)))
    assert max(spec.series[-1].x) == len(table) - 1


def test_a_study_without_values_says_so(lab, study):
    table = study_table(lab, study, [])
    assert budget_plot(study, table).series == ()
    assert budget_plot(study, table).empty
    assert best_step_plot(study, []).series == ()


def test_best_steps_are_counted_in_twenty_parts(study, trials):
    spec = best_step_plot(study, trials)
    done = [t for t in trials if t.state == "completed"]
    (bars,) = spec.series
    assert len(bars.y) == BINS == 20
    assert sum(bars.y) == len(done)
    late = sum(t.best_step >= 0.75 * t.step for t in done)
    early = sum(t.best_step <= 0.1 * t.step for t in done)
    assert [m.value for m in spec.marks] == [0.1, 0.75]
    assert spec.marks[0].label.startswith(f"{early} in the first 10%")
    assert spec.marks[1].label.startswith(f"{late} in the last 25%")
    place = np.digitize([t.best_step / t.step for t in done], np.linspace(0, 1, 21)[1:-1])
    assert list(bars.y) == list(np.bincount(place, minlength=20))
