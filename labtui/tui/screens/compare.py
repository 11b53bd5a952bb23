"""Trials or studies beside each other: what differs, their curves, their isolation plots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events, on, work
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from labtui.charts.spec import ChartSpec
from labtui.store.errors import LabError, UnknownName
from labtui.tui import compare_text
from labtui.tui.actions import bindings
from labtui.tui.background import in_background
from labtui.tui.compare_text import Entry
from labtui.tui.judging import REST
from labtui.tui.layout import FULL
from labtui.tui.screens.base import BEAT, LiveScreen
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.charts_beside import ChartsBeside
from labtui.tui.widgets.figures import Figures
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.comparison import MOST, Comparison, NotComparable
from labtui.verdicts.comparison_words import command
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.comparison_figures import Aligned

PANES = ("parameters", "curves", "isolation")
BESIDE = ("parameters", "curves")
"""Panes that stand beside each other on a screen with room for two."""

TALL = 34
"""Rows of a screen from which a row of the table stands below it in full from the start."""

RETRY = 2.0
"""Seconds until it reads again what could not be read: long enough to read the reason."""


@dataclass(frozen=True, eq=False)
class Shown:
    """All that is on screen, read together.

    Attributes:
        found: The comparison.
        curves: Curves over each other, a figure a metric.
        isolation: Isolation plots beside each other; none for trials.
    """

    found: Comparison
    curves: Sequence[ChartSpec]
    isolation: Sequence[Aligned]


class CompareScreen(LiveScreen):
    """A comparison, followed while its studies are trained."""

    CSS_PATH = "compare.tcss"
    BINDINGS = bindings("compare")
    chain_name = "compare"

    def __init__(self, reader: Reader, names: Sequence[str]) -> None:
        """Compare two to eight studies, or trials (``study/17``), by their names.

        Args:
            reader: Of the lab.
            names: What is compared; with fewer than two, the screen says how to name another.
        """
        super().__init__(reader)
        self.names = tuple(dict.fromkeys(names))
        self.shown: Shown | None = None
        self.active = "parameters"
        self._only_differences = True
        self._named: tuple[str, ...] = ()
        self._moment: object = None
        self._read: object = None
        self._working = False

    def compose_body(self) -> Iterable[Widget]:
        """Lay out what is concluded, and the panes."""
        yield Static(id="title", markup=False)
        yield TextPane(place="text", id="told")
        yield Static(id="tabs")
        with Container(id="pane"):
            with Vertical(id="parameters", classes="-on"):
                yield Table[Entry](lambda entry: entry.key, place="rows", id="table")
                yield TextPane(place="text", id="whole")
            yield Figures(id="curves")
            yield ChartsBeside(most=MOST, id="isolation")

    def on_mount(self) -> None:
        """Say what is compared while it is read."""
        self.query_one("#told", TextPane).say(Content.styled("reading…", "$faded"))
        self.query_one("#whole").set_class(self.size.height >= TALL, "-open")
        self._label()

    def on_resize(self, event: events.Resize) -> None:
        """Give the words more room where there is some."""
        self.set_class(event.size.height >= TALL, "-tall")
        self._arrange()
        self._fill()
        self._label()

    @property
    def twin(self) -> str:
        """The command that says the same."""
        names = command(self.names)
        return names if self.active == "parameters" else f"{names} --plot {self.active}"

    @property
    def name_of_study(self) -> str:
        """What stands for NAME in the help."""
        return " ".join(map(clean, self.names))

    @property
    def topic(self) -> str:
        """The pane that is shown."""
        return "compare" if self.active == "parameters" else f"compare-{self.active}"

    # -- following --------------------------------------------------------------------------

    async def follow(self, pulse: Pulse) -> None:
        """See whether something that counts has changed; a worker reads it."""
        self._moment = await self.reader.ask(self._seen)
        if not self._working:
            self._keep_up()

    def _seen(self, lab: Lab) -> object:
        """Give what tells one moment of the comparison from another."""
        named = {one.name: one for one in lab.studies()}
        trials = [lab.trial(name).revision for name in self.names if name not in named]
        about = {name if name in named else name.rpartition("/")[0] for name in self.names}
        studies = [
            (one.name, one.state, one.ended, one.best_value, one.total)
            for one in named.values()
            if one.name in about or one.parent in about
        ]
        cards = [repr(lab.card(workload)) for workload in {one.workload for one in named.values()}]
        return self.names, trials, studies, cards

    @work(group="compare", exit_on_error=False)
    async def _keep_up(self) -> None:
        """Read what changed, and judge it, until nothing is left."""
        self._working = True
        try:
            while self._read != self._moment:
                moment, began = self._moment, time.monotonic()
                other = self.names != self._named
                if other:
                    await self._show_read(judge=False)
                if not other or (self.shown and not self.shown.found.judged):
                    await self._show_read(judge=True)
                self._read = moment
                await self._rest(REST * (time.monotonic() - began))
        except Exception as error:  # read again with the next change, or after a while
            self._read = None
            if isinstance(error, LabError):
                self.say_error(error)
            else:
                self.say_unexpected(error)
            if not isinstance(error, (NotComparable, UnknownName)):
                self.set_timer(RETRY, self._watch_lab)
        finally:
            self._working = False

    async def _rest(self, seconds: float) -> None:
        """Leave the processor to the training, unless another one is to be compared."""
        until, names = time.monotonic() + seconds, self.names
        while self.names == names and time.monotonic() < until:
            await asyncio.sleep(BEAT)

    async def _show_read(self, *, judge: bool) -> None:
        names = self.names
        read = partial(_read, self.reader.paths, names, judge=judge)
        self._show(await in_background(read), names)

    def _show(self, shown: Shown, names: tuple[str, ...]) -> None:
        first = names != self._named
        self.shown, self._named = shown, names
        self.remove_class("-carded")
        self.query_one("#told", TextPane).say_lines(list(compare_text.told_lines(shown.found)))
        self.query_one("#curves", Figures).show(shown.curves)
        rows = [one.figures for one in shown.isolation]
        self.query_one("#isolation", ChartsBeside).show(rows)
        self._fill()
        if first:
            self.action_show(self.active if rows or self.active != "isolation" else "parameters")
        self._label()

    def _fill(self) -> None:
        if self.shown is None:
            return
        table, found = self.table, self.shown.found
        room = self.size.width // 2 if self._is_beside else self.size.width
        table.set_columns(compare_text.columns(found, room), sort="")
        table.show(compare_text.entries(found, differences=self._only_differences))
        self._tell_whole()

    # -- what stands above ------------------------------------------------------------------

    def _label(self) -> None:
        """Write the title and the names of the panes."""
        judging = self.shown is not None and not self.shown.found.judged
        names = f"  {' · '.join(map(clean, self.names))}"
        if self.shown is not None and self.shown.found.labels[0].startswith("#"):
            study = clean(self.shown.found.sides[0].study.name)
            names = f"  {study}  {' · '.join(self.shown.found.labels)}"
        parts = [
            ("Compare", "$text-primary bold"),
            (names, "bold"),
            ("   judging…" if judging else "", "$text-accent"),
        ]
        room = self.size.width - 2 - sum(cell_len(text) for text, _ in parts)
        twin = f"= {clean(self.twin)}"
        parts.append((twin.rjust(room) if len(twin) < room else f"   {twin}", "$faded"))
        self.query_one("#title", Static).update(Content.assemble(*parts))
        self.query_one("#tabs", Static).update(self._tabs())

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for place, name in enumerate(PANES, 1):
            if name == "isolation" and not (self.shown and self.shown.isolation):
                continue
            active = name == self.active
            style = "$text-primary bold reverse" if active else "$faded"
            words = f" {place} {name} " if active else f"{place} {name}"
            parts += [(words, f"{style} @click=screen.show('{name}')"), " "]
        return Content.assemble(*parts, (f"  {self._caption()}", "$faded"))

    @on(ChartsBeside.Arranged)
    def _relabel(self) -> None:
        self._label()

    def _caption(self) -> str:
        """Say which part of a pane is shown."""
        if self.shown is None:
            return ""
        if self.active == "parameters":
            return "≠ only what differs" if self._only_differences else "all rows, ≠ what differs"
        if self.active == "curves":
            best = "  of the best trials" if self.shown.found.kind == "studies" else ""
            return f"{self.query_one('#curves', Figures).counter}{best}"
        charts = self.query_one("#isolation", ChartsBeside)
        one = self.shown.isolation[charts.row]
        return f"{charts.counter}  {one.name}: {one.measured}, on one axis".strip()

    def say_error(self, error: LabError) -> None:
        """Put a card in the place of the body: what is wrong, and the next step."""
        card = self.query_one(Card)
        if isinstance(error, NotComparable):
            few = len(self.names) < 2
            title = "Nothing to compare with" if few else "These cannot be compared"
            step = (
                "{compare.add} names another one, or mark two with {studies.mark} and press "
                "{studies.compare}\n{app.leave} goes back"
            )
            card.say(title, clean(str(error)), step, alarm=not few)
            self.add_class("-carded")
        elif isinstance(error, UnknownName):
            step = "{app.leave} goes back to choose others"
            card.say("No such study or trial", clean(str(error)), step, alarm=True)
            self.add_class("-carded")
        else:
            super().say_error(error)

    # -- actions ----------------------------------------------------------------------------

    @property
    def table(self) -> Table[Entry]:
        """The table."""
        return self.query_one("#table", Table)

    def action_show(self, name: str) -> None:
        """Go to a pane."""
        if name == "isolation" and self.shown is not None and not self.shown.isolation:
            self.notify("isolation plots compare studies that vary something; these are trials")
            return
        self.active = name
        self._arrange()
        self._focus_pane()
        self._label()

    @property
    def _is_beside(self) -> bool:
        """Whether the curves stand beside the table."""
        return self.size.width >= FULL and self.active in BESIDE

    def _arrange(self) -> None:
        """Show the active pane; where there is room, table and curves."""
        shown = BESIDE if self._is_beside else (self.active,)
        self.set_class(self._is_beside, "-beside")
        for pane in PANES:
            self.query_one(f"#{pane}").set_class(pane in shown, "-on")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Make the pane active that the focus moved into, where two are shown."""
        around = {one.id for one in event.widget.ancestors_with_self}
        pane = next((name for name in BESIDE if name in around), self.active)
        if self._is_beside and pane != self.active:
            self.active = pane
            self._label()

    def _focus_pane(self) -> None:
        charts = self.query_one("#isolation", ChartsBeside).charts
        widgets = {"curves": self.query_one("#curves", Figures).chart, "isolation": charts[0]}
        widgets.get(self.active, self.table).focus()

    def action_other(self) -> None:
        """Go to the words, or back to the pane."""
        told = self.query_one("#told", TextPane)
        if self.focused is told:
            self._focus_pane()
        else:
            told.focus()

    def action_differences(self) -> None:
        """Show only the rows that differ, or all."""
        self._only_differences = not self._only_differences
        self.action_show("parameters")
        self._fill()

    def action_figure(self, step: int) -> None:
        """Go to the next or previous figure of the pane; from the table, to the curves."""
        if self.active == "curves":
            self.query_one("#curves", Figures).page(step)
        elif self.active == "isolation":
            self.query_one("#isolation", ChartsBeside).page(step)
        self._label()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done in the pane that is shown."""
        if action == "figure":
            return self.active != "parameters"
        if action in ("differences", "whole"):
            return self.active == "parameters"
        return True

    @on(Table.Opened)
    def action_whole(self) -> None:
        """Show the row under the cursor in full, or not."""
        self.query_one("#whole").toggle_class("-open")

    def step_back(self) -> bool:
        """Close the row in full, where a person opened it."""
        whole = self.query_one("#whole")
        if self.has_class("-tall") or not whole.has_class("-open"):
            return False
        whole.remove_class("-open")
        return True

    @on(Table.Moved)
    def _tell_whole(self) -> None:
        if self.shown is not None:
            lines = compare_text.whole_lines(self.shown.found, self.table.current)
            self.query_one("#whole", TextPane).say_lines(lines)

    def action_add(self) -> None:
        """Ask for another one, and compare it as well."""
        from labtui.tui.screens.add import AddScreen

        if len(self.names) >= MOST:
            self.notify(f"{MOST} are compared already: more cannot be told apart")
            return
        self.app.push_screen(AddScreen(self.reader, self.names), self._added)

    def _added(self, name: str | None) -> None:
        if name:
            self.names = (*self.names, name)
            self._watch_lab()


def _read(paths: LabPaths, names: Sequence[str], *, judge: bool) -> Shown:
    """Read a comparison with its figures; on a thread that may take its time."""
    from labtui.store.lab import Lab
    from labtui.verdicts.comparison import compare
    from labtui.verdicts.comparison_figures import curve_figures, isolation_figures

    with Lab(paths) as lab:
        found = compare(lab, names, judge=judge)
        return Shown(found, curve_figures(lab, found), isolation_figures(found))
