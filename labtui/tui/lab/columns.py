"""The columns of the lab screen: its studies, and its workloads."""

from __future__ import annotations

from collections.abc import Sequence

from labtui.tui.lab import about
from labtui.tui.lab.feed import StudyRow
from labtui.tui.lab.sparkline import sparkline
from labtui.tui.lab.workload_rows import WorkloadRow
from labtui.tui.states import GLYPHS, bar, state_text
from labtui.tui.study_text import follows_text, tags_text
from labtui.tui.widgets.columns import Column
from labtui.verdicts.summary import GLYPHS as SEVERITY
from labtui.verdicts.text import MISSING, ago, clean

WIDE, WIDEST = 100, 136
"""Cells of the table from which states have their words and progress its bar; and from which the
goal and the tags have columns of their own."""

WAITING = "…"
"""What stands for a verdict that is on its way."""


def studies(width: int, rows: Sequence[StudyRow]) -> list[Column[StudyRow]]:
    """Choose the columns of the studies for a table of a width."""
    wide, widest = width >= WIDE, width >= WIDEST
    longest = max((len(_name(row)) for row in rows), default=12)
    spread = any(row.spread is not None for row in rows)
    tagged = any(row.tags for row in rows)
    name = Column[StudyRow](
        "name",
        "study",
        min(max(longest, 12), 32 if widest else 16),
        lambda row: (_name(row), ""),
        lambda row: row.name,
        ends=True,
        grows=not widest,
    )
    goal = Column[StudyRow]("goal", "goal", 20, _goal, lambda row: row.study.goal, grows=True)
    marks = Column[StudyRow]("tags", "tags", 14, lambda row: (tags_text(row.tags), ""))
    return [
        name,
        *([goal] if widest else []),
        *([marks] if widest and tagged else []),
        *(_state_and_progress() if wide else [_state()]),
        *_outcome(16 if spread else 9, 12 if widest else 10 if wide else 8),
    ]


def _name(row: StudyRow) -> str:
    """Mark a study that goes on from another one."""
    return f"↳ {clean(row.name)}" if row.study.kind else clean(row.name)


def _goal(row: StudyRow) -> tuple[str, str]:
    return f"{follows_text(row.study)}{clean(row.study.goal)}", "dim"


def _state() -> Column[StudyRow]:
    """Give one column for the state and how many trials have ended."""

    def cell(row: StudyRow) -> tuple[str, str]:
        study = row.study
        return f"{GLYPHS.get(row.state, '?')} {study.ended}/{study.total}", row.state

    return Column("state", "trials", 9, cell, lambda row: row.state)


def _state_and_progress() -> list[Column[StudyRow]]:
    def progress(row: StudyRow) -> tuple[str, str]:
        study = row.study
        at_work = study.ended < study.total  # a full bar says nothing, many of them shout
        drawn = bar(study.ended, study.total, 6) if at_work else " " * 6
        return f"{drawn} {study.ended}/{study.total}", ""

    return [
        Column(
            "state",
            "state",
            13,
            lambda row: (state_text(row.state), row.state),
            lambda row: row.state,
        ),
        Column(
            "progress", "progress", 14, progress, lambda r: r.study.ended / max(r.study.total, 1)
        ),
    ]


def _outcome(best: int, trend: int) -> list[Column[StudyRow]]:
    return [
        Column(
            "best",
            "best ± sd" if best > 9 else "best",
            best,
            _best,
            lambda r: r.best,
            value=lambda r: r.best,
        ),
        Column("trend", "trend", trend, lambda row: _trend(row, trend)),
        Column("alerts", "alerts", 6, _alerts, _gravest),
        Column("infeasible", "✗", 5, _infeasible, lambda r: -(r.infeasible or 0.0), True),
        Column(
            "activity",
            "age",
            4,
            lambda row: (ago(row.study.activity).removesuffix(" ago").removeprefix("just "), "dim"),
            lambda row: _Newest(row.study.activity),
            right=True,
        ),
    ]


def _best(row: StudyRow) -> tuple[str, str]:
    if row.best is None:
        return MISSING, "dim"
    return about.with_spread(row.best, row.spread), ""


def _trend(row: StudyRow, width: int) -> tuple[str, str]:
    return ("" if row.best is None else sparkline(row.course, row.to_come, width)), "running"


def _alerts(row: StudyRow) -> tuple[str, str]:
    if not row.judged:
        return WAITING, "dim"
    found = row.alerts
    if found is None:
        return ("?", "stopped") if row.verdict else (MISSING, "dim")
    alerts, warnings = found
    shown = [f"{SEVERITY['alert']}{alerts}"] * bool(alerts)
    shown += [f"{SEVERITY['warning']}{warnings}"] * bool(warnings)
    role = "infeasible" if alerts else "stopped" if warnings else "completed"
    return " ".join(shown) or "✓", role


def _gravest(row: StudyRow) -> tuple[int, int] | None:
    return None if row.alerts is None else (-row.alerts[0], -row.alerts[1])


def _infeasible(row: StudyRow) -> tuple[str, str]:
    if not row.infeasible:
        return MISSING, "dim"
    return f"✗{max(row.infeasible, 0.01):4.0%}", "infeasible"


class _Newest(str):
    """A time of the lab that sorts the latest first."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str(self) > str(other)


def workloads(width: int, rows: Sequence[WorkloadRow]) -> list[Column[WorkloadRow]]:
    """Choose the columns of the workloads for a table of a width."""
    wide = width >= WIDE
    most = 28 if width >= WIDEST else 18 if wide else 14
    names = min(max((len(clean(row.name)) for row in rows), default=10), most)
    trials = min(max((len(clean(row.baseline)) for row in rows), default=8), most)
    shown: list[Column[WorkloadRow]] = [
        Column("name", "workload", max(names, 8), lambda r: (clean(r.name), ""), lambda r: r.name)
    ]
    if wide:
        shown.append(
            Column(
                "trainer", "trainer", 8, lambda r: (clean(r.trainer), "dim"), lambda r: r.trainer
            )
        )
    if width >= WIDEST:
        shown.append(Column("objective", "objective", 24, lambda r: (clean(r.objective), "")))
    count = Column[WorkloadRow](
        "studies", "studies", 7, lambda r: (str(r.studies), ""), lambda r: -r.studies, True
    )
    return [
        *shown,
        Column(
            "baseline",
            "baseline",
            max(trials, 8),
            lambda r: (clean(r.baseline) or MISSING, "" if r.baseline else "dim"),
            lambda r: r.baseline or None,
        ),
        Column("value", "value", 16, lambda r: (r.value or MISSING, "" if r.value else "dim")),
        Column("launches", "launches", 9, lambda r: (r.launched, ""), lambda r: -sum(r.launches)),
        *([count] if wide else []),
        Column(
            "to-do",
            "to be done first",
            14,
            lambda r: (clean(r.first) or "✓", "stopped" if r.first else "completed"),
            lambda r: r.first or None,
            grows=True,
        ),
    ]
