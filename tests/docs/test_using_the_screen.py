"""The page on the screen names the fields, sizes and tabs that there are, and filters that work."""

import re

import pytest

from labtui.store.lab import Lab
from labtui.tui.feeds import StudyFeed
from labtui.tui.guide import study as guide
from labtui.tui.lab.feed import STUDIES
from labtui.tui.layout import BESIDE, FULL, TALL
from labtui.tui.reader import Pulse
from labtui.tui.screens.base import SMALLEST
from labtui.tui.trial_columns import Known, language
from tests.docs.pages import blocks, rows, section, text
from tests.support.labs import make_lab

PAGE = text("docs/using-the-screen.md")
NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    with Lab(make_lab(tmp_path_factory.mktemp("lab"), points=2)) as lab:
        return language(StudyFeed(NAME).read(lab, Pulse(1, 1, None)), Known())


def fields(of):
    (said,) = (row[1] for row in rows(section(PAGE, "The filter")) if row[0] == of)
    return set(re.findall(r"`([a-z_]+)`", said))


def test_every_field_of_studies_is_documented():
    assert fields("studies") == set(STUDIES.fields)


def test_every_field_of_trials_is_documented(trials):
    assert fields("trials") == set(trials[0].fields)


def test_every_example_of_a_filter_is_one(trials):
    speech, more = trials
    examples = [
        line.split("  ")[0] for line in blocks(section(PAGE, "The filter"), "")[0].splitlines()
    ]
    assert len(examples) >= 4
    for one in examples:
        of_studies = one.startswith("kind:")
        STUDIES.parse(one) if of_studies else speech.parse(one, more)
    for row in rows(section(PAGE, "The filter"))[:5]:
        speech.parse(row[0].strip("`"), more)


def test_the_sizes_are_those_of_the_program():
    (said,) = re.findall(r"\*\*Size\*\*.*?(?=\n- )", PAGE, re.S)
    assert {int(n) for n in re.findall(r"\d+", said)} == {*SMALLEST, 80, TALL, BESIDE, FULL}


def test_the_tabs_of_a_study_have_the_keys_that_are_said():
    (said,) = re.findall(r"\*\*Tabs\*\* of a study: (.*?)\. `tab`", PAGE, re.S)
    shown = dict(re.findall(r"`(\d)` (\w+)", said))
    actions = {a.keys: a.id.partition(".")[2] for a in guide.KEYS if a.keys in shown}
    assert shown == actions
