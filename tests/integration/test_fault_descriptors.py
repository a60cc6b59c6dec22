"""No descriptors left (EMFILE): what cannot be measured is unknown, nothing spins, and all goes on
once there are descriptors again."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def _no_new_descriptors(pid: int) -> Iterator[None]:
    """Those that are open stay; every further open, socket, pipe or accept fails."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def _cpu_seconds(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it


@pytest.fixture
def service(agent, new_service):
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 200ms, fast_interval: 50ms, timeout: 200ms, fall: 2}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{initial: 100ms, max: 1s, jitter: none}}
            recover: [{{restart: {{attempts: 50}}}}]
            log: {{to: none}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _kill(service) -> None:
    os.kill(service.starts()[-1], signal.SIGKILL)


def test_agent_without_descriptors_acts_on_nothing(agent, service) -> None:
    with _no_new_descriptors(agent.pid), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(agent.socket))  # waits to be accepted, which cannot be done
        began = _cpu_seconds(agent.pid)
        agent.stays(lambda: len(service.starts()) == 1, 4, "a healthy service is left alone")
        assert _cpu_seconds(agent.pid) - began < 1.5, "the agent spins"
    agent.wait_for("web", state="healthy")
    assert agent.incidents() == []
    _kill(service)
    agent.wait_until(lambda: len(service.starts()) == 2, 10, "it is started anew")
    agent.wait_for("web", state="healthy")


def test_executor_without_descriptors_tries_again(agent, service) -> None:
    with _no_new_descriptors(agent.executor_pid):
        _kill(service)
        agent.stays(lambda: len(service.starts()) == 1, 2, "nothing can be started")
    agent.wait_until(lambda: len(service.starts()) == 2, 15, "it is started anew")
    agent.wait_for("web", state="healthy")
    agent.stays(lambda: len(service.starts()) == 2, 1, "it is started once")
