"""A trial: what came out, why, and what reproduces it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.screens.base import LiveScreen
from labtui.tui.trial_text import trial_text, trial_title
from labtui.tui.widgets.textpane import TextPane

if TYPE_CHECKING:
    from textual.content import Content

    from labtui.store.lab import Lab
    from labtui.tui.reader import Pulse, Reader


class TrialScreen(LiveScreen):
    """One trial, followed while it runs."""

    CSS_PATH = "trial.tcss"
    chain_name = "trial"

    def __init__(self, reader: Reader, trial: str) -> None:
        """Follow a trial by its name, ``study/17``."""
        super().__init__(reader)
        self.trial = trial

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the title and the facts."""
        yield Static(id="title")
        yield TextPane(place="text", id="facts")

    async def follow(self, pulse: Pulse) -> None:
        """Read the trial, and show it."""
        title, facts = await self.reader.ask(self._read)
        self.query_one("#title", Static).update(title)
        self.query_one("#facts", TextPane).say(facts)

    def _read(self, lab: Lab) -> tuple[Content, Content]:
        trial = lab.trial(self.trial)
        study = lab.study(trial.study)
        facts = trial_text(study, trial, lab.hyperparameters(study.name), lab.checkpoints(trial.id))
        return trial_title(trial), facts
