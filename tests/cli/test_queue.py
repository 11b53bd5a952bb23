"""`labtui queue`: what it shows, and how it moves a study."""

import json
import re

import pytest

from labtui.store.changes import add_runner
from labtui.store.identity import own_identity
from labtui.store.lab import Lab
from labtui.store.lock import WriterLock
from labtui.store.occupancy import Slot, put_slots
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.cli.conftest import ROOT
from tests.support.labs import make_lab

NAMES = ("first", "second", "third")


@pytest.fixture
def lab_file(tmp_path):
    make_lab(tmp_path, name="done", points=1)
    for name in NAMES:
        paths = make_lab(tmp_path, name=name, points=2, ended=1, state="queued")
    return paths.db


def places(outcome):
    """Name the studies of the table, in its order."""
    rows = outcome.out.split("place ")[1].splitlines()[1:]
    return [row.split()[1] for row in rows]


def test_the_queue_is_shown_in_its_order(labtui):
    found = labtui("queue")
    assert (found.code, places(found)) == (0, list(NAMES))
    assert found.out.startswith("no runner lives")
    assert "1/4" in found.out
    assert "`labtui run first` starts a runner" in found.err


@pytest.mark.parametrize(
    ("options", "after", "place"),
    [
        (("third", "--first"), ["third", "first", "second"], 1),
        (("first", "--last"), ["second", "third", "first"], 3),
        (("first", "--place", "2"), ["second", "first", "third"], 2),
    ],
)
def test_a_study_is_moved(labtui, lab_file, options, after, place):
    found = labtui("queue", *options)
    assert (found.code, places(found)) == (0, after)
    assert f"{options[0]}: place {place} of 3" in found.err
    with Lab(LabPaths(lab_file)) as lab:
        assert lab.queue() == after


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("first",), "give one of --first, --last and --place N"),
        (("first", "--first", "--last"), "give one of --first, --last and --place N"),
        (("--first",), "name it, as `labtui queue NAME`"),
        (("first", "--place", "0"), "places begin with 1"),
        (("first", "--place", "4"), "place 4: the queue has 3; expected 1"),
        (("done", "--first"), "'done' is completed: it is not in the queue"),
        (("secnd", "--first"), "did you mean 'second'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(labtui, lab_file, options, message):
    found = labtui("queue", *options)
    assert found.code == 2
    assert message in found.err
    with Lab(LabPaths(lab_file)) as lab:
        assert lab.queue() == list(NAMES)


def test_a_lab_where_nothing_waits_says_what_to_do(labtui, tmp_path):
    other = make_lab(tmp_path / "other", points=1)
    found = labtui("queue", "--lab", other.db)
    assert found.code == 0
    assert "`labtui run STUDY.yaml` adds one" in found.err


def test_the_slots_of_a_runner_are_a_table_and_a_document(labtui, lab_file):
    paths = LabPaths(lab_file)
    with Writer(paths) as writer:
        runner = add_runner(writer, own_identity(), version="0.1.0", slots=2)
        (trial,) = writer.connection.execute(
            "SELECT t.id FROM trials t JOIN studies s ON s.id = t.study "
            "WHERE s.name = 'first' AND t.number = 1"
        ).fetchone()
        writer.execute("UPDATE trials SET state = 'running' WHERE id = ?", (trial,))
        slots = [
            Slot(1, "cpu", 11, trial, 8, 40, 0.0125, 0.5, 3 << 30),
            Slot(2, "cuda:1", 12, None, 1, None, None, None, None),
        ]
        put_slots(writer, runner, [(slot, "2026-01-01T00:00:00.000Z") for slot in slots])
    with WriterLock(paths.lock, "runner"):
        shown, document = labtui("queue"), json.loads(labtui("queue", "--json").out)
    lines = [" ".join(line.split()) for line in shown.out.splitlines() if line]
    assert lines[0].endswith("2 slots on the CPU, at work on cuda:1; 1 in use")
    assert lines[2] == "1 cpu first/1 +7 40/1000 12.5 ms 50 % 3.2 GB"
    assert lines[3] == "2 cuda:1 waiting – – – –"
    assert document["runner"]["slots"] == 2
    assert [slot["trial"] for slot in document["slots"]] == ["first/1", None]
    assert [slot["lanes"] for slot in document["slots"]] == [8, 0]
    assert [one["name"] for one in document["queue"]] == list(NAMES)
    assert [one["training"] for one in document["queue"]] == [1, 0, 0]
    page = (ROOT / "docs" / "lab-file.md").read_text().split("`labtui queue --json`")[1]
    page = page.split("\n\n")[0]
    for part in (document["runner"], document["slots"][0], document["queue"][0]):
        assert [key for key in part if not re.search(f'[`"]{key}[`"]', page)] == []
