"""labtui: a laboratory for tuning neural networks that lives in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtui.trainer.current import current_trial

__version__ = "0.1.0"
__all__ = ["current_trial"]


def __getattr__(name: str) -> Any:
    """Load the SDK only for scripts that ask for it: commands must start fast."""
    if name == "current_trial":
        from labtui.trainer.current import current_trial

        return current_trial
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
