"""An agent that is killed again and again takes itself for the trouble, and only observes."""

from __future__ import annotations

import pytest

from support import held


def _crash(agent, times: int) -> None:
    for _ in range(times):
        agent.kill9()
        agent.start()


def test_three_kills_make_it_observe(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    _crash(agent, 2)
    agent.wait_for("web", state="healthy")
    held.kill(web)
    held.assert_comes_back(agent, web, 2)  # two are not enough

    _crash(agent, 1)
    agent.wait_for("web", state="healthy")
    held.kill(web)
    held.assert_stays_held(agent, web, "observe")
    assert "started 3 times within 10m" in " ".join(agent.ctl("status").out.split())
    assert "would restart now" in agent.log_text()
    assert agent.metric("recoverd_hold", source="crashes") == 1

    assert agent.ctl("release").code == 0
    held.assert_comes_back(agent, web, 3)
    _crash(agent, 1)  # what was released is forgotten
    assert agent.status()["agent"]["holds"] == []


@pytest.mark.long
def test_it_ends_by_itself_and_by_an_end_in_order(agent, new_service) -> None:
    web = new_service("web")
    agent.write_config(agent="crash_loop: {starts: 2, within: 20s}")
    agent.write_policy(held.policy(web))
    agent.start()
    _crash(agent, 2)
    assert agent.status()["agent"]["holds"][0]["source"] == "crashes"
    agent.wait_until(lambda: not agent.status()["agent"]["holds"], 40, "it was quiet for 20 s")
    _crash(agent, 3)  # one more: the quiet one may be killed before it has written down that it counts anew
    assert agent.status()["agent"]["holds"][0]["source"] == "crashes"
    agent.stop()
    agent.start()
    assert agent.status()["agent"]["holds"] == []
