"""Random groups round the machine of a member, 10,000 of them, each from a seed of its own that a failure prints. What they
go through, and what has to hold in all of them, is in tests/unit/test_member_random.c. MEMBER_RANDOM_RUNS in the
environment asks for more."""

from __future__ import annotations

import pytest
from random_runs import RandomRuns

GROUPS = RandomRuns("test_member_random", "MEMBER_RANDOM", shares=4)


@pytest.mark.parametrize("share", range(GROUPS.shares))
def test_two_are_never_active(share: int) -> None:
    assert f"{GROUPS.runs} groups from seed {GROUPS.seed(share)}" in GROUPS.run(share)
