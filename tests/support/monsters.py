"""Studies that are hard to show, in a lab written by the real writer."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labtui.store import decisions
from labtui.store.changes import (
    NewHyperparameter,
    NewStudy,
    NewTrial,
    add_runner,
    add_study,
    claim_trial,
    end_trial,
    record_start,
    set_study,
)
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.support.labs import SPEC

HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07 \x9b2J [red]markup[/red] [/] [@click=app.quit]x[/] 日本語🎉👨‍👩‍👧"
    " עברית \u202egnp.exe\u202c a\u0301\u0323 \u200b\t\n\r\\[b] $primary"
)
"""What a terminal or a markup language would obey, wide, joined, combining, right to left."""

METRIC = "validation/error_rate"
STEPS = (1, 25, 50, 75, 100)
Values = Callable[[int, int], float]
Ends = Callable[[int], tuple[str, str, str] | None]

_COMPLETED = ("completed", "", "")


def falling(trial: int, step: int) -> float:
    """Give a plausible value."""
    return 0.1 + 0.02 * (trial % 7) + math.exp(-step / 30)


class Monsters:
    """Writes one study after the other into a lab.

    Attributes:
        writer: Of the lab.
    """

    def __init__(self, writer: Writer) -> None:
        """Write with this writer, as a runner that has ended."""
        self.writer = writer
        self._runner = add_runner(writer, own_identity(), version="test", slots=1)

    def study(
        self,
        name: str,
        count: int,
        *,
        varied: Sequence[NewHyperparameter] = (),
        values: Values = falling,
        ends: Ends = lambda _: _COMPLETED,
        params: Callable[[int], Mapping[str, Any]] = lambda _: {},
        arm: Callable[[int], str] = lambda _: "",
        metrics: Sequence[str] = ("train/loss", "grad_norm"),
        metric: str = METRIC,
        state: str = "completed",
        **said: str,
    ) -> int:
        """Add a study of `count` trials; `ends` gives a trial's state, reason and detail, if any.

        Returns:
            The id of the study.
        """
        writer = self.writer
        trials = [_trial(number, params(number), arm(number)) for number in range(count)]
        rate = _range("learning_rate", 0, 1e-4, 1.0, scale="log")
        study = add_study(writer, _new(name, metric, [rate, *varied], count, **said), trials)
        rows = writer.connection.execute(
            "SELECT id FROM trials WHERE study = ? ORDER BY id", (study,)
        ).fetchall()
        for number, (trial,) in enumerate(rows):
            if (end := ends(number)) is None:
                continue
            claim_trial(writer, trial, study=study, runner=self._runner, attempt=1, start_step=0)
            writer.watch(trial, metric, minimize=True)
            record_start(writer, trial, device="cpu", versions={"python": "3"}, code={})
            for step in STEPS:
                value = values(number, step)
                writer.add_points(trial, [(one, step, value) for one in (metric, *metrics)])
            how, reason, detail = end
            end_trial(
                writer, trial, study=study, state=how, reason=reason, detail=detail,
                step=100, seconds=0.3,
            )  # fmt: skip
        set_study(writer, study, state)
        writer.commit()
        return study


def monster_lab(folder: Path, *, scale: float = 0.04) -> LabPaths:
    """Write a lab of monsters; at `scale` 1 of 200 hyperparameters, 1,000 arms, 300 studies."""
    paths = LabPaths(folder / "lab.db")
    paths.make_folders()
    with Writer(paths) as writer:
        add = Monsters(writer)
        for number in range(round(300 * scale)):
            before = f"s{number - 1}" if number % 3 else ""
            add.study(f"s{number}", 3, workload=f"w{number % 40}", parent=before)
        _shapes(add, scale)
        _outcomes(add)
        _names(add, scale)
        add.study("waiting", 40, ends=lambda n: None if n > 3 else _COMPLETED, state="queued")
    line = f"step {HOSTILE.splitlines()[0]} {'z' * 3000}\n".encode("utf-8", "replace")
    for trial in (1, 2):
        lines = max(1, round(50_000_000 * scale / len(line)))
        paths.trial_log(trial).write_bytes(line * lines)
    return paths


def _shapes(add: Monsters, scale: float) -> None:
    """Too many of something."""
    wide = [_range(f"hyper_{one}", one + 1, 0, 1) for one in range(max(8, round(200 * scale)))]
    draw = random.Random(1)
    add.study("wide", 12, varied=wide, params=lambda _: {one.name: draw.random() for one in wide})
    arms = [f"value_{one}" for one in range(max(12, round(1000 * scale)))]
    choice = NewHyperparameter("kind", "scientific", None, {"role": "scientific", "values": arms})
    add.study(
        "arms", 2 * len(arms), varied=[choice], metrics=(),
        params=lambda n: {"kind": arms[n % len(arms)]},
        arm=lambda n: f"kind={arms[n % len(arms)]}",
    )  # fmt: skip
    many = [f"part_{one}/loss" for one in range(max(12, round(200 * scale)))]
    add.study("metrics", 6, metrics=many)
    when = {"kind": "a"}
    nested = [
        NewHyperparameter("kind", "scientific", None, {"role": "scientific", "values": ["a", "b"]}),
        _range("inner", 1, 0, 1, when=when),
        _range("innermost", 2, 0, 1, when={**when, "inner": 1}),
    ]
    add.study(
        "nested", 8, varied=nested, arm=lambda n: f"kind={'ab'[n % 2]}",
        params=lambda n: {"kind": "ab"[n % 2], **({} if n % 2 else {"inner": n / 8})},
    )  # fmt: skip


def _outcomes(add: Monsters) -> None:
    """Nothing to judge, or nothing that is a number."""
    add.study("nothing", 0)
    add.study("one", 1)
    add.study("infeasible", 10, ends=lambda _: ("infeasible", "diverged", ""))
    add.study("failed", 6, ends=lambda _: ("failed", "exit 1", f"Traceback\n{HOSTILE}" * 9))
    add.study("nan", 10, values=lambda _, __: math.nan)
    add.study("infinite", 8, values=lambda n, _: math.inf if n % 2 else -math.inf)
    extremes = (1e308, -1e308, 5e-324, 0.0, -0.0)
    add.study("extreme", 10, values=lambda n, step: extremes[(n + step) % 5])
    add.study("same", 10, values=lambda _, __: 0.5)
    add.study("queued", 5, ends=lambda _: None, state="stopped")


def _names(add: Monsters, scale: float) -> None:
    """Names that nobody should give, in every field of text, with notes and tags."""
    for text in (HOSTILE, "long " * 60, "漢字" * 150, "[/red] [unclosed", "--help", "a/b/3"):
        values = [text, "b"]
        kind = NewHyperparameter(text, "scientific", None, {"role": "scientific", "values": values})
        study = add.study(
            text, 8, varied=[kind], metric=text, goal=text, workload=text,
            params=lambda n, text=text, values=values: {text: values[n % 2]},
            arm=lambda n, text=text, values=values: f"{text}={values[n % 2]}",
            ends=lambda n, text=text: ("infeasible", text, text) if n == 4 else _COMPLETED,
            metrics=(f"{text}/x", "[red]"),
        )  # fmt: skip
        decisions.add_note(add.writer, text * 3, study=study)
        many = round(5000 * scale) if text == "--help" else 9
        tags = [text[:200], *(f"tag-{one}" for one in range(many))]
        decisions.change_tags(add.writer, study=study, add=tags)
    decisions.add_note(add.writer, "note " * round(20_000 * scale), study=study)
    add.writer.commit()


def _range(name: str, column: int, low: float, high: float, **more: object) -> NewHyperparameter:
    definition = {"role": "nuisance", "range": [low, high], **more}
    return NewHyperparameter(name, "nuisance", column, definition)


def _trial(number: int, params: Mapping[str, Any], arm: str) -> NewTrial:
    unit = random.Random(number).random()
    params = {"learning_rate": 1e-4 * 1e4**unit, **params}
    return NewTrial(number, number, arm, params, {"learning_rate": unit}, number, 100)


def _new(
    name: str,
    metric: str,
    definitions: Sequence[NewHyperparameter],
    count: int,
    *,
    goal: str = "Goal?",
    workload: str = "digits-mlp",
    parent: str = "",
) -> NewStudy:
    spec = {**SPEC, "study": name, "goal": goal, "workload": workload}
    return NewStudy(
        name=name,
        workload=workload,
        trainer="numpy",
        goal=goal,
        metric=metric,
        direction="minimize",
        selection="best",
        seed=1,
        sequence="halton-1",
        total=count,
        spec={**spec, "objective": {"metric": metric, "goal": "minimize"}},
        folder="/nowhere",
        interpreter="python",
        hyperparameters=definitions,
        command=f"labtui run {name[:50]}.yaml",
        parent=parent,
        kind="widen" if parent else "",
    )
