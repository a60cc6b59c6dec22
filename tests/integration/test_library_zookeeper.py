"""The library's policy for ZooKeeper over the real server: only where it listens, where its data are and who starts it
are changed, and that it only observes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import real_zookeeper
from support.agent import ROOT
from support.ports import free_port
from support.real_zookeeper import START_SECONDS, needs_zookeeper

POLICY = ROOT / "policies" / "zookeeper.yaml"

pytestmark = [needs_zookeeper, pytest.mark.long, pytest.mark.timeout(4 * START_SECONDS)]


@pytest.fixture
def member(agent, tmp_path: Path):
    """member(lines of its configuration, keys of the policy) starts the agent, and returns the port."""

    def prepare(more: str = "", **keys: object) -> int:
        port, data = free_port(), agent.home / "data"
        data.mkdir()
        (data / "myid").write_text("1\n")
        policy = yaml.safe_load(POLICY.read_text())
        service: dict[str, Any] = policy["services"]["zookeeper"]
        assert service.pop("unit") == "zookeeper.service" and service.pop("mode") == "observe"
        service["command"] = real_zookeeper.command(agent.home / "zoo.cfg", data, port, more)
        service["log"] = {"to": "file", "file": str(agent.home / "zookeeper.log")}
        service["probes"]["serves"]["tcp"]["address"] = f"127.0.0.1:{port}"
        service["probes"]["data"]["disk"] = {**service["probes"]["data"]["disk"], "path": str(data), "max_used": "99%"}
        service.update(keys)
        agent.write_policy(yaml.safe_dump({"services": policy["services"]}))
        agent.start()
        return port

    return prepare


def _pid(agent) -> int:
    (pid,) = agent.service_pids()
    return pid


def _recovered(agent, number: int) -> dict[str, Any]:
    """The newest incident, once there are so many and it is over."""
    found = agent.wait_until(
        lambda: len(agent.incidents()) == number and agent.incidents()[0]["closed"] and agent.incidents(),
        START_SECONDS, f"incident {number} is over",
    )  # fmt: skip
    return found[0]


def test_killed_and_hung(agent, member) -> None:
    member()
    agent.wait_for("zookeeper", within=START_SECONDS, state="healthy")
    probes = {probe["name"]: probe for probe in agent.service("zookeeper")["probes"]}
    assert "ZooKeeper is standalone, " in probes["serves"]["detail"]
    os.kill(_pid(agent), signal.SIGKILL)
    assert _recovered(agent, 1)["end"] == "recovered"

    agent.wait_for("zookeeper", within=START_SECONDS, state="healthy")
    hung = _pid(agent)
    os.kill(hung, signal.SIGSTOP)
    over = _recovered(agent, 2)
    assert over["end"] == "recovered" and over["cause"].startswith("unresponsive"), over
    assert _pid(agent) != hung


def test_a_member_without_its_quorum_is_told_of_and_not_restarted(agent, member) -> None:
    """Its two neighbours are not there."""
    lines = [f"server.{i + 1}=127.0.0.1:{free_port()}:{free_port()}" for i in range(3)]
    port = member("\n".join(["initLimit=5", "syncLimit=2", *lines]), start_grace="5s", verify="10s")
    agent.wait_until(lambda: real_zookeeper.says(port, b"not currently serving"), START_SECONDS, "it waits for a quorum")
    alone = _pid(agent)
    said = "it has no quorum"
    agent.wait_until(
        lambda: any(said in (one["detail"] or "") for one in agent.service("zookeeper")["probes"]), START_SECONDS, said
    )
    agent.wait_until(lambda: "zookeeper needs a person" in agent.log_text(), START_SECONDS, "a person is told")
    assert _pid(agent) == alone
