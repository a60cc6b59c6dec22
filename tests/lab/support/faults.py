"""What can befall a group over three hosts: each fault has a beginning and an end, so that several can be had at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from support import network
from support.cluster import ADDRESS, HUNG, REFUSE, SKEW, WITHIN, Cluster, Member
from support.host import AGENT, EXECUTOR

HOUR = 3600
SAME_NAME = "two hosts have the same name"
IN_USE = "another machine has it"

Part = Callable[[Cluster, Member], None]  # the host: the active one, or any

# Answers every connection with what no coordinator says.
GARBAGE = """
import os, socketserver, sys, threading
class Garbage(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        self.request.sendall(os.urandom(4096))
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
servers = [Server((sys.argv[1], int(port)), Garbage) for port in sys.argv[2:]]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""


def _nothing(group: Cluster, host: Member) -> None:
    """It passes by itself."""


def _peers(group: Cluster, host: Member) -> list[network.Link]:
    return [one.link for one in group.others(host.name)]


# ---- Of a service and of processes ----


def _break(group: Cluster, host: Member) -> None:
    """It cannot be started any more."""
    host.write(REFUSE, "")
    host.run(["pkill", "-KILL", "-f", "active_member.py"], check=False)


def _repair(group: Cluster, host: Member) -> None:
    host.run(["rm", "-f", REFUSE])


def _ask_for_failover(group: Cluster, host: Member) -> None:
    """It is refused while nobody else could be promoted."""
    group.wait_until(
        lambda: host.ctl("failover", "data").code == 0 or host.standing() != "active", f"{host.name} hands over"
    )


def _kill(unit: str) -> Part:
    return lambda group, host: host.signal(unit, "KILL")


def _stop(group: Cluster, host: Member) -> None:
    host.signal(AGENT, "STOP")


def _continue(group: Cluster, host: Member) -> None:
    host.signal(AGENT, "CONT")


def _stop_and_kill_executor(group: Cluster, host: Member) -> None:
    host.signal(AGENT, "STOP")
    host.signal(EXECUTOR, "KILL")


# ---- Of a host ----


def _hang_disk(group: Cluster, host: Member) -> None:
    host.run(["touch", HUNG])


def _heal_disk(group: Cluster, host: Member) -> None:
    host.run(["rm", "-f", HUNG])


def _step_clock(seconds: int) -> Part:
    return lambda group, host: host.set_clock(SKEW[host.name] + seconds)


def _suspend(group: Cluster, host: Member) -> None:
    """All of it, executor and service too, while the others go on."""
    host.link.unplug()
    host.freeze()
    group.judge.excuse(host.name)


def _resume(group: Cluster, host: Member) -> None:
    host.thaw()
    host.link.plug()


# ---- Of the network ----


def _cut(coordinator: bool, peers: bool) -> tuple[Part, Part]:
    def cut(group: Cluster, host: Member) -> None:
        network.cut(host.link, *([group.place] if coordinator else []), *(_peers(group, host) if peers else []))

    def mend(group: Cluster, host: Member) -> None:
        network.mend(host.link, *([group.place] if coordinator else []), *(_peers(group, host) if peers else []))

    return cut, mend


def _deafen(group: Cluster, host: Member) -> None:
    """It is heard by the coordinator, but hears no answer."""
    group.place.lose(host.link)


def _hear(group: Cluster, host: Member) -> None:
    group.place.find(host.link)


def _use_address(group: Cluster, host: Member) -> None:
    """A machine that is none of the group has it, and so the next one that is promoted may not take it."""
    group.place.add(ADDRESS)
    _ask_for_failover(group, host)
    group.wait_until(lambda: any(IN_USE in one.journal_text() for one in group.hosts.values()), f"it is told: {IN_USE}")


def _free_address(group: Cluster, host: Member) -> None:
    group.place.remove(ADDRESS)


# ---- Of the coordinator ----


def _kill_leader(group: Cluster, host: Member) -> None:
    group.coordinator.kill_leader()


def _kill_coordinators(group: Cluster, host: Member) -> None:
    group.coordinator.servers.kill()


def _revive(group: Cluster, host: Member) -> None:
    group.coordinator.servers.revive()


def _answer_garbage(group: Cluster, host: Member) -> None:
    """By somebody who has taken the ports of the coordinator."""
    group.coordinator.servers.kill()
    place, servers = group.coordinator.servers.place, group.coordinator.servers.servers
    command = place.inside(sys.executable, "-c", GARBAGE, place.address, *group.coordinator.ports)
    group.impostor = servers.launch(*command)


def _end_garbage(group: Cluster, host: Member) -> None:
    group.impostor.kill()
    group.impostor.wait()
    group.coordinator.servers.revive()


# ---- Of people ----


def _rename(group: Cluster, host: Member) -> None:
    """Another host calls itself as the active one."""
    other = group.others(host.name)[0]
    other.stop_recoverd(WITHIN)
    group.name(other, host.name)
    other.start_recoverd(WITHIN)
    group.wait_until(lambda: SAME_NAME in other.ctl("why", "data").out, f"it is told: {SAME_NAME}")


def _name_again(group: Cluster, host: Member) -> None:
    other = group.others(host.name)[0]
    other.stop_recoverd(WITHIN)
    group.name(other, other.name)
    other.start_recoverd(WITHIN)


# ---- What is expected while it lasts ----


def _goes_on(group: Cluster, before: str, token: int) -> None:
    group.wait_for_one()


def _is_replaced(group: Cluster, before: str, token: int) -> None:
    group.wait_for_another(before, token)


def _nobody_is(group: Cluster, before: str, token: int) -> None:
    group.wait_for_none()


def _goes_on_for_a_lease(group: Cluster, before: str, token: int) -> None:
    time.sleep(group.lease)  # so long the fault lasts
    group.wait_for_one()


@dataclass(frozen=True)
class Fault:
    name: str
    begin: Part
    end: Part = _nothing
    expect: Callable[[Cluster, str, int], None] = _goes_on
    together: bool = True  # may befall a group that has another fault already
    briefly_with: str = ""  # a short run has it with this coordinator, "": with each


FAULTS = [
    Fault("planned switchover", _ask_for_failover, expect=_is_replaced, briefly_with="etcd"),
    Fault("beyond repair", _break, _repair, _is_replaced, briefly_with="zookeeper"),
    Fault("power cut", lambda group, host: host.cut_power(), lambda group, host: host.boot(), _is_replaced, briefly_with="zookeeper"),
    Fault("agent killed", _kill(AGENT), briefly_with="etcd"),
    Fault("executor killed", _kill(EXECUTOR), briefly_with="zookeeper"),
    Fault("agent stopped past its lease", _stop, _continue, _is_replaced),
    Fault("agent stopped, executor killed", _stop_and_kill_executor, _continue, _is_replaced, briefly_with="etcd"),
    Fault("host suspended past its lease", _suspend, _resume, _is_replaced, together=False, briefly_with="zookeeper"),
    Fault("cut from the coordinator", *_cut(coordinator=True, peers=False), _is_replaced),
    Fault("cut from its peers", *_cut(coordinator=False, peers=True), briefly_with="etcd"),
    Fault("cut from both", *_cut(coordinator=True, peers=True), _is_replaced, briefly_with="zookeeper"),
    Fault("deaf to the coordinator", _deafen, _hear, _is_replaced, briefly_with="etcd"),
    Fault("cable pulled", lambda group, host: host.link.unplug(), lambda group, host: host.link.plug(), _is_replaced, briefly_with="etcd"),
    Fault("leader of the coordinators killed", _kill_leader, _revive),
    Fault("all coordinators down", _kill_coordinators, _revive, _nobody_is, briefly_with="zookeeper"),
    Fault("coordinators answer garbage", _answer_garbage, _end_garbage, _nobody_is, together=False, briefly_with="etcd"),
    Fault("disk hangs", _hang_disk, _heal_disk, _goes_on_for_a_lease, briefly_with="zookeeper"),
    Fault("clock an hour ahead", _step_clock(HOUR), _step_clock(0), briefly_with="etcd"),
    Fault("clock an hour behind", _step_clock(-HOUR), _step_clock(0), briefly_with="zookeeper"),
    Fault("two hosts of one name", _rename, _name_again, together=False),
    Fault("address in use", _use_address, _free_address, _nobody_is, together=False, briefly_with="etcd"),
]  # fmt: skip
