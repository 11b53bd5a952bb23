"""AlgoPerf log folders: a study per ruleset, submission and workload.

``…/logs/<ruleset>/<submission>/study_<k>/<workload>_<framework>/trial_<i>/measurements.csv``, with
hparams.json, meta_data_0.json and flags_0.json beside it as far as they are there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count, groupby
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from labtui.interop.importing.algoperf_csv import read_measurements
from labtui.interop.importing.algoperf_places import (
    BESIDE,
    FILES,
    FRAMEWORK,
    TASKS,
    Place,
    find_places,
    read_json,
    with_frameworks,
)
from labtui.interop.importing.definitions import scalars
from labtui.interop.importing.goals import goal_of
from labtui.interop.importing.judging import ending
from labtui.interop.importing.types import (
    BadTrial,
    ImportFailed,
    Skipped,
    StudySource,
    TrialRead,
    TrialSource,
    fingerprint,
)
from labtui.interop.importing.values import MOST_STEPS, whole
from labtui.study.model import Hyperparameter

FEWEST_EVALUATIONS = 2
"""A trial with fewer says nothing about training: its first is of the untrained model."""

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
"""A number as JSON writes it."""

LONGEST_HEADER = 100_000
"""Characters of a header that are looked at; those of the benchmark have some 400."""

CHANCE = {"imagenet": {"accuracy": 0.001}, "wmt": {"bleu": 0.0}}
"""What an untrained model reaches, where it is known: one of 1,000 classes, no matching words."""


def read_folder(root: Path, name: str | None = None) -> list[StudySource]:
    """Find the studies below a folder, at whatever level of the layout it is.

    Args:
        root: The folder.
        name: Another name for the study, if there is one alone.

    Raises:
        ImportFailed: There is no trial, or `name` is to name several studies.
    """
    skipped: list[Skipped] = []
    found = with_frameworks(find_places(root, skipped))
    places = sorted(found, key=lambda place: place.order)
    if not places:
        told = "".join(f"; {one.where}: {one.reason}" for one in skipped[:3])
        raise ImportFailed(f"{root}: found no folder with {FILES[0]}; expected AlgoPerf logs{told}")
    several = len({place.leaderboard for place in places}) > 1
    groups = [list(group) for _, group in groupby(places, key=lambda place: place.group)]
    if name is not None and len(groups) > 1:
        raise ImportFailed(
            f"{root}: found {len(groups)} studies; --study names one: import a folder that holds "
            "one, or leave --study out"
        )
    groups.sort(key=lambda group: all(place.problem for place in group))
    studies = [_study(root, group, name, several=several) for group in groups]
    first, trials = studies[0], studies[0].trials
    return [replace(first, trials=lambda: chain(skipped, trials())), *studies[1:]]


# -- studies --------------------------------------------------------------------------------


@dataclass
class _Group:
    """The trials of one study, and what they share."""

    places: list[Place]
    metric: str
    planned: int
    points: dict[str, int] = field(default_factory=dict)  # configuration → its point
    space: Any = None
    notes: tuple[str, ...] = ()


def _study(root: Path, places: list[Place], name: str | None, *, several: bool) -> StudySource:
    first = places[0]
    group = _describe(places)
    named = [first.ruleset, first.submission, first.workload]
    full = ".".join(part for part in [first.leaderboard if several else "", *named] if part)
    ranges = _ranges(group) if isinstance(group.space, dict) else None
    return StudySource(
        name=name or full or "imported",
        identity="/".join(["algoperf", first.leaderboard, *named]),
        format="algoperf",
        root=str(root.resolve()),
        workload=first.workload,
        goal=f"Which configuration of {first.submission} is best on {first.workload}?",
        metric=group.metric,
        direction=goal_of(group.metric) or "minimize",
        trials=lambda: _trials(group),
        points=ranges is None,
        definitions=ranges,
        metrics=_metrics(group),
        key_of=_key,
        notes=group.notes,
        longer="" if name else ".".join(part for part in [first.leaderboard, *named] if part),
    )


def _key(source: str, repetition: int) -> str:
    """Tell trials of a study apart wherever the import began: ``study_2/trial_1``."""
    return f"study_{repetition}/{PurePosixPath(source).name}"


def _describe(places: list[Place]) -> _Group:
    metas = (read_json(place.folder / "meta_data_0.json") for place in places)
    meta = next((found for found in metas if found), {})
    base = FRAMEWORK.sub("", places[0].workload)
    task = next((task for known, task in TASKS.items() if base.startswith(known)), None)
    leaf = str(meta.get("workload.target_metric_name") or (task[0] if task else ""))
    if goal_of(leaf) is None:
        leaf = task[0] if task else _likely(places)
    flags = read_json(places[0].folder / "flags_0.json")
    told = (meta.get("workload.step_hint"), task and task[1], flags.get("max_global_steps"))
    planned = next((steps for steps in map(_steps, told) if steps), 0)
    group = _Group(places, f"validation/{leaf.replace('ctc_loss', 'loss')}", planned)
    group.space, group.notes = _search_space(places[0])
    listed = group.space if isinstance(group.space, list) else []
    for index, point in enumerate(listed):
        group.points.setdefault(_canonical(_plain(point)), index)
    beyond = count(len(listed))
    unlisted = 0
    for place in places:
        params = _hparams(place.folder)
        unlisted += bool(listed) and params != {} and _listed(params, group) is None
        if _point(params, group) is None:
            group.points[_canonical(params)] = next(beyond)
    told_so = f"{unlisted} trials are at no point of tuning_search_space.json"
    group.notes += (*_notes(places), *((told_so,) if unlisted else ()))
    return group


def _likely(places: Sequence[Place]) -> str:
    """Choose the objective of a workload that nobody describes: the loss, else what says a goal."""
    leaves = [leaf for place in places[:3] for leaf in _logged_leaves(place)]
    return "loss" if "loss" in leaves else next(filter(goal_of, leaves), "loss")


def _steps(value: Any) -> int:
    found = None if isinstance(value, bool) else _whole(value)
    return found if found is not None and 0 < found <= MOST_STEPS else 0


def _whole(value: Any) -> int | None:
    return None if isinstance(value, (list, dict)) else whole(value)


def _search_space(place: Place) -> tuple[Any, tuple[str, ...]]:
    """Read the search space of a submission: a list of points, or ranges; None if not there."""
    tail = Path("submissions", place.ruleset, place.submission, "tuning_search_space.json")
    above = [place.top] if place.top else []
    for folder in [*above, *list(place.folder.parents)[:7]]:
        try:
            found = json.loads((folder / tail).read_text("utf-8-sig"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError, RecursionError) as error:
            return None, (f"{tail.name} cannot be read: {error}; taken from the trials",)
        if isinstance(found, list) and all(isinstance(point, dict) for point in found):
            return found, ()
        if isinstance(found, dict) and found:
            return found, ()
        return None, (f"{tail.name} is no list of points and no ranges; taken from the trials",)
    return None, ()


def _ranges(group: _Group) -> dict[str, list[dict[str, Any]]] | None:
    """Read a search space of ranges: ``{"learning_rate": {"min": …, "max": …, "scaling": …}}``."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, entry in group.space.items():
        if isinstance(entry, dict) and "min" in entry and "max" in entry:
            scale = "log" if entry.get("scaling") == "log" else "linear"
            bounds = [entry["min"], entry["max"]]
            found[name] = [{"role": "nuisance", "scale": scale, "range": bounds}]
        else:
            values = entry.get("feasible_points", []) if isinstance(entry, dict) else [entry]
            one = isinstance(values, list) and len(values) == 1
            definition = {"role": "fixed", "value": values[0]} if one else {"values": values}
            found[name] = [{"role": "nuisance", **definition}]
    try:
        valid = TypeAdapter(dict[str, list[Hyperparameter]])
        valid.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        group.notes += (
            f"tuning_search_space.json: {place}: {first['msg']}; taken from the trials",
        )
        return None
    return found


def _notes(places: Sequence[Place]) -> Iterator[str]:
    """Say which descriptions are missing or broken."""
    usable = [place for place in places if not place.problem]
    for name in BESIDE[:2]:
        if name == BESIDE[0] and places[0].ruleset != "external_tuning":
            continue
        files = [place.folder / name for place in usable]
        broken = [path for path in files if os.path.lexists(path) and not read_json(path)]
        missing = sum(not os.path.lexists(path) for path in files)
        if missing:
            yield f"{missing} trials without {name}"
        if broken:
            yield f"{len(broken)} trials with a {name} that is no JSON object"


def _metrics(group: _Group) -> dict[str, dict[str, Any]]:
    """Say what is known of the workload's metrics, for its card."""
    place = group.places[0]
    meta = read_json(place.folder / "meta_data_0.json")
    examples = {
        "train": meta.get("workload.num_eval_train_examples"),
        "validation": meta.get("workload.num_validation_examples"),
        "test": meta.get("workload.num_test_examples"),
    }
    chances = next((c for known, c in CHANCE.items() if place.workload.startswith(known)), {})
    leaves = dict.fromkeys(["loss", group.metric.rpartition("/")[2], *_logged_leaves(place)])
    found: dict[str, dict[str, Any]] = {"loss": {"goal": "minimize"}}
    for split, number in examples.items():
        for leaf in leaves:
            entry = {"goal": goal_of(leaf), "chance": chances.get(leaf), "examples": number}
            found[f"{split}/{leaf}"] = {k: v for k, v in entry.items() if v is not None}
    return found


def _logged_leaves(place: Place) -> Iterator[str]:
    try:
        with (place.folder / place.file).open(encoding="utf-8-sig", errors="replace") as stream:
            header = stream.readline(LONGEST_HEADER).strip().split(",")
    except OSError:
        return  # reading the trial says so
    for name in header:
        split, _, leaf = name.strip('" ').partition("/")
        if split == "validation" and leaf and leaf != "num_examples":
            yield leaf.replace("ctc_loss", "loss")


# -- trials ---------------------------------------------------------------------------------


def _trials(group: _Group) -> Iterator[TrialSource | Skipped]:
    for place in group.places:
        yield Skipped(place.source, place.problem) if place.problem else _trial(place, group)


def _trial(place: Place, group: _Group) -> TrialSource:
    path = place.folder / place.file

    def mark() -> str:
        beside = [_bytes(place.folder / name, place, needed=False) for name in BESIDE[:2]]
        return fingerprint(_bytes(path, place), *beside)

    return TrialSource(
        source=place.source,
        key=_key(place.source, place.study),
        file=path.name,
        fingerprint=mark,
        read=lambda: _read(place, path, group),
        repetition=place.study,
    )


def _bytes(path: Path, place: Place, *, needed: bool = True) -> bytes:
    try:
        return path.read_bytes() if needed or path.exists() else b""
    except OSError as error:
        where = f"{place.source}/{path.name}"
        raise BadTrial(where, f"cannot be read: {error.strerror}") from error


def _read(place: Place, path: Path, group: _Group) -> TrialRead:
    where = f"{place.source}/{path.name}"
    found = read_measurements(_bytes(path, place), where)
    meta = read_json(place.folder / "meta_data_0.json", cached=False)
    params = _hparams(place.folder)
    notes = list(found.notes)
    if path.name != FILES[0]:
        packed = (place.folder / f"{FILES[0]}.gz").exists()
        told = f" (unpack {FILES[0]}.gz for the rest)" if packed else ""
        notes.append(f"{FILES[0]} missing or empty: evaluations alone{told}")
    state, reason = ending(found.columns, group.metric)
    diverged = reason.startswith("diverged")
    evaluations = max((len(s) for n, (s, _) in found.columns.items() if "/" in n), default=0)
    if not diverged and evaluations < FEWEST_EVALUATIONS:
        state, reason = "infeasible", f"fewer than {FEWEST_EVALUATIONS} evaluations"
    return TrialRead(
        params=params,
        columns=found.columns,
        state=state,
        reason=reason,
        step=found.last_step,
        max_steps=_steps(meta.get("workload.step_hint")) or group.planned or None,
        point=_point(params, group),
        seed=_seed(place.folder, meta),
        seconds=found.seconds,
        device=_device(meta),
        versions={"python": str(meta["python_version"])} if "python_version" in meta else {},
        notes=tuple(notes),
    )


def _point(params: Mapping[str, Any], group: _Group) -> int | None:
    found = group.points.get(_canonical(params))
    return _listed(params, group) if found is None else found


def _listed(params: Mapping[str, Any], group: _Group) -> int | None:
    """Find the listed point that a configuration has; hparams.json may hold more than the list."""
    if not isinstance(group.space, list):
        return None
    for index, point in enumerate(group.space):
        expected = _plain(point)
        if expected and all(
            k in params and _canonical({k: params[k]}) == _canonical({k: v})
            for k, v in expected.items()
        ):
            return index
    return None


def _canonical(params: Mapping[str, Any]) -> str:
    return json.dumps(
        {k: float(v) if type(v) is int and abs(v) < 2**53 else v for k, v in params.items()},
        sort_keys=True,
    )


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a configuration, and take numbers in quotes for numbers."""
    return {
        name: json.loads(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
        for name, value in scalars(found).items()
    }


def _hparams(folder: Path) -> dict[str, Any]:
    return _plain(read_json(folder / "hparams.json", cached=False))


def _seed(folder: Path, meta: Mapping[str, Any]) -> int | None:
    told = read_json(folder / "flags_0.json", cached=False).get("rng_seed", meta.get("rng_seed"))
    found = None if isinstance(told, bool) else _whole(told)
    return found if found is not None and abs(found) < 2**63 else None


def _device(meta: Mapping[str, Any]) -> str:
    model, count = meta.get("gpu_model_name"), meta.get("gpu_count")
    return f"{count} x {model}" if model and count else str(model or "")
