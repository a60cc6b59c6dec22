"""Causes that say which, in incidents, in `for`, and in the metrics."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

ENDS_WITH_7 = 'while [ ! -e "$0" ]; do sleep 0.05; done; rm -f "$0"; exit 7'


@pytest.fixture
def web(agent, tmp_path: Path) -> Path:
    """Ends with status 7 when this file is made; only that is told to a program."""
    order = tmp_path / "end"
    agent.write_policy(f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, flapping: {{high: 0%}}, log: {{to: none}}}}
        services:
          web:
            command: [/bin/sh, -c, '{ENDS_WITH_7}', {order}]
            recover:
              - exec: {{command: [/usr/bin/touch, {tmp_path}/told], for: [exited.code], attempts: 1, verify: 1s}}
              - restart: {{attempts: 5}}
            backoff: {{delays: [100ms], jitter: none}}
    """)
    agent.start()
    agent.wait_for("web", health="healthy", state="healthy")
    return order


def _recovered(agent, count: int) -> dict:
    return agent.wait_until(
        lambda: (found := agent.incidents()) and len(found) == count and not found[0]["open"] and found[0],
        within=60, what="it is recovered")


def test_an_exit_status_is_not_a_signal(agent, web: Path) -> None:
    web.touch()
    agent.wait_until(lambda: agent.metric("recoverd_service_cause", service="web", cause="exited.code"),
                     within=30, what="the metric names the cause")
    first = _recovered(agent, 1)
    assert first["cause"] == "exited.code"
    assert (web.parent / "told").exists(), "the step for exit statuses was taken"
    assert agent.metric("recoverd_service_cause", service="web") is None, "no incident, no cause"

    (web.parent / "told").unlink()
    os.kill(agent.service("web")["pid"], signal.SIGKILL)
    second = _recovered(agent, 2)
    assert second["cause"] == "exited.signal"
    assert not (web.parent / "told").exists(), "the step is for exit statuses only"
    shown = agent.ctl("incident", str(first["id"])).out
    assert "exited with status 7" in shown and "exited.code" in shown
    for cause in ("exited.code", "exited.signal"):
        assert agent.metric("recoverd_incidents_closed_total", cause=cause) == 1


def test_a_resource_has_its_name(agent, tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    pidfile.write_text(f"{os.getpid()}\n")
    agent.write_policy(f"""
        services:
          fat:
            probes: {{memory: {{process: {{pidfile: {pidfile}, max_rss: 4KiB}}, interval: 200ms, fast_interval: 100ms}}}}
            recover: [notify]
    """)
    agent.start()
    incident = agent.wait_until(agent.incidents, within=30, what="an incident")[0]
    assert incident["cause"] == "resource.memory"
    assert agent.metric("recoverd_service_cause", service="fat", cause="resource.memory") == 1


def test_the_waits_of_a_step_outlive_the_agent(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(f"""
        services:
          web:
            command: {web.yaml_command}
            interval: 300ms
            fast_interval: 100ms
            flapping: {{high: 0%}}
            log: {{to: none}}
            recover: [restart: {{attempts: 9, backoff: {{initial: 200ms, factor: 5, jitter: none, reset_after: 1h}}}}]
    """)
    agent.start()
    agent.wait_for("web", health="healthy", state="healthy")
    for wait, restarted in (("200ms", False), ("1s", True), ("5s", False)):
        if restarted:
            agent.kill9()
            agent.start()
            agent.wait_for("web", health="healthy", state="healthy")
        before = len(agent.incidents())
        os.kill(agent.service("web")["pid"], signal.SIGKILL)
        agent.wait_until(lambda n=before: len(agent.incidents()) > n, within=30, what="an incident")
        opened = agent.ctl_json("incident", str(agent.incidents()[0]["id"]))["incident"]
        texts = [event["text"] for event in opened["events"]]
        assert any(f"restart in {wait}" in text for text in texts), texts
        agent.wait_for("web", health="healthy", state="healthy", within=30)
