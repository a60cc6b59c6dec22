"""The executor reads its policies again."""

from __future__ import annotations

import pytest
from support import processes
from support.waiting import wait_until

TWO = """
services:
  web: {command: [/bin/sleep, 1000], log: none}
  other: {command: [/bin/sleep, 1000], log: none}
"""
CHANGED = """
services:
  web: {command: [/bin/sleep, 2000], log: none}
  other: {command: [/bin/sleep, 1000], log: none}
"""
ONE = "services: {other: {command: [/bin/sleep, 1000], log: none}}"


@pytest.fixture
def agent(executor):
    executor.write_policy(TWO)
    return executor.start()


def _reload(agent):
    agent.send("reload", request=5)
    return agent.wait_for("reloaded", request=5)


def test_a_removed_service_is_stopped_and_forgotten(executor, agent) -> None:
    web, other = agent.start("web"), agent.start("other")
    executor.write_policy(ONE)
    answer = _reload(agent)
    assert answer["ok"] == "1" and len(answer["digest"]) == 64
    wait_until(lambda: not processes.is_running(web), 10, "it is stopped")
    wait_until(lambda: "web" not in agent.list()[0], 10, "it is forgotten")
    assert not (executor.runtime / "services/web.state").exists()
    assert processes.is_running(other)
    assert "web: has left the policy, stopping it" in executor.log_text()


def test_a_service_removed_while_no_executor_was_there(executor, agent) -> None:
    web = agent.start("web")
    executor.kill9()
    executor.write_policy(ONE)
    executor.start()
    wait_until(lambda: not processes.is_running(web), 10, "it is stopped")


def test_a_changed_service_goes_on_until_its_next_start(executor, agent) -> None:
    pid = agent.start("web")
    before = agent.service("web")["digest"]
    executor.write_policy(CHANGED)
    assert _reload(agent)["ok"] == "1"
    service = agent.service("web")
    assert service["pid"] == str(pid) and service["digest"] != before
    assert agent.do("web", "restart", digest=before)["refusal"] == "digest"
    agent.do("web", "restart")
    assert processes.command_line(int(agent.service("web")["pid"])) == ["/bin/sleep", "2000"]


def test_a_bad_policy_changes_nothing(executor, agent) -> None:
    pid = agent.start("web")
    executor.write_policy("services: {web: {comand: [/bin/true]}}")
    answer = _reload(agent)
    assert "ok" not in answer and "comand" in answer["text"]
    assert agent.service("web")["pid"] == str(pid)
    assert agent.do("web", "restart")["ok"] == "1"


def test_a_policy_that_others_may_write_is_refused(executor, agent) -> None:
    (executor.policies / "test.yaml").chmod(0o666)
    answer = _reload(agent)
    assert "ok" not in answer and "may be written to by others" in answer["text"]


def test_started_with_a_bad_policy_it_keeps_what_runs(executor, agent) -> None:
    pid = agent.start("web")
    executor.kill9()
    executor.write_policy("services: [")
    agent = executor.start()
    assert processes.is_running(pid)
    refused = agent.do("web", "start", digest="?")
    assert (refused["refusal"], refused["text"]) == ("unknown-service", "the executor has no policy")
    executor.write_policy(TWO)
    assert _reload(agent)["ok"] == "1"
    service = agent.service("web")
    assert service["pid"] == str(pid) and service["adopted"] == "1"


def test_an_action_under_way_ends_under_the_old_policy(executor, agent) -> None:
    executor.write_policy(
        "services: {web: {command: [/bin/sleep, 1000], log: none, stop_signal: SIGWINCH, stop_timeout: 700ms}}"
    )
    _reload(agent)
    pid = agent.start("web")
    request = agent.ask("web", "stop")
    executor.write_policy(ONE)
    assert _reload(agent)["ok"] == "1"
    assert agent.wait_for("done", request=request)["ok"] == "1"
    assert not processes.is_running(pid)
