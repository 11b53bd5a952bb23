"""`labtui.current_trial()`: the trial that this code is training, for scripts of one's own."""

from __future__ import annotations

import difflib
import os
import sys
from typing import Any, Mapping, Optional

from labtui.trainer.trial import Sink, Trial

ENVIRONMENT = "LABTUI_TRIAL"  # names the file that tells a program about its trial
ALONE = {"max_steps": 1000, "eval_every": 100, "seed": 0, "device": "cpu"}

_current: Optional[Trial] = None
_asked = False
_remote: Optional[Trial] = None
_alone: Optional[Trial] = None


def set_current(trial: Optional[Trial]) -> None:
    """Say which trial this process trains; the worker's part."""
    global _current, _asked
    _current, _asked = trial, False


def was_asked() -> bool:
    """Say whether the code that trains the current trial has asked for it."""
    return _asked


def current_trial(
    params: Optional[Mapping[str, Any]] = None,
    *,
    max_steps: Optional[int] = None,
    eval_every: Optional[int] = None,
    seed: Optional[int] = None,
    device: Optional[str] = None,
) -> Trial:
    """Give the trial that this script trains; one to train alone when nobody asked for it.

    Args:
        params: Values for whatever the study does not set, and all there is when run alone.
        max_steps: Updates to make when run alone, 1000 unless said; the study decides otherwise.
        eval_every: Updates between evaluations when run alone, 100 unless said.
        seed: When run alone, 0 unless said.
        device: When run alone, ``cpu`` unless said.

    Every call in a study gives the same trial. Alone, a call without arguments gives the trial of
    the last call, and one with arguments a new trial, which logs to standard error at evaluations
    and keeps no checkpoints.
    """
    global _asked
    trial = _given()
    if trial is None:
        given = {"max_steps": max_steps, "eval_every": eval_every, "seed": seed, "device": device}
        return _by_itself(params, {name: v for name, v in given.items() if v is not None})
    _asked = True
    if params is not None:
        _warn_of_strangers(trial, params)
        trial.params = {**params, **trial.params}
    return trial


def _given() -> Optional[Trial]:
    """Find the trial of the study that this process trains for, if it does."""
    global _remote
    if _current is None and _remote is None and os.environ.get(ENVIRONMENT):
        from labtui.trainer.remote import trial_from_environment

        _remote = trial_from_environment()
    return _current or _remote


def _by_itself(params: Optional[Mapping[str, Any]], options: Mapping[str, Any]) -> Trial:
    global _alone
    if _alone is None or params is not None or options:
        _alone = _Alone(params or {}, **{**ALONE, **options})
    return _alone


def _warn_of_strangers(trial: Trial, params: Mapping[str, Any]) -> None:
    """Tell of what the study varies and the script does not know: a slip would change nothing."""
    for name in trial.params:
        if params and name not in params:
            near = difflib.get_close_matches(name, list(params), 1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            trial.warn(
                f"the study sets {name!r}, and the script's current_trial({{…}}) names "
                f"{', '.join(params)}{guess}"
            )


class _Alone(Trial):
    """A trial that nobody asked for: it says what it sees."""

    def __init__(self, params: Mapping[str, Any], **options: Any) -> None:
        super().__init__(params, sink=_Forgetful(), **options)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Print the metrics of evaluations, and judge divergence as a study would."""
        super().log(step, metrics)
        if self.should_evaluate(step):
            shown = "  ".join(f"{name} {float(value):.6g}" for name, value in metrics.items())
            print(f"step {step}  {shown}", file=sys.stderr)


class _Forgetful(Sink):
    """Keeps nothing: a script may run alone for days."""

    def points(self, *_: Any) -> None:
        """Forget points."""

    def message(self, message: Any) -> None:
        """Show warnings."""
        if message["kind"] == "warning":
            print(message["text"], file=sys.stderr)
