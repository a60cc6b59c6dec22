"""A group with one active member over hosts of the lab, a real coordinator, and the judge, each on a place of its own in
one network. The wall clocks of the hosts are an hour apart."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support import cgroups, network
from support.agent import ROOT
from support.ensemble import Ensemble, Etcd, Place
from support.host import AGENT, EXECUTOR, SOCKET, STATE, UNITS, Host
from support.judge import Judge
from support.lab import Lab
from support.real_servers import RealServers
from support.verdict import Life
from support.waiting import wait_until

NAMES = ("one", "two", "three")
SKEW = {"one": 0, "two": 3600, "three": -3600}  # seconds of the wall clock
ADDRESS = "10.77.0.250"
PORT = 8080
LEASE = 6
SESSION_MAX = 40_000  # ms, as a ZooKeeper of common settings grants them
GOES_ON = 1.5  # seconds that one is active before a fault counts as survived
WITHIN = 180.0  # seconds for what takes one or two leases, on a busy machine
JOURNAL_SHOWN = 4000
RESTART_ONCE = "[restart: {attempts: 1}]"

REFUSE = "/run/refuse-start"
CLOCK = "/var/lib/recoverd-test-clock"
HUNG = f"{STATE}/hung"
LIBRARIES = ("shifted_clock", "hung_disk")
SOURCES = ROOT / "tests/integration/support/programs"

POLICY = """
groups:
  data:
    mode: active-standby
    coordinator: {kind}
    members: {{one: {{priority: 200}}, two: {{}}, three: {{}}}}
    lease: {lease}s
    margin: 500ms
    stop_timeout: 1s
    address: {address}/24 dev host0
    max_failovers: {{count: 0}}
    budget: {{actions: 250, per: 1h}}
services:
  db:
    command: [/usr/bin/python3, -B, /opt/recoverd-tests/active_member.py, --storage, "{storage}", --port, "{port}",
              --refuse-start, {refuse}]
    user: shop
    member_of: data
    start_grace: 5s
    stop_timeout: 1s
    interval: 1s
    fast_interval: 300ms
    timeout: 1s
    probes: {{page: {{http: "http://127.0.0.1:{port}/"}}}}
    recover: {recover}
    verify: 8s
    backoff: {{initial: 100ms, jitter: none}}
    budget: {{actions: 250, per: 1h}}
"""

CONFIG = """
version: 1
agent:
  host: {host}
  listen: '127.0.0.1:7790'
  crash_loop: {{starts: 0}}
  self_suspicion: {{enabled: false}}
  budget: {{actions: 256, per: 1h}}
coordinator: {coordinator}
"""

PRELOAD = """
[Service]
Environment="LD_PRELOAD={libraries}" "SHIFTED_CLOCK={clock}" "HUNG_DISK={state}"
Environment="ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0"
"""

# What the executor runs of our own does not get these settings, and is searched for leaks at its end, by ptrace.
PTRACE = "SystemCallFilter=@debug\n"


class Member(Host):
    """A host of the group. What it writes outlives a power cut."""

    has_disk = True

    def equip(self, libraries: list[Path], skew: int) -> None:
        """With a wall clock and a disk that obey the test."""
        root = Path(f"/proc/{self.machine.leader}/root")
        for library in libraries:
            shutil.copy(library, root / "usr/lib" / library.name)
        paths = ":".join(f"/usr/lib/{library.name}" for library in libraries)
        self.write(CLOCK, "\0" * 8)
        self.set_clock(skew)
        for unit in (AGENT, EXECUTOR):
            more = PTRACE if unit == EXECUTOR else ""
            self.write(f"{UNITS}/{unit}.d/preload.conf", PRELOAD.format(libraries=paths, clock=CLOCK, state=STATE) + more)
        self.systemctl("daemon-reload")

    def set_clock(self, seconds: int) -> None:
        """In place, because the file is mapped."""
        root = Path(f"/proc/{self.machine.leader}/root")
        with open(f"{root}{CLOCK}", "r+b") as file:
            file.write(struct.pack("=q", seconds))

    def signal(self, unit: str, name: str) -> None:
        self.systemctl("kill", "--kill-whom=main", f"--signal=SIG{name}", unit)

    def cut_power(self) -> None:
        """Its network card is dark first, so that nothing of it is heard any more."""
        self.link.unplug()
        self.machine.cut()

    def boot(self) -> None:
        self.link.renew()
        self.machine.boot()
        self.link.plug()

    def freeze(self) -> None:
        """All that runs in it, systemd too."""
        self._set_frozen(1)

    def thaw(self) -> None:
        self._set_frozen(0)

    def _set_frozen(self, frozen: int) -> None:
        for folder in cgroups.folders(self.machine.name):
            if (folder / "cgroup.freeze").exists():
                (folder / "cgroup.freeze").write_text(f"{frozen}\n")

    def members(self) -> list[dict]:
        """Those of this host, as its agent sees them; none while it does not answer."""
        answer = self.ctl("group", "--json")
        return answer.json["members"] if answer.code in (0, 1) else []

    def standing(self) -> str:
        """Its duty in the group, "" while the coordinator does not answer it."""
        return next((one["duty"] for one in self.members() if one["session"] == "connected"), "")


class ZookeeperKind:
    name = "zookeeper"

    def __init__(self, servers: RealServers, folder: Path, place: Place) -> None:
        self.servers = Ensemble(servers, folder, place, SESSION_MAX)

    def settings(self, hosts: list[Member]) -> str:
        for host in hosts:
            host.write("/etc/recoverd/coordinator.password", "barley\n")
        addresses = ", ".join(f'"{self.servers.place.address}:{port}"' for port in self.servers.ports)
        return f"{{kind: zookeeper, servers: [{addresses}], user: recoverd, password_file: /etc/recoverd/coordinator.password}}"

    @property
    def ports(self) -> list[int]:
        return self.servers.ports

    def kill_leader(self) -> None:
        """If there is one: while they are all down, or elect one, there is none."""
        leader = self.servers.leader()
        if leader:
            self.servers.kill(leader)


class EtcdKind:
    name = "etcd"

    def __init__(self, servers: RealServers, folder: Path, place: Place) -> None:
        self.servers = Etcd(servers, folder, place=place)

    def settings(self, hosts: list[Member]) -> str:
        return f'{{kind: etcd, servers: ["{self.servers.url}"]}}'

    @property
    def ports(self) -> list[int]:
        return [self.servers.port]

    def kill_leader(self) -> None:
        """The only one."""
        self.servers.kill()


KINDS: dict[str, Callable[..., ZookeeperKind | EtcdKind]] = {"zookeeper": ZookeeperKind, "etcd": EtcdKind}


def _libraries(folder: Path) -> list[Path]:
    made = []
    for name in LIBRARIES:
        library = folder / f"{name}.so"
        flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
        subprocess.run(["cc", *flags, "-o", str(library), str(SOURCES / f"{name}.c"), "-ldl"], check=True)
        made.append(library)
    return made


class Cluster:
    lease = LEASE
    impostor: subprocess.Popen  # in the place of the coordinator

    def __init__(self, coordinator: ZookeeperKind | EtcdKind, place: network.Link, judge: Judge, hosts: list[Member]) -> None:
        self.coordinator, self.place, self.judge = coordinator, place, judge
        self.hosts = {host.name: host for host in hosts}
        self._settings = coordinator.settings(hosts)

    def configure(self, libraries: list[Path], recover: str) -> None:
        policy = POLICY.format(
            kind=self.coordinator.name, lease=LEASE, address=ADDRESS, port=PORT, storage=self.judge.storage, refuse=REFUSE,
            recover=recover,
        )  # fmt: skip
        for host in self.hosts.values():
            host.equip(libraries, SKEW[host.name])
            self.name(host, host.name)
            host.policy(policy)
            host.systemctl("enable", SOCKET, AGENT)
        for host in self.hosts.values():
            host.start_recoverd(WITHIN)

    def name(self, host: Member, name: str) -> None:
        """As the coordinator is to know it, from its next start on."""
        host.config(CONFIG.format(host=name, coordinator=self._settings))

    def journal(self) -> str:
        texts = (f"{host.name}: {host.journal_text()[-JOURNAL_SHOWN:]}" for host in self.hosts.values())
        return "\n".join(texts)

    def others(self, name: str) -> list[Member]:
        return [host for host in self.hosts.values() if host.name != name]

    # ---- What is waited for ----

    def wait_until(self, predicate: Callable[[], object], what: str) -> None:
        """Whatever is waited for, two are never active meanwhile."""
        try:
            wait_until(predicate, WITHIN, f"{what}; {self.judge.read().latest()}")
        finally:
            self.judge.check()

    def wait_for_another(self, host: str, token: int) -> None:
        """Another host than that one is active, with a newer token."""

        def taken_over() -> bool:
            now = self.judge.active()
            return bool(now and now.who.token > token and now.who.host != host)

        self.wait_until(taken_over, f"another host than {host} is active")

    def wait_for_one(self) -> None:
        """Somebody is active, still or again, and is so for a while."""
        began = time.monotonic()

        def goes_on() -> bool:
            now = self.judge.active(0.5)
            return bool(now and now.last - max(now.first, began) > GOES_ON)

        self.wait_until(goes_on, "one is active")

    def wait_for_none(self) -> None:
        self.wait_until(lambda: not self.judge.active(), "nobody is active")

    def settle(self) -> Life:
        """Somebody is active, the others are there to take over, and all have the word of the coordinator."""
        found: list[Life] = []

        def settled() -> bool:
            active = self.judge.active()
            if not active or self.hosts[active.who.host].standing() != "active":
                return False
            found[:] = [active]
            return all(host.standing() == "standby" for host in self.others(active.who.host))

        self.wait_until(settled, "one is active, and the others are standbys")
        return found[0]


@contextmanager
def cluster(
    lab: Lab, kind: str, servers: RealServers, folder: Path, recover: str = RESTART_ONCE
) -> Iterator[Cluster]:
    """Booted, configured and started, `recover` being the ladder of the service; nothing is left of it afterwards."""
    places = [lab.place(name) for name in ("coordinator", "judge")]
    hosts: list[Member] = []
    judge = None
    try:
        coordinator = KINDS[kind](servers, folder, Place(places[0].address, places[0].name))
        judge = Judge(places[1], ADDRESS, PORT)
        for name in NAMES:
            hosts.append(lab.fresh_host(name, Member))
            hosts[-1].begin()
        made = Cluster(coordinator, places[0], judge, hosts)
        try:
            made.configure(_libraries(folder), recover)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{made.journal()}") from None
        yield made
        for host in hosts:
            host.clean()
    finally:
        if judge:
            judge.close()
        servers.stop()
        for host in hosts:
            lab.end(host)
        for place in places:
            lab.give_up(place)
