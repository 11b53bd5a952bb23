"""Programs that report by a file: CSV and TensorBoard's events."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import pytest

from labtui.trainer.trial import Stopped
from labtui_command.errors import CommandError
from labtui_command.events import EventsTail, masked_crc
from labtui_command.table import TableTail
from tests.support.commands import attempt, python, shell

EVENTS = Path(__file__).parents[1] / "data" / "tensorboard" / "events.out.tfevents.sample"
CSV = {"csv": "{checkpoint_dir}/metrics.csv"}
BOARD = {"tensorboard": "{checkpoint_dir}/runs"}


def table(text, **options):
    script = f"""
    import os
    with open(os.environ["LABTUI_CHECKPOINT_DIR"] + "/metrics.csv", "wb") as file:
        file.write({text!r})
    """
    return attempt(python(script), report=CSV, **options)


# -- CSV ----------------------------------------------------------------------------------------


def test_rows_of_a_csv_file():
    text = b"step,train/loss,validation/loss\n1,0.5,2\n2,0.25,\n\n3,NaN,1e-3\n"
    points = table(text).points
    assert points[:3] == [
        ("train/loss", 1, 0.5),
        ("validation/loss", 1, 2.0),
        ("train/loss", 2, 0.25),
    ]
    assert points[3][:2] == ("train/loss", 3)
    assert math.isnan(points[3][2])
    assert points[4] == ("validation/loss", 3, 1e-3)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        (b"\xef\xbb\xbfstep;a\r\n1;2\r\n", [("a", 1, 2.0)]),
        (b"step\ta\n1\t2\n", [("a", 1, 2.0)]),
        (b'"step", "a"\n"1", "2"\n', [("a", 1, 2.0)]),
        (b"a\n5\n6\n", [("a", 1, 5.0), ("a", 2, 6.0)]),
        (b"step,a,b\n1.0,NA,true\n", [("b", 1, 1.0)]),
        (b"step,a\n1,2", [("a", 1, 2.0)]),
        (b"step,a\n", []),
        (b"", []),
    ],
)
def test_dialects_and_gaps(text, points):
    assert table(text).points == points


def test_epochs_become_steps():
    assert table(b"epoch,a\n1,5\n2,6\n", steps_per_epoch=7).points == [
        ("a", 7, 5.0),
        ("a", 14, 6.0),
    ]


def test_a_column_of_text_is_left_out_and_said():
    trial = table(b"step,phase,a\n1,warm,2\n2,up,3\n")
    assert trial.points == [("a", 1, 2.0), ("a", 2, 3.0)]
    assert trial.warnings == [
        "metrics.csv line 2: column 'phase' holds 'warm'; it is left out from here on"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"step,a\n1,2,3\n", "metrics.csv line 2: found 3 fields; expected 2, as the header has"),
        (
            b"step,a\n1,2\nx,2\n",
            'metrics.csv line 3: step: found "x"; expected the updates completed, a whole number '
            "from 0",
        ),
        (
            b"step,a\n-1,2\n",
            "metrics.csv line 2: step: found -1; expected the updates completed, a whole number "
            "from 0",
        ),
    ],
)
def test_rows_that_cannot_be(text, said):
    assert str(table(text, expect=CommandError).error) == said


def test_rows_arrive_while_the_program_runs_and_half_a_row_waits(tmp_path):
    file = tmp_path / "m.csv"
    tail = TableTail(str(file))
    assert list(tail.read()) == []
    seen = []
    for part in ("step,a\n1,", "5\n2,6", "\n", "3,7"):
        with open(file, "a") as out:
            out.write(part)
        seen.append([(r.step, r.metrics) for r in tail.read()])
    assert seen == [[], [(1, {"a": 5.0})], [(2, {"a": 6.0})], []]
    assert list(tail.read(ended=True, whole=False)) == []
    assert [r.step for r in tail.read(ended=True)] == [3]


def test_what_was_in_the_file_before_is_old_unless_it_begins_anew(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text("step,a\n1,5\n2,6\n")
    tail = TableTail(str(file))
    with open(file, "a") as out:
        out.write("3,7\n")
    assert [r.step for r in tail.read()] == [3]
    file.write_text("step,b\n9,1\n")
    assert [(r.step, r.metrics) for r in tail.read()] == [(9, {"b": 1.0})]


def test_the_evaluation_in_the_file_counts_for_the_checkpoint_on_standard_output():
    script = """
    cd "$LABTUI_CHECKPOINT_DIR"
    echo step,validation/loss > metrics.csv
    for step in 10 20 30; do
        echo $step,0.$step >> metrics.csv
        echo $step > s$step
        echo "{\\"step\\": $step, \\"checkpoint\\": \\"s$step\\"}"
    done
    """
    trial = attempt(shell(script), report=CSV, max_steps=30)
    kept = {m["step"]: m["value"] for m in trial.sink.messages if m["kind"] == "checkpoint"}
    assert kept == {10: 0.1, 30: 0.3}


def test_a_stop_is_noticed_in_a_file():
    script = """
    cd "$LABTUI_CHECKPOINT_DIR"
    echo step,validation/loss > metrics.csv
    step=0
    while true; do
        step=$((step + 1))
        echo $step,1 >> metrics.csv
        sleep 0.002
    done
    """
    trial = attempt(
        shell(script),
        report=CSV,
        max_steps=10**6,
        prepare=lambda trial: trial.request_stop(),
        expect=Stopped,
    )
    assert trial.error.step == trial.points[-1][1]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            {"csv": "metrics.csv"},
            "report: found csv: 'metrics.csv', the same for every trial; expected a path of each "
            "trial's own, such as {checkpoint_dir}/metrics.csv",
        ),
        ({"xml": "{name}"}, "report: found xml; expected one of csv, tensorboard"),
    ],
)
def test_a_report_that_cannot_be(report, said):
    assert str(attempt(shell("true"), report=report, expect=CommandError).error) == said


# -- TensorBoard --------------------------------------------------------------------------------


def scalars(path, **end):
    tail = EventsTail(str(path))
    shutil.copytree(EVENTS.parent, path)
    return [(name, r.step, v) for r in tail.read(**end) for name, v in r.metrics.items()], tail


def test_scalars_of_an_event_file_written_by_tensorboardx(tmp_path):
    """Written by tensorboardX 2.6.5, with a histogram, a text, and scalars as tensors."""
    found, tail = scalars(tmp_path / "runs", ended=True)
    loss = [v for name, _, v in found if name == "train/loss"]
    assert loss == [struct.unpack("<f", struct.pack("<f", 1 / n))[0] for n in range(1, 6)]
    assert ("validation/loss", 5, 0.25) in found
    assert [(s, v) for name, s, v in found if name == "epoch_loss"] == [
        (6, 0.5),
        (7, 0.125),
        (8, 0.1),
    ]
    assert [name for name, _, v in found if math.isnan(v)] == ["validation/error_rate"]
    assert {name for name, _, _ in found} == {
        "train/loss", "validation/loss", "validation/error_rate", "epoch_loss",
    }  # fmt: skip
    assert not tail.warnings


def test_a_folder_inside_names_its_scalars_as_keras_does(tmp_path):
    tail = EventsTail(str(tmp_path))
    (tmp_path / "validation").mkdir()
    shutil.copy(EVENTS, tmp_path / "validation")
    names = {name for report in tail.read() for name in report.metrics}
    assert "validation/epoch_loss" in names


def test_a_program_that_writes_events():
    script = f'mkdir "$LABTUI_CHECKPOINT_DIR/runs"; cp {EVENTS} "$LABTUI_CHECKPOINT_DIR/runs"'
    trial = attempt(shell(script), report=BOARD, metric="validation/loss")
    assert ("train/loss", 2, 0.5) in trial.points
    assert trial.trial.evaluated_value == 0.25
    assert not trial.warnings


def test_row_82_an_event_file_is_read_up_to_a_torn_record(tmp_path):
    data = EVENTS.read_bytes()
    whole, _ = scalars(tmp_path / "whole", ended=True)
    ends = _ends(data)
    for cut in [ends[3] + 1, ends[3] + 11, ends[3] + 20, ends[4] - 1]:
        folder = tmp_path / str(cut)
        tail = EventsTail(str(folder))
        folder.mkdir()
        file = folder / EVENTS.name
        file.write_bytes(data[:cut])
        found = [(name, r.step, v) for r in tail.read() for name, v in r.metrics.items()]
        assert found == whole[: len(found)]
        assert not tail.warnings
        assert list(tail.read(ended=True)) == []
        assert tail.warnings == [
            f"{EVENTS.name}: stopped at byte {ends[3]}: its last record is cut off; what is before "
            "it was kept"
        ]


def test_an_event_file_is_read_as_it_grows(tmp_path):
    data = EVENTS.read_bytes()
    whole, _ = scalars(tmp_path / "whole", ended=True)
    tail = EventsTail(str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    found = []
    for at in range(0, len(data), 97):
        with open(tmp_path / "runs" / EVENTS.name, "ab") as file:
            file.write(data[at : at + 97])
        found += [(name, r.step, v) for r in tail.read() for name, v in r.metrics.items()]
    assert repr(found) == repr(whole)
    assert not tail.warnings


@pytest.mark.parametrize(("offset", "what"), [(2, "a length"), (14, "a record")])
def test_row_82_a_wrong_checksum_stops_there(tmp_path, offset, what):
    data = bytearray(EVENTS.read_bytes())
    ends = _ends(data)
    data[ends[3] + offset] ^= 1
    tail = EventsTail(str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / EVENTS.name).write_bytes(data)
    before = list(tail.read())
    assert len(before) == 3  # the first record is the file's version
    assert list(tail.read(ended=True)) == []
    assert tail.warnings == [
        f"{EVENTS.name}: stopped at byte {ends[3]}: the checksum of {what} is wrong; what is "
        "before it was kept"
    ]


def test_a_large_record_is_passed_over_and_old_files_are_not_read(tmp_path):
    data = EVENTS.read_bytes()
    big = struct.pack("<Q", 100_000)
    record = big + struct.pack("<I", masked_crc(big)) + b"\0" * 100_004
    (tmp_path / "old.tfevents").write_bytes(data)
    tail = EventsTail(str(tmp_path))
    file = tmp_path / "new.tfevents"
    file.write_bytes(record[:5000])
    assert list(tail.read()) == []
    file.write_bytes(record + data)
    assert sum(len(r.metrics) for r in tail.read()) == 10


def _ends(data):
    """Where each record ends."""
    ends, at = [], 0
    while at < len(data):
        at += 16 + struct.unpack_from("<Q", data, at)[0]
        ends.append(at)
    return ends
