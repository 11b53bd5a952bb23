"""What is believed of a space: expected improvement times probability of feasibility (P13).

After Gelbart, Snoek and Adams (arXiv 1403.5607): a Gaussian process of the objective, fitted to the
trials that trained, and a Gaussian process classifier of whether a trial trains at all, so that one
that diverged tells of its surroundings without a value. Both are scikit-learn's.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Optimize = Callable[..., tuple[Floats, float]]

LENGTH, LENGTHS = 0.5, (0.05, 20.0)
"""Expected length scale, in shares of a range, and its bounds: half a range is what a study's
ranges are chosen for, 20 says that a hyperparameter does nothing."""

AMPLITUDES = (0.1, 10.0)
"""Bounds of the variance of the objective, whose trials have variance 1."""

NOISE, NOISES = 1e-2, (1e-6, 1.0)
"""Expected share of the variance that is chance, a tenth in deviations, and its bounds."""

DOUBT, NOISE_DOUBT = 1.0, 2.0
"""Deviations of those expectations in powers of e. Twenty trials do not settle six length scales:
by likelihood alone a dimension is irrelevant by accident, and no trial looks along it again."""

ODDS, ALL_ODDS = 4.0, (0.5, 50.0)
"""Expected variance of the log-odds of training, and its bounds: far from all trials 16 % of places
are believed to train with less than 12 % probability, and as many with more than 88 %."""

TAIL = 0.5
"""Values worse than the median by more than half of what the best is better by count alike: what a
nearly diverged trial reaches says nothing of the good region and would set the model's scale."""

ITERATIONS = 20
"""Most steps of each fit's optimizer: a suggestion from 40 trials takes 0.2 s of CPU, from 100 up
to 0.4 s."""

LIKELY = 0.5
"""A place is tried if it trains at least as likely as not. Where the best is nearly found the
improvement that is left anywhere else outweighs any small probability: without this limit 36 % of
trials diverged in `benchmarks/exploitation.py`'s gardner and 11 % in rates, with it 11 and 5, and
the best was as good. Unknown places have one half."""

UNLIKELY = 1e3
"""What a probability below that costs the score: more than improvements differ, so that the most
likely place comes first where none is likely."""

LEAST = 1e-12
"""Least probability of training, so that its logarithm exists."""


@dataclass(frozen=True)
class Belief:
    """What the trials so far say of any place.

    Attributes:
        objective: Regressor of the scaled objective.
        feasibility: Classifier; None where every trial trained.
        best: The objective expected at the best trial that is in the searched arm.
    """

    objective: Any
    feasibility: Any
    best: float

    def score(self, features: Floats) -> Floats:
        """Return log(expected improvement x probability of training) of places, shape (n,)."""
        mean, deviation = self.objective.predict(features, return_std=True)
        training = self.training(features)
        score = log_improvement((self.best - mean) / deviation) + np.log(deviation)
        score += np.log(np.maximum(training, LEAST))
        return np.asarray(score - UNLIKELY * np.maximum(LIKELY - training, 0.0))

    def training(self, features: Floats) -> Floats:
        """Return the probability that a trial trains, shape (n,)."""
        if self.feasibility is None:
            return np.ones(len(features))
        return np.asarray(self.feasibility.predict_proba(features)[:, 1])


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread: the same numbers on every run, and the other cores go on training."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, on length scales at their bounds
        yield


def believe(
    features: Floats, values: Floats, arm: npt.NDArray[np.bool_], pending: Floats
) -> Belief:
    """Fit what is believed to the trials.

    Args:
        features: Of the ended trials, shape (n, d).
        values: Their objective, lower is better, shape (n,); NaN where it could not be trained.
        arm: Which of them are in the arm that is searched, shape (n,).
        pending: Features of trials still to end, shape (m, d). They are believed to reach what is
            expected there (the kriging believer), so that the next one goes elsewhere.

    Raises:
        numpy.linalg.LinAlgError: The trials do not determine a model.
    """
    trained = np.isfinite(values)
    own = arm[trained] if arm[trained].any() else np.ones(int(trained.sum()), dtype=np.bool_)
    inputs, targets = features[trained], scaled(values[trained])
    objective = _regressor(inputs, targets, pending)
    best = float(objective.predict(inputs[own]).min())
    feasibility = None if trained.all() else _classifier(features, trained)
    return Belief(objective, feasibility, best)


def scaled(values: Floats) -> Floats:
    """Return values with mean 0 and deviation 1, the bad ones cut; shape (n,)."""
    middle, best = np.median(values), values.min()
    cut = np.minimum(values, middle + TAIL * (middle - best))
    deviation = cut.std()
    return np.asarray((cut - cut.mean()) / deviation if deviation > 0 else np.zeros(len(values)))


def _regressor(inputs: Floats, targets: Floats, pending: Floats) -> Any:
    lengths = np.full(inputs.shape[1], LENGTH)
    kernel = ConstantKernel(1.0, AMPLITUDES) * Matern(lengths, LENGTHS, nu=2.5)
    doubts = [DOUBT, *(DOUBT for _ in lengths), NOISE_DOUBT]
    fitted = GaussianProcessRegressor(
        kernel + WhiteKernel(NOISE, NOISES), optimizer=_expecting(doubts)
    ).fit(inputs, targets)
    if len(pending):
        targets = np.concatenate([targets, fitted.predict(pending)])
        inputs = np.concatenate([inputs, pending])
    smooth, noise = fitted.kernel_.k1, fitted.kernel_.k2.noise_level
    return GaussianProcessRegressor(smooth, alpha=noise, optimizer=None).fit(inputs, targets)


def _classifier(inputs: Floats, trained: npt.NDArray[np.bool_]) -> Any:
    lengths = np.full(inputs.shape[1], LENGTH)
    kernel = ConstantKernel(ODDS, ALL_ODDS) * Matern(lengths, LENGTHS, nu=2.5)
    doubts = [DOUBT, *(DOUBT for _ in lengths)]
    return GaussianProcessClassifier(kernel, optimizer=_expecting(doubts)).fit(inputs, trained)


def _expecting(doubts: list[float]) -> Optimize:
    """Return an optimizer of the likelihood that weighs what is expected, in logarithms."""
    spread = np.array(doubts)

    def optimize(
        objective: Callable[[Floats], tuple[float, Floats]], expected: Floats, bounds: Floats
    ) -> tuple[Floats, float]:
        def weighed(theta: Floats) -> tuple[float, Floats]:
            value, slope = objective(theta)
            off = (theta - expected) / spread
            return value + 0.5 * float(off @ off), slope + off / spread

        options = {"maxiter": ITERATIONS}
        found = minimize(
            weighed, expected, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        return found.x, float(found.fun)

    return optimize


def log_improvement(gain: Floats) -> Floats:
    """Return log E[max(0, g + e)], e standard normal, for gains g in deviations; shape (n,).

    Exact where the improvement itself is too small for a float.
    """
    density = -0.5 * gain**2 - 0.5 * np.log(2 * np.pi)
    near = np.maximum(gain, -1.0)
    direct = np.log(
        np.exp(-0.5 * near**2 - 0.5 * np.log(2 * np.pi)) + near * np.exp(log_ndtr(near))
    )
    far = np.clip(gain, -1e3, -1.0)
    mills = np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))
    tail = density + np.log(np.maximum(1 + far * mills, 1 / (1 + far**2) / 4))
    return np.asarray(np.where(gain > -1, direct, tail))
