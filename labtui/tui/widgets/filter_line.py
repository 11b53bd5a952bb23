"""The line in which a filter is written, with what is wrong with it."""

from __future__ import annotations

from textual.widgets import Input


class FilterLine(Input):
    """A line of terms; its keys are those of the place ``filter``."""

    place = "filter"
