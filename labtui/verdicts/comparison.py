"""Trials or studies beside each other: what differs, whether it is fair, what may be concluded.

The sentences are in `labtui.verdicts.comparison_chance`, what makes a comparison unfair in
`comparison_fair`, the table in `comparison_rows`, the figures in `comparison_figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.study.kinds import REPEATED
from labtui.verdicts.objective import Asked, reselect
from labtui.verdicts.tables import best_trial
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.analysis.table import StudyTable
    from labtui.verdicts.check import StudyCheck

Kind: TypeAlias = Literal["trials", "studies"]

FEWEST, MOST = 2, 8
"""How many can be compared: of more than eight curves none can be told from another."""


LONGEST = 24
"""Characters of a name above which letters stand for all of them: three longer ones, with values,
do not fit into a line of 80."""

LETTERS = tuple("ABCDEFGH")


class NotComparable(LabError):
    """So many, or the same twice, cannot be compared."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Side:
    """One of what is compared.

    Attributes:
        name: The trial's or study's.
        label: What it is called in sentences and tables: see `short_names`.
        study: The study, under the objective that is compared.
        trial: The trial; of a study its best, None without one.
        trials: Of a study all its trials; empty for a trial.
        table: Of a study its ended trials as columns; None for a trial.
        check: Of a study what was found in it; None until it was judged.
        definitions: The hyperparameters of the study, of `Lab.hyperparameters`.
        stands: Whether a study was named among trials, and its best trial stands for it.
        own: The objective that the study has, where it is compared by another; else empty.
        apart: Why its values cannot be set beside the first's; empty where they can.
    """

    name: str
    study: StudyRecord
    trial: TrialRecord | None
    trials: tuple[TrialRecord, ...] = ()
    table: StudyTable | None = None
    check: StudyCheck | None = None
    definitions: tuple[dict[str, Any], ...] = ()
    stands: bool = False
    own: str = ""
    apart: str = ""
    label: str = ""

    @property
    def is_study(self) -> bool:
        """Whether it is a study that is compared, rather than a trial."""
        return self.table is not None

    @property
    def value(self) -> float | None:
        """The value that is compared; None without one that can be: of reruns, the best is luck."""
        if self.apart or self.trial is None or self.trial.state not in ("completed", "running"):
            return None
        if self.is_study and self.study.kind in REPEATED:
            return None
        return self.trial.value


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What it says of each.
        cells: Of each, as people read it.
        values: The same as JSON holds it.
        differs: Whether not all are the same.
        long: Whether its cells are sentences.
    """

    name: str
    cells: tuple[str, ...]
    values: tuple[Any, ...]
    differs: bool
    long: bool = False


@dataclass(frozen=True)
class Section:
    """Rows that belong together.

    Attributes:
        name: ``parameters``, ``outcome``; of studies ``result``, ``findings``, ``search space``,
            ``parameters`` (of their best trials) and ``design``.
        rows: Of parameters those that differ first.
    """

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Caution:
    """Why the comparison is not fair.

    Attributes:
        code: What differs: ``workload``, ``objective``, ``steps``, ``evaluations``, ``batch-size``,
            ``trainer``, ``code``, ``versions``, ``device``, ``state``, ``trials``, ``tuned``,
            ``alerts`` or ``evidence``.
        text: A sentence.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Conclusion:
    """What may be concluded.

    Attributes:
        text: A sentence.
        supported: Whether a difference is more than chance; None where that cannot be judged.
        numbers: What it was made from.
        command: What would tell more; empty where nothing would.
    """

    text: str
    supported: bool | None
    numbers: dict[str, Any]
    command: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Trials or studies beside each other.

    Attributes:
        kind: What they are compared as.
        sides: In the order in which they were named.
        conclusions: The best against each other one, where it can be told.
        cautions: Why it is not fair.
        sections: The table.
        notes: What was done to compare them.
        judged: Whether the studies were judged; of trials always.
    """

    kind: Kind
    sides: tuple[Side, ...]
    conclusions: tuple[Conclusion, ...]
    cautions: tuple[Caution, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    judged: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(side.name for side in self.sides)

    @property
    def labels(self) -> tuple[str, ...]:
        """What they are called: see `short_names`."""
        return tuple(side.label for side in self.sides)

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Letters with the names that they stand for; empty where names are not too long."""
        if self.labels != LETTERS[: len(self.sides)]:
            return ()
        return tuple((side.label, clean(side.name)) for side in self.sides)


def compare(lab: Lab, names: Sequence[str], *, judge: bool = True) -> Comparison:
    """Set trials or studies beside each other.

    Args:
        lab: Where they are.
        names: Two to eight: all studies, or trials (``study/17``); a study among trials stands for
            its best trial.
        judge: Judge studies, which reads every curve; without it there are neither their findings
            nor their answers.

    Raises:
        NotComparable: Too few or too many were named, one twice, or a study among trials has no
            trial to stand for it.
        UnknownName: The lab holds no such study or trial.
    """
    from labtui.verdicts.comparison_chance import conclude
    from labtui.verdicts.comparison_fair import cautions
    from labtui.verdicts.comparison_rows import study_sections, trial_sections

    found = _found(lab, names)
    kind: Kind = "studies" if all(isinstance(one, StudyRecord) for one in found) else "trials"
    first: StudyRecord | None = None
    made: list[Side] = []
    for one in found:
        side = _side(lab, one, kind, first)
        first = first or side.study
        made.append(_judged(lab, side) if judge and kind == "studies" else side)
    sides = [
        replace(side, label=label) for side, label in zip(made, short_names(made), strict=True)
    ]
    sections = study_sections(lab, sides) if kind == "studies" else trial_sections(lab, sides)
    return Comparison(
        kind=kind,
        sides=tuple(sides),
        conclusions=tuple(conclude(lab, sides, kind)),
        cautions=tuple(cautions(sides, kind)),
        sections=tuple(one for one in sections if one.rows),
        notes=tuple(_notes(sides)),
        judged=judge or kind == "trials",
    )


def _found(lab: Lab, names: Sequence[str]) -> list[StudyRecord | TrialRecord]:
    if not FEWEST <= len(names) <= MOST:
        raise NotComparable(
            f"{len(names)} named: expected {FEWEST} to {MOST} studies, or trials (STUDY/17); "
            "`labtui list` names the studies, `labtui show STUDY` their trials"
        )
    found = [lab.find(name) for name in names]
    seen: set[str] = set()
    for one in found:
        if one.name in seen:
            raise NotComparable(f"{clean(one.name)} is named twice; expected different ones")
        seen.add(one.name)
    return found


def _side(lab: Lab, one: StudyRecord | TrialRecord, kind: Kind, first: StudyRecord | None) -> Side:
    name = one.name
    study = one if isinstance(one, StudyRecord) else lab.study(one.study)
    study, trials, own, apart = by_objective(lab, study, first)
    definitions = tuple(lab.hyperparameters(study.name))
    if isinstance(one, TrialRecord):
        chosen = one if not own else next(trial for trial in trials if trial.id == one.id)
        return Side(name, study, chosen, definitions=definitions, own=own, apart=apart)
    trials = trials or lab.trials(study.name)
    best = best_trial(study, trials)
    if kind == "studies":
        from labtui.verdicts.loading import study_table

        table = study_table(lab, study, trials)
        return Side(name, study, best, tuple(trials), table, None, definitions, False, own, apart)
    if best is None:
        raise NotComparable(
            f"no trial of {clean(name)} has completed with a value, so none stands for it among "
            f"trials; `labtui show {clean(name)}` lists them"
        )
    return Side(best.name, study, best, (), None, None, definitions, True, own, apart)


def by_objective(
    lab: Lab, study: StudyRecord, first: StudyRecord | None
) -> tuple[StudyRecord, list[TrialRecord], str, str]:
    """Bring a study to another one's objective, if that is not its own and was logged (P27).

    Args:
        lab: Where its trials are.
        study: The study.
        first: The other one; None leaves it as it is.

    Returns:
        The study, its trials where they were ranked anew, its own objective and why it cannot be
        compared: each empty where that is not so.
    """
    if first is None or objective_of(study) == objective_of(first):
        return study, [], "", ""
    try:
        asked = Asked(first.metric, first.selection, first.direction)
        changed, trials = reselect(lab, study, asked)
    except LabError:
        why = f"it is judged by {clean(objective_of(study))} and logged no {clean(first.metric)}"
        return study, [], "", why
    return changed, trials, objective_of(study), ""


def objective_of(study: StudyRecord) -> str:
    """Write an objective: ``minimize validation/loss (best)``."""
    return f"{study.direction} {study.metric} ({study.selection})"


def _judged(lab: Lab, side: Side) -> Side:
    from labtui.verdicts.check import check_study

    return replace(side, check=check_study(lab, side.study, side.trials))


def _notes(sides: Sequence[Side]) -> list[str]:
    notes = [
        f"{clean(side.study.name)} stands for its best trial, {side.label}"
        for side in sides
        if side.stands
    ]
    notes += [
        f"{side.label} is judged by {clean(side.own)}; here it is compared by "
        f"{clean(objective_of(side.study))}, as {sides[0].label} is"
        for side in sides
        if side.own
    ]
    return notes


def short_names(sides: Sequence[Side]) -> tuple[str, ...]:
    """Name sides: trials of one study by number (``#7``), long names by letters, else in full."""
    names = [clean(side.name) for side in sides]
    if len({side.study.name for side in sides}) == 1 and all("/" in one for one in names):
        return tuple(f"#{one.rpartition('/')[2]}" for one in names)
    return tuple(names) if max(map(len, names)) <= LONGEST else LETTERS[: len(names)]


def comparison_document(found: Comparison, *, every: bool = True) -> dict[str, Any]:
    """Describe a comparison.

    Args:
        found: The comparison.
        every: Also the rows in which all are the same.

    Returns:
        ``compared`` (``trials`` or ``studies``), ``names``, ``labels`` (what the sentences call
        them), ``conclusions`` (``[{"text",
        "supported", "command", "numbers"}]``; `supported` is null where it cannot be judged),
        ``cautions`` (``[{"code", "text"}]``), ``notes``, and ``sections`` (``[{"name", "rows":
        [{"name", "differs", "values": one a name}]}]``).
    """
    from labtui.verdicts.documents import jsonable

    document: dict[str, Any] = {
        "compared": found.kind,
        "names": list(found.names),
        "labels": list(found.labels),
        "conclusions": [
            {
                "text": one.text,
                "supported": one.supported,
                "command": one.command,
                "numbers": one.numbers,
            }
            for one in found.conclusions
        ],
        "cautions": [{"code": one.code, "text": one.text} for one in found.cautions],
        "notes": list(found.notes),
        "sections": [
            {
                "name": section.name,
                "rows": [
                    {"name": row.name, "differs": row.differs, "values": list(row.values)}
                    for row in section.rows
                    if every or row.differs
                ],
            }
            for section in found.sections
        ],
    }
    return dict(jsonable(document))


__all__ = [
    "Caution",
    "Comparison",
    "Conclusion",
    "NotComparable",
    "Row",
    "Section",
    "Side",
    "by_objective",
    "compare",
    "comparison_document",
    "objective_of",
    "short_names",
]
