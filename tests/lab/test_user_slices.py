"""Units in the slice of a user, the manager of a user, and units of that manager, which are somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.host import UNITS, Host

USER = "shop"
POLICY = """
services:
  shop:
    unit: shop.service
    rise: 1
    probes:
      state: {unit: {}, interval: 200ms}
      main: {process: {max_rss: 1GiB}, interval: 200ms}
      waits: {pressure: {of: service, memory: {full: 100%}}, interval: 200ms}
    recover: [restart]
    backoff: {initial: 100ms, max: 1s}
    verify: 5s
"""
MANAGER = """
services:
  session:
    unit: {manager}
    probes: {{state: {{unit: {{}}, interval: 200ms}}}}
    recover: [restart]
    backoff: {{initial: 100ms, max: 1s}}
    verify: 10s
"""


@pytest.fixture
def uid(host: Host) -> str:
    return host.run(["id", "-u", USER]).out.strip()


@pytest.fixture
def manager(host: Host, uid: str) -> Iterator[str]:
    """The unit of the user's systemd, which runs. Its environment is what pam_systemd sets on a host that has it."""
    drop_in, unit = f"{UNITS}/user@.service.d", f"user@{uid}.service"
    host.write(f"{drop_in}/runtime.conf", "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", unit)
    yield unit
    host.systemctl("stop", unit)
    host.run(["rm", "-rf", drop_in, f"/home/{USER}/.config"])


def begin(host: Host, uid: str) -> str:
    """Runs a unit of the host in the slice of the user; its cgroup."""
    host.install_unit(
        "shop.service", f"[Service]\nUser={USER}\nSlice=user-{uid}.slice\nExecStart=/usr/bin/sleep 3600\n"
    )
    host.systemctl("start", "shop.service")
    host.policy(POLICY)
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    return host.unit("shop.service", "ControlGroup")["ControlGroup"]


def test_it_is_a_unit_as_others_are(host: Host, uid: str) -> None:
    """Its processes are looked at where they are, and it comes back to where it was."""
    place = begin(host, uid)
    assert place == f"/user.slice/user-{uid}.slice/shop.service"
    probes = {probe["name"]: probe for probe in host.service("shop")["probes"]}
    pid = host.main_pid("shop.service")
    assert probes["main"]["detail"].startswith(f"process {pid}, "), probes
    assert probes["waits"]["detail"] == "memory full 0.0%"
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.main_pid("shop.service") not in (0, pid), 20, "it runs again")
    host.wait_for("shop", health="healthy", phase="watching")
    assert host.unit("shop.service", "ControlGroup")["ControlGroup"] == place


def test_a_stop_of_the_slice_is_an_administrators_stop(host: Host, uid: str) -> None:
    begin(host, uid)
    host.systemctl("stop", f"user-{uid}.slice")
    host.wait_for("shop", phase="stopped")
    host.stays(lambda: not host.is_active("shop.service"), 1)
    assert not host.incidents() and "stopped by an administrator" in host.journal_text()


def test_the_manager_of_a_user(host: Host, manager: str) -> None:
    """It is a unit of the host; what it runs goes and comes with it."""
    host.policy(MANAGER.format(manager=manager))
    host.start_recoverd()
    host.wait_for("session", health="healthy")
    pid = host.main_pid(manager)
    host.systemctl("kill", "-s", "KILL", "--kill-whom=main", manager)
    host.wait_until(lambda: host.main_pid(manager) not in (0, pid), 30, "it runs again")
    host.wait_for("session", health="healthy", phase="watching")


def test_units_of_a_user_are_not_those_of_the_host(host: Host, uid: str, manager: str) -> None:
    """One that only the user's systemd has is unknown, and is left alone."""
    folder = f"/home/{USER}/.config/systemd/user"
    host.write(f"{folder}/mine.service", "[Service]\nExecStart=/usr/bin/sleep 3700\n")
    host.run(["chown", "-R", f"{USER}:", f"/home/{USER}"])
    mine = ["env", f"XDG_RUNTIME_DIR=/run/user/{uid}", "systemctl", "--user"]
    host.run([*mine, "daemon-reload"], user=USER)
    host.run([*mine, "start", "mine.service"], user=USER)
    host.policy("services: {mine: {unit: mine.service, recover: [restart]}}")
    host.start_recoverd()
    said = "systemd knows no unit mine.service"
    host.wait_until(lambda: said in host.ctl("why", "mine").out, 15, said)
    host.wait_until(lambda: "restart failed" in host.journal_text(), 15, "nor can it be acted upon")
    assert host.run([*mine, "is-active", "mine.service"], user=USER).out == "active\n"
