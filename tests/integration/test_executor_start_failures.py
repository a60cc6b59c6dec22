"""A start that fails says at which step and why, and leaves nothing behind."""

from __future__ import annotations

import os

import pytest
from support import processes

CASES = {
    "missing": ("command: [/nonexistent/program]", "/nonexistent/program: executing: No such file or directory"),
    "not a program": ("command: [/etc/passwd]", "/etc/passwd: executing: Permission denied"),
    "directory": (
        "command: [/bin/sleep, 1]\n    directory: /nonexistent",
        "/bin/sleep: changing the directory: No such file or directory",
    ),
    "user": ("command: [/bin/sleep, 1]\n    user: no-such-user", "no user named no-such-user"),
    "group": ("command: [/bin/sleep, 1]\n    group: no-such-group", "no group named no-such-group"),
    "log": (
        "command: [/bin/sleep, 1]\n    log: {to: file, file: /dev/full/x}",
        "log file /dev/full/x: Not a directory",
    ),
    "log directory": (
        "command: [/bin/sleep, 1]\n    log: {to: file, file: /tmp}",
        "log file /tmp: Is a directory",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_text(executor, case: str) -> None:
    keys, text = CASES[case]
    log = "" if "log:" in keys else "\n    log: none"
    executor.write_policy(f"services:\n  web:\n    {keys}{log}\n")
    agent = executor.start()
    answer = agent.do("web", "start")
    assert "ok" not in answer and answer["text"] == text
    assert "running" not in agent.service("web")
    assert not [pid for pid in processes.descendants(executor.pid) if processes.is_running(pid)]
    assert "ok" not in agent.do("web", "start")  # and again


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/usr/sbin/runuser"), reason="needs runuser")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_privileges_nobody_else_can_be_run_as(executor) -> None:
    executor.write_policy("services: {web: {command: [/bin/sleep, 1], user: root, log: none}}")
    for path in [executor.home, executor.policies, executor.state, executor.runtime]:
        os.chown(path, 65534, 65534)
    executor.wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    agent = executor.start()
    answer = agent.do("web", "start")
    assert answer["text"] == "only root can run it as root"
