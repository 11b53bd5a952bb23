"""What the screens have in common that have something trained or decided."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual import work
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from labtui.store.errors import LabError
from labtui.study.errors import StudyError
from labtui.tui.background import in_background
from labtui.tui.screens.base import LiveScreen
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from labtui.store.lab import Lab
    from labtui.tui.reader import Pulse, Reader

T = TypeVar("T")


class OpenStudy(Message):
    """A study is to be shown."""

    def __init__(self, study: str) -> None:
        """Remember which."""
        super().__init__()
        self.study = study


class DecidingScreen(LiveScreen):
    """Asks the lab's runner on threads of its own, and says on a line how that ended.

    The line is the widget ``#said`` of its body.
    """

    reading = ""
    """What is said while it reads for the first time."""

    def __init__(self, reader: Reader) -> None:
        """Begin with nothing under way."""
        super().__init__(reader)
        self.busy = False
        self._seen: object = None
        self._missed: Pulse | None = None

    # -- reading ----------------------------------------------------------------------------

    @abstractmethod
    def seen(self, lab: Lab) -> object:
        """Give what tells when to read anew; it must be quick."""

    @abstractmethod
    def read(self) -> Any:
        """Read what is shown, on a thread that may take its time; it must not touch the screen."""

    @abstractmethod
    def show(self, found: Any) -> None:
        """Show what `read` gave."""

    async def follow(self, pulse: Pulse) -> None:
        """Read anew when something that counts has changed."""
        seen = None if self.busy else await self.reader.ask(self.seen)
        if self.busy:
            self._missed = pulse
        elif seen != self._seen:
            said = self.reading if self._seen is None else ""
            self._seen = seen
            self.do(said, self.read, self.show)

    # -- doing ------------------------------------------------------------------------------

    def tell(self, text: str, *, alarm: bool = False) -> None:
        """Say something on the line; empty to take it away."""
        line = self.query_one("#said", Static)
        sign = "✗ " if alarm else ""
        line.update(Content.styled(f"{sign}{clean(text)}" if text else "", "$text-error" * alarm))
        line.set_class(bool(text), "-open")

    @work(group="deed", exit_on_error=False)
    async def do(self, doing: str, deed: Callable[[], T], then: Callable[[T], object]) -> None:
        """Do one thing at a time on a thread of its own.

        Args:
            doing: What is said meanwhile; empty to leave what was said.
            deed: What is done; it must not touch the screen.
            then: Gets its result, on the screen's thread.
        """
        if self.busy:
            return
        self.busy = True
        if doing:
            self.tell(doing)
        try:
            found = await in_background(deed)
            self.busy = False
            if doing:
                self.tell("")
            then(found)
        except Exception as error:  # said on the line; the screen goes on
            self.tell(problem(error), alarm=True)
        finally:
            self.busy = False
        await self._catch_up()

    async def _catch_up(self) -> None:
        """Look at what changed meanwhile."""
        missed, self._missed = self._missed, None
        if missed is not None:
            try:
                await self.follow(missed)
            except LabError as error:
                self.say_error(error)

    def open_study(self, name: str) -> None:
        """Go to a study, unless the person has left for something else meanwhile."""
        if self.is_current:
            self.app.pop_screen()
            self.app.post_message(OpenStudy(name))


def announce(screen: Screen[Any], text: str, *, alarm: bool = False) -> None:
    """Say something in a corner of whatever is on the screen by then."""
    severity: SeverityLevel = "error" if alarm else "information"
    screen.app.notify(clean(text), severity=severity, markup=False)


def problem(error: Exception) -> str:
    """Write what a person reads of an error."""
    if isinstance(error, (LabError, StudyError)) or hasattr(error, "exit_code"):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return f"{type(error).__name__}: {error}"
