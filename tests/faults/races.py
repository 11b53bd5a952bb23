"""Two would-be runners at once, again and again: ``python -m tests.faults.races LAB ROUNDS``.

In each round two processes go at the same moment, take the lab and claim the same trial: 1, then 2
and so on. Prints ``TRIAL claimed``, ``TRIAL late`` (another had claimed it) or ``TRIAL held`` for
each. Every other round they do not wait for each other. A process that finds another in the lab
ends with a traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from labtui.store.changes import add_runner, claim_trial
from labtui.store.errors import LabHeld
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

WAIT = 30.0
"""Seconds that one waits for the other, which takes milliseconds."""


def main(lab: str, rounds: int) -> int:
    """Race; returns how many processes failed."""
    failed = 0
    for number in range(1, rounds + 1):
        begin, release = os.pipe()
        children = []
        for _ in range(2):
            child = os.fork()
            if not child:
                os.close(release)
                os.read(begin, 1)  # until the pipe is closed: both go at once
                os._exit(_race(LabPaths(Path(lab)), number, WAIT if number % 2 else 0.0))
            children.append(child)
        os.close(begin)
        os.close(release)
        failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return failed


def _race(paths: LabPaths, trial: int, wait: float) -> int:
    try:
        print(f"{trial} {_claim(paths, trial, wait)}", flush=True)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _claim(paths: LabPaths, trial: int, wait: float) -> str:
    witness = paths.db.with_name("witness")
    try:
        writer = Writer(paths, "runner", wait=wait)
    except LabHeld:
        return "held"
    with writer:
        os.close(os.open(witness, os.O_CREAT | os.O_EXCL))  # fails while another is in the lab
        runner = add_runner(writer, own_identity(), version="0", slots=1)
        claim_trial(writer, trial, study=1, runner=runner, attempt=1, start_step=0)
        writer.commit()
        (owner,) = writer.connection.execute(
            "SELECT runner FROM trials WHERE id = ?", (trial,)
        ).fetchone()
        witness.unlink()
    return "claimed" if owner == runner else "late"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
