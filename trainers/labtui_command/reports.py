"""What the lines of a program mean: reports are JSON objects, everything else is its log."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from labtui.trainer.trial import MOST_STEPS
from labtui_command.errors import CommandError

# Who a report belongs to is known by the pipe that it came through, whatever it says itself.
IDENTITY = frozenset({"trial", "trial_id", "study", "arm", "attempt", "run", "name", "seed"})
_SPECIAL = frozenset({"checkpoint", "infeasible", "metrics", "predictions", "warning"})
_STRANGE = IDENTITY | _SPECIAL
DEEPEST = 20  # levels of nested metrics; no log has more than 5
_NUMBERS = (float, int)  # and not bool
_WORDS = {"nan", "inf", "infinity", "-inf", "-infinity", "+inf", "+infinity"}
_scan = json.JSONDecoder().raw_decode
# printf of most languages writes nan and inf in a way that JSON does not know.
_BARE = re.compile(r"(:\s*)\+?(-?)(nan|inf)(?:inity)?(?=\s*[,}])", re.IGNORECASE)


class Report:
    """What one line says.

    Attributes:
        step: Updates completed, or None when it does not say.
        epoch: Passes over the data, when it says that instead.
        metrics: Name → value.
        checkpoint: Name of a file or folder in ``LABTUI_CHECKPOINT_DIR``.
        predictions: Name of a JSON file there, beside the checkpoint.
        infeasible: Why this configuration cannot be trained.
        warning: What to tell the person.
    """

    __slots__ = ("checkpoint", "epoch", "infeasible", "metrics", "predictions", "step", "warning")

    def __init__(self, step: Optional[int], metrics: Dict[str, float]) -> None:
        """Say that `metrics` were measured after update `step`."""
        self.step = step
        self.metrics = metrics
        self.epoch: Optional[float] = None
        self.checkpoint: Optional[str] = None
        self.predictions: Optional[str] = None
        self.infeasible: Optional[str] = None
        self.warning: Optional[str] = None


def read_report(line: str) -> Optional[Report]:
    """Read a line; None if it is no report.

    Raises:
        CommandError: It is one, and says something impossible.
    """
    found = read_object(line)
    if found is None:
        return None
    step = found.get("step")
    if type(step) is int and 0 <= step <= MOST_STEPS and _STRANGE.isdisjoint(found):
        del found["step"]
        for value in found.values():
            if type(value) is not float:
                break
        else:  # the usual report, read without another look at it
            return Report(step, found)
        return Report(step, dict(flat(found)))
    return _read(found)


def read_object(line: str) -> Optional[Dict[str, Any]]:
    """Read a JSON object that is all of a line, with nan and inf as printf writes them."""
    line = line.strip()
    if not line.startswith("{") or not line.endswith("}"):
        return None
    try:
        found, end = _scan(line)
    except (ValueError, RecursionError):
        line = _BARE.sub(_as_json, line)
        try:
            found, end = _scan(line)
        except (ValueError, RecursionError):
            return None
    return found if end == len(line) else None


def _as_json(match: re.Match[str]) -> str:
    return match[1] + ("NaN" if match[3].lower() == "nan" else f"{match[2]}Infinity")


def _read(found: Dict[str, Any]) -> Optional[Report]:
    """Read the less usual reports: epochs, checkpoints, ends, nested metrics."""
    found = {name: value for name, value in found.items() if name not in IDENTITY}
    if isinstance(found.get("metrics"), dict):
        nested = found.pop("metrics")
        found = {**found, **nested}
    elif not found.keys() & {"step", "epoch", *_SPECIAL} and not _is_numeric(found):
        return None
    report = Report(None, {})
    for name in ("checkpoint", "predictions", "infeasible", "warning"):
        if name in found:
            setattr(report, name, _text(name, found.pop(name)))
    if "step" in found:
        report.step = read_step(found.pop("step"))
    elif "epoch" in found:
        report.epoch = read_epoch(found.pop("epoch"))
    report.metrics = dict(flat(found))
    return report


def _is_numeric(found: Mapping[str, Any]) -> bool:
    """Say whether an object without a step holds numbers alone: else it is some other log."""
    try:
        return bool(dict(flat(found)))
    except CommandError:
        return False


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise CommandError(f"{name}: found {_shown(value)}; expected text")
    return value


def read_step(value: Any) -> int:
    """Check a step.

    Raises:
        CommandError: It is no whole number from 0 to 2**63 - 1.
    """
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not 0 <= value <= MOST_STEPS:
        raise CommandError(
            f"step: found {_shown(value)}; expected the updates completed, a whole number from 0"
        )
    return int(value)


def read_epoch(value: Any) -> float:
    """Check a number of epochs.

    Raises:
        CommandError: It is no number from 0.
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBERS) or not 0 <= value < math.inf:
        raise CommandError(f"epoch: found {_shown(value)}; expected the epochs completed, from 0")
    return float(value)


def flat(found: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[Tuple[str, float]]:
    """Give name and value of every number, nested ones as ``outer/inner``; null is left out.

    Raises:
        CommandError: A value is no number, or too deep within others.
    """
    if depth > DEEPEST:
        raise CommandError(f"{prefix[:40]}…: found more than {DEEPEST} levels of nested metrics")
    for key, value in found.items():
        name = prefix + key
        if type(value) is float:
            yield name, value
        elif isinstance(value, dict):
            yield from flat(value, f"{name}/", depth + 1)
        elif value is not None:
            yield name, _number(name, value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return float(value)
    if isinstance(value, (str, list)):
        raise CommandError(f"{name}: found {_shown(value)}; expected a number")
    try:
        return float(value)
    except OverflowError as error:
        raise CommandError(f"{name}: found a whole number above 1e308") from error


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
