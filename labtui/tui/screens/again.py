"""Training again, to tell what is luck: a trial, the best of each arm, the whole search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from labtui.study.followup_text import commented_study
from labtui.tui.actions import bindings, key_of
from labtui.tui.next_text import file_lines
from labtui.tui.screens.ask import AskScreen, is_count
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.states import state_text
from labtui.tui.study_text import how_far
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.again import Wish
    from labtui.tui.reader import Reader

KINDS = ("rerun", "arms", "replica")
FIRST = {"verdict": "arms"}
"""The pane of a study from which something else than the trial is chosen first."""


class AgainScreen(DecidingScreen):
    """What of a study can be trained again, and what came of it."""

    CSS_PATH = "choosing.tcss"
    BINDINGS = bindings("again")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's form
    chain_name = "again"
    reading = "reading…"

    def __init__(self, reader: Reader, study: str, trial: str | None, pane: str = "") -> None:
        """Offer to train `trial` of `study` again, and the study; `pane` is what was looked at."""
        super().__init__(reader)
        self.name_of_study = study
        self._trial = trial
        self._first = FIRST.get(pane, "")
        self._asked: set[str] = set()
        self.wishes: list[Wish] = []

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the list, the text, and the line that says how things ended."""
        yield Static(
            f"Training {clean(self.name_of_study)} again, with fresh seeds",
            id="title",
            markup=False,
        )
        with Container(id="choosing"):
            yield Table["Wish"](lambda wish: wish.kind, place="rows", id="choices")
            yield TextPane(place="text", id="text")
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Name the columns."""
        self.query_one("#choices", Table).set_columns(_columns(), sort="")

    def seen(self, lab: Lab) -> object:
        """Read anew whenever a rerun has ended."""
        return sorted(
            (one.name, one.state, one.ended, one.total)
            for one in lab.studies()
            if one.parent == self.name_of_study and one.kind in KINDS
        )

    def read(self) -> list[Wish]:
        """Read what came of reruns so far."""
        from labtui.store.lab import Lab
        from labtui.tui.again import wishes

        with Lab(self.reader.paths) as lab:
            return wishes(lab, self.name_of_study, self._trial)

    def show(self, wishes: list[Wish]) -> None:
        """List what can be trained again."""
        first = not self.wishes
        self.wishes = wishes
        table = self.query_one("#choices", Table)
        table.show(wishes)
        if first:
            table.go_to(self._first or wishes[0].kind)
            table.focus()
        self._tell_chosen()
        for wish in wishes:
            if wish.kind in self._asked and wish.evidence and not wish.training:
                self._asked.remove(wish.kind)
                self._ended(wish)

    def _ended(self, wish: Wish) -> None:
        """Say that it is over; keep what reruns of a trial said of chance, for the workload."""
        if wish.waiting:
            why = "; ".join(dict.fromkeys(one.reason for one in wish.waiting if one.reason))
            key = key_of("again.train")
            self.tell(f"{wish.title}: stopped early, {key} goes on. {why}", alarm=True)
            return
        if wish.kind != "trial":
            self.tell(f"{wish.title}: its reruns have ended")
            return
        from labtui.tui.again import keep_deviation

        paths = self.reader.paths

        def say(workload: str) -> None:
            kept = f"; their deviation is kept for {workload}" if workload else ""
            self.tell(f"{wish.title}: its reruns have ended{kept}")

        self.do("keeping…", lambda: keep_deviation(paths, wish, trained=True), say)

    @property
    def chosen(self) -> Wish | None:
        """What is under the cursor."""
        found: Wish | None = self.query_one("#choices", Table).current
        return found

    @on(Table.Moved, "#choices")
    def _tell_chosen(self) -> None:
        wish = self.chosen
        lines = list(_lines(wish)) if wish is not None else []
        self.query_one("#text", TextPane).say_lines(lines)

    # -- actions ----------------------------------------------------------------------------

    def action_other(self) -> None:
        """Go from the list to the text, or back."""
        self.focus_next()

    @on(Table.Opened, "#choices")
    def action_train(self) -> None:
        """Ask how often, and train."""
        wish = self.chosen
        if wish is None or self.busy:
            return
        if wish.training:
            self.tell(f"{wish.title}: being trained, {_progress(wish)}")
        elif wish.waiting:
            names = ", ".join(clean(one.name) for one in wish.waiting)
            self.app.push_screen(AskScreen(f"Finish {names}?", _progress(wish)), self._begin)
        elif wish.planned is None:
            self.tell(wish.cannot, alarm=True)
        else:
            detail = f"{_each(wish)}With fresh seeds; what was rerun before is counted with them."
            ask = AskScreen(
                f"How often is {clean(wish.title)} to be trained again?",
                detail,
                value=str(wish.times),
                check=is_count,
            )
            self.app.push_screen(ask, self._begin)

    def _begin(self, answer: str | None) -> None:
        wish = self.chosen
        if wish is None or answer is None:
            return
        from labtui.tui.again import train

        paths, times = self.reader.paths, int(answer or wish.times)

        def begun(_: None) -> None:
            self._asked.add(wish.kind)
            self.tell("in the queue; what comes of it appears here")

        self.do("handing it to the runner…", lambda: train(paths, wish, times), begun)


# -- in words -------------------------------------------------------------------------------


def _columns() -> list[Column[Wish]]:
    def role(wish: Wish) -> str:
        return "dim" if wish.planned is None and not wish.evidence else ""

    return [
        Column("what", "what is trained again", 21, lambda wish: (clean(wish.title), role(wish))),
        Column("so-far", "so far", 24, lambda wish: (_so_far(wish), role(wish)), grows=True),
    ]


def _so_far(wish: Wish) -> str:
    if not wish.evidence:
        return f"cannot be: {clean(wish.cannot)}" if wish.cannot else "not yet"
    if wish.waiting:
        return _progress(wish)
    return clean(wish.found)


def _progress(wish: Wish) -> str:
    return "; ".join(
        f"{state_text(one.state)} {one.ended}/{one.total}" for one in wish.evidence[-3:]
    )


def _each(wish: Wish) -> str:
    one = wish.planned
    if one is None or wish.kind == "trial":
        return ""
    if wish.kind == "search":
        return f"Each time {one.more} trials. "
    return f"Each time the {one.configurations} best configurations, one trial each. "


def _lines(wish: Wish) -> Iterator[Line]:
    yield Line(_WHY[wish.kind], "$text-primary bold")
    if wish.cannot:
        yield Line(f"✗ It cannot be: {clean(wish.cannot)}", "$text-warning")
    if wish.found:
        yield Line()
        yield Line(sentence(clean(wish.found)))
    for one in wish.evidence:
        yield Line(how_far(one), "", 2)
    yield Line()
    yield Line(f"= {clean(wish.command)}", "$faded")
    if wish.planned is not None and not wish.waiting:
        yield Line()
        yield from file_lines(commented_study(wish.planned.study))


_WHY = {
    "trial": "The same configuration with fresh seeds: how much is luck (P28)? Its deviation is "
    "kept for the workload.",
    "arms": "The best three of each arm with fresh seeds: does their order hold?",
    "search": "The same study under another search seed: how much is the search's luck (P29)?",
}
