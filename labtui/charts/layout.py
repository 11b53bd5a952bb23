"""Where everything goes: the plot, its ticks, and the rows of text around it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from labtui.charts.braille import pixels
from labtui.charts.grid import Canvas, Region, cut, in_cells
from labtui.charts.scale import Scale
from labtui.charts.spec import ChartSpec
from labtui.charts.ticks import Tick, axis_ticks

_TITLE_FROM, _MARKS_FROM, _NOTES_FROM, _X_LABEL_FROM = 8, 9, 10, 11


class Placed(NamedTuple):
    """A tick on the screen: its column or row, where its label starts, the label, its value."""

    cell: int
    start: int
    label: str
    at: float = 0.0


@dataclass(frozen=True)
class Frame:
    """The rows and columns of a figure.

    Attributes:
        plot: The cells inside the axes.
        data: `plot` without the lane of the infeasible points.
        lane: The row of the infeasible points.
        title: The row of the title, or None.
        marks: The row of the labels of vertical marks, or None.
        x_label: The row of the name of the horizontal axis, or None.
        notes: The row of the notes of categories, or None.
        x_ticks: Ticks below the plot.
        y_ticks: Ticks at its left.
    """

    plot: Region
    data: Region
    lane: int
    title: int | None
    marks: int | None
    x_label: int | None
    notes: int | None
    x_ticks: list[Placed]
    y_ticks: list[Placed]


def arrange(spec: ChartSpec, x: Scale, y: Scale, width: int, height: int, *, lane: bool) -> Frame:
    """Share out the cells; rows that a small figure cannot afford are left out.

    Args:
        spec: The figure.
        x: Its horizontal scale.
        y: Its vertical scale.
        width: Cells across.
        height: Rows.
        lane: Whether there are infeasible points, which get a row of their own.
    """
    title = 0 if height >= _TITLE_FROM and (spec.title or spec.y.label) else None
    top = 0 if title is None else 1
    marked = any(mark.axis == "x" and mark.label for mark in spec.marks)
    marks = top if height >= _MARKS_FROM and marked else None
    top += marks is not None
    x_label = height - 1 if height >= _X_LABEL_FROM and spec.x.label else None
    noted = height >= _NOTES_FROM and bool(spec.x.notes) and spec.x.categories is not None
    notes = height - 1 - (x_label is not None) if noted else None
    rows = height - top - 2 - (x_label is not None) - noted
    at_top = spec.worst == "top"
    data_top = top + (1 if lane and at_top else 0)
    data_rows = rows - (1 if lane else 0)
    at_left = y_ticks(y, data_top, data_rows, width // 4)
    left = min(max((len(tick.label) for tick in at_left), default=0) + 1, width // 2)
    plot = Region(left, top, width - left, rows)
    data = Region(left, data_top, width - left, data_rows)
    return Frame(
        plot,
        data,
        top if at_top else top + rows - 1,
        title,
        marks,
        x_label,
        notes,
        x_ticks(x, plot, width),
        at_left,
    )


def column_of(x: Scale, value: float, region: Region) -> int | None:
    """The column of a data value, or None where it is out of sight."""
    share = x.place(value)
    if not 0 <= share <= 1:
        return None
    return region.left + _cell(share, region.width, 2)


def row_of(y: Scale, value: float, region: Region) -> int | None:
    """The row of a data value, or None where it is out of sight."""
    share = y.place(value)
    if not 0 <= share <= 1:
        return None
    return region.top + _cell(1 - share, region.height, 4)


def _cell(share: float, cells: int, pixels_each: int) -> int:
    """The cell that holds a share of an axis, rounded as the braille dots are."""
    return int(pixels(np.array([share]), cells * pixels_each)[0]) // pixels_each


def _shares(scale: Scale, ticks: list[Tick]) -> list[float]:
    return [float(share) for share in scale.unit(np.array([tick.at for tick in ticks]))]


def y_ticks(y: Scale, top: int, rows: int, widest: int) -> list[Placed]:
    """Ticks for `rows` rows from `top` on, labels cut to `widest` cells.

    Of numbers at most every second row has one, and in a high plot fewer.
    """
    count = rows if y.categories is not None else max(2, min(rows // 2, 4 + rows // 6))
    ticks = axis_ticks(y, count)
    placed: dict[int, Placed] = {}
    for tick, share in zip(ticks, _shares(y, ticks), strict=True):
        if 0 <= share <= 1:
            row = top + _cell(1 - share, rows, 4)
            placed.setdefault(row, Placed(row, 0, cut(in_cells(tick.label), widest)))
    return list(placed.values())


def x_ticks(x: Scale, plot: Region, width: int) -> list[Placed]:
    """As many ticks as there is room for, their labels at least two cells apart."""
    most = len(x.categories) if x.categories is not None else max(2, plot.width // 6)
    best: list[Placed] = []
    for count in range(most, 0, -1):
        placed = _placed_below(x, axis_ticks(x, count), plot, width)
        best = _without_collisions(placed)
        if len(best) == len(placed) and best:
            return best
    return best


def _placed_below(x: Scale, ticks: list[Tick], plot: Region, width: int) -> list[Placed]:
    shown = [pair for pair in zip(ticks, _shares(x, ticks), strict=True) if 0 <= pair[1] <= 1]
    widest = width
    if x.categories is not None:
        widest = max(4, plot.width // max(len(shown), 1) - 2)
    placed = []
    for tick, share in shown:
        column = plot.left + _cell(share, plot.width, 2)
        label = cut(in_cells(tick.label), widest)
        start = max(0, min(column - (len(label) - 1) // 2, width - len(label)))
        placed.append(Placed(column, start, label, tick.at))
    return placed


def notes_below(spec: ChartSpec, ticks: list[Placed], width: int) -> list[tuple[int, str]]:
    """Put the notes of categories under their names: first column and text in cells of each.

    A number that is cut short is a wrong number: where whole notes find no room between two ticks,
    their first words are written, and where these find none, nothing.

    Args:
        spec: The figure.
        ticks: The ticks below its plot.
        width: Columns there are.
    """
    gaps = [after.cell - before.cell for before, after in pairwise(ticks)]
    room = min(gaps, default=width) - 1
    whole = [in_cells(_note(spec, tick)) for tick in ticks]
    first = [note.partition(" ")[0] for note in whole]
    for notes in (whole, first):
        if max(map(len, notes), default=0) <= room:
            return [
                (max(0, min(tick.cell - (len(note) - 1) // 2, width - len(note))), note)
                for tick, note in zip(ticks, notes, strict=True)
                if note
            ]
    return []


def _note(spec: ChartSpec, tick: Placed) -> str:
    place = int(tick.at)
    return spec.x.notes[place] if place < len(spec.x.notes) else ""


def _without_collisions(placed: list[Placed]) -> list[Placed]:
    kept: list[Placed] = []
    for tick in placed:
        if not kept or tick.start >= kept[-1].start + len(kept[-1].label) + 2:
            kept.append(tick)
    return kept


def draw_frame(canvas: Canvas, spec: ChartSpec, frame: Frame) -> None:
    """Draw axes, ticks, title and axis names."""
    plot, axis = frame.plot, frame.plot.left - 1
    foot = plot.top + plot.height
    upright = np.full((plot.height, 1), ord("│"), dtype=np.uint32)
    canvas.cells(Region(axis, plot.top, 1, plot.height), upright, "axis")
    canvas.text(foot, axis, "└" + "─" * plot.width, "axis")
    for tick in frame.y_ticks:
        label = cut(tick.label, axis)
        canvas.text(tick.cell, axis - len(label), label, "label")
        canvas.text(tick.cell, axis, "┤", "axis")
    for tick in frame.x_ticks:
        canvas.text(foot, tick.cell, "┬", "axis")
        canvas.text(foot + 1, tick.start, tick.label, "label")
    if frame.notes is not None:
        for start, note in notes_below(spec, frame.x_ticks, canvas.width):
            canvas.text(frame.notes, start, note, "dim")
    if frame.title is not None:
        _draw_title(canvas, spec, frame.title)
    if frame.x_label is not None:
        label = cut(in_cells(spec.x.label), canvas.width)
        centre = plot.left + (plot.width - len(label)) // 2
        canvas.text(frame.x_label, max(0, min(centre, canvas.width - len(label))), label, "label")


def _draw_title(canvas: Canvas, spec: ChartSpec, row: int) -> None:
    title, label = in_cells(spec.title), in_cells(spec.y.label)
    if not title or title == label:
        canvas.text(row, 0, cut(label, canvas.width), "label")
        return
    canvas.text(row, 0, cut(title, canvas.width), "title")
    room = canvas.width - len(title) - 3
    short = label.partition(" (")[0]
    leaf = short.rpartition("/")[2]
    label = next((one for one in (label, short) if len(one) <= room), leaf)
    if label and room >= min(len(label), 8):
        canvas.text(row, len(title), " · " + cut(label, room), "label")
