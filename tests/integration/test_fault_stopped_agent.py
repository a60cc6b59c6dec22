"""SIGSTOP of the agent: what it missed meanwhile is no evidence against anybody."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.servers import Answer

STOPPED_SECONDS = 20


def _policy(service, slow) -> str:
    """One failure is enough (fall: 1), and a check of the slow server is mostly under way."""
    return f"""
        defaults: {{interval: 400ms, fast_interval: 400ms, timeout: 400ms, fall: 1}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{initial: 100ms, jitter: none}}
            log: {{to: none}}
          slow:
            probes:
              page: {{http: {{url: '{slow.url}/'}}}}
              port: {{tcp: {{address: '127.0.0.1:{slow.port}'}}}}
        """


@pytest.mark.long
def test_no_action_on_healthy_services_after_a_stop(agent, new_service, http_server) -> None:
    service, slow = new_service("web"), http_server(Answer(delay=0.25))
    agent.write_policy(_policy(service, slow))
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.wait_for("slow", state="healthy")
    agent.freeze()
    time.sleep(STOPPED_SECONDS)
    agent.thaw()
    agent.stays(lambda: len(service.starts()) == 1, 4, "a healthy service is left alone")
    assert agent.incidents() == []
    assert agent.status()["agent"]["loop"]["stalls"] >= 1
    for name in ("web", "slow"):
        assert agent.service(name)["state"] == "healthy"


def test_what_died_meanwhile_is_restarted_once(agent, new_service, http_server) -> None:
    service, slow = new_service("web"), http_server()
    agent.write_policy(_policy(service, slow))
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.freeze()
    os.kill(service.starts()[-1], signal.SIGKILL)
    time.sleep(3)
    agent.thaw()
    agent.wait_until(lambda: len(service.starts()) == 2, 15, "it is started anew")
    agent.wait_for("web", state="healthy")
    agent.stays(lambda: len(service.starts()) == 2, 2, "it is started once")
