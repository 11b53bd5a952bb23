"""`labtui check`: what is to be concluded from a study, or from one trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import (
    GoalOption,
    JsonOption,
    LabOption,
    MetricOption,
    Misuse,
    Reference,
    SelectOption,
    open_lab,
)
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_fields, print_json, use_ascii, write, write_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.analysis.findings import NotJudged, Verdict
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.lineup import Lineup
    from labtui.verdicts.objective import Asked, Reranked
    from labtui.verdicts.summary import Entry

FAIL_ON = ("alert", "warning")
MOST_SHOWN = 3
ASCII = {"▲": "A", "→": "->"}


def check(
    name: Reference,
    lab: LabOption = None,
    metric: MetricOption = None,
    select: SelectOption = None,
    goal: GoalOption = None,
    every: Annotated[bool, typer.Option("--all", help="Name every trial of a finding.")] = False,
    fail_on: Annotated[
        str | None, typer.Option(metavar="alert|warning", help="Exit with 3 when there is one.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Say what is to be concluded.

    A study: its search space, its results, the curves of all its trials. A trial: its curves. What
    cannot be judged is named with the reason.
    """
    if fail_on is not None and fail_on not in FAIL_ON:
        raise Misuse(f"found --fail-on {fail_on!r}; expected {' or '.join(FAIL_ON)}")
    from labtui.store.records import StudyRecord
    from labtui.verdicts.objective import Asked

    asked = Asked(metric, select, goal)
    with open_lab(lab) as opened:
        found = opened.find(name)
        if isinstance(found, StudyRecord):
            verdict = _check_study(opened, found, asked, every=every, json=json)
        else:
            verdict = _check_trial(opened, found, asked, json=json)
    failed = fail_on is not None and any(
        one.severity in FAIL_ON[: FAIL_ON.index(fail_on) + 1] for one in verdict.findings
    )
    return ExitCode.ALERT if failed else ExitCode.DONE


def _check_study(lab: Lab, study: StudyRecord, asked: Asked, *, every: bool, json: bool) -> Verdict:
    from labtui.verdicts.check import check_study
    from labtui.verdicts.documents import check_document
    from labtui.verdicts.lineup import line_up, lineup_document
    from labtui.verdicts.objective import compare, reselect

    chosen, trials = reselect(lab, study, asked)
    checked = check_study(lab, chosen, trials)
    change = compare(study, lab.trials(study.name), chosen, trials) if asked else None
    lineup = line_up(lab, study, None if asked else checked)
    if json:
        print_json(check_document(chosen, checked, change, lineup_document(lineup)))
        return checked.verdict
    from labtui.verdicts.arm_names import arm_names, renamed
    from labtui.verdicts.summary import counts_text, entries

    shown = renamed(checked.verdict, arm_names(lab, chosen, trials))
    write_sentence(checked.answer.sentence)
    write()
    how = "best over training" if chosen.selection == "best" else "final value"
    print_fields(
        [
            ("study", study.name),
            ("goal", study.goal),
            ("objective", f"{chosen.direction} {chosen.metric} ({how})"),
            ("trials", _trials_text(len(checked.table), int(checked.table.infeasible.sum()))),
            ("so far", "" if checked.complete else f"{len(checked.table)} of {study.total} ended"),
            ("ranking", _ranking(change)),
            ("arms", checked.order.statement if checked.order else ""),
            ("found", counts_text(checked.verdict)),
        ]
    )
    print_lineup(lineup)
    _print(entries(shown, len(checked.table)), every=every)
    _print_not_judged(checked.verdict.not_judged)
    return checked.verdict


def _check_trial(lab: Lab, trial: TrialRecord, asked: Asked, *, json: bool) -> Verdict:
    from labtui.verdicts.check import check_trial
    from labtui.verdicts.documents import verdict_document
    from labtui.verdicts.objective import reselect_trial
    from labtui.verdicts.summary import counts_text, entries

    study, chosen = reselect_trial(lab, trial, asked)
    verdict = check_trial(lab, study, chosen)
    if json:
        print_json({"trial": trial.name, **verdict_document(verdict)})
        return verdict
    print_fields([("trial", trial.name), ("state", trial.state), ("found", counts_text(verdict))])
    _print(entries(verdict, 1), every=True)
    _print_not_judged(verdict.not_judged)
    return verdict


def print_lineup(lineup: Lineup | None) -> None:
    """Print a follow-up beside its parent: what became of each finding that it answers."""
    if lineup is None:
        return
    from labtui.verdicts.lineup import answer_lines, shared_text
    from labtui.verdicts.summary import GLYPHS
    from labtui.verdicts.text import clean

    write()
    so_far = "" if lineup.complete else ", so far"
    write_sentence(f"follows {lineup.parent.name} ({lineup.kind or 'goes on from it'}){so_far}")
    if shared := shared_text(lineup):
        _print_indented(shared)
    if lineup.reading is not None:
        _print_indented(lineup.reading.text)
        for row in lineup.reading.rows:
            write_sentence(row, indent="      ")
    for one in lineup.answers:
        write_sentence(f"  {one.status}: {clean(one.finding)}")
        for line in answer_lines(one):
            _print_indented(line)
    for found in lineup.new:
        glyph = _plain(GLYPHS[found.severity])
        write_sentence(f"  new: {glyph} {found.code}: {found.message}")


def _trials_text(ended: int, infeasible: int) -> str:
    return f"{ended} ended, {infeasible} infeasible"


def _ranking(change: Reranked | None) -> str:
    from labtui.verdicts.objective import ranking_text

    return "" if change is None else ranking_text(change)


def _print(found: Sequence[Entry], *, every: bool) -> None:
    from labtui.verdicts.summary import GLYPHS, sentence, told

    for entry in found:
        write()
        about = f"  {entry.headline}" if entry.headline else ""
        glyph = _plain(GLYPHS[entry.severity])
        write_sentence(f"{glyph} {entry.code}{about}  [{entry.first.procedure}]")
        shown = entry.findings if every else entry.findings[:MOST_SHOWN]
        for one in shown:
            _print_indented(told(one, several=len(entry.findings) > 1))
        if len(shown) < len(entry.findings):
            _print_indented(f"… and {len(entry.findings) - len(shown)} more (--all names them)")
        _print_indented(_plain(f"→ {sentence(entry.first.advice)}"))


def _print_indented(text: str) -> None:
    write_sentence(text, indent="    ")


def _plain(text: str) -> str:
    if use_ascii():
        for sign, word in ASCII.items():
            text = text.replace(sign, word)
    return text


def _print_not_judged(unknown: Sequence[NotJudged]) -> None:
    from labtui.verdicts.summary import reasons

    if not unknown:
        return
    write("\ncannot judge")
    for one in reasons(unknown):
        about = f"{one.subject}: " if one.subject else ""
        often = f" ({one.count} times)" if one.count > 1 else ""
        write_sentence(f"{one.code}: {about}{one.reason}{often}", indent="    ")
