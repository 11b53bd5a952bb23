"""What a study asks: roles, space, caveats, and its file."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.content import Content

from labtui.tui import design_text, study_text
from labtui.tui.background import in_background
from labtui.tui.feeds import StudyView
from labtui.tui.panes.base import Pane
from labtui.tui.widgets.textpane import TextPane, broken

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord
    from labtui.tui.design_text import Design
    from labtui.tui.exporting import Exports


class DesignText(TextPane):
    """The design in words, and its file beside or below them."""

    def __init__(self, *, id: str) -> None:
        """Create it empty."""
        super().__init__(place="text", id=id)
        self._design: Design | None = None
        self._view: StudyView | None = None

    def show_design(self, design: Design, view: StudyView) -> None:
        """Show a design."""
        self._design, self._view = design, view
        self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Put the file beside the words, or below them."""
        self._lay_out()

    def _lay_out(self) -> None:
        one, view = self._design, self._view
        if one is None or view is None:
            return
        room = self._room
        wide = room >= design_text.BESIDE
        left = (room - design_text.GAP) // 2 if wide else room
        goal = study_text.goal(view).cell_length > self.screen.size.width - 2
        lines = list(design_text.words(one, view.definitions, left, goal=goal))
        words = broken(lines, left)
        file = design_text.file_rows(one, room - design_text.GAP - left if wide else room)
        if wide:
            self.say(design_text.beside(words, file, left))
        else:
            self.say(Content("\n").join([*words, Content(), *file]))

    def exports(self) -> Exports:
        """Give the study's file as it was written, and the words."""
        file = self._design.file if self._design is not None else ""
        return {**({"study.yaml": lambda: file} if file else {}), **super().exports()}


class DesignPane(Pane):
    """The roles of the hyperparameters (P06), and what else was asked."""

    name_of_pane = "design"

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield DesignText(id="design-text")

    def begin(self, view: StudyView) -> None:
        """Say that it is being read."""
        self.query_one(DesignText).say(Content.styled("reading the design…", "$faded"))

    def stamp(self, view: StudyView) -> Hashable:
        """What was asked: a study can be extended."""
        return view.study.total, view.study.goal, view.study.spec_json

    async def draw(self, view: StudyView) -> None:
        """Judge the design, and show it."""
        paths, study = self.desk.reader.paths, view.study
        design = await in_background(lambda: _read(paths, study))
        self.query_one(DesignText).show_design(design, view)


def _read(paths: LabPaths, study: StudyRecord) -> Design:
    from labtui.store.lab import Lab

    with Lab(paths) as lab:
        return design_text.read(lab, study)
