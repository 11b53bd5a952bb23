"""The quasi-random sequence: a scrambled Halton sequence of our own (P12).

Column `c` counts in the `c`-th prime; the digit at every position, the leading zeros among them,
is permuted by a hash of (seed, column, position). Integers only, so that neither a library nor a
processor can change a study: point `i` is a pure function of (seed, column, i).
"""

from __future__ import annotations

from functools import lru_cache

VERSION = "halton-1"
"""Name of the sequence; a change of any value is a new version."""

RESOLUTION = 1 << 53
"""Coordinates are whole multiples of one part in this many."""

_MASK = (1 << 64) - 1
_PRIMES = [2, 3]


def mix(value: int) -> int:
    """Return the splitmix64 hash of an integer, in [0, 2**64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def prime(column: int) -> int:
    """Return the base of a column: 2, 3, 5, …"""
    while len(_PRIMES) <= column:
        candidate = _PRIMES[-1] + 2
        while any(candidate % p == 0 for p in _PRIMES if p * p <= candidate):
            candidate += 2
        _PRIMES.append(candidate)
    return _PRIMES[column]


def permutation(seed: int, column: int, position: int) -> tuple[int, ...]:
    """Return the permutation of the digits 0 … base-1 at one position (Fisher–Yates)."""
    digits = list(range(prime(column)))
    key = mix(mix(mix(seed) ^ column) ^ position)
    for last in range(len(digits) - 1, 0, -1):
        chosen = (mix(key ^ last) * (last + 1)) >> 64
        digits[last], digits[chosen] = digits[chosen], digits[last]
    return tuple(digits)


@lru_cache(maxsize=4096)
def _weights(seed: int, column: int) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...], int]:
    """Return what each digit of a column is worth, the zeros from there on, and the whole."""
    base = prime(column)
    size = 1
    weights: list[tuple[int, ...]] = []
    while size < RESOLUTION:
        size *= base
    weight = size
    while weight > 1:
        weight //= base
        permuted = permutation(seed, column, len(weights))
        weights.append(tuple(digit * weight for digit in permuted))
    tails = [0]
    for position in reversed(weights):
        tails.append(tails[-1] + position[0])
    return tuple(weights), tuple(reversed(tails)), size


def unit(seed: int, column: int, index: int) -> float:
    """Return the coordinate of one point in one column, in [0, 1).

    Args:
        seed: The study's seed, 0 ≤ seed < 2**64.
        column: Number of the column, from 0.
        index: Number of the point, from 0; below 2**53.

    Raises:
        ValueError: One of them is out of range.
    """
    if column < 0 or not 0 <= index < RESOLUTION or not 0 <= seed <= _MASK:
        raise ValueError(f"no point {index} in column {column} of seed {seed}")
    weights, tails, size = _weights(seed, column)
    base, total, position = len(weights[0]), 0, 0
    while index:
        index, digit = divmod(index, base)
        total += weights[position][digit]
        position += 1
    return (total + tails[position]) * RESOLUTION // size / RESOLUTION
