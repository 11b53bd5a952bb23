"""A workload: what is to be done, the lineage of its baselines, its card, and giving one up."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.actions import bindings, key_of
from labtui.tui.screens.ask import AskScreen, is_reason
from labtui.tui.screens.deciding import DecidingScreen
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean, cut, number

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.reader import Reader
    from labtui.verdicts.card import Card
    from labtui.verdicts.lineage_tree import Node
    from labtui.verdicts.remarks import Subject

PANES = ("lineage", "card")
"""In the order of their keys."""

BESIDE, TALL = 140, 34
"""Columns from which both panes stand side by side; rows from which they stand on one another."""


class Quiet(TextPane, can_focus=False):
    """Text that follows a cursor elsewhere."""


class WorkloadScreen(RemarkingScreen, DecidingScreen):
    """What is known of a workload."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["telling.tcss", "workload.tcss"]
    BINDINGS = [*bindings("workload"), *bindings("remark")]  # noqa: RUF012 - Textual's own form
    chain_name = "workload"
    reading = "reading…"

    def __init__(self, reader: Reader, workload: str) -> None:
        """Show the workload of that name."""
        super().__init__(reader)
        self.name_of_study = workload
        self.card: Card | None = None
        self.nodes: list[Node] = []
        self._active = "lineage"

    @property
    def subject(self) -> Subject:
        """The workload."""
        from labtui.verdicts.remarks import Subject

        return Subject(self.name_of_study, "workload")

    @property
    def twin(self) -> str:
        """The command that says the same."""
        command = "lineage" if self._active == "lineage" else "workload"
        return f"labtui {command} {shlex.quote(clean(self.name_of_study))}"

    @property
    def current(self) -> Node | None:
        """The node of the baseline; None without one."""
        return next((one for one in self.nodes if one.state == "current"), None)

    @property
    def before(self) -> Node | None:
        """The node of the baseline before the current one; None where there was none."""
        card = self.card
        parent = card.baseline.parent if card is not None and card.baseline is not None else None
        return next((one for one in self.nodes if one.baseline == parent is not None), None)

    def compose_body(self) -> Iterable[Widget]:
        """Lay out what is to be done, the panes, and the line that says how things ended."""
        yield Static(f"Workload  {clean(self.name_of_study)}", id="title", markup=False)
        yield Static(id="todo")
        with Container(id="panes"):
            with Vertical(id="lineage", classes="pane"):
                yield Table["Node"](lambda one: one.key, place="lineage", id="tree")
                yield Quiet(place="text", id="node-text")
            with Vertical(id="card", classes="pane"):
                yield TextPane(place="text", id="card-text")
        yield Static(id="said", markup=False)

    def seen(self, lab: Lab) -> object:
        """Read it anew when something was decided, noted, or a study has ended."""
        name = self.name_of_study
        studies = [(one.name, one.state) for one in lab.studies() if one.workload == name]
        launches = [(one.id, one.updated) for one in lab.launches(workload=name)]
        baselines = [(one.id, one.rolled_back) for one in lab.baselines(name)]
        tags = lab.tags().get(self.subject.key)
        return studies, launches, baselines, len(lab.workload_notes(name)), tags

    def read(self) -> tuple[Card, list[Node]]:
        """Read its card and its lineage."""
        from labtui.store.lab import Lab
        from labtui.verdicts.card import read_card
        from labtui.verdicts.lineage_tree import lineage_tree

        with Lab(self.reader.paths) as lab:
            return read_card(lab, self.name_of_study), lineage_tree(lab, self.name_of_study)

    def show(self, told: tuple[Card, list[Node]]) -> None:
        """Say it; the cursor begins on the baseline and stays where it is put."""
        from labtui.tui import workload_text

        first = self.card is None
        self.card, self.nodes = told
        self.query_one("#card-text", TextPane).say_lines(list(workload_text.lines(self.card)))
        table: Table[Node] = self.query_one("#tree", Table)
        if first:
            table.set_columns(workload_text.columns(), "")
        table.show(self.nodes)
        if first and self.current is not None:
            table.go_to(self.current.key)
        self._show_node()
        self._arrange()
        if first:
            self.action_show("lineage" if self.nodes else "card")
        self.refresh_bindings()

    # -- the panes --------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Show the panes that fit."""
        self._arrange()

    @on(Table.Moved)
    def _show_node(self) -> None:
        """Say all of the node under the cursor."""
        from labtui.tui.workload_text import node_lines

        table: Table[Node] = self.query_one("#tree", Table)
        node = table.current
        text = self.query_one("#node-text", TextPane)
        text.say_lines(node_lines(node) if node is not None else [])

    @on(Table.Opened)
    def action_open(self) -> None:
        """Open the launch of the node under the cursor, else the study that it is from."""
        from labtui.tui.screens.launch import LaunchScreen
        from labtui.tui.screens.study import StudyScreen

        table: Table[Node] = self.query_one("#tree", Table)
        node = table.current
        if node is None:
            return
        if node.launch is not None and node.trial:
            screen = LaunchScreen(self.reader, node.study, node.trial, node.launch)
            self.app.push_screen(screen)
        elif node.study:
            self.app.push_screen(StudyScreen(self.reader, node.study))
        else:
            self.tell(f"{node.key} was set by hand, and is from no study of this lab")

    def action_show(self, name: str) -> None:
        """Go to a pane."""
        self._active = name
        self._arrange()
        self.query_one("#tree" if name == "lineage" else "#card-text").focus()

    def action_pane(self, step: int) -> None:
        """Go to the next pane."""
        self.action_show(PANES[(PANES.index(self._active) + step) % len(PANES)])

    def _arrange(self) -> None:
        width, height = self.app.size
        beside, tall = width >= BESIDE, height >= TALL
        shown = set(PANES) if beside or tall else {self._active}
        if not self.nodes:
            shown = {"card"}
        for name in PANES:
            self.query_one(f"#{name}").set_class(name not in shown, "-gone")
        self.set_class(beside, "-beside")
        self.set_class(len(shown) > 1, "-framed")
        self.set_class(not tall, "-short")
        self._label(shown, width)
        self._say_to_do(width, tall=tall)

    def _label(self, shown: set[str], width: int) -> None:
        """Write the title: what it is, its panes where one is shown, and the command."""
        from labtui.tui.workload_text import title

        heading = f"Workload  {clean(self.name_of_study)}"
        if self.card is not None:
            heading = title(self.card, self.nodes)
        for place, name in enumerate(PANES, 1):
            self.query_one(f"#{name}").border_title = Content(f"{place} {name}")
        parts: list[tuple[str, str]] = [(heading, ""), ("  ", "")]
        for place, name in enumerate(PANES, 1) if len(shown) == 1 and self.nodes else ():
            active = name == self._active
            style = "$text-primary bold reverse" if active else "$faded"
            words = f" {place} {name} " if active else f"{place} {name}"
            parts += [(words, f"{style} @click=screen.show('{name}')"), (" ", "")]
        room = width - 2 - sum(len(text) for text, _ in parts)
        twin = f"= {self.twin}"
        if len(twin) <= room:
            parts.append((twin.rjust(room), "$faded not bold"))
        self.query_one("#title", Static).update(Content.assemble(*parts))

    def _say_to_do(self, width: int, *, tall: bool) -> None:
        """Write what is to be done: as much as the screen has room for, the rest counted."""
        from labtui.tui.workload_text import to_do

        tasks = to_do(self.card) if self.card is not None else []
        most = 4 if tall else 2
        shown = tasks if len(tasks) <= most else tasks[: most - 1]
        parts: list[tuple[str, str]] = []
        for task in shown:
            room = max(width - 6, 20)
            parts.append((f"→ {cut(task, room)}\n", "$text-accent"))
        if len(shown) < len(tasks):
            more = number(len(tasks) - len(shown))
            parts.append((f"→ and {more} more: 2 card has them all\n", "$faded"))
        todo = self.query_one("#todo", Static)
        todo.set_class(not tasks, "-gone")
        todo.update(Content.assemble(*parts).rstrip())

    # -- deciding ---------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done as it stands."""
        if action == "roll_back":
            return self.before is not None
        return True

    def action_roll_back(self) -> None:
        """Ask why the baseline is given up, and give it up."""
        given, back = self.current, self.before
        if self.busy or given is None or back is None:
            return
        undone = ", ".join(_turned(given.changes))
        ask = AskScreen(
            f"Roll {given.key} back? Why?",
            f"{back.key.capitalize()}{f' ({clean(back.trial)})' if back.trial else ''} becomes the "
            f"baseline again{f': {undone}' if undone else ''}. Both stay in the lineage.",
            value="",
            check=is_reason,
        )
        self.app.push_screen(ask, self._roll_back)

    def action_baseline(self) -> None:
        """Ask for a trial that is to be the baseline without fresh evidence, then why."""
        if self.busy:
            return
        ask = AskScreen(
            "Which trial is to be the baseline, as STUDY/17?",
            "By hand, without fresh reruns; a launch compares it first "
            f"({key_of('trial.launch')} on the trial).",
            value="",
            check=is_trial,
        )
        self.app.push_screen(ask, self._ask_why)

    def action_new_study(self) -> None:
        """Design a study of this workload."""
        from labtui.tui.screens.new import NewScreen

        self.app.push_screen(NewScreen(self.reader, workload=self.name_of_study))

    def _ask_why(self, trial: str | None) -> None:
        if trial:
            now = self.current.key if self.current is not None else "no baseline"
            ask = AskScreen(
                f"Make {clean(trial)} the baseline? Why?",
                f"It takes the place of {now}, which stays in the lineage.",
                value="",
                check=is_reason,
            )
            self.app.push_screen(ask, lambda reason: self._set_baseline(trial, reason))

    def _set_baseline(self, trial: str, reason: str | None) -> None:
        from labtui.verdicts.card import set_by_hand

        paths, name = self.reader.paths, self.name_of_study
        if reason:
            self.do(
                "recording…",
                lambda: set_by_hand(paths, name, trial, reason),
                lambda made: self.tell(f"{made[0]} is baseline {made[1]}"),
            )

    def _roll_back(self, reason: str | None) -> None:
        from labtui.engine.asking import roll_back

        node = self.current
        given = None if node is None else node.baseline
        paths, name = self.reader.paths, self.name_of_study
        if reason and given is not None:
            self.do(
                "rolling back…",
                lambda: roll_back(paths, name, given, reason),
                lambda now: self.tell(f"baseline {given} was rolled back; {now} is the baseline"),
            )


def is_trial(answer: str) -> str:
    """Say what is wrong with the name of a trial; empty for nothing."""
    study, slash, of_it = answer.rpartition("/")
    if study and slash and of_it.isdecimal():
        return ""
    return f"found {answer!r}; expected a trial as STUDY/17"


def _turned(changes: Iterable[str]) -> list[str]:
    """Turn ``rate 0.1 → 0.3`` round."""
    found = []
    for change in changes:
        name, _, values = change.partition(" ")
        old, _, new = values.partition(" → ")
        found.append(f"{name} {new} → {old}")
    return found
