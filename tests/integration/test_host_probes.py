"""What the agent sees of processes and of the host."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUR = "1h"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "86402"])
    yield process
    process.kill()
    process.wait()


def _probe(agent, service: str) -> dict:
    return agent.service(service)["probes"][0]


def _settings(interval: str) -> str:
    return f"interval: {interval}, fast_interval: {interval}, down_interval: {interval}"


@pytest.mark.parametrize("by", ["pidfile", "executable"])
def test_a_death_is_told_at_once(agent, sleeper, tmp_path: Path, by: str) -> None:
    """Long before the next run."""
    pidfile = tmp_path / "pid"
    pidfile.write_text(f"{sleeper.pid}\n")
    process = {
        "pidfile": f"{{pidfile: {pidfile}}}",
        "executable": "{executable: /bin/sleep, arguments: ['86402']}",
    }[by]
    agent.write_policy(
        f"""
        services:
          worker:
            rise: 1
            probes: {{main: {{process: {process}, {_settings(HOUR)}}}}}
        """
    )
    agent.start()
    agent.wait_for("worker", state="healthy")
    sleeper.kill()
    sleeper.wait()
    agent.wait_for("worker", within=5, health="failed")
    assert _probe(agent, "worker")["detail"] == f"process {sleeper.pid} has exited"


def test_pressure(agent) -> None:
    agent.write_policy(
        f"""
        defaults: {{{_settings('200ms')}}}
        services:
          roomy:
            probes: {{host: {{pressure: {{min_available: 1B, max_load: 100000%}}}}}}
          greedy:
            probes: {{host: {{pressure: {{min_available: 100%}}}}}}
          unmanaged:
            probes: {{own: {{pressure: {{of: service, max_oom_kills: 0}}}}}}
        """
    )
    agent.start()
    agent.wait_for("roomy", health="healthy")
    agent.wait_for("greedy", health="failed")
    assert "of memory available" in _probe(agent, "greedy")["detail"]
    assert agent.service("unmanaged")["health"] == "unknown"
    assert _probe(agent, "unmanaged")["detail"] == "the service has no manager that knows its processes"


def test_pressure_of_a_service(agent) -> None:
    """Its cgroup is found by its process, and the kernel accounts pressure for each."""
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("this kernel does not account pressure")
    agent.write_policy(
        f"""
        services:
          idle:
            command: [/bin/sleep, '86404']
            log: none
            probes: {{own: {{pressure: {{of: service, cpu: {{some: 100%}}}}, {_settings('200ms')}}}}}
        """
    )
    agent.start()
    agent.wait_for("idle", state="healthy")
    own = next(probe for probe in agent.service("idle")["probes"] if probe["name"] == "own")
    assert own["detail"].startswith("cpu some ")
