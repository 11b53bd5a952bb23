"""A draft as the text of its file, with the comments that still hold; and a file as a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labtui.study.followup_text import Path, commented_study
from labtui.study.plan import arms
from labtui.study.scaffold import study_text
from labtui.study.yamltree import Node, read_tree
from labtui.tui.drafts.drafting import ROLES, Draft, listed

if TYPE_CHECKING:
    from labtui.study.spec import Study


def file_text(draft: Draft, study: Study) -> str:
    """Write the file of a draft that is a study.

    Returns:
        YAML that `labtui.study.spec.parse_study` reads as the study.
    """
    if not draft.reasons:
        return commented_study(study, draft.comments, draft.head)
    fields = {key: value for key, value in draft.document.items() if key != "hyperparameters"}
    return study_text(fields, _groups(draft), above=_above(draft, study), below=_below(draft))


def _groups(draft: Draft) -> list[tuple[str, dict[str, Sequence[Mapping[str, Any]]]]]:
    """Bring hyperparameters together that have their role for one reason, role by role."""
    found: dict[tuple[int, str], dict[str, Sequence[Mapping[str, Any]]]] = {}
    order = list(ROLES.values())
    for name, present in draft.definitions.items():
        place = order.index(str(present[0]["role"]))
        found.setdefault((place, draft.reasons.get(name, "")), {})[name] = present
    return [(why, found[place, why]) for place, why in sorted(found, key=lambda key: key[0])]


def _above(draft: Draft, study: Study) -> list[str]:
    count = len(arms(study))
    told = f"{count} arm{'s' * (count != 1)} of {study.budget.trials} trials"
    return [
        f"Designed with labtui: {told}. Values are from {draft.source}.",
        "`labtui plan` judges it, `labtui run` runs it.",
    ]


def _below(draft: Draft) -> list[str]:
    left = [name for name in draft.left_out if name not in draft.definitions]
    if not left:
        return []
    return [f"Left out, because nothing here that trains has a use for it: {', '.join(left)}."]


# -- a file as a draft --------------------------------------------------------------------------


def read_file_text(text: str) -> tuple[dict[str, Any], dict[Path, str], list[str]]:
    """Read the text of a study that labtui wrote.

    Returns:
        What it says, with lists of definitions; its comments, by what stands below them; and
        those at its top, a line each.
    """
    tree = read_tree(text, "study.yaml")
    places = dict(_places(tree.root, ()))
    comments: dict[Path, str] = {}
    head: list[str] = []
    held: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.strip()
        if plain.startswith("#"):
            held.append(plain.removeprefix("#").strip())
            continue
        if held and number in places:
            if number == min(places):
                head = held
            else:
                comments[places[number]] = " ".join(held)
        held = []
    return listed(tree.root.plain()), comments, head


def _places(node: Node, path: Path) -> list[tuple[int, Path]]:
    """Give the line of every part that can have a comment, the outermost part of a line last."""
    found: list[tuple[int, Path]] = []
    deep = len(path) < 3 and (not path or path[0] in ("hyperparameters", "configurations"))
    if deep and isinstance(node.value, dict):
        for key, child in node.value.items():
            found += [*_places(child, (*path, key)), (node.keys[key][0], (*path, key))]
    elif deep and isinstance(node.value, list):
        for index, child in enumerate(node.value):
            found.append((child.line, (*path, index)))
    return found
