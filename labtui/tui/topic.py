"""What the help says about one thing that can have the focus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Help on one thing.

    Attributes:
        title: Its name.
        shows: What there is to see.
        conclude: What to conclude from it, with the procedures of the playbook.
        twin: The command that says the same without a screen; NAME stands for the study.
    """

    title: str
    shows: str
    conclude: str
    twin: str
