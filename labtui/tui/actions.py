"""Everything a key can do, written once: bindings, key line, help and palette are made from it."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from labtui.tui.guide import CHAINS, KEYS
from labtui.tui.keys import Action

ACTIONS = KEYS
__all__ = ["ACTIONS", "CHAINS", "app_keys", "at", "bindings", "chart_keys", "key_line"]


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


def key_line(*places: str, most: int = 8) -> list[Action]:
    """Choose what the key line shows when the focus is at the first of `places`."""
    ranked = sorted((a for a in at(*places) if a.rank), key=lambda a: a.rank)
    always = [action for action in ranked if action.where == "app"]
    others = [action for action in ranked if action.where != "app"]
    return others[: most - len(always)] + always


def app_keys() -> list[BindingType]:
    """Give the keys of the app for a modal screen, which the app's own do not reach."""
    return [Binding(a.key, f"app.{a.call}", a.description, show=False) for a in at("app")]


def chart_keys() -> list[BindingType]:
    """Give the chart's keys that also work while a table beside it has the focus."""
    names = ("chart.log-y", "chart.log-x", "chart.smooth", "chart.reset")
    return [
        Binding(a.key, f"on_chart('{a.call}')", a.description, show=False, tooltip=a.tooltip)
        for a in at("chart")
        if a.id in names
    ]
