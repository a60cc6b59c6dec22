"""A broken policy: a reload keeps the old one in force and says so, a start is refused in order."""

from __future__ import annotations

import os
import signal

import pytest

BROKEN = {
    "unknown key": "services: {web: {intervall: 5s}}",
    "not YAML": "services: [",
    "dangling dependency": "services: {other: {depends_on: [nobody], command: [/bin/true]}}",
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_the_old_policy_stays(agent, new_service, text: str) -> None:
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{delays: [0s]}}
            log: {{to: none}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    pid, digest = service.starts()[-1], agent.status()["agent"]["policy"]["digest"]
    bad = agent.write_policy(text, name="zz-bad.yaml")

    refused = agent.ctl("reload")
    assert refused.code == 1
    assert "zz-bad.yaml" in refused.out + refused.err
    status = agent.status()["agent"]
    assert status["policy"]["digest"] == digest
    assert not status["reload"]["last_ok"] and status["reload"]["failed"] == 1
    assert agent.metric("recoverd_last_reload_successful") == 0

    assert service.starts() == [pid]
    os.kill(pid, signal.SIGKILL)
    agent.wait_until(lambda: len(service.starts()) == 2, 10, "the old policy is still in force")
    agent.wait_for("web", state="healthy")

    bad.unlink()
    assert agent.ctl("reload").code == 0
    assert agent.status()["agent"]["reload"]["last_ok"]
    assert agent.metric("recoverd_last_reload_successful") == 1
    assert len(service.starts()) == 2


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_a_start_is_refused_in_order(agent, text: str) -> None:
    agent.write_policy(text, name="bad.yaml")
    agent.start(ready=False)
    assert agent.process.wait(timeout=20) == 1
    assert "bad.yaml" in agent.log_text()
