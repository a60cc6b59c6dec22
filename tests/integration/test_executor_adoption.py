"""An executor killed: its services live on, and the next one finds them again and answers for the one
before."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from support import processes
from support.waiting import wait_until

POLICY = """
services:
  web: {command: [/bin/sleep, 1000], log: none}
  slow:
    command: [/bin/sleep, 1000]
    stop_signal: SIGWINCH
    stop_timeout: 60s
    log: none
    recover:
    - exec: {command: [/bin/sleep, 1000]}
"""


@pytest.fixture
def agent(executor):
    executor.write_policy(POLICY)
    return executor.start()


def test_a_running_process_is_adopted(executor, agent) -> None:
    pid = agent.start("web")
    before = agent.service("web")
    agent = executor.restart()
    after = agent.service("web")
    assert after["adopted"] == "1"
    for key in ("pid", "start_time", "since", "running"):
        assert after[key] == before[key]
    assert processes.is_running(pid)


def test_the_end_of_an_adopted_process_is_told(executor, agent) -> None:
    pid = agent.start("web")
    agent = executor.restart()
    os.kill(pid, signal.SIGKILL)
    service = agent.wait_for("service", service="web")
    assert "running" not in service and service["exit"] == "unknown"


def test_an_adopted_process_is_stopped_and_started_as_any(executor, agent) -> None:
    pid = agent.start("web")
    agent = executor.restart()
    answer = agent.do("web", "restart")
    assert answer["ok"] == "1", answer
    assert not processes.is_running(pid)
    service = agent.service("web")
    assert "adopted" not in service and service["pid"] != str(pid)


def test_a_process_that_ended_meanwhile(executor, agent) -> None:
    pid = agent.start("web")
    executor.kill9()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes.is_running(pid), 5, "it is gone")
    service = executor.start().service("web")
    assert "running" not in service and service["exit"] == "unknown" and "expected" not in service


def test_another_process_with_the_same_pid_is_not_adopted(executor, agent) -> None:
    """As after so many forks that the numbers begin anew."""
    agent.start("web")
    executor.kill9()
    path = executor.runtime / "services/web.state"
    lines = path.read_text().rstrip("\0").splitlines()
    forged = [f"pid={os.getpid()}" if line.startswith("pid=") else line for line in lines]
    path.write_text("\n".join(forged) + "\n")
    assert "running" not in executor.start().service("web")
    assert processes.is_running(os.getpid())


def test_a_child_whose_pid_was_not_written_down_is_found(executor, agent) -> None:
    """Killed between fork and the second write: only the intent is there."""
    pid = agent.start("web")
    executor.kill9()
    path = executor.runtime / "services/web.state"
    gone = ("pid=", "start_time=", "running=", "since=")
    lines = [line for line in path.read_text().rstrip("\0").splitlines() if not line.startswith(gone)]
    path.write_text("\n".join([*lines, "starting=1"]) + "\n")
    service = executor.start().service("web")
    assert service["pid"] == str(pid) and service["adopted"] == "1"


def test_an_intent_without_a_child_is_given_up(executor, agent) -> None:
    pid = agent.start("web")
    executor.kill9()
    os.kill(pid, signal.SIGKILL)
    path = executor.runtime / "services/web.state"
    gone = ("pid=", "start_time=", "running=")
    lines = [line for line in path.read_text().rstrip("\0").splitlines() if not line.startswith(gone)]
    path.write_text("\n".join([*lines, "starting=1"]) + "\n")
    agent = executor.start()
    assert "running" not in agent.service("web")
    assert agent.do("web", "start")["ok"] == "1"


@pytest.mark.parametrize("damage", [b"", b"version=1\nservice=web\npid=1", b"\x00\xff\n", b"version=99\nservice=web\n"])
def test_a_damaged_state_file_is_put_aside(executor, agent, damage: bytes) -> None:
    pid = agent.start("web")
    executor.kill9()
    (executor.runtime / "services/web.state").write_bytes(damage)
    agent = executor.start()
    assert "running" not in agent.service("web")
    assert "removing it" in executor.log_text()
    assert processes.is_running(pid)


def test_files_of_an_earlier_boot_say_nothing(executor, agent) -> None:
    agent.start("web")
    executor.kill9()
    path = executor.runtime / "services/web.state"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    path.write_text(path.read_text().replace(boot, "00000000-0000-0000-0000-000000000000"))
    assert "running" not in executor.start().service("web")


def test_the_last_result_is_remembered(executor, agent) -> None:
    request = agent.do("web", "start")["request"]
    results = executor.restart().list()[1]
    assert results["web"]["request"] == request and results["web"]["ok"] == "1"


@pytest.mark.parametrize("order", [{"action": "stop"}, {"step": 0}])
def test_an_action_under_way_is_reported_as_interrupted(executor, agent, order) -> None:
    pid = agent.start("slow")
    request = agent.ask("slow", **order)
    wait_until(lambda: agent.service("slow").get("busy"), 5, "it is under way")
    assert agent.service("slow")["request"] == request
    agent = executor.restart()
    services, results = agent.list()
    assert results["slow"]["request"] == request
    assert "ok" not in results["slow"]
    assert results["slow"]["text"] == "the executor was restarted during the action"
    assert services["slow"]["pid"] == str(pid) and "busy" not in services["slow"]


def test_a_request_repeated_to_the_next_executor_is_no_second_action(executor, agent) -> None:
    answer = agent.do("web", "restart")
    agent = executor.restart()
    pid = agent.service("web")["pid"]
    again = agent.do("web", "restart", request=answer["request"])
    assert again["text"] == answer["text"]
    assert agent.service("web")["pid"] == pid


def test_killed_at_any_moment_no_process_is_lost_or_doubled(executor, agent) -> None:
    marker = executor.home.name
    executor.write_policy(
        "services: {web: {command: [/bin/sleep, 1000], log: none, "
        f"budget: {{actions: 200, per: 1h}}, environment: {{MARKER: {marker}}}}}}}"
    )
    agent = executor.restart()

    def running() -> list[int]:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        marked = [pid for pid in pids if processes.environment(pid).get("MARKER") == marker]
        return [pid for pid in marked if processes.is_running(pid)]

    for round in range(20):
        agent.ask("web", "restart")
        with contextlib.suppress(TimeoutError):
            agent.receive(within=round / 2000)  # a little further each time
        agent = executor.restart()
        service = agent.service("web")
        assert running() == ([int(service["pid"])] if "running" in service else [])
        assert agent.do("web", "start")["ok"] == "1"
        assert len(running()) == 1
