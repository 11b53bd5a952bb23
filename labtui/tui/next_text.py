"""Follow-ups in words: their table, why each is called for, and its file with its comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labtui.study.followup import KINDS
from labtui.study.scaffold import WIDTH
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.summary import GLYPHS, sentence
from labtui.verdicts.text import MISSING, clean

if TYPE_CHECKING:
    from labtui.verdicts.followups import Call, Calls


def columns() -> list[Column[Call]]:
    """Give the columns of the list of follow-ups; one that nothing calls for is grey."""
    return [
        Column("kind", "what follows", 15, lambda one: (label(one), _role(one))),
        Column("trials", "trials", 6, lambda one: (_trials(one), _role(one)), right=True),
        Column("why", "because", 24, lambda one: (_because(one), _role(one)), grows=True),
    ]


def listed(found: Calls) -> list[Call]:
    """Order follow-ups: called for, at hand, and last those that cannot be made."""
    return sorted(found.every, key=lambda one: not one.called and one.made is None)


def label(one: Call) -> str:
    """Name a follow-up."""
    return clean(f"{one.kind} {one.about}".strip())


def _role(one: Call) -> str:
    return "dim" if one.made is None or not one.called else ""


def _trials(one: Call) -> str:
    return MISSING if one.made is None else str(one.made.trials)


def _because(one: Call) -> str:
    from labtui.verdicts.followups import existing_text

    if one.made is None:
        return f"cannot be made: {clean(one.cannot)}"
    glyph = f"{GLYPHS[one.severity]} " if one.severity else "  "
    there = f"there is {existing_text(one)}; " if one.existing else ""
    return f"{glyph}{there}{clean(one.why)}"


def title(found: Calls) -> str:
    """Say what is listed."""
    study = found.study
    so_far = "" if found.ended >= study.total else f", judged so far: {found.ended}/{study.total}"
    return f"What follows {clean(study.name)}{so_far}"


def warnings(found: Calls) -> Iterator[str]:
    """Say what comes before any further study."""
    for bug in found.broken:
        yield f"{bug.code} comes first, no study answers it: {clean(bug.message)}"
    if found.by_hand:
        yield clean(found.by_hand)


def lines(one: Call) -> Iterator[Line]:
    """Write a follow-up: what it changes, the finding that it answers, and its file."""
    from labtui.verdicts.followups import existing_text

    yield Line(f"{label(one)}: {KINDS[one.kind]}", "$text-primary bold")
    if one.made is None:
        yield Line(f"✗ It cannot be made: {clean(one.cannot)}", "$text-warning")
    if one.called or one.made is not None:
        yield Line(f"Because {clean(one.why)}." if one.called else sentence(f"{one.why}."))
    if one.existing:
        yield Line(f"{existing_text(one)} answers the same already.", "$text-warning")
    yield Line(f"= {clean(one.command)}", "$faded")
    if one.made is None:
        return
    yield Line()
    yield from file_lines(one.made.text)


def file_lines(text: str) -> Iterable[Line]:
    """Write a study file; comments are broken anew where the pane ends."""
    rows: list[str] = []
    before = ""
    for row in text.rstrip("\n").split("\n"):
        if _goes_on(before, row):
            rows[-1] += row.lstrip(" ").removeprefix("#")
        else:
            rows.append(row)
        before = row
    return map(_row, rows)


def _goes_on(before: str, row: str) -> bool:
    """Say whether a comment goes on in a row: its first word had no room in the one before."""
    lead = f"{' ' * (len(before) - len(before.lstrip(' ')))}# "
    if not (before.startswith(lead) and row.startswith(lead)):
        return False
    return len(before) + 1 + len(row.removeprefix(lead).split(" ", 1)[0]) > WIDTH


def _row(row: str) -> Line:
    """Keep the indentation of a row of YAML, also where it is broken."""
    text = row.lstrip(" ")
    indent = len(row) - len(text)
    if text.startswith("#"):
        return Line(clean(text), "$text-success", indent, "# ")
    return Line(clean(text), "", indent, "  ")
