"""Trials of programs, without a runner: start one, see what it reported and how it ended."""

from __future__ import annotations

import sys
import tempfile
import textwrap
from dataclasses import dataclass, field

from labtui.trainer.checkpoints import Keeper
from labtui.trainer.trial import Objective, Sink, Trial
from labtui_command.train import train


@dataclass
class Attempt:
    """What came of it."""

    trial: Trial
    sink: Sink
    error: BaseException | None
    checkpoints: list[dict] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)

    @property
    def points(self):
        return self.sink.rows

    @property
    def warnings(self):
        return [m["text"] for m in self.sink.messages if m["kind"] == "warning"]


def shell(script):
    return ["sh", "-c", _escaped(textwrap.dedent(script))]


def python(script):
    return [sys.executable, "-c", _escaped(textwrap.dedent(script))]


def awk(script):
    return ["awk", _escaped(script)]


def _escaped(text):
    return text.replace("{", "{{").replace("}", "}}")


def attempt(
    argv,
    params=None,
    *,
    expect=None,
    folder=None,
    report=None,
    sink=None,
    max_steps=50,
    eval_every=10,
    prepare=None,
    metric="validation/loss",
    **options,
):
    """Train one trial with a program; `expect` is the exception that it must end with."""
    sink = sink or Sink()
    with tempfile.TemporaryDirectory() as scratch:
        root = str(folder or scratch)
        keeper = Keeper(root, 1, keep=1, minimize=True, announce=sink.message)
        trial = Trial(
            params or {},
            max_steps=max_steps,
            eval_every=eval_every,
            options={"argv": argv, **({"report": report} if report else {})},
            objective=Objective(metric),
            sink=sink,
            keeper=keeper,
            **options,
        )
        if prepare is not None:
            prepare(trial)
        error = None
        try:
            train(trial)
        except BaseException as caught:
            if expect is None or not isinstance(caught, expect):
                raise
            error = caught
        assert (expect is None) == (error is None), f"it ended well; expected {expect}"
        trial.finish()
    return Attempt(trial, sink, error)
