"""A stop ends the whole group and proves it: what ignores SIGTERM, and what went away into a session of
its own; with a cgroup and without."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support import processes
from support.waiting import wait_until

# A daemon as init scripts know it: its own session, and a parent that is gone.
DAEMON = "(setsid sh -c 'sleep 1000 & sleep 1000' &)"


def _can_hide_cgroups() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.fixture(params=["cgroup", "no cgroup"])
def grouping(request, executor) -> str:
    if request.param == "no cgroup":
        if not _can_hide_cgroups():
            pytest.skip("needs the right to make a mount namespace")
        hide = "umount -a -t cgroup2; exec \"$0\" \"$@\""
        executor.wrapper = ["unshare", "--mount", "sh", "-c", hide]
    return request.param


def _policy(script: str, **keys: str) -> str:
    lines = [f"    {key}: {value}" for key, value in keys.items()]
    return "\n".join(
        ["services:", "  web:", f'    command: [/bin/sh, -c, "{script}"]', "    log: none", *lines, ""]
    )


def _start(executor, grouping: str, script: str, **keys: str):
    executor.write_policy(_policy(script, **keys))
    agent = executor.start()
    if grouping == "cgroup" and "in cgroups below" not in executor.log_text():
        pytest.skip("no cgroup v2 can be written to here")
    assert ("without cgroups" in executor.log_text()) == (grouping == "no cgroup")
    return agent, agent.start("web")


def _group(invocation: str) -> set[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {
        pid
        for pid in pids
        if processes.is_running(pid) and processes.environment(pid).get("INVOCATION_ID") == invocation
    }


def _whole_group(pid: int, count: int) -> set[int]:
    wait_until(lambda: "INVOCATION_ID" in processes.environment(pid), 5, "the program runs")
    invocation = processes.environment(pid)["INVOCATION_ID"]
    wait_until(lambda: len(_group(invocation)) == count, 5, f"{count} processes are there")
    return _group(invocation)


def test_what_ignores_sigterm_is_killed(executor, grouping) -> None:
    ready = executor.home / "ready"
    script = f"trap '' TERM; : >{ready}; while :; do sleep 1; done"
    agent, pid = _start(executor, grouping, script, stop_timeout="300ms")
    wait_until(ready.exists, 5, "it ignores SIGTERM")
    answer = agent.do("web", "stop")
    assert answer["ok"] == "1"
    assert re.fullmatch(r"killed, after [\d.]+m?s without effect of SIGTERM", answer["text"])
    assert not processes.is_running(pid)
    service = agent.service("web")
    assert service["exit_code"] == str(int(signal.SIGKILL)) and service["expected"] == "1"


def test_daemons_go_with_the_service(executor, grouping) -> None:
    agent, pid = _start(executor, grouping, f"{DAEMON}; exec sleep 1000")
    group = _whole_group(pid, 4)
    assert len({os.getsid(member) for member in group}) == 2
    assert agent.do("web", "stop")["ok"] == "1"
    assert not [member for member in group if processes.is_running(member)]


def test_daemons_go_when_the_main_process_dies(executor, grouping) -> None:
    agent, pid = _start(executor, grouping, f"{DAEMON}; exec sleep 1000")
    group = _whole_group(pid, 4)
    os.kill(pid, signal.SIGKILL)
    agent.wait_for("service", service="web", exit="signal")
    new = agent.start("web")
    assert not [member for member in group if processes.is_running(member)]
    assert processes.is_running(new)


def test_other_services_are_left_alone(executor, grouping) -> None:
    executor.write_policy(
        _policy("exec sleep 1000") + '  other: {command: [/bin/sh, -c, "sleep 1000 & exec sleep 1000"], log: none}\n'
    )
    agent = executor.start()
    agent.start("web")
    other = _whole_group(agent.start("other"), 2)
    agent.do("web", "stop")
    assert all(processes.is_running(member) for member in other)


def test_another_stop_signal(executor, grouping) -> None:
    ready = executor.home / "ready"
    script = f"trap 'exit 7' QUIT; trap '' TERM; : >{ready}; while :; do sleep 0.05; done"
    agent, _ = _start(executor, grouping, script, stop_signal="SIGQUIT")
    wait_until(ready.exists, 5, "it listens to SIGQUIT")
    request = agent.ask("web", "stop")
    service = agent.wait_for("service", service="web", expected="1")
    assert service["exit"] == "status" and service["exit_code"] == "7"
    assert agent.wait_for("done", request=request)["ok"] == "1"


def test_the_cgroup_goes_with_the_service(executor) -> None:
    agent, pid = _start(executor, "cgroup", "exec sleep 1000")
    line = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    root = executor.log_text().partition("in cgroups below ")[2].splitlines()[0]
    assert line.endswith(f"/{os.path.basename(root)}/web")
    agent.do("web", "stop")
    assert os.listdir(root) == [name for name in os.listdir(root) if name != "web"]
    executor.stop()
    assert not os.path.exists(root)
