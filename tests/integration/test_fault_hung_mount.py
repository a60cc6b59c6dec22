"""A mount that hangs makes the disk probe on it time out, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path


INTERVAL = 0.2


def _probe(agent, service: str) -> dict:
    return agent.service(service)["probes"][0]


def test_a_hung_mount_harms_its_own_probe_only(agent, hung_mount, new_service) -> None:
    web = new_service("web")
    agent.write_policy(
        f"""
        services:
          uploads:
            probes: {{space: {{disk: {{path: {hung_mount.path}, max_used: 90%}}}}}}
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

    hung_mount.hang()
    agent.wait_for("uploads", health="failed")
    assert _probe(agent, "uploads")["outcome"] == "timeout"
    before = agent.status()["agent"]["loop"]["stalls"]
    agent.stays(
        lambda: agent.service("web")["state"] == "healthy" and _probe(agent, "web")["last_run_seconds"] < 10 * INTERVAL,
        5,
        "the other service is probed as if nothing were",
    )
    assert agent.status()["agent"]["loop"]["stalls"] == before
    assert agent.service("uploads")["health"] == "failed"

    hung_mount.release()
    agent.wait_for("uploads", state="healthy")
    assert len(web.starts()) == 1


MANY = 40
STUCK = 4  # MOUNT_STUCK in probes/mount_pools.h


def _threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def test_many_probes_on_a_hung_mount_leave_the_other_disks_alone(agent, hung_mount, tmp_path: Path) -> None:
    lines = [f"  hung-{index:02}: {{probes: {{space: {{disk: {hung_mount.path}}}}}}}" for index in range(MANY)]
    other = f"  other: {{probes: {{space: {{disk: {{path: {tmp_path}, max_used: 100%}}}}}}}}"
    timing = f"defaults: {{interval: {INTERVAL}s, timeout: 150ms}}"
    agent.write_policy("\n".join([timing, "services:", *lines, other]) + "\n")
    agent.write_config(agent="self_suspicion: {enabled: false}")  # they fail together on purpose
    agent.start()
    agent.wait_for("hung-39", health="healthy")
    agent.wait_for("other", health="healthy")
    hung_mount.hang()
    agent.wait_for("hung-00", health="failed")
    agent.wait_for("hung-39", health="failed")
    agent.stays(
        lambda: _probe(agent, "other")["outcome"] == "pass" and _probe(agent, "other")["last_run_seconds"] < 10 * INTERVAL,
        3,
        "the other disk is looked at as if nothing were",
    )
    assert _threads(agent.pid) < 10 + 2 * STUCK
    hung_mount.release()
    agent.wait_for("hung-39", health="healthy")
