"""Everything a key can do, written once: bindings, key line, help and palette are made from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.screen import Screen

from labtui.tui.guide import CHAINS, KEYS
from labtui.tui.keys import Action

ACTIONS = KEYS
__all__ = [
    "ACTIONS",
    "CHAINS",
    "app_keys",
    "at",
    "bindings",
    "can_do",
    "chart_keys",
    "key_line",
    "reachable",
]

BESIDE = (
    "chart.log-y",
    "chart.log-x",
    "chart.smooth",
    "chart.reset",
    "chart.follow",
    "chart.more",
    "chart.fewer",
)
"""The chart's keys that also work while a table or a text beside it has the focus."""


def at(*places: str) -> list[Action]:
    """Give the actions of some places, in the order of the places."""
    return [action for place in places for action in ACTIONS if action.where == place]


def bindings(place: str) -> list[BindingType]:
    """Give the bindings of a place, for the ``BINDINGS`` of its widget or screen."""
    return [
        Binding(
            action.key,
            action.call,
            action.description,
            show=False,
            key_display=action.shown or None,
            tooltip=action.tooltip,
            id=action.id,
        )
        for action in at(place)
    ]


def reachable(screen: str, chain: tuple[str, ...]) -> list[Action]:
    """Give the actions whose keys are heard at one place of a screen."""
    beside = screen == "study" and chain[0] not in ("chart", "filter")
    charts = [action for action in at("chart") if beside and action.id in BESIDE]
    return [*at(*chain), *charts]


def key_line(
    *places: str, most: int = 8, offered: Callable[[Action], bool] | None = None
) -> list[Action]:
    """Choose what the key line shows when the focus is at the first of `places`.

    Args:
        places: Where keys are looked up.
        most: How many keys there are room for.
        offered: Whether an action can be done; all can by default.
    """
    ranked = sorted((a for a in at(*places) if a.rank), key=lambda a: a.rank)
    ranked = [action for action in ranked if offered is None or offered(action)]
    always = [action for action in ranked if action.where == "app"]
    others = [action for action in ranked if action.where != "app"]
    return others[: most - len(always)] + always


def can_do(screen: Screen[Any], action: Action) -> bool:
    """Say whether an action can be done on a screen as things are; see `DOMNode.check_action`."""
    owner, name, arguments = parse(action.target)
    node = {"app": screen.app, "screen": screen, "focused": screen.focused}.get(owner)
    return node is not None and bool(node.check_action(name, arguments))


def app_keys() -> list[BindingType]:
    """Give the keys of the app for a modal screen, which the app's own do not reach."""
    return [Binding(a.key, f"app.{a.call}", a.description, show=False, id=a.id) for a in at("app")]


def chart_keys() -> list[BindingType]:
    """Give the chart's keys that also work while a table beside it has the focus."""
    return [
        Binding(
            a.key, f"on_chart('{a.call}')", a.description, show=False, tooltip=a.tooltip, id=a.id
        )
        for a in at("chart")
        if a.id in BESIDE
    ]
