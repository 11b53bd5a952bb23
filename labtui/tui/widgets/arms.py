"""The columns of the table that compares the arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from labtui.tui.widgets.columns import Column
from labtui.verdicts.text import MISSING, clean, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.verdicts.arm_names import MeanRow
    from labtui.verdicts.tables import ArmRow


def columns(study: StudyRecord, arms: Sequence[ArmRow]) -> list[Column[ArmRow]]:
    """Give the columns for the arms of a study."""
    sign = 1 if study.minimize else -1
    width = min(max((len(clean(row.arm)) for row in arms), default=3), 28)

    def order(value: float | None) -> float | None:
        return None if value is None else sign * value

    return [
        Column(
            "arm", "arm", max(width, 3), lambda r: (clean(r.arm) or "(all)", ""), lambda r: r.arm
        ),
        Column(
            "best", "best", 9, lambda r: _value(r.best_value), lambda r: order(r.best_value), True
        ),
        Column(
            "median",
            "median",
            9,
            lambda r: _value(r.median_value),
            lambda r: order(r.median_value),
            True,
        ),
        *_counts(),
        Column("trial", "trial", 5, lambda r: _value(r.best_trial), lambda r: r.best_trial, True),
        Column("step", "at step", 7, lambda r: _value(r.best_step), lambda r: r.best_step, True),
    ]


def mean_columns(study: StudyRecord) -> list[Column[MeanRow]]:
    """Give the columns for the configurations of a study of reruns: of them no best counts."""
    sign = 1 if study.minimize else -1

    def mean(row: MeanRow) -> float | None:
        return None if row.mean is None else sign * row.mean

    def deviation(row: MeanRow) -> tuple[str, str]:
        return (f"± {number(row.deviation)}", "") if row.deviation is not None else (MISSING, "dim")

    def infeasible(row: MeanRow) -> tuple[str, str]:
        return (f"✗ {row.infeasible}", "infeasible") if row.infeasible else (MISSING, "dim")

    return [
        Column(
            "arm",
            "configuration",
            16,
            lambda r: (clean(r.arm) or "(all)", ""),
            lambda r: r.arm,
            grows=True,
        ),
        Column("mean", "mean", 9, lambda r: _value(r.mean), mean, True, value=lambda r: r.mean),
        Column(
            "deviation",
            "deviation",
            10,
            deviation,
            lambda r: r.deviation,
            True,
            value=lambda r: r.deviation,
        ),
        Column(
            "n",
            "n",
            4,
            lambda r: (str(r.ended - r.infeasible), ""),
            lambda r: r.ended - r.infeasible,
            True,
        ),
        Column("infeasible", "infeas.", 7, infeasible, lambda r: -r.infeasible, True),
        Column(
            "done", "ended", 7, lambda r: (f"{r.ended}/{r.trials}", ""), lambda r: r.ended, True
        ),
    ]


def _value(value: float | None) -> tuple[str, str]:
    return number(value), "dim" if value is None else ""


def _counts() -> list[Column[ArmRow]]:
    def done(row: ArmRow) -> tuple[str, str]:
        return f"{row.trials - row.queued - row.running}/{row.trials}", ""

    def infeasible(row: ArmRow) -> tuple[str, str]:
        return (f"✗ {row.infeasible}", "infeasible") if row.infeasible else (MISSING, "dim")

    def failed(row: ArmRow) -> tuple[str, str]:
        return (f"! {row.failed}", "failed") if row.failed else (MISSING, "dim")

    return [
        Column("infeasible", "infeas.", 7, infeasible, lambda r: -r.infeasible, True),
        Column("done", "ended", 7, done, lambda r: r.trials - r.queued - r.running, True),
        Column("failed", "failed", 6, failed, lambda r: -r.failed, True),
    ]
