"""`labtui compare`: trials or studies beside each other, and what may be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, open_lab
from labtui.cli.output import print_json, print_table, use_ascii, write, write_sentence

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.verdicts.comparison import Comparison, Row

PLOTS = ("curves", "isolation")
DIFFERS = ("≠", "#")
"""How a row is marked whose cells are not all the same; the second one for ASCII alone."""


def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="A B …", help="Two to eight studies, or trials: STUDY/17."),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Also the rows in which all are the same.")
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option(metavar="curves|isolation", help="Draw them over, or beside, each other."),
    ] = None,
    json: JsonOption = False,
    lab: LabOption = None,
) -> None:
    """Compare trials or studies: what differs, whether it is fair, and what may be concluded.

    A difference is set beside what chance alone does. A study among trials stands for its best
    trial. `--plot curves` draws the curves of the trials (of studies: of their best) over each
    other, `--plot isolation` what each value of a hyperparameter reached in each study.
    """
    from labtui.verdicts.comparison import compare as compare_names

    if plot is not None and (plot not in PLOTS or json):
        found = "--json" if plot in PLOTS else repr(plot)
        raise Misuse(f"found --plot with {found}; expected {' or '.join(PLOTS)}, without --json")
    with open_lab(lab) as opened:
        made = compare_names(opened, names, judge=plot is None)
        if json:
            from labtui.verdicts.comparison import comparison_document

            print_json(comparison_document(made))
        elif plot is not None:
            _draw(opened, made, plot)
        else:
            _print(made, every=every)


def _print(made: Comparison, *, every: bool) -> None:
    from labtui.verdicts.comparison_words import told

    for one in told(made):
        write_sentence(f"{_sign(one.glyph)}{one.text}")
    labels = made.labels
    for section in made.sections:
        shown = every or section.name == "findings"
        rows = [row for row in section.rows if shown or row.differs]
        alike = len(section.rows) - len(rows)
        write()
        if not rows:
            write_sentence(f"{section.name}: the same in {_all(made)} (--all shows them)")
            continue
        short = [row for row in rows if not row.long]
        if short:
            headers = ("", section.name, *labels)
            print_table(headers, [(_mark(row), row.name, *row.cells) for row in short])
        for row in rows:
            if row.long:
                _print_long(row, labels)
        if alike:
            write_sentence(f"  and {alike} that are the same (--all shows them)")


def _all(made: Comparison) -> str:
    return "both" if len(made.sides) == 2 else f"all {len(made.sides)}"


def _print_long(row: Row, labels: tuple[str, ...]) -> None:
    write_sentence(f"{_mark(row)}  {row.name}")
    for label, cell in zip(labels, row.cells, strict=True):
        write_sentence(f"{label}: {cell}", indent="     ")


def _mark(row: Row) -> str:
    return DIFFERS[use_ascii()] if row.differs else " "


def _sign(glyph: str) -> str:
    plain = {"▲": "! "}.get(glyph, "") if use_ascii() else ""
    return plain or (f"{glyph} " if glyph and not use_ascii() else "")


def _draw(lab: Lab, made: Comparison, plot: str) -> None:
    from labtui.cli.plot import draw
    from labtui.verdicts.comparison_figures import curve_figures, isolation_figures

    if plot == "curves":
        draw(curve_figures(lab, made))
        return
    if made.kind != "studies":
        raise Misuse("isolation plots compare studies; these are trials (`--plot curves`)")
    for place, aligned in enumerate(isolation_figures(made)):
        if place:
            write()
        write_sentence(f"{aligned.name}: {aligned.measured}, on one vertical axis")
        draw(aligned.figures)
