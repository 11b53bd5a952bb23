"""Writing notes and tags about what a screen shows."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from textual import work
from textual.app import SuspendNotSupported

from labtui.store.errors import LabError
from labtui.tui.actions import key_of
from labtui.tui.background import in_background
from labtui.tui.editing import EDITORS, write_in_editor
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.base import LiveScreen
from labtui.tui.screens.deciding import announce, problem
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.verdicts.remarks import Subject


class RemarkingScreen(LiveScreen):
    """A screen about something that notes and tags can be given to."""

    @property
    @abstractmethod
    def subject(self) -> Subject | None:
        """What a note is on: what is under the cursor, else what is shown; None for nothing."""

    def action_note(self) -> None:
        """Ask for a note, and store it; an empty one is written in the person's editor."""
        about = self.subject
        if about is not None:
            ask = AskScreen(
                f"A note on the {about.kind} {clean(about.name)}",
                f"{key_of('ask.yes')} on an empty line opens your editor ($VISUAL or $EDITOR).",
                value="",
                check=is_note,
            )
            self.app.push_screen(ask, lambda text: self._noted(about, text))

    async def action_tags(self) -> None:
        """Ask for the tags that it is to have."""
        from labtui.verdicts.remarks import tags_of

        about = self.subject
        if about is None:
            return
        try:
            has = await self.reader.ask(lambda lab: tags_of(lab, about))
        except LabError as error:
            self.say_error(error)
            return
        ask = AskScreen(
            f"The tags of the {about.kind} {clean(about.name)}",
            "Words with a space between them; what you take out of the line is taken away.",
            value=" ".join(has),
            check=are_tags,
        )
        self.app.push_screen(ask, lambda text: self._tagged(about, has, text))

    def _noted(self, about: Subject, text: str | None) -> None:
        from labtui.verdicts.remarks import store_note

        paths = self.reader.paths
        if text:
            self._store(lambda: store_note(paths, about, text), lambda _: f"noted on {about.name}")
        elif text is not None:
            try:
                with self.app.suspend():
                    done, said = write_in_editor(paths, about)
            except SuspendNotSupported:
                done, said = False, "this terminal cannot be lent to an editor; write it here"
            except OSError as error:
                done, said = False, problem(error)
            announce(self, said, alarm=not done)

    def _tagged(self, about: Subject, had: list[str], text: str | None) -> None:
        from labtui.verdicts.remarks import change_tags

        if text is None:
            return
        paths, wanted = self.reader.paths, words(text, had)
        add = [tag for tag in wanted if tag not in had]
        remove = [tag for tag in had if tag not in wanted]
        if add or remove:
            self._store(
                lambda: change_tags(paths, about, add, remove),
                lambda has: f"tags of {about.name}: {', '.join(has) or 'none'}",
            )

    @work(group="remark", exit_on_error=False)
    async def _store(self, deed: Callable[[], object], told: Callable[..., str]) -> None:
        """Store something on a thread of its own, and say how that ended."""
        try:
            found = await in_background(deed)
        except Exception as error:  # said; the screen goes on
            announce(self, f"not stored: {problem(error)}", alarm=True)
        else:
            announce(self, told(found))


def words(text: str, has: Collection[str] = ()) -> list[str]:
    """Give the tags in a line, each once: separated by spaces or commas.

    Tags are shown as ``#paper``, so that they may be typed likewise, save where a tag that it
    `has` begins with that sign itself.
    """
    found = text.replace(",", " ").split()
    return list(dict.fromkeys(one if one in has else one.removeprefix("#") for one in found))


def are_tags(text: str) -> str:
    """Say what is wrong with a line of tags; empty for nothing."""
    from labtui.verdicts.remarks import tag_problem

    return next(filter(None, map(tag_problem, words(text))), "")


def is_note(text: str) -> str:
    """Say what is wrong with a note; empty for nothing: an editor has yet to open, say."""
    if text or any(os.environ.get(name, "").strip() for name in EDITORS):
        return ""
    return "found no text, and neither $VISUAL nor $EDITOR to write one with"
