"""Makes docs/screens/<name>.svg: the real program on the lab of `labtui tour`, key by key.

python docs/screens.py [NAME …]
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"
ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a program, from wherever
    sys.path.insert(0, str(ROOT))

from rich.segment import Segment  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from textual.strip import Strip  # noqa: E402

from docs.cells import to_svg  # noqa: E402
from labtui.store.lab import Lab  # noqa: E402
from labtui.store.paths import LabPaths  # noqa: E402
from labtui.tour import open_tour  # noqa: E402
from labtui.tui.app import LabApp  # noqa: E402
from labtui.tui.settings import Settings  # noqa: E402

FOLDER = Path(__file__).with_name("screens")

USUAL, WIDE, SMALL, VAST = (120, 35), (160, 50), (80, 24), (200, 50)
LONGEST = 20.0
"""Seconds that a screen may take to show what is waited for."""
ELSEWHERE = "~/tour"
"""The folder that pictures name."""
STILL = 2.5
"""Seconds without a change after which a screen is taken as painted."""


@dataclass(frozen=True)
class Shot:
    """A picture.

    Attributes:
        name: Of its file.
        screen: The class of the screen that it shows.
        title: What it shows, for those who do not see it.
        steps: Keys to press; before each, what has to stand on the screen: ``("wait", "key")``.
        shows: What stands there at last.
        study: Opened at once.
        size: Columns and rows.
        theme: Of the app; None for the usual one.
        welcome: Whether the card of the tour is open.
        live: Whether the study `LIVE` is trained meanwhile.
    """

    name: str
    screen: str
    title: str
    steps: tuple[tuple[str, str], ...] = ()
    shows: str = ""
    study: str | None = None
    size: tuple[int, int] = USUAL
    theme: str | None = None
    welcome: bool = False
    live: bool = False


ANSWER = "width=128's best"
"""How the verdict of the study wider begins: it is on the screen."""

NEW = (("first-look", "n"), ("digits-mlp", "j"), ("", "enter"))
"""The second workload of the list is chosen."""

PAIR = (
    *(("first-look", "j"), ("", "j"), ("", "j"), ("", "j"), ("", "space")),
    *(("", "j"), ("", "space"), ("", "C")),
)
"""four-layers and its follow-up with clipping, marked in the list (which moves on), compared."""

LIVE = """
study: longer
goal: Is the order of the widths the same when training is much longer?
workload: digits-mlp
trainer: numpy
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 24, max_train_steps: 6000, eval_every: 200}
hyperparameters:
  width: {role: scientific, values: [32, 128]}
  learning_rate: {role: nuisance, range: [0.003, 0.3], scale: log}
"""
"""A study that trains for about a minute on two cores, for the pictures of one under way."""

LAB = (
    Shot("welcome", "WelcomeScreen", "What to try in the tour", shows="first-look", welcome=True),
    Shot("lab", "LabScreen", "The studies of a lab", shows="first-look", size=WIDE),
    Shot("lab-small", "LabScreen", "The lab in 80 columns", shows="first-look", size=SMALL),
    Shot("lab-light", "LabScreen", "In a light theme", shows="first-look", theme="textual-light"),
    Shot("workloads", "LabScreen", "The workloads", (("first-look", "2"),), "ogbg_jax"),
    Shot(
        "log", "LabScreen", "The experiment log", (("first-look", "3"),), "newest first", size=WIDE
    ),
    Shot("new", "NewScreen", "Designing a study", NEW, "learning_rate", size=WIDE),
    Shot("file", "FileScreen", "Its file", (*NEW, ("learning_rate", "v")), "workload:"),
    Shot("export", "ExportScreen", "What can be exported", (("first-look", "e"),), ".csv"),
    Shot(
        *("running", "LabScreen", "A study that is trained, and what each slot is at"),
        shows="/step",
        size=WIDE,
        live=True,
    ),
)

STUDY = (
    Shot("verdict", "StudyScreen", "The verdict of two arms", shows=ANSWER, study="wider"),
    Shot(
        *("narrow", "StudyScreen", "The verdict of a study that searched too narrowly"),
        study="adam-longer",
        shows="search-boundary",
    ),
    Shot("trials", "StudyScreen", "Its trials", ((ANSWER, "2"),), "dropout", "wider", WIDE),
    Shot(
        *("columns", "ColumnsScreen", "The columns of a table, chosen"),
        ((ANSWER, "2"), ("at step", "c")),
        "in the filter",
        "wider",
    ),
    Shot("curves", "StudyScreen", "The best trials' curves", ((ANSWER, "3"),), "step", "wider"),
    Shot(
        *("axes", "StudyScreen", "A range that ends below the best rate, and where to extend it"),
        (("search-boundary", "4"),),
        "learning_rate",
        "adam-longer",
    ),
    Shot("isolation", "StudyScreen", "Arm against arm", ((ANSWER, "5"),), "width", "wider"),
    Shot("budget", "StudyScreen", "What more would bring", ((ANSWER, "6"),), "trials", "wider"),
    Shot(
        *("stability", "StudyScreen", "Gradient norms of trials that blew up"),
        (("diverged", "7"),),
        "norm",
        "four-layers",
    ),
    Shot("design", "StudyScreen", "Roles and space", ((ANSWER, "8"),), "learning_rate", "wider"),
    Shot("help", "HelpScreen", "Help on a study", ((ANSWER, "f1"),), "conclude", "wider"),
    Shot("vast", "StudyScreen", "A study in 200 columns", (), ANSWER, "wider", VAST),
    Shot(
        *("verdict-light", "StudyScreen", "A verdict in a light theme"),
        shows=ANSWER,
        study="wider",
        theme="textual-light",
    ),
)

NEXT = (
    Shot(
        *("trial", "TrialScreen", "A trial that blew up"),
        (("diverged", "2"), ("0.02222", "G"), ("four-layers", "enter")),
        "four-layers/",
        "four-layers",
    ),
    Shot(
        *("answer", "NextScreen", "The studies that answer its findings"),
        (("search-boundary", "a"),),
        "widen",
        "adam-longer",
    ),
    Shot("rerun", "AgainScreen", "What can be trained again", ((ANSWER, "r"),), "rerun", "wider"),
    Shot("compare", "CompareScreen", "Side by side", PAIR, "clip_norm", size=WIDE),
    Shot(
        *("compare-curves", "CompareScreen", "Their curves over each other"),
        (*PAIR, ("clip_norm", "2")),
        "step",
        size=WIDE,
    ),
    Shot(
        *("compare-isolation", "CompareScreen", "Their isolation plots on one axis"),
        (*PAIR, ("clip_norm", "3")),
        "on one axis",
        size=WIDE,
    ),
    Shot(
        *("trial-curves", "TrialScreen", "All curves of a trial that blew up"),
        (("diverged", "2"), ("0.02222", "G"), ("four-layers", "enter"), ("four-layers/", "2")),
        "grad_norm",
        "four-layers",
    ),
    Shot("add", "AddScreen", "What to compare with", (*PAIR, ("clip_norm", "A")), "with"),
    Shot(
        *("launch", "LaunchScreen", "A launch: fresh reruns of the candidate and of the baseline"),
        (("search-luck", "L"),),
        "adopt",
        "optimizers-widen",
    ),
    Shot(
        *("launch-light", "LaunchScreen", "A launch in a light theme"),
        (("search-luck", "L"),),
        "adopt",
        "optimizers-widen",
        theme="textual-light",
    ),
    Shot(
        "ask", "AskScreen", "Before training", ((ANSWER, "L"), ("go on", "enter")), "yes", "wider"
    ),
    Shot("workload", "WorkloadScreen", "Lineage", ((ANSWER, "w"),), "baseline 2", "wider"),
)

SHOTS = (*LAB, *STUDY, *NEXT)


class Failed(Exception):
    """A picture could not be made; says what was on the screen instead."""


def recent(lab: Path) -> None:
    """Move the times of a lab so that it was used two minutes ago, and name no folder of ours."""
    with closing(sqlite3.connect(lab)) as connection, connection:
        (last,) = connection.execute("SELECT max(activity) FROM studies").fetchone()
        newest = datetime.fromisoformat(last.replace("Z", "+00:00"))
        days = datetime.now(UTC) - timedelta(minutes=2) - newest
        for column in ("created", "finished", "activity"):
            connection.execute(
                f"UPDATE studies SET {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, ?)",
                (f"{days.total_seconds():+.0f} seconds",),
            )
        connection.execute("UPDATE studies SET folder = ? WHERE folder <> ''", (ELSEWHERE,))


@contextmanager
def trained(lab: Path) -> Iterator[None]:
    """Train the study `LIVE` in a copy of the lab that takes its place meanwhile."""
    kept = lab.with_suffix(".kept")
    shutil.copy(lab, kept)
    file = Path("longer.yaml")
    file.write_text(LIVE)
    labtui = [sys.executable, "-m", "labtui.cli.app"]
    begin = [*labtui, "run", str(file), "--detach", "--slots", "2", "--lab", str(lab)]
    try:
        subprocess.run(begin, check=True, capture_output=True, cwd=Path.cwd())
        yield
    finally:
        end = [*labtui, "stop", "longer", "--lab", str(lab)]
        subprocess.run(end, check=False, capture_output=True)
        deadline = time.monotonic() + LONGEST
        while runner_of(lab) is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        for one in lab.parent.glob(f"{lab.name}-*"):
            one.unlink()
        kept.replace(lab)


def runner_of(lab: Path) -> object:
    """Give the runner that is at work in a lab; None without one."""
    with Lab(LabPaths(lab)) as opened:
        return opened.runner()


async def take(shot: Shot, paths: LabPaths) -> str:
    """Drive the app to what a picture shows, and draw it.

    Raises:
        Failed: It does not come.
    """
    settings = Settings(theme=shot.theme) if shot.theme else Settings()
    app = LabApp(paths, study=shot.study, settings=settings, welcome=shot.welcome)
    async with app.run_test(size=shot.size) as pilot:
        for wait, key in shot.steps:
            await _until(pilot, wait)
            await pilot.press(key)
        await _until(pilot, shot.shows)
        await _until_still(pilot)
        found = type(app.screen).__name__
        if found != shot.screen:
            raise Failed(f"expected {shot.screen}, found {found}")
        return to_svg(_strips(app), app.ansi_theme, shot.title)


def _strips(app: LabApp) -> list[Strip]:
    """Give the rows of the screen, without the folder that the pictures are made in."""
    here = str(Path.cwd())

    def moved(text: str) -> str:
        front, found, rest = text.partition(here)
        return f"{front}{ELSEWHERE}{rest}".ljust(len(text)) if found else text

    return [
        Strip([Segment(moved(part.text), part.style) for part in strip])
        for strip in app.screen._compositor.render_strips()
    ]


def _text(app: LabApp) -> str:
    return "\n".join(strip.text for strip in _strips(app))


async def _until(pilot: Pilot[int], words: str) -> None:
    end = time.monotonic() + LONGEST
    while words not in _text(pilot.app):
        if time.monotonic() > end:
            raise Failed(f"waited for {words!r}, found\n{_text(pilot.app)}")
        await pilot.pause(0.05)


async def _until_still(pilot: Pilot[int]) -> None:
    end, since, seen = time.monotonic() + LONGEST, time.monotonic(), ""
    while time.monotonic() - since < STILL and time.monotonic() < end:
        await pilot.pause(0.05)
        if (now := _text(pilot.app)) != seen:
            since, seen = time.monotonic(), now


def main(names: Sequence[str]) -> int:
    """Make the pictures of these names, or all."""
    failed = 0
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="labtui-screens-") as folder:
        os.chdir(folder)  # so that no picture tells where it was made
        recent(open_tour(Path("lab.db")).db)
        for shot in SHOTS:
            if names and shot.name not in names:
                continue
            try:
                with trained(Path("lab.db")) if shot.live else nullcontext():
                    drawn = asyncio.run(take(shot, LabPaths(Path("lab.db"))))
            except Exception as error:  # the others are made all the same
                print(f"{shot.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                failed += 1
                continue
            (FOLDER / f"{shot.name}.svg").write_text(drawn, "utf-8")
            print(f"{shot.name}: {len(drawn.encode()) // 1000} kB", flush=True)
        os.chdir(ROOT)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
