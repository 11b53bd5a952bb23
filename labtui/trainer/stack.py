"""Trials that train together as one batched model, a lane each.

A quasi-random study is not adaptive, so trials that differ only in numbers can share every step. A
lane that ends (diverges, is stopped) leaves before the next step; the others never notice.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from labtui.trainer.checkpoints import Predictions, Save
from labtui.trainer.trial import Trial, TrialEnd

OnEnd = Callable[[Trial, Optional[TrialEnd]], None]


class Stack:
    """Trials of equal shape, length and evaluation steps, lane by lane.

    Attributes:
        trials: Those still training; position is the lane.
        start_step, max_steps, eval_every, workload: As of every one of its trials.
    """

    def __init__(self, trials: Sequence[Trial], on_end: OnEnd) -> None:
        """Stack `trials`; `on_end(trial, end)` is told as each leaves, None for a complete one.

        Raises:
            ValueError: They do not agree in what they must share.
        """
        first = trials[0]
        for trial in trials:
            for name in ("start_step", "max_steps", "eval_every", "workload"):
                found, expected = getattr(trial, name), getattr(first, name)
                if found != expected:
                    raise ValueError(f"{trial.name}: {name}: found {found}; expected {expected}")
        self.trials = list(trials)
        self.start_step, self.max_steps = first.start_step, first.max_steps
        self.eval_every, self.workload = first.eval_every, first.workload
        self._on_end = on_end
        self._ended: Dict[int, Optional[TrialEnd]] = {}

    def steps(self) -> Iterator[Tuple[int, List[int]]]:
        """Yield each update to make, and the lanes that left since the last one, ascending.

        The positions are those of the packing before they left; `trials` is already without them.
        """
        iterators = [trial.steps() for trial in self.trials]
        step = self.start_step
        while True:
            for position, iterator in enumerate(iterators):
                if position not in self._ended:
                    try:
                        step = next(iterator)
                    except StopIteration:
                        self._ended[position] = None
                    except TrialEnd as end:
                        self._ended[position] = end
            gone = sorted(self._ended)
            if gone:
                self._leave()
                iterators = [it for at, it in enumerate(iterators) if at not in gone]
            if not self.trials:
                return
            yield step, gone

    def should_evaluate(self, step: int) -> bool:
        """Say whether to evaluate after update `step`; the same for every lane."""
        return self.trials[0].should_evaluate(step)

    def log(self, step: int, metrics: Mapping[str, Sequence[Any]]) -> None:
        """Record metric values, one a lane, after update `step`."""
        for position, trial in enumerate(self.trials):
            if position not in self._ended:
                try:
                    trial.log(step, {name: values[position] for name, values in metrics.items()})
                except TrialEnd as end:
                    self._ended[position] = end

    def log_lane(self, position: int, step: int, metrics: Mapping[str, Any]) -> None:
        """Record metric values of one lane after update `step`."""
        if position not in self._ended:
            try:
                self.trials[position].log(step, metrics)
            except TrialEnd as end:
                self._ended[position] = end

    def checkpoint(
        self,
        step: int,
        states: Sequence[Save],
        predictions: Optional[Sequence[Optional[Predictions]]] = None,
    ) -> None:
        """Offer each lane's state after update `step`."""
        for position, trial in enumerate(self.trials):
            if position not in self._ended:
                shown = predictions[position] if predictions is not None else None
                try:
                    trial.checkpoint(step, states[position], shown)
                except TrialEnd as end:
                    self._ended[position] = end

    def end(self, position: int, end: TrialEnd) -> None:
        """End one lane: it leaves before the next step."""
        self._ended.setdefault(position, end)

    def is_ended(self, position: int) -> bool:
        """Say whether a lane will leave before the next step: its numbers are nobody's."""
        return position in self._ended

    def _leave(self) -> None:
        leaving = [(self.trials[position], end) for position, end in sorted(self._ended.items())]
        self.trials = [t for at, t in enumerate(self.trials) if at not in self._ended]
        self._ended = {}
        for trial, end in leaving:
            self._on_end(trial, end)


def alone(train_stack: Callable[[Stack], object]) -> Callable[[Trial], None]:
    """Make a trainer of single trials from one of stacks: a stack of one."""

    def train(trial: Trial) -> None:
        ends: List[Optional[TrialEnd]] = []
        train_stack(Stack([trial], lambda _, end: ends.append(end)))
        for end in ends:
            if end is not None:
                raise end

    return train
