"""What there is to try in the tour, each with the keys and with the command that does it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Something to try.

    Attributes:
        what: What is to be found, or done.
        how: Where, on the screen; ``{…}`` stands for the keys of an action, by its id.
        command: The same without a screen.
    """

    what: str
    how: str
    command: str


TASKS = (
    Task(
        "Find the study whose search space was too narrow",
        "▲ in the column alerts; {table.open} opens a study and its verdict",
        "labtui check adam-longer",
    ),
    Task(
        "Widen it, and run it",
        "{study.answer} on the study lists what answers its findings; takes seconds",
        "labtui next adam-longer --kind widen --run",
    ),
    Task(
        "Tell which of two arms wins, and how sure that is",
        "the study wider compares two widths: the first lines of its verdict",
        "labtui check wider",
    ),
    Task(
        "Find the trial that blew up, and why",
        "four-layers: the findings name trials; {study.stability} shows their gradients",
        "labtui check four-layers --all",
    ),
    Task(
        "Launch the winner",
        "{study.launch} on wider trains it and the baseline again, then decides",
        "labtui launch wider",
    ),
    Task(
        "Roll it back",
        "{study.workload} on a study shows its workload, and {workload.roll-back} there rolls back",
        'labtui lineage digits-mlp --roll-back 4 --reason "only looking"',
    ),
)
"""In the order in which they make a story."""
