"""Studies that train given configurations again, with seeds of their own (P28, P29, P30)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from labtui.study.fields import Scalar, same
from labtui.study.halton import mix
from labtui.study.model import Study
from labtui.study.spec import parse_study

_REPEATS = 0x726570656174
"""Keeps the seeds of repeats apart from all others."""

_KEPT = ("workload", "trainer", "objective", "metrics", "steps_per_epoch", "interpreter", "device")
_KEPT_COUNTS = ("gpus_per_trial", "trials_per_gpu", "keep_checkpoints")
_BUDGET = ("max_train_steps", "eval_every", "timeout", "stack")


def fresh_seed(seed: int, name: str) -> int:
    """Return the seed of a study that repeats another, a pure function of that one's and a name."""
    return mix(mix(mix(seed) ^ _REPEATS) ^ zlib.crc32(name.encode()))


def repeat(
    study: Study,
    configurations: Sequence[Mapping[str, Scalar]],
    *,
    name: str,
    kind: str,
    goal: str,
    repetitions: int,
    answers: Sequence[str] = (),
) -> tuple[Study, str]:
    """Return a study that trains configurations again, under another study's budget.

    What they share is fixed; where they differ they are listed, in their order. Trial k of it is
    configuration k mod n in repetition k // n, whose seed all configurations share.

    Args:
        study: Where trainer, objective, steps and devices are from; named as the parent.
        configurations: Every hyperparameter of each; at least one, no two alike.
        name: Of the study.
        kind: ``rerun``, ``arms``, ``launch``: see `labtui.study.kinds.REPEATED`.
        goal: Its question, in words.
        repetitions: Trials of each configuration.
        answers: What of the parent it answers.

    Returns:
        The study, checked, and the text of its file.

    Raises:
        StudyError: Two configurations are alike.
    """
    first = configurations[0]
    shared = {
        key: value
        for key, value in first.items()
        if all(key in other and same(other[key], value) for other in configurations)
    }
    whole = study.to_json()
    document: dict[str, Any] = {
        "study": name,
        "goal": goal,
        **{key: whole[key] for key in _KEPT if whole[key]},
        **{key: whole[key] for key in _KEPT_COUNTS if whole[key] is not None},
        "budget": {key: whole["budget"][key] for key in _BUDGET if whole["budget"][key] is not None}
        | {"repetitions": repetitions},
        "seed": fresh_seed(study.seed, f"{kind} {name}"),
        "design": "configurations",
        "follows": {"study": study.study, "kind": kind, "answers": list(answers)},
        "hyperparameters": {k: {"role": "fixed", "value": v} for k, v in shared.items()},
        "configurations": [
            {key: value for key, value in one.items() if key not in shared}
            for one in configurations
        ],
    }
    text = json.dumps(document, indent=2) + "\n"
    return parse_study(text, name), text
