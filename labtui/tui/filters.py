"""The filter line of tables; its language is also that of ``labtui show NAME --filter``."""

from labtui.verdicts.filters import SHOWN, BadFilter, Language

__all__ = ["SHOWN", "BadFilter", "Language"]
