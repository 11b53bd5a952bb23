"""What a worker may say: every message is looked at before anything is done with it.

A worker runs the code of a trainer, which can write to whatever file its process has open. What it
says wrong must cost its own trials alone: not the runner, and nothing outside their folders.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from labtui.trainer.trial import MOST_METRICS, MOST_STEPS

ENDS = ("completed", "stopped", "infeasible", "failed", "alone")
"""What a worker may say that became of a trial."""

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_step(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_STEPS


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isfinite(value))


def _are_steps(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_step, value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_folder(value: Any) -> bool:
    return isinstance(value, str) and _FOLDER.fullmatch(value) is not None


# The objective and its loss are kept beyond the others.
KINDS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "metric": {
        "index": lambda value: _is_step(value) and value < MOST_METRICS + 2,
        "name": _is_text,
    },
    "started": {"versions": _are_texts, "sources": _are_texts},
    "checkpoint": {
        "step": _is_step,
        "value": _is_number,
        "folder": _is_folder,
        "size": _is_step,
        "sha256": _is_text,
    },
    "kept": {"steps": _are_steps, "best": _are_steps},
    "warning": {"text": _is_text},
    "device": {"device": _is_text},
    "done": {
        "state": ENDS.__contains__,
        "reason": _is_text,
        "detail": _is_text,
        "step": _is_step,
        "sources": _are_texts,
    },
}
"""Kind of message → what each of its parts must be."""


def checked(kind: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the message without what no message of its kind has.

    Raises:
        ValueError: It is none that a worker sends.
    """
    if kind not in KINDS:
        raise ValueError(f"found a message of kind {kind!r:.40}")
    for name, is_right in KINDS[kind].items():
        if name not in data:
            raise ValueError(f"found a message {kind!r} without {name!r}")
        if not is_right(data[name]):
            raise ValueError(f"found a message {kind!r} with {name} = {data[name]!r:.60}")
    return {name: data[name] for name in KINDS[kind]}
