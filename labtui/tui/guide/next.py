"""What follows a study: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "next",
        DECIDE,
        key(
            "train",
            "enter",
            "train",
            "train",
            "Train this study: asks once, then opens it",
            rank=10,
            twin="labtui next NAME --kind KIND --run",
        ),
        key(
            "save",
            "s",
            "save",
            "write file",
            "Write it as a file into the folder that labtui was started in, over no other",
            rank=20,
            twin="labtui next NAME --kind KIND --to FILE",
        ),
    ),
    *keys(
        "next",
        GO,
        key(
            "design",
            "d",
            "design",
            "change",
            "Change it first: opens it as a draft, with roles, ranges and budget to be edited",
            rank=15,
            twin="labtui next NAME --kind KIND --to FILE",
        ),
        key("other", "tab", "other", "read", "Between the list and the text", rank=30),
    ),
)
"""In the order of the help."""

CHAINS = {
    "next": (
        ("rows", "next", "app"),
        ("text", "next", "app"),
    ),
}

TOPICS = {
    "next": Topic(
        "What follows a study",
        "Studies that go on from this one: first those that a finding calls for, gravest "
        "first, with the finding and its numbers; then others that can be made; grey, with "
        "the reason, those that cannot. The text is the study's file, with a comment for "
        "every change.",
        "Answer a ▲ before anything else: the conclusions of the study stand on it (P14, "
        "P18). Its findings and those of the study that answers them stand side by side "
        "afterwards in labtui check.",
        "labtui next NAME --list (then --kind, --run)",
    ),
}
