"""What a study came to, printed at its end: the arms, one axis plot each, the best curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labtui.cli.output import write
from labtui.cli.plot import HEIGHT, draw
from labtui.cli.show import print_arms

if TYPE_CHECKING:
    from labtui.charts.spec import ChartSpec
    from labtui.store.lab import Lab

CURVES_AN_ARM = 2


def print_study(
    lab: Lab, name: str, *, width: int | None = None, color: bool | None = None
) -> None:
    """Print the table of arms, the axis plots of one hyperparameter, and the best training curves.

    Args:
        lab: Where the study is.
        name: The study.
        width: Columns; those of the terminal by default.
        color: Whether to use colours; by default on a terminal.
    """
    from labtui.verdicts.arm_names import named

    study = lab.study(name)
    print_arms(study, named(lab, study, lab.trials(name))[0])
    write()
    draw(figures(lab, name), width=width, height=HEIGHT, color=color)


def figures(lab: Lab, name: str) -> list[ChartSpec]:
    """Describe the figures of `print_study`: the axis plots first."""
    from labtui.verdicts.figures import axis_plot, best_trials, curves, varied

    study, trials = lab.study(name), lab.trials(name)
    best = best_trials(study, trials, CURVES_AN_ARM)
    first = _first_hyperparameter(varied(lab.hyperparameters(name)))
    axes = [axis_plot(study, trials, definition) for definition in first]
    return axes + curves(lab, study, best, limit=len(best))


def _first_hyperparameter(definitions: list[Any]) -> list[Any]:
    """Keep the definitions of the learning rate, or of the hyperparameter that comes first."""
    names = [definition["name"] for definition in definitions]
    chosen = "learning_rate" if "learning_rate" in names else next(iter(names), None)
    return [definition for definition in definitions if definition["name"] == chosen]
