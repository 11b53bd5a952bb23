"""Writes docs/commands.md from the commands' own help; `make docs` runs it, a test compares.

python docs/build.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.main import get_command

from labtui.cli.app import app

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
    root = get_command(app)
    parts = [HEAD, section("labtui", root, None)]
    for name, command in getattr(root, "commands", {}).items():
        parts.append(section(f"labtui {name}", command, root))
    return "\n".join(parts)


def section(title: str, command: Any, parent: Any) -> str:
    """Give one command's heading and help, as a terminal of `WIDTH` columns shows it."""
    name = title.removeprefix("labtui ")
    above = parent and parent.context_class(parent, info_name="labtui", **parent.context_settings)
    context = command.context_class(
        command,
        info_name=name,
        parent=above,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join([f"## {title}", "```", *lines, "```", ""])


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
