"""What `labtui show` says of how a study or trial stands: tags, launches, hidden metrics, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labtui.cli.output import write

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import NoteRecord

MOST_TEXT = 2_000
"""Characters of a note that are shown: what fits on a screen; `labtui note NAME --list` has all."""


def standing(lab: Lab, study: str, name: str) -> list[tuple[str, str]]:
    """Give tags, launches and how many metrics of the test set are hidden, as fields.

    Args:
        lab: Where it is.
        study: The study.
        name: The study again, or its trial.
    """
    hidden = lab.hidden_metrics(study)
    count = f"{len(hidden)} metric{'' if len(hidden) == 1 else 's'} of the test set (P32)"
    return [
        ("tags", ", ".join(lab.tags().get(name, ()))),
        *(("launch", text) for text in _launches(lab, study, name)),
        ("hidden", f"{count}: a launch shows them once, of what it adopts" if hidden else ""),
    ]


def _launches(lab: Lab, study: str, name: str) -> list[str]:
    from labtui.interop.decision_tables import launch_text

    return [
        f"{one.id}, {one.updated[:10]}: {launch_text(lab, one)}"
        for one in lab.launches(study=study)
        if name in (study, one.trial)
    ]


def print_notes(notes: Sequence[NoteRecord], *, of_trial: bool = False) -> None:
    """Print notes, each with the number of the trial that it is on, unless all are of one."""
    from labtui.verdicts.text import clean

    if notes:
        write("\nnotes")
    for one in notes:
        about = "" if of_trial or one.trial is None else f"#{one.trial}: "
        first, *more = clean(f"{about}{_cut(one.text)}", multiline=True).split("\n")
        write(f"  {clean(one.created)}  {first}")
        for line in more:
            write(f"    {line}".rstrip())


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}… ({len(text):,} characters; `labtui note NAME --list` has them)"
