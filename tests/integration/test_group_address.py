"""The address of a group: taken with its active member unless another machine has it, announced, and given back,
in a network namespace with another host at the end of a cable."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from support.agent import program
from support.cable import Cable, laid
from support.executor import Connection, Executor
from support.waiting import wait_until

V4, V6 = "192.0.2.10", "2001:db8::10"
WRONG = "02:00:00:00:00:99"


class Network(Cable):
    """Two hosts, each with an address of both families."""

    def addresses(self, number: int) -> list[tuple[str, ...]]:
        return [(f"192.0.2.{number}/24",), (f"2001:db8::{number}/64", "nodad")]

    def has(self, host: str, address: str) -> bool:
        return f" {address}/" in self.ip(host, "-o", "address", "show")

    def mac(self, host: str) -> str:
        found = re.search(r"link/ether (\S+)", self.ip(host, "link", "show", "eth0"))
        assert found
        return found.group(1)

    def neighbour(self, host: str, address: str) -> str:
        """The MAC under which this host sends to that address; "" when it does not know any."""
        found = re.search(rf"^{address} .*lladdr (\S+)", self.ip(host, "neighbour", "show"), re.MULTILINE)
        return found.group(1) if found else ""


@pytest.fixture
def network() -> Iterator[Cable]:
    yield from laid(Network())


def _start(executor: Executor, network: Network, address: str, *wrapper: str) -> Connection:
    config = executor.home / "recoverd.yaml"
    config.write_text("version: 1\nagent: {host: here}\n")
    config.chmod(0o644)
    executor.write_policy(f"""
        groups:
          shop:
            mode: active-standby
            coordinator: zookeeper
            members: {{here: {{}}, there: {{}}}}
            lease: 30s
            margin: 100ms
            stop_timeout: 500ms
            address: {address}
        services:
          web: {{command: [/bin/sleep, 1000], log: none, member_of: shop}}
    """)
    executor.wrapper = network.inside(network.own, *wrapper)
    return executor.start("--config", str(config))


def _failed(agent: Connection) -> str:
    agent.wait_for_role("web", "standby")
    agent.guard("web", 1, seconds=25)
    answer = agent.do("web", "promote")
    assert answer["type"] == "done" and "ok" not in answer, answer
    assert agent.role("web")["role"] == "standby"
    assert "running" not in agent.service("web")
    return answer["text"]


@pytest.mark.parametrize("address, prefix", [(V4, 24), (V6, 64)])
def test_taken_announced_and_given_back(executor, network, address: str, prefix: int) -> None:
    network.ip(network.other, "neighbour", "replace", address, "lladdr", WRONG, "dev", "eth0", "nud", "stale")
    agent = _start(executor, network, f"{address}/{prefix} dev eth0")
    agent.promote("web", 1, seconds=25)
    assert network.has(network.own, address)
    mac = network.mac(network.own)
    wait_until(lambda: network.neighbour(network.other, address) == mac, 10, "the other host sends to the new place")
    family = "-6" if ":" in address else "-4"
    subprocess.run(network.inside(network.other, "ping", family, "-c1", "-W5", address), check=True, capture_output=True)
    assert agent.do("web", "demote")["ok"] == "1"
    assert not network.has(network.own, address)


@pytest.mark.parametrize("address, prefix", [(V4, 24), (V6, 64)])
def test_another_machine_has_it(executor, network, address: str, prefix: int) -> None:
    nodad = ["nodad"] if ":" in address else []
    network.ip(network.other, "address", "add", f"{address}/{prefix}", "dev", "eth0", *nodad)
    agent = _start(executor, network, f"{address}/{prefix} dev eth0")
    text = f"{address}/{prefix} dev eth0: another machine has it: {network.mac(network.other)}"
    assert _failed(agent) == text
    assert not network.has(network.own, address)


def test_another_interface_of_this_host_has_it(executor, network) -> None:
    agent = _start(executor, network, f"{V4}/24 dev eth0")
    agent.wait_for_role("web", "standby")
    network.ip(network.own, "address", "add", f"{V4}/32", "dev", "lo")
    assert _failed(agent) == f"{V4}/24 dev eth0: lo of this host has it already"


@pytest.mark.parametrize("device, text", [("eth7", "eth7: No such device"), ("eth0", "eth0: is down")])
def test_an_interface_that_cannot_have_it(executor, network, device: str, text: str) -> None:
    network.ip(network.own, "link", "set", "eth0", "down")
    agent = _start(executor, network, f"{V4}/24 dev {device}")
    assert text in _failed(agent)


def test_the_time_of_a_lease_ends_the_address_too(executor, network) -> None:
    agent = _start(executor, network, f"{V4}/24 dev eth0")
    agent.promote("web", 1, seconds=5)
    assert network.has(network.own, V4)
    agent.close()
    wait_until(lambda: not network.has(network.own, V4), 15, "it is given back without any agent")


def test_an_executor_that_was_killed_gives_back_what_it_took(executor, network) -> None:
    agent = _start(executor, network, f"{V4}/24 dev eth0")
    agent.promote("web", 1, seconds=25)
    executor.kill9()
    path = executor.policies / "test.yaml"
    path.write_text(path.read_text().replace(V4, "192.0.2.11"))
    agent = executor.start("--config", str(executor.home / "recoverd.yaml"))
    assert agent.role("web")["role"] == "active"
    assert agent.do("web", "demote")["ok"] == "1"
    assert not network.has(network.own, V4), "also where the policy names another one by now"


def test_a_host_that_is_slow_to_ask_its_neighbours(executor, network, tmp_path) -> None:
    """Longer than two seconds, as one that has just taken over the work of another may be."""
    real, slow = program("recoverd-neighbour"), tmp_path / "recoverd-neighbour"
    shutil.copy(real, tmp_path / "real")
    slow.write_text(f'#!/bin/sh\n[ "$1" = announce ] || sleep 3\nexec {tmp_path}/real "$@"\n')
    slow.chmod(0o755)
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    mounting = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", str(slow), str(real)]
    agent = _start(executor, network, f"{V4}/24 dev eth0", *mounting)
    agent.promote("web", 1, seconds=25)
    assert network.has(network.own, V4)


def test_a_standby_does_not_have_it(executor, network) -> None:
    """Whoever put it there: one that is written down in the network settings of two hosts is a conflict."""
    network.ip(network.own, "address", "add", f"{V4}/24", "dev", "eth0")
    agent = _start(executor, network, f"{V4}/24 dev eth0")
    agent.wait_for_role("web", "standby")
    assert not network.has(network.own, V4)


def test_the_program_by_hand(network) -> None:
    def run(*words: str) -> tuple[int, str]:
        command = network.inside(network.own, str(program("recoverd-neighbour")), *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    assert run("probe", "192.0.2.2", "eth0") == (3, network.mac(network.other) + "\n")
    assert run("probe", "192.0.2.200", "eth0") == (0, "")
    assert run("probe", "192.0.2.200", "lo") == (0, "")
    assert run("announce", "192.0.2.200", "eth0") == (1, "recoverd-neighbour: eth0 does not have the address\n")
    status, text = run("probe", "somewhere", "eth0")
    assert status == 2 and text.startswith("usage: recoverd-neighbour probe|announce ADDRESS INTERFACE")
