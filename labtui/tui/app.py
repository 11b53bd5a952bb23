"""The terminal app: shows a lab as it is written; asks its runner for the rest, never trains."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from labtui.tui.actions import CHAINS, at, bindings
from labtui.tui.guide import TOPICS
from labtui.tui.reader import Reader
from labtui.tui.screens.lab import LabScreen

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.tui.screens.deciding import OpenStudy
    from labtui.tui.screens.study import StudyScreen

HIDDEN_COMMANDS = {"Keys", "Maximize", "Minimize", "Screenshot"}


class LabApp(App[int]):
    """Shows the studies of one lab."""

    TITLE = "labtui"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    CSS_PATH = Path(__file__).with_name("screens") / "lab.tcss"

    def __init__(self, paths: LabPaths, *, study: str | None = None) -> None:
        """Show the lab at `paths`, which need not exist yet.

        Args:
            paths: The lab.
            study: A study to open at once.
        """
        super().__init__()
        self.reader = Reader(paths)
        self._study = study

    def get_default_screen(self) -> Screen[None]:
        """Begin with the list of studies."""
        return LabScreen(self.reader)

    def on_mount(self) -> None:
        """Open the study that was asked for, and prepare for the others."""
        if self._study is not None:
            self._open_study(self._study)
        else:
            self.call_after_refresh(self.reader.warm_up)

    def on_unmount(self) -> None:
        """Let go of the lab."""
        self.reader.close()

    def on_lab_screen_chosen(self, message: LabScreen.Chosen) -> None:
        """Open a study."""
        self._open_study(message.study)

    def on_study_screen_chosen(self, message: StudyScreen.Chosen) -> None:
        """Open a trial."""
        from labtui.tui.screens.trial import TrialScreen

        self.push_screen(TrialScreen(self.reader, message.trial))

    def on_open_study(self, message: OpenStudy) -> None:
        """Open a study that something was just asked of, unless it is on screen."""
        if getattr(self.screen, "name_of_study", None) != message.study:
            self._open_study(message.study)

    def _open_study(self, name: str) -> None:
        from labtui.tui.screens.study import StudyScreen

        self.push_screen(StudyScreen(self.reader, name))

    def action_leave(self) -> None:
        """Go back one screen; from the list of studies, quit."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit(0)

    async def action_back(self) -> None:
        """Undo what hides a part of the screen, else go back one screen; never quit."""
        undo = getattr(self.screen, "step_back", None)
        if (undo is None or not undo()) and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_help(self) -> None:
        """Explain what has the focus."""
        from labtui.tui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
            return
        topic, chain = self._about()
        study = getattr(self.screen, "name_of_study", "NAME")
        self.push_screen(HelpScreen(TOPICS[topic], chain, study))

    def _about(self) -> tuple[str, tuple[str, ...]]:
        """Name the topic of what has the focus, and the places where its keys are looked up."""
        name = getattr(self.screen, "chain_name", "lab")
        place = getattr(self.screen.focused, "place", "")
        chain = next((c for c in CHAINS[name] if c[0] == place), ("app",))
        return str(getattr(self.screen, "topic", name)), chain

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer everything that can be done here in the palette."""
        _, chain = self._about()
        for action in at(*chain):
            yield SystemCommand(
                f"{action.description} ({action.keys})".capitalize(),
                action.tooltip,
                partial(self._do, action.target),
            )
        for command in super().get_system_commands(screen):
            if command.title not in HIDDEN_COMMANDS:
                yield command

    async def _do(self, target: str) -> None:
        await self.run_action(target)


def run_app(paths: LabPaths, *, study: str | None = None) -> int:
    """Show a lab until the person quits.

    Args:
        paths: The lab, which need not exist yet.
        study: A study to open at once.

    Returns:
        The exit code.
    """
    app = LabApp(paths, study=study)
    result = app.run()
    return app.return_code or result or 0
