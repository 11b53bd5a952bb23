"""A trial's states, written as a worker writes them: ``python power_checkpoints.py ROOT LOG LAST``.

What is announced goes to LOG, synced, as the runner commits it: rows of checkpoints, and which of
them are kept; folders that are no longer kept are removed afterwards, as the runner does.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from typing import Any

KEEP = 2
STEP = 10


def value(step: int) -> float:
    """Give the objective at a step."""
    return random.Random(step).random()


def state(step: int) -> bytes:
    """Give what is saved at a step."""
    return random.Random(-step).randbytes(20_000)


def main(root: str, log: str, last: int) -> None:
    """Write a state every ten steps until `last`."""
    from labtui.trainer.checkpoints import Keeper

    folders: dict[int, str] = {}
    with open(log, "a") as file:

        def announce(message: dict[str, Any]) -> None:
            file.write(json.dumps(message) + "\n")
            file.flush()
            os.fsync(file.fileno())
            if message["kind"] == "checkpoint":
                folders[message["step"]] = message["folder"]
            else:
                for step in folders.keys() - set(message["steps"]):
                    shutil.rmtree(os.path.join(root, folders.pop(step)))

        keeper = Keeper(root, 1, keep=KEEP, minimize=True, announce=announce, interval=0.0)
        for step in range(STEP, last + 1, STEP):
            keeper.offer(step, state(step), value(step), final=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
