"""Restarts that never cure are left out, once that has shown; the program that does is run at once."""

from __future__ import annotations

LEARN = 9  # attempts without success, see docs/effectiveness.md


def _break(agent, web) -> list[str]:
    """The actions that it took."""
    before = len(agent.incidents("web"))
    web.set("fail")
    agent.wait_until(lambda: len(agent.incidents("web")) > before, within=30, what="it fails")
    agent.wait_until(lambda: not agent.incidents("web")[0]["open"], within=60, what="it is recovered")
    last = agent.ctl_json("incident", str(agent.incidents("web")[0]["id"]))["incident"]
    return [attempt["action"] for attempt in last["attempts"]]


def test_a_useless_step_is_passed_over(agent, new_service):
    web = new_service("web")
    agent.write_policy(f"""
        services:
          web:
            command: {web.yaml_command}
            start_grace: 0s
            verify: 1s
            fall: 1
            rise: 1
            probes: {{health: {{http: {web.url}, interval: 200ms, fast_interval: 50ms}}}}
            recover:
              - restart: {{attempts: 3}}
              - exec: {{command: [/bin/rm, -f, {web.folder / "fail"}]}}
            backoff: {{initial: 0s}}
            budget: {{actions: 100, per: 1h}}
    """)
    agent.start()
    agent.wait_for("web", health="healthy", phase="watching")
    for _ in range(LEARN // 3):
        assert _break(agent, web) == ["restart", "restart", "restart", "exec"]

    agent.stop()  # what was learned outlives the agent
    agent.start()
    agent.wait_for("web", health="healthy")
    assert _break(agent, web) == ["exec"]
    last = agent.incidents("web")[0]
    told = " ".join(agent.ctl("incident", str(last["id"])).out.split())  # without line breaks
    assert "restart is passed over: it cured wrong-answer 0 of 9 times" in told
    assert "Left out: step 1, restart (it cured wrong-answer 0 of 9 times)." in told
    (attempt,) = agent.ctl_json("incident", str(last["id"]))["incident"]["attempts"]
    assert attempt["why"]["rule"]["number"] == attempt["rule"]
    assert {"what": "step 1, restart", "why": "it cured wrong-answer 0 of 9 times"} in attempt["why"]["rejected"]
    assert "service-budget" in [guard["name"] for guard in attempt["why"]["guards"]]
    assert [one["decided"] for one in attempt["why"]["evidence"] if one["probe"] == "health"] == [True]
