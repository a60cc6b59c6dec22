"""The rpm on a host, installed by rpm itself: dependencies are those of another distribution, the rest is the same."""

from __future__ import annotations

import pytest

from support import packages
from support.host import AGENT, CONFIG, EXECUTOR, SOCKET, STATE
from support.machine import PACKAGES
from support.package_host import PackageHost


@pytest.fixture
def rpms(package_host: PackageHost) -> list[str]:
    why = packages.why_not("rpm")
    if why:
        pytest.skip(why)
    names = sorted(path.name for path in packages.folder("rpm").glob("*.rpm") if "debug" not in path.name)
    assert len(names) == 3, names
    return [f"{PACKAGES}/{name}" for name in names]


@pytest.mark.long
def test_install_verify_reinstall_erase(package_host: PackageHost, rpms: list[str]) -> None:
    host = package_host
    said = host.run(["rpm", "--install", "--nodeps", *rpms]).out
    assert "recoverctl init" in said
    host.systemctl("enable", "--now", SOCKET, AGENT)
    host.ready()
    assert host.run(["ps", "-o", "user=", "-p", str(host.main_pid(AGENT))]).out.strip() == "recoverd"
    assert host.run(["rpm", "--verify", "--nodeps", "recoverd", "recoverd-policies"]).out == ""

    host.act()
    host.add_policy("services: {worker: {command: [/usr/bin/sleep, '3600'], user: shop}}")
    host.wait_for("worker", health="healthy")
    worker, agent = host.main_pid("recoverd-worker.service"), host.main_pid(AGENT)
    host.run(["rpm", "--reinstall", "--nodeps", *rpms])
    host.wait_until(lambda: host.main_pid(AGENT) not in (0, agent), 20, "another agent")
    host.ready()
    assert "mode: act" in host.read(CONFIG), "the edited file stays"
    assert host.main_pid("recoverd-worker.service") == worker
    changed = host.run(["rpm", "--verify", "--nodeps", "recoverd"], check=False).out
    assert [line.split()[-2:] for line in changed.splitlines()] == [["c", CONFIG]]

    host.run(["rpm", "--erase", "recoverd", "recoverd-policies", "recoverd-zookeeper"])
    for unit in (AGENT, EXECUTOR, SOCKET):
        assert not host.is_active(unit)
    assert "mode: act" in host.read(f"{CONFIG}.rpmsave")
    assert host.exists(f"{STATE}/state.db")
    assert host.main_pid("recoverd-worker.service") == worker
    for gone in ("/usr/sbin/recoverd", "/usr/bin/recoverctl", "/usr/libexec/recoverd", "/usr/share/recoverd", CONFIG):
        assert not host.exists(gone)
