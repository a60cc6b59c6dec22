"""One service that is left alone: paused, only observed, or flapping; and one that was given up and is
told of again."""

from __future__ import annotations

import pytest

from support import held


def test_a_pause_expires(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.ctl("pause", "web", "--for", "15s", "--reason", "new release")
    held.kill(web)
    held.assert_stays_held(agent, web, "paused")
    held.assert_comes_back(agent, web, 2, within=30)
    assert "the pause is over" in agent.log_text()
    assert agent.service("web")["paused"] is None


def test_observed_only(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.write_policy(held.policy(web, "mode: observe"))
    assert agent.ctl("reload").code == 0
    held.kill(web)
    held.assert_stays_held(agent, web, "observe")
    assert agent.log_text().count("would restart now") == 1
    assert agent.ctl("restart", "web").code == 0
    held.assert_comes_back(agent, web, 2)


@pytest.mark.long
def test_a_flapping_service_is_held(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(held.policy(web, "interval: 1s\n            rise: 1"))
    agent.start()
    agent.wait_for("web", state="healthy")

    killed: set[int] = set()

    def is_held_after_kills() -> bool:
        service = agent.service("web")
        if service["state"] == "healthy" and service["pid"] not in killed:
            killed.add(service["pid"])
            held.kill(web)
        return service["state"] == "flapping" and service["held_by"] == "flapping"

    agent.wait_until(is_held_after_kills, 60, "it is held for its flapping")
    starts = len(web.starts())
    assert agent.service("web")["flapping_percent"] >= 25
    assert agent.metric("recoverd_flapping_ratio", service="web") >= 0.25
    assert "flapping until below 25 %" in " ".join(agent.ctl("why", "web").out.split())
    held.assert_comes_back(agent, web, starts + 1, within=40)  # it stayed down: the score fell
    assert "it no longer flaps" in agent.log_text()


def test_what_was_given_up_is_told_of_again(agent, new_service) -> None:
    web = new_service("web")
    web.set("fail")
    agent.write_policy(
        f"""
        services:
          web:
            probes: {{page: {{http: {{url: '{web.url}'}}, interval: 200ms, fast_interval: 50ms}}}}
            recover: [notify: {{message: call ann}}]
            remind: {{after: 1s, factor: 1}}
        """
    )
    agent.start()
    agent.wait_for("web", state="exhausted")
    agent.wait_until(lambda: agent.service("web")["reminders"] >= 2, 20, "two reminders")
    assert agent.log_text().count("call ann") >= 3
    assert agent.metric("recoverd_reminders", service="web") >= 2
    agent.kill9()
    agent.start()
    assert agent.service("web")["reminders"] >= 2
    assert agent.service("web")["state"] == "exhausted"
