"""JSON-lines and CSV files through a mapping: real trials, and the ways in which they are bad."""

import json
import re

import pytest

from labtui.interop.importing.mapping import parse_mapping
from labtui.study.errors import StudyError
from labtui.study.spec import Study
from tests.docs.pages import ROOT
from tests.interop.importing import DATA, content, importer, opened

HPOLIB = DATA / "hpolib" / "protein_structure_60.jsonl"
PROTEIN = ROOT / "sample_studies" / "mappings" / "hpolib_protein.yaml"

CURVES = """\
study: curves
workload: toy
objective: {metric: validation/top_1, goal: maximize}
hyperparameters:
  lr: {scale: log, range: [1e-3, 10]}
  peak: {range: [0, 1], from: {ratio: [peak_epoch, epochs]}}
  opt: {values: [sgd, adam]}
trial: id
curve:
  path: log.curve
  step: {from: epoch, plus: 1}
  metrics: {validation/top_1: top_1, train/loss: loss}
planned: epochs
infeasible: {field: nan, equals: true, reason: diverged}
"""


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


@pytest.fixture
def write(tmp_path):
    def file(name, *lines, encoding="utf-8"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding)
        return path

    return file


def trial(number, curve, **fields):
    base = {"id": f"t{number}", "lr": 0.1, "epochs": 10, "peak_epoch": 4, "opt": "sgd"}
    return json.dumps({**base, "log": {"curve": curve}, **fields})


def points(*values, **more):
    extra = {name: list(column) for name, column in more.items()}
    return [
        {"epoch": i, "top_1": v, **{name: column[i] for name, column in extra.items()}}
        for i, v in enumerate(values)
    ]


# -- real trials ------------------------------------------------------------------------------


def test_reruns_of_one_configuration_are_trials_with_repetitions(tmp_path, call):
    found = call(HPOLIB, "--mapping", PROTEIN)
    assert found.studies["hpolib-protein"]["trials_added"] == 240
    lines = [json.loads(line) for line in HPOLIB.read_text().splitlines()]
    with opened(tmp_path) as lab:
        trials = lab.trials("hpolib-protein")
        for number, line in enumerate(lines):
            four = trials[4 * number : 4 * number + 4]
            assert [t.best_value for t in four] == line["val_loss"]
            assert [t.repetition for t in four] == [0, 1, 2, 3]
            assert [t.point for t in four] == [number] * 4
            assert [t.seconds for t in four] == line["train_time_s"]
            assert [t.source for t in four] == [f"{line['config']}/{i}" for i in range(4)]
            assert four[0].params == {
                "learning_rate" if k == "init_lr" else k: v for k, v in line["hparams"].items()
            }
        spec = Study.from_json(lab.study("hpolib-protein").spec)
        assert spec.hyperparameters["n_units_1"][0].values == [16, 32, 64, 128, 256, 512]
    before = content(tmp_path)
    assert call(HPOLIB, "--mapping", PROTEIN).studies["hpolib-protein"]["trials_present"] == 240
    assert content(tmp_path) == before


def test_a_file_that_grew_adds_only_what_is_new(tmp_path, call):
    lines = HPOLIB.read_text().splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    part.write_text("".join(lines[:20]))
    call(part, "--mapping", PROTEIN)
    part.write_text("".join(lines))
    found = call(part, "--mapping", PROTEIN).studies["hpolib-protein"]
    assert (found["trials_added"], found["trials_present"]) == (160, 80)
    call(HPOLIB, "--mapping", PROTEIN, lab="clean.db")
    with opened(tmp_path) as lab, opened(tmp_path, "clean.db") as clean:
        assert [t.params for t in lab.trials("hpolib-protein")] == [
            t.params for t in clean.trials("hpolib-protein")
        ]


# -- curves -----------------------------------------------------------------------------------


def test_a_curve_its_derived_hyperparameters_and_its_ends(tmp_path, call, write):
    mapping = write("m.yaml", CURVES)
    source = write(
        "t.jsonl",
        trial(0, points(0.1, 0.5, 0.4, loss=[3, 2, 1.5])),
        trial(1, points(0.1, 0.001, loss=[3, None]), nan=True),
        trial(2, [], nan=True),
        trial(3, points(0.1, 0.2, loss=["NaN", "inf"]), nan=False),
        trial(4, points(0.1, 0.2, loss=[None, None]), lr=99),
        trial(5, {"epoch": [0, 1], "top_1": [0.3, 0.6]}),
    )
    found = call(source, "--mapping", mapping)
    assert "lr outside its range [0.001, 10]" in found.err
    with opened(tmp_path) as lab:
        trials = lab.trials("curves")
        ends = [(t.state, t.reason, t.best_value, t.best_step) for t in trials]
        assert ends == [
            ("completed", "", 0.5, 2),
            ("infeasible", "diverged at step 2", 0.1, 1),
            ("infeasible", "diverged", None, None),
            ("infeasible", "diverged at step 1", 0.2, 2),
            ("completed", "", 0.2, 2),  # a loss that is null throughout was not logged
            ("completed", "", 0.6, 2),
        ]
        assert trials[0].params == {"lr": 0.1, "peak": 0.4, "opt": "sgd"}
        assert [t.source for t in trials] == [f"t{i}" for i in range(6)]
        assert {t.max_steps for t in trials} == {10}
        assert lab.metrics("curves") == ["train/loss", "validation/top_1"]


def test_null_may_mean_not_logged(tmp_path, call, write):
    mapping = write("m.yaml", CURVES.replace("  path:", "  nulls: missing\n  path:"))
    source = write("t.jsonl", trial(0, points(0.1, 0.2, 0.3, loss=[3, None, 1])))
    call(source, "--mapping", mapping)
    with opened(tmp_path) as lab:
        (found,) = lab.trials("curves")
        assert found.state == "completed"
        assert lab.curves([found.id], "train/loss")[0].steps == (1, 3)


def test_bad_lines_are_skipped_with_their_numbers_and_strict_writes_nothing(tmp_path, call, write):
    mapping = write("m.yaml", CURVES)
    source = write(
        "t.jsonl",
        trial(0, points(0.1, 0.2)),
        '{"id": "t1", "lr": 0.1',
        "",
        "[1, 2]",
        trial(4, points(0.1, 0.2), lr="fast"),
        trial(5, [{"epoch": 1.5, "top_1": 0.1}]),
        trial(6, [{"epoch": 1, "top1": 0.1}]),
        trial(0, points(0.9)),
        trial(8, "none"),
        json.dumps({"id": "t9", "log": {"curve": []}}),
    )
    strict = call(source, "--mapping", mapping, "--strict")
    assert strict.code == 2
    assert "t.jsonl:2: is no JSON" in strict.err
    assert not (tmp_path / "lab.db").exists()
    found = call(source, "--mapping", mapping).studies["curves"]
    assert found["trials_added"] == 1
    skipped = {one["where"]: one["reason"] for one in found["skipped"]}
    assert set(skipped) == {f"t.jsonl:{n}" for n in (2, 4, 5, 6, 7, 9, 10)} | {"t0"}
    assert "column" in skipped["t.jsonl:2"]
    assert skipped["t.jsonl:4"] == "found a list; expected an object"
    assert 'lr: found "fast"; expected a number' in skipped["t.jsonl:5"]
    assert "log.curve[0].epoch: found 1.5; expected a whole number" in skipped["t.jsonl:6"]
    assert "did you mean 'top1'?" in skipped["t.jsonl:7"]
    assert "twice" in skipped["t0"]
    assert "expected a list of objects" in skipped["t.jsonl:9"]
    assert "found no field" in skipped["t.jsonl:10"]


def test_a_source_of_which_nothing_can_be_read_makes_no_lab(tmp_path, call, write):
    mapping = write("m.yaml", CURVES.replace("from: epoch", "from: epok"))
    found = call(
        write("t.jsonl", trial(0, points(0.1)), trial(1, points(0.1))), "--mapping", mapping
    )
    assert found.code == 2
    assert "m.yaml, for t.jsonl: found no field 'epok' in log.curve (curve.step)" in found.err
    assert "did you mean 'epoch'?" in found.err
    source = write("t.jsonl", trial(0, points(0.1), lr="x"), trial(1, points(0.1), lr="y"))
    found = call(source, "--mapping", write("m.yaml", CURVES))
    assert found.code == 2
    assert 'no trial can be read (2 were tried): t.jsonl:1: lr: found "x"' in found.err
    assert not (tmp_path / "lab.db").exists()


def test_lists_of_reruns_must_agree(call, write):
    mapping = write(
        "m.yaml",
        "study: s\nworkload: w\nobjective: {metric: a, goal: minimize}\nvalues: {a: a, b: b}",
    )
    source = write("t.jsonl", '{"a": [1, 2], "b": [1]}', '{"a": [1, 2], "b": 7}')
    found = call(source, "--mapping", mapping).studies["s"]
    assert found["trials_added"] == 2
    assert "differ in length" in found["skipped"][0]["reason"]


# -- mappings ---------------------------------------------------------------------------------


def test_without_a_mapping_a_small_one_is_shown(call):
    found = call(HPOLIB)
    assert found.code == 2
    assert "needs --mapping FILE" in found.err
    shown = re.search(r"^study:.*?(?=\n\n)", found.err, re.S | re.M)[0]
    assert parse_mapping(shown.replace("FIELD", "val_loss")).study == "my-study"
    assert "hparams.init_lr" in found.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("goal: maximize", "goal: most", "m.yaml:3:45: objective.goal: found 'most'"),
        ("planned:", "planed:", "did you mean 'planned'?"),
        ("metrics: {v", "metric: {v", "m.yaml:12:3: curve.metric: found the unknown key 'metric'"),
        ("[1e-3, 10]", "[10, 1e-3]", "hyperparameters.lr.range: found [10, 0.001]; expected low"),
        ("{ratio: [", "{quotient: [", "one of ratio, product"),
        ("[peak_epoch, epochs]", "[peak_epoch]", "2 of fields and numbers"),
        ("{metric: validation/top_1,", "{metric: validation/top1,", "a metric of 'curve'"),
        ("study: curves", "", "expected 'study' (name of the study)"),
        ("  lr: {scale: log,", "  seed: {scale: log,", "the reserved name 'seed'"),
        ("study: curves", "study: curves\nstep: epoch", "not both"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_named_with_its_place(old, new, told):
    assert old in CURVES
    with pytest.raises(StudyError) as caught:
        parse_mapping(CURVES.replace(old, new, 1), "m.yaml")
    assert told in str(caught.value)
    assert re.match(r"m\.yaml:\d+:\d+: ", str(caught.value))


def test_a_study_that_tuned_its_length_can_be_imported():
    text = CURVES.replace("  opt:", "  epochs: {range: [5, 20], integer: true}\n  opt:")
    assert parse_mapping(text).hyperparameters["epochs"][0].role == "nuisance"


def test_the_mappings_that_come_with_labtui_are_valid():
    for path in sorted((ROOT / "sample_studies" / "mappings").glob("*.yaml")):
        assert parse_mapping(path.read_bytes(), path.name).study


def test_a_changed_mapping_reads_everything_again(tmp_path, call, write):
    source = write("t.jsonl", trial(0, points(0.1, 0.5, 0.4)))
    call(source, "--mapping", write("m.yaml", CURVES))
    text = CURVES.replace("plus: 1", "plus: 1, times: 100").replace("maximize", "minimize")
    found = call(source, "--mapping", write("m.yaml", text)).studies["curves"]
    assert found["trials_updated"] == 1
    with opened(tmp_path) as lab:
        (one,) = lab.trials("curves")
        assert (one.best_value, one.best_step, one.step, one.max_steps) == (0.1, 1, 201, 1000)


def test_a_name_that_is_taken_is_refused_with_advice(tmp_path, call, write):
    from tests.support.labs import make_lab

    make_lab(tmp_path, name="curves", points=2)
    source, mapping = write("t.jsonl", trial(0, points(0.1))), write("m.yaml", CURVES)
    found = call(source, "--mapping", mapping)
    assert found.code == 2
    assert "one of labtui's own" in found.err
    assert "--study NAME" in found.err
    assert call(source, "--mapping", mapping, "--study", "other").studies["other"]["points"] == 1


# -- CSV --------------------------------------------------------------------------------------

WIDE = """\
study: wide
workload: toy
objective: {metric: validation/acc, goal: maximize}
hyperparameters:
  lr: {scale: log, range: [1e-4, 1], from: {power10: log_lr}}
  flag: {values: [true, false]}
values: {validation/acc: acc}
planned: 10
infeasible: {field: status, equals: [failed, crashed], reason: it crashed}
"""
LONG = """\
study: long
workload: toy
objective: {metric: validation/loss, goal: minimize}
hyperparameters:
  lr: {scale: log, range: [1e-4, 1]}
  opt: {role: scientific, values: [sgd, adam]}
trial: run
step: epoch
values: {validation/loss: val_loss, train/loss: loss}
"""


def test_a_table_with_a_row_a_trial(tmp_path, call, write):
    source = write(
        "t.csv", "log_lr,flag,acc,status", "-1,True,0.5,ok", '"-2",False,,failed', "", "-3,1,0.7,ok"
    )
    call(source, "--mapping", write("m.yaml", WIDE))
    with opened(tmp_path) as lab:
        found = [(t.state, t.reason, t.best_value, t.params) for t in lab.trials("wide")]
        assert found == [
            ("completed", "", 0.5, {"lr": 0.1, "flag": True}),
            ("infeasible", "it crashed", None, {"lr": 0.01, "flag": False}),
            ("completed", "", 0.7, {"lr": 0.001, "flag": True}),
        ]
        assert [t.source for t in lab.trials("wide")] == ["t.csv:2", "t.csv:3", "t.csv:5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_with_a_row_a_point_in_any_dialect(tmp_path, call, write, delimiter):
    rows = [
        ("run", "epoch", "lr", "opt", "val_loss", "loss"),
        ("a", 1, "0.1", "sgd", "2.5", "3"),
        ("b", 1, "0.01", "adam", "2.6", ""),
        ("a", 2, "0.1", "sgd", "1.5", "2"),
        ("b", 2, "0.01", "adam", " nan", "2.5"),
    ]
    lines = [delimiter.join(map(str, row)) for row in rows]
    if delimiter == ";":
        lines[1:] = [line.replace(".", ",") for line in lines[1:]]
    source = write("t.csv", *lines, encoding="utf-8-sig")
    found = call(source, "--mapping", write("m.yaml", LONG))
    assert ("decimal commas are read as points" in found.err) == (delimiter == ";")
    with opened(tmp_path) as lab:
        a, b = lab.trials("long")
        assert (a.source, a.arm, a.params) == ("a", "opt=sgd", {"lr": 0.1, "opt": "sgd"})
        assert (a.best_value, a.best_step, a.state) == (1.5, 2, "completed")
        assert (b.arm, b.state, b.reason) == ("opt=adam", "infeasible", "diverged at step 2")
        assert lab.curves([b.id], "train/loss")[0].steps == (2,)  # an empty cell was not logged
    assert call(source, "--mapping", tmp_path / "m.yaml").studies["long"]["trials_present"] == 2


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["log_lr,flag,acc,status", "1,2,3"], "t.csv:2:4: found 3 cells; expected 4"),
        (["log_lr,flag,acc,status", "1,true,3,ok", "1,2,3,4,5"], "t.csv:3:5: found 5 cells"),
        (["log_lr,flag,acc,acc", "1,2,3,4"], "t.csv:1:4: found the column 'acc' twice"),
        (["log_lr,flag,acc,status"], "no rows"),
        ([""], "is empty"),
        (["log_lr,flag,acc,status", '1,true,"3,ok'], "t.csv:2: is no CSV"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_place(tmp_path, call, write, lines, told):
    found = call(write("t.csv", *lines), "--mapping", write("m.yaml", WIDE))
    assert found.code == 2
    assert told in found.err
    assert not (tmp_path / "lab.db").exists()


def test_a_column_that_is_not_there_is_named(call, write):
    source = write("t.csv", "loglr,flag,acc,status", "1,true,0.5,ok")
    found = call(source, "--mapping", write("m.yaml", WIDE))
    assert "m.yaml, for t.csv: found no field 'log_lr' (hyperparameters.lr)" in found.err
    assert "did you mean 'loglr'?" in found.err


def test_utf16_is_refused(call, write):
    source = write("t.csv", "a,b", "1,2", encoding="utf-16")
    found = call(source, "--mapping", write("m.yaml", WIDE))
    assert found.code == 2
    assert "expected UTF-8" in found.err


def test_curve_is_not_for_tables(call, write):
    source = write("t.csv", "a,b", "1,2")
    found = call(source, "--mapping", write("m.yaml", CURVES))
    assert found.code == 2
    assert "'trial', 'step' and 'values'" in found.err
