"""What a trial says of itself: outcome, why it ended, traceback, and what reproduces it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from textual.content import Content

from labtui.tui.actions import key_of
from labtui.tui.states import GLYPHS, state_content
from labtui.tui.verdict_text import verdict_lines
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.text import ago, clean, duration, number

if TYPE_CHECKING:
    from labtui.analysis.findings import Verdict
    from labtui.store.records import CheckpointRecord, NoteRecord, StudyRecord, TrialRecord
    from labtui.verdicts.reproduction import Reproduction


MOST_NOTE = 500
"""Characters of a note that are shown: a few lines; `labtui show` has more of it."""

Pairs: TypeAlias = list[tuple[str, str]]


def trial_title(trial: TrialRecord, study: StudyRecord, width: int) -> Content:
    """Write the lines above: which trial, its state and why; its arm, its value, the command.

    Args:
        trial: The trial.
        study: Its study.
        width: Columns there are; a command that does not fit has a line of its own.
    """
    reason = f"  {clean(trial.reason)}" if trial.reason else ""
    best = trial.number == study.best_trial
    counts = trial.value is not None and trial.state not in ("infeasible", "failed")
    value = f"{clean(study.metric)} {number(trial.value)}" if counts else ""
    said = (clean(trial.arm), f"{value}, the best of {study.ended}" if best else value)
    line = "   ".join(filter(None, said))
    twin = f"= labtui show {clean(trial.name)}"
    fits = len(line) + 3 + len(twin) <= width
    between = ("   " if fits else "\n") if line else ""
    return Content.assemble(
        (f"{clean(trial.name)}  ", "$text-primary bold"),
        state_content(trial.state),
        reason,
        f"\n{line}{between}",
        (twin, "$faded"),
    )


@dataclass(frozen=True)
class Known:
    """What is known of a trial beside its own record.

    Attributes:
        checkpoints: Those of the trial.
        warnings: What its trainer said about it.
        found: What was judged of its curves.
        noted: Its tags and notes: see `trial_notes`.
        blowup: Where it diverged, in sentences.
        again: What trains it again.
    """

    checkpoints: Sequence[CheckpointRecord] = ()
    warnings: Sequence[str] = ()
    found: Sequence[Line] = ()
    noted: Sequence[tuple[str, str]] = ()
    blowup: Sequence[str] = ()
    again: Reproduction | None = None


def trial_text(study: StudyRecord, trial: TrialRecord, known: Known) -> list[Line]:
    """Write the facts about a trial, why it ended first."""
    sections: list[tuple[str, list[Line]]] = [
        ("Why it ended", _why(trial, known.blowup)),
        (f"Outcome: {clean(study.metric)}", _rows(_outcome(trial))),
        ("What the program said", _detail(trial.detail)),
        ("Warnings", [Line(f"! {clean(one)}", "$text-warning", 2, "  ") for one in known.warnings]),
        ("Notes and tags", _rows(known.noted)),
        ("What its curves say", [replace(one, indent=one.indent + 2) for one in known.found]),
        ("To reproduce it", _rows(_reproduction(study, trial, known.again))),
        ("Checkpoints", _rows([_checkpoint(one) for one in known.checkpoints])),
    ]
    lines: list[Line] = []
    for title, rows in sections:
        if rows:
            lines += [Line(title, "$text-primary bold"), *rows, Line()]
    return lines


def _why(trial: TrialRecord, blowup: Sequence[str]) -> list[Line]:
    """Say why a trial ended that did not complete."""
    if trial.state not in ("infeasible", "failed", "stopped") or not trial.reason:
        return []
    glyph = GLYPHS[trial.state]
    first = Line(f"{glyph} {trial.state}: {clean(trial.reason)}", "$text-error bold", 2, "  ")
    return [first, *(Line(one, "", 4, "  ") for one in blowup)]


def _rows(rows: Sequence[tuple[str, str]]) -> list[Line]:
    """Write names and values in two columns; a value that is longer goes on below itself."""
    width = max((len(name) for name, _ in rows), default=0)
    return [Line(f"{name:<{width}}  {value}", "", 2, " " * (width + 2)) for name, value in rows]


def trial_notes(trial: TrialRecord, notes: Sequence[NoteRecord], tags: Sequence[str]) -> Pairs:
    """Give the tags of a trial and, of the notes of its study, its own."""
    own = [(one.created[:10], _cut(one.text)) for one in notes if one.subject == trial.name]
    return [("tags", clean(", ".join(tags))), *own] if tags else own


def _cut(text: str) -> str:
    shown = clean(text[:MOST_NOTE])
    return shown if len(text) <= MOST_NOTE else f"{shown}… ({len(text):,} characters)"


def trial_findings(verdict: Verdict) -> list[Line]:
    """Write what was judged of the curves of one trial."""
    lines = list(verdict_lines(verdict, 1))
    return [Line("nothing to remark"), *lines] if not verdict.findings else lines[1:]


def _outcome(trial: TrialRecord) -> list[tuple[str, str]]:
    planned = f" of {trial.max_steps}" if trial.max_steps else ""
    attempt = f" in attempt {trial.attempt}" if trial.attempt > 1 else ""
    return [
        ("best", f"{number(trial.best_value)} at step {number(trial.best_step)}"),
        ("last", f"{number(trial.last_value)} at step {number(trial.last_step)}"),
        ("steps", f"{trial.step}{planned}{attempt}"),
        ("trained for", duration(trial.seconds)),
        ("started", ago(trial.started)),
        ("ended", ago(trial.finished)),
    ]


def _detail(text: str) -> list[Line]:
    shown = clean(text.rstrip(), multiline=True).split("\n") if text.strip() else []
    return [Line(one.strip(), "$text-error", 2 + len(one) - len(one.lstrip())) for one in shown]


def _reproduction(
    study: StudyRecord, trial: TrialRecord, again: Reproduction | None
) -> list[tuple[str, str]]:
    versions = " ".join(f"{name} {version}" for name, version in trial.versions.items())
    rows = [
        (f"{key_of('app.copy')} copies", again.command if again else ""),
        ("", f"{again.does}" if again else ""),
        ("same seed", again.study if again else ""),
        ("", "trains its whole study again" if again and again.study else ""),
        ("seed", str(trial.seed) if trial.seed is not None else ""),
        ("point", f"{trial.point} of the sequence" if trial.point is not None else ""),
        ("device", trial.device),
        ("versions", versions),
        ("interpreter", study.interpreter),
        ("commit", str(study.provenance.get("git_commit") or "")),
        ("imported from", trial.source),
        *((f"code {path}", sha[:12]) for path, sha in trial.code.items()),
    ]
    return [(clean(name), clean(value)) for name, value in rows if value]


def _checkpoint(checkpoint: CheckpointRecord) -> tuple[str, str]:
    best = "  best" if checkpoint.best else ""
    size = f"{checkpoint.size / 1e6:.1f} MB"
    return f"step {checkpoint.step}", f"{number(checkpoint.value)}  {size}{best}"
