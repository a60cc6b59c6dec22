"""A service that scripts manage, under an agent: started, watched by its status, restarted, left alone."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from support.init_script import PROGRAM, InitScript
from support.waiting import wait_until


@pytest.fixture
def web(agent) -> InitScript:
    script = InitScript(agent.home / "web")
    agent.write_policy(
        f"""
        services:
          web:
            scripts: {script.yaml("start", "stop", "status", "reload")}
            interval: 2s
            fast_interval: 50ms
            verify: 10s
            start_grace: 1s
            timeout: 2s
            recover: [restart: {{attempts: 3}}]
            backoff: {{initial: 50ms, max: 50ms, jitter: none}}
        """
    )
    return script


def _kill(script: InitScript) -> None:
    pid = script.pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def _by_hand(script: InitScript, verb: str) -> None:
    subprocess.run(["/bin/sh", str(PROGRAM), str(script.folder), verb], check=True, timeout=20)


def test_it_is_started_and_restarted(agent, web) -> None:
    agent.start()
    agent.wait_for("web", state="healthy", manager="scripts", running=True)
    first = web.pid
    assert first
    _kill(web)
    wait_until(lambda: web.pid not in (None, first), 20, "it is started again")
    agent.wait_for("web", state="healthy")
    incident = agent.wait_until(lambda: agent.incidents("web"), 20, "an incident")[0]
    assert incident["cause"] == "exited" and incident["probe"] == "status"
    assert web.calls == ["start", "stop", "start"]


def test_what_runs_is_taken_as_it_is(agent, web) -> None:
    _by_hand(web, "start")
    agent.start()
    agent.wait_for("web", state="healthy", running=True)
    assert web.calls == ["start"] and agent.incidents("web") == []


def test_a_person_stops_and_starts_it(agent, web) -> None:
    agent.start()
    agent.wait_for("web", state="healthy")
    assert agent.ctl("stop", "web").code == 0
    agent.wait_for("web", state="stopped")
    agent.stays(lambda: web.pid is None, 1, "it stays stopped")
    _by_hand(web, "start")
    agent.wait_for("web", state="healthy")
    assert web.calls == ["start", "stop", "start"]


def test_a_status_that_nobody_understands_leads_to_nothing(agent, web) -> None:
    web.set("status-exit", "4 nobody knows")
    agent.start()
    agent.stays(lambda: web.calls == [], 2, "nothing is done")
    assert agent.service("web")["health"] == "unknown" and agent.incidents("web") == []
    web.unset("status-exit")
    agent.wait_for("web", health="failed")


def test_a_status_that_hangs_is_a_timeout(agent, web) -> None:
    agent.start()
    agent.wait_for("web", state="healthy")
    web.set("status-hang")
    agent.wait_until(lambda: agent.incidents("web"), 20, "an incident")
    assert agent.incidents("web")[0]["cause"] == "unresponsive"


def test_it_outlives_agent_and_executor(agent, web) -> None:
    agent.start()
    agent.wait_for("web", state="healthy")
    pid = web.pid
    assert agent.stop() == 0
    agent.start()
    agent.wait_for("web", state="healthy")
    assert web.pid == pid and web.calls == ["start"]


def test_what_cannot_be_started_is_given_up(agent, web) -> None:
    web.set("start-exit", "6 there is no web.conf")
    agent.start()
    agent.wait_for("web", state="exhausted", within=30)
    text = " ".join(agent.ctl("why", "web").out.split())
    assert "not configured, trying again does not help: there is no web.conf" in text


def test_nobody_knows_the_process_that_scripts_start(agent, web) -> None:
    """A process probe without a pidfile can say nothing, and that counts for nothing."""
    policy = agent.policies / "test.yaml"
    text = policy.read_text()
    agent.write_policy(text.replace("    recover:", "    probes: {main: {process: {max_rss: 1GiB}}}\n    recover:"))
    agent.start()
    agent.wait_for("web", running=True)

    def main_probe():
        (found,) = [probe for probe in agent.service("web")["probes"] if probe["name"] == "main"]
        return found["detail"] and found

    found = agent.wait_until(main_probe, 20, "the probe has run")
    assert found["outcome"] == "unknown"
    assert found["detail"] == "no pidfile, and the service has no manager that knows its process"
    agent.stays(lambda: web.calls == ["start"], 1, "nothing is done")
