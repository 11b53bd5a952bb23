"""`labtui note`: what people say about workloads, studies and trials: notes and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths, open_lab
from labtui.cli.output import print_json, say, write

if TYPE_CHECKING:
    from labtui.cli.editor import Draft
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.store.records import NoteRecord
    from labtui.verdicts.remarks import Subject

STDIN = "-"


def note(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|TRIAL]", help="A study, or a trial: STUDY/17, or its id."),
    ] = None,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="The note; - takes it from stdin."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="W", help="On a workload, in the place of NAME.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Add a tag; can be repeated.")
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Take a tag away; can be repeated.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the notes and tags.")] = False,
    json: JsonOption = False,
    lab: LabOption = None,
) -> None:
    """Attach a note or tags to a study, a trial or a workload.

    Without TEXT, and without a tag, it is written in $VISUAL or $EDITOR. What cannot be stored is
    kept in a file.
    """
    name, text = _arguments(name, text, workload)
    if listed or json:
        if text or tag or untag:
            raise Misuse("--list prints notes and changes none; leave the text and the tags out")
        _print_notes(lab_paths(lab), name, workload, json=json)
        return
    for one in (*(tag or ()), *(untag or ())):
        _check_tag(one)
    paths = lab_paths(lab)
    with open_lab(lab) as opened:
        about = _subject(opened, name, workload)
        if about is None:
            raise Misuse("expected the NAME of a study or trial, or --workload W")
        _check_untag(opened, about, untag or ())
    done = []
    if text is not None or not (tag or untag):
        draft = _draft(text, about, paths)
        if not draft.text:
            say(
                f"nothing was written: nothing is noted on {about.name} (an editor that returns at "
                "once needs to be told to wait, as in VISUAL='code --wait')"
            )
            return
        _store(paths, about, draft)
        done.append(f"noted on {about.name}")
    if tag or untag:
        done.append(_change_tags(paths, about, tag or (), untag or ()))
    say("; ".join(done))


def _arguments(
    name: str | None, text: str | None, workload: str | None
) -> tuple[str | None, str | None]:
    """Tell the name from the text: beside ``--workload`` there is only a text."""
    if workload is None:
        return name, text
    if text is not None:
        raise Misuse(f"found a NAME, {name!r}, beside --workload {workload}; expected one of them")
    return None, name


def _subject(lab: Lab, name: str | None, workload: str | None) -> Subject | None:
    """Find what is meant; None for all of the lab.

    Raises:
        UnknownName: There is no such thing.
    """
    from labtui.store.records import StudyRecord
    from labtui.verdicts.remarks import Subject

    if workload is not None:
        return Subject(lab.workload(workload).name, "workload")
    if name is None:
        return None
    found = lab.find(name)
    return Subject(found.name, "study" if isinstance(found, StudyRecord) else "trial")


# -- notes ----------------------------------------------------------------------------------------


def _draft(text: str | None, about: Subject, paths: LabPaths) -> Draft:
    from labtui.cli.editor import Draft, from_editor, from_stdin

    if text == STDIN:
        draft = from_stdin()
    elif text is not None:
        draft = Draft(text)
    else:
        from labtui.verdicts.text import clean

        return from_editor(
            [
                f"A note on the {about.kind} {clean(about.name)} of {clean(str(paths.db))}.",
                "Write it below. These lines are left out; without any other nothing is noted.",
            ]
        )
    if not draft.text.strip():
        raise Misuse("found an empty note; expected text")
    return draft


def _store(paths: LabPaths, about: Subject, draft: Draft) -> None:
    from labtui.cli.editor import storing
    from labtui.verdicts.remarks import store_note

    with storing(draft):
        store_note(paths, about, draft.text)


def _print_notes(paths: LabPaths, name: str | None, workload: str | None, *, json: bool) -> None:
    from dataclasses import asdict

    with open_lab(paths.db) as opened:
        about = _subject(opened, name, workload)
        notes = [one for one in opened.all_notes() if _concerns(one.subject, about)]
        tags = {key: of for key, of in opened.tags().items() if _concerns(key, about)}
    if json:
        print_json({"notes": [asdict(one) for one in notes], "tags": tags})
        return
    if not (notes or tags):
        say(f"no note and no tag {'yet' if about is None else f'on {about.name}'}")
    write_notes(notes)
    for subject, of in tags.items():
        from labtui.verdicts.text import clean

        write(f"{clean(subject)}  tags: {clean(', '.join(of))}")


def _concerns(subject: str, about: Subject | None) -> bool:
    """Say whether a note or tag is of what was asked for: of a study, its trials' as well."""
    if about is None or subject == about.key:
        return True
    return about.kind == "study" and subject.rpartition("/")[0] == about.name


def write_notes(notes: Sequence[NoteRecord]) -> None:
    """Print notes in full: when, on what, and the text below."""
    from labtui.verdicts.text import clean

    for one in notes:
        write(f"{clean(one.created)}  {clean(one.subject)}")
        for line in clean(one.text, multiline=True).split("\n"):
            write(f"    {line}".rstrip())


# -- tags -----------------------------------------------------------------------------------------


def _check_tag(tag: str) -> None:
    """See that a tag is one word.

    Raises:
        Misuse: It is not.
    """
    from labtui.verdicts.remarks import tag_problem

    problem = tag_problem(tag)
    if problem:
        raise Misuse(problem)


def _check_untag(lab: Lab, about: Subject, untag: Sequence[str]) -> None:
    from labtui.verdicts.remarks import tags_of

    has = tags_of(lab, about)
    for tag in untag:
        if tag not in has:
            raise Misuse(f"{about.name} has no tag {tag!r}; it has {', '.join(has) or 'none'}")


def _change_tags(paths: LabPaths, about: Subject, add: Sequence[str], remove: Sequence[str]) -> str:
    from labtui.verdicts.remarks import change_tags

    has = change_tags(paths, about, add, remove)
    return f"tags of {about.name}: {', '.join(has) or 'none'}"
