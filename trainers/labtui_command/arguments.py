"""What a program is told: its arguments, with placeholders filled in, and its environment.

No shell reads any of it. Arguments are split before values are put in, so that a value can be
anything that an argument can hold.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from labtui.trainer.trial import Trial
from labtui_command.errors import CommandError, nearest
from labtui_command.workspace import Workspace

LONGEST = 100_000  # bytes of one argument or variable; Linux takes 131,071
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def written(value: Any) -> str:
    """Write a value as programs read it: text as it is, ``true``, ``null``, the shortest float."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return repr(value) if isinstance(value, float) else str(value)


class Placeholders:
    """The names that arguments may use, with their values in one trial."""

    def __init__(self, trial: Trial, workspace: Workspace) -> None:
        """Collect them; one without a value (no checkpoint to resume from) is None."""
        self._params = {name: written(value) for name, value in trial.params.items()}
        self._others: Dict[str, Optional[str]] = {
            "seed": str(trial.seed),
            "max_steps": str(trial.max_steps),
            "eval_every": str(trial.eval_every),
            "start_step": str(trial.start_step),
            "name": trial.name,
            "device": trial.device,
            "checkpoint_dir": workspace.checkpoints,
            "params_file": workspace.params,
            "resume_path": trial.resume_path,
        }

    def fill(self, argument: str) -> Optional[str]:
        """Put values in for ``{name}``; ``{{`` and ``}}`` are braces.

        Returns:
            None for an argument with ``{name?}`` when this trial has no such value.
        """
        filled, end = [], 0
        for match in _PART.finditer(argument):
            filled.append(argument[end : match.start()])
            end = match.end()
            if match[0] in ("{{", "}}"):
                filled.append(match[0][0])
                continue
            name = match[1]
            if name is None:
                raise CommandError(
                    f"command: argument {argument!r} has a lone {match[0]!r}; write it twice, "
                    f"{match[0] * 2!r}, where no placeholder is meant"
                )
            value = self._value(name.rstrip("?"), argument, optional=name.endswith("?"))
            if value is None:
                return None
            filled.append(value)
        filled.append(argument[end:])
        return "".join(filled)

    def _value(self, name: str, argument: str, *, optional: bool) -> Optional[str]:
        if name in self._params and name in self._others:
            raise CommandError(
                f"command: {{{name}}} means two things, a hyperparameter and labtui's own; "
                "rename the hyperparameter"
            )
        if name in self._params:
            return self._params[name]
        if name in self._others:
            value = self._others[name]
            return value if value is not None or optional else ""
        if optional:
            return None
        names = [*self._params, *self._others]
        raise CommandError(
            f"command: argument {argument!r} asks for {{{name}}}, which this trial does not have; "
            f"it has {', '.join(sorted(names))}{nearest(name, names)} (write {{{{ and }}}} for "
            "braces, {name?} to leave the argument out where there is no such hyperparameter)"
        )


def command_line(argv: Sequence[str], placeholders: Placeholders) -> List[str]:
    """Fill in every argument of a command.

    Raises:
        CommandError: Nothing to run, an unknown placeholder, or a value that no argument can hold.
    """
    filled = [placeholders.fill(argument) for argument in argv]
    given = [argument for argument in filled if argument is not None]
    if not given or not given[0]:
        raise CommandError("command: found nothing to run; expected [program, argument, …]")
    for argument in given:
        _check(f"command: the argument {argument[:40]!r}", argument)
    return given


def environment(trial: Trial, workspace: Workspace) -> Dict[str, str]:
    """Give the program's environment: the worker's, and what labtui adds to it.

    Raises:
        CommandError: Two hyperparameters would be one variable, or a value holds a NUL.
    """
    found = dict(os.environ)
    found.update(_hyperparameters(trial.params))
    found.update(
        LABTUI_PARAMS=workspace.params,
        LABTUI_TRIAL=workspace.trial,
        LABTUI_SEED=str(trial.seed),
        LABTUI_MAX_STEPS=str(trial.max_steps),
        LABTUI_EVAL_EVERY=str(trial.eval_every),
        LABTUI_START_STEP=str(trial.start_step),
        LABTUI_CHECKPOINT_DIR=workspace.checkpoints,
        LABTUI_STOP_FILE=workspace.stop,
        LABTUI_DEVICE=trial.device,
        PYTHONUNBUFFERED="1",  # what it prints arrives while it trains
        PYTHONPATH=os.pathsep.join(
            path for path in (workspace.python, os.environ.get("PYTHONPATH")) if path
        ),
    )
    found.pop("LABTUI_RESUME_PATH", None)
    if trial.resume_path is not None:
        found["LABTUI_RESUME_PATH"] = trial.resume_path
    return found


def _hyperparameters(params: Mapping[str, Any]) -> Dict[str, str]:
    """Give ``LABTUI_P_NAME`` of each; one too long for a variable is in the JSON file alone."""
    found: Dict[str, str] = {}
    owners: Dict[str, str] = {}
    for name, value in params.items():
        variable = "LABTUI_P_" + re.sub("[^A-Za-z0-9]", "_", name).upper()
        if variable in owners:
            raise CommandError(
                f"hyperparameters {owners[variable]!r} and {name!r}: both would be the variable "
                f"{variable}; rename one"
            )
        owners[variable] = name
        text = written(value)
        if len(text) <= LONGEST:
            _check(f"hyperparameter {name!r}", text)
            if len(os.fsencode(text)) <= LONGEST:
                found[variable] = text
    return found


def _check(what: str, text: str) -> None:
    if "\0" in text:
        raise CommandError(
            f"{what}: found a NUL character, which no argument and no variable can hold; "
            "remove it from the value"
        )
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError as error:
        raise CommandError(f"{what}: found text that is no Unicode: {error.reason}") from error
    if size > LONGEST:
        raise CommandError(
            f"{what}: found {size:,} bytes; an argument can hold {LONGEST:,}: let the program "
            "read the value from the JSON file {params_file} (LABTUI_PARAMS)"
        )
