"""A primary and its standby on two hosts of the lab, from Debian's packages, under the policy and the hooks that are shipped,
with a client on a place of its own. The policy is used as it is, but for the line that has it only watch and the kind of
the coordinator; the hosts are called as in there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.agent import ROOT
from support.cluster import KINDS, WITHIN, EtcdKind, Member, ZookeeperKind
from support.ensemble import Place
from support.host import AGENT, POLICIES, SOCKET
from support.lab import Lab
from support.network import Link
from support.pairs import Writer
from support.real_servers import RealServers
from support.waiting import wait_until

CONFIG = """
version: 1
agent: {{host: {host}, crash_loop: {{starts: 0}}, self_suspicion: {{enabled: false}}}}
coordinator: {coordinator}
"""
OBSERVE = "    mode: observe "


class PairOnHosts:
    group: str  # as the policy calls it, and its file
    hook: str
    names: tuple[str, str]  # that of the higher priority first

    def __init__(self, hosts: list[Member], client: Link, coordinator: ZookeeperKind | EtcdKind) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.client = client
        self._coordinator = coordinator
        self._settings = coordinator.settings(hosts)

    def equip(self, host: Member) -> None:
        """The server's own settings, and what is in its data; it does not run afterwards."""
        raise NotImplementedError

    def policy(self) -> str:
        lines = (ROOT / f"policies/pairs/{self.group}.yaml").read_text().splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith(OBSERVE))
        assert text.count("\n") == len(lines) - 1, "one line had it only watch"
        return text.replace("coordinator: etcd\n", f"coordinator: {self._coordinator.name}\n")

    def start(self) -> None:
        known = "".join(f"{host.address} {name}\n" for name, host in self.hosts.items())
        for name, host in self.hosts.items():
            host.write("/etc/hosts", f"127.0.0.1 localhost\n{known}")
            host.write(f"/usr/share/recoverd/hooks/{self.hook}", (ROOT / f"policies/hooks/{self.hook}").read_text(), mode=0o755)
            self.equip(host)
            host.write(f"{POLICIES}/{self.group}.yaml", self.policy())
            host.config(CONFIG.format(host=name, coordinator=self._settings))
            host.systemctl("enable", SOCKET, AGENT)
        for host in self.hosts.values():
            host.start_recoverd(WITHIN)

    # ---- How it stands ----

    def other(self, name: str) -> str:
        return self.names[1 - self.names.index(name)]

    def member(self, name: str) -> dict:
        """{} while its agent does not answer."""
        host = self.hosts[name]
        return next(iter(host.members()), {}) if host.machine.is_running else {}

    def wait_for_active(self, name: str) -> None:
        self._wait(lambda: self.member(name).get("duty") == "active", f"{name} is active")

    def wait_for_standby(self, name: str) -> None:
        """It follows, and the other one knows that it could be promoted."""

        def is_known() -> bool:
            peers = self.member(self.other(name)).get("peers", [])
            return any(one["member"].startswith(f"{name}/") and one["says"].startswith("can=1") for one in peers)

        self._wait(lambda: self.member(name).get("follows") and is_known(), f"{name} follows, and could be promoted")

    def _wait(self, predicate, what: str) -> None:
        try:
            wait_until(predicate, WITHIN, what)
        except AssertionError as error:
            told = "\n".join(f"{name}: {self.why(name)}" for name in self.hosts)
            raise AssertionError(f"{error}\n{told}") from None

    def why(self, name: str) -> str:
        return self.hosts[name].ctl("why", self.group).out if self.hosts[name].machine.is_running else "(it has no power)"

    # ---- What is done to it ----

    def hand_over(self, to: str) -> None:
        """Asked for on the host of the standby, as soon as it can be."""
        self._wait(lambda: self.hosts[to].ctl("failover", self.group, "--to", to).code == 0, f"{to} can take over")
        self.wait_for_active(to)
        self.wait_for_standby(self.other(to))

    def kill_standby_and_its_executor(self, name: str) -> None:
        """It is another process that follows in the end, known to another executor."""
        host = self.hosts[name]
        before = host.service(self.group)["pid"]
        host.kill_executor()
        host.run(["kill", "-KILL", str(before)])
        self._wait(lambda: host.service(self.group)["pid"] not in (0, before), f"the server of {name} is started anew")
        self.wait_for_standby(name)

    def live_through_a_power_cut(self, writer: Writer) -> None:
        """The host of the active member loses its power, is booted again, and is handed the role back."""
        first, second = self.names
        writer.wait_for_more(wait_until)
        self.hosts[first].cut_power()
        self.wait_for_active(second)
        self.hosts[first].boot()
        self.wait_for_standby(first)
        writer.wait_for_more(wait_until)
        self.hand_over(first)
        writer.wait_for_more(wait_until)


@contextmanager
def pair_on_hosts(lab: Lab, made: type[PairOnHosts], kind: str, folder: Path) -> Iterator[PairOnHosts]:
    """Booted and started; nothing is left of it afterwards."""
    servers = RealServers(folder / "servers.log")
    places = [lab.place(name) for name in ("coordinator", "client")]
    hosts: list[Member] = []
    try:
        coordinator = KINDS[kind](servers, folder, Place(places[0].address, places[0].name))
        for name in made.names:
            hosts.append(lab.fresh_host(name, Member))
            hosts[-1].begin()
        pair = made(hosts, places[1], coordinator)
        yield pair
        for host in hosts:
            host.clean()
    finally:
        servers.stop()
        for host in hosts:
            lab.end(host)
        for place in places:
            lab.give_up(place)
