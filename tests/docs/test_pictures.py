"""The pictures of the findings: what pages ask for, and that the examples are examples."""

import re
import runpy
import xml.etree.ElementTree as ET

import pytest

from labtui.analysis.catalogue import CATALOGUE
from labtui.study.spec import load_study
from tests.docs.pages import ROOT, section

pictures = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
studied = pictures["study_pictures"]
WANTED, STUDIES = pictures["wanted"](), pictures["wanted_studies"]()
FOLDER = ROOT / "docs" / "findings"
DRAWN = sorted(path.stem for path in FOLDER.glob("*.svg"))


def example(code):
    return section((FOLDER / f"{code}.md").read_text("utf-8"), "Example")


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_shows_its_own_picture_or_the_words_of_a_plan(code):
    shown = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", example(code))
    if CATALOGUE[code].group == "design":
        assert "```yaml" in example(code)
    else:
        assert [name for _, name in shown] == [f"{code}.svg"]
        assert code in WANTED or code in STUDIES


@pytest.mark.parametrize("code", DRAWN)
def test_a_picture_is_well_formed_and_small(code):
    text = (FOLDER / f"{code}.svg").read_text("utf-8")
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert (width, height % pictures["SIZE"][1]) == (pictures["SIZE"][0], 0)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 5
    assert len(text.encode()) <= pictures["LARGEST"]
    assert code in CATALOGUE


@pytest.mark.parametrize("code", STUDIES)
def test_a_page_names_the_study_it_is_drawn_from(code):
    study = STUDIES[code].study
    assert load_study(FOLDER / "studies" / study).goal
    link = f"studies/{study}" if study == f"{code}.yaml" else study.replace(".yaml", ".md")
    assert f"]({link})" in example(code)
    assert "```" in example(code)


def test_every_study_is_drawn():
    there = {path.name for path in (FOLDER / "studies").glob("*.yaml")}
    assert there == {picture.study for picture in STUDIES.values()}


def test_a_study_that_is_run_shows_its_finding_and_no_other():
    picture = STUDIES["search-boundary"]
    with studied.judged("search-boundary", picture) as seen:
        assert seen.found.subject == {"hyperparameter": "learning_rate", "side": "high"}
        assert seen.found.evidence["proposed_range"] == [1e-4, 0.1]
        (spec,) = studied.figures(picture, seen)
        assert [mark.label for mark in spec.marks if mark.kind == "proposal"] == ["proposed 0.1"]
        with pytest.raises(LookupError, match="no example of over-clipped"):
            studied.example("over-clipped", picture, seen.study, seen.findings)


def test_a_plane_shows_the_best_trials_along_a_line_of_one_effective_rate():
    picture = STUDIES["interaction"]
    with studied.judged("interaction", picture) as seen:
        assert set(seen.found.evidence["hyperparameters"]) == {"learning_rate", "momentum"}
        (spec,) = studied.figures(picture, seen)
    others, best = spec.series
    assert (len(best.x), len(others.x)) == (12, 36)
    spread = [max(one.x / one.y) / min(one.x / one.y) for one in (best, others)]
    assert spread[0] < spread[1] / 100


@pytest.mark.parametrize(
    ("comment", "figures", "trial"),
    [
        ("study a.yaml axis:learning_rate axis:width", ("axis:learning_rate", "axis:width"), None),
        ("study a.yaml norms trial=3", ("norms",), 3),
        ("study a.yaml curves:validation/loss", ("curves:validation/loss",), None),
    ],
)
def test_comments_about_studies_are_read(comment, figures, trial):
    read = studied.read(comment)
    assert (read.figures, read.trial) == (figures, trial)


@pytest.mark.parametrize("comment", ["study a.yaml", "study a.yaml trial=3", "own study: x axis"])
def test_comments_that_name_no_figure_are_left_alone(comment):
    assert studied.read(comment) is None


@pytest.mark.parametrize("code", WANTED)
def test_a_picture_shows_its_finding_and_is_small(code):
    found = pictures["judged"](code, pictures["load"](WANTED[code]))
    assert found is not None, "the trial is no example of this finding"
    drawn = pictures["draw"](code, WANTED[code])
    ET.fromstring(drawn)
    assert len(drawn.encode()) <= pictures["LARGEST"]
    assert drawn == pictures["draw"](code, WANTED[code])
    assert (ROOT / "docs" / "findings" / f"{code}.svg").exists(), "run `python docs/pictures.py`"


@pytest.mark.parametrize(
    ("comment", "names", "options"),
    [
        ("algoperf a/b/trial_3 validation/loss train/loss", ("validation/loss", "train/loss"), {}),
        (
            "algoperf a/b/trial_3 grad_norm histogram to=500",
            ("grad_norm", "histogram"),
            {"to": "500"},
        ),
        ("algoperf a/b/trial_3, validation/loss y=log: the end", ("validation/loss",), {}),
    ],
)
def test_comments_are_read(comment, names, options):
    read = pictures["read"](comment)
    assert read.trial == "a/b/trial_3"
    assert read.names == names
    assert dict(read.options) == options


@pytest.mark.parametrize(
    "comment",
    ["our own study digits", "algoperf a/b/trial_3", "algoperf x y", "other a/trial_1 loss"],
)
def test_comments_that_ask_for_something_else_are_left_alone(comment):
    assert pictures["read"](comment) is None
