"""Where /proc is mounted with hidepid, an agent without privileges says so, and takes nobody for dead."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534
HIDE = 'mount -t proc -o hidepid="$0" proc /proc && exec setpriv --reuid=%d --regid=%d --clear-groups "$@"'


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "86403"])
    yield process
    process.kill()
    process.wait()


def _give(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


@pytest.mark.parametrize("mode", ["1", "2"])
def test_hidden_is_not_dead(agent, sleeper, tmp_path: Path, mode: str) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("mounting /proc needs root and setpriv")
    pidfile = agent.home / "worker.pid"
    pidfile.write_text(f"{sleeper.pid}\n")
    agent.write_policy(
        f"""
        defaults: {{interval: 200ms}}
        services:
          by-pidfile:
            probes: {{main: {{process: {{pidfile: {pidfile}}}}}}}
          by-program:
            probes: {{main: {{process: {{executable: /bin/sleep, arguments: ['86403']}}}}}}
        """
    )
    _give(agent.home)
    command = agent.command()
    agent.command = lambda *_: ["unshare", "--mount", "sh", "-c", HIDE % (NOBODY, NOBODY), mode, *command]
    agent.start()

    def details() -> list[str]:
        return [service["probes"][0]["detail"] for service in agent.status()["services"]]

    agent.wait_until(lambda: all(details()), 10, "both probes have run")
    hidden = f"process {sleeper.pid} is hidden from this user: /proc is mounted with hidepid"
    no_program = "no process of /bin/sleep with these arguments is visible: /proc is mounted with hidepid"
    assert details() == [hidden, no_program]
    agent.stays(lambda: agent.service("by-pidfile")["health"] == "unknown", 1, "nothing is taken for dead")
    assert agent.service("by-program")["health"] == "unknown"
