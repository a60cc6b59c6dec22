"""A process that the kernel kills for want of memory is told apart from one that somebody killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT = 48 << 20
HUNGRY = """
import os, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
hoard = []
while True:
    hoard.append(bytearray(1 << 20))
"""
ROOTS = (  # where a group is made, its limit, and whether that hierarchy has the controller
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max", "cgroup.subtree_control"),
)


def _make_group() -> Path | str:
    """A cgroup with little memory, of version 1 or 2; or why there is none."""
    for root, limit, control in ROOTS:
        try:
            if control == "cgroup.subtree_control" and "memory" not in (root / control).read_text().split():
                continue
            group = root / f"recoverd-test-{os.getpid()}"
            group.mkdir()
            (group / limit).write_text(str(LIMIT))
            return group
        except OSError:
            continue
    return "no memory controller here lets this user make a cgroup"


def _log_is_ours() -> bool:
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"  # as the kernel's log counts


@pytest.fixture
def little_memory() -> Iterator[Path]:
    if not _log_is_ours():
        pytest.skip("the log of the kernel cannot be read here, or names processes of another PID namespace")
    group = _make_group()
    if isinstance(group, str):
        pytest.skip(group)
    yield group
    for _ in range(100):  # busy as long as a process of it is being taken down
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.05)


def test_the_kernel_is_told_from_a_person(agent, little_memory: Path, tmp_path: Path) -> None:
    feast, program = tmp_path / "feast", tmp_path / "hungry.py"
    program.write_text(HUNGRY)
    agent.write_policy(f"""
        services:
          hungry:
            command: [/usr/bin/python3, {program}, {feast}]
            log: {{to: none}}
            recover: [restart: {{attempts: 5}}]
            backoff: {{delays: [100ms]}}
    """)
    agent.start()
    agent.wait_for("hungry", health="healthy")
    pid = agent.service("hungry")["pid"]
    (little_memory / "cgroup.procs").write_text(str(pid))
    feast.touch()
    agent.wait_until(lambda: not Path(f"/proc/{pid}").exists(), within=60, what="the kernel kills it")
    feast.unlink()
    first = agent.wait_until(agent.incidents, within=30, what="an incident")[0]
    assert first["cause"] == "exited.oom", first
    assert "killed by SIGKILL, out of memory" in agent.ctl("incident", str(first["id"])).out

    agent.wait_for("hungry", health="healthy", within=30)
    os.kill(agent.service("hungry")["pid"], signal.SIGKILL)
    agent.wait_until(lambda: len(agent.incidents()) == 2, within=30, what="another incident")
    causes = {incident["cause"] for incident in agent.incidents()}
    assert causes == {"exited.oom", "exited.signal"}
