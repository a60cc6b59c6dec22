"""A state database that is corrupt, read-only, on a full or on a hung disk: supervision goes on, and
the agent says what it lacks."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.preload import HungDisk

RETRY_SECONDS = 30  # between the agent's tries of a database that failed


@pytest.fixture
def supervised(agent, new_service):
    """A service whose agent is not started yet."""
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{initial: 100ms, jitter: none}}
            log: {{to: none}}
        """
    )
    return service


@pytest.fixture
def small_disk(agent) -> Iterator[Path]:
    """The state directory on a file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", str(agent.state)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
    yield agent.state
    subprocess.run(["umount", "--lazy", str(agent.state)], check=True)


def _store(agent) -> dict:
    return agent.status()["agent"]["store"]


def _probe_runs(agent) -> int:
    return agent.status()["agent"]["probes"]["runs"]


def _kill_and_expect_restart(agent, service) -> None:
    before = len(service.starts())
    os.kill(service.starts()[-1], signal.SIGKILL)
    agent.wait_until(lambda: len(service.starts()) > before, 10, "the service is started anew")
    agent.wait_for("web", state="healthy")
    agent.stays(lambda: len(service.starts()) == before + 1, 1, "it is started once")


def test_corrupt_database_is_moved_aside(agent, supervised) -> None:
    (agent.state / "state.db").write_bytes(b"this is no database\n" * 1000)
    agent.start()
    agent.wait_for("web", state="healthy")
    _kill_and_expect_restart(agent, supervised)
    assert list(agent.state.glob("state.db.corrupt-*"))
    assert not _store(agent)["degraded"]
    assert agent.incidents("web")[0]["end"] == "recovered"


def test_read_only_state_directory_degrades_the_store_only(agent, supervised, small_disk) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    agent.start()
    agent.wait_for("web", state="healthy")
    assert _store(agent)["degraded"]
    assert agent.status()["agent"]["degraded"]
    _kill_and_expect_restart(agent, supervised)


@pytest.mark.long
def test_full_disk_degrades_the_store_until_there_is_room(agent, supervised, small_disk) -> None:
    agent.start()
    agent.wait_for("web", state="healthy")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    _kill_and_expect_restart(agent, supervised)
    agent.wait_until(lambda: _store(agent)["degraded"], 10, "the store says that it is degraded")
    ballast.unlink()
    agent.wait_until(
        lambda: not _store(agent)["degraded"], RETRY_SECONDS + 10, "the store works again"
    )
    _kill_and_expect_restart(agent, supervised)
    assert agent.incidents("web")[0]["end"] == "recovered"


@pytest.mark.alone
def test_hung_disk_stalls_neither_probes_nor_recovery(agent, supervised, tmp_path) -> None:
    disk = HungDisk(agent, tmp_path)
    agent.start()
    agent.wait_for("web", state="healthy")
    disk.hang()
    try:
        _kill_and_expect_restart(agent, supervised)
        agent.wait_until(
            lambda: _store(agent)["degraded"], 10, "the store says that it is degraded"
        )
        loop = agent.status()["agent"]["loop"]
        assert loop["worst_lag_seconds"] < 0.5, loop
        runs = _probe_runs(agent)
        agent.wait_until(lambda: _probe_runs(agent) > runs + 5, 5, "probes go on")
    finally:
        disk.heal()
    agent.wait_until(
        lambda: not _store(agent)["degraded"], RETRY_SECONDS + 10, "the store works again"
    )
