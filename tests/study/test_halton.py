import math
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from labtui.study.halton import VERSION, mix, permutation, prime, unit

GOLDEN = {
    (1, 0, 0): "0x1.672e8662b6347p-1",
    (1, 0, 1): "0x1.9cba198ad8d1cp-3",
    (1, 0, 19): "0x1.ee5d0cc56c68ep-2",
    (1, 1, 0): "0x1.58b295eb517d0p-2",
    (1, 1, 1): "0x1.5703f5a053692p-1",
    (1, 4, 100): "0x1.8fc876243f27cp-1",
    (1, 15, 255): "0x1.1ba7cb83b543ep-1",
    (2, 0, 0): "0x1.a68642876b3d6p-2",
    (2**64 - 1, 7, 12345): "0x1.a46bc8912e3cap-2",
    (0, 0, 0): "0x1.9ff782aeeea31p-1",
    (0, 30, 10**9): "0x1.5a70beaab5de4p-1",
}
SIZES = (8, 16, 32, 64, 128, 256)
SEEDS = range(24)

seeds = st.integers(0, 2**64 - 1)


def test_golden_values_never_change():
    assert VERSION == "halton-1"
    assert {key: unit(*key).hex() for key in GOLDEN} == GOLDEN


def test_the_mixer_is_splitmix64():
    state = 1234567
    outputs = []
    for _ in range(3):
        outputs.append(mix(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_bases_are_the_first_primes():
    assert [prime(column) for column in range(10)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert prime(167) == 997


@settings(deadline=None)
@given(seeds, st.integers(0, 40), st.integers(0, 60))
def test_digits_are_permuted(seed, column, position):
    assert sorted(permutation(seed, column, position)) == list(range(prime(column)))


@settings(deadline=None)
@given(seeds, st.integers(0, 20), st.integers(0, 2**53 - 1))
def test_coordinates_lie_in_the_half_open_interval(seed, column, index):
    assert 0 <= unit(seed, column, index) < 1


@settings(deadline=None)
@given(seeds, st.integers(0, 6), st.integers(0, 3))
def test_every_block_of_the_base_fills_every_stratum_once(seed, column, block):
    base = prime(column)
    points = [unit(seed, column, base * block + i) for i in range(base)]
    assert sorted(int(u * base + 1e-12) for u in points) == list(range(base))


def test_random_access_equals_the_sequence():
    sequence = [unit(3, 2, i) for i in range(50)]
    order = list(range(50))
    random.Random(0).shuffle(order)
    assert {i: unit(3, 2, i) for i in order} == dict(enumerate(sequence))
    assert [unit(3, 2, i) for i in range(20)] + [unit(3, 2, i) for i in range(20, 50)] == sequence


@pytest.mark.parametrize("key", [(-1, 0, 0), (2**64, 0, 0), (1, -1, 0), (1, 0, -1), (1, 0, 2**53)])
def test_out_of_range_is_refused(key):
    with pytest.raises(ValueError, match="no point"):
        unit(*key)


def test_points_are_unbiased_over_seeds():
    means = [np.mean([unit(seed, column, 0) for seed in range(800)]) for column in range(4)]
    assert np.allclose(means, 0.5, atol=0.04)


@pytest.mark.parametrize("dimensions", [1, 2, 4, 8, 16])
def test_discrepancy_equals_that_of_an_independent_implementation(dimensions):
    ours, theirs = np.zeros(len(SIZES)), np.zeros(len(SIZES))
    for seed in SEEDS:
        points = np.array([[unit(seed, c, i) for c in range(dimensions)] for i in range(SIZES[-1])])
        reference = qmc.Halton(dimensions, scramble=True, rng=seed).random(SIZES[-1])
        ours += [math.log(qmc.discrepancy(points[:n])) for n in SIZES]
        theirs += [math.log(qmc.discrepancy(reference[:n])) for n in SIZES]
    ratios = np.exp((ours - theirs) / len(SEEDS))
    assert np.all(np.abs(ratios - 1) < 0.1), ratios


def test_speed():
    start = time.process_time()
    for index in range(256):
        for column in range(8):
            unit(987654321, column, index)
    assert time.process_time() - start < 0.2
