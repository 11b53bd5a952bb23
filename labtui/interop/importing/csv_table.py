"""CSV tables, a row a trial or a row a point, read through a mapping."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labtui.interop.importing.fields import check_fields, complete
from labtui.interop.importing.mapping import load_mapping
from labtui.interop.importing.tabular import EXAMPLE, study_of
from labtui.interop.importing.types import ImportFailed, Skipped, StudySource
from labtui.interop.importing.values import Record
from labtui.study.reading import as_utf8

DELIMITERS = (",", ";", "\t", "|")
SNIFFED = 200
"""Rows that are looked at for the decimal sign."""
LONGEST_CELL = 16 * 2**20
"""Characters of a cell; a quote that is never closed makes one cell of the rest of the file."""

MOST_COLUMNS = 16_384
"""Columns of a table: what a spreadsheet has room for. A file of a million took twelve seconds to
read, and none was a hyperparameter."""
LONGEST_LINE = 2**24
"""Characters of a header; a file without line ends is no table."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Dialect:
    """How a file writes a table."""

    header: tuple[str, ...]
    delimiter: str
    decimal_comma: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should know of it."""
        names = {";": "semicolons", "\t": "tabs", "|": "bars"}
        told = [f"cells are divided by {names[self.delimiter]}"] if self.delimiter in names else []
        return (*told, "decimal commas are read as points") if self.decimal_comma else tuple(told)


def read_table(source: Path, mapping: Path | None, name: str | None = None) -> StudySource:
    """Find the study in a CSV file; the whole of it is looked through before.

    Args:
        source: The file.
        mapping: The file that says what its columns mean.
        name: What the lab calls the study, if not what the mapping says.

    Raises:
        ImportFailed: There is no mapping, or the file is no table: with row and column.
        StudyError: The mapping is wrong.
    """
    dialect = look(source)
    points = (
        "values: {validation/loss: COLUMN}    # a row a trial; for a row a point, also:\n"
        "# trial: COLUMN                      # which trial a row belongs to\n"
        "# step: COLUMN"
    )
    example = EXAMPLE.format(
        metric="validation/loss",
        origin=", from: COLUMN",
        points=points,
        fields=", ".join(dialect.header[:40]),
    )

    def rows() -> Iterator[tuple[str, Record] | Skipped]:
        return records(source, dialect)

    _check_columns(source, dialect)
    found, told = load_mapping(mapping, source, example, lambda written: complete(written, rows))
    if found.curve is not None:
        raise ImportFailed(
            f"{mapping}: 'curve' is for JSON; in a table with a row a point name the columns: "
            "'trial', 'step' and 'values'"
        )
    told += check_fields(found, rows, f"{mapping}, for {source.name}")
    return study_of("csv", source, found, name, rows, (*dialect.notes, *told))


def look(source: Path) -> Dialect:
    """Find out how a file writes its table, and that it is one.

    Raises:
        ImportFailed: It is none.
    """
    try:
        with source.open("rb") as stream:
            if stream.read(2) in _UTF16:
                raise ImportFailed(
                    f"{source}: found UTF-16; expected {as_utf8(str(source), 'utf-16')}"
                )
        with source.open(encoding="utf-8-sig", newline="") as text:
            head = text.readline(LONGEST_LINE)
    except OSError as error:
        raise ImportFailed(f"{source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _not_utf8(source) from error
    if not head.strip():
        raise ImportFailed(f"{source}: is empty, or begins with an empty line; expected a header")
    delimiter = max(DELIMITERS, key=lambda one: _outside_quotes(head, one))
    csv.field_size_limit(LONGEST_CELL)
    header = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    comma = delimiter != "," and _has_decimal_commas(source, delimiter)
    return Dialect(tuple(name.strip() for name in header), delimiter, comma)


def _outside_quotes(line: str, delimiter: str) -> int:
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def _has_decimal_commas(source: Path, delimiter: str) -> bool:
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        rows = csv.reader(stream, delimiter=delimiter)
        next(rows, None)
        return any(
            _DECIMAL_COMMA.fullmatch(cell)
            for row, _ in zip(rows, range(SNIFFED), strict=False)
            for cell in row
        )


def _check_columns(source: Path, dialect: Dialect) -> None:
    """See that no column is there twice and that every row has as many cells as the header."""
    if len(dialect.header) > MOST_COLUMNS:
        raise ImportFailed(
            f"{source}:1:{MOST_COLUMNS + 1}: found {len(dialect.header):,} columns; expected at "
            f"most {MOST_COLUMNS:,}: a table of points has a row a point"
        )
    seen: dict[str, int] = {}
    for column, name in enumerate(dialect.header, 1):
        if name in seen and name:
            raise ImportFailed(
                f"{source}:1:{column}: found the column {name!r} twice (the first is column "
                f"{seen[name]}); expected every name once"
            )
        seen[name] = column
    rows = 0
    for line, row in _rows(source, dialect):
        rows += 1
        if len(row) != len(dialect.header):
            column = min(len(row), len(dialect.header)) + 1
            raise ImportFailed(
                f"{source}:{line}:{column}: found {len(row)} cells; expected "
                f"{len(dialect.header)}, as in the header"
            )
    if not rows:
        raise ImportFailed(f"{source}: found a header and no rows")


def _rows(source: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Give the rows with the lines they end on; empty lines are passed over."""
    with source.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=dialect.delimiter, strict=True)
        begun = 1
        try:
            next(rows, None)
            begun = rows.line_num + 1
            for row in rows:
                begun = rows.line_num + 1
                if row:
                    yield rows.line_num, row
        except csv.Error as error:
            raise ImportFailed(_no_csv(source, begun, rows.line_num, error)) from error
        except UnicodeDecodeError as error:
            raise _not_utf8(source) from error


def _no_csv(source: Path, begun: int, line: int, error: csv.Error) -> str:
    if (line > begun and "end of data" in str(error)) or "field larger" in str(error):
        return f"{source}:{begun}: found a quotation mark that is never closed; expected a second"
    return f"{source}:{line}: is no CSV: {error}"


def _not_utf8(source: Path) -> ImportFailed:
    """Say where the first byte is that is no UTF-8, and how the file becomes it."""
    before = 0
    with source.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return ImportFailed(
                    f"{source}:{number}: found the byte 0x{line[error.start]:02x} at byte "
                    f"{before + error.start}, which is not UTF-8; expected "
                    f"{as_utf8(str(source), 'latin1')}"
                )
            before += len(line)
    return ImportFailed(f"{source}: changed while it was read; import it again")


def records(source: Path, dialect: Dialect) -> Iterator[tuple[str, Record] | Skipped]:
    """Give the rows as records: column → cell; an empty cell is None."""
    for line, row in _rows(source, dialect):
        cells = [_cell(cell, comma=dialect.decimal_comma) for cell in row]
        yield f"{source.name}:{line}", dict(zip(dialect.header, cells, strict=True))


def _cell(cell: str, *, comma: bool) -> str | None:
    """Read a cell without the spaces around it; a tab or line end is what somebody wrote."""
    cell = cell.strip(" ")
    if comma and _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    return cell or None
