"""A host goes down with an open incident, in order or by a power cut, and the next boot goes on with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.host import AGENT, SOCKET, Host

WELL = "/var/lib/shop-is-well"
UNIT = f"""
[Service]
ExecStart=/bin/sh -c 'test -e {WELL} && exec sleep 3600'

[Install]
WantedBy=multi-user.target
"""
POLICY = """
services:
  shop:
    unit: shop.service
    probes: {state: {unit: {}, interval: 200ms}}
    recover: [restart: {attempts: 30}]
    backoff: {initial: 2s, factor: 1, jitter: none}
    budget: {actions: 50, per: 1h}
    verify: 1s
"""


class DiskHost(Host):
    has_disk = True


def attempts(host: Host, incident: int) -> int:
    return len(host.ctl_json("incident", str(incident))["incident"]["attempts"])


def reboot(host: Host) -> None:
    host.run(["sync"])
    host.machine.end()
    host.machine.boot()


def power_cut(host: Host) -> None:
    host.machine.cut()
    host.machine.boot()


@pytest.mark.long
@pytest.mark.parametrize("down_and_up", [reboot, power_cut])
def test_an_open_incident(new_host: Callable[..., Host], down_and_up: Callable[[Host], None]) -> None:
    host = new_host("phoenix", fresh=True, kind=DiskHost)
    host.write(WELL, "")
    host.install_unit("shop.service", UNIT)
    host.policy(POLICY)
    host.systemctl("enable", "--now", "shop.service", SOCKET, AGENT)
    host.wait_for("shop", health="healthy")

    host.run(["rm", WELL])
    host.systemctl("kill", "--signal=SIGKILL", "shop.service")
    before = host.wait_until(lambda: host.incidents(), 20, "an incident")[0]
    host.wait_until(lambda: attempts(host, before["id"]) >= 2, 20, "two attempts")
    made = attempts(host, before["id"])
    boot = host.read("/proc/sys/kernel/random/boot_id")

    down_and_up(host)
    assert host.read("/proc/sys/kernel/random/boot_id") != boot
    host.wait_until(host.is_ready, 20, "the agent is back by itself")
    now = host.incidents()
    assert [one["id"] for one in now] == [before["id"]] and not now[0]["closed"]
    host.wait_until(lambda: attempts(host, before["id"]) > made, 20, "it goes on counting")

    host.write(WELL, "")
    host.wait_for("shop", health="healthy", phase="watching", within=30)
    closed = host.wait_until(lambda: host.incidents()[0]["closed"] and host.incidents(), 10, "the incident is closed")
    assert [one["id"] for one in closed] == [before["id"]]
