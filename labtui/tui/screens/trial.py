"""A trial: what came out, why, and what reproduces it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Static

from labtui.store.errors import LabError
from labtui.store.records import ENDED
from labtui.tui.actions import bindings
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.trial_text import trial_findings, trial_notes, trial_text, trial_title
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from textual.content import Content

    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject


class TrialScreen(RemarkingScreen):
    """One trial, followed while it runs."""

    CSS_PATH = "trial.tcss"
    BINDINGS = [*bindings("trial"), *bindings("remark")]  # noqa: RUF012 - Textual's own form
    chain_name = "trial"

    def __init__(self, reader: Reader, trial: str) -> None:
        """Follow a trial by its name, ``study/17``."""
        super().__init__(reader)
        self.trial = trial
        self._found: tuple[int, list[Line]] | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the title and the facts."""
        yield Static(id="title")
        yield TextPane(place="text", id="facts")

    @property
    def subject(self) -> Subject:
        """The trial."""
        from labtui.verdicts.remarks import Subject

        return Subject(self.trial, "trial")

    def action_again(self) -> None:
        """Show what came of training it again, and train it again."""
        from labtui.tui.screens.again import AgainScreen

        study = self.trial.rpartition("/")[0]
        self.app.push_screen(AgainScreen(self.reader, study, self.trial))

    def action_launch(self) -> None:
        """Show whether it becomes the baseline."""
        from labtui.tui.screens.launch import LaunchScreen

        study = self.trial.rpartition("/")[0]
        self.app.push_screen(LaunchScreen(self.reader, study, self.trial))

    async def follow(self, pulse: Pulse) -> None:
        """Read the trial, and show it."""
        title, facts = await self.reader.ask(self._read)
        self.query_one("#title", Static).update(title)
        self.query_one("#facts", TextPane).say(facts)

    def _read(self, lab: Lab) -> tuple[Content, Content]:
        trial = lab.trial(self.trial)
        study = lab.study(trial.study)
        facts = trial_text(
            study,
            trial,
            lab.hyperparameters(study.name),
            lab.checkpoints(trial.id),
            lab.warnings(trial.id),
            self._findings(lab, study, trial),
            trial_notes(trial, lab.all_notes(study.name), lab.tags().get(trial.name, ())),
        )
        return trial_title(trial), facts

    def _findings(self, lab: Lab, study: StudyRecord, trial: TrialRecord) -> list[Line]:
        """Judge the curves of a trial that has ended, once."""
        if trial.state not in ENDED or not trial.step:
            return []
        if self._found is None or self._found[0] != trial.revision:
            from labtui.verdicts.check import check_trial

            try:
                lines = trial_findings(check_trial(lab, study, trial))
            except LabError:
                raise
            except Exception as error:  # the facts are shown all the same
                lines = [Line(clean(f"cannot be judged: {type(error).__name__}: {error}"))]
            self._found = trial.revision, lines
        return self._found[1]
