"""Numbers, times and names as people read them, and the one way out for text to a screen."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labtui.study.errors import printable

MISSING = "–"
"""What stands for a value that there is not."""

_SIGNIFICANT = 4
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def clean(text: str, multiline: bool = False) -> str:
    """Make text from anywhere safe to show: nothing in it can move, hide or reorder anything.

    Control, escape, bidirectional and zero-width characters become visible; unusual spaces become
    ordinary ones.

    Args:
        text: Names, parameters, logs, errors: whatever a person or program wrote.
        multiline: Keep line breaks; otherwise they become spaces.
    """
    if multiline:
        lines = text.replace("\r\n", "\n").split("\n")
        return "\n".join(clean(line.expandtabs()) for line in lines)
    if text.isascii() and text.isprintable():
        return text
    plain = (" " if c in "\n\t" or unicodedata.category(c) == "Zs" else c for c in text)
    return printable("".join(plain))


def cut(text: str, most: int) -> str:
    """Shorten text to at most so many characters, with an ellipsis where something went."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def number(value: float | None) -> str:
    """Write a number with four significant digits; a whole number of type int in full."""
    if value is None:
        return MISSING
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{_SIGNIFICANT - 1}e}".split("e")
    power = int(exponent)
    if -5 <= power < 6:
        shown = f"{float(f'{mantissa}e{power}'):.{max(0, _SIGNIFICANT - 1 - power)}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{mantissa.rstrip('0').rstrip('.')}e{power}"


def percent(share: float | None) -> str:
    """Write a share of one as a percentage: ``12.5 %``."""
    return MISSING if share is None else f"{number(100 * share)} %"


def share_text(count: int, of: int) -> str:
    """Write a count with its share: ``3 (15 %)``; 0 alone."""
    return f"{count} ({count / of:.0%})".replace("%", " %") if count and of else str(count)


def value_text(value: object) -> str:
    """Write the value of a hyperparameter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return number(value) if isinstance(value, (int, float)) else clean(str(value))


def params_text(params: Mapping[str, Any]) -> str:
    """Write a configuration in one line: ``learning_rate=0.01 momentum=0.9``."""
    return " ".join(f"{clean(name)}={value_text(value)}" for name, value in params.items())


def condition_text(definition: Mapping[str, Any]) -> str:
    """Write when a definition is in force, ``optimizer=adam``; empty for always."""
    parts = []
    for name, allowed in (definition.get("when") or {}).items():
        options = allowed if isinstance(allowed, list) else [allowed]
        parts.append(f"{clean(name)}={'|'.join(value_text(option) for option in options)}")
    return ", ".join(parts)


def domain_text(definition: Mapping[str, Any]) -> str:
    """Write the values that a definition can take: ``log 0.001 … 10``, ``sgd, adam``, ``64``."""
    if definition.get("values") is not None:
        return ", ".join(value_text(value) for value in definition["values"])
    if definition.get("range") is None:
        return value_text(definition.get("value"))
    low, high = definition["range"]
    words = [definition.get("scale") or "linear", f"{number(low)} … {number(high)}"]
    if definition.get("one_minus"):
        words.append("(of 1 - x)")
    if definition.get("integer"):
        words.append("whole")
    return " ".join(words)


def duration(seconds: float | None) -> str:
    """Write a length of time with its two largest units: ``1m 20s``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    left = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if left >= size:
            rest = _UNITS[index + 1 : index + 2]
            minor = "".join(f" {left % size // below}{name}" for below, name in rest)
            return f"{left // size}{unit}{minor}"
    return "0s"


def seconds(value: float) -> str:
    """Write the time of a step: ``1.23 ms``."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1 or unit == "µs":
            break
    return f"{value * factor:.3g} {unit}"


def memory(size: int) -> str:
    """Write a size in memory: ``1.2 GB``."""
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def moment(when: str | None) -> datetime | None:
    """Read a time of the lab (ISO 8601, UTC); None for none, or for what is not a time."""
    try:
        read = datetime.fromisoformat(when) if when else None
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read and read.tzinfo is None else read


def ago(when: str | None, now: datetime | None = None) -> str:
    """Write how long ago something was: ``3m ago``."""
    then = moment(when)
    if then is None:
        return MISSING
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    return "just now" if seconds < 10 else f"{duration(seconds).split()[0]} ago"
