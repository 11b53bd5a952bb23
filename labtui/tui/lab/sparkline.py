"""The best so far as a line of blocks that is as wide as a column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Course:
    """How the best value of a study came about.

    Attributes:
        completed: How many trials have a value.
        bests: (trials completed before, value) wherever it got better: a handful, whatever the
            number of trials.
    """

    completed: int = 0
    bests: tuple[tuple[int, float], ...] = ()

    def then(self, values: Sequence[float], *, minimize: bool) -> Course:
        """Give the course with further values, in the order in which their trials ended."""
        bests = list(self.bests)
        for place, value in enumerate(values, self.completed):
            if not bests or (value < bests[-1][1] if minimize else value > bests[-1][1]):
                bests.append((place, value))
        return Course(self.completed + len(values), tuple(bests))

    def best(self, completed: int) -> float:
        """Give the best value of the first `completed` trials, of one at least."""
        return [value for place, value in self.bests if place < max(completed, 1)][-1]


def sparkline(course: Course, total: int, width: int) -> str:
    """Draw the best so far over the trials in the order of their ends.

    Args:
        course: What came out.
        total: Trials that the whole width stands for: those completed, and those still to come.
        width: In cells.

    Returns:
        From the left as far as trials have been completed; empty without any.
    """
    total = max(total, course.completed)
    if not course.completed:
        return ""
    ends = [-(-(cell + 1) * total // width) for cell in range(width)]
    begun = [end for cell, end in enumerate(ends) if cell * total // width < course.completed]
    values = [course.best(min(end, course.completed)) for end in begun]
    low, high = min(values), max(values)
    if low == high:  # nothing got better: at the bottom where lower is better is as good as any
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[round((v - low) / (high - low) * (len(BLOCKS) - 1))] for v in values)
