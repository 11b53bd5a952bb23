"""Where the trials of AlgoPerf logs lie: what their paths, flags and metadata say they are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from labtui.interop.importing.types import Skipped

FILES = ("measurements.csv", "eval_measurements.csv")
"""What makes a folder a trial; the second has the evaluations alone, where the first is missing."""

TASKS = {
    "cifar": ("accuracy", 0),
    "criteo1tb": ("loss", 10_666),
    "fastmri": ("ssim", 36_189),
    "finewebedu_lm": ("ppl", 0),
    "imagenet_resnet": ("accuracy", 186_666),
    "imagenet_vit": ("accuracy", 186_666),
    "librispeech_conformer": ("wer", 80_000),
    "librispeech_deepspeech": ("wer", 48_000),
    "mnist": ("accuracy", 0),
    "ogbg": ("mean_average_precision", 80_000),
    "wmt": ("bleu", 133_333),
}
"""Task metric and step hint (0: none) of the workloads, for folders without meta_data_0.json."""

_STUDY = re.compile(r"study_(\d+)")
_RULESET = re.compile(r"(external|self)(_tuning)?")
_TRIAL = re.compile(r"(\d+)$")
_CALLED_TRIAL = re.compile(r"trial_\d+")
BESIDE = ("hparams.json", "meta_data_0.json", "flags_0.json")
"""What else lies in the folder of a trial."""
FRAMEWORK = re.compile(r"_(jax|pytorch)$")
"""How the name of a workload's folder ends."""


@dataclass(frozen=True)
class Place:
    """Where a trial is in the benchmark.

    Attributes:
        folder: Its folder.
        source: The same relative to what is imported.
        workload: With the framework, ``ogbg_jax``.
        study: The repetition.
        top: The folder above ``logs``, where the submissions lie too; None without one.
        file: Its measurements; empty where it has none.
        problem: Why it cannot be read; empty if it can.
    """

    folder: Path
    source: str
    leaderboard: str
    ruleset: str
    submission: str
    workload: str
    study: int
    top: Path | None = None
    file: str = ""
    problem: str = ""

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts studies, then repetitions, then trials by number."""
        number = _TRIAL.search(self.folder.name)
        key = (int(number[1]) if number else -1, self.folder.name, self.source)
        return (*self.group, self.study, *key)

    @property
    def group(self) -> tuple[str, str, str, str]:
        """What one study of the lab has in common."""
        return self.leaderboard, self.ruleset, self.submission, self.workload


def is_trial(names: Sequence[str]) -> bool:
    """Say whether a folder with these files is a trial."""
    return any(name in names for name in FILES)


def find_places(root: Path, skipped: list[Skipped]) -> Iterator[Place]:
    """Give every trial below a folder, also those that have lost their measurements.

    Args:
        root: The folder.
        skipped: Gets the folders that cannot be looked into.
    """
    base = root.resolve()
    for folder, names in walk(base, skipped):
        present = [name for name in FILES if name in names]
        if len(present) > 1 and _is_empty(folder / present[0]):
            present.pop(0)
        if present:
            yield replace(_place(folder, base), file=present[0])
        elif _lost_trial(folder, names):
            yield replace(_place(folder, base), problem=_why(names))


def walk(
    base: Path, skipped: list[Skipped], seen: tuple[Path, ...] = ()
) -> Iterator[tuple[Path, list[str]]]:
    """Give every folder below one, in order, with its files; links lead on where they are new.

    Args:
        base: Where to begin, resolved.
        skipped: Gets the folders that cannot be opened, and links to what is reached anyway.
        seen: Resolved folders that are walked already.
    """
    top = seen[0] if seen else base

    def told(path: Path, reason: str) -> None:
        inside = path.is_relative_to(top)
        skipped.append(Skipped((path.relative_to(top) if inside else path).as_posix(), reason))

    def refused(error: OSError) -> None:
        told(Path(error.filename), f"cannot be opened: {error.strerror}")

    known = [*seen, base]
    for folder, below, names in os.walk(base, onerror=refused):
        below.sort()
        here = Path(folder)
        yield here, names
        for link in [here / name for name in below if (here / name).is_symlink()]:
            target = link.resolve()
            if any(target.is_relative_to(one) or one.is_relative_to(target) for one in known):
                told(link, "is a link to a folder that is looked into anyway")
            else:
                known.append(target)
                yield from walk(link, skipped, (top, *known))


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _lost_trial(folder: Path, names: Sequence[str]) -> bool:
    """Say whether a folder without measurements was to be a trial."""
    if any(f"{name}.gz" in names for name in FILES):
        return True
    in_study = any(_STUDY.fullmatch(part) for part in folder.parts)
    called = _CALLED_TRIAL.fullmatch(folder.name) is not None
    return in_study and (called or any(name in names for name in BESIDE))


def _why(names: Sequence[str]) -> str:
    packed = next((f"{name}.gz" for name in FILES if f"{name}.gz" in names), None)
    if packed:
        return f"found {packed}; unpack it (gunzip -k) and import again"
    return f"found neither {FILES[0]} nor {FILES[1]}"


def _place(folder: Path, base: Path) -> Place:
    source = folder.relative_to(base).as_posix()
    source = folder.name if source == "." else source
    parts = folder.parts
    at = next((i for i in reversed(range(len(parts))) if _STUDY.fullmatch(parts[i])), None)
    if at is None:  # not the benchmark's layout: two folders above are read as its names
        above = ["", "", *parts[1:-1]]
        return Place(folder, source, "", "", above[-2], _workload(folder, above[-1]), 0)
    found = _STUDY.fullmatch(parts[at])
    inside = parts[at + 1 : -1] or [name for name in parts[at + 1 :] if FRAMEWORK.search(name)]
    has_ruleset = at >= 2 and _RULESET.fullmatch(parts[at - 2]) is not None
    leaderboard, top = _leaderboard(parts, at - 2)
    return Place(
        folder=folder,
        source=source,
        leaderboard=leaderboard,
        ruleset=parts[at - 2] if has_ruleset else _flag(folder, "tuning_ruleset"),
        submission=parts[at - 1] if at >= 1 else "",
        workload=inside[-1] if inside else _workload(folder, ""),
        study=int(found[1]) if found else 0,
        top=top,
    )


def _leaderboard(parts: Sequence[str], ruleset: int) -> tuple[str, Path | None]:
    """Give a leaderboard's name, above ``logs`` or between it and rulesets, and its folder."""
    for at in range(ruleset, 0, -1):
        if parts[at] == "logs":
            between = parts[at + 1 : ruleset]
            return (between or parts[at - 1 : at])[-1], Path(*parts[:at])
    if ruleset >= 2 and _RULESET.fullmatch(parts[ruleset]):  # logs without the folder "logs"
        return parts[ruleset - 1], None
    return "", None


def _flag(folder: Path, name: str) -> str:
    found = read_json(folder / "flags_0.json").get(name)
    return f"{found}_tuning" if found in ("external", "self") else ""


def _workload(folder: Path, fallback: str) -> str:
    """Name the workload of a trial that lies in no folder of its workload's name."""
    flags, meta = read_json(folder / "flags_0.json"), read_json(folder / "meta_data_0.json")
    framework = flags.get("framework")
    name = flags.get("workload") or _known_by(meta) or fallback
    return f"{name}_{framework}" if framework and name else str(name or "unknown")


def _known_by(meta: Mapping[str, Any]) -> str | None:
    """Recognize a workload by its task metric and step hint, where one alone has both."""
    found = meta.get("workload.target_metric_name"), meta.get("workload.step_hint")
    names = [name for name, known in TASKS.items() if known == found]
    return names[0] if len(names) == 1 else None


def with_frameworks(places: Iterator[Place]) -> list[Place]:
    """Complete a workload's name by the framework that the rest of the submission uses."""
    found = list(places)
    used: dict[tuple[str, ...], set[str]] = {}
    for place in found:
        match = FRAMEWORK.search(place.workload)
        if match:
            used.setdefault(place.group[:3], set()).add(match[1])
    completed = []
    for place in found:
        frameworks = used.get(place.group[:3], set())
        if place.workload in TASKS and len(frameworks) == 1:
            place = replace(place, workload=f"{place.workload}_{min(frameworks)}")
        completed.append(place)
    return completed


def read_json(path: Path, *, cached: bool = True) -> dict[str, Any]:
    """Read an object; what is not there, or broken, is empty: none of it is indispensable.

    Args:
        path: The file.
        cached: Keep it, as it will be asked for again.
    """
    return _cached(path) if cached else _load(path)


@cache
def _cached(path: Path) -> dict[str, Any]:
    return _load(path)


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
