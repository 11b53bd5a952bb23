"""A verdict in words: findings by severity, then what could not be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.tui.acting import Act, act_on
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.summary import (
    GLYPHS,
    entries,
    reasons,
    sentence,
    subject_text,
    told,
)
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.analysis.findings import Severity, Verdict
    from labtui.tui.judging import Judge
    from labtui.verdicts.brief import Told
    from labtui.verdicts.lineup import Lineup
    from labtui.verdicts.summary import Unjudged

COLOURS: dict[Severity, str] = {
    "alert": "$text-error bold",
    "warning": "$text-warning bold",
    "info": "$text-primary bold",
}
"""They only repeat what the glyph says."""


def caption(judge: Judge, *, busy: bool) -> tuple[str, str]:
    """Count the findings for the frame, ``▲2 !1``, and say what is going on."""
    if busy:
        return "", "judging…"
    brief = judge.brief
    if brief is None:
        return "", ""
    found = brief.severities
    counts = " ".join(
        f"{GLYPHS[severity]}{found[severity]}" for severity in GLYPHS if found.get(severity)
    )
    return counts, "" if brief.complete else "so far"


@dataclass(frozen=True)
class Row:
    """One row of the list of findings.

    Attributes:
        key: Tells it from others, also in the next verdict.
        sign: Its glyph and its code.
        style: How they look.
        about: What it is about.
        lines: All there is to say.
        act: What it leads to; None for nothing.
    """

    key: str
    sign: str
    style: str
    about: str
    lines: tuple[Line, ...]
    act: Act | None = None


def answer_lines(judge: Judge, total: int, *, busy: bool) -> list[Line]:
    """Write the answer to the question of a study, and how much was found.

    Args:
        judge: The latest verdict, or why there is none.
        total: Trials planned.
        busy: Whether another verdict is on its way.
    """
    if judge.problem and not busy:
        return [
            Line("✗ the study could not be judged", "$text-error bold"),
            Line(clean(judge.problem), "", 2),
        ]
    brief = judge.brief
    if brief is None:
        return [Line("judging…" if busy else "", "$faded")]
    if not brief.trials:
        return [Line("nothing to judge yet: no trial has ended", "$faded")]
    lines = [Line(clean(brief.answer), "bold")] if brief.answer else []
    so_far = [] if brief.complete else [f"so far: {brief.trials} of {total} trials have ended"]
    aside = so_far + ["judging…"] * busy
    if aside or not lines:
        lines.append(Line("; ".join(aside or [brief.counts]), "$faded"))
    return lines


def counted(judge: Judge) -> str:
    """Write how many findings there are; empty before the first verdict."""
    return judge.brief.counts if judge.brief is not None else ""


def rows(judge: Judge) -> list[Row]:
    """Give the rows of the latest verdict: findings, what its parent is answered, what is not
    judged.
    """
    brief = judge.brief
    if brief is None or not brief.trials:
        return []
    found = [_beside(brief.lineup)] if brief.lineup is not None else []
    found += [_row(one) for one in brief.told]
    if brief.unknown:
        lines = tuple(_not_judged(brief.unknown, brief.trials))
        count = len(brief.unknown)
        about = f"{count} thing{'' if count == 1 else 's'} could not be judged, and why"
        found.append(Row("not judged", "· not judged", "$faded", about, lines))
    return found


def _row(entry: Told) -> Row:
    first = entry.findings[0]
    about = entry.headline or sentence(first.message)
    return Row(
        f"{entry.code} {subject_text(first.subject)}",
        f"{GLYPHS[entry.severity]} {entry.code}",
        COLOURS[entry.severity],
        clean(about),
        tuple(_entry(entry, entry.headline))[2:],
        act_on(first),
    )


def _beside(lineup: Lineup) -> Row:
    counts = Counter(one.status for one in lineup.answers)
    told = ", ".join(f"{n} {status}" for status, n in counts.items()) or "nothing to answer"
    lines = tuple(lineup_lines(lineup))[1:]
    about = f"{clean(lineup.parent.name)}: {told}"
    return Row("beside", "↳ beside", "$text-primary bold", about, lines)


def _not_judged(unknown: Iterable[Unjudged], trials: int) -> Iterator[Line]:
    yield Line("Not judged", "$text-primary bold")
    for one in unknown:
        about = f"{one.count} times" if one.count > 1 else one.subject
        named = f"{one.code}  {about if trials > 1 else ''}".rstrip()
        yield Line(f"{named}: {clean(one.reason)}", "$faded", 2, "  ")


def lineup_lines(lineup: Lineup) -> Iterator[Line]:
    """Write a follow-up beside its parent: what became of each finding that it answers."""
    from labtui.verdicts.lineup import answer_lines, shared_text

    so_far = "" if lineup.complete else ", so far"
    yield Line()
    kind = lineup.kind or "goes on from it"
    yield Line(f"Beside {clean(lineup.parent.name)} ({kind}){so_far}", "$text-primary bold")
    if shared := shared_text(lineup):
        yield Line(clean(shared), "", 2)
    if lineup.reading is not None:
        yield Line(clean(lineup.reading.text), "", 2)
        yield from (Line(clean(row), "", 4) for row in lineup.reading.rows)
    for one in lineup.answers:
        yield Line(f"{one.status}: {clean(one.finding)}", "bold", 2)
        yield from (Line(clean(row), "", 4) for row in answer_lines(one))
    for found in lineup.new:
        yield Line(f"new: {GLYPHS[found.severity]} {found.code}: {clean(found.message)}", "", 2)


def verdict_lines(verdict: Verdict, trials: int) -> Iterator[Line]:
    """Write findings, the gravest first, and below them, dimmed, what could not be judged.

    Args:
        verdict: What was found.
        trials: How many trials were looked at; of a single one the name is left out.
    """
    from labtui.verdicts.brief import Told

    for entry in entries(verdict, trials):
        yield from _entry(Told.of(entry), entry.headline if trials > 1 else "")
    unknown = reasons(verdict.not_judged)
    if unknown:
        yield Line()
        yield from _not_judged(unknown, trials)


def _entry(entry: Told, about: str) -> Iterator[Line]:
    yield Line()
    head = f"{GLYPHS[entry.severity]} {entry.code}"
    yield Line(f"{head}  {about}".rstrip(), COLOURS[entry.severity])
    for one in entry.findings:
        yield Line(clean(told(one, several=entry.count > 1)), "", 2)
    if entry.count > len(entry.findings):
        yield Line(f"… and {entry.count - len(entry.findings)} more", "$faded", 2)
    first = entry.findings[0]
    yield Line(f"→ {clean(sentence(first.advice))}  [{first.procedure}]", "$text-accent", 2)
