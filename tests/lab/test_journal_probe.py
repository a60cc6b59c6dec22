"""The journal probe on a real host: what units say, through a vacuum and a restart of systemd-journald."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.host import Host

POLICY = """
    services:
      shop:
        probes: {errors: {journal: {unit: shop.service, window: 1h, max_matches: 100}, interval: 200ms}}
"""


@pytest.fixture
def shop(host: Host) -> Callable[[str], None]:
    """An agent that watches shop.service; returns what lets that unit complain."""
    host.install_unit("shop.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'cat /run/shop-says'\n")
    host.policy(POLICY)
    host.start_recoverd()
    host.wait_for("shop", health="healthy")

    def complain(text: str) -> None:
        host.write("/run/shop-says", f"<3>{text}\n")
        host.systemctl("start", "shop.service")

    return complain


def messages(host: Host, count: int) -> None:
    said = f"{count} message{'s' if count > 1 else ''} within 1h"
    host.wait_until(lambda: said in host.service("shop")["probes"][0]["detail"], 15, said)


def test_a_unit_is_told_from_others(host: Host, shop: Callable[[str], None]) -> None:
    host.run(["logger", "-p", "user.err", "another program complains"])
    shop("the disk is on fire")
    messages(host, 1)
    host.stays(lambda: "1 message within" in host.service("shop")["probes"][0]["detail"], 1)


def test_rotated_and_vacuumed_away(host: Host, shop: Callable[[str], None]) -> None:
    """What was counted stays counted, and the new files are followed."""
    shop("before")
    messages(host, 1)
    host.run(["journalctl", "--rotate"])
    shop("between")
    messages(host, 2)
    host.run(["journalctl", "--rotate", "--vacuum-time=1s", "--vacuum-files=1"])
    shop("after")
    messages(host, 3)


def test_journald_restarted(host: Host, shop: Callable[[str], None]) -> None:
    shop("before")
    messages(host, 1)
    host.systemctl("restart", "systemd-journald.service")
    shop("after")
    messages(host, 2)


def test_an_agent_that_may_not_read_it_says_so(host: Host) -> None:
    host.run(["gpasswd", "--delete", "recoverd", "systemd-journal"])
    try:
        host.policy(POLICY)
        host.start_recoverd()
        said = "add it to the group systemd-journal"
        host.wait_until(lambda: said in (host.service("shop")["probes"][0]["detail"] or ""), 15, said)
    finally:
        host.run(["gpasswd", "--add", "recoverd", "systemd-journal"])
