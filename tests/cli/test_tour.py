"""`labtui tour`: the bundled lab, its copy, and what can be done in it."""

import getpass
import json
import lzma
import platform
import re
import shlex
import sqlite3
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from labtui.store.lab import Lab
from labtui.store.lock import WriterLock
from labtui.tour import BUNDLE, open_tour, tour_folder
from labtui.tour.tasks import TASKS
from labtui.tui.actions import ACTIONS
from labtui.verdicts.check import check_study

ROOT = Path(__file__).parents[2]
LARGEST = 2_000_000
"""Bytes that the tour may add to the wheel."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(open_tour(tmp_path_factory.mktemp("tour") / "lab.db")) as opened:
        yield opened


def codes(lab, name):
    study = lab.study(name)
    found = check_study(lab, study, lab.trials(name)).verdict.findings
    return {(finding.code, finding.severity) for finding in found}


# -- the bundle ---------------------------------------------------------------------------------


def test_it_tells_nothing_of_where_it_was_made():
    content = lzma.decompress(BUNDLE.read_bytes())
    paths = re.findall(rb"(?:/(?:home|root|tmp|Users|work|usr|opt|var|private)/[\w./+-]*)", content)
    assert paths == []
    names = {platform.node(), getpass.getuser(), str(ROOT), str(Path.home())}
    told = [name for name in names if len(name) > 4 and name.encode() in content]
    assert told == []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        kept = "SELECT DISTINCT folder, interpreter, environment, file FROM studies"
        assert connection.execute(kept).fetchall() == [("", "", "{}", "")]
        assert set(connection.execute("SELECT machine, pid FROM runners")) == {("", 0)}


def test_it_is_small_and_in_the_packages():
    assert BUNDLE.stat().st_size < LARGEST
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert BUNDLE.is_relative_to(ROOT / "labtui")
    assert "labtui" in built["targets"]["wheel"]["packages"]
    assert "/labtui" in built["targets"]["sdist"]["include"]
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    assert not {"*.xz", "*.db.xz", "lab.db*"} & set(ignored)


def test_the_makefile_makes_it():
    assert "docs/tour.py" in (ROOT / "Makefile").read_text("utf-8")


# -- its story ----------------------------------------------------------------------------------


def test_one_study_was_too_narrow_and_nothing_answers_it(lab):
    assert ("search-boundary", "alert") in codes(lab, "adam-longer")
    assert not [one.name for one in lab.studies() if one.parent == "adam-longer"]


def test_another_was_too_narrow_and_was_widened(lab):
    assert ("search-boundary", "alert") in codes(lab, "optimizers")
    assert ("search-boundary", "alert") not in codes(lab, "optimizers-widen")


def test_one_trial_blew_up(lab):
    found = {code for code, _ in codes(lab, "four-layers")}
    assert found >= {"diverged", "early-instability", "mid-training-instability"}
    (norms,) = lab.curves([lab.trial("four-layers/4").id], "grad_norm")
    assert len(norms.values) > 50


def test_one_study_overfits(lab):
    assert ("overfitting", "warning") in codes(lab, "diabetes-2000-steps")


def test_there_is_a_history(lab):
    assert [one.verdict for one in lab.launches()] == ["adopt", "adopt", "reject"]
    (rolled,) = [one for one in lab.baselines("digits-mlp") if one.rolled_back]
    assert (rolled.id, lab.baseline("digits-mlp").id) == (3, 2)
    assert {one.provenance.get("import") is not None for one in lab.studies()} == {True, False}
    assert lab.tags()
    assert lab.notes("optimizers")


# -- the command --------------------------------------------------------------------------------


@pytest.fixture
def tour(labtui, tmp_path, monkeypatch):
    monkeypatch.setenv("LABTUI_TOUR", str(tmp_path / "tour"))
    return lambda *arguments: labtui("tour", *arguments)


def test_without_a_terminal_it_says_what_to_try(tour, tmp_path):
    found = tour()
    assert found.code == 0
    place, head, *rows = found.out.splitlines()
    assert Path(place) == tmp_path / "tour" / "lab.db"
    assert head.split() == ["task", "command"]
    assert [row.split("  ")[0] for row in rows] == [task.what for task in TASKS]
    assert all(str(tmp_path) in row for row in rows)
    document = json.loads(tour("--json").out)
    assert (document["copied"], document["lab"]) == (False, place)
    assert tour("--path").out == f"{place}\n"


def test_it_keeps_what_was_done_until_told(tour, labtui):
    place = tour("--path").out.strip()
    assert labtui("note", "wider", "seen", "--lab", place).code == 0
    assert "seen" in labtui("note", "wider", "--list", "--lab", tour("--path").out.strip()).out
    assert json.loads(tour("--fresh", "--json").out)["copied"]
    assert "seen" not in labtui("note", "wider", "--list", "--lab", place).out


def test_it_never_overwrites_a_lab_of_ones_own(labtui, lab_file):
    before = lab_file.read_bytes()
    for more in ([], ["--fresh"]):
        found = labtui("tour", "--lab", lab_file, *more)
        assert (found.code, lab_file.read_bytes()) == (2, before)
        assert "is not the tour's" in found.err


def test_it_does_not_begin_again_under_a_runner(tour, tmp_path):
    tour("--path")
    with WriterLock(tmp_path / "tour" / "lab.lock", "runner"):
        found = tour("--fresh", "--path")
    assert found.code == 75
    assert "held by" in found.err


def test_where_nothing_can_be_written_it_names_another_place(labtui, tmp_path):
    (tmp_path / "file").write_text("")
    found = labtui("tour", "--lab", tmp_path / "file" / "lab.db")
    assert found.code == 74
    assert "labtui tour --lab PATH" in found.err


def test_its_place_follows_the_platform():
    assert tour_folder({"LABTUI_TOUR": "/elsewhere"}) == Path("/elsewhere").resolve()
    if sys.platform == "linux":
        assert tour_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/labtui/tour")
        assert tour_folder({"XDG_STATE_HOME": "relative"}).is_absolute()


# -- what is to try -----------------------------------------------------------------------------


def test_the_tasks_name_keys_that_there_are():
    named = {name for task in TASKS for name in re.findall(r"\{(.+?)\}", task.how)}
    assert named <= {action.id for action in ACTIONS}


def test_the_commands_of_the_tasks_do_what_they_say(tour, labtui):
    """Everything is trained here, with this Python, in the folder of the tour."""
    place = tour("--path").out.strip()
    said = {}
    for task in TASKS:
        _, *words = shlex.split(task.command)
        found = labtui(*words, "--lab", place)
        assert found.code == 0, found.err
        said[task.what] = found.out
    assert "search-boundary  learning_rate, high" in said[TASKS[0].what]
    assert said[TASKS[2].what].startswith("width=128's best configurations reach a lower")
    assert "four-layers/4" in said[TASKS[3].what]
    assert said[TASKS[4].what].startswith("adopt: wider/23 is baseline 4 of digits-mlp")
    answered = labtui("check", "adam-longer-widen", "--lab", place).out
    assert "answered: search-boundary learning_rate high" in answered
    with Lab(open_tour(Path(place))) as opened:
        assert opened.baseline("digits-mlp").id == 2
        assert opened.study("adam-longer-widen").interpreter == sys.executable
        assert opened.study("adam-longer-widen").folder == str(Path(place).parent)
