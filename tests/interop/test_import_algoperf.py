"""AlgoPerf logs become studies; every number is compared with the CSV files, read by hand here."""

import csv
import json
import math
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest

from labtui.interop.importing.algoperf_csv import read_measurements
from labtui.interop.importing.types import BadTrial
from labtui.study.spec import Study
from tests.interop.importing import DATA, content, importer, opened
from tests.support.algoperf import METRICS, folders

ROOT = DATA / "algoperf"
LOGS = ROOT / "algoperf_v05" / "logs"
OGBG = "external_tuning.baseline.ogbg_jax"
VIT = "external_tuning.generalized_adam.imagenet_vit_jax"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("algoperf")
    command = [sys.executable, "-m", "labtui.cli.app", "import", str(ROOT), "--json", "--lab"]
    done = subprocess.run(
        [*command, str(folder / "lab.db")], capture_output=True, text=True, check=True
    )
    found = opened(folder)
    found.document, found.narration = json.loads(done.stdout), done.stderr
    yield found
    found.close()


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


def trial_of(lab, folder):
    source = folder.relative_to(ROOT).as_posix()
    found = [t for s in lab.studies() for t in lab.trials(s.name) if t.source == source]
    assert len(found) == 1, source
    return found[0]


def rows_of(folder):
    with (folder / "measurements.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


# -- what is there --------------------------------------------------------------------------


def test_a_study_for_each_ruleset_submission_and_workload(lab):
    named = {study.name: study.total for study in lab.studies()}
    groups = [folder.relative_to(LOGS).parts for folder in folders()]
    assert named == Counter(f"{ruleset}.{name}.{work}" for ruleset, name, _, work, _ in groups)
    assert len(named) >= 9
    added = {one["name"]: one["trials_added"] for one in lab.document["studies"]}
    assert added == named
    assert "infeasible (diverged), " in lab.narration


@pytest.mark.parametrize("folder", folders(), ids=lambda f: "/".join(f.parts[-4:]))
def test_the_best_value_and_step_are_those_of_the_file(lab, folder):
    leaf, minimize = METRICS[folder.parent.name.rpartition("_")[0]]
    values = {}
    for row in rows_of(folder):
        loss = row.get("validation/loss", row.get("validation/ctc_loss"))
        if row["validation/num_examples"] and loss and row[f"validation/{leaf}"]:
            values[int(float(row["global_step"]))] = float(row[f"validation/{leaf}"])
    best = (min if minimize else max)(values.values())
    trial = trial_of(lab, folder)
    assert trial.best_value == best
    assert trial.best_step == next(step for step, value in values.items() if value == best)


@pytest.mark.parametrize("folder", folders(), ids=lambda f: "/".join(f.parts[-4:]))
def test_every_filled_cell_is_a_point_and_no_other(lab, folder):
    expected, first_bad = {}, {}
    filled = {k for row in rows_of(folder) for k, v in row.items() if v}
    for row in rows_of(folder):
        evaluation = bool(row["validation/num_examples"])
        for name, cell in row.items():
            measured = name.startswith(("train/", "validation/", "test/"))
            if name.endswith("num_examples") or not (
                measured or name in ("loss", "grad_norm", "lr")
            ):
                continue
            if cell or (measured and evaluation and name in filled):
                ours = {"lr": "learning_rate"}.get(name, name.replace("ctc_loss", "loss"))
                value = float(cell) if cell else None
                step = int(float(row["global_step"]))
                expected[ours, step] = value
                if value is None:
                    first_bad.setdefault(ours, step)
    trial = trial_of(lab, folder)
    names = lab.metric_names()
    points = {(names[m], step): value for m, step, value in lab.trial_points(trial.id)}
    assert points == expected
    found = {s.metric: s for s in lab.summaries(trial.study) if s.trial == trial.id}
    assert {m: s.first_nonfinite_step for m, s in found.items() if s.first_nonfinite_step} == (
        first_bad
    )
    assert trial.step == max(int(float(row["global_step"])) for row in rows_of(folder))


def test_repetitions_are_pooled_and_told_apart(lab):
    trials = [t for t in lab.trials(OGBG) if t.repetition < 2]
    assert [t.repetition for t in trials] == [0] * 5 + [1] * 5
    assert [t.point for t in trials] == [0, 1, 2, 3, 4] * 2
    assert [t.params for t in trials[:5]] == [t.params for t in trials[5:]]
    meta = json.loads((ROOT / trials[0].source / "meta_data_0.json").read_text())
    assert trials[0].seed == meta["rng_seed"]
    assert trials[0].max_steps == 80_000
    assert trials[0].source == "algoperf_v05/logs/external_tuning/baseline/study_0/ogbg_jax/trial_1"


def test_points_follow_the_values_of_hparams_not_the_number_of_the_trial(tmp_path, call):
    root = tmp_path / "logs"
    shutil.copytree(ROOT, root)
    study = root / "algoperf_v05" / "logs" / "external_tuning" / "baseline" / "study_0" / "ogbg_jax"
    (study / "trial_1").rename(study / "trial_9")
    (study / "trial_3").rename(study / "trial_1")
    (study / "trial_9").rename(study / "trial_3")
    call(root)
    with opened(tmp_path) as lab:
        points = {
            t.source.rpartition("/")[2]: t.point for t in lab.trials(OGBG) if not t.repetition
        }
    assert points == {"trial_1": 2, "trial_2": 1, "trial_3": 0, "trial_4": 3, "trial_5": 4}


def test_the_search_space_is_what_the_trials_have(lab):
    study = lab.study(OGBG)
    spec = Study.from_json(study.spec)
    assert spec.hyperparameters["warmup_factor"][0].values == [0.02, 0.05, 0.1]
    assert spec.hyperparameters["dropout_rate"][0].values == [0.0, 0.1]
    assert spec.trainer.name == "imported"
    assert spec.budget.max_train_steps == 80_000
    assert spec.budget.trials == study.total
    assert study.provenance["import"]["points"] is True
    roles = {row["name"]: row["role"] for row in lab.hyperparameters(VIT)}
    assert roles["nesterov"] == "fixed"  # the same in all points
    assert roles["disable_preconditioning"] == "nuisance"
    assert not lab.hyperparameters("self_tuning.adamg.ogbg_pytorch")


def test_the_card_has_goals_chance_and_examples(lab):
    card = lab.card("imagenet_vit_jax")
    assert card["imported"] is True
    accuracy = card["metrics"]["validation/accuracy"]
    assert accuracy == {"goal": "maximize", "chance": 0.001, "examples": 50_000}
    goals = lab.metric_goals()
    assert goals["validation/wer"] == goals["train/loss"] == goals["loss"] == "minimize"
    assert goals["test/mean_average_precision"] == "maximize"


# -- NaN ------------------------------------------------------------------------------------


def test_a_diverged_run_is_infeasible_and_says_since_when(lab):
    trials = {t.source.rpartition("/")[2]: t for t in lab.trials(VIT)}
    assert trials["trial_1"].state == "infeasible"
    assert trials["trial_1"].reason == "diverged at step 9720"
    assert trials["trial_1"].best_step < 9720
    assert trials["trial_5"].state == "completed"


def test_a_wer_that_stays_finite_after_nan_is_not_the_best(tmp_path, call):
    folder = tmp_path / "logs" / "external_tuning" / "x" / "study_0" / "librispeech_deepspeech_jax"
    source = LOGS / "external_tuning/baseline/study_0/librispeech_deepspeech_jax/trial_1"
    shutil.copytree(source, folder / "trial_1")
    path = folder / "trial_1" / "measurements.csv"
    with path.open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    place = {name: i for i, name in enumerate(header)}
    evaluations = [row for row in rows if row[place["validation/num_examples"]]]
    for row in evaluations[2:]:
        for name in header:
            row[place[name]] = "" if name.endswith("ctc_loss") else row[place[name]]
        row[place["validation/wer"]] = "0.0001"
    for row in rows[len(rows) // 2 :]:
        if row not in evaluations and not row[place["score"]]:
            row[place["loss"]] = row[place["grad_norm"]] = ""
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    call(tmp_path / "logs")
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("external_tuning.x.librispeech_deepspeech_jax")
        (loss,) = lab.summaries(trial.study, "loss")
    expected = min(float(row[place["validation/wer"]]) for row in evaluations[:2])
    assert trial.best_value == expected
    assert trial.state == "infeasible"
    blank = [
        int(row[0])
        for row in rows[len(rows) // 2 :]
        if row not in evaluations and not row[place["score"]]
    ]
    assert loss.first_nonfinite_step == blank[0]  # rows that are empty but for their step


HEADER = "global_step,grad_norm,loss,lr,validation/accuracy,validation/loss,validation/num_examples"


def measured(*lines, header=HEADER + ",score,preemption_count"):
    return read_measurements("\n".join([header, *lines, ""]).encode(), "x.csv").columns


def finite(column):
    return {s: None if math.isnan(v) else v for s, v in zip(*column, strict=True)}


def test_an_empty_training_row_is_nan_and_the_trailing_row_is_nothing():
    columns = measured(
        "0,1.5,2.5,,,,,,",
        "100,inf,2.0,,,,,,",
        "150,,,,0.5,2.2,10.0,9.0,0.0",
        "200,,,,,,,,",
        "250,,,,,,,20.0,0.0",
    )
    assert finite(columns["loss"]) == {0: 2.5, 100: 2.0, 200: None}
    assert finite(columns["grad_norm"]) == {0: 1.5, 100: math.inf, 200: None}
    assert finite(columns["validation/loss"]) == {150: 2.2}
    assert "learning_rate" not in columns  # never filled: not logged, and no NaN


def test_a_column_with_steps_of_its_own_is_not_nan_in_between():
    lines = [f"{step},,{2.0 if step % 500 == 0 else ''},0.1,,,,," for step in range(0, 3000, 100)]
    columns = measured(*lines)
    assert len(columns["loss"][0]) == 6
    assert all(map(math.isfinite, columns["loss"][1]))
    assert len(columns["learning_rate"][0]) == 30


def test_a_loss_that_goes_missing_beside_a_rate_is_nan():
    lines = [
        f"{step},{'' if step > 400 else 1},{'' if step > 400 else 2},0.1,,,,,"
        for step in range(0, 3000, 100)
    ]
    columns = measured(*lines)
    assert finite(columns["loss"])[500] is None
    assert len(columns["loss"][0]) == 30


def test_no_loss_column_is_no_nan():
    columns = measured(
        "1,0.5,2.2,10,1,0",
        "9,,,,2,0",
        header="global_step,validation/accuracy,validation/loss,validation/num_examples,score,preemption_count",
    )
    assert set(columns) == {"validation/accuracy", "validation/loss"}


def test_columns_in_any_order_and_a_torn_last_row():
    found = read_measurements(
        b"validation/num_examples,global_step,validation/loss\n5,1,3.0\n5,2,2.0\n5,3", "x"
    )
    assert found.columns == {"validation/loss": ([1, 2], [3.0, 2.0])}
    assert found.notes == ("last row cut off",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,b\n1,2\n", "global_step"),
        (b"global_step,loss,loss\n1,2,3\n", "twice"),
        (b"global_step,loss\nx,2\n", "'x'"),
        (b"global_step,loss\n1,two\n2,3\n", "two"),
        (b"global_step,loss\n1,2,3\n2,3\n", "found 3 cells; expected 2"),
    ],
)
def test_a_file_that_is_no_log_is_named(data, told):
    with pytest.raises(BadTrial, match=told):
        read_measurements(data, "x.csv")


# -- where it lies ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "below", ["", "algoperf_v05", "algoperf_v05/logs", "algoperf_v05/logs/external_tuning/baseline"]
)
def test_the_root_may_be_any_level(tmp_path, call, below):
    found = call(ROOT / below)
    assert found.studies[OGBG]["trials_added"] >= 10
    with opened(tmp_path) as lab:
        assert [t.point for t in lab.trials(OGBG)][:10] == [0, 1, 2, 3, 4] * 2
    again = call(ROOT)
    assert again.studies[OGBG]["trials_present"] == found.studies[OGBG]["trials_added"]
    assert again.studies[OGBG]["trials_added"] == 0


def test_one_trial_alone_is_a_root_too(call):
    found = call(LOGS / "external_tuning/baseline/study_1/ogbg_jax/trial_2")
    assert found.studies[OGBG]["trials_added"] == 1


def test_several_leaderboards_are_several_studies(tmp_path, call):
    for board in ("algoperf_v05", "algoperf_v06"):
        target = tmp_path / "boards" / board / "logs/external_tuning/baseline/study_0/ogbg_jax"
        shutil.copytree(LOGS / "external_tuning/baseline/study_0/ogbg_jax", target)
    found = call(tmp_path / "boards")
    assert set(found.studies) == {f"algoperf_v05.{OGBG}", f"algoperf_v06.{OGBG}"}


def test_trials_without_a_folder_of_their_workload(tmp_path, call):
    study = tmp_path / "logs" / "self_tuning" / "schedule_free" / "study_2"
    source = LOGS / "self_tuning/nadamw_sequential/study_0/librispeech_deepspeech_jax/trial_1"
    shutil.copytree(source, study / "trial_1")
    (study / "trial_1" / "measurements.csv").unlink()  # the evaluations alone are left
    elsewhere = tmp_path / "logs/self_tuning/schedule_free/study_0/ogbg_jax"
    shutil.copytree(LOGS / "external_tuning/baseline/study_0/ogbg_jax/trial_1", elsewhere)
    other = LOGS / "external_tuning/lawa_ema/study_0/imagenet_vit_pytorch/trial_1"
    shutil.copytree(other, study / "trial_2")
    flags = {"workload": "imagenet_vit", "framework": "pytorch", "rng_seed": 77}
    (study / "trial_2" / "flags_0.json").write_text(json.dumps(flags))
    found = call(tmp_path / "logs")
    assert set(found.studies) == {
        "self_tuning.schedule_free.librispeech_deepspeech",  # the framework is known to nobody
        "self_tuning.schedule_free.imagenet_vit_pytorch",
        "self_tuning.schedule_free.ogbg_jax",
    }
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("self_tuning.schedule_free.imagenet_vit_pytorch")
        assert (trial.repetition, trial.seed) == (2, 77)
        (evaluated,) = lab.trials("self_tuning.schedule_free.librispeech_deepspeech")
        assert evaluated.best_value is not None


def test_a_trial_that_cannot_be_read_is_skipped_or_refused(tmp_path, call):
    study = tmp_path / "logs/external_tuning/amos/study_0/librispeech_conformer_jax"
    for trial in ("trial_1", "trial_2"):
        source = LOGS / "external_tuning/amos/study_0/librispeech_conformer_jax" / trial
        shutil.copytree(source, study / trial)
    bad = study / "trial_2"
    (bad / "measurements.csv").write_text("global_step,loss\n1,none of it\n2,3\n")
    refused = call(tmp_path / "logs", "--strict")
    assert refused.code == 2
    assert "none of it" in refused.err
    assert not (tmp_path / "lab.db").exists()
    found = call(tmp_path / "logs")
    study = found.studies["external_tuning.amos.librispeech_conformer_jax"]
    assert (study["trials_added"], len(study["skipped"])) == (1, 1)
    assert study["skipped"][0]["where"].endswith("trial_2/measurements.csv: loss")


def test_a_run_that_hardly_began_is_infeasible(tmp_path, call):
    study = tmp_path / "logs/self_tuning/x/study_0/ogbg_jax"
    whole = (
        LOGS / "external_tuning/baseline/study_0/ogbg_jax/trial_1/measurements.csv"
    ).read_text()
    for number, rows in enumerate(
        ("", whole.splitlines()[0] + "\n", "\n".join(whole.split("\n")[:5]))
    ):
        (study / f"trial_{number}").mkdir(parents=True)
        (study / f"trial_{number}" / "measurements.csv").write_text(rows)
    call(tmp_path / "logs")
    with opened(tmp_path) as lab:
        trials = lab.trials("self_tuning.x.ogbg_jax")
        assert {(t.state, t.reason) for t in trials} == {("infeasible", "fewer than 2 evaluations")}
        assert [t.step for t in trials] == [0, 0, 200]


def test_a_nan_metric_beside_a_finite_loss_is_no_divergence(tmp_path, call):
    study = tmp_path / "logs/self_tuning/x/study_0/ogbg_jax/trial_1"
    study.mkdir(parents=True)
    header = "global_step,validation/loss,validation/mean_average_precision,validation/num_examples"
    rows = ["1,0.7,0.1,9", "2,0.6,,9", "3,0.5,0.2,9"]
    (study / "measurements.csv").write_text("\n".join([header, *rows, ""]))
    call(tmp_path / "logs")
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("self_tuning.x.ogbg_jax")
        assert (trial.state, trial.best_value, trial.best_step) == ("completed", 0.2, 3)


def test_a_second_leaderboard_in_the_same_lab_gets_the_longer_name(tmp_path, call):
    for board in ("algoperf_v05", "algoperf_v06"):
        target = tmp_path / board / "logs/external_tuning/baseline/study_0/ogbg_jax/trial_1"
        shutil.copytree(LOGS / "external_tuning/baseline/study_0/ogbg_jax/trial_1", target)
    assert set(call(tmp_path / "algoperf_v05").studies) == {OGBG}
    assert set(call(tmp_path / "algoperf_v06").studies) == {f"algoperf_v06.{OGBG}"}
    again = call(tmp_path / "algoperf_v06").studies[f"algoperf_v06.{OGBG}"]
    assert again["trials_present"] == 1


# -- again ------------------------------------------------------------------------------------


def test_importing_again_adds_nothing_and_changes_nothing(tmp_path, call):
    call(ROOT)
    before = content(tmp_path)
    again = call(ROOT)
    assert {s["trials_added"] + s["trials_updated"] for s in again.studies.values()} == {0}
    assert content(tmp_path) == before


def test_a_source_that_grew_adds_what_is_new_and_replaces_what_changed(tmp_path, call):
    root = tmp_path / "logs" / "external_tuning" / "baseline"
    whole = LOGS / "external_tuning/baseline"
    shutil.copytree(whole / "study_0/ogbg_jax", root / "study_0/ogbg_jax")
    path = root / "study_0/ogbg_jax/trial_2/measurements.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]))
    call(tmp_path / "logs")
    path.write_text("".join(lines))
    shutil.copytree(whole / "study_1/ogbg_jax", root / "study_1/ogbg_jax")
    found = call(tmp_path / "logs").studies[OGBG]
    assert (found["trials_added"], found["trials_updated"], found["trials_present"]) == (5, 1, 4)
    call(tmp_path / "logs", lab="clean.db")
    assert content(tmp_path) == content(tmp_path, "clean.db")


def test_killed_in_the_middle_and_imported_again_it_is_one_clean_import(tmp_path, call):
    root = tmp_path / "logs" / "external_tuning" / "baseline"
    for k in range(6):
        source = LOGS / f"external_tuning/baseline/study_{k % 2}/ogbg_jax"
        shutil.copytree(source, root / f"study_{k}/ogbg_jax")
    code = (
        "import os, signal; from labtui.interop.importing import study_import as writing; "
        "writing.COMMIT_POINTS = 8_000; commit = writing.Writer.commit; left = [4]\n"
        "def dying(self):\n"
        "    left[0] -= 1\n"
        "    return commit(self) if left[0] else os.kill(os.getpid(), signal.SIGKILL)\n"
        "writing.Writer.commit = dying\n"
        "from labtui.cli.app import main\n"
        f"main(['import', {str(tmp_path / 'logs')!r}, '--lab', {str(tmp_path / 'lab.db')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    with opened(tmp_path) as lab:
        study = lab.study(OGBG)
        trials = lab.trials(OGBG)
        assert 0 < len(trials) < 30
        assert study.state == "stopped"
        assert "import it again" in study.reason
        assert all(t.best_value is not None and t.code for t in trials)  # each of them is whole
    found = call(tmp_path / "logs").studies[OGBG]
    assert found["trials_present"] == len(trials)
    call(tmp_path / "logs", lab="clean.db")
    assert content(tmp_path) == content(tmp_path, "clean.db")
