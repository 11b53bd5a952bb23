"""Writing what was found into a lab: what must hold before, and one study after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from labtui.interop.importing.study_import import Outcome, StudyImport
from labtui.interop.importing.types import (
    BadTrial,
    ImportFailed,
    Skipped,
    StudySource,
)
from labtui.store.errors import LabHeld
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer


def import_studies(
    paths: LabPaths,
    studies: Iterable[StudySource],
    *,
    strict: bool = False,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Write studies into a lab, which is made if it is not there.

    Args:
        paths: The lab.
        studies: What to import.
        strict: Write nothing unless every part of the source can be read.
        tell: Called with each study once it is written.

    Raises:
        ImportFailed: A name is taken by another study; or, when `strict`, a part cannot be read.
        LabHeld: A runner, or another command, writes the lab.
        LabError: The lab cannot be written.
    """
    found = list(studies)
    if strict:
        _read_all(found)
    else:
        _read_one(found)
    with _open(paths) as writer:
        names = [_name_of(writer, study) for study in found]
        outcomes = []
        for study, (name, number) in zip(found, names, strict=True):
            outcomes.append(StudyImport(writer, study, name, number).run())
            tell(outcomes[-1])
    return outcomes


def _open(paths: LabPaths) -> Writer:
    advice = "import when its queue is empty, or into another lab (--lab)"
    if living_runner(paths.lock) is not None:
        raise LabHeld(f"{paths.db}: a runner trains here; {advice}")
    try:
        return Writer(paths)
    except LabHeld as error:
        raise LabHeld(f"{error}; {advice}") from error


def _read_all(studies: Iterable[StudySource]) -> None:
    """See that everything can be read, before anything is written."""
    bad = [part for part in _tried(studies) if part is not None]
    if bad:
        lines = "\n".join(f"  {one.where}: {one.reason}" for one in bad[:10])
        more = f"\n  and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise ImportFailed(
            f"{len(bad)} parts of the source cannot be read; --strict wrote nothing:\n{lines}{more}"
        )


def _tried(studies: Iterable[StudySource]) -> Iterator[Skipped | None]:
    """Read part by part: None for a trial that can be read, else what is wrong."""
    for study in studies:
        for item in study.trials():
            if isinstance(item, Skipped):
                yield item
                continue
            try:
                item.read()
            except BadTrial as error:
                yield Skipped(error.where, error.reason)
            else:
                yield None


def _read_one(studies: Iterable[StudySource]) -> None:
    """See that anything can be read, before a lab is made for it."""
    bad: list[Skipped] = []
    for part in _tried(studies):
        if part is None:
            return
        bad.append(part)
    told = f": {bad[0].where}: {bad[0].reason}" if bad else "; the source is empty"
    raise ImportFailed(f"no trial can be read ({len(bad)} were tried){told}")


def _name_of(writer: Writer, study: StudySource) -> tuple[str, int | None]:
    """Give the name of a study in the lab, and its id if it was imported before."""
    taken: dict[str, tuple[int, str | None]] = {}
    for number, name, provenance in writer.connection.execute(
        "SELECT id, name, provenance FROM studies"
    ):
        taken[name] = number, (json.loads(provenance).get("import") or {}).get("identity")
    names = [name for name in (study.name, study.longer) if name]
    for name in names:
        if taken.get(name, (0, None))[1] == study.identity:
            return name, taken[name][0]
    for name in names:
        if name not in taken:
            return name, None
    other = taken[study.name][1]
    what = "is one of labtui's own" if other is None else f"was imported from elsewhere ({other})"
    raise ImportFailed(
        f"the lab has a study {study.name!r}, and it {what}; import under another name: "
        f"--study NAME, or into another lab: --lab"
    )
