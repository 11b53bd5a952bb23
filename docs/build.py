"""Writes the pages that come from the code: docs/commands.md from the commands' own help, and
docs/findings/README.md from the catalogue of findings. `make docs` runs it, a test compares.

python docs/build.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from labtui.analysis.catalogue import CATALOGUE
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


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
    FINDINGS.write_text(render_findings(), "utf-8")
