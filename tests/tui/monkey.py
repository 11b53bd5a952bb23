"""A monkey at the keys of the app, with a made-up runner that trains and answers meanwhile."""

import asyncio
import random
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from textual import events
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES
from textual.worker import Worker, WorkerState

from labtui.engine import requests
from labtui.store import inbox
from labtui.store.changes import add_runner, claim_trial, end_trial, set_study
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui.actions import ACTIONS
from labtui.tui.app import LabApp
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.lab import LabScreen
from tests.tui.driving import screen_text

QUIT = "ctrl+q"
KEYS = sorted({one for action in ACTIONS for one in action.key.split(",")} - {QUIT})
"""Every key that does something somewhere."""

MOVES = (
    "up", "down", "left", "right", "tab", "shift+tab", "enter", "enter", "escape", "escape",
    "escape", "home", "end", "pageup", "pagedown", "backspace",
)  # fmt: skip
TEXTS = (
    "0.1", "1e-3", "-", "lr<1e-3", "state:completed optimizer:adam", "tag:", "((", "x" * 200,
    "日本語", "é\u0301", "[red]", "\\", "'", "best<0.1 -tag:slow",
)  # fmt: skip
PASTES = ("one\ntwo\x1b[31m\tthree", "\u202eabc", "", "y" * 5000, "\x00\x07")
SIZES = ((20, 5), (60, 15), (60, 16), (80, 24), (120, 35), (160, 50), (200, 60))
STILL = 6.0
"""Seconds that a frame may be empty, or `escape` without effect, beside busy neighbours."""

FAULTY = re.compile(r"This cannot be shown|cannot be drawn:|\b[A-Z]\w*(?:Error|Exception)\b")
"""What the app says when something broke that is not the lab."""


class Work:
    """A living runner, in a thread: takes queued trials, logs, ends them, answers requests."""

    def __init__(self, paths: LabPaths, seed: int) -> None:
        self.paths, self.random = paths, random.Random(seed)
        self.error: BaseException | None = None
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Go once nobody waits for an answer: who finds no runner would start a real one."""
        for thread in threading.enumerate():
            if thread.name == "background":
                thread.join(20)
        self._enough.set()
        self._thread.join(20)
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            with closing(Writer(self.paths, "runner", wait=10)) as writer:
                runner = add_runner(writer, own_identity(), version="monkey", slots=2)
                writer.commit()
                while not self._enough.wait(0.25):
                    self._answer(writer)
                    if self.random.random() < 0.5:
                        self._train(writer, runner)
                    writer.commit()
        except BaseException as error:
            self.error = error

    def _answer(self, writer: Writer) -> None:
        for path, request in list(inbox.waiting(self.paths)):
            if request is not None:
                found = requests.answer(writer, request, runner=request["kind"] != "stop")
                kind = "refused" if "error" in found else "answered"
                writer.event(kind, found, request=request["id"])
                writer.commit()
            path.unlink(missing_ok=True)

    def _train(self, writer: Writer, runner: int) -> None:
        """Go on with a trial, or take the next one up."""
        row = writer.connection.execute(
            "SELECT t.id, t.study, t.state, s.metric, s.direction, coalesce(t.last_step, 0)"
            " FROM trials t JOIN studies s ON s.id = t.study WHERE t.state IN ('running', 'queued')"
            " AND s.state IN ('running', 'queued') ORDER BY t.state DESC, t.id LIMIT 1"
        ).fetchone()
        if row is None:
            return
        trial, study, state, metric, direction, step = row
        if state == "queued":
            claim_trial(writer, trial, study=study, runner=runner, attempt=1, start_step=0)
            set_study(writer, study, "running")
        writer.watch(trial, metric, minimize=direction == "minimize")
        value = self.random.choice([self.random.random()] * 9 + [float("nan"), 1e300])
        writer.add_points(trial, [(metric, step + 10, value), ("train/loss", step + 10, value)])
        if self.random.random() < 0.2:
            state, reason = self.random.choice(
                [("completed", ""), ("infeasible", "diverged"), ("failed", "exit 1")]
            )
            end_trial(
                writer, trial, study=study, state=state, reason=reason, detail="",
                step=step + 10, seconds=0.1,
            )  # fmt: skip


@contextmanager
def working(paths: LabPaths, seed: int) -> Iterator[None]:
    work = Work(paths, seed)
    work.start()
    try:
        yield
    finally:
        work.stop()


class Monkey:
    """Does something at random, again and again, and looks at what comes of it."""

    def __init__(self, app: LabApp, pilot: Pilot[int], seed: int, history: deque[str]) -> None:
        self.app, self.pilot = app, pilot
        self.random, self.history = random.Random(seed), history
        self.faults: list[str] = []
        self.workers: list[Worker[Any]] = []
        self._told: set[int] = set()
        add = app.workers.add_worker

        def added(worker: Worker[Any], start: bool = True, exclusive: bool = True) -> None:
            self.workers.append(worker)
            add(worker, start, exclusive)

        app.workers.add_worker = added  # type: ignore[method-assign]
        asyncio.get_running_loop().set_exception_handler(self._unhandled)

    def _unhandled(self, _: object, context: dict[str, Any]) -> None:
        self.faults.append(f"{context['message']}: {context.get('exception')!r}")

    @property
    def gone(self) -> bool:
        """Whether the app was quit."""
        return self.app._exit

    async def play(self, deeds: int) -> int:
        """Do some deeds; gives how many are left, as `q` in the list of studies quits."""
        for left in range(deeds, 0, -1):
            if self.gone:
                self.check()
                return left
            await self.deed()
            self.check()
        return 0

    async def deed(self) -> None:
        kind = self.random.choices(
            ("key", "move", "text", "paste", "click", "drag", "wheel", "size", "theme", "burst"),
            (60, 22, 5, 1, 9, 2, 4, 3, 2, 3),
        )[0]
        await getattr(self, f"_{kind}")()

    def _note(self, deed: str) -> None:
        self.history.append(f"{type(self.app.screen).__name__}:{deed}")

    async def _press(self, *keys: str) -> None:
        self._note(" ".join(keys))
        await self.pilot.press(*keys)

    async def _key(self) -> None:
        await self._press(self.random.choice(KEYS))

    async def _move(self) -> None:
        await self._press(self.random.choice(MOVES))

    async def _burst(self) -> None:
        """Type ahead, without a look at what comes."""
        keys = self.random.choices(KEYS, k=self.random.randint(2, 6))
        self._note(f"burst {' '.join(keys)}")
        for key in keys:
            name = {"escape": "\x1b", "enter": "\r", "tab": "\t", "space": " "}.get(key)
            self.app.post_message(events.Key(key, name or (key if len(key) == 1 else None)))
        await self.pilot.pause()

    async def _text(self) -> None:
        text = self.random.choice(TEXTS)
        self._note(repr(text[:20]))
        for letter in text:
            self.app.post_message(events.Key(letter, letter))
        await self.pilot.pause()

    async def _paste(self) -> None:
        text = self.random.choice(PASTES)
        self._note(f"paste {text[:10]!r}")
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    def _cell(self) -> tuple[int, int]:
        width, height = self.app.size
        return self.random.randrange(width), self.random.randrange(height)

    async def _click(self) -> None:
        cell, times = self._cell(), self.random.choice((1, 1, 2))
        self._note(f"click {cell} x{times}")
        await self.pilot.click(offset=cell, times=times)

    async def _drag(self) -> None:
        one, other = self._cell(), self._cell()
        self._note(f"drag {one} {other}")
        await self.pilot.mouse_down(offset=one)
        await self.pilot.hover(offset=other)
        await self.pilot.mouse_up(offset=other)

    async def _wheel(self) -> None:
        cell = self._cell()
        kind = self.random.choice((events.MouseScrollDown, events.MouseScrollUp))
        self._note(f"{kind.__name__} {cell}")
        await self.pilot._post_mouse_events([kind] * 3, offset=cell)

    async def _size(self) -> None:
        anywhere = (self.random.randint(20, 200), self.random.randint(5, 60))
        size = self.random.choice((*SIZES, anywhere, anywhere))
        self._note(f"size {size}")
        await self.pilot.resize_terminal(*size)

    async def _theme(self) -> None:
        theme = self.random.choice(sorted(BUILTIN_THEMES))
        self._note(theme)
        self.app.theme = theme
        await self.pilot.pause()

    # -- what it looks at -------------------------------------------------------------------

    def check(self) -> None:
        """See that nothing broke, and that what is painted fits the screen."""
        if self.app.crash is not None:
            raise self.app.crash
        assert not self.faults, self.faults
        if self.gone:  # what fails because its screen has gone is no fault
            return
        broken = [one for one in self.workers if one.state is WorkerState.ERROR]
        broken = [one for one in broken if one.node.is_attached]
        assert not broken, [f"{one.name}: {one.error!r}" for one in broken]
        self.workers = [one for one in self.workers if not one.is_finished]
        for notice in self.app._notifications:
            assert not FAULTY.search(notice.message), notice.message
        compositor = self.app.screen._compositor
        strips = compositor.render_strips()
        text = "\n".join(strip.text for strip in strips)
        assert not (found := FAULTY.search(text)), text[found.start() - 200 :]
        assert not (odd := _unpaintable(text)), [hex(ord(one)) for one in odd]
        widths = {strip.cell_length for strip in strips}
        assert widths <= {compositor.size.width}, f"lines of {widths} cells at {compositor.size}"

    async def finds_back(self) -> None:
        """See that a frame is painted, and that `escape` leads back to the lab."""
        await self.pilot.resize_terminal(120, 35)
        for _ in range(int(STILL / 0.1)):
            if self.gone or screen_text(self.app).strip():
                break
            await self.pilot.pause(0.1)
        assert self.gone or screen_text(self.app).strip(), "an empty frame"
        for _ in range(int(STILL / 0.1)):
            if self.gone or isinstance(self.app.screen, LabScreen):
                return
            asked = isinstance(self.app.screen, AskScreen) and "Leave" in screen_text(self.app)
            await self._press("enter" if asked else "escape")
            self.check()
            await self.pilot.pause(0.02)
        where = [type(one).__name__ for one in self.app.screen_stack]
        raise AssertionError(f"escape does not lead to the lab: {where}")


def _unpaintable(text: str) -> set[str]:
    """Give the characters that a terminal would obey, or that turn the line round."""
    turning = {*map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
    return {
        one
        for one in set(text) - {"\n"}
        if ord(one) < 32 or 127 <= ord(one) < 160 or one in turning
    }


async def let_loose(paths: LabPaths, seed: int, deeds: int, history: deque[str]) -> None:
    """Let a monkey at a lab for some deeds; as often as it quits, the app is begun anew."""
    left, launches = deeds, 0
    with working(paths, seed):
        while left > 0:
            launches += 1
            app = LabApp(paths)
            async with app.run_test(size=(120, 35)) as pilot:
                monkey = Monkey(app, pilot, seed * 1000 + launches, history)
                history.append("(begins)")
                while left > 0 and not monkey.gone:
                    some = min(left, 50)
                    left -= some - await monkey.play(some)
                    await monkey.finds_back()
            assert not monkey.faults, monkey.faults
            assert not app.return_code, app.crash
