"""What the commands print."""

import csv
import dataclasses
import io
import json

import pytest

from labtui.cli import trainers
from labtui.cli.report import figures, print_study
from labtui.engine import plugins
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.trainer.plugin import Hyperparameter, Plugin, Workload
from labtui.verdicts.printed import last_overwrite
from tests.support.labs import make_lab


@pytest.fixture
def lab(lab_file):
    with Lab(LabPaths(lab_file)) as opened:
        yield opened


def test_list(labtui):
    found = labtui("list")
    header, *rows = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    assert header.split()[:6] == ["study", "state", "done", "infeasible", "best", "trial"]
    assert rows[0].split()[:3] == ["second", "interrupted", "5/8"]
    assert rows[1].split()[:3] == ["digits-optimizer", "completed", "40/40"]


def test_list_json(labtui):
    found = labtui("list", "--json")
    names = [study["name"] for study in json.loads(found.out)["studies"]]
    assert names == ["second", "digits-optimizer"]


def test_show_a_study(labtui):
    out = labtui("show", "digits-optimizer").out
    assert "Does Adam reach a lower validation error" in out
    assert "minimize validation/error_rate (best over training)" in out
    assert "cd /nowhere && labtui run digits-optimizer.yaml" in out
    assert "log 0.001 … 10" in out
    assert len([line for line in out.splitlines() if " optimizer=adam" in line]) >= 20
    assert "diverged at step" in out


def test_show_json_of_a_study_and_a_trial(labtui):
    study = json.loads(labtui("show", "digits-optimizer", "--json").out)
    assert [trial["number"] for trial in study["trials"]] == list(range(40))
    by_name = json.loads(labtui("show", "digits-optimizer/3", "--json").out)
    by_id = json.loads(labtui("show", by_name["id"], "--json").out)
    assert by_name == by_id
    assert by_name["trial"] == "digits-optimizer/3"


def test_show_a_trial(labtui):
    out = labtui("show", "second/3").out
    fields = dict(line.split(maxsplit=1) for line in out.partition("\n\n")[0].splitlines())
    assert fields["trial"].startswith("second/3 (id ")
    assert "learning_rate=" in fields["parameters"]
    assert fields["versions"] == "python 3.11"
    assert fields["steps"] == "1000 of 1000"


def test_show_keeps_the_traceback_and_the_checkpoints(labtui, monkeypatch):
    original = Lab.trial
    detail = "Traceback:\n  boom \x1b[31m"
    broken = lambda self, name: dataclasses.replace(original(self, name), detail=detail)  # noqa: E731
    monkeypatch.setattr(Lab, "trial", broken)
    out = labtui("show", "second/3").out
    assert out.endswith("Traceback:\n  boom ␛[31m\n")


def test_plot_curves(labtui):
    found = labtui("plot", "digits-optimizer", "curves", "--width", "80", "--height", "12")
    assert found.code == 0
    assert "validation/error_rate" in found.out
    assert "loss: validation (bright), train (dimmed)" in found.out
    assert max(len(line) for line in found.out.splitlines()) <= 80
    assert "\x1b" not in found.out


def test_plot_chosen_trials_and_metric(labtui):
    found = labtui("plot", "second", "curves", "--trials", "3, second/4", "--metric", "grad_norm")
    assert "#3 optimizer=adam" in found.out
    assert "#4 optimizer=nesterov" in found.out
    assert "error_rate" not in found.out


def test_plot_axes(labtui):
    out = labtui("plot", "digits-optimizer", "axis", "--no-color").out
    assert out.index("learning_rate (optimizer=nesterov)") < out.index("weight_decay")
    assert "✗" in out


def test_plot_in_colour_when_asked(labtui):
    assert "\x1b[" in labtui("plot", "second", "axis", "--color").out


def test_report_at_the_end_of_a_run(lab, capsys):
    print_study(lab, "digits-optimizer", width=90, color=False)
    out = capsys.readouterr().out
    assert out.index("median") < out.index("learning_rate (optimizer=adam)") < out.index("loss:")
    assert max(len(line) for line in out.splitlines()) <= 120
    titles = [spec.title.partition(":")[0] for spec in figures(lab, "digits-optimizer")]
    assert titles == [
        "learning_rate (optimizer=nesterov)",
        "learning_rate (optimizer=adam)",
        "validation/error_rate",
        "loss",
    ]


def test_export_to_a_folder(labtui, tmp_path):
    folder = tmp_path / "out"
    found = labtui("export", "second", "--to", folder)
    assert (found.code, found.out) == (0, "")
    assert found.err.count("wrote ") == 5
    names = ["launches.csv", "metrics.csv", "studies.csv", "trials.csv", "workloads.csv"]
    assert sorted(path.name for path in folder.iterdir()) == names
    again = labtui("export", "second", "--to", folder)
    assert again.code == 2
    assert "--force" in again.err
    assert labtui("export", "second", "--to", folder, "--force").code == 0


def test_export_names_a_folder_of_its_own(labtui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labtui("export", "--all")
    assert [path.name for path in tmp_path.iterdir()] == ["lab.export"]
    text = (tmp_path / "lab.export" / "trials.csv").read_text()
    assert len(list(csv.DictReader(io.StringIO(text)))) == 48


def test_export_one_table(labtui, tmp_path):
    to_stdout = labtui("export", "second", "--what", "trials").out
    assert len(list(csv.DictReader(io.StringIO(to_stdout)))) == 8
    labtui("export", "second", "--what", "trials", "--to", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == to_stdout
    assert labtui("export", "second", "--what", "trials", "--to", "-").out == to_stdout


def test_exports_shown_on_a_terminal_are_sanitised(labtui, monkeypatch):
    monkeypatch.setattr("labtui.interop.csv_export.param_value", lambda *_: "\x1b]0;x")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "␛]0;x" in labtui("export", "second", "--what", "trials").out


def test_trainers(labtui):
    out = labtui("trainers").out
    assert "digits-mlp" in out
    assert "learning_rate" in out
    document = json.loads(labtui("trainers", "--json").out)
    numpy = next(one for one in document["trainers"] if one["name"] == "numpy")
    assert numpy["workloads"]["digits-mlp"]["hyperparameters"]["learning_rate"]["scale"] == "log"


def test_trainers_print_nothing_that_acts(labtui, monkeypatch):
    odd = Hyperparameter("optimizer", "\x1b[2J", description="\x9b")
    plugin = Plugin("odd", "a:b", "\x1b", workloads={"w\x1b": Workload("\u202e", {"h": odd}, {})})
    monkeypatch.setattr(plugins, "load_plugins", lambda: {"odd": plugin})
    out = labtui("trainers").out
    assert not set(out) & set("\x1b\x9b\u202e")
    assert trainers.trainers.__doc__


def test_schema(labtui):
    assert "hyperparameters" in json.loads(labtui("schema").out)["properties"]


def test_log(labtui, lab):
    path = lab.paths.trial_log(lab.trial("second/3").id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"start\r\n10%\r20%\r100%\n\x1b[31mred\tx\xff\nend")
    found = labtui("log", "second/3")
    path.unlink()
    assert found.out == "start\n100%\n␛[31mred        x\ufffd\nend\n"
    silent = labtui("log", "second/4")
    assert (silent.code, silent.out) == (0, "")
    assert "second/4 printed nothing" in silent.err


@pytest.mark.parametrize(
    ("line", "left"), [("a", "a"), ("a\rb", "b"), ("a\rb\r", "b"), ("", ""), ("\r\r", "")]
)
def test_overwritten_lines(line, left):
    assert last_overwrite(line) == left


def test_note(labtui, tmp_path):
    paths = make_lab(tmp_path, name="second", points=4)
    found = labtui("note", "second/3", "looks odd", "--lab", paths.db)
    assert found.err == "noted on second/3\n"
    assert labtui("note", "second", "  ", "--lab", paths.db).code == 2
    assert labtui("note", "secnd", "x", "--lab", paths.db).code == 2
    with Lab(paths) as lab:
        assert [text for _, text in lab.notes("second")] == ["looks odd"]
