"""The lists of the lab screen: what they are called, and what an empty one says instead."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

PANES = ("studies", "workloads", "log")
"""In the order of their keys, 1 and up."""

NAMES = {"studies": "studies", "workloads": "workloads", "log": "experiment log"}
TWINS = {"studies": "labtui list", "workloads": "labtui workload", "log": "labtui log"}

BEGIN = (
    "{lab.new}  designs a first study\n"
    "labtui tour  opens a lab of finished ones\n\n"
    "or in another terminal, and it appears here:\n"
    "labtui run sample_studies/digits_optimizers.yaml"
)

EMPTY = {
    "studies": (
        "No studies yet",
        "A study asks one question, and trains trials that answer it.",
        BEGIN,
    ),
    "workloads": (
        "No workloads yet",
        "A workload is what is tuned; the first study or probe of one makes it.",
        BEGIN,
    ),
}
"""Title, explanation and next step for a list without rows."""


def line(here: str, counts: Mapping[str, str]) -> Content:
    """Write the names of the lists, each to be clicked on; the one that is shown stands out."""
    parts: list[str | tuple[str, str]] = []
    for place, pane in enumerate(PANES, 1):
        style = "$text-primary bold reverse" if pane == here else "$faded"
        words = f"{place} {NAMES[pane]}{counts.get(pane, '')}"
        parts += [(f" {words} ", f"{style} @click=screen.show('{pane}')")]
    return Content.assemble(*parts)


def count(shown: int, total: int, marked: int) -> str:
    """Say how many rows a list has: `` 3 of 12, 2 marked``; empty for none."""
    many = "" if not total else f" {total}" if shown == total else f" {shown} of {total}"
    return f"{many}, {marked} marked" if marked else many
