"""Running a study that labtui wrote itself: a rerun, a launch, a follow-up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from labtui.engine import client
from labtui.engine.client import Submission
from labtui.engine.plugins import TrainerError
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
    other = parent.interpreter != sys.executable and Path(parent.interpreter).is_file()
    if study.interpreter is None and other:
        study = study.model_copy(update={"interpreter": parent.interpreter})
    file = paths.files / "studies" / f"{slug(study.study)}.yaml"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    folder = Path(parent.folder)
    return client.submit(
        paths, study, file=file, folder=folder, command=command, mode=mode, slots=slots
    )
