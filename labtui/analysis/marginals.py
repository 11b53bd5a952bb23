"""What each hyperparameter does on its own: an additive fit of a study's results, with doubt.

A Bayesian additive regression: every axis is a sum of Legendre polynomials, with a scale of its own
(automatic relevance, by expectation maximisation). All axes are fitted at once, which takes the
effect of the others away from each; an inert one shrinks to nothing. Numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from labtui.analysis.runs import Floats

SHRINK = (1.0, 0.6, 0.2, 0.1, 0.05, 0.03)
"""Prior variance of the polynomials of degree 1, 2, 3 …: smooth is likelier than wiggling."""

DEGREES = ((2, 0), (4, 40), (6, 100))
"""Degrees that are tried, and the fewest trials for each: 20 trials of 4 axes hold a bowl, no more
(with degree 4 optima outside were found half as often at n = 20); with hundreds, a plateau that
ends in a cliff would otherwise be taken for a slope."""

OFFSETS = (math.inf, 1.0, 0.1)
"""Values are fitted as log(gap to the best + offset x typical gap); infinite is as they are."""

ROUNDS = 25
"""Of expectation maximisation, each one small inverse; the calibration was done with as many."""

DRAWS = 400
"""Samples of each curve: a probability of 0.95 is known to within 0.01."""

GRID = np.linspace(0.0, 1.0, 41)
"""Where curves are looked at."""

MOST_TRIALS = 2_000
"""More trials are thinned evenly along their ranking: the fit of 2,000 is certain enough."""

_PRIOR_COUNT, _PRIOR_SCALE, _PRIOR_NOISE = 1.0, 0.15, 0.05


@dataclass(frozen=True, eq=False)
class Marginal:
    """What one axis does.

    Attributes:
        draws: Samples of its curve on `GRID`, (DRAWS, 41), in deviations of what was fitted; lower
            is better.
        unexplained: What the fit of all axes leaves, in the same deviations.
    """

    draws: Floats
    unexplained: float


@dataclass(frozen=True, eq=False)
class _Fit:
    means: Floats
    covariance: Floats
    noise: float
    evidence: float
    sizes: tuple[int, ...]


def legendre(u: Floats, degree: int) -> Floats:
    """Evaluate the Legendre polynomials 1 … degree on [0, 1], each of variance one.

    Args:
        u: (n,).
        degree: How many.

    Returns:
        (n, degree).
    """
    x = 2 * u - 1
    rows = [np.ones_like(x), x]
    for k in range(1, degree):
        rows.append(((2 * k + 1) * x * rows[k] - k * rows[k - 1]) / (k + 1))
    return np.stack([rows[k] * math.sqrt(2 * k + 1) for k in range(1, degree + 1)], axis=1)


def rank_scores(values: Floats) -> Floats:
    """Replace values by the normal scores of their ranks, ties by that of their mean rank.

    Args:
        values: (n,); infinite ones, of trials that did not train, are tied as the worst.
    """
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, "left")
    last = np.searchsorted(ordered, values, "right")
    normal = NormalDist()
    return np.array(
        [normal.inv_cdf((a + b) / 2 / values.size) for a, b in zip(first, last, strict=True)]
    )


def fit_marginals(
    units: Sequence[Floats], values: Floats, others: Sequence[Sequence[object]] = ()
) -> list[Marginal]:
    """Fit the effect of each axis.

    Args:
        units: Positions of all trials on each axis, each (n,); NaN where not in force. An axis with
            few different positions gets as many degrees as it can tell apart.
        values: (n,), finite, not all equal; lower is better.
        others: Labels of all trials, such as their arms, whose effect is taken away.

    Returns:
        That of each axis.
    """
    order = np.argsort(values, kind="stable")
    kept = order[np.linspace(0, order.size - 1, min(order.size, MOST_TRIALS)).astype(int)]
    units, values = [u[kept] for u in units], values[kept]
    labels = [_indicators([labels[i] for i in kept]) for labels in others]
    target, fit = _best_target(units, values, labels)
    for higher, least in DEGREES[1:]:
        if values.size >= least:
            other = _fit(_blocks(units, labels, higher), target)
            if other.evidence > fit.evidence:
                fit = other
    return [Marginal(_curves(fit, index), fit.noise) for index in range(len(units))]


def _best_target(
    units: Sequence[Floats], values: Floats, labels: Sequence[Floats]
) -> tuple[Floats, _Fit]:
    """Choose how the values are fitted: the transformation under which they are likeliest."""
    degree = DEGREES[0][0]
    blocks = _blocks(units, labels, degree)
    found = []
    for offset in OFFSETS:
        target, jacobian = _transformed(values, offset)
        fit = _fit(blocks, target)
        found.append((fit.evidence + jacobian, target, fit))
    _, target, fit = max(found, key=lambda one: one[0])
    return target, fit


def _transformed(values: Floats, offset: float) -> tuple[Floats, float]:
    """Give standardised values, and the log Jacobian of that."""
    gap = values - values.min()
    # Many ties with the best would leave no typical gap; half the range then serves.
    typical = float(np.median(gap)) or 0.5 * float(gap.max())
    if math.isinf(offset):
        raw, slope = gap / typical, np.full(gap.size, 1.0 / typical)
    else:
        shifted = gap / typical + offset
        raw, slope = np.log(shifted), 1.0 / (shifted * typical)
    scale = float(raw.std())
    return (raw - raw.mean()) / scale, float(np.log(slope / scale).sum())


def _blocks(
    units: Sequence[Floats], labels: Sequence[Floats], degree: int
) -> list[tuple[Floats, Floats]]:
    """Give the columns of each axis and label with their prior variances."""
    blocks = []
    for unit in units:
        present = np.isfinite(unit)
        told = min(degree, max(np.unique(unit[present]).size - 1, 1))
        columns = legendre(np.where(present, unit, 0.5), told) * present[:, None]
        blocks.append((columns, np.array(SHRINK[:told])))
    blocks.extend((columns, np.ones(columns.shape[1])) for columns in labels)
    return blocks


def _indicators(labels: Sequence[object]) -> Floats:
    names = list(dict.fromkeys(map(str, labels)))
    return np.array([[float(str(label) == name) for name in names] for label in labels])


def _fit(blocks: Sequence[tuple[Floats, Floats]], target: Floats) -> _Fit:
    matrix = np.concatenate([columns for columns, _ in blocks], axis=1)
    matrix = matrix - matrix.mean(axis=0)
    prior = np.concatenate([variances for _, variances in blocks])
    sizes = [variances.size for _, variances in blocks]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
    gram, toward = matrix.T @ matrix, matrix.T @ target
    squares, n = float(target @ target), target.size
    scales, noise = np.full(len(blocks), 1.0 / len(blocks)), 0.5
    for _ in range(ROUNDS):
        spread = np.repeat(scales, sizes) * prior
        covariance = np.linalg.inv(gram / noise + np.diag(1 / spread))
        means = covariance @ toward / noise
        moments = np.add.reduceat((means**2 + np.diag(covariance)) / prior, starts)
        scales = (moments + _PRIOR_SCALE) / (np.array(sizes) + 2 * _PRIOR_COUNT)
        rest = squares - 2 * means @ toward + means @ gram @ means + np.sum(gram * covariance)
        noise = max((float(rest) + 2 * _PRIOR_NOISE) / (n + 2), 0.005)
    spread = np.repeat(scales, sizes) * prior
    precision = gram / noise + np.diag(1 / spread)
    covariance = np.linalg.inv(precision)
    means = covariance @ toward / noise
    misfit = squares / noise - float(toward @ means) / noise
    volume = np.linalg.slogdet(precision)[1] + float(np.log(spread).sum()) + n * math.log(noise)
    evidence = -0.5 * (misfit + volume + n * math.log(2 * math.pi))
    return _Fit(means, covariance, math.sqrt(noise), evidence, tuple(sizes))


def _curves(fit: _Fit, index: int) -> Floats:
    start, degree = sum(fit.sizes[:index]), fit.sizes[index]
    own = slice(start, start + degree)
    root = np.linalg.cholesky(fit.covariance[own, own] + 1e-12 * np.eye(degree))
    normal = np.random.default_rng(0).standard_normal((DRAWS, degree))
    weights = fit.means[own] + normal @ root.T
    curves: Floats = weights @ legendre(GRID, degree).T
    return curves
