"""A workbook: the experiment log, a sheet a study, workloads, launches, findings.

Cells are typed, and nothing in them runs: every text is written as a string, never as a formula or
link. Numbers are exact; NaN and infinities, which a sheet cannot hold, are the texts ``nan``,
``inf`` and ``-inf``. Times are UTC.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labtui.interop.cells import EXECUTED, TRIAL_COLUMNS, param_names, param_value, trial_cells
from labtui.interop.decision_tables import (
    LAUNCH_COLUMNS,
    WORKLOAD_COLUMNS,
    launch_rows,
    workload_rows,
)
from labtui.interop.experiment_log import (
    FINDING_COLUMNS,
    LOG_COLUMNS,
    Exported,
    finding_row,
    log_row,
    metric_columns,
    summaries_by_trial,
)
from labtui.interop.files import check_target, replacing_path
from labtui.store.lab import Lab
from labtui.study.errors import printable

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MAX_ROWS = 1_048_576
"""Most rows of a sheet, the header's included: the file format's limit."""

MAX_COLUMNS = 16_384
"""Most columns of a sheet: the file format's limit."""

MAX_TEXT = 32_767
"""Most UTF-16 units of a cell: the file format's limit; a longer text ends in a note."""

MAX_SHEET_NAME = 31
"""Most UTF-16 units of a sheet's name: the file format's limit."""

EXACT_WHOLE = 2**53
"""Larger whole numbers are written as text: a cell holds a double, which would round them."""

WIDEST = 60
"""Widest column, in characters: a paragraph does not push the others off the screen."""

SAMPLED_ROWS = 200
"""Rows that decide how wide a column is."""

LOG_SHEET, FINDINGS_SHEET = "experiment log", "findings"
WORKLOADS_SHEET, LAUNCHES_SHEET = "workloads", "launches"
_OTHER_SPACE = re.compile(r"[^\S\n\t]")
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))
_DATE_FORMAT = "yyyy-mm-dd hh:mm:ss"
_DATES = frozenset(
    {"created", "started", "finished", "updated", "rolled_back", "retrain_date"},
)
_SHARES = frozenset({"infeasible_share"})


def export_xlsx(
    lab: Lab, studies: Iterable[Exported], path: Path, *, force: bool = False, raw: bool = False
) -> int:
    """Write a workbook, which appears whole or not at all.

    Args:
        lab: Where the studies are.
        studies: The studies, one in memory at a time.
        path: The file.
        force: Replace a file that exists.
        raw: Do not mark text that a spreadsheet would run when a person edits it.

    Returns:
        The number of trials in it.

    Raises:
        TargetRefused: A file exists there, or is a directory.
        LabBroken: The disk failed; what was there before is still there.
    """
    check_target(path, force=force, source=lab.paths.db)
    with replacing_path(path) as temporary, _workbook(temporary) as workbook:
        return _Book(workbook, raw=raw).fill(lab, studies)


@contextmanager
def _workbook(path: Path) -> Iterator[Workbook]:
    """Open a workbook whose rows wait in files, so that its size does not matter."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory() as scratch:
        options = {
            "constant_memory": True,
            "tmpdir": scratch,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        packed = io.BytesIO()  # small: rows wait in files, and a full disk is told here alone
        workbook = Workbook(packed, options)
        workbook.use_zip64()
        try:
            yield workbook
            workbook.close()
            path.write_bytes(packed.getbuffer())
        except FileCreateError as error:
            raise (error.args[0] if isinstance(error.args[0], OSError) else error) from error
        finally:
            for sheet in workbook.worksheets():
                with contextlib.suppress(OSError):
                    sheet.row_data_fh.close()  # the library leaves them open when it failed


class _Exact(float):
    """A number that is written with all its digits; the library would write sixteen."""

    def __format__(self, specification: str) -> str:
        return float.__repr__(self)


class _Book:
    """A workbook being filled: its formats, and the names of sheets that are taken."""

    def __init__(self, workbook: Workbook, *, raw: bool) -> None:
        self.workbook = workbook
        self.names = SheetNames()
        self.header: Format = workbook.add_format({"bold": True, "bottom": 1})
        self.date: Format = workbook.add_format({"num_format": _DATE_FORMAT})
        self.share: Format = workbook.add_format({"num_format": "0.0%"})
        # A text that is marked stays one when a person edits its cell.
        self.text: Format | None = None if raw else workbook.add_format({"quote_prefix": True})

    def fill(self, lab: Lab, studies: Iterable[Exported]) -> int:
        log = _Table(self, LOG_SHEET, LOG_COLUMNS, frozen=1)
        found: list[list[str]] = []
        last = (WORKLOADS_SHEET, LAUNCHES_SHEET, FINDINGS_SHEET)
        for name in last:
            self.names.take(name)
        trials, names = 0, set()
        for exported in studies:
            names.add(exported.study.name)
            log.add(list(log_row(lab, exported).values()))
            self._study(lab, exported)
            found += [finding_row(exported.study.name, one) for one in exported.findings]
            trials += len(exported.trials)
        log.close()
        self._last(WORKLOADS_SHEET, WORKLOAD_COLUMNS, map(_values, workload_rows(lab, names)))
        self._last(LAUNCHES_SHEET, LAUNCH_COLUMNS, map(_values, launch_rows(lab, names)))
        self._last(FINDINGS_SHEET, FINDING_COLUMNS, found)
        return trials

    def _last(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        table = _Table(self, name, columns, frozen=0, taken=True)
        for row in rows:
            table.add(row)
        table.close()

    def _study(self, lab: Lab, exported: Exported) -> None:
        names = param_names(exported.trials)
        metrics = metric_columns(lab.metrics(exported.study.name), exported.goals)
        known = summaries_by_trial(lab, exported.study.name)
        columns = [
            *TRIAL_COLUMNS[1:],
            *(f"param.{name}" for name in names),
            *(f"{one.kind}.{one.metric}" for one in metrics),
        ]
        table = _Table(self, exported.study.name, columns, frozen=1)
        for trial in exported.trials:
            of_trial = known.get(trial.id, {})
            table.add(
                [
                    *trial_cells(trial)[1:],
                    *(param_value(trial.params, name) for name in names),
                    *(one.value(of_trial.get(one.metric)) for one in metrics),
                ]
            )
        table.close()


class _Table:
    """A table on a sheet, and on further ones where a sheet is full."""

    def __init__(
        self, book: _Book, name: str, columns: Sequence[str], *, frozen: int, taken: bool = False
    ) -> None:
        self.book, self.name, self.frozen = book, name, frozen
        self.columns = _fitting(columns)
        self.widths = [0] * len(self.columns)
        self.row = 0
        self.sheet = self._begin(name if taken else book.names.take(name))

    def add(self, values: Sequence[Any]) -> None:
        """Write a row."""
        if self.row + 1 >= MAX_ROWS:
            self.close()
            self.sheet = self._begin(self.book.names.take(self.name))
        self.row += 1
        for column, (name, value) in enumerate(zip(self.columns, values, strict=False)):
            self._cell(column, name, value)

    def close(self) -> None:
        """Set the widths of the columns, and the filter over all rows."""
        self.sheet.autofilter(0, 0, self.row, len(self.columns) - 1)
        for column, width in enumerate(self.widths):
            self.sheet.set_column(column, column, min(width, WIDEST) + 3)

    def _begin(self, name: str) -> Worksheet:
        sheet: Worksheet = self.book.workbook.add_worksheet(name)
        sheet.freeze_panes(1, self.frozen)
        self.row = 0
        for column, title in enumerate(self.columns):
            sheet.write_string(0, column, sheet_text(title), self.book.header)
            self._widen(column, title)
        return sheet

    def _cell(self, column: int, name: str, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self.sheet.write_boolean(self.row, column, value)
        elif isinstance(value, (int, float)) and _is_cell(value):
            self._widen(column, value)
            share = self.book.share if name in _SHARES else None
            exact = _Exact(value) if isinstance(value, float) else value
            self.sheet.write_number(self.row, column, exact, share)
        elif name in _DATES and (moment := _moment(value)) is not None:
            self._widen(column, _DATE_FORMAT)
            self.sheet.write_datetime(self.row, column, moment, self.book.date)
        else:
            self._text(column, str(value))

    def _text(self, column: int, value: str) -> None:
        text = sheet_text(value)
        self._widen(column, text)
        marked = self.book.text if value.startswith(EXECUTED) else None
        self.sheet.write_string(self.row, column, text, marked)

    def _widen(self, column: int, shown: Any) -> None:
        if self.row <= SAMPLED_ROWS:
            width = max(map(len, str(shown).split("\n", 3)))
            self.widths[column] = max(self.widths[column], width)


def _values(row: Mapping[str, Any]) -> list[Any]:
    return list(row.values())


def _fitting(columns: Sequence[str]) -> list[str]:
    """Leave out the columns that no sheet has room for; the last one says how many."""
    left = len(columns) - MAX_COLUMNS
    if left <= 0:
        return list(columns)
    return [*columns[: MAX_COLUMNS - 1], f"{left + 1} further columns are left out"]


def _is_cell(value: int | float) -> bool:
    """Whether a sheet can hold a number as it is."""
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= EXACT_WHOLE


def _moment(value: Any) -> datetime | None:
    """Read a time of the lab as what a sheet can hold: UTC without saying so; None for no time."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return found if found.year >= 1900 else None


def sheet_text(text: str) -> str:
    """Give text that a cell can hold: what is invisible is made visible, what is too long is cut.

    Line breaks and tabs stay.
    """
    if not (text.isascii() and text.isprintable()):
        plain = _OTHER_SPACE.sub(" ", text.replace("\r\n", "\n"))
        text = "".join(c if c in "\n\t" else printable(c) for c in plain)
    if len(text) > MAX_TEXT // 2 and _units(text) > MAX_TEXT:
        note = f" … (cut here: {len(text):,} characters)"
        text = _cut(text, MAX_TEXT - len(note)) + note
    # The library takes such text for markup of its own and would write it as it is.
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, units: int) -> str:
    """Keep so many UTF-16 units at the most, and no half of a character."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


class SheetNames:
    """Names of sheets: short, without what is forbidden, unique whatever their case."""

    def __init__(self) -> None:
        """Begin with the one name that spreadsheets keep for themselves."""
        self._taken = {"history"}

    def take(self, name: str) -> str:
        """Give the name that a sheet for `name` gets; a name that is taken gets a number."""
        plain = printable(name).translate(_FORBIDDEN).strip().strip("'").strip() or "study"
        number, found = 1, _shortened(plain, "")
        while found.casefold() in self._taken:
            number += 1
            found = _shortened(plain, f" ({number})")
        self._taken.add(found.casefold())
        return found


def _shortened(name: str, ending: str) -> str:
    if _units(name) + len(ending) <= MAX_SHEET_NAME:
        return name + ending
    return _cut(name, MAX_SHEET_NAME - len(ending) - 1).rstrip() + "…" + ending
