"""The executor counts actions itself, and remembers them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.waiting import wait_until

POLICY = """
services:
  web:
    command: [/bin/sleep, 1000]
    log: none
    budget: {actions: 2, per: 1h}
    recover:
    - restart: {attempts: 5}
    - start: {}
  other: {command: [/bin/sleep, 1000], log: none, budget: {actions: 2, per: 1h}}
"""


@pytest.fixture
def agent(executor):
    executor.write_policy(POLICY)
    return executor.start()


def _refused(agent, name: str, *arguments: object, **fields: object) -> str:
    answer = agent.do(name, *arguments, **fields)
    assert (answer["type"], answer.get("refusal")) == ("refused", "budget"), answer
    return answer["text"]


def test_the_budget_of_a_service(agent) -> None:
    pid = agent.start("web")
    assert agent.do("web", step=0)["ok"] == "1"
    assert agent.do("web", "restart")["ok"] == "1"
    pid = agent.service("web")["pid"]
    text = "2 of 2 actions of the service spent within 1h"
    assert _refused(agent, "web", step=0) == text
    assert _refused(agent, "web", "restart") == text
    assert _refused(agent, "web", "stop") == text
    assert agent.service("web")["pid"] == pid
    agent.start("other")
    assert agent.do("other", "restart")["ok"] == "1"


def test_first_starts_are_not_counted_and_ladder_steps_are(agent) -> None:
    for _ in range(5):
        pid = agent.start("web")
        os.kill(pid, signal.SIGKILL)
        agent.wait_for("service", service="web", exit="signal")
    for _ in range(2):
        assert agent.do("web", step=1)["ok"] == "1"
    assert "of the service" in _refused(agent, "web", step=1)


def test_a_repeated_request_is_counted_once(agent) -> None:
    agent.start("web")
    first = agent.do("web", "restart")
    for _ in range(5):
        agent.do("web", "restart", request=first["request"])
    assert agent.do("web", "restart")["ok"] == "1"


def test_the_last_action_before_an_end_in_order_is_counted(executor) -> None:
    """The count is written a moment after the action, and an upgrade may come sooner."""
    executor.write_policy(POLICY)
    agent = executor.start()
    agent.start("web")
    assert agent.do("web", "restart")["ok"] == "1"
    for _ in range(2):
        answer = agent.do("web", "restart")
        executor.stop()
        agent = executor.start()
    assert (answer["type"], answer.get("refusal")) == ("refused", "budget"), answer


def test_the_budget_of_the_host(executor) -> None:
    executor.write_policy(POLICY)
    config = executor.home / "recoverd.yaml"
    config.write_text("version: 1\nagent: {budget: {actions: 3, per: 10m}}\n")
    agent = executor.start("--config", str(config))
    agent.start("web")
    agent.start("other")
    for name in ("web", "web", "other"):
        assert agent.do(name, "restart")["ok"] == "1"
    assert _refused(agent, "other", "restart") == "3 of 3 actions of the host spent within 10m"


def _remembers(executor, lines: int) -> Path:
    path = executor.state / "executor/budget"
    wait_until(lambda: path.exists() and len(path.read_text().splitlines()) == lines, 5, "it is written")
    return path


def test_it_outlives_the_executor(executor, agent) -> None:
    agent.start("web")
    agent.do("web", "restart")
    agent.do("web", "restart")
    _remembers(executor, 5)  # a heading, and each action for the service and the host
    agent = executor.restart()
    assert "of the service" in _refused(agent, "web", "restart")


def test_it_outlives_a_boot_by_the_wall_clock(executor, agent) -> None:
    agent.start("web")
    agent.do("web", "restart")
    agent.do("web", "restart")
    path = _remembers(executor, 5)
    executor.kill9()
    heading, *lines = path.read_text().splitlines()
    path.write_text("\n".join([heading.rsplit(" ", 1)[0] + " " + "0" * 36, *lines]) + "\n")
    agent = executor.start()
    assert "of the service" in _refused(agent, "web", "restart")


@pytest.mark.parametrize("text", ["", "no budget", "recoverd-action-budget 1 x\nweb 1\n"])
def test_a_damaged_file_is_said_and_survived(executor, agent, text: str) -> None:
    agent.start("web")
    agent.do("web", "restart")
    path = _remembers(executor, 3)
    executor.kill9()
    path.write_text(text)
    agent = executor.start()
    assert agent.do("web", "restart")["ok"] == "1"
    assert "going on without what it held" in executor.log_text()


def test_a_disk_that_takes_nothing_does_not_stop_actions(executor, agent) -> None:
    (executor.state / "executor").write_text("a file where a directory should be")
    agent.start("web")
    assert agent.do("web", "restart")["ok"] == "1"
    assert agent.do("web", "restart")["ok"] == "1"
    assert "of the service" in _refused(agent, "web", "restart")
    wait_until(lambda: "what is new is in memory only" in executor.log_text(), 5, "it is said")
