"""Which trainers there are: plugins by entry point, read without importing any framework."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING

import labtui
from labtui.trainer.plugin import Plugin

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
    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            plugin = entry.load()
        except Exception as error:
            raise TrainerError(
                f"trainer {entry.name!r} ({entry.value}): {type(error).__name__}: {error}; "
                "reinstall its package or remove it"
            ) from error
        found[entry.name] = plugin
    return found


def find_plugin(name: str) -> Plugin:
    """Load the trainer called `name`.

    Raises:
        TrainerError: There is none; the nearest is named.
    """
    plugins = load_plugins()
    _expect("trainer", name, plugins, "this labtui")
    return plugins[name]


def package_folders(plugin: Plugin) -> dict[str, str]:
    """Give the packages that a worker of any interpreter gets to see: name → folder."""
    folders = {"labtui": labtui.__path__[0]}
    for name in plugin.packages:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise TrainerError(f"trainer {plugin.name!r}: its package {name!r} is not installed")
        folders[name] = next(iter(spec.submodule_search_locations))
    return folders


def check_trainer(study: Study) -> Plugin:
    """Load a study's trainer and see whether it knows the workload and the hyperparameters.

    Raises:
        TrainerError: It does not; the nearest it knows is named.
    """
    plugin = find_plugin(study.trainer.name)
    if not plugin.workloads:
        return plugin
    _expect("workload", study.workload, plugin.workloads, f"trainer {plugin.name!r}")
    known = plugin.workloads[study.workload].hyperparameters
    for name in study.hyperparameters:
        _expect("hyperparameters", name, known, f"workload {study.workload!r}")
    return plugin


def _expect(what: str, found: str, known: Iterable[str], owner: str) -> None:
    names = list(known)
    if found in names:
        return
    near = difflib.get_close_matches(found, names, n=1)
    guess = f" — did you mean {near[0]!r}?" if near else ""
    raise TrainerError(f"{what}: {owner} knows no {found!r}; it has {', '.join(names)}{guess}")
