"""Exporting what is shown: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "export",
        CHOOSE,
        key("write", "enter", "write", "write", "Write the file", rank=10),
    ),
)
"""In the order of the help."""

CHAINS = {
    "export": (("rows", "export", "app"),),
}

TOPICS = {
    "export": Topic(
        "What is shown, as files",
        "What has the focus can be written as these files, into the folder that labtui was "
        "started in. A file that is there stays: another name is found.",
        "Tables have what is shown of every row after filtering and sorting; all that is known, "
        "unrounded, is in labtui export.",
        "labtui export NAME",
    ),
}
