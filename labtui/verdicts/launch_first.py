"""A first baseline (P01): nothing to compare it with but a model that knows nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from labtui.analysis.decision import beats_chance, side
from labtui.analysis.lost import CHANCE_ERRORS
from labtui.analysis.runs import Floats
from labtui.analysis.sample import sample_error
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord
from labtui.verdicts.loading import Declared, declared_metrics

CAUSES = {
    "above-chance": "its reruns beat chance by a clear margin",
    "chance-unknown": "its reruns can all be trained; the chance level is unknown",
    "below-chance": "its reruns do not beat chance by a clear margin",
    "fails": "not every rerun could be trained",
}
"""Why a first baseline was taken or not, in words."""


def look_at_first(lab: Lab, study: StudyRecord, values: Floats) -> dict[str, Any]:
    """Take the one look at a first baseline's reruns.

    Args:
        lab: Where its workload's metrics are declared.
        study: The study it is from.
        values: Objective of its reruns, lower is better, NaN for those that could not be trained.

    Returns:
        The look as it is stored, with the keys of a comparison's.
    """
    found = side(values)
    sign = 1.0 if study.minimize else -1.0
    declared = declared_metrics(lab, study).get(study.metric, Declared())
    gain = error = None
    if found.infeasible or found.mean is None:
        verdict, cause = "reject", "fails"
    elif declared.chance is None:
        verdict, cause = "adopt", "chance-unknown"
    else:
        beaten, gain, error = beats_chance(
            np.asarray(values).tolist(),
            sign * declared.chance,
            sample_error(study.metric, declared.chance, declared.examples) or 0.0,
            CHANCE_ERRORS,
        )
        verdict, cause = ("adopt", "above-chance") if beaten else ("reject", "below-chance")
    mean = found.mean if found.mean is None else sign * found.mean
    return {
        "number": 0,
        "verdict": verdict,
        "cause": cause,
        "why": CAUSES[cause],
        "candidate": {**asdict(found), "mean": mean},
        "baseline": None,
        "reruns": found.reruns,
        "chance_level": declared.chance,
        "gain": gain,
        "low": None,
        "high": None,
        "least": 0.0 if error is None else CHANCE_ERRORS * error,
        "worth": None,
        "error": error,
        "deviation": found.deviation,
        "chance": None,
        "following": None,
    }
