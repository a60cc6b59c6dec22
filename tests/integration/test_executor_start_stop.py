"""The executor starts a service, says what runs, and stops it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support import processes
from support.waiting import wait_until

POLICY = """
services:
  web:
    command: [/bin/sleep, 1000]
    environment: {GREETING: hello, LANG: de_DE.UTF-8}
    directory: /usr
    umask: "027"
    limits: {open_files: 123}
    log: none
"""


@pytest.fixture
def agent(executor):
    executor.write_policy(POLICY)
    return executor.start()


def test_nothing_runs_at_first(agent) -> None:
    service = agent.service("web")
    assert "running" not in service and "pid" not in service


def test_start_says_the_pid(agent) -> None:
    answer = agent.do("web", "start")
    service = agent.service("web")
    pid = int(service["pid"])
    assert answer["ok"] == "1"
    assert answer["text"] == f"started, pid {pid}"
    assert service["running"] == "1"
    assert processes.command_line(pid) == ["/bin/sleep", "1000"]
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    assert service["start_time"] == stat[19]


def test_the_process_has_what_the_policy_says_and_nothing_else(agent) -> None:
    pid = agent.start("web")
    environment = processes.environment(pid)
    assert len(environment.pop("INVOCATION_ID")) == 32
    assert environment == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "de_DE.UTF-8",
        "HOME": os.path.expanduser("~"),
        "SHELL": environment["SHELL"],
        "USER": environment["USER"],
        "LOGNAME": environment["USER"],
        "GREETING": "hello",
        "RECOVERD_SERVICE": "web",
    }
    assert os.readlink(f"/proc/{pid}/cwd") == "/usr"
    # The loader of programs has its libraries open for a moment.
    wait_until(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"], 10, "it has the three and no other")
    assert os.getsid(pid) == pid
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Umask:\t0027" in status
    assert "SigBlk:\t0000000000000000" in status
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    assert any(line.split() == ["Max", "open", "files", "123", "123", "files"] for line in limits)
    assert any(line.split()[:6] == ["Max", "core", "file", "size", "0", "0"] for line in limits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a service as somebody else")
def test_the_process_runs_as_the_user_of_the_policy(executor) -> None:
    executor.write_policy(POLICY + "    user: nobody\n    group: daemon\n")
    pid = executor.start().start("web")
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "Gid:\t1\t1\t1\t1" in status
    environment = processes.environment(pid)
    assert environment["USER"] == environment["LOGNAME"] == "nobody"


def test_a_second_start_changes_nothing(agent) -> None:
    pid = agent.start("web")
    answer = agent.do("web", "start")
    assert answer["ok"] == "1"
    assert answer["text"] == f"already running, pid {pid}"
    assert agent.service("web")["pid"] == str(pid)


def test_stop_is_told_as_expected(agent) -> None:
    pid = agent.start("web")
    request = agent.ask("web", "stop")
    service = agent.wait_for("service", service="web")
    assert "running" not in service
    assert service["expected"] == "1"
    assert service["exit"] == "signal" and service["exit_code"] == str(int(signal.SIGTERM))
    answer = agent.wait_for("done", request=request)
    assert answer["ok"] == "1" and answer["text"].startswith("stopped within ")
    assert not processes.is_running(pid)


def test_stopping_what_does_not_run_is_fine(agent) -> None:
    answer = agent.do("web", "stop")
    assert answer["ok"] == "1" and answer["text"] == "was not running"


def test_restart_makes_a_new_process(agent) -> None:
    pid = agent.start("web")
    answer = agent.do("web", "restart")
    new = int(agent.service("web")["pid"])
    assert answer["ok"] == "1"
    assert answer["text"].startswith("stopped within ")
    assert answer["text"].endswith(f"; started, pid {new}")
    assert new != pid and not processes.is_running(pid)


def test_a_stopped_process_can_be_stopped(agent) -> None:
    pid = agent.start("web")
    os.kill(pid, signal.SIGSTOP)
    answer = agent.do("web", "stop")
    assert answer["text"].startswith("stopped within ")
    assert not processes.is_running(pid)


def test_services_outlive_the_executor_that_is_told_to_end(executor, agent) -> None:
    pid = agent.start("web")
    assert executor.stop() == 0
    assert processes.is_running(pid)


def test_no_zombie_stays_of_what_ended(executor, agent) -> None:
    pid = agent.start("web")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 5, "it is reaped")
