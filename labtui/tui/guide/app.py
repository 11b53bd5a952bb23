"""The keys that work everywhere."""

from __future__ import annotations

from labtui.tui.keys import GO, key, keys

KEYS = (
    *keys(
        "app",
        GO,
        key(
            "leave",
            "q",
            "leave",
            "quit",
            "Go back, or quit from the list of studies; a run goes on either way",
            rank=90,
        ),
        key(
            "back",
            "escape",
            "back",
            "back",
            "Clear the filter, undo the zoom, then go back; never quits",
            shown="esc",
        ),
        key(
            "help",
            "question_mark,f1",
            "help",
            "help",
            "Explain what has the focus, and list its keys",
            rank=80,
            shown="? F1",
        ),
        key(
            "palette",
            "ctrl+p",
            "command_palette",
            "palette",
            "Search everything that can be done here, themes included",
        ),
        key(
            "copy",
            "Y",
            "copy_command",
            "copy command",
            "Copy the command that says the same as this screen",
        ),
        key(
            "export",
            "e",
            "export",
            "export",
            "Write what has the focus into a file: a table as CSV or JSON, a chart as SVG or "
            "text, a text, or the screen as a picture",
        ),
        key(
            "suspend",
            "ctrl+z",
            "suspend_process",
            "suspend",
            "Go back to the shell for a while; `fg` brings the screen back",
        ),
        key("quit", "ctrl+q", "quit", "quit at once", "Quit from anywhere; a run goes on"),
    ),
)
"""In the order of the help."""

CHAINS = {
    "help": (("text", "app"),),
}
