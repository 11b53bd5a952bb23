"""What can be wrong with a lab, each with the exit code a command ends with.

LabError
├── NoLab           2   there is no lab where one was named
├── NotALab         2   the file is something else
├── UnknownName     2   no such study or trial
├── LabHeld        75   another process writes it
└── LabBroken      74   the disk or the file failed
    ├── LabDamaged 74   the file holds what cannot be right
    └── LabGone    74   the file is no longer where it was opened
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LabError(Exception):
    """Something is wrong with the lab; says what was found and what to do."""

    exit_code = 74


class NoLab(LabError):
    """There is no lab at the place named."""

    exit_code = 2


class NotALab(LabError):
    """The file is not a lab, or one that this version cannot read."""

    exit_code = 2


class LabHeld(LabError):
    """Another process is the lab's writer."""

    exit_code = 75


class LabBroken(LabError):
    """The disk or the file failed."""


class LabDamaged(LabBroken):
    """The file holds what cannot be right: trying again changes nothing."""


class LabGone(LabBroken):
    """The file was moved, replaced or deleted while it was open."""


class UnknownName(LabError):
    """A name that the lab does not hold."""

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str) -> None:
        """Say which `kind` of `name` was looked for, and name the nearest of those `known`."""
        near = difflib.get_close_matches(name, list(known), n=1)
        guess = f" — did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no {kind} {name!r} in this lab{guess}; {hint}")
