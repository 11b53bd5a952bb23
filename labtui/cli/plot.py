"""`labtui plot`: the figures of a study as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import LabOption, Misuse, StudyName, open_lab
from labtui.cli.output import chart_width, use_ascii, use_color, write

if TYPE_CHECKING:
    from labtui.charts.spec import ChartSpec
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord

KINDS = ("curves", "axis")
LATER = ("isolation", "grad-norm", "budget", "best-step")
HEIGHT = 20
MOST_CURVES = 8


def plot(
    name: StudyName,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="curves, or axis.")],
    lab: LabOption = None,
    trials: Annotated[
        str | None, typer.Option(metavar="N,N…", help="Numbers of the trials, such as 3,7.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="M", help="A metric to draw; can be repeated.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=20, max=1000, help="Columns.")] = None,
    height: Annotated[int, typer.Option(min=5, max=500, help="Lines of a figure.")] = HEIGHT,
    color: Annotated[bool | None, typer.Option(help="Colour; by default on a terminal.")] = None,
) -> None:
    """Draw the figures of a study.

    `curves`: training curves of the best trials. `axis`: the objective over each hyperparameter.
    """
    if kind not in KINDS:
        raise Misuse(_unknown(kind))
    with open_lab(lab) as opened:
        study = opened.study(name)
        chosen = _choose(study, opened.trials(name), trials)
        if kind == "curves":
            specs = _curves(opened, study, chosen, metric, all_of_them=trials is not None)
        else:
            from labtui.verdicts.figures import axis_plots

            specs = axis_plots(study, chosen, opened.hyperparameters(name))
    draw(specs, width=width, height=height, color=color)


def draw(
    specs: Sequence[ChartSpec],
    *,
    width: int | None = None,
    height: int = HEIGHT,
    color: bool | None = None,
) -> None:
    """Print figures one below the other."""
    from labtui.charts.plotext_text import to_text

    for place, spec in enumerate(specs):
        text = to_text(spec, chart_width(width), height, color=use_color(color), ascii=use_ascii())
        write(f"\n{text}" if place else text)


def _unknown(kind: str) -> str:
    if kind in LATER:
        return f"{kind!r} comes in a later version; this one draws {' and '.join(KINDS)}"
    known = f"expected {' or '.join(KINDS)} ({', '.join(LATER)} come later)"
    return f"found the kind {kind!r}; {known}"


def _choose(
    study: StudyRecord, trials: Sequence[TrialRecord], asked: str | None
) -> list[TrialRecord]:
    if asked is None:
        return list(trials)
    from labtui.store.errors import UnknownName

    by_number = {str(trial.number): trial for trial in trials}
    chosen = []
    for word in asked.split(","):
        number = word.strip().removeprefix(f"{study.name}/")
        if number not in by_number:
            hint = f"expected numbers of its trials; `labtui show {study.name}` lists them"
            raise UnknownName("trial", f"{study.name}/{number}", (), hint)
        chosen.append(by_number[number])
    return list(dict.fromkeys(chosen))


def _curves(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    metrics: Sequence[str] | None,
    *,
    all_of_them: bool,
) -> list[ChartSpec]:
    from labtui.verdicts.figures import best_trials, curves

    _check_metrics(lab, study, metrics or ())
    if not all_of_them:
        arms = len({trial.arm for trial in trials}) or 1
        trials = best_trials(study, trials, max(1, MOST_CURVES // arms))
    limit = len(trials) if all_of_them else MOST_CURVES
    return curves(lab, study, trials, metrics=metrics or None, limit=limit)


def _check_metrics(lab: Lab, study: StudyRecord, asked: Sequence[str]) -> None:
    if not asked:
        return
    from labtui.store.errors import UnknownName

    logged = lab.metrics(study.name)
    for metric in asked:
        if metric not in logged:
            raise UnknownName(
                "metric", metric, logged, f"logged were {', '.join(logged) or 'none'}"
            )
