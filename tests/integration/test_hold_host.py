"""All recovery of the host, held by a person: seen everywhere, and kept over restarts of the agent."""

from __future__ import annotations

import pytest

from support import held


@pytest.fixture
def web(agent, new_service):
    service = new_service("web")
    agent.write_policy(held.policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _hold(agent) -> dict:
    return agent.status()["agent"]["holds"][0]


def test_a_hold_outlives_the_agent_and_is_released(agent, web) -> None:
    assert agent.ctl("hold", "--all", "--reason", "storage is moved").code == 0
    assert _hold(agent)["source"] == "person" and _hold(agent)["reason"] == "storage is moved"
    held.kill(web)
    held.assert_stays_held(agent, web, "hold")
    assert "storage is moved" in agent.ctl("why", "web").out
    assert "storage is moved" in agent.ctl("status").out
    assert "storage is moved" in agent.http("/healthz")[1]
    assert agent.metric("recoverd_hold", source="person") == 1
    assert agent.metric("recoverd_held_services", guard="hold") == 1

    agent.kill9()
    agent.start()
    held.assert_stays_held(agent, web, "hold")
    agent.stop()
    agent.start()
    held.assert_stays_held(agent, web, "hold")

    assert agent.ctl("release").code == 0
    held.assert_comes_back(agent, web, 2)
    assert agent.status()["agent"]["holds"] == []
    assert "nobody held it" in agent.ctl("release").out


@pytest.mark.long
def test_a_hold_ends_by_itself(agent, web) -> None:
    assert agent.ctl("hold", "--all", "--reason", "short", "--for", "15s").code == 0
    held.kill(web)
    held.assert_stays_held(agent, web, "hold")
    held.assert_comes_back(agent, web, 2, within=30)
    agent.wait_until(lambda: "the hold is over" in agent.log_text(), 10, "it says so")


def test_a_person_may_act_during_a_hold(agent, web) -> None:
    agent.ctl("hold", "--all", "--reason", "storage is moved")
    assert agent.ctl("restart", "web").code == 0
    held.assert_comes_back(agent, web, 2)


@pytest.mark.parametrize("arguments", [["--all"], ["--reason", "x"], ["--all", "--reason", "x", "--for", "soon"]])
def test_a_hold_that_says_too_little(agent, web, arguments) -> None:
    answer = agent.ctl("hold", *arguments)
    assert answer.code == 2 and "hold:" in answer.err
    assert agent.status()["agent"]["holds"] == []
