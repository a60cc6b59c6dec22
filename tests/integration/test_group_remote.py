"""A group over two hosts with a real coordinator: an agent that stands still, and one that is started anew. Never do two
run at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import processes
from support.agent import Agent
from support.alone import command_alone, overlaps
from support.ensemble import Ensemble, Etcd, needs_etcd, needs_zookeeper
from support.real_servers import RealServers
from support.service import Service
from support.waiting import wait_until

WITHIN = 90
LEASE = 10  # an agent that is started on a busy machine takes seconds to find its session again

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def zookeeper(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> str:
    ensemble = Ensemble(servers, tmp_path_factory.mktemp("zookeeper"))
    secret = next(word for word in ensemble.settings() if word.startswith("password_file=")).partition("=")[2]
    hosts = json.dumps([f"127.0.0.1:{port}" for port in ensemble.ports])
    return f"{{kind: zookeeper, servers: {hosts}, user: recoverd, password_file: {secret}}}"


@pytest.fixture(scope="module")
def etcd(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> str:
    return f'{{kind: etcd, servers: ["{Etcd(servers, tmp_path_factory.mktemp("etcd")).url}"]}}'


class Pair:
    """Two hosts, each with an agent and an instance of the service, which notes when the other runs as well."""

    def __init__(self, kind: str, coordinator: str, group: str, folder: Path, new_agent: Callable[[], Agent]) -> None:
        self.folder = folder
        self.agents = {name: new_agent() for name in ("one", "two")}
        self.services = {name: Service(folder / name) for name in self.agents}
        for name, agent in self.agents.items():
            agent.write_config(f"coordinator: {coordinator}\n", f"host: {name}")
            agent.write_policy(f"""
                groups:
                  {group}:
                    mode: active-standby
                    coordinator: {kind}
                    members: {{one: {{priority: 200}}, two: {{}}}}
                    lease: {LEASE}s
                    margin: 500ms
                    stop_timeout: 1s
                services:
                  web:
                    command: {command_alone(self.folder, name, self.services[name].command)}
                    member_of: {group}
                    log: none
                    start_grace: 3s
                    stop_timeout: 1s
                    interval: 300ms
                    fast_interval: 100ms
                    probes: {{page: {{http: {self.services[name].url}}}}}
                    recover: [restart]
                """)

    def running(self) -> list[str]:
        return [
            name for name, service in self.services.items() if any(processes.is_running(pid) for pid in service.starts()[-1:])
        ]

    def wait_for(self, *names: str) -> None:
        log = "\n".join(agent.log_text()[-1500:] for agent in self.agents.values())
        try:
            wait_until(lambda: self.running() == list(names), WITHIN, f"{names} run")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.running()}\n{log}") from None
        assert not overlaps(self.folder)


@pytest.fixture(
    params=[
        pytest.param("zookeeper", marks=[needs_zookeeper, pytest.mark.xdist_group("zookeeper")]),
        pytest.param("etcd", marks=[needs_etcd, pytest.mark.xdist_group("etcd")]),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def pair(kind: str, request: pytest.FixtureRequest, tmp_path: Path, new_agent: Callable[[], Agent]) -> Pair:
    pair = Pair(kind, request.getfixturevalue(kind), f"shop-{abs(hash(tmp_path)) % 10**6}", tmp_path, new_agent)
    pair.agents["one"].start()
    pair.wait_for("one")
    pair.agents["two"].start()
    return pair


def test_an_agent_that_stands_still_is_replaced_and_comes_back_as_a_standby(pair: Pair) -> None:
    pair.agents["one"].freeze()
    pair.wait_for("two")  # the executor of the first has stopped its member by then
    pair.agents["one"].thaw()
    pair.agents["one"].wait_for("web", state="standby", within=WITHIN)
    assert pair.running() == ["two"] and len(pair.services["two"].starts()) == 1


def test_a_new_agent_goes_on_with_the_lease(pair: Pair) -> None:
    pair.agents["one"].kill9()
    pair.agents["one"].start()
    pair.agents["one"].wait_for("web", health="healthy", within=WITHIN)
    pair.agents["two"].wait_for("web", state="standby", within=WITHIN)
    assert pair.running() == ["one"] and len(pair.services["one"].starts()) == 1
