"""The one writer: group commits, exact summaries, what is never a best, rewinding."""

from __future__ import annotations

import math
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.store.changes import (
    NewStudy,
    NewTrial,
    add_checkpoint,
    add_study,
    claim_trial,
    keep_checkpoints,
    requeue_trial,
)
from labtui.store.errors import LabBroken, LabGone, LabHeld
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.summaries import by_metric, summarize
from labtui.store.writer import Writer

NAN, INF = math.nan, math.inf
OBJECTIVE = "validation/error_rate"


def study(name="s", direction="minimize", selection="best"):
    return NewStudy(
        name=name,
        workload="w",
        trainer="numpy",
        goal="?",
        metric=OBJECTIVE,
        direction=direction,
        selection=selection,
        seed=2**64 - 1,
        sequence="halton-1",
        total=3,
        spec={},
        folder="/",
        interpreter="python",
    )


@pytest.fixture
def paths(tmp_path):
    return LabPaths(tmp_path / "lab.db")


@pytest.fixture
def writer(paths):
    with Writer(paths) as writer:
        add_study(writer, study(), [NewTrial(n, n, "a", {}, {}, 1, 100) for n in range(3)])
        claim_trial(writer, 1, study=1, runner=None, attempt=1, start_step=0)
        writer.watch(1, OBJECTIVE, minimize=True)
        writer.commit()
        yield writer


def trial(paths, number=0):
    with Lab(paths) as lab:
        return lab.trial(f"s/{number}")


def test_points_come_back_bit_for_bit_nan_and_infinities_included(writer, paths):
    values = [0.1, NAN, INF, -INF, 5e-324, 1.7976931348623157e308, -1.5]
    writer.add_points(1, [("train/loss", step, v) for step, v in enumerate(values, 1)])
    writer.commit()
    with Lab(paths) as lab:
        (curve,) = lab.curves([1], "train/loss")
    assert curve.steps == tuple(range(1, 8))
    assert [repr(v) for v in curve.values] == [repr(v) for v in values]


def test_nothing_is_seen_before_the_commit_and_all_of_it_after(writer, paths):
    before = trial(paths).revision
    writer.add_points(1, [(OBJECTIVE, 1, 0.5)])
    assert trial(paths).best_value is None
    revision = writer.commit()
    found = trial(paths)
    assert (found.best_value, found.best_step, found.last_step) == (0.5, 1, 1)
    assert found.revision == revision > before


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([(OBJECTIVE, 1, 0.5), (OBJECTIVE, 2, NAN)], (0.5, 1)),
        ([(OBJECTIVE, 1, 0.5), (OBJECTIVE, 2, -INF)], (0.5, 1)),
        ([(OBJECTIVE, 1, INF)], (None, None)),
        ([(OBJECTIVE, 1, 0.5), (OBJECTIVE, 2, 0.5)], (0.5, 1)),
        # after a NaN the metric is finite and better, and means nothing
        (
            [
                ("validation/loss", 1, 2.0),
                (OBJECTIVE, 1, 0.5),
                ("validation/loss", 2, NAN),
                (OBJECTIVE, 2, 0.1),
            ],
            (0.5, 1),
        ),
        # another split's loss does not vouch for it
        ([(OBJECTIVE, 1, 0.5), ("train/loss", 2, NAN), (OBJECTIVE, 2, 0.1)], (0.1, 2)),
    ],
)
def test_what_is_never_a_best(writer, paths, points, best):
    writer.add_points(1, points)
    writer.commit()
    found = trial(paths)
    assert (found.best_value, found.best_step) == best


def test_a_loss_that_arrives_in_a_later_commit_takes_a_best_back(writer, paths):
    writer.add_points(1, [(OBJECTIVE, 1, 0.5), (OBJECTIVE, 2, 0.1)])
    writer.commit()
    assert trial(paths).best_value == 0.1
    writer.add_points(1, [("validation/loss", 2, NAN)])
    writer.commit()
    assert trial(paths).best_value == 0.5


def test_a_step_logged_again_replaces_its_point_and_the_summary(writer, paths):
    writer.add_points(1, [(OBJECTIVE, 1, 0.1), (OBJECTIVE, 2, 0.3)])
    writer.commit()
    writer.add_points(1, [(OBJECTIVE, 1, 0.4)])
    writer.commit()
    found = trial(paths)
    assert (found.best_value, found.best_step, found.last_value) == (0.3, 2, 0.3)
    rows = writer.connection.execute("SELECT n, min, max FROM summaries").fetchall()
    assert rows == [(2, 0.3, 0.4)]


VALUES = st.one_of(st.floats(-5, 5), st.sampled_from([NAN, INF, -INF]))
POINT = st.tuples(
    st.sampled_from([OBJECTIVE, "validation/loss", "train/loss", "grad_norm"]),
    st.integers(0, 12),
    VALUES,
)


@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(st.lists(POINT, min_size=1, max_size=8), min_size=1, max_size=6))
def test_summaries_kept_by_increments_are_those_of_all_points(tmp_path_factory, blocks):
    paths = LabPaths(tmp_path_factory.mktemp("lab") / "lab.db")
    with Writer(paths) as writer:
        add_study(writer, study(), [NewTrial(0, 0, "a", {}, {}, 1, 100)])
        writer.watch(1, OBJECTIVE, minimize=True)
        for block in blocks:
            writer.add_points(1, block)
            writer.commit()
        stored = {
            row[0]: row[1:]
            for row in writer.connection.execute(
                "SELECT m.name, n, first_nonfinite_step, min, min_step, max, max_step, last_step "
                "FROM summaries s JOIN metrics m ON m.id = s.metric"
            )
        }
        best = writer.connection.execute("SELECT best_value, best_step FROM trials").fetchone()
    expected = summarize(point for block in blocks for point in block)
    for name, summary in expected.metrics.items():
        row = summary.row()
        assert stored[name] == (*row[:6], row[7])
    assert best == expected.objective(OBJECTIVE, minimize=True)[:2]


def test_the_newest_value_of_a_step_counts():
    found = summarize([("a", 1, 5.0), ("a", 2, 3.0), ("a", 1, 1.0)])
    assert (found.metrics["a"].n, found.metrics["a"].min_step) == (2, 1)
    assert by_metric([("a", 1, 2.0), ("b", 1, 3.0)]) == {"a": ([1], [2.0]), "b": ([1], [3.0])}


def test_a_requeue_removes_later_points_and_checkpoints_and_recomputes(writer, paths):
    writer.add_points(1, [(OBJECTIVE, s, 1 / s) for s in range(1, 11)])
    for step in (4, 8):
        add_checkpoint(writer, 1, step=step, value=1 / step, folder=f"s{step}", size=1, sha256="x")
    keep_checkpoints(writer, 1, [4, 8], [8])
    writer.commit()
    requeue_trial(writer, 1, reason="interrupted", step=4, seconds=1.5, interrupted=True)
    writer.commit()
    found = trial(paths)
    assert (found.state, found.best_step, found.last_step, found.step) == ("queued", 4, 4, 4)
    with Lab(paths) as lab:
        assert lab.curves([1], OBJECTIVE)[0].steps == (1, 2, 3, 4)
        assert [c.step for c in lab.checkpoints(1)] == [4]


def test_only_one_writes(paths, writer):
    with pytest.raises(LabHeld, match="held by the command with pid"):
        Writer(paths)


def test_a_failed_commit_keeps_everything_for_the_next(writer, paths):
    full = [True]

    def change(connection, revision):
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        connection.execute("UPDATE studies SET goal = 'done'")

    writer.add_points(1, [(OBJECTIVE, 1, 0.5)])
    writer.queue(change)
    with pytest.raises(LabBroken):
        writer.commit()
    assert trial(paths).best_value is None
    assert writer.dirty
    full.clear()
    writer.add_points(1, [(OBJECTIVE, 2, 0.4)])
    writer.commit()
    assert trial(paths).best_value == 0.4
    with Lab(paths) as lab:
        assert lab.curves([1], OBJECTIVE)[0].steps == (1, 2)
        assert lab.study("s").goal == "done"


def test_a_full_disk_really_refuses_and_really_recovers(writer, paths):
    pages = writer.connection.execute("PRAGMA page_count").fetchone()[0]
    writer.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    rows = [("train/loss", step, 1.0) for step in range(1, 20000)]
    writer.add_points(1, rows)
    with pytest.raises(LabBroken, match="the disk is full"):
        writer.commit()
    writer.connection.execute("PRAGMA max_page_count = 1000000")
    writer.commit()
    with Lab(paths) as lab:
        assert len(lab.curves([1], "train/loss")[0].steps) == len(rows)


def test_a_lab_replaced_while_it_is_written_is_noticed(writer, paths, tmp_path):
    paths.db.rename(tmp_path / "elsewhere.db")
    writer.execute("UPDATE studies SET goal = 'x'")
    with pytest.raises(LabGone, match="moved, replaced or deleted"):
        writer.commit()
    (tmp_path / "elsewhere.db").rename(paths.db)
    writer.commit()


def test_durability_is_what_the_contract_says(writer):
    values = {
        name: writer.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_closed_lab_is_one_file(paths):
    Writer(paths).close()
    assert not paths.db.with_name("lab.db-wal").exists()
    assert paths.lock.read_bytes().strip() == b""


def test_maximized_and_final_objectives(paths):
    with Writer(paths) as writer:
        add_study(writer, study("max", "maximize"), [NewTrial(0, 0, "a", {}, {}, 1, 9)])
        add_study(writer, study("final", selection="final"), [NewTrial(0, 0, "a", {}, {}, 1, 9)])
        for number, minimize in ((1, False), (2, True)):
            claim_trial(writer, number, study=number, runner=None, attempt=1, start_step=0)
            writer.watch(number, OBJECTIVE, minimize=minimize)
            writer.add_points(
                number, [(OBJECTIVE, 1, 0.2), (OBJECTIVE, 2, 0.9), (OBJECTIVE, 3, 0.5)]
            )
        writer.execute("UPDATE trials SET state = 'completed'")
    with Lab(paths) as lab:
        assert (lab.trial("max/0").value, lab.trial("max/0").best_step) == (0.9, 2)
        assert lab.trial("final/0").value == 0.5
        assert {s.name: s.best_value for s in lab.studies()} == {"max": 0.9, "final": 0.5}


def test_blocks_after_a_repeated_step_in_one_commit_count(writer, paths):
    writer.add_points(1, [(OBJECTIVE, 10, 0.5), (OBJECTIVE, 20, 0.4)])
    writer.commit()
    writer.add_points(1, [(OBJECTIVE, 20, 0.3)])
    writer.execute("UPDATE studies SET goal = 'x'")
    writer.add_points(1, [(OBJECTIVE, 30, 0.0001)])
    writer.commit()
    writer.add_points(1, [(OBJECTIVE, 40, 0.2)])
    writer.commit()
    assert (trial(paths).best_value, trial(paths).best_step) == (0.0001, 30)
    assert writer.connection.execute("SELECT n FROM summaries").fetchone() == (4,)


def test_a_change_that_can_never_be_made_leaves_no_transaction_open(writer, paths):
    writer.execute("UPDATE studies SET goal = ?", ("caf\udce9",))
    with pytest.raises(UnicodeEncodeError):
        writer.commit()
    assert not writer.connection.in_transaction
    writer.abandon()
    writer.add_points(1, [(OBJECTIVE, 1, 0.5)])
    writer.commit()
    assert trial(paths).best_value == 0.5
