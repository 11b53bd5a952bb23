"""For each screen a module: its keys, where they are looked up, and its help."""

from __future__ import annotations

from labtui.tui.guide import (
    again,
    app,
    ask,
    columns,
    compare,
    export,
    filters,
    lab,
    launch,
    log,
    new,
    next,
    remark,
    running,
    study,
    trial,
    welcome,
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
    *new.KEYS,
    *again.KEYS,
    *launch.KEYS,
    *workload.KEYS,
    *compare.KEYS,
    *running.KEYS,
    *remark.KEYS,
    *ask.KEYS,
    *export.KEYS,
    *columns.KEYS,
    *widgets.KEYS,
    *welcome.KEYS,
)
"""In the order of the help."""

_FINDING = ("found", "text", "app"), ("find",)
"""While something is looked for in a text, its keys go before those of the screen."""


def _with_finding(chains: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    has_text = any(chain[0] == "text" for chain in chains)
    return (*chains, *(one for one in _FINDING if has_text and one not in chains))


_OWN: dict[str, tuple[tuple[str, ...], ...]] = {
    **app.CHAINS,
    **lab.CHAINS,
    **study.CHAINS,
    **trial.CHAINS,
    **next.CHAINS,
    **new.CHAINS,
    **again.CHAINS,
    **launch.CHAINS,
    **workload.CHAINS,
    **compare.CHAINS,
    **ask.CHAINS,
    **export.CHAINS,
    **columns.CHAINS,
    **welcome.CHAINS,
}
CHAINS = {name: _with_finding(chains) for name, chains in _OWN.items()}
"""For each screen, from which places a key is looked up, the focused widget's first."""

TOPICS: dict[str, Topic] = {
    **lab.TOPICS,
    **study.TOPICS,
    **trial.TOPICS,
    **next.TOPICS,
    **new.TOPICS,
    **again.TOPICS,
    **launch.TOPICS,
    **workload.TOPICS,
    **compare.TOPICS,
    **log.TOPICS,
    **export.TOPICS,
    **columns.TOPICS,
    **filters.TOPICS,
    **ask.TOPICS,
}
"""By the name of a screen's topic: see `LiveScreen.topic`."""
