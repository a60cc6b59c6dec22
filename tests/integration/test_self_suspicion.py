"""The agent suspects itself: cut off from the network, starved by a CPU hog in its cgroup, its clock set. It says so,
holds what would disturb a service, and goes on afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import processes
from support.cable import DEVICE, Cable, laid
from support.preload import ShiftedClock
from support.service import Service

NAMES = ["a", "b", "c", "d", "e"]
OWN, PEER = "10.77.99.1", "10.77.99.2"
PORT = 8080
SETTINGS = "self_suspicion: {calm: 2s}"


def _suspicion(agent) -> dict:
    return agent.status()["agent"]["self_suspicion"]


def _suspects(agent) -> bool:
    return _suspicion(agent)["state"] == "suspects"


def _trusts(agent) -> bool:
    return _suspicion(agent)["state"] == "trusts"


# ---- Cut off ----


class Network(Cable):
    """A host for the agent, and another one with a server."""

    server: subprocess.Popen[bytes] | None = None

    def __init__(self, pages: Path) -> None:
        super().__init__()
        self.pages = pages

    def addresses(self, number: int) -> list[tuple[str, ...]]:
        return [(f"{(OWN, PEER)[number - 1]}/24",)]

    def start(self) -> None:
        super().start()
        command = [sys.executable, "-m", "http.server", str(PORT), "--bind", PEER]
        self.server = subprocess.Popen(self.inside(self.other, *command), stderr=subprocess.DEVNULL, cwd=self.pages)

    def cut(self, cut: bool) -> None:
        self.ip(self.own, "link", "set", DEVICE, "down" if cut else "up")

    def page(self, path: str, port: int) -> str:
        """A page of the agent's own listener, from beside it."""
        command = self.inside(self.own, "curl", "--silent", f"http://127.0.0.1:{port}{path}")
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout

    def stop(self) -> None:
        if self.server:
            self.server.kill()
            self.server.wait()
        super().stop()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Cable]:
    yield from laid(Network(tmp_path))


def _remote_policy(services: dict[str, Service]) -> str:
    text = "defaults: {interval: 500ms, fast_interval: 500ms, timeout: 400ms, fall: 3, start_grace: 1s}\nservices:\n"
    for name, service in services.items():
        text += f"""
  {name}:
    command: {service.yaml_command}
    log: {{to: none}}
    settle: 1s
    backoff: {{initial: 200ms, jitter: none}}
    probes: {{upstream: {{http: {{url: 'http://{PEER}:{PORT}/?{name}'}}}}}}
"""
    return text


def test_cut_off_from_the_network(agent, new_service, network) -> None:
    services = {name: new_service(name) for name in NAMES}
    agent.write_config(agent=SETTINGS)
    agent.write_policy(_remote_policy(services))
    command = agent.command
    agent.command = lambda *words: network.inside(network.own, *command(*words))
    agent.start()
    for name in NAMES:
        agent.wait_for(name, state="healthy")

    network.cut(True)
    agent.wait_until(lambda: _suspects(agent), 20, "the agent suspects itself")
    assert "services that share no dependency fail together" in _suspicion(agent)["reason"]
    assert "the agent suspects itself since" in agent.ctl("status").out
    assert "the agent suspects itself" in network.page("/healthz", agent.port)
    assert "recoverd_self_suspect 1" in network.page("/metrics", agent.port)
    guards = {one["name"]: one for one in agent.ctl_json("why", "a")["guards"]}
    assert guards["self-suspect"]["holds"]
    assert "the agent suspects itself, so failures count as unknown and actions are held" in agent.log_text()
    agent.stays(lambda: all(len(one.starts()) == 1 for one in services.values()), 5, "nothing is restarted")
    assert all(agent.service(name)["state"] != "failed" for name in NAMES)

    os.kill(services["c"].starts()[-1], signal.SIGKILL)  # that it ended is certain, network or not
    agent.wait_until(lambda: len(services["c"].starts()) == 2, 15, "the killed one is started again")
    assert _suspects(agent)

    network.cut(False)
    agent.wait_until(lambda: _trusts(agent), 30, "the agent trusts itself again")
    for name in NAMES:
        agent.wait_for(name, state="healthy")
    assert {name: len(one.starts()) for name, one in services.items()} == {"a": 1, "b": 1, "c": 2, "d": 1, "e": 1}
    assert "the agent trusts itself again after" in agent.log_text()


def test_a_reference_that_answers_makes_it_act(agent, new_service, http_server) -> None:
    """The same number of failures, but somebody outside answers: the services are gone, not the network."""
    services = {name: new_service(name) for name in NAMES}
    gateway = http_server()
    agent.write_config(agent=SETTINGS)
    policy = "defaults: {interval: 500ms, fast_interval: 500ms, timeout: 400ms, start_grace: 3s}\nservices:\n"
    policy += f"  gateway: {{reference: true, probes: {{answers: {{http: 'http://127.0.0.1:{gateway.port}/'}}}}}}\n"
    for name, one in services.items():
        policy += f"""
  {name}:
    command: {one.yaml_command}
    log: {{to: none}}
    backoff: {{initial: 200ms, jitter: none}}
    probes: {{page: {{http: {{url: '{one.url}'}}}}}}
"""
    agent.write_policy(policy)
    agent.start()
    for name in [*NAMES, "gateway"]:
        agent.wait_for(name, state="healthy")
    for one in services.values():
        one.set("fail")
    agent.wait_until(lambda: all(len(one.starts()) > 1 for one in services.values()), 30, "all are restarted")
    assert _suspicion(agent)["count"] == 0 or "fail together" not in agent.log_text()


# ---- Starved ----


class Cage:
    """A cgroup with next to no CPU time, and a hog in it that eats what there is."""

    def __init__(self) -> None:
        name = f"recoverd-test-{os.getpid()}"
        self.v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        self.path = Path("/sys/fs/cgroup" if self.v2 else "/sys/fs/cgroup/cpu") / name
        self.hog: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        self.path.mkdir()
        if self.v2:
            (self.path / "cpu.max").write_text("1000 1000000")
        else:
            (self.path / "cpu.cfs_period_us").write_text("1000000")
            (self.path / "cpu.cfs_quota_us").write_text("1000")

    def starve(self, pid: int) -> None:
        self.hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for one in (self.hog.pid, pid):
            (self.path / "cgroup.procs").write_text(str(one))

    def let_go(self, pid: int) -> None:
        if self.hog:
            self.hog.kill()
        (self.path.parent / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        if self.hog:
            self.hog.kill()
            self.hog.wait()
        deadline = time.monotonic() + 10
        while self.path.exists() and time.monotonic() < deadline:
            try:
                self.path.rmdir()
            except OSError:
                time.sleep(0.1)


@pytest.fixture
def cage() -> Iterator[Cage]:
    cage = Cage()
    try:
        cage.make()
    except OSError as error:
        cage.remove()
        reason = f"no cgroup with a limit of CPU time can be made: {error}"
        print(f"skip: {reason}")
        pytest.skip(reason)
    yield cage
    cage.remove()


def _local_policy(service: Service) -> str:
    """One failure is enough, and the checks are in a hurry."""
    return f"""
        defaults: {{interval: 300ms, fast_interval: 300ms, timeout: 250ms, fall: 1, start_grace: 0s}}
        services:
          web:
            command: {service.yaml_command}
            log: {{to: none}}
            settle: 1s
            backoff: {{initial: 100ms, jitter: none}}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
        """


@pytest.mark.alone
def test_starved_by_a_hog_in_its_cgroup(agent, new_service, cage) -> None:
    service = new_service("web")
    agent.write_config(agent="self_suspicion: {calm: 5s}")
    agent.write_policy(_local_policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")

    cage.starve(agent.pid)
    time.sleep(8)
    cage.let_go(agent.pid)
    agent.wait_until(lambda: _suspects(agent), 10, "the agent suspects itself")
    assert "the agent suspects itself" in agent.log_text() and "the agent stood still for" in agent.log_text()
    service.set("fail")
    agent.stays(lambda: len(service.starts()) == 1 or not _suspects(agent), 3, "nothing is restarted meanwhile")
    agent.wait_until(lambda: len(service.starts()) >= 2, 30, "what still fails is restarted afterwards")
    assert "the agent trusts itself again after" in agent.log_text()


# ---- The clock ----


def test_a_clock_that_is_set(agent, new_service, tmp_path) -> None:
    clock, service = ShiftedClock(agent, tmp_path), new_service("web")
    agent.write_config(agent=SETTINGS)
    agent.write_policy(_local_policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")
    clock.set(3600)
    agent.wait_until(lambda: "the wall clock was set forward by" in agent.log_text(), 10, "it is noticed")
    agent.wait_until(lambda: _trusts(agent), 10, "it is over")
    assert len(service.starts()) == 1
    assert processes.is_running(service.starts()[-1])
