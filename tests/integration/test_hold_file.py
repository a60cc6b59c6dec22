"""A file that an operator touches holds all recovery: the agent heeds it, and the executor by itself."""

from __future__ import annotations

from support import held


def test_the_agent_heeds_it(agent, new_service) -> None:
    web = new_service("web")
    path = agent.home / "hold"
    agent.write_config(agent=f"hold_file: {path}")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    path.write_text("ask ann first\n")
    held.kill(web)  # at once: it is looked for before each attempt
    held.assert_stays_held(agent, web, "hold")
    assert "ask ann first" in agent.ctl("status").out
    assert agent.metric("recoverd_hold", source="file") == 1
    refused = agent.ctl("release")
    assert refused.code == 1 and "still holds" in refused.err

    path.write_text("everything\nask ann first\n")
    agent.wait_until(lambda: agent.status()["agent"]["holds"][0]["people_too"], 10, "it is read again")
    answer = agent.ctl("restart", "web")
    assert answer.code == 1 and "ask ann first" in answer.err
    path.unlink()
    held.assert_comes_back(agent, web, 2)


def test_the_executor_heeds_it_by_itself(executor) -> None:
    path = executor.home / "hold"
    executor.write_policy(
        """
        services:
          web:
            command: [/bin/sleep, 1000]
            log: none
            recover: [restart: {attempts: 3}]
        """
    )
    config = executor.home / "recoverd.yaml"
    config.write_text(f"version: 1\nagent: {{hold_file: {path}}}\n")
    agent = executor.start("--config", str(config))
    agent.start("web")
    pid = agent.service("web")["pid"]
    path.write_text("intruder\n")
    answer = agent.do("web", step=0)
    assert (answer["type"], answer["refusal"]) == ("refused", "held")
    assert answer["text"] == f"held by the file {path}: intruder"
    assert agent.service("web")["pid"] == pid
    assert agent.do("web", "restart")["ok"] == "1"  # a person's word

    path.write_text("everything\n")
    assert agent.do("web", "restart")["refusal"] == "held"
    path.unlink()
    assert agent.do("web", step=0)["ok"] == "1"
