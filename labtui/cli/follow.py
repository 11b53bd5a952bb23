"""Following a study: progress while it runs, keys that stop it or let it be."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import is_terminal, say
from labtui.verdicts.tables import Progress, progress
from labtui.verdicts.text import clean, duration, number

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord, TrialRecord

POLL_SECONDS = 0.2
LINE_SECONDS = 2.0  # between plain lines, so that a log stays readable
PATIENCE = 2.0  # how long a runner may be missing before the study counts as interrupted


@dataclass(frozen=True)
class Before:
    """What a study had come to before it was asked for: none of it is news.

    Attributes:
        event: The lab's last event.
        finished: Ids of the trials that had ended.
        printed: What each trial had printed, in bytes.
    """

    event: int = 0
    finished: frozenset[int] = frozenset()
    printed: Mapping[int, int] = field(default_factory=dict)


def look(paths: LabPaths, name: str) -> Before:
    """See how a study stands; it, and the lab, need not exist.

    A lab that cannot be read, another process may just be making it, holds no news yet; whatever
    else is wrong with it is said by what needs it.
    """
    from labtui.store.errors import LabError
    from labtui.store.lab import Lab

    try:
        with Lab(paths) as lab:
            known = any(study.name == name for study in lab.studies())
            trials = lab.trials(name) if known else []
            events = lab.events()
    except LabError:
        return Before()
    sizes = {trial.id: _size(paths.trial_log(trial.id)) for trial in trials}
    finished = frozenset(trial.id for trial in trials if trial.finished)
    return Before(events[-1].id if events else 0, finished, sizes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@dataclass(frozen=True)
class End:
    """How following ended: whether the study has, and the command's exit code."""

    finished: bool
    exit_code: int


class Display(Protocol):
    """Shows how far a study is."""

    def show(self, study: StudyRecord, state: Progress) -> None:
        """Show the present state."""
        ...


def follow(lab: Lab, name: str, *, one: bool = False, before: Before | None = None) -> End:
    """Follow a study until it ends, is stopped, or the person detaches.

    Args:
        lab: A reader of the lab.
        name: The study.
        one: A single trial was asked for: show what it prints.
        before: How it stood before it was asked for.
    """
    keys = _Keys(lab, name)
    with _display(name) as display, keys:
        return _watch(lab, name, display, keys, _Remarks(lab, name, before or Before(), output=one))


def _watch(lab: Lab, name: str, display: Display, keys: _Keys, remarks: _Remarks) -> End:
    missing_since: float | None = None
    trials: dict[int, TrialRecord] = {}
    revision, waits = 0, ""
    file = lab.paths.inode()
    while True:
        found = lab.paths.inode()
        if found != file:  # what is read is the old file: nothing in it changes any more
            what = "was replaced by another file while it was written" if found else "is gone"
            back = "the lab" if found else "it"
            say(f"{lab.paths.db} {what}; put {back} back and run again")
            return End(False, ExitCode.DISK)
        waits, before = lab.paused(), waits
        if waits and not before:
            say(f"{name} waits: {waits}; nothing is lost")
        elif before and not waits:
            say(f"{name} goes on")
        if lab.has_changed() or not trials:
            for trial in lab.trials(name, newer_than=revision):
                trials[trial.number] = trial
                revision = max(revision, trial.revision)
        study = lab.study(name)
        remarks.say(trials)
        display.show(study, progress(study, list(trials.values())))
        if study.state == "completed":
            remarks.say({trial.number: trial for trial in lab.trials(name)})
            return End(True, _exit_code(list(lab.trials(name))))
        if study.state == "stopped":
            say(f"{name}: {study.reason}; `labtui run {name}` resumes it")
            remarks.say({trial.number: trial for trial in lab.trials(name)})
            return End(True, _stop_code(study.reason, list(lab.trials(name))))
        if keys.detached:
            say(f"{name} goes on in the background; `labtui list` tells how it goes")
            return End(False, ExitCode.DONE)
        if lab.runner() is not None:
            missing_since = None
        elif missing_since is None:
            missing_since = time.monotonic()
        elif time.monotonic() - missing_since > PATIENCE:
            say(f"{name}: its runner died; nothing is lost: `labtui run {name}` goes on")
            return End(False, ExitCode.FAILED)
        keys.wait(POLL_SECONDS)


def _stop_code(reason: str, trials: list[TrialRecord]) -> int:
    if reason == "stopped by a person":
        return ExitCode.STOPPED
    if reason.startswith("one trial"):
        return _exit_code([trial for trial in trials if trial.finished])
    return ExitCode.DONE if reason.startswith("its budget") else ExitCode.FAILED


def _exit_code(trials: list[TrialRecord]) -> int:
    failed = [trial for trial in trials if trial.state == "failed"]
    if failed:
        first = failed[0]
        more = "has its traceback" if first.detail else "says more"
        say(
            f"{len(failed)} of {len(trials)} trials failed; the first, {first.name}: "
            f"{first.reason}; `labtui show {first.name}` {more}"
        )
    if any(t.state == "completed" for t in trials):
        return ExitCode.DONE
    infeasible = [trial for trial in trials if trial.state == "infeasible"]
    if infeasible:
        first = infeasible[0]
        say(
            f"{len(infeasible)} of {len(trials)} trials infeasible, none completed; the first, "
            f"{first.name}: {first.reason}; `labtui show {first.name}` says more"
        )
    return ExitCode.FAILED


class _Remarks:
    """What trainers say about their trials, each thing once, and what a single trial prints."""

    def __init__(self, lab: Lab, name: str, before: Before, *, output: bool) -> None:
        self._lab = lab
        self._name = name
        self._output = output
        self._event = before.event
        self._said: set[str] = set()
        self._read = dict(before.printed)

    def say(self, trials: dict[int, TrialRecord]) -> None:
        """Say what is new."""
        names = {trial.id: trial.name for trial in trials.values()}
        for event in self._lab.events(self._name, after=self._event):
            self._event = event.id
            text = str(event.data.get("text"))
            if event.kind == "warning" and text not in self._said:
                self._said.add(text)
                say(f"{names.get(event.trial or 0, self._name)}: {clean(text)}")
        if self._output:
            for number in names:
                self._print(number)

    def _print(self, trial: int) -> None:
        from labtui.study.secrets import redact

        with contextlib.suppress(OSError), self._lab.paths.trial_log(trial).open("rb") as file:
            file.seek(self._read.get(trial, 0))
            text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read[trial] = self._read.get(trial, 0) + len(whole)
            if whole:
                shown = clean(redact(whole.decode("utf-8", "replace")), multiline=True)
                print(shown, end="", file=sys.stderr, flush=True)


class _Keys:
    """Ctrl-C once stops the study cleanly, twice now, a third time leaves; d detaches."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab = lab
        self._name = name
        self._interrupts = 0
        self._told = 0
        self._asking = False
        self._terminal: Any = None
        self.detached = False

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        if sys.stdin is not None and sys.stdin.isatty() and os.name == "posix":
            import termios
            import tty

            self._terminal = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin, termios.TCSANOW)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._terminal is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        if self._interrupts > (3 if self._asking else 2):  # what stops it is asked for first
            raise KeyboardInterrupt

    def wait(self, seconds: float) -> None:
        """Wait for a key or the time, and carry out what was pressed."""
        if self._terminal is None:
            time.sleep(seconds)
        else:
            ready, _, _ = select.select([sys.stdin], [], [], seconds)
            if ready and os.read(sys.stdin.fileno(), 1) in (b"d", b"D"):
                self.detached = True
        if self._interrupts > self._told:
            self._told = self._interrupts
            self._stop(now=self._interrupts > 1)

    def _stop(self, *, now: bool) -> None:
        from labtui.engine import client

        if now:
            say("stopping now")
        else:
            say("stopping after the next evaluation of each trial; Ctrl-C again stops now")
        self._asking = True
        client.stop(self._lab.paths, self._name, now=now)
        self._asking = False
        if self._interrupts > 2:
            raise KeyboardInterrupt


class _Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._said = ""
        self._at = 0.0

    def show(self, study: StudyRecord, state: Progress) -> None:
        line = f"{clean(study.name)}: {_numbers(state)}"
        now = time.monotonic()
        last = state.done == state.total
        if line == self._said or (now - self._at < LINE_SECONDS and not last):
            return
        self._said, self._at = line, now
        print(f"{line}, {_left(state)}", file=sys.stderr, flush=True)


class _Bar:
    """A rich progress bar."""

    def __init__(self, bar: Bar, name: str) -> None:
        self._bar = bar
        self._task = bar.add_task(clean(name), total=None, numbers="", left="")

    def show(self, study: StudyRecord, state: Progress) -> None:
        self._bar.update(
            self._task,
            completed=state.done,
            total=state.total,
            numbers=_numbers(state),
            left=_left(state),
        )


def _numbers(state: Progress) -> str:
    parts = [f"{state.done}/{state.total} trials"]
    if state.best_value is not None:
        parts.append(f"best {number(state.best_value)} (trial {state.best_trial})")
    if state.infeasible:
        parts.append(f"{state.infeasible} infeasible")
    if state.failed:
        parts.append(f"{state.failed} failed")
    return ", ".join(parts)


def _left(state: Progress) -> str:
    return "done" if state.done == state.total else f"{duration(state.eta)} left"


@contextlib.contextmanager
def _display(name: str) -> Iterator[Display]:
    if not is_terminal(sys.stderr):
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[numbers]}", markup=False),
        TextColumn("{task.fields[left]}", markup=False, style="dim"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=8) as bar:
        yield _Bar(bar, name)
