"""A study as one HTML page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from labtui.analysis.findings import cannot_judge, finding, gather
from labtui.store.changes import NewHyperparameter, NewStudy, NewTrial, add_study, end_trial
from labtui.store.decisions import add_note
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.verdicts import page_tables
from labtui.verdicts.check import StudyCheck, study_table
from labtui.verdicts.page import PLAYBOOK, POLICY, study_page
from labtui.verdicts.page_findings import (
    MOST_NUMBERS,
    MOST_SUBJECTS,
    explained_section,
    findings_section,
    not_judged_section,
)

HOSTILE = "</style><script src='https://x.test/a.js'>alert(1)</script>\x1b[2J\u202e"
VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """Checks that elements are closed in order; keeps elements, attributes and text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.attributes, self.ids, self.words = [], [], [], set(), []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids |= {value for name, value in attrs if name == "id"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def written(lab, name, **changes):
    study = replace(lab.study(name), **changes)
    return study_page(lab, study, lab.trials(name))


@pytest.fixture(scope="module")
def page(lab):
    return written(lab, "digits-optimizer")


@pytest.fixture(scope="module")
def checked(lab):
    study = lab.study("digits-optimizer")
    table = study_table(lab, study, lab.trials(study.name))
    return StudyCheck(gather(()), table, None, True)


def test_the_page_is_well_formed_and_forbids_itself_everything(page):
    read = Reader(page)
    policy = next(value for _, name, value in read.attributes if name == "content")
    assert policy == POLICY
    assert page.index("Content-Security-Policy") < page.index("<style")
    assert not {"script", "link", "iframe", "object", "img"} & set(read.elements)
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]


def test_links_lead_inside_the_page_or_to_the_playbook(page):
    read = Reader(page)
    links = [value for _, name, value in read.attributes if name in ("href", "src")]
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside <= read.ids
    assert {link for link in links if not link.startswith("#")} == {PLAYBOOK}
    assert not re.search(r"url\(|@import", page)


def test_the_head_is_the_experiment_log(page):
    text = Reader(page).text
    assert "Does Adam reach a lower validation error than Nesterov?" in text
    assert "minimize validation/error_rate (best over training)" in text
    assert re.search(r"40 of 40 done, \d+ infeasible \(\d+(\.\d+)? %\)", text)
    assert "cd /nowhere && labtui run digits-optimizer.yaml" in text
    assert "scientific optimizer" in text
    assert "nuisance learning_rate, weight_decay" in text
    assert "these fixed values only: batch_size=64" in text


def test_the_head_says_what_reproduces_it(lab):
    known = {"git_commit": "c0ffee", "git_diff": "+1", "import": {"format": "csv", "root": "/r"}}
    text = Reader(written(lab, "second", provenance_json=json.dumps(known))).text
    assert "c0ffee, with uncommitted changes" in text
    assert "imported csv from /r" in text
    clean = json.dumps({"git_commit": "c0ffee"})
    assert (
        "c0ffee, without uncommitted changes"
        in Reader(written(lab, "second", provenance_json=clean)).text
    )


def test_every_kind_of_figure_is_drawn(page):
    read = Reader(page)
    headings = {"search-space", "training-curves", "isolation", "budget", "best-steps"}
    assert headings | {"gradient-norms", "trials", "arms"} <= read.ids
    for title in ("learning_rate (optimizer=adam)", "weight_decay", "All trials"):
        assert title in read.text
    assert read.elements.count("figure") >= 10


def test_the_best_trial_comes_first(lab, page):
    best = lab.study("digits-optimizer").best_trial
    table = page[page.index('id="trials"') :]
    numbers = re.findall(r'<tr><td class="n">(\d+)</td>', table)
    assert int(numbers[0]) == best
    assert sorted(map(int, numbers)) == list(range(40))
    states = re.findall(r"<td>(completed|infeasible: diverged)", table)
    assert len(states) == 40
    assert states == sorted(states)


def test_many_trials_are_counted(lab, monkeypatch):
    monkeypatch.setattr(page_tables, "MOST_TRIALS", 5)
    study = lab.study("digits-optimizer")
    table = page_tables.trials_table(lab, study, lab.trials(study.name))
    assert table.count("<tr>") == 6
    assert "35 of 40 are left out" in table
    assert "labtui export digits-optimizer --what trials" in table


def test_findings_come_by_severity_with_advice_and_evidence(checked):
    outcomes = [
        finding("late-variance", "info", "It varies.", "Decay the rate.", subject={"trial": "s/1"}),
        *(
            finding(
                "overfitting",
                "alert",
                f"Trial {n} <overfits>.",
                "Regularize.",
                subject={"trial": f"s/{n}", "arm": "a=1"},
                evidence={"rise": 0.25, "steps": list(range(40)), "best_of_arm": n == 7},
            )
            for n in range(MOST_SUBJECTS + 10)
        ),
    ]
    section = findings_section(replace(checked, verdict=gather(outcomes)))
    text = Reader(section).text
    assert text.index("alert") < text.index("note")
    assert text.index("Trial 7 <overfits>.") < text.index("→ Regularize.")
    assert text.index("→ Regularize.") < text.index("Trial 1 <overfits>.")
    assert "rise 0.25" in text
    assert f"11 … and {40 - MOST_NUMBERS} more" in text
    assert f"{MOST_SUBJECTS + 9} more" in text
    assert "… and 9 more: `labtui check` names them all" in text
    assert "P18" in text
    assert 'href="#finding-overfitting"' in section


def test_every_code_that_was_found_is_explained_once(checked):
    one = finding("overfitting", "alert", "m", "a", subject={"trial": "s/1"})
    explained = explained_section(replace(checked, verdict=gather([one, one])))
    assert explained.count("docs/findings/overfitting.md") == 1
    assert 'id="finding-overfitting"' in explained


def test_what_cannot_be_judged_is_listed_with_its_reasons(checked):
    unknown = [
        *(cannot_judge("overfitting", f"{n} evaluations", trial=f"s/{n}") for n in range(5)),
        cannot_judge("insensitive", "too few trials", hyperparameter="width"),
        cannot_judge("insensitive", "too few trials", hyperparameter="depth"),
    ]
    section = not_judged_section(replace(checked, verdict=gather(unknown)))
    text = Reader(section).text
    assert section.count("<tr>") == 4
    assert "5 trials 0 evaluations; 1 evaluations; 2 evaluations … and 2 more reasons" in text
    assert "width too few trials" in text
    assert not not_judged_section(replace(checked, verdict=gather([])))


def test_nothing_found_is_said(checked):
    assert "Nothing was found" in findings_section(checked)


def test_a_study_under_way_has_a_page(lab):
    text = Reader(written(lab, "second")).text
    assert "5 of 8 done" in text


@pytest.fixture
def hostile_lab(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    definition = {"role": "nuisance", "values": [HOSTILE, "b"]}
    fixed = {"role": "fixed", "value": HOSTILE}
    study = NewStudy(
        name="evil",
        workload=HOSTILE,
        trainer="numpy",
        goal=HOSTILE,
        metric="validation/<b>",
        direction="maximize",
        selection="final",
        seed=1,
        sequence="halton-1",
        total=2,
        spec={"study": "evil"},
        folder=HOSTILE,
        interpreter="python",
        hyperparameters=(
            NewHyperparameter(HOSTILE, "nuisance", 0, definition),
            NewHyperparameter("<i>", "fixed", None, fixed),
        ),
        file=HOSTILE,
        command=HOSTILE,
    )
    trials = [
        NewTrial(n, n, HOSTILE, {HOSTILE: HOSTILE, "<i>": HOSTILE}, {}, 1, 10) for n in (0, 1)
    ]
    with Writer(paths) as writer:
        ident = add_study(writer, study, trials)
        add_note(writer, HOSTILE, study=ident, trial=None)
        writer.watch(1, "validation/<b>", minimize=False)
        writer.add_points(1, [("validation/<b>", step, step / 10) for step in range(1, 11)])
        for trial, state in ((1, "completed"), (2, "infeasible")):
            end_trial(
                writer,
                trial,
                study=ident,
                state=state,
                reason=HOSTILE,
                detail=HOSTILE,
                step=10,
                seconds=1.0,
            )
    with Lab(paths) as opened:
        yield opened


def test_hostile_names_stay_text(hostile_lab):
    page = written(hostile_lab, "evil")
    read = Reader(page)
    assert "script" not in read.elements
    assert "b" not in read.elements
    assert "alert(1)" in read.text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_study_without_trials_has_a_page(tmp_path):
    from tests.support.labs import make_lab

    with Lab(make_lab(tmp_path, points=2, ended=0, state="queued")) as lab:
        text = Reader(written(lab, "digits-optimizer")).text
    assert "No trial has ended: there is nothing to judge." in text
    assert "no trial has completed with a value" in text
