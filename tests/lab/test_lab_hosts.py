"""The lab itself: hosts are real, see each other, and cannot touch the machine that they run on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import owner, processes
from support.host import Host
from support.waiting import wait_until


def test_a_host_runs_systemd(host: Host) -> None:
    assert host.run(["cat", "/proc/1/comm"]).out == "systemd\n"
    assert host.systemctl("is-system-running").out.strip() == "running"
    assert host.run(["hostname"]).out == "web1\n"


def test_hosts_see_each_other(new_host: Callable[..., Host]) -> None:
    web, db = new_host("web1"), new_host("db1")
    db.install_unit("server.service", "[Service]\nExecStart=/usr/bin/python3 -m http.server 8000 -d /etc/recoverd\n")
    db.systemctl("start", "server.service")
    fetch = f"import urllib.request; print(urllib.request.urlopen('http://{db.address}:8000/').status)"
    answer = wait_until(
        lambda: web.run(["python3", "-c", fetch], check=False).out, 10, "the server on the other host answers"
    )
    assert answer == "200\n"


def test_a_unit_that_kills_all_kills_its_host_only(new_host: Callable[..., Host]) -> None:
    host = new_host("victim", fresh=True)
    outside = subprocess.Popen(["sleep", "60"])
    try:
        host.install_unit("killer.service", "[Service]\nExecStart=/bin/sh -c 'kill -9 -1'\n")
        host.systemctl("start", "killer.service", check=False)  # it kills this one, too
        ask = ["systemctl", "is-active", "killer.service"]
        wait_until(lambda: host.run(ask, check=False).out == "inactive\n", 10, "the unit is done")
        assert processes.is_running(outside.pid)
    finally:
        outside.kill()
        outside.wait()


def test_what_a_host_writes_stays_in_it(new_host: Callable[..., Host]) -> None:
    one, other = new_host("web1"), new_host("other", fresh=True)
    one.write("/usr/lib/mark-of-the-lab", "written\n")
    assert one.read("/usr/lib/mark-of-the-lab") == "written\n"
    assert not other.exists("/usr/lib/mark-of-the-lab")
    assert not Path("/usr/lib/mark-of-the-lab").exists()
    one.run(["rm", "/usr/lib/mark-of-the-lab"])


def test_a_host_has_a_network_and_cgroups_of_its_own(host: Host) -> None:
    own = host.run(["readlink", "/proc/1/ns/net", "/proc/1/ns/pid", "/proc/1/ns/cgroup", "/proc/1/ns/mnt"]).out
    outer = [os.readlink(f"/proc/self/ns/{name}") for name in ("net", "pid", "cgroup", "mnt")]
    assert not set(own.split()) & set(outer)
    assert "default" not in host.run(["ip", "route"]).out


def test_a_command_has_a_deadline(host: Host) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        host.run(["sleep", "3600"], within=0.2)
    wait_until(lambda: host.run(["pgrep", "-x", "sleep"], check=False).out == "", 5, "the command was killed")


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from support.lab import Lab
host = Lab(Path(sys.argv[1])).host("lost")
print(host.machine.leader, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_nothing(lab: object, tmp_path: Path) -> None:
    here = Path(__file__).parent
    run = subprocess.Popen(
        ["/usr/bin/python3", "-c", KILLED_RUN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(here)},
    )
    out, _ = run.communicate(timeout=60)
    wait_until(lambda: not processes.is_running(int(out)), 15, "its host is shut down")
    mark = f"{owner.PREFIX}{run.pid}-"
    assert owner.network.existing(mark), "the namespaces are left, for the next run to find"
    owner.remove_leftovers()
    assert not owner.network.existing(mark)
    assert not owner.cgroups.existing(mark)
