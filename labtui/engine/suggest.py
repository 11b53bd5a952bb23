"""The next point of a bayesian study: a function of the study, its number and the trials known.

What was known is kept with every suggestion, so that it can be computed again from the lab file.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from labtui.engine.plugins import TrainerError
from labtui.engine.suggest_space import Candidate, SearchSpace
from labtui.study.halton import mix, unit
from labtui.study.inheritance import inherit
from labtui.study.plan import arm_label, arms, trial_seed
from labtui.study.spec import Study

if TYPE_CHECKING:
    from labtui.analysis.runs import Floats
    from labtui.engine.suggest_model import Belief

METHOD = "bayesian-1"
"""Name of the method; a change of any suggestion is a new version."""

EVENT = "suggestion"
"""Kind of the row of ``events`` that says what a suggestion rests on."""

EXTRA = "labtui[bayes]"
LIBRARIES = ("scikit-learn", "scipy", "numpy")

FEWEST = 5
"""Trials with a value without which points come from the study's own Halton sequence: a Gaussian
process of several length scales says nothing when it has fewer points than it has parameters."""

MOST = 80
"""Trials that a suggestion looks at: its cost grows with their cube. See `looked_at`."""

ALL_OVER = 384
"""Candidates all over the space, from a Halton sequence of the suggestion's own."""

BEST, AROUND, WIDTHS = 4, 32, (0.3, 0.1, 0.03)
"""Then, in boxes of these widths (in shares of each range) around the four best so far, so many
more: the last is finer than the differences that anybody would tune for."""

_SALT = 0x62617965736961


class MissingExtra(TrainerError):
    """The library that suggests is not installed; says how to get it."""


class Incomputable(Exception):
    """A suggestion cannot be computed again; the message says why."""


@dataclass(frozen=True)
class Known:
    """An ended trial.

    Attributes:
        id: In the lab.
        params: Its configuration.
        value: The objective, lower is better; NaN where it could not be trained.
    """

    id: int
    params: Mapping[str, Any]
    value: float


@dataclass(frozen=True)
class Evidence:
    """What a suggestion rests on: ended trials, and those that are still to end."""

    known: Sequence[Known]
    pending: Sequence[tuple[int, Mapping[str, Any]]] = ()

    def to_json(self) -> dict[str, list[int]]:
        """Return the ids."""
        return {"known": [k.id for k in self.known], "pending": [p[0] for p in self.pending]}


@dataclass(frozen=True)
class Suggestion:
    """The next trial of a study.

    Attributes:
        number: Of the trial in its study; the arms take turns.
        arm: Its label.
        source: ``model``, or ``halton`` where too little was known.
    """

    number: int
    arm: str
    candidate: Candidate
    seed: int
    source: str


def check_sampler(study: Study) -> None:
    """See whether what a study's sampler needs is installed.

    Raises:
        MissingExtra: It is not.
    """
    if study.sampler == "bayesian":
        check_extra()


def check_extra() -> None:
    """See whether the library that suggests is installed, without loading it.

    Raises:
        MissingExtra: It is not.
    """
    if find_spec("sklearn") is None:
        raise MissingExtra(
            "sampler: bayesian needs scikit-learn, which this Python does not have: "
            f"pip install '{EXTRA}', or leave the sampler out for Halton points"
        )


def libraries() -> dict[str, str]:
    """Give the versions of the libraries that a suggestion rests on."""
    return {name: version(name) for name in LIBRARIES}


# -- the suggestion -------------------------------------------------------------------------


def sampler_seed(study: Study, number: int) -> int:
    """Return the seed of one suggestion's candidates."""
    return mix(mix(mix(study.seed) ^ _SALT) ^ number)


def suggest(
    study: Study, columns: Mapping[str, int], number: int, evidence: Evidence
) -> Suggestion:
    """Return trial `number` of a bayesian study, a pure function of its arguments.

    Args:
        study: A study that was checked, with what it inherits.
        columns: The column of the sequence of every hyperparameter that is drawn.
        number: Of the trial; `number` modulo the number of arms is the arm.
        evidence: What is known by then.
    """
    every = arms(study)
    point, index = divmod(number, len(every))
    space = SearchSpace(study, every[index])
    found = _modelled(space, columns, sampler_seed(study, number), evidence)
    source = "model" if found else "halton"
    if found is None:
        found = space.configuration(lambda name: unit(study.seed, columns[name], point))
    label, seed = arm_label(every[index]), trial_seed(study.seed, number)
    return Suggestion(number, label, found, seed, source)


def _modelled(
    space: SearchSpace, columns: Mapping[str, int], seed: int, evidence: Evidence
) -> Candidate | None:
    """Return the best candidate that a model finds; None where there is too little for one."""
    trained = [known for known in evidence.known if math.isfinite(known.value)]
    if sum(space.in_arm(known.params) for known in trained) < FEWEST or not space.names:
        return None
    import numpy as np

    from labtui.engine.suggest_model import believe, single_thread

    known = evidence.known
    with single_thread():
        try:
            belief = believe(
                space.features([one.params for one in known]),
                np.array([one.value for one in known]),
                np.array([space.in_arm(one.params) for one in known]),
                space.features([params for _, params in evidence.pending]),
            )
        except np.linalg.LinAlgError:  # a sequence goes on where a model cannot
            return None
        return _best(space, columns, seed, belief, _tried(evidence))


def _best(
    space: SearchSpace, columns: Mapping[str, int], seed: int, belief: Belief, tried: set[str]
) -> Candidate:
    """Search for the highest score: all over the space, then ever closer around the best."""
    candidates = list(space.spread(seed, columns, ALL_OVER))
    scores = _scores(space, belief, candidates, tried)
    for turn, width in enumerate(WIDTHS):
        leaders = sorted(range(len(candidates)), key=lambda i: -scores[i])[:BEST]
        closer = [
            candidate
            for index in leaders
            for candidate in space.near(
                candidates[index].unit, width, mix(seed + turn), columns, AROUND
            )
        ]
        scores += _scores(space, belief, closer, tried)
        candidates += closer
    return candidates[max(range(len(candidates)), key=lambda i: scores[i])]


def _scores(
    space: SearchSpace, belief: Belief, candidates: Sequence[Candidate], tried: set[str]
) -> list[float]:
    scores: Floats = belief.score(space.features([candidate.params for candidate in candidates]))
    return [
        -math.inf if _text(candidate.params) in tried else float(score)
        for candidate, score in zip(candidates, scores, strict=True)
    ]


def _tried(evidence: Evidence) -> set[str]:
    """Give the configurations that need no second trial: another seed is a rerun's matter (P28)."""
    ended = (known.params for known in evidence.known)
    return {_text(params) for params in (*ended, *(params for _, params in evidence.pending))}


def _text(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)


# -- the lab --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A bayesian study as the lab has it.

    Attributes:
        id: In the lab.
        study: With what it inherits.
        columns: The column of every hyperparameter that is drawn.
        parents: Ids of the comparable studies that it goes on from, the nearest first.
    """

    id: int
    study: Study
    columns: Mapping[str, int]
    parents: tuple[int, ...]


_ALIKE = ("workload", "metric", "direction", "selection", "trainer", "max_train_steps")
"""What two studies must share for the trials of one to say something of the other's values."""


def read_source(connection: sqlite3.Connection, study: int) -> Source:
    """Read a bayesian study, and which of the studies before it are comparable."""
    row = _row(connection, "s.id = ?", study)
    columns = connection.execute(
        "SELECT name, sequence_column FROM hyperparameters "
        "WHERE study = ? AND sequence_column IS NOT NULL",
        (study,),
    )
    whole = inherit(Study.from_json(row["spec"]), row["inherited"])
    parents = tuple(_comparable(connection, row))
    return Source(study, whole, dict(columns.fetchall()), parents)


def _row(connection: sqlite3.Connection, where: str, key: object) -> dict[str, Any]:
    cursor = connection.execute(
        "SELECT s.id, s.name, s.workload, s.metric, s.direction, s.selection, s.spec, s.inherited "
        f"FROM studies s WHERE {where}",
        (key,),
    )
    found = cursor.fetchone()
    if found is None:
        return {}
    names = [column[0] for column in cursor.description]
    row = dict(zip(names, found, strict=True))
    row["spec"], row["inherited"] = json.loads(row["spec"]), json.loads(row["inherited"])
    row["trainer"] = row["spec"].get("trainer")
    row["max_train_steps"] = (row["spec"].get("budget") or {}).get("max_train_steps")
    return row


def _comparable(connection: sqlite3.Connection, row: Mapping[str, Any]) -> list[int]:
    found: list[int] = []
    for parent in _ancestors(connection, row):
        if all(parent[key] == row[key] for key in _ALIKE):
            found.append(parent["id"])
    return found


def _ancestors(connection: sqlite3.Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seen = {row["name"]}
    parent = row
    while (name := (parent["spec"].get("follows") or {}).get("study")) and name not in seen:
        seen.add(name)
        parent = _row(connection, "s.name = ?", name)
        if not parent:
            break
        found.append(parent)
    return found


def lacking(connection: sqlite3.Connection, study: int) -> str:
    """Say why a study begins with Halton points; empty where its parents' trials suffice."""
    source = read_source(connection, study)
    row = _row(connection, "s.id = ?", study)
    begins = f"it begins with Halton points, until {FEWEST} trials of each arm have a value"
    for parent in [] if source.parents else _ancestors(connection, row)[:1]:
        unlike = [key for key in _ALIKE if parent[key] != row[key]]
        return f"no trial of {parent['name']} is prior data: another {', '.join(unlike)}; {begins}"
    for number, arm in enumerate(arms(source.study)):
        space, known = SearchSpace(source.study, arm), read_evidence(connection, source, number)
        count = sum(space.in_arm(one.params) and math.isfinite(one.value) for one in known.known)
        if count < FEWEST:
            of = f" of {arm_label(arm)}" if arm else ""
            return (
                f"{count} of the parents' trials{of} have a value and lie near its space; {begins}"
            )
    return ""


def read_evidence(connection: sqlite3.Connection, source: Source, number: int) -> Evidence:
    """Read what is known for a suggestion now: committed ends, and trials still to end."""
    every = arms(source.study)
    space = SearchSpace(source.study, every[number % len(every)])
    known: list[Known] = []
    pending: list[tuple[int, Mapping[str, Any]]] = []
    for study in (source.id, *source.parents):
        for trial, params, state, value in _trials(connection, study):
            if not space.usable(params):
                continue
            if state in ("queued", "running"):
                pending += [(trial, params)] if study == source.id else []
            elif state != "stopped":  # a person's doing says nothing of the place
                known.append(Known(trial, params, value if state == "completed" else math.nan))
    return Evidence(looked_at(space, known), pending)


def looked_at(space: SearchSpace, known: Sequence[Known]) -> list[Known]:
    """Choose the trials that a suggestion looks at, at most `MOST`.

    The best of the arm fill up to half of them; then come others of the arm, then those of other
    arms, in the order given.
    """
    own = [one for one in known if space.in_arm(one.params)]
    best = sorted((o for o in own if math.isfinite(o.value)), key=lambda one: one.value)
    chosen = best[: MOST // 2]
    taken = {one.id for one in chosen}
    rest = [one for one in known if one.id not in taken]
    rest.sort(key=lambda one: not space.in_arm(one.params))
    return [*chosen, *rest][:MOST]


def read_again(connection: sqlite3.Connection, source: Source, data: Mapping[str, Any]) -> Evidence:
    """Read what was known for a suggestion, from the ids that were kept with it.

    Raises:
        Incomputable: A trial is not in the lab any more.
    """
    wanted = [*data["known"], *data["pending"]]
    rows = {
        trial: (params, value if state == "completed" else math.nan)
        for study in (source.id, *source.parents)
        for trial, params, state, value in _trials(connection, study)
    }
    if missing := [trial for trial in wanted if trial not in rows]:
        raise Incomputable(f"trial {missing[0]} is not in the lab any more")
    known = [Known(trial, *rows[trial]) for trial in data["known"]]
    return Evidence(known, [(trial, rows[trial][0]) for trial in data["pending"]])


def _trials(
    connection: sqlite3.Connection, study: int
) -> list[tuple[int, dict[str, Any], str, float]]:
    """Give id, configuration, state and objective of a study's trials, the newest first."""
    rows = connection.execute(
        "SELECT t.id, t.params, t.state, "
        "iif(s.selection = 'best', t.best_value, t.last_value), s.direction "
        "FROM trials t JOIN studies s ON s.id = t.study WHERE s.id = ? ORDER BY t.id DESC",
        (study,),
    )
    return [
        (trial, json.loads(params), state, _lower(value, direction))
        for trial, params, state, value, direction in rows
    ]


def _lower(value: float | None, direction: str) -> float:
    if value is None or not math.isfinite(value):
        return math.nan
    return value if direction == "minimize" else -value
