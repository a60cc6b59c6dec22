"""Random worlds around the core, 10,000 of them, each from a seed of its own that a failure prints. What has to hold in
all of them is in tests/unit/support/core_chaos.c. RECOVERY_RANDOM_RUNS in the environment asks for more."""

from __future__ import annotations

import pytest
from random_runs import RandomRuns

WORLDS = RandomRuns(
    "test_recovery_random", "RECOVERY_RANDOM", shares=8, environment={"CMOCKA_TEST_FILTER": "test_what_must_hold_holds"}
)


@pytest.mark.parametrize("share", range(WORLDS.shares))
def test_what_must_hold_holds(share: int) -> None:
    seed = WORLDS.seed(share)
    assert f"seeds {seed} to {seed + WORLDS.runs - 1}" in WORLDS.run(share)
