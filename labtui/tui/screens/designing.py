"""A draft on the screen: its tables, and what its design comes to, judged while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from labtui.tui import new_text
from labtui.tui.actions import bindings
from labtui.tui.background import in_background
from labtui.tui.drafts.drafting import Draft, Row
from labtui.tui.drafts.start import Begun, Choice
from labtui.tui.new_text import Asked, Placed
from labtui.tui.next_text import file_lines
from labtui.tui.screens.deciding import DecidingScreen, problem
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.tui.drafts.judged import Judged
    from labtui.tui.reader import Reader

PAUSE = 0.15
"""Seconds without an edit before a design is judged: below what a person feels as waiting, above
the distance of two keys that are held down."""

PANES = ("asked", "space", "judged", "yaml")


class DraftLine(Input):
    """The line in which a field is written."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("draft-line")
    place = "draft-line"


class SpaceTable(Table[Placed]):
    """The hyperparameters, with the keys of their roles."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("draft-row") if getattr(one, "key", "") != "enter"
    ]


class DesigningScreen(DecidingScreen):
    """Shows a draft beside what there is to say of it."""

    def __init__(self, reader: Reader) -> None:
        """Begin without a draft."""
        super().__init__(reader)
        self.begun: Begun | None = None
        self.draft: Draft | None = None
        self.judged: Judged | None = None
        self.saved: Draft | None = None
        self.history: list[tuple[Begun, Draft]] = []

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the choice of a workload, the draft, what is beside it, and the edit line."""
        yield Static(new_text.title(None, saved=False, judging=False), id="title", markup=False)
        yield Static(
            "A study tunes one workload. These are the ones that this lab and the installed "
            "trainers know.",
            id="about",
        )
        yield Table[Choice](
            lambda one: (one.workload, one.trainer), place="draft-choice", id="choices"
        )
        with Container(id="design"):
            with Vertical(id="draft"):
                yield Table[Asked](lambda one: one.field.key, place="draft-field", id="asked")
                yield SpaceTable(lambda one: one.key, place="draft-row", id="space")
                yield Static(id="known", markup=False)
            with Vertical(id="beside"):
                yield TextPane(place="text", id="judged")
                yield TextPane(place="text", id="yaml")
        with Vertical(id="edit"):
            with Horizontal(id="entry"):
                yield Static(id="label", markup=False)
                yield DraftLine(compact=True, id="line", select_on_focus=False)
            yield Static(id="hint", markup=False)
        yield Static(id="total", markup=False)
        yield Static(id="twin", markup=False)
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Name the columns."""
        self.add_class("-empty")
        self.query_one("#choices", Table).set_columns(new_text.choice_columns(), sort="")
        self.query_one("#asked", Table).set_columns(new_text.asked_columns(), sort="")
        self.query_one("#space", Table).set_columns(new_text.placed_columns(), sort="")

    @property
    def is_changed(self) -> bool:
        """Whether there is something to lose."""
        if self.begun is None or self.draft is None:
            return False
        kept = (self.begun.draft, *([self.saved] if self.saved is not None else []))
        return all(self.draft.document != one.document for one in kept)

    def refresh_draft(self) -> None:
        """Show the draft with what is known of it, and have it judged."""
        self.show_draft()
        self._judge_soon()

    def show_draft(self) -> None:
        """Show the draft, with what is wrong with it as far as that is judged."""
        draft, begun = self.draft, self.begun
        if draft is None or begun is None:
            return
        fresh = self.judged is not None and self.judged.draft is draft
        judged = self.judged if fresh else None
        self.query_one("#title", Static).update(
            new_text.title(draft, saved=self.saved is draft, judging=not fresh)
        )
        self.query_one("#asked", Table).show(new_text.asked_rows(draft, judged))
        self.query_one("#space", Table).show(new_text.placed_rows(draft, judged))
        self._say_what_it_is()
        self.query_one("#twin", Static).update(
            new_text.twin(file_name(draft.name), begun.asked, extends=draft.extends)
        )

    @work(exclusive=True, group="design", exit_on_error=False)
    async def _judge_soon(self) -> None:
        """Judge the draft on a thread of its own once the person pauses."""
        from labtui.tui.drafts.judged import Judged, judge

        await asyncio.sleep(PAUSE)
        draft, paths = self.draft, self.reader.paths
        if draft is None:
            return
        try:
            judged = await in_background(lambda: judge(paths, draft))
        except Exception as error:  # shown in the pane; the screen goes on
            judged = Judged(draft, trouble=problem(error))
        if draft is self.draft:
            self.judged = judged
            self._show_judged(judged)

    def _show_judged(self, judged: Judged) -> None:
        self.show_draft()
        self.query_one("#total", Static).update(new_text.total_text(judged))
        self.query_one("#judged", TextPane).say_lines(list(new_text.judged_lines(judged)))
        text = judged.text or "# Its file is shown as soon as nothing is wrong."
        self.query_one("#yaml", TextPane).say_lines(list(file_lines(text)))

    def apply(self, draft: Draft) -> None:
        """Go on with another draft."""
        if self.begun is None or self.draft is None or draft == self.draft:
            return
        self.history.append((self.begun, self.draft))
        self.draft = self.begun.suggest(draft)
        self.tell("")
        self.refresh_draft()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Give the pane that has the focus more room where there is little."""
        name = event.widget.id
        if name in PANES:
            design = self.query_one("#design")
            for pane in PANES:
                design.set_class(pane == name, f"-at-{pane}")
            self._say_what_it_is()

    @on(Table.Moved, "#asked")
    @on(Table.Moved, "#space")
    def _say_what_it_is(self) -> None:
        """Say below the tables what is under the cursor."""
        one: Asked | None = self.query_one("#asked", Table).current
        row = self.row
        if self.focused is self.query_one("#asked") and one is not None:
            text = f"{one.field.label}: {one.field.about}"
        else:
            text = f"{clean(row.name)}: {new_text.row_hint(row)}" if row is not None else ""
        self.query_one("#known", Static).update(text)

    @property
    def row(self) -> Row | None:
        """The hyperparameter under the cursor."""
        found: Placed | None = self.query_one("#space", Table).current
        return found.row if found is not None else None

    def action_undo(self) -> None:
        """Take the last change back."""
        if not self.history:
            self.tell("there is nothing to take back")
            return
        self.begun, self.draft = self.history.pop()
        self.tell("")
        self.refresh_draft()

    def action_other(self, direction: int) -> None:
        """Go to the next pane, or to the one before."""
        shown = [p for p in PANES if self.query_one(f"#{p}").display]
        here = self.focused.id if self.focused is not None else None
        place = shown.index(here) if here in shown else -direction
        self.query_one(f"#{shown[(place + direction) % len(shown)]}").focus()


def file_name(name: str) -> str:
    """Give the name of a study's file."""
    from labtui.study.spec import slug

    return f"{slug(name)}.yaml"
