"""AlgoPerf logs in every state they were seen in, and some worse ones: made from a real trial."""

import csv
import gzip
import json
import math
import shutil

import pytest

from labtui.cli.app import main
from labtui.interop.importing.algoperf_csv import read_measurements
from labtui.interop.importing.judging import ending
from tests.interop.importing import DATA, content, importer, opened

LOGS = DATA / "algoperf" / "algoperf_v05" / "logs"
OGBG = LOGS / "external_tuning/baseline/study_0/ogbg_jax/trial_1"
MAP = "validation/mean_average_precision"


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


@pytest.fixture
def put(tmp_path):
    """Copy the trial to a place below the folder of the logs."""

    def copy(place="logs/external_tuning/x/study_0/ogbg_jax/trial_1"):
        target = tmp_path / "root" / "algoperf_v05" / place
        shutil.copytree(OGBG, target)
        return target

    return copy


def edited(*blank, last=None):
    """Give the trial's file with columns emptied, from a row on."""
    rows = list(csv.reader((OGBG / "measurements.csv").read_text().splitlines()))
    for row in rows[1 if last is None else last :]:
        for name in blank:
            row[rows[0].index(name)] = ""
    return "".join(",".join(row) + "\n" for row in rows).encode()


def judged(data):
    found = read_measurements(data, "x.csv")
    return ending(found.columns, MAP), found.columns


def table(*lines):
    return "".join(f"{line}\n" for line in lines).encode()


# -- empty cells --------------------------------------------------------------------------------


def test_a_loss_that_was_never_filled_was_nan_from_the_first_evaluation():
    (state, reason), columns = judged(edited("validation/loss"))
    assert (state, reason) == ("infeasible", "diverged at step 1")
    assert columns["validation/loss"][0] == columns[MAP][0]
    assert all(map(math.isnan, columns["validation/loss"][1]))


def test_the_other_name_of_a_loss_and_a_split_that_was_not_evaluated_are_no_nan():
    whole = (OGBG / "measurements.csv").read_text().splitlines()
    place = whole[0].split(",").index("train/loss")
    lines = [whole[0] + ",train/ctc_loss"]
    for line in whole[1:]:
        cells = line.split(",")
        lines.append(",".join([*cells[:place], "", *cells[place + 1 :], cells[place]]))
    expected = judged(edited())
    assert judged(table(*lines)) == expected
    test = [name for name in whole[0].split(",") if name.startswith("test/")]
    (state, _), columns = judged(edited(*test))
    assert state == "completed"
    assert {name: c for name, c in expected[1].items() if not name.startswith("test/")} == columns


def test_rates_alone_after_the_loss_is_no_longer_logged():
    header = "global_step,loss,lr,validation/loss,validation/num_examples"
    early = [f"{step},{3 - step / 100},0.1,," for step in range(100)]
    later = [f"{step},,0.1,," for step in range(200, 1000, 100)]
    columns = read_measurements(table(header, *early, *later, "950,,,0.5,9"), "x").columns
    assert len(columns["loss"][0]) == 100  # a later evaluation is finite: not logged
    assert len(columns["learning_rate"][0]) == 108
    columns = read_measurements(table(header, *early, *later, "950,,,,9"), "x").columns
    assert columns["loss"][0][100:] == list(range(200, 1000, 100))  # and here it was lost
    columns = read_measurements(table(header, *later, "950,,,,9"), "x").columns
    assert all(map(math.isnan, columns["loss"][1]))
    columns = read_measurements(table(header, *later, "950,,,0.5,9"), "x").columns
    assert "loss" not in columns


def test_spelled_out_values_that_are_no_numbers():
    lines = [f"{i},{word},1" for i, word in enumerate(("inf", "-inf", "nan", "NaN", "Infinity"))]
    steps, values = read_measurements(table("global_step,grad_norm,loss", *lines), "x").columns[
        "grad_norm"
    ]
    assert steps == [0, 1, 2, 3, 4]
    assert [str(value) for value in values] == ["inf", "-inf", "nan", "nan", "inf"]


# -- rows ---------------------------------------------------------------------------------------


def test_the_newest_row_of_a_kind_counts_where_a_step_is_repeated():
    header = "global_step,loss,validation/loss,validation/num_examples"
    found = read_measurements(
        table(header, "5,1.0,,", "5,2.0,,", "5,,0.9,3", "5,,0.8,3", "6,,,"), "x"
    )
    assert found.columns["validation/loss"] == ([5], [0.8])
    assert found.columns["loss"][0] == [5, 6]
    assert found.columns["loss"][1][0] == 2.0


@pytest.mark.parametrize(
    "row", ["9,,,,7,0", "9,,,,,0", ",,,,7,0", ",,,,,", "9,,,,7,"], ids=lambda r: r
)
def test_trailing_rows_of_any_kind_are_nothing(row):
    header = "global_step,loss,validation/loss,validation/num_examples,score,preemption_count"
    found = read_measurements(table(header, "1,2.0,,,,", "2,,1.0,5,6,0", row), "x")
    assert found.columns == {"loss": ([1], [2.0]), "validation/loss": ([2], [1.0])}


def test_steps_of_any_size_and_spelling():
    steps = ["0", "100.0", str(2**31 + 7), str(2**53 + 1), "1e16"]
    found = read_measurements(table("global_step,loss", *[f"{s},1" for s in steps]), "x")
    assert found.columns["loss"][0] == [0, 100, 2**31 + 7, 2**53 + 1, 10**16]


@pytest.mark.parametrize("at", [1, 8, 30, 47, 90, 133])
def test_a_file_cut_anywhere_keeps_its_whole_rows(at):
    data = (OGBG / "measurements.csv").read_bytes()
    cut = data[: len(data) // 2 + at]
    whole = cut[: cut.rindex(b"\n") + 1]
    found = read_measurements(cut, "x")
    assert found.columns == read_measurements(whole, "x").columns
    assert found.notes == ("last row cut off",)


def test_line_ends_and_a_mark_at_the_beginning_change_nothing():
    data = (OGBG / "measurements.csv").read_bytes()
    other = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    assert read_measurements(other, "x").columns == read_measurements(data, "x").columns


# -- files --------------------------------------------------------------------------------------


def test_what_is_missing_packed_broken_or_linked_is_named(tmp_path, call, put):
    kept = put()
    lost = put("logs/external_tuning/x/study_0/ogbg_jax/trial_2")
    packed = put("logs/external_tuning/x/study_0/ogbg_jax/trial_3")
    dangling = put("logs/external_tuning/x/study_0/ogbg_jax/trial_4")
    alone = put("logs/external_tuning/x/study_0/ogbg_jax/trial_5")
    loops = put("logs/external_tuning/x/study_0/ogbg_jax/trial_10")
    for folder in (lost, packed, dangling, alone, loops):
        (folder / "measurements.csv").unlink()
    for folder in (lost, packed, dangling, loops):
        (folder / "eval_measurements.csv").unlink()
    (packed / "measurements.csv.gz").write_bytes(gzip.compress(b"global_step\n"))
    (dangling / "measurements.csv").symlink_to("nowhere")
    (loops / "measurements.csv").symlink_to("measurements.csv")
    (kept.parents[2] / "study_3").symlink_to(kept.parents[1])
    (tmp_path / "root" / "again").symlink_to(tmp_path / "root")
    (kept / "hparams.json").write_text('{"a": ')
    (alone / "meta_data_0.json").write_text("[1]")
    found = call(tmp_path / "root")
    ((name, study),) = found.studies.items()
    assert (name, study["trials_added"]) == ("external_tuning.x.ogbg_jax", 2)
    told = {one["where"].partition("ogbg_jax/")[2] or one["where"]: one for one in study["skipped"]}
    reasons = {where: one["reason"] for where, one in told.items()}
    assert reasons["trial_2"] == "found neither measurements.csv nor eval_measurements.csv"
    assert "found measurements.csv.gz; unpack it" in reasons["trial_3"]
    assert "cannot be read: No such file" in reasons["trial_4/measurements.csv"]
    assert "cannot be read: Too many levels" in reasons["trial_10/measurements.csv"]
    assert "is a link to a folder" in reasons["again"]
    assert len(reasons) == 6
    assert "1 trials with a hparams.json that is no JSON object" in found.err
    assert "1 trials with a meta_data_0.json that is no JSON object" in found.err
    assert "measurements.csv missing or empty: evaluations alone" in found.err


def test_event_files_beside_lost_logs_do_not_make_it_tensorboard(tmp_path, call, put):
    put("logs/external_tuning/x/study_0/ogbg_jax/trial_2")
    lost = put("logs/external_tuning/x/study_0/ogbg_jax/trial_1")
    for name in ("measurements.csv", "eval_measurements.csv"):
        (lost / name).unlink()
    (lost / "events.out.tfevents.1.host").write_bytes(b"")
    study = call(tmp_path / "root").studies["external_tuning.x.ogbg_jax"]
    assert (study["trials_added"], len(study["skipped"])) == (1, 1)


def test_links_to_elsewhere_are_followed(tmp_path, call, put):
    outside = tmp_path / "outside" / "study_4" / "ogbg_jax" / "trial_1"
    shutil.copytree(OGBG, outside)
    put()
    link = tmp_path / "root/algoperf_v05/logs/external_tuning/y"
    link.symlink_to(tmp_path / "outside")
    found = call(tmp_path / "root")
    assert set(found.studies) == {"external_tuning.x.ogbg_jax", "external_tuning.y.ogbg_jax"}
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("external_tuning.y.ogbg_jax")
    assert trial.repetition == 4
    assert (
        trial.source == "algoperf_v05/logs/external_tuning/y/study_4/ogbg_jax/trial_1"
    )  # as it is reached


def test_packed_logs_alone_are_refused_with_what_to_do(tmp_path, call, put):
    folder = put()
    for name in ("measurements.csv", "eval_measurements.csv"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    assert "unpack them (gunzip -kr FOLDER)" in call(tmp_path / "root").err


def test_metadata_of_any_kind_does_no_harm(tmp_path, call, put):
    folder = put()
    meta = {"workload.step_hint": "NaN", "workload.target_metric_name": 3, "rng_seed": "12"}
    (folder / "meta_data_0.json").write_text(json.dumps({**meta, "gpu_count": [1]}))
    (folder / "hparams.json").write_text('{"lr": "0.1", "a": {"b": [1]}, "c": null, "seed": 3}')
    call(tmp_path / "root")
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("external_tuning.x.ogbg_jax")
    assert trial.params == {"lr": 0.1, "a.b": "[1]", "c": None, "seed": 3}
    assert (trial.seed, trial.max_steps, trial.state) == (12, 80_000, "completed")


@pytest.mark.parametrize(
    ("space", "point", "told"),
    [
        ([{"learning_rate": 1}, {"learning_rate": "0.5"}], 1, ""),
        ([{"learning_rate": 7}], 1, "1 trials are at no point of tuning_search_space.json"),
        ([{"a": {"b": [True, None]}, "c": "x"}], 1, "at no point"),
        (3, 0, "is no list of points and no ranges; taken from the trials"),
        ({"learning_rate": {"min": 1, "max": 0.1}}, 0, "low < high; taken from the trials"),
        ({"learning_rate": {"min": 0.1, "max": 1, "scaling": "log"}}, 0, ""),
    ],
)
def test_search_spaces_of_any_kind(tmp_path, call, put, space, point, told):
    (put() / "hparams.json").write_text('{"learning_rate": "0.5", "momentum": 0.9}')
    place = tmp_path / "root/algoperf_v05/submissions/external_tuning/x"
    place.mkdir(parents=True)
    (place / "tuning_search_space.json").write_text(json.dumps(space))
    found = call(tmp_path / "root")
    assert told in found.err
    assert ("tuning_search_space" in found.err) == bool(told)
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("external_tuning.x.ogbg_jax")
    assert trial.point == point


def test_workloads_nobody_described(tmp_path, call, put):
    names = {"/loss": "/entropy", "/accuracy": "/hits", "mean_average_precision": "ppl"}
    for workload, other in (("mnist_jax", {}), ("my_lm_jax", names), ("y_jax", {})):
        folder = put(f"logs/external_tuning/x/study_0/{workload}/trial_1")
        (folder / "meta_data_0.json").unlink()
        text = (folder / "measurements.csv").read_text()
        for old, new in other.items():
            text = text.replace(old, new)
        (folder / "measurements.csv").write_text(text)
    call(tmp_path / "root")
    with opened(tmp_path) as lab:
        found = {study.workload: (study.metric, study.direction) for study in lab.studies()}
    assert found == {
        "mnist_jax": ("validation/accuracy", "maximize"),
        "my_lm_jax": ("validation/ppl", "minimize"),
        "y_jax": ("validation/loss", "minimize"),
    }


def test_names_numbers_and_leaderboards_of_any_kind(tmp_path, call, put, capsys):
    for study in (0, 2, 5):
        for trial in (1, 2, 10):
            put(f"external_tuning/my sub.v1 é/study_{study}/ogbg_jax/trial_{trial}")
    put("self_tuning/my sub.v1 é/study_0/ogbg_jax/trial_1")
    other = tmp_path / "root/algoperf_v06/external_tuning/my sub.v1 é/study_0/ogbg_jax/trial_1"
    shutil.copytree(OGBG, other)  # without the folder "logs"
    found = call(tmp_path / "root")
    name = "algoperf_v05.external_tuning.my sub.v1 é.ogbg_jax"
    assert {n: s["trials_added"] for n, s in found.studies.items()} == {
        name: 9,
        "algoperf_v05.self_tuning.my sub.v1 é.ogbg_jax": 1,
        "algoperf_v06.external_tuning.my sub.v1 é.ogbg_jax": 1,
    }
    with opened(tmp_path) as lab:
        trials = lab.trials(name)
    assert [t.repetition for t in trials] == [0, 0, 0, 2, 2, 2, 5, 5, 5]
    assert [t.source.rpartition("_")[2] for t in trials] == ["1", "2", "10"] * 3
    assert main(["show", f"{name}/2", "--lab", str(tmp_path / "lab.db")]) == 0
    capsys.readouterr()
    before = content(tmp_path)
    for root in ("root", "root/algoperf_v05", "root/algoperf_v05/external_tuning"):
        again = call(tmp_path / root)
        assert {s["trials_added"] + s["trials_updated"] for s in again.studies.values()} == {0}
    assert content(tmp_path) == before  # each keeps the source it came from first
