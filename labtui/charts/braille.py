"""Lines, dots and bars as arrays of characters."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from labtui.charts.scale import Floats

_BLANK_BRAILLE = 0x2800
Pixels: TypeAlias = npt.NDArray[np.int32]
_EIGHTHS = np.array([0, *range(0x2581, 0x2589)], dtype=np.uint32)


def pixels(share: Floats, count: int) -> Floats:
    """Turn shares of an axis into pixel coordinates: pixel i covers i … i+1."""
    return share * (count - 1) + 0.5


def line_cells(
    x: Floats, y: Floats, joined: npt.NDArray[np.bool_], width: int, height: int
) -> npt.NDArray[np.uint32]:
    """Draw a line in braille.

    Args:
        x: Shares of the horizontal axis, shape (n,).
        y: Shares of the vertical axis, 0 at the bottom, shape (n,).
        joined: Whether point i is connected to point i+1, shape (n-1,).
        width: Cells across.
        height: Rows.

    Returns:
        Code points, shape (height, width); 0 where there is nothing.
    """
    across = pixels(x, 2 * width)
    down = pixels(1 - y, 4 * height)
    if x.size > 4 * width:
        return _dense_cells(across, down, joined, width, height)
    segments = np.stack([across[:-1], down[:-1], across[1:], down[1:]])[:, joined]
    segments = _clipped(segments, 2 * width, 4 * height)
    columns, rows = _walk(segments)
    return _packed(columns, rows, width, height)


def dot_cells(x: Floats, y: Floats, width: int, height: int) -> npt.NDArray[np.uint32]:
    """Draw single braille dots; arguments and result as in `line_cells`."""
    columns = pixels(x, 2 * width).astype(np.int32)
    rows = pixels(1 - y, 4 * height).astype(np.int32)
    return _packed(columns, rows, width, height)


def glyph_cells(
    x: Floats, y: Floats, glyph: str, width: int, height: int
) -> npt.NDArray[np.uint32]:
    """Draw one character a point; arguments and result as in `line_cells`."""
    codes = np.zeros((height, width), dtype=np.uint32)
    codes[cells_of(x, y, width, height)] = ord(glyph)
    return codes


def cells_of(
    x: Floats, y: Floats, width: int, height: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give rows and columns of the cells of points; arguments as in `line_cells`."""
    columns = pixels(x, 2 * width).astype(np.int64) // 2
    rows = pixels(1 - y, 4 * height).astype(np.int64) // 4
    return rows, columns


def bar_cells(
    x: Floats, y: Floats, base: float, slot: float, width: int, height: int
) -> npt.NDArray[np.uint32]:
    """Draw solid vertical bars, in eighths of a cell.

    Args:
        x: Shares of the horizontal axis, ascending, shape (n,).
        y: Shares of the vertical axis, shape (n,).
        base: The share where the bars stand.
        slot: The share of the horizontal axis a bar may fill.
        width: Cells across.
        height: Rows.

    Returns:
        Code points, shape (height, width); 0 where there is nothing.
    """
    centres = (np.arange(width) + 0.5) / width
    after = np.clip(np.searchsorted(x, centres), 1, max(x.size - 1, 1))
    before = after - 1
    after = np.minimum(after, x.size - 1)
    nearest = np.where(centres - x[before] <= x[after] - centres, before, after)
    # Neighbours that share an edge leave no gap there, whatever was rounded.
    covered = np.abs(centres - x[nearest]) <= max(slot / 2, 0.5 / width) + 1e-9
    top = np.clip(np.maximum(y[nearest], base), 0, 1) * height
    bottom = np.clip(np.minimum(y[nearest], base), 0, 1) * height
    floor = np.arange(height)[::-1, None]
    filled = np.clip(np.ceil((top - floor) * 8), 0, 8).astype(np.int64)
    filled[floor + 0.5 < bottom[None, :]] = 0
    filled[:, ~covered] = 0
    return _EIGHTHS[filled]


BAND = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=bool)
THIN_BAND = np.array([[1, 0], [0, 0], [0, 1], [0, 0]], dtype=bool)
"""Dots of a cell, rows by columns, that shade the inside of a band: curves stay legible on it."""


def band_cells(
    x: Floats,
    low: Floats,
    high: Floats,
    joined: npt.NDArray[np.bool_],
    shading: npt.NDArray[np.bool_],
    width: int,
    height: int,
) -> npt.NDArray[np.uint32]:
    """Shade the area between two curves in braille.

    Args:
        x: Shares of the horizontal axis, ascending, shape (n,).
        low: Shares of the vertical axis, shape (n,).
        high: The same; which of the two edges is the higher one does not matter.
        joined: Whether point i is connected to point i+1, shape (n-1,).
        shading: The dots of a cell to draw, shape (4, 2).
        width: Cells across.
        height: Rows.

    Returns:
        Code points, shape (height, width); 0 where there is nothing.
    """
    if x.size < 2:
        return np.zeros((height, width), dtype=np.uint32)
    places = np.arange(2 * width) / max(2 * width - 1, 1)
    after = np.clip(np.searchsorted(x, places), 1, x.size - 1)
    covered = (places >= x[0]) & (places <= x[-1]) & joined[after - 1]
    edges = np.interp(places, x, low), np.interp(places, x, high)
    top = pixels(1 - np.maximum(*edges), 4 * height).astype(np.int64)
    foot = pixels(1 - np.minimum(*edges), 4 * height).astype(np.int64)
    down = np.arange(4 * height)[:, None]
    inside = covered & (down >= top) & (down <= foot) & np.tile(shading, (height, width))
    rows, columns = np.nonzero(inside)
    return _packed(columns.astype(np.int32), rows.astype(np.int32), width, height)


def _dense_cells(
    across: Floats, down: Floats, joined: npt.NDArray[np.bool_], width: int, height: int
) -> npt.NDArray[np.uint32]:
    """Draw a line that has many points in a column of pixels.

    A column is lit from its highest point to its lowest, so that a spike of a single step survives,
    and half the way to the columns beside it. Arguments are pixel coordinates; see `line_cells`.
    """
    column = np.clip(np.floor(across), -1, 2 * width).astype(np.int32)
    starts = np.append(0, np.flatnonzero(column[1:] != column[:-1]) + 1)
    ends = np.append(starts[1:], column.size) - 1
    top, foot = np.minimum.reduceat(down, starts), np.maximum.reduceat(down, starts)
    before, after = ends[:-1], starts[1:]
    apart = column[after] - column[before]
    reach = np.where(joined[before] & (apart == 1), (down[before] + down[after]) / 2, np.nan)
    for edge, wider in ((top, np.fmin), (foot, np.fmax)):
        edge[:-1] = wider(edge[:-1], reach)
        edge[1:] = wider(edge[1:], reach)
    lit = _between(column[starts], top, foot, width, height)
    far = joined[before] & (apart > 1)
    if far.any():
        before, after = before[far], after[far]
        segments = np.stack([across[before], down[before], across[after], down[after]])
        columns, rows = _walk(_clipped(segments, 2 * width, 4 * height))
        lit[rows, columns] = True
    return _gathered(lit)


def _between(
    column: Pixels, top: Floats, foot: Floats, width: int, height: int
) -> npt.NDArray[np.bool_]:
    """Light columns of pixels from `top` down to `foot`, shape (4 height, 2 width)."""
    inside = (column >= 0) & (column < 2 * width)
    first = np.full(2 * width, 4 * height, dtype=np.int16)
    last = np.full(2 * width, -1, dtype=np.int16)
    first[column[inside]] = np.clip(np.floor(top[inside]), -1, 4 * height)
    last[column[inside]] = np.clip(np.floor(foot[inside]), -1, 4 * height)
    rows = np.arange(4 * height, dtype=np.int16)[:, None]
    lit: npt.NDArray[np.bool_] = (rows >= first) & (rows <= last)
    return lit


def _clipped(segments: Floats, width: int, height: int) -> Floats:
    """Cut segments, shape (4, n) as x0 y0 x1 y1, to the pixels; those outside are dropped."""
    edges = width - 1e-6, height - 1e-6
    if not segments.size or (
        segments.min() >= 0 and segments[::2].max() < edges[0] and segments[1::2].max() < edges[1]
    ):
        return segments
    start, delta = segments[:2], segments[2:] - segments[:2]
    enter, leave = np.zeros(segments.shape[1]), np.ones(segments.shape[1])
    for axis, edge in enumerate(edges):
        with np.errstate(all="ignore"):
            at_zero = -start[axis] / delta[axis]
            at_edge = (edge - start[axis]) / delta[axis]
        flat = delta[axis] == 0
        inside = (start[axis] >= 0) & (start[axis] <= edge)
        first = np.where(flat, np.where(inside, 0.0, 2.0), np.minimum(at_zero, at_edge))
        last = np.where(flat, np.where(inside, 1.0, -1.0), np.maximum(at_zero, at_edge))
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    seen = enter <= leave
    start, delta, enter, leave = start[:, seen], delta[:, seen], enter[seen], leave[seen]
    cut = np.concatenate([start + delta * enter, start + delta * leave])
    clipped: Floats = np.clip(cut, 0, np.array([edges[0], edges[1]] * 2)[:, None])
    return clipped


def _walk(segments: Floats) -> tuple[Pixels, Pixels]:
    """List the pixels under segments, shape (4, n), as columns and rows."""
    start, delta = segments[:2], segments[2:] - segments[:2]
    steps = np.ceil(np.abs(delta).max(axis=0, initial=0)).astype(np.int64) + 1
    ends = np.cumsum(steps)
    place = np.arange(int(steps.sum())) - np.repeat(ends - steps, steps)
    share = place / np.repeat(np.maximum(steps - 1, 1), steps)
    columns, rows = np.repeat(start, steps, axis=1) + np.repeat(delta, steps, axis=1) * share
    return columns.astype(np.int32), rows.astype(np.int32)


def _packed(columns: Pixels, rows: Pixels, width: int, height: int) -> npt.NDArray[np.uint32]:
    """Gather pixels into braille characters, eight to a cell."""
    lit = np.zeros((4 * height, 2 * width), dtype=bool)
    lit.ravel()[rows * (2 * width) + columns] = True
    return _gathered(lit)


def _gathered(lit: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """Turn lit pixels, shape (4 height, 2 width), into braille characters.

    The two pixels of a row of a cell are read as one number: the left one is its lowest bit, the
    right one that of its upper byte. Shifted together they leave the bits 0, 1, 2, 6 on the left,
    which are those of braille, and the same of the upper byte, which go to 3, 4, 5 and 7.
    """
    pairs = np.ascontiguousarray(lit).view(np.uint8).view("<u2")
    both = pairs[::4] | pairs[1::4] << 1 | pairs[2::4] << 2 | pairs[3::4] << 6
    dots = both & 0x47 | both >> 5 & 0x38 | both >> 7 & 0x80
    codes: npt.NDArray[np.uint32] = (dots | (dots != 0) * np.uint16(_BLANK_BRAILLE)).astype("u4")
    return codes
