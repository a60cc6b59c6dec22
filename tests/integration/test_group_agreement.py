"""`on_coordinator_loss: hold-if-all-peers-agree` with real coordinators: three hosts, which are three agents on one machine. While
the coordinator is away the active member goes on as long as all others answer; one that is frozen ends that in time, nobody is
promoted by agreement, and when the coordinator is back the active one has its lease again without having stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support import ensemble
from support.group_host import GroupHost
from support.ports import free_port

WITHIN = 90
NAMES = ("one", "two", "three")


class Member(GroupHost):
    def __init__(self, agent, name: str, folder: Path, shared: Path) -> None:
        folder.mkdir()
        super().__init__(agent, name, folder, shared)
        self.port = free_port()
        self.secret = folder / "secret"
        self.secret.write_text("a secret of all three hosts\n")
        self.secret.chmod(0o600)

    def configure(self, coordinator: str, kind: str, members: str) -> None:
        self.agent.write_config(
            text=f"coordinator: {{{coordinator}, kind: {kind}, "
            f'peers: {{listen: "127.0.0.1:{self.port}", secret_file: {self.secret}}}}}',
            agent=f"host: {self.name}",
        )
        self.write_policy(kind, members, lease="10s", more="on_coordinator_loss: hold-if-all-peers-agree")

    def group(self) -> dict:
        return self.agent.groups()["members"][0]


class Trio:
    def __init__(self, new_agent, folder: Path) -> None:
        self.folder = folder
        self.members = {name: Member(new_agent(), name, folder / name, folder) for name in NAMES}

    def start(self, coordinator: str, kind: str) -> None:
        addresses = ", ".join(f'{m.name}: {{address: "127.0.0.1:{m.port}"}}' for m in self.members.values())
        for member in self.members.values():
            member.configure(coordinator, kind, addresses)
            member.agent.start()

    def running(self) -> list[str]:
        return [name for name, member in self.members.items() if member.runs()]

    def wait(self, condition, what: str) -> None:
        next(iter(self.members.values())).agent.wait_until(condition, WITHIN, what)
        assert not (self.folder / "overlaps").exists()

    def wait_for_one(self) -> Member:
        self.wait(lambda: len(self.running()) == 1, "one is active")
        active = self.members[self.running()[0]]
        self.wait(lambda: active.group()["duty"] == "active", "and says so")
        for other in self.others(active):
            self.wait(lambda other=other: other.group()["lease"]["holder"] == f"{active.name}/db", "and all know it")
            self.wait(lambda other=other: other.group()["duty"] == "standby", "and stand by")
        return active

    def others(self, active: Member) -> list[Member]:
        return [member for member in self.members.values() if member is not active]


@pytest.fixture
def trio(new_agent, tmp_path) -> Trio:
    return Trio(new_agent, tmp_path)


def _wait_until_it_holds(trio: Trio, active: Member) -> None:
    trio.wait(lambda: active.group()["agreement"]["holds"], "it holds by the agreement of all")
    agreements = active.agent.metric("recoverd_group_agreements_total", group="data", service="db")
    trio.wait(
        lambda: active.agent.metric("recoverd_group_agreements_total", group="data", service="db") >= agreements + 2,
        "and goes on for more than a lease",
    )
    assert "holds by the agreement of all peers" in active.agent.ctl("why", "data").out
    assert trio.running() == [active.name]


def _tell_of_a_coordinator_that_goes_and_comes_back(trio: Trio, freeze, thaw) -> None:
    active = trio.wait_for_one()
    starts, token = active.service.starts(), active.group()["lease"]["token"]
    freeze()
    _wait_until_it_holds(trio, active)
    assert active.agent.metric("recoverd_group_held_by_agreement", group="data", service="db") == 1
    peer = trio.others(active)[0]
    assert peer.group()["agreement"]["promised_to"] == f"{active.name}/db"
    thaw()
    trio.wait(lambda: active.group()["lease"]["state"] == "ours", "the lease is its own again")
    assert active.group()["lease"]["token"] >= token
    trio.wait(lambda: not active.group()["agreement"]["holds"], "it needs no agreement any more")
    assert trio.running() == [active.name] and active.service.starts() == starts, "it never stopped"


@ensemble.needs_etcd
def test_all_agree_until_etcd_is_back(trio, start_server, tmp_path) -> None:
    etcd = ensemble.Etcd(start_server, tmp_path / "etcd")
    trio.start(f'servers: ["{etcd.url}"]', "etcd")
    _tell_of_a_coordinator_that_goes_and_comes_back(
        trio,
        lambda: etcd.process.send_signal(signal.SIGSTOP),
        lambda: etcd.process.send_signal(signal.SIGCONT),
    )


@ensemble.needs_zookeeper
def test_all_agree_until_zookeeper_is_back(trio, start_server, tmp_path) -> None:
    keepers = ensemble.Ensemble(start_server, tmp_path / "zk")
    settings = dict(line.split("=", 1) for line in keepers.settings() if not line.startswith("server="))
    servers = ", ".join(f'"127.0.0.1:{port}"' for port in keepers.ports)
    trio.start(
        f"servers: [{servers}], user: {settings['user']}, password_file: {settings['password_file']}", "zookeeper"
    )
    _tell_of_a_coordinator_that_goes_and_comes_back(trio, keepers.pause, keepers.resume)


@ensemble.needs_etcd
def test_one_that_is_silent_ends_it_and_nobody_is_promoted(trio, start_server, tmp_path) -> None:
    etcd = ensemble.Etcd(start_server, tmp_path / "etcd")
    trio.start(f'servers: ["{etcd.url}"]', "etcd")
    active = trio.wait_for_one()
    etcd.process.send_signal(signal.SIGSTOP)
    _wait_until_it_holds(trio, active)
    silent, other = trio.others(active)
    silent.agent.freeze()
    trio.wait(lambda: trio.running() == [], "one does not answer, so it is demoted")
    trio.wait(lambda: active.group()["duty"] not in ("active", "demoting"), "and says so")
    assert f"{silent.name} does not answer" in active.agent.log_text()
    assert other.group()["duty"] == "standby", "nobody is promoted without the coordinator"
    silent.agent.thaw()
    etcd.process.send_signal(signal.SIGCONT)
    trio.wait_for_one()


@ensemble.needs_etcd
def test_strangers_and_other_policies_are_not_agreed_with(trio, start_server, tmp_path) -> None:
    etcd = ensemble.Etcd(start_server, tmp_path / "etcd")
    stranger = trio.members["three"]
    stranger.secret.write_text("another secret than the others\n")
    trio.start(f'servers: ["{etcd.url}"]', "etcd")
    trio.wait(lambda: trio.running() in (["one"], ["two"]) or stranger.runs(), "somebody is active")
    active = trio.wait_for_one()
    etcd.process.send_signal(signal.SIGSTOP)
    trio.wait(lambda: trio.running() == [], "it is demoted, as with `demote`")
    rejected = [member.agent.metric("recoverd_peer_messages_rejected_total") for member in trio.members.values()]
    assert sum(rejected) > 0
    assert "does not answer" in active.agent.log_text()
    etcd.process.send_signal(signal.SIGCONT)
    trio.wait_for_one()
