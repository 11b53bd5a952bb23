"""What the benchmarks share: interleaved rounds, CPU time of whole process trees, intervals."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

BOOTSTRAPS = 4000
PR_SET_CHILD_SUBREAPER = 36

# One BLAS thread a process, for everybody: two processes share two cores.
QUIET = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def adopt_orphans() -> None:
    """Have detached processes handed to this one, so that their CPU time is counted (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cpu_seconds(command: Sequence[str], **options: object) -> float:
    """Run a command, wait for everything it left behind, and give the CPU time of all of it."""
    before = _children()
    subprocess.run(command, check=True, env=QUIET, stdout=subprocess.DEVNULL, **options)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def interleave(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure every way once a round, in an order that changes from round to round."""
    order = random.Random(1)
    results: dict[str, list[float]] = {name: [] for name in ways}
    start = time.monotonic()
    for number in range(rounds):
        names = list(ways)
        order.shuffle(names)
        for name in names:
            results[name].append(ways[name]())
        spent = time.monotonic() - start
        print(f"round {number + 1} of {rounds}, {spent:.0f} s", end="\r", file=sys.stderr)
    print(file=sys.stderr)
    return results


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Give the median of theirs / ours over pairs, with its 95 % bootstrap interval."""
    pairs = [b / a for a, b in zip(ours, theirs, strict=True)]
    return _interval(pairs)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Give the median of ours - theirs over pairs, with its 95 % bootstrap interval."""
    return _interval([a - b for a, b in zip(ours, theirs, strict=True)])


def _interval(values: list[float]) -> tuple[float, float, float]:
    draw = random.Random(2)
    medians = sorted(
        statistics.median(draw.choices(values, k=len(values))) for _ in range(BOOTSTRAPS)
    )
    return statistics.median(values), medians[BOOTSTRAPS // 40], medians[-BOOTSTRAPS // 40]


def machine() -> str:
    """Describe where this was measured."""
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
