"""The verdict and the further figures of a study, and what a trial says of itself."""

import asyncio
import threading

import pytest

from labtui.analysis.catalogue import CATALOGUE
from labtui.analysis.findings import cannot_judge, finding, gather
from labtui.store.changes import add_warning, set_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui import judging
from labtui.tui.app import LabApp
from labtui.tui.background import in_background
from labtui.tui.feeds import StudyFeed
from labtui.tui.judging import Judge, ended
from labtui.tui.reader import Pulse
from labtui.tui.verdict_text import verdict_lines
from labtui.tui.widgets.textpane import Line, TextPane, broken
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, chart, open_study, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10)


@pytest.fixture
def judged(monkeypatch):
    """Count the verdicts, and where they were made."""
    threads = []
    original = Judge._judge

    def check(self, view):
        threads.append(threading.current_thread())
        return original(self, view)

    monkeypatch.setattr(Judge, "_judge", check)
    return threads


async def test_the_verdict_is_made_when_it_is_looked_at_and_not_on_the_screens_thread(
    paths, judged
):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app, "verdict")
        await until(pilot, lambda: "→ " in screen_text(app))
        assert threading.main_thread() not in judged
        assert {thread.name for thread in judged} == {"background"}
        text = screen_text(app)
        assert any(f"{glyph} {code}" in text for glyph in "▲!i" for code in CATALOGUE)
        await pilot.press("2", "1", "2", "1")
        await pilot.pause(0.3)
        assert len(judged) == 1  # nothing changed meanwhile
        await pilot.press("G")
        await until(pilot, lambda: "Not judged" in screen_text(app) or "logged" in screen_text(app))


async def test_all_words_are_within_the_pane(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=(100, 24)) as pilot:
        await open_study(pilot, app)
        await pilot.press("1")
        pane = app.screen.query_one("#verdict-text", TextPane)
        await until(pilot, lambda: "→" in str(pane._text.content))
        for width in (100, 62, 140):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            rows = str(pane._text.content).split("\n")
            assert max(map(len, rows)) <= pane.size.width
            assert max(map(len, rows)) > pane.size.width - 20


@pytest.mark.parametrize(
    ("key", "pane", "titles"),
    [
        ("5", "isolation", ["optimizer: best of each"]),
        ("6", "budget", ["best of k", "were best"]),
        ("7", "stability", ["gradient norm of", "gradient norms", "just above"] * 2),
    ],
)
async def test_figures_are_drawn_when_they_are_looked_at_and_paged(paths, key, pane, titles):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        figures = app.screen.deck.panes[pane].figures
        assert not figures.filled
        await pilot.press(key)
        await until(pilot, lambda: figures.filled)
        for wanted in titles:
            assert wanted in chart(app, pane).spec.title
            assert chart(app, pane).grid.plot is not None
            await pilot.press("n")
        assert titles[0] in chart(app, pane).spec.title
        if len(titles) > 1:
            await pilot.press("p")
            assert titles[-1] in chart(app, pane).spec.title
            assert f"{len(titles)}/{len(titles)}" in screen_text(app)


async def test_on_a_large_screen_the_verdict_is_beside_the_trials(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: "! diverged" in screen_text(app))
        for shown in ("at step", "curves 1/2", "axes 1/4", "median", "verdict "):
            assert shown in screen_text(app)
        await pilot.press("7")
        await until(pilot, lambda: "stability 1" in screen_text(app))
        assert "curves 1/2" in screen_text(app)
        assert "axes 1/4" not in screen_text(app)


async def test_a_verdict_that_fails_is_said_and_nothing_else_is_lost(paths, monkeypatch):
    def broken(self, view):
        raise RuntimeError("a judge\x1b[31m fell over")

    monkeypatch.setattr(Judge, "_judge", broken)
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("1")
        await until(pilot, lambda: "could not be judged" in screen_text(app))
        assert "RuntimeError: a judge␛[31m fell over" in screen_text(app)
        await pilot.press("2")
        await until(pilot, lambda: "at step" in screen_text(app))


async def test_a_study_that_runs_is_judged_so_far_and_again(tmp_path, judged, monkeypatch):
    monkeypatch.setattr(judging, "REST", 0.0)
    with running(tmp_path) as run:
        app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
        async with app.run_test(size=SMALL) as pilot:
            await open_study(pilot, app)
            await pilot.press("1")
            await until(pilot, lambda: "no trial has ended" in screen_text(app))
            run.start(0)
            run.log(0, 80, float("nan"))
            run.end(0, "infeasible", "diverged at step 80")
            await until(pilot, lambda: "so far: 1 of 10 trials have ended" in screen_text(app))
            count = len(judged)
            run.start(1)
            run.log(1, 80, 0.5)
            await pilot.pause(0.6)
            assert len(judged) == count  # no trial has ended since
            run.end(1)
            await until(pilot, lambda: "so far: 2 of 10" in screen_text(app))
            monkeypatch.setattr(judging, "REST", 1e6)
            run.start(2)
            run.end(2)
            await until(pilot, lambda: "so far: 3 of 10" in screen_text(app))
            run.start(3)
            run.end(3)
            await pilot.pause(0.6)
            assert "so far: 3 of 10" in screen_text(app)  # at rest, since training comes first
            set_study(run.writer, run.study, "stopped")
            run.writer.commit()
            await until(pilot, lambda: "so far: 4 of 10" in screen_text(app))


async def test_a_study_whose_trials_all_failed_says_so_in_its_chart(tmp_path):
    with running(tmp_path, points=1) as run:
        for number in (0, 1):
            run.start(number)
            run.writer.connection.execute("DELETE FROM points")
            run.end(number, "failed", "the trainer raised ValueError")
        app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
        async with app.run_test(size=SMALL) as pilot:
            await open_study(pilot, app, "curves")
            await until(pilot, lambda: "2 failed" in screen_text(app))
            assert "raised" in screen_text(app)
            assert "appear" not in screen_text(app)


async def test_a_trial_says_what_was_warned_and_found(tmp_path):
    paths = make_lab(tmp_path, points=3)
    with Lab(paths) as lab:
        study = lab.study(NAME).id
        trial = next(t for t in lab.trials(NAME) if t.state == "completed")
    with Writer(paths) as writer:
        add_warning(writer, study, trial.id, "the metric\x1b[2J was NaN")
        writer.commit()
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=(100, 60)) as pilot:
        await open_study(pilot, app)
        app.screen.post_message(app.screen.Chosen(trial.name))
        await until(pilot, lambda: "To reproduce it" in screen_text(app))
        text = screen_text(app)
        assert "! the metric␛[2J was NaN" in text
        assert "What its curves say" in text
        assert "clip-threshold" in text


def test_findings_are_told_by_severity_and_the_rest_is_dimmed():
    verdict = gather(
        [
            cannot_judge("overfitting", "no training loss", trial="a/1"),
            finding("clip-threshold", "info", "it is 2", "clip at 2", subject={"trial": "a/1"}),
            *(
                finding(
                    "diverged", "alert", f"at step {n}", "lower it", subject={"trial": f"a/{n}"}
                )
                for n in range(5)
            ),
        ]
    )
    lines = list(verdict_lines(verdict, 5))
    texts = [line.text for line in lines]
    assert [text[0] for text in texts if text[:2] in ("▲ ", "! ", "i ")] == ["▲", "i"]
    assert "#0  at step 0" in texts
    assert "… and 2 more" in texts
    assert "#4  at step 4" not in texts
    assert "→ Lower it  [P16]" in texts
    assert texts.index("Not judged") > texts.index("i clip-threshold  a/1")
    last = lines[-1]
    assert last.text == "overfitting  a/1: no training loss"
    assert last.style == "$faded"


async def test_only_trials_that_ended_make_a_verdict_stale(paths):
    with Lab(paths) as lab:
        view = StudyFeed(NAME).read(lab, Pulse(1, lab.revision(), None))
    judge = Judge(paths)
    assert judge.is_due(view)
    await judge.judge(view)
    assert not judge.is_due(view)
    assert judge.brief.trials == ended(view)[0] == 20
    assert judge.problem == ""
    assert judge.rest > 0


async def test_an_error_in_the_background_comes_back():
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_background(fail)
    release = threading.Event()
    task = asyncio.create_task(in_background(release.wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


@pytest.mark.parametrize("name", ["x" * 10_000, "\U0001f642 " * 300, "a b"])
def test_lines_that_hang_under_a_long_name_are_broken_at_once(name):
    line = Line(f"{name} is what it is called", "", 2, " " * (len(name) + 2), lead=len(name))
    rows = [str(row) for row in broken([line], 60)]
    assert len(rows) < 300
    assert "called" in rows[-1]
