"""Editing a draft: a line that is checked as it is typed, and the keys of the roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input, Static

from labtui.study.errors import display
from labtui.tui import new_text
from labtui.tui.actions import key_of, with_keys
from labtui.tui.drafts import drafting
from labtui.tui.drafts import lines as lines
from labtui.tui.drafts.check import check, problem_text
from labtui.tui.drafts.drafting import Draft, Row
from labtui.tui.drafts.lines import LineError
from labtui.tui.drafts.start import choices
from labtui.tui.new_text import Asked
from labtui.tui.screens.designing import DesigningScreen, DraftLine
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.tui.reader import Reader

Taken = tuple[Draft, str, bool]
"""What a line makes of a draft, what it means in words, and whether that is unusual."""

ROLE_KEYS = "{draft-row.scientific} {draft-row.nuisance} {draft-row.fixed}"
"""The keys that give a role, in texts."""


@dataclass(frozen=True)
class Editing:
    """The line that is open: which table it is of, and what reads it."""

    table: str
    read: Callable[[str], Taken]


class EditingScreen(DesigningScreen):
    """Edits a draft by keyboard."""

    def __init__(self, reader: Reader) -> None:
        """Begin without an open line."""
        super().__init__(reader)
        self._editing: Editing | None = None

    @property
    def is_editing(self) -> bool:
        """Whether a line is open."""
        return self._editing is not None

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
            roles = with_keys(ROLE_KEYS)
            self.tell(f"{row.name} is left at its default: give it a role first ({roles})")
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

        again, roles = key_of("draft-row.double"), with_keys(ROLE_KEYS)

        def read(line: str) -> Taken:
            name, equals, value = line.partition("=")
            name = name.strip()
            if not equals or not name or not value.strip():
                raise LineError(f"found {display(line)}; expected name=value, as width=64")
            if name in draft.definitions:
                raise LineError(f"{name} is there already; {again} defines it once more")
            found = lines.read_domain(value, {"role": "fixed"}, None)
            words = f"fixed; {roles} change that"
            return drafting.add_name(draft, name, found["value"]), words, False

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
        self.apply(draft)
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
        self.apply(made)
        if others:
            told = ", ".join(sorted(others))
            back = f"({key_of('new.undo')} takes it back)"
            self.tell(f"{row.name} decides what exists: proposed anew: {told} {back}")

    def action_double(self) -> None:
        """Define the hyperparameter under the cursor once more."""
        if self.draft is not None and (row := self.row) is not None and row.index >= 0:
            self.apply(drafting.add_definition(self.draft, row))
            when = key_of("draft-row.when")
            self.tell(f"{when} says for which values of others each of them holds")

    def action_leave_out(self) -> None:
        """Take the hyperparameter under the cursor out of the study."""
        if self.draft is not None and (row := self.row) is not None:
            self.apply(drafting.leave_out(self.draft, row))

    def action_propose(self) -> None:
        """Propose the roles again of what nobody has set."""
        draft = self.draft
        if draft is None:
            return
        if not draft.reasons:
            self.tell("this study follows another one: its roles are that study's")
            return
        made = drafting.propose(draft)
        self.apply(made)
        if made == draft:
            self.tell("the roles are as they would be proposed")
