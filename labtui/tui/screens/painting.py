"""Paints a frame once: Textual paints a new screen four times while it is filled."""

from __future__ import annotations

from textual.geometry import Size
from textual.screen import Screen


class PaintedOnce(Screen[None]):
    """Paints nothing while it is held, and after a layout nothing that is about to be painted.

    Textual paints a screen when it is laid out, whatever is still to come, and where both a layout
    and a repaint are due it paints after each. A frame takes 20 ms at 200x50. It also paints the
    screen on top whole as often as the one below it changes, seen or not.
    """

    _held = _laying_out = False

    def hold(self) -> None:
        """Paint nothing until `paint`: what was on screen before stays there."""
        self._held = True

    def paint(self) -> None:
        """Paint what there is by now, and whatever changes from here on."""
        if self._held:
            self._held = False
            self.refresh()

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        self._laying_out = self._repaint_required
        try:
            super()._refresh_layout(size, scroll)
        finally:
            self._laying_out = False

    def _on_timer_update(self) -> None:
        if self._held:
            self._update_timer.pause()  # `paint` asks for all of it, in one
        else:
            super()._on_timer_update()

    def _compositor_refresh(self) -> None:
        if self._is_covered:
            self._repaint_required = False  # it is painted whole when it is on top again
        elif not self._held and not self._laying_out:
            super()._compositor_refresh()

    @property
    def _is_covered(self) -> bool:
        stack = self.app.screen_stack
        above = stack[stack.index(self) + 1 :] if self in stack else []
        return any(screen.styles.background.a == 1 for screen in above)
