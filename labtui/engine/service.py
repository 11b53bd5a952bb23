"""The runner as a process of its own: ``python -m labtui.engine.service --lab PATH``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths

LOCK_SECONDS = 2.0  # a command that holds the lab lets go within this


def run(paths: LabPaths, slots: int | None) -> int:
    """Be the runner of a lab; returns the process's exit code."""
    from labtui.engine.devices import check_slots
    from labtui.engine.pool import LocalPool
    from labtui.engine.runner import Runner
    from labtui.store.errors import LabError, LabHeld
    from labtui.store.writer import Writer

    count = check_slots(slots)
    try:
        writer = Writer(paths, "runner", wait=LOCK_SECONDS)
    except LabHeld:
        return LabHeld.exit_code  # another runner was quicker: it takes the requests
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    executor = LocalPool(count, paths.logs)
    try:
        runner = Runner(writer, executor, count)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: runner.end())
        runner.run()
    except LabError as error:
        writer.abandon()
        print(error, file=sys.stderr)
        return error.exit_code
    except BaseException:
        writer.abandon()  # what cannot be committed would not let go of the lab
        raise
    finally:
        executor.close()
        writer.retry = None
        writer.close()
    return 0


def main() -> None:
    """Start from the command line, in the background: the caller need not wait for its end."""
    parser = argparse.ArgumentParser(prog="labtui-runner")
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--slots", type=int, default=None)
    arguments = parser.parse_args()
    if os.fork():  # before anything is imported that a fork could harm
        os._exit(0)
    from labtui.store.paths import LabPaths

    sys.exit(run(LabPaths(arguments.lab), arguments.slots))


if __name__ == "__main__":
    main()
