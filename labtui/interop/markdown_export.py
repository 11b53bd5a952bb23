"""Studies as Markdown: the experiment log as a table, then a section a study.

Columns are padded, so that the page can be read as it is, in a terminal too. What people and
programs wrote is text there: nothing of it is markup, and nothing of it can act on a terminal.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from labtui.analysis.ranking import best_of, ranked
from labtui.interop.cells import param_names, plain_text
from labtui.interop.decision_tables import launch_rows, workload_rows
from labtui.interop.experiment_log import Exported, log_row
from labtui.interop.files import check_target, replacing
from labtui.store.lab import Lab
from labtui.store.records import TrialRecord
from labtui.study.errors import printable

TOP_TRIALS = 10
"""Trials that the section of a study lists: what a person compares by eye."""

DIGITS = 5
"""Significant digits of numbers: the other formats have them all."""

LOG = (
    *("study", "goal", "kind", "trials", "infeasible", "best", "± retrain", "verdict"),
    *("launches", "notes", "tags"),
)
LAUNCHES = ("launch", "workload", "trial", "verdict", "reason", "created")
ARMS = ("arm", "trials", "completed", "infeasible", "best", "trial", "median")

_MARKUP = re.compile(r"[\\`*\[\]<>|&~$#!]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as markup inside a line; ``_`` only where it does not stand in a word."""


class Sink(Protocol):
    """Where text is written: an open file, or anything like it."""

    def write(self, text: str, /) -> object:
        """Take some text."""


def export_markdown(
    lab: Lab, studies: Iterable[Exported], path: Path, *, force: bool = False
) -> int:
    """Write a page, which appears whole or not at all.

    Returns:
        The number of trials that the studies have.

    Raises:
        TargetRefused: A file exists there, or is a directory.
        LabBroken: The disk failed; what was there before is still there.
    """
    check_target(path, force=force, source=lab.paths.db)
    with replacing(path) as stream:
        return write_markdown(lab, studies, stream)


def write_markdown(lab: Lab, studies: Iterable[Exported], stream: Sink) -> int:
    """Write the page to an open stream.

    Returns:
        The number of trials that the studies have.
    """
    rows, sections, trials = [], [], 0
    names = set()
    for exported in studies:
        names.add(exported.study.name)
        log = log_row(lab, exported)
        rows.append(_log_cells(log))
        sections.append("\n".join(_section(lab, exported, log)))
        trials += len(exported.trials)
    page = ["# Experiment log", "", *table(LOG, rows), ""]
    stream.write("\n".join([*page, *sections, *_decisions(lab, names)]))
    return trials


def _log_cells(log: Mapping[str, Any]) -> list[str]:
    columns = ("study", "goal", "kind", "trials", "infeasible", "best_value", "retrain_deviation")
    return [_shown(log[column]) for column in (*columns, "verdict", "launches", "notes", "tags")]


def _decisions(lab: Lab, names: Collection[str]) -> Iterator[str]:
    """Write what is tuned, and what was decided of it."""
    yield from ["# Workloads", ""]
    for row in workload_rows(lab, names):
        yield from [f"## Workload {escaped(row['workload'])}", ""]
        for name, value in row.items():
            if name not in ("workload", "lineage"):
                yield from _field(name, value)
        for line in row["lineage"].split("\n") if row["lineage"] else ():
            yield f"- baseline {escaped(line)}"
        yield ""
    launches = [[_shown(row[name]) for name in LAUNCHES] for row in launch_rows(lab, names)]
    if launches:
        yield from ["# Launches", "", *table(LAUNCHES, launches), ""]


def _section(lab: Lab, exported: Exported, log: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {escaped(exported.study.name)}"
    yield ""
    for name in ("goal", "kind", "parent", "workload", "baseline", "objective", "state"):
        yield from _field(name, log[name])
    for name in ("scientific", "nuisance", "fixed", "inherited"):
        yield from _field(name, log[name])
    share = log["infeasible_share"]
    yield from _field("trials", f"{log['trials']}, {log['completed']} completed")
    yield from _field("infeasible", f"{log['infeasible']} ({100 * (share or 0):.1f} %)")
    yield from _field("best", _best(log))
    for name in ("verdict", "launches", "notes", "tags", "git_commit", "uncommitted_changes"):
        yield from _field(name, log[name])
    for name in ("created", "finished"):
        yield from _field(name, log[name])
    yield ""
    if log["command"]:
        yield from [*fenced(log["command"], "sh"), ""]
    yield from ["### Arms", "", *table(ARMS, list(_arms(exported))), ""]
    yield from ["### Findings", "", *_findings(exported), ""]
    yield from [f"### Best {TOP_TRIALS} trials", "", *_top(exported), ""]


def _field(name: str, value: Any) -> Iterator[str]:
    if value not in (None, ""):
        yield f"- {name.replace('_', ' ')}: {escaped(_shown(value))}"


def _best(log: Mapping[str, Any]) -> str:
    if log["best_value"] is None:
        return ""
    spread = log["retrain_deviation"]
    deviation = "" if spread is None else f" ± {_shown(spread)} between reruns"
    return f"{_shown(log['best_value'])}{deviation} in {log['best_trial']}, step {log['best_step']}"


def _arms(exported: Exported) -> Iterator[list[str]]:
    members: dict[str, list[TrialRecord]] = {}
    for trial in exported.trials:
        members.setdefault(trial.arm, []).append(trial)
    for arm, trials in members.items():
        completed = [trial for trial in trials if trial.state == "completed"]
        best = best_of([trial.value for trial in completed], exported.study.minimize)
        values = [trial.value for trial in completed if trial.value is not None]
        shown = (
            arm or "all",
            len(trials),
            len(completed),
            sum(trial.state == "infeasible" for trial in trials),
            None if best is None else completed[best].value,
            None if best is None else completed[best].number,
            statistics.median(values) if values else None,
        )
        yield [_shown(value) for value in shown]


def _findings(exported: Exported) -> Iterator[str]:
    if not exported.told:
        yield escaped(exported.verdict) or "Not judged."
    for one in exported.told:
        about = f" {escaped(one.about)}" if one.about else ""
        yield f"- **{escaped(one.severity)}** {escaped(one.code)}{about} ({escaped(one.procedure)})"
        yield f"  {escaped(one.message)}"
        yield f"  *Next:* {escaped(one.advice)}"


def _top(exported: Exported) -> list[str]:
    completed = [trial for trial in exported.trials if trial.state == "completed"]
    order = ranked([trial.value for trial in completed], exported.study.minimize)
    best = [completed[i] for i in order[:TOP_TRIALS] if completed[i].value is not None]
    if not best:
        return ["None completed."]
    names = [name for name in param_names(best) if _varies(exported.trials, name)]
    rows = [
        [
            trial.name,
            _shown(trial.value),
            _shown(trial.best_step if trial.selection == "best" else trial.last_step),
            *(_shown(trial.params[name]) if name in trial.params else "" for name in names),
        ]
        for trial in best
    ]
    return table(("trial", exported.study.metric, "step", *names), rows)


def _varies(trials: Sequence[TrialRecord], name: str) -> bool:
    """Whether trials differ in a hyperparameter: equal columns say nothing in a table."""
    return len({repr(trial.params.get(name)) for trial in trials}) > 1


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return plain_text(value)


def escaped(text: str) -> str:
    """Give text for one line of Markdown: no markup, no line break, nothing invisible."""
    plain = printable(" ".join(text.split()))
    return _MARKUP.sub(lambda found: f"\\{found.group()}", plain)


def fenced(text: str, language: str = "") -> list[str]:
    """Give lines of code: the fence is longer than any run of backticks in it."""
    lines = [printable(line) for line in text.split("\n")]
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *lines, fence]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the lines of a table whose columns are padded to equal widths."""
    cells = [[escaped(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(headers))]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in lines]
