"""For each screen a module: its keys, where they are looked up, and its help."""

from __future__ import annotations

from labtui.tui.guide import (
    again,
    app,
    ask,
    lab,
    launch,
    log,
    next,
    remark,
    study,
    trial,
    widgets,
    workload,
)
from labtui.tui.keys import Action
from labtui.tui.topic import Topic

KEYS: tuple[Action, ...] = (
    *app.KEYS,
    *lab.KEYS,
    *study.KEYS,
    *trial.KEYS,
    *next.KEYS,
    *again.KEYS,
    *launch.KEYS,
    *workload.KEYS,
    *remark.KEYS,
    *ask.KEYS,
    *widgets.KEYS,
)
"""In the order of the help."""

CHAINS: dict[str, tuple[tuple[str, ...], ...]] = {
    **app.CHAINS,
    **lab.CHAINS,
    **study.CHAINS,
    **trial.CHAINS,
    **next.CHAINS,
    **again.CHAINS,
    **launch.CHAINS,
    **workload.CHAINS,
    **log.CHAINS,
    **ask.CHAINS,
}
"""For each screen, from which places a key is looked up, the focused widget's first."""

TOPICS: dict[str, Topic] = {
    **lab.TOPICS,
    **study.TOPICS,
    **trial.TOPICS,
    **next.TOPICS,
    **again.TOPICS,
    **launch.TOPICS,
    **workload.TOPICS,
    **log.TOPICS,
}
"""By the name of a screen's topic: see `LiveScreen.topic`."""
