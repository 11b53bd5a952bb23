"""The terminal app: shows a lab as it is written; asks its runner for the rest, never trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from labtui.tui import garbage
from labtui.tui.actions import CHAINS, bindings, can_do, heard
from labtui.tui.ascii import Ascii, needs_ascii
from labtui.tui.guide import TOPICS
from labtui.tui.keys import Action, rebound
from labtui.tui.legible import legible
from labtui.tui.reader import Reader
from labtui.tui.screens.opening import OpeningScreen
from labtui.tui.settings import Settings, load, remember, state_folder
from labtui.tui.signals import end_on_signals
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from textual.timer import Timer

    from labtui.store.paths import LabPaths
    from labtui.tui.screens.deciding import OpenStudy
    from labtui.tui.screens.lab import LabScreen
    from labtui.tui.screens.study import StudyScreen

IDLE = 1.0
"""Seconds after the first screen until those are loaded that may follow: the first is read by then,
and loading them takes half a second of a core."""

HELD = 1.0
"""Seconds at most that keys wait for the screen that was asked for before them: over a slow link
they come in one lot, and a `q` that is meant for the study would quit from the list."""

OPENING = 3.0
"""Seconds at most that they wait for the first screen: loading it takes half a second of a core."""

HIDDEN_COMMANDS = {"Keys", "Maximize", "Minimize", "Quit", "Screenshot"}
"""Textual's own that labtui has itself, or has no use for."""


class LabApp(App[int]):
    """Shows the studies of one lab."""

    TITLE = "labtui"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    CSS = """
    Toast { padding: 0 1; }
    .-bordered .pane:focus-within:nocolor {
        border: heavy $foreground !important;
        border-title-style: bold reverse !important;
    }
    """

    def __init__(
        self,
        paths: LabPaths,
        *,
        study: str | None = None,
        settings: Settings | None = None,
        welcome: bool = False,
    ) -> None:
        """Show the lab at `paths`, which need not exist yet.

        Args:
            paths: The lab.
            study: A study to open at once.
            settings: Theme and keys; those that labtui comes with by default.
            welcome: Begin with the card of the tour.
        """
        super().__init__()
        self.reader = Reader(paths)
        self.settings = settings or Settings()
        self.crash: BaseException | None = None
        self._ascii = [Ascii()] if needs_ascii() else []
        self._study, self._welcome = study, welcome
        self._typed: list[events.Key] | None = None
        self._spare: StudyScreen | None = None
        self._is_warm = self._has_left = False
        self._held: Timer | None = None
        self._last_key = time.monotonic()
        if self.settings.theme is not None:
            self.theme = self.settings.theme
        self.set_keymap(dict(self.settings.keymap))
        if self.no_color:  # Textual would paint in greys: black on black if the theme is changed
            self._filters = [NoColor()]

    def get_default_screen(self) -> Screen[None]:
        """Begin with a frame: what fills it is loaded when it has been painted."""
        return OpeningScreen(self.reader.paths.db)

    def get_css_variables(self) -> dict[str, str]:
        """Give the colours of the theme, those moved that could not be read."""
        variables = super().get_css_variables()
        self.theme_variables = legible(variables, no_color=self.no_color)
        return self.theme_variables

    async def on_mount(self) -> None:
        """Fill the frame once it has been painted; at once where nobody sees it."""
        self.theme_changed_signal.subscribe(self, lambda theme: remember(self.settings, theme.name))
        self.hold_keys(OPENING)
        if self.is_headless:
            await self._begin()
        else:
            end_on_signals(self._end)
            self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """Show the studies, or open the study that was asked for, and prepare for the others."""
        lab_screen = await self.reader.load(_load_lab_screen)
        self.add_mode("lab", lambda: lab_screen(self.reader))
        await self.switch_mode("lab")
        if self._study is not None:
            self._open_study(self._study)
        else:
            self.set_timer(IDLE, self._warm_up)
        if self._welcome:
            self.action_tour()

    async def _warm_up(self) -> None:
        """Load what the larger screens need, while nobody waits for it."""
        await self.reader.warm_up()
        self._is_warm = True
        self.prepare()
        garbage.settle()
        self.set_interval(garbage.EVERY, self._tidy)

    def _tidy(self) -> None:
        if self._has_left and time.monotonic() - self._last_key > garbage.QUIET:
            self._has_left = False
            garbage.look()

    def left(self) -> None:
        """Note that a screen was left: what it was made of can be thrown away."""
        self._has_left = True
        garbage.forget_rows()

    def on_unmount(self) -> None:
        """Let go of the lab."""
        self.reader.close()
        garbage.release()

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

        spare, self._spare = self._spare, None
        self.push_screen((spare or StudyScreen(self.reader)).about(name))

    def prepare(self) -> None:
        """Lay out the screen of a study while nobody waits for it: that is half of opening one."""
        if not self._is_warm or self._spare is not None or self._exit:
            return
        if len(self.screen_stack) == 1:
            from labtui.tui.screens.study import StudyScreen

            self._spare = StudyScreen(self.reader)
            self._load_screen_css(self._spare)
            self._get_screen(self._spare)

    # -- keys that were typed ahead ---------------------------------------------------------

    def push_screen(self, screen: Any, *arguments: Any, **named: Any) -> Any:
        """Show another screen; one that first reads the lab is given what is typed meanwhile."""
        if hasattr(screen, "follow"):
            self.hold_keys()
        return super().push_screen(screen, *arguments, **named)

    def hold_keys(self, seconds: float = HELD) -> None:
        """Keep what is typed from here on for the screen that is on its way."""
        if self._typed is None:
            self._typed = []
        elif self._held is not None:
            self._held.stop()
        self._held = self.set_timer(seconds, self.let_go)

    def let_go(self, come: Screen[Any] | None = None) -> None:
        """Give the keys that waited to the screen that has come, unless another one is awaited."""
        if come not in (None, self.screen) and hasattr(self.screen, "follow"):
            return
        typed, self._typed = self._typed or [], None
        if self._held is not None:
            self._held.stop()
            self._held = None
        for event in typed:
            self.post_message(event)

    async def on_event(self, event: events.Event) -> None:
        """Take an event; keys wait while a screen is on its way."""
        if isinstance(event, events.Key):
            self._last_key = time.monotonic()
        if self._typed is not None and isinstance(event, events.Key):
            self._typed.append(event)
            return
        if isinstance(event, events.Paste):  # a line would show what a terminal obeys as it is
            event.text = "".join(one for one in map(clean, event.text) if len(one) == 1)
        await super().on_event(event)

    def action_leave(self) -> None:
        """Go back one screen, which may ask first; from the list of studies, quit."""
        ask = getattr(self.screen, "ask_to_leave", None)
        if ask is not None and ask():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit(0)

    async def action_quit(self) -> None:
        """Quit from wherever this is."""
        self.exit(0)

    def _end(self, code: int) -> None:
        """Quit because something else ended this."""
        self.exit(code, return_code=code)

    async def action_back(self) -> None:
        """Undo what hides a part of the screen, else go back one screen; never quit."""
        focused = self.screen.focused
        for node in focused.ancestors_with_self if focused is not None else [self.screen]:
            undo = getattr(node, "step_back", None)
            if undo is not None and undo():
                return
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def action_help(self) -> None:
        """Explain what has the focus."""
        from labtui.tui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
            return
        topic, chain = self._about()
        if topic in TOPICS:
            focused = self.screen.focused
            title, text = getattr(focused, "HELP_TITLE", None), getattr(focused, "HELP", None)
            reading = (title, text) if chain[0] == "chart" and title and text else None
            name = getattr(self.screen, "name_of_study", None) or "NAME"
            self.push_screen(
                HelpScreen(
                    TOPICS[topic],
                    [self.rebound(one) for one in heard(chain) if can_do(self.screen, one)],
                    name,
                    reading=reading,
                )
            )

    def action_tour(self) -> None:
        """Say what there is to try in the tour."""
        from labtui.tui.screens.welcome import WelcomeScreen

        if not isinstance(self.screen, WelcomeScreen):
            self.push_screen(WelcomeScreen())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what cannot be done: the tour's card belongs to the tour's lab."""
        if action == "tour":
            from labtui.tour import is_tour

            return is_tour(self.reader.paths)
        if action == "copy_command":
            return bool(getattr(self.screen, "twin", "") or getattr(self.screen, "copy_text", ""))
        return super().check_action(action, parameters)

    def action_copy_command(self) -> None:
        """Copy the command that says the same as the screen, or what it offers instead."""
        from labtui.tui.parting import lab_option

        twin = str(getattr(self.screen, "twin", ""))
        own = str(getattr(self.screen, "copy_text", ""))
        if own or twin:
            command = own or f"{twin}{lab_option(self.reader.paths)}"
            note = str(getattr(self.screen, "copy_note", "")) if own else ""
            self.copy_to_clipboard(command)
            self.notify("\n".join(filter(None, (command, note))), title="Copied", markup=False)

    def action_export(self) -> None:
        """Offer what has the focus as files."""
        from labtui.tui.screens.export import ExportScreen, offers

        if not isinstance(self.screen, ExportScreen):
            self.push_screen(ExportScreen(offers(self, self.screen)))

    # -- what can be done here --------------------------------------------------------------

    def _about(self) -> tuple[str, tuple[str, ...]]:
        """Name the topic of what has the focus, and the places where its keys are looked up."""
        name = getattr(self.screen, "chain_name", "lab")
        place = getattr(self.screen.focused, "place", "")
        chain = next((c for c in CHAINS[name] if c[0] == place), ("app",))
        topic = f"filter-{name}" if place == "filter" else getattr(self.screen, "topic", name)
        return str(topic), chain

    def rebound(self, action: Action) -> Action:
        """Give an action the keys that the person chose for it."""
        return rebound(action, self.settings.keymap)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Give what each line passes last: where the locale has ASCII alone, what makes it so."""
        return [*super().get_line_filters(), *self._ascii]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer everything that can be done here in the palette."""
        _, chain = self._about()
        for action in filter(partial(can_do, screen), heard(chain)):
            yield SystemCommand(
                f"{action.description} ({self.rebound(action).keys})".capitalize(),
                action.tooltip,
                partial(self._do, action.target),
            )
        for command in super().get_system_commands(screen):
            if command.title not in HIDDEN_COMMANDS:
                yield command

    async def _do(self, target: str) -> None:
        await self.run_action(target)

    # -- ending by a fault ------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Remember what went wrong: `run_app` tells it once the terminal is given back.

        What fails because the app is closing, as a palette asked for after `q`, is no fault.
        """
        if self._exit:
            self.log.error(error)
            return
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        if self.crash is not None:
            self._exit_renderables.clear()
        super()._print_error_renderables()


def _load_lab_screen() -> type[LabScreen]:
    from labtui.tui.screens.lab import LabScreen

    return LabScreen


def run_app(
    paths: LabPaths, *, study: str | None = None, theme: str | None = None, welcome: bool = False
) -> int:
    """Show a lab until the person quits.

    Args:
        paths: The lab, which need not exist yet.
        study: A study to open at once.
        theme: Goes before the one of the settings.
        welcome: Begin with the card of the tour.

    Returns:
        The exit code.

    Raises:
        BadSettings: The settings cannot be used.
    """
    app = LabApp(paths, study=study, settings=load(theme), welcome=welcome)
    result = app.run()
    from labtui.tui.parting import fault, going_on  # afterwards: nobody waits for it

    words = fault(app.crash, state_folder()) if app.crash else going_on(paths)
    if words:
        print(words, file=sys.stderr)
    return app.return_code or result or 0
