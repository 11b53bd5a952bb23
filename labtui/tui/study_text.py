"""What a study says of itself in words: its header, what it follows, how far it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from labtui.study.kinds import REPEATED
from labtui.tui.states import bar, state_content, state_text
from labtui.verdicts.text import clean, cut, duration, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.tui.feeds import StudyView

ROOMY = 100
"""Columns from which glyphs have their words beside them."""

SHORTEST = 8
"""Cells that are left of a long name at least."""


def header(view: StudyView, width: int, command: str) -> Content:
    """Write the three lines above the panes.

    Args:
        view: The study.
        width: Cells.
        command: What says the same as the tab below.
    """
    study = view.study
    direction = "lower" if study.minimize else "higher"
    how = "best over training" if study.selection == "best" else "final value"
    twin = f"= {command}"
    metric = f"{clean(study.metric)}: {direction} is better, {how}"
    if len(metric) + len(twin) + 2 > width:
        metric = f"{clean(study.metric)} {'↓' if study.minimize else '↑'}"
    gap = " " * max(2, width - len(metric) - len(twin))
    lines = (
        _standing(view, width),
        goal(view),
        Content.styled(metric + gap + twin, "$faded"),
    )
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _standing(view: StudyView, width: int) -> Content:
    """Write name, state and counts; where there is little room, words, bar and name give way."""
    study, progress = view.study, view.progress
    name = clean(study.name)
    shapes = ((20, True, 48), (20, False, 48), (6, False, 24), (0, False, 24))
    for cells, wide, most in shapes if width >= ROOMY else shapes[2:]:
        done = f"{progress.done}/{progress.total}"
        rest = Content.assemble(
            "  ",
            state_content(study.state),
            f"  {bar(progress.done, progress.total, cells)} " if cells else "  ",
            done,
            *_counts(view, wide=wide),
        )
        shown = cut(name, most)
        if len(shown) + rest.cell_length <= width:
            break
    shown = cut(name, max(min(most, width - rest.cell_length), SHORTEST))
    return Content.assemble((shown, "$text-primary bold"), rest)


def goal(view: StudyView) -> Content:
    """Write the line of the question: what the study follows, its goal and its tags."""
    study = view.study
    tags = tags_text(view.tags)
    return Content.assemble(
        (follows_text(study), "$text-accent"),
        (clean(study.goal) or "no goal was stated", "bold"),
        (f"  {tags}" if tags else "", "$text-primary"),
    )


def follows_text(study: StudyRecord) -> str:
    """Say what a study goes on from, ``widen of digits: ``; empty for nothing."""
    return f"{clean(study.kind)} of {clean(study.parent)}: " if study.kind else ""


def how_far(study: StudyRecord) -> str:
    """Say how far a study is: its state, its trials, its name, and why it stands so."""
    reason = f"  {clean(study.reason)}" if study.reason else ""
    state = state_text(study.state)
    return f"{state} {study.ended}/{study.total}  {clean(study.name)}{reason}"


def tags_text(tags: Iterable[str]) -> str:
    """Write tags: ``#keep #slow``."""
    return " ".join(f"#{clean(tag)}" for tag in tags)


def _counts(view: StudyView, *, wide: bool) -> list[str | tuple[str, str]]:
    progress = view.progress
    found: list[str | tuple[str, str]] = []
    if progress.best_value is not None and view.study.kind not in REPEATED:
        found.append(f"  best {number(progress.best_value)} (#{progress.best_trial})")
    if progress.infeasible:
        found.append((f"  ✗ {progress.infeasible}{' infeasible' if wide else ''}", "$text-error"))
    if progress.failed:
        found.append((f"  ! {progress.failed}{' failed' if wide else ''}", "$text-error bold"))
    if progress.running:
        found.append((f"  ● {progress.running}{' running' if wide else ''}", "$text-accent"))
    if progress.eta is not None:
        found.append(f"  {duration(max(progress.eta, 1.0))} left")
    elif wide and progress.elapsed is not None:
        found.append((f"  took {duration(progress.elapsed)}", "$faded"))
    return found
