"""A mount that hangs makes the disk probe on it time out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hung_mount import HungMount
from support.waiting import wait_until

INTERVAL = 0.2


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[HungMount]:
    mount = HungMount(tmp_path)
    wait_until(mount.is_mounted, 10, "the file system is mounted")
    yield mount
    mount.close()


def _probe(agent, service: str) -> dict:
    return agent.service(service)["probes"][0]


def test_a_hung_mount_harms_its_own_probe_only(agent, mount, new_service) -> None:
    web = new_service("web")
    agent.write_policy(
        f"""
        services:
          uploads:
            probes: {{space: {{disk: {{path: {mount.path}, max_used: 90%}}}}}}
            interval: {INTERVAL}s
            timeout: 100ms
          web:
            command: {web.yaml_command}
            probes: {{page: {{http: {{url: '{web.url}'}}, interval: {INTERVAL}s, timeout: 150ms}}}}
            log: {{to: none}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.wait_for("uploads", state="healthy")

    mount.hang()
    agent.wait_for("uploads", health="failed")
    assert _probe(agent, "uploads")["outcome"] == "timeout"
    before = agent.ctl_json("status")["agent"]["loop"]["stalls"]
    agent.stays(
        lambda: agent.service("web")["state"] == "healthy" and _probe(agent, "web")["last_run_seconds"] < 10 * INTERVAL,
        5,
        "the other service is probed as if nothing were",
    )
    assert agent.ctl_json("status")["agent"]["loop"]["stalls"] == before
    assert agent.service("uploads")["health"] == "failed"

    mount.release()
    agent.wait_for("uploads", state="healthy")
    assert len(web.starts()) == 1
