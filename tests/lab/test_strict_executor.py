"""The executor under executor-strict.conf: it warns of services that need what is shut."""

from __future__ import annotations

import pytest

from support.host import EXECUTOR, UNITS, Host, packaged

STRICT = f"{UNITS}/{EXECUTOR}.d/strict.conf"
POLICY = """
services:
  daemon:
    scripts: {start: [/bin/true], stop: [/bin/true], status: [/bin/true]}
  temporary:
    command: [/usr/bin/sleep, "3600"]
    checkpoint: {paths: [/tmp/shop]}
    recover: [restart, rollback]
  system:
    command: [/usr/bin/sleep, "3601"]
    checkpoint: {paths: [/usr/lib/shop]}
    recover: [restart, rollback]
  well:
    command: [/usr/bin/sleep, "3602"]
    checkpoint: {paths: [/srv]}
    recover: [restart, rollback]
"""
WARNINGS = {
    "daemon": "daemon: its scripts, and the daemons that they start, run without new privileges",
    "temporary": "temporary: a rollback cannot reach what it has in /tmp, which this executor has of its own",
    "system": "system: a rollback cannot change what it has in /usr or /boot, which are read-only here",
}
SUMMARY = "3 services of the policies need what the unit of this executor shuts"


def warnings(host: Host) -> list[str]:
    return [entry["MESSAGE"] for entry in host.journal(_SYSTEMD_UNIT=EXECUTOR, PRIORITY="4")]


@pytest.fixture
def over_policy(host: Host) -> Host:
    host.run(["mkdir", "-p", "/tmp/shop", "/usr/lib/shop", "/srv"])
    host.policy(POLICY)
    return host


def test_the_unit_as_it_comes_needs_no_warning(over_policy: Host) -> None:
    over_policy.start_recoverd()
    assert not [line for line in warnings(over_policy) if "the unit of this executor" in line]


def test_each_service_that_needs_more_is_named(over_policy: Host) -> None:
    host = over_policy
    host.write(STRICT, packaged("executor-strict.conf.in"))
    host.systemctl("daemon-reload")
    host.start_recoverd()
    said = warnings(host)
    assert set(WARNINGS.values()) <= set(said), said
    assert any(SUMMARY in line for line in said) and not any(line.startswith("well:") for line in said)
