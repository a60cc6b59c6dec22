"""The figures that the agent must reach. Each function measures one; its docstring says how, and is
printed in docs/benchmarks.md."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from checkpoints import checkpoints
from faults import faults
from figure import Figure, absolute, lateness_of, ratio_of
from http_peers import http_peers
from measure import Agent, Targets, Tool, agent, cpu_seconds, program, resident_mib
from plugins import plugins
from processes import processes
from simulator import simulator
from takeover import takeover

SLACK_MSEC = 50  # due checks this close together start together, in the agent and in the floor
MANY = f"slack: {SLACK_MSEC}ms"


# ---- CPU of a check -----------------------------------------------------------------------------

CHECKS_TARGETS = 1000
CHECKS_ROUNDS = 3
CHECKS_WARM = 2.5
CHECKS_SECONDS = 6.0


def _cpu_per_check(pid: int, targets: Targets) -> float:
    """Microseconds."""
    time.sleep(CHECKS_WARM)
    targets.reset()
    before = cpu_seconds(pid)
    time.sleep(CHECKS_SECONDS)
    used = cpu_seconds(pid) - before
    answered = targets.report()["answered"]
    expected = CHECKS_TARGETS * CHECKS_SECONDS
    assert 0.9 * expected < answered < 1.1 * expected, f"{answered} checks, expected {expected}"
    return used / answered * 1e6


def checks() -> list[Figure]:
    """CPU time (all threads, user and system) of the whole agent, divided by the requests that the
    targets answered in the same 6 s; the floor is `bench_floor_http`, measured in the same way.
    Agent and floor take turns, three rounds each, and the medians are compared."""
    ours, floor = [], []
    with Targets(CHECKS_TARGETS) as targets:
        for _ in range(CHECKS_ROUNDS):
            with agent(targets.policy("1s", "900ms"), MANY) as one:
                ours.append(_cpu_per_check(one.pid, targets))
            with Tool("bench_floor_http", targets.port, CHECKS_TARGETS, 1000, SLACK_MSEC) as tool:
                floor.append(_cpu_per_check(tool.pid, targets))
    what = "CPU per HTTP check, fresh connections, 1,000 targets at 1 s"
    return [ratio_of(what, statistics.median(ours), statistics.median(floor), "us", 1.25)]


# ---- A restart ----------------------------------------------------------------------------------

RESTARTS = 50


class Stamps:
    """Where bench_stamp says that it runs."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/stamps"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(20)

    def read(self) -> tuple[int, int]:
        """Its pid, and the moment on CLOCK_MONOTONIC in nanoseconds."""
        pid, moment = self.socket.recv(100).split()
        return int(pid), int(moment)

    def restarts(self, ready: Callable[[int], None]) -> list[float]:
        """Milliseconds from the kill to main() of the successor, RESTARTS times."""
        times = []
        pid, _ = self.read()
        for _ in range(RESTARTS):
            ready(pid)
            killed = time.monotonic_ns()
            os.kill(pid, signal.SIGKILL)
            pid, began = self.read()
            times.append((began - killed) / 1e6)
        self.socket.close()
        return times


def _restarts_of_floor(folder: str) -> list[float]:
    stamps = Stamps(folder)
    with Tool("bench_floor_restart", program("bench_stamp"), stamps.path):
        return stamps.restarts(lambda pid: time.sleep(0.05))


def _restarts_of_agent(folder: str) -> list[float]:
    stamps = Stamps(folder)
    policy = f"""
        services:
          stamp:
            command: [{program("bench_stamp")}, {stamps.path}]
            rise: 1
            flapping: {{high: 0%}}
            recover: [{{restart: {{attempts: 100}}}}]
            backoff: {{delays: [0s]}}
            budget: {{actions: 256, per: 1h}}
            log: {{to: none}}
        """
    with agent(policy, "budget: {actions: 256, per: 1h}") as one:
        return stamps.restarts(lambda pid: _wait_recovered(one, pid))


def _wait_recovered(one, pid: int) -> None:
    one.wait_for("stamp", state="healthy", pid=pid)


def restarts() -> list[Figure]:
    """From kill -9 of a `command` service to main() of the new process, as the process itself says
    it: `bench_stamp` sends the time at which it began. 50 times, each after the former recovery was
    verified; medians. The floor is `bench_floor_restart`: pidfd, poll, posix_spawn."""
    medians = []
    for measure in (_restarts_of_agent, _restarts_of_floor):
        with tempfile.TemporaryDirectory(prefix="recoverd-bench-") as folder:
            os.chmod(folder, 0o755)
            medians.append(statistics.median(measure(folder)))
    what = "kill -9 of a command service to its new process, median of 50, backoff 0"
    return [ratio_of(what, *medians, "ms", 3), absolute(what, medians[0], "ms", 10)]


# ---- Lateness -----------------------------------------------------------------------------------

LATENESS_INTERVAL = 2.0
LATENESS_ROUNDS = 8


def lateness() -> list[Figure]:
    """1,000 targets at 2 s with a timeout of 1 s, 200 of which accept and never answer, so that 100
    checks hang at any moment. The targets note the longest time between two connections to the same
    address over 8 rounds; what it is longer than the interval is the worst lateness."""
    with Targets(1000, silent=200) as targets:
        with agent(targets.policy("2s", "1s"), MANY):
            targets.wait_accepted(2 * targets.count, within=30)
            targets.reset()
            time.sleep(LATENESS_INTERVAL * LATENESS_ROUNDS)
            report = targets.report()
    assert report["accepted"] >= targets.count * (LATENESS_ROUNDS - 1), report
    late = report["gap"] / 1e6 - LATENESS_INTERVAL
    what = "worst lateness of any check, 200 of 1,000 targets accept and never answer"
    return [lateness_of(what, late, LATENESS_INTERVAL, 0.05)]


# ---- Memory and start ---------------------------------------------------------------------------


def _memory(count: int, interval: str, limit: float) -> Figure:
    with Targets(count) as targets:
        with agent(targets.policy(interval, "2s"), MANY) as one:
            targets.wait_accepted(3 * count, within=60)
            used = resident_mib(one.pid)
    return absolute(f"agent RSS with {count:,} HTTP checks", used, "MiB", limit)


def memory() -> list[Figure]:
    """VmRSS of the agent's process after every target was checked three times (1,000 at 2 s, 10,000
    at 8 s, fresh connections)."""
    return [_memory(1000, "2s", 20), _memory(10000, "8s", 48)]


def start() -> list[Figure]:
    """CPU time that the agent and the executor together have used when the first connection arrives
    at a target, 10,000 services being in one policy file; median of 3."""
    used = []
    for _ in range(3):
        with Targets(10000) as targets:
            with agent(targets.policy("10s", "2s"), MANY, start=False) as one:
                one.start(ready=False)
                targets.wait_first()
                used.append(cpu_seconds(one.pid) + cpu_seconds(one.executor_pid))
    what = "start with 10,000 services to the first probe sent, CPU"
    return [absolute(what, statistics.median(used), "s", 1)]


# ---- A scrape -----------------------------------------------------------------------------------

SCRAPES = 100  # a round
SCRAPE_ROUNDS = 7
BASELINE_SECONDS = 10.0  # one interval of the checks


def _scrape(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return body


def _baseline(pid: int) -> float:
    """CPU seconds a second."""
    before = cpu_seconds(pid)
    time.sleep(BASELINE_SECONDS)
    return (cpu_seconds(pid) - before) / BASELINE_SECONDS


def _cpu_per_scrape(pid: int, port: int, path: str, baseline: float) -> float:
    """Microseconds, without what the process does anyway."""
    began, before = time.monotonic(), cpu_seconds(pid)
    for _ in range(SCRAPES):
        _scrape(port, path)
    used = cpu_seconds(pid) - before - baseline * (time.monotonic() - began)
    return used / SCRAPES * 1e6


def _scrape_in_turns(one: Agent, page: bytes) -> tuple[float, float]:
    """Medians of the agent and of the floor."""
    ours, floor = [], []
    baseline = _baseline(one.pid)
    with tempfile.NamedTemporaryFile(prefix="recoverd-bench-") as file:
        Path(file.name).write_bytes(page)
        with Tool("bench_floor_scrape", file.name) as tool:
            port = int(tool.read()[1])
            for _ in range(SCRAPE_ROUNDS):
                ours.append(_cpu_per_scrape(one.pid, one.port, "/metrics", baseline))
                floor.append(_cpu_per_scrape(tool.pid, port, "/", 0))
    return statistics.median(ours), statistics.median(floor)


def scrape() -> list[Figure]:
    """CPU time of the agent per scrape of /metrics (a connection each), without what it uses for
    its checks in the same time, which is measured before: 1,000 services with an HTTP probe each,
    at 10 s. The floor is `bench_floor_scrape`: libmicrohttpd serves the very same bytes from memory.
    They take turns, seven rounds of 100 scrapes each, and the medians are compared."""
    with Targets(1000) as targets, agent(targets.policy("10s", "2s"), MANY) as one:
        targets.wait_accepted(targets.count, within=30)
        page = _scrape(one.port, "/metrics")
        ours, floor = _scrape_in_turns(one, page)
    what = f"scrape with 1,000 services ({len(page) / 1e6:.1f} MB)"
    return [ratio_of(what, ours, floor, "us", 3)]


# ---- Idle ---------------------------------------------------------------------------------------

IDLE_SECONDS = 20.0
IDLE_SETTLE = 6.0
IDLE_SERVICES = 100


def _idle_percent(pids: list[int]) -> float:
    before = sum(map(cpu_seconds, pids))
    time.sleep(IDLE_SECONDS)
    return 100 * (sum(map(cpu_seconds, pids)) - before) / IDLE_SECONDS


def _idle_commands() -> float:
    one_service = "{command: [/bin/sleep, infinity], log: {to: none}}"
    lines = [f"  service-{index:03}: {one_service}" for index in range(IDLE_SERVICES)]
    policy = "\n".join(["defaults: {interval: 5s}", "services:", *lines]) + "\n"
    with agent(policy, "budget: {actions: 256, per: 1h}") as one:
        one.wait_until(lambda: len(one.service_pids()) == IDLE_SERVICES, 30, "all of them run")
        time.sleep(IDLE_SETTLE)
        return _idle_percent([one.pid, one.executor_pid])


def _idle_http(targets: Targets) -> float:
    with agent(targets.policy("5s", "2s"), MANY) as one:
        targets.wait_accepted(2 * targets.count, within=30)
        return _idle_percent([one.pid, one.executor_pid])


def idle() -> list[Figure]:
    """CPU time of agent and executor together over 20 s: with 100 `command` services that run, and
    whose processes are probed every 5 s; and, for information, with 100 HTTP checks every 5 s,
    fresh connections, against `bench_floor_http` doing the same."""
    what = "idle CPU with 100 services at 5 s, of one core"
    commands = absolute(what, _idle_commands(), "%", 0.3)
    with Targets(IDLE_SERVICES) as targets:
        ours = _idle_http(targets)
        with Tool("bench_floor_http", targets.port, IDLE_SERVICES, 5000, SLACK_MSEC) as tool:
            time.sleep(IDLE_SETTLE)
            floor = _idle_percent([tool.pid])
    values = (f"{ours:.3g} %", f"{floor:.3g} %", f"{ours / floor:.2f} x", "-")
    return [commands, Figure("100 HTTP checks at 5 s, of one core", *values, True)]


ALL: list[Callable[[], list[Figure]]] = [
    checks, http_peers, restarts, lateness, memory, start, scrape, idle, processes, plugins, faults,
    simulator, checkpoints, takeover,
]
