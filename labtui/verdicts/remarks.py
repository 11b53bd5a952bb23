"""What people say about workloads, studies and trials: notes and tags, checked and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labtui.engine import asking, client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import storable
from labtui.verdicts.text import clean

LONGEST_TAG = 60
"""Characters of a tag: a word to choose by; what is longer is a note."""


@dataclass(frozen=True)
class Subject:
    """What is noted on.

    Attributes:
        name: Of the workload, or of the study or trial.
        kind: ``workload``, ``study`` or ``trial``.
    """

    name: str
    kind: str

    @property
    def key(self) -> str:
        """How the lab's readers call it."""
        return f"workload:{self.name}" if self.kind == "workload" else self.name


def store_note(paths: LabPaths, about: Subject, text: str) -> None:
    """Add a note; what cannot be written as UTF-8 is stored as an escape.

    Raises:
        UnknownName, LabError: There is no such thing, or the lab cannot be written.
    """
    if about.kind == "workload":
        asking.note_workload(paths, about.name, storable(text))
    else:
        client.add_note(paths, about.name, storable(text))


def tag_problem(tag: str) -> str:
    """Say what is wrong with a tag, which is one word; empty for nothing."""
    if tag and len(tag) <= LONGEST_TAG and tag.isprintable() and not set(tag) & set(" ,"):
        return ""
    return (
        f"found the tag {clean(tag[:LONGEST_TAG])!r}; expected a word without space or comma, of "
        f"at most {LONGEST_TAG} characters"
    )


def change_tags(
    paths: LabPaths, about: Subject, add: Sequence[str], remove: Sequence[str]
) -> list[str]:
    """Add tags and take others away.

    Returns:
        The tags it has then.

    Raises:
        UnknownName, LabError: There is no such thing, or the lab cannot be written.
    """
    if about.kind == "workload":
        asking.change_tags(paths, workload=about.name, add=add, remove=remove)
    else:
        asking.change_tags(paths, subject=about.name, add=add, remove=remove)
    with Lab(paths) as lab:
        return tags_of(lab, about)


def tags_of(lab: Lab, about: Subject) -> list[str]:
    """Give the tags of something, by the alphabet."""
    return lab.tags().get(about.key, [])
