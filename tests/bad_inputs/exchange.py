"""Imports and exports: rows 82 to 92 of the catalogue."""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import os
import resource
import shutil
import sqlite3
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from labtui.interop import xlsx_export
from tests.bad_inputs.row import BadInput, Seen, call, call_process
from tests.support.labs import make_lab

DATA = Path(__file__).parents[1] / "data"
MAPPING = """\
study: digits
workload: w
objective: {metric: validation/loss, goal: minimize}
hyperparameters:
  lr: {scale: log, range: [1e-5, 1]}
values: {validation/loss: loss}
"""
SHARED_MEMORY = 32_768
"""What SQLite writes beside a lab to read it: a limit on the size of files has to allow it."""

# -- event files, and logs of other programs ----------------------------------------------------


def events(change: Callable[[bytes], bytes]) -> Callable[[Path], Seen]:
    """Import real event files, the first of them changed."""

    def do(folder: Path) -> Seen:
        shutil.copytree(DATA / "tensorboard_hparams", folder / "runs")
        file = next((folder / "runs" / "run_0").glob("events*"))
        file.write_bytes(change(file.read_bytes()))
        return call(folder, "import", "runs", "--metric", "val_loss")

    return do


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def no_events(folder: Path) -> Seen:
    (folder / "events.out.tfevents.1").write_bytes(bytes(100))
    return call(folder, "import", "events.out.tfevents.1", "--metric", "loss")


def wandb(folder: Path) -> Seen:
    (folder / "run-1.wandb").write_bytes(b":W&B\xee\xbe\x00" + bytes(range(64)))  # a torn record
    return call(folder, "import", "run-1.wandb")


def mlflow_database(folder: Path) -> Seen:
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
        for name in ("alembic_version", "experiments", "runs", "metrics", "params", "tags"):
            database.execute(f"CREATE TABLE {name} (x)")
    return call(folder, "import", "mlflow.db")


def mlflow_folder(folder: Path) -> Seen:
    run = folder / "mlruns" / "0" / "6d0f"
    (run / "metrics").mkdir(parents=True)
    (run / "metrics" / "loss").write_text("1700000000000 0.5 1\n")
    (run / "meta.yaml").write_text("run_id: 6d0f\n")
    return call(folder, "import", "mlruns")


# -- tables and lines ---------------------------------------------------------------------------


def table(content: bytes | str, name: str = "t.csv", *options: str) -> Callable[[Path], Seen]:
    """Import a file through the mapping."""

    def do(folder: Path) -> Seen:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        (folder / "m.yaml").write_text(MAPPING)
        return call(folder, "import", name, "--mapping", "m.yaml", *options)

    return do


def many_columns(folder: Path) -> Seen:
    names = ",".join(f"c{number}" for number in range(1_000_000))
    return table(f"lr,loss,{names}\n1,1\n")(folder)


LINES = '{"lr":0.1,"loss":1}\n{"lr":0.2,"loss":\n{"lr":0.3,"loss":3}\n[1]\n'

# -- databases and archives ---------------------------------------------------------------------


@functools.cache
def made_by_optuna() -> bytes:
    """A database, written by Optuna itself."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "o.db"
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
        study = optuna.create_study(storage=storage, study_name="demo")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        storage.engine.dispose()
        return file.read_bytes()


def optuna_file(*statements: str) -> Callable[[Path], Seen]:
    """Import Optuna's database while another program has carried out some statements on it."""

    def do(folder: Path) -> Seen:
        file = folder / "optuna.db"
        file.write_bytes(made_by_optuna())
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
            for statement in statements:
                other.execute(statement).fetchall()
            return call(folder, "import", "optuna.db")

    return do


def own_lab(folder: Path) -> Seen:
    make_lab(folder, points=1)
    return call(folder, "import", "lab.db", "--lab", "other.db")


def archive(folder: Path) -> Seen:
    with zipfile.ZipFile(folder / "runs.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../evil/measurements.csv", "global_step\n1\n")
        packed.writestr("bomb.csv", bytes(10_000_000))  # 1000:1
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    seen = call(folder, "import", "runs.zip")
    assert sorted(path.name for path in folder.iterdir()) == ["runs.zip"]
    return seen


def tar(folder: Path) -> Seen:
    with tarfile.open(folder / "runs.tar.gz", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())
    return call(folder, "import", "runs.tar.gz")


def again(folder: Path) -> Seen:
    once = table("lr,loss\n0.1,1\n0.2,2\n")
    once(folder)
    return once(folder)


# -- exports ------------------------------------------------------------------------------------


def export(*options: str) -> Callable[[Path], Seen]:
    """Export a small study, beside a file and a folder that are there already."""

    def do(folder: Path) -> Seen:
        make_lab(folder, name="digits", points=2)
        (folder / "old").write_text("mine")
        (folder / "folder").mkdir()
        return left_alone(folder, call(folder, "export", "digits", *options))

    return do


def left_alone(folder: Path, seen: Seen) -> Seen:
    """See that the file that was there is whole, and that nothing half written lies beside it."""
    assert (folder / "old").read_text() == "mine"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    return seen


def full(*options: str) -> Callable[[Path], Seen]:
    """Export more than fits: files may grow to a limit."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (SHARED_MEMORY, SHARED_MEMORY))

    def do(folder: Path) -> Seen:
        make_lab(folder, name="digits", points=6)
        (folder / "old").write_text("mine")
        arguments = ("export", "digits", *options, "--to", "old", "--force")
        return left_alone(folder, call_process(folder, *arguments, preexec_fn=limit))

    return do


def no_room(folder: Path) -> Seen:
    """Export where what was written does not reach the disk."""
    make_lab(folder, name="digits", points=2)
    (folder / "old").write_text("mine")
    refused = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with mock.patch("labtui.interop.files.os.fsync", side_effect=refused):
        seen = call(folder, "export", "digits", "--format", "xlsx", "--to", "old", "--force")
    return left_alone(folder, seen)


def sheets(folder: Path) -> Seen:
    """Export a study of a forbidden name to sheets of three rows: the limit of a sheet, lowered."""
    import openpyxl

    make_lab(folder, name="a/b: [study]?", points=2)
    with mock.patch.object(xlsx_export, "MAX_ROWS", 4):
        seen = call(folder, "export", "a/b: [study]?", "--format", "xlsx", "--to", "x.xlsx")
    book = openpyxl.load_workbook(folder / "x.xlsx", read_only=True)
    names = [name for name in book.sheetnames if name.startswith("a-b")]
    book.close()
    return Seen(f"{seen.message}\nsheets: {', '.join(names)}", seen.code, seen.lab)


def long_cell(folder: Path) -> Seen:
    """Export a note that is longer than a cell holds."""
    import openpyxl

    make_lab(folder, name="digits", points=1)
    call(folder, "note", "digits", "x" * 40_000)
    call(folder, "export", "digits", "--format", "xlsx", "--to", "x.xlsx")
    book = openpyxl.load_workbook(folder / "x.xlsx", read_only=True)
    header, row = list(book["experiment log"].iter_rows(values_only=True))[:2]
    book.close()
    cell = row[header.index("notes")]
    assert len(cell) == xlsx_export.MAX_TEXT
    return Seen(cell.lstrip("x").strip(), 0, "unchanged")


def held(folder: Path) -> Seen:
    """Replace a file as where another program keeps it open: simulated, never tried on Windows."""
    make_lab(folder, name="digits", points=2)
    (folder / "old").write_text("mine")
    refused = PermissionError(13, "Permission denied")
    with mock.patch.object(Path, "replace", side_effect=refused):
        seen = call(folder, "export", "digits", "--format", "xlsx", "--to", "old", "--force")
    return left_alone(folder, seen)


def parquet(folder: Path) -> Seen:
    (folder / "t.parquet").write_bytes(b"PAR1" + bytes(32) + b"PAR1")
    return call(folder, "import", "t.parquet")


AS_CSV = "and import that file: --format csv --mapping FILE"
MLFLOW = (
    "was written by MLflow, which labtui does not read; write the runs as a table (mlflow "
    f"experiments csv --experiment-id ID --filename runs.csv), {AS_CSV}"
)
ROWS: list[BadInput] = []


def row(
    number: int, what: str, do: Callable[[Path], Seen], message: str, code: int, lab: str
) -> None:
    ROWS.append(BadInput(number, what, do, message, code, lab))


row(
    82,
    "a TensorBoard event file without its tail",
    events(lambda data: data[:-20]),
    "runs: 3 trials, 2 completed, 1 infeasible (diverged), 47 points; 0 already there\n"
    "  events.out.tfevents.1795343398.vm: stopped at byte 704: its last record is cut off; what is "
    "before it was kept",
    0,
    "made",
)
row(
    82,
    "a TensorBoard event file with a wrong checksum",
    events(flipped),
    "runs: 3 trials, 2 completed, 1 infeasible (diverged), 40 points; 0 already there\n"
    "  events.out.tfevents.1795343398.vm: stopped at byte 370: the checksum of a length is wrong; "
    "what is before it was kept",
    0,
    "made",
)
row(
    82,
    "a TensorBoard event file of zeros",
    no_events,
    "labtui: events.out.tfevents.1: has no metric 'loss'; its event files hold no scalars "
    "(events.out.tfevents.1: stopped at byte 0: the checksum of a length is wrong; what is before "
    "it was kept)",
    2,
    "none",
)
row(
    83,
    "a log of Weights & Biases (no importer)",
    wandb,
    "labtui: run-1.wandb: is a log of Weights & Biases, which labtui does not read; write the runs "
    "as a table, in Python: pandas.DataFrame([{**r.config, **r.summary._json_dict} for r in "
    f"wandb.Api().runs(PROJECT)]).to_csv('runs.csv'), {AS_CSV}",
    2,
    "none",
)
row(
    83,
    "a database of MLflow (no importer)",
    mlflow_database,
    f"labtui: mlflow.db: {MLFLOW}",
    2,
    "none",
)
row(83, "a folder of MLflow (no importer)", mlflow_folder, f"labtui: mlruns: {MLFLOW}", 2, "none")
row(
    84,
    "CSV: a row that is too long",
    table("lr,loss\n0.1,1\n0.2,2,3\n"),
    "labtui: t.csv:3:3: found 3 cells; expected 2, as in the header",
    2,
    "none",
)
row(
    84,
    "CSV: a column twice",
    table("lr,loss,lr\n0.1,1,2\n"),
    "labtui: t.csv:1:3: found the column 'lr' twice (the first is column 1); expected every name "
    "once",
    2,
    "none",
)
row(
    84,
    "CSV: semicolons and decimal commas",
    table("lr;loss\n0,1;1,5\n"),
    "digits: 1 trial, 1 completed, 1 point; 0 already there\n"
    "  cells are divided by semicolons\n  decimal commas are read as points",
    0,
    "made",
)
row(
    84,
    "CSV: tabs, and a byte order mark",
    table("\ufefflr\tloss\n0.1\t1.5\n"),
    "digits: 1 trial, 1 completed, 1 point; 0 already there\n  cells are divided by tabs",
    0,
    "made",
)
row(
    84,
    "CSV: a quotation mark without a second",
    table('lr,loss\n0.1,1\n0.2,"2\n0.3,3\n'),
    "labtui: t.csv:3: found a quotation mark that is never closed; expected a second",
    2,
    "none",
)
row(
    84,
    "CSV: Latin-1",
    table("lr,loss\n0.1,1\n0.2,é\n".encode("latin-1")),
    "labtui: t.csv:3: found the byte 0xe9 at byte 18, which is not UTF-8; expected UTF-8: iconv -f "
    "latin1 -t utf-8 t.csv > t-utf8.csv",
    2,
    "none",
)
row(
    84,
    "CSV: UTF-16",
    table("lr,loss\n0.1,1\n".encode("utf-16")),
    "labtui: t.csv: found UTF-16; expected UTF-8: iconv -f utf-16 -t utf-8 t.csv > t-utf8.csv",
    2,
    "none",
)
row(
    84,
    "CSV: a million columns",
    many_columns,
    "labtui: t.csv:1:16385: found 1,000,002 columns; expected at most 16,384: a table of points "
    "has a row a point",
    2,
    "none",
)
row(
    84,
    "CSV: nothing",
    table(""),
    "labtui: t.csv: is empty, or begins with an empty line; expected a header",
    2,
    "none",
)
row(
    84,
    "CSV: a header alone",
    table("lr,loss\n"),
    "labtui: t.csv: found a header and no rows",
    2,
    "none",
)
row(
    84,
    "CSV: a word where a number is expected",
    table("lr,loss\nabc,1\n0.1,2\n"),
    "digits: 1 trial, 1 completed, 1 point; 0 already there\n"
    '  skipped t.csv:2: lr: found "abc"; expected a number of its range',
    0,
    "made",
)
row(
    85,
    "JSON lines: bad lines among good ones",
    table(LINES, "t.jsonl"),
    "digits: 2 trials, 2 completed, 2 points; 0 already there\n"
    "  skipped t.jsonl:2: is no JSON: Expecting value at column 18\n"
    "  skipped t.jsonl:4: found a list; expected an object",
    0,
    "made",
)
row(
    85,
    "the same with --strict",
    table(LINES, "t.jsonl", "--strict"),
    "labtui: 2 parts of the source cannot be read; --strict wrote nothing:\n"
    "  t.jsonl:2: is no JSON: Expecting value at column 18\n"
    "  t.jsonl:4: found a list; expected an object",
    2,
    "none",
)
row(
    86,
    "an Optuna database of an unknown version",
    optuna_file("UPDATE version_info SET schema_version = 13, library_version = '6.1'"),
    "labtui: optuna.db: found version 13 of Optuna's tables (Optuna 6.1); expected 12",
    2,
    "none",
)
row(
    86,
    "an Optuna database without its tables",
    optuna_file("DROP TABLE trial_values"),
    "labtui: optuna.db: is no database of Optuna that labtui knows: it has no trial_values; found "
    "alembic_version, …",
    2,
    "none",
)
row(
    86,
    "an Optuna database that is being written (WAL)",
    optuna_file("PRAGMA journal_mode = WAL", "BEGIN IMMEDIATE", "DELETE FROM trials"),
    "demo: 2 trials, 2 completed, 2 points; 0 already there",
    0,
    "made",
)
row(
    86,
    "an Optuna database that another program has locked",
    optuna_file("BEGIN EXCLUSIVE"),
    "labtui: optuna.db: another program has locked it (database is locked); import it when that is "
    "done",
    2,
    "none",
)
row(
    86,
    "a lab of labtui",
    own_lab,
    "labtui: lab.db: is a lab of labtui; open it as it is: labtui --lab lab.db",
    2,
    "unchanged",
)
ARCHIVE = "is an archive, and archives are not unpacked; unpack it and import the folder"
row(
    87,
    "a zip with ../, a link and a bomb",
    archive,
    f"labtui: runs.zip: {ARCHIVE}",
    2,
    "none",
)
row(87, "a packed tar with ../", tar, f"labtui: runs.tar.gz: {ARCHIVE}", 2, "none")
row(
    88,
    "the same file imported again",
    again,
    "digits: 0 trials, 0 points; 2 already there",
    0,
    "unchanged",
)
row(
    89,
    "an export onto a file",
    export("--what", "trials", "--to", "old", "--format", "csv"),
    "labtui: old is a file; expected a folder, or the name of a new one",
    2,
    "unchanged",
)
row(
    89,
    "a workbook onto a file",
    export("--format", "xlsx", "--to", "old"),
    "labtui: old exists and was left as it is; --force replaces it",
    2,
    "unchanged",
)
row(
    89,
    "an export onto a folder",
    export("--format", "sqlite", "--to", "folder"),
    "labtui: folder is a directory; expected the name of a file to write",
    2,
    "unchanged",
)
row(
    89,
    "an export below a file",
    export("--to", "old/below/it"),
    "labtui: old is a file; expected a folder, or the name of a new one",
    2,
    "unchanged",
)
row(
    89,
    "an export larger than files may grow (RLIMIT_FSIZE)",
    full("--format", "sqlite"),
    "labtui: old: File too large; nothing was written there; raise the limit on the size of files "
    "(`ulimit -f` shows it)",
    74,
    "unchanged",
)
row(
    89,
    "an export onto a full disk (simulated: the sync fails)",
    no_room,
    "labtui: old: No space left on device; nothing was written there; make room, or name a place "
    "that has some",
    74,
    "unchanged",
)
row(
    90,
    "a workbook: more rows than a sheet, a name with []:*?/\\ (the limit lowered to 3 rows)",
    sheets,
    "wrote x.xlsx (1 study, 4 trials)\nsheets: a-b- -study--, a-b- -study-- (2)",
    0,
    "unchanged",
)
row(
    90,
    "a workbook: a text that is longer than a cell",
    long_cell,
    "… (cut here: 40,000 characters)",
    0,
    "unchanged",
)
row(
    91,
    "an export as Parquet",
    export("--format", "parquet"),
    "labtui: found the format 'parquet'; expected csv, xlsx, markdown, sqlite; pandas and DuckDB "
    "make Parquet of csv: duckdb -c \"COPY 'in.csv' TO 'out.parquet'\"",
    2,
    "unchanged",
)
row(
    91,
    "an import of Parquet",
    parquet,
    "labtui: t.parquet: is Parquet, which labtui does not read; write it as a table, in Python: "
    f"pandas.read_parquet(FILE).to_csv('table.csv', index=False), {AS_CSV}",
    2,
    "none",
)
row(
    92,
    "a file that another program keeps open (simulated: never tried on Windows)",
    held,
    "labtui: old: it cannot be replaced; close the program that has it open, or choose another "
    "name; it is as it was",
    74,
    "unchanged",
)
