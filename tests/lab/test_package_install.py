"""From a fresh host to a recovered nginx, as a person does it: apt, one line, `systemctl reload`."""

from __future__ import annotations

from support import packages
from support.host import AGENT, EXECUTOR, RUNTIME, SOCKET, STATE
from support.machine import PACKAGES
from support.package_host import CONFIG, PackageHost

NGINX = """
services:
  nginx:
    unit: nginx.service
    probes:
      page: {http: "http://127.0.0.1/", interval: 200ms}
    recover: [restart]
    backoff: {initial: 100ms, max: 1s}
"""
COORDINATOR = "{kind: zookeeper, servers: ['127.0.0.1:1'], user: recoverd, password_file: /etc/recoverd/zookeeper.password}"
GROUP = """
groups:
  data: {mode: active-standby, coordinator: zookeeper, members: {db1: {}, db2: {}}}
services:
  db: {command: [/usr/bin/sleep, '3600'], user: shop, member_of: data}
"""
BROKEN = "services:\n  other:\n    unit: other.service\n    recover: [restrat]\n"


def test_what_is_there_after_the_installation(package_host: PackageHost) -> None:
    host = package_host
    said = host.install().out
    assert "To begin: recoverctl init" in said
    host.ready()
    assert host.run(["ps", "-o", "user=", "-p", str(host.main_pid(AGENT))]).out.strip() == "recoverd"
    assert host.run(["ps", "-o", "user=", "-p", str(host.main_pid(EXECUTOR))]).out.strip() == "root"
    for unit in (AGENT, SOCKET):
        assert host.systemctl("is-enabled", unit).out == "enabled\n"
    for folder in (RUNTIME, STATE):
        assert host.run(["stat", "-c", "%A %U %G", folder]).out == "drwxrwxr-t root recoverd\n"
    assert host.run(["stat", "-c", "%A %U %G", f"{RUNTIME}/executor.sock"]).out == "srw-rw---- root recoverd\n"
    assert "there are no policies yet: `recoverctl init`" in host.journal_text()
    assert "only observing" in host.unit(AGENT, "StatusText")["StatusText"]
    assert host.ctl_json("status")["services"] == []
    assert host.ctl("check").code == 0
    assert not host.journal(PRIORITY="3") and not host.journal(PRIORITY="4")


def test_the_package_for_zookeeper(package_host: PackageHost) -> None:
    host = package_host
    host.install()
    host.ready()
    host.apt("install", f"{PACKAGES}/{packages.zookeeper_deb()}")
    host.write("/etc/recoverd/zookeeper.password", "barley\n")
    host.run(["sed", "-i", "$ a coordinator: " + COORDINATOR, CONFIG])
    host.run(["sed", "-i", "s/^agent:/&\\n  host: db1/", CONFIG])
    host.add_policy(GROUP)
    # The library is there, and what it says is that nobody answers.
    host.wait_until(lambda: host.ctl_json("group")["members"][0]["session_why"], 30, "it says why")
    said = host.ctl_json("group")["members"][0]
    assert said["coordinator"] == "zookeeper" and said["session"] != "connected", said
    assert "libzookeeper" not in host.journal_text() + said["session_why"]


def test_one_line_and_a_reload(package_host: PackageHost) -> None:
    host = package_host
    host.install()
    host.systemctl("start", "nginx")
    host.add_policy(NGINX, "nginx.yaml")
    host.wait_for("nginx", health="healthy")

    # It observes: systemd has no Restart= for it, and nobody starts it.
    host.systemctl("kill", "--signal=SIGKILL", "nginx")
    host.wait_until(lambda: host.incidents(), 15, "an incident")
    host.stays(lambda: not host.is_active("nginx.service"), 2)
    host.systemctl("start", "nginx")
    host.wait_for("nginx", health="healthy")

    # A bad policy is refused, the reload fails and says why, and the good one stays.
    host.policy(BROKEN, "broken.yaml")
    refused = host.systemctl("reload", AGENT, check=False)
    assert refused.code != 0
    assert "broken.yaml:5:15" in host.journal_text() and "did you mean 'restart'?" in host.journal_text()
    assert "the last reload was refused" in host.unit(AGENT, "StatusText")["StatusText"]
    assert host.is_active(AGENT)
    host.run(["rm", "/etc/recoverd/policies.d/broken.yaml"])

    host.act()
    host.systemctl("reload", AGENT)
    before = host.main_pid(AGENT)
    host.systemctl("kill", "--signal=SIGKILL", "nginx")
    host.wait_until(lambda: host.is_active("nginx.service"), 20, "nginx is back")
    host.wait_for("nginx", health="healthy", phase="watching")
    assert host.main_pid(AGENT) == before
    assert host.incidents()[0]["closed"]


def test_a_broken_policy_at_the_start(package_host: PackageHost) -> None:
    """The unit fails with the reason, is tried again, and runs as soon as the file is mended."""
    host = package_host
    host.install()
    host.policy(BROKEN, "broken.yaml")
    host.systemctl("restart", AGENT, check=False)
    host.wait_until(lambda: "did you mean 'restart'?" in host.journal_text(_SYSTEMD_UNIT=AGENT), 15, "the reason")
    host.run(["rm", "/etc/recoverd/policies.d/broken.yaml"])
    host.ready()

    # What recoverd.yaml says is in force from the next start on.
    host.run(["sed", "-i", "s/^  # listen: .*/  listen: 127.0.0.1:7799/", CONFIG])
    host.systemctl("restart", AGENT)
    host.ready()
    fetch = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:7799/healthz').status)"
    assert host.run(["python3", "-c", fetch]).out == "200\n"


def test_programs_that_stand_still_are_replaced(package_host: PackageHost) -> None:
    """systemd hears no sign of life from the agent, or the executor, and starts another."""
    host = package_host
    host.install()
    host.ready()
    for unit in (AGENT, EXECUTOR):
        host.write(f"/etc/systemd/system/{unit}.d/quick.conf", "[Service]\nWatchdogSec=1\n")
    host.systemctl("daemon-reload")
    host.systemctl("restart", EXECUTOR, AGENT)
    host.ready()
    for unit in (AGENT, EXECUTOR):
        before = host.main_pid(unit)
        host.run(["kill", "-STOP", str(before)])
        host.wait_until(lambda: host.main_pid(unit) not in (0, before), 30, f"another process of {unit}")
        host.ready()
