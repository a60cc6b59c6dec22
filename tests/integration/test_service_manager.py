"""What the agent tells its service manager: ready, reloading, a line of status, and signs of life."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.agent import Agent

POLICY = """
    services:
      sleeper:
        command: [/usr/bin/sleep, "3600"]
        recover: [restart]
"""

SECOND = "services: {second: {command: [/usr/bin/sleep, '3601']}}\n"


@pytest.fixture
def told(agent: Agent, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """An agent with a service manager that wants a sign of life each 400 ms; waits for a line that it is told."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))
        end.settimeout(15)
        agent.environment |= {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        agent.write_policy(POLICY)
        agent.start()

        def wait_for(line: str) -> str:
            while line not in (said := end.recv(4096).decode()).splitlines():
                pass
            return said

        yield wait_for


def test_ready_with_a_line_of_status(agent: Agent, told: Callable[[str], str]) -> None:
    assert "STATUS=services: 1, open incidents: 0" in told("READY=1")


def test_a_reload(agent: Agent, told: Callable[[str], str]) -> None:
    told("READY=1")
    agent.write_policy(SECOND, name="second.yaml")
    assert agent.ctl("reload").code == 0
    told("RELOADING=1")
    assert "STATUS=services: 2, open incidents: 0" in told("READY=1")
    agent.write_policy("services: 7\n", name="second.yaml")
    assert agent.ctl("reload").code == 1
    told("RELOADING=1")
    assert "services: 2, open incidents: 0, the last reload was refused" in told("READY=1")


def test_signs_of_life_without_an_executor_and_a_database(agent: Agent, told: Callable[[str], str]) -> None:
    """Neither is the agent's own standstill: another agent would not have them either."""
    told("WATCHDOG=1")
    (agent.state / "state.db").unlink()
    (agent.state / "state.db").mkdir()
    agent.write_policy(SECOND, name="second.yaml")  # something to write down
    agent.ctl("reload")
    os.kill(agent.executor_pid or 0, signal.SIGKILL)
    for _ in range(5):
        told("WATCHDOG=1")


def test_the_end(agent: Agent, told: Callable[[str], str]) -> None:
    told("READY=1")
    assert agent.stop() == 0
    told("STOPPING=1")
