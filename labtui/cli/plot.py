"""`labtui plot`: the figures of a study, as text or SVG."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import GoalOption, LabOption, Misuse, SelectOption, StudyName, open_lab
from labtui.cli.output import chart_width, say, use_ascii, use_color, write

if TYPE_CHECKING:
    from labtui.charts.spec import ChartSpec
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.gallery import Choice, Figure

HEIGHT = 20
ALL = "all"
STDOUT = Path("-")
PIXELS = 720, 360


def plot(
    name: StudyName,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="curves, axis, isolation, grad-norm, stability, budget, best-step, launch or all.",
        ),
    ],
    lab: LabOption = None,
    trials: Annotated[
        str | None, typer.Option(metavar="N,N…", help="Numbers of the trials, such as 3,7.")
    ] = None,
    mark: Annotated[
        str | None, typer.Option(metavar="N,N…", help="Axis: trials that stand out, by number.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="The curves of all trials, the best of each arm bright.")
    ] = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="M",
            help="Curves: a metric to draw; can be repeated. Other kinds: another objective.",
        ),
    ] = None,
    select: SelectOption = None,
    goal: GoalOption = None,
    hyperparameter: Annotated[
        str | None, typer.Option(metavar="NAME", help="Axis and isolation: only this one.")
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE|FOLDER", help="Write SVG: a FILE.svg, - (stdout), or a folder."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    width: Annotated[
        int | None, typer.Option(min=20, max=5000, help="Columns; pixels of an SVG.")
    ] = None,
    height: Annotated[
        int | None, typer.Option(min=5, max=5000, help="Lines of a figure; pixels of an SVG.")
    ] = None,
    color: Annotated[bool | None, typer.Option(help="Colour; by default on a terminal.")] = None,
) -> None:
    """Draw the figures of a study.

    `curves`: training curves of the best trials. `axis`: the objective over each hyperparameter.
    `isolation`: the best of each value, the rest tuned away. `grad-norm`: norms of the gradient
    against the step, and their histogram. `stability`: training losses just above the best rate.
    `budget`: what fewer trials would have found. `best-step`: when the trials were best. `launch`:
    fresh reruns of its trials beside the baseline's. `all`: every figure.
    """
    from labtui.verdicts.gallery import Choice
    from labtui.verdicts.objective import Asked, reselect

    _check_kind(kind)
    metrics = metric or []
    objective = metrics[0] if metrics and kind != "curves" else None
    if objective is not None and len(metrics) > 1:
        raise Misuse(f"{kind} takes one --metric, the objective; only curves takes several")
    with open_lab(lab) as opened:
        study = opened.study(name)
        if kind == "curves":
            _check_metrics(opened, study, metrics)
        study, known = reselect(opened, study, Asked(objective, select, goal))
        choice = Choice(
            trials=None if trials is None else choose_by_number(study, known, trials),
            marked=() if mark is None else choose_by_number(study, known, mark),
            metrics=metrics if kind == "curves" else None,
            hyperparameter=hyperparameter,
            all_curves=every,
        )
        figures = _figures(opened, study, known, kind, choice)
    if svg is not None:
        size = (width or PIXELS[0], height or PIXELS[1])
        _write_svg(figures, svg, size, source=opened.paths.db, force=force)
        return
    specs = [figure.spec for figure in figures]
    draw(specs, width=width, height=height or HEIGHT, color=color)


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


def _check_kind(kind: str) -> None:
    from labtui.verdicts.gallery import KINDS, LAUNCH

    known = (*KINDS, LAUNCH, ALL)
    if kind not in known:
        import difflib

        near = difflib.get_close_matches(kind, known, n=1)
        guess = f" — did you mean {near[0]!r}?" if near else ""
        raise Misuse(f"found the kind {kind!r}{guess}; expected {', '.join(known[:-1])} or {ALL}")


def _figures(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], kind: str, choice: Choice
) -> list[Figure]:
    from labtui.verdicts.gallery import all_figures, figures_of

    if kind == ALL:
        return all_figures(lab, study, trials, choice)
    return figures_of(lab, study, trials, kind, choice)


def choose_by_number(
    study: StudyRecord, trials: Sequence[TrialRecord], asked: str
) -> list[TrialRecord]:
    """Find trials by their numbers, ``3,7``, each once.

    Raises:
        UnknownName: The study has no such trial.
    """
    from labtui.store.errors import UnknownName

    by_number = {str(trial.number): trial for trial in trials}
    chosen = []
    for word in asked.split(","):
        number = word.strip().removeprefix(f"{study.name}/")
        if number not in by_number:
            hint = f"expected numbers of its trials; `labtui show {study.name}` lists them"
            raise UnknownName("trial", f"{study.name}/{number}", (), hint)
        chosen.append(by_number[number])
    return list({trial.id: trial for trial in chosen}.values())


def _check_metrics(lab: Lab, study: StudyRecord, asked: Sequence[str]) -> None:
    if not asked:
        return
    from labtui.store.errors import UnknownName
    from labtui.store.hidden import refuse_hidden

    logged = lab.metrics(study.name)
    for metric in asked:
        refuse_hidden(metric, study.metric, logged)
        if metric not in logged:
            raise UnknownName(
                "metric", metric, logged, f"logged were {', '.join(logged) or 'none'}"
            )


# -- SVG ------------------------------------------------------------------------------------


def _write_svg(
    figures: Sequence[Figure], target: Path, size: tuple[int, int], *, source: Path, force: bool
) -> None:
    from labtui.charts.svg import to_svg

    files = _files(figures, target)
    if files is None:
        sys.stdout.write(to_svg(figures[0].spec, *size) + "\n")
        return
    from labtui.interop.files import check_target, replacing

    for path in files:
        check_target(path, force=force, source=source)
    for path, figure in zip(files, figures, strict=True):
        with replacing(path) as stream:
            stream.write(to_svg(figure.spec, *size) + "\n")
    say("\n".join(f"wrote {path}" for path in files))


def _files(figures: Sequence[Figure], target: Path) -> list[Path] | None:
    """Name the file of each figure; None for stdout.

    Raises:
        Misuse: The target takes one figure, and there are others.
    """
    if target == STDOUT or (target.suffix.lower() == ".svg" and not target.is_dir()):
        if len(figures) != 1:
            raise Misuse(
                f"{target} takes one figure and there are {len(figures)}; name a folder, or choose "
                "with --hyperparameter, --metric or --trials"
            )
        return None if target == STDOUT else [target]
    width = max(2, len(str(len(figures))))
    return [
        target / f"{place:0{width}}-{_plain(f'{figure.kind} {figure.name}')}.svg"
        for place, figure in enumerate(figures, 1)
    ]


def _plain(text: str) -> str:
    """Spell text so that it can be the name of a file anywhere."""
    import re

    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:60] or "figure"
