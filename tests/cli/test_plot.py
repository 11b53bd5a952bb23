"""`labtui plot`: every kind as text and as SVG, and what it says about wrong words."""

import xml.etree.ElementTree as ET

import pytest

from labtui.verdicts.gallery import KINDS

NAME = "digits-optimizer"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("curves", "validation/error_rate"),
        ("axis", "learning_rate (optimizer=adam)"),
        ("isolation", "n=18 ✗2"),
        ("grad-norm", "90th percentile"),
        ("budget", "nothing beyond n"),
        ("best-step", "in the last 25%"),
    ],
)
def test_every_kind_as_text(labtui, kind, shown):
    found = labtui("plot", NAME, kind, "--width", "90", "--height", "15")
    assert (found.code, found.err) == (0, "")
    assert shown in found.out
    lines = found.out.split("\n")
    assert all(len(line) in (0, 90) for line in lines)


def test_all_of_them(labtui, tmp_path):
    found = labtui("plot", NAME, "all", "--svg", tmp_path / "figures")
    files = sorted((tmp_path / "figures").iterdir())
    assert found.code == 0
    assert found.out == ""
    assert found.err.count("wrote ") == len(files)
    assert [path.name[:2] for path in files] == [f"{n:02}" for n in range(1, len(files) + 1)]
    for kind in KINDS:
        assert any(kind in path.name for path in files)
    assert "03-axis-learning_rate-optimizer-nesterov.svg" in [path.name for path in files]
    for path in files:
        assert ET.parse(path).getroot().tag == f"{SVG}svg"


def test_one_figure_is_a_file_of_the_size_asked_for(labtui, tmp_path):
    path = tmp_path / "deep" / "budget.svg"
    assert labtui("plot", NAME, "budget", "--svg", path, "--width", 500, "--height", 250).code == 0
    root = ET.parse(path).getroot()
    assert (root.get("width"), root.get("height")) == ("500", "250")
    before = path.read_bytes()
    again = labtui("plot", NAME, "best-step", "--svg", path)
    assert again.code == 2
    assert "--force" in again.err
    assert path.read_bytes() == before
    assert labtui("plot", NAME, "best-step", "--svg", path, "--force").code == 0
    assert path.read_bytes() != before
    assert [one.name for one in path.parent.iterdir()] == ["budget.svg"]


def test_a_folder_is_refused_before_anything_is_written(labtui, tmp_path):
    (tmp_path / "02-axis-learning_rate-optimizer-adam.svg").write_text("mine")
    found = labtui("plot", NAME, "axis", "--svg", tmp_path)
    assert found.code == 2
    assert [one.read_text() for one in tmp_path.iterdir()] == ["mine"]


def test_stdout_takes_one_figure(labtui):
    found = labtui("plot", NAME, "best-step", "--svg", "-")
    assert ET.fromstring(found.out).tag == f"{SVG}svg"
    several = labtui("plot", NAME, "all", "--svg", "-")
    assert several.code == 2
    assert "name a folder" in several.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["isolatoin"], "did you mean 'isolation'?"),
        (["budget", "--metric", "validation/los"], "did you mean 'validation/loss'?"),
        (["axis", "--hyperparameter", "lerning_rate"], "did you mean 'learning_rate'?"),
        (["curves", "--metric", "grad_nrm"], "did you mean 'grad_norm'?"),
        (["budget", "--select", "finl"], "did you mean 'final'?"),
        (["budget", "--goal", "minimise"], "did you mean 'minimize'?"),
        (["grad-norm", "--trials", "3,999"], "999"),
        (["axis", "--metric", "train/loss", "--metric", "grad_norm"], "takes one --metric"),
    ],
)
def test_wrong_words_name_the_nearest(labtui, arguments, said):
    found = labtui("plot", NAME, *arguments)
    assert found.code == 2
    assert said in found.err
    assert found.out == ""


def test_another_objective_changes_the_figures_and_not_the_lab(labtui):
    own = labtui("plot", NAME, "isolation").out
    loss = labtui("plot", NAME, "isolation", "--metric", "validation/loss", "--select", "final").out
    assert "validation/error_rate (best over training)" in own
    assert "validation/loss (final)" in loss
    up = labtui("plot", NAME, "best-step", "--metric", "grad_norm", "--goal", "maximize").out
    assert "36 in the first 10%" in up  # the norms are largest at the start
    assert labtui("plot", NAME, "isolation").out == own


def test_one_hyperparameter_only(labtui):
    out = labtui("plot", NAME, "isolation", "--hyperparameter", "weight_decay").out
    assert "weight_decay: best of each" in out
    assert "learning_rate" not in out
    assert (
        labtui("plot", NAME, "axis", "--hyperparameter", "learning_rate").out.count("error_rate (")
        == 2
    )


def test_the_curves_of_all_trials(labtui):
    found = labtui("plot", NAME, "curves", "--all", "--width", "90")
    assert found.code == 0
    legend = [line for line in found.out.split("\n") if "#" in line]
    assert sum(line.count("#") for line in legend) == 4  # the best of two arms, in two figures
