"""What TensorBoard's HParams plugin keeps in event files: configurations, ends, the experiment.

Its messages lie in the metadata (9) of a summary's value: plugin_data (1) with plugin_name (1) and
content (2), an `HParamsPluginData` with experiment (2), session_start_info (3) or
session_end_info (4).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from labtui.interop.importing.definitions import DECADES
from labtui.study.fields import Scalar
from labtui.trainer.eventfile import fields

FAILURE = 2
"""The status of a session that failed."""


@dataclass
class Plugin:
    """What was found of it.

    Attributes:
        params: The configuration of this run; None where none was written.
        failed: Whether the run said that it failed.
        definitions: The search space, name → definition.
        metrics: The tags of the experiment's metrics.
    """

    params: dict[str, Scalar] | None = None
    failed: bool = False
    definitions: dict[str, dict[str, object]] = field(default_factory=dict)
    metrics: list[str] = field(default_factory=list)

    def take(self, summary: bytes) -> None:
        """Read what a `Summary` holds of the plugin."""
        for content in _contents(summary):
            for number, value in fields(content):
                if not isinstance(value, bytes):
                    continue
                if number == 2:
                    self._experiment(value)
                elif number == 3:
                    self.params = {**(self.params or {}), **dict(_params(value))}
                elif number == 4:
                    self.failed = (1, FAILURE) in list(fields(value))

    def _experiment(self, message: bytes) -> None:
        for number, value in fields(message):
            if number == 4 and isinstance(value, bytes):
                name, definition = _definition(value)
                if definition:
                    self.definitions[name] = definition
            elif number == 5 and isinstance(value, bytes):
                self.metrics += [tag for tag in _metric(value) if tag not in self.metrics]


def _contents(summary: bytes) -> Iterator[bytes]:
    for number, value in fields(summary):
        for inner, found in fields(value) if number == 1 and isinstance(value, bytes) else ():
            if inner == 9 and isinstance(found, bytes):
                for place, data in fields(found):
                    if place == 1 and isinstance(data, bytes):
                        parts = dict(fields(data))
                        content = parts.get(2, b"")
                        if parts.get(1) == b"hparams" and isinstance(content, bytes):
                            yield content


def _params(message: bytes) -> Iterator[tuple[str, Scalar]]:
    for number, entry in fields(message):
        if number == 1 and isinstance(entry, bytes):
            parts = dict(fields(entry))
            name, value = parts.get(1, b""), parts.get(2, b"")
            if isinstance(name, bytes) and isinstance(value, bytes):
                yield name.decode("utf-8", "replace"), _value(value)


def _value(message: bytes) -> Scalar:
    """Read a protobuf `Value`: null, a number, text, or true or false."""
    for number, value in fields(message):
        if number == 2 and isinstance(value, bytes):
            return _plain(_double(value))
        if number == 3 and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if number == 4:
            return bool(value)
    return None


def _double(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0]) if len(data) == 8 else math.nan


def _plain(number: float) -> Scalar:
    """Give whole numbers back, which the plugin writes as 32.0."""
    if not math.isfinite(number):
        return str(number)
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def _definition(message: bytes) -> tuple[str, dict[str, object]]:
    name = ""
    found: dict[str, object] = {}
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            name = value.decode("utf-8", "replace")
        elif number == 5 and isinstance(value, bytes):
            values = [_value(v) for n, v in fields(value) if n == 1 and isinstance(v, bytes)]
            if len(values) > 1:
                found = {"role": "nuisance", "values": values}
        elif number == 6 and isinstance(value, bytes):
            ends = {n: _double(v) for n, v in fields(value) if isinstance(v, bytes)}
            low, high = ends.get(1, 0.0), ends.get(2, 0.0)
            if low < high:
                scale = "log" if low > 0 and high / low >= DECADES else "linear"
                found = {"role": "nuisance", "scale": scale, "range": [low, high]}
    return name, found


def _metric(message: bytes) -> Iterator[str]:
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            parts = {
                n: v.decode("utf-8", "replace") for n, v in fields(value) if isinstance(v, bytes)
            }
            group, tag = parts.get(1, ""), parts.get(2, "")
            yield f"{group}/{tag}" if group else tag
