"""Widgets whose component classes are styled when they are painted, not when they are laid out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from textual.dom import DOMNode

if TYPE_CHECKING:
    from textual.css.styles import RenderStyles
    from textual.widget import Widget as Base
else:
    Base = object  # Textual looks for default styles in the first base only that is a widget


class LazyStyles(Base):
    """Looks up the style of a component class when it is first asked for.

    Textual styles all of them each time a widget or what is around it changes: two thirds of what
    opening a screen of tables and charts costs in styles, most of it never painted.
    """

    @classmethod
    @cache
    def _get_component_classes(cls) -> frozenset[str]:
        return frozenset()

    def get_component_styles(self, *names: str) -> RenderStyles:
        """Get the styles of component classes."""
        for name in names:
            if name not in self._component_styles:
                node = DOMNode(classes=name)
                node._attach(self)
                self.app.stylesheet.apply(node, animate=False)
                self._component_styles[name] = node.styles
        return super().get_component_styles(*names)

    def notify_style_update(self) -> None:
        """Look them up again: the theme or the focus is another."""
        super().notify_style_update()
        self._component_styles.clear()
