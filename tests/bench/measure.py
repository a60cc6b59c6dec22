"""What the figures are made of: CPU and memory of a process, targets, floors, an agent, a lab."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
os.environ.setdefault("RECOVERD_BUILD", str(BUILD))
sys.path.insert(0, str(ROOT / "tests" / "lab"))  # which brings the support of the integration tests along

from support import owner, requirements  # noqa: E402
from support.agent import Agent  # noqa: E402
from support.lab import Lab  # noqa: E402

FIRST_ADDRESS = (127 << 24) + (64 << 16)  # as in bench_targets.c
CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED of the kernel


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads that a process ever had, to the nanosecond.

    clock_getcpuclockid(3) makes the clock's number from the pid in just this way."""
    return time.clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no VmRSS")


def program(name: str) -> str:
    return str(BUILD / "bench" / name)


class Tool:
    """A program of this folder; it ends when its standard input does."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [program(name), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def read(self) -> list[str]:
        assert self.process.stdout
        words = self.process.stdout.readline().split()
        assert words, f"{self.process.args} ended"
        return words

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_why: object) -> None:
        self.close()


class Targets(Tool):
    """`count` HTTP servers, `silent` of which accept and never answer."""

    def __init__(self, count: int, silent: int = 0) -> None:
        super().__init__("bench_targets", count, silent)
        self.count, self.silent = count, silent
        self.port = int(self.read()[1])

    def address(self, index: int) -> str:
        address = FIRST_ADDRESS + index
        return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))

    def url(self, index: int) -> str:
        return f"http://{self.address(index)}:{self.port}/"

    def wait_first(self) -> None:
        assert self.read() == ["first"]

    def _ask(self, question: str) -> list[str]:
        assert self.process.stdin
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        answer = self.read()
        return self.read() if answer == ["first"] else answer

    def reset(self) -> None:
        self._ask("reset")

    def report(self) -> dict[str, int]:
        words = self._ask("report")
        return dict(zip(words[::2], map(int, words[1::2])))

    def wait_accepted(self, count: int, within: float) -> None:
        limit = time.monotonic() + within
        while self.report()["accepted"] < count:
            assert time.monotonic() < limit, f"fewer than {count} checks within {within} s"
            time.sleep(0.1)

    def policy(self, interval: str, timeout: str) -> str:
        """Each target is a service that is only watched, at one interval whatever its health."""
        lines = [
            f"defaults: {{interval: {interval}, fast_interval: {interval}, timeout: {timeout}}}"
        ]
        lines.append("services:")
        for index in range(self.count):
            http = f"{{http: {{url: '{self.url(index)}'}}, down_interval: {interval}}}"
            lines.append(f"  target-{index:05}: {{probes: {{page: {http}}}}}")
        return "\n".join(lines) + "\n"


@contextmanager
def agent(policy: str, settings: str = "", start: bool = True) -> Iterator[Agent]:
    one = Agent()
    try:
        one.write_config(agent=settings)
        one.write_policy(policy)
        if start:
            one.start(ready=False)
        yield one
    finally:
        one.close()


@contextmanager
def a_lab() -> Iterator[tuple[Lab, Path]]:
    """And a folder that lasts as long."""
    why = requirements.why_not()
    assert not why, why
    owner.remove_leftovers()
    with tempfile.TemporaryDirectory(prefix="recoverd-bench-") as folder:
        lab = Lab(Path(folder))
        try:
            yield lab, Path(folder)
        finally:
            lab.close()
