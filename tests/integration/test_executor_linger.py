"""An executor that an agent started ends by itself, unless it has services to keep."""

from __future__ import annotations

from support import processes
from support.waiting import stays, wait_until

POLICY = "services: {web: {command: [/bin/sleep, 1000], log: none}}"


def test_it_ends_when_no_agent_comes_back(executor) -> None:
    executor.write_policy(POLICY)
    agent = executor.start_with_pair("--linger", "300ms")
    stays(lambda: executor.process.poll() is None, 0.6, "it stays while the agent is there")
    agent.close()
    assert executor.process.wait(timeout=15) == 0


def test_another_agent_may_come_in_time(executor) -> None:
    executor.write_policy(POLICY)
    agent = executor.start_with_pair("--linger", "500ms")
    agent.close()
    other = executor.connect()
    stays(lambda: executor.process.poll() is None, 1, "it stays")
    assert other.do("web", "start")["ok"] == "1"


def test_it_stays_with_its_services(executor) -> None:
    executor.write_policy(POLICY)
    agent = executor.start_with_pair("--linger", "100ms")
    pid = agent.start("web")
    agent.close()
    stays(lambda: executor.process.poll() is None, 0.6, "it stays")
    processes.kill(pid)
    wait_until(lambda: executor.process.poll() == 0, 15, "it ends with the last service")


def test_as_a_system_service_it_stays(executor) -> None:
    executor.write_policy(POLICY)
    agent = executor.start("--linger", "100ms")
    agent.close()
    stays(lambda: executor.process.poll() is None, 0.6, "it stays")
