"""A figure is described once (`ChartSpec`) and drawn as text or as a braille raster."""

from labtui.charts.spec import Axis, ChartSpec, Mark, Series

__all__ = ["Axis", "ChartSpec", "Mark", "Series"]
