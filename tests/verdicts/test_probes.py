"""What is said about probes: tables, figures, sentences and documents from made results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from labtui.analysis.gradients import Norms
from labtui.analysis.rises import Curve, Rise
from labtui.analysis.stability import Sweep, Verdict
from labtui.analysis.throughput import Size
from labtui.charts.plotext_text import to_text
from labtui.engine.probe_stability import Stability
from labtui.engine.probe_subject import Subject
from labtui.engine.probes import BatchSizes
from labtui.verdicts import probes
from labtui.verdicts.text import seconds

SUBJECT = Subject(
    workload="digits-mlp",
    trainer={"name": "numpy", "options": {}},
    params={"learning_rate": 0.1, "batch_size": 64},
    metric="validation/loss",
    goal="minimize",
    folder=Path("/nowhere"),
    common={},
    steps=None,
    ranges={},
    declared=None,
    source="the defaults of trainer numpy",
)
SIZES = (
    Size(8, (8e-6, 8.4e-6), 1e-6, 41_000_000),
    Size(16, (8e-6, 8e-6), 1e-6, 1_234_000_000),
    Size(32, (15.5e-6, 16e-6), 4e-6, None),
    Size(64, outcome="out of memory: cannot allocate 9 GiB"),
)
FOUND = BatchSizes(
    date="2026-01-01T00:00:00.000Z",
    subject=SUBJECT,
    device="cpu",
    params={"learning_rate": 0.1},
    name="batch_size",
    sizes=SIZES,
    end="memory",
    reason="64: out of memory: cannot allocate 9 GiB",
    by_clock=False,
    remarks=(),
)


# -- batch sizes --------------------------------------------------------------------------------


def test_the_table_of_batch_sizes():
    rows = probes.batch_rows(FOUND)
    assert rows == [
        ("8", "1000000", "8 µs", "–", "12 %", "41 MB", "5 %", ""),
        ("16", "2000000", "8 µs", "+100 %", "12 %", "1.2 GB", "0 %", "largest that pays"),
        ("32", "2064516", "15.5 µs", "+3 %", "26 %", "–", "3 %", ""),
        ("64", *["–"] * 6, "out of memory: cannot allocate 9 GiB"),
    ]
    assert all(len(row) == len(probes.BATCH_HEADERS) for row in rows)


def test_the_figure_of_batch_sizes():
    spec = probes.batch_chart(FOUND)
    assert (spec.x.scale, spec.y.scale) == ("log", "log")
    ideal, measured, *_ = spec.series
    assert list(ideal.y) == pytest.approx([1e6, 2e6, 4e6])
    assert list(measured.x) == [8, 16, 32]
    assert [mark.value for mark in spec.marks] == [16]
    text = to_text(spec, 80, 15, color=False)
    assert "✗" in text
    assert "16 pays" in text


def said(found):
    return "\n".join(probes.batch_sentences(found))


def test_what_the_probe_of_batch_sizes_says():
    text = said(FOUND)
    assert "largest that pays: 16; ended at 64: out of memory" in text
    assert "input-bound; 25.8 % of a step is spent waiting for data" in text
    assert "GPU" not in text
    waits = tuple(replace(size, data_wait=1e-7) for size in SIZES[:3])
    assert "compute-bound; the device is busy" in said(replace(FOUND, sizes=waits))
    unknown = tuple(replace(size, data_wait=None) for size in SIZES[:3])
    assert "cannot judge" in said(replace(FOUND, sizes=unknown))
    assert "still pays" in said(replace(FOUND, sizes=SIZES[:2]))


def test_what_makes_the_numbers_doubtful_is_said():
    text = said(
        replace(
            FOUND,
            device="cuda:0",
            by_clock=True,
            remarks=("the machine was busy",),
            sizes=(Size(8, (1.0, 2.0)),),
        )
    )
    assert "rounds differ by up to 100%" in text
    assert "never tested on one" in text
    assert "evaluations included" in text
    assert "the machine was busy" in text


def test_a_size_in_a_line():
    assert probes.size_line(SIZES[0], "bs") == "bs 8: 1000000 examples/s, 8 µs a step"
    assert probes.size_line(SIZES[3], "bs") == "bs 64: out of memory: cannot allocate 9 GiB"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (1e-9, "0.001 µs")],
)
def test_times_of_a_step(value, text):
    assert seconds(value) == text


def test_the_document_of_batch_sizes_is_strict_json():
    document = probes.batch_document(FOUND)["batch_size_probe"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["largest_that_pays"], document["bottleneck"]) == (16, "input-bound")
    assert document["params"] == {"learning_rate": 0.1}
    assert document["table"][1] == {
        "batch_size": 16,
        "examples_per_second": 2e6,
        "step_time": 8e-6,
        "gain": pytest.approx(1.0),
        "data_wait": 0.125,
        "memory": 1_234_000_000,
        "spread": 0.0,
        "rounds": 2,
        "outcome": "",
    }


# -- stability ----------------------------------------------------------------------------------

RISE = Rise(start=4, low=2.3, peak=9, high=7.5, recovered=60, early=True)
RISING = Curve((RISE,), early=True)


@pytest.fixture
def found(lab):
    """A sweep whose trials are those of the made-up lab; only their rates matter here."""
    trials = [t for t in lab.trials("digits-optimizer") if "learning_rate" in t.params]
    trials = sorted(trials, key=lambda t: t.params["learning_rate"])
    done = [t for t in trials if t.state == "completed"]
    best = done[5].params["learning_rate"]
    return Stability(
        date="2026-01-01T00:00:00.000Z",
        subject=SUBJECT,
        name="learning_rate",
        study=lab.study("digits-optimizer"),
        trials=tuple(trials),
        dense=done[6],
        sweep=Sweep(best, 0.1, (2 * best,), "", True, "so it is"),
        above=((1.5 * best, RISING), (3 * best, Curve(diverged=17, early=True))),
        metric="train/loss",
        curve=Curve(),
        norms=Norms(((120, 33.0, 11.0), (150, 44.0, 12.5), (160, 22.0, 7.0)), 5.5),
        verdict=Verdict(True, "early", 1.5 * best, ("edge", "curves"), ()),
        remarks=("a remark",),
    )


def test_what_a_curve_did():
    assert probes.curve_text(RISING) == ("rises from step 4, 2.3 to 7.5 at step 9, back at step 60")
    assert probes.curve_text(Curve((replace(RISE, recovered=None),), 70)) == (
        "rises from step 4, 2.3 to 7.5 at step 9, not recovered; diverged at step 70"
    )
    assert probes.curve_text(Curve()) == "has no lasting rise"
    assert probes.curve_text(Curve(unknown="too short")) == "cannot judge: too short"


def test_what_the_probe_of_stability_says_in_the_order_of_the_playbook(found):
    text = "\n".join(probes.stability_sentences(found))
    assert "it is at the edge of the feasible region: so it is" in text
    assert "diverged at step 17" in text
    assert "outliers at step 120 (33, 11.0x its surroundings), step 150" in text
    assert "a remark" in text
    assert "verdict: early instability: the best rate is at the edge" in text
    assert text.index("P40") < text.index("P41") < text.index("P42")
    assert "such as 5.5" in text
    rate = 1.5 * found.sweep.best
    assert f"10x the unstable {rate:.4g}" in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(None, "", None, (), ("curves",)), "verdict: cannot judge"),
        (Verdict(False, "", None, (), ()), "no sign of instability up to 5x the best rate"),
        (Verdict(False, "", None, (), ("edge",)), "as far as the sweep reaches"),
        (Verdict(True, "mid-training", 1.0, ("dense",), ()), "this one is later"),
    ],
)
def test_verdicts(found, verdict, words):
    text = "\n".join(probes.stability_sentences(replace(found, verdict=verdict)))
    assert words in text
    assert ("P40" in text) == bool(verdict.unstable)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"end": "highest"}, "the best may lie above, probe --around"),
        ({"end": "lowest"}, "the best may lie below"),
        ({"at_edge": None}, "cannot judge the edge of the feasible region"),
        ({"at_edge": False}, "it is not at the edge"),
        ({"best": None}, "cannot judge: so it is"),
    ],
)
def test_what_is_said_of_the_best_rate(found, change, words):
    changed = replace(found, sweep=replace(found.sweep, **change), above=())
    assert words in "\n".join(probes.stability_sentences(changed))


def test_few_or_many_outliers():
    assert "no outlier" in probes.norms_text(Norms())
    assert probes.norms_text(Norms(unknown="none logged")).startswith("cannot judge")
    many = Norms(tuple((step, 9.0, float(step)) for step in range(1, 9)))
    assert probes.norms_text(many).endswith("and 3 more")
    assert "step 3" not in probes.norms_text(many)


def test_the_table_of_rates(found):
    rows = probes.rate_rows(found)
    assert len(rows) == len(found.trials)
    assert [row[-1] for row in rows].count("best rate") == 1
    assert any(row[-1].startswith("diverged") for row in rows)


def test_the_figures_of_stability(lab, found):
    axis, *dense = probes.stability_charts(lab, found)
    assert axis.x.scale == "log"
    assert [mark.label for mark in axis.marks] == ["best rate", "dense run"]
    assert {series.role for series in axis.series} == {"points", "infeasible"}
    assert dense
    assert len(probes.stability_charts(lab, replace(found, dense=None))) == 1
    assert "✗" in to_text(axis, 80, 15, color=False)


def test_the_document_of_stability_is_strict_json(found):
    odd = replace(found, norms=Norms(((1, float("inf"), 6.0),), 1.0))
    document = probes.stability_document(odd)["stability_probe"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["gradient_norm"]["outliers"][0]["norm"] == "Infinity"
    assert document["unstable"] is True
    assert len(document["advice"]) == 3
    assert document["above"][1]["diverged"] == 17
    assert "learning_rate" not in document["params"]
