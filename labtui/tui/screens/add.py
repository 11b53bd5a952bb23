"""One question: which study or trial is added to a comparison."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.suggester import Suggester
from textual.widgets import Input, Static

from labtui.store.errors import LabError
from labtui.tui.screens.ask import AnswerLine, AskScreen
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.reader import Reader

MOST_LISTED = 8
"""Names that are listed below the line: with its frame they fit into 24 rows."""

HINT = "→ completes a name; STUDY/ lists its trials"


class _Rest(Suggester):
    """Completes the name that is being typed by the first one that begins so."""

    def __init__(self, offered: Callable[[str], Awaitable[list[str]]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._offered = offered

    async def get_suggestion(self, value: str) -> str | None:
        found = await self._offered(value)
        return next((name for name in found if name.startswith(value)), None)


class AddScreen(AskScreen):
    """Asks for a name, and completes it."""

    def __init__(self, reader: Reader, names: Sequence[str]) -> None:
        """Ask for another name than `names`."""
        said = clean(", ".join(names))
        super().__init__(f"Compare {said} with", HINT, value="", check=self._is_known)
        self.reader = reader
        self._taken = set(names)
        self._studies: list[str] = []
        self._known: dict[str, list[str]] = {}

    def on_mount(self) -> None:
        """Show the keys, and read the names."""
        self.query_one(AnswerLine).suggester = _Rest(self._offered)
        self._offer("")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._offer(message.value.strip())

    @work(exclusive=True, group="offer", exit_on_error=False)
    async def _offer(self, typed: str) -> None:
        """List the names that begin as what was typed."""
        found = await self._offered(typed)
        more = f"\n… and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
        listed = "\n".join(map(clean, found[:MOST_LISTED])) or "no such name"
        self.query_one("#detail", Static).update(f"{HINT}\n\n{listed}{more}")
        self.query_one("#problem", Static).update("")

    async def _offered(self, typed: str) -> list[str]:
        """Give the names that hold what was typed, those that begin so first."""
        study = typed.rpartition("/")[0]
        try:
            if not self._studies:
                self._studies = await self.reader.ask(lambda lab: [s.name for s in lab.studies()])
            if study in self._studies and study not in self._known:
                self._known[study] = await self.reader.ask(lambda lab: _trials(lab, study))
        except LabError:  # the screen below says so
            return []
        pool = self._known.get(study, []) if "/" in typed else self._studies
        low = typed.casefold()
        found = [name for name in pool if low in name.casefold() and name not in self._taken]
        return sorted(found, key=lambda name: not name.startswith(typed))

    def _is_known(self, answer: str) -> str:
        import difflib

        known = [*self._studies, *(name for names in self._known.values() for name in names)]
        if answer in self._taken:
            return f"{clean(answer)} is there already"
        if answer in known:
            return ""
        near = difflib.get_close_matches(answer, known, n=1)
        guess = f" — did you mean {clean(near[0])}?" if near else ""
        return f"no study or trial {clean(answer)!r}{guess}"


def _trials(lab: Lab, study: str) -> list[str]:
    """Name the trials of a study that trained at all, the best first."""
    from labtui.analysis.ranking import ranked

    trials = [one for one in lab.trials(study) if one.step]
    order = ranked([one.value for one in trials], lab.study(study).minimize)
    return [trials[place].name for place in order]
