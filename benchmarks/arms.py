"""How often reruns of each arm's best three support an order, on simulated studies of known truth.

The unit is the retrain deviation. A study has 2 to 4 arms of 10 to 20 points; each arm's best three
are selected by values with noise and rerun with paired seeds. false: an order of these
configurations that is not theirs, in any pair. supported: the first arm's configurations are called
better than all others'. beyond: that also exceeds the luck of the search, so that it is a claim
about the arms. Arms are equal (their surfaces and what noise they have) unless one leads.

none: no surface, only noise. surface: true values spread over so many deviations, at shared points
or at points of each arm's own. seeds: that share of the noise is common to an arm's configurations
of one seed. skew: exponential noise. unequal: the second arm is three times as noisy.

Run: python benchmarks/arms.py [--studies 1000]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from labtui.analysis.rerun_order import ArmReruns, RerunOrder, order_of_reruns
from labtui.analysis.table import StudyTable


@dataclass(frozen=True)
class World:
    """How studies come about; see the module's text."""

    name: str
    arms: int = 2
    reruns: int = 3
    lead: float = 0.0
    surface: float = 0.0
    shared: bool = True
    seeds: float = 0.0
    skew: bool = False
    unequal: bool = False


NULLS = (
    World("none"),
    World("none", arms=3),
    World("none", arms=4),
    World("none", reruns=2),
    World("none", reruns=5),
    World("skew", skew=True),
    World("unequal", unequal=True),
    World("seeds 0.3", seeds=0.3),
    World("seeds 1.0", seeds=1.0),
    World("seeds 0.7", seeds=0.7, arms=3),
    World("surface 10", surface=10),
    World("surface 10", surface=10, reruns=5),
    World("surface 10, own points", surface=10, shared=False),
    World("surface 10, own points", surface=10, shared=False, reruns=5),
    World("surface 100, own points", surface=100, shared=False),
)
LEADS = (
    World("lead 2", lead=2),
    World("lead 2", lead=2, arms=3),
    World("lead 2", lead=2, reruns=5),
    World("lead 2", lead=2, arms=3, reruns=5),
    World("lead 2, seeds 0.3", lead=2, seeds=0.3),
    World("lead 2, surface 10", lead=2, surface=10),
    World("lead 2, surface 10", lead=2, surface=10, reruns=5),
)


def study(
    world: World, rng: np.random.Generator
) -> tuple[list[ArmReruns], StudyTable, dict[str, float]]:
    """Simulate a search and its reruns; gives the true mean of every arm's configurations too."""
    points = int(rng.integers(10, 21))
    sigma = np.ones(world.arms)
    sigma[1:2] = 3.0 if world.unequal else 1.0

    def noise(*shape: int) -> np.ndarray:
        return rng.exponential(1, shape) - 1 if world.skew else rng.standard_normal(shape)

    columns = 1 if world.shared else world.arms
    truth = np.tile(world.surface * rng.random((columns, points)), (world.arms // columns, 1))
    truth[0] -= world.lead
    found = truth + sigma[:, None] * noise(world.arms, points)
    common = np.sqrt(world.seeds) * rng.standard_normal((world.arms, 1, world.reruns))
    again = common + np.sqrt(1 - world.seeds) * noise(world.arms, 3, world.reruns)
    reruns, true = [], {}
    for arm in range(world.arms):
        best = np.argsort(found[arm])[:3]
        values = truth[arm, best][:, None] + sigma[arm] * again[arm]
        names = tuple(f"s/{arm + world.arms * int(one)}" for one in best)
        reruns.append(ArmReruns(str(arm), names, values, found[arm, best]))
        true[str(arm)] = float(truth[arm, best].mean())
    return reruns, _table(found), true


def _table(found: np.ndarray) -> StudyTable:
    arms, points = found.shape
    count = arms * points
    nothing = np.full(count, np.nan)
    return StudyTable(
        study="s",
        metric="loss",
        minimize=True,
        trials=tuple(f"s/{n}" for n in range(count)),
        arms=tuple(str(n % arms) for n in range(count)),
        states=("completed",) * count,
        reasons=("",) * count,
        values=found.T.ravel(),
        best_steps=nothing,
        last_steps=nothing,
        planned=nothing,
        configurations=tuple(range(count)),
        repetitions=(0,) * count,
        points=tuple(n // arms for n in range(count)),
    )


def wrong(order: RerunOrder, true: dict[str, float]) -> bool:
    """Say whether any pair is called ordered that is not, in these configurations."""
    first = true[order.arms[0].arm]
    return any(one.supported and first >= true[one.other] - 1e-12 for one in order.pairs)


def rates(world: World, studies: int, seed: int = 0) -> tuple[float, float, float]:
    """Give the shares of studies with a false, a supported and a resolved order."""
    rng = np.random.default_rng(seed)
    counts = np.zeros(3)
    for _ in range(studies):
        reruns, table, true = study(world, rng)
        order = order_of_reruns(reruns, table)
        assert order is not None
        counts += wrong(order, true), order.supported, order.beyond_search is True
    false, supported, beyond = (counts / studies).tolist()
    return false, supported, beyond


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="reruns of each arm's best three")
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    print("| studies | arms | reruns | false | supported | beyond the search |")
    print("| --- | --- | --- | --- | --- | --- |")
    for world in (*NULLS, *LEADS):
        shares = " | ".join(f"{100 * one:.1f} %" for one in rates(world, studies))
        print(f"| {world.name} | {world.arms} | {world.reruns} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
