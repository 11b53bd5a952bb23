"""How much of a result's spread each of several factors explains, and what the trials leave open.

A Bayesian analysis of variance: the result is one smooth function a factor (main effects), one a
pair of factors, and noise. Draws from the posterior (Gibbs sampling, half-Cauchy priors) are the
resampling: resampled trials give intervals that are far too narrow where there are hardly more
trials than coefficients, because what a fit cannot see it then calls zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labtui.analysis.runs import Floats

CHAINS = 12
"""Samplers side by side: drawing twelve costs hardly more than drawing one."""

WARMING = 30
"""Draws of each chain that are thrown away. The ends of intervals differ from those after 300 by
0.01, which is the chance of the draws, and do so after five."""

KEPT = 50
"""Draws of each chain that are kept: 600 in all, of which 30 lie beyond each end of a 90 %
interval."""

MAIN_SCALE = 0.5
"""Middle of the prior of all main effects together, in standard deviations of the result."""

PAIR_SCALE = 0.5
"""The same of all pairs together. Divided among the pairs: undivided, nine hyperparameters of 20
real trials explained 95 % and all about as much; divided 72 %, most of it the learning rate."""

NOISE_PRIOR = 0.5
"""Weight of the prior against a perfect fit, in rows of noise: with 0.1 an inert one of three
hyperparameters was called important in 19 % of studies of 8 trials, with 0.5 in 1 %."""

CUBIC_FROM = 40
"""Rows from which main effects are cubic rather than quadratic: edges of divergence are steps."""

PAIR_QUADRATIC_FROM = 60
"""Rows from which a pair has four products of degrees one and two, rather than one."""

PAIR_QUADRATIC_FACTORS = 6
"""Most factors for which it has: eight would have 112 products, and a study may wait a second."""


@dataclass(frozen=True, eq=False)
class Factor:
    """Where every row lies on one factor.

    Attributes:
        unit: Position in [0, 1], shape (n,); NaN where the factor is not in force.
        categorical: Whether positions are names without an order.
    """

    unit: Floats
    categorical: bool = False


@dataclass(frozen=True, eq=False)
class Shares:
    """Draws of the variance of each part, as a share of what all of them explain.

    Attributes:
        main: Of each factor alone, shape (draws, factors).
        pairs: Which factors each pair joins, by number, the smaller first.
        paired: Of each pair beyond its main effects, shape (draws, pairs).
        explained: Share of the whole variance that is explained, shape (draws,).
    """

    main: Floats
    pairs: tuple[tuple[int, int], ...]
    paired: Floats
    explained: Floats

    def total(self, factor: int) -> Floats:
        """Draws of all that involves a factor, its main effect and its pairs, shape (draws,)."""
        part: Floats = self.main[:, factor].copy()
        for column, pair in enumerate(self.pairs):
            if factor in pair:
                part += self.paired[:, column]
        return part


def explain(factors: Sequence[Factor], result: Floats, seed: int = 0) -> Shares:
    """Analyse the variance of a result.

    Args:
        factors: At least one; pairs are formed of those that are in force in every row.
        result: Shape (n,), finite and not constant.
        seed: Of the draws: the same rows always get the same numbers.
    """
    rows = result.size
    mains = [_main(factor, rows) for factor in factors]
    everywhere = [bool(np.isfinite(factor.unit).all()) for factor in factors]
    degree = 1
    if rows >= PAIR_QUADRATIC_FROM and len(factors) <= PAIR_QUADRATIC_FACTORS:
        degree = 2
    pairs, joint = [], []
    for j in range(len(factors)):
        for i in range(j):
            if everywhere[i] and everywhere[j]:
                low = [_low(mains[k], factors[k].categorical, degree) for k in (i, j)]
                if low[0].shape[1] * low[1].shape[1] <= max(4, rows // 8):
                    pairs.append((i, j))
                    joint.append(_pair(low[0], low[1], np.column_stack([mains[i], mains[j]])))
    scales = [MAIN_SCALE / len(mains) ** 0.5] * len(mains)
    scales += [PAIR_SCALE / max(len(joint), 1)] * len(joint)
    scaled = (result - result.mean()) / result.std()
    parts, explained = _sample([*mains, *joint], np.array(scales), scaled, seed)
    shares = parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-12)
    split = len(mains)
    return Shares(shares[:, :split], tuple(pairs), shares[:, split:], explained)


def _main(factor: Factor, rows: int) -> Floats:
    """Orthonormal columns of one factor, zero where it is not in force, shape (n, degrees)."""
    active = np.isfinite(factor.unit)
    own = np.round(factor.unit[active], 9)
    places = np.unique(own)
    if factor.categorical:
        raw = (own[:, None] == places[None, 1:]).astype(np.float64)
    else:
        degrees = min(3 if own.size >= CUBIC_FROM else 2, places.size - 1)
        raw = (2 * own[:, None] - 1) ** np.arange(1, degrees + 1)
    own_columns = _orthonormal(raw, np.ones((own.size, 1)))
    columns = np.zeros((rows, own_columns.shape[1]))
    columns[active] = own_columns
    return columns


def _low(main: Floats, categorical: bool, degree: int) -> Floats:
    """Take the columns of a factor that enter its pairs."""
    return main if categorical else main[:, :degree]


def _pair(first: Floats, second: Floats, mains: Floats) -> Floats:
    """Products of two factors' columns without their main effects, shape (n, products)."""
    rows = mains.shape[0]
    raw = (first[:, :, None] * second[:, None, :]).reshape(rows, -1)
    return _orthonormal(raw, np.column_stack([np.ones(rows), mains]))


def _orthonormal(raw: Floats, known: Floats) -> Floats:
    """Make columns orthogonal to each other and to known ones, of mean square 1; drop empty ones.

    Args:
        raw: (n, columns).
        known: (n, others).
    """
    basis = np.linalg.qr(known)[0]
    found: list[Floats] = []
    for column in raw.T:
        left = column - basis @ (basis.T @ column)
        left = left - basis @ (basis.T @ left)  # once more: rounding
        size = float(np.linalg.norm(left))
        if size > 1e-6 * float(np.linalg.norm(column)):
            found.append(left / size)
            basis = np.column_stack([basis, left / size])
    rows = raw.shape[0]
    return np.column_stack(found) * np.sqrt(rows) if found else np.zeros((rows, 0))


def _sample(
    groups: Sequence[Floats], scales: Floats, result: Floats, seed: int
) -> tuple[Floats, Floats]:
    """Draw from the posterior of the groups' coefficients.

    Every group g has a variance s_g of its coefficients with sqrt(s_g) half-Cauchy of that group's
    scale, written with a helper h_g as two inverse gammas (Makalic and Schmidt, arXiv 1508.03884).

    Args:
        groups: Columns of each group, (n, size of the group).
        scales: Middle of each group's prior, shape (groups,).
        result: Standardised, shape (n,).
        seed: Of the draws.

    Returns:
        Variance of each group's part, shape (draws, groups), and the explained share of the
        result's variance, shape (draws,).
    """
    random = np.random.default_rng(seed)
    design = np.column_stack(groups)
    sizes = np.array([group.shape[1] for group in groups])
    owner = np.repeat(np.arange(len(groups)), sizes)
    rows, columns = design.shape
    gram, cross, total = design.T @ design, design.T @ result, float(result @ result)
    member = (owner[:, None] == np.arange(len(groups))[None, :]).astype(np.float64)
    spread = np.tile(scales**2, (CHAINS, 1))
    helper = np.ones_like(spread)
    noise = random.uniform(0.2, 1.0, CHAINS)
    diagonal = np.arange(columns)
    parts, explained = [], []
    for draw in range(WARMING + KEPT):
        precision = gram[None] / noise[:, None, None]
        precision[:, diagonal, diagonal] += 1 / spread[:, owner]
        root = np.linalg.cholesky(precision)
        kick = (root @ random.standard_normal((CHAINS, columns, 1)))[:, :, 0]
        right = cross[None] / noise[:, None] + kick
        beta = np.linalg.solve(precision, right[:, :, None])[:, :, 0]
        squared = beta**2 @ member
        gamma = random.standard_gamma(np.broadcast_to((sizes + 1) / 2, squared.shape))
        spread = np.clip((1 / helper + squared / 2) / gamma, 1e-8, 1e4)
        helper = (1 / scales**2 + 1 / spread) / random.standard_gamma(1.0, spread.shape)
        model = ((beta @ gram) * beta).sum(axis=1)
        left = np.maximum(total - 2 * beta @ cross + model, 0.0)
        noise = (NOISE_PRIOR + left / 2) / random.standard_gamma(1.5 + rows / 2, CHAINS)
        if draw >= WARMING:
            parts.append(squared)
            explained.append(model / (model + rows * noise))
    return np.concatenate(parts), np.concatenate(explained)
