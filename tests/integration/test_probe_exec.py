"""The exec probe in a whole agent: the plug-ins of Debian's monitoring-plugins run unchanged, and their
values reach the metrics."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

PLUGINS = Path("/usr/lib/nagios/plugins")

needs_plugins = pytest.mark.skipif(
    not (PLUGINS / "check_load").exists(), reason="needs the package monitoring-plugins-basic"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's id, which needs root")


def _policy(agent, **commands: str) -> None:
    probes = "\n".join(f"              {name}: {{exec: {text}, interval: 1s}}" for name, text in commands.items())
    agent.write_policy(f"""
        services:
          host:
            probes:
{probes}
    """)
    agent.start()


def _probe(agent, name: str) -> dict:
    return agent.ctl_json("probe", f"host/{name}")["probes"][0]


@needs_plugins
def test_plugins_of_debian(agent) -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    _policy(
        agent,
        load=f"[{PLUGINS}/check_load, -w, '1000,1000,1000', -c, '2000,2000,2000']",
        disk=f"{{command: [{PLUGINS}/check_disk, -w, 1B, -c, 1B, -p, /], value: /}}",
        procs=f"[{PLUGINS}/check_procs, -w, '1:', -c, '0:']",
        dummy=f"[{PLUGINS}/check_dummy, '1', late]",
        tcp=f"[{PLUGINS}/check_tcp, -H, 127.0.0.1, -p, '{port}']",
        usage=f"[{PLUGINS}/check_tcp, --no-such-option]",
    )
    load = _probe(agent, "load")
    assert load["outcome"] == "pass" and load["detail"].startswith("LOAD OK"), load
    assert [value["label"] for value in load["values"]] == ["load1", "load5", "load15"]
    disk = _probe(agent, "disk")
    assert disk["outcome"] == "pass" and disk["value_unit"] == "bytes" and disk["value"] > 0, disk
    assert _probe(agent, "procs")["detail"].startswith("PROCS OK")
    dummy = _probe(agent, "dummy")
    assert (dummy["outcome"], dummy["detail"]) == ("degraded", "WARNING: late")
    tcp = _probe(agent, "tcp")
    assert tcp["outcome"] == "fail" and "efused" in tcp["detail"], tcp
    assert _probe(agent, "usage")["outcome"] == "unknown"
    closed.close()
    for label in ("load1", "load5", "load15"):
        value = agent.metric("recoverd_probe_perfdata", service="host", probe="load", label=label, unit="")
        assert value is not None, label


def test_values_reach_metrics_and_leave_them(agent) -> None:
    switch = agent.home / "switch"
    agent.home.chmod(0o755)
    switch.write_text("OK | time=12ms 'free space'=5MB lie=nan\n")
    switch.chmod(0o644)
    _policy(agent, one=f"[/bin/cat, {switch}]")
    assert _probe(agent, "one")["value"] == pytest.approx(0.012)
    labels = {"service": "host", "probe": "one"}
    assert agent.metric("recoverd_probe_perfdata", label="free space", unit="bytes", **labels) == 5e6
    assert agent.metric("recoverd_probe_perfdata", label="lie", unit="", **labels) is None
    switch.write_text("OK\n")
    _probe(agent, "one")
    assert agent.metric("recoverd_probe_perfdata", label="time", unit="seconds", **labels) is None
    assert agent.metric("recoverd_probe_value", **labels) is None


@needs_root
def test_root_runs_nothing_as_root_unless_told(agent) -> None:
    _policy(
        agent,
        plain="[/usr/bin/id, -un]",
        root="{command: [/usr/bin/id, -un], user: root}",
        daemon="{command: [/usr/bin/id, -un], user: daemon}",
    )
    try:
        expected = pwd.getpwnam("recoverd").pw_name
    except KeyError:
        expected = "nobody"
    assert _probe(agent, "plain")["detail"] == expected
    assert _probe(agent, "root")["detail"] == "root"
    assert _probe(agent, "daemon")["detail"] == "daemon"


@pytest.mark.alone
def test_plugins_that_misbehave_delay_nobody(agent) -> None:
    """One ignores TERM, one floods, one closes its pipes and stays: each times out by itself, is gone
    then, and a quick one beside them keeps its time."""
    hang = "while :; do sleep 60; done"
    commands = {
        "deaf": f'trap "" TERM; {hang}',
        "flood": "cat /dev/zero",
        "silent": f"exec >&- 2>&-; {hang}",
        "daemon": "sleep 60 & echo OK",
    }
    text = {name: f"[/bin/sh, -c, '{script}']" for name, script in commands.items()}
    _policy(agent, quick="[/bin/echo, OK]", **text)

    def outcomes() -> dict[str, str]:
        return {probe["name"]: probe["outcome"] for probe in agent.service("host")["probes"]}

    wanted = dict.fromkeys(("deaf", "flood", "silent"), "timeout") | {"quick": "pass", "daemon": "pass"}
    agent.wait_until(lambda: outcomes() == wanted, within=20, what=f"the probes are {wanted}")
    agent.stays(lambda: outcomes()["quick"] == "pass", for_=2)
    quick = next(p for p in agent.service("host")["probes"] if p["name"] == "quick")
    assert quick["duration_seconds"] < 1, quick
    agent.stop()
    agent.wait_until(lambda: not agent.service_pids(), within=5, what="no plug-in is left")
