"""The verdict on a study: its answer, its arms, and its findings with what to do about each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from labtui.study.kinds import REPEATED
from labtui.tui import verdict_text
from labtui.tui.acting import Act
from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import Caption, Pane
from labtui.tui.verdict_text import Row
from labtui.tui.widgets import arms
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.arm_names import MeanRow, mean_rows
from labtui.verdicts.tables import ArmRow

SHORT = 24
"""Rows of the pane from which there is room for space between its parts."""

FEW: dict[str, int | None] = {
    "#answer-text": 5,
    "#findings": 7,
    "#verdict-text": None,
    "#arms-table": 3,
}
"""The most rows of each part when rows are few; then there is no space between them. Set as they
are and not by a class: that would style all parts again, while the screen is opened."""

ROOMY = 64
"""Columns from which the keys that act on a finding stand beside it, not only below."""

ROLES = {"▲": "failed", "!": "stopped", "·": "dim"}
"""How the table paints the sign of a finding; it only repeats what the sign says."""


class VerdictPane(Pane):
    """Judges the study as its trials end."""

    name_of_pane = "verdict"
    eager = True
    needs_verdict = True
    _arms: Sequence[ArmRow] | None = None
    _short = False

    class ArmChosen(Message):
        """An arm was chosen."""

        def __init__(self, arm: str) -> None:
            """Remember which."""
            super().__init__()
            self.arm = arm

    class Look(Message):
        """A finding is to be looked at."""

        def __init__(self, act: Act) -> None:
            """Remember where it is to be seen."""
            super().__init__()
            self.act = act

    def compose(self) -> ComposeResult:
        """Lay out the answer, the findings, what is said of one, and the arms."""
        yield TextPane(place="text", id="answer-text")
        yield Table[Row](lambda row: row.key, place="table", id="findings")
        yield TextPane(place="text", id="verdict-text")
        yield Table[ArmRow | MeanRow](lambda row: row.arm, place="table", id="arms-table")

    @property
    def findings(self) -> Table[Row]:
        """The list of findings."""
        return self.query_one("#findings", Table)

    @property
    def arms(self) -> Table[Any]:
        """The arms; of reruns, their means."""
        return self.query_one("#arms-table", Table)

    @property
    def act(self) -> Act | None:
        """What the finding under the cursor leads to."""
        row = self.findings.current
        return row.act if row is not None else None

    def begin(self, view: StudyView) -> None:
        """Choose the columns."""
        if view.study.kind not in REPEATED:
            self.arms.display = len(view.arms) > 1
            columns = arms.columns(view.study, view.arms)
            self.arms.set_columns(columns, "")

    def show(self, view: StudyView) -> None:
        """Show the arms."""
        if view.study.kind not in REPEATED and view.arms is not self._arms:
            self._arms = view.arms
            self.arms.show(view.arms)

    def stamp(self, view: StudyView) -> Hashable:
        """What was judged, and whether another verdict is on its way."""
        judge = self.desk.judge
        return judge.judged, judge.busy, view.study.total, self._ended(view)

    def _ended(self, view: StudyView) -> Hashable:
        return ended(view) if view.study.kind in REPEATED else None

    async def _draw_means(self, view: StudyView) -> None:
        """Compare reruns by their means, the best first."""
        rows = await self.desk.reader.ask(lambda _: mean_rows(view.trials))
        self.arms.set_columns(arms.mean_columns(view.study), "mean")
        self.arms.show(rows)

    async def draw(self, view: StudyView) -> None:
        """Say what was found."""
        if view.study.kind in REPEATED:
            await self._draw_means(view)
        judge = self.desk.judge
        lines = verdict_text.answer_lines(judge, view.study.total, busy=judge.busy)
        self.query_one("#answer-text", TextPane).say_lines(lines)
        found = verdict_text.rows(judge)
        self.findings.set_columns(_columns(found, verdict_text.counted(judge), self.size.width), "")
        self.findings.show(found)
        self.findings.styles.height = "auto" if found else 1
        self._tell()

    def on_resize(self, event: events.Resize) -> None:
        """Leave out the space between the parts where rows are few."""
        short = event.size.height < SHORT
        if short != self._short:
            self._short = short
            for part, most in FEW.items():
                styles = self.query_one(part).styles
                if short:
                    styles.max_height, styles.margin = most, 0
                else:  # as study.tcss says
                    styles.clear_rule("max_height")
                    styles.clear_rule("margin")
                    styles.refresh(layout=True)

    def take_focus(self) -> None:
        """Give the focus to the findings."""
        self.findings.focus()

    @on(Table.Moved, "#findings")
    def _tell(self) -> None:
        row, pane = self.findings.current, self.query_one("#verdict-text", TextPane)
        lines = list(row.lines) if row is not None else []
        if row is not None and row.act is not None and self.size.width < ROOMY:
            lines.append(Line(row.act.words, "$faded", 2))
        pane.say_lines(lines)
        pane.scroll_home(animate=False)

    @property
    def caption(self) -> Caption:
        """How many findings there are."""
        return Caption(*verdict_text.caption(self.desk.judge, busy=self.desk.judge.busy))

    @on(Table.Opened, "#findings")
    def _look(self) -> None:
        if self.act is not None:
            self.post_message(self.Look(self.act))

    @on(Table.Opened, "#arms-table")
    def _opened(self, message: Table.Opened) -> None:
        self.post_message(self.ArmChosen(str(message.key)))


def _columns(found: Sequence[Row], counts: str, width: int) -> list[Column[Row]]:
    """Give the columns for some rows in a pane; the first says how many there are."""
    signs = max((len(row.sign) for row in found), default=0)
    keys = max((len(row.act.words) for row in found if row.act), default=0)
    columns = [
        Column["Row"](
            "sign",
            counts,
            max(signs, len(counts)),
            lambda row: (row.sign, ROLES.get(row.sign[0], "")),
        ),
        Column["Row"]("about", "", 16, lambda row: (row.about, ""), grows=True),
    ]
    if keys and width >= ROOMY:
        words = Column["Row"](
            "act", "keys", keys, lambda row: (row.act.words if row.act else "", "dim")
        )
        columns.append(words)
    return columns
