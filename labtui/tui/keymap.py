"""Keys that a person chose: what is wrong with them, before any of them is pressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from textual.keys import _character_to_key

from labtui.tui.actions import ACTIONS, CHAINS, reachable
from labtui.tui.keys import Action, is_plain, rebound, written

TYPING = frozenset({"ask", "filter"})
"""Places where letters are text: what is done there needs a key that types nothing."""

Problem = tuple[str, str]
"""An action's id, and what is wrong with its keys."""


def nearest(name: str, names: Mapping[str, object] | list[str]) -> str:
    """Give `` (did you mean …?)`` for a name that is none of `names`; empty without a near one."""
    close = get_close_matches(name, list(names), 1, 0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def read_keymap(wanted: Mapping[str, object]) -> tuple[dict[str, str], list[Problem]]:
    """Give the keys of every action that was named, by Textual's names, and what is wrong.

    Args:
        wanted: Keys by the id of the action, several with commas between: ``"j,down"``.

    Returns:
        The keymap without what is wrong, and the problems.
    """
    known = {action.id: action for action in ACTIONS}
    keymap: dict[str, str] = {}
    problems: list[Problem] = []
    for name, keys in wanted.items():
        action = known.get(name)
        if action is None:
            problems.append((name, f"no action has this name{nearest(name, known)}"))
            continue
        found = _named(keys)
        wrong = _wrong(action, keys, found)
        if wrong:
            problems.append((name, wrong))
        else:
            keymap[name] = ",".join(found)
    problems += [] if problems else _clashes(keymap)
    return keymap, problems


def _named(keys: object) -> list[str]:
    """Give Textual's names of keys that a person wrote: ``?`` is question_mark."""
    if not isinstance(keys, str):
        return []
    parts = [","] if keys.strip() == "," else keys.split(",")
    return [_name(part.strip()) for part in parts]


def _name(key: str) -> str:
    aliases = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "return": "enter"}
    if len(key) == 1:
        return _character_to_key(key)
    lower = key.lower()
    return aliases.get(lower, lower)


def _wrong(action: Action, keys: object, found: list[str]) -> str:
    if not isinstance(keys, str) or not keys.strip():
        return f"found {keys!r}; expected keys as text, such as {action.key!r}"
    for key in found:
        if not is_plain(key):
            return (
                f"{key!r} is not a key that every terminal sends; expected a character, an arrow, "
                "enter, escape, tab, f1 to f12, or ctrl with a letter (not c h i j m z)"
            )
        if action.where in TYPING and len(written(key)) == 1:
            return f"{written(key)!r} is text where {action.id} is done; expected ctrl or an F-key"
    return ""


def _clashes(keymap: Mapping[str, str]) -> Iterator[Problem]:
    """Find keys that would mean two things at one place."""
    told: set[tuple[str, str]] = set()
    for screen, chains in CHAINS.items():
        for chain in chains:
            taken: dict[str, Action] = {}
            for action in reachable(screen, chain):
                for key in rebound(action, keymap).key.split(","):
                    other = taken.setdefault(key, action)
                    pair = (other.id, action.id)
                    if other.id != action.id and pair not in told and keymap.keys() & set(pair):
                        told.add(pair)
                        mine = action.id if action.id in keymap else other.id
                        theirs = other if mine == action.id else action
                        yield mine, f"{written(key)!r} is {theirs.id} as well ({theirs.tooltip})"
