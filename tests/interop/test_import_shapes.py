"""The shapes in which people keep random searches, read as docs/importing.md says."""

import gzip
import json

import pytest

from labtui.study.spec import Study
from tests.interop.importing import content, importer, opened

HEAD = "study: s\nworkload: w\nobjective: {metric: validation/accuracy, goal: maximize}\n"
LR = "hyperparameters: {lr: {scale: log, range: [1e-4, 1]}}\n"


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


@pytest.fixture
def bring(tmp_path, call):
    """Import records, or lines of a table, through a mapping; give the outcome and the trials."""

    def run(records, mapping, *, name="t.jsonl"):
        lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        (tmp_path / "m.yaml").write_text(mapping)
        found = call(tmp_path / name, "--mapping", tmp_path / "m.yaml")
        if found.code:
            return found, []
        with opened(tmp_path) as lab:
            found.space = Study.from_json(lab.study("s").spec).hyperparameters
            found.curves = [
                [(c.steps, c.values) for c in lab.curves([t.id], "validation/accuracy")]
                for t in lab.trials("s")
            ]
            return found, lab.trials("s")

    return run


# -- curves -------------------------------------------------------------------------------------

STEPS, VALUES = [1, 2, 5], [0.1, 0.4, 0.3]


@pytest.mark.parametrize(
    ("record", "curve"),
    [
        ({"epochs": STEPS, "acc": VALUES}, "{step: epochs, metrics: {validation/accuracy: acc}}"),
        (
            {"log": {"epochs": STEPS, "acc": VALUES, "best": 0.4}},
            "{path: log, step: epochs, metrics: {validation/accuracy: acc}}",
        ),
        (
            {"log": {"at": {"n": STEPS}, "val": {"acc": VALUES}}},
            "{path: log, step: at.n, metrics: {validation/accuracy: val.acc}}",
        ),
        (
            {"log": list(zip(STEPS, VALUES, strict=True))},
            "{path: log, step: 0, metrics: {validation/accuracy: 1}}",
        ),
        (
            {"log": [{"e": s, "v": {"a": v}} for s, v in zip(STEPS, VALUES, strict=True)]},
            "{path: log, step: e, metrics: {validation/accuracy: v.a}}",
        ),
    ],
    ids=["arrays", "arrays-inside", "arrays-deep", "pairs", "objects"],
)
def test_a_curve_in_any_shape(bring, record, curve):
    found, (trial,) = bring([{"lr": 0.1, **record}], f"{HEAD}{LR}curve: {curve}\n")
    assert found.curves == [[(tuple(STEPS), tuple(VALUES))]]
    assert (trial.best_value, trial.best_step) == (0.4, 2)


def test_a_curve_without_steps_is_counted_from_one(bring):
    mapping = f"{HEAD}{LR}curve: {{metrics: {{validation/accuracy: acc}}}}\n"
    found, _ = bring([{"lr": 0.1, "acc": VALUES}], mapping)
    assert found.curves == [[((1, 2, 3), tuple(VALUES))]]


def test_a_list_that_is_no_list_of_points_is_refused_with_the_way_to_write_it(bring):
    mapping = f"{HEAD}{LR}curve: {{path: acc, metrics: {{validation/accuracy: acc}}}}\n"
    found, _ = bring([{"lr": 0.1, "acc": VALUES}], mapping)
    assert "for a list of numbers leave 'path' out" in found.err
    found, _ = bring(
        [{"lr": 0.1, "acc": VALUES}], f"{HEAD}{LR}values: {{validation/accuracy: acc}}"
    )
    assert "lists in acc are taken for reruns (for a curve: 'curve')" in found.err


# -- reruns -------------------------------------------------------------------------------------


def reruns(*seeds):
    return [
        {"name": f"c{c}", "seed": seed, "lr": 0.1 / (c + 1), "acc": c / 10 + seed / 1000}
        for c in range(3)
        for seed in seeds
    ]


SEEDED = f"{HEAD}{LR}trial: name\nseed: seed\nvalues: {{validation/accuracy: acc}}\n"


def test_reruns_in_lines_of_their_own_are_repetitions(tmp_path, call, bring):
    found, trials = bring(reruns(11, 42), SEEDED)
    assert [t.source for t in trials] == ["c0/0", "c0/1", "c1/0", "c1/1", "c2/0", "c2/1"]
    assert [t.repetition for t in trials] == [0, 1] * 3
    assert [t.seed for t in trials] == [11, 42] * 3
    assert not found.studies["s"]["skipped"]
    before = content(tmp_path)
    again = call(tmp_path / "t.jsonl", "--mapping", tmp_path / "m.yaml")
    assert again.studies["s"]["trials_present"] == 6
    assert content(tmp_path) == before


def test_a_configuration_that_is_rerun_later_keeps_its_first_trial(bring):
    first = reruns(11)
    _, trials = bring(first, SEEDED)
    assert [t.source for t in trials] == ["c0", "c1", "c2"]
    more = [{**one, "seed": 42} for one in first]
    found, trials = bring([*first, *more], SEEDED)
    assert (found.studies["s"]["trials_added"], found.studies["s"]["trials_present"]) == (3, 3)
    assert [t.source for t in trials] == ["c0", "c1", "c2", "c0/1", "c1/1", "c2/1"]


def test_reruns_without_names_are_told_by_their_configuration(bring):
    _, trials = bring(reruns(11, 42, 7), SEEDED.replace("trial: name\n", ""))
    assert [t.repetition for t in trials] == [0, 1, 2] * 3
    assert trials[4].source == "t.jsonl:5"


def test_reruns_that_nobody_names_are_told_what_to_write(bring):
    found, trials = bring(reruns(11, 42), SEEDED.replace("seed: seed\n", ""))
    assert len(trials) == 3
    assert "name their 'seed' or 'repetition'" in found.studies["s"]["skipped"][0]["reason"]


@pytest.mark.parametrize("key", ["seed: seed", "repetition: seed"])
def test_a_table_of_points_with_reruns_keeps_them_apart(bring, key):
    rows = [
        f"{c},{seed},{epoch},0.{c + 1},{c + epoch / 10 + seed / 100}"
        for epoch in (1, 2)
        for c in range(2)
        for seed in (0, 1, 2)
    ]
    mapping = f"{HEAD}{LR}trial: config\n{key}\nstep: epoch\nvalues: {{validation/accuracy: acc}}\n"
    found, trials = bring(["config,seed,epoch,lr,acc", *rows], mapping, name="t.csv")
    assert [t.source for t in trials] == ["0/0", "0/1", "0/2", "1/0", "1/1", "1/2"]
    assert [t.repetition for t in trials] == [0, 1, 2] * 2
    assert found.curves[4] == [((1, 2), (1.11, 1.21))]


def test_several_fields_may_name_a_trial(bring):
    rows = [f"{lr},{bs},{e},{e / 10}" for lr in (0.1, 0.2) for bs in (8, 16) for e in (1, 2)]
    mapping = f"{HEAD}{LR}trial: [lr, bs]\nstep: epoch\nvalues: {{validation/accuracy: acc}}\n"
    _, trials = bring(["lr,bs,epoch,acc", *rows], mapping, name="t.csv")
    assert [t.source for t in trials] == ["0.1/8", "0.1/16", "0.2/8", "0.2/16"]


# -- values and ends ----------------------------------------------------------------------------


def test_percent_signs_and_ends_in_words(bring):
    rows = ["0.1,93.5%,ok", "0.2,,NaN", "0.3,NaN,ok", "0.4,,crashed", "0.5,,ok"]
    mapping = (
        f"{HEAD}{LR}values: {{validation/accuracy: acc}}\n"
        "infeasible: {field: status, equals: [NaN, crashed], reason: crashed}\n"
    )
    _, trials = bring(["lr,acc,status", *rows], mapping, name="t.csv")
    assert [(t.state, t.reason, t.best_value) for t in trials] == [
        ("completed", "", 0.935),
        ("infeasible", "crashed", None),
        ("infeasible", "diverged at step 1", None),
        ("infeasible", "crashed", None),
        ("infeasible", "validation/accuracy was never logged", None),
    ]


def test_a_metric_that_is_null_may_say_that_a_trial_is_infeasible(bring):
    mapping = (
        f"{HEAD}{LR}values: {{validation/accuracy: acc}}\n"
        "infeasible: {field: acc, equals: null, reason: out of memory}\n"
    )
    _, trials = bring([{"lr": 0.1, "acc": None}, {"lr": 0.1, "acc": 0.5}], mapping)
    assert [t.reason for t in trials] == ["out of memory", ""]


# -- what was searched --------------------------------------------------------------------------

DRAWN = [
    {
        "lr": 10 ** -(1 + i / 4),
        "wd": i / 8,
        "bs": 2 ** (4 + i % 3),
        "opt": "ab"[i % 2],
        "acc": i,
    }
    for i in range(14)
]


def test_ranges_that_are_not_given_are_taken_from_the_trials_and_said(bring):
    mapping = (
        f"{HEAD}hyperparameters: {{lr: {{}}, wd: , bs: {{}}, opt: {{role: scientific}}, "
        "loss_rate: {scale: log, from: lr}}\nvalues: {validation/accuracy: acc}\n"
    )
    found, trials = bring(DRAWN, mapping)
    space = {name: listed[0] for name, listed in found.space.items()}
    assert (space["lr"].scale, space["lr"].range) == ("log", (10**-4.25, 0.1))
    assert (space["wd"].scale, space["wd"].range) == ("linear", (0, 1.625))
    assert space["bs"].values == [16, 32, 64]
    assert (space["opt"].role, space["opt"].values) == ("scientific", ["a", "b"])
    assert space["loss_rate"].scale == "log"
    assert trials[1].arm == "opt=b"
    assert "lr: no range is given; taken from the trials: log, [5.62341e-05, 0.1]" in found.err
    assert "bs: no range is given; taken from the trials: 16, 32, 64" in found.err


BIG = 3 * 10**25 + 1


@pytest.mark.parametrize("quoted", [False, True])
def test_long_whole_numbers_keep_their_digits_and_lie_in_their_own_range(bring, quoted):
    mapping = f"{HEAD}hyperparameters: {{x: {{}}}}\nvalues: {{validation/accuracy: acc}}\n"
    values = [BIG + 7 * i for i in range(8)]
    records = [{"x": str(x) if quoted else x, "acc": i} for i, x in enumerate(values)]
    found, trials = bring(records, mapping)
    assert [t.params["x"] for t in trials] == values
    assert found.space["x"][0].range == (BIG, BIG + 49)
    assert "outside" not in found.err


@pytest.mark.parametrize("quoted", [False, True])
def test_whole_numbers_beyond_all_floats_are_text(bring, quoted):
    mapping = f"{HEAD}hyperparameters: {{x: {{}}}}\nvalues: {{validation/accuracy: acc}}\n"
    values = [10**400 + i for i in range(8)]
    records = [{"x": str(x) if quoted else x, "acc": i} for i, x in enumerate(values)]
    _, trials = bring(records, mapping)
    assert [t.params["x"] for t in trials] == [str(x) for x in values]


def test_names_alone_are_hyperparameters(bring):
    mapping = f"{HEAD}hyperparameters: [lr, bs]\nvalues: {{validation/accuracy: acc}}\n"
    found, trials = bring(DRAWN, mapping)
    assert list(found.space) == ["lr", "bs"]
    assert trials[0].params == {"lr": 0.1, "bs": 16}


# -- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        (f"{LR}values: {{validation/accuracy: ac}}", "'ac' (values.validation/accuracy) — did you"),
        ("hyperparameters: {lrr: {}}\nvalues: {validation/accuracy: acc}", "did you mean 'lr'?"),
        (
            f"{LR}values: {{validation/accuracy: acc}}\ninfeasible: {{field: opts}}",
            "found no field 'opts' (infeasible.field) — did you mean 'opt'?",
        ),
        (f"{LR}values: {{validation/accuracy: acc}}\nseed: sed", "found no field 'sed' (seed)"),
        (
            "hyperparameters: {lr: log}\nvalues: {validation/accuracy: acc}",
            "found 'log'; expected a mapping such as {scale: log, range:",
        ),
        (
            "hyperparameters: {lr: {min: 1, max: 2}}\nvalues: {validation/accuracy: acc}",
            "as in {scale: log, range: [1e-5, 1e-1]}",
        ),
    ],
)
def test_mistakes_are_named_with_what_to_write(tmp_path, bring, mapping, told):
    found, _ = bring(DRAWN, f"{HEAD}{mapping}\n")
    assert found.code == 2
    assert told in found.err
    assert not (tmp_path / "lab.db").exists()


def test_a_field_that_no_trial_has_and_none_is_like_is_said(bring):
    mapping = (
        f"{HEAD}{LR}values: {{validation/accuracy: acc, test/accuracy: elsewhere}}\n"
        "infeasible: {field: exception, equals: OOM}\n"
    )
    found, trials = bring(DRAWN, mapping)
    assert len(trials) == 14
    assert "found no field 'elsewhere' (values.test/accuracy) in any record" in found.err
    assert "found no field 'exception' (infeasible.field) in any record" in found.err


def test_documents_that_are_not_lines_are_told_how_to_become_lines(tmp_path, call, bring):
    for name in ("t.json", "t.jsonl"):
        (tmp_path / name).write_text(json.dumps(DRAWN, indent=1))
        assert f"jq -c '.[]' {name}" in call(tmp_path / name, "--mapping", tmp_path / "m.yaml").err
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    assert "unpack it (gunzip -k)" in call(tmp_path / "t.jsonl.gz").err
    _, trials = bring(DRAWN, f"{HEAD}{LR}values: {{validation/accuracy: acc}}", name="lines.json")
    assert len(trials) == 14
