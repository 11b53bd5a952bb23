"""Validation curves with a period (P23): a fault of shuffling, or a changing validation set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from labtui.analysis.course import Course
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.noise import TO_DEVIATION, mean, middle
from labtui.analysis.restarts import RATE
from labtui.analysis.runs import Floats, Run

PERIOD_FEWEST = 24
"""Fewest evaluations: eight of each of three periods leave a peak to be told from chance."""

SHORTEST = 3
"""Shortest period, in evaluations: what alternates from one to the next is noise or batch order."""

PERIODS = 3
"""A period must be seen so many times."""

LONGEST = 100
"""Longest period, in points of a look; a longer one shows when evaluations are averaged."""

LEVEL = 0.99
"""Share of shuffled curves whose highest peak must be lower; looks at one curve share the rest."""

SHUFFLES = 600
"""Shuffled curves: two to six lie above the level, enough to know where it is."""

SCREEN = 2.6
"""Peaks below so many standard deviations (1/sqrt(n)) are never above the level: not shuffled."""

PEAK = 0.4
"""Lowest autocorrelation: a period carries this share of what varies from one evaluation to the
next; a weaker one is not seen in the curve. Of 188 real curves five had a peak above the level of
chance, and two, of one trial that relapses again and again, above this."""

AGAIN = 0.5
"""At twice the lag the autocorrelation must be this share of it: a period comes again."""

EXPLAINED = 0.5
"""Share of the variance about a moving mean that the mean of all periods explains (adjusted): in a
curve that merely rises, falls and rises it is little. Of two real trials of 617 with a peak it is
0.03 where no period is to be seen, and 0.77 where training relapses again and again; planted waves
of twice the noise have 0.68 and more."""

TRIALS_OF_PERIOD = 21
"""Periods tried about the lag, one evaluation to either side: it need not be a whole number."""

SHARED = 1
"""Evaluations by which the period of the training loss, or of the rate, may differ."""

PULLED_IN = 3.0
"""Residuals count as at most so many robust deviations: two spikes are not a period."""

POOLS = (1, 2, 4)
"""Evaluations averaged before looking: a long period in noise shows only in averages."""

SKIPPED = 0.10
"""Share of the evaluations left out at the beginning, where a curve falls too fast to follow."""

SHORT = 128
"""A single curve of so many values is correlated faster by its products than by transforms."""

SMOOTHEST = 0.98
"""Largest coefficient of the noise model."""


def slow_course(values: Floats, width: int) -> Floats:
    """Take running medians of a curve that is turned over at both ends, so that its slope goes on.

    Args:
        values: (n,).
        width: How many values each median sees, less than n; an even one gets one more.
    """
    half = width // 2
    first, last = middle(values[:3]), middle(values[-3:])
    longer = np.concatenate(
        [2 * first - values[half:0:-1], values, 2 * last - values[-2 : -half - 2 : -1]]
    )
    # A view of all windows, without the checks that numpy's own makes.
    shape, stride = (values.size, 2 * half + 1), longer.itemsize
    windows = np.ndarray(shape, np.float64, longer, 0, (stride, stride))
    return np.asarray(np.partition(windows, half, axis=1)[:, half], dtype=np.float64)


def innovations(values: Floats) -> Floats:
    """Take the slow course and what carries over from one evaluation to the next out of a curve.

    A curve wanders, and a wandering curve looks periodic over any short stretch. So the running
    median over a third of it is taken away, then what the value before predicts (first order).
    """
    values = values[int(SKIPPED * values.size) :]
    rest = values - slow_course(values, min(values.size // PERIODS, LONGEST))
    rest = pulled_in(rest, 2 * PULLED_IN)
    if not rest.size:
        return rest
    carried = float(rest[1:] @ rest[:-1]) / float(rest[:-1] @ rest[:-1])
    return pulled_in(rest[1:] - min(max(carried, 0.0), SMOOTHEST) * rest[:-1], PULLED_IN)


def pulled_in(values: Floats, most: float) -> Floats:
    """Scale values by their robust deviation, bound them, and centre them; none left if it is 0.

    Args:
        values: (n,), about 0.
        most: Bound, in deviations.
    """
    scale = TO_DEVIATION * middle(np.abs(values))
    if not scale > 0:
        return np.zeros(0)
    bounded = np.minimum(np.maximum(values / scale, -most), most)
    return bounded - mean(bounded)


def autocorrelation(rows: Floats, lags: int) -> Floats:
    """Compute autocorrelations at lags 0 … `lags` of every row.

    Args:
        rows: (k, n), means 0.
        lags: Less than n.
    """
    n = rows.shape[1]
    if len(rows) == 1 and n <= SHORT:
        sums = np.correlate(rows[0], rows[0], "full")[None, n - 1 : n + lags]
        return np.asarray(sums / sums[:, :1], dtype=np.float64)
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(rows, size)) ** 2
    sums = np.fft.irfft(power, size)[:, : lags + 1]
    return np.asarray(sums / sums[:, :1], dtype=np.float64)


def period(course: Course) -> dict[str, Any] | None:
    """Find the period of a curve; None where there is none that chance does not give."""
    looks = [pool for pool in POOLS if len(course) >= pool * PERIOD_FEWEST]
    for pool in looks:
        values = course.values
        if pool > 1:
            values = np.add.reduce(values[values.size % pool :].reshape(-1, pool), axis=1) / pool
        found = peak_of(values, 1 - (1 - LEVEL) / len(looks))
        if found is not None:
            lag = pool * found.pop("peak")
            explained = explained_by(course.values, lag)
            if not explained >= EXPLAINED:
                continue
            apart = (course.steps[lag:] - course.steps[:-lag]).astype(np.float64)
            return {
                "lag_evaluations": lag,
                "lag_steps": middle(apart),
                "explained": explained,
                **found,
            }
    return None


def explained_by(values: Floats, lag: int) -> float:
    """Compute how much of what varies about its moving mean a curve's mean period explains.

    Args:
        values: (n,).
        lag: The period, in values; others up to one longer or shorter are tried.

    Returns:
        The adjusted share of the variance; at most 1, and below 0 for less than chance gives.
    """
    values = values[int(SKIPPED * values.size) :]
    if values.size < 2 * lag:
        return 0.0
    # The mean over a period has nothing of it, and follows a fall that a long median does not.
    sums = np.cumsum(np.concatenate([[0.0], values]))
    before = (lag - 1) // 2
    rest = values[before : before + values.size - lag + 1] - (sums[lag:] - sums[:-lag]) / lag
    rest = pulled_in(rest, PULLED_IN)
    n = rest.size
    if n <= lag:
        return 0.0
    whole = float(rest @ rest)
    most = 0.0
    for length in np.linspace(lag - 1, lag + 1, TRIALS_OF_PERIOD):
        phase = (np.arange(n) % length * (lag / length)).astype(np.int64)
        counts = np.maximum(np.bincount(phase, minlength=lag), 1)
        profile = np.bincount(phase, rest, minlength=lag) / counts
        most = max(most, float(profile**2 @ counts) / whole)
    return 1 - (1 - most) * (n - 1) / (n - lag)


def shares(other: Course | None, lag: int) -> bool:
    """Say whether another curve, at the same evaluations, has the same period."""
    if other is None or len(other) < PERIOD_FEWEST:
        return False
    if explained_by(other.values, lag) >= EXPLAINED:
        return True
    found = period(other)
    return found is not None and abs(found["lag_evaluations"] - lag) <= SHARED


def peak_of(values: Floats, quantile: float) -> dict[str, Any] | None:
    """Find the highest peak of the autocorrelation that comes again and is above chance.

    Args:
        values: (n,), at least `PERIOD_FEWEST`.
        quantile: Share of shuffled curves whose highest peak must be lower.
    """
    fresh = innovations(values)
    n = fresh.size
    lags = min(n // PERIODS, LONGEST)
    if lags < SHORTEST:
        return None
    found = autocorrelation(fresh[None], min(2 * lags + 1, n - 1))[0]
    inner = found[SHORTEST : lags + 1]
    peak = SHORTEST + int(np.argmax(inner))
    sigma = 1 / math.sqrt(n)
    again = float(found[2 * peak - 1 : 2 * peak + 2].max())
    if not (
        found[peak] > max(SCREEN * sigma, PEAK)
        and found[peak] >= found[peak - 1]
        and found[peak] >= found[peak + 1]
        and again > AGAIN * found[peak]
    ):
        return None
    shuffled = np.random.default_rng(0).permuted(np.tile(fresh, (SHUFFLES, 1)), axis=1)
    chance = autocorrelation(shuffled, lags)[:, SHORTEST:].max(axis=1)
    level = float(np.quantile(chance, quantile))
    if not found[peak] > level:
        return None
    return {
        "peak": peak,
        "autocorrelation": float(found[peak]),
        "level": level,
        "periods": n / peak,
    }


def judge_period(run: Run, course: Course, training: Course | None) -> Iterator[Outcome]:
    """Judge whether the objective has a period (P23) that training does not give it.

    Args:
        run: The trial.
        course: Of its objective.
        training: The training loss at evaluations; None if not logged.
    """
    subject = {**run.subject, "metric": run.objective}
    if len(course) < PERIOD_FEWEST:
        reason = f"{len(course)} evaluations after the first, {PERIOD_FEWEST} are needed"
        yield cannot_judge("periodic-validation", reason, **subject)
        return
    evidence = period(course)
    if evidence is None:
        return
    lag = evidence["lag_evaluations"]
    if not shares(training, lag) and not shares(_rates(run, course), lag):
        yield finding(
            "periodic-validation",
            "warning",
            f"{run.objective} repeats itself every {lag} evaluations"
            f" (about {evidence['lag_steps']:.0f} steps).",
            "Look for data that are not shuffled, a validation set that changes from evaluation to"
            " evaluation, or examples that training and test share.",
            subject=subject,
            evidence=evidence,
        )


def _rates(run: Run, course: Course) -> Course | None:
    """Give the learning rate at evaluations; None if not logged."""
    rate = run.curves.get(RATE)
    if rate is None or not len(rate.finite):
        return None
    rate = rate.finite
    index = np.searchsorted(rate.steps, course.steps, side="right") - 1
    return Course(course.steps, rate.values[np.maximum(index, 0)])
