"""Folders of TensorBoard event files: every folder that holds some is a trial."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from labtui.interop.importing.goals import goal_of
from labtui.interop.importing.hparams import Plugin
from labtui.interop.importing.judging import ending
from labtui.interop.importing.types import (
    BadTrial,
    ImportFailed,
    StudySource,
    TrialRead,
    TrialSource,
    fingerprint,
)
from labtui.interop.importing.values import Curves
from labtui.trainer.eventfile import FOOTER, HEADER, Event, masked_crc, scalars

LARGEST = 1 << 20
"""Bytes of a record that may hold scalars or a configuration; images and graphs are passed over."""

SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
"""Names of splits, as folders and as parts of tags, and labtui's names for them."""

_SPLIT_FIRST = re.compile(rf"({'|'.join(SPLITS)})[_/](.+)", re.IGNORECASE)
_SPLIT_LAST = re.compile(rf"(.+)/({'|'.join(SPLITS)})", re.IGNORECASE)
_OWN_FOLDER = re.compile(r"\d{9,}(\.\d+)?")  # what torch's add_hparams makes, by the time


def metric_name(tag: str) -> str:
    """Give labtui's name of a tag: ``val_loss``, ``Loss/val``, ``validation/epoch_loss`` are
    ``validation/loss``; others stay.
    """
    found = _SPLIT_FIRST.fullmatch(tag)
    if found:
        split, leaf = found[1], found[2]
    elif found := _SPLIT_LAST.fullmatch(tag):
        split, leaf = found[2], found[1].lower()
    else:
        return tag
    return f"{SPLITS[split.lower()]}/{leaf.removeprefix('epoch_')}"


@dataclass
class Run:
    """The event files of one trial, each with what is put before its tags."""

    folder: Path
    files: list[tuple[Path, str]] = field(default_factory=list)


@dataclass
class Found:
    """What was read of a trial."""

    curves: Curves = field(default_factory=Curves)
    plugin: Plugin = field(default_factory=Plugin)
    faults: list[str] = field(default_factory=list)


def read_folder(
    source: Path, name: str | None = None, metric: str | None = None, goal: str | None = None
) -> StudySource:
    """Find the study in a folder of event files.

    Args:
        source: The folder, or one event file.
        name: What the lab calls the study; by default the folder's name.
        metric: The objective; by default the first metric of the HParams plugin.
        goal: ``minimize`` or ``maximize``; by default what the metric's name says.

    Raises:
        ImportFailed: There are no event files, or the objective is not known.
    """
    base = source.resolve()
    top = base if base.is_dir() else base.parent
    runs = _runs(base)
    if not runs:
        raise ImportFailed(f"{source}: found no event files (*tfevents*) in it or below")
    experiment = Plugin()
    for run in runs:
        if run.folder == top:
            experiment = read_run(run).plugin
    with_points = [run for run in runs if not _is_experiment(run, top)]
    objective = _objective(source, with_points or runs, experiment, metric)
    direction = goal or goal_of(objective)
    if direction is None:
        raise ImportFailed(
            f"--goal: nobody says which way {objective!r} is better; add --goal minimize or "
            "--goal maximize"
        )
    called = name or top.name or "tensorboard"
    return StudySource(
        name=called,
        identity=f"tensorboard/{called}",
        format="tensorboard",
        root=str(base),
        workload=called,
        goal=f"Imported from {source.name or top.name}: the best {objective}",
        metric=objective,
        direction=direction,
        points=not experiment.definitions,  # what was seen says little of what was searched
        declared={key: [value] for key, value in experiment.definitions.items()},
        metrics={objective: {"goal": direction}},
        trials=lambda: (_trial(run, top, objective, n) for n, run in enumerate(with_points)),
    )


# -- folders --------------------------------------------------------------------------------


def _runs(base: Path) -> list[Run]:
    """Give the trials below a folder, the files of their splits and sessions among theirs."""
    if base.is_file():
        return [Run(base.parent, [(base, "")])]
    holding = {
        Path(folder): sorted(name for name in names if "tfevents" in name)
        for folder, _, names in os.walk(base)
    }
    runs: dict[Path, Run] = {}
    for folder in sorted(f for f, names in holding.items() if names):
        owner, prefix = folder, ""
        if folder != base and folder.name.lower() in SPLITS:
            owner, prefix = folder.parent, f"{SPLITS[folder.name.lower()]}/"
        elif folder != base and _OWN_FOLDER.fullmatch(folder.name) and holding[folder.parent]:
            owner = folder.parent
        run = runs.setdefault(owner, Run(owner))
        run.files += [(folder / name, prefix) for name in holding[folder]]
    return [runs[folder] for folder in sorted(runs)]


def _is_experiment(run: Run, top: Path) -> bool:
    """Say whether a folder has the search space alone, as the plugin writes it at the top."""
    return run.folder == top and not read_run(run).curves.columns


def _objective(source: Path, runs: list[Run], experiment: Plugin, metric: str | None) -> str:
    if metric is None and experiment.metrics:
        return metric_name(experiment.metrics[0])
    known: list[str] = []
    faults: list[str] = []
    for run in runs[:20]:
        read = read_run(run)
        known, faults = sorted(read.curves.columns), faults or read.faults
        if metric is not None and metric_name(metric) in known:
            return metric_name(metric)
        if metric is not None and metric in known:
            return metric
        if known and metric is None:
            break
    if metric is not None and len(runs) > 20:
        return metric_name(metric)
    why = f" ({faults[0]})" if faults else ""
    told = f"found {', '.join(known[:20])}" if known else f"its event files hold no scalars{why}"
    asked = "needs --metric, the objective" if metric is None else f"has no metric {metric!r}"
    raise ImportFailed(f"{source}: {asked}; {told}")


# -- trials ---------------------------------------------------------------------------------


def _trial(run: Run, top: Path, metric: str, point: int) -> TrialSource:
    source = run.folder.relative_to(top).as_posix() if run.folder != top else top.name
    return TrialSource(
        source=source,
        key=source,
        file="event files",
        fingerprint=partial(_mark, run, metric),
        read=partial(_read, run, source, metric, point),
    )


def _mark(run: Run, metric: str) -> str:
    parts = [metric.encode()]
    for path, prefix in run.files:
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise BadTrial(str(path), str(error.strerror)) from error
        parts += [prefix.encode(), path.name.encode(), digest]
    return fingerprint(*parts)


def _read(run: Run, source: str, metric: str, point: int) -> TrialRead:
    found = read_run(run)
    columns = found.curves.sorted()
    if not columns:
        told = f" ({found.faults[0]})" if found.faults else ""
        raise BadTrial(source, f"its event files hold no scalars{told}")
    state, reason = ending(columns, metric)
    if found.plugin.failed and state == "completed":
        state, reason = "failed", "the program said that it failed"
    return TrialRead(
        params=found.plugin.params or {},
        columns=columns,
        state=state,
        reason=reason,
        step=found.curves.last,
        point=point,
        notes=tuple(found.faults),
    )


def read_run(run: Run) -> Found:
    """Read the event files of a trial, in the order of their names, that is of time.

    Where a step is repeated, as after a restart, the newest value counts.
    """
    found = Found()
    for path, prefix in run.files:
        for event in _events(path, found.faults):
            for summary in event.summaries:
                found.plugin.take(summary)
                for tag, value in scalars(summary):
                    if event.step >= 0:
                        found.curves.add(metric_name(prefix + tag), event.step, value)
    return found


def _events(path: Path, faults: list[str]) -> Iterator[Event]:
    """Give the records of a file up to its end, or up to the first that is not whole."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            at = 0
            while at < size:
                head = stream.read(HEADER.size)
                if len(head) < HEADER.size:
                    raise _Torn("its last record is cut off")
                length, crc = HEADER.unpack(head)
                if masked_crc(head[:8]) != crc:
                    raise _Torn("the checksum of a length is wrong")
                end = at + HEADER.size + length + FOOTER.size
                if end > size:
                    raise _Torn("its last record is cut off")
                if length <= LARGEST:
                    record = stream.read(length)
                    if masked_crc(record) != FOOTER.unpack(stream.read(FOOTER.size))[0]:
                        raise _Torn("the checksum of a record is wrong")
                    yield Event(record)
                else:
                    stream.seek(end)
                at = end
    except _Torn as torn:
        faults.append(f"{path.name}: stopped at byte {at}: {torn}; what is before it was kept")
    except OSError as error:
        raise BadTrial(str(path), str(error.strerror)) from error


class _Torn(Exception):
    """A file is whole up to here."""
