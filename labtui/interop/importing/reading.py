"""Which format a source has, and the reader for it."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labtui.interop.importing.algoperf_places import FILES, is_trial, walk
from labtui.interop.importing.foreign import foreign_file, foreign_folder
from labtui.interop.importing.types import ImportFailed, StudySource

SQLITE = b"SQLite format 3\0"
LONGEST_LINE = 2**24
"""Bytes of a first line that are looked at."""

GZIP = b"\x1f\x8b"
TABLES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Endings of files that need a mapping, and their formats."""


@dataclass(frozen=True)
class Asked:
    """What a person says about a source; None where it is to be found out."""

    format: str | None = None
    mapping: Path | None = None
    study: str | None = None
    metric: str | None = None
    goal: str | None = None


def read_source(source: Path, asked: Asked) -> list[StudySource]:
    """Find the studies in a source.

    Raises:
        ImportFailed: There is nothing to import, or something about it is not known.
        StudyError: The mapping is wrong; every mistake is named with its line.
    """
    if not source.exists():
        raise ImportFailed(f"{source}: no such file or folder")
    if asked.goal not in (None, "minimize", "maximize"):
        raise ImportFailed(f"--goal: found {asked.goal!r}; expected minimize or maximize")
    named = asked.format or recognize(source)
    reader = READERS.get(named)
    if reader is None:
        raise ImportFailed(f"--format: found {named!r}; expected one of {', '.join(READERS)}")
    for option, value, formats in (
        ("--mapping", asked.mapping, ("jsonl", "csv")),
        ("--metric", asked.metric, ("tensorboard", "optuna")),
        ("--goal", asked.goal, ("tensorboard",)),
    ):
        if value is not None and named not in formats:
            raise ImportFailed(
                f"{option}: is for {' and '.join(formats)}, and {source} is {named}; leave it out"
            )
    return reader(source, asked)


def recognize(source: Path) -> str:
    """Name the format of a source by what is in it.

    Raises:
        ImportFailed: It is none that is known.
    """
    if source.is_dir():
        return _recognize_folder(source)
    if not source.is_file():
        raise ImportFailed(f"{source}: is neither a file nor a folder")
    if "tfevents" in source.name:
        return "tensorboard"
    try:
        with source.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise ImportFailed(f"{source}: cannot be read: {error.strerror}") from error
    if head == SQLITE:
        return "optuna"
    if told := foreign_file(source, head):
        raise ImportFailed(f"{source}: {told}")
    if zipfile.is_zipfile(source) or tarfile.is_tarfile(source):
        raise ImportFailed(
            f"{source}: is an archive, and archives are not unpacked; unpack it and import the "
            "folder"
        )
    if head.startswith(GZIP):
        raise ImportFailed(f"{source}: is compressed; unpack it (gunzip -k) and import the result")
    if source.suffix.lower() == ".json":
        if _is_lines(source):
            return "jsonl"
        raise ImportFailed(
            f"{source}: is one JSON document; expected an object a line: write it with "
            f"jq -c '.[]' {source.name} > {source.stem}.jsonl"
        )
    if source.suffix.lower() in TABLES:
        return TABLES[source.suffix.lower()]
    raise ImportFailed(
        f"{source}: the format cannot be told from its name or content; expected --format "
        f"{', '.join(READERS)}"
    )


def _is_lines(source: Path) -> bool:
    """Say whether the first line is an object by itself, as in JSON lines."""
    with source.open("rb") as stream:
        head = stream.readline(LONGEST_LINE).strip()
    try:
        return isinstance(json.loads(head), dict)
    except (ValueError, RecursionError):
        return False


def _recognize_folder(source: Path) -> str:
    events = packed = False
    told = ""
    for folder, names in walk(source.resolve(), []):
        told = told or foreign_folder(folder, names)
        if is_trial(names):
            return "algoperf"
        events = events or any("tfevents" in name for name in names)
        packed = packed or any(f"{name}.gz" in names for name in FILES)
    if events:
        return "tensorboard"
    if told:
        raise ImportFailed(f"{source}: {told}")
    told = "; it has packed ones: unpack them (gunzip -kr FOLDER)" if packed else ""
    raise ImportFailed(
        f"{source}: found neither measurements.csv (AlgoPerf) nor event files (TensorBoard) "
        f"in it or below; expected a folder of training logs{told}"
    )


def _algoperf(source: Path, asked: Asked) -> list[StudySource]:
    from labtui.interop.importing.algoperf import read_folder

    return read_folder(source, asked.study)


def _jsonl(source: Path, asked: Asked) -> list[StudySource]:
    from labtui.interop.importing.jsonl import read_lines

    return [read_lines(source, asked.mapping, asked.study)]


def _csv(source: Path, asked: Asked) -> list[StudySource]:
    from labtui.interop.importing.csv_table import read_table

    return [read_table(source, asked.mapping, asked.study)]


def _tensorboard(source: Path, asked: Asked) -> list[StudySource]:
    from labtui.interop.importing.tensorboard import read_folder

    return [read_folder(source, asked.study, asked.metric, asked.goal)]


def _optuna(source: Path, asked: Asked) -> list[StudySource]:
    from labtui.interop.importing.optuna_db import read_database

    return read_database(source, asked.study, asked.metric)


READERS: dict[str, Callable[[Path, Asked], list[StudySource]]] = {
    "algoperf": _algoperf,
    "jsonl": _jsonl,
    "csv": _csv,
    "tensorboard": _tensorboard,
    "optuna": _optuna,
}
"""The formats, and what finds the studies of each."""
