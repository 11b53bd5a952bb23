"""Runs a program for one trial, and turns what it prints and writes into the trial's results."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Callable, Deque, Dict, Iterable, List, Mapping, Optional, Union

from labtui.trainer.checkpoints import DISK_FULL
from labtui.trainer.current import ENVIRONMENT
from labtui.trainer.remote import follow
from labtui.trainer.trial import MOST_METRICS, Infeasible, Killed, Stopped, Trial
from labtui_command.arguments import Placeholders, command_line, environment
from labtui_command.errors import CommandError
from labtui_command.events import EventsTail
from labtui_command.lines import LONGEST, Lines
from labtui_command.process import ERR, OUT, Chunk, Program
from labtui_command.reports import Report, read_report
from labtui_command.states import States, Stopping
from labtui_command.table import TableTail
from labtui_command.workspace import Workspace

TICK = 0.05  # seconds between two looks at the stop request and at files
LEAVE_SECONDS = 0.5  # for a program that ends itself once it was asked to
SHOWN = 20  # last lines of a failed program that are shown
Tail = Union[TableTail, EventsTail]
SOURCES: Dict[str, Callable[[str], Tail]] = {"csv": TableTail, "tensorboard": EventsTail}


def train(trial: Trial) -> None:
    """Run ``trial.options["argv"]`` to its end and report what it reports.

    Raises:
        CommandError: The command, a report or the way it ended is wrong.
        Killed: It was killed by a signal that did not come from here.
        Stopped, Diverged, Infeasible: The trial ended before the program did.
    """
    workspace = Workspace(trial)
    try:
        _Run(trial, workspace).run()
    finally:
        workspace.remove()


class _Run:
    """One run of the program."""

    def __init__(self, trial: Trial, workspace: Workspace) -> None:
        self._trial = trial
        self._workspace = workspace
        self._lines = {OUT: Lines(), ERR: Lines()}
        self._count = 0  # of lines on standard output
        self._log = _Log(trial)
        self._metrics = _Metrics(trial)
        self._states = States(trial, workspace)
        self._stopping = Stopping(trial, workspace)
        self._tail: Optional[Tail] = None
        self._rows: Deque[Report] = deque()  # of the file that it reports in, still to take
        self._taken = 0  # rows so far

    def run(self) -> None:
        placeholders = Placeholders(self._trial, self._workspace)
        argv = command_line(self._trial.options["argv"], placeholders)
        self._tail = _tail(self._trial.options.get("report") or {}, placeholders)
        variables = environment(self._trial, self._workspace)
        program = Program(argv, variables, marker=ENVIRONMENT)
        patience = 0.0
        try:
            self._follow(program)
        except (Stopped, Infeasible):
            patience = LEAVE_SECONDS
            raise
        finally:
            try:
                if program.code is None:
                    program.end(self._drop, patience=patience)
                    self._drain(program, self._drop)
            finally:
                program.close()
                self._conclude()

    def _follow(self, program: Program) -> None:
        """Take what the program reports until it has ended, and judge its end."""
        self._stopping.look(self._metrics.step)  # before its first report, however fast that is
        while program.code is None:
            # Rows that are there before the lines are read cannot be younger than a checkpoint's.
            self._gather()
            ready = self._taken + len(self._rows)
            for chunk in program.read(TICK):
                self._take(chunk)
            self._stopping.look(self._metrics.step)
            while self._taken < ready:
                self._take_row()
            self._states.offer()
        program.sweep()
        self._drain(program, self._take)
        code = program.code
        self._finish_lines(whole=code == 0)
        self._gather(ended=True, whole=code == 0)
        while self._rows:
            self._take_row()
        if code < 0:
            raise Killed(-code)
        if code:
            raise CommandError(self._log.failure(self._trial.options["argv"][0], code))
        self._stopping.judge(self._metrics.step)

    def _drain(self, program: Program, take: Callable[[Chunk], None]) -> None:
        """Read what is left in the pipes; who else holds them is not waited for."""
        while not program.silent:
            chunks = program.read(TICK)
            if not chunks and not program.silent:
                return
            for chunk in chunks:
                take(chunk)

    def _take(self, chunk: Chunk) -> None:
        stream, data = chunk
        lines = self._lines[stream].feed(data)
        if stream == ERR:
            self._log.write(ERR, lines)
        else:
            self._hear(lines)

    def _drop(self, chunk: Chunk) -> None:
        """Take what it prints after its trial has ended: reports are nobody's."""
        stream, data = chunk
        lines = self._lines[stream].feed(data)
        self._log.write(stream, [line for line in lines if not line.startswith(b"{")])

    def _hear(self, lines: List[bytes]) -> None:
        """Take lines of standard output: reports one by one, all between them at once."""
        begin = 0
        for index, line in enumerate(lines):
            if line.lstrip()[:1] != b"{" or not self._report(line, index):
                continue
            # The SDK begins a line for its report, in case another was not ended.
            end = index - 1 if index > begin and not lines[index - 1] else index
            self._log.write(OUT, lines[begin:end])
            begin = index + 1
        self._log.write(OUT, lines[begin:])
        self._count += len(lines)

    def _report(self, line: bytes, index: int) -> bool:
        """Carry out a line if it is a report."""
        try:
            report = read_report(line.decode("utf-8", "replace"))
            if report is None:
                return False
            if report.checkpoint is None and report.infeasible is None:
                self._carry_out(report)
                return True
        except (CommandError, TypeError, ValueError) as error:
            raise self._placed(index, error) from error
        self._catch_up(None if report.checkpoint is None else self._metrics.step_of(report))
        try:
            self._carry_out(report)
        except (CommandError, TypeError, ValueError) as error:
            raise self._placed(index, error) from error
        return True

    def _placed(self, index: int, error: Exception) -> CommandError:
        return CommandError(f"line {self._count + index + 1} of its standard output: {error}")

    def _carry_out(self, report: Report) -> None:
        if report.warning is not None:
            self._trial.warn(report.warning)
        if report.infeasible is not None:
            self._trial.infeasible(report.infeasible)
        step = self._metrics.take(report, self._stopping)
        if report.checkpoint is not None:
            self._states.take(step, report.checkpoint, report.predictions)
            self._stopping.saved(step)
        elif report.metrics:
            self._stopping.evaluated(step)

    def _gather(self, **end: bool) -> None:
        """Read what was added to the file that it reports in."""
        if self._tail is not None:
            self._rows.extend(self._tail.read(**end))
            for text in self._tail.warnings:
                self._trial.warn(text)
            self._tail.warnings = []

    def _catch_up(self, step: Optional[int]) -> None:
        """Take the rows up to `step`: the evaluation that a checkpoint rests on."""
        self._gather()
        while self._rows and (step is None or self._metrics.step_of(self._rows[0]) <= step):
            self._take_row()

    def _take_row(self) -> None:
        self._taken += 1
        self._carry_out(self._rows.popleft())

    def _finish_lines(self, *, whole: bool) -> None:
        """Take last lines without a newline; half a report of a program that died is none."""
        for stream, lines in self._lines.items():
            rest = [line for line in (lines.end(),) if line]
            if stream == OUT and whole:
                self._hear(rest)
            else:
                self._log.write(stream, rest)

    def _conclude(self) -> None:
        self._states.forget()
        self._trial.step = max(self._trial.step, self._metrics.step)
        cut = sum(lines.cut for lines in self._lines.values())
        if cut:
            size = f"{LONGEST:,} bytes"
            self._trial.warn(f"{cut} of its lines were longer than {size} and were cut")
        self._metrics.conclude()


class _Metrics:
    """Gives reports a step, and logs them."""

    def __init__(self, trial: Trial) -> None:
        self.step = trial.start_step
        self._trial = trial
        self._steps = follow(trial)  # makes the trial notice that it ends
        self._reached = trial.start_step
        self._last: Dict[str, int] = {}
        self._again = 0
        self._too_long = False

    def take(self, report: Report, stopping: Stopping) -> int:
        """Log a report; its step."""
        step = self.step_of(report)
        if step > self._reached:
            self._reach(step, stopping)
        if report.metrics:
            self._count_again(report.metrics, step)
            self._trial.log(step, report.metrics)
        self.step = max(self.step, step)
        return step

    def conclude(self) -> None:
        """Say what was odd about all of them."""
        if self._again:
            were = "value was" if self._again == 1 else "values were"
            self._trial.warn(
                f"{self._again:,} {were} reported for a step that had one already, or for an "
                "earlier one; the last one counts"
            )

    def step_of(self, report: Report) -> int:
        """Give the step of a report, whichever way it says it."""
        if report.step is not None:
            return report.step
        if report.epoch is not None:
            return self._trial.epoch_step(report.epoch)
        return self.step + 1 if report.metrics else self.step

    def _reach(self, step: int, stopping: Stopping) -> None:
        """Go through the trial's steps up to this one."""
        if step > self._trial.max_steps and not self._too_long:
            self._too_long = True
            self._trial.warn(
                f"it reported step {step} of {self._trial.max_steps}: train no longer than "
                "{max_steps}, or trials cannot be compared (P11)",
            )
        try:
            last = min(step, self._trial.max_steps)
            while self._reached < last:
                self._reached = next(self._steps)
                stopping.look(self._reached)
        except (Stopped, StopIteration):  # when it ends is for `stopping` to say
            self._reached = self._trial.max_steps

    def _count_again(self, names: Iterable[str], step: int) -> None:
        """Count the values that come again; beyond the names that a trial keeps nobody counts."""
        last = self._last
        for name in names:
            if step <= last.get(name, -1):
                self._again += 1
            elif name in last or len(last) < MOST_METRICS:
                last[name] = step


class _Log:
    """The trial's log: what the program prints beside its reports."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._last: Dict[int, Deque[bytes]] = {s: deque(maxlen=SHOWN) for s in (OUT, ERR)}

    def write(self, stream: int, lines: List[bytes]) -> None:
        """Write lines where this process prints; waits while the disk is full."""
        if not lines:
            return
        self._last[stream].extend(lines[-SHOWN:])
        data = b"\n".join(lines) + b"\n"
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            data = data.decode("utf-8", "replace").encode()
        while data:
            try:
                data = data[os.write(stream, data) :]
            except OSError as error:
                if error.errno not in DISK_FULL or self._trial.stop_requested:
                    return
                time.sleep(TICK)

    def failure(self, name: str, code: int) -> str:
        """Say how the program failed, with the last it said."""
        lines = [line for line in self._last[ERR] or self._last[OUT] if line.strip()]
        signalled = f" (128 + {code - 128}: perhaps killed by that signal)" if code > 128 else ""
        ended = f"{name} ended with exit code {code}{signalled}"
        if not lines:
            return f"{ended} and said nothing"
        said = [line[:500].decode("utf-8", "replace") for line in lines]
        return "\n".join([f"{ended}: {said[-1].strip()}", "", "the last it said:", *said])


def _tail(options: Mapping[str, str], placeholders: Placeholders) -> Optional[Tail]:
    """Make the reader of ``report: {csv: path}`` or ``report: {tensorboard: folder}``."""
    if not options:
        return None
    (kind, path), *others = options.items()
    if others or kind not in SOURCES:
        raise CommandError(
            f"report: found {', '.join(options)}; expected one of {', '.join(SOURCES)}"
        )
    filled = placeholders.fill(path)
    if not filled or filled == path:
        raise CommandError(
            f"report: found {kind}: {path!r}, the same for every trial; expected a path of each "
            f"trial's own, such as {{checkpoint_dir}}/{os.path.basename(path) or 'metrics'}"
        )
    return SOURCES[kind](filled)
