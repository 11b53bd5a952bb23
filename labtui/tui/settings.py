"""What a person wants of the screen: theme and keys from a file, and what the screen remembers.

# ~/.config/labtui/config.toml
theme = "gruvbox"

[keymap]
"study.next" = "f,ctrl+a"
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labtui.verdicts.text import clean

CONFIG = "LABTUI_CONFIG"
"""Names the file of settings."""

NAMES = ("keymap", "theme")
"""What the file may say."""

MOST_STUDIES = 200
"""Studies whose columns are remembered, the latest: some 20 kB, read before the screen."""


class BadSettings(Exception):
    """The settings cannot be used: says where, what was found and what was expected."""

    exit_code = 2


@dataclass(frozen=True)
class Settings:
    """What the screen is to look like, and its keys.

    Attributes:
        theme: Name of a theme; None for Textual's own.
        keymap: Textual's names of keys by the id of an action.
        memory: Where a theme that is chosen on the screen is remembered; None for nowhere.
        configured: The theme that the file names.
        columns: Keys of the columns that were chosen for the trials of a study, by its `place`.
    """

    theme: str | None = None
    keymap: Mapping[str, str] = field(default_factory=dict)
    memory: Path | None = None
    configured: str | None = None
    columns: Mapping[str, list[str]] = field(default_factory=dict)


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the file of settings, which need not exist."""
    named = environ.get(CONFIG)
    if named:
        return Path(named).expanduser()
    return _folder(environ, "XDG_CONFIG_HOME", ".config", "APPDATA") / "config.toml"


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder of what the screen remembers, and of the logs of its crashes."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")


def _folder(environ: Mapping[str, str], xdg: str, usual: str, windows: str) -> Path:
    """Give labtui's folder of a kind: XDG's, else the platform's."""
    chosen = environ.get(xdg, "")
    if os.path.isabs(chosen):  # the specification: relative ones are to be ignored
        return Path(chosen) / "labtui"
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(environ.get(windows) or home / "AppData" / "Local") / "labtui"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "labtui"
    return home / usual / "labtui"


def load(theme: str | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Args:
        theme: Goes before what the file says and what is remembered, this time.
        environ: Names the files.

    Raises:
        BadSettings: Something in them cannot be used.
    """
    file = config_file(environ)
    text = _read(file, must=bool(environ.get(CONFIG)))
    found = _parse(file, text)
    configured = _theme(found.get("theme"), lambda what: _at(file, text, "theme", what))
    keymap = _keymap(file, text, found.get("keymap", {}))
    memory = state_folder(environ) / "state.json"
    if theme is not None:
        chosen = _theme(theme, lambda what: BadSettings(f"--theme: {what}"))
    else:
        chosen = _remembered(memory, configured)
    return Settings(chosen, keymap, memory, configured, _columns(memory))


def remember(settings: Settings, theme: str) -> None:
    """Keep the theme that was chosen on the screen; one that cannot be kept is no error."""
    if settings.memory is None:
        return
    _keep(settings.memory, {"theme": theme, "configured": settings.configured})


def place(lab: Path, study: str) -> str:
    """Name a study of a lab, for what is remembered of it."""
    return f"{lab}:{study}"


def remember_columns(settings: Settings, place: str, keys: Sequence[str]) -> None:
    """Keep the columns that were chosen for a study; where they cannot be kept is no error."""
    if settings.memory is None:
        return
    kept = _columns(settings.memory)
    kept.pop(place, None)
    kept[place] = list(keys)
    latest = list(kept)[-MOST_STUDIES:]
    _keep(_columns_file(settings.memory), {one: kept[one] for one in latest})


def _columns_file(memory: Path) -> Path:
    return memory.with_name("columns.json")


def _columns(memory: Path) -> dict[str, list[str]]:
    """Give the columns that were chosen for studies; what is no such file says nothing."""
    try:
        kept = json.loads(_columns_file(memory).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = kept.items() if isinstance(kept, dict) else ()
    return {
        where: keys
        for where, keys in found
        if isinstance(keys, list) and keys and all(isinstance(one, str) for one in keys)
    }


def _keep(file: Path, document: object) -> None:
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(document), "utf-8")
        partial.replace(file)


def _remembered(memory: Path, configured: str | None) -> str | None:
    """Give the theme chosen last, until the file names another one than it did then."""
    from textual.theme import BUILTIN_THEMES

    try:
        kept = json.loads(memory.read_text("utf-8"))
        theme, then = kept["theme"], kept["configured"]
    except (OSError, ValueError, TypeError, KeyError):
        return configured
    fresh = then == configured and isinstance(theme, str) and theme in BUILTIN_THEMES
    return theme if fresh else configured


def _read(file: Path, *, must: bool) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        if must:
            raise BadSettings(
                f"{file}: there is no such file, and ${CONFIG} names it; write it, or unset it"
            ) from None
    except UnicodeDecodeError:
        raise BadSettings(f"{file}: found bytes that are no UTF-8; expected TOML") from None
    except OSError as error:
        if must:
            raise BadSettings(f"{file}: {error.strerror or error}; ${CONFIG} names it") from None
    return ""


def _parse(file: Path, text: str) -> dict[str, object]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{file}: this is no TOML: {error}") from None
    from labtui.tui.keymap import nearest

    for name in found:
        if name not in NAMES:
            what = f"labtui knows no such setting{nearest(name, list(NAMES))}; expected theme or "
            raise _at(file, text, name, what + "[keymap]")
    return found


def _theme(name: object, error: Callable[[str], BadSettings]) -> str | None:
    from textual.theme import BUILTIN_THEMES

    from labtui.tui.keymap import nearest

    if name is None or (isinstance(name, str) and name in BUILTIN_THEMES):
        return name
    near = nearest(str(name), list(BUILTIN_THEMES))
    names = ", ".join(sorted(BUILTIN_THEMES))
    raise error(f"found {name!r}, which is no theme{near}; expected one of {names}")


def _keymap(file: Path, text: str, wanted: object) -> dict[str, str]:
    if not isinstance(wanted, dict):
        what = f'found {wanted!r}; expected a table: [keymap], then lines such as "app.help" = "f1"'
        raise _at(file, text, "keymap", what)
    if not wanted:
        return {}
    from labtui.tui.keymap import read_keymap

    keymap, problems = read_keymap(_flat(wanted))
    if problems:
        raise BadSettings("\n".join(str(_at(file, text, *one)) for one in problems))
    return keymap


def _flat(table: Mapping[str, object], above: str = "") -> dict[str, object]:
    """Take ``study.next = "f"`` without quotes, which TOML reads as a table, as the same."""
    flat: dict[str, object] = {}
    for name, value in table.items():
        whole = f"{above}{name}"
        flat |= _flat(value, f"{whole}.") if isinstance(value, dict) else {whole: value}
    return flat


def _at(file: Path, text: str, name: str, what: str) -> BadSettings:
    """Say where in the file something is."""
    last = re.escape(name.rpartition(".")[2])
    for pattern in (re.escape(name), last):
        line = re.compile(rf"""^\s*\[?\s*["']?(?:[\w.-]+\.)?{pattern}["']?\s*[]=]""")
        for number, row in enumerate(text.splitlines(), 1):
            if line.match(row):
                return BadSettings(clean(f"{file}:{number}: {name}: {what}"))
    return BadSettings(clean(f"{file}: {name}: {what}"))
