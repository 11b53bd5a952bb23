"""A workload: its card, the lineage of its baselines, and giving the baseline up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.actions import bindings
from labtui.tui.screens.ask import AskScreen, is_reason
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.reader import Reader
    from labtui.verdicts.remarks import Subject


class WorkloadScreen(RemarkingScreen, DecidingScreen):
    """What is known of a workload."""

    CSS_PATH = "telling.tcss"
    BINDINGS = [*bindings("workload"), *bindings("remark")]  # noqa: RUF012 - Textual's own form
    chain_name = "workload"
    reading = "reading…"

    def __init__(self, reader: Reader, workload: str) -> None:
        """Show the workload of that name."""
        super().__init__(reader)
        self.name_of_study = workload
        self.baseline: int | None = None

    @property
    def subject(self) -> Subject:
        """The workload."""
        from labtui.verdicts.remarks import Subject

        return Subject(self.name_of_study, "workload")

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the text, and the line that says how things ended."""
        yield Static(f"The workload {clean(self.name_of_study)}", id="title", markup=False)
        yield TextPane(place="text", id="text")
        yield Static(id="said", markup=False)

    def seen(self, lab: Lab) -> object:
        """Read it anew when something was decided, noted, or a study has ended."""
        name = self.name_of_study
        studies = [(one.name, one.state) for one in lab.studies() if one.workload == name]
        launches = [(one.id, one.updated) for one in lab.launches(workload=name)]
        baselines = [(one.id, one.rolled_back) for one in lab.baselines(name)]
        tags = lab.tags().get(self.subject.key)
        return studies, launches, baselines, len(lab.workload_notes(name)), tags

    def read(self) -> tuple[int | None, list[Line]]:
        """Read its card and lineage: the baseline's number, and both in words."""
        from labtui.store.lab import Lab
        from labtui.tui.workload_text import lines
        from labtui.verdicts.card import read_card
        from labtui.verdicts.launch_lineage import lineage_lines

        with Lab(self.reader.paths) as lab:
            card = read_card(lab, self.name_of_study)
            current = None if card.baseline is None else card.baseline.id
            return current, list(lines(card, lineage_lines(lab, self.name_of_study)))

    def show(self, told: tuple[int | None, list[Line]]) -> None:
        """Say it."""
        self.baseline, lines = told
        self.query_one("#text", TextPane).say_lines(lines)

    def action_roll_back(self) -> None:
        """Ask why the baseline is given up, and give it up."""
        if self.busy:
            return
        if self.baseline is None:
            self.tell("it has no baseline to roll back")
            return
        ask = AskScreen(
            f"Roll baseline {self.baseline} back? Why?",
            "The one before it becomes the baseline again; both stay in the lineage.",
            value="",
            check=is_reason,
        )
        self.app.push_screen(ask, self._roll_back)

    def _roll_back(self, reason: str | None) -> None:
        from labtui.engine.asking import roll_back

        paths, name, given = self.reader.paths, self.name_of_study, self.baseline
        if reason and given is not None:
            self.do(
                "rolling back…",
                lambda: roll_back(paths, name, given, reason),
                lambda now: self.tell(f"baseline {given} was rolled back; {now} is the baseline"),
            )
