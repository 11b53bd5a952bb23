"""The reruns of a launch as strips of points."""

from __future__ import annotations

from labtui.tui.widgets.chart import Chart


class StripChart(Chart, inherit_bindings=False):
    """A chart without keys of its own: of two sides nothing is to be zoomed."""

    place = "strips"

    HELP_TITLE = "Reruns"
    HELP = (
        "A point a fresh rerun, in the order of training from left to right; the line is their "
        "mean, the shade its 95 % interval. The candidate's mean has to lie beyond the dashed "
        "line. ◦ is the value it was selected for, which does not count; ✗ could not be trained."
    )
