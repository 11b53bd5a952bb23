"""What is kept of judgements: used as long as it is true, and never in the way."""

import json
import math
import threading
from dataclasses import replace

import pytest

from labtui.analysis.findings import cannot_judge, finding
from labtui.store.decisions import put_card
from labtui.store.lab import Lab
from labtui.store.writer import Writer
from labtui.verdicts import judged
from labtui.verdicts.check import check_study
from labtui.verdicts.judged import JudgedTrials, KeptVerdicts
from labtui.verdicts.loading import RunReader
from tests.support.labs import make_lab


class Judge:
    """Judges by number alone, and remembers whom."""

    def __init__(self, **evidence):
        self.evidence, self.asked = evidence, []

    def __call__(self, trial):
        self.asked.append(trial.number)
        subject = {"trial": trial.name}
        evidence = {"number": trial.number, **self.evidence}
        yield finding("diverged", "alert", "it left", "go", subject=subject, evidence=evidence)
        yield cannot_judge("overfitting", "few", **subject)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(judged, "FELT_SECONDS", -1.0)
    with Lab(make_lab(tmp_path, points=3)) as opened:
        yield opened


def ask(lab, judge, study=None, trials=None, declared=None):
    study = study or lab.study("digits-optimizer")
    kept = JudgedTrials(lab.paths, study, declared)
    found = [kept.outcomes(trial, judge) for trial in trials or lab.trials("digits-optimizer")]
    kept.keep()
    return found


def files(lab):
    return sorted((lab.paths.files / "cache").iterdir())


def test_what_was_judged_is_not_judged_again(lab):
    first, second = Judge(), Judge()
    assert ask(lab, first) == ask(lab, second)
    assert first.asked == [0, 1, 2, 3, 4, 5]
    assert second.asked == []


def test_only_changed_trials_are_judged_again(lab):
    ask(lab, Judge())
    trials = lab.trials("digits-optimizer")
    trials[2] = replace(trials[2], revision=trials[2].revision + 1)
    trials[4] = replace(trials[4], finished="2001-01-01T00:00:00.000Z")
    again, third = Judge(), Judge()
    ask(lab, again, trials=trials)
    assert again.asked == [2, 4]
    ask(lab, third, trials=trials)
    assert third.asked == []


def test_other_code_judges_anew(lab, monkeypatch):
    ask(lab, Judge())
    monkeypatch.setattr(judged, "_code", lambda: "another")
    other = Judge()
    ask(lab, other)
    assert len(other.asked) == 6
    assert len(files(lab)) == 1


def test_code_is_known_by_its_files(tmp_path, monkeypatch):
    package = tmp_path / "labtui"
    (package / "analysis").mkdir(parents=True)
    module = package / "analysis" / "rule.py"
    module.write_text("LIMIT = 1\n")
    monkeypatch.setattr(judged.labtui, "__file__", str(package / "__init__.py"))
    before = judged._code.__wrapped__()
    module.write_text("LIMIT = 10\n")
    assert judged._code.__wrapped__() != before


def test_a_study_of_a_lab_made_anew_is_another(lab):
    study = lab.study("digits-optimizer")
    ask(lab, Judge())
    anew = Judge()
    ask(lab, anew, study=replace(study, created="2001-01-01T00:00:00.000Z"))
    assert len(anew.asked) == 6


def test_a_goal_declared_later_judges_anew(lab):
    study = lab.study("digits-optimizer")
    before = RunReader(lab, study).declared
    ask(lab, Judge(), declared=before)
    with Writer(lab.paths) as writer:
        card = {"metrics": {"validation/score": {"goal": "maximize"}}}
        put_card(writer, study.workload, card, trainer="numpy", metric="", goal="minimize")
    anew = Judge()
    ask(lab, anew, declared=RunReader(lab, study).declared)
    assert len(anew.asked) == 6


@pytest.mark.parametrize(
    "change", [{"metric": "validation/loss"}, {"direction": "maximize"}, {"selection": "last"}]
)
def test_another_objective_has_a_file_of_its_own(lab, change):
    study = lab.study("digits-optimizer")
    ask(lab, Judge())
    other, again = Judge(), Judge()
    ask(lab, other, study=replace(study, **change))
    assert (len(other.asked), len(files(lab))) == (6, 2)
    ask(lab, again)
    assert again.asked == []


def damages(document):
    trials = document["trials"]
    return {
        "empty": "",
        "cut": json.dumps(document)[:-40],
        "not an object": "[1, 2]",
        "no trials": json.dumps({"version": document["version"]}),
        "trials of another kind": json.dumps({**document, "trials": [1]}),
        "entries of another kind": json.dumps({**document, "trials": dict.fromkeys(trials, 7)}),
        "short entries": json.dumps({**document, "trials": {key: [1] for key in trials}}),
        "outcomes of another kind": json.dumps(
            {**document, "trials": {n: [seen, [{"a": 1}]] for n, (seen, _) in trials.items()}}
        ),
        "no outcomes": json.dumps(
            {**document, "trials": {n: [seen, None] for n, (seen, _) in trials.items()}}
        ),
        "not text": "\x00\udcff",
        "deep": "[" * 100_000,
    }


@pytest.mark.parametrize("damage", damages({"version": "", "trials": {}}))
def test_a_damaged_file_is_ignored_and_replaced(lab, damage):
    expected = ask(lab, Judge())
    (path,) = files(lab)
    text = damages(json.loads(path.read_text()))[damage]
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    judge, again = Judge(), Judge()
    assert ask(lab, judge) == expected
    assert len(judge.asked) == 6
    assert ask(lab, again) == expected
    assert again.asked == []


def test_a_folder_that_cannot_be_made_is_no_error(lab):
    (lab.paths.files / "cache").write_text("in the way")
    judge = Judge()
    assert len(ask(lab, judge)) == len(ask(lab, judge)) == 6
    assert len(judge.asked) == 12


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(lab):
    ask(lab, Judge())
    (path,) = files(lab)
    path.unlink()
    (path / "in the way").mkdir(parents=True)
    assert len(ask(lab, Judge())) == 6
    assert files(lab) == [path]


def test_numbers_that_are_not_finite_are_kept(lab):
    ask(lab, Judge(high=math.inf, low=-math.inf, unknown=math.nan))
    again = Judge()
    (one, _), *_ = ask(lab, again)
    assert again.asked == []
    assert (one.evidence["high"], one.evidence["low"]) == (math.inf, -math.inf)
    assert math.isnan(one.evidence["unknown"])


def test_text_that_is_no_unicode_is_kept(lab):
    expected = ask(lab, Judge(name="\udcff µ"))
    assert ask(lab, Judge()) == expected


def test_evidence_that_json_cannot_hold_is_not_kept(lab):
    judge = Judge(odd={1, 2})
    assert len(ask(lab, judge)) == 6
    assert not (lab.paths.files / "cache").exists() or files(lab) == []
    ask(lab, judge)
    assert len(judge.asked) == 12


def test_quick_judgements_are_not_written(lab, monkeypatch):
    monkeypatch.setattr(judged, "FELT_SECONDS", 3600.0)
    ask(lab, Judge())
    assert not (lab.paths.files / "cache").exists()


def test_two_at_once_leave_a_whole_file(lab):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    expected = ask(lab, Judge(), study, trials)
    wrong = []

    def check():
        for _ in range(20):
            again = Judge()
            if ask(lab, again, study, trials) != expected or again.asked:
                wrong.append(again.asked)

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [path.suffix for path in files(lab)] == [".json"]


def test_a_check_is_the_same_from_what_was_kept(lab, monkeypatch):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    first = check_study(lab, study, trials)
    assert files(lab)
    monkeypatch.setattr(RunReader, "read", None)  # not a single curve is read
    second = check_study(lab, study, trials)
    assert second.verdict == first.verdict
    assert first.verdict.not_judged


# -- verdicts in a line -------------------------------------------------------------------------


def line(lab, found, rests_on="x"):
    asked = []

    def judge():
        asked.append(found)
        return found

    kept = KeptVerdicts(lab.paths).verdict(lab.study("digits-optimizer"), rests_on, judge)
    return kept, len(asked)


def test_a_verdict_is_kept_until_what_it_rests_on_changes(lab):
    assert line(lab, "1 alert") == ("1 alert", 1)
    assert line(lab, "never seen") == ("1 alert", 0)
    assert line(lab, "2 notes", rests_on="y") == ("2 notes", 1)


@pytest.mark.parametrize("left", ["", "[]", "{", '{"1": 3}', '{"1": ["x", "y", "z"]}', "\ud800"])
def test_a_broken_file_of_verdicts_is_written_anew(lab, left):
    line(lab, "1 alert")
    (path,) = files(lab)
    path.write_text(left, "utf-8", "surrogatepass")
    assert line(lab, "2 notes") == ("2 notes", 1)
    assert line(lab, "never seen") == ("2 notes", 0)


def test_a_verdict_that_cannot_be_kept_is_given_all_the_same(lab):
    folder = lab.paths.files / "cache"
    folder.write_text("a file where the folder should be")
    assert line(lab, "1 alert") == ("1 alert", 1)
