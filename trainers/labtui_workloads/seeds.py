"""Independent streams of random numbers, each a function of the trial's seed and a name."""

from __future__ import annotations

import hashlib


def derive(seed: int, stream: str, number: int = 0) -> int:
    """Give the seed of a stream's part, e.g. ("order", epoch) or ("dropout", step).

    Returns:
        0 ≤ seed < 2**63; a trial that resumes at a step finds the numbers it would have had.
    """
    digest = hashlib.blake2b(f"{seed}:{stream}:{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
