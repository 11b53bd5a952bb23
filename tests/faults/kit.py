"""What the fault tests share: whose process is whose, killing by role, and what always holds."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from labtui.store.paths import LabPaths
from labtui.trainer.checkpoints import is_whole
from tests.support.engine import points, run, write_study

MARK = "XDG_LABTUI_TEST"
"""A variable with the folder of a test: labtui hands ``XDG_*`` on to its workers, so that whatever
a trainer leaves behind can be told by it, wherever it went."""

FIXED_SEED = "1"
ORPHAN_SECONDS = 2.0
"""How long something may live on after the runner's death (the contract, R6)."""

ROLES = {"runner": "engine.service", "guard": "guard.py", "worker": "bootstrap.py"}
"""What the command line of each process holds."""


AT_LEAST = {"kills": 200, "power cuts": 1000, "damaged checkpoints": 1000, "claims at once": 900}
"""What the full suite does at least, by the names of its figures: R1, R2, R10 and R4."""

NEVER = ("lost", "orphans", "duplicates", "trained again", "lost by power cuts",
         "corrupt by power cuts")  # fmt: skip
"""Figures that are nothing after any run."""


def shortfall(figures: Mapping[str, float], *, skipped: bool) -> list[str]:
    """Say where a full run of the whole suite fell short of what is promised.

    Args:
        figures: What was counted (`tally`).
        skipped: Whether tests were left out, for want of strace or root: what only they count may
            be missing altogether.
    """
    found = [
        f"{figures.get(name, 0):g} {name}; expected at least {least}"
        for name, least in AT_LEAST.items()
        if figures.get(name, 0) < least and not (skipped and name not in figures)
    ]
    return found + [
        f"{figures[name]:g} {name}; expected none" for name in NEVER if figures.get(name)
    ]


# -- processes --------------------------------------------------------------------------------


def family(folder: Path, role: str = "") -> list[int]:
    """List the living processes that a test's folder is marked in: all, or those of a role.

    A process is one of them by its environment, its command line or its working directory.
    """
    wanted, text = ROLES.get(role, role), os.fsencode(folder)
    ours = _ancestors()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) in ours:
            continue
        try:
            line = (entry / "cmdline").read_bytes()
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            marked = text in line or _is_marked(entry, text)
        except OSError:
            continue
        if marked and wanted.encode() in line:
            found.append(int(entry.name))
    return found


def _is_marked(entry: Path, text: bytes) -> bool:
    if os.fsencode(os.readlink(entry / "cwd")).startswith(text):
        return True
    return b"%s=%s\0" % (MARK.encode(), text) in (entry / "environ").read_bytes() + b"\0"


def _ancestors() -> set[int]:
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def wait_for_none(folder: Path, wall: float = ORPHAN_SECONDS) -> list[int]:
    """Wait until no process of a test's folder lives; gives those that still do."""
    deadline = time.monotonic() + wall
    while (left := family(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def send(folder: Path, role: str, number: int = signal.SIGKILL, choose=min) -> list[int]:
    """Signal the runner, the guard, one worker (of `choose`), or with ``group`` all at once.

    Returns:
        The processes that were signalled; none when there is no such process.
    """
    found = family(folder) if role == "group" else family(folder, role)
    if role != "group" and found:
        found = [choose(found)]
    sent = []
    for pid in found:
        try:
            os.kill(pid, number)
            sent.append(pid)
        except ProcessLookupError:
            pass
    return sent


# -- what always holds ------------------------------------------------------------------------


def uninterrupted(folder: Path, text: str, script: str, files: Mapping[str, str] | None = None):
    """Run study ``s`` that nobody disturbs; gives its points (`tests.support.engine.points`)."""
    paths = LabPaths(folder / "lab.db")
    file = write_study(folder, text, script)
    for name, content in (files or {}).items():
        (folder / name).write_text(content)
    run(paths, file)
    return points(paths, "s")


def acknowledgements(events: Path) -> list[dict[str, Any]]:
    """Read an events file; a line that a kill cut off in the middle acknowledges nothing."""
    found = []
    for line in events.read_text().splitlines() if events.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def expected_points(events: Path) -> dict[tuple[str, str, int], float]:
    """Give what an events file acknowledges and no later requeue of it took back."""
    found: dict[tuple[str, str, int], float] = {}
    for event in acknowledgements(events):
        if event["event"] == "point":
            found[event["trial"], event["metric"], event["step"]] = float(event["value"])
        elif event["event"] == "trial" and event["state"] in ("queued", "running"):
            trial, step = event["trial"], event["step"]
            found = {key: v for key, v in found.items() if key[0] != trial or key[2] <= step}
    return found


def lost_points(paths: LabPaths, events: Path) -> list[tuple[str, str, int]]:
    """Name the acknowledged points that are not in the lab, bit for bit; nothing is written.

    Call it while nobody writes: the runner is dead or stopped, or the study has ended. What the
    lab itself calls taken back counts as taken back, though the kill came before the events said
    so: points after the step from which a waiting trial, or a new attempt, goes on.
    """
    expected, attempts = expected_points(events), Counter[str]()
    for event in acknowledgements(events):
        if event.get("state") == "running" and event["event"] == "trial":
            attempts[event["trial"]] = event["attempt"]
    stored, trials = stored_points(paths), stored_trials(paths)
    lost = []
    for key, value in expected.items():
        if not _same(stored.get(key, "absent"), value):
            state, step, start, attempt = trials[key[0]]
            again = state == "queued" or attempt > attempts[key[0]]
            if not again or key[2] <= (step if state == "queued" else start):
                lost.append(key)
    return lost


def stored_trials(paths: LabPaths) -> dict[str, tuple[str, int, int, int]]:
    """Read state, step, first step and attempt of every trial, as the rows say it."""
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT s.name || '/' || t.number, t.state, t.step, t.start_step, t.attempt "
            "FROM trials t JOIN studies s ON s.id = t.study"
        )
        return {name: tuple(row) for name, *row in rows}


def stored_points(paths: LabPaths) -> dict[tuple[str, str, int], float | None]:
    """Read every point of a lab, SQLite's own way; None is NaN."""
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT s.name || '/' || t.number, m.name, p.step, p.value FROM points p "
            "JOIN trials t ON t.id = p.trial JOIN studies s ON s.id = t.study "
            "JOIN metrics m ON m.id = p.metric"
        )
        return {(trial, key, step): value for trial, key, step, value in rows}


def unsound_trials(paths: LabPaths) -> list[str]:
    """Name the trials whose rows promise what is not so, while nobody writes.

    A trial that waits is at the step of its newest checkpoint, from which it will go on; it has no
    point after that; and every checkpoint that a row names is whole on the disk.
    """
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT number, step, newest, last FROM (SELECT t.number, t.step, "
            "(SELECT coalesce(max(step), 0) FROM checkpoints WHERE trial = t.id) AS newest, "
            "(SELECT coalesce(max(step), 0) FROM points WHERE trial = t.id) AS last "
            "FROM trials t WHERE t.state = 'queued') WHERE step <> newest OR last > step"
        ).fetchall()
        kept = connection.execute("SELECT trial, folder FROM checkpoints").fetchall()
    found = [
        f"trial {number} waits at step {step}; checkpoint of {newest}, points until {last}"
        for number, step, newest, last in rows
    ]
    folders = [paths.checkpoint_folder(trial) / name for trial, name in kept]
    return found + [f"{folder} is not whole" for folder in folders if not is_whole(str(folder))]


def python_path(*folders: Path) -> str:
    """Give a ``PYTHONPATH`` of these folders before those of now, which may name a mutant."""
    known = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, folders), *([known] if known else [])])


def _same(stored: object, acked: float) -> bool:
    if stored is None:
        return math.isnan(acked)
    return isinstance(stored, float) and stored.hex() == acked.hex()


def completions(events: Path) -> Counter[str]:
    """Count how often each trial was acknowledged as completed."""
    return Counter(
        event["trial"]
        for event in acknowledgements(events)
        if event["event"] == "trial" and event["state"] == "completed"
    )


def witnesses(file: Path) -> Counter[str]:
    """Count the completions that a trainer wrote down itself, a line with the trial's name each."""
    return Counter(file.read_text().split()) if file.exists() else Counter()


def completed(paths: LabPaths) -> dict[str, tuple[int, str]]:
    """Give attempt and end of the trials that the lab holds as completed: these never change."""
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT s.name || '/' || t.number, t.attempt, t.finished FROM trials t "
            "JOIN studies s ON s.id = t.study WHERE t.state = 'completed'"
        )
        return {name: (attempt, finished) for name, attempt, finished in rows}


def faults_of_file(paths: LabPaths) -> list[str]:
    """Say what SQLite finds wrong with a lab: pages, indices, references."""
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        found += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    return [text for text in found if text != "ok"]


def strays(paths: LabPaths, inputs: set[str] = frozenset()) -> list[str]:
    """List files beside a lab that nobody works on that should not be there.

    What belongs: the lab, its lock, logs, what was judged of it, whole checkpoints that a row
    names, and `inputs`: paths relative to the lab's folder of what the test put there.
    """
    root = paths.db.parent
    with closing(sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT trial, folder FROM checkpoints").fetchall()
    kept = {paths.checkpoint_folder(trial) / name for trial, name in rows}
    judged = paths.files / "cache"
    folders = {paths.files, paths.inbox, paths.logs, paths.checkpoints, judged}
    folders.add(judged / "verdicts.json")
    log, index = (paths.db.with_name(paths.db.name + end) for end in ("-wal", "-shm"))
    fine = {paths.db, paths.lock, index, *folders, *(root / name for name in inputs)}
    if log.exists() and not log.stat().st_size:
        fine.add(log)  # readers make an empty one, and cannot remove it
    found = []
    for file in root.rglob("*"):
        trial = file.parent == paths.checkpoints and file.name.startswith("t")
        kept_in = file in kept or file.parent in kept
        code = "__pycache__" in file.parts
        if not (file in fine or trial or kept_in or code or file.parent == paths.logs):
            found.append(str(file.relative_to(root)))
    missing = [str(folder.relative_to(root)) for folder in kept if not folder.is_dir()]
    return found + [f"{name} is missing" for name in missing]


def check_invariants(
    paths: LabPaths,
    expected,
    events: Path,
    name: str = "s",
    *,
    inputs: set[str] = frozenset(),
) -> None:
    """Check what holds of a study that has ended, whatever happened on the way.

    Every acknowledged point is there bit for bit, no trial was completed twice, the results are
    those of an uninterrupted run (`expected`: `tests.support.engine.points`), no process lives
    after two seconds, no file is left over, and SQLite finds nothing wrong.

    Args:
        paths: The lab.
        expected: Its points without a fault; None where they are not comparable.
        events: What was acknowledged (`submit(..., events=...)`).
        name: The study.
        inputs: Other files that belong there; study.yaml, train.py and the events do.
    """
    left = wait_for_none(paths.db.parent)
    assert not left, f"orphans: {left}"
    lost = lost_points(paths, events)
    assert not lost, f"lost: {lost[:10]}"
    twice = [trial for trial, count in completions(events).items() if count > 1]
    assert not twice, f"completed twice: {twice}"
    if expected is not None:
        assert points(paths, name) == expected
    wrong = faults_of_file(paths)
    assert not wrong, f"damaged: {wrong[:10]}"
    usual = {"study.yaml", "train.py"} | ({events.name} if events.exists() else set())
    left_over = strays(paths, usual | set(inputs))
    assert not left_over, f"left over: {left_over}"
