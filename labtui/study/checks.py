"""What the parts of a study must mean together, once each of them is well formed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from labtui.study.conditions import Issue, condition_issues
from labtui.study.errors import display, nearest_name
from labtui.study.fields import Scalar, same
from labtui.study.model import Hyperparameter, Study
from labtui.study.plan import MAX_ARMS, TooManyArms, arms
from labtui.study.space import Dimension, active

MOST_WHOLE = 2**63
"""Whole numbers from here on are no integers of 64 bits, which SQLite and most programs have."""

MAX_TRIALS = 100_000
"""Most trials of a study that nobody confirmed."""

RESERVED = frozenset({"arm", "number", "point", "seed", "step", "study", "trial"})
"""Names that a trial has already, for something else."""

STEPS = frozenset(
    {"max_steps", "max_train_steps", "num_steps", "num_train_steps", "steps", "train_steps"}
)
"""Names of the length of training, which is never a hyperparameter (P11)."""

_EPOCHS = frozenset({"epochs", "max_epochs", "num_epochs", "num_train_epochs"})
_NAME = re.compile(r"[^\W\d][\w-]*([./][\w-]+)*")
_NAME_LENGTH = 200


def study_issues(study: Study, *, yes: bool = False) -> list[Issue]:
    """Return everything wrong with a study whose fields are well formed.

    Args:
        study: The study.
        yes: The person confirmed an unusual size.
    """
    issues = [*_name_issues(study), *_role_issues(study), *condition_issues(study)]
    issues += [*_configuration_issues(study), *_device_issues(study), *_sampler_issues(study)]
    issues += _objective_issues(study)
    return issues or list(_size_issues(study, yes))


def remarks(study: Study) -> Iterator[str]:
    """Say of a study that is right what a person may not expect of its numbers."""
    for name, definitions in study.hyperparameters.items():
        found = {value for one in definitions for value in _values(one)}
        for value in sorted(found, key=abs):
            yield (
                f"hyperparameters.{name}: {display(value)} has more than 64 bits: it is kept "
                "exactly, as text where SQLite holds it; programs of 64 bits may round it"
            )


def _values(definition: Hyperparameter) -> Iterator[int]:
    """Give the whole numbers of a definition that 64 bits do not hold."""
    for value in (definition.value, *(definition.values or ())):
        if isinstance(value, int) and not -MOST_WHOLE <= value < MOST_WHOLE:
            yield value


def _name_issues(study: Study) -> Iterator[Issue]:
    for name, definitions in study.hyperparameters.items():
        here = ("hyperparameters", name)
        is_varied = any(definition.role != "fixed" for definition in definitions)
        if name in STEPS or (name in _EPOCHS and is_varied):
            yield Issue(
                here,
                "'budget.max_train_steps': the length of training is one number for all trials of "
                "a study and never tuned, because the longest would always win (P11)",
                "the number of steps as a hyperparameter",
                at_key=True,
            )
        elif name in RESERVED:
            yield Issue(here, "another name", f"the reserved name '{name}'", at_key=True)
        elif len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
            expected = (
                f"a name of letters, digits, '_', '-', '.' and '/', at most {_NAME_LENGTH} long"
            )
            yield Issue(here, expected, f"the name {display(name)}", at_key=True)
        for length in (match.start() for match in re.finditer(r"[./]", name)):
            if name[:length] in study.hyperparameters:
                found = f"'{name}' beside '{name[:length]}'"
                yield Issue(
                    here, "names that are not also the group of another", found, at_key=True
                )


def _role_issues(study: Study) -> Iterator[Issue]:
    for name, definitions in study.hyperparameters.items():
        for index, definition in enumerate(definitions):
            here = ("hyperparameters", name, index)
            if definition.role == "nuisance" and study.design == "configurations":
                expected = "scientific or fixed in 'design: configurations', which draws nothing"
                yield Issue((*here, "role"), expected)
            if definition.role != "scientific" or study.design == "joint":
                continue
            if Dimension(definition).count is None:
                expected = f"'values', 'step' or 'integer' in 'design: {study.design}'"
                yield Issue((*here, "range"), expected)
            for parent in definition.when:
                if any(d.role == "nuisance" for d in study.hyperparameters.get(parent, ())):
                    expected = (
                        "a condition on scientific or fixed hyperparameters, or 'design: joint'"
                    )
                    yield Issue((*here, "when", parent), expected, f"the nuisance '{parent}'")


def _configuration_issues(study: Study) -> Iterator[Issue]:
    if study.configurations is None:
        return
    if study.design != "configurations":
        yield Issue(("configurations",), "'design: configurations' beside the list", at_key=True)
    if not study.configurations:
        yield Issue(("configurations",), "at least one configuration")
    for index, configuration in enumerate(study.configurations):
        here = ("configurations", index)
        for name, value in configuration.items():
            definitions = study.hyperparameters[name]
            if not any(Dimension(d).holds(value) for d in definitions):
                listed = [str(v) for d in definitions for v in d.values or [d.value]]
                nearest = nearest_name(value, listed)
                yield Issue((*here, name), f"a value of 'hyperparameters.{name}'", None, nearest)
        twin = _twin(study.configurations, index)
        if twin is not None:
            yield Issue(here, "every configuration once", f"configuration {twin + 1} again")


def _twin(configurations: list[dict[str, Scalar]], index: int) -> int | None:
    one = configurations[index]
    for number, other in enumerate(configurations[:index]):
        if one.keys() == other.keys() and all(same(one[name], other[name]) for name in one):
            return number
    return None


def _device_issues(study: Study) -> Iterator[Issue]:
    if (study.gpus_per_trial or 1) > 1 and (study.trials_per_gpu or 1) > 1:
        yield Issue(
            ("trials_per_gpu",), "either several devices a trial or several trials a device"
        )


def _sampler_issues(study: Study) -> Iterator[Issue]:
    if study.sampler == "halton":
        return
    if study.follows is None:
        expected = (
            "'follows: {study: NAME}' beside 'sampler: bayesian': it exploits what that found"
        )
        yield Issue(("sampler",), expected)
    if study.design == "configurations":
        yield Issue(("sampler",), "'halton' in 'design: configurations', which draws nothing")


def _objective_issues(study: Study) -> Iterator[Issue]:
    if study.objective.metric.lower().startswith("test/"):
        expected = (
            "a metric of the validation set: those of the test set stay hidden until a launch, or "
            "choosing by them makes it a second validation set (P32)"
        )
        yield Issue(("objective", "metric"), expected)


def _size_issues(study: Study, yes: bool) -> Iterator[Issue]:
    try:
        found = arms(study)
    except TooManyArms:
        product = math.prod(_counts(study))
        expected = f"at most {MAX_ARMS}: list fewer values, or draw them with 'design: joint'"
        yield Issue(("hyperparameters",), expected, f"{product} combinations of scientific values")
        return
    trials, here = study.budget.trials, ("budget", "trials")
    if study.design == "configurations":
        if trials not in (0, len(found)):
            expected = f"{len(found)}, the number of configurations, or no 'trials' at all"
            yield Issue(here, expected)
        total = len(found) * study.budget.repetitions
        if total > MAX_TRIALS and not yes:
            expected = f"at most {MAX_TRIALS} trials, or `--yes` to confirm"
            yield Issue(("budget", "repetitions"), expected, f"{total} trials in all")
        yield from _inactive_issues(study)
    elif study.budget.repetitions > 1:
        expected = "1, or 'design: configurations': `labtui rerun` repeats trials of other designs"
        yield Issue(("budget", "repetitions"), expected)
    elif trials == 0:
        yield Issue(here, "the number of trials an arm")
    elif (total := trials * len(found)) > MAX_TRIALS and not yes:
        yield Issue(here, f"at most {MAX_TRIALS}, or `--yes` to confirm", f"{total} trials in all")


def _counts(study: Study) -> Iterator[int]:
    for definitions in study.hyperparameters.values():
        counts = (Dimension(d).count or 1 for d in definitions if d.role == "scientific")
        yield max(counts, default=1)


def _inactive_issues(study: Study) -> Iterator[Issue]:
    for index, configuration in enumerate(study.configurations or []):
        existing = active(study, configuration)
        for name, value in configuration.items():
            if name not in existing:
                found = f"'{name}', which does not exist under these values"
                yield Issue(("configurations", index, name), "conditions that hold", found)
            elif not Dimension(existing[name]).holds(value):
                expected = f"a value that '{name}' has under this configuration"
                yield Issue(("configurations", index, name), expected)
