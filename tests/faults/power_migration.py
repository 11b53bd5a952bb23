"""Migrations that are killed: ``python -m tests.faults.power_migration LAB FOLDER MOMENT...``.

Copies LAB to FOLDER/MOMENT/lab.db for each moment and begins to migrate it; ``17`` dies before the
17th statement, ``0.002`` after so many seconds. One that is not killed says how many there were.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path


def main(lab: str, folder: str, moments: list[str]) -> None:
    """Migrate and die, once a moment."""
    from labtui.store.connection import open_writer
    from labtui.store.schema import migrate

    for moment in moments:
        target = Path(folder, moment, "lab.db")
        target.parent.mkdir(parents=True)
        shutil.copy(lab, target)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        connection = open_writer(target)
        statements = count(1)

        def die(_: str, statements: count[int] = statements, moment: str = moment) -> None:
            if str(next(statements)) == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        if "." in moment:
            signal.setitimer(signal.ITIMER_REAL, float(moment))  # its signal ends the process
        connection.set_trace_callback(die)
        migrate(connection, target)
        print(next(statements) - 1, flush=True)
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
