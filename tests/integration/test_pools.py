"""Pools: members of which so many have to stay healthy, as services of one host and over three hosts, which here are three
agents on one machine with names of their own and a real coordinator. A bad release fails all members at once and they are
restarted one after the other; a restart that people ask for everywhere goes round; and without a coordinator only what is
down is restarted. The services judge: at its start each asks the others whether they serve."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from support import ensemble
from support.service import Service
from support.waiting import stays

WITHIN = 90
NAMES = ("web1", "web2", "web3")
BEHAVIOUR = """
            log: none
            start_grace: 3s
            stop_timeout: 1s
            verify: 15s
            interval: 300ms
            fast_interval: 100ms
            fall: 2
            recover: [restart: {attempts: 3}]
            backoff: {initial: 100ms, jitter: none}"""


class Member:
    """Its start cures it of `fail`, as another release would."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.service = Service(folder / name)

    def write_program(self, others: list[Member]) -> str:
        script = self.folder / f"{self.name}.sh"
        asks = "".join(f"  serves {one.service.port} || echo {self.name} {one.name} >> {self.folder}/alone\n" for one in others)
        script.write_text(
            "#!/bin/bash\n"
            f"rm -f {self.service.folder}/fail\n"
            "serves() {\n"
            "  (exec 3<>/dev/tcp/127.0.0.1/$1 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 &&\n"
            "    read -r -t 5 _ status _ <&3 && [ \"$status\" = 200 ]) 2>/dev/null\n"
            "}\n"
            f"if [ -e {self.folder}/judged ]; then\n{asks}fi\n"
            'exec "$@"\n'
        )
        script.chmod(0o755)
        return str([str(script), *self.service.command]).replace("'", '"')

    def starts(self) -> int:
        return len(self.service.starts())


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _attempts(agent, name: str) -> list[tuple[float, float, str]]:
    """Begin and end of what the ladder did, and the member it was done to."""
    found = []
    for incident in agent.ctl_json("incidents")["incidents"]:
        whole = agent.ctl_json("incident", str(incident["id"]))["incident"]
        for attempt in whole["attempts"]:
            if attempt["started"] and attempt["verified"]:
                found.append((_time(attempt["started"]), _time(attempt["verified"]), name or whole["service"]))
    return found


def _assert_one_after_the_other(attempts: list[tuple[float, float, str]]) -> None:
    attempts.sort()
    for (_, end, first), (begin, _, second) in zip(attempts, attempts[1:]):
        assert begin >= end, f"{second} while {first}: {attempts}"


class Pool:
    """Three services of one host."""

    def __init__(self, agent, folder: Path) -> None:
        self.agent, self.folder = agent, folder
        self.members = {name: Member(name, folder) for name in NAMES}

    def write_policy(self, group: str = "min_healthy: 2", members: str = "{web1: {}, web2: {}, web3: {}}") -> None:
        services = "".join(
            f"""
          {name}:
            command: {one.write_program([other for other in self.members.values() if other is not one])}
            member_of: web
            probes: {{page: {{http: {one.service.url}}}}}{BEHAVIOUR}"""
            for name, one in self.members.items()
        )
        self.agent.write_policy(f"""
        groups:
          web:
            mode: pool
            members: {members}
            lease: 6s
            {group}
        services:{services}
        """)

    def start(self) -> None:
        self.agent.start()
        for name in self.members:
            self.agent.wait_for(name, health="healthy", within=WITHIN)
        self.agent.wait_until(self.all_know_that_all_are_well, WITHIN, "each has heard of the others")

    def pools(self) -> list[dict]:
        return self.agent.groups()["pools"]

    def all_know_that_all_are_well(self) -> bool:
        return [one["healthy_members"] for one in self.pools()] == [3, 3, 3]

    def wait_for_starts(self, count: int) -> None:
        self.agent.wait_until(
            lambda: [one.starts() for one in self.members.values()] == [count] * 3, WITHIN, f"{count} starts of each"
        )
        self.agent.wait_until(self.all_know_that_all_are_well, WITHIN, "all are well again")

    def fail_all(self) -> None:
        for one in self.members.values():
            one.service.set("fail")


@pytest.fixture
def pool(agent, tmp_path) -> Pool:
    return Pool(agent, tmp_path)


def test_a_bad_release_restarts_one_after_the_other(agent, pool) -> None:
    pool.write_policy()
    pool.start()
    pool.fail_all()
    pool.wait_for_starts(2)
    attempts = _attempts(agent, "")
    assert sorted(name for *_, name in attempts) == list(NAMES), attempts
    _assert_one_after_the_other(attempts)
    assert agent.metric("recoverd_group_permits_granted_total", group="web", service="web1") == 1
    assert agent.metric("recoverd_group_healthy", group="web", service="web1") == 3
    assert agent.metric("recoverd_group_permits", group="web", service="web1") == 0


def test_a_restart_asked_for_everywhere_goes_round(agent, pool) -> None:
    pool.write_policy()
    pool.start()
    (pool.folder / "judged").touch()
    for name in NAMES:
        said = agent.ctl("restart", name)
        assert said.code == 0 and f"restart of {name} waits in line for a permit of the pool web" in said.out
    pool.wait_for_starts(2)
    assert not (pool.folder / "alone").exists(), (pool.folder / "alone").read_text()
    assert "waiting" not in agent.ctl("why", "web").out


def test_zones_are_not_disrupted_together(agent, pool) -> None:
    pool.write_policy(
        group="min_healthy: 1\n            max_disruptions: 3", members="{web1: {zone: a}, web2: {zone: a}, web3: {zone: b}}"
    )
    pool.start()
    pool.fail_all()
    pool.wait_for_starts(2)
    attempts = _attempts(agent, "")
    other = [one for one in attempts if one[2] == "web3"]
    for name in ("web1", "web2"):
        _assert_one_after_the_other([*other, *(one for one in attempts if one[2] == name)])


def test_one_that_serves_is_left_alone_until_enough_others_do(agent, pool) -> None:
    pool.write_policy()
    pool.start()
    agent.ctl("stop", "web3")
    agent.wait_for("web3", state="stopped", within=WITHIN)
    agent.wait_until(lambda: [one["healthy_members"] for one in pool.pools()] == [2, 2, 2], WITHIN, "one is missing")
    assert agent.ctl("restart", "web1").code == 0
    reason = "only 1 other members are healthy, and 2 have to stay so"
    agent.wait_until(lambda: reason in agent.ctl("why", "web").out, WITHIN, "it is said why")
    stays(lambda: pool.members["web1"].starts() == 1, 2, "it is not restarted")
    assert agent.ctl("start", "web3").code == 0  # which needs no permit
    agent.wait_until(lambda: pool.members["web1"].starts() == 2, WITHIN, "it is restarted")
    agent.wait_until(pool.all_know_that_all_are_well, WITHIN, "all are well")
    agent.ctl("stop", "web3")
    agent.wait_until(lambda: [one["healthy_members"] for one in pool.pools()] == [2, 2, 2], WITHIN, "one is missing")
    assert agent.ctl("restart", "web1").code == 0
    agent.wait_until(lambda: "restart by" in agent.ctl("why", "web").out, WITHIN, "it waits")
    assert agent.ctl("pause", "web1", "--for", "1m", "--reason", "no").code == 0
    agent.wait_until(lambda: "restart by" not in agent.ctl("why", "web").out, WITHIN, "the pause withdraws it")


class Hosts:
    """Three hosts with one member each."""

    def __init__(self, new_agent, folder: Path) -> None:
        self.folder = folder
        self.members = {name: Member(name, folder) for name in NAMES}
        self.agents = {name: new_agent() for name in NAMES}

    def start(self, coordinator: str, kind: str) -> None:
        for name, one in self.members.items():
            others = [other for other in self.members.values() if other is not one]
            self.agents[name].write_config(text=f"coordinator: {coordinator}", agent=f"host: {name}")
            self.agents[name].write_policy(f"""
        groups:
          web:
            mode: pool
            coordinator: {kind}
            members: {{web1: {{}}, web2: {{}}, web3: {{}}}}
            min_healthy: 60%
            lease: 6s
        services:
          shop:
            command: {one.write_program(others)}
            member_of: web
            probes: {{page: {{http: {one.service.url}}}}}{BEHAVIOUR}
        """)
            self.agents[name].start()
        self.wait_until(self.all_know_that_all_are_well, "each has heard of the others")

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        self.agents["web1"].wait_until(condition, WITHIN, what)

    def pool(self, name: str) -> dict:
        pools = self.agents[name].groups()["pools"]
        return pools[0] if pools else {"healthy_members": None}

    def all_know_that_all_are_well(self) -> bool:
        return [self.pool(name)["healthy_members"] for name in NAMES] == [3, 3, 3]

    def wait_for_starts(self, *counts: int) -> None:
        self.wait_until(lambda: [one.starts() for one in self.members.values()] == list(counts), f"starts: {counts}")
        self.wait_until(self.all_know_that_all_are_well, "all are well again")


@pytest.fixture
def hosts(new_agent, tmp_path) -> Hosts:
    return Hosts(new_agent, tmp_path)


def _tell_of_a_story(hosts: Hosts, freeze: Callable[[], None], thaw: Callable[[], None]) -> None:
    """`freeze` and `thaw` the coordinator."""
    one, two = hosts.agents["web1"], hosts.members["web2"]
    for member in hosts.members.values():  # a bad release
        member.service.set("fail")
    hosts.wait_for_starts(2, 2, 2)
    _assert_one_after_the_other([attempt for name, agent in hosts.agents.items() for attempt in _attempts(agent, name)])
    (hosts.folder / "judged").touch()  # a rolling restart
    for agent in hosts.agents.values():
        assert agent.ctl("restart", "shop").code == 0
    hosts.wait_for_starts(3, 3, 3)
    freeze()
    assert one.ctl("restart", "shop").code == 0
    silence = "the coordinator does not answer, so a member that serves is left alone"
    hosts.wait_until(lambda: silence in one.ctl("why", "web").out, "what serves is left alone")
    two.service.set("fail")
    hosts.wait_until(lambda: two.starts() == 4, "what is down is restarted")
    assert hosts.agents["web2"].metric("recoverd_group_permits_missed_total", group="web", service="shop") == 1
    assert hosts.members["web1"].starts() == 3
    hosts.agents["web2"].wait_for("shop", health="healthy", within=WITHIN)
    thaw()
    hosts.wait_for_starts(4, 4, 3)
    assert not (hosts.folder / "alone").exists(), (hosts.folder / "alone").read_text()


@ensemble.needs_etcd
def test_a_pool_of_three_hosts_over_etcd(hosts, start_server, tmp_path) -> None:
    etcd = ensemble.Etcd(start_server, tmp_path / "etcd")
    hosts.start(f'{{kind: etcd, servers: ["{etcd.url}"]}}', "etcd")
    _tell_of_a_story(
        hosts,
        lambda: etcd.process.send_signal(signal.SIGSTOP),
        lambda: etcd.process.send_signal(signal.SIGCONT),
    )
    # A host that is lost in the middle of a restart: its permit is free after the lease.
    lost, other = hosts.agents["web3"], hosts.members["web2"]
    hosts.members["web3"].service.set("hang")
    hosts.wait_until(lambda: hosts.pool("web1")["permits"] == ["web3/shop"], "the permit is with the third")
    lost.kill9()
    other.service.set("fail")
    hosts.wait_until(lambda: other.starts() == 5, "another is given the permit")


@ensemble.needs_zookeeper
def test_a_pool_of_three_hosts_over_zookeeper(hosts, start_server, tmp_path) -> None:
    keepers = ensemble.Ensemble(start_server, tmp_path / "zk")
    settings = dict(line.split("=", 1) for line in keepers.settings() if not line.startswith("server="))
    servers = ", ".join(f'"127.0.0.1:{port}"' for port in keepers.ports)
    hosts.start(
        f"{{kind: zookeeper, servers: [{servers}], user: {settings['user']}, password_file: {settings['password_file']}}}",
        "zookeeper",
    )
    _tell_of_a_story(hosts, keepers.pause, keepers.resume)
