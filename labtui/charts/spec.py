"""What a figure says, apart from how it is drawn: axes, series, marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Numbers: TypeAlias = Sequence[float] | Sequence[int] | npt.NDArray[Any]

Role = Literal["line", "points", "infeasible", "bars", "band"]
MarkKind = Literal["bound", "best", "step", "reference", "proposal"]


@dataclass(frozen=True)
class Axis:
    """One axis of a figure.

    Attributes:
        label: What the axis measures.
        scale: `log` shows only values above zero; everything else is a gap.
        limits: The window in data units; None fits the data.
        categories: Names of the positions 0 … n-1; makes the axis categorical.
        notes: A second line under each category, such as how many trials are in it.
    """

    label: str = ""
    scale: Literal["linear", "log"] = "linear"
    limits: tuple[float, float] | None = None
    categories: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Series:
    """One curve or cloud of points; compared by identity, since it may hold arrays.

    Attributes:
        x: Positions, shape (n,).
        y: Values, shape (n,); NaN and infinities are gaps. Ignored for `infeasible`.
        label: Name in the legend; without one the series has no legend row.
        role: `line`, `points`, `bars`, `band` (the area between `low` and y, below all
            others; without emphasis it is thinner), or `infeasible` (a ✗ at the worst edge).
        key: Identity that keeps the colour and the hidden state from one figure to the next.
        emphasis: False draws the series dimmed and below the others.
        raw: Arrays (x, y) drawn dimmed under the series, where x and y were smoothed by the caller.
        low: The lower edge of a band, shape (n,); empty for every other role.
        marker: One character that draws the points, to tell clouds apart by shape; empty for a dot.
        made: What was computed of it alone, kept for the next frame: see `labtui.charts.layers`.
    """

    x: Numbers
    y: Numbers
    label: str = ""
    role: Role = "line"
    key: str | int = ""
    emphasis: bool = True
    raw: tuple[Numbers, Numbers] | None = None
    low: Numbers = ()
    marker: str = ""
    made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def ident(self) -> str | int:
        """The key, or the label where no key was given."""
        return self.label if self.key == "" else self.key


@dataclass(frozen=True)
class Mark:
    """A line across the figure at one value of one axis.

    Attributes:
        kind: `bound` of a search space, `proposal` of another one, `best` value, `step` of
            interest, or any other `reference`.
    """

    axis: Literal["x", "y"]
    value: float
    label: str
    kind: MarkKind


@dataclass(frozen=True, eq=False)
class ChartSpec:
    """A whole figure.

    Attributes:
        title: Heading above the figure.
        x: The horizontal axis.
        y: The vertical axis.
        series: Curves in drawing order: later ones lie on top.
        marks: Bounds, proposals, best values, steps and references.
        worst: The edge where infeasible trials are drawn.
        empty: What is said when there is nothing to draw.
        drawn: How it was drawn last: see `labtui.charts.raster.draw`.
    """

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    worst: Literal["top", "bottom"] = "top"
    empty: str = "nothing to draw yet"
    drawn: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
