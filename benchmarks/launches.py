"""How often a launch decides rightly, on simulated reruns whose truth is known.

The unit is the retrain deviation, of both sides together where they differ. Noise: normal; skew
(lognormal, skewness 1.75) and heavy skew (6.2); t with three degrees of freedom; coarse (steps of
0.95 deviations, as of a small validation sample). 2:1 is a candidate twice as noisy as its
baseline.

--real N launches candidates of a real study instead, through the program: a user's `train(trial)`,
a runner, a lab, and `labtui launch` again as long as it names itself as the next command.

none: no gain. pays: exactly the least gain that pays, half a deviation, estimated from the reruns.
two: a gain of two deviations that pays from 0 on. adopt (95 % upper bound), of these within 10
reruns a side, reject, undecided at the cap, mean reruns a side.

Run: python benchmarks/launches.py [--launches 1000] [--real N]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labtui.analysis.decision import GROUPS, Least, Look, looks
from labtui.cli.app import main as labtui
from labtui.engine import asking
from labtui.store.paths import LabPaths

CASES = (
    ("normal", 1, 1),
    ("normal", 2, 1),
    ("normal", 1, 2),
    ("skew", 1, 1),
    ("skew", 2, 1),
    ("skew", 1, 2),
    ("heavy skew", 1, 1),
    ("heavy skew", 2, 1),
    ("t3", 1, 1),
    ("t3", 2, 1),
    ("coarse", 1, 1),
)
TRUTHS = (("none", 0.0, 0.0), ("pays", 0.5, 0.5), ("two", 2.0, 0.0))


def lognormal(shape: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    mean = math.exp(shape * shape / 2)
    deviation = mean * math.sqrt(math.exp(shape * shape) - 1)
    return lambda rng, n: (np.exp(shape * rng.standard_normal(n)) - mean) / deviation


NOISES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "skew": lognormal(0.5),
    "heavy skew": lognormal(1.0),
    "t3": lambda rng, n: rng.standard_t(3, n) / math.sqrt(3),
    "coarse": lambda rng, n: np.round(0.75 * rng.standard_normal(n) * 1.4) / 1.4 / 0.75,
}


@dataclass(frozen=True)
class Rates:
    """Shares of launches, and the mean number of reruns a side."""

    launches: int
    adopt: float
    early: float
    reject: float
    undecided: float
    reruns: float

    @property
    def adopt_bound(self) -> float:
        """Upper 95 % bound of the share that is adopted (Clopper and Pearson)."""
        return upper_bound(round(self.adopt * self.launches), self.launches)


def upper_bound(hits: int, of: int, level: float = 0.05) -> float:
    """Give the share under which so few hits or fewer have the probability `level`."""
    if hits == of:
        return 1.0
    low, high = hits / of, 1.0
    for _ in range(60):
        share = (low + high) / 2
        logs = [
            math.lgamma(of + 1)
            - math.lgamma(k + 1)
            - math.lgamma(of - k + 1)
            + k * math.log(share)
            + (of - k) * math.log1p(-share)
            for k in range(hits + 1)
        ]
        low, high = (share, high) if sum(map(math.exp, logs)) > level else (low, share)
    return high


def simulate(
    noise: str, widths: tuple[float, float], gain: float, least: Least, launches: int, seed: int = 1
) -> Rates:
    """Launch changes of one kind; `widths` are the deviations of candidate and baseline."""
    rng = np.random.default_rng([seed, 11])
    unit = math.hypot(*widths) / math.sqrt(2)
    last = []
    for _ in range(launches):
        ours, theirs = (width * NOISES[noise](rng, GROUPS[-1]) for width in widths)
        *_, look = looks(ours, theirs + gain * unit, least)
        last.append(look)
    return rates(last)


def rates(last: list[Look]) -> Rates:
    """Count how launches ended."""
    n = len(last)
    ends = {
        verdict: sum(look.verdict == verdict for look in last) / n
        for verdict in ("adopt", "reject", "undecided")
    }
    early = sum(look.verdict == "adopt" and look.candidate.reruns <= 10 for look in last) / n
    reruns = sum(look.candidate.reruns for look in last) / n
    return Rates(n, ends["adopt"], early, ends["reject"], ends["undecided"], reruns)


# A response surface: the optimum of the rate is 0.01, weight decay helps by half a deviation.
SCRIPT = """
import math, random

def train(trial):
    p = trial.params
    draw = random.Random(f"{trial.seed} {sorted(p.items())}")
    truth = 0.3 + 0.02 * (math.log10(p["learning_rate"]) + 2) ** 2
    truth -= 0.005 if p.get("weight_decay") else 0
    noise = 0.01 * draw.gauss(0, 1)
    for step in trial.steps():
        value = truth + noise + 0.7 * math.exp(-step)
        trial.log(step, {"train/loss": value})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/loss": value})
"""
BASELINE = {"learning_rate": 0.1}
REAL = (
    ("none", {"learning_rate": 0.001}),
    # Weight decay has to gain a quarter of a deviation: 0.0025, which the rate leaves of its 0.005.
    ("pays", {"learning_rate": 10 ** (math.sqrt(1.125) - 2), "weight_decay": 1}),
    ("two", {"learning_rate": 0.01}),
)


def launch_real(folder: Path, name: str, params: dict[str, float], launches: int) -> Counter[str]:
    """Launch so many candidates of one kind in a lab of their own, following the advice."""
    (folder / "train.py").write_text(SCRIPT)
    listed = [{**params, "twin": twin} for twin in range(1, launches + 1)]
    (folder / "study.yaml").write_text(
        f"study: {name}\ngoal: Is it better?\nworkload: w\ntrainer: {{python: train.py:train}}\n"
        "objective: {metric: validation/loss, goal: minimize}\n"
        "budget: {max_train_steps: 20, eval_every: 10}\ndesign: configurations\n"
        f"configurations: {json.dumps(listed)}\n"
    )
    lab = ["--lab", str(folder / "lab.db")]
    paths = LabPaths(folder / "lab.db")
    call("run", str(folder / "study.yaml"), *lab)
    made = {"params": {**BASELINE, "twin": 0}, "budget": {"max_train_steps": 20}}
    asking.set_baseline(paths, "w", made, reason="to compare with")
    ends: Counter[str] = Counter()
    for number in range(launches):
        found = {"next": f"launch {name}/{number}"}
        while found["next"]:
            found = json.loads(call("launch", f"{name}/{number}", "--json", *lab))
        reruns = found["looks"][-1]["reruns"]
        ends += Counter({found["verdict"]: 1, "reruns": reruns})
        if found["verdict"] == "adopt":
            ends["early"] += reruns <= 10
            asking.roll_back(paths, "w", found["adopted"], "the next one is compared with the same")
    return ends


def call(*arguments: str) -> str:
    """Run a command of labtui in this process, and give what it printed."""
    out, narration = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(narration):
        code = labtui(list(arguments))
    if code:
        raise SystemExit(f"labtui {' '.join(arguments)}: {code}\n{narration.getvalue()}")
    return out.getvalue()


def real(launches: int) -> None:
    """Print how launches of a real study ended."""
    print(f"{launches} launches of each kind through the program")
    for name, params in REAL:
        with tempfile.TemporaryDirectory() as folder:
            ends = launch_real(Path(folder), name, params, launches)
        print(
            f"{name:6}adopt {ends['adopt']} (by 10: {ends['early']}), reject {ends['reject']}, "
            f"undecided {ends['undecided']}, {ends['reruns'] / launches:.1f} reruns a side",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--launches", type=int, default=1000)
    parser.add_argument("--real", type=int, metavar="N")
    asked = parser.parse_args()
    if asked.real:
        real(asked.real)
        return
    print(f"% of {asked.launches} launches: adopt (bound), by 10, reject, undecided, reruns")
    print(f"{'':15}" + "".join(f"{name:37}" for name, _, _ in TRUTHS))
    for noise, ours, theirs in CASES:
        cells = []
        for _, gain, least in TRUTHS:
            found = simulate(noise, (ours, theirs), gain, Least(deviations=least), asked.launches)
            shares = (found.adopt, found.adopt_bound, found.early, found.reject, found.undecided)
            cells.append(
                "{:5.1f} ({:4.1f}) {:5.1f} {:5.1f} {:5.1f} ".format(
                    *(100 * share for share in shares)
                )
                + f"{found.reruns:5.1f}  "
            )
        print(f"{noise:11}{ours}:{theirs} " + " ".join(cells), flush=True)


if __name__ == "__main__":
    main()
