"""A program runs in place of the agent, in its sandbox, and tries everything: nothing happens but what policies allow.
docs/security.md promises what is tested here."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from support.host import AGENT, EXECUTOR, RUNTIME, SOCKET, STATE, UNITS, Host, packaged
from support.machine import TEST_PROGRAMS

POLICY = """
groups:
  pair: {{mode: active-standby, members: {{spare: {{}}, spare2: {{}}}}, lease: 10s, requires_healthy: [never]}}
services:
  web:
    description: {description}
    command: [/usr/bin/sleep, "3600"]
    user: shop
    recover: [restart: {{attempts: 3}}]
    budget: {{actions: 3, per: 1h}}
  other:
    command: [/usr/bin/sleep, "3601"]
    user: shop
  spare:
    command: [/usr/bin/sleep, "3602"]
    user: shop
    member_of: pair
    probes: {{never: {{file: {{path: /nowhere}}}}}}
    recover: [restart]
  spare2:
    command: [/usr/bin/sleep, "3603"]
    user: shop
    member_of: pair
    probes: {{never: {{file: {{path: /nowhere}}}}}}
  watched:
    probes: {{disk: {{disk: {{path: /}}}}}}
"""
TAKEN_OVER = f"""
[Service]
Type=exec
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/python3 -B {TEST_PROGRAMS}/taken_over_agent.py
Restart=no
"""


def digest_of(host: Host, service: str) -> str:
    """As the executor has it, asked in place of the agent."""
    ask = (
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(10)\n"
        f"s.connect('{RUNTIME}/executor.sock')\n"
        "s.send(b'type=hello\\nversion=1\\n'); s.recv(65536); s.send(b'type=list\\n')\n"
        "while True:\n"
        "    m = dict(line.split('=', 1) for line in s.recv(65536).decode().splitlines())\n"
        f"    if m.get('service') == '{service}': print(m['digest']); break\n"
    )
    return host.run(["python3", "-c", ask]).out.strip()


@pytest.fixture
def report(host: Host) -> dict[str, Any]:
    """What the program found, on a host where `web` runs; its policy was another one a moment ago."""
    host.install_unit("shop.service", "[Service]\nExecStart=/usr/bin/sleep 3602\n")
    host.systemctl("start", "shop.service")
    host.policy(POLICY.format(description="as it was"))
    host.start_recoverd()
    host.wait_for("web", health="healthy")
    host.wait_for("other", health="healthy")
    host.systemctl("stop", AGENT)
    host.write(f"{STATE}/old-digest", digest_of(host, "web"))
    host.policy(POLICY.format(description="as it is"))
    host.systemctl("restart", EXECUTOR)
    assert digest_of(host, "web") != host.read(f"{STATE}/old-digest")
    host.write("/run/recoverd-test-executor-pid", str(host.main_pid(EXECUTOR)))
    host.write(f"{UNITS}/{AGENT}.d/taken-over.conf", TAKEN_OVER)
    host.systemctl("daemon-reload")
    host.before = executor_descriptors(host)  # type: ignore[attr-defined]
    host.systemctl("start", AGENT)
    host.wait_until(lambda: host.exists(f"{STATE}/report.json"), 120, "it has tried everything")
    found: dict[str, Any] = json.loads(host.read(f"{STATE}/report.json"))
    return found


def executor_descriptors(host: Host) -> int:
    return len(host.run(["ls", f"/proc/{host.main_pid(EXECUTOR)}/fd"]).out.split())


def refused(answers: dict[str, str]) -> dict[str, str]:
    """Those that were not."""
    return {name: how for name, how in answers.items() if how not in ("PermissionError", "OSError", "FileNotFoundError")}


@pytest.mark.long
def test_nothing_happens_but_what_the_policies_allow(host: Host, report: dict[str, Any]) -> None:
    assert not [name for name, found in report.items() if str(found).startswith("failed:")], report
    assert set(report["unknown_services"]) <= {"unknown-service", "closed"}
    assert report["smuggled_lines"] in ("unknown-service", "closed")
    assert report["wrong_digests"] == ["digest"] * 4
    assert set(report["actions_beyond_the_policy"]) <= {"not-allowed", "closed"}
    assert report["a_service_without_a_manager"] in ("not-allowed", "digest")
    assert report["a_member_without_a_lease"] == ["no-lease"] * 4
    assert report["leases"]["without a token"] == 0 and report["leases"]["for a year"] < 11
    assert set(report["broken_packets"]) <= {"closed", "listed"}
    assert report["too_large_a_packet"] in ("closed", "OSError")
    assert report["before_hello"] == "closed"
    assert report["flood"] == "cut off" or report["flood"].endswith("taken")
    assert report["connections_without_number"] == "listed"
    assert report["handed_descriptors"] == "listed"

    # It may restart what may be restarted, as often as the policy says, and with the policy's own command.
    assert report["extra_keys"] == "done"
    assert report["beyond_the_budget"] == ["done", "done", "budget", "budget", "budget", "budget"]
    assert not host.exists("/tmp/smuggled")
    assert host.run(["ps", "-o", "args=", "-p", str(host.main_pid("recoverd-web.service"))]).out == "/usr/bin/sleep 3600\n"

    # It is confined to its two folders.
    assert refused(report["files"]) == {"own state": "worked"}
    assert not refused(report["rights"])
    assert 0 not in report["programs"].values(), report["programs"]

    # Whoever comes next finds the executor as it was.
    assert host.is_active("shop.service")
    assert host.read("/run/recoverd-test-executor-pid") == str(host.main_pid(EXECUTOR))
    host.systemctl("stop", AGENT)
    assert executor_descriptors(host) <= host.before + 2  # type: ignore[attr-defined]
    host.run(["rm", f"{UNITS}/{AGENT}.d/taken-over.conf"])
    host.systemctl("daemon-reload")
    host.start_recoverd()
    host.wait_for("web", health="healthy")


def test_the_budget_outlives_the_executor(host: Host) -> None:
    """Its count is in a folder that is its own."""
    host.policy(POLICY.format(description="web"))
    host.start_recoverd()
    host.wait_for("web", health="healthy")
    for _ in range(3):
        assert host.ctl("restart", "web").code == 0
        host.wait_for("web", health="healthy")
    host.wait_until(lambda: host.exists(f"{STATE}/executor/budget"), 10, "the count is on disk")
    host.stop_recoverd()
    host.run(["sh", "-c", f"rm {STATE}/state.db*"])  # the agent's own count
    host.start_recoverd()
    host.wait_for("web", health="healthy")
    worker = host.main_pid("recoverd-web.service")
    host.ctl("restart", "web")
    host.wait_until(lambda: "refused (budget)" in host.journal_text(_SYSTEMD_UNIT=EXECUTOR), 10, "its refusal")
    assert host.main_pid("recoverd-web.service") == worker


def test_nobody_else_gets_in(host: Host) -> None:
    host.systemctl("start", SOCKET, EXECUTOR)
    connect = f"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('{RUNTIME}/executor.sock')"
    for user in ("shop", "www-data"):
        tried = host.run(["python3", "-c", connect], check=False, user=user)
        assert tried.code != 0 and "Permission denied" in tried.err


def exposure(host: Host, unit: str) -> float:
    """As systemd-analyze measures it, from 0 to 10. docs/security.md has the reason of each opening."""
    said = host.run(["systemd-analyze", "security", "--no-pager", unit]).out
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    return float(found.group(1))


def test_exposure(host: Host) -> None:
    assert exposure(host, AGENT) <= 1.5
    assert exposure(host, EXECUTOR) <= 6.8
    host.write(f"{UNITS}/{EXECUTOR}.d/strict.conf", packaged("executor-strict.conf.in"))
    host.systemctl("daemon-reload")
    assert exposure(host, EXECUTOR) <= 3.0
