"""The lab of its own that tests of the engine have."""

from tests.engine.conftest import paths

__all__ = ["paths"]
