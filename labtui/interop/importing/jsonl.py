"""JSON lines: an object a line, a trial each, read through a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from labtui.interop.importing.fields import check_fields, complete
from labtui.interop.importing.mapping import load_mapping
from labtui.interop.importing.tabular import EXAMPLE, study_of
from labtui.interop.importing.types import ImportFailed, Skipped, StudySource
from labtui.interop.importing.values import Record, paths


def read_lines(source: Path, mapping: Path | None, name: str | None = None) -> StudySource:
    """Find the study in a JSON-lines file.

    Args:
        source: The file.
        mapping: The file that says what its fields mean.
        name: What the lab calls the study, if not what the mapping says.

    Raises:
        ImportFailed: There is no mapping, or no line that is an object.
        StudyError: The mapping is wrong.
    """

    def lines() -> Iterator[tuple[str, Record] | Skipped]:
        return records(source)

    first = next((item for item in records(source) if not isinstance(item, Skipped)), None)
    if first is None:
        raise ImportFailed(
            f"{source}: found no line that is a JSON object; expected one a trial{_hint(source)}"
        )
    found, notes = load_mapping(
        mapping, source, _example(first[1]), lambda written: complete(written, lines)
    )
    notes += check_fields(found, lines, f"{mapping}, for {source.name}")
    return study_of("jsonl", source, found, name, lines, notes)


def _hint(source: Path) -> str:
    """Say what to do about a document of several lines, or one list."""
    with source.open("rb") as stream:
        begins = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begins not in (b"[", b"{"):
        return ""
    what = ".[]" if begins == b"[" else "."
    return f"; write a list of them so: jq -c '{what}' {source.name} > {source.stem}-lines.jsonl"


def records(source: Path) -> Iterator[tuple[str, Record] | Skipped]:
    """Give the objects of a file, and the lines that are none; empty lines are passed over."""
    try:
        with source.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield _record(line, f"{source.name}:{number}", first=number == 1)
    except OSError as error:
        raise ImportFailed(f"{source}: {error.strerror}") from error


def _record(line: bytes, where: str, *, first: bool) -> tuple[str, Record] | Skipped:
    try:
        found = json.loads(line.decode("utf-8-sig" if first else "utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        return Skipped(where, f"byte {error.start + 1} is not UTF-8")
    except json.JSONDecodeError as error:
        return Skipped(where, f"is no JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError) as error:
        return Skipped(where, f"is no JSON that can be read: {error}")
    if not isinstance(found, dict):
        return Skipped(where, f"found a {type(found).__name__}; expected an object")
    return where, found


def _example(record: Record) -> str:
    points = "values: {validation/loss: FIELD}            # a number, or a list: one a rerun"
    metric = "validation/loss"
    for name, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ", ".join(value[0])
            points = (
                f"curve: {{path: {name}, step: FIELD, metrics: {{{metric}: FIELD}}}}"
                f"   # fields: {inner}"
            )
    return EXAMPLE.format(
        metric=metric, origin=", from: FIELD", points=points, fields=", ".join(paths(record))
    )
