"""What a trial says of itself: outcome, parameters, traceback, and what reproduces it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from textual.content import Content

from labtui.tui.states import state_content
from labtui.tui.verdict_text import verdict_lines
from labtui.tui.widgets.textpane import Line, heading, pairs
from labtui.verdicts.text import ago, clean, domain_text, duration, number, value_text

if TYPE_CHECKING:
    from labtui.analysis.findings import Verdict
    from labtui.store.records import CheckpointRecord, NoteRecord, StudyRecord, TrialRecord


MOST_NOTE = 500
"""Characters of a note that are shown: a few lines; `labtui show` has more of it."""

Pairs: TypeAlias = list[tuple[str, str]]


def trial_title(trial: TrialRecord) -> Content:
    """Write the lines above: which trial, its state, and why."""
    reason = f"  {clean(trial.reason)}" if trial.reason else ""
    return Content.assemble(
        (f"{clean(trial.name)}  ", "$text-primary bold"),
        state_content(trial.state),
        reason,
        "\n",
        f"{clean(trial.arm)}   " if trial.arm else "",
        (f"= labtui show {clean(trial.name)}", "$text-muted"),
    )


def trial_text(
    study: StudyRecord,
    trial: TrialRecord,
    definitions: Sequence[Mapping[str, Any]],
    checkpoints: Sequence[CheckpointRecord],
    warnings: Sequence[str] = (),
    found: Sequence[Line] = (),
    noted: Sequence[tuple[str, str]] = (),
) -> Content:
    """Write all there is to know about a trial.

    Args:
        study: Its study.
        trial: The trial.
        definitions: The hyperparameters of the study.
        checkpoints: Those of the trial.
        warnings: What its trainer said about it.
        found: What was judged of its curves.
        noted: Its tags and notes: see `trial_notes`.
    """
    parts = [heading(f"Outcome: {clean(study.metric)}"), pairs(_outcome(trial)), Content("\n")]
    if trial.detail:
        parts += [heading("What the program said"), _detail(trial.detail), Content("\n")]
    if warnings:
        said = "".join(f"  ! {clean(text)}\n" for text in warnings)
        parts += [heading("Warnings"), Content.styled(said, "$text-warning"), Content("\n")]
    if noted:
        parts += [heading("Notes and tags"), pairs(list(noted)), Content("\n")]
    if found:
        parts += [heading("What its curves say"), *map(_indented, found), Content("\n")]
    parts += [heading("Hyperparameters"), pairs(_parameters(trial, definitions)), Content("\n")]
    parts += [heading("To reproduce it"), pairs(_reproduction(study, trial)), Content("\n")]
    if checkpoints:
        parts += [heading("Checkpoints"), pairs([_checkpoint(c) for c in checkpoints])]
    return Content.assemble(*parts)


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


def _indented(line: Line) -> Content:
    return Content.styled(
        f"{' ' * (line.indent + 2) if line.text else ''}{line.text}\n", line.style
    )


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


def _detail(text: str) -> Content:
    return Content.styled(clean(text.rstrip(), multiline=True) + "\n", "$text-error")


def _parameters(
    trial: TrialRecord, definitions: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    domains: dict[str, str] = {}
    for d in definitions:
        said = f"{d['role']}: {domain_text(d)}" if d["role"] != "fixed" else "fixed"
        if str(d["name"]) not in domains or _in_force(d, trial.params):
            domains[str(d["name"])] = said
    return [
        (clean(name), f"{value_text(value):<12}  {domains.get(name, '')}".rstrip())
        for name, value in trial.params.items()
    ]


def _in_force(definition: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    conditions = (definition.get("when") or {}).items()
    return all(
        params.get(name) in (allowed if isinstance(allowed, list) else [allowed])
        for name, allowed in conditions
    )


def _reproduction(study: StudyRecord, trial: TrialRecord) -> list[tuple[str, str]]:
    versions = " ".join(f"{name} {version}" for name, version in trial.versions.items())
    rows = [
        ("seed", str(trial.seed) if trial.seed is not None else ""),
        ("point", f"{trial.point} of the sequence" if trial.point is not None else ""),
        ("device", trial.device),
        ("versions", versions),
        ("study", study.command),
        ("in folder", study.folder),
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
