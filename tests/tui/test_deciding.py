"""From a finding to the next study, reruns, a launch and the lineage, on real labs and runners."""

import shutil
import threading

import pytest

from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study
from labtui.tui.actions import CHAINS
from labtui.tui.app import LabApp
from labtui.tui.guide import TOPICS
from labtui.tui.launch_text import following
from labtui.tui.launching import read_standing, take_look, train_group
from labtui.tui.next_text import file_lines
from labtui.tui.screens.again import AgainScreen
from labtui.tui.screens.ask import AskScreen, is_count, is_reason
from labtui.tui.screens.launch import LaunchScreen
from labtui.tui.screens.next import NextScreen
from labtui.tui.screens.study import StudyScreen
from labtui.tui.screens.workload import WorkloadScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.tui.widgets.trials import TrialTable
from labtui.verdicts.launch_plan import configuration_of
from tests.support.engine import processes, run, study_text, wait_for_state, wait_until, write_study
from tests.tui.driving import LARGE, SMALL, screen_text, until

# The best rate lies above the range of the study; seeds differ by a little.
SCRIPT = """
import math, random

def train(trial):
    rate, luck = trial.params["rate"], random.Random(trial.seed).gauss(0, 0.003)
    floor = 0.1 + 0.05 * (math.log10(rate) - 1) ** 2 - 0.02 * (trial.params["way"] == "b") + luck
    for step in trial.steps():
        value = floor + 0.5 * math.exp(-5 * (step + 1) / trial.max_steps)
        trial.log(step, {"train/loss": value})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/error_rate": value})
"""
RATE = {"role": "nuisance", "scale": "log", "range": [1e-3, 1.0]}
WAYS = {"role": "scientific", "values": ["a", "b"]}
WAIT = 60.0


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Train a study once."""
    folder = tmp_path_factory.mktemp("ran")
    text = study_text("rates", trials=10, steps=20, every=4, workload="w", rate=RATE, way=WAYS)
    text = "".join(line for line in text.splitlines(keepends=True) if "  u: " not in line)
    run(LabPaths(folder / "lab.db"), write_study(folder, text, SCRIPT))
    return folder


@pytest.fixture
def paths(ran, tmp_path):
    """Give a copy of its lab; afterwards, wait for the runner to go."""
    folder = tmp_path / "lab"
    shutil.copytree(ran, folder, ignore=shutil.ignore_patterns("*.lock"))
    paths = LabPaths(folder / "lab.db")
    yield paths
    wait_until(lambda: not processes(paths))


def said(app):
    return str(app.screen.query_one("#said").content)


def text(app):
    return str(app.screen.query_one("#text", TextPane)._text.content)


async def on(pilot, app, screen):
    await until(pilot, lambda: isinstance(app.screen, screen), WAIT)


async def opened(pilot, app):
    await on(pilot, app, StudyScreen)
    await until(pilot, lambda: app.screen.view is not None and app.screen.focused is not None, WAIT)


async def what_follows(pilot, app):
    await opened(pilot, app)
    await pilot.press("a")
    await on(pilot, app, NextScreen)
    await until(pilot, lambda: app.screen.found is not None, WAIT)
    return app.screen


async def test_a_finding_becomes_the_next_study_with_one_key(paths, monkeypatch):
    threads, read = [], NextScreen.read
    monkeypatch.setattr(
        NextScreen, "read", lambda self: threads.append(threading.current_thread()) or read(self)
    )
    app = LabApp(paths, study="rates")
    async with app.run_test(size=SMALL) as pilot:
        screen = await what_follows(pilot, app)
        assert threading.main_thread() not in threads
        assert screen.chosen.kind == "widen"
        for shown in ("▲ search-boundary rate high", "widen: the range", "enter train"):
            assert shown in screen_text(app)
        assert "# search-boundary rate high: it ended at 1" in text(app)
        await pilot.press("enter")
        await on(pilot, app, AskScreen)
        assert "Train 20 trials of rates-widen?" in screen_text(app)
        await pilot.press("escape")
        await on(pilot, app, NextScreen)
        with Lab(paths) as lab:
            assert [study.name for study in lab.studies()] == ["rates"]
        await pilot.press("enter", "enter")
        await on(pilot, app, StudyScreen)
        await until(pilot, lambda: app.screen.view is not None)
        child = app.screen
        assert child.name_of_study == "rates-widen"
        await until(pilot, lambda: child.view.study.state == "completed", WAIT)
        assert "widen of rates: " in screen_text(app)
        await pilot.press("1")
        await until(pilot, lambda: "Beside rates (widen)" in screen_text(app), WAIT)
        assert "In this sample" in screen_text(app)
        await pilot.press("q")
        assert app.screen.name_of_study == "rates"
    with Lab(paths) as lab:
        study = lab.study("rates-widen")
    assert (study.parent, study.kind, study.ended) == ("rates", "widen", 20)
    assert study.command == "labtui next rates --kind widen --run"


async def test_what_cannot_be_made_is_grey_last_and_says_why(paths):
    app = LabApp(paths, study="rates")
    async with app.run_test(size=SMALL) as pilot:
        screen = await what_follows(pilot, app)
        rows = screen.query_one("#choices", Table).rows
        made = [one.made is not None for one in rows]
        assert made == sorted(made, reverse=True)
        assert not all(made)
        await pilot.press("G")
        assert screen.chosen.made is None
        why = " ".join(screen.chosen.cannot.split()[:4])
        assert f"✗ It cannot be made: {why}" in " ".join(screen_text(app).split())
        await pilot.press("enter")
        assert f"cannot be made: {why}" in said(app)
        await pilot.press("s")
        assert isinstance(app.screen, NextScreen)
        await pilot.press("tab")
        assert isinstance(screen.focused, TextPane)
        await pilot.press("tab", "q")
        assert isinstance(app.screen, StudyScreen)


async def test_its_file_is_written_once_and_never_over_another(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = LabApp(paths, study="rates")
    async with app.run_test(size=LARGE) as pilot:
        screen = await what_follows(pilot, app)
        choices, file_text = screen.query_one("#choices"), screen.query_one("#text")
        assert choices.region.right <= file_text.region.x  # side by side
        assert "rate: {role: nuisance, scale: log, range: [0.001, 10]}" in screen_text(app)
        assert "cannot be made: " in screen_text(app)
        await pilot.press("s")
        await until(pilot, lambda: "written" in said(app))
        file = tmp_path / "rates-widen.yaml"
        assert parse_study(file.read_text(), "it") == screen.chosen.made.study
        assert "# search-boundary rate high" in file.read_text()
        file.write_text("mine")
        await pilot.press("s")
        await until(pilot, lambda: "is there already" in said(app))
        assert file.read_text() == "mine"


async def test_what_the_runner_refuses_is_said_and_nothing_is_queued(paths, tmp_path):
    app = LabApp(paths, study="rates")
    async with app.run_test(size=SMALL) as pilot:
        screen = await what_follows(pilot, app)
        with Lab(paths) as lab:
            script = lab.study("rates").folder + "/train.py"
        shutil.move(script, tmp_path / "away.py")
        try:
            await pilot.press("enter", "enter")
            await until(pilot, lambda: "no such file" in said(app), WAIT)
        finally:
            shutil.move(tmp_path / "away.py", script)
        assert app.screen is screen
        assert not screen.busy
    with Lab(paths) as lab:
        assert [study.name for study in lab.studies()] == ["rates"]


async def test_a_trial_is_trained_again_and_its_deviation_kept(paths):
    app = LabApp(paths, study="rates")
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, app)
        best = app.screen.view.study.best_trial
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen.focused, TrialTable))
        await pilot.press("r")
        await on(pilot, app, AgainScreen)
        await until(pilot, lambda: app.screen.wishes, WAIT)
        screen = app.screen
        assert [wish.kind for wish in screen.wishes] == ["trial", "arms", "search"]
        assert f"labtui rerun rates/{best}" in screen_text(app)
        await pilot.press("enter", "backspace", "0", "enter")
        assert isinstance(app.screen, AskScreen)
        assert "expected a number" in screen_text(app)
        await pilot.press("backspace", "3", "enter")
        await until(pilot, lambda: "deviation is kept for w" in said(app), WAIT)
        assert f"3 reruns of rates/{best} have mean" in " ".join(text(app).split())
        await pilot.press("j", "enter")
        assert "best of each arm" in screen_text(app)
        await pilot.press("escape", "q", "1", "r")
        await on(pilot, app, AgainScreen)
        await until(pilot, lambda: app.screen.wishes, WAIT)
        assert app.screen.chosen.kind == "arms"
        await pilot.press("q", "2", "enter", "r")
        await on(pilot, app, AgainScreen)
        await until(pilot, lambda: app.screen.wishes, WAIT)
        assert app.screen.wishes[0].evidence[0].total == 3
    with Lab(paths) as lab:
        entry = lab.card("w")["retrain"]
        assert (entry["trial"], entry["reruns"]) == (f"rates/{best}", 3)
        assert lab.study(f"rates-rerun-{best}").kind == "rerun"


async def test_a_first_baseline_is_launched_and_seen_in_the_workload(paths):
    app = LabApp(paths, study="rates")
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot, app)
        best = app.screen.view.study.best_trial
        await pilot.press("L")
        await on(pilot, app, LaunchScreen)
        await until(pilot, lambda: "enter trains up to 5 fresh reruns" in screen_text(app), WAIT)
        assert "compared with chance" in screen_text(app)
        await pilot.press("enter", "enter")
        adopted = f"✓ adopt: rates/{best} is baseline 1"
        await until(pilot, lambda: adopted in screen_text(app), WAIT)
        await until(pilot, lambda: "It is the baseline." in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, LaunchScreen)
        await pilot.press("q", "w")
        await on(pilot, app, WorkloadScreen)
        await until(pilot, lambda: "● baseline 1" in screen_text(app), WAIT)
        assert f"rates/{best}" in screen_text(app)
        await pilot.press("b")  # nothing was before it
        assert isinstance(app.screen, WorkloadScreen)


async def test_what_a_study_goes_on_from_and_its_tags_are_marked(paths):
    from labtui.engine.derived import submit_derived
    from labtui.verdicts.rerun_plans import rerun_trial

    with Lab(paths) as lab:
        one = rerun_trial(lab, lab.trial("rates/0"), 1)
    submit_derived(paths, one.parent, one.study, one.text, command=["labtui"])
    asking.change_tags(paths, subject="rates-rerun-0", add=["keep"])
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "↳ rates-rerun-0" in screen_text(app), WAIT)
        app.screen.query_one("#studies", Table).go_to("rates-rerun-0")
        await until(pilot, lambda: "rerun of rates: How much" in screen_text(app))
        await until(pilot, lambda: "#keep" in screen_text(app))
        await pilot.press("enter")
        await opened(pilot, app)
        assert "rerun of rates: " in screen_text(app)
        assert "#keep" in screen_text(app)


async def test_the_help_is_about_the_screen_and_names_the_command(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "rates" in screen_text(app), WAIT)
        await pilot.press("w")
        await on(pilot, app, WorkloadScreen)
        await pilot.press("question_mark")
        await until(pilot, lambda: "A workload: its card" in screen_text(app))
        assert "labtui workload w" in str(app.screen.query_one(TextPane)._text.content)
        await pilot.press("q", "q")
        assert app.screen.chain_name == "lab"


def test_every_screen_of_its_own_has_a_topic():
    assert {"next", "again", "launch", "workload"} <= set(CHAINS) & set(TOPICS)
    assert {"trial-facts", "trial-curves", "trial-log"} <= set(TOPICS)  # of a trial
    assert all(TOPICS[name].twin.startswith("labtui ") for name in TOPICS)


def test_comments_of_a_file_are_joined_where_they_were_broken_for_want_of_room():
    long, short = f"# {'x' * 90} y", "# ends."
    told = [line.text for line in file_lines(f"{long}\n# {'z' * 20} on\n{short}\nseed: 1\n")]
    assert told == [f"{long} {'z' * 20} on", short, "seed: 1"]
    nested = list(file_lines("a:\n  # one\n  - {b: 1}\n"))
    assert [(line.text, line.indent) for line in nested] == [
        ("a:", 0),
        ("# one", 2),
        ("- {b: 1}", 2),
    ]


def test_what_is_answered_is_checked():
    assert [is_count(answer) for answer in ("1", "999")] == ["", ""]
    assert all(map(is_count, ("0", "1000", "", "x", "-1", "1.5")))
    assert is_reason("")
    assert not is_reason("because")


def test_a_look_that_a_command_took_meanwhile_is_not_lost(paths):
    with Lab(paths) as lab:
        study, ordered = lab.study("rates"), sorted(lab.trials("rates"), key=lambda t: t.value)
    asking.set_baseline(
        paths, "w", configuration_of(study, ordered[0]), study="rates", reason="the best"
    )
    with Lab(paths) as lab:
        before = read_standing(lab, ordered[-1].name)
    train_group(paths, before.planned)
    wait_for_state(paths, before.planned.reruns, "completed")
    take_look(paths, before.planned)
    take_look(paths, before.planned)  # planned before any look
    with Lab(paths) as lab:
        (launch,) = lab.launches(workload="w")
        after = read_standing(lab, ordered[-1].name)
    assert (launch.verdict, len(launch.data["looks"])) == ("reject", 1)
    assert (after.group, after.held, after.adopted) == (None, False, False)
    assert "w, then B makes it the baseline by hand" in following(after)  # no rerun is planned
