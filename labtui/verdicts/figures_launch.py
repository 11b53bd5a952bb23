"""What a launch rests on, drawn (P30): every fresh rerun, the means, what has to be beaten."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from labtui.analysis.probability import student_quantile
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.records import LaunchRecord
from labtui.verdicts.text import clean, number

SPREAD = 0.56
"""Columns that the reruns of a side are spread over, in the order they were trained: so that none
hides another, and that a side which drifts is seen to."""

HALF = 0.36
"""Half the width of an interval: a little wider than the points, so that its ends are seen."""

BESIDE = -0.46
"""Where the selected value stands, off the middle of its side: beside the reruns, not in them."""

CONFIDENCE = 0.95
"""Of the interval of a mean. What decides is that of the gain, at the levels of the look."""

Evidence = Mapping[str, Any]


def launch_plot(record: LaunchRecord) -> ChartSpec:
    """Describe the reruns of candidate and baseline side by side, as its last look counted them.

    Args:
        record: The launch; before its first look there is nothing to draw.
    """
    found = record.evidence
    sides = [side for key in ("candidate", "baseline") if (side := found.get(key))]
    looked = [side for side in sides if side.get("trials")]
    minimize = found.get("goal", "minimize") == "minimize"
    series = [one for place, side in enumerate(looked) for one in _strip(place, side)]
    return ChartSpec(
        title=f"fresh reruns of {clean(record.trial)}",
        x=Axis(
            categories=tuple(_name(side) for side in looked),
            notes=tuple(_note(side) for side in looked),
        ),
        y=Axis(
            f"{clean(str(found.get('metric', '')))} ({'lower' if minimize else 'higher'} is better)"
        ),
        series=tuple(series),
        marks=tuple(_threshold(record, minimize)) if looked else (),
        worst="top" if minimize else "bottom",
        empty="no fresh reruns were looked at yet",
    )


def mean_interval(side: Evidence) -> tuple[float, float] | None:
    """Give the 95 % interval of a side's mean, by Student's t; None for fewer than two values.

    Args:
        side: ``{"mean", "deviation", "reruns", "infeasible"}`` of a look.
    """
    mean, deviation = side.get("mean"), side.get("deviation")
    if mean is None or deviation is None:
        return None
    count = side["reruns"] - side["infeasible"]
    reach = student_quantile((1 - CONFIDENCE) / 2, count - 1) * deviation / math.sqrt(count)
    return mean - reach, mean + reach


def threshold(record: LaunchRecord) -> float | None:
    """Give the objective that the candidate's mean has to beat; None before the first look.

    It is the baseline's mean less the least gain that pays; without a baseline, chance less the
    margin that is asked for.
    """
    looks = record.data.get("looks") or ()
    if not looks:
        return None
    look = looks[-1]
    against = look["baseline"]["mean"] if look.get("baseline") else look.get("chance_level")
    if against is None or look.get("least") is None:
        return None
    minimize = record.evidence.get("goal", "minimize") == "minimize"
    return float(against - look["least"] if minimize else against + look["least"])


def _strip(place: int, side: Evidence) -> Iterator[Series]:
    first, key = place == 0, f"side {place}"
    ends = [place - HALF, place + HALF]
    interval = mean_interval(side)
    if interval is not None:
        low, high = interval
        label = f"{CONFIDENCE:.0%} interval of the mean".replace("%", " %") if first else ""
        yield Series(ends, [high] * 2, label, "band", key=key, emphasis=False, low=[low] * 2)
    if side.get("mean") is not None:
        yield Series(ends, [side["mean"]] * 2, key=key)
    values = [_value(one) for one in side["trials"]]
    spread = [place + SPREAD * (i / max(len(values) - 1, 1) - 0.5) for i in range(len(values))]
    label = "a fresh rerun each" if first else ""
    yield Series(spread, values, label, "points", key=key)
    failed = [x for x, value in zip(spread, values, strict=True) if math.isnan(value)]
    if failed:
        gaps = [math.nan] * len(failed)
        yield Series(failed, gaps, "could not be trained", "infeasible", key=f"failed {place}")
    selected = side.get("selected_value")
    if selected is not None:
        label = "selected: does not count"
        yield Series([place + BESIDE], [selected], label, "points", key="selected", emphasis=False)


def _value(rerun: Evidence) -> float:
    value = rerun.get("value") if rerun.get("state") == "completed" else None
    return math.nan if value is None else float(value)


def _name(side: Evidence) -> str:
    return f"baseline {side['id']}" if "id" in side else "candidate"


def _note(side: Evidence) -> str:
    failed = f" ✗{side['infeasible']}" if side.get("infeasible") else ""
    return f"n={side.get('reruns')}{failed} mean {number(side.get('mean'))}"


def _threshold(record: LaunchRecord, minimize: bool) -> Iterator[Mark]:
    value = threshold(record)
    if value is not None:
        word = "below" if minimize else "above"
        yield Mark("y", value, f"pays {word} {number(value)}", "reference")
