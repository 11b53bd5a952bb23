"""A session of the real writer whose every commit is known: run in a process of its own.

``python -m tests.faults.power_session LAB ACKS COMMITS SYNCHRONOUS`` adds to ACKS its revision
after each commit, and a line ``# what went wrong`` before it tries one again. What the lab holds at
each revision is what `contents` says, without a lab and a disk.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

TRIALS = 6
STEPS = 40
"""Points of a metric in a usual commit, at most."""

LARGE = 3000
"""Points of a metric in a large commit: it spills over many pages."""

OBJECTIVE = "validation/error_rate"
Points = dict[tuple[int, str, int], float]
Commit = tuple[int, int | None, list[tuple[str, int, float]]]


def commits(count: int) -> Iterator[Commit]:
    """Give what each commit does: to a trial, either the step it is rewound to, or new points."""
    rng = random.Random(7)
    last = dict.fromkeys(range(1, TRIALS + 1), 0)
    for number in range(count):
        trial = rng.randrange(1, TRIALS + 1)
        if number % 11 == 10:
            last[trial] = rng.randrange(last[trial] + 1)
            yield trial, last[trial], []
            continue
        size = LARGE if number % 90 == 60 else rng.randrange(1, STEPS)
        steps = range(last[trial] + 1, last[trial] + size + 1)
        last[trial] += size
        points = [
            (metric, step, rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300))
            for metric in (OBJECTIVE, "train/loss")
            for step in steps
        ]
        yield trial, None, points


def contents(count: int) -> Iterator[Points]:
    """Give the points that the lab holds after each commit."""
    found: Points = {}
    for trial, rewound, points in commits(count):
        if rewound is not None:
            found = {key: v for key, v in found.items() if key[0] != trial or key[2] <= rewound}
        found = found | {(trial, metric, step): value for metric, step, value in points}
        yield found


def main(lab: str, acks: str, count: int, synchronous: str) -> None:
    """Be the writer, and die without closing the lab: that would merge its log."""
    from labtui.store.changes import NewStudy, NewTrial, add_checkpoint, add_study, claim_trial
    from labtui.store.paths import LabPaths
    from labtui.store.writer import Writer

    handle = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writer = Writer(LabPaths(Path(lab)))
    writer.retry = lambda error: os.write(handle, f"# {error}\n".encode()) and None
    if synchronous:
        writer.connection.execute(f"PRAGMA synchronous = {synchronous}")
    study = NewStudy(
        "s", "w", "numpy", "?", OBJECTIVE, "minimize", "best", 1, "x", TRIALS, {}, "/", ""
    )
    add_study(writer, study, [NewTrial(n, n, "a", {}, {}, 1, 10**6) for n in range(TRIALS)])
    for trial in range(1, TRIALS + 1):
        claim_trial(writer, trial, study=1, runner=None, attempt=1, start_step=0)
        writer.watch(trial, OBJECTIVE, minimize=True)
    os.write(handle, b"%d\n" % writer.commit())
    for trial, rewound, points in commits(count):
        if rewound is not None:
            writer.rewind(trial, rewound)
        else:
            writer.add_points(trial, points)
            step = points[-1][1]
            add_checkpoint(writer, trial, step=step, value=None, folder="f", size=1, sha256="0")
        os.write(handle, b"%d\n" % writer.commit())
        if rewound is not None:
            writer.watch(trial, OBJECTIVE, minimize=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
