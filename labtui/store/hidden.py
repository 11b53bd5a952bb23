"""Metrics of the test set stay hidden until a launch (P32).

The lab keeps them like any other; whatever reads for people leaves them out, because a choice that
has seen the test set turns it into a second validation set. A study whose own objective is one has
chosen by it already: there that one is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from labtui.store.errors import LabError

HIDDEN = "test/"
"""How the names of hidden metrics begin, in small or capital letters."""

SHOWN = f"(lower(substr(m.name, 1, {len(HIDDEN)})) <> '{HIDDEN}' OR m.name = s.metric)"
"""The same in SQL, for a metric ``m`` and its study ``s``."""


class HiddenMetric(LabError):
    """Somebody asked for a metric of the test set."""

    exit_code = 2


def is_hidden(metric: str) -> bool:
    """Say whether a metric is of the test set."""
    return metric.lower().startswith(HIDDEN)


def refuse_hidden(metric: str, objective: str, logged: Sequence[str]) -> None:
    """See that a person asks for nothing of the test set but the objective of a study.

    Args:
        metric: What was asked for.
        objective: The objective of its study.
        logged: What may be asked for.

    Raises:
        HiddenMetric: It is hidden.
    """
    if metric != objective and is_hidden(metric):
        raise HiddenMetric(
            f"{metric}: metrics of the test set are kept in the lab and hidden until a launch "
            "(P32), which shows them once, for the configuration that it adopts; expected one of "
            f"{', '.join(name for name in logged if not is_hidden(name)) or 'no metric yet'}"
        )
