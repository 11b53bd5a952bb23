"""Choosing the columns of the trials: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "columns",
        CHOOSE,
        key("done", "enter", "done", "done", "Back to the table", rank=10),
        key("switch", "space", "switch", "show, hide", "Show this column, or hide it", rank=20),
        key("later", "J", "move(1)", "later", "Move it to the right in the table", rank=30),
        key("earlier", "K", "move(-1)", "earlier", "Move it to the left in the table", rank=31),
        key("usual", "0", "usual", "usual ones", "Show the columns as they came", rank=40),
    ),
)
"""In the order of the help."""

CHAINS = {
    "columns": (("rows", "columns", "app"),),
}

TOPICS = {
    "columns": Topic(
        "The columns of the trials",
        "Everything that is known of a trial: what came out, every hyperparameter, how it was "
        "trained, and the best and last value of each metric. The shown ones come first, in the "
        "order of the table, which changes at once; they are kept for this study.",
        "Rank by another metric than the objective before you trust the ranking (P27): show its "
        "best value, and sort by it. A time or step time that stands out says that trials had "
        "different machines.",
        "labtui export NAME",
    ),
}
