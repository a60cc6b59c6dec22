"""A group over two hosts, which here are two agents on one machine with names of their own, and a real coordinator: one of
them has the active member, and the other takes over when it is beyond repair, when its agent and its executor are gone, and
when it is cut off from the coordinator."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ensemble, processes
from support.alone import overlaps
from support.group_host import GroupHost

WITHIN = 90


class Host(GroupHost):
    def configure(self, coordinator: str, kind: str) -> None:
        self.agent.write_config(text=f"coordinator: {coordinator}", agent=f"host: {self.name}")
        self.write_policy(kind, "one: {priority: 200}, two: {}", lease="8s")

    def lose(self) -> None:
        """As when its power is cut: agent, executor and service."""
        executor = self.agent.status()["agent"]["executor"]["pid"]
        self.agent.kill9()
        for pid in (executor, *self.service.starts()[-1:]):
            processes.kill(pid)


class Pair:
    def __init__(self, new_agent, folder: Path) -> None:
        self.folder = folder
        self.hosts = {}
        for name in ("one", "two"):
            (folder / name).mkdir()
            self.hosts[name] = Host(new_agent(), name, folder / name, folder)

    def start(self, coordinator: str, kind: str) -> None:
        for host in self.hosts.values():
            host.configure(coordinator, kind)
            host.agent.start()

    def wait_for_active(self, name: str) -> None:
        wanted = {other: other == name for other in self.hosts}
        self.hosts[name].agent.wait_until(
            lambda: {other: host.runs() for other, host in self.hosts.items()} == wanted, WITHIN, f"{name} is active"
        )
        assert not overlaps(self.folder)


@pytest.fixture
def pair(new_agent, tmp_path) -> Pair:
    return Pair(new_agent, tmp_path)


def _hand_over_from_the_other_host(pair: Pair, active: Host, standby: Host) -> tuple[Host, Host]:
    """Returns the active one, and the other, as they are after it."""
    active.agent.wait_until(
        lambda: active.agent.groups()["members"][0]["duty"] == "active", WITHIN, "it says that it is active"
    )
    standby.agent.wait_until(
        lambda: "no other member 'three'" in standby.agent.ctl("failover", "data", "--to", "three").err,
        WITHIN,
        "the standby knows who is active",
    )
    standby.agent.wait_until(
        lambda: "asked" in standby.agent.ctl("failover", "data", "--to", standby.name).out, WITHIN, "the active one is asked"
    )
    pair.wait_for_active(standby.name)
    assert f"on {standby.name}/db" in active.agent.log_text()
    return standby, active


def _tell_of_a_story(pair: Pair, freeze: Callable[[], None], thaw: Callable[[], None]) -> None:
    """`freeze` and `thaw` the coordinator."""
    one, two = pair.hosts.values()
    one.agent.wait_until(lambda: one.runs() or two.runs(), WITHIN, "somebody is active")
    first, second = (one, two) if one.runs() else (two, one)
    pair.wait_for_active(first.name)
    first, second = _hand_over_from_the_other_host(pair, first, second)
    first.service.set("fail")
    first.service.set("refuse-start")
    pair.wait_for_active(second.name)  # beyond repair
    for behaviour in ("fail", "refuse-start"):
        first.service.set(behaviour, on=False)
    second.agent.wait_for("db", within=WITHIN, state="healthy")  # and in no restart, which would outlive the host
    second.lose()
    pair.wait_for_active(first.name)  # a host that is lost
    freeze()
    first.agent.wait_until(lambda: not first.runs(), WITHIN, "cut off from the coordinator nobody is active")
    away = "the coordinator does not answer"
    first.agent.wait_until(lambda: away in first.agent.ctl("failover", "data").err, WITHIN, "nobody can be asked")
    silence = "the coordinator does not say who has the lease"
    first.agent.wait_until(lambda: silence in first.agent.ctl("why", "data").out, WITHIN, "that is why")
    thaw()
    pair.wait_for_active(first.name)


@ensemble.needs_etcd
def test_a_group_of_two_hosts_over_etcd(pair, start_server, tmp_path) -> None:
    etcd = ensemble.Etcd(start_server, tmp_path / "etcd")
    pair.start(f'{{kind: etcd, servers: ["{etcd.url}"]}}', "etcd")
    _tell_of_a_story(
        pair,
        lambda: etcd.process.send_signal(signal.SIGSTOP),
        lambda: etcd.process.send_signal(signal.SIGCONT),
    )


@ensemble.needs_zookeeper
def test_a_group_of_two_hosts_over_zookeeper(pair, start_server, tmp_path) -> None:
    keepers = ensemble.Ensemble(start_server, tmp_path / "zk")
    settings = dict(line.split("=", 1) for line in keepers.settings() if not line.startswith("server="))
    servers = ", ".join(f'"127.0.0.1:{port}"' for port in keepers.ports)
    pair.start(
        f"{{kind: zookeeper, servers: [{servers}], user: {settings['user']}, password_file: {settings['password_file']}}}",
        "zookeeper",
    )
    _tell_of_a_story(pair, keepers.pause, keepers.resume)
