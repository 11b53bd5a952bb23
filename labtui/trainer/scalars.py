"""Numbers that still lie on a device: kept as they are, and fetched many at a time.

Reading one number from a GPU waits for everything queued before it. A trainer that logs device
scalars therefore hands over what it has; they are read together, at an evaluation or a few times a
second (P44: no waiting that the training did not ask for).
"""

from __future__ import annotations

import sys
import time
from typing import Any, Dict, List, Mapping, Sequence, Tuple

_KINDS: Dict[type, str] = {}
_FRAMEWORKS = ("torch", "mlx")


def is_held(value: Any) -> bool:
    """Say whether reading `value` would wait for a device: then it is to be held for later."""
    kind = type(value)
    name = _KINDS.get(kind)
    if name is None:
        root = kind.__module__.partition(".")[0]
        name = _KINDS[kind] = root if root in _FRAMEWORKS else ""
    if name == "torch":  # on the CPU it is a number already, and may be changed in place
        return getattr(getattr(value, "device", None), "type", "cpu") != "cpu"
    return bool(name) and hasattr(value, "shape")


def hold(value: Any) -> Any:
    """Keep a scalar as it is now, whatever its owner does to it later; waits for nothing."""
    if _KINDS.get(type(value)) == "torch":
        return value.detach().clone()
    if _KINDS.get(type(value)) == "mlx":  # `+=` would rewrite the array that was logged
        return sys.modules["mlx.core"].stop_gradient(value)
    return value


class Held:
    """Calls of `Trial.log` that wait for a device, and those after them: order matters."""

    def __init__(self) -> None:
        """Start with none."""
        self._calls: List[Tuple[int, Dict[str, Any]]] = []
        self.since = 0.0

    def __bool__(self) -> bool:
        """Whether any call waits."""
        return bool(self._calls)

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Keep a call with its numbers as they are now; `since` is when the first was kept."""
        if not self._calls:
            self.since = time.monotonic()
        kept = {name: hold(v) if is_held(v) else v for name, v in metrics.items()}
        self._calls.append((step, kept))

    def read(self) -> List[Tuple[int, Dict[str, Any]]]:
        """Give the calls with all their numbers read together.

        Raises:
            TypeError: One of them is no scalar; the metrics are named.
        """
        places = [(m, name) for _, m in self._calls for name, v in m.items() if is_held(v)]
        try:
            numbers = fetch([metrics[name] for metrics, name in places])
        except (TypeError, ValueError, RuntimeError) as error:
            names = ", ".join(sorted({name for _, name in places}))
            raise TypeError(f"metrics {names}: expected one number each; {error}") from error
        for (metrics, name), number in zip(places, numbers):
            metrics[name] = number
        return self._calls


def fetch(values: Sequence[Any]) -> List[float]:
    """Read scalars for which `is_held`, waiting once for each device and type of number.

    Raises:
        TypeError, ValueError: One of them is no scalar.
    """
    groups: Dict[Tuple[str, str, str], List[int]] = {}
    for position, value in enumerate(values):
        kind = _KINDS[type(value)]
        place = str(getattr(value, "device", "")) if kind == "torch" else ""
        dtype = str(getattr(value, "dtype", "")) if kind == "torch" else ""
        groups.setdefault((kind, place, dtype), []).append(position)
    found = [0.0] * len(values)
    for (kind, _, _), positions in groups.items():
        numbers = _READERS[kind]([values[p] for p in positions])
        for position, number in zip(positions, numbers):
            found[position] = number
    return found


def _read_torch(values: List[Any]) -> List[float]:
    torch: Any = sys.modules["torch"]
    return [float(number) for number in torch.stack([v.reshape(()) for v in values]).tolist()]


def _read_mlx(values: List[Any]) -> List[float]:
    sys.modules["mlx.core"].eval(values)
    return [float(value.item()) for value in values]


_READERS = {"torch": _read_torch, "mlx": _read_mlx}
