"""Another version is installed while the agent runs: supervision pauses for a moment, and no service is touched."""

from __future__ import annotations

import re

from support.agent import ROOT
from support.host import AGENT, EXECUTOR, STATE
from support.package_host import CONFIG, PackageHost
from support import packages

DATABASE = f"{STATE}/state.db"
POLICY = """
services:
  nginx:
    unit: nginx.service
    probes:
      page: {http: {url: "http://127.0.0.1/beat", expect: {status: 404}}, interval: 100ms}
    recover: [restart]
  worker:
    command: [/usr/bin/sleep, "3600"]
    user: shop
    recover: [restart]
"""
# Seconds since 1970 with milliseconds, one line a probe.
LOG_FORMAT = "log_format beats '$msec'; access_log /var/log/nginx/beats beats;\n"
PAUSE_MOST = 2.0


def begin(host: PackageHost) -> None:
    host.write("/etc/nginx/conf.d/beats.conf", LOG_FORMAT)
    host.systemctl("start", "nginx")
    host.install()
    host.act()
    host.add_policy(POLICY)
    host.wait_for("nginx", health="healthy")
    host.wait_for("worker", health="healthy")


def pids(host: PackageHost) -> dict[str, int]:
    return {name: host.main_pid(name) for name in ("nginx.service", "recoverd-worker.service")}


def longest_pause(host: PackageHost) -> float:
    """Between two probes, from the first one to the last."""
    beats = [float(line) for line in host.read("/var/log/nginx/beats").split()]
    return max(later - earlier for earlier, later in zip(beats, beats[1:]))


def installed(host: PackageHost) -> str:
    return host.run(["dpkg-query", "-W", "-f", "${Version}", "recoverd"]).out


def change_to(host: PackageHost, version: str, *options: str) -> None:
    """And whatever runs on."""
    services, programs = pids(host), {unit: host.main_pid(unit) for unit in (AGENT, EXECUTOR)}
    host.run(["truncate", "-s", "0", "/var/log/nginx/beats"])
    host.wait_until(lambda: host.read("/var/log/nginx/beats").count("\n") > 3, 10, "probes before")
    host.install(version, *options)
    assert installed(host) == version
    host.ready()
    seen = host.read("/var/log/nginx/beats").count("\n")
    host.wait_until(lambda: host.read("/var/log/nginx/beats").count("\n") > seen + 3, 10, "probes afterwards")
    for unit, before in programs.items():
        assert host.main_pid(unit) not in (0, before), f"{unit} is still the old one"
    assert longest_pause(host) < PAUSE_MOST
    assert pids(host) == services
    host.wait_for("worker", health="healthy")
    host.wait_for("nginx", health="healthy")


def test_there_and_back_again(package_host: PackageHost) -> None:
    host = package_host
    begin(host)
    change_to(host, packages.NEXT)
    assert "mode: act" in host.read(CONFIG), "the edited file stays"
    assert "A line of the next version." in host.read(f"{CONFIG}.dpkg-dist")
    change_to(host, packages.version(), "--allow-downgrades")
    assert "mode: act" in host.read(CONFIG)
    assert not host.incidents()
    assert host.ctl("restart", "worker").code == 0, "it can still be acted upon"


def first_schema() -> str:
    """The first database that there ever was, as the migrations have it."""
    text = (ROOT / "agent/store/store_schema.c").read_text()
    first = text.split("store_migrations[", 1)[1].split("PRAGMA user_version = 1;", 1)[0]
    first = re.sub(r"/\*.*?\*/", "", first, flags=re.DOTALL)
    return "".join(re.findall(r'"([^"]*)"', first)) + "PRAGMA user_version = 1;"


def sql(host: PackageHost, text: str) -> str:
    code = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.executescript(sys.stdin.read()); d.commit()\n"
    code += "print(d.execute('PRAGMA user_version').fetchone()[0])"
    return host.run(["python3", "-c", code, DATABASE], input=text).out.strip()


def test_state_of_the_first_version_goes_forward(package_host: PackageHost) -> None:
    host = package_host
    begin(host)
    newest = sql(host, "")
    host.systemctl("stop", AGENT)
    host.run(["sh", "-c", f"rm {DATABASE}*"])
    row = "INSERT INTO incident VALUES(7, 'nginx', 1, 2, 3, 'exited', 'recovered', 0, 1, 'page', 'of long ago');"
    assert sql(host, first_schema() + row) == "1"
    host.run(["chown", "recoverd:recoverd", DATABASE])
    host.systemctl("start", AGENT)
    host.ready()
    host.wait_until(lambda: [one["id"] for one in host.incidents()] == [7], 10, "the incident of long ago")
    assert sql(host, "") == newest != "1"


def test_a_newer_database_is_left_alone(package_host: PackageHost) -> None:
    """What a downgrade may meet. Supervision goes on without it, and the log says what is the matter."""
    host = package_host
    begin(host)
    host.systemctl("stop", AGENT)
    sql(host, "PRAGMA user_version = 99;")
    digest = host.run(["sha256sum", DATABASE]).out
    host.systemctl("start", AGENT)
    host.ready()
    said = "was written by a newer recoverd (schema 99, this one knows up to "
    host.wait_until(lambda: said in host.journal_text(_SYSTEMD_UNIT=AGENT), 10, said)
    host.wait_for("nginx", health="healthy")
    host.systemctl("kill", "--signal=SIGKILL", "nginx")
    host.wait_until(lambda: host.is_active("nginx.service"), 20, "nginx is back")
    host.systemctl("stop", AGENT)
    assert host.run(["sha256sum", DATABASE]).out == digest
