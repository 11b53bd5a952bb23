"""Deciding about a candidate on the screen, and the lineage that comes of it, on real reruns."""

import shutil

import pytest

from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.tui.actions import at
from labtui.tui.app import LabApp
from labtui.tui.launching import read_standing, reject, take_look, train_group
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.launch import LaunchScreen
from labtui.tui.screens.workload import WorkloadScreen, is_trial
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.launch_plan import configuration_of
from tests.support.engine import processes, run, study_text, wait_for_state, wait_until, write_study
from tests.tui.driving import LARGE, SMALL, screen_text, until
from tests.tui.test_deciding import RATE, SCRIPT, WAIT, WAYS


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Train a study once, whose worst trial is the baseline."""
    folder = tmp_path_factory.mktemp("ran")
    text = study_text("rates", trials=10, steps=20, every=4, workload="w", rate=RATE, way=WAYS)
    text = "".join(line for line in text.splitlines(keepends=True) if "  u: " not in line)
    paths = LabPaths(folder / "lab.db")
    run(paths, write_study(folder, text, SCRIPT))
    with Lab(paths) as lab:
        study, worst = lab.study("rates"), max(lab.trials("rates"), key=lambda one: one.value)
    configuration = configuration_of(study, worst)
    asking.set_baseline(
        paths, "w", configuration, study="rates", trial=worst.name, reason="by hand"
    )
    wait_until(lambda: not processes(paths))
    return folder


@pytest.fixture
def paths(ran, tmp_path):
    """Give a copy of its lab; afterwards, wait for the runner to go."""
    folder = tmp_path / "lab"
    shutil.copytree(ran, folder, ignore=shutil.ignore_patterns("*.lock"))
    paths = LabPaths(folder / "lab.db")
    yield paths
    wait_until(lambda: not processes(paths))


def trials(paths):
    with Lab(paths) as lab:
        return sorted(lab.trials("rates"), key=lambda one: one.value)


def look(paths, name):
    """Train the first group of a launch and look at it."""
    with Lab(paths) as lab:
        planned = read_standing(lab, name).planned
    train_group(paths, planned)
    wait_for_state(paths, planned.reruns, "completed")
    take_look(paths, planned)
    with Lab(paths) as lab:
        return read_standing(lab, name)


def said(app):
    return str(app.screen.query_one("#said").content)


def words(app, name):
    return " ".join(str(app.screen.query_one(f"#{name}-text", TextPane)._text.content).split())


def asked(app):
    return str(app.screen.query_one("#detail").content)


def how(app):
    return str(app.screen.query_one("#how").content)


def keys_shown(app):
    return {one.id for one in app.screen.query_one(KeyLine).shown}


async def launch_of(pilot, app, name):
    screen = LaunchScreen(app.reader, "rates", name)
    app.push_screen(screen)
    await until(pilot, lambda: screen.standing is not None, WAIT)
    return screen


async def test_a_launch_is_looked_at_held_back_overruled_rolled_back_and_adopted_again(paths):
    best, app = trials(paths)[0], LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await launch_of(pilot, app, "rates")
        assert "◌ not looked at" in screen_text(app)
        assert f"candidate {best.name}: " in words(app, "evidence")
        assert {"launch.train", "launch.reject"} < keys_shown(app)
        assert "launch.overrule" not in keys_shown(app)
        await pilot.press("o")
        assert isinstance(app.screen, LaunchScreen)
        await pilot.press("enter")
        assert "candidate and baseline each up to 5 times" in screen_text(app)
        assert f"replaces baseline 1 ({trials(paths)[-1].name}) of w." in asked(app)
        await pilot.press("enter")
        await until(pilot, lambda: "? undecided: rates/" in how(app), WAIT)
        assert "Findings hold it back" in how(app)
        await pilot.press("1")
        assert "◦ selected: does not count" in screen_text(app)
        assert "pays below" in screen_text(app)
        await pilot.press("3")
        assert "Holds it back ▲ search-boundary" in words(app, "doubts")
        await pilot.press("o", "enter")
        assert isinstance(app.screen, AskScreen)
        await pilot.press(*"known", "enter")
        await until(pilot, lambda: "✓ adopt: rates/" in how(app), WAIT)
        assert "because: known" in words(app, "doubts")
        await until(pilot, lambda: keys_shown(app).isdisjoint({"launch.train", "launch.reject"}))
        await pilot.press("w")
        await until(pilot, lambda: "● baseline 2" in screen_text(app), WAIT)
        await pilot.press("b")
        assert f"Baseline 1 ({trials(paths)[-1].name}) becomes" in screen_text(app)
        await pilot.press("enter")
        assert "say why" in screen_text(app)
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: "1 is the baseline" in said(app), WAIT)
        await until(pilot, lambda: "↩ baseline 2" in screen_text(app), WAIT)
        await until(pilot, lambda: "workload.roll-back" not in keys_shown(app))
        await pilot.press("q")
        await until(pilot, lambda: "↩ rolled back" in how(app), WAIT)
        await pilot.press("o")
        assert "Make it the baseline again?" in screen_text(app)
        await pilot.press(*"after all", "enter")
        await until(pilot, lambda: "is baseline 3" in how(app), WAIT)
    with Lab(paths) as lab:
        assert lab.baseline("w").trial == best.name
        assert "after all" in lab.baseline("w").reason


async def test_an_undecided_launch_is_rejected_with_a_reason_that_can_be_taken_back(paths):
    name = trials(paths)[0].name
    assert look(paths, name).held
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        screen = await launch_of(pilot, app, name)
        chart, evidence, doubts = (
            screen.query_one(f"#{i}") for i in ("reruns", "evidence", "doubts")
        )
        assert chart.region.right <= evidence.region.x
        assert evidence.region.bottom <= doubts.region.y
        assert "infeasible 0 0" in words(app, "evidence")
        worst = trials(paths)[-1].name
        await pilot.press("enter")
        assert isinstance(app.screen, AskScreen)  # the finding may be answered: it would adopt
        assert f"Adopted, {name} replaces baseline 1 ({worst}) of w." in asked(app)
        await pilot.press(*"seen", "enter")
        await until(pilot, lambda: "A person adds: seen" in " ".join(how(app).split()), WAIT)
        await pilot.press("x", "enter")
        assert "say why" in screen_text(app)
        await pilot.press(*"too dear", "enter")
        await until(pilot, lambda: "✗ reject: " in how(app), WAIT)
        assert "Rejected by a person: too dear" in " ".join(how(app).split())
        await until(pilot, lambda: "launch.reject" not in keys_shown(app))
        assert "launch.train" not in keys_shown(app)
        await pilot.press("o")
        assert "Take the rejection back?" in screen_text(app)
        await pilot.press(*"cheap", "enter")
        await until(pilot, lambda: "✓ adopt: " in how(app), WAIT)
    with Lab(paths) as lab:
        adopted = lab.launches(workload="w")[-1]
        assert (adopted.evidence["overruled"], adopted.evidence["remark"]) == ("cheap", "seen")
        assert "A person adds: seen" in lab.baseline("w").reason


async def test_the_tree_has_every_launch_and_opens_it(paths):
    found = trials(paths)
    held = look(paths, found[0].name)
    with Lab(paths) as lab:
        other = read_standing(lab, found[-2].name).planned
    reject(paths, other, "no use")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = WorkloadScreen(app.reader, "w")
        app.push_screen(screen)
        await until(pilot, lambda: screen.nodes, WAIT)
        nodes = {one.key: one for one in screen.nodes}
        assert [one.state for one in screen.nodes] == ["current", "undecided", "reject"]
        assert nodes["launch 1"].mean == held.record.evidence["candidate"]["mean"]
        assert any(text.startswith("rate ") for text in nodes["launch 1"].changes)
        assert screen.query_one("#tree", Table).current.key == "baseline 1"
        assert "lineage.open" in keys_shown(app)
        assert "because by hand" in words(app, "node")
        await pilot.press("G")
        await until(pilot, lambda: "Rejected by a person: no use" in words(app, "node"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen), WAIT)
        await until(pilot, lambda: app.screen.standing is not None, WAIT)
        assert app.screen.standing.record.id == 2
        assert "✗ reject" in how(app)
        await pilot.press("q", "B", *"nothing", "enter")
        assert "expected a trial as STUDY/17" in screen_text(app)
        await pilot.press(*["backspace"] * 7, *found[1].name, "enter", *"better", "enter")
        await until(pilot, lambda: f"{found[1].name} is baseline 2" in said(app), WAIT)
        await until(pilot, lambda: "● baseline 2" in screen_text(app), WAIT)
        await pilot.press("B", *"rates/99", "enter", *"x", "enter")
        await until(pilot, lambda: said(app).startswith("✗ "), WAIT)
        await pilot.press("tab")
        assert screen.focused.id == "card-text"
        assert "rates: completed 20/20" in words(app, "card")
    with Lab(paths) as lab:
        assert lab.baseline("w").reason == "better"
        past = read_standing(lab, found[0].name, 1)
    assert past.past
    assert (past.can_train, past.can_reject, past.can_overrule) == (False, False, False)


async def test_a_workload_without_a_baseline_says_what_to_do(tmp_path):
    fresh = LabPaths(tmp_path / "fresh" / "lab.db")
    text = study_text("one", trials=1, steps=4, every=2, workload="new")
    run(fresh, write_study(tmp_path / "fresh", text))
    app = LabApp(fresh)
    async with app.run_test(size=SMALL) as pilot:
        screen = WorkloadScreen(app.reader, "new")
        app.push_screen(screen)
        await until(pilot, lambda: screen.card is not None, WAIT)
        assert "no baseline yet" in screen_text(app)
        assert "→ It has no baseline: `labtui launch STUDY`" in screen_text(app)
        assert "workload.roll-back" not in keys_shown(app)
        assert screen.focused.id == "card-text"


def test_everything_that_decides_names_its_command():
    for one in at("launch", "workload"):
        assert one.twin.startswith("labtui ") or one.group in ("Go", "Look closer"), one.id


def test_a_trial_is_asked_for_by_its_name():
    assert not is_trial("a/b/17")
    assert all(map(is_trial, ("", "17", "a/", "a/b", "/3")))
