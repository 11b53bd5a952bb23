"""What every trainer must do, as checks that its own tests can run: `conformance`.

A check trains in this process, with a real keeper of checkpoints in a temporary folder, and raises
an AssertionError that says what was found and what was expected.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from labtui.trainer.checkpoints import DATA, PREDICTIONS, Keeper, is_whole
from labtui.trainer.loop import evaluation_steps
from labtui.trainer.stack import Stack
from labtui.trainer.trial import Diverged, Infeasible, Objective, Sink, Stopped, Trial, TrialEnd

# Metrics that measure the machine and not the model: equal seeds need not give equal values.
TIMES = ("step_time", "data_wait")


@dataclass(frozen=True)
class Case:
    """A trainer with a configuration to check it with.

    Attributes:
        train: The trainer's entry point.
        params: Hyperparameters that it can train with.
        max_steps: More than two intervals of `eval_every`, so that there is a middle to stop in.
        examples: How many examples ``validation/error_rate`` is a share of; 0 when there is none.
        times: Those of `TIMES` that it tells; a program without a fine clock cannot.
        predictions: Whether it keeps predictions.
    """

    train: Callable[[Trial], object]
    params: Mapping[str, Any]
    workload: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    metric: str = "validation/loss"
    goal: str = "minimize"
    max_steps: int = 50
    eval_every: int = 15
    seed: int = 1
    examples: int = 0
    times: Tuple[str, ...] = TIMES
    predictions: bool = True

    def __post_init__(self) -> None:
        """Refuse a case too short for its checks."""
        if self.max_steps <= 2 * self.eval_every:
            expected = f"more than {2 * self.eval_every}"
            raise ValueError(f"max_steps: found {self.max_steps}; expected {expected}")


@dataclass(frozen=True)
class Record:
    """What came of a trial.

    Attributes:
        state: ``completed``, ``infeasible`` or ``stopped``.
        reason: Why it did not complete.
        step: Updates done, or the step that it diverged at.
        points: (metric, step, value) in the order logged.
        checkpoints: Step → folder of what is kept.
        best: Steps of the kept checkpoints that are the best by the objective.
    """

    state: str
    reason: str
    step: int
    points: List[Tuple[str, int, float]]
    checkpoints: Dict[int, str]
    best: List[int]

    def curve(self, metric: str) -> Dict[int, float]:
        """Give the values of a metric by step."""
        return {step: value for name, step, value in self.points if name == metric}

    def bits(self, after: int = 0) -> Dict[Tuple[int, str], bytes]:
        """Give all values after a step bit by bit, without `TIMES`, by (step, metric)."""
        return {
            (step, name): struct.pack("<d", value)
            for name, step, value in self.points
            if step > after and name not in TIMES
        }


class _StoppingTrial(Trial):
    """A trial that is asked to stop while it makes update `stop_at`."""

    stop_at = 0

    def steps(self) -> Iterator[int]:
        for step in super().steps():
            if step == self.stop_at:
                self.request_stop()
            yield step


def record(
    case: Case,
    folder: str,
    *,
    stop_at: int = 0,
    resume: Optional[Tuple[int, str]] = None,
    keep: int = 1,
) -> Record:
    """Train one trial.

    Args:
        case: What to train.
        folder: Where its checkpoints are written.
        stop_at: Ask it to stop during this update; 0 never does.
        resume: Step and folder of a checkpoint to continue from.
        keep: How many of the best checkpoints are kept.

    Any exception but a trial's regular end comes out: it is a fault of the trainer.
    """
    trial = _trial(case, folder, stop_at, resume, keep)
    end: Optional[TrialEnd] = None
    try:
        case.train(trial)
    except TrialEnd as caught:
        end = caught
    return _record(trial, folder, end)


def record_stack(
    cases: Sequence[Case],
    folders: Sequence[str],
    train_stack: Callable[[Stack], object],
    *,
    stop_at: Sequence[int] = (),
) -> List[Record]:
    """Train several trials as one stack, a lane each; `stop_at` as for `record`, one a lane."""
    stops = stop_at or [0] * len(cases)
    trials = [
        _trial(case, folder, stop, None, 1) for case, folder, stop in zip(cases, folders, stops)
    ]
    ends: Dict[int, Optional[TrialEnd]] = {}

    def leave(trial: Trial, end: Optional[TrialEnd]) -> None:
        ends[id(trial)] = end

    train_stack(Stack(trials, leave))
    return [_record(trial, folder, ends[id(trial)]) for trial, folder in zip(trials, folders)]


def _trial(
    case: Case, folder: str, stop_at: int, resume: Optional[Tuple[int, str]], keep: int
) -> Trial:
    sink = Sink()
    keeper = Keeper(
        folder, 1, keep=keep, minimize=case.goal == "minimize", announce=sink.messages.append
    )
    start, checkpoint = resume or (0, "")
    trial = _StoppingTrial(
        case.params,
        max_steps=case.max_steps,
        eval_every=case.eval_every,
        seed=case.seed,
        workload=case.workload,
        options=case.options,
        objective=Objective(case.metric, case.goal),
        start_step=start,
        resume_path=os.path.join(checkpoint, DATA) if checkpoint else None,
        sink=sink,
        keeper=keeper,
    )
    trial.stop_at = stop_at
    return trial


def _record(trial: Trial, folder: str, end: Optional[TrialEnd]) -> Record:
    """Hand over what a trial still holds, as a worker does, and collect what came of it."""
    state, reason, step = "completed", "", trial.step
    if isinstance(end, (Diverged, Infeasible)):
        trial.abandon()
        state, reason = "infeasible", str(end)
        step = end.step if isinstance(end, Diverged) else step
    elif end is not None and not isinstance(end, Stopped):
        raise end
    else:
        trial.finish()
        if end is not None:
            state, reason, step = "stopped", str(end), end.step
    messages = trial.sink.messages
    written = {m["step"]: m["folder"] for m in messages if m["kind"] == "checkpoint"}
    kept = [m for m in messages if m["kind"] == "kept"][-1:]
    steps, best = (kept[0]["steps"], kept[0]["best"]) if kept else ([], [])
    checkpoints = {step: os.path.join(folder, written[step]) for step in steps}
    return Record(state, reason, step, trial.sink.rows, checkpoints, best)


def _run(case: Case) -> Record:
    with tempfile.TemporaryDirectory() as folder:
        result = record(case, folder)
    _equal("state of the trial", result.state, "completed")
    return result


def _equal(what: str, found: object, expected: object) -> None:
    assert found == expected, f"{what}: found {found}; expected {expected}"


def _same(found: Dict[Tuple[int, str], bytes], expected: Dict[Tuple[int, str], bytes]) -> None:
    """Compare bit by bit; name the first point that differs."""
    for key in sorted(set(found) | set(expected)):
        mine, theirs = (_shown(points.get(key)) for points in (found, expected))
        _equal(f"{key[1]} at step {key[0]}", mine, theirs)


def _shown(bits: Optional[bytes]) -> str:
    return "nothing" if bits is None else f"{struct.unpack('<d', bits)[0]!r} ({bits.hex()})"


def check_same_seed_same_curve(case: Case) -> None:
    """Check that one seed gives one result, whatever was trained before it in this process."""
    first = _run(case)
    _run(replace(case, seed=case.seed + 1))
    _same(_run(case).bits(), first.bits())


def check_other_seed_other_curve(case: Case) -> None:
    """Check that the seed matters: without it there is no retrain variance to see (P28)."""
    curves = [_run(replace(case, seed=case.seed + i)).curve(case.metric) for i in range(2)]
    assert curves[0] != curves[1], f"{case.metric}: found equal curves; expected the seed to matter"


def check_evaluations_at_steps(case: Case) -> None:
    """Check that the objective is logged at step 1, every `eval_every` and the last (P43)."""
    found = sorted(_run(case).curve(case.metric))
    expected = evaluation_steps(case.eval_every, case.max_steps)
    _equal(f"steps of {case.metric}", found, expected)


def check_training_loss_is_logged(case: Case) -> None:
    """Check that ``train/loss`` is there at every evaluation: divergence is noticed by it."""
    missing = set(evaluation_steps(case.eval_every, case.max_steps))
    missing -= set(_run(case).curve("train/loss"))
    _equal("evaluations without train/loss", sorted(missing), [])


def check_stop_within_one_interval(case: Case) -> None:
    """Check that a stopped trial ends at the next evaluation with its state on the disk."""
    asked = case.eval_every + 1
    with tempfile.TemporaryDirectory() as folder:
        result = record(case, folder, stop_at=asked)
        _equal("state of a stopped trial", result.state, "stopped")
        _equal(f"end of a trial stopped in step {asked}", result.step, 2 * case.eval_every)
        _equal("newest checkpoint", max(result.checkpoints, default=None), result.step)


def check_resume_is_bit_equal(case: Case) -> None:
    """Check that stopping and resuming changes no value of any metric but `TIMES`."""
    whole = _run(case)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as second:
        stopped = record(case, folder, stop_at=case.eval_every + 1)
        step = stopped.step
        _equal("newest checkpoint", max(stopped.checkpoints, default=None), step)
        resumed = record(case, second, resume=(step, stopped.checkpoints[step]))
    _equal("state of a resumed trial", resumed.state, "completed")
    _same({**stopped.bits(), **resumed.bits()}, whole.bits())
    _equal(
        "points of a resumed trial up to its start", resumed.bits().keys() - whole.bits(step), set()
    )


def check_keeps_best(case: Case) -> None:
    """Check that the best and the last state are on the disk, whole, and nothing else (P36)."""
    for keep in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            result = record(case, folder, keep=keep)
            curve = result.curve(case.metric)
            sign = 1.0 if case.goal == "minimize" else -1.0
            best = sorted(curve, key=lambda step: (sign * curve[step], step))[:keep]
            _equal(f"steps of the {keep} best checkpoints", result.best, sorted(best))
            _equal("checkpoints", sorted(result.checkpoints), sorted({*best, case.max_steps}))
            broken = [step for step, path in result.checkpoints.items() if not is_whole(path)]
            _equal("checkpoints that are not whole", broken, [])
            staged = [name for name in os.listdir(folder) if name.startswith("tmp-")]
            _equal("unfinished checkpoints", staged, [])


def check_predictions_are_kept(case: Case) -> None:
    """Check that the best state comes with the model's words on a few fixed examples (P43)."""
    found = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            result = record(case, folder)
            path = os.path.join(result.checkpoints[result.best[0]], PREDICTIONS)
            assert os.path.exists(path), f"{PREDICTIONS}: found none beside the best checkpoint"
            with open(path, encoding="utf-8") as file:
                found.append(json.load(file))
    assert found[0], f"{PREDICTIONS}: found no example; expected a few"
    _equal("predictions of equal trials", found[1], found[0])


def check_times_are_reported(case: Case) -> None:
    """Check that every evaluation tells the time of a step, and the wait for data in it (P44)."""
    result = _run(case)
    curves = {name: result.curve(name) for name in case.times}
    expected = evaluation_steps(case.eval_every, case.max_steps)
    for name, curve in curves.items():
        _equal(f"steps of {name}", sorted(curve), expected)
    for step in expected if case.times == TIMES else ():
        wait, whole = curves["data_wait"][step], curves["step_time"][step]
        assert 0.0 <= wait <= whole, f"data_wait at step {step}: found {wait} of {whole} s a step"


def check_partial_batches_weigh_what_they_hold(case: Case) -> None:
    """Check that an error rate is a whole number of examples (P43)."""
    for step, rate in _run(case).curve("validation/error_rate").items():
        wrong = rate * case.examples
        slack = 1e-6 * case.examples + 1e-9  # of a mean in single precision
        assert abs(wrong - round(wrong)) <= slack, (
            f"validation/error_rate at step {step}: found {wrong:.4f} of {case.examples} examples "
            "wrong; expected a whole number: a partial batch must weigh what it holds"
        )


def check_stacked_is_bit_equal(
    cases: Sequence[Case],
    train_stack: Callable[[Stack], object],
    *,
    stop_at: Sequence[int] = (),
) -> None:
    """Check that trials of a stack come out as alone, bit for bit, states included."""
    stops = stop_at or [0] * len(cases)
    with tempfile.TemporaryDirectory() as root:
        folders = [os.path.join(root, str(lane)) for lane in range(2 * len(cases))]
        for folder in folders:
            os.makedirs(folder)
        stacked = record_stack(cases, folders[: len(cases)], train_stack, stop_at=stops)
        for lane, case in enumerate(cases):
            alone = record(case, folders[len(cases) + lane], stop_at=stops[lane])
            ours = stacked[lane]
            _equal(f"end of lane {lane}", (ours.state, ours.step), (alone.state, alone.step))
            _same(ours.bits(), alone.bits())
            _equal(f"best steps of lane {lane}", ours.best, alone.best)
            for step, path in alone.checkpoints.items():
                _equal(
                    f"state of lane {lane} at step {step}",
                    _content(ours.checkpoints[step]),
                    _content(path),
                )


def _content(folder: str) -> bytes:
    with open(os.path.join(folder, DATA), "rb") as file:
        return file.read()


def check_divergence_is_infeasible(case: Case) -> None:
    """Check that hyperparameters that diverge end a trial as infeasible, at the step it shows."""
    with tempfile.TemporaryDirectory() as folder:
        result = record(case, folder)
    _equal("state of a trial that diverges", result.state, "infeasible")
    losses = {"train/loss", Objective(case.metric).loss, case.metric}
    last: Dict[str, Tuple[int, bool]] = {}  # by loss: where its last streak began, if it is one
    for name, step, value in result.points:
        if name in losses:
            spoiled, since = value - value != 0.0, last.get(name, (step, False))
            last[name] = since if since[1] and spoiled else (step, spoiled)
    begun = [step for step, spoiled in last.values() if spoiled]
    _equal("first step without a finite loss", min(begun, default=None), result.step)


CHECKS = (
    check_same_seed_same_curve,
    check_other_seed_other_curve,
    check_evaluations_at_steps,
    check_training_loss_is_logged,
    check_stop_within_one_interval,
    check_resume_is_bit_equal,
    check_keeps_best,
    check_times_are_reported,
)


def conformance(case: Case, diverging_params: Optional[Mapping[str, Any]] = None) -> None:
    """Run every check.

    Args:
        case: A configuration that trains.
        diverging_params: Replaced in `case` to make it diverge within its steps; None skips that.
    """
    for check in CHECKS:
        check(case)
    if case.predictions:
        check_predictions_are_kept(case)
    if case.examples:
        check_partial_batches_weigh_what_they_hold(case)
    if diverging_params is not None:
        params = {**case.params, **diverging_params}
        check_divergence_is_infeasible(replace(case, params=params))
