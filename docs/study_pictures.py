"""Draws the pictures of findings about studies: runs the study, judges it, draws what shows it.

A page says which study and which figures:

    <!-- picture: study search-boundary.yaml axis:learning_rate -->

Studies are in docs/findings/studies. Figures are those of `labtui plot`: `axis:NAME`,
`isolation:NAME`, `budget`, `best-step`, `curves:METRIC`; and `norms` (the histogram of the
gradient's norms, with the threshold of clipping), `waiting` (what a step waits for data) and
`plane:NAME:NAME` (where in a plane the best trials lie). A trial is chosen by `trial=NUMBER`.
Levels that the finding's evidence names are marked.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labtui.analysis.findings import Finding
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.check import check_study
from labtui.verdicts.figures_stability import norm_plots
from labtui.verdicts.gallery import Choice, figures_of
from labtui.verdicts.text import number

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "docs" / "findings" / "studies"

LONGEST = 120
"""Seconds that a study may take: each takes a few."""

BEST_SHARE = 0.25
"""Of the trials: those that a plane shows bright."""

LEVELS = {
    "threshold": ("x", "not trainable beyond"),
    "unstable_above": ("x", "unstable above"),
    "objective_limit": ("y", "limit of the good region"),
    "chance": ("y", "chance"),
}
"""Numbers of the evidence that are marked: on which axis, with which words."""


@dataclass(frozen=True)
class StudyPicture:
    """What a page asks for.

    Attributes:
        study: A file in docs/findings/studies.
        figures: Each a kind, with names after colons.
        trial: The number of the trial to look at; None for all, or the best.
    """

    study: str
    figures: tuple[str, ...]
    trial: int | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """A lab with one study in it, and the finding that is to be shown."""

    lab: Lab
    study: StudyRecord
    trials: Sequence[TrialRecord]
    findings: Sequence[Finding]
    found: Finding


def read(text: str) -> StudyPicture | None:
    """Read a comment; None where it does not name a study and a figure."""
    words = text.split()
    if len(words) < 3 or words[0] != "study":
        return None
    trial = next((int(word[6:]) for word in words if re.fullmatch(r"trial=\d+", word)), None)
    figures = tuple(word for word in words[2:] if "=" not in word)
    return StudyPicture(words[1], figures, trial) if figures else None


@contextmanager
def judged(code: str, picture: StudyPicture) -> Iterator[Judged]:
    """Run a study, and judge it.

    Raises:
        LookupError: The study does not show the finding.
    """
    with tempfile.TemporaryDirectory(prefix="labtui-picture-") as folder:
        paths = LabPaths(Path(folder) / "lab.db")
        _run(paths.db, STUDIES / picture.study)
        with Lab(paths) as lab:
            study = lab.studies()[0]
            trials = lab.trials(study.name)
            findings = check_study(lab, study, trials).verdict.findings
            found = example(code, picture, study, findings)
            yield Judged(lab, study, trials, findings, found)


def _run(lab: Path, study: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "labtui", "--lab", str(lab), "run", str(study)],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        check=True,
        capture_output=True,
        timeout=LONGEST,
    )


def example(
    code: str, picture: StudyPicture, study: StudyRecord, findings: Sequence[Finding]
) -> Finding:
    """Give the finding about the trial or the hyperparameter that is drawn.

    Raises:
        LookupError: There is none.
    """
    found = [one for one in findings if one.code == code]
    if picture.trial is not None:
        name = f"{study.name}/{picture.trial}"
        found = [one for one in found if one.subject.get("trial") == name]
    if not found:
        raise LookupError(f"{picture.study} is no example of {code}")
    drawn = [name for figure in picture.figures for name in figure.split(":")[1:]]
    about = [one for one in found if one.subject.get("hyperparameter") in drawn]
    return next(iter([*about, *found]))


def figures(picture: StudyPicture, seen: Judged) -> Iterator[ChartSpec]:
    """Describe the figures of a picture."""
    for figure in picture.figures:
        kind, *names = figure.split(":")
        if kind == "plane":
            yield _plane(seen, *names)
        elif kind == "waiting":
            yield _waiting(seen, _trial(seen, picture))
        elif kind == "norms":
            yield _norms(seen, _trial(seen, picture))
        else:
            yield from _plotted(seen, kind, names)


def _trial(seen: Judged, picture: StudyPicture) -> TrialRecord:
    return next(one for one in seen.trials if one.number == picture.trial)


def _plotted(seen: Judged, kind: str, names: Sequence[str]) -> Iterator[ChartSpec]:
    """Describe a figure as `labtui plot` does, and mark the levels of the evidence."""
    name = names[0] if names else None
    choice = Choice(metrics=names) if kind == "curves" else Choice(hyperparameter=name)
    shown = [one for one in seen.findings if one.code == "search-boundary"]
    for one in figures_of(seen.lab, seen.study, seen.trials, kind, choice, shown):
        yield replace(one.spec, marks=(*one.spec.marks, *_levels(seen)))


def _levels(seen: Judged) -> Iterator[Mark]:
    evidence = seen.found.evidence
    for key, (axis, words) in LEVELS.items():
        value = evidence.get(key)
        if isinstance(value, (int, float)):
            yield Mark("x" if axis == "x" else "y", value, f"{words} {number(value)}", "reference")
    if "binomial_error" in evidence:
        worse = 1 if seen.study.minimize else -1
        limit = evidence["best"] + worse * evidence["binomial_error"]
        yield Mark("y", limit, "one standard error from the best", "reference")


def _norms(seen: Judged, trial: TrialRecord) -> ChartSpec:
    (found,) = norm_plots(seen.lab, [trial])
    limit = float(trial.params["clip_norm"])
    mark = Mark("x", limit, f"clip_norm {number(limit)}", "bound")
    return replace(found.histogram, marks=(mark,))


def _waiting(seen: Judged, trial: TrialRecord) -> ChartSpec:
    """Describe the seconds of each step, and how many of them were spent waiting."""
    names = {"step_time": "a whole step", "data_wait": "waiting for data"}
    series = []
    for name, words in names.items():
        (curve,) = seen.lab.curves([trial.id], name)
        series.append(Series(curve.steps, curve.values, words, key=name))
    highest = max(float(value) for one in series for value in one.y)
    return ChartSpec(
        title=f"{seen.study.name}, trial {trial.number}: what a step takes",
        x=Axis("step"),
        y=Axis("seconds", limits=(0.0, 1.05 * highest)),
        series=tuple(series),
    )


def _plane(seen: Judged, across: str, up: str) -> ChartSpec:
    """Describe where the best trials lie in the plane of two hyperparameters."""
    definitions = {one["name"]: one for one in seen.lab.hyperparameters(seen.study.name)}
    axes = [_axis(definitions[name]) for name in (across, up)]

    def place(trial: TrialRecord) -> list[float]:
        values = [(definitions[name], float(trial.params[name])) for name in (across, up)]
        return [1 - value if one.get("one_minus") else value for one, value in values]

    ended = [t for t in seen.trials if t.state in ("completed", "infeasible")]
    worst = math.inf if seen.study.minimize else -math.inf
    values = [t.value if t.state == "completed" and t.value is not None else worst for t in ended]
    order = np.argsort([v if seen.study.minimize else -v for v in values], kind="stable")
    best = order[: round(BEST_SHARE * len(ended))]
    clouds = [np.array([place(ended[i]) for i in part]) for part in (best, order[len(best) :])]
    return ChartSpec(
        title=f"the best {len(best)} of {len(ended)} trials at {seen.study.metric}",
        x=axes[0],
        y=axes[1],
        series=(
            Series(clouds[1][:, 0], clouds[1][:, 1], "the others", "points", "all", emphasis=False),
            Series(clouds[0][:, 0], clouds[0][:, 1], f"best {len(best)}", "points", "best"),
        ),
    )


def _axis(definition: dict[str, Any]) -> Axis:
    name = str(definition["name"])
    return Axis(
        f"1 - {name}" if definition.get("one_minus") else name,
        scale="log" if definition.get("scale") == "log" else "linear",
    )
