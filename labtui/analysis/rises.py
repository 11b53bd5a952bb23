"""Where a loss went up for a while: in the loss of steps, and in evaluations (P37, P39)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labtui.analysis.noise import LONG, TO_DEVIATION, deviation, middle, window_median
from labtui.analysis.runs import FEWEST, Floats, Ints

Flags = npt.NDArray[np.bool_]

EARLY_SHARE, EARLY_STEPS = 0.10, 100
"""Early instability begins within a tenth of the run, but at least the first hundred steps."""

EARLY_RISE, EARLY_NOISE = 0.20, 6.0
"""An early rise: of the way the loss falls in this run, and in local noise."""

LATE_RISE, LATE_NOISE = 0.08, 8.0
"""A later one: of the way that the loss has fallen so far, and in local noise."""

TRAILING_ROWS, TRAILING_SHARE, TRAILING_MOST = 5, 0.02, 200
"""A later rise is sudden: it stands out of the median of so many rows before it, or of that share
of all rows where that is more; at most 200, the share of a run of 10,000 rows: a median of more
knows no better and costs their product."""

LASTING = 3
"""Rows in a row that must be up in a dense log: one or two are a hard batch, not a period."""

DENSE = 5
"""Rows at most so many steps apart are dense. Real logs have one of 100 or 500 steps, where a
period of training shows in a single row."""

LONE_NOISE = 8.0
"""Local noise that one row must be up by where rows are far apart; two in a row are no chance. Of
40 made curves with 10 % of lognormal noise, 100 rows at the beginning, 6 flags 8 and 8 flags 2."""

FLAT = 0.05
"""A curve that hardly fell has no scale of its own: this share of its first value is it."""

BACK, LEFT = 3.0, 0.1
"""A loss has recovered when it is within so much local noise of where it was, or when so little of
its rise is left, if that would not count as a rise."""

LOCAL = 41
"""Values over which noise is local."""

TAIL_SHARE, TAIL_ROWS, TAIL_NORMAL = 0.02, 3, 2.5
"""Where more than this share of the rows (and more than so many) lie further apart from their
neighbours than normal noise does, they are the noise: it is scaled by the excess. Digits trained
in batches of 4 were called unstable in 11 of 12 cases without it."""

MOST = 50
"""Rises that are looked for in a curve; one with more is no better described by all of them."""


@dataclass(frozen=True)
class Rise:
    """A period in which a loss went up.

    Attributes:
        start: The step after which it rose.
        low: The loss there.
        peak: The step of the highest loss; `high` is that loss.
        recovered: The step where it was back; None when it was not within the run.
        early: Whether it began at the beginning of the run.
        times_noise: `high` above `low`, in local noise; 0 where there is no noise.
    """

    start: int
    low: float
    peak: int
    high: float
    recovered: int | None
    early: bool
    times_noise: float = 0.0


@dataclass(frozen=True)
class Curve:
    """What a loss did.

    Attributes:
        rises: Periods in which it went up, in order.
        diverged: The first step where it was not finite; None for a finite curve.
        early: Whether the first of these began at the beginning of the run; None for neither.
        unknown: Why the curve cannot be judged; empty when it was.
    """

    rises: tuple[Rise, ...] = ()
    diverged: int | None = None
    early: bool | None = None
    unknown: str = ""

    @property
    def unstable(self) -> bool | None:
        """Whether the loss went up for a while, or out of bounds; None: cannot judge."""
        if self.rises or self.diverged is not None:
            return True
        return None if self.unknown else False


def early_end(length: float) -> float:
    """Give the last step of the beginning of a run of so many steps."""
    return max(EARLY_SHARE * length, EARLY_STEPS)


def judge_curve(
    steps: Sequence[int] | Ints,
    losses: Sequence[float] | Floats,
    planned: int = 0,
    *,
    until: float | None = None,
    reach: float | None = None,
) -> Curve:
    """Find where a loss of training steps went up for a while.

    Args:
        steps: Ascending.
        losses: The loss at each; those after the first that is not finite are left out.
        planned: Steps that the run was to have, if divergence ended it sooner.
        until: Last step of the beginning of the run; a tenth of what was planned by default.
        reach: How far the loss fell in all, where other curves know of more than this one.
    """
    values = np.asarray(losses, dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    diverged = int(steps[broken[0]]) if broken.size else None
    if until is None:
        until = early_end(max(planned, *steps[-1:], 0))
    early = None if diverged is None else diverged <= until
    length = int(broken[0]) if broken.size else len(values)
    if length < FEWEST:
        return Curve((), diverged, early, f"{length} finite losses; {FEWEST} are needed")
    at = np.asarray(steps[:length], dtype=np.int64)
    rises = tuple(_step_rises(at, values[:length], until, reach or 0.0))
    return Curve(rises, diverged, rises[0].early if rises else early)


def _step_rises(steps: Ints, values: Floats, until: float, reach: float) -> list[Rise]:
    width = 5 if values.size >= LONG else 3
    smooth = _centred(values, width)
    dense = steps - np.concatenate([steps[:1], steps[:-1]]) <= DENSE
    level = np.where(dense, smooth, values)
    # Where the loss falls fast, a centred median already knows of lower values to come.
    so_far = np.where(dense, smooth, window_median(values, width - 1, 1))
    low = np.minimum.accumulate(so_far)
    early = steps <= until
    noise = _noise(values, smooth)
    needed = _needed(values, low, early, noise, reach)
    up = level - low > needed
    if not up.any():
        return []
    # A late rise is sudden: it stands out of the values just before it too.
    up &= early | _is_sudden(level, low, needed)
    pair = np.append(up[1:], False) | (level - low > LONE_NOISE * noise)
    begins = up & np.where(dense, _lasts(up), pair)
    return periods(steps, level, low, begins, needed, noise, early)


def _centred(values: Floats, width: int) -> Floats:
    return window_median(values, width // 2, width // 2 + 1)


def _needed(values: Floats, low: Floats, early: Flags, noise: Floats, reach: float) -> Floats:
    """Compute how far above its minimum each value must be to count as risen."""
    # The very first value may be far off and ruin the scale; a blow-up right after it as well.
    start = min(float(values[0]), middle(values[1:6]))
    flat = FLAT * abs(start) or 1e-12
    whole = max(start - float(low[-1]), flat, reach)
    so_far = np.maximum(start - low, flat)
    needed: Floats = np.where(
        early,
        np.maximum(EARLY_RISE * whole, EARLY_NOISE * noise),
        np.maximum(LATE_RISE * so_far, LATE_NOISE * noise),
    )
    return needed


def _is_sudden(level: Floats, low: Floats, needed: Floats) -> Flags:
    """Say which values lie above what came before by as much; once up, a rise goes on."""
    window = min(max(TRAILING_ROWS, round(TRAILING_SHARE * level.size)), TRAILING_MOST)
    jumps = level - window_median(level, window, 0) > needed
    above = level - np.minimum(low, np.minimum.accumulate(level)) > needed
    index = np.arange(level.size)
    last_jump = np.maximum.accumulate(np.where(jumps, index, -1))
    last_below = np.maximum.accumulate(np.where(above, -1, index))
    return jumps | (above & (last_jump >= np.maximum(last_below, 0)))


def _noise(values: Floats, smooth: Floats) -> Floats:
    """Estimate the noise around each value: locally, and never less than that of the whole."""
    apart = np.abs(values - smooth)
    noise = np.maximum(TO_DEVIATION * _centred(apart, LOCAL), deviation(values))
    return noise * max(1.0, _tail(apart, noise) / TAIL_NORMAL)


def _tail(apart: Floats, noise: Floats) -> float:
    """Say how far the outermost rows lie apart from their neighbours, in noise.

    Batches of a few examples have losses that span decades: single rows far out are their noise.
    """
    rows = max(TAIL_ROWS, round(TAIL_SHARE * apart.size))
    if rows >= apart.size:
        return 0.0
    in_noise = np.divide(apart, noise, out=np.zeros_like(apart), where=noise > 0)
    return float(np.partition(in_noise, -rows - 1)[-rows - 1])


def _lasts(up: Flags) -> Flags:
    """Say where `LASTING` values in a row that are up begin."""
    lasting = up.copy()
    for ahead in range(1, LASTING):
        lasting[:-ahead] &= up[ahead:]
        lasting[-ahead:] = False
    return lasting


def periods(
    steps: Ints,
    level: Floats,
    low: Floats,
    begins: Flags,
    needed: Floats,
    noise: Floats,
    early: Flags,
) -> list[Rise]:
    """Join values that are up to periods, each until the loss is back where it was.

    Args:
        steps: (n,), as all of these.
        level: The loss.
        low: The lowest loss so far.
        begins: Where a period may begin.
        needed: How far above its low a loss must be to count as risen.
        noise: In the unit of the loss.
        early: Which values belong to the beginning of the run.
    """
    found: list[Rise] = []
    position, base = 0, low
    while True:
        above = begins[position:] & (level[position:] - base > needed[position:])
        if not above.any():
            return found
        offset = int(np.argmax(above))
        start, lowest = position + offset, float(base[offset])
        # Noise that was measured on a loss out of bounds says nothing of the one before.
        within = min(BACK * float(noise[start]), float(needed[start]) / 2)
        ahead = np.flatnonzero(level[position:start] <= lowest + within)
        onset = position + int(ahead[-1]) if ahead.size else max(start - 1, 0)
        height = level[start:] - lowest
        left = np.minimum(LEFT * np.maximum.accumulate(height), needed[start])
        back = height <= np.maximum(left, within)
        recovered = bool(back.any())
        end = start + int(np.argmax(back)) if recovered else level.size
        peak = start + int(np.argmax(level[start:end]))
        found.append(
            Rise(
                start=int(steps[onset]),
                low=lowest,
                peak=int(steps[peak]),
                high=float(level[peak]),
                recovered=int(steps[end]) if recovered else None,
                early=bool(early[start]),
                times_noise=_in_noise(float(level[peak]) - lowest, float(noise[peak])),
            )
        )
        if not recovered or len(found) == MOST:
            return found
        position = end
        base = np.minimum.accumulate(level[position:])


def _in_noise(height: float, noise: float) -> float:
    return height / noise if noise > 0 else 0.0


# -- evaluations --------------------------------------------------------------------------------

FIRST_FACTOR = 1.05
"""An early evaluation is above the untrained model by this factor, and by `EARLY_RISE` of the
way that the loss falls."""

JUMP, JUMP_NOISE = 0.25, 8.0
"""A jump between two evaluations: of the way that the loss has fallen so far (the untrained model
left out, which is far off), and in noise."""

JUMP_SHARE = 12
"""It is measured from the lowest of the last evaluations, a twelfth of all: a fall over 10 of 120
epochs is sudden as well. Of 19 clear cases in 185 real runs this finds two more than the evaluation
before alone, and none of 104 clear negatives; a twentieth finds none more."""

TRAINED, TRAINED_NOISE = 0.1, 2.0
"""The training loss goes up too when it is so much of its own way so far, and so much noise, above
its lowest: that it is above the evaluation before is the toss of a coin. Of 67 calm real runs,
thinned to 12 evaluations, two that overfit are called unstable without it, none with it."""

GRADUAL, GRADUAL_BACK = 0.5, 0.5
"""A rise of any pace is an instability as well when it takes back half of the way so far, and half
of it is won back later: the network lost what it knew and learned it again. One that is not won
back is a training loss that rises. Three of 19 clear cases in 185 real runs took a third of the run
to rise and as long to recover; none of 104 clear negatives does."""

STUCK, STUCK_NOISE = 0.01, 50.0
"""A loss that hardly falls below its first value has no way to compare with: it is unstable when it
rises above that value by this share of it and so much noise, and in training too. Of 25 real trials
on images that got worse than their first epoch 22 do by 0.012 and 80 noises and more, of 128 clear
negatives none; the other three stay below 0.009."""

FLAT_EVALUATED = 0.2
"""An evaluated loss that hardly fell has this share of its first value as its scale: of 365 real
trials on images 162 never left chance, and their losses wander by 4 % (a tenth of them by 7 %)."""


def _lowest_of_last(values: Floats, count: int) -> Floats:
    """Give the lowest of so many values before each one, shape (n,); the first is its own."""
    lowest = np.concatenate([values[:1], values[:-1]])
    for back in range(2, count + 1):
        lowest[back:] = np.minimum(lowest[back:], values[:-back])
    return lowest


def _rose_too(training: Floats) -> Flags:
    """Say where the training loss lies above its lowest before by what no wobble explains."""
    low = np.minimum.accumulate(training)
    before = np.concatenate([low[:1], low[:-1]])
    noise = deviation(training[1:])
    needed = TRAINED * np.maximum(training[1] - before, 0.0) + TRAINED_NOISE * noise
    rose: Flags = training - before > needed
    return rose


def evaluation_rises(steps: Ints, losses: Floats, training: Floats, until: float) -> list[Rise]:
    """Find where an evaluated loss went up, and the training loss too.

    Args:
        steps: (n,), of evaluations; the first is the untrained model.
        losses: The loss there, finite.
        training: The training loss there; NaN where unknown, which counts as not risen.
        until: Last step of the beginning of the run.
    """
    if losses.size <= FEWEST:
        return []
    low = np.minimum.accumulate(losses)
    before = np.concatenate([low[:1], low[:-1]])
    above, noise, first = losses - before, deviation(losses[1:]), float(losses[0])
    if not (above > min((FIRST_FACTOR - 1) * abs(first), EARLY_NOISE * noise)).any():
        return []  # less than what each of the rules below asks for
    flat = FLAT_EVALUATED * abs(float(losses[1])) or 1e-12
    # The untrained model may be far off, and then no later rise is large beside it.
    known = min(first, float(losses[1]))
    way = EARLY_RISE * max(known - float(low[-1]), FLAT_EVALUATED * abs(known))
    early = steps <= until
    # What is above the untrained model needs no second witness.
    worse = (losses - first > (FIRST_FACTOR - 1) * abs(first)) & (losses - first > way)
    rising = training > np.concatenate([training[:1], np.minimum.accumulate(training)[:-1]])
    again = (above > max(way, EARLY_NOISE * noise)) & rising
    fall = EARLY_RISE * (known - float(low[-1]))
    stuck_way = max(fall, STUCK * abs(first), STUCK_NOISE * noise)
    stuck = (losses - first > stuck_way) & rising
    so_far = np.maximum(float(losses[1]) - before, flat)
    previous = _lowest_of_last(losses, max(1, losses.size // JUMP_SHARE))
    needed = np.maximum(JUMP * so_far, JUMP_NOISE * noise)
    up = (losses - previous > needed) & (above > needed)
    lowest_later = np.minimum.accumulate(losses[::-1])[::-1]
    up |= (above > np.maximum(GRADUAL * so_far, needed)) & (
        losses - lowest_later > GRADUAL_BACK * above
    )
    up[:2] = False
    if up.any():
        up &= _rose_too(training)
    begins = np.where(early, worse | again | stuck, up)
    if not begins.any():
        return []
    least = np.where(early, min(way, stuck_way) if (stuck & early).any() else way, needed)
    return periods(steps, losses, low, begins, least, np.full(losses.size, noise), early)
