"""Copying the command that says the same, and writing what is shown into files."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.exporting import write_beside, write_new
from labtui.tui.screens.export import ExportScreen
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, open_study, screen_text, until


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_lab(tmp_path, points=3, evaluations=4)


async def export(pilot, app, name):
    """Press what a person presses to write one of the files that are offered."""
    await pilot.press("e")
    await until(pilot, lambda: isinstance(app.screen, ExportScreen) and app.screen.focused)
    table = app.screen.query_one("#offers")
    while table.current.name != name:
        before = table.current.name
        await pilot.press("j")
        assert table.current.name != before, f"{name} is not offered"
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, ExportScreen))


async def test_what_has_the_focus_is_written_as_files_that_others_read(lab):
    app = LabApp(lab)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await export(pilot, app, "screen.svg")
        await pilot.press("enter")
        await open_study(pilot, app)
        await pilot.press("2")
        for name in ("trials.csv", "trials.csv", "trials.json"):
            await export(pilot, app, f"digits-optimizer-{name}")
        await pilot.press("3")
        for name in ("chart.svg", "chart.txt", "chart.csv"):
            await export(pilot, app, f"digits-optimizer-{name}")
    assert ET.fromstring(Path("screen.svg").read_text()).tag.endswith("svg")
    assert ET.fromstring(Path("digits-optimizer-chart.svg").read_text()).tag.endswith("svg")
    with Path("digits-optimizer-trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    assert Path("digits-optimizer-trials-2.csv").is_file()  # never over another one
    objects = json.loads(Path("digits-optimizer-trials.json").read_text())
    assert [one["state"] for one in objects] == [one["state"] for one in rows]
    assert "validation" in Path("digits-optimizer-chart.txt").read_text()
    with Path("digits-optimizer-chart.csv").open(newline="") as stream:
        points = list(csv.DictReader(stream))
    assert {tuple(one) for one in points} == {("series", "x", "y")}
    assert float(points[0]["x"]) > 0


async def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(lab, monkeypatch):
    app = LabApp(lab)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen) and app.screen.focused)
        gone = lab.db.parent / "gone"
        monkeypatch.setattr(Path, "cwd", lambda: gone)
        await pilot.press("enter")
        await until(pilot, lambda: "No such file" in screen_text(app))
        await pilot.press("escape")
        assert not isinstance(app.screen, ExportScreen)


async def test_the_command_that_says_the_same_is_copied(lab, monkeypatch):
    app = LabApp(lab)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await pilot.press("Y")
        assert app.clipboard.startswith("labtui ")
        await pilot.press("enter")
        await open_study(pilot, app)
        await pilot.press("2", "Y")
        assert app.clipboard == "labtui show digits-optimizer"
        await pilot.press("3", "Y")
        assert app.clipboard == "labtui plot digits-optimizer curves"


async def test_another_lab_than_the_folders_own_is_named_in_what_is_copied(lab, monkeypatch):
    other = lab.db.parent / "other"
    other.mkdir()
    paths = make_lab(other, points=2, evaluations=2)
    app = LabApp(LabPaths(paths.db))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await pilot.press("Y")
        assert app.clipboard.endswith(f"--lab {paths.db}")


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a.csv", "other")
    assert write_beside(tmp_path, "a.csv", "other").name == "a-2.csv"
    assert write_beside(tmp_path, "a.csv", "more").name == "a-3.csv"
    assert (tmp_path / "a.csv").read_text() == "mine"
