"""The order of the rows of a table, kept where few of its records change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from labtui.verdicts.filters import in_order

T = TypeVar("T")

FEW = 64
"""Changed records up to which they are moved to their places; of more, all rows are sorted."""


@dataclass(frozen=True)
class Ordering(Generic[T]):
    """Which records are rows, and in what order.

    Attributes:
        key: Tells records apart.
        keep: Whether a record is a row.
        order: What rows are sorted by, None for those that come last either way; without it they
            stay in the order of the records.
        reverse: The other way round.
    """

    key: Callable[[T], Hashable]
    keep: Callable[[T], bool]
    order: Callable[[T], Any] | None = None
    reverse: bool = False

    def arranged(self, records: Sequence[T]) -> list[T]:
        """Give the rows."""
        rows = [record for record in records if self.keep(record)]
        return rows if self.order is None else in_order(rows, self.order, reverse=self.reverse)

    def can_merge(self, changed: Collection[Hashable]) -> bool:
        """Whether changes are few enough for `merged`."""
        return self.order is not None and len(changed) <= FEW

    def merged(self, rows: Sequence[T], old: Sequence[T], new: Sequence[T]) -> list[T]:
        """Give the rows after a few changes, without looking at the others.

        Args:
            rows: As they stood.
            old: The changed records as they were, the very objects.
            new: As they are now, and those that were not there.
        """
        assert self.order is not None
        found = list(rows)
        for one in old:
            if (place := self._find(found, one)) is not None:
                del found[place]
        fresh = [one for one in new if self.keep(one)]
        end = bisect_left(found, True, key=lambda row: self._order(row) is None)
        for one in fresh:
            value = self._order(one)
            if value is None:
                found.append(one)
                continue
            found.insert(self._place(found, value, end), one)
            end += 1
        return found

    def _order(self, row: T) -> Any:
        return self.order(row) if self.order is not None else None

    def _find(self, rows: list[T], row: T) -> int | None:
        """Find a row by its value; by itself where values are others than when it was placed."""
        value = self._order(row)
        if value is not None:
            end = bisect_left(rows, True, key=lambda one: self._order(one) is None)
            last = self._place(rows, value, end)
            for place in range(last - 1, max(-1, last - FEW), -1):
                if rows[place] is row:
                    return place
        return next((place for place, one in enumerate(rows) if one is row), None)

    def _place(self, rows: list[T], value: Any, end: int) -> int:
        """Find the place of a value among the first `end` rows, after those that equal it."""
        if not self.reverse:
            return bisect_right(rows, value, hi=end, key=self._order)
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            if self._order(rows[middle]) < value:
                high = middle
            else:
                low = middle + 1
        return low
