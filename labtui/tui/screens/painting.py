"""Paints a frame once: Textual paints a new screen four times while it is filled."""

from __future__ import annotations

from textual.geometry import Size
from textual.screen import Screen


class PaintedOnce(Screen[None]):
    """Paints nothing in a batch, and after a layout nothing that is about to be painted whole.

    In a batch Textual puts off what changes a widget, but not the frame that follows a layout; and
    where both a layout and a repaint are due, it paints after each. A frame takes 20 ms at 200x50.
    """

    _laying_out = False

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        self._laying_out = self._repaint_required
        try:
            super()._refresh_layout(size, scroll)
        finally:
            self._laying_out = False

    def _compositor_refresh(self) -> None:
        if self.app._batch_count and self.is_current:
            self._repaint_required = True  # the end of the batch asks for it
        elif not self._laying_out:
            super()._compositor_refresh()
