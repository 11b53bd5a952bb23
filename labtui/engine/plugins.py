"""Which trainers there are: plugins by entry point, read without importing any framework."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING

import labtui
from labtui.engine import devices
from labtui.study.fields import Scalar, same, scalar_text
from labtui.trainer.plugin import Plugin, Workload

if TYPE_CHECKING:
    from labtui.study.spec import Study

GROUP = "labtui.trainers"


class TrainerError(Exception):
    """A trainer cannot be used; says which there are and what to do."""

    exit_code = 2


def load_plugins() -> dict[str, Plugin]:
    """Load the declarations of all installed trainers, name → plugin, sorted by name.

    Raises:
        TrainerError: For a plugin whose own module is broken.
    """
    return {entry.name: _load(entry) for entry in _entries()}


def find_plugin(name: str) -> Plugin:
    """Load the trainer called `name`, and no other: a broken one harms only its own studies.

    Raises:
        TrainerError: There is none; the nearest is named. Or it is broken.
    """
    entries = {entry.name: entry for entry in _entries()}
    _expect("trainer", name, entries, "this labtui")
    return _load(entries[name])


def declared_workload(trainer: str, workload: str) -> Workload | None:
    """Give what a trainer declares of a workload; None where it does not, or is not here."""
    try:
        return find_plugin(trainer).workloads.get(workload)
    except TrainerError:
        return None


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _load(entry: EntryPoint) -> Plugin:
    try:
        plugin: Plugin = entry.load()
    except Exception as error:
        raise TrainerError(
            f"trainer {entry.name!r} ({entry.value}): {type(error).__name__}: {error}; "
            "reinstall its package or remove it"
        ) from error
    return plugin


def package_folders(plugin: Plugin) -> dict[str, str]:
    """Give the packages that a worker of any interpreter gets to see: name → folder."""
    folders = {"labtui": labtui.__path__[0]}
    for name in plugin.packages:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise TrainerError(f"trainer {plugin.name!r}: its package {name!r} is not installed")
        folders[name] = next(iter(spec.submodule_search_locations))
    return folders


def stack_limit(plugin: Plugin, stack: str | int, timeout: float | None) -> int:
    """Give how many trials of a study may train together; 1 for one by one.

    Under a `timeout` they train one by one unless the study says otherwise: the time of one trial
    cannot be told from that of its stack.

    Raises:
        TrainerError: The study names a number, and its trainer cannot stack.
    """
    if stack == "off":
        return 1
    if stack != "auto":
        if int(stack) > 1 and not plugin.stack_entry:
            raise TrainerError(
                f"budget.stack: found {stack}; trainer {plugin.name!r} trains its trials one by "
                "one: leave it out"
            )
        return int(stack)
    exact = plugin.stack_entry and plugin.exact_stacking and timeout is None
    return plugin.stack_size if exact else 1


def check_devices(study: Study, plugin: Plugin, environment: Mapping[str, str]) -> None:
    """See whether this machine has what a study wants to train on.

    Raises:
        DeviceError: It has not; what it has is named.
    """
    devices.request(
        study.device,
        plugin.devices,
        gpus_per_trial=study.gpus_per_trial,
        trials_per_gpu=study.trials_per_gpu,
        environment=environment,
    )


def check_trainer(study: Study) -> Plugin:
    """Load a study's trainer and see whether it knows the workload and what it is given.

    Raises:
        TrainerError: It does not know a workload, a hyperparameter or a category; the nearest it
            knows is named.
    """
    plugin = find_plugin(study.trainer.name)
    stack_limit(plugin, study.budget.stack, study.budget.timeout)
    if not plugin.workloads:
        return plugin
    _expect("workload", study.workload, plugin.workloads, f"trainer {plugin.name!r}")
    known = plugin.workloads[study.workload].hyperparameters
    for name, definitions in study.hyperparameters.items():
        _expect("hyperparameters", name, known, f"workload {study.workload!r}")
        for one in definitions:
            listed = [one.value] if one.role == "fixed" else one.values or []
            check_categories(plugin.workloads[study.workload], study.workload, name, listed)
    return plugin


def check_categories(
    declared: Workload, workload: str, name: str, values: Iterable[Scalar]
) -> None:
    """See whether a workload knows the values of a hyperparameter that has categories.

    Args:
        declared: What its trainer declares of it; a range is a proposal, categories are all.
        workload: Its name.
        name: The hyperparameter.
        values: What it is to be.

    Raises:
        TrainerError: It does not know one; the nearest it knows is named.
    """
    one = declared.hyperparameters.get(name)
    if one is None or not one.values or one.low is not None:
        return
    for value in values:
        if not any(same(value, known) for known in one.values):
            known_texts = [scalar_text(known) for known in one.values]
            _expect(name, scalar_text(value), known_texts, f"workload {workload!r}")


def _expect(what: str, found: str, known: Iterable[str], owner: str) -> None:
    names = list(known)
    if found in names:
        return
    near = difflib.get_close_matches(found, names, n=1)
    guess = f" — did you mean {near[0]!r}?" if near else ""
    raise TrainerError(f"{what}: {owner} knows no {found!r}; it has {', '.join(names)}{guess}")
