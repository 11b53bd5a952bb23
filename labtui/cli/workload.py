"""`labtui workload`: what is known of a workload, and its baseline set by hand (P01)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths, open_lab
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_fields, print_json, print_table, say, write, write_sentence

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.verdicts.card import Card

STUDIES = ("study", "kind", "state", "done", "best", "trial", "active", "goal")
LAUNCHES = ("launch", "verdict", "trial", "against", "when", "reason")
MOST_STUDIES = 20
"""Most studies that are listed, those with the latest activity; `labtui list` has all."""


def workload(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The workload; without one, a table.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="TRIAL", help="Make this trial the baseline."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why it is the baseline.")
    ] = None,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Show a workload's card.

    Trainer, objective, chance, step time, batch sizes, retrain deviation, baseline, launches; and
    what is to be tuned or probed again since the baseline changed.
    """
    if baseline is None and reason is not None:
        raise Misuse("--reason says why a trial is the baseline; name the trial with --baseline")
    if baseline is not None:
        _set_baseline(name, baseline, reason, lab)
    with open_lab(lab) as opened:
        if name is None:
            _print_all(opened, json=json)
        else:
            _show(opened, name, json=json)
    return ExitCode.DONE


def _set_baseline(name: str | None, trial: str, reason: str | None, lab: LabOption) -> None:
    from labtui.verdicts.card import set_by_hand

    if name is None:
        raise Misuse("--baseline: found no workload; expected as labtui workload NAME --baseline …")
    if not (reason or "").strip():
        raise Misuse("--baseline: found no reason; say with --reason why this trial is it")
    trial, given = set_by_hand(lab_paths(lab), name, trial, str(reason).strip())
    say(f"{trial} is the baseline of {name} now (baseline {given})")


def _show(lab: Lab, name: str, *, json: bool) -> None:
    from labtui.verdicts.card import card_document, read_card

    card = read_card(lab, name)
    if json:
        print_json(card_document(card))
        return
    _print_card(card)


def _print_all(lab: Lab, *, json: bool) -> None:
    from labtui.verdicts.card import LIST_HEADERS, card_document, card_row, cards

    found = cards(lab)
    if json:
        print_json({"workloads": [card_document(card) for card in found]})
    elif found:
        print_table(LIST_HEADERS, [card_row(card) for card in found], right="value studies")
    else:
        say(f"{lab.paths.db} holds no workload yet; `labtui init` writes a study of one")


def _print_card(card: Card) -> None:
    from labtui.verdicts.card import task_sentences
    from labtui.verdicts.card_words import card_fields

    print_fields(card_fields(card))
    tasks = task_sentences(card)
    if tasks:
        write("\nto do")
    for line in tasks:
        write_sentence(line, indent="  ")
    _print_launches(card)
    _print_studies(card)
    _print_notes(card)


def _print_launches(card: Card) -> None:
    if not card.launches:
        return
    write("\nlaunches")
    rows = [
        (
            str(one.id),
            one.verdict,
            one.trial,
            "" if one.baseline is None else f"baseline {one.baseline}",
            one.created[:10],
            one.reason,
        )
        for one in card.launches
    ]
    print_table(LAUNCHES, rows, right="launch")


def _print_studies(card: Card) -> None:
    from labtui.verdicts.arm_names import shown_best
    from labtui.verdicts.text import ago, number

    if not card.studies:
        return
    write("\nstudies")
    rows = [
        (
            one.name,
            one.kind,
            one.state,
            f"{one.ended}/{one.total}",
            number(shown_best(one)),
            number(None if shown_best(one) is None else one.best_trial),
            ago(one.activity),
            one.goal,
        )
        for one in card.studies[:MOST_STUDIES]
    ]
    print_table(STUDIES, rows, right="done best trial")
    if len(card.studies) > MOST_STUDIES:
        write(f"… and {len(card.studies) - MOST_STUDIES} more; `labtui list`")


def _print_notes(card: Card) -> None:
    from labtui.verdicts.text import clean

    if card.notes:
        write("\nnotes")
    for when, text in card.notes:
        write(f"  {clean(when)}  {clean(text)}")
