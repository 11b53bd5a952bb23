"""What the lab screen says of the row under the cursor, beside or below the table."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from labtui.tui.states import state_content, state_text
from labtui.tui.study_text import follows_text, tags_text
from labtui.tui.widgets.textpane import pairs
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import clean, number

if TYPE_CHECKING:
    from labtui.tui.lab.feed import StudyRow
    from labtui.tui.lab.workload_rows import WorkloadRow

Parts = Iterator[Content | tuple[str, str] | str]


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}" if n else ""


def _cut(text: str, width: int, lines: int) -> str:
    """Break a text between words, and say with an ellipsis that there is more."""
    rows = textwrap.wrap(text, max(width, 10), break_on_hyphens=False)
    if len(rows) > lines:
        rows = rows[:lines]
        rows[-1] = f"{rows[-1][: width - 1].rstrip()}…"
    return "\n".join(rows)


def with_spread(best: float | None, spread: float | None) -> str:
    """Write a best value with the deviation of retraining: ``0.0361 ± 0.0085``.

    Two digits of a deviation that five reruns gave are one more than they bear out.
    """
    if best is None or spread is None:
        return number(best)
    return f"{number(best)} ± {number(float(f'{spread:.2g}'))}"


def study_twin(row: StudyRow) -> str:
    """Give the command that shows the study."""
    return f"labtui show {shlex.quote(clean(row.name))}"


def _answer(row: StudyRow) -> tuple[str, str]:
    """Give the answer with its style, or say that it is on its way."""
    if not row.judged:
        return "judging…", "$faded"
    if row.verdict.startswith("cannot be judged"):
        return clean(row.verdict), "$text-warning"
    return clean(row.answer) or "No trial has ended: there is no answer yet.", ""


def _objective(row: StudyRow) -> str:
    study = row.study
    direction = "lower" if study.minimize else "higher"
    how = "best over training" if study.selection == "best" else "final value"
    return f"{clean(study.metric)}: {direction} is better, {how}"


def strip(row: StudyRow, width: int, lines: int) -> Content:
    """Write a study below the table: goal, answer, what is measured, the twin.

    Args:
        row: The study.
        width: Cells of a line.
        lines: Rows that there are.
    """
    study = row.study
    tags = tags_text(row.tags)
    goal = clean(study.goal) or "no goal was stated"
    first = Content.assemble(
        (follows_text(study), "$text-accent"),
        (goal, "bold"),
        (f"  {tags}" if tags else "", "$text-primary"),
    ).truncate(width, ellipsis=True)
    answer, style = _answer(row)
    told = Content.styled(_cut(answer, width, max(lines - 3, 1)), style)
    best = f"best by trial {study.best_trial}" if row.best is not None else ""
    facts = (state_text(row.state), best, clean(study.reason), _count(row.notes, "note"))
    more = [clean(study.metric) + (" ↓" if study.minimize else " ↑"), *filter(None, facts)]
    shown = [
        first,
        told,
        Content.styled("  ".join(more), "$faded").truncate(width, ellipsis=True),
    ]
    last = f"workload {clean(study.workload)}   = {study_twin(row)}"
    return Content("\n").join([*shown, Content.styled(last, "$faded").truncate(width)])


def panel(row: StudyRow, width: int) -> Content:
    """Write a study beside the table, in lines of a width, with all the height there is."""
    return Content.assemble(*_panel(row, width))


def _panel(row: StudyRow, width: int) -> Parts:
    study = row.study
    yield f"{clean(row.name)}\n", "$text-primary bold"
    yield state_content(row.state)
    yield f"  {study.ended}/{study.total}"
    yield (f"  {clean(study.reason)}\n" if study.reason else "\n"), "$faded"
    yield "\n"
    yield follows_text(study), "$text-accent"
    yield f"{clean(study.goal) or 'no goal was stated'}\n\n", "bold"
    answer, style = _answer(row)
    yield f"{answer}\n\n", style
    if row.verdict and row.alerts is not None:
        yield f"{clean(row.verdict)}\n\n", "$text-warning" if any(row.alerts) else "$text-success"
    facts = [(name, value) for name, value in _facts(row) if value]
    margin = max(len(name) for name, _ in facts) + 2
    hang = f"\n{' ' * margin}"
    yield pairs(
        [(name, hang.join(_cut(value, width - margin, 4).split("\n"))) for name, value in facts],
        indent="",
    )
    yield f"\n= {study_twin(row)}", "$faded"


def _facts(row: StudyRow) -> Iterator[tuple[str, str]]:
    study = row.study
    yield "objective", _objective(row)
    if row.best is not None:
        of = " (retraining)" if row.spread is not None else ""
        yield "best", f"{with_spread(row.best, row.spread)}{of}, trial {study.best_trial}"
    infeasible = study.counts.get("infeasible", 0)
    yield "infeasible", f"{infeasible} of {study.ended} ended" if infeasible else ""
    yield "failed", str(study.counts.get("failed", "") or "")
    yield "workload", clean(study.workload)
    yield "queue", "" if row.place is None else f"number {row.place + 1}"
    yield "notes", str(row.notes or "")
    yield "tags", tags_text(row.tags)


def workload(row: WorkloadRow, width: int, lines: int) -> Content:
    """Write a workload below or beside its table: the baseline, what is to be done, the twin."""
    tags = tags_text(row.tags)
    parts: list[Content] = [
        Content.assemble(
            (clean(row.name), "$text-primary bold"),
            (f"  {tags}" if tags else "", "$text-primary"),
            (f"  {_count(row.notes, 'note')}" if row.notes else "", "$faded"),
        ).truncate(width, ellipsis=True),
        Content(_cut(f"baseline {clean(row.standing)}", width, 2 if lines <= 6 else 6)),
    ]
    room = lines - 2 - parts[1].plain.count("\n") - 1
    for task in row.sentences[: max(room, 1)] or ["nothing is to be done"]:
        sign = "→ " if row.sentences else "✓ "
        text = _cut(sign + clean(sentence(task)), width, 1 if lines <= 6 else 6)
        parts.append(Content.styled(text, "$text-accent" if row.sentences else "$text-success"))
    twin = f"= labtui workload {shlex.quote(clean(row.name))}"
    return Content("\n").join([*parts, Content.styled(twin, "$faded")])
