"""Random pools round the verdict on a member, 2,500 of them, each from a seed of its own that a failure prints. What they go
through, and what has to hold in all of them, is in tests/unit/test_pool_random.c. POOL_RANDOM_RUNS in the environment asks
for more."""

from __future__ import annotations

import pytest
from random_runs import RandomRuns

POOLS = RandomRuns("test_pool_random", "POOL_RANDOM", shares=8)
SHARES = 2  # of them are run


@pytest.mark.parametrize("share", range(SHARES))
def test_what_a_pool_promises_holds(share: int) -> None:
    assert f"{POOLS.runs} pools from seed {POOLS.seed(share)}" in POOLS.run(share)
