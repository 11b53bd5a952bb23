"""`labtui trainers` and `labtui schema`: what can train, and what a study file may say."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from labtui.cli.common import JsonOption, LabOption
from labtui.cli.output import print_json, print_table, write

if TYPE_CHECKING:
    from labtui.trainer.plugin import Plugin, Workload


def trainers(json: JsonOption = False, lab: LabOption = None) -> None:
    """List the trainers that are installed.

    Each with its workloads and their hyperparameters.
    """
    from labtui.engine.plugins import load_plugins

    plugins = load_plugins()
    if json:
        from labtui.verdicts.documents import jsonable

        print_json({"trainers": [jsonable(asdict(p)) for p in plugins.values()]})
        return
    rows = [(p.name, ", ".join(p.workloads) or "your own", p.description) for p in plugins.values()]
    print_table(("trainer", "workloads", "description"), rows)
    for plugin in plugins.values():
        for name, workload in plugin.workloads.items():
            write()
            _print_workload(plugin, name, workload)


def _print_workload(plugin: Plugin, name: str, workload: Workload) -> None:
    from labtui.verdicts.text import clean, domain_text, value_text

    write(f"{clean(plugin.name)}: {clean(name)}: {clean(workload.description)}")
    rows = []
    for key, item in workload.hyperparameters.items():
        bounds = None if item.low is None else (item.low, item.high)
        domain = {**asdict(item), "values": item.values or None, "range": bounds}
        shown = domain_text(domain) if item.values or bounds else ""
        rows.append((key, item.kind, value_text(item.default), shown, item.description))
    print_table(("hyperparameter", "kind", "default", "sensible values", "description"), rows)


def schema(lab: LabOption = None) -> None:
    """Print the JSON Schema of study files, for editors."""
    from labtui.study.spec import json_schema

    print_json(json_schema())
