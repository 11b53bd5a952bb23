"""What is known of a trial beyond its own record, as JSON."""

from __future__ import annotations

from typing import Any

from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.beside import beside
from labtui.verdicts.documents import jsonable
from labtui.verdicts.printed import Tail
from labtui.verdicts.reproduction import reproduction


def facts_document(
    lab: Lab, study: StudyRecord, trial: TrialRecord, lines: int | None = None
) -> dict[str, Any]:
    """Describe what reproduces a trial, what it is compared with, and why it ended.

    Args:
        lab: Where it is.
        study: Its study.
        trial: The trial.
        lines: How many lines of its output; None for none.

    Returns:
        ``reproduce`` (``command`` or null, ``does``, ``study``), ``beside`` (see
        `labtui.verdicts.beside.Beside.document`), ``blowup`` (``step``, ``words``; null for a trial
        that is not infeasible) and ``output``: the last lines that it printed, or null.
    """
    again = reproduction(lab.paths, study, trial)
    output = None
    if lines is not None:
        tail = Tail(lab.paths.trial_log(trial.id))
        tail.read()
        output = list(tail.lines[-lines:])
    document = {
        "reproduce": {
            "command": again.command or None,
            "does": again.does,
            "study": again.study or None,
        },
        "beside": beside(lab, study, trial).document(),
        "blowup": _blowup(lab, study, trial),
        "output": output,
    }
    return dict(jsonable(document))


def _blowup(lab: Lab, study: StudyRecord, trial: TrialRecord) -> dict[str, Any] | None:
    """Describe where an infeasible trial diverged; numpy is loaded for these alone."""
    if trial.state != "infeasible":
        return None
    from labtui.verdicts.figures_trial import trial_figures

    found = trial_figures(lab, study, trial).blowup
    return None if found is None else {"step": found.step, "words": list(found.words)}
