"""`labtui rerun` with a real runner and a trainer whose truth is known."""

import json
import os
import shutil
import signal
import statistics

import pytest

from labtui.cli.app import main
from labtui.cli.listing import nested
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts.answer import answer_of
from labtui.verdicts.check import check_study
from labtui.verdicts.evidence import evidence_of, newest_arms
from labtui.verdicts.exports import retrain_deviation
from labtui.verdicts.rerun_plans import NotAgain, best_of_arms, replicas, rerun_arms, rerun_trial
from labtui.verdicts.reruns import changed, known_deviation, read_reruns, stale
from tests.support.engine import processes, runner_pid, wait_until

# The truth: arm a is better by 0.1 wherever u is; noise is normal, of deviation 0.01.
TRAIN = """
import random, time

def train(trial):
    p = trial.params
    noise = random.Random(f"{trial.seed} {p['u']}").gauss(0, p.get("noise", 0.01))
    value = {"a": 0.2, "b": 0.3}[p.get("kind", "a")] + 0.5 * (p["u"] - 0.5) ** 2 + noise
    for step in trial.steps():
        time.sleep(p.get("pause", 0))
        diverged = p.get("breaks") and trial.seed % 2 and step > 5
        trial.log(step, {"train/loss": float("nan") if diverged else value})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/error_rate": value})
"""
STUDY = """
study: {name}
goal: Is a better than b?
workload: {workload}
trainer: {{python: train.py:train}}
objective: {{metric: validation/error_rate, goal: minimize, select: final}}
budget: {{trials: {trials}, max_train_steps: 10, eval_every: 5}}
seed: 3
hyperparameters:
  u: {{role: nuisance, range: [0, 1]}}
{more}
"""
ARMS = "  kind: {role: scientific, values: [a, b]}\n  batch: {role: fixed, value: 8}"


def write(folder, name, more, trials=8, workload=None):
    file = folder / f"{name}.yaml"
    file.write_text(
        STUDY.format(name=name, more=more, trials=trials, workload=workload or name).strip() + "\n"
    )
    (folder / "train.py").write_text(TRAIN)
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with three studies that ended: with arms, without chance, often diverging."""
    folder = tmp_path_factory.mktemp("made")
    paths = LabPaths(folder / "lab.db")
    fixed = "  noise: {role: fixed, value: 0}"
    for name, more, trials in (
        ("s", ARMS, 8),
        ("still", fixed, 6),
        ("breaks", "  breaks: {role: fixed, value: true}", 6),
    ):
        file = write(folder, name, more, trials)
        assert main(["run", str(file), "--lab", str(paths.db), "--slots", "1"]) == 0
    wait_until(lambda: not processes(paths))
    return folder


@pytest.fixture
def paths(made, tmp_path):
    shutil.copytree(made, tmp_path / "lab", ignore=shutil.ignore_patterns("runtime", "*.lock"))
    return LabPaths(tmp_path / "lab" / "lab.db")


@pytest.fixture
def rerun(labtui, paths):
    def call(*arguments, code=0):
        found = labtui("rerun", *arguments, "--lab", paths.db, "--slots", 1)
        assert found.code == code, found.err
        return found

    yield call
    wait_until(lambda: not processes(paths))


def answer(lab, name):
    return answer_of(lab, lab.study(name), lab.trials(name))


def best_name(lab, name):
    return f"{name}/{lab.study(name).best_trial}"


def test_reruns_of_a_trial_add_up_and_tell_its_luck(rerun, paths):
    with Lab(paths) as lab:
        best = best_name(lab, "s")
        assert f"how much of it is luck, `labtui rerun {best_name(lab, 'breaks')}` tells" in (
            answer(lab, "breaks").text
        )
    rerun(best, "-n", 2)
    found = json.loads(rerun(best, "-n", 4, "--json").out)
    values = [one["value"] for one in found["trials"]]
    assert found["reruns"] == len(values) == len({one["seed"] for one in found["trials"]}) == 6
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["deviation"] == pytest.approx(statistics.stdev(values))
    assert found["deviation_low"] < found["deviation"] < found["deviation_high"]
    assert found["flattered"] == pytest.approx(found["mean"] - found["selected"])
    assert 0.003 < found["deviation"] < 0.03
    shown = rerun(best)  # nothing more is trained
    assert "6 of 6" in shown.out
    with Lab(paths) as lab:
        (study,) = evidence_of(lab, "s", "rerun")
        entry = lab.card("s")["retrain"]
        assert (entry["reruns"], entry["trial"], entry["study"]) == (6, best, study.name)
        assert entry["deviation"] == found["deviation"]
        assert entry["params"] == lab.trial(best).params
        assert stale(lab, "s", entry) == ""
        checked = check_study(lab, lab.study("s"), lab.trials("s"))
        (luck,) = [one for one in checked.verdict.findings if one.code == "search-luck"]
        assert luck.evidence["rerun_trial"] == best
        assert luck.evidence["retrain_deviation"] == found["deviation"]
        assert retrain_deviation(lab, lab.study("s"), checked.table) == found["deviation"]
        again = check_study(lab, study, lab.trials(study.name))
        assert again.evidence
        assert {one.code for one in again.verdict.findings} <= {"overfitting", "diverged"}
        assert again.answer.text.startswith(f"Evidence about s: 6 reruns of {best} have mean")


def test_the_order_of_arms_waits_for_reruns_and_then_leads(rerun, paths, labtui):
    before = labtui("show", "s", "--lab", paths.db).out
    assert before.startswith("In this sample a's best is ")
    assert "no order is supported until `labtui rerun s --arms`. This holds at 10 steps, with" in (
        before
    )
    out = rerun("s", "--arms").out
    assert out.startswith("a reaches a lower validation error rate than b: ")
    assert "9 reruns each. This holds at 10 steps, with batch=8 fixed." in out
    shown = json.loads(labtui("show", "s", "--lab", paths.db, "--json").out)
    told = shown["answer"]
    assert (told["supported"], told["claim"], told["command"]) == (True, "arms", "")
    (pair,) = told["numbers"]["pairs"]
    assert pair["low"] < 0.1 < pair["high"]
    assert shown["arms"][0]["gap"] == 0
    for command in ("show", "check"):
        lines = labtui(command, "s", "--lab", paths.db).out.splitlines()
        assert lines[0].startswith("a reaches a lower validation error rate than b: ")
        assert not any("before deciding" in line for line in lines)
    with Lab(paths) as lab:
        (arms,) = evidence_of(lab, "s", "arms")
        trials = lab.trials(arms.name)
        bests = best_of_arms(lab.study("s"), lab.trials("s"))
        shown = labtui("show", arms.name, "--lab", paths.db).out
        for listed in bests.values():  # named by the trials that they repeat
            assert all(f"\n{one.name} " in shown for one in listed)
        assert trials[0].arm not in shown
        assert len(trials) == 18
        by_seed = {}
        for one in trials:
            by_seed.setdefault(one.seed, set()).add(one.params["kind"])
        assert list(by_seed.values()) == [{"a", "b"}] * 3
        checked = check_study(lab, arms, trials)
        assert checked.order is None
        assert checked.answer.text.startswith("Evidence about s: a reaches a lower")
    rerun("s", "--arms", "-n", 1)
    with Lab(paths) as lab:
        (arms,) = evidence_of(lab, "s", "arms")
        assert arms.total == 24
        found = newest_arms(lab, lab.study("s"), lab.trials("s"))
        assert found is not None
        assert (found.seeds, found.outdated, found.changed) == (4, False, "")


def test_replicas_search_again_under_other_seeds(rerun, paths):
    out = rerun("still", "-n", 2).out
    assert out.startswith("The bests of 3 searches deviate by ")
    with Lab(paths) as lab:
        bests = [lab.study(name).best_value for name in ("still", "still-replica")]
        bests.append(lab.study("still-replica-2").best_value)
        assert len(set(bests)) == 3
        checked = check_study(lab, lab.study("still"), lab.trials("still"))
        (luck,) = [one for one in checked.verdict.findings if one.code == "search-luck"]
        assert luck.evidence["study_deviation"] == pytest.approx(statistics.stdev(bests))
        assert answer(lab, "still-replica").text.startswith("Evidence about still: the same search")
        with pytest.raises(NotAgain, match="is evidence about still, no search of its own"):
            replicas(lab, lab.study("still-replica"))
        order = [(one.name, depth) for one, depth in nested(lab.studies())]
        place = order.index(("still", 0))
        assert [one for one, _ in order[place + 1 : place + 3]] == [
            "still-replica-2",
            "still-replica",
        ]
        assert {depth for _, depth in order[place + 1 : place + 3]} == {1}
    assert rerun("still").out == out  # without -n, and nothing waiting: the result alone


def test_a_trainer_without_chance_and_one_that_breaks_are_said(rerun, paths):
    out = rerun("still/0", "-n", 2).out
    assert "have mean 0.2" in out
    assert "no deviation at all: training leaves nothing to chance" in out
    with Lab(paths) as lab:
        trial = best_name(lab, "breaks")
    found = json.loads(rerun(trial, "-n", 6, "--json").out)
    assert found["infeasible"] == sum(one["seed"] % 2 for one in found["trials"]) > 0
    assert f"{found['infeasible']} of 6 reruns could not be trained" in found["answer"]
    with Lab(paths) as lab:
        assert lab.card("breaks")["retrain"]["infeasible"] == found["infeasible"]


def test_a_killed_runner_is_gone_on_with(rerun, paths, labtui):
    slow = "  pause: {role: fixed, value: 0.03}"
    file = write(paths.db.parent, "slow", slow, trials=1)
    labtui("run", file, "--lab", paths.db, "--slots", 1)
    rerun("slow/0", "-n", 4, "--detach")
    with Lab(paths) as lab:
        wait_until(lambda: lab.study("slow-rerun-0").ended >= 1)
        os.kill(runner_pid(paths), signal.SIGKILL)
        wait_until(lambda: lab.study("slow-rerun-0").state == "interrupted")
    found = json.loads(rerun("slow/0", "--json").out)
    assert (found["reruns"], found["waiting"], found["kept_for"]) == (4, 0, "slow")


def test_what_other_code_trained_is_stale_and_left_out(rerun, paths, labtui):
    folder = paths.db.parent
    file = write(folder, "mine", "  batch: {role: fixed, value: 8}", trials=2)
    labtui("run", file, "--lab", paths.db, "--slots", 1)
    rerun("mine/0", "-n", 2)
    (folder / "train.py").write_text(TRAIN + "# faster\n")
    found = json.loads(rerun("mine/0", "-n", 2, "--json").out)
    assert (found["reruns"], found["left_out"], found["changed"]) == (2, 2, "train.py changed")
    with Lab(paths) as lab:
        entry = lab.card("mine")["retrain"]
        assert entry["reruns"] == 2
        known, why = known_deviation(lab, lab.study("mine"), lab.trials("mine"))
        assert (known, why) == (None, "train.py changed")
        assert stale(lab, "mine", entry) == ""  # the newest trials are the reruns themselves
        old = {**entry, "code": lab.trials("mine")[0].code, "metric": "other", "steps": 7}
        study, trial = lab.study("mine"), lab.trials("mine-rerun-0")[-1]
        assert changed(old, study, trial) == (
            "the objective is validation/error_rate, it was other; it trains steps: 10, it was 7; "
            "train.py changed"
        )
        assert stale(lab, "mine", {**entry, "versions": {"python": "2.7"}}).endswith("it was 2.7")
        assert "does not hold here: train.py changed" in answer(lab, "mine").sentence
        assert read_reruns(lab, lab.study("mine-rerun-0")).left_out == 2


def imported(folder):
    rows = [{"id": n, "u": n / 9, "err": 0.1 + n / 90} for n in range(8)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    mapping = {
        "study": "there",
        "workload": "there",
        "objective": {"metric": "validation/error_rate", "goal": "minimize"},
        "hyperparameters": {"u": {"role": "nuisance", "range": [0, 1]}},
        "trial": "id",
        "values": {"validation/error_rate": "err"},
    }
    (folder / "mapping.yaml").write_text(json.dumps(mapping))
    return folder / "rows.jsonl", "--mapping", folder / "mapping.yaml"


def test_what_cannot_be_trained_again_is_said_with_what_can(rerun, paths, labtui, tmp_path):
    assert "expected 1 or more" in rerun("s/0", "-n", 0, code=2).err
    assert "s/0 is a trial: name s" in rerun("s/0", "--arms", code=2).err
    assert "has one arm: there is no order to support; `labtui rerun still/" in (
        rerun("still", "--arms", code=2).err
    )
    assert "did you mean 'still'" in rerun("stil", code=2).err
    labtui("import", *imported(tmp_path), "--lab", paths.db)
    for name in (("there",), ("there/0",), ("there", "--arms")):
        refused = rerun(*name, code=2).err
        assert "was imported: there is no trainer here that could train it again" in refused
    with Lab(paths) as lab:
        plan = rerun_trial(lab, lab.trial("s/0"), 3)
        assert (plan.name, plan.mode, plan.more) == ("s-rerun-0", None, 3)
        best = best_of_arms(lab.study("s"), lab.trials("s"))
        assert {arm: len(found) for arm, found in best.items()} == {"kind=a": 3, "kind=b": 3}
        assert rerun_arms(lab, lab.study("s"), 2).more == 12
