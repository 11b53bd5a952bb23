"""What a study says of itself in words: its header, its roles, the name of what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from textual.content import Content

from labtui.study.kinds import REPEATED
from labtui.tui.states import bar, state_content, state_text
from labtui.tui.widgets.textpane import heading, pairs
from labtui.verdicts.text import clean, condition_text, domain_text, duration, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.tui.feeds import StudyView

Definition = Mapping[str, Any]
ROOMY = 100
"""Columns from which glyphs have their words beside them."""


def header(view: StudyView, width: int) -> Content:
    """Write the three lines above the panes."""
    study, progress = view.study, view.progress
    direction = "lower" if study.minimize else "higher"
    how = "best over training" if study.selection == "best" else "final value"
    wide = width >= ROOMY
    twin = f"= labtui show {clean(study.name)}"
    metric = f"{clean(study.metric)}: {direction} is better, {how}"
    if len(metric) + len(twin) + 2 > width:
        metric = f"{clean(study.metric)} {'↓' if study.minimize else '↑'}"
    gap = " " * max(2, width - len(metric) - len(twin))
    first = Content.assemble(
        (f"{_cut(clean(study.name), 48 if wide else 24)}  ", "$text-primary bold"),
        state_content(study.state),
        f"  {bar(progress.done, progress.total, 20 if wide else 6)} ",
        f"{progress.done}/{progress.total}",
        *_counts(view, wide=wide),
    )
    lines = (
        first,
        _goal(view),
        Content.styled(metric + gap + twin, "$text-muted"),
    )
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)


def _goal(view: StudyView) -> Content:
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


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


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
        found.append(f"  {duration(progress.eta)} left")
    elif wide and progress.elapsed is not None:
        found.append((f"  took {duration(progress.elapsed)}", "$text-muted"))
    return found


def roles(view: StudyView) -> Content:
    """Write what is compared, tuned away and fixed (P06)."""
    by_role: dict[str, list[Definition]] = {"scientific": [], "nuisance": [], "fixed": []}
    for definition in view.definitions:
        by_role.setdefault(str(definition["role"]), []).append(definition)
    parts: list[Content] = []
    for role, title in _TITLES.items():
        parts.append(heading(title))
        rows = by_role[role]
        parts.append(_definitions(rows) if rows else Content.styled("  none\n", "$text-muted"))
        parts.append(Content("\n"))
    if by_role["fixed"]:
        parts.append(_caveat(by_role["fixed"]))
    return Content.assemble(*parts)


_TITLES = {
    "scientific": "Scientific: compared",
    "nuisance": "Nuisance: tuned away",
    "fixed": "Fixed: caveats of the conclusion (P06)",
}


def _definitions(definitions: Iterable[Definition]) -> Content:
    rows = []
    for definition in definitions:
        condition = condition_text(definition)
        domain = domain_text(definition) + (f"  when {condition}" if condition else "")
        rows.append((clean(str(definition["name"])), domain))
    return pairs(rows)


def _caveat(fixed: Iterable[Definition]) -> Content:
    values = ", ".join(f"{clean(str(d['name']))}={domain_text(d)}" for d in fixed)
    return Content.styled(f"What this study finds holds for {values}.", "$text-warning")
