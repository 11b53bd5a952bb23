"""What is read: study files, what programs print, filters, and files that are imported."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from labtui.cli.app import main
from labtui.study.errors import StudyError
from labtui.study.spec import parse_study
from labtui.tui.filters import BadFilter, Language
from labtui_command.errors import CommandError
from labtui_command.lines import Lines
from labtui_command.reports import read_report
from tests.fuzz import fuzzed
from tests.hostile.corpus import optuna_tables

ROOT = Path(__file__).parents[2]
SAMPLES = [path.read_text() for path in sorted((ROOT / "sample_studies").glob("*.yaml"))]
WORDS = st.sampled_from(
    [
        "!!python/name:os.system ",
        "&a ",
        "*a",
        "<<: ",
        "[",
        "{",
        "- ",
        "\t",
        "1e999",
        "~",
        "'",
        ": ",
        "\0",
    ]
)
EVENTS = next((ROOT / "tests/data/tensorboard_hparams/run_0").glob("events*")).read_bytes()
ALGOPERF = ROOT / "tests/data/algoperf/algoperf_v05"
RUN = Path("external_tuning/lawa_ema/study_0/imagenet_vit_pytorch/trial_1")
LINES = b'{"lr": 0.1, "loss": 1.0}\n{"lr": 0.2, "loss": 2.0}\n'
TABLE = b'lr,loss\n0.1,1.0\n0.2,"2.0"\n'
MAPPING = """\
study: s
workload: w
objective: {metric: loss, goal: minimize}
hyperparameters:
  lr: {range: [0, 1]}
values: {loss: loss}
"""


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
@fuzzed(2)
def test_any_text_as_a_study_is_one_or_is_refused(text):
    with contextlib.suppress(StudyError):
        parse_study(text)


@given(st.data())
@fuzzed()
def test_a_study_with_mistakes_is_refused_with_places(data):
    lines = data.draw(st.sampled_from(SAMPLES)).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = data.draw(st.integers(0, len(line)))
        lines[at] = line[:cut] + data.draw(st.one_of(WORDS, st.text(max_size=6))) + line[cut:]
    try:
        parse_study("\n".join(lines))
    except StudyError as error:
        said = str(error)
    else:
        return
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "study.yaml" in said


json_like = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = ("step", "epoch", "loss", "checkpoint", "infeasible", "metrics", "predictions", "trial")


@given(st.dictionaries(st.sampled_from(KEYS), json_like), st.text(max_size=10))
@fuzzed(3)
def test_any_object_of_a_program_is_a_report_or_is_refused(found, garbage):
    for line in (json.dumps(found), json.dumps(found) + garbage, json.dumps(found)[:-1]):
        with contextlib.suppress(CommandError):
            read_report(line)


@given(st.lists(st.binary(max_size=80), max_size=8))
@fuzzed(3)
def test_bytes_of_a_program_become_lines(pieces):
    lines = Lines()
    for line in [one for piece in pieces for one in lines.feed(piece)] + [lines.end()]:
        with contextlib.suppress(CommandError):
            read_report(line.decode("utf-8", "replace"))


RECORDS = [{"state": "completed", "lr": 0.1, "n": 3}, {"state": "é", "lr": float("nan"), "n": None}]
LANGUAGE = Language(
    {"state": lambda one: one["state"], "n": lambda one: one["n"]}, lambda one: [one["state"]]
)
MORE = {"learning_rate": lambda one: one["lr"], "a/b": lambda one: [one["state"], one["lr"]]}
PIECES = st.sampled_from(["state", "n", "lr", "b", "<", ">=", "=", "!=", ":", "-", " ", "1e3", "é"])


@given(st.one_of(st.text(max_size=20), st.lists(PIECES, max_size=10).map("".join)))
@fuzzed(5)
def test_any_filter_is_understood_or_refused(text):
    try:
        test = LANGUAGE.parse(text, MORE)
        LANGUAGE.asked(text, MORE)
    except BadFilter:
        return
    assert all(isinstance(test(record), bool) for record in RECORDS)


def changed(data: bytes, change: tuple[str, int, bytes]) -> bytes:
    kind, at, new = change
    at %= len(data) + 1
    if kind == "cut":
        return data[:at]
    return data[:at] + new + data[at + (len(new) if kind == "replace" else 0) :]


changes = st.lists(
    st.tuples(st.sampled_from(["cut", "replace", "insert"]), st.integers(0), st.binary(max_size=9)),
    min_size=1,
    max_size=4,
)


def imported(folder: Path, *words: str) -> None:
    """Import what somebody damaged: it is taken, or refused in words."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main(["import", *words, "--lab", str(folder / "lab.db")])
    assert code in (0, 2), said.getvalue()
    assert "a fault of labtui" not in said.getvalue(), said.getvalue()
    assert all(c.isprintable() or c == "\n" for c in said.getvalue())


def algoperf(folder: Path) -> None:
    """Put the logs of one real trial of AlgoPerf into a folder."""
    (folder / "logs" / RUN).parent.mkdir(parents=True)
    shutil.copytree(ALGOPERF / "logs" / RUN, folder / "logs" / RUN)


@given(st.integers(0), changes)
@fuzzed(0.1)
def test_damaged_logs_of_algoperf_are_imported_or_refused(which, damage):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        algoperf(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        file = files[which % len(files)]
        data = file.read_bytes()
        for change in damage:
            data = changed(data, change)
        file.write_bytes(data)
        imported(folder, str(folder))


COLUMNS = st.sampled_from(
    [
        *("studies.study_name", "studies.study_id", "study_directions.direction"),
        *("trials.state", "trials.number", "trials.datetime_start", "trials.datetime_complete"),
        *("trial_values.value", "trial_values.value_type", "trial_params.param_name"),
        *("trial_params.param_value", "trial_params.distribution_json"),
        *("trial_intermediate_values.step", "trial_intermediate_values.intermediate_value"),
        *("trial_intermediate_values.intermediate_value_type", "version_info.schema_version"),
    ]
)
INTEGER = st.integers(-(2**63), 2**63 - 1)
WORTHS = ["INF_POS", "NAN", "RUNNING", "MAXIMIZE", '{"name": "FloatDistribution"}', "{"]
values = st.one_of(
    st.none(),
    INTEGER,
    st.floats(),
    st.binary(max_size=20),
    WORDS,
    st.text(max_size=20),
    st.sampled_from(WORTHS),
)
RANGE = {"step": None, "low": 0.0, "high": 1.0, "log": False}
DISTRIBUTION = json.dumps({"name": "FloatDistribution", "attributes": RANGE})
ROWS = (
    "INSERT INTO version_info VALUES (12, '4.9.0');"
    f"INSERT INTO trial_params VALUES (1, 1, 'x', 0.5, '{DISTRIBUTION}');"
    "INSERT INTO trial_intermediate_values VALUES (1, 1, 0.5, 'FINITE');"
)
"""What a database of Optuna has beside what the corpus puts there."""


@given(st.lists(st.tuples(COLUMNS, values), max_size=3), st.one_of(st.just([]), changes))
@fuzzed(0.1)
def test_damaged_databases_of_optuna_are_imported_or_refused(cells, damage):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = folder / "o.db"
        optuna_tables(ROWS)(file)
        with contextlib.closing(sqlite3.connect(file)) as database:
            for place, value in cells:
                table, _, column = place.partition(".")
                safe = value
                if isinstance(value, str):  # SQLite holds no half characters
                    safe = value.encode("utf-8", "replace").decode()
                database.execute(f"UPDATE {table} SET {column} = ?", (safe,))
            database.commit()
        data = file.read_bytes()
        for change in damage:
            data = changed(data, change)
        file.write_bytes(data)
        imported(folder, str(file), "--format", "optuna")


def test_what_is_damaged_is_imported_when_it_is_whole(tmp_path):
    optuna_tables(ROWS)(tmp_path / "o.db")
    lab = str(tmp_path / "lab.db")
    assert main(["import", str(tmp_path / "o.db"), "--lab", lab]) == 0
    algoperf(tmp_path / "algoperf")
    assert main(["import", str(tmp_path / "algoperf"), "--lab", lab]) == 0


@given(st.sampled_from(["events.out.tfevents.1", "t.csv", "t.jsonl"]), changes)
@fuzzed(0.7)
def test_damaged_files_are_imported_or_refused(name, damage):
    data = {"t.csv": TABLE, "t.jsonl": LINES}.get(name, EVENTS)
    for change in damage:
        data = changed(data, change)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / name).write_bytes(data)
        (folder / "m.yaml").write_text(MAPPING)
        mapped = ["--mapping", str(folder / "m.yaml")]
        more = mapped if name.startswith("t.") else ["--metric", "loss", "--goal", "minimize"]
        imported(folder, str(folder / name), *more)
