"""The experiment log while people look at it: rows at once, their verdicts as they are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord

MOST_STUDIES = 200
"""Studies that the log shows, the newest: some 2,000 lines, which nobody scrolls further than;
`labtui log` has all."""

JUDGED = ("answer", "verdict", "retrain_deviation")
"""The columns of a row that judging fills."""


@dataclass(frozen=True)
class Moment:
    """A study at one moment: another one is read, or judged, anew.

    Attributes:
        told: What its row rests on.
        judged: What its verdict rests on.
    """

    told: object
    judged: object


@dataclass(frozen=True)
class Facts:
    """What a lab says of its studies beside their trials, each with one query.

    Attributes:
        notes: What they say, of a study and its trials.
        launches: By study, what tells one state of its launches from another.
        workloads: By name, what tells one state of a workload from another.
    """

    studies: Sequence[StudyRecord]
    tags: Mapping[str, Sequence[str]]
    notes: Mapping[str, Sequence[str]]
    launches: Mapping[str, Sequence[object]]
    workloads: Mapping[str, object]

    @classmethod
    def read(cls, lab: Lab) -> Facts:
        """Read them; quick, whatever the lab holds.

        Raises:
            LabError: The lab cannot be read.
        """
        from labtui.verdicts.tagged import study_of

        studies = lab.studies()
        names = {one.name for one in studies}
        notes: dict[str, list[str]] = {}
        for note in lab.all_notes():
            name = study_of(note.subject, names) or note.subject
            notes.setdefault(name, []).append(note.text)
        launches: dict[str, list[object]] = {}
        for launch in lab.launches():
            launches.setdefault(launch.study, []).append(
                (launch.id, launch.updated, launch.adopted)
            )
        workloads = {one.name: (repr(one.card), one.baseline) for one in lab.workloads()}
        return cls(studies, lab.tags(), notes, launches, workloads)


def moments(facts: Facts) -> dict[str, Moment]:
    """Tell one moment of a lab from another, by study."""
    after: dict[str, list[object]] = {}
    for one in facts.studies:
        if one.parent:
            after.setdefault(one.parent, []).append(_counts(one))
    found = {}
    for one in facts.studies:
        name, decided, counts = one.name, facts.launches.get(one.name), _counts(one)
        judged = counts, after.get(name), facts.workloads.get(one.workload), decided
        told = counts, one.reason, len(facts.notes.get(name, ())), facts.tags.get(name), decided
        found[name] = Moment(told, judged)
    return found


def _counts(study: StudyRecord) -> object:
    counts = tuple(sorted(study.counts.items()))
    return study.id, study.created, study.state, study.total, counts, study.spec_json


class Journal:
    """Keeps the rows of the log.

    Attributes:
        rows: By study, the newest first; see `labtui.interop.experiment_log.log_row`.
        total: How many studies the lab holds.
    """

    def __init__(self, paths: LabPaths) -> None:
        """Begin with nothing of the lab at `paths`."""
        self._paths = paths
        self._told: dict[str, object] = {}
        self._judged: dict[str, object] = {}
        self.rows: Mapping[str, Mapping[str, Any]] = {}
        self.total = 0

    def read(self, moments: Mapping[str, Moment]) -> None:
        """Read the rows of the studies that changed; what was judged of them stays meanwhile.

        Raises:
            LabError: The lab cannot be read.
        """
        from labtui.interop.experiment_log import Exported, log_row
        from labtui.store.lab import Lab
        from labtui.verdicts.experiment_log import Wanted, chosen

        rows: dict[str, Mapping[str, Any]] = {}
        with Lab(self._paths) as lab:
            studies = [one for one in chosen(lab, Wanted()) if one.name in moments]
            for study in studies[:MOST_STUDIES]:
                name = study.name
                known, told = self.rows.get(name), moments[name].told
                if known is None or self._told.get(name) != told:
                    row = log_row(lab, Exported(study, lab.trials(name)))
                    rows[name] = row | {key: known[key] for key in JUDGED if known}
                    self._told[name] = told
                else:
                    rows[name] = known
        self.rows, self.total = rows, len(studies)

    def due(self, moments: Mapping[str, Moment]) -> list[str]:
        """Name the studies to judge: those that never were first, then those that changed."""
        due = [
            name
            for name in self.rows
            if name in moments and self._judged.get(name) != moments[name].judged
        ]
        order = {name: place for place, name in enumerate(self._judged)}
        return sorted(due, key=lambda name: order.get(name, -1))

    def is_judged(self, name: str) -> bool:
        """Say whether a study has been judged, be it at an earlier moment."""
        return name in self._judged

    def judge(self, name: str, moment: Moment) -> None:
        """Judge a study as `labtui log` does; why it cannot be judged is its verdict then.

        Raises:
            LabError: The lab cannot be read.
        """
        from labtui.interop.experiment_log import log_row
        from labtui.store.errors import LabError
        from labtui.tui.lab.still import StillLab
        from labtui.verdicts.exports import logged

        with StillLab(self._paths) as lab:
            try:
                (found,) = logged(lab, [lab.study(name)])
                row = log_row(lab, found)
            except LabError:
                raise
            except Exception as error:  # the other studies are judged all the same
                told = f"cannot be judged: {type(error).__name__}: {error}"
                row = {**self.rows[name], "verdict": told}
        self.rows = {**self.rows, name: row}
        self._judged.pop(name, None)  # to the end: it was judged last
        self._judged[name] = moment.judged
