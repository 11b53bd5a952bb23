"""Studies by their tags."""

from __future__ import annotations

from collections.abc import Collection

from labtui.store.errors import UnknownName
from labtui.store.lab import Lab


def tagged(lab: Lab, tag: str) -> set[str]:
    """Give the names of the studies that have a tag, or a trial that has it.

    Raises:
        UnknownName: Nothing has it.
    """
    tags = lab.tags()
    known = sorted({one for of in tags.values() for one in of})
    if tag not in known:
        hint = f"tags are {', '.join(known)}" if known else "`labtui note NAME --tag TAG` gives one"
        raise UnknownName("tag", tag, known, hint)
    names = {one.name for one in lab.studies()}
    return {study_of(subject, names) for subject, of in tags.items() if tag in of}


def study_of(subject: str, studies: Collection[str]) -> str:
    """Name the study that a note or tag belongs to: as its own, or as its trial's.

    Returns:
        Empty where it belongs to a workload.
    """
    if subject in studies:
        return subject
    study = subject.rpartition("/")[0]
    return study if study in studies else ""
