"""History: the list, newest first, and one incident with its timeline and measured times."""

from __future__ import annotations

import os
import signal


def test_an_incident_tells_what_happened(agent, new_service) -> None:
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms, rise: 1}}
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
    assert agent.ctl("incidents", "nobody").out == "No incidents.\n"

    for _ in range(2):
        starts = len(service.starts())
        os.kill(service.starts()[-1], signal.SIGKILL)
        agent.wait_until(lambda before=starts: len(service.starts()) > before, 10, "it is started again")
        agent.wait_for("web", state="healthy", incident=None)

    newest, older = agent.incidents("--limit", "2")
    assert newest["id"] > older["id"] and newest["service"] == "web"
    assert newest["end"] == "recovered" and newest["cause"] == "exited.signal" and not newest["open"]
    assert 0 <= newest["detection_seconds"] <= newest["recovery_seconds"] < 10
    assert [one["id"] for one in agent.incidents("--limit", "1")] == [newest["id"]]
    assert agent.incidents("--before", str(newest["id"]))[0]["id"] == older["id"]
    assert agent.incidents("nobody") == []

    one = agent.ctl_json("incident", str(newest["id"]))["incident"]
    (attempt,) = one["attempts"]
    assert attempt["action"] == "restart" and attempt["result"] == "recovered"
    assert attempt["rule_sentence"]
    kinds = [event["kind"] for event in one["events"]]
    assert kinds[0] == "incident-opened" and kinds[-1] == "incident-closed"
    assert [event["id"] for event in one["events"]] == sorted(event["id"] for event in one["events"])

    text = agent.ctl("incident", str(newest["id"])).out
    assert "killed by SIGKILL" in text and "Timeline" in text and "recovered after" in text
    table = agent.ctl("incidents").out.splitlines()
    assert table[0].startswith("ID") and table[1].startswith(str(newest["id"]))
    assert agent.ctl("incident", "99999").code == 2
    assert agent.ctl("incident", "x").code == 2
