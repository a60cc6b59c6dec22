"""The time until another host answers on the address of a group, against keepalived on the same hosts."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from figure import Figure, beside
from measure import a_lab

from keepalived import Keepalived
from support.cluster import LEASE, PORT, WITHIN, Cluster, Member, cluster
from support.machine import TEST_PROGRAMS
from support.real_servers import RealServers
from support.waiting import wait_until

ROUNDS = 5
PERIOD = 1.0  # seconds of whatever goes round in any of them: a blow falls at any moment of it
MOST = 1.0  # seconds, beside the start of the service or the lease
COORDINATORS = ("etcd", "zookeeper")
PROGRAM = "active_member.py"
FAILOVER = "[failover]"  # what is beyond repair is for the ladder to say: here whatever dies

# Prints the seconds from the start of a program to its first answer on a port.
START = """
import subprocess, sys, time
from http.client import HTTPConnection
port, *command = sys.argv[1:]
began = time.monotonic()
child = subprocess.Popen(command)
while True:
    try:
        connection = HTTPConnection("127.0.0.1", int(port))
        connection.request("GET", "/")
        connection.getresponse()
        break
    except OSError:
        time.sleep(0.001)
print(time.monotonic() - began)
child.kill()
"""


class Recoverd:
    name = "recoverd"

    def __init__(self, group: Cluster) -> None:
        self.group = group

    def settle(self) -> Member:
        """The active one, once another could take over: whoever has just failed stays back for a while."""
        host = self.group.hosts[self.group.settle().who.host]
        self.group.wait_until(lambda: self._has_successor(host), "another could take over")
        return host

    def _has_successor(self, host: Member) -> bool:
        return any("can=1" in peer["says"] for member in host.members() for peer in member["peers"])

    def hand_over(self, host: Member) -> None:
        done = host.ctl("failover", "data")
        assert done.code == 0, done

    def mend(self, host: Member) -> None:
        """It is a standby by now."""


Contender = Recoverd | Keepalived
Part = Callable[[Contender, Member], object]


@dataclass(frozen=True)
class Blow:
    what: str
    strike: Part
    mend: Part = lambda contender, host: contender.mend(host)
    by_lease: bool = False  # or within the start of the service


BLOWS = [
    Blow("service dead beyond repair", lambda contender, host: host.run(["pkill", "-KILL", "-f", PROGRAM])),
    Blow("host lost", lambda contender, host: host.cut_power(), lambda contender, host: host.boot(), by_lease=True),
    Blow("planned switchover", lambda contender, host: contender.hand_over(host)),
]


def _seconds(contender: Contender, blow: Blow) -> float:
    host, judge = contender.settle(), contender.group.judge
    time.sleep(random.uniform(0, PERIOD))
    began = time.monotonic()
    blow.strike(contender, host)
    what = f"{contender.name}: {blow.what}: another host than {host.name} answers"
    answered = wait_until(lambda: judge.read().taken_over(host.name, began), WITHIN, what)
    blow.mend(contender, host)
    return answered - began


def _medians(contender: Contender) -> list[float]:
    """Of each blow; they take turns."""
    rounds = [[_seconds(contender, blow) for blow in BLOWS] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds)]


def _start_of_service(host: Member) -> float:
    command = ["/usr/bin/python3", "-B", f"{TEST_PROGRAMS}/{PROGRAM}", "--port", str(PORT + 1)]
    begin = ["/usr/bin/python3", "-c", START, str(PORT + 1), *command]
    return statistics.median(float(host.run(begin).out) for _ in range(ROUNDS))


def takeover() -> list[Figure]:
    """Three hosts booted with systemd-nspawn, with a service that answers on HTTP and an address that moves; a process
    outside of all of them asks that address every 10 ms who is there. From the blow to the first answer of another host,
    medians of 5 at moments at random. Blows: the service is killed, and its ladder is `[failover]`; the power of the host
    is cut; `recoverctl failover` or `systemctl stop keepalived`. What is allowed is 1 s beside the start of the service,
    and for the loss of a host 1 s beside the lease, which is 6 s. recoverd starts the service on the host that takes over,
    having asked the network for 0.3 s whether another machine has the address. With keepalived 2.2.7 the service runs on
    all hosts, and only the address moves: `advert_int 1`, `nopreempt`, a `vrrp_script` that connects to the port with
    `interval 1` and `fall 1`, and priorities of 230 and above, for a skew time of 0.1 s at most. As documented, not
    measured: Patroni has others elect a primary when `ttl` is over, 30 s by default and 20 at least, beside a `loop_wait`
    and a `retry_timeout` of 10 s (patroni.readthedocs.io, dynamic configuration settings); Pacemaker knows of a lost host
    after the `token` time of corosync, by default 3.65 s with three hosts (corosync.conf(5)), and fences it first."""
    ours: dict[str, list[float]] = {}
    with a_lab() as (lab, folder):
        for coordinator in COORDINATORS:
            own = folder / coordinator
            own.mkdir()
            with cluster(lab, coordinator, RealServers(own / "servers.log"), own, FAILOVER) as group:
                ours[coordinator] = _medians(Recoverd(group))
                if coordinator == COORDINATORS[-1]:
                    start = _start_of_service(next(iter(group.hosts.values())))
                    theirs = _medians(Keepalived(group))
    limits = [MOST + (LEASE if blow.by_lease else start) for blow in BLOWS]
    rows = [
        beside(f"takeover over {coordinator}: {blow.what}, against keepalived", own, other, "s", limit)
        for coordinator in COORDINATORS
        for blow, own, other, limit in zip(BLOWS, ours[coordinator], theirs, limits)
    ]
    floor = Figure("start of the service that is taken over", f"{start:.3g} s", "", "", "-", True)
    return [floor, *rows]
