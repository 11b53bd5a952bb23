"""Everything a key can do, written once: bindings, key line, help and palette are made from it.

A text that names a key says ``{launch.train}``, an action's id: `with_keys` writes the key for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from textual._context import active_app  # nothing public tells which app runs
from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.screen import Screen

from labtui.tui.guide import CHAINS, KEYS
from labtui.tui.keys import Action, rebound, written

ACTIONS = KEYS
__all__ = [
    "ACTIONS",
    "CHAINS",
    "app_keys",
    "at",
    "bindings",
    "can_do",
    "chart_keys",
    "chosen_keys",
    "heard",
    "help_key",
    "key_line",
    "key_of",
    "reachable",
    "with_keys",
]

NAMED = re.compile(r"\{([a-z-]+\.[a-z-]+)\}")
"""How a text names the key of an action."""

_BY_ID = {action.id: action for action in ACTIONS}

EVERYWHERE = ("app.help", "app.palette", "app.quit")
"""The app's keys that are heard while a question is asked or a line is written, too."""

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


def chosen_keys() -> Mapping[str, str]:
    """Give the keys that the person chose, by the action's id; none where no app runs."""
    app = active_app.get(None)
    chosen: Mapping[str, str] = getattr(getattr(app, "settings", None), "keymap", {})
    return chosen


def key_of(name: str) -> str:
    """Write the first key of an action, by its id, as the person has it.

    Raises:
        KeyError: There is no such action.
    """
    return rebound(_BY_ID[name], chosen_keys()).keys.split()[0]


def with_keys(text: str) -> str:
    """Write the keys of the actions that a text names; what names none stays as it is."""
    return NAMED.sub(lambda found: key_of(found[1]) if found[1] in _BY_ID else found[0], text)


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
    beside = screen == "study" and chain[0] not in ("chart", "filter", "find")
    charts = [action for action in at("chart") if beside and action.id in BESIDE]
    return [*heard(chain), *charts]


def heard(chain: tuple[str, ...]) -> list[Action]:
    """Give the actions of the places of a chain, and of the app those that are heard everywhere."""
    found = at(*chain)
    return found if "app" in chain else [*found, *(_BY_ID[name] for name in EVERYWHERE)]


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


def help_key(screen: Screen[Any]) -> Action:
    """Give the help with the key that works where a question is answered: no letter in a line."""
    one = rebound(_BY_ID["app.help"], chosen_keys())
    if not screen.query("Input"):
        return one
    typed = next((key for key in one.key.split(",") if len(written(key)) > 1), one.key)
    return replace(one, key=typed, shown=written(typed))


def can_do(screen: Screen[Any], action: Action) -> bool:
    """Say whether an action can be done on a screen as things are; see `DOMNode.check_action`."""
    owner, name, arguments = parse(action.target)
    node = {"app": screen.app, "screen": screen, "focused": screen.focused}.get(owner)
    return node is not None and bool(node.check_action(name, arguments))


def app_keys(*names: str) -> list[BindingType]:
    """Give the keys of the app for a modal screen, which the app's own do not reach.

    Args:
        names: Ids of those that are wanted; all by default.
    """
    return [
        Binding(a.key, f"app.{a.call}", a.description, show=False, id=a.id)
        for a in at("app")
        if not names or a.id in names
    ]


def chart_keys() -> list[BindingType]:
    """Give the chart's keys that also work while a table beside it has the focus."""
    return [
        Binding(
            a.key, f"on_chart('{a.call}')", a.description, show=False, tooltip=a.tooltip, id=a.id
        )
        for a in at("chart")
        if a.id in BESIDE
    ]
