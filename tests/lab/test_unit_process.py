"""Probes of the main process and the cgroup of a unit, by an agent of its own user."""

from __future__ import annotations

from support.host import Host

UNIT = """
[Service]
User=shop
ExecStart=/usr/bin/sleep 3600
"""

POLICY = """
defaults: {interval: 500ms, timeout: 500ms}
services:
  shop:
    unit: shop.service
    rise: 1
    probes:
      main: {process: {max_rss: 1GiB, max_children: 0}}
      files: {process: {max_open_files: 50%}}
      program: {process: {executable: /usr/bin/sleep, arguments: ['3600']}}
      waits: {pressure: {of: service, memory: {full: 100%}}}
    recover: [notify]
"""


def _probes(host: Host) -> dict[str, dict]:
    return {probe["name"]: probe for probe in host.service("shop")["probes"]}


def _begin(host: Host) -> str:
    host.install_unit("shop.service", UNIT)
    host.systemctl("start", "shop.service")
    host.policy(POLICY)
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    return host.unit("shop.service", "MainPID")["MainPID"]


def test_the_main_process_of_a_unit(host: Host) -> None:
    """Its open files, and what another user's process runs, are for the executor to see."""
    pid = _begin(host)
    probes = _probes(host)
    for name in ("main", "files", "program"):
        assert probes[name]["outcome"] == "pass", probes[name]
        assert probes[name]["detail"].startswith(f"process {pid}, "), probes[name]
    assert probes["waits"]["detail"] == "memory full 0.0%"


def test_its_death_is_told_to_every_probe(host: Host) -> None:
    _begin(host)
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_for("shop", health="failed")
    probes = ("main", "files", "program")
    host.wait_until(
        lambda: all(_probes(host)[name]["outcome"] == "fail" for name in probes), 10, "no probe takes it for alive"
    )


def test_an_administrators_stop_opens_no_incident(host: Host) -> None:
    """However soon its probes see that the process is gone: whose wish it was the manager tells."""
    _begin(host)
    host.systemctl("stop", "shop.service")
    host.wait_for("shop", phase="stopped")
    assert not host.incidents()
