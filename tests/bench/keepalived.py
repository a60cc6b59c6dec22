"""keepalived, for comparison: on the hosts of a group of the lab, in the place of recoverd."""

from __future__ import annotations

from support.cluster import ADDRESS, PORT, WITHIN, Cluster, Member
from support.host import AGENT, SOCKET
from support.machine import TEST_PROGRAMS
from support.waiting import wait_until

UNIT = "keepalived.service"
SERVICE = "web.service"
STATE = "/run/keepalived.state"
NOTIFY = "/etc/keepalived/notify"
FIRST_PRIORITY, NEXT_PRIORITY = 250, 10  # high ones, so that the skew time of the protocol is short

# nopreempt: as with recoverd, the address stays where it is when the old host comes back.
CONFIG = """
global_defs {{
    script_user root
    enable_script_security
}}
vrrp_script answers {{
    script "/usr/bin/bash -c '</dev/tcp/127.0.0.1/{port}'"
    interval 1
    fall 1
    rise 1
}}
vrrp_instance web {{
    state BACKUP
    nopreempt
    interface host0
    virtual_router_id 77
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {address}/24
    }}
    track_script {{
        answers
    }}
    notify {notify}
}}
"""

WEB = f"""
[Service]
User=shop
ExecStart=/usr/bin/python3 -B {TEST_PROGRAMS}/active_member.py --port {PORT}
[Install]
WantedBy=multi-user.target
"""


class Keepalived:
    """The service runs on all hosts; keepalived moves the address."""

    name = "keepalived"

    def __init__(self, group: Cluster) -> None:
        self.group = group
        for number, host in enumerate(group.hosts.values()):
            host.stop_recoverd(WITHIN)
            host.systemctl("disable", SOCKET, AGENT)
            self._install(host, FIRST_PRIORITY - number * NEXT_PRIORITY)
        for host in group.hosts.values():
            host.systemctl("enable", "--now", SERVICE, UNIT)

    def _install(self, host: Member, priority: int) -> None:
        host.write(NOTIFY, f'#!/bin/sh\necho "$3" >{STATE}\n', 0o755)
        config = CONFIG.format(port=PORT, priority=priority, address=ADDRESS, notify=NOTIFY)
        host.write("/etc/keepalived/keepalived.conf", config)
        host.install_unit(SERVICE, WEB)

    def _state(self, host: Member) -> str:
        return host.run(["cat", STATE], check=False).out.strip()

    def settle(self) -> Member:
        """One is the master and answers, the others are there to take over."""
        found: list[Member] = []

        def settled() -> bool:
            states = {host.name: self._state(host) for host in self.group.hosts.values()}
            found[:] = [self.group.hosts[name] for name, state in states.items() if state == "MASTER"]
            turns = self.group.judge.read().turns
            others = [state for state in states.values() if state == "BACKUP"]
            return len(found) == 1 and len(others) == len(states) - 1 and turns[-1].host == found[0].name

        wait_until(settled, WITHIN, "one is the master of keepalived, and the others are backups")
        return found[0]

    def hand_over(self, host: Member) -> None:
        host.systemctl("stop", UNIT)

    def mend(self, host: Member) -> None:
        host.systemctl("start", SERVICE, UNIT)
