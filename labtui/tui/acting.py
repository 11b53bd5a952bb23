"""What can be done about a finding: where it is to be seen, and the study that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.tui.actions import key_of

if TYPE_CHECKING:
    from labtui.analysis.findings import Finding

SEEN_IN = {
    "design": (
        "many-scientific",
        "optimizer-fixed",
        "batch-size-tuned",
        "steps-tuned",
        "adam-budget",
        "thin-budget",
        "caveat",
        "retune",
    ),
    "axes": ("search-boundary", "stability-edge", "infeasible-region", "sparse-sampling"),
    "isolation": ("insensitive", "interaction", "validation-too-small"),
    "budget": ("search-luck", "steps-too-few", "steps-too-many"),
    "stability": ("gradient-outliers", "over-clipped", "clip-threshold"),
    "curves": ("input-bound", "below-chance"),
}
"""The pane that shows a finding; one about a trial is seen in that trial."""

_PANE = {code: pane for pane, codes in SEEN_IN.items() for code in codes}


@dataclass(frozen=True)
class Act:
    """What a finding leads to.

    Attributes:
        pane: The pane of the study that shows it; empty where a trial does.
        trial: The trial that shows it; empty where a pane does.
        kind: The kind of the study that answers it; empty where none does.
        about: The hyperparameter that it is about; empty for none.
        figure: How the title of the figure begins that shows it; empty for any.
    """

    pane: str
    trial: str
    kind: str
    about: str
    figure: str = ""

    @property
    def words(self) -> str:
        """The keys that act on it: ``⏎ axes  a widen``."""
        look = key_of("table.open").replace("enter", "⏎")
        where = f"trial {self.trial.rpartition('/')[2]}" if self.trial else self.pane
        seen = f"{look} {where}"
        return f"{seen}  {key_of('study.answer')} {self.kind}" if self.kind else seen


def act_on(one: Finding) -> Act:
    """Say what a finding leads to."""
    from labtui.verdicts.followups import CALLED_BY

    kind = next((kind for kind, codes in CALLED_BY.items() if one.code in codes), "")
    trial = str(one.subject.get("trial") or "")
    pane = _PANE.get(one.code, "curves")
    about = str(one.subject.get("hyperparameter") or "")
    if trial and _PANE.get(one.code) != "stability":
        return Act("", trial, kind, about)
    condition = f" ({one.subject['condition']})" if one.subject.get("condition") else ""
    return Act(pane, "", kind, about, f"{about}{condition}")
