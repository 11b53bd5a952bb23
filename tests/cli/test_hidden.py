"""What the test set said is in the lab and nowhere that a person chooses by (P32)."""

import zipfile

import pytest

from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts.gallery import KINDS
from tests.support.hidden import NAMES, SECRET, add_test_metrics, is_seen
from tests.support.labs import make_lab

STUDY = "digits-optimizer"
PRINTED = [
    ["list"],
    ["list", "--json"],
    ["show", STUDY],
    ["show", STUDY, "--json"],
    ["show", f"{STUDY}/3"],
    ["show", f"{STUDY}/3", "--json"],
    ["check", STUDY],
    ["check", STUDY, "--json"],
    ["check", f"{STUDY}/3"],
    ["workload", "digits-mlp", "--json"],
    ["lineage", "digits-mlp", "--json"],
    ["next", STUDY],
    ["log"],
    ["log", "--json"],
    ["plot", STUDY, "all"],
    *(["plot", STUDY, kind, "--all"] for kind in KINDS),
    *(["export", STUDY, "--what", what] for what in ("trials", "metrics", "studies")),
    *(["export", "--all", "--what", what] for what in ("workloads", "launches")),
    ["export", STUDY, "--format", "markdown", "--to", "-"],
]
WRITTEN = [
    ["export", "--all", "--to", "csv"],
    ["export", "--all", "--format", "xlsx", "--to", "a.xlsx"],
    ["export", "--all", "--format", "sqlite", "--to", "a.sqlite"],
    ["export", "--all", "--format", "markdown", "--to", "a.md"],
    ["report", STUDY, "--to", "a.html"],
    ["plot", STUDY, "all", "--svg", "figures"],
]


@pytest.fixture(scope="module")
def secret_lab(tmp_path_factory):
    paths = make_lab(tmp_path_factory.mktemp("lab"), points=8)
    add_test_metrics(paths, STUDY)
    launch = asking.Launch(
        workload="digits-mlp",
        study=STUDY,
        trial=f"{STUDY}/3",
        baseline=None,
        verdict="adopt",
        evidence={
            "test": {"test/loss": {"mean": SECRET}},
            "gain": 0.25,
            "sides": [{"test/x": SECRET}],
        },
        reason="better",
        adopt={"params": {"optimizer": "adam"}},
    )
    asking.record_launch(paths, launch)
    return paths.db


@pytest.fixture
def command(labtui, secret_lab, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: labtui(*arguments, "--lab", secret_lab)


def test_the_value_can_be_seen_where_it_is_shown(secret_lab):
    for shown in ("7.7777e77", "7.778e+77", "7.8e77", "8e77"):
        assert is_seen(shown.encode())
    assert is_seen(secret_lab.read_bytes())
    with Lab(LabPaths(secret_lab), everything=True) as lab:
        assert {one.max for one in lab.summaries(STUDY, "test/loss")} == {SECRET}


@pytest.mark.parametrize("arguments", PRINTED, ids=" ".join)
def test_nothing_that_is_printed_holds_it(command, arguments):
    found = command(*arguments)
    assert found.code == 0, found.err
    assert found.out
    assert not is_seen((found.out + found.err).encode())


@pytest.mark.parametrize("arguments", WRITTEN, ids=" ".join)
def test_no_file_holds_it(command, tmp_path, arguments):
    found = command(*arguments)
    assert found.code == 0, found.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert not is_seen(_content(path)), path


def _content(path):
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        return b"".join(map(packed.read, packed.namelist()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "arguments",
    [["show", STUDY], ["check", STUDY], ["plot", STUDY, "curves"], ["plot", STUDY, "axis"]],
    ids=" ".join,
)
def test_asking_for_it_is_refused_with_the_reason(command, arguments, name):
    found = command(*arguments, "--metric", name)
    assert (found.code, found.out) == (2, "")
    assert f"{name}: metrics of the test set" in found.err
    assert "hidden until a launch (P32)" in found.err
    assert "validation/error_rate" in found.err


@pytest.mark.parametrize("arguments", [["report", STUDY], ["export", STUDY, "--what", "trials"]])
def test_no_file_is_written_under_a_hidden_objective(command, tmp_path, arguments):
    found = command(*arguments, "--metric", "test/error_rate")
    assert (found.code, list(tmp_path.iterdir())) == (2, [])
    assert "P32" in found.err


def test_show_says_what_is_hidden_and_names_the_launch(command):
    shown = command("show", f"{STUDY}/3").out
    assert "3 metrics of the test set (P32)" in shown
    assert "launch" in shown
    assert f"adopted {STUDY}/3 as baseline 1" in shown
    assert "adopted" not in command("show", f"{STUDY}/4").out


def test_a_study_that_would_choose_by_it_is_refused(labtui, tmp_path):
    from tests.support.engine import study_text

    text = study_text().replace("validation/error_rate", "test/error_rate")
    (tmp_path / "study.yaml").write_text(text)
    found = labtui("plan", tmp_path / "study.yaml")
    assert found.code == 2
    assert "found 'test/error_rate'; expected a metric of the validation set" in found.err
