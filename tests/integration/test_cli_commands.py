"""What an operator does to a service: probe, pause, resume, restart, stop, start, ack, why."""

from __future__ import annotations

import os
import signal

import pytest


@pytest.fixture
def web(agent, new_service):
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms, fall: 2, rise: 1}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            recover: [restart: {{attempts: 1}}]
            backoff: {{delays: [0s]}}
            verify: 1s
            log: {{to: none}}
          watched:
            probes: {{root: {{disk: {{path: /, max_used: 100%}}}}}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _why(agent, service: str) -> str:
    """The text without its line breaks."""
    answer = agent.ctl("why", service)
    assert answer.code == 0
    return " ".join(answer.out.split())


def test_probe_tells_the_result_and_its_exit_status(agent, web) -> None:
    good = agent.ctl("probe", "web")
    assert good.code == 0 and "page" in good.out and "pass" in good.out
    one = agent.ctl("probe", "web/page", "--json")
    assert [probe["name"] for probe in one.json["probes"]] == ["page"]

    agent.ctl("pause", "web")
    web.set("fail")
    bad = agent.ctl("probe", "web/page")
    assert bad.code == 1 and "fail" in bad.out and "500" in bad.out
    assert agent.ctl("probe", "web/none").code == 2
    assert agent.ctl("probe", "none").code == 2


def test_a_pause_holds_actions_until_it_is_resumed(agent, web) -> None:
    paused = agent.ctl("pause", "web", "--for", "10m", "--reason", "new release")
    assert paused.code == 0
    status = agent.service("web")["paused"]
    assert status["reason"] == "new release" and 590 < status["until_seconds"] <= 600
    assert f"(uid {os.getuid()})" in status["by"]

    starts = len(web.starts())
    os.kill(web.starts()[-1], signal.SIGKILL)
    agent.wait_for("web", state="held", held_by="paused")
    why = _why(agent, "web")
    assert "new release" in why and "paused holds it" in why
    assert len(web.starts()) == starts

    assert agent.ctl("resume", "web").code == 0
    agent.wait_for("web", state="healthy")
    assert len(web.starts()) == starts + 1


def test_all_services_are_paused_and_resumed(agent, web) -> None:
    answer = agent.ctl("pause", "--all", "--for", "1h", "--json").json
    assert [one["service"] for one in answer["results"]] == ["web", "watched"]
    assert answer["ok"]
    assert agent.ctl_json("status")["summary"]["paused"] == 2
    pauses = agent.ctl_json("pause")["pauses"]
    assert [one["service"] for one in pauses] == ["web", "watched"]
    assert all(0 < one["until_seconds"] <= 3600 for one in pauses)
    assert "FOR ANOTHER" in agent.ctl("pause").out
    assert agent.ctl("resume", "--all").code == 0
    assert agent.ctl_json("status")["summary"]["paused"] == 0
    assert "nothing is paused" in agent.ctl("pause").out


def test_restart_goes_through_verification(agent, web) -> None:
    before, starts = agent.incidents(), len(web.starts())
    assert agent.ctl("restart", "web").code == 0
    agent.wait_until(lambda: len(web.starts()) == starts + 1, 10, "it is started again")
    agent.wait_for("web", state="healthy")
    assert agent.incidents() == before  # a person's wish is not a failure


def test_a_stopped_service_stays_stopped_until_it_is_started(agent, web) -> None:
    before = agent.incidents()
    assert agent.ctl("stop", "web").code == 0
    agent.wait_for("web", state="stopped", running=False)
    assert agent.ctl("status").code == 0  # stopped is not down
    assert "recoverctl start web" in _why(agent, "web")
    assert agent.ctl("start", "web").code == 0
    agent.wait_for("web", state="healthy", running=True)
    assert agent.incidents() == before


def test_what_was_given_up_waits_for_a_person(agent, web) -> None:
    refused = agent.ctl("ack", "web")
    assert refused.code == 1 and "not given up" in refused.err

    web.set("fail")
    agent.wait_for("web", state="exhausted")
    assert "recoverctl ack web" in _why(agent, "web")
    web.set("fail", on=False)
    agent.wait_for("web", state="healthy")
    incident = agent.incidents("web")[0]
    assert incident["exhausted"] and incident["attempts"] == 1


def test_why_is_json_too(agent, web) -> None:
    why = agent.ctl_json("why", "web")
    assert why["state"] == "healthy" and why["next"]["what"] == "nothing"
    assert {probe["probe"] for probe in why["evidence"]} == {"page", "process"}
    assert why["summary"].startswith("web is healthy since ")
    assert agent.ctl("why", "watched").code == 0
