"""A draft in words: its tables, what its design lets it conclude, and what it takes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content

from labtui.study.fields import same
from labtui.tui.drafts.check import problem_text
from labtui.tui.drafts.drafting import Draft, Row
from labtui.tui.drafts.fields import FIELDS, Field
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.text import (
    clean,
    condition_text,
    domain_text,
    duration,
    memory,
    number,
    seconds,
    value_text,
)

if TYPE_CHECKING:
    from pathlib import Path

    from labtui.analysis.findings import Finding, Verdict
    from labtui.tui.drafts.judged import Judged
    from labtui.tui.drafts.start import Choice
    from labtui.verdicts.design import Plan

_SHORT = {"choice of optimizer": "optimizer", "unknown": "?"}
_HANG = "  "


@dataclass(frozen=True)
class Asked:
    """A field on the screen: its value as a line, and what is wrong with it."""

    field: Field
    text: str
    problem: str


@dataclass(frozen=True)
class Placed:
    """A hyperparameter on the screen, and what is wrong with it."""

    row: Row
    problem: str

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others."""
        return self.row.name, max(self.row.index, 0)


def asked_rows(draft: Draft, judged: Judged | None) -> list[Asked]:
    """Give the fields of a draft."""
    problems = _problems(judged)
    rows = []
    for field in FIELDS:
        value = draft.get(field.path)
        value = field.default if value is None else value
        told = next((text for path, text in problems if _lies_in(path, field.key)), "")
        rows.append(Asked(field, clean(field.write(value)), told))
    return rows


def placed_rows(draft: Draft, judged: Judged | None) -> list[Placed]:
    """Give the hyperparameters of a draft."""
    problems = _problems(judged)
    return [Placed(row, _told_of(row, problems)) for row in draft.rows()]


def _told_of(row: Row, problems: Sequence[tuple[str, str]]) -> str:
    here = f"hyperparameters.{row.name}"
    for path, text in problems:
        if _lies_in(path, f"{here}[{row.index}]") or (path == here and row.index == 0):
            return text
    return ""


def _lies_in(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _problems(judged: Judged | None) -> list[tuple[str, str]]:
    found = judged.problems if judged is not None else ()
    return [(one.path, clean(problem_text(one))) for one in found]


# -- columns ------------------------------------------------------------------------------------


def asked_columns() -> list[Column[Asked]]:
    """Give the columns of the fields."""
    return [
        Column("what", "the study", 10, lambda one: (one.field.label, "")),
        Column("value", "", 30, _value, grows=True),
    ]


def _value(one: Asked) -> tuple[str, str]:
    if one.problem:
        return f"✗ {one.problem}", "infeasible"
    return one.text, ""


def placed_columns() -> list[Column[Placed]]:
    """Give the columns of the hyperparameters."""
    return [
        Column("name", "hyperparameter", 15, lambda one: (clean(one.row.name), _role_of(one))),
        Column("role", "role", 10, _role),
        Column("values", "values", 26, _domain, grows=True),
        Column("when", "when", 18, _when),
        Column("kind", "kind", 14, lambda one: (_kind(one.row), "dim")),
        Column("known", "at present; sensible", 24, lambda one: (_known(one.row), "dim")),
    ]


def _role_of(one: Placed) -> str:
    return "" if one.row.role in ("scientific", "nuisance") else "dim"


def _role(one: Placed) -> tuple[str, str]:
    role = one.row.role
    return role or "left out", "running" if role == "scientific" else _role_of(one)


def _domain(one: Placed) -> tuple[str, str]:
    if one.problem:
        return f"✗ {one.problem}", "infeasible"
    if one.row.role:
        return domain_text(one.row.definition), _role_of(one)
    known = one.row.candidate
    return value_text(known.value) if known is not None else "", "dim"


def _when(one: Placed) -> tuple[str, str]:
    return condition_text(one.row.definition) or ("always" if one.row.role else ""), "dim"


def _kind(row: Row) -> str:
    meaning = row.meaning
    kind = _SHORT.get(meaning.kind, meaning.kind)
    return f"{kind}?" if meaning.guessed and kind != "?" else kind


def _known(row: Row) -> str:
    one = row.candidate
    if one is None:
        return ""
    declared = one.declared
    if declared is None:
        return value_text(one.value)
    if declared.low is None:
        return f"{value_text(one.value)}; {', '.join(value_text(v) for v in declared.values)}"
    bounds = {"range": (declared.low, declared.high), "scale": declared.scale}
    return f"{value_text(one.value)}; {domain_text(bounds)}"


def choice_columns() -> list[Column[Choice]]:
    """Give the columns of the workloads; one of which no study can be made is grey."""
    return [
        Column("workload", "workload", 18, lambda one: (clean(one.workload), _grey(one))),
        Column("trainer", "trainer", 15, lambda one: (clean(one.trainer), _grey(one))),
        Column("studies", "studies", 7, lambda one: (str(one.studies or ""), ""), right=True),
        Column("about", "what it is", 30, lambda one: (_about(one), _grey(one)), grows=True),
    ]


def _grey(one: Choice) -> str:
    return "dim" if one.cannot or one.needs else ""


def _about(one: Choice) -> str:
    if one.cannot:
        return f"✗ {clean(one.cannot)}"
    told = f"needs {one.needs}; " if one.needs else f"{one.baseline}; " if one.baseline else ""
    return clean(told + one.about)


# -- what is judged -----------------------------------------------------------------------------


def total_text(judged: Judged) -> str:
    """Write what a draft comes to in one line: ``2 arms × 20 trials = 40 · about 3m``."""
    from labtui.verdicts.summary import counts_text

    count = len(judged.problems) + bool(judged.trouble)
    if judged.plan is None:
        return f"✗ {count} problem{'s' * (count != 1)}: not a study yet"
    plan = judged.plan
    found = "refused: " * bool(judged.refused) + counts_text(_printed(plan.verdict))
    wrong = f"✗ {count} problem{'s' * (count != 1)} · " if count else ""
    return f"{wrong}{trials_text(plan)} · {time_text(plan, short=True)} · {found}"


def _printed(verdict: Verdict) -> Verdict:
    """Count the caveats of all fixed values as one, as they are shown."""
    values = [one for one in verdict.findings if _is_value(one)]
    rest = [one for one in verdict.findings if not _is_value(one)]
    return replace(verdict, findings=(*rest, *values[:1]))


def _is_value(one: Finding) -> bool:
    return one.code == "caveat" and "value" in one.evidence


def trials_text(plan: Plan) -> str:
    """Write how many trials there are: ``2 arms × 20 trials = 40``."""
    arms, study = len(plan.design.arms), plan.study
    if study.design == "joint":
        return f"{plan.total} trials, values drawn"
    if study.design == "configurations":
        return f"{plan.total} trials of {arms} configurations"
    each = study.budget.trials
    told = f"{arms} arm{'s' * (arms != 1)} × {each} trial{'s' * (each != 1)}"
    return f"{told} = {plan.total}"


def time_text(plan: Plan, *, short: bool = False) -> str:
    """Write how long a study takes, and where that is known from."""
    cost = plan.cost
    if cost.step_time is None:
        return "time unknown" if short else "unknown: the lab has timed no step of this workload"
    told = f"about {duration(cost.seconds)}"
    if short:
        return told
    return f"{told} on one slot ({seconds(cost.step_time)} a step, from {clean(cost.timed)})"


def judged_lines(judged: Judged) -> Iterator[Line]:
    """Write what there is to say of a draft: what is wrong, what it takes, its findings."""
    for wrong in judged.problems:
        told = f"✗ {clean(wrong.path)}: {clean(problem_text(wrong))}"
        yield Line(told, "$text-error", 0, _HANG)
    if judged.trouble:
        yield Line(f"✗ {clean(judged.trouble)}", "$text-error", 0, _HANG)
    plan = judged.plan
    if plan is None:
        return
    if judged.problems or judged.trouble:
        yield Line()
    if judged.refused:
        yield Line("▲ `labtui run` refuses this design:", "$text-error bold", 0, _HANG)
    grave = list(_grave_lines(plan))
    yield from grave
    if grave:
        yield Line()
    yield from _cost_lines(plan)
    yield Line()
    yield from _note_lines(plan)


def found_lines(plan: Plan) -> Iterator[Line]:
    """Write the findings about a design, the worst first."""
    yield from _grave_lines(plan)
    yield from _note_lines(plan)


def _grave_lines(plan: Plan) -> Iterator[Line]:
    for one in plan.verdict.findings:
        if one.severity != "info":
            yield from _one_finding(one)


def _cost_lines(plan: Plan) -> Iterator[Line]:
    steps = plan.study.budget.max_train_steps
    yield _pair("trials", f"{trials_text(plan)}, {steps:,} steps each")
    yield _pair("time", time_text(plan))
    if plan.cost.step_time is None:
        workload = shlex.quote(clean(plan.study.workload))
        yield _pair(
            "", f"`labtui run FILE --one` times one trial, `labtui probe batch-size {workload}`"
        )
    if plan.dimensions:
        each = number(plan.design.trials / plan.dimensions)
        few = f"{plan.dimensions} dimension{'s' * (plan.dimensions != 1)} an arm"
        yield _pair("tuned", f"{few}, {each} trials a dimension")
    if plan.cost.bytes is not None:
        yield _pair("disk", f"at most {memory(int(max(plan.cost.bytes, 1e6)))} of checkpoints")
    if plan.baseline is not None:
        held = len(plan.design.inherited)
        where = clean(plan.baseline.trial or "set by hand")
        yield _pair("baseline", f"{where}; {held} values are from it")


def _pair(name: str, text: str) -> Line:
    return Line(f"{name:<9}{text}", "", 0, " " * 9)


def _note_lines(plan: Plan) -> Iterator[Line]:
    found = plan.verdict.findings
    notes = [one for one in found if one.severity == "info"]
    values = [one for one in notes if _is_value(one)]
    if len(notes) == len(found):
        yield Line("✓ nothing speaks against this design", "$text-success", 0, _HANG)
    for one in notes:
        if one not in values:
            yield from _one_finding(one)
    if values:
        yield from _caveat_lines(values)


_STYLES = {"alert": "$text-error bold", "warning": "$text-warning bold", "info": "bold"}


def _one_finding(one: Finding) -> Iterator[Line]:
    from labtui.verdicts.summary import GLYPHS, sentence, subject_text

    about = subject_text(one.subject)
    title = f"{GLYPHS[one.severity]} {one.code}{f' {about}' if about else ''} [{one.procedure}]"
    yield Line(title, _STYLES[one.severity], 0, _HANG)
    yield Line(sentence(clean(one.message)), "", 2)
    yield Line(f"→ {clean(one.advice)}", "$faded", 2, _HANG)


def _caveat_lines(values: Sequence[Finding]) -> Iterator[Line]:
    from labtui.verdicts.summary import subject_text

    told = [f"{subject_text(o.subject)}={value_text(o.evidence['value'])}" for o in values]
    yield Line(f"i caveat [{values[0].procedure}]", _STYLES["info"], 0, _HANG)
    yield Line(f"The conclusion holds for {', '.join(told)}.", "", 2)


# -- the edit line --------------------------------------------------------------------------------


def row_label(row: Row) -> str:
    """Name a row where it is edited."""
    when = condition_text(row.definition)
    return clean(row.name) + (f" ({when})" if when else "")


def row_hint(row: Row) -> str:
    """Say of a row what kind of thing it is, and what it may be."""
    declared = row.candidate.declared if row.candidate is not None else None
    known = _known(row)
    parts = [_kind(row) if _kind(row) != "?" else "of unknown kind"]
    parts += [clean(declared.description)] if declared and declared.description else []
    own = declared is not None and row.candidate and same(row.candidate.value, declared.default)
    parts += [f"{'default' if own else 'at present'} {known}"] if known else []
    return " · ".join(parts)


def verdict(sign: str, text: str, style: str) -> Content:
    """Write what a line means, or what is wrong with it."""
    return Content.styled(f"{sign} {clean(text)}", style)


def title(draft: Draft | None, *, saved: bool, judging: bool) -> str:
    """Say what is designed, and whether it is saved."""
    if draft is None:
        return "New study: what is to be tuned?"
    state = "saved" if saved else "not saved"
    dots = " …" if judging else ""
    return f"New study  {clean(draft.name)} · {state}{dots}"


def twin(file: str, asked: str, *, extends: bool) -> str:
    """Write the commands that do the same without a screen."""
    more = " --extend" if extends else ""
    name = shlex.quote(file)
    return f"= {clean(asked)} · labtui plan {name} · labtui run {name}{more}"


def arms_words(document: Mapping[str, object]) -> str:
    """Say how many trials a document comes to, as far as it is a study: ``4 arms × 20 = 80``."""
    from labtui.study.plan import TooManyArms, arms
    from labtui.tui.drafts.check import check

    study, _ = check(document, whole=False)
    if study is None or study.design != "separate":
        return ""
    try:
        count = len(arms(study))
    except (TooManyArms, ValueError):
        return ""
    trials = study.budget.trials
    return f"{count} arm{'s' * (count != 1)} × {trials} = {count * trials} trials"


# -- what is asked --------------------------------------------------------------------------------


def question(judged: Judged, already: int = 0) -> str:
    """Ask whether to train a study, of which so many trials are `already` in the lab."""
    count = (judged.plan.total if judged.plan is not None else 0) - already
    more = "more " * judged.draft.extends
    return f"Train {count} {more}trial{'s' * (count != 1)} of {clean(judged.draft.name)}?"


def cost(judged: Judged, file: Path) -> str:
    """Say what training takes, and where the file goes."""
    plan = judged.plan
    if plan is None:
        return ""
    where = "kept beside the lab" if judged.draft.extends else clean(str(file))
    steps = plan.study.budget.max_train_steps
    return f"{steps:,} steps each; time {time_text(plan)}. Its file: {where}"


def refusal(judged: Judged) -> tuple[str, bool]:
    """Say why `labtui run` refuses a study, and whether that cannot be overruled."""
    from labtui.verdicts.design import FORBIDDEN

    told = [f"▲ {one.code}: {clean(one.message)} {clean(one.advice)}" for one in judged.refused]
    return "\n".join(told), any(one.code == FORBIDDEN for one in judged.refused)
