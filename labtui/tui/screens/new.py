"""A study designed by hand: its fields, its hyperparameters, and what its design comes to, live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from labtui.store.errors import LabError, NoLab
from labtui.study.errors import display
from labtui.tui import draft_lines as lines
from labtui.tui import drafting, new_text
from labtui.tui.actions import bindings
from labtui.tui.draft_check import check, problem_text
from labtui.tui.draft_lines import LineError
from labtui.tui.draft_start import OWN, Begun, Choice, begin, choices, of_own, unwritable
from labtui.tui.drafting import Draft, Row
from labtui.tui.judging import in_background
from labtui.tui.new_text import Asked, Placed
from labtui.tui.next_text import file_lines
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.deciding import DecidingScreen, problem
from labtui.tui.screens.drafted import FORCE, FileScreen
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.draft_judged import Judged
    from labtui.tui.reader import Reader

PAUSE = 0.15
"""Seconds without an edit before a design is judged: below what a person feels as waiting, above
the distance of two keys that are held down."""

PANES = ("asked", "space", "judged", "yaml")

Taken = tuple[Draft, str, bool]
"""What a line makes of a draft, what it means in words, and whether that is unusual."""


@dataclass(frozen=True)
class Editing:
    """The line that is open: which table it is of, and what reads it."""

    table: str
    read: Callable[[str], Taken]


@dataclass(frozen=True)
class Trouble:
    """Why a study cannot be begun, and what to do."""

    title: str
    why: str
    step: str


class DraftLine(Input):
    """The line in which a field is written."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("draft-line")
    place = "draft-line"


class SpaceTable(Table[Placed]):
    """The hyperparameters, with the keys of their roles."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("draft-row") if getattr(one, "key", "") != "enter"
    ]


class NewScreen(DecidingScreen):
    """Designs a study, and has it trained."""

    CSS_PATH = "new.tcss"
    BINDINGS = bindings("new")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide"), (160, "-huge"), (200, "-vast")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - Textual's form
    chain_name = "new"
    reading = "reading…"

    def __init__(
        self,
        reader: Reader,
        *,
        workload: str | None = None,
        parent: str | None = None,
        kind: str | None = None,
    ) -> None:
        """Design a study.

        Args:
            reader: The lab, which need not exist yet.
            workload: What it tunes; without it, and without a parent, it is asked.
            parent: The study that it follows.
            kind: What kind of follow-up it begins as; see `labtui.study.followup.KINDS`.
        """
        super().__init__(reader)
        self._workload, self._follows, self._kind = workload, parent, kind
        self.begun: Begun | None = None
        self.draft: Draft | None = None
        self.judged: Judged | None = None
        self.saved: Draft | None = None
        self._history: list[tuple[Begun, Draft]] = []
        self._editing: Editing | None = None
        self._chosen = False

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
        super().on_mount()

    @property
    def topic(self) -> str:
        """What the help is about."""
        if self.has_class("-choosing"):
            return "workloads-to-tune"
        here = self.focused.id if self.focused is not None else ""
        return {"asked": "draft-asked", "judged": "draft-judged"}.get(here or "", "new")

    @property
    def twin(self) -> str:
        """The command that does the same without a screen."""
        if self.begun is None or self.draft is None:
            return "labtui init"
        if self.saved is not self.draft:
            return self.begun.asked
        return f"labtui run {_file_name(self.draft.name)}" + " --extend" * self.draft.extends

    # -- beginning --------------------------------------------------------------------------

    def seen(self, lab: Lab) -> object:
        """Read once: a draft is the person's, whatever the lab does meanwhile."""
        return True

    def say_error(self, error: LabError) -> None:
        """Begin without a lab; anything else is said on a card."""
        if not isinstance(error, NoLab):
            super().say_error(error)
        elif self._seen is None:
            self._seen = True
            self.do(self.reading, self.read, self.show)

    def read(self) -> Begun | list[Choice] | Trouble:
        """Begin as asked, or list what there is to choose from."""
        paths = self.reader.paths
        if self._workload is None and self._follows is None:
            return choices(paths)
        return self._begin(
            lambda: begin(paths, workload=self._workload, parent=self._follows, kind=self._kind)
        )

    def _begin(self, start: Callable[[], Begun]) -> Begun | Trouble:
        try:
            return start()
        except Exception as error:  # said on a card with the next step
            return Trouble("This study cannot be begun", clean(problem(error)), self._way_out())

    def _way_out(self) -> str:
        if self.query_one("#choices", Table).rows:
            return "esc goes back to the workloads · labtui trainers lists what is installed"
        return "q goes back · labtui trainers lists what is installed"

    def show(self, found: Begun | list[Choice] | Trouble) -> None:
        """Show the draft, or the choice of a workload, or what is in the way."""
        if isinstance(found, Trouble):
            self._stop(found)
        elif isinstance(found, Begun):
            self._take_up(found)
        else:
            self.query_one("#choices", Table).show(found)
            self.add_class("-choosing")
            self.query_one("#title", Static).update(
                new_text.title(None, saved=False, judging=False)
            )
            self.query_one("#choices").focus()

    def _stop(self, trouble: Trouble) -> None:
        self.query_one(Card).say(trouble.title, trouble.why, trouble.step, alarm=True)
        self.add_class("-stuck")

    def _take_up(self, begun: Begun) -> None:
        if self.begun is not None and self.draft is not None:
            self._history.append((self.begun, self.draft))
        self.begun, self.draft, self.judged = begun, begun.draft, None
        self.remove_class("-choosing", "-empty")
        self._refresh()
        self.query_one("#space").focus()
        why = unwritable(self.reader.paths)
        if why:
            step = "esc goes on: the study can be designed, and saved as a file\n\n"
            step += "to train it, name another lab: labtui --lab PATH"
            self._stop(Trouble("Nothing can be trained into this lab", clean(why), step))

    @on(Table.Opened, "#choices")
    def action_choose(self) -> None:
        """Begin with the workload under the cursor."""
        one: Choice | None = self.query_one("#choices", Table).current
        if one is None or self.busy:
            return
        paths = self.reader.paths
        if one.workload == OWN:
            self._ask_own()
        elif one.cannot:
            step = f"install it, or run its studies where it is · {self._way_out()}"
            self._stop(Trouble(f"{clean(one.workload)} has no trainer", clean(one.cannot), step))
        else:
            start = lambda: begin(paths, workload=one.workload, trainer=one.trainer)  # noqa: E731
            self.do("reading…", lambda: self._begin(start), self.show)

    def _ask_own(self) -> None:
        paths = self.reader.paths
        ask = AskScreen(
            "What trains, and its hyperparameters with their present values?",
            "As python:train.py:train learning_rate=0.1 width=64; also script:train.py … and "
            "command:./train …",
            value="python:train.py:train learning_rate=0.1",
            check=is_own_line,
        )

        def start(line: str | None) -> None:
            if line is not None:
                self.do("reading…", lambda: self._begin(lambda: of_own(paths, line)), self.show)

        self.app.push_screen(ask, start)

    # -- showing ----------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        """Whether there is something to lose."""
        begun = self.begun
        return begun is not None and self.draft not in (begun.draft, self.saved)

    def _refresh(self) -> None:
        """Show the draft with what is known of it, and have it judged."""
        self._show_draft()
        self._judge_soon()

    def _show_draft(self) -> None:
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
            new_text.twin(_file_name(draft.name), begun.asked, extends=draft.extends)
        )

    @work(exclusive=True, group="design", exit_on_error=False)
    async def _judge_soon(self) -> None:
        """Judge the draft on a thread of its own once the person pauses."""
        from labtui.tui.draft_judged import Judged, judge

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
        self._show_draft()
        self.query_one("#total", Static).update(new_text.total_text(judged))
        self.query_one("#judged", TextPane).say_lines(list(new_text.judged_lines(judged)))
        text = judged.text or "# Its file is shown as soon as nothing is wrong."
        self.query_one("#yaml", TextPane).say_lines(list(file_lines(text)))

    def _apply(self, draft: Draft) -> None:
        """Go on with another draft."""
        if self.begun is None or self.draft is None or draft == self.draft:
            return
        self._history.append((self.begun, self.draft))
        self.draft = self.begun.suggest(draft)
        self.tell("")
        self._refresh()

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

    # -- editing ----------------------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        """The hyperparameter under the cursor."""
        found: Placed | None = self.query_one("#space", Table).current
        return found.row if found is not None else None

    @on(Table.Opened, "#asked")
    @on(Table.Opened, "#space")
    def action_edit(self) -> None:
        """Open the line of what is under the cursor."""
        if self.focused is self.query_one("#asked"):
            self._edit_field()
        elif (row := self.row) is not None:
            self._edit_row(row)

    def _edit_field(self) -> None:
        one: Asked | None = self.query_one("#asked", Table).current
        draft, begun = self.draft, self.begun
        if one is None or draft is None or begun is None:
            return
        if one.field.key == "workload" and begun.is_declared:
            self.do("reading…", lambda: choices(self.reader.paths), self.show)
            return

        def read(line: str) -> Taken:
            made = drafting.put(draft, one.field.path, one.field.read(line))
            _, problems = check(made.document, whole=False)
            for each in problems:
                if each.path == one.field.key or each.path.startswith(f"{one.field.key}."):
                    raise LineError(problem_text(each))
            counts = one.field.path[0] in ("budget", "design")
            return made, new_text.arms_words(made.document) if counts else "", False

        value = draft.get(one.field.path)
        value = one.field.default if value is None else value
        self._open_line("asked", one.field.label, one.field.write(value), one.field.about, read)

    def _edit_row(self, row: Row) -> None:
        draft = self.draft
        if draft is None:
            return
        own = row.candidate.value if row.candidate is not None else None
        before = row.definition or {"role": "fixed", "value": own}

        def read(line: str) -> Taken:
            found = lines.read_domain(line, before, row.candidate)
            made = drafting.define(draft, row, found)
            words, odd = lines.domain_words(found, row.candidate)
            arms = new_text.arms_words(made.document) if row.role == "scientific" else ""
            return made, f"{words} · {arms}" if arms else words, odd

        hint = new_text.row_hint(row)
        self._open_line("space", new_text.row_label(row), lines.domain_line(before), hint, read)

    def action_condition(self) -> None:
        """Open the line of the condition under which a hyperparameter exists."""
        draft, row = self.draft, self.row
        if draft is None or row is None:
            return
        if row.index < 0:
            self.tell(f"{row.name} is left at its default: give it a role first (s n f)")
            return

        def read(line: str) -> Taken:
            when = lines.read_condition(line, row.name, draft.definitions)
            words = "only then" if when else "always"
            return drafting.set_condition(draft, row, when), words, False

        hint = "as optimizer=adam|nadam, schedule=cosine; nothing: always (P07)"
        label = f"{clean(row.name)} when"
        self._open_line("space", label, lines.condition_line(row.definition), hint, read)

    def action_add(self) -> None:
        """Open the line for a hyperparameter that only the person's script knows."""
        draft, begun = self.draft, self.begun
        if draft is None or begun is None:
            return
        if begun.is_declared:
            self.tell("this trainer says what its workload has: every name is in the table")
            return

        def read(line: str) -> Taken:
            name, equals, value = line.partition("=")
            name = name.strip()
            if not equals or not name or not value.strip():
                raise LineError(f"found {display(line)}; expected name=value, as width=64")
            if name in draft.definitions:
                raise LineError(f"{name} is there already; d defines it once more")
            found = lines.read_domain(value, {"role": "fixed"}, None)
            return drafting.add_name(draft, name, found["value"]), "fixed; s n f change that", False

        self._open_line("space", "new hyperparameter", "", "as width=64", read)

    def _open_line(
        self, table: str, label: str, value: str, hint: str, read: Callable[[str], Taken]
    ) -> None:
        self._editing = Editing(table, read)
        self.tell("")
        self.query_one("#label", Static).update(clean(label))
        self.query_one("#hint", Static).update(clean(hint))
        self.query_one("#edit").add_class("-open")
        self.query_one("#design").add_class("-editing")
        line = self.query_one("#line", DraftLine)
        with self.prevent(Input.Changed):
            line.value = value
        line.cursor_position = len(value)
        line.focus()

    @on(Input.Changed, "#line")
    def _say_what_it_means(self, event: Input.Changed) -> None:
        if self._editing is None:
            return
        hint = self.query_one("#hint", Static)
        try:
            _, words, odd = self._editing.read(event.value)
        except LineError as error:
            hint.update(new_text.verdict("✗", str(error), "$text-error"))
        else:
            sign, style = ("!", "$text-warning") if odd else ("✓", "$text-success")
            hint.update(new_text.verdict(sign, words, style))

    @on(Input.Submitted, "#line")
    def _set(self) -> None:
        self.action_take(0)

    def action_take(self, onward: int) -> None:
        """Take what the line says, unless it is wrong; then edit the next or the one before."""
        editing, line = self._editing, self.query_one("#line", DraftLine)
        if editing is None:
            return
        try:
            draft, _, _ = editing.read(line.value)
        except LineError as error:
            self.query_one("#hint", Static).update(new_text.verdict("✗", str(error), "$text-error"))
            return
        self.action_drop_line()
        self._apply(draft)
        if onward:
            table = self.query_one(f"#{editing.table}", Table)
            table.action_cursor(onward)
            self.call_after_refresh(self.action_edit)

    def action_drop_line(self) -> None:
        """Close the line."""
        editing, self._editing = self._editing, None
        self.query_one("#edit").remove_class("-open")
        self.query_one("#design").remove_class("-editing")
        if editing is not None:
            self.query_one(f"#{editing.table}").focus()

    def action_role(self, role: str) -> None:
        """Give the hyperparameter under the cursor a role."""
        draft, row = self.draft, self.row
        if draft is None or row is None or row.role == role:
            return
        made = drafting.set_role(draft, row, role)
        others = [
            name
            for name in {*made.definitions, *draft.definitions}
            if name != row.name and made.definitions.get(name) != draft.definitions.get(name)
        ]
        self._apply(made)
        if others:
            told = ", ".join(sorted(others))
            self.tell(f"{row.name} decides what exists: proposed anew: {told} (u takes it back)")

    def action_double(self) -> None:
        """Define the hyperparameter under the cursor once more."""
        if self.draft is not None and (row := self.row) is not None and row.index >= 0:
            self._apply(drafting.add_definition(self.draft, row))
            self.tell("w says for which values of others each of them holds")

    def action_leave_out(self) -> None:
        """Take the hyperparameter under the cursor out of the study."""
        if self.draft is not None and (row := self.row) is not None:
            self._apply(drafting.leave_out(self.draft, row))

    def action_propose(self) -> None:
        """Propose the roles again of what nobody has set."""
        draft = self.draft
        if draft is None:
            return
        if not draft.reasons:
            self.tell("this study follows another one: its roles are that study's")
            return
        made = drafting.propose(draft)
        self._apply(made)
        if made == draft:
            self.tell("the roles are as they would be proposed")

    def action_undo(self) -> None:
        """Take the last change back."""
        if not self._history:
            self.tell("there is nothing to take back")
            return
        self.begun, self.draft = self._history.pop()
        self.tell("")
        self._refresh()

    def action_other(self, direction: int) -> None:
        """Go to the next pane, or to the one before."""
        shown = [p for p in PANES if self.query_one(f"#{p}").display]
        here = self.focused.id if self.focused is not None else None
        place = shown.index(here) if here in shown else -direction
        self.query_one(f"#{shown[(place + direction) % len(shown)]}").focus()

    # -- saving and training ----------------------------------------------------------------

    def _ready(self) -> Judged | None:
        """Give the verdict on the draft as it is; says why there is none to go on with."""
        judged = self.judged
        if self.draft is None or self.busy:
            return None
        if self._editing is not None:
            self.tell("a line is open: enter takes it, esc drops it")
            return None
        if judged is None or judged.draft is not self.draft:
            self.tell("its design is being judged: press it again")
            return None
        if not judged.is_good:
            first = next(iter(judged.problems), None)
            told = f"{first.path}: {problem_text(first)}" if first is not None else judged.trouble
            self.tell(f"not a study yet: {told}", alarm=True)
            return None
        return judged

    def action_file(self) -> None:
        """Show the file, and write it if wanted."""
        from labtui.tui.draft_judged import file_of, save

        judged = self._ready()
        if judged is None:
            return
        file = file_of(judged.draft.name)

        def written(answer: str | None) -> None:
            if answer is not None:
                self.do("writing…", lambda: save(judged), lambda _: self._is_saved(judged))

        detail = "It is written over no other file; `labtui run` trains it later."
        self.app.push_screen(FileScreen(f"Write {clean(str(file))}?", detail, judged.text), written)

    def _is_saved(self, judged: Judged) -> None:
        from labtui.tui.draft_judged import file_of

        self.saved = judged.draft
        self._show_draft()
        self.tell(f"{file_of(judged.draft.name)}: written; R trains it")

    def action_run(self) -> None:
        """Show the file, ask once, and have it trained."""
        from labtui.tui.draft_judged import file_of, train

        judged, begun = self._ready(), self.begun
        if judged is None or begun is None or judged.plan is None:
            return
        paths = self.reader.paths

        def begin_it(answer: str | None) -> None:
            if answer is not None:
                self.do(
                    f"handing {judged.draft.name} to the runner…",
                    lambda: train(paths, begun, judged, force=answer == FORCE),
                    self._opened,
                )

        refused, final = new_text.refusal(judged)
        already = begun.parent.total if judged.draft.extends and begun.parent else 0
        screen = FileScreen(
            new_text.question(judged, already),
            new_text.cost(judged, file_of(judged.draft.name)),
            judged.text,
            refused=refused,
            final=final,
        )
        self.app.push_screen(screen, begin_it)

    def _opened(self, name: str) -> None:
        self.saved = self.draft
        self.open_study(name)

    # -- leaving ----------------------------------------------------------------------------

    def ask_to_leave(self) -> bool:
        """Ask before a draft is lost; false where there is nothing to lose."""
        if self.has_class("-stuck") or not self.is_changed:
            return False
        ask = AskScreen(
            "Leave without saving this study?",
            "enter leaves, and the draft is gone · esc stays; v writes it into a file",
        )

        def leave(answer: str | None) -> None:
            if answer is not None:
                self.app.pop_screen()

        self.app.push_screen(ask, leave)
        return True

    def step_back(self) -> bool:
        """Close the card, or the choice of another workload, or ask before a draft is lost."""
        if self.has_class("-stuck") and (self.draft or self.query_one("#choices", Table).rows):
            self.remove_class("-stuck")
            self.settle_focus()
            return True
        if self.has_class("-choosing") and self.draft is not None:
            self.remove_class("-choosing")
            self._show_draft()
            self.query_one("#space").focus()
            return True
        return self.ask_to_leave()


def _file_name(name: str) -> str:
    from labtui.study.spec import slug

    return f"{slug(name)}.yaml"


def is_own_line(line: str) -> str:
    """Say what is wrong with a line about a person's own trainer; empty for nothing."""
    from labtui.verdicts.scaffolding import is_own

    trainer, *params = line.split() or [""]
    if not is_own(trainer):
        return f"found {trainer!r}; expected python:, script: or command: with what it runs"
    wrong = next((one for one in params if not one.partition("=")[2]), None)
    if wrong is not None or not params:
        return f"found {wrong or 'no hyperparameter'}; expected name=value, as learning_rate=0.1"
    return ""
