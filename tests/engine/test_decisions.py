"""Baselines, launches, notes and tags, written by a command or by a living runner."""

from __future__ import annotations

import pytest

from labtui.engine import asking, client
from labtui.engine.client import RequestRefused
from labtui.store.errors import NoLab, UnknownName
from labtui.store.lab import Lab
from tests.support.engine import fixed, run, study_text, submit, wait_for_state, write_study

CONFIGURATION = {"params": {"u": 0.25, "extra": 3}, "trainer": {"name": "python"}}


def decide(verdict, **more):
    given = {"workload": "w", "study": "s", "trial": "s/0", "baseline": None, "evidence": {}}
    return asking.Launch(**{**given, "verdict": verdict, "reason": "because", **more})


def test_a_launch_moves_the_baseline_and_the_next_one_is_its_child(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=1, workload="w")))
    first, current = asking.record_launch(paths, decide("undecided", data={"looks": 1}))
    assert current is None
    card = {"retrain": {"deviation": 0.1}}
    again = decide("adopt", launch=first, adopt=CONFIGURATION, card=card, data={"looks": 2})
    assert asking.record_launch(paths, again) == (first, 1)
    second = decide("adopt", baseline=1, adopt=CONFIGURATION)
    launched, current = asking.record_launch(paths, second)
    assert current == 2
    with Lab(paths) as lab:
        assert [(b.id, b.parent, b.launch, b.trial) for b in lab.baselines("w")] == [
            (1, None, first, "s/0"),
            (2, 1, launched, "s/0"),
        ]
        assert lab.baseline("w").params == {"u": 0.25, "extra": 3}
        assert lab.card("w") == card
        assert [(one.verdict, one.adopted, one.data) for one in lab.launches(workload="w")] == [
            ("adopt", 1, {"looks": 2}),
            ("adopt", 2, {}),
        ]
    with pytest.raises(RequestRefused, match="adopted already, as baseline 1"):
        asking.record_launch(paths, again)
    with pytest.raises(RequestRefused, match="is 2 by now, and this launch was compared with 1"):
        asking.record_launch(paths, second)


def test_a_roll_back_leaves_a_tree_and_its_reason(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=1, workload="w")))
    for reason in ("first", "second", "third"):
        asking.set_baseline(paths, "w", CONFIGURATION, reason=reason)
    assert asking.roll_back(paths, "w", 2, "worse on Mondays") == 1
    assert asking.set_baseline(paths, "w", CONFIGURATION, reason="fourth") == 4
    with Lab(paths) as lab:
        tree = {b.reason: (b.id, b.parent, b.rollback_reason) for b in lab.baselines("w")}
        assert lab.baseline("w").id == 4
    assert tree == {
        "first": (1, None, ""),
        "second": (2, 1, "worse on Mondays"),
        "third": (3, 2, ""),
        "fourth": (4, 1, ""),
    }
    with pytest.raises(RequestRefused, match="first of workload 'w'"):
        asking.roll_back(paths, "w", 1, "x")
    with pytest.raises(RequestRefused, match="left by a roll-back; its line is 4, 1"):
        asking.roll_back(paths, "w", 3, "x")
    with pytest.raises(RequestRefused, match="is none of its"):
        asking.roll_back(paths, "w", 9, "x")


def test_what_a_study_does_not_name_comes_from_the_baseline_for_good(paths, tmp_path):
    text = study_text("first", trials=1, workload="w")
    run(paths, write_study(tmp_path, text))
    asking.set_baseline(paths, "w", CONFIGURATION, reason="to begin with")
    file = write_study(tmp_path, study_text("second", trials=2, workload="w"))
    assert [trial.params["extra"] for trial in run(paths, file)] == [3, 3]
    other = {**CONFIGURATION, "params": {"extra": 9}}
    asking.set_baseline(paths, "w", other, reason="moved")
    file.write_text(study_text("second", trials=3, workload="w"))
    trials = run(paths, file, mode="extend")
    assert [trial.params["extra"] for trial in trials] == [3, 3, 3]
    with Lab(paths) as lab:
        study = lab.study("second")
        definitions = {d["name"]: d for d in lab.hyperparameters("second")}
    assert (study.baseline, study.inherited) == (1, {"extra": 3})
    assert "extra" not in study.spec["hyperparameters"]
    assert definitions["extra"]["role"] == "fixed"
    assert definitions["extra"]["inherited"] is True
    assert "inherited" not in definitions["u"]


def test_a_child_inherits_what_its_parent_did_and_nothing_of_a_newer_baseline(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text("first", trials=1, workload="w")))
    asking.set_baseline(paths, "w", CONFIGURATION, reason="to begin with")
    run(paths, write_study(tmp_path, study_text("second", trials=1, workload="w")))
    newer = {**CONFIGURATION, "params": {"extra": 9, "more": 1}}
    asking.set_baseline(paths, "w", newer, reason="moved")
    follows = "follows: {study: second, kind: widen}\n"
    text = study_text("third", trials=1, workload="w") + follows
    (trial,) = run(paths, write_study(tmp_path, text))
    assert {k: v for k, v in trial.params.items() if k != "u"} == {"extra": 3}


def test_notes_and_tags_go_through_a_living_runner_too(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, steps=100, workload="w", pause=fixed(0.04)))
    submit(paths, file)
    asking.note_workload(paths, "w", "digits of 1998")
    asking.change_tags(paths, subject="s", add=["paper", "old", "paper"])
    asking.change_tags(paths, subject="s", add=["paper"], remove=["old"])
    asking.change_tags(paths, subject="s/1", add=["odd"])
    with Lab(paths) as lab:
        assert lab.runner() is not None
    client.stop(paths, "s", now=True)
    wait_for_state(paths, "s", "stopped")
    asking.change_tags(paths, workload="w", add=["small"])
    with Lab(paths) as lab:
        assert [text for _, text in lab.workload_notes("w")] == ["digits of 1998"]
        assert lab.tags() == {"s": ["paper"], "s/1": ["odd"], "workload:w": ["small"]}


def test_a_living_runner_takes_launches_and_baselines_of_any_study(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=2, workload="w"), "done.yaml"))
    text = study_text(trials=2, steps=100, workload="v", pause=fixed(0.04))
    submit(paths, write_study(tmp_path, text.replace("study: s", "study: busy"), "busy.yaml"))
    first = asking.set_baseline(paths, "w", CONFIGURATION, study="s", trial="s/0", reason="good")
    launch, stays = asking.record_launch(paths, decide("reject", baseline=first))
    with Lab(paths) as lab:
        assert lab.runner() is not None
        assert [one.id for one in lab.launches(study="s")] == [launch]
    assert stays == first
    client.stop(paths, "busy", now=True)
    wait_for_state(paths, "busy", "stopped")


def test_nothing_is_made_by_deciding_about_what_is_not_there(paths, tmp_path):
    with pytest.raises(NoLab):
        asking.roll_back(paths, "w", 1, "x")
    assert not paths.db.exists()
    run(paths, write_study(tmp_path, study_text(trials=1, workload="digits")))
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        asking.set_baseline(paths, "digit", CONFIGURATION, reason="x")
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        asking.record_launch(paths, decide("reject", workload="digit"))


def test_a_launch_that_was_begun_meanwhile_is_not_begun_twice(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=2, workload="w")))
    look = {"verdict": "undecided"}
    begun = decide("undecided", data={"study": "s-launch", "looks": []})
    first, _ = asking.record_launch(paths, begun)
    looked = decide("undecided", launch=first, data={"study": "s-launch", "looks": [look]})
    asking.record_launch(paths, looked)
    assert asking.record_launch(paths, begun) == (first, None)  # by a command that planned before
    with Lab(paths) as lab:
        (record,) = lab.launches(workload="w")
        assert record.data["looks"] == [look]
    other = decide("undecided", trial="s/1", data={"study": "s-launch", "looks": []})
    with pytest.raises(RequestRefused, match=f"those of launch {first} by now: launch again"):
        asking.record_launch(paths, other)


def test_a_look_that_somebody_else_took_meanwhile_stays(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=1, workload="w")))
    first, _ = asking.record_launch(paths, decide("undecided", data={"looks": []}))
    known = {"launch": first, "known_looks": 0}
    looks = [{"verdict": "undecided", "taken": "first"}]
    asking.record_launch(paths, decide("undecided", data={"looks": looks}, **known))
    late = decide("adopt", data={"looks": [{"verdict": "adopt"}]}, adopt=CONFIGURATION, **known)
    assert asking.record_launch(paths, late) == (first, None)
    with Lab(paths) as lab:
        (record,) = lab.launches(workload="w")
        assert (record.verdict, record.data["looks"]) == ("undecided", looks)
        assert lab.baseline("w") is None


def test_a_baseline_that_is_set_twice_for_one_reason_is_set_once(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=1, workload="w")))
    first = asking.set_baseline(paths, "w", CONFIGURATION, trial="s/0", reason="good")
    assert asking.set_baseline(paths, "w", CONFIGURATION, trial="s/0", reason="good") == first
    assert asking.set_baseline(paths, "w", CONFIGURATION, trial="s/0", reason="better") == first + 1


def test_a_study_whose_name_is_a_number_is_meant_before_the_trial_of_that_id(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text("'2'", trials=3, steps=2, workload="w")))
    client.add_note(paths, "2", "on the study")
    client.add_note(paths, "3", "on the trial")
    with Lab(paths) as lab:
        assert [(one.subject, one.text) for one in lab.all_notes()] == [
            ("2", "on the study"),
            ("2/2", "on the trial"),
        ]
