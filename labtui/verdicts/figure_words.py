"""What to conclude from a figure, in one sentence with its numbers, or why it cannot be judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.stability import ABOVE, EDGE
from labtui.verdicts.figures import PROPOSED, AxisPoints, Definition
from labtui.verdicts.summary import GLYPHS
from labtui.verdicts.text import clean, condition_text, number, value_text

if TYPE_CHECKING:
    from labtui.analysis.arms import ArmOrder
    from labtui.analysis.isolation import Isolation, IsolationColumn
    from labtui.analysis.table import StudyTable
    from labtui.store.records import StudyRecord
    from labtui.verdicts.brief import Brief
    from labtui.verdicts.figures_stability import Above, NormPlots

BEST = 5
"""Best trials whose places are told: as many as the judge of ranges looks at in a small study."""

OUTER = 0.2
"""The outer fifth of a range, as the judge of ranges has it: what lies there is not well inside."""

HALF, QUARTER = 2, 0.75
"""More trials are judged by what half as many would have missed: the quantile of the best of them
that a quarter of searches end above, which is the upper edge of the band that is drawn."""


@dataclass(frozen=True)
class Words:
    """A sentence below a figure.

    Attributes:
        text: What to conclude; safe to show.
        sign: How grave: that of the finding, ``?`` for what cannot be judged, ``✓`` for what was
            judged and is in order, ``·`` for what is no judgement.
        finding: What it rests on, for the keys that act on it; None for no finding.
        about: What it is about, where several stand below one another.
    """

    text: str
    sign: str = "·"
    finding: Finding | None = None
    about: str = ""

    @property
    def line(self) -> str:
        """The sign and the sentence."""
        return f"{self.sign} {self.text}"

    @property
    def own(self) -> bool:
        """Whether it rests on a finding about this hyperparameter, not about the whole study."""
        return self.finding is not None and "hyperparameter" in self.finding.subject


@dataclass(frozen=True)
class Judged:
    """What was judged of a study, to be said below its figures.

    Attributes:
        findings: Those that are not about a single trial.
        unknown: What could not be judged that is not about a single trial.
        order: What may be said about the order of the arms.
        evidence: Whether the study trains given configurations, and is not judged as a search.
    """

    findings: Sequence[Finding] = ()
    unknown: Sequence[NotJudged] = ()
    order: ArmOrder | None = None
    evidence: bool = False

    @classmethod
    def of(cls, brief: Brief | None) -> Judged | None:
        """Take it from what is told of a study; None before it was judged."""
        if brief is None:
            return None
        return cls(brief.findings, brief.not_judged, brief.order, brief.evidence)

    def found(self, *codes: str, about: Definition | None = None) -> list[Finding]:
        """Give the findings of some codes, in the order of these, about one definition."""
        return [
            one
            for code in codes
            for one in self.findings
            if one.code == code and (about is None or _is_about(one.subject, about))
        ]

    def why_not(self, *codes: str, about: Definition | None = None) -> str:
        """Say why something of these codes could not be judged; empty if it was."""
        told = (
            one.reason
            for code in codes
            for one in self.unknown
            if one.code == code and (about is None or _is_about(one.subject, about, strictly=False))
        )
        return clean(next(told, ""))


def _is_about(subject: Mapping[str, Any], definition: Definition, *, strictly: bool = True) -> bool:
    named = subject.get("hyperparameter")
    if named is None:
        return not strictly
    condition = condition_text(definition)
    return bool(named == definition["name"] and subject.get("condition", "") == condition)


def titled(about: str, words: Words) -> Words:
    """Name what a sentence is about."""
    return replace(words, about=clean(about))


def short_name(name: str, condition: str) -> str:
    """Name a hyperparameter with the values of its condition: ``learning_rate, adam``."""
    values = [part.rpartition("=")[2] for part in condition.split(", ") if part]
    return ", ".join([name, *values])


WAITING = Words("the verdict is on its way")
CHOSEN = Words("its configurations were chosen: there is no range to judge")
NO_SEARCH = Words("its configurations were chosen: it is no search to be judged")


def _told(one: Finding, text: str) -> Words:
    return Words(clean(text), GLYPHS[one.severity], one)


def _unknown(reason: str) -> Words:
    start = "cannot judge" if reason.startswith("whether") else "cannot judge:"
    return Words(f"{start} {reason}", "?")


# -- axis plots -----------------------------------------------------------------------------


def axis_words(
    study: StudyRecord, definition: Definition, points: AxisPoints, judged: Judged | None
) -> Words:
    """Say where the best points lie in a range, and what to do about it (P14, P15, P16, P37)."""
    if judged is None:
        return WAITING
    if judged.evidence:
        return CHOSEN
    for one in judged.found(
        "search-boundary", "stability-edge", "infeasible-region", about=definition
    ):
        return _told(one, _AXIS[one.code](one.evidence, one))
    if why := judged.why_not("search-boundary", about=definition):
        return _unknown(why)
    place = _place(study, definition, points)
    if not place:
        return _unknown("no trial that has it has completed")
    if definition.get("range") is None and not _ordered(definition):
        return Words(f"{place}; isolation compares its values")
    inside = "no sign of an edge" if _touches(study, definition, points) else "well inside"
    for one in judged.found("sparse-sampling"):
        good, usable = one.evidence["good_points"], one.evidence["usable_points"]
        few = f"only {good} of {usable} trials come near the best"
        return _told(one, f"{inside}: {place}; {few} → add some")
    return Words(f"{inside}: {place}", "✓")


def _boundary(evidence: Mapping[str, Any], one: Finding) -> str:
    best = evidence["best_trials"]
    near = round(evidence["share_of_best_near_edge"] * best)
    weak = "" if evidence["strength"] == "strong" else "weakly: "
    end = "lowest" if one.subject.get("side") == "low" else "highest"
    start = f"{weak}{near} of the best {best} lie in the {end} fifth"
    return f"{start} → {_proposal(evidence) or _nothing(one)}"


def _proposal(evidence: Mapping[str, Any]) -> str:
    if evidence.get(PROPOSED):
        low, high = evidence[PROPOSED]
        return f"try {number(low)} … {number(high)}"
    if evidence.get("proposed_values"):
        return f"try {', '.join(value_text(one) for one in evidence['proposed_values'])}"
    return ""


def _nothing(one: Finding) -> str:
    said = one.advice.partition(";")[0].rstrip(".")
    return said[:1].lower() + said[1:]


def _edge(evidence: Mapping[str, Any], one: Finding) -> str:
    return (
        f"the best lie within {evidence['factor']:.1f}x below {number(evidence['unstable_above'])},"
        " where training fails → warmup or clipping first"
    )


def _region(evidence: Mapping[str, Any], one: Finding) -> str:
    where = "below" if one.subject.get("side") == "low" else "above"
    bad, total = evidence["bad_beyond"], evidence["bad_beyond"] + evidence["usable_beyond"]
    limit = number(evidence["threshold"])
    tried = _proposal(evidence)
    return f"{bad} of {total} {where} {limit} fail or learn nothing → {tried or 'cut it there'}"


_AXIS = {"search-boundary": _boundary, "stability-edge": _edge, "infeasible-region": _region}


def _ordered(definition: Definition) -> bool:
    values = definition.get("values") or ()
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return numbers and len(values) > 2


def _place(study: StudyRecord, definition: Definition, points: AxisPoints) -> str:
    """Say where the best few lie."""
    found = [x for x, _ in points.best(BEST, minimize=study.minimize)]
    if not found:
        return ""
    who = f"the best {len(found)} lie" if len(found) > 1 else "the only one lies"
    if definition.get("values") is not None:
        told = dict.fromkeys(value_text(definition["values"][int(x)]) for x in found)
        return f"{who} at {', '.join(told)}"
    ends = sorted((1 - x if definition.get("one_minus") else x) for x in (min(found), max(found)))
    low, high = (f"{end:.2g}" for end in ends)
    return f"{who} at {low}" if low == high else f"{who} from {low} to {high}"


def _touches(study: StudyRecord, definition: Definition, points: AxisPoints) -> bool:
    """Say whether one of the best few lies in the outer fifth of a range."""
    if definition.get("range") is None:
        return False
    ends = [1 - end if definition.get("one_minus") else end for end in definition["range"]]
    found = [x for x, _ in points.best(BEST, minimize=study.minimize)]
    if definition.get("scale") == "log" and min(*ends, *found) > 0:
        ends, found = [math.log(end) for end in ends], [math.log(x) for x in found]
    low, high = min(ends), max(ends)
    outer = OUTER * (high - low)
    return any(x < low + outer or x > high - outer for x in found)


# -- isolation plots ------------------------------------------------------------------------


def isolation_words(table: StudyTable, found: Isolation, judged: Judged | None) -> Words:
    """Say how far the best column is ahead, and whether the hyperparameter matters (P24, P26)."""
    if judged is None:
        return WAITING
    if judged.evidence:
        return Words("given configurations, trained again: the answer compares their means")
    lead = _lead(table, found)
    if not lead:
        return _unknown("fewer than two columns have a feasible trial")
    if judged.order is not None and _compares_arms(table, found):
        return _arms_words(judged.order, lead)
    about = found.name, found.condition
    for one in judged.found("insensitive", "interaction"):
        if about == _subject(one):
            return _told(one, _sense(one))
    for other in judged.unknown:
        alone = len(table.axes) == 1  # it explains all there is to explain
        if other.code == "insensitive" and about == _subject(other) and not alone:
            reason = other.reason.removeprefix("cannot tell yet: ")
            return _unknown(clean(f"whether it matters: {reason}"))
    if len(table.axes) == 1 or found.name not in {axis.name for axis in table.axes}:
        return Words(lead)
    return Words(f"it matters: {lead}", "✓")


def _subject(one: Finding | NotJudged) -> tuple[object, object]:
    return one.subject.get("hyperparameter"), one.subject.get("condition", "")


def _compares_arms(table: StudyTable, found: Isolation) -> bool:
    labels = {column.label for column in found.columns}
    return labels == set(table.arm_names) or found.role == "scientific"


def _arms_words(order: ArmOrder, lead: str) -> Words:
    if order.p is None:
        return Words(f"{lead}; too few trials to test the order: rerun each arm's best", "?")
    tested = f"{'pairs' if order.paired else 'trials'}: p {order.p:.2g}"
    if order.unusual:
        return Words(f"{lead}, more than by chance ({order.points} {tested}): rerun both", "✓")
    return Words(f"{lead}, which equal arms show too ({order.points} {tested})", "?")


def _sense(one: Finding) -> str:
    evidence = one.evidence
    if one.code == "insensitive":
        return (
            f"makes no difference, {evidence['share']:.0%} of the spread → fix it in the next study"
        )
    return one.message.partition(":")[0]


def _lead(table: StudyTable, found: Isolation) -> str:
    """Name the best column, and how far it is ahead of the next; empty with fewer than two."""
    known = [column for column in found.columns if column.best is not None]
    known.sort(key=lambda column: column.best or 0.0)
    if len(known) < 2 or known[0].best is None or known[1].best is None:
        return ""
    first, second = (_column_name(one, found) for one in known[:2])
    gap = float(f"{known[1].best - known[0].best:.2g}")
    if not gap:
        return f"{first} and {second} have the same best"
    return f"{first} is {number(gap)} ahead of {second}"


def _column_name(column: IsolationColumn, found: Isolation) -> str:
    if not found.bucketed and isinstance(column.low, (int, float)):
        return value_text(column.low)
    _, equals, value = column.label.partition("=")
    return clean(value if equals and "=" not in value else column.label)


# -- the budget and the length --------------------------------------------------------------


def budget_words(table: StudyTable, judged: Judged | None) -> Words:
    """Say what the last doubling of trials brought, beside the luck of a search (P31)."""
    if judged is None:
        return WAITING
    half = _half(table)
    for one in judged.found("search-luck"):
        evidence = one.evidence
        luck = evidence.get("study_deviation") or evidence.get("search_deviation")
        parts = [half] if half else []
        if luck is not None:
            parts.append(f"another search: ±{luck:.2g}")
        if (retrained := evidence.get("retrain_deviation")) is not None:
            parts.append(f"retraining: ±{retrained:.2g}")
        else:
            parts.append("retraining: unknown → rerun the best")
        return _told(one, "; ".join(parts))
    if judged.evidence:
        return NO_SEARCH
    why = judged.why_not("search-luck")
    return _unknown(f"{why}" if why else "nothing was judged of the search")


def _half(table: StudyTable) -> str:
    """Say how much worse a quarter of the searches of half as many trials end.

    Not the median: half of all trials hold the best one in half of the draws, by definition. Of
    several arms it is said of the best one, since each is a search of its own.
    """
    from labtui.analysis.budgets import budget_curve

    counted = table.feasible | table.infeasible
    if table.adaptive or not table.ranked.size:
        return ""
    arm = table.arms[int(table.ranked[0])]
    rows = table.of_arm(arm)[counted[table.of_arm(arm)]]
    if rows.size < 2 * HALF:
        return ""
    curve = budget_curve(table.values[rows], table.feasible[rows], quantiles=(QUARTER,))
    half = int(abs(curve.budgets - curve.trials / HALF).argmin())
    worse = float(curve.values[0][half] - curve.values[0][-1])
    own = f"{clean(arm.rpartition('=')[2])}: " if len(table.arm_names) > 1 else ""
    count = int(curve.budgets[half])
    if not worse >= 0:
        return f"{own}a quarter of searches of {count} trials find nothing feasible"
    return f"{own}a quarter of searches of {count} trials end {number(float(f'{worse:.2g}'))} worse"


def best_step_words(judged: Judged | None) -> Words:
    """Say whether the length of training is right (P33)."""
    if judged is None:
        return WAITING
    for one in judged.found("steps-too-few", "steps-too-many"):
        evidence = one.evidence
        few = one.code == "steps-too-few"
        part = "last 25 %" if few else "first 10 %"
        then = "try more, tune the decay again" if few else "train far fewer steps"
        text = f"{evidence['runs_in_part']} of {evidence['runs']} runs are best in the {part}"
        return _told(one, f"{text} → {then}")
    if judged.evidence:
        return NO_SEARCH
    if why := judged.why_not("steps-too-few", "steps-too-many"):
        return _unknown(why)
    return Words("best steps are spread over training: the length fits", "✓")


# -- stability ------------------------------------------------------------------------------


def norm_words(found: NormPlots) -> Words:
    """Say which gradient norms stand out, and where clipping would begin (P38, P41)."""
    norms = found.judged
    if norms.unknown:
        return _unknown(f"outliers: {clean(norms.unknown)}")
    if not norms.outliers:
        return Words("no outlier after the start of training", "✓")
    step, _, times = max(norms.outliers, key=lambda outlier: outlier[2])
    count = len(norms.outliers)
    many = f"{count} outliers, the largest" if count > 1 else "one outlier,"
    sign = "!" if norms.are_a_sign else "i"
    height = number(float(f"{times:.2g}"))
    return Words(f"{many} {height}x its surroundings at step {step} → clip", sign)


def clip_words(found: NormPlots) -> Words:
    """Say where clipping would begin (P41)."""
    if not found.judged.threshold:
        return _unknown(clean(found.judged.unknown) or "no norm is finite")
    at = number(found.judged.threshold)
    return Words(f"90 % of the norms are below {at}: where to begin, should it be clipped")


def above_words(found: Above) -> Words:
    """Say whether the loss goes up at rates just above the best one (P37)."""
    if not found.judged:
        return _unknown("no loss at a rate just above the best")
    from labtui.verdicts.probes import curve_text  # it brings the engine

    best = float(found.best.params[found.rate])
    told = [(float(one.params[found.rate]), loss) for one, loss in found.judged]
    bad = [(rate, loss) for rate, loss in told if loss.unstable]
    if bad:
        rate, loss = bad[0]
        said = f"at {number(rate)}, {rate / best:.1f}x the best rate, the loss {curve_text(loss)}"
        if rate > ABOVE * best:
            return Words(clean(said), "i")
        return Words(clean(f"{said} → warmup, then clipping"), "!")
    unknown = [loss.unknown for _, loss in told if loss.unstable is None]
    if unknown:
        return _unknown(clean(unknown[0]))
    most = told[-1][0] / best
    calm = f"no lasting rise up to {most:.1f}x the best rate"
    if most < EDGE:
        return Words(f"{calm}, the highest that was trained")
    return Words(f"{calm}: it is not at the edge", "✓")
