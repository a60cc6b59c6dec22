"""What a part of the tests came to, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Failure:
    name: str
    output: str = ""


@dataclass
class Skip:
    name: str
    reason: str


@dataclass
class Tally:
    passed: int = 0
    failures: list[Failure] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips

    def fail(self, name: str, output: str = "") -> None:
        self.failures.append(Failure(name, output))

    def skip(self, name: str, reason: str) -> None:
        self.skips.append(Skip(name, reason))

    @property
    def good(self) -> bool:
        return self.passed > 0 and not self.failures

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped"


def failed(name: str, output: str) -> Tally:
    return Tally(failures=[Failure(name, output)])


def skipped(name: str, reason: str) -> Tally:
    return Tally(skips=[Skip(name, reason)])
