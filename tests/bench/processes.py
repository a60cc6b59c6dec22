"""What it takes to watch many processes, against Monit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from figure import Figure, ratio_of
from measure import Tool, agent, cpu_seconds
from monit import monit

COUNT = 500
CYCLE = 5  # seconds, of Monit
WATCHED = 20.0  # seconds, four cycles
CONFIRM = 60  # seconds between runs that only confirm what a pidfd tells at once
SETTLE = 14.0  # the first runs of the agent are spread over ten seconds
SLACK = "slack: 50ms"


def _milliseconds_a_second(pids: list[int], seconds: float) -> float:
    before = sum(map(cpu_seconds, pids))
    time.sleep(seconds)
    return (sum(map(cpu_seconds, pids)) - before) / seconds * 1e3


def _by_agent(folder: str, limits: str, interval: int, seconds: float) -> float:
    lines = [f"defaults: {{interval: {interval}s}}", "services:"]
    for index in range(COUNT):
        process = f"{{process: {{pidfile: {folder}/{index}.pid{limits}}}}}"
        lines.append(f"  process-{index:03}: {{probes: {{main: {process}}}}}")
    with agent("\n".join(lines) + "\n", SLACK) as one:
        time.sleep(SETTLE)
        one.wait_for("process-499", health="healthy")
        return _milliseconds_a_second([one.pid, one.executor_pid], seconds)


def _by_monit(folder: str, limits: str) -> float:
    checks = "\n".join(
        f"check process process-{index:03} with pidfile {folder}/{index}.pid\n{limits}" for index in range(COUNT)
    )
    with monit(checks, CYCLE) as one:
        time.sleep(CYCLE)
        return _milliseconds_a_second([one.pid], WATCHED)


@contextmanager
def _sleepers() -> Iterator[str]:
    """A folder with a pidfile for each of them, in memory as /run is."""
    with tempfile.TemporaryDirectory(prefix="recoverd-bench-", dir="/dev/shm") as folder:
        with Tool("bench_sleepers", COUNT, folder) as tool:
            assert tool.read() == ["ready"]
            yield folder


def processes() -> list[Figure]:
    """500 sleeping processes, each known by a pidfile; CPU time of agent and executor together, and of
    Monit 5.33 with a cycle of 5 s, each over whole cycles. For death, the agent's probe confirms once a
    minute what a pidfd tells at once; Monit learns of it in its next cycle. Of ten such runs nine are spared
    while inotify tells of no change of the pidfile; a tenth of the probes read theirs, and what the process
    uses, in each minute, so that the minute that is measured holds its share. For memory and CPU both look
    every 5 s."""
    with _sleepers() as folder:
        death = _by_agent(folder, "", CONFIRM, CONFIRM), _by_monit(folder, "")
        usage = (
            _by_agent(folder, ", max_rss: 1GiB, max_cpu: 90%", CYCLE, WATCHED),
            _by_monit(folder, "  if total memory > 1 GB then alert\n  if cpu > 90% for 12 cycles then alert"),
        )
    return [
        ratio_of(f"CPU of watching {COUNT} processes for death", *death, "ms/s", 0.05),
        ratio_of(f"CPU of watching {COUNT} processes for RSS and CPU each 5 s", *usage, "ms/s", 1),
    ]
