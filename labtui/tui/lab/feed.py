"""What the lab screen shows of all studies, read on the reading thread and handed over whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labtui.store.records import ENDED
from labtui.tui.filters import Language
from labtui.tui.lab.journal import Facts, Moment, moments
from labtui.tui.lab.sparkline import Course
from labtui.verdicts.arm_names import shown_best
from labtui.verdicts.summary import read_counts

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord
    from labtui.tui.reader import Pulse

UNKNOWN: Mapping[str, Any] = {}


@dataclass(frozen=True)
class StudyRow:
    """One study in the list.

    Attributes:
        notes: How many there are on it and its trials.
        place: In the queue, from 0; None where it does not wait and does not train.
        told: Its row of the experiment log; empty before it was read.
        judged: Whether that holds a verdict.
        written: What the notes say.
    """

    study: StudyRecord
    tags: tuple[str, ...] = ()
    notes: int = 0
    course: Course = field(default_factory=Course)
    place: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    judged: bool = False
    written: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.study.name

    @property
    def state(self) -> str:
        """The state of the study; ``queued`` while the runner trains others before it."""
        behind = bool(self.place) and not self.study.counts.get("running")
        return "queued" if behind and self.study.state == "running" else self.study.state

    @property
    def best(self) -> float | None:
        """The best value that says something."""
        return shown_best(self.study)

    @property
    def spread(self) -> float | None:
        """Deviation of retraining, where one is known that holds for the study."""
        found = self.told.get("retrain_deviation")
        return None if self.best is None or found is None else float(found)

    @property
    def infeasible(self) -> float | None:
        """The share of infeasible trials among those that ended; None before any has."""
        ended = self.study.ended
        return self.study.counts.get("infeasible", 0) / ended if ended else None

    @property
    def to_come(self) -> int:
        """Trials that the course of its best is over: completed, or still to be trained."""
        return max(self.study.total - self.study.ended, 0) + self.course.completed

    @cached_property
    def alerts(self) -> tuple[int, int] | None:
        """How many alerts and warnings there are; None while that is not known."""
        found = read_counts(str(self.told.get("verdict", ""))) if self.judged else None
        return None if found is None else (found["alert"], found["warning"])

    @property
    def answer(self) -> str:
        """The answer to its question, once it was judged."""
        return str(self.told.get("answer", "")) if self.judged else ""

    @property
    def verdict(self) -> str:
        """The verdict in a line, once it was judged."""
        return str(self.told.get("verdict", "")) if self.judged else ""


def _count(place: int) -> Any:
    return lambda row: None if row.alerts is None else row.alerts[place]


STUDIES: Language[StudyRow] = Language(
    {
        "study": lambda row: row.name,
        "state": lambda row: row.state,
        "workload": lambda row: row.study.workload,
        "tag": lambda row: row.tags,
        "kind": lambda row: row.study.kind,
        "parent": lambda row: row.study.parent,
        "goal": lambda row: row.study.goal,
        "metric": lambda row: row.study.metric,
        "best": lambda row: row.best,
        "spread": lambda row: row.spread,
        "infeasible": lambda row: row.infeasible,
        "alerts": _count(0),
        "warnings": _count(1),
        "trials": lambda row: row.study.total,
        "ended": lambda row: row.study.ended,
        "notes": lambda row: row.notes,
        "answer": lambda row: row.answer,
    },
    lambda row: (
        row.name,
        row.study.goal,
        row.study.workload,
        row.state,
        row.study.kind,
        *(f"#{tag}" for tag in row.tags),
        *row.written,
    ),
)
"""What can be asked of studies on the filter line."""


@dataclass(frozen=True)
class LabView:
    """One moment of a lab.

    Attributes:
        rows: Its studies, those with the latest activity first.
        moments: What tells when to read or judge a study anew.
        workloads: What tells when to read the workloads anew.
        queue: Names of the studies to be trained, the next first.
        waiting: Trials that wait, in all studies.
    """

    rows: tuple[StudyRow, ...]
    moments: Mapping[str, Moment]
    workloads: object
    queue: tuple[str, ...]
    waiting: int


class LabFeed:
    """Keeps how the bests of studies came about, reading only the trials that ended since."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._courses: dict[int, Course] = {}
        self._last: Pulse | None = None

    def read(self, lab: Lab, pulse: Pulse) -> LabView:
        """Read the lab as it is; `pulse` was taken before.

        Raises:
            LabError: It cannot be read.
        """
        facts = Facts.read(lab)
        self._follow(facts.studies, lab, pulse)
        queue = tuple(lab.queue())
        places = {name: place for place, name in enumerate(queue)}
        rows = tuple(
            StudyRow(
                one,
                tuple(facts.tags.get(one.name, ())),
                len(facts.notes.get(one.name, ())),
                self._courses.get(one.id, Course()),
                places.get(one.name),
                written=tuple(facts.notes.get(one.name, ())),
            )
            for one in facts.studies
        )
        found = moments(facts)
        own = [(name, of) for name, of in facts.tags.items() if name.startswith("workload:")]
        judged = [moment.judged for moment in found.values()]
        said = [(name, len(of)) for name, of in facts.notes.items() if name.startswith("workload:")]
        stamp = repr((judged, own, said, facts.workloads, facts.launches))
        return LabView(rows, found, stamp, queue, _waiting(facts.studies, queue))

    def _follow(self, studies: Iterable[StudyRecord], lab: Lab, pulse: Pulse) -> None:
        last = self._last
        if last is None or last.file != pulse.file:
            self._courses, since = {}, 0
        else:
            since = last.revision
        values: dict[int, list[float]] = {}
        for study, value in lab.values(newer_than=since, until=pulse.revision):
            values.setdefault(study, []).append(value)
        minimize = {one.id: one.minimize for one in studies}
        for study, found in values.items():
            course = self._courses.get(study, Course())
            self._courses[study] = course.then(found, minimize=minimize.get(study, True))
        self._last = pulse


def _waiting(studies: Iterable[StudyRecord], queue: Sequence[str]) -> int:
    names = set(queue)
    return sum(
        n
        for one in studies
        if one.name in names
        for state, n in one.counts.items()
        if state not in ENDED and state != "running"
    )
