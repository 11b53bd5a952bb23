"""Writes the pages that come from the code: docs/commands.md from the commands' own help,
docs/findings/README.md from the catalogue of findings, and docs/keys.md from the registry of
actions. `make docs` runs it, a test compares.

python docs/build.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from labtui.analysis.catalogue import CATALOGUE
from labtui.cli.app import app
from labtui.tui.actions import ACTIONS
from labtui.tui.keys import Action

TARGET = Path(__file__).with_name("commands.md")
WIDTH = 90
HEAD = """\
# Commands

Generated from the commands' help by `make docs`; edit the help, not this page.

`NAME` is a study, `TRIAL` is `STUDY/17` or the trial's id. What was asked for goes to stdout, all
narration to stderr. [The lab file](lab-file.md) describes the JSON documents and the exit codes.
"""


def render() -> str:
    """Give the whole page."""
    return "\n".join([HEAD, *sections("labtui", get_command(app), None)])


def sections(name: str, command: Any, above: Any) -> Iterator[str]:
    """Give the part of a command, and those of the commands below it."""
    context = command.context_class(
        command,
        info_name=name,
        parent=above,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    yield "\n".join([f"## {context.command_path}", "```", *lines, "```", ""])
    for below, found in getattr(command, "commands", {}).items():
        yield from sections(below, found, context)


FINDINGS = Path(__file__).with_name("findings") / "README.md"
FINDINGS_HEAD = """\
# The findings

Generated from the catalogue (`labtui/analysis/catalogue.py`) by `make docs`. `labtui plan` gives
those of the design, `labtui check` all others. Each page has the definition, the thresholds with
their reasons, an example, and what to do next. What the data do not allow is listed as "cannot
judge" with the reason.

An `alert` (▲) puts the conclusion of a study in doubt, a `warning` (!) deserves a look, an `info`
(i) is worth knowing.
"""


def render_findings() -> str:
    """Give the page that lists all findings."""
    lines = [FINDINGS_HEAD]
    for group in dict.fromkeys(entry.group for entry in CATALOGUE.values()):
        lines += [f"## {group.capitalize()}", "| code | what it says | procedure |"]
        lines += ["|---|---|---|"]
        lines += [
            f"| [`{code}`]({code}.md) | {entry.title} | {entry.procedure} |"
            for code, entry in CATALOGUE.items()
            if entry.group == group
        ]
        lines.append("")
    return "\n".join(lines)


KEYS = Path(__file__).with_name("keys.md")
KEYS_HEAD = """\
# The keys

Generated from the registry of actions (`labtui/tui/guide/`) by `make docs`: the key line, the help
(`?`) and the palette (`ctrl+p`) come from it too. Only plain letters, arrows, enter, escape, tab,
F-keys and a few with ctrl: they work in tmux, over ssh, and in every terminal. Everything works
with the mouse as well: a row, a header, a name in a legend or in the key line can be clicked, and
the wheel scrolls or zooms.

The names in the last column are those of [the keymap](settings.md), by which every key can be
changed. The command that does the same without a screen stands where there is one to name: what
only moves or looks has none.
"""
PLACES = {
    "app": "Everywhere",
    "rows": "Rows of a table",
    "table": "Tables",
    "text": "Texts",
    "chart": "Charts",
    "filter": "The line of a filter",
    "lab": "The lab",
    "study": "A study",
    "trials": "The table of trials",
    "trial": "A trial",
    "next": "What follows a study",
    "again": "Training again",
    "launch": "A launch",
    "workload": "A workload",
    "remark": "Whatever can be noted and tagged",
    "ask": "A question",
    "export": "Export",
    "compare": "Comparing",
    "new": "A new study",
    "running": "The runner's queue",
    "welcome": "The tour's first page",
}
"""Headings of the places whose own name says too little."""
FIRST = ("app", "rows", "table", "text", "chart", "filter")


def render_keys() -> str:
    """Give the page that lists all keys."""
    places = dict.fromkeys([*FIRST, *(action.where for action in ACTIONS)])
    lines = [KEYS_HEAD]
    for place in places:
        lines += [f"## {PLACES.get(place, place.replace('-', ' ').capitalize())}"]
        lines += ["| key | what it does | without a screen | name |", "|---|---|---|---|"]
        lines += [_key_row(action) for action in ACTIONS if action.where == place]
        lines.append("")
    return "\n".join(lines)


def _key_row(action: Action) -> str:
    keys = " ".join(f"`{key}`" for key in action.keys.split())
    twin = f"`{action.twin}`" if action.twin else ""
    cells = (keys, action.tooltip, twin, f"`{action.id}`")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    KEYS.write_text(render_keys(), "utf-8")
    TARGET.write_text(render(), "utf-8")
    FINDINGS.write_text(render_findings(), "utf-8")
