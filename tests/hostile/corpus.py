"""Hostile files: each, if anything in it ran, would leave a file named ``pwned``."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labtui.trainer.eventfile import FOOTER, HEADER, masked_crc
from tests.support.labs import make_lab

CANARY = "touch pwned"
PLANNED = """\
study: {study}
goal: hostile
workload: {workload}
trainer: {trainer}
objective: {{metric: validation/loss, goal: minimize}}
budget: {{trials: 2, max_train_steps: 4, eval_every: 2}}
{more}hyperparameters:
  lr: {lr}
"""


class Bomb:
    """Runs the canary when it is unpickled."""

    def __reduce__(self):
        return os.system, (CANARY,)


PICKLE = pickle.dumps(Bomb())


@dataclass(frozen=True)
class Hostile:
    """A file, and the commands that open it; in them FILE is the file, LAB the lab."""

    name: str
    write: Callable[[Path], object]
    commands: tuple[tuple[str, ...], ...]


def study(**parts: str) -> str:
    known = {"study": "s", "workload": "w", "trainer": "{name: numpy}", "more": ""}
    return PLANNED.format(**{**known, "lr": "{role: nuisance, range: [0, 1]}", **parts})


def text_file(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def bytes_file(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


TAGS = (
    f"!!python/object/apply:os.system ['{CANARY}']",
    f"!!python/object/new:os.system ['{CANARY}']",
    f"!!python/object/apply:subprocess.Popen [[sh, -c, {CANARY}]]",
    f'!!python/object/apply:builtins.eval [\'__import__("os").system("{CANARY}")\']',
    "!!python/name:os.system",
    "!!python/module:os",
    f"!ruby/object:Gem::Requirement {{x: `{CANARY}`}}",
    f"!!binary {CANARY}",
    f"!include '|{CANARY}'",
    f"!ENV ${{X:$({CANARY})}}",
)
WORDS = (f"$({CANARY})", f"`{CANARY}`", f"; {CANARY} #", f"| {CANARY}", f"\n{CANARY}\n")


def _studies() -> Iterator[Hostile]:
    plan = (("plan", "FILE"),)
    for number, tag in enumerate(TAGS):
        yield Hostile(f"tag{number}.yaml", text_file(study(lr=tag)), plan)
    for number, word in enumerate(WORDS):
        quoted = json.dumps(word)
        written = study(study=quoted, workload=quoted, lr=f"{{role: fixed, value: {quoted}}}")
        yield Hostile(f"word{number}.yaml", text_file(written), (*plan, ("plan", "FILE", "--json")))
    yield Hostile(
        "command.yaml", text_file(study(trainer=f"{{command: '{CANARY}'}}")), (*plan, *plan)
    )
    yield Hostile("list.yaml", text_file(study(trainer=f"{{command: [sh, -c, '{CANARY}']}}")), plan)
    yield Hostile("module.yaml", text_file(study(trainer="{python: 'evil.py:train'}")), plan)
    yield Hostile("script.yaml", text_file(study(trainer="{script: evil.py}")), plan)
    yield Hostile("interpreter.yaml", text_file(study(more="interpreter: ./evil.sh\n")), plan)
    merged = f"<<: !!python/object/apply:os.system ['{CANARY}']\n" + study()
    yield Hostile("merge.yaml", text_file(merged), plan)
    yield Hostile("pickle.yaml", bytes_file(PICKLE), plan)


# -- what is imported ---------------------------------------------------------------------------

MAPPING = """\
study: s
workload: w
objective: {metric: loss, goal: minimize}
hyperparameters:
  lr: {range: [0, 1]}
values: {loss: loss}
"""


def _npz(path: Path) -> None:
    path.write_bytes(b"")
    np.savez(path, x=np.array([Bomb()], dtype=object))


def _torch(path: Path) -> None:
    """A file as torch writes one: a zip with a pickle in it."""
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("archive/data.pkl", PICKLE)
        packed.writestr("archive/version", "3\n")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("../pwned", "slipped")
        packed.writestr("../../pwned", "slipped")


def _tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as packed:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "."
        packed.addfile(link)
        for name in ("out/pwned", "../pwned"):
            packed.addfile(tarfile.TarInfo(name), io.BytesIO())


def event(tag: bytes, value: float) -> bytes:
    """One record of an event file, whole, with any tag."""

    def field(number: int, data: bytes) -> bytes:
        size, length = len(data), b""
        while size >= 0x80:
            length += bytes([size & 0x7F | 0x80])
            size >>= 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + data

    inner = field(1, tag) + b"\x15" + struct.pack("<f", value)
    data = b"\x10\x01" + field(5, field(1, inner))
    head = HEADER.pack(len(data), masked_crc(struct.pack("<Q", len(data))))
    return head + data + FOOTER.pack(masked_crc(data))


def optuna_tables(extra: str) -> Callable[[Path], object]:
    """Optuna's tables, empty but for what a line of SQL adds."""

    def write(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(
                "CREATE TABLE version_info (schema_version, library_version);"
                "CREATE TABLE studies (study_id INTEGER, study_name TEXT);"
                "CREATE TABLE study_directions (study_id, direction, objective);"
                "CREATE TABLE trials (trial_id, number, study_id, state, datetime_start,"
                " datetime_complete);"
                "CREATE TABLE trial_params (param_id, trial_id, param_name, param_value,"
                " distribution_json);"
                "CREATE TABLE trial_values (trial_id, objective, value, value_type);"
                "CREATE TABLE trial_intermediate_values (trial_id, step, intermediate_value,"
                " intermediate_value_type);"
                "INSERT INTO studies VALUES (1, 'x');"
                "INSERT INTO study_directions VALUES (1, 'MINIMIZE', 0);"
                "INSERT INTO trials VALUES (1, 0, 1, 'COMPLETE', NULL, NULL);"
                "INSERT INTO trial_values VALUES (1, 0, 1.0, 'FINITE');"
            )
            database.executescript(extra)

    return write


VIEW = (
    "DROP TABLE studies;"
    "CREATE VIEW studies AS SELECT 1 AS study_id, load_extension('./pwned') AS study_name"
)
TRIGGER = (
    "CREATE TRIGGER t AFTER INSERT ON trials BEGIN SELECT writefile('pwned', 'x'); END;"
    "CREATE TEMP TRIGGER u AFTER INSERT ON trials BEGIN SELECT 1; END"
)
ENDLESS = (
    "DROP TABLE trial_params; CREATE VIEW trial_params AS WITH RECURSIVE c(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50) SELECT n AS param_id, 1 AS trial_id, "
    "'$(touch pwned)' AS param_name, n AS param_value, '{}' AS distribution_json FROM c"
)
NAMES = "UPDATE studies SET study_name = '../../$(touch pwned)' || char(27) || ']0;x'"
CELLS = 'lr,loss\n"=cmd|\' /C touch pwned\'!A0",1\n0.5,"=HYPERLINK(""http://x"")"\n0.1,2\n'


def _imports() -> Iterator[Hostile]:
    plain = ("import", "FILE", "--lab", "LAB")
    mapped = (*plain, "--mapping", "mapping.yaml")
    events = (*plain, "--metric", "loss", "--goal", "minimize")
    every = (*[(*plain, "--format", name) for name in ("optuna", "tensorboard")], mapped)
    for name in ("p.csv", "p.jsonl", "p.db", "p.pt", "p.ckpt", "p.npz", "p.pkl", "p.safetensors"):
        yield Hostile(name, bytes_file(PICKLE), (plain, mapped))
    yield Hostile("p.bin", bytes_file(PICKLE), every)
    yield Hostile("events.out.tfevents.p", bytes_file(PICKLE), (events,))
    yield Hostile("x.npz", _npz, (plain,))
    yield Hostile("x.pt", _torch, (plain, (*plain, "--format", "csv", "--mapping", "mapping.yaml")))
    yield Hostile("slip.zip", _zip, (plain,))
    yield Hostile("slip.tar.gz", _tar, (plain,))
    yield Hostile("bomb.csv.gz", bytes_file(gzip.compress(bytes(10**6))), (plain,))
    for number, extra in enumerate((VIEW, TRIGGER, ENDLESS, NAMES)):
        yield Hostile(f"o{number}.db", optuna_tables(extra), ((*plain,),))
    attach = b"SQLite format 3\0" + b"ATTACH DATABASE 'pwned' AS x; " * 200
    yield Hostile("attach.db", bytes_file(attach), (plain,))
    tag = f"../$({CANARY})\x1b]0;x\x07".encode()
    data = event(tag, 1.0) + event(b"loss", 2.0)
    yield Hostile("events.out.tfevents.t", bytes_file(data), (events,))
    yield Hostile("cells.csv", text_file(CELLS), (mapped,))
    line = json.dumps({"__reduce__": ["os.system", CANARY], "lr": 0.5, "loss": 1})
    yield Hostile("py.jsonl", text_file(f'{line}\n{{"lr": "$({CANARY})", "loss": 1}}\n'), (mapped,))
    deep = '{"lr":' + "[" * 100_000
    yield Hostile("deep.jsonl", text_file(deep), (mapped,))
    bad = MAPPING.replace("[0, 1]", TAGS[0])
    table = ("import", "cells.csv", "--lab", "LAB", "--mapping", "FILE")
    yield Hostile("mapping2.yaml", text_file(bad), (table,))


# -- labs, and what lies beside them ------------------------------------------------------------


def _lab(*statements: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        made = make_lab(path.parent / path.stem, points=1).db
        with closing(sqlite3.connect(made)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return write


def _labs() -> Iterator[Hostile]:
    readings = tuple(
        (*words, "--lab", "FILE")
        for words in (
            ("show", "digits-optimizer"),
            ("export", "--all", "--format", "csv", "--to", "out"),
            ("note", "digits-optimizer", CANARY),
        )
    )
    word = f"$({CANARY})"
    for number, statements in enumerate(
        (
            ("CREATE TRIGGER t AFTER INSERT ON notes BEGIN SELECT load_extension('./pwned'); END",),
            ("CREATE VIEW v AS SELECT load_extension('./pwned')",),
            (f"UPDATE studies SET folder = '{word}', interpreter = './evil.sh'",),
            (f"UPDATE studies SET command = '{word}', file = '|{CANARY}'",),
            (f"UPDATE workloads SET trainer = 'os:system', card = '{{\"x\": \"{word}\"}}'",),
            ("UPDATE trials SET params = CAST(x'80049525ff00' AS TEXT)",),
            (f"UPDATE trials SET source = '../../{word}', reason = '{word}'",),
            ("DROP TABLE notes", "CREATE VIEW notes AS SELECT load_extension('./pwned') AS id"),
        )
    ):
        yield Hostile(f"lab{number}/lab.db", _lab(*statements), readings)


def _beside() -> Iterator[Hostile]:
    """Files that a person may have in a folder: a command that is run there leaves them alone."""
    here = (("list",), ("trainers",), ("plan", "plain.yaml"))
    python = f"import os; os.system({CANARY!r})\n"
    names = ("evil.py", "numpy.py", "labtui_numpy.py", "sitecustomize.py", "conftest.py")
    for name in (*names, "setup.py", "__init__.py"):
        yield Hostile(name, text_file(python), here)
    shell = f"#!/bin/sh\n{CANARY}\n"
    for name in ("git", "labtui", "python", "evil.sh", "nvidia-smi", "vi"):
        yield Hostile(name, lambda path: (path.write_text(shell), path.chmod(0o755)), here)
    toml = f'theme = "$({CANARY})"\n[keymap]\n"study.next" = "`{CANARY}`"\n'
    yield Hostile("config.toml", text_file(toml), here)


CORPUS = (*_studies(), *_imports(), *_labs(), *_beside())
