"""The studies that should follow a study: the list of them, the file of one, and its start."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui import next_text
from labtui.tui.actions import bindings
from labtui.tui.exporting import write_new
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord
    from labtui.study.followup import FollowUp
    from labtui.tui.reader import Reader
    from labtui.verdicts.followups import Call, Calls


class NextScreen(DecidingScreen):
    """What can follow a study."""

    CSS_PATH = "choosing.tcss"
    BINDINGS = bindings("next")
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual's form
        (0, "-narrow"),
        (120, "-wide"),
        (160, "-widest"),
    ]
    chain_name = "next"
    reading = "judging…"

    def __init__(self, reader: Reader, study: str, wanted: tuple[str, str] | None = None) -> None:
        """List what can follow `study`, as far as its trials have ended by now.

        Args:
            reader: Reads its lab.
            study: The study.
            wanted: A kind to begin with, and the hyperparameter that it is about.
        """
        super().__init__(reader)
        self._wanted = wanted
        self.name_of_study = study
        self.found: Calls | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the list, the text, and the line that says how things ended."""
        yield Static(f"What follows {clean(self.name_of_study)}", id="title", markup=False)
        with Container(id="choosing"):
            yield Table["Call"](_key, place="rows", id="choices")
            yield TextPane(place="text", id="text")
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Name the columns."""
        self.query_one("#choices", Table).set_columns(next_text.columns(), sort="")

    def seen(self, lab: Lab) -> object:
        """Judge the study once: what a person reads must not change meanwhile."""
        return self.name_of_study

    def read(self) -> Calls:
        """Judge the study, and make what can follow it."""
        from labtui.store.lab import Lab
        from labtui.verdicts.followups import calls

        with Lab(self.reader.paths) as lab:
            return calls(lab, lab.study(self.name_of_study))

    def show(self, found: Calls) -> None:
        """List what can follow, the most important chosen."""
        self.found = found
        self.query_one("#title", Static).update(next_text.title(found))
        table = self.query_one("#choices", Table)
        table.show(next_text.listed(found))
        first = _wanted(found, self._wanted) or found.first
        if first is not None:
            table.go_to(_key(first))
        table.focus()
        self._tell_chosen()
        told = list(next_text.warnings(found))
        if found.first is None and not told:
            called = any(one.called for one in found.every)
            told = [
                "What the findings call for cannot be made; the others can."
                if called
                else "No finding calls for another study; these can be made all the same."
            ]
        self.tell(" ".join(told))

    @property
    def chosen(self) -> Call | None:
        """The follow-up under the cursor."""
        found: Call | None = self.query_one("#choices", Table).current
        return found

    @property
    def _makeable(self) -> Call | None:
        """What is chosen, if it can be made and nothing else is under way; else says why not."""
        one = self.chosen
        if one is None or self.busy:
            return None
        if one.made is None:
            self.tell(f"{one.kind} cannot be made: {one.cannot}", alarm=True)
            return None
        return one

    @on(Table.Moved, "#choices")
    def _tell_chosen(self) -> None:
        pane = self.query_one("#text", TextPane)
        one = self.chosen
        pane.say_lines(list(next_text.lines(one)) if one is not None else [Line()])
        pane.scroll_home(animate=False)

    # -- actions ----------------------------------------------------------------------------

    def action_other(self) -> None:
        """Go from the list to the text, or back."""
        self.focus_next()

    @on(Table.Opened, "#choices")
    def action_train(self) -> None:
        """Ask whether to train what is chosen."""
        one, found = self._makeable, self.found
        if one is None or one.made is None or found is None:
            return
        made, record = one.made, found.study

        def begin(_: str | None) -> None:
            command = [*shlex.split(one.command), "--run", *(["--new"] if one.existing else [])]
            self.do(
                f"handing {made.study.study} to the runner…",
                lambda: _train(self.reader.paths, record, made, command),
                self.open_study,
            )

        self.app.push_screen(AskScreen(*_question(one, made, record)), begin)

    def action_design(self) -> None:
        """Open what is chosen as a draft, to be changed before it is trained."""
        from labtui.tui.screens.new import NewScreen

        one = self._makeable
        if one is None:
            return
        screen = NewScreen(self.reader, parent=self.name_of_study, kind=one.kind, about=one.about)
        self.app.push_screen(screen)

    def action_save(self) -> None:
        """Write the file of what is chosen into the folder that labtui was started in."""
        one = self._makeable
        if one is None or one.made is None:
            return
        made = one.made
        self.do("writing…", lambda: _write(made), self.tell)


def _key(one: Call) -> tuple[str, str]:
    return one.kind, one.about


def _wanted(found: Calls, wanted: tuple[str, str] | None) -> Call | None:
    """Find what a person came for: the kind about that hyperparameter, else the kind."""
    kinds = [one for one in found.every if wanted is not None and one.kind == wanted[0]]
    return next((one for one in kinds if wanted and one.about == wanted[1]), None) or next(
        iter(kinds), None
    )


def _question(one: Call, made: FollowUp, record: StudyRecord) -> tuple[str, str]:
    from labtui.verdicts.followups import existing_text

    steps = f"{made.study.budget.max_train_steps:,} steps each"
    name = clean(made.study.study)
    if made.extends:
        more = made.trials - record.total
        return f"Train {more} more trials of {name}?", f"{steps}; {made.trials} trials in all."
    count = "1 trial" if made.trials == 1 else f"{made.trials} trials"
    there = f" {existing_text(one)} answers the same already." if one.existing else ""
    return f"Train {count} of {name}?", f"{steps}, where {clean(record.name)} was trained.{there}"


def _train(paths: LabPaths, parent: StudyRecord, made: FollowUp, command: list[str]) -> str:
    """Hand a follow-up to the runner; gives the name of its study."""
    from labtui.engine.derived import submit_derived

    mode = "extend" if made.extends else None
    return submit_derived(paths, parent, made.study, made.text, command=command, mode=mode).study


def _write(made: FollowUp) -> str:
    """Write a study file that was not there; gives what there is to say."""
    from labtui.study.spec import slug

    file = Path.cwd() / f"{slug(made.study.study)}.yaml"
    try:
        write_new(file, made.text)
    except FileExistsError:
        return f"{file} is there already: nothing was written; move it away first"
    more = " --extend" if made.extends else ""
    return f"{file}: written; `labtui run {file.name}{more}` launches it"
