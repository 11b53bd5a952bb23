"""What probes found, in tables, figures and sentences: batch sizes (P02, P03), stability (P37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from labtui.analysis.gradients import CLIP_PERCENTILE, Norms
from labtui.analysis.rises import Curve, Rise
from labtui.analysis.stability import ABOVE, EDGE
from labtui.analysis.throughput import WAITING, Size, bottleneck, gains, largest_that_pays
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.engine.devices import CPU
from labtui.engine.probe_stability import DENSE_FACTOR, TRAIN_LOSS, Stability
from labtui.engine.probes import BatchSizes
from labtui.store.lab import Lab
from labtui.store.records import TrialRecord
from labtui.verdicts.documents import Document, jsonable
from labtui.verdicts.figures import axis_plot, curves
from labtui.verdicts.text import MISSING, clean, memory, number, params_text, percent, seconds

BATCH_HEADERS = (
    "batch_size",
    "examples/s",
    "step_time",
    "gain",
    "data_wait",
    "memory",
    "spread",
    "remark",
)
RETUNE = (
    "Another batch size needs new optimizer and regularization hyperparameters: tune learning "
    "rate, momentum, weight decay, dropout … again (P03).",
    "The batch size is chosen for speed, never tuned for validation quality: that difference "
    "goes away when each is tuned (P03).",
    "Compare batch sizes under a step budget (`max_train_steps`), not an epoch budget, and do not "
    "fake a larger one by accumulating gradients: it brings no throughput (P03).",
    "Probe again when the model or the optimizer changes (P02).",
)
UNSTEADY = 0.25
"""Rounds of one size that differ by more make a gain of 10 % doubtful."""

NOT_ON_A_GPU = (
    "On a GPU the doubling ends when its memory does; this part of the probe was never tested on "
    "one. The memory column is that of the host."
)


# -- batch sizes --------------------------------------------------------------------------------


def batch_rows(found: BatchSizes) -> list[tuple[str, ...]]:
    """Give the cells of the table, a row a batch size, under `BATCH_HEADERS`."""
    paying = largest_that_pays(found.sizes)
    rows = []
    for size, gain in zip(found.sizes, gains(found.sizes), strict=True):
        if not size.measured:
            rows.append((str(size.batch_size), *([MISSING] * 6), size.outcome))
            continue
        remark = "largest that pays" if size is paying else ""
        rows.append((str(size.batch_size), *_numbers(size, gain), remark))
    return rows


def _numbers(size: Size, gain: float | None) -> tuple[str, ...]:
    return (
        number(round(size.throughput)),
        seconds(size.step_time),
        MISSING if gain is None else f"{100 * gain:+.0f} %",
        MISSING if size.waiting is None else f"{100 * size.waiting:.0f} %",
        MISSING if size.memory is None else memory(size.memory),
        MISSING if size.spread is None else f"{100 * size.spread:.0f} %",
    )


def size_line(size: Size, name: str) -> str:
    """Say in one line what was just measured."""
    if not size.measured:
        return f"{name} {size.batch_size}: {size.outcome}"
    return (
        f"{name} {size.batch_size}: {number(round(size.throughput))} examples/s, "
        f"{seconds(size.step_time)} a step"
    )


def batch_chart(found: BatchSizes) -> ChartSpec:
    """Describe examples/s over the batch size, beside what doubling for ever would be."""
    sizes = [size for size in found.sizes if size.measured]
    x = [size.batch_size for size in sizes]
    y = [size.throughput for size in sizes]
    ideal = [y[0] * size / x[0] for size in x]
    paying = largest_that_pays(found.sizes)
    end = f"{paying.batch_size} pays" if paying else ""
    marks = (Mark("x", paying.batch_size, end, "best"),) if paying else ()
    failed = [size.batch_size for size in found.sizes if not size.measured]
    crosses = Series(failed, [float("nan")] * len(failed), "not feasible", role="infeasible")
    return ChartSpec(
        title=f"{clean(found.subject.workload)}: examples per second",
        x=Axis(clean(found.name), scale="log"),
        y=Axis("examples/s", scale="log"),
        series=(
            Series(x, ideal, "ideal: twice as many", key="ideal", emphasis=False),
            Series(x, y, "measured", key="measured"),
            Series(x, y, role="points", key="points"),
            *([crosses] if failed else []),
        ),
        marks=marks,
        worst="bottom",
    )


def batch_sentences(found: BatchSizes) -> list[str]:
    """Say what the probe found, what limits it, and what follows from it."""
    paying = largest_that_pays(found.sizes)
    assert paying is not None  # a probe without any size is an error
    lines = [f"largest that pays: {paying.batch_size}; ended at {found.reason}"]
    if found.end == "no-gain":
        lines = [f"largest that pays: {paying.batch_size}; {found.reason}"]
    lines.append(_limit(found))
    lines += [*_caveats(found), *found.remarks, *RETUNE]
    return lines


def _limit(found: BatchSizes) -> str:
    limit = bottleneck(found.sizes)
    if limit is None:
        return "the largest feasible size still pays: what ended the doubling is the limit"
    if limit.kind == "unknown":
        return (
            "bottleneck: cannot judge, because the trainer does not log `data_wait`: "
            "either the input or the computation"
        )
    share = percent(round(limit.waiting or 0.0, 3))
    if limit.kind == "input-bound":
        return (
            f"bottleneck: input-bound; {share} of a step is spent waiting for data (more than "
            f"{WAITING:.0%}): repair the input pipeline before a larger batch (P44)"
        )
    return (
        f"bottleneck: compute-bound; the device is busy, only {share} of a step is spent "
        "waiting for data"
    )


def _caveats(found: BatchSizes) -> list[str]:
    lines = []
    widest = max((size.spread or 0.0 for size in found.sizes if size.measured), default=0.0)
    if widest > UNSTEADY:
        lines.append(
            f"rounds differ by up to {widest:.0%}: something else kept the machine busy, and gains "
            "may be chance; probe again when it is idle"
        )
    if found.by_clock:
        lines.append(
            "the trainer logs no `step_time`: steps were timed by the clock, evaluations included"
        )
    if found.device != CPU:
        lines.append(NOT_ON_A_GPU)
    return lines


def batch_document(found: BatchSizes) -> Document:
    """Give what the workload's card keeps.

    Returns:
        ``{"batch_size_probe": {"date", "device", "trainer", "params", "name", "source", "table":
        [{"batch_size", "examples_per_second", "step_time" (s), "gain", "data_wait" (share),
        "memory" (bytes), "spread", "rounds", "outcome"}], "largest_that_pays", "end", "reason",
        "bottleneck", "remarks"}}``
    """
    limit = bottleneck(found.sizes)
    paying = largest_that_pays(found.sizes)
    probe = {
        "date": found.date,
        "device": found.device,
        "trainer": found.subject.trainer["name"],
        "params": dict(found.params),
        "name": found.name,
        "source": found.subject.source,
        "table": [
            _row(size, gain) for size, gain in zip(found.sizes, gains(found.sizes), strict=True)
        ],
        "largest_that_pays": paying.batch_size if paying else None,
        "end": found.end,
        "reason": found.reason,
        "bottleneck": limit.kind if limit else None,
        "remarks": [*_caveats(found), *found.remarks],
    }
    return dict(jsonable({"batch_size_probe": probe}))


def _row(size: Size, gain: float | None) -> Mapping[str, Any]:
    measured = size.measured
    return {
        "batch_size": size.batch_size,
        "examples_per_second": size.throughput if measured else None,
        "step_time": size.step_time if measured else None,
        "gain": gain,
        "data_wait": size.waiting if measured else None,
        "memory": size.memory,
        "spread": size.spread if measured else None,
        "rounds": len(size.step_times),
        "outcome": size.outcome,
    }


def configuration_line(trainer: str, device: str, params: Mapping[str, Any], source: str) -> str:
    """Say what is probed, where, and where its configuration is from."""
    shown = params_text(params)
    return f"{clean(trainer)} on {clean(device)}, {clean(source)}: {shown}"


# -- stability ----------------------------------------------------------------------------------

RATE_HEADERS = ("rate", "state", "best", "step", "remark")
MOST_OUTLIERS = 5


def rate_rows(found: Stability) -> list[tuple[str, ...]]:
    """Give the cells of the sweep's table, a row a rate, under `RATE_HEADERS`."""
    above = dict(found.above)
    rows: list[tuple[str, ...]] = []
    for trial in found.trials:
        rate = float(trial.params[found.name])
        remark = trial.reason
        if rate == found.sweep.best:
            remark = "best rate"
        elif rate in above:
            remark = curve_text(above[rate])
        elif rate in found.sweep.bad and not remark:
            remark = "learns nothing"
        rows.append((number(rate), trial.state, number(trial.value), _step(trial), remark))
    return rows


def _step(trial: TrialRecord) -> str:
    return MISSING if trial.value is None else number(trial.best_step)


def curve_text(curve: Curve) -> str:
    """Say in a few words what a loss did."""
    parts = [_rise_text(rise) for rise in curve.rises]
    if curve.diverged is not None:
        parts.append(f"diverged at step {curve.diverged}")
    if parts:
        return "; ".join(parts)
    return f"cannot judge: {curve.unknown}" if curve.unknown else "has no lasting rise"


def _rise_text(rise: Rise) -> str:
    back = f"back at step {rise.recovered}" if rise.recovered is not None else "not recovered"
    return (
        f"rises from step {rise.start}, {number(rise.low)} to {number(rise.high)} "
        f"at step {rise.peak}, {back}"
    )


def stability_charts(lab: Lab, found: Stability) -> list[ChartSpec]:
    """Describe the loss over the rate, and the losses of the dense run."""
    trials = [replace(trial, arm="") for trial in found.trials]
    axis = axis_plot(found.study, trials, {"name": found.name, "scale": "log"})
    marks = []
    if found.sweep.best is not None:
        marks.append(Mark("x", found.sweep.best, "best rate", "best"))
    if found.dense is not None:
        dense = float(found.dense.params[found.name])
        marks.append(Mark("x", dense, "dense run", "reference"))
    specs = [replace(axis, title=f"{clean(found.study.name)}: {axis.title}", marks=tuple(marks))]
    if found.dense is not None:
        study = lab.study(found.dense.study)
        logged = lab.metrics(study.name)
        shown = [m for m in (found.subject.metric, TRAIN_LOSS) if m in logged]
        for spec in curves(lab, study, [found.dense], metrics=shown):
            specs.append(replace(spec, title=f"{clean(study.name)}: {spec.title}"))
    return specs


def stability_sentences(found: Stability) -> list[str]:
    """Say what was seen, what it means, and what to try, in the playbook's order (P40 to P42)."""
    sweep = found.sweep
    if sweep.best is None:
        return [f"cannot judge: {sweep.reason}: probe --around a lower rate", *found.remarks]
    shown = _best_of(found)
    lines = [
        f"best rate (lr*): {number(sweep.best)}, {clean(found.subject.metric)} {shown}",
        _edge_text(found),
        *(f"at {number(rate)}: train/loss {curve_text(curve)}" for rate, curve in found.above),
    ]
    if not found.above:
        lines.append("cannot judge the rates above it: the sweep has none; probe --around it")
    if found.dense is not None:
        rate = number(float(found.dense.params[found.name]))
        lines.append(
            f"dense run at {rate} ({DENSE_FACTOR:g} x lr*): {clean(found.metric)} "
            f"{curve_text(found.curve)}"
        )
        lines.append(norms_text(found.norms))
    return [*lines, *found.remarks, *_verdict(found)]


def _best_of(found: Stability) -> str:
    best = [t for t in found.trials if float(t.params[found.name]) == found.sweep.best]
    return f"{number(best[0].value)} in {best[0].name}"


def _edge_text(found: Stability) -> str:
    sweep = found.sweep
    if sweep.end:
        side = "above" if sweep.end == "highest" else "below"
        word = f"it is the {sweep.end} rate of the sweep: the best may lie {side}, probe --around"
        return f"{word} {number(sweep.best)}"
    if sweep.at_edge is None:
        return f"cannot judge the edge of the feasible region: {sweep.reason}"
    if sweep.at_edge:
        return f"it is at the edge of the feasible region: {sweep.reason} (within {EDGE:g}x)"
    return f"it is not at the edge of the feasible region: {sweep.reason} (beyond {EDGE:g}x)"


def norms_text(norms: Norms) -> str:
    """Say which gradient norms stand out."""
    if norms.unknown:
        return f"cannot judge gradient norms: {norms.unknown}"
    if not norms.outliers:
        return "gradient norm: no outlier after the first 5 % of the dense run"
    largest = sorted(norms.outliers, key=lambda row: -row[2])[:MOST_OUTLIERS]
    rows = ", ".join(
        f"step {step} ({number(norm)}, {ratio:.1f}x its surroundings)"
        for step, norm, ratio in sorted(largest)
    )
    more = len(norms.outliers) - len(largest)
    return f"gradient norm: outliers at {rows}" + (f" and {more} more" if more else "")


def _verdict(found: Stability) -> list[str]:
    verdict = found.verdict
    if verdict.unstable is None:
        return ["verdict: cannot judge, see above"]
    if not verdict.unstable:
        sentence = f"verdict: no sign of instability up to {ABOVE:g}x the best rate"
        if "edge" in verdict.unknown:
            sentence += ", as far as the sweep reaches"
        return [sentence]
    words = {
        "edge": "the best rate is at the edge of what can be trained",
        "curves": "the loss goes up at rates just above it",
        "dense": "the loss goes up in the dense run",
        "norms": "gradient norms have outliers",
    }
    why = "; ".join(words[sign] for sign in verdict.signs)
    when = f" {verdict.when}" if verdict.when else ""
    return [f"verdict:{when} instability: {why}", *advice(found)]


def advice(found: Stability) -> list[str]:
    """Give the remedies in the order in which the playbook tries them."""
    rate = found.verdict.rate or found.sweep.best or 0.0
    late = found.verdict.when == "mid-training"
    threshold = found.norms.threshold
    clip = f", such as {number(threshold)}" if threshold else ""
    fits = "best for early instability; this one is later" if late else "best for early instability"
    return [
        f"1. warmup (P40; {fits}): a base rate of {number(10 * rate)}, 10x the unstable "
        f"{number(rate)}; sweep warmup_steps over orders of magnitude, at most a tenth of training",
        f"2. gradient clipping (P41; early and mid-training): at the {CLIP_PERCENTILE:.0f}th "
        f"percentile of the gradient norms{clip}; if more than half of the steps are clipped, "
        "lower the rate instead",
        "3. another optimizer; residual connections with normalization inside them; residual "
        "branches that start at zero; a lower learning rate last (P42)",
    ]


def stability_document(found: Stability) -> Document:
    """Give what the workload's card keeps.

    Returns:
        ``{"stability_probe": {"date", "device", "trainer", "params", "source", "metric", "sweep",
        "dense" (names of studies), "best_rate", "best_value", "first_bad_rate", "at_edge",
        "edge_reason", "above": [{"rate", …what the loss did}], "dense_curve": {"metric", …},
        "gradient_norm": {"outliers": [{"step", "norm", "ratio"}], "threshold", "unknown"},
        "unstable" (null: cannot judge), "when", "unstable_rate", "signs", "unknown", "advice",
        "remarks"}}``
    """
    sweep, verdict = found.sweep, found.verdict
    best = [t for t in found.trials if float(t.params[found.name]) == sweep.best]
    probe = {
        "date": found.date,
        "device": found.trials[0].device if found.trials else "",
        "trainer": found.subject.trainer["name"],
        "params": {k: v for k, v in found.subject.params.items() if k != found.name},
        "name": found.name,
        "source": found.subject.source,
        "metric": found.subject.metric,
        "sweep": found.study.name,
        "dense": found.dense.study if found.dense else None,
        "best_rate": sweep.best,
        "best_value": best[0].value if best else None,
        "first_bad_rate": sweep.first_bad,
        "end": sweep.end,
        "at_edge": sweep.at_edge,
        "edge_reason": sweep.reason,
        "above": [{"rate": rate, **asdict(curve)} for rate, curve in found.above],
        "dense_curve": {"metric": found.metric, **asdict(found.curve)},
        "gradient_norm": {
            "outliers": [
                {"step": step, "norm": norm, "ratio": ratio}
                for step, norm, ratio in found.norms.outliers
            ],
            "threshold": found.norms.threshold,
            "unknown": found.norms.unknown,
        },
        "unstable": verdict.unstable,
        "when": verdict.when,
        "unstable_rate": verdict.rate,
        "signs": verdict.signs,
        "unknown": verdict.unknown,
        "advice": advice(found) if verdict.unstable else [],
        "remarks": found.remarks,
    }
    return dict(jsonable({"stability_probe": probe}))
