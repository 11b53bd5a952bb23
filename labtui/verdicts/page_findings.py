"""What was found in a study, and what could not be judged, as parts of its page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from labtui.analysis.catalogue import CATALOGUE
from labtui.analysis.findings import Finding, NotJudged
from labtui.verdicts.check import StudyCheck
from labtui.verdicts.html import Markup, fields, folded, items, markup, table, tag
from labtui.verdicts.summary import GLYPHS, Entry, entries, sentence, subject_text
from labtui.verdicts.text import number

MOST_SUBJECTS = 50
"""Trials named under one finding; the rest are counted."""

MOST_NUMBERS = 12
"""Numbers of one list of evidence that are written; the rest are counted."""

MOST_REASONS = 3
"""Reasons of one code that are written; the rest are counted."""

_SEVERITIES = {"alert": "alert", "warning": "warning", "info": "note"}


def findings_section(checked: StudyCheck) -> Markup:
    """Tell the findings, the gravest first, each with its evidence and what to do next."""
    found = entries(checked.verdict, len(checked.table))
    if not found:
        ended = len(checked.table)
        said = "Nothing was found." if ended else "No trial has ended: there is nothing to judge."
        return tag("p", said)
    return Markup("".join(_entry(entry) for entry in found))


def _entry(entry: Entry) -> Markup:
    sign = tag("span", f"{GLYPHS[entry.severity]} {_SEVERITIES[entry.severity]}", class_="sign")
    title = tag("h3", sign, f" {CATALOGUE[entry.code].title}")
    source = tag(
        "p",
        tag("a", entry.code, href=f"#finding-{entry.code}"),
        f" · {entry.first.procedure}",
        f" · {entry.headline}" if entry.headline else "",
        class_="code",
    )
    one = entry.first
    seen = _about(one) if len(entry.findings) > 1 else markup(sentence(one.message))
    first = [tag("p", seen), tag("p", f"→ {sentence(one.advice)}", class_="advice")]
    evidence = _evidence(one)
    return tag("article", title, source, *first, evidence, _others(entry), class_=entry.severity)


def _evidence(one: Finding) -> Markup:
    if not one.evidence:
        return Markup()
    return folded("evidence", fields((key, _value(value)) for key, value in one.evidence.items()))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, (list, tuple)):
        shown = ", ".join(_value(item) for item in value[:MOST_NUMBERS])
        rest = len(value) - MOST_NUMBERS
        return f"{shown} … and {rest} more" if rest > 0 else shown or "none"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _others(entry: Entry) -> Markup:
    """The other trials of an entry, each with what was seen there."""
    others = entry.findings[1:]
    if not others:
        return Markup()
    lines: list[str] = [_about(one) for one in others[:MOST_SUBJECTS]]
    if len(others) > MOST_SUBJECTS:
        lines.append(f"… and {len(others) - MOST_SUBJECTS} more: `labtui check` names them all")
    return folded(f"{len(others)} more", items(lines))


def _about(one: Finding) -> Markup:
    sign = f"{GLYPHS[one.severity]} {subject_text(one.subject)}: "
    return markup(tag("strong", sign), one.message)


def not_judged_section(checked: StudyCheck) -> Markup:
    """List what the data do not allow to judge, and why; empty for nothing.

    Trials are told together, one row a code: their reasons differ in numbers alone.
    """
    grouped: dict[tuple[str, str], list[NotJudged]] = {}
    for one in checked.verdict.not_judged:
        key = (one.code, "" if "trial" in one.subject else subject_text(one.subject) or "study")
        grouped.setdefault(key, []).append(one)
    if not grouped:
        return Markup()
    rows = [_unjudged(code, found) for (code, _), found in grouped.items()]
    return table(("finding", "of", "why it cannot be judged"), rows)


def _unjudged(code: str, found: Sequence[NotJudged]) -> tuple[str, str, str]:
    trials = len({one.subject.get("trial") for one in found})
    about = f"{trials} trials" if trials > 1 else subject_text(found[0].subject)
    why = dict.fromkeys(one.reason for one in found)
    words = "; ".join(list(why)[:MOST_REASONS])
    rest = len(why) - MOST_REASONS
    words += f" … and {rest} more reason{'s' if rest > 1 else ''}" if rest > 0 else ""
    return tag("code", code), about, words


def explained_section(checked: StudyCheck) -> Markup:
    """What each code means; findings link here."""
    codes = dict.fromkeys(one.code for one in checked.verdict.findings)
    if not codes:
        return Markup()
    return tag("dl", Markup("".join(_explanation(code) for code in codes)))


def _explanation(code: str) -> Markup:
    entry = CATALOGUE[code]
    page = tag("code", f"docs/findings/{code}.md")
    says = markup(f"{entry.title} ({entry.group}, procedure {entry.procedure}); ", page)
    return markup(
        tag("dt", tag("code", code), id=f"finding-{code}"),
        tag("dd", says, " has the definition, the thresholds with their reasons, and an example."),
    )
