"""The figure of exec probes."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from figure import Figure, ratio_of
from measure import Tool, agent

PLUGIN = "/usr/lib/nagios/plugins/check_dummy"  # of monitoring-plugins; small, so that our part counts
PLUGINS_RATE = 100  # runs a second
PLUGINS_ROUNDS = 3
PLUGINS_WARM = 2.5
PLUGINS_SECONDS = 6.0
PLUGINS_LIMIT = 1.2

TICKS = os.sysconf("SC_CLK_TCK")


def _cpu_with_children(pid: int) -> float:
    """Seconds, in the clock ticks of the kernel: own and those of children that were waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _cpu_per_run(pid: int) -> float:
    """Microseconds."""
    time.sleep(PLUGINS_WARM)
    before = _cpu_with_children(pid)
    time.sleep(PLUGINS_SECONDS)
    return (_cpu_with_children(pid) - before) / (PLUGINS_RATE * PLUGINS_SECONDS) * 1e6


def _policy() -> str:
    probe = f"{{exec: [{PLUGIN}, '0'], interval: 1s, fast_interval: 1s, down_interval: 1s}}"
    lines = [f"  plugin-{index:03}: {{probes: {{one: {probe}}}}}" for index in range(PLUGINS_RATE)]
    return "\n".join(["services:", *lines]) + "\n"


def plugins() -> list[Figure]:
    """CPU time of the agent and of its children that were waited for, divided by the runs: 100 exec
    probes of `check_dummy` at 1 s. The floor is `bench_floor_exec`: posix_spawn and wait of the same
    plug-in at the same rate. They take turns, three rounds each, and the medians are compared."""
    ours, floor = [], []
    for _ in range(PLUGINS_ROUNDS):
        with agent(_policy()) as one:
            ours.append(_cpu_per_run(one.pid))
        with Tool("bench_floor_exec", PLUGINS_RATE, PLUGIN, 0) as tool:
            floor.append(_cpu_per_run(tool.pid))
    what = "CPU per exec probe, plug-in included, 100 a second"
    return [ratio_of(what, statistics.median(ours), statistics.median(floor), "us", PLUGINS_LIMIT)]
