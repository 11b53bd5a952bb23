"""What update rules take, by their names (P07, P46): Adam has betas, and smaller learning rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labtui.analysis.design_ranges import Candidate
from labtui.analysis.kinds import BETA1, BETA2, EPSILON, LEARNING_RATE, MOMENTUM

_ADAPTIVE = ("adam", "rmsprop", "adagrad", "adadelta", "lamb", "lion", "adafactor", "yogi")
_MEMORY = ("momentum", "nesterov")
_OF_RMSPROP = frozenset({"rho", "alpha"})


def is_adaptive(rule: str) -> bool:
    """Tell whether a rule divides by the gradient's size, so that its rates are far smaller."""
    return any(word in rule.lower() for word in _ADAPTIVE)


def families(rules: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """Group rules whose learning rates are alike: (adaptive, rules), in the order they come."""
    grouped: dict[bool, list[str]] = {}
    for rule in rules:
        grouped.setdefault(is_adaptive(rule), []).append(rule)
    return list(grouped.items())


def takes(one: Candidate, rule: str, known: Iterable[str]) -> bool:
    """Tell whether an update rule has a use for a hyperparameter.

    Args:
        one: The hyperparameter.
        rule: Name of the rule; of one that is not known everything is said to be used.
        known: All rules there are: where one of them is called momentum, plain SGD has none.
    """
    part, leaf, told = one.meaning.part, one.name.rpartition("/")[2].lower(), rule.lower()
    if one.meaning.kind != "optimizer" or part == LEARNING_RATE:
        return True
    if "adam" in told:
        return part != MOMENTUM and leaf not in _OF_RMSPROP
    if "rmsprop" in told:
        return part not in (BETA1, BETA2)
    if not any(word in told for word in ("sgd", *_MEMORY)):
        return True
    plain = not any(word in told for word in _MEMORY)
    apart = any(word in other.lower() for other in known for word in _MEMORY)
    if part == MOMENTUM:
        return not (plain and apart)
    return part not in (BETA1, BETA2, EPSILON) and leaf not in _OF_RMSPROP
