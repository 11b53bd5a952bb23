"""A launch (P30): whether a candidate becomes the baseline, by fresh reruns in planned groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.actions import bindings
from labtui.tui.screens.ask import AskScreen, is_reason
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.launching import Standing
    from labtui.tui.reader import Reader


class LaunchScreen(DecidingScreen):
    """Where the launch of a study's best trial, or of a trial, stands."""

    CSS_PATH = "telling.tcss"
    BINDINGS = bindings("launch")
    chain_name = "launch"
    reading = "reading…"

    def __init__(self, reader: Reader, study: str, name: str) -> None:
        """Show the launch of `name`, a study or a trial of `study`."""
        super().__init__(reader)
        self.name_of_study = study
        self._subject = name
        self._looking = False
        self.standing: Standing | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the text, and the line that says how things ended."""
        yield Static(f"The launch of {clean(self._subject)}", id="title", markup=False)
        yield TextPane(place="text", id="text")
        yield Static(id="said", markup=False)

    def seen(self, lab: Lab) -> object:
        """Read anew whenever a rerun has ended, or something was decided."""
        study = lab.study(self.name_of_study)
        launches = [(one.id, one.updated, one.adopted) for one in lab.launches(study=study.name)]
        reruns = [
            (one.name, one.state, one.ended, one.total)
            for one in lab.studies()
            if one.parent == study.name and one.kind == "launch"
        ]
        baseline = lab.workload(study.workload).baseline
        return study.state, study.ended, baseline, launches, reruns

    def read(self) -> Standing:
        """Read where it stands."""
        from labtui.store.lab import Lab
        from labtui.tui.launching import read_standing

        with Lab(self.reader.paths) as lab:
            return read_standing(lab, self._subject)

    def show(self, standing: Standing) -> None:
        """Say where it stands; look at what was just trained for it."""
        from labtui.tui.launch_text import lines

        self.standing = standing
        self.query_one("#text", TextPane).say_lines(list(lines(standing, self._subject)))
        if self._looking and standing.ready:
            self._looking = False
            self._look()
        elif self._looking and not standing.training and standing.group is not None:
            self.tell("its reruns have ended early: Enter goes on with them")

    # -- actions ----------------------------------------------------------------------------

    def action_train(self) -> None:
        """Train the next group and look at it, or look at what has ended."""
        standing = self.standing
        if standing is None or self.busy:
            return
        planned, group = standing.planned, standing.group
        if planned is None or (group is None and not standing.held) or standing.training:
            from labtui.tui.launch_text import following

            self._looking = standing.training
            self.tell(following(standing))
            return
        if group is None:
            self._look()
            return
        detail = "It is adopted if they say so and no finding holds it back; recorded either way."
        if standing.ready:
            ask = AskScreen(f"Look at {group} reruns a side?", detail)
            self.app.push_screen(ask, lambda _: self._look())
            return
        sides = "the candidate" if planned.baseline is None else "candidate and baseline each"
        ask = AskScreen(f"Train {sides} up to {group} times, with fresh seeds?", detail)
        self.app.push_screen(ask, lambda _: self._train())

    def action_overrule(self) -> None:
        """Ask why it is to be adopted although findings hold it back."""
        standing = self.standing
        if standing is None or self.busy:
            return
        if not standing.held:
            self.tell("nothing that its reruns support is held back")
            return
        ask = AskScreen("Adopt it all the same? Why?", "", value="", check=is_reason)
        self.app.push_screen(ask, lambda reason: self._look(reason or ""))

    def _train(self) -> None:
        from labtui.tui.launching import train_group

        standing = self.standing
        if standing is not None and standing.planned is not None:
            paths, planned = self.reader.paths, standing.planned

            def begun(_: None) -> None:
                self._looking = True
                self.tell("in the queue; what comes of it appears here")

            self.do("handing reruns to the runner…", lambda: train_group(paths, planned), begun)

    def _look(self, overruled: str = "") -> None:
        from labtui.tui.launching import take_look

        standing = self.standing
        if standing is not None and standing.planned is not None:
            paths, planned = self.reader.paths, standing.planned
            self.do("looking…", lambda: take_look(paths, planned, overruled), lambda _: None)
