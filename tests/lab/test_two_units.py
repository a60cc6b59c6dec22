"""Agent and executor as two systemd units: what a host with the package has."""

from __future__ import annotations

from support.host import AGENT, EXECUTOR, Host

SLEEPER = """
    services:
      sleeper:
        command: [/usr/bin/sleep, "3600"]
        user: shop
        probes: {alive: {process: {}, interval: 200ms}}
        recover: [restart]
"""


def test_the_agent_finds_the_executor_of_the_host(host: Host) -> None:
    host.policy(SLEEPER)
    host.start_recoverd()
    status = host.wait_for("sleeper", health="healthy")
    assert status["name"] == "sleeper"
    executor = host.ctl_json("status")["agent"]["executor"]
    assert str(executor["pid"]) == host.unit(EXECUTOR, "MainPID")["MainPID"]
    assert host.unit(AGENT, "User")["User"] == "recoverd"
