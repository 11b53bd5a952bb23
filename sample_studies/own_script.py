"""A training script of your own: logistic regression on 600 made-up points.

labtui calls `train` once per trial; what is outside of it runs once per worker.
"""

from itertools import count

import numpy as np

WORLD = np.random.default_rng(0)
POINTS = WORLD.normal(size=(600, 8))
LABELS = POINTS @ WORLD.normal(size=8) + POINTS**2 @ WORLD.normal(size=8) > WORLD.normal(size=600)
TRAINING, VALIDATION = slice(0, 400), slice(400, 600)


def margins(features, weights, rows):
    """Say how far each point is on the right side; below 0 it is misclassified."""
    return np.where(LABELS[rows], 1, -1) * (features[rows] @ weights)


def draw(trial):
    """Draw batches by the trial's seed and the step, so that a resumed trial sees the same."""
    for step in count(trial.start_step + 1):
        yield np.random.default_rng([trial.seed, step]).choice(400, 32, replace=False)


def train(trial):
    squares = [POINTS**2 - 1] if trial.params["features"] == "quadratic" else []
    features = np.hstack([POINTS, *squares])
    saved = trial.restore(np.fromfile)
    weights = np.zeros(features.shape[1]) if saved is None else saved
    for step, rows in zip(trial.steps(), trial.batches(draw(trial))):
        right = margins(features, weights, rows)
        push = np.where(LABELS[rows], 1, -1) * (1 - np.tanh(right / 2)) / 2
        gradient = trial.params["l2"] * weights - features[rows].T @ push / 32
        weights = weights - trial.params["learning_rate"] * gradient
        if trial.should_evaluate(step) or step % 10 == 0:
            trial.log(step, {"train/loss": np.logaddexp(0, -right).mean()})
        if trial.should_evaluate(step):
            right = margins(features, weights, VALIDATION)
            wrong, loss = np.mean(right < 0), np.logaddexp(0, -right).mean()
            trial.log(step, {"validation/error_rate": wrong, "validation/loss": loss})
            examples = [{"point": i, "margin": right[i]} for i in range(5)]
            trial.checkpoint(step, weights.tobytes(), predictions=examples)
