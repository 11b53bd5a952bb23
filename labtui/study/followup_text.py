"""A study as the text of its file, with comments; what the defaults say is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from labtui.study.fields import same
from labtui.study.model import Hyperparameter, Study
from labtui.study.scaffold import comment, flow, scalar

Path: TypeAlias = tuple[str | int, ...]
"""Where a comment belongs: ``("budget",)``, ``("hyperparameters", "learning_rate", 0)``."""

_HIDDEN: tuple[Any, ...] = (None, False, {}, [], "", "linear")
_ORDER = ("role", "values", "value", "scale", "one_minus", "integer", "range", "step", "when")


def commented_study(
    study: Study, comments: Mapping[Path, str] | None = None, head: Sequence[str] = ()
) -> str:
    """Write a study file; `labtui.study.spec.parse_study` reads the same study from it.

    Args:
        study: The study.
        comments: What to say above a line, by what the line defines.
        head: What to say at the top, a paragraph each.
    """
    told = dict(comments or {})
    lines = [line for text in head for line in comment(text)]
    for field, value in _document(study).items():
        lines += comment(told.get((field,), ""))
        if field == "hyperparameters":
            lines += _hyperparameters(value, told)
        elif field == "configurations":
            lines.append("configurations:")
            for index, one in enumerate(value):
                lines += comment(told.get((field, index), ""), "  ")
                lines.append(f"  - {flow(one)}")
        else:
            lines.append(f"{field}: {flow(value)}")
    return "\n".join(lines) + "\n"


def _document(study: Study) -> dict[str, Any]:
    """Give what the file must say, in the order in which people read it."""
    full = study.to_json()
    defaults = {k: f.get_default(call_default_factory=True) for k, f in Study.model_fields.items()}
    trainer = {"trainer": short_trainer(full["trainer"])}
    budget = {k: v for k, v in full["budget"].items() if _told(k, v, study)}
    objective = {k: v for k, v in full["objective"].items() if (k, v) != ("select", "best")}
    follows = study.follows.model_dump(mode="json") if study.follows else None
    parts = {**full, **trainer, "budget": budget, "objective": objective}
    parts["follows"] = follows and {k: v for k, v in follows.items() if v}
    parts["hyperparameters"] = _declared(study, full["hyperparameters"])
    last = ("hyperparameters", "configurations")
    order = [*(k for k in parts if k not in last), *last]
    always = ("study", "goal", "workload", "trainer", "objective", "budget", "seed")
    shown = [k for k in order if k in always or parts[k] not in (None, {}, defaults.get(k))]
    return {k: parts[k] for k in shown}


def _told(field: str, value: Any, study: Study) -> bool:
    if field == "trials":
        return study.design != "configurations"
    defaults = {"repetitions": 1, "stack": "auto"}
    return value is not None and value != defaults.get(field)


def _declared(study: Study, definitions: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Give the definitions, without those that the list of configurations declares by itself."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for name, listed in definitions.items():
        if not _of_configurations(study, name):
            shown[name] = [
                {
                    k: one[k]
                    for k in _ORDER
                    if one[k] not in _HIDDEN or (k == "value" and _fixed(one))
                }
                for one in listed
            ]
    return shown


def _fixed(definition: Mapping[str, Any]) -> bool:
    return bool(definition["role"] == "fixed")


def _of_configurations(study: Study, name: str) -> bool:
    listed: list[Any] = []
    for one in study.configurations or ():
        if name in one and not any(same(one[name], known) for known in listed):
            listed.append(one[name])
    return study.hyperparameters[name] == [Hyperparameter(role="scientific", values=listed or [0])]


def short_trainer(trainer: Mapping[str, Any]) -> Any:
    """Write a trainer in the short form of study files, where it has one."""
    name, options = trainer.get("name"), trainer.get("options", {})
    if name and not options:
        return name
    match name, options:
        case "python", {"file": str(file), "function": str(function)} if len(options) == 2:
            return {"python": f"{file}:{function}"}
        case "python", {"script": str(file), "argv": list(argv)} if len(options) == 2:
            return {"script": [file, *argv] if argv else file}
        case "command", {"argv": list(argv), **rest} if rest.keys() <= {"report"}:
            return {"command": argv, **rest}
    return dict(trainer)


def _hyperparameters(
    definitions: Mapping[str, Sequence[Mapping[str, Any]]], told: Mapping[Path, str]
) -> Iterator[str]:
    yield "hyperparameters:" if definitions else "hyperparameters: {}"
    for name, listed in definitions.items():
        yield from comment(told.get(("hyperparameters", name), ""), "  ")
        if len(listed) == 1:
            yield from comment(told.get(("hyperparameters", name, 0), ""), "  ")
            yield f"  {scalar(name)}: {flow(_short(listed[0]))}"
            continue
        yield f"  {scalar(name)}:"
        for index, one in enumerate(listed):
            yield from comment(told.get(("hyperparameters", name, index), ""), "    ")
            yield f"    - {flow(_short(one))}"


def _short(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Write a condition on one value without a list."""
    if "when" not in definition:
        return dict(definition)
    when = {k: v[0] if len(v) == 1 else v for k, v in definition["when"].items()}
    return {**definition, "when": when}
