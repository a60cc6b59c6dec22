"""Random runs of a program of the unit tests, each from a seed of its own, in shares that run side by side."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field

from scenario_files import BUILD

FIRST_SEED = 1_000_000
SECONDS_A_RUN = 0.5


@dataclass(frozen=True)
class RandomRuns:
    program: str
    prefix: str  # of the variables PREFIX_RUNS and PREFIX_SEED
    shares: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """Of one share; PREFIX_RUNS in the environment asks for more."""
        return -(-int(os.environ.get(f"{self.prefix}_RUNS", "10000")) // self.shares)

    def seed(self, share: int) -> int:
        return FIRST_SEED + share * self.runs

    def run(self, share: int) -> str:
        """What the program said on both of its outputs; it has to succeed."""
        numbers = {f"{self.prefix}_RUNS": str(self.runs), f"{self.prefix}_SEED": str(self.seed(share))}
        done = subprocess.run(
            [BUILD / "tests" / self.program],
            env={**os.environ, **numbers, **self.environment},
            capture_output=True,
            text=True,
            timeout=60 + self.runs * SECONDS_A_RUN,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr
