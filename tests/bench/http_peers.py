"""An HTTP check against the same check by Monit and by HAProxy."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figure import Figure, ratio_of
from measure import Targets, agent, cpu_seconds
from monit import monit

TARGETS = 1000
ROUNDS = 3
WARM = 3.0
SECONDS = 5.0
SLACK = "slack: 50ms"


def _per_check(pid: int, targets: Targets) -> float:
    """Microseconds of CPU, by the requests that were answered meanwhile."""
    time.sleep(WARM)
    targets.reset()
    before = cpu_seconds(pid)
    time.sleep(SECONDS)
    used = cpu_seconds(pid) - before
    answered = targets.report()["answered"]
    assert answered > TARGETS, f"{answered} checks in {SECONDS:g} s"
    return used / answered * 1e6


def _by_agent(targets: Targets, policy: str) -> float:
    with agent(policy, SLACK) as one:
        return _per_check(one.pid, targets)


def _by_monit(targets: Targets) -> float:
    checks = "\n".join(
        f"check host target-{index:05} with address {targets.address(index)}\n"
        f"  if failed port {targets.port} protocol http request '/' with timeout 1 second then alert"
        for index in range(TARGETS)
    )
    with monit(checks, 1) as one:
        return _per_check(one.pid, targets)


@contextmanager
def _haproxy(targets: Targets) -> Iterator[subprocess.Popen[bytes]]:
    """One thread, which costs it least; each target is a server of one backend."""
    lines = ["global", "nbthread 1", "defaults", "mode http", "timeout connect 1s", "timeout client 1s"]
    lines += ["timeout server 1s", "timeout check 900ms", "backend targets", "option httpchk GET /"]
    lines += [
        f"server target-{index:05} {targets.address(index)}:{targets.port} check inter 1s"
        for index in range(TARGETS)
    ]
    with tempfile.TemporaryDirectory(prefix="haproxy-bench-") as folder:
        file = Path(folder) / "haproxy.cfg"
        file.write_text("\n".join([*lines, "listen self", f"bind unix@{folder}/socket"]) + "\n")
        process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _by_haproxy(targets: Targets) -> float:
    with _haproxy(targets) as one:
        return _per_check(one.pid, targets)


def http_peers() -> list[Figure]:
    """CPU time of the agent, of Monit 5.33 and of HAProxy (one thread), divided by the checks that the
    same 1,000 targets answered meanwhile, at 1 s each (Monit: a second between its rounds). They take
    turns, three rounds of 5 s each, and the medians are compared. Kept connections are `reuse: true`."""
    fresh, kept, by_monit, by_haproxy = [], [], [], []
    with Targets(TARGETS) as targets:
        policy = targets.policy("1s", "900ms")
        for _ in range(ROUNDS):
            fresh.append(_by_agent(targets, policy))
            by_monit.append(_by_monit(targets))
            kept.append(_by_agent(targets, policy.replace("/'}", "/', reuse: true}")))
            by_haproxy.append(_by_haproxy(targets))
    ours, reused, theirs = map(statistics.median, (fresh, kept, by_monit))
    what = "CPU per HTTP check, 1,000 targets at 1 s"
    return [
        ratio_of(f"{what}, fresh connections, against Monit", ours, theirs, "us", 1.15),
        ratio_of(f"{what}, kept connections, against Monit", reused, theirs, "us", 0.45),
        ratio_of(f"{what}, fresh, against HAProxy", ours, statistics.median(by_haproxy), "us", 1.5),
    ]
