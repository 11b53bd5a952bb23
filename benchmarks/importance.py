"""Which hyperparameter matters most: ours beside Optuna's, on studies where the answer is known.

Studies of 16 trials (and more), half with Nesterov momentum and half with Adam, drawn at random:
the result is a parabola in the logarithm of the learning rate, its middle depends on the optimizer,
and noise. Weight decay and Adam's epsilon, which exists in half of the trials, do nothing at all.
Counted over many studies: how often each is ranked first, and for ours how often each is said to
matter. Optuna twice: its default (PED-ANOVA in 5.0), and its fANOVA, asked about the parameters
that every Adam trial has (it leaves conditional ones out unless it is asked).

Run: make bench-importance, or .venv-bench/bin/python benchmarks/importance.py --studies 200
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
NAMES = ("optimizer", "learning_rate", "weight_decay", "epsilon")


def draw(seed: int, trials: int) -> tuple[list[dict[str, object]], list[float]]:
    """Parameters and results of one study; tests/analysis/test_sensitivity.py has the same."""
    random = np.random.default_rng(seed)
    params: list[dict[str, object]] = []
    results: list[float] = []
    for trial in range(trials):
        optimizer, middle = (("nesterov", -2.0), ("adam", -3.5))[trial % 2]
        rate, decay, epsilon = 10 ** random.uniform(-5, -1, 3)
        found = {"optimizer": optimizer, "learning_rate": rate, "weight_decay": decay}
        params.append({**found, "epsilon": epsilon} if optimizer == "adam" else found)
        parabola = 0.1 * (np.log10(rate) - middle) ** 2
        offset = 0.1 if optimizer == "adam" else 0.0
        results.append(float(parabola + offset + 0.1 * random.normal()))
    return params, results


def ours(params, results):
    from labtui.analysis.sensitivity import sensitivity
    from labtui.study.model import Hyperparameter
    from tests.analysis.made_tables import LOG, scientific, table, under

    definitions: list[tuple[str, Hyperparameter]] = [
        ("optimizer", scientific("nesterov", "adam")),
        ("learning_rate", LOG),
        ("weight_decay", LOG),
        ("epsilon", under(LOG, optimizer="adam")),
    ]
    return sensitivity(table(results, params, definitions))


def optuna_study(params, results):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    numbers = optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)
    names = optuna.distributions.CategoricalDistribution(["nesterov", "adam"])
    study = optuna.create_study()
    for point, result in zip(params, results, strict=True):
        spaces = {name: names if name == "optimizer" else numbers for name in point}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=spaces, value=result))
    return study


def theirs(study, fanova: bool) -> str:
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    if not fanova:
        return next(iter(get_param_importances(study)))
    evaluator = FanovaImportanceEvaluator(seed=0)
    asked = ["learning_rate", "weight_decay", "epsilon"]
    return next(iter(get_param_importances(study, evaluator=evaluator, params=asked)))


def show(way: str, counts: Counter[str], studies: int) -> None:
    cells = "".join(f"{100 * counts[name] / studies:14.1f} %" for name in NAMES)
    print(f"  {way:34}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--trials", type=int, nargs="+", default=[16, 32, 64])
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Optuna's, of its own experimental parts
    print("share of studies; weight_decay and epsilon do nothing; epsilon exists under adam only")
    for trials in options.trials:
        first, matters, default, forest = (Counter[str]() for _ in range(4))
        for seed in range(options.studies):
            params, results = draw(seed, trials)
            effects = ours(params, results)
            if effects[0].matters:
                first[effects[0].name] += 1
            matters.update(effect.name for effect in effects if effect.matters)
            study = optuna_study(params, results)
            default[theirs(study, fanova=False)] += 1
            forest[theirs(study, fanova=True)] += 1
        print(f"\n{trials} trials, {options.studies} studies" + "".join(f"{n:>16}" for n in NAMES))
        show("labtui: matters most", first, options.studies)
        show("labtui: matters", matters, options.studies)
        show("Optuna's default: first", default, options.studies)
        show("Optuna's fANOVA, adam only: first", forest, options.studies)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
