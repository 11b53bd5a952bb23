"""The codes of all findings: an interface, documented with a page each in docs/findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["design", "results", "curves", "stability", "length and speed"]


@dataclass(frozen=True)
class Entry:
    """One kind of finding.

    Attributes:
        group: What it is about.
        procedure: The procedure of the playbook it comes from.
        title: What it says, in a few words.
    """

    group: Group
    procedure: str
    title: str


CATALOGUE: dict[str, Entry] = {
    # -- design: from a study before it runs
    "many-scientific": Entry("design", "P05", "several scientific hyperparameters in one study"),
    "optimizer-fixed": Entry("design", "P06", "a parameter of the optimizer is not tuned"),
    "batch-size-tuned": Entry("design", "P03", "the batch size is tuned for validation quality"),
    "steps-tuned": Entry("design", "P11", "the number of training steps is tuned"),
    "adam-budget": Entry("design", "P10", "Adam's parameters do not fit the number of trials"),
    "thin-budget": Entry("design", "P09", "too few trials for the dimensions"),
    "retune": Entry("design", "P03", "another batch size, model or optimizer than the baseline's"),
    "caveat": Entry("design", "P06", "the conclusion holds for this fixed value only"),
    # -- results: from the trials of a study
    "search-boundary": Entry("results", "P14", "the best points lie at an edge of the range"),
    "stability-edge": Entry("results", "P37", "the best points lie where training diverges"),
    "infeasible-region": Entry("results", "P16", "a part of the range cannot be trained"),
    "sparse-sampling": Entry("results", "P15", "too few points in the good region"),
    "insensitive": Entry("results", "P26", "a hyperparameter that makes no difference"),
    "interaction": Entry("results", "P26", "hyperparameters that must be tuned together"),
    "search-luck": Entry("results", "P31", "how much of the best result is luck of the search"),
    "validation-too-small": Entry("results", "P30", "the gain is within the validation sample"),
    # -- curves: from the training curves of a trial
    "overfitting": Entry("curves", "P18", "validation gets worse while training gets better"),
    "late-variance": Entry("curves", "P19", "the objective varies from step to step at the end"),
    "still-improving": Entry("curves", "P20", "the objective still improves at the end"),
    "saturated-early": Entry("curves", "P21", "the objective stopped improving early"),
    "training-loss-rising": Entry("curves", "P22", "the training loss goes up"),
    "periodic-validation": Entry("curves", "P23", "the validation metric has a period"),
    # -- stability
    "diverged": Entry("stability", "P16", "the loss left for good"),
    "early-instability": Entry("stability", "P37", "the loss rises at the beginning"),
    "mid-training-instability": Entry(
        "stability", "P37", "the loss rises suddenly in mid-training"
    ),
    "gradient-outliers": Entry("stability", "P38", "gradient norms far above their surroundings"),
    "over-clipped": Entry("stability", "P41", "most steps are clipped"),
    "clip-threshold": Entry("stability", "P41", "where to begin with gradient clipping"),
    # -- length and speed
    "steps-too-few": Entry("length and speed", "P33", "the best checkpoints come last"),
    "steps-too-many": Entry("length and speed", "P33", "the best checkpoints come first"),
    "input-bound": Entry("length and speed", "P44", "training waits for data"),
    "below-chance": Entry("length and speed", "P01", "the baseline is no better than chance"),
}
