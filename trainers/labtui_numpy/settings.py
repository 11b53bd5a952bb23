"""The reader of hyperparameters that all trainers share."""

from labtui_workloads.settings import LIMITS as _LIMITS
from labtui_workloads.settings import nearest, read

__all__ = ["_LIMITS", "nearest", "read"]
