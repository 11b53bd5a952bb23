"""The pictures of the findings: what pages ask for, and that the examples are examples."""

import runpy
import xml.etree.ElementTree as ET

import pytest

from tests.docs.pages import ROOT

pictures = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
WANTED = pictures["wanted"]()


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
