"""`labtui log`: the experiment log of a lab (P45)."""

import json

import pytest

from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts import exports
from labtui.verdicts.experiment_log import Wanted, chosen
from tests.support.labs import make_lab


@pytest.fixture(scope="module")
def lab_file(tmp_path_factory):
    """Two studies: the second goes on from the first, which was launched, noted on and tagged."""
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder, name="first", points=4)
    paths = make_lab(folder, name="second", points=4)
    asking.record_launch(
        paths,
        asking.Launch(
            workload="digits-mlp",
            study="first",
            trial="first/3",
            baseline=None,
            verdict="adopt",
            evidence={"gain": 0.1},
            reason="it is better",
            adopt={"params": {"optimizer": "adam", "learning_rate": 0.5}},
        ),
    )
    asking.change_tags(paths, subject="first", add=["paper"])
    asking.change_tags(paths, subject="second/2", add=["odd"])
    asking.change_tags(paths, workload="digits-mlp", add=["small"])
    from labtui.engine.client import add_note

    add_note(paths, "first", "the one for \x1b[31mthe paper")
    add_note(paths, "second/2", "spikes")
    import sqlite3

    connection = sqlite3.connect(paths.db)
    connection.execute("UPDATE studies SET kind = 'widen', parent = 'first' WHERE name = 'second'")
    connection.commit()
    connection.close()
    return paths.db


def terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)


def test_the_newest_study_comes_first_with_everything_where_there_is_no_terminal(labtui):
    found = labtui("log")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0].split() == [
        *("study", "kind", "workload", "state", "trials", "infeasible", "best"),
    ]
    rows = [line for line in lines[1:] if not line.startswith(" ")]
    assert [row.split()[0] for row in rows] == ["second", "first"]
    assert rows[0].split()[1:3] == ["widen", "digits-mlp"]
    assert "    follows   first" in lines
    assert "    tags      paper" in lines
    assert "    launches  adopted first/3 as baseline 1" in lines
    assert "    notes     the one for ␛[31mthe paper" in lines
    assert "    notes     #2: spikes" in lines
    assert "    again     cd /nowhere && labtui run first.yaml" in lines
    assert lines.count("    goal      Does Adam reach a lower validation error than Nesterov?") == 2
    verdicts = [line for line in lines if line.startswith("    verdict")]
    assert len(verdicts) == 2
    assert all("warning" in line or "note" in line for line in verdicts)


def test_a_narrow_terminal_has_a_line_a_study(labtui, monkeypatch):
    terminal(monkeypatch, 80)
    found = labtui("log")
    lines = found.out.splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["study", "kind", "trials", "infeasible", "best", "verdict"]
    assert all(len(line) <= 80 for line in lines)


def test_a_wide_terminal_breaks_words_and_no_command(labtui, monkeypatch):
    terminal(monkeypatch, 160)
    lines = labtui("log").out.splitlines()
    assert all(len(line) <= 160 for line in lines)
    assert "    again     cd /nowhere && labtui run second.yaml" in lines


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--tag", "paper"], ["first"]),
        (["--tag", "odd"], ["second"]),
        (["--kind", "widen"], ["second"]),
        (["--workload", "digits-mlp"], ["second", "first"]),
        (["--workload", "digits-mlp", "--tag", "paper"], ["first"]),
        (["--tag", "small"], []),
    ],
)
def test_studies_are_chosen(labtui, arguments, names):
    found = labtui("log", "--json", "--no-verdict", *arguments)
    assert found.code == 0
    assert [row["study"] for row in json.loads(found.out)["studies"]] == names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tag", "papr"], "did you mean 'paper'"),
        (["--kind", "widn"], "did you mean 'widen'"),
        (["--workload", "digits"], "did you mean 'digits-mlp'"),
        (["first/1", "--tag", "paper"], "what a trial printed has none"),
        (["first"], "first is a study, and this prints what a trial printed"),
    ],
)
def test_what_there_is_not_is_said(labtui, arguments, said):
    found = labtui("log", *arguments)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


def test_the_document_has_what_the_lab_knows(labtui):
    rows = {row["study"]: row for row in json.loads(labtui("log", "--json").out)["studies"]}
    first = rows["first"]
    assert first["tags"] == ["paper"]
    assert [launch["text"] for launch in first["launches"]] == ["adopted first/3 as baseline 1"]
    assert [(note["subject"], note["trial"]) for note in first["notes"]] == [("first", None)]
    assert [note["subject"] for note in rows["second"]["notes"]] == ["second/2"]
    assert (rows["second"]["kind"], rows["second"]["parent"]) == ("widen", "first")
    assert first["verdict"]
    assert first["infeasible_share"] == first["infeasible"] / first["trials"]


def test_nothing_is_judged_twice(lab_file, labtui, monkeypatch):
    shown = labtui("log").out
    monkeypatch.setattr(exports, "verdict_line", None)  # judging again would fail
    assert labtui("log").out == shown


def test_a_verdict_is_judged_again_when_a_trial_changed(tmp_path, monkeypatch):
    paths = make_lab(tmp_path, points=2, name="s")
    judged = []
    with Lab(paths) as lab:
        for _ in range(2):
            list(exports.logged(lab, lab.studies(), tell=judged.append))
    assert judged == ["s"]
    import sqlite3

    connection = sqlite3.connect(paths.db)
    connection.execute("UPDATE trials SET revision = revision + 1 WHERE number = 1")
    connection.commit()
    connection.close()
    with Lab(LabPaths(paths.db)) as lab:
        list(exports.logged(lab, chosen(lab, Wanted()), tell=judged.append))
        list(exports.logged(lab, lab.studies(), judged=False, tell=judged.append))
    assert judged == ["s", "s"]


def test_an_empty_lab_says_so(labtui, tmp_path):
    from labtui.store.writer import Writer

    with Writer(LabPaths(tmp_path / "lab.db")):
        pass
    found = labtui("log", "--lab", tmp_path / "lab.db")
    assert (found.code, found.out) == (0, "")
    assert "holds no study yet" in found.err
    assert json.loads(labtui("log", "--json", "--lab", tmp_path / "lab.db").out) == {"studies": []}
