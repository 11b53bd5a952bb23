"""The titles of the playbook's procedures, which texts cite by number: P14."""

from __future__ import annotations

import re

CITED = re.compile(r"\bP(\d\d)\b")
"""How a text cites a procedure."""

TITLES = {
    "P01": "Workload card and baseline",
    "P02": "Feasible batch sizes and throughput",
    "P03": "Batch size rules",
    "P04": "Simple initial configuration",
    "P05": "One goal per study",
    "P06": "Roles",
    "P07": "Conditional hyperparameters",
    "P08": "Set of studies",
    "P09": "Budget balance",
    "P10": "Adam by budget",
    "P11": "Never tune the number of steps",
    "P12": "Quasi-random search",
    "P13": "Bayesian optimization after exploration",
    "P14": "Search-space boundaries",
    "P15": "Sampling density",
    "P16": "Infeasible fraction",
    "P17": "Training curves",
    "P18": "Problematic overfitting",
    "P19": "Step-to-step variance",
    "P20": "Still improving at the end",
    "P21": "Saturated early",
    "P22": "Training loss going up",
    "P23": "Periodic validation metric",
    "P24": "Isolation plots",
    "P25": "Plots come by themselves",
    "P26": "Sensitivity and interactions",
    "P27": "Objective changed afterwards",
    "P28": "Retrain variance",
    "P29": "Study variance",
    "P30": "Launch decision",
    "P31": "Simulated budgets",
    "P32": "Test set last",
    "P33": "Best step tells the length",
    "P34": "First guess of the number of steps",
    "P35": "Rounds of increasing length",
    "P36": "Retrospective checkpoint selection",
    "P37": "Find unstable workloads",
    "P38": "Gradient norm",
    "P39": "Dense early probe",
    "P40": "Warmup",
    "P41": "Gradient clipping",
    "P42": "Other remedies, in order",
    "P43": "Evaluate at step intervals",
    "P44": "Input-bound pipelines",
    "P45": "Experiment log",
    "P46": "Optimizers and schedules",
    "P47": "Normalization",
    "P48": "Many hosts",
}


def cited(*texts: str) -> list[tuple[str, str]]:
    """Give the procedures that texts cite, by number, with their titles."""
    numbers = sorted({f"P{found}" for text in texts for found in CITED.findall(text)})
    return [(number, TITLES[number]) for number in numbers if number in TITLES]
