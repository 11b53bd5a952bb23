"""Running a study that labtui wrote itself: a rerun, a launch, a follow-up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from labtui.engine import client
from labtui.engine.client import Submission
from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import StudyRecord
from labtui.study.spec import Study, slug


def submit_derived(
    paths: LabPaths,
    parent: StudyRecord,
    study: Study,
    text: str,
    *,
    command: Sequence[str],
    mode: str | None = None,
    slots: int | None = None,
) -> Submission:
    """Hand a study to the runner that trains where its parent did, with the same interpreter.

    Its text is kept beside the lab, in ``studies/``.

    Args:
        paths: The lab.
        parent: The study that it goes on from.
        study: What is asked for.
        text: Its file.
        command: The command that asked for it, as a person would give it again.
        mode: ``extend`` to add trials to the one in the lab, ``new`` for another name.
        slots: Workers of a runner that is started.

    Raises:
        TrainerError: The parent was imported: nothing here trains it; or its trainer is not here.
        RequestRefused, LabError: As `labtui.engine.client.submit`.
    """
    if "import" in parent.provenance:
        raise TrainerError(
            f"study {parent.name!r} was imported: there is no trainer here that could train "
            f"{study.study!r}; run it where {parent.name!r} is from, and import it"
        )
    extended = _extended(paths, study, mode)
    if study.interpreter is None:
        study = study.model_copy(update={"interpreter": _interpreter(parent, extended)})
    file = _keep(paths, study, text, again=extended is not None)
    folder = Path(parent.folder)
    return client.submit(
        paths, study, file=file, folder=folder, command=command, mode=mode, slots=slots
    )


def _extended(paths: LabPaths, study: Study, mode: str | None) -> StudyRecord | None:
    """Give the study that gets further trials; None for one that is new to the lab."""
    if mode != "extend":
        return None
    with Lab(paths) as lab:
        return next((one for one in lab.studies() if one.name == study.study), None)


def _interpreter(parent: StudyRecord, extended: StudyRecord | None) -> str | None:
    """Name the interpreter that trained before; None where it is the one that runs this."""
    if extended is not None:
        named = extended.spec.get("interpreter")
        return None if named is None else str(named)
    other = parent.interpreter != sys.executable and Path(parent.interpreter).is_file()
    return parent.interpreter if other else None


def _keep(paths: LabPaths, study: Study, text: str, *, again: bool) -> Path:
    """Write the text of a study beside the lab: `again` in its file, else in one of its own."""
    folder = paths.files / "studies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem, number = slug(study.study), 2
    file = folder / f"{stem}.yaml"
    while not again and file.exists() and file.read_text("utf-8") != text:
        file, number = folder / f"{stem}-{number}.yaml", number + 1
    file.touch(0o600)
    file.write_text(text, "utf-8")
    return file
