"""One question before something is trained or decided; answered with Enter or Escape."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from labtui.tui.actions import EVERYWHERE, app_keys, bindings, help_key, key_line
from labtui.tui.widgets.keyline import KeyLine

MOST = 999
"""Reruns that can be asked for at once: it keeps a slip of the hand from filling the queue."""

Check = Callable[[str], str]


class AnswerLine(Input):
    """The line in which a question is answered."""

    place = "ask"


class AskScreen(ModalScreen[str]):
    """Asks whether to, and if wanted how often or why; nothing is given for no."""

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ask"), *app_keys(*EVERYWHERE)]
    chain_name = "ask"

    def __init__(
        self,
        question: str,
        detail: str = "",
        *,
        value: str | None = None,
        check: Check | None = None,
        hint: str = "",
    ) -> None:
        """Ask a question.

        Args:
            question: What is asked; clean.
            detail: What follows from it; clean.
            value: What stands in the line for the answer; None for no line.
            check: Says what is wrong with an answer; empty for nothing.
            hint: What an empty line says.
        """
        super().__init__()
        self._question, self._detail = question, detail
        self._value, self._check = value, check
        self._hint = hint or ("why: kept with the decision" if check is is_reason else "")

    def compose(self) -> ComposeResult:
        """Lay out the question, and the line for the answer."""
        with Vertical(id="ask"):
            yield Static(self._question, id="question", markup=False)
            yield Static(self._detail, id="detail", markup=False)
            if self._value is not None:
                yield AnswerLine(self._value, placeholder=self._hint, compact=True, id="answer")
            yield Static(id="problem", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the keys."""
        self.query_one(KeyLine).show([*key_line("ask"), help_key(self)], leaving="no")

    @on(Input.Submitted)
    def action_yes(self) -> None:
        """Give the answer, unless something is wrong with it."""
        lines = self.query(AnswerLine)
        answer = lines.first().value.strip() if lines else ""
        problem = self._check(answer) if self._check is not None else ""
        if problem:
            self.query_one("#problem", Static).update(problem)
        elif self.app.screen is self:  # two keys may come in one lot: one answer
            self.dismiss(answer)


def is_count(answer: str) -> str:
    """Say what is wrong with a number of reruns; empty for nothing."""
    if answer.isdecimal() and 1 <= int(answer) <= MOST:
        return ""
    return f"found {answer!r}; expected a number from 1 to {MOST}"


def is_reason(answer: str) -> str:
    """Say what is wrong with a reason; empty for nothing."""
    return "" if answer else "say why: it is kept with the decision"
