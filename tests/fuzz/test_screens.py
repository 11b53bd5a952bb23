"""Names of anything on every screen: no cell of it holds what a terminal would obey (S3)."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from tests.fuzz import FUZZING, fuzzed
from tests.fuzz.test_names import CONTROL, names
from tests.interop.exporting import hostile_lab

SHORT = (("LabScreen", "1"), ("LabScreen", "enter"), ("StudyScreen", "2"), ("StudyScreen", "enter"))
"""Where each key is pressed, at first, in `make test`: the lab, a study, a trial."""
LONG = (
    *(("LabScreen", key) for key in ("1", "2", "3", "f1", "escape", "1", "enter")),
    *(("StudyScreen", key) for key in ("1", "2", "3", "4", "5", "6", "7", "8", "f1", "escape")),
    *(("StudyScreen", key) for key in ("2", "enter", "2", "escape", "r", "escape", "q")),
)
"""The same in `make fuzz`."""
PAGES = LONG if FUZZING else SHORT
SIZE = (140, 45)
ALL = "\x1b]0;x\x07\x9b2J\u202egnp\u200b[red]x[/][@click=app.quit]y[/]\r\n\t\x00\u2066"
"""What moves a cursor, sets a title, hides, turns text around, or is markup."""
STILL = 8.0


def cells(app: LabApp) -> list[str]:
    """Give the text of every segment of the screen, as it is sent to the terminal."""
    strips = app.screen._compositor.render_strips()
    return [segment.text for strip in strips for segment in strip if not segment.control]


async def settled(pilot: Pilot[int], app: LabApp) -> str:
    """Wait until two frames are the same, and give their text."""
    before, deadline = "", time.monotonic() + STILL
    while True:
        await pilot.pause(0.05)
        now = "".join(cells(app))
        if (now.strip() and now == before) or time.monotonic() > deadline:
            return now
        before = now


async def walk(folder: Path, texts: list[str], seen: set[str]) -> str:
    """Press the keys of `PAGES`, look at each frame, and give all that was shown."""
    app = LabApp(LabPaths(folder / "lab.db"))
    shown = ""
    async with app.run_test(size=SIZE) as pilot:
        for where, key in PAGES:
            await settled(pilot, app)
            await pilot.press(key)
            text = await settled(pilot, app)
            bad = CONTROL.search(text)
            assert not bad, (
                f"{app.screen.name} after {where} {key}: {text[bad.start() - 40 :][:90]!r}"
            )
            seen.add(type(app.screen).__name__)
            shown += text
    return shown


@given(
    st.lists(names, min_size=1, max_size=2, unique_by=lambda name: name.encode("utf-8", "replace"))
)
@example([ALL])
@(fuzzed(0.02) if FUZZING else settings(phases=[Phase.explicit], deadline=None))
def test_no_screen_holds_what_a_terminal_obeys(texts):
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hostile_lab(folder, texts)
        shown = asyncio.run(walk(folder, texts, seen))
    assert seen >= {"LabScreen", "StudyScreen", "TrialScreen"}, seen
    assert "␛" in shown or not any(name.startswith("\x1b") for name in texts)
