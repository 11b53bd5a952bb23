"""The SDK that a trainer uses: standard library only, Python 3.9 and later.

A worker puts this package on the path of whatever environment the user trains in, so nothing
here may need more than that interpreter.
"""

from labtui.trainer.plugin import Hyperparameter, Metric, Plugin, Workload
from labtui.trainer.trial import Diverged, Infeasible, Objective, Stopped, Trial, TrialEnd

__all__ = [
    "Diverged",
    "Hyperparameter",
    "Infeasible",
    "Metric",
    "Objective",
    "Plugin",
    "Stopped",
    "Trial",
    "TrialEnd",
    "Workload",
]
