"""The executor killed: its services live on, and the next one adopts and restarts them."""

from __future__ import annotations

import os
import signal

import pytest


@pytest.fixture
def service(agent, new_service):
    service = new_service("web", "--children", "1")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{initial: 100ms, jitter: none}}
            log: {{to: none}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _kill_executor(agent) -> int:
    """Returns the pid of the next one."""
    old = agent.executor_pid
    os.kill(old, signal.SIGKILL)
    return agent.wait_until(
        lambda: agent.executor_pid != old and agent.executor_pid, 10, "there is another executor"
    )


def test_services_are_adopted(agent, service) -> None:
    pid = service.starts()[-1]
    new = _kill_executor(agent)
    agent.wait_until(
        lambda: agent.status()["agent"]["executor"]["pid"] == new, 10, "it is connected"
    )
    agent.stays(lambda: service.starts() == [pid], 2, "the service is left alone")
    agent.wait_for("web", state="healthy", pid=pid)
    assert agent.incidents() == []


def test_an_adopted_service_that_dies_is_restarted_once(agent, service) -> None:
    _kill_executor(agent)
    os.kill(service.starts()[-1], signal.SIGKILL)
    agent.wait_until(lambda: len(service.starts()) == 2, 15, "it is started anew")
    agent.wait_for("web", state="healthy")
    agent.stays(lambda: len(service.starts()) == 2, 2, "it is started once")


@pytest.mark.long
def test_executor_killed_over_and_over(agent, service) -> None:
    for _ in range(10):
        _kill_executor(agent)
    os.kill(service.starts()[-1], signal.SIGKILL)
    agent.wait_until(lambda: len(service.starts()) == 2, 30, "it is started anew")
    agent.wait_for("web", state="healthy")
    agent.stays(lambda: len(service.starts()) == 2, 2, "it is started once")
