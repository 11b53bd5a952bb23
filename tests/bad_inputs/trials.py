"""How rows about trainers are made: one study of many bad trials, run once; each row is one."""

from __future__ import annotations

import atexit
import functools
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts.text import clean
from tests.bad_inputs.row import BadInput, Seen, as_seen, call
from tests.support.engine import CLOCKS, arms, study_text

OBJECTIVE = "validation/error_rate"
STEPS = 5


def write_study(folder: Path, trainer: str, modes: Iterable[str]) -> None:
    """Write the study of a trainer: an arm with one trial for each mode."""
    text = study_text(trials=1, steps=STEPS, every=STEPS, mode=arms(*modes))
    text = text.replace("{python: train.py:train}", trainer)
    (folder / "study.yaml").write_text(text)


def command(*argv: str) -> str:
    """Give the trainer of a program."""
    return f"{{command: {json.dumps(argv)}}}"


def write_program(folder: Path, name: str, source: str) -> None:
    """Write a program in Python that starts fast."""
    (folder / name).write_text(f"#!{sys.executable} -IS\n{source}")
    (folder / name).chmod(0o755)


class Shared:
    """A study that is run when the first of its rows asks for it."""

    def __init__(self, trainer: str, file: str, source: str) -> None:
        """Train the modes that rows ask for with the `source` in `file`."""
        self._trainer, self._file, self._source = trainer, file, source
        self._modes: list[str] = []

    def row(
        self,
        number: int,
        what: str,
        mode: str,
        message: str,
        also: Callable[[Path, int], str] | None = None,
    ) -> BadInput:
        """Make the row of a mode: its trial's end, points, warnings, and the end of its log.

        Args:
            number: Of the catalogue.
            what: What the trainer does.
            mode: What it is told.
            message: What is seen.
            also: Gives a further line, from the folder and the trial's number.
        """
        self._modes.append(mode)
        return BadInput(number, what, lambda _: self._seen(mode, also), message, None, "made")

    def run(self, number: int, what: str, message: str) -> BadInput:
        """Make the row of the whole study: what `labtui run` says in the end."""
        return BadInput(number, what, lambda _: self._run()[1], message, 0, "made")

    @functools.cache  # noqa: B019 - it lives as long as the module
    def _run(self) -> tuple[Path, Seen]:
        folder = Path(tempfile.mkdtemp(prefix="labtui-bad-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        write_program(folder, self._file, self._source)
        write_study(folder, self._trainer, self._modes)
        seen = call(folder, "run", "study.yaml")
        lines = [line for line in seen.message.splitlines() if "trials failed" in line]
        return folder, Seen("\n".join(lines), seen.code, seen.lab)

    def _seen(self, mode: str, also: Callable[[Path, int], str] | None) -> Seen:
        folder, run = self._run()
        number = self._modes.index(mode)
        lines = [trial_lines(folder, number), *([also(folder, number)] if also else [])]
        return Seen("\n".join(lines), None, run.lab)


def trial_lines(folder: Path, number: int) -> str:
    """Give what is seen of a trial, as `labtui show` and `labtui log` have it."""
    name = f"s/{number}"
    with Lab(LabPaths(folder / "lab.db")) as lab:
        trial = lab.trial(name)
        metrics = [metric for metric in lab.metrics("s") if metric not in CLOCKS | {OBJECTIVE}]
        lines = [clean(f"{trial.state}: {trial.reason}" if trial.reason else trial.state)]
        for metric in metrics:
            for curve in lab.curves([trial.id], metric):
                pairs = zip(curve.steps, curve.values, strict=True)
                lines.append(f"{metric}: " + _listed([f"{v!r} at {s}" for s, v in pairs]))
        if len(lines) > 6:
            lines[5:] = [f"and {len(lines) - 5:,} metrics"]
        lines += [
            f"warning: {clean(event.data['text'])}"
            for event in lab.events("s")
            if event.kind == "warning" and event.trial == trial.id
        ]
    log = LabPaths(folder / "lab.db").trial_log(trial.id)
    if log.exists():
        printed = clean(log.read_text("utf-8"), multiline=True).splitlines()[-1:]
        lines += [f"log: {s if len(s) < 200 else f'{s[:20]}… {len(s):,}'}" for s in printed]
    return as_seen("\n".join(lines), folder)


def without_progress(message: str) -> str:
    """Leave out the lines that say how far a study is: how many there are depends on the clock."""
    lines = [line for line in message.splitlines() if not re.match(r"s: \d+/\d+ trials", line)]
    return "\n".join(lines)


def _listed(found: list[str]) -> str:
    return ", ".join(found) if len(found) <= 6 else f"{len(found):,} values, the last {found[-1]}"


def alone(
    number: int, what: str, make: Callable[[Path], str], message: str, lab: str = "made",
    code: int = 1,
) -> BadInput:  # fmt: skip
    """Make the row of a study of five trials: `make` gives its trainer."""

    def do(folder: Path) -> Seen:
        write_study(folder, make(folder), "abcde")
        seen = call(folder, "run", "study.yaml")
        return Seen(without_progress(seen.message), seen.code, seen.lab)

    return BadInput(number, what, do, message, code, lab)
