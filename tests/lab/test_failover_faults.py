"""A group over three hosts with a real coordinator lives through each fault of a table, and through two at once at random.
A judge outside of all agents sees who writes, and who answers on the address, every 10 ms: never two, and no write is lost.

RECOVERD_FAULTS is the number of rounds at random (none), RECOVERD_SEED repeats them. Of the table each fault is had with one of the
coordinators, those of the coordinator itself with both; where RECOVERD_FAULTS is set all are had with both, or those that
RECOVERD_ONLY names, with commas."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cluster import Cluster, cluster
from support.ensemble import needs_etcd, needs_zookeeper
from support.faults import FAULTS, Fault
from support.real_servers import RealServers

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

ROUNDS = int(os.environ.get("RECOVERD_FAULTS", 0))
ALL = "RECOVERD_FAULTS" in os.environ
ONLY = os.environ.get("RECOVERD_ONLY")


def _is_chosen(fault: Fault, kind: str) -> bool:
    return fault.name in ONLY.split(",") if ONLY is not None else ALL or fault.briefly_with in ("", kind)


@pytest.fixture(params=[pytest.param("zookeeper", marks=needs_zookeeper), pytest.param("etcd", marks=needs_etcd)])
def group(lab, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    servers = RealServers(tmp_path / "servers.log")
    with cluster(lab, request.param, servers, tmp_path) as made:
        request.node.hosts = list(made.hosts.values())
        yield made


def _tell(group: Cluster, name: str, began: float) -> None:
    gap = group.judge.read().longest_gap(began)
    print(f"{group.coordinator.name}: {name}: {gap * 1000:.0f} ms without an active", flush=True)


def _live_through(group: Cluster, fault: Fault) -> None:
    active, began = group.settle().who, time.monotonic()
    host = group.hosts[active.host]
    fault.begin(group, host)
    fault.expect(group, active.host, active.token)
    fault.end(group, host)
    group.settle()
    _tell(group, fault.name, began)


def _live_through_two(group: Cluster, chance: random.Random) -> None:
    """On two hosts, one of which may be the active one, at moments that are anyhow within two leases."""
    group.settle()
    began = time.monotonic()
    faults = chance.sample([fault for fault in FAULTS if fault.together], 2)
    struck = list(zip(faults, chance.sample(list(group.hosts.values()), 2)))
    name = " and ".join(f"{fault.name} ({host.name})" for fault, host in struck)
    print(name, flush=True)
    for fault, host in struck:
        fault.begin(group, host)
        time.sleep(chance.uniform(0, group.lease))  # as in life
        group.judge.check()
    for fault, host in chance.sample(struck, 2):
        fault.end(group, host)
        time.sleep(chance.uniform(0, 1))
    group.settle()
    _tell(group, name, began)


def test_every_fault_and_some_at_once(group: Cluster) -> None:
    for fault in FAULTS:
        if not _is_chosen(fault, group.coordinator.name):
            continue
        _live_through(group, fault)
    seed = int(os.environ.get("RECOVERD_SEED", time.time_ns() % 100_000))
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        _live_through_two(group, chance)
    record = group.judge.read()
    assert record.faults() == []
    print(f"{group.coordinator.name}: {len(record.moments)} writes, {record.refused} refused; overlap 0 ms, lost 0")
