"""The design of a study in words: what was asked, the space, what speaks against it, its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.content import Content

from labtui.tui import new_text
from labtui.tui.next_text import file_lines
from labtui.tui.widgets.textpane import Line, broken
from labtui.verdicts.text import (
    clean,
    condition_text,
    domain_text,
    moment,
    number,
    value_text,
)

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord
    from labtui.verdicts.design import Plan

BESIDE = 110
"""Columns from which the file stands beside the words: half of it has room for a definition."""

GAP = 3
"""Cells between the words and the file."""

_NAME = 11
"""Cells of the names of what was asked."""

_INDENT = 2
_KINDS = {"unknown": "", "choice of optimizer": "optimizer"}
_TITLES = {
    "scientific": "Scientific: compared",
    "nuisance": "Nuisance: tuned away",
    "fixed": "Fixed: caveats of the conclusion (P06)",
    "inherited": "From the baseline: caveats too",
}


@dataclass(frozen=True)
class Design:
    """A study as it was asked.

    Attributes:
        study: The study.
        plan: What follows from its design; None where it cannot be judged.
        problem: Why it cannot be.
        file: The text of its file, as written; else as its plan says it. Empty for neither.
        kept: Whether it is the text that was written.
    """

    study: StudyRecord
    plan: Plan | None
    problem: str
    file: str
    kept: bool


def read(lab: Lab, study: StudyRecord) -> Design:
    """Judge the design of a study, and find its file.

    Raises:
        LabError: The lab cannot be read.
    """
    from labtui.store.errors import LabError
    from labtui.study.followup_text import commented_study
    from labtui.study.spec import Study
    from labtui.verdicts.design import plan_study

    plan, problem, file = None, "", study.source
    try:
        asked = Study.from_json(study.spec)
        file = file or commented_study(asked)
        plan = plan_study(asked, lab, study)
    except LabError:
        raise
    except Exception as error:  # said; what the lab has of it is shown all the same
        problem = f"{type(error).__name__}: {error}"
    return Design(study, plan, problem, file, bool(study.source))


def words(
    one: Design, definitions: Sequence[Mapping[str, Any]], width: int, *, goal: bool
) -> Iterator[Line]:
    """Write what was asked, the space, and what speaks against the design.

    Args:
        one: The study.
        definitions: Its hyperparameters in their order.
        width: Cells that there are.
        goal: Whether to begin with the question, where the header had no room for it.
    """
    if goal:
        yield Line(clean(one.study.goal), "bold")
    yield from _asked(one)
    yield Line()
    yield from _space(one, definitions, width)
    if one.plan is not None:
        yield from new_text.found_lines(one.plan)
    else:
        yield Line(f"✗ The design cannot be judged: {clean(one.problem)}", "$text-warning", 0, "  ")


def _asked(one: Design) -> Iterator[Line]:
    study, spec = one.study, one.study.spec
    how = "best over training" if study.selection == "best" else "final value"
    if study.kind:
        answers = (spec.get("follows") or {}).get("answers") or ()
        told = f", answers {', '.join(map(clean, answers))}" if answers else ""
        yield _pair("follows", f"{clean(study.parent)} as its {clean(study.kind)}{told}")
    yield _pair("objective", f"{study.direction} {clean(study.metric)}, {how}")
    yield _pair("workload", clean(study.workload))
    yield _pair("trainer", _trainer(spec.get("trainer")))
    yield _pair("budget", _budget(one, spec.get("budget") or {}))
    yield _pair("search", "as imported" if "import" in study.provenance else _search(spec))
    if one.plan is not None and one.plan.baseline is not None:
        where = clean(one.plan.baseline.trial or "set by hand")
        yield _pair("baseline", f"{where}; {_count_of(study.inherited)} from it")


def _count_of(inherited: Mapping[str, Any]) -> str:
    return "1 value is" if len(inherited) == 1 else f"{len(inherited) or 'no'} values are"


def _pair(name: str, text: str) -> Line:
    return Line(f"{name:<{_NAME}}{text}", "", 0, " " * _NAME, lead=_NAME)


def _trainer(asked: object) -> str:
    from labtui.study.followup_text import short_trainer

    found = short_trainer(asked) if isinstance(asked, Mapping) else asked
    if isinstance(found, Mapping):
        return clean("  ".join(f"{name} {_listed(value)}" for name, value in found.items()))
    return clean(str(found))


def _listed(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _budget(one: Design, budget: Mapping[str, Any]) -> str:
    trials = new_text.trials_text(one.plan) if one.plan else f"{one.study.total} trials"
    parts = [trials]
    if (repeated := budget.get("repetitions") or 1) > 1:
        parts.append(f"{repeated} of each configuration")
    if budget.get("max_train_steps"):
        parts.append(f"{budget['max_train_steps']:,} steps each")
    if budget.get("eval_every"):
        every = int(budget["eval_every"])
        parts.append(f"evaluated every {f'{every:,} steps' if every > 1 else 'step'}")
    if budget.get("hours"):
        parts.append(f"{number(budget['hours'])} hours at most")
    if one.plan is not None and one.plan.dimensions and one.plan.study.design != "configurations":
        few = one.plan.dimensions
        each = number(one.plan.design.trials / few)
        parts.append(f"{each} trials for each of {few} dimension{'s' * (few != 1)}")
    return ", ".join(parts)


_DESIGNS = {
    "separate": "every arm at the same points",
    "joint": "scientific values drawn with the rest",
    "configurations": "configurations as listed",
}

_SAMPLERS = {"halton": "quasi-random", "bayesian": "bayesian, from what it follows"}


def _search(spec: Mapping[str, Any]) -> str:
    design = str(spec.get("design") or "separate")
    parts = [_DESIGNS.get(design, clean(design))]
    if design != "configurations":
        parts.insert(0, _SAMPLERS.get(str(spec.get("sampler") or "halton"), "quasi-random"))
    return f"{', '.join(parts)}, seed {clean(str(spec.get('seed', 0)))}"


# -- the space ------------------------------------------------------------------------------------


def _space(one: Design, definitions: Sequence[Mapping[str, Any]], width: int) -> Iterator[Line]:
    rows = {role: [row for row in definitions if row["role"] == role] for role in _TITLES}
    named = {str(row["name"]) for row in definitions}
    rows["inherited"] = [
        {"name": name, "value": value}
        for name, value in one.study.inherited.items()
        if name not in named
    ]
    cells = {role: [_cells(one, row) for row in found] for role, found in rows.items()}
    every = [row for found in cells.values() for row in found]
    widths = [max((cell_len(row[place]) for row in every), default=0) for place in range(4)]
    lead = widths[0] + 2
    fits = _INDENT + lead + sum(widths[1:]) + 4 <= width
    for role, title in _TITLES.items():
        if not cells[role]:
            continue
        yield Line(title, "$text-primary bold")
        for name, kind, domain, when in cells[role]:
            told = [_padded(kind, widths[1]), _padded(domain, widths[2]), when if fits else ""]
            text = f"{_padded(name, lead)}{'  '.join(told).rstrip()}"
            yield Line(text, "", _INDENT, " " * lead, lead=lead)
            if when and not fits:
                yield Line(when, "$faded", _INDENT + lead + widths[1] + 2)
        yield Line()


def _cells(one: Design, row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Write a definition: its name, what kind of thing it is, its values, and when it exists."""
    name = str(row["name"])
    meaning = one.plan.design.meanings.get(name) if one.plan is not None else None
    kind = "" if meaning is None else _KINDS.get(meaning.kind, str(meaning.kind))
    when = condition_text(row)
    domain = domain_text(row) if "role" in row else value_text(row["value"])
    return clean(name), kind, domain, f"when {when}" if when else ""


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


# -- the file -------------------------------------------------------------------------------------


def file_title(one: Design) -> str:
    """Say what the file is, and where it was read from."""
    study = one.study
    if not one.kept:
        return "The study as a file, written from what the lab keeps"
    where = clean(str(PurePath(study.folder, study.file))) if study.file else ""
    then = moment(study.created)
    day = f", read {then:%Y-%m-%d}" if then is not None else ""
    return f"The study file as it was asked{day}{f': {where}' if where else ''}"


def file_rows(one: Design, width: int) -> list[Content]:
    """Write the file, broken where a column ends."""
    if not one.file:
        return [Content.styled("The lab keeps no file of this study.", "$faded")]
    title = broken([Line(file_title(one), "$text-primary bold"), Line()], width)
    return [*title, *broken(list(file_lines(one.file)), width)]


def beside(left: Iterable[Content], right: Iterable[Content], width: int) -> Content:
    """Put rows beside other rows, the left ones brought to a width in cells."""
    first, second = list(left), list(right)
    count = max(len(first), len(second))
    first += [Content()] * (count - len(first))
    second += [Content()] * (count - len(second))
    rows = []
    for one, other in zip(first, second, strict=True):
        pad = " " * max(0, width - one.cell_length)
        rows.append(Content.assemble(one, pad, ("│".center(GAP), "$panel-lighten-2"), other))
    return Content("\n").join(rows)
