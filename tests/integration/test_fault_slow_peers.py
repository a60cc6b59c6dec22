"""Servers that never answer, drip or never end: such a check ends in time, takes bounded memory,
and delays no other."""

from __future__ import annotations

import time

import pytest

from support.servers import Answer

RESIDENT_GROWTH_MAX_MIB = 10
# AddressSanitizer keeps freed memory for a while, which would look like growth.
SMALL_QUARANTINE = "detect_leaks=1:quarantine_size_mb=4"


def _resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096 / 1024 / 1024


def _longest_gap(server, seconds: float) -> float:
    """Between requests that arrive from now on."""
    seen = len(server.requests)
    time.sleep(seconds)
    times = [request.at for request in server.requests[seen:]]
    assert len(times) > 2, "the good service is not checked any more"
    return max(later - earlier for earlier, later in zip(times, times[1:]))


@pytest.mark.parametrize("manner", ["hang", "drip", "endless", "endless-headers"])
def test_bad_server_fails_and_disturbs_nobody(agent, http_server, manner: str) -> None:
    good, bad = http_server(), http_server(Answer(manner=manner))
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms}}
        services:
          good: {{probes: {{page: {{http: {{url: '{good.url}/'}}}}}}}}
          bad: {{probes: {{page: {{http: {{url: '{bad.url}/', expect: {{body: {{contains: ok}}}}}}}}}}}}
        """
    )
    agent.environment["ASAN_OPTIONS"] = SMALL_QUARANTINE
    agent.start()
    agent.wait_for("good", health="healthy")
    agent.wait_for("bad", health="failed")
    assert _longest_gap(good, seconds=3) < 0.7
    before = _resident_mib(agent.pid)
    assert _longest_gap(good, seconds=3) < 0.7
    assert agent.service("good")["health"] == "healthy"
    probe = agent.service("bad")["probes"][0]
    assert probe["outcome"] in ("timeout", "fail"), probe
    assert probe["duration_seconds"] < 1, probe
    assert _resident_mib(agent.pid) < before + RESIDENT_GROWTH_MAX_MIB


def test_many_silent_servers_do_not_use_up_the_places(agent, http_server) -> None:
    good, silent = http_server(), http_server(Answer(manner="hang"))
    bad = "\n".join(
        f"  bad-{i}: {{probes: {{page: {{http: {{url: '{silent.url}/'}}}}}}}}" for i in range(100)
    )
    agent.write_policy(
        "defaults: {interval: 1s, fast_interval: 1s, timeout: 1s}\n"
        f"services:\n  good: {{probes: {{page: {{http: {{url: '{good.url}/'}}}}}}}}\n{bad}\n"
    )
    agent.write_config(agent="self_suspicion: {enabled: false}")  # they fail together on purpose
    agent.start()
    agent.wait_for("bad-99", health="failed")
    assert _longest_gap(good, seconds=6) < 1.2
