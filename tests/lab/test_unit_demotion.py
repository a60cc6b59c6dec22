"""Units of systemd as members of a group with one active member: they are gone for certain when the executor says so,
also when they ignore their stop, and when systemd itself stands still."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest
from support.executor import Connection
from support.host import EXECUTOR, SOCKET, Host

UNIT = """
[Service]
ExecStart={command}
TimeoutStopSec=90
Restart=always
RestartSec=0
"""

POLICY = """
groups:
  shop:
    mode: active-standby
    coordinator: zookeeper
    members: {here: {}, there: {}}
    lease: 10s
    margin: 100ms
    stop_timeout: 1s
services:
  shop: {unit: shop.service, member_of: shop}
"""

DEAF = "/bin/sh -c 'trap \"\" TERM; /usr/bin/sleep 3600 & while :; do wait; done'"


def begin(host: Host, command: str = "/usr/bin/sleep 3600") -> Connection:
    """The executor alone, and this test in place of the agent."""
    host.install_unit("shop.service", UNIT.format(command=command))
    host.config("version: 1\nagent: {host: here}\n")
    host.policy(POLICY)
    host.systemctl("start", SOCKET, EXECUTOR)
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.connect(f"/proc/{host.machine.leader}/root/run/recoverd/executor.sock")
    agent = Connection(end)
    agent.hello()
    return agent


def processes_of(host: Host) -> str:
    return host.run(["cat", "/sys/fs/cgroup/system.slice/shop.service/cgroup.procs"], check=False).out.strip()


@pytest.fixture
def frozen(host: Host) -> Iterator[None]:
    """Lets systemd go on again, whatever becomes of the test."""
    yield
    os.kill(host.machine.leader, signal.SIGCONT)


@pytest.mark.parametrize("command", ["/usr/bin/sleep 3600", DEAF], ids=["obedient", "deaf"])
def test_promoted_and_demoted(host: Host, command: str) -> None:
    agent = begin(host, command)
    agent.promote("shop", 1, seconds=10)
    assert host.is_active("shop.service")
    answer = agent.do("shop", "demote")
    assert answer.get("ok") == "1", answer
    assert not host.is_active("shop.service") and not processes_of(host)
    host.stays(lambda: not host.is_active("shop.service"), 1)
    assert agent.role("shop")["role"] == "standby"
    agent.close()


def test_a_unit_that_somebody_starts_without_a_lease_is_stopped(host: Host) -> None:
    agent = begin(host)
    agent.wait_for_role("shop", "standby")
    host.systemctl("start", "shop.service")
    host.wait_until(lambda: not host.is_active("shop.service"), 20, "it is stopped")
    assert "somebody else has started it" in host.journal_text()
    agent.wait_for_role("shop", "standby")
    agent.close()


def test_a_lease_ends_while_systemd_stands_still(host: Host, frozen: None) -> None:
    agent = begin(host, DEAF)
    agent.promote("shop", 1, seconds=4)
    left = [int(pid) for pid in processes_of(host).split()]
    os.kill(host.machine.leader, signal.SIGSTOP)
    role = agent.wait_for_role("shop", "stuck", within=30)
    assert "proven" not in role
    proc = f"/proc/{host.machine.leader}/root/sys/fs/cgroup/system.slice/shop.service/cgroup.events"
    assert left and "populated 0" in open(proc).read(), "its processes are gone all the same"
    os.kill(host.machine.leader, signal.SIGCONT)
    assert agent.wait_for_role("shop", "standby", within=40)["proven"] == "1"
    agent.close()


def test_a_start_that_systemd_carries_out_too_late(host: Host, frozen: None) -> None:
    """A command service: systemd is told to start it, stands still until the lease is over, and goes on."""
    agent = begin(host)
    host.policy(POLICY.replace("unit: shop.service", "command: [/usr/bin/sleep, '3611']"))
    agent.send("reload", request=1)
    agent.wait_for("reloaded")
    agent.wait_for_role("shop", "standby")
    agent.guard("shop", 1, seconds=5)
    os.kill(host.machine.leader, signal.SIGSTOP)
    assert agent.do("shop", "promote")["text"] == "its lease is over"
    agent.wait_for_role("shop", "stuck", within=30)
    os.kill(host.machine.leader, signal.SIGCONT)
    assert agent.wait_for_role("shop", "standby", within=40)["proven"] == "1"
    host.stays(lambda: not host.run(["pgrep", "-f", "sleep 3611"], check=False).out, 2)
    agent.close()
