"""A service whose dependency is down is not restarted for it: the dependency is asked first, and blamed by name."""

from __future__ import annotations

import pytest


@pytest.fixture
def pair(agent, new_service) -> tuple:
    """web needs db, which nobody would have looked at for the next minute."""
    db, web = new_service("db"), new_service("web")
    agent.write_policy(f"""
        defaults: {{fast_interval: 100ms, timeout: 1s, flapping: {{high: 0%}}, log: {{to: none}}, settle: 1s}}
        services:
          db:
            command: {db.yaml_command}
            probes: {{health: {{http: {db.url}, interval: 1m}}}}
            recover: [notify]
          web:
            command: {web.yaml_command}
            depends_on: [db]
            probes: {{health: {{http: {web.url}, interval: 300ms, fall: 2}}}}
            recover: [restart: {{attempts: 5}}]
            backoff: {{delays: [100ms]}}
    """)
    agent.start()
    for name in ("db", "web"):
        agent.wait_for(name, health="healthy", state="healthy", within=40)
    db.set("fail")
    web.set("fail")
    agent.wait_for("web", state="blocked", within=40)
    return db, web


def _incident(agent) -> dict:
    """That of web."""
    return next(one for one in agent.incidents() if one["service"] == "web")


def test_the_dependency_is_blamed_and_the_dependent_left_alone(agent, pair: tuple) -> None:
    db, web = pair
    assert agent.service("web")["blocked_by"] == "db"
    assert agent.service("db")["health"] == "failed", "it was probed at once"
    assert "its dependency db is exhausted" in " ".join(agent.ctl("why", "web").out.split())
    assert _incident(agent)["cause"] == "dependency"
    agent.stays(lambda: len(web.starts()) == 1, for_=1.5, what="web is not restarted")

    web.set("fail", False)
    db.set("fail", False)
    agent.ctl("probe", "db")
    agent.wait_for("web", state="healthy", health="healthy", within=40)
    assert len(web.starts()) == len(db.starts()) == 1
    incident = _incident(agent)
    assert (incident["end"], incident["attempts"]) == ("healed", 0)


def test_what_still_fails_when_the_dependency_is_back_is_its_own_fault(agent, pair: tuple) -> None:
    db, web = pair
    db.set("fail", False)
    agent.ctl("probe", "db")
    agent.wait_until(lambda: len(web.starts()) > 1, within=40, what="web is restarted after it had time to settle")
    incident = _incident(agent)
    assert incident["cause"] == "wrong-answer", "it was described anew"
    events = [event["text"] for event in agent.ctl_json("incident", str(incident["id"]))["incident"]["events"]]
    assert any("blocked" in text for text in events) and any("settl" in text for text in events)
    web.set("fail", False)
    agent.wait_for("web", state="healthy", health="healthy", within=60)
