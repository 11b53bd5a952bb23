"""Where everything of an SVG figure goes, in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labtui.charts.scale import Floats, Scale
from labtui.charts.spec import ChartSpec, Mark, Series
from labtui.charts.svg_parts import LABEL, TITLE, fitted, plain, text_width
from labtui.charts.ticks import Tick, axis_ticks

SMALLEST = 160, 120
"""Figures are drawn at least this wide and high."""

LINE = 18
"""Height of a line of text."""

_PAD, _LANE, _SWATCH, _GAP = 8, 16, 22, 16
_LEGEND_SHARE = 0.25
_MARGIN_SHARE = 0.25


class Label(NamedTuple):
    """Text at a place; `at` is what it names: a tick, a mark."""

    at: float
    x: float
    text: str


class Entry(NamedTuple):
    """One entry of the legend: a series, a mark, or how many of them found no room."""

    what: Series | Mark | None
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


@dataclass(frozen=True)
class Places:
    """The places of a figure.

    Attributes:
        plot: Inside the axes.
        data: `plot` without the lane of infeasible points.
        lane: The middle of that lane.
        title: The title as far as it fits.
        marks: Labels of vertical marks, above the plot.
        levels: Labels of horizontal marks, at its right, `at` and `x` being their heights.
        x_ticks: Below the plot.
        notes: Below those, on an axis of categories.
        y_ticks: At its left.
        legend: Below everything.
    """

    width: int
    height: int
    plot: Box
    data: Box
    lane: float
    title: str
    marks: list[tuple[Label, Mark]]
    levels: list[tuple[Label, Mark]]
    x_ticks: list[Label]
    notes: list[Label]
    y_ticks: list[Label]
    legend: list[Entry]

    def across(self, share: Floats) -> Floats:
        """Shares of the horizontal axis as pixels from the left of the figure."""
        return self.data.left + share * self.data.width

    def down(self, share: Floats) -> Floats:
        """Shares of the vertical axis as pixels from the top of the figure."""
        return self.data.bottom - share * self.data.height


def arrange(spec: ChartSpec, x: Scale, y: Scale, width: int, height: int, *, lane: bool) -> Places:
    """Share out the pixels.

    Args:
        spec: The figure.
        x: Its horizontal scale.
        y: Its vertical scale.
        width: Of the figure.
        height: Of the figure.
        lane: Whether there are infeasible points, which get a strip of their own.
    """
    widest = width * _MARGIN_SHARE
    entries = _legend(_named(spec, widest), width, max(LINE, int(height * _LEGEND_SHARE)))
    legend_lines = len({entry.y for entry in entries})
    top = _PAD + (TITLE + 10 if spec.title else 0)
    marked = any(mark.axis == "x" and mark.label for mark in spec.marks)
    top += LINE if marked else 0
    noted = spec.x.categories is not None and any(spec.x.notes)
    lines = bool(spec.x.label) + noted + legend_lines
    below = LABEL + 12 + lines * LINE + _PAD
    plot_height = max(height - top - below, 40)
    data = Box(0, top + (_LANE if lane and spec.worst == "top" else 0), 0, 0)
    data_height = plot_height - (_LANE if lane else 0)
    y_ticks = _y_ticks(y, data.top, data_height, widest)
    name = LINE if y_label(spec) else 0
    left = _PAD + name + max((text_width(tick.text) for tick in y_ticks), default=0) + 8
    levels = _levels(spec, y, data.top, data_height, widest)
    right = max((text_width(label.text) + 6 for label, _ in levels), default=0) + _PAD + 8
    plot_width = max(width - left - right, 40)
    plot = Box(left, top, plot_width, plot_height)
    lane_at = top + _LANE / 2 if spec.worst == "top" else plot.bottom - _LANE / 2
    first = height - legend_lines * LINE - _PAD + LABEL
    return Places(
        width,
        height,
        plot,
        Box(left, data.top, plot_width, data_height),
        lane_at,
        fitted(spec.title, width - 2 * _PAD, TITLE * 1.1),
        _upright(spec, x, plot, width) if marked else [],
        levels,
        _x_ticks(x, plot, width),
        _notes(spec, x, plot, width) if noted else [],
        y_ticks,
        [entry._replace(y=first + entry.y * LINE) for entry in entries],
    )


def y_label(spec: ChartSpec) -> str:
    """Name the vertical axis, unless the title does."""
    return "" if spec.y.label == spec.title else spec.y.label


def name_for(label: str, room: float) -> str:
    """Fit the name of an axis; what is in parentheses at its end is the first to go."""
    short = label.rpartition(" (")[0]
    return fitted(short if short and text_width(plain(label)) > room else label, room)


def _inside(scale: Scale, ticks: list[Tick]) -> list[tuple[Tick, float]]:
    shares = scale.unit(np.array([tick.at for tick in ticks]))
    pairs = zip(ticks, shares.tolist(), strict=True)
    return [(tick, share) for tick, share in pairs if -1e-9 <= share <= 1 + 1e-9]


def _y_ticks(y: Scale, top: float, height: float, widest: float) -> list[Label]:
    room = max(2, int(height // (LINE if y.categories is not None else 2 * LINE)))
    placed = []
    for tick, share in _inside(y, axis_ticks(y, room)):
        placed.append(Label(top + (1 - share) * height, 0, fitted(tick.label, widest)))
    return placed


def _x_ticks(x: Scale, plot: Box, width: int) -> list[Label]:
    """As many ticks as there is room for between their labels."""
    most = len(x.categories) if x.categories is not None else max(2, int(plot.width // 48))
    best: list[Label] = []
    for count in range(max(most, 1), 0, -1):
        pairs = _inside(x, axis_ticks(x, count))
        widest = width / 2
        if x.categories is not None:
            widest = max(4 * LABEL, plot.width / max(len(pairs), 1) - 8)
        labels = [(tick, share, fitted(tick.label, widest)) for tick, share in pairs]
        wanted = [(plot.left + share * plot.width, text) for _, share, text in labels]
        best = _spread(wanted, width, push=False)
        if len(best) == len(wanted) and best:
            return best
    return best


def _notes(spec: ChartSpec, x: Scale, plot: Box, width: int) -> list[Label]:
    """What is said of each category, as far as there is room for all of them."""
    named = zip(spec.x.categories or (), spec.x.notes, strict=False)
    shares = x.unit(np.arange(len(spec.x.notes), dtype=np.float64)).tolist()
    room = plot.width / max(len(spec.x.categories or ()), 1) - 4
    wanted = [
        (plot.left + share * plot.width, fitted(note, room))
        for (_, note), share in zip(named, shares, strict=False)
        if 0 <= share <= 1
    ]
    return _spread(wanted, width, push=False)


def _spread(wanted: list[tuple[float, str]], width: int, *, push: bool) -> list[Label]:
    """Put labels in a row, each centred at its place as far as the figure and the others allow.

    Args:
        wanted: Places, ascending, and labels.
        width: Of the figure.
        push: Move a label to the right until it is free, cutting it; otherwise drop it.
    """
    free, placed = 2.0, []
    for at, text in wanted:
        size = text_width(text)
        start = max(2.0, min(at - size / 2, width - 2 - size))
        if start < free and not push:
            continue
        start = max(start, free)
        # A label at the very edge fits: what is left then is its size but for rounding.
        text = fitted(text, width - 2 - start + 0.01)
        if text:
            placed.append(Label(at, start, text))
            free = start + text_width(text) + 6
    return placed


def _upright(spec: ChartSpec, x: Scale, plot: Box, width: int) -> list[tuple[Label, Mark]]:
    seen = [(x.place(mark.value), mark) for mark in spec.marks if mark.axis == "x" and mark.label]
    shown = sorted((pair for pair in seen if 0 <= pair[0] <= 1), key=lambda pair: pair[0])
    found: list[tuple[Label, Mark]] = []
    row = [(plot.left + share * plot.width, mark.label) for share, mark in shown]
    labels = _spread([(at, fitted(text, width / 2)) for at, text in row], width, push=True)
    by_place = {label.at: label for label in labels}
    for (at, _), (_, mark) in zip(row, shown, strict=True):
        if at in by_place:
            found.append((by_place.pop(at), mark))
    return found


def _levels(
    spec: ChartSpec, y: Scale, top: float, height: float, widest: float
) -> list[tuple[Label, Mark]]:
    """Labels of horizontal marks beside the plot, moved apart where they would touch."""
    beside = [mark for mark in spec.marks if mark.axis == "y" and _fits(mark, widest)]
    seen = [(y.place(mark.value), mark) for mark in beside if mark.label]
    shown = sorted((pair for pair in seen if 0 <= pair[0] <= 1), key=lambda pair: -pair[0])
    free, found = top, []
    for share, mark in shown:
        at = top + (1 - share) * height
        line = max(at, free)
        free = line + LABEL + 2
        found.append((Label(at, line, fitted(mark.label, widest)), mark))
    return found


def _fits(mark: Mark, widest: float) -> bool:
    return text_width(plain(mark.label)) <= widest


def _named(spec: ChartSpec, widest: float) -> list[Series | Mark]:
    """What the legend names: series, and horizontal marks too long for the margin."""
    series = [one for one in spec.series if one.label.strip()]
    return [*series, *(m for m in spec.marks if m.axis == "y" and not _fits(m, widest))]


def _legend(named: list[Series | Mark], width: int, height: int) -> list[Entry]:
    """Entries side by side, `y` being their line; the last one says how many found no room."""
    rows = max(1, height // LINE)
    entries: list[Entry] = []
    left, line = float(_PAD), 0
    for place, what in enumerate(named):
        text = fitted(what.label, width - 2 * _PAD - _SWATCH)
        size = _SWATCH + text_width(text) + _GAP
        if left + size - _GAP > width - _PAD and left > _PAD:
            left, line = float(_PAD), line + 1
        if line == rows:
            return _with_rest(entries, len(named) - place, width)
        entries.append(Entry(what, left, line, text))
        left += size
    return entries


def _with_rest(entries: list[Entry], left_out: int, width: int) -> list[Entry]:
    """End the last line with the number of entries that found no room."""
    while True:
        last = entries[-1]
        at = last.x + _SWATCH + text_width(last.text) + _GAP
        text = f"+{left_out} more"
        if at + text_width(text) <= width - _PAD or len(entries) == 1:
            return [*entries, Entry(None, at, last.y, text)]
        entries, left_out = entries[:-1], left_out + 1
