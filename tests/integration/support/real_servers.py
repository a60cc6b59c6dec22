"""Real servers as plain programs: each on a port of its own, in a folder of its own, ended by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.ports import is_open
from support.waiting import wait_until

START_SECONDS = 20
STOP_SECONDS = 10

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="starts a server as another user, which needs root")


def needs(*programs: str) -> pytest.MarkDecorator:
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in programs if not shutil.which(name, path=path)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: see packaging/dependencies")


def postgresql() -> Path | None:
    """The folder of its programs, which Debian leaves out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class RealServers:
    """Those that one test, or one module, has started."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._running: list[subprocess.Popen] = []

    def launch(self, *command: object, user: str | None = None, env: dict[str, str] | None = None) -> subprocess.Popen:
        """Does not wait until it listens."""
        with self.log.open("ab") as output:
            server = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", **(env or {})},
            )
        self._running.append(server)
        return server

    def await_start(self, server: subprocess.Popen, ready: Callable[[], object], within: float = START_SECONDS) -> None:
        try:
            wait_until(lambda: ready() or server.poll() is not None, within, f"{server.args} is there")
            assert server.poll() is None, f"{server.args} has ended"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text(errors='replace')[-4000:]}") from None

    def start(self, port: int, *command: object, user: str | None = None) -> None:
        """Returns once it listens."""
        self.await_start(self.launch(*command, user=user), lambda: is_open(port))

    def stop(self) -> None:
        for server in reversed(self._running):
            server.terminate()
        for server in reversed(self._running):
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def run_probes(agent, probes: dict[str, str]) -> dict[str, dict]:
    """Each probe once, by name: what it said."""
    lines = "\n".join(f"              {name}: {{{options}, interval: 1h, timeout: 10s}}" for name, options in probes.items())
    agent.write_policy(f"""
        services:
          target:
            probes:
{lines}
    """)
    agent.start()
    return {name: agent.ctl_json("probe", f"target/{name}")["probes"][0] for name in probes}


def expect(found: dict[str, dict], name: str, outcome: str, text: str) -> None:
    assert found[name]["outcome"] == outcome and text in found[name]["detail"], found[name]
    assert "sesame" not in found[name]["detail"] and "barley" not in found[name]["detail"]


def tcp(port: int, protocol: str, more: str = "") -> str:
    return f"tcp: {{address: '127.0.0.1:{port}', protocol: {protocol}{more}}}"
