"""A launch in words: what is compared, what was decided and why, and what would come next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labtui.tui.study_text import how_far
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.launch_plan import least_text
from labtui.verdicts.launch_words import HEADERS, caveats, fields, headline, rows
from labtui.verdicts.text import clean, number, params_text

if TYPE_CHECKING:
    from labtui.store.records import LaunchRecord
    from labtui.tui.launching import Standing
    from labtui.verdicts.launch_plan import Planned

SIGNS = {"adopt": ("✓ ", "$text-success bold"), "reject": ("✗ ", "$text-error bold")}
UNDECIDED = ("? ", "$text-warning bold")


def lines(standing: Standing, name: str) -> Iterator[Line]:
    """Write where a launch stands.

    Args:
        standing: Where it stands.
        name: The study or trial that it was asked of.
    """
    record, planned = standing.record, standing.planned
    if standing.refused:
        yield Line("✗ There is nothing to launch", "$text-warning bold")
        yield Line(clean(standing.refused), "", 2)
        yield Line()
    told = record is not None and (standing.adopted or record.data.get("looks") or not planned)
    if record is not None and told:
        yield from _decided(record)
        yield Line()
    yield from _next(standing)
    if record is not None and told:
        yield Line()
        yield from _evidence(record)
    if planned is not None:
        yield Line()
        yield from _compared(planned)
    yield Line()
    yield Line(f"= labtui launch {clean(name)}", "$text-muted")


def _decided(record: LaunchRecord) -> Iterator[Line]:
    sign, style = SIGNS.get(record.verdict, UNDECIDED)
    yield Line(f"{sign}{headline(record)}", style)
    yield Line(clean(record.reason), "", 2)


def _evidence(record: LaunchRecord) -> Iterator[Line]:
    yield Line("What it rests on", "$text-primary bold")
    for name, trial, *cells in rows(record):
        said = ", ".join(f"{what} {cell}" for what, cell in zip(HEADERS[2:], cells, strict=True))
        yield Line(f"{name} {clean(trial)}: {said}", "", 2, "  ")
    told = [(name, clean(value)) for name, value in fields(record) if value]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        yield Line(f"{name.ljust(width)}  {value}", "", 2, " " * (width + 2))
    for text in caveats(record):
        yield Line(clean(text), "$text-muted", 2, "  ")


def _compared(planned: Planned) -> Iterator[Line]:
    one, base = planned.candidate, planned.baseline
    yield Line("What is compared", "$text-primary bold")
    yield Line(f"candidate  {clean(one.name)}: {params_text(one.params)}", "", 2, " " * 11)
    if base is None:
        yield Line("baseline   none yet: it is compared with chance", "", 2, " " * 11)
    else:
        named = f"{base.id} {clean(base.trial)}".rstrip()
        yield Line(f"baseline   {named}: {params_text(base.params)}", "", 2, " " * 11)
        changes = "; ".join(clean(change.text) for change in planned.complexity.changes)
        yield Line(f"adds       {changes or 'nothing'}", "", 2, " " * 11)
        yield Line(f"pays       {least_text(planned.least)} or more", "", 2, " " * 11)
    groups = ", ".join(str(n) for n in planned.groups)
    sides = "" if base is None else " a side"
    yield Line(f"looks      at {groups} fresh reruns{sides}", "", 2, " " * 11)
    if one.value is not None and not planned.looks:
        yield Line(
            f"The study showed {number(one.value)} for it: it was selected for that, and the value "
            "does not count.",
            "$text-muted",
            2,
        )


def _next(standing: Standing) -> Iterator[Line]:
    yield Line("What comes next", "$text-primary bold")
    yield Line(following(standing), "$text-accent", 2)
    if standing.reruns is not None and standing.group is not None:
        yield Line(how_far(standing.reruns), "", 2)


def following(standing: Standing) -> str:
    """Say what can be done next."""
    if standing.adopted:
        return "It is the baseline. Another candidate is compared with it."
    planned, group = standing.planned, standing.group
    if planned is None:
        return "Nothing, until there is a candidate."
    if group is not None:
        reruns = f"{group} fresh reruns{'' if planned.baseline is None else ' a side'}"
        if standing.ready:
            return f"{reruns} have ended: Enter looks at them."
        if standing.training:
            return f"Up to {reruns} are being trained; then they are looked at."
        return f"Enter trains up to {reruns}, and looks at them."
    if standing.held:
        return (
            "Findings hold it back. Answer them by another study, or press o to overrule them "
            "with a reason; Enter looks anew."
        )
    return "It is decided: no more reruns are planned, and the baseline stays."
