"""Removing keeps settings and state, purging leaves nothing; the services go on in both."""

from __future__ import annotations

from support.host import AGENT, EXECUTOR, RUNTIME, SOCKET, STATE
from support.package_host import CONFIG, POLICIES, PackageHost

POLICY = """
services:
  worker:
    command: [/usr/bin/sleep, "3600"]
    user: shop
    recover: [restart]
"""


def begin(host: PackageHost) -> int:
    host.install()
    host.act()
    host.add_policy(POLICY)
    host.wait_for("worker", health="healthy")
    return host.main_pid("recoverd-worker.service")


def test_remove_and_come_back(package_host: PackageHost) -> None:
    host = package_host
    worker = begin(host)
    host.apt("remove", "recoverd")
    for unit in (AGENT, EXECUTOR, SOCKET):
        assert not host.is_active(unit)
    assert not host.exists("/usr/sbin/recoverd")
    assert "mode: act" in host.read(CONFIG)
    assert host.exists(f"{POLICIES}/test.yaml") and host.exists(f"{STATE}/state.db")
    assert host.main_pid("recoverd-worker.service") == worker
    host.install()
    host.wait_for("worker", health="healthy")
    assert host.main_pid("recoverd-worker.service") == worker, "it was adopted"
    assert "mode: act" in host.read(CONFIG)


def test_purge_leaves_nothing_and_takes_nothing_else(package_host: PackageHost) -> None:
    host = package_host
    before = host.files()
    worker = begin(host)
    assert host.account("recoverd")
    host.apt("purge", "recoverd", "recoverd-policies")
    assert host.main_pid("recoverd-worker.service") == worker, "services are not the package's"
    assert not host.account("recoverd")
    assert not host.exists(RUNTIME)
    left = {line.split(" ", 1)[0] for line in host.files() ^ before}
    # What a person has written there; and copies that the tools of accounts keep.
    mine = {"/etc/recoverd", POLICIES, f"{POLICIES}/test.yaml"}
    assert left - {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")} == mine
