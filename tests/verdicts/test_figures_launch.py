"""The reruns of a launch as strips of points."""

import math
from dataclasses import replace

import pytest

from labtui.charts.plotext_text import to_text
from labtui.charts.raster import render
from labtui.charts.svg import to_svg
from labtui.store.records import LaunchRecord
from labtui.verdicts.figures_launch import launch_plot, mean_interval, threshold

OURS = [0.30, 0.31, 0.32, 0.33, None]
THEIRS = [0.40, 0.41, 0.42, 0.43, 0.44]


def side(values, mean, deviation, **more):
    trials = [
        {"trial": f"r/{i}", "value": value, "state": "infeasible" if value is None else "completed"}
        for i, value in enumerate(values)
    ]
    failed = values.count(None)
    numbers = {"mean": mean, "deviation": deviation, "reruns": len(values), "infeasible": failed}
    return {**numbers, "trials": trials, **more}


@pytest.fixture
def record():
    ours = side(OURS, 0.315, 0.0129099, selected_value=0.29, trial="s/3")
    theirs = side(THEIRS, 0.42, 0.0158114, id=2, trial="s/1")
    evidence = {"metric": "error", "goal": "minimize", "candidate": ours, "baseline": theirs}
    look = {"candidate": ours, "baseline": theirs, "least": 0.02, "verdict": "adopt"}
    data = {"looks": [look]}
    return LaunchRecord(5, "w", "s", "s/3", 2, None, "adopt", evidence, "", data, "", "")


def role(spec, name):
    return [one for one in spec.series if one.role == name]


def test_every_rerun_is_a_point_of_its_side_and_the_selected_value_none_of_them(record):
    spec = launch_plot(record)
    assert spec.x.categories == ("candidate", "baseline 2")
    assert spec.x.notes == ("n=5 ✗1 mean 0.315", "n=5 mean 0.42")
    ours, selected, theirs = role(spec, "points")
    assert list(ours.y)[:4] == OURS[:4]
    assert math.isnan(ours.y[4])
    assert list(theirs.y) == THEIRS
    assert all(-0.5 < x < 0.5 for x in ours.x)
    assert all(0.5 < x < 1.5 for x in theirs.x)
    assert (list(selected.y), selected.emphasis) == ([0.29], False)
    assert "does not count" in selected.label
    (failed,) = role(spec, "infeasible")
    assert list(failed.x) == [ours.x[4]]


def test_the_interval_is_students_and_the_mark_the_least_gain_away(record):
    low, high = mean_interval(record.evidence["baseline"])
    assert (low, high) == pytest.approx((0.42 - 0.019633, 0.42 + 0.019633), abs=1e-5)  # t = 2.7764
    bands = role(launch_plot(record), "band")
    assert (bands[1].low[0], bands[1].y[0]) == (low, high)
    (mark,) = launch_plot(record).marks
    assert (mark.axis, mark.label) == ("y", "pays below 0.4")
    assert threshold(record) == pytest.approx(0.40)
    higher = replace(record, evidence={**record.evidence, "goal": "maximize"})
    assert threshold(higher) == pytest.approx(0.44)
    assert launch_plot(higher).worst == "bottom"
    assert mean_interval({**record.evidence["candidate"], "deviation": None}) is None


def test_a_first_baseline_is_held_against_chance(record):
    alone = {**record.evidence, "baseline": None}
    look = {**record.data["looks"][0], "baseline": None, "chance_level": 0.9, "least": 0.1}
    first = replace(record, evidence=alone, data={"looks": [look]}, baseline=None)
    assert launch_plot(first).x.categories == ("candidate",)
    assert threshold(first) == pytest.approx(0.8)
    unknown = replace(first, data={"looks": [{**look, "chance_level": None}]})
    assert launch_plot(unknown).marks == ()


def test_it_is_drawn_everywhere(record):
    spec = launch_plot(record)
    assert "pays below 0.4" in to_text(spec, 80, 16)
    grid = render(spec, 80, 16)
    drawn = "\n".join("".join(text for text, _ in grid.runs(row)) for row in range(grid.height))
    for shown in ("pays below 0.4", "◦", "•", "✗", "baseline 2", "n=5 mean 0.42"):
        assert shown in drawn
    assert "selected: does not count" in to_svg(spec, 720, 360)
    none = launch_plot(replace(record, evidence={"metric": "error"}, data={}))
    assert none.series == ()
    assert "no fresh reruns" in to_text(none, 60, 10)
